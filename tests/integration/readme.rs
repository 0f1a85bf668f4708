//! The README tells the truth: its commands are those of CI, its options exist.

use std::fs;

use regex::Regex;

use crate::harness::{Glpatrol, root};

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn ci_runs_the_test_command_of_the_readme() {
    let readme = readme();
    let command = readme
        .split("```console\n")
        .skip(1)
        .map(|block| block.lines().next().unwrap())
        .find(|line| line.starts_with("cargo test"))
        .expect("the README has a test command");
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(
        script.lines().any(|line| line.ends_with(command)),
        "`{command}` is not in .ci/run"
    );
}

#[test]
fn options_in_documents_exist() {
    let help: String = [
        &["scan"][..],
        &["inspect"],
        &["merge"],
        &["baseline", "create"],
    ]
    .iter()
    .map(|command| Glpatrol::new().args(*command).args(["--help"]).run().stdout)
    .collect();
    let option = Regex::new(r"(?:^|[\s`])(--[a-z][a-z-]+)").unwrap();
    let documents = [
        "README.md",
        "action.yml",
        ".pre-commit-hooks.yaml",
        "docs/many-repositories.md",
    ];
    for document in documents {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for line in text
            .lines()
            .filter(|line| line.contains("glpatrol") || line.contains('|'))
        {
            if line.contains("cargo ") {
                continue;
            }
            for hit in option.captures_iter(line) {
                assert!(help.contains(&hit[1]), "{document} names {}", &hit[1]);
            }
        }
    }
}

#[test]
fn every_option_has_help() {
    let help = Glpatrol::new().args(["scan", "--help"]).run().stdout;
    for name in [
        "--only",
        "--format",
        "--output",
        "--report",
        "--fail-on",
        "--confidence",
        "--persona",
        "--config",
        "--rules",
        "--inventory",
        "--gitlab-version",
        "--as-of",
        "--untrusted",
        "--jobs",
        "--quiet",
        "--verbose",
        "--color",
        "--no-progress",
        "--allow-incomplete",
    ] {
        assert!(help.contains(name), "{name}");
    }
    assert!(help.contains("Exit codes: 0 clean"), "{help}");
}
