//! The subcommands, a file each.

pub(crate) mod baseline;
pub(crate) mod inspect;
pub(crate) mod manual;
pub(crate) mod merge;
pub(crate) mod rules;
pub(crate) mod scan;
