//! Deltas of packs: applies one to its base and says which bytes of the result are copies from it.

use std::ops::Range;

use super::buffer::Buffer;
use crate::model::Copied;

/// Why a delta cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DeltaError {
    /// It ends in the middle of an instruction.
    #[error("its delta is cut off")]
    Truncated,
    /// It copies from beyond the base, or uses the reserved instruction.
    #[error("its delta is not valid")]
    Invalid,
    /// It was made for a base of another size, or makes a result of another size than it says.
    #[error("its delta does not fit")]
    Size,
}

/// A delta before it is applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delta<'d> {
    base_size: u64,
    result_size: u64,
    instructions: &'d [u8],
}

impl<'d> Delta<'d> {
    /// Reads the sizes at the start of `bytes`.
    pub(super) fn read(bytes: &'d [u8]) -> Result<Self, DeltaError> {
        let (base_size, rest) = size(bytes)?;
        let (result_size, instructions) = size(rest)?;
        Ok(Self {
            base_size,
            result_size,
            instructions,
        })
    }

    /// Bytes of the result.
    pub(super) const fn result_size(&self) -> u64 {
        self.result_size
    }

    /// Puts the result in place of what `result` holds, and what it has from the base in place of what
    /// `copies` holds, in the order of the result. Neighbours that were so in the base are one copy.
    pub(super) fn apply(
        &self,
        base: &[u8],
        result: &mut Buffer,
        copies: &mut Vec<Copied>,
    ) -> Result<(), DeltaError> {
        if self.base_size != base.len() as u64 {
            return Err(DeltaError::Size);
        }
        let size = usize::try_from(self.result_size).map_err(|_| DeltaError::Size)?;
        let result = result.renew(size, 0);
        copies.clear();
        let mut at = 0;
        let mut rest = self.instructions;
        while let Some((command, tail)) = rest.split_first() {
            rest = tail;
            let bytes = if command & 0x80 != 0 {
                let (from, length) = copy(*command, &mut rest)?;
                match copies.last_mut() {
                    Some(last)
                        if last.from + last.length == from && last.to + last.length == at =>
                    {
                        last.length += length;
                    }
                    _ => copies.push(Copied {
                        from,
                        to: at,
                        length,
                    }),
                }
                base.get(from..from + length).ok_or(DeltaError::Invalid)?
            } else if *command != 0 {
                let (bytes, tail) = rest
                    .split_at_checked(usize::from(*command))
                    .ok_or(DeltaError::Truncated)?;
                rest = tail;
                bytes
            } else {
                return Err(DeltaError::Invalid);
            };
            let part = result.get_mut(at..at + bytes.len());
            part.ok_or(DeltaError::Size)?.copy_from_slice(bytes);
            at += bytes.len();
        }
        if at == size {
            Ok(())
        } else {
            Err(DeltaError::Size)
        }
    }
}

/// The offset and length of a copy, of which `command` says what bytes follow.
fn copy(command: u8, rest: &mut &[u8]) -> Result<(usize, usize), DeltaError> {
    let mut field = |bits: Range<u32>| -> Result<usize, DeltaError> {
        let mut value = 0;
        for (place, bit) in bits.enumerate() {
            if command & (1 << bit) != 0 {
                let (byte, tail) = rest.split_first().ok_or(DeltaError::Truncated)?;
                value |= usize::from(*byte) << (8 * place);
                *rest = tail;
            }
        }
        Ok(value)
    };
    let from = field(0..4)?;
    let length = match field(4..7)? {
        0 => 0x1_0000,
        length => length,
    };
    Ok((from, length))
}

/// A size of seven bits a byte, the least first.
fn size(bytes: &[u8]) -> Result<(u64, &[u8]), DeltaError> {
    let mut value = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(byte & 0x7F);
        let shift = 7 * place;
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok((value, &bytes[place + 1..]));
        }
    }
    Err(DeltaError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Applied = Result<(Vec<u8>, Vec<(usize, usize, usize)>), DeltaError>;

    fn apply(base: &[u8], delta: &[u8]) -> Applied {
        let mut result = Buffer::default();
        result.renew(9, 0).copy_from_slice(b"left over");
        let mut copies = vec![Copied {
            from: 9,
            to: 9,
            length: 9,
        }];
        Delta::read(delta)?.apply(base, &mut result, &mut copies)?;
        let copies = copies.iter();
        let copies = copies.map(|copy| (copy.from, copy.to, copy.length));
        Ok((result.to_vec(), copies.collect()))
    }

    #[test]
    fn copies_and_insertions_make_the_result() {
        // Copy 2 from 1, insert "xy", copy 3 from 4.
        let delta = [8, 7, 0x91, 1, 2, 2, b'x', b'y', 0x91, 4, 3];
        let (result, copies) = apply(b"abcdefgh", &delta).unwrap();
        assert_eq!(result, b"bcxyefg");
        assert_eq!(copies, [(1, 0, 2), (4, 4, 3)]);
    }

    #[test]
    fn neighbours_in_the_base_are_one_copy() {
        let (result, copies) = apply(b"abcd", &[4, 4, 0x90, 2, 0x91, 2, 2]).unwrap();
        assert_eq!((result.as_slice(), copies), (&b"abcd"[..], vec![(0, 0, 4)]));
        let (_, copies) = apply(b"abcd", &[4, 4, 0x91, 2, 2, 0x90, 2]).unwrap();
        assert_eq!(copies, [(2, 0, 2), (0, 2, 2)]);
        // What is inserted between parts them.
        let (_, copies) = apply(b"abcd", &[4, 5, 0x90, 2, 1, b'x', 0x91, 2, 2]).unwrap();
        assert_eq!(copies, [(0, 0, 2), (2, 3, 2)]);
    }

    #[test]
    fn a_copy_without_length_is_of_64_kilobytes() {
        let base = vec![7; 0x1_0000];
        let (result, _) = apply(&base, &[0x80, 0x80, 4, 0x80, 0x80, 4, 0x80]).unwrap();
        assert_eq!(result, base);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (delta, error) in [
            (&[5, 1, 0x90, 1][..], DeltaError::Size),
            (&[4, 1, 0x90, 2], DeltaError::Size),
            (&[4, 3, 0x90, 2], DeltaError::Size),
            (&[4, 2, 0x91, 3, 2], DeltaError::Invalid),
            (&[4, 1, 0], DeltaError::Invalid),
            (&[4, 4, 0x91, 1], DeltaError::Truncated),
            (&[4, 4, 4, b'a'], DeltaError::Truncated),
            (&[4], DeltaError::Truncated),
            (&[0xFF; 12], DeltaError::Truncated),
        ] {
            assert_eq!(apply(b"abcd", delta).unwrap_err(), error, "{delta:?}");
        }
    }
}
