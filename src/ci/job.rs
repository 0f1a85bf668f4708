//! A job as it would run: everything inherited, extended and referenced is in place.

use std::sync::Arc;

use crate::model::{Site, SourceId, Span, VariableScope};
use crate::yaml::ValueMap;

/// Which shell of a job runs a script item. `before_script` and `script` share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// `hooks:pre_get_sources_script`.
    PreGetSources,
    /// `before_script` and `script`.
    Main,
    /// `after_script`.
    After,
}

/// One item of a script, with the way back to the bytes it was written with.
#[derive(Clone, Debug)]
pub struct ScriptItem {
    /// Which shell runs it.
    pub phase: Phase,
    /// The text that the shell gets.
    pub text: Arc<str>,
    /// The file that it is written in; not the job's, where the item came by `extends`.
    pub source: SourceId,
    /// From offsets in `text` to offsets in that file.
    pub map: ValueMap,
    /// The way to it in the document: `deploy › script › 2`.
    pub route: Arc<str>,
}

impl ScriptItem {
    /// The place of `span` of the text.
    pub fn site(&self, span: Span) -> Site {
        Site::new(self.source, self.map.source_span(span)).with_route(Arc::clone(&self.route))
    }
}

/// A variable as a job sees it. Later entries of [`Job::variables`] win over earlier ones of the same
/// name, but a value that only holds under some `rules:` does not replace another for good.
#[derive(Clone, Debug)]
pub struct JobVariable {
    /// The name.
    pub name: Arc<str>,
    /// The value as written.
    pub value: Arc<str>,
    /// Where it is set; tells global from job and conditional from certain.
    pub scope: VariableScope,
    /// The value.
    pub site: Site,
}

/// A job as it would run.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub name: Arc<str>,
    /// Its variables, least specific first.
    pub variables: Vec<JobVariable>,
    /// Its scripts, in the order they run.
    pub scripts: Vec<ScriptItem>,
    /// Something in it could not be resolved: findings about it are less sure.
    pub incomplete: bool,
}
