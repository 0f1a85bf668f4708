//! Any text as `.glpatrol.yml`: it is read, or refused with a message.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use glpatrol::config::Config;
use glpatrol::policy;
use glpatrol::rules::RuleSet;
use libfuzzer_sys::fuzz_target;

static RULES: LazyLock<RuleSet> =
    LazyLock::new(|| glpatrol::engine::load_rules(&[]).expect("the built-in rules are valid"));

fuzz_target!(|text: &str| {
    let file = Path::new(".glpatrol.yml");
    match Config::parse(file, ".glpatrol.yml", text, &RULES) {
        Ok(config) => drop(config.apply(file, text, &mut RULES.clone(), &policy::validate)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
