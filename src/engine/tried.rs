//! What a run looked for and where, so that it calls no suppression unused that it did not try.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::model::{KnownFinding, PathBase};
use crate::rules::{Analysis, RuleSet, strict};
use crate::suppress::{Claim, IgnoreEntry, Verdict};

/// What a run tried.
pub(super) struct Tried<'r> {
    pub(super) analyses: &'r BTreeSet<Analysis>,
    pub(super) rules: &'r RuleSet,
    pub(super) config: &'r Config,
    /// Whether the PATHs are whole roots and not parts of them.
    pub(super) whole: bool,
    /// Whether what was added is reported alone: what stood before may be what a suppression hides.
    pub(super) added_alone: bool,
    /// Whether everything asked for was read.
    pub(super) complete: bool,
    /// The CI files and inventories that were read.
    pub(super) structured: BTreeSet<(String, PathBase)>,
}

impl Tried<'_> {
    /// What it says of a suppression that it hid nothing in this run.
    pub(super) fn verdict(&self, claim: Claim<'_>) -> Verdict {
        match claim {
            Claim::Comment { rule, path, base } => self.comment(rule, path, base),
            Claim::Entry(entry) => self.entry(entry),
            Claim::Known(entry) => self.known(entry),
        }
    }

    fn comment(&self, rule: &str, path: &str, base: PathBase) -> Verdict {
        let Some(known) = self.rules.get(rule) else {
            return self.no_such_rule(rule);
        };
        // Every file with comments was searched for tokens; a fragment of a CI configuration is read
        // as one only in a run that also reads what includes it.
        let searched = known.analysis == Analysis::Leaks && !self.added_alone;
        let read = searched || self.whole || self.structured.contains(&(path.to_owned(), base));
        unused_if(read && self.looked_for(rule))
    }

    fn entry(&self, entry: &IgnoreEntry) -> Verdict {
        let looked_for = match (&entry.rule, &entry.digest) {
            (Some(rule), _) => self.looked_for(rule),
            (None, Some(_)) => self.analyses.contains(&Analysis::Leaks),
            (None, None) => Analysis::ALL
                .iter()
                .all(|analysis| self.analyses.contains(analysis)),
        };
        unused_if(self.whole && self.complete && looked_for)
    }

    fn known(&self, entry: &KnownFinding) -> Verdict {
        let rule = entry.rule.as_str();
        if self.rules.get(rule).is_none() {
            return self.no_such_rule(rule);
        }
        unused_if(self.whole && self.looked_for(rule))
    }

    fn no_such_rule(&self, rule: &str) -> Verdict {
        let ids = self.rules.iter().map(|rule| rule.id.as_str());
        Verdict::NoSuchRule(strict::suggest(rule, ids).map(str::to_owned))
    }

    /// Whether findings of `rule` would have come up. What was not read may hold one.
    fn looked_for(&self, rule: &str) -> bool {
        self.complete
            && self.rules.get(rule).is_some_and(|rule| {
                self.analyses.contains(&rule.analysis) && !self.config.is_off(&rule.id)
            })
    }
}

fn unused_if(tried: bool) -> Verdict {
    if tried {
        Verdict::Unused
    } else {
        Verdict::NotTried
    }
}
