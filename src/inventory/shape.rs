//! Tells from its keys what a JSON or YAML object is.
//!
//! Sources: the REST documents of gitlabhq/gitlabhq under `doc/api/` (`personal_access_tokens.md`,
//! `user_tokens.md`, `project_access_tokens.md`, `deploy_tokens.md`, `runners.md`,
//! `pipeline_triggers.md`, `project_level_variables.md`, `project_job_token_scopes.md`,
//! `deploy_keys.md`, `applications.md`).

use super::value::{Member, Value, get};
use crate::model::TokenKind;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A list of tokens with what holds for all of them, or a hand-kept inventory.
    Wrapper,
    /// One token, of this kind if its keys tell.
    Token(Option<TokenKind>),
    /// Something else that GitLab lists, by its name in the plural.
    Foreign(&'static str),
    /// Nothing known.
    Unknown,
}

/// What the object with these members is.
pub(super) fn of(members: &[Member<'_>]) -> Shape {
    let has = |key| get(members, key).is_some();
    if has("tokens") || has("connections") || has("glpatrol") {
        Shape::Wrapper
    } else if has("kind") {
        Shape::Token(None)
    } else if has("runner_type") {
        Shape::Foreign("runners")
    } else if has("variable_type") {
        Shape::Foreign("CI/CD variables")
    } else if has("inbound_enabled") {
        Shape::Foreign("job token scope settings")
    } else if has("last_used") && (has("token") || has("owner")) {
        // Somebody who exports the list may have taken the tokens out of it.
        Shape::Token(Some(TokenKind::PipelineTriggerToken))
    } else if has("key") && has("can_push") {
        Shape::Foreign("deploy keys")
    } else if has("application_id") {
        Shape::Foreign("OAuth applications")
    } else if has("groups") && has("projects") {
        Shape::Foreign("token associations")
    } else if has("scopes") {
        Shape::Token(token_kind(members))
    } else {
        Shape::Unknown
    }
}

/// The kind that the keys of a token of the API give away.
fn token_kind(members: &[Member<'_>]) -> Option<TokenKind> {
    let impersonation = get(members, "impersonation").and_then(Value::boolean);
    let resource = get(members, "resource_type").and_then(Value::text);
    if impersonation == Some(true) {
        Some(TokenKind::ImpersonationToken)
    } else if resource == Some("project") {
        Some(TokenKind::ProjectAccessToken)
    } else if resource == Some("group") {
        Some(TokenKind::GroupAccessToken)
    } else if get(members, "username").is_some() && get(members, "expired").is_some() {
        Some(TokenKind::DeployToken)
    } else {
        None
    }
}

/// The name, in the plural, of a kind whose API entries are no tokens with scopes and dates.
pub(super) const fn foreign_kind(kind: TokenKind) -> Option<&'static str> {
    match kind {
        TokenKind::Runner => Some("runners"),
        TokenKind::CiVariable => Some("CI/CD variables"),
        TokenKind::JobTokenScope => Some("job token scope settings"),
        TokenKind::DeployKey => Some("deploy keys"),
        TokenKind::OauthApplication => Some("OAuth applications"),
        _ => None,
    }
}

/// The kind that the name of an exported list gives away: `project_access_tokens-shop.json`.
pub(super) fn kind_of_file(path: &str) -> Option<TokenKind> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.to_ascii_lowercase().replace('-', "_");
    [
        ("personal_access_tokens", TokenKind::PersonalAccessToken),
        ("project_access_tokens", TokenKind::ProjectAccessToken),
        ("group_access_tokens", TokenKind::GroupAccessToken),
        ("deploy_tokens", TokenKind::DeployToken),
        ("impersonation_tokens", TokenKind::ImpersonationToken),
        ("pipeline_triggers", TokenKind::PipelineTriggerToken),
        (
            "service_account_tokens",
            TokenKind::ServiceAccountAccessToken,
        ),
        (
            "service_account_access_tokens",
            TokenKind::ServiceAccountAccessToken,
        ),
    ]
    .into_iter()
    .find_map(|(start, kind)| name.starts_with(start).then_some(kind))
}
