//! The configuration file `.glpatrol.yml`: read strictly, then valid by construction.
//!
//! `RawConfig` is what people write, [`Config`] what the program works with. Every error names file,
//! line and mend, and is raised before anything is scanned.

mod baseline;
mod raw;
mod size;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use jiff::civil::Date;

use crate::model::{Confidence, FailOn, Persona, Position, Role, RuleId, Severity, TokenKind};
use crate::rules::strict::{self, StrictError, suggest};
use crate::rules::{
    Body, CheckError, CheckValidator, Params, RuleBody, RuleSet, Settings, TokenVariable,
};
pub use baseline::Baseline;
use raw::{RawChange, RawConfig, RawIgnore, RawInventory, RawInventoryEntry, RawRule};

pub use size::{ByteSize, NoSize};

/// The name under which a repository keeps its configuration.
pub const FILE_NAME: &str = ".glpatrol.yml";

/// Why a configuration could not be accepted.
pub type ConfigError = StrictError;

/// An inventory that an option or the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryFile {
    /// The kind of its entries, where the file does not say.
    pub kind: Option<TokenKind>,
    /// The file.
    pub path: PathBuf,
}

/// An `ignore` entry.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// The rule it hides; any where left out.
    pub rule: Option<String>,
    /// The paths it hides findings in; any where left out.
    pub path: Option<GlobMatcher>,
    /// The token it hides, by its digest; any where left out.
    pub digest: Option<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub expires: Option<Date>,
    /// Where it stands.
    pub position: Position,
}

/// A valid configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What reports call the file.
    pub display_path: String,
    /// What it says of the GitLab instance.
    pub settings: Settings,
    /// Access token prefixes of the instance, beside `glpat-`.
    pub prefixes: Vec<String>,
    /// Root configurations beside `.gitlab-ci.yml`, relative to the root.
    pub ci_files: Vec<String>,
    /// Inventories to read.
    pub inventories: Vec<InventoryFile>,
    /// Entries that hide findings.
    pub ignore: Vec<Ignore>,
    /// Paths that are not read.
    pub exclude: GlobSet,
    /// `scan.respect-gitignore`.
    pub respect_gitignore: Option<bool>,
    /// `scan.max-file-size`.
    pub max_file_size: Option<ByteSize>,
    /// `scan.max-archive-depth`.
    pub max_archive_depth: Option<usize>,
    /// `scan.persona`.
    pub persona: Option<Persona>,
    /// `scan.confidence`.
    pub confidence: Option<Confidence>,
    /// `scan.max-decode-depth`.
    pub max_decode_depth: Option<usize>,
    /// `scan.fail-on`.
    pub fail_on: Option<FailOn>,
    off: Vec<RuleId>,
    changes: BTreeMap<String, RuleChange>,
}

#[derive(Clone, Debug)]
struct RuleChange {
    severity: Option<Severity>,
    persona: Option<Persona>,
    params: Params,
}

impl Config {
    /// Reads and validates the configuration in `text`. `rules` are the rules that it may speak of.
    ///
    /// # Errors
    ///
    /// The first thing in it that is not valid, with line and mend.
    pub fn parse(
        file: &Path,
        display_path: &str,
        text: &str,
        rules: &RuleSet,
    ) -> Result<Self, ConfigError> {
        let raw: RawConfig = if text.trim().is_empty() {
            RawConfig::default()
        } else {
            strict::read(file, text)?
        };
        Validator { file, text, rules }.validate(raw, display_path)
    }

    /// Whether the configuration switches `rule` off.
    pub fn is_off(&self, rule: &RuleId) -> bool {
        self.off.contains(rule)
    }

    /// Applies what the configuration says of rules: severity, persona, params, prefixes.
    ///
    /// # Errors
    ///
    /// Params that the check of a rule does not take.
    pub fn apply(
        &self,
        file: &Path,
        text: &str,
        rules: &mut RuleSet,
        validate: CheckValidator<'_>,
    ) -> Result<(), ConfigError> {
        for rule in rules.iter_mut() {
            match &mut rule.body {
                RuleBody::Detector(detector)
                    if detector.kinds.iter().any(|kind| kind.is_access_token()) =>
                {
                    // A form that its place tells has no prefix, and must not get one.
                    let classic = detector.forms.iter_mut().filter(|form| {
                        matches!(form.body, Body::Segments(_)) && form.context.is_none()
                    });
                    for form in classic {
                        form.prefixes.extend(self.prefixes.iter().cloned());
                    }
                }
                _ => {}
            }
            let Some(change) = self.changes.get(rule.id.as_str()) else {
                continue;
            };
            rule.severity = change.severity.unwrap_or(rule.severity);
            rule.persona = change.persona.unwrap_or(rule.persona);
            let mut path = vec!["rules", rule.id.as_str(), "params"];
            match &mut rule.body {
                RuleBody::Check { name, params } => {
                    let merged = params.merged(&change.params);
                    if let Err(CheckError::Params(error)) = validate(name, &merged) {
                        path.extend(error.key.as_deref());
                        let mend = error.mend.clone().unwrap_or_else(|| {
                            format!("`glpatrol rules show {}` lists its params", rule.id)
                        });
                        return Err(StrictError::at_key(file, text, &path, error.to_string())
                            .with_mend(mend));
                    }
                    *params = merged;
                }
                RuleBody::Detector(_) if !change.params.is_empty() => {
                    return Err(StrictError::at_key(
                        file,
                        text,
                        &path,
                        format!("`{}` is a detector and takes no params", rule.id),
                    )
                    .with_mend("remove `params`"));
                }
                RuleBody::Detector(_) => {}
            }
        }
        Ok(())
    }
}

struct Validator<'a> {
    file: &'a Path,
    text: &'a str,
    rules: &'a RuleSet,
}

impl Validator<'_> {
    fn validate(&self, raw: RawConfig, display_path: &str) -> Result<Config, ConfigError> {
        if raw.version.is_some_and(|version| version != 1) {
            return Err(self
                .value(
                    &["version"],
                    "this version of the configuration is not known",
                )
                .with_mend("write `version: 1`"));
        }
        let mut config = Config {
            display_path: display_path.to_owned(),
            settings: self.settings(&raw)?,
            prefixes: raw.gitlab.prefixes,
            ci_files: raw.ci.files.iter().map(|path| normalised(path)).collect(),
            inventories: self.inventories(raw.inventories)?,
            exclude: self.exclude(&raw.scan.exclude)?,
            respect_gitignore: raw.scan.respect_gitignore,
            max_file_size: raw.scan.max_file_size,
            max_archive_depth: raw.scan.max_archive_depth,
            persona: raw.scan.persona,
            confidence: raw.scan.confidence,
            max_decode_depth: raw.scan.max_decode_depth.map(usize::from),
            ..Config::default()
        };
        for (at, prefix) in config.prefixes.iter().enumerate() {
            if prefix.len() < 3 {
                let path = ["gitlab", "prefixes", &at.to_string()];
                return Err(self
                    .value(&path, "a prefix under three bytes would match everywhere")
                    .with_mend(
                        "routable tokens with short or empty prefixes are found without it",
                    ));
            }
        }
        if let Some(word) = &raw.scan.fail_on {
            config.fail_on = Some(word.parse().map_err(|error: crate::model::UnknownWord| {
                self.value(&["scan", "fail-on"], error.to_string())
                    .with_mend("write one of: info, low, medium, high, critical, never")
            })?);
        }
        for (id, change) in raw.rules {
            self.known_rule(&id, &["rules", &id])?;
            match change {
                RawRule::Off => config.off.push(RuleId::new(id)),
                RawRule::Change(RawChange {
                    severity,
                    persona,
                    params,
                }) => {
                    config.changes.insert(
                        id,
                        RuleChange {
                            severity,
                            persona,
                            params,
                        },
                    );
                }
            }
        }
        for (at, entry) in raw.ignore.into_iter().enumerate() {
            config.ignore.push(self.ignore(at, entry)?);
        }
        Ok(config)
    }

    fn value(&self, path: &[&str], message: impl Into<String>) -> ConfigError {
        StrictError::at_value(self.file, self.text, path, message)
    }

    fn known_rule(&self, id: &str, path: &[&str]) -> Result<(), ConfigError> {
        if self.rules.get(id).is_some() {
            return Ok(());
        }
        let ids = self.rules.iter().map(|rule| rule.id.as_str());
        let mend = suggest(id, ids).map_or_else(
            || "`glpatrol rules list` names all rules".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Err(StrictError::at_key(
            self.file,
            self.text,
            path,
            format!("there is no rule `{id}`"),
        )
        .with_mend(mend))
    }

    fn settings(&self, raw: &RawConfig) -> Result<Settings, ConfigError> {
        let gitlab_version = raw
            .gitlab
            .version
            .as_ref()
            .map(|text| text.parse())
            .transpose()
            .map_err(|error: crate::model::UnknownWord| {
                self.value(&["gitlab", "version"], error.to_string())
                    .with_mend("write major and minor in quotes: `version: \"18.5\"`")
            })?;
        let mut token_variables = Vec::new();
        for (name, entry) in &raw.token_variables {
            let path = ["token-variables", name.as_str(), "kind"];
            let kind = entry
                .kind
                .as_deref()
                .map(|kind| self.kind(kind, &path))
                .transpose()?;
            let path = ["token-variables", name.as_str(), "role"];
            let role = entry
                .role
                .as_deref()
                .map(|word| {
                    Role::parse(word).ok_or_else(|| {
                        self.value(&path, format!("`{word}` is no role")).with_mend(
                            "write one of: guest, planner, reporter, developer, maintainer, owner",
                        )
                    })
                })
                .transpose()?;
            token_variables.push(TokenVariable {
                name: name.clone(),
                kind,
                scopes: entry.scopes.clone(),
                role,
                protected: entry.protected,
                masked: entry.masked,
            });
        }
        let hosts = raw
            .gitlab
            .hosts
            .iter()
            .map(|host| host.to_ascii_lowercase())
            .collect();
        Ok(Settings {
            gitlab_version,
            hosts,
            token_variables,
        })
    }

    fn kind(&self, word: &str, path: &[&str]) -> Result<TokenKind, ConfigError> {
        word.parse().map_err(|error: crate::model::UnknownWord| {
            let error = self.value(path, error.to_string());
            let kinds = TokenKind::ALL.iter().map(|kind| kind.as_str());
            match suggest(word, kinds) {
                Some(near) => error.with_mend(format!("did you mean `{near}`?")),
                None => error.with_mend("write a kind such as `project_access_token`"),
            }
        })
    }

    fn inventories(&self, entries: Vec<RawInventory>) -> Result<Vec<InventoryFile>, ConfigError> {
        let beside = self.file.parent().unwrap_or_else(|| Path::new(""));
        let mut files = Vec::new();
        for (at, entry) in entries.into_iter().enumerate() {
            let (kind, file) = match entry {
                RawInventory::File(file) => (None, file),
                RawInventory::Entry(RawInventoryEntry { kind, file }) => (kind, file),
            };
            let path = ["inventories", &at.to_string(), "kind"];
            let kind = kind.map(|word| self.kind(&word, &path)).transpose()?;
            files.push(InventoryFile {
                kind,
                path: beside.join(file),
            });
        }
        Ok(files)
    }

    fn glob(&self, pattern: &str, path: &[&str]) -> Result<globset::Glob, ConfigError> {
        GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|error| {
                self.value(
                    path,
                    format!("`{pattern}` is no path pattern: {}", error.kind()),
                )
                .with_mend("`*` stands for anything within a folder, `**` for any folders")
            })
    }

    fn exclude(&self, patterns: &[String]) -> Result<GlobSet, ConfigError> {
        let mut set = GlobSetBuilder::new();
        for (at, pattern) in patterns.iter().enumerate() {
            set.add(self.glob(pattern, &["scan", "exclude", &at.to_string()])?);
        }
        set.build()
            .map_err(|error| self.value(&["scan", "exclude"], error.to_string()))
    }

    fn ignore(&self, at: usize, entry: RawIgnore) -> Result<Ignore, ConfigError> {
        let index = at.to_string();
        if let Some(rule) = &entry.rule {
            self.known_rule(rule, &["ignore", &index, "rule"])?;
        }
        if entry.rule.is_none() && entry.path.is_none() && entry.digest.is_none() {
            return Err(self
                .value(
                    &["ignore", &index],
                    "an ignore entry without rule, path or digest hides all",
                )
                .with_mend("name a rule, a path or the digest that the finding shows"));
        }
        if entry.reason.trim().is_empty() {
            return Err(self
                .value(
                    &["ignore", &index, "reason"],
                    "an ignore entry needs a reason",
                )
                .with_mend("say in a few words why the finding does not matter"));
        }
        let path = entry
            .path
            .as_deref()
            .map(|pattern| self.glob(pattern, &["ignore", &index, "path"]))
            .transpose()?
            .map(|glob| glob.compile_matcher());
        let expires = entry
            .expires
            .as_deref()
            .map(|text| {
                text.parse::<Date>().map_err(|_| {
                    self.value(
                        &["ignore", &index, "expires"],
                        format!("`{text}` is no date"),
                    )
                    .with_mend("write `YYYY-MM-DD`")
                })
            })
            .transpose()?;
        let place = strict::locate_key(self.text, &["ignore", &index]);
        let position = place.map_or_else(Position::default, |place| Position {
            line: place.line,
            column: place.column,
        });
        let RawIgnore {
            rule,
            digest,
            reason,
            ..
        } = entry;
        Ok(Ignore {
            rule,
            path,
            digest,
            reason,
            expires,
            position,
        })
    }
}

/// A path as the walk gives it: `/` between segments, no leading `./` or `/`.
fn normalised(path: &str) -> String {
    path.replace('\\', "/")
        .trim_start_matches("./")
        .trim_start_matches('/')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> RuleSet {
        RuleSet::builtin(&crate::policy::validate).unwrap()
    }

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new(FILE_NAME), FILE_NAME, text, &rules())
            .map_err(|error| error.to_string())
    }

    fn error(text: &str) -> String {
        parse(text).map(|_| ()).unwrap_err()
    }

    #[test]
    fn everything_is_optional() {
        assert!(parse("").is_ok());
        assert!(parse("version: 1\n").is_ok());
        assert!(parse("# nothing\n").is_ok());
    }

    #[test]
    fn every_key_of_the_readme_is_read() {
        let readme = include_str!("../../README.md");
        let block = readme
            .split("```yaml\n")
            .find(|block| block.starts_with("version: 1"))
            .unwrap();
        let config = parse(block.split("```").next().unwrap()).unwrap();
        assert_eq!(config.settings.gitlab_version.unwrap().to_string(), "18.5");
        assert_eq!(config.settings.hosts, ["gitlab.example"]);
        assert_eq!(config.prefixes, ["acme-"]);
        assert_eq!(config.ci_files, ["ci/main.yml"]);
        assert_eq!(
            config.inventories[1].kind,
            Some(TokenKind::ProjectAccessToken)
        );
        assert_eq!(
            config.settings.token_variables[0].role,
            Some(Role::Maintainer)
        );
        assert!(config.is_off(&RuleId::new("environment-dump")));
        assert_eq!(
            config.ignore[0].position,
            Position {
                line: 11,
                column: 3
            }
        );
        assert!(config.exclude.is_match("vendor/a/b"));
        assert!(config.fail_on.unwrap().reached_by(Severity::Medium));
    }

    #[test]
    fn a_change_of_params_reaches_the_rule() {
        let text =
            "rules: {token-expiry-window: {params: {max-lifetime-days: 90}, severity: high}}";
        let mut rules = rules();
        let file = Path::new(FILE_NAME);
        let config = Config::parse(file, FILE_NAME, text, &rules).unwrap();
        config
            .apply(file, text, &mut rules, &crate::policy::validate)
            .unwrap();
        let rule = rules.get("token-expiry-window").unwrap();
        assert_eq!(rule.severity, Severity::High);
        let RuleBody::Check { params, .. } = &rule.body else {
            panic!("a check")
        };
        assert!(
            params.to_string().contains("max-lifetime-days: 90"),
            "{params}"
        );

        let text = "rules:\n  token-expiry-window:\n    params: {max-lifetime: 90}\n";
        let config = Config::parse(file, FILE_NAME, text, &rules).unwrap();
        let error = config
            .apply(file, text, &mut rules, &crate::policy::validate)
            .unwrap_err();
        assert_eq!(error.line, Some(3), "{error}");
    }

    #[test]
    fn errors_name_line_and_mend() {
        let unknown = error("version: 1\nscann: {}\n");
        assert!(
            unknown.contains(".glpatrol.yml:2:1") && unknown.contains("`scan`"),
            "{unknown}"
        );
        let rule = error("rules:\n  token-no-expirey: off\n");
        assert!(
            rule.contains(":2:3") && rule.contains("did you mean `token-no-expiry`"),
            "{rule}"
        );
        let switch = error("rules:\n  token-no-expiry: on\n");
        assert!(switch.contains("expected `off`"), "{switch}");
        let reason = error("ignore:\n- {rule: token-no-expiry}\n");
        assert!(reason.contains("needs a reason"), "{reason}");
        let everything = error("ignore:\n- {reason: x}\n");
        assert!(everything.contains("hides all"), "{everything}");
        let glob = error("scan: {exclude: [\"a{b\"]}\n");
        assert!(glob.contains("is no path pattern"), "{glob}");
        let version = error("version: 2\n");
        assert!(version.contains("version: 1"), "{version}");
        let date = error("ignore:\n- {rule: token-no-expiry, reason: x, expires: soon}\n");
        assert!(date.contains("YYYY-MM-DD"), "{date}");
        let kind = error("inventories: [{kind: project_acess_token, file: x}]\n");
        assert!(kind.contains("project_access_token"), "{kind}");
    }
}
