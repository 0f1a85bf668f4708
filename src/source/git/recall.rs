//! Attributions written down without a word of the repository: ids and numbers, from which the words
//! are read again.

use std::collections::BTreeMap;

use gix_hash::ObjectId;
use gix_object::bstr::ByteSlice as _;
use gix_object::{Kind, TreeRefIter};

use super::attribution::{Attribution, Origin, origin};
use super::graph::{CommitCollector, Header, Missing, finish};
use super::history::History;
use super::numbering::Numbering;
use super::objects::Decoder;
use super::pass::{Base, ObjectVisitor, Part, Selection, pass_over};
use super::{Defect, Head, PassOutcome, oid};

/// What of an [`Attribution`] cannot be read from the objects that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clue {
    /// Commit, tree, blob or tag.
    pub kind: Kind,
    /// The commit; of a tag what it points at.
    pub commit: Option<ObjectId>,
    /// See [`Attribution::steps`]; `None` where there is no path.
    pub steps: Option<Vec<u32>>,
    /// Whether it is a note.
    pub is_note: bool,
    /// See [`Attribution::reachable`].
    pub reachable: Option<bool>,
    /// See [`Attribution::at_head`].
    pub at_head: Option<bool>,
}

impl Clue {
    /// What is to be kept of an attribution. What an index has is read from there.
    pub fn of(kind: Kind, attribution: &Attribution) -> Self {
        Self {
            kind,
            commit: attribution.commit.as_ref().map(|commit| commit.id),
            steps: attribution
                .path
                .is_some()
                .then(|| attribution.steps.clone()),
            is_note: attribution.note_on.is_some(),
            reachable: attribution.reachable,
            at_head: attribution.at_head,
        }
    }
}

/// What a repository names and does not have, so that it can be told again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    /// What commits and tags name, and what names it.
    pub graph: Vec<(ObjectId, String)>,
    /// Whether refs or indexes, the tree of HEAD, any other tree name more. Their words are the
    /// repository's own, and read again.
    pub tips: bool,
    /// See [`Lacks::tips`].
    pub at_head: bool,
    /// See [`Lacks::tips`].
    pub in_trees: bool,
}

impl History {
    /// What the last search missed.
    pub const fn lacks(&self) -> &Lacks {
        &self.lacks
    }

    /// The defects of what is missing: what `lacks` has of commits and tags, and what of the rest is
    /// missing where it says that it may be.
    pub fn recall_missing(&mut self, lacks: &Lacks, threads: usize) -> Vec<Defect> {
        self.lacks = Lacks {
            graph: lacks.graph.clone(),
            ..Lacks::default()
        };
        if let Some(numbering) = Numbering::new(&self.objects) {
            let graph = lacks.graph.iter().map(|(id, named_by)| Missing {
                id: *id,
                named_by: named_by.clone(),
            });
            let mut missing: Vec<Missing> = graph.collect();
            let mut look = |asked: bool, found: &dyn Fn() -> Vec<Missing>| {
                let found = if asked { found() } else { Vec::new() };
                let any = !found.is_empty();
                missing.extend(found);
                any
            };
            let in_tips = look(lacks.tips, &|| self.missing_tips());
            let in_indexes = look(lacks.tips, &|| self.missing_in_indexes());
            let at_head = look(lacks.at_head, &|| self.missing_at_head());
            let in_trees = look(lacks.in_trees, &|| {
                self.missing_in_trees(&numbering, threads)
            });
            drop(numbering);
            self.lacks.tips = in_tips || in_indexes;
            self.lacks.at_head = at_head;
            self.lacks.in_trees = in_trees;
            self.commits.missing = missing;
            self.commits.sort();
        }
        self.missing()
    }

    /// The attributions that `clues` were made of, which are those of the whole repository.
    pub fn recall(&self, clues: &BTreeMap<ObjectId, Clue>) -> BTreeMap<ObjectId, Attribution> {
        let mut decoder = Decoder::default();
        let mut attributions: BTreeMap<ObjectId, Attribution> = clues
            .iter()
            .map(|(id, clue)| (*id, self.recall_one(id, clue, &mut decoder)))
            .collect();
        self.attribute_to_indexes(&mut attributions, &[Vec::new()]);
        attributions
    }

    fn recall_one(&self, id: &ObjectId, clue: &Clue, decoder: &mut Decoder) -> Attribution {
        let commit = clue.commit.and_then(|commit| {
            let named = match clue.kind {
                Kind::Commit | Kind::Tag => *id,
                Kind::Blob | Kind::Tree => commit,
            };
            let origin = origin(&self.objects, &named, decoder)?;
            Some(Origin {
                id: commit,
                ..origin
            })
        });
        let steps = clue.steps.clone();
        let path = steps
            .zip(clue.commit)
            .and_then(|(steps, commit)| self.walk(&commit, &steps, decoder));
        Attribution {
            note_on: path
                .as_deref()
                .filter(|_| clue.is_note)
                .map(|path| path.replace('/', "")),
            path,
            steps: clue.steps.clone().unwrap_or_default(),
            commit,
            staged: None,
            reachable: clue.reachable,
            at_head: match self.refs.head {
                Head::Unknown => None,
                _ => clue.at_head,
            },
        }
    }

    /// The path that `steps` lead along from the tree of a commit on.
    fn walk(&self, commit: &oid, steps: &[u32], decoder: &mut Decoder) -> Option<String> {
        let object = self.objects.find(commit, decoder).ok()??;
        let mut node = Header::read(object.bytes, commit.kind()).tree?;
        let mut path = String::new();
        for step in steps {
            let tree = self.objects.find(&node, decoder).ok()??;
            let entry = TreeRefIter::from_bytes(tree.bytes, node.kind())
                .filter_map(Result::ok)
                .nth(*step as usize)?;
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&entry.filename.to_str_lossy());
            node = entry.oid.to_owned();
        }
        Some(path)
    }

    /// Reads the commits and tags of `packs`, by their places, into the graph.
    pub(super) fn read_graph(
        &mut self,
        packs: std::ops::Range<usize>,
        threads: usize,
    ) -> PassOutcome {
        let shallow = self.shallow();
        let Some(numbering) = Numbering::new(&self.objects) else {
            return PassOutcome::default();
        };
        let mut collectors: Vec<_> = (0..threads.max(1))
            .map(|_| CommitCollector::new(Nothing, &numbering, &shallow))
            .collect();
        let selection = Selection {
            kinds: &[Kind::Commit, Kind::Tag],
            wanted: None,
        };
        let part = Part {
            packs,
            loose: false,
            known: &BTreeMap::new(),
            whole: false,
            shared: None,
        };
        let outcome = pass_over(
            &self.repository,
            &self.objects,
            selection,
            part,
            &mut collectors,
        );
        let (_, commits) = finish(collectors);
        drop(numbering);
        self.commits.append(commits);
        self.commits.sort();
        outcome
    }
}

/// Takes no object.
struct Nothing;

impl ObjectVisitor for Nothing {
    type Trace = ();

    fn trace(&mut self, _: Kind, _: &[u8], _: Option<Base<'_, ()>>) {}

    fn visit(&mut self, _: Kind, _: &oid, _: &[u8], (): &()) {}
}
