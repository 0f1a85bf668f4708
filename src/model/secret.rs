//! A secret and the three things that may be told of it: digest, mask, evidence.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The bytes of a token while `detect` looks at them.
///
/// There is no `Display`, and the type is never stored: what leaves `detect` is a [`Digest`] and a
/// [`Mask`].
#[derive(Clone, Copy)]
pub struct Secret<'t> {
    bytes: &'t [u8],
    prefix: usize,
}

impl<'t> Secret<'t> {
    /// A token whose first `prefix` bytes are public (`glpat-`).
    pub fn new(bytes: &'t [u8], prefix: usize) -> Self {
        Self {
            bytes,
            prefix: prefix.min(bytes.len()),
        }
    }

    /// The whole token.
    pub const fn bytes(self) -> &'t [u8] {
        self.bytes
    }

    /// What follows the public prefix.
    pub fn body(self) -> &'t [u8] {
        &self.bytes[self.prefix..]
    }

    /// The stable name of this token in every report.
    pub fn digest(self) -> Digest {
        Digest::of(self.bytes)
    }

    /// The token as it may be shown.
    pub fn mask(self) -> Mask {
        let text = String::from_utf8_lossy(self.bytes);
        let prefix = String::from_utf8_lossy(&self.bytes[..self.prefix])
            .chars()
            .count();
        let hidden = text.chars().count() - prefix;
        let shown_tail = Mask::shown_tail(hidden);
        let stars = hidden - shown_tail;
        let mut shown: String = text.chars().take(prefix).collect();
        shown.extend(std::iter::repeat_n('*', stars));
        shown.extend(text.chars().skip(prefix + stars));
        Mask(shown)
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = String::from_utf8_lossy(&self.bytes[..self.prefix]);
        write!(
            f,
            "Secret({prefix}, {} hidden bytes)",
            self.bytes.len() - self.prefix
        )
    }
}

/// First 32 hexadecimal digits of the SHA-256 of a token's bytes.
///
/// GitLab tokens have at least 119 random bits, so no key is needed to keep the digest from being
/// turned round.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = hex(&Sha256::digest(bytes));
        text.truncate(32);
        Self(text)
    }

    /// The digest that `text` spells, if it spells one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 32 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The 32 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower-case hexadecimal text of `bytes`.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// A token as it may be shown: public prefix, one `*` for each hidden character, and the last four
/// characters when 20 or more are secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mask(String);

impl Mask {
    /// How many of `secret` characters may be shown, at the end.
    pub const fn shown_tail(secret: usize) -> usize {
        if secret >= 20 { 4 } else { 0 }
    }

    /// The mask that a report of this program shows.
    pub const fn from_report(text: String) -> Self {
        Self(text)
    }

    /// The masked text, of as many characters as the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the checksum of a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Checksum {
    /// The kind carries none.
    None,
    /// It verifies, with length field and payload: made by a GitLab instance.
    Verified,
    /// It does not: damaged, edited or made up.
    Broken,
}

words! {
    /// One reason to believe, or not to believe, that a text is a live token.
    Evidence, "evidence":
    /// CRC-32, length field and routing payload agree.
    ChecksumVerified = "checksum-verified",
    /// The shape of a routable token with a checksum, length or payload that does not hold.
    ChecksumBroken = "checksum-broken",
    /// Exactly the length that GitLab makes.
    ExactLength = "exact-length",
    /// Only characters that GitLab's generator makes.
    GeneratorAlphabet = "generator-alphabet",
    /// Holds `l`, `I`, `O` or `0`, which the generator never makes.
    OutsideGeneratorAlphabet = "outside-generator-alphabet",
    /// Too few different characters, or one repeated.
    LowVariety = "low-variety",
    /// Runs such as `abcdef` or `123456`.
    Sequence = "sequence",
    /// Reads like words or a slug.
    Words = "words",
    /// Says of itself that it is a placeholder.
    Placeholder = "placeholder",
    /// Found by what stands next to it.
    Context = "context",
    /// An instance's own prefix stands before the known one, which only an administrator sets.
    InstancePrefix = "instance-prefix",
    /// Put together from several parts: string literals, lines, what stands between invisible characters.
    Split = "split",
}

/// The identifiers in the payload of a routable token, read offline.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Routing {
    /// Key `c`.
    pub cell: Option<u64>,
    /// Key `g`.
    pub group: Option<u64>,
    /// Key `o`; 1 is the default organization.
    pub organization: Option<u64>,
    /// Key `p`.
    pub project: Option<u64>,
    /// Key `t`: 1 instance, 2 group, 3 project runner.
    pub runner_type: Option<u64>,
    /// Key `u`: for project, group and service-account tokens the bot user.
    pub user: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_length_prefix_and_a_tail_of_four_from_twenty_on() {
        let secret = Secret::new(b"pre-aaaaaaaaaaaaaaaaaaaaWXYZ", 4);
        assert_eq!(secret.mask().as_str(), "pre-********************WXYZ");
        let short = Secret::new(b"pre-aaaaaaaaaaaaaaaWXYZ", 4);
        assert_eq!(short.mask().as_str(), "pre-*******************");
    }

    #[test]
    fn debug_tells_prefix_and_length_alone() {
        assert_eq!(
            format!("{:?}", Secret::new(b"pre-hidden", 4)),
            "Secret(pre-, 6 hidden bytes)"
        );
    }

    #[test]
    fn a_digest_is_read_from_its_own_digits_alone() {
        let digest = Digest::of(b"abc");
        assert_eq!(Digest::parse(digest.as_str()), Some(digest.clone()));
        for text in ["", &digest.as_str()[1..], &digest.as_str().to_uppercase()] {
            assert_eq!(Digest::parse(text), None, "{text}");
        }
    }

    #[test]
    fn digest_is_the_front_of_sha256() {
        assert_eq!(
            Digest::of(b"abc").as_str(),
            "ba7816bf8f01cfea414140de5dae2223"
        );
    }
}
