//! What stands near a place: the command, the block, the name of GitLab.

use std::ops::Range;

use memchr::{memchr, memchr2, memmem, memrchr};

use super::super::alphabet::run_length;
use super::super::assignment::REACH;
use crate::rules::Alphabet;

/// Where the command around `at` begins: its line, with the lines before that end in a backslash.
pub(super) fn command_start(text: &[u8], at: usize) -> usize {
    let floor = at.saturating_sub(REACH);
    let mut start = at;
    while let Some(newline) = memrchr(b'\n', &text[floor..start]) {
        let before = &text[floor..floor + newline];
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        if !before.ends_with(b"\\") {
            return floor + newline + 1;
        }
        start = floor + newline;
    }
    floor
}

/// Where it ends.
pub(super) fn command_end(text: &[u8], at: usize) -> usize {
    let ceiling = text.len().min(at + REACH);
    let mut end = at;
    while let Some(newline) = memchr(b'\n', &text[end..ceiling]) {
        let before = &text[at..end + newline];
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        if !before.ends_with(b"\\") {
            return end + newline;
        }
        end += newline + 1;
    }
    ceiling
}

/// Length of what at the start of `text` belongs to the same block of lines and the same object: no
/// empty line, no brace.
pub(super) fn block(text: &[u8]) -> usize {
    let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
    let mut end = memchr2(b'{', b'}', text).unwrap_or(text.len());
    let mut at = 0;
    while let Some(newline) = memchr(b'\n', &text[at..end]) {
        if at > 0 && is_blank(&text[at..at + newline]) {
            end = at;
            break;
        }
        at += newline + 1;
    }
    end
}

/// Asked before the surroundings are, so that those are read for few words.
pub(super) fn is_hex64(text: &[u8], at: usize) -> bool {
    run_length(Alphabet::Hex, &text[at..], 65) == 64
}

/// What is near `at`.
pub(super) fn window(text: &[u8], at: usize) -> Range<usize> {
    at.saturating_sub(REACH)..text.len().min(at + REACH)
}

pub(super) fn is_near_gitlab(text: &[u8], at: usize) -> bool {
    names_gitlab(&text[window(text, at)])
}

pub(super) fn is_near_api(text: &[u8], at: usize) -> bool {
    let near = &text[window(text, at)];
    names_gitlab(near) || memmem::find(near, b"/api/v4/").is_some()
}

/// Whether `text` holds the name, in any case.
pub(super) fn names_gitlab(text: &[u8]) -> bool {
    const NAME: &[u8] = b"gitlab";
    let mut rest = text;
    while let Some(at) = memchr2(b'g', b'G', rest) {
        rest = &rest[at..];
        if rest
            .get(..NAME.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(NAME))
        {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// Whether `text` ends in `ending`, in any case.
pub(super) fn ends_with(text: &[u8], ending: &[u8]) -> bool {
    text.len()
        .checked_sub(ending.len())
        .is_some_and(|from| text[from..].eq_ignore_ascii_case(ending))
}
