//! The examples of the built-in rule files, run by the one harness that `glpatrol rules test` uses.

use std::collections::BTreeSet;

use glpatrol::engine::{self, Failure};
use glpatrol::rules::RuleBody;

use crate::harness::{Glpatrol, root, rules};

#[test]
fn every_example_of_every_rule_holds() {
    let rules = rules();
    let mut failures = Vec::new();
    for rule in &rules {
        let trial = engine::try_examples(&rules, rule);
        assert!(trial.examples >= 2, "{} has too few examples", rule.id);
        failures.extend(
            trial
                .failures
                .into_iter()
                .map(|Failure { example, message }| format!("{}: {example}: {message}", rule.id)),
        );
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_form_of_every_detector_has_an_example_that_fires_and_a_near_miss() {
    let rules = rules();
    let mut missing = Vec::new();
    for rule in &rules {
        let RuleBody::Detector(detector) = &rule.body else {
            continue;
        };
        for form in &detector.forms {
            let named = |texts: &[glpatrol::rules::Example]| {
                texts
                    .iter()
                    .any(|example| example.text.contains(&format!("/{}", form.name)))
            };
            if !named(&rule.examples.fires) {
                missing.push(format!("{}: {} never fires", rule.id, form.name));
            }
            if !named(&rule.examples.silent) {
                missing.push(format!("{}: {} has no near miss", rule.id, form.name));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_rules_that_the_design_names_are_there() {
    let ids: BTreeSet<String> = rules().iter().map(|rule| rule.id.to_string()).collect();
    for id in [
        "debug-trace-enabled",
        "environment-dump",
        "token-in-url-query",
        "registry-login-password-argv",
        "job-token-in-private-token-header",
        "job-token-unreachable-endpoint",
        "token-over-insecure-transport",
        "personal-token-in-ci",
        "token-no-expiry",
        "token-expiry-window",
        "token-unused",
        "overbroad-scope",
        "role-scope-mismatch",
        "personal-token-for-automation",
    ] {
        assert!(ids.contains(id), "{id}");
    }
}

#[test]
fn the_file_of_a_built_in_rule_is_tried_in_its_place() {
    let file = root().join("rules/detectors/leaked-deploy-token.yml");
    let run = Glpatrol::new().args(["rules", "test"]).args([&file]).run();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("1 rule"), "{}", run.stdout);
    let run = Glpatrol::new()
        .args(["scan", "--rules"])
        .args([&file])
        .run();
    assert_eq!(run.code, 2, "{}", run.stdout);
    assert!(
        run.stderr.contains("belongs to a built-in rule"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_rule_file_of_the_user_runs_and_a_broken_example_fails() {
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(root().join("rules/detectors/leaked-deploy-token.yml"))
        .unwrap()
        .replace("leaked-deploy-token", "leaked-thing")
        .replace("gldt-", "gldx-")
        .replace("deploy_token/legacy", "deploy_token/legacy@gldx-");
    let file = dir.path().join("leaked-thing.yml");
    let run = || {
        Glpatrol::new()
            .args(["rules", "test", "leaked-thing.yml"])
            .dir(dir.path())
            .run()
    };
    std::fs::write(&file, &text).unwrap();
    assert_eq!(run().code, 0, "{}", run().stdout);
    let wrong = "  silent:\n  - {name: this one fires, text: 'x={{deploy_token/legacy@gldx-}}'}\n";
    std::fs::write(&file, text.replace("  silent:\n", wrong)).unwrap();
    assert_eq!(run().code, 1, "{}", run().stdout);
    assert!(run().stdout.contains("this one fires"), "{}", run().stdout);
}
