//! Finds registry logins that put the password on the command line.

use super::{phrase, plain};
use crate::model::{Confidence, Credential, Mechanism, TokenUse, Violation};
use crate::policy::{Check, CheckDef, Context};

pub(super) const DEF: CheckDef = CheckDef {
    name: "registry-login-password-argv",
    build: plain::<LoginArgument>,
};

/// A password as an argument of a login command. A literal one is a leak and not for this check.
#[derive(Default)]
pub(super) struct LoginArgument;

impl Check for LoginArgument {
    fn run(&self, context: &Context<'_>, violations: &mut Vec<Violation>) {
        violations.extend(context.facts.uses.iter().filter_map(judge));
    }
}

fn judge(token_use: &TokenUse) -> Option<Violation> {
    let Mechanism::LoginArgument(tool) = token_use.mechanism else {
        return None;
    };
    let certainty = match token_use.credential {
        Credential::Literal => return None,
        // `-p "$(cat file)"`: the output may be anything, most likely a password.
        Credential::Opaque => Confidence::Medium,
        Credential::Variable(_) | Credential::Either(_) | Credential::Composite(_) => {
            Confidence::High
        }
    };
    let command = tool.command();
    let violation = Violation::new(
        token_use.site.clone(),
        phrase::subject(token_use, command),
        format!(
            "`{command}` gets {} on its command line, where every process of the machine and \
             every trace of the shell can read it",
            phrase::credential(&token_use.credential),
        ),
    )
    .confidence_at_most(certainty.min(token_use.confidence));
    Some(phrase::with_places(violation, token_use))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::{Operation, RegistryTool, VariableRef};

    fn login(mechanism: Mechanism, credential: Credential) -> TokenUse {
        TokenUse {
            mechanism,
            credential,
            operation: Operation::RegistryLogin,
            ..sample::token_use("CI_REGISTRY_PASSWORD")
        }
    }

    fn variable(name: &str) -> Credential {
        Credential::Variable(VariableRef::named(name))
    }

    #[test]
    fn every_tool_fires_under_its_own_name() {
        for tool in [
            RegistryTool::Docker,
            RegistryTool::Helm,
            RegistryTool::Crane,
        ] {
            let token_use = login(Mechanism::LoginArgument(tool), variable("CI_JOB_TOKEN"));
            let violations = sample::run(&LoginArgument, &sample::uses([token_use]));
            assert_eq!(violations.len(), 1);
            assert!(violations[0].message.contains(tool.command()));
            assert!(violations[0].subject.contains(tool.command()));
            assert!(violations[0].message.contains("`$CI_JOB_TOKEN`"));
        }
    }

    #[test]
    fn standard_input_and_other_mechanisms_are_silent() {
        let facts = sample::uses([
            login(Mechanism::LoginStdin(RegistryTool::Docker), variable("X")),
            login(Mechanism::PrivateTokenHeader, variable("X")),
        ]);
        assert!(sample::run(&LoginArgument, &facts).is_empty());
    }

    #[test]
    fn literal_is_left_to_the_detectors() {
        let facts = sample::uses([login(
            Mechanism::LoginArgument(RegistryTool::Docker),
            Credential::Literal,
        )]);
        assert!(sample::run(&LoginArgument, &facts).is_empty());
    }

    #[test]
    fn output_of_a_command_is_less_sure() {
        let facts = sample::uses([login(
            Mechanism::LoginArgument(RegistryTool::Docker),
            Credential::Opaque,
        )]);
        let violations = sample::run(&LoginArgument, &facts);
        assert_eq!(violations[0].confidence, Some(Confidence::Medium));
    }

    #[test]
    fn alias_relates_its_definition() {
        let facts = sample::uses([login(
            Mechanism::LoginArgument(RegistryTool::Docker),
            Credential::Variable(sample::alias("PASS", "CI_REGISTRY_PASSWORD")),
        )]);
        let violations = sample::run(&LoginArgument, &facts);
        assert_eq!(violations[0].related[0].0, sample::site(1));
    }
}
