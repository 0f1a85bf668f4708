//! The pages of `docs/rules`, made from the rule files so that nothing about a rule is written twice.
//!
//! `UPDATE=1 cargo test docs` rewrites them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use glpatrol::model::{Confidence, Evidence};
use glpatrol::rules::{Analysis, Body, Context, Example, Form, Rule, RuleBody, RuleSet, Segment};

use crate::harness::{root, rules};

const FOLDER: &str = "docs/rules";
const NOTE: &str = "<!-- Made from the rule files by `UPDATE=1 cargo test docs`; change those. -->";

/// A word for each analysis, in the order of the index.
const ANALYSES: [(Analysis, &str); 3] = [
    (Analysis::Leaks, "Leaked tokens"),
    (Analysis::Ci, "CI configuration"),
    (Analysis::Inventory, "Token inventories"),
];

#[test]
fn the_pages_of_the_rules_are_those_of_their_files() {
    let rules = rules();
    let mut pages: BTreeMap<String, String> = rules
        .iter()
        .map(|rule| (format!("{}.md", rule.id), page(rule)))
        .collect();
    pages.insert("README.md".to_owned(), index(&rules));

    let folder = root().join(FOLDER);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &pages {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let present: BTreeMap<String, String> = fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&present),
        names(&pages),
        "run `UPDATE=1 cargo test docs`"
    );
    for (name, text) in &pages {
        assert!(
            present[name] == *text,
            "{FOLDER}/{name} is stale: run `UPDATE=1 cargo test docs`"
        );
    }
}

#[test]
fn the_page_on_evidence_is_the_table_of_the_detector() {
    let source = fs::read_to_string(root().join("src/detect/evidence.rs")).unwrap();
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let text: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    let table: Vec<&str> = text
        .iter()
        .filter(|line| line.starts_with('|'))
        .copied()
        .collect();
    // Every piece of evidence has its row, and no row is of another.
    let rows: Vec<&str> = table[2..]
        .iter()
        .map(|row| row.split('`').nth(1).unwrap())
        .collect();
    let mut names: Vec<&str> = Evidence::ALL
        .iter()
        .map(|evidence| evidence.as_str())
        .collect();
    let mut sorted = rows.clone();
    names.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(sorted, names);
    let note =
        "<!-- Made from `src/detect/evidence.rs` by `UPDATE=1 cargo test docs`; change that. -->";
    let page = format!(
        "{note}\n\n# Evidence and confidence\n\n{}\n",
        text.join("\n").trim()
    );
    let path = root().join("docs/evidence.md");
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, &page).unwrap();
    }
    let present = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == page,
        "docs/evidence.md is stale: run `UPDATE=1 cargo test docs`"
    );
}

fn index(rules: &RuleSet) -> String {
    let mut page =
        format!("{NOTE}\n\n# Rules\n\n`glpatrol rules show RULE` tells the same offline.\n");
    for (analysis, heading) in ANALYSES {
        let rules: Vec<&Rule> = rules
            .iter()
            .filter(|rule| rule.analysis == analysis)
            .collect();
        let _ = write!(
            page,
            "\n## {heading}\n\n| Rule | Severity | Persona | |\n| --- | --- | --- | --- |\n"
        );
        for rule in rules {
            let _ = writeln!(
                page,
                "| [{0}]({0}.md) | {1} | {2} | {3} |",
                rule.id,
                rule.severity,
                rule.persona,
                cell(&rule.title)
            );
        }
    }
    page
}

fn page(rule: &Rule) -> String {
    let cwe: Vec<String> = rule
        .cwe
        .iter()
        .map(|cwe| format!("[CWE-{cwe}](https://cwe.mitre.org/data/definitions/{cwe}.html)"))
        .collect();
    let (_, analysis) = ANALYSES
        .iter()
        .find(|(analysis, _)| *analysis == rule.analysis)
        .unwrap();
    let mut page = format!(
        "{NOTE}\n\n# {id}\n\n{title}.\n\n| | |\n| --- | --- |\n| Part of a scan | {analysis} |\n\
         | Severity | {severity}, at most |\n| Confidence | {confidence}, at most |\n| Persona | {persona} |\n\
         | Weakness | {cwe} |\n| Since | {since} |\n\n## Why it matters\n\n{why}\n\n## What to do\n\n{fix}\n\n\
         ## What it looks for\n\n",
        id = rule.id,
        title = rule.title,
        severity = rule.severity,
        confidence = rule.confidence,
        persona = rule.persona,
        cwe = cwe.join(", "),
        since = rule.since,
        why = rule.why.trim(),
        fix = rule.fix.trim(),
    );
    match &rule.body {
        RuleBody::Detector(detector) => {
            page.push_str(
                "| Form | Found by | What follows | Confidence |\n| --- | --- | --- | --- |\n",
            );
            for form in &detector.forms {
                let _ = writeln!(
                    page,
                    "| {} | {} | {} | {} |",
                    form.name,
                    found_by(form),
                    cell(&body(&form.body)),
                    confidence(form, rule)
                );
            }
        }
        RuleBody::Check { name, params } if params.is_empty() => {
            let _ = writeln!(page, "The check `{name}`, which has no params.");
        }
        RuleBody::Check { name, params } => {
            let params = params.to_string();
            let _ = write!(
                page,
                "The check `{name}` with these params, which `rules:` of `.glpatrol.yml` changes:\n\n{}",
                block("yaml", &params)
            );
        }
    }
    page.push_str("\n## Examples\n\nTokens are placeholders, which the tests expand.\n");
    examples(&mut page, "It fires on", &rule.examples.fires);
    examples(&mut page, "It is silent on", &rule.examples.silent);
    page.push_str("\n## References\n\n");
    for reference in &rule.references {
        let _ = writeln!(page, "- <{reference}>");
    }
    page
}

fn examples(page: &mut String, heading: &str, examples: &[Example]) {
    let _ = writeln!(page, "\n### {heading}");
    for example in examples {
        let ending = example.file.rsplit('.').next().unwrap_or_default();
        let language = if ["yml", "json", "toml"].contains(&ending) {
            ending
        } else {
            "text"
        };
        let _ = write!(
            page,
            "\n{}:\n\n{}",
            example.name,
            block(language, &example.text)
        );
    }
}

/// A code block that nothing in `text` ends.
fn block(language: &str, text: &str) -> String {
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// The most that a finding of the form can have; without prefix nothing is certain.
fn confidence(form: &Form, rule: &Rule) -> Confidence {
    let most = if form.prefixes.is_empty() {
        Confidence::Medium
    } else {
        Confidence::High
    };
    form.confidence
        .unwrap_or(rule.confidence)
        .min(rule.confidence)
        .min(most)
}

fn found_by(form: &Form) -> String {
    let prefixes = form.prefixes.iter().map(|prefix| format!("`{prefix}`"));
    let context = form
        .context
        .map(|context| format!("context `{}`", Context::as_str(context)));
    prefixes.chain(context).collect::<Vec<_>>().join(" ")
}

fn body(body: &Body) -> String {
    match body {
        Body::RoutableV0 => "payload, length, checksum".to_owned(),
        Body::RoutableV1 => "payload, version, length, checksum".to_owned(),
        Body::Pattern(pattern) => format!("`{}`", pattern.as_str()),
        Body::Segments(segments) => {
            let pieces = segments.iter().map(|segment| match segment {
                Segment::Text(text) => format!("`{text}`"),
                Segment::Run { alphabet, min, max } => {
                    let alphabet = format!("{alphabet:?}").to_lowercase();
                    match (min, max) {
                        (min, max) if min == max => format!("{min} × {alphabet}"),
                        (min, max) => format!("{min} to {max} × {alphabet}"),
                    }
                }
            });
            pieces.collect::<Vec<_>>().join(", ")
        }
    }
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[test]
fn a_block_of_code_ends_at_its_own_fence() {
    assert_eq!(block("text", "a\n"), "```text\na\n```\n");
    assert_eq!(
        block("text", "```\na\n```"),
        "````text\n```\na\n```\n````\n"
    );
}
