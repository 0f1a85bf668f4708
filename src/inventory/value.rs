//! What an inventory file holds, with the place of every value, whichever syntax it is written in.
//!
//! Both readers ([`super::json`], [`super::handkept`]) build this tree, so that entries are read in one
//! way. It knows nothing of tokens.

use std::borrow::Cow;

use crate::model::Span;

/// Levels of lists and maps that are read; deeper ones become [`Data::Unread`].
///
/// The deepest value that means something is a field of a `stored_in` item: list of wrappers, wrapper,
/// `tokens`, entry, `stored_in`, item, field.
pub(super) const MAX_DEPTH: usize = 10;

/// One value and its bytes.
#[derive(Clone, Debug)]
pub(super) struct Value<'t> {
    /// All of it, quotes and brackets included.
    pub(super) span: Span,
    pub(super) data: Data<'t>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Data<'t> {
    Null,
    Bool(bool),
    /// A JSON number as written, so that no id loses digits.
    Number(&'t str),
    /// A quoted text.
    Text(Cow<'t, str>),
    /// A plain YAML scalar: a number, a truth value or a text, whichever the field asks for.
    Plain(Cow<'t, str>),
    List(Vec<Value<'t>>),
    Map(Vec<Member<'t>>),
    /// Something that is not looked at, in words with an article: a list below [`MAX_DEPTH`].
    Unread(&'static str),
}

/// One key of a map with its value.
#[derive(Clone, Debug)]
pub(super) struct Member<'t> {
    pub(super) key: Cow<'t, str>,
    pub(super) key_span: Span,
    pub(super) value: Value<'t>,
}

impl Member<'_> {
    /// From the key to the end of the value.
    pub(super) fn span(&self) -> Span {
        Span::new(self.key_span.start, self.value.span.end)
    }
}

impl<'t> Value<'t> {
    /// The bytes without the quotes of a text.
    pub(super) fn word_span(&self) -> Span {
        let Span { start, end } = self.span;
        match self.data {
            Data::Text(_) if end >= start + 2 => Span::new(start + 1, end - 1),
            _ => self.span,
        }
    }

    pub(super) const fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) | Data::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number from 0 on.
    pub(super) fn integer(&self) -> Option<u64> {
        match &self.data {
            Data::Number(digits) => digits.parse().ok(),
            Data::Plain(digits) => digits.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(value) => Some(*value),
            Data::Plain(word) => match &**word {
                "true" | "True" | "TRUE" => Some(true),
                "false" | "False" | "FALSE" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A text, or a number as its digits: GitLab's paths and ids stand for each other.
    pub(super) fn reference(&self) -> Option<&str> {
        match &self.data {
            Data::Number(digits) => Some(digits),
            _ => self.text(),
        }
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn map(&self) -> Option<&[Member<'t>]> {
        match &self.data {
            Data::Map(members) => Some(members),
            _ => None,
        }
    }

    /// What a container is that [`MAX_DEPTH`] leaves out.
    pub(super) const TOO_DEEP: Data<'static> = Data::Unread("a list nested too deep");

    /// What it is, with an article, for messages. The value itself may be a secret and is never shown.
    pub(super) const fn noun(&self) -> &'static str {
        match self.data {
            Data::Null => "null",
            Data::Bool(_) => "a truth value",
            Data::Number(_) => "a number",
            Data::Text(_) | Data::Plain(_) => "a text",
            Data::List(_) => "a list",
            Data::Map(_) => "an object",
            Data::Unread(noun) => noun,
        }
    }
}

/// The value of `key`; of a key that stands more than once, the last.
pub(super) fn get<'m, 't>(members: &'m [Member<'t>], key: &str) -> Option<&'m Value<'t>> {
    members
        .iter()
        .rfind(|member| member.key == key)
        .map(|member| &member.value)
}
