//! The options that ask for what was added, and what the environment says to them.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use glpatrol::engine::{AdditionsRequest, RefUpdate};

#[derive(Debug, Args)]
#[command(next_help_heading = "Git")]
#[group(multiple = false)]
pub(crate) struct AdditionsArguments {
    /// What `git commit` would record, as it stands in the index: tokens that are new, and CI files and
    /// inventories that change.
    #[arg(long, conflicts_with = "repos")]
    staged: bool,

    /// What the commits of a range added: tokens, also those that a later one removed again, and CI files
    /// and inventories as the last one has them. A side that is left out is HEAD.
    #[arg(long, value_name = "A..B|A...B", conflicts_with = "repos")]
    range: Option<String>,

    /// The same from a commit to HEAD; `auto` is the base of the merge request in a pipeline of GitLab, else
    /// what the branch was before the push.
    #[arg(long, value_name = "REV|auto", conflicts_with = "repos")]
    since: Option<String>,

    /// Tokens that a push brings, for a `pre-receive` hook: reads `OLD NEW REF` lines from standard input.
    #[arg(long, conflicts_with = "repos")]
    pre_receive: bool,
}

impl AdditionsArguments {
    /// What is asked for; `None` means the files as they lie on disk.
    pub(crate) fn request(&self) -> anyhow::Result<Option<AdditionsRequest>> {
        if self.staged {
            let index = variable("GIT_INDEX_FILE").map(PathBuf::from);
            return Ok(Some(AdditionsRequest::Staged { index }));
        }
        if let Some(range) = &self.range {
            return Ok(Some(AdditionsRequest::Range(range.clone())));
        }
        if let Some(since) = &self.since {
            let since = if since == "auto" {
                base_of_pipeline()?
            } else {
                since.clone()
            };
            return Ok(Some(AdditionsRequest::Range(format!("{since}..HEAD"))));
        }
        if self.pre_receive {
            return push().map(Some);
        }
        Ok(None)
    }
}

/// A variable of the environment that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The commit that a pipeline of GitLab goes on from.
fn base_of_pipeline() -> anyhow::Result<String> {
    let is_commit = |id: &String| id.bytes().any(|digit| digit != b'0');
    ["CI_MERGE_REQUEST_DIFF_BASE_SHA", "CI_COMMIT_BEFORE_SHA"]
        .into_iter()
        .filter_map(|name| variable(name)?.into_string().ok())
        .find(is_commit)
        .context(
            "`--since auto` needs a pipeline of GitLab that goes on from a commit: neither \
             CI_MERGE_REQUEST_DIFF_BASE_SHA nor CI_COMMIT_BEFORE_SHA names one; name it: `--since REV`",
        )
}

/// What Git tells a `pre-receive` hook, on standard input and by the folders of objects that are not
/// the repository's own yet.
fn push() -> anyhow::Result<AdditionsRequest> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .context("cannot read standard input")?;
    let mut updates = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let [old, new, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            bail!("line {} of standard input is not `OLD NEW REF`", number + 1);
        };
        updates.push(RefUpdate {
            old: old.to_owned(),
            new: new.to_owned(),
            name: name.to_owned(),
        });
    }
    let folders = ["GIT_QUARANTINE_PATH", "GIT_OBJECT_DIRECTORY"]
        .into_iter()
        .filter_map(variable)
        .map(PathBuf::from);
    let borrowed = variable("GIT_ALTERNATE_OBJECT_DIRECTORIES").unwrap_or_default();
    let mut objects: Vec<PathBuf> = folders.chain(std::env::split_paths(&borrowed)).collect();
    objects.dedup();
    Ok(AdditionsRequest::Push { updates, objects })
}
