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

/// Words that lead to values.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) context: Context,
    /// What the search looks for. The first four bytes are rare ones, since they are what it filters by:
    /// `te_token` and not `private_token`, which would stop at each `private`, and `lab_` and not `gitlab_`; best
    /// with one that is no small letter.
    pub(super) words: &'static [&'static str],
    /// Calls with each value that the word at the offset leads to.
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
    values: fn(&[u8], usize, Found<'_>),
) -> Place {
    Place {
        context,
        words,
        values,
        writing: Writing::Plain,
    }
}

const fn basic(words: &'static [&'static str], values: fn(&[u8], usize, Found<'_>)) -> Place {
    Place {
        context: Context::Password,
        words,
        values,
        writing: Writing::Basic,
    }
}

/// Every place whose words the search knows. [`Context::MailAddress`] is none: its tokens have a prefix.
pub(super) const PLACES: &[Place] = &[
    place(
        Context::RunnerConfig,
        &["[[runners]]"],
        runner_config::for_each_token,
    ),
    place(Context::PrivateToken, DASHED, |text, word, found| {
        header(text, word, b"private", found);
    }),
    place(Context::PrivateToken, &["te_token"], private_token),
    place(Context::OauthUrl, &["oauth2:"], oauth_url),
    place(Context::OauthUrl, &["@gitlab"], gitlab_url),
    place(
        Context::DeployTokenUrl,
        &["oy-token-"],
        |text, word, found| {
            if let Some(word) = begun(text, word, b"depl") {
                user::deploy_token(text, word, found);
            }
        },
    ),
    place(Context::DeployTokenUrl, CAPITAL, |text, word, found| {
        header(text, word, b"deploy", found);
    }),
    place(Context::JobToken, &["-token"], user::job_token),
    place(Context::JobToken, &["_TOKEN"], |text, word, found| {
        header(text, word, b"CI_JOB", found);
    }),
    place(Context::JobToken, CAPITAL, |text, word, found| {
        header(text, word, b"job", found);
    }),
    place(Context::TokenVariable, &["GITLAB_"], token_variable),
    place(Context::TokenVariable, &["lab_"], |text, word, found| {
        if let Some(word) = begun(text, word, b"git") {
            token_variable(text, word, found);
        }
    }),
    place(Context::TokenVariable, &["_TOKEN"], |text, word, found| {
        if let Some(word) = begun(text, word, b"GL") {
            token_variable(text, word, found);
        }
    }),
    place(
        Context::TokenVariable,
        &[
            "abToken",
            "abAccessToken",
            "abApiToken",
            "b.token",
            "-token",
        ],
        token_setting,
    ),
    place(
        Context::RegistrationToken,
        &["n_token", "nToken", "_TOKEN", "-token"],
        registration_token,
    ),
    place(Context::Netrc, &["machine"], netrc),
    place(Context::NpmRegistry, &["uthToken"], |text, word, found| {
        if let Some(word) = begun(text, word, b"_a") {
            npm_registry(text, word, found);
        } else if let Some(word) = begun(text, word, b"npmA") {
            yarn_registry(text, word, found);
        }
    }),
    place(
        Context::TriggerCall,
        &["ger/pipeline"],
        |text, word, found| {
            if let Some(word) = begun(text, word, b"trig") {
                trigger_call(text, word, found);
            }
        },
    ),
    place(
        Context::ClientSecret,
        &["_secret", "_SECRET", "tSecret"],
        client_secret,
    ),
    place(Context::ApiCall, &["Bearer ", "bearer ", "ken="], api_call),
    place(Context::Password, &["ogin "], |text, word, found| {
        if let Some(word) = begun(text, word, b" l") {
            login::login(text, word, found);
        }
    }),
    place(Context::Password, &["-password"], login::password),
    place(Context::Password, &["url "], login::user),
    place(Context::OauthUrl, &["i/v4/"], api::address),
    place(Context::Password, &["i/v4/"], api::password),
    place(Context::Password, &["_PASSWORD"], api::password_variable),
    place(Context::Password, &["rTextPassword"], api::nuget),
    place(Context::TokenVariable, &["i_protocol"], api::glab),
    place(Context::TokenResponse, &["h_token"], api::token_response),
    place(Context::FeatureFlags, &["i/v4/"], api::instance_id),
    basic(&["\"auth"], user::docker_auth),
    basic(&["Basic "], user::basic_header),
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

/// Where the word begins whose end is at `at` and which begins so.
fn begun(text: &[u8], at: usize, beginning: &[u8]) -> Option<usize> {
    let before = text[..at].strip_suffix(beginning)?;
    Some(before.len())
}

/// `PRIVATE-TOKEN: …` and other headers with `-TOKEN` behind a name, and the same with quotes around, in
/// any language.
fn header(text: &[u8], word: usize, name: &[u8], found: Found<'_>) {
    if ends_with(&text[..word], name) {
        let end = word + "-token".len();
        assigned(text, end).into_iter().for_each(found);
    }
}

/// `private_token=…`
fn private_token(text: &[u8], word: usize, found: Found<'_>) {
    if ends_with(&text[..word], b"priva") {
        let name = word + "te_token".len();
        assigned(text, name).into_iter().for_each(found);
    }
}

/// `https://oauth2:…@`, and `oauth2:…` where a text is nothing else, as in base64.
fn oauth_url(text: &[u8], word: usize, found: Found<'_>) {
    let value = word + "oauth2:".len();
    userinfo(text, value)
        .or_else(|| (word == 0 && user::is_last(text, value)).then_some(value))
        .into_iter()
        .for_each(found);
}

/// `https://somebody:…@gitlab.example` and `https://…@gitlab.example`, of users that no other place knows.
fn gitlab_url(text: &[u8], word: usize, found: Found<'_>) {
    let before = &text[word.saturating_sub(REACH)..word];
    let value = before
        .iter()
        .rev()
        .take(65)
        .take_while(|byte| is_word(**byte));
    let value = word - value.count();
    let Some(user) = text[..value].strip_suffix(b":") else {
        if text[..value].ends_with(b"://") {
            found(value);
        }
        return;
    };
    let is_of_user = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.+%".contains(byte);
    let name = user.iter().rev().take(64).take_while(is_of_user).count();
    let (address, name) = user.split_at(user.len() - name);
    let is_known = name == b"oauth2" || user::is_of_gitlab(name);
    if address.ends_with(b"://") && !is_known {
        found(value);
    }
}

/// Assignments to `GITLAB_TOKEN`, `GITLAB_API_TOKEN`, `gitlab_access_token`, `GITLAB_PAT`, `GL_TOKEN`.
fn token_variable(text: &[u8], word: usize, found: Found<'_>) {
    let name = &text[word..];
    let name = &name[..run_length(Alphabet::Base64url, name, 48)];
    let is_token = [b"token".as_slice(), b"_pat"]
        .iter()
        .any(|ending| ends_with(name, ending));
    // Of `gitlab_private_token` the other place finds the same value.
    if is_token && !name.contains(&b'-') {
        let end = word + name.len();
        assigned(text, end)
            .or_else(|| passed(text, word, end))
            .or_else(|| default_value(text, end))
            .into_iter()
            .for_each(found);
    }
}

/// Assignments to `gitlabToken`, `gitlabAccessToken`, `gitlab.token`; and the hosts with their tokens
/// of `gitlab-token` in Composer's `auth.json`.
fn token_setting(text: &[u8], word: usize, found: Found<'_>) {
    let (owner, rest): (&[u8], _) = match text[word] {
        b'-' => (b"gitlab", word),
        b'b' => (b"gitla", word + "b.".len()),
        _ => (b"gitl", word + "ab".len()),
    };
    if !ends_with(&text[..word], owner) {
        return;
    }
    let end = rest + run_length(Alphabet::Base64url, &text[rest..], 48);
    if !ends_with(&text[..end], b"token") {
        return;
    }
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

/// `gitlab-runner register --registration-token …`, `REGISTRATION_TOKEN=…`, `runnerRegistrationToken: …`
fn registration_token(text: &[u8], word: usize, found: Found<'_>) {
    let (owner, length): (&[u8], _) = match &text[word..] {
        [b'-' | b'_', ..] => (b"registration", "-token".len()),
        [_, b'T', ..] => (b"registratio", "nToken".len()),
        _ => (b"registratio", "n_token".len()),
    };
    if !ends_with(&text[..word], owner) {
        return;
    }
    let near = &text[word.saturating_sub(REACH)..text.len().min(word + REACH)];
    let is_of_runner = names_gitlab(near)
        || [b"unner", b"UNNER"]
            .iter()
            .any(|name| memmem::find(near, *name).is_some());
    if !is_of_runner {
        return;
    }
    let end = word + length;
    assigned(text, end)
        .or_else(|| next_word(text, end).filter(|_| text[..end].contains(&b'-')))
        .into_iter()
        .for_each(found);
}

/// `machine gitlab.example login me password …`, on one line or several.
fn netrc(text: &[u8], word: usize, found: Found<'_>) {
    let mut at = word + "machine ".len();
    if !matches!(text.get(at - 1), Some(b' ' | b'\t')) {
        return;
    }
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

/// `client_secret: …`, `APPLICATION_SECRET=…`, `clientSecret = "…"`, with GitLab named near.
fn client_secret(text: &[u8], word: usize, found: Found<'_>) {
    let before = &text[..word];
    let (owners, name): (&[&[u8]], _) = if text[word] == b'_' {
        (&[b"client", b"app", b"application", b"oauth"], "_secret")
    } else {
        (&[b"clien"], "tSecret")
    };
    if !owners.iter().any(|owner| ends_with(before, owner)) {
        return;
    }
    let value = assigned(text, word + name.len());
    value
        .filter(|value| is_hex64(text, *value) && is_near_gitlab(text, word))
        .into_iter()
        .for_each(found);
}

/// `Authorization: Bearer …` and `access_token=…` of a call to GitLab's API.
fn api_call(text: &[u8], word: usize, found: Found<'_>) {
    let value = if text[word] == b'k' {
        text[..word]
            .ends_with(b"access_to")
            .then_some(word + "ken=".len())
    } else {
        Some(word + "Bearer ".len())
    };
    value
        .filter(|value| is_hex64(text, *value) && is_near_api(text, word))
        .into_iter()
        .for_each(found);
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
