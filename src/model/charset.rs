//! How the bytes of a text are to be read: as they are, or as UTF-16.

/// The character encoding of a text, as far as places in it depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, or anything else of which lines end in the byte `0A`.
    #[default]
    Bytes,
    /// UTF-16, low byte first.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
}

impl Charset {
    /// How far into a text without byte order mark is looked.
    const LOOKED_AT: usize = 1024;

    /// Fewer characters do not tell.
    const FEWEST: usize = 8;

    /// What `text` is: by its byte order mark, else by where its zeros are. Latin text in UTF-16 has one
    /// in every pair, always on the same side; nothing else looks so.
    pub fn of(text: &[u8]) -> Self {
        let head = &text[..text.len().min(Self::LOOKED_AT)];
        let marked = match head {
            [0xFF, 0xFE, ..] => Self::Utf16Le,
            [0xFE, 0xFF, ..] => Self::Utf16Be,
            _ => Self::Bytes,
        };
        // Other data may begin with such bytes; every text has blanks or line ends.
        let is_ascii = |unit| matches!(unit, 0x09 | 0x0A | 0x0D | 0x20..=0x7E);
        let has_ascii = |charset: Self| {
            let mut units = head.chunks_exact(2).filter_map(|pair| charset.unit(pair));
            units.any(is_ascii)
        };
        if marked != Self::Bytes {
            return if has_ascii(marked) {
                marked
            } else {
                Self::Bytes
            };
        }
        if memchr::memchr(0, &head[..head.len().min(2 * Self::FEWEST)]).is_none() {
            return Self::Bytes;
        }
        let pairs = head.len() / 2;
        let (mut even, mut odd) = (0, 0);
        for pair in head.chunks_exact(2) {
            even += usize::from(pair[0] == 0);
            odd += usize::from(pair[1] == 0);
        }
        let tells = |many: usize, few: usize| {
            pairs >= Self::FEWEST && many * 10 >= pairs * 9 && few * 100 <= pairs
        };
        if tells(odd, even) {
            Self::Utf16Le
        } else if tells(even, odd) {
            Self::Utf16Be
        } else {
            Self::Bytes
        }
    }

    /// The unit of two bytes at the start of `text`; `None` where it is not UTF-16 or too short.
    pub fn unit(self, text: &[u8]) -> Option<u16> {
        let pair = text.first_chunk()?;
        match self {
            Self::Bytes => None,
            Self::Utf16Le => Some(u16::from_le_bytes(*pair)),
            Self::Utf16Be => Some(u16::from_be_bytes(*pair)),
        }
    }

    /// `text`, which begins at a whole character, as a string; what is no character is replaced.
    pub fn decode(self, text: &[u8]) -> String {
        if self == Self::Bytes {
            return String::from_utf8_lossy(text).into_owned();
        }
        let units = text.chunks_exact(2).filter_map(|pair| self.unit(pair));
        char::decode_utf16(units)
            .map(|scalar| scalar.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn little(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn big(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn a_byte_order_mark_tells() {
        assert_eq!(Charset::of(&little("\u{feff}a")), Charset::Utf16Le);
        assert_eq!(Charset::of(&big("\u{feff}\u{4e00}\n")), Charset::Utf16Be);
        assert_eq!(Charset::of("\u{feff}a".as_bytes()), Charset::Bytes);
        assert_eq!(Charset::of(b"\xFF\xFE\0\nabcdef"), Charset::Bytes);
    }

    #[test]
    fn without_one_the_zeros_do() {
        let text = "key = value and \u{e9}\n".repeat(9);
        assert_eq!(Charset::of(&little(&text)), Charset::Utf16Le);
        assert_eq!(Charset::of(&big(&text)), Charset::Utf16Be);
        for other in [
            &b""[..],
            b"plain text",
            &[0; 64],
            &[0, 1, 0, 0, 7, 9, 0, 0].repeat(9),
        ] {
            assert_eq!(Charset::of(other), Charset::Bytes);
        }
        assert_eq!(Charset::of(&little("short")), Charset::Bytes);
    }

    #[test]
    fn decodes_and_replaces_what_is_no_character() {
        assert_eq!(Charset::Utf16Be.decode(&big("a√𝄞")), "a√𝄞");
        assert_eq!(Charset::Utf16Le.decode(&[0, 0xD8, 0x61, 0]), "\u{fffd}a");
        assert_eq!(Charset::Bytes.decode(b"a\xff"), "a\u{fffd}");
    }
}
