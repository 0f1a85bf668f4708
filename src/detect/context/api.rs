//! Values near an address of GitLab's API, and under keys that only its clients have.

use std::ops::Range;

use memchr::{memchr, memchr2_iter, memmem, memrchr};

use super::Found;
use super::near::{command_end, command_start, ends_with, is_hex64, names_gitlab, window};
use super::user::is_of_gitlab;
use crate::detect::alphabet::{is_word, run_length};
use crate::detect::assignment::{assigned, unquote};
use crate::rules::Alphabet;

/// What the API's addresses hold.
const API: &[u8] = b"/api/v4/";

/// The most bytes of an address before its path.
const MAX_ORIGIN: usize = 256;

/// The `i/v4/` at `word`, if it is of an address of GitLab: other programs have an `/api/v4/` too, with other
/// resources.
pub(super) fn path(text: &[u8], word: usize) -> Option<usize> {
    const RESOURCES: [&[u8]; 5] = [
        b"projects/",
        b"groups/",
        b"packages/",
        b"feature_flags/",
        b"jobs/",
    ];
    let path = &text[word + "i/v4/".len()..];
    let is_api = text[..word].ends_with(b"/ap")
        && RESOURCES.iter().any(|resource| path.starts_with(resource));
    is_api.then_some(word)
}

/// `https://me:…@git.example/api/v4/projects/7/packages/pypi/simple`, of users that no other place knows.
pub(super) fn address(text: &[u8], word: usize, found: Found<'_>) {
    let start = word.saturating_sub(MAX_ORIGIN);
    let Some(scheme) = memmem::rfind(&text[start..word], b"://") else {
        return;
    };
    let start = start + scheme + "://".len();
    let origin = &text[start..word - "/ap".len()];
    let is_whole = origin.iter().all(u8::is_ascii_graphic) && memchr(b'/', origin).is_none();
    let Some(at) = memrchr(b'@', origin).filter(|_| is_whole) else {
        return;
    };
    match memchr(b':', &origin[..at]) {
        None => found(start),
        Some(colon) if !is_of_gitlab(&origin[..colon]) && origin[..colon] != *b"oauth2" => {
            found(start + colon + 1);
        }
        Some(_) => {}
    }
}

/// `password` of the section of a `.pypirc` whose repository is one of GitLab, and `password=` of a command with
/// such an address, as for a backend of Terraform.
pub(super) fn password(text: &[u8], word: usize, found: Found<'_>) {
    if let Some(section) = section(text, word) {
        return keys(text, section, b"password").into_iter().for_each(found);
    }
    let command = command_start(text, word)..command_end(text, word);
    let name = b"password=";
    for at in memmem::find_iter(&text[command.clone()], name) {
        let at = command.start + at;
        if at > 0 && matches!(text[at - 1], b' ' | b'\t' | b'"' | b'\'' | b'=') {
            let value = unquote(&text[at + name.len()..]);
            found(text.len() - value.len());
        }
    }
}

/// The section of an INI file around `at`: its header, and what follows up to the next.
fn section(text: &[u8], at: usize) -> Option<Range<usize>> {
    let near = window(text, at);
    let before = &text[near.start..at];
    let start = match memmem::rfind(before, b"\n[") {
        Some(newline) => near.start + newline + 1,
        None if near.start == 0 && text.starts_with(b"[") => 0,
        None => return None,
    };
    let after = &text[at..near.end];
    Some(start..at + memmem::find(after, b"\n[").unwrap_or(after.len()))
}

/// The values of `key` at the beginnings of lines in `range`.
fn keys(text: &[u8], range: Range<usize>, key: &[u8]) -> Vec<usize> {
    let mut values = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let line = &text[at..range.end];
        let length = memchr(b'\n', line).unwrap_or(line.len());
        let name = at + length - line[..length].trim_ascii_start().len() + key.len();
        if line[..length].trim_ascii_start().starts_with(key) {
            values.extend(assigned(text, name));
        }
        at += length + 1;
    }
    values
}

/// The word `_PASSWORD` of the name of a variable that a client of the API reads.
pub(super) fn password_name(text: &[u8], word: usize) -> Option<usize> {
    let before = &text[..word];
    (before.ends_with(b"TF_HTTP") || before.ends_with(b"TWINE")).then_some(word)
}

/// `TF_HTTP_PASSWORD=…` and `TWINE_PASSWORD=…`, with an address of the API near.
pub(super) fn password_variable(text: &[u8], word: usize, found: Found<'_>) {
    let near = &text[window(text, word)];
    if memmem::find(near, API).is_some() {
        let name = word + "_PASSWORD".len();
        assigned(text, name).into_iter().for_each(found);
    }
}

/// `<add key="ClearTextPassword" value="…" />` of a source of `NuGet` that is named after GitLab, or whose address
/// above is one of GitLab.
pub(super) fn nuget(text: &[u8], word: usize, found: Found<'_>) {
    let before = &text[window(text, word).start..word];
    let source = memchr::memrchr_iter(b'<', before).find_map(|open| {
        let tag = &before[open + 1..];
        let name = &tag[..run_length(Alphabet::Base64url, tag, 128)];
        (!name.is_empty() && name != b"add").then_some(name)
    });
    let Some(source) = source else {
        return;
    };
    let is_of_gitlab = |key: usize| {
        let rest = before[key + "key=\"".len()..].strip_prefix(source);
        rest.and_then(|rest| rest.strip_prefix(b"\""))
            .is_some_and(|rest| {
                let element = &rest[..memchr(b'>', rest).unwrap_or(0)];
                names_gitlab(element) || memmem::find(element, API).is_some()
            })
    };
    if names_gitlab(source) || memmem::find_iter(before, b"key=\"").any(is_of_gitlab) {
        let name = word + "\"ClearTextPassword".len();
        assigned(text, name).into_iter().for_each(found);
    }
}

/// `token` beside `api_protocol` of a host in the settings of glab, with `api_host` or GitLab named near.
pub(super) fn glab(text: &[u8], word: usize, found: Found<'_>) {
    let near = window(text, word);
    let line = memrchr(b'\n', &text[near.start..word]).map_or(near.start, |at| near.start + at + 1);
    let indent = &text[line..word];
    if indent.is_empty() || !indent.iter().all(|byte| *byte == b' ') {
        return;
    }
    let mut has_host = names_gitlab(&text[near.clone()]);
    let mut tokens = Vec::new();
    let mut at = near.start;
    while at < near.end {
        let line = &text[at..near.end];
        let length = memchr(b'\n', line).unwrap_or(line.len());
        if let Some(key) = line[..length].strip_prefix(indent) {
            has_host |= key.starts_with(b"api_host:");
            if key.starts_with(b"token:") {
                tokens.extend(assigned(text, at + indent.len() + "token".len()));
            }
        }
        at += length + 1;
    }
    if has_host {
        tokens.into_iter().for_each(found);
    }
}

/// `access_token` and `refresh_token` of an answer of GitLab: GitLab named near, or a scope that only it has.
pub(super) fn token_response(text: &[u8], word: usize, found: Found<'_>) {
    const SCOPES: [&[u8]; 5] = [
        b"read_api",
        b"read_user",
        b"read_repository",
        b"write_repository",
        b"read_registry",
    ];
    let hex = |name: usize| assigned(text, name).filter(|value| is_hex64(text, *value));
    let Some(refresh) = hex(word + "refresh_token".len()) else {
        return;
    };
    let near = window(text, word);
    let around = &text[near.clone()];
    let is_of_gitlab = names_gitlab(around)
        || SCOPES
            .iter()
            .any(|scope| memmem::find(around, scope).is_some());
    let name = b"access_token";
    let mut names = memmem::find_iter(around, name);
    let access = names.find_map(|at| hex(near.start + at + name.len()));
    if let Some(access) = access.filter(|_| is_of_gitlab) {
        found(refresh);
        found(access);
    }
}

/// The instance id of a client of feature flags near the address that it asks:
/// `/api/v4/feature_flags/unleash/7`.
pub(super) fn instance_id(text: &[u8], word: usize, found: Found<'_>) {
    let path = &text[word + "i/v4/".len()..];
    if !path.starts_with(b"feature_flags/unleash") {
        return;
    }
    let near = window(text, word);
    for at in memchr2_iter(b'd', b'D', &text[near.clone()]) {
        let end = near.start + at + 1;
        let before = &text[..end];
        let is_name = [b"instance_id".as_slice(), b"instanceid", b"instance-id"]
            .iter()
            .any(|name| ends_with(before, name));
        if is_name && text.get(end).is_none_or(|byte| !is_word(*byte)) {
            let value = match text.get(end) {
                Some(b'(') => Some(text.len() - unquote(&text[end + 1..]).len()),
                _ => assigned(text, end),
            };
            value.into_iter().for_each(&mut *found);
        }
    }
}
