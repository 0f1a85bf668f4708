//! Repositories whose refs lie in tables, as Git writes them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use glpatrol::source::git::{Defect, Head, ObjectId, OpenOptions, Refs, Repository};

use crate::git::Repo;

const TABLES: [&str; 2] = ["--ref-format", "reftable"];

fn id(hex: &str) -> ObjectId {
    ObjectId::from_hex(hex.as_bytes()).unwrap()
}

fn refs(path: &Path) -> (Refs, Vec<Defect>) {
    let repository = Repository::at(path, OpenOptions::default());
    let mut defects = Vec::new();
    let refs = repository.unwrap().unwrap().refs(&mut defects);
    (refs, defects)
}

/// The refs that Git lists, by name.
fn listed(repo: &Repo) -> BTreeMap<String, ObjectId> {
    let list = repo.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
    list.lines()
        .map(|line| {
            let (name, hex) = line.split_once(' ').unwrap();
            (name.to_owned(), id(hex))
        })
        .collect()
}

fn assert_as_listed(repo: &Repo) {
    let (found, defects) = refs(&repo.path());
    assert_eq!(defects, []);
    assert!(found.complete);
    assert_eq!(found.by_name, listed(repo));
}

/// The tables of a Git folder, in the order of their names.
fn tables(git_dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(git_dir.join("reftable")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "ref"));
    files.sort();
    files
}

#[test]
fn refs_are_those_that_git_lists() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::with(&[&TABLES[..], &["--object-format", format]].concat());
        // Without a commit.
        let (unborn, defects) = refs(&repo.path());
        assert_eq!(
            (unborn.head, defects),
            (Head::Unborn("refs/heads/main".into()), vec![])
        );
        let first = repo.commit("first");
        repo.git(&["update-ref", "refs/merge-requests/1/head", &first]);
        repo.git(&["tag", "-a", "-m", "one", "v1"]);
        let second = repo.commit("second");
        repo.git(&["branch", "gone"]);
        repo.git(&["branch", "-D", "gone"]);
        repo.git(&[
            "symbolic-ref",
            "refs/remotes/origin/HEAD",
            "refs/heads/main",
        ]);
        repo.git(&["update-ref", "refs/worktree/own", &first]);
        assert_as_listed(&repo);
        let head = refs(&repo.path()).0.head;
        assert_eq!(head, Head::Branch("refs/heads/main".into(), id(&second)));
        // Thousands of refs: many blocks, with an index of several levels.
        let mut updates = String::new();
        for number in 0..4000 {
            use std::fmt::Write as _;
            writeln!(
                updates,
                "create refs/requests/{number}/{} {first}",
                number % 7
            )
            .unwrap();
        }
        repo.git_with(&["update-ref", "--stdin"], updates.as_bytes());
        assert_as_listed(&repo);
        repo.git(&["-c", "reftable.blockSize=512", "pack-refs", "--all"]);
        assert_eq!(tables(&repo.path().join(".git")).len(), 1);
        assert_as_listed(&repo);
        repo.git(&["checkout", "--quiet", "--detach", &first]);
        assert_eq!(refs(&repo.path()).0.head, Head::Detached(id(&first)));
    }
}

#[test]
fn a_linked_worktree_has_tables_of_its_own() {
    let mut repo = Repo::with(&TABLES);
    let first = repo.commit("first");
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    repo.enter("side");
    let second = repo.commit("second");
    repo.git(&["update-ref", "refs/worktree/own", &first]);
    assert_as_listed(&repo);
    let (found, _) = refs(&repo.path());
    assert_eq!(
        found.head,
        Head::Branch("refs/heads/side".into(), id(&second))
    );
    assert_eq!(found.other_heads, [id(&first)]);
    repo.enter("repo");
    let (found, _) = refs(&repo.path());
    assert_eq!(
        found.head,
        Head::Branch("refs/heads/main".into(), id(&first))
    );
    assert_eq!(found.other_heads, [id(&second)]);
}

#[test]
fn a_leak_is_told_with_its_reach_and_what_is_staged_is_compared() {
    let repo = Repo::with(&TABLES);
    repo.file("old.env", "TOKEN={{deploy_token/legacy#1}}\n");
    let first = repo.commit("first");
    repo.git(&["rm", "--quiet", "old.env"]);
    repo.file("still.env", "TOKEN={{deploy_token/legacy#2}}\n");
    repo.commit("second");
    let (report, code) = repo.report(&["--history"]);
    assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])));
    let place = &report["findings"][0]["location"];
    assert_eq!(place["path"], "old.env");
    assert_eq!(place["git"]["commit"], first.as_str());
    assert_eq!(
        (&place["git"]["reachable"], &place["git"]["at_head"]),
        (&true.into(), &false.into())
    );
    let still = &report["findings"][1]["related"][0]["location"]["git"];
    assert_eq!(still["at_head"], true);
    assert_eq!(repo.report(&["--range", "main~1..main"]).1, 1);
    repo.git(&["add", "--all"]);
    assert_eq!(repo.report(&["--staged"]).1, 0, "the rest is in HEAD");

    // A run over many names branch and commit.
    let (fleet, _) = repo.report(&["--repos", ".."]);
    let described = &fleet["repositories"][0];
    assert!(
        described.to_string().contains("\"branch\":\"main\""),
        "{described:#}"
    );
}

#[test]
fn a_damaged_table_leaves_detection_as_it_is() {
    let repo = Repo::with(&TABLES);
    repo.file("old.env", "TOKEN={{deploy_token/legacy#1}}\n");
    let first = repo.commit("first");
    repo.git(&["rm", "--quiet", "old.env"]);
    repo.commit("second");
    repo.git(&["pack-refs", "--all"]);
    let table = tables(&repo.path().join(".git")).remove(0);
    let whole = fs::read(&table).unwrap();
    let list = repo.path().join(".git/reftable/tables.list");
    let list_bytes = fs::read(&list).unwrap();
    let degraded = |what: &str| {
        let (report, code) = repo.report(&["--history"]);
        assert_eq!(code, 1, "{what}");
        let problems = report["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{what}: {problems:#?}");
        assert_eq!(problems[0]["class"], "git-refs", "{what}");
        assert!(
            problems[0]["path"]
                .as_str()
                .unwrap()
                .starts_with(".git/reftable/"),
            "{what}"
        );
        let place = &report["findings"][0]["location"];
        assert_eq!(place["path"], "old.env", "{what}");
        assert_eq!(place["git"]["commit"], first.as_str(), "{what}");
        assert!(
            place["git"]["reachable"].is_null() && place["git"]["at_head"].is_null(),
            "{what}: {place:#}"
        );
        let (_, code) = repo.report(&["--history", "--fail-on", "never"]);
        assert_eq!(code, 3, "{what}");
    };
    let replace = |path: &Path, bytes: &[u8]| {
        let _ = fs::remove_file(path);
        fs::write(path, bytes).unwrap();
    };
    for end in [0, 20, 60, whole.len() - 1] {
        replace(&table, &whole[..end]);
        degraded("a table that is cut off");
    }
    fs::remove_file(&table).unwrap();
    degraded("no table");
    replace(&table, &whole);
    replace(&list, b"../../../etc/passwd\n");
    degraded("a table elsewhere");
    fs::remove_file(&list).unwrap();
    degraded("no list");
    fs::create_dir(&list).unwrap();
    degraded("a folder for a list");
    fs::remove_dir(&list).unwrap();
    replace(&list, &list_bytes);
    assert_eq!(
        repo.report(&["--history"]).0["problems"],
        serde_json::json!([])
    );
}
