//! What is known of a text before anything in it is verified, and of a text that is made of another:
//! the search of a long history looks at each new byte once.

use std::ops::Range;

use super::needles::{Hit, Parts};
use super::{Detection, Detector};
use crate::model::{Charset, Copied};

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
    parts: Parts,
}

impl Detector {
    /// Whether `text` is UTF-16 as a whole, of which literals say nothing.
    pub fn is_encoded(text: &[u8]) -> bool {
        Charset::of(text) != Charset::Bytes
    }

    /// The clues in `text`.
    pub fn clues(&self, text: &[u8]) -> Clues {
        let mut hits = Vec::new();
        self.needles.for_each(text, |hit| hits.push(hit));
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
            if copy.to != 0 {
                fresh.push(end..copy.to);
            }
            end = copy.to + copy.length;
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
        self.needles
            .near(text, fresh, &mut scratch.parts, &mut hits);
        hits.sort_unstable();
        hits.dedup();
        Clues { hits }
    }

    /// Appends the tokens in `text` to `detections`, as [`Detector::scan`] does, by its clues.
    pub fn scan_clues(&self, text: &[u8], clues: &Clues, detections: &mut Vec<Detection>) {
        let hits = |hit: &mut dyn FnMut(Hit)| clues.hits.iter().copied().for_each(hit);
        self.scan_hits(text, hits, self.decode_depth, detections);
    }
}
