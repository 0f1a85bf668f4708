//! Tokens that a program puts together: `"glpat-" + "rest"`, `"glpat-ab" "cd"`, a string that goes on
//! behind a backslash on the next line; and those that mail has cut with `=` at the end of a line.
//!
//! Where a prefix leads to no token, the string literals that follow are joined to the one it stands
//! in, and the verifier looks at the result as at any other text. So either the whole token is found,
//! with the digest that it has elsewhere, or nothing. The whole prefix has to stand in the first part.

use super::Detection;
use super::alphabet::{is_word, run_length};
use crate::model::{Confidence, Evidence, Span};
use crate::rules::Alphabet;

/// The most bytes of all parts together: the longest routable token has fewer than four hundred.
const MAX_TOKEN: usize = 1024;

/// The most parts that a token is put together from.
const MAX_PARTS: usize = 16;

/// The most bytes of blanks on one side of a joint: an indented line.
const MAX_BLANKS: usize = 128;

/// Bytes before the first part that boundaries are read from.
const BEFORE: usize = 64;

/// A text in which parts are one, and where its bytes stand in the real one.
pub(super) struct Joined {
    /// The text: some bytes before the first part, the parts, the byte after the last.
    pub(super) text: Vec<u8>,
    /// Where the first part begins in it.
    pub(super) start: usize,
    /// Where the parts begin, in it and in the real text.
    parts: Vec<(usize, usize)>,
}

impl Joined {
    /// Joins the parts of which the first begins at `start`; `None` where there is only one.
    pub(super) fn read(text: &[u8], start: usize) -> Option<Self> {
        let mut end = start + part_length(&text[start..]);
        let mut next = end + joint_length(&text[end..])?;
        let before = start.saturating_sub(BEFORE);
        let mut joined = Self {
            text: text[before..end].to_vec(),
            start: start - before,
            parts: vec![(start - before, start)],
        };
        loop {
            joined.parts.push((joined.text.len(), next));
            end = next + part_length(&text[next..]);
            joined.text.extend_from_slice(&text[next..end]);
            if joined.text.len() > MAX_TOKEN || joined.parts.len() == MAX_PARTS {
                break;
            }
            match joint_length(&text[end..]) {
                Some(length) => next = end + length,
                None => break,
            }
        }
        joined.text.extend(text.get(end));
        Some(joined)
    }

    /// Moves a detection in the joined text to where it stands in the real one; `None` where it is
    /// not certain, or lies in one of the parts alone.
    pub(super) fn place(&self, mut found: Detection) -> Option<Detection> {
        let (_, first) = self.parts[0];
        let (second, _) = self.parts[1];
        let is_split = found.span.start < second && second < found.span.end;
        if !is_split || found.confidence == Confidence::Low {
            return None;
        }
        let last = self.parts.iter().rev();
        let (joined, real) = last.copied().find(|(joined, _)| *joined < found.span.end)?;
        found.span = Span::new(
            first + found.span.start - self.start,
            real + found.span.end - joined,
        );
        found.confidence = Confidence::Medium;
        found.leak.evidence.push(Evidence::Split);
        Some(found)
    }
}

/// Length of what a part may hold of a token: up to three runs with full stops between them.
pub(super) fn part_length(text: &[u8]) -> usize {
    let mut length = run_length(Alphabet::Base64url, text, MAX_TOKEN);
    for _ in 0..2 {
        if text.get(length) != Some(&b'.') {
            break;
        }
        length += 1 + run_length(Alphabet::Base64url, &text[length + 1..], MAX_TOKEN);
    }
    length
}

/// Length of what joins two parts, where `text` begins with it: the quotation mark that closes one
/// literal, the operator, the mark that opens the next; or a backslash at the end of a line, or the `=`
/// that mail ends one with.
fn joint_length(text: &[u8]) -> Option<usize> {
    const OPERATORS: [&[u8]; 6] = [b"+", b"..", b".", b"<<", b"\\\r\n", b"\\\n"];
    let is_quote = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\'' | b'`'));
    let line_end = [b"\n".as_slice(), b"\r\n"];
    if let [b'\\' | b'=', next @ ..] = text
        && let Some(rest) = line_end.iter().find_map(|end| next.strip_prefix(*end))
    {
        // The next line of a program may be indented; of a mail it may not.
        let indent = if text[0] == b'=' { 0 } else { blanks(rest) };
        let rest = &rest[indent..];
        let goes_on = rest.first().is_some_and(|byte| is_word(*byte));
        return goes_on.then_some(text.len() - rest.len());
    }
    // A string in a string: both marks are escaped.
    let escape: &[u8] = if text.starts_with(b"\\") { b"\\" } else { b"" };
    let rest = text.strip_prefix(escape)?;
    if !is_quote(rest.first()) {
        return None;
    }
    let rest = &rest[1..];
    let rest = &rest[blanks(rest)..];
    let rest = OPERATORS
        .iter()
        .find_map(|operator| rest.strip_prefix(*operator))
        .unwrap_or(rest);
    let rest = &rest[blanks(rest)..];
    let rest = rest.strip_prefix(escape)?;
    is_quote(rest.first()).then_some(text.len() - rest.len() + 1)
}

/// Length of the blanks and line ends at the start of `text`, if they are not too many.
fn blanks(text: &[u8]) -> usize {
    text.iter()
        .take(MAX_BLANKS)
        .take_while(|byte| byte.is_ascii_whitespace())
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> Option<String> {
        let joined = Joined::read(text.as_bytes(), text.find("ab-")?)?;
        let end = joined.text.len() - 1;
        Some(String::from_utf8_lossy(&joined.text[joined.start..end]).into_owned())
    }

    #[test]
    fn literals_are_joined_in_the_manner_of_many_languages() {
        for text in [
            r#""ab-" + "cd";"#,
            r#""ab-"+'cd';"#,
            r#"("ab-c" "d")"#,
            "('ab-c'\n    'd')",
            "\"ab-\" +\r\n\t\"cd\"\n",
            "`ab-` + `cd`)",
            "'ab-' . 'cd';",
            "\"ab-\" .. \"cd\"\n",
            "'ab-' \\\n  'cd'\n",
            "'ab-' << 'cd'\n",
            "'ab-''cd' ",
            "\"x=ab-\\\n    cd\"",
            "x=3Dab-=\ncd ",
            "x=3Dab-c=\r\nd ",
            r#"{\"a\": \"ab-\" + \"cd\"}"#,
            "f(\"ab-\" + \"c\" + \"\" + \"d\")",
        ] {
            assert_eq!(joined(text).as_deref(), Some("ab-cd"), "{text}");
        }
    }

    #[test]
    fn other_neighbours_are_not_joined() {
        for text in [
            "\"ab-\", \"cd\"",
            "\"ab-\" + cd",
            "\"ab-\" = \"cd\"",
            "- 'ab-'\n- 'cd'",
            "ab- cd",
            "ab-\ncd",
            "\"ab-\" ++ \"cd\"",
            "\"ab-\"",
            "ab-",
            "ab-\\n",
            "ab-=\n  cd",
            "ab-=cd",
        ] {
            assert_eq!(joined(text), None, "{text}");
        }
        let far = format!("\"ab-\" {} \"cd\"", " ".repeat(MAX_BLANKS * 2));
        assert_eq!(joined(&far), None);
    }

    #[test]
    fn the_number_of_parts_is_bounded() {
        let text = format!("\"ab-\"{}", " + \"cd\"".repeat(100));
        assert_eq!(joined(&text).unwrap().len(), 3 + 2 * (MAX_PARTS - 1));
    }
}
