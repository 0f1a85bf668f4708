//! A few objects out of many, each found by its id: a pass would read the headers of all.

use std::sync::atomic::{AtomicUsize, Ordering};

use gix_hash::ObjectId;

use super::numbering::IdSet;
use super::objects::Decoder;
use super::pass::{ObjectVisitor, PassOutcome, run};
use super::{Objects, Repository};

/// Of so many objects one is found by its id in less time than a pass takes.
const FEW: u64 = 200;

/// Whether [`pick`] is the way to get at `wanted`.
pub(super) fn are_few(wanted: &IdSet, objects: &Objects) -> bool {
    let packs = objects.packs.iter();
    let all: u64 = packs.map(|pack| u64::from(pack.index.num_objects())).sum();
    wanted.len() as u64 <= all / FEW
}

/// Gives the objects of `wanted` to `visitors`.
pub(super) fn pick<V: ObjectVisitor>(
    repository: &Repository,
    objects: &Objects,
    wanted: &IdSet,
    visitors: &mut [V],
) -> PassOutcome {
    let mut ids: Vec<ObjectId> = wanted.iter().copied().collect();
    ids.sort_unstable();
    let next = AtomicUsize::new(0);
    let tally = run(visitors, |visitor, tally| {
        let mut decoder = Decoder::default();
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            match objects.find(id, &mut decoder) {
                Ok(Some(object)) => {
                    let trace = visitor.trace(object.kind, object.bytes, None);
                    visitor.visit(object.kind, id, object.bytes, &trace);
                }
                Ok(None) => {}
                Err(error) => tally.broken.push((*id, error.to_string())),
            }
        }
    });
    tally.outcome(repository)
}
