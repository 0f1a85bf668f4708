//! Benchmarks of the detector: bytes a second without hits, with prefixes that lead nowhere, and with
//! tokens. `cargo bench --bench detect`
//!
//! `GLPATROL_BENCH_TEXT=FILE` adds the text of a file, such as a concatenated source tree.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use glpatrol::detect::specimen::{SplitMix64, expand};
use glpatrol::detect::{Detection, Detector};
use glpatrol::rules::{Alphabet, RuleSet};

fn main() {
    divan::main();
}

const SIZE: usize = 16 << 20;

fn rules() -> RuleSet {
    RuleSet::builtin(&|_, _| Ok(())).expect("the built-in rules are valid")
}

/// Text with the letter statistics of source code: words, numbers, punctuation, indentation.
fn source_text(size: usize) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "fn",
        "let",
        "return",
        "self",
        "match",
        "config",
        "token",
        "gitlab",
        "runner",
        "global",
        "glob",
        "feed",
        "target",
        "_git",
        "url",
        "import",
        "package",
        "version",
        "0.1.2",
        "if",
        "else",
        "for",
        "in",
        "class",
        "private",
        "public",
        "static",
        "value",
        "key",
        "path",
        "https://example.com/a/b",
        "1234",
        "0xff",
        "true",
        "null",
        "[[package]]",
        "name",
    ];
    const MARKS: &[&str] = &[
        " ", " ", " ", " ", "(", ")", " = ", ";\n", ",\n    ", ".", "::", "\n",
    ];
    let mut random = SplitMix64::new(1);
    let mut text = Vec::with_capacity(size + 64);
    while text.len() < size {
        text.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
        text.extend_from_slice(MARKS[random.below(MARKS.len())].as_bytes());
    }
    text
}

/// The same with `hit(n)` once a kilobyte.
fn text_with(mut hit: impl FnMut(usize) -> String) -> Vec<u8> {
    let source = source_text(SIZE);
    let mut text = Vec::with_capacity(SIZE + SIZE / 8);
    for (number, piece) in source.chunks(1024).enumerate() {
        text.extend_from_slice(piece);
        text.extend_from_slice(hit(number).as_bytes());
    }
    text
}

fn measure(bencher: Bencher, text: &[u8]) {
    let detector = Detector::new(&rules());
    let mut detections: Vec<Detection> = Vec::new();
    bencher.counter(BytesCount::of_slice(text)).bench_local(|| {
        detections.clear();
        detector.scan(black_box(text), &mut detections);
        detections.len()
    });
}

#[divan::bench]
fn without_hits(bencher: Bencher) {
    measure(bencher, &source_text(SIZE));
}

#[divan::bench]
fn of_a_file(bencher: Bencher) {
    if let Some(file) = std::env::var_os("GLPATROL_BENCH_TEXT") {
        measure(
            bencher,
            &std::fs::read(file).expect("a file that can be read"),
        );
    }
}

#[divan::bench]
fn a_prefix_a_kilobyte(bencher: Bencher) {
    const PREFIXES: &[&str] = &[
        " glpat- ",
        " glrt-t1_x ",
        " gldt-your-token ",
        " 1.01.2 ",
        "feed_token=",
    ];
    measure(
        bencher,
        &text_with(|number| PREFIXES[number % PREFIXES.len()].to_owned()),
    );
}

#[divan::bench]
fn a_token_a_kilobyte(bencher: Bencher) {
    const TOKENS: &[&str] = &[
        "personal_access_token/legacy",
        "personal_access_token/routable-v1",
        "personal_access_token/routable-v1@acme-",
        "runner_authentication_token/routable-v1|broken",
        "pipeline_trigger_token/hex40",
    ];
    let rules = rules();
    let text = text_with(|number| {
        let placeholder = format!(" {{{{{}}}}} ", TOKENS[number % TOKENS.len()]);
        expand(&placeholder, &rules, number as u64).expect("the forms exist")
    });
    measure(bencher, &text);
}

/// A token a kilobyte, written in another way.
#[divan::bench(args = ["base64", "hex", "percent", "escapes", "UTF-16"])]
fn an_encoded_token_a_kilobyte(bencher: Bencher, encoding: &str) {
    let rules = rules();
    let text = text_with(|number| {
        let token = expand(" {{personal_access_token/legacy}} ", &rules, number as u64)
            .expect("the form exists");
        let every = |escape: fn(u8) -> String| token.bytes().map(escape).collect();
        match encoding {
            "base64" => format!(" {} ", STANDARD.encode(token)),
            "hex" => every(|byte| format!("{byte:02x}")),
            "percent" => every(|byte| format!("%{byte:02x}")),
            "escapes" => token.replace('-', "\\u002d"),
            _ => token,
        }
    });
    if encoding == "UTF-16" {
        let wide: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
        measure(bencher, &wide);
    } else {
        measure(bencher, &text);
    }
}

/// Nothing but tokens, as they are and in lines or one line of base64.
#[divan::bench(args = ["plain", "folded", "base64"])]
fn side_by_side(bencher: Bencher, encoding: &str) {
    let rules = rules();
    let tokens: Vec<String> = (0..4096)
        .map(|number| {
            expand("{{personal_access_token/legacy}}\n", &rules, number).expect("the form exists")
        })
        .collect();
    let tokens = tokens.concat();
    let text = match encoding {
        "plain" => tokens,
        _ => STANDARD.encode(tokens),
    };
    let width = if encoding == "folded" { 76 } else { text.len() };
    let lines: Vec<&[u8]> = text.as_bytes().chunks(width).collect();
    measure(bencher, &lines.join(b"\n".as_slice()));
}

/// Text that looks encoded all over and holds nothing.
#[divan::bench(args = ["base64", "hex"])]
fn encoded_without_hits(bencher: Bencher, encoding: &str) {
    let alphabet = match encoding {
        "hex" => Alphabet::Hex,
        _ => Alphabet::Base64url,
    };
    let mut text = SplitMix64::new(2).run(alphabet, SIZE).into_bytes();
    text.iter_mut()
        .skip(76)
        .step_by(77)
        .for_each(|byte| *byte = b'\n');
    measure(bencher, &text);
}

#[divan::bench]
fn one_endless_run(bencher: Bencher) {
    measure(bencher, &b"glpat-".repeat(SIZE / 6));
}

#[divan::bench]
fn compile(bencher: Bencher) {
    let rules = rules();
    bencher.bench(|| Detector::new(black_box(&rules)));
}
