//! The configuration as people write it: what each key may hold, and nothing about what it means.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};

use super::ByteSize;
use crate::model::{Confidence, Persona, Severity};
use crate::rules::Params;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawConfig {
    pub(super) version: Option<u64>,
    pub(super) gitlab: RawGitlab,
    pub(super) ci: RawCi,
    pub(super) inventories: Vec<RawInventory>,
    pub(super) token_variables: BTreeMap<String, RawTokenVariable>,
    pub(super) rules: BTreeMap<String, RawRule>,
    pub(super) ignore: Vec<RawIgnore>,
    pub(super) scan: RawScan,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawGitlab {
    pub(super) version: Option<String>,
    pub(super) hosts: Vec<String>,
    pub(super) prefixes: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawCi {
    pub(super) files: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawScan {
    pub(super) exclude: Vec<String>,
    pub(super) respect_gitignore: Option<bool>,
    pub(super) max_file_size: Option<ByteSize>,
    pub(super) max_archive_depth: Option<usize>,
    pub(super) persona: Option<Persona>,
    pub(super) confidence: Option<Confidence>,
    pub(super) max_decode_depth: Option<u8>,
    pub(super) fail_on: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawTokenVariable {
    pub(super) kind: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) role: Option<String>,
    pub(super) protected: Option<bool>,
    pub(super) masked: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawIgnore {
    pub(super) rule: Option<String>,
    pub(super) path: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) reason: String,
    pub(super) expires: Option<String>,
}

#[derive(Debug)]
pub(super) enum RawInventory {
    File(PathBuf),
    Entry(RawInventoryEntry),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawInventoryEntry {
    pub(super) kind: Option<String>,
    pub(super) file: PathBuf,
}

#[derive(Debug)]
pub(super) enum RawRule {
    Off,
    Change(RawChange),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct RawChange {
    pub(super) severity: Option<Severity>,
    pub(super) persona: Option<Persona>,
    pub(super) params: Params,
}

impl<'de> Deserialize<'de> for RawInventory {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrMap {
            expecting: "a path, or a mapping with `file`",
            word: |word| Some(Self::File(word.into())),
            map: Self::Entry,
        })
    }
}

impl<'de> Deserialize<'de> for RawRule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrMap {
            expecting: "`off`, or a mapping with `severity`, `persona` or `params`",
            word: |word| (word == "off").then_some(Self::Off),
            map: Self::Change,
        })
    }
}

/// Reads a value that is a word in the simple case and a mapping in all others.
struct WordOrMap<T, R> {
    expecting: &'static str,
    word: fn(&str) -> Option<T>,
    map: fn(R) -> T,
}

impl<'de, T, R: Deserialize<'de>> Visitor<'de> for WordOrMap<T, R> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
        (self.word)(word).ok_or_else(|| {
            E::custom(format!(
                "invalid value `{word}`, expected {}",
                self.expecting
            ))
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        R::deserialize(MapAccessDeserializer::new(map)).map(self.map)
    }
}
