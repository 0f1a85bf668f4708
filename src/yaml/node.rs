//! A document as an arena of nodes, and the handle to look at them.

use std::collections::HashMap;
use std::sync::Arc;

use super::ValueMap;
use super::scalar;
use crate::model::Span;

/// Names one node of one document. A node's children have smaller ids than itself, and so has the
/// node that an alias names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// The id as an index into a table with one entry for each node of the document.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value that is left out: `key:`. A written `~` is a scalar.
    Empty,
    /// Any text.
    Scalar(Style),
    /// A list.
    Sequence,
    /// Keys with values.
    Mapping,
    /// An alias to an anchor that does not exist, or that is not complete where the alias stands.
    Unresolved,
}

/// The text of a scalar.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// As it stands in the source.
    Source(Span),
    /// Unescaped, unfolded or unindented.
    Own(Box<str>),
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    Empty,
    Scalar {
        text: Text,
        style: Style,
        /// Content indentation of a block scalar.
        indent: usize,
        /// The span as the parser gives it; of a block scalar it reaches further than the content.
        raw: Span,
    },
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias {
        target: Option<NodeId>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub(super) name: Box<str>,
    pub(super) span: Span,
}

#[derive(Clone, Debug)]
pub(super) struct NodeData {
    pub(super) span: Span,
    pub(super) tag: Option<Box<Tag>>,
    pub(super) anchored: bool,
    pub(super) data: Data,
}

/// One document of a stream.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) text: Arc<str>,
    pub(super) nodes: Vec<NodeData>,
    pub(super) root: Option<NodeId>,
    pub(super) partial: bool,
}

impl Document {
    /// The outermost node; none where the document is empty or nothing of it could be read.
    pub fn root(&self) -> Option<Node<'_>> {
        self.root.map(|id| self.node(id))
    }

    /// Whether an error hides some of it.
    pub const fn is_partial(&self) -> bool {
        self.partial
    }

    /// The node of this name.
    ///
    /// # Panics
    ///
    /// If the id comes from another document.
    pub const fn node(&self, id: NodeId) -> Node<'_> {
        Node { document: self, id }
    }

    /// Every node, children before their parents, what an alias names before the alias.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..).zip(&self.nodes).map(|(id, _)| self.node(NodeId(id)))
    }
}

/// A place in a document.
///
/// An alias answers for the node it names; only [`Node::id`], [`Node::span`] and [`Node::is_alias`]
/// tell it from that node.
#[derive(Clone, Copy, Debug)]
pub struct Node<'d> {
    document: &'d Document,
    id: NodeId,
}

impl<'d> Node<'d> {
    fn written(self) -> &'d NodeData {
        &self.document.nodes[self.id.index()]
    }

    fn data(self) -> &'d NodeData {
        &self.document.nodes[self.target().id.index()]
    }

    /// Its name in the document.
    pub const fn id(self) -> NodeId {
        self.id
    }

    /// Whether it is written as `*name`.
    pub fn is_alias(self) -> bool {
        matches!(self.written().data, Data::Alias { .. })
    }

    /// The node that an alias names, else the node itself.
    #[must_use]
    pub fn target(self) -> Self {
        match self.written().data {
            Data::Alias {
                target: Some(target),
            } => self.document.node(target),
            _ => self,
        }
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        match &self.data().data {
            Data::Empty => Kind::Empty,
            Data::Scalar { style, .. } => Kind::Scalar(*style),
            Data::Sequence(_) => Kind::Sequence,
            Data::Mapping(_) => Kind::Mapping,
            Data::Alias { .. } => Kind::Unresolved,
        }
    }

    /// Where it is written: a quoted scalar with its quotes, a block scalar from its first to its last
    /// character, a block collection from its first to its last child, an alias with its `*`. Tags and
    /// anchors are outside of it.
    pub fn span(self) -> Span {
        self.written().span
    }

    /// The tag as handle and suffix: `!reference`, `tag:yaml.org,2002:str`.
    pub fn tag(self) -> Option<&'d str> {
        self.data().tag.as_deref().map(|tag| &*tag.name)
    }

    /// Where the tag is written.
    pub fn tag_span(self) -> Option<Span> {
        self.data().tag.as_deref().map(|tag| tag.span)
    }

    /// Whether an anchor stands before it.
    pub fn is_anchored(self) -> bool {
        self.data().anchored
    }

    /// The value of a scalar.
    pub fn as_str(self) -> Option<&'d str> {
        match &self.data().data {
            Data::Scalar { text, .. } => Some(match text {
                Text::Source(span) => &self.document.text[span.start..span.end],
                Text::Own(text) => text,
            }),
            _ => None,
        }
    }

    /// Whether YAML's core schema reads it as null: left out, `~` or `null`.
    pub fn is_null(self) -> bool {
        match self.kind() {
            Kind::Empty => self.tag() != Some("tag:yaml.org,2002:str"),
            Kind::Scalar(Style::Plain) => {
                self.tag().is_none()
                    && matches!(self.as_str(), Some("~" | "null" | "Null" | "NULL"))
            }
            _ => false,
        }
    }

    /// The items of a sequence, as written; none of anything else.
    pub fn items(self) -> impl ExactSizeIterator<Item = Node<'d>> + DoubleEndedIterator {
        let items = match &self.data().data {
            Data::Sequence(items) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(move |id| self.document.node(*id))
    }

    /// Keys and values of a mapping as written: in order, duplicates and `<<` included; none of
    /// anything else.
    pub fn entries(
        self,
    ) -> impl ExactSizeIterator<Item = (Node<'d>, Node<'d>)> + DoubleEndedIterator {
        let pairs = match &self.data().data {
            Data::Mapping(pairs) => pairs.as_slice(),
            _ => &[],
        };
        pairs
            .iter()
            .map(move |(key, value)| (self.document.node(*key), self.document.node(*value)))
    }

    /// The value under `key` as written here, the last one where the key stands twice. Keys that come
    /// by `<<` are not seen.
    pub fn get(self, key: &str) -> Option<Node<'d>> {
        self.entries()
            .rev()
            .find(|(name, _)| name.as_str() == Some(key))
            .map(|(_, value)| value)
    }

    /// Whether this key asks for the entries of its value to be merged in.
    pub fn is_merge_key(self) -> bool {
        self.kind() == Kind::Scalar(Style::Plain)
            && self.tag().is_none()
            && self.as_str() == Some("<<")
    }

    /// The entries as a loader gives them: `<<` applied, own keys before merged ones, earlier merged
    /// mappings before later ones, of duplicate keys the last value. Keys that are no scalars are left
    /// out.
    ///
    /// `None` when the budget is used up or merges nest too deep to be meant.
    pub fn merged(self, budget: &mut Budget) -> Option<Vec<(Node<'d>, Node<'d>)>> {
        let mut merged = Merged::default();
        merged.add(self, budget, 0)?;
        Some(merged.entries)
    }

    /// From the bytes of the value of a scalar to the bytes of the source. Empty for anything else.
    pub fn value_map(self) -> ValueMap {
        match (&self.data().data, self.as_str()) {
            (
                Data::Scalar {
                    style, indent, raw, ..
                },
                Some(value),
            ) => scalar::map(&self.document.text, *raw, *style, *indent, value),
            _ => ValueMap::default(),
        }
    }
}

/// How many nodes may still be produced from a hostile input.
#[derive(Clone, Debug)]
pub struct Budget {
    left: usize,
}

impl Budget {
    /// Room for so many nodes.
    pub const fn new(nodes: usize) -> Self {
        Self { left: nodes }
    }

    /// Takes `nodes`; `None` when they are not left, and then never again anything else.
    pub const fn spend(&mut self, nodes: usize) -> Option<()> {
        if let Some(left) = self.left.checked_sub(nodes) {
            self.left = left;
            Some(())
        } else {
            self.left = 0;
            None
        }
    }
}

const MERGE_DEPTH: usize = 32;

#[derive(Default)]
struct Merged<'d> {
    entries: Vec<(Node<'d>, Node<'d>)>,
    places: HashMap<&'d str, usize>,
}

impl<'d> Merged<'d> {
    /// Adds the entries of `mapping`, which win over those that are there.
    fn add(&mut self, mapping: Node<'d>, budget: &mut Budget, depth: usize) -> Option<()> {
        if depth > MERGE_DEPTH {
            return None;
        }
        budget.spend(mapping.entries().len())?;
        for (_, value) in mapping.entries().filter(|(key, _)| key.is_merge_key()) {
            if value.kind() == Kind::Sequence {
                for item in value.items().rev() {
                    self.add(item, budget, depth + 1)?;
                }
            } else {
                self.add(value, budget, depth + 1)?;
            }
        }
        for (key, value) in mapping.entries().filter(|(key, _)| !key.is_merge_key()) {
            let Some(name) = key.as_str() else { continue };
            if let Some(place) = self.places.get(name) {
                self.entries[*place] = (key, value);
            } else {
                self.places.insert(name, self.entries.len());
                self.entries.push((key, value));
            }
        }
        Some(())
    }
}
