//! `glpatrol merge`

use std::path::Path;

use anyhow::{Context as _, bail};
use glpatrol::engine;
use glpatrol::model::{Fleet, Report, Shards};
use glpatrol::output::{self, Format, Style, WrittenReport, WrittenSarif};

use crate::args::MergeArguments;
use crate::destination::Destination;
use crate::exit::Outcome;

/// Joins the reports, writes the one that they make and says what it comes to.
pub(crate) fn run(arguments: &MergeArguments) -> anyhow::Result<Outcome> {
    let rules = engine::load_rules(&arguments.rules)?;
    let destination = match &arguments.output {
        Some(path) => Destination::prepare(path, &[])?,
        None => Destination::Stdout,
    };
    match read_all(arguments)? {
        Reports::Sarif(logs) => sarif(arguments, logs, &destination),
        Reports::Several(fleets) => {
            let fleet = engine::merge_fleets(fleets)?;
            check_shards(arguments, fleet.shards.as_ref())?;
            write(arguments, &destination, |format, style, out| {
                output::write_fleet(&fleet, &rules, format, style, out)
            })?;
            let incomplete = arguments.allow_incomplete;
            Ok(Outcome::of_fleet(&fleet, arguments.fail_on, incomplete))
        }
        Reports::Single(reports) => {
            let report = engine::merge_reports(reports);
            write(arguments, &destination, |format, style, out| {
                output::write(&report, &rules, format, style, out)
            })?;
            let fail_on = arguments.fail_on.unwrap_or_default();
            Ok(Outcome::of(&report, fail_on, arguments.allow_incomplete))
        }
    }
}

/// Reports of one kind.
enum Reports {
    Single(Vec<Report>),
    Several(Vec<Fleet>),
    Sarif(Vec<WrittenSarif>),
}

impl Reports {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Single(_) => "a JSON report of one repository",
            Self::Several(_) => "a JSON report of several repositories",
            Self::Sarif(_) => "a SARIF log",
        }
    }
}

fn read_all(arguments: &MergeArguments) -> anyhow::Result<Reports> {
    let mut all: Option<(&Path, Reports)> = None;
    for path in &arguments.reports {
        let bytes = engine::read_report(path)?;
        let read = output::read(&bytes).with_context(|| format!("`{}`", path.display()))?;
        match (&mut all, read) {
            (Some((_, Reports::Single(all))), WrittenReport::Report(report)) => all.push(report),
            (Some((_, Reports::Several(all))), WrittenReport::Fleet(fleet)) => all.push(fleet),
            (Some((_, Reports::Sarif(all))), WrittenReport::Sarif(log)) => all.push(log),
            (all, read) => {
                let one = match read {
                    WrittenReport::Report(report) => Reports::Single(vec![report]),
                    WrittenReport::Fleet(fleet) => Reports::Several(vec![fleet]),
                    WrittenReport::Sarif(log) => Reports::Sarif(vec![log]),
                };
                if let Some((first, all)) = all {
                    bail!(
                        "`{}` is {} and `{}` {}: merge reports of one kind",
                        first.display(),
                        all.kind(),
                        path.display(),
                        one.kind()
                    );
                }
                *all = Some((path, one));
            }
        }
    }
    all.map(|(_, reports)| reports)
        .context("there is no report to merge")
}

fn sarif(
    arguments: &MergeArguments,
    logs: Vec<WrittenSarif>,
    destination: &Destination,
) -> anyhow::Result<Outcome> {
    if let Some(format) = arguments.format.filter(|format| *format != Format::Sarif) {
        bail!("SARIF logs are merged into one SARIF log; for {format}, merge reports in JSON");
    }
    let log = WrittenSarif::merge(logs)?;
    check_shards(arguments, log.shards())?;
    destination.write(|out| log.write(out))?;
    Ok(Outcome::of_verdicts(
        log.verdicts(),
        arguments.fail_on,
        arguments.allow_incomplete,
    ))
}

/// A part that did not run would read like a clean one.
fn check_shards(arguments: &MergeArguments, shards: Option<&Shards>) -> anyhow::Result<()> {
    let Some(shards) = shards else { return Ok(()) };
    let missing: Vec<String> = shards.missing().map(|index| index.to_string()).collect();
    if missing.is_empty() || arguments.allow_incomplete {
        return Ok(());
    }
    bail!(
        "of {} shards these are missing: {}; give their reports too, or merge without them with \
         `--allow-incomplete`",
        shards.total,
        missing.join(", ")
    )
}

fn write(
    arguments: &MergeArguments,
    destination: &Destination,
    render: impl FnOnce(Format, &Style, &mut dyn std::io::Write) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let style = super::scan::style(&arguments.display, destination);
    let format = arguments.format.unwrap_or(Format::Json);
    destination.write(|out| render(format, &style, out))
}
