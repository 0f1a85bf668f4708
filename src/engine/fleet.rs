//! Many repositories in one run: each is scanned as if it were alone, several at a time, and none can
//! stop the others.
//!
//! What a repository says of itself (its configuration, its comments, its Git folder) has an effect on
//! its own report and on no other. A repository that lies in another is read once, for its own report.
//! Reports are kept, what was read for them is not. What repositories share is the rules, and Git
//! objects that several of them hold: forks and mirrors are scanned one after another, and each leaves
//! out what those before it had nothing in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::cache::digest_of_rules;
use super::settings::{config_at, load_config};
use super::{HistoryScope, Progress, ScanRequest, scan_roots};
use crate::config::{Config, ConfigError, FILE_NAME};
use crate::detect::Detector;
use crate::model::{
    Digest, FailOn, Fleet, Member, PathBase, Position, Problem, ProblemClass, ProblemLevel, Report,
    Shard, Shards, VersionControl,
};
use crate::rules::{Analysis, RuleSet};
use crate::source::git::{Checkout, OpenOptions, Shared, kin};
use crate::source::{FleetEntry, Roots};

/// Configurations are resolved as deep on these threads as on the first one.
const STACK: usize = 8 << 20;

/// What is asked of a repository under its configuration.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its `paths` and `apart` are those of the repository, whatever they hold.
    pub request: ScanRequest,
    /// From which severity on its findings make a run fail where no option says so.
    pub fail_on: FailOn,
}

/// What a run over many repositories is asked to do.
pub struct FleetRequest<'a> {
    /// All of them, as [`super::find_fleet`] gives them.
    pub entries: &'a [FleetEntry],
    /// The part of them that is scanned.
    pub shard: Option<Shard>,
    /// The configuration of every one of them, applied to `rules`, in place of their own.
    pub config: Option<&'a Config>,
    /// Whether a repository's own configuration counts.
    pub own_config: bool,
    /// The rules of [`super::load_rules`].
    pub rules: &'a RuleSet,
    /// Applies options to a configuration and says what is asked under it.
    pub plan: &'a (dyn Fn(&mut Config) -> Plan + Sync),
    /// Threads for all repositories together; 0 means one a core.
    pub jobs: usize,
}

/// Scans each repository of the shard. Whatever is wrong with one is a problem of its report.
pub fn scan_fleet(request: &FleetRequest<'_>, progress: &Progress) -> Fleet {
    let mine: Vec<&FleetEntry> = request
        .entries
        .iter()
        .filter(|entry| request.shard.is_none_or(|shard| shard.holds(&entry.name)))
        .collect();
    progress
        .of_repositories
        .store(mine.len() as u64, Ordering::Relaxed);
    let asked = (request.plan)(&mut request.config.cloned().unwrap_or_default()).request;
    let crew = Crew {
        request,
        progress,
        detector: Detector::of_depth(request.rules, asked.decode_depth),
        folders: request
            .entries
            .iter()
            .filter_map(|entry| Some(entry.checkout.as_ref().ok()?.dir().to_owned()))
            .collect(),
    };
    Fleet {
        shards: request.shard.map(Shards::from),
        members: crew.scan_all(&mine),
    }
}

/// Repositories that hold the same objects.
struct Kin {
    are_several: bool,
    /// What they share, by the rules that it was searched under: each may have its own.
    shared: BTreeMap<Digest, Arc<Shared>>,
}

impl Kin {
    fn under(&mut self, rules: &RuleSet, request: &ScanRequest) -> Option<Arc<Shared>> {
        self.are_several.then(|| {
            let shared = self.shared.entry(digest_of_rules(rules, request));
            Arc::clone(shared.or_default())
        })
    }
}

/// What the threads of a run share.
struct Crew<'a> {
    request: &'a FleetRequest<'a>,
    progress: &'a Progress,
    /// That of the run, for repositories without a configuration of their own. It masks tokens in what
    /// repositories say of themselves.
    detector: Detector,
    /// The folders of all repositories, of other shards too.
    folders: BTreeSet<PathBuf>,
}

impl Crew<'_> {
    fn scan_all(&self, entries: &[&FleetEntry]) -> Vec<Member> {
        let threads = match self.request.jobs {
            0 => thread::available_parallelism().map_or(1, std::num::NonZero::get),
            jobs => jobs,
        };
        let groups = self.groups(entries);
        let next = AtomicUsize::new(0);
        let members: Mutex<Vec<(usize, Member)>> = Mutex::default();
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(group) = groups.get(at) else { break };
                // The last repositories share the threads that have nothing left to do.
                let share = threads / threads.min(groups.len() - at);
                let mut kin = Kin {
                    are_several: group.len() > 1,
                    shared: BTreeMap::new(),
                };
                for at in group {
                    let member = self.scan(entries[*at], share, &mut kin);
                    self.progress.repositories.fetch_add(1, Ordering::Relaxed);
                    members
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((*at, member));
                }
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads.min(groups.len()) {
                // Where the system gives no more threads, those that there are do the work.
                let started = thread::Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, work);
                if started.is_err() {
                    break;
                }
            }
            work();
        });
        let mut members = members.into_inner().unwrap_or_else(PoisonError::into_inner);
        members.sort_by_key(|(at, _)| *at);
        members.into_iter().map(|(_, member)| member).collect()
    }

    /// Repositories that hold the same objects together, where their histories are read.
    fn groups(&self, entries: &[&FleetEntry]) -> Vec<Vec<usize>> {
        let asked = (self.request.plan)(&mut Config::default()).request;
        let reads_history = !matches!(asked.history, HistoryScope::None | HistoryScope::OfBare);
        if !reads_history || asked.untrusted || !asked.analyses.contains(&Analysis::Leaks) {
            return (0..entries.len()).map(|at| vec![at]).collect();
        }
        let dirs = entries.iter().map(|entry| {
            let checkout = entry.checkout.as_ref().ok();
            checkout.map(Checkout::dir)
        });
        kin(dirs, OpenOptions { alternates: true })
    }

    fn scan(&self, entry: &FleetEntry, threads: usize, kin: &mut Kin) -> Member {
        let name = self.masked(&entry.name).into();
        match &entry.checkout {
            Ok(checkout) => Member {
                name,
                ..self.scan_checkout(checkout, threads, kin)
            },
            Err(wrong) => Member {
                name,
                version_control: VersionControl::default(),
                fail_on: FailOn::default(),
                report: Report {
                    problems: vec![problem(ProblemClass::Repository, wrong)],
                    ..Report::default()
                },
            },
        }
    }

    /// The repository under its configuration, or without it where it is not valid.
    fn scan_checkout(&self, checkout: &Checkout, threads: usize, kin: &mut Kin) -> Member {
        let (described, wrong) = checkout.describe();
        let mut problems: Vec<Problem> = wrong
            .map(|wrong| problem(ProblemClass::Repository, wrong))
            .into_iter()
            .collect();
        let own = match self.own_config(checkout.dir()) {
            Ok(own) => own,
            Err(error) => {
                problems.push(self.config_problem(&error));
                None
            }
        };
        let (mut config, rules) = match &own {
            Some((config, rules)) => (config.clone(), rules),
            None => (
                self.request.config.cloned().unwrap_or_default(),
                self.request.rules,
            ),
        };
        let mut plan = (self.request.plan)(&mut config);
        plan.request.paths = vec![checkout.dir().to_owned()];
        plan.request.apart = self.nested(checkout.dir());
        plan.request.jobs = threads;
        plan.request.shared = kin.under(rules, &plan.request);
        if checkout.is_bare() && plan.request.history == HistoryScope::None {
            problems.push(bare(plan.request.strict));
        }
        let depth = plan.request.decode_depth;
        let is_own = own.is_some() || depth != self.detector.decode_depth();
        let own_detector = is_own.then(|| Detector::of_depth(rules, depth));
        let detector = own_detector.as_ref().unwrap_or(&self.detector);
        let scan = |config: &Config| {
            let roots = Roots::whole(checkout.dir());
            scan_roots(roots, &plan.request, config, rules, detector, self.progress)
        };
        let scanned = scan(&config).or_else(|error| {
            // An inventory that the configuration names and that is not there.
            let wrong = self.masked(&within(checkout.dir(), &error.to_string()));
            problems.push(problem(ProblemClass::Configuration, wrong));
            config.inventories.clear();
            scan(&config)
        });
        let mut report = scanned.unwrap_or_else(|error| {
            problems.push(problem(
                ProblemClass::Unreadable,
                self.masked(&within(checkout.dir(), &error.to_string())),
            ));
            Report::default()
        });
        report.problems.extend(problems);
        report.limit_problems(Some(&|_| 0));
        let shown = |text: Option<String>| text.map(|text| self.masked(&text));
        Member {
            name: "".into(),
            version_control: VersionControl {
                uri: shown(described.uri),
                revision: described.revision,
                branch: shown(described.branch),
            },
            fail_on: plan.fail_on,
            report,
        }
    }

    /// The configuration of the repository itself, with the rules that it makes of all.
    fn own_config(&self, dir: &Path) -> Result<Option<(Config, RuleSet)>, ConfigError> {
        if !self.request.own_config {
            return Ok(None);
        }
        let Some(file) = config_at(dir) else {
            return Ok(None);
        };
        let mut rules = self.request.rules.clone();
        let config = load_config(&file, &mut rules)?;
        Ok(Some((config, rules)))
    }

    fn config_problem(&self, error: &ConfigError) -> Problem {
        let position = error.line.map(|line| Position {
            line,
            column: error.column.unwrap_or(1),
        });
        Problem {
            path: FILE_NAME.to_owned(),
            position,
            mend: error.mend.as_deref().map(|mend| self.masked(mend)),
            ..problem(
                ProblemClass::Configuration,
                self.masked(&format!(
                    "{}; the repository was scanned without it",
                    error.message
                )),
            )
        }
    }

    /// The repositories below `dir`.
    fn nested(&self, dir: &Path) -> BTreeSet<PathBuf> {
        // Paths are sorted by segment, so that what lies below a folder follows it.
        self.folders
            .range(dir.to_owned()..)
            .skip(1)
            .take_while(|below| below.starts_with(dir))
            .cloned()
            .collect()
    }

    fn masked(&self, text: &str) -> String {
        self.detector.masked(text)
    }
}

/// That nothing but a few files of a bare repository is read.
fn bare(strict: bool) -> Problem {
    let level = if strict {
        ProblemLevel::Error
    } else {
        ProblemLevel::Note
    };
    Problem {
        level,
        mend: Some("add `--history`".to_owned()),
        ..problem(
            ProblemClass::Gap,
            "not searched: the history, which is all that a bare repository has",
        )
    }
}

/// The message with paths relative to the repository.
fn within(dir: &Path, message: &str) -> String {
    let folder = format!("{}{}", dir.display(), std::path::MAIN_SEPARATOR);
    message.replace(&folder, "")
}

fn problem(class: ProblemClass, message: impl Into<String>) -> Problem {
    Problem {
        level: ProblemLevel::Error,
        class,
        path: String::new(),
        base: PathBase::SourceRoot,
        position: None,
        message: message.into(),
        mend: None,
    }
}
