//! The files of a repository as the index or a commit has them, read by path.

use std::sync::Arc;

use gix_hash::ObjectId;
use gix_object::Kind;

use super::changes::{Node, TreeReader};
use super::{Decoder, Index, Objects};
use crate::source::FileError;

/// How far links are followed.
const MAX_LINKS: usize = 8;

/// The largest file that is read by path, in bytes: CI files and inventories have kilobytes.
const MAX_FILE: usize = 64 << 20;

/// The files of a repository as the index or a commit has them.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'o> {
    objects: &'o Objects,
    content: Content<'o>,
}

#[derive(Clone, Copy, Debug)]
enum Content<'o> {
    Index(&'o Index),
    Tree(ObjectId),
}

impl<'o> Snapshot<'o> {
    /// What the next commit will record.
    pub const fn of_index(index: &'o Index, objects: &'o Objects) -> Self {
        Self {
            objects,
            content: Content::Index(index),
        }
    }

    /// What a commit recorded.
    pub const fn of_tree(tree: ObjectId, objects: &'o Objects) -> Self {
        Self {
            objects,
            content: Content::Tree(tree),
        }
    }

    /// The blob at `path`, through links that do not leave the repository.
    ///
    /// # Errors
    ///
    /// There is none, or the path or a link on the way leaves the repository.
    pub fn blob(&self, path: &str) -> Result<ObjectId, FileError> {
        let mut path = inside("", path)?;
        for _ in 0..MAX_LINKS {
            match self.node(&path).ok_or(FileError::Missing)? {
                Node::Blob(blob) => return Ok(blob),
                Node::Link(blob) => {
                    let target = String::from_utf8_lossy(&self.bytes(blob)?).into_owned();
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    path = inside(folder, &target)?;
                }
                Node::Tree(_) | Node::Submodule(_) => return Err(FileError::NotAFile),
            }
        }
        Err(FileError::NotAFile)
    }

    /// The file at `path`.
    ///
    /// # Errors
    ///
    /// As for [`Snapshot::blob`], or its bytes cannot be had.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.bytes(self.blob(path)?)
    }

    /// The paths that end in `.yml` or `.yaml`, sorted; what cannot be read is left out.
    pub fn yaml_paths(&self) -> Vec<Arc<str>> {
        let mut reader = TreeReader::new(self.objects);
        let mut paths = Vec::new();
        let mut waiting = Vec::new();
        let mut take = |path: Vec<u8>, node, waiting: &mut Vec<_>| match node {
            Node::Tree(tree) => waiting.push((path, tree)),
            Node::Blob(_) if path.ends_with(b".yml") || path.ends_with(b".yaml") => {
                paths.push(Arc::from(String::from_utf8_lossy(&path)));
            }
            _ => {}
        };
        match self.content {
            Content::Tree(tree) => waiting.push((Vec::new(), tree)),
            Content::Index(index) => {
                for (path, node) in index.nodes() {
                    take(path.to_vec(), node, &mut waiting);
                }
            }
        }
        while let Some((mut path, tree)) = waiting.pop() {
            if reader.is_too_deep(&path) {
                continue;
            }
            if !path.is_empty() && !path.ends_with(b"/") {
                path.push(b'/');
            }
            for (name, node) in reader.folder(tree, &path) {
                take([path.as_slice(), &name].concat(), node, &mut waiting);
            }
        }
        paths.sort();
        paths
    }

    fn node(&self, path: &str) -> Option<Node> {
        let (tree, rest) = match self.content {
            Content::Tree(tree) => (tree, path),
            Content::Index(index) => match index.node(path)? {
                (Node::Tree(tree), end) => (tree, &path[end..]),
                (node, end) => return (end == path.len()).then_some(node),
            },
        };
        let mut reader = TreeReader::new(self.objects);
        rest.split('/').try_fold(Node::Tree(tree), |node, name| {
            let Node::Tree(tree) = node else {
                return None;
            };
            reader.folder(tree, b"").remove(name.as_bytes())
        })
    }

    fn bytes(&self, blob: ObjectId) -> Result<Vec<u8>, FileError> {
        let unreadable = |message: String| FileError::Io(std::io::Error::other(message));
        let mut decoder = Decoder::default();
        match self.objects.find(&blob, &mut decoder) {
            Ok(Some(object)) if object.kind == Kind::Blob && object.bytes.len() <= MAX_FILE => {
                Ok(object.bytes.to_vec())
            }
            Ok(Some(object)) if object.kind == Kind::Blob => {
                Err(unreadable(format!("is larger than {} MiB", MAX_FILE >> 20)))
            }
            Ok(Some(_)) => Err(FileError::NotAFile),
            Ok(None) => Err(unreadable(format!("the blob {blob} is missing"))),
            Err(error) => Err(unreadable(format!("the blob {blob}: {error}"))),
        }
    }
}

/// `path`, written in `folder`, without `.` and `..`.
fn inside(folder: &str, path: &str) -> Result<String, FileError> {
    if path.starts_with('/') {
        return Err(FileError::Outside);
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(FileError::Outside)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        assert_eq!(inside("a/b", "../c/./d").unwrap(), "a/c/d");
        assert_eq!(inside("", "ci/main.yml").unwrap(), "ci/main.yml");
        for outside in ["/etc/passwd", "../x", "a/../../x"] {
            assert!(matches!(inside("", outside), Err(FileError::Outside)));
        }
    }
}
