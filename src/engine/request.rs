//! What a run is asked to do.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;

use super::additions::AdditionsRequest;
use super::cache::Cache;
use crate::config::{Baseline, Config, InventoryFile};
use crate::model::{Confidence, Persona};
use crate::rules::Analysis;
use crate::source::WalkOptions;
use crate::source::git::Shared;

/// Archives that are opened inside each other: enough for a compressed folder in a package.
pub const DEFAULT_ARCHIVE_DEPTH: usize = 3;

/// What a run is asked to do; the configuration has the rest.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// Folders below them that are not read, absolute and without links: repositories of a fleet have
    /// a report each.
    pub apart: BTreeSet<PathBuf>,
    /// What reports call standard input, where it is searched beside them.
    pub stdin: Option<String>,
    /// What was added alone, and not what lies on disk.
    pub additions: Option<AdditionsRequest>,
    /// Which analyses.
    pub analyses: BTreeSet<Analysis>,
    /// Findings that are known.
    pub baseline: Option<Baseline>,
    /// Inventories named by options.
    pub inventories: Vec<InventoryFile>,
    /// The day that "today" means.
    pub today: Date,
    /// Lowest confidence that is reported.
    pub confidence: Confidence,
    /// Whose findings are reported.
    pub persona: Persona,
    /// Skip what `.gitignore` and its kin name.
    pub respect_gitignore: bool,
    /// Ignore every comment inside the scanned repository.
    pub untrusted: bool,
    /// Count a gap as not read.
    pub strict: bool,
    /// The largest file that is read, in bytes.
    pub max_file_size: Option<u64>,
    /// How many encodings deep tokens are looked for.
    pub decode_depth: usize,
    /// How many archives inside each other are opened; [`DEFAULT_ARCHIVE_DEPTH`] unless the user says
    /// otherwise.
    pub max_archive_depth: usize,
    /// What is read of Git repositories beside their files.
    pub history: HistoryScope,
    /// What remembers the histories that were read; its folder is not scanned.
    pub cache: Option<Cache>,
    /// Objects that other repositories of the run have too, and that have nothing in them under the
    /// same rules.
    pub shared: Option<Arc<Shared>>,
    /// Threads; 0 means one a core.
    pub jobs: usize,
}

/// How much of a repository's history is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryScope {
    /// Nothing.
    None,
    /// Every object of bare repositories, which have nothing else.
    OfBare,
    /// Every object: also stashes and what no ref reaches.
    All,
    /// What HEAD and the refs reach.
    Reachable,
}

impl ScanRequest {
    /// Threads to work on.
    pub(super) fn threads(&self) -> usize {
        match self.jobs {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            jobs => jobs,
        }
    }

    pub(super) fn walk_options(&self, config: &Config) -> WalkOptions {
        WalkOptions {
            respect_gitignore: self.respect_gitignore,
            exclude: config.exclude.clone(),
            apart: {
                let cache = self.cache.iter().map(|cache| cache.dir().to_owned());
                self.apart.iter().cloned().chain(cache).collect()
            },
            max_file_size: self.max_file_size,
            threads: self.jobs,
        }
    }
}
