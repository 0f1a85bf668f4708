//! The finished result of a run.

use super::finding::{Finding, SuppressionKind};
use super::location::PathBase;
use super::problem::{Problem, ProblemLevel};
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
    /// What could not be read, sorted.
    pub problems: Vec<Problem>,
    /// Sorted.
    pub unused_suppressions: Vec<UnusedSuppression>,
    /// Whether the findings were compared with a baseline.
    pub has_baseline: bool,
    /// What was read.
    pub stats: Stats,
}

impl Report {
    /// Whether everything asked for was read.
    pub fn is_complete(&self) -> bool {
        self.problems
            .iter()
            .all(|problem| problem.level != ProblemLevel::Error)
    }

    /// Findings that nothing hides.
    pub fn active(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.suppression.is_none())
    }
}
