//! Judges facts by rules.
//!
//! A *rule* (a file under `rules/policies`) names a *check* (a type here) and gives it params. Checks
//! are pure functions of a [`Context`]: they read no file, parse nothing and know neither the CI
//! configuration nor the inventory formats, only [`Facts`].

mod checks;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;

use crate::model::{Confidence, Facts, Persona, Severity, SourceId, Violation};
use crate::rules::knowledge::KnowledgeBase;
use crate::rules::strict::ParamError;
use crate::rules::{CheckError, Params, Rule, RuleBody, RuleSet, Settings};

pub use checks::CHECKS;

/// What checks judge by.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What configurations and inventories say.
    pub facts: &'a Facts,
    /// What GitLab is known to do.
    pub knowledge: &'a KnowledgeBase,
    /// What the configuration says of the instance.
    pub settings: &'a Settings,
    /// The day that "today" means; checks read no clock.
    pub today: Date,
}

/// One compiled check, ready to run with the params of a rule.
pub trait Check {
    /// Appends what it finds. The order does not matter; the engine sorts.
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>);
}

/// The entry of a check in [`CHECKS`].
#[derive(Clone, Copy)]
pub struct CheckDef {
    /// The name that rule files use.
    pub name: &'static str,
    /// Reads the params and makes the check.
    pub build: fn(&Params) -> Result<Box<dyn Check>, ParamError>,
}

/// The [`crate::rules::CheckValidator`] of the compiled checks.
pub fn validate(name: &str, params: &Params) -> Result<(), CheckError> {
    let Some(check) = CHECKS.iter().find(|check| check.name == name) else {
        return Err(CheckError::Unknown {
            known: CHECKS.iter().map(|check| check.name).collect(),
        });
    };
    (check.build)(params).map(drop).map_err(CheckError::Params)
}

/// Runs every policy rule of `rules` over the facts; violations come with their rule, those of one
/// rule in the order of their places, no two with the same file and subject.
///
/// # Panics
///
/// When the rules were not loaded with [`validate`].
pub fn run<'r>(rules: &'r RuleSet, context: &Context<'_>) -> Vec<(&'r Rule, Violation)> {
    let mut found = Vec::new();
    let mut violations = Vec::new();
    for rule in rules {
        let RuleBody::Check { name, params } = &rule.body else {
            continue;
        };
        let def = CHECKS
            .iter()
            .find(|check| check.name == name)
            .expect("rules are loaded with `validate`, which knows the same checks");
        let check = (def.build)(params).expect("params were validated when the rule was loaded");
        check.run(context, &mut violations);
        tell_apart(&mut violations);
        found.extend(violations.drain(..).map(|violation| (rule, violation)));
    }
    found
}

/// Leaves one violation for each place and subject, the strongest, and numbers equal subjects of
/// different places within one file.
///
/// A line that several jobs inherit is judged once for each of them, and two calls of one job can be
/// alike in every word.
fn tell_apart(violations: &mut Vec<Violation>) {
    violations.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    violations.dedup_by(|later, kept| {
        later.primary.source == kept.primary.source
            && later.primary.span == kept.primary.span
            && later.subject == kept.subject
    });
    let mut seen: BTreeMap<(SourceId, String), usize> = BTreeMap::new();
    for violation in violations {
        let key = (violation.primary.source, violation.subject.clone());
        let count = seen.entry(key).or_default();
        *count += 1;
        if *count > 1 {
            write!(violation.subject, " #{count}").expect("writing to a String cannot fail");
        }
    }
}

/// By place and subject, then strongest first.
fn sort_key(violation: &Violation) -> impl Ord + '_ {
    (
        (violation.primary.source, violation.primary.span),
        &violation.subject,
        Reverse(violation.severity.unwrap_or(Severity::Critical)),
        Reverse(violation.confidence.unwrap_or(Confidence::High)),
        violation.persona.unwrap_or(Persona::Regular),
        &violation.message,
        &violation.related,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde::Deserialize as _;
    use serde::de::value::{Error as ValueError, MapDeserializer};

    use super::*;
    use crate::model::{Site, Span};

    fn violation(source: u32, start: usize, subject: &str) -> Violation {
        let site = Site::new(SourceId(source), Span::new(start, start + 1));
        Violation::new(site, subject, "a message")
    }

    fn subjects(mut violations: Vec<Violation>) -> Vec<String> {
        tell_apart(&mut violations);
        violations.into_iter().map(|it| it.subject).collect()
    }

    #[test]
    fn one_violation_for_a_place_and_subject() {
        assert_eq!(
            subjects(vec![violation(0, 5, "a"), violation(0, 5, "a")]),
            ["a"]
        );
        assert_eq!(
            subjects(vec![violation(0, 5, "b"), violation(0, 5, "a")]),
            ["a", "b"]
        );
    }

    #[test]
    fn the_strongest_of_equals_stays() {
        let low = violation(0, 5, "a").confidence_at_most(Confidence::Low);
        let mut violations = vec![low, violation(0, 5, "a")];
        tell_apart(&mut violations);
        assert_eq!(violations[0].confidence, None);
    }

    #[test]
    fn equal_subjects_of_one_file_are_numbered_by_place() {
        let violations = vec![
            violation(0, 9, "a"),
            violation(1, 1, "a"),
            violation(0, 5, "a"),
            violation(0, 7, "b"),
        ];
        assert_eq!(subjects(violations), ["a", "b", "a #2", "a"]);
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_violations_do_not_matter(
            mut places in prop::collection::vec((0u32..2, 0usize..4, 0usize..3), 0..12),
            turn in 0usize..12,
        ) {
            let settle = |places: &[(u32, usize, usize)]| {
                let mut violations: Vec<_> = places
                    .iter()
                    .map(|&(source, start, subject)| violation(source, start, ["a", "b", "c"][subject]))
                    .collect();
                tell_apart(&mut violations);
                violations.into_iter().map(|it| (it.primary, it.subject)).collect::<Vec<_>>()
            };
            let settled = settle(&places);
            let identities: BTreeSet<_> =
                settled.iter().map(|(site, subject)| (site.source, subject)).collect();
            prop_assert_eq!(identities.len(), settled.len());

            let middle = turn.min(places.len());
            places.rotate_left(middle);
            places.extend_from_within(..middle);
            prop_assert_eq!(settle(&places), settled);
        }
    }

    #[test]
    fn built_in_rules_and_checks_belong_together() {
        let rules = RuleSet::builtin(&validate).unwrap();
        let used: Vec<_> = rules
            .iter()
            .filter_map(|rule| match &rule.body {
                RuleBody::Check { name, .. } => Some(name.as_str()),
                RuleBody::Detector(_) => None,
            })
            .collect();
        for check in CHECKS {
            assert!(used.contains(&check.name), "no rule uses `{}`", check.name);
        }
    }

    #[test]
    fn every_check_does_without_params_and_refuses_unknown_ones() {
        let unknown = [("no-such-param", 1)].into_iter();
        let unknown = Params::deserialize(MapDeserializer::<_, ValueError>::new(unknown)).unwrap();
        for check in CHECKS {
            assert_eq!(
                validate(check.name, &Params::default()),
                Ok(()),
                "{}",
                check.name
            );
            let refused = validate(check.name, &unknown).unwrap_err();
            assert!(matches!(refused, CheckError::Params(_)), "{}", check.name);
        }
        let missing = validate("no-such-check", &Params::default()).unwrap_err();
        assert!(matches!(missing, CheckError::Unknown { .. }));
    }
}
