//! What is known of a text before anything in it is verified, and of a text that is made of another:
//! the search of a long history looks at each new byte once.

use std::ops::Range;

use super::needles::{Hit, Scratch};
use super::{Detection, Detector};
use crate::model::{Charset, Copied};

/// Copies that are shorter are searched with what is new on both sides of them, which takes less time than
/// to begin another part. Half of those that Git makes are.
const SHORT: usize = 56;

/// Where the literals of a text stand. A text without any holds no token, unless all of it is encoded
/// ([`Detector::is_encoded`]).
#[derive(Clone, Debug, Default)]
pub struct Clues {
    /// In order, none twice.
    hits: Vec<Hit>,
}

impl Clues {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// Where the last one begins.
    pub fn last(&self) -> Option<usize> {
        self.hits.last().map(|hit| hit.start)
    }

    /// Whether one begins in `range`.
    pub fn any_in(&self, range: Range<usize>) -> bool {
        let before = self.hits.partition_point(|hit| hit.start < range.start);
        self.hits
            .get(before)
            .is_some_and(|hit| hit.start < range.end)
    }
}

/// What the search for clues needs apart from texts, kept from text to text.
#[derive(Debug, Default)]
pub struct ClueScratch {
    fresh: Vec<Range<usize>>,
    search: Scratch,
}

impl Detector {
    /// Whether `text` is UTF-16 as a whole, of which literals say nothing.
    pub fn is_encoded(text: &[u8]) -> bool {
        Charset::of(text) != Charset::Bytes
    }

    /// The clues in `text` from its byte `from` on.
    pub fn clues(&self, text: &[u8], from: usize, scratch: &mut ClueScratch) -> Clues {
        let mut hits = Vec::new();
        self.needles
            .for_each_from(text, from, &mut scratch.search, |hit| {
                if self.may_lead(text, hit) {
                    hits.push(hit);
                }
            });
        Clues { hits }
    }

    /// The clues in `text`, which has the bytes of `copies` from a text of which the clues are `base`.
    /// Only what is new is searched. `copies` come in the order of `text`, without overlap.
    pub fn clues_from(
        &self,
        base: &Clues,
        copies: &[Copied],
        text: &[u8],
        scratch: &mut ClueScratch,
    ) -> Clues {
        let mut hits = Vec::new();
        let fresh = &mut scratch.fresh;
        fresh.clear();
        let mut end = 0;
        for copy in copies {
            // Where two copies meet a literal may have come about.
            match fresh.last_mut() {
                Some(last) if end - last.end < SHORT => last.end = copy.to,
                _ if copy.to != 0 => fresh.push(end..copy.to),
                _ => {}
            }
            end = copy.to + copy.length;
            if base.is_empty() {
                continue;
            }
            let source = copy.from..copy.from + copy.length;
            let first = base.hits.partition_point(|hit| hit.start < source.start);
            let kept = base.hits[first..].iter();
            hits.extend(
                kept.take_while(|hit| hit.start < source.end)
                    .filter(|hit| self.needles.end(**hit) <= source.end)
                    .map(|hit| Hit {
                        start: hit.start - copy.from + copy.to,
                        ..*hit
                    }),
            );
        }
        if end < text.len() {
            fresh.push(end..text.len());
        }
        // Those of the base are in order.
        let kept = hits.len();
        self.needles
            .near(text, fresh, &mut scratch.search, &mut hits);
        if hits.len() > kept {
            let found = hits.split_off(kept);
            let found = found.into_iter();
            hits.extend(found.filter(|hit| self.may_lead(text, *hit)));
            hits.sort();
            hits.dedup();
        }
        Clues { hits }
    }

    /// Whether something may begin at a hit. Of needles in long runs, most of which stand there by
    /// chance, it is told at once: whatever changes it changes the run, or the line before or behind it, and
    /// those are searched again.
    fn may_lead(&self, text: &[u8], hit: Hit) -> bool {
        let mut anchors = self.anchors[hit.needle].iter().map(|(_, anchor)| anchor);
        anchors.any(|anchor| {
            anchor
                .dense()
                .is_none_or(|clue| clue.group(text, hit.start).is_some())
        })
    }

    /// Appends the tokens in `text` to `detections`, as [`Detector::scan`] does, by its clues.
    pub fn scan_clues(&self, text: &[u8], clues: &Clues, detections: &mut Vec<Detection>) {
        let hits = |hit: &mut dyn FnMut(Hit)| clues.hits.iter().copied().for_each(hit);
        self.scan_hits(text, hits, self.decode_depth, detections);
    }
}
