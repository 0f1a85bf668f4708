//! The little that is read of a repository's configuration: the format of its objects and refs, and
//! whether it is a partial clone. No `include` is followed.

use std::path::Path;

use gix_config::File;
use gix_config::file::{Metadata, init};
use gix_hash::Kind;

use super::files::{MAX_TEXT, read};
use super::{Defect, GitError};
use crate::model::ProblemClass;

/// Where refs are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum RefStore {
    /// A file each, and `packed-refs`.
    #[default]
    Files,
    /// Tables; see [`super::reftable`].
    Tables,
    /// A store that is not known, by its name.
    Other(String),
}

/// What a repository says of its own format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// The hash that names objects.
    pub(super) format: Kind,
    /// Where refs are kept.
    pub(super) refs: RefStore,
    /// Whether objects may be missing because a remote promised to have them.
    pub(super) partial: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Kind::Sha1,
            refs: RefStore::Files,
            partial: false,
        }
    }
}

/// Extensions that change nothing about reading objects and refs.
const HARMLESS: [&str; 7] = [
    "noop",
    "noop-v1",
    "partialclone",
    "preciousobjects",
    "relativeworktrees",
    "submodulepathconfig",
    "worktreeconfig",
];

/// Reads the configuration at `path`. What cannot be understood of it is a defect, with `shown` as its
/// path.
pub(super) fn settings(
    path: &Path,
    shown: &str,
    defects: &mut Vec<Defect>,
) -> Result<Settings, GitError> {
    let mut defect = |message: String| {
        defects.push(Defect {
            class: ProblemClass::Repository,
            path: shown.to_owned(),
            message,
            mend: None,
        });
    };
    let bytes = match read(path, MAX_TEXT) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(Settings::default()),
        Err(error) => {
            defect(format!("not read, so that defaults are assumed: {error}"));
            return Ok(Settings::default());
        }
    };
    let Ok(file) = File::from_bytes_no_includes(&bytes, Metadata::api(), init::Options::default())
    else {
        defect("is no valid Git configuration, so that defaults are assumed".into());
        return Ok(Settings::default());
    };
    let mut settings = Settings {
        partial: is_partial(&file),
        ..Settings::default()
    };
    let version = file.integer("core.repositoryformatversion");
    if !matches!(version, Ok(None | Some(0 | 1))) {
        defect("is of a repository format that is not known: what is read may not be all".into());
    }
    for section in file.sections_by_name("extensions").into_iter().flatten() {
        for name in section.value_names() {
            let name = name.to_ascii_lowercase();
            let value = section
                .value(&name)
                .map(|value| value.to_string())
                .unwrap_or_default();
            match name.as_str() {
                "objectformat" => settings.format = object_format(path, &value)?,
                "refstorage" => {
                    settings.refs = match value.as_str() {
                        "files" => RefStore::Files,
                        "reftable" => RefStore::Tables,
                        _ => RefStore::Other(value),
                    };
                }
                "compatobjectformat" => {}
                name if HARMLESS.contains(&name) => {}
                name => defect(format!(
                    "has the extension `{name}`, which is not known: what is read may not be all"
                )),
            }
        }
    }
    Ok(settings)
}

fn object_format(path: &Path, value: &str) -> Result<Kind, GitError> {
    value.parse().map_err(|_| GitError::ObjectFormat {
        path: path.to_owned(),
        format: value.to_owned(),
    })
}

fn is_partial(file: &File) -> bool {
    let promisor = |section: &gix_config::file::SectionRef<'_>| {
        section.value("promisor").is_some_and(|value| {
            let value = value.to_string().to_ascii_lowercase();
            !matches!(value.as_str(), "false" | "no" | "off" | "0" | "")
        })
    };
    file.string("extensions.partialclone").is_some()
        || file
            .sections_by_name("remote")
            .into_iter()
            .flatten()
            .any(|section| promisor(&section))
}
