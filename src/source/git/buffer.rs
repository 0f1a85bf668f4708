//! Buffers that one object after another is written into.

use std::ops::Deref;

/// The bytes of an object, in memory that may have held another.
///
/// A [`Vec`] that is made longer copies what it holds and writes zeros behind it, only to be written over.
#[derive(Default)]
pub(super) struct Buffer {
    /// As many as were ever asked for, whatever they are.
    memory: Vec<u8>,
    length: usize,
}

impl Buffer {
    /// The most memory that is taken beyond what is asked for, so that the next object may be longer.
    const MOST_AHEAD: usize = 1 << 20;

    /// Makes it `length` bytes long and gives these, with `more` behind them that are not part of it. All of
    /// them are left over from before.
    pub(super) fn renew(&mut self, length: usize, more: usize) -> &mut [u8] {
        let needed = length + more;
        if self.memory.len() < needed {
            self.memory = Vec::new();
            self.memory = vec![0; needed + (needed / 2).min(Self::MOST_AHEAD)];
        }
        self.length = length;
        &mut self.memory[..needed]
    }

    /// Takes the first bytes away.
    pub(super) fn remove_first(&mut self, count: usize) {
        self.memory.copy_within(count..self.length, 0);
        self.length -= count;
    }

    /// Bytes of memory that it holds on to.
    pub(super) fn capacity(&self) -> usize {
        self.memory.capacity()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_long_as_was_asked_for_last() {
        let mut buffer = Buffer::default();
        assert!(buffer.is_empty());
        assert_eq!(buffer.renew(3, 2).len(), 5);
        buffer.renew(3, 2).copy_from_slice(b"abcde");
        assert_eq!(*buffer, *b"abc");
        assert_eq!(buffer.renew(1, 0), b"a");
        buffer.renew(4, 1)[..4].copy_from_slice(b"wxyz");
        buffer.remove_first(1);
        assert_eq!(*buffer, *b"xyz");
        let memory = buffer.capacity();
        assert_eq!(buffer.renew(memory, 0).len(), memory);
        assert_eq!(buffer.capacity(), memory);
        buffer.renew(0, 0);
        assert!(buffer.is_empty());
    }
}
