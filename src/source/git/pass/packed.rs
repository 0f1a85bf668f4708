//! The families of deltas of one pack.

use std::ops::Range;

use gix_hash::oid;
use gix_object::Kind;

use super::{Base, ObjectVisitor, Portions, Selection, Tally};
use crate::model::Copied;
use crate::source::git::Shared;
use crate::source::git::buffer::Buffer;
use crate::source::git::delta::Delta;
use crate::source::git::forest::{Forest, Needed};
use crate::source::git::objects::ObjectError;
use crate::source::git::pack::{Pack, check_size};

/// The most bytes of bases that one thread holds. Git makes no deltas of files above
/// [`MAX_OBJECT`](crate::source::git::MAX_OBJECT), so that only a pack made for it comes near.
const MAX_HELD: usize = 2 << 30;

/// The most bytes that a family of deltas may unfold to, beside [`MAX_GROWTH`] times what it has.
const FREE_GROWTH: u64 = 1 << 30;

/// See [`FREE_GROWTH`]. A file of a megabyte that changed ten thousand times by a line comes to half
/// of this.
const MAX_GROWTH: u64 = 20_000;

/// One pack to be read.
pub(super) struct PackWork<'p> {
    pack: &'p Pack,
    /// Packs before this one: what they have was given away already.
    earlier: &'p [Pack],
    forest: &'p Forest,
    needed: Option<Needed>,
    selection: Selection<'p>,
    roots: Vec<(u32, Kind)>,
    /// Whether the index is as it was written: else ids may be wrong, and objects are hidden.
    pub(super) intact: bool,
    /// See [`Part::whole`](super::Part::whole).
    pub(super) whole: bool,
    /// See [`Part::shared`](super::Part::shared).
    shared: Option<&'p Shared>,
    /// For each node whether it is shared and counted already; empty where none is.
    is_counted: Vec<bool>,
    portions: Portions,
}

impl<'p> PackWork<'p> {
    pub(super) fn new(
        pack: &'p Pack,
        earlier: &'p [Pack],
        selection: Selection<'p>,
        threads: usize,
    ) -> Result<Self, &'static str> {
        let (forest, intact) = pack.prepare(threads);
        let forest = forest?;
        let needed = selection.wanted.map(|wanted| forest.needed(pack, wanted));
        let roots = forest.roots.iter().copied();
        let roots: Vec<_> = roots
            .filter(|(_, kind)| selection.kinds.contains(kind))
            .filter(|(root, _)| needed.as_ref().is_none_or(|needed| needed.has(*root)))
            .collect();
        let roots = heaviest_first(roots, |(root, _)| forest.weight(*root), threads);
        Ok(Self {
            pack,
            earlier,
            forest,
            needed,
            selection,
            portions: Portions::new(roots.len(), threads),
            roots,
            intact,
            whole: false,
            shared: None,
            is_counted: Vec::new(),
        })
    }

    /// What no whole object leads to.
    pub(super) fn lost(&self) -> Tally {
        let lost = self.forest.lost.iter();
        Tally {
            broken: lost
                .map(|(node, why)| (self.id(*node).to_owned(), (*why).to_owned()))
                .collect(),
            ..Tally::default()
        }
    }

    /// Leaves out what is shared, and counts it.
    pub(super) fn share(&mut self, shared: Option<&'p Shared>) -> Tally {
        let mut tally = Tally::default();
        self.shared = shared;
        let Some(shared) = shared.filter(|shared| !shared.is_empty()) else {
            return tally;
        };
        if !self.intact || !self.pack.is_intact() {
            return tally;
        }
        let nodes = 0..self.pack.index.num_objects();
        self.is_counted = nodes
            .map(|node| {
                let id = self.id(node);
                let size = shared.size(id);
                if let Some(size) = size {
                    tally.all_bytes += size;
                    if !self.earlier.iter().any(|pack| pack.contains(id)) {
                        tally.objects += 1;
                        tally.bytes += size;
                    }
                }
                size.is_some()
            })
            .collect();
        let needed = self
            .forest
            .needed_for(|node| !self.is_counted[node as usize]);
        self.roots.retain(|(root, _)| needed.has(*root));
        self.portions = Portions::new(self.roots.len(), self.portions.threads);
        self.needed = Some(needed);
        tally
    }

    /// Takes portions of roots until there are none left.
    pub(super) fn run<V: ObjectVisitor>(&self, visitor: &mut V, tally: &mut Tally) {
        let mut walker = Walker {
            work: self,
            visitor,
            tally,
            inflate: gix_zlib::Inflate::default(),
            delta: Buffer::default(),
            copies: Vec::new(),
            spare: Vec::new(),
            frames: Vec::new(),
            held: 0,
            ahead: 0,
        };
        while let Some(portion) = self.portions.take() {
            for (root, kind) in &self.roots[portion] {
                walker.family(*root, *kind);
            }
        }
    }

    fn id(&self, node: u32) -> &oid {
        self.pack.index.oid_at_index(self.forest.index(node))
    }

    fn is_needed(&self, node: u32) -> bool {
        self.needed.as_ref().is_none_or(|needed| needed.has(node))
    }
}

/// Puts those first that take so long that threads would wait for one of them in the end; the others stay in
/// order.
fn heaviest_first<T>(all: Vec<T>, weight: impl Fn(&T) -> u64, threads: usize) -> Vec<T> {
    /// What part of the work of one thread is long.
    const SHARE: u64 = 64;
    let total = all.iter().map(&weight).fold(0, u64::saturating_add);
    let much = total / (SHARE * threads as u64).max(1);
    let (mut sorted, light): (Vec<T>, Vec<T>) = all.into_iter().partition(|one| weight(one) > much);
    sorted.extend(light);
    sorted
}

/// A base that deltas still wait for.
struct Frame<T> {
    bytes: Buffer,
    /// The first node that is not made of it.
    end: u32,
    /// What the visitor knows of it.
    trace: T,
}

/// Walks the families of one pack on one thread.
struct Walker<'w, 'p, V: ObjectVisitor> {
    work: &'w PackWork<'p>,
    visitor: &'w mut V,
    tally: &'w mut Tally,
    inflate: gix_zlib::Inflate,
    delta: Buffer,
    /// What the delta that was applied last has from its base.
    copies: Vec<Copied>,
    /// Buffers that nobody needs at the moment.
    spare: Vec<Buffer>,
    frames: Vec<Frame<V::Trace>>,
    /// Bytes in all frames.
    held: usize,
    /// The first node of which nothing was read ahead.
    ahead: u32,
}

impl<V: ObjectVisitor> Walker<'_, '_, V> {
    /// Decodes a whole object and everything that is made of it.
    fn family(&mut self, root: u32, kind: Kind) {
        let mut budget = Budget::default();
        let mut bytes = self.spare.pop().unwrap_or_default();
        self.read_ahead(root);
        match self.inflate(root, &mut bytes) {
            Ok(packed) => budget.packed(packed),
            Err(error) => {
                self.spare.push(bytes);
                return self.lost(self.work.forest.family(root), &error.to_string());
            }
        }
        let trace = self.visitor.trace(kind, &bytes, None);
        self.give(root, kind, &bytes, &trace);
        budget.unfolded(bytes.len());
        let mut next = self.keep(root, bytes, trace);
        while next < self.work.forest.family(root).end {
            next = self.delta(next, kind, &mut budget);
        }
    }

    /// Decodes a delta of the base that was decoded last, and gives the node that comes next.
    fn delta(&mut self, node: u32, kind: Kind, budget: &mut Budget) -> u32 {
        let family = self.work.forest.family(node);
        if !self.work.is_needed(node) {
            self.drop_finished(family.end);
            return family.end;
        }
        self.read_ahead(node);
        let mut result = self.spare.pop().unwrap_or_default();
        let applied = budget
            .check()
            .and_then(|()| self.apply(node, kind, &mut result, budget));
        self.drop_finished(family.end);
        match applied {
            Ok(trace) => {
                self.give(node, kind, &result, &trace);
                budget.unfolded(result.len());
                self.keep(node, result, trace)
            }
            Err(error) => {
                self.spare.push(result);
                self.lost(family.clone(), &error.to_string());
                family.end
            }
        }
    }

    /// Reads ahead the next objects.
    fn read_ahead(&mut self, node: u32) {
        const AHEAD: u32 = 16;
        if node < self.ahead || self.work.needed.is_some() {
            return;
        }
        self.ahead = node + AHEAD;
        let offsets = self.work.forest.offsets_from(node, AHEAD as usize);
        self.work.pack.read_ahead(offsets);
    }

    /// Gives back the base that was decoded last if nothing from the node `end` on is made of it.
    fn drop_finished(&mut self, end: u32) {
        if let Some(frame) = self.frames.pop_if(|frame| frame.end == end) {
            self.held -= frame.bytes.len();
            self.spare(frame.bytes);
        }
    }

    /// Keeps an object for the deltas that are made of it, and gives the node that comes next.
    fn keep(&mut self, node: u32, bytes: Buffer, trace: V::Trace) -> u32 {
        let family = self.work.forest.family(node);
        let below = node + 1..family.end;
        if below.is_empty() {
            self.spare(bytes);
        } else if self.held + bytes.len() > MAX_HELD {
            self.spare(bytes);
            self.lost(below, "too many big objects are made of each other");
            return family.end;
        } else {
            self.held += bytes.len();
            self.frames.push(Frame {
                bytes,
                end: family.end,
                trace,
            });
        }
        below.start
    }

    fn spare(&mut self, bytes: Buffer) {
        /// A buffer that one huge object has grown is given back.
        const KEEP: usize = 16 << 20;
        const MOST: usize = 64;
        if bytes.capacity() <= KEEP && self.spare.len() < MOST {
            self.spare.push(bytes);
        }
    }

    /// Applies the delta of `node` to the base that was decoded last, and says what the visitor knows
    /// of the result.
    fn apply(
        &mut self,
        node: u32,
        kind: Kind,
        result: &mut Buffer,
        budget: &mut Budget,
    ) -> Result<V::Trace, ObjectError> {
        let mut delta = std::mem::take(&mut self.delta);
        let inflated = self.inflate(node, &mut delta);
        self.delta = delta;
        budget.packed(inflated?);
        let delta = Delta::read(&self.delta)?;
        check_size(delta.result_size())?;
        let base = self.frames.last();
        let bytes = base.map_or(&[][..], |frame| &frame.bytes);
        delta.apply(bytes, result, &mut self.copies)?;
        let base = base.map(|frame| Base {
            trace: &frame.trace,
            copies: &self.copies,
        });
        Ok(self.visitor.trace(kind, result, base))
    }

    /// Inflates what the pack has of a node, and gives the number of bytes that it has there.
    fn inflate(&mut self, node: u32, bytes: &mut Buffer) -> Result<u64, ObjectError> {
        let (pack, forest) = (self.work.pack, self.work.forest);
        let entry = pack.entry(forest.offset(node))?;
        let packed = pack.inflate(&entry, &mut self.inflate, bytes)?;
        // Between two objects there is nothing: else the index hides one.
        if entry.data + packed != forest.end(node) {
            let path = pack.path.clone();
            let message = "has objects that its index does not list".to_owned();
            if !self.tally.files.iter().any(|(known, _)| *known == path) {
                self.tally.files.push((path, message));
            }
        }
        Ok(packed)
    }

    /// Gives an object to the visitor, unless it is shared, an earlier pack has it too, or it is a base
    /// alone.
    fn give(&mut self, node: u32, kind: Kind, bytes: &[u8], trace: &V::Trace) {
        if self.work.is_counted.get(node as usize) == Some(&true) {
            return;
        }
        let id = self.work.id(node);
        if !self.work.selection.takes(id) {
            return;
        }
        self.tally.all_bytes += bytes.len() as u64;
        let is_repeated = self.work.earlier.iter().any(|pack| pack.contains(id));
        if !is_repeated {
            self.tally.objects += 1;
            self.tally.bytes += bytes.len() as u64;
            let index = self.work.forest.index(node);
            self.visitor.place(self.work.earlier.len(), index);
        }
        if !is_repeated || self.work.whole {
            self.visitor.visit(kind, id, bytes, trace);
            if let Some(shared) = self.work.shared.filter(|_| self.visitor.found_nothing()) {
                shared.add(id, bytes.len());
            }
        }
    }

    /// Counts nodes as not read.
    fn lost(&mut self, nodes: Range<u32>, message: &str) {
        for node in nodes {
            self.broken(node, message.to_owned());
        }
    }

    fn broken(&mut self, node: u32, message: String) {
        self.tally
            .broken
            .push((self.work.id(node).to_owned(), message));
    }
}

/// How much a family of deltas may unfold to.
#[derive(Default)]
struct Budget {
    packed: u64,
    unfolded: u64,
}

impl Budget {
    fn packed(&mut self, bytes: u64) {
        self.packed += bytes;
    }

    fn unfolded(&mut self, bytes: usize) {
        self.unfolded += bytes as u64;
    }

    fn check(&self) -> Result<(), ObjectError> {
        if self.unfolded > FREE_GROWTH + self.packed.saturating_mul(MAX_GROWTH) {
            return Err(ObjectError::Corrupt("it unfolds to more than is read"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_heavy_comes_first_and_nothing_else_moves() {
        let mut all: Vec<u64> = (0..100).map(|at| at % 7).collect();
        all[40] = 90;
        all[80] = 500;
        let sorted = heaviest_first(all.clone(), |weight| *weight, 2);
        assert_eq!(sorted[..2], [90, 500]);
        all.retain(|weight| *weight < 7);
        assert_eq!(sorted[2..], all);
        assert_eq!(heaviest_first(vec![5; 90], |weight| *weight, 2), [5; 90]);
        assert!(heaviest_first(Vec::new(), |weight| *weight, 0).is_empty());
    }
}
