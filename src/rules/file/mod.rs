//! One rule file: its keys as they are written, and the [`Rule`] that they make when all of it holds.
//!
//! `rules/README.md` describes the schema for those who write rules. An error names the line and what
//! to write instead; there are no warnings, because nobody reads them.

mod detector;

use std::path::Path;

use self::detector::RawDetector;
use super::load::{CheckError, CheckValidator, RuleError};
use super::strict::{self, Params, suggest};
use super::{Analysis, Example, Examples, Rule, RuleBody};
use crate::model::{Confidence, Persona, RuleId, Severity, TokenKind};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRule {
    id: String,
    title: String,
    severity: Severity,
    confidence: Confidence,
    persona: Option<Persona>,
    cwe: Vec<u32>,
    why: String,
    fix: String,
    references: Vec<String>,
    since: String,
    detector: Option<RawDetector>,
    check: Option<String>,
    params: Option<Params>,
    analysis: Option<Analysis>,
    examples: RawExamples,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawExamples {
    fires: Vec<RawExample>,
    silent: Vec<RawExample>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawExample {
    name: String,
    text: String,
    file: Option<String>,
    inventory: Option<String>,
    points_at: Option<String>,
    severity: Option<Severity>,
    confidence: Option<Confidence>,
}

impl Rule {
    /// Reads the rule in `text`, which is that of `file`.
    pub fn parse(file: &Path, text: &str, validate: CheckValidator<'_>) -> Result<Self, RuleError> {
        let raw: RawRule = strict::read(file, text)?;
        let reader = Reader { file, text };
        reader.heading(&raw)?;
        let (analysis, body) = match (raw.detector, raw.check) {
            (Some(detector), None) => {
                for (key, given) in [
                    ("params", raw.params.is_some()),
                    ("analysis", raw.analysis.is_some()),
                ] {
                    if given {
                        return Err(reader
                            .wrong_key(&[key], format!("a detector has no `{key}`"))
                            .with_mend("drop the key"));
                    }
                }
                if !raw.cwe.contains(&798) {
                    return Err(reader
                        .wrong(&["cwe"], "a leaked token is CWE-798")
                        .with_mend("add 798"));
                }
                let detector = reader.detector(detector)?;
                (Analysis::Leaks, RuleBody::Detector(detector))
            }
            (None, Some(name)) => {
                let params = raw.params.unwrap_or_default();
                reader.check(&name, &params, validate)?;
                let analysis = reader.analysis(raw.analysis)?;
                (analysis, RuleBody::Check { name, params })
            }
            (None, None) => {
                return Err(RuleError::of_file(
                    file,
                    "the rule has neither `detector` nor `check`",
                )
                .with_mend("say what it looks for; rules/README.md has both"));
            }
            (Some(_), Some(_)) => {
                return Err(reader
                    .wrong_key(&["check"], "a rule has `detector` or `check`, not both")
                    .with_mend("make two rules of it"));
            }
        };
        Ok(Self {
            id: RuleId::new(raw.id),
            title: raw.title,
            severity: raw.severity,
            confidence: raw.confidence,
            persona: raw.persona.unwrap_or(Persona::Regular),
            analysis,
            cwe: raw.cwe,
            why: raw.why,
            fix: raw.fix,
            references: raw.references,
            since: raw.since,
            examples: reader.examples(raw.examples, analysis)?,
            body,
            file: Some(file.to_owned()),
        })
    }
}

/// What stands behind every error: the file and its text.
#[derive(Clone, Copy)]
struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn wrong(&self, path: &[&str], message: impl Into<String>) -> RuleError {
        RuleError::at_value(self.file, self.text, path, message)
    }

    fn wrong_key(&self, path: &[&str], message: impl Into<String>) -> RuleError {
        RuleError::at_key(self.file, self.text, path, message)
    }

    fn heading(&self, raw: &RawRule) -> Result<(), RuleError> {
        self.id(&raw.id)?;
        self.filled(&["title"], &raw.title)?;
        if raw.title.trim_end().ends_with('.') {
            return Err(self
                .wrong(&["title"], "the title ends in a full stop")
                .with_mend("drop it; a title is no sentence"));
        }
        if raw.title.contains('\n') {
            return Err(self
                .wrong(&["title"], "the title has more than one line")
                .with_mend("keep the first and tell the rest in `why`"));
        }
        self.filled(&["why"], &raw.why)?;
        self.filled(&["fix"], &raw.fix)?;
        if raw.cwe.is_empty() {
            return Err(self
                .wrong(&["cwe"], "the list of CWE numbers is empty")
                .with_mend("name at least one: https://cwe.mitre.org/"));
        }
        if raw.references.is_empty() {
            return Err(self
                .wrong(&["references"], "the list of references is empty")
                .with_mend("name the page of GitLab's documentation that the rule rests on"));
        }
        for (at, reference) in raw.references.iter().enumerate() {
            let host = reference.strip_prefix("https://");
            if host.is_none_or(str::is_empty) || reference.contains(char::is_whitespace) {
                return Err(self
                    .wrong(
                        &["references", &at.to_string()],
                        format!("`{reference}` is no https address"),
                    )
                    .with_mend("begin it with `https://`"));
            }
        }
        let numbers: Vec<&str> = raw.since.split('.').collect();
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if numbers.len() != 3 || !numbers.iter().all(is_number) {
            return Err(self
                .wrong(&["since"], format!("`{}` is no version", raw.since))
                .with_mend("write it as `0.1.0`"));
        }
        Ok(())
    }

    fn id(&self, id: &str) -> Result<(), RuleError> {
        if !is_kebab_case(id) {
            return Err(self
                .wrong(&["id"], format!("the id `{id}` is not in kebab case"))
                .with_mend("use lower-case words and digits with single hyphens between them"));
        }
        let stem = self.file.file_stem().unwrap_or_default();
        if stem != id {
            let stem = stem.to_string_lossy();
            return Err(self
                .wrong(
                    &["id"],
                    format!("the id `{id}` differs from the file's name `{stem}`"),
                )
                .with_mend(format!("name the file `{id}.yml`, or the rule `{stem}`")));
        }
        Ok(())
    }

    fn filled(&self, path: &[&str], text: &str) -> Result<(), RuleError> {
        if !text.trim().is_empty() {
            return Ok(());
        }
        let key = path.last().expect("a path has steps");
        Err(self.wrong_key(path, format!("`{key}` is empty")))
    }

    fn check(
        &self,
        name: &str,
        params: &Params,
        validate: CheckValidator<'_>,
    ) -> Result<(), RuleError> {
        match validate(name, params) {
            Ok(()) => Ok(()),
            Err(CheckError::Unknown { known }) => {
                let mend = match suggest(name, known.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("checks: `{}`", known.join("`, `")),
                };
                Err(self
                    .wrong(&["check"], format!("there is no check `{name}`"))
                    .with_mend(mend))
            }
            Err(CheckError::Params(error)) => Err(RuleError::of_params(
                self.file,
                self.text,
                &["params"],
                &error,
            )),
        }
    }

    fn analysis(&self, analysis: Option<Analysis>) -> Result<Analysis, RuleError> {
        match analysis {
            Some(analysis @ (Analysis::Ci | Analysis::Inventory)) => Ok(analysis),
            Some(Analysis::Leaks) => Err(self
                .wrong(&["analysis"], "`leaks` belongs to detectors")
                .with_mend("a check has `analysis: ci` or `analysis: inventory`")),
            None => Err(self
                .wrong_key(&["check"], "the key `analysis` is missing")
                .with_mend("add `analysis: ci` or `analysis: inventory`")),
        }
    }

    fn kind(&self, path: &[&str], word: &str) -> Result<TokenKind, RuleError> {
        word.parse().map_err(|_| {
            let wrong = self.wrong(path, format!("there is no token kind `{word}`"));
            match suggest(word, TokenKind::ALL.iter().map(|kind| kind.as_str())) {
                Some(meant) => wrong.with_mend(format!("did you mean `{meant}`?")),
                None => wrong.with_mend("rules/knowledge/token-kinds.yml lists them"),
            }
        })
    }

    fn examples(&self, raw: RawExamples, analysis: Analysis) -> Result<Examples, RuleError> {
        Ok(Examples {
            fires: self.example_list("fires", raw.fires, analysis)?,
            silent: self.example_list("silent", raw.silent, analysis)?,
        })
    }

    fn example_list(
        &self,
        list: &str,
        raw: Vec<RawExample>,
        analysis: Analysis,
    ) -> Result<Vec<Example>, RuleError> {
        if raw.is_empty() {
            return Err(self
                .wrong_key(&["examples", list], format!("no example under `{list}`"))
                .with_mend(
                    "every rule shows one text that it fires on and one that it is silent on",
                ));
        }
        let file = match analysis {
            Analysis::Leaks => "example.txt",
            Analysis::Ci => ".gitlab-ci.yml",
            Analysis::Inventory => "inventory.yml",
        };
        raw.into_iter()
            .enumerate()
            .map(|(at, example)| {
                let at = at.to_string();
                self.filled(&["examples", list, &at, "name"], &example.name)?;
                self.filled(&["examples", list, &at, "text"], &example.text)?;
                let inventory = example
                    .inventory
                    .map(|kind| self.kind(&["examples", list, &at, "inventory"], &kind))
                    .transpose()?;
                Ok(Example {
                    name: example.name,
                    file: example.file.unwrap_or_else(|| file.to_owned()),
                    text: example.text,
                    inventory,
                    points_at: example.points_at,
                    confidence: example.confidence,
                    severity: example.severity,
                })
            })
            .collect()
    }
}

/// Lower-case words and digits with single hyphens between, beginning with a letter.
fn is_kebab_case(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::strict::ParamError;

    pub(super) const DETECTOR: &str = "\
id: leaked-thing
title: a thing leaked
severity: high
confidence: high
cwe: [798]
why: Because.
fix: Revoke it.
references: [https://docs.gitlab.com/security/]
since: 0.1.0
detector:
  kinds: [deploy_token]
  forms:
  - name: legacy
    prefixes: [gldt-]
    body: [{text: x-}, {run: digits, length: 20}, {text: _}, {run: hex, min: 3, max: 9}]
  - {name: routable-v1, prefixes: [glrt-, glrtr-], body: routable-v1, confidence: low}
examples:
  fires:
  - {name: bare, text: '{{deploy_token/legacy}}', points-at: x, severity: low}
  silent:
  - {name: short, text: '{{deploy_token/legacy|short}}', file: a.md}
";

    const POLICY: &str = "\
id: odd-thing
title: an odd thing
severity: low
confidence: medium
persona: pedantic
cwe: [200]
why: Because.
fix: Drop it.
references: [https://docs.gitlab.com/ci/]
since: 0.1.0
check: odd-thing
analysis: inventory
params: {max: 3}
examples:
  fires: [{name: a, text: a, inventory: deploy_token}]
  silent: [{name: b, text: b}]
";

    fn validate(name: &str, params: &Params) -> Result<(), CheckError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Odd {
            #[serde(default)]
            max: u32,
        }
        if name != "odd-thing" {
            return Err(CheckError::Unknown {
                known: vec!["odd-thing", "other-check"],
            });
        }
        let odd: Odd = params.read().map_err(CheckError::Params)?;
        if odd.max > 9 {
            let error = ParamError::at("max", "must be at most 9");
            return Err(CheckError::Params(error));
        }
        Ok(())
    }

    pub(super) fn parse(text: &str) -> Result<Rule, RuleError> {
        let stem = text
            .lines()
            .find_map(|line| line.strip_prefix("id: "))
            .unwrap_or("some");
        Rule::parse(Path::new(&format!("{stem}.yml")), text, &validate)
    }

    /// The error after `from` in the good file became `to`, in the form `line:column message / mend`.
    pub(super) fn broken(good: &str, from: &str, to: &str) -> String {
        assert_eq!(good.matches(from).count(), 1, "`{from}`");
        let error = parse(&good.replace(from, to)).unwrap_err();
        format!(
            "{}:{} {} / {}",
            error.line.unwrap_or(0),
            error.column.unwrap_or(0),
            error.message,
            error.mend.unwrap_or_default()
        )
    }

    #[test]
    fn a_policy() {
        let rule = parse(POLICY).unwrap();
        assert_eq!(
            (rule.persona, rule.analysis),
            (Persona::Pedantic, Analysis::Inventory)
        );
        assert_eq!(
            rule.examples.fires[0].inventory,
            Some(TokenKind::DeployToken)
        );
        assert_eq!(rule.examples.fires[0].file, "inventory.yml");
        let RuleBody::Check { name, params } = rule.body else {
            panic!("a check");
        };
        assert_eq!(name, "odd-thing");
        assert!(!params.is_empty());
    }

    #[test]
    fn the_heading_is_strict() {
        let broken = |from, to| broken(POLICY, from, to);
        assert_eq!(
            broken("severity: low", "severty: low"),
            "3:1 unknown key `severty` / did you mean `severity`?"
        );
        assert_eq!(
            broken("severity: low", "severity: lwo"),
            "3:11 unknown value `lwo` / did you mean `low`?"
        );
        assert_eq!(
            broken("since: 0.1.0", "since: 0.1"),
            "10:8 `0.1` is no version / write it as `0.1.0`"
        );
        assert_eq!(
            broken("title: an odd thing", "title: An odd thing."),
            "2:8 the title ends in a full stop / drop it; a title is no sentence"
        );
        assert_eq!(
            broken("title: an odd thing", "title: \"an\\nodd thing\""),
            "2:8 the title has more than one line / keep the first and tell the rest in `why`"
        );
        assert_eq!(broken("why: Because.", "why: ''"), "7:1 `why` is empty / ");
        assert_eq!(broken("fix: Drop it.", "fix: ' '"), "8:1 `fix` is empty / ");
        assert!(
            broken("cwe: [200]", "cwe: []").starts_with("6:6 the list of CWE numbers is empty")
        );
        assert_eq!(
            broken(
                "[https://docs.gitlab.com/ci/]",
                "[https://a.example, 'http://b.example']"
            ),
            "9:33 `http://b.example` is no https address / begin it with `https://`"
        );
        assert!(broken("[https://docs.gitlab.com/ci/]", "[https://]").contains("no https address"));
        assert!(
            broken("[https://docs.gitlab.com/ci/]", "[]")
                .starts_with("9:13 the list of references")
        );
        assert_eq!(
            broken("persona: pedantic", "title: again"),
            "5:1 the key `title` stands here again / keep one of them"
        );
        assert_eq!(
            broken("why: Because.\n", ""),
            "1:1 the key `why` is missing / add `why`"
        );
    }

    #[test]
    fn the_id_is_the_stem_in_kebab_case() {
        for id in [
            "Odd-thing",
            "odd_thing",
            "odd--thing",
            "-odd",
            "odd-",
            "9-odd",
        ] {
            let error = parse(&POLICY.replace("id: odd-thing", &format!("id: {id}"))).unwrap_err();
            assert!(error.message.ends_with("is not in kebab case"), "{error}");
            assert_eq!((error.line, error.column), (Some(1), Some(5)));
        }
        let error = Rule::parse(Path::new("rules/other.yml"), POLICY, &validate).unwrap_err();
        assert_eq!(
            error.message,
            "the id `odd-thing` differs from the file's name `other`"
        );
        assert_eq!(
            error.mend.unwrap(),
            "name the file `odd-thing.yml`, or the rule `other`"
        );
    }

    #[test]
    fn a_rule_is_a_detector_or_a_check() {
        assert_eq!(
            broken(
                POLICY,
                "check: odd-thing\nanalysis: inventory\nparams: {max: 3}\n",
                ""
            ),
            "0:0 the rule has neither `detector` nor `check` / say what it looks for; rules/README.md has both"
        );
        assert!(
            broken(DETECTOR, "detector:", "check: odd-thing\ndetector:")
                .starts_with("10:1 a rule has `detector` or `check`, not both")
        );
        assert!(
            broken(DETECTOR, "detector:", "analysis: leaks\ndetector:")
                .starts_with("10:1 a detector has no `analysis`")
        );
        assert!(
            broken(DETECTOR, "detector:", "params: {}\ndetector:")
                .starts_with("10:1 a detector has no `params`")
        );
        assert_eq!(
            broken(DETECTOR, "cwe: [798]", "cwe: [200]"),
            "5:6 a leaked token is CWE-798 / add 798"
        );
    }

    #[test]
    fn the_check_must_exist_and_take_the_params() {
        assert_eq!(
            broken(POLICY, "check: odd-thing", "check: odd-thin"),
            "11:8 there is no check `odd-thin` / did you mean `odd-thing`?"
        );
        assert_eq!(
            broken(POLICY, "check: odd-thing", "check: wholly-else"),
            "11:8 there is no check `wholly-else` / checks: `odd-thing`, `other-check`"
        );
        assert_eq!(
            broken(POLICY, "{max: 3}", "{max: 3, mix: 4}"),
            "13:18 unknown key `mix` / did you mean `max`?"
        );
        assert_eq!(
            broken(POLICY, "params: {max: 3}", "params:\n  max: often"),
            "14:3 `max`: expected a whole number, found string \"often\" / "
        );
        assert_eq!(
            broken(POLICY, "{max: 3}", "{max: 10}"),
            "13:10 `max`: must be at most 9 / "
        );
        assert!(
            broken(POLICY, "analysis: inventory\n", "")
                .starts_with("11:1 the key `analysis` is missing")
        );
        assert!(
            broken(POLICY, "analysis: inventory", "analysis: leaks")
                .starts_with("12:11 `leaks` belongs")
        );
    }

    #[test]
    fn every_rule_shows_what_it_does() {
        let broken = |from, to| broken(POLICY, from, to);
        assert!(
            broken("silent: [{name: b, text: b}]", "silent: []")
                .starts_with("16:3 no example under `silent`")
        );
        assert!(
            broken("  silent: [{name: b, text: b}]\n", "")
                .starts_with("15:3 the key `silent` is missing")
        );
        assert!(
            broken("{name: b, text: b}", "{name: '', text: b}")
                .starts_with("16:13 `name` is empty")
        );
        assert!(
            broken("inventory: deploy_token", "inventory: deploy-token").starts_with(
                "15:41 there is no token kind `deploy-token` / did you mean `deploy_token`?"
            )
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(at in 0..DETECTOR.len(), junk in "[\\PC\n]{0,8}") {
            let mut text = DETECTOR.to_owned();
            if text.is_char_boundary(at) {
                text.insert_str(at, &junk);
            }
            let _ = parse(&text);
            let _ = parse(&DETECTOR[..at]);
        }
    }
}
