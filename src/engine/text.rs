//! The search of one text for tokens and comments, window after window.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use memchr::memmem;

use super::excerpt::Locator;
use super::leaks::{FileComments, Search, Sighting};
use crate::detect::{self, Detection, redact};
use crate::model::{
    KnownPlace, Layer, Positions, Problem, ProblemClass, ProblemLevel, Provenance, Span, Window,
};
use crate::source::{Part, TextProblem, TextVisitor, WindowSize};
use crate::suppress::{self, InlineComments, MARKER, peer_comment};

/// How much of a text is held at a time. What is larger than a window is streamed, so that memory is
/// bounded by the number of threads alone.
pub(super) const WINDOW: WindowSize = WindowSize {
    bytes: 4 << 20,
    margin: MARGIN,
};

/// The most tokens that are told of one text, so that one full of them does not fill the memory: each takes one or two
/// kilobytes. Four times as many as a report has findings.
pub(super) const MOST_TOKENS: usize = 100_000;

const MARGIN: usize = detect::REACH;

// A comment is looked for behind the token that it speaks of, and the excerpt shows a few lines.
const _: () = assert!(2 * suppress::REACH + 4096 <= MARGIN);

/// The longest name of a member that is kept, in bytes. File systems take no longer path.
const MAX_NAME: usize = 4096;

/// What searching takes apart from the text, kept from text to text.
#[derive(Debug)]
pub(super) struct Scratch {
    marker: memmem::Finder<'static>,
    detections: Vec<Detection>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            marker: memmem::Finder::new(MARKER),
            detections: Vec::new(),
        }
    }
}

/// The search of one text and of everything packed in it.
pub(super) struct TextSearch<'s, 'r> {
    search: &'s Search<'r>,
    scratch: &'s mut Scratch,
    provenance: &'s dyn Fn() -> Provenance,
    /// The text itself first, the innermost last.
    texts: Vec<Present>,
    members: u64,
    /// How many tokens may still be told.
    tokens_left: usize,
    /// Whether there were more.
    is_full: bool,
    comments: Vec<FileComments>,
    problems: Vec<Problem>,
}

/// What came of the search of one text.
pub(super) struct Found {
    /// Of the text itself.
    pub(super) bytes: u64,
    /// Texts that were packed in it, at any depth.
    pub(super) members: u64,
    pub(super) sightings: Vec<Sighting>,
    pub(super) comments: Vec<FileComments>,
    pub(super) problems: Vec<Problem>,
}

/// A text that is being read.
#[derive(Debug, Default)]
struct Present {
    /// What it is within the one before.
    layer: Option<Layer>,
    /// Where it stands in the one before, if its bytes stand there as they are.
    stored_at: Option<usize>,
    /// The first byte that is the next window's own.
    known: Option<KnownPlace>,
    bytes: usize,
    sightings: Vec<Sighting>,
    has_parts: bool,
    /// What was seen in its parts.
    inner: Vec<Sighting>,
    /// Bytes that are those of a part.
    inner_spans: Vec<Span>,
    comments: InlineComments,
}

impl Present {
    /// What was seen in it and in its parts. A token in a part that is stored as it is, wholly or in
    /// places, shows in the container as well: it is told where it stands in the part.
    fn settled(mut self) -> Vec<Sighting> {
        if self.has_parts && !self.sightings.is_empty() {
            let told: BTreeSet<_> = self.inner.iter().map(Sighting::token).collect();
            self.inner_spans.sort_unstable();
            let spans = &self.inner_spans;
            self.sightings.retain(|sighting| {
                !told.contains(&sighting.token()) && !overlaps_any(spans, sighting.location.span)
            });
        }
        self.sightings.append(&mut self.inner);
        self.sightings
    }
}

/// Whether `span` shares a byte with one of `spans`, which are sorted by their starts.
fn overlaps_any(spans: &[Span], span: Span) -> bool {
    let behind = spans.partition_point(|other| other.start < span.end);
    // Members of a sound archive do not overlap, so that the nearest one tells.
    spans[..behind]
        .last()
        .is_some_and(|nearest| nearest.overlaps(span))
}

/// The text that a token was seen in: the source, and below it what the token is encoded in.
fn encoded_in(provenance: &Provenance, found: &Detection) -> Provenance {
    let mut provenance = provenance.clone();
    let encodings = found.encodings.iter();
    let layers = encodings.map(|encoding| Layer::Encoding(encoding.as_str().into()));
    provenance.within.extend(layers);
    provenance
}

impl<'s, 'r> TextSearch<'s, 'r> {
    pub(super) fn new(
        search: &'s Search<'r>,
        scratch: &'s mut Scratch,
        provenance: &'s dyn Fn() -> Provenance,
    ) -> Self {
        Self {
            search,
            scratch,
            provenance,
            texts: vec![Present::default()],
            members: 0,
            tokens_left: search.most_tokens,
            is_full: false,
            comments: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Everything that was seen, and the bytes of the text itself.
    pub(super) fn finish(mut self) -> Found {
        self.keep_comments();
        let text = self.texts.pop().unwrap_or_default();
        Found {
            bytes: text.bytes as u64,
            members: self.members,
            sightings: text.settled(),
            comments: self.comments,
            problems: self.problems,
        }
    }

    /// Where the text at `depth` comes from.
    fn provenance(&self, depth: usize) -> Provenance {
        let mut provenance = (self.provenance)();
        let layers = self.texts[..=depth].iter();
        provenance
            .within
            .extend(layers.filter_map(|text| text.layer.clone()));
        provenance
    }

    fn detect(&mut self, bytes: &[u8]) {
        let detector = self.search.detector;
        self.scratch.detections.clear();
        detector.scan(bytes, &mut self.scratch.detections);
    }

    /// The tokens of a window that comes from `provenance`, as far as more may be told; all detections in it are
    /// known.
    fn sightings(
        &mut self,
        window: &Window<'_>,
        positions: Positions<'_>,
        provenance: &Provenance,
    ) -> Vec<Sighting> {
        let detections = &self.scratch.detections;
        let mut locator = Locator::within(window, positions, detections);
        let mut own = detections
            .iter()
            .filter(|found| window.owns(found.span.start));
        let sightings: Vec<Sighting> = own
            .by_ref()
            .take(self.tokens_left)
            .map(|found| Sighting {
                rule: found.rule.clone(),
                severity: found.severity,
                confidence: found.confidence,
                leak: found.leak.clone(),
                location: locator.locate(encoded_in(provenance, found), found.span),
                peer: self
                    .search
                    .comments
                    .then(|| peer_comment(window.bytes, found.span))
                    .flatten(),
            })
            .collect();
        let is_full = own.next().is_some();
        self.tokens_left -= sightings.len();
        if is_full {
            self.tell_of_the_rest();
        }
        sightings
    }

    /// Says, once, that there are more tokens than are told.
    fn tell_of_the_rest(&mut self) {
        if std::mem::replace(&mut self.is_full, true) {
            return;
        }
        let most = self.search.most_tokens;
        let message = format!("not searched in full: it holds more than {most} tokens");
        let mend = "leave it out with `exclude` if they are none, or scan it in parts";
        self.problem(
            0,
            TextProblem {
                level: ProblemLevel::Error,
                class: ProblemClass::Limit,
                message,
                mend: Some(mend.to_owned()),
            },
        );
    }

    /// The name of a member as it is shown, with what it holds of tokens: a name is a text of its own.
    fn name(&mut self, name: &[u8]) -> (Layer, Vec<Sighting>) {
        let name = &name[..name.len().min(MAX_NAME)];
        self.detect(name);
        let masked = redact(name, &self.scratch.detections, b'*');
        let layer = Layer::Member(String::from_utf8_lossy(&masked).into());
        if self.scratch.detections.is_empty() {
            return (layer, Vec::new());
        }
        let mut provenance = self.provenance(self.texts.len() - 1);
        provenance.within.push(layer.clone());
        let mut sightings = self.sightings(&Window::whole(name), Positions::new(name), &provenance);
        for sighting in &mut sightings {
            sighting.location.route = Some("name of the member".into());
        }
        (layer, sightings)
    }

    /// Sets the comments of the innermost text aside, which has been read. Those that show in a
    /// container are comments of its members.
    fn keep_comments(&mut self) {
        let depth = self.texts.len() - 1;
        let text = &mut self.texts[depth];
        let inline = std::mem::take(&mut text.comments);
        if !inline.is_empty() && !text.has_parts {
            self.comments.push(FileComments {
                provenance: self.provenance(depth),
                inline,
            });
        }
    }
}

impl TextVisitor for TextSearch<'_, '_> {
    fn window(&mut self, depth: usize, window: Window<'_>) {
        if depth == 0 {
            let progress = &self.search.progress.bytes;
            progress.fetch_add(window.own.len() as u64, Ordering::Relaxed);
        }
        self.scratch.detections.clear();
        if self.search.leaks && !self.is_full {
            self.detect(window.bytes);
        }
        let marked = self.search.comments && self.scratch.marker.find(window.bytes).is_some();
        let text = &mut self.texts[depth];
        text.bytes += window.own.len();
        if self.scratch.detections.is_empty() && !marked && window.is_last() {
            return;
        }
        let mut positions = match text.known {
            Some(place) => Positions::resume(window.bytes, window.own.start, place),
            None => Positions::new(window.bytes),
        };
        if marked {
            text.comments.read(&window, positions.clone());
        }
        if !self.scratch.detections.is_empty() {
            let provenance = self.provenance(depth);
            let sightings = self.sightings(&window, positions.clone(), &provenance);
            self.texts[depth].sightings.extend(sightings);
        }
        if !window.is_last() {
            self.texts[depth].known = Some(positions.known(window.own.end));
        }
    }

    fn enter(&mut self, part: Part<'_>) {
        let (layer, stored_at, inner) = match part {
            Part::Member { name, stored_at } => {
                let (layer, sightings) = self.name(name);
                (layer, stored_at, sightings)
            }
            Part::Compressed(name) => (Layer::Compressed(name.into()), None, Vec::new()),
        };
        self.members += 1;
        if let Some(container) = self.texts.last_mut() {
            container.has_parts = true;
        }
        self.texts.push(Present {
            layer: Some(layer),
            stored_at,
            inner,
            ..Present::default()
        });
    }

    fn leave(&mut self) {
        self.keep_comments();
        let Some(part) = self.texts.pop() else {
            return;
        };
        let Some(container) = self.texts.last_mut() else {
            return;
        };
        if let Some(start) = part.stored_at {
            let span = Span::new(start, start.saturating_add(part.bytes));
            container.inner_spans.push(span);
        }
        container.inner.append(&mut part.settled());
    }

    fn problem(&mut self, depth: usize, problem: TextProblem) {
        let provenance = self.provenance(depth.min(self.texts.len() - 1));
        let path = provenance.display_path();
        // What is quoted from an archive may hold a token.
        let message = self.search.detector.masked(&problem.message);
        let members = provenance.text_path();
        let message = match members.strip_prefix(&path) {
            Some(inner) if !inner.is_empty() => format!("`{}`: {message}", &inner[1..]),
            _ => message,
        };
        let is_strict = self.search.strict && problem.class == ProblemClass::Archive;
        self.problems.push(Problem {
            level: if is_strict {
                ProblemLevel::Error
            } else {
                problem.level
            },
            class: problem.class,
            path,
            base: provenance.base,
            position: None,
            message,
            mend: problem.mend,
        });
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::io;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::detect::{Detector, specimen};
    use crate::engine::leaks::{Harvest, Progress};
    use crate::engine::load_rules;
    use crate::engine::scope::Scope;
    use crate::model::Position;
    use crate::rules::RuleSet;
    use crate::source::{ArchiveLimits, Roots, Text};

    /// A margin that holds what the texts of these tests need, so that many windows are tried.
    const MARGIN: usize = 1024;

    pub(in crate::engine) struct Bench {
        rules: RuleSet,
        detector: Detector,
    }

    impl Bench {
        pub(in crate::engine) fn new() -> Self {
            let rules = load_rules(&[]).unwrap();
            let detector = Detector::new(&rules);
            Self { rules, detector }
        }

        /// The text with tokens in it; `@ignore` stands for the marker of comments.
        pub(in crate::engine) fn expand(&self, text: &str) -> String {
            let text = specimen::expand(text, &self.rules, 3).unwrap();
            text.replace("@ignore", MARKER)
        }

        fn search(&self, text: Text<'_>, windows: WindowSize) -> Harvest {
            self.search_for(MOST_TOKENS, text, windows)
        }

        /// The same where of more tokens nothing is told.
        fn search_for(&self, most: usize, text: Text<'_>, windows: WindowSize) -> Harvest {
            self.with_search(most, windows, |search| {
                search.visitor().search(text, Provenance::default);
            })
        }

        /// What `work` adds to a search.
        pub(in crate::engine) fn with_search(
            &self,
            most_tokens: usize,
            windows: WindowSize,
            work: impl FnOnce(&Search<'_>),
        ) -> Harvest {
            let scope = Scope {
                roots: Roots::default(),
                detector: &self.detector,
                snapshots: BTreeMap::new(),
            };
            let search = Search {
                detector: &self.detector,
                scope: &scope,
                progress: &Progress::default(),
                leaks: true,
                comments: true,
                windows,
                most_tokens,
                archives: ArchiveLimits::of_depth(3),
                strict: false,
                is_structured: &|_| false,
                harvest: Mutex::default(),
            };
            work(&search);
            search.into_harvest()
        }

        /// Asserts that the text in windows of `bytes` gives what it gives as a whole.
        fn assert_windows_change_nothing(&self, text: &[u8], bytes: usize) -> Harvest {
            let size = |bytes| WindowSize {
                bytes,
                margin: MARGIN,
            };
            let whole = self.search(Text::Whole(text), size(3 * MARGIN));
            let windowed = self.search(Text::Stream(&mut &*text), size(bytes));
            assert_eq!(windowed.bytes, text.len() as u64);
            assert_eq!(
                format!("{windowed:#?}"),
                format!("{whole:#?}"),
                "windows of {bytes} bytes"
            );
            windowed
        }
    }

    #[test]
    fn a_token_is_found_once_wherever_an_edge_falls() {
        let bench = Bench::new();
        let token = bench.expand("{{personal_access_token/legacy}}");
        let bytes = 2 * MARGIN + 100;
        // The edges lie a hundred bytes apart, so every one of them is crossed at every offset.
        for before in (0..100).chain(MARGIN - 40..MARGIN + 40).chain([4999]) {
            let text = format!("{} {token} {}", "é".repeat(before / 2), "x\n".repeat(2_000));
            let found = bench.assert_windows_change_nothing(text.as_bytes(), bytes);
            let [sighting] = found.sightings.as_slice() else {
                panic!("one token {before} bytes in");
            };
            let cut = &text[std::ops::Range::from(sighting.location.span)];
            assert!(cut == token);
            let column = text[..text.find(&token).unwrap()].chars().count() as u64 + 1;
            assert_eq!(sighting.location.start, Position { line: 1, column });
        }
    }

    #[test]
    fn the_beginning_tells_how_all_windows_of_a_text_are_read() {
        let bench = Bench::new();
        let token = bench.expand("{{deploy_token/legacy}}");
        let text = format!(
            "\u{feff}Latin letters\n{}\n\u{1d11e} {token} \u{1d11e}\n{}",
            "漢字".repeat(3_000),
            "語".repeat(2_000)
        );
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for own in 1..60 {
            let found = bench.assert_windows_change_nothing(&bytes, 2 * (MARGIN + own));
            let [sighting] = found.sightings.as_slice() else {
                panic!("one token");
            };
            let start = Position { line: 3, column: 3 };
            assert_eq!(sighting.location.start, start);
        }
    }

    #[test]
    fn comments_hold_in_every_window() {
        let bench = Bench::new();
        let line = bench
            .expand("{{deploy_token/legacy}} # @ignore[leaked-deploy-token] why\n# @ignore[x]\n");
        let text = line.repeat(200);
        let found = bench.assert_windows_change_nothing(text.as_bytes(), 2 * MARGIN + 78);
        assert_eq!(found.sightings.len(), 200);
        let inline = &found.comments[0].inline;
        assert_eq!((inline.comments.len(), inline.defects.len()), (200, 200));
        assert_eq!(inline.comments[199].line, 399);
        assert_eq!(found.sightings[199].location.start.line, 399);
    }

    #[test]
    fn the_first_tokens_are_told_and_that_there_are_more() {
        let bench = Bench::new();
        let text = bench.expand("{{deploy_token/legacy}}\n").repeat(200);
        let windows = WindowSize {
            bytes: 2 * MARGIN + 100,
            margin: MARGIN,
        };
        for most in [1, 60, 199] {
            let [whole, streamed] = [
                bench.search_for(most, Text::Whole(text.as_bytes()), WINDOW),
                bench.search_for(most, Text::Stream(&mut text.as_bytes()), windows),
            ];
            assert_eq!(format!("{streamed:#?}"), format!("{whole:#?}"));
            assert_eq!(whole.bytes, text.len() as u64);
            let lines = whole.sightings.iter().map(|seen| seen.location.start.line);
            assert!(lines.eq(1..=most as u64));
            let [problem] = whole.problems.as_slice() else {
                panic!("one problem");
            };
            let message = format!("not searched in full: it holds more than {most} tokens");
            assert_eq!(problem.message, message);
            let kind = (problem.level, problem.class);
            assert_eq!(kind, (ProblemLevel::Error, ProblemClass::Limit));
        }
        let found = bench.search_for(200, Text::Whole(text.as_bytes()), WINDOW);
        assert_eq!((found.sightings.len(), found.problems.len()), (200, 0));
    }

    #[test]
    fn a_text_that_fails_is_searched_up_to_there() {
        struct Failing<'t>(&'t [u8]);

        impl io::Read for Failing<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(io::Error::other("the disk is gone")),
                    read => Ok(read),
                }
            }
        }

        let bench = Bench::new();
        let text = bench.expand("{{deploy_token/legacy}}\n").repeat(300);
        let mut reader = Failing(text.as_bytes());
        let found = bench.search(Text::Stream(&mut reader), WINDOW);
        assert_eq!(found.sightings.len(), 300);
        assert_eq!(found.problems.len(), 1);
        assert!(found.problems[0].message.ends_with("the disk is gone"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn windows_change_nothing(
            pieces in prop::collection::vec(
                prop_oneof![
                    8 => "[a-z é√\u{feff}\\n\\r;:=\"-]{0,120}",
                    1 => "[a-zé]{300,900}",
                    4 => prop::sample::select(vec![
                        "{{personal_access_token/legacy}}",
                        "{{personal_access_token/routable-v1@acme-prod-}}",
                        "{{runner_authentication_token/routable-v0@glrt-t3_}}",
                        "{{personal_access_token/private-token}}",
                        "{{pipeline_trigger_token/trigger-call-hex40}}",
                        "{{personal_access_token/legacy|broken}}",
                        "\"{{personal_access_token/legacy}}",
                        "[[runners]]\n  token = \"{{runner_authentication_token/runner-config}}\"\n",
                        "\"gl\" + \"pat-\" + \"",
                        " # @ignore[leaked-access-token] known\n",
                        "\n// @ignore[leaked-access-token]\n",
                        " # gitleaks:allow\n",
                    ]).prop_map(str::to_owned),
                ],
                0..60,
            ),
            stray in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
            own in 1usize..1_500,
        ) {
            let bench = Bench::new();
            let pieces: Vec<String> = pieces
                .iter()
                .map(|piece| {
                    specimen::expand(piece, &bench.rules, 3).map_or_else(|_| piece.clone(), |_| bench.expand(piece))
                })
                .collect();
            let mut text = pieces.concat().into_bytes();
            for (at, byte) in stray {
                if !text.is_empty() {
                    let at = at.index(text.len());
                    // A section of a runner that loses its header belongs to the one before, which
                    // reaches further than the margin of these small windows.
                    if !b"[]runes".contains(&text[at]) {
                        text[at] = byte;
                    }
                }
            }
            bench.assert_windows_change_nothing(&text, 2 * (MARGIN + own));
        }
    }
}
