//! Finds tokens whose role and scopes do not fit each other.
//!
//! A scope only caps what the role allows (gitlabhq/gitlabhq `doc/api/project_access_tokens.md`), so
//! one beyond the role does nothing, and a role beyond the scopes waits for somebody to widen them.

use serde::Deserialize;

use super::{active, with_params, words};
use crate::model::{Confidence, InventoryToken, Role, ScopeGrant, TokenKind, Violation};
use crate::policy::{Check, CheckDef, Context};
use crate::rules::knowledge::{KnowledgeBase, MinRole, Tri};

pub(in super::super) const DEF: CheckDef = CheckDef {
    name: "role-scope-mismatch",
    build: with_params::<RoleScopeMismatch>,
};

/// A scope that the role makes useless, or a role that the scopes make useless.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleScopeMismatch {}

/// Scopes that write, with the operation they are for and the half or place of it that decides.
const WRITING: &[(&str, &str, &str)] = &[
    ("create_runner", "runner-create", "project"),
    ("write_registry", "registry-push", "write"),
    ("write_repository", "git-push-https", "write"),
];

/// Scopes that read, in the same way. What `read_api` reads takes any role, from none to owner.
const READING: &[(&str, Option<(&str, &str)>)] = &[
    ("read_api", None),
    ("read_registry", Some(("registry-pull", "read"))),
    ("read_repository", Some(("git-clone-https", "read"))),
    (
        "read_virtual_registry",
        Some(("dependency-proxy-pull", "read")),
    ),
];

impl Check for RoleScopeMismatch {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        for token in active(context) {
            let Some(role) = token.role else { continue };
            if token.granular || !has_one_role(token.kind) {
                continue;
            }
            let knowledge = context.knowledge;
            violations.extend(
                token
                    .scopes
                    .iter()
                    .filter_map(|scope| useless_scope(token, role, scope, knowledge)),
            );
            violations.extend(useless_role(token, role, knowledge));
        }
    }
}

/// Whether a token of this kind acts as a bot with the one role that the entry states. A person or a
/// service account has a role of its own in every project; of unknown kind, an entry with a role is a
/// project or group token.
const fn has_one_role(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::ProjectAccessToken | TokenKind::GroupAccessToken | TokenKind::AccessToken
    )
}

fn useless_scope(
    token: &InventoryToken,
    role: Role,
    scope: &ScopeGrant,
    knowledge: &KnowledgeBase,
) -> Option<Violation> {
    let (_, operation, part) = WRITING.iter().find(|(name, ..)| *name == scope.name)?;
    let least = least_role(knowledge, operation, part)?;
    if knowledge.role_satisfies(role, MinRole::Role(least)) != Tri::No {
        return None;
    }
    if scope.name == "write_repository" && pushes_to_wikis(role, knowledge) {
        return None;
    }
    let message = format!(
        "{} holds `{}`, which takes the role {least}, and its role is {role}",
        token.title(),
        scope.name
    );
    let subject = format!("{}, {}", token.identity(), scope.name);
    Some(
        Violation::new(scope.site.clone(), subject, message)
            .related(token.field_site(&["access_level"]), "the role"),
    )
}

/// Planners write to wikis, which are Git repositories too; reporters, though of a higher level, do
/// not (gitlabhq/gitlabhq `config/authz/roles/planner.yml`).
fn pushes_to_wikis(role: Role, knowledge: &KnowledgeBase) -> bool {
    least_role(knowledge, "git-wiki", "write")
        .is_none_or(|least| knowledge.roles().includes(role, least))
}

fn useless_role(
    token: &InventoryToken,
    role: Role,
    knowledge: &KnowledgeBase,
) -> Option<Violation> {
    // Declared calls say better what role is needed; another rule compares them.
    if role < Role::Maintainer || !token.calls.is_empty() || purpose_names(token, role) {
        return None;
    }
    // A token that may only rotate itself besides reading still only reads.
    let scopes: Vec<&str> = token
        .scopes
        .iter()
        .map(|scope| scope.name.as_str())
        .filter(|scope| *scope != "self_rotate")
        .collect();
    if scopes.is_empty() {
        return None;
    }
    let mut enough = Some(Role::Guest);
    for scope in &scopes {
        let (_, operation) = READING.iter().find(|(name, _)| name == scope)?;
        let least = operation.and_then(|(operation, part)| least_role(knowledge, operation, part));
        enough = enough.zip(least).map(|(enough, least)| enough.max(least));
    }
    let names: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
    let mut message = format!(
        "{} has the role {role}, and its scopes only read ({})",
        token.title(),
        names.join(", ")
    );
    if let Some(enough) = enough {
        message.push_str(", for which the role ");
        message.push_str(enough.name());
        message.push_str(" is enough");
    }
    let subject = format!("{}, role", token.identity());
    let violation = Violation::new(token.field_site(&["access_level"]), subject, message);
    Some(match enough {
        Some(_) => violation,
        // CI/CD variables, members or audit events can be read by maintainers and owners alone.
        None => violation.confidence_at_most(Confidence::Medium),
    })
}

/// Whether the purpose speaks of the role, as a documented exception does.
fn purpose_names(token: &InventoryToken, role: Role) -> bool {
    let purpose = words::of(token.purpose.as_deref().unwrap_or_default());
    let named = role.name().to_ascii_lowercase();
    purpose
        .iter()
        .any(|word| *word == named || word.strip_suffix('s') == Some(&named))
}

fn least_role(knowledge: &KnowledgeBase, operation: &str, part: &str) -> Option<Role> {
    knowledge.operation(operation)?.min_role.get(part).copied()
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;
    use crate::model::TokenState;

    fn run(token: InventoryToken) -> Vec<Violation> {
        entry::run(&RoleScopeMismatch {}, token)
    }

    fn speaks(scopes: &[&str], role: Role) -> bool {
        !run(entry::with_role(scopes, role)).is_empty()
    }

    #[test]
    fn operations_and_roles_that_are_asked_for_are_known() {
        let knowledge = KnowledgeBase::default();
        let reading = READING.iter().filter_map(|(_, operation)| *operation);
        let writing = WRITING
            .iter()
            .map(|(_, operation, part)| (*operation, *part));
        for (operation, part) in reading.chain(writing).chain([("git-wiki", "write")]) {
            assert!(
                least_role(&knowledge, operation, part).is_some(),
                "{operation}"
            );
        }
    }

    #[test]
    fn a_scope_beyond_the_role_is_told_at_the_scope() {
        let found = run(entry::with_role(
            &["read_api", "write_registry"],
            Role::Guest,
        ));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].message,
            "project access token `sample` (id 7) holds `write_registry`, which takes the role \
             Developer, and its role is Guest"
        );
        assert_eq!(found[0].primary, entry::scope(1));
        assert_eq!(found[0].related[0].0, entry::field("access_level"));
    }

    #[test]
    fn which_role_can_use_which_scope() {
        for (scope, role, useless) in [
            ("write_repository", Role::Guest, true),
            ("write_repository", Role::Reporter, true),
            ("write_repository", Role::Planner, false),
            ("write_repository", Role::SecurityManager, false),
            ("write_repository", Role::Developer, false),
            ("write_registry", Role::Planner, true),
            ("write_registry", Role::Reporter, true),
            ("write_registry", Role::Maintainer, false),
            ("create_runner", Role::Developer, true),
            ("create_runner", Role::Maintainer, false),
            ("api", Role::Guest, false),
            ("read_repository", Role::Guest, false),
        ] {
            assert_eq!(speaks(&[scope], role), useless, "{scope} as {role}");
        }
    }

    #[test]
    fn a_role_beyond_the_scopes_is_told_at_the_role() {
        let token = entry::with_role(&["read_repository", "self_rotate"], Role::Maintainer);
        let found = run(token);
        assert_eq!(
            found[0].message,
            "project access token `sample` (id 7) has the role Maintainer, and its scopes only read \
             (`read_repository`), for which the role Planner is enough"
        );
        assert_eq!(found[0].primary, entry::field("access_level"));
        assert_eq!(found[0].confidence, None);

        let found = run(entry::with_role(
            &["read_api", "read_registry"],
            Role::Owner,
        ));
        assert!(
            found[0]
                .message
                .ends_with("only read (`read_api`, `read_registry`)")
        );
        assert_eq!(found[0].confidence, Some(Confidence::Medium));
    }

    #[test]
    fn smaller_roles_other_scopes_and_documented_exceptions_are_silent() {
        assert!(!speaks(&["read_api"], Role::Developer));
        assert!(!speaks(&["read_api"], Role::SecurityManager));
        assert!(!speaks(&["read_api", "write_repository"], Role::Owner));
        assert!(!speaks(&["read_api", "ai_features"], Role::Owner));
        assert!(!speaks(&["self_rotate"], Role::Owner));
        assert!(!speaks(&[], Role::Owner));
        let mut excused = entry::with_role(&["read_api"], Role::Maintainer);
        excused.purpose = Some("reads variables, which takes a maintainer".to_owned());
        assert!(run(excused).is_empty());
        let mut declared = entry::with_role(&["read_api"], Role::Maintainer);
        declared.calls = vec!["GET /projects/:id/variables".to_owned()];
        assert!(run(declared).is_empty());
    }

    #[test]
    fn people_fine_grained_and_inactive_tokens_are_silent() {
        let token = entry::with_role(&["write_registry"], Role::Guest);
        let with = |change: fn(&mut InventoryToken)| {
            let mut token = token.clone();
            change(&mut token);
            run(token)
        };
        assert!(with(|token| token.kind = TokenKind::PersonalAccessToken).is_empty());
        assert!(with(|token| token.kind = TokenKind::ServiceAccountAccessToken).is_empty());
        assert!(with(|token| token.granular = true).is_empty());
        assert!(with(|token| token.state = TokenState::Revoked).is_empty());
        assert!(with(|token| token.role = None).is_empty());
        assert!(!with(|token| token.kind = TokenKind::AccessToken).is_empty());
    }
}
