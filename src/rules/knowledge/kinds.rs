//! What each kind of credential is good for. `rules/knowledge/token-kinds.yml` has the sources; what
//! tokens look like stands in the detectors.

use std::collections::BTreeMap;

use super::embedded;
use crate::model::{Confidence, Role, Severity, TokenKind};

/// What is known of one kind of credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindFacts {
    /// The kind.
    pub kind: TokenKind,
    /// Its name as a title: `Deploy token (project or group)`.
    pub name: String,
    /// Whom it acts as: `user`, `bot user`, `project`; several where it depends.
    pub acts_as: Vec<String>,
    /// What it opens, in words.
    pub access: Option<String>,
    /// The scopes it may hold; none where the kind has no scopes.
    pub scopes: Vec<String>,
    /// Whether it can have an end; `None` where that is not known.
    pub can_expire: Option<bool>,
    /// How long it lives, in words.
    pub lifetime: Option<String>,
    /// Which releases made each form, by the name of the form, where that is known: `since 16.7`.
    pub made: BTreeMap<String, String>,
    /// How it is managed.
    pub api: TokenApi,
    /// The role it gets where none is asked for.
    pub default_role: Option<Role>,
    /// How bad a leak of one is whose scopes and role are not known.
    pub severity: Severity,
    /// Why: a full sentence.
    pub severity_reason: String,
    /// What could do its work with fewer rights, in words.
    pub least_privilege: Option<String>,
    /// Keys of `sources` in the file.
    pub sources: Vec<String>,
    /// How sure the facts are.
    pub confidence: Confidence,
}

/// The calls that manage tokens of a kind, as `METHOD /path` with remarks.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenApi {
    /// Lists them.
    pub list: Option<String>,
    /// Makes one.
    pub create: Option<String>,
    /// Replaces one.
    pub rotate: Option<String>,
    /// Ends one.
    pub revoke: Option<String>,
}

#[derive(serde::Deserialize)]
struct RawFile {
    kinds: Vec<RawKind>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawKind {
    id: String,
    name: String,
    acts_as: Vec<String>,
    access: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    can_expire: Option<bool>,
    lifetime: Option<String>,
    #[serde(default)]
    made: BTreeMap<String, String>,
    #[serde(default)]
    api: TokenApi,
    default_role: Option<String>,
    severity: Severity,
    severity_reason: String,
    least_privilege: Option<String>,
    sources: Vec<String>,
    confidence: Confidence,
}

pub(super) fn load() -> Vec<KindFacts> {
    let raw: RawFile = embedded(
        "token-kinds.yml",
        include_str!("../../../rules/knowledge/token-kinds.yml"),
    );
    raw.kinds
        .into_iter()
        .map(|raw| KindFacts {
            kind: raw.id.parse().expect("token-kinds.yml names token kinds"),
            name: raw.name,
            acts_as: raw.acts_as,
            access: raw.access,
            scopes: raw.scopes,
            can_expire: raw.can_expire,
            lifetime: raw.lifetime,
            made: raw.made,
            api: raw.api,
            default_role: raw
                .default_role
                .map(|word| Role::parse(&word).expect("token-kinds.yml names roles")),
            severity: raw.severity,
            severity_reason: raw.severity_reason,
            least_privilege: raw.least_privilege,
            sources: raw.sources,
            confidence: raw.confidence,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::knowledge::KnowledgeBase;

    #[test]
    fn every_kind_has_facts_unless_only_inventories_list_it() {
        let listed: Vec<TokenKind> = load().iter().map(|facts| facts.kind).collect();
        let expected: Vec<TokenKind> = TokenKind::ALL
            .iter()
            .copied()
            .filter(|kind| !kind.is_inventory_only())
            .collect();
        assert_eq!(listed, expected);
        assert!(KnowledgeBase::new().kind(TokenKind::Runner).is_none());
    }

    #[test]
    fn every_scope_of_a_kind_is_known_and_names_the_kind_as_a_holder() {
        let knowledge = KnowledgeBase::new();
        for facts in knowledge.kinds() {
            for id in &facts.scopes {
                let scope = knowledge.scope(id).unwrap_or_else(|| panic!("{id}"));
                let told = scope.holders.contains(&facts.kind)
                    || matches!(
                        facts.kind,
                        TokenKind::FineGrainedPersonalAccessToken | TokenKind::AiWorkflowToken
                    );
                assert!(told, "{id} does not name {}", facts.kind);
            }
        }
    }

    #[test]
    fn reasons_are_sentences() {
        for facts in load() {
            assert!(facts.severity_reason.ends_with('.'), "{}", facts.kind);
            assert!(
                facts
                    .access
                    .as_deref()
                    .is_none_or(|text| !text.ends_with('.'))
            );
        }
    }

    #[test]
    fn some_facts() {
        let knowledge = KnowledgeBase::new();
        let project = knowledge.kind(TokenKind::ProjectAccessToken).unwrap();
        assert_eq!(project.default_role, Some(Role::Maintainer));
        assert_eq!(project.severity, Severity::High);
        assert!(!project.scopes.iter().any(|scope| scope == "read_user"));
        let deploy = knowledge.kind(TokenKind::DeployToken).unwrap();
        assert_eq!(deploy.can_expire, Some(true));
        assert_eq!(deploy.api.rotate, None);
    }
}
