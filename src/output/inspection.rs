//! What one token says about itself, for people and as JSON. Shows nothing of it beyond the mask.

use std::io::{self, Write};

use serde::Serialize;

use super::json::RoutingJson;
use super::{Style, prose, sanitize};
use crate::model::{Checksum, Inspection, TokenKind};
use crate::rules::RuleSet;
use crate::rules::knowledge::{KindFacts, KnowledgeBase};

/// The name and version of the schema.
const SCHEMA: &str = "glpatrol/inspection/v1";
/// Columns of the labels left of the text.
const INDENT: usize = 11;
/// Below this, lines are no longer made shorter.
const MIN_WIDTH: usize = 40;

/// What can be said of a text that is no token.
const UNKNOWN: &str = "not a GitLab token: no known prefix and form, and no checksum that holds; \
                       releases before the prefixes made tokens that look like any random text";

/// Writes the answer for people; `None` stands for a text that is no token.
///
/// # Errors
///
/// What `out` fails with.
pub fn write_human(
    inspection: Option<&Inspection>,
    rules: &RuleSet,
    knowledge: &KnowledgeBase,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut page = Page {
        out,
        width: style.width.max(MIN_WIDTH),
    };
    let Some(inspection) = inspection else {
        return page.paragraph("", UNKNOWN);
    };
    let leak = &inspection.leak;
    let what = prose::listed(&leak.nouns(), "or");
    if inspection.is_token() {
        page.paragraph("", &what)?;
    } else {
        let text = format!("nothing proves it, the shape alone is that of a token: {what}");
        page.paragraph("", &text)?;
    }
    page.paragraph("token", leak.mask.as_str())?;
    page.paragraph("form", &form(inspection, knowledge))?;
    page.paragraph("checksum", checksum(leak.checksum()))?;
    if let Some(ids) = prose::routing(leak) {
        page.paragraph("ids", &ids)?;
    }
    let evidence: Vec<&str> = leak
        .evidence
        .iter()
        .map(|evidence| prose::evidence(*evidence))
        .collect();
    if !evidence.is_empty() {
        page.paragraph("evidence", &evidence.join(", "))?;
    }
    page.paragraph("confidence", inspection.confidence.as_str())?;
    page.paragraph("digest", leak.digest.as_str())?;
    if leak.kinds.len() > 1 {
        writeln!(page.out)?;
        page.paragraph("", "the value does not tell which of these it is")?;
    }
    for facts in facts(inspection, knowledge) {
        writeln!(page.out)?;
        page.kind(facts)?;
    }
    if let Some(rule) = rules.get(inspection.rule.as_str()) {
        writeln!(page.out)?;
        page.paragraph("if leaked", &prose::unfolded(&rule.fix))?;
    }
    Ok(())
}

/// Writes the answer as one line of JSON; `kinds` is empty where the text is no token of GitLab's.
///
/// # Errors
///
/// What `out` fails with.
pub fn write_json(
    inspection: Option<&Inspection>,
    rules: &RuleSet,
    knowledge: &KnowledgeBase,
    out: &mut dyn Write,
) -> io::Result<()> {
    let json = InspectionJson {
        schema: SCHEMA,
        is_token: inspection.is_some_and(Inspection::is_token),
        token: inspection.map(|inspection| TokenJson::new(inspection, rules)),
        kinds: inspection
            .into_iter()
            .flat_map(|inspection| facts(inspection, knowledge))
            .map(|facts| KindJson::new(facts, inspection))
            .collect(),
    };
    sanitize::write_json(&json, out)
}

fn facts<'k>(
    inspection: &Inspection,
    knowledge: &'k KnowledgeBase,
) -> impl Iterator<Item = &'k KindFacts> {
    let kinds = inspection.leak.kinds.clone();
    kinds.into_iter().filter_map(|kind| knowledge.kind(kind))
}

const fn checksum(checksum: Checksum) -> &'static str {
    match checksum {
        Checksum::None => "this form carries none",
        Checksum::Verified => "holds: a GitLab instance made this token",
        Checksum::Broken => "does not hold: damaged, changed or made up",
    }
}

/// The form, and which releases made it where that is known.
fn form(inspection: &Inspection, knowledge: &KnowledgeBase) -> String {
    let name = &*inspection.leak.form;
    let made = facts(inspection, knowledge).find_map(|facts| facts.made.get(name));
    match made {
        Some(made) => format!("{name}, made {made}"),
        None => name.to_owned(),
    }
}

/// How long a token of the kind lives.
fn lifetime(facts: &KindFacts) -> Option<&str> {
    let endless = (facts.can_expire == Some(false)).then_some("does not expire");
    facts.lifetime.as_deref().or(endless)
}

struct Page<'w> {
    out: &'w mut dyn Write,
    width: usize,
}

impl Page<'_> {
    fn kind(&mut self, facts: &KindFacts) -> io::Result<()> {
        self.paragraph("", &facts.name)?;
        let scopes = facts.scopes.join(", ");
        let severity = format!("{}: {}", facts.severity, facts.severity_reason);
        let lines = [
            ("acts as", Some(facts.acts_as.join(", "))),
            ("opens", facts.access.clone()),
            ("scopes", (!scopes.is_empty()).then_some(scopes)),
            ("lives", lifetime(facts).map(str::to_owned)),
            ("revoke", facts.api.revoke.clone()),
            ("replace", facts.api.rotate.clone()),
            ("severity", Some(severity)),
        ];
        for (label, text) in lines {
            if let Some(text) = text {
                self.paragraph(label, &text)?;
            }
        }
        Ok(())
    }

    /// A text in lines that fit, behind a label; without one it begins at the margin.
    fn paragraph(&mut self, label: &str, text: &str) -> io::Result<()> {
        let text = sanitize::line(text);
        let indent = if label.is_empty() { 0 } else { INDENT + 2 };
        let mut before = match label {
            "" => String::new(),
            label => format!("  {label:<INDENT$}"),
        };
        let room = self.width - indent;
        for line in prose::folded(&text, room, room) {
            writeln!(self.out, "{before}{line}")?;
            before = " ".repeat(indent);
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct InspectionJson<'r> {
    schema: &'static str,
    /// Whether there is more to it than the shape.
    is_token: bool,
    token: Option<TokenJson<'r>>,
    /// What each kind that it may be is good for.
    kinds: Vec<KindJson<'r>>,
}

#[derive(Serialize)]
struct TokenJson<'r> {
    rule: &'r str,
    confidence: &'static str,
    digest: &'r str,
    mask: &'r str,
    /// What the rule calls a token that is none of GitLab's.
    noun: Option<&'r str>,
    form: &'r str,
    /// `none`, `verified` or `broken`.
    checksum: &'static str,
    evidence: Vec<&'static str>,
    routing: Option<RoutingJson>,
    fix: Option<String>,
}

impl<'r> TokenJson<'r> {
    fn new(inspection: &'r Inspection, rules: &RuleSet) -> Self {
        let leak = &inspection.leak;
        Self {
            rule: inspection.rule.as_str(),
            confidence: inspection.confidence.as_str(),
            digest: leak.digest.as_str(),
            mask: leak.mask.as_str(),
            noun: leak.noun.as_deref(),
            form: &leak.form,
            checksum: match leak.checksum() {
                Checksum::None => "none",
                Checksum::Verified => "verified",
                Checksum::Broken => "broken",
            },
            evidence: leak
                .evidence
                .iter()
                .map(|evidence| evidence.as_str())
                .collect(),
            routing: leak.routing.as_ref().map(RoutingJson::new),
            fix: rules
                .get(inspection.rule.as_str())
                .map(|rule| prose::unfolded(&rule.fix)),
        }
    }
}

#[derive(Serialize)]
struct KindJson<'r> {
    id: &'static str,
    name: &'r str,
    /// Which releases made this form of it.
    made: Option<&'r str>,
    acts_as: &'r [String],
    access: Option<&'r str>,
    scopes: &'r [String],
    can_expire: Option<bool>,
    lifetime: Option<&'r str>,
    revoke: Option<&'r str>,
    rotate: Option<&'r str>,
    severity: &'static str,
    severity_reason: &'r str,
}

impl<'r> KindJson<'r> {
    fn new(facts: &'r KindFacts, inspection: Option<&Inspection>) -> Self {
        let form = inspection.map_or("", |inspection| &*inspection.leak.form);
        Self {
            id: TokenKind::as_str(facts.kind),
            name: &facts.name,
            made: facts.made.get(form).map(String::as_str),
            acts_as: &facts.acts_as,
            access: facts.access.as_deref(),
            scopes: &facts.scopes,
            can_expire: facts.can_expire,
            lifetime: facts.lifetime.as_deref(),
            revoke: facts.api.revoke.as_deref(),
            rotate: facts.api.rotate.as_deref(),
            severity: facts.severity.as_str(),
            severity_reason: &facts.severity_reason,
        }
    }
}
