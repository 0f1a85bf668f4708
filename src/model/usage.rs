//! One use of a credential: who is presented to whom, how, for which operation.

use std::fmt;
use std::sync::Arc;

use super::credential::Credential;
use super::finding::Confidence;
use super::location::Site;

/// How a credential is presented.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// `PRIVATE-TOKEN: …`
    PrivateTokenHeader,
    /// `JOB-TOKEN: …`
    JobTokenHeader,
    /// `DEPLOY-TOKEN: …`
    DeployTokenHeader,
    /// `Authorization: Bearer …`
    BearerHeader,
    /// Any other header that carries a credential, by its name as written.
    Header(Arc<str>),
    /// `?name=…` in a URL.
    QueryParameter(Arc<str>),
    /// `name=…` in a form or body.
    FormParameter(Arc<str>),
    /// Basic authentication by option (`curl -u user:…`); the user as written.
    BasicAuth(Option<Arc<str>>),
    /// `https://user:…@host`; the user as written, none where the token stands in its place.
    UrlUserinfo(Option<Arc<str>>),
    /// A login command with the password on its command line.
    LoginArgument(RegistryTool),
    /// A login command that reads the password from standard input.
    LoginStdin(RegistryTool),
    /// An environment variable that a tool reads, by name.
    Environment(Arc<str>),
}

/// Programs that sign in to container registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegistryTool {
    /// `docker login`
    Docker,
    /// `podman login`
    Podman,
    /// `buildah login`
    Buildah,
    /// `skopeo login`
    Skopeo,
    /// `nerdctl login`
    Nerdctl,
    /// `crane auth login`
    Crane,
    /// `cosign login`
    Cosign,
    /// `helm registry login`
    Helm,
    /// `oras login`
    Oras,
    /// `trivy registry login`
    Trivy,
    /// `regctl registry login`
    Regctl,
    /// `werf cr login`
    Werf,
}

impl RegistryTool {
    /// The command that signs in, as people type it.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Docker => "docker login",
            Self::Podman => "podman login",
            Self::Buildah => "buildah login",
            Self::Skopeo => "skopeo login",
            Self::Nerdctl => "nerdctl login",
            Self::Crane => "crane auth login",
            Self::Cosign => "cosign login",
            Self::Helm => "helm registry login",
            Self::Oras => "oras login",
            Self::Trivy => "trivy registry login",
            Self::Regctl => "regctl registry login",
            Self::Werf => "werf cr login",
        }
    }
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the meaning")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The method in upper case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Reads a method in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Get,
            Self::Head,
            Self::Post,
            Self::Put,
            Self::Patch,
            Self::Delete,
        ]
        .into_iter()
        .find(|method| method.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the credential is used for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// A REST call.
    Api {
        /// The method, as written or as the client's options imply it; `None` where a variable
        /// holds it.
        method: Option<Method>,
        /// The path below `/api/v4`, beginning with `/`, without query. Segments that variables fill
        /// stand as written (`$CI_PROJECT_ID`).
        path: Arc<str>,
    },
    /// A GraphQL call.
    GraphQl,
    /// Git over HTTPS that only reads: clone, fetch, pull, `ls-remote`, submodules.
    GitRead,
    /// Git over HTTPS that writes: push.
    GitWrite,
    /// Git over HTTPS, of which it is not known what follows: `git remote add`, `insteadOf`.
    GitRemote,
    /// Signing in to a container registry.
    RegistryLogin,
    /// A request to something that is no GitLab API as far as can be told.
    Http,
    /// The use does not say.
    Unknown,
}

/// Who receives the credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// The instance that runs the job: `$CI_API_V4_URL`, `$CI_SERVER_HOST`, `$CI_SERVER_URL` ….
    OwnInstance,
    /// The container registry of that instance: `$CI_REGISTRY`.
    OwnRegistry,
    /// Written out, lower case, without port.
    Literal(Arc<str>),
    /// Held by a variable that the configuration does not define, by name.
    Variable(Arc<str>),
    /// Not to be told.
    Unknown,
}

/// What protects the credential on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transport {
    /// The URL says `http://`.
    pub cleartext: bool,
    /// Where certificate checks are switched off: `-k`, `GIT_SSL_NO_VERIFY`. None where they are on.
    pub unverified: Option<Site>,
    /// What switches them off, as written: `--insecure`.
    pub unverified_by: Option<Arc<str>>,
}

/// One use of a credential in a CI configuration or in a script that it calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenUse {
    /// What is presented.
    pub credential: Credential,
    /// How.
    pub mechanism: Mechanism,
    /// What for.
    pub operation: Operation,
    /// To whom.
    pub host: Host,
    /// Over which wire.
    pub transport: Transport,
    /// The job, or the hidden job that nothing extends.
    pub job: Option<Arc<str>>,
    /// What holds the credential, where it is written, without quotes around it:
    ///
    /// - a header with its name: `PRIVATE-TOKEN: $TOKEN`; the site begins with the name,
    /// - the part in front of the `@` of a URL: `oauth2:$TOKEN`,
    /// - a parameter with its name: `private_token=$TOKEN`,
    /// - `user:$TOKEN` of an option for basic authentication,
    /// - the password of a login, without its option; for standard input the word that is fed to it,
    /// - the value of an environment variable.
    ///
    /// Where all of that comes from a variable, it is the use of that variable. Through an alias the
    /// definition is in [`VariableRef::definition`](super::VariableRef::definition).
    pub site: Site,
    /// The URL or server, where the call has one in another word.
    pub url: Option<Site>,
    /// Lowered where something on the way could not be resolved.
    pub confidence: Confidence,
}
