//! What operations ask that are no single REST call: Git, registries, packages, Terraform, tools.
//! `rules/knowledge/operations.yml` has the sources.

use std::collections::BTreeMap;

use super::{KnowledgeBase, Tri, embedded};
use crate::model::{Role, TokenKind};

/// What is known of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationFacts {
    /// The id: `git-push-https`.
    pub id: String,
    /// Texts by which people know it: commands, variables, pieces of URLs.
    pub matches: Vec<String>,
    /// The lowest role, by what is done: `read`, `write`, `delete`, `configure` …; by place where the
    /// role depends on it.
    pub min_role: BTreeMap<String, Role>,
    /// The permission of a fine-grained token, in words.
    pub fine_grained: Option<String>,
    /// The tokens that were looked at.
    pub tokens: Vec<OperationToken>,
    /// What a job should use.
    pub prefer_in_ci: Option<PreferredCredential>,
    /// Keys of `sources` in the file.
    pub sources: Vec<String>,
}

/// How an operation goes with one kind of token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationToken {
    /// The kind.
    pub kind: TokenKind,
    /// Whether it works; unknown where that depends on [`OperationToken::condition`].
    pub works: Tri,
    /// The condition, or the reason why it does not work.
    pub condition: Option<String>,
    /// Alternatives, smallest first; each names scopes that are needed together. None where no scope is
    /// asked for.
    pub scopes: Vec<Vec<String>>,
    /// The same for the writing half of an operation that has both halves.
    pub write_scopes: Vec<Vec<String>>,
    /// The user name that goes with it.
    pub username: Option<String>,
    /// How it is passed.
    pub via: Option<String>,
    /// What to use in its place, where it does not work.
    pub instead: Option<String>,
    /// Where this was read.
    pub evidence: Evidence,
    /// Keys of `sources` in the file.
    pub sources: Vec<String>,
}

/// Where a fact was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Nowhere: from memory. No error rests on it.
    Recalled,
    /// In the documentation.
    Doc,
    /// In the server's code.
    Code,
}

/// What a job should use for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreferredCredential {
    /// The job token.
    JobToken,
    /// `CI_REGISTRY_USER` with `CI_REGISTRY_PASSWORD`.
    RegistryVariables,
    /// The `trigger:` keyword, which needs no token.
    TriggerKeyword,
}

impl OperationFacts {
    /// How it goes with this kind; `None` where that was not looked at.
    pub fn token(&self, kind: TokenKind) -> Option<&OperationToken> {
        self.tokens.iter().find(|token| token.kind == kind)
    }
}

impl OperationToken {
    /// Whether scopes such as `held` are enough for the reading half, or the only one.
    pub fn opened_by(&self, held: &[&str], knowledge: &KnowledgeBase) -> bool {
        Self::any_of(&self.scopes, held, knowledge)
    }

    /// Whether they are enough for the writing half; the same where there is one half only.
    pub fn written_by(&self, held: &[&str], knowledge: &KnowledgeBase) -> bool {
        let scopes = if self.write_scopes.is_empty() {
            &self.scopes
        } else {
            &self.write_scopes
        };
        Self::any_of(scopes, held, knowledge)
    }

    fn any_of(alternatives: &[Vec<String>], held: &[&str], knowledge: &KnowledgeBase) -> bool {
        let opened = |scope: &String| {
            held.iter().any(|held| {
                held == scope
                    || knowledge
                        .scope(held)
                        .is_some_and(|facts| facts.contains(scope))
            })
        };
        alternatives.is_empty()
            || alternatives
                .iter()
                .any(|together| together.iter().all(opened))
    }
}

#[derive(serde::Deserialize)]
struct RawFile {
    operations: Vec<RawOperation>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawOperation {
    id: String,
    r#match: Vec<String>,
    #[serde(default)]
    min_role: BTreeMap<String, String>,
    fine_grained: Option<String>,
    #[serde(default)]
    tokens: Vec<RawToken>,
    prefer_in_ci: Option<PreferredCredential>,
    sources: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawToken {
    kind: String,
    works: Option<RawWorks>,
    condition: Option<String>,
    #[serde(default)]
    scopes: Vec<Vec<String>>,
    #[serde(default)]
    write_scopes: Vec<Vec<String>>,
    username: Option<String>,
    via: Option<String>,
    instead: Option<String>,
    evidence: Evidence,
    sources: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawWorks {
    No,
    Conditional,
}

pub(super) fn load() -> Vec<OperationFacts> {
    let raw: RawFile = embedded(
        "operations.yml",
        include_str!("../../../rules/knowledge/operations.yml"),
    );
    raw.operations
        .into_iter()
        .map(|raw| OperationFacts {
            id: raw.id,
            matches: raw.r#match,
            min_role: raw
                .min_role
                .into_iter()
                .map(|(what, word)| {
                    let role = Role::parse(&word).expect("operations.yml names roles");
                    (what, role)
                })
                .collect(),
            fine_grained: raw.fine_grained,
            tokens: raw.tokens.into_iter().map(token).collect(),
            prefer_in_ci: raw.prefer_in_ci,
            sources: raw.sources,
        })
        .collect()
}

fn token(raw: RawToken) -> OperationToken {
    OperationToken {
        kind: raw.kind.parse().expect("operations.yml names token kinds"),
        works: match raw.works {
            None => Tri::Yes,
            Some(RawWorks::No) => Tri::No,
            Some(RawWorks::Conditional) => Tri::Unknown,
        },
        condition: raw.condition,
        scopes: raw.scopes,
        write_scopes: raw.write_scopes,
        username: raw.username,
        via: raw.via,
        instead: raw.instead,
        evidence: raw.evidence,
        sources: raw.sources,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_kinds_are_unique_and_scopes_known() {
        let knowledge = KnowledgeBase::new();
        let mut ids = BTreeSet::new();
        for operation in knowledge.operations() {
            assert!(ids.insert(&operation.id), "{}", operation.id);
            assert!(!operation.matches.is_empty(), "{}", operation.id);
            let mut kinds = BTreeSet::new();
            for token in &operation.tokens {
                assert!(kinds.insert(token.kind), "{} {}", operation.id, token.kind);
                for scope in token.scopes.iter().chain(&token.write_scopes).flatten() {
                    let facts = knowledge.scope(scope).unwrap_or_else(|| panic!("{scope}"));
                    assert!(
                        facts.holders.contains(&token.kind),
                        "{} {scope}",
                        operation.id
                    );
                }
            }
        }
        assert_eq!(ids.len(), 38);
    }

    #[test]
    fn pushing_over_https() {
        let knowledge = KnowledgeBase::new();
        let push = knowledge.operation("git-push-https").unwrap();
        assert_eq!(push.min_role["write"], Role::Developer);
        assert_eq!(push.token(TokenKind::DeployToken).unwrap().works, Tri::No);
        assert_eq!(
            push.token(TokenKind::CiJobToken).unwrap().works,
            Tri::Unknown
        );
        let project = push.token(TokenKind::ProjectAccessToken).unwrap();
        assert!(project.opened_by(&["write_repository"], &knowledge));
        assert!(project.opened_by(&["api"], &knowledge));
        assert!(!project.opened_by(&["read_repository", "read_api"], &knowledge));
        assert!(push.token(TokenKind::FeedToken).is_none());
    }

    #[test]
    fn scopes_that_are_needed_together() {
        let knowledge = KnowledgeBase::new();
        let push = knowledge.operation("registry-push").unwrap();
        let deploy = push.token(TokenKind::DeployToken).unwrap();
        assert!(!deploy.opened_by(&["write_registry"], &knowledge));
        assert!(deploy.opened_by(&["write_registry", "read_registry"], &knowledge));
        assert_eq!(
            push.prefer_in_ci,
            Some(PreferredCredential::RegistryVariables)
        );
    }

    #[test]
    fn the_writing_half_asks_for_more() {
        let knowledge = KnowledgeBase::new();
        let generic = knowledge.operation("packages-generic").unwrap();
        let project = generic.token(TokenKind::ProjectAccessToken).unwrap();
        assert!(project.opened_by(&["read_api"], &knowledge));
        assert!(!project.written_by(&["read_api"], &knowledge));
        assert!(project.written_by(&["api"], &knowledge));
        let job = generic.token(TokenKind::CiJobToken).unwrap();
        assert!(job.written_by(&[], &knowledge));
    }

    #[test]
    fn graphql_is_closed_to_job_tokens() {
        let knowledge = KnowledgeBase::new();
        let graphql = knowledge.operation("graphql").unwrap();
        let job = graphql.token(TokenKind::CiJobToken).unwrap();
        assert_eq!((job.works, job.evidence), (Tri::No, Evidence::Doc));
        assert!(knowledge.operation("unheard-of").is_none());
    }
}
