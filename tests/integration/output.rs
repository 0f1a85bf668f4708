//! Promises that hold for every report: no secret, exact regions, the same bytes for any number of
//! threads, valid SARIF.

use std::fs;

use glpatrol::rules::{Analysis, RuleBody};
use serde_json::Value;
use serde_sarif::sarif::Sarif;

use crate::git::Repo;
use crate::harness::{Glpatrol, Tree, files, rules};

const FORMATS: [&str; 3] = ["human", "json", "sarif"];

/// A tree with every example of every rule that fires, each in a file of its own, and every sample of an
/// inventory, and the arguments that scan all of it.
fn everything() -> (Tree, Vec<String>) {
    let mut tree = Tree::new();
    let mut args: Vec<String> = ["--persona", "auditor", "--confidence", "low", "-v"]
        .map(str::to_owned)
        .into();
    for rule in &rules() {
        for (number, example) in rule.examples.fires.iter().enumerate() {
            let folder = format!("{}/{number}", rule.id);
            let file = example.file.rsplit('/').next().unwrap();
            let path = match (&rule.body, rule.analysis) {
                (RuleBody::Detector(_), _) => format!("{folder}/{file}"),
                (_, Analysis::Inventory) => {
                    let path = format!("{folder}/{file}");
                    let kind = example
                        .inventory
                        .map_or(String::new(), |kind| format!("{}=", kind.as_str()));
                    args.extend(["-i".to_owned(), format!("{kind}{path}")]);
                    path
                }
                _ => format!(".gitlab/ci/{}-{number}.yml", rule.id),
            };
            tree.file(&path, &example.text);
        }
    }
    // Inventories as GitLab answers them, some of which are not read: what a report says of those.
    for sample in files("fixtures/inventory", "") {
        let path = format!("inventory/{}", sample.file_name().unwrap().display());
        tree.file(&path, &fs::read_to_string(&sample).unwrap());
        args.extend(["-i".to_owned(), path]);
    }
    // A CI file that also holds a token: policy reads it masked.
    tree.file(
        ".gitlab-ci.yml",
        "leaky:\n  variables:\n    TOKEN: {{personal_access_token/legacy}}\n  script:\n  - env\n  - 'curl -k --header \"PRIVATE-TOKEN: {{personal_access_token/routable-v1}}\" https://gitlab.example/api/v4/projects?private_token={{personal_access_token/legacy}}'\n",
    );
    (tree, args)
}

fn scan(tree: &Tree, args: &[String], more: &[&str]) -> String {
    let args: Vec<&str> = args
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    tree.scan(&args).stdout
}

#[test]
fn no_secret_appears_in_any_format() {
    let (tree, args) = everything();
    assert!(tree.secrets.len() > 30, "{}", tree.secrets.len());
    for format in FORMATS {
        let report = scan(&tree, &args, &["-f", format]);
        assert!(report.len() > 10_000, "{format}");
        for secret in &tree.secrets {
            // The secret part is what follows the public prefix; its tail of four may be shown.
            let hidden = &secret[secret.len() / 2..secret.len() - 4];
            assert!(
                !report.contains(hidden),
                "{format} shows a secret of {} bytes",
                secret.len()
            );
        }
    }
}

#[test]
fn output_is_the_same_for_any_number_of_threads() {
    let (tree, args) = everything();
    for format in FORMATS {
        let one = scan(&tree, &args, &["-f", format, "-j", "1"]);
        for jobs in ["2", "8"] {
            assert!(
                one == scan(&tree, &args, &["-f", format, "-j", jobs]),
                "{format} -j {jobs}"
            );
        }
    }
}

/// Byte offset of a 1-based line and a 1-based column in scalar values.
fn offset(text: &[u8], line: u64, column: u64) -> usize {
    let start = text
        .split_inclusive(|byte| *byte == b'\n')
        .take(usize::try_from(line).unwrap() - 1)
        .map(<[u8]>::len)
        .sum::<usize>();
    let rest = String::from_utf8_lossy(&text[start..]).into_owned();
    start
        + rest
            .chars()
            .take(usize::try_from(column).unwrap() - 1)
            .map(char::len_utf8)
            .sum::<usize>()
}

#[test]
fn every_region_cut_out_of_its_source_is_the_span() {
    let (tree, args) = everything();
    let report: Value = serde_json::from_str(&scan(&tree, &args, &["-f", "json"])).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.len() > 60, "{}", findings.len());
    let mut checked = 0;
    for finding in findings {
        let related = finding["related"]
            .as_array()
            .unwrap()
            .iter()
            .map(|label| &label["location"]);
        for location in std::iter::once(&finding["location"]).chain(related) {
            let text = tree.read(location["path"].as_str().unwrap());
            let number = |value: &Value| value.as_u64().unwrap();
            let (start, end) = (&location["start"], &location["end"]);
            let from = offset(&text, number(&start["line"]), number(&start["column"]));
            let to = offset(&text, number(&end["line"]), number(&end["column"]));
            let byte_offset = usize::try_from(number(&location["byte_offset"])).unwrap();
            let byte_length = usize::try_from(number(&location["byte_length"])).unwrap();
            assert_eq!(
                (from, to),
                (byte_offset, byte_offset + byte_length),
                "{location}"
            );
            assert!(byte_length > 0, "{location}");
            checked += 1;
        }
        if finding["token"].is_object() {
            let location = &finding["location"];
            let text = tree.read(location["path"].as_str().unwrap());
            let start = usize::try_from(location["byte_offset"].as_u64().unwrap()).unwrap();
            let length = usize::try_from(location["byte_length"].as_u64().unwrap()).unwrap();
            let digest = glpatrol::model::Digest::of(&text[start..start + length]);
            assert_eq!(finding["token"]["digest"], digest.as_str());
        }
    }
    assert!(checked > 80, "{checked}");
}

#[test]
fn sarif_parses_as_its_types_and_has_what_github_and_gitlab_require() {
    let (tree, args) = everything();
    let text = scan(&tree, &args, &["-f", "sarif"]);
    if let Some(folder) = std::env::var_os("GLPATROL_SARIF_DIR") {
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            std::path::Path::new(&folder).join("everything.sarif"),
            &text,
        )
        .unwrap();
    }
    let sarif: Sarif = serde_json::from_str(&text).unwrap();
    assert_eq!(sarif.runs.len(), 1);
    let raw: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(raw["version"], "2.1.0");
    assert!(raw["$schema"].is_string());
    let run = &raw["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    for rule in rules {
        for (key, most) in [
            ("shortDescription", 1024),
            ("fullDescription", 1024),
            ("help", 2048),
        ] {
            let text = rule[key]["text"].as_str().unwrap();
            assert!(
                !text.is_empty() && text.len() <= most,
                "{key} of {}",
                rule["id"]
            );
        }
        assert!(
            rule["properties"]["security-severity"]
                .as_str()
                .unwrap()
                .parse::<f64>()
                .is_ok()
        );
        let tags = rule["properties"]["tags"].as_array().unwrap();
        assert!(tags.len() <= 10);
        assert!(tags.iter().any(|tag| {
            let tag = tag.as_str().unwrap().to_ascii_lowercase();
            tag.strip_prefix("cwe-")
                .is_some_and(|number| number.parse::<u32>().is_ok())
        }));
    }
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 60);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains("://"), "{uri}");
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().unwrap() >= 1, "{result}");
        }
        assert!(
            result["message"]["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert!(
            result["partialFingerprints"]["glpatrol/v1"].is_string(),
            "{result}"
        );
        assert!(result["rank"].is_number());
        let related = result["relatedLocations"].as_array().map_or(0, Vec::len);
        assert!(related <= 100);
    }
    let ranks: Vec<f64> = results
        .iter()
        .map(|result| result["rank"].as_f64().unwrap())
        .collect();
    assert!(ranks.is_sorted_by(|a, b| a >= b), "worst first");
    assert!(run["invocations"][0]["executionSuccessful"].is_boolean());
    assert!(!text.contains(tree.path().to_str().unwrap()));
}

#[test]
fn an_incomplete_run_says_so_in_every_format() {
    let mut tree = Tree::new();
    tree.file(
        ".gitlab-ci.yml",
        "include: /absent.yml\njob: {script: [ls]}\n",
    );
    let sarif: Value = serde_json::from_str(&tree.scan(&["-f", "sarif"]).stdout).unwrap();
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(
        invocation["toolExecutionNotifications"][0]["level"],
        "error"
    );
    assert_eq!(tree.report(&[])["complete"], false);
    let human = tree.scan(&[]);
    assert_eq!(human.code, 3);
    assert!(human.stdout.contains("absent.yml"), "{}", human.stdout);
    assert!(human.stdout.contains("incomplete"), "{}", human.stdout);
}

#[test]
fn colour_and_control_characters_reach_nobody_who_did_not_ask() {
    let mut tree = Tree::new();
    tree.file(
        "a\u{1b}[31m.sh",
        "\u{1b}]0;x\u{7} \u{202e} t={{deploy_token/legacy}}\n",
    );
    for color in ["never", "always"] {
        let run = tree.scan(&["--color", color]);
        assert!(!run.stdout.contains("\u{1b}]0"), "{}", run.stdout);
        assert!(!run.stdout.contains('\u{202e}') && !run.stdout.contains('\u{7}'));
        assert_eq!(run.stdout.contains('\u{1b}'), color == "always");
    }
}

#[test]
fn the_name_of_a_file_is_searched_and_shown_masked() {
    let mut tree = Tree::new();
    tree.file(
        "names.txt",
        "{{deploy_token/legacy#1}}\n{{deploy_token/legacy#2}}\n",
    );
    let (in_name, inside) = (tree.secrets[0].clone(), tree.secrets[1].clone());
    std::fs::remove_file(tree.path().join("names.txt")).unwrap();
    tree.bytes(
        &format!("logs/{in_name}.yml"),
        format!("a: {inside}\n").as_bytes(),
    );
    let report = tree.report(&[]);
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2, "{report:#}");
    let named = findings
        .iter()
        .find(|finding| finding["location"]["route"] == "name of the file")
        .unwrap();
    assert_eq!(
        named["token"]["digest"],
        glpatrol::model::Secret::new(in_name.as_bytes(), 0)
            .digest()
            .as_str()
    );
    for finding in findings {
        let path = finding["location"]["path"].as_str().unwrap();
        assert!(path.starts_with("logs/gldt-***"), "{path}");
    }
    for format in ["human", "json", "sarif"] {
        let shown = tree.scan(&["--format", format, "-v"]).stdout;
        assert!(
            !shown.contains(&in_name) && !shown.contains(&inside),
            "{shown}"
        );
    }
}

#[test]
fn many_problems_become_a_count_in_every_format_and_after_a_merge() {
    let repo = Repo::new();
    for number in 0..30 {
        repo.bytes(&format!(".gitlab/ci/{number:02}.gitlab-ci.yml"), b"a: [\n");
    }
    repo.bytes(
        "other.gitlab-ci.yml",
        b"include: {local: /gone.yml}\na: {script: x}\n",
    );
    let (report, code) = repo.report(&[]);
    assert_eq!((code, &report["complete"]), (3, &false.into()));
    let problems = report["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 25 + 1, "{report:#}");
    let left_out = serde_json::json!([{"level": "error", "class": "ci-syntax", "number": 5}]);
    assert_eq!(report["problems_left_out"], left_out);

    let human = repo.scan(&[]).stdout;
    assert_eq!(
        human.matches("error[ci-syntax]: .gitlab").count(),
        25,
        "{human}"
    );
    assert!(human.contains("error[ci-syntax]: 5 more problems of this class are left out"));
    assert!(human.contains("not read: 31 errors above"), "{human}");

    let sarif = |text: &str| -> Vec<String> {
        let log: serde_json::Value = serde_json::from_str(text).unwrap();
        let notices = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"];
        let notices = notices.as_array().unwrap().iter();
        notices
            .map(|notice| notice["message"]["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let text = repo.scan(&["--format", "sarif"]).stdout;
    assert_eq!(sarif(&text).len(), 25 + 1 + 1);
    assert_eq!(
        sarif(&text).last().unwrap(),
        "5 more problems of this class are left out."
    );

    // A report that is read back says the same, and keeps its exit code where all that is wrong with
    // it was left out.
    let run = repo.scan(&["--format", "json"]);
    repo.bytes("../report.json", run.stdout.as_bytes());
    let merged = |arguments: &[&str]| {
        let call = [&["merge", "../report.json"], arguments].concat();
        Glpatrol::new().args(call).dir(&repo.path()).run()
    };
    let json: serde_json::Value =
        serde_json::from_str(&merged(&["--format", "json"]).stdout).unwrap();
    assert_eq!(json["problems_left_out"], left_out);
    assert_eq!(sarif(&merged(&["--format", "sarif"]).stdout), sarif(&text));
    let mut report = report;
    report["problems"] = serde_json::json!([]);
    repo.bytes("../report.json", report.to_string().as_bytes());
    assert_eq!(merged(&[]).code, 3);
}
