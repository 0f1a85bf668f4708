//! Revisions as people write them, and ranges of them: `main`, `v1.2~3`, `4fe1c0`, `A..B`, `A...B`.
//!
//! Names are looked up in the order of Git. What needs the reflog or the configuration (`@{upstream}`,
//! `@{1}`) and what searches (`:/text`) is not understood.

use gix_hash::ObjectId;
use gix_object::{Kind, TagRefIter};

use super::commits::Commit;
use super::files::{MAX_TEXT, read};
use super::{Decoder, Defect, Objects, Refs, Repository};

/// How far tags of tags are followed.
const MAX_TAGS: usize = 32;

/// The fewest digits of an abbreviated id, as in Git.
const MIN_DIGITS: usize = 4;

/// Why a revision means no commit.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// No ref and no object has the name.
    #[error("`{0}` is no branch, tag or commit of this repository")]
    Unknown(String),
    /// Many objects begin with the digits.
    #[error("`{0}` is the beginning of several commits; write more of it")]
    Ambiguous(String),
    /// Something that is no commit and leads to none.
    #[error("`{0}` is no commit")]
    NotACommit(String),
    /// A commit with fewer parents than asked for.
    #[error("`{0}` goes further back than the history")]
    NoSuchParent(String),
    /// What is not understood.
    #[error("`{0}` is not understood: ids, branches, tags, `~N`, `^N` and `^{{commit}}` are")]
    Syntax(String),
    /// The object is there, and damaged, or missing although something names it.
    #[error("`{text}` cannot be read: {}", .defect.message)]
    Defect {
        /// The revision.
        text: String,
        /// What is wrong.
        defect: Defect,
    },
}

/// What a range of revisions stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevisionRange {
    /// What `to` reaches and `from` does not.
    Between {
        /// Excluded, with everything that it reaches.
        from: Vec<ObjectId>,
        /// Included.
        to: Vec<ObjectId>,
    },
    /// What one of the two reaches and the other does not.
    Symmetric(ObjectId, ObjectId),
}

impl RevisionRange {
    /// The commit that a range ends at.
    pub fn tip(&self) -> Option<ObjectId> {
        match self {
            Self::Between { to, .. } => to.first().copied(),
            Self::Symmetric(_, to) => Some(*to),
        }
    }
}

/// Looks up revisions.
pub struct Revisions<'r> {
    repository: &'r Repository,
    refs: &'r Refs,
    objects: &'r Objects,
}

impl std::fmt::Debug for Revisions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revisions").finish_non_exhaustive()
    }
}

impl<'r> Revisions<'r> {
    /// Revisions of a repository, with its refs and objects.
    pub const fn new(repository: &'r Repository, refs: &'r Refs, objects: &'r Objects) -> Self {
        Self {
            repository,
            refs,
            objects,
        }
    }

    /// `A..B` or `A...B`; a side that is left out is HEAD.
    ///
    /// # Errors
    ///
    /// The first side that means no commit, or a text that is no range.
    pub fn range(&self, text: &str) -> Result<RevisionRange, RevisionError> {
        let side = |text: &str| self.commit(if text.is_empty() { "HEAD" } else { text });
        if let Some((from, to)) = text.split_once("...") {
            return Ok(RevisionRange::Symmetric(side(from)?, side(to)?));
        }
        let (from, to) = text
            .split_once("..")
            .ok_or_else(|| RevisionError::Syntax(text.to_owned()))?;
        Ok(RevisionRange::Between {
            from: vec![side(from)?],
            to: vec![side(to)?],
        })
    }

    /// The commit that `text` means.
    ///
    /// # Errors
    ///
    /// It means none.
    pub fn commit(&self, text: &str) -> Result<ObjectId, RevisionError> {
        let name_end = text.find(['~', '^']).unwrap_or(text.len());
        let (name, steps) = text.split_at(name_end);
        let steps = steps_of(steps).ok_or_else(|| syntax(text))?;
        let mut id = self.peel(self.named(name, text)?, text)?;
        for step in steps {
            match step {
                Step::Back(generations) => {
                    for _ in 0..generations {
                        id = self.parent(id, 1, text)?;
                    }
                }
                Step::Parent(0) => {}
                Step::Parent(number) => id = self.parent(id, number, text)?,
            }
        }
        Ok(id)
    }

    fn parent(&self, id: ObjectId, number: u32, text: &str) -> Result<ObjectId, RevisionError> {
        let commit = self.find(id, text)?;
        let parent = commit.parents.get(number as usize - 1).copied();
        parent.ok_or_else(|| RevisionError::NoSuchParent(text.to_owned()))
    }

    fn find(&self, id: ObjectId, text: &str) -> Result<Commit, RevisionError> {
        Commit::find(id, self.objects, &mut Decoder::default()).map_err(|defect| {
            RevisionError::Defect {
                text: text.to_owned(),
                defect,
            }
        })
    }

    /// What a name stands for, before tags are followed.
    fn named(&self, name: &str, text: &str) -> Result<ObjectId, RevisionError> {
        if name.is_empty() || name.contains(['{', ':']) {
            return Err(syntax(text));
        }
        let is_id = name.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_id && name.len() == self.objects.format().len_in_hex() {
            let id = ObjectId::from_hex(name.as_bytes()).map_err(|_| syntax(text))?;
            return if self.objects.contains(&id) {
                Ok(id)
            } else {
                Err(RevisionError::Unknown(text.to_owned()))
            };
        }
        let found = match name {
            "HEAD" | "@" => self.refs.head.id(),
            "ORIG_HEAD" | "FETCH_HEAD" | "MERGE_HEAD" | "CHERRY_PICK_HEAD" => self.pseudo(name),
            name => ["", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/"]
                .iter()
                .map(|folder| format!("{folder}{name}"))
                .chain([format!("refs/remotes/{name}/HEAD")])
                .find_map(|name| self.refs.by_name.get(&name).copied()),
        };
        if let Some(id) = found {
            return Ok(id);
        }
        if is_id && name.len() >= MIN_DIGITS {
            return self.abbreviated(name, text);
        }
        Err(RevisionError::Unknown(text.to_owned()))
    }

    /// The one object, or the one commit, whose id begins with `digits`.
    fn abbreviated(&self, digits: &str, text: &str) -> Result<ObjectId, RevisionError> {
        let mut ids = self.objects.with_prefix(&digits.to_ascii_lowercase());
        if ids.len() > 1 {
            ids.retain(|id| self.peel(*id, text).is_ok());
        }
        match ids.as_slice() {
            [] => Err(RevisionError::Unknown(text.to_owned())),
            [id] => Ok(*id),
            _ => Err(RevisionError::Ambiguous(text.to_owned())),
        }
    }

    /// A file beside HEAD that begins with an id.
    fn pseudo(&self, name: &str) -> Option<ObjectId> {
        let bytes = read(&self.repository.git_dir().join(name), MAX_TEXT).ok()??;
        let digits = bytes.get(..self.objects.format().len_in_hex())?;
        ObjectId::from_hex(digits).ok()
    }

    /// Follows tags down to a commit.
    fn peel(&self, mut id: ObjectId, text: &str) -> Result<ObjectId, RevisionError> {
        let mut decoder = Decoder::default();
        for _ in 0..MAX_TAGS {
            match self.objects.find(&id, &mut decoder) {
                Ok(Some(object)) if object.kind == Kind::Tag => {
                    let tag = TagRefIter::from_bytes(object.bytes, self.objects.format());
                    let target = tag.target_id();
                    id = target.map_err(|_| RevisionError::NotACommit(text.to_owned()))?;
                }
                Ok(Some(object)) if object.kind == Kind::Commit => return Ok(id),
                Ok(Some(_)) => return Err(RevisionError::NotACommit(text.to_owned())),
                // The word of a commit that cannot be read is as good as any.
                _ => return self.find(id, text).map(|commit| commit.id),
            }
        }
        Err(RevisionError::NotACommit(text.to_owned()))
    }
}

/// One step from a commit to another.
enum Step {
    /// `~N`: along first parents.
    Back(u32),
    /// `^N`: the parent of this number; 0 is the commit itself.
    Parent(u32),
}

/// What stands behind the name of a revision; `None` where it is not understood.
fn steps_of(mut text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !text.is_empty() {
        // Every name is followed to a commit, whether it is said or not.
        if let Some(rest) = ["^{commit}", "^{}"]
            .iter()
            .find_map(|peel| text.strip_prefix(peel))
        {
            text = rest;
            continue;
        }
        let (is_back, rest) = match text.strip_prefix('~') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('^')?),
        };
        let digits = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let digits = rest.len() - digits.len();
        let number = match &rest[..digits] {
            "" => 1,
            digits => digits.parse().ok()?,
        };
        steps.push(if is_back {
            Step::Back(number)
        } else {
            Step::Parent(number)
        });
        text = &rest[digits..];
    }
    Some(steps)
}

fn syntax(text: &str) -> RevisionError {
    RevisionError::Syntax(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_to_the_end_or_not_at_all() {
        let count = |text| steps_of(text).map(|steps| steps.len());
        assert_eq!(count(""), Some(0));
        assert_eq!(count("~^2~3^{commit}^0"), Some(4));
        for text in ["~x", "^{tree}", "^{", "~1é", "~99999999999", "^-1"] {
            assert_eq!(count(text), None, "{text}");
        }
    }
}
