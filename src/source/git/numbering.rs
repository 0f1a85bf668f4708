//! A number for every object of a database, so that graphs of millions of them fit into memory.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use gix_hash::{ObjectId, oid};

use super::objects::{AHEAD, Objects};
use super::pass::loose_ids;

/// The objects of all packs in the order of their indexes, then the loose ones.
///
/// An object that lies in several packs has the number of the first.
pub(super) struct Numbering<'o> {
    objects: &'o Objects,
    /// The number of the first object of each pack.
    starts: Vec<u32>,
    loose: Vec<ObjectId>,
    loose_start: u32,
}

impl<'o> Numbering<'o> {
    /// Numbers the objects; `None` where there are more than numbers.
    pub(super) fn new(objects: &'o Objects) -> Option<Self> {
        let mut starts = Vec::with_capacity(objects.packs.len());
        let mut next = 0_u32;
        for pack in &objects.packs {
            starts.push(next);
            next = next.checked_add(pack.index.num_objects())?;
        }
        let mut loose: Vec<ObjectId> = objects
            .folders
            .iter()
            .flat_map(|folder| loose_ids(folder, objects).unwrap_or_default())
            .collect();
        loose.sort_unstable();
        loose.dedup();
        next.checked_add(u32::try_from(loose.len()).ok()?)?;
        Some(Self {
            objects,
            starts,
            loose,
            loose_start: next,
        })
    }

    /// How many numbers there are.
    pub(super) fn len(&self) -> usize {
        self.loose_start as usize + self.loose.len()
    }

    /// The numbers that a pack gives to its objects.
    pub(super) fn of_pack(&self, pack: usize) -> std::ops::Range<u32> {
        let end = self.starts.get(pack + 1);
        self.starts[pack]..end.copied().unwrap_or(self.loose_start)
    }

    /// The number of an object, if it is there.
    pub(super) fn of(&self, id: &oid) -> Option<u32> {
        let mut packs = self.objects.packs.iter().zip(&self.starts);
        packs
            .find_map(|(pack, start)| Some(start + pack.index.lookup(id)?))
            .or_else(|| {
                let at = self
                    .loose
                    .binary_search_by(|known| (**known).cmp(id))
                    .ok()?;
                Some(self.loose_start + u32::try_from(at).ok()?)
            })
    }

    /// The number of the object at a place of the index of a pack, which no earlier pack has.
    pub(super) fn at(&self, pack: usize, index: u32) -> u32 {
        self.starts[pack] + index
    }

    /// The object of a number.
    pub(super) fn id(&self, number: u32) -> &oid {
        if let Some(at) = number.checked_sub(self.loose_start) {
            return &self.loose[at as usize];
        }
        let pack = self.starts.partition_point(|start| *start <= number) - 1;
        self.objects.packs[pack]
            .index
            .oid_at_index(number - self.starts[pack])
    }
}

/// Numbers that are asked for one after another, and looked up many at a time: a look-up is nothing but waiting
/// for memory.
pub(super) struct LookUps<'n, 'o> {
    numbering: &'n Numbering<'o>,
    pending: Vec<ObjectId>,
    answers: Vec<Option<u32>>,
    /// What is not there, by its question.
    missing: BTreeMap<u32, ObjectId>,
}

impl<'n, 'o> LookUps<'n, 'o> {
    pub(super) fn new(numbering: &'n Numbering<'o>) -> Self {
        Self {
            numbering,
            pending: Vec::with_capacity(AHEAD),
            answers: Vec::new(),
            missing: BTreeMap::new(),
        }
    }

    /// Asks for the number of an object, and gives that of the question. What is asked after four billion others
    /// has no answer.
    pub(super) fn ask(&mut self, id: &oid) -> u32 {
        let question = self.answers.len() + self.pending.len();
        self.pending.push(id.to_owned());
        if self.pending.len() == AHEAD {
            self.answer();
        }
        number(question)
    }

    fn answer(&mut self) {
        self.numbering.objects.read_ahead(&self.pending);
        for id in self.pending.drain(..) {
            let answer = self.numbering.of(&id);
            if answer.is_none() {
                self.missing.insert(number(self.answers.len()), id);
            }
            self.answers.push(answer);
        }
    }

    /// The answers by their questions, and what is not there.
    pub(super) fn finish(mut self) -> (Vec<Option<u32>>, BTreeMap<u32, ObjectId>) {
        self.answer();
        (self.answers, self.missing)
    }
}

fn number(question: usize) -> u32 {
    u32::try_from(question).unwrap_or(u32::MAX)
}

/// The first eight bytes of an id, which are as good as any hash.
pub(super) fn prefix(id: &oid) -> u64 {
    let bytes = id.as_bytes();
    u64::from_be_bytes(
        bytes[..8]
            .try_into()
            .expect("ids have twenty bytes or more"),
    )
}

/// A set of ids, hashed by their first bytes.
pub type IdSet = HashSet<ObjectId, BuildHasherDefault<Prefix>>;

/// Takes a prefix, or the first bytes of an id, for its hash.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prefix(u64);

impl Hasher for Prefix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_be_bytes(*first);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}
