//! Detectors of the user, from the rule file to the report.

use std::fs;

use crate::harness::{Glpatrol, Run, Tree};

/// A detector of a token that is none of GitLab's, with everything that a form can have.
const RULE: &str = r"id: leaked-acme-key
title: Acme key in plain text
severity: high
confidence: high
cwe: [798]
why: An acme key opens every warehouse.
fix: Revoke it in the acme console.
references: [https://keys.example/]
since: 0.1.0
detector:
  noun: acme key
  forms:
  - name: live
    prefixes: [acme_live_, ACME_KEY=]
    pattern: '[A-Z]{2}[0-9a-z]{24,30}'
    entropy: 3
  allow: [sandbox, '^acme_live_ZZ']
examples:
  fires:
  - {name: bare, text: 'key {{leaked-acme-key/live}}', points-at: '{{leaked-acme-key/live}}', confidence: high}
  - name: in two parts
    text: 'k = &quot;acme_live_&quot; + x'
  silent:
  - {name: part of a word, text: '{{leaked-acme-key/live|glued}}'}
  - {name: placeholder, text: '{{leaked-acme-key/live|placeholder}}'}
";

/// The rule file, with tokens to put into texts: `key(3)` is the third one.
struct Bench {
    tree: Tree,
}

impl Bench {
    fn new(rule: &str) -> Self {
        let mut tree = Tree::new();
        tree.bytes("rules/leaked-acme-key.yml", rule.as_bytes());
        Self { tree }
    }

    /// The rule without the example that is there to fail.
    fn good() -> Self {
        Self::new(&rule())
    }

    fn test(&self) -> Run {
        self.run(&["rules", "test", "rules"])
    }

    fn run(&self, args: &[&str]) -> Run {
        Glpatrol::new().args(args).dir(self.tree.path()).run()
    }

    fn findings(&mut self, text: &str) -> Vec<serde_json::Value> {
        self.tree.bytes("src/a.txt", text.as_bytes());
        let report = self
            .tree
            .report(&["--rules", "rules", "--confidence", "low", "src"]);
        report["findings"].as_array().unwrap().clone()
    }
}

fn rule() -> String {
    RULE.replace(
        "  - name: in two parts\n    text: 'k = &quot;acme_live_&quot; + x'\n",
        "",
    )
}

/// A body for the pattern; written so that no text of this repository has its shape.
fn body(seed: u64) -> String {
    let mut random = glpatrol::detect::specimen::SplitMix64::new(seed);
    format!("QX{}", random.run(glpatrol::rules::Alphabet::Base36, 26))
}

#[test]
fn the_examples_of_the_file_are_run() {
    let run = Bench::good().test();
    assert_eq!(
        (run.code, &*run.stdout),
        (0, "1 rule, 3 examples, 0 failed\n"),
        "{}",
        run.stderr
    );
    let run = Bench::new(RULE).test();
    assert_eq!(run.code, 1);
    assert!(
        run.stdout
            .contains("example `in two parts`: expected a finding, found none"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_token_is_found_masked_and_named_by_its_noun() {
    let mut bench = Bench::good();
    let body = body(1);
    let findings = bench.findings(&format!("one\nkey: acme_live_{body};\n"));
    assert_eq!(findings.len(), 1, "{findings:?}");
    let finding = &findings[0];
    assert_eq!(finding["rule"], "leaked-acme-key");
    assert_eq!(finding["message"], "acme key in plain text");
    assert_eq!(finding["severity"], "high");
    assert_eq!(finding["confidence"], "high");
    assert_eq!(
        finding["location"]["start"],
        serde_json::json!({"line": 2, "column": 6})
    );
    assert_eq!(finding["location"]["byte_length"], 10 + body.len());
    let token = &finding["token"];
    let mask = format!("acme_live_{}{}", "*".repeat(24), &body[24..]);
    assert_eq!(token["mask"], mask);
    assert_eq!(token["kinds"], serde_json::json!([]));
    assert_eq!(token["noun"], "acme key");
    assert_eq!(token["form"], "live");
    for format in ["human", "json", "sarif"] {
        let run = bench.tree.scan(&["--rules", "rules", "-f", format, "src"]);
        assert_eq!(run.code, 1);
        assert!(!run.stdout.contains(&body), "{format}");
        assert!(run.stdout.contains("acme key"), "{format}: {}", run.stdout);
    }
}

#[test]
fn boundaries_hold_on_both_sides() {
    let mut bench = Bench::good();
    let token = format!("acme_live_{}", body(2));
    for text in [
        format!("x{token}"),
        format!("my-{token}"),
        format!("{token}-x"),
        format!("{token}ABCDEF"),
        token[..30].to_owned(),
    ] {
        assert!(bench.findings(&text).is_empty(), "{text}");
    }
    for text in [
        token.clone(),
        format!("({token})"),
        format!("\\n{token}\\n"),
    ] {
        assert_eq!(bench.findings(&text).len(), 1, "{text}");
    }
}

#[test]
fn a_prefix_that_names_a_parameter_is_no_part_of_the_token() {
    let mut bench = Bench::good();
    let body = body(3);
    let findings = bench.findings(&format!("export ACME_KEY={body}\n"));
    assert_eq!(
        findings[0]["location"]["byte_length"],
        body.len(),
        "{findings:?}"
    );
    assert_eq!(findings[0]["location"]["start"]["column"], 17);
}

#[test]
fn tokens_in_parts_are_put_together() {
    let mut bench = Bench::good();
    let body = body(4);
    let findings = bench.findings(&format!("key = \"acme_live_\" + \"{body}\"\n"));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["confidence"], "medium");
}

#[test]
fn the_floor_and_the_allow_list_keep_values_out() {
    let mut bench = Bench::good();
    let random = body(5);
    assert_eq!(bench.findings(&format!("acme_live_{random}")).len(), 1);
    // 2.8 bits a character: under the floor, and nothing else speaks against it.
    let regular = "QX7kq7xk7qxq7kxqk7x7qkkx7qkxq";
    assert!(bench.findings(&format!("acme_live_{regular}")).is_empty());
    assert!(
        bench
            .findings(&format!("acme_live_QXsandbox{}", &random[9..]))
            .is_empty()
    );
    assert!(
        bench
            .findings(&format!("acme_live_ZZ{}", &random[2..]))
            .is_empty()
    );
    // Without them both are reported.
    let open = rule()
        .replace("    entropy: 3\n", "")
        .replace("  allow: [sandbox, '^acme_live_ZZ']\n", "");
    let mut bench = Bench::new(&open);
    for body in [regular.to_owned(), format!("ZZ{}", &random[2..])] {
        assert_eq!(
            bench.findings(&format!("acme_live_{body}")).len(),
            1,
            "{body}"
        );
    }
}

#[test]
fn built_in_detectors_go_on_beside_it() {
    let mut bench = Bench::good();
    bench
        .tree
        .file("src/b.sh", "token = {{deploy_token/legacy}}\n");
    let findings = bench.findings(&format!("acme_live_{}", body(6)));
    assert_eq!(findings.len(), 2, "{findings:?}");
}

#[test]
fn a_baseline_and_a_comment_hide_its_findings() {
    let mut bench = Bench::good();
    let comment = format!("# {}:ignore[leaked-acme-key] sample", "glpatrol");
    let findings = bench.findings(&format!("acme_live_{} {comment}", body(7)));
    assert_eq!(findings[0]["suppression"]["reason"], "sample");
    bench.findings(&format!("acme_live_{}", body(7)));
    let run = bench.run(&[
        "baseline",
        "create",
        "--rules",
        "rules",
        "-o",
        "known.yml",
        "src",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let args = ["--rules", "rules", "--baseline", "known.yml", "src"];
    assert_eq!(bench.tree.scan(&args).code, 0);
}

#[test]
fn inspect_knows_it_too() {
    let bench = Bench::good();
    let run = Glpatrol::new()
        .args(["inspect", "--rules", "rules"])
        .dir(bench.tree.path())
        .stdin(format!("acme_live_{}", body(8)))
        .run();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("acme key\n"), "{}", run.stdout);
    assert!(!run.stdout.contains("evidence"), "{}", run.stdout);
}

#[test]
fn show_tells_what_it_looks_for() {
    let run = Bench::good().run(&["rules", "show", "leaked-acme-key", "--rules", "rules"]);
    for line in [
        "form live: acme_live_ ACME_KEY=\n",
        "  pattern [A-Z]{2}[0-9a-z]{24,30}\n",
        "  entropy of at least 3 bits a character\n",
    ] {
        assert!(run.stdout.contains(line), "{}", run.stdout);
    }
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_mend_before_the_scan() {
    for (from, to, said) in [
        (
            "[0-9a-z]{24,30}",
            "[0-9a-z{24,30}",
            "rules/leaked-acme-key.yml:15:14: the pattern is not valid at its character 9: unclosed character \
             class\n  |     pattern: '[A-Z]{2}[0-9a-z{24,30}'\n  = help: the syntax is that of",
        ),
        (
            "{24,30}",
            "*",
            "rules/leaked-acme-key.yml:15:14: the pattern matches as little as 2 bytes, and a token has 8 at least",
        ),
        (
            "entropy: 3",
            "entropy: 6",
            "rules/leaked-acme-key.yml:16:14: `6` bits a character",
        ),
        (
            "[sandbox,",
            "['(',",
            "rules/leaked-acme-key.yml:17:11: the pattern is not valid",
        ),
        (
            "noun: acme key",
            "name: acme key",
            "rules/leaked-acme-key.yml:11:3: unknown key `name`",
        ),
    ] {
        let rule = rule();
        assert_eq!(rule.matches(from).count(), 1, "{from}");
        let bench = Bench::new(&rule.replace(from, to));
        fs::create_dir(bench.tree.path().join("src")).unwrap();
        let run = bench.tree.scan(&["--rules", "rules", "src"]);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{to}");
        assert!(
            run.stderr.starts_with(&format!("error: {said}")),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_pattern_of_a_gitlab_kind_keeps_the_kind() {
    let gitlab = rule()
        .replace("noun: acme key", "kinds: [deploy_token]")
        .replace("leaked-acme-key/live", "deploy_token/live");
    let mut bench = Bench::new(&gitlab);
    assert_eq!(bench.test().code, 0, "{}", bench.test().stdout);
    let findings = bench.findings(&format!("acme_live_{}", body(9)));
    assert_eq!(findings[0]["message"], "deploy token in plain text");
    assert_eq!(
        findings[0]["token"]["kinds"],
        serde_json::json!(["deploy_token"])
    );
}
