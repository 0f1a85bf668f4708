//! What each scope opens and which contain which. `rules/knowledge/scopes.yml` has the sources.

use std::collections::BTreeMap;

use super::{Version, embedded};
use crate::model::{Confidence, Role, TokenKind};

/// What is known of one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeFacts {
    /// The id: `read_api`.
    pub id: String,
    /// The kinds of token that may hold it.
    pub holders: Vec<TokenKind>,
    /// What it permits, by area: `rest`, `git`, `registry`, `packages`, `runners` ….
    pub permits: BTreeMap<String, String>,
    /// Smaller scopes: whatever they open, this one opens too. Read in the server's table.
    pub subsumes: Vec<String>,
    /// Smaller scopes by the documentation's word alone.
    pub subsumes_by_document: Vec<String>,
    /// What it carries in the server's table of Git and registry abilities.
    pub abilities: Vec<String>,
    /// Scopes without which it does not do what it is for.
    pub needs_with: Vec<String>,
    /// Below this role it has no effect. Recalled, not read: no error rests on it.
    pub min_role: Option<Role>,
    /// From 1, harmless, to 10, the whole instance; this project's own judgement. `None` where it
    /// depends on permissions.
    pub risk_rank: Option<u8>,
    /// The release that brought it, where it was not always there.
    pub since: Option<Version>,
    /// Only tokens of administrators can hold it.
    pub admin_only: bool,
    /// It opens nothing by itself and raises what other scopes open.
    pub modifier: bool,
    /// What people get wrong about it.
    pub trap: Option<String>,
    /// Keys of `sources` in the file.
    pub sources: Vec<String>,
    /// How sure the facts are.
    pub confidence: Confidence,
}

/// A scope that adds nothing to another of the same token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redundancy<'s> {
    /// The scope that can go.
    pub inner: &'s str,
    /// The scope that contains it.
    pub outer: &'s str,
    /// Whether that was read in the server's table, and not only in the documents.
    pub certain: bool,
}

impl ScopeFacts {
    /// Whether a token with this scope needs no `other`; the documents' word is enough.
    pub fn contains(&self, other: &str) -> bool {
        self.id == other
            || self.subsumes.iter().any(|id| id == other)
            || self.subsumes_by_document.iter().any(|id| id == other)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawFile {
    holder_classes: BTreeMap<String, Vec<String>>,
    scopes: Vec<RawScope>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawScope {
    id: String,
    holders: Vec<String>,
    permits: BTreeMap<String, String>,
    #[serde(default)]
    subsumes: Vec<String>,
    #[serde(default)]
    subsumes_by_document: Vec<String>,
    #[serde(default)]
    abilities: Vec<String>,
    #[serde(default)]
    needs_with: Vec<String>,
    min_role: Option<String>,
    risk_rank: Option<u8>,
    since: Option<Version>,
    #[serde(default)]
    admin_only: bool,
    #[serde(default)]
    modifier: bool,
    trap: Option<String>,
    sources: Vec<String>,
    confidence: Confidence,
}

pub(super) fn load() -> Vec<ScopeFacts> {
    let raw: RawFile = embedded(
        "scopes.yml",
        include_str!("../../../rules/knowledge/scopes.yml"),
    );
    let holders = |class: &String| -> Vec<TokenKind> {
        raw.holder_classes[class]
            .iter()
            .map(|id| id.parse().expect("scopes.yml names token kinds"))
            .collect()
    };
    raw.scopes
        .into_iter()
        .map(|raw| ScopeFacts {
            id: raw.id,
            holders: raw.holders.iter().flat_map(holders).collect(),
            permits: raw.permits,
            subsumes: raw.subsumes,
            subsumes_by_document: raw.subsumes_by_document,
            abilities: raw.abilities,
            needs_with: raw.needs_with,
            min_role: raw
                .min_role
                .map(|word| Role::parse(&word).expect("scopes.yml names roles")),
            risk_rank: raw.risk_rank,
            since: raw.since,
            admin_only: raw.admin_only,
            modifier: raw.modifier,
            trap: raw.trap,
            sources: raw.sources,
            confidence: raw.confidence,
        })
        .collect()
}

/// See [`super::KnowledgeBase::redundant`].
pub(super) fn redundant<'s>(known: &[ScopeFacts], held: &[&'s str]) -> Vec<Redundancy<'s>> {
    held.iter()
        .enumerate()
        .filter(|(at, inner)| !held[..*at].contains(inner))
        .filter_map(|(_, inner)| {
            held.iter()
                .filter(|outer| *outer != inner)
                .filter_map(|outer| {
                    let facts = known.iter().find(|facts| facts.id == **outer)?;
                    let certain = facts.subsumes.iter().any(|id| id == inner);
                    // The largest is the one that will stay.
                    facts
                        .contains(inner)
                        .then_some((certain, facts.subsumes.len(), outer))
                })
                .max()
                .map(|(certain, _, outer)| Redundancy {
                    inner,
                    outer,
                    certain,
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::knowledge::KnowledgeBase;

    #[test]
    fn references_between_scopes_hold_and_nothing_contains_itself() {
        let scopes = load();
        assert_eq!(scopes.len(), 29);
        for scope in &scopes {
            let others = [
                &scope.subsumes,
                &scope.subsumes_by_document,
                &scope.needs_with,
            ];
            for other in others.into_iter().flatten() {
                assert_ne!(*other, scope.id);
                let smaller = scopes
                    .iter()
                    .find(|facts| facts.id == *other)
                    .unwrap_or_else(|| panic!("{other}"));
                assert!(
                    !smaller.contains(&scope.id),
                    "{other} and {} contain each other",
                    scope.id
                );
            }
            assert!(scope.risk_rank.is_none_or(|rank| (1..=10).contains(&rank)));
        }
    }

    #[test]
    fn what_contains_a_scope_contains_what_that_contains() {
        let scopes = load();
        for outer in &scopes {
            for middle in scopes.iter().filter(|scope| outer.contains(&scope.id)) {
                for inner in middle.subsumes.iter().chain(&middle.subsumes_by_document) {
                    assert!(
                        outer.contains(inner),
                        "{} > {} > {inner}",
                        outer.id,
                        middle.id
                    );
                }
            }
        }
    }

    #[test]
    fn a_larger_scope_carries_the_abilities_of_the_smaller() {
        // Runner and registry abilities of `api` come from other tables than the one of abilities.
        let scopes = load();
        let git = [
            "read_repository",
            "write_repository",
            "read_registry",
            "write_registry",
        ];
        for outer in &scopes {
            for inner in scopes.iter().filter(|inner| git.contains(&&*inner.id)) {
                if outer.subsumes.contains(&inner.id) {
                    for ability in &inner.abilities {
                        assert!(outer.abilities.contains(ability), "{} {ability}", outer.id);
                    }
                }
            }
        }
    }

    #[test]
    fn names_what_adds_nothing() {
        let knowledge = KnowledgeBase::new();
        let pair = |inner, outer, certain| Redundancy {
            inner,
            outer,
            certain,
        };
        assert_eq!(
            knowledge.redundant(&["read_api", "api", "read_repository"]),
            [
                pair("read_api", "api", true),
                pair("read_repository", "api", true)
            ]
        );
        assert_eq!(
            knowledge.redundant(&["read_virtual_registry", "write_virtual_registry"]),
            [pair(
                "read_virtual_registry",
                "write_virtual_registry",
                false
            )]
        );
        assert_eq!(
            knowledge.redundant(&["read_repository", "write_repository"]),
            []
        );
        assert_eq!(
            knowledge.redundant(&["read_registry", "write_registry"]),
            []
        );
        assert_eq!(
            knowledge.redundant(&["api", "api", "k8s_proxy", "unheard_of"]),
            []
        );
    }

    #[test]
    fn some_facts() {
        let knowledge = KnowledgeBase::new();
        assert_eq!(knowledge.scope("user:42").unwrap().id, "user:*");
        assert!(knowledge.scope("nothing").is_none());
        assert!(knowledge.scope("sudo").unwrap().admin_only);
        assert_eq!(
            knowledge.scope("write_registry").unwrap().needs_with,
            ["read_registry"]
        );
        assert_eq!(
            knowledge.scope("manage_runner").unwrap().since,
            Some(Version {
                major: 17,
                minor: 1
            })
        );
    }
}
