//! The literal search of the hot path: all needles, block by block.
//!
//! `packed::Searcher` is several times faster than `AhoCorasick`, and fastest of all (three times) with
//! at most 32 needles, where it reads 32 bytes at a time. So needles are searched for in groups of
//! that size, one group after another over a block that stays in the cache; each further group costs
//! little. Two more things decide, both of them measured: needles of three bytes stay among
//! themselves, because the shortest of a group sets how many bytes the filter looks at, and needles
//! that begin alike share one of the eight buckets of the filter, which then lets less through.
//! Families keep needles that texts hold often away from those that they hardly ever do.
//!
//! Where the machine lacks the vector instructions an automaton stands in.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Input, MatchKind, packed};

/// The most needles that are searched for 32 bytes at a time.
const GROUP: usize = 32;

/// The buckets of a group's filter: the needle at `n` of a group falls into the one `n` modulo this.
const BUCKETS: usize = 8;

/// The bytes that all groups are searched in before the next: half of a small first-level cache.
const BLOCK: usize = 16 * 1024;

/// A needle found in a text. Ordered by place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// Offset of the first byte.
    pub(super) start: usize,
    /// Number of the needle.
    pub(super) needle: usize,
}

/// A compiled set of needles.
#[derive(Debug)]
pub(super) struct Needles {
    groups: Vec<Group>,
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

impl Needles {
    /// Compiles families of needles, which are numbered as they come. None may be empty; none may be the
    /// beginning of another of its family.
    pub(super) fn new(families: &[Vec<Vec<u8>>]) -> Self {
        Self::with(families, Searcher::new)
    }

    fn with(families: &[Vec<Vec<u8>>], compile: fn(&[&[u8]]) -> Option<Searcher>) -> Self {
        let needles: Vec<&[u8]> = families.iter().flatten().map(Vec::as_slice).collect();
        let mut groups = Vec::new();
        let mut first = 0;
        for family in families {
            let numbers = first..first + family.len();
            first = numbers.end;
            let (short, long): (Vec<usize>, Vec<usize>) =
                numbers.partition(|number| needles[*number].len() < 4);
            for numbers in [short, long] {
                let size = numbers.len().div_ceil(numbers.len().div_ceil(GROUP).max(1));
                for numbers in numbers.chunks(size.max(1)) {
                    let numbers = in_buckets(numbers, &needles);
                    let texts: Vec<&[u8]> = numbers.iter().map(|at| needles[*at]).collect();
                    groups.extend(compile(&texts).map(|searcher| Group { searcher, numbers }));
                }
            }
        }
        let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
        Self { groups, longest }
    }

    /// Calls `found` with every needle in `text`, in ascending order of their first bytes.
    pub(super) fn for_each(&self, text: &[u8], mut found: impl FnMut(Hit)) {
        let mut hits = Vec::new();
        for start in (0..text.len()).step_by(BLOCK) {
            let block = start..text.len().min(start + BLOCK);
            for group in &self.groups {
                self.search(group, text, block.clone(), &mut hits);
            }
            hits.sort_unstable();
            hits.drain(..).for_each(&mut found);
        }
    }

    /// Bytes of the longest needle.
    pub(super) const fn longest(&self) -> usize {
        self.longest
    }

    /// Whether a needle lies in `range` as a whole.
    pub(super) fn any(&self, text: &[u8], range: Range<usize>) -> bool {
        range.clone().step_by(BLOCK).any(|start| {
            let end = range
                .end
                .min(start + BLOCK + self.longest.saturating_sub(1));
            let mut groups = self.groups.iter();
            groups.any(|group| group.searcher.find(text, start..end).is_some())
        })
    }

    /// Adds the needles of `group` that begin in `block`; they may end behind it.
    fn search(&self, group: &Group, text: &[u8], block: Range<usize>, hits: &mut Vec<Hit>) {
        let end = text.len().min(block.end + self.longest.saturating_sub(1));
        let mut from = block.start;
        while let Some((pattern, start)) = group.searcher.find(text, from..end)
            && start < block.end
        {
            hits.push(Hit {
                start,
                needle: group.numbers[pattern],
            });
            from = start + 1;
        }
    }
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
    /// The number of needles that each pass searches for, and whether it does so with vector
    /// instructions.
    pub(super) fn passes(&self) -> impl Iterator<Item = (usize, bool)> {
        self.groups.iter().map(|group| {
            let is_packed = matches!(group.searcher, Searcher::Packed(_));
            (group.numbers.len(), is_packed)
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
        assert!(all(&Needles::new(&[]), b"abc-").is_empty());
    }

    #[test]
    fn short_texts_are_searched_too() {
        let searcher = Needles::new(&[needles()]);
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
            assert_eq!(
                all(&Needles::new(std::slice::from_ref(&needles)), &text),
                [(at, 4)]
            );
            assert_eq!(
                all(
                    &Needles::with(std::slice::from_ref(&needles), Searcher::automaton),
                    &text
                ),
                [(at, 4)]
            );
        }
    }

    #[test]
    fn any_number_of_needles_is_searched_for_in_small_groups() {
        let many: Vec<Vec<u8>> = (0..200u8)
            .map(|number| vec![b'x', number, number, b'y'])
            .collect();
        let searcher = Needles::new(std::slice::from_ref(&many));
        assert_eq!(
            searcher.passes().map(|(count, _)| count).sum::<usize>(),
            200
        );
        assert!(searcher.passes().all(|(count, _)| count <= GROUP));
        let text = many.concat();
        assert_eq!(all(&searcher, &text), naive(&many, &text));
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
            prop_assert_eq!(&all(&Needles::new(&[needles()]), text.as_bytes()), &expected);
            let automaton = Needles::with(&[needles()], Searcher::automaton);
            prop_assert_eq!(&all(&automaton, text.as_bytes()), &expected);
        }
    }
}
