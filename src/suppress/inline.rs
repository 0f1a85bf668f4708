//! The comment `glpatrol:ignore[rule-id] reason` in any text.

use memchr::memmem;

use crate::model::{Position, Positions, Window};

/// What every inline suppression begins with; a file without it has none.
pub const MARKER: &str = "glpatrol:ignore";

/// The most comments read from one file; beyond, a file is no longer written by people.
const MAX_COMMENTS: usize = 10_000;

/// The longest comment, in bytes, from the marker on.
const MAX_LENGTH: usize = 1024;

/// How far before a marker the start of its line is looked for, in bytes: a file may be one line. What
/// lies further off is code.
const REACH: usize = 1024;

const _: () = assert!(MAX_LENGTH <= super::REACH && REACH <= super::REACH);

/// A well-formed comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineComment {
    /// The line whose findings it hides: its own, or the next one when it stands alone.
    pub line: u64,
    /// Where it stands.
    pub position: Position,
    /// The rules it hides; at least one.
    pub rules: Vec<String>,
    /// Why; not empty.
    pub reason: String,
}

/// A comment that hides nothing because something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InlineDefect {
    /// `glpatrol:ignore` without `[rule-id]`.
    NoRule(Position),
    /// No text after the bracket.
    NoReason(Position),
}

impl InlineDefect {
    /// Where the comment stands.
    pub const fn position(self) -> Position {
        match self {
            Self::NoRule(position) | Self::NoReason(position) => position,
        }
    }

    /// What is wrong.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NoRule(_) => "an ignore comment names no rule and hides nothing",
            Self::NoReason(_) => "an ignore comment gives no reason and hides nothing",
        }
    }

    /// How it is written.
    pub const fn mend(self) -> &'static str {
        "write `glpatrol:ignore[rule-id] reason`; several rules are separated by commas"
    }
}

/// The inline suppressions of one text, in order.
///
/// A comment hides findings on its own line. One that stands alone, with nothing before its comment
/// sign, hides findings on the next line.
#[derive(Clone, Debug, Default)]
pub struct InlineComments {
    /// The well-formed ones.
    pub comments: Vec<InlineComment>,
    /// Those that lack something.
    pub defects: Vec<InlineDefect>,
    /// Markers seen so far, mentions in prose among them.
    seen: usize,
}

impl InlineComments {
    /// Reads the next window of the text; `positions` walks its bytes.
    pub fn read(&mut self, window: &Window<'_>, mut positions: Positions<'_>) {
        let text = window.bytes;
        for at in memmem::find_iter(text, MARKER).filter(|at| window.owns(*at)) {
            if self.seen == MAX_COMMENTS {
                return;
            }
            self.seen += 1;
            if let Some(alone) = comment_opening(&text[..at]) {
                self.add(&text[at + MARKER.len()..], alone, positions.at(at));
            }
        }
    }

    /// Whether there was none of either kind.
    pub const fn is_empty(&self) -> bool {
        self.comments.is_empty() && self.defects.is_empty()
    }

    /// Adds the comment at `position`, of which `rest` follows the marker.
    fn add(&mut self, rest: &[u8], alone: bool, position: Position) {
        let rest = &rest[..rest.len().min(MAX_LENGTH - MARKER.len())];
        let rest = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        let rest = String::from_utf8_lossy(rest);
        let Some((rules, reason)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        else {
            self.defects.push(InlineDefect::NoRule(position));
            return;
        };
        let rules: Vec<String> = rules
            .split(',')
            .map(str::trim)
            .filter(|rule| !rule.is_empty())
            .map(str::to_owned)
            .collect();
        let reason = without_closing(reason);
        if rules.is_empty() {
            self.defects.push(InlineDefect::NoRule(position));
        } else if reason.is_empty() {
            self.defects.push(InlineDefect::NoReason(position));
        } else {
            self.comments.push(InlineComment {
                line: position.line + u64::from(alone),
                position,
                rules,
                reason: reason.to_owned(),
            });
        }
    }
}

/// Whether the marker after `before` opens a comment, and if so whether it stands alone on its line.
///
/// The sign of the comment stands right before the marker; `None` is a mention of the marker in
/// prose or code. `before` may begin with other lines.
fn comment_opening(before: &[u8]) -> Option<bool> {
    const SIGNS: [&str; 9] = ["#", "//", "/*", "*", "--", ";", "<!--", "%", "{{/*"];
    let from = before.len().saturating_sub(REACH);
    let feed = memchr::memrchr(b'\n', &before[from..]);
    let is_whole = feed.is_some() || from == 0;
    let before = String::from_utf8_lossy(&before[feed.map_or(from, |feed| from + feed + 1)..]);
    let before = before.trim_end();
    let sign = SIGNS
        .iter()
        .filter(|sign| before.ends_with(**sign))
        .max_by_key(|sign| sign.len())?;
    let code = before[..before.len() - sign.len()].trim_end_matches(['#', '/', '*', ';', '-']);
    Some(is_whole && code.trim().is_empty())
}

/// The reason without the sign that closes a block comment.
fn without_closing(reason: &str) -> &str {
    let reason = reason.trim();
    ["*/}}", "*/", "-->"]
        .iter()
        .find_map(|close| reason.strip_suffix(close))
        .unwrap_or(reason)
        .trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `@ignore` stands for the marker, so that this file holds no suppression of its own.
    fn marked(text: &str) -> String {
        text.replace("@ignore", MARKER)
    }

    fn whole(text: &str) -> InlineComments {
        let text = marked(text);
        let mut found = InlineComments::default();
        found.read(
            &Window::whole(text.as_bytes()),
            Positions::new(text.as_bytes()),
        );
        found
    }

    fn read(text: &str) -> Vec<(u64, String, String)> {
        whole(text)
            .comments
            .into_iter()
            .map(|comment| (comment.line, comment.rules.join("+"), comment.reason))
            .collect()
    }

    fn one(line: u64, rules: &str, reason: &str) -> Vec<(u64, String, String)> {
        vec![(line, rules.into(), reason.into())]
    }

    #[test]
    fn every_comment_sign_is_understood() {
        for text in [
            "x: y # @ignore[a] why",
            "x = y; // @ignore[a] why",
            "x /* @ignore[a] why */",
            "<b> <!-- @ignore[a] why -->",
            "SELECT 1 -- @ignore[a] why",
            "x = y ; @ignore[a] why\r",
        ] {
            assert_eq!(read(text), one(1, "a", "why"), "{text}");
        }
    }

    #[test]
    fn alone_on_a_line_it_speaks_of_the_next() {
        assert_eq!(
            read("\n  # @ignore[a, b] why not\nx"),
            one(3, "a+b", "why not")
        );
        assert_eq!(read("/// @ignore[a] why\nx"), one(2, "a", "why"));
    }

    #[test]
    fn behind_a_line_of_any_length_it_speaks_of_its_own() {
        for filler in ["x", " ", "é"] {
            let text = format!("\n{} # @ignore[a] why\n", filler.repeat(2_000));
            assert_eq!(read(&text), one(2, "a", "why"), "{filler:?}");
        }
    }

    #[test]
    fn a_mention_in_prose_is_no_suppression() {
        assert_eq!(read("write `@ignore[a] reason` there"), []);
        assert_eq!(whole("the @ignore comment").defects, []);
    }

    #[test]
    fn what_lacks_rule_or_reason_hides_nothing_and_is_told() {
        let found = whole("a # @ignore why\nb # @ignore[x]\nc # @ignore[] y");
        assert_eq!(found.comments, []);
        let at = |line, column| Position { line, column };
        assert_eq!(
            found.defects,
            [
                InlineDefect::NoRule(at(1, 5)),
                InlineDefect::NoReason(at(2, 5)),
                InlineDefect::NoRule(at(3, 5))
            ]
        );
    }
}
