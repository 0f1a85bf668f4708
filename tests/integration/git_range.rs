//! What the commits of a range added, and what a push brings.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::git::{Repo, hook};
use crate::packing::{DEFLATE, ENCRYPTED, ZipMember, zip_of};

/// Path and commit of every leak that is reported, in the order of the paths.
fn leaks(report: &Value) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<_> = findings
        .filter(|finding| finding["rule"].as_str().unwrap().starts_with("leaked-"))
        .map(|finding| {
            let location = &finding["location"];
            (text(&location["path"]), text(&location["git"]["commit"]))
        })
        .collect();
    found.sort();
    found
}

fn assert_added(repo: &Repo, arguments: &[&str], expected: &[(&str, &str)], code: i32) {
    let (report, ended) = repo.report(arguments);
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, commit)| ((*path).to_owned(), (*commit).to_owned()))
        .collect();
    assert_eq!(
        (leaks(&report), ended),
        (expected, code),
        "{arguments:?} {report:#}"
    );
}

#[test]
fn what_the_commits_of_a_range_added_is_told_by_commit() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::with(&["--object-format", format]);
        repo.file("old.env", "A={{deploy_token/legacy#1}}\n");
        let first = repo.commit("first");
        repo.file("b.env", "B={{deploy_token/legacy#2}}\n");
        let second = repo.commit("second");
        // Added before, kept, moved and edited: nothing of it is new.
        repo.git(&["mv", "old.env", "moved.env"]);
        repo.file("b.env", "# two\nB={{deploy_token/legacy#2}}\n");
        repo.commit("third");
        // Added and removed again.
        repo.file("c.env", "C={{deploy_token/legacy#3}}\n");
        let fourth = repo.commit("fourth");
        repo.git(&["rm", "--quiet", "c.env"]);
        let last = repo.commit("last");

        let all = format!("{first}..{last}");
        let expected = [("b.env", second.as_str()), ("c.env", fourth.as_str())];
        assert_added(&repo, &["--range", &all], &expected, 1);
        assert_added(&repo, &["--since", &second], &expected[1..], 1);
        assert_added(&repo, &["--since", "HEAD~1"], &[], 0);
        assert_added(&repo, &["--since", "HEAD"], &[], 0);
        let (report, _) = repo.report(&["--since", &first]);
        let git = &report["findings"][0]["location"]["git"];
        assert_eq!(git["author"], "Ada Author <ada@example.com>");
        assert!(
            git["date"].as_str().unwrap().starts_with("2023-11-14T"),
            "{git}"
        );
        assert_eq!(
            git["object"],
            repo.git(&["rev-parse", &format!("{second}:b.env")])
                .as_str()
        );
        // Nothing of the work tree is read.
        repo.file("b.env", "D={{deploy_token/legacy#4}}\n");
        assert_added(&repo, &["--since", "HEAD"], &[], 0);
    }
}

#[test]
fn reach_and_head_are_said_where_they_are_known() {
    let repo = Repo::new();
    let start = repo.commit("start");
    repo.file("gone.env", "A={{deploy_token/legacy#1}}\n");
    repo.commit("first");
    repo.git(&["rm", "--quiet", "gone.env"]);
    repo.file("same.env", "A={{deploy_token/legacy#2}}\n");
    repo.file("edited.env", "A={{deploy_token/legacy#3}}\n");
    let second = repo.commit("second");
    repo.file("edited.env", "# more\nA={{deploy_token/legacy#3}}\n");
    // Also in a message: the token stands in HEAD, wherever else it stands.
    repo.commit(&format!("about {}", repo.token("deploy_token/legacy#3")));
    let state = |arguments: &[&str]| -> Vec<(String, Value, Value)> {
        let (report, code) = repo.report(arguments);
        assert_eq!(code, 1);
        let findings = report["findings"].as_array().unwrap().iter();
        let places = findings.flat_map(|finding| {
            let related = finding["related"].as_array().into_iter().flatten();
            [&finding["location"]]
                .into_iter()
                .chain(related.map(|label| &label["location"]))
        });
        let mut places: Vec<_> = places
            .map(|location| {
                let path = location["path"].as_str().unwrap();
                let path = path.split(".git/commit/").next().unwrap().to_owned();
                let git = &location["git"];
                (path, git["reachable"].clone(), git["at_head"].clone())
            })
            .collect();
        places.sort_by(|a, b| a.0.cmp(&b.0));
        places
    };
    let place =
        |path: &str, reachable: Value, at_head: Value| (path.to_owned(), reachable, at_head);
    let (yes, unknown) = (Value::Bool(true), Value::Null);
    assert_eq!(
        state(&["--since", &start]),
        [
            place("", yes.clone(), yes.clone()),
            place("edited.env", yes.clone(), yes.clone()),
            place("gone.env", yes.clone(), unknown.clone()),
            place("same.env", yes.clone(), yes.clone()),
        ]
    );
    repo.git(&["tag", "--annotate", "--message", "first", "v1", "HEAD~2"]);
    assert_eq!(
        state(&["--range", &format!("{start}..v1")]),
        [place("gone.env", yes, unknown.clone())]
    );
    // Where no ref ends there.
    let inner = format!("{start}..{second}");
    assert_eq!(
        state(&["--range", &inner])[1],
        place("gone.env", unknown.clone(), unknown)
    );
    let human = repo.scan(&["--range", &inner]).stdout;
    assert!(human.contains("in the history"), "{human}");
    assert!(!human.contains("only in the history"), "{human}");
}

#[test]
fn what_cannot_be_read_of_a_replaced_archive_is_said() {
    let repo = Repo::new();
    let locked = ZipMember {
        name: "conf/a.env",
        text: b"nobody reads this",
        method: DEFLATE,
        flags: ENCRYPTED,
    };
    repo.bytes("a.zip", &zip_of(&[locked]));
    let first = repo.commit("locked");
    let blob = repo.git(&["rev-parse", "HEAD:a.zip"]);
    repo.file("a.zip", "A={{deploy_token/legacy#1}}\n");
    repo.git(&["add", "--all"]);
    let said = |arguments: &[&str]| {
        let (report, code) = repo.report(arguments);
        assert_eq!(code, 1);
        let problems = report["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{report:#}");
        assert_eq!(problems[0]["class"], "archive");
        assert_eq!(problems[0]["path"], format!(".git/blob/{blob}"));
        let strict = [arguments, &["--strict", "--fail-on", "never"]].concat();
        assert_eq!(repo.report(&strict).1, 3);
    };
    said(&["--staged"]);
    repo.commit("text");
    said(&["--since", &first]);
}

#[test]
fn messages_and_tags_of_the_range_are_searched() {
    let repo = Repo::new();
    let say = |token: &str| format!("says {}", repo.token(token));
    let first = repo.commit(&say("deploy_token/legacy#1"));
    repo.git(&["tag", "-a", "-m", &say("deploy_token/legacy#2"), "v1"]);
    let second = repo.commit(&say("deploy_token/legacy#3"));
    repo.git(&["tag", "-a", "-m", &say("deploy_token/legacy#4"), "v2"]);
    let tag = repo.git(&["rev-parse", "v2"]);
    let (report, code) = repo.report(&["--since", &first]);
    let commit = format!(".git/commit/{second}");
    let tag = format!(".git/tag/{tag}");
    let expected = [(commit, second), (tag, String::new())];
    assert_eq!(
        (leaks(&report).as_slice(), code),
        (&expected[..], 1),
        "{report:#}"
    );
    assert_eq!(report["findings"][0]["location"]["start"]["line"], 6);
}

#[test]
fn a_merge_adds_what_none_of_its_parents_had() {
    let repo = Repo::new();
    repo.bytes("a.txt", b"1\n");
    let base = repo.commit("base");
    repo.git(&["checkout", "--quiet", "-b", "side"]);
    repo.file("side.env", "A={{deploy_token/legacy#1}}\n");
    let side = repo.commit("side");
    repo.git(&["checkout", "--quiet", "main"]);
    repo.bytes("b.txt", b"2\n");
    let main = repo.commit("main");
    repo.git(&["merge", "--quiet", "--no-commit", "--no-ff", "side"]);
    repo.file("evil.env", "B={{deploy_token/legacy#2}}\n");
    let merge = repo.commit("merge");
    let expected = [("evil.env", merge.as_str()), ("side.env", side.as_str())];
    assert_added(&repo, &["--since", &base], &expected, 1);
    // What the branch brought is in the range, although the first parent is not.
    assert_added(&repo, &["--since", &main], &expected, 1);
    assert_added(
        &repo,
        &["--range", &format!("{side}..{merge}")],
        &expected[..1],
        1,
    );
    assert_added(
        &repo,
        &["--range", &format!("{main}...{side}")],
        &expected[1..],
        1,
    );
    assert_added(&repo, &["--range", "side..main~1"], &[], 0);
}

#[test]
fn every_way_to_write_a_revision_is_understood() {
    let repo = Repo::new();
    let first = repo.commit("first");
    repo.file("a.env", "A={{deploy_token/legacy#1}}\n");
    let second = repo.commit("second");
    repo.git(&["tag", "light", &first]);
    repo.git(&["tag", "-a", "-m", "tag", "heavy", &first]);
    repo.git(&["tag", "-a", "-m", "tag", "outer", "heavy"]);
    repo.git(&["branch", "old/one", &first]);
    repo.git(&["update-ref", "refs/remotes/origin/main", &first]);
    repo.git(&[
        "symbolic-ref",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]);
    repo.git(&["update-ref", "ORIG_HEAD", &first]);
    let found = [("a.env", second.as_str())];
    let check = |repo: &Repo| {
        for revision in [
            first.as_str(),
            &first[..8],
            &first[..8].to_uppercase(),
            "light",
            "heavy",
            "outer^{commit}",
            "heavy^{}",
            "tags/light",
            "refs/tags/heavy",
            "old/one",
            "heads/old/one",
            "origin/main",
            "origin",
            "ORIG_HEAD",
            "HEAD~",
            "HEAD~1",
            "HEAD^",
            "@~1^0",
            "main^1",
        ] {
            assert_added(repo, &["--since", revision], &found, 1);
        }
    };
    check(&repo);
    repo.git(&["gc", "--quiet"]);
    check(&repo);
    for range in ["light..", "light..main", "light...HEAD", "old/one..@"] {
        assert_added(&repo, &["--range", range], &found, 1);
    }
    assert_added(&repo, &["--range", "..light"], &[], 0);
}

#[test]
fn what_is_no_revision_stops_the_run() {
    let repo = Repo::new();
    repo.bytes("a.txt", b"1\n");
    repo.commit("first");
    let absent = "1".repeat(40);
    for (arguments, words) in [
        (
            ["--since", "nowhere"],
            "`nowhere` is no branch, tag or commit",
        ),
        (["--since", &absent], "is no branch, tag or commit"),
        (["--since", "HEAD~5"], "goes further back"),
        (["--since", "HEAD^2"], "goes further back"),
        (["--since", "HEAD^{tree}"], "is not understood"),
        (["--since", "main@{1}"], "is not understood"),
        (["--since", ":/first"], "is not understood"),
        (["--since", "HEAD~x"], "is not understood"),
        (["--since", "HEAD^99999999999"], "is not understood"),
        (["--range", "main"], "is not understood"),
        (["--since", "auto"], "CI_MERGE_REQUEST_DIFF_BASE_SHA"),
    ] {
        let run = repo.scan(&arguments);
        assert_eq!(run.code, 2, "{arguments:?} {run:?}");
        assert!(run.stderr.contains(words), "{arguments:?} {}", run.stderr);
    }
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let run = repo.scan(&["--since", &tree]);
    assert!(
        run.code == 2 && run.stderr.contains("is no commit"),
        "{run:?}"
    );
    let run = repo.scan(&["--since", "main", "--staged"]);
    assert!(
        run.code == 2 && run.stderr.contains("cannot be used with"),
        "{run:?}"
    );

    let empty = Repo::new();
    let run = empty.scan(&["--since", "HEAD"]);
    assert!(run.code == 2 && run.stderr.contains("`HEAD`"), "{run:?}");
}

#[test]
fn since_auto_reads_what_a_pipeline_says() {
    let repo = Repo::new();
    let first = repo.commit("first");
    repo.file("a.env", "A={{deploy_token/legacy#1}}\n");
    let second = repo.commit("second");
    repo.commit("third");
    let run = |variables: &[(&str, &str)]| {
        let mut program = repo.program(&["--since", "auto", "--format", "json"]);
        program.command().envs(variables.iter().copied());
        let run = program.run();
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
        (run.code, report["findings"].as_array().map(Vec::len))
    };
    let zeros = "0".repeat(40);
    let (base, before) = ("CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI_COMMIT_BEFORE_SHA");
    assert_eq!(run(&[(base, &first), (before, &zeros)]), (1, Some(1)));
    assert_eq!(run(&[(base, &first), (before, &second)]), (1, Some(1)));
    assert_eq!(run(&[(before, &second)]), (0, Some(0)));
    assert_eq!(run(&[(base, ""), (before, &zeros)]), (2, None));
}

#[test]
fn a_shallow_clone_is_enough_where_it_has_the_range_and_says_so_where_not() {
    let mut repo = Repo::new();
    let first = repo.commit("first");
    for number in 0..6 {
        repo.bytes("a.txt", number.to_string().as_bytes());
        repo.commit("next");
    }
    repo.file("a.env", "A={{deploy_token/legacy#1}}\n");
    let last = repo.commit("last");
    let url = format!("file://{}", repo.path().display());
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--depth", "3", &url, "shallow"],
    );
    repo.enter("shallow");
    assert_added(&repo, &["--since", "HEAD~2"], &[("a.env", &last)], 1);
    assert_added(&repo, &["--since", "HEAD~1", "a.txt"], &[], 0);
    let run = repo.scan(&["--since", &first]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("GIT_DEPTH"), "{}", run.stderr);

    // A branch that came in and whose beginning is not here.
    repo.git(&["checkout", "--quiet", "--orphan", "other"]);
    let other = repo.commit("other");
    let (report, _) = repo.report(&["--range", &format!("{other}..main")]);
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("shallow"), "{report:#}");
}

#[test]
fn missing_objects_of_a_range_are_incomplete() {
    let repo = Repo::new();
    let first = repo.commit("first");
    repo.bytes("deep/a.txt", b"one\n");
    repo.file("b.env", "A={{deploy_token/legacy#1}}\n");
    let second = repo.commit("second");
    let third = repo.commit("third");
    let remove = |revision: &str| {
        let id = repo.git(&["rev-parse", revision]);
        fs::remove_file(
            repo.path()
                .join(".git/objects")
                .join(&id[..2])
                .join(&id[2..]),
        )
        .unwrap();
        id
    };
    let problems = |expected: &str| {
        let (report, code) = repo.report(&["--range", &format!("{first}..{third}")]);
        let problems = report["problems"].as_array().unwrap();
        let found = problems.iter().any(|problem| {
            let message = problem["message"].as_str().unwrap();
            message.contains("missing") && problem["path"] == expected
        });
        assert!(found, "{report:#}");
        code
    };
    let tree = format!("{second}:deep");
    remove(&format!("{second}:deep/a.txt"));
    assert_eq!(problems("deep/a.txt"), 1);
    remove(&tree);
    assert_eq!(problems("deep/"), 1);
    let id = remove(&second);
    assert_eq!(problems(&format!(".git/commit/{id}")), 1);
}

#[test]
fn ci_configurations_are_those_of_the_last_commit() {
    let login =
        "deploy:\n  script:\n  - docker login -u ci -p \"$CI_JOB_TOKEN\" \"$CI_REGISTRY\"\n";
    let repo = Repo::new();
    repo.bytes(".gitlab-ci.yml", b"include: ci/a.yml\n");
    repo.bytes("ci/a.yml", b"build:\n  script: make\n");
    let first = repo.commit("first");
    repo.bytes("ci/a.yml", login.as_bytes());
    let second = repo.commit("second");
    fs::remove_file(repo.path().join("ci/a.yml")).unwrap();
    let (report, code) = repo.report(&["--since", &first]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((findings.len(), code), (1, 1), "{report:#}");
    assert_eq!(findings[0]["location"]["path"], "ci/a.yml");
    assert_eq!(findings[0]["location"]["origin"], "history");
    // A file that is gone again is not judged.
    repo.bytes("ci/a.yml", b"build:\n  script: make\n");
    repo.bytes(".gitlab/ci/b.yml", login.as_bytes());
    repo.commit("third");
    fs::remove_file(repo.path().join(".gitlab/ci/b.yml")).unwrap();
    repo.commit("fourth");
    assert_added(&repo, &["--since", &second], &[], 0);
}

#[test]
fn a_bare_repository_has_ranges() {
    let repo = Repo::new();
    let first = repo.commit("first");
    repo.file("a.env", "A={{deploy_token/legacy#1}}\n");
    let second = repo.commit("second");
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--bare", "repo", "bare.git"],
    );
    let mut repo = repo;
    repo.enter("bare.git");
    assert_added(&repo, &["--since", &first], &[("a.env", &second)], 1);
}

/// Pushes and says whether the push was taken, and what the hook said.
fn push(repo: &Repo, arguments: &[&str]) -> (bool, String) {
    let arguments = [&["push", "--quiet", "origin"], arguments].concat();
    let output = repo.command(&repo.path(), &arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

#[test]
fn a_pre_receive_hook_refuses_a_push_that_brings_a_token() {
    for unpack_limit in ["1", "1000"] {
        let mut repo = Repo::with(&["--bare"]);
        repo.git(&["config", "receive.unpackLimit", unpack_limit]);
        hook(&repo.path().join("hooks/pre-receive"), "--pre-receive");
        repo.git_in(
            Path::new("."),
            &["init", "--quiet", "--initial-branch", "main", "work"],
        );
        repo.enter("work");
        repo.git(&["remote", "add", "origin", "../repo"]);
        repo.bytes("a.txt", b"1\n");
        repo.commit("first");
        assert!(push(&repo, &["main"]).0);

        // In the last commit, in one before it, in a new branch, in a tag.
        repo.file("a.env", "A={{deploy_token/legacy#1}}\n");
        repo.commit("second");
        let (taken, said) = push(&repo, &["main"]);
        assert!(!taken && said.contains("a.env"), "{said}");
        assert!(
            !said.contains(&repo.token("deploy_token/legacy#1")),
            "{said}"
        );
        repo.git(&["rm", "--quiet", "a.env"]);
        repo.commit("third");
        assert!(!push(&repo, &["main"]).0);
        assert!(!push(&repo, &["main:refs/heads/new"]).0);
        repo.git(&["reset", "--quiet", "--hard", "origin/main"]);
        let message = repo.token("deploy_token/legacy#2");
        repo.git(&["tag", "-a", "-m", &message, "v1"]);
        assert!(!push(&repo, &["v1"]).0);

        // What the server has already is not brought, and a branch may go.
        assert!(push(&repo, &["main:refs/heads/other"]).0);
        repo.bytes("b.txt", b"1\n");
        repo.commit("fourth");
        assert!(push(&repo, &["main", "main:refs/heads/third"]).0);
        assert!(push(&repo, &["--delete", "other"]).0);
    }
}

#[test]
fn lines_that_are_no_updates_stop_a_pre_receive_hook() {
    let repo = Repo::with(&["--bare"]);
    let run = repo.program(&["--pre-receive"]).stdin("nonsense\n").run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("OLD NEW REF"), "{}", run.stderr);
    let absent = "1".repeat(40);
    let line = format!("{} {absent} refs/heads/main\n", "0".repeat(40));
    let run = repo.program(&["--pre-receive"]).stdin(line).run();
    assert_eq!(run.code, 3, "{run:?}");
}
