//! The graph of commits: gathered while every object passes by, asked for what refs reach.

use std::collections::BTreeMap;
use std::ops::Range;

use gix_hash::{Kind as Format, ObjectId, oid};
use gix_object::Kind;
use memchr::memchr;

use super::numbering::{LookUps, Numbering};
use super::pass::{Base, ObjectVisitor};
use super::threads::on_threads;

/// What a commit says of others.
#[derive(Clone, Debug)]
pub(super) struct Commit {
    pub(super) number: u32,
    /// The tree of it, if it is there.
    pub(super) tree: Option<u32>,
    /// Seconds since 1970 by the committer's clock.
    pub(super) time: i64,
    parents: Range<usize>,
}

/// An object that another one names and that is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Missing {
    pub(super) id: ObjectId,
    /// What names it: `parent of commit …`.
    pub(super) named_by: String,
}

/// Commits and annotated tags.
#[derive(Clone, Debug, Default)]
pub(super) struct Commits {
    list: Vec<Commit>,
    parents: Vec<u32>,
    /// What each tag points at.
    tags: BTreeMap<u32, u32>,
    pub(super) missing: Vec<Missing>,
}

impl Commits {
    /// Adds what another thread gathered.
    pub(super) fn append(&mut self, mut other: Self) {
        let shift = self.parents.len();
        self.parents.append(&mut other.parents);
        self.list.extend(other.list.into_iter().map(|mut commit| {
            commit.parents.start += shift;
            commit.parents.end += shift;
            commit
        }));
        self.tags.append(&mut other.tags);
        self.missing.append(&mut other.missing);
    }

    /// Brings everything into an order that does not depend on threads.
    pub(super) fn sort(&mut self) {
        // Of what threads have sorted some time is saved.
        self.list.sort_by_key(|commit| commit.number);
        // Packs that are to be remembered give away all that they have, also what others have.
        self.list.dedup_by_key(|commit| commit.number);
        self.missing.sort_unstable();
        self.missing.dedup_by(|a, b| a.id == b.id);
    }

    pub(super) fn all(&self) -> &[Commit] {
        &self.list
    }

    /// Where the commit of a number stands in [`Commits::all`].
    pub(super) fn position(&self, number: u32) -> Option<usize> {
        self.list
            .binary_search_by_key(&number, |commit| commit.number)
            .ok()
    }

    /// For each commit whether `tips` reach it, and the tips that are neither commits nor tags.
    /// Nothing is reached through the objects of `replaced`, which is sorted.
    pub(super) fn reached(
        &self,
        tips: impl IntoIterator<Item = u32>,
        replaced: &[u32],
    ) -> (Vec<bool>, Vec<u32>) {
        let mut reached = vec![false; self.list.len()];
        let mut others = Vec::new();
        let mut open: Vec<u32> = tips.into_iter().collect();
        while let Some(number) = open.pop() {
            if replaced.binary_search(&number).is_ok() {
                continue;
            }
            if let Some(at) = self.position(number) {
                if !std::mem::replace(&mut reached[at], true) {
                    open.extend(&self.parents[self.list[at].parents.clone()]);
                }
            } else if let Some(target) = self.tags.get(&number) {
                open.push(*target);
                others.push(number);
            } else {
                others.push(number);
            }
        }
        others.sort_unstable();
        others.dedup();
        (reached, others)
    }

    /// Whether the commits and tags of `numbers` name nothing outside of them.
    pub(super) fn is_closed(&self, numbers: Range<u32>) -> bool {
        let start = self
            .list
            .partition_point(|commit| commit.number < numbers.start);
        let mut commits = self.list[start..]
            .iter()
            .take_while(|commit| commit.number < numbers.end);
        let is_within = |number: &u32| numbers.contains(number);
        commits.all(|commit| {
            let mut parents = self.parents[commit.parents.clone()].iter();
            commit.tree.as_ref().is_none_or(is_within) && parents.all(is_within)
        }) && self
            .tags
            .range(numbers.clone())
            .all(|(_, target)| is_within(target))
    }

    /// What a tag points at in the end.
    pub(super) fn peeled(&self, tag: u32) -> Option<u32> {
        let mut target = *self.tags.get(&tag)?;
        for _ in 0..self.tags.len() {
            match self.tags.get(&target) {
                Some(next) => target = *next,
                None => break,
            }
        }
        Some(target)
    }
}

/// Gathers commits and tags on their way to another visitor.
pub(super) struct CommitCollector<'n, 'o, V> {
    pub(super) visitor: V,
    pub(super) numbering: &'n Numbering<'o>,
    /// Commits whose parents are known to be cut off, sorted.
    pub(super) shallow: &'n [ObjectId],
    /// Trees and parents of commits are the questions for their numbers.
    commits: Commits,
    look_ups: LookUps<'n, 'o>,
    /// The number of the object that is visited next, where the pass says it.
    number: Option<u32>,
    /// Whether the last object was a blob or tree.
    is_content: bool,
}

impl<'n, 'o, V> CommitCollector<'n, 'o, V> {
    pub(super) fn new(visitor: V, numbering: &'n Numbering<'o>, shallow: &'n [ObjectId]) -> Self {
        Self {
            visitor,
            numbering,
            shallow,
            commits: Commits::default(),
            look_ups: LookUps::new(numbering),
            number: None,
            is_content: false,
        }
    }

    fn commit(&mut self, id: &oid, bytes: &[u8]) {
        let Some(number) = self.number.take().or_else(|| self.numbering.of(id)) else {
            return;
        };
        let head = Header::read(bytes, id.kind());
        let start = self.commits.parents.len();
        if self
            .shallow
            .binary_search_by(|cut| (**cut).cmp(id))
            .is_err()
        {
            let parents = head.parents.iter();
            let parents = parents.map(|parent| self.look_ups.ask(parent));
            self.commits.parents.extend(parents);
        }
        self.commits.list.push(Commit {
            number,
            tree: head.tree.map(|tree| self.look_ups.ask(&tree)),
            time: head.time,
            parents: start..self.commits.parents.len(),
        });
    }

    /// The visitor behind it, and what was gathered, sorted.
    fn finish(self) -> (V, Commits) {
        let (numbers, missing) = self.look_ups.finish();
        let number = |question: u32| numbers.get(question as usize).copied().flatten();
        let mut commits = self.commits;
        let asked = std::mem::take(&mut commits.parents);
        for commit in &mut commits.list {
            let id = self.numbering.id(commit.number);
            let mut lacks = |question: u32, what: &str| {
                let named_by = format!("{what} of commit {id}");
                let missing = missing.get(&question);
                commits
                    .missing
                    .extend(missing.map(|id| Missing { id: *id, named_by }));
            };
            let start = commits.parents.len();
            for question in &asked[commit.parents.clone()] {
                match number(*question) {
                    Some(parent) => commits.parents.push(parent),
                    None => lacks(*question, "parent"),
                }
            }
            commit.parents = start..commits.parents.len();
            commit.tree = commit.tree.and_then(|question| {
                let tree = number(question);
                // The empty tree need not be stored.
                let empty = ObjectId::empty_tree(id.kind());
                if tree.is_none() && missing.get(&question) != Some(&empty) {
                    lacks(question, "tree");
                }
                tree
            });
        }
        commits.sort();
        (self.visitor, commits)
    }

    fn tag(&mut self, id: &oid, bytes: &[u8]) {
        let target = bytes
            .strip_prefix(b"object ")
            .and_then(|rest| ObjectId::from_hex(rest.get(..id.kind().len_in_hex())?).ok());
        let (Some(number), Some(target)) = (self.numbering.of(id), target) else {
            return;
        };
        match self.numbering.of(&target) {
            Some(target) => {
                self.commits.tags.insert(number, target);
            }
            None => self.commits.missing.push(Missing {
                id: target,
                named_by: format!("target of tag {id}"),
            }),
        }
    }
}

/// The visitors behind `collectors`, and what all of these gathered.
pub(super) fn finish<V: ObjectVisitor>(
    collectors: Vec<CommitCollector<'_, '_, V>>,
) -> (Vec<V>, Commits) {
    let mut visitors = Vec::with_capacity(collectors.len());
    let mut commits = Commits::default();
    for (visitor, gathered) in on_threads(collectors, CommitCollector::finish) {
        visitors.push(visitor);
        commits.append(gathered);
    }
    commits.sort();
    (visitors, commits)
}

impl<V: ObjectVisitor> ObjectVisitor for CommitCollector<'_, '_, V> {
    type Trace = V::Trace;

    fn trace(&mut self, kind: Kind, bytes: &[u8], base: Option<Base<'_, V::Trace>>) -> V::Trace {
        self.visitor.trace(kind, bytes, base)
    }

    fn place(&mut self, pack: usize, index: u32) {
        self.number = Some(self.numbering.at(pack, index));
        self.visitor.place(pack, index);
    }

    fn visit(&mut self, kind: Kind, id: &oid, bytes: &[u8], trace: &V::Trace) {
        match kind {
            Kind::Commit => self.commit(id, bytes),
            Kind::Tag => self.tag(id, bytes),
            Kind::Blob | Kind::Tree => {}
        }
        self.number = None;
        self.is_content = matches!(kind, Kind::Blob | Kind::Tree);
        self.visitor.visit(kind, id, bytes, trace);
    }

    fn found_nothing(&self) -> bool {
        // Commits and tags are wanted again, for the graph.
        self.is_content && self.visitor.found_nothing()
    }
}

/// What the header of a commit or tag says, however strange the rest of it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header<'b> {
    pub(super) tree: Option<ObjectId>,
    pub(super) parents: Vec<ObjectId>,
    /// `Name <address>` of the author, or of who made the tag.
    pub(super) author: &'b [u8],
    /// Seconds since 1970, of the committer or of who made the tag.
    pub(super) time: i64,
}

impl<'b> Header<'b> {
    /// Reads as far as the line that has the time, which is the last one of these.
    pub(super) fn read(bytes: &'b [u8], format: Format) -> Self {
        let mut header = Self::default();
        let id = |hex: &[u8]| ObjectId::from_hex(hex.get(..format.len_in_hex())?).ok();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            let Some(space) = memchr(b' ', line) else {
                break;
            };
            let value = &line[space + 1..];
            match &line[..space] {
                b"tree" => header.tree = id(value),
                b"parent" => header.parents.extend(id(value)),
                b"author" => header.author = person(value).0,
                b"committer" => {
                    header.time = person(value).1;
                    break;
                }
                b"tagger" => {
                    (header.author, header.time) = person(value);
                    break;
                }
                _ => {}
            }
        }
        header
    }
}

/// How many bytes at the beginning of a commit are lines with the ids of its tree and parents, and nothing
/// else.
pub fn ids_length(commit: &[u8]) -> usize {
    let mut rest = commit;
    while let Some(id) = [b"tree ".as_slice(), b"parent "]
        .iter()
        .find_map(|name| rest.strip_prefix(*name))
        && let Some((hex, behind)) = memchr(b'\n', id).and_then(|end| id.split_at_checked(end + 1))
        && ObjectId::from_hex(&hex[..hex.len() - 1]).is_ok()
    {
        rest = behind;
    }
    commit.len() - rest.len()
}

/// The name and address of `Name <address> seconds zone`, and the seconds.
fn person(value: &[u8]) -> (&[u8], i64) {
    let end = value
        .iter()
        .rposition(|byte| *byte == b'>')
        .map_or(value.len(), |at| at + 1);
    let time = value[end..]
        .split(|byte| *byte == b' ')
        .find(|word| !word.is_empty())
        .and_then(|word| std::str::from_utf8(word).ok()?.parse().ok())
        .unwrap_or_default();
    (&value[..end], time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_with_ids_are_ids() {
        let [short, long] = [40, 64].map(|length| "a1".repeat(length / 2));
        for (text, length) in [
            (
                format!("tree {short}\nparent {short}\nparent {short}\nauthor A"),
                46 + 2 * 48,
            ),
            (
                format!("tree {long}\nparent {long}\nparent {short}x\n"),
                70 + 72,
            ),
            (format!("tree {short}\nparent {short}"), 46),
            (format!("tree {short}\n\nparent {short}\n"), 46),
            (format!("tree {short}g\n"), 0),
            (format!("tree {short} \n"), 0),
            (format!("tree  {short}\n"), 0),
            ("tree \n".to_owned(), 0),
            (String::new(), 0),
        ] {
            assert_eq!(ids_length(text.as_bytes()), length, "{text}");
        }
    }

    #[test]
    fn a_header_is_read_however_strange_it_is() {
        let hex = "1".repeat(40);
        let id = ObjectId::from_hex(hex.as_bytes()).unwrap();
        let text = format!(
            "tree {hex}\nparent {hex}\nparent {hex}\nauthor A B <a@b> 12 +0100\n\
             committer C <c> 34 -0100\ngpgsig x\n y\n\ntree of words\n"
        );
        let header = Header::read(text.as_bytes(), Format::Sha1);
        assert_eq!(header.tree, Some(id));
        assert_eq!(header.parents, [id, id]);
        assert_eq!((header.author, header.time), (&b"A B <a@b>"[..], 34));
        for strange in [
            "",
            "tree 12\n",
            "author\n",
            "author >\ncommitter x\n",
            "parent \n\n",
        ] {
            let header = Header::read(strange.as_bytes(), Format::Sha1);
            assert_eq!((header.tree, header.time), (None, 0), "{strange:?}");
        }
    }
}
