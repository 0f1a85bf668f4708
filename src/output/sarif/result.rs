//! One finding as a result: its places, its identity, what is known of the token.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serde_sarif::sarif;

use super::rules::{Catalogue, level, security_severity};
use super::{artifact, message, number, properties};
use crate::model::{
    Finding, Fingerprint, Layer, Leak, Location, MessageKind, Origin, Position, Severity,
    SuppressionKind, TokenKind,
};
use crate::output::{prose, sanitize};

pub(super) fn result(finding: &Finding, catalogue: &Catalogue<'_>) -> sarif::Result {
    let related: Vec<_> = finding
        .related
        .iter()
        .take(Finding::MAX_RELATED)
        .enumerate()
        .map(|(at, label)| sarif::Location {
            id: Some(number(at) + 1),
            message: Some(message(&label.message)),
            ..location(&label.location)
        })
        .collect();
    let fingerprint = (
        Fingerprint::SCHEME.to_owned(),
        finding.fingerprint.as_str().to_owned(),
    );
    sarif::Result {
        rule_id: Some(finding.rule.as_str().to_owned()),
        rule_index: catalogue.index_of_rule(finding.rule.as_str()),
        level: Some(level(finding.severity)),
        // GitLab takes the severity of a result from here before anything else.
        rank: Some(rank(finding.severity)),
        locations: Some(vec![location(&finding.primary)]),
        related_locations: (!related.is_empty()).then_some(related),
        // `primaryLocationLineHash` is left to GitHub's upload, which warns of any other value.
        partial_fingerprints: Some(BTreeMap::from([fingerprint])),
        properties: Some(result_properties(finding)),
        suppressions: finding
            .suppression
            .as_ref()
            .map(|suppressed| vec![suppression(suppressed.kind, &suppressed.reason)]),
        ..sarif::Result::builder()
            .message(message(&finding.message))
            .build()
    }
}

/// How a finding compares with the baseline; nothing of one that something else hides, which the baseline
/// was not asked about.
pub(super) fn baseline_state(finding: &Finding) -> Option<Value> {
    match &finding.suppression {
        None => Some(json!("new")),
        Some(suppressed) if suppressed.kind == SuppressionKind::Baseline => {
            Some(json!("unchanged"))
        }
        Some(_) => None,
    }
}

fn suppression(kind: SuppressionKind, reason: &str) -> sarif::Suppression {
    let kind = match kind {
        SuppressionKind::Inline => "inSource",
        SuppressionKind::Config | SuppressionKind::Baseline => "external",
    };
    sarif::Suppression {
        justification: Some(sanitize::line(reason).into_owned()),
        status: Some(json!("accepted")),
        ..sarif::Suppression::builder().kind(json!(kind)).build()
    }
}

fn result_properties(finding: &Finding) -> sarif::PropertyBag {
    let mut bag = properties([
        ("severity", json!(finding.severity.as_str())),
        ("confidence", json!(finding.confidence.as_str())),
        ("occurrences", json!(finding.occurrences)),
        (
            "security-severity",
            json!(security_severity(finding.severity)),
        ),
    ]);
    if let Some(leak) = &finding.leak {
        bag.additional_properties.extend(leak_properties(leak));
    }
    if let Some(fix) = &finding.fix {
        bag.additional_properties
            .insert("fix".to_owned(), json!(fix.title));
    }
    bag
}

fn leak_properties(leak: &Leak) -> impl Iterator<Item = (String, Value)> {
    let kinds: Vec<_> = leak.kinds.iter().copied().map(TokenKind::as_str).collect();
    let evidence: Vec<_> = leak
        .evidence
        .iter()
        .map(|evidence| evidence.as_str())
        .collect();
    let routing: Option<BTreeMap<_, _>> = leak
        .routing
        .as_ref()
        .map(|routing| prose::identifiers(routing).collect());
    [
        ("digest", Some(json!(leak.digest.as_str()))),
        ("mask", Some(json!(leak.mask.as_str()))),
        ("kinds", Some(json!(kinds))),
        ("noun", leak.noun.as_deref().map(|noun| json!(noun))),
        ("form", Some(json!(&*leak.form))),
        ("evidence", Some(json!(evidence))),
        ("routing", routing.map(|routing| json!(routing))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

fn location(location: &Location) -> sarif::Location {
    let provenance = &location.provenance;
    sarif::Location {
        physical_location: Some(sarif::PhysicalLocation {
            artifact_location: Some(artifact(&provenance.display_path(), provenance.base)),
            region: Some(region(location)),
            context_region: context_region(location),
            ..Default::default()
        }),
        logical_locations: logical_locations(location),
        properties: location_properties(location),
        ..Default::default()
    }
}

fn location_properties(location: &Location) -> Option<sarif::PropertyBag> {
    let within: Vec<_> = location
        .provenance
        .within
        .iter()
        .map(|layer| match layer {
            Layer::Member(name) => json!({"member": &**name}),
            Layer::Compressed(name) => json!({"compressed": **name}),
            Layer::Encoding(name) => json!({"encoding": **name}),
        })
        .collect();
    let entries = [
        ("within", (!within.is_empty()).then(|| json!(within))),
        ("git", revision(&location.provenance.origin)),
    ];
    let mut bag = properties([]);
    for (name, value) in entries {
        if let Some(value) = value {
            bag.additional_properties.insert(name.to_owned(), value);
        }
    }
    (!bag.additional_properties.is_empty()).then_some(bag)
}

/// Where in a repository an object stands; what is not known is left out.
fn revision(origin: &Origin) -> Option<Value> {
    let revision = origin.revision()?;
    let commit = revision.commit.as_ref();
    let object = match origin {
        Origin::Message(MessageKind::Commit | MessageKind::Tag | MessageKind::Tree, _) => "object",
        _ => "blob",
    };
    let entries = [
        (object, Some(json!(&*revision.object))),
        ("commit", commit.map(|commit| json!(&*commit.id))),
        (
            "author",
            commit.map(|commit| json!(sanitize::line(&commit.author))),
        ),
        ("date", commit.map(|commit| json!(&*commit.date))),
        ("reachable", revision.reachable.map(|value| json!(value))),
        ("at_head", revision.at_head.map(|value| json!(value))),
    ];
    let known = entries
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Some(known.collect())
}

/// The way to the place: the member of an archive that the region counts in, then that in the document.
/// The URI stays that of the file on disk, which is the one that a reader can open.
fn logical_locations(location: &Location) -> Option<Vec<sarif::LogicalLocation>> {
    let provenance = &location.provenance;
    let named = |name: &str, kind: Option<&str>| sarif::LogicalLocation {
        fully_qualified_name: Some(sanitize::line(name).into_owned()),
        kind: kind.map(str::to_owned),
        ..Default::default()
    };
    let member = provenance
        .is_packed()
        .then(|| named(&provenance.text_path(), Some("resource")));
    let route = location.route.as_deref().map(|route| named(route, None));
    let all: Vec<_> = member.into_iter().chain(route).collect();
    (!all.is_empty()).then_some(all)
}

fn region(location: &Location) -> sarif::Region {
    let excerpt = &location.excerpt;
    let cut = excerpt
        .text
        .get(excerpt.highlight.start..excerpt.highlight.end);
    sarif::Region {
        start_line: Some(number(location.start.line)),
        start_column: Some(number(location.start.column)),
        end_line: Some(number(location.end.line)),
        end_column: Some(number(location.end.column)),
        byte_offset: Some(number(location.span.start)),
        byte_length: Some(number(location.span.len())),
        snippet: cut.filter(|cut| !cut.is_empty()).map(snippet),
        ..Default::default()
    }
}

/// The excerpt, where it is more than the region and holds all of it, as the standard asks
/// (SARIF 2.1.0 section 3.29.5).
fn context_region(location: &Location) -> Option<sarif::Region> {
    let excerpt = &location.excerpt;
    let breaks = excerpt.text.matches('\n').count() as u64;
    let last = excerpt.text.rsplit('\n').next().unwrap_or_default();
    let skipped_on_last = if breaks == 0 {
        excerpt.skipped_columns
    } else {
        0
    };
    let start = Position {
        line: excerpt.first_line,
        column: excerpt.skipped_columns + 1,
    };
    let end = Position {
        line: excerpt.first_line + breaks,
        column: skipped_on_last + last.chars().count() as u64 + 1,
    };
    let holds = start <= location.start && location.end <= end;
    let is_more = start < location.start || location.end < end;
    (holds && is_more).then(|| sarif::Region {
        start_line: Some(number(start.line)),
        start_column: Some(number(start.column)),
        end_line: Some(number(end.line)),
        end_column: Some(number(end.column)),
        snippet: Some(snippet(&excerpt.text)),
        ..Default::default()
    })
}

/// [`security_severity`] times ten.
const fn rank(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 95.0,
        Severity::High => 80.0,
        Severity::Medium => 55.0,
        Severity::Low => 25.0,
        Severity::Info => 5.0,
    }
}

fn snippet(text: &str) -> sarif::ArtifactContent {
    sarif::ArtifactContent {
        text: Some(text.to_owned()),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{list, of, run_of};
    use super::*;
    use crate::model::{Positions, Span};
    use crate::output::sample;

    #[test]
    fn severities_fall_into_the_ranges_of_both_receivers() {
        let expected = [
            (Severity::Info, "note", "0.5", 5.0),
            (Severity::Low, "note", "2.5", 25.0),
            (Severity::Medium, "warning", "5.5", 55.0),
            (Severity::High, "error", "8.0", 80.0),
            (Severity::Critical, "error", "9.5", 95.0),
        ];
        assert_eq!(expected.map(|row| row.0), *Severity::ALL);
        for (severity, level, score, rank) in expected {
            let mut finding = sample::leak();
            finding.severity = severity;
            let result = of(finding);
            assert_eq!(result["level"], level);
            assert_eq!(result["properties"]["security-severity"], score);
            assert_eq!(result["rank"], rank);
        }
    }

    #[test]
    fn a_result_carries_identity_and_evidence() {
        let finding = sample::leak();
        let fingerprint = finding.fingerprint.as_str().to_owned();
        let digest = finding.leak.as_ref().unwrap().digest.as_str().to_owned();
        let result = of(finding);
        assert_eq!(
            result["partialFingerprints"],
            json!({"glpatrol/v1": fingerprint})
        );
        assert_eq!(
            result["message"]["text"],
            "Access token in `deploy/prod.sh`."
        );
        let properties = &result["properties"];
        assert_eq!(properties["digest"], digest);
        assert_eq!(properties["occurrences"], 14);
        assert_eq!(properties["confidence"], "high");
        assert_eq!(properties["evidence"], json!(["checksum-verified"]));
        assert_eq!(
            properties["routing"],
            json!({"user": 42, "organization": 1})
        );
    }

    #[test]
    fn a_place_has_lines_columns_bytes_and_masked_snippets() {
        let location = &of(sample::leak())["locations"][0]["physicalLocation"];
        assert_eq!(
            location["artifactLocation"],
            json!({"uri": "deploy/prod.sh", "uriBaseId": "%SRCROOT%"})
        );
        let mask = format!("gl{}-{}t8Ds", "pat", "*".repeat(16));
        assert_eq!(
            location["region"],
            json!({
                "startLine": 2, "startColumn": 14, "endLine": 2, "endColumn": 40,
                "byteOffset": 23, "byteLength": 26, "snippet": {"text": mask},
            })
        );
        assert_eq!(location["contextRegion"]["endLine"], 3);
        assert_eq!(location["contextRegion"]["endColumn"], 12);
    }

    #[test]
    fn a_context_that_does_not_hold_the_region_is_left_out() {
        let mut finding = sample::leak();
        finding.primary.end = Position {
            line: 90,
            column: 1,
        };
        let place = of(finding)["locations"][0]["physicalLocation"].clone();
        assert_eq!(place["contextRegion"], Value::Null);

        let mut finding = sample::leak();
        finding.primary = sample::location("x", "whole", "whole");
        let place = of(finding)["locations"][0]["physicalLocation"].clone();
        assert_eq!(place["contextRegion"], Value::Null);
        assert_eq!(place["region"]["snippet"]["text"], "whole");
    }

    #[test]
    fn a_cut_line_keeps_its_columns() {
        let mut finding = sample::leak();
        finding.primary = sample::location("x.js", &format!("{}KEY;", "a".repeat(900)), "KEY");
        finding.primary.excerpt.text = "aaKEY;".to_owned();
        finding.primary.excerpt.skipped_columns = 898;
        finding.primary.excerpt.highlight = Span::new(2, 5);
        let place = of(finding)["locations"][0]["physicalLocation"].clone();
        assert_eq!(place["region"]["startColumn"], 901);
        assert_eq!(place["contextRegion"]["startColumn"], 899);
        assert_eq!(place["contextRegion"]["endColumn"], 905);
    }

    #[test]
    fn routes_and_layers_are_kept() {
        let result = of(sample::ci_finding());
        assert_eq!(
            result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
            "deploy › script › 1"
        );
        let related = of(sample::leak())["relatedLocations"][0].clone();
        assert_eq!(
            related["properties"]["within"],
            json!([{"member": "a.env"}, {"encoding": "base64"}])
        );
        assert_eq!(related["id"], 1);
        assert_eq!(related["message"]["text"], "The same token.");
    }

    #[test]
    fn at_most_a_hundred_related_places() {
        let mut finding = sample::leak();
        let label = finding.related[0].clone();
        finding.related = vec![label; 150];
        assert_eq!(list(&of(finding)["relatedLocations"]).len(), 100);
    }

    #[test]
    fn suppressed_findings_stay_with_their_reason() {
        let mut finding = sample::suppressed_finding();
        assert_eq!(
            of(finding.clone())["suppressions"],
            json!([{"kind": "inSource", "status": "accepted", "justification": "gone in May"}])
        );
        finding.suppression.as_mut().unwrap().kind = crate::model::SuppressionKind::Config;
        assert_eq!(of(finding)["suppressions"][0]["kind"], "external");
        assert_eq!(of(sample::leak())["suppressions"], Value::Null);
    }

    #[test]
    fn a_baseline_tells_what_is_new() {
        let mut known = sample::suppressed_finding();
        known.suppression.as_mut().unwrap().kind = SuppressionKind::Baseline;
        let mut report = crate::model::Report {
            findings: vec![sample::leak(), known, sample::suppressed_finding()],
            has_baseline: true,
            ..Default::default()
        };
        let states = |report: &crate::model::Report| -> Vec<Value> {
            list(&run_of(report)["results"])
                .iter()
                .map(|result| result["baselineState"].clone())
                .collect()
        };
        assert_eq!(
            states(&report),
            [json!("new"), json!("unchanged"), json!(null)]
        );
        report.has_baseline = false;
        report.findings.truncate(1);
        assert_eq!(states(&report), [json!(null)]);
    }

    #[test]
    fn long_messages_are_cut_to_what_is_accepted() {
        let mut finding = sample::leak();
        finding.message = "é".repeat(9000);
        let text = of(finding)["message"]["text"].as_str().unwrap().to_owned();
        assert_eq!(text.chars().count(), 2048);
    }

    /// What lies between two 1-based positions, the second exclusive.
    fn cut(text: &str, region: &Value) -> String {
        let at = |line: &str, column: &str| {
            let line = usize::try_from(region[line].as_u64().unwrap()).unwrap();
            let column = usize::try_from(region[column].as_u64().unwrap()).unwrap();
            let before: usize = text
                .split('\n')
                .take(line - 1)
                .map(|line| line.len() + 1)
                .sum();
            let inside: usize = text[before..]
                .chars()
                .take(column - 1)
                .map(char::len_utf8)
                .sum();
            before + inside
        };
        text[at("startLine", "startColumn")..at("endLine", "endColumn")].to_owned()
    }

    proptest! {
        #[test]
        fn regions_cut_out_what_they_show(
            lines in prop::collection::vec("[aé√😀 ]{0,6}", 1..6),
            picks in (0usize..40, 0usize..40),
            window in (0usize..6, 0usize..6),
        ) {
            let text = lines.join("\n");
            let boundary = |pick: usize| {
                text.char_indices().map(|(at, _)| at).chain([text.len()]).cycle().nth(pick).unwrap()
            };
            let (a, b) = (boundary(picks.0), boundary(picks.1));
            let span = Span::new(a.min(b), a.max(b));
            let (start, end) = Positions::new(text.as_bytes()).of(span);
            let mut location = sample::location("x", &text, "");
            (location.span, location.start, location.end) = (span, start, end);
            // The lines from some before the place to some after it.
            let first = usize::try_from(start.line - 1).unwrap().saturating_sub(window.0);
            let last = (usize::try_from(end.line).unwrap() + window.1).min(lines.len());
            let skipped: usize = lines[..first].iter().map(|line| line.len() + 1).sum();
            location.excerpt.text = lines[first..last].join("\n");
            location.excerpt.first_line = first as u64 + 1;
            location.excerpt.highlight = Span::new(span.start - skipped, span.end - skipped);

            let mut finding = sample::leak();
            finding.primary = location;
            let place = of(finding)["locations"][0]["physicalLocation"].clone();
            let region = &place["region"];
            prop_assert_eq!(cut(&text, region), &text[span.start..span.end]);
            let offset = usize::try_from(region["byteOffset"].as_u64().unwrap()).unwrap();
            let length = usize::try_from(region["byteLength"].as_u64().unwrap()).unwrap();
            prop_assert_eq!(Span::new(offset, offset + length), span);
            let shown = region["snippet"]["text"].as_str().unwrap_or_default();
            prop_assert_eq!(shown, &text[span.start..span.end]);
            if let Some(context) = place.get("contextRegion") {
                prop_assert_eq!(&cut(&text, context), context["snippet"]["text"].as_str().unwrap());
            }
        }
    }
}
