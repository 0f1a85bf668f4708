//! Regular expressions of rule files: compiled once, bounded in size and in the work of one match.
//!
//! The hot path never sees them. A pattern is asked where a literal prefix or a context has led, and looks
//! at a window of the text. Matching takes time linear in the window whatever the pattern is; there are no
//! look-arounds and no references back.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

/// The most bytes of a pattern as it is written.
const MAX_SOURCE: usize = 1024;
/// The most bytes of a compiled pattern; repetitions of repetitions grow without bound.
const MAX_COMPILED: usize = 1 << 20;
/// The longest text that a pattern matches; what goes on further is no token.
const MAX_MATCH: usize = 4096;
/// The least that a pattern matches: a digest of less can be guessed, and it would be found everywhere.
const MIN_MATCH: usize = 8;
/// The most entries of an allow list.
const MAX_ALLOWED: usize = 256;

/// Why a regular expression could not be accepted: what is wrong, and the mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatternError {
    pub(super) message: String,
    pub(super) mend: &'static str,
}

const SYNTAX: &str =
    "the syntax is that of https://docs.rs/regex; in single quotes YAML leaves `\\` alone";
const SIZE: &str = "make it shorter, or its repetitions smaller";

/// What follows the prefix of a token, as a regular expression.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    regex: Regex,
    hir: Hir,
}

impl Pattern {
    pub(super) fn new(source: &str) -> Result<Self, PatternError> {
        let hir = parse(source)?;
        let properties = hir.properties();
        let Some(shortest) = properties.minimum_len() else {
            return Err(PatternError {
                message: "the pattern matches nothing".to_owned(),
                mend: "look at its character classes: one of them is empty",
            });
        };
        if shortest < MIN_MATCH {
            return Err(PatternError {
                message: format!(
                    "the pattern matches as little as {shortest} bytes, and a token has {MIN_MATCH} at least"
                ),
                mend: "say how often the last part repeats, as in `[0-9a-f]{32}`",
            });
        }
        if shortest > MAX_MATCH {
            return Err(PatternError {
                message: format!("the pattern matches no text of up to {MAX_MATCH} bytes"),
                mend: "no token is that long",
            });
        }
        // The token ends where nothing goes on, so the match is chosen that does.
        let regex = compile(&format!("\\A({source})(?:[^A-Za-z0-9_-]|\\z)"))?;
        Ok(Self {
            source: source.to_owned(),
            regex,
            hir,
        })
    }

    /// As it is written in the rule file.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The end of the match that begins at `from`.
    pub fn end_of_match(&self, text: &[u8], from: usize) -> Option<usize> {
        let window = text.get(from..text.len().min(from + MAX_MATCH + 1))?;
        let end = self.regex.captures(window)?.get(1)?.end();
        // What reaches the end of the window may go on beyond.
        (end <= MAX_MATCH).then_some(from + end)
    }

    /// Whether all that it matches is of the same length.
    pub fn has_one_length(&self) -> bool {
        let properties = self.hir.properties();
        properties.minimum_len() == properties.maximum_len()
    }

    /// The most bytes that it matches.
    pub(super) fn longest(&self) -> usize {
        let longest = self.hir.properties().maximum_len();
        longest.map_or(MAX_MATCH, |longest| longest.min(MAX_MATCH))
    }

    /// A text that it matches, chosen by `below`, which gives a number under the one it is given.
    pub fn sample(&self, below: &mut dyn FnMut(usize) -> usize) -> String {
        let mut bytes = Vec::new();
        sample(&self.hir, below, &mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Two patterns are the same if they are written the same.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

/// Values that are no token, as regular expressions that are searched in the whole token.
#[derive(Clone, Debug)]
pub struct AllowList(RegexSet);

impl AllowList {
    /// The list, or the index of the entry that is wrong.
    pub(super) fn new(entries: &[String]) -> Result<Self, (usize, PatternError)> {
        if entries.len() > MAX_ALLOWED {
            let error = PatternError {
                message: format!("the list has more than {MAX_ALLOWED} entries"),
                mend: "say what the values have in common",
            };
            return Err((MAX_ALLOWED, error));
        }
        for (at, entry) in entries.iter().enumerate() {
            let hir = parse(entry).map_err(|error| (at, error))?;
            if hir.properties().minimum_len() == Some(0) {
                let error = PatternError {
                    message: format!("`{entry}` allows every value"),
                    mend: "name what the values hold that are no token",
                };
                return Err((at, error));
            }
            compile(entry).map_err(|error| (at, error))?;
        }
        RegexSetBuilder::new(entries)
            .unicode(false)
            .size_limit(MAX_COMPILED)
            .build()
            .map(Self)
            .map_err(|error| (0, of_regex(&error)))
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `token` is none.
    pub fn allows(&self, token: &[u8]) -> bool {
        self.0.is_match(token)
    }
}

impl Default for AllowList {
    fn default() -> Self {
        Self(RegexSet::empty())
    }
}

fn parse(source: &str) -> Result<Hir, PatternError> {
    if source.len() > MAX_SOURCE {
        return Err(PatternError {
            message: format!("the pattern is longer than {MAX_SOURCE} bytes"),
            mend: SIZE,
        });
    }
    let parsed = regex_syntax::ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(source);
    parsed.map_err(|error| {
        let (what, column) = match &error {
            regex_syntax::Error::Parse(error) => {
                (error.kind().to_string(), error.span().start.column)
            }
            regex_syntax::Error::Translate(error) => {
                (error.kind().to_string(), error.span().start.column)
            }
            _ => (error.to_string(), 1),
        };
        PatternError {
            message: format!("the pattern is not valid at its character {column}: {what}"),
            mend: SYNTAX,
        }
    })
}

fn compile(source: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(source)
        .unicode(false)
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| of_regex(&error))
}

fn of_regex(error: &regex::Error) -> PatternError {
    match error {
        regex::Error::CompiledTooBig(_) => PatternError {
            message: format!(
                "the pattern takes more than {} KiB when it is compiled",
                MAX_COMPILED >> 10
            ),
            mend: SIZE,
        },
        // It was parsed before, and the only thing that reaches beyond its end is a comment.
        _ => PatternError {
            message: "the pattern ends in a comment".to_owned(),
            mend: "drop the comment, or `(?x)`",
        },
    }
}

/// Repetitions without end go on this far beyond what they must.
const FURTHER: u32 = 24;

fn sample(hir: &Hir, below: &mut dyn FnMut(usize) -> usize, out: &mut Vec<u8>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => out.push(member(class, below)),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min + FURTHER);
            let most = most.min(repetition.min.saturating_add(FURTHER));
            let further = usize::try_from(most - repetition.min).unwrap_or(0);
            let times = usize::try_from(repetition.min).unwrap_or(0) + below(further + 1);
            for _ in 0..times {
                // Nested repetitions multiply; no token needs more.
                if out.len() >= MAX_MATCH {
                    return;
                }
                sample(&repetition.sub, below, out);
            }
        }
        HirKind::Capture(capture) => sample(&capture.sub, below, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| sample(part, below, out)),
        HirKind::Alternation(ways) => sample(&ways[below(ways.len())], below, out),
    }
}

/// A character of `class`, of those that can be typed where there are such.
fn member(class: &Class, below: &mut dyn FnMut(usize) -> usize) -> u8 {
    let holds = |byte: u8| match class {
        Class::Bytes(bytes) => {
            let mut ranges = bytes.ranges().iter();
            ranges.any(|range| (range.start()..=range.end()).contains(&byte))
        }
        Class::Unicode(characters) => {
            let mut ranges = characters.ranges().iter();
            ranges.any(|range| (range.start()..=range.end()).contains(&char::from(byte)))
        }
    };
    let of = |bytes: std::ops::RangeInclusive<u8>, test: fn(&u8) -> bool| -> Vec<u8> {
        bytes.filter(|byte| test(byte) && holds(*byte)).collect()
    };
    let choices = [
        of(0..=127, u8::is_ascii_alphanumeric),
        of(0..=127, u8::is_ascii_graphic),
        of(0..=255, |_| true),
    ];
    let choice = choices.iter().find(|choice| !choice.is_empty());
    choice.map_or(b'?', |choice| choice[below(choice.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(source: &str) -> Pattern {
        Pattern::new(source).unwrap()
    }

    fn message(source: &str) -> String {
        Pattern::new(source).unwrap_err().message
    }

    #[test]
    fn a_match_begins_where_it_is_asked_and_ends_where_nothing_goes_on() {
        let hex = pattern("[0-9a-f]{8,12}");
        assert_eq!(hex.end_of_match(b"x 0123456789 y", 2), Some(12));
        assert_eq!(hex.end_of_match(b"0123456789", 0), Some(10));
        assert_eq!(hex.end_of_match(b" 0123456789", 0), None);
        assert_eq!(hex.end_of_match(b"0123456789abcdef", 0), None);
        assert_eq!(hex.end_of_match(b"0123456789_", 0), None);
        assert_eq!(hex.end_of_match(b"", 0), None);
        assert_eq!(hex.end_of_match(b"0", 5), None);
        // The shorter way comes first and does not hide the longer one.
        let ways = pattern("[a-z]{8}|[a-z]{8}-[0-9]{4}");
        assert_eq!(ways.end_of_match(b"abcdefgh-1234.", 0), Some(13));
    }

    #[test]
    fn bytes_that_are_no_text_are_matched_too() {
        assert_eq!(pattern(".{8}").end_of_match(b"\xff\xfe345678 ", 0), Some(8));
        assert_eq!(
            pattern(r"\w{8}").end_of_match("éabcdefg ".as_bytes(), 0),
            None
        );
    }

    #[test]
    fn a_match_is_bounded() {
        let endless = pattern("[a-z]{8,}");
        let text = "a".repeat(MAX_MATCH + 1);
        assert_eq!(
            endless.end_of_match(text.as_bytes(), 1),
            Some(MAX_MATCH + 1)
        );
        assert_eq!(endless.end_of_match(text.as_bytes(), 0), None);
        assert_eq!(endless.longest(), MAX_MATCH);
        assert_eq!(pattern("[a-z]{8,9}").longest(), 9);
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert_eq!(
            message("[a-z]{8}("),
            "the pattern is not valid at its character 9: unclosed group"
        );
        assert!(message("[a-z]{8}(?=x)").contains("look-around"));
        assert!(message(r"(a{8})\1").contains("backreferences"));
        assert_eq!(
            message("[a-z]*"),
            "the pattern matches as little as 0 bytes, and a token has 8 at least"
        );
        assert_eq!(message(r"[a-z&&0-9]{8}"), "the pattern matches nothing");
        assert!(message(&"a".repeat(2000)).contains("longer than"));
        assert!(message("[a-z]{5000}").contains("no text of up to"));
        assert!(message("((((a{100}){50}){50}){50})").contains("no text of up to"));
        assert!(message("[a-z]{8}(((a{100})?{100})?{100})?").contains("when it is compiled"));
        assert_eq!(
            message("(?x)[a-z]{8} # so"),
            "the pattern ends in a comment"
        );
    }

    #[test]
    fn an_allow_list_is_searched_in_the_whole_token() {
        let entries = ["example".to_owned(), "^acme_0+$".to_owned()];
        let list = AllowList::new(&entries).unwrap();
        assert!(list.allows(b"acme_my-example-key"));
        assert!(list.allows(b"acme_0000"));
        assert!(!list.allows(b"acme_0001"));
        assert!(!AllowList::default().allows(b""));
        let wrong =
            |entry: &str| AllowList::new(&["fine".to_owned(), entry.to_owned()]).unwrap_err();
        assert_eq!(wrong("(").0, 1);
        assert!(wrong("x*").1.message.contains("allows every value"));
        assert_eq!(
            AllowList::new(&vec!["x".to_owned(); 300]).unwrap_err().0,
            MAX_ALLOWED
        );
    }

    #[test]
    fn a_sample_is_matched_whole() {
        let mut state = 7_usize;
        let mut below = |bound: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        };
        for source in [
            "[0-9a-f]{32}",
            r"(?:live|test)_[A-Za-z0-9]{24,}",
            r"\w{4}-\d{8}(?:-x)?",
            r"(?i)abc[^a-z]{10}",
            ".{10}z",
            r"[A-Z]+\.[a-z]{8}\b",
        ] {
            let pattern = pattern(source);
            for _ in 0..200 {
                let text = pattern.sample(&mut below);
                assert_eq!(
                    pattern.end_of_match(text.as_bytes(), 0),
                    Some(text.len()),
                    "{source}: {text}"
                );
            }
        }
        let endless = pattern("(?:[a-z]{60,}){60,}").sample(&mut below);
        assert!((3600..=MAX_MATCH).contains(&endless.len()));
    }
}
