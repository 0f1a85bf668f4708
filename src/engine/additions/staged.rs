//! What `git commit` would record: the index against HEAD.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::{MakeOrigin, ObjectReader, Place, Wanted, each, search_names};
use crate::engine::leaks::{Harvest, Search};
use crate::model::{Digest, Origin, Problem, Provenance, Revision};
use crate::source::git::{
    self, Changes, Commit, Decoder, Defect, Head, Index, ObjectId, Objects, Snapshot,
};

/// An index and what it has that HEAD has not.
pub(super) struct Staged {
    /// `None` where it cannot be read.
    index: Option<Index>,
    /// What the run reads of it.
    added: Vec<git::Added>,
    changes: Changes,
}

impl Staged {
    /// Compares the index, or the one at `index`, with HEAD.
    pub(super) fn new(
        wanted: &Wanted<'_>,
        index: Option<&Path>,
        objects: &Objects,
        defects: &mut Vec<Defect>,
    ) -> Self {
        let repository = wanted.repository;
        let index = match repository.index(index) {
            Ok(index) => index,
            Err(defect) => {
                defects.push(defect);
                return Self {
                    index: None,
                    added: Vec::new(),
                    changes: Changes::default(),
                };
            }
        };
        let tree = head_tree(&repository.head(defects), objects, defects);
        let changes = index.changes(tree, objects, defects);
        let mut added = changes.added.clone();
        added.retain(|added| wanted.takes(&added.path));
        Self {
            index: Some(index),
            added,
            changes,
        }
    }

    pub(super) fn snapshot<'o>(
        &'o self,
        objects: &'o Objects,
    ) -> Option<(Snapshot<'o>, MakeOrigin)> {
        let index = self.index.as_ref()?;
        Some((Snapshot::of_index(index, objects), Origin::Index))
    }

    pub(super) fn touches(&self, path: &str) -> bool {
        self.added
            .binary_search_by(|added| added.path.as_slice().cmp(path.as_bytes()))
            .is_ok()
    }

    /// Searches what is new, and leaves what stood in what is replaced, removed or renamed.
    pub(super) fn search(
        &self,
        place: &Place<'_>,
        search: &Search<'_>,
        defects: &mut Vec<Defect>,
    ) -> Harvest {
        let found = each(&self.added, place.threads, |added: &[git::Added]| {
            let mut reader = ObjectReader::new(place, search.visitor());
            for git::Added { path, blob } in added {
                let path: Arc<str> = String::from_utf8_lossy(path).into();
                if (search.is_structured)(&path) {
                    let structured = (place.root, Arc::clone(&path));
                    reader.visitor.harvest.structured.push(structured);
                }
                let path: Arc<str> = search.detector.masked(&path).into();
                reader.search(*blob, &path, || index_provenance(place, &path, *blob));
            }
            reader.finish()
        });
        let mut harvest = Harvest::default();
        for (next, missing) in found {
            harvest.append(next);
            defects.extend(missing);
        }
        let names = search_names(
            place,
            search,
            &self.changes,
            &self.added,
            |added| {
                let path = search
                    .detector
                    .masked(&String::from_utf8_lossy(&added.path));
                index_provenance(place, &path.into(), added.blob)
            },
            defects,
        );
        if !harvest.sightings.is_empty() {
            let known = self.known(place, search, &mut harvest.problems, defects);
            harvest
                .sightings
                .retain(|sighting| !known.contains(&sighting.leak.digest));
        }
        harvest.sightings.extend(names);
        harvest
    }

    /// The tokens of what is replaced, removed or renamed.
    fn known(
        &self,
        place: &Place<'_>,
        search: &Search<'_>,
        problems: &mut Vec<Problem>,
        defects: &mut Vec<Defect>,
    ) -> BTreeSet<Digest> {
        let replaced = self.changes.replaced(place.objects, defects);
        let found = each(&replaced, place.threads, |blobs: &[ObjectId]| {
            let mut reader = ObjectReader::new(place, search.visitor());
            for blob in blobs {
                reader.search_replaced(*blob);
            }
            reader.finish()
        });
        let mut known = BTreeSet::new();
        for (harvest, missing) in found {
            // What cannot be read takes nothing away from what is new.
            defects.extend(missing);
            problems.extend(harvest.problems);
            let sightings = harvest.sightings.into_iter();
            known.extend(sightings.map(|sighting| sighting.leak.digest));
        }
        known
    }
}

fn index_provenance(place: &Place<'_>, path: &Arc<str>, blob: ObjectId) -> Provenance {
    Provenance {
        origin: Origin::Index(Arc::new(Revision {
            object: blob.to_string().into(),
            ..Revision::default()
        })),
        ..place.provenance(path)
    }
}

/// The tree of HEAD; without a commit, or without one that can be read, everything is new.
fn head_tree(head: &Head, objects: &Objects, defects: &mut Vec<Defect>) -> Option<ObjectId> {
    match Commit::find(head.id()?, objects, &mut Decoder::default()) {
        Ok(commit) => Some(commit.tree),
        Err(defect) => {
            defects.push(defect);
            None
        }
    }
}
