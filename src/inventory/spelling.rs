//! Finds the word that was meant.

/// Words longer than this are no typing mistakes of ours.
const MAX_LEN: usize = 40;

/// The candidate that differs least from `word`, if it differs by few enough letters to be meant.
pub(super) fn closest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    if word.len() > MAX_LEN {
        return None;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    candidates
        .iter()
        .map(|candidate| (distance(&word, candidate), *candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete or replace to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (above, from) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (at, to) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("scope", "scopes"), 1);
        assert_eq!(distance("expires_at", "expired_at"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kind", "kind"), 0);
    }

    #[test]
    fn near_words_are_meant_and_far_ones_are_not() {
        let known = ["expires_at", "scopes", "kind"];
        assert_eq!(closest("expire_at", &known), Some("expires_at"));
        assert_eq!(closest("Expires-At", &known), Some("expires_at"));
        assert_eq!(closest("colour", &known), None);
        assert_eq!(closest(&"k".repeat(100), &known), None);
    }
}
