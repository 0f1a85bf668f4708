//! The compiled checks, one file a subject.
//!
//! A check says what it finds in words of its own; what that means, how bad it is and what to do
//! stands in the rule file that names the check. `phrase` and `hosts` hold what several checks say or
//! ask.

mod debug_trace;
mod environment_dump;
mod hosts;
mod inventory;
mod job_token_header;
mod job_token_reach;
mod personal_token;
mod phrase;
mod registry_login;
#[cfg(test)]
mod sample;
mod transport;
mod url_query;

use serde::Deserialize;

use super::{Check, CheckDef};
use crate::rules::Params;
use crate::rules::strict::ParamError;

/// Every check, sorted by name.
pub static CHECKS: &[CheckDef] = &[
    debug_trace::DEF,
    environment_dump::DEF,
    job_token_header::DEF,
    job_token_reach::DEF,
    inventory::OVERBROAD_SCOPE,
    inventory::PERSONAL_AUTOMATION,
    personal_token::DEF,
    registry_login::DEF,
    inventory::ROLE_SCOPE_MISMATCH,
    inventory::EXPIRY_WINDOW,
    url_query::DEF,
    inventory::NO_EXPIRY,
    transport::DEF,
    inventory::UNUSED,
];

/// The params of a check that takes none: any key is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParams {}

/// Builds a check that takes no params.
fn plain<C: Check + Default + 'static>(params: &Params) -> Result<Box<dyn Check>, ParamError> {
    params.read::<NoParams>()?;
    Ok(Box::new(C::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_unique_kebab_case() {
        for pair in CHECKS.windows(2) {
            assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
        }
        for check in CHECKS {
            let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(check.name.chars().all(kebab), "{}", check.name);
        }
    }
}
