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
