//! Finds commands that print every variable of a job into its log.

use super::{phrase, plain};
use crate::model::{Disclosure, DisclosureKind, OutputSink, Violation};
use crate::policy::{Check, CheckDef, Context};

pub(super) const DEF: CheckDef = CheckDef {
    name: "environment-dump",
    build: plain::<EnvironmentDump>,
};

/// A dump of the environment that reaches the log. What goes to a file, into a variable or through a
/// filter that leaves names only is no dump.
#[derive(Default)]
pub(super) struct EnvironmentDump;

impl Check for EnvironmentDump {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        violations.extend(context.facts.disclosures.iter().filter_map(judge));
    }
}

fn judge(disclosure: &Disclosure) -> Option<Violation> {
    let DisclosureKind::Environment(command) = &disclosure.kind;
    match disclosure.sink {
        OutputSink::Log => {}
        OutputSink::File(_) | OutputSink::NamesOnly | OutputSink::Captured => return None,
    }
    let place = phrase::place(&disclosure.site, disclosure.job.as_ref());
    Some(
        Violation::new(
            disclosure.site.clone(),
            format!("{place}, {command}"),
            format!(
                "{} prints every variable of the job into its log, in clear unless it is masked",
                phrase::code(command)
            ),
        )
        .confidence_at_most(disclosure.confidence),
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Confidence, Facts};

    fn found(command: &str, sink: OutputSink) -> Vec<Violation> {
        let facts = Facts {
            disclosures: vec![Disclosure {
                kind: DisclosureKind::Environment(command.into()),
                sink,
                job: Some("build".into()),
                site: sample::site(30),
                confidence: Confidence::Medium,
            }],
            ..Facts::default()
        };
        sample::run(&EnvironmentDump, &facts)
    }

    #[test]
    fn a_dump_into_the_log_fires_where_the_command_stands() {
        let violations = found("printenv", OutputSink::Log);
        assert_eq!(violations.len(), 1);
        assert_eq!(violations[0].primary, sample::site(30));
        assert_eq!(violations[0].subject, "build, printenv");
        assert_eq!(violations[0].confidence, Some(Confidence::Medium));
        assert!(violations[0].message.contains("`printenv`"));
    }

    #[test]
    fn what_stays_out_of_the_log_is_silent() {
        assert!(found("env", OutputSink::File("env.txt".into())).is_empty());
        assert!(found("env", OutputSink::NamesOnly).is_empty());
        assert!(found("env", OutputSink::Captured).is_empty());
    }
}
