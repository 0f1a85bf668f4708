//! The words that checks share in messages and subjects, and the places that belong to a use.
//!
//! Text of the repository is clipped, so that a hostile path does not fill a report. Subjects hold
//! nothing that changes when lines move.

use std::sync::Arc;

use crate::model::{Credential, Host, Operation, Site, TokenUse, VariableRef, Violation};

/// The most characters of repository text in one place of a message.
const LONGEST: usize = 160;

/// `text` in backticks, its end replaced by `…` where it is too long, on one line.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", clip(text))
}

fn clip(text: &str) -> String {
    let mut clipped: String = text
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            '`' => '\'',
            c if c.is_whitespace() => ' ',
            c => c,
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        clipped.push('…');
    }
    clipped
}

/// A variable as the use writes it, and what it stands for where that is another one.
pub(super) fn variable(variable: &VariableRef) -> String {
    let written = code(&format!("${}", variable.written));
    if variable.is_alias() {
        format!(
            "{written} (set to {})",
            code(&format!("${}", variable.name))
        )
    } else {
        written
    }
}

/// A credential, as the first words of a sentence in the singular.
pub(super) fn credential(credential: &Credential) -> String {
    match credential {
        Credential::Variable(sole) => variable(sole),
        Credential::Either(variables) => list(variables, "or"),
        Credential::Composite(variables) => list(variables, "and"),
        Credential::Literal => "the credential".to_owned(),
        Credential::Opaque => "a computed value".to_owned(),
    }
}

fn list(variables: &[VariableRef], conjunction: &str) -> String {
    /// Nobody writes more alternatives than this into one word.
    const MOST: usize = 4;
    match variables {
        [] => "the credential".to_owned(),
        [sole] => variable(sole),
        [first, rest @ ..] => {
            let several = variables.iter().take(MOST);
            let conjunction = format!(" {conjunction} ");
            if rest.iter().all(|other| other.written == first.written) {
                let names: Vec<_> = several
                    .map(|variable| code(&format!("${}", variable.name)))
                    .collect();
                let written = code(&format!("${}", first.written));
                format!("{written} (set to {})", names.join(&conjunction))
            } else {
                let written: Vec<_> = several.map(variable).collect();
                written.join(&conjunction)
            }
        }
    }
}

/// The receiver: a host name, or what stands for it.
pub(super) fn host(host: &Host) -> String {
    match host {
        Host::OwnInstance => "the GitLab instance".to_owned(),
        Host::OwnRegistry => "the container registry".to_owned(),
        Host::Literal(name) => code(name),
        Host::Variable(name) => code(&format!("${name}")),
        Host::Unknown => "its host".to_owned(),
    }
}

/// The call that a use makes, where it has a name: `` `GET /projects/:id` ``.
pub(super) fn call(operation: &Operation) -> Option<String> {
    match operation {
        Operation::Api {
            method: Some(method),
            path,
        } => Some(code(&format!("{method} {path}"))),
        Operation::Api { method: None, path } => Some(code(path)),
        Operation::GraphQl => Some("the GraphQL call".to_owned()),
        _ => None,
    }
}

/// The stable words for a use: where it is written, who is presented, what for, and `detail`, which
/// is what the check looks at.
pub(super) fn subject(token_use: &TokenUse, detail: &str) -> String {
    let mut words = vec![place(&token_use.site, token_use.job.as_ref())];
    words.extend(
        token_use
            .credential
            .variables()
            .iter()
            .map(|variable| format!("${}", clip(&variable.written))),
    );
    words.push(match &token_use.operation {
        Operation::Api { method, path } => {
            let method = method.map_or("any method", |method| method.as_str());
            format!("{method} {}", clip(path))
        }
        Operation::GraphQl => "GraphQL".to_owned(),
        Operation::GitRead => "git read".to_owned(),
        Operation::GitWrite => "git push".to_owned(),
        Operation::GitRemote => "git remote".to_owned(),
        Operation::RegistryLogin => "registry login".to_owned(),
        Operation::Http | Operation::Unknown => match &token_use.host {
            Host::Literal(name) => clip(name),
            Host::Variable(name) => format!("${}", clip(name)),
            Host::OwnInstance => "own instance".to_owned(),
            Host::OwnRegistry => "own registry".to_owned(),
            Host::Unknown => "some host".to_owned(),
        },
    });
    if !detail.is_empty() {
        words.push(clip(detail));
    }
    words.join(", ")
}

/// The part of the file in which something is written: the top-level key, which is the job unless the
/// job inherits it, so that all jobs that inherit one line agree on its subject.
pub(super) fn place(site: &Site, job: Option<&Arc<str>>) -> String {
    let top = site
        .route
        .as_deref()
        .and_then(|route| route.split(" › ").next())
        .filter(|key| !key.is_empty());
    clip(top.or(job.map(|job| &**job)).unwrap_or("top level"))
}

/// Adds the places that explain a use: the URL it goes to, the definitions of its variables.
pub(super) fn with_places(mut violation: Violation, token_use: &TokenUse) -> Violation {
    if let Some(url) = &token_use.url
        && (url.source != token_use.site.source || !url.span.overlaps(token_use.site.span))
    {
        violation = violation.related(url.clone(), "sent to this address");
    }
    for variable in token_use.credential.variables() {
        if let Some(definition) = &variable.definition {
            let label = format!("{} is set here", code(&format!("${}", variable.written)));
            let told = |(site, said): &(Site, String)| site == definition && *said == label;
            if !violation.related.iter().any(told) {
                violation = violation.related(definition.clone(), label);
            }
        }
    }
    violation
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::Method;

    #[test]
    fn long_and_hostile_text_is_clipped_to_one_line() {
        let text = format!("a`b\nc{}", "x".repeat(1000));
        let shown = code(&text);
        assert!(shown.starts_with("`a'b cxxx"));
        assert!(shown.ends_with("x…`"));
        assert_eq!(shown.chars().count(), LONGEST + 3);
        assert_eq!(code("né"), "`né`");
    }

    #[test]
    fn aliases_name_both() {
        let alias = sample::alias("TOKEN", "CI_JOB_TOKEN");
        assert_eq!(variable(&alias), "`$TOKEN` (set to `$CI_JOB_TOKEN`)");
        assert_eq!(variable(&VariableRef::named("X")), "`$X`");
    }

    #[test]
    fn several_variables_are_joined() {
        let both = vec![VariableRef::named("A"), VariableRef::named("B")];
        assert_eq!(
            credential(&Credential::Either(both.clone())),
            "`$A` or `$B`"
        );
        assert_eq!(credential(&Credential::Composite(both)), "`$A` and `$B`");
        let default = vec![
            sample::alias("REGISTRY_PASSWORD", "REGISTRY_PASSWORD"),
            sample::alias("REGISTRY_PASSWORD", "CI_JOB_TOKEN"),
        ];
        assert_eq!(
            credential(&Credential::Either(default)),
            "`$REGISTRY_PASSWORD` (set to `$REGISTRY_PASSWORD` or `$CI_JOB_TOKEN`)"
        );
        assert_eq!(credential(&Credential::Composite(vec![])), "the credential");
    }

    #[test]
    fn places_of_a_use() {
        let mut token_use = sample::token_use("TOKEN");
        token_use.credential = Credential::Variable(sample::alias("TOKEN", "OTHER"));
        token_use.url = Some(sample::site(200));
        let base = || Violation::new(token_use.site.clone(), "s", "m");
        let related = with_places(base(), &token_use).related;
        assert_eq!(related.len(), 2);
        assert_eq!(related[0].0, sample::site(200));
        assert_eq!(
            related[1],
            (sample::site(1), "`$TOKEN` is set here".to_owned())
        );

        let mut either = token_use.clone();
        either.credential = Credential::Either(vec![
            sample::alias("TOKEN", "OTHER"),
            sample::alias("TOKEN", "THIRD"),
        ]);
        let related = with_places(base(), &either).related;
        assert_eq!(related.len(), 2, "one definition is one place");

        let within_the_url = TokenUse {
            url: Some(sample::site(95)),
            ..token_use.clone()
        };
        assert_eq!(with_places(base(), &within_the_url).related.len(), 1);
    }

    #[test]
    fn subject_follows_the_key_that_holds_the_line() {
        let mut token_use = sample::token_use("TOKEN");
        token_use.operation = Operation::Api {
            method: Some(Method::Get),
            path: "/projects/$CI_PROJECT_ID".into(),
        };
        token_use.site = sample::site(7).with_route(".base › script › 2");
        token_use.job = Some("deploy".into());
        let inherited = subject(&token_use, "");
        assert_eq!(inherited, ".base, $TOKEN, GET /projects/$CI_PROJECT_ID");

        token_use.job = Some("release".into());
        token_use.site = sample::site(99).with_route(".base › script › 5");
        assert_eq!(subject(&token_use, ""), inherited);

        token_use.site.route = None;
        assert!(subject(&token_use, "x").starts_with("release, "));
        assert!(subject(&token_use, "x").ends_with(", x"));
        token_use.site.route = Some("".into());
        assert!(subject(&token_use, "").starts_with("release, "));
    }
}
