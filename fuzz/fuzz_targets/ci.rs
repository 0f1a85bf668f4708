//! Any text as a GitLab CI configuration: includes, jobs, shell scripts, and what they use.

#![no_main]

use std::rc::Rc;
use std::sync::Arc;

use glpatrol::ci::{ConfigKind, FileResolver, ResolveError, SourceFile, analyze};
use glpatrol::model::SourceId;
use libfuzzer_sys::fuzz_target;

/// A repository of two files: the configuration, and the other half of the input.
struct Repository {
    files: [SourceFile; 2],
}

impl FileResolver for Repository {
    fn file(&self, path: &str) -> Result<SourceFile, ResolveError> {
        let file = self.files.iter().find(|file| &*file.path == path);
        file.cloned().ok_or(ResolveError::Missing)
    }

    fn yaml_paths(&self) -> Rc<[Arc<str>]> {
        self.files
            .iter()
            .map(|file| Arc::clone(&file.path))
            .collect()
    }
}

fuzz_target!(|text: &str| {
    let (root, other) = text.split_once("\n%%%\n").unwrap_or((text, ""));
    let file = |id, path: &str, text: &str| SourceFile {
        id: SourceId(id),
        path: Arc::from(path),
        text: Arc::from(text),
    };
    let repository = Repository {
        files: [file(0, ".gitlab-ci.yml", root), file(1, "a.yml", other)],
    };
    for kind in [ConfigKind::Root, ConfigKind::Fragment] {
        let analysis = analyze(&repository.files[0], kind, &repository);
        for problem in &analysis.problems {
            let text = [root, other][problem.source.0 as usize];
            assert!(problem.span.start <= problem.span.end && problem.span.end <= text.len());
        }
        for used in &analysis.facts.uses {
            let text = [root, other][used.site.source.0 as usize];
            assert!(text.get(used.site.span.start..used.site.span.end).is_some());
        }
    }
});
