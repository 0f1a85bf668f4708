//! Sign-ins to container registries.

use std::sync::Arc;

use super::args::{self, Argument, Syntax};
use super::text::{Text, View};
use super::url;
use super::{Draft, Place};
use crate::model::{Credential, Host, Mechanism, Operation, RegistryTool, Span};

/// Options that take a value: those of any login command, and those of the programs that stand before
/// it (`docker -H tcp://builder login`).
const LOGIN: Syntax = Syntax {
    short: "upcHln",
    long: &[
        "username",
        "user",
        "password",
        "pass",
        "authfile",
        "cert-dir",
        "ca-file",
        "cert-file",
        "key-file",
        "config",
        "registry-config",
        "host",
        "context",
        "log-level",
        "root",
        "namespace",
        "compat-auth-file",
        "connection",
        "identity",
        "kube-context",
        "url",
    ],
};

/// The words behind the program that make it sign in.
const LOGINS: [(&str, &[&str], RegistryTool); 13] = [
    ("docker", &["login"], RegistryTool::Docker),
    ("podman", &["login"], RegistryTool::Podman),
    ("buildah", &["login"], RegistryTool::Buildah),
    ("skopeo", &["login"], RegistryTool::Skopeo),
    ("nerdctl", &["login"], RegistryTool::Nerdctl),
    ("crane", &["auth", "login"], RegistryTool::Crane),
    ("cosign", &["login"], RegistryTool::Cosign),
    ("helm", &["registry", "login"], RegistryTool::Helm),
    ("oras", &["login"], RegistryTool::Oras),
    ("oras", &["registry", "login"], RegistryTool::Oras),
    ("trivy", &["registry", "login"], RegistryTool::Trivy),
    ("regctl", &["registry", "login"], RegistryTool::Regctl),
    ("werf", &["cr", "login"], RegistryTool::Werf),
];

/// Whether a program can sign in to registries at all.
pub(super) fn is_tool(program: &str) -> bool {
    LOGINS.iter().any(|(name, ..)| *name == program)
}

/// Whether a program of [`LOGINS`] starts another one in a container.
pub(super) fn runs_another(texts: &[Text]) -> bool {
    let verb = texts.first().and_then(|text| text.view().literal());
    matches!(verb, Some("run" | "exec" | "compose"))
}

/// Reads a login that another program runs: `docker exec builder docker login`, a function that tries
/// again.
pub(super) fn login_behind(texts: &[Text]) -> Option<Draft> {
    /// Words that name such a program and may be something else, an image say.
    const MAX_TRIED: usize = 4;

    let named = texts.iter().enumerate().filter_map(|(at, text)| {
        let program = text.view().literal()?.rsplit('/').next()?;
        is_tool(program).then_some((program, at + 1))
    });
    let found = named
        .take(MAX_TRIED)
        .find_map(|(program, behind)| login(program, &texts[behind..], None))?;
    Some(Draft {
        doubtful: true,
        ..found
    })
}

/// Reads a login; `stdin` is what is known of its standard input.
pub(super) fn login(program: &str, texts: &[Text], stdin: Option<&Text>) -> Option<Draft> {
    let arguments = args::parse(texts, &LOGIN);
    let operands: Vec<View<'_>> = arguments
        .iter()
        .filter_map(|argument| match argument {
            Argument::Operand(word) => Some(*word),
            _ => None,
        })
        .collect();
    let (_, verbs, tool) = LOGINS.iter().find(|(name, verbs, _)| {
        *name == program
            && operands.len() >= verbs.len()
            && verbs
                .iter()
                .zip(&operands)
                .all(|(verb, word)| *verb == word.as_str())
    })?;
    let server = operands.get(verbs.len());
    let mut password = None;
    let mut from_stdin = None;
    let mut unverified: Option<(Span, Arc<str>)> = None;
    let mut cleartext = false;
    for argument in &arguments {
        match argument {
            Argument::Option(name, value) => match &**name {
                "p" | "password" | "pass" => password = Some(*value),
                "tls-verify" | "tls" if matches!(value.literal(), Some("false" | "disabled")) => {
                    unverified = Some((value.span(), format!("--{name}=false").into()));
                }
                _ => {}
            },
            Argument::Flag(name, word) => match &**name {
                "password-stdin" | "pass-stdin" | "identity-token-stdin" => {
                    from_stdin = Some(*word);
                }
                "insecure" | "insecure-skip-tls-verify" => {
                    unverified = Some((word.span(), format!("--{name}").into()));
                }
                "plain-http" | "insecure-registry" => cleartext = true,
                _ => {}
            },
            Argument::Operand(_) => {}
        }
    }
    let (credential, mechanism, place) = if let Some(password) = password {
        let credential = password.credential()?;
        (credential, Mechanism::LoginArgument(*tool), password)
    } else {
        let flag = from_stdin?;
        let source = stdin.map_or(flag, |text| text.view().trimmed());
        let credential = match stdin {
            Some(text) => text.view().credential()?,
            None => Credential::Opaque,
        };
        (credential, Mechanism::LoginStdin(*tool), source)
    };
    let host = match server {
        Some(server) => url::host(*server),
        // `docker login` without a server means Docker Hub; other tools have settings of their own.
        None if *tool == RegistryTool::Docker => Host::Literal("docker.io".into()),
        None => Host::Unknown,
    };
    Some(Draft {
        operation: Operation::RegistryLogin,
        host,
        cleartext: cleartext || server.is_some_and(|server| server.as_str().starts_with("http://")),
        unverified: unverified.map(|(span, option)| (Place::Here(span), option)),
        url: server.map(View::span),
        doubtful: place.is_doubtful() || credential == Credential::Opaque,
        ..Draft::new(credential, mechanism, place.span())
    })
}
