//! The places whose words lead to tokens: where each finds the value, and where it finds none.

use super::super::alphabet::run_length;
use super::super::context::{NEAR, PLACES};
use super::*;
use crate::rules::Alphabet;

/// The words at the offsets that the places of `context` lead to.
fn values(context: Context, text: &str) -> Vec<&str> {
    let mut values = Vec::new();
    for place in PLACES.iter().filter(|place| place.context == context) {
        for word in place.words {
            let starts = text.match_indices(word);
            for at in starts.filter_map(|(at, _)| (place.start)(text.as_bytes(), at)) {
                (place.values)(text.as_bytes(), at, &mut |value| {
                    let length = run_length(Alphabet::Base64url, &text.as_bytes()[value..], 99);
                    values.push(&text[value..value + length]);
                });
            }
        }
    }
    values
}

#[test]
fn near_a_word_it_is_told_whether_it_leads_anywhere() {
    for place in PLACES {
        for word in place.words {
            for fill in ["a", "f", "-", "_", " ", ":", "gitlab", "token", "~"] {
                let fill = fill.repeat(NEAR);
                let text = format!("{fill}{word}{fill}");
                let start = |from: usize, end: usize| {
                    let text = &text.as_bytes()[from..end];
                    (place.start)(text, fill.len() - from).map(|start| from + start)
                };
                let near = start(fill.len() - NEAR, fill.len() + NEAR);
                assert_eq!(near, start(0, text.len()), "{text}");
            }
        }
    }
}

#[test]
fn an_assignment_is_read_in_any_language() {
    for text in [
        "PRIVATE-TOKEN: V",
        "private-token:V",
        "PRIVATE_TOKEN=x private_token=V",
        "private_token%3DV",
        "\"PRIVATE-TOKEN\": \"V\"",
        r#"{\"private_token\": \"V\"}"#,
        "'private_token' => 'V'",
        "private_token := `V`",
        "headers['PRIVATE-TOKEN'] = 'V'",
        "set(\"Private-Token\", \"V\")",
        "<private_token>V</",
        "private_token:\n    value: 'V'",
        "- name: private_token\n  value: V",
        "{\"name\":\"private_token\",\"value\":\"V\"}",
        "<name>Private-Token</name>\n  <value>V</value>",
        "<add key=\"private_token\" value=\"V\" />",
        "key   = \"private_token\"\n  value = \"V\"",
    ] {
        assert_eq!(values(Context::PrivateToken, text), ["V"], "{text}");
    }
}

#[test]
fn a_name_alone_leads_nowhere() {
    for text in [
        "private_token",
        "the private_token V",
        "create_token=V",
        "private_tokens=V",
        "private_token\n= V",
    ] {
        assert!(values(Context::PrivateToken, text).is_empty(), "{text}");
    }
}

#[test]
fn references_have_no_value() {
    for text in [
        "$V", "${V}", "%V%", "{{V}}", "{{ V }}", "<V>", "#{V}", "@V", "(V)",
    ] {
        let text = format!("private_token: {text}");
        assert_eq!(values(Context::PrivateToken, &text), [""], "{text}");
    }
}

#[test]
fn variables_are_told_by_their_name() {
    for text in [
        "GITLAB_TOKEN=V",
        "export GITLAB_API_TOKEN='V'",
        "GITLAB_ACCESS_TOKEN: V",
        "TF_VAR_gitlab_token=V",
        "GITLAB_PAT=V",
        "GL_TOKEN=V",
        "-DGITLAB_TOKEN=V",
        "os.environ[\"GITLAB_TOKEN\"] = \"V\"",
        "os.environ.get(\"GITLAB_TOKEN\", \"V\")",
        "process.env.GITLAB_TOKEN || 'V'",
        "ENV['GITLAB_TOKEN'] || 'V'",
        "getenv('GITLAB_TOKEN') ?: 'V'",
        "${GITLAB_TOKEN:-V}",
        "GITLAB_TOKEN: str = \"V\"",
        "const GITLAB_TOKEN: &str = \"V\";",
        "GITLAB_TOKEN =3D V",
        "ENV GITLAB_TOKEN V",
        "setx MY_GITLAB_TOKEN \"V\"",
        "set -gx GITLAB_TOKEN V",
        "variable \"gitlab_token\" {\n  type    = string\n  default = \"V\"\n}",
    ] {
        assert_eq!(values(Context::TokenVariable, text), ["V"], "{text}");
    }
    for text in [
        "GITLAB_TOKENS=V",
        "GITLAB_HOST=V",
        "GITLAB_TOKEN-x=V",
        "_pat=V",
        "the GITLAB_TOKEN V",
        "variable \"gitlab_token\" {\n}\nvariable \"a\" {\n  default = \"V\"\n}",
    ] {
        assert!(values(Context::TokenVariable, text).is_empty(), "{text}");
    }
}

#[test]
fn passwords_of_addresses_end_in_an_at_sign() {
    assert_eq!(values(Context::OauthUrl, "https://oauth2:V@h"), ["V"]);
    assert_eq!(values(Context::OauthUrl, "https%3A//oauth2:V%40h"), ["V"]);
    assert!(values(Context::OauthUrl, "oauth2:V ").is_empty());
    assert!(values(Context::OauthUrl, " oauth2:V").is_empty());
    // In base64 a text is often nothing else.
    assert_eq!(values(Context::OauthUrl, "oauth2:V\n"), ["V"]);
    let deploy = |text| values(Context::DeployTokenUrl, text);
    assert_eq!(deploy("gitlab+deploy-token-12:V@h"), ["V"]);
    assert_eq!(deploy("gitlab%2Bdeploy-token-1:V@h"), ["V"]);
    assert!(deploy("my-deploy-token-1:V@h gitlab+deploy-token-:V@h").is_empty());
    let job = |text| values(Context::JobToken, text);
    assert_eq!(job("gitlab-ci-token:V@h CI_JOB_TOKEN=W"), ["V", "W"]);
    assert!(job("other-ci-token:V@h").is_empty());
}

#[test]
fn any_user_of_a_host_that_is_named_gitlab_may_have_a_token() {
    let url = |text| values(Context::OauthUrl, text);
    assert_eq!(url("https://me:V@gitlab.example/a.git"), ["V"]);
    assert_eq!(url("https://a%40b.c:V@gitlab.example"), ["V"]);
    assert_eq!(url("https://__token__:V@gitlab.example"), ["V"]);
    assert_eq!(url("https://V@gitlab.example"), ["V"]);
    assert_eq!(url("https://oauth2:V@gitlab.example"), ["V"]);
    assert!(url("git@gitlab.example:a/b.git").is_empty());
    assert!(url("me:V@gitlab.example").is_empty());
    assert!(url("https://gitlab-ci-token:V@gitlab.example").is_empty());
    assert!(url("https://gitlab+deploy-token-7:V@gitlab.example").is_empty());
}

#[test]
fn headers_of_other_tokens_and_settings_in_other_spellings() {
    let deploy = |text| values(Context::DeployTokenUrl, text);
    assert_eq!(deploy("DEPLOY-TOKEN: V"), ["V"]);
    assert_eq!(deploy("<name>Deploy-Token</name><value>V</value>"), ["V"]);
    assert_eq!(values(Context::JobToken, "'Job-Token': 'V'"), ["V"]);
    let setting = |text| values(Context::TokenVariable, text);
    for text in [
        "{\"gitlabToken\": \"V\"}",
        "const gitlabAccessToken = 'V'",
        "gitLabApiToken: V",
        "gitlab.token=V",
        "gitlab-token: V",
    ] {
        assert_eq!(setting(text), ["V"], "{text}");
    }
    let hosts = "\"gitlab-token\": {\"gitlab.example\": \"V\"}";
    assert!(setting(hosts).contains(&"V"));
    assert!(setting("gitlab-token-file: V").is_empty());
    assert!(setting("laboratoryToken: V").is_empty());
    let yarn = "//gitlab.example/npm/:\n  npmAuthToken: \"V\"";
    assert_eq!(values(Context::NpmRegistry, yarn), ["V"]);
}

#[test]
fn registration_tokens_are_those_of_runners() {
    let registration = |text| values(Context::RegistrationToken, text);
    for text in [
        "gitlab-runner register --registration-token V",
        "gitlab-runner register --registration-token=\"V\"",
        "RUNNER_REGISTRATION_TOKEN=V",
        "gitlabUrl: a\nrunnerRegistrationToken: 'V'",
        "runner:\n  registration_token: V",
    ] {
        assert_eq!(registration(text), ["V"], "{text}");
    }
    for text in [
        "wait --registration-token V",
        "the runner's registration_token V",
        "runner registration-tokens: V",
        "runner iteration_token: V",
    ] {
        assert!(registration(text).is_empty(), "{text}");
    }
}

#[test]
fn a_netrc_is_read_entry_by_entry() {
    let netrc = |text| values(Context::Netrc, text);
    assert_eq!(
        netrc("machine gitlab.example\n  login a\n\tpassword \"V\"\nmachine b password W"),
        ["V"]
    );
    assert_eq!(netrc("machine\tgitlab.example\tpassword\tV"), ["V"]);
    assert_eq!(
        netrc(r"'machine gitlab.example\nlogin a\npassword V\n'"),
        ["V"]
    );
    assert!(netrc("machine gitlab.example login a\nmachine b password W").is_empty());
    assert!(netrc("machine github.example password W").is_empty());
    assert!(netrc("machine gitlab.example password").is_empty());
    assert!(netrc("machine ").is_empty());
}

#[test]
fn a_registry_is_told_by_the_line_before_its_token() {
    let npm = |text| values(Context::NpmRegistry, text);
    assert_eq!(npm("//GitLab.example/:_authToken=V"), ["V"]);
    assert_eq!(
        npm("//a.example/api/v4/packages/npm/:_authToken=\"V\""),
        ["V"]
    );
    assert_eq!(npm("npm config set //gitlab.example/:_authToken V"), ["V"]);
    assert_eq!(npm("\"//gitlab.example/:_authToken\" \"V\""), ["V"]);
    assert!(npm("gitlab\n//registry.example/:_authToken=V").is_empty());
}

#[test]
fn a_trigger_call_reaches_over_continued_lines_alone() {
    let trigger = |text| values(Context::TriggerCall, text);
    assert_eq!(
        trigger("-F token=V \\\r\n -F ref=a \\\n x/trigger/pipeline"),
        ["V"]
    );
    assert_eq!(trigger("x/trigger/pipeline \\\n -F \"token=V\""), ["V"]);
    assert_eq!(trigger("x/trigger/pipeline?ref=a&token=V\ntoken=W"), ["V"]);
    assert!(trigger("-F token=V\nx/trigger/pipeline").is_empty());
    assert!(trigger("x/trigger/pipeline my_token=V").is_empty());
}
