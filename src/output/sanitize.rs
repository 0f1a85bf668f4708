//! Keeps text of a repository from commanding the terminal or deceiving its reader.
//!
//! A file name may hold an escape sequence that clears the screen, and a line may hold marks that
//! show it in another order than it runs (CVE-2021-42574). People's formats show such characters as
//! `\u{1b}`; machines' formats keep them, escaped by the rules of JSON, so that printing a report
//! raw does no harm either. This module knows no format but JSON's way of escaping.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Whether a character can command a terminal, reorder text or hide in it.
///
/// Line feeds and tabs count as harmless; callers that want one line replace line feeds themselves.
pub(super) const fn is_hazard(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Soft hyphen, combining grapheme joiner, Arabic letter mark, Mongolian vowel separator.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
        // Zero-width spaces and joiners, directional marks, line and paragraph separators,
        // embeddings and overrides.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        // Invisible operators, isolates, deprecated format characters.
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        // Tags.
        | '\u{e0000}'..='\u{e007f}')
}

/// The text on one line, with every hazard and line feed shown as `\u{…}`.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c == '\n' || is_hazard(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c == '\n' || is_hazard(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Writes `value` as JSON on one line, in which every hazard is an escape sequence.
pub(super) fn write_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Escaping))?;
    out.write_all(b"\n")
}

/// JSON without blanks and without raw hazards.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut clean = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_hazard(*c)) {
            writer.write_all(&fragment.as_bytes()[clean..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            clean = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[clean..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shows_escape_sequences_marks_and_line_feeds() {
        assert_eq!(
            line("a\u{1b}[2J\u{202e}b\nc\u{9b}d\u{7f}\u{200b}"),
            r"a\u{1b}[2J\u{202e}b\u{a}c\u{9b}d\u{7f}\u{200b}"
        );
    }

    #[test]
    fn leaves_tabs_and_scripts_of_the_world_alone() {
        let text = "a\tb — Größe, 日本語, العربية, 😀";
        assert!(matches!(line(text), Cow::Borrowed(_)));
        assert_eq!(line(text), text);
    }

    #[test]
    fn json_escapes_hazards_outside_of_the_basic_plane_as_pairs() {
        let mut out = Vec::new();
        write_json(&"a\u{e0041}\u{202e}\u{85}é", &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"a\\udb40\\udc41\\u202e\\u0085é\"\n"
        );
    }

    proptest! {
        #[test]
        fn json_holds_no_hazard_and_means_the_same(text in any::<String>()) {
            let mut out = Vec::new();
            write_json(&text, &mut out).unwrap();
            let written = String::from_utf8(out).unwrap();
            prop_assert!(!written.trim_end_matches('\n').chars().any(|c| c == '\n' || is_hazard(c)));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }

        #[test]
        fn a_line_holds_no_hazard(text in any::<String>()) {
            prop_assert!(!line(&text).chars().any(|c| c == '\n' || is_hazard(c)));
        }
    }
}
