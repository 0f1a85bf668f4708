//! Small configurations in, effective jobs out.

mod include;
mod limits;

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use super::{Resolved, resolve};
use crate::ci::{ConfigKind, FileResolver, Job, Phase, ResolveError, SourceFile};
use crate::model::{ProblemClass, ProblemLevel, SourceId, VariableScope};

/// A repository in memory; the first file is the configuration.
struct Repository(Vec<(&'static str, String)>);

impl Repository {
    fn source(&self, index: usize) -> SourceFile {
        SourceFile {
            id: SourceId(u32::try_from(index).unwrap()),
            path: self.0[index].0.into(),
            text: self.0[index].1.as_str().into(),
        }
    }

    fn resolve(&self, kind: ConfigKind) -> Resolved {
        resolve(&self.source(0), kind, self)
    }

    /// What stands in the source of a site.
    fn cut(&self, site: &crate::model::Site) -> &str {
        let text = &self.0[usize::try_from(site.source.0).unwrap()].1;
        &text[site.span.start..site.span.end]
    }
}

impl FileResolver for Repository {
    fn file(&self, path: &str) -> Result<SourceFile, ResolveError> {
        if path == "link.yml" {
            return Err(ResolveError::Outside);
        }
        self.0
            .iter()
            .position(|(name, _)| *name == path)
            .map(|index| self.source(index))
            .ok_or(ResolveError::Missing)
    }

    fn yaml_paths(&self) -> Rc<[Arc<str>]> {
        let mut paths: Vec<_> = self.0.iter().map(|(path, _)| Arc::from(*path)).collect();
        paths.sort();
        paths.into()
    }
}

fn repository(files: &[(&'static str, &str)]) -> Repository {
    Repository(
        files
            .iter()
            .map(|(path, text)| (*path, (*text).to_owned()))
            .collect(),
    )
}

fn root(text: &str) -> Resolved {
    repository(&[(".gitlab-ci.yml", text)]).resolve(ConfigKind::Root)
}

/// Like [`root`], for configurations without a fault.
fn valid(text: &str) -> Resolved {
    let resolved = root(text);
    assert_eq!(resolved.problems, [], "{text}");
    resolved
}

fn job<'r>(resolved: &'r Resolved, name: &str) -> &'r Job {
    resolved
        .jobs
        .iter()
        .find(|job| &*job.name == name)
        .unwrap_or_else(|| panic!("no job {name}"))
}

fn script(job: &Job) -> Vec<&str> {
    job.scripts.iter().map(|item| &*item.text).collect()
}

fn variables(job: &Job) -> Vec<String> {
    job.variables
        .iter()
        .map(|variable| format!("{}={}", variable.name, variable.value))
        .collect()
}

fn messages(resolved: &Resolved) -> Vec<&str> {
    resolved
        .problems
        .iter()
        .map(|problem| &*problem.message)
        .collect()
}

#[test]
fn scripts_of_every_shape_become_items_in_order() {
    for (yaml, expected) in [
        ("script: one", vec!["one"]),
        ("script: [one, two]", vec!["one", "two"]),
        (
            "script: [one, [two, [three]], four]",
            vec!["one", "two", "three", "four"],
        ),
        ("script: |\n    one\n    two", vec!["one\ntwo\n"]),
        (
            "script: [one]\n  before_script: [zero]\n  after_script: [last]",
            vec!["zero", "one", "last"],
        ),
        ("script: !reference [.a, script]", vec!["a1", "a2"]),
        (
            "script: [!reference [.a, script], x]",
            vec!["a1", "a2", "x"],
        ),
        (
            "script: [!reference [.nested, script]]",
            vec!["n", "a1", "a2"],
        ),
        (
            "script: [!reference [.a, variables, V]]",
            vec!["value of V"],
        ),
        ("script: [*anchor, x]", vec!["s1", "s2", "x"]),
        ("<<: *merge", vec!["merged"]),
        ("<<: [*merge, *merge2]", vec!["merged"]),
        ("<<: *merge\n  script: own", vec!["own"]),
        ("script: first\n  script: second", vec!["second"]),
        ("run:\n  - name: a\n    script: step", vec!["step"]),
    ] {
        let resolved = valid(&format!(
            ".a:\n  script: [a1, a2]\n  variables: {{V: value of V}}\n.nested:\n  script: [n, !reference [.a, script]]\n\
             .anchored: &anchor [s1, s2]\n.merge: &merge {{script: merged}}\n.merge2: &merge2 {{script: second}}\n\
             job:\n  {yaml}\n"
        ));
        assert_eq!(script(job(&resolved, "job")), expected, "{yaml}");
        assert_eq!(resolved.jobs.len(), 1, "{yaml}");
        assert!(!job(&resolved, "job").incomplete);
    }
}

#[test]
fn phases_tell_the_shells_apart() {
    let resolved = valid(
        "default:\n  hooks: {pre_get_sources_script: [early]}\njob:\n  before_script: b\n  script: s\n  after_script: a\n",
    );
    let phases: Vec<_> = job(&resolved, "job")
        .scripts
        .iter()
        .map(|item| item.phase)
        .collect();
    assert_eq!(
        phases,
        [Phase::PreGetSources, Phase::Main, Phase::Main, Phase::After]
    );
}

#[test]
fn extends_merges_maps_and_replaces_the_rest() {
    for (yaml, script_is, variables_are) in [
        ("extends: .a", vec!["a"], vec!["X=a", "Y=a"]),
        ("extends: [.a, .b]", vec!["b"], vec!["X=b", "Y=a"]),
        ("extends: [.b, .a]", vec!["a"], vec!["X=a", "Y=a"]),
        (
            "extends: .a\n  variables: {X: own}",
            vec!["a"],
            vec!["X=own", "Y=a"],
        ),
        (
            "extends: .a\n  variables: {X: null}",
            vec!["a"],
            vec!["Y=a"],
        ),
        ("extends: .a\n  variables: null", vec!["a"], vec![]),
        (
            "extends: .a\n  variables: {}",
            vec!["a"],
            vec!["X=a", "Y=a"],
        ),
        (
            "extends: .c\n  script: own",
            vec!["own"],
            vec!["X=c", "Y=a"],
        ),
        ("extends: visible", vec!["v"], vec![]),
    ] {
        let resolved = valid(&format!(
            ".a:\n  script: a\n  variables: {{X: a, Y: a}}\n.b:\n  script: b\n  variables: {{X: b}}\n\
             .c:\n  extends: .a\n  variables: {{X: c}}\nvisible:\n  script: v\njob:\n  {yaml}\n"
        ));
        let job = job(&resolved, "job");
        assert_eq!(script(job), script_is, "{yaml}");
        assert_eq!(variables(job), variables_are, "{yaml}");
    }
}

#[test]
fn references_see_what_extends_brought() {
    let resolved = valid(
        ".base:\n  script: [from base]\n.child:\n  extends: .base\njob:\n  script: [!reference [.child, script]]\n",
    );
    assert_eq!(script(job(&resolved, "job")), ["from base"]);
}

#[test]
fn eleven_levels_of_extends_are_followed() {
    let chain = |levels: usize| {
        let mut text = ".l0:\n  script: bottom\n".to_owned();
        for level in 1..levels {
            write!(text, ".l{level}:\n  extends: .l{}\n", level - 1).unwrap();
        }
        write!(
            text,
            "job:\n  extends: .l{}\nother:\n  script: fine\n",
            levels - 1
        )
        .unwrap();
        root(&text)
    };
    let resolved = chain(11);
    assert_eq!(messages(&resolved), [""; 0]);
    assert_eq!(script(job(&resolved, "job")), ["bottom"]);
    let resolved = chain(12);
    assert_eq!(
        messages(&resolved),
        ["`job` extends through more than 11 levels"]
    );
    assert_eq!(resolved.problems[0].class, ProblemClass::CiResolution);
    assert!(job(&resolved, "job").incomplete);
    assert!(!job(&resolved, "other").incomplete);
    assert_eq!(script(job(&chain(3_000), "other")), ["fine"]);
}

#[test]
fn faults_of_extends_leave_the_rest_alone() {
    for (yaml, message) in [
        (
            "job:\n  extends: .nope\n  script: own\n",
            "`job` extends `.nope`, which does not exist",
        ),
        (
            "job:\n  extends: job\n  script: own\n",
            "`job` extends `job` in a circle",
        ),
        (
            ".a:\n  extends: job\njob:\n  extends: .a\n  script: own\n",
            "`job` extends `.a` in a circle",
        ),
        (
            ".a: [x]\njob:\n  extends: .a\n  script: own\n",
            "`job` extends `.a`, which is a list",
        ),
        (
            "job:\n  extends: {a: b}\n  script: own\n",
            "`extends` takes names, this is a mapping",
        ),
    ] {
        let resolved = root(&format!("{yaml}other:\n  script: fine\n"));
        assert_eq!(messages(&resolved), [message]);
        assert_eq!(resolved.problems[0].level, ProblemLevel::Error);
        assert_eq!(script(job(&resolved, "job")), ["own"], "{message}");
        assert!(job(&resolved, "job").incomplete, "{message}");
        assert!(!job(&resolved, "other").incomplete);
    }
}

#[test]
fn what_an_unread_include_may_hold_is_a_note() {
    let resolved = root(
        "include:\n- project: acme/templates\n  file: a.yml\njob:\n  extends: .theirs\n  script: [!reference [.theirs, x], own]\n",
    );
    assert_eq!(resolved.gaps.len(), 1);
    assert_eq!(resolved.gaps[0].what, "include of project acme/templates");
    assert_eq!(
        messages(&resolved),
        [
            "`job` extends `.theirs`, which does not exist",
            "`!reference [.theirs, x]` names nothing"
        ]
    );
    assert!(
        resolved
            .problems
            .iter()
            .all(|problem| problem.level == ProblemLevel::Note)
    );
    assert_eq!(script(job(&resolved, "job")), ["own"]);
    assert!(job(&resolved, "job").incomplete);
}

#[test]
fn what_the_including_file_may_hold_is_a_note() {
    let resolved = repository(&[("ci/a.yml", "job:\n  extends: .theirs\n  script: own\n")])
        .resolve(ConfigKind::Fragment);
    assert_eq!(
        messages(&resolved),
        ["`job` extends `.theirs`, which does not exist"]
    );
    assert_eq!(resolved.problems[0].level, ProblemLevel::Note);
    assert!(job(&resolved, "job").incomplete);
}

#[test]
fn faults_of_references_leave_the_rest_alone() {
    for (yaml, message) in [
        (
            "!reference [.nope, script]",
            "`!reference [.nope, script]` names nothing",
        ),
        (
            "!reference [job, script]",
            "`!reference [job, script]` goes round in a circle",
        ),
        ("!reference []", "`!reference` takes a list of keys"),
        ("!reference [[a]]", "`!reference` takes a list of keys"),
    ] {
        let resolved = root(&format!("job:\n  script:\n  - {yaml}\n  - own\n"));
        assert_eq!(messages(&resolved), [message]);
        assert!(script(job(&resolved, "job")).contains(&"own"));
        assert!(job(&resolved, "job").incomplete);
    }
}

#[test]
fn ten_levels_of_references_are_followed() {
    let chain = |levels: usize| {
        let mut text = ".r0:\n  script: [bottom]\n".to_owned();
        for level in 1..levels {
            write!(
                text,
                ".r{level}:\n  script: [!reference [.r{}, script]]\n",
                level - 1
            )
            .unwrap();
        }
        write!(
            text,
            "job:\n  script: [!reference [.r{}, script]]\n",
            levels - 1
        )
        .unwrap();
        root(&text)
    };
    assert_eq!(script(job(&chain(10), "job")), ["bottom"]);
    let resolved = chain(11);
    assert_eq!(
        messages(&resolved),
        ["`!reference [.r0, script]` nests deeper than 10 levels"]
    );
}

#[test]
fn defaults_are_inherited_as_told() {
    for (yaml, expected) in [
        ("", vec!["default", "own", "global after"]),
        ("before_script: []", vec!["own", "global after"]),
        (
            "before_script: null",
            vec!["default", "own", "global after"],
        ),
        ("before_script: [mine]", vec!["mine", "own", "global after"]),
        ("inherit: {default: false}", vec!["own"]),
        (
            "inherit: {default: [after_script]}",
            vec!["own", "global after"],
        ),
        (
            "inherit: {default: true}",
            vec!["default", "own", "global after"],
        ),
    ] {
        let resolved = valid(&format!(
            "default:\n  before_script: [default]\nbefore_script: [global]\nafter_script: [global after]\n\
             job:\n  script: own\n  {yaml}\n"
        ));
        assert_eq!(script(job(&resolved, "job")), expected, "{yaml}");
    }
}

#[test]
fn variables_come_least_specific_first() {
    let text = "workflow:\n  rules:\n  - variables: {W: rule}\nvariables:\n  G: global\n  D: {value: given, description: asks}\n  \
                E: {description: asks}\n  N: 1\njob:\n  script: x\n  variables: {G: job}\n  rules:\n  - variables: {G: rule}\n  \
                - !reference [.r, rules]\n.r:\n  rules:\n  - variables: {R: referenced}\n";
    let resolved = valid(text);
    assert_eq!(
        variables(job(&resolved, "job")),
        [
            "G=global",
            "D=given",
            "E=",
            "N=1",
            "W=rule",
            "G=job",
            "G=rule",
            "R=referenced"
        ]
    );
    let scopes: Vec<_> = resolved
        .variables
        .iter()
        .map(|variable| (&*variable.name, variable.prompted, variable.scope.clone()))
        .collect();
    assert_eq!(
        scopes,
        [
            ("G", false, VariableScope::Global),
            ("D", true, VariableScope::Global),
            ("E", true, VariableScope::Global),
            ("N", false, VariableScope::Global),
            ("W", false, VariableScope::WorkflowRule),
            ("G", false, VariableScope::Job("job".into())),
            ("G", false, VariableScope::JobRule("job".into())),
            ("R", false, VariableScope::JobRule("job".into())),
        ]
    );
}

#[test]
fn a_matrix_sets_each_value_in_some_runs() {
    let text = "job:\n  script: x\n  variables: {A: job}\n  parallel:\n    matrix:\n    - A: [one, two]\n      B: three\n    \
                - !reference [.more, list]\n.more:\n  list:\n  - {A: four}\n";
    let resolved = valid(text);
    assert_eq!(
        variables(job(&resolved, "job")),
        ["A=job", "A=one", "A=two", "B=three", "A=four"]
    );
    let matrix = VariableScope::JobMatrix("job".into());
    let from_matrix: Vec<_> = resolved
        .variables
        .iter()
        .filter(|variable| variable.scope == matrix)
        .map(|variable| &text[variable.entry.span.start..variable.entry.span.end])
        .collect();
    assert_eq!(from_matrix, ["one", "two", "three", "four"]);
    let count = "job:\n  script: x\n  parallel: 5\n";
    assert_eq!(variables(job(&valid(count), "job")), [""; 0]);
}

#[test]
fn inherited_variables_are_chosen() {
    for (yaml, expected) in [
        ("true", vec!["A=1", "B=2"]),
        ("false", vec![]),
        ("[B]", vec!["B=2"]),
    ] {
        let resolved = valid(&format!(
            "variables: {{A: 1, B: 2}}\njob:\n  script: x\n  inherit: {{variables: {yaml}}}\n"
        ));
        assert_eq!(variables(job(&resolved, "job")), expected, "{yaml}");
    }
}

#[test]
fn a_definition_is_told_once_with_its_bytes() {
    let repository = repository(&[(
        ".gitlab-ci.yml",
        ".base:\n  variables:\n    CI_DEBUG_TRACE: \"true\"\n    EMPTY:\n      description: |\n        long\n    Q: {value: x}\n\
         a:\n  extends: .base\n  script: x\nb:\n  extends: .base\n  script: x\n",
    )]);
    let resolved = repository.resolve(ConfigKind::Root);
    let shown: Vec<_> = resolved
        .variables
        .iter()
        .map(|variable| {
            (
                repository.cut(&variable.entry),
                repository.cut(&variable.site),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("CI_DEBUG_TRACE: \"true\"", "\"true\""),
            ("EMPTY:\n      description: |\n        long", "EMPTY"),
            ("Q: {value: x}", "x"),
        ]
    );
    let site = &resolved.variables[0].site;
    assert_eq!(
        site.route.as_deref(),
        Some(".base › variables › CI_DEBUG_TRACE")
    );
    assert_eq!(resolved.variables[0].scope, VariableScope::Job("a".into()));
}

#[test]
fn an_item_knows_where_it_was_written() {
    let repository = repository(&[
        (
            ".gitlab-ci.yml",
            "include: ci/a.yml\njob:\n  extends: .base\n  after_script:\n  - 'it''s'\n  - >-\n    one\n    two\n",
        ),
        (
            "ci/a.yml",
            ".base:\n  before_script: &s\n  - first\n  - second  # why\n  script: *s\n",
        ),
    ]);
    let resolved = repository.resolve(ConfigKind::Root);
    let job = job(&resolved, "job");
    let shown: Vec<_> = job
        .scripts
        .iter()
        .map(|item| {
            let site = item.site(crate::model::Span::new(0, item.text.len()));
            (repository.cut(&site).to_owned(), item.route.to_string())
        })
        .collect();
    let expected = [
        ("first", ".base › before_script › 1"),
        ("second", ".base › before_script › 2"),
        ("first", ".base › before_script › 1"),
        ("second", ".base › before_script › 2"),
        ("it''s", "job › after_script › 1"),
        ("one\n    two", "job › after_script › 2"),
    ];
    assert_eq!(
        shown,
        expected.map(|(text, route)| (text.to_owned(), route.to_owned()))
    );
    assert_eq!(job.scripts[0].source, SourceId(1));
}

#[test]
fn a_header_is_no_job_and_inputs_stay_as_they_are() {
    let text = "spec:\n  inputs:\n    name: {default: x}\n---\n\"$[[ inputs.name ]]-job\":\n  script: echo $[[ inputs.name ]]\n";
    let resolved = valid(text);
    assert_eq!(
        script(job(&resolved, "$[[ inputs.name ]]-job")),
        ["echo $[[ inputs.name ]]"]
    );
}

#[test]
fn a_document_too_many_is_told() {
    let resolved = root("a:\n  script: x\n---\nb:\n  script: y\n");
    assert_eq!(messages(&resolved), ["GitLab does not read this document"]);
    assert_eq!(resolved.problems[0].level, ProblemLevel::Note);
    assert_eq!(resolved.jobs.len(), 1);
}

#[test]
fn hidden_jobs_are_looked_at_in_fragments_when_nothing_uses_them() {
    let text = ".extended:\n  script: [over, ridden]\n.referenced:\n  script: [r]\n.aliased: &a\n  script: [a]\n.free:\n  script: [f]\n\
                .free2:\n  extends: .extended\n  script: [!reference [.referenced, script]]\n.other:\n  <<: *a\n.variables: [x]\n";
    let repository = repository(&[("ci/x.gitlab-ci.yml", text)]);
    let names = |kind| -> Vec<String> {
        let jobs = repository.resolve(kind).jobs;
        jobs.iter().map(|job| job.name.to_string()).collect()
    };
    assert_eq!(names(ConfigKind::Fragment), [".free", ".free2", ".other"]);
    assert_eq!(names(ConfigKind::Root), [""; 0]);
}

#[test]
fn defaults_of_a_fragment_without_jobs_are_looked_at() {
    for (text, items) in [
        (
            "before_script: [a]\nafter_script: [b]\n",
            &["a", "b"] as &[_],
        ),
        (
            "default:\n  before_script: [a]\nafter_script: [b]\n",
            &["a", "b"],
        ),
        ("before_script: [a]\n.free:\n  script: [s]\n", &["a", "s"]),
    ] {
        let repository = repository(&[("ci/x.gitlab-ci.yml", text)]);
        let resolved = repository.resolve(ConfigKind::Fragment);
        assert_eq!(resolved.problems, [], "{text}");
        assert_eq!(resolved.jobs.len(), 1, "{text}");
        assert!(resolved.jobs[0].name.starts_with('.'), "{text}");
        assert_eq!(script(&resolved.jobs[0]), items, "{text}");
        assert!(repository.resolve(ConfigKind::Root).jobs.is_empty());
    }
}

#[test]
fn broken_yaml_is_told_with_its_line_and_the_rest_goes_on() {
    let text =
        "good:\n  script: [one]\nbad:\n  script:\n  - fine\n  - \"open\nlast:\n  script: [two]\n";
    let resolved = root(text);
    assert_eq!(resolved.problems.len(), 1);
    let problem = &resolved.problems[0];
    assert_eq!(
        (problem.level, problem.class),
        (ProblemLevel::Error, ProblemClass::CiSyntax)
    );
    let line = text[..problem.span.start].matches('\n').count() + 1;
    assert_eq!(line, 6);
    assert_eq!(script(job(&resolved, "good")), ["one"]);
    assert_eq!(script(job(&resolved, "bad")), ["fine"]);
    assert_eq!(script(job(&resolved, "last")), ["two"]);
    let incomplete: Vec<_> = resolved.jobs.iter().map(|job| job.incomplete).collect();
    assert_eq!(incomplete, [false, true, false]);
}

#[test]
fn files_without_jobs_are_harmless() {
    for text in [
        "",
        "\u{feff}",
        "# comment\n",
        "---\n",
        "~\n",
        "spec: {}\n---\n",
        "spec: {}\n",
    ] {
        assert_eq!(valid(text).jobs.len(), 0, "{text:?}");
    }
    for (text, message) in [
        ("- a\n", "a configuration is a mapping, this is a list"),
        ("text\n", "a configuration is a mapping, this is a scalar"),
    ] {
        assert_eq!(messages(&root(text)), [message]);
    }
}

#[test]
fn line_ends_marks_and_tabs() {
    let repository = repository(&[(
        ".gitlab-ci.yml",
        "\u{feff}job:\r\n  script:\r\n  - |\r\n    one\r\n    two\r\n  - three\r\n",
    )]);
    let resolved = repository.resolve(ConfigKind::Root);
    let job = job(&resolved, "job");
    assert_eq!(script(job), ["one\ntwo\n", "three"]);
    let two = job.scripts[0].site(crate::model::Span::new(4, 7));
    assert_eq!(repository.cut(&two), "two");

    let resolved = root("job:\n\tscript: x\nother:\n  script: y\n");
    assert_eq!(resolved.problems[0].class, ProblemClass::CiSyntax);
    assert_eq!(script(self::job(&resolved, "other")), ["y"]);
}

#[test]
fn script_items_that_are_no_strings_are_told() {
    let resolved = root("job:\n  script:\n  - echo: x\n  - fine\n");
    assert_eq!(
        messages(&resolved),
        ["a script item is a string, this is a mapping"]
    );
    assert_eq!(script(job(&resolved, "job")), ["fine"]);
}

#[test]
fn one_fault_is_told_once() {
    let resolved = root(
        ".base:\n  script: [!reference [.nope, x], y]\na:\n  extends: .base\nb:\n  extends: .base\nc:\n  extends: .base\n",
    );
    assert_eq!(
        messages(&resolved),
        ["`!reference [.nope, x]` names nothing"]
    );
    assert!(
        resolved
            .jobs
            .iter()
            .all(|job| job.incomplete && script(job) == ["y"])
    );
}
