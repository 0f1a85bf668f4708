//! Finds credentials that go over a wire on which others can read or redirect them.

use super::{hosts, phrase, plain};
use crate::model::{
    Confidence, Credential, Fix, FixSafety, Host, Replacement, Site, TokenUse, Violation,
};
use crate::policy::{Check, CheckDef, Context};

pub(super) const DEF: CheckDef = CheckDef {
    name: "token-over-insecure-transport",
    build: plain::<InsecureTransport>,
};

/// A credential sent in clear text, or to whoever answers because nothing checks the certificate.
#[derive(Default)]
pub(super) struct InsecureTransport;

impl Check for InsecureTransport {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        violations.extend(context.facts.uses.iter().filter_map(judge));
    }
}

fn judge(token_use: &TokenUse) -> Option<Violation> {
    let certainty = match token_use.credential {
        // A token that is written out is a leak; anything else written out is a test's password.
        Credential::Literal => return None,
        Credential::Opaque => Confidence::Medium,
        Credential::Variable(_) | Credential::Either(_) | Credential::Composite(_) => {
            Confidence::High
        }
    };
    if hosts::is_local(&token_use.host) {
        return None;
    }
    // The variable may well name a service of the job.
    let certainty = match token_use.host {
        Host::Variable(_) | Host::Unknown => certainty.min(Confidence::Medium),
        Host::OwnInstance | Host::OwnRegistry | Host::Literal(_) => certainty,
    };

    let credential = phrase::credential(&token_use.credential);
    let host = phrase::host(&token_use.host);
    let transport = &token_use.transport;
    let by = transport.unverified_by.as_deref();
    let (detail, message, fix) = if transport.cleartext {
        let message =
            format!("{credential} goes to {host} over `http://`, for everybody on the way to read");
        ("http", message, None)
    } else {
        let option = transport.unverified.as_ref()?;
        let message = format!(
            "{credential} goes to {host} with the certificate check switched off by {}, so it goes \
             to whoever answers",
            by.map_or_else(|| "the command".to_owned(), phrase::code)
        );
        (by.unwrap_or("unverified"), message, drop_option(option, by))
    };
    let mut violation = Violation::new(
        token_use.site.clone(),
        phrase::subject(token_use, detail),
        message,
    )
    .confidence_at_most(certainty.min(token_use.confidence));
    violation.fix = fix;
    if let Some(option) = &transport.unverified {
        violation = violation.related(option.clone(), "switches the certificate check off");
    }
    Some(phrase::with_places(violation, token_use))
}

/// Takes the option out of the command line, where `site` is just the option.
fn drop_option(site: &Site, written: Option<&str>) -> Option<Fix> {
    let written = written?;
    if site.span.len() != written.len() {
        return None;
    }
    let left = match written {
        "-k" | "--insecure" | "--no-check-certificate" | "-SkipCertificateCheck" => String::new(),
        cluster if is_cluster(cluster) => cluster.replacen('k', "", 1),
        _ => return None,
    };
    Some(Fix {
        title: format!(
            "check the certificate: drop `{}`",
            if left.is_empty() { written } else { "-k" }
        ),
        safety: FixSafety::Safe,
        replacements: vec![Replacement {
            site: site.clone(),
            text: left,
        }],
    })
}

/// Several short options in one word with exactly one `k`, as in `-sSk`.
fn is_cluster(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|letters| {
        letters.len() > 1
            && letters.bytes().all(|letter| letter.is_ascii_alphabetic())
            && letters.matches('k').count() == 1
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{SourceId, Span, Transport};

    fn cleartext(host: Host) -> TokenUse {
        TokenUse {
            host,
            transport: Transport {
                cleartext: true,
                ..Transport::default()
            },
            ..sample::token_use("TOKEN")
        }
    }

    fn unverified(by: &str) -> TokenUse {
        TokenUse {
            host: Host::OwnInstance,
            transport: Transport {
                cleartext: false,
                unverified: Some(Site::new(SourceId(0), Span::new(40, 40 + by.len()))),
                unverified_by: Some(by.into()),
            },
            ..sample::token_use("TOKEN")
        }
    }

    fn literal(name: &str) -> Host {
        Host::Literal(name.into())
    }

    fn found(token_use: TokenUse) -> Vec<Violation> {
        sample::run(&InsecureTransport, &sample::uses([token_use]))
    }

    #[test]
    fn clear_text_to_a_host_of_the_network() {
        for host in [
            literal("gitlab.example"),
            literal("10.1.2.3"),
            Host::OwnInstance,
        ] {
            let violations = found(cleartext(host));
            assert_eq!(violations.len(), 1);
            assert!(violations[0].message.contains("`http://`"));
            assert!(violations[0].fix.is_none());
        }
    }

    #[test]
    fn clear_text_within_the_job_is_silent() {
        for host in ["localhost", "127.0.0.1", "::1", "vault", "docker"] {
            assert!(found(cleartext(literal(host))).is_empty(), "{host}");
        }
    }

    #[test]
    fn unknown_host_is_less_sure() {
        let violations = found(cleartext(Host::Variable("HOST".into())));
        assert_eq!(violations[0].confidence, Some(Confidence::Medium));
        let violations = found(cleartext(literal("gitlab.example")));
        assert_eq!(violations[0].confidence, Some(Confidence::High));
    }

    #[test]
    fn verified_https_is_silent() {
        assert!(found(sample::token_use("TOKEN")).is_empty());
    }

    #[test]
    fn literals_are_silent() {
        let token_use = TokenUse {
            credential: Credential::Literal,
            ..cleartext(literal("gitlab.example"))
        };
        assert!(found(token_use).is_empty());
    }

    #[test]
    fn what_switches_verification_off_is_named_and_related() {
        for by in ["--insecure", "GIT_SSL_NO_VERIFY", "http.sslVerify=false"] {
            let violations = found(unverified(by));
            assert!(violations[0].message.contains(&format!("`{by}`")));
            assert_eq!(violations[0].related[0].0.span.start, 40);
            assert!(violations[0].subject.ends_with(by));
        }
    }

    #[test]
    fn unverified_local_host_is_silent() {
        let token_use = TokenUse {
            host: literal("localhost"),
            ..unverified("-k")
        };
        assert!(found(token_use).is_empty());
    }

    #[test]
    fn fix_drops_the_option_alone() {
        let text = |by: &str| {
            let fix = found(unverified(by)).remove(0).fix?;
            Some(fix.replacements[0].text.clone())
        };
        assert_eq!(text("-k").as_deref(), Some(""));
        assert_eq!(text("--insecure").as_deref(), Some(""));
        assert_eq!(text("--no-check-certificate").as_deref(), Some(""));
        assert_eq!(text("-SkipCertificateCheck").as_deref(), Some(""));
        assert_eq!(text("-sSk").as_deref(), Some("-sS"));
        assert_eq!(text("-kokfile"), None, "two letters that may be the option");
        assert_eq!(text("GIT_SSL_NO_VERIFY"), None);
        assert_eq!(text("http.sslVerify=false"), None);
    }

    #[test]
    fn no_fix_where_the_place_is_more_than_the_option() {
        let mut token_use = unverified("-k");
        token_use.transport.unverified = Some(sample::site(40));
        assert!(found(token_use)[0].fix.is_none());
    }

    #[test]
    fn clear_text_wins_over_a_missing_check() {
        let mut token_use = unverified("-k");
        token_use.host = literal("gitlab.example");
        token_use.transport.cleartext = true;
        let violations = found(token_use);
        assert!(violations[0].message.contains("`http://`"));
        assert!(violations[0].fix.is_none());
        assert_eq!(violations[0].related.len(), 1);
    }
}
