//! A generated corpus: every form of every token in the files that tokens leak in, in every encoding,
//! and near misses that must stay quiet.
//!
//! Everything is made at run time from one seed; no file of it is ever written into the repository.

mod carriers;
mod comparison;
mod encodings;
mod forms;
mod near_misses;
mod seeds;

use std::sync::OnceLock;

use glpatrol::detect::{Detection, Detector};
use glpatrol::model::{Confidence, Digest, Span};
use glpatrol::rules::Context;

use self::carriers::{ANY, Carrier, FEWEST, LINES, LOGINS};
use self::encodings::{CHARSETS, Charset, Encoding, Planted, VALUES, login, secret};
use self::forms::Sort;
use crate::harness::{Tree, rules};

fn detector() -> &'static Detector {
    static DETECTOR: OnceLock<Detector> = OnceLock::new();
    DETECTOR.get_or_init(|| Detector::new(&rules()))
}

fn scan(text: &[u8]) -> Vec<Detection> {
    let mut detections = Vec::new();
    detector().scan(text, &mut detections);
    detections
}

/// A file with one token, and all that is known of it beforehand.
struct Case {
    /// Form, carrier and encoding.
    name: String,
    /// The name of the file.
    file: &'static str,
    rule: String,
    planted: Planted,
    token: String,
    digest: Digest,
    /// Of the first character of the token, in the text as people read it.
    line: u64,
    column: u64,
}

impl Case {
    fn plain(sort: &Sort, carrier: &Carrier) -> Self {
        let (specimen, value) = sort.value(carrier.file);
        let (before, after) = carrier.around();
        let planted = value.between(before, after);
        Self::new(sort, carrier, "plain", planted, specimen.token())
    }

    /// The value encoded, the carrier plain.
    fn encoded(sort: &Sort, carrier: &Carrier, encoding: &Encoding) -> Self {
        let place = format!("{} {}", carrier.file, encoding.name);
        let (specimen, value) = sort.value(&place);
        let (before, after) = carrier.around();
        let planted = (encoding.encode)(&value).between(before, after);
        Self::new(sort, carrier, encoding.name, planted, specimen.token())
    }

    /// The whole file in another character set: lines and columns are those of its text.
    fn in_charset(sort: &Sort, carrier: &Carrier, charset: &Charset) -> Self {
        let mut case = Self::plain(sort, carrier);
        case.name = format!("{}, {}", case.name, charset.name);
        case.planted = charset.write(&case.planted);
        case
    }

    fn new(sort: &Sort, carrier: &Carrier, how: &str, planted: Planted, token: &str) -> Self {
        let before = std::str::from_utf8(&planted.text[..planted.token.start]).unwrap();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            name: format!("{} in {}, {how}", sort.name(), carrier.file),
            file: carrier.file,
            rule: sort.rule.to_string(),
            token: token.to_owned(),
            digest: Digest::of(token.as_bytes()),
            line: 1 + before.matches('\n').count() as u64,
            column: 1 + before[line_start..].chars().count() as u64,
            planted,
        }
    }

    /// What is wrong with what a scan finds; `None` where it finds the token and nothing else.
    fn complaint(&self) -> Option<String> {
        let detections = scan(&self.planted.text);
        let [found] = &detections[..] else {
            return Some(format!("{}: {} detections", self.name, detections.len()));
        };
        let span = Span::new(self.planted.token.start, self.planted.token.end);
        let wrong = if found.leak.digest != self.digest {
            format!("another value, {}", found.leak.mask)
        } else if found.span != span {
            format!("{:?} instead of {span:?}", found.span)
        } else if found.confidence < Confidence::Medium {
            format!("{:?}", found.leak.evidence)
        } else if found.rule.as_str() != self.rule {
            found.rule.to_string()
        } else {
            return None;
        };
        Some(format!("{}: {wrong}", self.name))
    }
}

/// Fails with the first of `complaints`.
fn none(complaints: &[String]) {
    let shown = &complaints[..complaints.len().min(25)];
    let count = complaints.len();
    assert!(
        complaints.is_empty(),
        "{count} wrong:\n{}",
        shown.join("\n")
    );
}

#[test]
fn every_form_is_found_whole_in_every_carrier() {
    let mut complaints = Vec::new();
    let mut cases = 0;
    for sort in Sort::all(&rules()) {
        let carriers = sort.carriers();
        assert!(carriers.len() >= FEWEST, "{}", sort.name());
        for carrier in carriers {
            cases += 1;
            complaints.extend(Case::plain(&sort, &carrier).complaint());
        }
    }
    assert!(cases > 2000, "{cases}");
    none(&complaints);
}

/// As many of `carriers` as each form is tried in, from another one on for each `number`.
fn some_of(carriers: &'static [Carrier], number: usize) -> impl Iterator<Item = &'static Carrier> {
    let first = number * 5 % carriers.len();
    carriers.iter().cycle().skip(first).take(FEWEST)
}

#[test]
fn every_form_is_found_in_every_encoding() {
    let sorts = Sort::all(&rules());
    let mut complaints = Vec::new();
    for (number, sort) in sorts.iter().filter(|sort| sort.is_free()).enumerate() {
        for (shift, encoding) in VALUES.iter().enumerate() {
            let carriers = if encoding.has_lines { LINES } else { ANY };
            for carrier in some_of(carriers, number + 7 * shift) {
                complaints.extend(Case::encoded(sort, carrier, encoding).complaint());
            }
        }
    }
    none(&complaints);
}

#[test]
fn every_form_is_found_in_every_character_set() {
    let mut complaints = Vec::new();
    for sort in Sort::all(&rules()) {
        // A file with NUL bytes is no text in another character set.
        let texts = sort
            .carriers()
            .into_iter()
            .filter(|carrier| !carrier.is_binary());
        for carrier in texts {
            for charset in CHARSETS {
                complaints.extend(Case::in_charset(&sort, &carrier, charset).complaint());
            }
        }
    }
    none(&complaints);
}

#[test]
fn every_form_is_found_in_the_logins_of_registries() {
    let mut complaints = Vec::new();
    for sort in Sort::all(&rules()) {
        let is_password = sort.form.context == Some(Context::Password);
        if !(sort.is_free() || is_password) || sort.needs_frame() {
            continue;
        }
        for carrier in LOGINS {
            for user in ["me", "__token__", "somebody@corp.example"] {
                let (specimen, value) = sort.value(carrier.file);
                let (before, after) = carrier.around();
                let file = login(&value, user).between(before, after);
                let mut texts = vec![("base64 of a login", file)];
                if carrier.file.ends_with("config.json") {
                    texts.push(("a secret", secret(&texts[0].1)));
                }
                for (how, planted) in texts {
                    let case = Case::new(&sort, carrier, how, planted, specimen.token());
                    complaints.extend(case.complaint());
                }
            }
        }
    }
    none(&complaints);
}

/// A sample of the corpus: every form, and every carrier.
fn sample(sorts: &[Sort]) -> Vec<Case> {
    let plain = sorts.iter().enumerate().flat_map(|(number, sort)| {
        let carriers = sort.carriers();
        let places = (0..4).map(|quarter| number + quarter * carriers.len() / 4);
        places
            .map(|place| Case::plain(sort, &carriers[place % carriers.len()]))
            .collect::<Vec<_>>()
    });
    plain.collect()
}

#[test]
fn the_program_reports_each_token_with_its_line_and_column() {
    let cases = sample(&Sort::all(&rules()));
    let mut tree = Tree::new();
    for (number, case) in cases.iter().enumerate() {
        tree.bytes(&format!("{number}/{}", case.file), &case.planted.text);
    }
    let report = tree.report(&["--only", "leaks", "--confidence", "low", "."]);
    let mut found: Vec<(String, String, u64, u64)> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            assert_eq!(finding["occurrences"], 1, "{finding}");
            let place = &finding["location"];
            let number = |value: &serde_json::Value| value.as_u64().unwrap();
            (
                place["path"].as_str().unwrap().to_owned(),
                finding["token"]["digest"].as_str().unwrap().to_owned(),
                number(&place["start"]["line"]),
                number(&place["start"]["column"]),
            )
        })
        .collect();
    found.sort();
    let mut expected: Vec<_> = cases
        .iter()
        .enumerate()
        .map(|(number, case)| {
            let path = format!("{number}/{}", case.file);
            (path, case.digest.to_string(), case.line, case.column)
        })
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}
