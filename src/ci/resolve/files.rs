//! The files of a configuration, each read once, and the places in them.

use std::cell::OnceCell;
use std::fmt::Write as _;
use std::sync::Arc;

use super::report::short;
use super::value::Place;
use crate::ci::{SourceFile, header};
use crate::model::{Site, SourceId, Span};
use crate::yaml::{Document, Node, NodeId, Stream, SyntaxError, ValueMap};

/// A file with the document that is its configuration.
pub(super) struct File {
    pub(super) source: SourceId,
    pub(super) path: Arc<str>,
    pub(super) document: Option<Document>,
    pub(super) errors: Vec<SyntaxError>,
    /// Start of a document that GitLab does not look at.
    pub(super) surplus: Option<Span>,
    parents: OnceCell<Vec<Option<Parent>>>,
}

/// Where a node hangs.
#[derive(Clone, Copy)]
struct Parent {
    node: NodeId,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Key(NodeId),
    Item(usize),
}

impl File {
    pub(super) fn read(file: &SourceFile) -> Self {
        let stream = Stream::parse(Arc::clone(&file.text));
        let mut documents = stream.documents;
        // A second document counts only behind a header (gitlabhq/gitlabhq
        // `lib/gitlab/config/loader/multi_doc_yaml.rb`).
        let content = usize::from(header(&documents).is_some());
        let surplus = documents
            .get(content + 1)
            .and_then(Document::root)
            .map(Node::span);
        Self {
            source: file.id,
            path: Arc::clone(&file.path),
            document: (content < documents.len()).then(|| documents.swap_remove(content)),
            errors: stream.errors,
            surplus,
            parents: OnceCell::new(),
        }
    }

    /// A file that is known and not looked at.
    pub(super) fn unread(file: &SourceFile) -> Self {
        Self {
            source: file.id,
            path: Arc::clone(&file.path),
            document: None,
            errors: Vec::new(),
            surplus: None,
            parents: OnceCell::new(),
        }
    }

    pub(super) fn span(&self, node: NodeId) -> Span {
        self.document
            .as_ref()
            .map_or_else(Span::default, |document| document.node(node).span())
    }

    pub(super) fn value_map(&self, node: NodeId) -> ValueMap {
        self.document
            .as_ref()
            .map_or_else(ValueMap::default, |document| {
                document.node(node).value_map()
            })
    }

    /// The way to a node: `deploy › script › 2`.
    pub(super) fn route(&self, node: NodeId) -> Arc<str> {
        let Some(document) = &self.document else {
            return "".into();
        };
        let parents = self.parents.get_or_init(|| parents(document));
        let mut steps = Vec::new();
        let mut at = node;
        while let Some(parent) = parents[at.index()] {
            steps.push(parent.step);
            at = parent.node;
        }
        let mut route = String::new();
        for step in steps.iter().rev() {
            if !route.is_empty() {
                route.push_str(" › ");
            }
            match step {
                Step::Key(key) => {
                    route.push_str(short(document.node(*key).as_str().unwrap_or("?")));
                }
                Step::Item(number) => {
                    let _ = write!(route, "{number}");
                }
            }
        }
        route.into()
    }
}

fn parents(document: &Document) -> Vec<Option<Parent>> {
    let mut parents = Vec::new();
    for node in document.nodes() {
        parents.push(None);
        if node.is_alias() {
            continue;
        }
        for (item, number) in node.items().zip(1..) {
            parents[item.id().index()] = Some(Parent {
                node: node.id(),
                step: Step::Item(number),
            });
        }
        for (key, value) in node.entries() {
            let parent = Parent {
                node: node.id(),
                step: Step::Key(key.id()),
            };
            parents[key.id().index()] = Some(parent);
            parents[value.id().index()] = Some(parent);
        }
    }
    parents
}

/// All files that were read, in the order they were met.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<File>,
}

impl Files {
    pub(super) fn add(&mut self, file: File) -> usize {
        self.files.push(file);
        self.files.len() - 1
    }

    pub(super) fn get(&self, index: usize) -> &File {
        &self.files[index]
    }

    pub(super) fn position(&self, source: SourceId) -> Option<usize> {
        self.files.iter().position(|file| file.source == source)
    }

    pub(super) fn sources(&self) -> Vec<SourceId> {
        self.files.iter().map(|file| file.source).collect()
    }

    pub(super) fn span(&self, place: Place) -> Span {
        self.get(place.file).span(place.node)
    }

    /// A place with the way to it.
    pub(super) fn site(&self, place: Place) -> Site {
        let file = self.get(place.file);
        Site::new(file.source, file.span(place.node)).with_route(file.route(place.node))
    }
}
