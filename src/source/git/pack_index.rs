//! The index of a pack: a file of its own, or what a multi-pack index says of the pack.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{fs, mem};

use gix_hash::{Kind, ObjectId, oid};
use gix_pack::{index, multi_index};

use super::fan_out::FanOut;
use super::files::is_file;
use super::numbering::prefix;
use super::objects::MAX_OBJECT;

/// Which objects a pack has, and where.
pub(super) struct PackIndex {
    listing: Listing,
    /// See [`PackIndex::fan_out`].
    fan_out: OnceLock<FanOut>,
}

/// Where a [`PackIndex`] has it from.
pub(super) enum Listing {
    /// The file beside the pack.
    File(index::File),
    /// Made of a multi-pack index.
    Made(index::File<Vec<u8>>),
}

/// Calls a method of the index of either kind.
macro_rules! of_either {
    ($index:expr, $name:ident($($argument:expr),*)) => {
        match &$index.listing {
            Listing::File(index) => index.$name($($argument),*),
            Listing::Made(index) => index.$name($($argument),*),
        }
    };
}

impl PackIndex {
    pub(super) fn new(listing: Listing) -> Self {
        Self {
            listing,
            fan_out: OnceLock::new(),
        }
    }

    /// Reads all ids, so that each is found at once from now on. It takes less time than the headers of
    /// all objects do, and more than a few questions.
    pub(super) fn fan_out(&self) {
        self.fan_out.get_or_init(|| {
            let ids = (0..self.num_objects()).map(|at| prefix(self.oid_at_index(at)));
            // Four to eight ids lie in two or three cache lines.
            FanOut::new(ids, u64::MAX, 4)
        });
    }

    /// How many objects it lists.
    pub(super) fn num_objects(&self) -> u32 {
        of_either!(self, num_objects())
    }

    /// The id of an object by its number.
    pub(super) fn oid_at_index(&self, at: u32) -> &oid {
        of_either!(self, oid_at_index(at))
    }

    /// Where an object lies, by its number.
    pub(super) fn pack_offset_at_index(&self, at: u32) -> u64 {
        of_either!(self, pack_offset_at_index(at))
    }

    /// The number of an object, if it is listed.
    pub(super) fn lookup(&self, id: impl AsRef<oid>) -> Option<u32> {
        match self.fan_out.get() {
            Some(fan_out) => {
                let (id, wanted) = (id.as_ref(), prefix(id.as_ref()));
                fan_out.find(wanted, |at| {
                    let found = self.oid_at_index(at);
                    prefix(found).cmp(&wanted).then_with(|| found.cmp(id))
                })
            }
            None => of_either!(self, lookup(id)),
        }
    }

    /// Reads what [`PackIndex::lookup`] needs for each of `ids`, which lies anywhere: all at once it is waited for
    /// hardly longer than once.
    pub(super) fn read_ahead(&self, ids: &[ObjectId]) {
        let Some(fan_out) = self.fan_out.get() else {
            return;
        };
        let places = ids.iter().map(|id| fan_out.first(prefix(id)));
        let places: Vec<Option<u32>> = places.collect();
        let places = places.into_iter().flatten();
        let listed = places.filter(|at| *at < self.num_objects());
        let bytes = listed.map(|at| self.oid_at_index(at).first_byte());
        std::hint::black_box(bytes.fold(0, |read, byte| read ^ byte));
    }

    /// The checksum of the pack that it was made for.
    pub(super) fn pack_checksum(&self) -> ObjectId {
        of_either!(self, pack_checksum())
    }

    /// The checksum of itself.
    pub(super) fn checksum(&self) -> ObjectId {
        of_either!(self, index_checksum())
    }

    /// Whether the file is as it was written, by the checksum at its end.
    pub(super) fn is_intact(&self) -> bool {
        let path = of_either!(self, path());
        let found = checksum_that_holds(path, of_either!(self, object_hash()));
        match &self.listing {
            Listing::File(index) => found == Some(index.index_checksum()),
            Listing::Made(_) => found.is_some(),
        }
    }
}

/// The multi-pack index of a folder of packs.
pub(super) struct MultiIndex {
    file: multi_index::File,
    path: PathBuf,
}

impl MultiIndex {
    /// Opens that of `folder`, if there is one for objects of `format` that can be read.
    pub(super) fn open(folder: &Path, format: Kind) -> Option<Self> {
        let path = folder.join("multi-pack-index");
        if !is_file(&path) {
            return None;
        }
        let limit = usize::try_from(MAX_OBJECT).ok();
        let file = multi_index::File::at(&path, limit).ok()?;
        (file.object_hash() == format).then_some(Self { file, path })
    }

    /// The index of one of its packs, with `objects` objects and this checksum. None where it does not
    /// list all of them: an object of several packs is listed for one.
    pub(super) fn of_pack(
        &self,
        pack: &Path,
        objects: u32,
        checksum: ObjectId,
    ) -> Option<PackIndex> {
        let name = pack.with_extension("idx");
        let name = Path::new(name.file_name()?);
        let names = self.file.index_names();
        let number = names.iter().position(|listed| listed == name)?;
        let mut entries = Vec::new();
        for entry in self.file.iter() {
            let entry = entry.ok()?;
            if usize::try_from(entry.pack_index).ok()? == number {
                entries.push((entry.oid, entry.pack_offset));
            }
        }
        if entries.len() != objects as usize {
            return None;
        }
        let bytes = written(&entries, checksum, self.file.checksum())?;
        let made = index::File::from_data(bytes, self.path.clone(), self.file.object_hash());
        Some(PackIndex::new(Listing::Made(made.ok()?)))
    }
}

/// The bytes of an index of version 2. Its checksum is one of them and of `source`, that of what it is
/// made of, so that no other has it. None where it cannot be hashed.
fn written(entries: &[(ObjectId, u64)], pack: ObjectId, source: ObjectId) -> Option<Vec<u8>> {
    const LARGE: u32 = 1 << 31;
    let mut bytes = b"\xFFtOc\0\0\0\x02".to_vec();
    let mut counts = [0_u32; 256];
    for (id, _) in entries {
        counts[usize::from(id.first_byte())] += 1;
    }
    let mut below = 0;
    for count in counts {
        below += count;
        bytes.extend(below.to_be_bytes());
    }
    for (id, _) in entries {
        bytes.extend_from_slice(id.as_bytes());
    }
    // Checksums of what lies in the pack, which nobody asks for.
    bytes.resize(bytes.len() + mem::size_of::<u32>() * entries.len(), 0);
    let mut large: Vec<u64> = Vec::new();
    for (_, offset) in entries {
        let short = u32::try_from(*offset)
            .ok()
            .filter(|short| short & LARGE == 0);
        let short = short.unwrap_or_else(|| {
            large.push(*offset);
            LARGE | u32::try_from(large.len() - 1).unwrap_or_default()
        });
        bytes.extend(short.to_be_bytes());
    }
    for offset in large {
        bytes.extend(offset.to_be_bytes());
    }
    bytes.extend_from_slice(pack.as_bytes());
    let mut hasher = gix_hash::hasher(pack.kind());
    hasher.update(&bytes);
    hasher.update(source.as_bytes());
    bytes.extend_from_slice(hasher.try_finalize().ok()?.as_bytes());
    Some(bytes)
}

/// The last bytes of a file, if they are the hash of all before them.
pub(super) fn checksum_that_holds(path: &Path, format: Kind) -> Option<ObjectId> {
    let length = format.len_in_bytes();
    let hashed = || -> io::Result<Option<ObjectId>> {
        let file = fs::File::open(path)?;
        let body = file.metadata()?.len().saturating_sub(length as u64);
        let mut file = file.take(body);
        let mut hasher = gix_hash::hasher(format);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
        let mut end = Vec::with_capacity(length);
        file.into_inner().read_to_end(&mut end)?;
        let found = hasher.try_finalize().ok();
        Ok(found.filter(|found| found.as_bytes() == end))
    };
    hashed().ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_made_says_what_it_was_made_of() {
        let id = |byte: u8| ObjectId::try_from(&[byte; 20][..]).unwrap();
        let entries = [
            (id(1), 12),
            (id(7), u64::from(u32::MAX) + 9),
            (id(0xFE), 1 << 31),
            (id(0xFF), (1 << 31) - 1),
        ];
        let bytes = written(&entries, id(3), id(4)).unwrap();
        let made = index::File::from_data(bytes, PathBuf::new(), Kind::Sha1).unwrap();
        let made = PackIndex::new(Listing::Made(made));
        assert_eq!((made.num_objects(), made.pack_checksum()), (4, id(3)));
        for (at, (id, offset)) in (0..).zip(entries) {
            assert_eq!(made.oid_at_index(at), id);
            assert_eq!(made.lookup(id), Some(at));
            assert_eq!(made.pack_offset_at_index(at), offset);
        }
        assert_eq!(made.lookup(id(9)), None);
        made.fan_out();
        for at in 0..4 {
            assert_eq!(made.lookup(made.oid_at_index(at)), Some(at));
        }
        assert_eq!(made.lookup(id(9)), None);
        for (entries, source) in [(&entries[..3], id(4)), (&entries, id(5))] {
            let other = written(entries, id(3), source).unwrap();
            let other = index::File::from_data(other, PathBuf::new(), Kind::Sha1).unwrap();
            assert_ne!(other.index_checksum(), made.checksum());
        }
    }
}
