//! The `human` format: what is wrong, where, why it matters and what to do next; at the end, what
//! was read and what was not.
//!
//! All text that may come from a repository passes through [`sanitize`] on its way out. An
//! explanation is given at the first finding of a rule; two hundred findings are not two hundred
//! copies of it.

mod fleet;
mod picture;
mod summary;
mod window;

use std::collections::BTreeSet;
use std::io::{self, Write};

use self::summary::Summary;
use super::{Style, prose, sanitize};
use crate::model::{
    Finding, Fleet, Leak, Problem, ProblemClass, ProblemLevel, Report, SuppressionKind,
};
use crate::rules::{Rule, RuleSet};

/// Related places that are named before the rest is counted.
const MAX_PLACES: usize = 10;
/// Characters of a rule's explanation that are shown without `-v`, where one sentence has fewer.
const WHY_ROOM: usize = 200;
/// Columns of the labels left of the text: `  digest `.
const INDENT: usize = 9;
/// Below this, lines are no longer made shorter: they would hold nothing.
const MIN_WIDTH: usize = 40;

/// Writes the report for people.
pub(super) fn write(
    report: &Report,
    rules: &RuleSet,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(style, out);
    page.body(report, rules)?;
    if !style.quiet {
        page.summary(&Summary::of_report(report))?;
    }
    Ok(())
}

/// Writes the reports of several repositories for people, and at the end what all of them come to.
pub(super) fn write_fleet(
    fleet: &Fleet,
    rules: &RuleSet,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page::new(style, out);
    for member in &fleet.members {
        page.member(member, rules)?;
    }
    if !style.quiet {
        page.fleet(fleet)?;
        page.summary(&Summary::of_fleet(fleet))?;
    }
    Ok(())
}

/// Where the report goes and what has been said on it.
struct Page<'w, 'r> {
    out: &'w mut dyn Write,
    style: Style,
    width: usize,
    /// Rules whose explanation stands above.
    explained: BTreeSet<&'r str>,
}

impl<'w, 'r> Page<'w, 'r> {
    fn new(style: &Style, out: &'w mut dyn Write) -> Self {
        Self {
            out,
            style: *style,
            width: style.width.max(MIN_WIDTH),
            explained: BTreeSet::new(),
        }
    }

    /// Everything of a report but its summary.
    fn body(&mut self, report: &'r Report, rules: &RuleSet) -> io::Result<()> {
        for finding in report.active() {
            self.finding(finding, rules.get(finding.rule.as_str()))?;
        }
        self.problems(report)?;
        if !self.style.quiet {
            self.suppressions(report)?;
        }
        Ok(())
    }

    fn finding(&mut self, finding: &'r Finding, rule: Option<&Rule>) -> io::Result<()> {
        let drawn = picture::draw(finding, &self.style, self.width);
        self.out.write_all(drawn.as_bytes())?;
        if self.style.quiet {
            return writeln!(self.out);
        }
        let within = prose::layers(&finding.primary).into_iter();
        let route: Vec<_> = within
            .chain(finding.primary.route.as_deref().map(str::to_owned))
            .collect();
        if !route.is_empty() {
            self.entry("in", &route.join(", "))?;
        }
        if let Some(revision) = finding.primary.provenance.origin.revision() {
            self.entry("git", &prose::revision(revision))?;
        }
        self.related(finding)?;
        if let Some(leak) = &finding.leak {
            self.entry("token", &told(leak))?;
        }
        if let Some(rule) = rule {
            self.explanation(rule, finding.rule.as_str())?;
        }
        if let Some(fix) = &finding.fix {
            self.entry("fix", &fix.title)?;
        }
        if let Some(leak) = &finding.leak {
            self.entry("digest", leak.digest.as_str())?;
        }
        writeln!(self.out)
    }

    fn related(&mut self, finding: &Finding) -> io::Result<()> {
        let mut label = "also";
        let mut said = "";
        for place in finding.related.iter().take(MAX_PLACES) {
            let mut line = prose::place(
                &place.location.provenance.display_path(),
                place.location.start,
            );
            if let Some(revision) = place.location.provenance.origin.revision() {
                line = format!("{line}, {}", prose::commit(revision));
            }
            for layer in prose::layers(&place.location) {
                line = format!("{line}, {layer}");
            }
            // Copies of one token would all say the same.
            if place.message != said {
                line = format!("{line}: {}", place.message);
            }
            said = &place.message;
            self.entry(label, &line)?;
            label = "";
        }
        let all = finding
            .related
            .len()
            .max(finding.occurrences.saturating_sub(1));
        let unnamed = all - finding.related.len().min(MAX_PLACES);
        if unnamed > 0 {
            let more = prose::counted(unnamed as u64, "more place", "more places");
            self.entry(label, &format!("and {more}"))?;
        }
        Ok(())
    }

    fn explanation(&mut self, rule: &Rule, id: &'r str) -> io::Result<()> {
        if !self.explained.insert(id) {
            return self.entry("next", &format!("as for the first {id} above"));
        }
        let why = prose::unfolded(&rule.why);
        if self.style.verbose > 0 {
            self.entry("why", &why)?;
        } else {
            self.entry("why", prose::opening(&why, WHY_ROOM))?;
        }
        self.entry("next", &prose::unfolded(&rule.fix))?;
        if self.style.verbose > 0 {
            let mut label = "see";
            for reference in &rule.references {
                self.entry(label, reference)?;
                label = "";
            }
        }
        Ok(())
    }

    fn problems(&mut self, report: &Report) -> io::Result<()> {
        let errors = report
            .problems
            .iter()
            .filter(|problem| problem.level == ProblemLevel::Error);
        // Gaps have a list of their own in the summary.
        let notes = report.problems.iter().filter(|problem| {
            problem.level == ProblemLevel::Note && problem.class != ProblemClass::Gap
        });
        let mut any = false;
        for problem in errors {
            self.problem(problem, "error", Ink::Red)?;
            any = true;
        }
        let left_out = report.left_out.iter();
        for left_out in left_out.filter(|left_out| left_out.level == ProblemLevel::Error) {
            let head = format!("error[{}]:", left_out.class.as_str());
            self.headed(Ink::Red, &head, &prose::left_out(left_out))?;
            any = true;
        }
        if self.style.verbose > 0 && !self.style.quiet {
            for problem in notes {
                self.problem(problem, "note", Ink::Cyan)?;
                any = true;
            }
        }
        if any {
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn problem(&mut self, problem: &Problem, level: &str, ink: Ink) -> io::Result<()> {
        let head = format!("{level}[{}]:", problem.class.as_str());
        self.headed(ink, &head, &where_and_what(problem))?;
        match &problem.mend {
            Some(mend) if !self.style.quiet => self.entry("mend", mend),
            _ => Ok(()),
        }
    }

    fn suppressions(&mut self, report: &Report) -> io::Result<()> {
        let mut any = false;
        let mut known = 0;
        for unused in &report.unused_suppressions {
            // A baseline is written by the program, which also cleans it up.
            if unused.kind == SuppressionKind::Baseline {
                known += 1;
                if known > MAX_PLACES && self.style.verbose == 0 {
                    continue;
                }
            }
            let place = prose::place(&unused.path, unused.position);
            let what = suppressor(unused.kind);
            let text = format!("{place}: {what} {}", unused.message);
            self.headed(Ink::Cyan, "note[unused-suppression]:", &text)?;
            any = true;
        }
        if known > 0 {
            let more = known.saturating_sub(MAX_PLACES);
            let more = if more > 0 && self.style.verbose == 0 {
                format!("and {more} more baseline entries of no use; ")
            } else {
                String::new()
            };
            let text = format!("{more}`glpatrol baseline prune` drops what hides nothing");
            self.headed(Ink::Cyan, "note[unused-suppression]:", &text)?;
        }
        if self.style.verbose > 0 {
            for finding in &report.findings {
                let Some(suppressed) = &finding.suppression else {
                    continue;
                };
                let place = prose::place(
                    &finding.primary.provenance.display_path(),
                    finding.primary.start,
                );
                let head = format!("suppressed[{}]:", finding.rule);
                let by = suppressor(suppressed.kind);
                let text = format!("{place}: {} ({by}: {})", finding.message, suppressed.reason);
                self.headed(Ink::Cyan, &head, &text)?;
                any = true;
            }
        }
        if any {
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// One labelled paragraph below a finding or problem.
    fn entry(&mut self, label: &str, text: &str) -> io::Result<()> {
        let label = format!("  {label:<width$}", width = INDENT - 2);
        let indent = " ".repeat(INDENT);
        let room = self.width - INDENT;
        let mut before = self.ink(Ink::Dim, &label);
        for line in prose::folded(&sanitize::line(text), room, room) {
            writeln!(self.out, "{before}{line}")?;
            before.clone_from(&indent);
        }
        Ok(())
    }

    /// A paragraph after a head, indented from the second line on.
    fn headed(&mut self, ink: Ink, head: &str, text: &str) -> io::Result<()> {
        const INDENT: &str = "  ";
        let first = self.width.saturating_sub(head.chars().count() + 1);
        let mut before = format!("{} ", self.ink(ink, head));
        for line in prose::folded(&sanitize::line(text), first, self.width - INDENT.len()) {
            writeln!(self.out, "{before}{line}")?;
            INDENT.clone_into(&mut before);
        }
        Ok(())
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if self.style.color && ink != Ink::None {
            format!("\u{1b}[{}m{text}\u{1b}[0m", ink as u8)
        } else {
            text.to_owned()
        }
    }
}

/// Graphic renditions of ECMA-48 by their numbers; terminals map them to colours that can be read
/// on their background.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ink {
    None = 0,
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

/// What is known of a token: mask, kinds, evidence, identifiers.
fn told(leak: &Leak) -> String {
    let nouns = leak.nouns();
    let mut parts = vec![format!("`{}`", leak.mask)];
    if !nouns.is_empty() {
        parts.push(prose::listed(&nouns, "or"));
    }
    parts.extend(
        leak.evidence
            .iter()
            .map(|evidence| prose::evidence(*evidence).to_owned()),
    );
    parts.extend(prose::routing(leak));
    parts.join("; ")
}

fn where_and_what(problem: &Problem) -> String {
    let place = match problem.position {
        Some(position) => prose::place(&problem.path, position),
        None => problem.path.clone(),
    };
    if place.is_empty() {
        problem.message.clone()
    } else {
        format!("{place}: {}", problem.message)
    }
}

const fn suppressor(kind: SuppressionKind) -> &'static str {
    match kind {
        SuppressionKind::Inline => "comment",
        SuppressionKind::Config => "ignore entry",
        SuppressionKind::Baseline => "baseline entry",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Confidence, PathBase, Severity, Stats, UnusedSuppression};
    use crate::output::sample;
    use proptest::prelude::*;

    const PLAIN: Style = Style {
        color: false,
        unicode: true,
        width: 100,
        quiet: false,
        verbose: 0,
    };

    fn written(report: &Report, style: &Style) -> String {
        let mut out = Vec::new();
        write(report, &sample::rules(), style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn clean() -> Report {
        Report {
            stats: Stats {
                files: 12,
                bytes: 3 * 1024,
                ..Stats::default()
            },
            ..Report::default()
        }
    }

    #[test]
    fn looks_as_it_should() {
        insta::assert_snapshot!("plain", written(&sample::report(), &PLAIN));
        let narrow = Style {
            unicode: false,
            width: 60,
            verbose: 1,
            ..PLAIN
        };
        insta::assert_snapshot!("narrow_ascii_verbose", written(&sample::report(), &narrow));
    }

    #[test]
    fn a_finding_names_its_place_and_underlines_it() {
        let text = written(&sample::report(), &PLAIN);
        assert!(text.starts_with("critical[leaked-access-token]: access token in"));
        assert!(text.contains("[deploy/prod.sh:2:14]"));
        let lines: Vec<_> = text.lines().collect();
        let at = lines
            .iter()
            .position(|line| line.contains("export TOKEN="))
            .unwrap();
        let column = |line: &str, what: &str| line[..line.find(what).unwrap()].chars().count();
        assert_eq!(column(lines[at], "glpat-"), column(lines[at + 1], "─"));
        assert_eq!(lines[at + 1].matches('─').count(), sample::token().len());
    }

    #[test]
    fn what_is_known_of_a_token_is_told_in_words() {
        let text = written(
            &sample::report(),
            &Style {
                width: 400,
                ..PLAIN
            },
        );
        assert!(text.contains(
            "personal access token or project access token; checksum verified; user 42, organization 1\n"
        ));
        assert!(!text.contains(&sample::token()));
    }

    #[test]
    fn many_places_are_counted_after_ten() {
        let text = written(&sample::report(), &PLAIN);
        assert!(text.contains("copies/10.env:1:3") && !text.contains("copies/11.env"));
        assert!(text.contains("and 3 more places"));
        let mut report = sample::report();
        report.findings[0].occurrences = 500;
        assert!(written(&report, &PLAIN).contains("and 489 more places"));
    }

    #[test]
    fn a_rule_is_explained_at_its_first_finding_alone() {
        let mut report = sample::report();
        for number in 0..5 {
            let mut finding = sample::leak();
            finding.related.clear();
            finding.message = format!("number {number}");
            report.findings.insert(0, finding);
        }
        let text = written(&report, &PLAIN);
        assert_eq!(text.matches("Why leaked-access-token matters").count(), 1);
        assert_eq!(
            text.matches("as for the first leaked-access-token above")
                .count(),
            5
        );
    }

    #[test]
    fn confidence_is_told_where_it_is_not_high() {
        let mut report = sample::report();
        assert!(written(&report, &PLAIN).contains("query of a URL (medium confidence)"));
        report.findings[1].confidence = Confidence::High;
        assert!(!written(&report, &PLAIN).contains("confidence)"));
    }

    #[test]
    fn a_clean_run_says_in_two_lines_what_was_read() {
        assert_eq!(
            written(&clean(), &PLAIN),
            "no findings\nread everything asked for: 12 files (3.0 KiB), 0 CI files, 0 inventories\n"
        );
    }

    #[test]
    fn an_incomplete_run_never_reads_like_a_clean_one() {
        let mut report = clean();
        report.problems = vec![sample::problem(
            ProblemLevel::Error,
            ProblemClass::Unreadable,
            "secret.key",
            "permission denied",
        )];
        let text = written(&report, &PLAIN);
        assert!(text.contains("error[unreadable]: secret.key:3:5: permission denied\n"));
        assert!(text.contains("\nread: 12 files"));
        assert!(text.contains("\nnot read: 1 error above\n"));
        assert!(
            text.ends_with(
                "incomplete: what could not be read may hold more; see the errors above\n"
            )
        );
    }

    #[test]
    fn gaps_are_named_whatever_the_verbosity_and_counted_after_ten() {
        let gap = |number: usize| {
            sample::problem(
                ProblemLevel::Note,
                ProblemClass::Gap,
                ".gitlab-ci.yml",
                &format!("include of project `acme/{number}`"),
            )
        };
        let mut report = clean();
        report.problems = (0..13).map(gap).collect();
        let text = written(&report, &PLAIN);
        assert!(text.contains("`acme/9`\n  and 3 more\n"));
        let verbose = written(
            &report,
            &Style {
                verbose: 1,
                ..PLAIN
            },
        );
        assert!(verbose.contains("`acme/12`\n") && !verbose.contains("more\n"));
        assert!(text.starts_with("no findings\nread everything asked for"));
    }

    #[test]
    fn suppressed_findings_are_counted_and_listed_on_demand() {
        let text = written(&sample::report(), &PLAIN);
        assert!(text.contains("3 findings: 1 critical, 1 high, 1 medium; 1 suppressed\n"));
        assert!(!text.contains("$OLD"));
        let verbose = written(
            &sample::report(),
            &Style {
                verbose: 1,
                width: 400,
                ..PLAIN
            },
        );
        assert!(verbose.contains(
            "suppressed[token-in-url-query]: old.yml:1:27: `$OLD` is sent in the query of a URL (comment: gone in May)\n"
        ));
    }

    #[test]
    fn unused_suppressions_are_always_named() {
        let mut report = clean();
        report.unused_suppressions = vec![UnusedSuppression {
            kind: SuppressionKind::Inline,
            path: "a.sh".to_owned(),
            base: PathBase::SourceRoot,
            position: crate::model::Position { line: 4, column: 2 },
            message: "hides nothing".to_owned(),
        }];
        assert!(
            written(&report, &PLAIN)
                .starts_with("note[unused-suppression]: a.sh:4:2: comment hides nothing\n")
        );
    }

    #[test]
    fn of_a_baseline_few_unused_entries_are_named_and_how_to_drop_all() {
        let mut report = clean();
        report.unused_suppressions = (1..=12)
            .map(|line| UnusedSuppression {
                kind: SuppressionKind::Baseline,
                path: "base.yml".to_owned(),
                base: PathBase::SourceRoot,
                position: crate::model::Position { line, column: 3 },
                message: "hides nothing".to_owned(),
            })
            .collect();
        let text = written(&report, &PLAIN);
        assert!(
            text.contains("base.yml:10:3: baseline entry hides nothing\n"),
            "{text}"
        );
        assert!(!text.contains("base.yml:11"), "{text}");
        assert!(
            text.contains("and 2 more baseline entries of no use; `glpatrol baseline prune` drops"),
            "{text}"
        );
        let verbose = Style {
            verbose: 1,
            ..PLAIN
        };
        assert!(written(&report, &verbose).contains("base.yml:12:3"));
    }

    #[test]
    fn quiet_leaves_findings_and_errors_alone() {
        let quiet = Style {
            quiet: true,
            verbose: 3,
            ..PLAIN
        };
        assert_eq!(written(&clean(), &quiet), "");
        let text = written(&sample::report(), &quiet);
        assert!(text.contains("[deploy/prod.sh:2:14]") && text.contains("error[ci-syntax]"));
        for word in ["  why", "  next", "note[", "read:", "suppressed", "mend"] {
            assert!(!text.contains(word), "{word}");
        }
    }

    #[test]
    fn codes_of_colour_come_with_colour_alone_and_change_no_word() {
        let colored = written(
            &sample::report(),
            &Style {
                color: true,
                ..PLAIN
            },
        );
        let plain = written(&sample::report(), &PLAIN);
        assert!(!plain.contains('\u{1b}'));
        let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
        assert!(codes.is_match(&colored));
        assert_eq!(codes.replace_all(&colored, ""), plain);
    }

    #[test]
    fn ascii_is_ascii() {
        let style = Style {
            unicode: false,
            ..PLAIN
        };
        let mut report = sample::report();
        report.findings[1].primary.route = None;
        assert!(written(&report, &style).is_ascii());
    }

    #[test]
    fn text_of_a_repository_commands_nothing() {
        for verbose in [0, 1] {
            let style = Style { verbose, ..PLAIN };
            let text = written(&sample::hostile_report(), &style);
            assert!(!text.chars().any(sanitize::is_hazard));
            assert!(text.contains("\\u{202e}") && text.contains("\\u{1b}"));
        }
    }

    #[test]
    fn lines_keep_to_the_width_but_never_break_a_path() {
        let mut report = sample::report();
        let long = format!("{}/x.env", "deep".repeat(30));
        report.findings[1].related[0].location.provenance.path = long.as_str().into();
        let text = written(&report, &Style { width: 60, ..PLAIN });
        assert!(text.contains(&format!("{long}:2:3")));
        for line in text.lines().filter(|line| !line.contains(&long)) {
            assert!(line.chars().count() <= 60, "{line}");
        }
    }

    #[test]
    fn an_empty_excerpt_is_no_obstacle() {
        let mut report = sample::report();
        report.findings[0].primary.excerpt = crate::model::Excerpt::default();
        assert!(written(&report, &PLAIN).contains("[deploy/prod.sh:2:14]"));
    }

    #[test]
    fn the_tally_counts_every_severity() {
        let mut report = clean();
        for (severity, number) in [(Severity::Critical, 2), (Severity::Info, 3)] {
            for _ in 0..number {
                let mut finding = sample::inventory_finding();
                finding.severity = severity;
                report.findings.push(finding);
            }
        }
        assert!(written(&report, &PLAIN).contains("\n5 findings: 2 critical, 3 info\n"));
    }

    proptest! {
        #[test]
        fn any_excerpt_can_be_drawn(
            text in "(\\PC|[\\t\\r\\n\u{1b}\u{202e}]){0,120}",
            start in 0usize..150,
            len in 0usize..150,
            width in 0usize..120,
            color in any::<bool>(),
        ) {
            let mut report = sample::report();
            let excerpt = &mut report.findings[0].primary.excerpt;
            excerpt.text = text;
            excerpt.highlight = crate::model::Span::new(start, start + len);
            let text = written(&report, &Style { color, width, ..PLAIN });
            prop_assert!(text.contains("deploy/prod.sh:2:14"));
        }
    }
}
