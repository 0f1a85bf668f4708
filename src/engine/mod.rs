//! One run from PATHs to a finished report: what to read, in which order, and how facts, candidates
//! and violations become findings.
//!
//! ```text
//! phase 1, parallel: source ─Blob─▶ detect ─▶ sightings ─▶ one finding a token
//! phase 2, once:     CI files, inventories ─▶ facts ─▶ policy ─▶ findings
//!                    suppress ▶ filter ▶ sort ▶ Report
//! ```
//!
//! The engine knows no report format and no command line. It reads no clock: `today` is given.

mod additions;
mod cache;
mod configurations;
mod excerpt;
mod fleet;
mod history;
mod inspect;
mod inventories;
mod judge;
mod leaks;
mod merge;
mod request;
mod scope;
mod settings;
mod text;
mod trial;
mod tried;

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex};

use crate::config::{Config, Ignore};
use crate::detect::Detector;
use crate::model::{
    Finding, Gap, Origin, PathBase, Problem, ProblemClass, ProblemLevel, Provenance, Report, Stats,
    SuppressionKind,
};
use crate::policy;
use crate::rules::knowledge::KnowledgeBase;
use crate::rules::{Analysis, RuleError, RuleSet};
use crate::source::git::{GitError, RevisionError};
use crate::source::{ArchiveLimits, FileError, Root, Roots, SourceError, Text, read_within, walk};
use crate::suppress::{GITLEAKS_IGNORE, IgnoreEntry, Suppressions, gitleaks_ignore};
use additions::Additions;
use cache::Memory;
use configurations::{Configurations, configurations, may_hold_jobs};
use history::{Past, past};
use inventories::{Inventories, Sources, inventories};
use judge::Judged;
use leaks::{FileComments, Harvest, Search};
use scope::{Scope, SourceTable};
use tried::Tried;

pub use crate::detect::DECODE_DEPTH;
pub use crate::source::{FleetEntry, FleetError, fleet as find_fleet, read_named as read_report};
pub use additions::{AdditionsRequest, RefUpdate};
pub use cache::{Cache, CacheError};
pub use fleet::{FleetRequest, Plan, scan_fleet};
pub use inspect::inspect;
pub use leaks::Progress;
pub use merge::{merge_fleets, merge_reports};
pub use request::{DEFAULT_ARCHIVE_DEPTH, HistoryScope, ScanRequest};
pub use settings::{
    BaselineError, ConfigFile, find_config, load_baseline, load_config, scanned_folders,
};
pub use trial::{Failure, Trial, try_examples};

/// Why a run could not begin. Everything that goes wrong later is a problem of the report.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A PATH, an inventory or another file that the user names.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What was added is asked for, and there is no repository.
    #[error("`{}` lies in no Git repository, so that nothing is added to it", .0.display())]
    NoRepository(std::path::PathBuf),
    /// What is staged is asked for, and the repository is bare.
    #[error("`{}` is a bare repository: it has no index, so that nothing is staged", .0.display())]
    NoIndex(std::path::PathBuf),
    /// A revision that means no commit.
    #[error(transparent)]
    Revision(RevisionError),
    /// A revision that means no commit of a shallow clone.
    #[error("{0}: the clone is shallow; `git fetch --unshallow`, in GitLab CI `GIT_DEPTH: 0`")]
    RevisionOfShallow(RevisionError),
    /// A repository that cannot be opened.
    #[error("cannot open `{}`", .0.path().display())]
    Git(#[from] GitError),
    /// A cache is asked for, and nothing that it could remember.
    #[error("a cache remembers the Git history, which this run does not read; add `--history`")]
    NothingToRemember,
}

/// The built-in rules and those of `files`, which may be rule files or folders of them.
///
/// # Errors
///
/// The first rule file that is not valid.
pub fn load_rules(files: &[std::path::PathBuf]) -> Result<RuleSet, RuleError> {
    RuleSet::load(files, &policy::validate)
}

/// The rules that `rules test` runs: a file may stand in for the built-in rule of its id.
///
/// # Errors
///
/// The first rule file that is not valid.
pub fn load_rules_to_try(files: &[std::path::PathBuf]) -> Result<RuleSet, RuleError> {
    RuleSet::load_replacing(files, &policy::validate)
}

/// A message with every token in it masked. Errors quote files, and a file may hold a token where it
/// does not belong.
pub fn masked(message: &str) -> String {
    let Ok(rules) = load_rules(&[]) else {
        return message.to_owned();
    };
    Detector::new(&rules).masked(message)
}

/// Scans what `request` names and reports it. `rules` are those of [`load_rules`] with the settings of
/// the configuration applied.
///
/// # Errors
///
/// See [`ScanError`].
pub fn scan(
    request: &ScanRequest,
    config: &Config,
    rules: &RuleSet,
    progress: &Progress,
) -> Result<Report, ScanError> {
    let roots = Roots::resolve(&request.paths)?;
    let reads_history = match request.history {
        HistoryScope::None => false,
        HistoryScope::OfBare => roots.roots.iter().any(Root::is_bare_repository),
        HistoryScope::All | HistoryScope::Reachable => true,
    };
    if request.cache.is_some() && !(reads_history && request.analyses.contains(&Analysis::Leaks)) {
        return Err(ScanError::NothingToRemember);
    }
    let detector = Detector::of_depth(rules, request.decode_depth);
    scan_roots(roots, request, config, rules, &detector, progress)
}

/// The same for roots that are known, with the detector of the rules.
fn scan_roots(
    roots: Roots,
    request: &ScanRequest,
    config: &Config,
    rules: &RuleSet,
    detector: &Detector,
    progress: &Progress,
) -> Result<Report, ScanError> {
    let additions = Additions::open(request, config, &roots)?;
    let scope = Scope {
        roots,
        detector,
        snapshots: additions.iter().flat_map(Additions::snapshots).collect(),
    };
    let wants = |analysis| request.analyses.contains(&analysis);

    let (mut harvest, special_files, past) = search(
        request,
        config,
        detector,
        &scope,
        additions.as_ref(),
        Memory::of(request, rules).as_ref(),
        progress,
    );
    let mut problems = std::mem::take(&mut harvest.problems);

    let table = RefCell::new(SourceTable::default());
    let configurations = if wants(Analysis::Ci) {
        configurations(&scope, &table, detector, &harvest, &config.ci_files)
    } else {
        Configurations::default()
    };
    let inventories = if wants(Analysis::Inventory) {
        let sources = Sources {
            asked: &request.inventories,
            configured: &config.inventories,
            discovered: &discovered(&harvest),
            is_judged: &|root, path| {
                let touches = |additions: &Additions| additions.touches(root, path);
                additions.as_ref().is_none_or(touches)
            },
        };
        inventories(&scope, &table, detector, &sources)?
    } else {
        Inventories::default()
    };
    let table = table.into_inner();
    problems.extend(configurations.problems);
    problems.extend(inventories.problems);

    let stats = Stats {
        files: harvest.files,
        bytes: harvest.bytes,
        members: harvest.members,
        ci_files: configurations.files,
        jobs: configurations.jobs,
        inventories: inventories.files,
        tokens: inventories.facts.tokens.len() as u64,
        special_files,
        repositories: past.repositories,
        objects: past.objects,
        object_bytes: past.bytes,
    };
    let mut facts = configurations.facts;
    facts.extend(inventories.facts);
    problems.extend(gap_problems(&table, &facts.gaps, request.strict));

    let mut suppressions = suppressions(request, config, &scope, &harvest, &mut problems);
    let sightings = std::mem::take(&mut harvest.sightings);
    let mut judged = judge::leaks(rules, leaks::findings(sightings, &past.beyond));
    let context = policy::Context {
        facts: &facts,
        knowledge: &KnowledgeBase::default(),
        settings: &config.settings,
        today: request.today,
    };
    let in_scope = |analysis, source| match analysis {
        Analysis::Inventory => inventories.in_scope.contains(&source),
        _ => configurations.in_scope.contains(&source),
    };
    judged.extend(judge::findings(
        rules,
        &context,
        &table,
        &request.analyses,
        in_scope,
    ));

    let findings = shown(judged, &mut suppressions, request, config);
    let tried = Tried {
        analyses: &request.analyses,
        rules,
        config,
        whole: additions.is_none() && scope.roots.cover_all(),
        added_alone: additions.is_some(),
        complete: !problems
            .iter()
            .any(|problem| problem.level == ProblemLevel::Error),
        structured: table.paths(),
    };
    let unused_suppressions = suppressions.unused(|claim| tried.verdict(claim));
    let mut report = Report {
        findings,
        problems,
        left_out: Vec::new(),
        unused_suppressions,
        has_baseline: request.baseline.is_some(),
        stats,
    };
    report.limit_problems(Some(&|problem| scope.roots.of_shown(&problem.path)));
    Ok(report)
}

/// The inventories that the names of files tell.
fn discovered(harvest: &Harvest) -> Vec<(usize, Arc<str>)> {
    harvest
        .structured
        .iter()
        .filter(|(_, path)| crate::inventory::recognises(path))
        .cloned()
        .collect()
}

/// Phase 1, with the number of special files and what the histories yield beside sightings, comments
/// and problems, which are with those of the files.
fn search(
    request: &ScanRequest,
    config: &Config,
    detector: &Detector,
    scope: &Scope<'_>,
    additions: Option<&Additions>,
    memory: Option<&Memory<'_>>,
    progress: &Progress,
) -> (Harvest, u64, Past) {
    let wants = |analysis| request.analyses.contains(&analysis);
    let (ci, inventory) = (wants(Analysis::Ci), wants(Analysis::Inventory));
    let is_structured = |path: &str| {
        (ci && may_hold_jobs(path, &config.ci_files))
            || (inventory && crate::inventory::recognises(path))
    };
    // CI files and inventories are no members of archives.
    let archive_depth = if wants(Analysis::Leaks) {
        request.max_archive_depth
    } else {
        0
    };
    let search = Search {
        detector,
        scope,
        progress,
        leaks: wants(Analysis::Leaks),
        comments: !request.untrusted,
        windows: text::WINDOW,
        most_tokens: text::MOST_TOKENS,
        archives: ArchiveLimits::of_depth(archive_depth),
        strict: request.strict,
        is_structured: &is_structured,
        harvest: Mutex::default(),
    };
    if let Some(additions) = additions {
        additions.search(&search, request);
        return (search.into_harvest(), 0, Past::default());
    }
    let outcome = walk(&scope.roots, &request.walk_options(config), || {
        search.visitor()
    });
    if let Some(name) = &request.stdin {
        let provenance = || Provenance {
            path: name.as_str().into(),
            origin: Origin::Stdin,
            ..Provenance::default()
        };
        let text = Text::Stream(&mut io::stdin().lock());
        search.visitor().search(text, provenance);
    }
    let mut past = if search.leaks {
        past(request, config, &search, memory)
    } else {
        Past::default()
    };
    let mut harvest = search.into_harvest();
    harvest.sightings.append(&mut past.sightings);
    harvest.comments.append(&mut past.comments);
    harvest.problems.append(&mut past.problems);
    harvest
        .problems
        .extend(outcome.problems.into_iter().map(|problem| Problem {
            level: ProblemLevel::Error,
            class: problem.class,
            path: scope.provenance(problem.root, &problem.path).display_path(),
            base: PathBase::SourceRoot,
            position: None,
            message: match problem.class {
                ProblemClass::Repository => problem.message,
                _ => format!("not read: {}", problem.message),
            },
            mend: match problem.class {
                ProblemClass::Repository => Some(history::MEND_REPOSITORY.to_owned()),
                _ => None,
            },
        }));
    (harvest, outcome.special_files, past)
}

/// What may hide findings: nothing of the repository's own where it is not trusted.
fn suppressions(
    request: &ScanRequest,
    config: &Config,
    scope: &Scope<'_>,
    harvest: &Harvest,
    problems: &mut Vec<Problem>,
) -> Suppressions {
    let mut suppressions = Suppressions::new(request.today);
    suppressions.add_entries(&config.display_path, config.ignore.iter().map(entry));
    for text in &harvest.comments {
        let inline = &text.inline;
        suppressions.add_comments(&text.provenance, inline.comments.iter().cloned());
        // Nobody can mend a comment of an archive or of the history.
        if !text.provenance.is_packed() && text.provenance.origin.revision().is_none() {
            problems.extend(defect_problems(text));
        }
    }
    for sighting in &harvest.sightings {
        if let Some(name) = sighting.peer {
            suppressions.add_peer(
                sighting.location.provenance.text_key(),
                sighting.location.start.line,
                SuppressionKind::Inline,
                name,
            );
        }
    }
    if !request.untrusted && request.analyses.contains(&Analysis::Leaks) {
        add_gitleaks_ignore(scope, &mut suppressions, problems);
    }
    if let Some(baseline) = &request.baseline {
        let entries = baseline.entries().iter().cloned();
        suppressions.set_baseline(&baseline.display_path, entries);
    }
    suppressions.seal();
    suppressions
}

/// What is wrong with the comments of a text.
fn defect_problems(text: &FileComments) -> impl Iterator<Item = Problem> + '_ {
    text.inline.defects.iter().map(|defect| Problem {
        level: ProblemLevel::Note,
        class: ProblemClass::Suppression,
        path: text.provenance.display_path(),
        base: text.provenance.base,
        position: Some(defect.position()),
        message: defect.message().to_owned(),
        mend: Some(defect.mend().to_owned()),
    })
}

/// Adds the places that the `.gitleaksignore` of each root lists.
fn add_gitleaks_ignore(
    scope: &Scope<'_>,
    suppressions: &mut Suppressions,
    problems: &mut Vec<Problem>,
) {
    for (number, root) in scope.roots.roots.iter().enumerate() {
        let display_path =
            |path: &str| -> String { scope.provenance(number, &path.into()).display_path() };
        match read_within(root, GITLEAKS_IGNORE) {
            Ok(bytes) => {
                for listed in gitleaks_ignore(&String::from_utf8_lossy(&bytes)) {
                    suppressions.add_peer(
                        display_path(&listed.path),
                        listed.line,
                        SuppressionKind::Config,
                        GITLEAKS_IGNORE,
                    );
                }
            }
            Err(FileError::Missing) => {}
            Err(error) => problems.push(Problem {
                level: ProblemLevel::Note,
                class: ProblemClass::Suppression,
                path: display_path(GITLEAKS_IGNORE),
                base: PathBase::SourceRoot,
                position: None,
                message: format!("not read, so that it hides nothing: {error}"),
                mend: None,
            }),
        }
    }
}

fn entry(ignore: &Ignore) -> IgnoreEntry {
    IgnoreEntry {
        rule: ignore.rule.clone(),
        path: ignore.path.clone(),
        digest: ignore.digest.clone(),
        reason: ignore.reason.clone(),
        expires: ignore.expires,
        position: ignore.position,
    }
}

/// Hides what is suppressed and drops what the options do not let through, in report order.
fn shown(
    mut judged: Vec<Judged>,
    suppressions: &mut Suppressions,
    request: &ScanRequest,
    config: &Config,
) -> Vec<Finding> {
    // A suppression is of use also where the options of this run do not show what it hides.
    for judged in &mut judged {
        judge::suppress(&mut judged.finding, suppressions);
    }
    let mut findings: Vec<Finding> = judged
        .into_iter()
        .filter(|judged| is_shown(judged, request, config))
        .map(|judged| judged.finding)
        .collect();
    findings.sort_by(Finding::report_order);
    findings
}

/// Whether the options let a finding through.
fn is_shown(judged: &Judged, request: &ScanRequest, config: &Config) -> bool {
    judged.finding.confidence >= request.confidence
        && judged.persona <= request.persona
        && !config.is_off(&judged.finding.rule)
}

fn gap_problems<'g>(
    table: &'g SourceTable,
    gaps: &'g [Gap],
    strict: bool,
) -> impl Iterator<Item = Problem> + 'g {
    let place = |gap: &Gap| (gap.site.source, gap.site.span.start);
    let positions = table.positions(gaps.iter().map(place));
    let level = if strict {
        ProblemLevel::Error
    } else {
        ProblemLevel::Note
    };
    gaps.iter().map(move |gap| {
        let provenance = &table.get(gap.site.source).provenance;
        Problem {
            level,
            class: ProblemClass::Gap,
            path: provenance.display_path(),
            base: provenance.base,
            position: Some(positions[&place(gap)]),
            message: format!("not resolved: {}", gap.what),
            mend: None,
        }
    })
}
