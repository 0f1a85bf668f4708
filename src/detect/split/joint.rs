//! What stands between two parts that are one text.

use crate::detect::alphabet::is_word;

/// The most bytes of blanks on one side of a joint: an indented line.
pub(super) const MAX_BLANKS: usize = 128;

/// Length of what joins two parts, where `text` begins with it: the quotation mark that closes one
/// literal, the operator, the mark that opens the next; or a backslash (of `cmd.exe` a caret) at the end of a
/// line, or the `=` that mail ends one with; or characters without width.
pub(super) fn joint_length(text: &[u8]) -> Option<usize> {
    const OPERATORS: [&[u8]; 7] = [b"+", b"..", b".concat(", b".", b"<<", b"\\\r\n", b"\\\n"];
    let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\'' | b'`'));
    let line_end = [b"\n".as_slice(), b"\r\n"];
    if let [b'\\' | b'=' | b'^', next @ ..] = text
        && let Some(rest) = line_end.iter().find_map(|end| next.strip_prefix(*end))
    {
        // The next line of a program may be indented; of a mail it may not.
        let indent = if text[0] == b'=' { 0 } else { blanks(rest) };
        let rest = &rest[indent..];
        let goes_on = rest.first().is_some_and(|byte| is_word(*byte));
        return goes_on.then_some(text.len() - rest.len());
    }
    let hidden = hidden_length(text);
    if hidden > 0 {
        return Some(hidden);
    }
    // A string in a string: both marks are escaped.
    let escape: &[u8] = if text.starts_with(b"\\") { b"\\" } else { b"" };
    let rest = text.strip_prefix(escape)?;
    if !is_quote(rest.first()) {
        return None;
    }
    let rest = &rest[1..];
    let rest = &rest[blanks(rest)..];
    let rest = OPERATORS
        .iter()
        .find_map(|operator| rest.strip_prefix(*operator))
        .unwrap_or(rest);
    let rest = &rest[blanks(rest)..];
    let rest = rest.strip_prefix(escape)?;
    is_quote(rest.first()).then_some(text.len() - rest.len() + 1)
}

/// Whether a character is never seen: of no width, a mark of the byte order, a hyphen for the end of a line.
pub(in crate::detect) const fn is_hidden(scalar: u32) -> bool {
    matches!(scalar, 0xAD | 0x200B..=0x200D | 0x2060 | 0xFEFF)
}

/// Length of the characters that are never seen at the start of `text`, and of `<wbr>`, which stands for one.
fn hidden_length(text: &[u8]) -> usize {
    const MOST: usize = 8;
    let mut length = 0;
    for _ in 0..MOST {
        length += match &text[length..] {
            [0xC2, 0xAD, ..] => 2,
            [0xE2, 0x80, 0x8B..=0x8D, ..] | [0xE2, 0x81, 0xA0, ..] | [0xEF, 0xBB, 0xBF, ..] => 3,
            [b'<', b'w', b'b', b'r', b'>', ..] => 5,
            _ => break,
        };
    }
    length
}

/// Length of the blanks and line ends at the start of `text`, if they are not too many.
pub(super) fn blanks(text: &[u8]) -> usize {
    text.iter()
        .take(MAX_BLANKS)
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}
