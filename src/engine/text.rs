//! The search of one text for tokens and comments, window after window.

use std::io;
use std::sync::atomic::Ordering;

use memchr::memmem;

use super::excerpt::Locator;
use super::leaks::{Search, Sighting};
use crate::detect::{self, Detection};
use crate::model::{Layer, Position, Positions, Provenance, Window};
use crate::source::{TextVisitor, WindowSize};
use crate::suppress::{self, InlineComments, MARKER, peer_comment};

/// How much of a text is held at a time. What is larger than a window is streamed, so that memory is
/// bounded by the number of threads alone.
pub(super) const WINDOW: WindowSize = WindowSize {
    bytes: 4 << 20,
    margin: MARGIN,
};

const MARGIN: usize = detect::REACH;

// A comment is looked for behind the token that it speaks of, and the excerpt shows a few lines.
const _: () = assert!(2 * suppress::REACH + 4096 <= MARGIN);

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

/// The search of one text and what it has found so far.
pub(super) struct TextSearch<'s, 'r> {
    search: &'s Search<'r>,
    scratch: &'s mut Scratch,
    provenance: &'s dyn Fn() -> Provenance,
    /// Of the first byte that is the next window's own.
    position: Position,
    pub(super) bytes: u64,
    pub(super) sightings: Vec<Sighting>,
    pub(super) comments: InlineComments,
    pub(super) failure: Option<String>,
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
            position: Position::default(),
            bytes: 0,
            sightings: Vec::new(),
            comments: InlineComments::default(),
            failure: None,
        }
    }

    /// The text that a token was seen in: the source, and below it what the token is encoded in.
    fn provenance_of(&self, found: &Detection) -> Provenance {
        let mut provenance = (self.provenance)();
        let encodings = found.encodings.iter().map(|encoding| encoding.as_str());
        provenance.within.extend(encodings.map(Layer::Encoding));
        provenance
    }

    /// Adds the tokens of a window, of which all detections are known.
    fn sight(&mut self, window: &Window<'_>) {
        let detections = &self.scratch.detections;
        let mut locator = Locator::within(window, self.position, detections);
        let own = detections
            .iter()
            .filter(|found| window.owns(found.span.start));
        for found in own {
            let honoured = self.search.comments;
            self.sightings.push(Sighting {
                rule: found.rule.clone(),
                severity: found.severity,
                confidence: found.confidence,
                leak: found.leak.clone(),
                location: locator.locate(self.provenance_of(found), found.span),
                peer: honoured
                    .then(|| peer_comment(window.bytes, found.span))
                    .flatten(),
            });
        }
    }
}

impl TextVisitor for TextSearch<'_, '_> {
    fn window(&mut self, window: Window<'_>) {
        let bytes = window.own.len() as u64;
        self.bytes += bytes;
        let progress = &self.search.progress.bytes;
        progress.fetch_add(bytes, Ordering::Relaxed);

        self.scratch.detections.clear();
        if self.search.leaks {
            let detector = self.search.detector;
            detector.scan(window.bytes, &mut self.scratch.detections);
        }
        if !self.scratch.detections.is_empty() {
            self.sight(&window);
        }
        let positions = Positions::resume(window.bytes, window.own.start, self.position);
        if self.search.comments && self.scratch.marker.find(window.bytes).is_some() {
            self.comments.read(&window, positions.clone());
        }
        if !window.is_last() {
            let mut positions = positions;
            self.position = positions.at(window.own.end);
        }
    }

    fn failed(&mut self, error: &io::Error) {
        self.failure = Some(error.to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::detect::{Detector, specimen};
    use crate::engine::leaks::{Harvest, Progress};
    use crate::engine::load_rules;
    use crate::engine::scope::Scope;
    use crate::rules::RuleSet;
    use crate::source::{Roots, Text};

    /// A margin that holds what the texts of these tests need, so that many windows are tried.
    const MARGIN: usize = 1024;

    struct Bench {
        rules: RuleSet,
        detector: Detector,
    }

    impl Bench {
        fn new() -> Self {
            let rules = load_rules(&[]).unwrap();
            let detector = Detector::new(&rules);
            Self { rules, detector }
        }

        /// The text with tokens in it; `@ignore` stands for the marker of comments.
        fn expand(&self, text: &str) -> String {
            let text = specimen::expand(text, &self.rules, 3).unwrap();
            text.replace("@ignore", MARKER)
        }

        fn search(&self, text: Text<'_>, windows: WindowSize) -> Harvest {
            let scope = Scope {
                roots: Roots::default(),
                ..Scope::default()
            };
            let search = Search {
                detector: &self.detector,
                scope: &scope,
                progress: &Progress::default(),
                leaks: true,
                comments: true,
                windows,
                is_structured: &|_| false,
                harvest: Mutex::default(),
            };
            search.visitor().search(text, Provenance::default);
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
    fn comments_hold_in_every_window() {
        let bench = Bench::new();
        let line = bench
            .expand("{{deploy_token/legacy}} # @ignore[leaked-deploy-token] why\n# @ignore[x]\n");
        let text = line.repeat(200);
        let found = bench.assert_windows_change_nothing(text.as_bytes(), 2 * MARGIN + 77);
        assert_eq!(found.sightings.len(), 200);
        let inline = &found.comments[0].inline;
        assert_eq!((inline.comments.len(), inline.defects.len()), (200, 200));
        assert_eq!(inline.comments[199].line, 399);
        assert_eq!(found.sightings[199].location.start.line, 399);
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
            own in 1usize..3_000,
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
                    text[at] = byte;
                }
            }
            bench.assert_windows_change_nothing(&text, 2 * MARGIN + own);
        }
    }
}
