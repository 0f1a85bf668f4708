//! The texts of Git folders that lie elsewhere: a linked worktree and a submodule have a `.git` that
//! names one, and what a user wrote there belongs to them as if it lay in it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::git::{OpenOptions, Repository};
use super::root::Roots;
use super::walk::{Blob, BlobVisitor, ReadProblem, USER_TEXT, WalkOptions, WalkOutcome};
use super::{Text, portable};
use crate::model::ProblemClass;

/// How deep folders of hooks and logs are read.
const MAX_DEPTH: usize = 64;

/// Reads the texts of the Git folders that the `.git` of `folders` names. Each is read once, for the
/// first of them.
pub(super) fn read_linked(
    folders: &BTreeSet<PathBuf>,
    roots: &Roots,
    options: &WalkOptions,
    visitor: &mut dyn BlobVisitor,
    outcome: &mut WalkOutcome,
) {
    let mut seen = BTreeSet::new();
    for folder in folders {
        let Some((root, path)) = roots.relative(folder) else {
            continue;
        };
        let shown = match &*path {
            "" => ".git".to_owned(),
            path => format!("{path}/.git"),
        };
        let opened = Repository::at(folder, OpenOptions { alternates: false });
        let repository = match opened {
            Ok(Some(repository)) => repository,
            Ok(None) => continue,
            Err(error) => {
                outcome.problems.push(ReadProblem {
                    root,
                    path: shown.into(),
                    class: ProblemClass::Repository,
                    message: error.to_string(),
                });
                continue;
            }
        };
        let mut reader = Reader {
            root,
            options,
            visitor: &mut *visitor,
            outcome: &mut *outcome,
        };
        for dir in [repository.git_dir(), repository.common_dir()] {
            let real = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
            // The `.git` of a work tree that is walked itself is read by the walk.
            let is_walked = real.file_name() == Some(".git".as_ref())
                && roots
                    .targets
                    .iter()
                    .any(|target| real.starts_with(&target.path));
            if is_walked || !seen.insert(real.clone()) {
                continue;
            }
            for name in USER_TEXT {
                reader.read(&real.join(name), &format!("{shown}/{name}"), 0);
            }
        }
    }
}

struct Reader<'r> {
    root: usize,
    options: &'r WalkOptions,
    visitor: &'r mut dyn BlobVisitor,
    outcome: &'r mut WalkOutcome,
}

impl Reader<'_> {
    /// Reads a file, or all of a folder; links are not followed.
    fn read(&mut self, path: &Path, shown: &str, depth: usize) {
        let Ok(metadata) = path.symlink_metadata() else {
            return;
        };
        if metadata.is_symlink() || self.options.exclude.is_match(shown) {
            return;
        }
        if metadata.is_dir() {
            match fs::read_dir(path) {
                Ok(_) if depth == MAX_DEPTH => {
                    self.note(
                        shown,
                        ProblemClass::Limit,
                        "lies too deep to be read".into(),
                    );
                }
                Ok(entries) => {
                    let mut names: Vec<_> =
                        entries.flatten().map(|entry| entry.file_name()).collect();
                    names.sort();
                    for name in names {
                        let shown = format!("{shown}/{}", portable(name.as_ref()));
                        self.read(&path.join(name), &shown, depth + 1);
                    }
                }
                Err(error) => self.note(shown, ProblemClass::Unreadable, error.to_string()),
            }
            return;
        }
        if !metadata.is_file() {
            self.outcome.special_files += 1;
            return;
        }
        let size = metadata.len();
        if let Some(message) = self.options.too_large(size) {
            return self.note(shown, ProblemClass::Limit, message);
        }
        match File::open(path) {
            Ok(file) => self.visitor.visit(Blob {
                root: self.root,
                path: &Arc::from(shown),
                text: Text::File(&file),
            }),
            Err(error) => self.note(shown, ProblemClass::Unreadable, error.to_string()),
        }
    }

    fn note(&mut self, shown: &str, class: ProblemClass, message: String) {
        self.outcome.problems.push(ReadProblem {
            root: self.root,
            path: shown.into(),
            class,
            message,
        });
    }
}
