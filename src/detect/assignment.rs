//! From a name to the value that it is given, in any language: shell, YAML, JSON, TOML, XML, properties,
//! programs.
//!
//! It reads no grammar: it takes what may stand between a name and its value, and leaves it to whoever
//! asks to tell what stands there. Never looks further than [`REACH`] bytes.

use super::alphabet::{is_word, run_length};
use crate::rules::Alphabet;

/// How far from a name its value is looked for.
pub(super) const REACH: usize = 512;

/// The value that is assigned to the name that ends at `at`, where that is what follows:
/// `=`, `:`, `:=`, `=>`, the comma between arguments, the end of an element, what a program or shell
/// takes where the name has no value; also `value:` on the next line, as in a list of environment
/// variables.
pub(super) fn assigned(text: &[u8], at: usize) -> Option<usize> {
    const SIGNS: [&[u8]; 13] = [
        b"%3D", b"=3D", b"=>", b":=", b":-", b"?=", b"?:", b"??", b"||", b"=", b":", b",", b">",
    ];
    let window = &text[at..text.len().min(at + REACH)];
    let name_end = unquote(window);
    let name_end = [b"]".as_slice(), b")"]
        .iter()
        .find_map(|closing| name_end.strip_prefix(*closing))
        .unwrap_or(name_end);
    let after = value_key(name_end).or_else(|| {
        let sign = trim_blanks(name_end);
        // `=3D` is the sign in mail; but the value behind `=` may begin so.
        let is_whole =
            |value: &[u8]| [20, 40, 64].contains(&run_length(Alphabet::Base64url, value, 65));
        let plain = sign.strip_prefix(b"=").filter(|value| is_whole(value));
        let mut after = SIGNS.iter().filter_map(|known| sign.strip_prefix(*known));
        let after = plain.or_else(|| after.next())?;
        value_key(after)
            .or_else(|| after_type(after))
            .or(Some(after))
    })?;
    let value = unquote(trim_blanks(after));
    Some(at + window.len() - value.len())
}

/// The value of the name that ends at `at`, of which some byte is at `name`, where a command takes both
/// as words of its own.
pub(super) fn passed(text: &[u8], name: usize, at: usize) -> Option<usize> {
    const COMMANDS: [&[u8]; 5] = [b"ENV ", b"setx ", b"set -x ", b"set -gx ", b"set -Ux "];
    let before = &text[name.saturating_sub(64)..name];
    let start = before.iter().rposition(|byte| !is_word(*byte))? + 1;
    let is_passed = COMMANDS
        .iter()
        .any(|known| before[..start].ends_with(known));
    is_passed.then(|| next_word(text, at)).flatten()
}

/// The word behind the one that ends at `at`, on the same line.
pub(super) fn next_word(text: &[u8], at: usize) -> Option<usize> {
    let window = &text[at..text.len().min(at + REACH)];
    let after = unquote(window);
    let word = trim_blanks(after);
    (word.len() < after.len()).then(|| at + window.len() - unquote(word).len())
}

/// What follows the `=` behind the type of a variable: `: str = …`.
fn after_type(rest: &[u8]) -> Option<&[u8]> {
    let rest = trim_blanks(rest);
    let rest = rest.strip_prefix(b"&").unwrap_or(rest);
    let length = rest
        .iter()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_[].<>?".contains(byte))
        .count();
    trim_blanks(&rest[length..])
        .strip_prefix(b"=")
        .filter(|_| length > 0)
}

/// What follows `value:`, `"value":` or `value=`, the key or attribute beside the name of a variable, on this
/// line or the next, or the element `value` beside the one of the name.
fn value_key(rest: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = rest.strip_prefix(b"</name>") {
        return rest.trim_ascii_start().strip_prefix(b"<value>");
    }
    let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    let rest = trim_blanks(unquote(unquote(rest).strip_prefix(b"value")?));
    rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"="))
}

/// `rest` without the quotation mark at its start, which a string in a string escapes.
pub(super) fn unquote(rest: &[u8]) -> &[u8] {
    let inner = rest.strip_prefix(b"\\").unwrap_or(rest);
    match inner.first() {
        Some(b'"' | b'\'' | b'`') => &inner[1..],
        _ => rest,
    }
}

pub(super) fn trim_blanks(rest: &[u8]) -> &[u8] {
    let blanks = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    &rest[blanks..]
}
