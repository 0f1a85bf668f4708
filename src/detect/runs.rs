//! Long runs of letters, digits and the signs of base64: the only places where a token in base64 or
//! hexadecimal can be.
//!
//! Source code has few of them, so that the many needles of these encodings are searched for in hardly
//! any of its bytes. Of windows that lie apart by a step a run of the least length holds one, wherever it
//! begins; so the finder asks of one after another whether all its bytes may stand in a run, which the compiler
//! makes a few vector instructions of.

use std::ops::Range;

use super::encoding::{MAX_INDENT, next_line};

/// How many characters of the line behind a run are looked at, if it may be the next line of a folded text:
/// what begins in a run has its second needle there at the latest.
const NEXT_LINE: usize = 16;

/// How far before a place the run can end whose next line it is in.
const LINE_BEFORE: usize = MAX_INDENT + 4 + NEXT_LINE;

/// How far a run is followed out of a range.
const AROUND: usize = 512;

/// How many bytes are looked at at once.
const WINDOW: usize = 8;

/// The shortest run that is looked for, whatever the rules ask for.
const SHORTEST: usize = 16;

/// What a byte is in a run; none outside of one.
const UPPER: u8 = 1;
const LOWER: u8 = 2;
const DIGIT: u8 = 4;
const SIGN: u8 = 8;

const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let character = byte as u8;
        classes[byte] = match character {
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'0'..=b'9' => DIGIT,
            b'+' | b'/' | b'-' | b'_' => SIGN,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// What a run may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Anything: it has letters of both cases.
    Mixed,
    /// Hexadecimal digits alone. In base64 of thirty characters of text there are letters of both cases,
    /// all but once in 10^10 times; identifiers, paths and rules drawn with hyphens often have but one.
    Hex,
}

/// Finds runs of a least length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runs {
    least: usize,
    /// The fewest hexadecimal digits side by side that are looked at.
    least_hex: usize,
}

impl Runs {
    /// Runs in which a text of `length` bytes can be encoded, and no shorter ones than are worth looking
    /// for.
    pub(super) const fn of_texts(length: usize) -> Self {
        const fn at_least(length: usize) -> usize {
            if length < SHORTEST { SHORTEST } else { length }
        }
        Self {
            least: at_least(length * 4 / 3),
            least_hex: at_least(length * 2),
        }
    }

    /// Calls `found` with the parts of `range` in which something encoded may begin, in ascending order
    /// and without overlap.
    pub(super) fn for_each(
        self,
        text: &[u8],
        range: Range<usize>,
        mut found: impl FnMut(Range<usize>, Script),
    ) {
        // The line of a run may go on in the next one.
        let around = followed(text, &(range.start.saturating_sub(LINE_BEFORE)..range.end));
        let mut done = range.start;
        for (run, script) in self.all(text, around) {
            let part = run.start.max(done)..run.end.min(range.end);
            if part.start < part.end {
                done = part.end;
                found(part, script);
            }
        }
    }

    /// Calls `found` with the parts of the text in which something encoded may begin that has or had to do
    /// with one of the `fresh` ranges: the runs that it is in or touches, and those that go on in its
    /// line. The ranges are in order.
    pub(super) fn about(
        self,
        text: &[u8],
        fresh: &[Range<usize>],
        mut found: impl FnMut(Range<usize>, Script),
    ) {
        let mut report = |range: Range<usize>| {
            if range.len() >= self.least {
                for (run, script) in self.all(text, range) {
                    found(run, script);
                }
            }
        };
        let mut last = 0..0;
        for range in fresh {
            let mut range = followed(text, range);
            if let Some(end) = self.line_before(text, range.start) {
                range.start = end - run_length(text[..end].iter().rev());
            }
            if range.start <= last.end {
                last.end = last.end.max(range.end);
            } else {
                report(std::mem::replace(&mut last, range));
            }
        }
        report(last);
    }

    /// Where the run ends that is on the line before the one that begins at `at`. Nothing but line ends,
    /// also as strings write them, and indentation is between.
    fn line_before(self, text: &[u8], at: usize) -> Option<usize> {
        let before = &text[at.saturating_sub(LINE_BEFORE)..at];
        let mut left = before;
        let mut is_ended = false;
        loop {
            match left {
                [rest @ .., b' ' | b'\t'] => left = rest,
                [rest @ .., b'\\', b'r' | b'n'] | [rest @ .., b'\r' | b'\n' | b'\\'] => {
                    is_ended = true;
                    left = rest;
                }
                [.., last] => {
                    let end = at - (before.len() - left.len());
                    let is_run = is_ended
                        && is_inside(*last)
                        && !ends_behind_separator(&text[..end], self.least);
                    return is_run.then_some(end);
                }
                [] => return None,
            }
        }
    }

    /// The runs in `range` that may encode something, each with the beginning of its next line.
    fn all(self, text: &[u8], range: Range<usize>) -> impl Iterator<Item = (Range<usize>, Script)> {
        let mut at = range.start;
        std::iter::from_fn(move || {
            loop {
                let run = self.next(text, at..range.end)?;
                at = run.end;
                match self.script(&text[run.clone()]) {
                    Some(Script::Mixed) => {
                        let end = next_line(text, run.end).map_or(run.end, |line| {
                            line + run_length(text[line..].iter().take(NEXT_LINE))
                        });
                        return Some((run.start..end, Script::Mixed));
                    }
                    Some(Script::Hex) => return Some((run, Script::Hex)),
                    None => {}
                }
            }
        })
    }

    /// The first run in `range`.
    fn next(self, text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
        let step = self.least - (WINDOW - 1);
        // As far beyond the range as tells at once where a run ends.
        let first = range.start.saturating_sub(WINDOW);
        let last = text.len().min(range.end + WINDOW);
        let mut at = range.start;
        loop {
            at = window_inside(&text[..range.end], at, step)?;
            let (before, behind) = beside(&text[first..at], &text[at + WINDOW..last]);
            let start = range.start.max(at - before);
            let end = range.end.min(at + WINDOW + behind);
            if end - start >= self.least {
                return Some(start..end);
            }
            at = end + 1;
        }
    }

    /// What a run may be, if it may be anything.
    fn script(self, run: &[u8]) -> Option<Script> {
        const BOTH: u8 = UPPER | LOWER;
        let mut classes = 0;
        let has_both = run.iter().any(|byte| {
            classes |= CLASSES[usize::from(*byte)];
            classes & BOTH == BOTH
        });
        if has_both {
            return Some(Script::Mixed);
        }
        let mut digits = 0;
        let is_hex = run.len() >= self.least_hex
            && run.iter().any(|byte| {
                digits = if byte.is_ascii_hexdigit() {
                    digits + 1
                } else {
                    0
                };
                digits == self.least_hex
            });
        is_hex.then_some(Script::Hex)
    }
}

/// Whether a byte may stand in a run.
const fn is_inside(byte: u8) -> bool {
    CLASSES[byte as usize] != 0
}

/// How many bytes at the beginning belong to a run, as far as one is followed.
fn run_length<'t>(bytes: impl Iterator<Item = &'t u8>) -> usize {
    bytes
        .take(AROUND)
        .take_while(|byte| is_inside(**byte))
        .count()
}

/// `range` with the rest of the runs that it cuts or touches, and at most seven bytes more on either side.
fn followed(text: &[u8], range: &Range<usize>) -> Range<usize> {
    let (before, _) = text.split_at(text.len().min(range.start));
    let (_, behind) = text.split_at(text.len().min(range.end));
    // Mostly a separator is near.
    let found_before = before.last_chunk().map_or(0, |word| separators(*word));
    let found_behind = behind.first_chunk().map_or(0, |word| separators(*word));
    let before_length = match found_before {
        0 => run_length(before.iter().rev()),
        found => found.leading_zeros() as usize / 8,
    };
    let behind_length = match found_behind {
        0 => run_length(behind.iter()),
        found => found.trailing_zeros() as usize / 8,
    };
    before.len() - before_length..text.len() - behind.len() + behind_length
}

/// The first window from `at` on of which all bytes may stand in a run, of those that begin `step` bytes apart.
fn window_inside(text: &[u8], mut at: usize, step: usize) -> Option<usize> {
    while !are_inside(text.get(at..)?.first_chunk()?) {
        at += step;
    }
    Some(at)
}

/// Whether all bytes of a window may stand in a run.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler looks at all bytes at once"
)]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "of a value it would look at one byte after the other, which takes twice the time"
)]
fn are_inside(window: &[u8; WINDOW]) -> bool {
    window.iter().fold(true, |are_inside, byte| {
        let is_letter = (*byte | 0x20).wrapping_sub(b'a') < 26;
        let is_digit_or_slash = byte.wrapping_sub(b'/') < 11;
        let is_sign = (*byte == b'+') | (*byte == b'-') | (*byte == b'_');
        are_inside & (is_letter | is_digit_or_slash | is_sign)
    })
}

/// How many bytes at the end of `before` and at the beginning of `behind` belong to the run that goes on between
/// them.
fn beside(before: &[u8], behind: &[u8]) -> (usize, usize) {
    // Mostly it ends near.
    let found_before = before.last_chunk().map_or(0, |word| outside(*word));
    let found_behind = behind.first_chunk().map_or(0, |word| outside(*word));
    let is_inside = |byte: &&u8| is_inside(**byte);
    let length_before = match found_before {
        0 => before.iter().rev().take_while(is_inside).count(),
        found => found.leading_zeros() as usize / 8,
    };
    let length_behind = match found_behind {
        0 => behind.iter().take_while(is_inside).count(),
        found => found.trailing_zeros() as usize / 8,
    };
    (length_before, length_behind)
}

/// Whether one of the last `length` bytes, without those of a word that is cut off, is less than `+`: a blank, a
/// line end, a quotation mark, a parenthesis.
fn ends_behind_separator(text: &[u8], length: usize) -> bool {
    let (_, words) = text[text.len().saturating_sub(length)..].as_rchunks();
    let mut words = words.iter().rev();
    words.any(|word| separators(*word) != 0)
}

/// A one in each of eight bytes.
const ONES: u64 = u64::MAX / 0xFF;

/// The highest bit of each of eight bytes.
const HIGHEST: u64 = 0x80 * ONES;

/// The bytes that are less than `+`: of each the highest bit, of the first byte the lowest one of these.
const fn separators(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    !(from(word, b'+') | word) & HIGHEST
}

/// The bytes that stand in no run, in the same way.
const fn outside(word: [u8; 8]) -> u64 {
    const fn among(word: u64, first: u8, last: u8) -> u64 {
        from(word, first) & !from(word, last + 1)
    }
    let word = u64::from_le_bytes(word);
    let letters = among(word | (0x20 * ONES), b'a', b'z');
    let digits = among(word, b'/', b'9');
    let signs = among(word, b'+', b'+') | among(word, b'-', b'-') | among(word, b'_', b'_');
    (!(letters | digits | signs) | word) & HIGHEST
}

/// The bytes whose lower seven bits are `least` or more: of each the highest bit, beside bits that say nothing.
const fn from(word: u64, least: u8) -> u64 {
    // Of seven bits and this the sum does not carry into the next byte.
    (word & !HIGHEST) + (0x80 - least as u64) * ONES
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RUNS: Runs = Runs::of_texts(15);

    /// Of those that hold a block of sixteen.
    const LONG_RUNS: Runs = Runs::of_texts(24);

    fn parts(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        RUNS.for_each(text.as_bytes(), range, |part, _| parts.push(part));
        parts
    }

    /// The one part.
    fn part(text: &str, range: Range<usize>) -> Range<usize> {
        let parts = parts(text, range);
        assert_eq!(parts.len(), 1);
        parts[0].clone()
    }

    /// For each byte what may begin at it.
    fn scripts(
        length: usize,
        search: impl FnOnce(&mut dyn FnMut(Range<usize>, Script)),
    ) -> Vec<Option<Script>> {
        let mut scripts = vec![None; length];
        search(&mut |part, script| {
            for kept in &mut scripts[part] {
                // In a mixed run both are looked for.
                if *kept != Some(Script::Mixed) {
                    *kept = Some(script);
                }
            }
        });
        scripts
    }

    fn naive(text: &str, least: usize) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut at = 0;
        for run in text.split(|character: char| CLASSES[character as usize & 0xFF] == 0) {
            if run.len() >= least {
                runs.push(at..at + run.len());
            }
            at += run.len() + 1;
        }
        runs
    }

    #[test]
    fn short_runs_and_those_of_one_case_are_passed_over() {
        for text in [
            "",
            "Z2xwYXQtQUJDREVGR",
            "Z2xwYXQtQU JDREVGRjkl mnoPQR",
            "some_long_identifier_that_goes_on",
            "-------------------------------",
            "src/detect/encoding/signs",
        ] {
            assert!(parts(text, 0..text.len()).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_run_is_given_with_the_next_line_and_within_the_range() {
        let run = "Z2xwYXQtQUJDREVGRjkl";
        let text = format!("{}{run}\n{}", ".".repeat(50), ".".repeat(300));
        assert_eq!(part(&text, 0..text.len()), 50..71);
        assert_eq!(part(&text, 60..65), 60..65);
        assert_eq!(part(&text, 70..400), 70..71);
        assert!(parts(&text, 0..50).is_empty());
        assert!(parts(&text, 71..371).is_empty());
        assert_eq!(part(&format!("{run}."), 0..21), 0..20);
        let text = format!("{run}\\r\\n \t {run}");
        let whole = parts(&text, 0..text.len());
        assert_eq!(whole, [0..27 + NEXT_LINE, 27 + NEXT_LINE..47]);
        assert_eq!(part(&text, 30..31), 30..31);
        let hex = "67 6c7061742d6c7061742d6c7061742d\n6c7061742d";
        assert_eq!(part(hex, 0..hex.len()), 3..33);
    }

    #[test]
    fn of_windows_is_told_which_bytes_are_inside() {
        for byte in 0..=u8::MAX {
            for at in 0..WINDOW {
                let mut window = [b'a'; WINDOW];
                window[at] = byte;
                assert_eq!(are_inside(&window), is_inside(byte), "{byte}");
                let marks = if is_inside(byte) { 0 } else { 0x80 << (8 * at) };
                assert_eq!(outside(window), marks, "{byte}");
            }
        }
    }

    proptest! {
        #[test]
        fn separators_are_told_from_all_other_bytes(word in any::<[u8; 8]>()) {
            let found = separators(word).to_le_bytes();
            let expected = word.map(|byte| if byte < b'+' { 0x80 } else { 0 });
            prop_assert_eq!(found, expected);
            let has_any = word.iter().any(|byte| *byte < b'+');
            let text = [b" ".as_slice(), &word].concat();
            prop_assert_eq!(ends_behind_separator(&text, 9), has_any);
            prop_assert_eq!(ends_behind_separator(&[&text, b" ".as_slice()].concat(), 9), true);
        }

        #[test]
        fn finds_every_run_that_is_long_enough(text in "([a-c]{0,40}[. ]{0,2}){0,12}") {
            for finder in [RUNS, LONG_RUNS] {
                let mut runs = Vec::new();
                let mut at = 0;
                while let Some(run) = finder.next(text.as_bytes(), at..text.len()) {
                    at = run.end;
                    runs.push(run);
                }
                prop_assert_eq!(runs, naive(&text, finder.least));
            }
        }

        #[test]
        fn parts_of_a_text_give_what_the_whole_gives(
            text in "([a-cA-C]{0,40}[. \\n]{0,3}){0,30}",
            cut in any::<prop::sample::Index>(),
        ) {
            let whole = parts(&text, 0..text.len());
            let cut = cut.index(text.len() + 1);
            let halves = [parts(&text, 0..cut), parts(&text, cut..text.len())].concat();
            let bytes = |parts: &[Range<usize>]| -> Vec<usize> {
                parts.iter().cloned().flatten().collect()
            };
            prop_assert_eq!(bytes(&whole), bytes(&halves));
        }

        #[test]
        fn what_an_edit_makes_of_runs_is_about_it(
            text in "([a-c]{0,40}[A-C0-9]{0,3}([. \\t]{0,3}|\r?\n {0,9}|(\\\\r)?\\\\n|\\\\)){0,12}",
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
            inserted in "[a-c]{0,30}[A-C]{0,2}[. \\t]{0,2}(\r?\n|(\\\\r)?\\\\n|\\\\){0,2}[a-c]{0,30}",
        ) {
            let at = |index: prop::sample::Index| index.index(text.len() + 1);
            let (start, end) = (at(cut.0).min(at(cut.1)), at(cut.0).max(at(cut.1)));
            let edited = [&text[..start], &inserted, &text[end..]].concat();
            let fresh = start..start + inserted.len();
            let all = |text: &str| {
                scripts(text.len(), |found| RUNS.for_each(text.as_bytes(), 0..text.len(), found))
            };
            let (old, new) = (all(&text), all(&edited));
            let about = scripts(edited.len(), |found| {
                RUNS.about(edited.as_bytes(), std::slice::from_ref(&fresh), found);
            });
            let kept = old[..start].iter().chain(vec![&None; inserted.len()]).chain(&old[end..]);
            for ((at, new), (old, about)) in new.iter().enumerate().zip(kept.zip(&about)) {
                let is_known = new.is_none() || new == old || *old == Some(Script::Mixed);
                prop_assert!(is_known || new == about, "{at} of {edited:?}: {new:?}, {about:?}");
            }
        }
    }
}
