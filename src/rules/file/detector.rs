//! The `detector` of a rule file: kinds, forms, prefixes and the pieces of bodies.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use super::{Reader, RuleError, is_kebab_case};
use crate::model::{Confidence, Severity, TokenKind};
use crate::rules::{AllowList, Alphabet, Body, Context, Detector, Form, Pattern, Segment};

/// Prefixes shorter than this would be found everywhere.
const MIN_PREFIX: usize = 3;
/// No token of GitLab comes near; it bounds the work of one hit.
const MAX_RUN: usize = 65_536;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDetector {
    kinds: Option<Vec<String>>,
    noun: Option<String>,
    forms: Vec<RawForm>,
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawForm {
    name: String,
    #[serde(default)]
    prefixes: Vec<String>,
    body: Option<RawBody>,
    pattern: Option<String>,
    entropy: Option<f64>,
    context: Option<Context>,
    confidence: Option<Confidence>,
    severity: Option<Severity>,
    #[serde(default)]
    kinds: Vec<String>,
}

enum RawBody {
    RoutableV0,
    RoutableV1,
    Pieces(Vec<RawPiece>),
}

impl<'de> Deserialize<'de> for RawBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BodyVisitor;

        impl<'de> Visitor<'de> for BodyVisitor {
            type Value = RawBody;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`routable-v0`, `routable-v1` or a list of pieces")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<RawBody, E> {
                match word {
                    "routable-v0" => Ok(RawBody::RoutableV0),
                    "routable-v1" => Ok(RawBody::RoutableV1),
                    _ => Err(E::unknown_variant(word, &["routable-v0", "routable-v1"])),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawBody, A::Error> {
                let mut pieces = Vec::new();
                while let Some(piece) = list.next_element()? {
                    pieces.push(piece);
                }
                Ok(RawBody::Pieces(pieces))
            }
        }

        deserializer.deserialize_any(BodyVisitor)
    }
}

/// One struct for both kinds of piece: an enum without a tag would lose the line of an error.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawPiece {
    text: Option<String>,
    run: Option<Alphabet>,
    length: Option<usize>,
    min: Option<usize>,
    max: Option<usize>,
}

impl Reader<'_> {
    pub(super) fn detector(&self, raw: RawDetector) -> Result<Detector, RuleError> {
        let kinds = self.kinds(raw.kinds, raw.noun.as_deref())?;
        if raw.forms.is_empty() {
            return Err(self
                .wrong(&["detector", "forms"], "the list of forms is empty")
                .with_mend("describe at least one form; rules/README.md shows how"));
        }
        let mut names = BTreeSet::new();
        let mut forms = Vec::with_capacity(raw.forms.len());
        for (at, form) in raw.forms.into_iter().enumerate() {
            let at = at.to_string();
            let path = ["detector", "forms", &at];
            if !is_kebab_case(&form.name) {
                return Err(self.wrong(
                    &[&path[..], &["name"]].concat(),
                    format!("the name `{}` is not in kebab case", form.name),
                ));
            }
            if !names.insert(form.name.clone()) {
                return Err(self
                    .wrong(
                        &[&path[..], &["name"]].concat(),
                        format!("two forms are named `{}`", form.name),
                    )
                    .with_mend("name each for what tells it from the others"));
            }
            forms.push(self.form(&path, &kinds, form)?);
        }
        let allow = AllowList::new(&raw.allow).map_err(|(at, error)| {
            self.wrong(&["detector", "allow", &at.to_string()], error.message)
                .with_mend(error.mend)
        })?;
        Ok(Detector {
            kinds,
            noun: raw.noun,
            forms,
            allow,
        })
    }

    /// The kinds of a detector of GitLab's tokens; none where it has a noun of its own.
    fn kinds(
        &self,
        kinds: Option<Vec<String>>,
        noun: Option<&str>,
    ) -> Result<Vec<TokenKind>, RuleError> {
        match (kinds, noun) {
            (Some(_), Some(_)) => Err(self
                .wrong_key(
                    &["detector", "noun"],
                    "a detector has `kinds` or `noun`, not both",
                )
                .with_mend("keep `kinds` for tokens of GitLab, `noun` for any other")),
            (None, Some(noun)) => {
                self.filled(&["detector", "noun"], noun)?;
                Ok(Vec::new())
            }
            (kinds, None) => {
                let kinds = kinds.unwrap_or_default();
                if kinds.is_empty() {
                    return Err(self
                        .wrong(&["detector", "kinds"], "the detector names no kind of token")
                        .with_mend(
                            "name `kinds` of rules/knowledge/token-kinds.yml, or a `noun` for a token \
                             that is none of GitLab's",
                        ));
                }
                kinds
                    .iter()
                    .enumerate()
                    .map(|(at, kind)| self.kind(&["detector", "kinds", &at.to_string()], kind))
                    .collect()
            }
        }
    }

    fn form(
        &self,
        path: &[&str],
        of_detector: &[TokenKind],
        raw: RawForm,
    ) -> Result<Form, RuleError> {
        let at = |key: &'static str| [path, &[key]].concat();
        let is_placed = raw.context.is_some_and(Context::is_place);
        if raw.prefixes.is_empty() && !is_placed {
            return Err(self
                .wrong(
                    path,
                    "the form has neither prefixes nor a context that leads to it",
                )
                .with_mend("add `prefixes`: a form is searched for by them"));
        }
        let body = self.body(path, raw.body, raw.pattern.as_deref())?;
        let is_routable = matches!(body, Body::RoutableV0 | Body::RoutableV1);
        if is_routable && raw.context.is_some() {
            return Err(self
                .wrong(&at("body"), "a token with a checksum needs no context")
                .with_mend("drop `context`"));
        }
        if is_routable && of_detector.is_empty() {
            return Err(self
                .wrong(&at("body"), "a token with this checksum is one of GitLab's")
                .with_mend("name its `kinds` in place of `noun`"));
        }
        if raw.context == Some(Context::MailAddress) && matches!(body, Body::Pattern(_)) {
            return Err(self
                .wrong(
                    &at("pattern"),
                    "a mail address goes on behind its token, where a pattern ends",
                )
                .with_mend("describe it by `body`"));
        }
        if let Some(floor) = raw.entropy {
            self.entropy(&at("entropy"), floor, &body)?;
        }
        let mut seen = BTreeSet::new();
        for (index, prefix) in raw.prefixes.iter().enumerate() {
            let index = index.to_string();
            let wrong = |message| self.wrong(&[&at("prefixes")[..], &[&index]].concat(), message);
            if prefix.len() < MIN_PREFIX {
                return Err(wrong(format!(
                    "the prefix `{prefix}` is shorter than {MIN_PREFIX} bytes"
                ))
                .with_mend("a shorter one would be found everywhere"));
            }
            if !prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(wrong(format!(
                    "the prefix `{}` holds blanks or characters outside of ASCII",
                    prefix.escape_debug()
                )));
            }
            if !seen.insert(prefix) {
                return Err(wrong(format!("the prefix `{prefix}` stands twice")));
            }
        }
        let mut kinds = Vec::with_capacity(raw.kinds.len());
        for (index, name) in raw.kinds.iter().enumerate() {
            let index = index.to_string();
            let path = [&at("kinds")[..], &[&index]].concat();
            let kind = self.kind(&path, name)?;
            if !of_detector.contains(&kind) {
                return Err(self
                    .wrong(&path, format!("the detector has no kind `{name}`"))
                    .with_mend("the kinds of a form are some of its detector's"));
            }
            kinds.push(kind);
        }
        Ok(Form {
            name: raw.name,
            prefixes: raw.prefixes,
            body,
            entropy: raw.entropy,
            context: raw.context,
            confidence: raw.confidence,
            severity: raw.severity,
            kinds,
        })
    }

    fn body(
        &self,
        path: &[&str],
        body: Option<RawBody>,
        pattern: Option<&str>,
    ) -> Result<Body, RuleError> {
        let at = |key: &'static str| [path, &[key]].concat();
        match (body, pattern) {
            (Some(RawBody::RoutableV0), None) => Ok(Body::RoutableV0),
            (Some(RawBody::RoutableV1), None) => Ok(Body::RoutableV1),
            (Some(RawBody::Pieces(pieces)), None) => {
                self.segments(&at("body"), pieces).map(Body::Segments)
            }
            (None, Some(pattern)) => Pattern::new(pattern).map(Body::Pattern).map_err(|error| {
                self.wrong(&at("pattern"), error.message)
                    .with_mend(error.mend)
            }),
            (None, None) => Err(self
                .wrong(path, "the form does not say what follows its prefix")
                .with_mend("add `body`, a list of pieces, or `pattern`, a regular expression")),
            (Some(_), Some(_)) => Err(self
                .wrong_key(&at("pattern"), "a form has `body` or `pattern`, not both")
                .with_mend("keep the one that says more")),
        }
    }

    /// A floor must lie between what every text has and what the longest one can have.
    fn entropy(&self, path: &[&str], floor: f64, body: &Body) -> Result<(), RuleError> {
        let longest = match body {
            Body::Segments(segments) => segments.iter().map(Segment::longest).sum(),
            Body::Pattern(pattern) => pattern.longest(),
            Body::RoutableV0 | Body::RoutableV1 => {
                return Err(self
                    .wrong(path, "a token with a checksum needs no entropy")
                    .with_mend("drop `entropy`"));
            }
        };
        let most = f64::from(u32::try_from(longest).unwrap_or(u32::MAX))
            .log2()
            .min(8.0);
        if floor > 0.0 && floor <= most {
            return Ok(());
        }
        Err(self
            .wrong(path, format!("`{floor}` bits a character cannot be told in {longest} characters"))
            .with_mend(format!("write a number from 0.1 to {most:.1}; random hexadecimal digits come near 4, base64 near 5")))
    }

    fn segments(&self, path: &[&str], pieces: Vec<RawPiece>) -> Result<Vec<Segment>, RuleError> {
        let mut segments: Vec<Segment> = Vec::with_capacity(pieces.len());
        for (index, piece) in pieces.into_iter().enumerate() {
            let index = index.to_string();
            let segment = piece.check().map_err(|(message, mend)| {
                self.wrong(&[path, &[&index]].concat(), message)
                    .with_mend(mend)
            })?;
            if let (Some(Segment::Run { alphabet, .. }), Segment::Text(text)) =
                (segments.last(), &segment)
                && alphabet.contains(text.as_bytes()[0])
            {
                return Err(self
                    .wrong(
                        &[path, &[&index]].concat(),
                        format!(
                            "`{text}` cannot follow: the run before it takes every such character"
                        ),
                    )
                    .with_mend("choose a smaller alphabet for the run"));
            }
            segments.push(segment);
        }
        if !segments
            .iter()
            .any(|segment| matches!(segment, Segment::Run { .. }))
        {
            return Err(self
                .wrong(
                    path,
                    "the body has no run, so it is the same text every time",
                )
                .with_mend("a token has characters that change; add `{run: …, length: …}`"));
        }
        Ok(segments)
    }
}

impl RawPiece {
    /// The segment, or what is wrong and how to mend it.
    fn check(self) -> Result<Segment, (String, &'static str)> {
        const WAYS: &str = "write `{text: …}`, `{run: …, length: …}` or `{run: …, min: …, max: …}`";
        let (alphabet, min, max) = match self {
            Self {
                text: Some(text),
                run: None,
                length: None,
                min: None,
                max: None,
            } => {
                return if text.is_empty() {
                    Err(("the text is empty".to_owned(), "drop the piece"))
                } else {
                    Ok(Segment::Text(text))
                };
            }
            Self {
                text: None,
                run: Some(alphabet),
                length: Some(length),
                min: None,
                max: None,
            } => (alphabet, length, length),
            Self {
                text: None,
                run: Some(alphabet),
                length: None,
                min: Some(min),
                max: Some(max),
            } => (alphabet, min, max),
            _ => {
                return Err((
                    "a piece is a text, or a run with its length".to_owned(),
                    WAYS,
                ));
            }
        };
        if min == 0 {
            return Err((
                "a run of length zero matches anything".to_owned(),
                "say how many characters there are at least",
            ));
        }
        if min > max {
            return Err((
                format!("`min` {min} is greater than `max` {max}"),
                "swap them",
            ));
        }
        if max > MAX_RUN {
            return Err((
                format!("a run of {max} characters is longer than {MAX_RUN}"),
                "no token is that long",
            ));
        }
        Ok(Segment::Run { alphabet, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DETECTOR, broken, parse};
    use super::*;
    use crate::model::Persona;
    use crate::rules::{Analysis, RuleBody};

    #[test]
    fn a_detector() {
        let rule = parse(DETECTOR).unwrap();
        assert_eq!(rule.id.as_str(), "leaked-thing");
        assert_eq!(
            (rule.persona, rule.analysis),
            (Persona::Regular, Analysis::Leaks)
        );
        let RuleBody::Detector(detector) = rule.body else {
            panic!("a detector");
        };
        assert_eq!(detector.kinds, [TokenKind::DeployToken]);
        let Body::Segments(segments) = &detector.forms[0].body else {
            panic!("pieces");
        };
        let run = |alphabet, min, max| Segment::Run { alphabet, min, max };
        assert_eq!(
            *segments,
            [
                Segment::Text("x-".to_owned()),
                run(Alphabet::Digits, 20, 20),
                Segment::Text("_".to_owned()),
                run(Alphabet::Hex, 3, 9)
            ]
        );
        assert_eq!(
            detector.forms[1],
            Form {
                name: "routable-v1".to_owned(),
                prefixes: vec!["glrt-".to_owned(), "glrtr-".to_owned()],
                body: Body::RoutableV1,
                entropy: None,
                context: None,
                confidence: Some(Confidence::Low),
                severity: None,
                kinds: Vec::new(),
            }
        );
        let fires = &rule.examples.fires[0];
        assert_eq!(fires.file, "example.txt");
        assert_eq!(fires.points_at.as_deref(), Some("x"));
        assert_eq!(rule.examples.silent[0].file, "a.md");
    }

    #[test]
    fn a_context_stands_for_prefixes() {
        let placed = DETECTOR.replace("prefixes: [gldt-]", "context: netrc");
        let RuleBody::Detector(detector) = parse(&placed).unwrap().body else {
            panic!("a detector");
        };
        assert_eq!(detector.forms[0].context, Some(Context::Netrc));
        assert!(detector.forms[0].prefixes.is_empty());
        let mail = DETECTOR.replace("prefixes: [gldt-]", "context: mail-address");
        assert!(parse(&mail).is_err());
        let unknown = DETECTOR.replace("prefixes: [gldt-]", "context: net-rc");
        assert_eq!(
            parse(&unknown).unwrap_err().mend.as_deref(),
            Some("did you mean `netrc`?")
        );
    }

    const BODY: &str =
        "body: [{text: x-}, {run: digits, length: 20}, {text: _}, {run: hex, min: 3, max: 9}]";

    #[test]
    fn a_detector_of_other_tokens() {
        let text = DETECTOR
            .replace(
                "kinds: [deploy_token]",
                "noun: acme key\n  allow: [sandbox, '^gldt-0+$']",
            )
            .replace(BODY, "pattern: '[A-Z]{4}-[0-9a-f]{32}'\n    entropy: 2.5")
            .replace("routable-v1, prefixes", "pieces, prefixes")
            .replace("body: routable-v1", "body: [{run: hex, length: 8}]");
        let RuleBody::Detector(detector) = parse(&text).unwrap().body else {
            panic!("a detector");
        };
        assert_eq!(detector.noun.as_deref(), Some("acme key"));
        assert_eq!(detector.kinds, []);
        assert!(detector.allow.allows(b"gldt-000") && !detector.allow.allows(b"gldt-010"));
        let form = &detector.forms[0];
        assert_eq!(form.entropy, Some(2.5));
        let Body::Pattern(pattern) = &form.body else {
            panic!("a pattern");
        };
        assert_eq!(pattern.as_str(), "[A-Z]{4}-[0-9a-f]{32}");
    }

    #[test]
    fn patterns_floors_and_allow_lists_are_checked() {
        let broken = |from, to: &str| broken(DETECTOR, from, to);
        assert_eq!(
            broken(BODY, "pattern: '[a-z'"),
            "15:14 the pattern is not valid at its character 1: unclosed character class / the syntax is \
             that of https://docs.rs/regex; in single quotes YAML leaves `\\` alone"
        );
        assert!(
            broken(BODY, "pattern: '[a-z]+'")
                .starts_with("15:14 the pattern matches as little as 1 bytes")
        );
        assert!(broken(BODY, "entropy: 3").starts_with("13:5 the form does not say what follows"));
        assert!(
            broken(BODY, "pattern: '[a-z]{9}'\n    body: routable-v0")
                .starts_with("15:5 a form has `body` or `pattern`, not both")
        );
        assert!(
            broken(BODY, "pattern: '[a-z]{9}'\n    context: mail-address")
                .starts_with("15:14 a mail address goes on")
        );
        assert_eq!(
            broken(BODY, "pattern: '[a-z]{9}'\n    entropy: 4"),
            "16:14 `4` bits a character cannot be told in 9 characters / write a number from 0.1 to 3.2; \
             random hexadecimal digits come near 4, base64 near 5"
        );
        assert!(broken(BODY, "pattern: '[a-z]{9}'\n    entropy: .nan").contains("cannot be told"));
        assert!(broken("confidence: low", "entropy: 3").contains("needs no entropy"));
        assert!(
            broken("kinds: [deploy_token]", "noun: acme key")
                .contains("a token with this checksum is one of GitLab's / name its `kinds`")
        );
        assert!(
            broken(
                "kinds: [deploy_token]",
                "kinds: [deploy_token]\n  noun: acme key"
            )
            .starts_with("12:3 a detector has `kinds` or `noun`, not both")
        );
        assert!(broken("  kinds: [deploy_token]\n", "").contains("names no kind of token"));
        assert!(broken("kinds: [deploy_token]", "noun: ' '").contains("`noun` is empty"));
        assert!(
            broken(
                "kinds: [deploy_token]",
                "kinds: [deploy_token]\n  allow: [fine, 'x*']"
            )
            .starts_with("12:17 `x*` allows every value / ")
        );
    }

    #[test]
    fn forms_and_pieces_are_checked() {
        let broken = |from, to| broken(DETECTOR, from, to);
        assert_eq!(
            broken("[deploy_token]", "[deploy_tokne]"),
            "11:11 there is no token kind `deploy_tokne` / did you mean `deploy_token`?"
        );
        assert!(broken("[deploy_token]", "[]").starts_with("11:10 the detector names no kind"));
        assert_eq!(
            broken("    prefixes: [gldt-]\n", ""),
            "13:5 the form has neither prefixes nor a context that leads to it / add `prefixes`: a form is searched for by them"
        );
        assert!(broken("[gldt-]", "[]").contains("neither prefixes nor a context"));
        assert!(
            broken("confidence: low", "context: netrc")
                .ends_with("a token with a checksum needs no context / drop `context`")
        );
        assert_eq!(
            broken("[gldt-]", "[gldt-, gl]"),
            "14:23 the prefix `gl` is shorter than 3 bytes / a shorter one would be found everywhere"
        );
        assert!(broken("[gldt-]", "['']").starts_with("14:16 the prefix `` is shorter"));
        assert!(broken("[gldt-]", "['gl dt']").contains("holds blanks"));
        assert!(broken("[gldt-]", "[gldt-, gldt-]").contains("the prefix `gldt-` stands twice"));
        assert!(
            broken("name: routable-v1", "name: legacy")
                .starts_with("16:12 two forms are named `legacy`")
        );
        assert!(broken("name: routable-v1", "name: V1").contains("not in kebab case"));
        assert_eq!(
            broken("body: routable-v1", "body: routable-v2"),
            "16:58 unknown value `routable-v2` / did you mean `routable-v0`?"
        );
        assert!(
            broken("body: routable-v1", "body: 3")
                .contains("expected `routable-v0`, `routable-v1` or a list")
        );
        assert!(
            broken("run: digits", "run: digit")
                .contains("unknown value `digit` / did you mean `digits`?")
        );
        assert!(broken("length: 20", "length: 0").starts_with("15:24 a run of length zero"));
        assert!(broken("length: 20", "min: 20").starts_with("15:24 a piece is a text, or a run"));
        assert!(broken("length: 20", "length: 20, min: 3").contains("a piece is a text, or a run"));
        assert!(broken("length: 20", "length: 65537").contains("longer than 65536"));
        assert!(broken("min: 3", "min: 10").contains("`min` 10 is greater than `max` 9"));
        assert!(broken("{text: x-}", "{text: ''}").starts_with("15:12 the text is empty"));
        assert!(broken("{text: x-}", "{txt: x-}").starts_with("15:13 unknown key `txt`"));
        assert!(broken("run: digits", "run: friendly").contains("`_` cannot follow"));
        assert!(
            broken(
                "body: routable-v1",
                "kinds: [feed_token], body: routable-v1"
            )
            .contains("the detector has no kind `feed_token`")
        );
        let constant = DETECTOR
            .replace("{run: digits, length: 20}, ", "")
            .replace(", {run: hex, min: 3, max: 9}", "");
        assert!(
            parse(&constant)
                .unwrap_err()
                .message
                .contains("the body has no run")
        );
    }
}
