//! What is used as a credential in a CI configuration.

use std::sync::Arc;

use super::location::Site;

/// A variable that holds a credential, after constant propagation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableRef {
    /// The variable at the end of the chain: `CI_JOB_TOKEN` where `TOKEN: $CI_JOB_TOKEN`.
    pub name: Arc<str>,
    /// The variable as the use names it: `TOKEN`.
    pub written: Arc<str>,
    /// Where the last link of the chain is defined, when it is defined in the configuration.
    pub definition: Option<Site>,
}

impl VariableRef {
    /// A variable used under its own name and defined outside of the configuration.
    pub fn named(name: impl Into<Arc<str>>) -> Self {
        let name = name.into();
        Self {
            written: Arc::clone(&name),
            name,
            definition: None,
        }
    }

    /// Whether the use goes through an alias.
    pub fn is_alias(&self) -> bool {
        self.name != self.written
    }
}

/// A credential as a script or a configuration key gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// The value of one variable, and nothing else.
    Variable(VariableRef),
    /// One of several, in order of preference: `${A:-$B}`.
    Either(Vec<VariableRef>),
    /// A text around the value of these variables, or several of them: a URL with a token in it.
    Composite(Vec<VariableRef>),
    /// Written out. The text is not kept; `detect` owns literal tokens.
    Literal,
    /// The output of a command or anything else that cannot be told.
    Opaque,
}

impl Credential {
    /// The variables, in order of preference.
    pub fn variables(&self) -> &[VariableRef] {
        match self {
            Self::Variable(variable) => std::slice::from_ref(variable),
            Self::Either(variables) | Self::Composite(variables) => variables,
            Self::Literal | Self::Opaque => &[],
        }
    }

    /// The one variable this is, if it is exactly one.
    pub const fn sole_variable(&self) -> Option<&VariableRef> {
        match self {
            Self::Variable(variable) => Some(variable),
            _ => None,
        }
    }

    /// Whether this is the job token: `CI_JOB_TOKEN`, or `CI_REGISTRY_PASSWORD`, which holds the
    /// same value (gitlabhq/gitlabhq `doc/ci/variables/predefined_variables.md`).
    pub fn is_job_token(&self) -> bool {
        self.sole_variable().is_some_and(|variable| {
            matches!(&*variable.name, "CI_JOB_TOKEN" | "CI_REGISTRY_PASSWORD")
        })
    }
}
