//! Opens archives and compressed files in memory, one member at a time, as deep as the limits allow.
//!
//! What a text is packed in is told by its bytes and never by its name. Each member is a text again and
//! goes through the same windows as a file. Nothing is written to disk, and everything that is
//! unpacked is metered: a cap that stops the work is a problem of the run.

mod compression;
mod reftable;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead};

use self::compression::Compression;
use super::text::{Part, Text, TextProblem, TextVisitor, WindowSize, Windows};
use crate::model::{ProblemClass, ProblemLevel, Window};

/// What stops the work on one text and everything packed in it. No clock is among it, so that the same
/// input always gives the same result; work is in proportion to bytes and members.
#[derive(Clone, Copy, Debug)]
pub struct ArchiveLimits {
    /// Containers that are opened inside each other; 0 opens none.
    pub depth: usize,
    /// Bytes that are unpacked whatever the size of the text, all depths together.
    pub free_bytes: u64,
    /// Beyond them, bytes that are unpacked for each byte of the text.
    pub ratio: u64,
    /// Members, all depths together.
    pub members: u64,
}

impl ArchiveLimits {
    /// Limits that no archive reaches that people made, and that a bomb reaches within a second.
    pub const fn of_depth(depth: usize) -> Self {
        Self {
            depth,
            free_bytes: 256 << 20,
            ratio: 100,
            members: 250_000,
        }
    }
}

/// Problems of one text that are told one by one; the rest is counted.
const MAX_PROBLEMS: u64 = 10;

/// What a text is packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Zip,
    Tar,
    /// The reflog in a table of refs.
    RefTable,
    Compressed(Compression),
}

impl Format {
    const ZIP: [&'static [u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

    /// Length of the record that ends a zip archive without comment.
    const ZIP_END: usize = 22;

    /// The format of a text that is at hand as a whole.
    fn of(text: &[u8]) -> Option<Self> {
        Self::of_beginning(text).or_else(|| {
            // A program or script may stand before the archive, as in a self-extracting one.
            let end = text.len().checked_sub(Self::ZIP_END)?;
            text[end..].starts_with(b"PK\x05\x06").then_some(Self::Zip)
        })
    }

    /// The format of a text that begins so.
    fn of_beginning(text: &[u8]) -> Option<Self> {
        if let Some(compression) = Compression::of(text) {
            return Some(Self::Compressed(compression));
        }
        if Self::ZIP.iter().any(|magic| text.starts_with(magic)) {
            return Some(Self::Zip);
        }
        if reftable::is_header(text) {
            return Some(Self::RefTable);
        }
        tar::is_header(text).then_some(Self::Tar)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip archive",
            Self::Tar => "tar archive",
            Self::RefTable => "table of refs",
            Self::Compressed(compression) => compression.name(),
        }
    }
}

/// Whether `text`, which is at hand as a whole, is an archive or compressed.
pub(super) fn is_container(text: &[u8]) -> bool {
    Format::of(text).is_some()
}

/// Where the bytes of a container come from.
enum Input<'i> {
    Bytes(&'i [u8]),
    File(&'i File),
    Stream(&'i mut dyn BufRead),
}

/// Why a container could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
enum ArchiveError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Zip(#[from] ::zip::result::ZipError),
    #[error("{0}")]
    Malformed(&'static str),
    /// It is sound, but this program does not read it.
    #[error("{0}")]
    Unsupported(String),
    /// Some of its members can be read by no one without the password.
    #[error("{}", encrypted(*.0))]
    Encrypted(u64),
}

fn encrypted(members: u64) -> String {
    match members {
        1 => "one member is encrypted".to_owned(),
        members => format!("{members} members are encrypted"),
    }
}

/// One text with everything packed in it, while it is read.
pub(super) struct Reading<'r> {
    size: WindowSize,
    limits: ArchiveLimits,
    /// Borrowed for one call at a time: no call of the visitor leads to another.
    visitor: RefCell<&'r mut dyn TextVisitor>,
    buffers: RefCell<&'r mut Vec<Vec<u8>>>,
    /// Bytes of the outermost text so far.
    given: Cell<u64>,
    unpacked: Cell<u64>,
    members: Cell<u64>,
    is_stopped: Cell<bool>,
    /// Containers that lie too deep.
    unopened: Cell<u64>,
    problems: Cell<u64>,
    /// The level of those that are counted alone.
    worst_of_the_rest: Cell<ProblemLevel>,
}

impl<'r> Reading<'r> {
    pub(super) fn new(
        size: WindowSize,
        limits: ArchiveLimits,
        visitor: &'r mut dyn TextVisitor,
        buffers: &'r mut Vec<Vec<u8>>,
    ) -> Self {
        Self {
            size,
            limits,
            visitor: RefCell::new(visitor),
            buffers: RefCell::new(buffers),
            given: Cell::new(0),
            unpacked: Cell::new(0),
            members: Cell::new(0),
            is_stopped: Cell::new(false),
            unopened: Cell::new(0),
            problems: Cell::new(0),
            worst_of_the_rest: Cell::new(ProblemLevel::Note),
        }
    }

    /// Reads the outermost text.
    pub(super) fn run(self, text: Text<'_>) {
        if let Err(error) = self.text(0, text) {
            let message = format!("not read: {error}");
            self.problem(
                0,
                TextProblem::new(ProblemLevel::Error, ProblemClass::Unreadable, message),
            );
        }
        self.tell_the_rest();
    }

    /// Reads a text that lies `depth` containers deep. An error is one of reading, not of what is packed
    /// in the text.
    fn text(&self, depth: usize, text: Text<'_>) -> io::Result<()> {
        let (reader, file): (&mut dyn io::Read, _) = match text {
            Text::Whole(bytes) => {
                self.meter(depth, bytes.len());
                self.whole(depth, bytes, false);
                return Ok(());
            }
            Text::File(file) => (&mut &*file, Some(file)),
            Text::Stream(reader) => (reader, None),
        };
        // Memory that is zero from the start takes no room until it is written to.
        let kept = self.buffers.borrow_mut().pop();
        let mut buffer = kept.unwrap_or_else(|| vec![0; self.size.bytes]);
        let mut windows = Windows::new(self, depth, reader, &mut buffer, self.size.margin);
        if let Some(bytes) = windows.whole() {
            self.whole(depth, bytes, windows.is_cut());
        } else {
            self.windowed(depth, &mut windows, file);
        }
        let failure = windows.into_failure();
        self.buffers.borrow_mut().push(buffer);
        failure.map_or(Ok(()), Err)
    }

    /// A text that is at hand as a whole; `is_cut` if more of it could not be read.
    fn whole(&self, depth: usize, bytes: &[u8], is_cut: bool) {
        self.window(depth, Window::whole(bytes));
        if let Some(format) = self.to_open(depth, Format::of(bytes)) {
            let opened = self.open(depth, format, Input::Bytes(bytes));
            self.tell(depth, format, opened, is_cut);
        }
    }

    /// A text of many windows.
    fn windowed(&self, depth: usize, windows: &mut Windows<'_, '_>, file: Option<&File>) {
        let Some(format) = self.to_open(depth, Format::of_beginning(windows.ahead())) else {
            return windows.drain();
        };
        let opened = if let (Format::Zip, Some(file)) = (format, file) {
            windows.drain();
            self.open(depth, format, Input::File(file))
        } else {
            self.open(depth, format, Input::Stream(windows))
        };
        windows.drain();
        self.tell(depth, format, opened, windows.is_cut());
    }

    fn open(&self, depth: usize, format: Format, input: Input<'_>) -> Result<(), ArchiveError> {
        match (format, input) {
            (Format::Zip, Input::Bytes(bytes)) => {
                zip::by_directory(self, depth, io::Cursor::new(bytes))
            }
            (Format::Zip, Input::File(file)) => {
                zip::by_directory(self, depth, io::BufReader::new(file))
            }
            (Format::Zip, Input::Stream(reader)) => zip::by_stream(self, depth, reader),
            (format, Input::Bytes(mut bytes)) => self.open_stream(depth, format, &mut bytes),
            (format, Input::Stream(reader)) => self.open_stream(depth, format, reader),
            (format, Input::File(file)) => {
                self.open_stream(depth, format, &mut io::BufReader::new(file))
            }
        }
    }

    fn open_stream(
        &self,
        depth: usize,
        format: Format,
        reader: &mut dyn BufRead,
    ) -> Result<(), ArchiveError> {
        match format {
            Format::Zip => zip::by_stream(self, depth, reader),
            Format::Tar => tar::members(self, depth, reader),
            Format::RefTable => reftable::logs(self, depth, reader),
            Format::Compressed(compression) => {
                let part = Part::Compressed(compression.name());
                Ok(self.part(depth, part, &mut *compression.decoder(reader))?)
            }
        }
    }

    /// Reads what is packed in the container at `depth`. An error is one of the container.
    fn part(&self, depth: usize, part: Part<'_>, reader: &mut dyn io::Read) -> io::Result<()> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > self.limits.members {
            self.stop(&format!("more than {} members", self.limits.members));
        }
        if self.is_stopped() {
            return Ok(());
        }
        self.visitor.borrow_mut().enter(part);
        let read = self.text(depth + 1, Text::Stream(reader));
        self.visitor.borrow_mut().leave();
        read
    }

    pub(super) fn window(&self, depth: usize, window: Window<'_>) {
        self.visitor.borrow_mut().window(depth, window);
    }

    /// Counts bytes that were read `depth` containers deep.
    pub(super) fn meter(&self, depth: usize, bytes: usize) {
        let counter = if depth == 0 {
            &self.given
        } else {
            &self.unpacked
        };
        counter.set(counter.get().saturating_add(bytes as u64));
        let more = self.given.get().saturating_mul(self.limits.ratio);
        let most = self.limits.free_bytes.saturating_add(more);
        if self.unpacked.get() > most {
            self.stop(&format!(
                "more than {} bytes and {} times its size unpacked",
                self.limits.free_bytes, self.limits.ratio
            ));
        }
    }

    /// Whether a cap was reached: nothing more is unpacked.
    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped.get()
    }

    fn stop(&self, why: &str) {
        if !self.is_stopped.replace(true) {
            let message = format!("not searched to the end of what is packed in it: {why}");
            let problem = TextProblem::new(ProblemLevel::Error, ProblemClass::Limit, message);
            self.problem(0, problem.with_mend("unpack it and scan what comes out"));
        }
    }

    fn problem(&self, depth: usize, problem: TextProblem) {
        self.visitor.borrow_mut().problem(depth, problem);
    }

    fn to_open(&self, depth: usize, format: Option<Format>) -> Option<Format> {
        let format = format?;
        if depth < self.limits.depth {
            return (!self.is_stopped()).then_some(format);
        }
        self.unopened.set(self.unopened.get() + 1);
        None
    }

    /// Tells what was wrong with a container, unless it is only a part of one that failed itself.
    fn tell(&self, depth: usize, format: Format, opened: Result<(), ArchiveError>, is_cut: bool) {
        let Err(error) = opened else {
            return;
        };
        if is_cut || self.is_stopped() {
            return;
        }
        let name = format.name();
        let (level, class, what) = match error {
            ArchiveError::Unsupported(why) => (
                ProblemLevel::Error,
                ProblemClass::Archive,
                format!("in this {name} {why}"),
            ),
            ArchiveError::Io(error) if error.kind() == io::ErrorKind::OutOfMemory => (
                ProblemLevel::Error,
                ProblemClass::Limit,
                format!("to unpack this {name} takes too much memory"),
            ),
            error @ ArchiveError::Encrypted(_) => (
                ProblemLevel::Note,
                ProblemClass::Archive,
                format!("in this {name} {error}"),
            ),
            error => (
                ProblemLevel::Note,
                ProblemClass::Archive,
                format!("this {name} is damaged: {error}"),
            ),
        };
        self.problems.set(self.problems.get() + 1);
        if self.problems.get() > MAX_PROBLEMS {
            self.worst_of_the_rest
                .set(self.worst_of_the_rest.get().min(level));
            return;
        }
        let message = format!("not searched in full: {what}");
        self.problem(depth, TextProblem::new(level, class, message));
    }

    /// Tells of what was counted.
    fn tell_the_rest(&self) {
        let unopened = self.unopened.get();
        if unopened > 0 && self.limits.depth > 0 {
            let depth = self.limits.depth;
            let message = match unopened {
                1 => format!("an archive in it lies deeper than {depth} and was not opened"),
                more => {
                    format!("{more} archives in it lie deeper than {depth} and were not opened")
                }
            };
            let problem = TextProblem::new(ProblemLevel::Error, ProblemClass::Limit, message);
            self.problem(0, problem.with_mend("raise `--max-archive-depth`"));
        }
        if self.problems.get() > MAX_PROBLEMS {
            let more = self.problems.get() - MAX_PROBLEMS;
            let message = format!("{more} more archives in it were not searched in full");
            let level = self.worst_of_the_rest.get();
            self.problem(0, TextProblem::new(level, ProblemClass::Archive, message));
        }
    }
}
