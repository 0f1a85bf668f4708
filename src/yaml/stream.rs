//! A YAML file: its documents, its comments and what is wrong with it.
//!
//! The parser stops at the first error of a document. A linter that then knows nothing of a file
//! would call it clean, so a broken document is taken apart at its top-level keys: what came before
//! the error is kept, every block from there on is parsed alone.

use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScanError};

use super::build::Builder;
use super::node::Document;
use crate::model::{Position, Positions, Span};

/// Nesting of block and of flow collections, each. GitLab itself stops at a depth of 100
/// (gitlabhq/gitlabhq `doc/administration/instance_limits.md`, `max_yaml_depth`).
const NESTING_LIMIT: usize = 128;

/// Further errors of one file are not told.
const MAX_ERRORS: usize = 20;

/// Everything in one YAML file.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The documents, in order.
    pub documents: Vec<Document>,
    /// The comments, in order.
    pub comments: Vec<Comment>,
    /// What is wrong, in order; empty for a valid file.
    pub errors: Vec<SyntaxError>,
}

/// Where a comment stands relative to what it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placement {
    /// On lines of its own, directly above content.
    Above,
    /// On the line of content, after it.
    Right,
    /// On lines of its own, apart from content or at the end.
    Free,
}

/// One comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From its `#` to the end of the line.
    pub span: Span,
    /// Where it stands.
    pub placement: Placement,
}

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// It is not YAML.
    Malformed,
    /// It nests deeper than is read.
    TooDeep,
}

/// Why a document could not be read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Byte offset.
    pub offset: usize,
    /// The same as line and column.
    pub position: Position,
    /// What kind.
    pub kind: SyntaxErrorKind,
    /// Lower-case start, no full stop, without the position.
    pub message: String,
}

impl Stream {
    /// Reads a whole file; it always succeeds, and says in [`Stream::errors`] what it could not read.
    pub fn parse(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let mut reader = Reader {
            builder: Builder::new(Arc::clone(&text)),
            text: Arc::clone(&text),
            documents: Vec::new(),
            comments: Vec::new(),
            errors: Vec::new(),
        };
        reader.read();
        let mut comments = reader.comments;
        comments.sort_unstable_by_key(|comment| comment.span);
        comments.dedup_by_key(|comment| comment.span);
        let mut errors = reader.errors;
        errors.sort_by_key(|error| error.offset);
        errors.dedup_by(|later, earlier| later.offset == earlier.offset);
        errors.truncate(MAX_ERRORS);
        let mut positions = Positions::new(text.as_bytes());
        Self {
            documents: reader.documents,
            comments,
            errors: errors
                .into_iter()
                .map(|error| SyntaxError {
                    position: positions.at(error.offset),
                    ..error
                })
                .collect(),
        }
    }

    /// The document of a file that is meant to hold one: the first.
    pub fn document(&self) -> Option<&Document> {
        self.documents.first()
    }
}

struct Reader {
    text: Arc<str>,
    builder: Builder,
    documents: Vec<Document>,
    comments: Vec<Comment>,
    errors: Vec<SyntaxError>,
}

impl Reader {
    fn read(&mut self) {
        let whole = Span::new(0, self.text.len());
        let Some(broken_at) = self.parse(whole) else {
            return;
        };
        self.recover(self.section_from(broken_at));
        // The parser found its documents up to here; the rest is told apart by its markers alone.
        let mut start = self.section_from(broken_at).end;
        while start < self.text.len() {
            let section = self.section_from(start);
            if let Some(broken_at) = self.parse(section) {
                self.recover(Span::new(broken_at, section.end));
            }
            start = section.end;
        }
    }

    /// Parses `span` as documents. At an error the document is left open and its start given.
    fn parse(&mut self, span: Span) -> Option<usize> {
        let text = Arc::clone(&self.text);
        let mut parser = parser(&text[span.start..span.end]);
        let mut document_start = span.start;
        while let Some(next) = parser.next_event() {
            match next {
                Ok((Event::DocumentStart(..), at)) => {
                    document_start = at.end.byte_offset().unwrap_or(0) + span.start;
                }
                Ok((Event::DocumentEnd, _)) => {
                    let document = self.builder.finish(false);
                    self.documents.push(document);
                }
                Ok((event, at)) => self.event(event, at, span.start),
                Err(error) => {
                    self.error(&error, span);
                    return Some(document_start);
                }
            }
        }
        None
    }

    /// Reads the rest of a document that has an error, block by block.
    fn recover(&mut self, document: Span) {
        if let Some(mut pairs) = self.builder.reopen() {
            // The last pair may be cut short; its block is read again.
            let from = pairs.pop().map_or(document.start, |(key, _)| {
                let key = self.builder.start_of(key);
                self.text[..key].rfind('\n').map_or(0, |feed| feed + 1)
            });
            let found = self.errors.pop();
            let told = self.errors.len();
            for block in blocks(
                &self.text,
                Span::new(from.max(document.start), document.end),
            ) {
                pairs.extend(self.block(block));
            }
            // A block alone names the place better: an open quote runs to its end, not the file's.
            if self.errors.len() == told {
                self.errors.extend(found);
            }
            self.builder.set_root(pairs);
        }
        let document = self.builder.finish(true);
        self.documents.push(document);
    }

    /// The pairs of one top-level block.
    fn block(&mut self, span: Span) -> Vec<(super::NodeId, super::NodeId)> {
        let text = Arc::clone(&self.text);
        let mut parser = parser(&text[span.start..span.end]);
        while let Some(next) = parser.next_event() {
            match next {
                Ok((Event::DocumentEnd, _)) => break,
                Ok((event, at)) => self.event(event, at, span.start),
                Err(error) => {
                    let offset = self.error(&error, span);
                    self.comment_lines(Span::new(offset, span.end));
                    break;
                }
            }
        }
        self.builder.reopen().unwrap_or_default()
    }

    /// Takes what looks like a comment on a line of its own for one, where nothing is parsed any more.
    fn comment_lines(&mut self, span: Span) {
        let mut at = span.start;
        for line in self.text[span.start..span.end].split_inclusive('\n') {
            let bare = line.trim_end();
            let start = at + bare.len() - bare.trim_start().len();
            if self.text[start..].starts_with('#') {
                self.comments.push(Comment {
                    span: Span::new(start, at + bare.len()),
                    placement: Placement::Above,
                });
            }
            at += line.len();
        }
    }

    fn event(&mut self, event: Event<'_>, at: granit_parser::Span, base: usize) {
        if let Event::Comment(_, placement) = event {
            let start = at.start.byte_offset().unwrap_or(0) + base;
            let end = at.end.byte_offset().unwrap_or(0) + base;
            self.comments.push(Comment {
                span: Span::new(start, end),
                placement: match placement {
                    granit_parser::Placement::Above => Placement::Above,
                    granit_parser::Placement::Right => Placement::Right,
                    _ => Placement::Free,
                },
            });
        } else {
            self.builder.take(event, at, base);
        }
    }

    /// Remembers an error within `span` and says where it is. An error at the end of the input stands
    /// behind its last visible character, not in what follows.
    fn error(&mut self, error: &ScanError, span: Span) -> usize {
        let kind = match error.kind() {
            ErrorKind::RecursionLimitExceeded => SyntaxErrorKind::TooDeep,
            _ => SyntaxErrorKind::Malformed,
        };
        let content = span.start + self.text[span.start..span.end].trim_end().len();
        let mut offset = (error.marker().byte_offset().unwrap_or(0) + span.start).min(content);
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        self.errors.push(SyntaxError {
            offset,
            position: Position::default(),
            kind,
            message: error.info(),
        });
        offset
    }

    /// From `start` up to the next document marker.
    fn section_from(&self, start: usize) -> Span {
        let mut at = start;
        for line in self.text[start..].split_inclusive('\n') {
            let marker = line
                .strip_prefix("---")
                .or_else(|| line.strip_prefix("..."))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']));
            if marker && at > start {
                return Span::new(start, at);
            }
            at += line.len();
        }
        Span::new(start, self.text.len())
    }
}

fn parser(text: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    let mut options = granit_parser::Options::default();
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    options.block_nesting_limit = NESTING_LIMIT;
    options.flow_nesting_limit = NESTING_LIMIT;
    options.max_buffered_comment_events = 10_000;
    Parser::new_from_str_with_options(text, options)
}

/// The top-level blocks within `span`: from a line that begins with a key up to the next one.
///
/// A list at the margin belongs to the key above it, and so do closing brackets.
fn blocks(text: &str, span: Span) -> Vec<Span> {
    let mut starts = Vec::new();
    let mut at = span.start;
    for line in text[span.start..span.end].split_inclusive('\n') {
        let first = line.chars().next();
        let opens = first.is_some_and(|first| {
            !matches!(
                first,
                ' ' | '\t' | '\r' | '\n' | '#' | '-' | ']' | '}' | ','
            )
        });
        if opens {
            starts.push(at);
        }
        at += line.len();
    }
    starts
        .iter()
        .enumerate()
        .map(|(index, start)| Span::new(*start, starts.get(index + 1).copied().unwrap_or(span.end)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::yaml::{Budget, Kind, Node, Style};

    /// The document as a compact line, aliases looked through.
    fn show(node: Node<'_>) -> String {
        match node.kind() {
            Kind::Empty => "-".to_owned(),
            Kind::Unresolved => "?".to_owned(),
            Kind::Scalar(_) => node.as_str().unwrap().to_owned(),
            Kind::Sequence => format!("[{}]", node.items().map(show).collect::<Vec<_>>().join(" ")),
            Kind::Mapping => format!(
                "{{{}}}",
                node.entries()
                    .map(|(key, value)| format!("{}: {}", show(key), show(value)))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }
    }

    fn shown(text: &str) -> String {
        Stream::parse(text)
            .documents
            .iter()
            .map(|document| document.root().map_or_else(|| "nothing".to_owned(), show))
            .collect::<Vec<_>>()
            .join(" --- ")
    }

    #[test]
    fn order_duplicates_and_merge_keys_survive() {
        assert_eq!(
            shown("b: 1\na: 2\nb: 3\n<<: {c: 4}\n"),
            "{b: 1, a: 2, b: 3, <<: {c: 4}}"
        );
    }

    #[test]
    fn an_empty_value_is_no_tilde() {
        let stream = Stream::parse("a:\nb: ~\nc: ''\nd: !!str\n- x\n".replace("- x\n", ""));
        let root = stream.document().unwrap().root().unwrap();
        assert_eq!(root.get("a").unwrap().kind(), Kind::Empty);
        assert_eq!(root.get("b").unwrap().kind(), Kind::Scalar(Style::Plain));
        assert!(root.get("a").unwrap().is_null() && root.get("b").unwrap().is_null());
        assert!(!root.get("c").unwrap().is_null());
        assert!(!root.get("d").unwrap().is_null());
    }

    #[test]
    fn spans_cut_what_is_written() {
        let text = "a: &x [1, 'two']\nb:\n  c: *x\n  d: !reference [e, f]\n\n# c\ng: h\n";
        let stream = Stream::parse(text);
        let root = stream.document().unwrap().root().unwrap();
        let cut = |span: Span| &text[span.start..span.end];
        assert_eq!(cut(root.get("a").unwrap().span()), "[1, 'two']");
        assert!(root.get("a").unwrap().is_anchored());
        let b = root.get("b").unwrap();
        assert_eq!(cut(b.span()), "c: *x\n  d: !reference [e, f]");
        let c = b.get("c").unwrap();
        assert_eq!(cut(c.span()), "*x");
        assert!(c.is_alias());
        assert_eq!(show(c), "[1 two]");
        let d = b.get("d").unwrap();
        assert_eq!(d.tag(), Some("!reference"));
        assert_eq!(cut(d.tag_span().unwrap()), "!reference");
        assert_eq!(cut(stream.comments[0].span), "# c");
        assert_eq!(stream.comments[0].placement, Placement::Above);
    }

    #[test]
    fn documents_are_told_apart() {
        assert_eq!(
            shown("a: 1\n---\nb: 2\n...\n---\n- c\n"),
            "{a: 1} --- {b: 2} --- [c]"
        );
        assert_eq!(shown(""), "");
        assert_eq!(shown("# only\n"), "");
        assert_eq!(shown("---\n"), "-");
        assert_eq!(shown("\u{feff}a: 1\r\n"), "{a: 1}");
    }

    #[test]
    fn aliases_never_go_round_in_circles() {
        assert_eq!(shown("a: &a [1, *a]\nb: *a\n"), "{a: [1 ?], b: [1 ?]}");
        assert_eq!(shown("a: *nope\n"), "{a: ?}");
        assert_eq!(shown("a: &x 1\nb: &x 2\nc: *x\n"), "{a: 1, b: 2, c: 2}");
        assert_eq!(shown("a: &x 1\n---\nb: *x\n"), "{a: 1} --- {b: ?}");
    }

    #[test]
    fn merges_apply_own_keys_first_and_the_last_of_duplicates() {
        let text =
            "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  c: 3\n  <<: [*x, *y]\n  d: 4\n  d: 5\n";
        let stream = Stream::parse(text);
        let z = stream.document().unwrap().root().unwrap().get("z").unwrap();
        let mut merged: Vec<_> = z
            .merged(&mut Budget::new(100))
            .unwrap()
            .into_iter()
            .map(|(key, value)| (key.as_str().unwrap(), value.as_str().unwrap()))
            .collect();
        merged.sort_unstable();
        assert_eq!(merged, [("a", "1"), ("b", "1"), ("c", "3"), ("d", "5")]);
        assert!(z.merged(&mut Budget::new(5)).is_none());
    }

    #[test]
    fn a_chain_of_merges_has_an_end() {
        let mut text = "a0: &a0 {k: v}\n".to_owned();
        for step in 1..1000 {
            writeln!(text, "a{step}: &a{step} {{<<: *a{}}}", step - 1).unwrap();
        }
        let stream = Stream::parse(text);
        let last = stream
            .document()
            .unwrap()
            .root()
            .unwrap()
            .get("a999")
            .unwrap();
        assert!(last.merged(&mut Budget::new(100_000)).is_none());
    }

    #[test]
    fn a_broken_block_takes_no_other_with_it() {
        let text = "a: &a [1]\nb:\n  c: [1, 2\n  d: x\ne: *a\nf:\n- g\n- h\n";
        let stream = Stream::parse(text);
        assert!(stream.documents[0].is_partial());
        assert_eq!(
            shown(text),
            "{a: [1], b: {c: [1 2 d: x]}, e: [1], f: [g h]}".replace("[1 2 d: x]", &inner(text))
        );
        assert_eq!(stream.errors.len(), 1);
        assert_eq!(stream.errors[0].kind, SyntaxErrorKind::Malformed);
        assert!(
            (3..=5).contains(&stream.errors[0].position.line),
            "{:?}",
            stream.errors
        );
    }

    /// What is left of `b › c`, whichever way the parser reads the open bracket.
    fn inner(text: &str) -> String {
        let stream = Stream::parse(text);
        let root = stream.documents[0].root().unwrap();
        show(root.get("b").unwrap().get("c").unwrap())
    }

    #[test]
    fn an_open_quote_is_told_at_its_block() {
        let text = "a:\n  s:\n  - one\n  - \"two\nb:\n  s: [x]\nc: d\n---\ne: f\n";
        assert_eq!(shown(text), "{a: {s: [one]}, b: {s: [x]}, c: d} --- {e: f}");
        let stream = Stream::parse(text);
        assert_eq!(stream.errors.len(), 1);
        assert_eq!(stream.errors[0].position.line, 4);
    }

    #[test]
    fn errors_in_several_blocks_are_all_told() {
        let text = "a:\n\tb: c\nd: e\nf:\n\tg: h\ni: j\n";
        let stream = Stream::parse(text);
        let lines: Vec<_> = stream
            .errors
            .iter()
            .map(|error| error.position.line)
            .collect();
        assert_eq!(lines, [2, 5]);
        let root = stream.documents[0].root().unwrap();
        assert_eq!(root.get("d").unwrap().as_str(), Some("e"));
        assert_eq!(root.get("i").unwrap().as_str(), Some("j"));
    }

    #[test]
    fn depth_has_a_limit_and_no_cost() {
        for text in [
            "[".repeat(100_000),
            format!("a: {}\nb: c\n", "{x: ".repeat(100_000)),
            {
                let mut text = String::new();
                for depth in 0..2_000 {
                    writeln!(text, "{}k:", " ".repeat(depth)).unwrap();
                }
                text
            },
            format!("{}x", "- ".repeat(100_000)),
        ] {
            let stream = Stream::parse(text);
            assert!(
                stream
                    .errors
                    .iter()
                    .any(|error| error.kind == SyntaxErrorKind::TooDeep),
                "{:?}",
                stream.errors
            );
        }
    }

    #[test]
    fn comments_are_found_once_in_broken_files_too() {
        let text = "# one\na: b # two\nc:\n\td: e\n# three\nf: g # four\n";
        let stream = Stream::parse(text);
        let comments: Vec<_> = stream
            .comments
            .iter()
            .map(|comment| &text[comment.span.start..comment.span.end])
            .collect();
        assert_eq!(comments, ["# one", "# two", "# three", "# four"]);
    }
}
