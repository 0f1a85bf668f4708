//! Repositories in every state that one is found in: complete ones are, and no other is called so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::git::Repo;
use crate::harness::Run;

const LEAK: &str = "TOKEN={{deploy_token/legacy#1}}\n";

/// A repository with a token in its history and none in its files.
pub(crate) fn leaky(arguments: &[&str]) -> Repo {
    let repo = Repo::with(arguments);
    repo.file("old.env", LEAK);
    repo.commit("first");
    repo.git(&["rm", "--quiet", "old.env"]);
    repo.bytes("new.txt", b"nothing\n");
    repo.commit("second");
    repo
}

/// Paths of the first places, classes of the problems, and the exit code.
pub(crate) fn told(repo: &Repo, arguments: &[&str]) -> (Vec<String>, Vec<String>, i32) {
    let (report, code) = repo.report(&[&["--only", "leaks"], arguments].concat());
    let list = |key: &str, word: &dyn Fn(&Value) -> Value| -> Vec<String> {
        let entries = report[key].as_array().unwrap().iter();
        entries
            .map(|entry| word(entry).as_str().unwrap().to_owned())
            .collect()
    };
    let paths = list("findings", &|finding| finding["location"]["path"].clone());
    let classes = list("problems", &|problem| problem["class"].clone());
    (paths, classes, code)
}

/// Asserts that the token of [`leaky`] is found and told by path and commit, and nothing is missing.
fn assert_complete(repo: &Repo) {
    assert_found(repo, &["--history"], &[]);
}

/// The same, where there are problems of these classes.
pub(crate) fn assert_found(repo: &Repo, arguments: &[&str], problems: &[&str]) {
    let (report, code) = repo.report(&[&["--only", "leaks"], arguments].concat());
    assert_eq!(code, 1, "{report:#}");
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report:#}");
    assert_eq!(findings[0]["occurrences"], 1, "{report:#}");
    let location = &findings[0]["location"];
    let path = location["path"].as_str().unwrap();
    assert!(path == "old.env" || path.ends_with("/old.env"), "{path}");
    // What the first commit of `leaky` is, whatever became of the repository.
    let git = &location["git"];
    let commit = git["commit"].as_str().unwrap();
    assert_eq!(git["date"], "2023-11-14T22:15:20Z", "{location:#}");
    assert_eq!(git["author"], "Ada Author <ada@example.com>");
    assert_eq!(
        (&git["reachable"], &git["at_head"]),
        (&true.into(), &false.into()),
        "{commit}"
    );
    let classes: BTreeSet<&str> = report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["class"].as_str().unwrap())
        .collect();
    assert_eq!(classes, problems.iter().copied().collect(), "{report:#}");
    let never = [arguments, &["--only", "leaks", "--fail-on", "never"]].concat();
    let code = if problems.is_empty() { 0 } else { 3 };
    assert_eq!(repo.report(&never).1, code);
}

#[test]
fn a_bare_repository_is_searched_without_being_asked() {
    let mut repo = leaky(&[]);
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--mirror", "repo", "mirror"],
    );
    repo.enter("mirror");
    assert_found(&repo, &[], &[]);
    // Also where it lies in the work tree of another.
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--bare", "repo", "repo/inner.git"],
    );
    repo.enter("repo/inner.git");
    assert_found(&repo, &[], &[]);
}

#[test]
fn worktrees_alternates_and_detached_heads_are_complete() {
    let mut repo = leaky(&[]);
    assert_complete(&repo);
    repo.git(&["worktree", "add", "--quiet", "--detach", "../linked"]);
    repo.enter("linked");
    assert_complete(&repo);
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--shared", "repo", "shared"],
    );
    repo.enter("shared");
    assert_complete(&repo);
    // A folder that borrows from itself too.
    let own = repo.path().join(".git/objects");
    let list = own.join("info/alternates");
    let lenders = fs::read_to_string(&list).unwrap();
    fs::write(&list, format!("{}\n{lenders}", own.display())).unwrap();
    assert_complete(&repo);
    // Borrowing is not followed where nothing is trusted.
    let (paths, problems, code) = told(&repo, &["--history", "--untrusted"]);
    assert_eq!((paths.len(), code), (0, 3));
    assert!(
        problems.contains(&"git-alternate".to_owned()),
        "{problems:?}"
    );
}

#[test]
fn several_packs_with_one_index_are_complete() {
    let repo = leaky(&[]);
    repo.git(&["repack", "--quiet"]);
    repo.bytes("third.txt", b"third\n");
    repo.commit("third");
    repo.git(&["repack", "--quiet"]);
    repo.git(&["multi-pack-index", "write"]);
    assert_complete(&repo);
    repo.git(&["commit-graph", "write", "--reachable"]);
    assert_complete(&repo);
}

#[test]
fn an_empty_repository_and_one_without_a_commit_are_complete() {
    let repo = Repo::new();
    assert_eq!(told(&repo, &["--history"]), (vec![], vec![], 0));
    repo.file("staged.txt", LEAK);
    repo.git(&["add", "--all"]);
    fs::remove_file(repo.path().join("staged.txt")).unwrap();
    let (report, code) = repo.report(&["--history"]);
    let place = &report["findings"][0]["location"];
    assert_eq!((code, &place["path"]), (1, &"staged.txt".into()));
    assert_eq!(place["origin"], "index");
    assert!(place["git"]["commit"].is_null());
    assert_eq!(told(&repo, &["--history=reachable"]).0, ["staged.txt"]);
}

#[test]
fn what_the_index_has_is_told_by_its_path() {
    let repo = leaky(&[]);
    // Brought back, as a file that HEAD does not have.
    repo.file("back.env", LEAK);
    repo.git(&["add", "back.env"]);
    fs::remove_file(repo.path().join("back.env")).unwrap();
    let (report, _) = repo.report(&["--history"]);
    let finding = &report["findings"][0];
    assert_eq!(finding["occurrences"], 2, "{finding:#}");
    assert_eq!(finding["location"]["path"], "back.env");
    assert_eq!(finding["location"]["origin"], "index");
    let related = &finding["related"][0]["location"];
    assert_eq!(
        (&related["path"], &related["origin"]),
        (&"old.env".into(), &"history".into())
    );
    // A comment hides the place that it stands at.
    let comment = format!("# {}:ignore[leaked-deploy-token] sample", "glpatrol");
    repo.file(
        "kept.env",
        &format!("A={{{{deploy_token/legacy#2}}}} {comment}\n"),
    );
    repo.git(&["rm", "--quiet", "--cached", "back.env"]);
    repo.git(&["add", "kept.env"]);
    fs::remove_file(repo.path().join("kept.env")).unwrap();
    let (report, _) = repo.report(&["--history"]);
    let kept = report["findings"].as_array().unwrap().iter();
    let kept = kept.filter(|finding| finding["location"]["path"] == "kept.env");
    let hidden: Vec<bool> = kept
        .map(|finding| finding["suppression"].is_object())
        .collect();
    assert_eq!(hidden, [true], "{report:#}");
    // What HEAD has too is no place of its own, nor is what another worktree has checked out.
    let repo = Repo::new();
    repo.file("still.env", LEAK);
    repo.commit("first");
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    repo.git(&["rm", "--quiet", "still.env"]);
    repo.commit("second");
    let (report, _) = repo.report(&["--history"]);
    assert_eq!(report["findings"][0]["occurrences"], 1);
    assert_eq!(report["findings"][0]["location"]["origin"], "history");
}

#[test]
fn replaced_objects_are_read_and_count_as_unreachable() {
    let repo = leaky(&[]);
    let first = repo.git(&["rev-parse", "HEAD~1"]);
    let empty = repo.git(&[
        "commit-tree",
        "-m",
        "stands in",
        "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    ]);
    repo.git(&["replace", &first, &empty]);
    let (report, code) = repo.report(&["--history"]);
    let place = &report["findings"][0]["location"];
    assert_eq!((code, place["path"].as_str()), (1, Some("old.env")));
    assert_eq!(place["git"]["commit"], first.as_str());
    assert_eq!(place["git"]["reachable"], false);
    assert_eq!(told(&repo, &["--history=reachable"]), (vec![], vec![], 0));
}

#[test]
fn texts_of_a_git_folder_elsewhere_belong_to_the_worktree() {
    let mut repo = clean_folder();
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let header = |number: u32| repo.token(&format!("deploy_token/legacy#{number}"));
    repo.git(&["config", "http.extraHeader", &header(1)]);
    let files = [
        (".git/hooks/pre-push", 2),
        (".git/worktrees/side/logs/HEAD", 3),
        (".git/worktrees/side/config.worktree", 4),
        (".git/worktrees/side/index.txt", 5),
    ];
    for (path, number) in files {
        repo.bytes(path, format!("# {}\n", header(number)).as_bytes());
    }
    repo.enter("side");
    assert_eq!(
        told(&repo, &[]),
        (
            vec![
                ".git/config".into(),
                ".git/config.worktree".into(),
                ".git/hooks/pre-push".into(),
                ".git/logs/HEAD".into()
            ],
            vec![],
            1
        )
    );
    // Below the main one they are told once, where they are.
    fs::rename(repo.base().join("side"), repo.base().join("repo/side")).unwrap();
    repo.enter("repo");
    let own = [
        ".git/config",
        ".git/hooks/pre-push",
        "side/.git/config.worktree",
        "side/.git/logs/HEAD",
    ];
    assert_eq!(told(&repo, &[]).0, own);
    assert_eq!(told(&repo, &["side"]).0.len(), 4);
    // A link to nowhere hides what would be read there.
    fs::rename(repo.base().join("repo/side"), repo.base().join("side")).unwrap();
    fs::rename(repo.base().join("repo"), repo.base().join("gone")).unwrap();
    repo.enter("side");
    assert_eq!(told(&repo, &[]), (vec![], vec!["git-repository".into()], 3));
    assert_eq!(told(&repo, &["--history"]).1, ["git-repository"]);
}

/// A repository with nothing in it.
fn clean_folder() -> Repo {
    let repo = Repo::new();
    repo.commit("first");
    repo
}

#[test]
fn history_and_what_was_added_are_not_asked_for_together() {
    let repo = leaky(&[]);
    let run = repo.scan(&["--history", "--staged"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("leave one out"), "{}", run.stderr);
}

#[test]
fn submodules_and_repositories_inside_are_read_with_their_parent() {
    let repo = leaky(&[]);
    let outer = Repo::new();
    let url = repo.path().display().to_string();
    outer.git(&["submodule", "--quiet", "add", &url, "libs/sub"]);
    outer.commit("with a submodule");
    assert_eq!(told(&outer, &["--history"]).0, ["libs/sub/old.env"]);
    assert_complete(&outer);
    // The store stays when the work tree goes.
    outer.git(&["rm", "--quiet", "-f", "libs/sub"]);
    outer.commit("without it");
    assert_eq!(
        told(&outer, &["--history"]).0,
        [".git/modules/libs/sub/old.env"]
    );
    assert_complete(&outer);

    let outer = Repo::new();
    outer.commit("first");
    outer.git(&["clone", "--quiet", &url, "vendor/inner"]);
    assert_eq!(told(&outer, &["--history"]).0, ["vendor/inner/old.env"]);
    assert_complete(&outer);
}

#[test]
fn a_token_is_found_in_three_thousand_commits() {
    use std::fmt::Write as _;

    let repo = Repo::new();
    let token = repo.token("deploy_token/legacy#1");
    let mut stream = String::new();
    for number in 0..3000 {
        let text = match number {
            1711 => format!("N={number}\nTOKEN={token}\n"),
            _ => format!("N={number}\n"),
        };
        write!(
            stream,
            "commit refs/heads/main\nmark :{mark}\n\
             author Ada Author <ada@example.com> {time} +0000\n\
             committer Carl Committer <carl@example.com> {time} +0000\n\
             data 3\nmsg\nM 100644 inline dir/{folder}/conf.env\ndata {length}\n{text}\n",
            mark = number + 1,
            time = 1_700_000_000 + number,
            folder = number % 50,
            length = text.len(),
        )
        .unwrap();
    }
    repo.git_with(&["fast-import", "--quiet"], stream.as_bytes());
    repo.git(&["reset", "--quiet", "--hard"]);
    let (report, code) = repo.report(&["--history"]);
    assert_eq!((code, &report["problems"]), (1, &serde_json::json!([])));
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1);
    let location = &findings[0]["location"];
    assert_eq!(location["path"], "dir/11/conf.env");
    assert_eq!(location["start"]["line"], 2);
    let commit = repo.git(&["rev-parse", &format!("HEAD~{}", 2999 - 1711)]);
    assert_eq!(location["git"]["commit"], commit.as_str());
    assert_eq!(
        (&location["git"]["reachable"], &location["git"]["at_head"]),
        (&true.into(), &false.into())
    );
    let objects = report["stats"]["objects"].as_u64().unwrap();
    assert!(objects > 9000, "{objects}");
}

#[test]
fn a_token_of_many_versions_is_one_finding_with_a_hundred_places() {
    let repo = Repo::new();
    for number in 0..130 {
        repo.file("conf.env", &format!("N={number}\n{LEAK}"));
        repo.commit("one more");
    }
    let first = repo.git(&["rev-list", "--max-parents=0", "HEAD"]);
    repo.git(&["rm", "--quiet", "conf.env"]);
    repo.commit("gone");
    repo.git(&["repack", "--quiet", "-a", "-d"]);
    let (report, _) = repo.report(&["--history"]);
    let finding = &report["findings"][0];
    assert_eq!(finding["occurrences"], 130);
    assert_eq!(finding["related"].as_array().unwrap().len(), 100);
    assert_eq!(finding["location"]["git"]["commit"], first.as_str());
    assert_eq!(finding["location"]["start"]["line"], 2);
    let sarif = repo.scan(&["--history", "--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&sarif.stdout).unwrap();
    let git = &sarif["runs"][0]["results"][0]["locations"][0]["properties"]["git"];
    assert_eq!(git["commit"], first.as_str());
    assert_eq!(
        (&git["reachable"], &git["at_head"]),
        (&true.into(), &false.into())
    );
    // The same bytes for any number of threads.
    let bytes = |jobs: &str| repo.scan(&["--history", "-f", "json", "-j", jobs]).stdout;
    assert_eq!(bytes("1"), bytes("2"));
    assert_eq!(bytes("1"), bytes("8"));
}

#[test]
fn entries_and_comments_hide_what_they_name_in_the_history() {
    let repo = leaky(&[]);
    let comment = format!("# {}:ignore[leaked-deploy-token] sample", "glpatrol");
    repo.file(
        "hidden.env",
        &format!("A={{{{deploy_token/legacy#2}}}} {comment}\n"),
    );
    repo.commit("hidden");
    repo.git(&["rm", "--quiet", "hidden.env"]);
    // Another text on the same line of the same path is another place.
    repo.file("hidden.env", "A={{deploy_token/legacy#3}}\n");
    repo.commit("shown");
    let (report, code) = repo.report(&["--history"]);
    let shown = |report: &Value| -> Vec<String> {
        let findings = report["findings"].as_array().unwrap().iter();
        let active = findings.filter(|finding| finding["suppression"].is_null());
        active
            .map(|found| found["location"]["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (shown(&report), code),
        (vec!["hidden.env".into(), "old.env".into()], 1)
    );
    assert_eq!(report["findings"].as_array().unwrap().len(), 3);
    assert_eq!(report["unused_suppressions"], serde_json::json!([]));
    repo.bytes(
        ".glpatrol.yml",
        b"ignore:\n- {path: old.env, reason: revoked}\n- {path: hidden.env, reason: revoked}\n",
    );
    let (report, code) = repo.report(&["--history"]);
    assert_eq!((shown(&report).len(), code), (0, 0), "{report:#}");
}

/// Runs the program under a trace of the system calls that start programs and open sockets.
fn traced(repo: &Repo, arguments: &[&str], folder: &Path) -> Option<(Run, String)> {
    let trace = folder.join("trace");
    let strace = Path::new("/usr/bin/strace");
    if !strace.is_file() {
        return None;
    }
    let output = std::process::Command::new(strace)
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=execve,execveat,socket,connect",
            "-o",
        ])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_glpatrol"))
        .arg("scan")
        .args(arguments)
        .env_clear()
        .envs(hostile_environment(folder))
        .current_dir(repo.path())
        .output()
        .unwrap();
    let run = Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    Some((run, fs::read_to_string(trace).unwrap_or_default()))
}

/// What would make Git start programs and read other repositories.
fn hostile_environment(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    let program = folder.join("program");
    vec![
        ("PATH", folder.to_owned()),
        ("GIT_DIR", folder.join("elsewhere")),
        ("GIT_OBJECT_DIRECTORY", folder.join("elsewhere")),
        ("GIT_SSH_COMMAND", program.clone()),
        ("GIT_EXTERNAL_DIFF", program.clone()),
        ("GIT_PAGER", program.clone()),
        ("GIT_ASKPASS", program),
        ("GIT_CONFIG_GLOBAL", folder.join("hostile-config")),
    ]
}

#[cfg(unix)]
#[test]
fn a_hostile_configuration_starts_nothing_and_opens_no_socket() {
    use std::os::unix::fs::PermissionsExt as _;

    let repo = leaky(&[]);
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let program = folder.path().join("program");
    fs::write(
        &program,
        format!("#!/bin/sh\necho ran >> {}\ncat\n", marker.display()),
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(&program, folder.path().join("git")).unwrap();
    let hooks = folder.path().join("hooks");
    fs::create_dir(&hooks).unwrap();
    for hook in [
        "pre-commit",
        "post-index-change",
        "reference-transaction",
        "fsmonitor-watchman",
    ] {
        fs::copy(&program, hooks.join(hook)).unwrap();
    }
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    let program = program.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {program}\n\thooksPath = {}\n\tpager = {program}\n\
         \tsshCommand = {program}\n\talternateRefsCommand = {program}\n\teditor = {program}\n\
         [diff]\n\texternal = {program}\n[diff \"x\"]\n\ttextconv = {program}\n\tcommand = {program}\n\
         [filter \"x\"]\n\tclean = {program}\n\tsmudge = {program}\n\tprocess = {program}\n\trequired = true\n\
         [credential]\n\thelper = {program}\n[gpg]\n\tprogram = {program}\n[log]\n\tshowSignature = true\n\
         [remote \"origin\"]\n\turl = ssh://127.0.0.1/x\n\tuploadpack = {program}\n\
         [include]\n\tpath = {}\n[includeIf \"gitdir:**\"]\n\tpath = {}\n",
        hooks.display(),
        pipe.display(),
        pipe.display(),
    );
    repo.bytes(".git/config", config.as_bytes());
    repo.bytes(".gitattributes", b"* filter=x diff=x\n");
    fs::write(folder.path().join("hostile-config"), &config).unwrap();
    // Fifos where Git has files of its own.
    for name in [
        "packed-refs",
        "shallow",
        "objects/info/alternates",
        "refs/heads/pipe",
        "commondir.lock",
    ] {
        let file = repo.path().join(".git").join(name);
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&file)
                .status()
                .unwrap()
                .success()
        );
    }
    let arguments = ["--history", "--format", "json", "--as-of", "2026-11-20"];
    if let Some((run, trace)) = traced(&repo, &arguments, folder.path()) {
        assert_eq!(run.code, 1, "{}", run.stderr);
        let calls: Vec<&str> = trace.lines().collect();
        assert_eq!(calls.len(), 1, "one program, no socket: {trace}");
        assert!(calls[0].contains("execve("), "{trace}");
    }
    let (report, code) = repo.report(&["--history"]);
    assert_eq!(code, 1);
    assert_eq!(report["findings"][0]["location"]["path"], "old.env");
    assert!(!marker.exists(), "a program was started");
}

#[cfg(unix)]
#[test]
fn somebody_elses_repository_is_complete() {
    let repo = leaky(&[]);
    // Only the superuser can give files away.
    let given = std::process::Command::new("chown")
        .args(["-R", "12345:12345"])
        .arg(repo.path())
        .status();
    if given.is_ok_and(|status| status.success()) {
        assert_complete(&repo);
    }
}
