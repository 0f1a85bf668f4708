//! Turns violations into findings, and hides what is suppressed.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::scope::SourceTable;
use crate::model::{
    Finding, Fingerprint, Label, Location, Persona, Site, SourceId, Subject, Suppressed, Violation,
};
use crate::policy::{self, Context};
use crate::rules::{Analysis, Rule, RuleSet};
use crate::suppress::Suppressions;

/// A finding and the least persona that sees it.
pub(super) struct Judged {
    pub(super) finding: Finding,
    pub(super) persona: Persona,
}

/// Findings about leaks, with the persona of their rules.
pub(super) fn leaks(rules: &RuleSet, findings: Vec<Finding>) -> Vec<Judged> {
    let persona = |finding: &Finding| {
        let rule = rules.get(finding.rule.as_str());
        rule.map_or(Persona::Regular, |rule| rule.persona)
    };
    findings
        .into_iter()
        .map(|finding| Judged {
            persona: persona(&finding),
            finding,
        })
        .collect()
}

/// Runs the policy rules of `analyses` and makes a finding of each violation whose place `in_scope`
/// accepts. The same problem met twice (a fragment that two configurations share) is one finding.
pub(super) fn findings(
    rules: &RuleSet,
    context: &Context<'_>,
    table: &SourceTable,
    analyses: &BTreeSet<Analysis>,
    in_scope: impl Fn(Analysis, SourceId) -> bool,
) -> Vec<Judged> {
    let violations: Vec<(&Rule, Violation)> = policy::run(rules, context)
        .into_iter()
        .filter(|(rule, violation)| {
            analyses.contains(&rule.analysis) && in_scope(rule.analysis, violation.primary.source)
        })
        .collect();
    let locations = locate(table, &violations);
    let mut unique: BTreeMap<(Fingerprint, Site), Judged> = BTreeMap::new();
    for (rule, violation) in violations {
        let judged = Judged {
            finding: finding(rule, &violation, &locations),
            persona: violation.persona.unwrap_or(rule.persona).max(rule.persona),
        };
        match unique.entry((judged.finding.fingerprint.clone(), violation.primary)) {
            Entry::Vacant(place) => {
                place.insert(judged);
            }
            Entry::Occupied(mut place) if judged.persona < place.get().persona => {
                place.insert(judged);
            }
            Entry::Occupied(_) => {}
        }
    }
    unique.into_values().collect()
}

/// The locations of all sites, each file walked once.
fn locate(table: &SourceTable, violations: &[(&Rule, Violation)]) -> BTreeMap<Site, Location> {
    let sites: BTreeSet<&Site> = violations
        .iter()
        .flat_map(|(_, violation)| {
            std::iter::once(&violation.primary).chain(
                violation
                    .related
                    .iter()
                    .map(|(site, _)| site)
                    .take(Finding::MAX_RELATED),
            )
        })
        .collect();
    table.locate_all(sites)
}

fn finding(rule: &Rule, violation: &Violation, locations: &BTreeMap<Site, Location>) -> Finding {
    let at = |site: &Site| locations[site].clone();
    let primary = at(&violation.primary);
    let subject = Subject::Named(violation.subject.clone());
    Finding {
        rule: rule.id.clone(),
        severity: violation
            .severity
            .map_or(rule.severity, |severity| severity.min(rule.severity)),
        confidence: violation.confidence.map_or(rule.confidence, |confidence| {
            confidence.min(rule.confidence)
        }),
        message: violation.message.clone(),
        fingerprint: Fingerprint::new(&rule.id, &primary.provenance.path, &subject),
        primary,
        related: violation
            .related
            .iter()
            .take(Finding::MAX_RELATED)
            .map(|(site, message)| Label {
                location: at(site),
                message: message.clone(),
            })
            .collect(),
        occurrences: 1,
        subject,
        leak: None,
        fix: violation.fix.clone(),
        suppression: None,
    }
}

/// Hides a finding if all its places are hidden. A token that one place hides and another shows is
/// reported at a place that shows it. Every place is asked before the list is cut to its length, so that
/// the hundred first ones cannot hide the next.
pub(super) fn suppress(finding: &mut Finding, suppressions: &mut Suppressions) {
    let hidden = suppressions.hide(finding, &finding.primary);
    if finding.leak.is_none() {
        finding.suppression = hidden;
        return;
    }
    let others: Vec<Option<Suppressed>> = finding
        .related
        .iter()
        .map(|label| suppressions.hide(finding, &label.location))
        .collect();
    if hidden.is_some() {
        match others.iter().position(Option::is_none) {
            Some(shown) => {
                std::mem::swap(&mut finding.primary, &mut finding.related[shown].location);
            }
            None => finding.suppression = hidden,
        }
    }
    finding.related.truncate(Finding::MAX_RELATED);
}
