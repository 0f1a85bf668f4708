//! The pass over all objects against Git's own reading of them.

use std::collections::BTreeMap;
use std::path::Path;

use glpatrol::source::git::{
    Base, IdSet, Kind, ObjectId, ObjectVisitor, OpenOptions, PassOutcome, Repository, Selection,
    oid, pass,
};

use crate::git::Repo;

const ALL: &[Kind] = &[Kind::Blob, Kind::Commit, Kind::Tag, Kind::Tree];

/// Keeps the kind of each object whose bytes have the hash that is its id.
#[derive(Default)]
struct Checker {
    found: BTreeMap<ObjectId, Kind>,
    wrong: Vec<ObjectId>,
    twice: Vec<ObjectId>,
}

impl ObjectVisitor for Checker {
    type Trace = ();

    fn trace(&mut self, _: Kind, _: &[u8], _: Option<Base<'_, ()>>) {}

    fn visit(&mut self, kind: Kind, id: &oid, bytes: &[u8], (): &()) {
        if *gix_object::compute_hash(id.kind(), kind, bytes).unwrap() != *id {
            self.wrong.push(id.to_owned());
        }
        if self.found.insert(id.to_owned(), kind).is_some() {
            self.twice.push(id.to_owned());
        }
    }
}

fn checked(path: &Path, threads: usize, selection: Selection<'_>) -> (Checker, PassOutcome) {
    let repository = Repository::at(path, OpenOptions::default())
        .unwrap()
        .unwrap();
    let mut defects = Vec::new();
    let objects = repository.objects(&mut defects);
    assert_eq!(defects, []);
    let mut visitors: Vec<Checker> = (0..threads).map(|_| Checker::default()).collect();
    let outcome = pass(&repository, &objects, selection, &mut visitors);
    let mut all = Checker::default();
    for visitor in visitors {
        all.wrong.extend(visitor.wrong);
        all.twice.extend(visitor.twice);
        for (id, kind) in visitor.found {
            if all.found.insert(id, kind).is_some() {
                all.twice.push(id);
            }
        }
    }
    (all, outcome)
}

/// Ids and kinds of all objects that Git lists.
fn listed(repo: &Repo) -> BTreeMap<ObjectId, Kind> {
    parsed(&repo.git(&LIST))
}

const LIST: [&str; 3] = [
    "cat-file",
    "--batch-all-objects",
    "--batch-check=%(objectname) %(objecttype)",
];

fn parsed(list: &str) -> BTreeMap<ObjectId, Kind> {
    list.lines()
        .map(|line| {
            let (hex, kind) = line.split_once(' ').unwrap();
            let id = ObjectId::from_hex(hex.as_bytes()).unwrap();
            (id, Kind::from_bytes(kind.as_bytes()).unwrap())
        })
        .collect()
}

fn assert_whole(repo: &Repo) {
    let everything = Selection {
        kinds: ALL,
        wanted: None,
    };
    for threads in [1, 3] {
        let (found, outcome) = checked(&repo.path(), threads, everything);
        assert_eq!(found.wrong, Vec::<ObjectId>::new());
        assert_eq!(found.twice, Vec::<ObjectId>::new());
        assert_eq!(outcome.defects, []);
        assert_eq!(outcome.objects, found.found.len() as u64);
        assert_eq!(found.found, listed(repo));
    }
}

#[test]
fn every_object_is_given_away_once_with_the_bytes_of_its_id() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::with(&["--object-format", format]);
        repo.grow(15);
        repo.git(&["tag", "--annotate", "--message", "first", "v1"]);
        assert_whole(&repo);
        repo.git(&["repack", "-a", "-d", "--depth=4095", "--window=100"]);
        assert_whole(&repo);
        // Loose objects beside the pack, then a second pack that has some of the first one's too.
        repo.bytes("later.txt", b"later");
        repo.commit("later");
        assert_whole(&repo);
        repo.git(&["repack", "--quiet", "-F"]);
        assert_whole(&repo);
        repo.git(&["config", "repack.useDeltaBaseOffset", "false"]);
        repo.git(&["repack", "--quiet", "-a", "-f"]);
        assert_whole(&repo);
        repo.git(&["multi-pack-index", "write"]);
        assert_whole(&repo);
        // The index of several packs stands in for those of single ones.
        repo.git(&["repack", "--quiet", "-a", "-d", "--write-midx"]);
        repo.bytes("latest.txt", b"latest");
        repo.commit("latest");
        repo.git(&["repack", "--quiet", "--write-midx"]);
        let packs = std::fs::read_dir(repo.path().join(".git/objects/pack")).unwrap();
        let mut removed = 0;
        let all = listed(&repo);
        for path in packs.map(|entry| entry.unwrap().path()) {
            if path.extension().is_some_and(|end| end == "idx") {
                std::fs::remove_file(path).unwrap();
                removed += 1;
            }
        }
        assert_eq!(removed, 2);
        let (found, outcome) = checked(
            &repo.path(),
            2,
            Selection {
                kinds: ALL,
                wanted: None,
            },
        );
        assert_eq!((found.wrong, found.twice), (vec![], vec![]));
        assert_eq!(outcome.defects, []);
        assert_eq!(found.found, all);
    }
}

#[test]
fn a_selection_gives_no_more_than_it_names() {
    let repo = Repo::new();
    repo.grow(15);
    repo.git(&["repack", "-a", "-d", "--depth=50", "--window=50"]);
    let all = listed(&repo);
    let blobs = Selection {
        kinds: &[Kind::Blob],
        wanted: None,
    };
    let (found, outcome) = checked(&repo.path(), 2, blobs);
    let expected: BTreeMap<_, _> = all
        .iter()
        .filter(|(_, kind)| **kind == Kind::Blob)
        .collect();
    assert!(found.found.iter().eq(expected));
    assert!(outcome.objects < all.len() as u64);

    let wanted: IdSet = all.keys().copied().step_by(3).collect();
    let some = Selection {
        kinds: ALL,
        wanted: Some(&wanted),
    };
    let (found, outcome) = checked(&repo.path(), 2, some);
    assert_eq!(found.wrong, Vec::<ObjectId>::new());
    assert_eq!(found.found.keys().copied().collect::<IdSet>(), wanted);
    assert_eq!(outcome.objects, wanted.len() as u64);
}

/// For any repository of one's own:
/// `GLPATROL_REPOSITORY=path cargo test --release --test integration -- --ignored the_repository_of`
#[test]
#[ignore = "reads the repository that GLPATROL_REPOSITORY names"]
fn the_repository_of_the_environment_has_the_objects_that_git_lists() {
    let path = std::env::var_os("GLPATROL_REPOSITORY").unwrap();
    let everything = Selection {
        kinds: ALL,
        wanted: None,
    };
    let (found, outcome) = checked(Path::new(&path), 2, everything);
    assert_eq!(found.wrong, Vec::<ObjectId>::new());
    assert_eq!(outcome.defects, []);
    let output = std::process::Command::new("git")
        .args(LIST)
        .current_dir(&path)
        .output()
        .unwrap();
    let listed = parsed(&String::from_utf8_lossy(&output.stdout));
    println!("{} objects, {} bytes", outcome.objects, outcome.bytes);
    assert_eq!(found.found, listed);
}
