//! Git over HTTPS: credentials in URLs and extra headers, and what is done through them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::args::{self, Argument, Syntax};
use super::request::{header_credential, userinfo};
use super::text::{Text, View};
use super::url;
use super::{Draft, Place};
use crate::model::{Credential, Host, Operation};

/// Options with a value that may stand before the operands of `git push`.
const PUSH: Syntax = Syntax {
    short: "o",
    long: &["push-option", "repo", "receive-pack", "exec"],
};

/// Options of `git clone` with a value.
const CLONE: Syntax = Syntax {
    short: "bocuj",
    long: &[
        "branch",
        "origin",
        "config",
        "upload-pack",
        "jobs",
        "depth",
        "reference",
        "template",
        "separate-git-dir",
        "filter",
        "server-option",
        "shallow-since",
        "shallow-exclude",
    ],
};

/// What the Git commands of a job have done so far.
#[derive(Default)]
pub(super) struct GitState {
    /// Remotes by name, with the uses that their URLs are.
    remotes: BTreeMap<String, Vec<usize>>,
    /// Where certificate checks were switched off for good.
    pub(super) unverified: Option<(Place, Arc<str>)>,
}

/// What a Git command means for the uses of the job.
#[derive(Default)]
pub(super) struct GitCall {
    /// New uses.
    pub(super) drafts: Vec<Draft>,
    /// The remote whose URL the drafts are.
    pub(super) sets_remote: Option<String>,
    /// The remote that is pushed to.
    pub(super) pushes_to: Option<String>,
    /// Certificate checks are off from here on.
    pub(super) switches_off: Option<(Place, Arc<str>)>,
}

impl GitState {
    /// Remembers that the uses at `indices` are the URL of a remote.
    pub(super) fn set_remote(&mut self, name: String, indices: Vec<usize>) {
        self.remotes.insert(name, indices);
    }

    /// The uses that are the URL of a remote. They are given once: further pushes say nothing new.
    pub(super) fn take_remote(&mut self, name: &str) -> Vec<usize> {
        self.remotes.remove(name).unwrap_or_default()
    }
}

/// Reads the arguments of Git.
pub(super) fn git(texts: &[Text]) -> GitCall {
    let mut call = GitCall::default();
    let mut unverified = None;
    let mut headers: Vec<View<'_>> = Vec::new();
    let mut hosts: Vec<Host> = Vec::new();
    let mut index = 0;
    while let Some(text) = texts.get(index) {
        match text.as_str() {
            "-c" => {
                index += 1;
                if let Some(setting) = texts.get(index).map(Text::view)
                    && let Some(at) = setting.find("=")
                {
                    let key = setting.before(at);
                    let value = setting.after(at + 1);
                    let lower = key.as_str().to_ascii_lowercase();
                    if lower.ends_with(".extraheader") {
                        headers.push(value);
                        hosts.extend(key_url(key).map(|url| url.host));
                    } else if switches_off(&lower, value) {
                        let place = Place::Here(setting.span());
                        unverified = Some((place, "-c http.sslVerify=false".into()));
                    }
                }
            }
            "-C" | "--git-dir" | "--work-tree" | "--namespace" | "--config-env" => index += 1,
            option if option.starts_with('-') => {}
            _ => break,
        }
        index += 1;
    }
    let Some(subcommand) = texts.get(index) else {
        return call;
    };
    let rest = &texts[index + 1..];
    let mut operation = match subcommand.as_str() {
        "push" => Operation::GitWrite,
        "clone" | "fetch" | "pull" | "ls-remote" | "submodule" | "archive" => Operation::GitRead,
        _ => Operation::GitRemote,
    };
    match subcommand.as_str() {
        "config" => config(rest, &mut call),
        "remote" => remote(rest, &mut call),
        "push" => push(rest, &mut call, &mut operation),
        "clone" => clone(rest, &mut call),
        _ => {}
    }
    if subcommand.as_str() != "config" {
        for text in rest {
            if let Some(url) = url::parse(text.view()).filter(|_| is_url(text)) {
                hosts.push(url.host.clone());
                call.drafts.extend(userinfo(&url));
            }
        }
        for header in headers {
            call.drafts.extend(header_draft(header, hosts.first()));
        }
    }
    for draft in &mut call.drafts {
        draft.operation = operation.clone();
        draft.unverified.clone_from(&unverified);
    }
    call
}

/// Whether a word can be nothing but a URL, or a variable in its place.
fn is_url(text: &Text) -> bool {
    text.view().find("://").is_some()
}

fn switches_off(key: &str, value: View<'_>) -> bool {
    key.starts_with("http.")
        && key.ends_with("sslverify")
        && matches!(value.literal(), Some("false" | "0" | "no" | "off"))
}

/// The URL in the middle of `http.<url>.extraHeader` or `url.<url>.insteadOf`.
fn key_url(key: View<'_>) -> Option<url::Url<'_>> {
    let first = key.find(".")?;
    let last = key.rfind(".")?;
    (last > first + 1).then(|| key.before(last).after(first + 1))?;
    url::parse(key.before(last).after(first + 1))
}

fn header_draft(header: View<'_>, host: Option<&Host>) -> Option<Draft> {
    let (mechanism, value) = header_credential(header)?;
    let credential = value.credential()?;
    Some(Draft {
        host: host.cloned().unwrap_or(Host::Unknown),
        doubtful: value.is_doubtful() || credential == Credential::Opaque,
        ..Draft::new(credential, mechanism, header.trimmed().span())
    })
}

/// `git config KEY VALUE`.
fn config(texts: &[Text], call: &mut GitCall) {
    const SYNTAX: Syntax = Syntax {
        short: "f",
        long: &["file", "blob", "type", "default"],
    };
    let mut operands = args::parse(texts, &SYNTAX)
        .into_iter()
        .filter_map(|argument| match argument {
            Argument::Operand(word) => Some(word),
            _ => None,
        })
        .skip_while(|word| matches!(word.as_str(), "set" | "add"));
    let (Some(key), Some(value)) = (operands.next(), operands.next()) else {
        return;
    };
    let lower = key.as_str().to_ascii_lowercase();
    if switches_off(&lower, value) {
        let place = Place::Here(key.span());
        call.switches_off = Some((place, "git config http.sslVerify false".into()));
    } else if lower.ends_with(".insteadof") || lower.ends_with(".pushinsteadof") {
        call.drafts
            .extend(key_url(key).and_then(|url| userinfo(&url)));
    } else if lower.ends_with(".extraheader") {
        let host = key_url(key).map(|url| url.host);
        call.drafts.extend(header_draft(value, host.as_ref()));
    } else if let Some(name) = lower.strip_prefix("remote.")
        && let Some(name) = name.strip_suffix(".url").or(name.strip_suffix(".pushurl"))
    {
        call.drafts
            .extend(url::parse(value).and_then(|url| userinfo(&url)));
        call.sets_remote = Some(name.to_owned());
    }
}

/// `git remote add NAME URL` and `git remote set-url NAME URL`.
fn remote(texts: &[Text], call: &mut GitCall) {
    const SYNTAX: Syntax = Syntax {
        short: "tm",
        long: &[],
    };
    let operands: Vec<View<'_>> = operands(texts, &SYNTAX);
    if let [verb, name, ..] = operands.as_slice()
        && matches!(verb.as_str(), "add" | "set-url")
    {
        call.sets_remote = Some(name.as_str().to_owned());
    }
}

fn push(texts: &[Text], call: &mut GitCall, operation: &mut Operation) {
    let mut target = None;
    for argument in args::parse(texts, &PUSH) {
        match argument {
            Argument::Flag(name, _) if matches!(&*name, "n" | "dry-run") => {
                *operation = Operation::GitRemote;
                return;
            }
            Argument::Option(name, value) if name == "repo" => target = Some(value),
            Argument::Operand(word) if target.is_none() => target = Some(word),
            _ => {}
        }
    }
    call.pushes_to = match target {
        None => Some("origin".to_owned()),
        Some(target) => target
            .literal()
            .filter(|name| !name.contains("://"))
            .map(str::to_owned),
    };
}

/// A clone gives its folder a remote of the same URL.
fn clone(texts: &[Text], call: &mut GitCall) {
    let name = args::parse(texts, &CLONE)
        .into_iter()
        .find_map(|argument| match argument {
            Argument::Option(name, value) if matches!(&*name, "o" | "origin") => {
                value.literal().map(str::to_owned)
            }
            _ => None,
        });
    call.sets_remote = Some(name.unwrap_or_else(|| "origin".to_owned()));
}

fn operands<'t>(texts: &'t [Text], syntax: &Syntax) -> Vec<View<'t>> {
    args::parse(texts, syntax)
        .into_iter()
        .filter_map(|argument| match argument {
            Argument::Operand(word) => Some(word),
            _ => None,
        })
        .collect()
}
