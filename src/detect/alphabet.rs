//! The characters of tokens, and runs of them.
//!
//! Everything that walks over bytes of a token asks here, so that "word character" means the same on
//! the left of a token, inside it and on its right.

use crate::rules::Alphabet;

/// Whether `byte` may stand inside of a token: `A-Z a-z 0-9 _ -`. Any other byte bounds one.
pub(super) const fn is_word(byte: u8) -> bool {
    Alphabet::Base64url.contains(byte)
}

/// Length of the run of `alphabet` at the start of `text`. It stops counting at `enough`, which is
/// what bounds the work on a file that is one endless run.
pub(super) fn run_length(alphabet: Alphabet, text: &[u8], enough: usize) -> usize {
    text.iter()
        .take(enough)
        .take_while(|byte| alphabet.contains(**byte))
        .count()
}

/// Whether GitLab's generator never makes `byte`: `Devise.friendly_token` maps `l I O 0` to
/// `s x y z` (gitlabhq/gitlabhq `lib/authn/token_field/base.rb`).
pub(super) fn is_unfriendly(byte: u8) -> bool {
    matches!(byte, b'l' | b'I' | b'O' | b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_counted_no_further_than_enough() {
        assert_eq!(run_length(Alphabet::Hex, b"abc0g", 100), 4);
        assert_eq!(run_length(Alphabet::Hex, b"abc0g", 3), 3);
        assert_eq!(run_length(Alphabet::Hex, b"", 3), 0);
    }
}
