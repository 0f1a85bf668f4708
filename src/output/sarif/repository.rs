//! The run of one repository of several: its name, where it comes from and where it stands.

use serde_json::json;
use serde_sarif::sarif;

use super::{SOURCE_ROOT, properties};
use crate::model::{Member, Shards};
use crate::output::sanitize;
use crate::rules::RuleSet;

/// The property of a run that names its repository.
pub(super) const REPOSITORY: &str = "repository";
/// The property of a log that names the parts of the whole it holds.
pub(super) const SHARDS: &str = "shards";
/// The property of a run that says from which severity on it fails.
pub(super) const FAIL_ON: &str = "fail-on";

pub(super) fn run(member: &Member, rules: &RuleSet) -> sarif::Run {
    let mut run = super::run(&member.report, rules);
    let described = &member.version_control;
    let line = |text: &str| sanitize::line(text).into_owned();
    run.automation_details = Some(sarif::RunAutomationDetails {
        // Receivers replace runs of one category, so that each repository is one.
        id: Some(format!(
            "{}/{}/",
            env!("CARGO_PKG_NAME"),
            line(&member.name)
        )),
        ..Default::default()
    });
    run.version_control_provenance = described.uri.as_deref().map(|uri| {
        vec![sarif::VersionControlDetails {
            branch: described.branch.as_deref().map(line),
            mapped_to: Some(sarif::ArtifactLocation {
                uri_base_id: Some(SOURCE_ROOT.to_owned()),
                ..Default::default()
            }),
            revision_id: described.revision.clone(),
            ..sarif::VersionControlDetails::builder()
                .repository_uri(uri)
                .build()
        }]
    });
    // Without an address the standard knows no provenance, so that all of it stands here too.
    let more = properties([
        (
            REPOSITORY,
            json!({
                "name": &*member.name,
                "revision": described.revision,
                "branch": described.branch,
            }),
        ),
        (FAIL_ON, json!(member.fail_on.as_str())),
    ]);
    run.properties
        .get_or_insert_default()
        .additional_properties
        .extend(more.additional_properties);
    run
}

pub(super) fn shards(shards: &Shards) -> sarif::PropertyBag {
    properties([(
        SHARDS,
        json!({"total": shards.total, "scanned": shards.scanned}),
    )])
}
