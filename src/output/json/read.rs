//! Reads back what this format writes, for reports of several machines to be merged.
//!
//! A report is a file like any other: what is missing, unknown or does not fit is an error with its
//! place, never a guess. What comes back is what every format writes of a report; the texts of rules
//! are not read, since they stand in the rule files.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::model::{
    CommitRef, Confidence, Digest, Evidence, Excerpt, FailOn, Finding, Fingerprint, Fix, FixSafety,
    Fleet, Label, Layer, Leak, LeftOut, Location, Mask, Member, MessageKind, Origin, PathBase,
    Position, Problem, ProblemClass, ProblemLevel, Provenance, Report, Revision, Routing, RuleId,
    Severity, Shards, Span, Stats, Subject, Suppressed, SuppressionKind, TokenKind,
    UnusedSuppression, VersionControl,
};

/// The numbers that JSON has exactly; lines, columns and offsets are far below.
const MAX_NUMBER: u64 = 1 << 53;

/// Reads one report.
pub(in crate::output) fn read_report(text: &str) -> serde_json::Result<Report> {
    serde_json::from_str::<ReportIn>(text).map(|read| read.body.into())
}

/// Reads the reports of several repositories.
pub(in crate::output) fn read_fleet(text: &str) -> serde_json::Result<Fleet> {
    serde_json::from_str::<FleetIn>(text).map(Fleet::from)
}

#[derive(Deserialize)]
struct ReportIn {
    #[serde(flatten)]
    body: BodyIn,
}

/// What a report has alone and as that of one repository of several.
#[derive(Deserialize)]
struct BodyIn {
    findings: Vec<FindingIn>,
    problems: Vec<ProblemIn>,
    #[serde(default)]
    problems_left_out: Vec<LeftOutIn>,
    unused_suppressions: Vec<UnusedIn>,
    stats: StatsIn,
}

impl From<BodyIn> for Report {
    fn from(read: BodyIn) -> Self {
        Self {
            findings: read.findings.into_iter().map(Finding::from).collect(),
            problems: read.problems.into_iter().map(Problem::from).collect(),
            left_out: read
                .problems_left_out
                .into_iter()
                .map(LeftOut::from)
                .collect(),
            unused_suppressions: read
                .unused_suppressions
                .into_iter()
                .map(UnusedSuppression::from)
                .collect(),
            stats: read.stats.into(),
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FleetIn {
    #[serde(rename = "schema")]
    _schema: IgnoredAny,
    #[serde(rename = "tool")]
    _tool: IgnoredAny,
    shards: Option<ShardsIn>,
    #[serde(rename = "complete")]
    _complete: IgnoredAny,
    repositories: Vec<RepositoryIn>,
    #[serde(rename = "rules")]
    _rules: IgnoredAny,
    #[serde(rename = "stats")]
    _stats: IgnoredAny,
}

impl From<FleetIn> for Fleet {
    fn from(read: FleetIn) -> Self {
        Self {
            shards: read.shards.map(|shards| Shards {
                total: shards.total,
                scanned: shards.scanned,
            }),
            members: read.repositories.into_iter().map(Member::from).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShardsIn {
    total: u32,
    scanned: BTreeSet<u32>,
}

#[derive(Deserialize)]
struct RepositoryIn {
    name: String,
    uri: Option<String>,
    revision: Option<String>,
    branch: Option<String>,
    #[serde(deserialize_with = "word")]
    fail_on: FailOn,
    #[serde(flatten)]
    body: BodyIn,
}

impl From<RepositoryIn> for Member {
    fn from(read: RepositoryIn) -> Self {
        Self {
            name: read.name.into(),
            version_control: VersionControl {
                uri: read.uri,
                revision: read.revision,
                branch: read.branch,
            },
            fail_on: read.fail_on,
            report: read.body.into(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FindingIn {
    rule: String,
    severity: Severity,
    confidence: Confidence,
    message: String,
    location: LocationIn,
    related: Vec<LabelIn>,
    #[serde(deserialize_with = "size")]
    occurrences: usize,
    subject: Option<String>,
    #[serde(deserialize_with = "fingerprint")]
    fingerprint: Fingerprint,
    token: Option<TokenIn>,
    fix: Option<FixIn>,
    suppression: Option<SuppressionIn>,
}

impl From<FindingIn> for Finding {
    fn from(read: FindingIn) -> Self {
        let leak = read.token.map(Leak::from);
        let subject = match (&leak, read.subject) {
            (Some(leak), None) => Subject::Token(leak.digest.clone()),
            (_, subject) => Subject::Named(subject.unwrap_or_default()),
        };
        Self {
            rule: RuleId::new(read.rule),
            severity: read.severity,
            confidence: read.confidence,
            message: read.message,
            primary: read.location.into(),
            related: read
                .related
                .into_iter()
                .map(|label| Label {
                    location: label.location.into(),
                    message: label.message,
                })
                .collect(),
            occurrences: read.occurrences,
            subject,
            fingerprint: read.fingerprint,
            leak,
            fix: read.fix.map(|fix| Fix {
                title: fix.title,
                safety: if fix.safe {
                    FixSafety::Safe
                } else {
                    FixSafety::Unsafe
                },
                replacements: Vec::new(),
            }),
            suppression: read.suppression.map(|suppression| Suppressed {
                kind: suppression.by,
                reason: suppression.reason,
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelIn {
    message: String,
    location: LocationIn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LocationIn {
    repository: Option<String>,
    path: String,
    #[serde(deserialize_with = "base")]
    base: PathBase,
    origin: OriginIn,
    git: Option<RevisionIn>,
    within: Vec<LayerIn>,
    start: PositionIn,
    end: PositionIn,
    #[serde(deserialize_with = "size")]
    byte_offset: usize,
    #[serde(deserialize_with = "size")]
    byte_length: usize,
    route: Option<String>,
    #[serde(deserialize_with = "excerpt")]
    excerpt: Excerpt,
}

impl From<LocationIn> for Location {
    fn from(read: LocationIn) -> Self {
        let revision = read.git.map(Revision::from).unwrap_or_default();
        Self {
            provenance: Provenance {
                repository: read.repository.map(Arc::from),
                path: read.path.into(),
                base: read.base,
                origin: read.origin.with(revision),
                within: read.within.into_iter().map(Layer::from).collect(),
            },
            span: Span::new(read.byte_offset, read.byte_offset + read.byte_length),
            start: read.start.into(),
            end: read.end.into(),
            route: read.route.map(Arc::from),
            excerpt: read.excerpt,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OriginIn {
    WorkTree,
    Stdin,
    Index,
    History,
    Commit,
    Tag,
    Note,
    Tree,
}

impl OriginIn {
    fn with(self, revision: Revision) -> Origin {
        let message = |kind, revision| Origin::Message(kind, Arc::new(revision));
        match self {
            Self::WorkTree => Origin::WorkTree,
            Self::Stdin => Origin::Stdin,
            Self::Index => Origin::Index(Arc::new(revision)),
            Self::History => Origin::History(Arc::new(revision)),
            Self::Commit => message(MessageKind::Commit, revision),
            Self::Tag => message(MessageKind::Tag, revision),
            Self::Note => message(MessageKind::Note, revision),
            Self::Tree => message(MessageKind::Tree, revision),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevisionIn {
    object: String,
    commit: Option<String>,
    author: Option<String>,
    date: Option<String>,
    reachable: Option<bool>,
    at_head: Option<bool>,
}

impl From<RevisionIn> for Revision {
    fn from(read: RevisionIn) -> Self {
        Self {
            object: read.object.into(),
            commit: read.commit.map(|id| CommitRef {
                id: id.into(),
                author: read.author.unwrap_or_default().into(),
                date: read.date.unwrap_or_default().into(),
            }),
            reachable: read.reachable,
            at_head: read.at_head,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LayerIn {
    Member(String),
    Compressed(String),
    Encoding(String),
}

impl From<LayerIn> for Layer {
    fn from(read: LayerIn) -> Self {
        match read {
            LayerIn::Member(name) => Self::Member(name.into()),
            LayerIn::Compressed(name) => Self::Compressed(name.into()),
            LayerIn::Encoding(name) => Self::Encoding(name.into()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PositionIn {
    #[serde(deserialize_with = "number")]
    line: u64,
    #[serde(deserialize_with = "number")]
    column: u64,
}

impl From<PositionIn> for Position {
    fn from(read: PositionIn) -> Self {
        Self {
            line: read.line,
            column: read.column,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenIn {
    #[serde(deserialize_with = "digest")]
    digest: Digest,
    mask: String,
    kinds: Vec<Word<TokenKind>>,
    noun: Option<String>,
    form: String,
    evidence: Vec<Evidence>,
    routing: Option<RoutingIn>,
}

impl From<TokenIn> for Leak {
    fn from(read: TokenIn) -> Self {
        Self {
            digest: read.digest,
            mask: Mask::from_report(read.mask),
            kinds: read.kinds.into_iter().map(|kind| kind.0).collect(),
            noun: read.noun.map(Arc::from),
            form: read.form.into(),
            evidence: read.evidence,
            routing: read.routing.map(Routing::from),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoutingIn {
    user: Option<u64>,
    project: Option<u64>,
    group: Option<u64>,
    organization: Option<u64>,
    cell: Option<u64>,
    runner_type: Option<u64>,
}

impl From<RoutingIn> for Routing {
    fn from(read: RoutingIn) -> Self {
        Self {
            cell: read.cell,
            group: read.group,
            organization: read.organization,
            project: read.project,
            runner_type: read.runner_type,
            user: read.user,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FixIn {
    title: String,
    safe: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuppressionIn {
    #[serde(deserialize_with = "suppressor")]
    by: SuppressionKind,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProblemIn {
    #[serde(deserialize_with = "level")]
    level: ProblemLevel,
    class: ProblemClass,
    path: String,
    #[serde(deserialize_with = "base")]
    base: PathBase,
    position: Option<PositionIn>,
    message: String,
    mend: Option<String>,
}

impl From<ProblemIn> for Problem {
    fn from(read: ProblemIn) -> Self {
        Self {
            level: read.level,
            class: read.class,
            path: read.path,
            base: read.base,
            position: read.position.map(Position::from),
            message: read.message,
            mend: read.mend,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeftOutIn {
    #[serde(deserialize_with = "level")]
    level: ProblemLevel,
    #[serde(deserialize_with = "word")]
    class: ProblemClass,
    #[serde(deserialize_with = "number")]
    number: u64,
}

impl From<LeftOutIn> for LeftOut {
    fn from(read: LeftOutIn) -> Self {
        let LeftOutIn {
            level,
            class,
            number,
        } = read;
        Self {
            level,
            class,
            number,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnusedIn {
    #[serde(deserialize_with = "suppressor")]
    by: SuppressionKind,
    path: String,
    #[serde(deserialize_with = "base")]
    base: PathBase,
    position: PositionIn,
    message: String,
}

impl From<UnusedIn> for UnusedSuppression {
    fn from(read: UnusedIn) -> Self {
        Self {
            kind: read.by,
            path: read.path,
            base: read.base,
            position: read.position.into(),
            message: read.message,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatsIn {
    files: u64,
    bytes: u64,
    members: u64,
    ci_files: u64,
    jobs: u64,
    inventories: u64,
    tokens: u64,
    special_files: u64,
    repositories: u64,
    objects: u64,
    object_bytes: u64,
}

impl From<StatsIn> for Stats {
    fn from(read: StatsIn) -> Self {
        Self {
            files: read.files,
            bytes: read.bytes,
            members: read.members,
            ci_files: read.ci_files,
            jobs: read.jobs,
            inventories: read.inventories,
            tokens: read.tokens,
            special_files: read.special_files,
            repositories: read.repositories,
            objects: read.objects,
            object_bytes: read.object_bytes,
        }
    }
}

/// A value that its own word stands for.
struct Word<T>(T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer).map(Self)
    }
}

fn word<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(D::Error::custom)
}

/// The value for which `name` gives the word.
fn named<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    values: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, D::Error> {
    let word = String::deserialize(deserializer)?;
    values
        .iter()
        .copied()
        .find(|value| name(*value) == word)
        .ok_or_else(|| D::Error::custom(format!("`{word}` is not known")))
}

fn base<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBase, D::Error> {
    const ALL: [PathBase; 2] = [PathBase::SourceRoot, PathBase::Inventory];
    named(deserializer, &ALL, super::base_word)
}

fn suppressor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SuppressionKind, D::Error> {
    const ALL: [SuppressionKind; 3] = [
        SuppressionKind::Inline,
        SuppressionKind::Config,
        SuppressionKind::Baseline,
    ];
    named(deserializer, &ALL, super::suppression_word)
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProblemLevel, D::Error> {
    const ALL: [ProblemLevel; 2] = [ProblemLevel::Error, ProblemLevel::Note];
    named(deserializer, &ALL, super::level_word)
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    Digest::parse(&text).ok_or_else(|| D::Error::custom("a digest has 32 hexadecimal digits"))
}

fn fingerprint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
    let text = String::deserialize(deserializer)?;
    Fingerprint::parse(&text)
        .ok_or_else(|| D::Error::custom("a fingerprint has 64 hexadecimal digits"))
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if number > MAX_NUMBER {
        return Err(D::Error::custom(format!("{number} is too big")));
    }
    Ok(number)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    usize::try_from(number(deserializer)?).map_err(D::Error::custom)
}

/// Renderers cut the highlight out of the text.
fn excerpt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Excerpt, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ExcerptIn {
        text: String,
        #[serde(deserialize_with = "number")]
        first_line: u64,
        #[serde(deserialize_with = "number")]
        skipped_columns: u64,
        highlight: [usize; 2],
    }
    let read = ExcerptIn::deserialize(deserializer)?;
    let [start, end] = read.highlight;
    if read.text.get(start..end).is_none() {
        return Err(D::Error::custom("the highlight lies outside of the text"));
    }
    Ok(Excerpt {
        text: read.text,
        first_line: read.first_line,
        skipped_columns: read.skipped_columns,
        highlight: Span::new(start, end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{json, sample};

    fn written(report: &Report) -> String {
        let mut out = Vec::new();
        json::write(report, &sample::rules(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_report_reads_back_as_what_it_was_written_from() {
        for report in [
            sample::report(),
            sample::hostile_report(),
            Report::default(),
        ] {
            let text = written(&report);
            assert_eq!(written(&read_report(&text).unwrap()), text);
        }
    }

    #[test]
    fn every_word_of_the_model_is_read() {
        let mut report = sample::report();
        let origins = [
            Origin::Stdin,
            Origin::Index(Arc::default()),
            Origin::History(Arc::new(Revision {
                object: "ab".into(),
                commit: Some(CommitRef {
                    id: "cd".into(),
                    author: "A <a@a.example>".into(),
                    date: "2026-01-31T10:00:00Z".into(),
                }),
                reachable: Some(true),
                at_head: Some(false),
            })),
            Origin::Message(MessageKind::Commit, Arc::default()),
            Origin::Message(MessageKind::Tag, Arc::default()),
            Origin::Message(MessageKind::Note, Arc::default()),
            Origin::Message(MessageKind::Tree, Arc::default()),
        ];
        for (label, origin) in report.findings[0].related.iter_mut().zip(origins) {
            label.location.provenance.origin = origin;
        }
        let leak = report.findings[0].leak.as_mut().unwrap();
        leak.evidence = Evidence::ALL.to_vec();
        leak.kinds = TokenKind::ALL.to_vec();
        for class in ProblemClass::ALL {
            report
                .problems
                .push(sample::problem(ProblemLevel::Note, *class, "x", "no"));
            report.left_out.push(LeftOut {
                level: ProblemLevel::Error,
                class: *class,
                number: 7,
            });
        }
        let text = written(&report);
        assert_eq!(written(&read_report(&text).unwrap()), text);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        let good = written(&sample::report());
        for (from, to, told) in [
            ("\"severity\":\"critical\"", "\"severity\":\"dire\"", "dire"),
            ("\"highlight\":[23,", "\"highlight\":[9999,", "highlight"),
            (
                "\"byte_offset\":23,",
                "\"byte_offset\":18446744073709551615,",
                "too big",
            ),
            ("\"byte_offset\":23,", "\"byte_offset\":-1,", "-1"),
            (
                "\"base\":\"inventory\"",
                "\"base\":\"moon\"",
                "`moon` is not known",
            ),
            ("\"digest\":\"", "\"digest\":\"x", "32 hexadecimal"),
            (
                "\"fingerprint\":\"",
                "\"fingerprint\":\"x",
                "64 hexadecimal",
            ),
            ("\"stats\":", "\"state\":", "stats"),
            ("\"rule\":", "\"ruin\":", "ruin"),
        ] {
            assert!(good.contains(from), "{from}");
            let error = read_report(&good.replacen(from, to, 1))
                .unwrap_err()
                .to_string();
            assert!(error.contains(told), "{error}");
        }
        for end in (0..good.len())
            .step_by(97)
            .filter(|end| good.is_char_boundary(*end))
        {
            assert!(read_report(&good[..end]).is_err(), "{end}");
        }
    }
}
