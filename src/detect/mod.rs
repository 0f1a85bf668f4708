//! Finds tokens in bytes: one literal search over the text, then a verifier around each hit.
//!
//! The first step of the flow and a pure function of one text: [`Detector::scan`] gives
//! [`Detection`]s, which carry digest and mask but no secret byte; [`redact()`] gives other layers a
//! text of the same length without secrets. Detection knows no file, no Git and no format.
//!
//! Encoded tokens are found in the same pass, by what their beginnings look like ([`encoding`]).
//!
//! The verifier takes the longest run of body characters and decides by length, shape and, where a
//! token has one, checksum. The work for a hit is bounded: a token can only begin in the first bytes
//! of a run, so that no run is walked more than a few times.

mod alphabet;
mod assignment;
mod boundary;
mod clues;
mod context;
mod documented;
mod encoded;
mod encoding;
mod evidence;
mod form;
mod needles;
mod pattern;
mod redact;
mod routable;
mod runner_config;
mod runs;
pub mod specimen;
mod split;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::boundary::{Left, left_of};
use self::context::Writing;
use self::encoded::Pass;
use self::evidence::Verdict;
use self::form::{Anchor, Catalogue, CompiledForm, Entry, Literals, match_segments};
use self::needles::{Hit, Needles};
use self::pattern::match_pattern;
use self::routable::{Proof, Tail, payload_stop};
use crate::model::{
    Charset, Confidence, Evidence, Leak, Routing, RuleId, Secret, Severity, Span, TokenKind,
};
use crate::rules::{Body, Context, Rule};

pub use self::clues::{ClueScratch, Clues};
pub use self::encoding::Encoding;
pub use self::redact::redact;

/// How far around the first byte of a token anything lies that decides about it, in bytes: its own
/// bytes, its parts where it is split, the lines that encode it, and the words of its context. Whoever
/// scans a text in windows lets them overlap by as much on either side, and begins them at even offsets,
/// as UTF-16 needs it.
///
/// The farthest is a token at the end of [`encoding::AFTER`] characters of base64, in lines with the most
/// indentation; a test holds the sum.
pub const REACH: usize = 64 * 1024;

/// How many encodings deep a token is looked for, unless the user says otherwise.
pub const DECODE_DEPTH: usize = 2;

/// A token in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// The rule that owns it.
    pub rule: RuleId,
    /// The whole token, its prefix included; of an encoded one the bytes that encode it, from the first
    /// to the last.
    pub span: Span,
    /// Bytes at its start that are public: the prefix, with an instance's own before it. None of an
    /// encoded one.
    pub public: usize,
    /// How it is encoded, outermost first.
    pub encodings: Vec<Encoding>,
    /// Of the rule, or lower where the form is worth less.
    pub severity: Severity,
    /// How sure it is that this is a token.
    pub confidence: Confidence,
    /// What is known of it.
    pub leak: Leak,
}

impl Detection {
    /// Whether the checksum proves that all bytes of the span are this token. Of one in parts they
    /// are not, and another token may stand among them.
    fn is_proven(&self) -> bool {
        let evidence = &self.leak.evidence;
        evidence.contains(&Evidence::ChecksumVerified) && !evidence.contains(&Evidence::Split)
    }
}

/// All detector rules, compiled.
#[derive(Debug)]
pub struct Detector {
    needles: Needles,
    /// What each needle stands for.
    anchors: Vec<Literals>,
    catalogue: Catalogue,
    /// How far before its payload a routable token may begin.
    longest_prefix: usize,
    /// How many encodings deep it looks.
    decode_depth: usize,
}

impl Detector {
    /// Compiles the detectors among `rules`; other rules are passed over. That takes some milliseconds.
    pub fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        Self::of_depth(rules, DECODE_DEPTH)
    }

    /// A detector that looks so many encodings deep. A text that is UTF-16 as a whole is read at any depth.
    pub fn of_depth<'r>(rules: impl IntoIterator<Item = &'r Rule>, decode_depth: usize) -> Self {
        let catalogue = Catalogue::new(rules);
        let (families, anchors) = catalogue.anchors(decode_depth > 0);
        Self {
            needles: Needles::new(&families, catalogue.runs()),
            anchors,
            longest_prefix: catalogue.longest_prefix(),
            catalogue,
            decode_depth,
        }
    }

    /// How many encodings deep it looks.
    pub const fn decode_depth(&self) -> usize {
        self.decode_depth
    }

    /// Appends the tokens in `text` to `detections`, in order and without overlap: one token is one
    /// detection, whatever number of forms could match.
    pub fn scan(&self, text: &[u8], detections: &mut Vec<Detection>) {
        self.scan_text(text, self.decode_depth, detections);
    }

    fn scan_text(&self, text: &[u8], depth: usize, detections: &mut Vec<Detection>) {
        let hits = |hit: &mut dyn FnMut(Hit)| self.needles.for_each(text, hit);
        self.scan_hits(text, hits, depth, detections);
    }

    /// Appends the tokens in `text` to `detections`, of which `hits` gives the needles in order.
    fn scan_hits(
        &self,
        text: &[u8],
        hits: impl FnOnce(&mut dyn FnMut(Hit)),
        depth: usize,
        detections: &mut Vec<Detection>,
    ) {
        let first = detections.len();
        let charset = Charset::of(text);
        if let Some(decoded) = &encoding::whole(text, charset) {
            self.scan_text(&decoded.text, depth, detections);
            let inner = detections.split_off(first);
            detections.extend(inner.into_iter().map(|found| found.encoded(decoded)));
        }
        let mut pass = Pass::new(text, depth, charset);
        hits(&mut |hit| {
            // Whatever begins inside of a proven token is a part of it.
            let inside = detections[first..].last().is_some_and(|last| {
                last.is_proven() && last.span.start < hit.start && hit.start < last.span.end
            });
            if !inside {
                self.verify(&mut pass, hit, detections);
            }
        });
        settle(detections, first);
    }

    /// Adds what a needle turns out to be.
    fn verify(&self, pass: &mut Pass<'_>, hit: Hit, detections: &mut Vec<Detection>) {
        let found = self.needles.length(hit.needle);
        for (literal, anchor) in &self.anchors[hit.needle] {
            // Mostly the needle is all of it.
            if literal.len() == found || pass.text[hit.start..].starts_with(literal) {
                self.follow(pass, anchor, hit, detections);
            }
        }
    }

    /// Adds what the literal at a hit leads to.
    fn follow(
        &self,
        pass: &mut Pass<'_>,
        anchor: &Anchor,
        hit: Hit,
        detections: &mut Vec<Detection>,
    ) {
        let (text, start) = (pass.text, hit.start);
        match anchor {
            Anchor::Prefix(entries) => {
                let left = left_of(text, start);
                let mut found = self.at_prefix(text, start, left, entries);
                if left != Left::Closed {
                    found = found.or_else(|| self.at_split_prefix(text, start, left, entries));
                    if !found.as_ref().is_some_and(Detection::is_proven) {
                        self.at_escaped_prefix(pass, start, detections);
                    }
                }
                detections.extend(found);
            }
            Anchor::Head(entries) => {
                let start = start + 1;
                detections.extend(self.at_split_prefix(text, start, Left::Open, entries));
            }
            Anchor::VersionMark => {
                if let Some(tail) = Tail::read(text, start) {
                    match tail.prove(text, self.longest_prefix) {
                        Some(proof) => detections.extend(self.proven(text, &tail, proof)),
                        None => self.at_escaped_mark(pass, start, detections),
                    }
                }
            }
            Anchor::Word(place) => {
                if let Some(start) = (place.start)(text, start) {
                    (place.values)(text, start, &mut |value| {
                        detections.extend(match place.writing {
                            Writing::Plain => self.placed(text, value, place.context),
                            Writing::Basic => self.at_basic(pass, value, place.context),
                        });
                    });
                }
            }
            Anchor::Encoded(sign) => self.at_sign(pass, sign, hit, detections),
        }
    }

    /// The token at `value`, where something of this context leads.
    fn placed(&self, text: &[u8], value: usize, context: Context) -> Option<Detection> {
        self.catalogue.placed.iter().find_map(|entry| {
            let form = &self.catalogue.forms[entry.form];
            (form.context == Some(context))
                .then(|| self.classic(text, value, Left::Open, entry))
                .flatten()
        })
    }

    fn at_prefix(
        &self,
        text: &[u8],
        start: usize,
        left: Left,
        entries: &[Entry],
    ) -> Option<Detection> {
        let mut best: Option<Detection> = None;
        let mut is_routable_tried = false;
        for entry in entries {
            if !text[start..].starts_with(&entry.prefix) {
                continue;
            }
            let form = &self.catalogue.forms[entry.form];
            let found = match form.body {
                Body::Segments(_) | Body::Pattern(_) => self.classic(text, start, left, entry),
                // The tail says which version it is, so one look serves both forms.
                _ if std::mem::replace(&mut is_routable_tried, true) => None,
                _ => self.routable(text, start, left, entries),
            };
            if let Some(found) = found
                && best.as_ref().is_none_or(|best| rank(&found) > rank(best))
            {
                best = Some(found);
            }
        }
        best
    }

    /// A token that a program puts together from the parts that begin at `start`.
    fn at_split_prefix(
        &self,
        text: &[u8],
        start: usize,
        left: Left,
        entries: &[Entry],
    ) -> Option<Detection> {
        let joined = split::Joined::read(text, start)?;
        let left = match left {
            Left::Instance(first) => Left::Instance((first + joined.start).checked_sub(start)?),
            other => other,
        };
        let found = self.at_prefix(&joined.text, joined.start, left, entries)?;
        joined.place(found)
    }

    /// A token whose body has the shape of a form that carries no checksum.
    fn classic(&self, text: &[u8], start: usize, left: Left, entry: &Entry) -> Option<Detection> {
        let form = &self.catalogue.forms[entry.form];
        if !text[start..].starts_with(&entry.prefix) {
            return None;
        }
        let body = start + entry.prefix.len();
        let (first, most) = match (form.context, left) {
            (Some(Context::MailAddress), _) => {
                let is_key = text[..start].ends_with(b"-") || text[..start].ends_with(b"+");
                (is_key.then_some(start)?, Confidence::High)
            }
            (_, Left::Open) if entry.is_name() => (body, Confidence::High),
            (_, Left::Open) => (start, Confidence::High),
            // Only GitLab sets the prefix of an instance before its tokens.
            (_, Left::Instance(first)) if !entry.is_name() && form.noun.is_none() => {
                (first, Confidence::Medium)
            }
            _ => return None,
        };
        let shape = match &form.body {
            Body::Segments(segments) => match_segments(text, body, segments, form.context),
            Body::Pattern(pattern) => match_pattern(text, body, pattern, form.context.is_some()),
            Body::RoutableV0 | Body::RoutableV1 => None,
        }?;
        let Verdict::Keep(confidence) = shape.verdict else {
            return None;
        };
        let value = Span::new(body, shape.end);
        if entry.prefix.is_empty() && !context::is_token(text, value, &shape.verdict) {
            return None;
        }
        let mut evidence = shape.evidence;
        if matches!(left, Left::Instance(_)) {
            evidence.push(Evidence::InstancePrefix);
        }
        let token = Token {
            span: Span::new(first, shape.end),
            public: body - first,
            confidence: confidence.min(most),
            evidence,
            routing: None,
        };
        token.of(text, form, Arc::clone(&form.name))
    }

    /// A token behind a known prefix that has a tail with a checksum: proven, or broken.
    fn routable(
        &self,
        text: &[u8],
        start: usize,
        left: Left,
        entries: &[Entry],
    ) -> Option<Detection> {
        // A run is walked for hits that may begin a token alone: there are few of them in each, so
        // that a file full of prefixes stays linear.
        let first = match left {
            Left::Open => start,
            Left::Instance(first) => first,
            Left::Closed => return None,
        };
        // An administrator may have made the prefix longer: `glpat-acme-`.
        let shortest = entries.last()?.prefix.len();
        let stop = payload_stop(text, start + shortest, self.longest_prefix)?;
        let tail = Tail::read(text, stop)?;
        if let Some(proof) = tail.prove(text, self.longest_prefix) {
            return self.proven(text, &tail, proof);
        }
        let (entry, form) = entries
            .iter()
            .map(|entry| (entry, &self.catalogue.forms[entry.form]))
            .find(|(entry, form)| {
                form.version() == Some(tail.version) && text[start..].starts_with(&entry.prefix)
            })?;
        let body = start + entry.prefix.len();
        if !routable::PAYLOAD.contains(&stop.checked_sub(body)?) {
            return None;
        }
        let token = Token {
            span: Span::new(first, tail.end),
            public: body - first,
            confidence: Confidence::Low,
            evidence: vec![Evidence::ChecksumBroken],
            routing: None,
        };
        token.of(text, form, Arc::clone(&form.name))
    }

    /// A token that its checksum proves. An unknown prefix is that of an access token, the one kind
    /// whose prefix administrators choose, unless it ends in a known one or the payload tells.
    fn proven(&self, text: &[u8], tail: &Tail, proof: Proof) -> Option<Detection> {
        let prefix = &text[proof.start..proof.payload];
        let form = self.catalogue.by_tail(prefix, tail.version).or_else(|| {
            self.catalogue
                .by_kind(kind_by_payload(&proof.routing), tail.version)
        })?;
        let form = &self.catalogue.forms[form];
        let name = if form.version() == Some(tail.version) {
            Arc::clone(&form.name)
        } else {
            Arc::from(tail.version.as_str())
        };
        let token = Token {
            span: Span::new(proof.start, tail.end),
            public: proof.payload - proof.start,
            confidence: Confidence::High,
            evidence: vec![Evidence::ChecksumVerified],
            routing: Some(proof.routing),
        };
        token.of(text, form, name)
    }
}

/// The kind that carries such keys: only runners have a type, only agents a project and no user.
const fn kind_by_payload(routing: &Routing) -> TokenKind {
    if routing.runner_type.is_some() {
        TokenKind::RunnerAuthenticationToken
    } else if routing.project.is_some() && routing.user.is_none() && routing.group.is_none() {
        TokenKind::AgentToken
    } else {
        TokenKind::PersonalAccessToken
    }
}

/// A verified token before it is told what rule it belongs to.
struct Token {
    span: Span,
    public: usize,
    confidence: Confidence,
    evidence: Vec<Evidence>,
    routing: Option<Routing>,
}

impl Token {
    /// The detection, if the rule of `form` takes it for a token.
    fn of(self, text: &[u8], form: &CompiledForm, name: Arc<str>) -> Option<Detection> {
        if !form.accepts(text, self.span, self.public) {
            return None;
        }
        let secret = Secret::new(&text[self.span.start..self.span.end], self.public);
        Some(Detection {
            rule: form.rule.clone(),
            span: self.span,
            public: self.public,
            encodings: Vec::new(),
            severity: form.severity,
            confidence: self.confidence.min(form.confidence),
            leak: Leak {
                digest: secret.digest(),
                mask: secret.mask(),
                kinds: form.kinds.clone(),
                noun: form.noun.clone(),
                form: name,
                evidence: self.evidence,
                routing: self.routing,
            },
        })
    }
}

/// What decides between two detections of the same bytes: proof, then confidence, then length, then
/// that it stands plainly.
fn rank(detection: &Detection) -> (bool, Confidence, usize, std::cmp::Reverse<usize>) {
    (
        detection.is_proven(),
        detection.confidence,
        detection.span.len(),
        std::cmp::Reverse(detection.encodings.len()),
    )
}

/// Sorts the detections from `first` on and keeps the best of those that overlap.
fn settle(detections: &mut Vec<Detection>, first: usize) {
    if detections.len() - first < 2 {
        return;
    }
    detections[first..].sort_by(|a, b| {
        let key = |detection: &Detection| (detection.span, detection.public);
        (key(a), &a.encodings, &a.rule, &a.leak.form).cmp(&(
            key(b),
            &b.encodings,
            &b.rule,
            &b.leak.form,
        ))
    });
    let mut kept = first;
    for next in first + 1..detections.len() {
        if !detections[kept].span.overlaps(detections[next].span) {
            kept += 1;
            detections.swap(kept, next);
        } else if rank(&detections[next]) > rank(&detections[kept]) {
            detections.swap(kept, next);
        }
    }
    detections.truncate(kept + 1);
}
