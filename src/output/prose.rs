//! Words and sentences that several formats share: numbers, lists, what a leak's evidence means.
//!
//! It knows the model, the rules and English, and no format.

use std::collections::BTreeMap;

use crate::model::{
    Evidence, Finding, Layer, Leak, LeftOut, Location, Position, Revision, Routing,
};
use crate::rules::{Rule, RuleSet};

/// The rules that these findings break, sorted by id; `None` where the set has no such rule.
pub(super) fn rules_of<'r>(
    findings: &'r [Finding],
    rules: &'r RuleSet,
) -> BTreeMap<&'r str, Option<&'r Rule>> {
    findings
        .iter()
        .map(|finding| finding.rule.as_str())
        .map(|id| (id, rules.get(id)))
        .collect()
}

/// The message of a finding or problem as a sentence, for formats whose readers expect one.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut sentence: String = match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => return String::new(),
    };
    if !sentence.ends_with(['.', '!', '?', '…']) {
        sentence.push('.');
    }
    sentence
}

/// The text in at most `limit` characters; a cut one ends in `…`.
pub(super) fn clipped(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(limit.saturating_sub(1))
            .chain(['…'])
            .collect(),
    }
}

/// The text with every run of white space as one blank: folded YAML on one line.
pub(super) fn unfolded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As many whole sentences from the front as fit into `room` characters, and never less than one.
pub(super) fn opening(text: &str, room: usize) -> &str {
    let mut end = text.len();
    let mut taken = false;
    let stops = text
        .match_indices(". ")
        .filter(|(at, stop)| text[at + stop.len()..].starts_with(|c: char| !c.is_lowercase()));
    for (at, _) in stops {
        if taken && text[..=at].chars().count() > room {
            break;
        }
        end = at + 1;
        taken = true;
    }
    if taken && text.chars().count() <= room {
        end = text.len();
    }
    &text[..end]
}

/// The text in lines of at most `first` and then `rest` characters, where words allow it.
///
/// Lines break at blanks alone, so that a path or address stays whole and can be clicked.
pub(super) fn folded(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split(' ') {
        let wide = word.chars().count();
        let room = if lines.is_empty() { first } else { rest };
        if columns > 0 && columns + 1 + wide > room {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        if columns > 0 {
            line.push(' ');
            columns += 1;
        }
        line.push_str(word);
        columns += wide;
    }
    lines.push(line);
    lines
}

/// `1 file`, `2 files`, with thousands set apart.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes in the largest unit that leaves a whole part.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return counted(number, "byte", "bytes");
    }
    let mut unit = 0;
    let mut divisor = 1024_u64;
    while unit + 1 < UNITS.len() && number / divisor >= 1024 {
        divisor *= 1024;
        unit += 1;
    }
    let tenths = u128::from(number) * 10 / u128::from(divisor);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn listed(words: &[&str], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [front @ .., last] => format!("{} {conjunction} {last}", front.join(", ")),
    }
}

/// `path:line:column`, which terminals and editors turn into a link.
pub(super) fn place(path: &str, position: Position) -> String {
    format!("{path}:{}:{}", position.line, position.column)
}

/// The way from the file to the text, outermost first: `archive member a.env`, `base64`.
pub(super) fn layers(location: &Location) -> Vec<String> {
    location
        .provenance
        .within
        .iter()
        .map(|layer| match layer {
            Layer::Member(name) => format!("archive member {name}"),
            Layer::Compressed(name) | Layer::Encoding(name) => name.to_string(),
        })
        .collect()
}

/// What a piece of evidence means.
pub(super) const fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::ChecksumVerified => "checksum verified",
        Evidence::ChecksumBroken => "checksum does not match",
        Evidence::ExactLength => "exact length",
        Evidence::GeneratorAlphabet => "only characters that GitLab generates",
        Evidence::OutsideGeneratorAlphabet => "characters that GitLab never generates",
        Evidence::LowVariety => "few different characters",
        Evidence::Sequence => "runs in alphabetical or numerical order",
        Evidence::Words => "reads like words",
        Evidence::Placeholder => "says of itself that it is a placeholder",
        Evidence::Context => "known by what stands beside it",
        Evidence::InstancePrefix => "behind the prefix of an instance",
        Evidence::Split => "put together from several parts",
    }
}

/// The identifiers of a payload with their names, as reports order them.
pub(super) fn identifiers(routing: &Routing) -> impl Iterator<Item = (&'static str, u64)> {
    [
        ("user", routing.user),
        ("project", routing.project),
        ("group", routing.group),
        ("organization", routing.organization),
        ("cell", routing.cell),
        ("runner-type", routing.runner_type),
    ]
    .into_iter()
    .filter_map(|(name, id)| id.map(|id| (name, id)))
}

/// `user 42, organization 1`, or nothing.
pub(super) fn routing(leak: &Leak) -> Option<String> {
    let words: Vec<String> = identifiers(leak.routing.as_ref()?)
        .map(|(name, id)| match (name, id) {
            // The numbers of Ci::Runner.runner_type (gitlabhq/gitlabhq `app/models/ci/runner.rb`).
            ("runner-type", 1) => "instance runner".to_owned(),
            ("runner-type", 2) => "group runner".to_owned(),
            ("runner-type", 3) => "project runner".to_owned(),
            ("runner-type", other) => format!("runner type {other}"),
            _ => format!("{name} {id}"),
        })
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `15 more problems of this class are left out`
pub(super) fn left_out(left_out: &LeftOut) -> String {
    let noun = counted(left_out.number, "more problem", "more problems");
    let verb = if left_out.number == 1 { "is" } else { "are" };
    format!("{noun} of this class {verb} left out")
}

/// The digits of an id that people compare.
const SHORT_ID: usize = 12;

/// Where in a repository an object stands: `commit 0123456789ab of 2026-01-31 by Ada`.
pub(super) fn commit(revision: &Revision) -> String {
    let Some(commit) = &revision.commit else {
        let id = revision.object.get(..SHORT_ID);
        return format!("object {}, in no commit", id.unwrap_or(&revision.object));
    };
    let id = commit.id.get(..SHORT_ID).unwrap_or(&commit.id);
    let day = commit.date.split('T').next().unwrap_or_default();
    format!("commit {id} of {day} by {}", commit.author)
}

/// The same, with what follows from it for whoever cleans up.
pub(super) fn revision(revision: &Revision) -> String {
    let state = match (revision.at_head, revision.reachable) {
        (Some(true), _) => "still in the tree of HEAD: take it out there too",
        (_, Some(false)) => {
            "reached by no ref any more, until it is pruned; it may be in other clones"
        }
        (Some(false), Some(true)) => "no longer in the tree of HEAD; whoever can fetch can read it",
        (None, Some(true)) => "reached by a ref; whoever can fetch can read it",
        _ => "whether a ref still reaches it is not known",
    };
    format!("{}; {state}", commit(revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_of_evidence_is_told_in_words_of_its_own() {
        let words: std::collections::BTreeSet<&str> =
            Evidence::ALL.iter().map(|piece| evidence(*piece)).collect();
        assert_eq!(words.len(), Evidence::ALL.len());
    }
    use proptest::prelude::*;

    #[test]
    fn a_sentence_begins_large_and_ends_once() {
        assert_eq!(sentence("the job prints it"), "The job prints it.");
        assert_eq!(sentence("`x` is it."), "`x` is it.");
        assert_eq!(sentence("émigré"), "Émigré.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn clipping_counts_characters_and_shows_that_it_cut() {
        assert_eq!(clipped("äöü", 3), "äöü");
        assert_eq!(clipped("äöüx", 3), "äö…");
        assert_eq!(clipped("x", 0), "…");
    }

    #[test]
    fn an_opening_is_whole_sentences() {
        let text = "One is here. Two is not far. Three is.";
        assert_eq!(opening(text, 3), "One is here.");
        assert_eq!(opening(text, 30), "One is here. Two is not far.");
        assert_eq!(opening(text, 99), text);
        assert_eq!(opening("no stop at all", 3), "no stop at all");
        assert_eq!(opening("Things, e.g. this. That.", 3), "Things, e.g. this.");
    }

    #[test]
    fn folding_breaks_at_blanks_alone() {
        assert_eq!(folded("ab cd ef gh", 2, 5), ["ab", "cd ef", "gh"]);
        assert_eq!(folded("a/long/path b", 3, 3), ["a/long/path", "b"]);
        assert_eq!(folded("", 3, 3), [""]);
    }

    #[test]
    fn numbers_are_grouped_and_agree_with_their_noun() {
        assert_eq!(counted(1, "file", "files"), "1 file");
        assert_eq!(counted(0, "file", "files"), "0 files");
        assert_eq!(counted(1_234_567, "file", "files"), "1,234,567 files");
        assert_eq!(counted(999, "file", "files"), "999 files");
    }

    #[test]
    fn bytes_take_the_largest_unit() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1023), "1,023 bytes");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(1024 * 1024 - 1), "1023.9 KiB");
        assert_eq!(bytes(1536 * 1024 * 1024), "1.5 GiB");
        assert_eq!(bytes(u64::MAX), "15.9 EiB");
    }

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(listed(&[], "or"), "");
        assert_eq!(listed(&["a"], "or"), "a");
        assert_eq!(listed(&["a", "b", "c"], "and"), "a, b and c");
    }

    proptest! {
        #[test]
        fn an_opening_never_splits_a_character(text in "[a. é]{0,40}", room in 0usize..50) {
            prop_assert!(text.starts_with(opening(&text, room)));
        }
    }
}
