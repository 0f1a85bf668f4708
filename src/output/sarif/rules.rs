//! The rules that results refer to, as descriptors with everything their files say.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;
use serde_sarif::sarif;

use super::{multiformat, number, properties, symbolic_name};
use crate::model::{Confidence, Finding, Severity};
use crate::output::prose;
use crate::rules::{Analysis, Rule, RuleSet};

/// GitHub's limit for both descriptions of a rule.
const MAX_DESCRIPTION: usize = 1024;
/// GitLab reads no more.
const MAX_TAGS: usize = 10;

/// The rules that results refer to and the weaknesses that these refer to, each by its index.
pub(super) struct Catalogue<'r> {
    rules: Vec<(&'r str, Option<&'r Rule>)>,
    cwe: Vec<u32>,
}

impl<'r> Catalogue<'r> {
    pub(super) fn new(findings: &'r [Finding], rules: &'r RuleSet) -> Self {
        let rules: Vec<_> = prose::rules_of(findings, rules).into_iter().collect();
        let cwe: BTreeSet<u32> = rules
            .iter()
            .filter_map(|(_, rule)| *rule)
            .flat_map(|rule| rule.cwe.iter().copied())
            .collect();
        Self {
            rules,
            cwe: cwe.into_iter().collect(),
        }
    }

    pub(super) fn index_of_rule(&self, id: &str) -> Option<i64> {
        self.rules
            .binary_search_by_key(&id, |(id, _)| *id)
            .ok()
            .map(number)
    }

    /// The weaknesses that the rules stand for; none where no rule names one.
    pub(super) fn taxonomy(&self) -> Option<sarif::ToolComponent> {
        let taxa: Vec<_> = self.cwe.iter().map(|cwe| weakness(*cwe)).collect();
        (!taxa.is_empty()).then(|| sarif::ToolComponent {
            organization: Some("MITRE".to_owned()),
            short_description: Some(multiformat("The MITRE Common Weakness Enumeration.")),
            information_uri: Some("https://cwe.mitre.org/".to_owned()),
            is_comprehensive: Some(false),
            taxa: Some(taxa),
            ..sarif::ToolComponent::builder().name("CWE").build()
        })
    }

    fn index_of_cwe(&self, cwe: u32) -> Option<i64> {
        self.cwe.binary_search(&cwe).ok().map(number)
    }
}

pub(super) fn driver(
    catalogue: &Catalogue<'_>,
    notifications: Vec<sarif::ReportingDescriptor>,
) -> sarif::ToolComponent {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let address = env!("CARGO_PKG_REPOSITORY");
    sarif::ToolComponent {
        organization: Some(env!("CARGO_PKG_NAME").to_owned()),
        full_name: Some(format!("{} {version}", env!("CARGO_PKG_NAME"))),
        short_description: Some(multiformat(env!("CARGO_PKG_DESCRIPTION"))),
        semantic_version: Some(version.clone()),
        version: Some(version),
        information_uri: (!address.is_empty()).then(|| address.to_owned()),
        rules: Some(
            catalogue
                .rules
                .iter()
                .map(|(id, rule)| descriptor(id, *rule, catalogue))
                .collect(),
        ),
        notifications: (!notifications.is_empty()).then_some(notifications),
        supported_taxonomies: (!catalogue.cwe.is_empty()).then(|| vec![cwe_reference()]),
        ..sarif::ToolComponent::builder()
            .name(env!("CARGO_PKG_NAME"))
            .build()
    }
}

fn descriptor(
    id: &str,
    rule: Option<&Rule>,
    catalogue: &Catalogue<'_>,
) -> sarif::ReportingDescriptor {
    let bare = sarif::ReportingDescriptor {
        name: symbolic_name(id),
        ..sarif::ReportingDescriptor::builder().id(id).build()
    };
    let Some(rule) = rule else {
        return bare;
    };
    let why = prose::unfolded(&rule.why);
    let fix = prose::unfolded(&rule.fix);
    let level = level(rule.severity);
    let relationships: Vec<_> = rule
        .cwe
        .iter()
        .map(|cwe| {
            let target = sarif::ReportingDescriptorReference {
                id: Some(format!("CWE-{cwe}")),
                index: catalogue.index_of_cwe(*cwe),
                tool_component: Some(cwe_reference()),
                ..Default::default()
            };
            sarif::ReportingDescriptorRelationship::builder()
                .target(target)
                .kinds(vec!["superset".to_owned()])
                .build()
        })
        .collect();
    sarif::ReportingDescriptor {
        short_description: Some(multiformat(&prose::clipped(
            &prose::sentence(&rule.title),
            MAX_DESCRIPTION,
        ))),
        full_description: Some(multiformat(&prose::clipped(&why, MAX_DESCRIPTION))),
        help: Some(help(&why, &fix, &rule.references)),
        help_uri: rule.references.first().cloned(),
        default_configuration: Some(sarif::ReportingConfiguration {
            level: Some(json!(level)),
            ..Default::default()
        }),
        relationships: (!relationships.is_empty()).then_some(relationships),
        properties: Some(sarif::PropertyBag {
            tags: Some(tags(rule)),
            ..properties([
                ("precision", json!(precision(rule.confidence))),
                ("problem.severity", json!(problem_severity(rule.severity))),
                ("security-severity", json!(security_severity(rule.severity))),
            ])
        }),
        ..bare
    }
}

fn help(why: &str, fix: &str, references: &[String]) -> sarif::MultiformatMessageString {
    let mut text = format!("{why}\n\n{fix}\n");
    let mut markdown = format!("**Why it matters.** {why}\n\n**What to do.** {fix}\n");
    for (number, reference) in references.iter().enumerate() {
        let apart = if number == 0 { "\n" } else { "" };
        writeln!(text, "{apart}{reference}").expect("a string takes everything");
        writeln!(markdown, "{apart}- <{reference}>").expect("a string takes everything");
    }
    sarif::MultiformatMessageString {
        markdown: Some(markdown),
        ..multiformat(&text)
    }
}

/// GitHub reads weaknesses from `external/cwe/cwe-079`, GitLab from `cwe-79`.
fn tags(rule: &Rule) -> Vec<String> {
    let analysis = match rule.analysis {
        Analysis::Leaks => "leaks",
        Analysis::Ci => "ci",
        Analysis::Inventory => "inventory",
    };
    let weaknesses = rule
        .cwe
        .iter()
        .flat_map(|cwe| [format!("external/cwe/cwe-{cwe:03}"), format!("cwe-{cwe}")]);
    ["security", analysis]
        .into_iter()
        .map(str::to_owned)
        .chain(weaknesses)
        .take(MAX_TAGS)
        .collect()
}

fn weakness(cwe: u32) -> sarif::ReportingDescriptor {
    sarif::ReportingDescriptor {
        help_uri: Some(format!("https://cwe.mitre.org/data/definitions/{cwe}.html")),
        ..sarif::ReportingDescriptor::builder()
            .id(format!("CWE-{cwe}"))
            .build()
    }
}

pub(super) fn cwe_reference() -> sarif::ToolComponentReference {
    sarif::ToolComponentReference {
        name: Some("CWE".to_owned()),
        index: Some(0),
        ..Default::default()
    }
}

/// GitHub and GitLab both know three levels of which `error` is high.
pub(super) const fn level(severity: Severity) -> sarif::ResultLevel {
    match severity {
        Severity::Critical | Severity::High => sarif::ResultLevel::Error,
        Severity::Medium => sarif::ResultLevel::Warning,
        Severity::Low | Severity::Info => sarif::ResultLevel::Note,
    }
}

/// The middle of the range that GitHub and GitLab read as this severity.
pub(super) const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.5",
        Severity::Info => "0.5",
    }
}

const fn problem_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "recommendation",
    }
}

const fn precision(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::{list, run_of, written};
    use super::*;
    use crate::model::Report;
    use crate::output::sample;

    #[test]
    fn a_rule_has_what_both_receivers_require() {
        let run = run_of(&sample::report());
        let rule = &run["tool"]["driver"]["rules"][0];
        assert_eq!(rule["name"], "LeakedAccessToken");
        assert_eq!(
            rule["shortDescription"]["text"],
            "Title of leaked-access-token."
        );
        let why = rule["fullDescription"]["text"].as_str().unwrap();
        assert!(why.contains("It is used within minutes."), "{why}");
        assert!(rule["help"]["text"].as_str().unwrap().contains("Mend"));
        let markdown = rule["help"]["markdown"].as_str().unwrap();
        assert!(markdown.contains("- <https://docs.gitlab.example/more>\n"));
        assert_eq!(
            rule["helpUri"],
            "https://docs.gitlab.example/leaked-access-token"
        );
        assert_eq!(rule["defaultConfiguration"]["level"], "error");
        assert_eq!(
            rule["properties"],
            json!({
                "tags": ["security", "leaks", "external/cwe/cwe-798", "cwe-798"],
                "precision": "high",
                "problem.severity": "error",
                "security-severity": "9.5",
            })
        );
    }

    #[test]
    fn texts_of_a_rule_keep_to_the_limits() {
        let mut rule = sample::rule(
            "overbroad-scope",
            Severity::Low,
            crate::rules::Analysis::Inventory,
            &[1, 2, 3, 4, 5, 6],
        );
        rule.title = "t".repeat(3000);
        rule.why = "w ".repeat(3000);
        let report = Report {
            findings: vec![sample::inventory_finding()],
            ..Report::default()
        };
        let rules = [rule].into_iter().collect();
        let log: Value = serde_json::from_str(&written(&report, &rules)).unwrap();
        let rule = &log["runs"][0]["tool"]["driver"]["rules"][0];
        for (text, limit) in [
            (&rule["shortDescription"]["text"], 1024),
            (&rule["fullDescription"]["text"], 1024),
        ] {
            assert_eq!(text.as_str().unwrap().chars().count(), limit);
        }
        assert_eq!(list(&rule["properties"]["tags"]).len(), 10);
        assert_eq!(list(&rule["relationships"]).len(), 6);
    }

    #[test]
    fn weaknesses_are_a_taxonomy_that_rules_refer_to() {
        let run = run_of(&sample::report());
        let taxonomy = &run["taxonomies"][0];
        assert_eq!(taxonomy["name"], "CWE");
        let taxa = list(&taxonomy["taxa"]);
        let ids: Vec<_> = taxa
            .iter()
            .map(|taxon| taxon["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["CWE-250", "CWE-272", "CWE-598", "CWE-798"]);
        for rule in list(&run["tool"]["driver"]["rules"]) {
            for relationship in list(&rule["relationships"]) {
                let target = &relationship["target"];
                let index = usize::try_from(target["index"].as_u64().unwrap()).unwrap();
                assert_eq!(target["id"], taxa[index]["id"]);
                assert_eq!(target["toolComponent"]["name"], "CWE");
            }
        }
    }

    #[test]
    fn every_result_points_at_its_rule() {
        let run = run_of(&sample::report());
        let rules = list(&run["tool"]["driver"]["rules"]);
        let ids: Vec<_> = rules
            .iter()
            .map(|rule| rule["id"].as_str().unwrap())
            .collect();
        assert_eq!(
            ids,
            [
                "leaked-access-token",
                "overbroad-scope",
                "token-in-url-query"
            ]
        );
        for result in list(&run["results"]) {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(result["ruleId"], rules[index]["id"]);
        }
    }
}
