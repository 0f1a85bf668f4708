//! A request of any HTTP client: what it sends where, and what of it is a credential.

use std::sync::Arc;

use super::text::{Text, View};
use super::url::{self, Target, Url};
use super::{Draft, Place};
use crate::model::{Credential, Host, Mechanism, Method, Operation, Span};

/// The most URLs of one command that are looked at.
const MAX_URLS: usize = 8;

/// A request as a command line describes it.
#[derive(Default)]
pub(super) struct Request<'t> {
    /// Words that hold a URL.
    pub(super) urls: Vec<View<'t>>,
    /// `Name: value`.
    pub(super) headers: Vec<View<'t>>,
    /// `user:password`.
    pub(super) users: Vec<View<'t>>,
    /// Passwords whose user stands elsewhere, with that user as written.
    pub(super) passwords: Vec<(Option<Arc<str>>, View<'t>)>,
    /// Bearer tokens without a header around them.
    pub(super) bearers: Vec<View<'t>>,
    /// Parts of a form or body.
    pub(super) forms: Vec<View<'t>>,
    /// Parts that `curl -G` puts into the query.
    pub(super) queries: Vec<View<'t>>,
    /// The method, where an option gives it.
    pub(super) method: Option<View<'t>>,
    /// The method that the other options imply.
    pub(super) implied: Option<Method>,
    /// What switches certificate checks off, as written.
    pub(super) unverified: Option<(Span, Arc<str>)>,
    /// The client is not known for sure.
    pub(super) doubtful: bool,
}

impl<'t> Request<'t> {
    /// Notes an option that switches certificate checks off.
    pub(super) fn distrust(&mut self, word: View<'t>) {
        let option = word.as_str();
        let written = if word.is_verbatim() {
            option.into()
        } else {
            format!("{option}, through a variable").into()
        };
        self.unverified = Some((word.span(), written));
    }

    /// Every credential of the request, for every URL.
    pub(super) fn uses(&self, out: &mut Vec<Draft>) {
        let urls: Vec<Url<'_>> = self
            .urls
            .iter()
            .take(MAX_URLS)
            .filter_map(|word| url::parse(*word))
            .collect();
        for url in &urls {
            self.uses_of(Some(url), out);
        }
        if urls.is_empty() {
            self.uses_of(None, out);
        }
    }

    fn uses_of(&self, url: Option<&Url<'_>>, out: &mut Vec<Draft>) {
        let call = Call {
            operation: self.operation(url),
            host: url.map_or(Host::Unknown, |url| url.host.clone()),
            cleartext: url.is_some_and(|url| url.cleartext),
            unverified: self.unverified.clone(),
            url: url.map(|url| url.whole.span()),
            doubtful: self.doubtful || url.is_none_or(|url| url.doubtful),
        };
        for header in &self.headers {
            if let Some((mechanism, value)) = header_credential(*header) {
                out.extend(call.draft(mechanism, value, header.trimmed(), true));
            }
        }
        for bearer in &self.bearers {
            out.extend(call.draft(Mechanism::BearerHeader, *bearer, *bearer, true));
        }
        for user in &self.users {
            let (name, password) = split_user(*user);
            let Some(password) = password else { continue };
            out.extend(call.draft(Mechanism::BasicAuth(name), password, *user, true));
        }
        for (user, password) in &self.passwords {
            let mechanism = Mechanism::BasicAuth(user.clone());
            out.extend(call.draft(mechanism, *password, *password, true));
        }
        for form in &self.forms {
            for (name, value, pair) in url::pairs(*form) {
                if is_credential_parameter(name) {
                    let mechanism = Mechanism::FormParameter(name.into());
                    out.extend(call.draft(mechanism, value, pair, true));
                }
            }
        }
        let added = self.queries.iter().map(|query| (*query, true));
        let own = url.and_then(|url| url.query).map(|query| (query, false));
        for (query, apart) in added.chain(own) {
            for (name, value, pair) in url::pairs(query) {
                if is_credential_parameter(name) {
                    let mechanism = Mechanism::QueryParameter(name.into());
                    out.extend(call.draft(mechanism, value, pair, apart));
                }
            }
        }
        if let Some(url) = url
            && let Some(draft) = userinfo(url)
        {
            out.push(Draft {
                operation: call.operation.clone(),
                doubtful: draft.doubtful || call.doubtful,
                unverified: call.place_unverified(),
                ..draft
            });
        }
    }

    fn operation(&self, url: Option<&Url<'_>>) -> Operation {
        let method = match &self.method {
            Some(written) => written.literal().and_then(Method::parse),
            None => Some(self.implied.unwrap_or(Method::Get)),
        };
        match url.map(|url| &url.target) {
            Some(Target::Api(path)) => Operation::Api {
                method,
                path: path.as_str().into(),
            },
            Some(Target::GraphQl) => Operation::GraphQl,
            Some(Target::Web) => Operation::Http,
            Some(Target::Unknown) | None => Operation::Unknown,
        }
    }
}

/// What all credentials of a request share.
struct Call {
    operation: Operation,
    host: Host,
    cleartext: bool,
    unverified: Option<(Span, Arc<str>)>,
    url: Option<Span>,
    doubtful: bool,
}

impl Call {
    fn draft(
        &self,
        mechanism: Mechanism,
        value: View<'_>,
        place: View<'_>,
        apart: bool,
    ) -> Option<Draft> {
        let credential = value.credential()?;
        Some(Draft {
            doubtful: self.doubtful || value.is_doubtful() || credential == Credential::Opaque,
            operation: self.operation.clone(),
            host: self.host.clone(),
            cleartext: self.cleartext,
            unverified: self.place_unverified(),
            url: self.url.filter(|_| apart),
            ..Draft::new(credential, mechanism, place.span())
        })
    }

    fn place_unverified(&self) -> Option<(Place, Arc<str>)> {
        self.unverified
            .as_ref()
            .map(|(span, option)| (Place::Here(*span), Arc::clone(option)))
    }
}

/// The credential in front of the `@` of a URL, where a variable is one; the operation is left open.
pub(super) fn userinfo(url: &Url<'_>) -> Option<Draft> {
    let whole = url.userinfo?;
    let (user, value) = split_user(whole);
    let (user, value) = match value {
        // `$TOKEN:x-oauth-basic@` and `$TOKEN:@`: the password only fills the place.
        Some(password)
            if whole.as_str().starts_with('$')
                && matches!(password.literal(), Some("" | "x" | "x-oauth-basic")) =>
        {
            (None, whole.before(whole.find(":")?))
        }
        Some(password) => (user, password),
        None => (None, whole),
    };
    let credential = value.credential()?;
    // A name alone is no credential: `https://git@host`.
    if user.is_none() && credential == Credential::Literal {
        return None;
    }
    Some(Draft {
        host: url.host.clone(),
        cleartext: url.cleartext,
        doubtful: url.doubtful || value.is_doubtful() || credential == Credential::Opaque,
        ..Draft::new(credential, Mechanism::UrlUserinfo(user), whole.span())
    })
}

/// User as written and password of `user:password`; no password where there is no colon.
fn split_user(view: View<'_>) -> (Option<Arc<str>>, Option<View<'_>>) {
    match view.find(":") {
        Some(at) => (
            Some(view.before(at).as_str().into()),
            Some(view.after(at + 1)),
        ),
        None => (Some(view.as_str().into()), None),
    }
}

/// The mechanism that a header is, and the credential in it.
pub(super) fn header_credential(header: View<'_>) -> Option<(Mechanism, View<'_>)> {
    let header = header.trimmed();
    let colon = header.find(":")?;
    let name = header.before(colon).literal()?.trim();
    let value = header.after(colon + 1).trimmed();
    match name.to_ascii_lowercase().as_str() {
        "private-token" => Some((Mechanism::PrivateTokenHeader, value)),
        "job-token" => Some((Mechanism::JobTokenHeader, value)),
        "deploy-token" => Some((Mechanism::DeployTokenHeader, value)),
        "authorization" => {
            let blank = value.find(" ")?;
            let scheme = value.before(blank).literal()?;
            let value = value.after(blank + 1).trimmed();
            if scheme.eq_ignore_ascii_case("bearer") {
                Some((Mechanism::BearerHeader, value))
            } else {
                Some((Mechanism::Header(name.into()), value))
            }
        }
        lower => {
            let secret = [
                "token", "api-key", "apikey", "secret", "password", "auth-key",
            ]
            .iter()
            .any(|word| lower.contains(word));
            // Only GitLab's own headers prove that a constant is a credential.
            let varies = value.literal().is_none();
            (secret && varies).then(|| (Mechanism::Header(name.into()), value))
        }
    }
}

/// Whether a text begins with one of GitLab's token headers.
pub(super) fn is_gitlab_header(text: &Text) -> bool {
    let shown = text.as_str().trim_start();
    ["private-token:", "job-token:", "deploy-token:"]
        .iter()
        .any(|name| {
            shown
                .get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
}

/// Parameters that GitLab reads a token from (gitlabhq/gitlabhq `lib/gitlab/auth/auth_finders.rb`;
/// `token` belongs to the trigger and runner routes).
fn is_credential_parameter(name: &str) -> bool {
    matches!(
        name,
        "private_token" | "access_token" | "job_token" | "token"
    )
}
