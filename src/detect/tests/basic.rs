//! Passwords of a user by name: in base64 as in Docker's `auths` and `Authorization: Basic`, in commands, under
//! keys of their own.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::*;
use crate::model::Digest;

/// A token without prefix.
fn token() -> String {
    SplitMix64::new(19).friendly(20)
}

/// Users of GitLab's job and deploy tokens and of any other, with the form of their token.
const USERS: &[(&str, &str)] = &[
    ("gitlab-ci-token", "job-token"),
    ("gitlab+deploy-token-7", "deploy-token-url"),
    ("oauth2", "oauth-url"),
];

/// Asserts that the `token` is all that is found, and gives what it is.
fn the(text: &str, token: &str) -> Detection {
    let mut detections = found(text);
    assert_eq!(detections.len(), 1, "{text}");
    let detection = detections.remove(0);
    assert_eq!(
        detection.leak.digest,
        Digest::of(token.as_bytes()),
        "{text}"
    );
    assert_eq!(detection.confidence, Confidence::Medium, "{text}");
    detection
}

#[test]
fn base64_of_a_user_of_gitlab_and_a_token_is_found_anywhere() {
    let token = token();
    for (user, form) in USERS {
        for (before, after) in [
            ("{\"auths\": {\"git.example\": {\"auth\": \"", "\"}}}"),
            ("Authorization: Basic ", "\r\n"),
            ("AUTHORIZATION: basic ", ""),
            ("_auth=", "\n"),
            ("[http]\n\textraHeader = \"Authorization: Basic ", "\"\n"),
            ("data:\n  credential: ", "\n"),
        ] {
            for end in ["", "\n", "\r\n"] {
                for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE] {
                    let pair = engine.encode(format!("{user}:{token}{end}"));
                    let text = format!("{before}{pair}{after}");
                    let detection = the(&text, &token);
                    assert_eq!(&*detection.leak.form, *form, "{text}");
                    assert_eq!(detection.encodings, [Encoding::Base64]);
                    let first = before.len() + (user.len() + 1) * 8 / 6;
                    assert_eq!(detection.span.start, first, "{text}");
                    let last = ((user.len() + 1 + token.len()) * 8).div_ceil(6);
                    assert_eq!(detection.span.end, before.len() + last, "{text}");
                }
            }
        }
    }
}

#[test]
fn base64_of_any_user_is_found_where_gitlab_is_named() {
    let token = token();
    for user in ["me", "somebody@corp.example", "__token__", "", "deploy_bot"] {
        let pair = STANDARD.encode(format!("{user}:{token}"));
        for text in [
            format!("{{\"auths\": {{\"registry.gitlab.example\": {{\"auth\": \"{pair}\"}}}}}}"),
            format!("{{\n  \"https://GitLab.example:5050\" : {{\n    \"auth\": \"{pair}\"\n"),
            format!(
                "\"{{\\\"auths\\\":{{\\\"gitlab.example\\\":{{\\\"auth\\\":\\\"{pair}\\\"}}}}}}\""
            ),
            format!("{{\"gitlab.example\":{{\"email\":\"a@b.example\",\"auth\":\"{pair}\"}}}}"),
            format!("curl -H 'Authorization: Basic {pair}' https://gitlab.example/a.git"),
            format!(
                "GET /api/v4/user HTTP/1.1\r\nHost: git.example\r\nAuthorization: Basic {pair}\r\n"
            ),
            format!(
                "[http \"https://gitlab.example/\"]\n\textraHeader = Authorization: Basic {pair}\n"
            ),
            format!("fetch(gitlab, {{ headers: {{ 'Authorization': 'Basic {pair}' }} }})"),
        ] {
            let detection = the(&text, &token);
            assert_eq!(&*detection.leak.form, "password", "{text}");
            assert_eq!(detection.encodings, [Encoding::Base64]);
        }
    }
}

#[test]
fn a_whole_secret_of_kubernetes_is_read_through_both_encodings() {
    let token = token();
    for user in ["gitlab-ci-token", "me"] {
        let pair = STANDARD.encode(format!("{user}:{token}"));
        let json = format!("{{\"auths\":{{\"registry.gitlab.example\":{{\"auth\":\"{pair}\"}}}}}}");
        let text = format!("data:\n  .dockerconfigjson: {}\n", STANDARD.encode(json));
        let detection = the(&text, &token);
        assert_eq!(detection.encodings, [Encoding::Base64, Encoding::Base64]);
    }
}

#[test]
fn base64_of_anything_else_is_quiet() {
    let token = token();
    let commit = SplitMix64::new(3).run(crate::rules::Alphabet::Hex, 40);
    for user in ["gitlab-ci-token", "gitlab+deploy-token-7", "oauth2", "me"] {
        for value in [
            "",
            "$CI_JOB_TOKEN",
            "${CI_JOB_TOKEN}",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            &commit,
            "xxxxxxxxxxxxxxxxxxxx",
            "your-token-goes-here",
            "release-bot-token-v12",
            &token[1..],
            &format!("{token}a"),
            &format!("{token} and more"),
            &format!("{token}:more"),
            &format!("{token}/more"),
        ] {
            if value.contains(' ') && user.starts_with("gitlab") {
                continue;
            }
            let pair = STANDARD.encode(format!("{user}:{value}"));
            for text in [
                format!("{{\"auths\": {{\"gitlab.example\": {{\"auth\": \"{pair}\"}}}}}}"),
                format!("curl -H 'Authorization: Basic {pair}' https://gitlab.example/a.git"),
            ] {
                let detections = found(&text);
                assert!(detections.is_empty(), "{user}:{value} {detections:?}");
            }
        }
    }
    // Of a user that anybody may have, elsewhere.
    let pair = STANDARD.encode(format!("me:{token}"));
    let far = " ".repeat(600);
    for text in [
        format!("{{\"auths\": {{\"git.example\": {{\"auth\": \"{pair}\"}}}}}}"),
        format!("{{\"gitlab\": 1, \"auths\": {{\"index.docker.io\": {{\"auth\": \"{pair}\"}}}}}}"),
        format!("{{\"gitlab.example\": {{}}, \"docker.io\": {{\"auth\": \"{pair}\"}}}}"),
        format!("{{\"gitlab.example\": {{\"author\": \"{pair}\"}}}}"),
        format!("curl -H 'Authorization: Basic {pair}' https://git.example/a.git"),
        format!("# gitlab\n\nAuthorization: Basic {pair}\n"),
        format!("Authorization: Basic {pair}{far}gitlab\n"),
        format!("gitlab: Basic {pair}\n"),
        format!("https://gitlab.example Proxy: Basic {pair}\n"),
    ] {
        assert!(found(&text).is_empty(), "{text}");
    }
}

#[test]
fn the_password_stands_beside_its_user() {
    let token = token();
    for (user, form) in &USERS[..2] {
        for text in [
            format!("docker login -u {user} -p {token} registry.example"),
            format!("docker login -p {token} -u {user} registry.example"),
            format!("podman login --username={user} --password={token} registry.example"),
            format!("helm repo add --username {user} --password {token} a https://git.example"),
            format!("curl --user {user}:{token} https://git.example"),
            format!("curl -u \"{user}:{token}\" https://git.example"),
            format!("{{\"username\": \"{user}\", \"password\": \"{token}\"}}"),
            format!("{{\"password\":\"{token}\",\"username\":\"{user}\"}}"),
            format!("username: {user}\npassword: {token}\n"),
            format!("[gitlab]\nusername = {user}\npassword = {token}\n"),
            format!("<username>{user}</username>\n  <password>{token}</password>"),
            format!(
                "<add key=\"Username\" value=\"{user}\" />\n<add key=\"ClearTextPassword\" value=\"{token}\" />"
            ),
            format!("TF_HTTP_USERNAME={user}\nTF_HTTP_PASSWORD={token}\n"),
            format!("machine git.example login {user} password {token}\n"),
        ] {
            assert_eq!(&*the(&text, &token).leak.form, *form, "{text}");
        }
        for text in [
            format!("docker login -u {user} -p $CI_JOB_TOKEN registry.example # {token}"),
            format!("docker login -u {user} --password-stdin {token}"),
            format!("username: {user}\n\npassword: {token}\n"),
            format!("[{{\"username\": \"{user}\"}}, {{\"password\": \"{token}\"}}]"),
            format!("[{{\"password\": \"{token}\"}}, {{\"username\": \"{user}\"}}]"),
            format!("username: {user}x\npassword: {token}\n"),
            format!("{user} is a name, {token} is none"),
        ] {
            assert!(found(&text).is_empty(), "{text}");
        }
    }
}

#[test]
fn commands_that_name_gitlab_tell_a_password() {
    let token = token();
    for text in [
        format!("docker login -u me -p {token} registry.gitlab.example"),
        format!("docker login -p{token} registry.gitlab.example"),
        format!("docker login registry.gitlab.example -u me --password \"{token}\""),
        format!("podman login -u me \\\n  -p '{token}' \\\n  registry.gitlab.example"),
        format!("helm registry login gitlab.example --password={token}"),
        format!(
            "kubectl create secret docker-registry a --docker-server=registry.gitlab.example --docker-password={token}"
        ),
        format!("curl -u me:{token} https://gitlab.example/a"),
        format!("curl -sS --user 'me:{token}' https://git.example/api/v4/user"),
        format!("curl -ume:{token} https://gitlab.example/a"),
        format!("curl -k https://gitlab.example/a --user=oauth2:{token}"),
    ] {
        assert_eq!(&*the(&text, &token).leak.form, "password", "{text}");
    }
    for text in [
        format!("docker login -u me -p {token} registry.example"),
        format!("docker login -u me -p {token} registry.example && git push gitlab"),
        format!("docker login -u {token} -p $P registry.gitlab.example"),
        format!("docker login --progress {token} registry.gitlab.example"),
        format!("docker logout -p {token} registry.gitlab.example"),
        format!("the login -p {token} registry.gitlab.example"),
        format!("docker login --password-stdin {token} registry.gitlab.example"),
        format!("gitlab-root-password: {token}"),
        format!("mysql --password={token} && curl https://gitlab.example"),
        format!("curl https://gitlab.example; mysql --password={token}"),
        format!("curl -u me:{token} https://git.example/a\ncurl https://gitlab.example"),
        format!("curl -u me https://gitlab.example/{token}"),
        format!("curl -H me:{token} https://gitlab.example/"),
        format!("curl --data u:{token} https://gitlab.example/"),
    ] {
        assert!(found(&text).is_empty(), "{text}");
    }
}
