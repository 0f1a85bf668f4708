//! Values that documentation shows in place of tokens, by their digests.
//!
//! They look as if GitLab had made them, and stand in thousands of copies of the pages that show them.
//! Read in the list of fake tokens of GitLab's documentation style guide (gitlabhq/gitlabhq
//! `doc/development/documentation/styleguide`), in GitLab's older API documents (`doc/api/README.md`) and
//! in the documents of python-gitlab (python-gitlab/python-gitlab `docs/cli-usage.rst`,
//! `docs/api-usage.rst`).

use crate::model::Digest;

/// Digests of the values, without prefix.
const DIGESTS: &[&str] = &[
    "91fa4af81aa08dddf8b1a9db2c7bd4b8",
    "b25630be6d6fbd79e207ec7ddfd44126",
    "1e65a8c8bdb6e336c31f94781e2d08b4",
    "b369401e9d527b68f34f8a2abecd472d",
    "4141e48611619da66da206826856619d",
    "a2855efe8b8314e073ab8f2e0dd460ee",
    "9cea570c0140f8d2196d97829aae444d",
    "5ae87d25e5e98f1cb5a592665db26f57",
    "ce81cbb4496e4f1233a9b9b89a13b0b8",
    "61bac5bdbf0b8d37c97050f8cb964f77",
    "34eefbded8d87d618399ebdc9b55710f",
    "e28c0a0deca6684a1814fe64110328d7",
    "977c4905066a510b815390bb03939b6b",
];

/// Whether `body` is one of the values.
pub(super) fn is_documented(body: &[u8]) -> bool {
    matches!(body.len(), 20 | 30 | 64) && DIGESTS.contains(&Digest::of(body).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_documents_are_known_and_others_are_not() {
        // In halves, for whoever looks for tokens in this file.
        for (first, second) in [
            ("9koXpg98eA", "heJpvBs5tK"),
            ("QVy1PB7sTx", "fy4pqfZM1U"),
            ("JVNSESs8Ew", "WRx5yDxM5q"),
            ("be20d8dcc028677", "c931e04f3871a9b"),
        ] {
            let value = [first, second].concat();
            assert!(is_documented(value.as_bytes()), "{first}");
            assert!(!is_documented(
                value.to_lowercase().replace('b', "c").as_bytes()
            ));
        }
        assert!(!is_documented(b""));
    }
}
