//! Makes the [`ValueMap`] of a scalar by walking its source and its value together.
//!
//! The parser has done the folding and unescaping; here both texts are aligned again. Whatever does
//! not align (it would be a bug here or there) maps as a whole, so a position is never far off.

use super::{Style, ValueMap};
use crate::model::Span;

/// The map of a scalar that stands at `raw`, as the parser gives it, with this value.
pub(super) fn map(text: &str, raw: Span, style: Style, indent: usize, value: &str) -> ValueMap {
    let mut walk = Walk {
        text,
        value,
        at: 0,
        map: ValueMap::default(),
    };
    let aligned = match style {
        Style::Plain => walk.lines(raw, Fold::Trimmed),
        Style::Single | Style::Double => {
            let inner = Span::new(raw.start + 1, raw.end.saturating_sub(1).max(raw.start + 1));
            walk.quoted(inner, style == Style::Double)
        }
        Style::Literal => walk.literal(content_start(text, raw.start), indent),
        Style::Folded => {
            let content = Span::new(content_start(text, raw.start), text.len());
            walk.lines(content, Fold::Indented(indent))
        }
    };
    match aligned {
        Some(()) if walk.at == value.len() => walk.map,
        _ => ValueMap::whole(raw, value.len()),
    }
}

/// The start of the first line after the header of a block scalar: the parser's span skips leading
/// blank lines and indentation, the value does not.
fn content_start(text: &str, at: usize) -> usize {
    let mut start = text[..at].rfind('\n').map_or(0, |feed| feed + 1);
    while start > 0 {
        let line = text[..start - 1].rfind('\n').map_or(0, |feed| feed + 1);
        if !text[line..start].trim().is_empty() {
            break;
        }
        start = line;
    }
    start
}

/// How the lines of a folded text lose their margin.
#[derive(Clone, Copy)]
enum Fold {
    /// All blanks at both ends.
    Trimmed,
    /// So many spaces in front.
    Indented(usize),
}

struct Walk<'t> {
    text: &'t str,
    value: &'t str,
    /// How much of the value is mapped.
    at: usize,
    map: ValueMap,
}

impl Walk<'_> {
    fn rest(&self) -> &str {
        &self.value[self.at..]
    }

    /// The next `len` bytes of the value are those of the source at `source`.
    fn same(&mut self, source: usize, len: usize) -> Option<()> {
        let same = self.text.get(source..source + len)?;
        if !self.rest().starts_with(same) {
            return None;
        }
        self.map.push(self.at, len, source, len);
        self.at += len;
        Some(())
    }

    /// The next `len` bytes of the value are what the source says in `source`, in other bytes.
    fn unit(&mut self, len: usize, source: Span) {
        if len > 0 {
            self.map.push(self.at, len, source.start, source.len());
            self.at += len;
        }
    }

    fn line_feeds(&self) -> usize {
        self.rest()
            .bytes()
            .take_while(|byte| *byte == b'\n')
            .count()
    }

    /// A literal block: each line without its indentation.
    fn literal(&mut self, start: usize, indent: usize) -> Option<()> {
        let text = self.text;
        let mut offset = start;
        for line in text[start..].split_inclusive('\n') {
            if self.at == self.value.len() {
                break;
            }
            let margin = line
                .bytes()
                .take(indent)
                .take_while(|byte| *byte == b' ')
                .count();
            let content = line[margin..].trim_end_matches(['\n', '\r']);
            self.same(offset + margin, content.len())?;
            let end = offset + margin + content.len();
            if self.rest().starts_with('\n') {
                // `\r\n` is one line feed to the value.
                self.unit(1, Span::new(end, (offset + line.len()).max(end)));
            }
            offset += line.len();
        }
        Some(())
    }

    /// Folded or plain text: between two lines with content the value has one blank or line feeds.
    fn lines(&mut self, content: Span, fold: Fold) -> Option<()> {
        let text = self.text;
        let mut offset = content.start;
        let mut end = content.start;
        let filled = self.value.trim_end_matches('\n').len();
        for (index, line) in text[content.start..content.end]
            .split_inclusive('\n')
            .enumerate()
        {
            if self.at >= filled {
                break;
            }
            let bare = line.trim_end_matches(['\n', '\r']);
            let (margin, part) = match fold {
                Fold::Trimmed => {
                    let part = bare.trim_start_matches([' ', '\t']);
                    (bare.len() - part.len(), part.trim_end_matches([' ', '\t']))
                }
                Fold::Indented(indent) => {
                    let margin = bare
                        .bytes()
                        .take(indent)
                        .take_while(|byte| *byte == b' ')
                        .count();
                    (margin, &bare[margin..])
                }
            };
            let start = offset + margin;
            offset += line.len();
            if part.is_empty() {
                continue;
            }
            let breaks = match self.line_feeds() {
                0 if index > 0 && end > content.start => usize::from(self.rest().starts_with(' ')),
                feeds => feeds,
            };
            let blank = part.trim_matches([' ', '\t']).is_empty();
            if !self.rest()[breaks..].starts_with(part) {
                if blank {
                    continue;
                }
                return None;
            }
            self.unit(breaks, Span::new(end, start));
            self.same(start, part.len())?;
            end = start + part.len();
        }
        // What chomping left of the end.
        let feeds = self.line_feeds();
        self.unit(feeds, Span::new(end, offset.max(end)));
        Some(())
    }

    /// What stands between quotes.
    fn quoted(&mut self, inner: Span, double: bool) -> Option<()> {
        let bytes = self.text.as_bytes();
        let mut offset = inner.start;
        while offset < inner.end {
            let start = offset;
            match bytes[offset] {
                b'\'' if !double => {
                    offset += 2;
                    self.unit(1, Span::new(start, offset));
                }
                b'\\' if double => {
                    if matches!(bytes.get(offset + 1), Some(b'\r' | b'\n')) {
                        let (breaks, after) = folded(bytes, offset + 1, inner.end);
                        offset = after;
                        self.unit(breaks.saturating_sub(1), Span::new(start, after));
                    } else {
                        offset += escape_len(&bytes[offset..inner.end]);
                        let len = self.rest().chars().next()?.len_utf8();
                        self.unit(len, Span::new(start, offset));
                    }
                }
                b' ' | b'\t' | b'\r' | b'\n' => {
                    let (breaks, after) = folded(bytes, offset, inner.end);
                    offset = after;
                    match breaks {
                        0 => self.same(start, after - start)?,
                        breaks => self.unit((breaks - 1).max(1), Span::new(start, after)),
                    }
                }
                _ => {
                    let stop: &[u8] = if double { b" \t\r\n\\" } else { b" \t\r\n'" };
                    let rest = &bytes[offset..inner.end];
                    let len = rest.iter().position(|byte| stop.contains(byte));
                    offset += len.unwrap_or(rest.len());
                    self.same(start, offset - start)?;
                }
            }
        }
        Some(())
    }
}

/// The line breaks in the blanks from `at` on, and where those blanks end.
fn folded(bytes: &[u8], at: usize, end: usize) -> (usize, usize) {
    let blanks = bytes[at..end]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .count();
    let breaks = memchr::memchr_iter(b'\n', &bytes[at..at + blanks]).count();
    (breaks, at + blanks)
}

/// The length of the escape that `bytes` begin with.
fn escape_len(bytes: &[u8]) -> usize {
    let surrogates = |bytes: &[u8]| {
        matches!(
            bytes,
            [
                b'\\',
                b'u',
                b'd' | b'D',
                b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B',
                _,
                _,
                b'\\',
                b'u',
                ..,
            ]
        )
    };
    let len = match bytes.get(1) {
        Some(b'x') => 4,
        Some(b'u') if surrogates(bytes) => 12,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 2,
    };
    len.min(bytes.len())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use crate::model::Span;
    use crate::yaml::{Kind, Node, Stream};

    /// The document `v: <scalar>` and a look at its value.
    fn with_value<R>(text: &str, look: impl FnOnce(Node<'_>) -> R) -> R {
        let stream = Stream::parse(text);
        assert_eq!(stream.errors, []);
        let document = stream.document().unwrap();
        look(document.root().unwrap().get("v").unwrap())
    }

    /// What stands in the source for the first `needle` of the value.
    fn cut(text: &str, needle: &str) -> String {
        with_value(text, |node| {
            let value = node.as_str().unwrap();
            let start = value.find(needle).unwrap();
            let span = node
                .value_map()
                .source_span(Span::new(start, start + needle.len()));
            text[span.start..span.end].to_owned()
        })
    }

    #[test]
    fn literal_blocks_lose_their_margin() {
        let text = "v: |\n    one two\n      three\n\n    four\nw: x\n";
        assert_eq!(cut(text, "two"), "two");
        assert_eq!(cut(text, "  three"), "  three");
        assert_eq!(cut(text, "four"), "four");
        assert_eq!(cut(text, "two\n  three"), "two\n      three");
    }

    #[test]
    fn leading_blank_lines_and_indicators_keep_the_alignment() {
        for header in ["|", "|-", "|+", ">", ">-", ">+"] {
            let text = format!("v: {header}\n\n\n  one\n  two\n\n\nw: x\n");
            assert_eq!(cut(&text, "one"), "one", "{header}");
            assert_eq!(cut(&text, "two"), "two", "{header}");
        }
        assert_eq!(cut("v: |2+\n\n      foo\n    bar\n\n", "foo"), "foo");
        assert_eq!(cut("v: |2-\n      foo\n  bar\n", "    foo"), "    foo");
    }

    #[test]
    fn the_span_of_a_block_ends_with_its_content() {
        for text in [
            "v: |\n  one\n  two\n# comment\nw: x\n",
            "v: >-\n  one\n  two\n\n\n",
        ] {
            with_value(text, |node| {
                let span = node.span();
                assert_eq!(&text[span.start..span.end], "one\n  two");
            });
        }
    }

    #[test]
    fn carriage_returns_and_a_byte_order_mark_change_nothing() {
        let text = "\u{feff}v: |\r\n  one\r\n  two é three\r\n\r\n  four\r\n";
        assert_eq!(cut(text, "é three"), "é three");
        assert_eq!(cut(text, "four"), "four");
        let text = "\u{feff}v: >\r\n  one\r\n  two\r\n\r\n   three\r\n";
        assert_eq!(cut(text, "two"), "two");
        assert_eq!(cut(text, "three"), "three");
        assert_eq!(cut(text, "one two"), "one\r\n  two");
    }

    #[test]
    fn folded_blocks_map_over_their_breaks() {
        let text = "v: >-\n  curl -H\n  \"A: b\"\n\n\n    more indented \n  end\n";
        assert_eq!(cut(text, "curl -H \"A: b\""), "curl -H\n  \"A: b\"");
        assert_eq!(cut(text, "more indented "), "more indented ");
        assert_eq!(cut(text, "end"), "end");
    }

    #[test]
    fn plain_scalars_may_span_lines() {
        let text = "v: one two\n   three\n\n   four # no\n";
        assert_eq!(cut(text, "two three"), "two\n   three");
        assert_eq!(cut(text, "four"), "four");
    }

    #[test]
    fn quotes_and_escapes_are_single_steps() {
        assert_eq!(cut("v: 'it''s one\n\n\n  two'\n", "it's"), "it''s");
        assert_eq!(cut("v: 'it''s one\n\n\n  two'\n", "two"), "two");
        let text = "v: \"a\\tb \\u00e9\\x41\\U0001F600 \\\n   c \\\"d\\\" \\uD83D\\uDE00 e\"\n";
        assert_eq!(cut(text, "\t"), "\\t");
        assert_eq!(cut(text, "é"), "\\u00e9");
        assert_eq!(cut(text, "A"), "\\x41");
        assert_eq!(cut(text, "\"d\""), "\\\"d\\\"");
        assert_eq!(cut(text, " e"), " e");
        assert_eq!(cut("v: \"a\\\n\n   b\"\n", "b"), "b");
    }

    #[test]
    fn text_that_is_no_scalar_has_no_map() {
        with_value("v: [a]\n", |node| {
            assert_eq!(node.kind(), Kind::Sequence);
            assert_eq!(
                node.value_map().source_span(Span::new(0, 3)),
                Span::default()
            );
        });
    }

    /// Lines of words, some empty, some further in.
    fn lines() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(
            "( {0,3}[a-z$é\"'\\\\:]{1,6}( [a-z#é]{1,4}){0,2} {0,2})?",
            1..7,
        )
    }

    /// Every byte of the value that is no break stands in the source where the map says.
    fn holds(text: &str, escapes: bool) -> Result<(), TestCaseError> {
        let stream = Stream::parse(text);
        prop_assume!(stream.errors.is_empty());
        let document = stream.document().unwrap();
        let Some(node) = document.root().and_then(|root| root.get("v")) else {
            return Ok(());
        };
        let Some(value) = node.as_str() else {
            return Ok(());
        };
        let map = node.value_map();
        let mut last = 0;
        for (offset, byte) in value.bytes().enumerate() {
            let span = map.source_span(Span::new(offset, offset + 1));
            prop_assert!(span.start >= last, "{:?} goes back at {}", text, offset);
            prop_assert!(span.end <= text.len());
            last = span.start;
            if matches!(byte, b' ' | b'\n') || (escapes && span.len() > 1) {
                continue;
            }
            prop_assert_eq!(
                &text.as_bytes()[span.start..span.end],
                &[byte],
                "{:?} at {}",
                text,
                offset
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn block_scalars_align(lines in lines(), header in "[|>][-+]?", crlf: bool, indent in 1usize..5) {
            let feed = if crlf { "\r\n" } else { "\n" };
            let mut text = format!("v: {header}{feed}");
            for line in &lines {
                let margin = if line.trim().is_empty() { 0 } else { indent };
                write!(text, "{}{line}{feed}", " ".repeat(margin)).unwrap();
            }
            write!(text, "w: x{feed}").unwrap();
            holds(&text, false)?;
        }

        #[test]
        fn plain_scalars_align(lines in prop::collection::vec("([a-z$é][a-z'é]{0,5}( [a-z]{1,4}){0,2} {0,2})?", 1..6)) {
            let text = format!("v: {}\n", lines.join("\n   "));
            holds(&text, false)?;
        }

        #[test]
        fn quoted_scalars_align(lines in lines(), double: bool) {
            let body = lines.join("\n   ");
            let text = if double {
                format!("v: \"{}\"\n", body.replace('\\', "\\\\").replace('"', "\\\"").replace('é', "\\u00e9"))
            } else {
                format!("v: '{}'\n", body.replace('\'', "''"))
            };
            holds(&text, true)?;
        }

        #[test]
        fn no_text_panics(text in "[ab:\\-|>&*!'\"\\[\\]{}#,\\n\\r\\t é~]{0,60}") {
            let stream = Stream::parse(text.as_str());
            for document in &stream.documents {
                for node in document.nodes() {
                    prop_assert!(node.span().end <= text.len());
                    let _ = node.value_map();
                }
            }
        }
    }
}
