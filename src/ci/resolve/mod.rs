//! From the text of a configuration to its jobs, step by step as GitLab does it.
//!
//! The order is GitLab's: the files are merged, then `extends` is applied, then references are
//! followed, then defaults are inherited. An error in one place never stops the rest.

mod extends;
mod files;
mod include;
mod jobs;
mod reference;
mod report;
#[cfg(test)]
mod tests;
mod value;
mod variables;

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use self::files::Files;
use self::include::Assembly;
use self::report::Report;
use self::value::{Mapping, Place, Value};
use super::{CiProblem, ConfigKind, FileResolver, Job, SourceFile};
use crate::model::{Gap, ProblemClass, ProblemLevel, Site, SourceId, Span, Variable};
use crate::yaml::{NodeId, SyntaxErrorKind};

/// Child pipelines of one configuration that are looked at, at any depth.
const MAX_CHILDREN: usize = 100;

/// A configuration with everything in place.
#[derive(Clone, Debug, Default)]
pub struct Resolved {
    /// The jobs in the order of the merged configuration, those of child pipelines behind them. Hidden
    /// jobs are among them only where the configuration is a fragment and nothing in it uses them.
    pub jobs: Vec<Job>,
    /// Every definition of a variable that takes effect, each once.
    pub variables: Vec<Variable>,
    /// What lies outside of the repository.
    pub gaps: Vec<Gap>,
    /// What could not be read or resolved.
    pub problems: Vec<CiProblem>,
    /// Every file that was read, the first one first.
    pub sources: Vec<SourceId>,
}

/// Resolves the configuration that begins in `root`.
///
/// It always gives what it could make out; [`Resolved::problems`] and [`Resolved::gaps`] say what is
/// missing from it.
pub fn resolve(root: &SourceFile, kind: ConfigKind, files: &dyn FileResolver) -> Resolved {
    let mut resolver = Resolver {
        repository: files,
        own_folder: include::own_folder(&root.path, kind),
        files: Files::default(),
        roots: Vec::new(),
        aliased: HashSet::new(),
        referenced: HashSet::new(),
        broken: HashSet::new(),
        report: Report::new(kind),
        config: Rc::default(),
        children: Vec::new(),
        resolved: Resolved::default(),
        known_variables: HashSet::new(),
    };
    let first = resolver.add(root);
    let config = resolver.assemble(first, &mut Assembly::default());
    resolver.configuration(&config, kind);

    // The queue grows while it is worked on; each `include` is in it once.
    let mut next = 0;
    while let Some(include) = resolver.children.get(next).cloned() {
        next += 1;
        if next > MAX_CHILDREN {
            let site = resolver.files.site(include.place);
            let message = format!("more than {MAX_CHILDREN} child pipelines");
            resolver.report.error(ProblemClass::Limit, site, message);
            break;
        }
        let config = resolver.includes(&include, &mut Assembly::default());
        resolver.configuration(&config, ConfigKind::Root);
    }
    Resolved {
        gaps: resolver.report.gaps,
        problems: resolver.report.problems,
        sources: resolver.files.sources(),
        ..resolver.resolved
    }
}

/// The work on one configuration and its child pipelines.
struct Resolver<'r> {
    repository: &'r dyn FileResolver,
    /// Where local files are looked for when the repository's root does not have them.
    own_folder: Option<Arc<str>>,
    files: Files,
    /// By file, its content without includes.
    roots: Vec<Option<Value>>,
    /// Nodes that an alias names.
    aliased: HashSet<Place>,
    /// First keys of the references in all files.
    referenced: Names,
    /// Top-level keys whose block is not valid YAML.
    broken: Names,
    report: Report,
    /// The merged and extended configuration that is worked on.
    config: Rc<Mapping>,
    /// `trigger:include` values that were met.
    children: Vec<Value>,
    resolved: Resolved,
    /// Definitions that are in `resolved` already.
    known_variables: HashSet<Site>,
}

impl Resolver<'_> {
    /// Takes the values out of a file that was added.
    fn load(&mut self, index: usize) {
        let file = self.files.get(index);
        let source = file.source;
        for error in &file.errors {
            let class = match error.kind {
                SyntaxErrorKind::Malformed => ProblemClass::CiSyntax,
                SyntaxErrorKind::TooDeep => ProblemClass::Limit,
            };
            let site = Site::new(source, Span::new(error.offset, error.offset));
            self.report
                .error(class, site, format!("not valid YAML: {}", error.message));
        }
        let Some(document) = &file.document else {
            self.roots.push(None);
            return;
        };
        let loaded = value::load(index, document, &mut self.report.nodes);
        let site = |node: NodeId| Site::new(source, document.node(node).span());
        for node in loaded.unresolved {
            self.report.problem(
                ProblemLevel::Error,
                ProblemClass::CiSyntax,
                site(node),
                "the alias names no anchor that is complete before it".to_owned(),
                Some("anchors do not reach from file to file; use `!reference` or `extends`"),
            );
        }
        if let Some(node) = loaded.cut {
            let message = "nests too deep or grows too large to be read";
            self.report
                .error(ProblemClass::Limit, site(node), message.to_owned());
        }
        let aliased = loaded.aliased.into_iter();
        self.aliased
            .extend(aliased.map(|node| Place { file: index, node }));
        self.referenced.extend(loaded.referenced);
        let root = loaded.root.filter(|root| !root.is_null());
        if let Some(root) = &root
            && root.as_mapping().is_none()
        {
            let message = format!("a configuration is a mapping, this is {}", root.noun());
            self.report
                .error(ProblemClass::CiSyntax, site(root.place.node), message);
        }
        let keys = root.iter().filter_map(Value::as_mapping);
        let keys: Vec<(usize, &Arc<str>)> = keys
            .flat_map(|root| root.iter())
            .map(|entry| (document.node(entry.key_place.node).span().start, &entry.key))
            .collect();
        for error in &file.errors {
            let before = keys.iter().filter(|(start, _)| *start <= error.offset);
            let block = before.max_by_key(|(start, _)| *start);
            self.broken.extend(block.map(|(_, key)| Arc::clone(key)));
        }
        self.roots.push(root);
    }

    /// Adds the jobs and variables of a merged configuration to the result.
    fn configuration(&mut self, merged: &Rc<Mapping>, kind: ConfigKind) {
        let extended = self.extend(merged);
        self.config = extended.config;
        self.jobs(kind, &extended.bases, &extended.incomplete);
    }

    /// Remembers the `include` of a child pipeline.
    fn child(&mut self, include: &Value) {
        let known = |child: &Value| child.place == include.place;
        if self.children.len() <= MAX_CHILDREN && !self.children.iter().any(known) {
            self.children.push(include.clone());
        }
    }
}

/// Names of top-level keys that are no jobs (gitlabhq/gitlabhq
/// `lib/gitlab/ci/config/entry/root.rb`).
fn is_global_keyword(key: &str) -> bool {
    matches!(
        key,
        "default"
            | "include"
            | "before_script"
            | "image"
            | "services"
            | "after_script"
            | "variables"
            | "stages"
            | "types"
            | "cache"
            | "workflow"
            | "spec"
    )
}

/// Names that something else uses: a hidden job among them is no job of its own.
type Names = HashSet<Arc<str>>;
