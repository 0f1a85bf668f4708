//! Resolves GitLab CI configurations as GitLab does and extracts what they use credentials for.
//!
//! ```text
//! text ─yaml─▶ include ▶ merge ▶ extends ▶ !reference ▶ default, inherit ▶ Job ─shell─▶ TokenUse …
//! ```
//!
//! Every resolved value keeps the place it was written at. What only GitLab could resolve is a
//! [`Gap`](crate::model::Gap). This module knows no rule and no file system: it reads through a
//! [`FileResolver`].

mod classify;
mod job;
mod resolve;
mod shell;
mod usage;

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::model::{Facts, ProblemClass, ProblemLevel, SourceId, Span, TokenUse};
use crate::yaml::{Document, Node, Stream};

pub use classify::{classify, may_be_config};
pub use job::{Job, JobVariable, Phase, ScriptItem};
pub use resolve::{Resolved, resolve};

/// A file of the repository that is analysed.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name within the run.
    pub id: SourceId,
    /// Relative to the root of the repository.
    pub path: Arc<str>,
    /// Its text. Tokens in it are masked, byte for byte, before it comes here.
    pub text: Arc<str>,
}

/// Why a file that a configuration names cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such file.
    #[error("does not exist")]
    Missing,
    /// The path or a link on it leaves the repository.
    #[error("lies outside of the repository")]
    Outside,
    /// It is there and cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// Gives `ci` the files of one repository.
pub trait FileResolver {
    /// The file at `path`, relative to the root of the repository, without a leading `/`. The same
    /// path gives the same [`SourceId`].
    ///
    /// # Errors
    ///
    /// See [`ResolveError`].
    fn file(&self, path: &str) -> Result<SourceFile, ResolveError>;

    /// The paths of all files that end in `.yml` or `.yaml`, sorted: what include globs select from.
    fn yaml_paths(&self) -> Rc<[Arc<str>]>;
}

/// What a file is to GitLab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigKind {
    /// The configuration of a project: only jobs that run are analysed.
    Root,
    /// A file that others include: hidden jobs are analysed as well.
    Fragment,
}

/// Something in a configuration that could not be read or resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiProblem {
    /// Whether the run is incomplete for it.
    pub level: ProblemLevel,
    /// What kind.
    pub class: ProblemClass,
    /// In which file.
    pub source: SourceId,
    /// Where.
    pub span: Span,
    /// Lower-case start, no full stop.
    pub message: String,
    /// What to do about it.
    pub mend: Option<String>,
}

/// What one configuration says.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// Uses, variables, disclosures and gaps.
    pub facts: Facts,
    /// In the order they were met.
    pub problems: Vec<CiProblem>,
    /// Every file that was read for it, itself first.
    pub sources: Vec<SourceId>,
    /// Jobs, hidden ones apart.
    pub jobs: usize,
}

/// Resolves a configuration and extracts what its jobs do with credentials.
///
/// A script item that several jobs run gives each fact once, for the first of them, unless the jobs give
/// it other credentials or targets.
pub fn analyze(root: &SourceFile, kind: ConfigKind, files: &dyn FileResolver) -> Analysis {
    let resolved = resolve(root, kind, files);
    let mut facts = Facts {
        variables: resolved.variables,
        gaps: resolved.gaps,
        ..Facts::default()
    };
    for job in &resolved.jobs {
        usage::extract(job, &mut facts);
    }
    deduplicate(&mut facts);
    Analysis {
        facts,
        problems: resolved.problems,
        sources: resolved.sources,
        jobs: resolved
            .jobs
            .iter()
            .filter(|job| !job.name.starts_with('.'))
            .count(),
    }
}

/// The comments of a CI file, in order, each from its `#` to the end of its line: those of YAML and
/// those in shell text, which is what stands behind a `#` in a script.
pub fn comments(text: &str) -> Vec<Span> {
    let stream = Stream::parse(text);
    let mut spans: Vec<Span> = stream.comments.iter().map(|comment| comment.span).collect();
    let nodes = stream.documents.iter().flat_map(Document::nodes);
    for node in nodes.filter(|node| !node.is_alias()) {
        let Some(script) = node.as_str().filter(|text| text.contains('#')) else {
            continue;
        };
        let comments = usage::comments(script);
        if !comments.is_empty() {
            let map = node.value_map();
            spans.extend(comments.into_iter().map(|comment| map.source_span(comment)));
        }
    }
    spans.sort_unstable();
    spans.dedup();
    spans
}

/// The header of a file: a first document that holds `spec` and nothing else.
fn header(documents: &[Document]) -> Option<Node<'_>> {
    let root = documents.first()?.root()?;
    let mut keys = root.entries().map(|(key, _)| key.as_str());
    (keys.next() == Some(Some("spec")) && keys.next().is_none()).then_some(root)
}

/// Keeps of facts that differ only in the job the first one, with the confidence of the surest.
fn deduplicate(facts: &mut Facts) {
    let mut places: HashMap<TokenUse, usize> = HashMap::new();
    let mut uses: Vec<TokenUse> = Vec::new();
    for found in facts.uses.drain(..) {
        let confidence = found.confidence;
        let mut fact = found.clone();
        fact.job = None;
        fact.confidence = crate::model::Confidence::Low;
        if let Some(place) = places.get(&fact) {
            uses[*place].confidence = uses[*place].confidence.max(confidence);
        } else {
            places.insert(fact, uses.len());
            uses.push(found);
        }
    }
    facts.uses = uses;

    let mut seen = std::collections::HashSet::new();
    facts
        .disclosures
        .retain(|fact| seen.insert((fact.site.clone(), fact.kind.clone(), fact.sink.clone())));
    let mut seen = std::collections::HashSet::new();
    facts
        .variables
        .retain(|fact| seen.insert((fact.entry.clone(), fact.name.clone(), fact.value.clone())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Credential, Site};

    struct Files(Vec<SourceFile>);

    impl FileResolver for Files {
        fn file(&self, path: &str) -> Result<SourceFile, ResolveError> {
            let found = self.0.iter().find(|file| &*file.path == path);
            found.cloned().ok_or(ResolveError::Missing)
        }

        fn yaml_paths(&self) -> Rc<[Arc<str>]> {
            self.0.iter().map(|file| Arc::clone(&file.path)).collect()
        }
    }

    fn files(files: &[(&str, &str)]) -> Files {
        let files = files.iter().zip(0..);
        Files(
            files
                .map(|((path, text), id)| SourceFile {
                    id: SourceId(id),
                    path: (*path).into(),
                    text: (*text).into(),
                })
                .collect(),
        )
    }

    fn cut(files: &Files, site: &Site) -> String {
        let text = &files.0[site.source.0 as usize].text;
        text[site.span.start..site.span.end].to_owned()
    }

    #[test]
    fn a_use_that_many_jobs_share_is_one_fact_at_its_place() {
        let files = files(&[
            (
                ".gitlab-ci.yml",
                "include: base.yml\none:\n  extends: .base\ntwo:\n  extends: .base\nthree:\n  extends: .base\n  variables: {TOKEN: $OTHER}\n",
            ),
            (
                "base.yml",
                ".base:\n  script:\n  - >-\n    curl\n    -H \"PRIVATE-TOKEN: $TOKEN\"\n    $CI_API_V4_URL/user\n",
            ),
        ]);
        let analysis = analyze(&files.0[0], ConfigKind::Root, &files);
        assert_eq!(analysis.problems, []);
        assert_eq!((analysis.jobs, analysis.sources.len()), (3, 2));
        let shown: Vec<_> = analysis
            .facts
            .uses
            .iter()
            .map(|found| {
                let Credential::Variable(variable) = &found.credential else {
                    panic!("{:?}", found.credential);
                };
                (
                    found.job.as_deref().unwrap(),
                    &*variable.name,
                    cut(&files, &found.site),
                )
            })
            .collect();
        let site = "PRIVATE-TOKEN: $TOKEN".to_owned();
        assert_eq!(
            shown,
            [("one", "TOKEN", site.clone()), ("three", "OTHER", site)]
        );
    }

    #[test]
    fn comments_of_yaml_and_of_scripts_are_found() {
        let text = "# one\njob:  # two\n  script:\n  - |\n    make # three\n    # four\n    echo '# no'\n  - \"echo $# # five\"\n";
        let found: Vec<_> = comments(text)
            .into_iter()
            .map(|span| &text[span.start..span.end])
            .collect();
        assert_eq!(found, ["# one", "# two", "# three", "# four", "# five"]);
    }
}
