//! Makes archives for tests, sound and hostile ones.

use std::io::Write as _;

/// One member of a zip archive, of which every detail can be wrong.
pub(crate) struct ZipMember<'m> {
    pub(crate) name: &'m str,
    pub(crate) text: &'m [u8],
    pub(crate) method: u16,
    pub(crate) flags: u16,
}

pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATE: u16 = 8;
pub(crate) const ENCRYPTED: u16 = 1;
pub(crate) const SIZES_FOLLOW: u16 = 8;

/// A zip archive with its directory.
pub(crate) fn zip_of(members: &[ZipMember<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    let mut directory = Vec::new();
    for member in members {
        let packed = match member.method {
            DEFLATE => deflated(member.text),
            _ => member.text.to_vec(),
        };
        let follow = member.flags & SIZES_FOLLOW != 0;
        let sizes = |real: bool| {
            let sizes = [
                0xDEAD_BEEF,
                u32::try_from(packed.len()).unwrap(),
                u32::try_from(member.text.len()).unwrap(),
            ];
            sizes.map(|size: u32| if real { size } else { 0 })
        };
        let common = |out: &mut Vec<u8>, real| {
            out.extend(20u16.to_le_bytes());
            out.extend(member.flags.to_le_bytes());
            out.extend(member.method.to_le_bytes());
            out.extend([0; 4]);
            out.extend(sizes(real).map(u32::to_le_bytes).concat());
            out.extend(u16::try_from(member.name.len()).unwrap().to_le_bytes());
            out.extend([0; 2]);
        };
        let header = u32::try_from(archive.len()).unwrap();
        archive.extend(b"PK\x03\x04");
        common(&mut archive, !follow);
        archive.extend(member.name.as_bytes());
        archive.extend(&packed);
        if follow {
            archive.extend(b"PK\x07\x08");
            archive.extend(sizes(true).map(u32::to_le_bytes).concat());
        }
        directory.extend(b"PK\x01\x02\x14\x00");
        common(&mut directory, true);
        directory.extend([0; 10]);
        directory.extend(header.to_le_bytes());
        directory.extend(member.name.as_bytes());
    }
    let start = u32::try_from(archive.len()).unwrap();
    let count = u16::try_from(members.len()).unwrap();
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([count, count].map(u16::to_le_bytes).concat());
    archive.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0; 2]);
    archive
}

/// A zip archive of one member.
pub(crate) fn zip(name: &str, text: &[u8], method: u16) -> Vec<u8> {
    zip_of(&[ZipMember {
        name,
        text,
        method,
        flags: 0,
    }])
}

pub(crate) fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *text).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(crate) fn tar(name: &str, text: &[u8]) -> Vec<u8> {
    tar_of(&[(name, text)])
}

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn bzip2(text: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn xz(text: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(text: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    compress_to_vec(text, CompressionLevel::Fastest)
}
