//! The repositories of a run: those of its roots, those nested below its PATHs, and the object stores
//! of submodules.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use super::files::{is_dir, list};
use super::repository::is_git_dir;
use super::{GitError, OpenOptions, Repository};
use crate::source::{Roots, WalkOptions, repository_folders};

/// How deep `.git/modules` is looked through.
const MAX_DEPTH: usize = 16;

/// A repository and where it lies.
#[derive(Debug)]
pub struct Located {
    /// Index into [`Roots::roots`].
    pub root: usize,
    /// Its folder relative to the root; empty for the root itself.
    pub prefix: String,
    /// The repository, or why it cannot be read.
    pub repository: Result<Repository, GitError>,
}

impl Located {
    /// A path of the repository as reports of the run show it.
    pub fn path(&self, relative: &str) -> String {
        match self.prefix.as_str() {
            "" => relative.to_owned(),
            prefix => format!("{prefix}/{relative}"),
        }
    }

    /// What of the repository is asked for: paths without a slash at their ends, the empty one for all
    /// of it; none where it lies beside every target of `roots`.
    pub fn paths(&self, roots: &Roots) -> Vec<Vec<u8>> {
        let dir = roots.roots[self.root].dir().join(&self.prefix);
        let targets = roots.targets.iter();
        let targets = targets.filter(|target| target.root == self.root);
        let mut paths: Vec<Vec<u8>> = targets
            .filter_map(|target| {
                if dir.starts_with(&target.path) || target.path.starts_with(dir.join(".git")) {
                    return Some(Vec::new());
                }
                let below = target.path.strip_prefix(&dir).ok()?;
                let names = below.iter().map(std::ffi::OsStr::as_encoded_bytes);
                Some(names.collect::<Vec<_>>().join(&b'/'))
            })
            .collect();
        if paths.iter().any(Vec::is_empty) {
            paths = vec![Vec::new()];
        }
        paths
    }
}

/// Finds the repositories of `roots`. Those that share their objects are one: that of the root before
/// any below it.
pub fn repositories(roots: &Roots, walk: &WalkOptions, open: OpenOptions) -> Vec<Located> {
    let mut folders: Vec<(usize, PathBuf)> = roots
        .roots
        .iter()
        .enumerate()
        .map(|(number, root)| (number, root.dir().to_owned()))
        .collect();
    folders.extend(repository_folders(roots, walk));
    let mut found = Finder {
        roots,
        open,
        seen: HashSet::new(),
        located: Vec::new(),
        modules: VecDeque::new(),
    };
    for (root, folder) in folders {
        found.add(root, &folder);
    }
    // A submodule that is checked out is known by its work tree before its store is met.
    while let Some((root, dir)) = found.modules.pop_front() {
        found.add_modules(root, &dir, 0);
    }
    found.located
}

struct Finder<'r> {
    roots: &'r Roots,
    open: OpenOptions,
    /// Object folders that are read already.
    seen: HashSet<PathBuf>,
    located: Vec<Located>,
    /// Folders with the object stores of submodules that are still to be looked through.
    modules: VecDeque<(usize, PathBuf)>,
}

impl Finder<'_> {
    fn add(&mut self, root: usize, folder: &Path) {
        let repository = match Repository::at(folder, self.open) {
            Ok(None) => return,
            Ok(Some(repository)) => Ok(repository),
            Err(error) => Err(error),
        };
        if let Ok(repository) = &repository {
            let own = repository.common_dir().join("objects");
            if !self.seen.insert(fs::canonicalize(&own).unwrap_or(own)) {
                return;
            }
            let modules = repository.common_dir().join("modules");
            self.modules.push_back((root, modules));
        }
        let dir = self.roots.roots[root].dir();
        let prefix = folder.strip_prefix(dir).map(crate::source::portable);
        self.located.push(Located {
            root,
            prefix: prefix.map(|path| path.to_string()).unwrap_or_default(),
            repository,
        });
    }

    /// Adds the object stores of submodules, of which names may have several parts.
    fn add_modules(&mut self, root: usize, dir: &Path, depth: usize) {
        for folder in list(dir).unwrap_or_default() {
            if !is_dir(&folder) || folder.is_symlink() || depth == MAX_DEPTH {
                continue;
            }
            if is_git_dir(&folder) {
                self.add(root, &folder);
            } else {
                self.add_modules(root, &folder, depth + 1);
            }
        }
    }
}
