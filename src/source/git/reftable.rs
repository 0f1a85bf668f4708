//! Refs in tables: the files below `reftable/`, by the description of the format that comes with Git
//! (`Documentation/technical/reftable`).
//!
//! A stack of tables is read from the newest to the oldest, each from its first block to the last one
//! with refs. What helps to find a single ref (indexes, restarts, objects) and the reflog are passed
//! over. Where a table is damaged neither it nor what it was laid upon counts, because it may say
//! otherwise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gix_hash::{Kind, ObjectId};
use gix_ref::{FullName, Target};

use super::files::{MAX_TEXT, read};

/// The file that names the tables of a stack, the oldest first.
const LIST: &str = "tables.list";

/// The most tables of a stack. Git joins them before there are fifty.
const MAX_TABLES: usize = 10_000;

/// How often the list is read again because a table of it was joined with others meanwhile.
const TRIES: usize = 3;

/// What the tables of a folder say.
#[derive(Debug, Default)]
pub(super) struct Stack {
    /// What each ref points at; `HEAD` and its like are among them.
    pub(super) targets: BTreeMap<String, Target>,
    /// The file that could not be read, and why. What it hides is not among the targets.
    pub(super) defect: Option<(PathBuf, String)>,
}

/// Reads the tables in `dir`.
pub(super) fn stack(dir: &Path, format: Kind) -> Stack {
    for _ in 1..TRIES {
        if let Some(stack) = read_stack(dir, format, false) {
            return stack;
        }
    }
    read_stack(dir, format, true).unwrap_or_default()
}

/// The same once; `None` where a table is gone, unless this is the last try.
fn read_stack(dir: &Path, format: Kind, is_last_try: bool) -> Option<Stack> {
    let list = dir.join(LIST);
    let failed = |path: &Path, message: String| Stack {
        defect: Some((path.to_owned(), message)),
        ..Stack::default()
    };
    let bytes = match read(&list, MAX_TEXT) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Some(failed(&list, "is missing".into())),
        Err(error) => return Some(failed(&list, format!("not read: {error}"))),
    };
    let lines = bytes.split(|byte| *byte == b'\n');
    let names: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    if names.len() > MAX_TABLES {
        let message = format!("names more than {MAX_TABLES} tables");
        return Some(failed(&list, message));
    }
    let mut known: BTreeMap<String, Option<Target>> = BTreeMap::new();
    let mut room = MAX_TEXT;
    let mut defect = None;
    for name in names.into_iter().rev() {
        let Some(path) = file_name(name).map(|name| dir.join(name)) else {
            defect = Some((list, "names a table outside of its folder".to_owned()));
            break;
        };
        let read = match read(&path, room) {
            Ok(Some(bytes)) => {
                room -= bytes.len() as u64;
                Table::read(&bytes, format, &mut room).map_err(str::to_owned)
            }
            Ok(None) if is_last_try => Err("is missing".into()),
            Ok(None) => return None,
            Err(error) => Err(format!("not read: {error}")),
        };
        match read {
            Ok(table) => {
                for (name, target) in table.records {
                    known.entry(name).or_insert(target);
                }
                if table.strange > 0 {
                    let message = format!("has names that no ref may have: {}", table.strange);
                    defect.get_or_insert((path, message));
                }
            }
            Err(message) => {
                defect = Some((path, message));
                break;
            }
        }
    }
    let targets = known.into_iter();
    Some(Stack {
        targets: targets
            .filter_map(|(name, target)| Some((name, target?)))
            .collect(),
        defect,
    })
}

/// A line of the list, if it is the name of a file and no more.
fn file_name(line: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(line).ok()?;
    let is_plain = !name.contains(['/', '\\', ':', '\0']) && !name.starts_with('.');
    is_plain.then_some(name)
}

/// The refs of one table.
#[derive(Debug, Default)]
struct Table {
    /// In the order of their names; none is what was removed.
    records: Vec<(String, Option<Target>)>,
    /// How many had a name that no ref may have.
    strange: u64,
}

/// What is wrong with a table.
pub(in crate::source) type Wrong = &'static str;

pub(in crate::source) const CUT_OFF: Wrong = "is cut off";
const NO_NAME: Wrong = "has a name that goes on from none";
const TOO_LONG: Wrong = "has more and longer names than are read";

/// Where the blocks with refs begin and how far they can reach.
struct Frame {
    start: usize,
    end: usize,
    /// Whether there is an index of these blocks, which may have several levels.
    has_index: bool,
    /// Whether nothing but a reflog can be there.
    may_be_log: bool,
}

impl Table {
    /// Reads the bytes of a table. `room` is how many bytes of names may still be kept: they are
    /// written shorter than they are.
    fn read(bytes: &[u8], format: Kind, room: &mut u64) -> Result<Self, Wrong> {
        let frame = Frame::read(bytes, format)?;
        let bytes = &bytes[..frame.end];
        let mut table = Self::default();
        let mut last = Vec::new();
        let mut at = frame.start;
        while let Some(kind) = bytes.get(at) {
            let is_first = at == frame.start;
            match kind {
                b'r' => {}
                // Blocks may be padded.
                0 if !is_first => {
                    at += 1;
                    continue;
                }
                b'i' if !is_first && frame.has_index => break,
                b'g' if is_first && frame.may_be_log => break,
                _ => return Err("has a block that cannot stand where it does"),
            }
            // The first block counts from the start of the file.
            let start = if is_first { 0 } else { at };
            let length = bytes.get(at + 1..at + 4).map(number).ok_or(CUT_OFF)?;
            let length = usize::try_from(length).map_err(|_| CUT_OFF)?;
            let end = start + length;
            let body = bytes.get(at + 4..end).ok_or(CUT_OFF)?;
            table.add_block(body, format, &mut last, room)?;
            at = end;
        }
        Ok(table)
    }

    /// Adds the records of a block, without its first four bytes.
    fn add_block(
        &mut self,
        body: &[u8],
        format: Kind,
        last: &mut Vec<u8>,
        room: &mut u64,
    ) -> Result<(), Wrong> {
        let (rest, restarts) = body.split_last_chunk::<2>().ok_or(CUT_OFF)?;
        let restarts = usize::from(u16::from_be_bytes(*restarts)) * 3;
        let records = rest.len().checked_sub(restarts).ok_or(CUT_OFF)?;
        let mut rest = Rest(&rest[..records]);
        let mut is_first = true;
        while !rest.0.is_empty() {
            let shared = rest.length()?;
            let word = rest.varint()?;
            let suffix = rest.take(usize::try_from(word >> 3).map_err(|_| CUT_OFF)?)?;
            rest.varint()?;
            if shared > 0 && is_first {
                return Err(NO_NAME);
            }
            is_first = false;
            let shared = last.get(..shared).ok_or(NO_NAME)?;
            let length = (shared.len() + suffix.len()) as u64;
            *room = room.checked_sub(length).ok_or(TOO_LONG)?;
            let name = [shared, suffix].concat();
            if name <= *last {
                return Err("has names that are out of order");
            }
            last.clone_from(&name);
            let target = match word & 7 {
                0 => None,
                1 => Some(Target::Object(rest.id(format)?)),
                2 => {
                    let id = rest.id(format)?;
                    rest.id(format)?;
                    Some(Target::Object(id))
                }
                3 => {
                    let length = rest.length()?;
                    let target = rest.take(length)?;
                    let target = full_name(target).ok_or("has a ref that leads to no ref")?;
                    Some(Target::Symbolic(target))
                }
                _ => return Err("has a ref of an unknown kind"),
            };
            match full_name(&name) {
                Some(name) => self.records.push((name.as_bstr().to_string(), target)),
                None => self.strange += 1,
            }
        }
        Ok(())
    }
}

impl Frame {
    /// Reads the header and the footer, which repeats it.
    fn read(bytes: &[u8], format: Kind) -> Result<Self, Wrong> {
        let no_table = "is no table of refs";
        let (start, id) = match bytes.strip_prefix(b"REFT").and_then(|rest| rest.first()) {
            None => return Err(no_table),
            Some(1) => (24, &b"sha1"[..]),
            Some(2) => (28, bytes.get(24..28).ok_or(CUT_OFF)?),
            Some(_) => return Err("is a table of an unknown version"),
        };
        let expected: &[u8] = match format {
            Kind::Sha256 => b"s256",
            _ => b"sha1",
        };
        if id != expected {
            return Err("is a table of another object format");
        }
        let footer_length = start + 5 * 8 + 4;
        let footer_start = bytes.len().checked_sub(footer_length).ok_or(CUT_OFF)?;
        let (footer, checksum) = bytes[footer_start..]
            .split_last_chunk::<4>()
            .ok_or(CUT_OFF)?;
        if footer_start < start
            || footer[..start] != bytes[..start]
            || crc32fast::hash(footer) != u32::from_be_bytes(*checksum)
        {
            return Err("is cut off or damaged at its end");
        }
        let mut fields = footer[start..].chunks(8).map(number);
        let mut field = || fields.next().unwrap_or_default();
        let (ref_index, objects, object_index, log, log_index) =
            (field(), field() >> 5, field(), field(), field());
        let sections = [ref_index, objects, object_index, log, log_index];
        let first = sections.into_iter().filter(|position| *position > 0).min();
        let end = match first {
            None => footer_start,
            Some(first) => usize::try_from(first)
                .ok()
                .filter(|first| (start..=footer_start).contains(first))
                .ok_or("has a footer that leads out of it")?,
        };
        Ok(Self {
            start,
            end,
            has_index: ref_index > 0,
            may_be_log: [ref_index, objects, object_index, log] == [0; 4],
        })
    }
}

/// What is left of a block.
pub(in crate::source) struct Rest<'b>(pub(in crate::source) &'b [u8]);

impl<'b> Rest<'b> {
    pub(in crate::source) fn take(&mut self, length: usize) -> Result<&'b [u8], Wrong> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number as offsets of deltas are written in packs.
    pub(in crate::source) fn varint(&mut self) -> Result<u64, Wrong> {
        let mut byte = self.take(1)?[0];
        let mut value = u64::from(byte & 0x7F);
        while byte & 0x80 != 0 {
            byte = self.take(1)?[0];
            value = value
                .checked_add(1)
                .and_then(|value| value.checked_mul(0x80))
                .ok_or("has a number that is too large")?
                | u64::from(byte & 0x7F);
        }
        Ok(value)
    }

    pub(in crate::source) fn length(&mut self) -> Result<usize, Wrong> {
        usize::try_from(self.varint()?).map_err(|_| CUT_OFF)
    }

    fn id(&mut self, format: Kind) -> Result<ObjectId, Wrong> {
        ObjectId::try_from(self.take(format.len_in_bytes())?).map_err(|_| CUT_OFF)
    }
}

fn full_name(name: &[u8]) -> Option<FullName> {
    let name = std::str::from_utf8(name).ok()?;
    FullName::try_from(name).ok()
}

/// Up to eight bytes as a number, the most significant first.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const SHA1: Kind = Kind::Sha1;

    /// A record: its shared length, the rest of its name, its kind, its value.
    fn record(shared: u8, suffix: &str, kind: u8, value: &[u8]) -> Vec<u8> {
        let word = u8::try_from(suffix.len()).unwrap() << 3 | kind;
        let mut bytes = vec![shared];
        if word & 0x80 == 0 && suffix.len() < 16 {
            bytes.push(word);
        } else {
            let word = suffix.len() << 3 | usize::from(kind);
            bytes.push(u8::try_from((word >> 7) - 1).unwrap() | 0x80);
            bytes.push(u8::try_from(word & 0x7F).unwrap());
        }
        bytes.extend_from_slice(suffix.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes
    }

    fn id(digit: u8) -> [u8; 20] {
        [digit; 20]
    }

    /// A table of blocks, each a kind and records.
    fn table(blocks: &[(u8, Vec<Vec<u8>>)]) -> Vec<u8> {
        let mut bytes = b"REFT\x01\x00\x00\x00".to_vec();
        bytes.extend([0; 16]);
        let header = bytes.clone();
        for (kind, records) in blocks {
            let start = if bytes.len() == header.len() {
                0
            } else {
                bytes.len()
            };
            let at = bytes.len();
            bytes.extend([*kind, 0, 0, 0]);
            bytes.extend(records.concat());
            bytes.extend([0, 0, 28, 0, 1]);
            let length = u32::try_from(bytes.len() - start).unwrap().to_be_bytes();
            bytes[at + 1..at + 4].copy_from_slice(&length[1..]);
            // Some padding.
            bytes.extend([0; 9]);
        }
        with_footer(bytes, &header, [0; 5])
    }

    fn with_footer(mut bytes: Vec<u8>, header: &[u8], sections: [u64; 5]) -> Vec<u8> {
        let mut footer = header.to_vec();
        footer.extend(sections.map(u64::to_be_bytes).concat());
        let checksum = crc32fast::hash(&footer);
        bytes.extend(footer);
        bytes.extend(checksum.to_be_bytes());
        bytes
    }

    fn sample() -> Vec<u8> {
        let symbolic = [&[15][..], b"refs/heads/main"].concat();
        let tag = [id(3), id(4)].concat();
        table(&[
            (
                b'r',
                vec![
                    record(0, "HEAD", 3, &symbolic),
                    record(0, "refs/heads/main", 1, &id(1)),
                    record(11, "side", 1, &id(2)),
                ],
            ),
            (
                b'r',
                vec![record(0, "refs/tags/v1", 2, &tag), record(11, "2", 0, &[])],
            ),
        ])
    }

    fn read_table(bytes: &[u8]) -> Result<Table, Wrong> {
        Table::read(bytes, SHA1, &mut 1000)
    }

    /// Names and where they lead, `-` for what was removed.
    fn shown(table: &Table) -> Vec<String> {
        let records = table.records.iter();
        let shown = records.map(|(name, target)| match target {
            None => format!("{name} -"),
            Some(Target::Object(id)) => format!("{name} {}", &id.to_hex().to_string()[..2]),
            Some(Target::Symbolic(next)) => format!("{name} {}", next.as_bstr()),
        });
        shown.collect()
    }

    #[test]
    fn records_of_every_kind_are_read_through_all_blocks() {
        let found = read_table(&sample()).unwrap();
        assert_eq!(
            shown(&found),
            [
                "HEAD refs/heads/main",
                "refs/heads/main 01",
                "refs/heads/side 02",
                "refs/tags/v1 03",
                "refs/tags/v2 -",
            ]
        );
        assert_eq!(found.strange, 0);
        assert!(shown(&read_table(&table(&[])).unwrap()).is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said() {
        let wrong = |bytes: &[u8]| read_table(bytes).unwrap_err();
        let of = |records: Vec<Vec<u8>>| wrong(&table(&[(b'r', records)]));
        let name = |name: &str| record(0, name, 1, &id(1));
        assert_eq!(wrong(b""), "is no table of refs");
        assert_eq!(wrong(b"REFT\x03"), "is a table of an unknown version");
        assert_eq!(
            of(vec![name("b"), name("a")]),
            "has names that are out of order"
        );
        assert_eq!(
            of(vec![name("a"), name("a")]),
            "has names that are out of order"
        );
        let goes_on = "has a name that goes on from none";
        assert_eq!(of(vec![record(1, "a", 1, &id(1))]), goes_on);
        assert_eq!(of(vec![name("a"), record(9, "a", 1, &id(1))]), goes_on);
        assert_eq!(
            of(vec![record(0, "a", 5, &[])]),
            "has a ref of an unknown kind"
        );
        assert_eq!(of(vec![record(0, "a", 1, &[0; 19])]), CUT_OFF);
        assert_eq!(of(vec![record(0, "a", 3, &[100])]), CUT_OFF);
        let nowhere = record(0, "a", 3, &[&[2][..], b".."].concat());
        assert_eq!(of(vec![nowhere]), "has a ref that leads to no ref");
        // A number that has more bits than any other.
        assert_eq!(of(vec![vec![0xFF; 20]]), "has a number that is too large");
        let huge = [&[0][..], &[0xFE; 8], &[0x7F]].concat();
        assert_eq!(of(vec![huge]), CUT_OFF);
        let out_of_place = "has a block that cannot stand where it does";
        assert_eq!(wrong(&table(&[(b'x', vec![])])), out_of_place);
        assert_eq!(
            wrong(&table(&[(b'r', vec![]), (b'g', vec![])])),
            out_of_place
        );
        assert_eq!(
            wrong(&table(&[(b'r', vec![]), (b'i', vec![])])),
            out_of_place
        );
        let bytes = sample();
        let leads_out = with_footer(bytes[..24].to_vec(), &bytes[..24], [u64::MAX, 0, 0, 0, 0]);
        assert_eq!(wrong(&leads_out), "has a footer that leads out of it");
        assert_eq!(
            Table::read(&bytes, Kind::Sha256, &mut 1000).unwrap_err(),
            "is a table of another object format"
        );
        assert_eq!(Table::read(&bytes, SHA1, &mut 20).unwrap_err(), TOO_LONG);
    }

    #[test]
    fn a_log_alone_has_no_refs() {
        assert!(shown(&read_table(&table(&[(b'g', vec![])])).unwrap()).is_empty());
    }

    #[test]
    fn a_name_that_no_ref_may_have_is_counted_and_the_others_are_read() {
        let records = vec![
            record(0, "refs/heads/a..b", 1, &id(1)),
            record(0, "refs/heads/b", 1, &id(2)),
        ];
        let found = read_table(&table(&[(b'r', records)])).unwrap();
        assert_eq!(
            (shown(&found), found.strange),
            (vec!["refs/heads/b 02".into()], 1)
        );
    }

    #[test]
    fn no_table_that_is_cut_off_is_taken_for_a_whole_one() {
        let bytes = sample();
        for end in 0..bytes.len() {
            assert!(read_table(&bytes[..end]).is_err(), "{end}");
        }
    }

    fn stack_of(tables: &[(&str, Vec<u8>)], list: &str) -> Stack {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in tables {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        fs::write(dir.path().join(LIST), list).unwrap();
        stack(dir.path(), SHA1)
    }

    fn names(stack: &Stack) -> Vec<&str> {
        stack.targets.keys().map(String::as_str).collect()
    }

    #[test]
    fn newer_tables_win_and_take_away() {
        let newer = table(&[(
            b'r',
            vec![
                record(0, "refs/heads/main", 1, &id(9)),
                record(11, "side", 0, &[]),
            ],
        )]);
        let tables = [("1.ref", sample()), ("2.ref", newer.clone())];
        let found = stack_of(&tables, "1.ref\n2.ref\n");
        assert_eq!(names(&found), ["HEAD", "refs/heads/main", "refs/tags/v1"]);
        let nine = ObjectId::try_from(&id(9)[..]).unwrap();
        assert_eq!(found.targets["refs/heads/main"], Target::Object(nine));
        assert!(found.defect.is_none());

        // What lies below a damaged table may be of yesterday, what lies above it is not.
        let reason = |stack: Stack| stack.defect.unwrap().1;
        let damaged = [("1.ref", sample()), ("2.ref", newer[..50].to_vec())];
        let found = stack_of(&damaged, "1.ref\n2.ref\n");
        assert_eq!(names(&found), [""; 0]);
        assert_eq!(reason(found), CUT_OFF);
        let found = stack_of(
            &[("1.ref", Vec::new()), tables[1].clone()],
            "1.ref\n2.ref\n",
        );
        assert_eq!(names(&found), ["refs/heads/main"]);
        assert_eq!(reason(found), "is no table of refs");
        assert_eq!(reason(stack_of(&tables, "1.ref\n3.ref\n")), "is missing");
        assert_eq!(
            reason(stack_of(&tables, "../1.ref\n")),
            "names a table outside of its folder"
        );
        assert!(reason(stack_of(&[], &"x\n".repeat(10_001))).contains("more than"));
        let nothing = stack(Path::new("no/such/folder"), SHA1);
        assert_eq!(reason(nothing), "is missing");
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_panic(
            at in 0..200_usize,
            byte: u8,
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            // Damage anywhere, and blocks of any bytes between a header and a footer that fit.
            let mut bytes = sample();
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read_table(&bytes);
            let header = &sample()[..24];
            let _ = read_table(&with_footer([header, &body].concat(), header, [0; 5]));
            let mut block = header.to_vec();
            block.extend([b'r', 0, 0, u8::try_from(28 + body.len()).unwrap_or(255)]);
            block.extend(&body);
            let _ = read_table(&with_footer(block, header, [0; 5]));
        }
    }
}
