//! Long runs of letters, digits and the signs of base64: the only places where a token in base64 or
//! hexadecimal can be.
//!
//! Source code has few of them, so that the many needles of these encodings are searched for in hardly
//! any of its bytes. A run of the least length holds a whole block, wherever it begins; so the finder
//! steps from block to block, asks each for the most frequent separators, which the compiler makes a few
//! vector instructions of, and reads bytes only where there are none.

use std::ops::Range;

/// How far behind a run its text may go on: the next line of a folded one, with its indentation.
const AFTER: usize = 96;

/// How far a run is followed out of a range.
const AROUND: usize = 512;

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

/// Finds runs of a least length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runs {
    least: usize,
}

impl Runs {
    /// Runs of at least `least` characters, and no fewer than are worth looking for.
    pub(super) const fn of_at_least(least: usize) -> Self {
        let least = if least < SHORTEST { SHORTEST } else { least };
        Self { least }
    }

    /// How far from bytes that make a place one to look at it can lie: a run of the least length, and the
    /// line behind it.
    pub(super) const fn reach(self) -> usize {
        self.least + AFTER
    }

    /// Calls `found` with the parts of `range` in which something encoded may begin, in ascending order
    /// and without overlap.
    pub(super) fn for_each(
        self,
        text: &[u8],
        range: Range<usize>,
        mut found: impl FnMut(Range<usize>),
    ) {
        // The line of a run may go on in the next one.
        let around = followed(text, &(range.start.saturating_sub(AFTER)..range.end));
        let mut at = around.start;
        let mut done = range.start;
        while let Some(run) = self.next(text, at..around.end) {
            at = run.end;
            let goes_on = matches!(text.get(run.end), Some(b'\r' | b'\n' | b'\\'));
            let after = if goes_on { AFTER } else { 0 };
            let part = run.start.max(done)..(run.end + after).min(range.end);
            if part.start >= range.end {
                return;
            }
            if part.start < part.end && may_encode(&text[run]) {
                done = part.end;
                found(part);
            }
        }
    }

    /// Whether a run has a byte in `range`.
    pub(super) fn any_about(self, text: &[u8], range: &Range<usize>) -> bool {
        self.next(text, followed(text, range)).is_some()
    }

    /// The first run in `range`.
    fn next(self, text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
        // A run of so many characters holds a block of sixteen, wherever the blocks begin.
        if self.least >= 2 * 16 - 1 {
            self.next_by_blocks::<16>(text, range)
        } else {
            self.next_by_blocks::<8>(text, range)
        }
    }

    fn next_by_blocks<const BLOCK: usize>(
        self,
        text: &[u8],
        range: Range<usize>,
    ) -> Option<Range<usize>> {
        let text = &text[..range.end];
        let is_outside = |byte: &u8| CLASSES[usize::from(*byte)] == 0;
        let mut at = range.start;
        loop {
            let (blocks, _) = text.get(at..)?.as_chunks::<BLOCK>();
            at += BLOCK * blocks.iter().position(|block| !has_separator(block))?;
            let length = text[at..].iter().position(is_outside);
            let end = length.map_or(text.len(), |length| at + length);
            if end >= at + BLOCK {
                let before = text[range.start..at].iter().rposition(is_outside);
                let start = before.map_or(range.start, |before| range.start + before + 1);
                if end - start >= self.least {
                    return Some(start..end);
                }
            }
            at = end + 1;
        }
    }
}

/// `range` and the rest of the runs that it cuts.
fn followed(text: &[u8], range: &Range<usize>) -> Range<usize> {
    let is_outside = |byte: &u8| CLASSES[usize::from(*byte)] == 0;
    let start = text.len().min(range.start);
    let before = &text[start.saturating_sub(AROUND)..start];
    let before = before.iter().rev().position(is_outside);
    let end = text.len().min(range.end);
    let behind = &text[end..text.len().min(end + AROUND)];
    let behind = behind.iter().position(is_outside);
    start.saturating_sub(before.unwrap_or(AROUND))..text.len().min(end + behind.unwrap_or(AROUND))
}

/// Whether one of the bytes is a blank, a line end, a quotation mark, a parenthesis, any other that is less
/// than `+`, a comma, a full stop or a colon.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches the compiler looks at all bytes at once"
)]
fn has_separator<const BLOCK: usize>(block: &[u8; BLOCK]) -> bool {
    block.iter().fold(false, |found, byte| {
        found | (*byte < b'+') | (*byte | 2 == b'.') | (*byte == b':')
    })
}

/// Whether a run may be base64 or hexadecimal digits of a text. In base64 of thirty characters of text
/// there are letters of both cases, all but once in 10^10 times; identifiers, paths and rules drawn with
/// hyphens often have but one.
fn may_encode(run: &[u8]) -> bool {
    const BOTH: u8 = UPPER | LOWER;
    let mut classes = 0;
    let has_both = run.iter().any(|byte| {
        classes |= CLASSES[usize::from(*byte)];
        classes & BOTH == BOTH
    });
    has_both || (classes & DIGIT != 0 && longest_hex(run) >= SHORTEST)
}

/// The length of the longest stretch of hexadecimal digits.
fn longest_hex(run: &[u8]) -> usize {
    run.split(|byte| !byte.is_ascii_hexdigit())
        .map(<[u8]>::len)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RUNS: Runs = Runs::of_at_least(20);

    fn parts(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        RUNS.for_each(text.as_bytes(), range, |part| parts.push(part));
        parts
    }

    /// The one part.
    fn part(text: &str, range: Range<usize>) -> Range<usize> {
        let parts = parts(text, range);
        assert_eq!(parts.len(), 1);
        parts[0].clone()
    }

    fn naive(text: &str) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let mut at = 0;
        for run in text.split(|character: char| CLASSES[character as usize & 0xFF] == 0) {
            if run.len() >= 20 {
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
        assert_eq!(part(&text, 0..text.len()), 50..70 + AFTER);
        assert_eq!(part(&text, 60..65), 60..65);
        assert_eq!(part(&text, 70..400), 70..70 + AFTER);
        assert!(parts(&text, 0..50).is_empty());
        assert!(parts(&text, 70 + AFTER..371).is_empty());
        assert_eq!(part(&format!("{run}."), 0..21), 0..20);
        let hex = "67 6c7061742d6c7061742d6c7061742d";
        assert_eq!(parts(hex, 0..hex.len()).len(), 1);
    }

    proptest! {
        #[test]
        fn finds_every_run_that_is_long_enough(text in "([a-c]{0,30}[. ]{0,2}){0,12}") {
            let mut runs = Vec::new();
            let mut at = 0;
            while let Some(run) = RUNS.next(text.as_bytes(), at..text.len()) {
                at = run.end;
                runs.push(run);
            }
            prop_assert_eq!(runs, naive(&text));
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
    }
}
