//! A finding's message, place and underlined excerpt, as `miette` draws them.
//!
//! `miette` is handed the window around the place and nothing else: it would index all of a file
//! for every finding in it.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, SourceCode,
    SourceSpan, SpanContents,
};

use super::window::Window;
use crate::model::{Confidence, Finding, Severity};
use crate::output::{Style, prose, sanitize};

/// Columns left of an excerpt: a line number of eight digits and the frame around it.
const FRAME: usize = 12;
/// Columns left of the second line of a message.
const MARGIN: usize = 4;

/// The drawing of `finding` in lines of `width` columns; it ends with a line feed.
pub(super) fn draw(finding: &Finding, style: &Style, width: usize) -> String {
    let mut theme = match (style.color, style.unicode) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::ascii(),
        (false, true) => GraphicalTheme::unicode_nocolor(),
        (false, false) => GraphicalTheme::none(),
    };
    // Where `miette` has a sign for its three severities, all five and the rule are named.
    let head = format!("{}[{}]:", finding.severity, finding.rule);
    theme.characters.error.clone_from(&head);
    theme.characters.warning.clone_from(&head);
    theme.characters.advice.clone_from(&head);
    let mut drawn = String::new();
    GraphicalReportHandler::new_themed(theme)
        // It would break paths, so the message comes in lines.
        .with_wrap_lines(false)
        .with_links(false)
        .render_report(&mut drawn, &Picture::new(finding, style, width, head.len()))
        .expect("a string takes everything and a window is always read");
    // `miette` indents the message; all other heads begin at the margin.
    drawn.trim_start_matches(' ').to_owned()
}

/// A finding in the terms of `miette`.
#[derive(Debug)]
struct Picture {
    message: String,
    severity: Severity,
    source: Source,
}

impl Picture {
    /// `head` is the length of what stands before the message.
    fn new(finding: &Finding, style: &Style, width: usize, head: usize) -> Self {
        let mut message = sanitize::line(&finding.message).into_owned();
        if finding.confidence < Confidence::High {
            message = format!("{message} ({} confidence)", finding.confidence);
        }
        let lines = prose::folded(&message, width.saturating_sub(head + 1), width - MARGIN);
        let cut = if style.unicode { '…' } else { '>' };
        let location = &finding.primary;
        Self {
            message: lines.join("\n"),
            severity: finding.severity,
            source: Source {
                window: Window::new(&location.excerpt, width - FRAME, cut),
                name: sanitize::line(&location.provenance.display_path()).into_owned(),
                line: to_index(location.start.line),
                column: to_index(location.start.column),
            },
        }
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Picture {}

impl Diagnostic for Picture {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Critical | Severity::High => miette::Severity::Error,
            Severity::Medium => miette::Severity::Warning,
            Severity::Low | Severity::Info => miette::Severity::Advice,
        })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let highlight = self.source.window.highlight;
        let label = LabeledSpan::new(None, highlight.start, highlight.len());
        Some(Box::new(std::iter::once(label)))
    }
}

/// The window under the name and position of the file it was cut from.
#[derive(Debug)]
struct Source {
    window: Window,
    name: String,
    /// 0-based, of the place.
    line: usize,
    column: usize,
}

impl SourceCode for Source {
    /// The whole window whatever the span; asked for the bare place, with the place's position.
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        lines_before: usize,
        _: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (line, column) = if lines_before == 0 {
            (self.line, self.column)
        } else {
            (to_index(self.window.first_line), 0)
        };
        Ok(Box::new(Contents {
            source: self,
            span: (0, self.window.text.len()).into(),
            line,
            column,
        }))
    }
}

struct Contents<'a> {
    source: &'a Source,
    span: SourceSpan,
    line: usize,
    column: usize,
}

impl<'a> SpanContents<'a> for Contents<'a> {
    fn data(&self) -> &'a [u8] {
        self.source.window.text.as_bytes()
    }

    fn span(&self) -> &SourceSpan {
        &self.span
    }

    fn name(&self) -> Option<&str> {
        Some(&self.source.name)
    }

    fn line(&self) -> usize {
        self.line
    }

    fn column(&self) -> usize {
        self.column
    }

    fn line_count(&self) -> usize {
        self.source.window.text.lines().count()
    }
}

/// 0-based, as `miette` counts.
fn to_index(number: u64) -> usize {
    usize::try_from(number.saturating_sub(1))
        .map_or(usize::MAX / 2, |index| index.min(usize::MAX / 2))
}
