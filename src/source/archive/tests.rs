//! Sound, hostile and broken archives, with limits small enough to be reached.

use std::io::Write as _;

use proptest::prelude::*;

use super::ArchiveLimits;
use crate::model::{ProblemLevel, Window};
use crate::source::text::{Part, Text, TextProblem, TextReader, TextVisitor, WindowSize};

const SIZE: WindowSize = WindowSize {
    bytes: 1024,
    margin: 32,
};

const LIMITS: ArchiveLimits = ArchiveLimits {
    depth: 3,
    free_bytes: 1 << 20,
    ratio: 10,
    members: 50,
};

/// Everything that a reader gives away.
#[derive(Default)]
struct Recorder {
    open: Vec<(String, Vec<u8>)>,
    /// Texts with the way to them, as they ended.
    texts: Vec<(String, Vec<u8>)>,
    problems: Vec<String>,
    levels: Vec<ProblemLevel>,
}

impl Recorder {
    fn text(&self, way: &str) -> &[u8] {
        let found = self.texts.iter().find(|(known, _)| known == way);
        &found.unwrap_or_else(|| panic!("no {way}")).1
    }
}

impl TextVisitor for Recorder {
    fn window(&mut self, depth: usize, window: Window<'_>) {
        let text = &mut self.open[depth].1;
        assert_eq!(
            text.len(),
            window.offset + window.own.start,
            "no byte twice"
        );
        text.extend(&window.bytes[std::ops::Range::from(window.own)]);
    }

    fn enter(&mut self, part: Part<'_>) {
        let name = match part {
            Part::Member { name, .. } => String::from_utf8_lossy(name).into_owned(),
            Part::Compressed(name) => name.to_owned(),
        };
        let way = format!("{}/{name}", self.open.last().unwrap().0);
        self.open.push((way, Vec::new()));
    }

    fn leave(&mut self) {
        let text = self.open.pop().unwrap();
        self.texts.push(text);
    }

    fn problem(&mut self, depth: usize, problem: TextProblem) {
        assert!(depth < self.open.len());
        self.problems.push(problem.message);
        self.levels.push(problem.level);
    }
}

fn read(text: Text<'_>, size: WindowSize, limits: ArchiveLimits) -> Recorder {
    let mut recorder = Recorder {
        open: vec![(String::new(), Vec::new())],
        ..Recorder::default()
    };
    TextReader::new(size, limits).read(text, &mut recorder);
    assert_eq!(recorder.open.len(), 1, "what begins ends");
    recorder.leave_outermost()
}

impl Recorder {
    fn leave_outermost(mut self) -> Self {
        self.leave();
        self
    }
}

fn streamed(mut bytes: &[u8]) -> Recorder {
    read(Text::Stream(&mut bytes), SIZE, LIMITS)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, text) in members {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, name, *text).unwrap();
    }
    builder.into_inner().unwrap()
}

/// A zip archive of stored members, as the crate that reads the directory writes it.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = ::zip::write::SimpleFileOptions::default()
        .compression_method(::zip::CompressionMethod::Stored);
    for (name, text) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(text).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn streams_and_directories_give_the_same_texts() {
    let long = b"0123456789".repeat(300);
    let members: [(&str, &[u8]); 3] = [("a", &long), ("b", b""), ("c/d", b"short")];
    for archive in [zip(&members), tar(&members), gzip(&tar(&members))] {
        let windowed = streamed(&archive);
        let whole = read(Text::Whole(&archive), SIZE, LIMITS);
        assert_eq!(windowed.problems, whole.problems);
        assert!(whole.problems.is_empty(), "{:?}", whole.problems);
        assert_eq!(windowed.texts, whole.texts);
        assert_eq!(whole.text(""), archive);
        let way = whole.texts[0].0.trim_end_matches('a').to_owned();
        for (name, text) in members {
            assert_eq!(whole.text(&format!("{way}{name}")), text);
        }
    }
}

#[test]
fn what_is_unpacked_is_bounded_in_bytes() {
    let bomb = gzip(&vec![0; 8 << 20]);
    let most = LIMITS.free_bytes + LIMITS.ratio * bomb.len() as u64;
    let nested = gzip(&gzip(&vec![0; 64 << 20]));
    let names: Vec<String> = (0..20).map(|number| format!("b{number}")).collect();
    let many: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), bomb.as_slice()))
        .collect();
    for archive in [bomb.clone(), nested, tar(&many), zip(&many)] {
        for found in [
            streamed(&archive),
            read(Text::Whole(&archive), SIZE, LIMITS),
        ] {
            assert_eq!(found.problems.len(), 1, "{:?}", found.problems);
            assert!(
                found.problems[0].contains("unpacked"),
                "{:?}",
                found.problems
            );
            assert_eq!(
                found.text(""),
                archive,
                "the raw bytes are searched all the same"
            );
            let unpacked: usize = found.texts.iter().map(|(_, text)| text.len()).sum();
            let slack = 20 * SIZE.bytes + 20 * archive.len();
            assert!(unpacked as u64 <= most + slack as u64, "{unpacked}");
        }
    }
}

#[test]
fn members_are_bounded() {
    let names: Vec<String> = (0..60).map(|number| format!("m{number}")).collect();
    let many: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), b"x".as_slice()))
        .collect();
    for archive in [tar(&many), zip(&many)] {
        for found in [
            streamed(&archive),
            read(Text::Whole(&archive), SIZE, LIMITS),
        ] {
            assert_eq!(found.texts.len() as u64, LIMITS.members + 1);
            assert_eq!(found.problems.len(), 1);
            assert!(found.problems[0].contains("more than 50 members"));
        }
    }
}

#[test]
fn depth_is_bounded_and_counted_once() {
    let mut archive = b"x".to_vec();
    for _ in 0..6 {
        archive = tar(&[("a", &archive), ("b", &gzip(b"y"))]);
    }
    let found = streamed(&archive);
    assert!(
        found
            .texts
            .iter()
            .all(|(way, _)| way.matches('/').count() <= 3)
    );
    assert_eq!(
        found.problems,
        ["2 archives in it lie deeper than 3 and were not opened"]
    );
    let closed = ArchiveLimits { depth: 0, ..LIMITS };
    let found = read(Text::Whole(&archive), SIZE, closed);
    assert_eq!((found.texts.len(), found.problems.len()), (1, 0));
}

#[test]
fn problems_beyond_those_told_keep_their_level() {
    let damaged = &gzip(b"some text")[..12];
    let mut odd = zip(&[("a", b"x")]);
    odd[8] = 98;
    let mut members: Vec<(&str, &[u8])> = vec![("damaged", damaged); 12];
    let notes = streamed(&tar(&members));
    assert_eq!(notes.problems.len(), 11);
    assert_eq!(
        notes.problems[10],
        "2 more archives in it were not searched in full"
    );
    assert_eq!(notes.levels, [ProblemLevel::Note; 11]);
    members.push(("odd", &odd));
    let worse = streamed(&tar(&members));
    assert_eq!(worse.levels[..10], [ProblemLevel::Note; 10]);
    assert_eq!(worse.levels[10], ProblemLevel::Error);
}

#[test]
fn a_long_name_is_not_held() {
    let mut header = ::tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(::tar::EntryType::GNULongName);
    header.set_size(4 << 20);
    header.set_cksum();
    let mut archive = header.as_bytes().to_vec();
    archive.resize((4 << 20) + 2048, b'n');
    let found = read(Text::Whole(&archive), SIZE, LIMITS);
    assert!(
        found.problems[0].contains("too long"),
        "{:?}",
        found.problems
    );
}

#[test]
fn frames_without_content_and_several_streams_are_read_on() {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    let frame = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
    let skippable = [&[0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
    let stream = [&skippable[..], &frame(b"one"), &skippable, &frame(b"two")].concat();
    let found = streamed(&stream);
    assert_eq!(found.problems, Vec::<String>::new());
    assert_eq!(found.text("/zstd"), b"onetwo");
    let found = streamed(&[gzip(b"one"), gzip(b"two")].concat());
    assert_eq!(found.text("/gzip"), b"onetwo");
}

fn samples() -> Vec<Vec<u8>> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    let text = b"some text that repeats, some text that repeats, some text".repeat(8);
    let inner = zip(&[("in/a", &text), ("in/b", b"b")]);
    let mut bzip = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip.write_all(&text).unwrap();
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(&text).unwrap();
    vec![
        inner.clone(),
        tar(&[("a", &text), ("b.zip", &inner)]),
        gzip(&tar(&[("c", &text)])),
        bzip.finish().unwrap(),
        xz.finish().unwrap(),
        compress_to_vec(&text[..], CompressionLevel::Fastest),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn damage_never_panics_and_hides_no_raw_byte(
        sample in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let samples = samples();
        let mut bytes = sample.get(&samples).clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(tail);
        let whole = read(Text::Whole(&bytes), SIZE, LIMITS);
        prop_assert_eq!(whole.text(""), &bytes[..]);
        let windowed = streamed(&bytes);
        prop_assert_eq!(windowed.text(""), &bytes[..]);
    }
}
