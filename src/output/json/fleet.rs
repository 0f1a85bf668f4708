//! The `json` format of several repositories: schema `glpatrol/fleet/v1`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::{FindingJson, LeftOutJson, ProblemJson, RuleJson, StatsJson, ToolJson, UnusedJson};
use crate::model::{Fleet, Member, Shards, Stats};
use crate::output::{prose, sanitize};
use crate::rules::{Rule, RuleSet};

/// The name and version of the schema.
pub(in crate::output) const SCHEMA: &str = "glpatrol/fleet/v1";

/// Writes the reports as one line of JSON.
pub(in crate::output) fn write_fleet(
    fleet: &Fleet,
    rules: &RuleSet,
    out: &mut dyn Write,
) -> io::Result<()> {
    sanitize::write_json(&FleetJson::new(fleet, rules), out)
}

#[derive(Serialize)]
struct FleetJson<'r> {
    schema: &'static str,
    tool: ToolJson,
    /// Which parts of the whole these are; `null` for the whole.
    shards: Option<ShardsJson<'r>>,
    /// Whether everything asked for was read.
    complete: bool,
    /// Sorted by name.
    repositories: Repositories<'r>,
    /// The rules of all findings, sorted by id.
    rules: Vec<RuleJson<'r>>,
    /// Of all repositories together.
    stats: StatsJson,
}

impl<'r> FleetJson<'r> {
    fn new(fleet: &'r Fleet, rules: &'r RuleSet) -> Self {
        let mut broken: BTreeMap<&str, Option<&Rule>> = BTreeMap::new();
        let mut stats = Stats::default();
        for member in &fleet.members {
            broken.append(&mut prose::rules_of(&member.report.findings, rules));
            stats.add(&member.report.stats);
        }
        Self {
            schema: SCHEMA,
            tool: ToolJson::THIS,
            shards: fleet.shards.as_ref().map(ShardsJson::new),
            complete: fleet.is_complete(),
            repositories: Repositories(&fleet.members),
            rules: broken.into_values().flatten().map(RuleJson::new).collect(),
            stats: StatsJson::new(&stats),
        }
    }
}

#[derive(Serialize)]
struct ShardsJson<'r> {
    total: u32,
    /// From 1 on.
    scanned: &'r BTreeSet<u32>,
}

impl<'r> ShardsJson<'r> {
    const fn new(shards: &'r Shards) -> Self {
        Self {
            total: shards.total,
            scanned: &shards.scanned,
        }
    }
}

/// Made one after the other while they are written.
struct Repositories<'r>(&'r [Member]);

impl Serialize for Repositories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(RepositoryJson::new))
    }
}

#[derive(Serialize)]
struct RepositoryJson<'r> {
    /// Its path relative to the list or folder that named it.
    name: &'r str,
    /// The address of the remote `origin`, without credentials.
    uri: Option<&'r str>,
    revision: Option<&'r str>,
    branch: Option<&'r str>,
    /// From which severity on its findings make a run fail where no option says so.
    fail_on: &'static str,
    complete: bool,
    findings: Vec<FindingJson<'r>>,
    problems: Vec<ProblemJson<'r>>,
    /// What is wrong beyond that, counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems_left_out: Vec<LeftOutJson>,
    unused_suppressions: Vec<UnusedJson<'r>>,
    stats: StatsJson,
}

impl<'r> RepositoryJson<'r> {
    fn new(member: &'r Member) -> Self {
        let described = &member.version_control;
        let report = &member.report;
        Self {
            name: &member.name,
            uri: described.uri.as_deref(),
            revision: described.revision.as_deref(),
            branch: described.branch.as_deref(),
            fail_on: member.fail_on.as_str(),
            complete: report.is_complete(),
            findings: report.findings.iter().map(FindingJson::new).collect(),
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
