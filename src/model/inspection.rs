//! What one token says about itself.

use super::finding::{Confidence, Leak, RuleId};

/// A text that is a token from end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The rule whose detector knows it.
    pub rule: RuleId,
    /// How sure it is that GitLab made it.
    pub confidence: Confidence,
    /// What is known of it.
    pub leak: Leak,
}

impl Inspection {
    /// Whether there is more to it than the shape.
    pub fn is_token(&self) -> bool {
        self.confidence > Confidence::Low
    }
}
