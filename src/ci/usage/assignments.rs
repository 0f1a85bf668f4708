//! Variables that a job sets: what the shell makes of them, and what the setting itself tells.

use std::rc::Rc;
use std::sync::Arc;

use super::environment::Value;
use super::text::Text;
use super::walk::Walk;
use super::{Draft, Place, powershell};
use crate::ci::job::ScriptItem;
use crate::ci::shell::{Command, PartKind, Script, Word};
use crate::model::{Mechanism, Span, Variable, VariableRef, VariableScope};

/// Environment variables that a tool takes a GitLab, package registry or state credential from.
const TOOL_VARIABLES: [&str; 13] = [
    "CI_JOB_TOKEN",
    "GITLAB_ACCESS_TOKEN",
    "GITLAB_PRIVATE_TOKEN",
    "GITLAB_TOKEN",
    "GL_TOKEN",
    "NODE_AUTH_TOKEN",
    "NPM_TOKEN",
    "RENOVATE_TOKEN",
    "TF_HTTP_PASSWORD",
    "TF_PASSWORD",
    "TWINE_PASSWORD",
    "UV_PUBLISH_PASSWORD",
    "UV_PUBLISH_TOKEN",
];

/// Variables that a script sets to change what the job log or its connections reveal.
const SCRIPT_VARIABLES: [&str; 4] = [
    "CI_DEBUG_SERVICES",
    "CI_DEBUG_TRACE",
    "GIT_SSL_NO_VERIFY",
    "NODE_TLS_REJECT_UNAUTHORIZED",
];

impl Walk<'_, '_> {
    /// What tools read from the `variables:` of the job.
    pub(super) fn job_variables(&mut self) {
        for variable in &self.job.variables {
            if !TOOL_VARIABLES.contains(&&*variable.name) {
                continue;
            }
            let text = self.environment.expand_configured(&variable.value, 0);
            if let Some(draft) = self.environment_draft(&variable.name, &text, Span::default()) {
                let use_ = self.token_use(draft, &|_| variable.site.clone());
                self.facts.uses.push(use_);
            }
        }
    }

    /// `$name = …` and `$env:NAME = …` of `PowerShell`; what a cmdlet on the right sends is recorded.
    pub(super) fn powershell_assignment(
        &mut self,
        command: &Command,
        item: &ScriptItem,
        script: &Script,
    ) -> bool {
        let [target, equals, value @ ..] = command.words.as_slice() else {
            return false;
        };
        let (Some(target), Some("=")) = (target.sole_expansion(), equals.literal().as_deref())
        else {
            return false;
        };
        let Some(first) = value.first() else {
            return true;
        };
        let name = &*target.name;
        if first
            .literal()
            .is_some_and(|program| powershell::is_request(&program))
        {
            self.cmdlet(&value[1..], item, script);
            self.environment.set(name, Value::Computed(None));
        } else if first
            .parts
            .iter()
            .any(|part| matches!(part.kind, PartKind::Table(_)))
        {
            let headers = powershell::header_texts(first, script, &mut self.environment);
            self.tables.insert(name.into(), headers);
        } else if value.len() == 1 {
            self.assign(name, first, command.span, item, script);
        } else {
            self.environment.set(name, Value::Computed(None));
        }
        true
    }

    /// Sets a variable and records what that tells. `entry` is what goes when the assignment goes.
    pub(super) fn assign(
        &mut self,
        name: &str,
        word: &Word,
        entry: Span,
        item: &ScriptItem,
        script: &Script,
    ) {
        let text = self.environment.expand(word, script);
        if SCRIPT_VARIABLES.contains(&name) {
            let value = word.literal().unwrap_or_else(|| text.as_str().to_owned());
            let span = if value.is_empty() {
                entry
            } else {
                text.view().span()
            };
            self.facts.variables.push(Variable {
                name: name.into(),
                value: value.into(),
                prompted: false,
                scope: VariableScope::Script(Arc::clone(&self.job.name)),
                site: item.site(span),
                entry: item.site(entry),
            });
        }
        if TOOL_VARIABLES.contains(&name) {
            let span = text.view().span();
            let draft = self.environment_draft(name, &text, span);
            self.record(item, draft.into_iter().collect());
        }
        let site = item.site(text.view().span());
        self.environment
            .set(name, Value::Text(Rc::new(text), Some(site)));
    }

    /// A variable that a tool reads and that takes its value from another one.
    fn environment_draft(&mut self, name: &str, text: &Text, span: Span) -> Option<Draft> {
        let credential = text.view().credential()?;
        let from_another = |variable: &VariableRef| &*variable.name != name;
        if !credential.variables().iter().any(from_another) {
            return None;
        }
        let by_node = name.starts_with("NPM") || name.starts_with("NODE") || name.starts_with('G');
        let unverified = if by_node || name == "RENOVATE_TOKEN" {
            self.switched_by("NODE_TLS_REJECT_UNAUTHORIZED", |value| value == "0")
        } else {
            None
        };
        Some(Draft {
            unverified,
            doubtful: text.view().is_doubtful(),
            ..Draft::new(credential, Mechanism::Environment(name.into()), span)
        })
    }

    /// Where a variable that switches certificate checks off is set.
    pub(super) fn switched_by(
        &mut self,
        name: &str,
        off: fn(&str) -> bool,
    ) -> Option<(Place, Arc<str>)> {
        let Some(Value::Text(value, Some(site))) = self.environment.lookup(name) else {
            return None;
        };
        let value = value.view().literal()?;
        off(value).then(|| (Place::There(site), format!("{name}={value}").into()))
    }
}
