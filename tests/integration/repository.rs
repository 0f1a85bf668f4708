//! Tests about the repository itself: layers, crates in their place, paths in documents, no token.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

use crate::harness::{Glpatrol, files, root};

/// What each module of the library may import; ARCHITECTURE.md explains why.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("yaml", &["model"]),
    ("rules", &["model", "yaml"]),
    ("source", &["model"]),
    ("detect", &["model", "rules"]),
    ("ci", &["model", "yaml"]),
    ("inventory", &["model", "yaml"]),
    ("policy", &["model", "rules"]),
    ("suppress", &["model"]),
    ("config", &["model", "rules"]),
    ("output", &["model", "rules"]),
    (
        "engine",
        &[
            "model",
            "yaml",
            "rules",
            "source",
            "detect",
            "ci",
            "inventory",
            "policy",
            "suppress",
            "config",
        ],
    ),
    ("bin", &["config", "engine", "model", "output", "rules"]),
];

/// Crates that are tied to a place, by the name that code uses.
const CRATES: &[(&str, &[&str])] = &[
    ("ignore", &["src/source/"]),
    ("clap", &["src/bin/"]),
    ("clap_complete", &["src/bin/"]),
    ("clap_mangen", &["src/bin/"]),
    ("anyhow", &["src/bin/"]),
    ("indicatif", &["src/bin/"]),
    ("terminal_size", &["src/bin/"]),
    ("tempfile", &["src/bin/", "src/engine/cache/"]),
    ("miette", &["src/output/human"]),
    ("serde_sarif", &["src/output/sarif"]),
    ("granit_parser", &["src/yaml/"]),
    ("serde_yaml", &["src/rules/"]),
    ("aho_corasick", &["src/detect/"]),
    ("regex_syntax", &["src/rules/pattern.rs"]),
    ("crc32fast", &["src/detect/", "src/source/git/reftable.rs"]),
    ("gix_config", &["src/source/git/"]),
    ("gix_hash", &["src/source/git/"]),
    ("gix_index", &["src/source/git/"]),
    ("gix_object", &["src/source/git/"]),
    ("gix_pack", &["src/source/git/"]),
    ("gix_ref", &["src/source/git/"]),
    ("gix_zlib", &["src/source/git/"]),
    ("bzip2", &["src/source/archive/"]),
    ("flate2", &["src/source/archive/"]),
    ("lzma_rust2", &["src/source/archive/"]),
    ("ruzstd", &["src/source/archive/"]),
    ("tar", &["src/source/archive/"]),
    ("zip", &["src/source/archive/"]),
    ("csv", &["src/inventory/", "src/rules/"]),
];

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_string_lossy()
        .replace('\\', "/")
}

/// The code of a file up to its unit tests, which may use what they like, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn module_of(path: &str) -> Option<String> {
    let path = path.strip_prefix("src/")?;
    let first = path.split('/').next()?;
    match first.strip_suffix(".rs").unwrap_or(first) {
        "lib" => None,
        module => Some(module.to_owned()),
    }
}

/// Modules that code imports from the crate: `crate::a::…` and `crate::{a, b}`.
fn imports(code: &str, krate: &str) -> BTreeSet<String> {
    let single = Regex::new(&format!(r"\b{krate}::([a-z_]+)")).unwrap();
    let group = Regex::new(&format!(r"\b{krate}::\{{([^;]*)\}};")).unwrap();
    let leading = Regex::new(r"(?:^|,)\s*([a-z_]+)").unwrap();
    let mut found: BTreeSet<String> = single
        .captures_iter(code)
        .map(|hit| hit[1].to_owned())
        .collect();
    for hit in group.captures_iter(code) {
        found.extend(
            leading
                .captures_iter(&hit[1])
                .map(|name| name[1].to_owned()),
        );
    }
    found
}

#[test]
fn modules_import_only_what_their_layer_may() {
    let allowed: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in files("src", ".rs") {
        let name = relative(&path);
        let Some(module) = module_of(&name) else {
            continue;
        };
        let may = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{name} has no layer"));
        let krate = if module == "bin" { "glpatrol" } else { "crate" };
        let code = code(&path);
        for import in imports(&code, krate) {
            let known = allowed.contains_key(import.as_str());
            if known && import != module && !may.contains(&import.as_str()) {
                wrong.push(format!("{name} imports {import}"));
            }
        }
        seen.insert(module);
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(seen.len(), LAYERS.len(), "every layer exists: {seen:?}");
}

#[test]
fn layers_are_acyclic() {
    let edges: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    while placed.len() < LAYERS.len() {
        let next = LAYERS.iter().map(|(module, _)| *module).find(|module| {
            !placed.contains(module) && edges[module].iter().all(|import| placed.contains(import))
        });
        placed.insert(next.expect("a cycle between layers"));
    }
}

#[test]
fn the_import_finder_sees_every_way_to_write_an_import() {
    let code = "use crate::{ci, model::Span};\nfn f() { crate::detect::scan() }\nuse crate::yaml;";
    let found = imports(code, "crate");
    assert_eq!(
        found,
        ["ci", "detect", "model", "yaml"].map(str::to_owned).into()
    );
}

#[test]
fn external_crates_stay_in_their_place() {
    let place_of: BTreeMap<&str, &[&str]> = CRATES.iter().copied().collect();
    let names = CRATES.iter().map(|(krate, _)| *krate);
    let names = names.collect::<Vec<_>>().join("|");
    let use_of_one = Regex::new(&format!(r"(?:^|[^:\w])({names})::")).unwrap();
    let mut wrong = BTreeSet::new();
    for path in files("src", ".rs") {
        let name = relative(&path);
        // Unit tests use what they like, also those that have files of their own.
        if name.contains("/tests/") || name.ends_with("/tests.rs") {
            continue;
        }
        for used in use_of_one.captures_iter(&code(&path)) {
            let krate = used.get(1).unwrap().as_str();
            if !place_of[krate].iter().any(|place| name.starts_with(place)) {
                wrong.insert(format!("{name} uses {krate}"));
            }
        }
    }
    assert_eq!(wrong, BTreeSet::new());
}

#[test]
fn no_process_and_no_network_in_the_library_or_the_program() {
    let forbidden = Regex::new(
        r"process::(Command|\{)|\b(Tcp|Udp|Unix)(Stream|Listener|Socket|Datagram)\b|ToSocketAddrs",
    )
    .unwrap();
    for path in files("src", ".rs") {
        assert!(!forbidden.is_match(&code(&path)), "{}", relative(&path));
    }
}

#[test]
fn paths_in_documents_exist() {
    let path = Regex::new(r"`((?:src|rules|tests|benches|docs|\.ci)/[\w./-]*\w)/?`").unwrap();
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "rules/README.md",
        "docs/many-repositories.md",
    ] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for hit in path.captures_iter(&text) {
            assert!(
                root().join(&hit[1]).exists(),
                "{document} names {}",
                &hit[1]
            );
        }
    }
}

#[test]
fn the_repository_scans_itself_clean() {
    let run = Glpatrol::new()
        .args(["scan", "--respect-gitignore", "--confidence", "low", "."])
        .dir(&root())
        .run();
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn every_module_says_what_it_is_for() {
    for path in files("src", ".rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{}", relative(&path));
    }
}
