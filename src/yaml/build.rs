//! From the parser's events to an arena, with an explicit stack.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, StructureStyle};

use super::node::{Data, Document, NodeData, NodeId, Style, Tag, Text};
use super::scalar;
use crate::model::Span;

/// Takes events and gives documents. Nodes are stored when they are complete.
pub(super) struct Builder {
    text: Arc<str>,
    nodes: Vec<NodeData>,
    frames: Vec<Frame>,
    root: Option<NodeId>,
    /// By name, the node of the last definition; `None` while that node is not complete.
    anchors: HashMap<Box<str>, Option<NodeId>>,
    /// The scalar that an anchor event belongs to, when one comes next.
    last_scalar: Option<NodeId>,
}

/// A collection that is not complete.
struct Frame {
    start: usize,
    flow: bool,
    tag: Option<Box<Tag>>,
    anchor: Option<Box<str>>,
    children: Children,
}

enum Children {
    Items(Vec<NodeId>),
    Pairs {
        pairs: Vec<(NodeId, NodeId)>,
        key: Option<NodeId>,
    },
}

impl Builder {
    pub(super) fn new(text: Arc<str>) -> Self {
        Self {
            text,
            nodes: Vec::new(),
            frames: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            last_scalar: None,
        }
    }

    /// Takes one event whose offsets are `base` bytes behind those of the text.
    pub(super) fn take(&mut self, event: Event<'_>, span: granit_parser::Span, base: usize) {
        let at = byte_span(&span, base);
        let scalar_before = self.last_scalar.take();
        match event {
            Event::Scalar(value, style, _, tag) => {
                let tag = tag_of(tag.as_deref(), &span, base);
                let id = self.scalar(&value, style, span.indent, at, tag);
                self.last_scalar = Some(id);
                self.attach(id);
            }
            Event::SequenceStart(style, _, tag) => {
                let tag = tag_of(tag.as_deref(), &span, base);
                self.open(style, at, tag, Children::Items(Vec::new()));
            }
            Event::MappingStart(style, _, tag) => {
                let tag = tag_of(tag.as_deref(), &span, base);
                let pairs = Children::Pairs {
                    pairs: Vec::new(),
                    key: None,
                };
                self.open(style, at, tag, pairs);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(id) = self.close(Some(at.end)) {
                    self.attach(id);
                }
            }
            Event::Anchor(_, name) => {
                let name: Box<str> = name.into();
                if let Some(id) = scalar_before {
                    self.nodes[id.index()].anchored = true;
                    self.anchors.insert(name, Some(id));
                } else if let Some(frame) = self.frames.last_mut() {
                    frame.anchor = Some(name.clone());
                    self.anchors.insert(name, None);
                }
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                // By name, not by the parser's number: a block that is parsed alone may name an
                // anchor of a block before it.
                let name = self.text[at.start..at.end].trim_start_matches('*');
                let target = self.anchors.get(name).copied().flatten();
                let id = self.push(at, None, Data::Alias { target });
                self.attach(id);
            }
            _ => {}
        }
    }

    /// Ends the document; what is still open is closed with what it has.
    pub(super) fn finish(&mut self, partial: bool) -> Document {
        while let Some(id) = self.close(None) {
            self.attach(id);
        }
        self.anchors.clear();
        Document {
            text: Arc::clone(&self.text),
            nodes: std::mem::take(&mut self.nodes),
            root: self.root.take(),
            partial,
        }
    }

    /// Closes what is open after an error and takes the root apart, so that the blocks that follow can
    /// be added to it. `None` where it is no mapping.
    pub(super) fn reopen(&mut self) -> Option<Vec<(NodeId, NodeId)>> {
        while let Some(id) = self.close(None) {
            self.attach(id);
        }
        match self.root.take() {
            None => Some(Vec::new()),
            Some(root) => {
                if let Data::Mapping(pairs) = &mut self.nodes[root.index()].data {
                    Some(std::mem::take(pairs))
                } else {
                    self.root = Some(root);
                    None
                }
            }
        }
    }

    /// Makes `pairs` the root.
    pub(super) fn set_root(&mut self, pairs: Vec<(NodeId, NodeId)>) {
        let span = self.cover(&pairs);
        self.root = Some(self.push(span, None, Data::Mapping(pairs)));
    }

    /// Where a node begins.
    pub(super) fn start_of(&self, id: NodeId) -> usize {
        self.nodes[id.index()].span.start
    }

    fn cover(&self, pairs: &[(NodeId, NodeId)]) -> Span {
        match (pairs.first(), pairs.last()) {
            (Some(first), Some(last)) => {
                let end = self.nodes[last.1.index()].span.end;
                Span::new(
                    self.start_of(first.0),
                    end.max(self.nodes[last.0.index()].span.end),
                )
            }
            _ => Span::default(),
        }
    }

    fn push(&mut self, span: Span, tag: Option<Box<Tag>>, data: Data) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(NodeData {
            span,
            tag,
            anchored: false,
            data,
        });
        id
    }

    fn scalar(
        &mut self,
        value: &str,
        style: ScalarStyle,
        indent: Option<usize>,
        at: Span,
        tag: Option<Box<Tag>>,
    ) -> NodeId {
        if style == ScalarStyle::Plain && at.is_empty() {
            return self.push(at, tag, Data::Empty);
        }
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let indent = indent.unwrap_or(0);
        let (inner, span) = match style {
            Style::Plain => (at, at),
            Style::Single | Style::Double => (
                Span::new(at.start + 1, at.end.saturating_sub(1).max(at.start + 1)),
                at,
            ),
            Style::Literal | Style::Folded => {
                let content = value.trim_end_matches('\n').len();
                let span = scalar::map(&self.text, at, style, indent, value)
                    .source_span(Span::new(0, content));
                (at, if content == 0 { at } else { span })
            }
        };
        let text = if self.text.get(inner.start..inner.end) == Some(value) {
            Text::Source(inner)
        } else {
            Text::Own(value.into())
        };
        self.push(
            span,
            tag,
            Data::Scalar {
                text,
                style,
                indent,
                raw: at,
            },
        )
    }

    fn open(&mut self, style: StructureStyle, at: Span, tag: Option<Box<Tag>>, children: Children) {
        self.frames.push(Frame {
            start: at.start,
            flow: style == StructureStyle::Flow,
            tag,
            anchor: None,
            children,
        });
    }

    /// Completes the innermost open collection; `end` is none where the parser saw no end of it.
    fn close(&mut self, end: Option<usize>) -> Option<NodeId> {
        let frame = self.frames.pop()?;
        let (data, last) = match frame.children {
            Children::Items(items) => {
                let last = items.last().copied();
                (Data::Sequence(items), last)
            }
            Children::Pairs { mut pairs, key } => {
                if let Some(key) = key {
                    let after = self.nodes[key.index()].span.end;
                    let value = self.push(Span::new(after, after), None, Data::Empty);
                    pairs.push((key, value));
                }
                let last = pairs.last().map(|(key, value)| {
                    if self.nodes[value.index()].span.is_empty() {
                        *key
                    } else {
                        *value
                    }
                });
                (Data::Mapping(pairs), last)
            }
        };
        let last_end = last.map_or(frame.start, |id| self.nodes[id.index()].span.end);
        let end = match end {
            Some(end) if frame.flow => end,
            _ => last_end,
        };
        let id = self.push(
            Span::new(frame.start, end.max(frame.start)),
            frame.tag,
            data,
        );
        if let Some(anchor) = frame.anchor {
            self.nodes[id.index()].anchored = true;
            self.anchors.insert(anchor, Some(id));
        }
        Some(id)
    }

    fn attach(&mut self, id: NodeId) {
        match self.frames.last_mut().map(|frame| &mut frame.children) {
            None => self.root = Some(id),
            Some(Children::Items(items)) => items.push(id),
            Some(Children::Pairs { pairs, key }) => match key.take() {
                None => *key = Some(id),
                Some(key) => pairs.push((key, id)),
            },
        }
    }
}

fn byte_span(span: &granit_parser::Span, base: usize) -> Span {
    // Present for every input that is a string; zero keeps a later slice harmless.
    let start = span.start.byte_offset().unwrap_or(0) + base;
    let end = span.end.byte_offset().unwrap_or(0) + base;
    Span::new(start, end.max(start))
}

fn tag_of(
    tag: Option<&granit_parser::Tag>,
    span: &granit_parser::Span,
    base: usize,
) -> Option<Box<Tag>> {
    let tag = tag?;
    Some(Box::new(Tag {
        name: format!("{}{}", tag.handle(), tag.suffix()).into(),
        span: span
            .tag_span()
            .map_or_else(|| byte_span(span, base), |tag| byte_span(&tag, base)),
    }))
}
