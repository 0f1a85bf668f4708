//! Repositories of which something is missing, damaged or not understood: never called clean, and what is
//! left of them is found and told.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::git::Repo;
use crate::git_states::{assert_found, leaky, told};

/// Asserts that a clean repository of which something is not read is never called clean.
fn assert_incomplete(repo: &Repo, arguments: &[&str], class: &str) {
    let arguments = [&["--history"], arguments].concat();
    let (paths, problems, code) = told(repo, &arguments);
    assert_eq!((paths, code), (vec![], 3), "{problems:?}");
    assert!(
        problems.iter().all(|problem| problem == class),
        "{problems:?}"
    );
    assert!(!problems.is_empty());
    // Every format says so.
    let human = repo.scan(&arguments);
    assert!(
        human.stdout.contains(&format!("error[{class}]")),
        "{}",
        human.stdout
    );
    assert!(human.stdout.contains("incomplete"), "{}", human.stdout);
    let sarif = repo.scan(&[&["--format", "sarif"], arguments.as_slice()].concat());
    let sarif: Value = serde_json::from_str(&sarif.stdout).unwrap();
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notifications = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert!(notifications.iter().any(|told| told["level"] == "error"));
    let allowed = [&["--allow-incomplete"], arguments.as_slice()].concat();
    assert_eq!(repo.scan(&allowed).code, 0);
}

/// A repository without any token.
fn clean() -> Repo {
    let repo = Repo::new();
    repo.grow(6);
    repo
}

fn objects(repo: &Repo) -> PathBuf {
    repo.path().join(".git/objects")
}

/// The one file with this ending in the folder of packs.
fn pack_file(repo: &Repo, ending: &str) -> PathBuf {
    let files = fs::read_dir(objects(repo).join("pack")).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| path.extension().is_some_and(|end| end == ending);
    let file = files.find(is_it).unwrap();
    // Git makes its files read-only.
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, bytes).unwrap();
    file
}

#[test]
fn a_damaged_index_and_one_that_names_what_is_missing_are_incomplete() {
    let repo = clean();
    repo.bytes("staged.txt", b"staged\n");
    repo.bytes("later.txt", b"later\n");
    repo.git(&["add", "staged.txt"]);
    repo.git(&["add", "--intent-to-add", "later.txt"]);
    assert_eq!(told(&repo, &["--history"]), (vec![], vec![], 0));
    let blob = repo.git(&["rev-parse", ":staged.txt"]);
    fs::remove_file(objects(&repo).join(&blob[..2]).join(&blob[2..])).unwrap();
    assert_incomplete(&repo, &[], "git-object");

    let repo = clean();
    let index = repo.path().join(".git/index");
    let bytes = fs::read(&index).unwrap();
    fs::write(&index, &bytes[..bytes.len() / 2]).unwrap();
    assert_incomplete(&repo, &[], "git-index");
    // That of another worktree is read too.
    let mut repo = clean();
    repo.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let index = repo.path().join(".git/index");
    fs::write(&index, b"nonsense").unwrap();
    repo.enter("side");
    assert_incomplete(&repo, &[], "git-index");
}

#[test]
fn strict_looks_for_whatever_any_tree_names() {
    let repo = clean();
    repo.bytes("old.txt", b"of yesterday\n");
    repo.commit("old");
    let blob = repo.git(&["rev-parse", "HEAD:old.txt"]);
    repo.git(&["rm", "--quiet", "old.txt"]);
    repo.commit("gone");
    assert_eq!(told(&repo, &["--history", "--strict"]), (vec![], vec![], 0));
    fs::remove_file(objects(&repo).join(&blob[..2]).join(&blob[2..])).unwrap();
    assert_eq!(told(&repo, &["--history"]), (vec![], vec![], 0));
    assert_incomplete(&repo, &["--strict"], "git-object");
    let (report, _) = repo.report(&["--history", "--strict"]);
    let message = report["problems"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with(&format!("object {blob} is missing: the `old.txt` in tree ")),
        "{message}"
    );
    // Submodules are no objects of the repository.
    let outer = Repo::new();
    let url = clean();
    let url = url.path().display().to_string();
    outer.git(&["submodule", "--quiet", "add", &url, "sub"]);
    outer.commit("with a submodule");
    assert_eq!(told(&outer, &["--history", "--strict"]).2, 0);
}

#[test]
fn shallow_and_partial_clones_are_incomplete() {
    let mut repo = clean();
    let url = format!("file://{}", repo.path().display());
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    repo.git_in(
        Path::new("."),
        &["clone", "--quiet", "--depth", "2", &url, "shallow"],
    );
    let filter = [
        "clone",
        "--quiet",
        "--bare",
        "--filter=blob:none",
        &url,
        "blobless",
    ];
    repo.git_in(Path::new("."), &filter);
    repo.enter("shallow");
    assert_incomplete(&repo, &[], "git-history");
    // The remote is gone, so that nothing could be fetched even by accident.
    repo.enter("blobless");
    fs::rename(repo.base().join("repo"), repo.base().join("gone")).unwrap();
    let (paths, problems, code) = told(&repo, &[]);
    assert_eq!((paths.len(), code), (0, 3));
    assert!(problems.contains(&"git-history".to_owned()));
    assert!(
        problems.contains(&"git-object".to_owned()),
        "the tree of HEAD names blobs"
    );
    assert!(problems.len() <= 27, "{}", problems.len());
}

#[test]
fn what_is_left_of_a_damaged_repository_is_found_and_told() {
    // A damaged index of the work tree.
    let repo = leaky(&[]);
    repo.bytes(".git/index", b"nonsense");
    assert_found(&repo, &["--history"], &["git-index"]);

    // A loose object that is cut off, and one that is not there.
    let repo = leaky(&[]);
    let blob = repo.git(&["rev-parse", "HEAD:new.txt"]);
    let path = objects(&repo).join(&blob[..2]).join(&blob[2..]);
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_found(&repo, &["--history"], &["git-object"]);
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert_found(&repo, &["--history"], &["git-object"]);

    // A pack beside the others that has lost its index.
    let repo = leaky(&[]);
    repo.git(&["repack", "--quiet", "-a", "-d"]);
    repo.bytes(".git/objects/pack/pack-1.pack", b"PACK");
    assert_found(&repo, &["--history"], &["git-pack"]);

    // A pack that only the index of several packs knows, and that index damaged.
    let repo = leaky(&[]);
    repo.git(&["repack", "--quiet", "-a", "-d", "--write-midx"]);
    let index = pack_file(&repo, "idx");
    let bytes = fs::read(&index).unwrap();
    fs::remove_file(&index).unwrap();
    assert_found(&repo, &["--history"], &[]);
    let shared = objects(&repo).join("pack/multi-pack-index");
    let mut shared_bytes = fs::read(&shared).unwrap();
    *shared_bytes.last_mut().unwrap() ^= 0x55;
    fs::remove_file(&shared).unwrap();
    fs::write(&shared, &shared_bytes).unwrap();
    assert_found(&repo, &["--history"], &["git-pack"]);
    // Beside an index of its own nothing of that is looked at.
    fs::write(&index, &bytes).unwrap();
    assert_found(&repo, &["--history"], &[]);

    // A broken ref, and one that points nowhere: what reaches the token is still known.
    let repo = leaky(&[]);
    repo.bytes(".git/refs/heads/broken", b"nonsense\n");
    assert_found(&repo, &["--history"], &["git-refs"]);
    let nowhere = format!("{}\n", "1".repeat(40));
    repo.bytes(".git/refs/heads/broken", nowhere.as_bytes());
    assert_found(&repo, &["--history"], &["git-object"]);

    // A lender that is gone, an extension that is not known.
    let repo = leaky(&[]);
    repo.bytes(".git/objects/info/alternates", b"/no/such/folder\n");
    assert_found(&repo, &["--history"], &["git-alternate"]);
    let repo = leaky(&[]);
    repo.git(&["config", "core.repositoryFormatVersion", "1"]);
    repo.git(&["config", "extensions.sparkle", "true"]);
    assert_found(&repo, &["--history"], &["git-repository"]);
}

#[test]
fn what_a_shallow_and_a_blobless_clone_have_is_found_and_told() {
    let mut repo = leaky(&[]);
    let url = format!("file://{}", repo.path().display());
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    // The clone ends at the commit with the token, as far as it knows.
    let depth = ["clone", "--quiet", "--depth", "2", &url, "shallow"];
    repo.git_in(Path::new("."), &depth);
    repo.enter("shallow");
    assert_found(&repo, &["--history"], &["git-history"]);
    repo.enter("repo");
    let filter = ["clone", "--quiet", "--filter=blob:none", &url, "blobless"];
    repo.git_in(Path::new("."), &filter);
    // The one blob that is fetched, before the remote goes away.
    let blob = repo.git(&["rev-parse", "HEAD~1:old.env"]);
    repo.enter("blobless");
    assert_eq!(repo.git(&["cat-file", "-t", &blob]), "blob");
    fs::rename(repo.base().join("repo"), repo.base().join("gone")).unwrap();
    assert_found(&repo, &["--history"], &["git-history"]);
}

#[test]
fn a_damaged_pack_or_index_is_incomplete() {
    let repo = clean();
    repo.git(&["repack", "--quiet", "-a", "-d"]);
    let (pack, index) = (pack_file(&repo, "pack"), pack_file(&repo, "idx"));
    let (pack_bytes, index_bytes) = (fs::read(&pack).unwrap(), fs::read(&index).unwrap());
    assert_eq!(told(&repo, &["--history"]), (vec![], vec![], 0));

    let incomplete = |what: &str| {
        let (_, problems, code) = told(&repo, &["--history"]);
        assert_eq!(code, 3, "{what}: {problems:?}");
        assert!(
            problems.iter().all(|class| class.starts_with("git-")),
            "{what}: {problems:?}"
        );
    };
    fs::write(&pack, &pack_bytes[..pack_bytes.len() * 2 / 3]).unwrap();
    incomplete("a pack that is cut off");
    for at in (12..pack_bytes.len() - 20).step_by(397) {
        let mut bytes = pack_bytes.clone();
        bytes[at] ^= 0x55;
        fs::write(&pack, &bytes).unwrap();
        incomplete("a byte of the pack");
    }
    fs::write(&pack, &pack_bytes).unwrap();

    fs::write(&index, &index_bytes[..index_bytes.len() / 2]).unwrap();
    incomplete("an index that is cut off");
    for at in (0..index_bytes.len() - 40).step_by(251) {
        let mut bytes = index_bytes.clone();
        bytes[at] ^= 0x55;
        fs::write(&index, &bytes).unwrap();
        incomplete("a byte of the index");
    }
    fs::remove_file(&index).unwrap();
    assert_incomplete_by(&repo, "git-pack");
    fs::remove_file(&pack).unwrap();
    incomplete("no pack at all");
}

fn assert_incomplete_by(repo: &Repo, class: &str) {
    let (_, problems, code) = told(repo, &["--history"]);
    assert_eq!(code, 3);
    assert!(problems.iter().any(|found| found == class), "{problems:?}");
}

#[test]
fn a_loose_object_that_is_damaged_or_missing_is_incomplete() {
    for damage in ["cut off", "no deflate", "missing"] {
        let repo = clean();
        let blob = repo.git(&["rev-parse", "HEAD:src/file.txt"]);
        let path = objects(&repo).join(&blob[..2]).join(&blob[2..]);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        match damage {
            "cut off" => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
            "no deflate" => fs::write(&path, b"nonsense").unwrap(),
            _ => {}
        }
        assert_incomplete(&repo, &[], "git-object");
    }
    // A parent that is gone.
    let repo = clean();
    let parent = repo.git(&["rev-parse", "HEAD~2"]);
    fs::remove_file(objects(&repo).join(&parent[..2]).join(&parent[2..])).unwrap();
    assert_incomplete(&repo, &[], "git-object");
}

#[test]
fn refs_that_cannot_be_read_leave_detection_as_it_is() {
    let repo = clean();
    repo.bytes(".git/refs/heads/broken", b"nonsense\n");
    assert_incomplete(&repo, &[], "git-refs");
    let repo = clean();
    repo.bytes(
        ".git/refs/heads/gone",
        format!("{}\n", "1".repeat(40)).as_bytes(),
    );
    assert_incomplete(&repo, &[], "git-object");

    let repo = leaky(&[]);
    repo.git(&["config", "core.repositoryFormatVersion", "1"]);
    repo.git(&["config", "extensions.refStorage", "stonetablet"]);
    let (report, code) = repo.report(&["--history"]);
    assert_eq!(code, 1);
    assert_eq!(report["problems"][0]["class"], "git-refs");
    let place = &report["findings"][0]["location"];
    assert_eq!(place["path"], "old.env");
    assert!(place["git"]["commit"].is_string());
    assert!(place["git"]["reachable"].is_null() && place["git"]["at_head"].is_null());
    assert_eq!(
        told(&repo, &["--history=reachable"]).0,
        ["old.env"],
        "kept where in doubt"
    );
}

#[test]
fn a_git_file_that_points_nowhere_and_an_unknown_format_are_incomplete() {
    let repo = Repo::new();
    fs::remove_dir_all(repo.path().join(".git")).unwrap();
    repo.bytes(".git", b"gitdir: ../gone\n")
        .bytes("a.txt", b"a\n");
    assert_incomplete(&repo, &[], "git-repository");

    let repo = clean();
    repo.bytes(
        ".git/config",
        b"[core]\n\trepositoryformatversion = 1\n[extensions]\n\tsparkle = true\n",
    );
    assert_incomplete(&repo, &[], "git-repository");
    repo.bytes(
        ".git/config",
        b"[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = md5\n",
    );
    assert_incomplete(&repo, &[], "git-repository");

    let repo = clean();
    repo.bytes(".git/objects/info/alternates", b"/no/such/folder\n");
    assert_incomplete(&repo, &[], "git-alternate");
}
