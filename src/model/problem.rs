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

/// What kind of thing went wrong; reports group and cap by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemClass {
    /// A file or folder could not be opened or read.
    Unreadable,
    /// A fifo, socket or device stood where a file is meant.
    SpecialFile,
    /// A folder links back to one above it.
    Loop,
    /// A CI file is not valid.
    CiSyntax,
    /// A local include does not exist.
    MissingInclude,
    /// Includes, `extends` or references go round in a circle or too deep.
    CiResolution,
    /// A limit stopped the work.
    Limit,
    /// An inventory is not valid.
    InventorySyntax,
    /// A suppression without a reason.
    Suppression,
    /// The configuration of one repository of several is not valid.
    Configuration,
    /// Something lies outside of the scanned input.
    Gap,
    /// A Git repository is not there, damaged, or of a format that is not known.
    Repository,
    /// A folder that a Git repository borrows objects from is not there or not followed.
    Alternate,
    /// A Git pack or its index cannot be read.
    Pack,
    /// A Git object is missing, damaged or too big.
    Object,
    /// Refs of a Git repository cannot be read.
    Refs,
    /// A Git repository does not have its whole history: a shallow or partial clone.
    History,
}

impl ProblemClass {
    /// The id in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::SpecialFile => "special-file",
            Self::Loop => "loop",
            Self::CiSyntax => "ci-syntax",
            Self::MissingInclude => "missing-include",
            Self::CiResolution => "ci-resolution",
            Self::Limit => "limit",
            Self::InventorySyntax => "inventory-syntax",
            Self::Suppression => "suppression",
            Self::Configuration => "configuration",
            Self::Gap => "gap",
            Self::Repository => "git-repository",
            Self::Alternate => "git-alternate",
            Self::Pack => "git-pack",
            Self::Object => "git-object",
            Self::Refs => "git-refs",
            Self::History => "git-history",
        }
    }
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
