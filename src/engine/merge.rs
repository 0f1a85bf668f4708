//! Joins reports of several runs into the one that a single run would have made: those of the parts of
//! a fleet, and those of the same repository.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::leaks;
use crate::model::{
    Finding, Fingerprint, Fleet, Label, Member, Provenance, Report, ShardError, Shards, Span,
    VersionControl,
};

/// Joins fleets by the names of their repositories.
///
/// # Errors
///
/// Where they are parts of different wholes.
pub fn merge_fleets(fleets: Vec<Fleet>) -> Result<Fleet, ShardError> {
    let shards = Shards::join(fleets.iter().map(|fleet| fleet.shards.clone()))?;
    let mut members: BTreeMap<Arc<str>, Vec<Member>> = BTreeMap::new();
    for member in fleets.into_iter().flat_map(|fleet| fleet.members) {
        let same = members.entry(member.name.clone()).or_default();
        // The same report twice, as of a job that ran twice, counts once.
        if !same.contains(&member) {
            same.push(member);
        }
    }
    Ok(Fleet {
        shards,
        members: members
            .into_values()
            .filter_map(|same| same.into_iter().reduce(join_members))
            .collect(),
    })
}

/// Joins reports of the same repository.
pub fn merge_reports(reports: Vec<Report>) -> Report {
    let mut different: Vec<Report> = Vec::new();
    for report in reports {
        if !different.contains(&report) {
            different.push(report);
        }
    }
    different
        .into_iter()
        .reduce(join_reports)
        .unwrap_or_default()
}

fn join_members(mut member: Member, other: Member) -> Member {
    let VersionControl {
        uri,
        revision,
        branch,
    } = &mut member.version_control;
    // Scans of two commits are a report of neither.
    for (one, other) in [
        (uri, other.version_control.uri),
        (revision, other.version_control.revision),
        (branch, other.version_control.branch),
    ] {
        if *one != other {
            *one = None;
        }
    }
    member.fail_on = member.fail_on.stricter(other.fail_on);
    member.report = join_reports(member.report, other.report);
    member
}

fn join_reports(mut report: Report, other: Report) -> Report {
    let mut findings: BTreeMap<(Fingerprint, Option<(Provenance, Span)>), Finding> =
        BTreeMap::new();
    for finding in report.findings.drain(..).chain(other.findings) {
        // A token is one finding wherever it lies; the same problem may stand at two places of a file.
        let place = finding
            .leak
            .is_none()
            .then(|| (finding.primary.provenance.clone(), finding.primary.span));
        match findings.entry((finding.fingerprint.clone(), place)) {
            Entry::Vacant(place) => {
                place.insert(finding);
            }
            Entry::Occupied(mut place) => join_finding(place.get_mut(), finding),
        }
    }
    report.findings = findings.into_values().collect();
    report.findings.sort_by(Finding::report_order);
    report.problems.extend(other.problems);
    report.left_out.extend(other.left_out);
    report.limit_problems(None);
    report.unused_suppressions.extend(other.unused_suppressions);
    report.unused_suppressions.sort();
    report.unused_suppressions.dedup();
    report.has_baseline |= other.has_baseline;
    report.stats.add(&other.stats);
    report
}

/// One finding of two, with the places of both. What one of them shows is not hidden by the other.
fn join_finding(finding: &mut Finding, mut other: Finding) {
    let rank = |finding: &Finding| {
        (
            finding.suppression.is_some(),
            finding.primary.provenance.clone(),
            finding.primary.span,
        )
    };
    if rank(&other) < rank(finding) {
        std::mem::swap(finding, &mut other);
    }
    finding.severity = finding.severity.max(other.severity);
    finding.confidence = finding.confidence.max(other.confidence);
    let Some(leak) = &finding.leak else {
        return;
    };
    let counted = |finding: &Finding| finding.occurrences == finding.related.len() + 1;
    let all_known = counted(finding) && counted(&other);
    let mut places: BTreeMap<(Provenance, Span), Label> = BTreeMap::new();
    let primary = Label {
        location: other.primary,
        message: leaks::SAME_TOKEN.to_owned(),
    };
    for label in finding
        .related
        .drain(..)
        .chain([primary])
        .chain(other.related)
    {
        let key = (label.location.provenance.clone(), label.location.span);
        places.entry(key).or_insert(label);
    }
    places.remove(&(finding.primary.provenance.clone(), finding.primary.span));
    let distinct = places.len() + 1;
    finding.occurrences = if all_known {
        distinct
    } else {
        distinct.max(finding.occurrences).max(other.occurrences)
    };
    finding.message = leaks::message(leak, &finding.primary.provenance, finding.occurrences);
    finding.related = places.into_values().take(Finding::MAX_RELATED).collect();
}
