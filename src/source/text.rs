//! Texts of any size: bytes at hand as they are, everything longer in windows that overlap.
//!
//! A [`TextReader`] belongs to one thread and keeps its buffers from text to text. What is read goes
//! to a [`TextVisitor`]; this module knows nothing of what is looked for.

use std::fs::File;
use std::io::{self, Read};

use crate::model::{Span, Window};

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

/// Takes what is read.
pub trait TextVisitor {
    /// Takes the next window of the text.
    fn window(&mut self, window: Window<'_>);

    /// Is told that the text could not be read to its end.
    fn failed(&mut self, error: &io::Error);
}

/// Reads texts, one after the other.
#[derive(Debug)]
pub struct TextReader {
    size: WindowSize,
    buffer: Vec<u8>,
}

impl TextReader {
    /// A reader with windows of `size`.
    ///
    /// # Panics
    ///
    /// If the margins leave a window no byte of its own.
    pub const fn new(size: WindowSize) -> Self {
        assert!(
            size.bytes > 2 * size.margin,
            "a window has bytes between its margins"
        );
        Self {
            size,
            buffer: Vec::new(),
        }
    }

    /// Reads `text` to its end.
    pub fn read(&mut self, text: Text<'_>, visitor: &mut dyn TextVisitor) {
        let reader: &mut dyn Read = match text {
            Text::Whole(bytes) => return visitor.window(Window::whole(bytes)),
            Text::File(file) => &mut &*file,
            Text::Stream(reader) => reader,
        };
        self.buffer.resize(self.size.bytes, 0);
        let mut windows = Windows::new(reader, &mut self.buffer, self.size.margin);
        windows.fill();
        while windows.deliver(visitor) {}
        if let Some(error) = windows.failure {
            visitor.failed(&error);
        }
    }
}

/// A text of which the buffer holds one window at a time.
struct Windows<'w> {
    reader: &'w mut dyn Read,
    buffer: &'w mut [u8],
    margin: usize,
    /// Bytes in the buffer.
    filled: usize,
    /// Where the buffer begins in the text.
    offset: usize,
    /// Where the window's own bytes begin in the buffer.
    own: usize,
    at_end: bool,
    failure: Option<io::Error>,
}

impl<'w> Windows<'w> {
    fn new(reader: &'w mut dyn Read, buffer: &'w mut [u8], margin: usize) -> Self {
        Self {
            reader,
            buffer,
            margin,
            filled: 0,
            offset: 0,
            own: 0,
            at_end: false,
            failure: None,
        }
    }

    /// Reads until the buffer is full or the text ends. A failure is the end of the text.
    fn fill(&mut self) {
        while self.filled < self.buffer.len() {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => {
                    self.at_end = true;
                    return;
                }
                Ok(read) => self.filled += read,
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
    fn deliver(&mut self, visitor: &mut dyn TextVisitor) -> bool {
        let end = if self.at_end {
            self.filled
        } else {
            self.filled - self.margin
        };
        visitor.window(Window {
            bytes: &self.buffer[..self.filled],
            offset: self.offset,
            own: Span::new(self.own, end),
        });
        if self.at_end {
            return false;
        }
        let kept = end - self.margin;
        self.buffer.copy_within(kept..self.filled, 0);
        self.offset += kept;
        self.filled -= kept;
        self.own = self.margin;
        self.fill();
        true
    }
}
