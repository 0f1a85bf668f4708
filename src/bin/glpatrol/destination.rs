//! Where a report goes: standard output, or a file that is replaced in one step.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// A place to write one report to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Standard output.
    Stdout,
    /// A regular file, or none yet: written beside and renamed.
    File(PathBuf),
    /// A device or pipe: written into, never replaced.
    Stream(PathBuf),
}

impl Destination {
    /// Looks at `path` before the run, so that a place that cannot be written is told at once; `-` is
    /// standard output.
    pub(crate) fn prepare(path: &Path, scanned: &[PathBuf]) -> anyhow::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let shown = path.display();
        let target = match path.symlink_metadata() {
            Ok(metadata) if metadata.file_type().is_symlink() => {
                let folder = fs::canonicalize(folder_of(path))
                    .with_context(|| format!("cannot write `{shown}`"))?;
                if scanned.iter().any(|root| folder.starts_with(root)) {
                    bail!(
                        "cannot write `{shown}`: it is a link inside the scanned repository, which \
                         could lead anywhere"
                    );
                }
                if fs::metadata(path).is_ok_and(|target| !target.is_file() && !target.is_dir()) {
                    // `/dev/stdout` leads to a pipe that has no path of its own.
                    return Ok(Self::Stream(path.to_owned()));
                }
                fs::canonicalize(path).with_context(|| format!("cannot write `{shown}`"))?
            }
            _ => absolute(path).with_context(|| format!("cannot write `{shown}`"))?,
        };
        match fs::metadata(&target) {
            Ok(metadata) if metadata.is_dir() => bail!("cannot write `{shown}`: it is a folder"),
            Ok(metadata) if !metadata.is_file() => return Ok(Self::Stream(target)),
            Ok(metadata) if metadata.permissions().readonly() => {
                bail!("cannot write `{shown}`: it is read-only")
            }
            Ok(_) => return Ok(Self::File(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot write `{shown}`")),
        }
        let folder = folder_of(&target);
        if !folder.is_dir() {
            bail!(
                "cannot write `{shown}`: the folder `{}` does not exist",
                folder.display()
            );
        }
        Ok(Self::File(target))
    }

    /// Writes what `render` produces. A file is complete or untouched.
    pub(crate) fn write(
        &self,
        render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = BufWriter::new(io::stdout().lock());
                match render(&mut out).and_then(|()| out.flush()) {
                    // A reader that went away (`| head`) does not change what the run found.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                    result => result.context("cannot write to standard output")?,
                }
            }
            Self::Stream(path) => {
                let context = || format!("cannot write `{}`", path.display());
                let file = fs::OpenOptions::new()
                    .write(true)
                    .open(path)
                    .with_context(context)?;
                let mut out = BufWriter::new(file);
                render(&mut out)
                    .and_then(|()| out.flush())
                    .with_context(context)?;
            }
            Self::File(path) => {
                let context = || format!("cannot write `{}`", path.display());
                let beside = tempfile::Builder::new()
                    .prefix(".glpatrol-")
                    .permissions(permissions(path))
                    .tempfile_in(folder_of(path))
                    .with_context(context)?;
                let mut out = BufWriter::new(beside);
                render(&mut out).with_context(context)?;
                let beside = out.into_inner().map_err(io::IntoInnerError::into_error);
                beside
                    .with_context(context)?
                    .persist(path)
                    .with_context(context)?;
            }
        }
        Ok(())
    }
}

/// The path by the real name of its folder, so that one file written in two ways is known for one.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    match path.file_name() {
        Some(name) => match fs::canonicalize(folder_of(path)) {
            Ok(folder) => Ok(folder.join(name)),
            // Told below in words that name the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
            Err(error) => Err(error),
        },
        None => Ok(path.to_owned()),
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The permissions of the file that is replaced, else those of any new file.
#[cfg(unix)]
fn permissions(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).map_or_else(
        |_| fs::Permissions::from_mode(0o644),
        |metadata| metadata.permissions(),
    )
}

#[cfg(not(unix))]
fn permissions(path: &Path) -> fs::Permissions {
    let folder = folder_of(path);
    fs::metadata(path)
        .or_else(|_| fs::metadata(folder))
        .expect("the folder was there when the destination was prepared")
        .permissions()
}
