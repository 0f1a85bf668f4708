//! Many repositories: those that a list names, or those below a folder.
//!
//! Each has a name, its path relative to the list or folder. What a list names and is no repository
//! keeps its place among them, so that whoever scans the part of the fleet it falls into reports it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{WalkBuilder, WalkState};

use super::git::Checkout;
use super::{SourceError, portable, read_named};

/// One repository of a fleet, or what stands where one is meant.
#[derive(Clone, Debug)]
pub struct FleetEntry {
    /// The path relative to the list or folder; `.` for the folder itself.
    pub name: Arc<str>,
    /// The repository, or why there is none: lower-case start, no full stop.
    pub checkout: Result<Checkout, String>,
}

/// Why there is no fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The list or folder cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The list is no text.
    #[error("`{}` is no list of paths: it is not UTF-8", path.display())]
    NotText {
        /// As the user gave it.
        path: PathBuf,
    },
    /// There is nothing to scan.
    #[error("there is no repository in `{}`", path.display())]
    Empty {
        /// As the user gave it.
        path: PathBuf,
    },
}

/// The repositories that `path` stands for, sorted by name: each line of a file, or each repository
/// below a folder, which is searched by `threads` threads, or one a core where that is 0. A repository
/// that is named twice comes once.
///
/// # Errors
///
/// See [`FleetError`]; a single line or folder that cannot be read is an entry.
pub fn fleet(path: &Path, threads: usize) -> Result<Vec<FleetEntry>, FleetError> {
    let is_dir = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let mut entries = if is_dir {
        below(path, threads)?
    } else {
        listed(path)?
    };
    if entries.is_empty() {
        return Err(FleetError::Empty {
            path: path.to_owned(),
        });
    }
    entries.sort_by(|a, b| (&a.name, dir_of(a)).cmp(&(&b.name, dir_of(b))));
    let mut seen = BTreeSet::new();
    entries.retain(|entry| dir_of(entry).is_none_or(|dir| seen.insert(dir.to_owned())));
    Ok(entries)
}

fn dir_of(entry: &FleetEntry) -> Option<&Path> {
    entry.checkout.as_ref().ok().map(Checkout::dir)
}

/// The repositories that a list names.
fn listed(path: &Path) -> Result<Vec<FleetEntry>, FleetError> {
    let open = |source| SourceError::Open {
        path: path.to_owned(),
        source,
    };
    let not_text = |_| FleetError::NotText {
        path: path.to_owned(),
    };
    let text = String::from_utf8(read_named(path)?).map_err(not_text)?;
    let file = std::path::absolute(path).map_err(open)?;
    let folder = file.parent().unwrap_or(&file);
    let mut entries: Vec<FleetEntry> = Vec::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = without_comment(line);
        if line.is_empty() {
            continue;
        }
        let name: Arc<str> = relative(folder, &folder.join(line)).into();
        let checkout = checkout(&folder.join(line)).map_err(|wrong| {
            let list = file.file_name().unwrap_or_default().to_string_lossy();
            format!("{wrong} ({list}, line {})", number + 1)
        });
        if entries.iter().all(|entry| entry.name != name) {
            entries.push(FleetEntry { name, checkout });
        }
    }
    Ok(entries)
}

/// The line up to a `#` at its start or after a blank.
fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    let comment = line.char_indices().find(|(_, c)| {
        let begins = *c == '#' && before.is_whitespace();
        before = *c;
        begins
    });
    line[..comment.map_or(line.len(), |(at, _)| at)].trim()
}

fn checkout(path: &Path) -> Result<Checkout, String> {
    let real = fs::canonicalize(path).map_err(|error| format!("not read: {error}"))?;
    Checkout::at(&real).ok_or_else(|| {
        "is no repository: it holds neither `.git` nor HEAD, objects and refs".to_owned()
    })
}

/// The way from `base` to `path`, both absolute, by their words alone.
fn relative(base: &Path, path: &Path) -> String {
    let base = plain(base);
    let path = plain(path);
    let shared = base.iter().zip(&path).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(OsStr::new(".."), base.len() - shared);
    let way: PathBuf = up.chain(path[shared..].iter().copied()).collect();
    if way.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        portable(&way).to_string()
    }
}

/// The segments of a path without `.` and `..`.
fn plain(path: &Path) -> Vec<&OsStr> {
    let mut segments = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir => {
                segments.pop();
            }
            Component::Prefix(_) | Component::Normal(_) => segments.push(part.as_os_str()),
        }
    }
    segments
}

/// The repositories below a folder, also those that lie in another. Links are not followed.
fn below(path: &Path, threads: usize) -> Result<Vec<FleetEntry>, FleetError> {
    let root = fs::canonicalize(path).map_err(|source| SourceError::Open {
        path: path.to_owned(),
        source,
    })?;
    let entries = Mutex::new(Vec::new());
    let name_of = |dir: &Path| -> Arc<str> {
        match dir.strip_prefix(&root) {
            Ok(below) if below.as_os_str().is_empty() => ".".into(),
            Ok(below) => portable(below),
            Err(_) => portable(dir),
        }
    };
    let keep = |entry| {
        entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    };
    let mut builder = WalkBuilder::new(&root);
    builder
        .standard_filters(false)
        .threads(threads)
        .filter_entry(|entry| entry.file_type().is_some_and(|kind| kind.is_dir()))
        .build_parallel()
        .run(|| {
            Box::new(|found| {
                let found = match found {
                    Ok(found) => found,
                    Err(error) => {
                        if let Some((dir, wrong)) = unreadable(&error) {
                            keep(FleetEntry {
                                name: name_of(dir),
                                checkout: Err(format!("not read: {wrong}")),
                            });
                        }
                        return WalkState::Continue;
                    }
                };
                let dir = found.path();
                if is_inside_git(dir) {
                    return WalkState::Skip;
                }
                if let Some(checkout) = Checkout::at(dir) {
                    keep(FleetEntry {
                        name: name_of(dir),
                        checkout: Ok(checkout),
                    });
                }
                WalkState::Continue
            })
        });
    Ok(entries.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Whether a folder is Git's own: objects and references of a bare repository, and the Git folder of
/// a work tree, with the repositories of its submodules in it.
fn is_inside_git(dir: &Path) -> bool {
    let Some(name) = dir.file_name().and_then(OsStr::to_str) else {
        return false;
    };
    let bare_parent = || {
        dir.parent()
            .and_then(Checkout::at)
            .is_some_and(|parent| parent.is_bare())
    };
    name == ".git" || matches!(name, "objects" | "refs" | "modules" | "worktrees") && bare_parent()
}

/// The folder that could not be read, and what the system says.
fn unreadable(error: &ignore::Error) -> Option<(&Path, String)> {
    match error {
        ignore::Error::WithPath { path, err } => Some((path, err.to_string())),
        ignore::Error::WithDepth { err, .. } => unreadable(err),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(dir: &Path) {
        fs::create_dir_all(dir.join("objects")).unwrap();
        fs::create_dir_all(dir.join("refs/heads")).unwrap();
        fs::write(dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    fn names(path: &Path) -> Vec<(String, bool)> {
        fleet(path, 0)
            .unwrap()
            .into_iter()
            .map(|entry| (entry.name.to_string(), entry.checkout.is_ok()))
            .collect()
    }

    fn good(names: &[&str]) -> Vec<(String, bool)> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), true))
            .collect()
    }

    #[test]
    fn a_folder_is_searched_below_repositories_but_not_inside_of_git() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        repository(&at("b/app/.git"));
        repository(&at("b/app/.git/modules/sub"));
        repository(&at("b/app/vendor/lib/.git"));
        repository(&at("a/bare.git"));
        repository(&at("a/bare.git/modules/sub"));
        repository(&at("a/bare.git/nested.git"));
        fs::create_dir_all(at("c/no-repository/deep")).unwrap();
        fs::create_dir_all(at("c/sub")).unwrap();
        fs::write(at("c/sub/.git"), "gitdir: nowhere").unwrap();
        assert_eq!(
            names(dir.path()),
            good(&[
                "a/bare.git",
                "a/bare.git/nested.git",
                "b/app",
                "b/app/vendor/lib",
                "c/sub"
            ])
        );
        assert_eq!(names(&at("b/app")), good(&[".", "vendor/lib"]));
    }

    #[test]
    fn a_list_has_comments_relative_paths_and_lines_that_are_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        repository(&at("repos/app/.git"));
        repository(&at("repos/a#b c.git"));
        repository(&at("lists/here/.git"));
        fs::create_dir_all(at("repos/plain")).unwrap();
        let absolute = at("lists/here");
        let list = format!(
            "\u{feff}# all of them\r\n\r\n  ../repos/app\t# the shop\r\n../repos/./x/../app/\n../repos/a#b c.git\n\
             ../repos/plain\n{}\n../gone",
            absolute.display()
        );
        fs::write(at("lists/fleet.txt"), list).unwrap();
        let entries = fleet(&at("lists/fleet.txt"), 0).unwrap();
        let told: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    &*entry.name,
                    entry.checkout.as_ref().err().map(String::as_str),
                )
            })
            .collect();
        let gone = told[0].1.unwrap();
        assert!(
            gone.starts_with("not read: ") && gone.ends_with("(fleet.txt, line 8)"),
            "{gone}"
        );
        assert_eq!(
            told[1..],
            [
                ("../repos/a#b c.git", None),
                ("../repos/app", None),
                (
                    "../repos/plain",
                    Some(
                        "is no repository: it holds neither `.git` nor HEAD, objects and refs \
                         (fleet.txt, line 6)"
                    )
                ),
                ("here", None),
            ]
        );
    }

    #[test]
    fn a_list_of_nothing_is_an_error_and_so_is_no_text() {
        let dir = tempfile::tempdir().unwrap();
        let list = dir.path().join("list");
        fs::write(&list, "# nothing\n").unwrap();
        let told = |path: &Path| fleet(path, 0).unwrap_err().to_string();
        assert!(told(&list).starts_with("there is no repository in `"));
        assert!(told(dir.path()).starts_with("there is no repository in `"));
        fs::write(&list, b"\xff\n").unwrap();
        assert!(told(&list).contains("is not UTF-8"));
        assert!(told(&dir.path().join("gone")).starts_with("cannot open `"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_where_a_list_names_them_alone() {
        let dir = tempfile::tempdir().unwrap();
        repository(&dir.path().join("app/.git"));
        std::os::unix::fs::symlink("app", dir.path().join("link")).unwrap();
        assert_eq!(names(dir.path()), good(&["app"]));
        fs::write(dir.path().join("list"), "link\n").unwrap();
        assert_eq!(names(&dir.path().join("list")), good(&["link"]));
        // The same repository twice comes once.
        fs::write(dir.path().join("list"), "link\napp\n").unwrap();
        assert_eq!(names(&dir.path().join("list")), good(&["app"]));
    }
}
