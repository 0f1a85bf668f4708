//! Percent, backslash and HTML escapes: a text in which some characters, or all, are written as a
//! number or a name.

use super::{BEFORE, Decoded, ESCAPES_AFTER, Encoding, Sources};
use crate::model::Span;

/// A family of escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::detect) enum Escapes {
    /// `%2d`
    Percent,
    /// `\u002d`, `\u{2d}`, `\x2d`, `\n`
    Backslash,
    /// `&#45;`, `&#x2d;`, `&lowbar;`
    Html,
}

/// Names of characters that stand in tokens or next to them. Of `-` HTML has none: those of hyphens
/// show as one.
const NAMES: &[(&[u8], u8)] = &[
    (b"hyphen", b'-'),
    (b"dash", b'-'),
    (b"lowbar", b'_'),
    (b"UnderBar", b'_'),
    (b"period", b'.'),
    (b"equals", b'='),
    (b"colon", b':'),
    (b"commat", b'@'),
    (b"amp", b'&'),
    (b"quot", b'"'),
    (b"apos", b'\''),
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"nbsp", b' '),
    (b"shy", 0xAD),
];

impl Escapes {
    /// The family whose escapes begin with `byte`.
    pub(in crate::detect) const fn of(byte: u8) -> Option<Self> {
        match byte {
            b'%' => Some(Self::Percent),
            b'\\' => Some(Self::Backslash),
            b'&' => Some(Self::Html),
            _ => None,
        }
    }

    /// The byte that its escapes begin with.
    pub(in crate::detect) const fn introducer(self) -> u8 {
        match self {
            Self::Percent => b'%',
            Self::Backslash => b'\\',
            Self::Html => b'&',
        }
    }

    pub(in crate::detect) const fn encoding(self) -> Encoding {
        match self {
            Self::Percent => Encoding::Percent,
            Self::Backslash => Encoding::Backslash,
            Self::Html => Encoding::Html,
        }
    }

    /// Length of the escape at the start of `text`, and the scalar value that it stands for.
    pub(in crate::detect) fn read(self, text: &[u8]) -> Option<(usize, u32)> {
        match self {
            Self::Percent => {
                let digits = text.strip_prefix(b"%")?.get(..2)?;
                Some((3, number(digits, 16)?))
            }
            Self::Backslash => backslash(text),
            Self::Html => html(text),
        }
    }

    /// Decodes the text around `at`.
    pub(in crate::detect) fn decode(self, text: &[u8], at: usize) -> Decoded {
        let from = at.saturating_sub(BEFORE);
        let until = text.len().min(at + ESCAPES_AFTER);
        let mut decoded = Decoded {
            encoding: self.encoding(),
            text: Vec::with_capacity(until - from),
            sources: Sources::Listed(Vec::new()),
            cut: (from > 0, until < text.len()),
        };
        let mut spans = Vec::with_capacity(until - from);
        let mut at = from;
        while at < until {
            let (length, scalar) = match Self::of(text[at]) {
                Some(family) if family == self => self.read(&text[at..until]),
                _ => None,
            }
            .unwrap_or((1, u32::from(text[at])));
            let span = Span::new(at, at + length);
            let is_byte = length == 1 || self == Self::Percent;
            match u8::try_from(scalar) {
                Ok(byte) if is_byte || byte.is_ascii() => decoded.text.push(byte),
                _ => {
                    let scalar = char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER);
                    let mut buffer = [0; 4];
                    let bytes = scalar.encode_utf8(&mut buffer).as_bytes();
                    decoded.text.extend_from_slice(bytes);
                }
            }
            spans.resize(decoded.text.len(), span);
            at += length;
        }
        decoded.sources = Sources::Listed(spans);
        decoded
    }
}

fn backslash(text: &[u8]) -> Option<(usize, u32)> {
    let rest = text.strip_prefix(b"\\")?;
    let (kind, rest) = rest.split_first()?;
    let plain = |byte: u8| Some((2, u32::from(byte)));
    match kind {
        b'u' if rest.first() == Some(&b'{') => {
            let length = rest.iter().take(9).position(|byte| *byte == b'}')?;
            Some((length + 3, number(&rest[1..length], 16)?))
        }
        b'u' => Some((6, number(rest.get(..4)?, 16)?)),
        b'x' => Some((4, number(rest.get(..2)?, 16)?)),
        b'n' => plain(b'\n'),
        b'r' => plain(b'\r'),
        b't' => plain(b'\t'),
        b'\\' | b'/' | b'"' | b'\'' => plain(*kind),
        _ => None,
    }
}

fn html(text: &[u8]) -> Option<(usize, u32)> {
    let rest = text.strip_prefix(b"&")?;
    let length = rest.iter().take(12).position(|byte| *byte == b';')?;
    let name = &rest[..length];
    let scalar = match name {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16)?,
        [b'#', digits @ ..] => number(digits, 10)?,
        _ => NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, byte)| u32::from(*byte))?,
    };
    Some((length + 2, scalar))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0u32, |number, digit| {
        let value = char::from(*digit).to_digit(radix)?;
        number.checked_mul(radix)?.checked_add(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_escape_is_read_in_every_way_to_write_it() {
        let read = |text: &str| {
            let family = Escapes::of(text.as_bytes()[0])?;
            family.read(text.as_bytes())
        };
        for text in [
            "%2d", "%2D", "\\u002d", "\\u002D", "\\u{2d}", "\\x2d", "\\x2D", "&#45;", "&#045;",
            "&#x2d;", "&#X2D;", "&#x002d;", "&hyphen;",
        ] {
            assert_eq!(read(text), Some((text.len(), u32::from(b'-'))), "{text}");
            assert_eq!(
                read(&format!("{text}2d;")),
                Some((text.len(), 45)),
                "{text}"
            );
        }
        for text in [
            "%2",
            "%2g",
            "%",
            "\\u002",
            "\\u{2d",
            "\\u{}",
            "\\x2",
            "\\",
            "\\d",
            "&#45",
            "&;",
            "&#;",
            "&#x;",
            "&#99999999999;",
            "&unknown;",
            "&",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        let text = "a\\u00e9%41\\q&#8364;é".as_bytes();
        let decoded = Escapes::Backslash.decode(text, 0);
        assert_eq!(decoded.text, "aé%41\\q&#8364;é".as_bytes());
        assert_eq!(decoded.source(Span::new(1, 3)), Span::new(1, 7));
        assert_eq!(
            Escapes::Html.decode(text, 0).text,
            "a\\u00e9%41\\q€é".as_bytes()
        );
        assert_eq!(
            Escapes::Percent.decode(text, 0).text,
            "a\\u00e9A\\q&#8364;é".as_bytes()
        );
    }
}
