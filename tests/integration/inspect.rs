//! `glpatrol inspect`: what it says, what it never says, exit codes.

use glpatrol::detect::specimen::{SplitMix64, expand, make};
use glpatrol::rules::RuleBody;
use glpatrol::rules::knowledge::KnowledgeBase;
use serde_json::Value;

use crate::harness::{Glpatrol, Run, rules};

fn token(placeholder: &str) -> String {
    expand(placeholder, &rules(), 7).unwrap()
}

fn inspect(args: &[&str], input: &str) -> Run {
    Glpatrol::new()
        .args(["inspect"])
        .args(args)
        .stdin(input)
        .run()
}

fn json(input: &str) -> (i32, Value) {
    let run = inspect(&["-f", "json"], input);
    let value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    (run.code, value)
}

#[test]
fn a_routable_token_is_proven_and_its_ids_are_read() {
    let token = token("{{personal_access_token/routable-v1}}");
    let run = inspect(&[], &format!("{token}\n"));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    for word in [
        "personal access token",
        "routable-v1, made since 2025-04",
        "a GitLab instance made this token",
        "organization 1",
        "digest",
        "DELETE /personal_access_tokens/:id",
        "the value does not tell which of these it is",
    ] {
        assert!(run.stdout.contains(word), "{word}\n{}", run.stdout);
    }
    let (code, value) = json(&token);
    assert_eq!((code, &value["is_token"]), (0, &Value::Bool(true)));
    assert_eq!(value["schema"], "glpatrol/inspection/v1");
    assert_eq!(value["token"]["checksum"], "verified");
    assert!(value["token"]["routing"]["user"].is_u64());
    assert_eq!(value["kinds"][0]["id"], "personal_access_token");
    assert_eq!(
        value["kinds"][0]["made"],
        "since 2025-04, by default since 18.3"
    );
}

#[test]
fn no_form_of_any_token_is_shown_beyond_its_mask() {
    let rules = rules();
    let mut random = SplitMix64::new(11);
    let mut forms = 0;
    for rule in &rules {
        let RuleBody::Detector(detector) = &rule.body else {
            continue;
        };
        for form in &detector.forms {
            // Without a prefix nothing tells what it is but its place.
            let Some(prefix) = form.prefixes.first() else {
                continue;
            };
            let kind = *form.kinds.first().unwrap_or(&detector.kinds[0]);
            let made = make(kind, form, prefix, None, &mut random).unwrap();
            for format in ["human", "json"] {
                let run = inspect(&["-f", format], &made.text);
                assert_eq!(run.code, 0, "{}: {}{}", form.name, run.stdout, run.stderr);
                // Eight characters of it anywhere would be more than the mask's four.
                let said = format!("{}{}", run.stdout, run.stderr);
                let secret = made.secret().as_bytes();
                let shown = secret
                    .windows(8)
                    .any(|part| said.as_bytes().windows(8).any(|text| text == part));
                assert!(!shown, "{} {}", rule.id, form.name);
            }
            forms += 1;
        }
    }
    assert!(forms > 25, "{forms}");
}

#[test]
fn the_shape_alone_is_told_as_such() {
    let broken = token("{{personal_access_token/routable-v1|broken}}");
    let run = inspect(&[], &broken);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("nothing proves it"), "{}", run.stdout);
    assert!(run.stdout.contains("damaged"), "{}", run.stdout);
    let (code, value) = json(&broken);
    assert_eq!((code, &value["is_token"]), (1, &Value::Bool(false)));
    assert_eq!(value["token"]["confidence"], "low");
}

#[test]
fn what_is_no_token_is_exit_1() {
    for text in ["hello", "glpat-", "ghp_0123", "\u{1b}[2J", "a b c"] {
        let run = inspect(&[], text);
        assert_eq!(run.code, 1, "{text}");
        assert!(
            run.stdout.starts_with("not a GitLab token"),
            "{}",
            run.stdout
        );
        assert!(!run.stdout.contains('\u{1b}'));
    }
    let (code, value) = json("hello");
    assert_eq!((code, &value["token"]), (1, &Value::Null));
}

#[test]
fn a_variable_of_the_environment_is_read() {
    let token = token("{{deploy_token/legacy}}");
    let mut program = Glpatrol::new().args(["inspect", "--env", "SOME_TOKEN"]);
    program.command().env("SOME_TOKEN", &token);
    let run = program.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.starts_with("deploy token\n"), "{}", run.stdout);
}

#[test]
fn a_token_as_an_argument_is_refused_and_not_repeated() {
    let token = token("{{deploy_token/legacy}}");
    let hidden = &token[token.len() - 12..];
    for args in [
        vec![token.as_str()],
        vec!["--env", token.as_str()],
        vec!["-f", "json", "x", token.as_str()],
    ] {
        let run = inspect(&args, "");
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(!run.stderr.contains(hidden), "repeats the token");
        assert_eq!(run.stdout, "");
    }
    let run = inspect(&[&token], "");
    assert!(
        run.stderr.contains("history of the shell"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("--env"), "{}", run.stderr);
}

#[test]
fn what_cannot_be_read_is_exit_2() {
    for (args, input) in [
        (vec![], ""),
        (vec![], "\n"),
        (vec!["--env", "NOT_SET"], ""),
        (vec!["--env", ""], ""),
    ] {
        let run = inspect(&args, input);
        assert_eq!(run.code, 2, "{args:?} {}", run.stdout);
        assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    }
    let run = inspect(&[], &"x".repeat(70_000));
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("longer than any token"));
}

#[test]
fn releases_are_told_of_forms_that_exist() {
    let rules = rules();
    let forms = |kind| {
        rules
            .iter()
            .filter_map(|rule| match &rule.body {
                RuleBody::Detector(detector) if detector.kinds.contains(&kind) => Some(detector),
                _ => None,
            })
            .flat_map(|detector| detector.forms.iter().map(|form| form.name.as_str()))
            .collect::<Vec<_>>()
    };
    let knowledge = KnowledgeBase::new();
    for facts in knowledge.kinds() {
        for form in facts.made.keys() {
            assert!(forms(facts.kind).contains(&form.as_str()), "{form}");
        }
    }
    assert!(knowledge.kinds().iter().any(|facts| !facts.made.is_empty()));
}
