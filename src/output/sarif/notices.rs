//! What could not be read and what the report leaves out, as notifications of the run.

use serde_json::json;
use serde_sarif::sarif;

use super::{MAX_RESULTS, artifact, message, multiformat, number, symbolic_name};
use crate::model::{PathBase, Position, ProblemLevel, Report, SuppressionKind, UnusedSuppression};
use crate::output::prose;

const MAX_SUPPRESSIONS: usize = 25;
const UNUSED_SUPPRESSION: &str = "unused-suppression";
const REPORT_LIMIT: &str = "report-limit";
const HELP: &str = "No problem stops a run. One of level `error` means that something asked for \
                    was not read or is not shown; the report is then incomplete.";

/// The notifications of a run and the descriptors they refer to.
#[derive(Default)]
pub(super) struct Notices {
    pub(super) execution: Vec<sarif::Notification>,
    pub(super) configuration: Vec<sarif::Notification>,
    pub(super) descriptors: Vec<sarif::ReportingDescriptor>,
}

impl Notices {
    pub(super) fn new(report: &Report) -> Self {
        let mut notices = Self::default();
        notices.problems(report);
        let results = report.findings.len().saturating_sub(MAX_RESULTS);
        if results > 0 {
            let text = format!(
                "{results} of {} findings are left out, the least severe ones",
                report.findings.len()
            );
            let notice = notices.notice(REPORT_LIMIT, "error", &text);
            notices.execution.push(notice);
        }
        notices.suppressions(&report.unused_suppressions);
        notices
    }

    fn problems(&mut self, report: &Report) {
        for problem in &report.problems {
            let text = match &problem.mend {
                Some(mend) => format!(
                    "{} {}",
                    prose::sentence(&problem.message),
                    prose::sentence(mend)
                ),
                None => problem.message.clone(),
            };
            let notice = self.notice(
                problem.class.as_str(),
                notification_level(problem.level),
                &text,
            );
            let place = notification_place(&problem.path, problem.base, problem.position);
            self.execution.push(sarif::Notification {
                locations: place,
                ..notice
            });
        }
        for left_out in &report.left_out {
            let level = notification_level(left_out.level);
            let text = prose::left_out(left_out);
            let notice = self.notice(left_out.class.as_str(), level, &text);
            self.execution.push(notice);
        }
    }

    fn suppressions(&mut self, unused: &[UnusedSuppression]) {
        let shown = unused.len().min(MAX_SUPPRESSIONS);
        for unused in &unused[..shown] {
            let what = match unused.kind {
                SuppressionKind::Inline => "comment",
                SuppressionKind::Config => "ignore entry",
                SuppressionKind::Baseline => "baseline entry",
            };
            let text = format!("{what} {}", unused.message);
            let notice = self.notice(UNUSED_SUPPRESSION, "note", &text);
            let place = notification_place(&unused.path, unused.base, Some(unused.position));
            self.configuration.push(sarif::Notification {
                locations: place,
                ..notice
            });
        }
        if shown < unused.len() {
            let more = (unused.len() - shown) as u64;
            let noun = prose::counted(more, "more suppression", "more suppressions");
            let notice = self.notice(
                UNUSED_SUPPRESSION,
                "note",
                &format!("{noun} that hide nothing are left out"),
            );
            self.configuration.push(notice);
        }
    }

    fn notice(&mut self, id: &str, level: &str, text: &str) -> sarif::Notification {
        let index = self
            .descriptors
            .iter()
            .position(|descriptor| descriptor.id == id)
            .unwrap_or_else(|| {
                self.descriptors.push(sarif::ReportingDescriptor {
                    name: symbolic_name(id),
                    short_description: Some(multiformat(meaning(id))),
                    full_description: Some(multiformat(meaning(id))),
                    help: Some(multiformat(HELP)),
                    ..sarif::ReportingDescriptor::builder().id(id).build()
                });
                self.descriptors.len() - 1
            });
        sarif::Notification {
            level: Some(json!(level)),
            descriptor: Some(sarif::ReportingDescriptorReference {
                id: Some(id.to_owned()),
                index: Some(number(index)),
                ..Default::default()
            }),
            ..sarif::Notification::builder()
                .message(message(text))
                .build()
        }
    }
}

/// What notifications of this id are about.
fn meaning(id: &str) -> &'static str {
    match id {
        "unreadable" => "A file or folder could not be opened or read.",
        "special-file" => "A fifo, socket or device stands where a file is meant.",
        "loop" => "A folder links back to one above it.",
        "ci-syntax" => "A CI file is not valid.",
        "missing-include" => "A local include does not exist.",
        "ci-resolution" => "Includes, `extends` or references go round in a circle or too deep.",
        "limit" => "A limit stopped the work.",
        "inventory-syntax" => "An inventory is not valid.",
        "suppression" => "A suppression is not valid.",
        "configuration" => "The configuration of a repository is not valid.",
        "gap" => "Something lies outside of the scanned input.",
        UNUSED_SUPPRESSION => "A suppression hides nothing or has run out.",
        REPORT_LIMIT => "The report has more to say than its receivers take.",
        _ => "Something could not be read or resolved.",
    }
}

fn notification_place(
    path: &str,
    base: PathBase,
    position: Option<Position>,
) -> Option<Vec<sarif::Location>> {
    (!path.is_empty()).then(|| {
        vec![sarif::Location {
            physical_location: Some(sarif::PhysicalLocation {
                artifact_location: Some(artifact(path, base)),
                region: position.map(|position| sarif::Region {
                    start_line: Some(number(position.line)),
                    start_column: Some(number(position.column)),
                    ..Default::default()
                }),
                ..Default::default()
            }),
            ..Default::default()
        }]
    })
}

const fn notification_level(level: ProblemLevel) -> &'static str {
    match level {
        ProblemLevel::Error => "error",
        ProblemLevel::Note => "note",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::tests::{list, run_of};
    use super::*;
    use crate::model::{Confidence, LeftOut, Problem, ProblemClass};
    use crate::output::sample;

    fn with_problems(problems: Vec<Problem>) -> Value {
        let report = Report {
            problems,
            ..Report::default()
        };
        run_of(&report)["invocations"][0].clone()
    }

    #[test]
    fn the_least_severe_results_are_left_out_above_the_limit() {
        let mut finding = sample::inventory_finding();
        finding.confidence = Confidence::Low;
        let report = Report {
            findings: vec![finding; MAX_RESULTS + 7],
            ..Report::default()
        };
        let run = run_of(&report);
        assert_eq!(list(&run["results"]).len(), MAX_RESULTS);
        let notice = &run["invocations"][0]["toolExecutionNotifications"][0];
        assert_eq!(notice["descriptor"]["id"], "report-limit");
        assert_eq!(
            notice["message"]["text"],
            "7 of 25007 findings are left out, the least severe ones."
        );
    }

    #[test]
    fn problems_are_notifications_with_place_and_mend() {
        let run = run_of(&sample::report());
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        let notice = &invocation["toolExecutionNotifications"][0];
        assert_eq!(notice["level"], "error");
        assert_eq!(
            notice["message"]["text"],
            "Mapping values are not allowed here. Give it as a file."
        );
        assert_eq!(
            notice["locations"][0]["physicalLocation"],
            json!({
                "artifactLocation": {"uri": "broken.gitlab-ci.yml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 3, "startColumn": 5},
            })
        );
        let descriptors = list(&run["tool"]["driver"]["notifications"]);
        for key in [
            "toolExecutionNotifications",
            "toolConfigurationNotifications",
        ] {
            for notice in list(&invocation[key]) {
                let index = usize::try_from(notice["descriptor"]["index"].as_u64().unwrap());
                assert_eq!(
                    notice["descriptor"]["id"],
                    descriptors[index.unwrap()]["id"]
                );
            }
        }
        assert_eq!(
            invocation["toolConfigurationNotifications"][0]["message"]["text"],
            "Ignore entry hides nothing."
        );
    }

    #[test]
    fn notes_leave_the_run_successful() {
        let note = sample::problem(ProblemLevel::Note, ProblemClass::Gap, "", "it is outside");
        let invocation = with_problems(vec![note]);
        assert_eq!(invocation["executionSuccessful"], true);
        let notice = &invocation["toolExecutionNotifications"][0];
        assert_eq!(notice["level"], "note");
        assert_eq!(notice["locations"], Value::Null);
    }

    #[test]
    fn problems_that_are_left_out_are_a_notification_of_their_class() {
        let left_out = LeftOut {
            level: ProblemLevel::Error,
            class: ProblemClass::Unreadable,
            number: 15,
        };
        let report = Report {
            left_out: vec![left_out],
            ..Report::default()
        };
        let invocation = run_of(&report)["invocations"][0].clone();
        assert_eq!(invocation["executionSuccessful"], false);
        let notice = &invocation["toolExecutionNotifications"][0];
        assert_eq!(notice["descriptor"]["id"], "unreadable");
        assert_eq!(notice["level"], "error");
        assert_eq!(
            notice["message"]["text"],
            "15 more problems of this class are left out."
        );
    }

    #[test]
    fn many_unused_suppressions_become_a_count() {
        let unused = UnusedSuppression {
            message: "hides nothing".to_owned(),
            ..sample::report().unused_suppressions[0].clone()
        };
        let report = Report {
            unused_suppressions: vec![unused; 30],
            ..Report::default()
        };
        let run = run_of(&report);
        let notices = list(&run["invocations"][0]["toolConfigurationNotifications"]);
        assert_eq!(notices.len(), 26);
        assert_eq!(
            notices[25]["message"]["text"],
            "5 more suppressions that hide nothing are left out."
        );
    }
}
