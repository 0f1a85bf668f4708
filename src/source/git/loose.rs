//! Loose objects: one deflated file each, below a folder of two hexadecimal digits.

use std::path::{Path, PathBuf};

use gix_hash::oid;

use super::files::{ReadError, read};
use super::objects::{Decoder, MAX_OBJECT, ObjectError};
use super::pack::{Decoded, check_size};

/// The most bytes of `kind size\0`.
const MAX_HEADER: usize = 64;

/// The file of an object below an object folder.
pub(super) fn path(folder: &Path, id: &oid) -> PathBuf {
    let hex = id.to_hex().to_string();
    folder.join(&hex[..2]).join(&hex[2..])
}

/// Decodes an object into `decoder.object`, `None` where there is no such file.
pub(super) fn find(
    folder: &Path,
    id: &oid,
    decoder: &mut Decoder,
) -> Result<Option<Decoded>, ObjectError> {
    // Deflate makes nothing longer by more than a few bytes in sixteen thousand.
    let limit = MAX_OBJECT + MAX_OBJECT / 1000 + 1024;
    let bytes = match read(&path(folder, id), limit) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(ReadError::TooLong(size)) => return Err(ObjectError::TooBig { size }),
        Err(ReadError::Special) => return Err(ObjectError::Corrupt("it is no regular file")),
        Err(ReadError::Io(error)) => return Err(ObjectError::Io(error)),
    };
    let broken = || ObjectError::Corrupt("it does not inflate");
    let mut head = [0; MAX_HEADER];
    decoder.inflate.reset();
    let (_, _, written) = decoder
        .inflate
        .prefix(&bytes, &mut head)
        .map_err(|_| broken())?;
    let (kind, size, start) = gix_object::decode::loose_header(&head[..written])
        .map_err(|_| ObjectError::Corrupt("its header is not valid"))?;
    let end = start + check_size(size)?;
    decoder.inflate.reset();
    let (status, _, written) = decoder
        .inflate
        .once(&bytes, decoder.object.renew(end, 0))
        .map_err(|_| broken())?;
    if status != gix_zlib::Status::StreamEnd || written != end {
        return Err(ObjectError::Corrupt(
            "it is cut off, or longer than it says",
        ));
    }
    decoder.object.remove_first(start);
    Ok(Some(kind))
}
