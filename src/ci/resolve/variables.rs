//! `variables`, wherever they may stand.

use std::sync::Arc;

use super::Resolver;
use super::value::{Data, Entry, Value};
use crate::ci::JobVariable;
use crate::model::{Site, Span, Variable, VariableScope};

impl Resolver<'_> {
    /// The variables of one mapping; each definition is told once as a [`Variable`], for the first job
    /// that has it.
    pub(super) fn variables(
        &mut self,
        variables: Option<&Value>,
        scope: &VariableScope,
    ) -> Vec<JobVariable> {
        let Some(variables) = variables else {
            return Vec::new();
        };
        let variables = self.dereferenced(variables);
        let Some(mapping) = variables.as_mapping() else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for entry in mapping.iter() {
            if self.report.nodes.spend(1).is_none() {
                self.report.exhausted(self.files.site(entry.key_place));
                break;
            }
            // A null takes an inherited variable away.
            let (value, prompted) = match &entry.value.data {
                Data::Scalar(_) => (Some(&entry.value), false),
                Data::Mapping(mapping) => {
                    (mapping.get("value"), mapping.get("description").is_some())
                }
                Data::Null | Data::Sequence(_) | Data::Reference(_) => continue,
            };
            let definition = self.entry_site(entry);
            found.push(self.variable(entry, value, prompted, definition, scope));
        }
        found
    }

    /// One value of one variable; `definition` is what goes when it is deleted.
    fn variable(
        &mut self,
        entry: &Entry,
        value: Option<&Value>,
        prompted: bool,
        definition: Site,
        scope: &VariableScope,
    ) -> JobVariable {
        let text: Arc<str> = value.and_then(Value::as_str).cloned().unwrap_or_default();
        let site = match value {
            Some(value) if !text.is_empty() => self.files.site(value.place),
            _ => self.files.site(entry.key_place),
        };
        if self.known_variables.insert(definition.clone()) {
            self.resolved.variables.push(Variable {
                name: Arc::clone(&entry.key),
                value: Arc::clone(&text),
                prompted,
                scope: scope.clone(),
                site: site.clone(),
                entry: definition,
            });
        }
        JobVariable {
            name: Arc::clone(&entry.key),
            value: text,
            scope: scope.clone(),
            site,
        }
    }

    /// What `parallel:matrix` sets: each value of each list in some runs of the job.
    pub(super) fn matrix_variables(
        &mut self,
        parallel: Option<&Value>,
        scope: &VariableScope,
    ) -> Vec<JobVariable> {
        let Some(matrix) = parallel
            .map(|parallel| self.dereferenced(parallel))
            .and_then(|parallel| parallel.get("matrix").cloned())
        else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for row in self.flattened(&matrix) {
            let Some(mapping) = row.as_mapping() else {
                continue;
            };
            for entry in mapping.iter() {
                for value in self.flattened(&entry.value) {
                    if self.report.nodes.spend(1).is_none() {
                        self.report.exhausted(self.files.site(entry.key_place));
                        return found;
                    }
                    if value.as_str().is_some() {
                        let definition = self.files.site(value.place);
                        found.push(self.variable(entry, Some(&value), false, definition, scope));
                    }
                }
            }
        }
        found
    }

    /// The variables of all `rules`.
    pub(super) fn rule_variables(
        &mut self,
        rules: Option<&Value>,
        scope: &VariableScope,
    ) -> Vec<JobVariable> {
        let Some(rules) = rules else {
            return Vec::new();
        };
        let rules = self.dereferenced(rules);
        let mut found = Vec::new();
        for rule in self.flattened(&rules) {
            found.extend(self.variables(rule.get("variables"), scope));
        }
        found
    }

    /// The key with its value, where both stand together; where a merge brought a value from elsewhere,
    /// the key alone.
    fn entry_site(&self, entry: &Entry) -> Site {
        let key = self.files.site(entry.key_place);
        let value = self.files.span(entry.value.place);
        if entry.value.place.file == entry.key_place.file && value.start >= key.span.end {
            let span = Span::new(key.span.start, value.end);
            return Site { span, ..key };
        }
        key
    }
}
