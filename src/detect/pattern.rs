//! What rule files may say of a token beyond its pieces: a pattern for its body, a floor for its entropy,
//! values that are none.
//!
//! All of it is asked at a hit of the search, never of the text as a whole.

use super::evidence::{Verdict, judge};
use super::form::{CompiledForm, Shape};
use crate::model::{Evidence, Span};
use crate::rules::{Alphabet, Pattern};

/// Matches `pattern` at `from`. What its match looks like is judged as any other body is.
pub(super) fn match_pattern(
    text: &[u8],
    from: usize,
    pattern: &Pattern,
    has_context: bool,
) -> Option<Shape> {
    let end = pattern.end_of_match(text, from)?;
    let body = &text[from..end];
    let alphabet = if body.iter().all(|byte| Alphabet::Hex.contains(*byte)) {
        Alphabet::Hex
    } else {
        Alphabet::Base64url
    };
    let mut evidence = Vec::new();
    let mut verdict = Verdict::HIGH;
    verdict.lower_to(judge(alphabet, body, &mut evidence));
    if pattern.has_one_length() {
        evidence.insert(0, Evidence::ExactLength);
    }
    if has_context {
        evidence.push(Evidence::Context);
    }
    Some(Shape {
        end,
        verdict,
        evidence,
    })
}

impl CompiledForm {
    /// Whether the rule takes the token at `token` for one; its first `public` bytes are no secret.
    pub(super) fn accepts(&self, text: &[u8], token: Span, public: usize) -> bool {
        let bytes = &text[token.start..token.end];
        let is_random = self
            .entropy
            .is_none_or(|floor| entropy(&bytes[public..]) >= floor);
        is_random && (self.allow.is_empty() || !self.allow.allows(bytes))
    }
}

/// Shannon entropy of the bytes, in bits a byte.
pub(super) fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_the_textbook() {
        let close = |bytes: &[u8], bits: f64| (entropy(bytes) - bits).abs() < 1e-9;
        assert!(close(b"", 0.0));
        assert!(close(b"aaaa", 0.0));
        assert!(close(b"abab", 1.0));
        assert!(close(b"abcdefgh", 3.0));
        assert!(close(&(0..=255).collect::<Vec<u8>>(), 8.0));
        assert!(close(b"aab", 0.918_295_834_054_489_6));
    }
}
