//! The nouns of the field, shared by every layer: places, findings, facts, reports.
//!
//! This module knows no file, format or terminal and imports nothing of the crate. All spans are
//! bytes, half open; lines and columns are 1-based and columns count Unicode scalar values.

#[macro_use]
mod word;

mod charset;
mod copied;
mod credential;
mod facts;
mod finding;
mod fleet;
mod inspection;
mod kind;
mod known;
mod location;
mod problem;
mod report;
mod secret;
mod span;
mod usage;
mod window;

pub use charset::Charset;
pub use copied::Copied;
pub use credential::{Credential, VariableRef};
pub use facts::{
    Connection, Disclosure, DisclosureKind, Facts, Gap, OutputSink, Variable, VariableScope,
};
pub use finding::{
    Confidence, Finding, Fingerprint, Fix, FixSafety, Leak, Persona, Replacement, RuleId, Severity,
    Subject, Suppressed, SuppressionKind, UnknownWord, Violation,
};
pub use fleet::{FailOn, Fleet, Member, Shard, ShardError, Shards, VersionControl};
pub use inspection::Inspection;
pub use inventory::{
    Expiry, HeldIn, InventoryToken, LastUse, Role, Rotation, ScopeGrant, Sharing, TokenState,
};
pub use kind::TokenKind;
pub use known::KnownFinding;
pub use location::{
    CommitRef, Excerpt, Label, Layer, Location, MessageKind, Origin, PathBase, Provenance,
    Revision, Site, SourceId,
};
pub use problem::{LeftOut, Problem, ProblemClass, ProblemLevel};
pub use report::{Report, Stats, UnusedSuppression};
pub use secret::{Checksum, Digest, Evidence, Mask, Routing, Secret};
pub use span::{KnownPlace, Position, Positions, Span};
pub use usage::{Host, Mechanism, Method, Operation, RegistryTool, TokenUse, Transport};
pub use window::Window;

mod inventory;
