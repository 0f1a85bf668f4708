//! Repositories as Git makes them: where they lie, their objects, their refs.

use std::fs;
use std::path::Path;

use glpatrol::model::ProblemClass;
use glpatrol::source::git::{
    Decoder, Defect, GitError, Head, Kind, ObjectId, OpenOptions, Repository,
};

use crate::git::Repo;

fn open(path: &Path) -> Repository {
    Repository::at(path, OpenOptions::default())
        .unwrap()
        .unwrap()
}

fn id(hex: &str) -> ObjectId {
    ObjectId::from_hex(hex.as_bytes()).unwrap()
}

/// Every object that Git knows, with the kind and bytes that Git gives.
fn objects(repo: &Repo) -> Vec<(ObjectId, String, Vec<u8>)> {
    let list = repo.git(&[
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objectname) %(objecttype)",
    ]);
    list.lines()
        .map(|line| {
            let (hex, kind) = line.split_once(' ').unwrap();
            let path = repo.path();
            let output = repo.command(&path, &["cat-file", kind, hex]).output();
            (id(hex), kind.to_owned(), output.unwrap().stdout)
        })
        .collect()
}

/// Asserts that every object is found with the bytes that Git gives.
fn assert_same_objects(repo: &Repo, least: usize) {
    let mut defects = Vec::new();
    let found = open(&repo.path()).objects(&mut defects);
    assert_eq!(defects, []);
    let mut decoder = Decoder::default();
    let all = objects(repo);
    assert!(all.len() >= least, "{}", all.len());
    for (id, kind, bytes) in all {
        let object = found.find(&id, &mut decoder).unwrap().unwrap();
        assert_eq!(object.kind.to_string(), kind);
        assert_eq!(object.bytes, bytes, "{id}");
        assert!(found.contains(&id));
    }
    let absent = ObjectId::null(found.format());
    assert!(found.find(&absent, &mut decoder).unwrap().is_none());
    assert!(!found.contains(&absent));
}

#[test]
fn loose_packed_and_deltified_objects_have_the_bytes_that_git_gives() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::with(&["--object-format", format]);
        repo.grow(12);
        repo.git(&["tag", "--annotate", "--message", "first", "v1"]);
        assert_same_objects(&repo, 40);
        repo.git(&["repack", "-a", "-d", "--depth=50", "--window=50"]);
        repo.bytes("later.txt", b"later");
        repo.commit("later");
        assert_same_objects(&repo, 43);
        // A pack whose deltas name their bases by id.
        repo.git(&["config", "repack.useDeltaBaseOffset", "false"]);
        repo.git(&["repack", "-a", "-d", "-f"]);
        assert_same_objects(&repo, 43);
    }
}

#[test]
fn a_linked_worktree_has_its_own_head_and_shares_the_rest() {
    let mut repo = Repo::new();
    repo.bytes("a", b"a");
    let first = repo.commit("first");
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    repo.enter("side");
    repo.bytes("b", b"b");
    let second = repo.commit("second");

    let side = open(&repo.path());
    assert!(side.common_dir().ends_with("repo/.git"));
    assert_ne!(side.git_dir(), side.common_dir());
    assert!(side.index_path().is_file());
    assert!(!side.is_bare());
    let mut defects = Vec::new();
    let refs = side.refs(&mut defects);
    assert_eq!(
        refs.head,
        Head::Branch("refs/heads/side".into(), id(&second))
    );
    assert_eq!(refs.other_heads, [id(&first)]);
    assert_eq!(refs.by_name.len(), 2);
    assert!(refs.complete && defects.is_empty());
    assert_same_objects(&repo, 6);
}

#[test]
fn refs_are_loose_packed_and_symbolic_and_loose_ones_win() {
    let repo = Repo::new();
    let first = repo.commit("first");
    repo.git(&["update-ref", "refs/merge-requests/1/head", &first]);
    repo.git(&["tag", "-a", "-m", "one", "v1"]);
    let tag = repo.git(&["rev-parse", "v1"]);
    repo.git(&["pack-refs", "--all"]);
    let second = repo.commit("second");
    repo.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/heads/main",
    ]);
    repo.git(&["symbolic-ref", "refs/loop/a", "refs/loop/b"]);
    repo.git(&["symbolic-ref", "refs/loop/b", "refs/loop/a"]);

    let mut defects = Vec::new();
    let refs = open(&repo.path()).refs(&mut defects);
    let by_name: Vec<_> = refs
        .by_name
        .iter()
        .map(|(name, id)| (name.as_str(), *id))
        .collect();
    assert_eq!(
        by_name,
        [
            ("refs/heads/main", id(&second)),
            ("refs/merge-requests/1/head", id(&first)),
            ("refs/remotes/origin/HEAD", id(&second)),
            ("refs/tags/v1", id(&tag)),
        ]
    );
    assert_eq!(
        refs.head,
        Head::Branch("refs/heads/main".into(), id(&second))
    );
    assert_eq!(refs.tips().len(), 3);
    assert_eq!(defects, []);

    repo.git(&["checkout", "--quiet", "--detach", &first]);
    assert_eq!(
        open(&repo.path()).refs(&mut defects).head,
        Head::Detached(id(&first))
    );
    repo.bytes(".git/refs/heads/broken", b"nonsense\n");
    let refs = open(&repo.path()).refs(&mut defects);
    assert!(!refs.complete);
    assert_eq!(defects.len(), 1);
    assert_eq!(defects[0].path, ".git/refs/heads/broken");
    assert_eq!(defects[0].class, ProblemClass::Refs);
}

#[test]
fn an_empty_repository_is_complete_and_its_head_unborn() {
    let repo = Repo::new();
    let repository = open(&repo.path());
    let mut defects: Vec<Defect> = repository.defects().to_vec();
    let refs = repository.refs(&mut defects);
    let objects = repository.objects(&mut defects);
    assert_eq!(refs.head, Head::Unborn("refs/heads/main".into()));
    assert!(refs.tips().is_empty());
    assert_eq!(defects, []);
    assert!(!objects.contains(&ObjectId::empty_blob(objects.format())));
}

#[test]
fn bare_repositories_and_folders_that_are_none() {
    let repo = Repo::with(&["--bare"]);
    let repository = open(&repo.path());
    assert!(repository.is_bare());
    assert_eq!(repository.shown(&repo.path().join("config")), "config");
    let at = |path: &Path| Repository::at(path, OpenOptions::default());
    assert!(at(repo.base()).unwrap().is_none());

    let dot_git = repo.base().join(".git");
    fs::write(&dot_git, "gitdir: gone\n").unwrap();
    assert!(matches!(at(repo.base()), Err(GitError::Dangling { .. })));
    fs::write(&dot_git, "hello\n").unwrap();
    assert!(matches!(
        at(repo.base()),
        Err(GitError::NotARepository { .. })
    ));
    fs::write(&dot_git, "gitdir: repo\n").unwrap();
    assert!(at(repo.base()).unwrap().is_some());
}

#[test]
fn what_a_repository_lacks_is_named_on_opening() {
    let mut repo = Repo::new();
    repo.bytes("a", b"a");
    repo.commit("first");
    repo.commit("second");
    let url = format!("file://{}", repo.path().display());
    let classes = |path: &Path| -> Vec<(ProblemClass, String)> {
        let found = open(path);
        let defects = found.defects().iter();
        defects
            .map(|defect| (defect.class, defect.path.clone()))
            .collect()
    };
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--depth", "1", &url, "shallow"],
    );
    let found = classes(&repo.base().join("shallow"));
    assert_eq!(found, [(ProblemClass::History, ".git/shallow".into())]);

    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let partial = [
        "clone",
        "--quiet",
        "--bare",
        "--filter=blob:none",
        &url,
        "partial",
    ];
    repo.git_in(Path::new("."), &partial);
    let found = classes(&repo.base().join("partial"));
    assert_eq!(found, [(ProblemClass::History, "config".into())]);

    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--shared", "repo", "shared"],
    );
    assert_eq!(classes(&repo.base().join("shared")), []);
    repo.enter("shared");
    assert_same_objects(&repo, 4);
    fs::rename(repo.base().join("repo"), repo.base().join("moved")).unwrap();
    let found = classes(&repo.path());
    let alternates = ".git/objects/info/alternates";
    assert_eq!(found, [(ProblemClass::Alternate, alternates.into())]);

    repo.git_in(Path::new("."), &["init", "--quiet", "strange"]);
    repo.enter("strange");
    repo.git(&["config", "core.repositoryFormatVersion", "1"]);
    repo.bytes(
        ".git/config",
        b"[core]\n repositoryformatversion = 7\n[extensions]\n sparkle = true\n",
    );
    assert_eq!(classes(&repo.path()).len(), 2);
    repo.bytes(".git/config", b"[extensions]\n objectformat = md5\n");
    let opened = Repository::at(&repo.path(), OpenOptions::default());
    assert!(matches!(opened, Err(GitError::ObjectFormat { .. })));
}

#[test]
fn damaged_packs_and_objects_are_told_apart_from_absent_ones() {
    let repo = Repo::new();
    repo.grow(3);
    repo.git(&["repack", "-a", "-d"]);
    let head = id(&repo.git(&["rev-parse", "HEAD"]));
    let dir = repo.path().join(".git/objects/pack");
    let named = |end: &str| {
        let files = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let mut files = files.filter(|path| path.extension().is_some_and(|found| found == end));
        files.next().unwrap()
    };
    let (pack, index) = (named("pack"), named("idx"));
    for file in [&pack, &index] {
        let mut permissions = fs::metadata(file).unwrap().permissions();
        #[expect(
            clippy::permissions_set_readonly_false,
            reason = "a folder of the test's own"
        )]
        permissions.set_readonly(false);
        fs::set_permissions(file, permissions).unwrap();
    }
    let state = || {
        let mut defects = Vec::new();
        let objects = open(&repo.path()).objects(&mut defects);
        let mut decoder = Decoder::default();
        let found = objects.find(&head, &mut decoder);
        let found = found.map(|object| object.map(|object| object.kind));
        (defects.len(), found.map_err(|error| error.to_string()))
    };
    assert_eq!(state(), (0, Ok(Some(Kind::Commit))));

    let whole = fs::read(&index).unwrap();
    fs::write(&index, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(state(), (1, Ok(None)));
    fs::remove_file(&index).unwrap();
    assert_eq!(state(), (1, Ok(None)));
    fs::write(&index, &whole).unwrap();

    let bytes = fs::read(&pack).unwrap();
    let mut flipped = bytes.clone();
    flipped[12..60].fill(0xFF);
    fs::write(&pack, &flipped).unwrap();
    assert!(state().1.is_err());
    fs::write(&pack, &bytes[..40]).unwrap();
    assert_eq!(state().0, 1);

    fs::remove_file(&pack).unwrap();
    fs::remove_file(&index).unwrap();
    let loose = repo.git_with(&["hash-object", "-w", "--stdin"], b"some text of a blob");
    let path = repo
        .path()
        .join(".git/objects")
        .join(&loose[..2])
        .join(&loose[2..]);
    let whole = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 6]).unwrap();
    let objects = open(&repo.path()).objects(&mut Vec::new());
    assert!(objects.find(&id(&loose), &mut Decoder::default()).is_err());
}
