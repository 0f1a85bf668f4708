//! What `git commit` would record: the index against HEAD.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::git::{Repo, hook};

/// The paths of the findings about leaks, with the number of places of each, in report order.
fn leaks(report: &Value) -> Vec<(String, u64)> {
    let findings = report["findings"].as_array().unwrap().iter();
    let mut found: Vec<(String, u64)> = findings
        .filter(|finding| finding["rule"].as_str().unwrap().starts_with("leaked-"))
        .map(|finding| {
            let location = &finding["location"];
            assert_eq!(location["origin"], "index", "{finding}");
            let path = location["path"].as_str().unwrap().to_owned();
            (path, finding["occurrences"].as_u64().unwrap())
        })
        .collect();
    found.sort();
    found
}

/// Asserts where `scan --staged` finds leaks, and how it ends.
fn assert_staged(repo: &Repo, expected: &[(&str, u64)], code: i32) {
    let (report, ended) = repo.report(&["--staged"]);
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, places)| ((*path).to_owned(), *places))
        .collect();
    assert_eq!((leaks(&report), ended), (expected, code), "{report:#}");
}

/// The one problem of a run that ends incomplete without a finding.
fn assert_incomplete(repo: &Repo, class: &str, path: &str, words: &str) {
    let (report, ended) = repo.report(&["--staged"]);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!((ended, problems.len()), (3, 1), "{report:#}");
    assert_eq!(problems[0]["class"], class, "{report:#}");
    assert_eq!(problems[0]["path"], path, "{report:#}");
    let message = problems[0]["message"].as_str().unwrap();
    assert!(message.contains(words), "{message}");
}

#[test]
fn the_bytes_are_those_of_the_index() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::with(&["--object-format", format]);
        repo.bytes("kept.env", b"");
        repo.commit("first");
        repo.file("staged.env", "A={{deploy_token/legacy#1}}\n");
        repo.git(&["add", "staged.env"]);
        repo.bytes("staged.env", b"A=clean\n");
        repo.file("kept.env", "B={{deploy_token/legacy#2}}\n");
        repo.file("untracked.env", "C={{deploy_token/legacy#3}}\n");
        assert_staged(&repo, &[("staged.env", 1)], 1);

        let (report, _) = repo.report(&["--staged"]);
        let location = &report["findings"][0]["location"];
        let blob = repo.git(&["rev-parse", ":staged.env"]);
        assert_eq!(location["git"]["object"], blob.as_str());
        let token = repo.token("deploy_token/legacy#1");
        assert_eq!(location["byte_offset"], 2);
        assert_eq!(location["byte_length"], token.len());
        let run = repo.scan(&["--staged"]);
        assert!(run.stdout.contains("staged.env"), "{}", run.stdout);
        assert!(!run.stdout.contains(&token));
    }
}

#[test]
fn nothing_staged_is_clean() {
    let repo = Repo::new();
    assert_staged(&repo, &[], 0);
    repo.file("old.env", "A={{deploy_token/legacy#1}}\n");
    repo.commit("first");
    repo.file("old.env", "A={{deploy_token/legacy#2}}\n");
    assert_staged(&repo, &[], 0);
    // An index that is not there is empty: everything would be removed.
    fs::remove_file(repo.path().join(".git/index")).unwrap();
    assert_staged(&repo, &[], 0);
}

#[test]
fn before_the_first_commit_everything_is_new() {
    let repo = Repo::new();
    repo.file("a/b/c.env", "A={{deploy_token/legacy#1}}\n");
    repo.file(
        "d.env",
        "A={{deploy_token/legacy#1}}\nB={{deploy_token/legacy#2}}\n",
    );
    repo.git(&["add", "--all"]);
    assert_staged(&repo, &[("a/b/c.env", 2), ("d.env", 1)], 1);
}

#[test]
fn what_stood_in_what_is_replaced_removed_or_renamed_is_not_new() {
    let repo = Repo::new();
    repo.file("edited.env", "A={{deploy_token/legacy#1}}\n");
    repo.file("removed.env", "B={{deploy_token/legacy#2}}\n");
    repo.file("folder/deep/moved.env", "C={{deploy_token/legacy#3}}\n");
    repo.file("untouched.env", "D={{deploy_token/legacy#4}}\n");
    repo.commit("first");

    repo.file("edited.env", "# first\nA={{deploy_token/legacy#1}}\n");
    repo.git(&["mv", "folder", "elsewhere"]);
    repo.git(&["rm", "--quiet", "removed.env"]);
    repo.file("again.env", "B={{deploy_token/legacy#2}}\n");
    repo.git(&["add", "--all"]);
    assert_staged(&repo, &[], 0);

    // Where the old place stays, a second one is new; so is a new token beside an old one.
    repo.file("copy.env", "D={{deploy_token/legacy#4}}\n");
    let both = "A={{deploy_token/legacy#1}}\nE={{deploy_token/legacy#5}}\n";
    repo.file("edited.env", both);
    repo.git(&["add", "--all"]);
    assert_staged(&repo, &[("copy.env", 1), ("edited.env", 1)], 1);

    // A file in the place of a folder, and a folder in the place of a file.
    repo.commit("second");
    repo.git(&["rm", "--quiet", "-r", "elsewhere", "again.env"]);
    repo.file("elsewhere", "C={{deploy_token/legacy#3}}\n");
    repo.file(
        "again.env/x",
        "B={{deploy_token/legacy#2}}\nF={{deploy_token/legacy#6}}\n",
    );
    repo.git(&["add", "--all"]);
    assert_staged(&repo, &[("again.env/x", 1)], 1);
}

#[test]
fn intents_to_add_and_submodules_are_no_content_and_links_are() {
    let repo = Repo::new();
    let first = repo.commit("first");
    repo.file("intended.env", "A={{deploy_token/legacy#1}}\n");
    repo.git(&["add", "--intent-to-add", "intended.env"]);
    let submodule = format!("160000,{first},library");
    repo.git(&["update-index", "--add", "--cacheinfo", &submodule]);
    assert_staged(&repo, &[], 0);

    let target = repo.git_with(
        &["hash-object", "-w", "--stdin"],
        repo.token("deploy_token/legacy#2").as_bytes(),
    );
    let link = format!("120000,{target},link");
    repo.git(&["update-index", "--add", "--cacheinfo", &link]);
    assert_staged(&repo, &[("link", 1)], 1);
    repo.git(&["add", "intended.env"]);
    assert_staged(&repo, &[("intended.env", 1), ("link", 1)], 1);
}

/// Many folders, committed, so that the index knows the trees of HEAD.
fn grown() -> Repo {
    let repo = Repo::new();
    for folder in 0..40 {
        for file in 0..5 {
            repo.bytes(&format!("f{folder}/g/{file}.txt"), b"text\n");
            repo.bytes(&format!("f{folder}-x/{file}.txt"), b"text\n");
        }
    }
    repo.file("f7/old.env", "A={{deploy_token/legacy#1}}\n");
    repo.commit("first");
    repo
}

#[test]
fn names_that_hold_a_token_are_found_once_they_are_new() {
    let repo = Repo::new();
    let first = repo.commit("first");
    let token = repo.token("deploy_token/legacy#1");
    repo.bytes(&format!("keys/{token}/a.txt"), b"1\n");
    repo.git(&["add", "--all"]);
    let run = repo.scan(&["--staged", "--format", "json"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.stdout.contains("keys/gldt-*") && !run.stdout.contains(&token),
        "{run:?}"
    );
    repo.commit("second");
    let run = repo.scan(&["--since", &first]);
    assert!(run.code == 1 && !run.stdout.contains(&token), "{run:?}");

    repo.bytes(&format!("keys/{token}/b.txt"), b"1\n");
    repo.git(&["add", "--all"]);
    assert_staged(&repo, &[], 0);
}

#[test]
fn every_form_of_an_index_is_read() {
    for setting in [
        "index.version=2",
        "index.version=4",
        "core.splitIndex=true",
        "index.skipHash=true",
        "index.threads=4",
    ] {
        let repo = grown();
        let (key, value) = setting.split_once('=').unwrap();
        repo.git(&["config", key, value]);
        repo.git(&["update-index", "--force-write-index"]);
        assert_staged(&repo, &[], 0);
        repo.file("f7/g/3.txt", "B={{deploy_token/legacy#2}}\n");
        repo.file("f7/new.env", "A={{deploy_token/legacy#1}}\n");
        repo.git(&["add", "f7/g/3.txt", "f7/new.env"]);
        repo.git(&["rm", "--quiet", "f9/g/1.txt"]);
        if setting.starts_with("core.splitIndex") {
            let files = fs::read_dir(repo.path().join(".git")).unwrap();
            let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
            let mut shared = files.map(name).filter(|name| {
                let name = name.to_string_lossy();
                name.starts_with("sharedindex.")
            });
            assert!(shared.next().is_some());
        }
        assert_staged(&repo, &[("f7/g/3.txt", 1), ("f7/new.env", 1)], 1);
    }
}

#[test]
fn folders_that_a_sparse_index_has_as_a_whole_are_compared_as_trees() {
    let repo = grown();
    repo.git(&["sparse-checkout", "init", "--cone", "--sparse-index"]);
    repo.git(&["sparse-checkout", "set", "f1"]);
    let listed = repo.git(&["ls-files", "--sparse"]);
    assert!(listed.contains("f7/\n"), "{listed}");
    assert_staged(&repo, &[], 0);

    // The folder that is not checked out is another one than HEAD's.
    let side = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["sparse-checkout", "disable"]);
    repo.file("f8/g/1.txt", "B={{deploy_token/legacy#2}}\n");
    repo.commit("second");
    repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "f1"]);
    repo.git(&["reset", "--quiet", "--soft", &side]);
    assert!(repo.git(&["ls-files", "--sparse"]).contains("f8/\n"));
    assert_staged(&repo, &[("f8/g/1.txt", 1)], 1);
}

#[test]
fn a_linked_worktree_has_an_index_of_its_own() {
    let mut repo = grown();
    repo.file("main.env", "B={{deploy_token/legacy#2}}\n");
    repo.git(&["add", "main.env"]);
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    repo.enter("side");
    assert_staged(&repo, &[], 0);
    repo.file("side.env", "C={{deploy_token/legacy#3}}\n");
    repo.git(&["add", "side.env"]);
    assert_staged(&repo, &[("side.env", 1)], 1);
}

#[test]
fn a_conflict_is_no_content_and_incomplete() {
    let repo = Repo::new();
    repo.bytes("a.txt", b"one\n");
    repo.commit("first");
    repo.git(&["checkout", "--quiet", "-b", "side"]);
    repo.file("a.txt", "B={{deploy_token/legacy#2}}\n");
    repo.commit("second");
    repo.git(&["checkout", "--quiet", "main"]);
    repo.bytes("a.txt", b"three\n");
    repo.commit("third");
    let merge = repo
        .command(&repo.path(), &["merge", "--quiet", "side"])
        .status();
    assert!(!merge.unwrap().success());
    assert_incomplete(&repo, "git-index", "a.txt", "conflict");
    repo.git(&["add", "a.txt"]);
    assert_staged(&repo, &[("a.txt", 1)], 1);
}

#[test]
fn outside_of_a_work_tree_nothing_is_staged() {
    let bare = Repo::with(&["--bare"]);
    let run = bare.scan(&["--staged"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains("is a bare repository"),
        "{}",
        run.stderr
    );

    let repo = Repo::new();
    let around = repo.base().to_string_lossy().into_owned();
    let run = repo.scan(&["--staged", &around]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("no Git repository"), "{}", run.stderr);

    repo.bytes("broken/.git", b"gitdir: ../nowhere\n");
    let run = repo.scan(&["--staged", "broken"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("not there"), "{}", run.stderr);
}

#[test]
fn a_damaged_index_is_incomplete_whatever_is_wrong() {
    let repo = grown();
    let index = repo.path().join(".git/index");
    let whole = fs::read(&index).unwrap();
    for (damage, words) in [
        (whole[..whole.len() / 2].to_vec(), "is damaged"),
        (b"DIRC".to_vec(), "is damaged"),
        (Vec::new(), "is damaged"),
        ([&whole[..40], b"?", &whole[41..]].concat(), "is damaged"),
    ] {
        fs::write(&index, damage).unwrap();
        assert_incomplete(&repo, "git-index", ".git/index", words);
    }
    fs::remove_file(&index).unwrap();
    fs::create_dir(&index).unwrap();
    assert_incomplete(&repo, "git-index", ".git/index", "no regular file");

    // A part that is not there.
    fs::remove_dir(&index).unwrap();
    fs::write(&index, &whole).unwrap();
    repo.git(&["update-index", "--split-index"]);
    for entry in fs::read_dir(repo.path().join(".git")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().contains("sharedindex.") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_incomplete(&repo, "git-index", ".git/index", "is damaged");
}

#[test]
fn no_damage_of_an_index_makes_the_program_panic() {
    use glpatrol::source::git::{OpenOptions, Repository};

    for version in ["2", "4"] {
        let repo = grown();
        // Without a checksum every byte reaches the parser.
        repo.git(&["config", "index.skipHash", "true"]);
        repo.git(&["config", "index.version", version]);
        repo.git(&["update-index", "--force-write-index"]);
        let path = repo.path().join(".git/index");
        let whole = fs::read(&path).unwrap();
        let opened = Repository::at(&repo.path(), OpenOptions::default());
        let repository = opened.unwrap().unwrap();
        let mut defects = Vec::new();
        let objects = repository.objects(&mut defects);
        let mut random = 7_u64;
        let mut next = |below: usize| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(random >> 33).unwrap() % below
        };
        let mut read = 0;
        for _ in 0..3000 {
            let mut bytes = whole.clone();
            for _ in 0..=next(3) {
                // Headers and extensions hold lengths and counts; stat data does not matter.
                let at = match next(3) {
                    0 => next(200),
                    1 => bytes.len() - 1 - next(3000),
                    _ => next(bytes.len()),
                };
                bytes[at] = [0, 1, 0xFF, 0x7F, b'/', b' '][next(6)];
            }
            fs::write(&path, &bytes).unwrap();
            if let Ok(index) = repository.index(None) {
                index.changes(None, &objects, &mut defects);
                read += 1;
            }
        }
        assert!(read > 100, "{read}");
    }
}

#[test]
fn missing_objects_are_incomplete_and_the_rest_is_read() {
    let repo = Repo::new();
    repo.bytes("a.txt", b"one\n");
    repo.commit("first");
    let absent = "1".repeat(40);
    repo.bytes("b/c.txt", b"two\n");
    let entry = format!("100644,{absent},gone.txt");
    repo.git(&["update-index", "--add", "--cacheinfo", &entry]);
    assert_incomplete(&repo, "git-object", "gone.txt", "is missing");
    repo.file("here.env", "A={{deploy_token/legacy#1}}\n");
    repo.git(&["add", "here.env"]);
    assert_staged(&repo, &[("here.env", 1)], 1);

    // HEAD is gone: everything is new, and the run incomplete.
    repo.git(&["rm", "--quiet", "--cached", "gone.txt", "here.env"]);
    let head = repo.git(&["rev-parse", "HEAD"]);
    let object = format!(".git/objects/{}/{}", &head[..2], &head[2..]);
    fs::remove_file(repo.path().join(object)).unwrap();
    assert_incomplete(
        &repo,
        "git-object",
        &format!(".git/commit/{head}"),
        "missing",
    );
}

#[test]
fn shallow_and_partial_clones_have_all_that_is_needed() {
    let mut repo = grown();
    repo.commit("second");
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", repo.path().display());
    let top = Path::new(".");
    repo.git_in(top, &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    repo.git_in(
        top,
        &["clone", "--quiet", "--filter=blob:none", &url, "partial"],
    );
    for clone in ["shallow", "partial"] {
        repo.enter(clone);
        assert_staged(&repo, &[], 0);
        repo.file("f3/new.env", "B={{deploy_token/legacy#2}}\n");
        repo.git(&["add", "--all"]);
        assert_staged(&repo, &[("f3/new.env", 1)], 1);
    }
}

#[test]
fn paths_and_excluded_paths_are_what_they_are_elsewhere() {
    let repo = Repo::new();
    repo.file("src/a.env", "A={{deploy_token/legacy#1}}\n");
    repo.file("src-b/b.env", "B={{deploy_token/legacy#2}}\n");
    repo.file("vendor/deep/c.env", "C={{deploy_token/legacy#3}}\n");
    repo.git(&["add", "--all"]);
    let found = |arguments: &[&str]| {
        let (report, _) = repo.report(&[&["--staged"], arguments].concat());
        let found = leaks(&report).into_iter().map(|(path, _)| path);
        found.collect::<Vec<_>>()
    };
    assert_eq!(found(&["src"]), ["src/a.env"]);
    assert_eq!(found(&["src-b/b.env", "src"]), ["src-b/b.env", "src/a.env"]);
    repo.bytes(".glpatrol.yml", b"version: 1\nscan: {exclude: [vendor]}\n");
    assert_eq!(found(&[]), ["src-b/b.env", "src/a.env"]);
}

#[test]
fn comments_of_staged_files_hide_and_are_not_called_unused() {
    let repo = Repo::new();
    repo.file(
        "a.env",
        "A={{deploy_token/legacy#1}} # glpatrol:ignore[leaked-deploy-token] revoked\n",
    );
    repo.git(&["add", "--all"]);
    let (report, code) = repo.report(&["--staged"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);

    // The token is not new any more: that its comment hides nothing here says nothing about it.
    repo.commit("first");
    let text = fs::read_to_string(repo.path().join("a.env")).unwrap();
    repo.bytes("a.env", format!("{text}B=2\n").as_bytes());
    repo.git(&["add", "--all"]);
    let (report, code) = repo.report(&["--staged"]);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["findings"], serde_json::json!([]));
    assert_eq!(report["unused_suppressions"], serde_json::json!([]));
}

/// A job that logs in with a password on its command line.
const LOGIN: &str =
    "deploy:\n  script:\n  - docker login -u ci -p \"$CI_JOB_TOKEN\" \"$CI_REGISTRY\"\n";

/// The rules and paths of all findings.
fn found(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| (text(&finding["rule"]), text(&finding["location"]["path"])))
        .collect()
}

#[test]
fn ci_configurations_are_those_of_the_index() {
    let rule = "registry-login-password-argv";
    let repo = Repo::new();
    repo.bytes(".gitlab-ci.yml", b"include: ci/*.yml\n");
    repo.bytes("ci/a.yml", b"build:\n  script: make\n");
    repo.commit("first");
    repo.bytes("ci/deploy.yml", LOGIN.as_bytes());
    repo.git(&["add", "--all"]);
    // Neither what is on disk nor that there is nothing changes what is staged.
    fs::remove_file(repo.path().join("ci/deploy.yml")).unwrap();
    repo.bytes(".gitlab-ci.yml", b"{broken");
    let (report, code) = repo.report(&["--staged"]);
    let expected = [(rule.to_owned(), "ci/deploy.yml".to_owned())];
    assert_eq!(
        (found(&report).as_slice(), code),
        (&expected[..], 1),
        "{report:#}"
    );
    let location = &report["findings"][0]["location"];
    assert_eq!(location["origin"], "index");
    let blob = repo.git(&["rev-parse", ":ci/deploy.yml"]);
    assert_eq!(location["git"]["object"], blob.as_str());

    // What is on disk alone is not judged, and what did not change is not either.
    repo.git(&["checkout", "--quiet", "--", "."]);
    repo.commit("second");
    repo.bytes("ci/a.yml", LOGIN.as_bytes());
    repo.bytes("README.md", b"# Title\n");
    repo.git(&["add", "README.md"]);
    let (report, code) = repo.report(&["--staged"]);
    assert_eq!((found(&report).len(), code), (0, 0), "{report:#}");
}

#[test]
fn links_to_ci_configurations_are_followed_inside_the_index() {
    let repo = Repo::new();
    repo.bytes("ci/main.yml", LOGIN.as_bytes());
    let target = repo.git_with(&["hash-object", "-w", "--stdin"], b"ci/main.yml");
    let entry = format!("120000,{target},.gitlab-ci.yml");
    repo.git(&["update-index", "--add", "--cacheinfo", &entry]);
    repo.git(&["add", "ci/main.yml"]);
    let (report, code) = repo.report(&["--staged"]);
    assert_eq!((found(&report).len(), code), (1, 1), "{report:#}");

    let target = repo.git_with(&["hash-object", "-w", "--stdin"], b"../outside.yml");
    let entry = format!("120000,{target},.gitlab-ci.yml");
    repo.git(&["update-index", "--cacheinfo", &entry]);
    let (report, code) = repo.report(&["--staged"]);
    assert_eq!(code, 3, "{report:#}");
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("outside of the repository"), "{message}");
}

#[test]
fn inventories_are_judged_where_they_are_staged() {
    let inventory = "glpatrol: inventory/v1\ntokens:\n- kind: deploy_token\n  name: pull\n  owner: team\n  purpose: reads\n  scopes: [read_registry]\n  expires_at: null\n";
    let repo = Repo::new();
    repo.bytes("team.glpatrol-inventory.yml", inventory.as_bytes());
    repo.bytes("security/tokens.yml", inventory.as_bytes());
    let config = b"version: 1\ninventories: [security/tokens.yml]\n";
    repo.bytes(".glpatrol.yml", config);
    repo.git(&["add", "--all"]);
    let (report, code) = repo.report(&["--staged"]);
    let paths: Vec<String> = found(&report).into_iter().map(|(_, path)| path).collect();
    let expected = ["security/tokens.yml", "team.glpatrol-inventory.yml"];
    assert_eq!(
        (paths.as_slice(), code),
        (&expected.map(str::to_owned)[..], 1)
    );

    repo.commit("first");
    repo.bytes("README.md", b"# Title\n");
    repo.git(&["add", "--all"]);
    let (report, code) = repo.report(&["--staged"]);
    assert_eq!((found(&report).len(), code), (0, 0), "{report:#}");
    // One that is named is judged whatever changed.
    let (report, _) = repo.report(&["--staged", "-i", "security/tokens.yml"]);
    assert_eq!(found(&report).len(), 1, "{report:#}");
}

#[test]
fn a_hook_of_git_commit_reads_the_index_that_git_names() {
    let repo = Repo::new();
    repo.bytes("a.env", b"A=1\n");
    repo.commit("first");
    hook(&repo.path().join(".git/hooks/pre-commit"), "--staged");
    let commits = |arguments: &[&str]| {
        let arguments = [&["commit", "--quiet", "--message", "next"], arguments].concat();
        let output = repo.command(&repo.path(), &arguments).output().unwrap();
        output.status.success()
    };
    // `--all` and paths make an index that is not the repository's own.
    repo.file("a.env", "A={{deploy_token/legacy#1}}\n");
    assert!(!commits(&["--all"]));
    assert!(!commits(&["a.env"]));
    repo.bytes("b.env", b"B=1\n");
    repo.git(&["add", "b.env"]);
    assert!(commits(&["b.env"]));
    repo.git(&["add", "a.env"]);
    assert!(!commits(&[]));
    repo.bytes("c.env", b"C=1\n");
    repo.git(&["add", "c.env"]);
    assert!(
        commits(&["c.env"]),
        "what is staged but not committed does not stop it"
    );
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = repo.base().join("side");
    fs::write(side.join("a.env"), repo.token("deploy_token/legacy#2")).unwrap();
    let commit = ["commit", "--quiet", "--all", "--message", "next"];
    let output = repo.command(&side, &commit).output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn nothing_that_a_repository_names_is_run() {
    let repo = Repo::new();
    let marker = repo.base().join("ran");
    let touch = format!("touch {}; cat", marker.display());
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "diff.external",
        "diff.x.textconv",
        "diff.x.command",
        "filter.x.clean",
        "filter.x.smudge",
        "filter.x.process",
        "gpg.program",
        "credential.helper",
    ] {
        repo.bytes("a", b"");
        fs::write(
            repo.path().join(".git/config"),
            fs::read_to_string(repo.path().join(".git/config")).unwrap() + &section(key, &touch),
        )
        .unwrap();
    }
    repo.bytes(".gitattributes", b"* filter=x diff=x\n");
    let blob = {
        let id = repo.token("deploy_token/legacy#1");
        let calm = [
            "-c",
            "core.fsmonitor=false",
            "hash-object",
            "-w",
            "--no-filters",
            "--stdin",
        ];
        repo.git_with(&calm, id.as_bytes())
    };
    let entry = format!("100644,{blob},a.env");
    let calm = [
        "-c",
        "core.fsmonitor=false",
        "update-index",
        "--add",
        "--cacheinfo",
        &entry,
    ];
    repo.git(&calm);
    let _ = fs::remove_file(&marker);
    let (report, code) = repo.report(&["--staged"]);
    assert_eq!((leaks(&report).len(), code), (1, 1), "{report:#}");
    assert!(!marker.exists(), "something ran");
}

/// A section of a Git configuration with one key.
fn section(key: &str, value: &str) -> String {
    let (section, name) = key.rsplit_once('.').unwrap();
    let header = match section.split_once('.') {
        Some((section, of)) => format!("[{section} \"{of}\"]"),
        None => format!("[{section}]"),
    };
    format!("{header}\n\t{name} = \"{value}\"\n")
}
