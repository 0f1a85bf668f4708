//! The header of an object in a pack: its kind, its size, and what it is a delta of.

use gix_hash::{Kind as Format, oid};
use gix_object::Kind;

/// The bytes of a pack before its first object.
pub(super) const PACK_HEADER: u64 = 12;

/// The header of an object in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'p> {
    pub(super) form: Form<'p>,
    /// Bytes of what is deflated: the object, or the delta.
    pub(super) size: u64,
    /// Where in the pack that begins.
    pub(super) data: u64,
}

/// What an object in a pack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'p> {
    /// An object of its own.
    Whole(Kind),
    /// A delta of what begins at an offset; `None` where that would lie before all objects.
    OffsetDelta(Option<u64>),
    /// A delta of the object of an id.
    IdDelta(&'p oid),
}

impl<'p> Entry<'p> {
    /// Reads the header at the start of `bytes`, which lie at `offset` in a pack of objects that `format`
    /// names. `None` where it is cut off or not valid.
    pub(super) fn read(bytes: &'p [u8], offset: u64, format: Format) -> Option<Self> {
        let (first, mut rest) = bytes.split_first()?;
        let mut size = u64::from(first & 0x0F);
        let mut byte = *first;
        let mut shift = 4;
        while byte & 0x80 != 0 {
            byte = next(&mut rest)?;
            let scale = 1_u64.checked_shl(shift)?;
            size |= u64::from(byte & 0x7F).checked_mul(scale)?;
            shift += 7;
        }
        let form = match first >> 4 & 7 {
            1 => Form::Whole(Kind::Commit),
            2 => Form::Whole(Kind::Tree),
            3 => Form::Whole(Kind::Blob),
            4 => Form::Whole(Kind::Tag),
            6 => {
                let distance = distance(&mut rest)?;
                let base = offset.checked_sub(distance).filter(|_| distance > 0);
                Form::OffsetDelta(base.filter(|base| *base >= PACK_HEADER))
            }
            7 => {
                let (id, tail) = rest.split_at_checked(format.len_in_bytes())?;
                rest = tail;
                Form::IdDelta(oid::try_from_bytes(id).ok()?)
            }
            _ => return None,
        };
        let data = offset + (bytes.len() - rest.len()) as u64;
        Some(Self { form, size, data })
    }
}

/// How far before a delta its base begins: seven bits a byte, the greatest first, each byte that goes on
/// standing for one more.
fn distance(rest: &mut &[u8]) -> Option<u64> {
    let mut byte = next(rest)?;
    let mut value = u64::from(byte & 0x7F);
    while byte & 0x80 != 0 {
        byte = next(rest)?;
        value = value.checked_add(1)?.checked_mul(1 << 7)? | u64::from(byte & 0x7F);
    }
    Some(value)
}

fn next(rest: &mut &[u8]) -> Option<u8> {
    let (byte, tail) = rest.split_first()?;
    *rest = tail;
    Some(*byte)
}

#[cfg(test)]
mod tests {
    use gix_pack::data;
    use gix_pack::data::entry::Header;
    use proptest::prelude::*;

    use super::*;

    /// A number of seven bits a byte that no reader takes for too long.
    fn number() -> impl Strategy<Value = Vec<u8>> {
        (prop::collection::vec(0x80_u8.., 0..8), 0_u8..0x80)
            .prop_map(|(more, last)| [more, vec![last]].concat())
    }

    /// A header with what comes behind it.
    fn header() -> impl Strategy<Value = Vec<u8>> {
        let rest = prop::collection::vec(any::<u8>(), 20..32);
        (any::<u8>(), number(), number(), rest).prop_map(|(first, size, distance, rest)| {
            let size = if first & 0x80 == 0 { vec![] } else { size };
            [vec![first], size, distance, rest].concat()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn a_header_says_what_others_read_in_it(
            bytes in header(),
            cut in any::<prop::sample::Index>(),
            offset in 12_u64..1 << 40,
        ) {
            for bytes in [&bytes, &bytes[..cut.index(bytes.len())]] {
                let expected = data::Entry::from_bytes(bytes, offset, Format::Sha1).ok();
                let expected = expected.as_ref().map(|entry| Entry {
                    form: match &entry.header {
                        Header::OfsDelta { base_distance } => {
                            Form::OffsetDelta(entry.checked_base_pack_offset(*base_distance))
                        }
                        Header::RefDelta { base_id } => Form::IdDelta(base_id),
                        whole => Form::Whole(whole.as_kind().unwrap()),
                    },
                    size: entry.decompressed_size,
                    data: entry.data_offset,
                });
                prop_assert_eq!(Entry::read(bytes, offset, Format::Sha1), expected);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        fn read(bytes: &[u8]) -> Option<Entry<'_>> {
            Entry::read(bytes, 100, Format::Sha1)
        }
        let ones = |count: usize, last: u8| {
            let bytes = [&[0xBF][..], &vec![0xFF; count], &[last]].concat();
            read(&bytes).map(|entry| entry.size)
        };
        assert_eq!(ones(7, 0x7F), Some((1 << 60) - 1));
        assert_eq!(ones(8, 0x0F), Some(u64::MAX));
        assert_eq!((ones(8, 0x10), ones(9, 1)), (None, None));
        let base = |bytes: &[u8]| read(bytes).map(|entry| entry.form == Form::OffsetDelta(None));
        assert_eq!(base(&[0x63, 88]), Some(false));
        assert_eq!(base(&[0x63, 89]), Some(true));
        assert_eq!(base(&[0x63, 0]), Some(true));
        assert_eq!(base(&[&[0x63][..], &[0xFF; 9], &[0]].concat()), None);
        assert_eq!(
            (read(&[0x73, 1, 2]), read(&[0x53]), read(&[])),
            (None, None, None)
        );
    }
}
