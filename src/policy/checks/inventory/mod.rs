//! Checks of what inventories say of tokens.
//!
//! A revoked or expired token can do no harm, so these look at active entries alone. What an entry
//! does not say is unknown, and unknown is silent.

mod expiry_window;
mod no_expiry;
mod overbroad_scope;
mod personal_automation;
mod role_scope_mismatch;
mod unused;
mod words;

use serde::de::DeserializeOwned;

use jiff::civil::Date;

use crate::model::InventoryToken;
use crate::policy::{Check, Context};
use crate::rules::Params;
use crate::rules::strict::ParamError;

pub(super) use expiry_window::DEF as EXPIRY_WINDOW;
pub(super) use no_expiry::DEF as NO_EXPIRY;
pub(super) use overbroad_scope::DEF as OVERBROAD_SCOPE;
pub(super) use personal_automation::DEF as PERSONAL_AUTOMATION;
pub(super) use role_scope_mismatch::DEF as ROLE_SCOPE_MISMATCH;
pub(super) use unused::DEF as UNUSED;

/// Builds a check whose params are its fields.
fn with_params<C: Check + DeserializeOwned + 'static>(
    params: &Params,
) -> Result<Box<dyn Check>, ParamError> {
    Ok(Box::new(params.read::<C>()?))
}

/// The entries that work today.
fn active<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a InventoryToken> {
    let today = context.today;
    let tokens = context.facts.tokens.iter();
    tokens.filter(move |token| token.is_active_on(today))
}

/// Days from one date to a later one; negative where it is earlier.
fn days(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

/// `1 day`, `10 days`.
fn count_days(days: i64) -> String {
    match days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod entry {
    //! Entries made by hand for the tests of these checks.

    use std::collections::BTreeMap;

    use jiff::civil::Date;

    use super::super::sample;
    use crate::model::{
        Expiry, Facts, InventoryToken, Role, ScopeGrant, Site, TokenKind, Violation,
    };
    use crate::policy::Check;

    /// Where the field of an entry stands, so that tests can tell what a violation points at.
    pub(super) const FIELDS: &[&str] = &[
        "access_level",
        "created_at",
        "description",
        "expires_at",
        "last_used_at",
        "name",
        "stored_in",
    ];

    pub(super) fn field(name: &str) -> Site {
        let at = FIELDS.iter().position(|field| *field == name);
        sample::site(1000 + 20 * at.expect("a field that tests know"))
    }

    /// Where the scope at this index stands.
    pub(super) fn scope(index: usize) -> Site {
        sample::site(2000 + 20 * index)
    }

    /// An active entry named `sample` with id 7 and these scopes.
    pub(super) fn of(kind: TokenKind, scopes: &[&str]) -> InventoryToken {
        let mut token = InventoryToken::new(kind, "sample", sample::site(0));
        token.id = Some(7);
        token.scopes = scopes
            .iter()
            .enumerate()
            .map(|(index, name)| ScopeGrant {
                name: (*name).to_owned(),
                site: scope(index),
            })
            .collect();
        let site = |name: &&str| ((*name).to_owned(), field(name));
        token.fields = FIELDS.iter().map(site).collect::<BTreeMap<_, _>>();
        token
    }

    pub(super) fn with_role(scopes: &[&str], role: Role) -> InventoryToken {
        let mut token = of(TokenKind::ProjectAccessToken, scopes);
        token.role = Some(role);
        token
    }

    pub(super) fn ending(mut token: InventoryToken, end: Date) -> InventoryToken {
        token.expires = Expiry::On(end);
        token
    }

    pub(super) fn run(check: &impl Check, token: InventoryToken) -> Vec<Violation> {
        let facts = Facts {
            tokens: vec![token],
            ..Facts::default()
        };
        sample::run(check, &facts)
    }
}
