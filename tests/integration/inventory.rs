//! Inventory files in, violations of the built-in rules out, as of 2026-11-20.

use std::collections::BTreeSet;

use glpatrol::inventory::{self, Input, Inventory};
use glpatrol::model::{Facts, Persona, Severity, Site, SourceId, TokenKind, Violation};
use glpatrol::policy::{self, Context};
use glpatrol::rules::knowledge::KnowledgeBase;
use glpatrol::rules::{Rule, RuleSet, Settings};
use jiff::civil::date;

/// The rules that this file is about.
const RULES: &[&str] = &[
    "overbroad-scope",
    "personal-token-for-automation",
    "role-scope-mismatch",
    "token-expiry-window",
    "token-no-expiry",
    "token-unused",
];

fn rules() -> RuleSet {
    RuleSet::builtin(&policy::validate).expect("the built-in rules are valid")
}

fn read(path: &str, text: &str, kind: Option<TokenKind>) -> Inventory {
    inventory::read(&Input {
        source: SourceId(0),
        path,
        text,
        kind,
    })
}

fn judge(rules: &RuleSet, inventory: Inventory) -> Vec<(&Rule, Violation)> {
    let facts = Facts {
        tokens: inventory.tokens,
        connections: inventory.connections,
        ..Facts::default()
    };
    let context = Context {
        facts: &facts,
        knowledge: &KnowledgeBase::default(),
        settings: &Settings::default(),
        today: date(2026, 11, 20),
    };
    policy::run(rules, &context)
}

fn cut<'t>(text: &'t str, site: &Site) -> &'t str {
    &text[site.span.start..site.span.end]
}

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../fixtures/inventory/", $name)),
        )
    };
}

/// Asserts which rules speak of which entries, named by id, else by name. An entry that is not in
/// `expected` is a clean one.
fn assert_findings((path, text): (&str, &str), expected: &[(&str, &[&str])]) {
    let rules = rules();
    let inventory = read(path, text, None);
    let entries: Vec<_> = inventory
        .tokens
        .iter()
        .map(|token| {
            let label = token
                .id
                .map_or_else(|| token.name.clone(), |id| id.to_string());
            (label, token.site.span)
        })
        .collect();
    let mut found = BTreeSet::new();
    for (rule, violation) in judge(&rules, inventory) {
        if violation.persona.unwrap_or(rule.persona) > Persona::Regular
            || !RULES.contains(&rule.id.as_str())
        {
            continue;
        }
        let (label, _) = entries
            .iter()
            .find(|(_, span)| span.contains(violation.primary.span))
            .expect("a violation points into an entry");
        assert!(!cut(text, &violation.primary).is_empty());
        let new = found.insert((label.clone(), rule.id.as_str().to_owned()));
        assert!(new, "{label}: {} speaks twice", rule.id);
    }
    let expected: BTreeSet<_> = expected
        .iter()
        .flat_map(|(label, rules)| {
            rules
                .iter()
                .map(|rule| ((*label).to_owned(), (*rule).to_owned()))
        })
        .collect();
    assert_eq!(found, expected, "{path}");
}

#[test]
fn personal_access_tokens() {
    assert_findings(
        fixture!("personal_access_tokens.json"),
        &[
            (
                "4101",
                &[
                    "overbroad-scope",
                    "personal-token-for-automation",
                    "token-expiry-window",
                ],
            ),
            (
                "4103",
                &["overbroad-scope", "token-no-expiry", "token-unused"],
            ),
            ("4104", &["overbroad-scope", "token-expiry-window"]),
        ],
    );
}

#[test]
fn project_access_tokens() {
    assert_findings(
        fixture!("project_access_tokens.json"),
        &[
            ("5201", &["overbroad-scope", "token-expiry-window"]),
            ("5203", &["role-scope-mismatch"]),
            ("5204", &["overbroad-scope", "token-expiry-window"]),
        ],
    );
}

#[test]
fn group_access_tokens() {
    assert_findings(
        fixture!("group_access_tokens.json"),
        &[("6301", &["overbroad-scope", "token-expiry-window"])],
    );
}

#[test]
fn deploy_tokens() {
    assert_findings(
        fixture!("deploy_tokens.json"),
        &[("11", &["token-no-expiry"])],
    );
}

#[test]
fn impersonation_tokens() {
    assert_findings(
        fixture!("impersonation_tokens.json"),
        &[("21", &["overbroad-scope", "token-expiry-window"])],
    );
}

#[test]
fn pipeline_triggers() {
    assert_findings(
        fixture!("pipeline_triggers.json"),
        &[("41", &["token-unused"])],
    );
}

#[test]
fn service_account_tokens() {
    assert_findings(
        fixture!("service_account_tokens.json"),
        &[(
            "7187",
            &["overbroad-scope", "token-no-expiry", "token-unused"],
        )],
    );
}

#[test]
fn enterprise_tokens_of_unknown_kind() {
    assert_findings(
        fixture!("group_manage_personal_access_tokens.json"),
        &[
            ("8101", &["overbroad-scope", "token-expiry-window"]),
            ("8102", &["token-expiry-window"]),
        ],
    );
}

#[test]
fn a_hand_kept_inventory() {
    assert_findings(
        fixture!("inventory.yml"),
        &[
            ("release bot", &["token-expiry-window"]),
            (
                "shared integration",
                &["overbroad-scope", "token-no-expiry"],
            ),
        ],
    );
}

#[test]
fn severities_of_the_samples() {
    let rules = rules();
    let severity = |(path, text): (&str, &str), id: u64| {
        let mut inventory = read(path, text, None);
        inventory.tokens.retain(|token| token.id == Some(id));
        judge(&rules, inventory)
            .into_iter()
            .find(|(rule, _)| rule.id.as_str() == "overbroad-scope")
            .map(|(rule, violation)| violation.severity.unwrap_or(rule.severity))
    };
    let personal = fixture!("personal_access_tokens.json");
    let project = fixture!("project_access_tokens.json");
    assert_eq!(severity(personal, 4104), Some(Severity::High));
    assert_eq!(severity(personal, 4101), Some(Severity::Medium));
    assert_eq!(severity(project, 5201), Some(Severity::Medium));
    assert_eq!(severity(project, 5204), Some(Severity::Low));
    assert_eq!(
        severity(fixture!("service_account_tokens.json"), 7187),
        Some(Severity::Low)
    );
}
