//! Comments and entries that hide findings, and the report of those that hide nothing.
//!
//! Inline comments (`glpatrol:ignore[rule-id] reason`), `ignore` entries of the configuration, entries of
//! a baseline and what other scanners leave behind become one type here, [`Suppressions`]. A suppression
//! needs a reason; without one it hides nothing and is a problem. This module knows findings, not who
//! found them.

mod baseline;
mod inline;
mod peers;

use std::collections::BTreeMap;

use globset::GlobMatcher;
use jiff::civil::Date;

use crate::model::{
    Finding, KnownFinding, Location, PathBase, Position, Provenance, Suppressed, SuppressionKind,
    UnusedSuppression,
};
use baseline::Baseline;

pub use inline::{InlineComment, InlineComments, InlineDefect, MARKER};
pub use peers::{GITLEAKS_IGNORE, ListedPlace, gitleaks_ignore, peer_comment};

/// How far from what it speaks of a comment is looked for, in bytes. A longer line is no line of a
/// person, and the work for a token stays bounded in a file of one line.
pub const REACH: usize = 4096;

/// An `ignore` entry of the configuration.
#[derive(Clone, Debug)]
pub struct IgnoreEntry {
    /// The rule it hides; any where left out.
    pub rule: Option<String>,
    /// The paths it hides findings in; any where left out.
    pub path: Option<GlobMatcher>,
    /// The token it hides; any where left out.
    pub digest: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub expires: Option<Date>,
    /// Where it stands in the configuration.
    pub position: Position,
}

impl IgnoreEntry {
    fn covers(&self, finding: &Finding, location: &Location) -> bool {
        self.rule
            .as_ref()
            .is_none_or(|rule| *rule == finding.rule.as_str())
            && self
                .path
                .as_ref()
                .is_none_or(|glob| glob.is_match(&*location.provenance.path))
            && self.digest.as_ref().is_none_or(|digest| {
                finding
                    .leak
                    .as_ref()
                    .is_some_and(|leak| leak.digest.as_str() == digest)
            })
    }
}

/// An inline comment with the file it stands in.
#[derive(Clone, Debug)]
struct PlacedComment {
    path: String,
    base: PathBase,
    comment: InlineComment,
    /// Those of its rules that it has hidden nothing of so far.
    idle: Vec<String>,
}

/// What a suppression speaks of, for the run to say whether it could have hidden anything.
#[derive(Clone, Copy, Debug)]
pub enum Claim<'s> {
    /// A rule that a comment names, and the file that the comment stands in.
    Comment {
        /// The rule.
        rule: &'s str,
        /// The file, as findings show it.
        path: &'s str,
        /// What the path is relative to.
        base: PathBase,
    },
    /// An entry of the configuration.
    Entry(&'s IgnoreEntry),
    /// An entry of the baseline.
    Known(&'s KnownFinding),
}

/// What hiding nothing says about a suppression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The run looked for what it hides and found nothing.
    Unused,
    /// The run did not look there, or not for that.
    NotTried,
    /// There is no such rule; the one that was probably meant.
    NoSuchRule(Option<String>),
}

/// Everything that may hide a finding of one run.
#[derive(Clone, Debug)]
pub struct Suppressions {
    today: Date,
    config_path: String,
    entries: Vec<(IgnoreEntry, bool)>,
    comments: Vec<PlacedComment>,
    /// What other scanners say of leaks, by path and line.
    peers: BTreeMap<(String, u64), (SuppressionKind, &'static str)>,
    baseline_path: String,
    baseline: Baseline,
}

impl Suppressions {
    /// No suppressions yet; `today` decides which entries have run out.
    pub fn new(today: Date) -> Self {
        Self {
            today,
            config_path: String::new(),
            entries: Vec::new(),
            comments: Vec::new(),
            peers: BTreeMap::new(),
            baseline_path: String::new(),
            baseline: Baseline::default(),
        }
    }

    /// Adds the entries of the configuration at `path`.
    pub fn add_entries(&mut self, path: &str, entries: impl IntoIterator<Item = IgnoreEntry>) {
        path.clone_into(&mut self.config_path);
        self.entries
            .extend(entries.into_iter().map(|entry| (entry, false)));
    }

    /// Adds the comments of one text. Those of a packed one, or of one that a repository holds, are not
    /// told where they hide nothing: who packed it had reasons of their own, and nobody can take a
    /// comment out of the history any more.
    pub fn add_comments(
        &mut self,
        provenance: &Provenance,
        comments: impl IntoIterator<Item = InlineComment>,
    ) {
        let path = provenance.text_key();
        let is_told = !provenance.is_packed() && provenance.origin.revision().is_none();
        self.comments
            .extend(comments.into_iter().map(|comment| PlacedComment {
                path: path.clone(),
                base: provenance.base,
                idle: if is_told {
                    comment.rules.clone()
                } else {
                    Vec::new()
                },
                comment,
            }));
    }

    /// Adds what another scanner says of the leaks on one line of the text of a
    /// [`crate::model::Provenance::text_key`]: `name` is its comment, or the file that
    /// lists the place.
    pub fn add_peer(&mut self, path: String, line: u64, kind: SuppressionKind, name: &'static str) {
        self.peers.entry((path, line)).or_insert((kind, name));
    }

    /// Takes the entries of the baseline at `path`.
    pub fn set_baseline(&mut self, path: &str, entries: impl IntoIterator<Item = KnownFinding>) {
        path.clone_into(&mut self.baseline_path);
        self.baseline = Baseline::new(entries);
    }

    /// Brings the comments into the order that [`Suppressions::hide`] searches; call it once, after
    /// the last file.
    pub fn seal(&mut self) {
        self.comments.sort_by(|a, b| {
            let key = |placed: &PlacedComment| {
                (placed.base, placed.comment.line, placed.comment.position)
            };
            a.path.cmp(&b.path).then_with(|| key(a).cmp(&key(b)))
        });
    }

    /// What hides `finding` at `location`, if anything does. Marks it as used.
    pub fn hide(&mut self, finding: &Finding, location: &Location) -> Option<Suppressed> {
        self.hide_by_comment(finding, location)
            .or_else(|| self.hide_by_peer(finding, location))
            .or_else(|| self.hide_by_entry(finding, location))
            .or_else(|| self.hide_by_baseline(finding, location))
    }

    fn hide_by_baseline(&mut self, finding: &Finding, location: &Location) -> Option<Suppressed> {
        let reason = self.baseline.reason(finding, location)?;
        Some(Suppressed {
            kind: SuppressionKind::Baseline,
            reason,
        })
    }

    fn hide_by_peer(&self, finding: &Finding, location: &Location) -> Option<Suppressed> {
        if self.peers.is_empty() {
            return None;
        }
        finding.leak.as_ref()?;
        let provenance = &location.provenance;
        let line = location.start.line;
        // A file that lists places means every version of the path.
        let (kind, name) = *self.peers.get(&(provenance.text_key(), line)).or_else(|| {
            let listed = self.peers.get(&(provenance.text_path(), line));
            listed.filter(|(kind, _)| *kind == SuppressionKind::Config)
        })?;
        Some(Suppressed {
            kind,
            reason: name.to_owned(),
        })
    }

    fn hide_by_comment(&mut self, finding: &Finding, location: &Location) -> Option<Suppressed> {
        let path = location.provenance.text_key();
        let base = location.provenance.base;
        let wanted = (path.as_str(), base, location.start.line);
        let line = |placed: &PlacedComment| {
            (placed.path.as_str(), placed.base, placed.comment.line).cmp(&wanted)
        };
        let first = self.comments.partition_point(|placed| line(placed).is_lt());
        self.comments[first..]
            .iter_mut()
            .take_while(|placed| line(placed).is_eq())
            .find(|placed| {
                let rules = &placed.comment.rules;
                rules.iter().any(|rule| rule == finding.rule.as_str())
            })
            .map(|placed| {
                placed.idle.retain(|rule| rule != finding.rule.as_str());
                Suppressed {
                    kind: SuppressionKind::Inline,
                    reason: placed.comment.reason.clone(),
                }
            })
    }

    fn hide_by_entry(&mut self, finding: &Finding, location: &Location) -> Option<Suppressed> {
        let today = self.today;
        self.entries
            .iter_mut()
            .filter(|(entry, _)| entry.expires.is_none_or(|last| today <= last))
            .find(|(entry, _)| entry.covers(finding, location))
            .map(|(entry, used)| {
                *used = true;
                Suppressed {
                    kind: SuppressionKind::Config,
                    reason: entry.reason.clone(),
                }
            })
    }

    /// The suppressions that hid nothing although `judge` says that they could have, and those that
    /// have run out, sorted.
    pub fn unused(&self, judge: impl Fn(Claim<'_>) -> Verdict) -> Vec<UnusedSuppression> {
        let comments = self.comments.iter().flat_map(|placed| {
            unused_rules(placed, &judge)
                .into_iter()
                .map(|message| UnusedSuppression {
                    kind: SuppressionKind::Inline,
                    path: placed.path.clone(),
                    base: placed.base,
                    position: placed.comment.position,
                    message,
                })
        });
        let entries = self.entries.iter().filter_map(|(entry, used)| {
            let message = match entry.expires {
                Some(last) if last < self.today => format!("expired on {last}"),
                _ if *used || judge(Claim::Entry(entry)) == Verdict::NotTried => return None,
                _ => "hides nothing".to_owned(),
            };
            Some(UnusedSuppression {
                kind: SuppressionKind::Config,
                path: self.config_path.clone(),
                base: PathBase::SourceRoot,
                position: entry.position,
                message,
            })
        });
        let known = self.baseline.idle().filter_map(|entry| {
            let message = match judge(Claim::Known(entry)) {
                Verdict::NotTried => return None,
                Verdict::Unused => "hides nothing".to_owned(),
                Verdict::NoSuchRule(meant) => no_such_rule(entry.rule.as_str(), meant.as_deref()),
            };
            Some(UnusedSuppression {
                kind: SuppressionKind::Baseline,
                path: self.baseline_path.clone(),
                base: PathBase::SourceRoot,
                position: entry.position,
                message,
            })
        });
        let mut unused: Vec<UnusedSuppression> = comments.chain(entries).chain(known).collect();
        unused.sort();
        unused
    }
}

/// What is wrong with a comment: one message for the rules it need not name, one for each name that
/// is no rule's.
fn unused_rules(placed: &PlacedComment, judge: impl Fn(Claim<'_>) -> Verdict) -> Vec<String> {
    let mut unused = Vec::new();
    let mut messages = Vec::new();
    for rule in &placed.idle {
        let claim = Claim::Comment {
            rule,
            path: &placed.path,
            base: placed.base,
        };
        match judge(claim) {
            Verdict::Unused => unused.push(rule.as_str()),
            Verdict::NotTried => {}
            Verdict::NoSuchRule(meant) => messages.push(no_such_rule(rule, meant.as_deref())),
        }
    }
    if !unused.is_empty() {
        messages.push(format!("for `{}` hides nothing", unused.join("`, `")));
    }
    messages
}

fn no_such_rule(rule: &str, meant: Option<&str>) -> String {
    let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
    format!("names `{rule}`, which is no rule{meant}")
}

#[cfg(test)]
mod tests {
    use globset::Glob;

    use super::*;
    use crate::model::{Confidence, Fingerprint, Provenance, RuleId, Severity, Span, Subject};
    use crate::model::{Positions, Window};

    const TODAY: Date = jiff::civil::date(2026, 11, 20);

    fn finding(rule: &str, path: &str, line: u64) -> Finding {
        let rule = RuleId::new(rule);
        let subject = Subject::Named("x".into());
        let position = Position { line, column: 3 };
        Finding {
            severity: Severity::Low,
            confidence: Confidence::High,
            message: "m".into(),
            primary: Location {
                provenance: Provenance {
                    path: path.into(),
                    ..Provenance::default()
                },
                span: Span::new(0, 1),
                start: position,
                end: position,
                route: None,
                excerpt: crate::model::Excerpt::default(),
            },
            related: vec![],
            occurrences: 1,
            fingerprint: Fingerprint::new(&rule, path, &subject),
            rule,
            subject,
            leak: None,
            fix: None,
            suppression: None,
        }
    }

    fn hides(suppressions: &mut Suppressions, finding: &Finding) -> Option<String> {
        suppressions
            .hide(finding, &finding.primary.clone())
            .map(|hidden| hidden.reason)
    }

    fn provenance(path: &str) -> Provenance {
        Provenance {
            path: path.into(),
            ..Provenance::default()
        }
    }

    fn comments(text: &str) -> Vec<InlineComment> {
        let mut inline = InlineComments::default();
        let text = text.as_bytes();
        inline.read(&Window::whole(text), Positions::new(text));
        inline.comments
    }

    #[test]
    fn a_comment_hides_its_rule_on_its_line_and_is_reported_otherwise() {
        // Put together here, so that this file holds no suppression of its own.
        let text = format!("a # {MARKER}[one] known\nb # {MARKER}[two] stale\n");
        let mut suppressions = Suppressions::new(TODAY);
        suppressions.add_comments(&provenance("f"), comments(&text));
        suppressions.seal();
        assert_eq!(
            hides(&mut suppressions, &finding("one", "f", 1)).as_deref(),
            Some("known")
        );
        assert_eq!(hides(&mut suppressions, &finding("two", "f", 1)), None);
        assert_eq!(hides(&mut suppressions, &finding("one", "g", 1)), None);
        let unused = suppressions.unused(|_| Verdict::Unused);
        assert_eq!(unused.len(), 1);
        assert_eq!(unused[0].position, Position { line: 2, column: 5 });
        assert_eq!(unused[0].message, "for `two` hides nothing");
    }

    #[test]
    fn of_a_comment_only_the_rules_that_hide_nothing_are_told() {
        let text = format!("a # {MARKER}[one, two, three, fore] why\n");
        let mut suppressions = Suppressions::new(TODAY);
        suppressions.add_comments(&provenance("f"), comments(&text));
        suppressions.seal();
        assert!(hides(&mut suppressions, &finding("one", "f", 1)).is_some());
        let unused = suppressions.unused(|claim| match claim {
            Claim::Comment { rule: "two", .. } => Verdict::NotTried,
            Claim::Comment { rule: "fore", .. } => Verdict::NoSuchRule(Some("four".into())),
            _ => Verdict::Unused,
        });
        let messages: Vec<&str> = unused.iter().map(|unused| &*unused.message).collect();
        assert_eq!(
            messages,
            [
                "for `three` hides nothing",
                "names `fore`, which is no rule; did you mean `four`?"
            ]
        );
    }

    fn entry(path: Option<&str>, expires: Option<Date>) -> IgnoreEntry {
        IgnoreEntry {
            rule: Some("one".into()),
            path: path.map(|glob| Glob::new(glob).unwrap().compile_matcher()),
            digest: None,
            reason: "sample".into(),
            expires,
            position: Position { line: 7, column: 1 },
        }
    }

    #[test]
    fn entries_match_by_glob_and_run_out_after_their_last_day() {
        let mut suppressions = Suppressions::new(TODAY);
        suppressions.add_entries(".glpatrol.yml", [entry(Some("docs/**"), Some(TODAY))]);
        assert!(hides(&mut suppressions, &finding("one", "docs/a", 1)).is_some());
        assert!(hides(&mut suppressions, &finding("one", "src/a", 1)).is_none());
        assert_eq!(suppressions.unused(|_| Verdict::Unused), []);

        let mut suppressions = Suppressions::new(TODAY);
        suppressions.add_entries(".glpatrol.yml", [entry(None, TODAY.yesterday().ok())]);
        assert!(hides(&mut suppressions, &finding("one", "docs/a", 1)).is_none());
        assert_eq!(
            suppressions.unused(|_| Verdict::NotTried)[0].message,
            "expired on 2026-11-19"
        );
    }

    fn known(rule: &str, path: Option<&str>, line: u64) -> KnownFinding {
        KnownFinding {
            rule: RuleId::new(rule),
            subject: Subject::Named("x".into()),
            path: path.map(str::to_owned),
            reason: format!("line {line}"),
            position: Position { line, column: 3 },
        }
    }

    #[test]
    fn a_baseline_hides_what_it_knows_where_it_knows_it() {
        let mut suppressions = Suppressions::new(TODAY);
        let entries = [
            known("one", None, 3),
            known("two", Some("a"), 4),
            known("two", Some("b"), 5),
            known("fore", None, 6),
        ];
        suppressions.set_baseline("base.yml", entries);
        let reason =
            |suppressions: &mut _, rule, path| hides(suppressions, &finding(rule, path, 9));
        assert_eq!(
            reason(&mut suppressions, "one", "a").as_deref(),
            Some("line 3")
        );
        assert_eq!(
            reason(&mut suppressions, "two", "a").as_deref(),
            Some("line 4")
        );
        assert_eq!(reason(&mut suppressions, "two", "c"), None);
        assert_eq!(reason(&mut suppressions, "six", "a"), None);
        let mut other = finding("one", "a", 9);
        other.subject = Subject::Named("y".into());
        assert_eq!(hides(&mut suppressions, &other), None);

        let unused = suppressions.unused(|claim| match claim {
            Claim::Known(entry) if entry.rule.as_str() == "fore" => Verdict::NoSuchRule(None),
            _ => Verdict::Unused,
        });
        let told: Vec<_> = unused
            .iter()
            .map(|unused| (unused.kind, unused.position.line, &*unused.message))
            .collect();
        assert_eq!(
            told,
            [
                (SuppressionKind::Baseline, 5, "hides nothing"),
                (
                    SuppressionKind::Baseline,
                    6,
                    "names `fore`, which is no rule"
                ),
            ]
        );
        assert_eq!(suppressions.unused(|_| Verdict::NotTried), []);
    }

    #[test]
    fn a_baseline_is_asked_last() {
        let mut suppressions = Suppressions::new(TODAY);
        suppressions.set_baseline("base.yml", [known("one", None, 3)]);
        suppressions.add_entries(".glpatrol.yml", [entry(None, None)]);
        let at = finding("one", "a", 1);
        let hidden = suppressions.hide(&at, &at.primary.clone()).unwrap();
        assert_eq!(hidden.kind, SuppressionKind::Config);
        assert_eq!(suppressions.unused(|_| Verdict::Unused).len(), 1);
    }
}
