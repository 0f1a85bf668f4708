//! Packs made for the tests: chains as deep as there are, bases named by id, circles, bombs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use gix_hash::{ObjectId, oid};
use gix_object::Kind;
use proptest::prelude::*;

use super::numbering::{LookUps, Numbering};
use super::*;

/// An object of a pack to be made.
#[derive(Clone, Debug)]
enum Made {
    Whole(Vec<u8>),
    /// A delta on the object of a number, which may come later or be itself.
    Delta {
        base: usize,
        by_id: bool,
        delta: Vec<u8>,
    },
}

/// Writes a pack and its index with these objects, which are named by their numbers.
fn write_pack(dir: &Path, objects: &[Made]) {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend(u32::try_from(objects.len()).unwrap().to_be_bytes());
    let mut offsets = Vec::new();
    for made in objects {
        let offset = pack.len() as u64;
        offsets.push(offset);
        let (kind, bytes) = match made {
            Made::Whole(bytes) => (3, bytes),
            Made::Delta {
                by_id: true, delta, ..
            } => (7, delta),
            Made::Delta { delta, .. } => (6, delta),
        };
        let mut size = bytes.len();
        let mut byte = (kind << 4) | u8::try_from(size & 15).unwrap();
        size >>= 4;
        while size > 0 {
            pack.push(byte | 0x80);
            byte = u8::try_from(size & 127).unwrap();
            size >>= 7;
        }
        pack.push(byte);
        match made {
            Made::Delta {
                base, by_id: true, ..
            } => pack.extend(id_of(*base).as_bytes()),
            // Bases that come later have no offset yet: the distance of one leads nowhere.
            Made::Delta { base, .. } => {
                let distance = offsets.get(*base).map_or(1, |base| offset - base);
                pack.extend(distance_bytes(distance));
            }
            Made::Whole(_) => {}
        }
        pack.extend(stored(bytes));
    }
    let trailer = [7; 20];
    pack.extend(trailer);
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("pack-1.pack"), &pack).unwrap();

    let mut index = b"\xfftOc\0\0\0\x02".to_vec();
    let count = |to: usize| {
        (0..objects.len())
            .filter(|at| id_of(*at).as_bytes()[0] as usize <= to)
            .count()
    };
    for first in 0..256 {
        index.extend(u32::try_from(count(first)).unwrap().to_be_bytes());
    }
    for at in 0..objects.len() {
        index.extend(id_of(at).as_bytes());
    }
    index.extend(vec![0; 4 * objects.len()]);
    for offset in &offsets {
        index.extend(u32::try_from(*offset).unwrap().to_be_bytes());
    }
    index.extend(trailer);
    let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
    hasher.update(&index);
    index.extend(hasher.try_finalize().unwrap().as_bytes());
    fs::write(dir.join("pack-1.idx"), index).unwrap();
}

/// The id of the object of a number; they ascend.
fn id_of(number: usize) -> ObjectId {
    ObjectId::from_hex(format!("{number:040x}").as_bytes()).unwrap()
}

fn distance_bytes(mut distance: u64) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(distance & 127).unwrap()];
    distance >>= 7;
    while distance > 0 {
        distance -= 1;
        bytes.insert(0, 0x80 | u8::try_from(distance & 127).unwrap());
        distance >>= 7;
    }
    bytes
}

/// A zlib stream that compresses nothing.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 1];
    let mut chunks: Vec<&[u8]> = bytes.chunks(0xFFFF).collect();
    if chunks.is_empty() {
        chunks.push(&[]);
    }
    let last = chunks.len() - 1;
    for (at, chunk) in chunks.into_iter().enumerate() {
        let length = u16::try_from(chunk.len()).unwrap();
        stream.push(u8::from(at == last));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(chunk);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    stream.extend(((b << 16) | a).to_be_bytes());
    stream
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(u8::try_from(value & 127).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

fn copy(from: usize, length: usize) -> Vec<u8> {
    let (from, length) = (
        u32::try_from(from).unwrap().to_le_bytes(),
        u32::try_from(length).unwrap().to_le_bytes(),
    );
    [&[0xFF][..], &from, &length[..3]].concat()
}

/// Keeps everything, and sees that what is called not fresh stood so in the base.
#[derive(Default)]
struct Keeper {
    found: BTreeMap<ObjectId, Vec<u8>>,
}

impl ObjectVisitor for Keeper {
    type Trace = ();

    fn trace(&mut self, _: Kind, _: &[u8], _: Option<Base<'_, ()>>) {}

    fn visit(&mut self, _: Kind, id: &oid, bytes: &[u8], (): &()) {
        assert!(self.found.insert(id.to_owned(), bytes.to_vec()).is_none());
    }
}

/// Counts, and keeps nothing.
struct Counter(u64);

impl ObjectVisitor for Counter {
    type Trace = ();

    fn trace(&mut self, _: Kind, _: &[u8], _: Option<Base<'_, ()>>) {}

    fn visit(&mut self, _: Kind, _: &oid, _: &[u8], (): &()) {
        self.0 += 1;
    }
}

/// A repository of a pack of these objects.
fn packed(dir: &tempfile::TempDir, objects: &[Made]) -> (Repository, Objects) {
    for folder in ["objects/pack", "refs"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
    write_pack(&dir.path().join("objects/pack"), objects);
    let repository = Repository::at(dir.path(), OpenOptions::default())
        .unwrap()
        .unwrap();
    let mut defects = Vec::new();
    let database = repository.objects(&mut defects);
    assert_eq!(defects, []);
    (repository, database)
}

/// Passes over a pack of these objects: what is given away, and what is told of the rest.
fn passed(objects: &[Made], threads: usize) -> (BTreeMap<ObjectId, Vec<u8>>, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let (repository, database) = packed(&dir, objects);
    let mut keepers: Vec<Keeper> = (0..threads).map(|_| Keeper::default()).collect();
    let everything = Selection {
        kinds: &[Kind::Blob],
        wanted: None,
    };
    let outcome = pass(&repository, &database, everything, &mut keepers);
    let mut found = BTreeMap::new();
    for keeper in keepers {
        found.extend(keeper.found);
    }
    // What the pass gives away, the database finds by its id.
    let mut decoder = Decoder::default();
    for (id, bytes) in found.iter().take(50) {
        let object = database.find(id, &mut decoder).unwrap().unwrap();
        assert_eq!(object.bytes, bytes);
    }
    (
        found,
        outcome
            .defects
            .into_iter()
            .map(|defect| defect.message)
            .collect(),
    )
}

/// A delta that puts `inserted` behind a copy of the first `kept` bytes of a base of `size`.
fn appended(size: usize, kept: usize, inserted: &[u8]) -> Vec<u8> {
    let mut delta = varint(size);
    delta.extend(varint(kept + inserted.len()));
    if kept > 0 {
        delta.extend(copy(0, kept));
    }
    for part in inserted.chunks(127) {
        delta.push(u8::try_from(part.len()).unwrap());
        delta.extend(part);
    }
    delta
}

#[test]
fn look_ups_are_answered_in_the_order_of_the_questions() {
    let dir = tempfile::tempdir().unwrap();
    let objects: Vec<Made> = (0..300).map(|_| Made::Whole(b"x".to_vec())).collect();
    let (_, database) = packed(&dir, &objects);
    let numbering = Numbering::new(&database).unwrap();
    // With the fan-out of the index and without.
    for is_prepared in [false, true] {
        if is_prepared {
            database.packs[0].index.fan_out();
        }
        for count in [0, 1, 63, 64, 65, 400] {
            let mut look_ups = LookUps::new(&numbering);
            let asked: Vec<ObjectId> = (0..count).map(|at| id_of(at * 7 % 310)).collect();
            for (number, id) in (0..).zip(&asked) {
                assert_eq!(look_ups.ask(id), number);
            }
            let (answers, missing) = look_ups.finish();
            let expected = asked.iter().map(|id| numbering.of(id));
            assert_eq!(answers, expected.collect::<Vec<_>>());
            let unanswered = (0..)
                .zip(asked)
                .filter(|(at, _)| answers[*at as usize].is_none());
            assert_eq!(missing, unanswered.collect());
            assert_eq!(missing.is_empty(), count < 2);
        }
    }
}

#[test]
fn a_chain_as_deep_as_git_makes_any_is_walked_without_recursion() {
    let mut objects = vec![Made::Whole(b"start".to_vec())];
    for number in 1..20_000 {
        objects.push(Made::Delta {
            base: number - 1,
            by_id: number % 3 == 0,
            delta: appended(5 + number - 1, 5 + number - 1, b"x"),
        });
    }
    let (found, told) = passed(&objects, 1);
    assert_eq!((found.len(), told.len()), (20_000, 0));
    assert_eq!(found[&id_of(19_999)].len(), 5 + 19_999);
}

#[test]
fn circles_and_bases_that_are_not_there_are_told_and_end() {
    let delta = |base, by_id| Made::Delta {
        base,
        by_id,
        delta: appended(1, 1, b"y"),
    };
    let objects = [
        Made::Whole(b"a".to_vec()),
        delta(2, true),
        delta(1, true),
        delta(3, true),
        delta(2, true),
        delta(99, true),
        delta(0, false),
        delta(0, true),
    ];
    let (found, told) = passed(&objects, 2);
    assert_eq!(
        found.keys().copied().collect::<Vec<_>>(),
        [0, 6, 7].map(id_of)
    );
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(
        told.iter().filter(|told| told.contains("circle")).count(),
        4
    );
    assert!(
        told.iter()
            .any(|told| told.contains("base is not in the pack"))
    );
}

#[test]
fn what_unfolds_without_end_is_given_up_and_told() {
    // Every object is its base twice over: two hundred of them would fill any memory.
    let mut objects = vec![Made::Whole(vec![b'x'; 1 << 16])];
    let mut size = 1 << 16;
    for number in 1..200_usize {
        let next = (2 * size).min(200 << 20);
        let mut delta = varint(size);
        delta.extend(varint(next));
        let mut left = next;
        while left > 0 {
            let part = left.min(size).min(0xFF_FFFF);
            delta.extend(copy(0, part));
            left -= part;
        }
        objects.push(Made::Delta {
            base: number - 1,
            by_id: false,
            delta,
        });
        size = next;
    }
    let dir = tempfile::tempdir().unwrap();
    for folder in ["objects/pack", "refs"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
    write_pack(&dir.path().join("objects/pack"), &objects);
    let repository = Repository::at(dir.path(), OpenOptions::default())
        .unwrap()
        .unwrap();
    let database = repository.objects(&mut Vec::new());
    let everything = Selection {
        kinds: &[Kind::Blob],
        wanted: None,
    };
    let mut counters = [Counter(0)];
    let outcome = pass(&repository, &database, everything, &mut counters);
    assert!(counters[0].0 < 100, "{}", counters[0].0);
    assert!(!outcome.defects.is_empty());
    let last = &outcome.defects.last().unwrap().message;
    assert!(
        last.contains("more objects") || last.contains("unfolds"),
        "{last}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn packs_of_any_shape_give_every_object_once(
        shape in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<bool>(), any::<bool>(), prop::collection::vec(any::<u8>(), 1..300), any::<prop::sample::Index>()),
            1..60,
        ),
        threads in 1_usize..4,
    ) {
        let mut contents: Vec<Vec<u8>> = Vec::new();
        let mut objects = Vec::new();
        for (base, by_id, whole, inserted, kept) in shape {
            if whole || contents.is_empty() {
                objects.push(Made::Whole(inserted.clone()));
                contents.push(inserted);
                continue;
            }
            let base = base.index(contents.len());
            let kept = kept.index(contents[base].len() + 1);
            let delta = appended(contents[base].len(), kept, &inserted);
            contents.push([&contents[base][..kept], &inserted].concat());
            objects.push(Made::Delta { base, by_id, delta });
        }
        let (found, told) = passed(&objects, threads);
        prop_assert_eq!(told, Vec::<String>::new());
        let expected: BTreeMap<ObjectId, Vec<u8>> =
            contents.into_iter().enumerate().map(|(at, bytes)| (id_of(at), bytes)).collect();
        prop_assert_eq!(found, expected);
    }
}
