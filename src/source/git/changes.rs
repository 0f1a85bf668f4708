//! What a tree has that others do not: the blobs that a commit adds to what its parents had.
//!
//! Trees that are the same in both are not read. The blobs that were replaced or removed are known by
//! their ids alone, for whoever must tell what is new from what has moved.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gix_hash::ObjectId;
use gix_object::{Kind, TreeRefIter};

use super::{Commit, Decoder, Defect, Objects};
use crate::model::ProblemClass;

/// How deep folders are read, as in Git.
const MAX_DEPTH: usize = 2048;

/// The most entries that one comparison reads. The largest repositories have a few hundred thousand
/// files; a few trees that name each other can stand for any number of them.
const MAX_ENTRIES: u64 = 4_000_000;

/// A blob at a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Added {
    /// Relative to the root of the repository.
    pub path: Vec<u8>,
    /// The blob.
    pub blob: ObjectId,
}

/// The difference between a tree and those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Blobs that stand at their path in none of the trees before, sorted by path.
    pub added: Vec<Added>,
    /// The trees before.
    pub(super) before: Vec<ObjectId>,
    /// Blobs that stood where something else or nothing stands now.
    pub(super) replaced: Vec<ObjectId>,
    /// Folders that stood where something else or nothing stands now.
    pub(super) removed_trees: Vec<ObjectId>,
}

/// What stands at a name of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A file.
    Blob(ObjectId),
    /// A link; the blob is the path that it leads to.
    Link(ObjectId),
    /// A folder.
    Tree(ObjectId),
    /// A commit of another repository, which is not read.
    Submodule(ObjectId),
}

/// The content of a folder, by name.
pub(super) type Folder = BTreeMap<Vec<u8>, Node>;

/// Reads trees, up to a number of entries, and keeps what could not be read.
pub(super) struct TreeReader<'o> {
    objects: &'o Objects,
    decoder: Decoder,
    entries: u64,
    pub(super) defects: Vec<Defect>,
}

impl<'o> TreeReader<'o> {
    pub(super) fn new(objects: &'o Objects) -> Self {
        Self {
            objects,
            decoder: Decoder::default(),
            entries: 0,
            defects: Vec::new(),
        }
    }

    /// The content of the tree `id`, which stands at `path`. What cannot be read is empty, and a defect.
    pub(super) fn folder(&mut self, id: ObjectId, path: &[u8]) -> Folder {
        if self.entries > MAX_ENTRIES {
            return Folder::new();
        }
        let mut folder = Folder::new();
        let found = self.objects.find(&id, &mut self.decoder);
        let wrong = match found {
            Ok(Some(object)) if object.kind == Kind::Tree => {
                let mut broken = false;
                for entry in TreeRefIter::from_bytes(object.bytes, self.objects.format()) {
                    let Ok(entry) = entry else {
                        broken = true;
                        break;
                    };
                    let id = entry.oid.to_owned();
                    let node = if entry.mode.is_tree() {
                        Node::Tree(id)
                    } else if entry.mode.is_commit() {
                        Node::Submodule(id)
                    } else if entry.mode.is_link() {
                        Node::Link(id)
                    } else {
                        Node::Blob(id)
                    };
                    folder.insert(entry.filename.to_vec(), node);
                }
                broken.then(|| format!("the tree {id} is not valid"))
            }
            Ok(Some(_)) => Some(format!("the object {id} is no tree")),
            Ok(None) => Some(format!("the tree {id} is missing")),
            Err(error) => Some(format!("the tree {id} cannot be read: {error}")),
        };
        if let Some(message) = wrong {
            self.defect(ProblemClass::Object, path, message);
        }
        self.entries += folder.len() as u64;
        if self.entries > MAX_ENTRIES {
            let message =
                format!("more than {MAX_ENTRIES} entries of trees: no further ones are read");
            self.defect(ProblemClass::Limit, path, message);
        }
        folder
    }

    fn defect(&mut self, class: ProblemClass, path: &[u8], message: String) {
        self.defects.push(Defect {
            class,
            path: String::from_utf8_lossy(path).into_owned(),
            message,
            mend: (class == ProblemClass::Object)
                .then_some("`git fsck` says more; fetch the objects again"),
        });
    }

    /// Whether `path` lies too deep to be read; a defect if so.
    pub(super) fn is_too_deep(&mut self, path: &[u8]) -> bool {
        let too_deep = memchr::memchr_iter(b'/', path).count() > MAX_DEPTH;
        if too_deep {
            self.defect(
                ProblemClass::Limit,
                &path[..64.min(path.len())],
                format!("has folders deeper than {MAX_DEPTH}, which are not read"),
            );
        }
        too_deep
    }
}

/// What `commit` has that none of its parents has at the same path. Without parents that is all of it.
///
/// A parent that cannot be read is a defect, and takes nothing away from what is added.
pub fn changes_of(commit: &Commit, objects: &Objects, defects: &mut Vec<Defect>) -> Changes {
    let mut reader = TreeReader::new(objects);
    let mut changes = Changes::default();
    let mut before = Vec::new();
    for parent in &commit.parents {
        match Commit::find(*parent, objects, &mut reader.decoder) {
            Ok(parent) => before.push(parent.tree),
            Err(defect) => reader.defects.push(defect),
        }
    }
    changes.before.clone_from(&before);
    if !before.contains(&commit.tree) {
        compare_below(&mut reader, Vec::new(), commit.tree, before, &mut changes);
    }
    changes.added.sort();
    defects.append(&mut reader.defects);
    changes
}

/// What `tree` has that none of `before` has at the same path, for a folder: `path` ends in `/`, or is
/// empty for the root. With several trees before, as those of the parents of a merge, what one of them
/// has at a path is not added there.
pub(super) fn compare_below(
    reader: &mut TreeReader<'_>,
    path: Vec<u8>,
    tree: ObjectId,
    before: Vec<ObjectId>,
    changes: &mut Changes,
) {
    let mut waiting = vec![(path, tree, before)];
    while let Some((path, tree, before)) = waiting.pop() {
        if reader.is_too_deep(&path) {
            continue;
        }
        let now = reader.folder(tree, &path);
        let mut before: Vec<Folder> = before
            .into_iter()
            .map(|tree| reader.folder(tree, &path))
            .collect();
        for (name, node) in now {
            let stood: Vec<Node> = before
                .iter_mut()
                .filter_map(|folder| folder.remove(&name))
                .collect();
            if stood.contains(&node) {
                continue;
            }
            let mut path = [path.as_slice(), &name].concat();
            match node {
                Node::Tree(tree) => {
                    path.push(b'/');
                    let trees = changes.take_trees(&stood);
                    waiting.push((path, tree, trees));
                }
                node => {
                    changes.add(path, node);
                    changes.remove(stood);
                }
            }
        }
        for gone in before {
            changes.remove(gone.into_values());
        }
    }
}

impl Changes {
    /// Notes what stands at `path`, if it has bytes.
    pub(super) fn add(&mut self, path: Vec<u8>, node: Node) {
        if let Node::Blob(blob) | Node::Link(blob) = node {
            self.added.push(Added { path, blob });
        }
    }

    /// Notes that these stand there no more.
    pub(super) fn remove(&mut self, nodes: impl IntoIterator<Item = Node>) {
        for node in nodes {
            match node {
                Node::Blob(blob) | Node::Link(blob) => self.replaced.push(blob),
                Node::Tree(tree) => self.removed_trees.push(tree),
                Node::Submodule(_) => {}
            }
        }
    }

    /// The trees of `stood`, to be compared further; everything else of it is gone.
    pub(super) fn take_trees(&mut self, stood: &[Node]) -> Vec<ObjectId> {
        let mut trees = Vec::new();
        for node in stood {
            match node {
                Node::Tree(tree) => trees.push(*tree),
                other => self.remove([*other]),
            }
        }
        trees
    }

    /// Every blob that was replaced, removed or renamed, each once. What cannot be read of removed
    /// folders is added to `defects`.
    pub fn replaced(&self, objects: &Objects, defects: &mut Vec<Defect>) -> Vec<ObjectId> {
        let mut blobs = self.replaced.clone();
        visit(&self.removed_trees, objects, defects, |_, node| {
            if let Node::Blob(blob) | Node::Link(blob) = node {
                blobs.push(blob);
            }
        });
        blobs.sort_unstable();
        blobs.dedup();
        blobs
    }

    /// The names of all files and folders of the trees before, each once, with a line feed behind each.
    pub fn names_before(&self, objects: &Objects, defects: &mut Vec<Defect>) -> Vec<u8> {
        let mut names = BTreeSet::new();
        visit(&self.before, objects, defects, |name, _| {
            names.insert(name);
        });
        let lines = names
            .into_iter()
            .map(|name| [name, b"\n".to_vec()].concat());
        lines.collect::<Vec<_>>().concat()
    }
}

/// Goes through everything in `trees`, each tree once.
fn visit(
    trees: &[ObjectId],
    objects: &Objects,
    defects: &mut Vec<Defect>,
    mut take: impl FnMut(Vec<u8>, Node),
) {
    let mut reader = TreeReader::new(objects);
    let mut seen = HashSet::new();
    let mut waiting = trees.to_vec();
    while let Some(tree) = waiting.pop() {
        if !seen.insert(tree) {
            continue;
        }
        for (name, node) in reader.folder(tree, b"") {
            if let Node::Tree(tree) = node {
                waiting.push(tree);
            }
            take(name, node);
        }
    }
    defects.append(&mut reader.defects);
}
