//! Facts made by hand for the tests of checks, and what every violation must keep to.

use std::sync::LazyLock;

use jiff::civil::date;

use crate::model::{
    Confidence, Credential, Facts, Host, Mechanism, Operation, Site, SourceId, Span, TokenUse,
    Transport, VariableRef, Violation,
};
use crate::policy::{Check, Context};
use crate::rules::Settings;
use crate::rules::knowledge::KnowledgeBase;

/// Shared, because the endpoint matrix is long.
pub(super) static KNOWLEDGE: LazyLock<KnowledgeBase> = LazyLock::new(KnowledgeBase::new);

/// A place of ten bytes from `start` on in the first file.
pub(super) fn site(start: usize) -> Site {
    Site::new(SourceId(0), Span::new(start, start + 10))
}

/// A variable that is used as `written` and stands for `name`; defined at byte 1.
pub(super) fn alias(written: &str, name: &str) -> VariableRef {
    VariableRef {
        name: name.into(),
        written: written.into(),
        definition: Some(site(1)),
    }
}

/// `PRIVATE-TOKEN: $variable` to a host and for a purpose that are not known, in job `deploy`.
pub(super) fn token_use(variable: &str) -> TokenUse {
    TokenUse {
        credential: Credential::Variable(VariableRef::named(variable)),
        mechanism: Mechanism::PrivateTokenHeader,
        operation: Operation::Unknown,
        host: Host::Unknown,
        transport: Transport::default(),
        job: Some("deploy".into()),
        site: site(100),
        url: None,
        confidence: Confidence::High,
    }
}

/// Facts of these uses alone.
pub(super) fn uses(uses: impl IntoIterator<Item = TokenUse>) -> Facts {
    Facts {
        uses: uses.into_iter().collect(),
        ..Facts::default()
    }
}

/// Runs a check with settings that say nothing.
pub(super) fn run(check: &impl Check, facts: &Facts) -> Vec<Violation> {
    run_with(check, facts, &Settings::default())
}

/// Runs a check, as of 2026-11-20, and holds its messages to the house style.
pub(super) fn run_with(check: &impl Check, facts: &Facts, settings: &Settings) -> Vec<Violation> {
    let mut violations = Vec::new();
    check.run(
        &Context {
            facts,
            knowledge: &KNOWLEDGE,
            settings,
            today: date(2026, 11, 20),
        },
        &mut violations,
    );
    for violation in &violations {
        assert_house_style(&violation.message);
        for (_, message) in &violation.related {
            assert_house_style(message);
        }
        assert!(!violation.subject.is_empty());
        if let Some(fix) = &violation.fix {
            assert_house_style(&fix.title);
            assert!(!fix.replacements.is_empty());
        }
    }
    violations
}

/// Lower-case start, no full stop, one line, no gaps.
pub(super) fn assert_house_style(message: &str) {
    let first = message.chars().next().expect("a message has words");
    assert!(first.is_lowercase() || first == '`', "{message}");
    assert!(!message.ends_with(['.', ' ', '\n']), "{message}");
    assert!(
        !message.contains("  ") && !message.contains('\n'),
        "{message}"
    );
    assert_eq!(message.matches('`').count() % 2, 0, "{message}");
}
