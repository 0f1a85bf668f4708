//! `!reference`: values taken from elsewhere in the merged and extended configuration.

use std::rc::Rc;
use std::sync::Arc;

use super::Resolver;
use super::report::short;
use super::value::{Data, Mapping, Value};
use crate::model::ProblemClass;

/// References inside of references (gitlabhq/gitlabhq `doc/ci/yaml/yaml_optimization.md`).
const MAX_LEVELS: usize = 10;

/// Deepest value after references are followed.
const MAX_DEPTH: usize = 200;

/// References that are being followed, outermost first.
type Open = Vec<Vec<Arc<str>>>;

impl Resolver<'_> {
    /// The value with every reference in it replaced by what it names. A reference that names nothing
    /// becomes null, with a problem.
    pub(super) fn dereferenced(&mut self, value: &Value) -> Value {
        if value.holds_reference() {
            self.replace(value, &mut Vec::new(), 0)
        } else {
            value.clone()
        }
    }

    fn replace(&mut self, value: &Value, open: &mut Open, depth: usize) -> Value {
        let null = Value {
            place: value.place,
            data: Data::Null,
        };
        if depth > MAX_DEPTH || self.report.nodes.spend(1).is_none() {
            self.report.exhausted(self.files.site(value.place));
            return null;
        }
        match &value.data {
            Data::Null | Data::Scalar(_) => value.clone(),
            Data::Sequence(items) => {
                let items = items.iter().map(|item| self.replace(item, open, depth + 1));
                Value {
                    place: value.place,
                    data: Data::Sequence(items.collect()),
                }
            }
            Data::Mapping(mapping) => {
                let mut replaced = Mapping::default();
                for entry in mapping.iter() {
                    let mut entry = entry.clone();
                    entry.value = self.replace(&entry.value, open, depth + 1);
                    replaced.insert(entry);
                }
                Value {
                    place: value.place,
                    data: Data::Mapping(Rc::new(replaced)),
                }
            }
            Data::Reference(path) => self.follow(value, path, open, depth).unwrap_or(null),
        }
    }

    fn follow(
        &mut self,
        reference: &Value,
        path: &[Value],
        open: &mut Open,
        depth: usize,
    ) -> Option<Value> {
        let site = self.files.site(reference.place);
        let keys: Option<Vec<Arc<str>>> = path.iter().map(|key| key.as_str().cloned()).collect();
        let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
            self.report.losses += 1;
            let message = "`!reference` takes a list of keys".to_owned();
            self.report.error(ProblemClass::CiResolution, site, message);
            return None;
        };
        let circle = open.contains(&keys);
        if circle || open.len() >= MAX_LEVELS {
            self.report.losses += 1;
            let written = written(&keys);
            let message = if circle {
                format!("`!reference [{written}]` goes round in a circle")
            } else {
                format!("`!reference [{written}]` nests deeper than {MAX_LEVELS} levels")
            };
            self.report.error(ProblemClass::CiResolution, site, message);
            return None;
        }
        let config = Rc::clone(&self.config);
        open.push(keys.clone());
        let mut found = config.get(&keys[0]).cloned();
        for key in &keys[1..] {
            // What lies on the way may itself be a reference.
            found = found.and_then(|value| match value.data {
                Data::Reference(_) => self.replace(&value, open, depth + 1).get(key).cloned(),
                _ => value.get(key).cloned(),
            });
        }
        let value = found
            .filter(|value| !value.is_null())
            .map(|value| self.replace(&value, open, depth + 1));
        open.pop();
        if value.is_none() {
            let message = format!("`!reference [{}]` names nothing", written(&keys));
            self.report.missing(site, message);
        }
        value
    }
}

fn written(keys: &[Arc<str>]) -> String {
    let keys: Vec<&str> = keys.iter().take(4).map(|key| short(key)).collect();
    keys.join(", ")
}
