//! Joins SARIF logs of this program into the one that a single run would have written.
//!
//! Runs of different repositories stay as they are. Those of one repository become one run: results by
//! their fingerprints, rules, weaknesses and notifications once, with the indexes that lead to them.
//! Nothing is read that the program does not write itself.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Value, json};
use serde_sarif::sarif;

use super::join::join_result;
use super::repository::{FAIL_ON, REPOSITORY, SHARDS};
use super::{MAX_RESULTS, number, properties};
use crate::model::{FailOn, Fingerprint, Severity, ShardError, Shards};
use crate::output::merge::Verdict;

/// A log of this program, read back.
#[derive(Debug)]
pub(in crate::output) struct SarifLog {
    pub(in crate::output) log: sarif::Sarif,
    pub(in crate::output) shards: Option<Shards>,
}

/// Reads a log; the error says what does not fit.
pub(in crate::output) fn read(text: &str) -> Result<SarifLog, String> {
    let log: sarif::Sarif = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let shards = match property(log.properties.as_ref(), SHARDS) {
        None => None,
        Some(value) => Some(shards(value).ok_or("the shards of the log do not fit")?),
    };
    for run in &log.runs {
        for result in run.results.iter().flatten() {
            if severity(result).is_none() || fingerprint(result).is_none() {
                return Err("a result has no severity or no fingerprint".to_owned());
            }
        }
        if fail_on(run).is_none() {
            return Err("a run fails on no known severity".to_owned());
        }
    }
    Ok(SarifLog { log, shards })
}

/// The versions of the program that wrote the runs of a log.
pub(in crate::output) fn writers(log: &SarifLog) -> impl Iterator<Item = (&str, &str)> {
    log.log.runs.iter().map(|run| {
        let driver = &run.tool.driver;
        (&*driver.name, driver.version.as_deref().unwrap_or_default())
    })
}

pub(in crate::output) fn merge(logs: Vec<SarifLog>) -> Result<SarifLog, ShardError> {
    let shards = Shards::join(logs.iter().map(|log| log.shards.clone()))?;
    let mut runs: BTreeMap<Option<String>, Vec<sarif::Run>> = BTreeMap::new();
    for run in logs.into_iter().flat_map(|log| log.log.runs) {
        let same = runs.entry(name(&run)).or_default();
        // The same report twice, as of a job that ran twice, counts once.
        if !same.contains(&run) {
            same.push(run);
        }
    }
    let runs: Vec<sarif::Run> = runs
        .into_values()
        .filter_map(|same| same.into_iter().reduce(join))
        .collect();
    Ok(SarifLog {
        log: sarif::Sarif {
            schema: Some(super::SCHEMA.to_owned()),
            properties: shards.as_ref().map(super::repository::shards),
            ..sarif::Sarif::builder()
                .version(json!(super::VERSION))
                .runs(runs)
                .build()
        },
        shards,
    })
}

pub(in crate::output) fn verdicts(log: &SarifLog) -> impl Iterator<Item = Verdict> {
    log.log.runs.iter().map(|run| Verdict {
        fail_on: fail_on(run).unwrap_or_default(),
        worst: run
            .results
            .iter()
            .flatten()
            .filter(|result| result.suppressions.iter().flatten().next().is_none())
            .filter_map(severity)
            .max(),
        complete: run
            .invocations
            .iter()
            .flatten()
            .all(|invocation| invocation.execution_successful),
    })
}

fn property<'b>(bag: Option<&'b sarif::PropertyBag>, name: &str) -> Option<&'b Value> {
    bag?.additional_properties.get(name)
}

/// The name of the repository; none for a run over one alone.
fn name(run: &sarif::Run) -> Option<String> {
    let name = property(run.properties.as_ref(), REPOSITORY)?.get("name")?;
    name.as_str().map(str::to_owned)
}

/// From which severity on a run fails; that of a run over one repository alone is not written down.
fn fail_on(run: &sarif::Run) -> Option<FailOn> {
    match property(run.properties.as_ref(), FAIL_ON) {
        None => Some(FailOn::default()),
        Some(word) => word.as_str()?.parse().ok(),
    }
}

fn shards(value: &Value) -> Option<Shards> {
    let index = |value: &Value| u32::try_from(value.as_u64()?).ok();
    Some(Shards {
        total: index(value.get("total")?)?,
        scanned: value
            .get("scanned")?
            .as_array()?
            .iter()
            .map(index)
            .collect::<Option<_>>()?,
    })
}

pub(super) fn severity(result: &sarif::Result) -> Option<Severity> {
    property(result.properties.as_ref(), "severity")?
        .as_str()?
        .parse()
        .ok()
}

pub(super) fn fingerprint(result: &sarif::Result) -> Option<&str> {
    let of_program = result.partial_fingerprints.as_ref()?;
    of_program.get(Fingerprint::SCHEME).map(String::as_str)
}

/// The run of a repository that two runs are about.
fn join(mut run: sarif::Run, other: sarif::Run) -> sarif::Run {
    join_provenance(&mut run, &other);
    join_properties(&mut run, &other);
    let bases = other.original_uri_base_ids.into_iter().flatten();
    run.original_uri_base_ids
        .get_or_insert_default()
        .extend(bases);
    join_rules(&mut run, other.tool.driver.rules, other.taxonomies);
    join_invocations(
        &mut run,
        other.invocations.unwrap_or_default(),
        &other.tool.driver.notifications.unwrap_or_default(),
    );
    join_results(&mut run, other.results.unwrap_or_default());
    run
}

/// Scans of two commits are a report of neither.
fn join_provenance(run: &mut sarif::Run, other: &sarif::Run) {
    if run.version_control_provenance != other.version_control_provenance {
        let first = |run: &sarif::Run| run.version_control_provenance.as_ref()?.first().cloned();
        run.version_control_provenance = match (first(run), first(other)) {
            (Some(mut one), Some(other)) if one.repository_uri == other.repository_uri => {
                if one.branch != other.branch {
                    one.branch = None;
                }
                if one.revision_id != other.revision_id {
                    one.revision_id = None;
                }
                Some(vec![one])
            }
            _ => None,
        };
    }
}

fn join_properties(run: &mut sarif::Run, other: &sarif::Run) {
    let fail_on = fail_on(run)
        .unwrap_or_default()
        .stricter(fail_on(other).unwrap_or_default());
    let bag = &mut run.properties.get_or_insert_default().additional_properties;
    if let Some(word) = bag.get_mut(FAIL_ON) {
        *word = json!(fail_on.as_str());
    }
    let theirs = |name| property(other.properties.as_ref(), name).and_then(Value::as_object);
    if let (Some(Value::Object(ours)), Some(theirs)) = (bag.get_mut(REPOSITORY), theirs(REPOSITORY))
    {
        for (key, value) in ours {
            if theirs.get(key) != Some(value) {
                *value = Value::Null;
            }
        }
    }
    if let (Some(Value::Object(ours)), Some(theirs)) = (bag.get_mut("stats"), theirs("stats")) {
        for (key, value) in ours {
            let sum = [Some(&*value), theirs.get(key)]
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .fold(0_u64, u64::saturating_add);
            *value = json!(sum);
        }
    }
}

/// Rules sorted by id, weaknesses by number, and every index that leads to one.
fn join_rules(
    run: &mut sarif::Run,
    rules: Option<Vec<sarif::ReportingDescriptor>>,
    taxonomies: Option<Vec<sarif::ToolComponent>>,
) {
    let driver = &mut run.tool.driver;
    let all = driver.rules.get_or_insert_default();
    for rule in rules.unwrap_or_default() {
        match all.binary_search_by(|known| known.id.cmp(&rule.id)) {
            Ok(_) => {}
            Err(at) => all.insert(at, rule),
        }
    }
    let mut taxonomies = taxonomies.unwrap_or_default();
    match (run.taxonomies.as_deref_mut(), taxonomies.first_mut()) {
        (Some([ours, ..]), Some(theirs)) => {
            let taxa = ours.taxa.get_or_insert_default();
            for taxon in theirs.taxa.take().unwrap_or_default() {
                if taxa.iter().all(|known| known.id != taxon.id) {
                    taxa.push(taxon);
                }
            }
            taxa.sort_by_key(|taxon| weakness(&taxon.id));
        }
        (_, None) => {}
        (_, Some(_)) => {
            driver.supported_taxonomies = Some(vec![super::rules::cwe_reference()]);
            run.taxonomies = Some(taxonomies);
        }
    }
    let taxa: Vec<String> = run
        .taxonomies
        .iter()
        .flatten()
        .flat_map(|taxonomy| taxonomy.taxa.iter().flatten())
        .map(|taxon| taxon.id.clone())
        .collect();
    let relationships = all
        .iter_mut()
        .flat_map(|rule| rule.relationships.iter_mut().flatten());
    for relationship in relationships {
        let target = &mut relationship.target;
        target.index = taxa
            .iter()
            .position(|id| Some(id) == target.id.as_ref())
            .map(number);
    }
}

/// The number in `CWE-798`.
fn weakness(id: &str) -> u32 {
    let digits = id.rsplit('-').next().unwrap_or_default();
    digits.parse().unwrap_or(u32::MAX)
}

fn join_invocations(
    run: &mut sarif::Run,
    others: Vec<sarif::Invocation>,
    their_descriptors: &[sarif::ReportingDescriptor],
) {
    let descriptors = run.tool.driver.notifications.get_or_insert_default();
    for descriptor in their_descriptors {
        if descriptors.iter().all(|known| known.id != descriptor.id) {
            descriptors.push(descriptor.clone());
        }
    }
    let indexed = |mut notice: sarif::Notification| {
        if let Some(reference) = &mut notice.descriptor {
            reference.index = descriptors
                .iter()
                .position(|known| Some(&known.id) == reference.id.as_ref())
                .map(number);
        }
        notice
    };
    let join = |ours: &mut Option<Vec<sarif::Notification>>, theirs| {
        let ours = ours.get_or_insert_default();
        let theirs: Option<Vec<sarif::Notification>> = theirs;
        for notice in theirs.into_iter().flatten().map(indexed) {
            if !ours.contains(&notice) {
                ours.push(notice);
            }
        }
    };
    let Some(ours) = run.invocations.get_or_insert_default().first_mut() else {
        run.invocations = Some(others);
        return;
    };
    for other in others {
        ours.execution_successful &= other.execution_successful;
        join(
            &mut ours.tool_execution_notifications,
            other.tool_execution_notifications,
        );
        join(
            &mut ours.tool_configuration_notifications,
            other.tool_configuration_notifications,
        );
    }
    if descriptors.is_empty() {
        run.tool.driver.notifications = None;
    }
}

fn join_results(run: &mut sarif::Run, others: Vec<sarif::Result>) {
    let mut results: BTreeMap<(String, String), sarif::Result> = BTreeMap::new();
    for result in run
        .results
        .take()
        .unwrap_or_default()
        .into_iter()
        .chain(others)
    {
        let identity = fingerprint(&result).unwrap_or_default().to_owned();
        // A token is one result wherever it lies; another problem may stand at two places of a file.
        let place = if is_leak(&result) {
            String::new()
        } else {
            format!("{:?}", result.locations)
        };
        match results.entry((identity, place)) {
            Entry::Vacant(place) => {
                place.insert(result);
            }
            Entry::Occupied(mut place) => join_result(place.get_mut(), result),
        }
    }
    let mut results: Vec<sarif::Result> = results.into_values().collect();
    results.sort_by_cached_key(|result| {
        (
            Reverse(severity(result)),
            result
                .locations
                .iter()
                .flatten()
                .next()
                .map(super::join::place),
            result.rule_id.clone(),
            fingerprint(result).map(str::to_owned),
        )
    });
    let left_out = results.len().saturating_sub(MAX_RESULTS);
    results.truncate(MAX_RESULTS);
    let rules = run.tool.driver.rules.as_deref().unwrap_or_default();
    for result in &mut results {
        result.rule_index = rules
            .iter()
            .position(|rule| Some(&rule.id) == result.rule_id.as_ref())
            .map(number);
    }
    run.results = Some(results);
    if left_out > 0 {
        let bag = properties([("results-left-out", json!(left_out))]);
        run.properties
            .get_or_insert_default()
            .additional_properties
            .extend(bag.additional_properties);
        for invocation in run.invocations.iter_mut().flatten() {
            invocation.execution_successful = false;
        }
    }
}

pub(super) fn is_leak(result: &sarif::Result) -> bool {
    property(result.properties.as_ref(), "digest").is_some()
}
