//! The whole history of a repository: every object searched in one pass, and the places of what was
//! found.

use std::collections::{BTreeMap, HashSet};

use gix_hash::{ObjectId, oid};
use gix_object::bstr::ByteSlice as _;
use gix_object::{Kind, TreeRefIter};

use super::attribution::{Attribution, Attributor, replaced};
use super::files::{MAX_TEXT, read};
use super::graph::{CommitCollector, Commits, Missing};
use super::numbering::{IdSet, Numbering};
use super::objects::Decoder;
use super::pass::{ObjectVisitor, PassOutcome, Selection, pass};
use super::{Defect, Objects, Refs, Repository};
use crate::model::ProblemClass;

/// The most missing objects that are named.
const MAX_NAMED: usize = 25;

/// A repository with its objects and refs opened, and the commits that a search met.
#[derive(Debug)]
pub struct History {
    pub(super) repository: Repository,
    pub(super) objects: Objects,
    pub(super) refs: Refs,
    pub(super) commits: Commits,
}

impl History {
    /// Opens objects and refs. What of them cannot be read is added to `defects`, and so is what the
    /// repository lacks by its own word.
    pub fn open(repository: Repository, defects: &mut Vec<Defect>) -> Self {
        defects.extend_from_slice(repository.defects());
        let objects = repository.objects(defects);
        let refs = repository.refs(defects);
        Self {
            repository,
            objects,
            refs,
            commits: Commits::default(),
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
    /// What refs, commits, tags and the tree of HEAD name and what is not there is a defect.
    pub fn search<V: ObjectVisitor>(&mut self, visitors: Vec<V>) -> (Vec<V>, PassOutcome) {
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
        let mut outcome = pass(&self.repository, &self.objects, everything, &mut collectors);
        let mut commits = Commits::default();
        let mut visitors = Vec::with_capacity(collectors.len());
        for collector in collectors {
            commits.append(collector.commits);
            visitors.push(collector.visitor);
        }
        commits.missing.extend(self.missing_tips());
        commits.missing.extend(self.missing_at_head());
        commits.sort();
        self.commits = commits;
        outcome.defects.extend(self.missing());
        (visitors, outcome)
    }

    /// Gives the objects of `wanted` to `visitors` once more.
    pub fn revisit<V: ObjectVisitor>(&self, wanted: &IdSet, visitors: &mut [V]) -> PassOutcome {
        let selection = Selection {
            kinds: &[Kind::Blob, Kind::Commit, Kind::Tag, Kind::Tree],
            wanted: Some(wanted),
        };
        pass(&self.repository, &self.objects, selection, visitors)
    }

    /// What is known of where `hits` stand. Call it after [`History::search`].
    pub fn attribute(
        &self,
        hits: &BTreeMap<ObjectId, Kind>,
        threads: usize,
    ) -> BTreeMap<ObjectId, Attribution> {
        let Some(numbering) = Numbering::new(&self.objects) else {
            return BTreeMap::new();
        };
        let ids = hits.keys().copied().collect();
        let mut attributor = Attributor::new(self, &numbering, &ids, threads);
        let mut decoder = Decoder::default();
        hits.iter()
            .map(|(id, kind)| (*id, attributor.attribute(id, *kind, &mut decoder)))
            .collect()
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
    fn shallow(&self) -> Vec<ObjectId> {
        let path = self.repository.common_dir().join("shallow");
        let text = read(&path, MAX_TEXT).ok().flatten().unwrap_or_default();
        let lines = text.split(|byte| *byte == b'\n');
        let mut cut: Vec<ObjectId> = lines
            .filter_map(|line| ObjectId::from_hex(line).ok())
            .collect();
        cut.sort_unstable();
        cut
    }

    fn missing_tips(&self) -> Vec<Missing> {
        let missing = |name: &str, id: &ObjectId| {
            (!self.objects.contains(id)).then(|| Missing {
                id: *id,
                named_by: format!("target of `{name}`"),
            })
        };
        let refs = self.refs.by_name.iter();
        let mut found: Vec<Missing> = refs.filter_map(|(name, id)| missing(name, id)).collect();
        found.extend(self.refs.head.id().and_then(|id| missing("HEAD", &id)));
        found
    }

    /// What the tree of HEAD names and what is not there.
    fn missing_at_head(&self) -> Vec<Missing> {
        let mut found = Vec::new();
        let mut decoder = Decoder::default();
        let tree = self.refs.head.id().and_then(|head| {
            let commit = self.objects.find(&head, &mut decoder).ok()??;
            super::graph::Header::read(commit.bytes, head.kind()).tree
        });
        let mut open: Vec<ObjectId> = tree.into_iter().collect();
        let mut seen: HashSet<ObjectId> = open.iter().copied().collect();
        while let Some(id) = open.pop() {
            let Ok(Some(tree)) = self.objects.find(&id, &mut decoder) else {
                continue;
            };
            let mut trees = Vec::new();
            for entry in TreeRefIter::from_bytes(tree.bytes, id.kind()).filter_map(Result::ok) {
                if entry.mode.is_commit() || !seen.insert(entry.oid.to_owned()) {
                    continue;
                }
                if !self.objects.contains(entry.oid) {
                    found.push(Missing {
                        id: entry.oid.to_owned(),
                        named_by: format!(
                            "`{}` in the tree of HEAD",
                            entry.filename.to_str_lossy()
                        ),
                    });
                } else if entry.mode.is_tree() {
                    trees.push(entry.oid.to_owned());
                }
            }
            open.append(&mut trees);
        }
        found
    }

    /// Names what is missing, up to a limit.
    fn missing(&self) -> Vec<Defect> {
        let path = self
            .repository
            .shown(&self.repository.common_dir().join("objects"));
        let defect = |message| Defect {
            class: ProblemClass::Object,
            path: path.clone(),
            message,
            mend: Some("fetch the objects again; a partial clone lacks them by design"),
        };
        let missing = &self.commits.missing;
        let mut defects: Vec<Defect> = missing
            .iter()
            .take(MAX_NAMED)
            .map(|missing| {
                let Missing { id, named_by } = missing;
                defect(format!("object {id} is missing: the {named_by}"))
            })
            .collect();
        if missing.len() > MAX_NAMED {
            let more = missing.len() - MAX_NAMED;
            defects.push(defect(format!("{more} more objects are missing")));
        }
        defects
    }
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
