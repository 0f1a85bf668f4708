//! The deltas of one pack as a forest: whole objects are roots, each delta hangs below its base.
//!
//! Only headers are read for it. A delta has the kind of its root, so that whole trees of objects that
//! nobody wants are left out without being inflated.

use std::iter;
use std::ops::Range;
use std::path::Path;
use std::thread;

use gix_object::Kind;

use super::entry::{Form, PACK_HEADER};
use super::fan_out::FanOut;
use super::files::read;
use super::numbering::IdSet;
use super::pack::Pack;

/// No node.
const NONE: u32 = u32::MAX;

/// What stands instead of a parent that there is not.
const ROOTS: [(u32, Kind); 4] = [
    (u32::MAX - 1, Kind::Commit),
    (u32::MAX - 2, Kind::Tree),
    (u32::MAX - 3, Kind::Blob),
    (u32::MAX - 4, Kind::Tag),
];
const BROKEN: u32 = u32::MAX - 5;
const BASELESS: u32 = u32::MAX - 6;

/// The most objects of a pack: node numbers above are taken.
const MAX_NODES: u32 = u32::MAX - 16;

/// The objects of a pack, numbered in the order in which they are walked: behind each base all that is
/// made of it, and last of that the delta with the most objects below it. The base is given back when its
/// last delta begins, so that however a pack is made, no more bases are held at a time than its number of
/// objects has binary digits.
pub(super) struct Forest {
    nodes: Vec<Node>,
    /// Whole objects.
    pub(super) roots: Vec<(u32, Kind)>,
    /// Objects that no whole object leads to, with what is wrong.
    pub(super) lost: Vec<(u32, &'static str)>,
}

/// One object.
#[derive(Clone, Copy, Default)]
struct Node {
    /// Where it lies in the pack.
    offset: u64,
    end: u64,
    /// Its place in the index.
    index: u32,
    /// How many nodes it is with all that are made of it.
    size: u32,
}

impl Forest {
    /// Reads the headers of all objects of `pack` on `threads` threads.
    ///
    /// # Errors
    ///
    /// What is wrong with the index as a whole.
    pub(super) fn new(pack: &Pack, threads: usize) -> Result<Self, &'static str> {
        let index = &pack.index;
        if index.num_objects() > MAX_NODES {
            return Err("has more objects than can be counted");
        }
        let offset = |at| index.pack_offset_at_index(at);
        let places = listed_by_offset(&pack.path, index.num_objects(), offset)
            .unwrap_or_else(|| by_offset(index.num_objects(), offset));
        // Every object begins somewhere else, the first right behind the header.
        let is_ascending = are_ascending(&places);
        let is_behind_header = places
            .first()
            .is_none_or(|first| first.offset == PACK_HEADER);
        if !is_ascending || !is_behind_header {
            return Err("has an index that does not fit it");
        }
        // Another thread is likely at it already. Whoever asks for a base by its id from now on gets the
        // same answer, also where the index is damaged.
        index.fan_out();
        let parents = parents(pack, &places, threads);
        Ok(Self::of(&places, &parents, pack.data.pack_end() as u64))
    }

    /// Numbers the objects at `places`, whose bases are those of `parents`.
    fn of(places: &[Place], parents: &[u32], pack_end: u64) -> Self {
        let order = bases_first(parents);
        let mut families = families(parents, &order);
        let mut forest = Self {
            nodes: Vec::new(),
            roots: Vec::new(),
            lost: Vec::new(),
        };
        let lost_from = forest.place_rooted(parents, &order, &mut families);
        forest.place_lost(parents, lost_from, &mut families);
        forest.nodes = vec![Node::default(); places.len()];
        let nexts = places.iter().skip(1);
        let ends = nexts.map(|next| next.offset).chain([pack_end]);
        for ((place, end), family) in places.iter().zip(ends).zip(&families) {
            forest.nodes[family.node as usize] = Node {
                offset: place.offset,
                end,
                index: place.index,
                size: family.size,
            };
        }
        forest
    }

    /// Gives numbers to whole objects and all that is made of them, and says which comes next.
    fn place_rooted(&mut self, parents: &[u32], order: &[u32], families: &mut [Family]) -> u32 {
        let mut next_root = 0;
        for place in order {
            let parent = parents[*place as usize];
            let size = families[*place as usize].size;
            let node = if let Some(base) = families.get_mut(parent as usize) {
                if base.node == NONE {
                    continue;
                }
                if base.heaviest == *place {
                    base.node + base.size - size
                } else {
                    let node = base.next;
                    base.next += size;
                    node
                }
            } else if let Some((_, kind)) = ROOTS.iter().find(|(mark, _)| *mark == parent) {
                self.roots.push((next_root, *kind));
                next_root += size;
                next_root - size
            } else {
                continue;
            };
            let family = &mut families[*place as usize];
            family.node = node;
            family.next = node + 1;
        }
        next_root
    }

    /// Gives numbers from `next` on to what has none: it hangs below no root.
    fn place_lost(&mut self, parents: &[u32], mut next: u32, families: &mut [Family]) {
        for (family, parent) in families.iter_mut().zip(parents) {
            if family.node == NONE {
                let why = match *parent {
                    BROKEN => "its header is not valid",
                    BASELESS => "its base is not in the pack",
                    _ => "its base cannot be read, or its deltas go round in a circle",
                };
                self.lost.push((next, why));
                (family.node, family.size) = (next, 1);
                next += 1;
            }
        }
    }

    /// Where a node begins in the pack.
    pub(super) fn offset(&self, node: u32) -> u64 {
        self.nodes[node as usize].offset
    }

    /// Where the object behind it begins in the pack.
    pub(super) fn end(&self, node: u32) -> u64 {
        self.nodes[node as usize].end
    }

    /// Where the index of the pack lists a node.
    pub(super) fn index(&self, node: u32) -> u32 {
        self.nodes[node as usize].index
    }

    /// A node and all that are made of it.
    pub(super) fn family(&self, node: u32) -> Range<u32> {
        node..node + self.nodes[node as usize].size
    }

    /// How long a node and all that are made of it take to be read, roughly and in no unit: each of them is about
    /// as long as the node.
    pub(super) fn weight(&self, node: u32) -> u64 {
        let Node {
            offset, end, size, ..
        } = self.nodes[node as usize];
        u64::from(size).saturating_mul(end.saturating_sub(offset))
    }

    /// Where up to `count` nodes from `node` on begin in the pack.
    pub(super) fn offsets_from(&self, node: u32, count: usize) -> impl Iterator<Item = u64> {
        let nodes = self.nodes[node as usize..].iter().take(count);
        nodes.map(|node| node.offset)
    }

    /// For each node whether it is one of `wanted`, or a base on the way to one.
    pub(super) fn needed(&self, pack: &Pack, wanted: &IdSet) -> Needed {
        let mut is_wanted = vec![false; self.nodes.len()];
        for at in wanted.iter().filter_map(|id| pack.index.lookup(id)) {
            is_wanted[at as usize] = true;
        }
        self.needed_for(|node| is_wanted[self.index(node) as usize])
    }

    /// The same for the nodes of which `is_wanted` says so.
    pub(super) fn needed_for(&self, is_wanted: impl Fn(u32) -> bool) -> Needed {
        let nodes = 0..number(self.nodes.len());
        let counts = nodes.clone().scan(0, |count, node| {
            *count += u32::from(is_wanted(node));
            Some(*count)
        });
        // How many of those before a node are wanted: where more are before the end, some lie between.
        let before: Vec<u32> = iter::once(0).chain(counts).collect();
        let is_needed = |node| {
            let family = self.family(node);
            before[family.end as usize] > before[family.start as usize]
        };
        Needed(nodes.map(is_needed).collect())
    }
}

/// Which nodes of a forest are to be decoded.
pub(super) struct Needed(Vec<bool>);

impl Needed {
    /// Whether a node is.
    pub(super) fn has(&self, node: u32) -> bool {
        self.0[node as usize]
    }
}

/// Where an object lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// In the pack.
    offset: u64,
    /// In the index.
    index: u32,
}

/// Whether each object lies behind the one before.
fn are_ascending(places: &[Place]) -> bool {
    let mut pairs = places.windows(2);
    pairs.all(|pair| pair[0].offset < pair[1].offset)
}

/// The places in the order of the offsets that `offset` gives for those in an index, as Git has written it down
/// beside the pack at `path` (`.rev`, by itself since 2.41). It saves to sort them. None where there is no such
/// file, or where it does not say what is so.
fn listed_by_offset(path: &Path, count: u32, offset: impl Fn(u32) -> u64) -> Option<Vec<Place>> {
    /// Signature and version; then the number of the hash.
    const HEADER: &[u8] = b"RIDX\0\0\0\x01";
    const CHECKSUMS: u64 = 2 * 32;
    let limit = HEADER.len() as u64 + 4 + 4 * u64::from(count) + CHECKSUMS;
    let bytes = read(&path.with_extension("rev"), limit).ok()??;
    let (numbers, _) = bytes.strip_prefix(HEADER)?.get(4..)?.as_chunks();
    let numbers = numbers.get(..count as usize)?.iter();
    let places = numbers.map(|number| {
        let index = u32::from_be_bytes(*number);
        let offset = (index < count).then(|| offset(index))?;
        Some(Place { offset, index })
    });
    let places: Vec<Place> = places.collect::<Option<_>>()?;
    // So many different offsets are those of all objects.
    are_ascending(&places).then_some(places)
}

/// The same places, sorted.
fn by_offset(count: u32, offset: impl Fn(u32) -> u64) -> Vec<Place> {
    // One number takes half the time to sort that a pair does, and there are bits enough for both but
    // in packs of terabytes.
    let bits = u32::BITS - count.leading_zeros();
    let joined = |at: u32| {
        let high = offset(at).checked_mul(1 << bits)?;
        Some(high | u64::from(at))
    };
    let parted = |key: u64| {
        let low = key & ((1 << bits) - 1);
        Place {
            offset: key >> bits,
            index: u32::try_from(low).expect("it was one"),
        }
    };
    let mut keys = Vec::with_capacity(count as usize);
    keys.extend((0..count).map_while(joined));
    if keys.len() == count as usize {
        keys.sort_unstable();
        return keys.into_iter().map(parted).collect();
    }
    let place = |index| Place {
        offset: offset(index),
        index,
    };
    let mut places: Vec<Place> = (0..count).map(place).collect();
    places.sort_unstable();
    places
}

/// The objects whose headers are waited for at once.
const AHEAD: usize = 32;

/// The base of each object by the order of offsets, or the mark of what it is instead of a delta.
fn parents(pack: &Pack, places: &[Place], threads: usize) -> Vec<u32> {
    let most = places.last().map_or(0, |last| last.offset);
    let offsets = places.iter().map(|place| place.offset);
    let fan_out = &FanOut::new(offsets, most, 1);
    let mut parents = vec![BROKEN; places.len()];
    let share = places.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        for (places_of, parents_of) in places.chunks(share).zip(parents.chunks_mut(share)) {
            scope.spawn(move || {
                let portions = places_of.chunks(AHEAD).zip(parents_of.chunks_mut(AHEAD));
                for (places_of, parents_of) in portions {
                    pack.read_ahead(places_of.iter().map(|place| place.offset));
                    for (place, parent) in places_of.iter().zip(parents_of) {
                        *parent = parent_of(pack, places, fan_out, place.offset);
                    }
                }
            });
        }
    });
    parents
}

fn parent_of(pack: &Pack, places: &[Place], fan_out: &FanOut, offset: u64) -> u32 {
    let Ok(entry) = pack.entry(offset) else {
        return BROKEN;
    };
    let base = match entry.form {
        Form::OffsetDelta(base) => base,
        Form::IdDelta(base) => pack.offset_of(base),
        Form::Whole(kind) => {
            let root = ROOTS.iter().find(|(_, known)| *known == kind);
            return root.map_or(BROKEN, |(mark, _)| *mark);
        }
    };
    let place =
        base.and_then(|base| fan_out.find(base, |at| places[at as usize].offset.cmp(&base)));
    place.unwrap_or(BASELESS)
}

/// An order in which every base comes before its deltas. What goes round in a circle, and what is made
/// of it, is not in it.
fn bases_first(parents: &[u32]) -> Vec<u32> {
    // A delta that names its base by offset lies behind it: in nearly every pack all do.
    let is_behind = |(place, parent): (usize, &u32)| {
        let parent = *parent as usize;
        parent < place || parent >= parents.len()
    };
    if parents.iter().enumerate().all(is_behind) {
        return (0..parents.len()).map(number).collect();
    }
    // Leaves are taken off one after another; what goes round in a circle never becomes one.
    let mut waiting = vec![0_u32; parents.len()];
    for parent in parents {
        if let Some(waiting) = waiting.get_mut(*parent as usize) {
            *waiting += 1;
        }
    }
    let mut leaves: Vec<u32> = (0..parents.len())
        .filter(|place| waiting[*place] == 0)
        .map(number)
        .collect();
    let mut order = Vec::with_capacity(parents.len());
    while let Some(leaf) = leaves.pop() {
        order.push(leaf);
        let parent = parents[leaf as usize];
        if let Some(waiting) = waiting.get_mut(parent as usize) {
            *waiting -= 1;
            if *waiting == 0 {
                leaves.push(parent);
            }
        }
    }
    order.reverse();
    order
}

/// What is to be known of an object and those that are made of it to number them.
#[derive(Clone, Copy)]
struct Family {
    /// How many there are.
    size: u32,
    /// The delta with the most of them, by the order of offsets.
    heaviest: u32,
    /// The number of the object, once it has one.
    node: u32,
    /// The number of the next delta that is not the heaviest.
    next: u32,
}

/// The families of all objects by the order of offsets; none has a number yet.
fn families(parents: &[u32], order: &[u32]) -> Vec<Family> {
    let alone = Family {
        size: 1,
        heaviest: NONE,
        node: NONE,
        next: NONE,
    };
    let mut families = vec![alone; parents.len()];
    for place in order.iter().rev() {
        let parent = parents[*place as usize] as usize;
        let Some(held) = families.get(parent).map(|base| base.heaviest) else {
            continue;
        };
        let size = families[*place as usize].size;
        if held == NONE || (families[held as usize].size, held) < (size, *place) {
            families[parent].heaviest = *place;
        }
        families[parent].size += size;
    }
    families
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("packs of more objects are refused")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_their_offsets_however_far_they_lie() {
        for far in [1 << 30, 1 << 60, u64::MAX] {
            let offsets = [500, far, 12, far - 1, 13];
            let places = by_offset(5, |at| offsets[at as usize]);
            let places = places.iter().map(|place| (place.offset, place.index));
            let expected = [(12, 2), (13, 4), (500, 0), (far - 1, 3), (far, 1)];
            assert_eq!(places.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_git_wrote_down_is_believed_where_it_is_so() {
        let folder = tempfile::tempdir().unwrap();
        let pack = folder.path().join("a.pack");
        let offsets = [500, 12, 70, 13];
        let listed = |header: &[u8], numbers: &[u32]| {
            let numbers = numbers.iter().flat_map(|number| number.to_be_bytes());
            let bytes = [header, &numbers.collect::<Vec<_>>(), &[7; 40]].concat();
            std::fs::write(pack.with_extension("rev"), bytes).unwrap();
            listed_by_offset(&pack, 4, |at| offsets[at as usize])
        };
        let header = b"RIDX\0\0\0\x01\0\0\0\x01";
        let sorted = by_offset(4, |at| offsets[at as usize]);
        assert_eq!(listed(header, &[1, 3, 2, 0]), Some(sorted));
        for numbers in [
            &[1, 2, 3, 0][..],
            &[1, 1, 2, 0],
            &[1, 3, 2, 4],
            &[1, 3, 2, u32::MAX],
            &[],
            &[0; 50],
        ] {
            assert_eq!(listed(header, numbers), None, "{numbers:?}");
        }
        assert_eq!(listed(b"RIDX\0\0\0\x02\0\0\0\x01", &[1, 3, 2, 0]), None);
        std::fs::remove_file(pack.with_extension("rev")).unwrap();
        assert_eq!(listed_by_offset(&pack, 4, |at| offsets[at as usize]), None);
    }

    /// The places of the objects in the order of their nodes, with the sizes of their families.
    fn walked(parents: &[u32]) -> (Vec<(u32, u32)>, Forest) {
        let places = (0..).zip(parents).map(|(index, _)| Place {
            offset: 12 + u64::from(index),
            index,
        });
        let forest = Forest::of(&places.collect::<Vec<_>>(), parents, 99);
        let nodes = forest.nodes.iter().map(|node| (node.index, node.size));
        (nodes.collect(), forest)
    }

    #[test]
    fn what_is_made_of_a_base_comes_behind_it_and_the_heaviest_last() {
        let [.., (tree, _), (blob, _), _] = ROOTS;
        // Below 0: 1 with 2 and 3, 4, and 5 with 7; 8 below 6, which is whole.
        let parents = [blob, 0, 1, 1, 0, 0, tree, 5, 6];
        let (nodes, forest) = walked(&parents);
        let below = [(0, 7), (4, 1), (5, 2), (7, 1), (1, 3), (2, 1), (3, 1)];
        assert_eq!(nodes, [&below[..], &[(6, 2), (8, 1)]].concat());
        assert_eq!(forest.roots, [(0, Kind::Blob), (7, Kind::Tree)]);
        assert_eq!(forest.family(4), 4..7);
        assert_eq!((forest.offset(4), forest.end(4)), (13, 14));
        assert_eq!(forest.end(8), 99);
        let needed = forest.needed_for(|node| node == 3);
        let needed = (0..9).filter(|node| needed.has(*node));
        assert_eq!(needed.collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn bases_may_lie_behind_their_deltas_and_circles_are_lost() {
        let [.., (blob, _), _] = ROOTS;
        // 0 and 3 are made of 1; 4 and 5 of each other, and 6 of those; 7 of nothing.
        let (nodes, forest) = walked(&[1, blob, 3, 1, 5, 4, 5, BASELESS]);
        assert_eq!(nodes[..4], [(1, 4), (0, 1), (3, 2), (2, 1)]);
        let lost: Vec<u32> = forest
            .lost
            .iter()
            .map(|(node, _)| forest.index(*node))
            .collect();
        assert_eq!(lost, [4, 5, 6, 7]);
        assert!(nodes[4..].iter().all(|(_, size)| *size == 1));
    }
}
