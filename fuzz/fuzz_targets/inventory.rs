//! Any text as an inventory, of the format that its first character chooses.

#![no_main]

use glpatrol::inventory::{Input, read};
use glpatrol::model::SourceId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut characters = text.chars();
    let path = match characters.next() {
        Some('c') => "tokens.csv",
        Some('g') => "tokens.txt",
        Some('j') => "personal_access_tokens.json",
        Some('t') => "main.tf",
        _ => "tokens.yml",
    };
    let text = characters.as_str();
    let inventory = read(&Input {
        source: SourceId(0),
        path,
        text,
        kind: None,
    });
    for token in &inventory.tokens {
        let span = token.site.span;
        assert!(text.get(span.start..span.end).is_some());
    }
    for problem in &inventory.problems {
        assert!(problem.span.start <= problem.span.end && problem.span.end <= text.len());
    }
});
