//! Finds calls with the job token that GitLab answers as if there were no token.

use super::{hosts, phrase, plain};
use crate::model::{Mechanism, Method, Operation, Severity, TokenUse, Violation};
use crate::policy::{Check, CheckDef, Context};
use crate::rules::knowledge::{
    Anonymous, DenyStatus, Endpoint, JobToken, JobTokenVia, MinRole, Reach, RouteMatch, Version,
    job_token_reach,
};

pub(super) const DEF: CheckDef = CheckDef {
    name: "job-token-unreachable-endpoint",
    build: plain::<OutOfReach>,
};

/// A job token, presented as one, on a route that is known to take none, of the own instance or of
/// gitlab.com. Where nothing is known, or it depends, nothing is said.
#[derive(Default)]
pub(super) struct OutOfReach;

impl Check for OutOfReach {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        violations.extend(
            context
                .facts
                .uses
                .iter()
                .filter(|token_use| token_use.credential.is_job_token())
                .filter(|token_use| presents_job_token(&token_use.mechanism))
                .filter(|token_use| hosts::has_known_routes(&token_use.host, context.settings))
                .filter_map(|token_use| judge(token_use, context)),
        );
    }
}

/// Whether GitLab would look for a job token there, if the route took one
/// (gitlabhq/gitlabhq `lib/gitlab/auth/auth_finders.rb`). What never takes one is another problem.
fn presents_job_token(mechanism: &Mechanism) -> bool {
    match mechanism {
        Mechanism::JobTokenHeader | Mechanism::BearerHeader => true,
        Mechanism::QueryParameter(name) | Mechanism::FormParameter(name) => &**name == "job_token",
        Mechanism::BasicAuth(user) | Mechanism::UrlUserinfo(user) => {
            user.as_deref() == Some("gitlab-ci-token")
        }
        _ => false,
    }
}

/// Whether the right header would not help either: the call is known to take no job token, or none
/// from a header.
pub(super) fn takes_no_header(token_use: &TokenUse, context: &Context<'_>) -> bool {
    let Operation::Api {
        method: Some(method),
        path,
    } = &token_use.operation
    else {
        return token_use.operation == Operation::GraphQl;
    };
    let found = context.knowledge.route(*method, path);
    let another_way = found.one().is_some_and(|endpoint| {
        endpoint.job_token != JobToken::No
            && !endpoint
                .job_token_via()
                .any(|via| via == JobTokenVia::JobTokenHeader)
    });
    another_way || refusal(found, context.settings.gitlab_version).is_some()
}

fn judge(token_use: &TokenUse, context: &Context<'_>) -> Option<Violation> {
    let version = context.settings.gitlab_version;
    let (message, severity) = match &token_use.operation {
        Operation::GraphQl => (GRAPHQL.to_owned(), Severity::Critical),
        Operation::Api {
            method: Some(method),
            path,
        } => {
            let refusal = refusal(context.knowledge.route(*method, path), version)?;
            (refusal.message(*method, path), refusal.severity())
        }
        _ => return None,
    };
    let violation = Violation::new(
        token_use.site.clone(),
        phrase::subject(token_use, ""),
        message,
    )
    .confidence_at_most(token_use.confidence)
    .severity_at_most(match version {
        // Routes open from release to release; this one may have.
        Some(version) if version > NEWEST => Severity::Info,
        _ => severity,
    });
    Some(phrase::with_places(violation, token_use))
}

/// `rules/knowledge/operations.yml` has the source. The scopes stand there as recalled, not read, and
/// are a hint here too.
const GRAPHQL: &str = "the GraphQL API takes no job token, so this call is made without one; an \
                       access token with `read_api`, or `api` to change something, would do";

/// The release whose routes `rules/knowledge/endpoints.csv` lists.
const NEWEST: Version = Version {
    major: 19,
    minor: 2,
};

/// Why a job token does not work on a call.
enum Refusal<'k> {
    /// The route takes none.
    Never(&'k Endpoint),
    /// The path leaves open which of several routes it is; all of these take none.
    Whichever,
    /// A later release than the instance's opens the route.
    Before {
        endpoint: &'k Endpoint,
        since: Version,
        version: Version,
    },
}

/// Whether it is known that a job token does not work; anything less is `None`.
fn refusal(found: RouteMatch<'_>, version: Option<Version>) -> Option<Refusal<'_>> {
    match found {
        RouteMatch::One(endpoint) => match job_token_reach(endpoint, version) {
            Reach::No { since: None } => refuses(endpoint).then_some(Refusal::Never(endpoint)),
            Reach::No { since: Some(since) } => Some(Refusal::Before {
                endpoint,
                since,
                version: version?,
            }),
            Reach::Yes | Reach::Unknown => None,
        },
        RouteMatch::Ambiguous(endpoints) => endpoints
            .iter()
            .all(|endpoint| {
                job_token_reach(endpoint, version) == Reach::No { since: None } && refuses(endpoint)
            })
            .then_some(Refusal::Whichever),
        RouteMatch::None => None,
    }
}

/// Whether a token that is not looked at matters: data that is public anyway comes all the same.
fn refuses(endpoint: &Endpoint) -> bool {
    endpoint.job_token_deny_status != Some(DenyStatus::Ok)
}

impl Refusal<'_> {
    fn message(&self, method: Method, path: &str) -> String {
        match self {
            Self::Never(endpoint) => {
                let call = phrase::code(&format!("{method} {}", endpoint.template));
                let status = status(endpoint, method);
                match least(endpoint) {
                    Some(least) => {
                        format!("{call} takes no job token, so it answers {status}; {least}")
                    }
                    None => format!("{call} takes no job token, so it answers {status}"),
                }
            }
            Self::Whichever => {
                let call = phrase::code(&format!("{method} {path}"));
                format!(
                    "{call} takes no job token, whatever its variables hold, so it answers 401 or 404"
                )
            }
            Self::Before {
                endpoint,
                since,
                version,
            } => {
                let call = phrase::code(&format!("{method} {}", endpoint.template));
                let least = least(endpoint).map_or_else(String::new, |least| format!("; {least}"));
                format!(
                    "{call} takes a job token since GitLab {since}, and the instance has {version}{least}"
                )
            }
        }
    }

    /// On a public project the call works, although the token has no part in it.
    fn severity(&self) -> Severity {
        match self {
            Self::Never(endpoint) if endpoint.anonymous == Anonymous::Public => Severity::Medium,
            Self::Whichever => Severity::Medium,
            _ => Severity::Critical,
        }
    }
}

fn status(endpoint: &Endpoint, method: Method) -> String {
    let status = endpoint.job_token_deny_status.map_or_else(
        || "401 or 404".to_owned(),
        |status| status.for_private(method).to_string(),
    );
    if endpoint.anonymous == Anonymous::Public {
        format!("{status}, or public data that needs no token")
    } else {
        status
    }
}

/// The least that would do, in words.
fn least(endpoint: &Endpoint) -> Option<String> {
    if let Some(other) = endpoint.other_auth {
        return Some(format!(
            "it asks for another credential: {}",
            phrase::code(other)
        ));
    }
    let kind = match endpoint.template.split('/').nth(1) {
        Some("projects") => "a project access token",
        Some("groups") => "a group access token",
        _ => "an access token",
    };
    let scope = match endpoint.min_scope {
        "none" => return None,
        "any" => "any scope".to_owned(),
        scope => phrase::code(scope),
    };
    let role = match endpoint.min_role {
        MinRole::Role(role) => format!(" and the role {role}"),
        MinRole::None | MinRole::Unknown => String::new(),
    };
    let narrower = endpoint
        .fine_grained_permission
        .map_or_else(String::new, |permission| {
            format!(", or a fine-grained one with {}", phrase::code(permission))
        });
    Some(format!("{kind} with {scope}{role} would do{narrower}"))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Confidence, Credential, Host, VariableRef};
    use crate::rules::Settings;
    use crate::rules::knowledge::Since;

    fn call(method: Method, path: &str) -> TokenUse {
        TokenUse {
            mechanism: Mechanism::JobTokenHeader,
            operation: Operation::Api {
                method: Some(method),
                path: path.into(),
            },
            host: Host::OwnInstance,
            ..sample::token_use("CI_JOB_TOKEN")
        }
    }

    /// A call that no job token can make.
    fn unreachable() -> TokenUse {
        call(Method::Post, "/projects/$CI_PROJECT_ID/merge_requests")
    }

    fn found(token_use: TokenUse) -> Option<Violation> {
        sample::run(&OutOfReach, &sample::uses([token_use])).pop()
    }

    fn on(version: &str, token_use: TokenUse) -> Option<Violation> {
        let settings = Settings {
            gitlab_version: Some(version.parse().unwrap()),
            ..Settings::default()
        };
        sample::run_with(&OutOfReach, &sample::uses([token_use]), &settings).pop()
    }

    #[test]
    fn message_names_route_status_and_the_least_that_would_do() {
        let message = found(unreachable()).unwrap().message;
        assert_eq!(
            message,
            "`POST /projects/:id/merge_requests` takes no job token, so it answers 401; a project \
             access token with `api` and the role Developer would do, or a fine-grained one with \
             `merge_request:create`"
        );
        let message = found(call(Method::Get, "/user")).unwrap().message;
        assert!(message.contains("answers 401; an access token with `read_user` would do"));
    }

    #[test]
    fn every_way_to_present_a_job_token() {
        for mechanism in [
            Mechanism::JobTokenHeader,
            Mechanism::BearerHeader,
            Mechanism::QueryParameter("job_token".into()),
            Mechanism::FormParameter("job_token".into()),
            Mechanism::BasicAuth(Some("gitlab-ci-token".into())),
            Mechanism::UrlUserinfo(Some("gitlab-ci-token".into())),
        ] {
            let token_use = TokenUse {
                mechanism,
                ..unreachable()
            };
            assert!(found(token_use).is_some());
        }
    }

    #[test]
    fn where_no_job_token_is_ever_read_is_another_problem() {
        for mechanism in [
            Mechanism::PrivateTokenHeader,
            Mechanism::QueryParameter("private_token".into()),
            Mechanism::DeployTokenHeader,
            Mechanism::BasicAuth(Some("oauth2".into())),
            Mechanism::BasicAuth(None),
        ] {
            let token_use = TokenUse {
                mechanism,
                ..unreachable()
            };
            assert!(found(token_use).is_none());
        }
    }

    #[test]
    fn other_tokens_and_fallbacks_are_silent() {
        let pair = vec![
            VariableRef::named("GITLAB_TOKEN"),
            VariableRef::named("CI_JOB_TOKEN"),
        ];
        for credential in [
            Credential::Variable(VariableRef::named("GITLAB_TOKEN")),
            Credential::Either(pair),
            Credential::Opaque,
        ] {
            let token_use = TokenUse {
                credential,
                ..unreachable()
            };
            assert!(found(token_use).is_none());
        }
    }

    #[test]
    fn other_hosts_are_silent_until_configured() {
        let at = |host| TokenUse {
            host,
            ..unreachable()
        };
        assert!(found(at(Host::Literal("gitlab.com".into()))).is_some());
        assert!(found(at(Host::Literal("gitlab.example".into()))).is_none());
        assert!(found(at(Host::Variable("HOST".into()))).is_none());
        assert!(found(at(Host::Unknown)).is_none());
        let settings = Settings {
            hosts: vec!["git.example".to_owned()],
            ..Settings::default()
        };
        let facts = sample::uses([at(Host::Literal("git.example".into()))]);
        assert_eq!(sample::run_with(&OutOfReach, &facts, &settings).len(), 1);
    }

    #[test]
    fn reachable_conditional_unlisted_and_public_routes_are_silent() {
        for (method, path) in [
            (Method::Post, "/projects/$CI_PROJECT_ID/releases"),
            (Method::Get, "/projects/1/merge_requests"),
            (Method::Get, "/job"),
            (
                Method::Delete,
                "/projects/1/registry/repositories/2/tags/old",
            ),
            (Method::Get, "/projects/1/repository/changelog"),
            (Method::Get, "/no/such/route"),
            (Method::Get, "/$EVERYTHING"),
        ] {
            assert!(found(call(method, path)).is_none(), "{method} {path}");
        }
        let mut unknown = unreachable();
        unknown.operation = Operation::Api {
            method: None,
            path: "/projects/1/merge_requests".into(),
        };
        assert!(found(unknown).is_none());
        let public = sample::KNOWLEDGE
            .endpoints()
            .iter()
            .find(|endpoint| endpoint.job_token_deny_status == Some(DenyStatus::Ok))
            .unwrap();
        assert!(found(call(public.method, public.template)).is_none());
    }

    #[test]
    fn graphql_is_out_of_reach() {
        let violation = found(TokenUse {
            operation: Operation::GraphQl,
            ..unreachable()
        });
        assert!(violation.unwrap().message.starts_with("the GraphQL API"));
    }

    #[test]
    fn other_operations_are_silent() {
        for operation in [Operation::GitRead, Operation::GitWrite, Operation::Http] {
            let token_use = TokenUse {
                operation,
                ..unreachable()
            };
            assert!(found(token_use).is_none());
        }
    }

    #[test]
    fn release_of_the_instance_decides() {
        let (endpoint, since) = sample::KNOWLEDGE
            .endpoints()
            .iter()
            .find_map(|endpoint| match endpoint.job_token_since {
                Some(Since::Exactly(since)) if endpoint.job_token == JobToken::Yes => {
                    Some((endpoint, since))
                }
                _ => None,
            })
            .unwrap();
        let token_use = || call(endpoint.method, endpoint.template);
        assert!(found(token_use()).is_none());
        assert!(on(&since.to_string(), token_use()).is_none());
        let before = on("18.0", token_use()).unwrap();
        let words = format!("takes a job token since GitLab {since}, and the instance has 18.0");
        assert!(before.message.contains(&words), "{}", before.message);
        assert!(on("17.0", call(Method::Get, "/projects/1/merge_requests")).is_none());
    }

    #[test]
    fn newer_release_than_the_table_is_worth_a_note_alone() {
        let severity = |version| on(version, unreachable()).unwrap().severity;
        assert_eq!(severity("19.3"), Some(Severity::Info));
        assert_ne!(severity("19.2"), Some(Severity::Info));
    }

    #[test]
    fn public_reads_are_a_lesser_case() {
        let read = found(call(Method::Get, "/projects/1/repository/contributors"));
        let read = read.expect("a public route that takes no job token");
        assert_eq!(read.severity, Some(Severity::Medium));
        assert!(read.message.contains("or public data that needs no token"));
        assert_eq!(
            found(unreachable()).unwrap().severity,
            Some(Severity::Critical)
        );
    }

    #[test]
    fn path_that_may_be_several_routes_fires_only_when_none_takes_a_job_token() {
        let violation = found(call(Method::Post, "/projects/1/merge_requests/2/$ACTION"));
        let violation = violation.expect("no action on a merge request takes a job token");
        assert!(violation.message.contains("whatever its variables hold"));
        assert_eq!(violation.severity, Some(Severity::Medium));
        assert!(found(call(Method::Get, "/projects/1/$WHAT")).is_none());
    }

    #[test]
    fn confidence_follows_the_use() {
        let token_use = TokenUse {
            confidence: Confidence::Low,
            ..unreachable()
        };
        assert_eq!(found(token_use).unwrap().confidence, Some(Confidence::Low));
    }

    #[test]
    fn every_route_has_a_message_in_house_style() {
        let uses = sample::KNOWLEDGE
            .endpoints()
            .iter()
            .map(|endpoint| call(endpoint.method, endpoint.template));
        let violations = sample::run(&OutOfReach, &sample::uses(uses));
        assert!(violations.len() > 1000, "{}", violations.len());
    }
}
