//! The parallel walk over a work tree.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use globset::GlobSet;
use ignore::{DirEntry, WalkBuilder, WalkState};

use super::linked::read_linked;
use super::root::{Root, Roots, Target};
use super::{Text, portable};
use crate::model::ProblemClass;

/// One file.
pub struct Blob<'a> {
    /// Index into [`Roots::roots`].
    pub root: usize,
    /// Relative to the root.
    pub path: &'a Arc<str>,
    /// What it holds.
    pub text: Text<'a>,
}

/// Takes the blobs that one thread of the walk reads.
pub trait BlobVisitor: Send {
    /// Takes one blob. Blobs come in no order.
    fn visit(&mut self, blob: Blob<'_>);
}

/// What the walk reads.
#[derive(Clone, Debug, Default)]
pub struct WalkOptions {
    /// Skip what `.gitignore` and its kin name.
    pub respect_gitignore: bool,
    /// Paths relative to the root that are not read.
    pub exclude: GlobSet,
    /// Folders that are not entered, absolute and without links: repositories with a report of their
    /// own.
    pub apart: BTreeSet<PathBuf>,
    /// The largest file that is read, in bytes.
    pub max_file_size: Option<u64>,
    /// Threads; 0 means one a core.
    pub threads: usize,
}

/// A file or folder that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadProblem {
    /// Index into [`Roots::roots`].
    pub root: usize,
    /// Relative to the root.
    pub path: Arc<str>,
    /// What kind.
    pub class: ProblemClass,
    /// What the system says.
    pub message: String,
}

/// What the walk did not read.
#[derive(Clone, Debug, Default)]
pub struct WalkOutcome {
    /// Sorted.
    pub problems: Vec<ReadProblem>,
    /// Fifos, sockets and devices that were passed over.
    pub special_files: u64,
}

/// Reads every file below the targets of `roots`. `make` is called once a thread.
///
/// A file or folder that cannot be read is a problem; the walk goes on.
pub fn walk<V: BlobVisitor>(
    roots: &Roots,
    options: &WalkOptions,
    make: impl Fn() -> V + Sync,
) -> WalkOutcome {
    let outcome = Mutex::new(WalkOutcome::default());
    let linked: Mutex<BTreeSet<PathBuf>> = Mutex::default();
    let Some(builder) = builder(roots.targets.iter(), options) else {
        return WalkOutcome::default();
    };
    builder.build_parallel().run(|| {
        let mut visitor = make();
        let (outcome, linked) = (&outcome, &linked);
        Box::new(move |entry| {
            let note = |path: &Path, class, message: String| {
                let (root, path) = roots.relative(path).unwrap_or_else(|| (0, portable(path)));
                let problem = ReadProblem {
                    root,
                    path,
                    class,
                    message,
                };
                lock(outcome).problems.push(problem);
            };
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let (path, class, message) = describe(&error);
                    note(&path, class, message);
                    return WalkState::Continue;
                }
            };
            let Some(kind) = entry.file_type() else {
                return WalkState::Continue;
            };
            let Some((root, path)) = roots.relative(entry.path()) else {
                return WalkState::Continue;
            };
            if !path.is_empty() && options.exclude.is_match(&*path) {
                return WalkState::Skip;
            }
            if kind.is_dir() && options.apart.contains(entry.path()) {
                return WalkState::Skip;
            }
            if !kind.is_dir() && entry.file_name() == OsStr::new(".git") {
                let folder = entry.path().parent().map(Path::to_owned);
                linked
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(folder);
            }
            if kind.is_dir() || kind.is_symlink() {
                return WalkState::Continue;
            }
            if !kind.is_file() {
                lock(outcome).special_files += 1;
                return WalkState::Continue;
            }
            let size = || Some(entry.metadata().ok()?.len());
            if options.max_file_size.is_some()
                && let Some(message) = size().and_then(|size| options.too_large(size))
            {
                note(entry.path(), ProblemClass::Limit, message);
                return WalkState::Continue;
            }
            match File::open(entry.path()) {
                Ok(file) => visitor.visit(Blob {
                    root,
                    path: &path,
                    text: Text::File(&file),
                }),
                Err(error) => note(entry.path(), ProblemClass::Unreadable, error.to_string()),
            }
            WalkState::Continue
        })
    });
    let mut outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    let linked = linked.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !linked.is_empty() {
        read_linked(&linked, roots, options, &mut make(), &mut outcome);
    }
    outcome.problems.sort();
    outcome
}

impl WalkOptions {
    /// What is wrong with a size in bytes, if anything is.
    pub(super) fn too_large(&self, size: u64) -> Option<String> {
        let most = self.max_file_size?;
        (size > most)
            .then(|| format!("{size} bytes are more than the largest size that is read, {most}"))
    }
}

/// The folders below the targets of `roots` that are repositories or hold one, sorted by root and path;
/// what cannot be read is left out.
pub(super) fn repository_folders(
    roots: &Roots,
    options: &WalkOptions,
) -> Vec<(usize, std::path::PathBuf)> {
    let folders = roots.targets.iter().filter(|target| target.is_dir);
    let Some(builder) = builder(folders, options) else {
        return Vec::new();
    };
    let mut found: Vec<_> = builder
        .build()
        .filter_map(Result::ok)
        .filter(|entry| {
            let name = entry.file_name();
            let is_bare = || entry.path().parent().is_some_and(super::git::is_git_dir);
            name == ".git" || (name == "HEAD" && is_bare())
        })
        .filter_map(|entry| {
            let folder = entry.path().parent()?;
            let (root, path) = roots.relative(folder)?;
            let is_own = folder.file_name() == Some(OsStr::new(".git"));
            (!is_own && !options.exclude.is_match(&*path)).then(|| (root, folder.to_owned()))
        })
        .collect();
    found.sort();
    found
}

/// The paths below `root` that end in `.yml` or `.yaml`, sorted; what cannot be read is left out.
pub fn yaml_paths(root: &Root) -> Vec<Arc<str>> {
    let target = Target {
        path: root.dir().to_owned(),
        root: 0,
        is_dir: true,
    };
    let Some(builder) = builder(std::iter::once(&target), &WalkOptions::default()) else {
        return Vec::new();
    };
    let is_yaml = |path: &Path| {
        path.extension()
            .and_then(OsStr::to_str)
            .is_some_and(|end| matches!(end, "yml" | "yaml"))
    };
    let mut paths: Vec<Arc<str>> = builder
        .build()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()))
        .filter(|entry| is_yaml(entry.path()))
        .filter_map(|entry| entry.path().strip_prefix(root.dir()).ok().map(portable))
        .collect();
    paths.sort();
    paths
}

fn builder<'t>(
    mut targets: impl Iterator<Item = &'t Target>,
    options: &WalkOptions,
) -> Option<WalkBuilder> {
    let mut builder = WalkBuilder::new(&targets.next()?.path);
    for target in targets {
        builder.add(&target.path);
    }
    builder
        .standard_filters(false)
        .parents(options.respect_gitignore)
        .git_ignore(options.respect_gitignore)
        .git_exclude(options.respect_gitignore)
        .ignore(options.respect_gitignore)
        .threads(options.threads)
        .filter_entry(|entry| !is_git_internal(entry));
    Some(builder)
}

/// What of a Git folder a user wrote.
pub(super) const USER_TEXT: [&str; 8] = [
    "config",
    "config.worktree",
    "hooks",
    "description",
    "info",
    "logs",
    "reftable",
    "COMMIT_EDITMSG",
];

/// Whether an entry is one of Git's own files that hold no text of a user: objects, the index, refs.
///
/// Configuration, hooks, description, info, logs and the tables that hold these are files like others; the object database is
/// a source of its own.
fn is_git_internal(entry: &DirEntry) -> bool {
    if entry.depth() == 0 {
        return false;
    }
    let Some(parent) = entry.path().parent() else {
        return false;
    };
    let name = entry.file_name();
    if parent.file_name() == Some(OsStr::new(".git")) {
        return name.to_str().is_none_or(|name| !USER_TEXT.contains(&name));
    }
    // A bare repository has no `.git`; its object folder stands beside HEAD and refs.
    name == "objects" && parent.join("HEAD").is_file() && parent.join("refs").is_dir()
}

/// The path, the class and the words of an error of the walk.
fn describe(error: &ignore::Error) -> (std::path::PathBuf, ProblemClass, String) {
    match error {
        ignore::Error::WithPath { path, err } => {
            let (_, class, message) = describe(err);
            (path.clone(), class, message)
        }
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            describe(err)
        }
        ignore::Error::Loop { child, .. } => (
            child.clone(),
            ProblemClass::Loop,
            "links back to a folder above it".into(),
        ),
        ignore::Error::Io(error) => (
            std::path::PathBuf::new(),
            ProblemClass::Unreadable,
            error.to_string(),
        ),
        other => (
            std::path::PathBuf::new(),
            ProblemClass::Unreadable,
            other.to_string(),
        ),
    }
}

fn lock(outcome: &Mutex<WalkOutcome>) -> std::sync::MutexGuard<'_, WalkOutcome> {
    outcome.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read as _;
    use std::path::PathBuf;

    use super::*;

    struct Collect<'m>(&'m Mutex<Vec<(String, usize)>>);

    impl BlobVisitor for Collect<'_> {
        fn visit(&mut self, blob: Blob<'_>) {
            let Text::File(mut file) = blob.text else {
                panic!("a walk gives files");
            };
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            self.0
                .lock()
                .unwrap()
                .push((blob.path.to_string(), bytes.len()));
        }
    }

    fn read(paths: &[PathBuf], options: &WalkOptions) -> (Vec<(String, usize)>, WalkOutcome) {
        let roots = Roots::resolve(paths).unwrap();
        let seen = Mutex::new(Vec::new());
        let outcome = walk(&roots, options, || Collect(&seen));
        let mut seen = seen.into_inner().unwrap();
        seen.sort();
        (seen, outcome)
    }

    fn names(seen: &[(String, usize)]) -> Vec<&str> {
        seen.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let file = dir.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        dir
    }

    #[test]
    fn hidden_and_ignored_files_are_read_unless_gitignore_is_respected() {
        let dir = tree(&[
            (".git/HEAD", "ref"),
            (".gitignore", ".env\n"),
            (".env", "12345"),
            ("src/a", "1"),
        ]);
        let paths = [dir.path().to_owned()];
        let (all, _) = read(&paths, &WalkOptions::default());
        assert_eq!(names(&all), [".env", ".gitignore", "src/a"]);
        assert_eq!(all[0].1, 5);
        let options = WalkOptions {
            respect_gitignore: true,
            ..WalkOptions::default()
        };
        assert_eq!(names(&read(&paths, &options).0), [".gitignore", "src/a"]);
        // A file that is named is read whatever the ignore files say.
        assert_eq!(
            names(&read(&[dir.path().join(".env")], &options).0),
            [".env"]
        );
    }

    #[test]
    fn of_git_only_user_text_is_read() {
        let dir = tree(&[
            (".git/config", "c"),
            (".git/objects/ab/cdef", "o"),
            (".git/index", "i"),
            (".git/hooks/pre-commit", "h"),
            ("bare.git/HEAD", "ref"),
            ("bare.git/refs/x", "r"),
            ("bare.git/config", "c"),
            ("bare.git/objects/ab/cdef", "o"),
            ("objects/readme", "r"),
        ]);
        let (seen, _) = read(&[dir.path().to_owned()], &WalkOptions::default());
        assert_eq!(
            names(&seen),
            [
                ".git/config",
                ".git/hooks/pre-commit",
                "bare.git/HEAD",
                "bare.git/config",
                "bare.git/refs/x",
                "objects/readme"
            ]
        );
    }

    #[test]
    fn excluded_folders_are_not_entered() {
        let dir = tree(&[("vendor/a/b", "1"), ("src/c", "1")]);
        let exclude = globset::GlobSetBuilder::new()
            .add(globset::Glob::new("vendor/**").unwrap())
            .build()
            .unwrap();
        let options = WalkOptions {
            exclude,
            ..WalkOptions::default()
        };
        assert_eq!(
            names(&read(&[dir.path().to_owned()], &options).0),
            ["src/c"]
        );
    }

    #[test]
    fn folders_apart_are_not_entered() {
        let dir = tree(&[("app/a", "1"), ("app/lib/b", "1"), ("app/library/c", "1")]);
        let root = fs::canonicalize(dir.path()).unwrap();
        let options = WalkOptions {
            apart: [root.join("app/lib")].into(),
            ..WalkOptions::default()
        };
        let (seen, _) = read(&[root.join("app")], &options);
        assert_eq!(names(&seen), ["a", "library/c"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_and_special_files_not_opened() {
        let dir = tree(&[("real/a", "1")]);
        std::os::unix::fs::symlink(dir.path().join("real"), dir.path().join("real/loop")).unwrap();
        std::os::unix::fs::symlink("/nowhere", dir.path().join("dangling")).unwrap();
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        let (seen, outcome) = read(&[dir.path().to_owned()], &WalkOptions::default());
        assert_eq!(names(&seen), ["real/a"]);
        assert_eq!(outcome.special_files, 1);
        assert_eq!(outcome.problems, []);
        // A link that is named is followed.
        let (seen, _) = read(&[dir.path().join("real/loop")], &WalkOptions::default());
        assert_eq!(names(&seen), ["a"]);
    }
}
