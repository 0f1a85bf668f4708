//! What the configuration and the inventories say, before any opinion about it.

use std::sync::Arc;

use super::finding::Confidence;
use super::inventory::InventoryToken;
use super::location::Site;
use super::usage::TokenUse;

/// Everything that policy judges, gathered over the whole run.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Uses of credentials in CI configurations.
    pub uses: Vec<TokenUse>,
    /// Variables that CI configurations define.
    pub variables: Vec<Variable>,
    /// Commands that print what should stay secret.
    pub disclosures: Vec<Disclosure>,
    /// Entries of token inventories.
    pub tokens: Vec<InventoryToken>,
    /// Connections that hand-kept inventories declare.
    pub connections: Vec<Connection>,
    /// What could not be resolved.
    pub gaps: Vec<Gap>,
}

impl Facts {
    /// Adds all of `other`.
    pub fn extend(&mut self, other: Self) {
        self.uses.extend(other.uses);
        self.variables.extend(other.variables);
        self.disclosures.extend(other.disclosures);
        self.tokens.extend(other.tokens);
        self.connections.extend(other.connections);
        self.gaps.extend(other.gaps);
    }
}

/// Where a CI variable is set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableScope {
    /// Top-level `variables:`.
    Global,
    /// `workflow:rules:variables`.
    WorkflowRule,
    /// `variables:` of this job.
    Job(Arc<str>),
    /// `rules:variables` of this job.
    JobRule(Arc<str>),
    /// `parallel:matrix` of this job: some of its runs have it.
    JobMatrix(Arc<str>),
    /// Assigned or exported by a script of this job.
    Script(Arc<str>),
}

/// One definition of a CI variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Variable {
    /// The name.
    pub name: Arc<str>,
    /// The value as written; empty where it is left out.
    pub value: Arc<str>,
    /// Whether a `description` makes it a field of the manual pipeline form.
    pub prompted: bool,
    /// Where it applies.
    pub scope: VariableScope,
    /// The value, or the key where the value is empty.
    pub site: Site,
    /// The key with its value: what goes when the definition is deleted.
    pub entry: Site,
}

/// Where the output of a command goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputSink {
    /// To the job log.
    Log,
    /// To a file, by its name as written.
    File(Arc<str>),
    /// Into a command that leaves only names or counts.
    NamesOnly,
    /// Into a variable or another command that keeps it from the log.
    Captured,
}

/// What a command discloses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DisclosureKind {
    /// All variables of the job; the command as written, without its arguments: `printenv`.
    Environment(Arc<str>),
}

/// A command that prints what should stay secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Disclosure {
    /// What.
    pub kind: DisclosureKind,
    /// Where to.
    pub sink: OutputSink,
    /// In which job.
    pub job: Option<Arc<str>>,
    /// The command.
    pub site: Site,
    /// Lowered where something on the way could not be resolved.
    pub confidence: Confidence,
}

/// A declared connection: one tenant, one instance, one set of tokens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    /// Whom it serves.
    pub tenant: String,
    /// URL of the instance.
    pub instance: Option<String>,
    /// Names or ids of inventory entries.
    pub tokens: Vec<String>,
    /// The scopes that its tokens may hold.
    pub scopes: Vec<String>,
    /// The last day of its tokens.
    pub expires: Option<jiff::civil::Date>,
    /// How its tokens are replaced.
    pub rotation: Option<super::inventory::Rotation>,
    /// The entry.
    pub site: Site,
}

/// Something that lies outside of what was scanned, or that only GitLab could resolve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// What is missing: `include of project acme/templates`.
    pub what: String,
    /// Where it is asked for.
    pub site: Site,
}
