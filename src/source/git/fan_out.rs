//! Finds sorted numbers by their first bits, as the fan-out of a pack's index does, and many times as
//! fine.

use std::cmp::Ordering;

/// Where the numbers begin that have the same first bits.
///
/// Ids are hashes and evenly spread, and objects lie one behind the other, so that the first bits of
/// an id or an offset lead to a few neighbours. Where they do not, what is left is bisected, as without.
pub(super) struct FanOut {
    /// The bits that are not first ones.
    shift: u32,
    /// The place of the first number that is not below each value of the first bits, and the end.
    starts: Vec<u32>,
}

impl FanOut {
    /// Goes through numbers in ascending order, none of them above `most`. Where they are even, `share`
    /// to twice as many have an entry.
    pub(super) fn new(
        numbers: impl ExactSizeIterator<Item = u64>,
        most: u64,
        share: usize,
    ) -> Self {
        let count = numbers.len();
        let bits = (count / share).max(2).ilog2();
        let shift = (u64::BITS - most.leading_zeros()).saturating_sub(bits);
        let entries = at(most >> shift) + 2;
        let mut starts = Vec::with_capacity(entries);
        for (place, number) in (0..).zip(numbers) {
            while starts.len() <= at(number >> shift) {
                starts.push(place);
            }
        }
        starts.resize(entries, place(count));
        Self { shift, starts }
    }

    /// The place of the first number that may be this one.
    pub(super) fn first(&self, number: u64) -> Option<u32> {
        self.starts.get(at(number >> self.shift)).copied()
    }

    /// The place of a number, of which `compare` says how what stands at a place compares with it.
    pub(super) fn find(&self, number: u64, compare: impl Fn(u32) -> Ordering) -> Option<u32> {
        let first = at(number >> self.shift);
        let (mut low, mut high) = (*self.starts.get(first)?, *self.starts.get(first + 1)?);
        while low < high {
            let middle = u32::midpoint(low, high);
            match compare(middle) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => high = middle,
            }
        }
        None
    }
}

fn at(bits: u64) -> usize {
    usize::try_from(bits).expect("there are no more first bits than numbers")
}

fn place(count: usize) -> u32 {
    u32::try_from(count).expect("a pack counts its objects in 32 bits")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use gix_hash::ObjectId;
    use proptest::prelude::*;

    use super::*;
    use crate::source::git::numbering::prefix;

    fn fan_out(ids: &[ObjectId]) -> FanOut {
        FanOut::new(ids.iter().map(|id| prefix(id)), u64::MAX, 4)
    }

    fn lookup(fan_out: &FanOut, ids: &[ObjectId], id: &ObjectId) -> Option<usize> {
        let found = fan_out.find(prefix(id), |at| ids[at as usize].cmp(id))?;
        Some(found as usize)
    }

    fn id(bytes: [u8; 20]) -> ObjectId {
        ObjectId::try_from(&bytes[..]).unwrap()
    }

    /// Ids as hashes are, and ids that differ late, in few bits, or not in what a prefix has.
    fn ids() -> impl Strategy<Value = Vec<ObjectId>> {
        let even = any::<[u8; 20]>();
        let clustered = (
            0_u8..3,
            prop::sample::select(vec![0, 1, 2, 7, 8, 19]),
            any::<u8>(),
        )
            .prop_map(|(fill, at, byte)| {
                let mut bytes = [fill.wrapping_sub(1); 20];
                bytes[at] = byte;
                bytes
            });
        let any_id = prop_oneof![even, clustered].prop_map(id);
        prop::collection::btree_set(any_id, 0..3000).prop_map(|ids| ids.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn every_id_is_found_and_no_other(ids in ids(), absent in ids()) {
            let fan_out = fan_out(&ids);
            for wanted in ids.iter().chain(&absent) {
                prop_assert_eq!(lookup(&fan_out, &ids, wanted), ids.binary_search(wanted).ok());
            }
        }

        #[test]
        fn every_offset_is_found_and_no_other(
            gaps in prop::collection::vec(prop_oneof![1_u64..40, 1_u64..1 << 40], 0..1000),
            absent in prop::collection::vec(any::<u64>(), 0..100),
        ) {
            let ends = gaps.iter().scan(11, |end, gap| {
                *end += gap;
                Some(*end)
            });
            let offsets: Vec<u64> = ends.collect();
            let most = offsets.last().copied().unwrap_or_default();
            let fan_out = FanOut::new(offsets.iter().copied(), most, 1);
            let near = offsets.iter().flat_map(|offset| [offset - 1, *offset, offset + 1]);
            for wanted in near.chain(absent) {
                let found = fan_out.find(wanted, |at| offsets[at as usize].cmp(&wanted));
                let expected = offsets.binary_search(&wanted).ok();
                prop_assert_eq!(found.map(|at| at as usize), expected);
            }
        }

        #[test]
        fn ids_in_disorder_are_no_panic(ids in prop::collection::vec(any::<[u8; 20]>(), 0..600)) {
            let ids: Vec<ObjectId> = ids.into_iter().map(id).collect();
            let fan_out = fan_out(&ids);
            for (at, id) in ids.iter().enumerate() {
                let found = lookup(&fan_out, &ids, id);
                prop_assert!(found.is_none_or(|found| found == at));
            }
        }
    }

    #[test]
    fn ids_that_are_not_even_take_no_more_steps_than_bisection() {
        let ids: Vec<ObjectId> = (0..1_u32 << 16)
            .map(|at| {
                let mut bytes = [0; 20];
                bytes[..4].copy_from_slice(&at.to_be_bytes());
                id(bytes)
            })
            .collect();
        let fan_out = fan_out(&ids);
        for (at, id) in (0..).zip(&ids) {
            let steps = Cell::new(0);
            let found = fan_out.find(prefix(id), |at| {
                steps.set(steps.get() + 1);
                ids[at as usize].cmp(id)
            });
            assert_eq!(found, Some(at));
            assert!(steps.get() <= 17, "{}", steps.get());
        }
    }
}
