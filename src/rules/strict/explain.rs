//! Puts the parser's words into those of the person who writes the file.

use std::path::Path;

use serde::de::IgnoredAny;

use super::place::{self, Place};
use super::{StrictError, suggest};

/// What `error`, met while `text` was read, means to its author.
pub(super) fn explain(file: &Path, text: &str, error: &serde_yaml::Error) -> StrictError {
    let place = Place::of(error);
    let said = said(error);
    if text.trim().is_empty() {
        return StrictError::of_file(file, "the file is empty");
    }
    if serde_yaml::from_str::<IgnoredAny>(text).is_err() {
        return StrictError::at_maybe(file, text, place, format!("not valid YAML: {said}"))
            .with_mend("mend the syntax; look at the indentation and quotes of this line and the one before");
    }
    if said.contains("duplicate ")
        && let Some((place, key)) = place::locate_duplicate(text)
    {
        return StrictError::at(
            file,
            text,
            place,
            format!("the key `{key}` stands here again"),
        )
        .with_mend("keep one of them");
    }
    let (message, mend) = words(&said);
    StrictError {
        mend,
        ..StrictError::at_maybe(file, text, place, message)
    }
}

/// The error without its position, which the report gives in its own way.
fn said(error: &serde_yaml::Error) -> String {
    let mut said = error.to_string();
    if let Some(place) = Place::of(error)
        && let Some(at) = said.find(&format!(" at line {} column {}", place.line, place.column))
    {
        said.truncate(at);
    }
    said
}

/// The beginnings of what serde says; the path of the value may stand before.
const SERDE: &[&str] = &[
    "invalid type: ",
    "invalid value: ",
    "invalid length ",
    "unknown field ",
    "unknown variant ",
    "missing field ",
];

/// Message and mend for what serde said.
pub(super) fn words(said: &str) -> (String, Option<String>) {
    let Some((start, prefix)) = SERDE
        .iter()
        .filter_map(|prefix| Some((said.find(prefix)?, *prefix)))
        .min()
    else {
        return (said.to_owned(), None);
    };
    let rest = &said[start + prefix.len()..];
    match prefix {
        "unknown field " => unknown("key", rest),
        "unknown variant " => unknown("value", rest),
        "missing field " => (
            format!("the key {rest} is missing"),
            Some(format!("add {rest}")),
        ),
        "invalid type: " | "invalid value: " => mismatch(rest),
        _ => (said[start..].to_owned(), None),
    }
}

/// "`severty`, expected one of `id`, `severity`"
fn unknown(what: &str, rest: &str) -> (String, Option<String>) {
    let (word, expected) = rest.split_once(", ").unwrap_or((rest, ""));
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let mend = match suggest(word.trim_matches('`'), known.iter().copied()) {
        Some(meant) => Some(format!("did you mean `{meant}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: `{}`", known.join("`, `"))),
    };
    (format!("unknown {what} {word}"), mend)
}

/// "integer `798`, expected a string"
fn mismatch(rest: &str) -> (String, Option<String>) {
    let (found, expected) = rest.rsplit_once(", expected ").unwrap_or((rest, "another"));
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "a mapping",
        text if text.starts_with("struct ") => "a mapping",
        text => text,
    };
    let found = match found {
        "unit value" | "null" => "nothing",
        "map" => "a mapping",
        "sequence" => "a list",
        text => text,
    };
    let quote = expected == "a string"
        && ["integer", "floating", "boolean"]
            .iter()
            .any(|kind| found.starts_with(kind));
    (
        format!("expected {expected}, found {found}"),
        quote.then(|| "put the value in quotes".to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{StrictError, read};

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct Thing {
        name: String,
        #[serde(default)]
        level: Option<Level>,
        #[serde(default)]
        count: Option<u32>,
        #[serde(default)]
        parts: Vec<Thing>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Level {
        Low,
        High,
    }

    fn error(text: &str) -> StrictError {
        read::<Thing>(Path::new("thing.yml"), text).unwrap_err()
    }

    #[test]
    fn an_unknown_key() {
        assert_eq!(
            error("name: a\nparts:\n- name: b\n  cuont: 3\n").to_string(),
            "thing.yml:4:3: unknown key `cuont`\n  |   cuont: 3\n  = help: did you mean `count`?"
        );
        assert_eq!(
            error("name: a\ncolour: red\n").mend.unwrap(),
            "known here: `name`, `level`, `count`, `parts`"
        );
    }

    #[test]
    fn an_unknown_word() {
        let error = error("name: a\nlevel: hihg\n");
        assert_eq!(error.message, "unknown value `hihg`");
        assert_eq!((error.line, error.column), (Some(2), Some(8)));
        assert_eq!(error.mend.unwrap(), "did you mean `high`?");
    }

    #[test]
    fn a_wrong_type() {
        let number = error("name: a\ncount: many\n");
        assert_eq!(
            number.message,
            "expected a whole number, found string \"many\""
        );
        assert_eq!((number.line, number.column), (Some(2), Some(8)));
        assert_eq!(
            error("name: a\nparts: 3\n").message,
            "expected a list, found integer `3`"
        );
        assert_eq!(
            error("name: [a]\n").message,
            "expected a string, found a list"
        );
        assert_eq!(error("- a\n").message, "expected a mapping, found a list");
        assert_eq!(
            error("name: a\ncount: -1\n").message,
            "expected a whole number, found integer `-1`"
        );
    }

    #[test]
    fn a_missing_key() {
        let error = error("level: low\n");
        assert_eq!(error.message, "the key `name` is missing");
        assert_eq!(error.mend.unwrap(), "add `name`");
    }

    #[test]
    fn a_key_twice() {
        let error = error("name: a\ncount: 1\nname: b\n");
        assert_eq!(error.message, "the key `name` stands here again");
        assert_eq!((error.line, error.column), (Some(3), Some(1)));
    }

    #[test]
    fn broken_yaml() {
        let error = error("name: a\nparts: [\n");
        assert!(error.message.starts_with("not valid YAML: "), "{error}");
        assert!(error.line.is_some());
        assert!(!error.message.contains(" at line 3"), "{error}");
    }

    #[test]
    fn nothing_at_all() {
        assert_eq!(error("\n").message, "the file is empty");
        assert_eq!(
            error("name: a\n---\nname: b\n").message.split(':').next(),
            Some("not valid YAML")
        );
    }

    #[test]
    fn deep_nesting_is_an_error_at_once() {
        let deep = error(&format!("name: a\nparts: {}", "[".repeat(1_000_000)));
        assert_eq!(deep.message, "more than 256 brackets are open here");
        assert_eq!((deep.line, deep.column), (Some(2), Some(264)));
        let blocks = error(&format!("name: a\nparts:\n{}x", "- ".repeat(20_000)));
        assert_eq!(blocks.message, "expected a mapping, found a list");
    }

    #[test]
    fn an_alias_bomb_is_an_error_at_once() {
        let nines = |item: &str| [item; 9].join(",");
        let levels: Vec<String> = (1..12)
            .map(|i| format!("- &x{i} [{}]\n", nines(&format!("*x{}", i - 1))))
            .collect();
        let bomb = format!(
            "name: a\nparts:\n- &x0 [{}]\n{}",
            nines("1"),
            levels.concat()
        );
        assert!(error(&bomb).line.is_some());
        assert!(serde_yaml::from_str::<serde_yaml::Value>(&bomb).is_err());
    }
}
