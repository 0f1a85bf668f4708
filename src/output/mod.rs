//! Renders a finished report. Decides nothing.
//!
//! The last step of the flow: the engine hands over a filtered and sorted [`Report`], each format
//! is one file or folder, and [`write()`] and [`write_fleet()`] are the `match`es over them. No renderer reads the environment, a
//! clock or a file, so that the same report gives the same bytes on every machine; what a terminal
//! can show comes in as a [`Style`].

mod human;
mod inspection;
mod json;
mod merge;
mod prose;
#[cfg(test)]
mod sample;
mod sanitize;
mod sarif;
mod uri;

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::str::FromStr;

use crate::model::{Fleet, Report, UnknownWord};
use crate::rules::RuleSet;

pub use inspection::{write_human as write_inspection, write_json as write_inspection_json};
pub use merge::{ReadError, Verdict, WrittenReport, WrittenSarif, read};

/// A way to write a report down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Human,
    /// SARIF 2.1.0, as code scanning of GitHub and GitLab takes it.
    Sarif,
    /// One object of the program's own schema, for scripts.
    Json,
}

impl Format {
    /// Every format, in the order of the help text.
    pub const ALL: &[Self] = &[Self::Human, Self::Sarif, Self::Json];

    /// The word in options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Sarif => "sarif",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| UnknownWord::new("format", text))
    }
}

/// What the receiver of a human report can show and wants to see; other formats ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colour codes are understood.
    pub color: bool,
    /// Whether box-drawing characters are understood; ASCII otherwise.
    pub unicode: bool,
    /// Columns of a line. Paths are never broken, so that they stay clickable.
    pub width: usize,
    /// Findings and errors alone: no advice, no notes, no summary.
    pub quiet: bool,
    /// From 1 on, notes and suppressed findings are listed and explanations are given in full.
    pub verbose: u8,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            unicode: true,
            width: 100,
            quiet: false,
            verbose: 0,
        }
    }
}

/// Writes `report` as `format`; `rules` gives the titles, explanations and mends of its findings.
///
/// # Errors
///
/// What `out` fails with; the report is then incomplete.
pub fn write(
    report: &Report,
    rules: &RuleSet,
    format: Format,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match format {
        Format::Human => human::write(report, rules, style, &mut out)?,
        Format::Sarif => sarif::write(report, rules, &mut out)?,
        Format::Json => json::write(report, rules, &mut out)?,
    }
    out.flush()
}

/// Writes the reports of several repositories as `format`: each as it would be written alone, and what
/// all of them come to.
///
/// # Errors
///
/// What `out` fails with; the report is then incomplete.
pub fn write_fleet(
    fleet: &Fleet,
    rules: &RuleSet,
    format: Format,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    match format {
        Format::Human => human::write_fleet(fleet, rules, style, &mut out)?,
        Format::Sarif => sarif::write_fleet(fleet, rules, &mut out)?,
        Format::Json => json::write_fleet(fleet, rules, &mut out)?,
    }
    out.flush()
}

/// A message for people with nothing in it that commands a terminal or reorders what it shows; its
/// line feeds stay.
pub fn neutral(message: &str) -> String {
    let lines: Vec<_> = message.split('\n').map(sanitize::line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_read_from_its_own_word() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse::<Format>().unwrap(), *format);
        }
        assert_eq!(
            "xml".parse::<Format>().unwrap_err().to_string(),
            "`xml` is no format"
        );
    }

    #[test]
    fn every_format_passes_on_what_the_writer_fails_with() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for format in Format::ALL {
            let error = write(
                &sample::report(),
                &sample::rules(),
                *format,
                &Style::default(),
                &mut Closed,
            )
            .unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{format}");
        }
    }
}
