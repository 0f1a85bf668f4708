//! The index: what the next commit will record, against what HEAD has.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use gix_hash::ObjectId;
use gix_index::entry::{Flags, Mode};
use gix_index::extension::Tree as Cached;

use super::changes::{Changes, Node, TreeReader, compare_below};
use super::files::{is_file, read};
use super::{Defect, Objects, Repository};
use crate::model::ProblemClass;

/// The most bytes of all paths together; those of half a million files have forty million.
const MAX_PATHS: usize = 1 << 30;

/// An index that was read.
pub struct Index {
    file: Option<gix_index::File>,
    /// As reports show it.
    shown: String,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index")
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

/// Entries of the index that share a name in a folder.
enum Staged {
    Node(Node),
    /// A folder, by its entries.
    Folder(Range<usize>),
}

impl Index {
    /// Reads the index of `repository`, or the one at `path` that stands in for it. A repository
    /// without an index has an empty one.
    ///
    /// # Errors
    ///
    /// What is wrong with a damaged one.
    pub(super) fn read(repository: &Repository, path: Option<&Path>) -> Result<Self, Defect> {
        let path = path.map_or_else(|| repository.index_path(), Path::to_owned);
        let shown = repository.shown(&path);
        let defect = |message: String| Defect {
            class: ProblemClass::Index,
            path: shown.clone(),
            message,
            mend: Some("`git fsck` says more; `git reset` makes it anew, without what is staged"),
        };
        if path.symlink_metadata().is_err() {
            return Ok(Self { file: None, shown });
        }
        if !is_file(&path) {
            return Err(defect("is no regular file".into()));
        }
        let shared = shared_indexes(&path);
        if let Some(shared) = shared.iter().find(|path| !is_file(path)) {
            let name = shared.file_name().unwrap_or_default().to_string_lossy();
            return Err(defect(format!("its part `{name}` is no regular file")));
        }
        if shared
            .iter()
            .chain([&path])
            .any(|path| unfolds(path, repository.format()))
        {
            let most = MAX_PATHS >> 20;
            return Err(defect(format!(
                "has paths of more than {most} MiB, which are not read"
            )));
        }
        let options = gix_index::decode::Options {
            thread_limit: Some(1),
            ..gix_index::decode::Options::default()
        };
        let file = gix_index::File::at(&path, repository.format(), false, options)
            .map_err(|error| defect(format!("is damaged: {error}")))?;
        if !is_ascending(&file) {
            return Err(defect("is damaged: its entries are not in order".into()));
        }
        Ok(Self {
            file: Some(file),
            shown,
        })
    }

    /// What the index has that the tree `head` has not. Paths with a conflict and what else cannot be
    /// told is added to `defects`.
    pub fn changes(
        &self,
        head: Option<ObjectId>,
        objects: &Objects,
        defects: &mut Vec<Defect>,
    ) -> Changes {
        let mut changes = Changes {
            before: head.into_iter().collect(),
            ..Changes::default()
        };
        let mut reader = TreeReader::new(objects);
        match &self.file {
            Some(file) => compare(file, head, &mut reader, &mut changes),
            None => changes.remove(head.map(Node::Tree)),
        }
        defects.append(&mut reader.defects);
        defects.extend(self.conflicts());
        changes.added.sort();
        changes
    }

    /// What stands at `path`: exactly there, or below a folder that the index has as a whole.
    pub(super) fn node(&self, path: &str) -> Option<(Node, usize)> {
        let file = self.file.as_ref()?;
        let entry = |path: &str| {
            let entry = file.entry_by_path(path.into())?;
            is_recorded(entry).then(|| node(entry))
        };
        let mut folders = path.match_indices('/').map(|(slash, _)| slash + 1);
        entry(path)
            .map(|node| (node, path.len()))
            .or_else(|| folders.find_map(|end| Some((entry(&path[..end])?, end))))
    }

    /// The paths of all files and links, and of folders that the index has as a whole.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&[u8], Node)> {
        self.file.iter().flat_map(|file| {
            let recorded = file.entries().iter().filter(|entry| is_recorded(entry));
            recorded.map(|entry| {
                let path: &[u8] = entry.path(file);
                (path, node(entry))
            })
        })
    }

    /// All that the index holds an object of: beside [`Index::nodes`] the sides of a conflict.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], Node)> {
        self.file.iter().flat_map(|file| {
            let entries = file.entries().iter();
            let held = entries.filter(|entry| !entry.flags.contains(Flags::INTENT_TO_ADD));
            held.map(|entry| {
                let path: &[u8] = entry.path(file);
                (path, node(entry))
            })
        })
    }

    /// Paths that a merge left in conflict: no commit can record them as they stand.
    fn conflicts(&self) -> Vec<Defect> {
        let Some(file) = &self.file else {
            return Vec::new();
        };
        let conflicting = file.entries().iter().filter(|entry| entry.stage_raw() != 0);
        let mut paths: Vec<String> = conflicting
            .map(|entry| String::from_utf8_lossy(entry.path(file)).into_owned())
            .collect();
        paths.dedup();
        let conflict = |path| Defect {
            class: ProblemClass::Index,
            path,
            message:
                "has a conflict that is not resolved: there is nothing yet that a commit would \
                      record"
                    .into(),
            mend: Some("resolve it and `git add` the file"),
        };
        paths.into_iter().map(conflict).collect()
    }
}

/// Whether the paths of an index of version 4, where each is the end of one that begins like the one
/// before, come to more bytes than [`MAX_PATHS`]. The length of the file says nothing about that.
fn unfolds(path: &Path, format: gix_hash::Kind) -> bool {
    let Ok(Some(bytes)) = read(path, u64::MAX - 1) else {
        return false;
    };
    let entries = bytes.get(12..).unwrap_or_default();
    bytes.starts_with(b"DIRC\0\0\0\x04") && unfolded(entries, format.len_in_bytes()) > MAX_PATHS
}

/// The bytes of all paths of the entries of version 4, up to where they make no sense.
fn unfolded(mut entries: &[u8], id: usize) -> usize {
    let (mut length, mut all) = (0_usize, 0_usize);
    loop {
        let flags = 40 + id;
        let Some(flag) = entries.get(flags) else {
            return all;
        };
        let extended = usize::from(flag & 0x40 != 0) * 2;
        let Some(mut rest) = entries.get(flags + 2 + extended..) else {
            return all;
        };
        let mut cut = 0_usize;
        while let Some((byte, tail)) = rest.split_first() {
            rest = tail;
            cut = (cut << 7) | usize::from(byte & 0x7F);
            if byte & 0x80 == 0 {
                break;
            }
            cut += 1;
        }
        let Some(end) = memchr::memchr(0, rest) else {
            return all;
        };
        length = length.saturating_sub(cut) + end;
        all = all.saturating_add(length);
        entries = &rest[end + 1..];
    }
}

/// Whether every entry comes once and in its place: folders are told by neighbours.
fn is_ascending(file: &gix_index::File) -> bool {
    file.entries().windows(2).all(|pair| {
        let [first, second] =
            [&pair[0], &pair[1]].map(|entry| (entry.path(file), entry.stage_raw()));
        first < second
    })
}

/// Files beside an index that may hold parts of it: a split index names one of them.
fn shared_indexes(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let is_shared = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"sharedindex."))
    };
    let mut files = super::files::list(folder).unwrap_or_default();
    files.retain(is_shared);
    files
}

/// Compares folder by folder. A folder that the index knows to be a tree of HEAD is not looked into:
/// that tree is what a commit records.
fn compare(
    file: &gix_index::File,
    head: Option<ObjectId>,
    reader: &mut TreeReader<'_>,
    changes: &mut Changes,
) {
    let all = 0..file.entries().len();
    let mut waiting = vec![(Vec::new(), all, head, file.tree())];
    while let Some((path, entries, tree, cached)) = waiting.pop() {
        if is_unchanged(&entries, tree, cached) || reader.is_too_deep(&path) {
            continue;
        }
        let mut before = match tree {
            Some(tree) => reader.folder(tree, &path),
            None => BTreeMap::new(),
        };
        for ((name, _), staged) in folder(file, &path, entries) {
            let stood = before.remove(name);
            match staged {
                Staged::Folder(entries) => {
                    let below = [&path, name, b"/".as_slice()].concat();
                    let tree = changes.take_trees(stood.as_slice()).pop();
                    let cached = cached.and_then(|cached| child(cached, name));
                    waiting.push((below, entries, tree, cached));
                }
                Staged::Node(node) if stood == Some(node) => {}
                Staged::Node(Node::Tree(tree)) => {
                    let below = [&path, name, b"/".as_slice()].concat();
                    let stood = changes.take_trees(stood.as_slice());
                    compare_below(reader, below, tree, stood, changes);
                }
                Staged::Node(node) => {
                    changes.add([path.as_slice(), name].concat(), node);
                    changes.remove(stood);
                }
            }
        }
        changes.remove(before.into_values());
    }
}

/// Whether the index says of a folder that it is `tree`, and counts the entries that it has.
fn is_unchanged(entries: &Range<usize>, tree: Option<ObjectId>, cached: Option<&Cached>) -> bool {
    cached.is_some_and(|cached| {
        let counted = cached.num_entries.map(|number| number as usize);
        Some(cached.id) == tree && counted == Some(entries.len())
    })
}

/// The entries of a folder by name, those below a further folder as one; files come before, should an
/// index that Git would not take have both of a name. Intents to add are no entries yet, and what is in
/// conflict is none.
fn folder<'f>(
    file: &'f gix_index::File,
    path: &[u8],
    entries: Range<usize>,
) -> BTreeMap<(&'f [u8], bool), Staged> {
    let mut folder = BTreeMap::new();
    let mut at = entries.start;
    while at < entries.end {
        let entry = &file.entries()[at];
        let full: &[u8] = entry.path(file);
        let rest = &full[path.len()..];
        match rest.iter().position(|byte| *byte == b'/') {
            Some(slash) if slash + 1 < rest.len() => {
                let prefix = &full[..=path.len() + slash];
                let below = file.entries()[at..entries.end]
                    .partition_point(|entry| entry.path(file).starts_with(prefix));
                folder.insert((&rest[..slash], true), Staged::Folder(at..at + below));
                at += below;
            }
            slash => {
                if is_recorded(entry) {
                    let name = &rest[..slash.unwrap_or(rest.len())];
                    folder.insert((name, false), Staged::Node(node(entry)));
                }
                at += 1;
            }
        }
    }
    folder
}

/// Whether a commit would record an entry.
fn is_recorded(entry: &gix_index::Entry) -> bool {
    !entry.flags.contains(Flags::INTENT_TO_ADD) && entry.stage_raw() == 0
}

fn node(entry: &gix_index::Entry) -> Node {
    match entry.mode {
        Mode::DIR => Node::Tree(entry.id),
        Mode::COMMIT => Node::Submodule(entry.id),
        Mode::SYMLINK => Node::Link(entry.id),
        _ => Node::Blob(entry.id),
    }
}

fn child<'c>(cached: &'c Cached, name: &[u8]) -> Option<&'c Cached> {
    cached
        .children
        .iter()
        .find(|child| child.name.as_slice() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of version 4: what it cuts off the path before, and what it adds.
    fn entry(cut: &[u8], end: &[u8]) -> Vec<u8> {
        [&[0; 62], cut, end, b"\0"].concat()
    }

    #[test]
    fn paths_that_unfold_are_counted_before_they_do() {
        let plain = [entry(&[0], b"ab"), entry(&[1], b"cd"), entry(&[0], b"e")].concat();
        assert_eq!(unfolded(&plain, 20), 2 + 3 + 4);
        // 128 in two bytes, as offsets of packs are written.
        let long = [entry(&[0], &[b'a'; 130]), entry(&[0x80, 0], b"c")].concat();
        assert_eq!(unfolded(&long, 20), 130 + 3);
        let grown = entry(&[0], b"a").repeat(60_000);
        assert!(grown.len() < 4 << 20 && unfolded(&grown, 20) > MAX_PATHS);
        assert_eq!(unfolded(&plain[..70], 20), 2);
    }
}
