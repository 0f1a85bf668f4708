//! The corpus against other scanners: writes `docs/comparison.md`.
//!
//! Not a test of this program, so it only runs when asked for. It writes the corpus to a folder for
//! temporary files, starts each scanner that is on the PATH there, and compares what they say with
//! what stands in the files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::forms::Sort;
use super::near_misses::{NearMiss, near_misses};
use super::{ANY, CHARSETS, Case, LINES, VALUES, some_of};
use crate::harness::{root, rules};

/// A scanner, how it is started and how its report is read.
struct Scanner {
    name: &'static str,
    program: &'static str,
    version: &'static [&'static str],
    /// `{report}` stands for the file that it writes.
    scan: &'static [&'static str],
    /// Path and value of each finding.
    findings: fn(&Value) -> Vec<(String, String)>,
}

const SCANNERS: &[Scanner] = &[
    Scanner {
        name: "glpatrol",
        program: env!("CARGO_BIN_EXE_glpatrol"),
        version: &["--version"],
        scan: &[
            "scan",
            "--only",
            "leaks",
            "--untrusted",
            "--format",
            "json",
            "--output",
            "{report}",
            ".",
        ],
        findings: |report| {
            // A token that stands in several files is one finding with a place in each.
            let places = |finding: &'_ Value| {
                let digest = text(&finding["token"]["digest"]);
                let related = array(&finding["related"]).iter();
                let places = related.map(|place| &place["location"]);
                std::iter::once(&finding["location"])
                    .chain(places)
                    .map(|place| (text(&place["path"]), digest.clone()))
                    .collect::<Vec<_>>()
            };
            array(&report["findings"]).iter().flat_map(places).collect()
        },
    },
    Scanner {
        name: "Kingfisher",
        program: "kingfisher",
        version: &["--version"],
        scan: &[
            "scan",
            ".",
            "--no-validate",
            "--no-dedup",
            "--no-update-check",
            "--format",
            "json",
            "--output",
            "{report}",
        ],
        findings: |report| {
            let findings = array(&report["findings"]);
            let pair = |finding: &Value| {
                let finding = &finding["finding"];
                (text(&finding["path"]), text(&finding["snippet"]))
            };
            findings.iter().map(pair).collect()
        },
    },
    Scanner {
        name: "gitleaks",
        program: "gitleaks",
        version: &["version"],
        scan: &[
            "dir",
            ".",
            "--no-banner",
            "--report-format",
            "json",
            "--report-path",
            "{report}",
        ],
        findings: |report| {
            let pair = |finding: &Value| (text(&finding["File"]), text(&finding["Secret"]));
            array(report).iter().map(pair).collect()
        },
    },
    Scanner {
        name: "Betterleaks",
        program: "betterleaks",
        version: &["version"],
        scan: &[
            "auto",
            ".",
            "--no-banner",
            "--silent",
            "--output",
            "{report}",
        ],
        findings: |report| {
            let pair = |finding: &Value| {
                (
                    text(&finding["location"]["path"]),
                    text(&finding["match"]["value"]),
                )
            };
            array(&report["findings"]).iter().map(pair).collect()
        },
    },
];

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Scanner {
    /// Its version; `None` where it is not there.
    fn version(&self) -> Option<String> {
        let output = Command::new(self.program)
            .args(self.version)
            .output()
            .ok()?;
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = output
            .split_whitespace()
            .find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        version.map(str::to_owned)
    }

    /// The values that it finds in each file of `folder`, by the number in the file's path.
    fn run(&self, folder: &Path, report: &Path) -> BTreeMap<usize, Vec<String>> {
        let report = report.to_str().unwrap();
        let args = self
            .scan
            .iter()
            .map(|word| if *word == "{report}" { report } else { word });
        let output = Command::new(self.program)
            .args(args)
            .current_dir(folder)
            .output()
            .unwrap();
        let written = std::fs::read(report).unwrap_or_default();
        let parsed = serde_json::from_slice(&written).unwrap_or_else(|error| {
            panic!(
                "{}: {error}: {}",
                self.name,
                String::from_utf8_lossy(&output.stderr)
            )
        });
        let mut found: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (path, value) in (self.findings)(&parsed) {
            let number = path
                .rsplit('/')
                .nth(1)
                .and_then(|number| number.parse().ok());
            found.entry(number.unwrap()).or_default().push(value);
        }
        found
    }
}

/// How many tokens were found, and how.
#[derive(Clone, Copy, Default)]
struct Tally {
    whole: usize,
    /// Something was reported in the file, and not the token.
    partial: usize,
    all: usize,
}

impl Tally {
    fn add(&mut self, case: &Planned, found: &[String]) {
        self.all += 1;
        // Whoever reports the encoded text, or the name of a parameter with the value, has it all.
        let is_whole = |value: &String| {
            *value == case.digest || value.contains(&case.token) || value.contains(&case.encoded)
        };
        if found.iter().any(is_whole) {
            self.whole += 1;
        } else if !found.is_empty() {
            self.partial += 1;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |count: usize| count * 100 / self.all.max(1);
        write!(f, "{} %", percent(self.whole))?;
        if self.partial > 0 {
            write!(f, " + {} %", percent(self.partial).max(1))?;
        }
        Ok(())
    }
}

/// A file of the corpus with one token.
pub(super) struct Planned {
    digest: String,
    token: String,
    encoded: String,
    /// The rows that it counts for: a table, and a name in it.
    rows: Vec<(Table, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Table {
    All,
    Form,
    Carrier,
    Encoding,
}

/// What a file is to those who keep it.
fn class_of(file: &str) -> &'static str {
    match file.rsplit('.').next().unwrap() {
        "py" | "js" | "ts" | "go" | "rb" | "java" | "php" | "rs" | "h" => "source code",
        "sh" | "bat" | "ps1" | "history" | "Dockerfile" | "Makefile" | "Gemfile" => {
            "scripts and builds"
        }
        "md" | "txt" | "log" | "csv" | "eml" | "sql" | "html" | "diff" | "har" | "http"
        | "ipynb" | "bin" => "documents, logs and data",
        _ => "configuration",
    }
}

/// Every token plain, and a part of those that are encoded.
pub(super) fn planned(sorts: &[Sort]) -> Vec<(Case, Planned)> {
    let mut list = Vec::new();
    let mut plan = |case: Case, rows: Vec<(Table, String)>| {
        let encoded = case.planted.text[case.planted.token.clone()].to_vec();
        let planned = Planned {
            digest: case.digest.to_string(),
            token: case.token.clone(),
            encoded: String::from_utf8_lossy(&encoded).into_owned(),
            rows: std::iter::once((Table::All, String::new()))
                .chain(rows)
                .collect(),
        };
        list.push((case, planned));
    };
    for (number, sort) in sorts.iter().enumerate() {
        for carrier in sort.carriers() {
            let rows = vec![
                (Table::Form, sort.name()),
                (Table::Carrier, class_of(carrier.file).to_owned()),
            ];
            plan(Case::plain(sort, &carrier), rows);
        }
        if !sort.is_free() {
            continue;
        }
        for (shift, encoding) in VALUES.iter().enumerate() {
            let carriers = if encoding.has_lines { LINES } else { ANY };
            for carrier in some_of(carriers, number + 7 * shift).take(2) {
                let rows = vec![(Table::Encoding, encoding.name.to_owned())];
                plan(Case::encoded(sort, carrier, encoding), rows);
            }
        }
        for (shift, charset) in CHARSETS.iter().enumerate() {
            for carrier in some_of(ANY, number + 7 * shift).take(2) {
                let rows = vec![(Table::Encoding, charset.name.to_owned())];
                plan(Case::in_charset(sort, carrier, charset), rows);
            }
        }
    }
    list
}

fn write(folder: &Path, number: usize, file: &str, bytes: &[u8]) {
    let folder = folder.join(number.to_string());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(file), bytes).unwrap();
}

const HEAD: &str = "\
# Comparison with other scanners

The corpus of the integration tests (`tests/integration/corpus`), written to a folder and searched by every scanner with its own
rules and settings, validation over the network off. Each file holds one token, made for the run, or one near miss. glpatrol's own
tests hold it to this corpus, so its column shows what is promised and the others what a gap costs. The page is made again, with the
scanners that are on the PATH, by

```console
cargo test --release --test integration comparison -- --ignored
```

Cells give how many of the tokens were reported whole, and after the `+` in how many other files something was reported that is
not the token: a piece of it, or more than it. A scanner that reports the encoded text of a token counts as having it whole. False
alarms are files in which something is reported; near misses that are credentials of others, which scanners for every vendor are
right to report, are counted for glpatrol alone.
";

/// Near misses that are credentials all the same, of another vendor or of nobody knows whom.
const OF_OTHERS: &[&str] = &["armoured", "elsewhere", "other vendor"];

#[test]
#[ignore = "writes docs/comparison.md; needs the other scanners"]
fn the_comparison_is_made_again() {
    let sorts = Sort::all(&rules());
    let cases = planned(&sorts);
    let misses = near_misses();
    let dir = tempfile::tempdir().unwrap();
    let (tokens, quiet) = (dir.path().join("tokens"), dir.path().join("quiet"));
    for (number, (case, _)) in cases.iter().enumerate() {
        write(&tokens, number, case.file, &case.planted.text);
    }
    for (number, miss) in misses.iter().enumerate() {
        write(&quiet, number, miss.file, miss.text.as_bytes());
    }

    let mut names = Vec::new();
    let mut tables: BTreeMap<(Table, String), Vec<Tally>> = BTreeMap::new();
    let mut alarms: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for scanner in SCANNERS {
        let Some(version) = scanner.version() else {
            println!("{} is not there", scanner.name);
            continue;
        };
        let column = names.len();
        names.push(format!("{} {version}", scanner.name));
        let found = scanner.run(&tokens, &dir.path().join(format!("{column}-tokens.json")));
        for (number, (_, planned)) in cases.iter().enumerate() {
            let found = found.get(&number).map_or(&[][..], Vec::as_slice);
            for row in &planned.rows {
                let tallies = tables.entry(row.clone()).or_default();
                tallies.resize(column + 1, Tally::default());
                tallies[column].add(planned, found);
            }
        }
        let found = scanner.run(&quiet, &dir.path().join(format!("{column}-quiet.json")));
        for (number, miss) in misses.iter().enumerate() {
            let of_others = OF_OTHERS.contains(&miss.sort);
            for sort in [if of_others { "of others" } else { "all" }, miss.sort] {
                let counts = alarms.entry(sort).or_default();
                counts.resize(column + 1, 0);
                counts[column] += usize::from(found.contains_key(&number));
            }
        }
    }

    let mut page = String::from(HEAD);
    let day = jiff::Timestamp::now().strftime("%F");
    writeln!(
        page,
        "\nMade on {day}: {} tokens, {} near misses.",
        cases.len(),
        misses.len()
    )
    .unwrap();
    let title = |page: &mut String, title: &str, first: &str| {
        write!(page, "\n## {title}\n\n| {first} | Files |").unwrap();
        for name in &names {
            write!(page, " {name} |").unwrap();
        }
        writeln!(page, "\n| --- | ---: |{}", " ---: |".repeat(names.len())).unwrap();
    };
    let titles = [
        (Table::All, "Tokens found", ""),
        (Table::Carrier, "By carrier, plain", "Carrier"),
        (Table::Encoding, "By encoding", "Encoding"),
        (Table::Form, "By form, plain", "Kind/form@prefix"),
    ];
    for (table, heading, first) in titles {
        title(&mut page, heading, first);
        for ((of, row), tallies) in &tables {
            if *of == table {
                let row = if row.is_empty() { "all" } else { row };
                write!(page, "| {} | {} |", row.replace('|', "\\|"), tallies[0].all).unwrap();
                for tally in tallies {
                    write!(page, " {tally} |").unwrap();
                }
                page.push('\n');
            }
        }
    }
    title(&mut page, "False alarms", "Near miss");
    alarms.remove("of others");
    for (sort, counts) in &alarms {
        let of_others = |sort: &str| OF_OTHERS.contains(&sort);
        let counted = |miss: &&NearMiss| match *sort {
            "all" => !of_others(miss.sort),
            sort => sort == miss.sort,
        };
        let all = misses.iter().filter(counted).count();
        write!(page, "| {sort} | {all} |").unwrap();
        for (column, count) in counts.iter().enumerate() {
            if column > 0 && of_others(sort) {
                page.push_str(" – |");
            } else {
                write!(page, " {count} |").unwrap();
            }
        }
        page.push('\n');
    }
    std::fs::create_dir_all(root().join("docs")).unwrap();
    std::fs::write(root().join("docs/comparison.md"), page).unwrap();
}
