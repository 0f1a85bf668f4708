//! Finds tokens in the query of a URL.

use super::{hosts, phrase, plain};
use crate::model::{
    Confidence, Credential, Host, Mechanism, Operation, Persona, TokenUse, Violation,
};
use crate::policy::{Check, CheckDef, Context};
use crate::rules::Settings;

pub(super) const DEF: CheckDef = CheckDef {
    name: "token-in-url-query",
    build: plain::<UrlQuery>,
};

/// A token that a URL carries behind its `?`. A literal one is a leak and not for this check.
#[derive(Default)]
pub(super) struct UrlQuery;

impl Check for UrlQuery {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        violations.extend(
            context
                .facts
                .uses
                .iter()
                .filter_map(|token_use| judge(token_use, context.settings)),
        );
    }
}

fn judge(token_use: &TokenUse, settings: &Settings) -> Option<Violation> {
    let Mechanism::QueryParameter(name) = &token_use.mechanism else {
        return None;
    };
    let certainty = match token_use.credential {
        Credential::Literal => return None,
        Credential::Opaque => Confidence::Medium,
        Credential::Variable(_) | Credential::Either(_) | Credential::Composite(_) => {
            Confidence::High
        }
    };
    let persona = audience(name, token_use, settings)?;
    let violation = Violation::new(
        token_use.site.clone(),
        phrase::subject(token_use, &format!("?{name}=")),
        format!(
            "{} is sent in the query of a URL as `{name}`, which job logs, proxies and servers \
             keep",
            phrase::credential(&token_use.credential),
        ),
    )
    .confidence_at_most(certainty.min(token_use.confidence))
    .persona_at_least(persona);
    Some(phrase::with_places(violation, token_use))
}

/// Who wants to know: everybody where GitLab is the receiver and has a header for it, few where
/// another service may offer nothing but the query. `None` where the name alone says too little.
fn audience(parameter: &str, token_use: &TokenUse, settings: &Settings) -> Option<Persona> {
    let api = matches!(
        token_use.operation,
        Operation::Api { .. } | Operation::GraphQl
    );
    match parameter {
        "private_token" | "job_token" | "access_token" => {
            let gitlab = api || hosts::is_gitlab(&token_use.host, settings);
            // No other service calls its parameters so.
            let named_by_gitlab =
                parameter != "access_token" && !matches!(token_use.host, Host::Literal(_));
            Some(if gitlab || named_by_gitlab {
                Persona::Regular
            } else {
                Persona::Pedantic
            })
        }
        // Also the name of page markers and of other services' keys.
        "token" => api.then_some(Persona::Regular),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Method, VariableRef};

    fn query(parameter: &str) -> TokenUse {
        TokenUse {
            mechanism: Mechanism::QueryParameter(parameter.into()),
            operation: Operation::Http,
            ..sample::token_use("TOKEN")
        }
    }

    fn on(parameter: &str, host: &str) -> TokenUse {
        TokenUse {
            host: Host::Literal(host.into()),
            ..query(parameter)
        }
    }

    fn api(parameter: &str, path: &str) -> TokenUse {
        TokenUse {
            operation: Operation::Api {
                method: Some(Method::Post),
                path: path.into(),
            },
            ..on(parameter, "git.example")
        }
    }

    fn persona(token_use: TokenUse) -> Option<Persona> {
        sample::run(&UrlQuery, &sample::uses([token_use]))
            .pop()
            .map(|violation| violation.persona.unwrap_or(Persona::Regular))
    }

    #[test]
    fn the_three_names_on_gitlab() {
        for name in ["private_token", "access_token", "job_token"] {
            assert_eq!(
                persona(on(name, "gitlab.com")),
                Some(Persona::Regular),
                "{name}"
            );
            assert_eq!(
                persona(api(name, "/projects")),
                Some(Persona::Regular),
                "{name}"
            );
            let own = TokenUse {
                host: Host::OwnInstance,
                ..query(name)
            };
            assert_eq!(persona(own), Some(Persona::Regular), "{name}");
        }
    }

    #[test]
    fn configured_host_is_gitlab() {
        let settings = Settings {
            hosts: vec!["git.example".to_owned()],
            ..Settings::default()
        };
        let facts = sample::uses([on("access_token", "git.example")]);
        let violations = sample::run_with(&UrlQuery, &facts, &settings);
        assert_eq!(violations[0].persona, Some(Persona::Regular));
    }

    #[test]
    fn other_hosts_are_for_pedants() {
        for name in ["private_token", "access_token", "job_token"] {
            assert_eq!(
                persona(on(name, "hooks.example")),
                Some(Persona::Pedantic),
                "{name}"
            );
        }
    }

    #[test]
    fn host_in_a_variable_is_judged_by_the_name() {
        let at = |name| TokenUse {
            host: Host::Variable("HOST".into()),
            ..query(name)
        };
        assert_eq!(persona(at("private_token")), Some(Persona::Regular));
        assert_eq!(persona(at("access_token")), Some(Persona::Pedantic));
    }

    #[test]
    fn token_counts_on_api_paths_alone() {
        let trigger = "/projects/1/trigger/pipeline";
        assert_eq!(persona(api("token", trigger)), Some(Persona::Regular));
        assert_eq!(persona(on("token", "gitlab.com")), None);
        assert_eq!(persona(on("token", "hooks.example")), None);
    }

    #[test]
    fn form_and_header_are_silent() {
        for mechanism in [
            Mechanism::FormParameter("token".into()),
            Mechanism::FormParameter("private_token".into()),
            Mechanism::PrivateTokenHeader,
        ] {
            let token_use = TokenUse {
                mechanism,
                ..api("token", "/projects/1/trigger/pipeline")
            };
            assert_eq!(persona(token_use), None);
        }
    }

    #[test]
    fn other_parameters_are_silent() {
        assert_eq!(persona(api("page_token", "/projects")), None);
        assert_eq!(persona(api("ref", "/projects")), None);
    }

    #[test]
    fn literal_is_silent_and_output_of_a_command_less_sure() {
        let with = |credential| {
            let token_use = TokenUse {
                credential,
                ..on("private_token", "gitlab.com")
            };
            sample::run(&UrlQuery, &sample::uses([token_use])).pop()
        };
        assert!(with(Credential::Literal).is_none());
        assert_eq!(
            with(Credential::Opaque).unwrap().confidence,
            Some(Confidence::Medium)
        );
        let either = vec![VariableRef::named("A"), VariableRef::named("CI_JOB_TOKEN")];
        assert!(with(Credential::Either(either)).is_some());
    }
}
