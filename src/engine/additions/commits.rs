//! What commits added: those of a range, or those that a push brings.
//!
//! A commit adds a token that stands in a blob which none of its parents has at that path, and in none
//! of the blobs that it replaces. What is added and removed again within the range is added; what a
//! merge brings that none of its parents had is, too. Messages and annotated tags are searched as whole
//! objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{MakeOrigin, ObjectReader, Place, Wanted, each, search_names};
use crate::engine::ScanError;
use crate::engine::leaks::{FileComments, Harvest, Search, Sighting};
use crate::model::{
    CommitRef, Digest, MessageKind, Origin, Problem, ProblemClass, Provenance, Revision,
};
use crate::source::git::{
    Added, Changes, Commit, Decoder, Defect, ObjectId, Objects, Refs, RevisionRange, Revisions,
    Snapshot, changes_of, commits_of, tag_chain, tags_on,
};

/// A ref that a push changes, as Git tells a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// What it points at; zeros where it is new.
    pub old: String,
    /// What it is to point at; zeros where it is removed.
    pub new: String,
    /// Its full name.
    pub name: String,
}

/// Commits, and what each of them added.
pub(super) struct Commits {
    /// Oldest first.
    all: Vec<Commit>,
    /// In the order of the commits.
    changes: Vec<Changes>,
    tags: BTreeSet<ObjectId>,
    /// Whose files stand in for those on disk.
    tip: Option<ObjectId>,
    reach: Reach,
    /// Paths that a commit added something to.
    touched: BTreeSet<String>,
    is_whole: bool,
}

/// What is known of where the commits stand.
#[derive(Clone, Copy, Default)]
struct Reach {
    /// Whether a ref reaches all of them; unknown unless the range ends at one.
    reachable: Option<bool>,
    head_tree: Option<ObjectId>,
}

/// A blob, and the commits that brought it, oldest first, each with one path of it.
struct Brought {
    blob: ObjectId,
    by: Vec<(usize, Arc<str>)>,
}

impl Commits {
    /// The commits of `A..B` or `A...B`.
    ///
    /// # Errors
    ///
    /// A side that means no commit.
    pub(super) fn of_range(
        range: &str,
        wanted: &Wanted<'_>,
        objects: &Objects,
        defects: &mut Vec<Defect>,
    ) -> Result<Self, ScanError> {
        let repository = wanted.repository;
        let refs = repository.refs(defects);
        let range = Revisions::new(repository, &refs, objects)
            .range(range)
            .map_err(|error| {
                if repository.boundary().is_empty() {
                    ScanError::Revision(error)
                } else {
                    ScanError::RevisionOfShallow(error)
                }
            })?;
        let mut commits = Self::of(&range, wanted, objects, defects);
        let ids = commits.all.iter().map(|commit| commit.id).collect();
        commits.tags = tags_on(&refs, objects, &ids);
        let tip = range
            .tip()
            .map(|tip| Commit::find(tip, objects, &mut Decoder::default()));
        commits.tip = tip.and_then(Result::ok).map(|commit| commit.tree);
        let head = refs.head.id();
        let head = head.map(|head| Commit::find(head, objects, &mut Decoder::default()));
        let ends = match &range {
            RevisionRange::Between { to, .. } => to.clone(),
            RevisionRange::Symmetric(one, other) => vec![*one, *other],
        };
        commits.reach = Reach {
            reachable: ends
                .iter()
                .all(|end| is_tip(*end, &refs, objects))
                .then_some(true),
            head_tree: head.and_then(Result::ok).map(|head| head.tree),
        };
        Ok(commits)
    }

    /// The commits and tags that no ref of the repository reaches so far. What a push removes is left
    /// alone.
    pub(super) fn of_push(
        updates: &[RefUpdate],
        wanted: &Wanted<'_>,
        objects: &Objects,
        defects: &mut Vec<Defect>,
    ) -> Self {
        let refs = wanted.repository.refs(defects);
        let mut to = Vec::new();
        let mut tags = BTreeSet::new();
        for update in updates {
            let Ok(id) = ObjectId::from_hex(update.new.as_bytes()) else {
                continue;
            };
            if id.is_null() {
                continue;
            }
            let (chain, target) = tag_chain(id, objects);
            tags.extend(chain);
            match target {
                Some(target) => to.push(target),
                None => defects.push(unreadable(&update.name, id)),
            }
        }
        let known: BTreeSet<ObjectId> = refs.tips().into_iter().collect();
        let from = known.iter().filter_map(|tip| tag_chain(*tip, objects).1);
        let from: Vec<ObjectId> = from.filter(|tip| is_commit(*tip, objects)).collect();
        to.retain(|tip| is_commit(*tip, objects));
        let mut commits = Self::of(
            &RevisionRange::Between { from, to },
            wanted,
            objects,
            defects,
        );
        tags.retain(|tag| !known.contains(tag));
        commits.tags = tags;
        commits
    }

    fn of(
        range: &RevisionRange,
        wanted: &Wanted<'_>,
        objects: &Objects,
        defects: &mut Vec<Defect>,
    ) -> Self {
        let boundary = wanted.repository.boundary();
        let commits = commits_of(range, objects, &boundary, defects);
        let mut changes = Vec::new();
        for commit in &commits {
            let mut change = changes_of(commit, objects, defects);
            change.added.retain(|added| wanted.takes(&added.path));
            changes.push(change);
        }
        let touched = changes.iter().flat_map(|change: &Changes| &change.added);
        let touched = touched.map(|added| String::from_utf8_lossy(&added.path).into_owned());
        Self {
            touched: touched.collect(),
            all: commits,
            changes,
            tags: BTreeSet::new(),
            tip: None,
            // What a push brings is reached when it is taken, and that is not known yet.
            reach: Reach::default(),
            // Messages belong to the whole: a run over parts of a repository leaves them.
            is_whole: wanted.is_whole(),
        }
    }

    pub(super) fn snapshot<'o>(&self, objects: &'o Objects) -> Option<(Snapshot<'o>, MakeOrigin)> {
        Some((Snapshot::of_tree(self.tip?, objects), Origin::History))
    }

    pub(super) fn touches(&self, path: &str) -> bool {
        self.touched.contains(path)
    }

    /// Searches what every commit added, and leaves what stood in what it replaced.
    pub(super) fn search(
        &self,
        place: &Place<'_>,
        search: &Search<'_>,
        defects: &mut Vec<Defect>,
    ) -> Harvest {
        let told = Told {
            place,
            search,
            commits: &self.all,
            reach: self.reach,
        };
        let mut harvest = Harvest::default();
        if self.is_whole {
            self.search_messages(&told, &mut harvest, defects);
        }
        for (at, changes) in self.changes.iter().enumerate() {
            let names = search_names(
                place,
                search,
                changes,
                &changes.added,
                |added| {
                    let path = search
                        .detector
                        .masked(&String::from_utf8_lossy(&added.path));
                    let tree = told.revision(self.all[at].tree, Some(at));
                    Provenance {
                        origin: Origin::Message(MessageKind::Tree, tree),
                        ..place.provenance(&path.into())
                    }
                },
                defects,
            );
            harvest.sightings.extend(names);
        }
        let mut known = Known {
            told: &told,
            changes: &self.changes,
            by_commit: BTreeMap::new(),
            by_blob: BTreeMap::new(),
            problems: Vec::new(),
        };
        let brought = self.brought(search);
        let found = each(&brought, place.threads, |brought: &[Brought]| {
            let blobs = brought.iter().map(|brought| {
                let (commit, path) = &brought.by[0];
                let mut reader = ObjectReader::new(place, search.visitor());
                reader.search(brought.blob, path, || {
                    told.file(*commit, path, brought.blob)
                });
                reader.finish()
            });
            blobs.collect::<Vec<_>>()
        });
        for ((mut found, missing), brought) in found.into_iter().flatten().zip(&brought) {
            defects.extend(missing);
            known.keep_new(brought, &mut found, defects);
            harvest.append(found);
        }
        harvest.problems.append(&mut known.problems);
        share_at_head(&mut harvest.sightings);
        let snapshot = self.snapshot(place.objects);
        for path in &self.touched {
            let is_there = || snapshot.is_some_and(|(snapshot, _)| snapshot.blob(path).is_ok());
            if (search.is_structured)(path) && is_there() {
                harvest.structured.push((place.root, path.as_str().into()));
            }
        }
        harvest
    }

    fn search_messages(&self, told: &Told<'_>, harvest: &mut Harvest, defects: &mut Vec<Defect>) {
        let commits =
            (0..self.all.len()).map(|at| (MessageKind::Commit, self.all[at].id, Some(at)));
        let tags = self.tags.iter().map(|tag| (MessageKind::Tag, *tag, None));
        let messages: Vec<_> = commits.chain(tags).collect();
        let found = each(&messages, told.place.threads, |messages: &[_]| {
            let mut reader = ObjectReader::new(told.place, told.search.visitor());
            for (kind, id, commit) in messages {
                let path: Arc<str> = format!(".git/{}/{id}", kind.as_str()).into();
                reader.search(*id, &path, || Provenance {
                    origin: Origin::Message(*kind, told.revision(*id, *commit)),
                    ..told.place.provenance(&path)
                });
            }
            reader.finish()
        });
        for (found, missing) in found {
            harvest.append(found);
            defects.extend(missing);
        }
    }

    /// Every blob that a commit added, once.
    fn brought(&self, search: &Search<'_>) -> Vec<Brought> {
        let mut by_blob: BTreeMap<ObjectId, Vec<(usize, Arc<str>)>> = BTreeMap::new();
        for (commit, change) in self.changes.iter().enumerate() {
            for Added { path, blob } in &change.added {
                let by = by_blob.entry(*blob).or_default();
                // The first path in a commit stands for the others.
                if by.last().is_none_or(|(last, _)| *last != commit) {
                    let path = search.detector.masked(&String::from_utf8_lossy(path));
                    by.push((commit, path.into()));
                }
            }
        }
        let brought = by_blob.into_iter();
        brought.map(|(blob, by)| Brought { blob, by }).collect()
    }
}

/// Tells places by commit.
struct Told<'t> {
    place: &'t Place<'t>,
    search: &'t Search<'t>,
    commits: &'t [Commit],
    reach: Reach,
}

impl Told<'_> {
    fn revision(&self, object: ObjectId, commit: Option<usize>) -> Arc<Revision> {
        let commit = commit.map(|at| {
            let commit = &self.commits[at];
            CommitRef {
                id: commit.id.to_string().into(),
                author: self.search.detector.masked(&commit.author).into(),
                date: date(commit.seconds).into(),
            }
        });
        Arc::new(Revision {
            object: object.to_string().into(),
            commit,
            reachable: self.reach.reachable,
            at_head: None,
        })
    }

    fn file(&self, commit: usize, path: &Arc<str>, blob: ObjectId) -> Provenance {
        Provenance {
            origin: Origin::History(self.revision(blob, Some(commit))),
            ..self.place.provenance(path)
        }
    }
}

/// Tokens that stood in what commits replaced; looked up for commits that bring tokens alone.
struct Known<'k> {
    told: &'k Told<'k>,
    changes: &'k [Changes],
    by_commit: BTreeMap<usize, BTreeSet<Digest>>,
    by_blob: BTreeMap<ObjectId, BTreeSet<Digest>>,
    /// What of them could not be read, so that what stood there may count as new.
    problems: Vec<Problem>,
}

impl Known<'_> {
    /// Keeps the tokens that are new in a commit that brought the blob, and tells them by the oldest
    /// such commit.
    fn keep_new(&mut self, brought: &Brought, found: &mut Harvest, defects: &mut Vec<Defect>) {
        if found.sightings.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut found.sightings);
        let comments = std::mem::take(&mut found.comments);
        for (commit, path) in &brought.by {
            let known = self.of_commit(*commit, defects);
            let is_known = |sighting: &Sighting| known.contains(&sighting.leak.digest);
            let (old, new) = waiting.into_iter().partition(is_known);
            waiting = old;
            let new: Vec<Sighting> = new;
            if new.is_empty() {
                continue;
            }
            let place = self.told.file(*commit, path, brought.blob);
            for mut sighting in new {
                let digest = &sighting.leak.digest;
                let at_head = self.is_at_head(path, brought.blob, digest, defects);
                let provenance = &mut sighting.location.provenance;
                provenance.path = Arc::clone(&place.path);
                provenance.origin = place.origin.clone();
                if let Origin::History(revision) = &mut provenance.origin {
                    Arc::make_mut(revision).at_head = at_head;
                }
                found.sightings.push(sighting);
            }
            found
                .comments
                .extend(comments.iter().map(|file| FileComments {
                    provenance: Provenance {
                        within: file.provenance.within.clone(),
                        ..place.clone()
                    },
                    inline: file.inline.clone(),
                }));
        }
    }

    fn of_commit(&mut self, commit: usize, defects: &mut Vec<Defect>) -> &BTreeSet<Digest> {
        if !self.by_commit.contains_key(&commit) {
            let objects = self.told.place.objects;
            let mut known = BTreeSet::new();
            for blob in self.changes[commit].replaced(objects, defects) {
                known.extend(self.of_blob(blob, defects).iter().cloned());
            }
            self.by_commit.insert(commit, known);
        }
        &self.by_commit[&commit]
    }

    fn of_blob(&mut self, blob: ObjectId, defects: &mut Vec<Defect>) -> &BTreeSet<Digest> {
        let (place, search) = (self.told.place, self.told.search);
        let problems = &mut self.problems;
        self.by_blob.entry(blob).or_insert_with(|| {
            let mut reader = ObjectReader::new(place, search.visitor());
            reader.search_replaced(blob);
            let (harvest, missing) = reader.finish();
            defects.extend(missing);
            problems.extend(harvest.problems);
            let sightings = harvest.sightings.into_iter();
            sightings.map(|sighting| sighting.leak.digest).collect()
        })
    }

    /// Whether a token that `blob` brought to `path` stands there in the tree of HEAD; unknown where it
    /// may stand at another path.
    fn is_at_head(
        &mut self,
        path: &str,
        blob: ObjectId,
        digest: &Digest,
        defects: &mut Vec<Defect>,
    ) -> Option<bool> {
        let tree = self.told.reach.head_tree?;
        let now = Snapshot::of_tree(tree, self.told.place.objects).blob(path);
        let is_there =
            now.is_ok_and(|now| now == blob || self.of_blob(now, defects).contains(digest));
        is_there.then_some(true)
    }
}

/// A token that stands in the tree of HEAD stands there whatever place of it is told.
fn share_at_head(sightings: &mut [Sighting]) {
    let at_head = |sighting: &Sighting| {
        let revision = sighting.location.provenance.origin.revision();
        revision.and_then(|revision| revision.at_head) == Some(true)
    };
    let standing = sightings.iter().filter(|sighting| at_head(sighting));
    let standing: BTreeSet<Digest> = standing
        .map(|sighting| sighting.leak.digest.clone())
        .collect();
    for sighting in sightings {
        if standing.contains(&sighting.leak.digest) {
            let origin = &mut sighting.location.provenance.origin;
            if let Origin::History(revision) | Origin::Message(_, revision) = origin {
                Arc::make_mut(revision).at_head = Some(true);
            }
        }
    }
}

/// Whether HEAD or a ref points at a commit, by tags too.
fn is_tip(id: ObjectId, refs: &Refs, objects: &Objects) -> bool {
    refs.head.id() == Some(id) || refs.by_name.values().any(|tip| *tip == id) || {
        let tags = refs.by_name.iter();
        let mut tags = tags.filter(|(name, _)| name.starts_with("refs/tags/"));
        tags.any(|(_, tag)| tag_chain(*tag, objects).1 == Some(id))
    }
}

fn is_commit(id: ObjectId, objects: &Objects) -> bool {
    Commit::find(id, objects, &mut Decoder::default()).is_ok()
}

fn unreadable(name: &str, id: ObjectId) -> Defect {
    Defect {
        class: ProblemClass::Object,
        path: name.to_owned(),
        message: format!(
            "not read: the object {id}, which it is to point at, is missing or damaged"
        ),
        mend: None,
    }
}

/// Seconds since 1970 as a date and time in UTC; what no calendar has is shown as 1970.
fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_string()
}
