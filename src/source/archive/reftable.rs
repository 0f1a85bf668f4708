//! The reflog in a table of refs, by the description of the format that comes with Git
//! (`Documentation/technical/reftable`).
//!
//! It is the one part of a table that is compressed. `git pull ADDRESS` leaves the address in it, with the
//! password that it may have. The log of each ref is a member under the name, and in the lines, of the file that other
//! repositories have below `logs/`; but the newest line is the first, as the table has them.

use std::fmt::Write as _;
use std::io::{self, BufRead, Read};

use flate2::bufread::ZlibDecoder;

use super::{ArchiveError, Reading};
use crate::source::git::reftable::{CUT_OFF, Rest, Wrong};
use crate::source::text::Part;

/// The longest name of a ref, which is a path.
const MAX_NAME: usize = 4096;

/// Whether a text begins as a table does.
pub(super) fn is_header(text: &[u8]) -> bool {
    matches!(text, [b'R', b'E', b'F', b'T', 1 | 2, ..])
}

/// Reads the log of every ref.
pub(super) fn logs(
    reading: &Reading<'_>,
    depth: usize,
    reader: &mut dyn BufRead,
) -> Result<(), ArchiveError> {
    let mut table = Table::open(reading, depth, reader)?;
    let mut first = table.next()?;
    while let Some(entry) = first {
        let mut log = Log {
            name: entry.name,
            line: io::Cursor::new(entry.line),
            table: &mut table,
            next: None,
        };
        let name = [b"logs/", log.name.as_slice()].concat();
        let part = Part::Member {
            name: &name,
            stored_at: None,
        };
        reading.part(depth, part, &mut log)?;
        io::copy(&mut log, &mut io::sink())?;
        first = log.next;
    }
    Ok(())
}

/// A line of the log of a ref.
struct Entry {
    name: Vec<u8>,
    line: Vec<u8>,
}

/// The lines of one ref.
struct Log<'l, 'i, 'r> {
    name: Vec<u8>,
    line: io::Cursor<Vec<u8>>,
    table: &'l mut Table<'i, 'r>,
    /// The first line of the next ref.
    next: Option<Entry>,
}

impl Read for Log<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.next.is_none() {
            let read = self.line.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.table.next()? {
                Some(entry) if entry.name == self.name => self.line = io::Cursor::new(entry.line),
                Some(entry) => self.next = Some(entry),
                None => break,
            }
        }
        Ok(0)
    }
}

/// The blocks of a table, one after the other.
struct Table<'i, 'r> {
    reading: &'i Reading<'r>,
    depth: usize,
    reader: &'i mut dyn BufRead,
    /// Bytes of an id.
    id_length: usize,
    /// Bytes of the header, which the first block counts as its own.
    header: u64,
    /// The records of the block that is read, and where the next one is.
    records: Vec<u8>,
    at: usize,
    /// The last name with the number of its change.
    key: Vec<u8>,
}

impl<'i, 'r> Table<'i, 'r> {
    fn open(
        reading: &'i Reading<'r>,
        depth: usize,
        reader: &'i mut dyn BufRead,
    ) -> io::Result<Self> {
        let mut header = [0; 24];
        reader.read_exact(&mut header).map_err(in_words)?;
        let mut table = Self {
            reading,
            depth,
            reader,
            id_length: 20,
            header: 24,
            records: Vec::new(),
            at: 0,
            key: Vec::new(),
        };
        if header[4] == 2 {
            let mut hash = [0; 4];
            table.reader.read_exact(&mut hash).map_err(in_words)?;
            table.header += 4;
            table.id_length = match &hash {
                b"sha1" => 20,
                b"s256" => 32,
                _ => return Err(wrong("its hash is unknown")),
            };
        }
        Ok(table)
    }

    /// The next line, if there is one.
    fn next(&mut self) -> io::Result<Option<Entry>> {
        loop {
            if self.at == self.records.len() && !self.next_block()? {
                return Ok(None);
            }
            let mut record = Rest(&self.records[self.at..]);
            let shared = record.length().map_err(of_change)?;
            let word = record.varint().map_err(of_change)?;
            let suffix = usize::try_from(word >> 3).unwrap_or(usize::MAX);
            let suffix = record.take(suffix).map_err(of_change)?;
            if shared > self.key.len() || shared + suffix.len() > MAX_NAME {
                return Err(wrong("it has a name that cannot be"));
            }
            self.key.truncate(shared);
            self.key.extend_from_slice(suffix);
            let line = match word & 7 {
                // What was removed.
                0 => None,
                1 => Some(line(&mut record, self.id_length).map_err(of_change)?),
                _ => return Err(wrong("it has a change of an unknown kind")),
            };
            self.at = self.records.len() - record.0.len();
            let Some((name, [0, _number @ ..])) = self.key.split_last_chunk::<9>() else {
                return Err(wrong("it has a name that cannot be"));
            };
            if let Some(line) = line {
                let name = name.to_owned();
                return Ok(Some(Entry { name, line }));
            }
        }
    }

    /// Reads up to the next block with a log and unpacks it, if there is one.
    fn next_block(&mut self) -> io::Result<bool> {
        while !self.reading.is_stopped() {
            // Behind the last block comes the header again.
            let is_padding = match self.reader.fill_buf()?.first() {
                Some(b'R') => return Ok(false),
                Some(0) => true,
                Some(_) => false,
                None => return Err(wrong("it is cut off")),
            };
            if is_padding {
                self.reader.consume(1);
                continue;
            }
            let mut head = [0; 4];
            self.reader.read_exact(&mut head).map_err(in_words)?;
            let [kind, length @ ..] = head;
            let [a, b, c] = length.map(u64::from);
            let length = (a << 16 | b << 8 | c).checked_sub(4 + std::mem::take(&mut self.header));
            let length = length.ok_or_else(|| wrong("it has a block that is too short"))?;
            match kind {
                b'g' => {
                    self.unpack(length)?;
                    return Ok(true);
                }
                b'r' | b'o' | b'i' => {
                    let mut block = (&mut self.reader).take(length);
                    if io::copy(&mut block, &mut io::sink())? < length {
                        return Err(wrong("it is cut off"));
                    }
                }
                _ => return Err(wrong("it has a block of an unknown kind")),
            }
        }
        Ok(false)
    }

    /// Unpacks a block of `length` bytes.
    fn unpack(&mut self, length: u64) -> io::Result<()> {
        self.records.clear();
        // One more, so that the end of the stream is seen.
        let mut block = ZlibDecoder::new(&mut self.reader).take(length + 1);
        block.read_to_end(&mut self.records).map_err(in_words)?;
        self.reading.meter(self.depth + 1, self.records.len());
        if self.records.len() as u64 != length {
            return Err(wrong("it has a block of another length than it says"));
        }
        // Where names begin that are written in full: three bytes each, and how many there are.
        let restarts = self.records.split_last_chunk::<2>();
        let end = restarts.and_then(|(rest, count)| {
            let restarts = 3 * usize::from(u16::from_be_bytes(*count));
            rest.len().checked_sub(restarts)
        });
        let end = end.ok_or_else(|| wrong("it has a block that is too short"))?;
        self.records.truncate(end);
        self.at = 0;
        self.key.clear();
        Ok(())
    }
}

fn text<'b>(record: &mut Rest<'b>) -> Result<&'b [u8], Wrong> {
    let length = record.length()?;
    record.take(length)
}

/// What was changed, by whom, when and why, as a file below `logs/` has it.
fn line(record: &mut Rest<'_>, id_length: usize) -> Result<Vec<u8>, Wrong> {
    let mut head = String::new();
    for _ in 0..2 {
        for byte in record.take(id_length)? {
            let _ = write!(head, "{byte:02x}");
        }
        head.push(' ');
    }
    let (name, address, seconds) = (text(record)?, text(record)?, record.varint()?);
    let zone = record.take(2)?;
    // Hours and minutes as one decimal number.
    let zone = i16::from_be_bytes([zone[0], zone[1]]);
    let message = text(record)?.trim_ascii_end();
    let date = format!("> {seconds} {zone:+05}\t");
    let parts = [
        head.as_bytes(),
        name,
        b" <",
        address,
        date.as_bytes(),
        message,
        b"\n",
    ];
    Ok(parts.concat())
}

/// The error, in our words where it is that the table ends too early.
fn in_words(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => wrong("it is cut off"),
        _ => error,
    }
}

/// What is wrong with a change.
fn of_change(what: Wrong) -> io::Error {
    match what {
        CUT_OFF => wrong("it has a change that is cut off"),
        what => wrong(format!("it {what}")),
    }
}

fn wrong(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}
