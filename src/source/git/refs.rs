//! Refs: what HEAD and every ref of a repository and of its linked worktrees points at, whether they
//! are kept as files or in tables.

use std::collections::BTreeMap;
use std::path::Path;

use gix_hash::ObjectId;
use gix_ref::file::loose::Reference;
use gix_ref::{FullName, Target, packed};

use super::files::{MAX_TEXT, is_dir, list, path_from_bytes, read};
use super::reftable::stack;
use super::settings::RefStore;
use super::{Defect, Repository};
use crate::model::ProblemClass;

/// How far a symbolic ref is followed, as in Git.
const MAX_SYMBOLIC: usize = 5;

/// How deep the folders of refs are read.
const MAX_DEPTH: usize = 64;

/// What a repository or worktree has checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// A branch, by its full name, that points at a commit.
    Branch(String, ObjectId),
    /// A commit.
    Detached(ObjectId),
    /// A branch, by its full name, that has no commit yet.
    Unborn(String),
    /// It cannot be read.
    Unknown,
}

impl Head {
    /// The commit, if there is one.
    pub const fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Branch(_, id) | Self::Detached(id) => Some(*id),
            Self::Unborn(_) | Self::Unknown => None,
        }
    }
}

/// The refs of a repository.
#[derive(Clone, Debug)]
pub struct Refs {
    /// What is checked out where the repository was opened.
    pub head: Head,
    /// What is checked out in the other worktrees, the main one included.
    pub other_heads: Vec<ObjectId>,
    /// All refs by their full names, symbolic ones followed. What they point at may be no commit and
    /// may be missing.
    pub by_name: BTreeMap<String, ObjectId>,
    /// Whether all refs could be read: where not, what they reach is not known.
    pub complete: bool,
}

impl Refs {
    /// What HEAD and the refs point at, in order and without repetition.
    pub fn tips(&self) -> Vec<ObjectId> {
        let mut tips: Vec<ObjectId> = self
            .by_name
            .values()
            .chain(&self.other_heads)
            .copied()
            .chain(self.head.id())
            .collect();
        tips.sort_unstable();
        tips.dedup();
        tips
    }
}

/// Reads HEAD of `repository`, and of its refs those alone that HEAD leads to.
pub(super) fn head(repository: &Repository, defects: &mut Vec<Defect>) -> Head {
    let mut reader = Reader::new(repository, defects);
    match repository.ref_store() {
        RefStore::Files => {}
        RefStore::Tables => {
            reader.tables();
            return reader.head(repository.git_dir());
        }
        RefStore::Other(store) => return reader.foreign(store).head,
    }
    let path = repository.git_dir().join("HEAD");
    let mut next = match reader.target(&path, "HEAD") {
        Ok(Some(Target::Symbolic(name))) => Some(name.as_bstr().to_string()),
        _ => None,
    };
    for _ in 0..=MAX_SYMBOLIC {
        let Some(name) = next.take() else {
            break;
        };
        for folder in [repository.common_dir(), repository.git_dir()] {
            reader.loose(&folder.join(&name), name.clone());
        }
        if !reader.targets.contains_key(&name) && reader.complete {
            reader.packed();
        }
        if let Some(Target::Symbolic(name)) = reader.targets.get(&name) {
            next = Some(name.as_bstr().to_string());
        }
    }
    reader.head(repository.git_dir())
}

/// Reads the refs of `repository`. What cannot be read is a defect.
pub(super) fn refs(repository: &Repository, defects: &mut Vec<Defect>) -> Refs {
    let mut reader = Reader::new(repository, defects);
    match repository.ref_store() {
        RefStore::Files => reader.files(),
        RefStore::Tables => reader.tables(),
        RefStore::Other(store) => return reader.foreign(store),
    }
    let head = reader.head(repository.git_dir());
    let other_heads = reader.other_heads();
    let by_name = reader
        .targets
        .iter()
        .filter(|(name, _)| name.starts_with("refs/"))
        .filter_map(|(name, target)| Some((name.clone(), reader.follow(target)?)))
        .collect();
    Refs {
        head,
        other_heads,
        by_name,
        complete: reader.complete,
    }
}

struct Reader<'r> {
    repository: &'r Repository,
    targets: BTreeMap<String, Target>,
    complete: bool,
    defects: &'r mut Vec<Defect>,
}

impl<'r> Reader<'r> {
    fn new(repository: &'r Repository, defects: &'r mut Vec<Defect>) -> Self {
        Self {
            repository,
            targets: BTreeMap::new(),
            complete: true,
            defects,
        }
    }

    /// Refs of a store that is not read, which is a defect.
    fn foreign(&mut self, store: &str) -> Refs {
        let message = format!(
            "keeps its refs in the store `{store}`, which is not read: what they reach is not known"
        );
        self.defect(&self.repository.common_dir().join("config"), message);
        Refs {
            head: Head::Unknown,
            other_heads: Vec::new(),
            by_name: BTreeMap::new(),
            complete: false,
        }
    }

    /// Reads all refs that are files.
    fn files(&mut self) {
        let (git_dir, common_dir) = (self.repository.git_dir(), self.repository.common_dir());
        self.packed();
        self.folder(&common_dir.join("refs"), "refs", 0);
        if git_dir != common_dir {
            // Refs of this worktree alone: `refs/bisect`, `refs/worktree`.
            self.folder(&git_dir.join("refs"), "refs", 0);
        }
    }

    /// Reads all refs that are in tables: those of this worktree alone are in tables of its own, and
    /// `HEAD` with them.
    fn tables(&mut self) {
        let (git_dir, common_dir) = (self.repository.git_dir(), self.repository.common_dir());
        self.targets = self.stack(common_dir);
        if git_dir != common_dir {
            self.targets.retain(|name, _| name.starts_with("refs/"));
            let own = self.stack(git_dir);
            self.targets.extend(own);
        }
    }

    /// What the tables of a Git folder say.
    fn stack(&mut self, dir: &Path) -> BTreeMap<String, Target> {
        let read = stack(&dir.join("reftable"), self.repository.format());
        if let Some((path, message)) = read.defect {
            self.defect(&path, message);
        }
        read.targets
    }

    fn defect(&mut self, path: &Path, message: String) {
        self.complete = false;
        self.defects.push(Defect {
            class: ProblemClass::Refs,
            path: self.repository.shown(path),
            message,
            mend: None,
        });
    }

    fn packed(&mut self) {
        let path = self.repository.common_dir().join("packed-refs");
        let bytes = match read(&path, MAX_TEXT) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(error) => return self.defect(&path, format!("not read: {error}")),
        };
        let refs = match packed::Iter::new(&bytes, self.repository.format()) {
            Ok(refs) => refs,
            Err(error) => return self.defect(&path, format!("is not valid: {error}")),
        };
        let mut broken = 0_u64;
        let mut read = Vec::new();
        for reference in refs {
            match reference {
                Ok(reference) => {
                    let name = reference.name.as_bstr().to_string();
                    read.push((name, Target::Object(reference.target())));
                }
                Err(_) => broken += 1,
            }
        }
        // They are sorted, and a map is made of them at once; of two of a name the last one stays.
        self.targets.append(&mut read.into_iter().collect());
        if broken > 0 {
            self.defect(&path, format!("has lines that are no refs: {broken}"));
        }
    }

    /// Reads the loose refs below `dir`; they win over packed ones.
    fn folder(&mut self, dir: &Path, prefix: &str, depth: usize) {
        let entries = match list(dir) {
            Ok(entries) => entries,
            Err(error) => return self.defect(dir, format!("not read: {error}")),
        };
        for path in entries {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                self.defect(&path, "has a name that is no text".into());
                continue;
            };
            let name = format!("{prefix}/{name}");
            if path.symlink_metadata().is_ok_and(|entry| entry.is_dir()) {
                if depth == MAX_DEPTH {
                    self.defect(&path, "lies too deep to be read".into());
                } else {
                    self.folder(&path, &name, depth + 1);
                }
            } else if path.extension().is_none_or(|end| end != "lock") && !is_dir(&path) {
                self.loose(&path, name);
            }
        }
    }

    fn loose(&mut self, path: &Path, name: String) {
        match self.target(path, &name) {
            Ok(Some(target)) => {
                self.targets.insert(name, target);
            }
            Ok(None) => {}
            Err(message) => {
                // A loose ref hides the packed one of its name, also where it is broken.
                self.targets.remove(&name);
                self.defect(path, message);
            }
        }
    }

    /// What a file of a ref says.
    fn target(&self, path: &Path, name: &str) -> Result<Option<Target>, String> {
        // The links of old versions of Git are symbolic refs.
        if let Ok(link) = std::fs::read_link(path)
            && link.starts_with("refs")
        {
            let target = link.to_string_lossy().into_owned();
            return FullName::try_from(target)
                .map(|target| Some(Target::Symbolic(target)))
                .map_err(|_| "is a link to no ref".into());
        }
        let bytes = match read(path, MAX_TEXT) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error) => return Err(format!("not read: {error}")),
        };
        let name = FullName::try_from(name).map_err(|_| "has a name that no ref may have")?;
        Reference::try_from_path(name, &bytes, self.repository.format())
            .map(|reference| Some(reference.target))
            .map_err(|_| "is a broken ref".into())
    }

    /// What is checked out in the worktree of a Git folder. Refs must have been read before.
    fn head(&mut self, git_dir: &Path) -> Head {
        let path = git_dir.join("HEAD");
        let is_in_tables = *self.repository.ref_store() == RefStore::Tables;
        let target = if !is_in_tables {
            self.target(&path, "HEAD")
        } else if git_dir == self.repository.git_dir() {
            Ok(self.targets.get("HEAD").cloned())
        } else {
            Ok(self.stack(git_dir).remove("HEAD"))
        };
        match target {
            Ok(Some(Target::Object(id))) => Head::Detached(id),
            Ok(Some(Target::Symbolic(name))) => {
                let name = name.as_bstr().to_string();
                match self.resolve(&name) {
                    Some(id) => Head::Branch(name, id),
                    // It may be among what could not be read.
                    None if !self.complete => Head::Unknown,
                    None => Head::Unborn(name),
                }
            }
            // Said already: a table that could not be read hides it.
            Ok(None) if is_in_tables && !self.complete => Head::Unknown,
            Ok(None) => {
                self.defect(&path, "is missing".into());
                Head::Unknown
            }
            Err(message) => {
                self.defect(&path, message);
                Head::Unknown
            }
        }
    }

    /// What is checked out in the main worktree and in the linked ones, but for this one.
    fn other_heads(&mut self) -> Vec<ObjectId> {
        let common = self.repository.common_dir().to_owned();
        let mut dirs = vec![common.clone()];
        match list(&common.join("worktrees")) {
            Ok(linked) => dirs.extend(linked),
            Err(error) => {
                self.defect(&common.join("worktrees"), format!("not read: {error}"));
            }
        }
        dirs.retain(|dir| *dir != self.repository.git_dir() && dir.join("HEAD").exists());
        dirs.iter().filter_map(|dir| self.head(dir).id()).collect()
    }

    /// The object that a ref points at in the end; `None` where it ends nowhere.
    fn resolve(&self, name: &str) -> Option<ObjectId> {
        self.follow(self.targets.get(name)?)
    }

    /// The same for what a ref says.
    fn follow<'t>(&'t self, mut target: &'t Target) -> Option<ObjectId> {
        for _ in 0..=MAX_SYMBOLIC {
            match target {
                Target::Object(id) => return Some(*id),
                Target::Symbolic(next) => target = self.targets.get(&next.as_bstr().to_string())?,
            }
        }
        None
    }
}

/// The path that a `gitdir:` file names, as it is written.
pub(super) fn gitdir_line(bytes: &[u8]) -> Option<std::path::PathBuf> {
    let path = bytes.strip_prefix(b"gitdir:")?.trim_ascii();
    (!path.is_empty()).then(|| path_from_bytes(path))
}
