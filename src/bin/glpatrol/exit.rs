//! Exit codes.

use std::io::{self, Write};
use std::process::ExitCode;

use glpatrol::engine;
use glpatrol::model::{FailOn, Fleet, Report};
use glpatrol::output::{self, Verdict};

/// How a command ended, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Nothing found, everything read.
    Clean,
    /// Something asked for was not read.
    Incomplete,
    /// Findings at or above the threshold, or examples that do not hold.
    Findings,
}

impl Outcome {
    /// What a report comes to; findings outrank what was not read.
    pub(crate) fn of(report: &Report, fail_on: FailOn, allow_incomplete: bool) -> Self {
        let verdict = Verdict {
            fail_on,
            worst: report.active().map(|finding| finding.severity).max(),
            complete: report.is_complete(),
        };
        Self::of_verdict(verdict, allow_incomplete)
    }

    fn of_verdict(verdict: Verdict, allow_incomplete: bool) -> Self {
        let reached = |worst| verdict.fail_on.reached_by(worst);
        if verdict.worst.is_some_and(reached) {
            Self::Findings
        } else if !allow_incomplete && !verdict.complete {
            Self::Incomplete
        } else {
            Self::Clean
        }
    }

    /// What the runs of a merged log come to: the worst of them. `fail_on` outranks what each of them
    /// says.
    pub(crate) fn of_verdicts(
        verdicts: impl Iterator<Item = Verdict>,
        fail_on: Option<FailOn>,
        allow_incomplete: bool,
    ) -> Self {
        verdicts
            .map(|verdict| {
                let fail_on = fail_on.unwrap_or(verdict.fail_on);
                Self::of_verdict(Verdict { fail_on, ..verdict }, allow_incomplete)
            })
            .max()
            .unwrap_or(Self::Clean)
    }

    /// What the reports of several repositories come to: the worst of them. `fail_on` outranks what
    /// each of them says.
    pub(crate) fn of_fleet(fleet: &Fleet, fail_on: Option<FailOn>, allow_incomplete: bool) -> Self {
        fleet
            .members
            .iter()
            .map(|member| {
                let fail_on = fail_on.unwrap_or(member.fail_on);
                Self::of(&member.report, fail_on, allow_incomplete)
            })
            .max()
            .unwrap_or(Self::Clean)
    }
}

/// The exit code: 0 clean, 1 findings, 2 could not run, 3 incomplete. A reader that went away (a
/// closed pipe) is no failure of the program.
pub(crate) fn code(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::Incomplete) => ExitCode::from(3),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // The message may quote a file of a repository that nobody has looked at yet.
            let message = output::neutral(&engine::masked(&format!("{error:#}")));
            // Standard error may be closed too; then there is nobody left to tell.
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::from(2)
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
