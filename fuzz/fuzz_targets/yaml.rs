//! Any text: every node of every document lies in it, and so does the source of every value.

#![no_main]

use glpatrol::model::Span;
use glpatrol::yaml::{Budget, Kind, Stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let stream = Stream::parse(text);
    let inside = |span: Span| assert!(text.get(span.start..span.end).is_some(), "{span:?}");
    for comment in &stream.comments {
        inside(comment.span);
    }
    for error in &stream.errors {
        assert!(error.offset <= text.len());
    }
    let mut budget = Budget::new(10_000);
    for node in stream
        .documents
        .iter()
        .flat_map(|document| document.nodes())
    {
        inside(node.span());
        if let Some(value) = node.as_str() {
            inside(node.value_map().source_span(Span::new(0, value.len())));
        }
        if node.kind() == Kind::Mapping {
            node.merged(&mut budget);
        }
    }
});
