//! Tokens in parts: string literals that a program puts together (`"glpat-" + "rest"`, `"glpat-ab" "cd"`,
//! `"".join(["glpat-", "rest"])`, `concat!("glpat-", "rest")`), a string that goes on behind a backslash on the
//! next line, a folded scalar of YAML, a line that mail has cut with `=`, and characters without width inside of
//! a token, which nobody sees.
//!
//! Where a prefix leads to no token, the parts that follow are joined to the one it stands
//! in, and the verifier looks at the result as at any other text. So either the whole token is found,
//! with the digest that it has elsewhere, or nothing. The whole prefix has to stand in the first part, or
//! the `gl` of most alone.
//!
//! YAML joins the lines of a folded scalar with a blank. A token that somebody wrote so is of no use to the
//! program that reads it, and is a secret all the same.

mod folded;
mod joint;
mod list;

pub(super) use self::joint::is_hidden;

use self::joint::joint_length;
use self::list::List;
use super::Detection;
use super::alphabet::run_length;
use crate::model::{Confidence, Evidence, Span};
use crate::rules::Alphabet;

/// The most bytes of all parts together: the longest routable token has fewer than four hundred.
const MAX_TOKEN: usize = 1024;

/// The most parts that a token is put together from.
const MAX_PARTS: usize = 16;

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
        let mut list = List::at(start);
        let mut joint = |end: usize| {
            joint_length(&text[end..])
                .or_else(|| list.joint(text, end))
                .or_else(|| folded::joint_length(text, start, end))
        };
        let mut end = start + part_length(&text[start..]);
        let mut next = end + joint(end)?;
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
            match joint(end) {
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

#[cfg(test)]
mod tests {
    use super::joint::MAX_BLANKS;
    use super::*;

    fn joined(text: &str) -> Option<String> {
        let joined = Joined::read(text.as_bytes(), text.find("ab-")?)?;
        let text = &joined.text[joined.start..];
        let length = run_length(Alphabet::Base64url, text, MAX_TOKEN);
        Some(String::from_utf8_lossy(&text[..length]).into_owned())
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
            "\"ab-\".concat(\"cd\")",
            "set x=ab-^\r\ncd\r\n",
            "ab-\u{200b}cd ",
            "\"ab-c\u{feff}\u{ad}d\"",
            "ab-c\u{200c}\u{200d}\u{2060}d.",
            "<td>ab-c<wbr>d</td>",
            "\"\".join([\"ab-\", \"cd\"])",
            "''.join(('ab-',\n  'cd'))",
            "[\"ab-\", \"c\", \"d\"].join(\"\")",
            "[ 'ab-', 'cd', ].join('')",
            "['ab-', 'cd'].join\n",
            "['ab-', 'cd'].join ''\n",
            "concat!(\"ab-\", \"cd\")",
            "CONCAT('ab-', 'cd')",
            "join(\"\", [\"ab-\", \"cd\"])",
            "implode('', array('ab-', 'cd'))",
            "implode(\"\", [\"ab-\", \"cd\"])",
            "strings.Join([]string{\"ab-\", \"cd\"}, \"\")",
            "String.join(\"\", \"ab-\", \"cd\")",
            "join(\"\", list(\"ab-\", \"cd\"))",
            "x: >-\n  ab-\n  cd\n",
            "- x: >\n    ab-c\n    d\n  y: e\n",
            "- >2+\r\n    other\r\n\r\n    ab-\r\n    cd\r\n",
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
            "ab-^cd",
            "ab-é",
            "[\"ab-\", \"cd\"]",
            "[\"ab-\", \"cd\"].join(\", \")",
            "[\"ab-\", \"cd\"].join()",
            "[\"ab-\", \"cd\"].joined",
            "\", \".join([\"ab-\", \"cd\"])",
            "f(\"ab-\", \"cd\")",
            "String.join(\"-\", \"ab-\", \"cd\")",
            "join(\",\", [\"ab-\", \"cd\"])",
            "strings.Join([]string{\"ab-\", \"cd\"}, \",\")",
            "[\"ab-\", cd].join(\"\")",
            "x: |\n  ab-\n  cd\n",
            "x: >-\n  ab-\n    cd\n",
            "x: >-\n    ab-\n  cd\n",
            "x: >-\n  ab-\n\n  cd\n",
            "x: >-\n  ab- cd\n  ef\n",
            "> x\n  ab-\n  cd\n",
            "a >\n  ab-\n  cd\n",
            "x: >-\ny:\n  ab-\n  cd\n",
            "  ab-\n  cd\n",
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
