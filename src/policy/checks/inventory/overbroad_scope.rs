//! Finds tokens whose scopes open more than a token of automation should.

use serde::Deserialize;

use super::{active, with_params, words};
use crate::model::{
    Confidence, InventoryToken, Persona, Role, ScopeGrant, Severity, TokenKind, Violation,
};
use crate::policy::{Check, CheckDef, Context};

pub(in super::super) const DEF: CheckDef = CheckDef {
    name: "overbroad-scope",
    build: with_params::<OverbroadScope>,
};

/// Administrator scopes; `api` without a purpose that writes; scopes that write beside a purpose that
/// reads; and, for the pedantic, scopes that write to several things.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OverbroadScope {
    /// A purpose with one of these words is one that writes.
    write_words: Vec<String>,
    /// A purpose with one of these and none of the others is one that only reads.
    read_words: Vec<String>,
}

/// Scopes that write, and what they write to
/// (gitlabhq/gitlabhq `doc/security/tokens/access_token_scopes.md`, `app/models/deploy_token.rb`).
/// `api`, which writes to everything, stands apart.
const WRITING: &[(&str, &str)] = &[
    ("create_runner", "runners"),
    ("k8s_proxy", "clusters"),
    ("manage_runner", "runners"),
    ("write_package_registry", "packages"),
    ("write_registry", "images"),
    ("write_repository", "code"),
    ("write_virtual_registry", "cached images"),
];

/// Scopes that only administrators can give.
const ADMINISTRATIVE: &[&str] = &["sudo", "admin_mode"];

impl Check for OverbroadScope {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        for token in active(context) {
            // The rights of a fine-grained token are its permissions.
            if token.granular {
                continue;
            }
            let judged = administrative(token)
                .or_else(|| self.whole_api(token))
                .or_else(|| self.writes_to_read(token))
                .or_else(|| writes_to_several(token));
            violations.extend(judged);
        }
    }
}

impl OverbroadScope {
    /// `api` where nothing says that the token writes.
    fn whole_api(&self, token: &InventoryToken) -> Option<Violation> {
        let scope = token.scopes.iter().find(|scope| scope.name == "api")?;
        if !token.kind.is_access_token() || self.states_writing(token) || states_calls(token) {
            return None;
        }
        let reach = if token.kind.is_personal() {
            Some("everywhere its user has a role".to_owned())
        } else {
            token
                .role
                .filter(|role| *role >= Role::Maintainer)
                .map(|role| format!("with the role {role}"))
        };
        let (severity, reach) = match reach {
            Some(reach) => (Severity::Medium, format!(" {reach}")),
            None => (Severity::Low, String::new()),
        };
        let purpose = if self.states_reading(token) {
            "its purpose speaks of reading alone"
        } else {
            "no purpose that writes is stated"
        };
        let message = format!(
            "{} may read and write the whole API{reach} (`api`), and {purpose}",
            token.title()
        );
        Some(
            violation(token, scope, message)
                .severity_at_most(severity)
                .confidence_at_most(Confidence::Medium),
        )
    }

    /// Scopes that write, where the purpose is to read.
    fn writes_to_read(&self, token: &InventoryToken) -> Option<Violation> {
        if !has_known_scopes(token) || states_calls(token) || !self.states_reading(token) {
            return None;
        }
        let (scope, thing) = writing(token).next()?;
        let message = format!(
            "{} may write {thing} (`{}`), and its purpose speaks of reading alone",
            token.title(),
            scope.name
        );
        Some(
            violation(token, scope, message)
                .severity_at_most(Severity::Medium)
                .confidence_at_most(Confidence::Medium),
        )
    }

    fn states_writing(&self, token: &InventoryToken) -> bool {
        let purpose = token.purpose.as_deref().unwrap_or_default();
        !words::among(purpose, &self.write_words).is_empty()
    }

    fn states_reading(&self, token: &InventoryToken) -> bool {
        let purpose = token.purpose.as_deref().unwrap_or_default();
        !self.states_writing(token) && !words::among(purpose, &self.read_words).is_empty()
    }
}

/// Declared calls say better than a purpose what is needed; other rules compare them.
fn states_calls(token: &InventoryToken) -> bool {
    !token.calls.is_empty()
}

/// Whether its scopes are those of access or deploy tokens. An OAuth application's `api` acts as
/// whoever signs in, which is another matter.
fn has_known_scopes(token: &InventoryToken) -> bool {
    token.kind.is_access_token() || token.kind == TokenKind::DeployToken
}

fn administrative(token: &InventoryToken) -> Option<Violation> {
    let held: Vec<&ScopeGrant> = ADMINISTRATIVE
        .iter()
        .filter_map(|name| token.scopes.iter().find(|scope| scope.name == *name))
        .collect();
    let first = *held.first()?;
    if !token.kind.is_access_token() {
        return None;
    }
    let names: Vec<String> = held
        .iter()
        .map(|scope| format!("`{}`", scope.name))
        .collect();
    let power = if first.name == "sudo" {
        "may act as any user of the instance"
    } else {
        "acts with the rights of an administrator"
    };
    let message = format!("{} {power} ({})", token.title(), names.join(", "));
    let mut found = violation(token, first, message);
    for scope in &held[1..] {
        found = found.related(scope.site.clone(), format!("`{}` as well", scope.name));
    }
    Some(found)
}

fn writes_to_several(token: &InventoryToken) -> Option<Violation> {
    if !has_known_scopes(token) || token.has_scope("api") || states_calls(token) {
        return None;
    }
    let (first, thing) = writing(token).next()?;
    let (other, other_thing) = writing(token).find(|(_, other)| *other != thing)?;
    let message = format!(
        "{} may write both {thing} (`{}`) and {other_thing} (`{}`)",
        token.title(),
        first.name,
        other.name
    );
    Some(
        violation(token, first, message)
            .related(other.site.clone(), format!("`{}` as well", other.name))
            .severity_at_most(Severity::Low)
            .confidence_at_most(Confidence::Medium)
            .persona_at_least(Persona::Pedantic),
    )
}

/// The scopes that write, in the order of the entry, and what to.
fn writing(token: &InventoryToken) -> impl Iterator<Item = (&ScopeGrant, &'static str)> {
    token.scopes.iter().filter_map(|scope| {
        let known = WRITING.iter().find(|(name, _)| *name == scope.name)?;
        Some((scope, known.1))
    })
}

fn violation(token: &InventoryToken, scope: &ScopeGrant, message: String) -> Violation {
    let subject = format!("{}, {}", token.identity(), scope.name);
    Violation::new(scope.site.clone(), subject, message)
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;
    use crate::model::TokenState;

    fn check() -> OverbroadScope {
        OverbroadScope {
            write_words: vec!["creates".to_owned(), "push".to_owned()],
            read_words: vec!["read".to_owned(), "export".to_owned()],
        }
    }

    fn one(token: InventoryToken) -> Violation {
        let mut found = entry::run(&check(), token);
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    fn silent(token: InventoryToken) {
        let found = entry::run(&check(), token);
        assert!(found.is_empty(), "{}", found[0].message);
    }

    fn for_purpose(mut token: InventoryToken, purpose: &str) -> InventoryToken {
        token.purpose = Some(purpose.to_owned());
        token
    }

    #[test]
    fn administrative_scopes_are_one_finding_of_full_severity_whatever_the_purpose() {
        let token = entry::of(
            TokenKind::PersonalAccessToken,
            &["api", "admin_mode", "sudo"],
        );
        let found = one(for_purpose(token, "creates users"));
        assert_eq!(
            found.message,
            "personal access token `sample` (id 7) may act as any user of the instance (`sudo`, \
             `admin_mode`)"
        );
        assert_eq!(found.primary, entry::scope(2));
        assert_eq!(found.related[0].0, entry::scope(1));
        assert_eq!((found.severity, found.confidence), (None, None));
    }

    #[test]
    fn api_weighs_by_whose_it_is() {
        for (token, severity) in [
            (
                entry::of(TokenKind::PersonalAccessToken, &["api"]),
                Severity::Medium,
            ),
            (
                entry::of(TokenKind::ImpersonationToken, &["api"]),
                Severity::Medium,
            ),
            (
                entry::with_role(&["api"], Role::Maintainer),
                Severity::Medium,
            ),
            (entry::with_role(&["api"], Role::Owner), Severity::Medium),
            (entry::with_role(&["api"], Role::Developer), Severity::Low),
            (
                entry::of(TokenKind::ServiceAccountAccessToken, &["api"]),
                Severity::Low,
            ),
            (entry::of(TokenKind::AccessToken, &["api"]), Severity::Low),
        ] {
            let found = one(token);
            assert_eq!(found.severity, Some(severity), "{}", found.message);
            assert_eq!(found.primary, entry::scope(0));
        }
    }

    #[test]
    fn a_purpose_that_writes_or_declared_calls_excuse_api() {
        let token = entry::with_role(&["api"], Role::Maintainer);
        silent(for_purpose(token.clone(), "creates releases"));
        one(for_purpose(token.clone(), "tags and releases"));
        let mut declared = token;
        declared.calls = vec!["POST /projects/:id/releases".to_owned()];
        silent(declared);
    }

    #[test]
    fn scopes_that_write_beside_a_purpose_that_reads() {
        let token = entry::of(TokenKind::DeployToken, &["read_registry", "write_registry"]);
        silent(token.clone());
        silent(for_purpose(token.clone(), "read and push images"));
        let found = one(for_purpose(token, "Export, read only"));
        assert_eq!(found.primary, entry::scope(1));
        assert_eq!(found.severity, Some(Severity::Medium));
        let api = entry::of(TokenKind::PersonalAccessToken, &["api"]);
        let found = one(for_purpose(api, "read dashboards"));
        assert!(found.message.ends_with("speaks of reading alone"));
    }

    #[test]
    fn two_things_written_are_for_the_pedantic() {
        let found = one(entry::of(
            TokenKind::DeployToken,
            &[
                "write_registry",
                "read_repository",
                "write_package_registry",
            ],
        ));
        assert_eq!(found.persona, Some(Persona::Pedantic));
        assert_eq!(found.related[0].0, entry::scope(2));
        silent(entry::of(
            TokenKind::ProjectAccessToken,
            &["create_runner", "manage_runner", "read_api"],
        ));
    }

    #[test]
    fn inactive_fine_grained_and_foreign_entries_are_silent() {
        let mut token = entry::of(TokenKind::PersonalAccessToken, &["api", "sudo"]);
        token.state = TokenState::Revoked;
        silent(token.clone());
        token.state = TokenState::Active;
        token.granular = true;
        silent(token);
        silent(entry::of(TokenKind::OauthApplication, &["api", "sudo"]));
        silent(entry::of(TokenKind::PersonalAccessToken, &["read_api"]));
    }
}
