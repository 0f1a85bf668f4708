//! Phase 2, CI: finds the configurations of every root, resolves them and gathers their facts.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use super::leaks::Harvest;
use super::scope::{Scope, SourceTable};
use crate::ci::{
    Analysis, CiProblem, ConfigKind, FileResolver, ResolveError, SourceFile, analyze, classify,
    may_be_config,
};
use crate::detect::Detector;
use crate::model::{Facts, Problem, ProblemClass, ProblemLevel, SourceId};
use crate::source::FileError;
use crate::yaml::Budget;

/// The name of the root configuration unless the project's settings say otherwise.
const ROOT_CONFIGURATION: &str = ".gitlab-ci.yml";

/// Bytes of YAML that are read for the fragments of one root, a file counted for each fragment that
/// includes it: each is resolved by itself, so that many which share a large file would take hours. A
/// thousand fragments that each include 100 KB stay below it.
const FRAGMENT_BYTES: usize = 128 << 20;

/// What the CI configurations of a run say.
#[derive(Debug, Default)]
pub(super) struct Configurations {
    pub(super) facts: Facts,
    pub(super) problems: Vec<Problem>,
    /// Files that lie within the PATHs; findings in others are left to a run that asks for them.
    pub(super) in_scope: BTreeSet<SourceId>,
    pub(super) files: u64,
    pub(super) jobs: u64,
}

/// Whether a file may be a CI configuration or one that such a configuration includes.
pub(super) fn may_hold_jobs(path: &str, ci_files: &[String]) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("yml" | "yaml")) || ci_files.iter().any(|file| file == path)
}

/// Resolves the configurations of every root that a PATH reaches.
///
/// A PATH that names a fragment alone is still judged with the configuration that includes it, so
/// that a hook which passes changed files finds what a whole run finds.
pub(super) fn configurations(
    scope: &Scope<'_>,
    table: &RefCell<SourceTable>,
    detector: &Detector,
    harvest: &Harvest,
    ci_files: &[String],
) -> Configurations {
    let mut gathered = Configurations::default();
    for at in 0..scope.roots.roots.len() {
        let reached: BTreeSet<&Arc<str>> = harvest
            .structured
            .iter()
            .filter(|(of, path)| *of == at && may_hold_jobs(path, ci_files))
            .map(|(_, path)| path)
            .collect();
        if reached.is_empty() {
            continue;
        }
        let files = RepositoryFiles {
            scope,
            at,
            table,
            detector,
            failed: RefCell::default(),
            yaml_paths: OnceCell::new(),
        };
        files.gather(&reached, ci_files, &mut gathered);
    }
    gathered
}

/// The files of one root, read once each, with every token masked.
struct RepositoryFiles<'a> {
    scope: &'a Scope<'a>,
    at: usize,
    table: &'a RefCell<SourceTable>,
    detector: &'a Detector,
    failed: RefCell<HashMap<Arc<str>, ResolveError>>,
    /// The walk over the root that patterns need, once and only where there are any.
    yaml_paths: OnceCell<Rc<[Arc<str>]>>,
}

impl RepositoryFiles<'_> {
    fn gather(
        &self,
        reached: &BTreeSet<&Arc<str>>,
        ci_files: &[String],
        gathered: &mut Configurations,
    ) {
        let mut analysed: BTreeSet<SourceId> = BTreeSet::new();
        let roots = std::iter::once(ROOT_CONFIGURATION).chain(ci_files.iter().map(String::as_str));
        let roots: BTreeSet<&str> = roots.collect();
        for path in &roots {
            match self.file(path) {
                Ok(file) => {
                    self.analyse(&file, ConfigKind::Root, reached, &mut analysed, gathered);
                }
                Err(ResolveError::Missing) if *path == ROOT_CONFIGURATION => {}
                Err(error) => gathered.problems.push(self.unreadable(path, &error)),
            }
        }
        let mut budget = Budget::new(FRAGMENT_BYTES);
        for path in reached {
            if roots.contains(&***path) || !may_be_config(path) {
                continue;
            }
            match self.file(path) {
                Ok(file) => {
                    if !analysed.contains(&file.id)
                        && classify(&file.path, &file.text) == Some(ConfigKind::Fragment)
                    {
                        let kind = ConfigKind::Fragment;
                        let bytes = self.analyse(&file, kind, reached, &mut analysed, gathered);
                        if budget.spend(bytes).is_none() {
                            gathered.problems.push(self.beyond_budget(path));
                            return;
                        }
                    }
                }
                Err(error) => gathered.problems.push(self.unreadable(path, &error)),
            }
        }
    }

    /// Gathers what a configuration says, and gives the bytes of all files that it is made of.
    fn analyse(
        &self,
        file: &SourceFile,
        kind: ConfigKind,
        reached: &BTreeSet<&Arc<str>>,
        analysed: &mut BTreeSet<SourceId>,
        gathered: &mut Configurations,
    ) -> usize {
        let Analysis {
            facts,
            problems,
            sources,
            jobs,
        } = analyze(file, kind, self);
        gathered.files += 1;
        gathered.jobs += jobs as u64;
        gathered.facts.extend(facts);
        let table = self.table.borrow();
        let mut bytes = 0;
        for source in sources {
            analysed.insert(source);
            bytes += table.get(source).text.len();
            if reached.contains(&table.get(source).provenance.path) {
                gathered.in_scope.insert(source);
            }
        }
        gathered.problems.extend(located(&table, problems));
        bytes
    }

    fn unreadable(&self, path: &str, error: &ResolveError) -> Problem {
        let message = format!("the CI configuration {error}");
        self.problem(ProblemClass::Unreadable, path, message)
    }

    fn beyond_budget(&self, path: &str) -> Problem {
        let mebibytes = FRAGMENT_BYTES >> 20;
        let message = format!(
            "the CI fragments up to this one take more than {mebibytes} MiB with what they include; no further one is analysed"
        );
        self.problem(ProblemClass::Limit, path, message)
    }

    /// Something that keeps a file, or those after it, from being analysed.
    fn problem(&self, class: ProblemClass, path: &str, message: String) -> Problem {
        let provenance = self.scope.provenance(self.at, &path.into());
        Problem {
            level: ProblemLevel::Error,
            class,
            path: provenance.display_path(),
            base: provenance.base,
            position: None,
            message,
            mend: None,
        }
    }
}

impl FileResolver for RepositoryFiles<'_> {
    fn file(&self, path: &str) -> Result<SourceFile, ResolveError> {
        let path: Arc<str> = path.into();
        if let Some(error) = self.failed.borrow().get(&path) {
            return Err(error.clone());
        }
        let provenance = self.scope.provenance(self.at, &path);
        let known = self.table.borrow().id(&provenance);
        let id = known.map_or_else(
            || {
                let bytes = self.scope.read(self.at, &path);
                let bytes = bytes.map_err(|error| resolve_error(&error))?;
                self.table
                    .borrow_mut()
                    .add(self.detector, provenance, bytes)
                    .map_err(|offset| {
                        ResolveError::Unreadable(format!("byte {offset} is not UTF-8"))
                    })
            },
            Ok,
        );
        match id {
            Ok(id) => {
                let text = Arc::clone(&self.table.borrow().get(id).text);
                Ok(SourceFile { id, path, text })
            }
            Err(error) => {
                self.failed.borrow_mut().insert(path, error.clone());
                Err(error)
            }
        }
    }

    fn yaml_paths(&self) -> Rc<[Arc<str>]> {
        let paths = self
            .yaml_paths
            .get_or_init(|| self.scope.yaml_paths(self.at).into());
        Rc::clone(paths)
    }
}

fn resolve_error(error: &FileError) -> ResolveError {
    match error {
        FileError::Missing => ResolveError::Missing,
        FileError::Outside => ResolveError::Outside,
        FileError::NotAFile | FileError::TooLarge | FileError::Io(_) => {
            ResolveError::Unreadable(error.to_string())
        }
    }
}

/// The problems of a configuration with path, line and column.
fn located(table: &SourceTable, problems: Vec<CiProblem>) -> impl Iterator<Item = Problem> {
    let place = |problem: &CiProblem| (problem.source, problem.span.start);
    let positions = table.positions(problems.iter().map(place));
    problems.into_iter().map(move |problem| {
        let provenance = &table.get(problem.source).provenance;
        Problem {
            level: problem.level,
            class: problem.class,
            path: provenance.display_path(),
            base: provenance.base,
            position: Some(positions[&place(&problem)]),
            message: problem.message,
            mend: problem.mend,
        }
    })
}
