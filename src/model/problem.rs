//! What could not be read, resolved or believed.

use super::location::PathBase;
use super::span::Position;

/// Whether a problem makes the run incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemLevel {
    /// Something asked for was not read: exit 3.
    Error,
    /// Worth a word; the run is complete.
    Note,
}

words! {
    /// What kind of thing went wrong; reports group and cap by it.
    ProblemClass, "class of problem":
    /// A file or folder could not be opened or read.
    Unreadable = "unreadable",
    /// A fifo, socket or device stood where a file is meant.
    SpecialFile = "special-file",
    /// A folder links back to one above it.
    Loop = "loop",
    /// An archive is damaged, encrypted or packed in a way that is not read.
    Archive = "archive",
    /// A CI file is not valid.
    CiSyntax = "ci-syntax",
    /// A local include does not exist.
    MissingInclude = "missing-include",
    /// Includes, `extends` or references go round in a circle or too deep.
    CiResolution = "ci-resolution",
    /// A limit stopped the work.
    Limit = "limit",
    /// An inventory is not valid.
    InventorySyntax = "inventory-syntax",
    /// A suppression without a reason.
    Suppression = "suppression",
    /// The configuration of one repository of several is not valid.
    Configuration = "configuration",
    /// Something lies outside of the scanned input.
    Gap = "gap",
    /// A Git repository is not there, damaged, or of a format that is not known.
    Repository = "git-repository",
    /// A folder that a Git repository borrows objects from is not there or not followed.
    Alternate = "git-alternate",
    /// A Git pack or its index cannot be read.
    Pack = "git-pack",
    /// A Git object is missing, damaged or too big.
    Object = "git-object",
    /// Refs of a Git repository cannot be read.
    Refs = "git-refs",
    /// The index of a Git repository cannot be read.
    Index = "git-index",
    /// A Git repository does not have its whole history: a shallow or partial clone.
    History = "git-history",
    /// What a cache has is not used, or cannot be written.
    Cache = "cache",
}

/// Problems of one level and class that a report counts and does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeftOut {
    /// Whether the run is incomplete for them.
    pub level: ProblemLevel,
    /// What kind.
    pub class: ProblemClass,
    /// How many, never none.
    pub number: u64,
}

/// One thing that could not be read, resolved or believed. The rest of the work went on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// Whether the run is incomplete for it.
    pub level: ProblemLevel,
    /// What kind.
    pub class: ProblemClass,
    /// The path, relative as [`super::Provenance::display_path`] gives it.
    pub path: String,
    /// What the path is relative to.
    pub base: PathBase,
    /// Where in the file.
    pub position: Option<Position>,
    /// What is wrong: lower-case start, no full stop.
    pub message: String,
    /// What to do about it.
    pub mend: Option<String>,
}
