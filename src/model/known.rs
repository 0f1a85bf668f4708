//! A finding that people know and accept, as a baseline lists it.

use super::finding::{Finding, RuleId, Subject};
use super::span::Position;

/// An entry of a baseline: which finding it means and why that may stay. It holds no line, date or
/// commit, so that it keeps when code moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFinding {
    /// The rule.
    pub rule: RuleId,
    /// What the finding is about.
    pub subject: Subject,
    /// The only path it is known at, within the repository; anywhere where left out.
    pub path: Option<String>,
    /// Why it may stay; not empty.
    pub reason: String,
    /// Where the entry stands in its file; the beginning of the file where it does not stand there yet.
    pub position: Position,
}

impl KnownFinding {
    /// What stands for `finding` from now on. A token is the same finding wherever it lies; anything else
    /// is known at its path alone.
    pub fn of(finding: &Finding, reason: &str) -> Self {
        Self {
            rule: finding.rule.clone(),
            subject: finding.subject.clone(),
            path: match finding.subject {
                Subject::Token(_) => None,
                Subject::Named(_) => Some(finding.primary.provenance.path.to_string()),
            },
            reason: reason.to_owned(),
            position: Position::default(),
        }
    }

    /// What tells entries apart and orders them in a file.
    pub fn key(&self) -> impl Ord {
        (&self.rule, &self.path, &self.subject)
    }
}
