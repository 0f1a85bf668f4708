//! Values of a configuration that know where they were written.
//!
//! Within one file aliases and `<<` are resolved when it is read; values are shared, so an alias costs
//! nothing. Depth is bounded here, which lets everything after this module walk values by recursion.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::yaml::{Budget, Document, Kind, Node, NodeId};

/// Deepest nesting that is read. GitLab's own limit is 100 (gitlabhq/gitlabhq
/// `doc/administration/instance_limits.md`, `max_yaml_depth`).
pub(super) const MAX_DEPTH: usize = 100;

/// A node of a file that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    /// Index of the file.
    pub(super) file: usize,
    /// The node in its document.
    pub(super) node: NodeId,
}

#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) place: Place,
    pub(super) data: Data,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    Null,
    Scalar(Arc<str>),
    Sequence(List),
    Mapping(Rc<Mapping>),
    /// `!reference` with its path.
    Reference(Rc<[Value]>),
}

/// Items of a list. Values share their parts, so what is asked of all of them must be known without
/// walking them: a walk over a few aliases of aliases never ends.
#[derive(Clone, Debug)]
pub(super) struct List {
    items: Rc<[Value]>,
    holds_reference: bool,
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        let items: Rc<[Value]> = items.into_iter().collect();
        let holds_reference = items.iter().any(Value::holds_reference);
        Self {
            items,
            holds_reference,
        }
    }
}

impl std::ops::Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}

impl Value {
    pub(super) fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    pub(super) fn as_str(&self) -> Option<&Arc<str>> {
        match &self.data {
            Data::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_mapping(&self) -> Option<&Rc<Mapping>> {
        match &self.data {
            Data::Mapping(mapping) => Some(mapping),
            _ => None,
        }
    }

    /// The value under `key` of a mapping; null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.as_mapping()?.get(key)
    }

    /// The items of a list, or the value itself.
    pub(super) fn as_list(&self) -> &[Value] {
        match &self.data {
            Data::Sequence(items) => items,
            Data::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    pub(super) fn holds_reference(&self) -> bool {
        match &self.data {
            Data::Reference(_) => true,
            Data::Sequence(items) => items.holds_reference,
            Data::Mapping(mapping) => mapping.holds_reference,
            Data::Null | Data::Scalar(_) => false,
        }
    }

    /// What it is, for messages.
    pub(super) const fn noun(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Scalar(_) => "a scalar",
            Data::Sequence(_) => "a list",
            Data::Mapping(_) => "a mapping",
            Data::Reference(_) => "a reference",
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Arc<str>,
    pub(super) key_place: Place,
    pub(super) value: Value,
}

/// Entries in order, each key once.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapping {
    entries: Vec<Entry>,
    /// Kept from `INDEX_FROM` entries on.
    index: HashMap<Arc<str>, usize>,
    /// Whether a reference stands, or stood, at any depth.
    holds_reference: bool,
}

const INDEX_FROM: usize = 12;

impl Mapping {
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn position(&self, key: &str) -> Option<usize> {
        if self.entries.len() < INDEX_FROM {
            self.entries.iter().position(|entry| &*entry.key == key)
        } else {
            self.index.get(key).copied()
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.position(key).map(|at| &self.entries[at])
    }

    /// The value under `key`; null counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key)
            .map(|entry| &entry.value)
            .filter(|value| !value.is_null())
    }

    /// Puts `entry` in place of one of the same key, or at the end.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.holds_reference |= entry.value.holds_reference();
        if let Some(at) = self.position(&entry.key) {
            self.entries[at] = entry;
            return;
        }
        let at = self.entries.len();
        if at + 1 == INDEX_FROM {
            let keys = self.entries.iter().map(|entry| Arc::clone(&entry.key));
            self.index = keys.zip(0..).collect();
        }
        if at + 1 >= INDEX_FROM {
            self.index.insert(Arc::clone(&entry.key), at);
        }
        self.entries.push(entry);
    }

    /// A copy without `key`.
    pub(super) fn without(&self, key: &str) -> Self {
        let mut rest = Self::default();
        for entry in self.entries.iter().filter(|entry| &*entry.key != key) {
            rest.insert(entry.clone());
        }
        rest
    }

    /// `over` on top of this: mappings are merged at any depth, everything else is replaced
    /// (gitlabhq/gitlabhq `doc/ci/yaml/yaml_optimization.md`). `None` when the budget is used up.
    pub(super) fn merged(&self, over: &Self, budget: &mut Budget) -> Option<Self> {
        budget.spend(self.len() + over.len())?;
        let mut merged = self.clone();
        for entry in over.iter() {
            let mut entry = entry.clone();
            if let (Some(Data::Mapping(below)), Data::Mapping(above)) = (
                merged.entry(&entry.key).map(|entry| &entry.value.data),
                &entry.value.data,
            ) && !Rc::ptr_eq(below, above)
            {
                entry.value.data = Data::Mapping(Rc::new(below.merged(above, budget)?));
            }
            merged.insert(entry);
        }
        Some(merged)
    }
}

/// What a document holds, as GitLab's loader sees it.
pub(super) struct Loaded {
    pub(super) root: Option<Value>,
    /// Nodes that an alias names.
    pub(super) aliased: Vec<NodeId>,
    /// First keys of references.
    pub(super) referenced: Vec<Arc<str>>,
    /// Aliases that name nothing.
    pub(super) unresolved: Vec<NodeId>,
    /// Where something was left out because it nests too deep or the budget was used up.
    pub(super) cut: Option<NodeId>,
}

/// Reads `document`, which is that of the file with this index.
pub(super) fn load(file: usize, document: &Document, budget: &mut Budget) -> Loaded {
    let mut loaded = Loaded {
        root: None,
        aliased: Vec::new(),
        referenced: Vec::new(),
        unresolved: Vec::new(),
        cut: None,
    };
    let mut values: Vec<(Value, usize)> = Vec::new();
    for node in document.nodes() {
        let place = Place {
            file,
            node: node.id(),
        };
        let (data, depth) = match node.kind() {
            _ if node.is_alias() && node.kind() != Kind::Unresolved => {
                let target = node.target().id();
                loaded.aliased.push(target);
                values.push(values[target.index()].clone());
                continue;
            }
            Kind::Unresolved => {
                loaded.unresolved.push(node.id());
                (Data::Null, 0)
            }
            _ if node.is_null() => (Data::Null, 0),
            Kind::Empty | Kind::Scalar(_) => {
                (Data::Scalar(node.as_str().unwrap_or_default().into()), 0)
            }
            Kind::Sequence => {
                let items = node.items().map(|item| values[item.id().index()].0.clone());
                let depth = node.items().map(|item| values[item.id().index()].1).max();
                let data = if node.tag() == Some("!reference") {
                    let path: Rc<[Value]> = items.collect();
                    let first = path.first().and_then(Value::as_str);
                    loaded.referenced.extend(first.cloned());
                    Data::Reference(path)
                } else {
                    Data::Sequence(items.collect())
                };
                (data, depth.map_or(1, |depth| depth + 1))
            }
            Kind::Mapping => match mapping(file, node, &values, budget) {
                Some((mapping, depth)) => (Data::Mapping(Rc::new(mapping)), depth),
                None => (Data::Null, usize::MAX),
            },
        };
        if depth > MAX_DEPTH {
            loaded.cut.get_or_insert(node.id());
            let data = Data::Null;
            values.push((Value { place, data }, 0));
        } else {
            values.push((Value { place, data }, depth));
        }
    }
    loaded.root = document
        .root()
        .map(|root| values[root.id().index()].0.clone());
    loaded
}

/// The entries of a mapping: `<<` first, in which earlier mappings win over later ones, then its own, of
/// which the last of a key wins.
fn mapping(
    file: usize,
    node: Node<'_>,
    values: &[(Value, usize)],
    budget: &mut Budget,
) -> Option<(Mapping, usize)> {
    let mut mapping = Mapping::default();
    let mut depth = 0;
    for (_, value) in node.entries().filter(|(key, _)| key.is_merge_key()) {
        let (merged, merged_depth) = &values[value.id().index()];
        depth = depth.max(merged_depth.saturating_sub(1));
        for base in merged.as_list().iter().rev() {
            let Some(base) = base.as_mapping() else {
                continue;
            };
            budget.spend(base.len())?;
            base.iter().for_each(|entry| mapping.insert(entry.clone()));
        }
    }
    for (key, value) in node.entries().filter(|(key, _)| !key.is_merge_key()) {
        let Some(name) = key.as_str() else { continue };
        let (value, value_depth) = &values[value.id().index()];
        depth = depth.max(*value_depth);
        mapping.insert(Entry {
            key: name.into(),
            key_place: Place {
                file,
                node: key.target().id(),
            },
            value: value.clone(),
        });
    }
    Some((mapping, depth + 1))
}
