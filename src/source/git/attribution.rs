//! Says for single objects which commit brought them, under what path, and whether that still counts.
//!
//! One pass over all trees writes down which tree names which; from each object the way up leads to
//! the root trees that hold it, and so to the commits. No commit is compared with another.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::panic::resume_unwind;
use std::thread;

use gix_hash::{Kind as Format, ObjectId, oid};
use gix_object::bstr::ByteSlice as _;
use gix_object::tree::EntryRef;
use gix_object::{Kind, TreeRefIter};

use super::graph::{Commits, Header};
use super::history::History;
use super::numbering::{LookUps, Numbering, Prefix, prefix};
use super::objects::{Decoder, Objects};
use super::pass::{Base, ObjectVisitor, Selection, pass};
use super::threads::on_threads;
use super::tree_links::TreeLinks;

/// What is known of where an object stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attribution {
    /// The oldest commit, by the date of its committer, that holds it; one that refs reach before any
    /// other. For a tag what it points at.
    pub commit: Option<Origin>,
    /// Its path there.
    pub path: Option<String>,
    /// The entries that lead along that path, one in each tree from that of the commit on.
    pub steps: Vec<u32>,
    /// Its path in an index, where that does not have it from HEAD.
    pub staged: Option<String>,
    /// The object that it is a note on, by its id.
    pub note_on: Option<String>,
    /// Whether HEAD or a ref reaches it; `None` where refs cannot be read.
    pub reachable: Option<bool>,
    /// Whether it stands in the tree of HEAD; `None` where HEAD cannot be read.
    pub at_head: Option<bool>,
}

/// A commit as its own header has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its id.
    pub id: ObjectId,
    /// `Name <address>`.
    pub author: String,
    /// Seconds since 1970.
    pub time: i64,
}

/// The way up from objects to commits.
pub(super) struct Attributor<'h, 'o> {
    history: &'h History,
    numbering: &'h Numbering<'o>,
    commits: &'h Commits,
    /// For each commit whether refs reach it.
    reached: Vec<bool>,
    /// Tags, trees and blobs that refs point at.
    direct: Vec<u32>,
    /// Objects that others stand in for.
    replaced: Vec<u32>,
    head_tree: Option<u32>,
    /// The paths that count, without a slash at their end; the empty one stands for all.
    within: &'h [Vec<u8>],
    /// What stands at one of these paths in a tree of a commit, and which commits those are.
    anchors: BTreeMap<u32, Anchor>,
    /// Where in `above` the trees that name an object begin.
    starts: Vec<u32>,
    above: Vec<u32>,
}

/// What one thread needs to walk up from one object after another.
pub(super) struct Walk {
    /// The question for which an object was last seen.
    seen: Vec<u32>,
    question: u32,
    decoder: Decoder,
}

impl<'h, 'o> Attributor<'h, 'o> {
    /// Reads all trees, on as many threads as `threads`, and remembers what leads up from `hits`.
    pub(super) fn new(
        history: &'h History,
        numbering: &'h Numbering<'o>,
        hits: &HashSet<ObjectId>,
        within: &'h [Vec<u8>],
        threads: usize,
    ) -> Self {
        let commits = &history.commits;
        let numbers = |ids: Vec<ObjectId>| -> Vec<u32> {
            ids.iter().filter_map(|id| numbering.of(id)).collect()
        };
        let tips = || {
            let mut look_ups = LookUps::new(numbering);
            for tip in history.refs.tips() {
                look_ups.ask(&tip);
            }
            look_ups.finish().0.into_iter().flatten()
        };
        let mut replaced = numbers(history.replaced());
        replaced.sort_unstable();
        let ((reached, direct), (notes, _), edges) = thread::scope(|scope| {
            let edges = scope.spawn(|| edges(history, numbering, hits, within, threads));
            let reached = commits.reached(tips(), &replaced);
            let notes = commits.reached(numbers(history.note_tips()), &replaced);
            let edges = edges.join();
            (
                reached,
                notes,
                edges.unwrap_or_else(|panic| resume_unwind(panic)),
            )
        });
        let head_tree = history
            .refs
            .head
            .id()
            .and_then(|id| commits.position(numbering.of(&id)?))
            .and_then(|at| commits.all()[at].tree);
        let order = |at: usize| {
            let commit = &commits.all()[at];
            (!reached[at], commit.time, numbering.id(commit.number))
        };
        let mut anchors: BTreeMap<u32, Anchor> = BTreeMap::new();
        for (at, commit) in commits.all().iter().enumerate() {
            for (path, way) in within.iter().enumerate() {
                let Some(node) = commit.tree.and_then(|tree| edges.follow(tree, way)) else {
                    continue;
                };
                let anchor = anchors.entry(node).or_default();
                let kept = if notes[at] {
                    &mut anchor.note
                } else {
                    &mut anchor.commit
                };
                if kept.is_none_or(|(held, _)| order(at) < order(held)) {
                    *kept = Some((at, path));
                }
            }
        }
        let Edges { starts, above, .. } = edges;
        Self {
            history,
            numbering,
            commits,
            reached,
            direct,
            replaced,
            head_tree,
            within,
            anchors,
            starts,
            above,
        }
    }

    /// What a thread needs for [`Attributor::attribute`].
    pub(super) fn walk(&self) -> Walk {
        Walk {
            seen: vec![0; self.numbering.len()],
            question: 0,
            decoder: Decoder::default(),
        }
    }

    /// What is known of one object.
    pub(super) fn attribute(&self, id: &oid, kind: Kind, walk: &mut Walk) -> Attribution {
        let decoder = &mut walk.decoder;
        let complete = self.history.refs.complete;
        let Some(number) = self.numbering.of(id) else {
            return Attribution::default();
        };
        let mut attribution = match kind {
            Kind::Commit => {
                let reached = self
                    .commits
                    .position(number)
                    .is_some_and(|at| self.reached[at]);
                Attribution {
                    commit: origin(&self.history.objects, id, decoder),
                    reachable: Some(reached),
                    ..Attribution::default()
                }
            }
            Kind::Tag => {
                let target = self
                    .commits
                    .peeled(number)
                    .map(|target| self.numbering.id(target));
                Attribution {
                    commit: origin(&self.history.objects, id, decoder).map(|tag| Origin {
                        id: target.map_or(tag.id, ToOwned::to_owned),
                        ..tag
                    }),
                    reachable: Some(self.direct.binary_search(&number).is_ok()),
                    ..Attribution::default()
                }
            }
            Kind::Blob | Kind::Tree => self.attribute_content(number, walk),
        };
        // What no ref that could be read reaches may be reached by another.
        if !complete && attribution.reachable == Some(false) {
            attribution.reachable = None;
        }
        attribution.at_head = match self.history.refs.head {
            super::Head::Unknown => None,
            _ => Some(attribution.at_head == Some(true)),
        };
        attribution
    }

    /// Walks up from a blob or tree.
    fn attribute_content(&self, number: u32, walk: &mut Walk) -> Attribution {
        walk.question += 1;
        let mut open = vec![number];
        walk.seen[number as usize] = walk.question;
        let mut best: Option<(usize, Found)> = None;
        let mut best_note: Option<(usize, Found)> = None;
        let mut at_head = false;
        let mut is_direct = false;
        let order = |at: usize| {
            let commit = &self.commits.all()[at];
            (
                !self.reached[at],
                commit.time,
                self.numbering.id(commit.number),
            )
        };
        while let Some(node) = open.pop() {
            at_head |= self.head_tree == Some(node);
            is_direct |= self.direct.binary_search(&node).is_ok();
            if let Some(anchor) = self.anchors.get(&node) {
                for (kept, found) in [(&mut best, anchor.commit), (&mut best_note, anchor.note)] {
                    if let Some((at, path)) = found
                        && kept
                            .as_ref()
                            .is_none_or(|(held, _)| order(at) < order(*held))
                    {
                        *kept = Some((at, Found { node, path }));
                    }
                }
            }
            let (start, end) = (self.starts[node as usize], self.starts[node as usize + 1]);
            for parent in &self.above[start as usize..end as usize] {
                if walk.seen[*parent as usize] != walk.question {
                    walk.seen[*parent as usize] = walk.question;
                    open.push(*parent);
                }
            }
        }
        let is_replaced = self.replaced.binary_search(&number).is_ok();
        let is_note = best.is_none() && best_note.is_some();
        let Some((at, found)) = best.or(best_note) else {
            return Attribution {
                reachable: Some(is_direct && !is_replaced),
                ..Attribution::default()
            };
        };
        let commit = &self.commits.all()[at];
        let id = self.numbering.id(commit.number).to_owned();
        let (path, steps) = self.path(&found, number, walk).unzip();
        Attribution {
            note_on: path
                .as_deref()
                .filter(|_| is_note)
                .map(|path| path.replace('/', "")),
            path,
            steps: steps.unwrap_or_default(),
            commit: origin(&self.history.objects, &id, &mut walk.decoder),
            reachable: Some((self.reached[at] || is_direct) && !is_replaced),
            at_head: Some(at_head),
            staged: None,
        }
    }

    /// The first path, in the order of the trees, from where it is looked for down to the object of the
    /// last question, and the entries that lead along it from there.
    fn path(&self, found: &Found, number: u32, walk: &mut Walk) -> Option<(String, Vec<u32>)> {
        let (seen, question) = (&walk.seen, walk.question);
        let mut path = String::from_utf8_lossy(&self.within[found.path]).into_owned();
        let mut steps = Vec::new();
        let mut node = found.node;
        // A tree cannot hold itself, but a damaged database can say so.
        for _ in 0..4096 {
            if node == number {
                return Some((path, steps));
            }
            let id = self.numbering.id(node).to_owned();
            let tree = self.history.objects.find(&id, &mut walk.decoder).ok()??;
            let (step, name, next) = (0..)
                .zip(TreeRefIter::from_bytes(tree.bytes, id.kind()).filter_map(Result::ok))
                .filter(|(_, entry)| !entry.mode.is_commit())
                .find_map(|(step, entry)| {
                    let next = self.numbering.of(entry.oid)?;
                    (seen[next as usize] == question)
                        .then(|| (step, entry.filename.to_str_lossy().into_owned(), next))
                })?;
            steps.push(step);
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&name);
            node = next;
        }
        None
    }
}

/// What a commit or tag says of itself.
pub(super) fn origin(objects: &Objects, id: &oid, decoder: &mut Decoder) -> Option<Origin> {
    let commit = objects.find(id, decoder).ok()??;
    let header = Header::read(commit.bytes, id.kind());
    Some(Origin {
        id: id.to_owned(),
        author: String::from_utf8_lossy(header.author).into_owned(),
        time: header.time,
    })
}

/// The commits to be named for what stands at a path, each with the number of the path.
#[derive(Clone, Copy, Default)]
struct Anchor {
    commit: Option<(usize, usize)>,
    /// The same of the commits that hold notes.
    note: Option<(usize, usize)>,
}

/// What stands at a path that counts.
#[derive(Clone, Copy)]
struct Found {
    node: u32,
    path: usize,
}

/// Which trees name which objects.
struct Edges {
    /// Where in `above` the trees that name an object begin.
    starts: Vec<u32>,
    above: Vec<u32>,
    /// What a tree has at a name.
    down: HashMap<(u32, Vec<u8>), u32>,
}

impl Edges {
    /// What stands at `path` in a tree.
    fn follow(&self, tree: u32, path: &[u8]) -> Option<u32> {
        names(path).try_fold(tree, |tree, name| {
            self.down.get(&(tree, name.to_owned())).copied()
        })
    }
}

/// The names of a path, none of the empty one.
fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
}

/// For each object the trees that name it: trees for trees, and for those blobs that are hits. And what
/// trees have at the names of the paths `within`.
fn edges(
    history: &History,
    numbering: &Numbering<'_>,
    hits: &HashSet<ObjectId>,
    within: &[Vec<u8>],
    threads: usize,
) -> Edges {
    let hit_prefixes: HashSet<u64, BuildHasherDefault<Prefix>> =
        hits.iter().map(|id| prefix(id)).collect();
    let names: HashSet<&[u8]> = within.iter().flat_map(|path| names(path)).collect();
    let mut visitors: Vec<TreeVisitor<'_, '_>> = (0..threads.max(1))
        .map(|_| TreeVisitor {
            numbering,
            format: history.objects.format(),
            hits: &hit_prefixes,
            names: &names,
            number: None,
            look_ups: LookUps::new(numbering),
            edges: Vec::new(),
            down: Vec::new(),
        })
        .collect();
    let trees = Selection {
        kinds: &[Kind::Tree],
        wanted: None,
    };
    pass(&history.repository, &history.objects, trees, &mut visitors);
    let mut edges: Vec<Vec<(u32, u32)>> = Vec::new();
    let mut down = HashMap::new();
    for (found, named) in on_threads(visitors, TreeVisitor::finish) {
        edges.push(found);
        down.extend(named);
    }
    let mut starts = vec![0_u32; numbering.len() + 2];
    for (child, _) in edges.iter().flatten() {
        starts[*child as usize + 2] += 1;
    }
    for at in 2..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut above = vec![0; edges.iter().map(Vec::len).sum()];
    for (child, parent) in edges.iter().flatten() {
        let place = &mut starts[*child as usize + 1];
        above[*place as usize] = *parent;
        *place += 1;
    }
    Edges {
        starts,
        above,
        down,
    }
}

/// Writes down what the trees of one thread name.
struct TreeVisitor<'t, 'o> {
    numbering: &'t Numbering<'o>,
    format: Format,
    hits: &'t HashSet<u64, BuildHasherDefault<Prefix>>,
    /// Names at which everything is written down.
    names: &'t HashSet<&'t [u8]>,
    /// The number of the tree that is visited next, where the pass says it.
    number: Option<u32>,
    look_ups: LookUps<'t, 'o>,
    /// What trees name, by the question for its number, with the numbers of the trees.
    edges: Vec<(u32, u32)>,
    down: Vec<Down>,
}

/// What a tree has at a name.
type Down = ((u32, Vec<u8>), u32);

impl TreeVisitor<'_, '_> {
    /// The numbers of what trees name with those of the trees, and what they have at names.
    fn finish(self) -> (Vec<(u32, u32)>, Vec<Down>) {
        let (numbers, _) = self.look_ups.finish();
        let mut edges = self.edges;
        edges.retain_mut(|(child, _)| {
            let number = numbers.get(*child as usize).copied().flatten();
            *child = number.unwrap_or_default();
            number.is_some()
        });
        (edges, self.down)
    }
}

fn is_named(names: &HashSet<&[u8]>, entry: &EntryRef<'_>) -> bool {
    !names.is_empty() && names.contains(entry.filename.as_bytes())
}

impl ObjectVisitor for TreeVisitor<'_, '_> {
    type Trace = TreeLinks;

    fn trace(&mut self, _: Kind, bytes: &[u8], base: Option<Base<'_, TreeLinks>>) -> TreeLinks {
        // Of what the way up may lead through.
        TreeLinks::read(bytes, self.format, base, |entry| {
            let counts = entry.mode.is_tree()
                || is_named(self.names, entry)
                || self.hits.contains(&prefix(entry.oid));
            counts.then(|| self.look_ups.ask(entry.oid))
        })
    }

    fn place(&mut self, pack: usize, index: u32) {
        self.number = Some(self.numbering.at(pack, index));
    }

    fn visit(&mut self, _: Kind, id: &oid, bytes: &[u8], tree: &TreeLinks) {
        let number = self.number.take().or_else(|| self.numbering.of(id));
        let Some(number) = number else {
            return;
        };
        self.edges
            .extend(tree.objects().map(|object| (object, number)));
        if self.names.is_empty() {
            return;
        }
        for entry in TreeRefIter::from_bytes(bytes, self.format).filter_map(Result::ok) {
            if is_named(self.names, &entry)
                && let Some(child) = self.numbering.of(entry.oid)
            {
                let name = entry.filename.as_bytes().to_owned();
                self.down.push(((number, name), child));
            }
        }
    }
}

/// The ids that stand in for others, as refs name them: `refs/replace/<id>`.
pub(super) fn replaced(
    names: impl IntoIterator<Item = impl AsRef<str>>,
    format: Format,
) -> Vec<ObjectId> {
    names
        .into_iter()
        .filter_map(|name| {
            let hex = name.as_ref().strip_prefix("refs/replace/")?.as_bytes();
            (hex.len() == format.len_in_hex()).then(|| ObjectId::from_hex(hex).ok())?
        })
        .collect()
}
