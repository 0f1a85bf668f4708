//! Broken, hostile and absent input: a clear answer, the rest of the work goes on, nothing is silently
//! clean.

use std::fs;

use crate::harness::{Glpatrol, Tree, root};

const LEAK: &str = "token = {{deploy_token/legacy}}\n";

/// Problems of the JSON report, as `class path`.
fn problems(report: &serde_json::Value) -> Vec<String> {
    report["problems"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|problem| problem["level"] == "error")
        .map(|problem| {
            format!(
                "{} {}",
                problem["class"].as_str().unwrap(),
                problem["path"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn an_absent_path_stops_the_run_before_it_scans() {
    let tree = Tree::new();
    let run = tree.scan(&["nowhere"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`nowhere`"), "{}", run.stderr);
    assert_eq!(run.stderr.matches("os error").count(), 1, "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_a_problem_and_the_rest_is_read() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let mut tree = Tree::new();
    tree.file("a-secret.sh", LEAK).file("b.sh", LEAK);
    fs::set_permissions(
        tree.path().join("a-secret.sh"),
        fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut call = Glpatrol::new()
        .args(["scan", "--format", "json"])
        .dir(tree.path());
    if fs::read(tree.path().join("a-secret.sh")).is_ok() {
        // Root reads everything; nobody does not. The program is copied to where nobody may run it.
        let program = tree.path().join("program");
        fs::copy(env!("CARGO_BIN_EXE_glpatrol"), &program).unwrap();
        let mut command = std::process::Command::new(&program);
        command.args([
            "scan",
            "--format",
            "json",
            "--fail-on",
            "never",
            "a-secret.sh",
            "b.sh",
        ]);
        command
            .current_dir(tree.path())
            .env_clear()
            .uid(65_534)
            .gid(65_534);
        let Ok(output) = command.output() else { return };
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(problems(&report), ["unreadable a-secret.sh"]);
        assert_eq!(report["findings"].as_array().unwrap().len(), 1);
        assert_eq!(output.status.code(), Some(3));
        return;
    }
    call.command().args(["--fail-on", "never"]);
    let run = call.run();
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(problems(&report), ["unreadable a-secret.sh"]);
    assert_eq!(run.code, 3);
}

#[cfg(unix)]
#[test]
fn links_that_go_round_are_not_followed() {
    let mut tree = Tree::new();
    tree.file("a/b.sh", LEAK);
    std::os::unix::fs::symlink(tree.path(), tree.path().join("a/up")).unwrap();
    std::os::unix::fs::symlink("self", tree.path().join("self")).unwrap();
    let report = tree.report(&[]);
    assert_eq!(report["stats"]["files"], 1, "{report}");
    assert_eq!(report["complete"], true);
    assert_eq!(tree.scan(&["self"]).code, 2);
}

#[cfg(unix)]
#[test]
fn special_files_are_never_opened() {
    let mut tree = Tree::new();
    tree.file("a.sh", LEAK);
    let socket = tree.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(tree.report(&[])["stats"]["special_files"], 1);
    for args in [
        vec!["socket"],
        vec!["--inventory", "socket"],
        vec!["--rules", "socket"],
        vec!["--config", "socket"],
    ] {
        let run = tree.scan(&args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains("socket"), "{}", run.stderr);
    }
}

#[test]
fn broken_yaml_is_named_with_its_line_and_the_rest_is_analysed() {
    let mut tree = Tree::new();
    tree.file(
        ".gitlab-ci.yml",
        "include: [/bad.yml, /good.yml]\nok:\n  script: [env]\n",
    )
    .file("bad.yml", "job:\n  script:\n  - echo 1\nbroken: [\n")
    .file("good.yml", "fine:\n  script: [printenv]\n");
    let run = tree.scan(&["--only", "ci", "--fail-on", "never"]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(run.stdout.contains("bad.yml:4"), "{}", run.stdout);
    let report = tree.report(&["--only", "ci"]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 2, "{report}");
    assert!(
        problems(&report).contains(&"ci-syntax bad.yml".to_owned()),
        "{report}"
    );
}

#[test]
fn a_missing_local_include_makes_the_run_incomplete() {
    let mut tree = Tree::new();
    tree.file(
        ".gitlab-ci.yml",
        "include: /ci/absent.yml\njob:\n  script: [env]\n",
    );
    let report = tree.report(&["--only", "ci", "--fail-on", "never"]);
    assert_eq!(problems(&report), ["missing-include .gitlab-ci.yml"]);
    assert_eq!(report["problems"][0]["position"]["line"], 1, "{report}");
    assert_eq!(tree.scan(&["--only", "ci", "--fail-on", "never"]).code, 3);
    assert_eq!(
        tree.scan(&["--only", "ci", "--fail-on", "never", "--allow-incomplete"])
            .code,
        0
    );
}

#[test]
fn an_include_from_elsewhere_is_a_gap_and_incomplete_only_when_strict() {
    let mut tree = Tree::new();
    tree.file(
        ".gitlab-ci.yml",
        "include: {project: acme/templates, file: /a.yml}\njob:\n  script: [ls]\n",
    );
    let run = tree.scan(&["--only", "ci"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("acme/templates"), "{}", run.stdout);
    assert_eq!(tree.scan(&["--only", "ci", "--strict"]).code, 3);
}

#[test]
fn a_broken_inventory_names_line_and_column() {
    let mut tree = Tree::new();
    tree.file("tokens.json", "[\n  {\"id\": 1,\n   \"name\" \"x\"}\n]\n");
    let run = tree.scan(&["--only", "inventory", "-i", "tokens.json"]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(run.stdout.contains("tokens.json:3"), "{}", run.stdout);
    let run = tree.scan(&["-i", "absent.json"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("absent.json"), "{}", run.stderr);
}

#[test]
fn a_bad_configuration_stops_the_run_before_it_scans() {
    let mut tree = Tree::new();
    tree.file("a.sh", LEAK)
        .file(".glpatrol.yml", "version: 1\nscan:\n  exclud: []\n");
    let run = tree.scan(&[]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stderr.contains(".glpatrol.yml:3"), "{}", run.stderr);
    assert!(run.stderr.contains("exclude"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
    assert_eq!(tree.scan(&["--untrusted"]).code, 1);
}

#[test]
fn an_error_that_quotes_a_file_gives_no_token_away_and_commands_no_terminal() {
    let mut tree = Tree::new();
    tree.file(
        ".glpatrol.yml",
        "tokn: {{deploy_token/legacy}} # \u{1b}[31m \u{202e}\n",
    );
    let run = tree.scan(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("tokn: gldt-***"), "{}", run.stderr);
    assert!(!run.stderr.contains(&tree.secrets[0]));
    assert!(!run.stderr.contains(['\u{1b}', '\u{202e}']));
}

#[cfg(unix)]
#[test]
fn a_configuration_that_links_out_of_the_repository_is_not_read() {
    let mut outside = Tree::new();
    outside.file("private", "password of somebody else\n");
    let tree = Tree::new();
    std::os::unix::fs::symlink(
        outside.path().join("private"),
        tree.path().join(".glpatrol.yml"),
    )
    .unwrap();
    let run = tree.scan(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("leads out"), "{}", run.stderr);
    assert!(!run.stderr.contains("password"), "{}", run.stderr);
}

#[test]
fn standard_input_that_no_analysis_reads_is_an_error() {
    let run = Glpatrol::new()
        .args(["scan", "-", "--only", "ci"])
        .stdin("")
        .run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("`--only`"), "{}", run.stderr);
}

#[test]
fn a_bad_rule_file_stops_the_run_before_it_scans() {
    let mut tree = Tree::new();
    let rule = fs::read_to_string(root().join("rules/policies/environment-dump.yml")).unwrap();
    let rule = rule
        .replace("id: environment-dump", "id: my-dump")
        .replace("check: environment-dump", "check: enviroment-dump");
    tree.bytes("my-dump.yml", rule.as_bytes());
    let run = tree.scan(&["--rules", "my-dump.yml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("my-dump.yml:"), "{}", run.stderr);
    assert!(run.stderr.contains("environment-dump"), "{}", run.stderr);
    let run = tree.scan(&["--rules", "absent.yml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("absent.yml"), "{}", run.stderr);
}

#[test]
fn usage_errors_are_exit_2() {
    let tree = Tree::new();
    for args in [
        &["--fail-on", "terrible"][..],
        &["--only", "everything"],
        &["--as-of", "soon"],
        &["--format", "pdf"],
        &["--report", "sarif"],
        &["-i", "project_token=x.json"],
        &["--gitlab-version", "new"],
    ] {
        assert_eq!(tree.scan(args).code, 2, "{args:?}");
    }
}

#[test]
fn an_unwritable_place_is_told_before_the_scan() {
    let mut tree = Tree::new();
    tree.file("a.sh", LEAK);
    for place in ["absent/out.sarif", "."] {
        let run = tree.scan(&["-f", "sarif", "-o", place]);
        assert_eq!(run.code, 2, "{place}");
        assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_device_is_written_into_and_never_replaced_and_a_link_in_the_repository_is_refused() {
    use std::os::unix::fs::FileTypeExt as _;
    let mut tree = Tree::new();
    tree.file("a.sh", LEAK);
    let fifo = tree
        .path()
        .parent()
        .unwrap()
        .join(format!("glpatrol-{}.fifo", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if made.is_ok_and(|status| status.success()) {
        let reader = std::thread::spawn({
            let fifo = fifo.clone();
            move || fs::read_to_string(fifo).unwrap()
        });
        let run = tree.scan(&["-f", "json", "-o", fifo.to_str().unwrap()]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(reader.join().unwrap().contains("leaked-deploy-token"));
        assert!(fs::symlink_metadata(&fifo).unwrap().file_type().is_fifo());
        fs::remove_file(&fifo).unwrap();
    }
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path().join("x"), tree.path().join("link.sarif")).unwrap();
    let run = tree.scan(&["-f", "sarif", "-o", "link.sarif"]);
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(run.stderr.contains("link"), "{}", run.stderr);
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_crash_and_keeps_the_exit_code() {
    use std::process::Stdio;
    let mut tree = Tree::new();
    for number in 0..200 {
        tree.file(
            &format!("{number}.sh"),
            &LEAK.replace("legacy", &format!("legacy#{number}")),
        );
    }
    let mut call = Glpatrol::new().args(["scan", "."]).dir(tree.path());
    let mut child = call
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn bytes_that_are_no_text_are_searched_and_no_reason_to_panic() {
    let mut tree = Tree::new();
    let secret = {
        let mut other = Tree::new();
        other.file("x", "{{deploy_token/legacy}}");
        other.secrets[0].clone()
    };
    let mut bytes = vec![0xFF, 0xFE, 0, b'\n', 0x80];
    bytes.extend_from_slice(b"\x00=");
    bytes.extend_from_slice(secret.as_bytes());
    bytes.extend_from_slice(b"\x00\xFF");
    tree.bytes("binary.bin", &bytes)
        .bytes(".gitlab-ci.yml", b"job:\n  script: [\"\xFF\"]\n");
    let report = tree.report(&["--fail-on", "never"]);
    assert_eq!(
        report["findings"][0]["location"]["start"]["line"], 2,
        "{report}"
    );
    assert_eq!(problems(&report), ["unreadable .gitlab-ci.yml"]);
}
