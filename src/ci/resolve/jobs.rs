//! Jobs as they would run: defaults inherited, variables and scripts in place.

use std::rc::Rc;
use std::sync::Arc;

use super::extends::is_job;
use super::value::{Data, Value};
use super::{Names, Resolver};
use crate::ci::{ConfigKind, Job, JobVariable, Phase, ScriptItem};
use crate::model::{ProblemClass, ProblemLevel, VariableScope};

/// Lists inside of the list of a script (gitlabhq/gitlabhq `doc/ci/yaml/yaml_optimization.md`).
const MAX_SCRIPT_NESTING: usize = 10;

/// The job that stands for all that would take the defaults of a fragment without jobs.
const DEFAULTS: &str = ".default";

/// What of the configuration's defaults or variables a job takes.
enum Inherit {
    All,
    None,
    Only(Names),
}

impl Inherit {
    fn read(value: Option<&Value>) -> Self {
        match value.map(|value| &value.data) {
            Some(Data::Scalar(text)) if &**text == "false" => Self::None,
            Some(Data::Sequence(names)) => Self::Only(
                names
                    .iter()
                    .filter_map(|name| name.as_str().cloned())
                    .collect(),
            ),
            _ => Self::All,
        }
    }

    fn takes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Only(names) => names.contains(name),
        }
    }
}

impl Resolver<'_> {
    /// Adds every job of the extended configuration to the result.
    pub(super) fn jobs(&mut self, kind: ConfigKind, bases: &Names, incomplete: &Names) {
        let config = Rc::clone(&self.config);
        let mut shared = self.variables(config.get("variables"), &VariableScope::Global);
        let workflow = config
            .get("workflow")
            .and_then(|workflow| workflow.get("rules"));
        shared.extend(self.rule_variables(workflow, &VariableScope::WorkflowRule));

        for entry in config.iter().filter(|entry| !is_hidden(&entry.key)) {
            if is_job(&entry.key, &entry.value) {
                self.job(
                    &entry.key,
                    &entry.value,
                    &shared,
                    incomplete.contains(&entry.key),
                );
            }
        }
        if kind == ConfigKind::Root {
            return;
        }
        for entry in config.iter().filter(|entry| is_hidden(&entry.key)) {
            let used = bases.contains(&entry.key)
                || self.referenced.contains(&entry.key)
                || self.aliased.contains(&entry.value.place);
            if !used && is_job(&entry.key, &entry.value) {
                self.job(
                    &entry.key,
                    &entry.value,
                    &shared,
                    incomplete.contains(&entry.key),
                );
            }
        }
        // Defaults without a job are for the jobs of the file that includes this one.
        let defaults = ["default", "before_script", "after_script"];
        if self.resolved.jobs.is_empty()
            && let Some(defaults) = defaults.iter().find_map(|key| config.get(key))
        {
            self.job(&DEFAULTS.into(), defaults, &shared, false);
        }
    }

    fn job(&mut self, name: &Arc<str>, job: &Value, shared: &[JobVariable], incomplete: bool) {
        let losses = self.report.losses;
        let inherit = job.get("inherit").map(|inherit| self.dereferenced(inherit));
        let taken = |what| Inherit::read(inherit.as_ref().and_then(|inherit| inherit.get(what)));
        let defaults = taken("default");

        let variables_taken = taken("variables");
        let mut variables: Vec<JobVariable> = Vec::new();
        if self.report.nodes.spend(shared.len()).is_some() {
            let inherited = shared
                .iter()
                .filter(|variable| variables_taken.takes(&variable.name));
            variables.extend(inherited.cloned());
        } else {
            self.report.exhausted(self.files.site(job.place));
        }
        let scope = VariableScope::Job(Arc::clone(name));
        variables.extend(self.variables(job.get("variables"), &scope));
        let scope = VariableScope::JobRule(Arc::clone(name));
        variables.extend(self.rule_variables(job.get("rules"), &scope));
        let scope = VariableScope::JobMatrix(Arc::clone(name));
        variables.extend(self.matrix_variables(job.get("parallel"), &scope));

        let mut scripts = Vec::new();
        if let Some(trigger) = job.get("trigger") {
            // A pipeline of another project is no part of this configuration; a child pipeline is.
            let trigger = self.dereferenced(trigger);
            if let Some(include) = trigger.get("include") {
                self.child(include);
            }
        } else {
            self.scripts(job, &defaults, &mut scripts);
        }
        self.resolved.jobs.push(Job {
            name: Arc::clone(name),
            variables,
            scripts,
            incomplete: incomplete || self.broken.contains(name) || self.report.losses > losses,
        });
    }

    fn scripts(&mut self, job: &Value, defaults: &Inherit, scripts: &mut Vec<ScriptItem>) {
        let hooks = self.keyword(job, "hooks", defaults);
        let pre = hooks
            .as_ref()
            .and_then(|hooks| hooks.get("pre_get_sources_script"));
        self.script(pre, Phase::PreGetSources, scripts);
        for (key, phase) in [
            ("before_script", Phase::Main),
            ("script", Phase::Main),
            ("after_script", Phase::After),
        ] {
            let script = if key == "script" {
                job.get(key).map(|script| self.dereferenced(script))
            } else {
                self.keyword(job, key, defaults)
            };
            self.script(script.as_ref(), phase, scripts);
            if key == "script" {
                let steps = job.get("run").map(|run| self.dereferenced(run));
                for step in steps.iter().flat_map(Value::as_list) {
                    self.script(step.get("script"), Phase::Main, scripts);
                }
            }
        }
    }

    /// The value of a keyword that has a default: the job's own, else that of `default`, else that of
    /// the top level. A job's own value replaces the default wholly.
    fn keyword(&mut self, job: &Value, key: &str, defaults: &Inherit) -> Option<Value> {
        let config = Rc::clone(&self.config);
        let global = || {
            let default = config.get("default").and_then(|default| default.get(key));
            default.or_else(|| config.get(key).filter(|_| super::is_global_keyword(key)))
        };
        let value = job
            .get(key)
            .or_else(|| global().filter(|_| defaults.takes(key)))?;
        Some(self.dereferenced(value))
    }

    /// Adds the items of a script that holds no reference any more.
    fn script(&mut self, script: Option<&Value>, phase: Phase, scripts: &mut Vec<ScriptItem>) {
        let Some(script) = script else { return };
        for item in self.flattened(script) {
            let Some(text) = item.as_str() else {
                self.report.losses += 1;
                self.report.problem(
                    ProblemLevel::Error,
                    ProblemClass::CiSyntax,
                    self.files.site(item.place),
                    format!("a script item is a string, this is {}", item.noun()),
                    Some("quote a line that holds `: ` or begins with `{` or `[`"),
                );
                continue;
            };
            if self.report.spend_script(text).is_none() {
                self.report.exhausted(self.files.site(item.place));
                return;
            }
            let file = self.files.get(item.place.file);
            scripts.push(ScriptItem {
                phase,
                text: Arc::clone(text),
                source: file.source,
                map: file.value_map(item.place.node),
                route: file.route(item.place.node),
            });
        }
    }

    /// The items of a list and of the lists in it, in order; a value that is no list stands for itself.
    pub(super) fn flattened(&mut self, list: &Value) -> Vec<Value> {
        let mut items = Vec::new();
        let mut stack = vec![(list.clone(), 0)];
        while let Some((value, depth)) = stack.pop() {
            match &value.data {
                Data::Null => {}
                Data::Sequence(_) if depth > MAX_SCRIPT_NESTING => {
                    self.report.losses += 1;
                    let message = format!("lists nest deeper than {MAX_SCRIPT_NESTING} levels");
                    let site = self.files.site(value.place);
                    self.report.error(ProblemClass::CiResolution, site, message);
                }
                Data::Sequence(inner) => {
                    if self.report.nodes.spend(inner.len()).is_none() {
                        self.report.exhausted(self.files.site(value.place));
                        break;
                    }
                    stack.extend(inner.iter().rev().map(|item| (item.clone(), depth + 1)));
                }
                _ => items.push(value),
            }
        }
        items
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}
