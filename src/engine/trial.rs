//! Runs the examples of a rule file: each must fire, or stay silent, where the file says so.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use jiff::civil::{Date, date};

use super::judge;
use super::scope::SourceTable;
use crate::ci::{ConfigKind, FileResolver, ResolveError, SourceFile, analyze};
use crate::detect::{Detector, specimen};
use crate::inventory;
use crate::model::{Confidence, Facts, Finding, Provenance, Severity, SourceId};
use crate::policy::Context;
use crate::rules::knowledge::KnowledgeBase;
use crate::rules::{Analysis, Example, Rule, RuleBody, RuleSet, Settings};

/// The day on which examples are judged, so that they never go stale.
const EXAMPLE_DAY: Date = date(2026, 11, 20);

/// Tokens in examples are made from this, so that a failing example fails again.
const SEED: u64 = 1;

/// The result of the examples of one rule.
#[derive(Clone, Debug)]
pub struct Trial {
    /// How many were run.
    pub examples: usize,
    /// Those that did not hold.
    pub failures: Vec<Failure>,
}

/// An example that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The example's name.
    pub example: String,
    /// What came instead: `expected silence, found 1 at "…"`.
    pub message: String,
}

/// What one example yields.
struct Outcome {
    /// The text of the place.
    text: String,
    /// The same as it may be shown: a token is masked.
    shown: String,
    severity: Severity,
    confidence: Confidence,
}

/// Runs every example of `rule`, which is one of `rules`.
pub fn try_examples(rules: &RuleSet, rule: &Rule) -> Trial {
    let detector = Detector::new(rules);
    let bench = Bench {
        rules,
        rule,
        detector: &detector,
        knowledge: KnowledgeBase::default(),
    };
    let mut failures = Vec::new();
    let mut check = |example: &Example, verdict: &dyn Fn(&[Outcome]) -> Result<(), String>| {
        let result = bench.run(example).and_then(|found| verdict(&found));
        if let Err(message) = result {
            failures.push(Failure {
                example: example.name.clone(),
                message,
            });
        }
    };
    for example in &rule.examples.fires {
        let points_at = example.points_at.as_deref().map(|text| bench.expand(text));
        check(example, &|found| {
            fires(example, points_at.clone().transpose()?.as_deref(), found)
        });
    }
    for example in &rule.examples.silent {
        check(example, &|found| silent(found));
    }
    let examples = rule.examples.fires.len() + rule.examples.silent.len();
    Trial { examples, failures }
}

/// An example that fires has a finding that users see by default, or exactly what it asks for.
fn fires(example: &Example, points_at: Option<&str>, found: &[Outcome]) -> Result<(), String> {
    let lowest = example
        .confidence
        .unwrap_or(Confidence::Medium)
        .min(Confidence::Medium);
    let Some(first) = found.iter().find(|outcome| outcome.confidence >= lowest) else {
        return Err(match found.first() {
            Some(low) => format!(
                "expected a finding, found one of {} confidence",
                low.confidence
            ),
            None => "expected a finding, found none".into(),
        });
    };
    if points_at.is_some_and(|expected| *expected != first.text) {
        return Err(format!(
            "expected it to point at `{}`, it points at `{}`",
            example.points_at.as_deref().unwrap_or_default(),
            first.shown
        ));
    }
    let severity = example
        .severity
        .filter(|expected| *expected != first.severity);
    if let Some(expected) = severity {
        return Err(format!(
            "expected severity {expected}, found {}",
            first.severity
        ));
    }
    let confidence = example
        .confidence
        .filter(|expected| *expected != first.confidence);
    if let Some(expected) = confidence {
        return Err(format!(
            "expected confidence {expected}, found {}",
            first.confidence
        ));
    }
    Ok(())
}

/// A silent example has no finding that users see by default.
fn silent(found: &[Outcome]) -> Result<(), String> {
    let shown: Vec<&Outcome> = found
        .iter()
        .filter(|outcome| outcome.confidence >= Confidence::Medium)
        .collect();
    match shown.first() {
        None => Ok(()),
        Some(first) => Err(format!(
            "expected silence, found {} at `{}`",
            shown.len(),
            first.shown
        )),
    }
}

struct Bench<'a> {
    rules: &'a RuleSet,
    rule: &'a Rule,
    detector: &'a Detector,
    knowledge: KnowledgeBase,
}

impl Bench<'_> {
    /// The text with tokens in place of its placeholders.
    fn expand(&self, text: &str) -> Result<String, String> {
        specimen::expand(text, self.rules, SEED).map_err(|error| error.to_string())
    }

    fn run(&self, example: &Example) -> Result<Vec<Outcome>, String> {
        let text = self.expand(&example.text)?;
        match &self.rule.body {
            RuleBody::Detector(_) => Ok(self.detect(&text)),
            RuleBody::Check { .. } => self.judge(example, &text),
        }
    }

    fn detect(&self, text: &str) -> Vec<Outcome> {
        let mut detections = Vec::new();
        self.detector.scan(text.as_bytes(), &mut detections);
        detections
            .iter()
            .filter(|found| found.rule == self.rule.id)
            .map(|found| Outcome {
                text: text[Range::from(found.span)].to_owned(),
                shown: found.leak.mask.to_string(),
                severity: found.severity,
                confidence: found.confidence,
            })
            .collect()
    }

    fn judge(&self, example: &Example, text: &str) -> Result<Vec<Outcome>, String> {
        let table = RefCell::new(SourceTable::default());
        let path: Arc<str> = example.file.as_str().into();
        let provenance = Provenance {
            path: Arc::clone(&path),
            ..Provenance::default()
        };
        let id = table
            .borrow_mut()
            .add(self.detector, provenance, text.as_bytes().to_vec())
            .map_err(|offset| format!("byte {offset} is not UTF-8"))?;
        let file = SourceFile {
            id,
            path,
            text: Arc::clone(&table.borrow().get(id).text),
        };
        let facts = match self.rule.analysis {
            Analysis::Inventory => read_inventory(&file, example)?,
            _ => read_configuration(&file)?,
        };
        let context = Context {
            facts: &facts,
            knowledge: &self.knowledge,
            settings: &Settings::default(),
            today: EXAMPLE_DAY,
        };
        let mut alone = self.rules.clone();
        alone.retain(|rule| rule.id == self.rule.id);
        let analyses = BTreeSet::from([self.rule.analysis]);
        let table = table.into_inner();
        let mut findings: Vec<Finding> =
            judge::findings(&alone, &context, &table, &analyses, |_, _| true)
                .into_iter()
                .filter(|judged| judged.persona <= self.rule.persona)
                .map(|judged| judged.finding)
                .collect();
        findings.sort_by_key(|finding| finding.primary.span);
        Ok(findings
            .into_iter()
            .map(|finding| Outcome {
                text: text[Range::from(finding.primary.span)].to_owned(),
                shown: finding.primary.excerpt.highlighted().to_owned(),
                severity: finding.severity,
                confidence: finding.confidence,
            })
            .collect())
    }
}

fn read_configuration(file: &SourceFile) -> Result<Facts, String> {
    let analysis = analyze(file, ConfigKind::Root, &NoFiles);
    match analysis.problems.into_iter().next() {
        Some(problem) => Err(format!(
            "the example is no valid configuration: {}",
            problem.message
        )),
        None => Ok(analysis.facts),
    }
}

fn read_inventory(file: &SourceFile, example: &Example) -> Result<Facts, String> {
    let input = inventory::Input {
        source: SourceId(file.id.0),
        path: &file.path,
        text: &file.text,
        kind: example.inventory,
    };
    let inventory = inventory::read(&input);
    match inventory.problems.into_iter().next() {
        Some(problem) => Err(format!(
            "the example is no valid inventory: {}",
            problem.message
        )),
        None => Ok(Facts {
            tokens: inventory.tokens,
            connections: inventory.connections,
            ..Facts::default()
        }),
    }
}

/// Examples stand alone: they include nothing.
struct NoFiles;

impl FileResolver for NoFiles {
    fn file(&self, _: &str) -> Result<SourceFile, ResolveError> {
        Err(ResolveError::Missing)
    }

    fn yaml_paths(&self) -> Rc<[Arc<str>]> {
        [].into()
    }
}
