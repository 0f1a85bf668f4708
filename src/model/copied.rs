//! What two texts have in common.

/// Bytes of a text that are a copy of bytes of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Where they begin in the other text.
    pub from: usize,
    /// Where they begin in this one.
    pub to: usize,
    /// How many there are.
    pub length: usize,
}
