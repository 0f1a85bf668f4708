//! Turns bytes and spans into the locations and masked excerpts of findings.

use crate::detect::Detection;
use crate::model::{Charset, Excerpt, Location, Position, Positions, Provenance, Span, Window};

/// The longest line shown whole, in bytes.
const MAX_LINE: usize = 200;

/// The most lines of a place that are shown.
const MAX_LINES: usize = 6;

/// Makes locations in one text, in which every token is known and therefore masked.
///
/// Ask in ascending order: positions are found by walking forward.
#[derive(Debug)]
pub(super) struct Locator<'t> {
    text: &'t [u8],
    /// Where `text` begins in the source.
    offset: usize,
    tokens: Vec<Token<'t>>,
    positions: Positions<'t>,
}

/// What stands for a token where it is shown.
#[derive(Clone, Copy, Debug)]
struct Token<'t> {
    span: Span,
    mask: &'t str,
}

impl<'t> Locator<'t> {
    /// `detections` are all tokens of `text`, ascending, of every confidence.
    pub(super) fn new(text: &'t [u8], detections: &'t [Detection]) -> Self {
        Self::within(&Window::whole(text), Positions::new(text), detections)
    }

    /// The same for a window of a longer text; `positions` walks its bytes.
    pub(super) fn within(
        window: &Window<'t>,
        positions: Positions<'t>,
        detections: &'t [Detection],
    ) -> Self {
        Self {
            text: window.bytes,
            offset: window.offset,
            tokens: detections
                .iter()
                .map(|found| Token {
                    span: found.span,
                    mask: found.leak.mask.as_str(),
                })
                .collect(),
            positions,
        }
    }

    /// The location of `span`, which counts from the start of the window.
    pub(super) fn locate(&mut self, provenance: Provenance, span: Span) -> Location {
        let (start, end) = self.positions.of(span);
        let excerpt = match self.positions.charset() {
            Charset::Bytes => excerpt(self.text, &self.tokens, span, start),
            charset => self.decoded_excerpt(charset, span, start),
        };
        Location {
            provenance,
            span: span.shifted(self.offset),
            start,
            end,
            route: None,
            excerpt,
        }
    }

    /// The same for a text of which two bytes are a character.
    fn decoded_excerpt(&self, charset: Charset, span: Span, start: Position) -> Excerpt {
        let reach = 2 * MAX_LINES * REACH;
        let from = span.start.saturating_sub(reach) / 2 * 2;
        let window = &self.text[from..self.text.len().min(span.end + reach)];
        let units = window.chunks_exact(2).filter_map(|pair| charset.unit(pair));
        let mut shown = String::new();
        let mut offsets = Vec::new();
        for scalar in char::decode_utf16(units) {
            let scalar = scalar.unwrap_or(char::REPLACEMENT_CHARACTER);
            offsets.resize(offsets.len() + scalar.len_utf16(), shown.len());
            shown.push(scalar);
        }
        let offset = |at: usize| {
            let unit = at.saturating_sub(from) / 2;
            offsets.get(unit).copied().unwrap_or(shown.len())
        };
        let shift = |span: Span| Span::new(offset(span.start), offset(span.end));
        let first = self.tokens.partition_point(|token| token.span.end <= from);
        let tokens: Vec<Token<'_>> = self.tokens[first..]
            .iter()
            .take_while(|token| token.span.start < from + window.len())
            .map(|token| Token {
                span: shift(token.span),
                ..*token
            })
            .collect();
        excerpt(shown.as_bytes(), &tokens, shift(span), start)
    }
}

/// The lines of `text` around `span`, which begins at `start`.
fn excerpt(text: &[u8], tokens: &[Token<'_>], span: Span, start: Position) -> Excerpt {
    let Position { line, column } = start;
    let mut window = Span::new(line_start(text, span.start), line_end(text, span.start));
    let mut first_line = line;
    let mut skipped_columns = 0;
    if window.len() > MAX_LINE {
        let before = span.start - window.start;
        let cut = Span::new(
            window.start + before.saturating_sub(MAX_LINE / 4),
            window.end.min(span.start + MAX_LINE * 3 / 4),
        );
        let cut = Span::new(char_floor(text, cut.start), char_floor(text, cut.end));
        let shown = text[cut.start..span.start].iter();
        let shown = shown.filter(|byte| **byte & 0xC0 != 0x80).count() as u64;
        skipped_columns = (column - 1).saturating_sub(shown);
        window = cut;
    } else {
        // Lines that the place reaches into, then one above and one below for the eye.
        let mut lines = 1;
        while window.end < span.end && lines < MAX_LINES {
            let Some(next) = next_line(text, window.end) else {
                break;
            };
            window.end = next.end;
            lines += 1;
        }
        if let Some(above) = previous_line(text, window.start) {
            window.start = above.start;
            first_line -= 1;
        }
        if let Some(below) = next_line(text, window.end) {
            window.end = below.end;
        }
    }
    let (text, highlight) = masked(text, tokens, window, span);
    Excerpt {
        text,
        first_line,
        skipped_columns,
        highlight,
    }
}

/// The bytes of `window` with every token in it masked, as text, and where `span` is in it.
fn masked(text: &[u8], tokens: &[Token<'_>], window: Span, span: Span) -> (String, Span) {
    let mut bytes = text[window.start..window.end].to_vec();
    let first = tokens.partition_point(|token| token.span.end <= window.start);
    for token in &tokens[first..] {
        if token.span.start >= window.end {
            break;
        }
        let mask = token.mask.as_bytes();
        let from = token.span.start.max(window.start);
        for at in from..token.span.end.min(window.end) {
            let byte = &mut bytes[at - window.start];
            // The text of a split or encoded token is longer than the token and shows nothing of it but
            // where its lines end.
            if mask.len() == token.span.len() {
                *byte = mask[at - token.span.start];
            } else if !matches!(*byte, b'\r' | b'\n') {
                *byte = b'*';
            }
        }
    }
    let from = span.start.clamp(window.start, window.end) - window.start;
    let to = span.end.clamp(window.start, window.end) - window.start;
    let mut text = String::from_utf8_lossy(&bytes[..from]).into_owned();
    let start = text.len();
    text.push_str(&String::from_utf8_lossy(&bytes[from..to]));
    let end = text.len();
    text.push_str(&String::from_utf8_lossy(&bytes[to..]));
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    let highlight = Span::new(start.min(text.len()), end.min(text.len()));
    (text, highlight)
}

/// How far from a place the ends of its line are looked for: far enough to see that the line is too
/// long to be shown, and no further, because a file may be one line.
const REACH: usize = MAX_LINE + 1;

/// The start of the line that `at` lies in, or the last place within [`REACH`].
fn line_start(text: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(REACH);
    memchr::memrchr(b'\n', &text[from..at]).map_or(from, |feed| from + feed + 1)
}

/// The end of the line that `at` lies in, before its line feed, or the last place within [`REACH`].
fn line_end(text: &[u8], at: usize) -> usize {
    let to = text.len().min(at + REACH);
    memchr::memchr(b'\n', &text[at..to]).map_or(to, |feed| at + feed)
}

/// The line after the one that ends at `end`, unless there is none or it is too long to show.
fn next_line(text: &[u8], end: usize) -> Option<Span> {
    let start = end + 1;
    (start < text.len())
        .then(|| Span::new(start, line_end(text, start)))
        .filter(|line| line.len() <= MAX_LINE)
}

/// The line before the one that starts at `start`, unless there is none or it is too long to show.
fn previous_line(text: &[u8], start: usize) -> Option<Span> {
    let end = start.checked_sub(1)?;
    let line = Span::new(line_start(text, end), end);
    (line.len() <= MAX_LINE).then_some(line)
}

/// The start of the scalar value that `at` lies in.
fn char_floor(text: &[u8], at: usize) -> usize {
    (at.saturating_sub(3)..=at.min(text.len()))
        .rev()
        .find(|at| text.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, word: &str) -> Excerpt {
        let start = text.find(word).unwrap();
        let span = Span::new(start, start + word.len());
        let location = Locator::new(text.as_bytes(), &[]).locate(Provenance::default(), span);
        assert_eq!(
            &location.excerpt.text[std::ops::Range::from(location.excerpt.highlight)],
            word
        );
        location.excerpt
    }

    #[test]
    fn one_line_above_and_one_below() {
        let shown = excerpt("1\n2\n3 here\n4\n5\n", "here");
        assert_eq!(shown.text, "2\n3 here\n4");
        assert_eq!((shown.first_line, shown.skipped_columns), (2, 0));
        assert_eq!(excerpt("here", "here").text, "here");
        assert_eq!(excerpt("\nhere\r\n", "here").text, "\nhere");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place_at_character_borders() {
        let text = format!("{}here{}", "é".repeat(300), "ü".repeat(300));
        let shown = excerpt(&text, "here");
        assert!(shown.text.len() <= MAX_LINE + 3, "{}", shown.text.len());
        let before = shown.text[..shown.highlight.start].chars().count() as u64;
        assert_eq!(shown.skipped_columns + before, 300);
        assert!(!shown.text.contains('\u{fffd}'));
    }

    #[test]
    fn lines_of_the_longest_length_are_shown_whole() {
        for (before, after) in [(0, 196), (196, 0), (98, 98)] {
            let text = format!("{}here{}", "x".repeat(before), "y".repeat(after));
            assert_eq!(excerpt(&text, "here").text, text);
            assert_eq!(excerpt(&format!("1\n{text}\n3"), "here").text.len(), 204);
            assert_eq!(
                excerpt(&format!("1\n{text}z\n3"), "here").skipped_columns,
                u64::try_from(before.saturating_sub(50)).unwrap()
            );
        }
    }

    #[test]
    fn long_neighbours_are_left_out() {
        let text = format!("{0}\nhere\n{0}", "x".repeat(500));
        assert_eq!(excerpt(&text, "here").text, "here");
    }

    #[test]
    fn utf16_is_shown_as_text_with_columns_of_characters() {
        let text = format!(
            "\u{feff}{}\nkey \u{1d11e} = here;\nend\n",
            "x".repeat(5_000)
        );
        for is_little in [true, false] {
            let bytes: Vec<u8> = text
                .encode_utf16()
                .flat_map(|unit| {
                    if is_little {
                        unit.to_le_bytes()
                    } else {
                        unit.to_be_bytes()
                    }
                })
                .collect();
            let before = text[..text.find("here").unwrap()].encode_utf16().count();
            let span = Span::new(2 * before, 2 * before + 8);
            let found = Locator::new(&bytes, &[]).locate(Provenance::default(), span);
            assert_eq!((found.start.line, found.start.column), (2, 9));
            assert_eq!((found.end.line, found.end.column), (2, 13));
            assert_eq!(found.excerpt.text, "key \u{1d11e} = here;\nend");
            assert_eq!(found.excerpt.highlighted(), "here");
            assert_eq!(found.excerpt.first_line, 2);
        }
    }

    #[test]
    fn places_over_several_lines_show_all_of_them() {
        let shown = excerpt("0\na\nb\nc\n9", "a\nb\nc");
        assert_eq!(shown.text, "0\na\nb\nc\n9");
    }
}
