//! Configurations that are made to do harm.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{job, repository, root, script};
use crate::ci::ConfigKind;
use crate::model::{ProblemClass, Span};

/// `x0` is a list of ten words, each `xN` a list of ten times the one before.
fn laughs(levels: usize, use_of: &str) -> String {
    let mut text = format!("x0: &x0 [{}]\n", ["lol"; 10].join(", "));
    for level in 1..levels {
        let alias = format!("*x{}", level - 1);
        writeln!(
            text,
            "x{level}: &x{level} [{}]",
            [alias.as_str(); 10].join(", ")
        )
        .unwrap();
    }
    write!(text, "{use_of}").unwrap();
    text
}

#[test]
fn multiplying_configurations_end_at_a_limit() {
    let merges = (1..60).fold("m0: &m0 {a0: 1}\n".to_owned(), |mut text, level| {
        let below = format!("*m{}", level - 1);
        writeln!(
            text,
            "m{level}: &m{level} {{a{level}: {below}, b{level}: {below}, c: {below}}}"
        )
        .unwrap();
        text
    });
    let references = (1..9).fold(".r0:\n  script: [x]\n".to_owned(), |mut text, level| {
        let below = format!("!reference [.r{}, script]", level - 1);
        let many = [below.as_str(); 20].join(", ");
        write!(text, ".r{level}:\n  script: [{many}]\n").unwrap();
        text
    });
    let variables = (0..3_000).fold(String::new(), |mut text, number| {
        writeln!(text, "    V{number}: x").unwrap();
        text
    });
    let jobs = (0..3_000).fold(String::new(), |mut text, number| {
        write!(
            text,
            "j{number}:\n  extends: .base\n  variables: {{A: b}}\n"
        )
        .unwrap();
        text
    });
    for text in [
        laughs(9, "job:\n  script: *x8\n"),
        format!(
            "{merges}.a: *m59\n.b: *m59\njob:\n  extends: [.a, .b]\n  script: x\n  variables: *m59\n"
        ),
        format!("{references}job:\n  script: [!reference [.r8, script]]\n"),
        format!(".base:\n  script: x\n  variables:\n{variables}{jobs}"),
    ] {
        let resolved = root(&text);
        let limits = resolved
            .problems
            .iter()
            .filter(|problem| problem.class == ProblemClass::Limit)
            .count();
        assert!(limits <= 1);
        assert!(limits == 1 || text.contains("*m59"), "{}", &text[..60]);
    }
}

#[test]
fn depth_ends_at_a_limit() {
    let deep = format!(
        "job:\n  script: x\n  a: {}{}\n",
        "[".repeat(120),
        "]".repeat(120)
    );
    let resolved = root(&deep);
    assert_eq!(resolved.problems[0].class, ProblemClass::Limit);
    assert_eq!(script(job(&resolved, "job")), ["x"]);

    let hostile = format!("job:\n  script: x\n  a: {}", "[".repeat(100_000));
    let resolved = root(&hostile);
    assert_eq!(resolved.problems[0].class, ProblemClass::Limit);
    assert_eq!(script(job(&resolved, "job")), ["x"]);

    // Each alias adds a hundred levels to what it names.
    let chained = (1..500).fold("a0: &a0 x\n".to_owned(), |mut text, step| {
        let (open, close) = ("[".repeat(99), "]".repeat(99));
        writeln!(text, "a{step}: &a{step} {open}*a{}{close}", step - 1).unwrap();
        text
    });
    assert_eq!(root(&chained).problems[0].class, ProblemClass::Limit);
}

#[test]
fn long_names_are_cut_in_messages_and_routes() {
    let name = "n".repeat(100_000);
    let items = "  - a\n".repeat(2_000);
    let references = format!("  - !reference [*n, {name}]\n").repeat(20);
    let resolved = root(&format!(
        ".a: &n {name}\n? {name}\n: extends: [{}]\n  script:\n{items}{references}",
        "*n,".repeat(2_000)
    ));
    assert!(resolved.problems.len() > 20);
    assert!(
        resolved
            .problems
            .iter()
            .all(|problem| problem.message.len() < 400)
    );
    assert!(
        resolved.jobs[0]
            .scripts
            .iter()
            .all(|item| item.route.len() < 400)
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let resolved = root(&"# x\n".repeat(5 << 20));
    assert_eq!(resolved.problems.len(), 1);
    assert_eq!(resolved.problems[0].class, ProblemClass::Limit);
}

proptest! {
    /// Lines that mean something, in any order and depth.
    #[test]
    fn no_configuration_panics(lines in prop::collection::vec((0usize..4, prop::sample::select(vec![
        "job:", ".a: &a", "extends: .a", "extends: [.a, job]", "script:", "- x", "- !reference [.a, script]", "- *a", "<<: *a",
        "include: a.yml", "include: '*.yml'", "trigger: {include: a.yml}", "variables:", "X: y", "X:", "default:", "rules:",
        "- variables: {A: $X}", "before_script: |", "inherit: {default: false}", "\tx", "- [[a], 'b']", "? [k]", "---", "&x *a",
    ])), 0..24)) {
        let mut text = String::new();
        for (depth, line) in lines {
            writeln!(text, "{}{line}", "  ".repeat(depth)).unwrap();
        }
        let repository = repository(&[(".gitlab-ci.yml", text.as_str()), ("a.yml", text.as_str())]);
        let resolved = repository.resolve(ConfigKind::Fragment);
        for item in resolved.jobs.iter().flat_map(|job| &job.scripts) {
            let _ = repository.cut(&item.site(Span::new(0, item.text.len())));
        }
        for variable in &resolved.variables {
            let _ = (repository.cut(&variable.site), repository.cut(&variable.entry));
        }
    }
}
