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
        // That its reflog is not searched is one more where it lies in what is cut off.
        let mut problems = report["problems"].as_array().unwrap().clone();
        problems.retain(|problem| problem["class"] != "archive");
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

#[test]
fn the_reflog_of_a_table_is_searched_as_files_are() {
    let line_of = |format: &str, place: &str| {
        let repo = Repo::with(&["--ref-format", format]);
        let first = repo.commit("first");
        let token = repo.token("personal_access_token/legacy");
        let message = format!("clone: from https://oauth2:{token}@gitlab.example/a.git");
        let reflog = ["update-ref", "--create-reflog", "-m"];
        repo.git(&[&reflog[..], &[&message, "refs/heads/a", &first]].concat());
        repo.git(&[&reflog[..], &["other", "refs/heads/b", &first]].concat());
        let (report, code) = repo.report(&[]);
        let findings = report["findings"].as_array().unwrap();
        assert_eq!((findings.len(), code), (1, 1), "{report:#}");
        let location = &findings[0]["location"];
        let path = location["path"].as_str().unwrap();
        assert!(path.starts_with(place), "{location:#}");
        let region = ["start", "end", "byte_offset", "excerpt"];
        (
            location["within"].clone(),
            region.map(|part| location[part].clone()),
        )
    };
    let (nothing, in_file) = line_of("files", ".git/logs/refs/heads/a");
    let (within, in_table) = line_of("reftable", ".git/reftable/0x");
    assert!(nothing.as_array().is_none_or(Vec::is_empty));
    assert_eq!(within[0]["member"], "logs/refs/heads/a", "{within:#}");
    assert_eq!(in_file[0]["line"], 1, "{in_file:#?}");
    assert_eq!(in_file, in_table);
}

#[test]
fn a_reflog_of_many_blocks_is_read_to_its_end() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::with(&[&TABLES[..], &["--object-format", format]].concat());
        let first = repo.commit("first");
        let second = repo.commit("second");
        let filler = "a long word of why ".repeat(20);
        for number in 0..60 {
            let to = if number % 2 == 0 { &second } else { &first };
            let message = format!("{number} {filler}");
            repo.git(&["update-ref", "-m", &message, "refs/heads/main", to]);
        }
        let message = format!("fetch {}", repo.token("deploy_token/legacy#1"));
        let reflog = ["update-ref", "--create-reflog", "-m"];
        repo.git(&[&reflog[..], &[&message, "refs/heads/zz", &first]].concat());
        repo.git(&["pack-refs", "--all"]);
        assert_eq!(tables(&repo.path().join(".git")).len(), 1);
        let (report, code) = repo.report(&[]);
        assert_eq!(code, 1, "{report:#}");
        let place = &report["findings"][0]["location"];
        assert_eq!(place["within"][0]["member"], "logs/refs/heads/zz");
        assert_eq!(place["start"]["line"], 1, "{place:#}");
        // Damage in the last block is told.
        let table = &tables(&repo.path().join(".git"))[0];
        let mut bytes = fs::read(table).unwrap();
        let last = bytes.windows(2).rposition(|pair| pair == [0x78, 0xDA]);
        bytes[last.unwrap() + 9] ^= 0x55;
        fs::write(table, bytes).unwrap();
        let (report, code) = repo.report(&["--strict"]);
        assert_eq!(code, 3, "{report:#}");
        let problems = report["problems"].to_string();
        assert!(
            problems.contains("this table of refs is damaged"),
            "{problems}"
        );
    }
}
