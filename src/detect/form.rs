//! Detector rules compiled for the search: needles, and the forms that each of them may begin.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::alphabet::run_length;
use super::boundary::closes;
use super::context::{ENCODED_WORDS, PLACES, Place};
use super::encoding::{Beginnings, Clue, Sign, signs};
use super::evidence::{Verdict, judge};
use super::needles::Family;
use super::routable::Version;
use super::runs::{Runs, Script};
use crate::model::{Confidence, Evidence, RuleId, Severity, TokenKind};
use crate::rules::{AllowList, Body, Context, Detector, Rule, RuleBody, Segment};

/// The longest needle that is searched for, in bytes. A literal that goes on is told by the verifier, and
/// the shorter the needles, the fewer bytes around a change can be part of one.
const LONGEST: usize = 8;

/// One form of one rule, with what its findings take from the rule.
#[derive(Debug)]
pub(super) struct CompiledForm {
    pub(super) rule: RuleId,
    pub(super) severity: Severity,
    pub(super) confidence: Confidence,
    pub(super) name: Arc<str>,
    pub(super) kinds: Vec<TokenKind>,
    pub(super) body: Body,
    pub(super) context: Option<Context>,
    pub(super) noun: Option<Arc<str>>,
    pub(super) entropy: Option<f64>,
    pub(super) allow: AllowList,
}

/// A prefix and one form that it may begin.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) prefix: Vec<u8>,
    /// Index into [`Catalogue::forms`].
    pub(super) form: usize,
}

impl Entry {
    /// Whether the prefix is the name of a parameter or cookie, and no part of the token.
    pub(super) fn is_name(&self) -> bool {
        self.prefix.ends_with(b"=")
    }

    /// What stays of the prefix where its last character is escaped: `glpat` of `glpat-`.
    fn stem(&self) -> &[u8] {
        match self.prefix.split_last() {
            Some((b'-' | b'=' | b'_', stem)) if stem.len() > 3 => stem,
            _ => &self.prefix,
        }
    }
}

/// What a needle stands for.
#[derive(Debug)]
pub(super) enum Anchor {
    /// The beginning of these prefixes, longest first.
    Prefix(Vec<Entry>),
    /// A string literal of nothing but what most prefixes begin with.
    Head(Vec<Entry>),
    /// `.01.` of a routable token, whatever its prefix.
    VersionMark,
    /// A word that leads to values which their place tells.
    Word(&'static Place),
    /// A part of any of these in another alphabet.
    Encoded(Sign),
}

impl Anchor {
    /// What tells that a text in base64 or hexadecimal begins.
    pub(super) const fn dense(&self) -> Option<&Clue> {
        match self {
            Self::Encoded(Sign::Dense(clue)) => Some(clue),
            _ => None,
        }
    }
}

/// What a hit of one needle may be: literals that begin with the needle, with what they stand for.
pub(super) type Literals = Vec<(Vec<u8>, Anchor)>;

/// All forms, and the needles that lead to them.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    pub(super) forms: Vec<CompiledForm>,
    /// Forms that are found by their place alone, with the prefix they have there, or none.
    pub(super) placed: Vec<Entry>,
    /// Every prefix of forms that are found by it, longest first: the tail of an unknown prefix may
    /// be one of them.
    known: Vec<Entry>,
}

impl Catalogue {
    /// Takes the forms of all detector rules.
    pub(super) fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut catalogue = Self::default();
        for rule in rules {
            if let RuleBody::Detector(detector) = &rule.body {
                catalogue.add(rule, detector);
            }
        }
        // The sort is stable: among equal prefixes the order of the rules and of their forms holds.
        let longest_first = |entry: &Entry| std::cmp::Reverse(entry.prefix.len());
        catalogue.known.sort_by_key(longest_first);
        catalogue.placed.sort_by_key(longest_first);
        catalogue
    }

    fn add(&mut self, rule: &Rule, detector: &Detector) {
        for form in &detector.forms {
            let index = self.forms.len();
            self.forms.push(CompiledForm {
                rule: rule.id.clone(),
                severity: form
                    .severity
                    .map_or(rule.severity, |own| own.min(rule.severity)),
                confidence: form
                    .confidence
                    .unwrap_or(rule.confidence)
                    .min(rule.confidence)
                    .min(if form.prefixes.is_empty() {
                        Confidence::Medium
                    } else {
                        Confidence::High
                    }),
                name: Arc::from(form.name.as_str()),
                kinds: if form.kinds.is_empty() {
                    detector.kinds.clone()
                } else {
                    form.kinds.clone()
                },
                body: form.body.clone(),
                context: form.context,
                noun: detector.noun.as_deref().map(Arc::from),
                entropy: form.entropy,
                allow: detector.allow.clone(),
            });
            let list = if form.context.is_some_and(Context::is_place) {
                &mut self.placed
            } else {
                &mut self.known
            };
            let bare = form.prefixes.is_empty().then_some("");
            let prefixes = form.prefixes.iter().map(String::as_str).chain(bare);
            list.extend(prefixes.map(|prefix| Entry {
                prefix: prefix.as_bytes().to_vec(),
                form: index,
            }));
        }
    }

    /// Whether any form is looked for in this context.
    fn has_place(&self, context: Context) -> bool {
        self.forms.iter().any(|form| form.context == Some(context))
    }

    /// The needles, each with its literals, those that look alike together. No needle begins with
    /// another: `glrt-t1_` is looked for behind the needle of `glrt-`. Prefixes that begin alike for long
    /// enough share a needle, since each needle costs every text; so what tells encoded tokens is among them only
    /// where these are looked for.
    pub(super) fn anchors(&self, is_decoding: bool) -> (Vec<Family>, Vec<Literals>) {
        let signs = if is_decoding {
            self.signs()
        } else {
            Vec::new()
        };
        let (in_runs, signs): (Literals, Literals) = signs
            .into_iter()
            .partition(|(_, anchor)| anchor.dense().is_some());
        let is_hex = |anchor: &Anchor| anchor.dense().is_some_and(Clue::is_hex);
        let (hex, base64): (Literals, Literals) =
            in_runs.into_iter().partition(|(_, anchor)| is_hex(anchor));
        let mut families: Vec<Family> = Vec::new();
        let mut anchors: Vec<Literals> = Vec::new();
        let whole = self.beginnings().into_iter().chain(self.words());
        let whole: Literals = whole.chain(signs).collect();
        let lists = [
            (whole, None),
            (hex, Some(Script::Hex)),
            (base64, Some(Script::Mixed)),
        ];
        for (mut literals, in_runs) in lists {
            literals
                .sort_by_cached_key(|(literal, _)| (literal.len().min(LONGEST), literal.clone()));
            let shared = shared_heads(&literals);
            let mut family: Vec<Vec<u8>> = Vec::new();
            let first = anchors.len();
            for (literal, anchor) in literals {
                let shorter = family.iter().position(|needle| literal.starts_with(needle));
                let at = shorter.unwrap_or_else(|| {
                    let head = shared.iter().find(|head| literal.starts_with(head));
                    let cut = || literal[..literal.len().min(LONGEST)].to_vec();
                    family.push(head.cloned().unwrap_or_else(cut));
                    anchors.push(Vec::new());
                    family.len() - 1
                });
                anchors[first + at].push((literal, anchor));
            }
            families.push(Family {
                needles: family,
                in_runs,
            });
        }
        (families, anchors)
    }

    /// The shortest runs in which a token can be encoded: base64 of the shortest one.
    pub(super) fn runs(&self) -> Runs {
        let length = |entry: &Entry| {
            entry.prefix.len()
                + match &self.forms[entry.form].body {
                    Body::Segments(segments) => segments.iter().map(Segment::shortest).sum(),
                    Body::Pattern(_) => 0,
                    Body::RoutableV0 | Body::RoutableV1 => *super::routable::PAYLOAD.start(),
                }
        };
        let shortest = self.known.iter().map(length).min().unwrap_or(0);
        Runs::of_texts(shortest)
    }

    /// The beginnings of tokens, of those that begin alike the shortest, and the mark of routable ones.
    fn beginnings(&self) -> Literals {
        let mut stems: Vec<&[u8]> = Vec::new();
        // Shortest first, so that a stem is there before those that begin with it.
        for entry in self.known.iter().rev() {
            if !stems.iter().any(|stem| entry.prefix.starts_with(stem)) {
                stems.push(entry.stem());
            }
        }
        let mut literals: Literals = stems
            .iter()
            .map(|stem| {
                let entries = self.known.iter();
                let entries = entries
                    .filter(|entry| entry.prefix.starts_with(stem))
                    .cloned();
                (stem.to_vec(), Anchor::Prefix(entries.collect()))
            })
            .collect();
        for entries in self.heads() {
            let head = &entries[0].prefix[..HEAD];
            for quote in [b"\"", b"'"] {
                let literal = [quote, head, quote].concat();
                literals.push((literal, Anchor::Head(entries.clone())));
            }
        }
        if self.is_routable() {
            literals.push((super::routable::VERSION_MARK.to_vec(), Anchor::VersionMark));
        }
        literals
    }

    /// The prefixes that begin alike, longest first, of those that many do.
    fn heads(&self) -> Vec<Vec<Entry>> {
        const MANY: usize = 4;
        let heads: BTreeSet<&[u8]> = self
            .known
            .iter()
            .filter_map(|entry| entry.prefix.get(..HEAD))
            .collect();
        let alike = heads.into_iter().map(|head| {
            let entries = self.known.iter();
            let entries = entries.filter(|entry| entry.prefix.starts_with(head));
            entries.cloned().collect::<Vec<Entry>>()
        });
        alike.filter(|entries| entries.len() >= MANY).collect()
    }

    /// The words that lead to values.
    fn words(&self) -> Literals {
        PLACES
            .iter()
            .filter(|place| self.has_place(place.context))
            .flat_map(|place| {
                let words = place.words.iter();
                words.map(|word| (word.as_bytes().to_vec(), Anchor::Word(place)))
            })
            .collect()
    }

    /// What all of these look like in encoded texts.
    fn signs(&self) -> Literals {
        let (names, prefixes): (Vec<&Entry>, Vec<&Entry>) =
            self.known.iter().partition(|entry| entry.is_name());
        let names = names.into_iter().map(Entry::stem);
        let words = ENCODED_WORDS.iter().map(|word| word.as_bytes());
        let words = words.filter(|_| !self.placed.is_empty());
        let marks = self.is_routable().then_some(super::routable::VERSION_MARK);
        let beginnings = Beginnings {
            stems: shortest(prefixes.iter().map(|entry| entry.stem())),
            prefixes: shortest(prefixes.iter().map(|entry| entry.prefix.as_slice())),
            marks: marks.into_iter().collect(),
            names: shortest(names),
            words: shortest(words),
        };
        signs(&beginnings)
            .into_iter()
            .map(|(needle, sign)| (needle, Anchor::Encoded(sign)))
            .collect()
    }

    /// Whether any form is routable.
    fn is_routable(&self) -> bool {
        self.forms.iter().any(|form| form.version().is_some())
    }

    /// The most bytes that may stand before the payload of a routable token: the prefix of an
    /// instance, a hyphen, the longest known prefix.
    pub(super) fn longest_prefix(&self) -> usize {
        let known = self.known.first().map_or(0, |entry| entry.prefix.len());
        super::boundary::MAX_INSTANCE + 1 + known
    }

    /// The form that a known prefix at the end of `prefix` names; a routable one of this `version`
    /// where the kind has it.
    pub(super) fn by_tail(&self, prefix: &[u8], version: Version) -> Option<usize> {
        let mut fitting = self
            .known
            .iter()
            .filter(|entry| !entry.is_name() && prefix.ends_with(&entry.prefix));
        let longest = fitting.next()?;
        std::iter::once(longest)
            .chain(fitting.take_while(|entry| entry.prefix.len() == longest.prefix.len()))
            .find(|entry| self.forms[entry.form].version() == Some(version))
            .or(Some(longest))
            .map(|entry| entry.form)
    }

    /// The routable form of this version that tokens of `kind` have, else one of the other version.
    pub(super) fn by_kind(&self, kind: TokenKind, version: Version) -> Option<usize> {
        let position = |wanted: Option<Version>| {
            self.forms.iter().position(|form| {
                form.kinds.contains(&kind)
                    && match wanted {
                        Some(version) => form.version() == Some(version),
                        None => form.version().is_some(),
                    }
            })
        };
        position(Some(version)).or_else(|| position(None))
    }
}

/// The length of what many prefixes begin with: `gl`.
const HEAD: usize = 2;

/// The length of a beginning that makes as good a needle as more would.
const SHARED: usize = 5;

/// Beginnings that several prefixes among `literals` share.
fn shared_heads(literals: &Literals) -> Vec<Vec<u8>> {
    let heads = literals.iter().filter_map(|(literal, anchor)| {
        let is_prefix = matches!(anchor, Anchor::Prefix(_));
        literal.get(..SHARED).filter(|_| is_prefix)
    });
    let heads: Vec<&[u8]> = heads.collect();
    let is_shared = |head: &&&[u8]| heads.iter().filter(|other| other == head).count() > 1;
    let shared: BTreeSet<&[u8]> = heads.iter().filter(is_shared).copied().collect();
    shared.into_iter().map(<[u8]>::to_vec).collect()
}

/// Those of `texts` that begin with no other.
fn shortest<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> BTreeSet<&'t [u8]> {
    let all: BTreeSet<&[u8]> = texts.into_iter().collect();
    let mut last: Option<&[u8]> = None;
    // What begins with another comes after it.
    all.into_iter()
        .filter(|text| {
            let is_new = last.is_none_or(|last| !text.starts_with(last));
            if is_new {
                last = Some(text);
            }
            is_new
        })
        .collect()
}

impl CompiledForm {
    /// The version, of a routable form.
    pub(super) const fn version(&self) -> Option<Version> {
        match self.body {
            Body::RoutableV0 => Some(Version::V0),
            Body::RoutableV1 => Some(Version::V1),
            Body::Segments(_) | Body::Pattern(_) => None,
        }
    }
}

/// A body that has the shape of its form.
#[derive(Debug)]
pub(super) struct Shape {
    /// Offset after it.
    pub(super) end: usize,
    /// What its characters say.
    pub(super) verdict: Verdict,
    /// Why.
    pub(super) evidence: Vec<Evidence>,
}

/// Matches `segments` at `from`. Every run is taken as long as it goes and must then be of the right
/// length, so that a longer thing is never cut down to a token.
pub(super) fn match_segments(
    text: &[u8],
    from: usize,
    segments: &[Segment],
    context: Option<Context>,
) -> Option<Shape> {
    let mut at = from;
    for segment in segments {
        let rest = text.get(at..)?;
        at += match segment {
            Segment::Text(text) => rest.starts_with(text.as_bytes()).then_some(text.len())?,
            Segment::Run { alphabet, min, max } => {
                let length = run_length(*alphabet, rest, max.saturating_add(1));
                (*min..=*max).contains(&length).then_some(length)?
            }
        };
    }
    let end = at;
    let bounded = match context {
        Some(Context::MailAddress) => [b"-issue".as_slice(), b"-merge-request"]
            .iter()
            .any(|suffix| text[end..].starts_with(suffix) && closes(text, end + suffix.len())),
        _ => closes(text, end),
    };
    if !bounded {
        return None;
    }

    let mut verdict = Verdict::HIGH;
    let mut evidence = Vec::new();
    let mut at = from;
    let mut is_exact = true;
    for segment in segments {
        match segment {
            Segment::Text(text) => at += text.len(),
            Segment::Run { alphabet, min, max } => {
                is_exact &= min == max;
                let length = run_length(*alphabet, &text[at..end], *max);
                verdict.lower_to(judge(*alphabet, &text[at..at + length], &mut evidence));
                at += length;
            }
        }
    }
    if is_exact {
        evidence.insert(0, Evidence::ExactLength);
    }
    if context.is_some() {
        evidence.push(Evidence::Context);
    }
    Some(Shape {
        end,
        verdict,
        evidence,
    })
}
