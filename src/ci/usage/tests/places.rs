//! Places in the file, and what hostile text costs.

use std::rc::Rc;

use proptest::strategy::Strategy as _;

use super::*;

#[test]
fn comments_of_a_script_have_their_spans() {
    let text = "curl x # one\n# two\necho 'a # b' a#b\n";
    let found: Vec<&str> = comments(text)
        .into_iter()
        .map(|span| &text[span.start..span.end])
        .collect();
    assert_eq!(found, ["# one", "# two"]);
}

#[test]
fn facts_do_not_depend_on_the_run() {
    let fixture = Fixture::default()
        .set("A", "$B")
        .set("B", "$C$A")
        .run("f() { curl -H \"PRIVATE-TOKEN: $A\" $CI_API_V4_URL/user; }");
    let first = fixture.uses();
    assert_eq!(first, fixture.uses());
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].job, Some(Arc::from("test")));
}

/// A repository of one file.
struct OneFile;

impl crate::ci::FileResolver for OneFile {
    fn file(&self, _path: &str) -> Result<crate::ci::SourceFile, crate::ci::ResolveError> {
        Err(crate::ci::ResolveError::Missing)
    }

    fn yaml_paths(&self) -> Rc<[Arc<str>]> {
        [].into()
    }
}

fn analyze(text: &str) -> Facts {
    let file = crate::ci::SourceFile {
        id: SourceId(0),
        path: ".gitlab-ci.yml".into(),
        text: text.into(),
    };
    crate::ci::analyze(&file, crate::ci::ConfigKind::Root, &OneFile).facts
}

#[test]
fn places_are_those_of_the_file() {
    for (text, site, url) in [
        (
            "a:\n  script:\n  - |\n    echo x\n    curl -H \"PRIVATE-TOKEN: $T\" \\\n      \"$CI_API_V4_URL/user\"\n",
            "PRIVATE-TOKEN: $T",
            "$CI_API_V4_URL/user",
        ),
        (
            "a:\n  script:\n  - >-\n    curl\n    --header \"PRIVATE-TOKEN: $T\"\n    \"$CI_API_V4_URL/user\"\n",
            "PRIVATE-TOKEN: $T",
            "$CI_API_V4_URL/user",
        ),
        (
            "a:\n  script:\n    - curl\n        -H PRIVATE-TOKEN:$T\n        $CI_API_V4_URL/user\n",
            "PRIVATE-TOKEN:$T",
            "$CI_API_V4_URL/user",
        ),
        (
            "a:\n  script: 'curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user # it''s'\n",
            "PRIVATE-TOKEN: $T",
            "$CI_API_V4_URL/user",
        ),
        (
            "a:\n  script: \"é; curl -H \\\"PRIVATE-TOKEN: $T\\\" $CI_API_V4_URL/user\"\n",
            "PRIVATE-TOKEN: $T",
            "$CI_API_V4_URL/user",
        ),
        (
            "a:\r\n  script:\r\n  - |\r\n    curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user\r\n",
            "PRIVATE-TOKEN: $T",
            "$CI_API_V4_URL/user",
        ),
        (
            "a:\n  script: |\n    ssh h \"curl -H \\\"PRIVATE-TOKEN: $T\\\" $CI_API_V4_URL/user\"\n",
            "PRIVATE-TOKEN: $T",
            "$CI_API_V4_URL/user",
        ),
    ] {
        let facts = analyze(text);
        assert_eq!(facts.uses.len(), 1, "{text}");
        let found = &facts.uses[0];
        assert_eq!(
            &text[found.site.span.start..found.site.span.end],
            site,
            "{text}"
        );
        let place = found.url.as_ref().unwrap().span;
        assert_eq!(&text[place.start..place.end], url, "{text}");
        assert_eq!(found.operation, api(Method::Get, "/user"));
    }
}

#[test]
fn hostile_scripts_take_linear_time() {
    let many = 20_000;
    let texts = [
        "curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user\n".repeat(many / 4),
        format!("curl {}", "-H \"PRIVATE-TOKEN: $T\" ".repeat(many)),
        format!("curl {}", "https://u:$T@h.example/ ".repeat(many)),
        format!("A=x\n{}", "A=$A$A\n".repeat(many)),
        format!("A='{}'\n{}", "a ".repeat(4000), "curl $A\n".repeat(500)),
        "env | ".repeat(many),
        "f() { f; }\nf\n".repeat(many),
        "if x; then A=b; ".repeat(many),
        (0..many).fold(String::new(), |text, index| {
            text + &format!("f{index}() {{ a; }}\n")
        }),
        "git remote add o https://u:$T@h.example/x; git push o; ".repeat(many / 4),
        "git clone https://u:$T@h.example/x; git push; ".repeat(many / 4),
        format!("curl {}", "$(curl $(curl $X) $Y) ".repeat(many / 4)),
        format!("curl \"https://{}", "$T@".repeat(many)),
        format!("curl \"$CI_API_V4_URL?{}", "token=$T&".repeat(many)),
        format!("docker login {}", "-p $T ".repeat(many)),
        format!("env {}", "A=b ".repeat(many)),
        format!("env | grep {}", "CI_|".repeat(many)),
    ];
    for text in texts {
        let start = std::time::Instant::now();
        script(&text).facts();
        let taken = start.elapsed();
        let head: String = text.chars().take(40).collect();
        assert!(taken.as_secs() < 20, "{head:?} took {taken:?}");
    }
    let mut chain = Fixture::default();
    for index in 0..3_000 {
        chain = chain.set(&format!("V{index}"), &format!("$V{0}$V{0}", index + 1));
    }
    chain.run("curl -H \"PRIVATE-TOKEN: $V0\" $V1/x").facts();
}

#[test]
fn no_prefix_of_a_script_is_too_much() {
    let text = "T=${A:-$B}; f() { curl -sH \"PRIVATE-TOKEN: $T\" \"https://u:$T@$H:1/api/v4/x?token=$T#y\"; }\n\
        f | docker login -u x --password-stdin <<< \"$T\" é; git -c http.extraHeader=\"JOB-TOKEN: $T\" push \"https://$T@h\"\n\
        env | grep -E '^(CI_COMMIT_TAG)=' | sed 's/=.*//' > x; http POST $U A:$T b=c; wget --header \"A: $T\" $U";
    for (at, _) in text.char_indices() {
        script(&text[..at]).facts();
        script(&text[at..]).facts();
    }
}

/// Pieces that scripts are made of, put together at random.
fn any_script() -> impl proptest::strategy::Strategy<Value = String> {
    let pieces = proptest::sample::select(vec![
        "curl ",
        "git push ",
        "git -c ",
        "http.extraHeader=",
        "docker login ",
        "-p ",
        "-H ",
        "-X",
        "é",
        "\"",
        "'",
        "PRIVATE-TOKEN: ",
        "$T",
        "${T:-$U}",
        "${T#x}",
        "$(",
        ")",
        "`",
        "https://",
        "http://",
        "u:",
        "@",
        "/api/v4",
        "?token=",
        "&",
        "#",
        "$CI_API_V4_URL",
        "/",
        ":",
        "=",
        " ",
        "\n",
        "\\",
        "|",
        "env",
        "T=",
        "export T=",
        "f() {",
        "}",
        "if x; then ",
        "else ",
        "fi;",
        "<<E\n",
        "\nE\n",
        "$[[ inputs.x ]]",
        "git remote set-url origin ",
        "url.",
        ".insteadOf ",
        "git config ",
        "--password-stdin ",
        "T=(",
        "\"${T[@]}\"",
        "%",
        "$env:AB ",
        "@{",
        "-Headers ",
        "Invoke-RestMethod ",
        "http ",
        "wget ",
        "--header=",
        "bash -c ",
        "sudo ",
        "> x ",
        "grep -E '^(CI_A|B)='",
    ]);
    proptest::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest::proptest! {
    #[test]
    fn places_of_any_script_can_be_cut(text in any_script(), value in any_script()) {
        let fixture = Fixture::default().set("T", &value).set_by_rule("U", &text).run(&text).run(&value);
        let facts = fixture.facts();
        let uses = facts.uses.iter().flat_map(|found| {
            [Some(&found.site), found.url.as_ref(), found.transport.unverified.as_ref()]
        });
        let others = facts.disclosures.iter().map(|found| Some(&found.site));
        let variables = facts.variables.iter().flat_map(|found| [Some(&found.site), Some(&found.entry)]);
        for site in uses.chain(others).chain(variables).flatten() {
            let span = site.span;
            proptest::prop_assert!(fixture.source.get(span.start..span.end).is_some(), "{span:?}");
        }
    }
}
