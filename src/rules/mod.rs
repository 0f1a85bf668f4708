//! Rules as data: one YAML file a rule, built in or given by the user, and the GitLab facts that
//! checks ask.
//!
//! A rule either carries a detector (forms of tokens to look for) or names a compiled check with
//! typed params. `rules/README.md` has the schema of the files. This module knows no source, no CI
//! configuration and no check; the names of the checks are handed in when rules are loaded.

mod builtin;
mod file;
pub mod knowledge;
mod load;
mod pattern;
pub mod strict;

use std::path::PathBuf;

use crate::model::{Confidence, Persona, RuleId, Severity, TokenKind};

pub use load::{CheckError, CheckValidator, RuleError};
pub use pattern::{AllowList, Pattern};
pub use strict::Params;

/// All rules of a run, sorted by id; ids are unique.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

impl RuleSet {
    /// Every rule, sorted by id.
    pub fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.rules.iter()
    }

    /// The rule with this id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules
            .binary_search_by(|rule| rule.id.as_str().cmp(id))
            .ok()
            .map(|at| &self.rules[at])
    }

    /// Every rule, to be changed by the configuration.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Rule> {
        self.rules.iter_mut()
    }

    /// Keeps the rules that `keep` accepts.
    pub fn retain(&mut self, keep: impl FnMut(&Rule) -> bool) {
        self.rules.retain(keep);
    }
}

impl FromIterator<Rule> for RuleSet {
    /// Sorts the rules by id; of several with one id the first stays.
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        let mut rules: Vec<Rule> = rules.into_iter().collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        rules.dedup_by(|later, first| later.id == first.id);
        Self { rules }
    }
}

impl<'a> IntoIterator for &'a RuleSet {
    type Item = &'a Rule;
    type IntoIter = std::slice::Iter<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut RuleSet {
    type Item = &'a mut Rule;
    type IntoIter = std::slice::IterMut<'a, Rule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// The part of a scan that a rule belongs to, as `--only` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Analysis {
    /// Leaked tokens in any text.
    Leaks,
    /// GitLab CI configurations.
    Ci,
    /// Token inventories.
    Inventory,
}

impl Analysis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Leaks, Self::Ci, Self::Inventory];
}

/// One rule, as its file gives it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Kebab case, names the problem; the stem of the file's name.
    pub id: RuleId,
    /// One line, no full stop.
    pub title: String,
    /// The most that a finding can have.
    pub severity: Severity,
    /// The most that a finding can have.
    pub confidence: Confidence,
    /// Who sees its findings.
    pub persona: Persona,
    /// The part of a scan it belongs to.
    pub analysis: Analysis,
    /// CWE numbers, without `CWE-`.
    pub cwe: Vec<u32>,
    /// Why it matters: full sentences.
    pub why: String,
    /// What to do next: full sentences.
    pub fix: String,
    /// https addresses.
    pub references: Vec<String>,
    /// The version of glpatrol that brought it.
    pub since: String,
    /// Texts that it must and must not fire on.
    pub examples: Examples,
    /// What it looks for.
    pub body: RuleBody,
    /// The file it was read from; `None` for a built-in rule.
    pub file: Option<PathBuf>,
}

/// What a rule looks for.
#[derive(Clone, Debug)]
pub enum RuleBody {
    /// Tokens.
    Detector(Detector),
    /// What a compiled check looks for.
    Check {
        /// The check's name.
        name: String,
        /// Its params, validated by the check when the rule was loaded.
        params: Params,
    },
}

/// Forms of tokens to look for.
#[derive(Clone, Debug)]
pub struct Detector {
    /// The kinds that such a token may be; empty where it is none of GitLab's.
    pub kinds: Vec<TokenKind>,
    /// What messages call it, where no kind does.
    pub noun: Option<String>,
    /// The forms, most specific first.
    pub forms: Vec<Form>,
    /// What has a form and is no token.
    pub allow: AllowList,
}

/// One form of a token: public prefixes and what follows them.
#[derive(Clone, Debug, PartialEq)]
pub struct Form {
    /// The name in reports: `legacy`, `routable-v1`.
    pub name: String,
    /// Public prefixes, any of which may begin the token; empty where its context alone tells it.
    pub prefixes: Vec<String>,
    /// What follows.
    pub body: Body,
    /// The least entropy of what follows, in bits a byte.
    pub entropy: Option<f64>,
    /// What must stand around it.
    pub context: Option<Context>,
    /// The most that a finding can have, where that is less than the rule's.
    pub confidence: Option<Confidence>,
    /// The severity of its findings, where that is less than the rule's.
    pub severity: Option<Severity>,
    /// The kinds that a token of this form may be; empty where it may be any of the detector's.
    pub kinds: Vec<TokenKind>,
}

/// What follows the prefix of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// These pieces one after the other, with a boundary on both sides.
    Segments(Vec<Segment>),
    /// The match of a regular expression, with a boundary on both sides.
    Pattern(Pattern),
    /// Payload, length and CRC-32, as made from November 2024 to April 2025.
    RoutableV0,
    /// The same with a version, as made since April 2025.
    RoutableV1,
}

/// One piece of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Text(String),
    /// The longest run of these characters, of a length from `min` to `max`.
    Run {
        /// The characters.
        alphabet: Alphabet,
        /// Least number.
        min: usize,
        /// Greatest number.
        max: usize,
    },
}

impl Segment {
    /// The fewest bytes that it has.
    pub const fn shortest(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Run { min, .. } => *min,
        }
    }

    /// The most bytes that it has.
    pub const fn longest(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Run { max, .. } => *max,
        }
    }
}

/// A set of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alphabet {
    /// `Devise.friendly_token`: base64url that never holds `l`, `I`, `O` or `0`. All of base64url is
    /// accepted; the four are evidence against the token.
    Friendly,
    /// `A-Z a-z 0-9 _ -`
    Base64url,
    /// `0-9 a-f`
    Hex,
    /// `0-9 a-z`
    Base36,
    /// `0-9 A-Z a-z`
    Alphanumeric,
    /// `0-9`
    Digits,
}

impl Alphabet {
    /// Whether the byte belongs to it.
    pub const fn contains(self, byte: u8) -> bool {
        match self {
            Self::Friendly | Self::Base64url => {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
            }
            Self::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Self::Base36 => matches!(byte, b'0'..=b'9' | b'a'..=b'z'),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Digits => byte.is_ascii_digit(),
        }
    }
}

/// What must stand around a token that its shape alone does not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// `token = "…"` below `[[runners]]`, as in a runner's `config.toml`.
    RunnerConfig,
    /// In the key of an incoming mail address: `…-` before it, `-issue` or `-merge-request` after it
    /// (<https://docs.gitlab.com/user/project/issues/create_issues/>).
    MailAddress,
    /// A `PRIVATE-TOKEN` header or `private_token` parameter (<https://docs.gitlab.com/api/rest/authentication/>).
    PrivateToken,
    /// The password of the user `oauth2` in an address.
    OauthUrl,
    /// The password of a user such as `gitlab+deploy-token-7`, in an address or beside the name.
    DeployTokenUrl,
    /// The password of `gitlab-ci-token`, in an address or beside the name, or a value of `CI_JOB_TOKEN`.
    JobToken,
    /// A value of `GITLAB_TOKEN`, `GITLAB_API_TOKEN`, `GL_TOKEN` and the like.
    TokenVariable,
    /// `--registration-token`, `REGISTRATION_TOKEN` and the like, with GitLab or a runner named near.
    RegistrationToken,
    /// The password of a machine with `gitlab` in its name in a `.netrc`.
    Netrc,
    /// `_authToken` of a registry whose address names GitLab or its API.
    NpmRegistry,
    /// `token=` of a command that calls `trigger/pipeline`.
    TriggerCall,
    /// The secret of an application by its name, with GitLab named near.
    ClientSecret,
    /// `Bearer …` or `access_token=…` near an address of GitLab's API.
    ApiCall,
    /// `access_token` and `refresh_token` of an answer of GitLab.
    TokenResponse,
    /// The instance id of a client that asks GitLab for feature flags.
    FeatureFlags,
    /// The password of any user, where the registry, command or address it is for is one of GitLab.
    Password,
}

impl Context {
    /// Whether its own words lead to the token, which then needs no prefix.
    pub const fn is_place(self) -> bool {
        !matches!(self, Self::MailAddress)
    }

    /// The name in rule files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunnerConfig => "runner-config",
            Self::MailAddress => "mail-address",
            Self::PrivateToken => "private-token",
            Self::OauthUrl => "oauth-url",
            Self::DeployTokenUrl => "deploy-token-url",
            Self::JobToken => "job-token",
            Self::TokenVariable => "token-variable",
            Self::RegistrationToken => "registration-token",
            Self::Netrc => "netrc",
            Self::NpmRegistry => "npm-registry",
            Self::TriggerCall => "trigger-call",
            Self::ClientSecret => "client-secret",
            Self::ApiCall => "api-call",
            Self::TokenResponse => "token-response",
            Self::FeatureFlags => "feature-flags",
            Self::Password => "password",
        }
    }
}

/// Texts that a rule must and must not fire on; placeholders (`{{personal_access_token/legacy}}`)
/// are expanded to tokens made at run time.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// At least one finding each.
    pub fires: Vec<Example>,
    /// No finding each.
    pub silent: Vec<Example>,
}

/// One example of a rule.
#[derive(Clone, Debug)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// The path it is read as; decides whether it is a CI file or an inventory.
    pub file: String,
    /// Its text, with placeholders.
    pub text: String,
    /// For inventories: the kind of the entries where the text does not say.
    pub inventory: Option<TokenKind>,
    /// The text a finding points at; not checked where absent.
    pub points_at: Option<String>,
    /// The confidence a finding has; not checked where absent.
    pub confidence: Option<Confidence>,
    /// The severity a finding has; not checked where absent.
    pub severity: Option<Severity>,
}

/// What the configuration says of the GitLab instance; checks ask it.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The version of the instance; `None` means the newest known.
    pub gitlab_version: Option<knowledge::Version>,
    /// Host names that are the instance, lower case. Empty where the configuration is silent.
    pub hosts: Vec<String>,
    /// Variables whose token the configuration describes.
    pub token_variables: Vec<TokenVariable>,
}

/// What the configuration says of the token in one variable.
#[derive(Clone, Debug)]
pub struct TokenVariable {
    /// The variable.
    pub name: String,
    /// The kind of the token it holds.
    pub kind: Option<TokenKind>,
    /// The scopes of that token.
    pub scopes: Vec<String>,
    /// The role of that token.
    pub role: Option<crate::model::Role>,
    /// Only on protected branches and tags.
    pub protected: Option<bool>,
    /// Hidden from job logs.
    pub masked: Option<bool>,
}
