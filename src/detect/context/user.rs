//! Passwords by the name of their user: those that only GitLab has, and any where a registry or an
//! address of GitLab says whose they are. Every token is a password of Git, registries and packages.

use std::ops::Range;

use memchr::{memchr, memchr2_iter, memmem, memrchr, memrchr2};

use super::near::{block, command_start, ends_with, names_gitlab};
use super::{Found, REACH};
use crate::detect::alphabet::{is_word, run_length};
use crate::detect::assignment::{assigned, next_word, trim_blanks, unquote};
use crate::rules::Alphabet;

/// How far from the name of a user the password is looked for.
const PAIR: usize = 256;

/// The most bytes of a user's name.
const MAX_NAME: usize = 128;

/// Whether GitLab gives the name to the users of its job and deploy tokens: what stands beside one is a
/// token of that kind.
pub(super) fn is_of_gitlab(name: &[u8]) -> bool {
    name == b"gitlab-ci-token" || name.starts_with(b"gitlab+deploy-token-")
}

/// The password of `gitlab-ci-token`, behind the name and a colon or under a key of its own.
pub(super) fn job_token(text: &[u8], user: usize, found: Found<'_>) {
    let user = user..user + "gitlab-ci-token".len();
    password(text, user).into_iter().for_each(found);
}

/// The same of `gitlab+deploy-token-7`, also with an encoded `+`.
pub(super) fn deploy_token(text: &[u8], word: usize, found: Found<'_>) {
    let before = &text[..word];
    let host = ["gitlab+", "gitlab%2b"]
        .iter()
        .find(|host| ends_with(before, host.as_bytes()));
    let number = word + "deploy-token-".len();
    let end = number + run_length(Alphabet::Digits, &text[number..], 12);
    if let Some(host) = host
        && end > number
    {
        password(text, word - host.len()..end)
            .into_iter()
            .for_each(found);
    }
}

/// The password of the user whose name stands at `user`.
fn password(text: &[u8], user: Range<usize>) -> Option<usize> {
    match text.get(user.end) {
        Some(b':') => Some(user.end + 1),
        Some(byte) if is_word(*byte) => None,
        _ => beside(text, &user),
    }
}

/// The password under a key or option of its own, behind the user and within the same block and
/// object, else before it in the same command.
fn beside(text: &[u8], user: &Range<usize>) -> Option<usize> {
    let end = text.len().min(user.end + PAIR);
    let after = &text[user.end..end];
    let after = &after[..block(after)];
    let start = command_start(text, user.start).max(user.start.saturating_sub(PAIR));
    let open = memrchr2(b'{', b'}', &text[start..user.start]);
    let before = open.map_or(start, |at| start + at + 1);
    // In a `.netrc` keys and values are words alike.
    let is_netrc = text[..user.start].trim_ascii_end().ends_with(b"login");
    keyed(text, user.end..user.end + after.len(), is_netrc)
        .or_else(|| keyed(text, before..user.start, is_netrc))
}

/// The first value in `range` of a name that ends in `password`, or of an option `-p`.
fn keyed(text: &[u8], range: Range<usize>, is_netrc: bool) -> Option<usize> {
    let part = &text[range.clone()];
    memchr2_iter(b'p', b'P', part).find_map(|at| {
        let name = range.start + at;
        let rest = &text[name..range.end];
        let is_option = |from: usize| text[..from].ends_with(b" -");
        if rest
            .get(..8)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"password"))
        {
            let start = text[..name].iter().rposition(|byte| !is_word(*byte));
            let is_long = text[start.map_or(0, |at| at + 1)..].starts_with(b"-");
            assigned(text, name + 8)
                .or_else(|| next_word(text, name + 8).filter(|_| is_long || is_netrc))
        } else if rest[0] == b'p' && is_option(name) {
            // `-p value`, `-p=value`, `-pvalue`
            let value = trim_blanks(&rest[1..]);
            let value = value.strip_prefix(b"=").unwrap_or(value);
            Some(range.end - unquote(value).len())
        } else {
            None
        }
    })
}

/// The key `"auth"`, which a string in a string escapes.
pub(super) fn auth_key(text: &[u8], word: usize) -> Option<usize> {
    let end = text.get(word + "\"auth".len());
    matches!(end, Some(b'"' | b'\\')).then_some(word)
}

/// `"auth": "…"` of a registry of GitLab, whose name is the key of the object.
pub(super) fn docker_auth(text: &[u8], word: usize, found: Found<'_>) {
    let end = word + "\"auth".len();
    let before = &text[word.saturating_sub(REACH)..word];
    let Some(open) = memrchr(b'{', before) else {
        return;
    };
    let Some(key) = before[..open].trim_ascii_end().strip_suffix(b":") else {
        return;
    };
    let key = key.trim_ascii_end();
    let Some(key) = key.strip_suffix(b"\"") else {
        return;
    };
    let host = memrchr(b'"', key).map_or(key, |quote| &key[quote..]);
    if names_gitlab(host) {
        assigned(text, end).into_iter().for_each(found);
    }
}

/// The word `Basic` behind the name of the header.
pub(super) fn basic_name(text: &[u8], word: usize) -> Option<usize> {
    let before = &text[word.saturating_sub(32)..word];
    let name = before.iter().rposition(|byte| is_word(*byte));
    let name = name.map_or(0, |last| last + 1);
    ends_with(&before[..name], b"authorization").then_some(word)
}

/// `Authorization: Basic …` of a request to GitLab.
pub(super) fn basic_header(text: &[u8], word: usize, found: Found<'_>) {
    let near = near_header(text, word);
    if names_gitlab(near) || memmem::find(near, b"/api/v4/").is_some() {
        found(word + "Basic ".len());
    }
}

/// The block of lines around a header.
fn near_header(text: &[u8], at: usize) -> &[u8] {
    let start = at.saturating_sub(PAIR);
    let before = &text[start..at];
    let start = start + memmem::rfind(before, b"\n\n").unwrap_or(0);
    let after = &text[at..text.len().min(at + PAIR + MAX_NAME)];
    let end = at + memmem::find(after, b"\n\n").unwrap_or(after.len());
    &text[start..end]
}

/// Whether the value at `value` is the last thing in `text`.
pub(super) fn is_last(text: &[u8], value: usize) -> bool {
    let rest = &text[value..];
    let rest = &rest[run_length(Alphabet::Base64url, rest, 65)..];
    matches!(rest, b"" | b"\n" | b"\r\n")
}

/// Where the password begins in `user:password`, which is the whole of `text`; none of the users that
/// [`job_token`] and [`deploy_token`] know.
pub(in crate::detect) fn of_pair(text: &[u8]) -> Option<usize> {
    let colon = memchr(b':', &text[..text.len().min(MAX_NAME)])?;
    let (name, value) = (&text[..colon], colon + 1);
    let is_name = name.iter().all(u8::is_ascii_graphic);
    (is_name && !is_of_gitlab(name) && is_last(text, value)).then_some(value)
}
