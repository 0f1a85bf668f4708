//! The `human` format of several repositories: a head above the findings of each, and which of them
//! want a look.

use std::io;

use super::{Ink, Page, prose};
use crate::model::{Fleet, Member, ProblemClass, ProblemLevel};
use crate::rules::RuleSet;

/// Repositories with errors that are named before the rest is counted.
const MAX_NAMES: usize = 10;
/// Digits of a commit.
const SHORT: usize = 12;

impl<'r> Page<'_, 'r> {
    /// A repository that has something to say.
    pub(super) fn member(&mut self, member: &'r Member, rules: &RuleSet) -> io::Result<()> {
        if self.is_silent(member) {
            return Ok(());
        }
        self.headed(Ink::Bold, "repository", &title(member))?;
        writeln!(self.out)?;
        self.body(&member.report, rules)
    }

    fn is_silent(&self, member: &Member) -> bool {
        let report = &member.report;
        let shown = |level, class| match level {
            ProblemLevel::Error => true,
            ProblemLevel::Note => {
                self.style.verbose > 0 && !self.style.quiet && class != ProblemClass::Gap
            }
        };
        report.active().next().is_none()
            && !report
                .problems
                .iter()
                .any(|problem| shown(problem.level, problem.class))
            && !report
                .left_out
                .iter()
                .any(|left_out| left_out.level == ProblemLevel::Error)
            && (self.style.quiet
                || report.unused_suppressions.is_empty()
                    && (self.style.verbose == 0 || report.findings.is_empty()))
    }

    /// `3 repositories: 1 with findings, 1 incomplete; shard 2 of 4`
    pub(super) fn fleet(&mut self, fleet: &Fleet) -> io::Result<()> {
        let number = |number: usize, one, many| prose::counted(number as u64, one, many);
        let count = |wanted: &dyn Fn(&Member) -> bool| {
            fleet.members.iter().filter(|member| wanted(member)).count()
        };
        let found = count(&|member| member.report.active().next().is_some());
        let incomplete: Vec<&str> = fleet
            .members
            .iter()
            .filter(|member| !member.report.is_complete())
            .map(|member| &*member.name)
            .collect();
        let mut text = number(fleet.members.len(), "repository", "repositories");
        if !fleet.members.is_empty() {
            text = format!("{text}: {found} with findings");
        }
        if !incomplete.is_empty() {
            let named = incomplete[..incomplete.len().min(MAX_NAMES)].join(", ");
            text = format!("{text}, {} incomplete ({named}", incomplete.len());
            if incomplete.len() > MAX_NAMES {
                text = format!("{text} and {} more", incomplete.len() - MAX_NAMES);
            }
            text.push(')');
        }
        if let Some(shards) = &fleet.shards {
            let scanned: Vec<_> = shards.scanned.iter().map(u32::to_string).collect();
            let noun = if scanned.len() == 1 {
                "shard"
            } else {
                "shards"
            };
            text = format!("{text}; {noun} {} of {}", scanned.join(", "), shards.total);
        }
        self.headed(Ink::Bold, "scanned:", &text)
    }
}

/// `acme/shop (main 1a2b3c4d5e6f, https://gitlab.example/acme/shop)`
fn title(member: &Member) -> String {
    let described = &member.version_control;
    let revision = described
        .revision
        .as_deref()
        .map(|id| id.get(..SHORT).unwrap_or(id));
    let at: Vec<&str> = described
        .branch
        .as_deref()
        .into_iter()
        .chain(revision)
        .collect();
    let known: Vec<String> = [at.join(" "), described.uri.clone().unwrap_or_default()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    if known.is_empty() {
        member.name.to_string()
    } else {
        format!("{} ({})", member.name, known.join(", "))
    }
}
