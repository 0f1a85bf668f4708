//! Lists whose elements are joined with nothing between them.

use super::joint::{blanks, joint_length};
use super::{MAX_PARTS, part_length};
use crate::detect::alphabet::is_word;

/// How far before its first part a list begins.
const BEFORE: usize = 128;

/// Whether the literals around a token are elements of such a list, which is looked up when it matters.
pub(super) struct List {
    start: usize,
    is_joined: Option<bool>,
}

impl List {
    /// The list of which the element at `start` is one, if there is any.
    pub(super) const fn at(start: usize) -> Self {
        Self {
            start,
            is_joined: None,
        }
    }

    /// Length of what separates the element that ends at `end` from the next, if they are joined.
    pub(super) fn joint(&mut self, text: &[u8], end: usize) -> Option<usize> {
        let length = comma_length(&text[end..])?;
        let start = self.start;
        let is_joined = *self
            .is_joined
            .get_or_insert_with(|| is_joined_before(text, start) || is_joined_after(text, end));
        is_joined.then_some(length)
    }
}

/// Length of the quotation mark, comma and quotation mark between two elements.
fn comma_length(text: &[u8]) -> Option<usize> {
    let rest = after_quote(text)?;
    let rest = rest[blanks(rest)..].strip_prefix(b",")?;
    let rest = after_quote(&rest[blanks(rest)..])?;
    Some(text.len() - rest.len())
}

/// What follows a quotation mark, which a string in a string escapes.
fn after_quote(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"\\").unwrap_or(text);
    matches!(rest.first(), Some(b'"' | b'\'' | b'`')).then(|| &rest[1..])
}

/// An empty string, as what a list is joined with.
const NOTHING: [&[u8]; 3] = [b"\"\"", b"''", b"``"];

/// Whether what stands before the first element joins the list: `"".join([`, `join("", [`, `concat!(`,
/// `implode('', [`, `String.join("", `.
fn is_joined_before(text: &[u8], start: usize) -> bool {
    let before = &text[start.saturating_sub(BEFORE)..start];
    let Some(open) = before.iter().rposition(|byte| b"[({".contains(byte)) else {
        return false;
    };
    let (head, elements) = (&before[..open], &before[open + 1..]);
    let ends_with = |text: &[u8], name: &[u8]| {
        let from = text.len().checked_sub(name.len());
        from.is_some_and(|from| text[from..].eq_ignore_ascii_case(name))
    };
    let head = head.trim_ascii_end();
    if before[open] == b'(' {
        let first = elements.trim_ascii_start();
        let is_plain = NOTHING.iter().any(|nothing| first.starts_with(nothing));
        if ends_with(head, b"concat")
            || ends_with(head, b"concat!")
            || (is_plain && ends_with(head, b"join"))
        {
            return true;
        }
    }
    let head = ["array", "list"]
        .iter()
        .find(|name| before[open] == b'(' && ends_with(head, name.as_bytes()))
        .map_or(head, |name| {
            head[..head.len() - name.len()].trim_ascii_end()
        });
    NOTHING.iter().any(|nothing| {
        // The list behind what it is joined with, or a call of it.
        let behind = head.strip_suffix(b",").map(<[u8]>::trim_ascii_end);
        let behind = behind.and_then(|head| head.strip_suffix(*nothing));
        let is_behind = behind
            .map(<[u8]>::trim_ascii_end)
            .is_some_and(|head| ends_with(head, b"join(") || ends_with(head, b"implode("));
        let called = head.strip_suffix(b".join(");
        is_behind || called.is_some_and(|head| head.ends_with(nothing))
    })
}

/// Whether what follows the last element joins the list: `].join('')`, `}, "")` of `strings.Join`.
fn is_joined_after(text: &[u8], end: usize) -> bool {
    let mut end = end;
    for _ in 0..MAX_PARTS {
        let joint = joint_length(&text[end..]).or_else(|| comma_length(&text[end..]));
        let Some(length) = joint else {
            break;
        };
        end += length;
        end += part_length(&text[end..]);
    }
    let Some(rest) = after_quote(&text[end..]) else {
        return false;
    };
    let rest = &rest[blanks(rest)..];
    let rest = rest.strip_prefix(b",").unwrap_or(rest);
    let rest = &rest[blanks(rest)..];
    let is_nothing = |rest: &[u8]| {
        let rest = &rest[blanks(rest)..];
        NOTHING.iter().any(|nothing| rest.starts_with(nothing))
    };
    match rest {
        [b']', rest @ ..] => rest[blanks(rest)..]
            .strip_prefix(b".join")
            .is_some_and(|rest| match rest {
                [b'(', rest @ ..] => is_nothing(rest),
                // Ruby, which joins with nothing unless told otherwise.
                [b' ', rest @ ..] if matches!(rest.first(), Some(b'"' | b'\'')) => is_nothing(rest),
                rest => rest.first().is_none_or(|byte| !is_word(*byte)),
            }),
        [b'}', b',', rest @ ..] => is_nothing(rest),
        _ => false,
    }
}
