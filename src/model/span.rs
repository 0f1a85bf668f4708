//! Byte spans and the line and column of a byte.

use super::charset::Charset;

/// A half-open range of bytes in one source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// A span from `start` up to, not including, `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Length in bytes.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span covers no byte.
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether both spans share a byte.
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether `other` lies wholly inside this span.
    pub const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The same span, moved right by `offset` bytes.
    #[must_use]
    pub const fn shifted(self, offset: usize) -> Self {
        Self {
            start: self.start + offset,
            end: self.end + offset,
        }
    }
}

impl From<std::ops::Range<usize>> for Span {
    fn from(range: std::ops::Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

impl From<Span> for std::ops::Range<usize> {
    fn from(span: Span) -> Self {
        span.start..span.end
    }
}

/// Line and column as an editor shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// 1-based. Only a line feed ends a line, so CRLF files count as one expects.
    pub line: u64,
    /// 1-based, in Unicode scalar values; a byte order mark at the start is not counted.
    pub column: u64,
}

impl Default for Position {
    fn default() -> Self {
        Self { line: 1, column: 1 }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A place in a text and how the text is read, which only its beginning tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPlace {
    position: Position,
    charset: Charset,
}

/// Finds positions in one text by walking forward. Of UTF-16 it counts the characters, not the bytes.
///
/// Asking in ascending order reads each byte once, whatever the number of questions, which is what
/// keeps one-line files of any size linear. Asking for an earlier offset starts again.
#[derive(Clone, Debug)]
pub struct Positions<'t> {
    text: &'t [u8],
    /// The place to start again from, and what stands there.
    start: (usize, Position),
    charset: Charset,
    offset: usize,
    position: Position,
}

impl<'t> Positions<'t> {
    /// Starts at the first byte of `text`.
    pub fn new(text: &'t [u8]) -> Self {
        let place = KnownPlace {
            position: Position::default(),
            charset: Charset::of(text),
        };
        Self::resume(text, 0, place)
    }

    /// Starts in the middle of a longer text of which `text` is a part: at `offset` of that part, which
    /// is known to be `place` of the whole. Ask for nothing before it.
    pub const fn resume(text: &'t [u8], offset: usize, place: KnownPlace) -> Self {
        Self {
            text,
            charset: place.charset,
            start: (offset, place.position),
            offset,
            position: place.position,
        }
    }

    /// What to resume with at `offset`, in a part of the text that holds it too.
    pub fn known(&mut self, offset: usize) -> KnownPlace {
        KnownPlace {
            position: self.at(offset),
            charset: self.charset,
        }
    }

    /// How the text is read.
    pub const fn charset(&self) -> Charset {
        self.charset
    }

    /// The position of the byte at `offset`; offsets past the end give the position after the text.
    ///
    /// In text that is not UTF-8 each byte that does not continue a scalar value counts as one
    /// column.
    pub fn at(&mut self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        if offset < self.offset {
            (self.offset, self.position) = self.start;
        }
        if self.charset != Charset::Bytes {
            return self.at_unit(offset);
        }
        let offset = offset.max(self.offset);
        let before = self.position;
        let passed = &self.text[self.offset..offset];
        let lines = memchr::memchr_iter(b'\n', passed).count();
        let columns = if lines == 0 {
            scalars(passed)
        } else {
            self.position.line += lines as u64;
            self.position.column = 1;
            let last = memchr::memrchr(b'\n', passed).map_or(0, |at| at + 1);
            scalars(&passed[last..])
        };
        self.position.column += columns;
        let is_start = self.offset == 0 && before == Position::default();
        if is_start && lines == 0 && passed.starts_with(BYTE_ORDER_MARK) {
            self.position.column -= 1;
        }
        self.offset = offset;
        self.position
    }

    /// The position of the character of two bytes, or four, that `offset` lies in.
    fn at_unit(&mut self, offset: usize) -> Position {
        let offset = (offset / 2 * 2).max(self.offset);
        let is_start = self.offset == 0 && self.position == Position::default();
        let passed = &self.text[self.offset..offset];
        for (at, pair) in passed.chunks_exact(2).enumerate() {
            match self.charset.unit(pair) {
                Some(0x0A) => {
                    self.position.line += 1;
                    self.position.column = 1;
                }
                // The second half of a character, and a byte order mark.
                Some(0xDC00..=0xDFFF) => {}
                Some(0xFEFF) if is_start && at == 0 => {}
                _ => self.position.column += 1,
            }
        }
        self.offset = offset;
        self.position
    }

    /// The positions of the first byte of `span` and of the byte after its last.
    ///
    /// It stays at the first byte, so that spans may come in ascending order and yet lie in each
    /// other.
    pub fn of(&mut self, span: Span) -> (Position, Position) {
        let start = self.at(span.start);
        (start, self.clone().at(span.end))
    }
}

/// Number of bytes that begin a scalar value.
fn scalars(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(text: &str, offset: usize) -> Position {
        let before = &text[..offset];
        let before = before.strip_prefix('\u{feff}').unwrap_or(before);
        let line = before.matches('\n').count() as u64 + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |last| last.chars().count()) as u64
            + 1;
        Position { line, column }
    }

    #[test]
    fn counts_scalar_values_not_bytes() {
        let text = "aé\r\n√x".as_bytes();
        let mut positions = Positions::new(text);
        assert_eq!(positions.at(3), Position { line: 1, column: 3 });
        assert_eq!(positions.at(5), Position { line: 2, column: 1 });
        assert_eq!(positions.at(8), Position { line: 2, column: 2 });
        assert_eq!(positions.at(99), Position { line: 2, column: 3 });
    }

    #[test]
    fn byte_order_mark_takes_no_column() {
        let mut positions = Positions::new("\u{feff}ab".as_bytes());
        assert_eq!(positions.at(3), Position { line: 1, column: 1 });
        assert_eq!(positions.at(4), Position { line: 1, column: 2 });
    }

    #[test]
    fn spans_that_lie_in_each_other_are_walked_forward() {
        let text = b"a\n[b,\n c]\n";
        let mut positions = Positions::new(text);
        let at = |line, column| Position { line, column };
        assert_eq!(positions.of(Span::new(2, 9)), (at(2, 1), at(3, 4)));
        assert_eq!(positions.offset, 2);
        assert_eq!(positions.of(Span::new(3, 4)), (at(2, 2), at(2, 3)));
    }

    #[test]
    fn utf16_is_counted_in_characters() {
        for is_little in [true, false] {
            let text: Vec<u8> = "\u{feff}a\u{0a0a}\r\n\u{1d11e}b"
                .encode_utf16()
                .flat_map(|unit| {
                    if is_little {
                        unit.to_le_bytes()
                    } else {
                        unit.to_be_bytes()
                    }
                })
                .collect();
            let mut positions = Positions::new(&text);
            let at = |line, column| Position { line, column };
            let expected = [
                (0, at(1, 1)),
                (2, at(1, 1)),
                (4, at(1, 2)),
                (5, at(1, 2)),
                (6, at(1, 3)),
                (10, at(2, 1)),
                (14, at(2, 2)),
                (16, at(2, 3)),
                (99, at(2, 3)),
                (4, at(1, 2)),
            ];
            for (offset, position) in expected {
                assert_eq!(positions.at(offset), position, "{offset}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_part_of_a_text_is_counted_on(
            text in "\u{feff}?[a-cé√\\n]{0,40}",
            cuts in (0usize..130, 0usize..130, 0usize..130),
        ) {
            let bytes = text.as_bytes();
            let mut cuts = [cuts.0, cuts.1, cuts.2].map(|cut| cut.min(bytes.len()));
            cuts.sort_unstable();
            // A part may begin in the middle of a scalar value.
            let [part, known, asked] = cuts;
            prop_assume!(part == 0 || known >= 3);
            let place = Positions::new(bytes).known(known);
            let position = place.position;
            let mut positions = Positions::resume(&bytes[part..], known - part, place);
            prop_assert_eq!(positions.at(asked - part), Positions::new(bytes).at(asked));
            prop_assert_eq!(positions.at(known - part), position);
        }

        #[test]
        fn agrees_with_the_naive_count(text in "\u{feff}?[a-cé√\\r\\n]{0,40}", picks in prop::collection::vec(0usize..200, 1..8)) {
            let mut positions = Positions::new(text.as_bytes());
            for pick in picks {
                let mut offset = pick.min(text.len());
                while !text.is_char_boundary(offset) {
                    offset -= 1;
                }
                prop_assert_eq!(positions.at(offset), naive(&text, offset));
            }
        }
    }
}
