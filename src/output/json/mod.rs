//! The `json` format: one object on one line, of the program's own schema `glpatrol/report/v1`, or
//! `glpatrol/fleet/v1` for several repositories.
//!
//! Keys come in the order of the structs below and are never removed or renamed under one schema
//! name; new ones may be added. The model is not written as it is, so that a change inside the
//! program is no change of the schema. `null` stands for what does not apply.

mod fleet;
mod read;

use std::io::{self, Write};

use serde::Serialize;

use super::{prose, sanitize};
use crate::model::{
    Excerpt, Finding, FixSafety, Layer, Leak, LeftOut, Location, PathBase, Position, Problem,
    ProblemLevel, Report, Revision, Routing, Stats, Subject, SuppressionKind, TokenKind,
    UnusedSuppression,
};
use crate::rules::{Rule, RuleSet};

pub(super) use fleet::{SCHEMA as FLEET_SCHEMA, write_fleet};
pub(super) use read::{read_fleet, read_report};

/// The name and version of the schema.
pub(super) const SCHEMA: &str = "glpatrol/report/v1";

/// Writes the report as one line of JSON.
pub(super) fn write(report: &Report, rules: &RuleSet, out: &mut dyn Write) -> io::Result<()> {
    sanitize::write_json(&ReportJson::new(report, rules), out)
}

#[derive(Serialize)]
struct ReportJson<'r> {
    schema: &'static str,
    tool: ToolJson,
    /// Whether everything asked for was read.
    complete: bool,
    /// Suppressed ones are among them, marked.
    findings: Vec<FindingJson<'r>>,
    /// The rules of the findings, sorted by id.
    rules: Vec<RuleJson<'r>>,
    problems: Vec<ProblemJson<'r>>,
    /// What is wrong beyond that, counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems_left_out: Vec<LeftOutJson>,
    unused_suppressions: Vec<UnusedJson<'r>>,
    stats: StatsJson,
}

impl<'r> ReportJson<'r> {
    fn new(report: &'r Report, rules: &'r RuleSet) -> Self {
        Self {
            schema: SCHEMA,
            tool: ToolJson::THIS,
            complete: report.is_complete(),
            findings: report.findings.iter().map(FindingJson::new).collect(),
            rules: prose::rules_of(&report.findings, rules)
                .into_values()
                .flatten()
                .map(RuleJson::new)
                .collect(),
            problems: report.problems.iter().map(ProblemJson::new).collect(),
            problems_left_out: report.left_out.iter().map(LeftOutJson::new).collect(),
            unused_suppressions: report
                .unused_suppressions
                .iter()
                .map(UnusedJson::new)
                .collect(),
            stats: StatsJson::new(&report.stats),
        }
    }
}

#[derive(Serialize)]
struct ToolJson {
    name: &'static str,
    version: &'static str,
}

impl ToolJson {
    const THIS: Self = Self {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
    };
}

#[derive(Serialize)]
struct FindingJson<'r> {
    rule: &'r str,
    severity: &'static str,
    confidence: &'static str,
    message: &'r str,
    location: LocationJson<'r>,
    related: Vec<LabelJson<'r>>,
    /// All places, the first and those that `related` has no room for included.
    occurrences: usize,
    /// What a finding that is no leak is about: with rule and path, its identity.
    subject: Option<&'r str>,
    fingerprint: &'r str,
    token: Option<TokenJson<'r>>,
    fix: Option<FixJson<'r>>,
    suppression: Option<SuppressionJson<'r>>,
}

impl<'r> FindingJson<'r> {
    fn new(finding: &'r Finding) -> Self {
        Self {
            rule: finding.rule.as_str(),
            severity: finding.severity.as_str(),
            confidence: finding.confidence.as_str(),
            message: &finding.message,
            location: LocationJson::new(&finding.primary),
            related: finding
                .related
                .iter()
                .map(|label| LabelJson {
                    message: &label.message,
                    location: LocationJson::new(&label.location),
                })
                .collect(),
            occurrences: finding.occurrences,
            subject: match &finding.subject {
                Subject::Named(name) => Some(name),
                Subject::Token(_) => None,
            },
            fingerprint: finding.fingerprint.as_str(),
            token: finding.leak.as_ref().map(TokenJson::new),
            fix: finding.fix.as_ref().map(|fix| FixJson {
                title: &fix.title,
                safe: fix.safety == FixSafety::Safe,
            }),
            suppression: finding
                .suppression
                .as_ref()
                .map(|suppressed| SuppressionJson {
                    by: suppression_word(suppressed.kind),
                    reason: &suppressed.reason,
                }),
        }
    }
}

#[derive(Serialize)]
struct LabelJson<'r> {
    message: &'r str,
    location: LocationJson<'r>,
}

#[derive(Serialize)]
struct LocationJson<'r> {
    repository: Option<&'r str>,
    path: &'r str,
    /// What `path` is relative to: `source-root` or `inventory`.
    base: &'static str,
    /// Which copy was read: `work-tree`, `stdin`, `index`, `history`, or the text of a `commit`, `tag`,
    /// `note` or `tree`.
    origin: &'static str,
    git: Option<RevisionJson<'r>>,
    /// Archive members and encodings on the way to the text, outermost first.
    within: Vec<LayerJson<'r>>,
    start: PositionJson,
    end: PositionJson,
    byte_offset: usize,
    byte_length: usize,
    route: Option<&'r str>,
    excerpt: ExcerptJson<'r>,
}

impl<'r> LocationJson<'r> {
    fn new(location: &'r Location) -> Self {
        let provenance = &location.provenance;
        Self {
            repository: provenance.repository.as_deref(),
            path: &provenance.path,
            base: base_word(provenance.base),
            origin: provenance.origin.as_str(),
            git: provenance.origin.revision().map(RevisionJson::new),
            within: provenance
                .within
                .iter()
                .map(|layer| match layer {
                    Layer::Member(name) => LayerJson::Member(name),
                    Layer::Compressed(name) => LayerJson::Compressed(name),
                    Layer::Encoding(name) => LayerJson::Encoding(name),
                })
                .collect(),
            start: PositionJson::new(location.start),
            end: PositionJson::new(location.end),
            byte_offset: location.span.start,
            byte_length: location.span.len(),
            route: location.route.as_deref(),
            excerpt: ExcerptJson::new(&location.excerpt),
        }
    }
}

/// Where in a repository an object stands; what is null is not known, or not there.
#[derive(Serialize)]
struct RevisionJson<'r> {
    /// The object that was read.
    object: &'r str,
    /// The oldest commit that has it, with its author and the date it was committed.
    commit: Option<&'r str>,
    author: Option<&'r str>,
    date: Option<&'r str>,
    reachable: Option<bool>,
    at_head: Option<bool>,
}

impl<'r> RevisionJson<'r> {
    fn new(revision: &'r Revision) -> Self {
        let commit = revision.commit.as_ref();
        Self {
            object: &revision.object,
            commit: commit.map(|commit| &*commit.id),
            author: commit.map(|commit| &*commit.author),
            date: commit.map(|commit| &*commit.date),
            reachable: revision.reachable,
            at_head: revision.at_head,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LayerJson<'r> {
    Member(&'r str),
    Compressed(&'r str),
    Encoding(&'r str),
}

/// 1-based; columns in Unicode scalar values.
#[derive(Serialize)]
struct PositionJson {
    line: u64,
    column: u64,
}

impl PositionJson {
    const fn new(position: Position) -> Self {
        Self {
            line: position.line,
            column: position.column,
        }
    }
}

#[derive(Serialize)]
struct ExcerptJson<'r> {
    /// Tokens in it are masked.
    text: &'r str,
    first_line: u64,
    skipped_columns: u64,
    /// Bytes of `text`, half open.
    highlight: [usize; 2],
}

impl<'r> ExcerptJson<'r> {
    fn new(excerpt: &'r Excerpt) -> Self {
        Self {
            text: &excerpt.text,
            first_line: excerpt.first_line,
            skipped_columns: excerpt.skipped_columns,
            highlight: [excerpt.highlight.start, excerpt.highlight.end],
        }
    }
}

#[derive(Serialize)]
struct TokenJson<'r> {
    digest: &'r str,
    mask: &'r str,
    /// Empty where it is none of GitLab's; `noun` then says what the rule calls it.
    kinds: Vec<&'static str>,
    noun: Option<&'r str>,
    form: &'r str,
    evidence: Vec<&'static str>,
    routing: Option<RoutingJson>,
}

impl<'r> TokenJson<'r> {
    fn new(leak: &'r Leak) -> Self {
        Self {
            digest: leak.digest.as_str(),
            mask: leak.mask.as_str(),
            kinds: leak.kinds.iter().copied().map(TokenKind::as_str).collect(),
            noun: leak.noun.as_deref(),
            form: &leak.form,
            evidence: leak
                .evidence
                .iter()
                .map(|evidence| evidence.as_str())
                .collect(),
            routing: leak.routing.as_ref().map(RoutingJson::new),
        }
    }
}

/// The identifiers in the payload of a routable token.
#[derive(Serialize)]
pub(super) struct RoutingJson {
    user: Option<u64>,
    project: Option<u64>,
    group: Option<u64>,
    organization: Option<u64>,
    cell: Option<u64>,
    runner_type: Option<u64>,
}

impl RoutingJson {
    pub(super) const fn new(routing: &Routing) -> Self {
        Self {
            user: routing.user,
            project: routing.project,
            group: routing.group,
            organization: routing.organization,
            cell: routing.cell,
            runner_type: routing.runner_type,
        }
    }
}

#[derive(Serialize)]
struct FixJson<'r> {
    title: &'r str,
    /// Whether it cannot change what a job does.
    safe: bool,
}

#[derive(Serialize)]
struct SuppressionJson<'r> {
    by: &'static str,
    reason: &'r str,
}

#[derive(Serialize)]
struct RuleJson<'r> {
    id: &'r str,
    title: &'r str,
    why: String,
    fix: String,
    cwe: &'r [u32],
    references: &'r [String],
}

impl<'r> RuleJson<'r> {
    fn new(rule: &'r Rule) -> Self {
        Self {
            id: rule.id.as_str(),
            title: &rule.title,
            why: prose::unfolded(&rule.why),
            fix: prose::unfolded(&rule.fix),
            cwe: &rule.cwe,
            references: &rule.references,
        }
    }
}

#[derive(Serialize)]
struct ProblemJson<'r> {
    /// `error` where the run is incomplete for it, else `note`.
    level: &'static str,
    class: &'static str,
    path: &'r str,
    base: &'static str,
    position: Option<PositionJson>,
    message: &'r str,
    mend: Option<&'r str>,
}

impl<'r> ProblemJson<'r> {
    fn new(problem: &'r Problem) -> Self {
        Self {
            level: level_word(problem.level),
            class: problem.class.as_str(),
            path: &problem.path,
            base: base_word(problem.base),
            position: problem.position.map(PositionJson::new),
            message: &problem.message,
            mend: problem.mend.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct LeftOutJson {
    level: &'static str,
    class: &'static str,
    number: u64,
}

impl LeftOutJson {
    const fn new(left_out: &LeftOut) -> Self {
        Self {
            level: level_word(left_out.level),
            class: left_out.class.as_str(),
            number: left_out.number,
        }
    }
}

#[derive(Serialize)]
struct UnusedJson<'r> {
    by: &'static str,
    path: &'r str,
    base: &'static str,
    position: PositionJson,
    message: &'r str,
}

impl<'r> UnusedJson<'r> {
    fn new(unused: &'r UnusedSuppression) -> Self {
        Self {
            by: suppression_word(unused.kind),
            path: &unused.path,
            base: base_word(unused.base),
            position: PositionJson::new(unused.position),
            message: &unused.message,
        }
    }
}

#[derive(Serialize)]
struct StatsJson {
    files: u64,
    bytes: u64,
    /// What was packed in the files, at any depth.
    members: u64,
    ci_files: u64,
    jobs: u64,
    inventories: u64,
    tokens: u64,
    special_files: u64,
    /// Git repositories whose history was searched, and what it has.
    repositories: u64,
    objects: u64,
    object_bytes: u64,
}

impl StatsJson {
    const fn new(stats: &Stats) -> Self {
        Self {
            files: stats.files,
            bytes: stats.bytes,
            members: stats.members,
            ci_files: stats.ci_files,
            jobs: stats.jobs,
            inventories: stats.inventories,
            tokens: stats.tokens,
            special_files: stats.special_files,
            repositories: stats.repositories,
            objects: stats.objects,
            object_bytes: stats.object_bytes,
        }
    }
}

const fn level_word(level: ProblemLevel) -> &'static str {
    match level {
        ProblemLevel::Error => "error",
        ProblemLevel::Note => "note",
    }
}

const fn base_word(base: PathBase) -> &'static str {
    match base {
        PathBase::SourceRoot => "source-root",
        PathBase::Inventory => "inventory",
    }
}

const fn suppression_word(kind: SuppressionKind) -> &'static str {
    match kind {
        SuppressionKind::Inline => "comment",
        SuppressionKind::Config => "configuration",
        SuppressionKind::Baseline => "baseline",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;
    use serde_json::{Value, json};

    fn written(report: &Report) -> String {
        let mut out = Vec::new();
        write(report, &sample::rules(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn parsed(report: &Report) -> Value {
        serde_json::from_str(&written(report)).unwrap()
    }

    #[test]
    fn keys_come_in_the_documented_order_on_one_line() {
        let text = written(&sample::report());
        let keys = [
            "{\"schema\":\"glpatrol/report/v1\"",
            ",\"tool\":",
            ",\"complete\":",
            ",\"findings\":",
            ",\"rules\":",
            ",\"problems\":",
            ",\"unused_suppressions\":",
            ",\"stats\":",
        ];
        let places: Vec<_> = keys.iter().map(|key| text.find(key).unwrap()).collect();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn a_leak_is_told_without_its_bytes() {
        let report = parsed(&sample::report());
        let finding = &report["findings"][0];
        let token = sample::token();
        assert_eq!(finding["rule"], "leaked-access-token");
        assert_eq!(finding["severity"], "critical");
        assert_eq!(finding["occurrences"], 14);
        assert_eq!(finding["subject"], Value::Null);
        assert_eq!(
            finding["token"]["digest"],
            crate::model::Digest::of(token.as_bytes()).as_str()
        );
        assert_eq!(
            finding["token"]["kinds"],
            json!(["personal_access_token", "project_access_token"])
        );
        assert_eq!(finding["token"]["routing"]["user"], 42);
        assert_eq!(finding["token"]["routing"]["project"], Value::Null);
        assert!(!written(&sample::report()).contains(&token));
    }

    #[test]
    fn a_place_has_bytes_lines_and_columns() {
        let report = parsed(&sample::report());
        let place = &report["findings"][0]["location"];
        assert_eq!(place["path"], "deploy/prod.sh");
        assert_eq!(place["start"], json!({"line": 2, "column": 14}));
        assert_eq!(place["end"], json!({"line": 2, "column": 40}));
        assert_eq!(place["byte_offset"], 23);
        assert_eq!(place["byte_length"], 26);
        let within = &report["findings"][0]["related"][0]["location"]["within"];
        assert_eq!(
            within,
            &json!([{"member": "a.env"}, {"encoding": "base64"}])
        );
        assert_eq!(report["findings"][3]["location"]["base"], "inventory");
    }

    #[test]
    fn suppressed_findings_stay_and_are_marked() {
        let report = parsed(&sample::report());
        assert_eq!(report["findings"].as_array().unwrap().len(), 4);
        assert_eq!(
            report["findings"][2]["suppression"],
            json!({"by": "comment", "reason": "gone in May"})
        );
        assert_eq!(report["findings"][0]["suppression"], Value::Null);
    }

    #[test]
    fn incomplete_runs_say_so() {
        let mut report = sample::report();
        assert_eq!(parsed(&report)["complete"], false);
        assert_eq!(parsed(&report)["problems"][0]["level"], "error");
        assert_eq!(
            parsed(&report)["problems"][0]["position"],
            json!({"line": 3, "column": 5})
        );
        report
            .problems
            .retain(|problem| problem.level == ProblemLevel::Note);
        assert_eq!(parsed(&report)["complete"], true);
    }

    #[test]
    fn rules_of_findings_are_explained_once() {
        let report = parsed(&sample::report());
        let ids: Vec<_> = report["rules"]
            .as_array()
            .unwrap()
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
    }

    #[test]
    fn hostile_text_is_kept_and_printed_raw_it_is_harmless() {
        let report = sample::hostile_report();
        let text = written(&report);
        assert!(!text.trim_end().chars().any(sanitize::is_hazard));
        assert_eq!(
            parsed(&report)["findings"][0]["message"],
            report.findings[0].message.as_str()
        );
    }
}
