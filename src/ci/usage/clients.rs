//! HTTP clients of the shell: curl, wget, `HTTPie`.

use super::args::{self, Argument, Syntax};
use super::request::Request;
use super::text::{Text, View};
use super::url;
use crate::model::Method;

/// Options with a value, from `curl --help all` of curl 8.
const CURL: Syntax = Syntax {
    short: "AbcCdDeEFHKmoPQrtTuUwxXyYz",
    long: &[
        "abstract-unix-socket",
        "alt-svc",
        "aws-sigv4",
        "cacert",
        "capath",
        "cert",
        "cert-type",
        "ciphers",
        "config",
        "connect-timeout",
        "connect-to",
        "continue-at",
        "cookie",
        "cookie-jar",
        "create-file-mode",
        "crlfile",
        "curves",
        "data",
        "data-ascii",
        "data-binary",
        "data-raw",
        "data-urlencode",
        "delegation",
        "dns-interface",
        "dns-ipv4-addr",
        "dns-ipv6-addr",
        "dns-servers",
        "doh-url",
        "dump-header",
        "ech",
        "egd-file",
        "engine",
        "etag-compare",
        "etag-save",
        "expect100-timeout",
        "form",
        "form-string",
        "ftp-account",
        "ftp-method",
        "ftp-port",
        "happy-eyeballs-timeout-ms",
        "haproxy-clientip",
        "header",
        "hostpubmd5",
        "hostpubsha256",
        "hsts",
        "interface",
        "ip-tos",
        "ipfs-gateway",
        "json",
        "keepalive-cnt",
        "keepalive-time",
        "key",
        "key-type",
        "krb",
        "libcurl",
        "limit-rate",
        "local-port",
        "login-options",
        "mail-auth",
        "mail-from",
        "mail-rcpt",
        "max-filesize",
        "max-redirs",
        "max-time",
        "netrc-file",
        "noproxy",
        "oauth2-bearer",
        "output",
        "output-dir",
        "parallel-max",
        "pass",
        "pinnedpubkey",
        "preproxy",
        "proto",
        "proto-default",
        "proto-redir",
        "proxy",
        "proxy-header",
        "proxy-user",
        "pubkey",
        "quote",
        "random-file",
        "range",
        "rate",
        "referer",
        "request",
        "request-target",
        "resolve",
        "retry",
        "retry-delay",
        "retry-max-time",
        "sasl-authzid",
        "service-name",
        "socks4",
        "socks4a",
        "socks5",
        "socks5-hostname",
        "speed-limit",
        "speed-time",
        "stderr",
        "telnet-option",
        "tftp-blksize",
        "time-cond",
        "tls-max",
        "tls13-ciphers",
        "tlsauthtype",
        "tlspassword",
        "tlsuser",
        "trace",
        "trace-ascii",
        "trace-config",
        "unix-socket",
        "upload-file",
        "url",
        "url-query",
        "user",
        "user-agent",
        "variable",
        "vlan-priority",
        "write-out",
    ],
};

/// Reads the arguments of curl.
pub(super) fn curl(texts: &[Text]) -> Request<'_> {
    let mut request = Request::default();
    let mut body = Vec::new();
    let mut in_query = false;
    let mut head = false;
    let mut upload = false;
    for argument in args::parse(texts, &CURL) {
        match argument {
            Argument::Operand(word) => request.urls.push(word),
            Argument::Option(name, value) => match &*name {
                "H" | "header" => request.headers.push(value),
                "u" | "user" => request.users.push(value),
                "oauth2-bearer" => request.bearers.push(value),
                "X" | "request" => request.method = Some(value),
                "url" => request.urls.push(value),
                "url-query" => request.queries.push(value),
                "d" | "data" | "data-ascii" | "data-binary" | "data-raw" | "data-urlencode"
                | "json" => body.push(value),
                "F" | "form" | "form-string" => {
                    request.forms.push(value);
                    request.implied = Some(Method::Post);
                }
                "T" | "upload-file" => upload = true,
                _ => {}
            },
            Argument::Flag(name, word) => match &*name {
                "k" | "insecure" => request.distrust(word),
                "G" | "get" => in_query = true,
                "I" | "head" => head = true,
                _ => {}
            },
        }
    }
    if in_query {
        request.queries.extend(body);
    } else if !body.is_empty() {
        request.forms.extend(body);
        request.implied = Some(Method::Post);
    }
    if upload {
        request.implied = Some(Method::Put);
    }
    if head {
        request.implied = Some(Method::Head);
    }
    request
}

/// Options with a value, from `wget --help` of GNU Wget 1.25.
const WGET: Syntax = Syntax {
    short: "oaeiBtOTwQPDARIXlU",
    long: &[
        "append-output",
        "base",
        "bind-address",
        "body-data",
        "body-file",
        "ca-certificate",
        "ca-directory",
        "certificate",
        "config",
        "connect-timeout",
        "cut-dirs",
        "directory-prefix",
        "dns-timeout",
        "execute",
        "header",
        "http-password",
        "http-user",
        "input-file",
        "level",
        "limit-rate",
        "load-cookies",
        "max-redirect",
        "method",
        "output-document",
        "output-file",
        "password",
        "post-data",
        "post-file",
        "private-key",
        "quota",
        "read-timeout",
        "referer",
        "save-cookies",
        "secure-protocol",
        "timeout",
        "tries",
        "user",
        "user-agent",
        "wait",
        "waitretry",
    ],
};

/// Reads the arguments of wget.
pub(super) fn wget(texts: &[Text]) -> Request<'_> {
    let mut request = Request::default();
    let mut user = None;
    let mut password = None;
    for argument in args::parse(texts, &WGET) {
        match argument {
            Argument::Operand(word) => request.urls.push(word),
            Argument::Option(name, value) => match &*name {
                "header" => request.headers.push(value),
                "method" => request.method = Some(value),
                "post-data" | "body-data" => {
                    request.forms.push(value);
                    request.implied = Some(Method::Post);
                }
                "post-file" => request.implied = Some(Method::Post),
                "user" | "http-user" => user = Some(value),
                "password" | "http-password" => password = Some(value),
                _ => {}
            },
            Argument::Flag(name, word) => match &*name {
                "no-check-certificate" => request.distrust(word),
                "spider" => request.implied = Some(Method::Head),
                _ => {}
            },
        }
    }
    if let Some(password) = password {
        let user = user.map(|user| user.as_str().into());
        request.passwords.push((user, password));
    }
    request
}

/// Options with a value, from `http --help` of `HTTPie` 3.
const HTTPIE: Syntax = Syntax {
    short: "poaAs",
    long: &[
        "auth",
        "auth-type",
        "cert",
        "cert-key",
        "ciphers",
        "format-options",
        "max-headers",
        "max-redirects",
        "output",
        "pretty",
        "print",
        "proxy",
        "raw",
        "response-charset",
        "response-mime",
        "session",
        "session-read-only",
        "ssl",
        "style",
        "timeout",
        "verify",
    ],
};

/// Reads the arguments of `http` and `https`: `[METHOD] URL [ITEM …]`.
pub(super) fn httpie(texts: &[Text]) -> Request<'_> {
    let mut request = Request::default();
    let mut bearer = false;
    let mut auth = None;
    let mut operands: Vec<View<'_>> = Vec::new();
    for argument in args::parse(texts, &HTTPIE) {
        match argument {
            Argument::Operand(word) => operands.push(word),
            Argument::Option(name, value) => match &*name {
                "a" | "auth" => auth = Some(value),
                "A" | "auth-type" => bearer = value.literal() == Some("bearer"),
                "verify" if matches!(value.literal(), Some("no" | "false")) => {
                    request.unverified = Some((value.span(), "--verify=no".into()));
                }
                _ => {}
            },
            Argument::Flag(..) => {}
        }
    }
    let mut operands = operands.into_iter().peekable();
    if let Some(method) = operands.next_if(|word| {
        word.literal().is_some_and(|text| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase())
        })
    }) {
        request.method = Some(method);
    }
    request.urls.extend(operands.next());
    for item in operands {
        let equals = item.find("=");
        match item.find(":") {
            Some(colon) if equals.is_none_or(|equals| colon < equals) => request.headers.push(item),
            _ if equals.is_some_and(|at| item.after(at).as_str().starts_with("==")) => {}
            _ => {
                request.forms.push(item);
                request.implied = Some(Method::Post);
            }
        }
    }
    match auth {
        Some(token) if bearer => request.bearers.push(token),
        Some(user) => request.users.push(user),
        None => {}
    }
    request
}

/// Reads the arguments of a command that is not known but sends one of GitLab's headers: a function
/// around curl. The first word that is a URL counts.
pub(super) fn unknown(texts: &[Text]) -> Request<'_> {
    let mut request = curl(texts);
    request.urls.retain(|word| {
        let named = word.find("://").is_some() || word.as_str().starts_with('$');
        named && url::parse(*word).is_some()
    });
    request.urls.truncate(1);
    let missing: Vec<View<'_>> = texts
        .iter()
        .filter(|text| super::request::is_gitlab_header(text))
        .map(Text::view)
        .filter(|word| {
            request
                .headers
                .iter()
                .all(|known| known.span() != word.span())
        })
        .collect();
    request.headers.extend(missing);
    request.doubtful = true;
    request
}
