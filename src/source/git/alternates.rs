//! Object folders that a repository borrows from: `objects/info/alternates`, theirs in turn, each once.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Defect;
use super::files::{MAX_TEXT, is_dir, path_from_bytes, read};
use crate::model::ProblemClass;

/// How far alternates of alternates are followed, as in Git.
const MAX_DEPTH: usize = 5;

/// The most object folders of one repository.
const MAX_FOLDERS: usize = 1000;

/// `own` and the folders it borrows from, in the order in which Git looks at them. `follow` says
/// whether they are read at all.
pub(super) fn object_folders(
    own: &Path,
    follow: bool,
    shown: &dyn Fn(&Path) -> String,
    defects: &mut Vec<Defect>,
) -> Vec<PathBuf> {
    let mut folders = vec![own.to_owned()];
    let mut seen: HashSet<PathBuf> = fs::canonicalize(own).into_iter().collect();
    let mut next = 0;
    let mut depths = vec![0];
    while next < folders.len() {
        let (folder, depth) = (folders[next].clone(), depths[next]);
        next += 1;
        let list = folder.join("info/alternates");
        let mut defect = |message: String, mend| {
            defects.push(Defect {
                class: ProblemClass::Alternate,
                path: shown(&list),
                message,
                mend,
            });
        };
        let bytes = match read(&list, MAX_TEXT) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => continue,
            Err(error) => {
                defect(format!("not read: {error}"), None);
                continue;
            }
        };
        for line in entries(&bytes) {
            let path = folder.join(path_from_bytes(&line));
            let name = String::from_utf8_lossy(&line).into_owned();
            if !follow {
                defect(
                    format!(
                        "borrows objects from `{name}`, which is not followed in an untrusted repository"
                    ),
                    Some("scan without `--untrusted`, or `git repack -a -d` first"),
                );
            } else if depth == MAX_DEPTH || folders.len() == MAX_FOLDERS {
                defect(
                    format!("borrows from `{name}`, too far to be followed"),
                    None,
                );
            } else if let Some(real) = fs::canonicalize(&path).ok().filter(|real| is_dir(real)) {
                // A folder that borrows from itself, or from one before it, is read once.
                if seen.insert(real) {
                    folders.push(path);
                    depths.push(depth + 1);
                }
            } else {
                defect(
                    format!("borrows objects from `{name}`, which is not there"),
                    Some("restore the folder, or clone again"),
                );
            }
        }
    }
    folders
}

/// The paths that an alternates file lists, unquoted.
fn entries(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty() && line[0] != b'#')
        .map(unquoted)
        .collect()
}

/// A line as it is, or what stands between quotation marks with the escapes of C undone.
fn unquoted(line: &[u8]) -> Vec<u8> {
    let Some(inner) = line
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
    else {
        return line.to_owned();
    };
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let Some((escape, tail)) = rest.split_first() else {
            break;
        };
        rest = tail;
        bytes.push(match escape {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            b'0'..=b'3' if rest.len() >= 2 => {
                let octal = [*escape, rest[0], rest[1]];
                rest = &rest[2..];
                octal
                    .iter()
                    .fold(0_u8, |value, digit| value.wrapping_mul(8) | (digit & 7))
            }
            other => *other,
        });
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(tree: &[(&str, &str)], follow: bool) -> (Vec<String>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        for (folder, alternates) in tree {
            fs::create_dir_all(dir.path().join(folder).join("info")).unwrap();
            if !alternates.is_empty() {
                let list = dir.path().join(folder).join("info/alternates");
                fs::write(list, alternates).unwrap();
            }
        }
        let mut defects = Vec::new();
        let shown = |_: &Path| String::new();
        let folders = object_folders(&dir.path().join("a"), follow, &shown, &mut defects);
        let root = fs::canonicalize(dir.path()).unwrap();
        let name = |path: &PathBuf| {
            let real = fs::canonicalize(path).unwrap();
            real.strip_prefix(&root).unwrap().display().to_string()
        };
        (
            folders.iter().map(name).collect(),
            defects.into_iter().map(|defect| defect.message).collect(),
        )
    }

    #[test]
    fn circles_are_read_once_and_comments_are_none() {
        let tree = [
            ("a", "# of the pool\n../b\n"),
            ("b", "../a\n../b\n../c\n"),
            ("c", ""),
        ];
        let (found, defects) = folders(&tree, true);
        assert_eq!(found, ["a", "b", "c"]);
        assert!(defects.is_empty(), "{defects:?}");
    }

    #[test]
    fn what_is_absent_is_named() {
        let (found, defects) = folders(&[("a", "../gone\n")], true);
        assert_eq!(found, ["a"]);
        assert_eq!(
            defects,
            ["borrows objects from `../gone`, which is not there"]
        );
    }

    #[test]
    fn none_is_followed_in_an_untrusted_repository() {
        let (found, defects) = folders(&[("a", "../b\n"), ("b", "")], false);
        assert_eq!(found, ["a"]);
        assert!(defects[0].contains("not followed"), "{defects:?}");
    }

    #[test]
    fn quoted_paths_are_unquoted() {
        assert_eq!(unquoted(br#""a\tb\303\274\"c""#), b"a\tb\xc3\xbc\"c");
        assert_eq!(unquoted(b"plain"), b"plain");
        assert_eq!(unquoted(br#""\"#), br#""\"#);
    }
}
