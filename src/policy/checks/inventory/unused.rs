//! Finds tokens that nobody uses.

use serde::Deserialize;

use super::{active, count_days, days, with_params};
use crate::model::{LastUse, Violation};
use crate::policy::{Check, CheckDef, Context};

pub(in super::super) const DEF: CheckDef = CheckDef {
    name: "token-unused",
    build: with_params::<Unused>,
};

/// An active token whose last use, or whose creation without any use, lies too far back.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Unused {
    /// A token without use for longer than this is unused.
    unused_days: u32,
}

impl Default for Unused {
    fn default() -> Self {
        Self { unused_days: 90 }
    }
}

impl Check for Unused {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        let limit = i64::from(self.unused_days);
        for token in active(context) {
            let age = token.created.map(|created| days(created, context.today));
            let (idle, since) = match (token.last_used, token.created) {
                // A token that is newer than the limit has a last use from before its rotation.
                (LastUse::On(_), _) if age.is_some_and(|age| age <= limit) => continue,
                (LastUse::On(used), _) => (
                    days(used, context.today),
                    format!("was last used on {used}"),
                ),
                (LastUse::Never, Some(created)) => (
                    days(created, context.today),
                    format!("was never used since it was made on {created}"),
                ),
                (LastUse::Never, None) | (LastUse::Unstated, _) => continue,
            };
            if idle > limit {
                violations.push(Violation::new(
                    token.field_site(&["last_used_at", "last_used"]),
                    token.identity(),
                    format!("{} {since}, {} ago", token.title(), count_days(idle)),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;
    use crate::model::{InventoryToken, TokenKind, TokenState};
    use jiff::civil::{Date, date};

    fn token(created: Option<Date>, last_used: LastUse) -> InventoryToken {
        let mut token = entry::of(TokenKind::ServiceAccountAccessToken, &["api"]);
        token.created = created;
        token.last_used = last_used;
        token
    }

    fn messages(token: InventoryToken) -> Vec<String> {
        let found = entry::run(&Unused::default(), token);
        found.into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn never_used_counts_from_creation() {
        let found = entry::run(
            &Unused::default(),
            token(Some(date(2026, 3, 26)), LastUse::Never),
        );
        assert_eq!(
            found[0].message,
            "service account access token `sample` (id 7) was never used since it was made on \
             2026-03-26, 239 days ago"
        );
        assert_eq!(found[0].primary, entry::field("last_used_at"));
        assert!(messages(token(Some(date(2026, 10, 1)), LastUse::Never)).is_empty());
        assert!(messages(token(None, LastUse::Never)).is_empty());
    }

    #[test]
    fn a_last_use_counts_by_its_own_date() {
        let old = Some(date(2022, 5, 2));
        assert_eq!(
            messages(token(old, LastUse::On(date(2026, 8, 21)))),
            [
                "service account access token `sample` (id 7) was last used on 2026-08-21, 91 days ago"
            ]
        );
        assert!(messages(token(old, LastUse::On(date(2026, 8, 22)))).is_empty());
        assert!(messages(token(old, LastUse::On(date(2027, 1, 1)))).is_empty());
        assert_eq!(
            messages(token(None, LastUse::On(date(2025, 1, 1)))).len(),
            1
        );
    }

    #[test]
    fn new_inactive_and_unstated_entries_are_silent() {
        let long_ago = LastUse::On(date(2020, 1, 1));
        assert!(messages(token(Some(date(2026, 11, 1)), long_ago)).is_empty());
        assert!(messages(token(Some(date(2020, 1, 1)), LastUse::Unstated)).is_empty());
        let mut revoked = token(None, long_ago);
        revoked.state = TokenState::Revoked;
        assert!(messages(revoked).is_empty());
        let ended = entry::ending(token(None, long_ago), date(2026, 1, 1));
        assert!(messages(ended).is_empty());
    }

    #[test]
    fn the_limit_is_a_param() {
        let patient = Unused { unused_days: 1000 };
        let token = token(Some(date(2026, 3, 26)), LastUse::Never);
        assert!(entry::run(&patient, token).is_empty());
    }
}
