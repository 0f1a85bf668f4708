//! What other secret scanners leave in repositories: their comments and `.gitleaksignore`.
//!
//! They hide leaks alone, and one that hides nothing is not reported: it may serve the tool it was
//! written for.

use memchr::memmem;

use super::REACH;
use crate::model::Span;

/// Comments that are one literal: gitleaks, betterleaks, trufflehog, kingfisher.
const MARKERS: [&str; 4] = [
    "gitleaks:allow",
    "betterleaks:allow",
    "trufflehog:ignore",
    "kingfisher:ignore",
];

/// What a comment of detect-secrets begins with (Yelp/detect-secrets
/// `detect_secrets/filters/allowlist.py`).
const PRAGMA: &str = "pragma:";
const SECRET: &str = "pragma: allowlist secret";
const NEXT_LINE: &str = "pragma: allowlist nextline secret";

/// The comment of another scanner that allows the token at `span`: on its line, or for detect-secrets
/// on the line above.
pub fn peer_comment(text: &[u8], span: Span) -> Option<&'static str> {
    let before = &text[span.start.saturating_sub(REACH)..span.start];
    let after = &text[span.end..text.len().min(span.end + REACH)];
    let feed = memchr::memrchr(b'\n', before);
    let left = &before[feed.map_or(0, |feed| feed + 1)..];
    let right = &after[..memchr::memchr(b'\n', after).unwrap_or(after.len())];
    let above = feed.map(|feed| {
        let above = &before[..feed];
        &above[memchr::memrchr(b'\n', above).map_or(0, |feed| feed + 1)..]
    });
    [right, left].into_iter().find_map(on_line).or_else(|| {
        above
            .filter(|line| has_pragma(line, true))
            .map(|_| NEXT_LINE)
    })
}

fn on_line(line: &[u8]) -> Option<&'static str> {
    // Each of the literals and the pragma holds a colon; most lines with a token hold none.
    memchr::memchr(b':', line)?;
    MARKERS
        .into_iter()
        .find(|marker| memmem::find(line, marker.as_bytes()).is_some())
        .or_else(|| has_pragma(line, false).then_some(SECRET))
}

/// Whether the line holds `pragma: allowlist secret`, or with `nextline` that for the line below, in any
/// of the spellings that detect-secrets takes.
fn has_pragma(line: &[u8], nextline: bool) -> bool {
    memmem::find_iter(line, PRAGMA).any(|at| {
        let rest = &line[at + PRAGMA.len()..];
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let rest = [b"allowlist".as_slice(), b"whitelist"]
            .iter()
            .find_map(|word| rest.strip_prefix(*word));
        let rest = if nextline {
            rest.and_then(|rest| word(rest, b"nextline"))
        } else {
            rest
        };
        rest.and_then(|rest| word(rest, b"secret")).is_some()
    })
}

/// What follows `word` and the blank or hyphen before it.
fn word<'t>(text: &'t [u8], word: &[u8]) -> Option<&'t [u8]> {
    let (first, rest) = text.split_first()?;
    matches!(first, b' ' | b'-')
        .then(|| rest.strip_prefix(word))
        .flatten()
}

/// The file in which gitleaks keeps what it is to ignore, at the root of a repository.
pub const GITLEAKS_IGNORE: &str = ".gitleaksignore";

/// A line of `.gitleaksignore`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPlace {
    /// Relative to the root of the repository.
    pub path: String,
    /// 1-based.
    pub line: u64,
}

/// Reads `[commit:]file:rule:line` entries. A commit is passed over: what it brought may still stand in
/// the file. Entries of rules that cannot mean a GitLab token are left out, and so is what is no entry.
pub fn gitleaks_ignore(text: &str) -> Vec<ListedPlace> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| {
            let (rest, number) = line.rsplit_once(':')?;
            let (path, rule) = rest.rsplit_once(':')?;
            let path = match path.split_once(':') {
                Some((commit, path)) if is_commit(commit) => path,
                _ => path,
            };
            (may_mean_gitlab(rule) && !path.is_empty()).then_some(())?;
            Some(ListedPlace {
                path: path.trim_start_matches("./").replace('\\', "/"),
                line: number.parse().ok()?,
            })
        })
        .collect()
}

fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a rule of gitleaks is one for GitLab tokens, or one for secrets of no vendor
/// (gitleaks/gitleaks `config/gitleaks.toml`).
fn may_mean_gitlab(rule: &str) -> bool {
    const OF_NO_VENDOR: [&str; 5] = [
        "generic-api-key",
        "curl-auth-header",
        "curl-auth-user",
        "jwt",
        "kubernetes-secret-yaml",
    ];
    rule.contains("gitlab") || OF_NO_VENDOR.contains(&rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What allows the word `TOKEN` in `text`.
    fn allowed(text: &str) -> Option<&'static str> {
        let start = text.find("TOKEN").unwrap();
        peer_comment(text.as_bytes(), Span::new(start, start + 5))
    }

    #[test]
    fn every_marker_counts_on_the_line_of_the_token_alone() {
        for marker in MARKERS {
            assert_eq!(allowed(&format!("a\nx=TOKEN # {marker}\nb")), Some(marker));
            assert_eq!(allowed(&format!("/* {marker} */ TOKEN")), Some(marker));
            assert_eq!(allowed(&format!("# {marker}\nx=TOKEN\n# {marker}")), None);
        }
        assert_eq!(allowed("TOKEN"), None);
        assert_eq!(allowed("TOKEN: gitleaks : allow"), None);
    }

    #[test]
    fn the_pragma_counts_in_every_spelling() {
        for pragma in [
            "pragma: allowlist secret",
            "pragma:allowlist secret",
            "pragma: whitelist-secret",
        ] {
            assert_eq!(allowed(&format!("TOKEN # {pragma}")), Some(SECRET));
        }
        assert_eq!(allowed("TOKEN # pragma: allowlist nextline secret"), None);
        assert_eq!(allowed("TOKEN # pragma: allowlist"), None);
        for pragma in [
            "pragma: allowlist nextline secret",
            "pragma:allowlist-nextline-secret",
        ] {
            assert_eq!(
                allowed(&format!("# {pragma}\r\nTOKEN")),
                Some(NEXT_LINE),
                "{pragma}"
            );
            assert_eq!(allowed(&format!("# {pragma}\n\nTOKEN")), None);
        }
    }

    #[test]
    fn a_line_without_end_is_looked_at_near_the_token_alone() {
        let far = format!("TOKEN{} gitleaks:allow", " ".repeat(REACH));
        assert_eq!(allowed(&far), None);
        let near = format!("{0}TOKEN gitleaks:allow{0}", " ".repeat(1 << 20));
        assert_eq!(allowed(&near), Some(MARKERS[0]));
    }

    #[test]
    fn entries_are_read_with_and_without_commit() {
        let text = format!(
            "# comment\n\nsrc/a.py:gitlab-pat:3\n{}:C:/b c.py:generic-api-key:14\r\n\
             src/a.py:aws-access-token:9\nsrc/a.py:gitlab-pat:many\nno entry\n:gitlab-pat:1\n",
            "0a".repeat(20)
        );
        let place = |path: &str, line| ListedPlace {
            path: path.into(),
            line,
        };
        assert_eq!(
            gitleaks_ignore(&text),
            [place("src/a.py", 3), place("C:/b c.py", 14)]
        );
    }
}
