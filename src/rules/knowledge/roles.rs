//! Which role holds what another holds. `rules/knowledge/roles.yml` has the sources.

use super::{Tri, Version, embedded};
use crate::model::{Confidence, Role};

/// The role that something asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MinRole {
    /// None: any signed-in user, or a credential that is no user's.
    None,
    /// Not known.
    Unknown,
    /// This one, or one that builds on it.
    Role(Role),
}

/// What is known of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFacts {
    /// The role.
    pub role: Role,
    /// The roles whose rights it has too, directly.
    pub extends: Vec<Role>,
    /// The release that brought it, where it was not always there.
    pub since: Option<Version>,
    /// No table of abilities knows it yet.
    pub beta: bool,
    /// Keys of `sources` in the file.
    pub sources: Vec<String>,
    /// How sure the facts are.
    pub confidence: Confidence,
}

/// The roles and their order, which is no chain: planner and reporter both build on guest, owner on
/// planner and maintainer.
#[derive(Clone, Debug)]
pub struct Roles {
    facts: Vec<RoleFacts>,
}

#[derive(serde::Deserialize)]
struct RawFile {
    roles: Vec<RawRole>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRole {
    id: String,
    extends: Vec<String>,
    since: Option<Version>,
    #[serde(default)]
    beta: bool,
    sources: Vec<String>,
    confidence: Confidence,
}

impl Roles {
    pub(super) fn load() -> Self {
        let raw: RawFile = embedded(
            "roles.yml",
            include_str!("../../../rules/knowledge/roles.yml"),
        );
        let role = |word: &str| Role::parse(word).expect("roles.yml names roles");
        let facts = raw
            .roles
            .into_iter()
            .map(|raw| RoleFacts {
                role: role(&raw.id),
                extends: raw.extends.iter().map(|word| role(word)).collect(),
                since: raw.since,
                beta: raw.beta,
                sources: raw.sources,
                confidence: raw.confidence,
            })
            .collect();
        Self { facts }
    }

    /// Every role, lowest level first.
    pub fn iter(&self) -> std::slice::Iter<'_, RoleFacts> {
        self.facts.iter()
    }

    /// What is known of a role.
    pub fn get(&self, role: Role) -> Option<&RoleFacts> {
        self.facts.iter().find(|facts| facts.role == role)
    }

    /// Whether `upper` is `lower` or builds on it.
    pub fn includes(&self, upper: Role, lower: Role) -> bool {
        // Each step goes to a lower level, which a test holds, so that this ends.
        upper == lower
            || self.get(upper).is_some_and(|facts| {
                facts
                    .extends
                    .iter()
                    .any(|extended| self.includes(*extended, lower))
            })
    }

    /// Whether `have` is enough where `need` is the lowest role that is.
    ///
    /// A higher level that does not build on `need` may hold the same right or not: reporters read
    /// issues as planners do, and cannot delete them. That is unknown, as is a role in beta.
    pub fn satisfies(&self, have: Role, need: MinRole) -> Tri {
        let need = match need {
            MinRole::None => return Tri::Yes,
            MinRole::Unknown => return Tri::Unknown,
            MinRole::Role(need) => need,
        };
        if self.includes(have, need) {
            Tri::Yes
        } else if have.level() < need.level() && !self.is_beta(have) {
            Tri::No
        } else {
            Tri::Unknown
        }
    }

    fn is_beta(&self, role: Role) -> bool {
        self.get(role).is_none_or(|facts| facts.beta)
    }
}

impl<'a> IntoIterator for &'a Roles {
    type Item = &'a RoleFacts;
    type IntoIter = std::slice::Iter<'a, RoleFacts>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn satisfies(have: Role, need: Role) -> Tri {
        Roles::load().satisfies(have, MinRole::Role(need))
    }

    #[test]
    fn every_role_is_there_once_and_builds_on_lower_ones() {
        let roles = Roles::load();
        let listed: Vec<Role> = roles.iter().map(|facts| facts.role).collect();
        assert_eq!(listed, Role::ALL);
        for facts in &roles {
            assert!(
                facts
                    .extends
                    .iter()
                    .all(|role| role.level() < facts.role.level())
            );
        }
    }

    #[test]
    fn the_order_is_no_chain() {
        assert_eq!(satisfies(Role::Developer, Role::Reporter), Tri::Yes);
        assert_eq!(satisfies(Role::Reporter, Role::Developer), Tri::No);
        assert_eq!(satisfies(Role::Owner, Role::Planner), Tri::Yes);
        assert_eq!(satisfies(Role::Maintainer, Role::Planner), Tri::Unknown);
        assert_eq!(satisfies(Role::Reporter, Role::Planner), Tri::Unknown);
        assert_eq!(satisfies(Role::Planner, Role::Reporter), Tri::No);
        assert_eq!(satisfies(Role::Planner, Role::Guest), Tri::Yes);
        assert_eq!(satisfies(Role::MinimalAccess, Role::Guest), Tri::No);
        assert_eq!(satisfies(Role::Owner, Role::Admin), Tri::No);
        assert_eq!(satisfies(Role::Admin, Role::Owner), Tri::Yes);
    }

    #[test]
    fn a_role_in_beta_is_unknown() {
        assert_eq!(satisfies(Role::SecurityManager, Role::Guest), Tri::Yes);
        assert_eq!(
            satisfies(Role::SecurityManager, Role::Reporter),
            Tri::Unknown
        );
        assert_eq!(
            satisfies(Role::SecurityManager, Role::Developer),
            Tri::Unknown
        );
    }

    #[test]
    fn no_role_and_unknown_role() {
        let roles = Roles::load();
        assert_eq!(roles.satisfies(Role::NoAccess, MinRole::None), Tri::Yes);
        assert_eq!(roles.satisfies(Role::Admin, MinRole::Unknown), Tri::Unknown);
    }
}
