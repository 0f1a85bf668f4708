//! Reads files: what a PATH stands for, which repositories there are, the parallel walk over a work
//! tree, single files of a root, and Git repositories.
//!
//! This module gives bytes and paths away and knows neither rules nor formats. Links are not followed
//! except where a PATH itself is one; fifos, sockets and devices are never opened.

mod archive;
mod fleet;
pub mod git;
mod linked;
mod root;
mod text;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

pub use archive::ArchiveLimits;
pub use fleet::{FleetEntry, FleetError, fleet};
pub use root::{Root, Roots, Target};
pub use text::{Part, Text, TextProblem, TextReader, TextVisitor, WindowSize};
use walk::repository_folders;
pub use walk::{Blob, BlobVisitor, ReadProblem, WalkOptions, WalkOutcome, walk, yaml_paths};

/// Why a PATH given by the user cannot be scanned at all.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Absent, a dangling link, a link to itself, or not to be looked at.
    #[error("cannot open `{}`", path.display())]
    Open {
        /// As the user gave it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A fifo, socket or device.
    #[error("`{}` is no regular file: fifos, sockets and devices are not read", path.display())]
    Special {
        /// As the user gave it.
        path: PathBuf,
    },
}

/// Why one file of a root cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file.
    #[error("does not exist")]
    Missing,
    /// The path, or a link on the way, leaves the root.
    #[error("lies outside of the repository")]
    Outside,
    /// A folder, fifo, socket or device.
    #[error("is no regular file")]
    NotAFile,
    /// More bytes than anything that is read as a whole can have.
    #[error("is larger than {} MiB", MAX_WHOLE >> 20)]
    TooLarge,
    /// What the system says.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The largest file that is read as a whole, in bytes: CI files and what they call. Real ones have
/// kilobytes.
const MAX_WHOLE: u64 = 64 << 20;

/// Reads a file that the user named outside of any scan (an inventory, a configuration), and refuses
/// what is no regular file without opening it.
///
/// # Errors
///
/// See [`SourceError`].
pub fn read_named(path: &Path) -> Result<Vec<u8>, SourceError> {
    let open = |source| SourceError::Open {
        path: path.to_owned(),
        source,
    };
    let metadata = fs::metadata(path).map_err(open)?;
    if metadata.is_dir() {
        return Err(open(io::ErrorKind::IsADirectory.into()));
    }
    if !metadata.is_file() {
        return Err(SourceError::Special {
            path: path.to_owned(),
        });
    }
    fs::read(path).map_err(open)
}

/// Reads one file of `root` by its relative path, never leaving the root.
///
/// # Errors
///
/// See [`FileError`].
pub fn read_within(root: &Root, relative: &str) -> Result<Vec<u8>, FileError> {
    let path = root.dir().join(relative);
    let real = match fs::canonicalize(&path) {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(FileError::Missing),
        Err(error) => return Err(error.into()),
    };
    if !real.starts_with(root.dir()) {
        return Err(FileError::Outside);
    }
    let metadata = fs::metadata(&real)?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile);
    }
    if metadata.len() > MAX_WHOLE {
        return Err(FileError::TooLarge);
    }
    Ok(fs::read(real)?)
}

/// A path with `/` between segments; bytes that are no UTF-8 become U+FFFD.
fn portable(path: &Path) -> Arc<str> {
    let mut text = String::new();
    for part in path.components() {
        if !text.is_empty() {
            text.push('/');
        }
        text.push_str(&part.as_os_str().to_string_lossy());
    }
    text.into()
}
