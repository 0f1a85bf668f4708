//! The configuration of GitLab Runner, where a token may stand that nothing but its place tells.
//!
//! Runners that registered between October 2024 and March 2025 were given tokens such as `t1_…`,
//! with no `gl` prefix (gitlabhq/gitlabhq `lib/authn/tokens/runner_authentication_token.rb`), and older
//! ones have no prefix at all. Three letters are too few to search all texts for, so they are looked
//! for below `[[runners]]` alone.

use memchr::{memchr, memmem, memrchr};

/// The header that begins the section of a runner in `config.toml`.
const HEADER: &[u8] = b"[[runners]]";

/// The key of its token.
const NAME: &[u8] = b"token";

/// How far below its header the token of a runner is looked for.
const SECTION: usize = 8 * 1024;

/// Calls `found` with the offset of each value of `token` in the section whose header begins at
/// `header`.
pub(super) fn for_each_token(text: &[u8], header: usize, found: &mut dyn FnMut(usize)) {
    let from = header + HEADER.len();
    let section = &text[from..text.len().min(from + SECTION)];
    for name in memmem::find_iter(section, NAME) {
        if let Some(value) = value(section, name) {
            // The next section has a header, and so a search, of its own.
            if memmem::find(&section[..name], HEADER).is_some() {
                return;
            }
            found(from + value);
        }
    }
}

/// Offset of the value in a line `token = "…"`, which may be commented out, of which the name is at `name`.
fn value(section: &[u8], name: usize) -> Option<usize> {
    let before = &section[..name];
    let before = &before[memrchr(b'\n', before).map_or(0, |end| end + 1)..];
    let before = before.trim_ascii_start();
    let before = before.strip_prefix(b"#").unwrap_or(before);
    let line = &section[name + NAME.len()..];
    let line = &line[..memchr(b'\n', line).unwrap_or(line.len())];
    let rest = line.trim_ascii_start().strip_prefix(b"=")?;
    let rest = rest.trim_ascii_start();
    let value = rest
        .strip_prefix(b"\"")
        .or_else(|| rest.strip_prefix(b"'"))?;
    let is_name = before.trim_ascii_start().is_empty();
    is_name.then(|| name + NAME.len() + line.len() - value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (header, _) in text.match_indices("[[runners]]") {
            for_each_token(text.as_bytes(), header, &mut |at| {
                values.push(text[at..].split(['"', '\'']).next().unwrap());
            });
        }
        values
    }

    #[test]
    fn reads_the_token_of_each_section() {
        let text = "[[runners]]\n  name = \"a\"\n  token = \"one\"\n\n[[runners]]\r\ntoken='two'\r\n# token = \"three\"\n[runners.docker]\n";
        assert_eq!(values(text), ["one", "two", "three"]);
    }

    #[test]
    fn other_keys_and_shapes_are_no_token() {
        let text = "[[runners]]\ntoken_obtained_at = \"x\"\ntoken = 12\nmy-token = \"x\"\n\
            tokentoken = \"x\"\n##token = \"x\"\n- token = \"x\"\ntoken\n= \"x\"\ntoken";
        assert!(values(text).is_empty());
    }

    #[test]
    fn looks_no_further_than_a_section_goes() {
        let text = format!("[[runners]]\n{}token = \"far\"\n", "#\n".repeat(5_000));
        assert!(values(&text).is_empty());
    }
}
