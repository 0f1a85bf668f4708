//! What GitLab is known to do: token kinds, scopes, roles, operations, endpoints.
//!
//! The facts stand under `rules/knowledge/`, each with its source; `rules/knowledge/README.md` says
//! where they come from and what they leave out. A part is read when it is first asked for, so that a
//! run that asks nothing pays nothing.

mod endpoints;
mod kinds;
mod operations;
mod path;
mod roles;
mod routes;
mod scopes;
mod template;

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};

use crate::model::{Method, Role, TokenKind};

pub use endpoints::{
    Anonymous, DenyStatus, Endpoint, JobToken, JobTokenVia, Reach, RoleEvidence, Since,
    job_token_reach,
};
pub use kinds::{KindFacts, TokenApi};
pub use operations::{Evidence, OperationFacts, OperationToken, PreferredCredential};
pub use roles::{MinRole, RoleFacts, Roles};
pub use routes::RouteMatch;
pub use scopes::{Redundancy, ScopeFacts};

/// A GitLab release: `18.5`. Patch releases do not matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Major.
    pub major: u16,
    /// Minor.
    pub minor: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = crate::model::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || crate::model::UnknownWord::new("GitLab version such as `18.5`", text);
        let mut parts = text.trim().trim_start_matches('v').split(['.', '-']);
        let mut number = || parts.next()?.parse().ok();
        match (number(), number()) {
            (Some(major), Some(minor)) => Ok(Self { major, minor }),
            _ => Err(unknown()),
        }
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// An answer that may be missing. Unknown is never read as either of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tri {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It depends on what cannot be seen, or nobody has read it.
    Unknown,
}

/// The facts, each part read when it is first asked for.
#[derive(Debug, Default)]
pub struct KnowledgeBase {
    kinds: OnceLock<Vec<KindFacts>>,
    scopes: OnceLock<Vec<ScopeFacts>>,
    roles: OnceLock<Roles>,
    operations: OnceLock<Vec<OperationFacts>>,
    routes: OnceLock<routes::Routes>,
}

impl KnowledgeBase {
    /// A knowledge base that has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is known of a kind of token; `None` for what only inventories list.
    pub fn kind(&self, kind: TokenKind) -> Option<&KindFacts> {
        self.kinds().iter().find(|facts| facts.kind == kind)
    }

    /// Every kind of token, in the order of the file.
    pub fn kinds(&self) -> &[KindFacts] {
        self.kinds.get_or_init(kinds::load)
    }

    /// What is known of a scope. Scopes that carry a name, such as `user:42`, are found as `user:*`.
    pub fn scope(&self, id: &str) -> Option<&ScopeFacts> {
        let dynamic = id.starts_with("user:").then_some("user:*");
        let id = dynamic.unwrap_or(id);
        self.scopes().iter().find(|facts| facts.id == id)
    }

    /// Every scope, in the order of the file.
    pub fn scopes(&self) -> &[ScopeFacts] {
        self.scopes.get_or_init(scopes::load)
    }

    /// The scopes among `held` that open nothing which another of them does not open too.
    pub fn redundant<'s>(&self, held: &[&'s str]) -> Vec<Redundancy<'s>> {
        scopes::redundant(self.scopes(), held)
    }

    /// The roles and their order.
    pub fn roles(&self) -> &Roles {
        self.roles.get_or_init(Roles::load)
    }

    /// Whether the role is enough where `need` is the lowest that is; see [`Roles::satisfies`].
    pub fn role_satisfies(&self, have: Role, need: MinRole) -> Tri {
        self.roles().satisfies(have, need)
    }

    /// Whether the role is enough for an endpoint. Knows more than [`KnowledgeBase::role_satisfies`]:
    /// what a planner may read, every role from reporter up may read too.
    pub fn role_reaches(&self, have: Role, endpoint: &Endpoint) -> Tri {
        let reads = endpoint
            .ability()
            .is_some_and(|ability| ability.starts_with("read_") || ability == "download_code");
        if reads
            && endpoint.min_role == MinRole::Role(Role::Planner)
            && self.roles().includes(have, Role::Reporter)
        {
            return Tri::Yes;
        }
        self.role_satisfies(have, endpoint.min_role)
    }

    /// What is known of an operation that is no single REST call, by id: `git-push-https`.
    pub fn operation(&self, id: &str) -> Option<&OperationFacts> {
        self.operations().iter().find(|facts| facts.id == id)
    }

    /// Every operation, in the order of the file.
    pub fn operations(&self) -> &[OperationFacts] {
        self.operations.get_or_init(operations::load)
    }

    /// The endpoint that a call reaches, where it is known for sure; see [`KnowledgeBase::route`].
    pub fn endpoint(&self, method: Method, path: &str) -> Option<&Endpoint> {
        self.route(method, path).one()
    }

    /// The endpoints that a call may reach. `path` is a full URL, or what comes after `/api/v4`, with or
    /// without that, `$CI_API_V4_URL` or a query in it; segments may be variables (`$CI_PROJECT_ID`).
    pub fn route(&self, method: Method, path: &str) -> RouteMatch<'_> {
        self.routes().find(method, path)
    }

    /// Every endpoint, in the order of the file.
    pub fn endpoints(&self) -> &[Endpoint] {
        self.routes().endpoints()
    }

    fn routes(&self) -> &routes::Routes {
        self.routes
            .get_or_init(|| routes::Routes::new(endpoints::load()))
    }
}

/// Reads a file that comes with the program.
fn embedded<T: DeserializeOwned>(name: &str, text: &str) -> T {
    serde_yaml::from_str(text)
        .unwrap_or_else(|error| panic!("rules/knowledge/{name} is read by the tests: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn versions() {
        let version = |text: &str| text.parse::<Version>().map(|version| version.to_string());
        assert_eq!(version("18.5").unwrap(), "18.5");
        assert_eq!(version("v17.11.2-ee").unwrap(), "17.11");
        for text in ["", "18", "18.x", "x.1", "18.99999999"] {
            assert!(version(text).is_err(), "{text}");
        }
        assert!("9.5".parse::<Version>().unwrap() < "18.10".parse().unwrap());
    }

    #[test]
    fn nothing_is_read_before_it_is_asked_for() {
        let knowledge = KnowledgeBase::new();
        assert!(knowledge.kinds.get().is_none());
        knowledge.role_satisfies(Role::Owner, MinRole::None);
        assert!(knowledge.roles.get().is_some());
        assert!(knowledge.routes.get().is_none());
        assert!(knowledge.kinds.get().is_none());
    }

    #[test]
    fn reading_abilities_of_planners_reach_up() {
        let knowledge = KnowledgeBase::new();
        let reaches = |have, method, path| {
            knowledge.role_reaches(have, knowledge.endpoint(method, path).unwrap())
        };
        let (read, delete) = ("/projects/1/merge_requests", "/projects/1/issues/2");
        assert_eq!(reaches(Role::Reporter, Method::Get, read), Tri::Yes);
        assert_eq!(reaches(Role::Maintainer, Method::Get, read), Tri::Yes);
        assert_eq!(reaches(Role::Planner, Method::Get, read), Tri::Yes);
        assert_eq!(reaches(Role::Guest, Method::Get, read), Tri::No);
        assert_eq!(
            reaches(Role::Maintainer, Method::Delete, delete),
            Tri::Unknown
        );
        assert_eq!(reaches(Role::Owner, Method::Delete, delete), Tri::Yes);
    }

    /// Every file says when its facts were gathered, and every fact names sources that the file has.
    #[test]
    fn facts_have_a_date_and_sources() {
        let files = [
            include_str!("../../../rules/knowledge/token-kinds.yml"),
            include_str!("../../../rules/knowledge/scopes.yml"),
            include_str!("../../../rules/knowledge/roles.yml"),
            include_str!("../../../rules/knowledge/operations.yml"),
        ];
        for text in files {
            let file: serde_yaml::Mapping = serde_yaml::from_str(text).unwrap();
            let date = file["collected"].as_str().unwrap();
            assert!(date.parse::<jiff::civil::Date>().is_ok(), "{date}");
            let declared: BTreeSet<&str> = file["sources"]
                .as_mapping()
                .unwrap()
                .keys()
                .map(|key| key.as_str().unwrap())
                .collect();
            let mut cited = BTreeSet::new();
            for (key, part) in &file {
                if key.as_str() != Some("sources") {
                    cite(part, &mut cited);
                }
            }
            let unknown: Vec<_> = cited.difference(&declared).collect();
            assert!(unknown.is_empty(), "{unknown:?}");
            let idle: Vec<_> = declared.difference(&cited).collect();
            assert!(idle.is_empty(), "{idle:?} are cited by no fact");
        }
    }

    fn cite<'v>(value: &'v serde_yaml::Value, cited: &mut BTreeSet<&'v str>) {
        match value {
            serde_yaml::Value::Mapping(mapping) => {
                for (key, value) in mapping {
                    if key.as_str() == Some("sources") {
                        let list = value.as_sequence().unwrap();
                        cited.extend(list.iter().map(|source| source.as_str().unwrap()));
                    } else {
                        cite(value, cited);
                    }
                }
            }
            serde_yaml::Value::Sequence(list) => list.iter().for_each(|item| cite(item, cited)),
            _ => {}
        }
    }
}
