//! Members of zip archives: through the directory at the end where the archive can be gone back and
//! forth in, else one after the other as they stand.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use ::zip::read::Config;
use ::zip::unstable::read::ZipIterable;
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::DeflateDecoder;

use super::compression::Compression;
use super::{ArchiveError, Reading};
use crate::source::text::Part;

/// Ways to pack a member, by their numbers in the format (PKWARE APPNOTE 4.4.5).
mod method {
    pub(super) const STORED: u16 = 0;
    pub(super) const DEFLATE: u16 = 8;
    pub(super) const BZIP2: u16 = 12;
    pub(super) const ZSTD: u16 = 93;
    pub(super) const XZ: u16 = 95;
}

/// Bits of a member's flags (APPNOTE 4.4.4).
const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 1 << 3;

const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";

/// What was passed over.
#[derive(Default)]
struct PassedOver {
    encrypted: u64,
    /// The method of one of them, and how many there are.
    unknown: Option<(u16, u64)>,
    damaged: Option<io::Error>,
}

impl PassedOver {
    fn unknown(&mut self, method: u16) {
        let (_, count) = self.unknown.get_or_insert((method, 0));
        *count += 1;
    }

    fn into_result(self) -> Result<(), ArchiveError> {
        if let Some((method, count)) = self.unknown {
            let members = if count == 1 {
                "member is"
            } else {
                "members are"
            };
            return Err(ArchiveError::Unsupported(format!(
                "{count} {members} packed in a way that is not read, such as method {method}"
            )));
        }
        if let Some(error) = self.damaged {
            return Err(error.into());
        }
        match self.encrypted {
            0 => Ok(()),
            members => Err(ArchiveError::Encrypted(members)),
        }
    }
}

/// Reads every member that the directory lists.
pub(super) fn by_directory(
    reading: &Reading<'_>,
    depth: usize,
    reader: impl BufRead + Seek,
) -> Result<(), ArchiveError> {
    let mut archive = ZipIterable::try_new(reader, Config::default())?;
    let entries = archive.files()?;
    let mut passed_over = PassedOver::default();
    while !reading.is_stopped() {
        let Some(entry) = entries.next() else {
            break;
        };
        let entry = entry?;
        if entry.encrypted() {
            passed_over.encrypted += 1;
            continue;
        }
        let reader = entries.reader_mut();
        let header = reader
            .seek(SeekFrom::Start(entry.header_start()))
            .and_then(|_| LocalHeader::read(reader));
        let header = match header {
            Ok(header) => header,
            Err(error) => {
                passed_over.damaged.get_or_insert(error);
                continue;
            }
        };
        let stored_at = if header.method == method::STORED {
            usize::try_from(reader.stream_position()?).ok()
        } else {
            None
        };
        let mut packed = reader.take(entry.compressed_size());
        let Some(mut unpacked) = decoder(header.method, &mut packed) else {
            passed_over.unknown(header.method);
            continue;
        };
        let part = Part::Member {
            name: entry.name_raw(),
            stored_at,
        };
        if let Err(error) = reading.part(depth, part, &mut *unpacked) {
            passed_over.damaged.get_or_insert(error);
        }
    }
    passed_over.into_result()
}

/// Reads every member up to the directory.
pub(super) fn by_stream(
    reading: &Reading<'_>,
    depth: usize,
    mut reader: &mut dyn BufRead,
) -> Result<(), ArchiveError> {
    let mut passed_over = PassedOver::default();
    let mut signature = [0; 4];
    reader.read_exact(&mut signature)?;
    while signature == LOCAL_HEADER && !reading.is_stopped() {
        let header = LocalHeader::read_behind_signature(reader)?;
        let is_encrypted = header.flags & ENCRYPTED != 0;
        if header.flags & SIZES_FOLLOW != 0 {
            if is_encrypted || header.method != method::DEFLATE {
                return Err(ArchiveError::Unsupported(
                    "only the directory at its end tells the members apart, which cannot be reached \
                     here"
                        .to_owned(),
                ));
            }
            // The packed bytes themselves say where they end.
            let mut unpacked = DeflateDecoder::new(&mut reader);
            reading.part(depth, header.part(), &mut unpacked)?;
            if reading.is_stopped() {
                break;
            }
            signature = signature_behind_sizes(reader)?;
            continue;
        }
        let mut packed = (&mut reader).take(header.packed_size);
        if is_encrypted {
            passed_over.encrypted += 1;
        } else if let Some(mut unpacked) = decoder(header.method, &mut packed) {
            if let Err(error) = reading.part(depth, header.part(), &mut *unpacked) {
                passed_over.damaged.get_or_insert(error);
            }
        } else {
            passed_over.unknown(header.method);
        }
        if reading.is_stopped() {
            break;
        }
        io::copy(&mut packed, &mut io::sink())?;
        if packed.limit() > 0 {
            return Err(ArchiveError::Malformed("it ends in the middle of a member"));
        }
        reader.read_exact(&mut signature)?;
    }
    if !reading.is_stopped() && !matches!(signature, LOCAL_HEADER | DIRECTORY | END) {
        return Err(ArchiveError::Malformed("what follows a member is none"));
    }
    passed_over.into_result()
}

fn decoder<'i>(method: u16, packed: &'i mut dyn BufRead) -> Option<Box<dyn Read + 'i>> {
    Some(match method {
        method::STORED => Box::new(packed),
        method::DEFLATE => Box::new(DeflateDecoder::new(packed)),
        method::BZIP2 => Box::new(MultiBzDecoder::new(packed)),
        method::ZSTD => Compression::Zstd.decoder(packed),
        method::XZ => Compression::Xz.decoder(packed),
        _ => return None,
    })
}

/// What stands before a member (APPNOTE 4.3.7).
struct LocalHeader {
    flags: u16,
    method: u16,
    packed_size: u64,
    name: Vec<u8>,
}

impl LocalHeader {
    /// Its length without signature, name and extra fields.
    const LENGTH: usize = 26;

    fn read(reader: &mut impl Read) -> io::Result<Self> {
        let mut signature = [0; 4];
        reader.read_exact(&mut signature)?;
        if signature != LOCAL_HEADER {
            return Err(io::Error::other(
                "the directory points at what is no member",
            ));
        }
        Self::read_behind_signature(reader)
    }

    fn read_behind_signature(reader: &mut (impl Read + ?Sized)) -> io::Result<Self> {
        let mut fixed = [0; Self::LENGTH];
        reader.read_exact(&mut fixed)?;
        let short = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let long = |at: usize| u64::from(short(at)) | u64::from(short(at + 2)) << 16;
        let mut name = vec![0; short(22).into()];
        reader.read_exact(&mut name)?;
        let mut extra = vec![0; short(24).into()];
        reader.read_exact(&mut extra)?;
        let packed_size = match long(14) {
            0xFFFF_FFFF => packed_size_of(&extra).unwrap_or(0xFFFF_FFFF),
            size => size,
        };
        Ok(Self {
            flags: short(2),
            method: short(4),
            packed_size,
            name,
        })
    }

    fn part(&self) -> Part<'_> {
        Part::Member {
            name: &self.name,
            stored_at: None,
        }
    }
}

/// The packed size in the extra field of large members, behind the other size (APPNOTE 4.5.3).
fn packed_size_of(mut extra: &[u8]) -> Option<u64> {
    loop {
        let (head, rest) = extra.split_at_checked(4)?;
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let field = rest.get(..length)?;
        if head[..2] == [1, 0] {
            return Some(u64::from_le_bytes(field.get(8..16)?.try_into().ok()?));
        }
        extra = &rest[length..];
    }
}

/// The signature behind the sizes that follow a member, whose own signature and width are optional.
fn signature_behind_sizes(reader: &mut dyn BufRead) -> Result<[u8; 4], ArchiveError> {
    /// Signature, checksum and two sizes of eight bytes.
    const LONGEST: usize = 24;
    let mut last = [0; 4];
    reader.read_exact(&mut last)?;
    for _ in 0..=LONGEST {
        if matches!(last, LOCAL_HEADER | DIRECTORY | END) {
            return Ok(last);
        }
        last.rotate_left(1);
        reader.read_exact(&mut last[3..])?;
    }
    Err(ArchiveError::Malformed("what follows a member is none"))
}
