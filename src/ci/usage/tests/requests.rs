//! HTTP clients: mechanisms, methods, hosts, routes.

use super::*;

#[test]
fn every_spelling_of_a_curl_header_is_read() {
    let path = "/projects/$CI_PROJECT_ID/issues";
    let url = "\"$CI_API_V4_URL/projects/$CI_PROJECT_ID/issues\"";
    for (option, site) in [
        ("-H \"PRIVATE-TOKEN: $T\"", "PRIVATE-TOKEN: $T"),
        ("--header \"PRIVATE-TOKEN: $T\"", "PRIVATE-TOKEN: $T"),
        ("--header=\"Private-Token: ${T}\"", "Private-Token: ${T}"),
        ("-sSfLH \"private-token:$T\"", "private-token:$T"),
        ("-H'PRIVATE-TOKEN: '\"$T\"", "PRIVATE-TOKEN: '\"$T"),
        ("-H PRIVATE-TOKEN:$T", "PRIVATE-TOKEN:$T"),
        ("-H PRIVATE-TOKEN:\\ $T", "PRIVATE-TOKEN:\\ $T"),
    ] {
        let text = format!("curl {option} {url}");
        assert_header_call(
            &text,
            &Mechanism::PrivateTokenHeader,
            &api(Method::Get, path),
            site,
        );
        let text = format!("curl -o out {url} -L \\\n  {option}");
        assert_header_call(
            &text,
            &Mechanism::PrivateTokenHeader,
            &api(Method::Get, path),
            site,
        );
    }
}

#[test]
fn headers_come_from_standard_input() {
    let url = "\"$CI_API_V4_URL/projects/$CI_PROJECT_ID/issues\"";
    for text in [
        format!("curl --header @- {url} <<< \"PRIVATE-TOKEN: $T\""),
        format!("echo \"PRIVATE-TOKEN: $T\" | curl -sH @- {url}"),
        format!("curl -H @- {url} <<EOF\nPRIVATE-TOKEN: $T\nEOF"),
    ] {
        assert_header_call(
            &text,
            &Mechanism::PrivateTokenHeader,
            &api(Method::Get, "/projects/$CI_PROJECT_ID/issues"),
            "PRIVATE-TOKEN: $T",
        );
    }
    let body = format!("curl --data @- {url} <<< \"PRIVATE-TOKEN: $T\"");
    assert_eq!(script(&body).facts().uses, []);
}

#[test]
fn headers_tell_the_mechanism() {
    for (header, mechanism) in [
        ("JOB-TOKEN: $T", Mechanism::JobTokenHeader),
        ("deploy-token: $T", Mechanism::DeployTokenHeader),
        ("Authorization: Bearer $T", Mechanism::BearerHeader),
        (
            "Authorization: token $T",
            Mechanism::Header("Authorization".into()),
        ),
        (
            "Authorization: Basic $T",
            Mechanism::Header("Authorization".into()),
        ),
        (
            "X-Vault-Token: $T",
            Mechanism::Header("X-Vault-Token".into()),
        ),
    ] {
        let text = format!("curl -H \"{header}\" https://gitlab.example/api/v4/user");
        assert_header_call(&text, &mechanism, &api(Method::Get, "/user"), header);
    }
    assert!(
        script("curl -H \"Accept: $T\" https://x.example")
            .uses()
            .is_empty()
    );
    assert!(
        script("curl -H \"X-Token: abc\" https://x.example")
            .uses()
            .is_empty()
    );
}

#[test]
fn the_method_is_given_or_implied() {
    for (options, method) in [
        ("", Some(Method::Get)),
        ("-X POST", Some(Method::Post)),
        ("-XPUT", Some(Method::Put)),
        ("--request \"DELETE\"", Some(Method::Delete)),
        ("--request=PATCH", Some(Method::Patch)),
        ("-sSXPOST", Some(Method::Post)),
        ("-X $METHOD", None),
        ("-d a=b", Some(Method::Post)),
        ("--data-urlencode \"a=b\"", Some(Method::Post)),
        ("--json '{\"a\": 1}'", Some(Method::Post)),
        ("-F file=@x", Some(Method::Post)),
        ("-T file", Some(Method::Put)),
        ("--upload-file file", Some(Method::Put)),
        ("-G -d a=b", Some(Method::Get)),
        ("-I", Some(Method::Head)),
        ("-X PUT --data a=b", Some(Method::Put)),
    ] {
        let found = script(&format!(
            "curl {options} -H \"JOB-TOKEN: $CI_JOB_TOKEN\" $CI_API_V4_URL/job"
        ))
        .sole();
        let Operation::Api { method: got, path } = found.operation else {
            panic!("{options}: {:?}", found.operation);
        };
        assert_eq!((got, &*path), (method, "/job"), "{options}");
        assert!(found.credential.is_job_token());
    }
}

#[test]
fn urls_tell_host_and_route() {
    for (url, host, operation) in [
        (
            "$CI_API_V4_URL/user?a=b",
            Host::OwnInstance,
            api(Method::Get, "/user"),
        ),
        (
            "${CI_SERVER_URL}/api/v4/user",
            Host::OwnInstance,
            api(Method::Get, "/user"),
        ),
        (
            "https://$CI_SERVER_HOST:$CI_SERVER_PORT/api/v4/user#x",
            Host::OwnInstance,
            api(Method::Get, "/user"),
        ),
        (
            "https://${CI_SERVER_FQDN}/api/v4/projects/a%2Fb",
            Host::OwnInstance,
            api(Method::Get, "/projects/a%2Fb"),
        ),
        (
            "HTTPS://GitLab.Example:8443/sub/api/v4/user",
            Host::Literal("gitlab.example".into()),
            api(Method::Get, "/user"),
        ),
        (
            "gitlab.com/api/v4/user",
            Host::Literal("gitlab.com".into()),
            api(Method::Get, "/user"),
        ),
        (
            "$GITLAB/api/v4/user",
            Host::Variable("GITLAB".into()),
            api(Method::Get, "/user"),
        ),
        (
            "https://$GITLAB/api/v4/user",
            Host::Variable("GITLAB".into()),
            api(Method::Get, "/user"),
        ),
        (
            "$GITLAB_API_URL/projects/1",
            Host::Variable("GITLAB_API_URL".into()),
            api(Method::Get, "/projects/1"),
        ),
        (
            "$SITE/projects/1",
            Host::Variable("SITE".into()),
            Operation::Http,
        ),
        (
            "$LOGO_URL",
            Host::Variable("LOGO_URL".into()),
            Operation::Unknown,
        ),
        ("$CI_API_GRAPHQL_URL", Host::OwnInstance, Operation::GraphQl),
        (
            "https://gitlab.com/api/graphql",
            Host::Literal("gitlab.com".into()),
            Operation::GraphQl,
        ),
        (
            "$CI_PROJECT_URL/-/raw/x",
            Host::OwnInstance,
            Operation::Http,
        ),
        (
            "https://$CI_SERVER_HOST.evil.example/api/v4/user",
            Host::Unknown,
            api(Method::Get, "/user"),
        ),
        (
            "${CI_SERVER_URL%/}/api/v4/user",
            Host::OwnInstance,
            api(Method::Get, "/user"),
        ),
        (
            "$CI_API_V4_URL/projects/$(urlencode a/b)/releases",
            Host::OwnInstance,
            api(Method::Get, "/projects/$(…)/releases"),
        ),
    ] {
        let fixture = script(&format!("curl -H \"PRIVATE-TOKEN: $T\" \"{url}\""));
        let found = fixture.sole();
        assert_eq!(found.host, host, "{url}");
        assert_eq!(found.operation, operation, "{url}");
        assert_eq!(fixture.cut(found.url.as_ref().unwrap()), url);
    }
}

#[test]
fn text_that_only_looks_like_a_call_is_none() {
    for text in [
        "echo 'curl -H \"PRIVATE-TOKEN: $T\" url'",
        "echo \"use PRIVATE-TOKEN: $T\"",
        "# curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user",
        "apt-get install curl wget git",
        "cat <<'EOF' > x\ncurl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user\nEOF",
        "curl -sSf https://example.com/install.sh | sh",
        "docker login -u user",
        "docker run -p 80:80 image",
        "git clone https://gitlab.com/a/b.git",
        "git clone https://git@gitlab.com/a/b.git",
        "git clone $CI_REPOSITORY_URL",
    ] {
        assert!(script(text).uses().is_empty(), "{text}");
    }
}

#[test]
fn functions_around_curl_are_known_by_their_header() {
    let found =
        script("my_curl --fail --header \"PRIVATE-TOKEN: $T\" \"$CI_API_V4_URL/user\"").sole();
    assert_eq!(found.operation, api(Method::Get, "/user"));
    assert_eq!(found.confidence, Confidence::Medium);
}

#[test]
fn queries_and_forms_carry_tokens() {
    let fixture = script("curl \"$CI_API_V4_URL/projects/1/jobs?per_page=1&private_token=$T&x=y\"");
    let found = fixture.sole();
    assert_eq!(
        found.mechanism,
        Mechanism::QueryParameter("private_token".into())
    );
    assert_eq!(fixture.cut(&found.site), "private_token=$T");
    assert_eq!(found.operation, api(Method::Get, "/projects/1/jobs"));
    assert_eq!(found.url, None);

    let path = "/projects/1/trigger/pipeline";
    for option in [
        "-F token=$T",
        "-d token=$T",
        "--form \"token=$T\"",
        "--data \"ref=main&token=$T\"",
    ] {
        let fixture = script(&format!("curl -X POST {option} $CI_API_V4_URL{path}"));
        let found = fixture.sole();
        assert_eq!(
            found.mechanism,
            Mechanism::FormParameter("token".into()),
            "{option}"
        );
        assert_eq!(found.operation, api(Method::Post, path));
        assert_eq!(fixture.cut(&found.site), "token=$T");
    }
    let found = script(&format!("curl -G -d token=$T $CI_API_V4_URL{path}")).sole();
    assert_eq!(found.mechanism, Mechanism::QueryParameter("token".into()));
}

#[test]
fn queries_of_unknown_programs_carry_tokens() {
    for text in [
        "pip install \"https://gitlab.com/api/v4/projects/1/x.whl?private_token=$T\"",
        "./fetch.py --url \"$CI_API_V4_URL/projects/1/x.whl?a=b&private_token=$T\" out",
        "./fetch.py \"$CI_API_V4_URL/projects/1/x.whl?private_token=$T\"",
    ] {
        let fixture = script(text);
        let found = fixture.sole();
        assert_eq!(
            found.mechanism,
            Mechanism::QueryParameter("private_token".into())
        );
        assert_eq!(found.operation, api(Method::Get, "/projects/1/x.whl"));
        assert_eq!(found.confidence, Confidence::Medium);
        assert_eq!(fixture.cut(&found.site), "private_token=$T", "{text}");
    }
    for text in [
        "echo \"https://gitlab.com/api/v4/projects/1?private_token=$T\"",
        "ssh $SSH_USER@$HOST uptime",
        "./fetch.py 'https://gitlab.com/api/v4/projects/1?private_token=literal'",
    ] {
        assert!(script(text).uses().is_empty(), "{text}");
    }
}

#[test]
fn basic_and_bearer_options_carry_tokens() {
    let fixture = script("curl -u \"bot:$T\" https://gitlab.example/x");
    let found = fixture.sole();
    assert_eq!(found.mechanism, Mechanism::BasicAuth(Some("bot".into())));
    assert_eq!(fixture.cut(&found.site), "bot:$T");
    let found = script("curl --oauth2-bearer $T $CI_API_V4_URL/user").sole();
    assert_eq!(found.mechanism, Mechanism::BearerHeader);
    let fixture = script("curl https://oauth2:$T@gitlab.example/x");
    let found = fixture.sole();
    assert_eq!(
        found.mechanism,
        Mechanism::UrlUserinfo(Some("oauth2".into()))
    );
    assert_eq!(fixture.cut(&found.site), "oauth2:$T");
    assert_eq!(found.operation, Operation::Http);
}

#[test]
fn wget_and_httpie_are_clients_too() {
    let fixture = script("wget -q --header=\"PRIVATE-TOKEN: $T\" -O out $CI_API_V4_URL/user");
    let found = fixture.sole();
    assert_eq!(found.operation, api(Method::Get, "/user"));
    assert_eq!(fixture.cut(&found.site), "PRIVATE-TOKEN: $T");
    let found = script(
        "wget --method=PUT --no-check-certificate --header \"JOB-TOKEN: $T\" $CI_API_V4_URL/user",
    )
    .sole();
    assert_eq!(found.operation, api(Method::Put, "/user"));
    assert!(found.transport.unverified.is_some());
    let found = script("wget --user bot --password $T https://x.example").sole();
    assert_eq!(found.mechanism, Mechanism::BasicAuth(Some("bot".into())));

    let fixture = script("http --check-status POST $CI_API_V4_URL/user PRIVATE-TOKEN:$T a=b");
    let found = fixture.sole();
    assert_eq!(found.operation, api(Method::Post, "/user"));
    assert_eq!(fixture.cut(&found.site), "PRIVATE-TOKEN:$T");
}

#[test]
fn powershell_requests_are_read() {
    for text in [
        "Invoke-RestMethod -Uri \"$env:CI_API_V4_URL/user\" -Headers @{ \"PRIVATE-TOKEN\" = $env:T } -Method Post",
        "$h = @{ 'PRIVATE-TOKEN' = \"$env:T\" }\nInvoke-WebRequest -UseBasicParsing -Headers $h -Method Post \"$($env:X)/api/v4/user\"",
        "$r = Invoke-RestMethod -Method Post `\n  -Headers @{'PRIVATE-TOKEN'=\"$env:T\";'Accept'='x'} `\n  -Uri \"${env:CI_SERVER_URL}/api/v4/user\"",
    ] {
        let fixture = script(text);
        let found = fixture.sole();
        assert_eq!(found.mechanism, Mechanism::PrivateTokenHeader, "{text}");
        assert_eq!(found.operation, api(Method::Post, "/user"), "{text}");
        assert_eq!(names(&found.credential), ["T"], "{text}");
    }
    let fixture = script(
        "Invoke-RestMethod -SkipCertificateCheck -Headers @{\"JOB-TOKEN\"=\"$env:CI_JOB_TOKEN\"} -Uri $env:CI_API_V4_URL/job",
    );
    let found = fixture.sole();
    assert!(fixture.cut(&found.site).starts_with("JOB-TOKEN"));
    assert_eq!(
        fixture.cut(found.transport.unverified.as_ref().unwrap()),
        "-SkipCertificateCheck"
    );
}

#[test]
fn transport_names_what_switches_verification_off() {
    let call = "-H \"PRIVATE-TOKEN: $T\" https://gitlab.example/api/v4/user";
    for (option, by) in [
        ("-k", "-k"),
        ("-sk", "-sk"),
        ("--insecure", "--insecure"),
        ("$O", "-k, through a variable"),
    ] {
        let fixture = script(&format!("O=-k; curl {option} {call}"));
        let found = fixture.sole();
        assert_eq!(
            fixture.cut(found.transport.unverified.as_ref().unwrap()),
            option
        );
        assert_eq!(found.transport.unverified_by.as_deref(), Some(by));
    }
    let found = script("curl -H \"PRIVATE-TOKEN: $T\" http://gitlab.example/api/v4/user").sole();
    assert!(found.transport.cleartext);
    let found = script(&format!("curl --cacert ca.pem {call}")).sole();
    assert_eq!(found.transport, crate::model::Transport::default());

    let clone = "git clone https://oauth2:$T@gitlab.example/a/b";
    for (before, by) in [
        ("export GIT_SSL_NO_VERIFY=true", "GIT_SSL_NO_VERIFY=true"),
        (
            "git config --global http.sslVerify false",
            "git config http.sslVerify false",
        ),
    ] {
        let found = script(&format!("{before}\n{clone}")).sole();
        assert_eq!(found.transport.unverified_by.as_deref(), Some(by));
        assert!(
            script(&format!("{clone}\n{before}"))
                .sole()
                .transport
                .unverified
                .is_none()
        );
    }
    for text in [
        format!("GIT_SSL_NO_VERIFY=1 {clone}"),
        clone.replace("git ", "git -c http.sslVerify=false "),
    ] {
        assert!(
            script(&text).sole().transport.unverified.is_some(),
            "{text}"
        );
    }
    let fixture = Fixture::default()
        .set("GIT_SSL_NO_VERIFY", "true")
        .run(clone);
    assert_eq!(
        fixture.cut(fixture.sole().transport.unverified.as_ref().unwrap()),
        "true"
    );
    let fixture = Fixture::default()
        .set("NODE_TLS_REJECT_UNAUTHORIZED", "0")
        .set("GITLAB_TOKEN", "$T");
    assert!(fixture.sole().transport.unverified.is_some());
}
