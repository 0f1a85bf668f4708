//! What a folder says of the repository in it: which kind it is, where HEAD stands, where it was
//! cloned from.
//!
//! A few small text files are read, each up to a limit, and believed in nothing: a hostile one can
//! make a description wrong or absent and no more. The object database is no matter of this module.

use std::path::{Path, PathBuf};

use super::files::{ReadError, read};
use super::settings::RefStore;
use super::{GitError, Head, OpenOptions, Repository, remote};
use crate::model::VersionControl;

/// The most bytes of HEAD or a reference.
const MAX_REFERENCE: u64 = 4096;
/// The most bytes of a configuration.
const MAX_CONFIG: u64 = 1 << 20;
/// The most bytes of `packed-refs`: some millions of references.
const MAX_PACKED: u64 = 256 << 20;
/// The most references that name each other.
const MAX_STEPS: usize = 5;

/// A folder that is a repository, or means to be one.
#[derive(Clone, Debug)]
pub struct Checkout {
    dir: PathBuf,
    repository: Result<Box<Repository>, String>,
}

impl Checkout {
    /// The repository at `dir`, by a `.git` in it or by what a bare one holds; none where there is
    /// neither. The path must be absolute and without links.
    pub fn at(dir: &Path) -> Option<Self> {
        // Objects are not read here, so that it does not matter where they are borrowed from.
        let options = OpenOptions { alternates: false };
        let repository = match Repository::at(dir, options) {
            Ok(found) => Ok(Box::new(found?)),
            Err(error) => Err(told(&error)),
        };
        Some(Self {
            dir: dir.to_owned(),
            repository,
        })
    }

    /// Absolute, without links.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether it has no work tree.
    pub fn is_bare(&self) -> bool {
        self.repository
            .as_ref()
            .is_ok_and(|repository| repository.is_bare())
    }

    /// What the repository says of itself, and what is wrong with it.
    pub fn describe(&self) -> (VersionControl, Option<String>) {
        let repository = match &self.repository {
            Ok(repository) => repository,
            Err(wrong) => return (VersionControl::default(), Some(wrong.clone())),
        };
        let config = read(&repository.common_dir().join("config"), MAX_CONFIG);
        let mut described = VersionControl {
            uri: config
                .ok()
                .flatten()
                .and_then(|config| remote::origin(&config)),
            ..VersionControl::default()
        };
        if *repository.ref_store() != RefStore::Files {
            // Whatever is wrong with refs is told by the scan that needs them.
            match repository.head(&mut Vec::new()) {
                Head::Branch(name, id) => {
                    described.branch = name.strip_prefix("refs/heads/").map(str::to_owned);
                    described.revision = Some(id.to_string());
                }
                Head::Detached(id) => described.revision = Some(id.to_string()),
                Head::Unborn(name) => {
                    described.branch = name.strip_prefix("refs/heads/").map(str::to_owned);
                }
                Head::Unknown => {}
            }
            return (described, None);
        }
        let head = match text(&repository.git_dir().join("HEAD"), MAX_REFERENCE) {
            Ok(Some(head)) => head,
            Ok(None) => return (described, Some("HEAD is missing".into())),
            Err(error) => return (described, Some(format!("HEAD is not read: {error}"))),
        };
        if let Some(id) = object_id(&head) {
            described.revision = Some(id);
            return (described, None);
        }
        let Some(name) = symbolic(&head) else {
            return (described, Some("HEAD names no branch and no commit".into()));
        };
        described.branch = name.strip_prefix("refs/heads/").map(str::to_owned);
        described.revision = resolve(repository, name);
        (described, None)
    }
}

/// What is wrong with a `.git`, with its path within the repository.
fn told(error: &GitError) -> String {
    let name = error.path().file_name().unwrap_or_default();
    format!("`{}` {error}", name.to_string_lossy())
}

/// The commit that a reference stands at; none where it is unborn or kept in another way.
///
/// This is for the one reference that HEAD names: [`Repository::refs`] reads all of them, and of a fleet
/// nobody asked for that.
fn resolve(repository: &Repository, name: &str) -> Option<String> {
    let mut name = name.to_owned();
    for _ in 0..MAX_STEPS {
        let loose = [repository.git_dir(), repository.common_dir()]
            .into_iter()
            .find_map(|folder| text(&folder.join(&name), MAX_REFERENCE).ok().flatten());
        match loose {
            None => return packed(repository, &name),
            Some(text) => match symbolic(&text) {
                Some(next) => next.clone_into(&mut name),
                None => return object_id(&text),
            },
        }
    }
    None
}

fn packed(repository: &Repository, name: &str) -> Option<String> {
    let text = text(&repository.common_dir().join("packed-refs"), MAX_PACKED).ok()??;
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(_, packed)| *packed == name)
        .and_then(|(id, _)| object_id(id))
}

fn text(path: &Path, limit: u64) -> Result<Option<String>, ReadError> {
    let bytes = read(path, limit)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// The name that `ref: …` gives, if it is one that leads nowhere else.
fn symbolic(text: &str) -> Option<&str> {
    let name = text.strip_prefix("ref:")?.trim();
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let safe = name.starts_with("refs/")
        && name.split('/').all(plain)
        && !name.contains(['\\', ':'])
        && !name.contains(char::is_control);
    safe.then_some(name)
}

/// The id of an object, of SHA-1 or SHA-256, that is all of `text`.
fn object_id(text: &str) -> Option<String> {
    let text = text.trim();
    let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            if !path.ends_with('/') {
                fs::write(file, text).unwrap();
            }
        }
        dir
    }

    /// A work tree with these files in its Git folder.
    fn described(files: &[(&str, &str)]) -> (VersionControl, Option<String>) {
        let mut all = vec![(".git/objects/x", ""), (".git/refs/x", "")];
        all.extend(files);
        let dir = tree(&all);
        let checkout = Checkout::at(dir.path()).unwrap();
        assert!(!checkout.is_bare());
        checkout.describe()
    }

    #[test]
    fn head_is_followed_through_loose_and_packed_references() {
        let main = (".git/HEAD", "ref: refs/heads/main\n");
        let packed = format!("# pack-refs with: peeled\n{TWO} refs/heads/main\n^{ONE}\n");
        let loose = format!("{ONE}\n");
        let (loose_wins, wrong) = described(&[
            main,
            (".git/refs/heads/main", &loose),
            (".git/packed-refs", &packed),
        ]);
        assert_eq!(wrong, None);
        assert_eq!(loose_wins.revision.as_deref(), Some(ONE));
        assert_eq!(loose_wins.branch.as_deref(), Some("main"));
        let (packed, _) = described(&[main, (".git/packed-refs", &packed)]);
        assert_eq!(packed.revision.as_deref(), Some(TWO));
        let (unborn, wrong) = described(&[main]);
        assert_eq!((unborn.revision, wrong), (None, None));
        let (detached, wrong) = described(&[(".git/HEAD", &"a".repeat(64))]);
        assert_eq!((detached.branch, wrong), (None, None));
        assert_eq!(detached.revision, Some("a".repeat(64)));
    }

    #[test]
    fn what_is_wrong_is_told_and_hostile_names_lead_nowhere() {
        for (head, told) in [
            ("", "HEAD names no branch"),
            ("ref: ../../outside", "HEAD names no branch"),
            ("ref: refs/heads/../../config", "HEAD names no branch"),
            ("ref: refs//heads", "HEAD names no branch"),
            ("ref: /etc/passwd", "HEAD names no branch"),
            (
                "g111111111111111111111111111111111111111",
                "HEAD names no branch",
            ),
        ] {
            let (described, wrong) = described(&[(".git/HEAD", head)]);
            assert!(wrong.unwrap().starts_with(told), "{head}");
            assert_eq!(described, VersionControl::default());
        }
        let circle = [
            (".git/HEAD", "ref: refs/heads/a"),
            (".git/refs/heads/a", "ref: refs/heads/b"),
            (".git/refs/heads/b", "ref: refs/heads/a"),
        ];
        assert_eq!(described(&circle).0.revision, None);
        let text = [
            (".git/HEAD", "ref: refs/heads/a"),
            (".git/refs/heads/a", "some text"),
        ];
        assert_eq!(described(&text).0.revision, None);
        let config = "[remote \"origin\"]\nurl = https://me:secret@gitlab.example/a.git\n";
        let (origin, _) = described(&[(".git/HEAD", ONE), (".git/config", config)]);
        assert_eq!(origin.uri.as_deref(), Some("https://gitlab.example/a.git"));
    }

    #[test]
    fn work_trees_bare_ones_and_linked_ones_are_told_apart() {
        let dir = tree(&[
            ("plain/file", ""),
            ("empty/.git/config", ""),
            ("lost/.git", "gitdir: ../nowhere"),
            ("odd/.git", "hello"),
            ("bare.git/HEAD", "ref: refs/heads/main"),
            ("bare.git/objects/x", ""),
            ("bare.git/refs/heads/main", TWO),
            ("bare.git/worktrees/one/HEAD", ONE),
            ("bare.git/worktrees/one/commondir", "../..\n"),
            (
                "bare.git/config",
                "[remote \"origin\"]\nurl = git@gitlab.example:a.git\n",
            ),
            ("linked/.git", "gitdir: ../bare.git/worktrees/one\n"),
        ]);
        let at = |name: &str| Checkout::at(&dir.path().join(name));
        assert!(at("plain").is_none() && at("absent").is_none());
        for (name, told) in [
            (
                "empty",
                "`.git` is no repository: HEAD, objects or refs are missing",
            ),
            ("lost", "`.git` points at a repository that is not there"),
            ("odd", "`.git` is no repository: no `gitdir:` stands in it"),
        ] {
            let wrong = at(name).unwrap().describe().1.unwrap();
            assert!(wrong.contains(told), "{wrong}");
        }
        let bare = at("bare.git").unwrap();
        assert!(bare.is_bare());
        assert_eq!(bare.describe().0.revision.as_deref(), Some(TWO));
        let (linked, wrong) = at("linked").unwrap().describe();
        assert_eq!(wrong, None);
        assert_eq!(linked.revision.as_deref(), Some(ONE));
        assert_eq!(linked.uri.as_deref(), Some("ssh://gitlab.example/a.git"));
    }

    #[cfg(unix)]
    #[test]
    fn fifos_and_sockets_are_not_waited_for() {
        let dir = tree(&[
            (".git/objects/x", ""),
            (".git/refs/heads/x", ""),
            (".git/HEAD", "ref: refs/heads/main"),
        ]);
        let bind = |path| std::os::unix::net::UnixListener::bind(dir.path().join(path)).unwrap();
        let _listeners = [".git/refs/heads/main", ".git/config", ".git/packed-refs"].map(bind);
        let (described, wrong) = Checkout::at(dir.path()).unwrap().describe();
        assert_eq!((described.revision, wrong), (None, None));
        assert_eq!(described.branch.as_deref(), Some("main"));
    }
}
