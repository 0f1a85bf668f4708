//! Finds tokens that never end.

use serde::Deserialize;

use super::{active, with_params};
use crate::model::{Expiry, TokenKind, Violation};
use crate::policy::{Check, CheckDef, Context};
use crate::rules::knowledge::KnowledgeBase;

pub(in super::super) const DEF: CheckDef = CheckDef {
    name: "token-no-expiry",
    build: with_params::<NoExpiry>,
};

/// An active token without an end, of a kind that could have one.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoExpiry {}

impl Check for NoExpiry {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        for token in active(context) {
            if token.expires == Expiry::Never && can_expire(token.kind, context.knowledge) {
                violations.push(Violation::new(
                    token.field_site(&["expires_at"]),
                    token.identity(),
                    format!("{} never expires", token.title()),
                ));
            }
        }
    }
}

/// Whether GitLab lets one say when a credential of this kind ends. A feed token or an OAuth
/// application has no such field, so that its absence is nobody's omission.
fn can_expire(kind: TokenKind, knowledge: &KnowledgeBase) -> bool {
    kind == TokenKind::AccessToken
        || knowledge
            .kind(kind)
            .is_some_and(|facts| facts.can_expire == Some(true))
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;
    use crate::model::TokenState;
    use jiff::civil::date;

    #[test]
    fn an_end_that_is_null_is_told_at_its_line() {
        let mut token = entry::of(TokenKind::DeployToken, &["read_registry"]);
        token.expires = Expiry::Never;
        let found = entry::run(&NoExpiry {}, token);
        assert_eq!(
            found[0].message,
            "deploy token `sample` (id 7) never expires"
        );
        assert_eq!(found[0].primary, entry::field("expires_at"));
        assert_eq!(found[0].subject, "deploy_token:7");
    }

    #[test]
    fn an_end_or_none_stated_is_silent() {
        let token = entry::of(TokenKind::PersonalAccessToken, &[]);
        assert!(entry::run(&NoExpiry {}, token.clone()).is_empty());
        let token = entry::ending(token, date(2099, 1, 1));
        assert!(entry::run(&NoExpiry {}, token).is_empty());
    }

    #[test]
    fn revoked_tokens_and_kinds_without_an_end_are_silent() {
        let mut token = entry::of(TokenKind::PersonalAccessToken, &[]);
        token.expires = Expiry::Never;
        token.state = TokenState::Revoked;
        assert!(entry::run(&NoExpiry {}, token.clone()).is_empty());
        token.state = TokenState::Active;
        for kind in [TokenKind::FeedToken, TokenKind::OauthApplication] {
            token.kind = kind;
            assert!(entry::run(&NoExpiry {}, token.clone()).is_empty());
        }
        token.kind = TokenKind::AccessToken;
        assert_eq!(entry::run(&NoExpiry {}, token).len(), 1);
    }
}
