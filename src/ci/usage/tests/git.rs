//! Git, and URLs with credentials in general.

use super::*;

#[test]
fn git_urls_tell_what_is_done_with_them() {
    for (text, operation, user, site) in [
        (
            "git clone https://oauth2:$T@gitlab.com/a/b.git",
            Operation::GitRead,
            Some("oauth2"),
            "oauth2:$T",
        ),
        (
            "git clone --depth 1 -b x \"https://gitlab-ci-token:${T}@gitlab.com/a/b\" dir",
            Operation::GitRead,
            Some("gitlab-ci-token"),
            "gitlab-ci-token:${T}",
        ),
        (
            "git push https://$U:$T@gitlab.com/a/b HEAD:main",
            Operation::GitWrite,
            Some("$U"),
            "$U:$T",
        ),
        (
            "git push -o ci.skip \"https://oauth2:$T@gitlab.com/a/b\"",
            Operation::GitWrite,
            Some("oauth2"),
            "oauth2:$T",
        ),
        (
            "git remote add mirror https://$T@gitlab.com/a/b",
            Operation::GitRemote,
            None,
            "$T",
        ),
        (
            "git -C dir ls-remote https://$T:x-oauth-basic@gitlab.com/a",
            Operation::GitRead,
            None,
            "$T:x-oauth-basic",
        ),
        (
            "git config --global url.\"https://oauth2:$T@gitlab.com/\".insteadOf https://gitlab.com/",
            Operation::GitRemote,
            Some("oauth2"),
            "oauth2:$T",
        ),
        (
            "git submodule add https://oauth2:$T@gitlab.com/a/b sub",
            Operation::GitRead,
            Some("oauth2"),
            "oauth2:$T",
        ),
        (
            "git config remote.origin.url https://oauth2:$T@gitlab.com/a/b",
            Operation::GitRemote,
            Some("oauth2"),
            "oauth2:$T",
        ),
    ] {
        let fixture = script(text);
        let found = fixture.sole();
        assert_eq!(found.operation, operation, "{text}");
        assert_eq!(
            found.mechanism,
            Mechanism::UrlUserinfo(user.map(Into::into)),
            "{text}"
        );
        assert_eq!(fixture.cut(&found.site), site, "{text}");
        assert_eq!(names(&found.credential), ["T"], "{text}");
        assert_eq!(found.host, Host::Literal("gitlab.com".into()), "{text}");
    }
    for text in [
        "git remote set-url origin \"https://oauth2:$T@${CI_SERVER_HOST}/${CI_PROJECT_PATH}.git\"",
        "git remote set-url origin https://oauth2:$T@${CI_PROJECT_URL#https://}.git",
        "git remote set-url origin https://oauth2:$T@${CI_REPOSITORY_URL#*@}",
        "git remote set-url origin \"https://oauth2:$T@$(echo $CI_PROJECT_URL | sed 's|https://||')\"",
        "git remote set-url origin ${CI_SERVER_PROTOCOL}://oauth2:$T@$CI_SERVER_FQDN/x.git",
    ] {
        assert_eq!(script(text).sole().host, Host::OwnInstance, "{text}");
    }
}

#[test]
fn git_headers_carry_tokens() {
    let fixture =
        script("git -c http.extraHeader=\"Authorization: Bearer $T\" clone https://gitlab.com/a/b");
    let found = fixture.sole();
    assert_eq!(found.mechanism, Mechanism::BearerHeader);
    assert_eq!(found.operation, Operation::GitRead);
    assert_eq!(found.host, Host::Literal("gitlab.com".into()));
    let found =
        script("git config --global http.https://gitlab.com/.extraheader \"PRIVATE-TOKEN: $T\"")
            .sole();
    assert_eq!(found.mechanism, Mechanism::PrivateTokenHeader);
    assert_eq!(found.operation, Operation::GitRemote);
    assert_eq!(found.host, Host::Literal("gitlab.com".into()));
}

#[test]
fn a_push_writes_with_the_credential_of_its_remote() {
    let url = "https://oauth2:$T@gitlab.com/a/b";
    for text in [
        format!("git remote set-url origin {url}\ngit commit -m x\ngit push origin HEAD:main"),
        format!("git remote add up {url}; git push -f up main"),
        format!("git remote set-url --push origin {url}\ngit push"),
    ] {
        let fixture = script(&text);
        let found = fixture.sole();
        assert_eq!(found.operation, Operation::GitWrite, "{text}");
        assert_eq!(fixture.cut(&found.site), "oauth2:$T");
    }
    for text in [
        format!("git remote set-url up {url}\ngit push origin HEAD:main"),
        format!("git remote set-url origin {url}\ngit push --dry-run origin main"),
        format!("git remote set-url origin {url}\ngit fetch origin"),
    ] {
        assert_eq!(
            script(&text).sole().operation,
            Operation::GitRemote,
            "{text}"
        );
    }
    let uses = script(&format!("git clone {url} dir\ncd dir && git push")).uses();
    let operations: Vec<_> = uses.iter().map(|found| &found.operation).collect();
    assert_eq!(operations, [&Operation::GitRead, &Operation::GitWrite]);
    assert_eq!(uses[1].confidence, Confidence::Medium);
}

#[test]
fn url_credentials_of_other_tools_are_seen() {
    let fixture = script("pip install --index-url=\"https://__token__:${T}@gitlab.com/simple\" x");
    let found = fixture.sole();
    assert_eq!(
        found.mechanism,
        Mechanism::UrlUserinfo(Some("__token__".into()))
    );
    assert_eq!(found.operation, Operation::Unknown);
    assert_eq!(fixture.cut(&found.site), "__token__:${T}");
    let found = script("echo \"https://oauth2:$T@gitlab.com\" > ~/.git-credentials").sole();
    assert_eq!(names(&found.credential), ["T"]);
    assert!(script("psql postgres://user:$T@db/x").uses().is_empty());
}
