//! Which files are CI configurations.

use super::{ConfigKind, header};
use crate::yaml::{Document, Kind, Node, Stream};

/// Whether the file at `path`, relative to the root of the repository, may be a CI configuration: a
/// look at the path alone, so that other files need not be read as text.
pub fn may_be_config(path: &str) -> bool {
    place(path).is_some()
}

/// What the file at `path` is to GitLab; `None` where it is no configuration.
pub fn classify(path: &str, text: &str) -> Option<ConfigKind> {
    match place(path)? {
        Place::Root => Some(ConfigKind::Root),
        Place::Fragment => Some(ConfigKind::Fragment),
        Place::UnlessData => (!is_data(text)).then_some(ConfigKind::Fragment),
        Place::IfJobs => holds_jobs(text).then_some(ConfigKind::Fragment),
        Place::IfHeader => has_header(text).then_some(ConfigKind::Fragment),
    }
}

enum Place {
    /// GitLab reads it by its name.
    Root,
    /// Nothing else has such a name.
    Fragment,
    /// Lists that scripts read lie there as well.
    UnlessData,
    /// Other files lie there as well.
    IfJobs,
    /// A component, if it says so.
    IfHeader,
}

fn place(path: &str) -> Option<Place> {
    // GitLab's default is this one name; `.gitlab-ci.yaml` is not read (gitlabhq/gitlabhq
    // `doc/ci/yaml/_index.md`).
    if path == ".gitlab-ci.yml" {
        return Some(Place::Root);
    }
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name.ends_with(".gitlab-ci.yml") {
        return Some(Place::Fragment);
    }
    let stem = name
        .strip_suffix(".yml")
        .or_else(|| name.strip_suffix(".yaml"))?;
    let mut folders = folder.split('/');
    match (folders.next(), folders.next(), folders.next()) {
        (Some(".gitlab-ci"), _, _) | (Some(".gitlab"), Some("ci"), _) => Some(Place::UnlessData),
        (Some(".gitlab"), _, _) => Some(Place::IfJobs),
        (Some("templates"), None, _) => Some(Place::IfHeader),
        (Some("templates"), Some(_), None) if stem == "template" => Some(Place::IfHeader),
        _ => None,
    }
}

/// Whether the text is well formed and holds lists or words alone: no configuration, and no error.
fn is_data(text: &str) -> bool {
    let stream = Stream::parse(text);
    let mut roots = stream.documents.iter().filter_map(Document::root);
    stream.errors.is_empty() && roots.all(|root| root.kind() != Kind::Mapping)
}

fn has_header(text: &str) -> bool {
    text.contains("spec") && {
        let stream = Stream::parse(text);
        header(&stream.documents).is_some() && stream.documents.len() > 1
    }
}

/// Whether a top-level mapping has a key that only a job has.
fn holds_jobs(text: &str) -> bool {
    const KEYS: [&str; 5] = ["script", "trigger", "extends", "before_script", "run"];
    if !KEYS.iter().any(|key| text.contains(key)) {
        return false;
    }
    let stream = Stream::parse(text);
    let is_job = |value: Node<'_>| {
        value.kind() == Kind::Mapping && KEYS.iter().any(|key| value.get(key).is_some())
    };
    stream.documents.iter().any(|document| {
        document
            .root()
            .is_some_and(|root| root.entries().any(|(_, value)| is_job(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_a_folder_of_fragments_is_data() {
        assert_eq!(classify(".gitlab/ci/matrix.yml", "- a\n- b\n"), None);
        assert_eq!(classify(".gitlab/ci/empty.yml", "# nothing\n"), None);
        let broken = Some(ConfigKind::Fragment);
        assert_eq!(classify(".gitlab/ci/broken.yml", "- a\n- [\n"), broken);
        assert_eq!(classify("matrix.gitlab-ci.yml", "- a\n"), broken);
    }

    #[test]
    fn the_path_decides_first() {
        for (path, kind) in [
            (".gitlab-ci.yml", Some(ConfigKind::Root)),
            (".gitlab-ci.yaml", None),
            ("sub/.gitlab-ci.yml", Some(ConfigKind::Fragment)),
            ("ci/build.gitlab-ci.yml", Some(ConfigKind::Fragment)),
            (".gitlab-ci/a/b.yaml", Some(ConfigKind::Fragment)),
            (".gitlab/ci/a.yml", Some(ConfigKind::Fragment)),
            (".gitlab/ci/a.sh", None),
            ("docker-compose.yml", None),
            ("deep/templates/a.yml", None),
        ] {
            assert_eq!(classify(path, "a: b"), kind, "{path}");
            assert_eq!(may_be_config(path), kind.is_some(), "{path}");
        }
    }

    #[test]
    fn where_other_files_lie_the_content_decides() {
        let job = "build:\n  script: [make]\n";
        let other = "allowed:\n- script\n";
        assert_eq!(
            classify(".gitlab/pipelines/a.yml", job),
            Some(ConfigKind::Fragment)
        );
        assert_eq!(classify(".gitlab/pipelines/a.yml", other), None);
        assert!(may_be_config(".gitlab/pipelines/a.yml"));

        let component = "spec:\n  inputs: {}\n---\nbuild:\n  script: [make]\n";
        for path in ["templates/a.yml", "templates/a/template.yml"] {
            assert_eq!(
                classify(path, component),
                Some(ConfigKind::Fragment),
                "{path}"
            );
            assert_eq!(classify(path, job), None, "{path}");
        }
        assert_eq!(classify("templates/a/other.yml", component), None);
        assert_eq!(classify("templates/a.yml", "spec:\n  replicas: 1\n"), None);
    }
}
