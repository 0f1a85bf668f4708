//! Flags, exit codes, standard input, several PATHs.

use crate::harness::{Glpatrol, Tree};

const LEAK: &str = "token = {{deploy_token/legacy}}\n";

#[test]
fn a_clean_folder_is_exit_0_and_says_what_was_read() {
    let mut tree = Tree::new();
    tree.file("a.txt", "nothing here\n");
    let run = tree.scan(&[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("1 file"), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn the_three_analyses_report_in_one_run() {
    let mut tree = Tree::new();
    tree.file("src/a.py", LEAK)
        .file(".gitlab-ci.yml", "job:\n  script:\n  - env\n")
        .file(
            "tokens.json",
            r#"[{"id": 1, "name": "old", "revoked": false, "created_at": "2026-11-01T00:00:00.000Z",
  "scopes": ["read_api"], "user_id": 3, "last_used_at": "2026-11-19T00:00:00.000Z", "active": true,
  "expires_at": null}]"#,
        );
    let args = ["-i", "personal_access_token=tokens.json"];
    let run = tree.scan(&args);
    assert_eq!(run.code, 1);
    for rule in ["leaked-deploy-token", "environment-dump", "token-no-expiry"] {
        assert!(run.stdout.contains(rule), "{rule}\n{}", run.stdout);
    }
    let report = tree.report(&args);
    let rules: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules.len(), 3, "{rules:?}");
    for (only, rule) in [
        ("leaks", "leaked-deploy-token"),
        ("ci", "environment-dump"),
        ("inventory", "token-no-expiry"),
    ] {
        let report = tree.report(&["--only", only, args[0], args[1]]);
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(
            (findings.len(), findings[0]["rule"].as_str()),
            (1, Some(rule)),
            "{only}"
        );
    }
}

#[test]
fn fail_on_decides_the_exit_code_alone() {
    let mut tree = Tree::new();
    tree.file("a.sh", LEAK);
    assert_eq!(tree.scan(&["--fail-on", "high"]).code, 1);
    assert_eq!(tree.scan(&["--fail-on", "critical"]).code, 0);
    assert_eq!(tree.scan(&["--fail-on", "never"]).code, 0);
    assert!(
        tree.scan(&["--fail-on", "never"])
            .stdout
            .contains("leaked-deploy-token")
    );
}

#[test]
fn low_confidence_is_shown_on_request() {
    let mut tree = Tree::new();
    tree.file(
        "a.sh",
        "token = {{personal_access_token/routable-v1|broken}}\n",
    );
    assert_eq!(tree.scan(&[]).code, 0);
    let run = tree.scan(&["--confidence", "low"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("checksum"), "{}", run.stdout);
}

#[test]
fn standard_input_is_searched_and_named() {
    let mut tree = Tree::new();
    tree.file("a.sh", &format!("# one\n{LEAK}"));
    let run = Glpatrol::new()
        .args(["scan", "-f", "json", "--stdin-name", "the.diff", "-"])
        .stdin(tree.read("a.sh"))
        .run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let location = &report["findings"][0]["location"];
    assert_eq!(
        (&location["path"], &location["start"]["line"]),
        (&"the.diff".into(), &2.into())
    );
    assert_eq!(location["origin"], "stdin");
}

#[test]
fn one_token_in_many_files_is_one_finding_with_all_its_places() {
    let mut tree = Tree::new();
    for number in 0..5 {
        tree.file(&format!("{number}.sh"), LEAK);
    }
    tree.file("twice.sh", &format!("{LEAK}{LEAK}"));
    let report = tree.report(&[]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0]["occurrences"], 7);
    assert_eq!(findings[0]["related"].as_array().unwrap().len(), 6);
    // A further copy and a moved line change no fingerprint.
    let before = findings[0]["fingerprint"].clone();
    tree.file("0.sh", &format!("\n\n{LEAK}"))
        .file("another.sh", LEAK);
    assert_eq!(tree.report(&[])["findings"][0]["fingerprint"], before);
}

#[test]
fn the_evidence_is_that_of_the_place_which_is_surest() {
    let mut tree = Tree::new();
    tree.file("whole.sh", LEAK);
    let token = tree.secrets[0].clone();
    let (prefix, body) = token.split_at(5);
    tree.bytes(
        "a.py",
        format!("t = \"{prefix}\" + \"{body}\"\n").as_bytes(),
    );
    let evidence = |tree: &Tree| {
        let report = tree.report(&[]);
        let finding = &report["findings"][0];
        assert_eq!(finding["location"]["path"], "a.py", "{report}");
        let evidence = finding["token"]["evidence"].clone();
        (
            finding["confidence"].clone(),
            evidence.to_string().contains("split"),
        )
    };
    assert_eq!(evidence(&tree), ("high".into(), false));
    std::fs::remove_file(tree.path().join("whole.sh")).unwrap();
    assert_eq!(evidence(&tree), ("medium".into(), true));
}

#[test]
fn several_roots_are_told_apart_without_absolute_paths() {
    let mut tree = Tree::new();
    tree.file("one/.git/HEAD", "ref: x").file("one/a.sh", LEAK);
    tree.file("two/.git/HEAD", "ref: x")
        .file("two/a.sh", "t={{deploy_token/legacy#2}}");
    let run = tree.scan(&["one", "two"]);
    assert!(
        run.stdout.contains("one/a.sh:1") && run.stdout.contains("two/a.sh:1"),
        "{}",
        run.stdout
    );
    let sarif = tree.scan(&["-f", "sarif", "one", "two"]).stdout;
    assert!(!sarif.contains(tree.path().to_str().unwrap()), "{sarif}");
}

#[test]
fn paths_are_relative_to_the_repository_wherever_the_scan_starts() {
    let mut tree = Tree::new();
    tree.file(".git/HEAD", "ref: x").file("src/deep/a.sh", LEAK);
    let report = tree.report(&["src/deep"]);
    assert_eq!(report["findings"][0]["location"]["path"], "src/deep/a.sh");
}

#[test]
fn a_fragment_named_alone_is_judged_with_the_configuration_that_includes_it() {
    let mut tree = Tree::new();
    tree.file(".git/HEAD", "ref: x")
        .file(
            ".gitlab-ci.yml",
            "include: /ci/jobs.yml\nhere:\n  script: [printenv]\n",
        )
        .file(
            "ci/jobs.yml",
            ".base:\n  script: [env]\njob:\n  extends: .base\n",
        );
    let all = tree.report(&["--only", "ci"]);
    assert_eq!(all["findings"].as_array().unwrap().len(), 2, "{all}");
    let root = tree.report(&["--only", "ci", ".gitlab-ci.yml"]);
    assert_eq!(root["findings"].as_array().unwrap().len(), 1, "{root}");
    assert_eq!(root["findings"][0]["location"]["path"], ".gitlab-ci.yml");
}

#[test]
fn ignored_files_are_searched_unless_told_otherwise() {
    let mut tree = Tree::new();
    tree.file(".git/HEAD", "ref: x")
        .file(".gitignore", ".env\n")
        .file(".env", LEAK);
    assert_eq!(tree.scan(&[]).code, 1);
    assert_eq!(tree.scan(&["--respect-gitignore"]).code, 0);
}

#[test]
fn reports_go_to_files_in_one_step() {
    let mut tree = Tree::new();
    tree.file("src/a.sh", LEAK).file("out.json", "old");
    let run = tree.scan(&[
        "-f",
        "json",
        "-o",
        "out.json",
        "--report",
        "sarif=out.sarif",
        "src",
    ]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
    for file in ["out.json", "out.sarif"] {
        serde_json::from_slice::<serde_json::Value>(&tree.read(file)).unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(tree.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".glpatrol"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    for same in ["json=x", "json=./x", "json=src/../x"] {
        assert_eq!(tree.scan(&["-o", "x", "--report", same]).code, 2, "{same}");
    }
}

#[test]
fn a_dash_is_standard_output_and_takes_one_report() {
    let mut tree = Tree::new();
    tree.file("a.sh", LEAK);
    let run = tree.scan(&["-o", "out.txt", "--report", "json=-"]);
    serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
    let run = tree.scan(&["--report", "json=-"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("standard output"), "{}", run.stderr);
    assert!(!tree.path().join("-").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_goes_to_the_pipe_behind_dev_stdout() {
    let mut tree = Tree::new();
    tree.file("a.sh", LEAK);
    let run = tree.scan(&["-f", "json", "-o", "/dev/stdout"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap();
}

#[test]
fn a_custom_prefix_of_the_configuration_is_searched() {
    let mut tree = Tree::new();
    tree.file("src/a.sh", "t={{personal_access_token/legacy@acme-}}\n");
    assert_eq!(tree.scan(&["src"]).code, 0);
    tree.file(".glpatrol.yml", "gitlab: {prefixes: [acme-]}\n");
    let run = Glpatrol::new()
        .args(["scan", "-c", ".glpatrol.yml", "src"])
        .dir(tree.path())
        .run();
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    // Tokens that have no prefix are found as before.
    tree.file(
        "src/a.sh",
        "GITLAB_TOKEN={{personal_access_token/token-variable}}\n",
    );
    assert_eq!(tree.scan(&["-c", ".glpatrol.yml", "src"]).code, 1);
}

#[test]
fn rules_are_listed_and_shown() {
    let run = Glpatrol::new().args(["rules", "list"]).run();
    assert_eq!(run.code, 0);
    assert!(
        run.stdout
            .lines()
            .any(|line| line.starts_with("leaked-access-token "))
    );
    let run = Glpatrol::new()
        .args(["rules", "show", "token-expiry-window"])
        .run();
    assert!(
        run.stdout.contains("max-lifetime-days: 180"),
        "{}",
        run.stdout
    );
    let run = Glpatrol::new()
        .args(["rules", "show", "token-expiry-windo"])
        .run();
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("did you mean `token-expiry-window`"),
        "{}",
        run.stderr
    );
}
