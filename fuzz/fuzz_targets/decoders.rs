//! Any text, encoded: no encoding of it is read to anything that does not lie in it, a token that its checksum
//! proves stays the same in UTF-16, and a text made of another has the tokens that a search of all of it
//! finds.

#![no_main]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use glpatrol::detect::{ClueScratch, Detection, Detector};
use glpatrol::model::{Copied, Evidence};
use glpatrol::rules::RuleSet;
use libfuzzer_sys::fuzz_target;

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
    let rules = RuleSet::builtin(&|_, _| Ok(())).expect("the built-in rules are valid");
    Detector::of_depth(&rules, 3)
});

fn scan(text: &[u8]) -> Vec<Detection> {
    let mut detections = Vec::new();
    DETECTOR.scan(text, &mut detections);
    let mut end = 0;
    for found in &detections {
        assert!(end <= found.span.start && found.span.start < found.span.end);
        assert!(found.encodings.len() <= 4);
        end = found.span.end;
    }
    assert!(end <= text.len());
    detections
}

fn escaped(text: &[u8], escape: impl Fn(u8) -> String) -> Vec<u8> {
    let mut escaped = String::new();
    for byte in text {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(*byte));
        } else {
            escaped.push_str(&escape(*byte));
        }
    }
    escaped.into_bytes()
}

fn folded(text: &str, columns: usize) -> Vec<u8> {
    let lines = text.as_bytes().chunks(columns);
    lines.collect::<Vec<_>>().join(&b"\n  "[..])
}

fn hex(text: &[u8]) -> String {
    text.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn proven(detections: &[Detection]) -> BTreeSet<String> {
    let is_proven = |found: &&Detection| {
        let evidence = &found.leak.evidence;
        evidence.contains(&Evidence::ChecksumVerified) && found.encodings.is_empty()
    };
    let digests = detections.iter().filter(is_proven);
    digests
        .map(|found| format!("{:?}", found.leak.digest))
        .collect()
}

fuzz_target!(|bytes: &[u8]| {
    let found = scan(bytes);
    let base64 = STANDARD.encode(bytes);
    for encoded in [
        base64.clone().into_bytes(),
        folded(&base64, 64),
        folded(&STANDARD.encode(&base64), 76),
        URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
        hex(bytes).into_bytes(),
        hex(base64.as_bytes()).into_bytes(),
        escaped(bytes, |byte| format!("%{byte:02X}")),
        escaped(bytes, |byte| format!("\\u{byte:04x}")),
        escaped(bytes, |byte| format!("\\x{byte:02x}")),
        escaped(bytes, |byte| format!("&#{byte};")),
    ] {
        scan(&encoded);
    }
    if bytes.is_ascii() && !bytes.contains(&0) {
        let mark = [0xFF, 0xFE].into_iter();
        let wide: Vec<u8> = mark
            .chain(bytes.iter().flat_map(|byte| [*byte, 0]))
            .collect();
        let in_wide = scan(&wide);
        let is_there = |digest: &String| {
            let mut digests = in_wide
                .iter()
                .map(|found| format!("{:?}", found.leak.digest));
            digests.any(|other| other == *digest)
        };
        // Such a text has a blank or a line end.
        if bytes.iter().take(64).any(u8::is_ascii_graphic) {
            assert!(proven(&found).iter().all(is_there));
        }
    }

    // The text once more, with a part of it cut out and its end put first.
    let (first, second) = (bytes.len() / 3, bytes.len() / 2);
    let copies = [
        Copied {
            from: second,
            to: 0,
            length: bytes.len() - second,
        },
        Copied {
            from: 0,
            to: bytes.len() - second + 1,
            length: first,
        },
    ];
    let mut text = bytes[second..].to_vec();
    text.push(b'-');
    text.extend_from_slice(&bytes[..first]);
    if !Detector::is_encoded(bytes) && !Detector::is_encoded(&text) {
        let scratch = &mut ClueScratch::default();
        let base = DETECTOR.clues(bytes, 0, scratch);
        let clues = DETECTOR.clues_from(&base, &copies, &text, scratch);
        let mut by_clues = Vec::new();
        DETECTOR.scan_clues(&text, &clues, &mut by_clues);
        assert_eq!(by_clues, scan(&text));
    }
});
