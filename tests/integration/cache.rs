//! What a cache remembers: the same report in less time, and never a clean one that is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use crate::git::Repo;
use crate::harness::{Glpatrol, Run};
use crate::packing::{DEFLATE, ENCRYPTED, ZipMember, zip_of};

const CACHE: &str = "../cache";

/// A run with the cache.
fn cached(repo: &Repo, arguments: &[&str]) -> Run {
    repo.scan(&[&["--cache", CACHE], arguments].concat())
}

/// What a run says and how it ends.
fn said(run: &Run) -> (&str, i32) {
    assert_eq!(run.stderr, "");
    (&run.stdout, run.code)
}

const HISTORY: &[&str] = &["--history", "--format", "json"];

/// Asserts that a run with the cache says what one without it says.
fn assert_same(repo: &Repo, arguments: &[&str]) {
    let with = cached(repo, arguments);
    let without = repo.scan(arguments);
    assert_said(&with, &without, arguments);
}

/// Asserts that two runs say the same, and shows the place where they do not.
fn assert_said(run: &Run, expected: &Run, arguments: &[&str]) {
    let ((said, code), (expected, expected_code)) = (said(run), said(expected));
    if said != expected {
        let both = said.bytes().zip(expected.bytes());
        let at = both.take_while(|(a, b)| a == b).count();
        let around = |text: &str| {
            let bytes = &text.as_bytes()[at.saturating_sub(300)..];
            String::from_utf8_lossy(&bytes[..bytes.len().min(500)]).into_owned()
        };
        panic!(
            "{arguments:?}:\n{}\nand not\n{}",
            around(said),
            around(expected)
        );
    }
    assert_eq!(code, expected_code, "{arguments:?}");
}

/// A repository without a token, in one pack.
fn clean() -> Repo {
    let repo = Repo::new();
    repo.grow(12);
    repack(&repo);
    repo
}

fn repack(repo: &Repo) {
    repo.git(&["repack", "-a", "-d", "-f", "--quiet"]);
}

fn packs(repo: &Repo) -> Vec<PathBuf> {
    files(&repo.path().join(".git/objects/pack"), "pack")
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// Makes every object of a pack unreadable. Its name, length and the checksum at its end stay.
fn ruin(pack: &Path) {
    let mut bytes = fs::read(pack).unwrap();
    let end = bytes.len() - 20;
    bytes[12..end].fill(0);
    fs::remove_file(pack).unwrap();
    fs::write(pack, bytes).unwrap();
}

/// A repository with a token wherever one can be: in files, names, messages, authors, what no ref
/// reaches, archives, trees of other branches; and an archive that cannot be read.
fn planted() -> Repo {
    let repo = Repo::new();
    repo.grow(8);
    repo.file("conf/deleted.env", "A={{deploy_token/legacy#1}}\n");
    repo.commit("with a token");
    repo.git(&["rm", "--quiet", "conf/deleted.env"]);
    let first = repo.commit("without it");
    let marker = "glpatrol";
    repo.file(
        "still.env",
        &format!("A={{{{deploy_token/legacy#2}}}} # {marker}:ignore[leaked-deploy-token] known\n"),
    );
    for number in 0..3 {
        repo.file(
            "many.env",
            &format!("A={{{{deploy_token/legacy#3}}}}\n{number}\n"),
        );
        repo.commit("with another");
    }
    repo.bytes("keep.txt", b"nothing\n");
    repo.commit("keep");
    repo.file("keep.txt", "A={{deploy_token/legacy#4}}\n");
    repo.git(&["stash", "--quiet"]);
    repo.commit(&format!("for {}", repo.token("deploy_token/legacy#5")));
    let text = format!("v1 {}", repo.token("deploy_token/legacy#6"));
    repo.git(&["tag", "--annotate", "--message", &text, "v1"]);
    let text = format!("see {}", repo.token("deploy_token/legacy#7"));
    repo.git(&["notes", "add", "--message", &text, &first]);
    let author = format!("{} <a@example.com>", repo.token("deploy_token/legacy#8"));
    repo.git(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "--author",
        &author,
        "--message",
        "by",
    ]);
    let name = format!("dir/{}.env", repo.token("deploy_token/legacy#9"));
    repo.file(&name, "A={{deploy_token/legacy#10}}\n");
    repo.commit("a name");
    repo.git(&["rm", "--quiet", &name]);
    let text = format!("A={}\n", repo.token("deploy_token/legacy#11"));
    let member = |flags| ZipMember {
        name: "conf/a.env",
        text: text.as_bytes(),
        method: DEFLATE,
        flags,
    };
    repo.bytes("old.zip", &zip_of(&[member(0)]));
    repo.bytes("locked.zip", &zip_of(&[member(ENCRYPTED)]));
    repo.commit("archives");
    repo.git(&["rm", "--quiet", "old.zip", "locked.zip"]);
    repo.commit("without them");
    repo.git_with(&["hash-object", "-w", "--stdin"], text.as_bytes());
    repo.file("staged.env", "A={{deploy_token/legacy#12}}\n");
    repo.git(&["add", "staged.env"]);
    repo
}

#[test]
fn a_second_run_over_what_did_not_change_reads_no_object() {
    let repo = clean();
    let first = cached(&repo, HISTORY);
    assert_eq!(first.code, 0, "{}", first.stdout);
    ruin(&packs(&repo)[0]);
    assert_eq!(said(&cached(&repo, HISTORY)), said(&first));
    // And it is the cache that makes it so.
    assert_eq!(repo.scan(HISTORY).code, 3);
    // Who does not trust the repository does not take its word for what it holds.
    let untrusted = [HISTORY, &["--untrusted"]].concat();
    assert_eq!(cached(&repo, &untrusted).code, 3);
}

#[test]
fn everything_that_was_found_is_found_again() {
    let repo = planted();
    for packed in [false, true] {
        if packed {
            repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
        }
        let (report, _) = repo.report(&["--history"]);
        assert_eq!(
            report["findings"].as_array().unwrap().len(),
            12,
            "{report:#}"
        );
        assert_eq!(report["problems"].as_array().unwrap().len(), 1);
        for scope in ["--history", "--history=reachable"] {
            for more in [
                &["--format", "human"][..],
                &["--format", "human", "-v"],
                &["--format", "sarif"],
                &["--format", "json", "-j", "1"],
                &["--format", "json", "--strict"],
                &["--format", "json", "--untrusted"],
            ] {
                let arguments = [&[scope], more].concat();
                let without = repo.scan(&arguments);
                for _ in 0..2 {
                    assert_said(&cached(&repo, &arguments), &without, &arguments);
                }
            }
        }
    }
}

#[test]
fn what_is_told_below_a_path_is_told_of_no_other() {
    let repo = planted();
    repo.bytes("conf/now.txt", b"now\n");
    repo.git(&["add", "conf"]);
    repo.git(&["commit", "--quiet", "--message", "now", "conf"]);
    repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    let count = |paths: &[&str]| {
        let (report, _) = repo.report(&[&["--history"], paths].concat());
        report["findings"].as_array().unwrap().len()
    };
    assert_eq!((count(&["."]), count(&["conf"])), (12, 1));
    let ways: [&[&str]; 7] = [
        &["conf"],
        &["."],
        &["still.env"],
        &["conf"],
        &["conf", "still.env"],
        &["still.env", "conf"],
        &["."],
    ];
    for paths in ways {
        assert_same(&repo, &[HISTORY, paths].concat());
    }
}

#[test]
fn what_is_known_of_a_pack_helps_below_a_path_and_outlives_it() {
    let repo = clean();
    let whole = cached(&repo, HISTORY);
    let below = [HISTORY, &["src"]].concat();
    let first = cached(&repo, &below);
    assert_eq!(first.code, 0, "{}", first.stdout);
    ruin(&packs(&repo)[0]);
    assert_eq!(said(&cached(&repo, HISTORY)), said(&whole));
}

#[test]
fn a_pack_that_several_share_an_index_of_is_known_by_that() {
    let repo = planted();
    repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    repo.git(&["multi-pack-index", "write"]);
    let index = packs(&repo)[0].with_extension("idx");
    let own = fs::read(&index).unwrap();
    fs::remove_file(&index).unwrap();
    for arguments in [HISTORY, &[HISTORY, &["--untrusted"]].concat()] {
        for _ in 0..2 {
            assert_same(&repo, arguments);
        }
    }
    fs::write(&index, own).unwrap();
    assert_same(&repo, HISTORY);
    // What is known is used, for what it was known by.
    let clean = clean();
    clean.git(&["multi-pack-index", "write"]);
    fs::remove_file(packs(&clean)[0].with_extension("idx")).unwrap();
    let first = cached(&clean, HISTORY);
    assert_eq!(first.code, 0, "{}", first.stdout);
    ruin(&packs(&clean)[0]);
    assert_eq!(said(&cached(&clean, HISTORY)), said(&first));
}

#[test]
fn a_cache_holds_no_token_and_no_word_of_the_repository() {
    let repo = planted();
    for _ in 0..2 {
        cached(&repo, HISTORY);
        repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    }
    let dir = repo.base().join("cache");
    let mut text = String::new();
    for file in files(&dir, "json") {
        text.push_str(&fs::read_to_string(file).unwrap());
    }
    assert!(text.contains("leaked-deploy-token"), "hits are there");
    for number in 1..=12 {
        let token = repo.token(&format!("deploy_token/legacy#{number}"));
        let body = token.split_once('-').unwrap().1;
        for part in body.as_bytes().windows(4) {
            let part = std::str::from_utf8(part).unwrap();
            // Digests and ids have such a part by chance if it is all hexadecimal.
            let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_hex || !text.contains(part), "{part} of {token}");
        }
    }
    for word in [
        "Author",
        "example.com",
        "deleted",
        ".env",
        "****",
        "many",
        "keep",
    ] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn what_is_new_is_read_and_what_is_known_is_not() {
    let repo = clean();
    let known = packs(&repo);
    cached(&repo, HISTORY);
    // In a loose object, then in a pack of its own.
    repo.file("new.env", "A={{deploy_token/legacy#1}}\n");
    let commit = repo.commit("new");
    repo.git(&["rm", "--quiet", "new.env"]);
    repo.commit("without it");
    assert_same(&repo, HISTORY);
    repo.git(&["repack", "-d", "--quiet"]);
    let without = repo.scan(HISTORY);
    assert!(without.stdout.contains(&commit));
    assert_same(&repo, HISTORY);
    // A further commit, which no object of the first pack is read for.
    repo.bytes("more.txt", b"nothing\n");
    repo.commit("more");
    repo.git(&["reset", "--quiet", "--soft", "HEAD~1"]);
    repo.git(&["read-tree", "--empty"]);
    assert_same(&repo, HISTORY);
    assert_eq!(known.len(), 1);
}

#[test]
fn a_known_pack_is_not_read_for_what_lies_beside_it() {
    let repo = clean();
    let known = packs(&repo);
    cached(&repo, HISTORY);
    repo.git(&["checkout", "--quiet", "--orphan", "other"]);
    repo.git(&["rm", "--quiet", "-r", "--cached", "."]);
    fs::remove_dir_all(repo.path().join("src")).unwrap();
    repo.bytes("other.txt", b"nothing\n");
    repo.commit("another root");
    repo.git(&["repack", "-d", "--quiet"]);
    let without = repo.scan(HISTORY);
    assert_eq!((without.code, packs(&repo).len()), (0, 2));
    ruin(&known[0]);
    assert_eq!(said(&cached(&repo, HISTORY)), said(&without));
    assert_eq!(repo.scan(HISTORY).code, 3);
}

#[test]
fn packs_that_share_objects_are_counted_as_without_a_cache() {
    let repo = planted();
    repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    assert_same(&repo, HISTORY);
    // The objects of the newest commits a second time, in deltas of their own.
    let names = repo.git(&["rev-list", "--objects", "--all", "--max-count", "9"]);
    let ids: Vec<&str> = names
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    let ids = ids.join(
        "
",
    ) + "
";
    let pack = repo.path().join(".git/objects/pack/pack");
    repo.git_with(
        &["pack-objects", "--quiet", pack.to_str().unwrap()],
        ids.as_bytes(),
    );
    assert_eq!(packs(&repo).len(), 2);
    repo.bytes("loose.txt", b"so that the state is new\n");
    repo.commit("more");
    for _ in 0..2 {
        assert_same(&repo, HISTORY);
    }
    repo.bytes("loose.txt", b"and again, with both packs known\n");
    repo.commit("more");
    assert_same(&repo, HISTORY);
}

#[test]
fn repositories_that_change_are_told_as_they_are() {
    let repo = planted();
    let both = |repo: &Repo| {
        for scope in ["--history", "--history=reachable"] {
            assert_same(repo, &[scope, "--format", "json"]);
        }
    };
    both(&repo);
    // Packed, packed otherwise, a part of it packed.
    repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    both(&repo);
    repo.git(&["repack", "-a", "-d", "-k", "-f", "--depth", "1", "--quiet"]);
    both(&repo);
    // Refs that move, and HEAD, while packs stay.
    repo.git(&["branch", "old", "HEAD~2"]);
    repo.git(&["update-ref", "-d", "refs/stash"]);
    both(&repo);
    repo.git(&["tag", "-d", "v1"]);
    repo.git(&["update-ref", "refs/heads/main", "HEAD~6"]);
    both(&repo);
    // The index alone.
    repo.git(&["read-tree", "--empty"]);
    both(&repo);
    // Where a clone was cut off.
    let cut = repo.git(&["rev-parse", "HEAD"]);
    fs::write(repo.path().join(".git/shallow"), format!("{cut}\n")).unwrap();
    both(&repo);
}

#[test]
fn other_rules_and_limits_find_what_they_find() {
    let repo = planted();
    let token = repo.token("deploy_token/legacy#20");
    let unreserved = token.replace('-', "%2D");
    repo.bytes("encoded.txt", format!("{unreserved}\n").as_bytes());
    repo.commit("encoded");
    let sets: [&[&str]; 5] = [
        &[],
        &["--max-decode-depth", "0"],
        &["--max-archive-depth", "0"],
        &["--confidence", "low"],
        &["--strict"],
    ];
    for more in sets {
        let arguments = [HISTORY, more].concat();
        let run = cached(&repo, &arguments);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let plain = repo.scan(&arguments);
        let expected: serde_json::Value = serde_json::from_str(&plain.stdout).unwrap();
        assert_eq!(report["findings"], expected["findings"], "{more:?}");
        assert_eq!(
            (report["stats"].clone(), run.code),
            (expected["stats"].clone(), plain.code)
        );
        let classes: Vec<&str> = report["problems"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|problem| problem["level"] == "note")
            .map(|problem| problem["class"].as_str().unwrap())
            .collect();
        let is_other = !more.is_empty() && more != ["--strict"];
        assert_eq!(
            classes.contains(&"cache"),
            is_other,
            "{more:?}: {classes:?}"
        );
        // Written anew, so that nothing is said the next time.
        assert_same(&repo, &arguments);
        if is_other {
            cached(&repo, HISTORY);
        }
    }
}

/// What is done to a file.
type Damage = fn(Vec<u8>) -> Vec<u8>;

#[test]
fn a_damaged_cache_is_passed_over_with_a_word_and_written_anew() {
    let repo = planted();
    repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    let plain = repo.scan(HISTORY);
    let expected: serde_json::Value = serde_json::from_str(&plain.stdout).unwrap();
    let damages: [(&str, Damage); 5] = [
        ("is damaged", |bytes| bytes[..bytes.len() / 2].to_vec()),
        ("is damaged", |_| Vec::new()),
        ("is damaged", |_| b"\0\xFFnonsense".to_vec()),
        ("is damaged", |bytes| {
            String::from_utf8(bytes)
                .unwrap()
                .replace("\"bytes\":1", "\"bytes\":2")
                .into_bytes()
        }),
        ("another version", |bytes| {
            String::from_utf8(bytes)
                .unwrap()
                .replace("cache/v1", "cache/v0")
                .into_bytes()
        }),
    ];
    for (word, damage) in damages {
        cached(&repo, HISTORY);
        let dir = repo.base().join("cache");
        for file in files(&dir, "json") {
            let bytes = fs::read(&file).unwrap();
            let mut now = damage(bytes.clone());
            if now == bytes {
                now.push(b'x');
            }
            fs::write(&file, now).unwrap();
        }
        let run = cached(&repo, HISTORY);
        assert_eq!(run.code, plain.code);
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["findings"], expected["findings"]);
        assert_eq!(report["stats"], expected["stats"]);
        let problems = report["problems"].as_array().unwrap();
        let told = problems.iter().find(|problem| problem["class"] == "cache");
        let told = told.unwrap_or_else(|| panic!("{word}: {problems:?}"));
        assert_eq!(told["level"], "note");
        assert!(told["message"].as_str().unwrap().contains(word), "{told}");
        assert_same(&repo, HISTORY);
    }
}

#[test]
fn a_folder_in_the_way_of_a_file_is_told_and_changes_nothing_else() {
    let repo = clean();
    cached(&repo, HISTORY);
    let dir = repo.base().join("cache");
    for file in files(&dir, "json") {
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        fs::write(file.join("x"), b"").unwrap();
    }
    let run = cached(&repo, HISTORY);
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains("the cache cannot be written"),
        "{}",
        run.stdout
    );
}

#[test]
fn processes_share_a_cache() {
    let repo = planted();
    repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    let plain = repo.scan(HISTORY);
    thread::scope(|scope| {
        let runs: Vec<_> = (0..6)
            .map(|_| {
                let program = repo.program(&[&["--cache", CACHE], HISTORY].concat());
                scope.spawn(move || program.run())
            })
            .collect();
        for run in runs {
            assert_eq!(said(&run.join().unwrap()), said(&plain));
        }
    });
    assert_same(&repo, HISTORY);
    let dir = repo.base().join("cache");
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let kinds: Vec<&str> = names
        .iter()
        .map(|name| name.split('-').next().unwrap())
        .collect();
    assert_eq!(kinds, ["CACHEDIR.TAG", "pack", "repository"], "{names:?}");
}

#[test]
fn what_could_not_be_read_is_never_remembered_as_clean() {
    // A pack with objects that do not inflate; the one beside it is whole.
    let repo = clean();
    repo.bytes("more.txt", b"in a pack of its own\n");
    repo.commit("more");
    repo.git(&["repack", "-d", "--quiet"]);
    let packs = packs(&repo);
    assert_eq!(packs.len(), 2);
    ruin(&packs[0]);
    for _ in 0..3 {
        let run = cached(&repo, HISTORY);
        assert_eq!(run.code, 3);
        assert_same(&repo, HISTORY);
    }
    // A loose object that is cut off after it was read, and one before.
    for is_known in [false, true] {
        let repo = Repo::new();
        repo.grow(2);
        if is_known {
            assert_eq!(cached(&repo, HISTORY).code, 0);
        }
        let blob = repo.git(&["rev-parse", "HEAD:src/file.txt"]);
        let path = repo
            .path()
            .join(".git/objects")
            .join(&blob[..2])
            .join(&blob[2..]);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        for _ in 0..2 {
            assert_eq!(cached(&repo, HISTORY).code, 3, "{is_known}");
        }
    }
    // Objects that are missing: a tree of a commit, a blob of HEAD, the target of a ref.
    for missing in ["HEAD~1^{tree}", "HEAD:src/file.txt", "HEAD~3"] {
        let repo = Repo::new();
        repo.grow(5);
        let id = repo.git(&["rev-parse", missing]);
        fs::remove_file(
            repo.path()
                .join(".git/objects")
                .join(&id[..2])
                .join(&id[2..]),
        )
        .unwrap();
        for more in [&[][..], &["--strict"]] {
            let arguments = [HISTORY, more].concat();
            for _ in 0..2 {
                assert_eq!(cached(&repo, &arguments).code, 3, "{missing}");
                assert_same(&repo, &arguments);
            }
        }
    }
}

#[test]
fn a_pack_that_is_not_what_it_says_is_not_remembered() {
    // The checksum at the end of the pack, and in its index, is that of another one.
    let repo = clean();
    let pack = packs(&repo).remove(0);
    let index = pack.with_extension("idx");
    for (path, ends) in [(&pack, vec![20]), (&index, vec![40])] {
        let mut bytes = fs::read(path).unwrap();
        for end in ends {
            let at = bytes.len() - end;
            bytes[at..at + 20].fill(7);
        }
        fs::remove_file(path).unwrap();
        fs::write(path, bytes).unwrap();
    }
    cached(&repo, HISTORY);
    let dir = repo.base().join("cache");
    let names = files(&dir, "json");
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().contains("pack-")),
        "{names:?}"
    );
}

#[test]
fn repositories_of_a_run_share_a_cache() {
    let repo = planted();
    repo.git(&["repack", "-a", "-d", "-k", "--quiet"]);
    let base = Path::new(".");
    repo.git_in(
        base,
        &["clone", "--quiet", "--mirror", "repo", "mirrors/a.git"],
    );
    repo.git_in(
        base,
        &[
            "clone",
            "--quiet",
            "--mirror",
            "--shared",
            "repo",
            "mirrors/b.git",
        ],
    );
    repo.git_in(
        base,
        &[
            "clone",
            "--quiet",
            "--no-local",
            "--mirror",
            "repo",
            "mirrors/c.git",
        ],
    );
    let scan = |arguments: &[&str]| {
        let run = Glpatrol::new()
            .args([
                "scan",
                "--as-of",
                "2026-11-20",
                "--repos",
                "mirrors",
                "--history",
            ])
            .args(arguments)
            .dir(repo.base())
            .run();
        assert_eq!(run.stderr, "");
        (run.stdout, run.code)
    };
    for jobs in ["1", "3"] {
        for shard in ["1/1", "1/2", "2/2"] {
            let plain = ["--format", "json", "--shard", shard, "--jobs", jobs];
            let with = [&plain[..], &["--cache", "cache"]].concat();
            let expected = scan(&plain);
            assert_eq!(scan(&with), expected);
            assert_eq!(scan(&with), expected);
        }
    }
    // Packs are known by their checksums: a clone that is new brings no file of its own for them.
    let names = || files(&repo.base().join("cache"), "json").len();
    let before = names();
    repo.git_in(
        base,
        &[
            "clone",
            "--quiet",
            "--mirror",
            "--shared",
            "repo",
            "mirrors/d.git",
        ],
    );
    let plain = ["--format", "sarif"];
    assert_eq!(
        scan(&[&plain[..], &["--cache", "cache"]].concat()),
        scan(&plain)
    );
    assert_eq!(names(), before + 1);
}

#[test]
fn a_cache_below_the_path_is_not_scanned() {
    let repo = clean();
    let run = || repo.scan(&["--history", "--format", "json", "--cache", "cache/glpatrol"]);
    let first = run();
    assert!(repo.path().join("cache/glpatrol/CACHEDIR.TAG").is_file());
    assert_eq!(said(&run()), said(&first));
}

#[test]
fn options_that_make_no_sense_are_told_at_once() {
    let repo = clean();
    fs::write(repo.base().join("file"), b"").unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["--cache", CACHE], "add `--history`"),
        (
            &["--cache", CACHE, "--history", "--only", "ci"],
            "add `--history`",
        ),
        (&["--cache", CACHE, "--staged"], "--staged"),
        (
            &["--cache", "../file", "--history"],
            "name a folder that can be written",
        ),
        (
            &["--cache", "../file/below", "--history"],
            "name a folder that can be written",
        ),
    ];
    for (arguments, word) in cases {
        let run = repo.scan(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(word), "{arguments:?}: {}", run.stderr);
    }
    // A bare repository has nothing but its history.
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--bare", "repo", "bare.git"],
    );
    let run = repo.scan(&["--cache", CACHE, "../bare.git"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
}
