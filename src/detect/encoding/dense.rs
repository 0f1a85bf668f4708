//! Base64 and hexadecimal: encodings that write a few bytes as a group of characters, so that a text
//! begins anywhere and looks another way at each place of a group.
//!
//! The place of the hit says where the groups are; what is left over at the start of the run belongs to
//! something else.

use super::{AFTER, BEFORE, Decoded, Encoding, Sources};
use crate::model::Span;

/// The widths of lines that are taken for those of a folded text.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=256;

/// The most bytes of indentation in a folded text.
pub(in crate::detect) const MAX_INDENT: usize = 64;

/// The most bytes that so many characters of a folded text span.
pub(super) const fn stretch(characters: usize) -> usize {
    let longest_end = LINE_ENDS[2].len();
    characters * (*WIDTHS.start() + MAX_INDENT + longest_end) / *WIDTHS.start()
}

/// An encoding by groups of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::detect) enum Dense {
    /// Groups of four characters for three bytes, of either alphabet.
    Base64,
    /// Two digits a byte.
    Hex,
}

impl Dense {
    pub(in crate::detect) const fn encoding(self) -> Encoding {
        match self {
            Self::Base64 => Encoding::Base64,
            Self::Hex => Encoding::Hex,
        }
    }

    /// Characters and bytes of a group.
    const fn group(self) -> (usize, usize) {
        match self {
            Self::Base64 => (4, 3),
            Self::Hex => (2, 1),
        }
    }

    const fn bits(self) -> u32 {
        match self {
            Self::Base64 => 6,
            Self::Hex => 4,
        }
    }

    /// What a character stands for.
    const fn value(self, byte: u8) -> Option<u32> {
        let value = match (self, byte) {
            (Self::Hex, b'0'..=b'9') => byte - b'0',
            (Self::Hex, b'a'..=b'f') => byte - b'a' + 10,
            (Self::Hex, b'A'..=b'F') => byte - b'A' + 10,
            (Self::Base64, b'A'..=b'Z') => byte - b'A',
            (Self::Base64, b'a'..=b'z') => byte - b'a' + 26,
            (Self::Base64, b'0'..=b'9') => byte - b'0' + 52,
            (Self::Base64, b'+' | b'-') => 62,
            (Self::Base64, b'/' | b'_') => 63,
            _ => return None,
        };
        Some(value as u32)
    }

    /// Whether one of the characters at the beginning of `text` stands for something else than the one of
    /// `expected` does. Where something that is no character stands between, nothing is said of what follows.
    pub(in crate::detect) fn differ(self, text: &[u8], expected: &[u8]) -> bool {
        text.iter()
            .zip(expected)
            .map(|(found, expected)| (self.value(*found), self.value(*expected)))
            .take_while(|(found, _)| found.is_some())
            .any(|(found, expected)| found != expected)
    }

    /// The offset of the character `back` characters before the one at `at`, if the run goes so far.
    pub(in crate::detect) fn step_back(self, text: &[u8], at: usize, back: usize) -> Option<usize> {
        // Mostly the run begins well before, and need not be followed to where it does.
        let far = at.checked_sub(back + ESCAPE_TAIL);
        let is_character = |byte: &u8| self.value(*byte).is_some();
        if far.is_some_and(|far| text[far..at].iter().all(is_character)) {
            return Some(at - back);
        }
        let mut run = Run::at(self, text, at, true);
        (0..back).try_fold(at, |_, _| run.previous())
    }

    /// The first `count` bytes that the groups from the one at `at` on stand for, or fewer.
    pub(in crate::detect) fn peek(self, text: &[u8], at: usize, count: usize) -> Vec<u8> {
        let (characters, bytes) = self.group();
        let most = count.div_ceil(bytes) * characters;
        let mut run = Run::at(self, text, at, true);
        let offsets: Vec<usize> = std::iter::from_fn(|| run.next()).take(most).collect();
        let mut decoded = self.decode(text, &offsets).0;
        decoded.truncate(count);
        decoded
    }

    /// Decodes the run around the group that begins at `at`; with `folds` also over line ends. Says
    /// whether it went over any.
    pub(in crate::detect) fn read(self, text: &[u8], at: usize, folds: bool) -> (Decoded, bool) {
        let (characters, _) = self.group();
        let mut run = Run::at(self, text, at, folds);
        let mut offsets: Vec<usize> = std::iter::from_fn(|| run.previous()).take(BEFORE).collect();
        let mut is_folded = run.folds > 0;
        let is_cut_before = offsets.len() == BEFORE;
        offsets.truncate(offsets.len() / characters * characters);
        offsets.reverse();
        let before = offsets.len();
        let mut run = Run::at(self, text, at, folds);
        offsets.extend(std::iter::from_fn(|| run.next()).take(AFTER));
        is_folded |= run.folds > 0;
        let cut = (is_cut_before, offsets.len() - before == AFTER);
        (self.decoded(text, &offsets, cut), is_folded)
    }

    /// Decodes the run from the group at `at` on: what stands before it is another thing.
    pub(in crate::detect) fn read_from(self, text: &[u8], at: usize) -> Decoded {
        let mut run = Run::at(self, text, at, true);
        let offsets: Vec<usize> = std::iter::from_fn(|| run.next()).take(AFTER).collect();
        self.decoded(text, &offsets, (false, offsets.len() == AFTER))
    }

    fn decoded(self, text: &[u8], offsets: &[usize], cut: (bool, bool)) -> Decoded {
        let (text, spans) = self.decode(text, offsets);
        Decoded {
            encoding: self.encoding(),
            text,
            sources: Sources::Listed(spans),
            cut,
        }
    }

    /// The bytes that the characters at `offsets` stand for, with the characters of each.
    fn decode(self, text: &[u8], offsets: &[usize]) -> (Vec<u8>, Vec<Span>) {
        let (characters, bytes) = self.group();
        let mut decoded = Vec::with_capacity(offsets.len() * bytes / characters);
        let mut spans = Vec::with_capacity(decoded.capacity());
        for group in offsets.chunks(characters) {
            let mut value = 0;
            for offset in group {
                value = value << self.bits() | self.value(text[*offset]).unwrap_or(0);
            }
            // The bits that the last group of a text without padding has beyond whole bytes are none.
            let bits = self.bits() * u32::try_from(group.len()).unwrap_or(0);
            for byte in 0..bits / 8 {
                let [.., low] = (value >> (bits - 8 * (byte + 1))).to_be_bytes();
                decoded.push(low);
                let first = (8 * byte / self.bits()) as usize;
                let last = ((8 * byte + 7) / self.bits()) as usize;
                spans.push(Span::new(group[first], group[last] + 1));
            }
        }
        (decoded, spans)
    }
}

/// A walk over the characters of a run, in either direction.
struct Run<'t> {
    dense: Dense,
    text: &'t [u8],
    at: usize,
    /// Where the characters of this line begin; looked up where it is needed.
    line: Option<usize>,
    may_fold: bool,
    folds: usize,
}

impl<'t> Run<'t> {
    const fn at(dense: Dense, text: &'t [u8], at: usize, may_fold: bool) -> Self {
        Self {
            dense,
            text,
            at,
            line: None,
            // Of hexadecimal digits whole lines are too common.
            may_fold: may_fold && matches!(dense, Dense::Base64),
            folds: 0,
        }
    }

    fn is_character(&self, at: usize) -> bool {
        self.text
            .get(at)
            .is_some_and(|byte| self.dense.value(*byte).is_some())
    }

    /// The offset of the character at hand, which is passed.
    fn next(&mut self) -> Option<usize> {
        if !self.is_character(self.at) {
            let line = self.line_start();
            self.at = self.fold(line, self.at)?;
            self.line = Some(self.at);
            self.folds += 1;
        }
        self.at += 1;
        Some(self.at - 1)
    }

    /// The offset of the character before the one at hand, which is gone back to.
    fn previous(&mut self) -> Option<usize> {
        let line = self.line_start();
        if self.at > line {
            self.at -= 1;
            return Some(self.at);
        }
        let end = self.previous_line(line)?;
        self.at = end;
        self.line = None;
        let start = self.line_start();
        if self.fold(start, end)? != line {
            return None;
        }
        self.folds += 1;
        self.at = end - 1;
        Some(self.at)
    }

    /// Where the run of this line begins, or the last place within [`BEFORE`].
    fn line_start(&mut self) -> usize {
        if let Some(line) = self.line {
            return line;
        }
        let floor = self.at.saturating_sub(BEFORE);
        let mut start = self.at;
        while start > floor && self.is_character(start - 1) {
            start -= 1;
        }
        let line = (start + escape_tail(&self.text[..start], &self.text[start..])).min(self.at);
        self.line = Some(line);
        line
    }

    /// Where the characters of the line before the one whose characters begin at `line` end.
    fn previous_line(&self, line: usize) -> Option<usize> {
        if !self.may_fold {
            return None;
        }
        let before = &self.text[line.saturating_sub(MAX_INDENT + 4)..line];
        let indented = trim_blanks_end(before);
        let end = LINE_ENDS
            .iter()
            .find_map(|end| indented.strip_suffix(*end))?;
        let removed = before.len() - end.len();
        let at = line - removed;
        (at > 0 && self.is_character(at - 1)).then_some(at)
    }

    /// Where the text goes on if the line from `line` to `end` is one of a folded text: lines of a
    /// usual width, or of that of the next one; and the next is no longer, and is a line of nothing
    /// else.
    fn fold(&self, line: usize, end: usize) -> Option<usize> {
        let width = end - line;
        if !self.may_fold || !WIDTHS.contains(&width) || !width.is_multiple_of(4) {
            return None;
        }
        let next = next_line(self.text, end)?;
        let rest = &self.text[next..];
        let length = rest
            .iter()
            .take(width + 1)
            .take_while(|byte| self.dense.value(**byte).is_some())
            .count();
        let ends = rest
            .get(length)
            .is_none_or(|byte| matches!(byte, b'\n' | b'\r' | b'=' | b'"' | b'\'' | b'\\' | b'<'));
        let fits = match width {
            64 | 76 => (1..=width).contains(&length),
            _ => length == width,
        };
        (ends && fits).then_some(next)
    }
}

/// The ends of lines, also as strings write them.
const LINE_ENDS: [&[u8]; 4] = [b"\r\n", b"\n", br"\r\n", br"\n"];

/// Where the characters of the next line begin, behind its indentation, if one ends at `end`.
pub(in crate::detect) fn next_line(text: &[u8], end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let next = LINE_ENDS.iter().find_map(|end| rest.strip_prefix(*end))?;
    let indent = next
        .iter()
        .take(MAX_INDENT)
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    Some(text.len() - next.len() + indent)
}

/// The most that [`escape_tail`] gives.
const ESCAPE_TAIL: usize = 5;

/// Length of what at the start of `run` belongs to an escape that begins before it.
fn escape_tail(before: &[u8], run: &[u8]) -> usize {
    let digits = |from: usize, count: usize| {
        run.get(from..from + count)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    match (before.last(), run.first()) {
        (Some(b'\\'), Some(b'n' | b'r' | b't')) => 1,
        (Some(b'\\'), Some(b'u')) if digits(1, 4) => 5,
        (Some(b'\\'), Some(b'x')) if digits(1, 2) => 3,
        (Some(b'%'), Some(b'2')) if run.get(1) == Some(&b'5') && digits(2, 2) => 4,
        (Some(b'%'), Some(_)) if digits(0, 2) => 2,
        _ => 0,
    }
}

fn trim_blanks_end(text: &[u8]) -> &[u8] {
    let blanks = text
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    &text[..text.len() - blanks]
}
