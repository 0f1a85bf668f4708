//! Dumps of the environment and variables that scripts set.

use super::*;

fn disclosures(text: &str) -> Vec<Disclosure> {
    script(text).facts().disclosures
}

#[test]
fn dumps_of_the_environment_are_told_from_their_likes() {
    for text in [
        "env",
        "printenv",
        "printenv -0",
        "set",
        "export -p",
        "export",
        "declare -x",
        "declare -p",
        "sudo env",
        "env -u HOME",
        "env A=b",
        "gci env:",
        "Get-ChildItem Env:",
        "dir env:",
        "ls env:",
        "if true; then env; fi",
        "env # all of it",
        "bash -c env",
        "env && echo done",
        "cat /proc/self/environ",
        "echo \"$(env)\"",
        "echo `printenv | sort`",
        "printf '%s\\n' \"all: $(env)\" | tee log",
        "cat <(env)",
    ] {
        let found = disclosures(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].sink, OutputSink::Log, "{text}");
    }
    for text in [
        "env A=b cmd",
        "printenv NAME",
        "set -e",
        "set -euo pipefail",
        "set +x",
        "set -- a",
        "export A=b",
        "declare -p NAME",
        "declare -f",
        "env -i",
        "ls env",
        "dir",
        "echo env",
        "/usr/bin/env bash x",
        "environment",
        "cat /proc/self/status",
        "export -f name",
    ] {
        assert!(disclosures(text).is_empty(), "{text}");
    }
    let fixture = script("true\nexport -p | sort");
    let found = &fixture.facts().disclosures[0];
    assert_eq!(
        found.kind,
        crate::model::DisclosureKind::Environment("export -p".into())
    );
    assert_eq!(fixture.cut(&found.site), "export -p");
}

#[test]
fn filters_that_leave_names_make_a_dump_harmless() {
    for filter in [
        "cut -d= -f1",
        "cut -d'=' -f 1 | sort",
        "sort | cut -f1 -d=",
        "wc -l",
        "grep -c CI",
        "grep -q X",
        "awk -F= '{print $1}'",
        "awk -F '=' '{ print $1 }'",
        "sed 's/=.*//'",
        "sed -e 's|=.*||'",
        "grep CI_COMMIT_SHA",
        "grep ^CI_COMMIT",
        "grep BASE_IMAGES_VERSION",
        "grep -E '^(APP_NAME|APP_TAG)='",
        "grep -E '^(CI_COMMIT_TAG|CI_PIPELINE_ID)='",
        "grep -o '^[^=]*'",
    ] {
        assert_eq!(
            disclosures(&format!("env | {filter}"))[0].sink,
            OutputSink::NamesOnly,
            "{filter}"
        );
    }
    for filter in [
        "sort",
        "grep TOKEN",
        "grep VERSION",
        "grep _NAME",
        "grep 'APP_NAME|APP_KEY'",
        "grep APP_VERSION_",
        "grep CI_",
        "grep ^CI_",
        "grep CI_JOB",
        "grep -v HOME",
        "cat",
        "sort | uniq",
        "cut -c1-80",
        "cut -d= -f1,2",
        "cut -d= -f2",
        "awk '{print}'",
        "sed 's/a/b/'",
        "tee out",
        "base64",
        "grep -i gitlab",
    ] {
        assert_eq!(
            disclosures(&format!("env | {filter}"))[0].sink,
            OutputSink::Log,
            "{filter}"
        );
    }
}

#[test]
fn sinks_of_a_dump_are_told_apart() {
    for (text, sink) in [
        ("env > build.env", OutputSink::File("build.env".into())),
        ("env >> $OUT", OutputSink::File("$OUT".into())),
        ("env | sort > a.txt", OutputSink::File("a.txt".into())),
        ("{ echo a; env; } > b.txt", OutputSink::File("b.txt".into())),
        ("env > /dev/null", OutputSink::Captured),
        ("env >&2", OutputSink::Log),
        ("env 2>&1", OutputSink::Log),
        ("X=$(env)", OutputSink::Captured),
        ("X=`env`", OutputSink::Captured),
        ("diff <(env) b", OutputSink::Captured),
        ("env | while read x; do echo $x; done", OutputSink::Captured),
        ("env | docker run -i image", OutputSink::Captured),
        ("(env) | wc -l", OutputSink::NamesOnly),
    ] {
        let found = disclosures(text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].sink, sink, "{text}");
    }
}

#[test]
fn scripts_set_variables_that_matter() {
    let fixture = script(
        "export CI_DEBUG_TRACE=\"true\"\nX=1 CI_DEBUG_SERVICES=true make\n[[ $CI_DEBUG_TRACE = true ]]",
    );
    let facts = fixture.facts();
    let found: Vec<_> = facts
        .variables
        .iter()
        .map(|variable| {
            (
                &*variable.name,
                &*variable.value,
                fixture.cut(&variable.site),
                fixture.cut(&variable.entry),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (
                "CI_DEBUG_TRACE",
                "true",
                "true",
                "export CI_DEBUG_TRACE=\"true\""
            ),
            (
                "CI_DEBUG_SERVICES",
                "true",
                "true",
                "CI_DEBUG_SERVICES=true"
            ),
        ]
    );
    assert_eq!(
        facts.variables[0].scope,
        VariableScope::Script("test".into())
    );
    let facts = script("$env:CI_DEBUG_TRACE = \"true\"").facts();
    assert_eq!(facts.variables.len(), 1);
}
