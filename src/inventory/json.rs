//! Reads JSON into [`Value`]s: one document, several one after the other, or JSON Lines.
//!
//! A text that breaks off keeps what was complete before, because half an inventory with a word
//! about the other half is worth more than none.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::value::{Data, MAX_DEPTH, Member, Value, get};
use crate::model::Span;

/// What a JSON text holds.
#[derive(Debug, Default)]
pub(super) struct Documents<'t> {
    /// In the order of the text. Of a broken last one, what was complete.
    pub(super) values: Vec<Value<'t>>,
    /// Where the text stops being JSON, and why.
    pub(super) error: Option<SyntaxError>,
}

/// Where and why a text is no JSON.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) span: Span,
    pub(super) reason: String,
}

/// Reads all of `text`; a byte order mark is allowed.
pub(super) fn read(text: &str) -> Documents<'_> {
    let tree = Tree { text };
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Documents::default();
    let mut stream = serde_json::Deserializer::from_str(body).into_iter::<&RawValue>();
    loop {
        let start = stream.byte_offset();
        match stream.next() {
            Some(Ok(raw)) => documents.values.push(tree.value(raw.get(), MAX_DEPTH)),
            Some(Err(error)) => {
                let rest = body[start..].trim_start();
                documents.values.extend(tree.salvaged(rest, MAX_DEPTH));
                documents.error = Some(tree.syntax_error(body, &error));
                return documents;
            }
            None => return documents,
        }
    }
}

/// Builds values out of slices of `text`, whose addresses give the spans.
#[derive(Clone, Copy)]
struct Tree<'t> {
    text: &'t str,
}

impl<'t> Tree<'t> {
    /// The value that `slice`, well-formed JSON without blanks around it, stands for.
    fn value(self, slice: &'t str, depth: usize) -> Value<'t> {
        let data = match slice.as_bytes().first() {
            Some(b'[' | b'{') if depth == 0 => Value::TOO_DEEP,
            Some(b'[') => Data::List(self.list(&elements(slice), depth)),
            Some(b'{') => Data::Map(self.map(&members(slice), depth)),
            Some(b'"') => Data::Text(unescaped(slice)),
            Some(b't') => Data::Bool(true),
            Some(b'f') => Data::Bool(false),
            Some(b'n') | None => Data::Null,
            Some(_) => Data::Number(slice),
        };
        Value {
            span: self.span(slice),
            data,
        }
    }

    fn list(self, elements: &[&'t str], depth: usize) -> Vec<Value<'t>> {
        elements
            .iter()
            .map(|slice| self.value(slice, depth - 1))
            .collect()
    }

    fn map(self, members: &[(&'t str, &'t str)], depth: usize) -> Vec<Member<'t>> {
        members
            .iter()
            .map(|(key, value)| Member {
                key: unescaped(key),
                key_span: self.span(key),
                value: self.value(value, depth - 1),
            })
            .collect()
    }

    /// What is complete in `rest`, whose JSON breaks somewhere: lists, and objects that hold a list of
    /// `tokens`. A broken entry is left out; half of it would say things that are not so.
    fn salvaged(self, rest: &'t str, depth: usize) -> Option<Value<'t>> {
        let below = depth.checked_sub(1)?;
        let data = match rest.as_bytes().first() {
            Some(b'[') => {
                let complete = elements(rest);
                let mut list = self.list(&complete, depth);
                let broken = self.after(rest, complete.last().copied());
                list.extend(broken.and_then(|rest| self.salvaged(rest, below)));
                Data::List(list)
            }
            Some(b'{') => {
                let complete = members(rest);
                let mut map = self.map(&complete, depth);
                let broken = self.after(rest, complete.last().map(|(_, value)| *value));
                map.extend(broken.and_then(|rest| self.salvaged_member(rest, below)));
                get(&map, "tokens")?.list()?;
                Data::Map(map)
            }
            _ => return None,
        };
        Some(Value {
            span: self.span(rest),
            data,
        })
    }

    fn salvaged_member(self, rest: &'t str, depth: usize) -> Option<Member<'t>> {
        let mut stream = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let key = stream.next()?.ok()?.get();
        let value = rest[stream.byte_offset()..]
            .trim_start()
            .strip_prefix(':')?
            .trim_start();
        Some(Member {
            key: unescaped(key),
            key_span: self.span(key),
            value: self.salvaged(value, depth)?,
        })
    }

    /// What follows the last complete child of the list or map that begins `rest`.
    fn after(self, rest: &'t str, last: Option<&'t str>) -> Option<&'t str> {
        let Some(last) = last else {
            return Some(rest[1..].trim_start());
        };
        let end = self.span(last).end - self.span(rest).start;
        Some(rest[end..].trim_start().strip_prefix(',')?.trim_start())
    }

    fn span(self, slice: &str) -> Span {
        let start = slice.as_ptr().addr() - self.text.as_ptr().addr();
        Span::new(start, start + slice.len())
    }

    /// The parser names line and byte column within `body`; spans are bytes of the whole text.
    fn syntax_error(self, body: &str, error: &serde_json::Error) -> SyntaxError {
        let base = self.span(body).start;
        let offset = if error.is_eof() {
            body.len()
        } else {
            let line_start = match error.line() {
                0 | 1 => 0,
                line => memchr::memchr_iter(b'\n', body.as_bytes())
                    .nth(line - 2)
                    .map_or(body.len(), |feed| feed + 1),
            };
            (line_start + error.column()).saturating_sub(1)
        };
        let mut start = offset.min(body.len());
        while !body.is_char_boundary(start) {
            start -= 1;
        }
        let width = body[start..].chars().next().map_or(0, char::len_utf8);
        let told = error.to_string();
        let reason = told
            .rsplit_once(" at line ")
            .map_or(told.as_str(), |(reason, _)| reason);
        SyntaxError {
            span: Span::new(start, start + width).shifted(base),
            reason: reason.to_owned(),
        }
    }
}

/// The text of a JSON string, quotes included. Escapes that stand for no character (half of a
/// surrogate pair) leave the string as written.
fn unescaped(slice: &str) -> Cow<'_, str> {
    let inner = slice.get(1..slice.len() - 1).unwrap_or_default();
    if inner.contains('\\') {
        serde_json::from_str(slice).map_or(Cow::Borrowed(inner), Cow::Owned)
    } else {
        Cow::Borrowed(inner)
    }
}

/// The complete elements of the list that begins `slice`.
fn elements(slice: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut parser = serde_json::Deserializer::from_str(slice);
    // An error ends the list early; `read` has reported it.
    let _ = parser.deserialize_seq(Elements(&mut found));
    found
}

/// The complete members of the object that begins `slice`.
fn members(slice: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut parser = serde_json::Deserializer::from_str(slice);
    let _ = parser.deserialize_map(Members(&mut found));
    found
}

struct Elements<'f, 't>(&'f mut Vec<&'t str>);

impl<'t> Visitor<'t> for Elements<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(raw) = list.next_element::<&RawValue>()? {
            self.0.push(raw.get());
        }
        Ok(())
    }
}

struct Members<'f, 't>(&'f mut Vec<(&'t str, &'t str)>);

impl<'t> Visitor<'t> for Members<'_, 't> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
            self.0.push((key.get(), value.get()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Position, Positions};

    fn cut(text: &str, span: Span) -> &str {
        &text[span.start..span.end]
    }

    #[test]
    fn every_value_and_key_has_its_bytes() {
        let text = "\u{feff} {\"a\" : [ 1, \"é\\u0041\" , true],\r\n\"n\":null}";
        let documents = read(text);
        assert!(documents.error.is_none());
        let members = documents.values[0].map().unwrap();
        assert_eq!(
            cut(text, members[0].span()),
            "\"a\" : [ 1, \"é\\u0041\" , true]"
        );
        assert_eq!(cut(text, members[0].key_span), "\"a\"");
        let items = members[0].value.list().unwrap();
        assert_eq!(items[0].integer(), Some(1));
        assert_eq!(items[1].text(), Some("éA"));
        assert_eq!(cut(text, items[1].word_span()), "é\\u0041");
        assert_eq!(items[2].boolean(), Some(true));
        assert!(members[1].value.is_null());
        assert_eq!(cut(text, members[1].span()), "\"n\":null");
    }

    #[test]
    fn documents_follow_each_other_with_and_without_line_feeds() {
        for text in ["[1][2] [3]", "{}\n{}\n{}\n", "{}{}\r\n[]"] {
            let documents = read(text);
            assert_eq!(documents.values.len(), 3, "{text}");
            assert!(documents.error.is_none());
        }
    }

    #[test]
    fn errors_stand_where_the_text_breaks() {
        for (text, line, column) in [
            ("[{\"a\": 1,\n  é}]", 2, 3),
            ("[1,\n\n 2,, 3]", 3, 4),
            ("[1\n,", 2, 2),
            ("nul", 1, 4),
        ] {
            let error = read(text).error.expect(text);
            assert!(!error.reason.contains("line"), "{}", error.reason);
            let position = Positions::new(text.as_bytes()).at(error.span.start);
            assert_eq!(position, Position { line, column }, "{text:?}: {error:?}");
        }
    }

    #[test]
    fn what_was_complete_before_a_break_is_kept() {
        let count = |text: &str| {
            let documents = read(text);
            assert!(documents.error.is_some(), "{text}");
            let list = documents.values[0].list().map(<[_]>::len);
            list.unwrap_or_else(|| {
                let members = documents.values[0].map().unwrap();
                get(members, "tokens").unwrap().list().unwrap().len()
            })
        };
        assert_eq!(count(r#"[{"id": 1}, {"id": 2}, {"id": 3"#), 2);
        assert_eq!(count(r#"[{"id": 1}, {"id": 2} oops"#), 2);
        assert_eq!(count(r#"{"kind": "x", "tokens": [{"id": 1}, {"#), 1);
        let nested = read(r#"[{"tokens": [{}, {}]}, {"tokens": [{}, nope"#);
        let wrappers = nested.values[0].list().unwrap();
        let last = get(wrappers[1].map().unwrap(), "tokens").unwrap();
        assert_eq!(last.list().unwrap().len(), 1);
    }

    #[test]
    fn a_broken_entry_is_left_out() {
        assert!(
            read(r#"{"id": 1, "scopes": ["api"], "expires_at""#)
                .values
                .is_empty()
        );
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let documents = read(&deep);
        assert!(documents.error.is_none());
        let mut value = &documents.values[0];
        let mut levels = 0;
        while let Some([inner]) = value.list() {
            value = inner;
            levels += 1;
        }
        assert_eq!(levels, MAX_DEPTH);
        assert!(matches!(value.data, Data::Unread(_)));
        assert!(read(&"[".repeat(100_000)).error.is_some());
        assert!(read(&"{\"tokens\":".repeat(100_000)).error.is_some());
    }

    #[test]
    fn numbers_keep_their_digits_and_huge_ones_are_no_ids() {
        let documents = read("[18446744073709551615, 18446744073709551616, 1e400, -1, 1.5]");
        let numbers: Vec<_> = documents.values[0]
            .list()
            .unwrap()
            .iter()
            .map(Value::integer)
            .collect();
        assert_eq!(numbers, [Some(u64::MAX), None, None, None, None]);
    }

    #[test]
    fn half_a_surrogate_pair_is_no_panic() {
        let documents = read(r#"["\ud800"]"#);
        if let Some([text]) = documents.values[0].list() {
            assert_eq!(text.text(), Some(r"\ud800"));
        }
    }
}
