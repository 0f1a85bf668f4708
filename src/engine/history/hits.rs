//! The pass over every object, which keeps of a hit its token and object alone.

use std::collections::{BTreeMap, HashSet};

use crate::detect::{ClueScratch, Clues, Detection, Detector};
use crate::engine::leaks::{Search, SearchVisitor, TokenKey};
use crate::model::{Confidence, Problem, Provenance};
use crate::source::git::{Base, Kind, ObjectId, ObjectVisitor, ids_length, oid, tree_names};

/// The most names of files that are known to hold nothing.
const MAX_NAMES: usize = 4096;

/// One token in one object.
struct Hit {
    token: u32,
    object: ObjectId,
    kind: Kind,
    count: u32,
}

/// Looks for tokens in the objects of one thread.
pub(super) struct HitVisitor<'s, 'r> {
    searcher: SearchVisitor<'s, 'r>,
    detector: &'r Detector,
    scratch: ClueScratch,
    /// What the search of one object found.
    detections: Vec<Detection>,
    /// Names with clues that lead nowhere. They stand in every version of a tree.
    empty_names: HashSet<Vec<u8>>,
    /// The lowest confidence that is reported.
    confidence: Confidence,
    /// See [`Search::most_tokens`].
    most_tokens: usize,
    tokens: BTreeMap<TokenKey, u32>,
    hits: Vec<Hit>,
    /// What could not be read of what is packed in objects.
    problems: Vec<(ObjectId, Problem)>,
    /// Whether the last object had neither.
    found_nothing: bool,
}

impl<'s, 'r> HitVisitor<'s, 'r> {
    pub(super) fn new(search: &'s Search<'r>, confidence: Confidence) -> Self {
        Self {
            searcher: search.visitor(),
            detector: search.detector,
            scratch: ClueScratch::default(),
            detections: Vec::new(),
            empty_names: HashSet::new(),
            confidence,
            most_tokens: search.most_tokens,
            tokens: BTreeMap::new(),
            hits: Vec::new(),
            problems: Vec::new(),
            found_nothing: false,
        }
    }
}

impl HitVisitor<'_, '_> {
    /// Keeps the tokens of an object.
    fn keep(
        &mut self,
        kind: Kind,
        object: &oid,
        found: impl Iterator<Item = (Confidence, TokenKey)>,
    ) {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for (confidence, key) in found {
            if confidence >= self.confidence {
                let next = u32::try_from(self.tokens.len()).unwrap_or(u32::MAX);
                let token = *self.tokens.entry(key).or_insert(next);
                *counts.entry(token).or_default() += 1;
            }
        }
        self.found_nothing = counts.is_empty();
        let hit = |(token, count)| Hit {
            token,
            object: object.to_owned(),
            kind,
            count,
        };
        self.hits.extend(counts.into_iter().map(hit));
    }

    /// Searches the names in a tree that have clues.
    fn search_names(
        &mut self,
        id: &oid,
        tree: &[u8],
        clues: &Clues,
        detections: &mut Vec<Detection>,
    ) {
        let last = clues.last().unwrap_or_default();
        for (at, name) in tree_names(id, tree).take_while(|(at, _)| *at <= last) {
            if clues.any_in(at..at + name.len()) && !self.empty_names.contains(name) {
                let known = detections.len();
                self.detector.scan(name, detections);
                if detections.len() == known && self.empty_names.len() < MAX_NAMES {
                    self.empty_names.insert(name.to_owned());
                }
            }
        }
    }

    /// Reads an object window by window, and what is packed in it.
    fn read(&mut self, kind: Kind, id: &oid, bytes: &[u8]) {
        self.searcher.search(bytes, Provenance::default);
        let harvest = self.searcher.take();
        let has_problems = !harvest.problems.is_empty();
        let problems = harvest.problems.into_iter();
        self.problems
            .extend(problems.map(|problem| (id.to_owned(), problem)));
        let found = harvest.sightings.into_iter();
        self.keep(kind, id, found.map(|found| (found.confidence, found.key())));
        self.found_nothing &= !has_problems;
    }
}

impl ObjectVisitor for HitVisitor<'_, '_> {
    /// None where they do not tell all.
    type Trace = Option<Clues>;

    fn trace(
        &mut self,
        kind: Kind,
        bytes: &[u8],
        base: Option<Base<'_, Self::Trace>>,
    ) -> Self::Trace {
        if kind == Kind::Blob && (self.searcher.opens(bytes) || Detector::is_encoded(bytes)) {
            return None;
        }
        let scratch = &mut self.scratch;
        if let Some(Base {
            trace: Some(clues),
            copies,
        }) = base
        {
            return Some(self.detector.clues_from(clues, copies, bytes, scratch));
        }
        // There are as many ids as commits, and nothing to find in a hash.
        let from = match kind {
            Kind::Commit => ids_length(bytes),
            Kind::Blob | Kind::Tag | Kind::Tree => 0,
        };
        Some(self.detector.clues(bytes, from, scratch))
    }

    fn visit(&mut self, kind: Kind, id: &oid, bytes: &[u8], clues: &Self::Trace) {
        let Some(clues) = clues else {
            return self.read(kind, id, bytes);
        };
        if clues.is_empty() {
            self.found_nothing = true;
            return;
        }
        let mut detections = std::mem::take(&mut self.detections);
        if kind == Kind::Tree {
            self.search_names(id, bytes, clues, &mut detections);
        } else {
            self.detector.scan_clues(bytes, clues, &mut detections);
        }
        if kind != Kind::Tree && detections.len() > self.most_tokens {
            // Not all of them are told; which ones and what of the others, the reader says.
            detections.clear();
            self.detections = detections;
            return self.read(kind, id, bytes);
        }
        let found = detections.drain(..);
        self.keep(
            kind,
            id,
            found.map(|found| (found.confidence, (found.rule, found.leak.digest))),
        );
        self.detections = detections;
    }

    fn found_nothing(&self) -> bool {
        self.found_nothing
    }
}

/// The hits of all threads.
#[derive(Default)]
pub(super) struct Hits {
    /// For each token the objects that hold it, and how often.
    pub(super) by_token: BTreeMap<TokenKey, BTreeMap<ObjectId, usize>>,
    /// All objects that are told of.
    pub(super) kinds: BTreeMap<ObjectId, Kind>,
    /// What could not be read of what is packed in objects.
    pub(super) problems: Vec<(ObjectId, Problem)>,
}

impl Hits {
    /// Objects of which something packed could not be read.
    pub(super) fn packed(&self) -> Vec<ObjectId> {
        self.problems.iter().map(|(id, _)| *id).collect()
    }

    pub(super) fn of(visitors: Vec<HitVisitor<'_, '_>>) -> Self {
        let mut hits = Self::default();
        for visitor in visitors {
            let mut tokens: Vec<(u32, TokenKey)> = visitor
                .tokens
                .iter()
                .map(|(key, number)| (*number, key.clone()))
                .collect();
            tokens.sort_unstable_by_key(|(number, _)| *number);
            for hit in &visitor.hits {
                let (_, key) = &tokens[hit.token as usize];
                let objects = match hits.by_token.get_mut(key) {
                    Some(objects) => objects,
                    None => hits.by_token.entry(key.clone()).or_default(),
                };
                objects.insert(hit.object, hit.count as usize);
                hits.kinds.insert(hit.object, hit.kind);
            }
            for (id, problem) in visitor.problems {
                hits.kinds.insert(id, Kind::Blob);
                hits.problems.push((id, problem));
            }
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::text::WINDOW;
    use crate::engine::text::tests::Bench;

    #[test]
    fn of_an_object_full_of_tokens_the_first_are_told_and_that_there_are_more() {
        let bench = Bench::new();
        let text = bench.expand("{{deploy_token/legacy}}\n").repeat(9);
        let id = ObjectId::null(gix_hash::Kind::Sha1);
        for (most, told, problems) in [(8, 8, 1), (9, 9, 0)] {
            bench.with_search(most, WINDOW, |search| {
                let mut visitor = HitVisitor::new(search, Confidence::Low);
                let clues = visitor.trace(Kind::Blob, text.as_bytes(), None);
                visitor.visit(Kind::Blob, &id, text.as_bytes(), &clues);
                assert!(!visitor.found_nothing());
                let hits = Hits::of(vec![visitor]);
                let counts = hits.by_token.values().flat_map(BTreeMap::values);
                assert!(counts.eq([&told]));
                assert_eq!(hits.packed(), vec![id; problems]);
            });
        }
    }
}
