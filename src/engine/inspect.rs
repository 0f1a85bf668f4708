//! One token on its own: whether it is one, and what it says about itself.

use crate::detect::{Detection, Detector};
use crate::model::Inspection;
use crate::rules::RuleSet;

/// What may have to stand around a token for its detector to know it, and nothing at first: a runner's
/// partition without prefix means something below `[[runners]]` alone.
const AROUND: [(&str, &str); 2] = [("", ""), ("[[runners]]\ntoken = \"", "\"\n")];

/// What `token` is; `None` where it is no token that `rules` know, or more than one token.
///
/// The name of a parameter or cookie may stand before the token, as in `feed_token=…`.
pub fn inspect(token: &[u8], rules: &RuleSet) -> Option<Inspection> {
    let detector = Detector::new(rules);
    AROUND.iter().find_map(|(before, after)| {
        let text = [before.as_bytes(), token, after.as_bytes()].concat();
        let mut found = Vec::new();
        detector.scan(&text, &mut found);
        let [
            Detection {
                span,
                public,
                encodings,
                ..
            },
        ] = found.as_slice()
        else {
            return None;
        };
        if !encodings.is_empty() {
            return None;
        }
        // The place was made up here, so it says nothing of a value without prefix.
        if !before.is_empty() && *public == 0 {
            return None;
        }
        let name = text.get(before.len()..span.start)?;
        let is_whole = span.end == before.len() + token.len();
        (is_whole && is_name(name)).then_some(())?;
        let found = found.pop()?;
        Some(Inspection {
            rule: found.rule,
            confidence: found.confidence,
            leak: found.leak,
        })
    })
}

/// Whether nothing, or a name and its `=`, stands before the token.
fn is_name(text: &[u8]) -> bool {
    match text.split_last() {
        None => true,
        Some((last, name)) => {
            *last == b'='
                && name
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::specimen::{Modifier, SplitMix64, make};
    use crate::engine::load_rules;
    use crate::model::{Checksum, Confidence, Digest, TokenKind};
    use crate::rules::{Body, RuleBody};

    #[test]
    fn every_form_is_known_by_itself() {
        let rules = load_rules(&[]).unwrap();
        let mut random = SplitMix64::new(3);
        for rule in &rules {
            let RuleBody::Detector(detector) = &rule.body else {
                continue;
            };
            for form in &detector.forms {
                let kind = *form.kinds.first().unwrap_or(&detector.kinds[0]);
                for prefix in &form.prefixes {
                    let made = make(kind, form, prefix, None, &mut random).unwrap();
                    let found = inspect(made.text.as_bytes(), &rules)
                        .unwrap_or_else(|| panic!("{} {}", rule.id, form.name));
                    assert_eq!(found.rule, rule.id);
                    assert!(found.leak.kinds.contains(&kind), "{}", form.name);
                    assert_eq!(found.leak.digest, Digest::of(made.token().as_bytes()));
                    let routable = !matches!(form.body, Body::Segments(_));
                    assert_eq!(found.leak.checksum() == Checksum::Verified, routable);
                }
            }
        }
    }

    #[test]
    fn a_place_that_was_made_up_proves_nothing() {
        let rules = load_rules(&[]).unwrap();
        let value = SplitMix64::new(4).friendly(20);
        assert_eq!(inspect(value.as_bytes(), &rules), None);
        let named = format!("private_token={value}");
        assert_eq!(
            inspect(named.as_bytes(), &rules).unwrap().confidence,
            Confidence::Medium
        );
    }

    fn access_token(modifier: Option<Modifier>) -> (RuleSet, String) {
        let rules = load_rules(&[]).unwrap();
        let RuleBody::Detector(detector) = &rules.get("leaked-access-token").unwrap().body else {
            panic!("a detector");
        };
        let form = &detector.forms[0];
        let kind = TokenKind::PersonalAccessToken;
        let made = make(kind, form, "glpat-", modifier, &mut SplitMix64::new(5)).unwrap();
        (rules.clone(), made.text)
    }

    #[test]
    fn a_damaged_token_is_a_shape_alone() {
        let (rules, token) = access_token(Some(Modifier::Broken));
        let found = inspect(token.as_bytes(), &rules).unwrap();
        assert_eq!(found.confidence, Confidence::Low);
        assert_eq!(found.leak.checksum(), Checksum::Broken);
        assert!(!found.is_token());
    }

    #[test]
    fn what_holds_a_token_among_other_things_is_none() {
        let (rules, token) = access_token(None);
        for text in [
            format!("{token} {token}"),
            format!("token: {token}"),
            format!("{token}."),
            format!("\"\n{token}"),
            String::new(),
            "glpat-".to_owned(),
        ] {
            assert_eq!(inspect(text.as_bytes(), &rules), None);
        }
    }
}
