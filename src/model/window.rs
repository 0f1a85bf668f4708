//! A part of a text that is too large to be held as a whole.

use super::span::Span;

/// A stretch of a text with a margin of it on either side.
///
/// Windows overlap by their margins, so that whatever begins in the middle of one is seen with all that
/// stands around it; what begins in a margin is the neighbour's. A text that is held as a whole is one
/// window without margins.
#[derive(Clone, Copy, Debug)]
pub struct Window<'t> {
    /// The stretch, margins included.
    pub bytes: &'t [u8],
    /// Where it begins in the text.
    pub offset: usize,
    /// The bytes without the margins. Those of all windows together are the text, each byte once.
    pub own: Span,
}

impl<'t> Window<'t> {
    /// A text as a whole.
    pub const fn whole(bytes: &'t [u8]) -> Self {
        Self {
            bytes,
            offset: 0,
            own: Span::new(0, bytes.len()),
        }
    }

    /// Whether what begins at `at` of these bytes belongs to this window.
    pub const fn owns(&self, at: usize) -> bool {
        self.own.start <= at && at < self.own.end
    }

    /// Whether the text ends here.
    pub const fn is_last(&self) -> bool {
        self.own.end == self.bytes.len()
    }
}
