//! Folded scalars of YAML: `key: >-` and the indented lines below it.

use memchr::{memchr, memrchr};

use crate::detect::alphabet::is_word;

/// How far above a line the key of its scalar is looked for.
const ABOVE: usize = 1024;

/// The most bytes of indentation.
const MAX_INDENT: usize = 64;

/// Length of the line end at `end` and the indentation behind it, where the part from `start` on and the next
/// line are of the same folded scalar.
pub(super) fn joint_length(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let rest = &text[end..];
    let next = rest
        .strip_prefix(b"\n")
        .or_else(|| rest.strip_prefix(b"\r\n"))?;
    let indent = indent(next);
    let goes_on = next.get(indent).is_some_and(|byte| is_word(*byte));
    // More blanks than the first line has would keep the line end.
    let is_folded = goes_on && indent > 0 && is_in_scalar(text, start, indent);
    is_folded.then_some(rest.len() - next.len() + indent)
}

/// Length of the blanks at the start of `line`; none of a line with too many.
fn indent(line: &[u8]) -> usize {
    let blanks = line.iter().take(MAX_INDENT + 1);
    let length = blanks.take_while(|byte| **byte == b' ').count();
    if length > MAX_INDENT { 0 } else { length }
}

/// Whether the line around `at` and those above are indented by `indent` up to the one that begins a folded
/// scalar.
fn is_in_scalar(text: &[u8], at: usize, indent_of_scalar: usize) -> bool {
    let floor = at.saturating_sub(ABOVE);
    let mut end = at;
    while let Some(newline) = memrchr(b'\n', &text[floor..end]) {
        let line = &text[floor + newline + 1..];
        let line = &line[..memchr(b'\n', line).unwrap_or(line.len())];
        if !line.trim_ascii().is_empty() && indent(line) != indent_of_scalar {
            return indent(line) < indent_of_scalar && begins_folded(line);
        }
        end = floor + newline;
    }
    floor == 0 && {
        let line = &text[..memchr(b'\n', text).unwrap_or(text.len())];
        indent(line) < indent_of_scalar && begins_folded(line)
    }
}

/// Whether a line ends in `>`, `>-` or the like, behind a key or in a list.
fn begins_folded(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let indicators = line
        .iter()
        .rev()
        .take(2)
        .take_while(|byte| matches!(byte, b'-' | b'+' | b'1'..=b'9'))
        .count();
    line[..line.len() - indicators]
        .strip_suffix(b">")
        .and_then(|line| line.strip_suffix(b" "))
        .is_some_and(|line| matches!(line.trim_ascii_end().last(), Some(b':' | b'-')))
}
