//! Finds leaked GitLab tokens and GitLab tokens that can do more than they need to.
//!
//! The library reads files and nothing else: it opens no connection and starts no program.
//! `ARCHITECTURE.md` has the flow, the layers and the invariants.

pub mod ci;
pub mod config;
pub mod detect;
pub mod engine;
pub mod inventory;
pub mod model;
pub mod output;
pub mod policy;
pub mod rules;
pub mod source;
pub mod suppress;
pub mod yaml;
