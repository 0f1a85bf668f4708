//! Texts of any size: bytes at hand as they are, everything longer in windows that overlap.
//!
//! A [`TextReader`] belongs to one thread and keeps its buffers from text to text. What is read goes
//! to a [`TextVisitor`]; this module knows nothing of what is looked for. What is packed in a text is
//! opened by `archive`.

use std::fs::File;
use std::io::{self, BufRead, Read};

use super::archive::{ArchiveLimits, Reading, is_container};
use crate::model::{ProblemClass, ProblemLevel, Span, Window};

/// The most bytes that a decompressor is asked for at once. One that meets damage need not give what it
/// had unpacked before, so that the less is asked for, the less is lost.
const STEP: usize = 4096;

/// Where the bytes of a text come from.
pub enum Text<'t> {
    /// All of them are at hand.
    Whole(&'t [u8]),
    /// A file, open at its beginning.
    File(&'t File),
    /// Anything that can be read once.
    Stream(&'t mut dyn Read),
}

impl<'t> From<&'t [u8]> for Text<'t> {
    fn from(bytes: &'t [u8]) -> Self {
        Self::Whole(bytes)
    }
}

/// How much of a text is held at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// Of a window with its margins, in bytes.
    pub bytes: usize,
    /// Of each margin, in bytes: how far around its beginning anything that is looked for can be
    /// influenced.
    pub margin: usize,
}

/// What a text within a text is.
#[derive(Clone, Copy, Debug)]
pub enum Part<'n> {
    /// A member of an archive.
    Member {
        /// Its name, as the archive has it.
        name: &'n [u8],
        /// Where its bytes stand in the archive, if they stand there as they are.
        stored_at: Option<usize>,
    },
    /// What a stream decompresses to, by the name of the compression.
    Compressed(&'static str),
}

/// Something about a text that was not read, or not to its end.
#[derive(Clone, Debug)]
pub struct TextProblem {
    /// Whether the run is incomplete for it.
    pub level: ProblemLevel,
    /// What kind.
    pub class: ProblemClass,
    /// What is wrong. It may quote what was read.
    pub message: String,
    /// What to do about it.
    pub mend: Option<String>,
}

impl TextProblem {
    pub(super) const fn new(level: ProblemLevel, class: ProblemClass, message: String) -> Self {
        Self {
            level,
            class,
            message,
            mend: None,
        }
    }

    pub(super) fn with_mend(mut self, mend: &str) -> Self {
        self.mend = Some(mend.to_owned());
        self
    }
}

/// Takes what is read. The text itself has depth 0, what is packed in it depth 1, and so on.
pub trait TextVisitor {
    /// Takes the next window of the text at `depth`. A container that is streamed gives its windows
    /// while its parts are read.
    fn window(&mut self, depth: usize, window: Window<'_>);

    /// A part of the innermost text begins, and is the innermost from here on.
    fn enter(&mut self, part: Part<'_>);

    /// The innermost text ends.
    fn leave(&mut self);

    /// Something is wrong with the text at `depth`.
    fn problem(&mut self, depth: usize, problem: TextProblem);
}

/// Reads texts and what is packed in them, one after the other.
#[derive(Debug)]
pub struct TextReader {
    size: WindowSize,
    limits: ArchiveLimits,
    buffers: Vec<Vec<u8>>,
}

impl TextReader {
    /// A reader with windows of `size`.
    ///
    /// # Panics
    ///
    /// If the margins leave a window no byte of its own, or windows would begin at odd offsets, where
    /// UTF-16 cannot be read.
    pub const fn new(size: WindowSize, limits: ArchiveLimits) -> Self {
        assert!(
            size.bytes > 2 * size.margin,
            "a window has bytes between its margins"
        );
        assert!(
            size.bytes.is_multiple_of(2),
            "windows begin at even offsets"
        );
        Self {
            size,
            limits,
            buffers: Vec::new(),
        }
    }

    /// Whether something is packed in `text`, which is then read beside its bytes.
    pub fn opens(&self, text: &[u8]) -> bool {
        is_container(text)
    }

    /// Reads `text` to its end.
    pub fn read(&mut self, text: Text<'_>, visitor: &mut dyn TextVisitor) {
        Reading::new(self.size, self.limits, visitor, &mut self.buffers).run(text);
    }
}

/// A text of which the buffer holds one window at a time. Who reads from it gets the bytes of the text;
/// a window goes to the visitor when its last byte has been read.
pub(super) struct Windows<'w, 'r> {
    reading: &'w Reading<'r>,
    depth: usize,
    reader: &'w mut dyn Read,
    buffer: &'w mut [u8],
    margin: usize,
    /// Bytes in the buffer.
    filled: usize,
    /// Where the buffer begins in the text.
    offset: usize,
    /// Where the window's own bytes begin in the buffer.
    own: usize,
    /// Bytes of the buffer that have been read.
    taken: usize,
    at_end: bool,
    is_drained: bool,
    failure: Option<io::Error>,
}

impl<'w, 'r> Windows<'w, 'r> {
    /// Fills the first window.
    pub(super) fn new(
        reading: &'w Reading<'r>,
        depth: usize,
        reader: &'w mut dyn Read,
        buffer: &'w mut [u8],
        margin: usize,
    ) -> Self {
        let mut windows = Self {
            reading,
            depth,
            reader,
            buffer,
            margin,
            filled: 0,
            offset: 0,
            own: 0,
            taken: 0,
            at_end: false,
            is_drained: false,
            failure: None,
        };
        windows.fill();
        windows
    }

    /// All of the text, if it is in the first window.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (self.at_end && self.offset == 0).then(|| self.ahead())
    }

    /// What can be seen of the text without going on.
    pub(super) fn ahead(&self) -> &[u8] {
        &self.buffer[self.taken..self.filled]
    }

    /// Whether the text goes on where it could not be read.
    pub(super) const fn is_cut(&self) -> bool {
        self.failure.is_some()
    }

    /// Why the text could not be read to its end.
    pub(super) fn into_failure(self) -> Option<io::Error> {
        self.failure
    }

    /// Gives the rest of the text to the visitor.
    pub(super) fn drain(&mut self) {
        while self.advance() {}
    }

    /// Reads until the buffer is full or the text ends. A failure is the end of the text, and so is a
    /// cap on what is unpacked.
    fn fill(&mut self) {
        while self.filled < self.buffer.len() {
            if self.depth > 0 && self.reading.is_stopped() {
                self.at_end = true;
                return;
            }
            let end = if self.depth > 0 {
                self.buffer.len().min(self.filled + STEP)
            } else {
                self.buffer.len()
            };
            match self.reader.read(&mut self.buffer[self.filled..end]) {
                Ok(0) => {
                    self.at_end = true;
                    return;
                }
                Ok(read) => {
                    self.filled += read;
                    self.reading.meter(self.depth, read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    self.at_end = true;
                    return;
                }
            }
        }
    }

    /// Gives the window in the buffer away and moves on to the next; says whether there is one.
    fn advance(&mut self) -> bool {
        if self.is_drained {
            return false;
        }
        let end = if self.at_end {
            self.filled
        } else {
            self.filled - self.margin
        };
        let window = Window {
            bytes: &self.buffer[..self.filled],
            offset: self.offset,
            own: Span::new(self.own, end),
        };
        self.reading.window(self.depth, window);
        if self.at_end {
            self.is_drained = true;
            self.taken = self.filled;
            return false;
        }
        let kept = end - self.margin;
        self.buffer.copy_within(kept..self.filled, 0);
        self.offset += kept;
        self.taken = self.filled - kept;
        self.filled = self.taken;
        self.own = self.margin;
        self.fill();
        true
    }
}

impl BufRead for Windows<'_, '_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.filled {
            self.advance();
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, bytes: usize) {
        self.taken += bytes;
    }
}

impl Read for Windows<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
