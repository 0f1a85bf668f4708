//! Objects with nothing in them that several repositories have, so that they are read once.
//!
//! Forks and mirrors hold the same objects in packs of their own. What is told apart by id here is what
//! Git wrote: a pack is read in part only where it and its index are what the checksums at their ends
//! are of, so that damage is met as if all of it were read. That the ids in an index are those of the
//! contents is believed, as by Git itself, which works them out when a pack arrives and never again:
//! to hash what is unpacked takes longer than to search it. Who hands in a folder made to lie would
//! hide objects of others, so that nothing is shared where repositories are not trusted.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gix_hash::{Kind as Format, ObjectId, oid};

use super::numbering::Prefix;
use super::{OpenOptions, Repository};

/// Parts that are locked apart, for each hash.
const PARTS: usize = 64;

/// The most objects of a part: with 25 bytes an object all of them have at most 52 MiB.
const MAX_PART: usize = 28_000;

/// The bytes of an id that are kept: all of SHA-1.
const KEPT: usize = 20;

/// How many ids tell repositories apart.
const SKETCH: u32 = 64;

type Part = HashMap<[u8; KEPT], u32, BuildHasherDefault<Prefix>>;

/// Objects with nothing in them, under one set of rules, with their sizes.
pub struct Shared {
    parts: Vec<Mutex<Part>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            parts: (0..2 * PARTS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// The size of an object, if it is known.
    pub(super) fn size(&self, id: &oid) -> Option<u64> {
        let (key, part) = self.part(id)?;
        part.get(&key).map(|size| u64::from(*size))
    }

    /// Adds an object that was read, while there is room.
    pub(super) fn add(&self, id: &oid, size: usize) {
        if let (Some((key, mut part)), Ok(size)) = (self.part(id), u32::try_from(size))
            && part.len() < MAX_PART
        {
            part.insert(key, size);
        }
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        let mut parts = self.parts.iter();
        parts.all(|part| {
            part.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty()
        })
    }

    fn part(&self, id: &oid) -> Option<([u8; KEPT], MutexGuard<'_, Part>)> {
        let bytes = id.as_bytes();
        let key: [u8; KEPT] = *bytes.first_chunk()?;
        // The last byte: the first ones choose the place in the part.
        let at = usize::from(key[KEPT - 1]) % PARTS;
        let at = match id.kind() {
            Format::Sha1 => at,
            _ => at + PARTS,
        };
        let part = self.parts[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Some((key, part))
    }
}

/// Puts repositories together that have most of their objects in common, by their first ids: each
/// group in order, and groups in the order of their first ones.
pub fn kin<'d>(dirs: impl Iterator<Item = Option<&'d Path>>, open: OpenOptions) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut group_of: BTreeMap<ObjectId, usize> = BTreeMap::new();
    for (number, dir) in dirs.enumerate() {
        let sketch = dir.map(|dir| sketch(dir, open)).unwrap_or_default();
        let mut common: BTreeMap<usize, usize> = BTreeMap::new();
        for group in sketch.iter().filter_map(|id| group_of.get(id)) {
            *common.entry(*group).or_default() += 1;
        }
        let nearest = common.into_iter().max_by_key(|(_, count)| *count);
        let group = match nearest {
            Some((group, count)) if 2 * count >= sketch.len() => group,
            _ => {
                groups.push(Vec::new());
                groups.len() - 1
            }
        };
        groups[group].push(number);
        for id in sketch {
            group_of.entry(id).or_insert(group);
        }
    }
    groups
}

/// The lowest ids of the packed objects of a repository.
fn sketch(dir: &Path, open: OpenOptions) -> Vec<ObjectId> {
    let Ok(Some(repository)) = Repository::at(dir, open) else {
        return Vec::new();
    };
    // What is wrong is told when the repository is read.
    let objects = repository.objects(&mut Vec::new());
    let ids = objects.packs.iter().flat_map(|pack| {
        let first = 0..pack.index.num_objects().min(SKETCH);
        first.map(|at| pack.index.oid_at_index(at).to_owned())
    });
    let mut ids: Vec<ObjectId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(SKETCH as usize);
    ids
}
