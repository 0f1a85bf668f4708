//! What a cache writes down: ids, digests and numbers. No text of a repository, no token and no part
//! of one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::leaks::TokenKey;
use crate::model::{Digest, RuleId};
use crate::source::git::{Clue, Kind, Lacks, ObjectId};

/// An object by its hexadecimal id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct Id(pub(in crate::engine) ObjectId);

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let id = ObjectId::from_hex(text.as_bytes()).map_err(serde::de::Error::custom)?;
        Ok(Self(id))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Kind", rename_all = "lowercase")]
enum KindWord {
    Tree,
    Blob,
    Commit,
    Tag,
}

/// A token by its rule and the digest that reports show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Token(String, String);

impl From<&TokenKey> for Token {
    fn from((rule, digest): &TokenKey) -> Self {
        Self(rule.to_string(), digest.to_string())
    }
}

impl Token {
    fn key(&self) -> Option<TokenKey> {
        Some((RuleId::new(self.0.as_str()), Digest::parse(&self.1)?))
    }
}

/// What is in one pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct PackRecord {
    /// The bytes of all its objects.
    pub(in crate::engine) bytes: u64,
    /// Whether its commits and tags name nothing that it lacks.
    pub(in crate::engine) closed: bool,
    hits: Vec<HitRecord>,
    /// Objects that hold archives which could not be read in full.
    pub(in crate::engine) problems: Vec<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HitRecord {
    token: Token,
    /// Objects that hold it, and how often.
    objects: Vec<(Id, KindOf, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KindOf(#[serde(with = "KindWord")] Kind);

/// Objects that hold a token, and how often.
pub(in crate::engine) type Held = BTreeMap<TokenKey, BTreeMap<ObjectId, usize>>;

impl PackRecord {
    /// The record of a pack; `has` says whether it has an object.
    pub(in crate::engine) fn new(
        (bytes, closed): (u64, bool),
        held: &Held,
        kinds: &BTreeMap<ObjectId, Kind>,
        problems: impl Iterator<Item = ObjectId>,
        has: impl Fn(&ObjectId) -> bool,
    ) -> Self {
        let hits = held.iter().filter_map(|(token, objects)| {
            let objects: Vec<_> = objects
                .iter()
                .filter(|(id, _)| has(id))
                .filter_map(|(id, count)| Some((Id(*id), KindOf(*kinds.get(id)?), *count)))
                .collect();
            (!objects.is_empty()).then(|| HitRecord {
                token: token.into(),
                objects,
            })
        });
        let problems: BTreeSet<Id> = problems.filter(|id| has(id)).map(Id).collect();
        Self {
            bytes,
            closed,
            hits: hits.collect(),
            problems: problems.into_iter().collect(),
        }
    }

    /// Adds what the pack holds; `None` where the record makes no sense.
    pub(in crate::engine) fn add_to(
        &self,
        held: &mut Held,
        kinds: &mut BTreeMap<ObjectId, Kind>,
    ) -> Option<()> {
        for hit in &self.hits {
            let objects = held.entry(hit.token.key()?).or_default();
            for (Id(id), KindOf(kind), count) in &hit.objects {
                objects.insert(*id, *count);
                kinds.insert(*id, *kind);
            }
        }
        Some(())
    }

    /// Whether every part of it can be read.
    pub(in crate::engine) fn is_valid(&self) -> bool {
        self.hits.iter().all(|hit| hit.token.key().is_some())
    }
}

/// What is known of one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct RepositoryRecord {
    /// What it was made of, and what was asked of it.
    pub(in crate::engine) state: String,
    /// Loose objects with nothing in them: the length of the file, and the size.
    pub(in crate::engine) loose: Vec<(Id, u64, u64)>,
    /// What a run found in that state, unless something could not be read.
    pub(in crate::engine) outcome: Option<OutcomeRecord>,
}

/// What a run found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::engine) struct OutcomeRecord {
    objects: u64,
    bytes: u64,
    missing: Vec<(Id, String)>,
    missing_elsewhere: (bool, bool, bool),
    clues: Vec<ClueRecord>,
    tokens: Vec<TokenRecord>,
    problems: Vec<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ClueRecord {
    object: Id,
    kind: KindOf,
    commit: Option<Id>,
    steps: Option<Vec<u32>>,
    is_note: bool,
    reachable: Option<bool>,
    at_head: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TokenRecord {
    token: Token,
    objects: Vec<Id>,
    at_head: Option<bool>,
    beyond: usize,
}

/// The places of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct TokenPlaces {
    /// Those that are named.
    pub(in crate::engine) objects: BTreeSet<ObjectId>,
    /// Whether it stands in the tree of HEAD.
    pub(in crate::engine) at_head: Option<bool>,
    /// How many are not named.
    pub(in crate::engine) beyond: usize,
}

impl OutcomeRecord {
    pub(in crate::engine) fn new(
        (objects, bytes): (u64, u64),
        lacks: &Lacks,
        clues: &BTreeMap<ObjectId, Clue>,
        tokens: &BTreeMap<TokenKey, TokenPlaces>,
        problems: impl Iterator<Item = ObjectId>,
    ) -> Self {
        let problems: BTreeSet<Id> = problems.map(Id).collect();
        Self {
            objects,
            bytes,
            missing: lacks
                .graph
                .iter()
                .map(|(id, named_by)| (Id(*id), named_by.clone()))
                .collect(),
            missing_elsewhere: (lacks.tips, lacks.at_head, lacks.in_trees),
            clues: clues
                .iter()
                .map(|(object, clue)| ClueRecord {
                    object: Id(*object),
                    kind: KindOf(clue.kind),
                    commit: clue.commit.map(Id),
                    steps: clue.steps.clone(),
                    is_note: clue.is_note,
                    reachable: clue.reachable,
                    at_head: clue.at_head,
                })
                .collect(),
            tokens: tokens
                .iter()
                .map(|(token, places)| TokenRecord {
                    token: token.into(),
                    objects: places.objects.iter().copied().map(Id).collect(),
                    at_head: places.at_head,
                    beyond: places.beyond,
                })
                .collect(),
            problems: problems.into_iter().collect(),
        }
    }

    /// Objects that were searched.
    pub(in crate::engine) const fn objects(&self) -> u64 {
        self.objects
    }

    /// Their bytes.
    pub(in crate::engine) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Objects that hold archives which could not be read in full.
    pub(in crate::engine) fn problems(&self) -> impl Iterator<Item = ObjectId> {
        self.problems.iter().map(|Id(id)| *id)
    }

    pub(in crate::engine) fn lacks(&self) -> Lacks {
        let (tips, at_head, in_trees) = self.missing_elsewhere;
        Lacks {
            graph: self
                .missing
                .iter()
                .map(|(Id(id), named_by)| (*id, named_by.clone()))
                .collect(),
            tips,
            at_head,
            in_trees,
        }
    }

    pub(in crate::engine) fn clues(&self) -> BTreeMap<ObjectId, Clue> {
        let clue = |clue: &ClueRecord| Clue {
            kind: clue.kind.0,
            commit: clue.commit.map(|Id(id)| id),
            steps: clue.steps.clone(),
            is_note: clue.is_note,
            reachable: clue.reachable,
            at_head: clue.at_head,
        };
        let clues = self.clues.iter();
        clues
            .map(|record| (record.object.0, clue(record)))
            .collect()
    }

    /// The places of each token; `None` where the record makes no sense.
    pub(in crate::engine) fn tokens(&self) -> Option<BTreeMap<TokenKey, TokenPlaces>> {
        let place = |record: &TokenRecord| {
            let places = TokenPlaces {
                objects: record.objects.iter().map(|Id(id)| *id).collect(),
                at_head: record.at_head,
                beyond: record.beyond,
            };
            Some((record.token.key()?, places))
        };
        self.tokens.iter().map(place).collect()
    }
}
