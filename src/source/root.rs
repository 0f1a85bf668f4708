//! What a PATH stands for: the root it belongs to and what below it is to be read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{SourceError, portable};

/// The root of a repository, or of a folder that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    dir: PathBuf,
    label: Option<Arc<str>>,
}

impl Root {
    /// Absolute, without links.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What reports call the root when a run has several.
    pub const fn label(&self) -> Option<&Arc<str>> {
        self.label.as_ref()
    }

    /// Whether the root is a bare Git repository.
    pub fn is_bare_repository(&self) -> bool {
        !self.is_repository() && super::git::is_git_dir(&self.dir)
    }

    /// Whether the root holds a Git work tree.
    pub fn is_repository(&self) -> bool {
        self.dir.join(".git").symlink_metadata().is_ok()
    }
}

/// A file or folder to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Absolute, without links.
    pub path: PathBuf,
    /// Index into [`Roots::roots`].
    pub root: usize,
    /// Whether it is a folder.
    pub is_dir: bool,
}

/// Everything that the PATHs of a run stand for.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// In the order in which PATHs named them.
    pub roots: Vec<Root>,
    /// Without those that lie below another.
    pub targets: Vec<Target>,
}

impl Roots {
    /// Finds the roots of `paths`: the nearest ancestor with a `.git`, else the folder itself, and for
    /// a single file the working directory if the file lies in it, else the file's folder.
    ///
    /// # Errors
    ///
    /// The first PATH that is absent or no regular file or folder.
    pub fn resolve(paths: &[PathBuf]) -> Result<Self, SourceError> {
        let mut resolved = Self::default();
        let mut given = Vec::new();
        for path in paths {
            let open = |source| SourceError::Open {
                path: path.clone(),
                source,
            };
            let real = fs::canonicalize(path).map_err(open)?;
            let kind = fs::metadata(&real).map_err(open)?.file_type();
            if !kind.is_dir() && !kind.is_file() {
                return Err(SourceError::Special { path: path.clone() });
            }
            let dir = root_of(&real, kind.is_dir());
            let root = resolved
                .roots
                .iter()
                .position(|root| root.dir == dir)
                .unwrap_or_else(|| {
                    resolved.roots.push(Root { dir, label: None });
                    given.push(path.clone());
                    resolved.roots.len() - 1
                });
            resolved.targets.push(Target {
                path: real,
                root,
                is_dir: kind.is_dir(),
            });
        }
        drop_covered(&mut resolved.targets);
        if resolved.roots.len() > 1 {
            label(&mut resolved.roots, &given);
        }
        Ok(resolved)
    }

    /// One root that is read as a whole: `dir`, absolute and without links, whatever lies above it.
    pub fn whole(dir: &Path) -> Self {
        let root = Root {
            dir: dir.to_owned(),
            label: None,
        };
        let target = Target {
            path: dir.to_owned(),
            root: 0,
            is_dir: true,
        };
        Self {
            roots: vec![root],
            targets: vec![target],
        }
    }

    /// Whether there is a root and each is read as a whole.
    pub fn cover_all(&self) -> bool {
        let read_whole = |root: &Root| {
            self.targets
                .iter()
                .any(|target| target.is_dir && root.dir.starts_with(&target.path))
        };
        !self.roots.is_empty() && self.roots.iter().all(read_whole)
    }

    /// The root of a path as reports show it, as an index into [`Roots::roots`].
    pub fn of_shown(&self, path: &str) -> usize {
        let is_below = |root: &Root| {
            let label = root.label.as_deref().unwrap_or_default();
            path.strip_prefix(label)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.roots.iter().position(is_below).unwrap_or_default()
    }

    /// The root that `path` lies in, and the path relative to it.
    pub fn relative(&self, path: &Path) -> Option<(usize, Arc<str>)> {
        self.roots
            .iter()
            .enumerate()
            .filter_map(|(at, root)| Some((at, root, path.strip_prefix(&root.dir).ok()?)))
            .max_by_key(|(_, root, _)| root.dir.as_os_str().len())
            .map(|(at, _, relative)| (at, portable(relative)))
    }
}

fn root_of(path: &Path, is_dir: bool) -> PathBuf {
    let start = if is_dir {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    // A bare repository that lies in the work tree of another one is a repository of its own.
    if is_dir && path.file_name() != Some(".git".as_ref()) && super::git::is_git_dir(path) {
        return path.to_owned();
    }
    if let Some(root) = start
        .ancestors()
        .find(|dir| dir.join(".git").symlink_metadata().is_ok())
    {
        return root.to_owned();
    }
    if !is_dir
        && let Ok(here) = std::env::current_dir().and_then(fs::canonicalize)
        && path.starts_with(&here)
    {
        return here;
    }
    start.to_owned()
}

/// Drops targets that are named twice or lie below a folder that is a target.
fn drop_covered(targets: &mut Vec<Target>) {
    let folders: Vec<PathBuf> = targets
        .iter()
        .filter(|target| target.is_dir)
        .map(|target| target.path.clone())
        .collect();
    let mut seen = std::collections::HashSet::new();
    targets.retain(|target| {
        let covered = folders
            .iter()
            .any(|folder| target.path != *folder && target.path.starts_with(folder));
        !covered && seen.insert(target.path.clone())
    });
}

/// Names each root after the PATH that led to it, never by an absolute path, and tells equal names
/// apart by a number.
fn label(roots: &mut [Root], given: &[PathBuf]) {
    let mut taken: Vec<String> = Vec::new();
    for (root, path) in roots.iter_mut().zip(given) {
        let plain = path.is_relative()
            && path
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)))
            && fs::canonicalize(path).is_ok_and(|real| real == root.dir);
        let name = if plain {
            portable(path).to_string()
        } else {
            root.dir
                .file_name()
                .map_or("root".into(), |name| name.to_string_lossy().into_owned())
        };
        let mut unique = name.clone();
        let mut number = 2;
        while taken.contains(&unique) {
            unique = format!("{name}-{number}");
            number += 1;
        }
        root.label = Some(unique.as_str().into());
        taken.push(unique);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for path in paths {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        dir
    }

    #[test]
    fn nearest_ancestor_with_git_is_the_root() {
        let dir = tree(&["a/.git/HEAD", "a/b/c/file"]);
        let roots = Roots::resolve(&[dir.path().join("a/b")]).unwrap();
        assert_eq!(roots.roots.len(), 1);
        assert!(roots.roots[0].dir().ends_with("a"));
        let (root, relative) = roots
            .relative(&roots.roots[0].dir().join("b/c/file"))
            .unwrap();
        assert_eq!((root, &*relative), (0, "b/c/file"));
    }

    #[test]
    fn targets_below_another_are_read_once() {
        let dir = tree(&["a/x", "a/b/y"]);
        let paths = ["a", "a/b", "a/x", "a"].map(|path| dir.path().join(path));
        let roots = Roots::resolve(&paths).unwrap();
        assert_eq!(roots.targets.len(), 1);
    }

    #[test]
    fn a_root_is_covered_by_itself_and_not_by_its_parts() {
        let dir = tree(&["a/.git/HEAD", "a/b/c", "d/e"]);
        let covers = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(|path| dir.path().join(path)).collect();
            Roots::resolve(&paths).unwrap().cover_all()
        };
        assert!(covers(&["a"]) && covers(&["a", "d"]) && covers(&["."]));
        assert!(!covers(&["a/b"]) && !covers(&["a/b/c", "d"]) && !covers(&[]));
    }

    #[test]
    fn several_roots_get_distinct_labels() {
        let dir = tree(&["one/app/x", "two/app/x"]);
        let roots =
            Roots::resolve(&[dir.path().join("one/app"), dir.path().join("two/app")]).unwrap();
        let labels: Vec<&str> = roots
            .roots
            .iter()
            .map(|root| &**root.label().unwrap())
            .collect();
        assert_eq!(labels, ["app", "app-2"]);
        let of = ["app/x", "app-2/x", "app-2", "elsewhere"].map(|path| roots.of_shown(path));
        assert_eq!(of, [0, 1, 1, 0]);
    }

    #[test]
    fn an_absent_path_is_an_error_that_names_it() {
        let error = Roots::resolve(&["no/such/path".into()]).unwrap_err();
        assert!(error.to_string().contains("`no/such/path`"), "{error}");
    }
}
