//! `Invoke-RestMethod` and `Invoke-WebRequest`.

use super::environment::Environment;
use super::request::Request;
use super::text::Text;
use crate::ci::shell::{PartKind, Script, Word};
use crate::model::{Method, Span};

/// Whether a command is one of the cmdlets that send requests.
pub(super) fn is_request(program: &str) -> bool {
    ["invoke-restmethod", "invoke-webrequest", "irm", "iwr"]
        .iter()
        .any(|cmdlet| cmdlet.eq_ignore_ascii_case(program))
}

/// What a cmdlet was given, expanded.
#[derive(Default)]
pub(super) struct CmdletCall {
    uri: Option<Text>,
    headers: Vec<Text>,
    method: Option<Text>,
    bearer: Option<Text>,
    sends_body: bool,
    unverified: Option<Span>,
}

impl CmdletCall {
    /// Reads the arguments of a cmdlet. Parameters may be cut short as long as they are clear.
    pub(super) fn read(
        words: &[Word],
        script: &Script,
        environment: &mut Environment<'_>,
        tables: &dyn Fn(&str) -> Vec<Text>,
    ) -> Self {
        let mut call = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.literal().unwrap_or_default().to_ascii_lowercase();
            let Some(name) = name.strip_prefix('-').filter(|name| !name.is_empty()) else {
                if call.uri.is_none() {
                    call.uri = Some(environment.expand(word, script));
                }
                continue;
            };
            let is = |full: &str, least: usize| name.len() >= least && full.starts_with(name);
            if is("skipcertificatecheck", 6) {
                call.unverified = Some(word.span);
            } else if is("usebasicparsing", 4) || is("allowunencryptedauthentication", 6) {
                // Switches take no value.
            } else if let Some(value) = words.next() {
                if is("headers", 2) {
                    call.headers = header_texts(value, script, environment);
                    if let Some(variable) = value.sole_expansion() {
                        call.headers.extend(tables(&variable.name));
                    }
                } else if is("uri", 1) {
                    call.uri = Some(environment.expand(value, script));
                } else if is("method", 2) {
                    call.method = Some(environment.expand(value, script));
                } else if is("token", 2) {
                    call.bearer = Some(environment.expand(value, script));
                } else if is("body", 1) || is("infile", 3) || is("form", 2) {
                    call.sends_body = true;
                }
            }
        }
        call
    }

    /// The request that it makes.
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            urls: self.uri.iter().map(Text::view).collect(),
            headers: self.headers.iter().map(Text::view).collect(),
            bearers: self.bearer.iter().map(Text::view).collect(),
            method: self.method.as_ref().map(Text::view),
            implied: self.sends_body.then_some(Method::Post),
            unverified: self
                .unverified
                .map(|span| (span, "-SkipCertificateCheck".into())),
            ..Request::default()
        }
    }
}

/// The entries of a table as `Name: value`, the way other clients write headers.
pub(super) fn header_texts(
    word: &Word,
    script: &Script,
    environment: &mut Environment<'_>,
) -> Vec<Text> {
    let mut headers = Vec::new();
    for part in &word.parts {
        let PartKind::Table(cells) = &part.kind else {
            continue;
        };
        for (key, value) in cells {
            let mut header = environment.expand(key, script);
            let end = header.view().span().end;
            header.push_literal(": ", Span::new(end, end), false);
            header.append(&environment.expand(value, script));
            headers.push(header);
        }
    }
    headers
}
