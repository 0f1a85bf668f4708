//! Scripts in, facts out.

mod disclosures;
mod git;
mod logins;
mod places;
mod requests;
mod values;

use std::sync::Arc;

use super::*;
use crate::ci::job::{JobVariable, Phase, ScriptItem};
use crate::model::{
    Confidence, Disclosure, Method, OutputSink, RegistryTool, SourceId, TokenUse, VariableScope,
};
use crate::yaml::ValueMap;

/// A job over one made-up source: variables and script items laid out one after the other.
#[derive(Default)]
struct Fixture {
    source: String,
    variables: Vec<JobVariable>,
    scripts: Vec<ScriptItem>,
    incomplete: bool,
}

impl Fixture {
    fn append(&mut self, text: &str) -> Span {
        let start = self.source.len();
        self.source.push_str(text);
        self.source.push('\n');
        Span::new(start, start + text.len())
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        let scope = VariableScope::Job("test".into());
        self.define(name, value, scope);
        self
    }

    fn set_by_rule(mut self, name: &str, value: &str) -> Self {
        let scope = VariableScope::JobRule("test".into());
        self.define(name, value, scope);
        self
    }

    fn set_by_matrix(mut self, name: &str, value: &str) -> Self {
        let scope = VariableScope::JobMatrix("test".into());
        self.define(name, value, scope);
        self
    }

    fn define(&mut self, name: &str, value: &str, scope: VariableScope) {
        let span = self.append(value);
        self.variables.push(JobVariable {
            name: name.into(),
            value: value.into(),
            scope,
            site: Site::new(SourceId(0), span),
        });
    }

    fn run_in(mut self, phase: Phase, text: &str) -> Self {
        let span = self.append(text);
        self.scripts.push(ScriptItem {
            phase,
            text: text.into(),
            source: SourceId(0),
            map: ValueMap::verbatim(span.start, span.len()),
            route: "test › script › 1".into(),
        });
        self
    }

    fn run(self, text: &str) -> Self {
        self.run_in(Phase::Main, text)
    }

    fn facts(&self) -> Facts {
        let job = Job {
            name: "test".into(),
            variables: self.variables.clone(),
            scripts: self.scripts.clone(),
            incomplete: self.incomplete,
        };
        let mut facts = Facts::default();
        extract(&job, &mut facts);
        facts
    }

    fn uses(&self) -> Vec<TokenUse> {
        self.facts().uses
    }

    #[track_caller]
    fn sole(&self) -> TokenUse {
        let uses = self.uses();
        assert_eq!(uses.len(), 1, "{uses:#?}");
        uses.into_iter().next().unwrap()
    }

    fn cut(&self, site: &Site) -> &str {
        &self.source[site.span.start..site.span.end]
    }
}

fn script(text: &str) -> Fixture {
    Fixture::default().run(text)
}

fn names(credential: &Credential) -> Vec<&str> {
    credential
        .variables()
        .iter()
        .map(|variable| &*variable.name)
        .collect()
}

fn api(method: Method, path: &str) -> Operation {
    Operation::Api {
        method: Some(method),
        path: path.into(),
    }
}

#[track_caller]
fn assert_header_call(text: &str, mechanism: &Mechanism, operation: &Operation, site: &str) {
    let fixture = script(text);
    let found = fixture.sole();
    assert_eq!(&found.mechanism, mechanism, "{text}");
    assert_eq!(&found.operation, operation, "{text}");
    assert_eq!(fixture.cut(&found.site), site, "{text}");
}
