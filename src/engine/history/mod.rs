//! The history of the repositories of a run: every object searched, what was found told by commit.
//!
//! One pass looks for tokens and keeps no more of a hit than its token and object, because a token that
//! stands in every version of a file has thousands of places. Then the objects are attributed, and the
//! places that a finding can name are searched once more, now with commit and path.

mod hits;
mod places;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::cache::{Memory, OutcomeRecord, Session, TokenPlaces};
use super::leaks::{FileComments, Search, Sighting, TokenKey};
use super::request::{HistoryScope, ScanRequest};
use crate::config::Config;
use crate::model::{
    CommitRef, MessageKind, Origin, PathBase, Problem, ProblemClass, ProblemLevel, Provenance,
    Revision,
};
use crate::source::Root;
use crate::source::git::{
    self, Attribution, Clue, Defect, History, IdSet, Kind, Lacks, Located, ObjectId, OpenOptions,
};
use hits::{HitVisitor, Hits};
use places::{Place, PlaceVisitor, chosen};

/// What to do about a repository that cannot be opened.
pub(super) const MEND_REPOSITORY: &str = "clone again, or remove it";

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
        // What a cache knows is not read.
        let threads = self.memory.is_none().then(|| self.request.threads());
        let mut history = History::open(repository, threads, &mut defects);
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
            .map(|_| PlaceVisitor::new(self.search, &places, &chosen, &unread))
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

/// Seconds since 1970 as a date and time in UTC; what no calendar has is shown as 1970.
fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
