//! `glpatrol rules`

use std::io::{self, BufWriter, Write};

use anyhow::bail;
use glpatrol::engine;
use glpatrol::rules::strict::suggest;
use glpatrol::rules::{Body, Context, Rule, RuleBody};

use crate::args::{RulesListArguments, RulesShowArguments, RulesTestArguments};
use crate::exit::Outcome;

/// One line a rule.
pub(crate) fn list(arguments: &RulesListArguments) -> anyhow::Result<Outcome> {
    let rules = engine::load_rules(&arguments.rules)?;
    let width = rules
        .iter()
        .map(|rule| rule.id.as_str().len())
        .max()
        .unwrap_or(0);
    let mut out = BufWriter::new(io::stdout().lock());
    for rule in &rules {
        writeln!(
            out,
            "{:width$}  {:8}  {:8}  {}",
            rule.id, rule.severity, rule.persona, rule.title
        )?;
    }
    out.flush()?;
    Ok(Outcome::Clean)
}

/// Everything that the file of one rule says.
pub(crate) fn show(arguments: &RulesShowArguments) -> anyhow::Result<Outcome> {
    let rules = engine::load_rules(&arguments.rules)?;
    let Some(rule) = rules.get(&arguments.id) else {
        let ids = rules.iter().map(|rule| rule.id.as_str());
        match suggest(&arguments.id, ids) {
            Some(near) => bail!(
                "there is no rule `{}`; did you mean `{near}`?",
                arguments.id
            ),
            None => bail!(
                "there is no rule `{}`; `glpatrol rules list` names all",
                arguments.id
            ),
        }
    };
    let mut out = BufWriter::new(io::stdout().lock());
    describe(rule, &mut out)?;
    out.flush()?;
    Ok(Outcome::Clean)
}

fn describe(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}\n", rule.id, rule.title)?;
    writeln!(
        out,
        "severity {}, confidence {}, persona {}, since {}",
        rule.severity, rule.confidence, rule.persona, rule.since
    )?;
    match &rule.body {
        RuleBody::Detector(detector) => {
            for form in &detector.forms {
                let prefixes = form.prefixes.iter().map(String::as_str);
                let context = form.context.map(Context::as_str);
                let found_by: Vec<_> = prefixes.chain(context).collect();
                writeln!(out, "form {}: {}", form.name, found_by.join(" "))?;
                if let Body::Pattern(pattern) = &form.body {
                    writeln!(out, "  pattern {}", pattern.as_str())?;
                }
                if let Some(floor) = form.entropy {
                    writeln!(out, "  entropy of at least {floor} bits a character")?;
                }
            }
        }
        RuleBody::Check { name, params } => {
            writeln!(out, "check {name}")?;
            for line in params.to_string().lines() {
                writeln!(out, "  {line}")?;
            }
        }
    }
    writeln!(
        out,
        "\nWhy it matters\n  {}\n",
        rule.why.trim().replace('\n', "\n  ")
    )?;
    writeln!(
        out,
        "What to do\n  {}\n",
        rule.fix.trim().replace('\n', "\n  ")
    )?;
    for reference in &rule.references {
        writeln!(out, "{reference}")?;
    }
    Ok(())
}

/// Runs examples; a rule whose examples do not hold is a finding.
pub(crate) fn test(arguments: &RulesTestArguments) -> anyhow::Result<Outcome> {
    let rules = engine::load_rules_to_try(&arguments.files)?;
    let chosen = rules
        .iter()
        .filter(|rule| arguments.files.is_empty() || rule.file.is_some());
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut tried, mut examples, mut failed) = (0, 0, 0);
    for rule in chosen {
        let trial = engine::try_examples(&rules, rule);
        tried += 1;
        examples += trial.examples;
        failed += trial.failures.len();
        for failure in &trial.failures {
            writeln!(
                out,
                "{}: example `{}`: {}",
                rule.id, failure.example, failure.message
            )?;
        }
    }
    let rules = if tried == 1 { "rule" } else { "rules" };
    writeln!(out, "{tried} {rules}, {examples} examples, {failed} failed")?;
    out.flush()?;
    Ok(if failed == 0 {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}
