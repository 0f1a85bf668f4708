//! What a repository is made of, told without reading an object: which packs, which loose objects,
//! where refs and indexes point. Two repositories of one state have the same history.

use std::collections::BTreeMap;
use std::fs;

use gix_hash::ObjectId;

use super::History;
use super::entry::Form;
use super::loose;
use super::pack::Pack;
use super::pass::loose_ids;
use crate::model::Digest;

/// A pack that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPack {
    /// Its place among the packs.
    pub(super) number: usize,
    /// See [`History::pack_keys`].
    pub key: String,
    /// The bytes of all its objects.
    pub bytes: u64,
    /// Whether its commits and tags name nothing that it lacks.
    pub closed: bool,
}

/// What is known of a pack that need not be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownPack {
    /// See [`ReadPack::bytes`].
    pub bytes: u64,
    /// See [`ReadPack::closed`].
    pub closed: bool,
}

/// What of a repository need not be read. The packs that are known are its first ones.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How many packs are known and closed.
    pub(super) closed: usize,
    /// How many are known.
    pub(super) packs: usize,
    /// Objects of them, each counted once, and their bytes.
    pub(super) objects: u64,
    pub(super) bytes: u64,
    /// Loose objects with their sizes.
    pub(super) loose: BTreeMap<ObjectId, u64>,
    /// Whether what is read now is to be remembered.
    pub(super) remembers: bool,
}

impl History {
    /// A name for each pack, which no other pack has: the checksums at the ends of it and of its index,
    /// and its length.
    ///
    /// They are what the files say of themselves. [`History::is_genuine`] looks whether it is true.
    pub fn pack_keys(&self) -> Vec<String> {
        self.objects.packs.iter().map(key).collect()
    }

    /// Whether a pack and its index have the contents that the checksums at their ends are of. All of
    /// both is read.
    pub fn is_genuine(&self, pack_key: &str) -> bool {
        let mut packs = self.objects.packs.iter();
        packs
            .find(|pack| key(pack) == pack_key)
            .is_some_and(|pack| pack.index_is_intact() && pack.is_intact())
    }

    /// A digest of everything that the history of the repository depends on: its packs, its loose
    /// objects by id and length of the file, refs, indexes, and where a clone was cut off.
    pub fn state(&self) -> Digest {
        let mut all = Vec::new();
        let mut add = |bytes: &[u8]| {
            all.extend((bytes.len() as u64).to_be_bytes());
            all.extend(bytes);
        };
        for pack in &self.objects.packs {
            add(key(pack).as_bytes());
        }
        for (id, length) in self.loose() {
            add(id.as_bytes());
            add(&length.to_be_bytes());
        }
        add(b"refs");
        add(format!("{:?} {}", self.refs.head, self.refs.complete).as_bytes());
        for id in &self.refs.other_heads {
            add(id.as_bytes());
        }
        for (name, id) in &self.refs.by_name {
            add(name.as_bytes());
            add(id.as_bytes());
        }
        for cut in self.shallow() {
            add(cut.as_bytes());
        }
        for index in &self.indexes {
            add(b"index");
            for (path, node) in index.entries() {
                add(path);
                add(format!("{node:?}").as_bytes());
            }
        }
        Digest::of(&all)
    }

    /// All loose objects that no pack has, with the lengths of their files.
    pub fn loose(&self) -> Vec<(ObjectId, u64)> {
        let mut all = Vec::new();
        for folder in &self.objects.folders {
            for id in loose_ids(folder, &self.objects).unwrap_or_default() {
                let length = fs::metadata(loose::path(folder, &id)).map(|file| file.len());
                all.push((id, length.unwrap_or(u64::MAX)));
            }
        }
        all
    }

    /// Leaves `packs`, by their keys, and `loose` objects, with their sizes, out of the next search.
    /// They are counted all the same. Gives back the keys of those packs that are left out.
    pub fn leave_out(
        &mut self,
        packs: &BTreeMap<String, KnownPack>,
        loose: BTreeMap<ObjectId, u64>,
    ) -> Vec<String> {
        // Those that are known come first, so that what they have is not given away by others.
        let mut all: Vec<(Option<KnownPack>, Pack)> = std::mem::take(&mut self.objects.packs)
            .into_iter()
            .map(|pack| (packs.get(&key(&pack)).copied(), pack))
            .collect();
        all.sort_by_key(|(known, _)| known.map_or(2, |known| u8::from(!known.closed)));
        let known: Vec<KnownPack> = all.iter().filter_map(|(known, _)| *known).collect();
        self.objects.packs = all.into_iter().map(|(_, pack)| pack).collect();
        self.known = Known {
            closed: known.iter().filter(|pack| pack.closed).count(),
            packs: known.len(),
            loose,
            remembers: true,
            ..Known::default()
        };
        for (number, pack) in known.iter().enumerate() {
            // What cannot be counted without being read is read, with those behind it.
            let Some((objects, bytes)) = self.distinct(number, pack.bytes) else {
                self.known.packs = number;
                self.known.closed = self.known.closed.min(number);
                break;
            };
            self.known.objects += objects;
            self.known.bytes += bytes;
        }
        self.objects.packs[..self.known.packs]
            .iter()
            .map(key)
            .collect()
    }

    /// The packs that the last search read whole, if it was to remember them.
    pub fn read_packs(&self) -> &[ReadPack] {
        &self.read_packs
    }

    /// Loose blobs and trees that the last search read and that are what their ids say, with their
    /// sizes, and those that were known.
    pub fn read_loose(&self) -> &BTreeMap<ObjectId, u64> {
        &self.known.loose
    }

    /// Whether a pack that was read has an object.
    pub fn pack_has(&self, pack: &ReadPack, id: &ObjectId) -> bool {
        self.objects.packs[pack.number].contains(id)
    }

    /// How many objects of a pack none before it has, and their bytes; `bytes` are those of all.
    fn distinct(&self, number: usize, bytes: u64) -> Option<(u64, u64)> {
        let pack = &self.objects.packs[number];
        let earlier = &self.objects.packs[..number];
        let all = pack.index.num_objects();
        let (mut objects, mut bytes) = (u64::from(all), bytes);
        if earlier.is_empty() {
            return Some((objects, bytes));
        }
        let mut inflate = gix_zlib::Inflate::default();
        for at in 0..all {
            let id = pack.index.oid_at_index(at);
            if earlier.iter().any(|pack| pack.contains(id)) {
                objects -= 1;
                bytes = bytes.checked_sub(size(pack, at, &mut inflate)?)?;
            }
        }
        Some((objects, bytes))
    }
}

pub(super) fn key(pack: &Pack) -> String {
    let (checksum, index) = (pack.data.checksum(), pack.index.checksum());
    format!("{checksum}-{index}-{}", pack.data.pack_end())
}

/// The size of an object, of which no more than the first bytes are inflated.
fn size(pack: &Pack, at: u32, inflate: &mut gix_zlib::Inflate) -> Option<u64> {
    /// Two numbers of seven bits a byte.
    const HEAD: usize = 20;
    /// Deflate makes them no longer than this, with the description of its codes.
    const PACKED: u64 = 1024;
    let entry = pack.entry(pack.index.pack_offset_at_index(at)).ok()?;
    if matches!(entry.form, Form::Whole(_)) {
        return Some(entry.size);
    }
    let end = (entry.data + PACKED).min(pack.data.pack_end() as u64);
    let packed = pack.data.entry_slice(entry.data..end)?;
    let mut head = [0; HEAD];
    inflate.reset();
    let (_, _, written) = inflate.prefix(packed, &mut head).ok()?;
    let mut numbers = head[..written].iter();
    let mut number = || {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = *numbers.next()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    };
    number()?;
    number()
}
