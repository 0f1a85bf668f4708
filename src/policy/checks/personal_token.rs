//! Finds tokens of people in CI: by the inventory, by the configuration, or by the variable's name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{hosts, phrase};
use crate::model::{
    Confidence, Finding, InventoryToken, Site, SourceId, TokenKind, TokenUse, VariableRef,
    Violation,
};
use crate::policy::{Check, CheckDef, Context};
use crate::rules::Settings;

pub(super) const DEF: CheckDef = CheckDef {
    name: "personal-token-in-ci",
    build: |params| Ok(Box::new(params.read::<PersonalToken>()?)),
};

/// A variable that holds a personal token and is used as a credential; one violation for each
/// variable and file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct PersonalToken {
    /// Words of a variable's name that say that the token is a person's, in upper case.
    words: Vec<String>,
    /// Words of a variable's name that say that the token is of another service.
    other_services: Vec<String>,
}

impl Default for PersonalToken {
    fn default() -> Self {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            words: owned(&["PAT", "PATS", "PERSONAL"]),
            other_services: owned(&[
                "ADO",
                "AZURE",
                "BITBUCKET",
                "DOCKER",
                "DOCKERHUB",
                "GH",
                "GHCR",
                "GITHUB",
            ]),
        }
    }
}

impl Check for PersonalToken {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        let held = by_holder(context);
        for ((_, name), uses) in by_variable(&context.facts.uses) {
            if let Some(evidence) = self.evidence(name, &uses, &held, context.settings) {
                violations.push(report(name, &uses, &evidence));
            }
        }
    }
}

/// What the inventories keep in each variable: entries that work and whose kind is known.
type Held<'a> = BTreeMap<&'a str, Vec<&'a InventoryToken>>;

fn by_holder<'a>(context: &Context<'a>) -> Held<'a> {
    let mut held = Held::new();
    for token in &context.facts.tokens {
        let says_nothing = matches!(token.kind, TokenKind::AccessToken | TokenKind::CiVariable);
        if says_nothing || !token.is_active_on(context.today) {
            continue;
        }
        for holder in &token.held_in {
            held.entry(&holder.ci_variable).or_default().push(token);
        }
    }
    held
}

/// One use of a variable as a credential.
type Use<'a> = (&'a TokenUse, &'a VariableRef);

/// The uses by file and by the variable at the end of aliases, in the order they are written.
fn by_variable(uses: &[TokenUse]) -> BTreeMap<(SourceId, &str), Vec<Use<'_>>> {
    let mut grouped: BTreeMap<_, Vec<Use<'_>>> = BTreeMap::new();
    for token_use in uses {
        if hosts::is_other_service(&token_use.host) {
            continue;
        }
        for variable in token_use.credential.variables() {
            grouped
                .entry((token_use.site.source, &*variable.name))
                .or_default()
                .push((token_use, variable));
        }
    }
    for uses in grouped.values_mut() {
        uses.sort_by_key(|(token_use, _)| token_use.site.span);
        uses.dedup_by_key(|(token_use, _)| token_use.site.span);
    }
    grouped
}

/// Predefined variables that an alias can stand for; none holds a personal token
/// (gitlabhq/gitlabhq `doc/ci/variables/predefined_variables.md`).
const TOKENS_OF_THE_JOB: &[&str] = &[
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_JOB_TOKEN",
    "CI_REGISTRY_PASSWORD",
];

/// Why a variable is believed to hold a personal token.
enum Evidence<'a> {
    /// Entries that the inventory keeps in this variable.
    Inventory(Vec<&'a InventoryToken>),
    /// The configuration describes it.
    Configured(TokenKind),
    /// This word of its name, or of the name of an alias.
    Name(String),
}

impl PersonalToken {
    /// Configuration and inventory decide where they speak; the name is asked where they are silent
    /// or contradict themselves.
    fn evidence<'a>(
        &self,
        name: &str,
        uses: &[Use<'_>],
        held: &Held<'a>,
        settings: &Settings,
    ) -> Option<Evidence<'a>> {
        if TOKENS_OF_THE_JOB.contains(&name) {
            return None;
        }
        // The variable, and what it is called where it is used.
        let names: BTreeSet<&str> = uses
            .iter()
            .map(|(_, it)| &*it.written)
            .chain([name])
            .collect();
        let configured = settings
            .token_variables
            .iter()
            .filter(|variable| names.contains(&*variable.name))
            .filter_map(|variable| variable.kind)
            .find(|kind| *kind != TokenKind::AccessToken);
        if let Some(kind) = configured {
            return kind.is_personal().then_some(Evidence::Configured(kind));
        }

        let (personal, impersonal): (Vec<_>, Vec<_>) = names
            .iter()
            .filter_map(|name| held.get(name))
            .flatten()
            .partition(|token| token.kind.is_personal());
        match (personal.is_empty(), impersonal.is_empty()) {
            (false, true) => return Some(Evidence::Inventory(personal)),
            (true, false) => return None,
            _ => {}
        }

        names
            .into_iter()
            .find_map(|name| self.telling_word(name))
            .map(Evidence::Name)
    }

    /// The word of a name that says that a person's GitLab token is in it.
    fn telling_word(&self, name: &str) -> Option<String> {
        let words = words(name);
        let is_in = |list: &[String], word: &str| list.iter().any(|it| it == word);
        if words.iter().any(|word| is_in(&self.other_services, word)) {
            return None;
        }
        words.into_iter().find(|word| is_in(&self.words, word))
    }
}

/// The words of a name in upper case, without the number at their end: `gitlabPat_2` has `GITLAB`
/// and `PAT`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() || (was_lower && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if c.is_ascii_alphabetic() {
            let last = words.last_mut().expect("begins with one word");
            last.push(c.to_ascii_uppercase());
        }
        was_lower = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn report(name: &str, uses: &[Use<'_>], evidence: &Evidence<'_>) -> Violation {
    let (first, variable) = uses[0];
    let shown = phrase::variable(variable);
    let (because, certainty) = match evidence {
        Evidence::Inventory(tokens) => {
            let token = phrase::code(&tokens[0].name);
            let because = format!(
                "{shown} holds the {} {token} by the inventory",
                tokens[0].kind
            );
            (because, Confidence::High)
        }
        Evidence::Configured(kind) => {
            let because = format!("{shown} holds a {kind} by the configuration");
            (because, Confidence::High)
        }
        Evidence::Name(word) => {
            let because = format!(
                "{shown} holds a personal token by its name ({})",
                phrase::code(word)
            );
            (because, Confidence::Medium)
        }
    };
    let mut violation = Violation::new(
        first.site.clone(),
        format!("${name}"),
        format!("{because}, so whoever can run the job has all that its owner can reach"),
    )
    .confidence_at_most(certainty.min(first.confidence));
    if let Evidence::Inventory(tokens) = evidence {
        for token in tokens {
            violation = violation.related(token.site.clone(), "the inventory entry");
        }
    }
    violation = phrase::with_places(violation, first);
    for (token_use, _) in &uses[1..] {
        let site: Site = token_use.site.clone();
        violation = violation.related(site, "also used here");
    }
    violation.related.truncate(Finding::MAX_RELATED);
    violation
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Credential, Expiry, Facts, HeldIn, Host, Span};
    use crate::rules::TokenVariable;
    use jiff::civil::date;

    fn found(facts: &Facts) -> Vec<Violation> {
        sample::run(&PersonalToken::default(), facts)
    }

    fn named(name: &str) -> Vec<Violation> {
        found(&sample::uses([sample::token_use(name)]))
    }

    fn entry(kind: TokenKind, variable: &str) -> InventoryToken {
        InventoryToken {
            held_in: vec![HeldIn {
                ci_variable: variable.to_owned(),
                ..HeldIn::default()
            }],
            ..InventoryToken::new(kind, "release bot", sample::site(900))
        }
    }

    fn with_inventory(variable: &str, tokens: Vec<InventoryToken>) -> Vec<Violation> {
        found(&Facts {
            tokens,
            ..sample::uses([sample::token_use(variable)])
        })
    }

    #[test]
    fn names_that_say_personal() {
        for name in [
            "GITLAB_PAT",
            "PAT",
            "RELEASE_PAT_2",
            "PAT2",
            "PERSONAL_ACCESS_TOKEN",
            "my_personal_token",
            "gitlabPat",
            "CI_PAT",
        ] {
            let violations = named(name);
            assert_eq!(violations.len(), 1, "{name}");
            assert_eq!(violations[0].confidence, Some(Confidence::Medium));
            assert!(violations[0].message.contains(&format!("`${name}`")));
        }
    }

    #[test]
    fn names_that_do_not() {
        for name in [
            "PATH",
            "TOKEN_PATH",
            "PATTERN",
            "PATCH_TOKEN",
            "SPAT_TOKEN",
            "PATIENT_TOKEN",
            "PERSONALITY",
            "GITLAB_TOKEN",
            "CI_JOB_TOKEN",
            "COMPATIBLE",
        ] {
            assert!(named(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn tokens_of_other_services_are_silent() {
        for name in ["GITHUB_PAT", "GH_PAT", "DOCKERHUB_PAT", "AZURE_DEVOPS_PAT"] {
            assert!(named(name).is_empty(), "{name}");
        }
        let facts = sample::uses([TokenUse {
            host: Host::Literal("api.github.com".into()),
            ..sample::token_use("RELEASE_PAT")
        }]);
        assert!(found(&facts).is_empty());
    }

    #[test]
    fn inventory_says_personal_whatever_the_name() {
        for kind in [
            TokenKind::PersonalAccessToken,
            TokenKind::ImpersonationToken,
        ] {
            let violations = with_inventory("RELEASE_TOKEN", vec![entry(kind, "RELEASE_TOKEN")]);
            assert_eq!(violations.len(), 1);
            assert_eq!(violations[0].confidence, Some(Confidence::High));
            assert!(violations[0].message.contains("`release bot`"));
            assert_eq!(violations[0].related[0].0, sample::site(900));
        }
    }

    #[test]
    fn inventory_says_otherwise_whatever_the_name() {
        for kind in [
            TokenKind::ProjectAccessToken,
            TokenKind::GroupAccessToken,
            TokenKind::ServiceAccountAccessToken,
            TokenKind::DeployToken,
        ] {
            let violations = with_inventory("GITLAB_PAT", vec![entry(kind, "GITLAB_PAT")]);
            assert!(violations.is_empty(), "{kind}");
        }
    }

    #[test]
    fn inventory_that_does_not_know_leaves_it_to_the_name() {
        let unknown = || vec![entry(TokenKind::AccessToken, "X_PAT")];
        assert_eq!(with_inventory("X_PAT", unknown()).len(), 1);

        let mut past = entry(TokenKind::ProjectAccessToken, "X_PAT");
        past.expires = Expiry::On(date(2020, 1, 1));
        assert_eq!(with_inventory("X_PAT", vec![past]).len(), 1);

        let both = |variable| {
            vec![
                entry(TokenKind::ProjectAccessToken, variable),
                entry(TokenKind::PersonalAccessToken, variable),
            ]
        };
        assert!(with_inventory("RELEASE_TOKEN", both("RELEASE_TOKEN")).is_empty());
        let violations = with_inventory("X_PAT", both("X_PAT"));
        assert_eq!(violations[0].confidence, Some(Confidence::Medium));
    }

    #[test]
    fn configuration_decides_over_inventory_and_name() {
        let configured = |kind| Settings {
            token_variables: vec![TokenVariable {
                name: "X_PAT".to_owned(),
                kind,
                scopes: vec![],
                role: None,
                protected: None,
                masked: None,
            }],
            ..Settings::default()
        };
        let facts = Facts {
            tokens: vec![entry(TokenKind::PersonalAccessToken, "X_PAT")],
            ..sample::uses([sample::token_use("X_PAT")])
        };
        let run = |kind| {
            sample::run_with(&PersonalToken::default(), &facts, &configured(kind))
                .pop()
                .map(|violation| violation.message)
        };
        assert!(run(Some(TokenKind::GroupAccessToken)).is_none());
        let personal = run(Some(TokenKind::PersonalAccessToken)).unwrap();
        assert!(personal.contains("by the configuration"), "{personal}");
        assert!(run(None).unwrap().contains("by the inventory"));
    }

    #[test]
    fn alias_of_the_job_token_is_silent_and_alias_of_a_personal_token_is_not() {
        let used = |written, name| {
            found(&sample::uses([TokenUse {
                credential: Credential::Variable(sample::alias(written, name)),
                ..sample::token_use(written)
            }]))
        };
        assert!(used("MY_PAT", "CI_JOB_TOKEN").is_empty());
        assert_eq!(used("TOKEN", "GROUP_PAT").len(), 1);
        assert_eq!(used("MY_PAT", "GROUP_TOKEN").len(), 1);
    }

    #[test]
    fn one_violation_for_a_variable_and_file() {
        let at = |start: usize, source| {
            let mut token_use = sample::token_use("X_PAT");
            token_use.site = Site::new(SourceId(source), Span::new(start, start + 5));
            token_use
        };
        let mut uses = vec![at(300, 0), at(100, 0), at(100, 0), at(50, 1)];
        uses.extend((0..500).map(|n| at(1000 + 10 * n, 0)));
        let violations = found(&sample::uses(uses));
        assert_eq!(violations.len(), 2);
        let first = &violations[0];
        assert_eq!(first.primary.span.start, 100);
        assert_eq!(first.subject, "$X_PAT");
        assert_eq!(first.related[0].0.span.start, 300);
        assert_eq!(first.related.len(), Finding::MAX_RELATED);
    }

    #[test]
    fn each_variable_of_one_word_counts() {
        let variables = ["A_PAT", "B_PAT", "C"].map(VariableRef::named).to_vec();
        for credential in [
            Credential::Either(variables.clone()),
            Credential::Composite(variables),
        ] {
            let violations = found(&sample::uses([TokenUse {
                credential,
                ..sample::token_use("A_PAT")
            }]));
            let subjects: Vec<_> = violations.iter().map(|it| &*it.subject).collect();
            assert_eq!(subjects, ["$A_PAT", "$B_PAT"]);
        }
    }

    #[test]
    fn words_split_at_underscores_case_and_digits() {
        assert_eq!(words("gitlabPat_2"), ["GITLAB", "PAT"]);
        assert_eq!(words("__X__Y1"), ["X", "Y"]);
        assert_eq!(words("42"), [""; 0]);
        assert_eq!(words("é_PAT"), ["PAT"]);
    }
}
