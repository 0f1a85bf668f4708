//! Finds the variables that make the runner print all others.

use super::{phrase, plain};
use crate::model::{
    Confidence, Fix, FixSafety, Replacement, Severity, Site, Variable, VariableScope, Violation,
};
use crate::policy::{Check, CheckDef, Context};

pub(super) const DEF: CheckDef = CheckDef {
    name: "debug-trace-enabled",
    build: plain::<DebugTrace>,
};

/// `CI_DEBUG_TRACE` or `CI_DEBUG_SERVICES` set to something true.
#[derive(Default)]
pub(super) struct DebugTrace;

impl Check for DebugTrace {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        violations.extend(context.facts.variables.iter().filter_map(judge));
    }
}

fn judge(variable: &Variable) -> Option<Violation> {
    let discloses = match &*variable.name {
        "CI_DEBUG_TRACE" => "all variables and commands",
        // The services print, not the runner: what they say of secrets depends on them.
        "CI_DEBUG_SERVICES" => "all that the service containers write, their secrets included",
        _ => return None,
    };
    if !is_true(&variable.value) {
        return None;
    }
    let message = format!(
        "`{}` is on, so the log of {} shows {discloses}",
        variable.name,
        reach(variable)
    );
    let mut violation = Violation::new(place(variable).clone(), subject(variable), message);
    if !has_own_value(variable) {
        violation = violation.related(variable.site.clone(), "the value is written here");
    }
    if &*variable.name == "CI_DEBUG_SERVICES" {
        violation = violation.severity_at_most(Severity::Medium);
    }
    // The runner decides on tracing before the script starts; only what the script starts in turn
    // sees the assignment.
    if matches!(variable.scope, VariableScope::Script(_)) {
        violation = violation.confidence_at_most(Confidence::Medium);
    } else {
        violation.fix = switch_off(variable);
    }
    Some(violation)
}

/// Replaces the value. Taking the whole entry out would break a mapping in braces, and leave a key
/// without value where it is the only variable.
fn switch_off(variable: &Variable) -> Option<Fix> {
    // Another's value may serve others too, and a field of the pipeline form is somebody's wish.
    if !has_own_value(variable) || variable.prompted {
        return None;
    }
    let text = match variable.site.span.len().checked_sub(variable.value.len()) {
        Some(0) => "false",
        Some(2) => "\"false\"",
        _ => return None,
    };
    Some(Fix {
        title: format!("switch `{}` off", variable.name),
        safety: FixSafety::Safe,
        replacements: vec![Replacement {
            site: variable.site.clone(),
            text: text.to_owned(),
        }],
    })
}

/// Whether the value stands beside its key; that of a YAML alias stands where its anchor does.
fn has_own_value(variable: &Variable) -> bool {
    variable.site.source == variable.entry.source
        && variable.entry.span.contains(variable.site.span)
}

fn place(variable: &Variable) -> &Site {
    if has_own_value(variable) {
        &variable.site
    } else {
        &variable.entry
    }
}

fn subject(variable: &Variable) -> String {
    let (job, within) = match &variable.scope {
        VariableScope::Global => return format!("variables, {}", variable.name),
        VariableScope::WorkflowRule => return format!("workflow rules, {}", variable.name),
        VariableScope::Job(job) => (job, "variables"),
        VariableScope::JobRule(job) => (job, "rules"),
        VariableScope::JobMatrix(job) => (job, "matrix"),
        VariableScope::Script(job) => (job, "script"),
    };
    let key = phrase::place(place(variable), Some(job));
    format!("{key}, {within}, {}", variable.name)
}

/// The jobs that the definition is for, in words.
fn reach(variable: &Variable) -> String {
    let inheriting = |job| {
        let key = phrase::place(place(variable), Some(job));
        if key == **job {
            format!("job {}", phrase::code(job))
        } else {
            format!("every job that inherits {}", phrase::code(&key))
        }
    };
    match &variable.scope {
        VariableScope::Global => "every job".to_owned(),
        VariableScope::WorkflowRule => "every job, when the workflow rule matches,".to_owned(),
        VariableScope::Job(job) | VariableScope::Script(job) => inheriting(job),
        VariableScope::JobRule(job) => format!("{}, when the rule matches,", inheriting(job)),
        VariableScope::JobMatrix(job) => {
            format!("{}, in such a run of its matrix,", inheriting(job))
        }
    }
}

/// Whether the runner takes the value for true. It reads it with Go's `strconv.ParseBool`
/// (gitlab-org/gitlab-runner `common/build.go`); `yes` and `on` come from YAML, which turns them into
/// `true` before.
fn is_true(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    ["1", "t", "true", "yes", "on"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Facts, SourceId, Span};

    fn variable(value: &str, scope: VariableScope) -> Variable {
        Variable {
            name: "CI_DEBUG_TRACE".into(),
            value: value.into(),
            prompted: false,
            scope,
            site: Site::new(SourceId(0), Span::new(20, 20 + value.len())),
            entry: Site::new(SourceId(0), Span::new(4, 40)),
        }
    }

    fn found(variable: Variable) -> Vec<Violation> {
        let facts = Facts {
            variables: vec![variable],
            ..Facts::default()
        };
        sample::run(&DebugTrace, &facts)
    }

    #[test]
    fn true_in_every_spelling() {
        for value in [
            "true", "TRUE", "True", "1", "\"true\"", "yes", "on", " true ",
        ] {
            assert_eq!(
                found(variable(value, VariableScope::Global)).len(),
                1,
                "{value}"
            );
        }
    }

    #[test]
    fn false_empty_and_unknown_values_are_silent() {
        for value in [
            "false",
            "\"false\"",
            "0",
            "no",
            "",
            "$TRACE",
            "truely",
            "${X:-true}",
        ] {
            assert!(
                found(variable(value, VariableScope::Global)).is_empty(),
                "{value}"
            );
        }
    }

    #[test]
    fn manual_field_without_value_is_silent() {
        let mut prompted = variable("", VariableScope::Global);
        prompted.prompted = true;
        assert!(found(prompted.clone()).is_empty());

        prompted.value = "true".into();
        let violations = found(prompted);
        assert_eq!(violations.len(), 1);
        assert!(
            violations[0].fix.is_none(),
            "the form is what someone asked for"
        );
    }

    #[test]
    fn other_variables_are_silent() {
        let mut other = variable("true", VariableScope::Global);
        other.name = "CI_DEBUG_TRACE_NOTE".into();
        assert!(found(other).is_empty());
    }

    #[test]
    fn every_scope_fires_under_a_subject_of_its_own() {
        let job: std::sync::Arc<str> = "deploy".into();
        let scopes = [
            VariableScope::Global,
            VariableScope::WorkflowRule,
            VariableScope::Job(job.clone()),
            VariableScope::JobRule(job.clone()),
            VariableScope::JobMatrix(job.clone()),
            VariableScope::Script(job),
        ];
        let mut subjects = std::collections::BTreeSet::new();
        for scope in scopes.clone() {
            let violations = found(variable("true", scope));
            assert_eq!(violations.len(), 1);
            subjects.insert(violations[0].subject.clone());
        }
        assert_eq!(subjects.len(), scopes.len());
    }

    #[test]
    fn jobs_that_inherit_a_definition_agree_on_its_subject() {
        let inherited = |job: &str| {
            let mut variable = variable("true", VariableScope::Job(job.into()));
            variable.site = variable
                .site
                .with_route(".base › variables › CI_DEBUG_TRACE");
            found(variable).remove(0)
        };
        assert_eq!(inherited("a").subject, inherited("b").subject);
        assert!(
            inherited("a")
                .message
                .contains("every job that inherits `.base`")
        );
    }

    #[test]
    fn fix_replaces_the_value_in_its_quotes() {
        let text = |line: &str, value: &str| {
            let start = line.find(value).unwrap();
            let mut variable = variable(value.trim_matches('"'), VariableScope::Global);
            variable.site.span = Span::new(start, start + value.len());
            variable.entry.span = Span::new(0, line.len());
            let fix = found(variable).remove(0).fix.unwrap();
            assert_eq!(fix.safety, FixSafety::Safe);
            let mut mended = line.to_owned();
            let edit = &fix.replacements[0];
            mended.replace_range(edit.site.span.start..edit.site.span.end, &edit.text);
            mended
        };
        assert_eq!(
            text("CI_DEBUG_TRACE: true", "true"),
            "CI_DEBUG_TRACE: false"
        );
        assert_eq!(
            text("CI_DEBUG_TRACE: \"1\"", "\"1\""),
            "CI_DEBUG_TRACE: \"false\""
        );
        assert_eq!(
            text("CI_DEBUG_TRACE: 'true'", "true"),
            "CI_DEBUG_TRACE: 'false'"
        );
    }

    #[test]
    fn no_fix_where_the_value_stands_elsewhere_or_in_a_script() {
        let mut alias = variable("true", VariableScope::Global);
        alias.site.span = Span::new(100, 104);
        let (key, value) = (alias.entry.clone(), alias.site.clone());
        let violation = found(alias).remove(0);
        assert!(violation.fix.is_none());
        assert_eq!((violation.primary, &violation.related[0].0), (key, &value));

        let mut odd = variable("true", VariableScope::Global);
        odd.site.span = Span::new(20, 35);
        assert!(found(odd).remove(0).fix.is_none());

        let script = found(variable("true", VariableScope::Script("deploy".into())));
        assert!(script[0].fix.is_none());
        assert_eq!(script[0].confidence, Some(Confidence::Medium));
    }

    #[test]
    fn service_logs_are_a_lesser_case() {
        let mut services = variable("true", VariableScope::Global);
        services.name = "CI_DEBUG_SERVICES".into();
        assert_eq!(found(services)[0].severity, Some(Severity::Medium));
        assert_eq!(
            found(variable("true", VariableScope::Global))[0].severity,
            None
        );
    }
}
