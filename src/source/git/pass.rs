//! One pass over every object of a database: each delta is applied once, each object given away once.
//!
//! Families of deltas are walked depth first, so that a base is at hand when its deltas are applied.
//! A visitor keeps what it knows of a base ([`ObjectVisitor::Trace`]) until the last of them is, so that
//! it need not look again at bytes that are copies. Families are shared out between threads; what a
//! visitor gathers must not depend on the order.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io, thread};

use gix_hash::{ObjectId, oid};
use gix_object::Kind;

use super::delta::Delta;
use super::files::list;
use super::forest::{Forest, NONE, Needed};
use super::numbering::IdSet;
use super::objects::{Decoder, ObjectError, Objects};
use super::pack::{Pack, check_size};
use super::{Defect, Repository, Shared, loose};
use crate::model::{Copied, ProblemClass};

/// Roots and loose objects are shared out in portions of this many.
const PORTION: usize = 64;

/// The most bytes of bases that one thread holds. Git makes no deltas of files above
/// [`super::MAX_OBJECT`], so that only a pack made for it comes near.
const MAX_HELD: usize = 2 << 30;

/// The most bytes that a family of deltas may unfold to, beside [`MAX_GROWTH`] times what it has.
const FREE_GROWTH: u64 = 1 << 30;

/// See [`FREE_GROWTH`]. A file of a megabyte that changed ten thousand times by a line comes to half
/// of this.
const MAX_GROWTH: u64 = 20_000;

/// The most objects of one kind of damage that are named.
const MAX_NAMED: usize = 25;

/// Takes the objects that one thread decodes.
pub trait ObjectVisitor: Send {
    /// What is known of an object, as long as others are made of it.
    type Trace;

    /// What is known of an object, which may be made of another. It need not be one of the selection,
    /// and need not be visited.
    fn trace(
        &mut self,
        kind: Kind,
        bytes: &[u8],
        base: Option<Base<'_, Self::Trace>>,
    ) -> Self::Trace;

    /// Takes an object. Objects come in no order.
    fn visit(&mut self, kind: Kind, id: &oid, bytes: &[u8], trace: &Self::Trace);

    /// Whether there was nothing in the object that was visited last, for every visitor that looks for
    /// the same.
    fn found_nothing(&self) -> bool {
        false
    }
}

/// What an object is made of.
#[derive(Clone, Copy, Debug)]
pub struct Base<'b, T> {
    /// What is known of the base.
    pub trace: &'b T,
    /// The bytes that are copies from it, in the order of the object.
    pub copies: &'b [Copied],
}

/// Which objects a pass gives away.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'s> {
    /// Of these kinds.
    pub kinds: &'s [Kind],
    /// Of these ids alone.
    pub wanted: Option<&'s IdSet>,
}

impl Selection<'_> {
    fn takes(&self, id: &oid) -> bool {
        self.wanted.is_none_or(|wanted| wanted.contains(id))
    }
}

/// The part of a database that a pass reads.
#[derive(Clone, Debug)]
pub(super) struct Part<'p> {
    /// Packs, by their place among all.
    pub(super) packs: Range<usize>,
    /// Whether loose objects are read.
    pub(super) loose: bool,
    /// Loose objects that are counted and not read, with their sizes.
    pub(super) known: &'p BTreeMap<ObjectId, u64>,
    /// Whether packs and loose objects are to be remembered: then each pack gives away all that it
    /// has, also what an earlier one gave away, and the outcome says what was read whole.
    pub(super) whole: bool,
    /// Objects that need not be read, and where those go that have nothing in them.
    pub(super) shared: Option<&'p Shared>,
}

/// What a pass came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassOutcome {
    /// Objects that were decoded.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What could not be read, sorted.
    pub defects: Vec<Defect>,
    /// Packs of which nothing was lost.
    pub(super) packs: Vec<WholePack>,
    /// Loose blobs and trees that are what their ids say, with their sizes; of a pass that remembers.
    pub(super) loose: Vec<(ObjectId, u64)>,
}

/// A pack of which nothing was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WholePack {
    /// Its place.
    pub(super) number: usize,
    /// The bytes of all its objects.
    pub(super) bytes: u64,
    /// Whether no pack before it has any of its objects.
    pub(super) is_distinct: bool,
}

/// Gives every object of `selection` to the visitors, of which each has a thread of its own.
pub fn pass<V: ObjectVisitor>(
    repository: &Repository,
    objects: &Objects,
    selection: Selection<'_>,
    visitors: &mut [V],
) -> PassOutcome {
    let everything = Part {
        packs: 0..objects.packs.len(),
        loose: true,
        known: &BTreeMap::new(),
        whole: false,
        shared: None,
    };
    pass_over(repository, objects, selection, everything, visitors)
}

/// The same of a part of the database.
pub(super) fn pass_over<V: ObjectVisitor>(
    repository: &Repository,
    objects: &Objects,
    selection: Selection<'_>,
    part: Part<'_>,
    visitors: &mut [V],
) -> PassOutcome {
    let mut total = Tally::default();
    for number in part.packs {
        let pack = &objects.packs[number];
        let work = PackWork::new(pack, &objects.packs[..number], selection, visitors.len());
        match work {
            Ok(mut work) => {
                work.whole = part.whole;
                let mut tally = work.share(part.shared);
                tally.add(run(visitors, |visitor, tally| work.run(visitor, tally)));
                if !work.intact {
                    let message = "has a damaged index: what is read of it may not be all";
                    tally.files.push((pack.path.clone(), message.to_owned()));
                }
                if tally.broken.is_empty() && tally.files.is_empty() {
                    tally.packs.push(WholePack {
                        number,
                        bytes: tally.all_bytes,
                        is_distinct: tally.objects == u64::from(pack.index.num_objects()),
                    });
                }
                total.add(tally);
            }
            Err(message) => total.files.push((pack.path.clone(), message.to_owned())),
        }
    }
    let folders = objects.folders.iter().filter(|_| part.loose);
    for folder in folders {
        match loose_ids(folder, objects) {
            Ok(mut ids) => {
                ids.retain(|id| match part.known.get(id) {
                    Some(size) => {
                        total.objects += 1;
                        total.bytes += size;
                        false
                    }
                    None => true,
                });
                let work = LooseWork {
                    folder,
                    ids,
                    objects,
                    selection,
                    whole: part.whole,
                    next: AtomicUsize::new(0),
                };
                total.add(run(visitors, |visitor, tally| work.run(visitor, tally)));
            }
            Err(error) => total
                .files
                .push((folder.clone(), format!("not read: {error}"))),
        }
    }
    total.outcome(repository)
}

/// Runs `work` once for each visitor, on threads where there are several.
pub(super) fn run<V: ObjectVisitor>(
    visitors: &mut [V],
    work: impl Fn(&mut V, &mut Tally) + Sync,
) -> Tally {
    if let [visitor] = visitors {
        let mut tally = Tally::default();
        work(visitor, &mut tally);
        return tally;
    }
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = visitors
            .iter_mut()
            .map(|visitor| {
                scope.spawn(move || {
                    let mut tally = Tally::default();
                    work(visitor, &mut tally);
                    tally
                })
            })
            .collect();
        let mut total = Tally::default();
        for thread in threads {
            match thread.join() {
                Ok(tally) => total.add(tally),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        total
    })
}

/// What one thread, or all of them, came to.
#[derive(Default)]
pub(super) struct Tally {
    objects: u64,
    bytes: u64,
    /// Objects that could not be read, with what is wrong.
    pub(super) broken: Vec<(ObjectId, String)>,
    /// Packs and folders that could not be read, with what is wrong.
    files: Vec<(std::path::PathBuf, String)>,
    /// The bytes of all objects that a pack has.
    all_bytes: u64,
    /// See [`PassOutcome`].
    packs: Vec<WholePack>,
    loose: Vec<(ObjectId, u64)>,
}

impl Tally {
    fn add(&mut self, mut other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.all_bytes += other.all_bytes;
        self.packs.append(&mut other.packs);
        self.loose.append(&mut other.loose);
        self.broken.append(&mut other.broken);
        self.files.append(&mut other.files);
    }

    /// Names the first broken objects by id and counts the rest, whichever thread met them.
    pub(super) fn outcome(mut self, repository: &Repository) -> PassOutcome {
        self.broken.sort();
        self.broken.dedup_by(|a, b| a.0 == b.0);
        let objects_path = repository.shown(&repository.common_dir().join("objects"));
        let defect = |message| Defect {
            class: ProblemClass::Object,
            path: objects_path.clone(),
            message,
            mend: Some("`git fsck` says more; fetch the objects again"),
        };
        let mut defects: Vec<Defect> = self
            .broken
            .iter()
            .take(MAX_NAMED)
            .map(|(id, message)| defect(format!("object {id} is not read: {message}")))
            .collect();
        if self.broken.len() > MAX_NAMED {
            let more = self.broken.len() - MAX_NAMED;
            defects.push(defect(format!("{more} more objects are not read")));
        }
        defects.extend(self.files.into_iter().map(|(path, message)| Defect {
            class: ProblemClass::Pack,
            path: repository.shown(&path),
            message,
            mend: Some("`git fsck` says more; fetch the objects again"),
        }));
        defects.sort();
        defects.dedup();
        self.loose.sort_unstable();
        PassOutcome {
            objects: self.objects,
            bytes: self.bytes,
            defects,
            packs: self.packs,
            loose: self.loose,
        }
    }
}

/// One pack to be read.
struct PackWork<'p> {
    pack: &'p Pack,
    /// Packs before this one: what they have was given away already.
    earlier: &'p [Pack],
    forest: &'p Forest,
    needed: Option<Needed>,
    selection: Selection<'p>,
    roots: Vec<(u32, Kind)>,
    /// Whether the index is as it was written: else ids may be wrong, and objects are hidden.
    intact: bool,
    /// See [`Part::whole`].
    whole: bool,
    /// See [`Part::shared`].
    shared: Option<&'p Shared>,
    /// For each node whether it is shared and counted already; empty where none is.
    is_counted: Vec<bool>,
    next: AtomicUsize,
}

impl<'p> PackWork<'p> {
    fn new(
        pack: &'p Pack,
        earlier: &'p [Pack],
        selection: Selection<'p>,
        threads: usize,
    ) -> Result<Self, &'static str> {
        let (forest, intact) = thread::scope(|scope| {
            let intact = scope.spawn(|| pack.index_is_intact());
            let forest = pack.forest(threads);
            (forest, intact.join().unwrap_or_default())
        });
        let forest = forest?;
        let needed = selection.wanted.map(|wanted| forest.needed(pack, wanted));
        let roots = forest.roots.iter().copied();
        let roots = roots
            .filter(|(_, kind)| selection.kinds.contains(kind))
            .filter(|(root, _)| needed.as_ref().is_none_or(|needed| needed.has(*root)))
            .collect();
        Ok(Self {
            pack,
            earlier,
            forest,
            needed,
            selection,
            roots,
            intact,
            whole: false,
            shared: None,
            is_counted: Vec::new(),
            next: AtomicUsize::new(0),
        })
    }

    /// Leaves out what is shared, and counts it.
    fn share(&mut self, shared: Option<&'p Shared>) -> Tally {
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
            .clone()
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
        let unknown = nodes.filter(|node| !self.is_counted[*node as usize]);
        let needed = self.forest.needed_of(unknown.map(|node| node as usize));
        self.roots.retain(|(root, _)| needed.has(*root));
        self.needed = Some(needed);
        tally
    }

    /// Takes portions of roots until there are none left.
    fn run<V: ObjectVisitor>(&self, visitor: &mut V, tally: &mut Tally) {
        let mut walker = Walker {
            work: self,
            visitor,
            tally,
            inflate: gix_zlib::Inflate::default(),
            delta: Vec::new(),
            copies: Vec::new(),
            spare: Vec::new(),
            frames: Vec::new(),
            held: 0,
        };
        loop {
            let from = self.next.fetch_add(PORTION, Ordering::Relaxed);
            if from == 0 {
                for (node, why) in &self.forest.lost {
                    walker.broken(*node, (*why).to_owned());
                }
            }
            let Some(portion) = self.roots.get(from..) else {
                break;
            };
            for (root, kind) in portion.iter().take(PORTION) {
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

/// A base that deltas still wait for.
struct Frame<T> {
    bytes: Vec<u8>,
    /// The next delta to apply.
    child: u32,
    /// What the visitor knows of it.
    trace: T,
}

/// Walks the families of one pack on one thread.
struct Walker<'w, 'p, V: ObjectVisitor> {
    work: &'w PackWork<'p>,
    visitor: &'w mut V,
    tally: &'w mut Tally,
    inflate: gix_zlib::Inflate,
    delta: Vec<u8>,
    /// What the delta that was applied last has from its base.
    copies: Vec<Copied>,
    /// Buffers that nobody needs at the moment.
    spare: Vec<Vec<u8>>,
    frames: Vec<Frame<V::Trace>>,
    /// Bytes in all frames.
    held: usize,
}

impl<V: ObjectVisitor> Walker<'_, '_, V> {
    /// Decodes a whole object and everything that is made of it.
    fn family(&mut self, root: u32, kind: Kind) {
        let mut budget = Budget::default();
        let mut bytes = self.spare.pop().unwrap_or_default();
        match self.inflate(root, &mut bytes) {
            Ok(packed) => budget.packed(packed),
            Err(error) => {
                self.spare.push(bytes);
                return self.lost(root, &error.to_string());
            }
        }
        let trace = self.visitor.trace(kind, &bytes, None);
        self.give(root, kind, &bytes, &trace);
        budget.unfolded(bytes.len());
        self.keep(root, bytes, trace);
        while let Some(child) = self.next_child() {
            if !self.work.is_needed(child) {
                self.drop_finished();
                continue;
            }
            let mut result = self.spare.pop().unwrap_or_default();
            let applied = budget
                .check()
                .and_then(|()| self.apply(child, kind, &mut result, &mut budget));
            self.drop_finished();
            match applied {
                Ok(trace) => {
                    self.give(child, kind, &result, &trace);
                    budget.unfolded(result.len());
                    self.keep(child, result, trace);
                }
                Err(error) => {
                    self.spare.push(result);
                    self.lost(child, &error.to_string());
                }
            }
        }
    }

    /// The next delta of the base that was decoded last.
    fn next_child(&mut self) -> Option<u32> {
        let frame = self.frames.last_mut()?;
        let child = frame.child;
        frame.child = self.work.forest.next_sibling(child);
        Some(child)
    }

    /// Gives back the base that was decoded last if no delta waits for it any more.
    fn drop_finished(&mut self) {
        if let Some(frame) = self.frames.pop_if(|frame| frame.child == NONE) {
            self.held -= frame.bytes.len();
            self.spare(frame.bytes);
        }
    }

    /// Keeps an object for the deltas that are made of it.
    fn keep(&mut self, node: u32, bytes: Vec<u8>, trace: V::Trace) {
        let child = self.work.forest.first_child(node);
        if child == NONE {
            self.spare(bytes);
        } else if self.held + bytes.len() > MAX_HELD {
            self.spare(bytes);
            let mut child = child;
            while child != NONE {
                self.lost(child, "too many big objects are made of each other");
                child = self.work.forest.next_sibling(child);
            }
        } else {
            self.held += bytes.len();
            self.frames.push(Frame {
                bytes,
                child,
                trace,
            });
        }
    }

    fn spare(&mut self, bytes: Vec<u8>) {
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
        result: &mut Vec<u8>,
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
    fn inflate(&mut self, node: u32, bytes: &mut Vec<u8>) -> Result<u64, ObjectError> {
        let (pack, forest) = (self.work.pack, self.work.forest);
        let entry = pack.entry(forest.offset(node))?;
        let size = check_size(entry.decompressed_size)?;
        bytes.resize(size, 0);
        let packed = pack
            .data
            .decompress_entry(&entry, &mut self.inflate, bytes)
            .map_err(|_| ObjectError::Corrupt("it does not inflate"))?;
        // Between two objects there is nothing: else the index hides one.
        let end = forest
            .next_offset(node)
            .unwrap_or(pack.data.pack_end() as u64);
        if entry.data_offset + packed as u64 != end {
            let path = pack.path.clone();
            let message = "has objects that its index does not list".to_owned();
            if !self.tally.files.iter().any(|(known, _)| *known == path) {
                self.tally.files.push((path, message));
            }
        }
        Ok(packed as u64)
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
        }
        if !is_repeated || self.work.whole {
            self.visitor.visit(kind, id, bytes, trace);
            if let Some(shared) = self.work.shared.filter(|_| self.visitor.found_nothing()) {
                shared.add(id, bytes.len());
            }
        }
    }

    /// Counts a node and everything that is made of it as not read.
    fn lost(&mut self, node: u32, message: &str) {
        let mut below = vec![node];
        while let Some(node) = below.pop() {
            self.broken(node, message.to_owned());
            let mut child = self.work.forest.first_child(node);
            while child != NONE {
                below.push(child);
                child = self.work.forest.next_sibling(child);
            }
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

/// Loose objects of one folder to be read.
struct LooseWork<'p> {
    folder: &'p std::path::Path,
    ids: Vec<ObjectId>,
    objects: &'p Objects,
    selection: Selection<'p>,
    /// See [`Part::whole`].
    whole: bool,
    next: AtomicUsize,
}

impl LooseWork<'_> {
    fn run<V: ObjectVisitor>(&self, visitor: &mut V, tally: &mut Tally) {
        let mut decoder = Decoder::default();
        loop {
            let from = self.next.fetch_add(PORTION, Ordering::Relaxed);
            let Some(portion) = self.ids.get(from..) else {
                break;
            };
            for id in portion.iter().take(PORTION) {
                if self.selection.takes(id) {
                    self.object(id, &mut decoder, visitor, tally);
                }
            }
        }
    }

    fn object<V: ObjectVisitor>(
        &self,
        id: &oid,
        decoder: &mut Decoder,
        visitor: &mut V,
        tally: &mut Tally,
    ) {
        // Another copy may be whole where this one is not.
        let mut is_own = true;
        let found = match loose::find(self.folder, id, decoder) {
            Err(error) => match self.objects.find(id, decoder) {
                Ok(Some(object)) => {
                    is_own = false;
                    Ok(Some(object.kind))
                }
                _ => Err(error),
            },
            found => found,
        };
        match found {
            Ok(Some(kind)) if self.selection.kinds.contains(&kind) => {
                tally.objects += 1;
                tally.bytes += decoder.object.len() as u64;
                // Commits and tags are small, and the graph needs them.
                if self.whole && is_own && matches!(kind, Kind::Blob | Kind::Tree) {
                    let hashed = gix_object::compute_hash(id.kind(), kind, &decoder.object);
                    if hashed.is_ok_and(|hashed| *hashed == *id) {
                        let size = decoder.object.len() as u64;
                        tally.loose.push((id.to_owned(), size));
                    }
                }
                let trace = visitor.trace(kind, &decoder.object, None);
                visitor.visit(kind, id, &decoder.object, &trace);
            }
            Ok(_) => {}
            Err(error) => tally.broken.push((id.to_owned(), error.to_string())),
        }
    }
}

/// The ids of the loose objects below `folder` that no pack and no folder before it has, in order.
/// Other files are passed over: Git itself leaves temporary ones behind.
pub(super) fn loose_ids(folder: &std::path::Path, objects: &Objects) -> io::Result<Vec<ObjectId>> {
    let earlier: Vec<_> = objects
        .folders
        .iter()
        .take_while(|other| *other != folder)
        .collect();
    let mut ids = Vec::new();
    for sub in list(folder)? {
        let Some(first) = hex_name(&sub, 2) else {
            continue;
        };
        for file in list(&sub)? {
            let Some(rest) = hex_name(&file, objects.format.len_in_hex() - 2) else {
                continue;
            };
            let Ok(id) = ObjectId::from_hex(format!("{first}{rest}").as_bytes()) else {
                continue;
            };
            let is_packed = objects.packs.iter().any(|pack| pack.contains(&id));
            let is_known = |folder: &&std::path::PathBuf| {
                fs::metadata(loose::path(folder, &id)).is_ok_and(|file| file.is_file())
            };
            if !is_packed && !earlier.iter().any(is_known) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

fn hex_name(path: &std::path::Path, length: usize) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    let is_hex = name
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (name.len() == length && is_hex).then_some(name)
}
