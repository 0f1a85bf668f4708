//! Finds tokens that live too long, that end soon with nobody to replace them, or that have ended and
//! are listed all the same.

use jiff::civil::Date;
use serde::Deserialize;

use super::{count_days, days, with_params};
use crate::model::{Expiry, InventoryToken, Rotation, TokenState, Violation};
use crate::policy::{Check, CheckDef, Context};

pub(in super::super) const DEF: CheckDef = CheckDef {
    name: "token-expiry-window",
    build: with_params::<ExpiryWindow>,
};

/// An end outside of the window in which it is both near enough and far enough.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExpiryWindow {
    /// The longest life, from creation to end; from today where the creation is not known.
    max_lifetime_days: u32,
    /// An end this near is told unless the replacement is arranged.
    expiry_warn_days: u32,
}

impl Default for ExpiryWindow {
    fn default() -> Self {
        Self {
            max_lifetime_days: 180,
            expiry_warn_days: 10,
        }
    }
}

impl Check for ExpiryWindow {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        let today = context.today;
        // Not only entries that work: one that is listed as active past its end is what is looked for.
        for token in &context.facts.tokens {
            let Expiry::On(end) = token.expires else {
                continue;
            };
            if token.state != TokenState::Active {
                continue;
            }
            if end <= today {
                violations.push(ended(token, end, today));
                continue;
            }
            violations.extend(self.lives_too_long(token, end, today));
            violations.extend(self.ends_soon(token, end, today));
        }
    }
}

impl ExpiryWindow {
    fn lives_too_long(&self, token: &InventoryToken, end: Date, today: Date) -> Option<Violation> {
        let lifetime = days(token.created.unwrap_or(today), end);
        if lifetime <= i64::from(self.max_lifetime_days) {
            return None;
        }
        let limit = self.max_lifetime_days;
        let lived = match token.created {
            Some(created) => format!(
                "is made for {}, from {created} to {end}",
                count_days(lifetime)
            ),
            None => format!("has {} left, until {end}", count_days(lifetime)),
        };
        let violation = Violation::new(
            token.field_site(&["expires_at"]),
            format!("{}, lifetime", token.identity()),
            format!("{} {lived}, where {limit} are the limit", token.title()),
        );
        Some(match token.fields.get("created_at") {
            Some(site) if token.created.is_some() => {
                violation.related(site.clone(), "its life begins here")
            }
            _ => violation,
        })
    }

    fn ends_soon(&self, token: &InventoryToken, end: Date, today: Date) -> Option<Violation> {
        let left = days(today, end);
        let arranged = token.rotation == Some(Rotation::Automatic) && token.owner.is_some();
        if left > i64::from(self.expiry_warn_days) || arranged {
            return None;
        }
        let missing = match (token.rotation, &token.owner) {
            (Some(Rotation::Automatic), _) => "nobody is named who answers for its rotation",
            (_, Some(_)) => "its rotation is not automatic",
            (_, None) => "neither an owner nor an automatic rotation is named",
        };
        Some(Violation::new(
            token.field_site(&["expires_at"]),
            format!("{}, ends soon", token.identity()),
            format!(
                "{} ends on {end}, in {}, and {missing}",
                token.title(),
                count_days(left)
            ),
        ))
    }
}

fn ended(token: &InventoryToken, end: Date, today: Date) -> Violation {
    let when = match days(end, today) {
        0 => "today".to_owned(),
        past => format!("{} ago", count_days(past)),
    };
    Violation::new(
        token.field_site(&["expires_at"]),
        format!("{}, past its end", token.identity()),
        format!(
            "{} is listed as active, but ended on {end}, {when}",
            token.title()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;
    use crate::model::TokenKind;
    use jiff::civil::date;

    fn token(created: Option<Date>, end: Date) -> InventoryToken {
        let mut token = entry::of(TokenKind::ProjectAccessToken, &["read_api"]);
        token.created = created;
        entry::ending(token, end)
    }

    fn messages(token: InventoryToken) -> Vec<String> {
        let found = entry::run(&ExpiryWindow::default(), token);
        for violation in &found {
            assert_eq!(violation.primary, entry::field("expires_at"));
        }
        found.into_iter().map(|found| found.message).collect()
    }

    #[test]
    fn the_lifetime_counts_from_creation_else_from_today() {
        let created = date(2026, 6, 1);
        assert_eq!(
            messages(token(Some(created), date(2027, 5, 31))),
            [
                "project access token `sample` (id 7) is made for 364 days, from 2026-06-01 to \
              2027-05-31, where 180 are the limit"
            ]
        );
        assert_eq!(
            messages(token(None, date(2027, 8, 31))),
            [
                "project access token `sample` (id 7) has 284 days left, until 2027-08-31, where 180 \
              are the limit"
            ]
        );
    }

    #[test]
    fn the_limits_themselves_are_allowed_and_warned_of() {
        let created = date(2026, 11, 1);
        assert!(messages(token(Some(created), date(2027, 4, 30))).is_empty());
        assert_eq!(messages(token(Some(created), date(2027, 5, 1))).len(), 1);
        assert!(messages(token(Some(created), date(2026, 12, 1))).is_empty());
        assert_eq!(
            messages(token(Some(created), date(2026, 11, 30))),
            [
                "project access token `sample` (id 7) ends on 2026-11-30, in 10 days, and neither an \
              owner nor an automatic rotation is named"
            ]
        );
    }

    #[test]
    fn automatic_rotation_with_an_owner_excuses_a_near_end_alone() {
        let mut soon = token(Some(date(2026, 11, 1)), date(2026, 11, 21));
        soon.rotation = Some(Rotation::Automatic);
        assert!(
            messages(soon.clone())[0]
                .ends_with("in 1 day, and nobody is named who answers for its rotation")
        );
        soon.owner = Some("platform-team".to_owned());
        assert!(messages(soon.clone()).is_empty());
        soon.rotation = Some(Rotation::Manual);
        assert!(messages(soon)[0].ends_with("its rotation is not automatic"));

        let mut long = token(Some(date(2026, 1, 1)), date(2027, 12, 31));
        long.rotation = Some(Rotation::Automatic);
        long.owner = Some("platform-team".to_owned());
        assert_eq!(messages(long).len(), 1);
    }

    #[test]
    fn past_its_end_is_told_where_the_entry_calls_itself_active() {
        let mut past = token(Some(date(2020, 1, 1)), date(2026, 11, 20));
        assert_eq!(
            messages(past.clone()),
            [
                "project access token `sample` (id 7) is listed as active, but ended on 2026-11-20, \
              today"
            ]
        );
        past.expires = Expiry::On(date(2026, 11, 18));
        assert!(messages(past.clone())[0].ends_with("2 days ago"));
        for state in [TokenState::Expired, TokenState::Revoked] {
            past.state = state;
            assert!(messages(past.clone()).is_empty());
        }
    }

    #[test]
    fn params_move_the_window() {
        let strict = ExpiryWindow {
            max_lifetime_days: 30,
            expiry_warn_days: 0,
        };
        let near = token(Some(date(2026, 11, 1)), date(2026, 11, 21));
        assert!(entry::run(&strict, near).is_empty());
        let far = token(Some(date(2026, 11, 1)), date(2026, 12, 2));
        assert_eq!(entry::run(&strict, far).len(), 1);
    }

    #[test]
    fn two_faults_of_one_token_have_subjects_of_their_own() {
        let found = entry::run(
            &ExpiryWindow::default(),
            token(Some(date(2026, 1, 1)), date(2026, 11, 25)),
        );
        assert_eq!(found.len(), 2);
        assert_ne!(found[0].subject, found[1].subject);
    }
}
