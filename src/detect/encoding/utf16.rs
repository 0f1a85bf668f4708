//! UTF-16: whole texts, and strings in other data.

use super::{AFTER, BEFORE, Decoded, Encoding, Sources};
use crate::model::{Charset, Span};

/// Reads a text that is UTF-16 as a whole. What is not ASCII becomes a byte that stands in no token.
pub(in crate::detect) fn whole(text: &[u8], charset: Charset) -> Option<Decoded> {
    let is_little = match charset {
        Charset::Utf16Le => true,
        Charset::Utf16Be => false,
        Charset::Bytes => return None,
    };
    let narrow = |pair: &[u8]| {
        let (low, high) = if is_little {
            (pair[0], pair[1])
        } else {
            (pair[1], pair[0])
        };
        if high == 0 && low < 0x80 { low } else { 0xFF }
    };
    Some(Decoded {
        encoding: Encoding::Utf16,
        text: text.chunks_exact(2).map(narrow).collect(),
        sources: Sources::Units(0),
        cut: (false, false),
    })
}

/// Reads the string around the character at `at`: bytes with a zero between them.
///
/// Where the zeros belong cannot always be seen, unless the `charset` of the text says it. In the one
/// order a zero follows the last character, in the other one stands before the first. Where both do,
/// strings begin at even offsets.
pub(in crate::detect) fn embedded(text: &[u8], at: usize, charset: Charset) -> Decoded {
    let is_text = |byte: u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let mut first = at;
    while at - first < BEFORE && first >= 2 && text[first - 1] == 0 && is_text(text[first - 2]) {
        first -= 2;
    }
    let mut end = at + 1;
    while end - at < AFTER
        && text.get(end) == Some(&0)
        && text.get(end + 1).is_some_and(|byte| is_text(*byte))
    {
        end += 2;
    }
    let zero_before = first > 0 && text[first - 1] == 0;
    let zero_after = text.get(end) == Some(&0);
    let is_big = match charset {
        Charset::Utf16Le if zero_before && zero_after => false,
        Charset::Bytes if zero_before && zero_after => first % 2 == 1,
        _ => zero_before,
    };
    let length = text.len();
    let text: Vec<u8> = text[first..end].iter().step_by(2).copied().collect();
    let sources = if is_big {
        Sources::Units(first - 1)
    } else if end < length {
        Sources::Units(first)
    } else {
        // The text ends before the last zero, or after a zero that stands before its character while
        // the first one is a character of other text.
        let unit = |at: usize| Span::new(first + 2 * at, length.min(first + 2 * at + 2));
        Sources::Listed((0..text.len()).map(unit).collect())
    };
    Decoded {
        encoding: Encoding::Utf16,
        text,
        sources,
        cut: (at - first >= BEFORE, end - at >= AFTER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, is_little: bool) -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|unit| {
                if is_little {
                    unit.to_le_bytes()
                } else {
                    unit.to_be_bytes()
                }
            })
            .collect()
    }

    #[test]
    fn a_whole_text_is_read_in_either_order() {
        let text = units("a\u{e9}b", true);
        let decoded = whole(&text, Charset::Utf16Le).unwrap();
        assert_eq!(decoded.text, b"a\xFFb");
        assert_eq!(decoded.source(Span::new(2, 3)), Span::new(4, 6));
        let text = units("a\u{e9}b", false);
        assert_eq!(whole(&text, Charset::Utf16Be).unwrap().text, b"a\xFFb");
        assert!(whole(&text, Charset::Bytes).is_none());
    }

    #[test]
    fn a_string_without_a_zero_at_either_end_lies_in_its_text() {
        // Found by fuzzing: read in the wrong order, the string ended behind the text.
        let text = [b"(", &units("abc", false)[..]].concat();
        let decoded = embedded(&text, 2, Charset::Bytes);
        assert_eq!(decoded.text, b"(abc");
        assert_eq!(decoded.source(Span::new(1, 4)), Span::new(2, text.len()));
        let text = [&units("abc", true)[..], b")"].concat();
        let decoded = embedded(&text, 0, Charset::Bytes);
        assert_eq!(decoded.text, b"abc)");
        assert_eq!(decoded.source(Span::new(0, 3)), Span::new(0, 6));
    }

    #[test]
    fn a_string_among_other_bytes_is_read_in_either_order() {
        for (is_little, before, after) in [
            (true, &b"\x01\x02"[..], &b"\0\0\x07"[..]),
            (true, b"", b""),
            (false, b"\x01\x02", b"\x07"),
            (false, b"", b""),
        ] {
            let text = [before, &units("abc", is_little), after].concat();
            let at = text.iter().position(|byte| *byte == b'b').unwrap();
            let decoded = embedded(&text, at, Charset::Bytes);
            assert_eq!(decoded.text, b"abc", "{text:?}");
            let all = Span::new(before.len(), before.len() + 6);
            assert_eq!(decoded.source(Span::new(0, 3)), all, "{text:?}");
        }
    }
}
