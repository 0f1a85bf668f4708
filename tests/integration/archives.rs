//! What is packed in archives and compressed files.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Glpatrol, Tree};
use crate::packing::{
    DEFLATE, ENCRYPTED, SIZES_FOLLOW, STORED, ZipMember, bzip2, gzip, tar, tar_of, xz, zip, zip_of,
    zstd,
};

/// A way to pack a text: what it is called here, how, and the layer that reports name.
type Packing = (&'static str, fn(&[u8]) -> Vec<u8>, fn() -> Value);

const MEMBER: &str = "config/app.env";

const PACKINGS: [Packing; 8] = [
    ("zip", |text| zip(MEMBER, text, DEFLATE), member),
    ("stored", |text| zip(MEMBER, text, STORED), member),
    ("follow", follow, member),
    ("tar", |text| tar(MEMBER, text), member),
    ("gz", gzip, || json!({"compressed": "gzip"})),
    ("bz2", bzip2, || json!({"compressed": "bzip2"})),
    ("xz", xz, || json!({"compressed": "xz"})),
    ("zst", zstd, || json!({"compressed": "zstd"})),
];

fn member() -> Value {
    json!({"member": MEMBER})
}

fn follow(text: &[u8]) -> Vec<u8> {
    zip_of(&[ZipMember {
        name: MEMBER,
        text,
        method: DEFLATE,
        flags: SIZES_FOLLOW,
    }])
}

fn findings(report: &Value) -> &[Value] {
    report["findings"].as_array().unwrap()
}

/// A text with placeholders expanded.
fn expanded(tree: &mut Tree, text: &str) -> Vec<u8> {
    tree.file("expanded", text);
    let bytes = tree.read("expanded");
    fs::remove_file(tree.path().join("expanded")).unwrap();
    bytes
}

/// Asserts the place of a finding within `text`, which its region cuts the token out of.
fn assert_place(finding: &Value, text: &[u8], within: &[Value]) {
    let location = &finding["location"];
    assert_eq!(location["within"], json!(within), "{location}");
    let start = usize::try_from(location["byte_offset"].as_u64().unwrap()).unwrap();
    let length = usize::try_from(location["byte_length"].as_u64().unwrap()).unwrap();
    let digest = glpatrol::model::Digest::of(&text[start..start + length]);
    assert_eq!(finding["token"]["digest"], digest.as_str());
    let before = String::from_utf8_lossy(&text[..start]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    assert_eq!(
        location["start"],
        json!({"line": line, "column": column}),
        "{location}"
    );
    assert_eq!(finding["occurrences"], 1, "{location}");
}

#[test]
fn every_packing_in_every_other_is_opened_three_deep() {
    let mut tree = Tree::new();
    let mut expected = Vec::new();
    let mut nestings: Vec<Vec<Packing>> = vec![Vec::new()];
    for _ in 0..3 {
        let deeper: Vec<Vec<Packing>> = nestings
            .iter()
            .flat_map(|nesting| PACKINGS.map(|packing| [&nesting[..], &[packing]].concat()))
            .collect();
        for nesting in &deeper {
            // Innermost first.
            let names: Vec<&str> = nesting.iter().rev().map(|packing| packing.0).collect();
            let path = format!("{}.bin", names.join("-"));
            let number = expected.len();
            let text = format!("# é\nTOKEN = '{{{{deploy_token/legacy#{number}}}}}'\n");
            let text = expanded(&mut tree, &text);
            let packed = nesting
                .iter()
                .fold(text.clone(), |text, packing| (packing.1)(&text));
            tree.bytes(&path, &packed);
            let within: Vec<Value> = nesting.iter().rev().map(|packing| (packing.2)()).collect();
            expected.push((path, text, within));
        }
        nestings = deeper;
    }
    let report = tree.report(&["--only", "leaks"]);
    assert_eq!(report["problems"], json!([]));
    assert_eq!(findings(&report).len(), 8 + 64 + 512);
    for (path, text, within) in &expected {
        let finding = findings(&report)
            .iter()
            .find(|finding| finding["location"]["path"] == **path)
            .unwrap_or_else(|| panic!("nothing in {path}"));
        assert_place(finding, text, within);
    }
    for jobs in ["1", "8"] {
        assert_eq!(tree.report(&["--only", "leaks", "-j", jobs]), report);
    }
}

#[test]
fn large_members_are_streamed_at_every_depth() {
    let mut tree = Tree::new();
    let mut text = "line é\n".repeat(700_000).into_bytes();
    text.extend(expanded(&mut tree, "T={{deploy_token/legacy}}\n"));
    for packings in [
        ["gz", "tar"],
        ["tar", "gz"],
        ["zst", "tar"],
        ["xz", "bz2"],
        ["zip", "stored"],
        ["tar", "stored"],
        ["gz", "follow"],
        ["stored", "stored"],
        ["follow", "tar"],
    ] {
        let nesting = packings.map(|name| *PACKINGS.iter().find(|known| known.0 == name).unwrap());
        let packed = nesting
            .iter()
            .rev()
            .fold(text.clone(), |text, packing| (packing.1)(&text));
        tree.bytes("big.bin", &packed);
        let report = tree.report(&["--only", "leaks"]);
        assert_eq!(report["problems"], json!([]), "{packings:?}");
        let [finding] = findings(&report) else {
            panic!("one finding in {packings:?}: {report}");
        };
        assert_place(finding, &text, &nesting.map(|packing| (packing.2)()));
        assert_eq!(report["stats"]["members"], 2);

        // Standard input cannot be gone back in.
        let run = Glpatrol::new()
            .args(["scan", "-f", "json", "-"])
            .stdin(packed)
            .run();
        let piped: Value = serde_json::from_str(&run.stdout).unwrap();
        let [finding] = findings(&piped) else {
            panic!("one finding in {packings:?} as a stream: {piped}");
        };
        assert_place(finding, &text, &nesting.map(|packing| (packing.2)()));
    }
}

#[test]
fn content_decides_and_not_the_name() {
    let mut tree = Tree::new();
    let text = expanded(&mut tree, "{{deploy_token/legacy}}");
    tree.bytes("a.whl", &zip("a", &text, DEFLATE));
    tree.bytes("b.zip", b"no archive at all");
    let mut program = b"#!/usr/bin/env python3\n".to_vec();
    program.extend(zip("__main__.py", &text, DEFLATE));
    tree.bytes("run", &program);
    let report = tree.report(&["--only", "leaks"]);
    assert_eq!(report["problems"], json!([]));
    let [finding] = findings(&report) else {
        panic!("one token: {report}");
    };
    assert_eq!(finding["occurrences"], 2);
    assert_eq!(finding["location"]["path"], "a.whl");
    assert_eq!(finding["related"][0]["location"]["path"], "run");
}

#[test]
fn a_place_names_the_member_in_every_format() {
    let mut tree = Tree::new();
    let text = expanded(&mut tree, "\n{{deploy_token/legacy}}");
    tree.bytes("lib/app.jar", &zip("conf/a b.env", &text, DEFLATE));
    let human = tree.scan(&["--only", "leaks"]).stdout;
    assert!(human.contains("lib/app.jar"), "{human}");
    assert!(human.contains("archive member conf/a b.env"), "{human}");
    assert!(human.contains("1 archive member"), "{human}");
    let run = tree.scan(&["--only", "leaks", "-f", "sarif"]);
    let sarif: Value = serde_json::from_str(&run.stdout).unwrap();
    let location = &sarif["runs"][0]["results"][0]["locations"][0];
    let physical = &location["physicalLocation"];
    assert_eq!(physical["artifactLocation"]["uri"], "lib/app.jar");
    assert_eq!(physical["region"]["startLine"], 2);
    assert_eq!(physical["region"]["byteOffset"], 1);
    assert_eq!(
        location["logicalLocations"],
        json!([{"fullyQualifiedName": "lib/app.jar!conf/a b.env", "kind": "resource"}])
    );
    assert_eq!(
        location["properties"]["within"],
        json!([{"member": "conf/a b.env"}])
    );
}

#[test]
fn a_token_in_the_name_of_a_member_is_found_and_never_shown() {
    let mut tree = Tree::new();
    let name = expanded(&mut tree, "{{deploy_token/legacy}}");
    let name = String::from_utf8(name).unwrap();
    let inner = expanded(&mut tree, "{{deploy_token/legacy#2}}");
    let path = format!("x/{name}");
    tree.bytes("a.zip", &zip(&path, &inner, DEFLATE));
    tree.bytes("b.tar", &tar(&path, &gzip(b"damaged")[..20]));
    for format in ["human", "json", "sarif"] {
        let run = tree.scan(&["--only", "leaks", "-v", "-f", format]);
        assert!(!run.stdout.contains(&name), "{format}");
        assert!(!run.stderr.contains(&name), "{format}");
    }
    let report = tree.report(&["--only", "leaks"]);
    let named = findings(&report)
        .iter()
        .find(|finding| finding["location"]["route"] == "name of the member")
        .unwrap();
    assert_eq!(named["occurrences"], 2);
    let start = named["location"]["byte_offset"].as_u64().unwrap();
    assert_eq!(start, 2);
    let digest = glpatrol::model::Digest::of(name.as_bytes());
    assert_eq!(named["token"]["digest"], digest.as_str());
    assert_eq!(findings(&report).len(), 2);
}

#[test]
fn comments_in_members_hide_on_their_line_of_their_member_alone() {
    let mut tree = Tree::new();
    // Put together here, so that this file holds no suppression of its own.
    let marker = ["glpatrol", ":ignore"].concat();
    let token = "{{deploy_token/legacy}}";
    let hidden = format!("{token} # {marker}[leaked-deploy-token] a sample\n");
    let hidden = expanded(&mut tree, &hidden);
    let open = expanded(&mut tree, &format!("{token}\n"));
    let idle = format!("x # {marker}[leaked-job-token] idle\ny # {marker}\n");
    tree.bytes(
        "a.tar",
        &tar_of(&[("a", &hidden), ("b", &open), ("c", idle.as_bytes())]),
    );
    let report = tree.report(&["--only", "leaks"]);
    let [finding] = findings(&report) else {
        panic!("one finding: {report}");
    };
    assert_eq!(finding["location"]["within"], json!([{"member": "b"}]));
    assert_eq!(report["unused_suppressions"], json!([]));
    assert_eq!(report["problems"], json!([]));
    tree.bytes("a.tar", &tar("a", &hidden));
    assert_eq!(tree.scan(&["--only", "leaks"]).code, 0);
    assert_eq!(tree.scan(&["--only", "leaks", "--untrusted"]).code, 1);
}

/// The only problem of a run on one file, its exit code, and that under `--strict`.
fn problem(name: &str, bytes: &[u8]) -> (Value, i32, i32) {
    let mut tree = Tree::new();
    tree.bytes(name, bytes);
    let args = ["--only", "leaks"];
    let report = tree.report(&args);
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{report}");
    assert_eq!(problems[0]["path"], name);
    let strict = tree.scan(&["--only", "leaks", "--strict"]).code;
    (problems[0].clone(), tree.scan(&args).code, strict)
}

#[test]
fn damaged_and_encrypted_archives_are_notes_and_strict_errors() {
    let text = "some text that is long enough to be cut\n".repeat(200);
    for (name, pack, _) in PACKINGS {
        let packed = pack(text.as_bytes());
        let cut = &packed[..packed.len() * 2 / 3];
        let (problem, code, strict) = problem("cut.bin", cut);
        assert_eq!((code, strict), (0, 3), "{name}: {problem}");
        assert_eq!(problem["level"], "note", "{name}");
        assert_eq!(problem["class"], "archive", "{name}");
        let message = problem["message"].as_str().unwrap();
        assert!(message.contains("is damaged"), "{name}: {message}");
    }
    let encrypted = zip_of(&[ZipMember {
        name: "a",
        text: text.as_bytes(),
        method: STORED,
        flags: ENCRYPTED,
    }]);
    let (found, code, strict) = problem("a.zip", &encrypted);
    assert_eq!((code, strict), (0, 3), "{found}");
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("one member is encrypted"), "{message}");
}

#[test]
fn an_unknown_packing_of_a_member_is_an_error() {
    let odd = zip_of(&[ZipMember {
        name: "a",
        text: b"text",
        method: 98,
        flags: 0,
    }]);
    let (found, code, _) = problem("a.zip", &odd);
    assert_eq!(code, 3);
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("method 98"), "{message}");
}

#[test]
fn what_can_be_read_of_a_damaged_archive_is_searched() {
    let mut tree = Tree::new();
    let text = expanded(&mut tree, "{{deploy_token/legacy}}\n");
    let mut long = text.clone();
    long.extend(b"filler that does not matter\n".repeat(5_000));
    let packed = gzip(&tar_of(&[("a", &long), ("b", b"x")]));
    tree.bytes("cut.tgz", &packed[..packed.len() - 50]);
    let mut garbage = b"PK\x03\x04".to_vec();
    garbage.extend(&text);
    tree.bytes("garbage.zip", &garbage);
    let report = tree.report(&["--only", "leaks"]);
    assert_eq!(findings(&report)[0]["occurrences"], 2);
    assert_eq!(report["complete"], true);
    assert_eq!(report["problems"].as_array().unwrap().len(), 2, "{report}");
}

#[test]
fn a_damaged_archive_within_another_is_named() {
    let (found, _, _) = problem("a.tar", &tar("in/b.gz", &gzip(&[7; 500])[..20]));
    let message = found["message"].as_str().unwrap();
    assert!(message.starts_with("`in/b.gz`: not searched"), "{message}");
}

#[test]
fn what_stands_before_damage_is_searched() {
    let mut tree = Tree::new();
    let mut text = expanded(&mut tree, "{{deploy_token/legacy}}\n");
    // Nothing that packs well, so that the damage lies behind it.
    let mut state = 1_u32;
    text.extend((0..400_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b'a' + (state >> 24) as u8 % 16
    }));
    for (name, mut packed) in [("a.xz", xz(&text)), ("a.gz", gzip(&text))] {
        let at = packed.len() * 3 / 4;
        packed[at] ^= 0xFF;
        packed.truncate(at + 100);
        tree.bytes(name, &packed);
        let report = tree.report(&["--only", "leaks"]);
        assert_eq!(findings(&report).len(), 1, "{name}");
        assert_eq!(report["problems"][0]["path"], name);
        fs::remove_file(tree.path().join(name)).unwrap();
    }
}

#[test]
fn a_bomb_is_stopped_and_never_silent() {
    // Smaller ones, of every kind, are tried where the limits can be set.
    let bomb = gzip(&vec![0; 300 << 20]);
    assert!(bomb.len() < 1 << 20);
    let (found, code, _) = problem("bomb", &bomb);
    assert_eq!(code, 3);
    assert_eq!(found["class"], "limit");
    assert_eq!(found["level"], "error");
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("unpacked"), "{message}");
}

#[test]
fn what_lies_too_deep_is_a_problem_that_an_option_mends() {
    let mut tree = Tree::new();
    let text = expanded(&mut tree, "{{deploy_token/legacy}}\n");
    let packed = gzip(&zstd(&xz(&zip("a", &text, DEFLATE))));
    tree.bytes("deep.bin", &packed);
    let report = tree.report(&["--only", "leaks"]);
    assert_eq!(findings(&report).len(), 0);
    let problem = &report["problems"][0];
    assert_eq!(
        problem["message"],
        "an archive in it lies deeper than 3 and was not opened"
    );
    assert_eq!(problem["mend"], "raise `--max-archive-depth`");
    assert_eq!(tree.scan(&["--only", "leaks"]).code, 3);
    let deeper = ["--only", "leaks", "--max-archive-depth", "4"];
    assert_eq!(tree.scan(&deeper).code, 1);
    // Who opens no archives asks for nothing in them.
    assert_eq!(tree.scan(&["--max-archive-depth", "0"]).code, 0);
    tree.bytes(".glpatrol.yml", b"scan: {max-archive-depth: 4}\n");
    assert_eq!(tree.scan(&["--only", "leaks"]).code, 1);
}

#[test]
fn an_archive_that_seems_to_hold_itself_ends() {
    // A stored member that spans the whole archive, its own headers included.
    let mut archive = zip("again.zip", &[0; 64], STORED);
    let length = u32::try_from(archive.len()).unwrap();
    let directory = archive.len() - 22 - 46 - 9;
    archive[directory + 20..directory + 24].copy_from_slice(&length.to_le_bytes());
    let mut tree = Tree::new();
    tree.bytes("quine.zip", &archive);
    let run = tree.scan(&["--only", "leaks"]);
    assert!(matches!(run.code, 0 | 3), "{}", run.stdout);
}
