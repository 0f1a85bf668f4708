//! The integration tests: one binary, a module a subject.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

mod archives;
mod bad_input;
mod baseline;
mod big_files;
mod cache;
mod cli;
mod corpus;
mod docs;
mod examples;
mod fleet;
mod git;
mod git_damage;
mod git_history;
mod git_pass;
mod git_range;
mod git_reftable;
mod git_repository;
mod git_staged;
mod git_states;
mod harness;
mod inspect;
mod inventory;
mod kin;
mod manual;
mod output;
mod packing;
mod readme;
mod repository;
mod suppression;
mod user_rules;
