//! Any bytes: tokens lie in the text, one after the other, and are the same each time.

#![no_main]

use std::sync::LazyLock;

use glpatrol::detect::{Detector, redact};
use glpatrol::rules::RuleSet;
use libfuzzer_sys::fuzz_target;

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| {
    let rules = RuleSet::builtin(&|_, _| Ok(())).expect("the built-in rules are valid");
    Detector::new(&rules)
});

fuzz_target!(|text: &[u8]| {
    let mut detections = Vec::new();
    DETECTOR.scan(text, &mut detections);
    let mut end = 0;
    for found in &detections {
        assert!(end <= found.span.start && found.span.start < found.span.end);
        assert!(!found.leak.kinds.is_empty());
        end = found.span.end;
    }
    assert!(end <= text.len());
    let hidden = redact(text, &detections, b'*');
    assert_eq!(hidden.len(), text.len());

    let mut again = Vec::new();
    DETECTOR.scan(text, &mut again);
    assert_eq!(detections, again);
});
