//! Tokens that are written in another alphabet: base64, hexadecimal, escapes, UTF-16.
//!
//! Nothing is decoded to see whether a token is in it. [`signs()`] says what the beginnings of tokens
//! look like in each encoding; those are needles of the one search pass. Around a hit a bounded
//! stretch is [`Decoded`], and the detector looks at it as at any other text, so that an encoded token
//! has the digest, the kind and the evidence that it has elsewhere. Every decoded byte knows which
//! bytes encode it, which is where a detection is reported.
//!
//! An encoding lowers no confidence: that a text decodes to exactly a token is no accident.
//!
//! What is found, `depth` permitting:
//!
//! | Outer | Inner |
//! | --- | --- |
//! | base64, base64url: at any alignment, with or without padding, in one line or folded | a plain token; any of these; base64 again, where no line ends in what tells a token, its prefix or mark |
//! | hexadecimal, of one case | a plain token; base64; escapes of single characters |
//! | escapes (percent, `\u002d`, `\x2d`, HTML): of all characters or of single ones after the prefix | a plain token; escapes again |
//! | UTF-16 strings in other data | a plain token; escapes of single characters |
//!
//! A text that is UTF-16 as a whole is read as if it were not, whatever else it holds.

mod dense;
mod escapes;
mod signs;
mod utf16;

pub(super) use self::dense::{Dense, MAX_INDENT, next_line};
pub(super) use self::escapes::Escapes;
pub(super) use self::signs::{Beginnings, Clue, Sign, signs};
pub(super) use self::utf16::{embedded, whole};

use crate::model::Span;

/// The most characters before a hit that are decoded: what may stand before a token, and the context that
/// tells it.
pub(super) const BEFORE: usize = 1536;

/// The most characters after a hit that are decoded.
pub(super) const AFTER: usize = 8 * 1024;

/// The same of escapes, which have up to six characters for one.
const ESCAPES_AFTER: usize = 2 * AFTER;

// The lines of folded base64 with the most indentation, in UTF-16.
const _: () = assert!(2 * dense::stretch(BEFORE + AFTER) <= super::REACH);

/// How many decoded bytes at the beginning of a stretch that was cut off are not looked at: a token in
/// them may have begun before.
const HEAD: usize = 128;

/// A way to write a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// Base64 or base64url.
    Base64,
    /// Hexadecimal digits.
    Hex,
    /// `%2d`.
    Percent,
    /// `\u002d` and `\x2d`, as in JSON and many languages.
    Backslash,
    /// `&#45;`.
    Html,
    /// Two bytes a character, in either order.
    Utf16,
}

impl Encoding {
    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Hex => "hex",
            Self::Percent => "percent",
            Self::Backslash => "backslash",
            Self::Html => "html",
            Self::Utf16 => "utf-16",
        }
    }
}

/// A decoded stretch of a text.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) encoding: Encoding,
    pub(super) text: Vec<u8>,
    sources: Sources,
    /// Whether more of the same was there before and after.
    cut: (bool, bool),
}

/// Where the bytes that encode each decoded byte stand.
#[derive(Debug)]
enum Sources {
    /// A list with the span of each; spans may share bytes.
    Listed(Vec<Span>),
    /// Two bytes each from here on.
    Units(usize),
}

impl Decoded {
    /// The bytes that encode `span` of the decoded text, from the first to the last.
    pub(super) fn source(&self, span: Span) -> Span {
        match &self.sources {
            Sources::Listed(spans) => {
                let start = spans.get(span.start).map_or(0, |first| first.start);
                let last = span.end.checked_sub(1).and_then(|last| spans.get(last));
                Span::new(start, last.map_or(start, |last| last.end))
            }
            Sources::Units(first) => Span::new(first + 2 * span.start, first + 2 * span.end),
        }
    }

    /// Whether `span` of the decoded text, or the sign of equality before it, is written in another way
    /// than plain; that sign may be escaped twice.
    pub(super) fn is_encoded(&self, span: Span) -> bool {
        let before = &self.text[..span.start];
        let mut signs = ["=", "%3D", "%3d"].into_iter();
        let sign = signs.find(|sign| before.ends_with(sign.as_bytes()));
        let span = Span::new(span.start - sign.map_or(0, str::len), span.end);
        self.source(span).len() > span.len()
    }

    /// Whether `span` of the decoded text may be a piece of something longer that was cut off.
    pub(super) fn may_be_cut(&self, span: Span) -> bool {
        (self.cut.0 && span.start < HEAD) || (self.cut.1 && span.end == self.text.len())
    }

    /// The offset up to which hits of this text need not be decoded again.
    fn until(&self) -> usize {
        let all = self.source(Span::new(0, self.text.len()));
        // At the end of a stretch that was cut off a hit is decoded anew, so that no token is cut.
        let tail = match self.encoding {
            Encoding::Base64 | Encoding::Hex | Encoding::Utf16 => AFTER / 2,
            Encoding::Percent | Encoding::Backslash | Encoding::Html => ESCAPES_AFTER / 2,
        };
        if self.cut.1 {
            all.end.saturating_sub(tail)
        } else {
            all.end
        }
    }
}

/// Stretches that were decoded already, of one text.
#[derive(Debug, Default)]
pub(super) struct Stretches(Vec<Stretch>);

#[derive(Debug)]
struct Stretch {
    encoding: Encoding,
    is_folded: bool,
    /// The offsets at which a group of characters begins, of base64 and hexadecimal.
    groups: Vec<usize>,
    covered: Span,
}

impl Stretches {
    /// The most that are remembered: the four alignments of base64, folded and in one line.
    const MOST: usize = 8;

    /// Whether `at`, where a group begins, was decoded so.
    pub(super) fn cover(&self, encoding: Encoding, is_folded: bool, at: usize) -> bool {
        self.0.iter().any(|stretch| {
            stretch.encoding == encoding
                && stretch.is_folded == is_folded
                && (stretch.covered.start..stretch.covered.end).contains(&at)
                && (stretch.groups.is_empty() || stretch.groups.binary_search(&at).is_ok())
        })
    }

    /// Remembers what was decoded around a hit at `from`.
    pub(super) fn add(&mut self, decoded: &Decoded, is_folded: bool, from: usize) {
        // Hits come in order. Else the lines of a folded text would put the stretch of all of them out.
        self.0.retain(|stretch| stretch.covered.end > from);
        if self.0.len() == Self::MOST {
            self.0.remove(0);
        }
        let group = match decoded.encoding {
            Encoding::Base64 => 3,
            Encoding::Hex => 1,
            _ => 0,
        };
        let groups = match &decoded.sources {
            Sources::Listed(spans) if group > 0 => {
                spans.iter().step_by(group).map(|span| span.start).collect()
            }
            _ => Vec::new(),
        };
        self.0.push(Stretch {
            encoding: decoded.encoding,
            is_folded,
            groups,
            covered: Span::new(from, decoded.until().max(from + 1)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_remembered_as_long_as_hits_may_lie_in_it() {
        let decoded = |spans: std::ops::Range<usize>| Decoded {
            encoding: Encoding::Base64,
            text: vec![0; spans.len()],
            sources: Sources::Listed(spans.map(|at| Span::new(at, at + 1)).collect()),
            cut: (false, false),
        };
        let mut stretches = Stretches::default();
        stretches.add(&decoded(0..3000), true, 0);
        for line in 0..99 {
            let at = 30 * line;
            assert!(stretches.cover(Encoding::Base64, true, at));
            assert!(!stretches.cover(Encoding::Base64, false, at));
            stretches.add(&decoded(at..at + 30), false, at);
            assert!(stretches.cover(Encoding::Base64, false, at));
        }
        assert!(!stretches.cover(Encoding::Base64, true, 3000));
        // Of more than are remembered the oldest goes.
        for at in 0..Stretches::MOST {
            stretches.add(&decoded(5000..6000), false, 5000 + 3 * at);
        }
        assert!(!stretches.cover(Encoding::Base64, true, 2970));
        assert!(stretches.cover(Encoding::Base64, false, 5600));
    }
}
