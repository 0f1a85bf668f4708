//! The `sarif` format: SARIF 2.1.0 as code scanning of GitHub and the vulnerability report of
//! GitLab take it.
//!
//! One run a repository, all on one line, without times, absolute paths or anything else of the machine. The limits
//! are those of the two receivers (docs.github.com "SARIF support for code scanning";
//! gitlabhq/gitlabhq `doc/user/application_security/detect/sarif.md`): what one of them would cut
//! or reject is cut here, and a notification counts it. This folder alone knows the types of
//! `serde-sarif`.

mod join;
mod merge;
mod notices;
mod repository;
mod result;
mod rules;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use serde_json::{Value, json};
use serde_sarif::sarif;

pub(super) use self::merge::{SarifLog, merge, read, verdicts, writers};
use self::notices::Notices;
use self::rules::Catalogue;
use super::{prose, sanitize, uri};
use crate::model::{Fleet, PathBase, Report, Stats};
use crate::rules::RuleSet;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const VERSION: &str = "2.1.0";
/// GitHub rejects a run with more results.
const MAX_RESULTS: usize = 25_000;
/// GitLab drops a result with a longer message.
const MAX_MESSAGE: usize = 2048;
/// GitLab drops a result of a rule with a longer name.
const MAX_NAME: usize = 255;
/// The base of repository paths, by the name that GitHub's own tools use.
const SOURCE_ROOT: &str = "%SRCROOT%";
/// The base of inventories outside of everything scanned.
const INVENTORY: &str = "INVENTORY";

/// Writes the report as one SARIF log.
pub(super) fn write(report: &Report, rules: &RuleSet, out: &mut dyn Write) -> io::Result<()> {
    let log = Log {
        properties: None,
        runs: std::iter::once(run(report, rules)),
    };
    sanitize::write_json(&log, out)
}

/// Writes the reports as one SARIF log with a run for each repository.
pub(super) fn write_fleet(fleet: &Fleet, rules: &RuleSet, out: &mut dyn Write) -> io::Result<()> {
    let log = Log {
        properties: fleet.shards.as_ref().map(repository::shards),
        runs: fleet
            .members
            .iter()
            .map(|member| repository::run(member, rules)),
    };
    sanitize::write_json(&log, out)
}

/// A SARIF log whose runs are made one after the other while it is written: those of many
/// repositories are never in memory together.
struct Log<I> {
    properties: Option<sarif::PropertyBag>,
    runs: I,
}

impl<I: Iterator<Item = sarif::Run> + Clone> Serialize for Log<I> {
    /// The members in the order of [`sarif::Sarif`].
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Runs<I>(I);
        impl<I: Iterator<Item = sarif::Run> + Clone> Serialize for Runs<I> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.clone())
            }
        }
        let mut log = serializer.serialize_struct("Sarif", 4)?;
        log.serialize_field("$schema", SCHEMA)?;
        if let Some(properties) = &self.properties {
            log.serialize_field("properties", properties)?;
        }
        log.serialize_field("runs", &Runs(self.runs.clone()))?;
        log.serialize_field("version", VERSION)?;
        log.end()
    }
}

fn run(report: &Report, rules: &RuleSet) -> sarif::Run {
    let shown = &report.findings[..report.findings.len().min(MAX_RESULTS)];
    let catalogue = Catalogue::new(shown, rules);
    let notices = Notices::new(report);
    sarif::Run {
        automation_details: Some(sarif::RunAutomationDetails {
            // What follows the slash would name one run; runs of one category replace each other.
            id: Some(concat!(env!("CARGO_PKG_NAME"), "/").to_owned()),
            ..Default::default()
        }),
        column_kind: Some(json!("unicodeCodePoints")),
        invocations: Some(vec![sarif::Invocation {
            tool_execution_notifications: Some(notices.execution),
            tool_configuration_notifications: Some(notices.configuration),
            ..sarif::Invocation::builder()
                .execution_successful(report.is_complete())
                .build()
        }]),
        language: Some("en-US".to_owned()),
        original_uri_base_ids: Some(bases(report)),
        properties: Some(properties([("stats", stats(&report.stats))])),
        results: Some(
            shown
                .iter()
                .map(|finding| sarif::Result {
                    baseline_state: report
                        .has_baseline
                        .then(|| result::baseline_state(finding))
                        .flatten(),
                    ..result::result(finding, &catalogue)
                })
                .collect(),
        ),
        taxonomies: catalogue.taxonomy().map(|taxonomy| vec![taxonomy]),
        ..sarif::Run::builder()
            .tool(
                sarif::Tool::builder()
                    .driver(rules::driver(&catalogue, notices.descriptors))
                    .build(),
            )
            .build()
    }
}

/// The bases that paths of the report are relative to, told in words: where they lie on the machine
/// is nobody's business.
fn bases(report: &Report) -> BTreeMap<String, sarif::ArtifactLocation> {
    let places = report.findings.iter().flat_map(|finding| {
        let related = finding.related.iter().map(|label| &label.location);
        related.chain([&finding.primary])
    });
    let outside = places
        .map(|location| location.provenance.base)
        .chain(report.problems.iter().map(|problem| problem.base))
        .chain(report.unused_suppressions.iter().map(|unused| unused.base))
        .any(|base| base == PathBase::Inventory);
    let base = |id: &str, text: &str| {
        let location = sarif::ArtifactLocation {
            description: Some(message(text)),
            ..Default::default()
        };
        (id.to_owned(), location)
    };
    let root = base(SOURCE_ROOT, "the root of what was scanned");
    let inventory = base(
        INVENTORY,
        "the folder of an inventory that lies outside of what was scanned",
    );
    [root]
        .into_iter()
        .chain(outside.then_some(inventory))
        .collect()
}

fn stats(stats: &Stats) -> Value {
    json!({
        "files": stats.files,
        "bytes": stats.bytes,
        "members": stats.members,
        "ci-files": stats.ci_files,
        "jobs": stats.jobs,
        "inventories": stats.inventories,
        "tokens": stats.tokens,
        "special-files": stats.special_files,
        "repositories": stats.repositories,
        "objects": stats.objects,
        "object-bytes": stats.object_bytes,
    })
}

fn artifact(path: &str, base: PathBase) -> sarif::ArtifactLocation {
    let base = match base {
        PathBase::SourceRoot => SOURCE_ROOT,
        PathBase::Inventory => INVENTORY,
    };
    sarif::ArtifactLocation {
        uri: Some(uri::relative(path)),
        uri_base_id: Some(base.to_owned()),
        ..Default::default()
    }
}

/// A message of the model as a sentence that viewers can show as it is.
fn message(text: &str) -> sarif::Message {
    let sentence = prose::sentence(&sanitize::line(text));
    sarif::Message {
        text: Some(prose::clipped(&sentence, MAX_MESSAGE)),
        ..Default::default()
    }
}

fn multiformat(text: &str) -> sarif::MultiformatMessageString {
    sarif::MultiformatMessageString::builder()
        .text(text)
        .build()
}

fn properties<const N: usize>(entries: [(&str, Value); N]) -> sarif::PropertyBag {
    sarif::PropertyBag {
        tags: None,
        additional_properties: entries
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

/// The symbolic name that viewers show: `LeakedDeployToken` for `leaked-deploy-token`. None where
/// it would repeat the id, which the standard forbids (SARIF 2.1.0 section 3.49.7).
fn symbolic_name(id: &str) -> Option<String> {
    let name: String = id
        .split('-')
        .filter_map(|word| {
            let mut chars = word.chars();
            let first = chars.next()?;
            Some(first.to_uppercase().chain(chars).collect::<String>())
        })
        .collect();
    id.contains('-').then(|| prose::clipped(&name, MAX_NAME))
}

/// A count or position as SARIF's integers have it.
fn number(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Finding;
    use crate::output::sample;

    pub(super) fn written(report: &Report, rules: &RuleSet) -> String {
        let mut out = Vec::new();
        write(report, rules, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The one run of the log, as JSON.
    pub(super) fn run_of(report: &Report) -> Value {
        let log: Value = serde_json::from_str(&written(report, &sample::rules())).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(log["runs"].as_array().unwrap().len(), 1);
        log["runs"][0].clone()
    }

    pub(super) fn of(finding: Finding) -> Value {
        let report = Report {
            findings: vec![finding],
            ..Report::default()
        };
        run_of(&report)["results"][0].clone()
    }

    pub(super) fn list(value: &Value) -> &[Value] {
        value.as_array().map_or(&[], Vec::as_slice)
    }

    #[test]
    fn is_read_back_as_the_types_it_was_written_from() {
        for report in [
            sample::report(),
            sample::hostile_report(),
            Report::default(),
        ] {
            let text = written(&report, &sample::rules());
            let log: sarif::Sarif = serde_json::from_str(&text).unwrap();
            assert_eq!(log.runs, [super::run(&report, &sample::rules())]);
            let mut again = Vec::new();
            sanitize::write_json(&log, &mut again).unwrap();
            assert_eq!(String::from_utf8(again).unwrap(), text);
            assert_eq!(log.schema.as_deref(), Some(SCHEMA));
        }
    }

    #[test]
    fn tells_nothing_of_time_machine_or_secret() {
        let text = written(&sample::report(), &sample::rules());
        for word in [
            "Utc",
            "commandLine",
            "workingDirectory",
            "machine",
            "file://",
            "guid",
            env!("CARGO_MANIFEST_DIR"),
            &sample::token(),
        ] {
            assert!(!text.contains(word), "{word}");
        }
        assert_eq!(text, written(&sample::report(), &sample::rules()));
        assert_eq!(text.matches('\n').count(), 1);
    }

    #[test]
    fn the_run_says_how_it_counts_and_what_it_replaces() {
        let run = run_of(&sample::report());
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        assert_eq!(run["automationDetails"]["id"], "glpatrol/");
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "glpatrol");
        assert_eq!(driver["organization"], "glpatrol");
        assert_eq!(driver["semanticVersion"], env!("CARGO_PKG_VERSION"));
        assert_eq!(run["properties"]["stats"]["files"], 1204);
    }

    #[test]
    fn an_inventory_outside_has_a_base_of_its_own() {
        let run = run_of(&sample::report());
        let place = &run["results"][3]["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"],
            json!({"uri": "tokens.json", "uriBaseId": "INVENTORY"})
        );
        let bases = run["originalUriBaseIds"].as_object().unwrap();
        assert_eq!(bases.keys().collect::<Vec<_>>(), ["%SRCROOT%", "INVENTORY"]);
        assert!(bases.values().all(|base| base.get("uri").is_none()));
        let run = run_of(&Report::default());
        assert_eq!(run["originalUriBaseIds"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn hostile_text_is_escaped_and_neutralised_in_messages() {
        let text = written(&sample::hostile_report(), &sample::rules());
        assert!(!text.trim_end().chars().any(sanitize::is_hazard));
        let run = run_of(&sample::hostile_report());
        for result in list(&run["results"]) {
            let message = result["message"]["text"].as_str().unwrap();
            assert!(!message.chars().any(|c| c == '\n' || sanitize::is_hazard(c)));
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.starts_with("x%0Aa%1B%5B31m%E2%80%AEb"), "{uri}");
            assert_eq!(place["region"]["snippet"]["text"], sample::HOSTILE);
        }
    }
}
