//! Finds and reads the configuration of a run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::{Baseline, Config, ConfigError, FILE_NAME};
use crate::policy;
use crate::rules::RuleSet;
use crate::rules::strict;
use crate::source::{Roots, SourceError};

/// A configuration file and what reports call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// The file.
    pub path: PathBuf,
    /// Its path within the repository, or its name alone.
    pub display_path: String,
    /// The folder that it must not lead out of, if it was found and not named.
    pub root: Option<PathBuf>,
}

impl ConfigFile {
    /// A configuration that the user names.
    pub fn named(path: &Path) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            path: path.to_owned(),
            display_path: name.to_string_lossy().into_owned(),
            root: None,
        }
    }
}

/// The `.glpatrol.yml` at the root that all of `paths` share. Where they have several roots there is
/// no one configuration, and none is read.
///
/// # Errors
///
/// A PATH that cannot be opened.
pub fn find_config(paths: &[PathBuf]) -> Result<Option<ConfigFile>, SourceError> {
    Ok(match Roots::resolve(paths)?.roots.as_slice() {
        [root] => config_at(root.dir()),
        _ => None,
    })
}

/// The `.glpatrol.yml` in the folder of a repository.
pub(super) fn config_at(root: &Path) -> Option<ConfigFile> {
    let path = root.join(FILE_NAME);
    path.symlink_metadata().is_ok().then(|| ConfigFile {
        path,
        display_path: FILE_NAME.to_owned(),
        root: Some(root.to_owned()),
    })
}

/// The roots of `paths`: folders in which reports are not written through links.
///
/// # Errors
///
/// A PATH that cannot be opened.
pub fn scanned_folders(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SourceError> {
    Ok(Roots::resolve(paths)?
        .roots
        .iter()
        .map(|root| root.dir().to_owned())
        .collect())
}

/// Reads a configuration and applies to `rules` what it says of them.
///
/// # Errors
///
/// The first thing in it that is not valid.
pub fn load_config(file: &ConfigFile, rules: &mut RuleSet) -> Result<Config, ConfigError> {
    // An error quotes the file, which would give away what a link points at.
    if let Some(root) = &file.root
        && fs::canonicalize(&file.path).is_ok_and(|real| !real.starts_with(root))
    {
        return Err(
            ConfigError::of_file(&file.path, "is a link that leads out of the repository")
                .with_mend("put the file in its place, or name it with `--config`"),
        );
    }
    let text = strict::read_file(&file.path)?;
    let config = Config::parse(&file.path, &file.display_path, &text, rules)?;
    config.apply(&file.path, &text, rules, &policy::validate)?;
    Ok(config)
}

/// Reads the baseline `file` for a run over `paths`.
///
/// # Errors
///
/// A PATH that cannot be opened, or the first thing in the file that is not valid.
pub fn load_baseline(file: &Path, paths: &[PathBuf]) -> Result<Baseline, BaselineError> {
    let roots = Roots::resolve(paths)?;
    let within = fs::canonicalize(file)
        .ok()
        .and_then(|real| roots.relative(&real));
    let display_path = match within {
        Some((root, path)) => match roots.roots[root].label() {
            Some(label) => format!("{label}/{path}"),
            None => path.to_string(),
        },
        None => ConfigFile::named(file).display_path,
    };
    Ok(Baseline::read(file, &display_path)?)
}

/// Why a baseline could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A PATH of the run.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file itself.
    #[error(transparent)]
    File(#[from] ConfigError),
}
