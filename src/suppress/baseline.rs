//! The entries of a baseline, found by what they are about: a baseline may list as many findings as a
//! run has.

use std::collections::BTreeMap;

use crate::model::{Finding, KnownFinding, Location, RuleId, Subject};

/// Known findings, and which of them the run met.
#[derive(Clone, Debug, Default)]
pub(super) struct Baseline {
    /// Each with whether it hid anything.
    entries: Vec<(KnownFinding, bool)>,
    by_subject: BTreeMap<(RuleId, Subject), Vec<usize>>,
}

impl Baseline {
    pub(super) fn new(entries: impl IntoIterator<Item = KnownFinding>) -> Self {
        let mut baseline = Self::default();
        for entry in entries {
            let key = (entry.rule.clone(), entry.subject.clone());
            let at = baseline.entries.len();
            baseline.by_subject.entry(key).or_default().push(at);
            baseline.entries.push((entry, false));
        }
        baseline
    }

    /// Why `finding` at `location` may stay, if it is known there. Every entry that knows it is of use.
    pub(super) fn reason(&mut self, finding: &Finding, location: &Location) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let key = (finding.rule.clone(), finding.subject.clone());
        let mut reason = None;
        for at in self.by_subject.get(&key)? {
            let (entry, used) = &mut self.entries[*at];
            let path = &*location.provenance.path;
            if entry.path.as_ref().is_none_or(|known| known == path) {
                *used = true;
                reason.get_or_insert_with(|| entry.reason.clone());
            }
        }
        reason
    }

    /// The entries that hid nothing.
    pub(super) fn idle(&self) -> impl Iterator<Item = &KnownFinding> {
        self.entries
            .iter()
            .filter(|(_, used)| !used)
            .map(|(entry, _)| entry)
    }
}
