//! Repositories of a run that hold the same objects: what one has nothing in is not read in the other,
//! and each is told as if it were alone.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use glpatrol::source::git::{
    Base, History, Kind, ObjectVisitor, OpenOptions, Repository, Shared, oid,
};
use serde_json::Value;

use crate::git::Repo;
use crate::harness::Glpatrol;

/// A repository with tokens and two clones of it: one packed otherwise and with more commits, one that
/// shares its pack.
fn family() -> Repo {
    let mut repo = Repo::new();
    repo.grow(10);
    repo.file("a.env", "A={{deploy_token/legacy#1}}\n");
    repo.commit("with a token");
    repo.git(&["rm", "--quiet", "a.env"]);
    // A literal that begins like a token, so that versions after it are searched whole.
    repo.bytes("b.env", b"prefix gldt- and no token\n");
    repo.commit("without it");
    repo.file("b.env", "prefix gldt- and {{deploy_token/legacy#2}}\n");
    repo.commit("another");
    repo.git(&["repack", "-a", "-d", "-f", "--quiet"]);
    let base = Path::new(".");
    repo.git_in(base, &["clone", "--quiet", "--no-local", "repo", "fleet/b"]);
    repo.git_in(
        base,
        &["clone", "--quiet", "--mirror", "repo", "fleet/a.git"],
    );
    repo.git_in(
        base,
        &[
            "clone",
            "--quiet",
            "--mirror",
            "--shared",
            "repo",
            "fleet/c.git",
        ],
    );
    repo.enter("fleet/b");
    repo.grow(3);
    repo.file("c.env", "A={{deploy_token/legacy#3}}\n");
    repo.commit("a token of its own");
    repo.git(&[
        "repack", "-a", "-d", "-f", "--depth", "3", "--window", "50", "--quiet",
    ]);
    repo
}

fn scan(repo: &Repo, arguments: &[&str]) -> Value {
    let run = Glpatrol::new()
        .args(["scan", "--as-of", "2026-11-20", "--history", "-f", "json"])
        .args(arguments)
        .dir(repo.base())
        .run();
    assert_eq!(run.stderr, "");
    serde_json::from_str(&run.stdout).unwrap()
}

/// Asserts that each repository is told as if it were alone.
fn assert_apart(repo: &Repo) {
    for jobs in ["1", "4"] {
        let fleet = scan(repo, &["--repos", "fleet", "-j", jobs]);
        let members = fleet["repositories"].as_array().unwrap();
        assert_eq!(members.len(), 3);
        for member in members {
            let name = member["name"].as_str().unwrap();
            let alone = scan(repo, &[&format!("fleet/{name}")]);
            for key in ["findings", "problems", "stats"] {
                assert_eq!(member[key], alone[key], "{key} of {name}, {jobs} threads");
            }
        }
    }
}

#[test]
fn repositories_that_hold_the_same_objects_are_told_as_if_alone() {
    let repo = family();
    assert_apart(&repo);
}

#[test]
fn damage_of_one_is_told_though_another_has_the_object_whole() {
    let repo = family();
    let folder = repo.base().join("fleet/b/.git/objects/pack");
    let mut entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pack = entries
        .find(|path| path.extension().is_some_and(|end| end == "pack"))
        .unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0);
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    let alone = scan(&repo, &["fleet/b"]);
    assert_ne!(alone["problems"], serde_json::json!([]));
    assert_apart(&repo);
}

#[test]
fn rules_of_its_own_find_what_others_have_nothing_in() {
    let repo = family();
    fs::write(
        repo.base().join("fleet/b/.glpatrol.yml"),
        "version: 1\nrules: {leaked-deploy-token: off}\n",
    )
    .unwrap();
    assert_apart(&repo);
}

/// Counts the objects that are read, by kind.
#[derive(Default)]
struct Counter {
    commits: usize,
    others: usize,
    /// Whether it finds anything in them.
    finds: bool,
}

impl ObjectVisitor for Counter {
    type Trace = ();

    fn trace(&mut self, kind: Kind, _: &[u8], _: Option<Base<'_, ()>>) {
        match kind {
            Kind::Commit | Kind::Tag => self.commits += 1,
            Kind::Blob | Kind::Tree => self.others += 1,
        }
    }

    fn visit(&mut self, _: Kind, _: &oid, _: &[u8], (): &()) {}

    fn found_nothing(&self) -> bool {
        !self.finds
    }
}

#[test]
fn what_was_read_once_is_not_read_again() {
    let repo = family();
    let read = |name: &str, shared: Option<&Arc<Shared>>, finds| {
        let open = OpenOptions { alternates: true };
        let dir = repo.base().join("fleet").join(name);
        let repository = Repository::at(&dir, open).unwrap().unwrap();
        let mut defects = Vec::new();
        let mut history = History::open(repository, None, &mut defects);
        history.share(shared.cloned());
        let visitor = Counter {
            finds,
            ..Counter::default()
        };
        let (visitors, outcome) = history.search(vec![visitor], false);
        assert_eq!((defects, &outcome.defects), (vec![], &vec![]));
        let Counter {
            commits, others, ..
        } = visitors[0];
        (commits, others, outcome.objects, outcome.bytes)
    };
    let alone = read("b", None, false);
    for finds in [false, true] {
        let shared = Arc::new(Shared::default());
        let first = read("a.git", Some(&shared), finds);
        assert_eq!(first, read("a.git", None, finds));
        let (commits, others, objects, bytes) = read("b", Some(&shared), finds);
        // The commits are read, for the graph.
        assert_eq!((commits, objects, bytes), (alone.0, alone.2, alone.3));
        if finds {
            assert_eq!(others, alone.1);
        } else {
            // Of blobs and trees those that are new, and their bases.
            assert!(others < alone.1 / 2, "{others} of {}", alone.1);
            let (_, others, objects, bytes) = read("c.git", Some(&shared), finds);
            assert_eq!((others, objects, bytes), (0, first.2, first.3));
        }
    }
}
