//! One pack and its index, opened and checked against each other.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;

use gix_hash::{Kind, ObjectId, oid};

use super::buffer::Buffer;
use super::delta::{Delta, DeltaError};
use super::entry::{Entry, Form};
use super::files::is_file;
use super::forest::Forest;
use super::objects::{Decoder, MAX_OBJECT, ObjectError};
use super::pack_index::{Listing, MultiIndex, PackIndex, checksum_that_holds};

/// A pack with its index.
pub(super) struct Pack {
    pub(super) data: gix_pack::data::File,
    pub(super) index: PackIndex,
    /// The `.pack` file.
    pub(super) path: PathBuf,
    /// Its deltas, read when they are first asked for.
    forest: OnceLock<Result<Forest, &'static str>>,
    /// Whether its index is as it was written.
    is_intact: OnceLock<bool>,
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pack")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The kind and bytes of an object are in the decoder's `object`.
pub(super) type Decoded = gix_object::Kind;

impl Pack {
    /// Opens the pack of the index at `index`.
    ///
    /// # Errors
    ///
    /// What is wrong with either, in words.
    pub(super) fn open(index: &Path, format: Kind) -> Result<Self, String> {
        let path = index.with_extension("pack");
        if !is_file(index) {
            return Err("its index is no regular file".into());
        }
        if !is_file(&path) {
            return Err("is an index without its pack".into());
        }
        let index = gix_pack::index::File::at(index, format)
            .map_err(|error| format!("its index is not valid: {error}"))?;
        Self::new(
            data(&path, format)?,
            path,
            PackIndex::new(Listing::File(index)),
        )
    }

    /// Opens the pack at `path`, which has no index of its own, by the one of several packs.
    ///
    /// # Errors
    ///
    /// What is wrong with either, in words.
    pub(super) fn open_by(
        path: &Path,
        index: Option<&MultiIndex>,
        format: Kind,
    ) -> Result<Self, String> {
        let index = index.ok_or("has no index, so that none of it is read")?;
        if !is_file(path) {
            return Err("is no regular file".into());
        }
        let data = data(path, format)?;
        let index = index
            .of_pack(path, data.num_objects(), data.checksum())
            .ok_or("has no index, and that of several packs does not list all of it")?;
        Self::new(data, path.to_owned(), index)
    }

    fn new(data: gix_pack::data::File, path: PathBuf, index: PackIndex) -> Result<Self, String> {
        if index.num_objects() != data.num_objects() {
            return Err("has another number of objects than its index".into());
        }
        if index.pack_checksum() != data.checksum() {
            return Err("is not the pack that its index was made for".into());
        }
        Ok(Self {
            data,
            index,
            path,
            forest: OnceLock::new(),
            is_intact: OnceLock::new(),
        })
    }

    /// The deltas of the pack (see [`Forest::new`]), and whether its index is as it was written. Both are read
    /// once, side by side, and the deltas on `threads` threads.
    pub(super) fn prepare(&self, threads: usize) -> (Result<&Forest, &'static str>, bool) {
        let (forest, is_intact) = thread::scope(|scope| {
            let is_intact = scope.spawn(|| {
                self.index.fan_out();
                self.index_is_intact()
            });
            let forest = self.forest.get_or_init(|| Forest::new(self, threads));
            (forest, is_intact.join().unwrap_or_default())
        });
        (forest.as_ref().map_err(|message| *message), is_intact)
    }

    /// Whether the index is as it was written, by the checksum at its end.
    pub(super) fn index_is_intact(&self) -> bool {
        *self.is_intact.get_or_init(|| self.index.is_intact())
    }

    /// Whether the pack is as it was written, by the checksum at its end. All of it is read.
    pub(super) fn is_intact(&self) -> bool {
        let format = self.data.object_hash();
        checksum_that_holds(&self.path, format) == Some(self.data.checksum())
    }

    /// Whether the index lists an object.
    pub(super) fn contains(&self, id: &oid) -> bool {
        self.index.lookup(id).is_some()
    }

    /// Adds the ids of the objects that begin with `digits`, in lower case, to `ids`.
    pub(super) fn with_prefix(&self, digits: &str, ids: &mut Vec<ObjectId>) {
        let id = |at| self.index.oid_at_index(at);
        let begins_before = |at| id(at).to_hex().to_string().as_str() < digits;
        let (mut low, mut high) = (0, self.index.num_objects());
        while low < high {
            let middle = low + (high - low) / 2;
            if begins_before(middle) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let matching = (low..self.index.num_objects())
            .map(id)
            .take_while(|id| id.to_hex().to_string().starts_with(digits));
        ids.extend(matching.map(ToOwned::to_owned));
    }

    /// Decodes an object into `decoder.object`, `None` where the index does not list it.
    pub(super) fn find(
        &self,
        id: &oid,
        decoder: &mut Decoder,
    ) -> Result<Option<Decoded>, ObjectError> {
        match self.index.lookup(id) {
            Some(number) => self
                .decode(self.index.pack_offset_at_index(number), decoder)
                .map(Some),
            None => Ok(None),
        }
    }

    /// Decodes the object at `offset`, whose deltas are followed down to a whole object and applied on
    /// the way back, so that no more than a base, a delta and a result are held at a time.
    fn decode(&self, offset: u64, decoder: &mut Decoder) -> Result<Decoded, ObjectError> {
        let mut chain = Vec::new();
        let mut entry = self.entry(offset)?;
        let kind = loop {
            let base = match entry.form {
                Form::OffsetDelta(base) => {
                    base.ok_or(ObjectError::Corrupt("its base lies before the pack"))?
                }
                Form::IdDelta(base) => self
                    .offset_of(base)
                    .ok_or(ObjectError::Corrupt("its base is not in the pack"))?,
                Form::Whole(kind) => break kind,
            };
            // A chain that is longer than the pack has objects goes round in a circle.
            if chain.len() as u64 > u64::from(self.data.num_objects()) {
                return Err(ObjectError::Corrupt("its deltas go round in a circle"));
            }
            chain.push(entry);
            entry = self.entry(base)?;
        };
        self.inflate(&entry, &mut decoder.inflate, &mut decoder.object)?;
        while let Some(entry) = chain.pop() {
            self.inflate(&entry, &mut decoder.inflate, &mut decoder.inflated)?;
            let delta = Delta::read(&decoder.inflated)?;
            check_size(delta.result_size())?;
            delta.apply(&decoder.object, &mut decoder.result, &mut Vec::new())?;
            std::mem::swap(&mut decoder.object, &mut decoder.result);
        }
        Ok(kind)
    }

    /// Where the object of an id begins, if the index lists it.
    pub(super) fn offset_of(&self, id: &oid) -> Option<u64> {
        Some(self.index.pack_offset_at_index(self.index.lookup(id)?))
    }

    /// The header at `offset`.
    pub(super) fn entry(&self, offset: u64) -> Result<Entry<'_>, ObjectError> {
        if offset >= self.data.pack_end() as u64 {
            return Err(ObjectError::Corrupt("it lies beyond the end of the pack"));
        }
        Entry::read(self.bytes_from(offset), offset, self.data.object_hash())
            .ok_or(ObjectError::Corrupt("its header is not valid"))
    }

    /// Inflates what stands behind a header into `bytes`, in place of what they hold, and gives the
    /// number of bytes that the pack has of it.
    pub(super) fn inflate(
        &self,
        entry: &Entry<'_>,
        inflate: &mut gix_zlib::Inflate,
        bytes: &mut Buffer,
    ) -> Result<u64, ObjectError> {
        let expected = check_size(entry.size)?;
        inflate.reset();
        let bytes = bytes.renew(expected, ROOM);
        match inflate.once(self.bytes_from(entry.data), bytes) {
            Ok((gix_zlib::Status::StreamEnd, packed, size)) if size == expected => {
                Ok(packed as u64)
            }
            _ => Err(ObjectError::Corrupt("it does not inflate")),
        }
    }

    /// Reads a byte at each of `offsets`, which lie anywhere: all at once they are waited for hardly longer than
    /// one is.
    pub(super) fn read_ahead(&self, offsets: impl Iterator<Item = u64>) {
        let first = |offset| self.bytes_from(offset).first().copied();
        let bytes = offsets.filter_map(first);
        std::hint::black_box(bytes.fold(0, |read, byte| read ^ byte));
    }

    /// All bytes of the pack from an offset on.
    fn bytes_from(&self, offset: u64) -> &[u8] {
        let end = self.data.data_len() as u64;
        self.data.entry_slice(offset..end).unwrap_or_default()
    }
}

fn data(path: &Path, format: Kind) -> Result<gix_pack::data::File, String> {
    let limit = usize::try_from(MAX_OBJECT).ok();
    gix_pack::data::File::at(path, format)
        .map(|file| file.with_alloc_limit_bytes(limit))
        .map_err(|error| format!("is not valid: {error}"))
}

/// The bytes that are free behind an object while it is inflated. Near the end of its buffer an inflater has
/// to look at every byte that it copies, and most deltas are no longer than that: a match of 258 bytes,
/// two literals before it, and what is written beyond it in whole words.
const ROOM: usize = 320;

/// A size that an object may have.
pub(super) fn check_size(size: u64) -> Result<usize, ObjectError> {
    usize::try_from(size)
        .ok()
        .filter(|_| size <= MAX_OBJECT)
        .ok_or(ObjectError::TooBig { size })
}

impl From<DeltaError> for ObjectError {
    fn from(error: DeltaError) -> Self {
        Self::Corrupt(match error {
            DeltaError::Truncated => "its delta is cut off",
            DeltaError::Invalid => "its delta is not valid",
            DeltaError::Size => "its delta does not fit its base",
        })
    }
}
