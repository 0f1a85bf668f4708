//! Words after expansion: text that still knows which of its bytes come from which variable, and
//! where in the script each was written.

use std::ops::Range;
use std::sync::Arc;

use crate::model::{Credential, Span, VariableRef};

/// The most bytes of one text that are looked at; headers, URLs and options are shorter.
const MAX_LEN: usize = 4096;

/// The most segments of one text.
const MAX_SEGMENTS: usize = 64;

/// The most words that a value is split into.
const MAX_WORDS: usize = 256;

/// A word after expansion.
///
/// Variables whose value is not known stand in `flat` by name, so that a URL can be taken apart and
/// its path read as people write it: `/projects/$CI_PROJECT_ID`. A delimiter counts only where it is
/// text; [`View::find`] sees to that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    flat: String,
    segments: Vec<Segment>,
}

/// A stretch of a [`Text`] that comes from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) range: Range<usize>,
    /// What of the script gave it: text itself, or the variable it came through.
    pub(super) span: Span,
    pub(super) kind: Kind,
    /// Other values are possible.
    pub(super) doubtful: bool,
}

/// What a segment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text. `verbatim` if its bytes are those of its span.
    Literal { verbatim: bool },
    /// The value of a variable.
    Variable(VariableRef),
    /// `${A:-$B}`.
    Either(Vec<VariableRef>),
    /// A part of a variable's value: `${A#https://}`.
    Derived(VariableRef),
    /// The output of commands that use these variables, or anything else that cannot be told.
    Output(Vec<VariableRef>),
    /// `$[[ inputs.x ]]`.
    Input,
}

impl Text {
    pub(super) fn as_str(&self) -> &str {
        &self.flat
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Appends text; what is over the limit is dropped.
    pub(super) fn push_literal(&mut self, text: &str, span: Span, verbatim: bool) {
        let room = MAX_LEN.saturating_sub(self.flat.len());
        let mut len = text.len().min(room);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        let span = if verbatim && len < text.len() {
            Span::new(span.start, span.start + len)
        } else {
            span
        };
        self.push(&text[..len], span, Kind::Literal { verbatim }, false);
    }

    /// Appends anything else under the name it stands by.
    pub(super) fn push_kind(&mut self, span: Span, kind: Kind, doubtful: bool) {
        let shown = match &kind {
            Kind::Literal { .. } => String::new(),
            Kind::Variable(variable) => format!("${}", variable.name),
            Kind::Derived(variable) => format!("${{{}}}", variable.name),
            Kind::Either(variables) => {
                let names: Vec<&str> = variables.iter().map(|variable| &*variable.name).collect();
                format!("${{{}}}", names.join(":-$"))
            }
            Kind::Output(_) => "$(…)".to_owned(),
            Kind::Input => "$[[…]]".to_owned(),
        };
        if self.flat.len() + shown.len() <= MAX_LEN {
            self.push(&shown, span, kind, doubtful);
        }
    }

    fn push(&mut self, shown: &str, span: Span, kind: Kind, doubtful: bool) {
        if self.segments.len() >= MAX_SEGMENTS {
            return;
        }
        let start = self.flat.len();
        self.flat.push_str(shown);
        self.segments.push(Segment {
            range: start..self.flat.len(),
            span,
            kind,
            doubtful,
        });
    }

    /// Appends the value of a variable that is used at `span` under the name `written`.
    pub(super) fn push_value(
        &mut self,
        value: &Self,
        written: &Arc<str>,
        definition: Option<&crate::model::Site>,
        span: Span,
    ) {
        let through = |variable: &VariableRef| VariableRef {
            name: Arc::clone(&variable.name),
            written: Arc::clone(written),
            definition: variable.definition.clone().or_else(|| definition.cloned()),
        };
        for segment in &value.segments {
            let kind = match &segment.kind {
                Kind::Literal { .. } => {
                    self.push_literal(&value.flat[segment.range.clone()], span, false);
                    continue;
                }
                Kind::Variable(variable) => Kind::Variable(through(variable)),
                Kind::Derived(variable) => Kind::Derived(through(variable)),
                Kind::Either(variables) => Kind::Either(variables.iter().map(through).collect()),
                Kind::Output(variables) => Kind::Output(variables.iter().map(through).collect()),
                Kind::Input => Kind::Input,
            };
            self.push_kind(span, kind, segment.doubtful);
        }
    }

    /// Appends `other` as it is.
    pub(super) fn append(&mut self, other: &Self) {
        for segment in &other.segments {
            let shown = &other.flat[segment.range.clone()];
            if self.flat.len() + shown.len() <= MAX_LEN {
                self.push(shown, segment.span, segment.kind.clone(), segment.doubtful);
            }
        }
    }

    /// The whole text.
    pub(super) fn view(&self) -> View<'_> {
        View {
            text: self,
            start: 0,
            end: self.flat.len(),
        }
    }

    /// The one segment, if the text is one.
    pub(super) fn sole(&self) -> Option<&Segment> {
        match self.segments.as_slice() {
            [segment] => Some(segment),
            _ => None,
        }
    }

    /// Cuts at blanks, as the shell does with a value that is not quoted.
    pub(super) fn split_blanks(&self) -> Vec<Self> {
        let blank = |at: &usize| matches!(self.flat.as_bytes()[*at], b' ' | b'\t' | b'\n');
        let blanks = self
            .segments
            .iter()
            .filter(|segment| matches!(segment.kind, Kind::Literal { .. }))
            .flat_map(|segment| segment.range.clone().filter(blank));
        let mut words = Vec::new();
        let mut start = 0;
        for end in blanks.chain([self.flat.len()]) {
            if start < end && words.len() < MAX_WORDS {
                let word = View {
                    text: self,
                    start,
                    end,
                };
                words.push(word.to_text());
            }
            start = end + 1;
        }
        words
    }
}

/// A part of a [`Text`].
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'t> {
    text: &'t Text,
    start: usize,
    end: usize,
}

impl<'t> View<'t> {
    pub(super) fn as_str(&self) -> &'t str {
        &self.text.flat[self.start..self.end]
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The part in front of `offset`.
    pub(super) fn before(&self, offset: usize) -> Self {
        Self {
            end: self.start + offset,
            ..*self
        }
    }

    /// The part from `offset` on.
    pub(super) fn after(&self, offset: usize) -> Self {
        Self {
            start: self.start + offset,
            ..*self
        }
    }

    /// Without blanks at both ends.
    pub(super) fn trimmed(&self) -> Self {
        let shown = self.as_str();
        let start = self.start + (shown.len() - shown.trim_start().len());
        Self {
            start,
            end: start + shown.trim().len(),
            ..*self
        }
    }

    /// What of the text lies in here, with the bytes of each in this view.
    pub(super) fn segments(&self) -> impl Iterator<Item = (&'t Segment, Range<usize>)> + use<'t> {
        let (start, end) = (self.start, self.end);
        self.text.segments.iter().filter_map(move |segment| {
            let from = segment.range.start.max(start);
            let to = segment.range.end.min(end);
            (from < to).then(|| (segment, from - start..to - start))
        })
    }

    /// Whether all of `range` is text.
    fn is_literal(&self, range: &Range<usize>) -> bool {
        self.segments()
            .filter(|(_, part)| part.start < range.end && range.start < part.end)
            .all(|(segment, _)| matches!(segment.kind, Kind::Literal { .. }))
    }

    /// Where `needle` first stands as text.
    pub(super) fn find(&self, needle: &str) -> Option<usize> {
        self.as_str()
            .match_indices(needle)
            .map(|(at, _)| at)
            .find(|at| self.is_literal(&(*at..at + needle.len())))
    }

    /// Where `needle` last stands as text.
    pub(super) fn rfind(&self, needle: &str) -> Option<usize> {
        self.as_str()
            .rmatch_indices(needle)
            .map(|(at, _)| at)
            .find(|at| self.is_literal(&(*at..at + needle.len())))
    }

    /// The text, if no expansion is in it.
    pub(super) fn literal(&self) -> Option<&'t str> {
        self.is_literal(&(0..self.len())).then(|| self.as_str())
    }

    /// Whether everything in it is text that was written right here.
    pub(super) fn is_verbatim(&self) -> bool {
        self.segments()
            .all(|(segment, _)| segment.kind == Kind::Literal { verbatim: true })
    }

    /// The segment that makes up all of this, if there is one.
    pub(super) fn sole(&self) -> Option<&'t Segment> {
        let mut segments = self.segments();
        let (segment, _) = segments.next()?;
        segments.next().is_none().then_some(segment)
    }

    /// Whether anything in it might be otherwise.
    pub(super) fn is_doubtful(&self) -> bool {
        self.segments()
            .any(|(segment, _)| segment.doubtful || segment.kind == Kind::Input)
    }

    /// The bytes of the script that gave this part, first to last.
    pub(super) fn span(&self) -> Span {
        let mut span: Option<Span> = None;
        for (segment, part) in self.segments() {
            let written = if segment.kind == (Kind::Literal { verbatim: true }) {
                let from = self.start + part.start - segment.range.start;
                Span::new(from, from + part.len()).shifted(segment.span.start)
            } else {
                segment.span
            };
            span = Some(span.map_or(written, |all| {
                Span::new(all.start.min(written.start), all.end.max(written.end))
            }));
        }
        span.unwrap_or_else(|| {
            // An empty part stands where the text in front of it ends.
            let end = self
                .text
                .segments
                .iter()
                .rev()
                .find(|segment| segment.range.end <= self.start)
                .map_or(0, |segment| segment.span.end);
            Span::new(end, end)
        })
    }

    /// What this part is as a credential; none where it is empty.
    pub(super) fn credential(&self) -> Option<Credential> {
        let part = self.trimmed();
        if part.is_empty() {
            return None;
        }
        if let Some(segment) = part.sole() {
            return Some(match &segment.kind {
                Kind::Literal { .. } => Credential::Literal,
                Kind::Variable(variable) => Credential::Variable(variable.clone()),
                Kind::Either(variables) => Credential::Either(variables.clone()),
                Kind::Derived(variable) => Credential::Composite(vec![variable.clone()]),
                Kind::Output(_) | Kind::Input => Credential::Opaque,
            });
        }
        let mut variables: Vec<VariableRef> = Vec::new();
        let mut opaque = false;
        for (segment, _) in part.segments() {
            match &segment.kind {
                Kind::Literal { .. } => {}
                Kind::Variable(variable) | Kind::Derived(variable) => {
                    variables.push(variable.clone());
                }
                Kind::Either(either) => variables.extend(either.iter().cloned()),
                Kind::Output(_) | Kind::Input => opaque = true,
            }
        }
        Some(match (variables.is_empty(), opaque) {
            (true, true) => Credential::Opaque,
            (true, false) => Credential::Literal,
            (false, _) => Credential::Composite(variables),
        })
    }

    fn to_text(self) -> Text {
        let mut text = Text::default();
        for (segment, part) in self.segments() {
            let shown = &self.as_str()[part.clone()];
            let span = self.after(part.start).before(part.len()).span();
            text.push(shown, span, segment.kind.clone(), segment.doubtful);
        }
        text
    }
}
