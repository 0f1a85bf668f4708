//! The finished result of a run.

use std::collections::BTreeMap;

use super::finding::{Finding, SuppressionKind};
use super::location::PathBase;
use super::problem::{LeftOut, Problem, ProblemClass, ProblemLevel};
use super::span::Position;

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Files searched for tokens.
    pub files: u64,
    /// Bytes searched.
    pub bytes: u64,
    /// Members of archives and compressed files in them that were searched too, at any depth.
    pub members: u64,
    /// CI configurations resolved, fragments included.
    pub ci_files: u64,
    /// Jobs in them.
    pub jobs: u64,
    /// Inventories read.
    pub inventories: u64,
    /// Entries in them.
    pub tokens: u64,
    /// Fifos, sockets and devices that were passed over.
    pub special_files: u64,
    /// Git repositories whose history was searched.
    pub repositories: u64,
    /// Objects of them.
    pub objects: u64,
    /// Bytes of those.
    pub object_bytes: u64,
}

impl Stats {
    /// Adds what another part of the run read.
    pub const fn add(&mut self, other: &Self) {
        let Self {
            files,
            bytes,
            members,
            ci_files,
            jobs,
            inventories,
            tokens,
            special_files,
            repositories,
            objects,
            object_bytes,
        } = other;
        self.files = self.files.saturating_add(*files);
        self.bytes = self.bytes.saturating_add(*bytes);
        self.members = self.members.saturating_add(*members);
        self.ci_files = self.ci_files.saturating_add(*ci_files);
        self.jobs = self.jobs.saturating_add(*jobs);
        self.inventories = self.inventories.saturating_add(*inventories);
        self.tokens = self.tokens.saturating_add(*tokens);
        self.special_files = self.special_files.saturating_add(*special_files);
        self.repositories = self.repositories.saturating_add(*repositories);
        self.objects = self.objects.saturating_add(*objects);
        self.object_bytes = self.object_bytes.saturating_add(*object_bytes);
    }
}

/// A suppression that hid nothing, or that has run out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnusedSuppression {
    /// What it is.
    pub kind: SuppressionKind,
    /// The file it stands in.
    pub path: String,
    /// What the path is relative to.
    pub base: PathBase,
    /// Where.
    pub position: Position,
    /// What is wrong with it: `hides nothing`, `expired on 2026-01-01`.
    pub message: String,
}

/// A finished, filtered and sorted result. Renderers decide nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Shown findings and suppressed ones, in report order.
    pub findings: Vec<Finding>,
    /// What could not be read, sorted, up to [`Report::MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// The problems beyond that, sorted, one entry for each level and class.
    pub left_out: Vec<LeftOut>,
    /// Sorted.
    pub unused_suppressions: Vec<UnusedSuppression>,
    /// Whether the findings were compared with a baseline.
    pub has_baseline: bool,
    /// What was read.
    pub stats: Stats,
}

impl Report {
    /// The most problems that a report names.
    pub const MAX_PROBLEMS: usize = 100;

    /// The most problems of one class that a report names for a repository.
    pub const MAX_OF_CLASS: usize = 25;

    /// Whether everything asked for was read.
    pub fn is_complete(&self) -> bool {
        let named = self.problems.iter().map(|problem| problem.level);
        let left_out = self.left_out.iter().map(|left_out| left_out.level);
        named
            .chain(left_out)
            .all(|level| level != ProblemLevel::Error)
    }

    /// Sorts the problems and leaves out those beyond the limits, which are counted. `repository` tells
    /// by a number whose a problem is; without it there is no limit to those of one class.
    pub fn limit_problems(&mut self, repository: Option<&dyn Fn(&Problem) -> usize>) {
        self.problems.sort();
        self.problems.dedup();
        let mut of_class: BTreeMap<(usize, ProblemClass), usize> = BTreeMap::new();
        let mut left_out: BTreeMap<(ProblemLevel, ProblemClass), u64> = BTreeMap::new();
        for known in std::mem::take(&mut self.left_out) {
            let number = left_out.entry((known.level, known.class)).or_default();
            *number = number.saturating_add(known.number);
        }
        let mut kept = 0;
        self.problems.retain(|problem| {
            let is_one_of_few = repository.is_none_or(|repository| {
                let same = of_class
                    .entry((repository(problem), problem.class))
                    .or_default();
                *same += 1;
                *same <= Self::MAX_OF_CLASS
            });
            let is_kept = is_one_of_few && kept < Self::MAX_PROBLEMS;
            if is_kept {
                kept += 1;
            } else {
                let number = left_out.entry((problem.level, problem.class)).or_default();
                *number = number.saturating_add(1);
            }
            is_kept
        });
        let left_out = left_out.into_iter();
        self.left_out = left_out
            .map(|((level, class), number)| LeftOut {
                level,
                class,
                number,
            })
            .collect();
    }

    /// Findings that nothing hides.
    pub fn active(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.suppression.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(level: ProblemLevel, class: ProblemClass, number: usize) -> Vec<Problem> {
        let problem = |number| Problem {
            level,
            class,
            path: format!("{number:03}"),
            base: PathBase::SourceRoot,
            position: None,
            message: "cannot be read".into(),
            mend: None,
        };
        (0..number).map(problem).collect()
    }

    fn limited(problems: &[Vec<Problem>], by_class: bool) -> (usize, Vec<(ProblemClass, u64)>) {
        let mut report = Report {
            problems: problems.concat(),
            ..Report::default()
        };
        let is_complete = report.is_complete();
        let one: &dyn Fn(&Problem) -> usize = &|_| 0;
        report.limit_problems(by_class.then_some(one));
        assert_eq!(report.is_complete(), is_complete);
        let left_out = report.left_out.iter();
        let left_out = left_out.map(|left_out| (left_out.class, left_out.number));
        (report.problems.len(), left_out.collect())
    }

    const CLASSES: [ProblemClass; 5] = [
        ProblemClass::Unreadable,
        ProblemClass::CiSyntax,
        ProblemClass::MissingInclude,
        ProblemClass::Limit,
        ProblemClass::Gap,
    ];

    #[test]
    fn many_of_a_class_become_a_count() {
        use ProblemLevel::Error;
        let many = problems(Error, ProblemClass::Unreadable, 40);
        let other = problems(Error, ProblemClass::CiSyntax, 1);
        let twice = vec![many.clone(), other.clone(), many];
        let expected = vec![(ProblemClass::Unreadable, 15)];
        assert_eq!(limited(&twice, true), (26, expected));
        assert_eq!(limited(&twice, false), (41, vec![]));
        assert_eq!(limited(&[other], true), (1, vec![]));
    }

    #[test]
    fn a_report_names_a_hundred_and_errors_before_notes() {
        let mut all = vec![problems(ProblemLevel::Note, ProblemClass::Archive, 30)];
        all.extend(CLASSES.map(|class| problems(ProblemLevel::Error, class, 30)));
        let (kept, left_out) = limited(&all, true);
        assert_eq!(kept, 100);
        let numbers: Vec<u64> = left_out.iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, [5, 5, 5, 5, 30, 30]);
        assert_eq!(left_out[5].0, ProblemClass::Archive);
    }

    #[test]
    fn each_repository_has_a_limit_of_its_own() {
        let mut report = Report {
            problems: problems(ProblemLevel::Error, ProblemClass::Object, 80),
            ..Report::default()
        };
        report.limit_problems(Some(&|problem| usize::from(*problem.path < *"060")));
        assert_eq!((report.problems.len(), report.left_out[0].number), (45, 35));
        // Once more is no change.
        let before = report.clone();
        report.limit_problems(Some(&|problem| usize::from(*problem.path < *"060")));
        assert_eq!(report, before);
    }
}
