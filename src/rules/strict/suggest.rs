//! What somebody probably meant to write.

/// Words longer than this are no misspelling of a key.
const MAX_WORD: usize = 64;

/// The candidate that comes nearest to `word`, if any is near enough to be meant; the first of equals.
pub fn suggest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let near = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_WORD)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; letter case
/// and `_` for `-` do not count.
fn distance(a: &str, b: &str) -> usize {
    let fold = |text: &str| -> Vec<char> {
        text.chars()
            .map(|c| match c {
                '_' => '-',
                c => c.to_ascii_lowercase(),
            })
            .collect()
    };
    let (a, b) = (fold(a), fold(b));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let keys = ["severity", "since", "references", "max-lifetime-days"];
        assert_eq!(suggest("severty", keys), Some("severity"));
        assert_eq!(suggest("sinec", keys), Some("since"));
        assert_eq!(
            suggest("max_lifetime_days", keys),
            Some("max-lifetime-days")
        );
        assert_eq!(suggest("Severity", keys), Some("severity"));
    }

    #[test]
    fn is_silent_where_nothing_is_near() {
        assert_eq!(suggest("colour", ["severity", "since"]), None);
        assert_eq!(suggest("", ["since"]), None);
        assert_eq!(suggest("ab", ["cd"]), None);
        assert_eq!(suggest(&"x".repeat(100_000), ["since"]), None);
    }

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("same", "same"), 0);
    }
}
