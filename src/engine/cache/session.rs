//! What a cache knows of one repository, asked before its history is searched and told after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::record::{Id, OutcomeRecord, PackRecord, RepositoryRecord};
use super::{Cache, Held, Loaded, digest_of_rules};
use crate::engine::ScanRequest;
use crate::model::Digest;
use crate::rules::RuleSet;
use crate::source::git::{History, IdSet, Kind, KnownPack, ObjectId};

/// A cache under the rules of a run.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Memory<'c> {
    cache: &'c Cache,
    rules: Digest,
}

impl<'c> Memory<'c> {
    /// The cache that `request` names, if it does and reads objects.
    pub(in crate::engine) fn of(request: &'c ScanRequest, rules: &RuleSet) -> Option<Self> {
        let cache = request.cache.as_ref()?;
        Some(Self {
            cache,
            rules: digest_of_rules(rules, request),
        })
    }
}

/// A repository before a cache.
pub(in crate::engine) struct Session<'c> {
    memory: Memory<'c>,
    /// The name of its file, and what that is about.
    subject: Digest,
    state: String,
    /// What was known of it.
    before: RepositoryRecord,
    /// Packs that are what they say they are, where that counts.
    genuine: Option<BTreeSet<String>>,
    /// Packs that are left out.
    packs: Vec<PackRecord>,
    notices: BTreeSet<String>,
}

impl<'c> Session<'c> {
    pub(in crate::engine) fn open(
        memory: &Memory<'c>,
        request: &ScanRequest,
        history: &History,
    ) -> Self {
        let dir = history.repository().common_dir();
        let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        let keys = || history.pack_keys().into_iter();
        let mut session = Self {
            memory: memory.clone(),
            subject: Digest::of(dir.as_os_str().as_encoded_bytes()),
            state: format!(
                "{} {:?} {}",
                history.state(),
                request.history,
                request.strict
            ),
            before: RepositoryRecord::default(),
            genuine: request
                .untrusted
                .then(|| keys().filter(|key| history.is_genuine(key)).collect()),
            packs: Vec::new(),
            notices: BTreeSet::new(),
        };
        let name = session.name();
        let about = session.subject.to_string();
        session.before = session.load(&name, &about).unwrap_or_default();
        session
    }

    fn name(&self) -> String {
        format!("repository-{}.json", self.subject)
    }

    /// What a run found in this very state.
    pub(in crate::engine) fn outcome(&self, history: &History) -> Option<&OutcomeRecord> {
        let outcome = self.before.outcome.as_ref()?;
        let is_believed = self.genuine.as_ref().is_none_or(|genuine| {
            history.pack_keys().iter().all(|key| genuine.contains(key))
                && history.loose().is_empty()
        });
        (is_believed && self.before.state == self.state && outcome.tokens().is_some())
            .then_some(outcome)
    }

    /// Leaves out of the search of `history` what is known.
    pub(in crate::engine) fn leave_out(&mut self, history: &mut History) {
        let mut known: BTreeMap<String, PackRecord> = BTreeMap::new();
        for key in history.pack_keys() {
            let is_believed = self
                .genuine
                .as_ref()
                .is_none_or(|genuine| genuine.contains(&key));
            let record: Option<PackRecord> = is_believed
                .then(|| self.load(&pack_name(&key), &key))
                .flatten();
            if let Some(record) = record.filter(PackRecord::is_valid) {
                known.insert(key, record);
            }
        }
        let packs = known
            .iter()
            .map(|(key, record)| {
                let pack = KnownPack {
                    bytes: record.bytes,
                    closed: record.closed,
                };
                (key.clone(), pack)
            })
            .collect();
        let mut loose = BTreeMap::new();
        if self.genuine.is_none() && !self.before.loose.is_empty() {
            let lengths: BTreeMap<ObjectId, u64> = history.loose().into_iter().collect();
            for (Id(id), length, size) in &self.before.loose {
                if lengths.get(id) == Some(length) {
                    loose.insert(*id, *size);
                }
            }
        }
        let left_out = history.leave_out(&packs, loose);
        self.packs = left_out
            .iter()
            .filter_map(|key| known.remove(key))
            .collect();
    }

    /// Adds what is known of the packs that were left out.
    pub(in crate::engine) fn add_to(&self, held: &mut Held, kinds: &mut BTreeMap<ObjectId, Kind>) {
        for pack in &self.packs {
            // What makes no sense was not left out.
            let _ = pack.add_to(held, kinds);
        }
    }

    /// Objects of the packs that were left out, which are to be searched all the same: what cannot be
    /// read in them is told in words of the repository.
    pub(in crate::engine) fn to_be_read(&self) -> IdSet {
        let problems = self.packs.iter().flat_map(|pack| &pack.problems);
        problems.map(|Id(id)| *id).collect()
    }

    /// Writes down what is in the packs that were read.
    pub(in crate::engine) fn remember_packs(
        &mut self,
        history: &History,
        held: &Held,
        kinds: &BTreeMap<ObjectId, Kind>,
        problems: &[ObjectId],
    ) {
        for pack in history.read_packs() {
            // The name would be believed by everybody who has another pack of that name.
            if !history.is_genuine(&pack.key) {
                continue;
            }
            let record = PackRecord::new(
                (pack.bytes, pack.closed),
                held,
                kinds,
                problems.iter().copied(),
                |id| history.pack_has(pack, id),
            );
            self.store(&pack_name(&pack.key), &pack.key, &record);
        }
    }

    /// Writes down what was found in this state; `None` where something could not be read.
    pub(in crate::engine) fn remember(
        &mut self,
        history: &History,
        kinds: &BTreeMap<ObjectId, Kind>,
        outcome: Option<OutcomeRecord>,
    ) {
        let sizes = history.read_loose();
        let loose = history.loose().into_iter().filter_map(|(id, length)| {
            let size = sizes.get(&id).filter(|_| !kinds.contains_key(&id))?;
            Some((Id(id), length, *size))
        });
        let record = RepositoryRecord {
            state: self.state.clone(),
            loose: loose.collect(),
            outcome,
        };
        let about = self.subject.to_string();
        self.store(&self.name(), &about, &record);
    }

    /// What was wrong with the cache, in words.
    pub(in crate::engine) fn notices(&self) -> impl Iterator<Item = &str> {
        self.notices.iter().map(String::as_str)
    }

    fn load<T: serde::de::DeserializeOwned>(&mut self, name: &str, subject: &str) -> Option<T> {
        match self.memory.cache.load(name, &self.memory.rules, subject) {
            Loaded::Found(content) => Some(content),
            Loaded::Absent => None,
            Loaded::Unfit(why) => {
                self.notices.insert(format!(
                    "a file of the cache {why}: it is not used, and written anew"
                ));
                None
            }
        }
    }

    fn store<T: serde::Serialize>(&mut self, name: &str, subject: &str, content: &T) {
        let stored = self
            .memory
            .cache
            .store(name, &self.memory.rules, subject, content);
        if let Err(error) = stored {
            self.notices.insert(format!(
                "the cache cannot be written, so that the next run reads all again: {error}"
            ));
        }
    }
}

/// The file of a pack.
fn pack_name(key: &str) -> String {
    let checksum = key.split('-').next().unwrap_or_default();
    format!("pack-{checksum}.json")
}
