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

use memchr::{memchr, memchr2, memmem, memrchr};

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
    /// What the search looks for. The first bytes are rare ones, since they are what it filters by:
    /// `te_token` and not `private_token`, which would stop at each `private`.
    pub(super) words: &'static [&'static str],
    /// Calls with each value that the word at the offset leads to.
    pub(super) values: fn(&[u8], usize, Found<'_>),
}

/// Every place whose words the search knows. [`Context::MailAddress`] is none: its tokens have a prefix.
pub(super) const PLACES: &[Place] = &[
    Place {
        context: Context::RunnerConfig,
        words: &["[[runners]]"],
        values: runner_config::for_each_token,
    },
    Place {
        context: Context::PrivateToken,
        words: &["TE-TOKEN", "te-token", "te-Token", "te_token"],
        values: private_token,
    },
    Place {
        context: Context::OauthUrl,
        words: &["oauth2:"],
        values: oauth_url,
    },
    Place {
        context: Context::OauthUrl,
        words: &["@gitlab"],
        values: gitlab_url,
    },
    Place {
        context: Context::DeployTokenUrl,
        words: &["deploy-token-"],
        values: deploy_token_url,
    },
    Place {
        context: Context::DeployTokenUrl,
        words: &["OY-TOKEN", "oy-Token"],
        values: deploy_token_header,
    },
    Place {
        context: Context::JobToken,
        words: &["-ci-token:", "CI_JOB_TOKEN"],
        values: job_token,
    },
    Place {
        context: Context::JobToken,
        words: &["JOB-TOKEN", "Job-Token"],
        values: job_token_header,
    },
    Place {
        context: Context::TokenVariable,
        words: &["GITLAB_", "gitlab_", "GL_TOKEN"],
        values: token_variable,
    },
    Place {
        context: Context::TokenVariable,
        words: &[
            "abToken",
            "abAccessToken",
            "abApiToken",
            "ab-token",
            "ab.token",
        ],
        values: token_setting,
    },
    Place {
        context: Context::RegistrationToken,
        words: &[
            "ration-token",
            "ration_token",
            "RATION_TOKEN",
            "rationToken",
        ],
        values: registration_token,
    },
    Place {
        context: Context::Netrc,
        words: &["machine ", "machine\t"],
        values: netrc,
    },
    Place {
        context: Context::NpmRegistry,
        words: &["_authToken"],
        values: npm_registry,
    },
    Place {
        context: Context::NpmRegistry,
        words: &["npmAuthToken"],
        values: yarn_registry,
    },
    Place {
        context: Context::TriggerCall,
        words: &["trigger/pipeline"],
        values: trigger_call,
    },
    Place {
        context: Context::ClientSecret,
        words: &["_secret", "_SECRET", "tSecret"],
        values: client_secret,
    },
    Place {
        context: Context::ApiCall,
        words: &["Bearer ", "bearer ", "s_token="],
        values: api_call,
    },
];

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

/// `PRIVATE-TOKEN: …`, `private_token=…`, and the same with quotes around, in any language.
fn private_token(text: &[u8], word: usize, found: Found<'_>) {
    if ends_with(&text[..word], b"priva") {
        let name = word + "te_token".len();
        assigned(text, name).into_iter().for_each(found);
    }
}

/// `https://oauth2:…@`
fn oauth_url(text: &[u8], word: usize, found: Found<'_>) {
    userinfo(text, word + "oauth2:".len())
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
    let is_known = name == b"oauth2" || name == b"gitlab-ci-token" || name.starts_with(b"gitlab+");
    if address.ends_with(b"://") && !is_known {
        found(value);
    }
}

/// `https://gitlab+deploy-token-7:…@`, also with an encoded `+`.
fn deploy_token_url(text: &[u8], word: usize, found: Found<'_>) {
    let before = &text[..word];
    if !(before.ends_with(b"gitlab+") || ends_with(before, b"gitlab%2b")) {
        return;
    }
    let number = word + "deploy-token-".len();
    let colon = number + run_length(Alphabet::Digits, &text[number..], 12);
    if colon > number && text.get(colon) == Some(&b':') {
        userinfo(text, colon + 1).into_iter().for_each(found);
    }
}

/// A `Deploy-Token` header.
fn deploy_token_header(text: &[u8], word: usize, found: Found<'_>) {
    if ends_with(&text[..word], b"depl") {
        let name = word + "OY-TOKEN".len();
        assigned(text, name).into_iter().for_each(found);
    }
}

/// A `Job-Token` header.
fn job_token_header(text: &[u8], word: usize, found: Found<'_>) {
    let name = word + "JOB-TOKEN".len();
    assigned(text, name).into_iter().for_each(found);
}

/// `https://gitlab-ci-token:…@`, and assignments to `CI_JOB_TOKEN`.
fn job_token(text: &[u8], word: usize, found: Found<'_>) {
    let value = if text[word..].starts_with(b"-") {
        text[..word]
            .ends_with(b"gitlab")
            .then(|| userinfo(text, word + "-ci-token:".len()))
            .flatten()
    } else {
        assigned(text, word + "CI_JOB_TOKEN".len())
    };
    value.into_iter().for_each(found);
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
    if !ends_with(&text[..word], b"gitl") {
        return;
    }
    let name = &text[word..];
    let end = word + run_length(Alphabet::Base64url, &name[3..], 48) + 3;
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
    let near = &text[word.saturating_sub(REACH)..text.len().min(word + REACH)];
    let is_of_runner = names_gitlab(near)
        || [b"unner", b"UNNER"]
            .iter()
            .any(|name| memmem::find(near, *name).is_some());
    if !ends_with(&text[..word], b"regist") || !is_of_runner {
        return;
    }
    let end = word + "ration-token".len() - usize::from(text[word + 6] == b'T');
    assigned(text, end)
        .or_else(|| next_word(text, end).filter(|_| text[..end].contains(&b'-')))
        .into_iter()
        .for_each(found);
}

/// `machine gitlab.example login me password …`, on one line or several.
fn netrc(text: &[u8], word: usize, found: Found<'_>) {
    let mut at = word + "machine ".len();
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
    let value = if text[word] == b's' {
        text[..word]
            .ends_with(b"acces")
            .then_some(word + "s_token=".len())
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

/// Where the command around `at` begins: its line, with the lines before that end in a backslash.
fn command_start(text: &[u8], at: usize) -> usize {
    let floor = at.saturating_sub(REACH);
    let mut start = at;
    while let Some(newline) = memrchr(b'\n', &text[floor..start]) {
        let before = &text[floor..floor + newline];
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        if !before.ends_with(b"\\") {
            return floor + newline + 1;
        }
        start = floor + newline;
    }
    floor
}

/// Where it ends.
fn command_end(text: &[u8], at: usize) -> usize {
    let ceiling = text.len().min(at + REACH);
    let mut end = at;
    while let Some(newline) = memchr(b'\n', &text[end..ceiling]) {
        let before = &text[at..end + newline];
        let before = before.strip_suffix(b"\r").unwrap_or(before);
        if !before.ends_with(b"\\") {
            return end + newline;
        }
        end += newline + 1;
    }
    ceiling
}

/// Asked before the surroundings are, so that those are read for few words.
fn is_hex64(text: &[u8], at: usize) -> bool {
    run_length(Alphabet::Hex, &text[at..], 65) == 64
}

fn is_near_gitlab(text: &[u8], at: usize) -> bool {
    names_gitlab(&text[at.saturating_sub(REACH)..text.len().min(at + REACH)])
}

fn is_near_api(text: &[u8], at: usize) -> bool {
    let near = &text[at.saturating_sub(REACH)..text.len().min(at + REACH)];
    names_gitlab(near) || memmem::find(near, b"/api/v4/").is_some()
}

/// Whether `text` holds the name, in any case.
fn names_gitlab(text: &[u8]) -> bool {
    const NAME: &[u8] = b"gitlab";
    let mut rest = text;
    while let Some(at) = memchr2(b'g', b'G', rest) {
        rest = &rest[at..];
        if rest
            .get(..NAME.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(NAME))
        {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// Whether `text` ends in `ending`, in any case.
fn ends_with(text: &[u8], ending: &[u8]) -> bool {
    text.len()
        .checked_sub(ending.len())
        .is_some_and(|from| text[from..].eq_ignore_ascii_case(ending))
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
