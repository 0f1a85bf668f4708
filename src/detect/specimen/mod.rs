//! Tokens made at run time, for examples, tests and benchmarks, so that no file holds one.
//!
//! A specimen looks as if GitLab had made it, and is made from a seed: it never opened anything.
//! [`make`] makes one of a form; [`expand`] replaces the placeholders of `rules/README.md` in a text.

mod random;
mod template;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use self::random::SplitMix64;
pub use self::template::{Expansion, expand, expand_listing};

use super::pattern::entropy;
use crate::model::{Span, TokenKind};
use crate::rules::{Alphabet, Body, Form, Pattern, Segment};

/// Why a placeholder cannot become a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecimenError {
    /// Neither a kind nor a detector has this id.
    #[error("`{0}` is no token kind and no detector")]
    UnknownKind(String),
    /// No detector has a form of this name for this kind.
    #[error("no detector has a form `{form}` of `{kind}`")]
    UnknownForm {
        /// The id of the kind.
        kind: String,
        /// The name of the form.
        form: String,
    },
    /// The word after `|` is none of the modifiers.
    #[error("`{0}` is no modifier of a placeholder")]
    UnknownModifier(String),
    /// The modifier changes something that the form does not have.
    #[error("`{modifier}` does not fit the form `{form}`")]
    ModifierDoesNotFit {
        /// The modifier.
        modifier: &'static str,
        /// The name of the form.
        form: String,
    },
}

/// A way to spoil a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// One body character less than the form has.
    Short,
    /// One more.
    Long,
    /// The last checksum character changed.
    Broken,
    /// A letter set before the prefix, so that it is the end of a longer word.
    Glued,
    /// The body replaced by `x` characters.
    Placeholder,
    /// The body replaced by words with hyphens, of the same length.
    Slug,
    /// One body character replaced by `l`, which the generator never makes.
    Alphabet,
}

impl Modifier {
    /// Every modifier.
    pub const ALL: &[Self] = &[
        Self::Short,
        Self::Long,
        Self::Broken,
        Self::Glued,
        Self::Placeholder,
        Self::Slug,
        Self::Alphabet,
    ];

    /// The word after `|`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Long => "long",
            Self::Broken => "broken",
            Self::Glued => "glued",
            Self::Placeholder => "placeholder",
            Self::Slug => "slug",
            Self::Alphabet => "alphabet",
        }
    }
}

/// A made token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specimen {
    /// What stands in a text: the token, and before it the name of a parameter or the letter that
    /// [`Modifier::Glued`] sets there.
    pub text: String,
    /// The token in `text`: the span that a detection has.
    pub token: Span,
    /// Bytes at the start of the token that are public.
    pub public: usize,
}

impl Specimen {
    /// The token.
    pub fn token(&self) -> &str {
        &self.text[self.token.start..self.token.end]
    }

    /// What must never be shown: the token without its public prefix.
    pub fn secret(&self) -> &str {
        &self.token()[self.public..]
    }
}

/// The most bodies that are made until one is as random as its form asks for.
const ATTEMPTS: usize = 1000;

/// Makes a token of `kind` in `form` behind `prefix`; a token that is none of GitLab's has no kind.
pub fn make(
    kind: impl Into<Option<TokenKind>>,
    form: &Form,
    prefix: &str,
    modifier: Option<Modifier>,
    random: &mut SplitMix64,
) -> Result<Specimen, SpecimenError> {
    let unfit = |modifier: Modifier| SpecimenError::ModifierDoesNotFit {
        modifier: modifier.as_str(),
        form: form.name.clone(),
    };
    let body = match &form.body {
        Body::Segments(segments) => random_enough(form, prefix, modifier, || {
            segmented(segments, modifier, random)
        }),
        Body::Pattern(pattern) => random_enough(form, prefix, modifier, || {
            patterned(pattern, modifier, random)
        }),
        Body::RoutableV0 => routable(kind.into(), prefix, false, modifier, random),
        Body::RoutableV1 => routable(kind.into(), prefix, true, modifier, random),
    }
    .ok_or_else(|| unfit(modifier.unwrap_or(Modifier::Broken)))?;
    let glue = if modifier == Some(Modifier::Glued) {
        "x"
    } else {
        ""
    };
    // A prefix that ends in `=` names a parameter or cookie and is no part of its value.
    let named = prefix.ends_with('=');
    let text = format!("{glue}{prefix}{body}");
    let start = glue.len() + if named { prefix.len() } else { 0 };
    Ok(Specimen {
        token: Span::new(start, text.len()),
        public: if named { 0 } else { prefix.len() },
        text,
    })
}

/// A body of `make` that detection takes for a token: a few are too regular for the entropy that the form
/// asks for, or for a place without prefix. Spoilt ones are as they come.
fn random_enough(
    form: &Form,
    prefix: &str,
    modifier: Option<Modifier>,
    make: impl FnMut() -> Option<String>,
) -> Option<String> {
    let suits = |body: &str| {
        (!prefix.is_empty() || looks_random(body))
            && form
                .entropy
                .is_none_or(|floor| entropy(body.as_bytes()) >= floor)
    };
    let mut last = None;
    for body in std::iter::repeat_with(make).take(ATTEMPTS) {
        let body = body?;
        if modifier.is_some() || suits(&body) {
            return Some(body);
        }
        last = Some(body);
    }
    last
}

/// A body that `pattern` matches; `None` where the modifier does not fit.
fn patterned(
    pattern: &Pattern,
    modifier: Option<Modifier>,
    random: &mut SplitMix64,
) -> Option<String> {
    let mut body = pattern.sample(&mut |bound| random.below(bound));
    match modifier {
        // A pattern of many lengths may match what is shorter or longer.
        Some(Modifier::Short | Modifier::Long) if !pattern.has_one_length() => return None,
        Some(Modifier::Short) => drop(body.pop()),
        Some(Modifier::Long) => body.push('A'),
        Some(Modifier::Placeholder) => body = "x".repeat(body.len()),
        Some(Modifier::Slug) => body = slug(body.len()),
        Some(Modifier::Alphabet | Modifier::Broken) => return None,
        Some(Modifier::Glued) | None => {}
    }
    Some(body)
}

/// Whether a body has a digit, and an upper case letter where it is not of hexadecimal digits.
fn looks_random(body: &str) -> bool {
    let has = |test: fn(&u8) -> bool| body.bytes().any(|byte| test(&byte));
    let is_hex = body.bytes().all(|byte| Alphabet::Hex.contains(byte));
    has(u8::is_ascii_digit) && (is_hex || has(u8::is_ascii_uppercase))
}

/// A body of `segments`; `None` where the modifier does not fit.
fn segmented(
    segments: &[Segment],
    modifier: Option<Modifier>,
    random: &mut SplitMix64,
) -> Option<String> {
    let secret = segments.iter().rposition(
        |segment| matches!(segment, Segment::Run { alphabet, .. } if *alphabet != Alphabet::Digits),
    );
    let mut body = String::new();
    for (index, segment) in segments.iter().enumerate() {
        let (alphabet, min, max) = match segment {
            Segment::Text(text) => {
                body.push_str(text);
                continue;
            }
            Segment::Run { alphabet, min, max } => (*alphabet, *min, *max),
        };
        // Half a kilobyte is long enough for what has no real upper bound.
        let usual = min + random.below(max.min(min + 512) - min + 1);
        let is_secret = Some(index) == secret;
        let length = match modifier {
            Some(Modifier::Short) if is_secret => min.checked_sub(1)?,
            Some(Modifier::Long) if is_secret => max + 1,
            _ => usual,
        };
        let mut run = random.run(alphabet, length);
        match modifier {
            Some(Modifier::Placeholder) => run = "x".repeat(length),
            Some(Modifier::Slug) => run = slug(length),
            Some(Modifier::Alphabet) if is_secret => {
                if alphabet != Alphabet::Friendly {
                    return None;
                }
                run.replace_range(length / 2..=length / 2, "l");
            }
            Some(Modifier::Broken) => return None,
            _ => {}
        }
        body.push_str(&run);
    }
    Some(body)
}

/// Lower-case words with hyphens, `length` characters long.
fn slug(length: usize) -> String {
    "button-primary-large-outline-"
        .chars()
        .cycle()
        .take(length)
        .collect()
}

/// Payload, length and checksum behind `prefix`; `None` where the modifier does not fit.
fn routable(
    kind: Option<TokenKind>,
    prefix: &str,
    versioned: bool,
    modifier: Option<Modifier>,
    random: &mut SplitMix64,
) -> Option<String> {
    let lines = payload(kind, versioned, random);
    let noise = random.bytes(16);
    let bytes = if versioned {
        let counted = u8::try_from(lines.len()).expect("payloads are short");
        [noise.as_slice(), lines.as_bytes(), &[counted]].concat()
    } else {
        [lines.as_bytes(), noise.as_slice(), &[16]].concat()
    };
    let mut encoded = URL_SAFE_NO_PAD.encode(bytes);
    let mark = if versioned { ".01." } else { "." };
    let length = base36(encoded.len() as u64, 2);
    let covered = format!("{prefix}{encoded}{mark}{length}");
    let mut checksum = base36(u64::from(crc32fast::hash(covered.as_bytes())), 7);
    match modifier {
        Some(Modifier::Short) => drop(encoded.remove(1)),
        Some(Modifier::Long) => encoded.insert(1, 'A'),
        Some(Modifier::Broken) => {
            let changed = if checksum.ends_with('7') { "8" } else { "7" };
            checksum.replace_range(6.., changed);
        }
        Some(Modifier::Placeholder) => {
            encoded = "x".repeat(encoded.len());
            checksum = "x".repeat(7);
        }
        Some(Modifier::Slug) => encoded = slug(encoded.len()),
        Some(Modifier::Alphabet) => return None,
        Some(Modifier::Glued) | None => {}
    }
    Some(format!("{encoded}{mark}{length}{checksum}"))
}

/// The lines of a routing payload, with the keys that tokens of this kind carry.
fn payload(kind: Option<TokenKind>, versioned: bool, random: &mut SplitMix64) -> String {
    let mut id = |bound| base36(1 + random.below(bound) as u64, 1);
    let mut lines = Vec::new();
    if id(2) == "1" {
        lines.push(String::from("c:1"));
    }
    match kind {
        Some(TokenKind::RunnerAuthenticationToken) => {
            lines.push(format!("g:{}", id(1_000_000)));
            lines.push(String::from("o:1"));
            if versioned {
                lines.push(String::from("t:2"));
            }
            lines.push(format!("u:{}", id(10_000_000)));
        }
        Some(TokenKind::AgentToken) => {
            lines.push(String::from("o:1"));
            lines.push(format!("p:{}", id(10_000_000)));
        }
        _ => {
            lines.push(String::from("o:1"));
            lines.push(format!("u:{}", id(10_000_000)));
        }
    }
    lines.join("\n")
}

/// `number` in base36, padded with zeros to `width`.
fn base36(mut number: u64, width: usize) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    while number > 0 || digits.len() < width {
        let digit = usize::try_from(number % 36).expect("below 36");
        digits.push(char::from(DIGITS[digit]));
        number /= 36;
    }
    digits.iter().rev().collect()
}
