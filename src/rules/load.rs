//! Gathers rule files, built in and the user's, into a [`RuleSet`].

use std::collections::BTreeMap;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::strict::{self, ParamError, Params, StrictError};
use super::{Rule, RuleSet, builtin};

/// Why a rule file could not be accepted; names file, line, text and mend.
pub type RuleError = StrictError;

/// Why a check cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckError {
    /// There is no check of this name.
    Unknown {
        /// The checks that there are.
        known: Vec<&'static str>,
    },
    /// The check does not take these params.
    Params(ParamError),
}

/// Says whether a check of this name exists and takes these params.
///
/// Checks live above the rules, so their names are handed in.
pub type CheckValidator<'a> = &'a (dyn Fn(&str, &Params) -> Result<(), CheckError> + Sync);

impl RuleSet {
    /// The rules that come with the program.
    pub fn builtin(validate: CheckValidator<'_>) -> Result<Self, RuleError> {
        Self::load(&[], validate)
    }

    /// The built-in rules and those of `paths`: rule files, and folders of them (`*.yml`, `*.yaml`;
    /// their subfolders are not entered).
    pub fn load(paths: &[PathBuf], validate: CheckValidator<'_>) -> Result<Self, RuleError> {
        Self::gather(paths, validate, BuiltIn::Keep)
    }

    /// The same, where a file may stand in for the built-in rule of its id: a rule that is being
    /// written is tried before it is compiled in, and while it is.
    pub fn load_replacing(
        paths: &[PathBuf],
        validate: CheckValidator<'_>,
    ) -> Result<Self, RuleError> {
        Self::gather(paths, validate, BuiltIn::Replace)
    }

    fn gather(
        paths: &[PathBuf],
        validate: CheckValidator<'_>,
        built_in: BuiltIn,
    ) -> Result<Self, RuleError> {
        let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
        for (rule, (name, text)) in parse_builtin(validate)?.into_iter().zip(builtin_files()) {
            let rule = Rule { file: None, ..rule };
            insert(&mut rules, rule, &name, text)?;
        }
        for file in rule_files(paths)? {
            let text = strict::read_file(&file)?;
            let rule = Rule::parse(&file, &text, validate)?;
            let id = rule.id.as_str();
            if built_in == BuiltIn::Replace && rules.get(id).is_some_and(|rule| rule.file.is_none())
            {
                rules.remove(id);
            }
            insert(&mut rules, rule, &file, &text)?;
        }
        Ok(Self {
            rules: rules.into_values().collect(),
        })
    }
}

/// What becomes of a built-in rule whose id a file takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BuiltIn {
    /// It stays, and the file is an error.
    Keep,
    /// It goes.
    Replace,
}

/// Parses the built-in files, half of them on another thread: it is most of what the start of the program takes.
fn parse_builtin(validate: CheckValidator<'_>) -> Result<Vec<Rule>, RuleError> {
    let files: Vec<_> = builtin_files().collect();
    let parse = |files: &[(PathBuf, &str)]| -> Result<Vec<Rule>, RuleError> {
        let files = files.iter();
        files
            .map(|(name, text)| Rule::parse(name, text, validate))
            .collect()
    };
    let (first, second) = files.split_at(files.len() / 2);
    thread::scope(|scope| {
        let second = scope.spawn(|| parse(second));
        let mut rules = parse(first)?;
        rules.extend(second.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        Ok(rules)
    })
}

fn builtin_files() -> impl Iterator<Item = (PathBuf, &'static str)> {
    let folder = |folder: &'static str, files: &'static [(&str, &'static str)]| {
        files
            .iter()
            .map(move |(id, text)| (PathBuf::from(format!("rules/{folder}/{id}.yml")), *text))
    };
    folder("detectors", builtin::DETECTORS).chain(folder("policies", builtin::POLICIES))
}

fn insert(
    rules: &mut BTreeMap<String, Rule>,
    rule: Rule,
    file: &Path,
    text: &str,
) -> Result<(), RuleError> {
    let id = rule.id.to_string();
    if let Some(first) = rules.get(&id) {
        let owner = match &first.file {
            Some(file) => format!("`{}`", file.display()),
            None => "a built-in rule".to_owned(),
        };
        return Err(RuleError::at_value(
            file,
            text,
            &["id"],
            format!("the id `{id}` belongs to {owner}"),
        )
        .with_mend("give the rule an id of its own and name the file after it"));
    }
    rules.insert(id, rule);
    Ok(())
}

/// The files that `paths` mean; those of a folder by name.
fn rule_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, RuleError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable =
            |error: std::io::Error| RuleError::of_file(path, format!("cannot be read: {error}"));
        let mut found = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let is_yaml = file
                .extension()
                .is_some_and(|extension| extension == "yml" || extension == "yaml");
            if is_yaml && !file.is_dir() {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(
                RuleError::of_file(path, "the folder holds no rule file (`*.yml`)")
                    .with_mend("name the folder that holds the rule files itself"),
            );
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A validator that accepts every check, so that what is tested are the files alone.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "it stands in for `policy::validate`"
    )]
    fn any(_: &str, _: &Params) -> Result<(), CheckError> {
        Ok(())
    }

    fn rule(id: &str) -> String {
        format!(
            "id: {id}\ntitle: some title\nseverity: low\nconfidence: high\ncwe: [200]\nwhy: Because.\n\
             fix: Do it.\nreferences: [https://docs.gitlab.com/]\nsince: 0.1.0\ncheck: some-check\n\
             analysis: ci\nexamples:\n  fires: [{{name: a, text: a}}]\n  silent: [{{name: b, text: b}}]\n"
        )
    }

    #[test]
    fn adds_files_and_folders_in_order_of_ids() {
        let folder = tempfile::tempdir().unwrap();
        for id in ["zz-last", "aa-first"] {
            fs::write(folder.path().join(format!("{id}.yml")), rule(id)).unwrap();
        }
        fs::write(folder.path().join("notes.txt"), "no rule").unwrap();
        fs::create_dir(folder.path().join("deeper.yml")).unwrap();
        let single = tempfile::tempdir().unwrap();
        let file = single.path().join("mm-middle.yaml");
        fs::write(&file, rule("mm-middle")).unwrap();

        let rules = RuleSet::load(&[folder.path().to_owned(), file.clone()], &any).unwrap();
        let own: Vec<_> = rules.iter().filter(|rule| rule.file.is_some()).collect();
        let ids: Vec<_> = own.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids, ["aa-first", "mm-middle", "zz-last"]);
        assert_eq!(rules.get("mm-middle").unwrap().file, Some(file));
        assert!(rules.get("absent").is_none());
    }

    #[test]
    fn an_id_belongs_to_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        for folder in [&folder, &other] {
            fs::write(folder.path().join("twice.yml"), rule("twice")).unwrap();
        }
        let error =
            RuleSet::load(&[folder.path().to_owned(), other.path().to_owned()], &any).unwrap_err();
        assert!(
            error.message.starts_with("the id `twice` belongs to `"),
            "{error}"
        );
        assert_eq!((error.line, error.column), (Some(1), Some(5)));
    }

    #[test]
    fn what_is_no_rule_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let load = |path: PathBuf| RuleSet::load(&[path], &any).unwrap_err().message;
        assert!(load(folder.path().to_owned()).contains("holds no rule file"));
        assert!(load(folder.path().join("absent.yml")).contains("cannot be read"));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_refused() {
        let error = RuleSet::load(&[PathBuf::from("/dev/zero")], &any).unwrap_err();
        assert!(error.message.contains("special file"));
    }

    #[test]
    fn builtin_lists_equal_the_folders() {
        for (folder, list) in [
            ("detectors", builtin::DETECTORS),
            ("policies", builtin::POLICIES),
        ] {
            let listed: BTreeSet<String> = list.iter().map(|(id, _)| format!("{id}.yml")).collect();
            assert_eq!(
                listed.len(),
                list.len(),
                "an id of {folder} is listed twice"
            );
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("rules")
                .join(folder);
            // The folder appears with the first file.
            let present: BTreeSet<String> = fs::read_dir(&path)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            assert_eq!(
                listed, present,
                "rules/{folder} and src/rules/builtin.rs differ"
            );
            assert!(list.is_sorted(), "the list of {folder} is not sorted");
        }
    }

    #[test]
    fn builtin_rules_are_valid_and_in_their_folder() {
        let rules = RuleSet::builtin(&any).unwrap_or_else(|error| panic!("{error}"));
        assert!(rules.iter().map(|rule| &rule.id).is_sorted());
        for rule in &rules {
            assert!(rule.file.is_none());
            for text in [&rule.why, &rule.fix] {
                assert!(
                    text.trim_end().ends_with(['.', '!', '?']),
                    "`{}`: why and fix are full sentences",
                    rule.id
                );
            }
        }
        let is_detector = |id: &str| {
            matches!(
                rules.get(id).unwrap().body,
                super::super::RuleBody::Detector(_)
            )
        };
        assert!(builtin::DETECTORS.iter().all(|(id, _)| is_detector(id)));
        assert!(!builtin::POLICIES.iter().any(|(id, _)| is_detector(id)));
    }
}
