//! Phase 1: every blob is searched for tokens, on as many threads as there are, and what was seen is
//! gathered into one finding a token.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::scope::Scope;
use super::text::{Scratch, TextSearch};
use crate::detect::Detector;
use crate::model::{
    Checksum, Confidence, Digest, Finding, Fingerprint, Label, Layer, Leak, Location, Origin,
    Problem, Provenance, Routing, RuleId, Severity, Subject, Window,
};
use crate::source::{
    ArchiveLimits, Blob, BlobVisitor, Text, TextReader, TextVisitor as _, WindowSize,
};
use crate::suppress::InlineComments;

/// What a further place of a token is there for.
pub(super) const SAME_TOKEN: &str = "the same token";

/// How far a run has come, for whoever shows it; written by every thread, read by any.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files read so far.
    pub files: AtomicU64,
    /// Bytes read so far.
    pub bytes: AtomicU64,
    /// Repositories finished so far, of a run over several.
    pub repositories: AtomicU64,
    /// Repositories of such a run; 0 for any other.
    pub of_repositories: AtomicU64,
}

/// What makes sightings those of one token.
pub(super) type TokenKey = (RuleId, Digest);

/// One token at one place.
#[derive(Debug)]
pub(super) struct Sighting {
    pub(super) rule: RuleId,
    pub(super) severity: Severity,
    pub(super) confidence: Confidence,
    pub(super) leak: Leak,
    pub(super) location: Location,
    /// The comment of another scanner that allows the token here.
    pub(super) peer: Option<&'static str>,
}

impl Sighting {
    /// The token.
    pub(super) fn key(&self) -> TokenKey {
        (self.rule.clone(), self.leak.digest.clone())
    }

    /// The token, borrowed.
    pub(super) const fn token(&self) -> (&RuleId, &Digest) {
        (&self.rule, &self.leak.digest)
    }
}

/// What one text says about suppression.
#[derive(Debug)]
pub(super) struct FileComments {
    pub(super) provenance: Provenance,
    pub(super) inline: InlineComments,
}

/// Everything that the blobs of a run yield.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    pub(super) sightings: Vec<Sighting>,
    pub(super) comments: Vec<FileComments>,
    /// What could not be read.
    pub(super) problems: Vec<Problem>,
    /// Paths that may hold CI configurations or inventories, by root.
    pub(super) structured: Vec<(usize, Arc<str>)>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// What was packed in the files.
    pub(super) members: u64,
}

impl Harvest {
    pub(super) fn append(&mut self, mut other: Self) {
        self.sightings.append(&mut other.sightings);
        self.comments.append(&mut other.comments);
        self.problems.append(&mut other.problems);
        self.structured.append(&mut other.structured);
        self.files += other.files;
        self.bytes += other.bytes;
        self.members += other.members;
    }
}

/// What every thread of the search shares.
pub(super) struct Search<'r> {
    pub(super) detector: &'r Detector,
    pub(super) scope: &'r Scope<'r>,
    pub(super) progress: &'r Progress,
    /// Whether tokens are reported; the search runs for `--only ci` too, because the files it lints are
    /// read with every token masked.
    pub(super) leaks: bool,
    /// Whether comments are honoured, the program's own and those of other scanners.
    pub(super) comments: bool,
    pub(super) windows: WindowSize,
    /// The most tokens that are told of one text with all that is packed in it.
    pub(super) most_tokens: usize,
    pub(super) archives: ArchiveLimits,
    /// Whether a damaged archive counts as not read.
    pub(super) strict: bool,
    /// Says whether a path may hold a CI configuration or an inventory.
    pub(super) is_structured: &'r (dyn Fn(&str) -> bool + Sync),
    pub(super) harvest: Mutex<Harvest>,
}

impl<'r> Search<'r> {
    /// The visitor of one thread.
    pub(super) fn visitor(&self) -> SearchVisitor<'_, 'r> {
        SearchVisitor {
            search: self,
            reader: TextReader::new(self.windows, self.archives),
            scratch: Scratch::default(),
            harvest: Harvest::default(),
        }
    }

    /// What all threads found; call it after the last visitor is gone.
    pub(super) fn into_harvest(self) -> Harvest {
        let mut harvest = self
            .harvest
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        harvest.structured.sort();
        harvest
            .comments
            .sort_by(|a, b| a.provenance.cmp(&b.provenance));
        harvest
    }
}

/// Searches the blobs that one thread reads.
pub(super) struct SearchVisitor<'s, 'r> {
    search: &'s Search<'r>,
    reader: TextReader,
    scratch: Scratch,
    pub(super) harvest: Harvest,
}

impl SearchVisitor<'_, '_> {
    /// Whether something is packed in `bytes`, which shows no literal.
    pub(super) fn opens(&self, bytes: &[u8]) -> bool {
        self.reader.opens(bytes)
    }

    /// What was found so far, which is then no longer here.
    pub(super) fn take(&mut self) -> Harvest {
        std::mem::take(&mut self.harvest)
    }

    /// Searches `text`, which comes from `provenance`.
    pub(super) fn search<'t>(
        &mut self,
        text: impl Into<Text<'t>>,
        provenance: impl Fn() -> Provenance,
    ) {
        let mut search = TextSearch::new(self.search, &mut self.scratch, &provenance);
        self.reader.read(text.into(), &mut search);
        let mut found = search.finish();
        let harvest = &mut self.harvest;
        harvest.files += 1;
        harvest.bytes += found.bytes;
        harvest.members += found.members;
        harvest.sightings.append(&mut found.sightings);
        harvest.comments.append(&mut found.comments);
        harvest.problems.append(&mut found.problems);
        self.search.progress.files.fetch_add(1, Ordering::Relaxed);
    }

    /// Searches the name of a file, which is a text of its own.
    fn search_name(&mut self, path: &str, provenance: &dyn Fn() -> Provenance) {
        let mut search = TextSearch::new(self.search, &mut self.scratch, provenance);
        search.window(0, Window::whole(path.as_bytes()));
        for mut sighting in search.finish().sightings {
            sighting.location.route = Some("name of the file".into());
            self.harvest.sightings.push(sighting);
        }
    }
}

/// Whether a path has as many characters in a row as the shortest token. Most have not, and are not
/// searched.
fn may_hold_token(path: &str) -> bool {
    const SHORTEST: usize = 20;
    let is_outside = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    path.as_bytes()
        .split(is_outside)
        .any(|run| run.len() >= SHORTEST)
}

impl BlobVisitor for SearchVisitor<'_, '_> {
    fn visit(&mut self, blob: Blob<'_>) {
        if (self.search.is_structured)(blob.path) {
            self.harvest
                .structured
                .push((blob.root, Arc::clone(blob.path)));
        }
        let scope = self.search.scope;
        let provenance = || scope.provenance(blob.root, blob.path);
        if self.search.leaks && may_hold_token(blob.path) {
            self.search_name(blob.path, &provenance);
        }
        self.search(blob.text, provenance);
    }
}

impl Drop for SearchVisitor<'_, '_> {
    fn drop(&mut self) {
        let mut harvest = self
            .search
            .harvest
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        harvest.append(std::mem::take(&mut self.harvest));
    }
}

/// One finding a token, with every place of it, whichever thread saw which; `judge::suppress` leaves as
/// many of them as a finding carries. `beyond` counts places that are known and not among `sightings`.
pub(super) fn findings(
    sightings: Vec<Sighting>,
    beyond: &BTreeMap<TokenKey, usize>,
) -> Vec<Finding> {
    let mut by_token: BTreeMap<TokenKey, Vec<Sighting>> = BTreeMap::new();
    for sighting in sightings {
        by_token.entry(sighting.key()).or_default().push(sighting);
    }
    by_token
        .into_iter()
        .map(|((rule, digest), mut sightings)| {
            sightings.sort_by(|a, b| place_order(&a.location).cmp(&place_order(&b.location)));
            let severities = sightings.iter().map(|sighting| sighting.severity);
            let severity = severities.max().unwrap_or(Severity::Info);
            let surest = surest(&sightings);
            let (confidence, leak) = (surest.confidence, surest.leak.clone());
            let key = (rule, digest);
            let occurrences = sightings.len() + beyond.get(&key).copied().unwrap_or_default();
            let (rule, digest) = key;
            let mut sightings = sightings.into_iter();
            let first = sightings
                .next()
                .expect("a group is made by its first sighting");
            let related = sightings
                .map(|sighting| Label {
                    location: sighting.location,
                    message: SAME_TOKEN.into(),
                })
                .collect();
            let subject = Subject::Token(digest);
            Finding {
                message: message(&leak, &first.location.provenance, occurrences),
                severity,
                confidence,
                fingerprint: Fingerprint::new(&rule, &first.location.provenance.path, &subject),
                primary: first.location,
                related,
                occurrences,
                subject,
                rule,
                leak: Some(leak),
                fix: None,
                suppression: None,
            }
        })
        .collect()
}

/// The place that is surest of its token, so that the evidence told is that of the confidence.
fn surest(sightings: &[Sighting]) -> &Sighting {
    sightings
        .iter()
        .reduce(|first, other| {
            if other.confidence > first.confidence {
                other
            } else {
                first
            }
        })
        .expect("a group is made by its first sighting")
}

/// The order in which places of one token are named: what lies on disk, what the index holds, then the
/// history, what refs reach first and the oldest commit first.
fn place_order(location: &Location) -> impl Ord {
    let provenance = &location.provenance;
    let rank = match provenance.origin {
        Origin::WorkTree | Origin::Stdin => 0,
        Origin::Index(_) => 1,
        Origin::History(_) | Origin::Message(..) => 2,
    };
    let revision = provenance.origin.revision();
    let commit = revision.and_then(|revision| revision.commit.as_ref());
    (
        rank,
        revision.is_some_and(|revision| revision.reachable == Some(false)),
        commit.is_none(),
        commit.map(|commit| (Arc::clone(&commit.date), Arc::clone(&commit.id))),
        provenance.clone(),
        location.span,
    )
}

/// What is wrong, in one line. The first place is `provenance`: if that is no file, no file has it.
pub(super) fn message(leak: &Leak, provenance: &Provenance, occurrences: usize) -> String {
    let what = match leak.kinds.as_slice() {
        [] => leak.noun.as_deref().unwrap_or("token"),
        [kind] => kind.noun(),
        kinds if kinds.iter().all(|kind| kind.is_access_token()) => "access token",
        [first, ..] => first.noun(),
    };
    let places = match occurrences {
        1 => String::new(),
        places => format!(" in {places} places"),
    };
    let checksum = match leak.checksum() {
        Checksum::Verified => ", checksum verified",
        Checksum::Broken => ", but its checksum does not hold: damaged or made up",
        Checksum::None => "",
    };
    let ids = leak.routing.as_ref().map(ids).unwrap_or_default();
    let ids = if ids.is_empty() {
        ids
    } else {
        format!(" ({ids})")
    };
    let encodings: Vec<&str> = provenance
        .within
        .iter()
        .filter_map(|layer| match layer {
            Layer::Encoding(name) => Some(&**name),
            Layer::Member(_) | Layer::Compressed(_) => None,
        })
        .collect();
    let text = if encodings.is_empty() {
        String::from("plain text")
    } else {
        encodings.join(", ")
    };
    let state = match &provenance.origin {
        Origin::WorkTree | Origin::Stdin => "",
        Origin::Index(_) => ", staged",
        Origin::History(revision) | Origin::Message(_, revision) => match revision.at_head {
            Some(true) => ", still in the tree of HEAD",
            Some(false) => ", only in the history",
            None => ", in the history",
        },
    };
    format!("{what} in {text}{places}{state}{checksum}{ids}")
}

/// The ids of a payload, in words.
fn ids(routing: &Routing) -> String {
    [
        ("user", routing.user),
        ("project", routing.project),
        ("group", routing.group),
        ("organization", routing.organization),
        ("cell", routing.cell),
    ]
    .into_iter()
    .filter_map(|(noun, id)| Some(format!("{noun} {}", id?)))
    .collect::<Vec<_>>()
    .join(", ")
}
