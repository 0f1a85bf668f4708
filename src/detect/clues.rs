//! What is known of a text before anything in it is verified, and of a text that is made of another:
//! the search of a long history looks at each new byte once.

use std::ops::Range;

use super::context::NEAR;
use super::form::Anchor;
use super::needles::{Hit, Scratch};
use super::{Detection, Detector};
use crate::model::{Charset, Copied};

/// Copies that are shorter are searched with what is new on both sides of them, which takes less time than
/// to begin another part. More than half of those that Git makes are.
const SHORT: usize = 56;

/// Where the literals of a text stand that may lead to tokens. A text without any holds no token, unless all of
/// it is encoded ([`Detector::is_encoded`]).
#[derive(Clone, Debug, Default)]
pub struct Clues {
    /// In order, none twice.
    hits: Vec<Hit>,
    /// Those that lead nowhere, as far as [`NEAR`] bytes on either side of their first bytes tell; in order, none
    /// twice. In a text that is made of this one they may, where one of these bytes is another.
    idle: Vec<Hit>,
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
    found: Vec<Hit>,
    search: Scratch,
}

impl Detector {
    /// Whether `text` is UTF-16 as a whole, of which literals say nothing.
    pub fn is_encoded(text: &[u8]) -> bool {
        Charset::of(text) != Charset::Bytes
    }

    /// The clues in `text` from its byte `from` on.
    pub fn clues(&self, text: &[u8], from: usize, scratch: &mut ClueScratch) -> Clues {
        let mut clues = Clues::default();
        self.needles
            .for_each_from(text, from, &mut scratch.search, |hit| {
                self.keep(text, hit, &mut clues);
            });
        clues
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
        let mut clues = Clues::default();
        let ClueScratch {
            fresh,
            found,
            search,
        } = scratch;
        fresh.clear();
        let mut end = 0;
        let mut is_in_order = true;
        for copy in copies {
            // Where two copies meet a literal may have come about.
            match fresh.last_mut() {
                Some(last) if end - last.end < SHORT => last.end = copy.to,
                _ if copy.to != 0 => fresh.push(end..copy.to),
                _ => {}
            }
            end = copy.to + copy.length;
            clues
                .hits
                .extend(self.copied(&base.hits, copy).map(|(_, hit)| hit));
            for (was, hit) in self.copied(&base.idle, copy) {
                // Before the beginning of both texts stands the same: nothing.
                let is_same_before =
                    was.start - copy.from >= NEAR || (copy.from == 0 && copy.to == 0);
                let is_same_behind = copy.from + copy.length - was.start >= NEAR;
                if is_same_before && is_same_behind {
                    clues.idle.push(hit);
                } else {
                    self.keep(text, hit, &mut clues);
                    is_in_order = false;
                }
            }
        }
        if end < text.len() {
            fresh.push(end..text.len());
        }
        self.needles.near(text, fresh, search, found);
        if !found.is_empty() || !is_in_order {
            for hit in found.drain(..) {
                self.keep(text, hit, &mut clues);
            }
            for list in [&mut clues.hits, &mut clues.idle] {
                list.sort();
                list.dedup();
            }
        }
        clues
    }

    /// Those of `hits` that lie wholly in what is copied, with what they are in the copy.
    fn copied<'h>(&'h self, hits: &'h [Hit], copy: &'h Copied) -> impl Iterator<Item = (Hit, Hit)> {
        let end = copy.from + copy.length;
        let first = match hits {
            [] => 0,
            _ => hits.partition_point(|hit| hit.start < copy.from),
        };
        let hits = hits[first..].iter().take_while(move |hit| hit.start < end);
        hits.filter(move |hit| self.needles.end(**hit) <= end)
            .map(|hit| {
                let start = hit.start - copy.from + copy.to;
                (*hit, Hit { start, ..*hit })
            })
    }

    /// Adds a hit to where it belongs, if it may be a clue at all.
    fn keep(&self, text: &[u8], hit: Hit, clues: &mut Clues) {
        if self.is_idle(text, hit) {
            clues.idle.push(hit);
        } else if self.may_lead(text, hit) {
            clues.hits.push(hit);
        }
    }

    /// Whether a hit is a word that leads nowhere, as far as what is near it tells.
    fn is_idle(&self, text: &[u8], hit: Hit) -> bool {
        let mut anchors = self.anchors[hit.needle].iter();
        anchors.all(|(literal, anchor)| match anchor {
            Anchor::Word(place) => {
                let is_word = text[hit.start..].starts_with(literal);
                !is_word || (place.start)(text, hit.start).is_none()
            }
            _ => false,
        })
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
