//! `glpatrol baseline`

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::bail;
use glpatrol::config::Baseline;
use glpatrol::engine;
use glpatrol::model::{KnownFinding, Position, Report, SuppressionKind};
use glpatrol::output::{self, Format, Style};
use glpatrol::rules::RuleSet;

use super::scan::{Setting, files};
use crate::args::{
    BaselineArguments, BaselineCommand, BaselineCreateArguments, BaselineUpdateArguments,
    InputArguments, SpeechArguments, shows_unicode,
};
use crate::destination::Destination;
use crate::exit::Outcome;

/// Creates, updates or prunes a baseline.
pub(crate) fn run(command: &BaselineCommand) -> anyhow::Result<Outcome> {
    match command {
        BaselineCommand::Create(arguments) => create(arguments),
        BaselineCommand::Update(arguments) => update(arguments),
        BaselineCommand::Prune(arguments) => prune(arguments),
    }
}

fn create(arguments: &BaselineCreateArguments) -> anyhow::Result<Outcome> {
    let target = arguments.output.as_deref().unwrap_or(Path::new("-"));
    let destination = prepare(target, &arguments.input)?;
    if matches!(&destination, Destination::File(file) if file.exists()) {
        bail!(
            "`{0}` exists, and its reasons would be lost: `glpatrol baseline update --baseline {0}` adds what \
             is new; delete the file to begin anew",
            target.display()
        );
    }
    let setting = Setting::load(&arguments.input)?;
    let report = setting.scan(&arguments.input, None, arguments.speech.progress())?;
    let mut baseline = Baseline::default();
    let added = baseline.add(unknown(&report, &arguments.reason.reason));
    destination.write(|out| write!(out, "{baseline}"))?;
    let said = format!("{} written to {}", entries(added), shown(target));
    conclude(&report, arguments.speech, &said)
}

fn update(arguments: &BaselineUpdateArguments) -> anyhow::Result<Outcome> {
    let Known {
        target,
        destination,
        setting,
        mut baseline,
        report,
        speech,
    } = Known::of(&arguments.known)?;
    let stale = stale(&baseline, &report, &setting).len();
    let added = baseline.add(unknown(&report, &arguments.reason.reason));
    destination.write(|out| write!(out, "{baseline}"))?;
    let mut said = format!("{} added to {}", entries(added), shown(target));
    if stale > 0 {
        let stale = entries(stale);
        said =
            format!("{said}; of no use any more: {stale}, which `glpatrol baseline prune` drops");
    }
    conclude(&report, speech, &said)
}

fn prune(arguments: &BaselineArguments) -> anyhow::Result<Outcome> {
    let Known {
        target,
        destination,
        setting,
        mut baseline,
        report,
        speech,
    } = Known::of(arguments)?;
    if !report.is_complete() {
        let said = "nothing pruned: what could not be read may be what an entry is there for";
        return conclude(&report, speech, said);
    }
    let stale = stale(&baseline, &report, &setting);
    let dropped = baseline.retain(|entry| !stale.contains(&entry.position));
    destination.write(|out| write!(out, "{baseline}"))?;
    let kept = baseline.entries().len();
    let said = format!(
        "{} dropped, {kept} kept in {}",
        entries(dropped),
        shown(target)
    );
    conclude(&report, speech, &said)
}

/// A baseline, and the report of a scan that it was compared with.
struct Known<'a> {
    target: &'a Path,
    destination: Destination,
    setting: Setting,
    baseline: Baseline,
    report: Report,
    speech: SpeechArguments,
}

impl<'a> Known<'a> {
    fn of(arguments: &'a BaselineArguments) -> anyhow::Result<Self> {
        let BaselineArguments {
            input,
            baseline,
            output,
            speech,
        } = arguments;
        let target = output.as_deref().unwrap_or(baseline);
        let destination = prepare(target, input)?;
        let setting = Setting::load(input)?;
        let baseline = engine::load_baseline(baseline, &files(input))?;
        let report = setting.scan(input, Some(baseline.clone()), speech.progress())?;
        Ok(Self {
            target,
            destination,
            setting,
            baseline,
            report,
            speech: *speech,
        })
    }
}

fn prepare(target: &Path, input: &InputArguments) -> anyhow::Result<Destination> {
    Destination::prepare(target, &engine::scanned_folders(&files(input))?)
}

/// What nothing hides yet.
fn unknown(report: &Report, reason: &str) -> Vec<KnownFinding> {
    report
        .active()
        .map(|finding| KnownFinding::of(finding, reason))
        .collect()
}

/// Where the entries stand that hide nothing although the run looked for what they mean. An entry of a
/// rule that this run does not have may be of use to one that has it, and is not among them.
fn stale(baseline: &Baseline, report: &Report, setting: &Setting) -> BTreeSet<Position> {
    let unused: BTreeSet<_> = report
        .unused_suppressions
        .iter()
        .filter(|unused| unused.kind == SuppressionKind::Baseline)
        .map(|unused| unused.position)
        .collect();
    baseline
        .entries()
        .iter()
        .filter(|entry| unused.contains(&entry.position))
        .filter(|entry| setting.rules.get(entry.rule.as_str()).is_some())
        .map(|entry| entry.position)
        .collect()
}

/// Says what was done, and before that what could not be read, on standard error: the baseline itself may
/// go to standard output.
fn conclude(report: &Report, speech: SpeechArguments, said: &str) -> anyhow::Result<Outcome> {
    let problems = Report {
        problems: report.problems.clone(),
        left_out: report.left_out.clone(),
        ..Report::default()
    };
    let style = Style {
        unicode: shows_unicode(),
        quiet: true,
        ..Style::default()
    };
    let mut out = io::stderr().lock();
    output::write(
        &problems,
        &RuleSet::default(),
        Format::Human,
        &style,
        &mut out,
    )?;
    if !speech.quiet {
        writeln!(out, "{said}")?;
    }
    Ok(if report.is_complete() {
        Outcome::Clean
    } else {
        Outcome::Incomplete
    })
}

fn entries(number: usize) -> String {
    match number {
        1 => "1 entry".to_owned(),
        _ => format!("{number} entries"),
    }
}

fn shown(target: &Path) -> String {
    if target == Path::new("-") {
        "standard output".to_owned()
    } else {
        format!("`{}`", target.display())
    }
}
