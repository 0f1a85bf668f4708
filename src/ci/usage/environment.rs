//! The variables of a job and of the shell that runs it, as far as the configuration tells.
//!
//! This is constant propagation and no evaluator: a value is either certain or it is left to its
//! name. What only holds under `rules:`, in one branch of an `if` or behind `||` is not certain
//! beyond it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::text::{Kind, Text};
use crate::ci::job::{Job, JobVariable};
use crate::ci::shell::{Expansion, Item, Operator, Part, PartKind, Quoting, Script, Word, is_name};
use crate::model::{Site, Span, VariableRef, VariableScope};

/// How long a chain of variables that name each other may be.
const MAX_CHAIN: usize = 16;

/// The most commands and variables of a substitution, and elements of an array, that are looked at.
const MAX_OUTPUT: usize = 32;

/// What is known of a variable's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// This.
    Text(Rc<Text>, Option<Site>),
    /// An array of these.
    List(Rc<[Text]>),
    /// One of several.
    Ambiguous,
    /// Something that a program computes, set here.
    Computed(Option<Site>),
}

/// What to do with assignments at the end of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockEnd {
    /// They stay.
    Keep,
    /// They never were.
    Forget,
    /// They may have been.
    Doubt,
}

struct Layer {
    end: BlockEnd,
    /// The values from before the block, of what it changed.
    saved: BTreeMap<Arc<str>, Option<Value>>,
}

/// Looks up variables and expands words.
pub(super) struct Environment<'j> {
    configured: BTreeMap<&'j str, Vec<&'j JobVariable>>,
    resolved: BTreeMap<Arc<str>, Option<Value>>,
    shell: BTreeMap<Arc<str>, Value>,
    layers: Vec<Layer>,
}

impl<'j> Environment<'j> {
    /// The environment a job starts with.
    pub(super) fn new(job: &'j Job) -> Self {
        let mut configured: BTreeMap<&str, Vec<&JobVariable>> = BTreeMap::new();
        for variable in &job.variables {
            configured.entry(&variable.name).or_default().push(variable);
        }
        Self {
            configured,
            resolved: BTreeMap::new(),
            shell: BTreeMap::new(),
            layers: Vec::new(),
        }
    }

    /// Forgets what a shell set: another one begins.
    pub(super) fn reset(&mut self) {
        self.shell.clear();
        self.layers.clear();
    }

    /// Enters a block.
    pub(super) fn enter(&mut self, end: BlockEnd) {
        self.layers.push(Layer {
            end,
            saved: BTreeMap::new(),
        });
    }

    /// Takes back what this branch set; the next one starts where this one started.
    pub(super) fn alternative(&mut self) {
        let Some(layer) = self.layers.last() else {
            return;
        };
        if layer.end == BlockEnd::Doubt {
            for (name, value) in layer.saved.clone() {
                self.put(name, value);
            }
        }
    }

    /// Leaves the innermost block.
    pub(super) fn leave(&mut self) {
        let Some(layer) = self.layers.pop() else {
            return;
        };
        for (name, before) in layer.saved {
            let now = self.shell.get(&name).cloned();
            self.put(Arc::clone(&name), before);
            match (layer.end, now) {
                (BlockEnd::Forget, _) | (BlockEnd::Keep, None) => {}
                (BlockEnd::Keep, Some(value)) => self.set(&name, value),
                (BlockEnd::Doubt, _) => self.set(&name, Value::Ambiguous),
            }
        }
    }

    /// Sets a variable of the shell.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        let name: Arc<str> = name.into();
        let before = self.shell.get(&name).cloned();
        if let Some(layer) = self.layers.last_mut() {
            layer.saved.entry(Arc::clone(&name)).or_insert(before);
        }
        self.shell.insert(name, value);
    }

    /// Puts what a variable had in front of what it has now: `+=`.
    pub(super) fn prepend(&mut self, name: &str, before: Option<Value>) {
        let now = self.shell.get(name).cloned();
        let value = match (before, now) {
            (None, Some(now)) => now,
            (Some(Value::List(before)), Some(Value::List(now))) => {
                let elements = before.iter().chain(now.iter()).take(MAX_OUTPUT);
                Value::List(elements.cloned().collect())
            }
            (Some(Value::Text(before, _)), Some(Value::Text(now, site))) => {
                let mut text = (*before).clone();
                text.append(&now);
                Value::Text(Rc::new(text), site)
            }
            _ => Value::Computed(None),
        };
        self.set(name, value);
    }

    fn put(&mut self, name: Arc<str>, value: Option<Value>) {
        match value {
            Some(value) => self.shell.insert(name, value),
            None => self.shell.remove(&name),
        };
    }

    /// What is known of a variable; nothing where the configuration does not set it.
    pub(super) fn lookup(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.shell.get(name) {
            return Some(value.clone());
        }
        self.configured_value(name, 0)
    }

    fn configured_value(&mut self, name: &str, chain: usize) -> Option<Value> {
        if let Some(value) = self.resolved.get(name) {
            return value.clone();
        }
        let definitions = self.configured.get(name)?.clone();
        // Met again on the way, the variable is one that GitLab knows and the file only passes on.
        self.resolved.insert(name.into(), None);
        let value = self.configured_of(&definitions, chain);
        self.resolved.insert(name.into(), value.clone());
        value
    }

    fn configured_of(&mut self, definitions: &[&JobVariable], chain: usize) -> Option<Value> {
        let conditional = |variable: &&&JobVariable| {
            matches!(
                variable.scope,
                VariableScope::JobRule(_)
                    | VariableScope::JobMatrix(_)
                    | VariableScope::WorkflowRule
            )
        };
        let certain = definitions.iter().rfind(|variable| !conditional(variable));
        // A matrix gives each run a value of its own: a variable that differs, and nothing doubtful.
        let by_run =
            |variable: &&JobVariable| matches!(variable.scope, VariableScope::JobMatrix(_));
        if certain.is_none() && definitions.iter().all(by_run) {
            return None;
        }
        let other = definitions
            .iter()
            .filter(conditional)
            .any(|variable| certain.is_none_or(|certain| certain.value != variable.value));
        if other {
            return Some(Value::Ambiguous);
        }
        let variable = certain?;
        // An empty value is a place for one that is set elsewhere.
        if variable.value.is_empty() {
            return None;
        }
        let text = self.expand_configured(&variable.value, chain);
        Some(Value::Text(Rc::new(text), Some(variable.site.clone())))
    }

    /// Expands the value of a `variables:` entry, which knows `$NAME`, `${NAME}` and `$$` and nothing
    /// else (gitlabhq/gitlabhq `lib/expand_variables.rb`).
    pub(super) fn expand_configured(&mut self, value: &str, chain: usize) -> Text {
        let nowhere = Span::default();
        let mut text = Text::default();
        let mut rest = value;
        while let Some(at) = rest.find('$') {
            text.push_literal(&rest[..at], nowhere, false);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                text.push_literal("$", nowhere, false);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("[[") {
                text.push_kind(nowhere, Kind::Input, false);
                rest = after.split_once("]]").map_or("", |(_, after)| after);
            } else if let Some(after) = rest.strip_prefix('{') {
                let (name, after) = after.split_once('}').unwrap_or((after, ""));
                if is_name(name) {
                    self.push_configured(name, chain, &mut text);
                } else {
                    text.push_kind(nowhere, Kind::Output(Vec::new()), false);
                }
                rest = after;
            } else {
                let len = rest
                    .bytes()
                    .take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric())
                    .count();
                if is_name(&rest[..len]) {
                    self.push_configured(&rest[..len], chain, &mut text);
                } else {
                    text.push_literal("$", nowhere, false);
                    text.push_literal(&rest[..len], nowhere, false);
                }
                rest = &rest[len..];
            }
        }
        text.push_literal(rest, nowhere, false);
        text
    }

    fn push_configured(&mut self, name: &str, chain: usize, text: &mut Text) {
        let value = if chain < MAX_CHAIN {
            self.configured_value(name, chain + 1)
        } else {
            Some(Value::Ambiguous)
        };
        push_value(name, value, Span::default(), text);
    }

    /// Expands the words of a command.
    pub(super) fn expand_all(&mut self, words: &[Word], script: &Script) -> Vec<Text> {
        let mut texts = Vec::with_capacity(words.len());
        for word in words {
            match word.sole_expansion() {
                Some(Expansion {
                    name,
                    operator: Operator::Elements,
                }) => {
                    if let Some(Value::List(elements)) = self.lookup(name) {
                        let name: Arc<str> = (&**name).into();
                        texts.extend(elements.iter().take(256).map(|element| {
                            let mut text = Text::default();
                            text.push_value(element, &name, None, word.span);
                            text
                        }));
                        continue;
                    }
                }
                Some(_) if word.parts[0].quoting == Quoting::Bare => {
                    texts.extend(self.expand(word, script).split_blanks());
                    continue;
                }
                _ => {}
            }
            texts.push(self.expand(word, script));
        }
        texts
    }

    /// Expands one word.
    pub(super) fn expand(&mut self, word: &Word, script: &Script) -> Text {
        let mut text = Text::default();
        self.expand_parts(&word.parts, script, &mut text);
        text
    }

    fn expand_parts(&mut self, parts: &[Part], script: &Script, text: &mut Text) {
        for part in parts {
            match &part.kind {
                PartKind::Literal(literal) => {
                    text.push_literal(literal, part.span, literal.len() == part.span.len());
                }
                PartKind::Variable(expansion) => {
                    self.expand_variable(expansion, part.span, script, text);
                }
                PartKind::Substitution(items) => {
                    let variables = self.output_variables(items.clone(), script);
                    text.push_kind(part.span, Kind::Output(variables), false);
                }
                PartKind::Input => text.push_kind(part.span, Kind::Input, false),
                PartKind::Arithmetic | PartKind::Table(_) => {
                    text.push_kind(part.span, Kind::Output(Vec::new()), false);
                }
            }
        }
    }

    fn expand_variable(
        &mut self,
        expansion: &Expansion,
        span: Span,
        script: &Script,
        text: &mut Text,
    ) {
        let name = &*expansion.name;
        if !is_name(name) {
            text.push_kind(span, Kind::Output(Vec::new()), false);
            return;
        }
        let value = self.lookup(name);
        match &expansion.operator {
            Operator::Value => push_value(name, value, span, text),
            Operator::Default(parts) => {
                let mut preferred = Text::default();
                push_value(name, value, span, &mut preferred);
                let mut fallback = Text::default();
                self.expand_parts(parts, script, &mut fallback);
                push_default(&preferred, &fallback, span, text);
            }
            Operator::Alternate(parts) => {
                let mut alternate = Text::default();
                self.expand_parts(parts, script, &mut alternate);
                text.append(&alternate);
            }
            Operator::Indirect => {
                let named = match value {
                    Some(Value::Text(value, _)) => value.view().literal().map(str::to_owned),
                    _ => None,
                };
                match named.filter(|named| is_name(named)) {
                    Some(named) => {
                        let value = self.lookup(&named);
                        push_value(&named, value, span, text);
                    }
                    None => text.push_kind(span, Kind::Output(Vec::new()), false),
                }
            }
            Operator::Derived => {
                let mut whole = Text::default();
                push_value(name, value, span, &mut whole);
                let origin = whole
                    .segments()
                    .iter()
                    .find_map(|segment| match &segment.kind {
                        Kind::Variable(variable) | Kind::Derived(variable) => {
                            Some(variable.clone())
                        }
                        _ => None,
                    });
                let origin = origin.unwrap_or_else(|| VariableRef::named(name));
                text.push_kind(span, Kind::Derived(origin), false);
            }
            Operator::Elements | Operator::Length => {
                text.push_kind(span, Kind::Output(Vec::new()), false);
            }
        }
    }

    /// The variables that the commands of a substitution use.
    fn output_variables(
        &mut self,
        items: std::ops::Range<usize>,
        script: &Script,
    ) -> Vec<VariableRef> {
        let mut names: Vec<(&str, Span)> = Vec::new();
        let items = script.items.get(items).unwrap_or_default();
        for item in items.iter().take(MAX_OUTPUT) {
            let Item::Command(command) = item else {
                continue;
            };
            for word in command.words.iter().chain(&command.here) {
                for part in &word.parts {
                    if let PartKind::Variable(expansion) = &part.kind
                        && names.len() < MAX_OUTPUT
                        && is_name(&expansion.name)
                    {
                        names.push((&expansion.name, part.span));
                    }
                }
            }
        }
        let mut text = Text::default();
        for (name, span) in names {
            let value = self.lookup(name);
            push_value(name, value, span, &mut text);
        }
        let mut variables = Vec::new();
        for segment in text.segments() {
            match &segment.kind {
                Kind::Variable(variable) | Kind::Derived(variable) => {
                    variables.push(variable.clone());
                }
                Kind::Either(either) | Kind::Output(either) => {
                    variables.extend(either.iter().cloned());
                }
                Kind::Literal { .. } | Kind::Input => {}
            }
        }
        variables.truncate(MAX_OUTPUT);
        variables
    }
}

/// Appends the value of `name`, or its name where the value is not known.
fn push_value(name: &str, value: Option<Value>, span: Span, text: &mut Text) {
    let unknown = |definition: Option<Site>| {
        let mut variable = VariableRef::named(name);
        variable.definition = definition;
        Kind::Variable(variable)
    };
    match value {
        Some(Value::Text(value, site)) if !value.as_str().is_empty() => {
            match value.sole().map(|segment| &segment.kind) {
                // What a program prints has no better name than the variable that holds it.
                Some(Kind::Output(_)) => text.push_kind(span, unknown(site), false),
                _ => text.push_value(&value, &name.into(), site.as_ref(), span),
            }
        }
        Some(Value::Ambiguous) => text.push_kind(span, unknown(None), true),
        Some(Value::Computed(site)) => text.push_kind(span, unknown(site), false),
        Some(Value::List(elements)) => match elements.first() {
            Some(first) => text.push_value(first, &name.into(), None, span),
            None => text.push_kind(span, unknown(None), false),
        },
        Some(Value::Text(..)) | None => text.push_kind(span, unknown(None), false),
    }
}

/// `${A:-…}` where `preferred` is the value of `A`.
fn push_default(preferred: &Text, fallback: &Text, span: Span, text: &mut Text) {
    let mut variables = match preferred.sole().map(|segment| &segment.kind) {
        Some(Kind::Variable(variable)) => vec![variable.clone()],
        Some(Kind::Either(variables)) => variables.clone(),
        _ => {
            text.append(preferred);
            return;
        }
    };
    let doubtful = preferred.view().is_doubtful();
    for segment in fallback.segments() {
        match &segment.kind {
            Kind::Variable(variable) => variables.push(variable.clone()),
            Kind::Either(others) => variables.extend(others.iter().cloned()),
            _ => {}
        }
    }
    variables.dedup_by(|a, b| a.name == b.name);
    let kind = match variables.as_slice() {
        [only] => Kind::Variable(only.clone()),
        _ => Kind::Either(variables),
    };
    text.push_kind(span, kind, doubtful);
}
