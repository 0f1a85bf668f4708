//! The whole of a repository's history from end to end.

use crate::git::Repo;

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
