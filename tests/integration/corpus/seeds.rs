//! The corpus as the first inputs of the fuzz targets.

use std::fs;

use super::comparison::planned;
use super::forms::Sort;
use super::near_misses::near_misses;
use crate::harness::{root, rules};

#[test]
#[ignore = "writes fuzz/corpus, for whoever fuzzes"]
fn the_seeds_of_the_fuzz_targets_are_written() {
    let rules = rules();
    let write = |target: &str, name: String, bytes: &[u8]| {
        let folder = root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    for (number, (case, _)) in planned(&Sort::all(&rules)).iter().enumerate() {
        for target in ["detector", "decoders"] {
            write(target, format!("token-{number}"), &case.planted.text);
        }
    }
    for (number, miss) in near_misses().iter().enumerate() {
        write("detector", format!("miss-{number}"), miss.text.as_bytes());
    }
    for rule in &rules {
        let examples = rule.examples.fires.iter().chain(&rule.examples.silent);
        for (number, example) in examples.enumerate() {
            let name = format!("{}-{number}", rule.id);
            for target in ["ci", "yaml"] {
                write(target, name.clone(), example.text.as_bytes());
            }
            for format in ["j", "y"] {
                let text = format!("{format}{}", example.text);
                write("inventory", format!("{name}-{format}"), text.as_bytes());
            }
        }
    }
    for (name, format) in [("json", "j"), ("yml", "y")] {
        for (number, path) in crate::harness::files("fixtures", name).iter().enumerate() {
            let text = format!("{format}{}", fs::read_to_string(path).unwrap());
            write(
                "inventory",
                format!("fixture-{number}-{format}"),
                text.as_bytes(),
            );
        }
    }
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for (number, text) in readme
        .split("```")
        .filter(|text| text.contains("version: 1"))
        .enumerate()
    {
        write(
            "config",
            number.to_string(),
            text.trim_start_matches("yaml").as_bytes(),
        );
    }
}
