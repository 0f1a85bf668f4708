//! The places of a token: which are named, and what is found where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::cache::TokenPlaces;
use crate::engine::leaks::{FileComments, Search, SearchVisitor, Sighting, TokenKey};
use crate::model::{Finding, MessageKind, Origin, Problem, Provenance, Revision};
use crate::source::git::{Base, IdSet, Kind, ObjectId, ObjectVisitor, oid, tree_names};

/// The most places of one token that are searched again: as many as a finding names, and beyond that
/// one for each further path, so that an entry that hides the first ones does not hide the others.
const MAX_PLACES: usize = 1000;

/// Where an object stands.
pub(super) struct Place {
    pub(super) provenance: Provenance,
    /// What it is, unless a file.
    pub(super) message: Option<MessageKind>,
    pub(super) revision: Revision,
    /// Where the index has it, and HEAD does not.
    pub(super) staged: Option<Provenance>,
    /// Whether it is told of beside that.
    pub(super) is_elsewhere: bool,
}

impl Place {
    /// The order in which places are named: what refs reach first, then the oldest commit.
    fn order(&self) -> impl Ord + '_ {
        let commit = self.revision.commit.as_ref();
        (
            self.revision.reachable == Some(false),
            commit.is_none(),
            commit.map(|commit| (&commit.date, &commit.id)),
            &self.provenance.path,
            &self.revision.object,
        )
    }

    /// The provenance of a token here, which may stand in the tree of HEAD by another object.
    fn provenance(&self, at_head: Option<bool>) -> Provenance {
        let revision = Arc::new(Revision {
            at_head,
            ..self.revision.clone()
        });
        Provenance {
            origin: match self.message {
                Some(kind) => Origin::Message(kind, revision),
                None => Origin::History(revision),
            },
            ..self.provenance.clone()
        }
    }
}

/// The places of a token that are named, of the `objects` that hold it, and how often.
pub(super) fn chosen(
    objects: &BTreeMap<ObjectId, usize>,
    places: &BTreeMap<ObjectId, Place>,
) -> TokenPlaces {
    let mut ordered: Vec<(&ObjectId, &Place)> = objects
        .keys()
        .filter_map(|id| Some((id, places.get(id)?)))
        .collect();
    ordered.sort_by(|a, b| a.1.order().cmp(&b.1.order()));
    let at_head = ordered
        .iter()
        .map(|(_, place)| place.revision.at_head)
        .reduce(|a, b| match (a, b) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        })
        .flatten();
    let mut paths: BTreeSet<&str> = BTreeSet::new();
    let mut chosen = BTreeSet::new();
    for (at, (id, place)) in ordered.into_iter().enumerate() {
        let is_new = paths.insert(&place.provenance.path);
        if at <= Finding::MAX_RELATED || (is_new && chosen.len() < MAX_PLACES) {
            chosen.insert(*id);
        }
    }
    let named: usize = chosen.iter().map(|id| objects[id]).sum();
    let all: usize = objects.values().sum();
    TokenPlaces {
        objects: chosen,
        at_head,
        beyond: all.saturating_sub(named),
    }
}

/// Searches the objects that are named, on one thread.
pub(super) struct PlaceVisitor<'s, 'r> {
    searcher: SearchVisitor<'s, 'r>,
    search: &'s Search<'r>,
    places: &'s BTreeMap<ObjectId, Place>,
    chosen: &'s BTreeMap<TokenKey, TokenPlaces>,
    /// Objects that are searched for what cannot be read in them.
    unread: &'s IdSet,
    pub(super) sightings: Vec<Sighting>,
    pub(super) comments: Vec<FileComments>,
    pub(super) packed: Vec<(ObjectId, Problem)>,
}

impl<'s, 'r> PlaceVisitor<'s, 'r> {
    pub(super) fn new(
        search: &'s Search<'r>,
        places: &'s BTreeMap<ObjectId, Place>,
        chosen: &'s BTreeMap<TokenKey, TokenPlaces>,
        unread: &'s IdSet,
    ) -> Self {
        Self {
            searcher: search.visitor(),
            search,
            places,
            chosen,
            unread,
            sightings: Vec::new(),
            comments: Vec::new(),
            packed: Vec::new(),
        }
    }
}

impl ObjectVisitor for PlaceVisitor<'_, '_> {
    type Trace = ();

    fn trace(&mut self, _: Kind, _: &[u8], _: Option<Base<'_, ()>>) {}

    fn visit(&mut self, kind: Kind, id: &oid, bytes: &[u8], (): &()) {
        let Some(place) = self.places.get(id) else {
            return;
        };
        let provenance = place.provenance(place.revision.at_head);
        if let Some(staged) = &place.staged {
            self.searcher.search(bytes, || staged.clone());
        }
        if !place.is_elsewhere {
            // The index alone has it.
        } else if kind == Kind::Tree {
            for (_, name) in tree_names(id, bytes) {
                let shown = self.search.detector.masked(&String::from_utf8_lossy(name));
                let path = match &*provenance.path {
                    "" => shown,
                    folder => format!("{folder}/{shown}"),
                };
                let provenance = Provenance {
                    path: path.into(),
                    ..provenance.clone()
                };
                self.searcher.search(name, || provenance.clone());
            }
        } else {
            self.searcher.search(bytes, || provenance.clone());
        }
        let harvest = self.searcher.take();
        for mut sighting in harvest.sightings {
            let chosen = self.chosen.get(&sighting.key());
            if let Some(chosen) = chosen.filter(|chosen| chosen.objects.contains(id)) {
                let provenance = &mut sighting.location.provenance;
                if !matches!(provenance.origin, Origin::Index(_)) {
                    provenance.origin = place.provenance(chosen.at_head).origin;
                }
                self.sightings.push(sighting);
            }
        }
        if self.unread.contains(id) {
            let problems = harvest.problems.into_iter();
            self.packed
                .extend(problems.map(|problem| (id.to_owned(), problem)));
        }
        let mut chosen = self.chosen.values();
        if chosen.any(|choice| choice.objects.contains(id)) {
            self.comments.extend(harvest.comments);
        }
    }
}
