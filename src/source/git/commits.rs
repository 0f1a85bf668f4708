//! Commits: their trees, parents and dates, and which of them a range of revisions has.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};

use gix_hash::ObjectId;
use gix_object::{CommitRef, Kind, TagRefIter};

use super::revision::RevisionRange;
use super::{Decoder, Defect, Objects, Refs};
use crate::model::ProblemClass;

/// Commits that are read beyond the last one of a range, as in Git: clocks that went wrong can make a
/// parent younger than its child.
const SLOP: usize = 8;

/// A commit, without its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// What it records.
    pub tree: ObjectId,
    /// What it goes on from.
    pub parents: Vec<ObjectId>,
    /// `Name <address>`, as it stands there.
    pub author: String,
    /// When it was committed, in seconds; 0 where the date makes no sense.
    pub seconds: i64,
}

impl Commit {
    /// Reads the commit `id`.
    ///
    /// # Errors
    ///
    /// It is missing, no commit, or damaged.
    pub fn find(id: ObjectId, objects: &Objects, decoder: &mut Decoder) -> Result<Self, Defect> {
        let defect = |message: String| Defect {
            class: ProblemClass::Object,
            path: format!(".git/commit/{id}"),
            message,
            mend: Some("`git fsck` says more; fetch the objects again"),
        };
        match objects.find(&id, decoder) {
            Ok(Some(object)) if object.kind == Kind::Commit => {
                Self::parse(id, object.bytes).ok_or_else(|| defect("is no valid commit".into()))
            }
            Ok(Some(object)) => Err(defect(format!("is no commit but a {}", object.kind))),
            Ok(None) => Err(defect("is missing".into())),
            Err(error) => Err(defect(format!("cannot be read: {error}"))),
        }
    }

    /// Reads the bytes of a commit; `None` where they are none.
    fn parse(id: ObjectId, bytes: &[u8]) -> Option<Self> {
        let commit = CommitRef::from_bytes(bytes, id.kind()).ok()?;
        let author = commit.author().map_or_else(
            |_| String::from_utf8_lossy(commit.author).into_owned(),
            |author| {
                let author = author.trim();
                format!("{} <{}>", author.name, author.email)
            },
        );
        Some(Self {
            id,
            tree: commit.tree(),
            parents: commit.parents().collect(),
            author,
            seconds: commit.time().map_or(0, |time| time.seconds),
        })
    }
}

/// The annotated tags among the refs, and tags of tags, whose commit is one of `commits`.
pub fn tags_on(refs: &Refs, objects: &Objects, commits: &BTreeSet<ObjectId>) -> BTreeSet<ObjectId> {
    let mut found = BTreeSet::new();
    let tags = refs.by_name.iter();
    for (_, id) in tags.filter(|(name, _)| name.starts_with("refs/tags/")) {
        let (chain, target) = tag_chain(*id, objects);
        if target.is_some_and(|target| commits.contains(&target)) {
            found.extend(chain);
        }
    }
    found
}

/// The tags from `id` on, and what is no tag at their end.
pub fn tag_chain(mut id: ObjectId, objects: &Objects) -> (Vec<ObjectId>, Option<ObjectId>) {
    let mut decoder = Decoder::default();
    let mut chain = Vec::new();
    loop {
        match objects.find(&id, &mut decoder) {
            Ok(Some(object)) if object.kind == Kind::Tag && !chain.contains(&id) => {
                chain.push(id);
                match TagRefIter::from_bytes(object.bytes, objects.format()).target_id() {
                    Ok(target) => id = target,
                    Err(_) => return (chain, None),
                }
            }
            Ok(Some(object)) if object.kind != Kind::Tag => return (chain, Some(id)),
            _ => return (chain, None),
        }
    }
}

/// Which tips reach a commit, as bits.
type Reached = u8;

const FIRST: Reached = 1;
const SECOND: Reached = 2;

/// The commits of a range, oldest first by the date of the committer.
///
/// `boundary` are commits whose parents a shallow clone does not have. A commit that is missing is a
/// defect; where one of the range is at the boundary, so is that.
pub fn commits_of(
    range: &RevisionRange,
    objects: &Objects,
    boundary: &BTreeSet<ObjectId>,
    defects: &mut Vec<Defect>,
) -> Vec<Commit> {
    let mut walk = Walk {
        objects,
        boundary,
        decoder: Decoder::default(),
        is_between: matches!(range, RevisionRange::Between { .. }),
        reached: HashMap::new(),
        queue: BinaryHeap::new(),
        open: HashSet::new(),
        oldest: i64::MAX,
        commits: BTreeMap::new(),
        defects,
    };
    match range {
        RevisionRange::Between { from, to } => {
            for id in from {
                walk.reach(*id, FIRST);
            }
            for id in to {
                walk.reach(*id, SECOND);
            }
        }
        RevisionRange::Symmetric(one, other) => {
            walk.reach(*one, FIRST);
            walk.reach(*other, SECOND);
        }
    }
    walk.run()
}

struct Walk<'w> {
    objects: &'w Objects,
    boundary: &'w BTreeSet<ObjectId>,
    decoder: Decoder,
    is_between: bool,
    reached: HashMap<ObjectId, Reached>,
    /// Youngest first.
    queue: BinaryHeap<(i64, ObjectId)>,
    /// What of the queue is in the range as far as is known.
    open: HashSet<ObjectId>,
    /// The oldest date of what is, or was thought to be, in the range.
    oldest: i64,
    commits: BTreeMap<ObjectId, Commit>,
    defects: &'w mut Vec<Defect>,
}

impl Walk<'_> {
    fn includes(&self, reached: Reached) -> bool {
        if self.is_between {
            reached == SECOND
        } else {
            reached == FIRST || reached == SECOND
        }
    }

    /// Notes that `by` reaches a commit, and has it looked at again if that is new.
    fn reach(&mut self, id: ObjectId, by: Reached) {
        let before = self.reached.get(&id).copied().unwrap_or(0);
        let now = before | by;
        if now == before {
            return;
        }
        self.reached.insert(id, now);
        if !self.commits.contains_key(&id) {
            match Commit::find(id, self.objects, &mut self.decoder) {
                Ok(mut commit) => {
                    if self.boundary.contains(&id) {
                        commit.parents.clear();
                    }
                    self.commits.insert(id, commit);
                }
                Err(defect) => {
                    self.defects.push(defect);
                    return;
                }
            }
        }
        let seconds = self.commits[&id].seconds;
        if self.includes(now) {
            self.open.insert(id);
            self.oldest = self.oldest.min(seconds);
        } else {
            self.open.remove(&id);
        }
        self.queue.push((seconds, id));
    }

    /// Spreads from the youngest commits to older ones until nothing of the queue is in the range, and
    /// nothing of it can reach what is.
    fn run(mut self) -> Vec<Commit> {
        let mut slop = SLOP;
        while let Some((seconds, id)) = self.queue.pop() {
            let reached = self.reached[&id];
            self.open.remove(&id);
            let is_settled =
                self.open.is_empty() && !self.includes(reached) && seconds < self.oldest;
            if is_settled {
                slop -= 1;
                if slop == 0 {
                    break;
                }
            } else {
                slop = SLOP;
            }
            for parent in self.commits[&id].parents.clone() {
                self.reach(parent, reached);
            }
        }
        let mut commits = std::mem::take(&mut self.commits);
        commits.retain(|id, _| self.includes(self.reached[id]));
        if let Some(id) = commits.keys().find(|id| self.boundary.contains(*id)) {
            self.defects.push(Defect {
                class: ProblemClass::History,
                path: format!(".git/commit/{id}"),
                message:
                    "the clone is shallow: what came before this commit is not here, so that all \
                          of it counts as added"
                        .into(),
                mend: Some("`git fetch --unshallow`; in GitLab CI set `GIT_DEPTH: 0`"),
            });
        }
        let mut commits: Vec<Commit> = commits.into_values().collect();
        commits.sort_by_key(|commit| (commit.seconds, commit.id));
        commits
    }
}
