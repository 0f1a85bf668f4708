//! Tokens that nothing but their place tells: values of the shape of a token without prefix, where
//! GitLab's clients read one.
//!
//! Before prefixes came (14.5 for personal access tokens, 16.7 for deploy tokens, 16.9 for job tokens),
//! and where an administrator emptied the prefix, a token is twenty random characters; OAuth and old
//! trigger tokens are hexadecimal. Each [`Place`] has words that the search looks for and a matcher
//! that goes from the word to the value. What stands there must then be of exactly the form that the
//! rule gives, end as a value ends, and look random: variables, templates, calls, paths and words do
//! not. Nothing found so is ever more than of medium confidence, which the rules say.
//!
//! Every matcher looks no further than [`REACH`] bytes from its word.

mod api;
mod login;
mod near;
mod user;

use memchr::{memchr, memmem, memrchr};

pub(super) use self::user::of_pair;

use self::near::{
    command_end, command_start, ends_with, is_hex64, is_near_api, is_near_gitlab, names_gitlab,
};
use super::alphabet::{is_word, run_length};
use super::assignment::{REACH, assigned, next_word, passed, trim_blanks, unquote};
use super::evidence::Verdict;
use super::runner_config;
use crate::model::Span;
use crate::rules::{Alphabet, Context};

/// Called with the offset of each value.
type Found<'f> = &'f mut dyn FnMut(usize);

/// Words that are looked for in encoded texts: what most of those that lead to values hold, or what
/// stands near them.
pub(super) const ENCODED_WORDS: &[&str] = &["gitlab", "GITLAB", "TE-TOKEN", "te_token", "oauth2:"];

/// How far on either side of its first byte a word is looked at to tell whether it leads anywhere.
pub(super) const NEAR: usize = 80;

/// Words that lead to values.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) context: Context,
    /// What the search looks for. The first four bytes are rare ones, since they are what it filters by:
    /// `te_token` and not `private_token`, which would stop at each `private`, and `lab_` and not `gitlab_`; best
    /// with one that is no small letter.
    pub(super) words: &'static [&'static str],
    /// Where what the word at the offset is a part of begins, if it may lead to values, as far as [`NEAR`]
    /// bytes tell. Of words that do not, no more is asked until one of these bytes changes.
    pub(super) start: fn(&[u8], usize) -> Option<usize>,
    /// Calls with each value that what begins there leads to.
    pub(super) values: fn(&[u8], usize, Found<'_>),
    /// How the values are written.
    pub(super) writing: Writing,
}

/// How the values of a place are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// As they are.
    Plain,
    /// In base64, behind the name of a user and a colon (RFC 7617).
    Basic,
}

const fn place(
    context: Context,
    words: &'static [&'static str],
    start: fn(&[u8], usize) -> Option<usize>,
    values: fn(&[u8], usize, Found<'_>),
) -> Place {
    Place {
        context,
        words,
        start,
        values,
        writing: Writing::Plain,
    }
}

const fn basic(
    words: &'static [&'static str],
    start: fn(&[u8], usize) -> Option<usize>,
    values: fn(&[u8], usize, Found<'_>),
) -> Place {
    Place {
        writing: Writing::Basic,
        ..place(Context::Password, words, start, values)
    }
}

/// Every place whose words the search knows. [`Context::MailAddress`] is none: its tokens have a prefix.
pub(super) const PLACES: &[Place] = &[
    place(
        Context::RunnerConfig,
        &["[[runners]]"],
        anywhere,
        runner_config::for_each_token,
    ),
    place(
        Context::PrivateToken,
        DASHED,
        |text, word| behind(text, word, b"private"),
        header,
    ),
    place(
        Context::PrivateToken,
        &["te_token"],
        |text, word| behind(text, word, b"priva"),
        private_token,
    ),
    place(Context::OauthUrl, &["oauth2:"], anywhere, oauth_url),
    place(Context::OauthUrl, &["@gitlab"], before_host, gitlab_url),
    place(
        Context::DeployTokenUrl,
        &["oy-token-"],
        |text, word| begun(text, word, b"depl"),
        user::deploy_token,
    ),
    place(
        Context::DeployTokenUrl,
        CAPITAL,
        |text, word| behind(text, word, b"deploy"),
        header,
    ),
    place(
        Context::JobToken,
        &["-token"],
        |text, word| begun(text, word, b"gitlab-ci"),
        user::job_token,
    ),
    place(
        Context::JobToken,
        &["_TOKEN"],
        |text, word| behind(text, word, b"CI_JOB"),
        header,
    ),
    place(
        Context::JobToken,
        CAPITAL,
        |text, word| behind(text, word, b"job"),
        header,
    ),
    place(
        Context::TokenVariable,
        &["GITLAB_"],
        token_name,
        token_variable,
    ),
    place(
        Context::TokenVariable,
        &["lab_"],
        |text, word| token_name(text, begun(text, word, b"git")?),
        token_variable,
    ),
    place(
        Context::TokenVariable,
        &["_TOKEN"],
        |text, word| token_name(text, begun(text, word, b"GL")?),
        token_variable,
    ),
    place(
        Context::TokenVariable,
        &[
            "abToken",
            "abAccessToken",
            "abApiToken",
            "b.token",
            "-token",
        ],
        setting_name,
        token_setting,
    ),
    place(
        Context::RegistrationToken,
        &["n_token", "nToken", "_TOKEN", "-token"],
        registration_name,
        registration_token,
    ),
    place(Context::Netrc, &["machine"], netrc_host, netrc),
    place(
        Context::NpmRegistry,
        &["uthToken"],
        |text, word| begun(text, word, b"_a"),
        npm_registry,
    ),
    place(
        Context::NpmRegistry,
        &["uthToken"],
        |text, word| begun(text, word, b"npmA"),
        yarn_registry,
    ),
    place(
        Context::TriggerCall,
        &["ger/pipeline"],
        |text, word| begun(text, word, b"trig"),
        trigger_call,
    ),
    place(
        Context::ClientSecret,
        &["_secret", "_SECRET", "tSecret"],
        secret_name,
        client_secret,
    ),
    place(
        Context::ApiCall,
        &["Bearer ", "bearer "],
        |text, word| hex64(text, word + "Bearer ".len()),
        api_call,
    ),
    place(
        Context::ApiCall,
        &["ken="],
        |text, word| {
            behind(text, word, b"access_to").and_then(|word| hex64(text, word + "ken=".len()))
        },
        api_call,
    ),
    place(
        Context::Password,
        &["ogin "],
        |text, word| login::command(text, begun(text, word, b" l")?),
        login::login,
    ),
    place(Context::Password, &["-password"], anywhere, login::password),
    place(
        Context::Password,
        &["url "],
        |text, word| begun(text, word, b"c"),
        login::user,
    ),
    place(Context::OauthUrl, &["i/v4/"], api::path, api::address),
    place(Context::Password, &["i/v4/"], api::path, api::password),
    place(
        Context::Password,
        &["_PASSWORD"],
        api::password_name,
        api::password_variable,
    ),
    place(
        Context::Password,
        &["rTextPassword"],
        |text, word| begun(text, word, b"\"Clea"),
        api::nuget,
    ),
    place(
        Context::TokenVariable,
        &["i_protocol"],
        |text, word| begun(text, word, b"ap"),
        api::glab,
    ),
    place(
        Context::TokenResponse,
        &["h_token"],
        |text, word| begun(text, word, b"refres"),
        api::token_response,
    ),
    place(
        Context::FeatureFlags,
        &["i/v4/"],
        api::path,
        api::instance_id,
    ),
    basic(&["\"auth"], user::auth_key, user::docker_auth),
    basic(&["Basic "], user::basic_name, user::basic_header),
];

/// The end of the name of a header, as programs write it.
const CAPITAL: &[&str] = &["-TOKEN", "-Token"];

/// The same in any case.
const DASHED: &[&str] = &["-TOKEN", "-Token", "-token"];

/// Whether a value of the right shape is a token for all that can be told: nothing speaks against it,
/// and it ends where a value ends.
///
/// Of letters in both cases there must be an upper case one and a digit, which all but one generated
/// token in twenty-four have and names hardly ever; of hexadecimal digits, a letter and a digit.
pub(super) fn is_token(text: &[u8], value: Span, verdict: &Verdict) -> bool {
    let bytes = &text[value.start..value.end];
    let has = |test: fn(&u8) -> bool| bytes.iter().any(test);
    let letter = if bytes.iter().all(u8::is_ascii_hexdigit) {
        u8::is_ascii_alphabetic
    } else {
        u8::is_ascii_uppercase
    };
    *verdict == Verdict::HIGH && has(u8::is_ascii_digit) && has(letter) && ends(text, value.end)
}

/// Whether a value may end before `at`: where text, line, string, parameter, element or list item
/// ends, and not where a call, a path or a name goes on.
fn ends(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        None => true,
        Some(b'%') => text[at..].starts_with(b"%40") || text[at..].starts_with(b"%2"),
        Some(byte) => byte.is_ascii_whitespace() || b"\"'`,;&@)]}|<\\#\0".contains(byte),
    }
}

/// The word, whatever stands beside it.
#[expect(clippy::unnecessary_wraps, reason = "others are not at every place")]
const fn anywhere(_: &[u8], word: usize) -> Option<usize> {
    Some(word)
}

/// The word, if this stands before it in any case.
fn behind(text: &[u8], word: usize, owner: &[u8]) -> Option<usize> {
    ends_with(&text[..word], owner).then_some(word)
}

/// Where that begins of which the beginning is this and the word at `word` the rest.
fn begun(text: &[u8], word: usize, beginning: &[u8]) -> Option<usize> {
    let before = text[..word].strip_suffix(beginning)?;
    Some(before.len())
}

/// The 64 hexadecimal digits at `at`.
fn hex64(text: &[u8], at: usize) -> Option<usize> {
    is_hex64(text, at).then_some(at)
}

/// `PRIVATE-TOKEN: …` and other headers with `-TOKEN` behind a name, and the same with quotes around, in
/// any language.
fn header(text: &[u8], word: usize, found: Found<'_>) {
    let end = word + "-token".len();
    assigned(text, end).into_iter().for_each(found);
}

/// `private_token=…`
fn private_token(text: &[u8], word: usize, found: Found<'_>) {
    let name = word + "te_token".len();
    assigned(text, name).into_iter().for_each(found);
}

/// `https://oauth2:…@`, and `oauth2:…` where a text is nothing else, as in base64.
fn oauth_url(text: &[u8], word: usize, found: Found<'_>) {
    let value = word + "oauth2:".len();
    userinfo(text, value)
        .or_else(|| (word == 0 && user::is_last(text, value)).then_some(value))
        .into_iter()
        .for_each(found);
}

/// The user or password before a host, of an address or of a user.
fn before_host(text: &[u8], host: usize) -> Option<usize> {
    let before = text[..host].iter().rev().take(65);
    let value = host - before.take_while(|byte| is_word(**byte)).count();
    let before = &text[..value];
    (before.ends_with(b":") || before.ends_with(b"://")).then_some(value)
}

/// `https://somebody:…@gitlab.example` and `https://…@gitlab.example`, of users that no other place knows.
fn gitlab_url(text: &[u8], value: usize, found: Found<'_>) {
    let Some(user) = text[..value].strip_suffix(b":") else {
        return found(value);
    };
    let is_of_user = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.+%".contains(byte);
    let name = user.iter().rev().take(64).take_while(is_of_user).count();
    let (address, name) = user.split_at(user.len() - name);
    let is_known = name == b"oauth2" || user::is_of_gitlab(name);
    if address.ends_with(b"://") && !is_known {
        found(value);
    }
}

/// The end of the name at `word`, if it is one of a token.
fn end_of_token_name(text: &[u8], word: usize) -> Option<usize> {
    let name = &text[word..];
    let name = &name[..run_length(Alphabet::Base64url, name, 48)];
    let is_token = [b"token".as_slice(), b"_pat"]
        .iter()
        .any(|ending| ends_with(name, ending));
    // Of `gitlab_private_token` the other place finds the same value.
    (is_token && !name.contains(&b'-')).then_some(word + name.len())
}

/// The name at `word`, if it is one of a token.
fn token_name(text: &[u8], word: usize) -> Option<usize> {
    end_of_token_name(text, word).map(|_| word)
}

/// Assignments to `GITLAB_TOKEN`, `GITLAB_API_TOKEN`, `gitlab_access_token`, `GITLAB_PAT`, `GL_TOKEN`.
fn token_variable(text: &[u8], word: usize, found: Found<'_>) {
    let Some(end) = end_of_token_name(text, word) else {
        return;
    };
    assigned(text, end)
        .or_else(|| passed(text, word, end))
        .or_else(|| default_value(text, end))
        .into_iter()
        .for_each(found);
}

/// Where the name `gitlabToken`, `gitlabAccessToken`, `gitlab.token` or `gitlab-token` ends that the word is a part
/// of.
fn setting_name(text: &[u8], word: usize) -> Option<usize> {
    let (owner, rest): (&[u8], _) = match text[word] {
        b'-' => (b"gitlab", word),
        b'b' => (b"gitla", word + "b.".len()),
        _ => (b"gitl", word + "ab".len()),
    };
    let word = behind(text, word, owner)?;
    let end = rest + run_length(Alphabet::Base64url, &text[rest..], 48);
    ends_with(&text[word..end], b"token").then_some(end)
}

/// What is assigned to the name that ends at `end`; and the hosts with their tokens of `gitlab-token` in
/// Composer's `auth.json`.
fn token_setting(text: &[u8], end: usize, found: Found<'_>) {
    let rest = trim_blanks(unquote(&text[end..]));
    let block = rest.strip_prefix(b":").map(trim_blanks);
    let Some(block) = block.and_then(|block| block.strip_prefix(b"{")) else {
        return assigned(text, end).into_iter().for_each(found);
    };
    let from = text.len() - block.len();
    let block = &block[..block.len().min(REACH)];
    let block = &block[..memchr(b'}', block).unwrap_or(block.len())];
    memchr::memchr_iter(b'"', block).for_each(|quote| found(from + quote + 1));
}

/// The value of `default` in the block of a variable of Terraform whose name ends at `at`.
fn default_value(text: &[u8], at: usize) -> Option<usize> {
    const KEY: &[u8] = b"default";
    let block = text.get(at..)?.strip_prefix(b"\"")?;
    let block = trim_blanks(block).strip_prefix(b"{")?;
    let from = text.len() - block.len();
    let block = &block[..block.len().min(REACH)];
    let block = &block[..memchr(b'}', block).unwrap_or(block.len())];
    assigned(text, from + memmem::find(block, KEY)? + KEY.len())
}

/// Where the name `registration_token`, `registrationToken`, `REGISTRATION_TOKEN` or `registration-token` ends that
/// the word is a part of.
fn registration_name(text: &[u8], word: usize) -> Option<usize> {
    let (owner, length): (&[u8], _) = match &text[word..] {
        [b'-' | b'_', ..] => (b"registration", "-token".len()),
        [_, b'T', ..] => (b"registratio", "nToken".len()),
        _ => (b"registratio", "n_token".len()),
    };
    behind(text, word, owner).map(|word| word + length)
}

/// `gitlab-runner register --registration-token …`, `REGISTRATION_TOKEN=…`, `runnerRegistrationToken: …`
fn registration_token(text: &[u8], end: usize, found: Found<'_>) {
    let near = &text[end.saturating_sub(REACH)..text.len().min(end + REACH)];
    let is_of_runner = names_gitlab(near)
        || [b"unner", b"UNNER"]
            .iter()
            .any(|name| memmem::find(near, *name).is_some());
    if !is_of_runner {
        return;
    }
    assigned(text, end)
        .or_else(|| next_word(text, end).filter(|_| text[..end].contains(&b'-')))
        .into_iter()
        .for_each(found);
}

/// The host behind the word `machine`.
fn netrc_host(text: &[u8], word: usize) -> Option<usize> {
    let end = word + "machine".len();
    matches!(text.get(end), Some(b' ' | b'\t')).then_some(end + 1)
}

/// `machine gitlab.example login me password …`, on one line or several, from the host on.
fn netrc(text: &[u8], mut at: usize, found: Found<'_>) {
    let entry = &text[at..text.len().min(at + REACH)];
    let mut is_host = true;
    let mut is_password = false;
    // In a string of a program the line ends are escaped: each of `\` and `n` ends a word then.
    let mut before = 0;
    let is_blank = |byte: &u8| {
        let escaped = std::mem::replace(&mut before, *byte) == b'\\' && *byte == b'n';
        escaped || *byte == b'\\' || byte.is_ascii_whitespace()
    };
    for word in entry.split(is_blank) {
        let start = at;
        at += word.len() + 1;
        if word.is_empty() {
            continue;
        }
        if is_password {
            return found(start + word.len() - unquote(word).len());
        }
        let ends = matches!(word, b"machine" | b"default" | b"macdef");
        if ends || (std::mem::take(&mut is_host) && !names_gitlab(word)) {
            return;
        }
        is_password = word == b"password";
    }
}

/// `//gitlab.example/api/v4/projects/7/packages/npm/:_authToken=…`
fn npm_registry(text: &[u8], word: usize, found: Found<'_>) {
    let line = &text[word.saturating_sub(REACH)..word];
    let line = &line[memrchr(b'\n', line).map_or(0, |at| at + 1)..];
    if names_gitlab(line) || memmem::find(line, b"/api/v4/").is_some() {
        let end = word + "_authToken".len();
        assigned(text, end)
            .or_else(|| next_word(text, end))
            .into_iter()
            .for_each(found);
    }
}

/// `npmAuthToken` of a registry in `.yarnrc.yml`, whose address is the key above.
fn yarn_registry(text: &[u8], word: usize, found: Found<'_>) {
    if is_near_api(text, word) {
        let name = word + "npmAuthToken".len();
        assigned(text, name).into_iter().for_each(found);
    }
}

/// `token=…` of a call that starts a pipeline: in its address, or in a form of the same command.
fn trigger_call(text: &[u8], word: usize, found: Found<'_>) {
    const NAME: &[u8] = b"token=";
    let start = command_start(text, word);
    let after = memmem::find(&text[word..command_end(text, word)], NAME).map(|at| word + at);
    let name = after.or_else(|| memmem::rfind(&text[start..word], NAME).map(|at| start + at));
    if let Some(name) = name
        && (name == 0 || !is_word(text[name - 1]))
    {
        found(name + NAME.len());
    }
}

/// Where the name `client_secret`, `APPLICATION_SECRET` or `clientSecret` ends that the word is a part of.
fn secret_name(text: &[u8], word: usize) -> Option<usize> {
    let owners: &[&[u8]] = if text[word] == b'_' {
        &[b"client", b"app", b"application", b"oauth"]
    } else {
        &[b"clien"]
    };
    let is_owned = owners.iter().any(|owner| ends_with(&text[..word], owner));
    is_owned.then_some(word + "_secret".len())
}

/// `client_secret: …`, `APPLICATION_SECRET=…`, `clientSecret = "…"`, with GitLab named near.
fn client_secret(text: &[u8], end: usize, found: Found<'_>) {
    assigned(text, end)
        .filter(|value| is_hex64(text, *value) && is_near_gitlab(text, end))
        .into_iter()
        .for_each(found);
}

/// `Authorization: Bearer …` and `access_token=…` of a call to GitLab's API.
fn api_call(text: &[u8], value: usize, found: Found<'_>) {
    if is_near_api(text, value) {
        found(value);
    }
}

/// The password at `at` of an address, if an `@` ends it.
fn userinfo(text: &[u8], at: usize) -> Option<usize> {
    // No unprefixed token is longer than an OAuth token.
    let end = at + run_length(Alphabet::Base64url, &text[at..], 65);
    let rest = &text[end..];
    (rest.starts_with(b"@") || rest.starts_with(b"%40")).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_nothing_goes_on() {
        for after in [
            "", " ", "\n", "\"", "'", ",", "&a", "@h", "\\n", "</a>", "%22", "%40",
        ] {
            assert!(ends(format!("V{after}").as_bytes(), 1), "{after}");
        }
        for after in ["(", ".", "/", "[", ":", "=", "$", "{", "%d", "+"] {
            assert!(!ends(format!("V{after}").as_bytes(), 1), "{after}");
        }
    }
}
