//! From the bytes of a scalar's value to the bytes of the file it was written with.

use crate::model::Span;

/// Runs of bytes that value and source share, in ascending order.
///
/// A literal block loses its indentation, a folded one its line breaks, a quoted one its escapes: the
/// value `a b` may stand in the file as `a\n    b`. The map answers which bytes those were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueMap {
    runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    value: usize,
    source: usize,
    value_len: usize,
    /// Differs from `value_len` for an escape, which is one unit.
    source_len: usize,
}

impl ValueMap {
    /// The map of a value that stands in the source as it is, from `source` on.
    pub fn verbatim(source: usize, len: usize) -> Self {
        Self {
            runs: vec![Run {
                value: 0,
                source,
                value_len: len,
                source_len: len,
            }],
        }
    }

    /// The map of a value of `len` bytes that cannot be told apart: all of it is all of `source`.
    pub(super) fn whole(source: Span, len: usize) -> Self {
        let mut map = Self::default();
        map.push(0, len, source.start, source.len());
        map
    }

    /// Adds a run behind those that are there; runs that go on where the last one ended become one.
    pub(super) fn push(
        &mut self,
        value: usize,
        value_len: usize,
        source: usize,
        source_len: usize,
    ) {
        if value_len == 0 {
            return;
        }
        if let Some(last) = self.runs.last_mut()
            && value_len == source_len
            && last.value_len == last.source_len
            && last.value + last.value_len == value
            && last.source + last.source_len == source
        {
            last.value_len += value_len;
            last.source_len += source_len;
            return;
        }
        self.runs.push(Run {
            value,
            source,
            value_len,
            source_len,
        });
    }

    /// The bytes of the source from the first to the last byte of `span` of the value.
    pub fn source_span(&self, span: Span) -> Span {
        let start = self.source_of(span.start, false);
        let end = if span.is_empty() {
            start
        } else {
            self.source_of(span.end - 1, true)
        };
        Span::new(start, end.max(start))
    }

    /// Source offset of the value's byte at `offset`, or of the byte after it.
    fn source_of(&self, offset: usize, after: bool) -> usize {
        let at = self
            .runs
            .partition_point(|run| run.value + run.value_len <= offset);
        let Some(run) = self.runs.get(at).or_else(|| self.runs.last()) else {
            return 0;
        };
        if run.value_len == run.source_len {
            let inside = offset.saturating_sub(run.value).min(run.value_len);
            (run.source + inside + usize::from(after)).min(run.source + run.source_len)
        } else if after {
            run.source + run.source_len
        } else {
            run.source
        }
    }
}
