//! Resolution of a large CI configuration: 200 jobs in ten included files, chains of `extends`,
//! references and defaults.

use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use glpatrol::ci::{ConfigKind, FileResolver, ResolveError, SourceFile, analyze, resolve};
use glpatrol::model::SourceId;
use glpatrol::yaml::Stream;

fn main() {
    divan::main();
}

const FILES: usize = 10;
const JOBS_PER_FILE: usize = 20;

/// A repository in memory; the first file is the configuration.
struct Repository(Vec<SourceFile>);

impl Repository {
    fn new() -> Self {
        let mut files = vec![root()];
        files.extend((0..FILES).map(part));
        let files = files
            .into_iter()
            .zip(0..)
            .map(|((path, text), id)| SourceFile {
                id: SourceId(id),
                path: path.into(),
                text: text.into(),
            });
        Self(files.collect())
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|file| file.text.len()).sum()
    }
}

impl FileResolver for Repository {
    fn file(&self, path: &str) -> Result<SourceFile, ResolveError> {
        let found = self.0.iter().find(|file| &*file.path == path);
        found.cloned().ok_or(ResolveError::Missing)
    }

    fn yaml_paths(&self) -> Rc<[Arc<str>]> {
        self.0.iter().map(|file| Arc::clone(&file.path)).collect()
    }
}

fn root() -> (String, String) {
    let mut text = "include: ci/*.yml\ndefault:\n  before_script:\n  - export API=$CI_API_V4_URL/projects/$CI_PROJECT_ID\nvariables:\n".to_owned();
    for number in 0..30 {
        writeln!(text, "  VARIABLE_{number}: value-{number}-$CI_COMMIT_SHA").expect("memory");
    }
    (".gitlab-ci.yml".to_owned(), text)
}

fn part(file: usize) -> (String, String) {
    let mut text =
        format!(".base-{file}:\n  variables: {{LEVEL: base}}\n  script:\n  - make all\n");
    for level in 0..4 {
        let below = if level == 0 {
            format!(".base-{file}")
        } else {
            format!(".level-{file}-{}", level - 1)
        };
        writeln!(
            text,
            ".level-{file}-{level}:\n  extends: {below}\n  variables: {{LEVEL_{level}: x}}"
        )
        .expect("memory");
    }
    for job in 0..JOBS_PER_FILE {
        writeln!(
            text,
            "job-{file}-{job}:\n  extends: .level-{file}-3\n  stage: test\n  script:\n  - !reference [.base-{file}, script]\n  \
             - |\n    curl --fail --header \"JOB-TOKEN: $CI_JOB_TOKEN\" \\\n      \"$API/packages/generic/p/{job}/file\"\n    \
             echo done\n  - >-\n    git clone\n    https://gitlab-ci-token:$CI_JOB_TOKEN@$CI_SERVER_HOST/group/project.git\n  \
             rules:\n  - if: $CI_PIPELINE_SOURCE == \"push\"\n    variables: {{RULE: \"{job}\"}}"
        )
        .expect("memory");
    }
    (format!("ci/part-{file}.yml"), text)
}

#[divan::bench]
fn parse(bencher: divan::Bencher<'_, '_>) {
    let repository = Repository::new();
    bencher
        .counter(divan::counter::BytesCount::new(repository.bytes()))
        .bench(|| {
            let files = repository.0.iter();
            files
                .map(|file| Stream::parse(Arc::clone(&file.text)).documents.len())
                .sum::<usize>()
        });
}

#[divan::bench]
fn resolve_200_jobs(bencher: divan::Bencher<'_, '_>) {
    let repository = Repository::new();
    let resolved = resolve(&repository.0[0], ConfigKind::Root, &repository);
    assert_eq!(
        (resolved.jobs.len(), resolved.problems.len()),
        (FILES * JOBS_PER_FILE, 0)
    );
    bencher.bench(|| resolve(&repository.0[0], ConfigKind::Root, &repository));
}

#[divan::bench]
fn analyze_200_jobs(bencher: divan::Bencher<'_, '_>) {
    let repository = Repository::new();
    bencher.bench(|| analyze(&repository.0[0], ConfigKind::Root, &repository));
}
