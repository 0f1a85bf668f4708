//! Completion scripts and manual pages.

use crate::harness::{Glpatrol, Run};

fn run(args: &[&str]) -> Run {
    Glpatrol::new().args(args).run()
}

#[test]
fn completions_know_commands_and_options_in_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let run = run(&["completions", shell]);
        assert_eq!((run.code, &*run.stderr), (0, ""), "{shell}");
        for word in ["baseline", "inspect", "fail-on", "prune"] {
            assert!(run.stdout.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(&["completions", "cmd"]).code, 2);
}

#[test]
fn every_command_has_a_page() {
    let page = run(&["man"]);
    assert_eq!(page.code, 0);
    assert!(page.stdout.contains(".TH glpatrol 1"), "{}", page.stdout);
    for command in [
        "scan",
        "baseline",
        "baseline create",
        "baseline update",
        "baseline prune",
        "inspect",
        "rules",
        "rules list",
        "rules show",
        "rules test",
        "completions",
        "man",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let page = run(&[&["man"], &words[..]].concat());
        let title = format!(".TH glpatrol-{} 1  \"glpatrol ", command.replace(' ', "-"));
        assert!(page.stdout.contains(&title), "{}", page.stdout);
        // No line of it is taken for a request that the writer did not mean.
        assert!(!page.stdout.contains("\n.glpatrol"), "{command}");
    }
}

#[test]
fn a_command_that_does_not_exist_has_none() {
    let wrong = run(&["man", "baselin"]);
    assert_eq!((wrong.code, &*wrong.stdout), (2, ""));
    assert_eq!(
        wrong.stderr,
        "error: `glpatrol` has no command `baselin`; did you mean `baseline`?\n"
    );
    let wrong = run(&["man", "baseline", "shrink"]);
    assert!(
        wrong
            .stderr
            .contains("`glpatrol baseline --help` lists them"),
        "{}",
        wrong.stderr
    );
}
