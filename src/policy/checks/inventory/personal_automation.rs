//! Finds personal tokens that machines use.

use serde::Deserialize;

use super::{active, with_params, words};
use crate::model::{Confidence, InventoryToken, Site, Violation};
use crate::policy::{Check, CheckDef, Context};

pub(in super::super) const DEF: CheckDef = CheckDef {
    name: "personal-token-for-automation",
    build: with_params::<PersonalAutomation>,
};

/// A token that acts as a person and is kept in a CI/CD variable, or whose name, description or
/// consumer speaks of automation.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PersonalAutomation {
    /// Words that speak of automation.
    words: Vec<String>,
}

impl Check for PersonalAutomation {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        for token in active(context) {
            // A list of personal tokens names those of service accounts too.
            if !token.kind.is_personal() || says_service_account(token) {
                continue;
            }
            let found = kept_in_variable(token).or_else(|| self.speaks_of_automation(token));
            violations.extend(found);
        }
    }
}

impl PersonalAutomation {
    fn speaks_of_automation(&self, token: &InventoryToken) -> Option<Violation> {
        let purpose_field = ["purpose", "description"]
            .into_iter()
            .find(|field| token.fields.contains_key(*field));
        let consumers = token.consumers.join(" ");
        let texts = [
            ("name", token.name.as_str()),
            (
                purpose_field.unwrap_or("description"),
                token.purpose.as_deref().unwrap_or_default(),
            ),
            ("consumers", consumers.as_str()),
        ];
        texts.into_iter().find_map(|(field, text)| {
            let found = words::among(text, &self.words);
            if found.is_empty() {
                return None;
            }
            let quoted: Vec<String> = found
                .iter()
                .take(3)
                .map(|word| format!("`{word}`"))
                .collect();
            let noun = if field == "consumers" {
                "consumer"
            } else {
                field
            };
            let message = format!(
                "{} acts as a person, and its {noun} speaks of automation ({})",
                token.title(),
                quoted.join(", ")
            );
            let site = token.field_site(&[field]);
            Some(violation(token, site, message).confidence_at_most(Confidence::Medium))
        })
    }
}

fn kept_in_variable(token: &InventoryToken) -> Option<Violation> {
    let place = token.held_in.first()?;
    let message = format!(
        "{} acts as a person, and is kept in the CI/CD variable {}",
        token.title(),
        super::super::phrase::code(&place.ci_variable)
    );
    Some(violation(token, token.field_site(&["stored_in"]), message))
}

fn says_service_account(token: &InventoryToken) -> bool {
    let texts = [
        Some(&token.name),
        token.owner.as_ref(),
        token.purpose.as_ref(),
    ];
    texts.into_iter().flatten().any(|text| {
        words::of(text)
            .windows(2)
            .any(|pair| pair[0] == "service" && pair[1].starts_with("account"))
    })
}

fn violation(token: &InventoryToken, site: Site, message: String) -> Violation {
    Violation::new(site, token.identity(), message)
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;
    use crate::model::{HeldIn, TokenKind, TokenState};

    fn check() -> PersonalAutomation {
        PersonalAutomation {
            words: ["ci", "bot", "job", "release"].map(str::to_owned).to_vec(),
        }
    }

    fn token(name: &str, description: &str) -> InventoryToken {
        let mut token = entry::of(TokenKind::PersonalAccessToken, &["api"]);
        name.clone_into(&mut token.name);
        token.purpose = Some(description.to_owned());
        token
    }

    #[test]
    fn words_of_name_description_and_consumers() {
        let found = entry::run(&check(), token("deploy-helper", "used by release job"));
        assert_eq!(
            found[0].message,
            "personal access token `deploy-helper` (id 7) acts as a person, and its description \
             speaks of automation (`release`, `job`)"
        );
        assert_eq!(found[0].primary, entry::field("description"));
        assert_eq!(found[0].confidence, Some(Confidence::Medium));

        let found = entry::run(&check(), token("renovateBot", ""));
        assert_eq!(found[0].primary, entry::field("name"));

        let mut consumed = token("laptop", "");
        consumed.consumers = vec!["acme/ci".to_owned()];
        let found = entry::run(&check(), consumed);
        assert!(found[0].message.contains("its consumer speaks"));
    }

    #[test]
    fn a_ci_variable_is_proof() {
        let mut kept = token("laptop", "");
        kept.held_in = vec![HeldIn {
            ci_variable: "RELEASE_TOKEN".to_owned(),
            ..HeldIn::default()
        }];
        let found = entry::run(&check(), kept);
        assert!(
            found[0]
                .message
                .ends_with("the CI/CD variable `RELEASE_TOKEN`")
        );
        assert_eq!(found[0].primary, entry::field("stored_in"));
        assert_eq!(found[0].confidence, None);
    }

    #[test]
    fn people_service_accounts_bots_and_inactive_entries_are_silent() {
        for (name, description) in [
            ("old laptop", ""),
            ("pipeline reader", "decisions, jobless"),
            ("bot", "of the service account for CI"),
        ] {
            let found = entry::run(&check(), token(name, description));
            assert!(found.is_empty(), "{name}");
        }
        for kind in [
            TokenKind::ProjectAccessToken,
            TokenKind::ServiceAccountAccessToken,
            TokenKind::AccessToken,
        ] {
            let mut bot = token("release bot", "");
            bot.kind = kind;
            assert!(entry::run(&check(), bot).is_empty());
        }
        let mut revoked = token("ci bot", "");
        revoked.state = TokenState::Revoked;
        assert!(entry::run(&check(), revoked).is_empty());
    }
}
