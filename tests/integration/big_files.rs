//! Files that are larger than what is held of them at a time.

use std::io::Write as _;

use serde_json::Value;

use crate::harness::{Glpatrol, Tree};

/// A window of the search and its overlap with the next, as `src/engine/text.rs` has them.
const WINDOW: usize = 4 << 20;
const MARGIN: usize = 64 << 10;

fn findings(report: &Value) -> &[Value] {
    report["findings"].as_array().unwrap()
}

/// `filler` up to `bytes` bytes.
fn filled(filler: &str, bytes: usize) -> String {
    let mut text = filler.repeat(bytes / filler.len());
    text.push_str(&"x".repeat(bytes - text.len()));
    text
}

/// The position of `offset` as a person counts it.
fn position(text: &str, offset: usize) -> (u64, u64) {
    let before = &text[..offset];
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() as u64 + 1;
    (line, column)
}

/// A text over several windows with tokens at and around their edges; the second is the offsets.
fn text_with_tokens(tree: &mut Tree, filler: &str) -> (String, Vec<usize>) {
    let mut edges = vec![100];
    for window in 1..=2 {
        let end = window * (WINDOW - 2 * MARGIN) + MARGIN;
        edges.extend([end - 10, end + MARGIN - 10, end - MARGIN + 500]);
    }
    edges.sort_unstable();
    let mut text = String::new();
    let mut offsets = Vec::new();
    for (number, edge) in edges.into_iter().enumerate() {
        text.push_str(&filled(filler, edge - 1 - text.len()));
        text.push(' ');
        offsets.push(text.len());
        tree.file("token", &format!("{{{{deploy_token/legacy#{number}}}}}"));
        text.push_str(&String::from_utf8(tree.read("token")).unwrap());
        text.push(' ');
    }
    text.push_str(&filled(filler, 3 * WINDOW - text.len()));
    std::fs::remove_file(tree.path().join("token")).unwrap();
    (text, offsets)
}

/// Asserts one finding a token, each at its place, with digest, excerpt and a region that cuts it out.
fn assert_found(report: &Value, text: &str, offsets: &[usize]) {
    let mut places = Vec::new();
    for finding in findings(report) {
        let location = &finding["location"];
        let start = usize::try_from(location["byte_offset"].as_u64().unwrap()).unwrap();
        let length = usize::try_from(location["byte_length"].as_u64().unwrap()).unwrap();
        let token = &text[start..start + length];
        assert_eq!(
            finding["token"]["digest"],
            glpatrol::model::Digest::of(token.as_bytes()).as_str()
        );
        let (line, column) = position(text, start);
        assert_eq!(location["start"]["line"], line);
        assert_eq!(location["start"]["column"], column);
        let (_, end) = position(text, start + length);
        assert_eq!(location["end"]["column"], end);
        let excerpt = location["excerpt"]["text"].as_str().unwrap();
        assert!(excerpt.len() > length + 20, "{excerpt}");
        assert_eq!(finding["occurrences"], 1);
        places.push(start);
    }
    places.sort_unstable();
    assert_eq!(places, offsets);
}

#[test]
fn tokens_at_the_edges_of_windows_are_found_once_and_in_place() {
    for filler in ["√é and so on\n", "one√line "] {
        let mut tree = Tree::new();
        let (text, offsets) = text_with_tokens(&mut tree, filler);
        tree.bytes("big.txt", text.as_bytes());
        let report = tree.report(&["--only", "leaks"]);
        assert_found(&report, &text, &offsets);
        assert_eq!(report["stats"]["bytes"], text.len());
        assert_eq!(report["stats"]["files"], 1);
        for jobs in ["1", "8"] {
            assert_eq!(tree.report(&["--only", "leaks", "-j", jobs]), report);
        }
    }
}

#[test]
fn standard_input_is_read_in_windows_too() {
    let mut tree = Tree::new();
    let (text, offsets) = text_with_tokens(&mut tree, "one√line ");
    let run = Glpatrol::new()
        .args(["scan", "-f", "json", "--only", "leaks", "-"])
        .stdin(text.clone())
        .run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_found(&report, &text, &offsets);
}

#[test]
fn comments_hold_far_down_a_file() {
    let mut tree = Tree::new();
    // Put together here, so that this file holds no suppression of its own.
    let marker = ["glpatrol", ":ignore"].concat();
    tree.file(
        "end",
        &format!("\n{{{{deploy_token/legacy}}}} # {marker}[leaked-deploy-token] a sample\n"),
    );
    let end = tree.read("end");
    let mut big = std::fs::File::create(tree.path().join("big.txt")).unwrap();
    for _ in 0..9 {
        big.write_all(&b"line\n".repeat(200_000)).unwrap();
    }
    big.write_all(&end).unwrap();
    std::fs::remove_file(tree.path().join("end")).unwrap();
    let report = tree.report(&["--only", "leaks"]);
    let [finding] = findings(&report) else {
        panic!("one finding: {report}");
    };
    assert_eq!(finding["location"]["start"]["line"], 1_800_002);
    assert_eq!(finding["suppression"]["reason"], "a sample");
    assert_eq!(report["unused_suppressions"], serde_json::json!([]));
}

#[test]
fn a_file_over_the_largest_size_is_a_problem_and_never_silence() {
    let mut tree = Tree::new();
    tree.file("big.txt", &"{{deploy_token/legacy}}\n".repeat(100));
    tree.bytes("small.txt", b"nothing");
    let run = tree.scan(&["--max-file-size", "1KB"]);
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(
        run.stdout
            .contains("big.txt: not read: 2600 bytes are more than"),
        "{}",
        run.stdout
    );
    let report = tree.report(&["--max-file-size", "1KB"]);
    assert_eq!(report["stats"]["files"], 1);
    assert_eq!(report["problems"][0]["class"], "limit");
    assert_eq!(report["problems"][0]["level"], "error");
    assert_eq!(tree.scan(&["--max-file-size", "1MiB"]).code, 1);

    tree.bytes(".glpatrol.yml", b"scan: {max-file-size: 1KB}\n");
    assert_eq!(tree.scan(&[]).code, 3);
    assert_eq!(tree.scan(&["--max-file-size", "3000"]).code, 1);
    tree.bytes(".glpatrol.yml", b"scan:\n  max-file-size: huge\n");
    let run = tree.scan(&[]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains(".glpatrol.yml:2"), "{}", run.stderr);
    assert!(run.stderr.contains("`huge` is no size"), "{}", run.stderr);
}

#[test]
fn a_ci_file_that_no_one_could_have_written_is_a_problem() {
    let mut tree = Tree::new();
    tree.bytes(".gitlab-ci.yml", b"");
    let file = std::fs::File::options()
        .write(true)
        .open(tree.path().join(".gitlab-ci.yml"))
        .unwrap();
    // A hole: it takes no room on the disk.
    file.set_len((64 << 20) + 1).unwrap();
    let report = tree.report(&["--only", "ci"]);
    assert_eq!(report["complete"], false);
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(message.contains("is larger than 64 MiB"), "{message}");
}
