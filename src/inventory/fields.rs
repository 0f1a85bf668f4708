//! Typed access to the members of one object: a value of the wrong type is a problem of that object,
//! and the field counts as not given.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::reading::Reading;
use super::spelling;
use super::value::{Data, Member, Value};
use crate::model::Site;

/// What an inventory says of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    /// The field is missing, or is no date.
    Unstated,
    /// `null`.
    Never,
    On(Date),
}

/// The members of one object and how messages name it.
pub(super) struct Fields<'v, 't, 'f> {
    pub(super) members: &'v [Member<'t>],
    /// Fits after "of": `project access token "release bot"`.
    pub(super) title: String,
    pub(super) file: &'f mut Reading,
}

impl<'v, 't> Fields<'v, 't, '_> {
    /// The member named `key`; of several, the last, as JSON and YAML readers take it.
    pub(super) fn member(&self, key: &str) -> Option<&'v Member<'t>> {
        self.members.iter().rfind(|member| member.key == key)
    }

    /// The member named `key`, if it is more than `null`.
    fn stated(&self, key: &str) -> Option<&'v Member<'t>> {
        self.member(key).filter(|member| !member.value.is_null())
    }

    fn wrong(&mut self, member: &Member<'_>, wanted: &str) {
        let message = format!(
            "`{}` of {} is {}, not {wanted}",
            member.key,
            self.title,
            member.value.noun()
        );
        self.file.error(
            member.span(),
            message,
            format!("give {wanted}, or leave the field out"),
        );
    }

    fn typed<T>(
        &mut self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&'v Value<'t>) -> Option<T>,
    ) -> Option<T> {
        let member = self.stated(key)?;
        let value = read(&member.value);
        if value.is_none() {
            self.wrong(member, wanted);
        }
        value
    }

    /// A text; an empty one says nothing.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.typed(key, "a text", |value| value.text().map(str::to_owned))
            .filter(|text| !text.is_empty())
    }

    /// A path or an id.
    pub(super) fn reference(&mut self, key: &str) -> Option<String> {
        self.typed(key, "a path or an id", |value| {
            value.reference().map(str::to_owned)
        })
        .filter(|text| !text.is_empty())
    }

    pub(super) fn integer(&mut self, key: &str) -> Option<u64> {
        self.typed(key, "a whole number", Value::integer)
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "`true` or `false`", Value::boolean)
    }

    /// One of a fixed set of words, which `parse` knows and `wanted` lists.
    pub(super) fn word<T>(
        &mut self,
        key: &str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.typed(key, wanted, |value| value.reference().and_then(parse))
    }

    pub(super) fn object(&mut self, key: &str) -> Option<&'v [Member<'t>]> {
        self.typed(key, "an object", Value::map)
    }

    pub(super) fn list(&mut self, key: &str) -> &'v [Value<'t>] {
        self.typed(key, "a list", Value::list).unwrap_or_default()
    }

    /// The texts of a list; an item that is none is a problem and left out.
    pub(super) fn texts(&mut self, key: &str) -> Vec<(String, Site)> {
        let mut texts = Vec::new();
        for item in self.list(key) {
            if let Some(text) = item.text() {
                texts.push((text.to_owned(), self.file.site(item.word_span())));
            } else {
                let message = format!(
                    "`{key}` of {} holds {} where a text is meant",
                    self.title,
                    item.noun()
                );
                self.file.error(item.span, message, "give a list of texts");
            }
        }
        texts
    }

    /// A date, alone or with a time of day, which counts in UTC as GitLab's own dates do
    /// (gitlabhq/gitlabhq `doc/api/personal_access_tokens.md`).
    pub(super) fn day(&mut self, key: &str) -> Day {
        let Some(member) = self.member(key) else {
            return Day::Unstated;
        };
        if member.value.is_null() {
            return Day::Never;
        }
        if let Some(date) = member.value.text().and_then(parse_date) {
            return Day::On(date);
        }
        let message = match member.value.data {
            Data::Text(_) | Data::Plain(_) => format!("`{key}` of {} is no date", self.title),
            _ => format!(
                "`{key}` of {} is {}, not a date",
                self.title,
                member.value.noun()
            ),
        };
        self.file.error(
            member.span(),
            message,
            "write a date such as `2027-08-31` or a time such as `2027-08-31T12:00:00Z`",
        );
        Day::Unstated
    }

    /// Notes keys of `known` that stand more than once.
    pub(super) fn note_repeated(&mut self, known: &[&str]) {
        let mut seen = BTreeSet::new();
        for member in self.members {
            if known.contains(&&*member.key) && !seen.insert(&*member.key) {
                let message = format!(
                    "`{}` of {} stands more than once; the last one counts",
                    member.key, self.title
                );
                self.file.note(member.span(), message, None);
            }
        }
    }

    /// Notes keys that are not among `known`, for files that people write.
    pub(super) fn note_unknown(&mut self, known: &[&str]) {
        for member in self.members {
            if known.contains(&&*member.key) {
                continue;
            }
            let mend = spelling::closest(&member.key, known)
                .map(|key| format!("`{key}` is a field; is it meant?"));
            // A key may be anything, a token too; only what reads like a field is shown.
            let plain = member.key.len() <= 30
                && member
                    .key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
            let message = if plain {
                format!("`{}` of {} means nothing here", member.key, self.title)
            } else {
                format!("a field of {} means nothing here", self.title)
            };
            self.file.note(member.key_span, message, mend);
        }
    }
}

fn parse_date(text: &str) -> Option<Date> {
    let text = text.trim();
    if text.len() == "2027-08-31".len() {
        text.parse().ok()
    } else {
        let time: Timestamp = text.parse().ok()?;
        Some(time.to_zoned(TimeZone::UTC).date())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn dates_count_in_utc() {
        assert_eq!(parse_date("2027-08-31"), Some(date(2027, 8, 31)));
        assert_eq!(
            parse_date("2027-02-14T00:00:00.000Z"),
            Some(date(2027, 2, 14))
        );
        assert_eq!(
            parse_date("2027-02-14T00:30:00+02:00"),
            Some(date(2027, 2, 13))
        );
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "soon",
            "2027-13-01",
            "2027-02-30",
            "31.08.2027",
            "1893456000",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
