//! The words of names and descriptions that people gave to tokens.

/// The words of `text` in lower case: cut at everything that is no letter or digit and where a small
/// letter meets a capital, without digits at the end (`renovateBot2` is `renovate`, `bot`).
pub(super) fn of(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_small = false;
    for c in text.chars() {
        if !c.is_alphanumeric() || (after_small && c.is_uppercase()) {
            finish(&mut word, &mut words);
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        after_small = c.is_lowercase();
    }
    finish(&mut word, &mut words);
    words
}

fn finish(word: &mut String, words: &mut Vec<String>) {
    let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
    if !bare.is_empty() {
        words.push(bare.to_owned());
    }
    word.clear();
}

/// The words of `text` that are among `known`, in its order, each once.
pub(super) fn among<'k>(text: &str, known: &'k [String]) -> Vec<&'k str> {
    let mut found = Vec::new();
    for word in of(text) {
        if let Some(known) = known.iter().find(|known| **known == word)
            && !found.contains(&known.as_str())
        {
            found.push(known.as_str());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_at_signs_capitals_and_digits() {
        assert_eq!(of("renovateBot2"), ["renovate", "bot"]);
        assert_eq!(of("CI/CD  (nightly)"), ["ci", "cd", "nightly"]);
        assert_eq!(of("acme_release-job.7"), ["acme", "release", "job"]);
        assert_eq!(of("précis ÄÖÜ"), ["précis", "äöü"]);
        assert!(of("-- 42 --").is_empty());
    }

    #[test]
    fn only_whole_words_count() {
        let known = ["ci".to_owned(), "bot".to_owned()];
        assert!(among("decision about both", &known).is_empty());
        assert_eq!(among("bot for CI, the Bot", &known), ["bot", "ci"]);
    }
}
