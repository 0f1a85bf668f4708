//! The literal search of the hot path: all needles, block by block.
//!
//! `packed::Searcher` is several times faster than `AhoCorasick`, and fastest of all (three times) with
//! at most 32 needles, where it reads 32 bytes at a time. So needles are searched for in groups of
//! that size, one group after another over a block that stays in the cache. Two more things decide,
//! both of them measured: needles of three bytes stay among themselves, because the shortest of a group
//! sets how many bytes the filter looks at; and needles that look alike share one of the eight buckets
//! of the filter, which then lets less through ([`arrange`]).
//!
//! Needles that stand in long runs alone are searched for in such runs ([`Runs`]): there are more of
//! them than whole texts could be searched for at any speed. Runs are short, and a search has to be begun;
//! so the runs of a block are laid side by side ([`Parts`]) and searched as one text.
//!
//! Where the machine lacks the vector instructions an automaton stands in.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind, packed};

use super::runs::{Runs, Script};

mod arrange;

/// The most needles that are searched for 32 bytes at a time.
const GROUP: usize = 32;

/// The most that `packed::Searcher` takes. Runs are short, and the fewer groups the better.
const GROUP_IN_RUNS: usize = 64;

/// The buckets of a group's filter: the needle at `n` of a group falls into the one `n` modulo this.
const BUCKETS: usize = 8;

/// The bytes that all groups are searched in before the next.
const BLOCK: usize = 32 * 1024;

/// A needle found in a text. Ordered by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// Offset of the first byte.
    pub(super) start: usize,
    /// Number of the needle.
    pub(super) needle: usize,
}

/// Needles that look alike and stand in like places.
#[derive(Debug, Default)]
pub(super) struct Family {
    /// None may be empty, and none the beginning of another.
    pub(super) needles: Vec<Vec<u8>>,
    /// The only runs that they stand in, if it is not any text.
    pub(super) in_runs: Option<Script>,
}

/// A compiled set of needles.
#[derive(Debug)]
pub(super) struct Needles {
    groups: Vec<Group>,
    /// Those that are searched for in long runs alone.
    groups_in_runs: Vec<Group>,
    /// Those that are searched for in long runs of letters of both cases alone.
    groups_in_mixed_runs: Vec<Group>,
    runs: Runs,
    /// How long each is.
    lengths: Vec<usize>,
    /// Length of the longest.
    longest: usize,
}

/// Needles that are searched for in one pass.
#[derive(Debug)]
struct Group {
    searcher: Searcher,
    /// The number of each needle of the searcher.
    numbers: Vec<usize>,
}

#[derive(Debug)]
enum Searcher {
    /// Vector instructions.
    Packed(Box<packed::Searcher>),
    /// Any machine.
    Automaton(Box<AhoCorasick>),
}

/// What a search needs apart from texts, kept from text to text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    plain: Parts,
    runs: RunParts,
}

/// The runs of a text, or of a part of it.
#[derive(Debug, Default)]
struct RunParts {
    mixed: Parts,
    hex: Parts,
}

impl RunParts {
    fn clear(&mut self) {
        self.mixed.clear();
        self.hex.clear();
    }

    fn push(&mut self, text: &[u8], run: Range<usize>, script: Script, beyond: usize) {
        let parts = match script {
            Script::Mixed => &mut self.mixed,
            Script::Hex => &mut self.hex,
        };
        parts.push(text, run, beyond);
    }
}

/// Parts of a text side by side. Hundreds of small searches become one.
#[derive(Debug, Default)]
struct Parts {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// One part.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Where it begins among the parts.
    at: usize,
    /// Where the last needles in it have begun there.
    last: usize,
    /// Where it ends there.
    end: usize,
    /// Where it begins in the text.
    start: usize,
}

impl Parts {
    /// Vector instructions need as much to begin with.
    const LEAST: usize = 64;

    fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    /// Adds a part in which needles begin, with the bytes `beyond` it that these may have.
    fn push(&mut self, text: &[u8], part: Range<usize>, beyond: usize) {
        let at = self.bytes.len();
        let end = text.len().min(part.end + beyond);
        self.bytes.extend_from_slice(&text[part.start..end]);
        self.places.push(Place {
            at,
            last: at + part.len(),
            end: self.bytes.len(),
            start: part.start,
        });
    }

    /// The needles of `groups` in all parts.
    fn search<'g>(
        &mut self,
        groups: impl IntoIterator<Item = &'g Group>,
        lengths: &[usize],
        hits: &mut Vec<Hit>,
    ) {
        if self.places.is_empty() {
            return;
        }
        if self.bytes.len() < Self::LEAST {
            self.bytes.resize(Self::LEAST, 0);
        }
        for group in groups {
            self.search_for(group, lengths, hits);
        }
    }

    fn search_for(&self, group: &Group, lengths: &[usize], hits: &mut Vec<Hit>) {
        let mut places = self.places.as_slice();
        let mut from = 0;
        while let Some((pattern, at)) = group.searcher.find(&self.bytes, from..self.bytes.len()) {
            from = at + 1;
            while let [place, rest @ ..] = places
                && place.end <= at
            {
                places = rest;
            }
            let Some(place) = places.first() else {
                return;
            };
            let needle = group.numbers[pattern];
            // Else it stands where two parts meet that are no neighbours in the text.
            if at < place.last && at + lengths[needle] <= place.end {
                let start = place.start + at - place.at;
                hits.push(Hit { start, needle });
            }
        }
    }
}

impl Needles {
    /// Compiles families of needles, which are numbered as they come.
    pub(super) fn new(families: &[Family], runs: Runs) -> Self {
        Self::with(families, runs, Searcher::new)
    }

    fn with(families: &[Family], runs: Runs, compile: fn(&[&[u8]]) -> Option<Searcher>) -> Self {
        let all = families.iter().flat_map(|family| &family.needles);
        let needles: Vec<&[u8]> = all.map(Vec::as_slice).collect();
        let mut compiled = Self {
            groups: Vec::new(),
            groups_in_runs: Vec::new(),
            groups_in_mixed_runs: Vec::new(),
            runs,
            lengths: needles.iter().map(|needle| needle.len()).collect(),
            longest: needles.iter().map(|needle| needle.len()).max().unwrap_or(0),
        };
        let mut first = 0;
        for family in families {
            let numbers = first..first + family.needles.len();
            first = numbers.end;
            let (short, long): (Vec<usize>, Vec<usize>) =
                numbers.partition(|number| needles[*number].len() < 4);
            let (groups, most) = match family.in_runs {
                None => (&mut compiled.groups, GROUP),
                Some(Script::Hex) => (&mut compiled.groups_in_runs, GROUP_IN_RUNS),
                Some(Script::Mixed) => (&mut compiled.groups_in_mixed_runs, GROUP_IN_RUNS),
            };
            for mut numbers in [short, long] {
                // Neighbours share a beginning, and a bucket.
                numbers.sort_by_key(|number| needles[*number]);
                let size = numbers.len().div_ceil(numbers.len().div_ceil(most).max(1));
                let groups_of_numbers: Vec<Vec<usize>> = if family.in_runs.is_some() {
                    let chunks = numbers.chunks(size.max(1));
                    chunks
                        .map(|numbers| in_buckets(numbers, &needles))
                        .collect()
                } else {
                    arrange::arranged(&numbers, size.max(1), &needles)
                };
                for numbers in groups_of_numbers {
                    let texts: Vec<&[u8]> = numbers.iter().map(|at| needles[*at]).collect();
                    groups.extend(compile(&texts).map(|searcher| Group { searcher, numbers }));
                }
            }
        }
        compiled
    }

    /// Calls `found` with every needle in `text`, in ascending order of their first bytes.
    pub(super) fn for_each(&self, text: &[u8], found: impl FnMut(Hit)) {
        self.for_each_from(text, 0, &mut Scratch::default(), found);
    }

    /// The same from the byte `from` on, with what was kept from another text.
    pub(super) fn for_each_from(
        &self,
        text: &[u8],
        from: usize,
        scratch: &mut Scratch,
        mut found: impl FnMut(Hit),
    ) {
        let mut hits = Vec::new();
        let beyond = self.beyond();
        for start in (from..text.len()).step_by(BLOCK) {
            let block = start..text.len().min(start + BLOCK);
            for group in &self.groups {
                self.search(group, text, block.clone(), &mut hits);
            }
            if self.has_runs() {
                let runs = &mut scratch.runs;
                runs.clear();
                let push = |run, script| runs.push(text, run, script, beyond);
                self.runs.for_each(text, block, push);
                self.search_runs(runs, &mut hits);
            }
            hits.sort_unstable();
            hits.drain(..).for_each(&mut found);
        }
    }

    /// Adds every needle that one of the `fresh` ranges can have made, in no order: those that have a byte
    /// in it, or one on each side of an empty one, and those in runs that it made longer. Others may
    /// be among them, and some twice. The ranges are in order and do not overlap.
    pub(super) fn near(
        &self,
        text: &[u8],
        fresh: &[Range<usize>],
        scratch: &mut Scratch,
        hits: &mut Vec<Hit>,
    ) {
        let beyond = self.beyond();
        let Scratch { plain, runs } = scratch;
        plain.clear();
        for window in widened(fresh, beyond, text.len()) {
            plain.push(text, window, 0);
        }
        plain.search(&self.groups, &self.lengths, hits);
        if self.has_runs() {
            runs.clear();
            let push = |run, script| runs.push(text, run, script, beyond);
            self.runs.about(text, fresh, push);
            self.search_runs(runs, hits);
        }
    }

    fn has_runs(&self) -> bool {
        !self.groups_in_runs.is_empty() || !self.groups_in_mixed_runs.is_empty()
    }

    /// How many bytes of a needle may stand behind its first.
    fn beyond(&self) -> usize {
        self.longest.saturating_sub(1)
    }

    fn search_runs(&self, runs: &mut RunParts, hits: &mut Vec<Hit>) {
        let of_both = self.groups_in_runs.iter().chain(&self.groups_in_mixed_runs);
        runs.mixed.search(of_both, &self.lengths, hits);
        runs.hex.search(&self.groups_in_runs, &self.lengths, hits);
    }

    /// Where a needle ends.
    pub(super) fn end(&self, hit: Hit) -> usize {
        hit.start + self.length(hit.needle)
    }

    /// How long a needle is.
    pub(super) fn length(&self, needle: usize) -> usize {
        self.lengths[needle]
    }

    /// Adds the needles of `group` that begin in `part`; they may end behind it.
    fn search(&self, group: &Group, text: &[u8], part: Range<usize>, hits: &mut Vec<Hit>) {
        let end = text.len().min(part.end + self.beyond());
        let mut from = part.start;
        while let Some((pattern, start)) = group.searcher.find(text, from..end)
            && start < part.end
        {
            hits.push(Hit {
                start,
                needle: group.numbers[pattern],
            });
            from = start + 1;
        }
    }
}

/// `ranges` with so many more bytes on either side, within a text of `length`; those that meet are one.
fn widened(
    ranges: &[Range<usize>],
    more: usize,
    length: usize,
) -> impl Iterator<Item = Range<usize>> {
    let mut ranges = ranges.iter();
    let mut next = ranges.next().cloned();
    std::iter::from_fn(move || {
        let mut window = next.take()?;
        for range in ranges.by_ref() {
            if range.start.saturating_sub(more) > window.end + more {
                next = Some(range.clone());
                break;
            }
            window.end = range.end;
        }
        Some(window.start.saturating_sub(more)..length.min(window.end + more))
    })
}

/// The order in which needles that begin alike fall into the same bucket.
fn in_buckets(numbers: &[usize], needles: &[&[u8]]) -> Vec<usize> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by_key(|number| needles[*number]);
    let (rows, rest) = (sorted.len() / BUCKETS, sorted.len() % BUCKETS);
    let mut buckets: Vec<_> = (0..BUCKETS)
        .map(|bucket| rows + usize::from(bucket < rest))
        .scan(sorted.as_slice(), |left, size| {
            let (bucket, others) = left.split_at(size);
            *left = others;
            Some(bucket.iter())
        })
        .collect();
    (0..=rows)
        .flat_map(|_| {
            buckets
                .iter_mut()
                .filter_map(|bucket| bucket.next().copied())
                .collect::<Vec<_>>()
        })
        .collect()
}

impl Searcher {
    fn new(needles: &[&[u8]]) -> Option<Self> {
        packed::Searcher::new(needles)
            .map(|searcher| Self::Packed(Box::new(searcher)))
            .or_else(|| Self::automaton(needles))
    }

    fn automaton(needles: &[&[u8]]) -> Option<Self> {
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(needles)
            .ok()
            .filter(|_| !needles.is_empty())
            .map(|automaton| Self::Automaton(Box::new(automaton)))
    }

    /// The first needle in `range`: its number in the group and its offset.
    fn find(&self, text: &[u8], range: Range<usize>) -> Option<(usize, usize)> {
        let (pattern, start) = match self {
            Self::Packed(searcher) => {
                let found = searcher.find_in(text, range.into())?;
                (found.pattern(), found.start())
            }
            Self::Automaton(automaton) => {
                let found = automaton.find(Input::new(text).range(range))?;
                (found.pattern(), found.start())
            }
        };
        Some((pattern.as_usize(), start))
    }
}

#[cfg(test)]
impl Needles {
    /// The number of needles that each pass over a whole text searches for, and each over its long
    /// runs, and whether it does so with vector instructions.
    pub(super) fn passes(&self) -> [Vec<(usize, bool)>; 3] {
        let groups_in_runs = [&self.groups_in_runs, &self.groups_in_mixed_runs];
        let [in_runs, in_mixed_runs] = groups_in_runs;
        [&self.groups, in_runs, in_mixed_runs].map(|groups| {
            groups
                .iter()
                .map(|group| {
                    let is_packed = matches!(group.searcher, Searcher::Packed(_));
                    (group.numbers.len(), is_packed)
                })
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needles() -> Vec<Vec<u8>> {
        ["abc-", "ab-", "c-a", ".01.", "[[x]]"]
            .map(|needle| needle.as_bytes().to_vec())
            .to_vec()
    }

    fn compiled(needles: &[Vec<u8>]) -> Needles {
        with(needles, Searcher::new)
    }

    fn with(needles: &[Vec<u8>], compile: fn(&[&[u8]]) -> Option<Searcher>) -> Needles {
        let family = Family {
            needles: needles.to_vec(),
            in_runs: None,
        };
        Needles::with(&[family], Runs::of_texts(0), compile)
    }

    fn all(needles: &Needles, text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        needles.for_each(text, |hit| found.push((hit.start, hit.needle)));
        found
    }

    fn naive(needles: &[Vec<u8>], text: &[u8]) -> Vec<(usize, usize)> {
        (0..text.len())
            .flat_map(|start| {
                needles
                    .iter()
                    .enumerate()
                    .filter(move |(_, needle)| text[start..].starts_with(needle))
                    .map(move |(index, _)| (start, index))
            })
            .collect()
    }

    #[test]
    fn nothing_is_found_without_needles() {
        assert!(all(&compiled(&[]), b"abc-").is_empty());
    }

    #[test]
    fn short_texts_are_searched_too() {
        let searcher = compiled(&needles());
        assert_eq!(all(&searcher, b"ab-"), [(0, 1)]);
        assert_eq!(all(&searcher, b"b-"), []);
        assert_eq!(all(&searcher, b""), []);
    }

    #[test]
    fn needles_over_the_border_of_two_blocks_are_found_once() {
        let needles = needles();
        for at in BLOCK - 6..=BLOCK + 1 {
            let mut text = vec![b'.'; 2 * BLOCK];
            text[at..at + 5].copy_from_slice(b"[[x]]");
            assert_eq!(all(&compiled(&needles), &text), [(at, 4)]);
            assert_eq!(all(&with(&needles, Searcher::automaton), &text), [(at, 4)]);
        }
    }

    #[test]
    fn any_number_of_needles_is_searched_for_in_small_groups() {
        let many: Vec<Vec<u8>> = (0..200u8)
            .map(|number| vec![b'x', number, number, b'y'])
            .collect();
        let searcher = compiled(&many);
        assert_eq!(
            searcher.passes()[0]
                .iter()
                .map(|(count, _)| count)
                .sum::<usize>(),
            200
        );
        assert!(
            searcher.passes()[0]
                .iter()
                .all(|(count, _)| *count <= GROUP)
        );
        let text = many.concat();
        assert_eq!(all(&searcher, &text), naive(&many, &text));
    }

    #[test]
    fn needles_in_runs_are_found_in_runs_alone() {
        let family = |needle: &str, script| Family {
            needles: vec![needle.as_bytes().to_vec()],
            in_runs: Some(script),
        };
        let families = [family("Z2x", Script::Mixed), family("676c", Script::Hex)];
        let needles = Needles::new(&families, Runs::of_texts(15));
        assert!(all(&needles, b"x = Z2xwYXQ; 676c7061").is_empty());
        // A line may be the last one of a folded text.
        let text = b"x = 0123456789Z2xwYXQtabcdefgh\n676c7061\n012345678901234567890123456789676c";
        assert_eq!(all(&needles, text), [(14, 0), (31, 1), (70, 1)]);
        // Base64 has letters of both cases.
        let text = b"0Z2x456789012345676c0123456789";
        assert_eq!(all(&needles, text), [(1, 0), (16, 1)]);
        let text = b"0aZ2x456789012345676c0123456789 z2x456789012345676c0123456789";
        assert_eq!(all(&needles, text), [(2, 0), (17, 1)]);
        let text = b"z2x-456789012345676c0123456789012345678";
        assert_eq!(all(&needles, text), [(16, 1)]);
    }

    #[test]
    fn needles_that_begin_alike_share_a_bucket() {
        let texts: Vec<[u8; 1]> = (0..20).map(|number| [number]).collect();
        let texts: Vec<&[u8]> = texts.iter().map(<[u8; 1]>::as_slice).collect();
        let numbers: Vec<usize> = (0..20).rev().collect();
        let order = in_buckets(&numbers, &texts);
        let bucket = |bucket: usize| -> Vec<usize> {
            order
                .iter()
                .skip(bucket)
                .step_by(BUCKETS)
                .copied()
                .collect()
        };
        assert_eq!(bucket(0), [0, 1, 2]);
        assert_eq!(bucket(3), [9, 10, 11]);
        assert_eq!(bucket(7), [18, 19]);
        assert_eq!(order.len(), 20);
    }

    proptest! {
        #[test]
        fn both_searchers_find_what_a_naive_search_finds(text in "[abcx01.\\[\\]-]{0,200}") {
            let expected = naive(&needles(), text.as_bytes());
            prop_assert_eq!(&all(&compiled(&needles()), text.as_bytes()), &expected);
            let automaton = with(&needles(), Searcher::automaton);
            prop_assert_eq!(&all(&automaton, text.as_bytes()), &expected);
        }
    }
}
