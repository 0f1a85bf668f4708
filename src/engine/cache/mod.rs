//! A folder that remembers what histories hold, so that a later run reads only what is new.
//!
//! Two kinds of files lie in it. That of a pack, named by its checksum, says which of its objects hold
//! which tokens; any repository that has the pack can use it. That of a repository says what a run
//! found in one state of it, so that a run over the same state reads the objects alone that the
//! report names. Both say under which rules and by which version they were written, and end with a
//! digest of themselves: a file that is not the one asked for is passed over and written anew. Files
//! come into being whole, by renaming, so that processes need not know of each other; the last one to
//! write wins, and whichever it is, what it wrote is true.
//!
//! A cache is a thing of whoever scans, never of what is scanned: it is believed. What it is asked by
//! are checksums that packs and their indexes carry at their ends. They are verified when a file is
//! written, so that it speaks of contents and not of names. When it is read they are taken at their
//! word, as Git takes them, unless the repository is not trusted: then packs are hashed first, and
//! loose objects read.

mod record;
mod session;

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::{fs, iter};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::Digest;
use crate::rules::{RuleBody, RuleSet};

use super::ScanRequest;

pub(super) use record::{Held, OutcomeRecord, TokenPlaces};
pub(super) use session::{Memory, Session};

/// The form of the files.
const FORM: &str = "cache/v1";

/// The most bytes of a file that are read.
const MAX_FILE: u64 = 1 << 30;

/// What tells programs that make copies that this folder is not worth one
/// (<https://bford.info/cachedir/>).
const TAG: (&str, &str) = (
    "CACHEDIR.TAG",
    "Signature: 8a477f597d28d172789f06886806bc55\n# What glpatrol need not read again. It can be removed at any time.\n",
);

/// Why a folder cannot be used as a cache.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{}` as a cache; name a folder that can be written", dir.display())]
pub struct CacheError {
    dir: PathBuf,
    #[source]
    source: io::Error,
}

/// A folder of what is known; may be shared between threads, and with other processes.
#[derive(Clone, Debug)]
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// Uses the folder `dir`, which is made if there is none, and looks whether it can be written.
    ///
    /// # Errors
    ///
    /// It is no folder, or cannot be made or written.
    pub fn open(dir: &Path) -> Result<Self, CacheError> {
        let opened = || {
            fs::create_dir_all(dir)?;
            let dir = fs::canonicalize(dir)?;
            let (name, text) = TAG;
            write_beside(&dir, name, text.as_bytes())?;
            Ok(Self { dir })
        };
        opened().map_err(|source| CacheError {
            dir: dir.to_owned(),
            source,
        })
    }

    /// The folder, absolute and without links.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the file `name` says of `subject` under the rules of `under`.
    fn load<T: DeserializeOwned>(&self, name: &str, under: &Digest, subject: &str) -> Loaded<T> {
        let bytes = match read(&self.dir.join(name)) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Loaded::Absent,
            Err(_) => return Loaded::Unfit("cannot be read"),
        };
        let Ok(file) = serde_json::from_slice::<File<'_>>(&bytes) else {
            return Loaded::Unfit("is damaged");
        };
        if (file.glpatrol, file.version) != (FORM, env!("CARGO_PKG_VERSION")) {
            return Loaded::Unfit("was written by another version");
        }
        if file.check != file.digest().to_string() {
            return Loaded::Unfit("is damaged");
        }
        if file.rules != under.to_string() {
            return Loaded::Unfit("was written under other rules or limits");
        }
        if file.subject != subject {
            return Loaded::Absent;
        }
        match serde_json::from_str(file.content.get()) {
            Ok(content) => Loaded::Found(content),
            Err(_) => Loaded::Unfit("is damaged"),
        }
    }

    /// Writes the file `name`, so that it is there whole or not at all.
    fn store<T: Serialize>(
        &self,
        name: &str,
        under: &Digest,
        subject: &str,
        content: &T,
    ) -> io::Result<()> {
        let content = serde_json::value::to_raw_value(content)?;
        let rules = under.to_string();
        let mut file = File {
            glpatrol: FORM,
            version: env!("CARGO_PKG_VERSION"),
            rules: &rules,
            subject,
            check: "",
            content: &content,
        };
        let check = file.digest().to_string();
        file.check = &check;
        let bytes = serde_json::to_vec(&file)?;
        write_beside(&self.dir, name, &bytes)
    }
}

/// What a file says.
enum Loaded<T> {
    Found(T),
    Absent,
    /// Why nothing of it is used.
    Unfit(&'static str),
}

/// A file of the folder.
#[derive(Serialize, Deserialize)]
struct File<'f> {
    glpatrol: &'f str,
    version: &'f str,
    rules: &'f str,
    subject: &'f str,
    check: &'f str,
    #[serde(borrow)]
    content: &'f RawValue,
}

impl File<'_> {
    /// The digest of all but itself.
    fn digest(&self) -> Digest {
        let parts = [
            self.glpatrol,
            self.version,
            self.rules,
            self.subject,
            self.content.get(),
        ];
        Digest::of(parts.join("\n").as_bytes())
    }
}

/// A digest of what decides which tokens are found in an object: detectors, depths, confidence.
pub(super) fn digest_of_rules(rules: &RuleSet, request: &ScanRequest) -> Digest {
    let limits = format!(
        "{} {} {:?}",
        request.decode_depth, request.max_archive_depth, request.confidence
    );
    let detectors = rules.iter().filter_map(|rule| match &rule.body {
        RuleBody::Detector(detector) => {
            Some(format!("\n{} {:?} {detector:?}", rule.id, rule.confidence))
        }
        RuleBody::Check { .. } => None,
    });
    let text: String = iter::once(limits).chain(detectors).collect();
    Digest::of(text.as_bytes())
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(MAX_FILE)
        .read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes a file beside its place and renames it.
fn write_beside(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".glpatrol-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.persist(dir.join(name)).map_err(|error| error.error)?;
    Ok(())
}
