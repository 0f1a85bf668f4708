//! A fan-out of the ids of a pack that is many times as fine as the one in its index.

use std::cmp::Ordering;

use gix_hash::oid;

use super::numbering::prefix;

/// The fewest ids that share an entry, where they are even; the most are twice as many. They lie in two
/// or three cache lines.
const SHARED: u32 = 4;

/// The bits that the fan-out of an index has.
const LEAST_BITS: u32 = 8;

/// Where the ids begin that have the same first bits.
///
/// Ids are hashes and evenly spread, so that the first bits of one lead to a few neighbours. Where they
/// are not, what is left is bisected, as without.
pub(super) struct FanOut {
    bits: u32,
    /// The first id that is not below each value of the first bits, and the end.
    starts: Vec<u32>,
}

impl FanOut {
    /// Goes through `count` ids in ascending order.
    pub(super) fn new<'i>(count: u32, listed: impl Fn(u32) -> &'i oid) -> Self {
        let bits = (count / SHARED).max(1).ilog2().max(LEAST_BITS);
        let mut starts = Vec::with_capacity((1 << bits) + 1);
        for at in 0..count {
            while starts.len() <= first_bits(listed(at), bits) {
                starts.push(at);
            }
        }
        starts.resize((1 << bits) + 1, count);
        Self { bits, starts }
    }

    /// The number of an id, if it is one of them.
    pub(super) fn lookup<'i>(&self, id: &oid, listed: impl Fn(u32) -> &'i oid) -> Option<u32> {
        let bits = first_bits(id, self.bits);
        let (mut low, mut high) = (self.starts[bits], self.starts[bits + 1]);
        let wanted = prefix(id);
        while low < high {
            let middle = u32::midpoint(low, high);
            let found = listed(middle);
            match wanted.cmp(&prefix(found)).then_with(|| id.cmp(found)) {
                Ordering::Less => high = middle,
                Ordering::Equal => return Some(middle),
                Ordering::Greater => low = middle + 1,
            }
        }
        None
    }
}

fn first_bits(id: &oid, bits: u32) -> usize {
    usize::try_from(prefix(id) >> (u64::BITS - bits))
        .expect("there are no more bits than in a count")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use gix_hash::ObjectId;
    use proptest::prelude::*;

    use super::*;

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
            let count = u32::try_from(ids.len()).unwrap();
            let listed = |at: u32| &*ids[at as usize];
            let fan = FanOut::new(count, listed);
            for wanted in ids.iter().chain(&absent) {
                let at = ids.binary_search(wanted).ok().map(|at| u32::try_from(at).unwrap());
                prop_assert_eq!(fan.lookup(wanted, listed), at);
            }
        }

        #[test]
        fn ids_in_disorder_are_no_panic(ids in prop::collection::vec(any::<[u8; 20]>(), 0..600)) {
            let ids: Vec<ObjectId> = ids.into_iter().map(id).collect();
            let listed = |at: u32| &*ids[at as usize];
            let fan = FanOut::new(u32::try_from(ids.len()).unwrap(), listed);
            for (at, id) in (0..).zip(&ids) {
                prop_assert!(fan.lookup(id, listed).is_none_or(|found| found == at));
            }
        }
    }

    #[test]
    fn ids_that_are_not_even_take_no_more_steps_than_bisection() {
        let count = 1 << 16;
        let ids: Vec<ObjectId> = (0..count)
            .map(|at: u32| {
                let mut bytes = [0; 20];
                bytes[..4].copy_from_slice(&at.to_be_bytes());
                id(bytes)
            })
            .collect();
        let asked = Cell::new(0);
        let listed = |at: u32| {
            asked.set(asked.get() + 1);
            &*ids[at as usize]
        };
        let fan = FanOut::new(count, listed);
        for (at, id) in (0..).zip(&ids) {
            asked.set(0);
            assert_eq!(fan.lookup(id, listed), Some(at));
            assert!(asked.get() <= 17, "{}", asked.get());
        }
    }
}
