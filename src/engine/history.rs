//! The history of the repositories of a run: every object searched, what was found told by commit.
//!
//! One pass looks for tokens and keeps no more of a hit than its token and object, because a token that
//! stands in every version of a file has thousands of places. Then the objects are attributed, and the
//! places that a finding can name are searched once more, now with commit and path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::cache::{Memory, OutcomeRecord, Session, TokenPlaces};
use super::leaks::{FileComments, Search, SearchVisitor, Sighting, TokenKey};
use super::request::{HistoryScope, ScanRequest};
use crate::config::Config;
use crate::detect::{ClueScratch, Clues, Detection, Detector};
use crate::model::{
    CommitRef, Confidence, Finding, MessageKind, Origin, PathBase, Problem, ProblemClass,
    ProblemLevel, Provenance, Revision,
};
use crate::source::Root;
use crate::source::git::{
    self, Attribution, Base, Clue, Defect, History, IdSet, Kind, Lacks, Located, ObjectId,
    ObjectVisitor, OpenOptions, oid, tree_names,
};

/// What to do about a repository that cannot be opened.
pub(super) const MEND_REPOSITORY: &str = "clone again, or remove it";

/// The most places of one token that are searched again: as many as a finding names, and beyond that
/// one for each further path, so that an entry that hides the first ones does not hide the others.
const MAX_PLACES: usize = 1000;

/// What the histories of a run yield.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) sightings: Vec<Sighting>,
    pub(super) comments: Vec<FileComments>,
    /// Places that are known and not among the sightings.
    pub(super) beyond: BTreeMap<TokenKey, usize>,
    pub(super) problems: Vec<Problem>,
    pub(super) repositories: u64,
    pub(super) objects: u64,
    pub(super) bytes: u64,
}

/// Searches the histories that `request` asks for.
pub(super) fn past(
    request: &ScanRequest,
    config: &Config,
    search: &Search<'_>,
    memory: Option<&Memory<'_>>,
) -> Past {
    let mut past = Past::default();
    let roots = &search.scope.roots;
    let has_bare = || roots.roots.iter().any(Root::is_bare_repository);
    match request.history {
        HistoryScope::None => return past,
        HistoryScope::OfBare if !has_bare() => return past,
        HistoryScope::OfBare | HistoryScope::All | HistoryScope::Reachable => {}
    }
    let open = OpenOptions {
        alternates: !request.untrusted,
    };
    for located in git::repositories(roots, &request.walk_options(config), open) {
        let is_asked = request.history != HistoryScope::OfBare
            || roots.roots[located.root].is_bare_repository();
        if is_asked {
            let reader = RepositorySearch {
                request,
                search,
                memory,
                located: &located,
            };
            reader.run(&mut past);
        }
    }
    past
}

/// One repository.
struct RepositorySearch<'r> {
    request: &'r ScanRequest,
    search: &'r Search<'r>,
    memory: Option<&'r Memory<'r>>,
    located: &'r Located,
}

impl RepositorySearch<'_> {
    fn run(&self, past: &mut Past) {
        let paths = self.located.paths(&self.search.scope.roots);
        if paths.is_empty() {
            return;
        }
        let repository = match &self.located.repository {
            Ok(repository) => repository.clone(),
            Err(error) => {
                past.problems.push(self.problem(&Defect {
                    class: ProblemClass::Repository,
                    path: ".git".to_owned(),
                    message: error.to_string(),
                    mend: Some(MEND_REPOSITORY),
                }));
                return;
            }
        };
        past.repositories += 1;
        let mut defects = Vec::new();
        let mut history = History::open(repository, &mut defects);
        let mut session = self
            .memory
            .map(|memory| Session::open(memory, self.request, &history));
        // What is told below a PATH is told of no other, and so not remembered.
        let known = session
            .as_ref()
            .filter(|_| !is_narrow(&paths))
            .and_then(|session| session.outcome(&history));
        let problems = match known {
            Some(outcome) => self.recall(&mut history, outcome, past),
            None => self.read(&mut history, session.as_mut(), &paths, past),
        };
        let mut all: Vec<Problem> = defects.iter().map(|defect| self.problem(defect)).collect();
        all.extend(problems);
        if let Some(session) = &session {
            all.extend(session.notices().map(|notice| self.notice(notice)));
        }
        past.problems.extend(all);
    }

    /// Searches every object, but for those that a cache knows.
    fn read(
        &self,
        history: &mut History,
        mut session: Option<&mut Session<'_>>,
        paths: &[Vec<u8>],
        past: &mut Past,
    ) -> Vec<Problem> {
        let threads = self.request.threads();
        let visitors = || -> Vec<_> {
            (0..threads)
                .map(|_| HitVisitor::new(self.search, self.request.confidence))
                .collect()
        };
        if let Some(session) = &mut session {
            session.leave_out(history);
        }
        history.share(self.request.shared.clone());
        let (mut seen, outcome) = history.search(visitors(), self.request.strict);
        let mut problems: Vec<Problem> = outcome
            .defects
            .iter()
            .map(|defect| self.problem(defect))
            .collect();
        if let Some(session) = &session {
            let wanted = session.to_be_read();
            if !wanted.is_empty() {
                let mut again = visitors();
                let outcome = history.revisit(&wanted, &mut again);
                problems.extend(outcome.defects.iter().map(|defect| self.problem(defect)));
                seen.append(&mut again);
            }
        }
        let mut hits = Hits::of(seen);
        if let Some(session) = &mut session {
            session.add_to(&mut hits.by_token, &mut hits.kinds);
            session.remember_packs(history, &hits.by_token, &hits.kinds, &hits.packed());
        }
        let kinds = hits.kinds.clone();
        let told = (!kinds.is_empty()).then(|| {
            history.complete_graph(threads);
            self.choose(history, hits, paths)
        });
        if let Some(session) = session.filter(|_| !is_narrow(paths)) {
            let record = history.is_whole().then(|| {
                let none = Told::default();
                let told = told.as_ref().unwrap_or(&none);
                told.record((outcome.objects, outcome.bytes), history.lacks())
            });
            session.remember(history, &kinds, record);
        }
        past.objects += outcome.objects;
        past.bytes += outcome.bytes;
        if let Some(told) = told {
            // What of it cannot be read is among the problems of the search.
            problems.extend(self.tell(history, told, past).0);
        }
        problems
    }

    /// Tells what a run found in this very state, reading again what is named.
    fn recall(
        &self,
        history: &mut History,
        outcome: &OutcomeRecord,
        past: &mut Past,
    ) -> Vec<Problem> {
        past.objects += outcome.objects();
        past.bytes += outcome.bytes();
        let missing = history.recall_missing(&outcome.lacks(), self.request.threads());
        let mut problems: Vec<Problem> =
            missing.iter().map(|defect| self.problem(defect)).collect();
        let clues = outcome.clues();
        if !clues.is_empty() {
            let attributions = history.recall(&clues);
            let place = |(id, clue): (&ObjectId, &Clue)| {
                (*id, self.place(id, clue.kind, attributions.get(id)))
            };
            let told = Told {
                places: clues.iter().map(place).collect(),
                chosen: outcome.tokens().unwrap_or_default(),
                unread: outcome.problems().collect(),
                clues,
                ..Told::default()
            };
            let (packed, defects) = self.tell(history, told, past);
            problems.extend(packed);
            problems.extend(defects.iter().map(|defect| self.problem(defect)));
        }
        problems
    }

    /// Attributes hits and chooses the places that are named.
    fn choose(&self, history: &History, mut hits: Hits, paths: &[Vec<u8>]) -> Told {
        let threads = self.request.threads();
        let attributions = history.attribute(&hits.kinds, paths, threads);
        let mut packed = std::mem::take(&mut hits.problems);
        let is_narrow = is_narrow(paths);
        if is_narrow || self.request.history == HistoryScope::Reachable {
            // What cannot be told apart is kept, and so is what the index has.
            let is_kept = |id: &ObjectId| {
                attributions.get(id).is_none_or(|attribution| {
                    let is_at_path = attribution.path.is_some() && attribution.note_on.is_none();
                    let is_reached = self.request.history != HistoryScope::Reachable
                        || attribution.reachable != Some(false);
                    attribution.staged.is_some() || (is_reached && (is_at_path || !is_narrow))
                })
            };
            for objects in hits.by_token.values_mut() {
                objects.retain(|id, _| is_kept(id));
            }
            packed.retain(|(id, _)| is_kept(id));
        }
        let places: BTreeMap<ObjectId, Place> = hits
            .kinds
            .iter()
            .map(|(id, kind)| (*id, self.place(id, *kind, attributions.get(id))))
            .collect();
        let chosen: BTreeMap<TokenKey, TokenPlaces> = hits
            .by_token
            .iter()
            .filter(|(_, objects)| !objects.is_empty())
            .map(|(token, objects)| (token.clone(), chosen(objects, &places)))
            .collect();
        let named = chosen.values().flat_map(|choice| &choice.objects);
        let clues = named
            .chain(packed.iter().map(|(id, _)| id))
            .filter_map(|id| Some((*id, Clue::of(*hits.kinds.get(id)?, attributions.get(id)?))))
            .collect();
        Told {
            places,
            chosen,
            packed,
            clues,
            unread: IdSet::default(),
        }
    }

    /// Searches the places that are named once more. Returns what was wrong with what is packed in
    /// objects, with the paths of these, and of objects themselves.
    fn tell(&self, history: &History, told: Told, past: &mut Past) -> (Vec<Problem>, Vec<Defect>) {
        let Told {
            places,
            chosen,
            mut packed,
            unread,
            ..
        } = told;
        for (token, choice) in &chosen {
            if choice.beyond > 0 {
                *past.beyond.entry(token.clone()).or_default() += choice.beyond;
            }
        }
        let mut wanted: IdSet = unread.clone();
        wanted.extend(chosen.values().flat_map(|choice| &choice.objects));
        let mut visitors: Vec<_> = (0..self.request.threads())
            .map(|_| PlaceVisitor {
                searcher: self.search.visitor(),
                search: self.search,
                places: &places,
                chosen: &chosen,
                unread: &unread,
                sightings: Vec::new(),
                comments: Vec::new(),
                packed: Vec::new(),
            })
            .collect();
        let outcome = history.revisit(&wanted, &mut visitors);
        for mut visitor in visitors {
            past.sightings.extend(visitor.sightings);
            past.comments.extend(visitor.comments);
            packed.append(&mut visitor.packed);
        }
        past.comments
            .sort_by(|a, b| a.provenance.cmp(&b.provenance));
        let with_path = |(id, problem): (ObjectId, Problem)| Problem {
            path: places[&id].provenance.display_path(),
            ..problem
        };
        let packed = packed.into_iter().map(with_path).collect();
        (packed, outcome.defects)
    }

    /// What reports say of an object.
    fn place(&self, id: &ObjectId, kind: Kind, attribution: Option<&Attribution>) -> Place {
        let detector = self.search.detector;
        let attribution = attribution.cloned().unwrap_or_default();
        let revision = Revision {
            object: id.to_string().into(),
            commit: attribution.commit.as_ref().map(|commit| CommitRef {
                id: commit.id.to_string().into(),
                author: detector.masked(&commit.author).into(),
                date: date(commit.time).into(),
            }),
            reachable: attribution.reachable,
            at_head: attribution.at_head,
        };
        let (message, path) = match kind {
            Kind::Commit => (Some(MessageKind::Commit), format!(".git/commit/{id}")),
            Kind::Tag => (Some(MessageKind::Tag), format!(".git/tag/{id}")),
            Kind::Tree => (
                Some(MessageKind::Tree),
                attribution
                    .path
                    .unwrap_or_else(|| format!(".git/tree/{id}")),
            ),
            Kind::Blob => match (attribution.note_on, attribution.path) {
                (Some(object), _) => (Some(MessageKind::Note), format!(".git/note/{object}")),
                (None, Some(path)) => (None, path),
                (None, None) => (None, format!(".git/blob/{id}")),
            },
        };
        let provenance = |path: &str| Provenance {
            path: match path {
                "" => detector.masked(&self.located.prefix).into(),
                path => detector.masked(&self.located.path(path)).into(),
            },
            ..self.provenance()
        };
        let staged = attribution.staged.map(|path| Provenance {
            origin: Origin::Index(Arc::new(Revision {
                object: id.to_string().into(),
                ..Revision::default()
            })),
            ..provenance(&path)
        });
        let is_elsewhere = revision.commit.is_some() || staged.is_none();
        Place {
            provenance: match &staged {
                Some(staged) if !is_elsewhere => staged.clone(),
                _ => provenance(&path),
            },
            message,
            revision,
            staged,
            is_elsewhere,
        }
    }

    fn provenance(&self) -> Provenance {
        self.search
            .scope
            .provenance(self.located.root, &Arc::from(""))
    }

    /// A word on the cache, which changes nothing of what is found.
    fn notice(&self, message: &str) -> Problem {
        let defect = Defect {
            class: ProblemClass::Cache,
            path: String::new(),
            message: message.to_owned(),
            mend: None,
        };
        Problem {
            level: ProblemLevel::Note,
            ..self.problem(&defect)
        }
    }

    fn problem(&self, defect: &Defect) -> Problem {
        let detector = self.search.detector;
        let provenance = Provenance {
            path: detector.masked(&self.located.path(&defect.path)).into(),
            ..self.provenance()
        };
        Problem {
            level: ProblemLevel::Error,
            class: defect.class,
            path: provenance.display_path(),
            base: PathBase::SourceRoot,
            position: None,
            message: detector.masked(&defect.message),
            mend: defect.mend.map(str::to_owned),
        }
    }
}

/// Whether `paths` leave out a part of the repository.
fn is_narrow(paths: &[Vec<u8>]) -> bool {
    paths.iter().all(|path| !path.is_empty())
}

/// One token in one object.
struct Hit {
    token: u32,
    object: ObjectId,
    kind: Kind,
    count: u32,
}

/// Looks for tokens in the objects of one thread.
struct HitVisitor<'s, 'r> {
    searcher: SearchVisitor<'s, 'r>,
    detector: &'r Detector,
    scratch: ClueScratch,
    /// What the search of one object found.
    detections: Vec<Detection>,
    /// The lowest confidence that is reported.
    confidence: Confidence,
    tokens: BTreeMap<TokenKey, u32>,
    hits: Vec<Hit>,
    /// What could not be read of what is packed in objects.
    problems: Vec<(ObjectId, Problem)>,
    /// Whether the last object had neither.
    found_nothing: bool,
}

impl<'s, 'r> HitVisitor<'s, 'r> {
    fn new(search: &'s Search<'r>, confidence: Confidence) -> Self {
        Self {
            searcher: search.visitor(),
            detector: search.detector,
            scratch: ClueScratch::default(),
            detections: Vec::new(),
            confidence,
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
        Some(match base {
            Some(Base {
                trace: Some(clues),
                copies,
            }) => self
                .detector
                .clues_from(clues, copies, bytes, &mut self.scratch),
            _ => self.detector.clues(bytes),
        })
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
            for (at, name) in tree_names(id, bytes) {
                if clues.any_in(at..at + name.len()) {
                    self.detector.scan(name, &mut detections);
                }
            }
        } else {
            self.detector.scan_clues(bytes, clues, &mut detections);
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
struct Hits {
    /// For each token the objects that hold it, and how often.
    by_token: BTreeMap<TokenKey, BTreeMap<ObjectId, usize>>,
    /// All objects that are told of.
    kinds: BTreeMap<ObjectId, Kind>,
    /// What could not be read of what is packed in objects.
    problems: Vec<(ObjectId, Problem)>,
}

impl Hits {
    /// Objects of which something packed could not be read.
    fn packed(&self) -> Vec<ObjectId> {
        self.problems.iter().map(|(id, _)| *id).collect()
    }

    fn of(visitors: Vec<HitVisitor<'_, '_>>) -> Self {
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

/// Where an object stands.
struct Place {
    provenance: Provenance,
    /// What it is, unless a file.
    message: Option<MessageKind>,
    revision: Revision,
    /// Where the index has it, and HEAD does not.
    staged: Option<Provenance>,
    /// Whether it is told of beside that.
    is_elsewhere: bool,
}

impl Place {
    /// The order in which places are named: what refs reach first, then the oldest commit.
    fn order(&self) -> impl Ord + '_ {
        let commit = self.revision.commit.as_ref();
        (
            self.revision.reachable == Some(false),
            commit.is_none(),
            commit.map(|commit| (&commit.date, &commit.id)),
            &self.provenance.path,
            &self.revision.object,
        )
    }

    /// The provenance of a token here, which may stand in the tree of HEAD by another object.
    fn provenance(&self, at_head: Option<bool>) -> Provenance {
        let revision = Arc::new(Revision {
            at_head,
            ..self.revision.clone()
        });
        Provenance {
            origin: match self.message {
                Some(kind) => Origin::Message(kind, revision),
                None => Origin::History(revision),
            },
            ..self.provenance.clone()
        }
    }
}

/// What is told of the hits of a repository.
#[derive(Default)]
struct Told {
    places: BTreeMap<ObjectId, Place>,
    chosen: BTreeMap<TokenKey, TokenPlaces>,
    /// What could not be read of what is packed in objects.
    packed: Vec<(ObjectId, Problem)>,
    /// Objects of which that is still to be found out.
    unread: IdSet,
    /// What leads to the places again, of all objects above.
    clues: BTreeMap<ObjectId, Clue>,
}

impl Told {
    fn record(&self, counts: (u64, u64), lacks: &Lacks) -> OutcomeRecord {
        let packed = self.packed.iter().map(|(id, _)| *id);
        OutcomeRecord::new(counts, lacks, &self.clues, &self.chosen, packed)
    }
}

/// The places of a token that are named, of the `objects` that hold it, and how often.
fn chosen(objects: &BTreeMap<ObjectId, usize>, places: &BTreeMap<ObjectId, Place>) -> TokenPlaces {
    let mut ordered: Vec<(&ObjectId, &Place)> = objects
        .keys()
        .filter_map(|id| Some((id, places.get(id)?)))
        .collect();
    ordered.sort_by(|a, b| a.1.order().cmp(&b.1.order()));
    let at_head = ordered
        .iter()
        .map(|(_, place)| place.revision.at_head)
        .reduce(|a, b| match (a, b) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        })
        .flatten();
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    let mut chosen = BTreeSet::new();
    for (at, (id, place)) in ordered.into_iter().enumerate() {
        let is_new = paths.insert(&place.provenance.path);
        if at <= Finding::MAX_RELATED || (is_new && chosen.len() < MAX_PLACES) {
            chosen.insert(*id);
        }
    }
    let named: usize = chosen.iter().map(|id| objects[id]).sum();
    let all: usize = objects.values().sum();
    TokenPlaces {
        objects: chosen,
        at_head,
        beyond: all.saturating_sub(named),
    }
}

/// Searches the objects that are named, on one thread.
struct PlaceVisitor<'s, 'r> {
    searcher: SearchVisitor<'s, 'r>,
    search: &'s Search<'r>,
    places: &'s BTreeMap<ObjectId, Place>,
    chosen: &'s BTreeMap<TokenKey, TokenPlaces>,
    /// Objects that are searched for what cannot be read in them.
    unread: &'s IdSet,
    sightings: Vec<Sighting>,
    comments: Vec<FileComments>,
    packed: Vec<(ObjectId, Problem)>,
}

impl ObjectVisitor for PlaceVisitor<'_, '_> {
    type Trace = ();

    fn trace(&mut self, _: Kind, _: &[u8], _: Option<Base<'_, ()>>) {}

    fn visit(&mut self, kind: Kind, id: &oid, bytes: &[u8], (): &()) {
        let Some(place) = self.places.get(id) else {
            return;
        };
        let provenance = place.provenance(place.revision.at_head);
        if let Some(staged) = &place.staged {
            self.searcher.search(bytes, || staged.clone());
        }
        if !place.is_elsewhere {
            // The index alone has it.
        } else if kind == Kind::Tree {
            for (_, name) in tree_names(id, bytes) {
                let shown = self.search.detector.masked(&String::from_utf8_lossy(name));
                let path = match &*provenance.path {
                    "" => shown,
                    folder => format!("{folder}/{shown}"),
                };
                let provenance = Provenance {
                    path: path.into(),
                    ..provenance.clone()
                };
                self.searcher.search(name, || provenance.clone());
            }
        } else {
            self.searcher.search(bytes, || provenance.clone());
        }
        let harvest = self.searcher.take();
        for mut sighting in harvest.sightings {
            let chosen = self.chosen.get(&sighting.key());
            if let Some(chosen) = chosen.filter(|chosen| chosen.objects.contains(id)) {
                let provenance = &mut sighting.location.provenance;
                if !matches!(provenance.origin, Origin::Index(_)) {
                    provenance.origin = place.provenance(chosen.at_head).origin;
                }
                self.sightings.push(sighting);
            }
        }
        if self.unread.contains(id) {
            let problems = harvest.problems.into_iter();
            self.packed
                .extend(problems.map(|problem| (id.to_owned(), problem)));
        }
        let mut chosen = self.chosen.values();
        if chosen.any(|choice| choice.objects.contains(id)) {
            self.comments.extend(harvest.comments);
        }
    }
}

/// Seconds since 1970 as a date and time in UTC; what no calendar has is shown as 1970.
fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
