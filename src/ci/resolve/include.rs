//! `include`: which files a configuration is made of, and their merge.
//!
//! Only files of the same repository can be read. Everything else is a gap, and so is a path with a
//! variable in it: which file that is only GitLab knows, and this module never guesses. Files are
//! included whatever their `rules` say.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Resolver;
use super::files::File;
use super::report::short;
use super::value::{Data, Mapping, Place, Value};
use crate::ci::{ConfigKind, ResolveError, SourceFile};
use crate::model::{ProblemClass, ProblemLevel, Site, Span};
use crate::yaml::Budget;

/// Files that one configuration may include, duplicates counted (gitlabhq/gitlabhq
/// `doc/ci/yaml/includes.md`).
const MAX_INCLUDES: usize = 150;

/// Largest file that is read. GitLab takes 2 MB by default (gitlabhq/gitlabhq
/// `doc/administration/instance_limits.md`, `max_yaml_size_bytes`).
const MAX_FILE_BYTES: usize = 16 << 20;

/// How deep lists may nest inside `include`.
const LIST_DEPTH: usize = 10;

/// Where a local file is asked for.
#[derive(Clone, Copy)]
struct Asked {
    place: Place,
    /// The include has `rules`: the file need not be there where they do not match.
    conditional: bool,
}

impl Asked {
    const fn always(place: Place) -> Self {
        Self {
            place,
            conditional: false,
        }
    }
}

/// The folder of a root configuration below the root of the repository: a skeleton, an example or a
/// test that becomes a project of its own. GitLab reads that name at the root of a project alone.
pub(super) fn own_folder(path: &str, kind: ConfigKind) -> Option<Arc<str>> {
    let folder = path.strip_suffix("/.gitlab-ci.yml")?;
    (kind == ConfigKind::Fragment).then(|| folder.into())
}

/// One configuration while it is put together.
#[derive(Default)]
pub(super) struct Assembly {
    /// Files that include each other, outermost first.
    open: Vec<usize>,
    included: usize,
    /// What a file is with its includes.
    done: HashMap<usize, Rc<Mapping>>,
}

impl Resolver<'_> {
    /// The content of a file with everything it includes.
    pub(super) fn assemble(&mut self, file: usize, assembly: &mut Assembly) -> Rc<Mapping> {
        if let Some(done) = assembly.done.get(&file) {
            return Rc::clone(done);
        }
        let Some(own) = self.roots[file]
            .as_ref()
            .and_then(Value::as_mapping)
            .cloned()
        else {
            return Rc::default();
        };
        let content = match own.get("include") {
            None => own,
            Some(include) => {
                assembly.open.push(file);
                let below = self.includes(include, assembly);
                assembly.open.pop();
                self.merge(&below, &own.without("include"), include.place)
            }
        };
        assembly.done.insert(file, Rc::clone(&content));
        content
    }

    /// What an `include` brings, merged in order.
    pub(super) fn includes(&mut self, include: &Value, assembly: &mut Assembly) -> Rc<Mapping> {
        let mut merged: Rc<Mapping> = Rc::default();
        let mut files = Vec::new();
        self.select(include, 0, &assembly.open, &mut files);
        for (file, place) in files {
            assembly.included += 1;
            if assembly.included > MAX_INCLUDES {
                if assembly.included == MAX_INCLUDES + 1 {
                    let message =
                        format!("the configuration includes more than {MAX_INCLUDES} files");
                    self.report
                        .error(ProblemClass::Limit, self.files.site(place), message);
                }
                break;
            }
            let content = self.assemble(file, assembly);
            merged = self.merge(&merged, &content, place);
        }
        merged
    }

    /// `over` on top of `below`.
    pub(super) fn merge(
        &mut self,
        below: &Rc<Mapping>,
        over: &Mapping,
        place: Place,
    ) -> Rc<Mapping> {
        if let Some(merged) = below.merged(over, &mut self.report.nodes) {
            Rc::new(merged)
        } else {
            self.report.exhausted(self.files.site(place));
            Rc::clone(below)
        }
    }

    /// The files that an `include` names.
    fn select(
        &mut self,
        include: &Value,
        depth: usize,
        open: &[usize],
        files: &mut Vec<(usize, Place)>,
    ) {
        match &include.data {
            Data::Sequence(items) if depth < LIST_DEPTH => {
                for item in items.iter() {
                    if self.report.nodes.spend(1).is_none() {
                        self.report.exhausted(self.files.site(include.place));
                        return;
                    }
                    self.select(item, depth + 1, open, files);
                }
            }
            Data::Scalar(path) if path.starts_with("http://") || path.starts_with("https://") => {
                self.gap(
                    &format!("include of {}", short(&without_userinfo(path))),
                    include.place,
                );
            }
            Data::Scalar(path) => self.local(path, Asked::always(include.place), open, files),
            Data::Mapping(mapping) => self.keyed(mapping, include.place, open, files),
            Data::Null => {}
            Data::Sequence(_) | Data::Reference(_) => {
                let message = format!("`include` holds {}", include.noun());
                self.report.error(
                    ProblemClass::CiResolution,
                    self.files.site(include.place),
                    message,
                );
            }
        }
    }

    /// An include in the form of a mapping.
    fn keyed(
        &mut self,
        mapping: &Mapping,
        place: Place,
        open: &[usize],
        files: &mut Vec<(usize, Place)>,
    ) {
        if let Some(local) = mapping.get("local") {
            let conditional = mapping.get("rules").is_some();
            for path in local.as_list() {
                if let Some(text) = path.as_str() {
                    let asked = Asked {
                        place: path.place,
                        conditional,
                    };
                    self.local(text, asked, open, files);
                }
            }
            return;
        }
        for kind in ["project", "component", "template", "remote", "artifact"] {
            if let Some(value) = mapping.get(kind) {
                let name = short(value.as_str().map_or("", |name| name));
                let what = match kind {
                    "remote" => format!("include of {}", without_userinfo(name)),
                    _ => format!("include of {kind} {name}"),
                };
                self.gap(&what, value.place);
                return;
            }
        }
        self.report.error(
            ProblemClass::CiResolution,
            self.files.site(place),
            "`include` says neither `local` nor another kind of file".to_owned(),
        );
    }

    fn gap(&mut self, what: &str, place: Place) {
        self.report.gap(what.to_owned(), self.files.site(place));
    }

    /// The files of the repository at `path`, which may be a pattern.
    fn local(&mut self, path: &str, asked: Asked, open: &[usize], files: &mut Vec<(usize, Place)>) {
        if path.contains('$') {
            self.gap(&format!("include of {}", short(path)), asked.place);
            return;
        }
        let relative = path.trim_start_matches('/');
        let path = short(path);
        let site = self.files.site(asked.place);
        if relative.split('/').any(|segment| segment == "..") {
            let message = format!("include `{path}` leaves the repository");
            self.report
                .error(ProblemClass::MissingInclude, site, message);
            return;
        }
        if !is_yaml(relative) {
            self.report.problem(
                ProblemLevel::Error,
                ProblemClass::MissingInclude,
                site,
                format!("include `{path}` is no YAML file"),
                Some("GitLab includes files that end in `.yml` or `.yaml`"),
            );
            return;
        }
        if relative.contains('*') {
            let mut selected = self.matching(relative);
            if selected.as_ref().is_some_and(Vec::is_empty)
                && let Some(nested) = self.in_own_folder(relative)
            {
                selected = self.matching(&nested);
            }
            let Some(selected) = selected else {
                self.report.slow_pattern(site);
                return;
            };
            if selected.is_empty() {
                self.report.problem(
                    ProblemLevel::Note,
                    ProblemClass::MissingInclude,
                    site,
                    format!("include `{path}` matches no file"),
                    Some("GitLab goes on without it; check the pattern"),
                );
            }
            // A pattern may match the file that it stands in.
            for path in selected {
                if !open.iter().any(|file| self.files.get(*file).path == path) {
                    self.open_local(&path, asked, open, files);
                }
            }
            return;
        }
        self.open_local(relative, asked, open, files);
    }

    /// The files of the repository that a pattern selects; `None` where looking takes too long.
    fn matching(&mut self, pattern: &str) -> Option<Vec<Arc<str>>> {
        let paths = self.repository.yaml_paths();
        Pattern::new(pattern).select(&paths, &mut self.report.pattern_steps)
    }

    /// A path as the project means it whose root is the folder of the first file, if there is one.
    fn in_own_folder(&self, path: &str) -> Option<String> {
        self.own_folder
            .as_deref()
            .map(|folder| format!("{folder}/{path}"))
    }

    fn find(&self, path: &str) -> Result<SourceFile, ResolveError> {
        match self.repository.file(path) {
            Err(ResolveError::Missing) => match self.in_own_folder(path) {
                Some(nested) => self.repository.file(&nested),
                None => Err(ResolveError::Missing),
            },
            found => found,
        }
    }

    fn open_local(
        &mut self,
        path: &str,
        asked: Asked,
        open: &[usize],
        files: &mut Vec<(usize, Place)>,
    ) {
        // The first one too many is reported where the files are merged; no further one is read.
        if files.len() > MAX_INCLUDES {
            return;
        }
        let site = self.files.site(asked.place);
        let error = match self.find(path) {
            Ok(file) => {
                let file = self.add(&file);
                if open.contains(&file) {
                    let message = format!("include `{}` goes round in a circle", short(path));
                    self.report.error(ProblemClass::CiResolution, site, message);
                } else {
                    files.push((file, asked.place));
                }
                return;
            }
            Err(error) => error,
        };
        let class = match error {
            ResolveError::Unreadable(_) => ProblemClass::Unreadable,
            ResolveError::Missing | ResolveError::Outside => ProblemClass::MissingInclude,
        };
        let (level, mend) = if error != ResolveError::Missing {
            (ProblemLevel::Error, None)
        } else if asked.conditional {
            let mend = "GitLab looks for it only where the `rules` of the include match";
            (ProblemLevel::Note, Some(mend))
        } else if self.own_folder.is_some() {
            let mend = "GitLab reads no configuration in this folder; in a project of its own the file may be there";
            (ProblemLevel::Note, Some(mend))
        } else {
            let mend = "GitLab refuses the configuration; add the file, or mend the path, which starts at the root of the repository";
            (ProblemLevel::Error, Some(mend))
        };
        let message = format!("include `{}` {error}", short(path));
        self.report.problem(level, class, site, message, mend);
    }

    /// Reads a file, once, and reports what is wrong with it.
    pub(super) fn add(&mut self, file: &SourceFile) -> usize {
        if let Some(index) = self.files.position(file.id) {
            return index;
        }
        let too_large = file.text.len() > MAX_FILE_BYTES;
        let index = self.files.add(if too_large {
            File::unread(file)
        } else {
            File::read(file)
        });
        self.load(index);
        if too_large {
            let site = Site::new(file.id, Span::default());
            let message = format!("larger than {MAX_FILE_BYTES} bytes");
            self.report.error(ProblemClass::Limit, site, message);
        }
        let (source, surplus) = (self.files.get(index).source, self.files.get(index).surplus);
        if let Some(surplus) = surplus {
            self.report.problem(
                ProblemLevel::Note,
                ProblemClass::CiSyntax,
                Site::new(source, Span::new(surplus.start, surplus.start)),
                "GitLab does not read this document".to_owned(),
                Some("a file has one document, or a header with `spec` and one document"),
            );
        }
        index
    }
}

fn is_yaml(path: &str) -> bool {
    std::path::Path::new(path)
        .extension()
        .is_some_and(|extension| extension == "yml" || extension == "yaml")
}

/// An address without the user and password in it.
fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// A path with `*` (anything but `/`) and `**` (anything).
///
/// GitLab turns these into `[^/]*` and `.*` (gitlabhq/gitlabhq `app/models/repository.rb`,
/// `search_files_by_wildcard_path`), so `a/**/*.yml` selects from folders below `a` only, unlike every
/// other glob.
struct Pattern<'t> {
    /// What stands before the first star: it narrows sorted paths down without looking at each.
    prefix: &'t str,
    tokens: Vec<Token>,
}

enum Token {
    Byte(u8),
    Segment,
    Anything,
}

impl<'t> Pattern<'t> {
    fn new(pattern: &'t str) -> Self {
        let (prefix, _) = pattern.split_once('*').unwrap_or((pattern, ""));
        let mut tokens = Vec::new();
        let mut rest = &pattern.as_bytes()[prefix.len()..];
        while let Some((first, tail)) = rest.split_first() {
            rest = tail;
            tokens.push(match (first, tail) {
                (b'*', [b'*', tail @ ..]) => {
                    rest = tail;
                    Token::Anything
                }
                (b'*', _) => Token::Segment,
                (byte, _) => Token::Byte(*byte),
            });
        }
        Self { prefix, tokens }
    }

    /// Those of the sorted `paths` that match; `None` when the steps that this may take are used up.
    fn select(&self, paths: &[Arc<str>], steps: &mut Budget) -> Option<Vec<Arc<str>>> {
        let mut selected = Vec::new();
        let first = paths.partition_point(|path| **path < *self.prefix);
        let beyond_prefix = paths[first..]
            .iter()
            .map_while(|path| Some((path, path.strip_prefix(self.prefix)?)));
        for (path, rest) in beyond_prefix {
            steps.spend(self.tokens.len() * (rest.len() + 1))?;
            if is_yaml(path) && self.matches(rest) {
                selected.push(Arc::clone(path));
            }
        }
        Some(selected)
    }

    /// Whether what follows the prefix matches. Walks all ways to match at once: at most one step for
    /// each pair of token and byte.
    fn matches(&self, rest: &str) -> bool {
        let mut states = vec![false; self.tokens.len() + 1];
        let mut next = states.clone();
        states[0] = true;
        self.skip_stars(&mut states);
        for byte in rest.bytes() {
            next.fill(false);
            for (at, token) in self.tokens.iter().enumerate() {
                if !states[at] {
                    continue;
                }
                match token {
                    Token::Byte(expected) => next[at + 1] |= *expected == byte,
                    Token::Segment => next[at] |= byte != b'/',
                    Token::Anything => next[at] = true,
                }
            }
            self.skip_stars(&mut next);
            std::mem::swap(&mut states, &mut next);
        }
        states[self.tokens.len()]
    }

    fn skip_stars(&self, states: &mut [bool]) {
        for (at, token) in self.tokens.iter().enumerate() {
            if states[at] && !matches!(token, Token::Byte(_)) {
                states[at + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_mean_what_they_mean_to_gitlab() {
        for (pattern, path, matches) in [
            ("configs/*.yml", "configs/a.yml", true),
            ("configs/*.yml", "configs/sub/a.yml", false),
            ("configs/**.yml", "configs/a.yml", true),
            ("configs/**.yml", "configs/sub/a.yml", true),
            ("configs/**/*.yml", "configs/a.yml", false),
            ("configs/**/*.yml", "configs/sub/a.yml", true),
            ("configs/**/*.yml", "configs/sub/deep/a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a?.yml", "ab.yml", false),
        ] {
            let paths = ["aa.yml", path, "zz.yml"].map(Arc::from);
            let selected = Pattern::new(pattern).select(&paths, &mut Budget::new(10_000));
            let is_selected = selected.unwrap().iter().any(|found| **found == *path);
            assert_eq!(is_selected, matches, "{pattern} {path}");
        }
    }

    #[test]
    fn hostile_patterns_take_no_more_steps_than_they_may() {
        let paths = [Arc::from(format!("{}.yml", "a".repeat(400)))];
        let hostile = format!("a{}", "*a".repeat(500));
        let select = |steps| Pattern::new(&hostile).select(&paths, &mut Budget::new(steps));
        assert_eq!(select(1_000_000), Some(vec![]));
        assert_eq!(select(100_000), None);
    }

    #[test]
    fn paths_beside_the_prefix_of_a_pattern_take_no_step() {
        let paths = ["a/x.yml", "b/x.yml", "c/x.yml"].map(Arc::from);
        let select = |steps| Pattern::new("b/*.yml").select(&paths, &mut Budget::new(steps));
        assert_eq!(select(5 * 6), Some(vec![Arc::clone(&paths[1])]));
        assert_eq!(select(5 * 6 - 1), None);
    }

    #[test]
    fn gaps_name_no_password() {
        assert_eq!(without_userinfo("https://u:p@h/x@y"), "https://h/x@y");
        assert_eq!(without_userinfo("https://h/x@y"), "https://h/x@y");
    }
}
