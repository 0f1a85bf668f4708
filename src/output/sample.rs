//! A report with a finding of every kind, by which the tests of the formats agree on what a report
//! can hold.

use std::sync::Arc;

use crate::model::{
    Confidence, Evidence, Excerpt, Finding, Fingerprint, Fix, FixSafety, Label, Layer, Leak,
    Location, PathBase, Persona, Position, Positions, Problem, ProblemClass, ProblemLevel,
    Provenance, Report, Routing, RuleId, Secret, Severity, Span, Stats, Subject, Suppressed,
    SuppressionKind, TokenKind, UnusedSuppression,
};
use crate::rules::{Analysis, Examples, Params, Rule, RuleBody, RuleSet};

/// Text with everything a hostile repository might put into a name or a line.
pub(super) const HOSTILE: &str = "a\u{1b}[31m\u{202e}b\u{9b}2J ]]> <script>\"'\\ \u{200b}\u{85}c";

/// A rule of this id with texts that tell it from others.
pub(super) fn rule(id: &str, severity: Severity, analysis: Analysis, cwe: &[u32]) -> Rule {
    Rule {
        id: RuleId::new(id),
        title: format!("title of {id}"),
        severity,
        confidence: Confidence::High,
        persona: Persona::Regular,
        analysis,
        cwe: cwe.to_vec(),
        why: format!(
            "Why {id} matters. It is used\nwithin minutes. More of it stands here, for those who ask for it with an option that few people know."
        ),
        fix: format!("Mend {id} first. Then look at the logs."),
        references: vec![
            format!("https://docs.gitlab.example/{id}"),
            "https://docs.gitlab.example/more".to_owned(),
        ],
        since: "0.1.0".to_owned(),
        examples: Examples::default(),
        body: RuleBody::Check {
            name: id.to_owned(),
            params: Params::default(),
        },
        file: None,
    }
}

/// The rules of [`report()`], and one that nothing breaks.
pub(super) fn rules() -> RuleSet {
    [
        rule("token-in-url-query", Severity::High, Analysis::Ci, &[598]),
        rule(
            "leaked-access-token",
            Severity::Critical,
            Analysis::Leaks,
            &[798],
        ),
        rule(
            "overbroad-scope",
            Severity::Medium,
            Analysis::Inventory,
            &[250, 272],
        ),
        rule("debug-trace-enabled", Severity::High, Analysis::Ci, &[532]),
    ]
    .into_iter()
    .collect()
}

/// A token that exists nowhere, made at run time so that no file holds one.
pub(super) fn token() -> String {
    format!("gl{}-{}", "pat", "Kq7Zr2Wm9Xc4Vb6Nt8Ds")
}

/// The place of `what` in `text`, with all of the text as excerpt.
pub(super) fn location(path: &str, text: &str, what: &str) -> Location {
    let start = text.find(what).expect("the text holds it");
    let span = Span::new(start, start + what.len());
    let (start, end) = Positions::new(text.as_bytes()).of(span);
    Location {
        provenance: Provenance {
            path: Arc::from(path),
            ..Provenance::default()
        },
        span,
        start,
        end,
        route: None,
        excerpt: Excerpt {
            text: text.to_owned(),
            first_line: 1,
            skipped_columns: 0,
            highlight: span,
        },
    }
}

/// A finding without anything optional.
pub(super) fn finding(rule: &str, severity: Severity, message: &str, primary: Location) -> Finding {
    let rule = RuleId::new(rule);
    let subject = Subject::Named(message.to_owned());
    Finding {
        fingerprint: Fingerprint::new(&rule, &primary.provenance.path, &subject),
        rule,
        severity,
        confidence: Confidence::High,
        message: message.to_owned(),
        primary,
        related: Vec::new(),
        occurrences: 1,
        subject,
        leak: None,
        fix: None,
        suppression: None,
    }
}

/// A leak at `deploy/prod.sh:2:14` that lies in thirteen more places.
pub(super) fn leak() -> Finding {
    let token = token();
    let secret = Secret::new(token.as_bytes(), 6);
    let shown = secret.mask();
    let text = format!("#!/bin/sh\nexport TOKEN={shown}\ncurl \"$URL\"");
    let subject = Subject::Token(secret.digest());
    let mut finding = finding(
        "leaked-access-token",
        Severity::Critical,
        "access token in `deploy/prod.sh`",
        location("deploy/prod.sh", &text, shown.as_str()),
    );
    finding.fingerprint = Fingerprint::new(&finding.rule, "", &subject);
    finding.subject = subject;
    finding.leak = Some(Leak {
        noun: None,
        digest: secret.digest(),
        mask: shown.clone(),
        kinds: vec![
            TokenKind::PersonalAccessToken,
            TokenKind::ProjectAccessToken,
        ],
        form: Arc::from("routable-v1"),
        evidence: vec![Evidence::ChecksumVerified],
        routing: Some(Routing {
            user: Some(42),
            organization: Some(1),
            ..Routing::default()
        }),
    });
    finding.related = (1..=13)
        .map(|number| Label {
            location: location(
                &format!("copies/{number:02}.env"),
                &format!("A={shown}"),
                shown.as_str(),
            ),
            message: "the same token".to_owned(),
        })
        .collect();
    finding.related[0].location.provenance.within = vec![
        Layer::Member(Arc::from("a.env")),
        Layer::Encoding("base64".into()),
    ];
    finding.occurrences = 14;
    finding
}

/// A finding of a CI configuration with a route, a definition and a fix.
pub(super) fn ci_finding() -> Finding {
    let text = "deploy:\n  script:\n    - curl \"$CI_API_V4_URL/projects?private_token=$TOKEN\"\n";
    let mut finding = finding(
        "token-in-url-query",
        Severity::High,
        "`$TOKEN` is sent in the query of a URL",
        location(".gitlab-ci.yml", text.trim_end(), "$TOKEN"),
    );
    finding.primary.route = Some(Arc::from("deploy › script › 1"));
    finding.confidence = Confidence::Medium;
    finding.related = vec![Label {
        location: location("ci/vars.yml", "variables:\n  TOKEN: $RELEASE", "TOKEN"),
        message: "defined here".to_owned(),
    }];
    finding.fix = Some(Fix {
        title: "send the token in a PRIVATE-TOKEN header".to_owned(),
        safety: FixSafety::Safe,
        replacements: Vec::new(),
    });
    finding
}

/// A finding of an inventory that lies outside of everything scanned.
pub(super) fn inventory_finding() -> Finding {
    let mut finding = finding(
        "overbroad-scope",
        Severity::Medium,
        "`release bot` has scope `api`",
        location(
            "tokens.json",
            "[{\"name\": \"release bot\",\n  \"scopes\": [\"api\"]}]",
            "\"api\"",
        ),
    );
    finding.primary.provenance.base = PathBase::Inventory;
    finding
}

/// A finding that a comment hides.
pub(super) fn suppressed_finding() -> Finding {
    let mut finding = finding(
        "token-in-url-query",
        Severity::High,
        "`$OLD` is sent in the query of a URL",
        location("old.yml", "a: curl \"$U?private_token=$OLD\"", "$OLD"),
    );
    finding.suppression = Some(Suppressed {
        kind: SuppressionKind::Inline,
        reason: "gone in May".to_owned(),
    });
    finding
}

/// A problem at line 3, column 5 of `path`.
pub(super) fn problem(
    level: ProblemLevel,
    class: ProblemClass,
    path: &str,
    message: &str,
) -> Problem {
    Problem {
        level,
        class,
        path: path.to_owned(),
        base: PathBase::SourceRoot,
        position: Some(Position { line: 3, column: 5 }),
        message: message.to_owned(),
        mend: Some("give it as a file".to_owned()),
    }
}

/// The whole report.
pub(super) fn report() -> Report {
    Report {
        findings: vec![
            leak(),
            ci_finding(),
            suppressed_finding(),
            inventory_finding(),
        ],
        problems: vec![
            problem(
                ProblemLevel::Error,
                ProblemClass::CiSyntax,
                "broken.gitlab-ci.yml",
                "mapping values are not allowed here",
            ),
            problem(
                ProblemLevel::Note,
                ProblemClass::Suppression,
                "old.yml",
                "comment has no reason",
            ),
            problem(
                ProblemLevel::Note,
                ProblemClass::Gap,
                ".gitlab-ci.yml",
                "include of project `acme/templates`",
            ),
        ],
        left_out: Vec::new(),
        unused_suppressions: vec![UnusedSuppression {
            kind: SuppressionKind::Config,
            path: ".glpatrol.yml".to_owned(),
            base: PathBase::SourceRoot,
            position: Position { line: 7, column: 3 },
            message: "hides nothing".to_owned(),
        }],
        has_baseline: false,
        stats: Stats {
            files: 1204,
            bytes: 12_900_000,
            members: 0,
            ci_files: 3,
            jobs: 25,
            inventories: 1,
            tokens: 14,
            special_files: 2,
            ..Stats::default()
        },
    }
}

/// A report in which every text that comes from a repository is [`HOSTILE`].
pub(super) fn hostile_report() -> Report {
    let mut report = report();
    for finding in &mut report.findings {
        let path = format!("x\n{HOSTILE}/{}", finding.primary.provenance.path);
        finding.primary = location(&path, &format!("k: {HOSTILE}\r\n\tv: 1"), HOSTILE);
        finding.primary.route = Some(Arc::from(HOSTILE));
        finding.message = format!("`{HOSTILE}\n` is here");
        for label in &mut finding.related {
            label.location = finding.primary.clone();
            label.location.provenance.within = vec![Layer::Member(Arc::from(HOSTILE))];
            label.message = HOSTILE.to_owned();
        }
        if let Some(suppression) = &mut finding.suppression {
            suppression.reason = HOSTILE.to_owned();
        }
        if let Some(fix) = &mut finding.fix {
            fix.title = HOSTILE.to_owned();
        }
    }
    for problem in &mut report.problems {
        problem.path = HOSTILE.to_owned();
        problem.message = HOSTILE.to_owned();
        problem.mend = Some(HOSTILE.to_owned());
    }
    for unused in &mut report.unused_suppressions {
        unused.path = HOSTILE.to_owned();
        unused.message = HOSTILE.to_owned();
    }
    report
}
