//! Reads Git repositories without Git: where a repository lies, its objects, its refs.
//!
//! Everything goes through the parsers of the `gix` family and through files that this module opens
//! itself: no program is started, no hook, filter or helper can run, no environment variable, no user
//! or system configuration and no `include` is looked at. Of a repository's own configuration only
//! its format and whether it is a partial clone are read. Fifos, sockets and devices inside of a
//! `.git` are never opened. Nothing is written.
//!
//! [`Repository::at`] finds and opens; [`Repository::objects`] gives the object database,
//! [`Repository::refs`] what its refs point at. What cannot be read is a [`Defect`] and the rest goes
//! on; a [`GitError`] means that nothing of the repository can be read.

mod alternates;
mod attribution;
mod below;
mod buffer;
mod changes;
mod checkout;
mod commits;
mod delta;
mod entry;
mod fan_out;
mod files;
mod forest;
mod graph;
mod history;
mod index;
mod loose;
mod missing;
mod numbering;
mod objects;
mod pack;
mod pack_index;
mod pass;
mod pick;
mod recall;
mod refs;
pub(super) mod reftable;
mod remote;
mod repository;
mod revision;
mod settings;
mod shared;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod threads;
mod tree_links;

use std::path::PathBuf;

pub use self::attribution::{Attribution, Origin};
pub use self::below::{Located, repositories};
pub use self::changes::{Added, Changes, changes_of};
pub use self::checkout::Checkout;
pub use self::commits::{Commit, commits_of, tag_chain, tags_on};
pub use self::graph::ids_length;
pub use self::history::{History, tree_names};
pub use self::index::Index;
pub use self::numbering::IdSet;
pub use self::objects::{Decoder, MAX_OBJECT, Object, ObjectError, Objects};
pub use self::pass::{Base, ObjectVisitor, PassOutcome, Selection, pass};
pub use self::recall::{Clue, Lacks};
pub use self::refs::{Head, Refs};
pub(super) use self::repository::is_git_dir;
pub use self::repository::{OpenOptions, Repository};
pub use self::revision::{RevisionError, RevisionRange, Revisions};
pub use self::shared::{Shared, kin};
pub use self::snapshot::Snapshot;
pub use self::state::{KnownPack, ReadPack};
pub use gix_hash::{ObjectId, oid};
pub use gix_object::Kind;

use crate::model::ProblemClass;

/// Why nothing of a repository can be read.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// A `.git` file, or a link, that points at no repository.
    #[error("points at a repository that is not there")]
    Dangling {
        /// The `.git`.
        path: PathBuf,
    },
    /// A `.git` that is neither a folder nor a file of the known form.
    #[error("is no repository: {reason}")]
    NotARepository {
        /// The `.git`.
        path: PathBuf,
        /// What is missing or wrong.
        reason: &'static str,
    },
    /// An object format that is not known: there is no telling where an object id ends.
    #[error("has objects of the unknown format `{format}`")]
    ObjectFormat {
        /// The configuration.
        path: PathBuf,
        /// What it says.
        format: String,
    },
}

impl GitError {
    /// The file or folder it is about.
    pub fn path(&self) -> &std::path::Path {
        match self {
            Self::Dangling { path }
            | Self::NotARepository { path, .. }
            | Self::ObjectFormat { path, .. } => path,
        }
    }
}

/// Something of a repository that could not be read, or that is known to be missing from it. The run
/// is incomplete for it and goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defect {
    /// What kind.
    pub class: ProblemClass,
    /// Relative to the root of the repository: `.git/objects/pack/pack-….idx`.
    pub path: String,
    /// What is wrong: lower-case start, no full stop.
    pub message: String,
    /// What to do about it.
    pub mend: Option<&'static str>,
}
