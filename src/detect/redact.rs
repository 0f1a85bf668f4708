//! Texts without their secrets: what other layers may read and show.

use std::borrow::Cow;

use super::{Detection, Detector};
use crate::model::Mask;

/// Replaces every secret byte of `detections` by `fill`; the text keeps its length, its line ends and
/// its indentation, and tokens keep their public prefix, so that spans and lines stay valid and a reader
/// sees what was there. Of a split or encoded token everything from the first byte to the last is
/// replaced that is no blank.
///
/// With `*`, which is for people, the last four bytes of a long token stay as in
/// [`Mask`], unless it is encoded. Any other `fill` is for parsers and hides all.
pub fn redact<'t>(text: &'t [u8], detections: &[Detection], fill: u8) -> Cow<'t, [u8]> {
    if detections.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut redacted = text.to_vec();
    for detection in detections {
        let start = detection.span.start + detection.public;
        let Some(secret) = redacted.get_mut(start..detection.span.end) else {
            continue;
        };
        let shown = if fill == b'*' && detection.encodings.is_empty() {
            Mask::shown_tail(secret.len())
        } else {
            0
        };
        let hidden = secret.len() - shown;
        // A split or folded token reaches over line ends and indentation, which parsers need.
        for byte in &mut secret[..hidden] {
            if !byte.is_ascii_whitespace() {
                *byte = fill;
            }
        }
    }
    Cow::Owned(redacted)
}

impl Detector {
    /// `text` with every token in it masked, for people: names, messages and authors may hold one.
    pub fn masked(&self, text: &str) -> String {
        let mut detections = Vec::new();
        self.scan(text.as_bytes(), &mut detections);
        String::from_utf8_lossy(&redact(text.as_bytes(), &detections, b'*')).into_owned()
    }
}
