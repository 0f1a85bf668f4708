//! Files that are one compressed stream: gzip, bzip2, xz, zstd.

use std::io::{self, BufRead, Read};

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The most memory that a stream may ask for, which is what `zstd --long` takes; `xz -9` takes half.
const MAX_MEMORY: u64 = 128 << 20;

/// A way to compress a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Bzip2,
    Xz,
    Zstd,
}

impl Compression {
    /// The compression of a stream that begins so.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        match text {
            [0x1F, 0x8B, 0x08, ..] => Some(Self::Gzip),
            // A block begins with the digits of pi, the end of an empty stream with those of its root.
            [b'B', b'Z', b'h', b'1'..=b'9', magic @ ..]
                if magic.starts_with(b"1AY&SY")
                    || magic.starts_with(b"\x17\x72\x45\x38\x50\x90") =>
            {
                Some(Self::Bzip2)
            }
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            // A stream may begin with a frame that holds nothing.
            [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }

    /// Decompresses `reader`, with all streams that follow each other in it.
    pub(super) fn decoder<'i>(self, reader: &'i mut dyn BufRead) -> Box<dyn Read + 'i> {
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(reader)),
            Self::Bzip2 => Box::new(MultiBzDecoder::new(reader)),
            Self::Xz => {
                let kilobytes = u32::try_from(MAX_MEMORY >> 10).unwrap_or(u32::MAX);
                Box::new(XzReader::new_mem_limit(reader, true, kilobytes))
            }
            Self::Zstd => Box::new(Frames::new(reader)),
        }
    }
}

/// The frames of a zstd stream, one after the other.
struct Frames<'i> {
    reader: &'i mut dyn BufRead,
    decoder: FrameDecoder,
    is_open: bool,
}

impl<'i> Frames<'i> {
    fn new(reader: &'i mut dyn BufRead) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_MEMORY);
        Self {
            reader,
            decoder,
            is_open: false,
        }
    }

    /// Opens the next frame that holds something; says whether there is one.
    fn open(&mut self) -> io::Result<bool> {
        while !self.is_open {
            if self.reader.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.reader) {
                Ok(()) => self.is_open = true,
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.reader).take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error @ FrameDecoderError::WindowSizeTooBig { .. }) => {
                    return Err(io::Error::new(io::ErrorKind::OutOfMemory, error));
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(true)
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() && self.open()? {
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.reader, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.is_open = false;
        }
        Ok(0)
    }
}
