//! Suppressions from end to end.

use crate::harness::Tree;

const LEAK: &str = "token = {{deploy_token/legacy}}";

#[test]
fn an_inline_comment_hides_a_leak_and_keeps_it_in_machine_formats() {
    let mut tree = Tree::new();
    // The marker is put together here so that this file holds no suppression of its own.
    let comment = format!(
        "# {}:ignore[leaked-deploy-token] revoked sample",
        "glpatrol"
    );
    tree.file("a.sh", &format!("{LEAK} {comment}\n"));
    let run = tree.scan(&[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let report = tree.report(&[]);
    assert_eq!(
        report["findings"][0]["suppression"]["reason"],
        "revoked sample"
    );
    assert_eq!(tree.scan(&["--untrusted"]).code, 1);
}

#[test]
fn a_comment_without_reason_hides_nothing_and_says_so() {
    let mut tree = Tree::new();
    tree.file(
        "a.sh",
        &format!("{LEAK} # {}:ignore[leaked-deploy-token]\n", "glpatrol"),
    );
    let run = tree.scan(&["-v"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("gives no reason"), "{}", run.stdout);
}

#[test]
fn a_token_hidden_in_one_place_is_reported_at_the_other() {
    let mut tree = Tree::new();
    let comment = format!("# {}:ignore[leaked-deploy-token] sample", "glpatrol");
    tree.file("a.sh", &format!("{LEAK} {comment}\n"))
        .file("b.sh", &format!("{LEAK}\n"));
    let report = tree.report(&[]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    assert_eq!(report["findings"][0]["location"]["path"], "b.sh");
    assert!(report["findings"][0]["suppression"].is_null());
}

#[test]
fn config_entries_hide_by_path_and_digest_and_unused_ones_are_told() {
    let mut tree = Tree::new();
    tree.file("docs/a.md", LEAK)
        .file("src/b.sh", "token = {{deploy_token/legacy#2}}");
    let digest = {
        let report = tree.report(&["docs"]);
        report["findings"][0]["token"]["digest"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let config = format!(
        "ignore:\n\
         - {{path: \"docs/**\", digest: {digest}, reason: sample}}\n\
         - {{rule: leaked-feed-token, reason: stale}}\n"
    );
    tree.bytes(".glpatrol.yml", config.as_bytes());
    let report = tree.report(&[]);
    let findings = report["findings"].as_array().unwrap();
    let hidden: Vec<_> = findings
        .iter()
        .filter(|finding| !finding["suppression"].is_null())
        .collect();
    assert_eq!((findings.len(), hidden.len()), (2, 1), "{report}");
    assert_eq!(hidden[0]["location"]["path"], "docs/a.md");
    assert_eq!(
        report["unused_suppressions"][0]["position"]["line"], 3,
        "{report}"
    );
    assert_eq!(
        tree.report(&["--untrusted"])["unused_suppressions"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn a_ci_finding_is_hidden_by_a_comment_above_it() {
    let mut tree = Tree::new();
    let marker = format!(
        "# {}:ignore[environment-dump] debugging the runner image",
        "glpatrol"
    );
    tree.file(
        ".gitlab-ci.yml",
        &format!("job:\n  script:\n    {marker}\n    - env\n"),
    );
    let run = tree.scan(&[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(tree.scan(&["--untrusted"]).code, 1);
}

#[test]
fn comments_of_other_scanners_hide_leaks_and_are_never_told_as_unused() {
    let mut tree = Tree::new();
    tree.file(
        "a.sh",
        &format!(
            "{LEAK} # gitleaks:allow\n# pragma: allowlist nextline secret\n{}\n# trufflehog:ignore\n",
            LEAK.replace("legacy", "legacy#2")
        ),
    );
    let run = tree.scan(&["-v"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(
        run.stdout.contains("(comment: gitleaks:allow)"),
        "{}",
        run.stdout
    );
    let report = tree.report(&[]);
    assert_eq!(report["unused_suppressions"], serde_json::json!([]));
    assert_eq!(
        report["findings"][1]["suppression"]["reason"],
        "pragma: allowlist nextline secret"
    );
    assert_eq!(tree.scan(&["--untrusted"]).code, 1);
}

#[test]
fn comments_of_other_scanners_hide_no_policy_finding() {
    let mut tree = Tree::new();
    tree.file(
        ".gitlab-ci.yml",
        "job:\n  script:\n    - env # gitleaks:allow\n",
    );
    assert_eq!(tree.scan(&[]).code, 1);
}

#[test]
fn gitleaksignore_hides_the_leaks_of_its_lines() {
    let mut tree = Tree::new();
    let commit = "0a".repeat(20);
    tree.file("src/a.sh", &format!("\n{LEAK}\n"))
        .file("b.sh", "{{deploy_token/legacy#2}}\n")
        .bytes(
            ".gitleaksignore",
            format!("# known\nsrc/a.sh:gitlab-deploy-token:2\n{commit}:b.sh:generic-api-key:1\nc:gitlab-pat:9\n")
                .as_bytes(),
        );
    let report = tree.report(&[]);
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["suppression"]["by"], "configuration", "{report}");
        assert_eq!(finding["suppression"]["reason"], ".gitleaksignore");
    }
    assert_eq!(report["unused_suppressions"], serde_json::json!([]));
    assert_eq!(tree.scan(&["--untrusted"]).code, 1);
    // Another line, or a rule that means another vendor's secret.
    tree.bytes(
        ".gitleaksignore",
        b"src/a.sh:gitlab-deploy-token:3\nb.sh:aws-access-token:1\n",
    );
    assert_eq!(tree.scan(&[]).code, 1);
    let findings = tree.report(&[])["findings"].clone();
    assert!(
        findings
            .as_array()
            .unwrap()
            .iter()
            .all(|finding| finding["suppression"].is_null())
    );
}

#[test]
fn a_place_beyond_the_listed_ones_is_not_hidden_by_them() {
    let mut tree = Tree::new();
    let hidden = format!("{LEAK} # gitleaks:allow\n").repeat(150);
    tree.file("a.sh", &format!("{hidden}{LEAK}\n"));
    let run = tree.scan(&[]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    let report = tree.report(&[]);
    let finding = &report["findings"][0];
    assert_eq!(finding["location"]["start"]["line"], 151);
    assert_eq!(finding["occurrences"], 151);
    assert_eq!(finding["related"].as_array().unwrap().len(), 100);
}

/// The messages about suppressions of no use.
fn unused(tree: &Tree, args: &[&str]) -> Vec<String> {
    tree.report(args)["unused_suppressions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|unused| unused["message"].as_str().unwrap().to_owned())
        .collect()
}

/// A comment for `rule`; put together here so that this file holds no suppression of its own.
fn comment(rule: &str) -> String {
    format!("# {}:ignore[{rule}] known", "glpatrol")
}

#[test]
fn only_what_the_run_tried_is_called_unused() {
    let mut tree = Tree::new();
    let dump = comment("environment-dump");
    tree.file("a.sh", &format!("x {}\n", comment("leaked-deploy-token")))
        .file(".gitlab-ci.yml", &format!("job:\n  script:\n  - id {dump}\n"))
        .file("src/b.sh", &format!("y {dump}\n"))
        .file(
            ".glpatrol.yml",
            "ignore:\n- {path: src/**, reason: generated}\n- {rule: environment-dump, reason: old}\n",
        )
        .file(".git/HEAD", "ref: refs/heads/main\n");
    assert_eq!(unused(&tree, &[]).len(), 5);
    assert_eq!(
        unused(&tree, &["--only", "leaks"]),
        ["for `leaked-deploy-token` hides nothing"]
    );
    assert_eq!(unused(&tree, &["--only", "ci"]).len(), 3);
    assert_eq!(unused(&tree, &["src"]), [""; 0]);
    assert_eq!(
        unused(&tree, &[".gitlab-ci.yml"]),
        ["for `environment-dump` hides nothing"]
    );

    // What could not be read may be what a suppression is there for.
    tree.bytes(".gitlab-ci.yml", b"job: [\n");
    assert_eq!(unused(&tree, &[]), [""; 0]);
}

#[test]
fn a_comment_for_a_finding_that_the_options_do_not_show_is_used() {
    let mut tree = Tree::new();
    tree.file(
        "a.sh",
        &format!(
            "token = {{{{deploy_token/legacy|alphabet}}}} {}\n",
            comment("leaked-deploy-token")
        ),
    );
    let report = tree.report(&["--confidence", "high"]);
    assert_eq!(report["findings"].as_array().unwrap().len(), 0);
    assert_eq!(unused(&tree, &["--confidence", "high"]), [""; 0]);
}

#[test]
fn a_comment_that_names_no_rule_of_ours_is_told_with_what_was_meant() {
    let mut tree = Tree::new();
    tree.file(
        "a.sh",
        &format!("{LEAK} {}\n", comment("leaked-deploy-tokn")),
    );
    let told = "names `leaked-deploy-tokn`, which is no rule; did you mean `leaked-deploy-token`?";
    assert_eq!(unused(&tree, &["--only", "ci"]), [told]);
    assert_eq!(unused(&tree, &[]), [told]);
}
