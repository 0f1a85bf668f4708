//! The end of the `human` format: findings by severity, what was read and what was not.

use std::io;

use super::{Ink, Page, where_and_what};
use crate::model::{ProblemClass, ProblemLevel, Report, Severity, Stats};
use crate::output::{prose, sanitize};

/// Unresolved parts that are named before the rest is counted.
const MAX_GAPS: usize = 10;

impl Page<'_, '_> {
    /// The last lines of the report, and all of it where there is nothing to say.
    pub(super) fn summary(&mut self, report: &Report) -> io::Result<()> {
        let result = tally(report);
        let ink = if report.active().next().is_some() {
            Ink::Bold
        } else if report.is_complete() {
            Ink::Green
        } else {
            Ink::Yellow
        };
        writeln!(self.out, "{}", self.ink(ink, &result))?;
        let head = if report.is_complete() {
            "read everything asked for:"
        } else {
            "read:"
        };
        self.headed(Ink::None, head, &read(&report.stats))?;
        let unread = unread(report, self.style.verbose > 0);
        if !unread.is_empty() {
            self.headed(Ink::None, "not read:", &unread.join("; "))?;
        }
        self.gaps(report)?;
        if !report.is_complete() {
            let text = "what could not be read may hold more; see the errors above";
            self.headed(Ink::Red, "incomplete:", text)?;
        }
        Ok(())
    }

    fn gaps(&mut self, report: &Report) -> io::Result<()> {
        let gaps: Vec<_> = report
            .problems
            .iter()
            .filter(|problem| {
                problem.class == ProblemClass::Gap && problem.level == ProblemLevel::Note
            })
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
        for gap in &gaps[..shown] {
            writeln!(self.out, "  {}", sanitize::line(&where_and_what(gap)))?;
        }
        if shown < gaps.len() {
            let more = (gaps.len() - shown) as u64;
            writeln!(self.out, "  and {}", prose::counted(more, "more", "more"))?;
        }
        Ok(())
    }
}

/// `3 findings: 1 critical, 2 medium; 1 suppressed`
fn tally(report: &Report) -> String {
    let active = report.active().count();
    let mut text = if active == 0 {
        "no findings".to_owned()
    } else {
        let by_severity: Vec<_> = Severity::ALL
            .iter()
            .rev()
            .map(|severity| {
                let number = report
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
    let suppressed = report.findings.len() - active;
    if suppressed > 0 {
        text = format!("{text}; {suppressed} suppressed");
    }
    text
}

fn read(stats: &Stats) -> String {
    let mut text = format!(
        "{} ({}), {}",
        prose::counted(stats.files, "file", "files"),
        prose::bytes(stats.bytes),
        prose::counted(stats.ci_files, "CI file", "CI files"),
    );
    if stats.ci_files > 0 {
        let jobs = prose::counted(stats.jobs, "job", "jobs");
        text = format!("{text} with {jobs}");
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
fn unread(report: &Report, listed: bool) -> Vec<String> {
    let mut parts = Vec::new();
    let level = |wanted| {
        report
            .problems
            .iter()
            .filter(move |problem| problem.level == wanted)
    };
    let errors = level(ProblemLevel::Error).count() as u64;
    if errors > 0 {
        parts.push(prose::counted(errors, "error above", "errors above"));
    }
    let notes = level(ProblemLevel::Note)
        .filter(|problem| problem.class != ProblemClass::Gap)
        .count() as u64;
    if notes > 0 {
        let notes = prose::counted(notes, "note", "notes");
        let how = if listed { "above" } else { "(-v lists them)" };
        parts.push(format!("{notes} {how}"));
    }
    if report.stats.special_files > 0 {
        parts.push(prose::counted(
            report.stats.special_files,
            "fifo, socket or device",
            "fifos, sockets or devices",
        ));
    }
    parts
}
