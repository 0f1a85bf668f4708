//! The deltas of one pack as a forest: whole objects are roots, each delta hangs below its base.
//!
//! Only headers are read for it. A delta has the kind of its root, so that whole trees of objects that
//! nobody wants are left out without being inflated.

use std::thread;

use gix_object::Kind;
use gix_pack::data::entry::Header;

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
    /// Offset in the pack and place in the index.
    nodes: Vec<(u64, u32)>,
    /// The base of each node, or a mark that is no node.
    parents: Vec<u32>,
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
    /// Whole objects.
    pub(super) roots: Vec<(u32, Kind)>,
    /// Objects that no whole object leads to, with what is wrong.
    pub(super) lost: Vec<(u32, &'static str)>,
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
        let mut nodes: Vec<(u64, u32)> = (0..index.num_objects())
            .map(|at| (index.pack_offset_at_index(at), at))
            .collect();
        nodes.sort_unstable();
        // Every object begins somewhere else, the first right behind the header.
        let is_ascending = nodes.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !is_ascending || nodes.first().is_some_and(|first| first.0 != 12) {
            return Err("has an index that does not fit it");
        }
        let parents = parents(pack, &nodes, threads);
        let mut forest = Self {
            first_child: vec![NONE; nodes.len()],
            next_sibling: vec![NONE; nodes.len()],
            roots: Vec::new(),
            lost: Vec::new(),
            parents: Vec::new(),
            nodes,
        };
        forest.link(&parents);
        forest.parents = parents;
        Ok(forest)
    }

    /// Where a node begins in the pack.
    pub(super) fn offset(&self, node: u32) -> u64 {
        self.nodes[node as usize].0
    }

    /// Where the node after this one begins, `None` after the last.
    pub(super) fn next_offset(&self, node: u32) -> Option<u64> {
        Some(self.nodes.get(node as usize + 1)?.0)
    }

    /// Where the index of the pack lists a node.
    pub(super) fn index(&self, node: u32) -> u32 {
        self.nodes[node as usize].1
    }

    /// The first delta that is applied to a node.
    pub(super) fn first_child(&self, node: u32) -> u32 {
        self.first_child[node as usize]
    }

    /// The next delta that is applied to the base of a node.
    pub(super) fn next_sibling(&self, node: u32) -> u32 {
        self.next_sibling[node as usize]
    }

    /// Links children to parents. The child with the most objects below it comes last: the base is
    /// given back when its last child begins, so that however a pack is made, no more bases are held
    /// at a time than its number of objects has binary digits.
    fn link(&mut self, parents: &[u32]) {
        let count = parents.len();
        let is_node = |parent: u32| (parent as usize) < count;
        // Leaves are taken off one after another; what goes round in a circle never becomes one.
        let mut waiting = vec![0_u32; count];
        for parent in parents.iter().filter(|parent| is_node(**parent)) {
            waiting[*parent as usize] += 1;
        }
        let mut sizes = vec![1_u32; count];
        let mut heaviest = vec![NONE; count];
        let mut leaves: Vec<u32> = (0..count)
            .filter(|node| waiting[*node] == 0)
            .map(number)
            .collect();
        let mut taken = 0;
        while let Some(node) = leaves.pop() {
            taken += 1;
            let parent = parents[node as usize];
            if !is_node(parent) {
                continue;
            }
            let (at, size) = (parent as usize, sizes[node as usize]);
            sizes[at] = sizes[at].saturating_add(size);
            let held = heaviest[at];
            let is_heavier = held == NONE || (sizes[held as usize], held) < (size, node);
            if is_heavier {
                heaviest[at] = node;
            }
            waiting[at] -= 1;
            if waiting[at] == 0 {
                leaves.push(parent);
            }
        }
        self.link_children(parents, &heaviest);
        for (node, parent) in parents.iter().enumerate() {
            let root = ROOTS.iter().find(|(mark, _)| mark == parent);
            self.roots
                .extend(root.map(|(_, kind)| (number(node), *kind)));
        }
        if taken < count
            || parents
                .iter()
                .any(|parent| matches!(*parent, BROKEN | BASELESS))
        {
            self.find_lost(parents);
        }
    }

    fn link_children(&mut self, parents: &[u32], heaviest: &[u32]) {
        let mut push = |node: u32, parent: u32| {
            let first = &mut self.first_child[parent as usize];
            self.next_sibling[node as usize] = *first;
            *first = node;
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
            let offset = pack.index.pack_offset_at_index(pack.index.lookup(id)?);
            let at = self.nodes.binary_search_by_key(&offset, |node| node.0);
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
                node = self.parents[node] as usize;
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

/// The parent of each node, or the mark of what it is instead of a delta.
fn parents(pack: &Pack, nodes: &[(u64, u32)], threads: usize) -> Vec<u32> {
    let mut parents = vec![BROKEN; nodes.len()];
    let share = nodes.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        for (nodes_of, parents_of) in nodes.chunks(share).zip(parents.chunks_mut(share)) {
            scope.spawn(move || {
                for ((offset, _), parent) in nodes_of.iter().zip(parents_of) {
                    *parent = parent_of(pack, nodes, *offset);
                }
            });
        }
    });
    parents
}

fn parent_of(pack: &Pack, nodes: &[(u64, u32)], offset: u64) -> u32 {
    let Ok(entry) = pack.entry(offset) else {
        return BROKEN;
    };
    let base = match entry.header {
        Header::OfsDelta { base_distance } => entry.checked_base_pack_offset(base_distance),
        Header::RefDelta { base_id } => pack
            .index
            .lookup(base_id)
            .map(|at| pack.index.pack_offset_at_index(at)),
        whole => {
            let kind = whole.as_kind();
            let root = ROOTS.iter().find(|(_, known)| Some(*known) == kind);
            return root.map_or(BROKEN, |(mark, _)| *mark);
        }
    };
    base.and_then(|base| nodes.binary_search_by_key(&base, |node| node.0).ok())
        .map_or(BASELESS, number)
}

fn number(at: usize) -> u32 {
    u32::try_from(at).expect("packs of more objects are refused")
}
