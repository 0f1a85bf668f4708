//! Passwords that a command is given: `docker login -p …`, `curl -u user:…`, `--password …`, where the command
//! names GitLab.

use memchr::{memchr_iter, memmem};

use super::Found;
use super::near::{command_end, command_start, names_gitlab};
use super::user::is_of_gitlab;
use crate::detect::alphabet::is_word;
use crate::detect::assignment::{assigned, next_word, trim_blanks, unquote};

/// What follows the name of a program that logs in to registries, at `word`.
pub(super) fn command(text: &[u8], word: usize) -> Option<usize> {
    let before = &text[..word];
    (before.ends_with(b"docker") || before.ends_with(b"podman")).then_some(word)
}

/// `docker login -u me -p … registry.gitlab.example`
pub(super) fn login(text: &[u8], word: usize, found: Found<'_>) {
    let Some(command) = command_of_gitlab(text, word) else {
        return;
    };
    for (at, option) in options(command) {
        if option.starts_with(b"p") && !option.starts_with(b"password") {
            found(word + at + option.len() - value(&option[1..]).len());
        }
    }
}

/// `--password …` and `--docker-password=…` of any command.
pub(super) fn password(text: &[u8], word: usize, found: Found<'_>) {
    let start = command_start(text, word);
    let before = &text[start..word];
    let option = before.iter().rposition(|byte| !is_word(*byte));
    let is_option = text[option.map_or(start, |at| start + at + 1)..].starts_with(b"-");
    let start = start + simple_start(before);
    if !is_option || command_of_gitlab(text, start).is_none() {
        return;
    }
    let name = word + "-password".len();
    assigned(text, name)
        .or_else(|| next_word(text, name))
        .into_iter()
        .for_each(found);
}

/// `curl -u me:…` and `curl --user me:…`
pub(super) fn user(text: &[u8], word: usize, found: Found<'_>) {
    let user = |option: &'_ [u8]| -> Option<usize> {
        [b"-user".as_slice(), b"u"]
            .iter()
            .find(|name| option.starts_with(name))
            .map(|name| name.len())
    };
    // Most calls have no such option, which is told sooner than whose they are.
    let line = &text[word..command_end(text, word)];
    if !options(line).any(|(_, option)| user(option).is_some()) {
        return;
    }
    let Some(command) = command_of_gitlab(text, word) else {
        return;
    };
    for (at, option) in options(command) {
        let Some(rest) = user(option).map(|length| &option[length..]) else {
            continue;
        };
        let pair = value(rest);
        let end = pair.iter().position(|byte| !byte.is_ascii_graphic());
        let pair = &pair[..end.unwrap_or(pair.len())];
        let from = word + at + option.len() - value(rest).len();
        let mut colons = memchr_iter(b':', pair);
        if let Some(colon) = colons.next()
            && !is_of_gitlab(&pair[..colon])
        {
            found(from + colon + 1);
        }
    }
}

/// What an option is given: behind blanks, `=`, nothing, in quotes or not.
fn value(rest: &[u8]) -> &[u8] {
    let rest = trim_blanks(rest);
    unquote(rest.strip_prefix(b"=").unwrap_or(rest))
}

/// The options in `command`: where each begins behind its first hyphen, and what follows.
fn options(command: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    memchr_iter(b'-', command)
        .filter(|at| *at > 0 && command[at - 1].is_ascii_whitespace())
        .map(|at| (at + 1, &command[at + 1..]))
}

/// The command from `start` on, if it names GitLab or its API, and none of the users that GitLab gives
/// names to: their passwords are found by these.
fn command_of_gitlab(text: &[u8], start: usize) -> Option<&[u8]> {
    let command = &text[start..command_end(text, start)];
    let command = &command[..simple_end(command)];
    let is_of_gitlab = names_gitlab(command) || memmem::find(command, b"/api/v4/").is_some();
    let has_user = [b"gitlab-ci-token".as_slice(), b"gitlab+deploy-token-"]
        .iter()
        .any(|user| memmem::find(command, user).is_some());
    (is_of_gitlab && !has_user).then_some(command)
}

/// What separates one command from the next on a line.
const SEPARATORS: [&[u8]; 4] = [b"&&", b"||", b" | ", b"; "];

/// Where the last command of a line begins.
fn simple_start(line: &[u8]) -> usize {
    let starts = SEPARATORS.iter().filter_map(|sign| {
        let at = memmem::rfind(line, sign)?;
        Some(at + sign.len())
    });
    starts.max().unwrap_or(0)
}

/// Where the first command of a line ends.
fn simple_end(line: &[u8]) -> usize {
    let ends = SEPARATORS
        .iter()
        .filter_map(|sign| memmem::find(line, sign));
    ends.min().unwrap_or(line.len())
}
