//! Finds the line of a key in YAML text.
//!
//! Typed values lose their positions. The parser knows them only while it reads, and tells them only
//! with an error; so a position is found by reading the text again and failing on purpose where the
//! path ends. That is right for every way to write YAML, and costs nothing until there is an error.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::{Position, Positions};
use crate::yaml::{Document, Node, Stream};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// 1-based.
    pub line: u64,
    /// 1-based, in Unicode scalar values.
    pub column: u64,
}

impl Place {
    /// The place after the last character of `text`.
    pub fn at_end_of(text: &str) -> Self {
        let last = text.rsplit('\n').next().unwrap_or(text);
        Self {
            line: text.matches('\n').count() as u64 + 1,
            column: last.chars().count() as u64 + 1,
        }
    }

    /// Where `error` says that it happened.
    pub(super) fn of(error: &serde_yaml::Error) -> Option<Self> {
        error.location().map(|location| Self {
            line: location.line() as u64,
            column: location.column() as u64,
        })
    }
}

/// Where the key at the end of `path` stands. A step is a key, or the index of a list item
/// (`["examples", "fires", "0", "name"]`); an item has no key, so its value is meant.
pub fn locate_key(text: &str, path: &[&str]) -> Option<Place> {
    seek(text, path, End::Key)
}

/// Where the value at the end of `path` begins.
pub fn locate_value(text: &str, path: &[&str]) -> Option<Place> {
    seek(text, path, End::Value)
}

/// Where the items of the list `key` of a file begin, all in one pass: [`locate_key`] reads the file
/// once for each. Empty where the file holds no such list.
pub fn locate_items(text: &str, key: &str) -> Vec<Position> {
    let stream = Stream::parse(text);
    let list = stream
        .document()
        .and_then(Document::root)
        .and_then(|root| root.get(key));
    let mut positions = Positions::new(text.as_bytes());
    list.map(Node::items)
        .into_iter()
        .flatten()
        .map(|item| positions.at(item.span().start))
        .collect()
}

/// Where the first key stands that its mapping already has.
pub(super) fn locate_duplicate(text: &str) -> Option<(Place, String)> {
    let found = Cell::new(None);
    let error = Unique { found: &found }
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .err()?;
    Some((Place::of(&error)?, found.take()?))
}

fn seek(text: &str, path: &[&str], end: End) -> Option<Place> {
    let found = Cell::new(false);
    let error = Seek {
        path,
        end,
        found: &found,
    }
    .deserialize(serde_yaml::Deserializer::from_str(text))
    .err()?;
    found.get().then(|| Place::of(&error)).flatten()
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Key,
    Value,
}

/// Walks down `path` and fails at its end.
struct Seek<'a> {
    path: &'a [&'a str],
    end: End,
    found: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            self.found.set(true);
            deserializer.deserialize_any(Stop)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let (step, rest) = self.path.split_first().expect("an empty path stops before");
        let here = rest.is_empty() && self.end == End::Key;
        while let Some(met) = map.next_key_seed(KeyIs {
            key: step,
            stop: here.then_some(self.found),
        })? {
            if met {
                return map.next_value_seed(Self { path: rest, ..self });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (step, rest) = self.path.split_first().expect("an empty path stops before");
        let Ok(index) = step.parse::<usize>() else {
            return Ok(());
        };
        for _ in 0..index {
            if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        list.next_element_seed(Self { path: rest, ..self })?;
        Ok(())
    }
}

/// Accepts nothing, so that the parser fails at the value it is given.
struct Stop;

impl Visitor<'_> for Stop {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the end of the path")
    }
}

/// Compares a key; with `stop`, fails where it is the one.
struct KeyIs<'a> {
    key: &'a str,
    stop: Option<&'a Cell<bool>>,
}

impl<'de> DeserializeSeed<'de> for KeyIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match self.stop {
            Some(found) if key == self.key => {
                found.set(true);
                Err(E::custom("the end of the path"))
            }
            _ => Ok(key == self.key),
        }
    }
}

/// Walks everything and fails at the second key of the same name.
#[derive(Clone, Copy)]
struct Unique<'a> {
    found: &'a Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Unique<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while map
            .next_key_seed(NewKey {
                keys: &mut keys,
                found: self.found,
            })?
            .is_some()
        {
            map.next_value_seed(self)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Fails at a key that the set has.
struct NewKey<'a> {
    keys: &'a mut BTreeSet<String>,
    found: &'a Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for NewKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        if self.keys.insert(key.to_owned()) {
            return Ok(());
        }
        self.found.set(Some(key.to_owned()));
        Err(E::custom("this key again"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a comment
id: some
params: {max: 1, 'quoted key': [x, y]}
list:
- name: first
  text: |
    id: not this one
- \"name\": second
";

    fn key(path: &[&str]) -> Option<(u64, u64)> {
        locate_key(TEXT, path).map(|place| (place.line, place.column))
    }

    fn value(path: &[&str]) -> Option<(u64, u64)> {
        locate_value(TEXT, path).map(|place| (place.line, place.column))
    }

    #[test]
    fn finds_keys_in_blocks_flows_and_lists() {
        assert_eq!(key(&["id"]), Some((2, 1)));
        assert_eq!(key(&["params", "max"]), Some((3, 10)));
        assert_eq!(key(&["params", "quoted key"]), Some((3, 18)));
        assert_eq!(key(&["list", "1", "name"]), Some((8, 3)));
        assert_eq!(key(&["list", "1"]), Some((8, 3)));
    }

    #[test]
    fn finds_values() {
        assert_eq!(value(&["id"]), Some((2, 5)));
        assert_eq!(value(&["params", "quoted key", "1"]), Some((3, 36)));
        assert_eq!(value(&["list", "0", "text"]), Some((6, 9)));
    }

    #[test]
    fn finds_the_items_of_a_list_at_once() {
        let places: Vec<_> = locate_items(TEXT, "list")
            .iter()
            .map(|position| Some((position.line, position.column)))
            .collect();
        assert_eq!(places, [key(&["list", "0"]), key(&["list", "1"])]);
        assert_eq!(locate_items(TEXT, "params"), []);
        assert_eq!(locate_items("a: [", "b"), []);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert_eq!(key(&["absent"]), None);
        assert_eq!(key(&["id", "deeper"]), None);
        assert_eq!(key(&["list", "2"]), None);
        assert_eq!(key(&["list", "name"]), None);
        assert_eq!(locate_key("a: [", &["b"]), None);
        assert_eq!(locate_key("", &["b"]), None);
    }

    #[test]
    fn columns_count_characters() {
        let place = locate_value("{é: 1, b: 2}", &["b"]).unwrap();
        assert_eq!((place.line, place.column), (1, 11));
        assert_eq!(Place::at_end_of("a\nöä"), Place { line: 2, column: 3 });
    }

    #[test]
    fn finds_the_second_of_two_keys() {
        let (place, name) = locate_duplicate("a: {b: 1}\nc:\n- {b: 1, d: true, b: 1.5}\n").unwrap();
        assert_eq!((place.line, place.column, &*name), (3, 19, "b"));
        assert_eq!(locate_duplicate("a: {b: 1}\nb: {a: ~}\nc: !t x"), None);
    }
}
