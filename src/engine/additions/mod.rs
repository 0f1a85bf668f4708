//! Phase 1 of a run that asks for what was added: the blobs that the next commit or those of a range
//! bring, searched for tokens that did not stand in what they replace.
//!
//! The rest of the engine reads the files of such a run through [`Additions::snapshots`]: as the index
//! has them, or the last commit of the range.

mod commits;
mod staged;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use globset::GlobSet;

use super::leaks::{Harvest, Search, SearchVisitor, Sighting};
use super::scope::MakeOrigin;
use super::{ScanError, ScanRequest};
use crate::config::Config;
use crate::detect::Detector;
use crate::model::{Digest, PathBase, Problem, ProblemClass, ProblemLevel, Provenance};
use crate::source::git::{
    self, Changes, Decoder, Defect, Kind, ObjectId, Objects, OpenOptions, Repository, Snapshot,
};
use crate::source::{Root, Roots};
use commits::Commits;
use staged::Staged;

pub use commits::RefUpdate;

/// Portions of work below this number are done on the thread that asks: starting others takes longer.
const FEW: usize = 16;

/// Which additions a run asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdditionsRequest {
    /// What `git commit` would record.
    Staged {
        /// The index that stands in for that of the repository which the working directory is in: Git
        /// names one to the hooks of `git commit --all` and `git commit FILE`.
        index: Option<PathBuf>,
    },
    /// What the commits of a range added: `A..B` or `A...B`.
    Range(String),
    /// What a push adds, before it is taken.
    Push {
        /// The refs that it changes.
        updates: Vec<RefUpdate>,
        /// Folders of objects that are not the repository's own yet.
        objects: Vec<PathBuf>,
    },
}

/// What was added to the repositories of a run.
pub(super) struct Additions {
    repositories: Vec<Opened>,
}

/// A repository and what was added to it.
struct Opened {
    /// Its root, as an index into [`Roots::roots`].
    root: usize,
    label: Option<Arc<str>>,
    objects: Objects,
    added: Added,
    defects: Vec<Defect>,
}

/// What was added to a repository.
enum Added {
    Staged(Box<Staged>),
    Commits(Commits),
}

impl Additions {
    /// Opens the repository of every root and finds what was added to it, if that is asked for.
    ///
    /// # Errors
    ///
    /// A root that is no repository, has no index because it is bare, or does not have a revision.
    pub(super) fn open(
        request: &ScanRequest,
        config: &Config,
        roots: &Roots,
    ) -> Result<Option<Self>, ScanError> {
        let Some(asked) = &request.additions else {
            return Ok(None);
        };
        let options = OpenOptions {
            alternates: !request.untrusted,
        };
        let open = |(number, root): (usize, &Root)| {
            let repository = Repository::at(root.dir(), options)?
                .ok_or_else(|| ScanError::NoRepository(root.dir().to_owned()))?;
            let wanted = Wanted {
                repository: &repository,
                roots,
                root: number,
                exclude: &config.exclude,
            };
            Opened::new(asked, root, &wanted)
        };
        let repositories = roots.roots.iter().enumerate().map(open);
        Ok(Some(Self {
            repositories: repositories.collect::<Result<_, _>>()?,
        }))
    }

    /// What stands in for the files on disk, by root.
    pub(super) fn snapshots(&self) -> impl Iterator<Item = (usize, (Snapshot<'_>, MakeOrigin))> {
        self.repositories.iter().filter_map(|opened| {
            let snapshot = match &opened.added {
                Added::Staged(staged) => staged.snapshot(&opened.objects),
                Added::Commits(commits) => commits.snapshot(&opened.objects),
            };
            Some((opened.root, snapshot?))
        })
    }

    /// Whether something was added to the file `path` of a root.
    pub(super) fn touches(&self, root: usize, path: &str) -> bool {
        let mut opened = self
            .repositories
            .iter()
            .filter(|opened| opened.root == root);
        opened.any(|opened| match &opened.added {
            Added::Staged(staged) => staged.touches(path),
            Added::Commits(commits) => commits.touches(path),
        })
    }

    /// Searches what was added.
    pub(super) fn search(&self, search: &Search<'_>, request: &ScanRequest) {
        for opened in &self.repositories {
            let mut defects = opened.defects.clone();
            let place = Place {
                root: opened.root,
                label: opened.label.as_ref(),
                objects: &opened.objects,
                threads: request.jobs,
                max_file_size: request.max_file_size,
            };
            let mut harvest = match &opened.added {
                Added::Staged(staged) => staged.search(&place, search, &mut defects),
                Added::Commits(commits) => commits.search(&place, search, &mut defects),
            };
            let problem = |defect| place.problem(defect, search.detector);
            harvest.problems.extend(defects.iter().map(problem));
            search.visitor().harvest.append(harvest);
        }
    }
}

impl Opened {
    fn new(asked: &AdditionsRequest, root: &Root, wanted: &Wanted<'_>) -> Result<Self, ScanError> {
        let mut repository = wanted.repository.clone();
        if let AdditionsRequest::Push { objects, .. } = asked {
            let real = |folder: &PathBuf| std::fs::canonicalize(folder).ok();
            let own: Vec<_> = repository
                .object_folders()
                .iter()
                .filter_map(real)
                .collect();
            let further = objects.iter().filter_map(real);
            let further: Vec<_> = further.filter(|folder| !own.contains(folder)).collect();
            repository = repository.with_object_folders(further);
        }
        // What a shallow or partial clone lacks may not be needed; where it is, the object is named.
        let mut defects = repository.defects().to_vec();
        defects.retain(|defect| defect.class != ProblemClass::History);
        let objects = repository.objects(&mut defects);
        let added = match asked {
            AdditionsRequest::Staged { .. } if repository.is_bare() => {
                return Err(ScanError::NoIndex(root.dir().to_owned()));
            }
            AdditionsRequest::Staged { index } => {
                let here = std::env::current_dir().and_then(std::fs::canonicalize);
                let is_here = here.is_ok_and(|here| here.starts_with(root.dir()));
                let index = index.as_deref().filter(|_| is_here);
                Added::Staged(Staged::new(wanted, index, &objects, &mut defects).into())
            }
            AdditionsRequest::Range(range) => {
                Added::Commits(Commits::of_range(range, wanted, &objects, &mut defects)?)
            }
            AdditionsRequest::Push { updates, .. } => {
                Added::Commits(Commits::of_push(updates, wanted, &objects, &mut defects))
            }
        };
        Ok(Self {
            root: wanted.root,
            label: root.label().cloned(),
            objects,
            added,
            defects,
        })
    }
}

/// A repository, as reports name what is in it.
struct Place<'p> {
    root: usize,
    label: Option<&'p Arc<str>>,
    objects: &'p Objects,
    /// 0 means one a core.
    threads: usize,
    /// The largest file that is read, in bytes.
    max_file_size: Option<u64>,
}

impl Place<'_> {
    fn provenance(&self, path: &Arc<str>) -> Provenance {
        Provenance {
            repository: self.label.cloned(),
            path: Arc::clone(path),
            ..Provenance::default()
        }
    }

    fn problem(&self, defect: &Defect, detector: &Detector) -> Problem {
        let path = detector.masked(&defect.path).into();
        Problem {
            level: ProblemLevel::Error,
            class: defect.class,
            path: self.provenance(&path).display_path(),
            base: PathBase::SourceRoot,
            position: None,
            message: detector.masked(&defect.message),
            mend: defect.mend.map(str::to_owned),
        }
    }
}

/// Which paths of a repository a run reads.
struct Wanted<'w> {
    repository: &'w Repository,
    roots: &'w Roots,
    root: usize,
    exclude: &'w GlobSet,
}

impl Wanted<'_> {
    /// Whether all of the repository is read.
    fn is_whole(&self) -> bool {
        let root = self.roots.roots[self.root].dir();
        let mut targets = self.roots.targets.iter();
        targets.any(|target| {
            target.root == self.root
                && (root.starts_with(&target.path)
                    || target.path.starts_with(self.repository.git_dir()))
        })
    }

    fn takes(&self, path: &[u8]) -> bool {
        let path = String::from_utf8_lossy(path);
        let root = self.roots.roots[self.root].dir();
        let mut targets = self.roots.targets.iter();
        let is_named = self.is_whole()
            || targets.any(|target| {
                target.root == self.root && root.join(&*path).starts_with(&target.path)
            });
        let folders = path.match_indices('/').map(|(slash, _)| &path[..slash]);
        is_named
            && !folders
                .chain([&*path])
                .any(|path| self.exclude.is_match(path))
    }
}

/// Decodes objects and has them searched.
struct ObjectReader<'o, 's, 'r> {
    place: &'o Place<'o>,
    decoder: Decoder,
    visitor: SearchVisitor<'s, 'r>,
    defects: Vec<Defect>,
}

impl<'o, 's, 'r> ObjectReader<'o, 's, 'r> {
    fn new(place: &'o Place<'o>, visitor: SearchVisitor<'s, 'r>) -> Self {
        Self {
            place,
            decoder: Decoder::default(),
            visitor,
            defects: Vec::new(),
        }
    }

    /// Searches a blob, a commit or a tag; `path` names it where it cannot be read.
    fn search(&mut self, id: ObjectId, path: &str, provenance: impl Fn() -> Provenance) {
        let most = self.place.max_file_size;
        let mut class = ProblemClass::Object;
        let wrong = match self.place.objects.find(&id, &mut self.decoder) {
            Ok(Some(object)) if most.is_some_and(|most| object.bytes.len() as u64 > most) => {
                class = ProblemClass::Limit;
                let size = object.bytes.len();
                format!("{size} bytes are more than the largest size that is read")
            }
            Ok(Some(object)) if object.kind != Kind::Tree => {
                self.visitor.search(object.bytes, provenance);
                return;
            }
            Ok(Some(_)) => format!("the object {id} is a tree where none can be"),
            Ok(None) => format!("the object {id} is missing"),
            Err(error) => format!("the object {id}: {error}"),
        };
        self.defects.push(Defect {
            class,
            path: path.to_owned(),
            message: format!("not read: {wrong}"),
            mend: (class == ProblemClass::Object)
                .then_some("`git fsck` says more; fetch the objects again"),
        });
    }

    /// Searches a blob that was replaced or removed, for what of it is not new elsewhere.
    fn search_replaced(&mut self, blob: ObjectId) {
        let path: Arc<str> = format!(".git/blob/{blob}").into();
        let provenance = self.place.provenance(&path);
        self.search(blob, &path, || provenance.clone());
    }

    fn finish(mut self) -> (Harvest, Vec<Defect>) {
        (self.visitor.take(), self.defects)
    }
}

/// Searches the names of files that were added, and leaves tokens that stood in a name before.
/// `provenance` is what reports say of one.
fn search_names(
    place: &Place<'_>,
    search: &Search<'_>,
    changes: &Changes,
    added: &[git::Added],
    provenance: impl Fn(&git::Added) -> Provenance,
    defects: &mut Vec<Defect>,
) -> Vec<Sighting> {
    let digests = |text: &[u8]| -> BTreeSet<Digest> {
        let mut visitor = search.visitor();
        visitor.search(text, Provenance::default);
        let sightings = visitor.take().sightings;
        let digests = sightings.into_iter().map(|sighting| sighting.leak.digest);
        digests.collect()
    };
    let mut paths = Vec::new();
    for added in added {
        paths.extend_from_slice(&added.path);
        paths.push(b'\n');
    }
    if digests(&paths).is_empty() {
        return Vec::new();
    }
    let known = digests(&changes.names_before(place.objects, defects));
    let mut visitor = search.visitor();
    for added in added {
        visitor.search(added.path.as_slice(), || provenance(added));
    }
    let mut sightings = visitor.take().sightings;
    sightings.retain(|sighting| !known.contains(&sighting.leak.digest));
    sightings
}

/// Has portions of `items` worked on, each on a thread that is free; the results come in the order of
/// the items.
fn each<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    if items.len() <= FEW {
        return vec![work(items)];
    }
    let threads = match threads {
        0 => thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let portions: Vec<&[T]> = items.chunks(items.len().div_ceil(threads * 8)).collect();
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(portion) = portions.get(at) else {
                return done;
            };
            done.push((at, work(portion)));
        }
    };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        let joined = workers.into_iter().map(|worker| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
