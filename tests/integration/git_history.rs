//! The whole of a repository's history from end to end.

use glpatrol::model::Secret;

use crate::git::Repo;
use crate::packing::{DEFLATE, ENCRYPTED, ZipMember, zip_of};

#[test]
fn without_an_option_only_files_are_read() {
    let repo = Repo::new();
    repo.file("old.env", "TOKEN={{deploy_token/legacy#1}}\n");
    repo.commit("first");
    repo.git(&["rm", "--quiet", "old.env"]);
    repo.git(&[
        "config",
        "http.extraHeader",
        &repo.token("deploy_token/legacy#2"),
    ]);
    repo.commit("second");
    let (report, code) = repo.report(&[]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((findings.len(), code), (1, 1), "{report}");
    assert_eq!(findings[0]["location"]["path"], ".git/config");
    assert!(findings[0]["location"]["git"].is_null());
    assert!(repo.scan(&[]).stdout.contains(".git/config"));
}

/// The one finding of a token.
fn finding<'r>(
    report: &'r serde_json::Value,
    repo: &Repo,
    placeholder: &str,
) -> &'r serde_json::Value {
    let token = repo.token(placeholder);
    let digest = Secret::new(token.as_bytes(), 0).digest();
    let findings = report["findings"].as_array().unwrap();
    let mut found = findings
        .iter()
        .filter(|finding| finding["token"]["digest"] == digest.as_str());
    let first = found.next();
    assert!(found.next().is_none(), "one token, one finding");
    first.unwrap_or_else(|| panic!("{placeholder} is not found in {report:#}"))
}

/// Asserts where the first place of a token is: path, commit and reachability.
fn assert_place(
    report: &serde_json::Value,
    repo: &Repo,
    placeholder: &str,
    path: &str,
    commit: Option<&str>,
    reachable: Option<bool>,
) {
    let location = &finding(report, repo, placeholder)["location"];
    assert_eq!(location["path"], path, "{placeholder}: {location:#}");
    assert_eq!(
        location["git"]["commit"].as_str(),
        commit,
        "{placeholder}: {location:#}"
    );
    assert_eq!(
        location["git"]["reachable"].as_bool(),
        reachable,
        "{placeholder}"
    );
}

#[expect(
    clippy::too_many_lines,
    reason = "one repository that has everything, built step by step"
)]
#[test]
fn a_token_in_each_place_is_found_and_told_by_path_and_commit() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::with(&["--object-format", format]);
        repo.file("keep.txt", "nothing here\n");
        let first = repo.commit("first");
        repo.file("conf/deleted.env", "A={{deploy_token/legacy#1}}\n");
        let deleted = repo.commit("with a token");
        repo.git(&["rm", "--quiet", "conf/deleted.env"]);
        repo.commit("without it");
        repo.file("still.env", "A={{deploy_token/legacy#2}}\n");
        let still = repo.commit("with another");
        // A stash, its part in the index included.
        repo.file("keep.txt", "A={{deploy_token/legacy#3}}\n");
        repo.git(&["stash", "--quiet"]);
        let stash = repo.git(&["rev-parse", "stash@{0}"]);
        // What an amended commit leaves behind.
        repo.file("amended.txt", "A={{deploy_token/legacy#4}}\n");
        let amended = repo.commit("to be amended");
        repo.file("amended.txt", "nothing\n");
        repo.git(&["add", "--all"]);
        repo.git(&["commit", "--quiet", "--amend", "--message", "amended"]);
        // A blob that nothing names.
        let text = format!("A={}\n", repo.token("deploy_token/legacy#5"));
        let dangling = repo.git_with(&["hash-object", "-w", "--stdin"], text.as_bytes());
        // Messages of a commit, an annotated tag and a note; an author.
        let message = repo.commit(&format!("for {}", repo.token("deploy_token/legacy#6")));
        let text = format!("v1 {}", repo.token("deploy_token/legacy#7"));
        repo.git(&["tag", "--annotate", "--message", &text, "v1"]);
        let tag = repo.git(&["rev-parse", "refs/tags/v1"]);
        let text = format!("see {}", repo.token("deploy_token/legacy#8"));
        repo.git(&["notes", "add", "--message", &text, &first]);
        let author = format!("{} <a@example.com>", repo.token("deploy_token/legacy#9"));
        repo.git(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--author",
            &author,
            "--message",
            "by",
        ]);
        let by = repo.git(&["rev-parse", "HEAD"]);
        // Refs that no clone brings along.
        repo.git(&["checkout", "--quiet", "--detach", &first]);
        repo.file("request.txt", "A={{deploy_token/legacy#10}}\n");
        let request = repo.commit("of a merge request");
        repo.git(&["update-ref", "refs/merge-requests/1/head", &request]);
        repo.git(&["checkout", "--quiet", "main"]);
        // Text that only a merge brought.
        repo.git(&["checkout", "--quiet", "-b", "side", &first]);
        repo.commit("side");
        repo.git(&["checkout", "--quiet", "main"]);
        repo.git(&["merge", "--quiet", "--no-ff", "--no-commit", "side"]);
        repo.file("evil.txt", "A={{deploy_token/legacy#11}}\n");
        let merge = repo.commit("merge");
        repo.git(&["rm", "--quiet", "evil.txt"]);
        // A name of a file.
        let name = format!("dir/{}.txt", repo.token("deploy_token/legacy#12"));
        repo.bytes(&name, b"nothing\n");
        let named = repo.commit("a name");
        repo.git(&["rm", "--quiet", &name]);
        // Bytes that are no text, and a file that is marked as such.
        let binary = format!("\0\x01{}\0", repo.token("deploy_token/legacy#13"));
        repo.bytes("data.bin", binary.as_bytes());
        repo.bytes(".gitattributes", b"*.bin -diff\n");
        let with_binary = repo.commit("binary");
        repo.git(&["rm", "--quiet", "data.bin"]);
        repo.commit("the end");
        repo.git(&["update-ref", "-d", "ORIG_HEAD"]);

        for packed in [false, true] {
            if packed {
                repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
            }
            let (report, code) = repo.report(&["--history"]);
            assert_eq!(code, 1);
            assert_eq!(report["problems"], serde_json::json!([]));
            let place = |placeholder: &str, path: &str, commit: Option<&str>, reachable| {
                assert_place(&report, &repo, placeholder, path, commit, Some(reachable));
            };
            place(
                "deploy_token/legacy#1",
                "conf/deleted.env",
                Some(&deleted),
                true,
            );
            place("deploy_token/legacy#3", "keep.txt", Some(&stash), true);
            place(
                "deploy_token/legacy#4",
                "amended.txt",
                Some(&amended),
                false,
            );
            place(
                "deploy_token/legacy#5",
                &format!(".git/blob/{dangling}"),
                None,
                false,
            );
            place(
                "deploy_token/legacy#6",
                &format!(".git/commit/{message}"),
                Some(&message),
                true,
            );
            let head = repo.git(&["rev-parse", "v1^{commit}"]);
            place(
                "deploy_token/legacy#7",
                &format!(".git/tag/{tag}"),
                Some(&head),
                true,
            );
            let notes = repo.git(&["rev-parse", "refs/notes/commits"]);
            place(
                "deploy_token/legacy#8",
                &format!(".git/note/{first}"),
                Some(&notes),
                true,
            );
            place(
                "deploy_token/legacy#9",
                &format!(".git/commit/{by}"),
                Some(&by),
                true,
            );
            place(
                "deploy_token/legacy#10",
                "request.txt",
                Some(&request),
                true,
            );
            place("deploy_token/legacy#11", "evil.txt", Some(&merge), true);
            place(
                "deploy_token/legacy#13",
                "data.bin",
                Some(&with_binary),
                true,
            );
            let name = finding(&report, &repo, "deploy_token/legacy#12");
            assert_eq!(name["location"]["git"]["commit"], named.as_str());
            let path = name["location"]["path"].as_str().unwrap();
            assert!(path.starts_with("dir/gldt-****"), "{path}");

            // What lies in the work tree has its place there, and the commit as a further one.
            let still_there = finding(&report, &repo, "deploy_token/legacy#2");
            assert_eq!(still_there["location"]["path"], "still.env");
            assert!(still_there["location"]["git"].is_null());
            let git = &still_there["related"][0]["location"]["git"];
            assert_eq!(git["commit"], still.as_str());
            assert_eq!(
                (&git["at_head"], &git["author"]),
                (&true.into(), &"Ada Author <ada@example.com>".into())
            );
            assert_eq!(report["findings"].as_array().unwrap().len(), 13);
        }
        let (report, _) = repo.report(&["--history=reachable"]);
        let digests = report["findings"].as_array().unwrap().len();
        assert_eq!(
            digests, 11,
            "all but what was amended and what dangles: {report:#}"
        );
    }
}

#[test]
fn what_is_packed_in_the_history_is_opened_and_what_cannot_be_is_named() {
    let repo = Repo::new();
    let text = format!("A={}\n", repo.token("deploy_token/legacy#1"));
    let member = |text| ZipMember {
        name: "conf/a.env",
        text,
        method: DEFLATE,
        flags: 0,
    };
    repo.bytes("old.zip", &zip_of(&[member(text.as_bytes())]));
    let packed = repo.commit("an archive");
    let encrypted = ZipMember {
        flags: ENCRYPTED,
        ..member(b"nobody reads this")
    };
    repo.bytes("locked.zip", &zip_of(&[encrypted]));
    repo.commit("one that is locked");
    repo.git(&["rm", "--quiet", "old.zip", "locked.zip"]);
    repo.commit("without them");

    // Both of them as they are, and as one delta of the other.
    for _ in 0..2 {
        let (report, code) = repo.report(&["--history"]);
        assert_place(
            &report,
            &repo,
            "deploy_token/legacy#1",
            "old.zip",
            Some(&packed),
            Some(true),
        );
        let location = &finding(&report, &repo, "deploy_token/legacy#1")["location"];
        assert_eq!(
            location["within"],
            serde_json::json!([{"member": "conf/a.env"}])
        );
        assert_eq!(code, 1);
        let problems = report["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert_eq!(problems[0]["path"], "locked.zip");
        let (_, code) = repo.report(&["--history", "--strict", "--fail-on", "never"]);
        assert_eq!(code, 3);
        repo.git(&["repack", "-a", "-d", "-f", "--quiet"]);
    }
}

#[test]
fn a_path_narrows_the_history_to_what_stood_there() {
    let repo = Repo::new();
    repo.file("a/one.env", "A={{deploy_token/legacy#1}}\n");
    let first = repo.commit("first");
    repo.file("b/two.env", "A={{deploy_token/legacy#2}}\n");
    repo.file("b/deep/two.env", "A={{deploy_token/legacy#3}}\n");
    repo.file("ab/other.env", "A={{deploy_token/legacy#4}}\n");
    let second = repo.commit(&format!("see {}", repo.token("deploy_token/legacy#5")));
    // The same blob comes to another folder later on.
    repo.git(&["mv", "a/one.env", "b/moved.env"]);
    let third = repo.commit("third");
    repo.git(&["rm", "--quiet", "-r", "ab", "b"]);
    // A folder where a file was, and what the index alone has.
    repo.file("b", "A={{deploy_token/legacy#6}}\n");
    repo.git(&["add", "b"]);
    std::fs::remove_file(repo.path().join("b")).unwrap();
    repo.bytes("b/now.txt", b"nothing\n");
    repo.bytes("a/now.txt", b"nothing\n");
    let text = format!("A={}\n", repo.token("deploy_token/legacy#7"));
    repo.git_with(&["hash-object", "-w", "--stdin"], text.as_bytes());

    let told = |arguments: &[&str]| -> Vec<(String, Option<String>)> {
        let (report, code) = repo.report(arguments);
        assert_eq!(report["problems"], serde_json::json!([]));
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(code, i32::from(!findings.is_empty()));
        let findings = findings.iter().map(|finding| {
            let location = &finding["location"];
            let commit = location["git"]["commit"].as_str().map(str::to_owned);
            (location["path"].as_str().unwrap().to_owned(), commit)
        });
        findings.collect()
    };
    let at = |path: &str, commit: &str| (path.to_owned(), Some(commit.to_owned()));
    assert_eq!(told(&["--history", "a"]), [at("a/one.env", &first)]);
    assert_eq!(
        told(&["--history", "b"]),
        [
            ("b".to_owned(), None),
            at("b/deep/two.env", &second),
            at("b/moved.env", &third),
            at("b/two.env", &second),
        ]
    );
    assert_eq!(told(&["--history", "b/now.txt"]), []);
    assert_eq!(
        told(&["--history=reachable", "a", "b/now.txt"]),
        [at("a/one.env", &first)]
    );
    assert_eq!(told(&["--history", "."]).len(), 7);
    assert_eq!(told(&["--history", ".git"]).len(), 7);
    repo.git(&["repack", "-a", "-d", "--quiet"]);
    assert_eq!(told(&["--history", "a"]), [at("a/one.env", &first)]);

    // Repositories below are read where they lie below the path.
    repo.git(&["reset", "--quiet", "--hard", &first]);
    let url = repo.path().display().to_string();
    repo.git(&["clone", "--quiet", &url, "vendor/inner"]);
    std::fs::remove_dir_all(repo.path().join("vendor/inner/a")).unwrap();
    let inner = told(&["--history", "vendor"]);
    assert!(!inner.is_empty());
    assert!(
        inner
            .iter()
            .all(|(path, _)| path.starts_with("vendor/inner/")),
        "{inner:?}"
    );
}
