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

/// Sizes of one byte and then the bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// A number as tables have it.
fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(value & 0x7F).unwrap()];
    while value > 0x7F {
        value = (value >> 7) - 1;
        bytes.push(u8::try_from(value & 0x7F).unwrap() | 0x80);
    }
    bytes.reverse();
    bytes
}

/// A change in a log: a name that shares its first bytes with the last one, with the number of the change, and why.
fn change(shared: usize, suffix: &str, number: u8, why: &str) -> Vec<u8> {
    let key = [suffix.as_bytes(), &[0; 8], &[number]].concat();
    let by = [counted(b"A U Thor"), counted(b"a@b.c"), vec![77]].concat();
    let zone = (-130_i16).to_be_bytes();
    let ids = [[0x1A; 20], [0xB2; 20]].concat();
    let value = [&ids, &by, &zone[..], &counted(why.as_bytes())].concat();
    let lengths = [varint(shared), varint(key.len() << 3 | 1)].concat();
    [lengths, key, value].concat()
}

/// A table with a block of refs, padding, and these blocks of changes.
fn ref_table(blocks: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let header = [&b"REFT\x01\0\x10\0"[..], &[0; 16]].concat();
    let mut table = header.clone();
    table.extend(b"r\0\0\x20gone\0\0\0\0\0");
    for changes in blocks {
        let records = [changes.concat(), vec![0, 0, 4, 0, 1]].concat();
        let length = u32::try_from(4 + records.len()).unwrap().to_be_bytes();
        table.push(b'g');
        table.extend(&length[1..]);
        let level = flate2::Compression::default();
        let mut encoder = flate2::write::ZlibEncoder::new(&mut table, level);
        encoder.write_all(&records).unwrap();
        encoder.finish().unwrap();
    }
    table.extend(header);
    table.extend([0; 44]);
    table
}

#[test]
fn logs_of_refs_are_members_in_the_lines_of_files() {
    let gone = [&[12, 9 << 3][..], &[0; 8], &[9]].concat();
    let table = ref_table(&[
        vec![
            change(0, "refs/heads/a", 9, "new\n"),
            change(12, "", 8, "old"),
        ],
        vec![
            change(0, "refs/heads/a", 7, ""),
            gone,
            change(11, "b", 9, "x y"),
        ],
    ]);
    let found = streamed(&table);
    assert_eq!(found.problems, [""; 0]);
    let line = |why: &str| {
        let ids = ["1a".repeat(20), "b2".repeat(20)].join(" ");
        format!("{ids} A U Thor <a@b.c> 77 -0130\t{why}\n")
    };
    let log = [line("new"), line("old"), line("")].concat();
    assert_eq!(found.text("/logs/refs/heads/a"), log.as_bytes());
    assert_eq!(found.text("/logs/refs/heads/b"), line("x y").as_bytes());
    assert_eq!(found.texts.len(), 3);
    let whole = read(Text::Whole(&table), SIZE, LIMITS);
    assert_eq!(whole.texts, found.texts);
}

#[test]
fn what_is_wrong_with_a_table_of_refs_is_said_and_the_rest_is_read() {
    let good = change(0, "refs/heads/a", 9, "found");
    let of = |record: Vec<u8>| ref_table(&[vec![good.clone()], vec![record]]);
    let mut unknown = change(0, "b", 9, "");
    unknown[1] += 1;
    let mut block = of(change(0, "b", 9, ""));
    block[24] = b'x';
    let mut cut_off = of(good.clone());
    cut_off.truncate(cut_off.len() - 71);
    let long = "n".repeat(1000);
    let names = (0..4).map(|number| change(number * 1000, &long, 9, ""));
    for (table, what) in [
        (of(change(1, "b", 9, "")), "a name that cannot be"),
        (of(unknown), "a change of an unknown kind"),
        (of(vec![0, 0x51]), "a change that is cut off"),
        (of(vec![0xFF; 20]), "a number that is too large"),
        (of(b"\0\x08x".to_vec()), "a name that cannot be"),
        (block, "a block of an unknown kind"),
        (cut_off, "it is cut off"),
    ] {
        let found = streamed(&table);
        let problems = found.problems.join("\n");
        assert!(problems.contains(what), "{what}: {problems}");
        assert!(problems.starts_with("not searched in full: this table of refs is damaged"));
        assert_eq!(found.levels, [ProblemLevel::Note]);
        let is_read = found.texts.iter().any(|(way, _)| way.ends_with("/a"));
        assert_eq!(is_read, what != "a block of an unknown kind", "{what}");
    }
    let mut names: Vec<Vec<u8>> = names.collect();
    assert!(streamed(&ref_table(&[names.clone()])).problems.is_empty());
    names.push(change(4000, &long, 9, ""));
    let found = streamed(&ref_table(&[names]));
    assert!(found.problems[0].ends_with("a name that cannot be"));
    assert_eq!(found.texts.len(), 5);
}

#[test]
fn a_table_of_refs_that_unfolds_to_more_than_a_cap_is_stopped() {
    // Changes that were taken back make no line, and are unpacked all the same.
    let gone: Vec<u8> = [&[0, 10 << 3][..], b"n", &[0; 9]].concat();
    let table = ref_table(&vec![vec![gone.repeat(20_000)]; 40]);
    let found = streamed(&table);
    assert_eq!(found.levels, [ProblemLevel::Error], "{:?}", found.problems);
    assert!(
        found.problems[0].contains("more than"),
        "{:?}",
        found.problems
    );
}

proptest! {
    #[test]
    fn no_table_of_refs_makes_a_panic(
        at in 0..300_usize,
        byte: u8,
        changes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut table = ref_table(&[vec![change(0, "refs/heads/a", 9, "why"), changes]]);
        streamed(&table);
        let at = at % table.len();
        table[at] = byte;
        streamed(&table);
    }
}
