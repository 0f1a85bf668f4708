//! The end of the `human` format: findings by severity, what was read and what was not.

use std::io;

use super::{Ink, Page, where_and_what};
use crate::model::{
    Finding, Fleet, LeftOut, Problem, ProblemClass, ProblemLevel, Report, Severity, Stats,
};
use crate::output::{prose, sanitize};

/// Unresolved parts that are named before the rest is counted.
const MAX_GAPS: usize = 10;

/// What a run read and found: one report, or those of many repositories with their names.
pub(super) struct Summary<'r> {
    parts: Vec<(Option<&'r str>, &'r Report)>,
    stats: Stats,
}

impl<'r> Summary<'r> {
    pub(super) fn of_report(report: &'r Report) -> Self {
        Self {
            parts: vec![(None, report)],
            stats: report.stats.clone(),
        }
    }

    pub(super) fn of_fleet(fleet: &'r Fleet) -> Self {
        let mut stats = Stats::default();
        for member in &fleet.members {
            stats.add(&member.report.stats);
        }
        let parts = fleet
            .members
            .iter()
            .map(|member| (Some(&*member.name), &member.report))
            .collect();
        Self { parts, stats }
    }

    fn reports(&self) -> impl Iterator<Item = &'r Report> {
        self.parts.iter().map(|(_, report)| *report)
    }

    fn active(&self) -> impl Iterator<Item = &'r Finding> {
        self.reports().flat_map(Report::active)
    }

    fn is_complete(&self) -> bool {
        self.reports().all(Report::is_complete)
    }

    /// How many of the problems that are left out are such.
    fn left_out(&self, is_such: impl Fn(&LeftOut) -> bool) -> u64 {
        let left_out = self.reports().flat_map(|report| &report.left_out);
        let such = left_out.filter(|left_out| is_such(left_out));
        such.map(|left_out| left_out.number).sum()
    }

    fn problems(
        &self,
        level: ProblemLevel,
    ) -> impl Iterator<Item = (Option<&'r str>, &'r Problem)> {
        self.parts
            .iter()
            .flat_map(|(name, report)| report.problems.iter().map(move |problem| (*name, problem)))
            .filter(move |(_, problem)| problem.level == level)
    }
}

impl Page<'_, '_> {
    /// The last lines of the report, and all of it where there is nothing to say.
    pub(super) fn summary(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let result = tally(summary);
        let complete = summary.is_complete();
        let ink = if summary.active().next().is_some() {
            Ink::Bold
        } else if complete {
            Ink::Green
        } else {
            Ink::Yellow
        };
        writeln!(self.out, "{}", self.ink(ink, &result))?;
        let head = if complete {
            "read everything asked for:"
        } else {
            "read:"
        };
        self.headed(Ink::None, head, &read(&summary.stats))?;
        let unread = unread(summary, self.style.verbose > 0);
        if !unread.is_empty() {
            self.headed(Ink::None, "not read:", &unread.join("; "))?;
        }
        self.gaps(summary)?;
        if !complete {
            let text = "what could not be read may hold more; see the errors above";
            self.headed(Ink::Red, "incomplete:", text)?;
        }
        Ok(())
    }

    fn gaps(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let gaps: Vec<_> = summary
            .problems(ProblemLevel::Note)
            .filter(|(_, problem)| problem.class == ProblemClass::Gap)
            .collect();
        if gaps.is_empty() {
            return Ok(());
        }
        let shown = if self.style.verbose > 0 {
            gaps.len()
        } else {
            gaps.len().min(MAX_GAPS)
        };
        writeln!(self.out, "outside of what was scanned:")?;
        for (name, gap) in &gaps[..shown] {
            let said = where_and_what(gap);
            let said = match name {
                Some(name) => format!("{name}: {said}"),
                None => said,
            };
            writeln!(self.out, "  {}", sanitize::line(&said))?;
        }
        let more = (gaps.len() - shown) as u64
            + summary.left_out(|left_out| {
                (left_out.level, left_out.class) == (ProblemLevel::Note, ProblemClass::Gap)
            });
        if more > 0 {
            writeln!(self.out, "  and {}", prose::counted(more, "more", "more"))?;
        }
        Ok(())
    }
}

/// `3 findings: 1 critical, 2 medium; 1 suppressed`
fn tally(summary: &Summary<'_>) -> String {
    let active = summary.active().count();
    let mut text = if active == 0 {
        "no findings".to_owned()
    } else {
        let by_severity: Vec<_> = Severity::ALL
            .iter()
            .rev()
            .map(|severity| {
                let number = summary
                    .active()
                    .filter(|finding| finding.severity == *severity)
                    .count();
                (number, severity)
            })
            .filter(|(number, _)| *number > 0)
            .map(|(number, severity)| format!("{number} {severity}"))
            .collect();
        format!(
            "{}: {}",
            prose::counted(active as u64, "finding", "findings"),
            by_severity.join(", ")
        )
    };
    let all: usize = summary.reports().map(|report| report.findings.len()).sum();
    let suppressed = all - active;
    if suppressed > 0 {
        text = format!("{text}; {suppressed} suppressed");
    }
    text
}

fn read(stats: &Stats) -> String {
    let packed = match stats.members {
        0 => String::new(),
        members => {
            let members = prose::counted(members, "archive member", "archive members");
            format!(", {members}")
        }
    };
    let mut text = format!(
        "{} ({}){packed}, {}",
        prose::counted(stats.files, "file", "files"),
        prose::bytes(stats.bytes),
        prose::counted(stats.ci_files, "CI file", "CI files"),
    );
    if stats.ci_files > 0 {
        let jobs = prose::counted(stats.jobs, "job", "jobs");
        text = format!("{text} with {jobs}");
    }
    if stats.repositories > 0 {
        let objects = prose::counted(stats.objects, "Git object", "Git objects");
        let bytes = prose::bytes(stats.object_bytes);
        text = format!("{text}, {objects} ({bytes})");
    }
    let inventories = prose::counted(stats.inventories, "inventory", "inventories");
    text = format!("{text}, {inventories}");
    if stats.inventories > 0 {
        let tokens = prose::counted(stats.tokens, "token", "tokens");
        text = format!("{text} with {tokens}");
    }
    text
}

/// Everything that was passed over; `listed` is whether notes stand above.
fn unread(summary: &Summary<'_>, listed: bool) -> Vec<String> {
    let mut parts = Vec::new();
    let errors = summary.problems(ProblemLevel::Error).count() as u64
        + summary.left_out(|left_out| left_out.level == ProblemLevel::Error);
    if errors > 0 {
        parts.push(prose::counted(errors, "error above", "errors above"));
    }
    let notes = summary
        .problems(ProblemLevel::Note)
        .filter(|(_, problem)| problem.class != ProblemClass::Gap)
        .count() as u64
        + summary.left_out(|left_out| {
            left_out.level == ProblemLevel::Note && left_out.class != ProblemClass::Gap
        });
    if notes > 0 {
        let notes = prose::counted(notes, "note", "notes");
        let how = if listed { "above" } else { "(-v lists them)" };
        parts.push(format!("{notes} {how}"));
    }
    if summary.stats.special_files > 0 {
        parts.push(prose::counted(
            summary.stats.special_files,
            "fifo, socket or device",
            "fifos, sockets or devices",
        ));
    }
    parts
}
