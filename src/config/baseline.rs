//! The baseline file: findings that people know, kept so that a run tells what is new.
//!
//! `glpatrol: baseline/v1` and under `entries` one line for each finding, sorted, without line numbers,
//! commits or dates, so that a file changes only where what it lists does. It is read as strictly as the
//! configuration, and written back in this one form: reasons are kept, comments are not.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;

use super::ConfigError;
use crate::model::{Digest, KnownFinding, Position, RuleId, Subject};
use crate::rules::strict;

/// What the first key says.
const SCHEMA: &str = "baseline/v1";

/// The most bytes of a baseline: as many findings as a report holds, each with a long reason.
const MAX_FILE: u64 = 16 << 20;

/// The findings that a file lists, sorted and each once.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// What reports call the file.
    pub display_path: String,
    entries: Vec<KnownFinding>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawBaseline {
    glpatrol: String,
    entries: Vec<RawEntry>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawEntry {
    rule: String,
    digest: Option<String>,
    subject: Option<String>,
    path: Option<String>,
    reason: String,
}

impl Baseline {
    /// Reads the baseline `file`, which reports call `display_path`.
    ///
    /// # Errors
    ///
    /// The first thing in it that is not valid, with line and mend.
    pub fn read(file: &Path, display_path: &str) -> Result<Self, ConfigError> {
        let text = strict::read_file_of(file, MAX_FILE)?;
        Self::parse(file, display_path, &text)
    }

    fn parse(file: &Path, display_path: &str, text: &str) -> Result<Self, ConfigError> {
        if text.trim().is_empty() {
            return Err(ConfigError::of_file(file, "the baseline is empty")
                .with_mend("`glpatrol baseline create` writes one, also where nothing is known"));
        }
        let raw: RawBaseline = strict::read(file, text)?;
        if raw.glpatrol != SCHEMA {
            let message = format!("`{}` is no baseline that this version reads", raw.glpatrol);
            return Err(ConfigError::at_value(file, text, &["glpatrol"], message)
                .with_mend(format!("write `glpatrol: {SCHEMA}`")));
        }
        let positions = strict::locate_items(text, "entries");
        let mut entries = Vec::with_capacity(raw.entries.len());
        for (at, raw) in raw.entries.into_iter().enumerate() {
            let position = positions.get(at).copied().unwrap_or_default();
            let entry = raw.check(position).map_err(|wrong| {
                let path = ["entries", &at.to_string(), wrong.key];
                ConfigError::at_value(file, text, &path, wrong.message).with_mend(wrong.mend)
            })?;
            entries.push(entry);
        }
        if let Some((first, again)) = duplicate(&entries) {
            let path = ["entries", &again.to_string()];
            let line = entries[first].position.line;
            let message = format!("this finding is listed in line {line} already");
            return Err(ConfigError::at_key(file, text, &path, message)
                .with_mend("keep the entry with the better reason"));
        }
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        Ok(Self {
            display_path: display_path.to_owned(),
            entries,
        })
    }

    /// The entries, in the order of the file that [`Display`](fmt::Display) writes.
    pub fn entries(&self) -> &[KnownFinding] {
        &self.entries
    }

    /// Adds what the baseline does not list yet; how many that were.
    pub fn add(&mut self, known: impl IntoIterator<Item = KnownFinding>) -> usize {
        let before = self.entries.len();
        self.entries.extend(known);
        // The sort is stable, so that of two the one that was there stays, with its reason.
        self.entries.sort_by(|a, b| a.key().cmp(&b.key()));
        self.entries
            .dedup_by(|later, first| later.key() == first.key());
        self.entries.len() - before
    }

    /// Keeps the entries that `keep` accepts; how many went.
    pub fn retain(&mut self, keep: impl FnMut(&KnownFinding) -> bool) -> usize {
        let before = self.entries.len();
        self.entries.retain(keep);
        before - self.entries.len()
    }
}

/// The first entry that another lists again, and that other.
fn duplicate(entries: &[KnownFinding]) -> Option<(usize, usize)> {
    let mut seen = BTreeMap::new();
    entries.iter().enumerate().find_map(|(at, entry)| {
        let key = (&entry.rule, &entry.path, &entry.subject);
        seen.insert(key, at).map(|first| (first, at))
    })
}

/// What is wrong with an entry, and at which of its keys.
struct Wrong {
    key: &'static str,
    message: String,
    mend: &'static str,
}

impl RawEntry {
    fn check(self, position: Position) -> Result<KnownFinding, Wrong> {
        let wrong = |key, message: &str, mend| {
            Err(Wrong {
                key,
                message: message.to_owned(),
                mend,
            })
        };
        let subject = match (self.digest, self.subject) {
            (Some(digest), None) => match Digest::parse(&digest) {
                Some(digest) => Subject::Token(digest),
                None => {
                    return wrong(
                        "digest",
                        &format!("`{digest}` is no digest of a token"),
                        "copy the 32 hexadecimal digits that the finding shows",
                    );
                }
            },
            (None, Some(subject)) => Subject::Named(subject),
            (None, None) => {
                return wrong(
                    "rule",
                    "the entry says neither `digest` nor `subject`",
                    "a leaked token has its `digest`, any other finding its `subject`: `glpatrol \
                     scan --format json` shows both",
                );
            }
            (Some(_), Some(_)) => {
                return wrong(
                    "subject",
                    "an entry has `digest` or `subject`, not both",
                    "keep `digest` for a leaked token, `subject` for any other finding",
                );
            }
        };
        for (key, text) in [("rule", &self.rule), ("reason", &self.reason)] {
            if text.trim().is_empty() {
                let mend = if key == "rule" {
                    "write the id of the rule that the finding shows"
                } else {
                    "say in a few words why the finding may stay"
                };
                return wrong(key, &format!("`{key}` is empty"), mend);
            }
        }
        Ok(KnownFinding {
            rule: RuleId::new(self.rule),
            subject,
            path: self.path,
            reason: self.reason,
            position,
        })
    }
}

/// The text of the file.
impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Known findings, for `glpatrol scan --baseline`. `glpatrol baseline update` and `prune` keep the\n\
             # reasons of this file and no other comment: say in the reason why a finding may stay.\n\
             glpatrol: {SCHEMA}"
        )?;
        if self.entries.is_empty() {
            return writeln!(f, "entries: []");
        }
        writeln!(f, "entries:")?;
        for entry in &self.entries {
            write!(f, "- {{rule: {}, ", Scalar(entry.rule.as_str()))?;
            if let Some(path) = &entry.path {
                write!(f, "path: {}, ", Scalar(path))?;
            }
            match &entry.subject {
                // In quotes even where it could do without: others read digits alone as a number.
                Subject::Token(digest) => write!(f, "digest: \"{digest}\", ")?,
                Subject::Named(subject) => write!(f, "subject: {}, ", Scalar(subject))?,
            }
            writeln!(f, "reason: {}}}", Scalar(&entry.reason))?;
        }
        Ok(())
    }
}

/// A text as YAML writes it on one line: rule ids as they are, anything else in double quotes.
struct Scalar<'t>(&'t str);

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A hyphen between letters keeps a word from being a number, `true` or `null`.
        let is_id = self.0.contains('-')
            && self.0.starts_with(|first: char| first.is_ascii_lowercase())
            && self.0.ends_with(|last: char| last.is_ascii_alphanumeric())
            && self
                .0
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_id {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                ' '..='~' => f.write_char(character)?,
                // Letters and signs of any script stay readable; controls, separators and marks that
                // reorder text do not get into the file.
                _ if character.is_alphanumeric() => f.write_char(character)?,
                _ => match u32::from(character) {
                    code @ 0..=0xFFFF => write!(f, "\\u{code:04X}")?,
                    code => write!(f, "\\U{code:08X}")?,
                },
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGEST: &str = "00112233445566778899001122334455";

    fn parse(text: &str) -> Result<Baseline, String> {
        Baseline::parse(Path::new("base.yml"), "base.yml", text).map_err(|error| error.to_string())
    }

    /// The error of a file with this entry.
    fn wrong(entry: &str) -> String {
        parse(&format!("glpatrol: baseline/v1\nentries:\n- {entry}\n")).unwrap_err()
    }

    fn known(rule: &str, path: Option<&str>, subject: Subject, reason: &str) -> KnownFinding {
        KnownFinding {
            rule: RuleId::new(rule),
            subject,
            path: path.map(str::to_owned),
            reason: reason.to_owned(),
            position: Position::default(),
        }
    }

    fn token(digest: &str) -> Subject {
        Subject::Token(Digest::parse(digest).unwrap())
    }

    #[test]
    fn is_written_sorted_one_entry_a_line_and_read_back() {
        let mut baseline = Baseline::default();
        let named = Subject::Named("job `a`: \"$T\"".to_owned());
        let added = baseline.add([
            known("token-in-argv", Some("ci/a.yml"), named, "local runner"),
            known("leaked-deploy-token", None, token(DIGEST), "revoked"),
        ]);
        assert_eq!(added, 2);
        let text = baseline.to_string();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "glpatrol: baseline/v1",
                "entries:",
                "- {rule: leaked-deploy-token, digest: \"00112233445566778899001122334455\", reason: \"revoked\"}",
                "- {rule: token-in-argv, path: \"ci/a.yml\", subject: \"job `a`: \\\"$T\\\"\", reason: \"local runner\"}",
            ]
        );
        let read = parse(&text).unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(read.entries()[1].position, Position { line: 6, column: 3 });
        assert_eq!(
            parse(&Baseline::default().to_string()).unwrap().entries(),
            []
        );
    }

    #[test]
    fn what_is_known_keeps_its_reason_when_it_is_added_again() {
        let entry = |reason| known("leaked-deploy-token", None, token(DIGEST), reason);
        let mut baseline = Baseline::default();
        assert_eq!(baseline.add([entry("revoked in May")]), 1);
        assert_eq!(baseline.add([entry("new")]), 0);
        assert_eq!(baseline.entries()[0].reason, "revoked in May");
        // The same token at one place alone is another statement.
        let mut elsewhere = entry("sample");
        elsewhere.path = Some("docs/a.md".to_owned());
        assert_eq!(baseline.add([elsewhere]), 1);
        assert_eq!(baseline.retain(|entry| entry.path.is_none()), 1);
        assert_eq!(baseline.entries().len(), 1);
    }

    #[test]
    fn files_that_are_no_baseline_are_told_apart() {
        let empty = parse(" \n").unwrap_err();
        assert!(
            empty.starts_with("base.yml: the baseline is empty\n")
                && empty.contains("glpatrol baseline create"),
            "{empty}"
        );
        let other = parse("glpatrol: inventory/v1\nentries: []\n").unwrap_err();
        assert_eq!(
            other,
            "base.yml:1:11: `inventory/v1` is no baseline that this version reads\n  \
             | glpatrol: inventory/v1\n  = help: write `glpatrol: baseline/v1`"
        );
        let missing = parse("entries: []\n").unwrap_err();
        assert!(
            missing.contains("the key `glpatrol` is missing"),
            "{missing}"
        );
        assert!(parse("- a\n").unwrap_err().contains("expected a mapping"));
        assert!(
            parse("glpatrol: baseline/v1\n")
                .unwrap_err()
                .contains("`entries`")
        );
    }

    #[test]
    fn what_is_wrong_with_an_entry_is_told_with_its_place() {
        let digest = format!("digest: \"{DIGEST}\"");
        let entry = |rest: &str| wrong(&format!("{{rule: leaked-deploy-token, {rest}}}"));
        assert_eq!(
            entry("digest: \"0011\", reason: x").lines().next(),
            Some("base.yml:3:39: `0011` is no digest of a token")
        );
        let neither = entry("reason: x");
        assert!(
            neither.contains("neither `digest` nor `subject`"),
            "{neither}"
        );
        let both = entry(&format!("{digest}, subject: x, reason: x"));
        assert!(both.contains("`digest` or `subject`, not both"), "{both}");
        let silent = entry(&digest);
        assert!(silent.contains("the key `reason` is missing"), "{silent}");
        let blank = entry(&format!("{digest}, reason: ' '"));
        assert!(blank.contains("`reason` is empty"), "{blank}");
        let unknown = entry(&format!("{digest}, reasn: x"));
        assert!(unknown.contains("did you mean `reason`"), "{unknown}");
        assert!(wrong("{rule: '', digest: x, reason: x}").contains("no digest"));
    }

    #[test]
    fn an_entry_that_stands_twice_is_an_error() {
        let line = format!("- {{rule: a-b, digest: \"{DIGEST}\", reason: x}}\n");
        let text = format!("glpatrol: baseline/v1\nentries:\n{line}{line}");
        let error = parse(&text).unwrap_err();
        assert!(
            error.starts_with("base.yml:4:3: this finding is listed in line 3 already\n"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_it_was(
            rule in "\\PC{1,8}[a-z]", path in prop::option::of(any::<String>()),
            subject in any::<String>(), reason in "[\\s\\S]{0,20}x",
        ) {
            let mut baseline = Baseline::default();
            baseline.add([known(&rule, path.as_deref(), Subject::Named(subject), &reason)]);
            let text = baseline.to_string();
            prop_assert_eq!(text.lines().count(), 5);
            let read = parse(&text).unwrap();
            let [mut read] = <[_; 1]>::try_from(read.entries).unwrap();
            read.position = Position::default();
            prop_assert_eq!(&read, &baseline.entries[0]);
        }
    }
}
