//! What the beginnings of tokens look like in each encoding: the needles that the search looks for.
//!
//! Base64 writes a text in three ways, by where in a group of three bytes it begins; the characters that
//! the neighbours cannot change are searched for. Three of them are enough where they are of different
//! classes, which words of source code hardly ever are, and a look at the whole beginning follows. Lines
//! of a folded text may end in the middle of a needle, so that two needles, one after the other, stand
//! for each beginning.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{Dense, Escapes};
use crate::detect::alphabet::is_word;

/// What a needle is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::detect) enum Sign {
    /// A text in base64 or hexadecimal.
    Dense(Clue),
    /// The escape of a character, with that of another behind it.
    Escapes(Pair),
    /// A string in UTF-16.
    Utf16,
}

/// Two characters, each of them escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::detect) struct Pair {
    pub(in crate::detect) family: Escapes,
    /// Bytes of the first escape before the needle.
    before: usize,
    /// The second character, of which the needle has four bits at most.
    second: u8,
}

impl Pair {
    /// Where the first escape begins whose needle is at `at`, unless the second one stands for another
    /// character of a token.
    pub(in crate::detect) fn start(&self, text: &[u8], at: usize) -> Option<usize> {
        let start = at.checked_sub(self.before)?;
        let read = |at: usize| self.family.read(text.get(at..)?);
        let second = read(start).and_then(|(length, _)| read(start + length));
        // What cannot be seen may stand between the two, and escapes may be escaped themselves.
        let is_other = second.is_some_and(|(_, scalar)| {
            let is_part = |byte| is_word(byte) || byte == b'.';
            u8::try_from(scalar).is_ok_and(|byte| byte != self.second && is_part(byte))
        });
        (!is_other).then_some(start)
    }
}

/// Where a needle stands in a text of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::detect) struct Clue {
    pub(in crate::detect) dense: Dense,
    /// Characters from the beginning of the group in which the literal begins to the needle.
    back: usize,
    /// Bytes of that group before the literal.
    skip: usize,
    literal: Vec<u8>,
    /// The characters from the needle on that nothing but the literal decides.
    core: Vec<u8>,
}

impl Clue {
    /// Whether it is one of hexadecimal digits.
    pub(in crate::detect) const fn is_hex(&self) -> bool {
        matches!(self.dense, Dense::Hex)
    }

    /// The offset of the group in which the literal begins, if the needle at `at` is a part of it.
    pub(in crate::detect) fn group(&self, text: &[u8], at: usize) -> Option<usize> {
        // Most needles stand there by chance, which the character behind them tells.
        if self.dense.differ(&text[at..], &self.core) {
            return None;
        }
        let group = self.dense.step_back(text, at, self.back)?;
        let bytes = self.dense.peek(text, group, self.skip + self.literal.len());
        (bytes.get(self.skip..)? == self.literal).then_some(group)
    }
}

/// What is looked for; nothing of one list begins with another of it.
#[derive(Debug, Default)]
pub(in crate::detect) struct Beginnings<'c> {
    /// Of tokens, without what may be escaped: `glpat`.
    pub(in crate::detect) stems: BTreeSet<&'c [u8]>,
    /// The same with it: `glpat-`.
    pub(in crate::detect) prefixes: BTreeSet<&'c [u8]>,
    /// In tokens that may begin with anything.
    pub(in crate::detect) marks: BTreeSet<&'c [u8]>,
    /// Of names of parameters.
    pub(in crate::detect) names: BTreeSet<&'c [u8]>,
    /// Of words that lead to tokens.
    pub(in crate::detect) words: BTreeSet<&'c [u8]>,
}

/// The needles for `beginnings`, with what each is a sign of.
pub(in crate::detect) fn signs(beginnings: &Beginnings<'_>) -> Vec<(Vec<u8>, Sign)> {
    let Beginnings {
        stems,
        prefixes,
        marks,
        names,
        words,
    } = beginnings;
    let mut signs = Vec::new();
    for literal in stems.iter().chain(marks).chain(names).chain(words) {
        signs.extend(cores(literal).filter_map(first_half));
    }
    for literal in prefixes.iter().chain(names).chain(words) {
        signs.extend(cores(literal).filter_map(second_half));
    }
    for literal in marks {
        signs.extend(cores_before_digit(literal).filter_map(second_half));
    }
    for literal in stems.iter().chain(marks).chain(names) {
        // Base64 in base64, whose inner text begins anywhere too.
        for (inner, _) in cores(literal) {
            signs.extend(cores(&inner).filter_map(first_half));
        }
    }
    let others = marks.iter().chain(names);
    let others = others.map(|literal| &literal[..literal.len().min(4)]);
    for head in heads(stems).into_iter().chain(others) {
        let utf16 = in_utf16(head);
        signs.extend(cores(&utf16).filter_map(first_half));
        signs.push((utf16, Sign::Utf16));
        for digits in in_hex(head) {
            signs.extend(cores(&digits).filter_map(first_half));
            let clue = Clue {
                dense: Dense::Hex,
                back: 0,
                skip: 0,
                literal: head.to_vec(),
                core: digits.clone(),
            };
            signs.push((digits, Sign::Dense(clue)));
        }
        for (digits, core) in in_hex_of_base64(head) {
            let clue = Clue {
                dense: Dense::Hex,
                back: 0,
                skip: 0,
                literal: core,
                core: digits.clone(),
            };
            signs.push((digits, Sign::Dense(clue)));
        }
        add_escapes(head, &mut signs);
    }
    signs
}

/// The characters of base64 that `literal` alone decides, for each place in a group.
fn cores(literal: &[u8]) -> impl Iterator<Item = (Vec<u8>, Clue)> {
    cores_with(literal, 0)
}

/// The same where a digit follows, of which four bits are known.
fn cores_before_digit(literal: &[u8]) -> impl Iterator<Item = (Vec<u8>, Clue)> {
    cores_with(literal, 4)
}

fn cores_with(literal: &[u8], more: usize) -> impl Iterator<Item = (Vec<u8>, Clue)> {
    (0..3).map(move |skip| {
        let mut bytes = vec![0; skip];
        bytes.extend_from_slice(literal);
        let bits = 8 * bytes.len() + more;
        bytes.push(b'0');
        let text = STANDARD_NO_PAD.encode(&bytes);
        let back = (skip * 8).div_ceil(6);
        let core = &text.as_bytes()[back..];
        let clue = Clue {
            dense: Dense::Base64,
            back,
            skip,
            literal: literal.to_vec(),
            core: core[..(bits - more) / 6 - back].to_vec(),
        };
        (core[..bits / 6 - back].to_vec(), clue)
    })
}

/// The first characters of a core.
fn first_half((core, clue): (Vec<u8>, Clue)) -> Option<(Vec<u8>, Sign)> {
    Some((needle(&core)?.to_vec(), Sign::Dense(clue)))
}

/// Those after, which a line end in the first ones leaves whole.
fn second_half((core, clue): (Vec<u8>, Clue)) -> Option<(Vec<u8>, Sign)> {
    let from = needle(&core)?.len() - 1;
    let second = needle(&core[from..])?;
    let clue = Clue {
        back: clue.back + from,
        core: clue.core.get(from..)?.to_vec(),
        ..clue
    };
    Some((second.to_vec(), Sign::Dense(clue)))
}

/// The shortest that a needle may be, if its characters are of different classes, as those of words
/// hardly ever are; others have one more.
const SHORTEST: usize = 3;

/// The first characters of `core` that are searched for.
fn needle(core: &[u8]) -> Option<&[u8]> {
    let shortest = core.get(..SHORTEST)?;
    let is_one_class = shortest.iter().all(u8::is_ascii_lowercase)
        || shortest.iter().all(u8::is_ascii_uppercase)
        || shortest.iter().all(u8::is_ascii_digit);
    let length = SHORTEST + usize::from(is_one_class);
    Some(&core[..length.min(core.len())])
}

/// The length of a beginning that several stems share.
const SHARED: usize = 2;

/// Beginnings that several stems share, and the first four characters of others.
fn heads<'c>(stems: &BTreeSet<&'c [u8]>) -> BTreeSet<&'c [u8]> {
    let head = |stem: &&'c [u8]| {
        let two = &stem[..stem.len().min(SHARED)];
        let alike = stems.iter().filter(|other| other.starts_with(two)).count();
        if alike > 1 {
            two
        } else {
            &stem[..stem.len().min(4)]
        }
    };
    stems.iter().map(head).collect()
}

/// `head` with a zero after each byte: UTF-16 of either order, but for the first byte or the last.
fn in_utf16(head: &[u8]) -> Vec<u8> {
    head.iter().flat_map(|byte| [*byte, 0]).collect()
}

/// `head` in hexadecimal digits of either case.
fn in_hex(head: &[u8]) -> Vec<Vec<u8>> {
    let lower: Vec<u8> = head
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect();
    let upper = lower.to_ascii_uppercase();
    let mut both = vec![lower, upper];
    both.dedup();
    both
}

/// Base64 of `head` in hexadecimal digits of either case, with the base64. Behind what many prefixes begin
/// with a letter follows, of which the first digit of one more character is known.
fn in_hex_of_base64(head: &[u8]) -> BTreeSet<(Vec<u8>, Vec<u8>)> {
    let mut needles = BTreeSet::new();
    for (core, clue) in cores(head) {
        for next in b'a'..=b'z' {
            let plain = [&vec![0; clue.skip][..], head, &[next]].concat();
            let text = STANDARD_NO_PAD.encode(plain);
            let is_short = head.len() == SHARED;
            let more = text.as_bytes().get(clue.back + core.len());
            for mut digits in in_hex(&core) {
                let first = more.filter(|_| is_short).map(|byte| byte >> 4);
                digits.extend(first.and_then(|first| b"0123456789".get(usize::from(first))));
                needles.insert((digits, core.clone()));
            }
        }
    }
    needles
}

/// Adds what a text looks like of which every character is escaped: the first one, and what begins the
/// escape after it.
fn add_escapes(head: &[u8], signs: &mut Vec<(Vec<u8>, Sign)>) {
    let [first, second, ..] = head else {
        return;
    };
    let mut add = |needle: String, family, before| {
        let second = *second;
        let pair = Pair {
            family,
            before,
            second,
        };
        signs.push((needle.into_bytes(), Sign::Escapes(pair)));
    };
    add(format!("#{first};&"), Escapes::Html, 1);
    let high = second >> 4;
    let (lower, upper) = (format!("{first:02x}"), format!("{first:02X}"));
    let is_one = lower == upper;
    for digits in std::iter::once(lower).chain((!is_one).then_some(upper)) {
        add(format!("%{digits}%{high:x}"), Escapes::Percent, 0);
        add(format!("x{digits}\\x{high:x}"), Escapes::Backslash, 1);
        add(format!("u00{digits}\\"), Escapes::Backslash, 1);
        // In braces they are rare: of what begins most tokens alone.
        if head.len() == SHARED {
            add(format!("u{{{digits}}}\\"), Escapes::Backslash, 1);
        }
        add(format!("#x{digits};&"), Escapes::Html, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_escape_of_another_character_is_no_sign() {
        let start = |family, before, text: &str, needle: &str| {
            let pair = Pair {
                family,
                before,
                second: b'l',
            };
            pair.start(text.as_bytes(), text.find(needle).unwrap())
        };
        let backslash = |text: &str| start(Escapes::Backslash, 1, text, "x67\\x6");
        assert_eq!(backslash("\\x67\\x6c"), Some(0));
        for other in ["1", "e", "f"] {
            assert_eq!(backslash(&format!("\\x67\\x6{other}")), None);
        }
        // What cannot be read says nothing.
        assert_eq!(backslash("_\\x67\\x6"), Some(1));
        assert_eq!(backslash("x67\\x6c"), None);
        let words = |text: &str| start(Escapes::Backslash, 1, text, "u0067\\");
        // Between the two stands what cannot be seen, or each backslash is written as two.
        for text in [
            "\\u0067\\u200b\\u006c",
            "\\u0067\\xad\\u006c",
            "\\\\u0067\\\\u006c",
        ] {
            assert!(words(text).is_some(), "{text}");
        }
        assert_eq!(words("\\u0067\\u0065"), None);
        let html = |text: &str| start(Escapes::Html, 1, text, "#103;&");
        for text in [
            "&#103;&#108;",
            "&amp;#103;&amp;#108;",
            "&#103;&amp;",
            "&#103;&shy;",
        ] {
            assert!(html(text).is_some(), "{text}");
        }
        assert_eq!(html("&#103;&#109;"), None);
        assert_eq!(start(Escapes::Percent, 0, "a%67%6C", "%67%6"), Some(1));
        assert_eq!(start(Escapes::Percent, 0, "a%67%6d", "%67%6"), None);
    }
}
