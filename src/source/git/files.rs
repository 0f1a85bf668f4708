//! Files of a repository's own folder: opened only when they are regular files, read to a limit.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The most bytes of a file that is read as text: refs, configuration, alternates. The packed refs of
/// a hundred thousand branches have about eight million.
pub(super) const MAX_TEXT: u64 = 256 << 20;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// A folder, fifo, socket or device.
    #[error("is no regular file")]
    Special,
    /// It is longer than the limit.
    #[error("is longer than {0} bytes")]
    TooLong(u64),
    /// What the system says.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The bytes of the regular file at `path`, `None` where there is none.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !metadata.is_file() {
        return Err(ReadError::Special);
    }
    let mut bytes = Vec::new();
    let read = fs::File::open(path)?
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if read as u64 > limit {
        return Err(ReadError::TooLong(limit));
    }
    Ok(Some(bytes))
}

/// The entries of a folder in the order of their names; none where there is no folder.
pub(super) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Whether `path` is a regular file, or a link to one.
pub(super) fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Whether `path` is a folder, or a link to one.
pub(super) fn is_dir(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// A path that Git wrote into a file: bytes on Unix, UTF-8 elsewhere.
#[cfg(unix)]
pub(super) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// A path that Git wrote into a file: bytes on Unix, UTF-8 elsewhere.
#[cfg(not(unix))]
pub(super) fn path_from_bytes(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
