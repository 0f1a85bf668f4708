//! `glpatrol scan`

mod fleet;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use glpatrol::config::{Baseline, Config};
use glpatrol::engine::{
    self, AdditionsRequest, Cache, ConfigFile, DECODE_DEPTH, HistoryScope, ScanRequest,
};
use glpatrol::model::{Confidence, Persona, Report};
use glpatrol::output::{self, Format, Style};
use glpatrol::rules::{Analysis, RuleSet};
use jiff::Zoned;
use jiff::civil::Date;

use crate::args::{DisplayArguments, InputArguments, ScanArguments, shows_unicode};
use crate::destination::Destination;
use crate::exit::Outcome;
use crate::progress::with_progress;

/// Scans, writes every report that is asked for and says what the run came to.
pub(crate) fn run(arguments: &ScanArguments) -> anyhow::Result<Outcome> {
    if let Some(repos) = &arguments.repos {
        return fleet::run(arguments, repos);
    }
    let setting = Setting::load(&arguments.input)?;
    let baseline = match &arguments.baseline {
        Some(file) => Some(engine::load_baseline(file, &files(&arguments.input))?),
        None => None,
    };
    let reports = destinations(
        arguments,
        &engine::scanned_folders(&files(&arguments.input))?,
    )?;
    let known = Known {
        baseline,
        additions: additions(arguments)?,
        cache: cache(arguments)?,
    };
    let report = setting.scan(&arguments.input, known, arguments.display.progress())?;
    for (format, destination) in &reports {
        let style = style(&arguments.display, destination);
        destination.write(|out| output::write(&report, &setting.rules, *format, &style, out))?;
    }
    let fail_on = arguments.fail_on.or(setting.config.fail_on);
    Ok(Outcome::of(
        &report,
        fail_on.unwrap_or_default(),
        arguments.allow_incomplete,
    ))
}

/// What a run takes as known, and does not report.
pub(crate) struct Known {
    /// Findings that are hidden.
    pub(crate) baseline: Option<Baseline>,
    /// Everything but what was added.
    pub(crate) additions: Option<AdditionsRequest>,
    /// What was read by runs before.
    pub(crate) cache: Option<Cache>,
}

impl From<Option<Baseline>> for Known {
    fn from(baseline: Option<Baseline>) -> Self {
        Self {
            baseline,
            additions: None,
            cache: None,
        }
    }
}

/// What was added, if that alone is asked for.
fn additions(arguments: &ScanArguments) -> anyhow::Result<Option<AdditionsRequest>> {
    let additions = arguments.additions.request()?;
    if additions.is_some() && arguments.input.history.is_some() {
        bail!("`--history` reads everything, the other option what was added alone; leave one out");
    }
    if additions.is_some() && files(&arguments.input).len() < arguments.input.paths.len() {
        bail!("standard input is no part of a repository; search it in a run of its own");
    }
    Ok(additions)
}

/// The folder that remembers, if one is named.
fn cache(arguments: &ScanArguments) -> anyhow::Result<Option<Cache>> {
    let opened = arguments.cache.as_deref().map(Cache::open);
    Ok(opened.transpose()?)
}

/// The rules and the configuration of a run.
pub(crate) struct Setting {
    pub(crate) rules: RuleSet,
    config: Config,
}

impl Setting {
    /// Loads both; the configuration is the one that an option names, else the repository's own.
    pub(crate) fn load(arguments: &InputArguments) -> anyhow::Result<Self> {
        let mut rules = engine::load_rules(&arguments.rules)?;
        let found = match &arguments.config {
            Some(path) => Some(ConfigFile::named(path)),
            None if arguments.untrusted => None,
            None => engine::find_config(&files(arguments))?,
        };
        let config = match found {
            Some(file) => engine::load_config(&file, &mut rules)?,
            None => Config::default(),
        };
        Ok(Self { rules, config })
    }

    /// One run, with its progress on standard error.
    pub(crate) fn scan(
        &self,
        arguments: &InputArguments,
        known: impl Into<Known>,
        shows_progress: bool,
    ) -> anyhow::Result<Report> {
        let known = known.into();
        let mut config = self.config.clone();
        let request = ScanRequest {
            paths: files(arguments),
            stdin: stdin(arguments)?,
            baseline: known.baseline,
            additions: known.additions,
            cache: known.cache,
            history: arguments.history.map_or(HistoryScope::OfBare, Into::into),
            ..request(arguments, today(arguments), &mut config)
        };
        let report = with_progress(shows_progress, |progress| {
            engine::scan(&request, &config, &self.rules, progress)
        })?;
        Ok(report)
    }
}

/// The PATHs that are no standard input.
pub(crate) fn files(arguments: &InputArguments) -> Vec<PathBuf> {
    arguments
        .paths
        .iter()
        .filter(|path| *path != Path::new("-"))
        .cloned()
        .collect()
}

/// What reports call standard input, where a PATH is `-`.
fn stdin(arguments: &InputArguments) -> anyhow::Result<Option<String>> {
    if files(arguments).len() == arguments.paths.len() {
        return Ok(None);
    }
    if !arguments.analyses().contains(&Analysis::Leaks) {
        bail!("standard input is searched for leaked tokens alone; add `leaks` to `--only`");
    }
    Ok(Some(arguments.stdin_name.clone()))
}

/// The day that "today" means.
fn today(arguments: &InputArguments) -> Date {
    arguments.as_of.unwrap_or_else(|| Zoned::now().date())
}

/// What is asked under a configuration, which options change and outrank.
fn request(arguments: &InputArguments, today: Date, config: &mut Config) -> ScanRequest {
    if let Some(version) = arguments.gitlab_version {
        config.settings.gitlab_version = Some(version);
    }
    ScanRequest {
        paths: Vec::new(),
        apart: BTreeSet::new(),
        stdin: None,
        baseline: None,
        additions: None,
        cache: None,
        shared: None,
        analyses: arguments.analyses(),
        inventories: arguments.inventory.clone(),
        today,
        confidence: arguments
            .confidence
            .or(config.confidence)
            .unwrap_or(Confidence::Medium),
        persona: arguments
            .persona
            .or(config.persona)
            .unwrap_or(Persona::Regular),
        respect_gitignore: arguments.respect_gitignore || config.respect_gitignore == Some(true),
        untrusted: arguments.untrusted,
        strict: arguments.strict,
        max_file_size: arguments
            .max_file_size
            .or(config.max_file_size)
            .map(|size| size.0),
        decode_depth: arguments
            .max_decode_depth
            .map(usize::from)
            .or(config.max_decode_depth)
            .unwrap_or(DECODE_DEPTH),
        max_archive_depth: arguments
            .max_archive_depth
            .or(config.max_archive_depth)
            .unwrap_or(engine::DEFAULT_ARCHIVE_DEPTH),
        history: arguments.history.map_or(HistoryScope::None, Into::into),
        jobs: arguments.jobs,
    }
}

/// Every report with its place, looked at before the run so that it does not fail at its end.
fn destinations(
    arguments: &ScanArguments,
    scanned: &[PathBuf],
) -> anyhow::Result<Vec<(Format, Destination)>> {
    let first = match &arguments.output {
        Some(path) => Destination::prepare(path, scanned)?,
        None => Destination::Stdout,
    };
    let mut reports = vec![(arguments.format, first)];
    for (format, path) in &arguments.report {
        let destination = Destination::prepare(path, scanned)?;
        if reports.iter().any(|(_, taken)| *taken == destination) {
            match destination {
                Destination::Stdout => bail!(
                    "two reports go to standard output; give one of them a file: `-o FILE` or \
                     `--report {format}=FILE`"
                ),
                _ => bail!("two reports go to `{}`", path.display()),
            }
        }
        reports.push((*format, destination));
    }
    Ok(reports)
}

pub(super) fn style(display: &DisplayArguments, destination: &Destination) -> Style {
    let on_stdout = matches!(destination, Destination::Stdout);
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    Style {
        color: on_stdout && display.color(),
        width: terminal.filter(|_| on_stdout).unwrap_or(100),
        unicode: shows_unicode(),
        quiet: display.quiet,
        verbose: display.verbose,
    }
}
