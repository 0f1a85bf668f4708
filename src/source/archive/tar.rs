//! Members of tar archives, in the order in which they stand.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use super::{ArchiveError, Reading};
use crate::source::text::Part;

/// Length of a header.
const HEADER: usize = 512;

/// Bytes that may stand before the contents of a member: headers, long names and attributes. The crate
/// holds them in memory.
const MAX_METADATA: u64 = 1 << 20;

/// Whether a text begins with the header of a member.
pub(super) fn is_header(text: &[u8]) -> bool {
    const MAGIC: std::ops::Range<usize> = 257..262;
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    if text.get(MAGIC) != Some(b"ustar") {
        return false;
    }
    let Some(header) = text.get(..HEADER) else {
        return false;
    };
    let sum = header.iter().enumerate().map(|(at, byte)| {
        // The checksum itself counts as blanks.
        u64::from(if CHECKSUM.contains(&at) { b' ' } else { *byte })
    });
    let stated = String::from_utf8_lossy(&header[CHECKSUM]).into_owned();
    let stated = stated.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    u64::from_str_radix(stated, 8) == Ok(sum.sum())
}

/// Reads every member.
pub(super) fn members(
    reading: &Reading<'_>,
    depth: usize,
    reader: &mut dyn BufRead,
) -> Result<(), ArchiveError> {
    let left = Cell::new(0);
    let mut archive = ::tar::Archive::new(Guarded {
        reader,
        left: &left,
    });
    let mut entries = archive.entries()?;
    while !reading.is_stopped() {
        left.set(MAX_METADATA);
        let Some(entry) = entries.next() else {
            break;
        };
        let mut entry = entry?;
        left.set(u64::MAX);
        let name = entry.path_bytes().into_owned();
        let is_sparse = entry.header().entry_type().is_gnu_sparse();
        let stored_at = usize::try_from(entry.raw_file_position())
            .ok()
            .filter(|_| !is_sparse);
        let part = Part::Member {
            name: &name,
            stored_at,
        };
        reading.part(depth, part, &mut entry)?;
        // What a cap has cut off is not read for the sake of what follows.
        if !reading.is_stopped() {
            io::copy(&mut entry, &mut io::sink())?;
        }
    }
    Ok(())
}

/// Ends a reader that gives more than may be held.
struct Guarded<'g> {
    reader: &'g mut dyn BufRead,
    left: &'g Cell<u64>,
}

impl Read for Guarded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other("the description of a member is too long")),
        }
        Ok(read)
    }
}
