//! Finds job tokens where only access tokens are looked for.

use super::{job_token_reach, phrase, plain};
use crate::model::{
    Fix, FixSafety, Mechanism, Method, Operation, Replacement, Site, Span, TokenUse, Violation,
};
use crate::policy::{Check, CheckDef, Context};

pub(super) const DEF: CheckDef = CheckDef {
    name: "job-token-in-private-token-header",
    build: plain::<WrongHeader>,
};

/// A job token in `PRIVATE-TOKEN` or `private_token`. `${A:-$CI_JOB_TOKEN}` is another problem: there
/// the header is right for one of the two.
#[derive(Default)]
pub(super) struct WrongHeader;

impl Check for WrongHeader {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        violations.extend(
            context
                .facts
                .uses
                .iter()
                .filter(|token_use| presents_wrongly(token_use))
                .map(|token_use| judge(token_use, context)),
        );
    }
}

/// GitLab looks in these for personal, project and group tokens alone
/// (gitlabhq/gitlabhq `lib/gitlab/auth/auth_finders.rb`).
fn presents_wrongly(token_use: &TokenUse) -> bool {
    let access_tokens_only = match &token_use.mechanism {
        Mechanism::PrivateTokenHeader => true,
        Mechanism::QueryParameter(name) | Mechanism::FormParameter(name) => {
            &**name == "private_token"
        }
        _ => false,
    };
    access_tokens_only && token_use.credential.is_job_token()
}

fn judge(token_use: &TokenUse, context: &Context<'_>) -> Violation {
    let place = match &token_use.mechanism {
        Mechanism::PrivateTokenHeader => "a `PRIVATE-TOKEN` header",
        _ => "the parameter `private_token`",
    };
    let call = phrase::call(&token_use.operation).unwrap_or_else(|| "the call".to_owned());
    let outcome = if writes(&token_use.operation) {
        "fails with 401"
    } else {
        "is answered as if it had no token: public data hides it, all other is 401 or 404"
    };
    // The host does not matter here: whichever instance it is, its routes are the same.
    let renaming_helps = !job_token_reach::takes_no_header(token_use, context);
    let else_to_do = if renaming_helps {
        ""
    } else {
        "; a `JOB-TOKEN` header is not read there either"
    };
    let violation = Violation {
        fix: rename_header(token_use).filter(|_| renaming_helps),
        ..Violation::new(
            token_use.site.clone(),
            phrase::subject(token_use, ""),
            format!(
                "{} is sent in {place}, which takes no job token, so {call} {outcome}{else_to_do}",
                phrase::credential(&token_use.credential),
            ),
        )
    };
    phrase::with_places(
        violation.confidence_at_most(token_use.confidence),
        token_use,
    )
}

fn writes(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::Api {
            method: Some(Method::Post | Method::Put | Method::Patch | Method::Delete),
            ..
        }
    )
}

/// Replaces the header's name, where the place of the use is the header as people write it and not a
/// variable that holds it: its length must be that of name, colon, at most one blank, and the
/// variable with or without braces.
fn rename_header(token_use: &TokenUse) -> Option<Fix> {
    const NAME: &str = "PRIVATE-TOKEN";
    if token_use.mechanism != Mechanism::PrivateTokenHeader {
        return None;
    }
    let variable = token_use.credential.sole_variable()?;
    let Site { source, span, .. } = token_use.site;
    let bare = NAME.len() + ":$".len() + variable.written.len();
    if !(bare..=bare + " {}".len()).contains(&span.len()) {
        return None;
    }
    let name = Span::new(span.start, span.start + NAME.len());
    Some(Fix {
        title: "send the job token in a `JOB-TOKEN` header".to_owned(),
        safety: FixSafety::Safe,
        replacements: vec![Replacement {
            site: Site::new(source, name),
            text: "JOB-TOKEN".to_owned(),
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Confidence, Credential, SourceId, VariableRef};

    fn found(token_use: TokenUse) -> Vec<Violation> {
        sample::run(&WrongHeader, &sample::uses([token_use]))
    }

    fn api(method: Method) -> Operation {
        Operation::Api {
            method: Some(method),
            path: "/projects/$CI_PROJECT_ID/repository/files/a/raw".into(),
        }
    }

    #[test]
    fn job_token_under_each_of_its_names() {
        for name in ["CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD"] {
            let violations = found(sample::token_use(name));
            assert_eq!(violations.len(), 1);
            assert!(violations[0].message.starts_with(&format!("`${name}`")));
        }
    }

    #[test]
    fn alias_fires_and_relates_its_definition() {
        let violations = found(TokenUse {
            credential: Credential::Variable(sample::alias("TOKEN", "CI_JOB_TOKEN")),
            ..sample::token_use("TOKEN")
        });
        assert_eq!(violations.len(), 1);
        assert!(violations[0].message.contains("set to `$CI_JOB_TOKEN`"));
        assert_eq!(violations[0].related[0].0, sample::site(1));
    }

    #[test]
    fn private_token_parameter_fires_without_fix() {
        for mechanism in [
            Mechanism::QueryParameter("private_token".into()),
            Mechanism::FormParameter("private_token".into()),
        ] {
            let violations = found(TokenUse {
                mechanism,
                ..sample::token_use("CI_JOB_TOKEN")
            });
            assert_eq!(violations.len(), 1);
            assert!(violations[0].fix.is_none());
        }
    }

    #[test]
    fn right_mechanisms_are_silent() {
        for mechanism in [
            Mechanism::JobTokenHeader,
            Mechanism::BearerHeader,
            Mechanism::QueryParameter("job_token".into()),
            Mechanism::FormParameter("token".into()),
        ] {
            let token_use = TokenUse {
                mechanism,
                ..sample::token_use("CI_JOB_TOKEN")
            };
            assert!(found(token_use).is_empty());
        }
    }

    #[test]
    fn other_tokens_and_fallbacks_are_silent() {
        assert!(found(sample::token_use("GITLAB_TOKEN")).is_empty());
        let pair = vec![
            VariableRef::named("GITLAB_TOKEN"),
            VariableRef::named("CI_JOB_TOKEN"),
        ];
        for credential in [
            Credential::Either(pair.clone()),
            Credential::Composite(pair),
            Credential::Literal,
            Credential::Opaque,
        ] {
            let token_use = TokenUse {
                credential,
                ..sample::token_use("CI_JOB_TOKEN")
            };
            assert!(found(token_use).is_empty());
        }
    }

    #[test]
    fn message_tells_reads_from_writes() {
        let with = |method| {
            found(TokenUse {
                operation: api(method),
                ..sample::token_use("CI_JOB_TOKEN")
            })
            .remove(0)
            .message
        };
        assert!(with(Method::Get).contains("public data hides it"));
        assert!(with(Method::Post).ends_with("fails with 401"));
    }

    #[test]
    fn confidence_follows_the_use() {
        let violations = found(TokenUse {
            confidence: Confidence::Low,
            ..sample::token_use("CI_JOB_TOKEN")
        });
        assert_eq!(violations[0].confidence, Some(Confidence::Low));
    }

    #[test]
    fn fix_renames_the_header_and_nothing_else() {
        for header in [
            "PRIVATE-TOKEN: $CI_JOB_TOKEN",
            "PRIVATE-TOKEN:$CI_JOB_TOKEN",
            "PRIVATE-TOKEN: ${CI_JOB_TOKEN}",
            "private-token:${CI_JOB_TOKEN}",
        ] {
            let line = format!("curl -H '{header}' https://gitlab.example");
            let start = line.find('\'').unwrap() + 1;
            let violations = found(TokenUse {
                site: Site::new(SourceId(0), Span::new(start, start + header.len())),
                ..sample::token_use("CI_JOB_TOKEN")
            });
            let fix = violations[0].fix.as_ref().unwrap();
            let edit = &fix.replacements[0];
            let mut mended = line.clone();
            mended.replace_range(edit.site.span.start..edit.site.span.end, &edit.text);
            assert_eq!(mended, line.replacen(&header[..13], "JOB-TOKEN", 1));
        }
    }

    #[test]
    fn no_fix_where_the_route_takes_no_job_token_in_a_header() {
        let header = "PRIVATE-TOKEN: $CI_JOB_TOKEN";
        let with = |method, path: &str| {
            found(TokenUse {
                site: Site::new(SourceId(0), Span::new(9, 9 + header.len())),
                operation: Operation::Api {
                    method: Some(method),
                    path: path.into(),
                },
                ..sample::token_use("CI_JOB_TOKEN")
            })
            .remove(0)
        };
        for path in [
            "/projects/1/merge_requests",
            "/projects/1/terraform/state/main",
        ] {
            let violation = with(Method::Post, path);
            assert!(violation.fix.is_none(), "{path}");
            assert!(violation.message.ends_with("not read there either"));
        }
        for path in ["/projects/1/releases", "/no/such/route"] {
            let violation = with(Method::Post, path);
            assert!(violation.fix.is_some(), "{path}");
            assert!(violation.message.ends_with("fails with 401"));
        }
    }

    #[test]
    fn no_fix_where_a_variable_holds_the_header() {
        // `curl -H "$HEADER"`
        let violations = found(TokenUse {
            site: Site::new(SourceId(0), Span::new(9, 16)),
            ..sample::token_use("CI_JOB_TOKEN")
        });
        assert!(violations[0].fix.is_none());
    }
}
