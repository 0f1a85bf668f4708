//! Many repositories in one run: each reported as if it were alone, none in the way of another, parts
//! that add up to the whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Glpatrol, Run, Tree};

const ID: &str = "0123456789abcdef0123456789abcdef01234567";

fn leak(number: usize) -> String {
    format!("token = {{{{deploy_token/legacy#{number}}}}}\n")
}

/// A repository in files that a Git folder has at least.
fn repository<'t>(tree: &'t mut Tree, name: &str) -> &'t mut Tree {
    git_folder(tree, &format!("{name}/.git"))
}

fn git_folder<'t>(tree: &'t mut Tree, folder: &str) -> &'t mut Tree {
    for empty in ["objects", "refs/heads"] {
        fs::create_dir_all(tree.path().join(folder).join(empty)).unwrap();
    }
    tree.file(&format!("{folder}/HEAD"), "ref: refs/heads/main\n")
        .file(&format!("{folder}/refs/heads/main"), ID)
}

/// Eleven repositories: with and without findings, nested, bare, damaged, with configurations.
fn fleet() -> Tree {
    let mut tree = Tree::new();
    for (number, name) in [
        "acme/shop",
        "acme/site",
        "beta/shop",
        "ops",
        "zoo/a",
        "zoo/b",
    ]
    .iter()
    .enumerate()
    {
        repository(&mut tree, name)
            .file(&format!("{name}/src/a.sh"), &leak(number))
            .file(&format!("{name}/README.md"), "nothing\n");
    }
    repository(&mut tree, "acme/shop/vendor/lib")
        .file("acme/shop/vendor/lib/b.sh", &leak(40))
        .file("acme/shop/vendor/own.sh", &leak(41));
    git_folder(&mut tree, "mirrors/app.git").file("mirrors/app.git/description", "a mirror\n");
    repository(&mut tree, "quiet").file("quiet/a.txt", "nothing\n");
    tree.file("damaged/.git/HEAD", "ref: refs/heads/main\n")
        .file("damaged/a.sh", &leak(42));
    repository(&mut tree, "misled")
        .file("misled/.glpatrol.yml", "version: 1\nignores: []\n")
        .file("misled/a.sh", &leak(43));
    tree.file(
        "ops/.gitlab-ci.yml",
        "job:\n  script:\n  - env\n  - 'curl -k --header \"PRIVATE-TOKEN: $T\" http://gitlab.example/api/v4/projects'\n",
    );
    tree.file(
        "zoo/a/.glpatrol.yml",
        "scan: {fail-on: critical}\nignore:\n- {rule: leaked-deploy-token, path: src/**, reason: sample}\n",
    );
    tree.file(
        "zoo/b/.git/config",
        "[remote \"origin\"]\n\turl = https://robot:{{personal_access_token/legacy}}@gitlab.example/zoo/b.git\n",
    );
    tree
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn named<'v>(fleet: &'v Value, name: &str) -> &'v Value {
    list(&fleet["repositories"])
        .iter()
        .find(|repository| repository["name"] == name)
        .unwrap_or_else(|| panic!("{name} in {fleet}"))
}

fn names(fleet: &Value) -> Vec<&str> {
    list(&fleet["repositories"])
        .iter()
        .map(|repository| repository["name"].as_str().unwrap())
        .collect()
}

#[test]
fn every_repository_below_a_folder_has_a_report_of_its_own() {
    let tree = fleet();
    let run = tree.scan(&["--repos", ".", "-f", "json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let fleet = json(&run);
    assert_eq!(fleet["schema"], "glpatrol/fleet/v1");
    assert_eq!(
        names(&fleet),
        [
            "acme/shop",
            "acme/shop/vendor/lib",
            "acme/site",
            "beta/shop",
            "damaged",
            "mirrors/app.git",
            "misled",
            "ops",
            "quiet",
            "zoo/a",
            "zoo/b"
        ]
    );
    for (name, findings) in [
        ("acme/shop", 2),
        ("acme/shop/vendor/lib", 1),
        ("beta/shop", 1),
        ("mirrors/app.git", 0),
        ("quiet", 0),
        ("zoo/a", 1),
    ] {
        let repository = named(&fleet, name);
        assert_eq!(list(&repository["findings"]).len(), findings, "{name}");
        assert_eq!(repository["complete"], true, "{name}");
    }
    let shop = named(&fleet, "acme/shop");
    assert_eq!(
        (&shop["revision"], &shop["branch"]),
        (&ID.into(), &"main".into())
    );
    let places: Vec<_> = list(&shop["findings"])
        .iter()
        .map(|finding| finding["location"]["path"].as_str().unwrap())
        .collect();
    assert_eq!(places, ["src/a.sh", "vendor/own.sh"]);
    let files: u64 = list(&fleet["repositories"])
        .iter()
        .map(|repository| repository["stats"]["files"].as_u64().unwrap())
        .sum();
    assert_eq!(fleet["stats"]["files"], files);
    let gap = &named(&fleet, "mirrors/app.git")["problems"][0];
    assert_eq!(
        (&gap["class"], &gap["level"]),
        (&"gap".into(), &"note".into())
    );
}

#[test]
fn a_member_is_reported_as_a_scan_of_it_alone_reports_it() {
    let tree = fleet();
    let fleet = json(&tree.scan(&["--repos", ".", "-f", "json"]));
    for name in ["acme/site", "beta/shop", "ops", "quiet", "zoo/a", "zoo/b"] {
        let alone = tree.report(&[name]);
        let member = named(&fleet, name);
        for key in [
            "complete",
            "findings",
            "problems",
            "unused_suppressions",
            "stats",
        ] {
            assert_eq!(member[key], alone[key], "{name} {key}");
        }
    }
}

#[test]
fn output_is_the_same_for_any_number_of_threads() {
    let tree = fleet();
    for format in ["human", "json", "sarif"] {
        let scan = |jobs| {
            tree.scan(&["--repos", ".", "-f", format, "-v", "-j", jobs])
                .stdout
        };
        let one = scan("1");
        for jobs in ["2", "8"] {
            assert!(one == scan(jobs), "{format} -j {jobs}");
        }
        let here = tree.path().to_str().unwrap();
        assert!(!one.contains(here), "{one}");
        for secret in &tree.secrets {
            assert!(
                !one.contains(&secret[secret.len() / 2..secret.len() - 4]),
                "{format}"
            );
        }
    }
}

#[test]
fn one_bad_repository_is_a_problem_of_its_own() {
    let tree = fleet();
    let fleet = json(&tree.scan(&["--repos", ".", "-f", "json"]));
    for (name, class, told) in [
        ("damaged", "git-repository", "`.git` is no repository"),
        (
            "misled",
            "configuration",
            "the repository was scanned without it",
        ),
    ] {
        let member = named(&fleet, name);
        assert_eq!(member["complete"], false);
        let problem = &member["problems"][0];
        assert_eq!(
            (&problem["class"], &problem["level"]),
            (&class.into(), &"error".into())
        );
        assert!(
            problem["message"].as_str().unwrap().contains(told),
            "{problem}"
        );
        // Its files are searched all the same.
        assert_eq!(list(&member["findings"]).len(), 1, "{name}");
    }
    let problem = &named(&fleet, "misled")["problems"][0];
    assert_eq!(
        (&problem["path"], &problem["position"]["line"]),
        (&".glpatrol.yml".into(), &2.into())
    );
    assert_eq!(
        tree.scan(&["--repos", "misled", "--untrusted", "-q"]).code,
        1
    );
    let clean = ["--repos", ".", "--fail-on", "never"];
    assert_eq!(tree.scan(&clean).code, 3);
    assert_eq!(
        tree.scan(&[&clean[..], &["--allow-incomplete"]].concat())
            .code,
        0
    );
}

#[test]
fn an_inventory_that_is_not_there_costs_the_repository_no_finding() {
    let mut tree = Tree::new();
    repository(&mut tree, "one")
        .file("one/.glpatrol.yml", "inventories: [gone/tokens.yml]\n")
        .file("one/a.sh", &leak(1));
    repository(&mut tree, "two").file("two/a.sh", &leak(2));
    let run = tree.scan(&["--repos", ".", "-f", "json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let fleet = json(&run);
    assert_eq!(list(&named(&fleet, "two")["findings"]).len(), 1);
    let one = named(&fleet, "one");
    assert_eq!(list(&one["findings"]).len(), 1);
    assert_eq!(
        one["problems"][0]["message"],
        "cannot open `gone/tokens.yml`"
    );
}

#[test]
fn each_configuration_counts_for_its_own_repository_alone() {
    let mut tree = Tree::new();
    repository(&mut tree, "a").file("a/a.sh", &leak(1));
    repository(&mut tree, "b").file("b/a.sh", &leak(1)).file(
        "b/.glpatrol.yml",
        "scan: {fail-on: never}\nignore:\n- {rule: leaked-deploy-token, path: a.sh, reason: sample}\n",
    );
    let suppressed = |args: &[&str], name: &str| {
        let run = tree.scan(&[&["--repos", ".", "-f", "json"], args].concat());
        named(&json(&run), name)["findings"][0]["suppression"].clone()
    };
    assert_eq!(suppressed(&[], "a"), Value::Null);
    assert_eq!(suppressed(&[], "b")["reason"], "sample");
    assert_eq!(suppressed(&["--untrusted"], "b"), Value::Null);
    assert_eq!(
        suppressed(&["-c", "b/.glpatrol.yml"], "a")["reason"],
        "sample"
    );
    let fleet = json(&tree.scan(&["--repos", ".", "-f", "json"]));
    assert_eq!(named(&fleet, "a")["fail_on"], "medium");
    assert_eq!(named(&fleet, "b")["fail_on"], "never");
    assert_eq!(tree.scan(&["--repos", "b", "--untrusted"]).code, 1);
}

#[test]
fn each_repository_is_decoded_as_deep_as_its_configuration_says() {
    let mut tree = Tree::new();
    tree.file("secret", &leak(2));
    let secret = fs::read(tree.path().join("secret")).unwrap();
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, secret);
    for name in ["a", "b", "c"] {
        repository(&mut tree, name)
            .file(&format!("{name}/plain"), &leak(1))
            .file(&format!("{name}/encoded"), &encoded);
    }
    tree.file("b/.glpatrol.yml", "scan: {max-decode-depth: 0}\n");
    tree.file("c/.glpatrol.yml", "scan: {max-decode-depth: 1}\n");
    let found = |args: &[&str]| -> Vec<usize> {
        let run = tree.scan(&[&["--repos", ".", "-f", "json"], args].concat());
        let fleet = json(&run);
        let count = |name| list(&named(&fleet, name)["findings"]).len();
        ["a", "b", "c"].map(count).to_vec()
    };
    assert_eq!(found(&[]), [2, 1, 2]);
    assert_eq!(found(&["--untrusted"]), [2, 2, 2]);
    assert_eq!(found(&["--max-decode-depth", "0"]), [1, 1, 1]);
    assert_eq!(found(&["-c", "b/.glpatrol.yml"]), [1, 1, 1]);
}

#[test]
fn a_list_names_repositories_relative_to_itself() {
    let mut tree = fleet();
    fs::create_dir_all(tree.path().join("nothing")).unwrap();
    tree.file(
        "lists/fleet.txt",
        "# the shops\n../acme/shop   # sells\n\n../beta/shop\n../nothing\n../gone\n../ops/src\n",
    );
    let run = tree.scan(&["--repos", "lists/fleet.txt", "-f", "json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let fleet = json(&run);
    assert_eq!(
        names(&fleet),
        [
            "../acme/shop",
            "../beta/shop",
            "../gone",
            "../nothing",
            "../ops/src"
        ]
    );
    for (name, line) in [("../nothing", 5), ("../gone", 6), ("../ops/src", 7)] {
        let member = named(&fleet, name);
        assert_eq!(
            (&member["complete"], list(&member["findings"]).len()),
            (&false.into(), 0)
        );
        let message = member["problems"][0]["message"].as_str().unwrap();
        assert!(
            message.ends_with(&format!("(fleet.txt, line {line})")),
            "{message}"
        );
    }
    // What is not on the list belongs to what it lies in.
    assert_eq!(list(&named(&fleet, "../acme/shop")["findings"]).len(), 3);
    tree.file("lists/bad.txt", "../gone\n");
    assert_eq!(tree.scan(&["--repos", "lists/bad.txt"]).code, 3);
}

#[test]
fn what_cannot_be_a_fleet_is_told_before_anything_is_scanned() {
    let mut tree = fleet();
    tree.file("empty.txt", "# none\n")
        .bytes("binary", b"\xff\xfe");
    fs::create_dir_all(tree.path().join("nothing")).unwrap();
    for (args, told) in [
        (
            &["--repos", "empty.txt"][..],
            "there is no repository in `empty.txt`",
        ),
        (
            &["--repos", "nothing"],
            "there is no repository in `nothing`",
        ),
        (&["--repos", "gone"], "cannot open `gone`"),
        (&["--repos", "binary"], "is not UTF-8"),
        (&["--repos", ".", "acme"], "cannot be used with"),
        (&["--repos", ".", "-i", "empty.txt"], "cannot be used with"),
        (&["--shard", "1/2"], "--repos"),
        (
            &["--repos", ".", "--shard", "3/2"],
            "there is no shard 3 of 2",
        ),
        (&["--repos", ".", "--shard", "two"], "write I/N"),
        (
            &["--repos", ".", "--shard", "auto"],
            "CI_NODE_INDEX is not set",
        ),
    ] {
        let run = tree.scan(args);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{args:?} {}",
            run.stdout
        );
        assert!(run.stderr.contains(told), "{args:?} {}", run.stderr);
    }
    tree.file("c.yml", "inventories: [empty.txt]\n");
    let run = tree.scan(&["--repos", ".", "-c", "c.yml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("names inventories"), "{}", run.stderr);
}

#[test]
fn shards_share_the_repositories_out_by_name() {
    let tree = fleet();
    let whole = json(&tree.scan(&["--repos", ".", "-f", "json"]));
    let mut seen = BTreeSet::new();
    for index in 1..=3 {
        let shard = format!("{index}/3");
        let part = json(&tree.scan(&["--repos", ".", "-f", "json", "--shard", &shard]));
        assert_eq!(part["shards"]["total"], 3);
        assert_eq!(part["shards"]["scanned"], serde_json::json!([index]));
        for name in names(&part) {
            assert_eq!(named(&part, name), named(&whole, name));
            assert!(seen.insert(name.to_owned()), "{name} is in two shards");
        }
        let auto = Glpatrol::new()
            .env("CI_NODE_INDEX", &index.to_string())
            .env("CI_NODE_TOTAL", "3")
            .args([
                "scan",
                "--as-of",
                "2026-11-20",
                "--repos",
                ".",
                "-f",
                "json",
            ])
            .args(["--shard", "auto"])
            .dir(tree.path())
            .run();
        assert_eq!(json(&auto), part);
    }
    assert_eq!(seen.len(), names(&whole).len());
    let odd = Glpatrol::new()
        .env("CI_NODE_INDEX", "4")
        .env("CI_NODE_TOTAL", "3")
        .args(["scan", "--repos", ".", "--shard", "auto"])
        .dir(tree.path())
        .run();
    assert_eq!(odd.code, 2);
    assert!(
        odd.stderr.contains("there is no shard 4 of 3"),
        "{}",
        odd.stderr
    );
    // A shard without repositories is no failure.
    let mut tree = Tree::new();
    repository(&mut tree, "only");
    let codes: Vec<_> = ["1/2", "2/2"]
        .map(|shard| tree.scan(&["--repos", ".", "--shard", shard]))
        .map(|run| (run.code, run.stdout.contains("0 repositories; shard")))
        .into();
    assert!(
        codes.contains(&(0, true)) && codes.contains(&(0, false)),
        "{codes:?}"
    );
}

#[test]
fn sarif_has_a_run_for_each_repository_that_says_where_it_comes_from() {
    let tree = fleet();
    let run = tree.scan(&["--repos", ".", "-f", "sarif"]);
    // The validator of `.ci/run` looks at it.
    if let Some(folder) = std::env::var_os("GLPATROL_SARIF_DIR") {
        fs::create_dir_all(&folder).unwrap();
        fs::write(Path::new(&folder).join("fleet.sarif"), &run.stdout).unwrap();
    }
    let log = json(&run);
    let runs = list(&log["runs"]);
    assert_eq!(runs.len(), 11);
    let run = |name: &str| {
        runs.iter()
            .find(|run| run["properties"]["repository"]["name"] == name)
            .unwrap()
    };
    let shop = run("acme/shop");
    assert_eq!(shop["automationDetails"]["id"], "glpatrol/acme/shop/");
    assert_eq!(shop["properties"]["repository"]["revision"], ID);
    assert_eq!(shop["versionControlProvenance"], Value::Null);
    let uri = &shop["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(uri["uri"], "src/a.sh");
    assert_eq!(
        run("zoo/b")["versionControlProvenance"],
        serde_json::json!([{
            "branch": "main",
            "mappedTo": {"uriBaseId": "%SRCROOT%"},
            "repositoryUri": "https://gitlab.example/zoo/b.git",
            "revisionId": ID,
        }])
    );
    assert_eq!(
        run("damaged")["invocations"][0]["executionSuccessful"],
        false
    );
    assert_eq!(run("quiet")["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn people_get_one_page_with_a_head_for_each_and_one_summary() {
    let tree = fleet();
    let page = tree.scan(&["--repos", "."]).stdout;
    let shown = |head: &str| page.matches(head).count();
    assert_eq!(
        shown("repository zoo/b (main 0123456789ab, https://gitlab.example/zoo/b.git)\n"),
        1
    );
    assert_eq!(shown("repository acme/shop (main 0123456789ab)\n"), 1);
    assert_eq!(shown("repository quiet"), 0);
    assert_eq!(shown("\nread: "), 1);
    assert!(
        page.contains(
            "scanned: 11 repositories: 8 with findings, 2 incomplete (damaged, misled)\n"
        ),
        "{page}"
    );
    assert!(
        page.contains("  mirrors/app.git: not searched: the history"),
        "{page}"
    );
    let quiet = tree.scan(&["--repos", "quiet"]).stdout;
    assert_eq!(
        quiet.lines().next(),
        Some("scanned: 1 repository: 0 with findings")
    );
}

/// Scans the whole and its three shards into files and merges the shards; the whole, the merged one.
fn sharded(tree: &mut Tree, format: &str) -> (Run, Run) {
    let mut merge = vec!["merge".to_owned(), "-f".to_owned(), format.to_owned()];
    // The order of the reports means nothing.
    for index in [3, 1, 2] {
        let (shard, file) = (format!("{index}/3"), format!("{index}.{format}"));
        let run = tree.scan(&["--repos", ".", "-f", format, "--shard", &shard]);
        tree.bytes(&file, run.stdout.as_bytes());
        merge.push(file);
    }
    let merged = Glpatrol::new().args(merge).dir(tree.path()).run();
    for index in 1..=3 {
        fs::remove_file(tree.path().join(format!("{index}.{format}"))).unwrap();
    }
    (tree.scan(&["--repos", ".", "-f", format]), merged)
}

fn merge(tree: &Tree, args: &[&str]) -> Run {
    Glpatrol::new()
        .args(["merge"])
        .args(args)
        .dir(tree.path())
        .run()
}

#[test]
fn merged_shards_are_the_whole_byte_for_byte() {
    let mut tree = fleet();
    for format in ["json", "sarif"] {
        let (whole, merged) = sharded(&mut tree, format);
        assert_eq!(merged.stderr, "");
        assert!(
            whole.stdout == merged.stdout,
            "{}\n{}",
            whole.stdout,
            merged.stdout
        );
        assert_eq!((whole.code, merged.code), (1, 1));
    }
}

#[test]
fn merged_json_reads_in_every_format_as_the_whole_does() {
    let mut tree = fleet();
    for index in ["1/2", "2/2"] {
        let run = tree.scan(&["--repos", ".", "-f", "json", "--shard", index]);
        tree.bytes(&format!("out/{}.json", &index[..1]), run.stdout.as_bytes());
    }
    for format in ["human", "sarif", "json"] {
        let merged = merge(&tree, &["out/2.json", "out/1.json", "-f", format]);
        assert!(
            merged.stdout == tree.scan(&["--repos", ".", "-f", format]).stdout,
            "{format}"
        );
    }
    let shown = merge(&tree, &["out/2.json", "-f", "human", "--allow-incomplete"]);
    assert!(
        shown.stdout.contains("; shard 2 of 2\n"),
        "{}",
        shown.stdout
    );
}

#[test]
fn the_exit_code_of_a_merge_is_that_of_the_scan() {
    let mut tree = Tree::new();
    repository(&mut tree, "a")
        .file("a/a.sh", &leak(1))
        .file("a/.glpatrol.yml", "scan: {fail-on: critical}\n");
    repository(&mut tree, "b").file("b/a.txt", "nothing\n");
    for (damaged, args, code) in [
        (false, &[][..], 0),
        (false, &["--fail-on", "high"], 1),
        (true, &[], 3),
        (true, &["--allow-incomplete"], 0),
        (true, &["--fail-on", "low"], 1),
        (true, &["--fail-on", "never"], 3),
    ] {
        if damaged {
            tree.file("c/.git/HEAD", "ref: refs/heads/main\n");
        }
        for format in ["json", "sarif"] {
            let scan = tree.scan(&[&["--repos", ".", "-f", format], args].concat());
            let file = format!("report.{format}");
            // A part that is to end well says nothing of what the whole comes to.
            let part = ["--repos", ".", "-f", format, "--fail-on", "never"];
            tree.bytes(&file, tree.scan(&part).stdout.as_bytes());
            let merged = merge(&tree, &[&[file.as_str()], args].concat());
            assert_eq!(
                (scan.code, merged.code),
                (code, code),
                "{format} {args:?} {}",
                merged.stderr
            );
        }
    }
}

#[test]
fn a_missing_shard_is_not_taken_for_a_clean_one() {
    let mut tree = fleet();
    for format in ["json", "sarif"] {
        for index in ["1/4", "3/4"] {
            let run = tree.scan(&["--repos", ".", "-f", format, "--shard", index]);
            tree.bytes(&format!("{}.{format}", &index[..1]), run.stdout.as_bytes());
        }
        let [one, third] = ["1", "3"].map(|shard| format!("{shard}.{format}"));
        let run = merge(&tree, &[&one, &third]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert!(
            run.stderr.contains("of 4 shards these are missing: 2, 4;"),
            "{}",
            run.stderr
        );
        let part = merge(&tree, &[&one, &third, "--allow-incomplete"]);
        assert_eq!(part.code, 1);
        // What was merged without them can be completed later.
        tree.bytes(&format!("part.{format}"), part.stdout.as_bytes());
        let again = merge(&tree, &[&format!("part.{format}"), "--fail-on", "never"]);
        assert_eq!(again.code, 2);
    }
}

#[test]
fn reports_that_do_not_fit_are_refused_by_name() {
    let mut tree = fleet();
    let json = tree.scan(&["--repos", ".", "-f", "json"]).stdout;
    let sarif = tree.scan(&["--repos", ".", "-f", "sarif"]).stdout;
    let single = tree.scan(&["ops", "-f", "json"]).stdout;
    let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
    let other = json.replacen(&version, "\"version\":\"0.0.1\"", 1);
    tree.bytes("fleet.json", json.as_bytes())
        .bytes("cut.json", &json.as_bytes()[..json.len() / 2])
        .bytes("cut.sarif", &sarif.as_bytes()[..sarif.len() / 2])
        .bytes("log.sarif", sarif.as_bytes())
        .bytes("single.json", single.as_bytes())
        .bytes("old.json", other.as_bytes())
        .bytes(
            "old.sarif",
            sarif.replace(&version, "\"version\":\"0.0.1\"").as_bytes(),
        )
        .bytes(
            "foreign.sarif",
            sarif
                .replace("\"name\":\"glpatrol\"", "\"name\":\"x\"")
                .as_bytes(),
        )
        .bytes(
            "bad.sarif",
            sarif
                .replace("\"severity\":\"high\"", "\"severity\":\"dire\"")
                .as_bytes(),
        )
        .bytes("empty.json", b"")
        .bytes("list.json", b"[]")
        .bytes("binary.json", b"{\xff}")
        .bytes("other.json", b"{\"a\": 1}")
        .bytes("deep.json", "[".repeat(100_000).as_bytes());
    tree.bytes(
        "deeper.json",
        format!("{{\"runs\":{}", "[".repeat(100_000)).as_bytes(),
    );
    for (args, told) in [
        (
            &["cut.json"][..],
            "`cut.json`: is damaged: EOF while parsing",
        ),
        (&["fleet.json", "cut.json"], "`cut.json`: is damaged"),
        (&["cut.sarif"], "`cut.sarif`: is damaged"),
        (
            &["bad.sarif"],
            "`bad.sarif`: is damaged: a result has no severity",
        ),
        (&["empty.json"], "the file is empty"),
        (&["list.json"], "is no SARIF or JSON report of glpatrol"),
        (&["other.json"], "is no SARIF or JSON report of glpatrol"),
        (&["foreign.sarif"], "is no SARIF or JSON report of glpatrol"),
        (&["deep.json"], "is no SARIF or JSON report of glpatrol"),
        (&["deeper.json"], "`deeper.json`: is damaged"),
        (&["binary.json"], "is not UTF-8"),
        (&["old.json"], "was written by glpatrol 0.0.1"),
        (&["old.sarif"], "was written by glpatrol 0.0.1"),
        (&["gone.json"], "cannot open `gone.json`"),
        (
            &["fleet.json", "log.sarif"],
            "`fleet.json` is a JSON report of several repositories and `log.sarif` a SARIF log",
        ),
        (&["single.json", "fleet.json"], "merge reports of one kind"),
        (&["log.sarif", "-f", "human"], "merge reports in JSON"),
        (&[], "REPORT"),
    ] {
        let run = merge(&tree, args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?}");
        assert!(run.stderr.contains(told), "{args:?} {}", run.stderr);
    }
    assert_eq!(
        merge(&tree, &["fleet.json", "-o", "merged.json", "-q"]).code,
        1
    );
    assert_eq!(tree.read("merged.json"), json.as_bytes());
}

#[test]
fn two_scans_of_one_repository_become_one_report() {
    let mut tree = Tree::new();
    repository(&mut tree, "app")
        .file("app/src/a.sh", &leak(1))
        .file("app/src/b.sh", &leak(2))
        .file("app/docs/a.md", &leak(1))
        .file(
            "app/docs/c.md",
            &format!(
                "{}# {} glpatrol:ignore[leaked-deploy-token] sample\n",
                leak(3),
                leak(2).trim()
            ),
        )
        .file("app/.gitlab-ci.yml", "job:\n  script:\n  - env\n");
    for format in ["json", "sarif"] {
        let scan = |args: &[&str]| tree.scan(&[&["-f", format], args].concat()).stdout;
        let (src, docs) = (scan(&["app/src"]), scan(&["app/docs"]));
        let both = scan(&["app/src", "app/docs"]);
        let ci = scan(&["app", "--only", "ci"]);
        let leaks = scan(&["app", "--only", "leaks"]);
        let ci_and_leaks = scan(&["app", "--only", "ci,leaks"]);
        tree.bytes("src", src.as_bytes())
            .bytes("docs", docs.as_bytes())
            .bytes("ci", ci.as_bytes())
            .bytes("leaks", leaks.as_bytes());
        let merged = merge(&tree, &["src", "docs"]).stdout;
        assert!(merged == both, "{format}\n{merged}\n{both}");
        // The same report twice counts once.
        assert!(
            merge(&tree, &["docs", "src", "docs"]).stdout == both,
            "{format}"
        );
        assert!(merge(&tree, &["src", "src"]).stdout == src, "{format}");
        let merged: Value = serde_json::from_str(&merge(&tree, &["leaks", "ci"]).stdout).unwrap();
        let whole: Value = serde_json::from_str(&ci_and_leaks).unwrap();
        for path in [
            "/findings",
            "/rules",
            "/runs/0/results",
            "/runs/0/tool",
            "/runs/0/taxonomies",
            "/runs/0/invocations",
        ] {
            assert_eq!(merged.pointer(path), whole.pointer(path), "{format} {path}");
        }
    }
}

#[test]
fn scans_of_two_commits_are_a_report_of_neither() {
    let mut tree = Tree::new();
    repository(&mut tree, "app")
        .file("app/a.sh", &leak(1))
        .file(
            "app/.git/config",
            "[remote \"origin\"]\nurl = git@gitlab.example:app.git\n",
        );
    for format in ["json", "sarif"] {
        tree.file("app/.git/refs/heads/main", ID);
        let scan = |tree: &Tree| tree.scan(&["--repos", ".", "-f", format]).stdout;
        let before = scan(&tree);
        tree.file("app/.git/refs/heads/main", &ID.replace('0', "f"))
            .file("app/b.sh", &leak(2));
        let after = scan(&tree);
        tree.bytes("before", before.as_bytes())
            .bytes("after", after.as_bytes());
        let merged = json(&merge(&tree, &["before", "after"]));
        let pointer = |path: &str| merged.pointer(path).cloned().unwrap_or_default();
        fs::remove_file(tree.path().join("app/b.sh")).unwrap();
        fs::remove_file(tree.path().join("before")).unwrap();
        fs::remove_file(tree.path().join("after")).unwrap();
        if format == "json" {
            let app = named(&merged, "app");
            assert_eq!(
                (&app["branch"], &app["revision"]),
                (&"main".into(), &Value::Null)
            );
            assert_eq!(list(&app["findings"]).len(), 2);
            assert_eq!(app["findings"][0]["occurrences"], 1);
        } else {
            assert_eq!(
                pointer("/runs/0/properties/repository/revision"),
                Value::Null
            );
            assert_eq!(
                pointer("/runs/0/versionControlProvenance/0"),
                serde_json::json!({
                    "branch": "main",
                    "mappedTo": {"uriBaseId": "%SRCROOT%"},
                    "repositoryUri": "ssh://gitlab.example/app.git",
                })
            );
            assert_eq!(list(&pointer("/runs/0/results")).len(), 2);
        }
    }
}

/// Repositories that Git itself made.
#[test]
fn repositories_made_by_git_are_described_as_git_does() {
    let mut tree = Tree::new();
    tree.file("one/a.sh", &leak(1)).file("home/.keep", "");
    let root = tree.path().to_owned();
    let git = |folder: &str, args: &[&str]| -> Option<String> {
        let output = Command::new("git")
            .args([
                "-c",
                "init.defaultBranch=trunk",
                "-c",
                "user.name=T",
                "-c",
                "user.email=t@t.example",
            ])
            .args(args)
            .current_dir(root.join(folder))
            .env("HOME", root.join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .ok()?;
        assert!(
            output.status.success(),
            "{args:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    if git(".", &["--version"]).is_none() {
        return;
    }
    git("one", &["init", "--quiet"]);
    git("one", &["add", "."]);
    git("one", &["commit", "--quiet", "-m", "one"]);
    git(
        "one",
        &[
            "remote",
            "add",
            "origin",
            "https://me:pass@gitlab.example/one.git",
        ],
    );
    git(".", &["clone", "--quiet", "--bare", "one", "bare.git"]);
    git(
        "one",
        &["worktree", "add", "--quiet", "-b", "side", "../linked"],
    );
    git("one", &["commit", "--quiet", "--allow-empty", "-m", "two"]);
    git("one", &["pack-refs", "--all"]);
    let fleet = json(&tree.scan(&["--repos", ".", "-f", "json"]));
    assert_eq!(names(&fleet), ["bare.git", "linked", "one"]);
    for (name, branch) in [("bare.git", "trunk"), ("linked", "side"), ("one", "trunk")] {
        let member = named(&fleet, name);
        assert_eq!(member["branch"], branch, "{name}");
        assert_eq!(
            member["revision"].as_str().map(str::to_owned),
            git(name, &["rev-parse", "HEAD"]),
            "{name}"
        );
        assert_eq!(member["complete"], true, "{member}");
    }
    assert_eq!(
        named(&fleet, "linked")["uri"],
        "https://gitlab.example/one.git"
    );
    assert_eq!(list(&named(&fleet, "linked")["findings"]).len(), 1);

    // Of a bare repository the history is everything, and has to be asked for.
    let gaps = |fleet: &Value| list(&named(fleet, "bare.git")["problems"]).len();
    assert_eq!(gaps(&fleet), 1);
    let fleet = json(&tree.scan(&["--repos", ".", "--history", "-f", "json"]));
    assert_eq!(gaps(&fleet), 0, "{fleet:#}");
    let found = &list(&named(&fleet, "bare.git")["findings"])[0];
    assert_eq!(
        found["location"]["git"]["commit"]
            .as_str()
            .map(str::to_owned),
        git("bare.git", &["rev-parse", "HEAD"])
    );
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut tree = Tree::new();
    repository(&mut tree, "open");
    let closed = tree.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read_dir(&closed).is_ok();
    let run = tree.scan(&["--repos", ".", "-f", "json"]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    // The superuser reads everything.
    if !readable {
        assert_eq!(run.code, 3);
        let fleet = json(&run);
        let problem = &named(&fleet, "closed")["problems"][0];
        assert!(
            problem["message"]
                .as_str()
                .unwrap()
                .starts_with("not read: "),
            "{problem}"
        );
    }
}
