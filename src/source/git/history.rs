//! The whole history of a repository: every object searched in one pass, and the places of what was
//! found.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use gix_hash::{ObjectId, oid};
use gix_object::bstr::ByteSlice as _;
use gix_object::{Kind, TreeRefIter};

use super::attribution::{Attribution, Attributor, replaced};
use super::changes::Node;
use super::files::list;
use super::graph::{CommitCollector, Commits, finish};
use super::index::Index;
use super::numbering::{IdSet, Numbering};
use super::pass::{ObjectVisitor, Part, PassOutcome, Selection, pass, pass_over};
use super::pick::{are_few, pick};
use super::recall::Lacks;
use super::state::{Known, ReadPack, key};
use super::threads::on_threads;
use super::{Defect, Objects, Refs, Repository, Shared};

/// A repository with its objects, refs and indexes opened, and the commits that a search met.
#[derive(Debug)]
pub struct History {
    pub(super) repository: Repository,
    pub(super) objects: Objects,
    pub(super) refs: Refs,
    /// Those of all its worktrees; the one where it was opened is the first.
    pub(super) indexes: Vec<Index>,
    pub(super) commits: Commits,
    pub(super) lacks: Lacks,
    pub(super) known: Known,
    pub(super) read_packs: Vec<ReadPack>,
    /// What it has in common with others that are searched under the same rules.
    shared: Option<Arc<Shared>>,
    /// Whether the last search read every object that is there.
    is_whole: bool,
}

impl History {
    /// Opens objects, refs and indexes. What of them cannot be read is added to `defects`, and so is what the
    /// repository lacks by its own word. Where `threads` is set, all objects are going to be read on as many
    /// threads, which is prepared meanwhile.
    pub fn open(repository: Repository, threads: Option<usize>, defects: &mut Vec<Defect>) -> Self {
        defects.extend_from_slice(repository.defects());
        let objects = repository.objects(defects);
        let (refs, indexes) = thread::scope(|scope| {
            if let Some(threads) = threads {
                let packs = &objects.packs;
                scope.spawn(move || {
                    for pack in packs {
                        // Whoever reads it says what is wrong with it.
                        let _ = pack.prepare(threads);
                    }
                });
            }
            let refs = repository.refs(defects);
            (refs, indexes(&repository, defects))
        });
        Self {
            repository,
            objects,
            refs,
            indexes,
            commits: Commits::default(),
            lacks: Lacks::default(),
            known: Known::default(),
            read_packs: Vec::new(),
            shared: None,
            is_whole: false,
        }
    }

    /// The repository.
    pub const fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The objects.
    pub const fn objects(&self) -> &Objects {
        &self.objects
    }

    /// HEAD and the refs.
    pub const fn refs(&self) -> &Refs {
        &self.refs
    }

    /// Gives every object to `visitors`, of which each has a thread of its own, and gives them back.
    /// What refs, commits, tags, indexes and the tree of HEAD name and what is not there is a defect;
    /// where `every_tree` is set, what any other tree names is too.
    pub fn search<V: ObjectVisitor>(
        &mut self,
        visitors: Vec<V>,
        every_tree: bool,
    ) -> (Vec<V>, PassOutcome) {
        let everything = Selection {
            kinds: &[Kind::Blob, Kind::Commit, Kind::Tag, Kind::Tree],
            wanted: None,
        };
        let shallow = self.shallow();
        let Some(numbering) = Numbering::new(&self.objects) else {
            let mut visitors = visitors;
            let outcome = pass(&self.repository, &self.objects, everything, &mut visitors);
            return (visitors, outcome);
        };
        let mut collectors: Vec<_> = visitors
            .into_iter()
            .map(|visitor| CommitCollector::new(visitor, &numbering, &shallow))
            .collect();
        let part = Part {
            packs: self.known.packs..self.objects.packs.len(),
            loose: true,
            known: &self.known.loose,
            whole: self.known.remembers,
            shared: self.shared.as_deref(),
        };
        let mut outcome = pass_over(
            &self.repository,
            &self.objects,
            everything,
            part,
            &mut collectors,
        );
        outcome.objects += self.known.objects;
        outcome.bytes += self.known.bytes;
        let (visitors, commits) = finish(collectors);
        self.known.loose.extend(outcome.loose.iter().copied());
        self.read_packs = outcome
            .packs
            .iter()
            .map(|pack| ReadPack {
                number: pack.number,
                key: key(&self.objects.packs[pack.number]),
                bytes: pack.bytes,
                closed: pack.is_distinct
                    && shallow.is_empty()
                    && commits.missing.is_empty()
                    && commits.is_closed(numbering.of_pack(pack.number)),
            })
            .collect();
        self.commits = commits;
        drop(numbering);
        let threads = visitors.len();
        if self.known.closed < self.known.packs {
            let graph = self.read_graph(self.known.closed..self.known.packs, threads);
            outcome.defects.extend(graph.defects);
        }
        self.is_whole = outcome.defects.is_empty();
        let graph = self.commits.missing.iter();
        let lacks = Lacks {
            graph: graph
                .map(|missing| (missing.id, missing.named_by.clone()))
                .collect(),
            tips: true,
            at_head: true,
            in_trees: every_tree,
        };
        outcome.defects.extend(self.recall_missing(&lacks, threads));
        (visitors, outcome)
    }

    /// Leaves out of the next search what others had nothing in, and adds to it.
    pub fn share(&mut self, shared: Option<Arc<Shared>>) {
        self.shared = shared;
    }

    /// Whether the last search read every object that is there, whatever is missing.
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Gives the objects of `wanted` to `visitors` once more.
    pub fn revisit<V: ObjectVisitor>(&self, wanted: &IdSet, visitors: &mut [V]) -> PassOutcome {
        if are_few(wanted, &self.objects) {
            return pick(&self.repository, &self.objects, wanted, visitors);
        }
        let selection = Selection {
            kinds: &[Kind::Blob, Kind::Commit, Kind::Tag, Kind::Tree],
            wanted: Some(wanted),
        };
        pass(&self.repository, &self.objects, selection, visitors)
    }

    /// Reads what commits there are in the packs that [`History::search`] left out, which attributions
    /// need.
    pub fn complete_graph(&mut self, threads: usize) {
        let closed = std::mem::take(&mut self.known.closed);
        if closed > 0 {
            self.read_graph(0..closed, threads);
        }
    }

    /// What is known of where `hits` stand. Call it after [`History::search`], and
    /// [`History::complete_graph`] where that left packs out. Commits and paths are those below the
    /// paths `within` alone, which have no slash at their ends; the empty one stands for all.
    pub fn attribute(
        &self,
        hits: &BTreeMap<ObjectId, Kind>,
        within: &[Vec<u8>],
        threads: usize,
    ) -> BTreeMap<ObjectId, Attribution> {
        let Some(numbering) = Numbering::new(&self.objects) else {
            return BTreeMap::new();
        };
        let ids = hits.keys().copied().collect();
        let attributor = Attributor::new(self, &numbering, &ids, within, threads);
        let hits: Vec<(&ObjectId, &Kind)> = hits.iter().collect();
        let share = hits.len().div_ceil(threads.max(1)).max(1);
        let attributed = on_threads(hits.chunks(share), |hits| -> Vec<_> {
            let mut walk = attributor.walk();
            let hits = hits.iter();
            hits.map(|(id, kind)| (**id, attributor.attribute(id, **kind, &mut walk)))
                .collect()
        });
        let mut attributions = attributed.into_iter().flatten().collect();
        self.attribute_to_indexes(&mut attributions, within);
        attributions
    }

    /// Says of each object under what path an index has it that no commit does.
    pub(super) fn attribute_to_indexes(
        &self,
        attributions: &mut BTreeMap<ObjectId, Attribution>,
        within: &[Vec<u8>],
    ) {
        let is_within = |path: &[u8]| {
            within.iter().any(|folder| {
                let rest = path.strip_prefix(folder.as_slice());
                rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest[0] == b'/')
            })
        };
        for (number, index) in self.indexes.iter().enumerate() {
            for (path, node) in index.entries() {
                let (Node::Blob(blob) | Node::Link(blob)) = node else {
                    continue;
                };
                let Some(attribution) = attributions.get_mut(&blob) else {
                    continue;
                };
                // What another worktree has checked out is in a commit, though not in that of HEAD.
                let is_staged = match number {
                    0 => attribution.at_head != Some(true),
                    _ => attribution.commit.is_none(),
                };
                if is_staged && attribution.staged.is_none() && is_within(path) {
                    attribution.staged = Some(String::from_utf8_lossy(path).into_owned());
                }
            }
        }
    }

    /// Objects that others stand in for.
    pub(super) fn replaced(&self) -> Vec<ObjectId> {
        replaced(self.refs.by_name.keys(), self.repository.format())
    }

    /// What the refs of notes point at.
    pub(super) fn note_tips(&self) -> Vec<ObjectId> {
        let refs = self.refs.by_name.iter();
        refs.filter(|(name, _)| name.starts_with("refs/notes/"))
            .map(|(_, id)| *id)
            .collect()
    }

    /// Commits whose parents were left out of the clone, sorted.
    pub(super) fn shallow(&self) -> Vec<ObjectId> {
        self.repository.boundary().into_iter().collect()
    }
}

/// The indexes of a repository and of its other worktrees. One that cannot be read is a defect.
fn indexes(repository: &Repository, defects: &mut Vec<Defect>) -> Vec<Index> {
    let common = repository.common_dir();
    let linked = list(&common.join("worktrees")).unwrap_or_default();
    let others = [common.to_owned()].into_iter().chain(linked);
    let others = others.filter(|dir| dir != repository.git_dir());
    let paths = [repository.git_dir().to_owned()].into_iter().chain(others);
    paths
        .filter_map(|dir| match repository.index(Some(&dir.join("index"))) {
            Ok(index) => Some(index),
            Err(defect) => {
                defects.push(defect);
                None
            }
        })
        .collect()
}

/// The names in a tree, in its order, with the bytes as they are, and where each begins.
pub fn tree_names<'t>(id: &oid, bytes: &'t [u8]) -> impl Iterator<Item = (usize, &'t [u8])> {
    TreeRefIter::from_bytes(bytes, id.kind())
        .filter_map(Result::ok)
        .map(|entry| {
            let name = entry.filename.as_bytes();
            (name.as_ptr().addr() - bytes.as_ptr().addr(), name)
        })
}
