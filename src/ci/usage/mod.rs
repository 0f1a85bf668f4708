//! Finds what the scripts of a job use credentials for.
//!
//! ```text
//! ScriptItem ─shell─▶ Command ─environment─▶ words after expansion ─clients, git, registry─▶ Draft ▶ TokenUse
//! ```
//!
//! There is a file for each family of tools, with no more than an argument model: a variable is a
//! credential because of the position it stands in, never because of its name. Values are propagated
//! through `variables:` and assignments; nothing is evaluated. This module does not know whether any
//! use is right or wrong.

mod args;
mod assignments;
mod clients;
mod dump;
mod environment;
mod git;
mod powershell;
mod registry;
mod request;
mod text;
mod url;
mod walk;

use std::sync::Arc;

use super::job::Job;
use crate::model::{Credential, Facts, Host, Mechanism, Operation, Site, Span};

/// Adds what the scripts and variables of `job` tell: uses of credentials, variables that scripts
/// set, commands that print the environment.
pub(in crate::ci) fn extract(job: &Job, facts: &mut Facts) {
    walk::Walk::new(job, facts).run();
}

/// The comments of a shell text, from `#` to the end of the line, as offsets into `text`.
pub(in crate::ci) fn comments(text: &str) -> Vec<Span> {
    super::shell::lex(text).comments
}

/// A place in the script item at hand, or elsewhere.
#[derive(Clone, Debug)]
enum Place {
    Here(Span),
    There(Site),
}

/// A use whose places are still offsets into the script item.
#[derive(Clone, Debug)]
struct Draft {
    credential: Credential,
    mechanism: Mechanism,
    operation: Operation,
    host: Host,
    cleartext: bool,
    unverified: Option<(Place, Arc<str>)>,
    span: Span,
    url: Option<Span>,
    doubtful: bool,
}

impl Draft {
    fn new(credential: Credential, mechanism: Mechanism, span: Span) -> Self {
        Self {
            credential,
            mechanism,
            operation: Operation::Unknown,
            host: Host::Unknown,
            cleartext: false,
            unverified: None,
            span,
            url: None,
            doubtful: false,
        }
    }
}

#[cfg(test)]
mod tests;
