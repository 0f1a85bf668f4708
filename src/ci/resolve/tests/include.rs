//! Configurations of several files.

use super::Repository;
use super::{job, messages, repository, script, variables};
use crate::ci::ConfigKind;
use crate::model::{ProblemClass, ProblemLevel, SourceId};

#[test]
fn includes_are_merged_in_order_and_the_file_itself_wins() {
    let resolved = repository(&[
        (
            ".gitlab-ci.yml",
            "include:\n- local: /a.yml\n- b.yml\njob:\n  variables: {Z: main}\n",
        ),
        (
            "a.yml",
            "include: nested.yml\njob:\n  script: [a]\n  variables: {X: a, Y: a, Z: a}\n",
        ),
        ("b.yml", "job:\n  variables: {Y: b}\n"),
        (
            "nested.yml",
            "job:\n  script: [nested]\n  tags: [t]\n  variables: {N: nested, X: nested}\n",
        ),
    ])
    .resolve(ConfigKind::Root);
    assert_eq!(messages(&resolved), [""; 0]);
    let job = job(&resolved, "job");
    assert_eq!(script(job), ["a"]);
    assert_eq!(variables(job), ["N=nested", "X=a", "Y=b", "Z=main"]);
    assert_eq!(resolved.sources, [0, 1, 2, 3].map(SourceId));
}

#[test]
fn every_form_of_include_is_known() {
    for (include, jobs, gap) in [
        ("a.yml", 1, ""),
        ("/a.yml", 1, ""),
        ("[a.yml, a.yml]", 1, ""),
        ("{local: a.yml}", 1, ""),
        ("[{local: a.yml, rules: [{if: $X}]}]", 1, ""),
        ("{local: a.yml, inputs: {x: y}}", 1, ""),
        ("[{local: 'd/*.yml'}]", 1, ""),
        ("'d/**.yml'", 2, ""),
        ("'d/**/*.yml'", 1, ""),
        (
            "https://u:p@x.example/a.yml",
            0,
            "include of https://x.example/a.yml",
        ),
        (
            "{remote: 'https://x.example/a.yml'}",
            0,
            "include of https://x.example/a.yml",
        ),
        (
            "{project: g/p, file: [a.yml, b.yml]}",
            0,
            "include of project g/p",
        ),
        (
            "{template: Auto-DevOps.gitlab-ci.yml}",
            0,
            "include of template Auto-DevOps.gitlab-ci.yml",
        ),
        (
            "{component: $CI_SERVER_FQDN/g/p/c@1}",
            0,
            "include of component $CI_SERVER_FQDN/g/p/c@1",
        ),
        ("$DIR/a.yml", 0, "include of $DIR/a.yml"),
        (
            "'$[[ inputs.dir ]]/a.yml'",
            0,
            "include of $[[ inputs.dir ]]/a.yml",
        ),
    ] {
        let resolved = repository(&[
            (".gitlab-ci.yml", &format!("include: {include}\n")),
            ("a.yml", "a:\n  script: a\n"),
            ("d/b.yml", "b:\n  script: b\n"),
            ("d/e/c.yml", "c:\n  script: c\n"),
        ])
        .resolve(ConfigKind::Root);
        assert_eq!(messages(&resolved), [""; 0], "{include}");
        assert_eq!(resolved.jobs.len(), jobs, "{include}");
        let gaps: Vec<_> = resolved.gaps.iter().map(|gap| &*gap.what).collect();
        assert_eq!(gaps.join(""), gap, "{include}");
    }
}

#[test]
fn what_a_nested_configuration_lacks_is_a_note_unless_gitlab_reads_it() {
    let files = [(
        "demo/.gitlab-ci.yml",
        "include: absent.yml\njob:\n  script: x\n",
    )];
    for (kind, level) in [
        (ConfigKind::Fragment, ProblemLevel::Note),
        (ConfigKind::Root, ProblemLevel::Error),
    ] {
        let resolved = repository(&files).resolve(kind);
        let [problem] = resolved.problems.as_slice() else {
            panic!("{:?}", resolved.problems);
        };
        assert_eq!(problem.level, level, "{kind:?}");
        assert_eq!(problem.class, ProblemClass::MissingInclude);
        assert_eq!(problem.message, "include `absent.yml` does not exist");
        assert_eq!(resolved.jobs.len(), 1);
    }
}

#[test]
fn an_include_that_cannot_be_read_is_a_problem() {
    for (include, class, message) in [
        (
            "nope.yml",
            ProblemClass::MissingInclude,
            "include `nope.yml` does not exist",
        ),
        (
            "../a.yml",
            ProblemClass::MissingInclude,
            "include `../a.yml` leaves the repository",
        ),
        (
            "/../../a.yml",
            ProblemClass::MissingInclude,
            "include `/../../a.yml` leaves the repository",
        ),
        (
            "link.yml",
            ProblemClass::MissingInclude,
            "include `link.yml` lies outside of the repository",
        ),
        (
            "a.json",
            ProblemClass::MissingInclude,
            "include `a.json` is no YAML file",
        ),
        (
            ".gitlab-ci.yml",
            ProblemClass::CiResolution,
            "include `.gitlab-ci.yml` goes round in a circle",
        ),
        (
            "a.yml",
            ProblemClass::CiResolution,
            "include `.gitlab-ci.yml` goes round in a circle",
        ),
        (
            "{nothing: x}",
            ProblemClass::CiResolution,
            "`include` says neither `local` nor another kind of file",
        ),
    ] {
        let repository = repository(&[
            (
                ".gitlab-ci.yml",
                &format!("include: {include}\njob:\n  script: x\n"),
            ),
            ("a.yml", "include: .gitlab-ci.yml\n"),
        ]);
        let resolved = repository.resolve(ConfigKind::Root);
        assert_eq!(messages(&resolved), [message]);
        assert_eq!(resolved.problems[0].class, class, "{message}");
        assert_eq!(resolved.problems[0].level, ProblemLevel::Error);
        assert_eq!(resolved.jobs.len(), 1);
    }
}

#[test]
fn what_gitlab_does_without_is_a_note() {
    for (include, message) in [
        ("x/*.yml", "include `x/*.yml` matches no file"),
        (
            "{local: opt.yml, rules: [{exists: [opt.yml]}]}",
            "include `opt.yml` does not exist",
        ),
    ] {
        let resolved = repository(&[(
            ".gitlab-ci.yml",
            &format!("include: {include}\njob:\n  script: x\n"),
        )])
        .resolve(ConfigKind::Root);
        assert_eq!(messages(&resolved), [message]);
        assert_eq!(resolved.problems[0].level, ProblemLevel::Note, "{include}");
        assert_eq!(resolved.jobs.len(), 1);
    }
}

#[test]
fn a_root_configuration_in_a_folder_has_its_files_there() {
    let skeleton = "include: [/ci/build.yml, 'ci/t*.yml', shared.yml]\n";
    let files = |first: &'static str| {
        repository(&[
            (first, skeleton),
            ("demo/ci/build.yml", "build:\n  script: x\n"),
            (
                "demo/ci/test.yml",
                "include: demo/.gitlab-ci.yml\ntest:\n  script: x\n",
            ),
            ("demo/shared.yml", "nested:\n  script: x\n"),
            ("shared.yml", "shared:\n  script: x\n"),
        ])
    };
    let jobs = |resolved: &crate::ci::Resolved| -> Vec<String> {
        let jobs = resolved.jobs.iter();
        jobs.map(|job| job.name.to_string()).collect()
    };
    let resolved = files("demo/.gitlab-ci.yml").resolve(ConfigKind::Fragment);
    assert_eq!(
        messages(&resolved),
        ["include `demo/.gitlab-ci.yml` goes round in a circle"]
    );
    assert_eq!(jobs(&resolved), ["build", "test", "shared"]);

    let resolved = files("demo/part.gitlab-ci.yml").resolve(ConfigKind::Fragment);
    assert_eq!(jobs(&resolved), ["shared"]);
}

#[test]
fn a_circle_in_a_folder_ends() {
    let resolved = repository(&[
        ("demo/.gitlab-ci.yml", "include: a.yml\n"),
        ("demo/a.yml", "include: .gitlab-ci.yml\na:\n  script: x\n"),
    ])
    .resolve(ConfigKind::Fragment);
    assert_eq!(
        messages(&resolved),
        ["include `.gitlab-ci.yml` goes round in a circle"]
    );
    assert_eq!(resolved.jobs.len(), 1);
}

#[test]
fn a_pattern_may_match_the_file_that_holds_it() {
    let resolved = repository(&[
        ("ci/main.yml", "include: 'ci/*.yml'\nmain:\n  script: x\n"),
        ("ci/a.yml", "a:\n  script: x\n"),
    ])
    .resolve(ConfigKind::Root);
    assert_eq!(messages(&resolved), [""; 0]);
    assert_eq!(resolved.jobs.len(), 2);
}

#[test]
fn includes_end_at_150() {
    let list = "- a.yml\n".repeat(200);
    let resolved = repository(&[
        (
            ".gitlab-ci.yml",
            &format!("include:\n{list}job:\n  script: x\n"),
        ),
        ("a.yml", "a:\n  script: a\n"),
    ])
    .resolve(ConfigKind::Root);
    assert_eq!(
        messages(&resolved),
        ["the configuration includes more than 150 files"]
    );
    assert_eq!(resolved.problems[0].class, ProblemClass::Limit);
    assert_eq!(resolved.jobs.len(), 2);
}

#[test]
fn child_pipelines_are_configurations_of_their_own() {
    let repository = repository(&[
        (
            ".gitlab-ci.yml",
            "before_script: [parent]\nvariables: {P: 1}\na:\n  trigger: {include: child.yml}\nb:\n  trigger:\n    include:\n    - local: child.yml\n    \
             - local: more.yml\nc:\n  trigger: {project: g/p}\nd:\n  trigger: g/q\ne:\n  trigger:\n    include:\n    - artifact: x.yml\n      job: a\n",
        ),
        (
            "child.yml",
            "include: nested.yml\nchild:\n  script: c\nback:\n  trigger: {include: .gitlab-ci.yml}\n",
        ),
        ("more.yml", "child:\n  before_script: [more]\n"),
        ("nested.yml", "nested:\n  script: n\n"),
    ]);
    let resolved = repository.resolve(ConfigKind::Root);
    assert_eq!(messages(&resolved), [""; 0]);
    assert_eq!(script(job(&resolved, "child")), ["c"]);
    assert_eq!(variables(job(&resolved, "child")), [""; 0]);
    assert_eq!(script(job(&resolved, "nested")), ["n"]);
    assert_eq!(script(job(&resolved, "a")), [""; 0]);
    assert!(resolved.jobs.iter().any(|job| script(job) == ["more", "c"]));
    let gaps: Vec<_> = resolved.gaps.iter().map(|gap| &*gap.what).collect();
    assert_eq!(gaps, ["include of artifact x.yml"]);
}

#[test]
fn aliases_reach_no_other_file() {
    let resolved = repository(&[
        (
            ".gitlab-ci.yml",
            "include: a.yml\njob:\n  script: [*there, x]\n",
        ),
        ("a.yml", ".a: &there [y]\n"),
    ])
    .resolve(ConfigKind::Root);
    assert_eq!(
        messages(&resolved),
        ["the alias names no anchor that is complete before it"]
    );
    assert_eq!(script(job(&resolved, "job")), ["x"]);
}

#[test]
fn a_pattern_reads_no_more_files_than_an_include_may_have() {
    let mut files = vec![(
        ".gitlab-ci.yml".to_owned(),
        "include: 'ci/*.yml'\n".to_owned(),
    )];
    files.extend((0..400).map(|number| {
        (
            format!("ci/{number}.yml"),
            format!("j{number}: {{script: x}}\n"),
        )
    }));
    let files: Vec<(&'static str, String)> = files
        .into_iter()
        .map(|(path, text)| (&*path.leak(), text))
        .collect();
    let resolved = Repository(files).resolve(ConfigKind::Root);
    assert_eq!(
        messages(&resolved),
        ["the configuration includes more than 150 files"]
    );
    assert_eq!((resolved.jobs.len(), resolved.sources.len()), (150, 152));
}

#[test]
fn chains_of_includes_end_at_150() {
    let files = (0..300).map(|number| {
        let path: &'static str = format!("{number}.yml").leak();
        (
            path,
            format!("include: {}.yml\nj{number}: {{script: x}}\n", number + 1),
        )
    });
    let resolved = Repository(files.collect()).resolve(ConfigKind::Root);
    assert_eq!(
        messages(&resolved),
        ["the configuration includes more than 150 files"]
    );
    assert_eq!(resolved.jobs.len(), 151);
}
