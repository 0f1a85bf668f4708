//! What a repository names and does not have.

use std::collections::{BTreeSet, HashSet};

use gix_hash::{ObjectId, oid};
use gix_object::bstr::ByteSlice as _;
use gix_object::{Kind, TreeRefIter};

use super::Defect;
use super::changes::Node;
use super::graph::{Header, Missing};
use super::history::History;
use super::numbering::Numbering;
use super::objects::{AHEAD, Decoder};
use super::pass::{Base, ObjectVisitor, Selection, pass};
use crate::model::ProblemClass;

/// The most missing objects that are named.
const MAX_NAMED: usize = 25;

impl History {
    /// What refs point at and what is not there.
    pub(super) fn missing_tips(&self) -> Vec<Missing> {
        // In a repository of a forge there are many.
        let tips = self.refs.tips();
        let absent = tips.chunks(AHEAD).flat_map(|tips| {
            self.objects.read_ahead(tips);
            tips.iter().filter(|id| !self.objects.contains(id))
        });
        let absent: BTreeSet<&ObjectId> = absent.collect();
        let missing = |name: &str, id: &ObjectId| {
            absent.contains(id).then(|| Missing {
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
    pub(super) fn missing_at_head(&self) -> Vec<Missing> {
        let mut found = Vec::new();
        let mut decoder = Decoder::default();
        let tree = self.refs.head.id().and_then(|head| {
            let commit = self.objects.find(&head, &mut decoder).ok()??;
            Header::read(commit.bytes, head.kind()).tree
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

    /// What indexes name and what is not there.
    pub(super) fn missing_in_indexes(&self) -> Vec<Missing> {
        let entries = self.indexes.iter().flat_map(super::Index::entries);
        let missing = entries.filter_map(|(path, node)| match node {
            Node::Blob(id) | Node::Link(id) | Node::Tree(id) if !self.objects.contains(&id) => {
                Some(Missing {
                    id,
                    named_by: format!("`{}` in the index", path.to_str_lossy()),
                })
            }
            _ => None,
        });
        missing.collect()
    }

    /// What any tree names and what is not there.
    pub(super) fn missing_in_trees(
        &self,
        numbering: &Numbering<'_>,
        threads: usize,
    ) -> Vec<Missing> {
        let mut visitors: Vec<EntryVisitor<'_, '_>> = (0..threads.max(1))
            .map(|_| EntryVisitor {
                numbering,
                missing: Vec::new(),
            })
            .collect();
        let trees = Selection {
            kinds: &[Kind::Tree],
            wanted: None,
        };
        pass(&self.repository, &self.objects, trees, &mut visitors);
        let missing = visitors.into_iter().flat_map(|visitor| visitor.missing);
        missing.collect()
    }

    /// Names what is missing, up to a limit.
    pub(super) fn missing(&self) -> Vec<Defect> {
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

/// Looks for what the trees of one thread name.
struct EntryVisitor<'n, 'o> {
    numbering: &'n Numbering<'o>,
    missing: Vec<Missing>,
}

impl ObjectVisitor for EntryVisitor<'_, '_> {
    type Trace = ();

    fn trace(&mut self, _: Kind, _: &[u8], _: Option<Base<'_, ()>>) {}

    fn visit(&mut self, _: Kind, id: &oid, bytes: &[u8], (): &()) {
        for entry in TreeRefIter::from_bytes(bytes, id.kind()).filter_map(Result::ok) {
            if !entry.mode.is_commit() && self.numbering.of(entry.oid).is_none() {
                self.missing.push(Missing {
                    id: entry.oid.to_owned(),
                    named_by: format!("`{}` in tree {id}", entry.filename.to_str_lossy()),
                });
            }
        }
    }
}
