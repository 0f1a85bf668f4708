//! The literal search of the hot path: all needles in one pass.
//!
//! `packed::Searcher` searches at a rate that hardly depends on the set of needles, where
//! `AhoCorasick` picks a prefilter that may turn out four to seven times slower for one more needle.
//! It stands in where the machine lacks the vector instructions or the needles are too many.

use aho_corasick::{AhoCorasick, Input, MatchKind, packed};

/// A compiled set of needles.
#[derive(Debug)]
pub(super) enum Needles {
    /// Vector instructions.
    Packed(Box<packed::Searcher>),
    /// Any machine, any number of needles.
    Automaton(Box<AhoCorasick>),
    /// There is nothing to look for.
    Nothing,
}

impl Needles {
    /// Compiles `needles`, of which none may be empty or the beginning of another.
    pub(super) fn new(needles: &[Vec<u8>]) -> Self {
        if needles.is_empty() {
            return Self::Nothing;
        }
        if let Some(searcher) = packed::Searcher::new(needles) {
            return Self::Packed(Box::new(searcher));
        }
        Self::automaton(needles)
    }

    fn automaton(needles: &[Vec<u8>]) -> Self {
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(needles)
            .map_or(Self::Nothing, |automaton| {
                Self::Automaton(Box::new(automaton))
            })
    }

    /// The first needle at or after `from`: its index and offset.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let (pattern, start) = match self {
            Self::Packed(searcher) => {
                let found = searcher.find_in(text, (from..text.len()).into())?;
                (found.pattern(), found.start())
            }
            Self::Automaton(automaton) => {
                let found = automaton.find(Input::new(text).range(from..))?;
                (found.pattern(), found.start())
            }
            Self::Nothing => return None,
        };
        Some((pattern.as_usize(), start))
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
        let mut from = 0;
        while let Some((needle, start)) = needles.find(text, from) {
            found.push((needle, start));
            from = start + 1;
        }
        found
    }

    fn naive(needles: &[Vec<u8>], text: &[u8]) -> Vec<(usize, usize)> {
        (0..text.len())
            .flat_map(|start| {
                needles
                    .iter()
                    .enumerate()
                    .filter(move |(_, needle)| text[start..].starts_with(needle))
                    .map(move |(index, _)| (index, start))
            })
            .collect()
    }

    #[test]
    fn nothing_is_found_without_needles() {
        assert_eq!(Needles::new(&[]).find(b"abc-", 0), None);
    }

    #[test]
    fn short_texts_are_searched_too() {
        let searcher = Needles::new(&needles());
        assert_eq!(searcher.find(b"ab-", 0), Some((1, 0)));
        assert_eq!(searcher.find(b"ab-", 3), None);
        assert_eq!(searcher.find(b"", 0), None);
    }

    proptest! {
        #[test]
        fn both_searchers_find_what_a_naive_search_finds(text in "[abcx01.\\[\\]-]{0,200}") {
            let expected = naive(&needles(), text.as_bytes());
            prop_assert_eq!(&all(&Needles::new(&needles()), text.as_bytes()), &expected);
            prop_assert_eq!(&all(&Needles::automaton(&needles()), text.as_bytes()), &expected);
        }
    }
}
