//! URLs that may be made of variables: who is addressed, with which credential, for which part of the
//! API.

use super::text::{Kind, View};
use crate::model::Host;

/// A URL, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Url<'t> {
    /// All of it.
    pub(super) whole: View<'t>,
    /// What stands in front of the `@`.
    pub(super) userinfo: Option<View<'t>>,
    pub(super) host: Host,
    /// The scheme is `http`.
    pub(super) cleartext: bool,
    pub(super) target: Target,
    /// What stands behind the `?`.
    pub(super) query: Option<View<'t>>,
    /// Host or target are a guess.
    pub(super) doubtful: bool,
}

/// What a URL leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A REST route, by its path below `/api/v4`.
    Api(String),
    /// `/api/graphql`.
    GraphQl,
    /// Something else.
    Web,
    /// The URL is a variable.
    Unknown,
}

/// Predefined variables that hold a URL or host of the instance
/// (gitlabhq/gitlabhq `doc/ci/variables/predefined_variables.md`).
const OWN_INSTANCE: [&str; 13] = [
    "CI_API_GRAPHQL_URL",
    "CI_API_V4_URL",
    "CI_DEPENDENCY_PROXY_SERVER",
    "CI_JOB_URL",
    "CI_MERGE_REQUEST_PROJECT_URL",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_URL",
    "CI_PIPELINE_URL",
    "CI_PROJECT_URL",
    "CI_REPOSITORY_URL",
    "CI_SERVER_FQDN",
    "CI_SERVER_HOST",
    "CI_SERVER_SHELL_SSH_HOST",
    "CI_SERVER_URL",
];

/// Predefined variables that hold the host of the instance's container registry, or begin with it.
const OWN_REGISTRY: [&str; 2] = ["CI_REGISTRY", "CI_REGISTRY_IMAGE"];

/// First segments of paths below `/api/v4` that nothing else has
/// (gitlabhq/gitlabhq `lib/api/api.rb`).
const API_ROOTS: [&str; 8] = [
    "groups",
    "projects",
    "user",
    "users",
    "runners",
    "job",
    "personal_access_tokens",
    "namespaces",
];

/// Takes a URL apart. Gives nothing for words that are none, and for schemes other than HTTP.
pub(super) fn parse(view: View<'_>) -> Option<Url<'_>> {
    let whole = view.trimmed();
    let mut cleartext = false;
    let mut rest = whole;
    if let Some(at) = whole.find("://") {
        let scheme = whole.before(at);
        match scheme.literal().map(str::to_ascii_lowercase).as_deref() {
            Some("http") => cleartext = true,
            Some("https") | None => {}
            Some(_) => return None,
        }
        rest = whole.after(at + 3);
    } else {
        let (first, part) = whole.segments().next()?;
        if matches!(first.kind, Kind::Literal { .. }) {
            return bare(whole);
        }
        if !follows_base(&whole.after(part.len())) {
            return None;
        }
    }
    Some(behind_scheme(whole, rest, cleartext))
}

/// Whether `rest` can stand behind a variable that holds the beginning of a URL.
fn follows_base(rest: &View<'_>) -> bool {
    rest.is_empty()
        || ["/", "?", ":", "$", ".", "@"]
            .iter()
            .any(|start| rest.as_str().starts_with(start))
}

/// A URL without scheme: only where it looks like nothing else.
fn bare(whole: View<'_>) -> Option<Url<'_>> {
    let end = whole.find("/").unwrap_or(whole.len());
    let host = whole.before(end).as_str();
    let plausible = (host.contains('.') || host == "localhost" || host.starts_with("localhost:"))
        && !host.starts_with(['.', '-'])
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.:@$_{}".contains(&byte));
    plausible.then(|| behind_scheme(whole, whole, false))
}

fn behind_scheme<'t>(whole: View<'t>, rest: View<'t>, cleartext: bool) -> Url<'t> {
    let fragment = rest.find("#").unwrap_or(rest.len());
    let rest = rest.before(fragment);
    let question = rest.find("?");
    let query = question.map(|at| rest.after(at + 1));
    let rest = rest.before(question.unwrap_or(rest.len()));
    let slash = rest.find("/").unwrap_or(rest.len());
    let authority = rest.before(slash);
    let path = rest.after(slash);
    let at = authority.rfind("@");
    let userinfo = at.map(|at| authority.before(at));
    let server = at.map_or(authority, |at| authority.after(at + 1));
    let (host, base) = classify(server);
    let (target, guessed) = target(base, &host, path);
    Url {
        whole,
        userinfo,
        doubtful: guessed || server.is_doubtful() || host == Host::Unknown,
        host,
        cleartext,
        target,
        query,
    }
}

/// The host that a word names by itself: `registry.example:5000/group`, `$CI_REGISTRY`.
pub(super) fn host(view: View<'_>) -> Host {
    let view = view.trimmed();
    let view = view.find("://").map_or(view, |at| view.after(at + 3));
    let view = view.before(view.find("/").unwrap_or(view.len()));
    let view = view.rfind("@").map_or(view, |at| view.after(at + 1));
    classify(view).0
}

/// Whose host this is, and the predefined variable that stands for it.
fn classify(server: View<'_>) -> (Host, Option<&str>) {
    let server = without_port(server);
    if let Some(text) = server.literal() {
        return if text.is_empty() {
            (Host::Unknown, None)
        } else {
            (Host::Literal(text.to_ascii_lowercase().into()), None)
        };
    }
    let mut segments = server.segments();
    let Some((first, _)) = segments.next() else {
        return (Host::Unknown, None);
    };
    let more = segments.next();
    let names: Vec<&str> = match &first.kind {
        Kind::Variable(variable) | Kind::Derived(variable) => vec![&variable.name],
        Kind::Either(variables) | Kind::Output(variables) => {
            variables.iter().map(|variable| &*variable.name).collect()
        }
        Kind::Literal { .. } | Kind::Input => Vec::new(),
    };
    let is_part = matches!(first.kind, Kind::Derived(_) | Kind::Output(_));
    let own = names.iter().find(|name| OWN_INSTANCE.contains(name));
    // `${CI_PROJECT_URL#https://}.git` is on the instance, `$CI_SERVER_HOST.example` is not.
    if let Some(&name) = own
        && (is_part || more.is_none())
        && names
            .iter()
            .all(|name| OWN_INSTANCE.contains(name) || matches!(first.kind, Kind::Output(_)))
    {
        let base = (!is_part).then_some(name);
        return (Host::OwnInstance, base);
    }
    if more.is_some() {
        return (Host::Unknown, None);
    }
    match &first.kind {
        Kind::Variable(variable) | Kind::Derived(variable)
            if OWN_REGISTRY.contains(&&*variable.name) =>
        {
            (Host::OwnRegistry, None)
        }
        Kind::Variable(variable) | Kind::Derived(variable) => {
            (Host::Variable(variable.name.clone()), Some(&variable.name))
        }
        Kind::Either(variables) => match variables.first() {
            Some(first) => (Host::Variable(first.name.clone()), Some(&first.name)),
            None => (Host::Unknown, None),
        },
        _ => (Host::Unknown, None),
    }
}

fn without_port(server: View<'_>) -> View<'_> {
    let Some(colon) = server.rfind(":") else {
        return server;
    };
    let port = server.after(colon + 1);
    let is_port = port
        .literal()
        .is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    if is_port {
        server.before(colon)
    } else {
        server
    }
}

/// What the path leads to, and whether that is a guess.
fn target(base: Option<&str>, host: &Host, path: View<'_>) -> (Target, bool) {
    let shown = path.as_str();
    match base {
        Some("CI_API_V4_URL") => return (Target::Api(rooted(shown)), false),
        Some("CI_API_GRAPHQL_URL") => return (Target::GraphQl, false),
        _ => {}
    }
    if let Some(at) = path.find("/api/v4") {
        let below = path.after(at + "/api/v4".len());
        let bounded = below.as_str().starts_with(['/', '$']) || below.is_empty();
        if bounded {
            return (Target::Api(rooted(below.as_str())), false);
        }
    }
    if path.find("/api/graphql").is_some() {
        return (Target::GraphQl, false);
    }
    match (base, host) {
        (Some(_), Host::Variable(_)) if path.is_empty() => (Target::Unknown, false),
        (Some(name), Host::Variable(_)) if names_api(name) && below_api(shown) => {
            (Target::Api(rooted(shown)), true)
        }
        (None, Host::Unknown) if path.is_empty() => (Target::Unknown, true),
        _ => (Target::Web, false),
    }
}

fn names_api(name: &str) -> bool {
    name.split('_').any(|word| word.eq_ignore_ascii_case("api"))
}

fn below_api(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    first.is_some_and(|first| API_ROOTS.contains(&first))
}

fn rooted(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// The `name=value` pairs of a query or form, with the whole pair.
pub(super) fn pairs(view: View<'_>) -> impl Iterator<Item = (&str, View<'_>, View<'_>)> {
    let mut rest = Some(view);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = current.find("&");
        rest = end.map(|at| current.after(at + 1));
        Some(current.before(end.unwrap_or(current.len())))
    })
    .filter_map(|pair| {
        let at = pair.find("=")?;
        Some((pair.before(at).literal()?, pair.after(at + 1), pair))
    })
}
