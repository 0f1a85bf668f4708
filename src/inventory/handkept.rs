//! Reads the YAML of hand-kept inventories into [`Value`]s.

use std::borrow::Cow;

use super::value::{Data, MAX_DEPTH, Member, Value};
use crate::yaml::{Budget, Document, Kind, Node, Stream, Style};

/// Nodes that aliases and merges may add to those that are written.
const ALIAS_ROOM: usize = 100_000;

/// The top-level values of all documents that hold something.
///
/// `None` when aliases make more of the file than it can mean.
pub(super) fn values(stream: &Stream) -> Option<Vec<Value<'_>>> {
    let written: usize = stream
        .documents
        .iter()
        .map(|document| document.nodes().count())
        .sum();
    let mut budget = Budget::new(written.saturating_add(ALIAS_ROOM));
    stream
        .documents
        .iter()
        .filter_map(Document::root)
        .filter(|root| root.kind() != Kind::Empty)
        .map(|root| value(root, MAX_DEPTH, &mut budget))
        .collect()
}

fn value<'d>(node: Node<'d>, depth: usize, budget: &mut Budget) -> Option<Value<'d>> {
    budget.spend(1)?;
    let text = || Cow::Borrowed(node.as_str().unwrap_or_default());
    let data = match node.kind() {
        _ if node.is_null() => Data::Null,
        Kind::Empty | Kind::Scalar(Style::Plain | Style::Literal | Style::Folded) => {
            Data::Plain(text())
        }
        Kind::Scalar(Style::Single | Style::Double) => Data::Text(text()),
        Kind::Sequence | Kind::Mapping if depth == 0 => Value::TOO_DEEP,
        Kind::Sequence => Data::List(
            node.items()
                .map(|item| value(item, depth - 1, budget))
                .collect::<Option<_>>()?,
        ),
        Kind::Mapping => Data::Map(members(node, depth, budget)?),
        Kind::Unresolved => Data::Unread("an alias to an anchor that is not there"),
    };
    Some(Value {
        span: node.span(),
        data,
    })
}

fn members<'d>(node: Node<'d>, depth: usize, budget: &mut Budget) -> Option<Vec<Member<'d>>> {
    let written: Vec<_> = node.entries().collect();
    // Merging drops repeated keys, which are to be told where they can be.
    let entries = if written.iter().any(|(key, _)| key.is_merge_key()) {
        node.merged(budget)?
    } else {
        written
    };
    entries
        .into_iter()
        .map(|(key, of_key)| {
            Some(Member {
                key: Cow::Borrowed(key.as_str().unwrap_or_default()),
                key_span: key.span(),
                value: value(of_key, depth - 1, budget)?,
            })
        })
        .collect()
}
