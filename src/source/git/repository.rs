//! Where a repository lies: the `.git` of a work tree, a linked worktree or a submodule, or a bare one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use gix_hash::{Kind, ObjectId};

use super::alternates::object_folders;
use super::files::{MAX_TEXT, is_dir, is_file, list, path_from_bytes, read};
use super::refs::{Head, Refs, gitdir_line, head, refs};
use super::settings::{RefStore, Settings, settings};
use super::{Defect, GitError, Index, Objects};
use crate::model::ProblemClass;

/// The most bytes of a `.git` file or a `commondir`.
const MAX_POINTER: u64 = 64 << 10;

/// How a repository is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Whether objects are read from the folders that `objects/info/alternates` names. They may be any
    /// folder of the machine, so an untrusted repository gets none.
    pub alternates: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { alternates: true }
    }
}

/// A repository, found and understood. Opening reads its configuration and alternates; objects and
/// refs are read when they are asked for.
#[derive(Clone, Debug)]
pub struct Repository {
    git_dir: PathBuf,
    common_dir: PathBuf,
    work_tree: Option<PathBuf>,
    settings: Settings,
    object_folders: Vec<PathBuf>,
    defects: Vec<Defect>,
}

impl Repository {
    /// The repository whose work tree is `dir`, or that is `dir` itself; `None` where there is neither.
    /// Folders above are not looked at.
    ///
    /// # Errors
    ///
    /// A `.git` that is there and cannot be read.
    pub fn at(dir: &Path, options: OpenOptions) -> Result<Option<Self>, GitError> {
        let dot_git = dir.join(".git");
        if dot_git.symlink_metadata().is_ok() {
            let git_dir = git_dir(&dot_git)?;
            return Self::open(git_dir, Some(dir.to_owned()), options).map(Some);
        }
        if is_git_dir(dir) {
            return Self::open(dir.to_owned(), None, options).map(Some);
        }
        Ok(None)
    }

    fn open(
        git_dir: PathBuf,
        work_tree: Option<PathBuf>,
        options: OpenOptions,
    ) -> Result<Self, GitError> {
        let common_dir = common_dir(&git_dir)?;
        let mut repository = Self {
            git_dir,
            common_dir,
            work_tree,
            settings: Settings::default(),
            object_folders: Vec::new(),
            defects: Vec::new(),
        };
        let mut defects = Vec::new();
        let config = repository.common_dir.join("config");
        repository.settings = settings(&config, &repository.shown(&config), &mut defects)?;
        repository.object_folders = object_folders(
            &repository.common_dir.join("objects"),
            options.alternates,
            &|path| repository.shown(path),
            &mut defects,
        );
        repository.defects = defects;
        repository.add_known_gaps();
        Ok(repository)
    }

    /// Also reads objects from `folders`, before all others: the quarantine of a push.
    #[must_use]
    pub fn with_object_folders(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Self {
        self.object_folders.splice(0..0, folders);
        self
    }

    /// The folder of HEAD and the index; a linked worktree has its own.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The folder of objects, refs and configuration.
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The folder of the work tree; a bare repository has none.
    pub fn work_tree(&self) -> Option<&Path> {
        self.work_tree.as_deref()
    }

    /// Whether there is no work tree.
    pub const fn is_bare(&self) -> bool {
        self.work_tree.is_none()
    }

    /// The hash that names objects.
    pub const fn format(&self) -> Kind {
        self.settings.format
    }

    /// Where the index lies, if there is one.
    pub fn index_path(&self) -> PathBuf {
        self.git_dir.join("index")
    }

    /// Folders of objects: its own first, then what it borrows from.
    pub fn object_folders(&self) -> &[PathBuf] {
        &self.object_folders
    }

    /// What was found wrong on opening, and what is known to be missing: a partial or shallow clone,
    /// alternates that are not there or not followed.
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// The object database. A pack that cannot be opened is added to `defects`.
    pub fn objects(&self, defects: &mut Vec<Defect>) -> Objects {
        Objects::open(self, defects)
    }

    /// HEAD and the refs. What of them cannot be read is added to `defects`.
    pub fn refs(&self, defects: &mut Vec<Defect>) -> Refs {
        refs(self, defects)
    }

    /// Commits whose parents a shallow clone does not have.
    pub fn boundary(&self) -> BTreeSet<ObjectId> {
        let bytes = read(&self.common_dir.join("shallow"), MAX_TEXT);
        let bytes = bytes.ok().flatten().unwrap_or_default();
        bytes
            .split(|byte| *byte == b'\n')
            .filter_map(|line| ObjectId::from_hex(line.trim_ascii()).ok())
            .collect()
    }

    /// HEAD alone, without a look at all refs. What of it cannot be read is added to `defects`.
    pub fn head(&self, defects: &mut Vec<Defect>) -> Head {
        head(self, defects)
    }

    /// The index, or the one at `path` that stands in for it.
    ///
    /// # Errors
    ///
    /// What is wrong with a damaged one.
    pub fn index(&self, path: Option<&Path>) -> Result<Index, Defect> {
        Index::read(self, path)
    }

    /// Where refs are kept.
    pub(super) const fn ref_store(&self) -> &RefStore {
        &self.settings.refs
    }

    /// A path below the repository as reports show it: never an absolute one. Whatever lies in the
    /// folder of a linked worktree, of a submodule or of an alternate is shown as if it lay in `.git`.
    pub fn shown(&self, path: &Path) -> String {
        let inside = |base: &Path| path.strip_prefix(base).ok().map(super::super::portable);
        if let Some(relative) = self.work_tree.as_deref().and_then(inside) {
            return relative.to_string();
        }
        let relative = inside(&self.git_dir)
            .or_else(|| inside(&self.common_dir))
            .or_else(|| {
                let folders = self.object_folders.iter();
                folders
                    .filter_map(|folder| inside(folder))
                    .map(|relative| format!("objects/{relative}").into())
                    .next()
            })
            .unwrap_or_else(|| {
                super::super::portable(path.file_name().unwrap_or_default().as_ref())
            });
        if self.is_bare() {
            relative.to_string()
        } else {
            format!(".git/{relative}")
        }
    }

    /// Names what is missing by the repository's own word.
    fn add_known_gaps(&mut self) {
        let shallow = self.common_dir.join("shallow");
        if fs::metadata(&shallow).is_ok_and(|file| file.len() > 0) {
            self.defects.push(Defect {
                class: ProblemClass::History,
                path: self.shown(&shallow),
                message: "the clone is shallow: earlier history is not here".into(),
                mend: Some("`git fetch --unshallow`; in GitLab CI set `GIT_DEPTH: 0`"),
            });
        }
        let is_promisor = |folder: &PathBuf| {
            list(&folder.join("pack"))
                .unwrap_or_default()
                .iter()
                .any(|path| path.extension().is_some_and(|end| end == "promisor"))
        };
        if self.settings.partial || self.object_folders.iter().any(is_promisor) {
            self.defects.push(Defect {
                class: ProblemClass::History,
                path: self.shown(&self.common_dir.join("config")),
                message: "the clone is partial: objects may be missing".into(),
                mend: Some("clone without `--filter`"),
            });
        }
    }
}

/// The folder that a `.git` stands for.
fn git_dir(dot_git: &Path) -> Result<PathBuf, GitError> {
    let not_a_repository = |reason| GitError::NotARepository {
        path: dot_git.to_owned(),
        reason,
    };
    let dangling = || GitError::Dangling {
        path: dot_git.to_owned(),
    };
    let Ok(metadata) = fs::metadata(dot_git) else {
        return Err(dangling());
    };
    if metadata.is_dir() {
        return if is_git_dir(dot_git) {
            Ok(dot_git.to_owned())
        } else {
            Err(not_a_repository("HEAD, objects or refs are missing"))
        };
    }
    let bytes = read(dot_git, MAX_POINTER)
        .map_err(|_| not_a_repository("it is no file that can be read"))?
        .ok_or_else(dangling)?;
    let line = gitdir_line(&bytes).ok_or_else(|| not_a_repository("no `gitdir:` stands in it"))?;
    let parent = dot_git.parent().unwrap_or(Path::new("."));
    let target = fs::canonicalize(parent.join(line)).map_err(|_| dangling())?;
    if is_dir(&target) && is_file(&target.join("HEAD")) {
        Ok(target)
    } else {
        Err(dangling())
    }
}

/// The folder that a worktree shares with the others: `commondir` names it.
fn common_dir(git_dir: &Path) -> Result<PathBuf, GitError> {
    let pointer = git_dir.join("commondir");
    let bytes = match read(&pointer, MAX_POINTER) {
        Ok(None) => return Ok(git_dir.to_owned()),
        Ok(Some(bytes)) => bytes,
        Err(_) => {
            return Err(GitError::NotARepository {
                path: pointer,
                reason: "it is no file that can be read",
            });
        }
    };
    let target = git_dir.join(path_from_bytes(bytes.trim_ascii()));
    fs::canonicalize(target)
        .ok()
        .filter(|dir| is_dir(&dir.join("objects")))
        .ok_or(GitError::Dangling { path: pointer })
}

/// Whether a folder has what Git asks of a repository. HEAD may be a link that leads nowhere yet.
pub(in crate::source) fn is_git_dir(dir: &Path) -> bool {
    let head = dir.join("HEAD");
    let has_head = head
        .symlink_metadata()
        .is_ok_and(|entry| entry.is_file() || entry.is_symlink());
    let shared = is_file(&dir.join("commondir"));
    has_head && (shared || (is_dir(&dir.join("objects")) && is_dir(&dir.join("refs"))))
}
