//! How likely it is that a text of the right shape is a token that GitLab made, and what says so.
//!
//! Entropy alone does not tell: random bodies of 20 characters go down to 3.4 bits a character and
//! English slugs up to 3.65. What does tell, and what each piece of evidence does; every finding names those
//! that it had, in every format, by the names of the first column. `docs/evidence.md` is made from this table.
//!
//! | Evidence | What it means | Confidence |
//! | --- | --- | --- |
//! | `checksum-verified` | the CRC-32 of a routable token fits its prefix and payload, and so do length field and payload | high, whatever else there is |
//! | `checksum-broken` | the shape of a routable token, and a checksum, length or payload that does not fit | low |
//! | `exact-length` | the longest run of characters is as long as GitLab makes it | as the rule says; another length is no token |
//! | `generator-alphabet` | no `l`, `I`, `O` or `0`, which GitLab's generator never makes | as the rule says |
//! | `outside-generator-alphabet` | one of them | low |
//! | `low-variety` | hardly any different characters, or one over and over: no entropy | dropped, or low |
//! | `sequence` | `abcdef`, `123456`, `qwerty`, `aaaa`, `a1b2c3` cover most of it | dropped, or low |
//! | `words` | most of it reads as words of a slug, a CSS class, a sentence | low |
//! | `placeholder` | a word such as `example` or `changeme`, or `xxxxx`, is in it, or documents show it in place of a token | dropped |
//! | `context` | no prefix tells it, or none alone: what stands beside it does | medium at most without a prefix; dropped with anything against it |
//! | `instance-prefix` | `acme-` before a known prefix, as an administrator may set, and no checksum that proves it | medium at most |
//! | `split` | put together from literals, lines, or what stands between invisible characters | medium; dropped where it would be low |
//!
//! Boundaries are no evidence but a condition: what a word character precedes or follows is no token at all. A
//! rule may ask for more, an `entropy` floor or an `allow` list, and lower the confidence of all its findings.
//! An encoding lowers none.
//!
//! A sign may call a generated token suspicious a few times in a million, no more: the tests
//! hold the rate over generated bodies. So short words count only between separators, and words
//! only in one case (`token`, `Token`, `TOKEN`, not `tOKen`).

use super::alphabet::is_unfriendly;
use super::documented::is_documented;
use crate::model::{Confidence, Evidence};
use crate::rules::Alphabet;

/// What the body of a token shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Certainly no token: a placeholder.
    Drop,
    /// A token, at most this sure.
    Keep(Confidence),
}

impl Verdict {
    const LOW: Self = Self::Keep(Confidence::Low);
    /// Nothing speaks against it.
    pub(super) const HIGH: Self = Self::Keep(Confidence::High);

    /// Keeps the lower of both.
    pub(super) fn lower_to(&mut self, other: Self) {
        *self = match (&*self, other) {
            (Self::Drop, _) | (_, Self::Drop) => Self::Drop,
            (Self::Keep(a), Self::Keep(b)) => Self::Keep(*a.min(&b)),
        };
    }
}

/// Runs shorter than this are not the secret but a partition, a version, an id; so are plain numbers.
const SECRET_FROM: usize = 16;

/// The most bytes of a body that are looked at; signed payloads go on for kilobytes.
const LOOKED_AT: usize = 256;

/// Judges one run of a body and adds what it found to `evidence`, each kind once.
pub(super) fn judge(alphabet: Alphabet, run: &[u8], evidence: &mut Vec<Evidence>) -> Verdict {
    let mut verdict = Verdict::HIGH;
    if run.len() < SECRET_FROM || alphabet == Alphabet::Digits {
        return verdict;
    }
    let run = &run[..run.len().min(LOOKED_AT)];
    let mut note = |sign, effect| {
        if !evidence.contains(&sign) {
            evidence.push(sign);
        }
        verdict.lower_to(effect);
    };
    if is_placeholder(run) || is_documented(run) {
        note(Evidence::Placeholder, Verdict::Drop);
    }
    let variety = variety(run);
    let (few, some) = match alphabet {
        Alphabet::Hex => (4, 6),
        _ => (5, 8),
    };
    if variety <= few {
        note(Evidence::LowVariety, Verdict::Drop);
    } else if variety <= some {
        note(Evidence::LowVariety, Verdict::LOW);
    }
    let patterned = patterned(run);
    if patterned * 100 >= run.len() * 60 {
        note(Evidence::Sequence, Verdict::Drop);
    } else if patterned * 100 >= run.len() * 50 {
        note(Evidence::Sequence, Verdict::LOW);
    }
    if alphabet != Alphabet::Hex && reads_as_words(run) {
        note(Evidence::Words, Verdict::LOW);
    }
    if alphabet == Alphabet::Friendly {
        if run.iter().copied().any(is_unfriendly) {
            note(Evidence::OutsideGeneratorAlphabet, Verdict::LOW);
        } else {
            note(Evidence::GeneratorAlphabet, Verdict::HIGH);
        }
    }
    verdict
}

/// Words that say of a value that it is none, anywhere in it. Five letters and more.
const PLACEHOLDERS: &[&str] = &[
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "redacted",
    "replace",
    "insert",
    "dummy",
    "sample",
    "secret",
    "token",
    "password",
    "personal",
    "private",
    "xxxxx",
    "foobar",
    "testing",
    "invalid",
    "removed",
    "hidden",
    "masked",
    "random",
    "string",
    "value",
    "notreal",
    "not-real",
    "goes-here",
    "goes_here",
    "access",
    "lorem",
    "ipsum",
];

/// Words that do so only between separators: four random characters spell them too often.
const SHORT_PLACEHOLDERS: &[&str] = &[
    "your", "test", "fake", "demo", "here", "todo", "mock", "none", "null", "some", "this", "xxxx",
    "real", "fill", "stub",
];

/// How far into a body such words are looked for, in bytes. Whoever writes one by hand begins with it, and
/// the longest tokens have a thousand characters to spell one by chance.
const PLACEHOLDER_REACH: usize = 96;

fn is_placeholder(body: &[u8]) -> bool {
    let body = &body[..body.len().min(PLACEHOLDER_REACH)];
    let is_separator = |byte: Option<&u8>| byte.is_none_or(|byte| matches!(byte, b'-' | b'_'));
    (0..body.len()).any(|at| {
        let rest = &body[at..];
        PLACEHOLDERS.iter().any(|word| begins_with(rest, word))
            || (is_separator(body[..at].last())
                && SHORT_PLACEHOLDERS
                    .iter()
                    .any(|word| begins_with(rest, word) && is_separator(rest.get(word.len()))))
    })
}

/// Whether `text` begins with `word` in lower case, in upper case or capitalised.
fn begins_with(text: &[u8], word: &str) -> bool {
    // Almost every word is out by its first letter.
    if text[0].to_ascii_lowercase() != word.as_bytes()[0] {
        return false;
    }
    let Some(head) = text.get(..word.len()) else {
        return false;
    };
    if !head.eq_ignore_ascii_case(word.as_bytes()) {
        return false;
    }
    let upper = head.iter().filter(|byte| byte.is_ascii_uppercase()).count();
    let letters = head
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .count();
    upper == 0 || upper == letters || (upper == 1 && head[0].is_ascii_uppercase())
}

/// Number of different bytes.
fn variety(body: &[u8]) -> usize {
    let mut seen = [false; 256];
    body.iter()
        .filter(|byte| !std::mem::replace(&mut seen[usize::from(**byte)], true))
        .count()
}

/// Bytes that belong to repetitions and sequences of four and more, or to two interleaved ones of
/// eight and more (`a1b2c3d4`), whichever cover more.
fn patterned(body: &[u8]) -> usize {
    let covered = |stride, shortest| {
        [Step::Same, Step::Up, Step::Down]
            .into_iter()
            .map(|step| stretches(body, step, stride, shortest))
            .sum::<usize>()
            .min(body.len())
    };
    covered(1, 4).max(covered(2, 8))
}

#[derive(Clone, Copy)]
enum Step {
    Same,
    Up,
    Down,
}

/// Sum of the lengths of the stretches of at least `shortest` bytes in which each byte is one `step`
/// from the one `stride` before it.
fn stretches(body: &[u8], step: Step, stride: usize, shortest: usize) -> usize {
    let mut covered = 0;
    let mut steps = 0;
    let mut close = |steps: usize| {
        if steps > 0 && steps + stride >= shortest {
            covered += steps + stride;
        }
    };
    for (from, to) in body.iter().zip(body.iter().skip(stride)) {
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        let holds = match step {
            Step::Same => from == to,
            Step::Up => is_next(from, to),
            Step::Down => is_next(to, from),
        };
        if holds {
            steps += 1;
        } else {
            close(std::mem::take(&mut steps));
        }
    }
    close(steps);
    covered
}

/// Whether `to` follows `from` in the alphabet, among the digits or on a keyboard.
fn is_next(from: u8, to: u8) -> bool {
    let successive =
        from.is_ascii_alphanumeric() && to.is_ascii_alphanumeric() && to == from.wrapping_add(1);
    successive || (to != 0 && NEXT_KEY[usize::from(from)] == to)
}

/// The key to the right of each, 0 where there is none.
const NEXT_KEY: [u8; 256] = {
    // Without the last key of the last row: `m` follows `n` there, and `n` follows `m` in the alphabet.
    const ROWS: [&[u8]; 4] = [b"1234567890", b"qwertyuiop", b"asdfghjkl", b"zxcvbn"];
    let mut keys = [0; 256];
    let mut row = 0;
    while row < ROWS.len() {
        let mut at = 1;
        while at < ROWS[row].len() {
            keys[ROWS[row][at - 1] as usize] = ROWS[row][at];
            at += 1;
        }
        row += 1;
    }
    keys
};

/// Whether most of `body` reads as words: segments between `-`, `_` and humps of camel case that
/// could be pronounced, with their separators and the numbers at their end.
///
/// Random text in one case alone is rare, so what is in one case may be loose words. Random text in
/// both has humps everywhere; there the words must be longer, easier to pronounce, and leave hardly
/// a gap. In camel case without any gap short ones count too, if long ones stand beside them.
fn reads_as_words(body: &[u8]) -> bool {
    let is_one_case =
        !body.iter().any(u8::is_ascii_uppercase) || !body.iter().any(u8::is_ascii_lowercase);
    let covers = |spelling, percent| words(body, spelling).0 * 100 >= body.len() * percent;
    if is_one_case {
        return covers(&Spelling::LOOSE, 70);
    }
    let is_camel_case = || {
        let (covered, count) = words(body, &Spelling::HUMPS);
        covered == body.len() && count * 5 <= covered
    };
    covers(&Spelling::STRICT, 95) || (body.iter().all(u8::is_ascii_alphanumeric) && is_camel_case())
}

/// How many bytes of `body` belong to words that `spelling` accepts, and how many words there are.
fn words(body: &[u8], spelling: &Spelling) -> (usize, usize) {
    let mut covered = 0;
    let mut count = 0;
    let mut start = 0;
    for end in 1..=body.len() {
        let ends = end == body.len()
            || !body[end].is_ascii_alphanumeric()
            || (body[end].is_ascii_uppercase() && body[end - 1].is_ascii_lowercase());
        if !ends {
            continue;
        }
        let segment = &body[start..end];
        let is_separator = |byte: &&u8| !byte.is_ascii_alphanumeric();
        let separators = segment.iter().take_while(is_separator).count();
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let digits = segment.iter().rev().take_while(is_digit).count();
        let letters = segment
            .get(separators..segment.len() - digits)
            .unwrap_or_default();
        if spelling.accepts(letters) {
            covered += segment.len();
            count += 1;
        }
        start = end;
    }
    (covered, count)
}

/// What letters have to be like to pass for a word.
struct Spelling {
    shortest: usize,
    vowels: &'static [u8],
    /// The most in a row.
    consonants: usize,
}

impl Spelling {
    const LOOSE: Self = Self {
        shortest: 3,
        vowels: b"aeiouy",
        consonants: 4,
    };
    const STRICT: Self = Self {
        shortest: 4,
        vowels: b"aeiou",
        consonants: 3,
    };
    const HUMPS: Self = Self {
        shortest: 2,
        vowels: b"aeiouy",
        consonants: 2,
    };

    /// Whether `letters` are lower case, upper case or capitalised and could be pronounced.
    fn accepts(&self, letters: &[u8]) -> bool {
        let is_in_case = letters.iter().skip(1).all(u8::is_ascii_lowercase)
            || letters.iter().all(u8::is_ascii_uppercase);
        let is_vowel = |byte: &u8| self.vowels.contains(&byte.to_ascii_lowercase());
        (self.shortest..=12).contains(&letters.len())
            && is_in_case
            && letters.iter().all(u8::is_ascii_alphabetic)
            && letters.iter().any(is_vowel)
            && letters
                .split(is_vowel)
                .all(|consonants| consonants.len() <= self.consonants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::specimen::SplitMix64;

    fn friendly(body: &str) -> Verdict {
        judge(Alphabet::Friendly, body.as_bytes(), &mut Vec::new())
    }

    const HIGH: Verdict = Verdict::HIGH;
    const LOW: Verdict = Verdict::LOW;

    #[test]
    fn placeholders_are_dropped() {
        for body in [
            "xxxxxxxxxxxxxxxxxxxx",
            "XXXXXXXXXXXXXXXXXXXX",
            "aaaaaaaaaaaaaaaaaaaa",
            "00000000000000000000",
            "12345678901234567890",
            "01234567890123456789",
            "abcdefghijklmnopqrst",
            "ABCDEFGHIJKLMNOPQRST",
            "aBcDeFgHiJkLmNoPqRsT",
            "a1b2c3d4e5f6g7h8i9j0",
            "abcdefghij1234567890",
            "98765432109876543210",
            "qwertyuiopasdfghjkzx",
            "aaaaaaaaaabbbbbbbbbb",
            "ababababababababab12",
            "YOUR_TOKEN_HERE_1234",
            "your-personal-access",
            "EXAMPLE7xKq2mVb9TnRd",
            "xKq2mVexample7b9TnRd",
            "ThisIsAnExampleToken",
            "changeme-changeme-ok",
            "redacted_redacted_ok",
            "my-secret-8264926492",
            "fill-in-your-own-one",
            "________your________",
        ] {
            assert_eq!(friendly(body), Verdict::Drop, "{body}");
        }
    }

    #[test]
    fn slugs_and_classes_are_low() {
        for body in [
            "navbar-item-primary2",
            "button--large-active",
            "my_favourite_project",
            "CamelCaseNamesThings",
            "MyFavouriteProjectNa",
            "SCREAMING_SNAKE_CASE",
            "release-notes-2024-9",
        ] {
            assert_eq!(friendly(body), LOW, "{body}");
        }
    }

    #[test]
    fn what_the_generator_never_makes_is_low() {
        assert_eq!(friendly("x7KqT2mVb9TnRdZ4wGsl"), LOW);
        assert_eq!(friendly("x7KqT2mVb9TnRdZ4wGs0"), LOW);
        assert_eq!(friendly("x7KqT2mVb9TnRdZ4wGsW"), HIGH);
    }

    #[test]
    fn hexadecimal_words_and_runs_are_judged_by_their_own_measure() {
        let hex = |body: &str| judge(Alphabet::Hex, body.as_bytes(), &mut Vec::new());
        assert_eq!(hex(&"deadbeef".repeat(5)), LOW);
        assert_eq!(hex(&"0".repeat(40)), Verdict::Drop);
        assert_eq!(hex("0123456789abcdef0123456789abcdef"), Verdict::Drop);
        assert_eq!(hex("3f9a71c04be8d25610fa7cb3e9428d0573ab16ef"), HIGH);
    }

    #[test]
    fn parts_that_anybody_may_choose_are_not_judged() {
        assert_eq!(judge(Alphabet::Digits, b"1", &mut Vec::new()), HIGH);
    }

    #[test]
    fn each_sign_is_named_once() {
        let mut evidence = Vec::new();
        judge(Alphabet::Friendly, b"navbar-item-primary2", &mut evidence);
        judge(Alphabet::Friendly, b"navbar-item-primary2", &mut evidence);
        assert_eq!(evidence, [Evidence::Words, Evidence::GeneratorAlphabet]);
    }

    #[test]
    fn long_bodies_may_spell_a_word_by_chance() {
        let long = SplitMix64::new(5).run(Alphabet::Base64url, 900);
        let judged = |body: &str| judge(Alphabet::Base64url, body.as_bytes(), &mut Vec::new());
        assert_eq!(judged(&long), HIGH);
        let spelled = format!("{}Token{}", &long[..400], &long[405..]);
        assert_eq!(judged(&spelled), HIGH);
        let written = format!("your-token-here-{long}");
        assert_eq!(judged(&written), Verdict::Drop);
    }

    #[test]
    fn generated_bodies_are_not_suspected() {
        let mut random = SplitMix64::new(11);
        let bodies = [
            (Alphabet::Friendly, 20, 30_000),
            (Alphabet::Friendly, 50, 3_000),
            (Alphabet::Hex, 32, 3_000),
            (Alphabet::Hex, 40, 3_000),
            (Alphabet::Hex, 64, 3_000),
            (Alphabet::Base36, 23, 3_000),
            (Alphabet::Base36, 25, 3_000),
            (Alphabet::Base64url, 43, 3_000),
        ];
        for (alphabet, length, count) in bodies {
            for _ in 0..count {
                let body = random.run(alphabet, length);
                let verdict = judge(alphabet, body.as_bytes(), &mut Vec::new());
                assert_eq!(verdict, HIGH, "{body}");
            }
        }
    }
}
