//! Baselines from end to end: made, used, updated, pruned, and refused.

use crate::harness::{Glpatrol, Run, Tree};

const LEAK: &str = "token = {{deploy_token/legacy}}\n";
const OTHER: &str = "token = {{deploy_token/legacy#2}}\n";

fn baseline(tree: &Tree, args: &[&str]) -> Run {
    Glpatrol::new()
        .args(["baseline"])
        .args(args)
        .args(["--as-of", "2026-11-20"])
        .dir(tree.path())
        .run()
}

/// A repository with a leak and a CI finding, both written down in `known.yml`.
fn known() -> Tree {
    let mut tree = Tree::new();
    tree.file(".git/HEAD", "ref: x")
        .file("src/a.sh", LEAK)
        .file(".gitlab-ci.yml", "job:\n  script:\n  - env\n");
    let run = baseline(&tree, &["create", "-o", "known.yml", "--reason", "old"]);
    assert_eq!((run.code, &*run.stdout), (0, ""), "{}", run.stderr);
    assert_eq!(run.stderr, "2 entries written to `known.yml`\n");
    tree
}

fn entries(tree: &Tree) -> Vec<String> {
    String::from_utf8(tree.read("known.yml"))
        .unwrap()
        .lines()
        .filter(|line| line.starts_with("- "))
        .map(str::to_owned)
        .collect()
}

fn digest(tree: &Tree, path: &str) -> String {
    let report = tree.report(&["--only", "leaks", path]);
    let digest = &report["findings"][0]["token"]["digest"];
    digest.as_str().unwrap().to_owned()
}

#[test]
fn a_baseline_holds_identities_and_no_place_in_a_file() {
    let tree = known();
    let digest = digest(&tree, "src/a.sh");
    assert_eq!(
        entries(&tree),
        [
            "- {rule: environment-dump, path: \".gitlab-ci.yml\", subject: \"job, env\", reason: \"old\"}"
                .to_owned(),
            format!("- {{rule: leaked-deploy-token, digest: \"{digest}\", reason: \"old\"}}"),
        ]
    );
    for secret in &tree.secrets {
        let text = String::from_utf8(tree.read("known.yml")).unwrap();
        assert!(!text.contains(&secret[5..]), "{text}");
    }
}

#[test]
fn what_is_known_is_hidden_wherever_it_moves_and_what_is_new_is_not() {
    let mut tree = known();
    tree.file("src/a.sh", &format!("\n\n{LEAK}"))
        .file("copy.sh", LEAK)
        .file(".gitlab-ci.yml", "# moved\njob:\n  script:\n  - env\n");
    let run = tree.scan(&["--baseline", "known.yml"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(
        run.stdout.contains("no findings; 2 suppressed"),
        "{}",
        run.stdout
    );

    tree.file("new.sh", OTHER);
    let report = tree.report(&["--baseline", "known.yml"]);
    let by: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (&finding["location"]["path"], &finding["suppression"]["by"]))
        .collect();
    let known = serde_json::json!("baseline");
    let path = |path: &str| serde_json::json!(path);
    assert_eq!(
        by,
        [
            (&path("copy.sh"), &known),
            (&path("new.sh"), &serde_json::Value::Null),
            (&path(".gitlab-ci.yml"), &known),
        ]
    );
    assert_eq!(tree.scan(&["--baseline", "known.yml"]).code, 1);
    // A baseline is named by whoever runs the scan, not by the repository.
    assert_eq!(
        tree.scan(&["--untrusted", "--baseline", "known.yml", ".gitlab-ci.yml"])
            .code,
        0
    );
}

#[test]
fn sarif_keeps_what_is_known_and_says_what_is_new() {
    let mut tree = known();
    tree.file("new.sh", OTHER);
    let run = tree.scan(&["-f", "sarif", "--baseline", "known.yml"]);
    let log: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let states: Vec<_> = log["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            (
                &result["baselineState"],
                &result["suppressions"][0]["justification"],
            )
        })
        .collect();
    let (new, unchanged) = (serde_json::json!("new"), serde_json::json!("unchanged"));
    let (old, none) = (serde_json::json!("old"), serde_json::Value::Null);
    assert_eq!(
        states,
        [(&new, &none), (&unchanged, &old), (&unchanged, &old)]
    );
    let plain = tree.scan(&["-f", "sarif"]).stdout;
    assert!(!plain.contains("baselineState"), "{plain}");
}

#[test]
fn an_entry_with_a_path_hides_there_alone() {
    let mut tree = known();
    let digest = digest(&tree, "src/a.sh");
    tree.file("copy.sh", LEAK).bytes(
        "here.yml",
        format!(
            "glpatrol: baseline/v1\nentries:\n- {{rule: leaked-deploy-token, path: src/a.sh, digest: \"{digest}\", reason: sample}}\n"
        )
        .as_bytes(),
    );
    let args = ["--only", "leaks", "--baseline", "here.yml"];
    let report = tree.report(&args);
    assert_eq!(report["findings"][0]["location"]["path"], "copy.sh");
    assert!(report["findings"][0]["suppression"].is_null(), "{report}");
    std::fs::remove_file(tree.path().join("copy.sh")).unwrap();
    assert_eq!(tree.scan(&args).code, 0);
}

#[test]
fn update_adds_what_is_new_and_keeps_reasons() {
    let mut tree = known();
    tree.file("new.sh", OTHER);
    std::fs::remove_file(tree.path().join(".gitlab-ci.yml")).unwrap();
    let args = ["update", "--baseline", "known.yml"];
    let run = baseline(&tree, &[&args[..], &["-o", "-"]].concat());
    assert_eq!(run.stdout.matches("\n- ").count(), 3, "{}", run.stdout);
    assert_eq!(entries(&tree).len(), 2);
    let run = baseline(&tree, &args);
    assert_eq!(run.code, 0);
    assert_eq!(
        run.stderr,
        "1 entry added to `known.yml`; of no use any more: 1 entry, which `glpatrol baseline prune` drops\n"
    );
    let entries = entries(&tree);
    let with = |reason: &str| entries.iter().filter(|line| line.contains(reason)).count();
    assert_eq!(
        (with("\"old\""), with("not judged yet")),
        (2, 1),
        "{entries:?}"
    );
    assert!(entries.is_sorted(), "{entries:?}");
    // Nothing is new: not a byte changes.
    let before = tree.read("known.yml");
    assert_eq!(baseline(&tree, &args).code, 0);
    assert_eq!(tree.read("known.yml"), before);
}

#[test]
fn stale_entries_are_told_by_a_scan_and_dropped_by_prune() {
    let tree = known();
    std::fs::remove_file(tree.path().join("src/a.sh")).unwrap();
    let scan = tree.scan(&["--baseline", "known.yml"]);
    assert_eq!(scan.code, 0);
    assert!(
        scan.stdout
            .contains("known.yml:6:3: baseline entry hides nothing"),
        "{}",
        scan.stdout
    );
    // A run that did not look for it does not call it stale, and does not drop it.
    for args in [&["--only", "ci"][..], &[".gitlab-ci.yml"]] {
        let args = [&["--baseline", "known.yml"], args].concat();
        assert!(!tree.scan(&args).stdout.contains("hides nothing"));
        assert_eq!(baseline(&tree, &[&["prune"], &args[..]].concat()).code, 0);
        assert_eq!(entries(&tree).len(), 2);
    }
    let run = baseline(&tree, &["prune", "--baseline", "known.yml"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.stderr, "1 entry dropped, 1 kept in `known.yml`\n");
    assert!(entries(&tree)[0].contains("environment-dump"));
}

#[test]
fn prune_drops_nothing_after_an_incomplete_run() {
    let mut tree = known();
    std::fs::remove_file(tree.path().join("src/a.sh")).unwrap();
    tree.file(".gitlab-ci.yml", "job: [\n");
    let before = tree.read("known.yml");
    let run = baseline(&tree, &["prune", "--baseline", "known.yml"]);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.contains("error[ci-syntax]: .gitlab-ci.yml:1:6")
            && run
                .stderr
                .contains("nothing pruned: what could not be read"),
        "{}",
        run.stderr
    );
    assert_eq!(tree.read("known.yml"), before);
}

#[test]
fn an_entry_of_a_rule_that_the_run_does_not_have_is_told_and_kept() {
    let mut tree = known();
    let line = "- {rule: leaked-deploy-tokn, subject: x, reason: y}\n";
    let text = String::from_utf8(tree.read("known.yml")).unwrap() + line;
    tree.bytes("known.yml", text.as_bytes());
    let report = tree.report(&["--baseline", "known.yml"]);
    assert_eq!(
        report["unused_suppressions"],
        serde_json::json!([{
            "by": "baseline", "path": "known.yml", "base": "source-root",
            "position": {"line": 7, "column": 3},
            "message": "names `leaked-deploy-tokn`, which is no rule; did you mean `leaked-deploy-token`?",
        }])
    );
    baseline(&tree, &["prune", "--baseline", "known.yml"]);
    assert_eq!(entries(&tree).len(), 3);
}

#[test]
fn what_other_suppressions_hide_does_not_get_into_a_baseline() {
    let mut tree = known();
    tree.file("b.sh", &OTHER.replace('\n', " # gitleaks:allow\n"));
    let run = baseline(&tree, &["create"]);
    assert_eq!(run.stdout.matches("\n- ").count(), 2, "{}", run.stdout);
}

#[test]
fn an_existing_baseline_is_not_overwritten_by_create() {
    let tree = known();
    let before = tree.read("known.yml");
    let run = baseline(&tree, &["create", "-o", "known.yml"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .contains("`glpatrol baseline update --baseline known.yml`"),
        "{}",
        run.stderr
    );
    assert_eq!(tree.read("known.yml"), before);
}

#[test]
fn a_file_that_is_no_baseline_stops_the_run_before_it_scans() {
    let mut tree = known();
    tree.bytes("empty.yml", b"").bytes(
        "typo.yml",
        b"glpatrol: baseline/v1\nentries:\n- {rule: a-b, subject: x, reasn: y}\n",
    );
    for (file, said) in [
        ("empty.yml", "error: empty.yml: the baseline is empty\n"),
        ("typo.yml", "error: typo.yml:3:27: unknown key `reasn`\n"),
        ("absent.yml", "error: absent.yml: cannot be read"),
        ("src", "error: src: is a folder"),
    ] {
        let scan = tree.scan(&["--baseline", file]);
        assert_eq!((scan.code, &*scan.stdout), (2, ""), "{file}");
        assert!(scan.stderr.starts_with(said), "{}", scan.stderr);
        let run = baseline(&tree, &["prune", "--baseline", file, "-o", "-"]);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{file}");
    }
}
