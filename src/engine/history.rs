//! The history of the repositories of a run: every object searched, what was found told by commit.
//!
//! One pass looks for tokens and keeps no more of a hit than its token and object, because a token that
//! stands in every version of a file has thousands of places. Then the objects are attributed, and the
//! places that a finding can name are searched once more, now with commit and path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

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
    self, Attribution, Base, Defect, History, IdSet, Kind, Located, ObjectId, ObjectVisitor,
    OpenOptions, oid, tree_names,
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
pub(super) fn past(request: &ScanRequest, config: &Config, search: &Search<'_>) -> Past {
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
        let visitors = (0..self.request.threads())
            .map(|_| HitVisitor::new(self.search, self.request.confidence))
            .collect();
        let (visitors, outcome) = history.search(visitors, self.request.strict);
        past.objects += outcome.objects;
        past.bytes += outcome.bytes;
        defects.extend(outcome.defects);
        let mut problems: Vec<Problem> =
            defects.iter().map(|defect| self.problem(defect)).collect();
        let hits = Hits::of(visitors);
        if !hits.kinds.is_empty() {
            problems.extend(self.tell(&history, hits, &paths, past));
        }
        past.problems.extend(problems);
    }

    /// Attributes hits and searches the places that are named once more. Returns what was wrong with
    /// what is packed in objects, with the paths of these.
    fn tell(
        &self,
        history: &History,
        mut hits: Hits,
        paths: &[Vec<u8>],
        past: &mut Past,
    ) -> Vec<Problem> {
        let threads = self.request.threads();
        let attributions = history.attribute(&hits.kinds, paths, threads);
        let mut packed = std::mem::take(&mut hits.problems);
        let is_narrow = paths.iter().all(|path| !path.is_empty());
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
        let mut chosen: BTreeMap<TokenKey, Chosen> = BTreeMap::new();
        for (token, objects) in &hits.by_token {
            if objects.is_empty() {
                continue;
            }
            let choice = Chosen::of(objects, &places);
            let named: usize = choice.objects.iter().map(|id| objects[id]).sum();
            let all: usize = objects.values().sum();
            if all > named {
                *past.beyond.entry(token.clone()).or_default() += all - named;
            }
            chosen.insert(token.clone(), choice);
        }
        let wanted: IdSet = chosen
            .values()
            .flat_map(|choice| choice.objects.iter().copied())
            .collect();
        let mut visitors: Vec<_> = (0..threads)
            .map(|_| PlaceVisitor {
                searcher: self.search.visitor(),
                search: self.search,
                places: &places,
                chosen: &chosen,
                sightings: Vec::new(),
                comments: Vec::new(),
            })
            .collect();
        history.revisit(&wanted, &mut visitors);
        for visitor in visitors {
            past.sightings.extend(visitor.sightings);
            past.comments.extend(visitor.comments);
        }
        past.comments
            .sort_by(|a, b| a.provenance.cmp(&b.provenance));
        let with_path = |(id, problem): (ObjectId, Problem)| Problem {
            path: places[&id].provenance.display_path(),
            ..problem
        };
        packed.into_iter().map(with_path).collect()
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
        let problems = harvest.problems.into_iter();
        self.problems
            .extend(problems.map(|problem| (id.to_owned(), problem)));
        let found = harvest.sightings.into_iter();
        self.keep(kind, id, found.map(|found| (found.confidence, found.key())));
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

/// The places of one token that are named.
struct Chosen {
    objects: BTreeSet<ObjectId>,
    /// Whether the token stands in the tree of HEAD.
    at_head: Option<bool>,
}

impl Chosen {
    fn of(objects: &BTreeMap<ObjectId, usize>, places: &BTreeMap<ObjectId, Place>) -> Self {
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
        Self {
            objects: chosen,
            at_head,
        }
    }
}

/// Searches the objects that are named, on one thread.
struct PlaceVisitor<'s, 'r> {
    searcher: SearchVisitor<'s, 'r>,
    search: &'s Search<'r>,
    places: &'s BTreeMap<ObjectId, Place>,
    chosen: &'s BTreeMap<TokenKey, Chosen>,
    sightings: Vec<Sighting>,
    comments: Vec<FileComments>,
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
        self.comments.extend(harvest.comments);
    }
}

/// Seconds since 1970 as a date and time in UTC; what no calendar has is shown as 1970.
fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
