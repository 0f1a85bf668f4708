//! Reports that this program wrote, read back to be merged.
//!
//! A report is told by what stands in it, not by its name. One that is damaged, of another program or
//! of another version is refused: a merge that guesses would be a report that nobody made.

use std::io::{self, BufWriter, Write};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::sarif::{self, SarifLog};
use super::{json, sanitize};
use crate::model::{FailOn, Fleet, Report, Severity, ShardError, Shards};

/// A report in the form it was read from.
#[derive(Debug)]
pub enum WrittenReport {
    /// JSON of one repository or folder.
    Report(Report),
    /// JSON of several repositories.
    Fleet(Fleet),
    /// SARIF of either.
    Sarif(WrittenSarif),
}

/// A SARIF log of this program.
#[derive(Debug)]
pub struct WrittenSarif(SarifLog);

/// Why a file cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no text.
    #[error("is not UTF-8")]
    NotText,
    /// It is no JSON, or ends early, or something in it does not fit.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// It is of another kind.
    #[error("is no SARIF or JSON report of glpatrol")]
    Foreign,
    /// It is of another version.
    #[error(
        "was written by glpatrol {0}, and this is {this}: scan and merge with one version",
        this = env!("CARGO_PKG_VERSION")
    )]
    OtherVersion(String),
}

/// What one repository of a merged report says of the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// From which severity on its findings make a run fail where no option says so.
    pub fail_on: FailOn,
    /// The worst finding that nothing hides.
    pub worst: Option<Severity>,
    /// Whether everything asked for was read.
    pub complete: bool,
}

/// Reads a report.
///
/// # Errors
///
/// See [`ReadError`].
pub fn read(bytes: &[u8]) -> Result<WrittenReport, ReadError> {
    /// The little that tells the kinds apart.
    #[derive(Deserialize)]
    struct Head {
        schema: Option<String>,
        tool: Option<Tool>,
        runs: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Tool {
        version: Option<String>,
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotText)?;
    let damaged = |error: serde_json::Error| ReadError::Damaged(error.to_string());
    if !text.trim_start().starts_with('{') {
        return Err(if text.trim().is_empty() {
            ReadError::Damaged("the file is empty".to_owned())
        } else {
            ReadError::Foreign
        });
    }
    let head: Head = serde_json::from_str(text).map_err(damaged)?;
    let version = head.tool.and_then(|tool| tool.version).unwrap_or_default();
    match head.schema.as_deref() {
        Some(json::SCHEMA) => {
            check_version(&version)?;
            let report = json::read_report(text).map_err(damaged)?;
            Ok(WrittenReport::Report(report))
        }
        Some(json::FLEET_SCHEMA) => {
            check_version(&version)?;
            let fleet = json::read_fleet(text).map_err(damaged)?;
            Ok(WrittenReport::Fleet(fleet))
        }
        None if head.runs.is_some() => {
            let log = sarif::read(text).map_err(ReadError::Damaged)?;
            for (name, version) in sarif::writers(&log) {
                if name != env!("CARGO_PKG_NAME") {
                    return Err(ReadError::Foreign);
                }
                check_version(version)?;
            }
            Ok(WrittenReport::Sarif(WrittenSarif(log)))
        }
        _ => Err(ReadError::Foreign),
    }
}

fn check_version(version: &str) -> Result<(), ReadError> {
    if version == env!("CARGO_PKG_VERSION") {
        Ok(())
    } else {
        Err(ReadError::OtherVersion(version.to_owned()))
    }
}

impl WrittenSarif {
    /// Joins logs: a run for each repository, sorted by name.
    ///
    /// # Errors
    ///
    /// Where they are parts of different wholes.
    pub fn merge(logs: Vec<Self>) -> Result<Self, ShardError> {
        sarif::merge(logs.into_iter().map(|log| log.0).collect()).map(Self)
    }

    /// Which parts of the whole it holds; `None` for the whole.
    pub const fn shards(&self) -> Option<&Shards> {
        self.0.shards.as_ref()
    }

    /// What each run says of the exit code.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        sarif::verdicts(&self.0)
    }

    /// Writes the log.
    ///
    /// # Errors
    ///
    /// What `out` fails with; the log is then incomplete.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = BufWriter::new(out);
        sanitize::write_json(&self.0.log, &mut out)?;
        out.flush()
    }
}
