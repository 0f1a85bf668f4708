//! The deltas of one pack as a forest: whole objects are roots, each delta hangs below its base.
//!
//! Only headers are read for it. A delta has the kind of its root, so that whole trees of objects that
//! nobody wants are left out without being inflated.

use std::thread;

use gix_object::Kind;

use super::entry::{Form, PACK_HEADER};
use super::fan_out::FanOut;
use super::numbering::IdSet;
use super::pack::Pack;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

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

/// The objects of a pack in the order of their offsets, which are the node numbers.
pub(super) struct Forest {
    nodes: Vec<Node>,
    /// Whole objects.
    pub(super) roots: Vec<(u32, Kind)>,
    /// Objects that no whole object leads to, with what is wrong.
    pub(super) lost: Vec<(u32, &'static str)>,
}

/// One object. What is asked of it is asked at once, so that it lies together.
#[derive(Clone, Copy)]
struct Node {
    offset: u64,
    /// Its place in the index.
    index: u32,
    /// Its base, or a mark that is no node.
    parent: u32,
    first_child: u32,
    next_sibling: u32,
}

impl Node {
    fn new(offset: u64, index: u32) -> Self {
        Self {
            offset,
            index,
            parent: BROKEN,
            first_child: NONE,
            next_sibling: NONE,
        }
    }
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
        let nodes = by_offset(index.num_objects(), |at| index.pack_offset_at_index(at));
        // Every object begins somewhere else, the first right behind the header.
        let is_ascending = nodes.windows(2).all(|pair| pair[0].offset < pair[1].offset);
        let is_behind_header = nodes
            .first()
            .is_none_or(|first| first.offset == PACK_HEADER);
        if !is_ascending || !is_behind_header {
            return Err("has an index that does not fit it");
        }
        // Another thread is likely at it already. Whoever asks for a base by its id from now on gets the
        // same answer, also where the index is damaged.
        index.fan_out();
        let parents = parents(pack, &nodes, threads);
        let mut forest = Self {
            nodes,
            roots: Vec::new(),
            lost: Vec::new(),
        };
        forest.link(&parents);
        Ok(forest)
    }

    /// Where a node begins in the pack.
    pub(super) fn offset(&self, node: u32) -> u64 {
        self.nodes[node as usize].offset
    }

    /// Where the node after this one begins, `None` after the last.
    pub(super) fn next_offset(&self, node: u32) -> Option<u64> {
        Some(self.nodes.get(node as usize + 1)?.offset)
    }

    /// Where the index of the pack lists a node.
    pub(super) fn index(&self, node: u32) -> u32 {
        self.nodes[node as usize].index
    }

    /// The first delta that is applied to a node.
    pub(super) fn first_child(&self, node: u32) -> u32 {
        self.nodes[node as usize].first_child
    }

    /// The next delta that is applied to the base of a node.
    pub(super) fn next_sibling(&self, node: u32) -> u32 {
        self.nodes[node as usize].next_sibling
    }

    /// Links children to parents. The child with the most objects below it comes last: the base is
    /// given back when its last child begins, so that however a pack is made, no more bases are held
    /// at a time than its number of objects has binary digits.
    fn link(&mut self, parents: &[u32]) {
        let (heaviest, is_complete) = heaviest(parents);
        self.link_children(parents, &heaviest);
        let mut is_rooted = is_complete;
        for (node, parent) in parents.iter().enumerate() {
            self.nodes[node].parent = *parent;
            if let Some((_, kind)) = ROOTS.iter().find(|(mark, _)| mark == parent) {
                self.roots.push((number(node), *kind));
            }
            is_rooted &= !matches!(*parent, BROKEN | BASELESS);
        }
        if !is_rooted {
            self.find_lost(parents);
        }
    }

    fn link_children(&mut self, parents: &[u32], heaviest: &[u32]) {
        let mut push = |node: u32, parent: u32| {
            let first = &mut self.nodes[parent as usize].first_child;
            let next = std::mem::replace(first, node);
            self.nodes[node as usize].next_sibling = next;
        };
        // What is pushed first comes last.
        for (parent, node) in heaviest.iter().enumerate() {
            if *node != NONE {
                push(*node, number(parent));
            }
        }
        for (node, parent) in parents.iter().enumerate().rev() {
            let is_pushed = heaviest
                .get(*parent as usize)
                .is_none_or(|heaviest| *heaviest == number(node));
            if !is_pushed {
                push(number(node), *parent);
            }
        }
    }

    /// Names everything that hangs below no root.
    fn find_lost(&mut self, parents: &[u32]) {
        let mut reached = vec![false; parents.len()];
        let mut below: Vec<u32> = self.roots.iter().map(|(root, _)| *root).collect();
        while let Some(node) = below.pop() {
            reached[node as usize] = true;
            let mut child = self.first_child(node);
            while child != NONE && !reached[child as usize] {
                below.push(child);
                child = self.next_sibling(child);
            }
        }
        for (node, parent) in parents.iter().enumerate() {
            if !reached[node] {
                let why = match *parent {
                    BROKEN => "its header is not valid",
                    BASELESS => "its base is not in the pack",
                    _ => "its base cannot be read, or its deltas go round in a circle",
                };
                self.lost.push((number(node), why));
            }
        }
    }

    /// For each node whether it is one of `wanted`, or a base on the way to one.
    pub(super) fn needed(&self, pack: &Pack, wanted: &IdSet) -> Needed {
        let nodes = wanted.iter().filter_map(|id| {
            let offset = pack.offset_of(id)?;
            let at = self.nodes.binary_search_by_key(&offset, |node| node.offset);
            at.ok()
        });
        self.needed_of(nodes)
    }

    /// The same for nodes.
    pub(super) fn needed_of(&self, nodes: impl Iterator<Item = usize>) -> Needed {
        let mut is_needed = vec![false; self.nodes.len()];
        for mut node in nodes {
            while let Some(needed) = is_needed.get_mut(node) {
                if std::mem::replace(needed, true) {
                    break;
                }
                node = self.nodes[node].parent as usize;
            }
        }
        Needed(is_needed)
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

/// Nodes that are not linked yet, in the order of the offsets that `offset` gives for places in an index.
fn by_offset(count: u32, offset: impl Fn(u32) -> u64) -> Vec<Node> {
    // One number takes half the time to sort that a pair does, and there are bits enough for both but
    // in packs of terabytes.
    let bits = u32::BITS - count.leading_zeros();
    let joined = |at: u32| {
        let high = offset(at).checked_mul(1 << bits)?;
        Some(high | u64::from(at))
    };
    let parted = |key: u64| {
        let low = key & ((1 << bits) - 1);
        Node::new(key >> bits, u32::try_from(low).expect("it was one"))
    };
    let mut keys = Vec::with_capacity(count as usize);
    keys.extend((0..count).map_while(joined));
    if keys.len() == count as usize {
        keys.sort_unstable();
        return keys.into_iter().map(parted).collect();
    }
    let mut nodes: Vec<Node> = (0..count).map(|at| Node::new(offset(at), at)).collect();
    nodes.sort_unstable_by_key(|node| (node.offset, node.index));
    nodes
}

/// The parent of each node, or the mark of what it is instead of a delta.
fn parents(pack: &Pack, nodes: &[Node], threads: usize) -> Vec<u32> {
    let most = nodes.last().map_or(0, |last| last.offset);
    let offsets = nodes.iter().map(|node| node.offset);
    let fan_out = &FanOut::new(offsets, most, 1);
    let mut parents = vec![BROKEN; nodes.len()];
    let share = nodes.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        for (nodes_of, parents_of) in nodes.chunks(share).zip(parents.chunks_mut(share)) {
            scope.spawn(move || {
                for (node, parent) in nodes_of.iter().zip(parents_of) {
                    *parent = parent_of(pack, nodes, fan_out, node.offset);
                }
            });
        }
    });
    parents
}

fn parent_of(pack: &Pack, nodes: &[Node], fan_out: &FanOut, offset: u64) -> u32 {
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
    let node = base.and_then(|base| fan_out.find(base, |at| nodes[at as usize].offset.cmp(&base)));
    node.unwrap_or(BASELESS)
}

/// The child of each node that has the most objects below it, and whether there is no circle.
fn heaviest(parents: &[u32]) -> (Vec<u32>, bool) {
    let mut weights = Weights {
        parents,
        sizes: vec![1; parents.len()],
        heaviest: vec![NONE; parents.len()],
    };
    // A delta that names its base by offset lies behind it: in nearly every pack all do.
    let is_behind = |(node, parent): (usize, &u32)| {
        let parent = *parent as usize;
        parent < node || parent >= parents.len()
    };
    if parents.iter().enumerate().all(is_behind) {
        for node in (0..parents.len()).rev() {
            weights.add(number(node));
        }
        return (weights.heaviest, true);
    }
    let is_complete = weights.add_from_leaves();
    (weights.heaviest, is_complete)
}

/// How many objects hang below each node.
struct Weights<'p> {
    parents: &'p [u32],
    /// With the node itself.
    sizes: Vec<u32>,
    heaviest: Vec<u32>,
}

impl Weights<'_> {
    /// Adds a node below which all are added, and gives its parent.
    fn add(&mut self, node: u32) -> Option<u32> {
        let parent = self.parents[node as usize];
        let at = parent as usize;
        let size = self.sizes[node as usize];
        let held = *self.heaviest.get(at)?;
        self.sizes[at] = self.sizes[at].saturating_add(size);
        if held == NONE || (self.sizes[held as usize], held) < (size, node) {
            self.heaviest[at] = node;
        }
        Some(parent)
    }

    /// Adds one leaf after another, wherever bases lie. What goes round in a circle never becomes one;
    /// says whether nothing does.
    fn add_from_leaves(&mut self) -> bool {
        let count = self.parents.len();
        let mut waiting = vec![0_u32; count];
        for parent in self.parents {
            if let Some(waiting) = waiting.get_mut(*parent as usize) {
                *waiting += 1;
            }
        }
        let mut leaves: Vec<u32> = (0..count)
            .filter(|node| waiting[*node] == 0)
            .map(number)
            .collect();
        let mut added = 0;
        while let Some(leaf) = leaves.pop() {
            added += 1;
            let Some(parent) = self.add(leaf) else {
                continue;
            };
            let waiting = &mut waiting[parent as usize];
            *waiting -= 1;
            if *waiting == 0 {
                leaves.push(parent);
            }
        }
        added == count
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("packs of more objects are refused")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_in_the_order_of_their_offsets_however_far_they_lie() {
        for far in [1 << 30, 1 << 60, u64::MAX] {
            let offsets = [500, far, 12, far - 1, 13];
            let nodes = by_offset(5, |at| offsets[at as usize]);
            let nodes = nodes.iter().map(|node| (node.offset, node.index));
            let expected = [(12, 2), (13, 4), (500, 0), (far - 1, 3), (far, 1)];
            assert_eq!(nodes.collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn the_heaviest_is_the_same_in_either_order() {
        // Below 0: 1 with 2 and 3, and 4 with 5; 6 and 7 below another root, and one without base.
        let parents = [ROOTS[2].0, 0, 1, 1, 0, 4, ROOTS[1].0, 6, BASELESS];
        let (behind, is_complete) = heaviest(&parents);
        assert!(is_complete);
        assert_eq!(behind, [1, 3, NONE, NONE, 5, NONE, 7, NONE, NONE]);
        let mut weights = Weights {
            parents: &parents,
            sizes: vec![1; parents.len()],
            heaviest: vec![NONE; parents.len()],
        };
        assert!(weights.add_from_leaves());
        assert_eq!(weights.heaviest, behind);
    }
}
