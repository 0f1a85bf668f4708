//! What a word is after expansion, and where scripts are looked for.

use super::*;

#[test]
fn a_credential_is_what_the_position_proves() {
    for (value, expected) in [
        (
            "$T",
            Credential::Variable(crate::model::VariableRef::named("T")),
        ),
        ("abc", Credential::Literal),
        ("$(cat file)", Credential::Opaque),
        ("${!NAME}", Credential::Opaque),
        ("$1", Credential::Opaque),
    ] {
        let found = script(&format!(
            "curl -H \"PRIVATE-TOKEN: {value}\" $CI_API_V4_URL/user"
        ))
        .sole();
        assert_eq!(found.credential, expected, "{value}");
    }
    let found = script("curl -H \"PRIVATE-TOKEN: a$T\" $CI_API_V4_URL/user").sole();
    assert!(matches!(&found.credential, Credential::Composite(_)));
    assert_eq!(names(&found.credential), ["T"]);
    let found = script("curl -H \"PRIVATE-TOKEN: ${T:-$CI_JOB_TOKEN}\" $CI_API_V4_URL/user").sole();
    assert!(matches!(&found.credential, Credential::Either(_)));
    assert_eq!(names(&found.credential), ["T", "CI_JOB_TOKEN"]);
    assert!(!found.credential.is_job_token());
    let found = script("curl -H \"PRIVATE-TOKEN: ${T:-}\" $CI_API_V4_URL/user").sole();
    assert_eq!(names(&found.credential), ["T"]);
    assert!(
        script("curl -H 'PRIVATE-TOKEN: ' $CI_API_V4_URL/user")
            .uses()
            .is_empty()
    );
    assert_eq!(
        script("curl -H 'PRIVATE-TOKEN: $T' $CI_API_V4_URL/user")
            .sole()
            .credential,
        Credential::Literal
    );
}

#[test]
fn constants_propagate_through_variables_and_assignments() {
    let fixture = Fixture::default()
        .set("API", "$BASE/projects")
        .set("BASE", "${CI_SERVER_URL}/api/v4")
        .run("PROJECT=$API/$CI_PROJECT_ID")
        .run("export TOKEN=$CI_JOB_TOKEN URL=\"$PROJECT/releases\"")
        .run("curl -H \"JOB-TOKEN: ${TOKEN}\" -X POST $URL");
    let found = fixture.sole();
    assert_eq!(
        found.operation,
        api(Method::Post, "/projects/$CI_PROJECT_ID/releases")
    );
    assert_eq!(found.host, Host::OwnInstance);
    assert_eq!(fixture.cut(&found.site), "JOB-TOKEN: ${TOKEN}");
    assert_eq!(fixture.cut(found.url.as_ref().unwrap()), "$URL");
    let token = found.credential.sole_variable().unwrap();
    assert_eq!((&*token.name, &*token.written), ("CI_JOB_TOKEN", "TOKEN"));
    assert_eq!(
        fixture.cut(token.definition.as_ref().unwrap()),
        "$CI_JOB_TOKEN"
    );
    assert_eq!(found.confidence, Confidence::High);
}

#[test]
fn the_definition_is_the_last_link() {
    let fixture = Fixture::default()
        .set("A", "$B")
        .set("B", "$CI_JOB_TOKEN")
        .run("curl -H \"PRIVATE-TOKEN: $A\" $CI_API_V4_URL/user");
    let found = fixture.sole();
    let token = found.credential.sole_variable().unwrap();
    assert_eq!((&*token.name, &*token.written), ("CI_JOB_TOKEN", "A"));
    assert_eq!(
        fixture.cut(token.definition.as_ref().unwrap()),
        "$CI_JOB_TOKEN"
    );
}

#[test]
fn cycles_and_empty_values_leave_the_variable_to_its_name() {
    let fixture = Fixture::default()
        .set("A", "$B")
        .set("B", "$A")
        .set("SAME", "$SAME")
        .set("EMPTY", "");
    let fixture = fixture
        .run("curl -H \"PRIVATE-TOKEN: $SAME\" $CI_API_V4_URL/a")
        .run("curl -H \"PRIVATE-TOKEN: $EMPTY\" $CI_API_V4_URL/a")
        .run("curl -H \"PRIVATE-TOKEN: $A\" $CI_API_V4_URL/a");
    let uses = fixture.uses();
    assert_eq!(names(&uses[0].credential), ["SAME"]);
    assert_eq!(names(&uses[1].credential), ["EMPTY"]);
    assert_eq!(uses[2].credential.variables().len(), 1);
}

#[test]
fn rules_make_possibilities_and_no_certainty() {
    let found = Fixture::default()
        .set("T", "$CI_JOB_TOKEN")
        .set_by_rule("T", "$OTHER")
        .run("curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user")
        .sole();
    assert_eq!(names(&found.credential), ["T"]);
    assert_eq!(found.confidence, Confidence::Medium);
}

#[test]
fn a_matrix_takes_the_certainty_from_a_value_that_it_replaces() {
    let call = "curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user";
    let found = Fixture::default()
        .set("T", "$CI_JOB_TOKEN")
        .set_by_matrix("T", "$OTHER")
        .run(call)
        .sole();
    assert_eq!(names(&found.credential), ["T"]);
    assert_eq!(found.confidence, Confidence::Medium);

    let found = Fixture::default().set_by_matrix("T", "a").run(call).sole();
    assert_eq!(names(&found.credential), ["T"]);
    assert_eq!(found.confidence, Confidence::High);
}

#[test]
fn a_branch_counts_inside_of_itself_only() {
    let call = "curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user";
    let uses = script(&format!(
        "if [ -z \"$T\" ]; then\n T=$A\n {call}\nelse\n {call}\nfi\n{call}"
    ))
    .uses();
    let found: Vec<_> = uses
        .iter()
        .map(|found| names(&found.credential)[0])
        .collect();
    assert_eq!(found, ["A", "T", "T"]);
    let found = script(&format!("[ -n \"$T\" ] || T=$A\n{call}")).sole();
    assert_eq!(names(&found.credential), ["T"]);
    let found = script(&format!("(T=$A)\n{call}")).sole();
    assert_eq!(names(&found.credential), ["T"]);
    let found = script(&format!("[ -n \"$T\" ] &&\n  T=$A\n{call}")).sole();
    assert_eq!(names(&found.credential), ["T"]);
    for temporary in ["T=$A true", "env T=$A true"] {
        let found = script(&format!("{temporary}\n{call}")).sole();
        assert_eq!(names(&found.credential), ["T"], "{temporary}");
    }
    let found = script(&format!("cd x && T=$A && {call}")).sole();
    assert_eq!(names(&found.credential), ["A"]);
}

#[test]
fn after_script_has_a_shell_of_its_own() {
    let uses = Fixture::default()
        .run("T=$A")
        .run("curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user")
        .run_in(
            Phase::After,
            "curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user",
        )
        .uses();
    assert_eq!(names(&uses[0].credential), ["A"]);
    assert_eq!(names(&uses[1].credential), ["T"]);
}

#[test]
fn functions_are_read_where_they_are_called() {
    let uses = script(
        "api() {\n  curl -H \"PRIVATE-TOKEN: $T\" \"$BASE/user\"\n}\nfunction other { curl -H \"JOB-TOKEN: $T\" $BASE/job; }\nBASE=$CI_API_V4_URL\napi",
    )
    .uses();
    assert_eq!(uses.len(), 2);
    assert_eq!(uses[0].operation, api(Method::Get, "/user"));
    assert_eq!(uses[1].operation, api(Method::Get, "/job"));
}

#[test]
fn a_function_defined_twice_is_read_twice() {
    let uses = script(
        "if x; then f() { curl -H \"JOB-TOKEN: $T\" $CI_API_V4_URL/a; }\nelse f() { curl -H \"PRIVATE-TOKEN: $U\" $CI_API_V4_URL/a; }\nfi\nf",
    )
    .uses();
    let found: Vec<_> = uses
        .iter()
        .map(|found| names(&found.credential)[0])
        .collect();
    assert_eq!(found, ["T", "U"]);
}

#[test]
fn wrappers_and_inner_shells_are_looked_through() {
    let call = "curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user";
    for text in [
        format!("sudo -E {call}"),
        format!("retry 3 {call}"),
        format!("timeout -k 5 60 {call}"),
        format!("env A=b {call}"),
        format!("if ! {call}; then exit 1; fi"),
        format!("X=$({call})"),
        format!("X=\"$({call} | jq -r .id)\""),
        format!("X=`{call}`"),
        format!("diff <({call}) b"),
        format!("bash -c '{call}'"),
        format!("ssh -p 22 host '{call}'"),
        "ssh host \"curl -H \\\"PRIVATE-TOKEN: $T\\\" $CI_API_V4_URL/user\"".to_owned(),
        format!("bash <<EOF\n{call}\nEOF\n"),
        format!("while read x; do {call}; done < list"),
        format!("case $X in\n a|b) {call} ;;\n *) exit ;;\nesac"),
        format!("docker run image sh -c '{call}'"),
        format!("true; {{ {call}; }} > out"),
        format!("/usr/bin/{call}"),
        "CURL=\"curl -sS\"\n$CURL -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user".to_owned(),
        "args=(-s)\nargs+=(-H \"PRIVATE-TOKEN: $T\")\ncurl \"${args[@]}\" $CI_API_V4_URL/user"
            .to_owned(),
        "U=$CI_API_V4_URL\nU+=/user\ncurl -H \"PRIVATE-TOKEN: $T\" $U".to_owned(),
        "args=(-H \"PRIVATE-TOKEN: $T\")\ncurl \"${args[@]}\" $CI_API_V4_URL/user".to_owned(),
    ] {
        let found = script(&text).sole();
        assert_eq!(found.operation, api(Method::Get, "/user"), "{text}");
        assert_eq!(names(&found.credential), ["T"], "{text}");
    }
}

#[test]
fn an_incomplete_job_or_an_input_lowers_confidence() {
    let call = "curl -H \"PRIVATE-TOKEN: $T\" $CI_API_V4_URL/user";
    let mut fixture = script(call);
    fixture.incomplete = true;
    assert_eq!(fixture.sole().confidence, Confidence::Medium);
    let found = script("curl -H \"PRIVATE-TOKEN: $T\" $[[ inputs.url ]]/api/v4/user").sole();
    assert_eq!(found.host, Host::Unknown);
    assert_eq!(found.confidence, Confidence::Medium);
    let found = script("curl -H \"PRIVATE-TOKEN: $[[ inputs.token ]]\" $CI_API_V4_URL/user").sole();
    assert_eq!(found.credential, Credential::Opaque);
}
