//! The detector against the rule files: examples, vectors, properties.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::specimen::{Expansion, Modifier, Specimen, SplitMix64, expand, expand_listing, make};
use super::*;
use crate::rules::{Body, Example, RuleBody, RuleSet};

mod basic;
mod chains;
mod encodings;
mod places;
mod properties;
mod shapes;
mod splits;
mod vectors;

fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| RuleSet::builtin(&|_, _| Ok(())).unwrap())
}

fn detector() -> &'static Detector {
    static DETECTOR: OnceLock<Detector> = OnceLock::new();
    DETECTOR.get_or_init(|| Detector::new(rules()))
}

fn scan(detector: &Detector, text: &[u8]) -> Vec<Detection> {
    let mut detections = Vec::new();
    detector.scan(text, &mut detections);
    detections
}

/// The detections in one text, with the built-in rules.
fn found(text: &str) -> Vec<Detection> {
    scan(detector(), text.as_bytes())
}

fn expanded(text: &str) -> Expansion {
    expand_listing(text, rules(), 7).unwrap()
}

/// Every form of every detector with each of its prefixes.
fn forms(rules: &RuleSet) -> Vec<(&Rule, TokenKind, &crate::rules::Form, &str)> {
    let mut forms = Vec::new();
    for rule in rules {
        let RuleBody::Detector(detector) = &rule.body else {
            continue;
        };
        for form in &detector.forms {
            let kind = form.kinds.first().unwrap_or(&detector.kinds[0]);
            let bare = form.prefixes.is_empty().then_some("");
            for prefix in form.prefixes.iter().map(String::as_str).chain(bare) {
                forms.push((rule, *kind, form, prefix));
            }
        }
    }
    forms
}

/// `token` where a form of its context may be found.
fn in_context(form: &crate::rules::Form, token: &str) -> String {
    match form.context {
        Some(Context::RunnerConfig) => format!("[[runners]]\ntoken = \"{token}\"\n"),
        Some(Context::MailAddress) => format!("in+a-7-{token}-issue@mail.example"),
        Some(Context::PrivateToken) => format!("curl -H 'PRIVATE-TOKEN: {token}' x"),
        Some(Context::OauthUrl) => format!("https://oauth2:{token}@host.example/a.git"),
        Some(Context::DeployTokenUrl) => {
            format!("https://gitlab+deploy-token-7:{token}@host.example/a.git")
        }
        Some(Context::JobToken) => format!("https://gitlab-ci-token:{token}@host.example/a.git"),
        Some(Context::TokenVariable) => format!("export GITLAB_TOKEN={token}\n"),
        Some(Context::RegistrationToken) => {
            format!("gitlab-runner register --registration-token {token}\n")
        }
        Some(Context::Netrc) => format!("machine gitlab.example login me password {token}\n"),
        Some(Context::NpmRegistry) => {
            format!("//host.example/api/v4/packages/npm/:_authToken={token}\n")
        }
        Some(Context::TriggerCall) => {
            format!("curl -F token={token} -F ref=main https://host.example/trigger/pipeline\n")
        }
        Some(Context::ClientSecret) => format!("gitlab:\n  client_secret: '{token}'\n"),
        Some(Context::ApiCall) => {
            format!("curl -H \"Authorization: Bearer {token}\" https://host.example/api/v4/user")
        }
        Some(Context::TokenResponse) => {
            // No other token: it looks made up.
            let refresh = "deadbeef".repeat(8);
            format!(
                "{{\"access_token\": \"{token}\", \"refresh_token\": \"{refresh}\", \"scope\": \"read_api\"}}"
            )
        }
        Some(Context::FeatureFlags) => {
            format!(
                "url: https://git.example/api/v4/feature_flags/unleash/7\ninstanceId: {token}\n"
            )
        }
        Some(Context::Password) => {
            format!("docker login -u me -p {token} registry.gitlab.example\n")
        }
        None => format!("a \"{token}\" b"),
    }
}

mod examples {
    use super::*;

    fn of_rule(rule: &Rule, example: &Example, rules: &RuleSet) -> (String, Vec<Detection>) {
        let text = expand(&example.text, rules, 7).unwrap();
        let mut detections = scan(detector(), text.as_bytes());
        detections.retain(|detection| detection.rule == rule.id);
        (text, detections)
    }

    #[test]
    fn every_example_of_a_detector_does_what_it_says() {
        let rules = rules();
        for rule in rules {
            if !matches!(rule.body, RuleBody::Detector(_)) {
                continue;
            }
            for example in &rule.examples.fires {
                let at = format!("{}: {}", rule.id, example.name);
                let (text, detections) = of_rule(rule, example, rules);
                assert_eq!(detections.len(), 1, "{at}");
                let detection = &detections[0];
                if let Some(confidence) = example.confidence {
                    assert_eq!(detection.confidence, confidence, "{at}");
                }
                if let Some(severity) = example.severity {
                    assert_eq!(detection.severity, severity, "{at}");
                }
                if let Some(points_at) = &example.points_at {
                    let expected = expand(points_at, rules, 7).unwrap();
                    let Span { start, end } = detection.span;
                    assert!(text[start..end] == expected, "{at}: another region");
                }
            }
            for example in &rule.examples.silent {
                let (_, detections) = of_rule(rule, example, rules);
                assert!(detections.is_empty(), "{}: {}", rule.id, example.name);
            }
        }
    }

    #[test]
    fn every_form_has_an_example_that_fires_and_a_near_miss() {
        let rules = rules();
        for (rule, _, form, _) in forms(rules) {
            let names = |examples: &[Example]| {
                examples.iter().any(|example| {
                    let mention = format!("/{}", form.name);
                    example.text.match_indices(&mention).any(|(at, _)| {
                        example.text[at + mention.len()..].starts_with(['}', '@', '#', '|'])
                    })
                })
            };
            assert!(names(&rule.examples.fires), "{} {}", rule.id, form.name);
            assert!(names(&rule.examples.silent), "{} {}", rule.id, form.name);
        }
    }

    #[test]
    fn no_example_holds_a_token() {
        for rule in rules() {
            for example in rule.examples.fires.iter().chain(&rule.examples.silent) {
                assert!(found(&example.text).is_empty(), "{}", rule.id);
            }
        }
    }
}

mod prefixes {
    use super::*;

    /// The rule that owns a routable token of this kind behind this prefix.
    fn owner(kind: &str, form: &str, prefix: &str) -> Option<(String, String)> {
        let expansion = expanded(&format!("token: {{{{{kind}/{form}@{prefix}}}}}"));
        let detections = found(&expansion.text);
        let detection = detections.first()?;
        assert_eq!(detections.len(), 1);
        let Span { start, end } = detection.span;
        assert!(expansion.text[start..end] == *expansion.specimens[0].token());
        Some((detection.rule.to_string(), detection.leak.form.to_string()))
    }

    #[test]
    fn an_unknown_prefix_is_told_by_its_tail_then_by_the_payload() {
        let access = "personal_access_token";
        let runner = "runner_authentication_token";
        let rule_of = |kind, prefix| owner(kind, "routable-v1", prefix).unwrap().0;
        assert_eq!(rule_of(access, "acme_"), "leaked-access-token");
        assert_eq!(rule_of(access, "a+b/c:"), "leaked-access-token");
        assert_eq!(rule_of(access, "glpat-acme-"), "leaked-access-token");
        assert_eq!(rule_of(access, "xglpat-"), "leaked-access-token");
        assert_eq!(rule_of(access, "ACME-glwt-"), "leaked-workspace-token");
        assert_eq!(rule_of(access, "ACME-gldt-"), "leaked-deploy-token");
        assert_eq!(rule_of(runner, "ACME-glrt-"), "leaked-runner-token");
        assert_eq!(rule_of(runner, "acme-"), "leaked-runner-token");
        assert_eq!(rule_of(runner, ""), "leaked-runner-token");
        assert_eq!(rule_of("agent_token", "acme-"), "leaked-agent-token");
    }

    #[test]
    fn the_form_names_the_version_even_where_the_kind_has_no_such_form() {
        let form = |prefix| {
            owner("personal_access_token", "routable-v1", prefix)
                .unwrap()
                .1
        };
        assert_eq!(form("ACME-gldt-"), "routable-v1");
        assert_eq!(form("ACME-glrt-t1_"), "routable-v1");
    }

    #[test]
    fn the_unversioned_form_is_found_behind_known_prefixes() {
        let owner = |prefix| owner("personal_access_token", "routable-v0", prefix);
        let access = Some((
            String::from("leaked-access-token"),
            String::from("routable-v0"),
        ));
        assert_eq!(owner("glpat-"), access);
        assert_eq!(owner("ACME-glpat-"), access);
        assert_eq!(owner("acme-"), None, "nothing to search for");
    }

    #[test]
    fn a_disabled_rule_gives_its_tokens_to_no_other() {
        let mut rules = rules().clone();
        let expansion = expanded("{{runner_authentication_token/routable-v1}}");
        rules.retain(|rule| rule.id.as_str() != "leaked-runner-token");
        let detections = scan(&Detector::new(&rules), expansion.text.as_bytes());
        assert!(detections.is_empty());
    }

    #[test]
    fn no_rule_finds_nothing() {
        assert!(scan(&Detector::new(&[]), b"anything").is_empty());
    }
}

/// What each piece of evidence does; a placeholder is dropped, and so in no finding.
#[test]
fn every_piece_of_evidence_has_the_confidence_of_its_row() {
    use Confidence::{High, Low, Medium};

    let seen = |text: &str, evidence: Evidence| -> Vec<Confidence> {
        let detections = found(&expanded(text).text);
        let with = detections
            .iter()
            .filter(|found| found.leak.evidence.contains(&evidence));
        with.map(|found| found.confidence).collect()
    };
    for (text, evidence, confidence) in [
        (
            "{{personal_access_token/routable-v1}}",
            Evidence::ChecksumVerified,
            High,
        ),
        (
            "{{personal_access_token/routable-v1|broken}}",
            Evidence::ChecksumBroken,
            Low,
        ),
        (
            "{{personal_access_token/legacy}}",
            Evidence::ExactLength,
            High,
        ),
        (
            "{{personal_access_token/legacy}}",
            Evidence::GeneratorAlphabet,
            High,
        ),
        (
            "{{personal_access_token/legacy|alphabet}}",
            Evidence::OutsideGeneratorAlphabet,
            Low,
        ),
        (
            "{{personal_access_token/legacy|slug}}",
            Evidence::Words,
            Low,
        ),
        (
            "GITLAB_TOKEN={{personal_access_token/token-variable}}",
            Evidence::Context,
            Medium,
        ),
        (
            "acme-{{personal_access_token/legacy}}",
            Evidence::InstancePrefix,
            Medium,
        ),
        (
            "\"glpat-\" \"{{personal_access_token/private-token}}\"",
            Evidence::Split,
            Medium,
        ),
    ] {
        assert_eq!(seen(text, evidence), [confidence], "{text}");
    }
    for (body, evidence) in [
        ("aabbaabbcaabbcddefef", Evidence::LowVariety),
        ("abcdefghijk7Kq2mV9Tn", Evidence::Sequence),
    ] {
        let text = format!("glpat-{body}");
        assert_eq!(seen(&text, evidence), [Low], "{text}");
    }
    assert!(found(&expanded("{{personal_access_token/legacy|placeholder}}").text).is_empty());
}

mod redaction {
    use super::*;

    #[test]
    fn keeps_length_and_prefix_and_for_people_the_tail() {
        let expansion = expanded("a {{personal_access_token/legacy}} b");
        let detections = found(&expansion.text);
        let text = expansion.text.as_bytes();
        let shown = redact(text, &detections, b'*');
        let tail = &expansion.text[24..28];
        assert_eq!(
            shown,
            format!("a glpat-{}{tail} b", "*".repeat(16)).as_bytes()
        );
        assert_eq!(
            redact(text, &detections, b'x'),
            format!("a glpat-{} b", "x".repeat(20)).as_bytes()
        );
        assert!(matches!(
            redact(b"nothing", &[], b'*'),
            std::borrow::Cow::Borrowed(_)
        ));
    }

    #[test]
    fn agrees_with_the_mask() {
        let expansion = expanded("{{agent_token/legacy}} {{personal_access_token/routable-v1@A-}}");
        let detections = found(&expansion.text);
        let shown = redact(expansion.text.as_bytes(), &detections, b'*');
        for detection in &detections {
            let Span { start, end } = detection.span;
            assert_eq!(&shown[start..end], detection.leak.mask.as_str().as_bytes());
        }
        assert_eq!(detections.len(), 2);
    }
}

#[test]
fn no_source_and_no_rule_holds_a_token() {
    fn files(folder: &Path, list: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                files(&entry.path(), list);
            } else {
                list.push(entry.path());
            }
        }
    }
    let mut list = Vec::new();
    for folder in ["src", "rules", "benches"] {
        files(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut list,
        );
    }
    for file in list {
        let detections = scan(detector(), &std::fs::read(&file).unwrap());
        let masks: Vec<&str> = detections
            .iter()
            .map(|detection| detection.leak.mask.as_str())
            .collect();
        assert!(masks.is_empty(), "{}: {masks:?}", file.display());
    }
}

#[test]
fn the_search_is_made_of_small_vectorised_passes() {
    let [whole, in_runs, in_mixed_runs] = detector().needles.passes();
    // Each pass over whole texts costs every text: more than these are a reason to measure again.
    assert!(whole.len() <= 3, "{whole:?}");
    assert!(in_runs.len() <= 1, "{in_runs:?}");
    assert!(in_mixed_runs.len() <= 4, "{in_mixed_runs:?}");
    assert!(whole.iter().all(|(needles, _)| *needles <= 32), "{whole:?}");
    let mut passes = whole.iter().chain(&in_runs).chain(&in_mixed_runs);
    if cfg!(target_arch = "aarch64") || (cfg!(target_arch = "x86_64") && is_ssse3()) {
        let is_vectorised = passes.all(|(_, is_packed)| *is_packed);
        assert!(
            is_vectorised,
            "five times slower: {whole:?}, {in_runs:?}, {in_mixed_runs:?}"
        );
    }
}

#[cfg(target_arch = "x86_64")]
fn is_ssse3() -> bool {
    std::arch::is_x86_feature_detected!("ssse3")
}

#[cfg(not(target_arch = "x86_64"))]
const fn is_ssse3() -> bool {
    false
}
