//! Placeholders in texts: `{{KIND/FORM@PREFIX#N|modifier}}`; a rule may stand in place of the kind.

use super::{Modifier, Specimen, SpecimenError, SplitMix64, make};
use crate::model::TokenKind;
use crate::rules::{Detector, Form, Rule, RuleBody};

/// A text with the tokens that stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The text.
    pub text: String,
    /// One for each placeholder, in order.
    pub specimens: Vec<Specimen>,
}

/// Replaces the placeholders of `text` by tokens of the forms of `rules`. The same placeholder and
/// seed give the same token; with another modifier they give the same token, spoilt.
///
/// Braces that hold no `kind/form` are left alone: templates of other languages have them too.
pub fn expand<'r>(
    text: &str,
    rules: impl IntoIterator<Item = &'r Rule>,
    seed: u64,
) -> Result<String, SpecimenError> {
    expand_listing(text, rules, seed).map(|expansion| expansion.text)
}

/// Like [`expand`], and lists what it made, so that tests can look for it in places where it must
/// not be.
pub fn expand_listing<'r>(
    text: &str,
    rules: impl IntoIterator<Item = &'r Rule>,
    seed: u64,
) -> Result<Expansion, SpecimenError> {
    let rules: Vec<&Rule> = rules.into_iter().collect();
    let mut expansion = Expansion {
        text: String::with_capacity(text.len()),
        specimens: Vec::new(),
    };
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let (before, inside) = (&rest[..open], &rest[open + 2..]);
        expansion.text.push_str(before);
        let found = match inside.split_once("}}") {
            Some((inner, after)) => Placeholder::parse(inner)?.zip(Some(after)),
            None => None,
        };
        if let Some((placeholder, after)) = found {
            let specimen = placeholder.make(&rules, seed)?;
            expansion.text.push_str(&specimen.text);
            expansion.specimens.push(specimen);
            rest = after;
        } else {
            expansion.text.push_str("{{");
            rest = inside;
        }
    }
    expansion.text.push_str(rest);
    Ok(expansion)
}

struct Placeholder<'t> {
    /// Everything but the modifier.
    name: &'t str,
    kind: &'t str,
    form: &'t str,
    prefix: Option<&'t str>,
    modifier: Option<Modifier>,
}

impl<'t> Placeholder<'t> {
    /// Reads what stands between the braces; `None` where it is something else.
    fn parse(inner: &'t str) -> Result<Option<Self>, SpecimenError> {
        let (name, modifier) = match inner.split_once('|') {
            Some((name, modifier)) => (name, Some(modifier)),
            None => (inner, None),
        };
        let (path, _number) = name.split_once('#').unwrap_or((name, ""));
        let (path, prefix) = match path.split_once('@') {
            Some((path, prefix)) => (path, Some(prefix)),
            None => (path, None),
        };
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
        };
        let Some((kind, form)) = path.split_once('/') else {
            return Ok(None);
        };
        if !is_word(kind) || !is_word(form) {
            return Ok(None);
        }
        let modifier = modifier
            .map(|word| {
                Modifier::ALL
                    .iter()
                    .copied()
                    .find(|modifier| modifier.as_str() == word)
                    .ok_or_else(|| SpecimenError::UnknownModifier(String::from(word)))
            })
            .transpose()?;
        Ok(Some(Self {
            name,
            kind,
            form,
            prefix,
            modifier,
        }))
    }

    fn make(&self, rules: &[&Rule], seed: u64) -> Result<Specimen, SpecimenError> {
        let kind: Option<TokenKind> = self.kind.parse().ok();
        let form = match kind {
            Some(kind) => find_form(rules, kind, self.form),
            None => detector(rules, self.kind)
                .ok_or_else(|| SpecimenError::UnknownKind(String::from(self.kind)))?
                .forms
                .iter()
                .find(|form| form.name == self.form),
        };
        let form = form.ok_or_else(|| SpecimenError::UnknownForm {
            kind: String::from(self.kind),
            form: String::from(self.form),
        })?;
        let prefix = self
            .prefix
            .or_else(|| form.prefixes.first().map(String::as_str))
            .unwrap_or_default();
        let mut random = SplitMix64::named(seed, self.name);
        make(kind, form, prefix, self.modifier, &mut random)
    }
}

/// The detector of the rule with this id.
fn detector<'r>(rules: &[&'r Rule], id: &str) -> Option<&'r Detector> {
    let rule = rules.iter().find(|rule| rule.id.as_str() == id)?;
    match &rule.body {
        RuleBody::Detector(detector) => Some(detector),
        RuleBody::Check { .. } => None,
    }
}

/// The form of this name that tokens of `kind` may have.
fn find_form<'r>(rules: &[&'r Rule], kind: TokenKind, name: &str) -> Option<&'r Form> {
    rules.iter().find_map(|rule| {
        let RuleBody::Detector(detector) = &rule.body else {
            return None;
        };
        detector.forms.iter().find(|form| {
            let kinds = if form.kinds.is_empty() {
                &detector.kinds
            } else {
                &form.kinds
            };
            form.name == name && kinds.contains(&kind)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    fn expanded(text: &str) -> Result<Expansion, SpecimenError> {
        let rules = RuleSet::builtin(&|_, _| Ok(())).unwrap();
        expand_listing(text, &rules, 1)
    }

    #[test]
    fn the_same_placeholder_is_the_same_token_and_a_number_makes_another() {
        let made =
            expanded("{{deploy_token/legacy}} {{deploy_token/legacy}} {{deploy_token/legacy#2}}")
                .unwrap();
        let [first, again, other] = &made.specimens[..] else {
            panic!("three");
        };
        assert!(first == again && first != other);
        assert_eq!(
            made.text,
            format!("{} {} {}", first.text, again.text, other.text)
        );
    }

    #[test]
    fn a_modifier_spoils_the_token_that_stands_without_it() {
        let made = expanded(
            "{{personal_access_token/routable-v1}} {{personal_access_token/routable-v1|broken}}",
        )
        .unwrap();
        let (right, broken) = (made.specimens[0].token(), made.specimens[1].token());
        assert_eq!(right.len(), broken.len());
        assert_eq!(right[..right.len() - 1], broken[..broken.len() - 1]);
        assert_ne!(right, broken);
    }

    #[test]
    fn a_prefix_may_be_chosen_or_empty() {
        let made = expanded(
            "{{personal_access_token/routable-v1@a-b_}} {{personal_access_token/routable-v1@}}",
        )
        .unwrap();
        assert!(made.specimens[0].token().starts_with("a-b_"));
        assert_eq!(made.specimens[0].public, 4);
        assert_eq!(made.specimens[1].public, 0);
    }

    #[test]
    fn the_name_of_a_parameter_is_no_part_of_the_token() {
        let made = expanded("{{gitlab_session_cookie/hex32}}").unwrap();
        assert_eq!(made.specimens[0].token().len(), 32);
        assert_eq!(made.text.len(), "_gitlab_session=".len() + 32);
    }

    #[test]
    fn other_braces_are_left_alone() {
        for text in [
            "{{ .Values.token }}",
            "{{a}}",
            "{{",
            "{{}}",
            "}} {{/}}",
            "{{A/b}}",
        ] {
            assert_eq!(expanded(text).unwrap().text, text);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let message = |text: &str| expanded(text).unwrap_err().to_string();
        assert_eq!(message("{{a/b}}"), "`a` is no token kind and no detector");
        assert_eq!(
            message("{{deploy_token/b}}"),
            "no detector has a form `b` of `deploy_token`"
        );
        assert_eq!(
            message("{{deploy_token/legacy|odd}}"),
            "`odd` is no modifier of a placeholder"
        );
        assert_eq!(
            message("{{deploy_token/legacy|broken}}"),
            "`broken` does not fit the form `legacy`"
        );
    }
}
