//! One pass over every object of a database: each delta is applied once, each object given away once.
//!
//! Families of deltas are walked depth first, so that a base is at hand when its deltas are applied.
//! A visitor keeps what it knows of a base ([`ObjectVisitor::Trace`]) until the last of them is, so that
//! it need not look again at bytes that are copies. Families are shared out between threads; what a
//! visitor gathers must not depend on the order.

mod packed;
mod unpacked;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use gix_hash::{ObjectId, oid};
use gix_object::Kind;

use super::numbering::IdSet;
use super::objects::Objects;
use super::threads::on_threads;
use super::{Defect, Repository, Shared};
use crate::model::{Copied, ProblemClass};
use packed::PackWork;
use unpacked::LooseWork;
pub(super) use unpacked::loose_ids;

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

    /// Says of the object that is visited next where it is listed, so that nobody need look for it: the
    /// place of its pack among all, and its own in the index of that. It is not said of every object.
    fn place(&mut self, _pack: usize, _index: u32) {}

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
                let mut tally = work.lost();
                tally.add(work.share(part.shared));
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
                    portions: Portions::new(ids.len(), visitors.len()),
                    ids,
                    objects,
                    selection,
                    whole: part.whole,
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

/// Shares out the places of a list between threads.
///
/// Towards the end the portions become smaller, so that no thread waits long for another: what one place
/// costs differs a thousandfold.
struct Portions {
    count: usize,
    threads: usize,
    next: AtomicUsize,
}

impl Portions {
    const MOST: usize = 64;

    const fn new(count: usize, threads: usize) -> Self {
        Self {
            count,
            threads,
            next: AtomicUsize::new(0),
        }
    }

    /// The next portion, if anything is left.
    fn take(&self) -> Option<Range<usize>> {
        let end = |start: usize| {
            let left = self.count - start;
            let share = left / (8 * self.threads.max(1));
            (left > 0).then_some(start + share.clamp(1, Self::MOST))
        };
        let taken = self
            .next
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, end);
        let start = taken.ok()?;
        Some(start..end(start)?)
    }
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
    let work = |visitor: &mut V| {
        let mut tally = Tally::default();
        work(visitor, &mut tally);
        tally
    };
    let mut total = Tally::default();
    for tally in on_threads(visitors, work) {
        total.add(tally);
    }
    total
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn portions_are_all_places_and_small_in_the_end() {
        for (count, threads) in [(0, 2), (1, 4), (63, 1), (10_000, 2), (500, 0)] {
            let portions = Portions::new(count, threads);
            let taken: Vec<Range<usize>> = std::iter::from_fn(|| portions.take()).collect();
            let places: Vec<usize> = taken.iter().cloned().flatten().collect();
            assert_eq!(places, (0..count).collect::<Vec<_>>());
            assert!(taken.iter().all(|portion| portion.len() <= Portions::MOST));
            assert!(taken.last().is_none_or(|last| last.len() == 1));
            assert_eq!(portions.take(), None);
        }
        assert_eq!(Portions::new(10_000, 2).take(), Some(0..Portions::MOST));
    }
}
