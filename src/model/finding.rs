//! Findings, what policies report before they are findings, and the words that rank both.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::kind::TokenKind;
use super::location::{Label, Location, Site};
use super::secret::{Checksum, Digest, Evidence, Mask, Routing, hex};

/// A word that is none of a fixed list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no {what}")]
pub struct UnknownWord {
    what: &'static str,
    word: String,
}

impl UnknownWord {
    /// `word` was read where `what` is meant.
    pub fn new(what: &'static str, word: impl Into<String>) -> Self {
        Self {
            what,
            word: word.into(),
        }
    }
}

words! {
    /// How much harm a finding stands for.
    Severity, "severity":
    /// Worth knowing.
    Info = "info",
    /// Hygiene.
    Low = "low",
    /// A weakness that needs another to be used.
    Medium = "medium",
    /// A weakness that can be used as it is.
    High = "high",
    /// Access to much more than one project.
    Critical = "critical",
}

words! {
    /// How sure a finding is.
    Confidence, "confidence":
    /// Shape only.
    Low = "low",
    /// Good evidence, no proof.
    Medium = "medium",
    /// Proof, or as good as.
    High = "high",
}

words! {
    /// Who wants to see a rule's findings.
    Persona, "persona":
    /// Everybody.
    Regular = "regular",
    /// Who likes it tidy.
    Pedantic = "pedantic",
    /// Who audits and prefers to look at too much.
    Auditor = "auditor",
}

/// The permanent id of a rule; it names the problem, never the cure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    /// An id as a rule file gives it.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a finding is about, apart from where it stands: the thing that makes two findings the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A token, by its digest: the same wherever it lies.
    Token(Digest),
    /// Anything else, in words of the check, unique within file and rule: `job deploy, $TOKEN`.
    Named(String),
}

/// The identity of a finding over time: it keeps when lines move, commits come and copies are added.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The name of this way of computing it, as reports give it.
    pub const SCHEME: &'static str = "glpatrol/v1";

    /// SHA-256 over the rule and, for a token, its digest, else the path within the repository and
    /// the subject.
    pub fn new(rule: &RuleId, path: &str, subject: &Subject) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(Self::SCHEME);
        hasher.update([0]);
        hasher.update(rule.as_str());
        hasher.update([0]);
        match subject {
            Subject::Token(digest) => hasher.update(digest.as_str()),
            Subject::Named(name) => {
                hasher.update(path);
                hasher.update([0]);
                hasher.update(name);
            }
        }
        Self(hex(&hasher.finalize()))
    }

    /// The fingerprint that `text` spells, if it spells one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of a leaked token without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Its stable name.
    pub digest: Digest,
    /// As it may be shown.
    pub mask: Mask,
    /// The kinds it may be.
    pub kinds: Vec<TokenKind>,
    /// What its rule calls it, where it is none of GitLab's kinds.
    pub noun: Option<Arc<str>>,
    /// The name of the form that matched: `routable-v1`.
    pub form: Arc<str>,
    /// Why it is believed.
    pub evidence: Vec<Evidence>,
    /// Ids read from its payload.
    pub routing: Option<Routing>,
}

impl Leak {
    /// What it may be, in words: `deploy token`.
    pub fn nouns(&self) -> Vec<&str> {
        let kinds = self.kinds.iter().map(|kind| kind.noun());
        kinds.chain(self.noun.as_deref()).collect()
    }

    /// What the checksum says.
    pub fn checksum(&self) -> Checksum {
        if self.evidence.contains(&Evidence::ChecksumVerified) {
            Checksum::Verified
        } else if self.evidence.contains(&Evidence::ChecksumBroken) {
            Checksum::Broken
        } else {
            Checksum::None
        }
    }
}

/// Whether a fix may change what a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FixSafety {
    /// It cannot.
    Safe,
    /// It may.
    Unsafe,
}

/// One replacement of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// What is replaced.
    pub site: Site,
    /// What comes in its place.
    pub text: String,
}

/// A change that mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, imperative: `send the token in a JOB-TOKEN header`.
    pub title: String,
    /// Whether it may change behaviour.
    pub safety: FixSafety,
    /// The edits; they do not overlap.
    pub replacements: Vec<Replacement>,
}

/// What a check of a policy rule reports.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Lower-case start, no full stop, names the concrete thing in backticks.
    pub message: String,
    /// Where.
    pub primary: Site,
    /// Further places and what they are.
    pub related: Vec<(Site, String)>,
    /// See [`Subject::Named`].
    pub subject: String,
    /// The most it can have, where the case is a lesser one than the rule's; the lower of both counts.
    pub severity: Option<Severity>,
    /// The most it can have, where the evidence is weaker; the lower of this and the rule's counts.
    pub confidence: Option<Confidence>,
    /// For whom, where this case is for fewer readers; the narrower of this and the rule's counts.
    pub persona: Option<Persona>,
    /// A mend.
    pub fix: Option<Fix>,
}

impl Violation {
    /// A violation with the rule's own severity, confidence and persona.
    pub fn new(primary: Site, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            primary,
            related: Vec::new(),
            subject: subject.into(),
            severity: None,
            confidence: None,
            persona: None,
            fix: None,
        }
    }

    /// Adds a further place.
    #[must_use]
    pub fn related(mut self, site: Site, message: impl Into<String>) -> Self {
        self.related.push((site, message.into()));
        self
    }

    /// Lowers the severity to `severity` where it would be higher.
    #[must_use]
    pub fn severity_at_most(mut self, severity: Severity) -> Self {
        self.severity = Some(self.severity.map_or(severity, |held| held.min(severity)));
        self
    }

    /// Lowers the confidence to `confidence` where it would be higher.
    #[must_use]
    pub fn confidence_at_most(mut self, confidence: Confidence) -> Self {
        self.confidence = Some(
            self.confidence
                .map_or(confidence, |held| held.min(confidence)),
        );
        self
    }

    /// Shows it to readers of `persona` and of those after it alone.
    #[must_use]
    pub fn persona_at_least(mut self, persona: Persona) -> Self {
        self.persona = Some(self.persona.map_or(persona, |held| held.max(persona)));
        self
    }
}

/// What hides a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SuppressionKind {
    /// A comment beside it.
    Inline,
    /// An `ignore` entry of the configuration.
    Config,
    /// An entry of a baseline.
    Baseline,
}

/// That, and why, a finding is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// By what.
    pub kind: SuppressionKind,
    /// Why.
    pub reason: String,
}

/// One problem, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: RuleId,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What is wrong: lower-case start, no full stop.
    pub message: String,
    /// Where.
    pub primary: Location,
    /// Where else; at most [`Finding::MAX_RELATED`].
    pub related: Vec<Label>,
    /// All places, the primary included, also those that `related` had no room for.
    pub occurrences: usize,
    /// What about.
    pub subject: Subject,
    /// Its identity over time.
    pub fingerprint: Fingerprint,
    /// For leaks: the token, without its bytes.
    pub leak: Option<Leak>,
    /// A mend.
    pub fix: Option<Fix>,
    /// That it is hidden, and why.
    pub suppression: Option<Suppressed>,
}

impl Finding {
    /// The most related places a finding carries.
    pub const MAX_RELATED: usize = 100;

    /// The order of reports: worst first, then by place and rule, so that any number of threads
    /// gives the same bytes.
    pub fn report_order(&self, other: &Self) -> std::cmp::Ordering {
        other
            .severity
            .cmp(&self.severity)
            .then_with(|| self.primary.provenance.cmp(&other.primary.provenance))
            .then_with(|| self.primary.span.cmp(&other.primary.span))
            .then_with(|| self.rule.cmp(&other.rule))
            .then_with(|| self.fingerprint.cmp(&other.fingerprint))
    }
}
