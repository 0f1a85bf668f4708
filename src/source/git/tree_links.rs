//! What trees name, taken over from the trees that they are made of.
//!
//! Most trees are deltas of others, from which they differ in an entry or two. An entry says where it
//! ends by its own bytes alone: where one begins in a copy as one does in the base, all that lie wholly
//! in the copy are those of the base.

use std::ops::Range;

use gix_hash::Kind as Format;
use gix_object::TreeRefIter;
use gix_object::tree::EntryRef;

use super::pass::Base;
use crate::model::Copied;

/// The objects that count of those that a tree names, by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TreeLinks {
    /// Where each entry ends, as far as the tree can be read. The next one begins there.
    ends: Vec<u32>,
    /// In the order of the entries.
    links: Vec<Link>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    /// Where the entry ends.
    end: u32,
    object: u32,
}

impl TreeLinks {
    /// Reads a tree. `link` gives a number for what an entry names, if it counts; it is asked of what is not taken
    /// over alone.
    pub(super) fn read(
        bytes: &[u8],
        format: Format,
        base: Option<Base<'_, Self>>,
        mut link: impl FnMut(&EntryRef<'_>) -> Option<u32>,
    ) -> Self {
        let (known, mut copies) = match base {
            Some(base) => (base.trace, base.copies),
            None => (&Self::default(), &[][..]),
        };
        // Mostly as many entries as the base has, or one or two more.
        let mut tree = Self {
            ends: Vec::with_capacity(known.ends.len() + 4),
            links: Vec::with_capacity(known.links.len() + 4),
        };
        let mut at = 0;
        loop {
            at += tree.take_over(known, next_copy(&mut copies, at), at);
            let rest = &bytes[at..];
            let mut entries = TreeRefIter::from_bytes(rest, format);
            let Some(Ok(entry)) = entries.next() else {
                return tree;
            };
            at += entries.offset_to_next_entry(rest);
            tree.ends.push(short(at));
            tree.links.extend(link(&entry).map(|object| Link {
                end: short(at),
                object,
            }));
        }
    }

    /// The numbers of what it names.
    pub(super) fn objects(&self) -> impl Iterator<Item = u32> {
        self.links.iter().map(|link| link.object)
    }

    /// Appends the entries of `base` that lie wholly in `copied`, of which the first is to begin at `to`,
    /// and gives their length. None where none begins there.
    fn take_over(&mut self, base: &Self, copied: Range<usize>, to: usize) -> usize {
        let from = short(copied.start);
        let first = match base.ends.binary_search(&from) {
            Ok(before) => before + 1,
            Err(_) if from == 0 => 0,
            Err(_) => return 0,
        };
        let whole = &base.ends[first..];
        let whole = &whole[..whole.partition_point(|end| *end as usize <= copied.end)];
        let Some(last) = whole.last() else {
            return 0;
        };
        let to = short(to);
        self.ends.extend(whole.iter().map(|end| end - from + to));
        let links = &base.links[base.links.partition_point(|link| link.end <= from)..];
        let links = &links[..links.partition_point(|link| link.end <= *last)];
        self.links.extend(links.iter().map(|link| Link {
            end: link.end - from + to,
            ..*link
        }));
        (last - from) as usize
    }
}

/// What of the base stands at `at` and behind it, as far as it is one copy; copies that end before are
/// dropped.
fn next_copy(copies: &mut &[Copied], at: usize) -> Range<usize> {
    while let Some((copy, rest)) = copies.split_first() {
        if copy.to + copy.length > at {
            let begun = at.checked_sub(copy.to);
            return begun.map_or(0..0, |begun| copy.from + begun..copy.from + copy.length);
        }
        *copies = rest;
    }
    0..0
}

/// A place in a tree.
fn short(at: usize) -> u32 {
    u32::try_from(at).expect("bigger objects are not read")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    /// Trees and names with an `x` count.
    fn link(entry: &EntryRef<'_>) -> Option<u32> {
        let counts = entry.mode.is_tree() || entry.filename.contains(&b'x');
        counts.then(|| entry.oid.as_bytes()[0].into())
    }

    fn entry() -> impl Strategy<Value = Vec<u8>> {
        let mode = prop::sample::select(vec!["40000", "100644", "120000", "160000", "0"]);
        let id = any::<[u8; 20]>();
        (mode, "[a-x]{1,3}", id).prop_map(|(mode, name, id)| {
            let head = format!("{mode} {name}\0");
            [head.as_bytes(), &id].concat()
        })
    }

    /// Entries, and now and then bytes that are none.
    fn tree() -> impl Strategy<Value = Vec<u8>> {
        let junk = prop::collection::vec(prop_oneof![Just(0), Just(b' '), any::<u8>()], 0..9);
        let part = prop_oneof![20 => entry(), 1 => junk];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    /// Places where entries begin and any others, by the number of the entry or byte.
    fn place(base: &[u8], plain: &TreeLinks, at: Index, is_even: bool) -> usize {
        let ends = &plain.ends;
        match at.index(ends.len() + 1) {
            _ if !is_even => at.index(base.len() + 1),
            0 => 0,
            number => ends[number - 1] as usize,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn what_is_taken_over_is_what_would_be_read(
            base in tree(),
            deltas in prop::collection::vec(
                prop::collection::vec(
                    (any::<Index>(), any::<Index>(), any::<[bool; 2]>(), prop_oneof![Just(Vec::new()), tree()]),
                    0..5,
                ),
                1..4,
            ),
        ) {
            let plain = |bytes: &[u8]| TreeLinks::read(bytes, Format::Sha1, None, link);
            let mut base = base;
            let mut known = plain(&base);
            for steps in deltas {
                let mut parts = Vec::new();
                let mut copies = Vec::new();
                for (from, end, is_even, inserted) in steps {
                    let from = place(&base, &known, from, is_even[0]);
                    let end = place(&base, &known, end, is_even[1]);
                    if from < end {
                        copies.push(Copied { from, to: parts.len(), length: end - from });
                        parts.extend(&base[from..end]);
                    }
                    parts.extend(inserted);
                }
                let made = Base { trace: &known, copies: &copies };
                let taken = TreeLinks::read(&parts, Format::Sha1, Some(made), link);
                prop_assert_eq!(&taken, &plain(&parts));
                (base, known) = (parts, taken);
            }
        }
    }

    #[test]
    fn of_a_copy_nothing_is_asked_again() {
        let entries = ["40000 a\0", "40000 b\0", "40000 c\0"].map(|head| {
            let mut entry = head.as_bytes().to_vec();
            entry.extend([head.as_bytes()[6]; 20]);
            entry
        });
        let base = entries.concat();
        let known = TreeLinks::read(&base, Format::Sha1, None, link);
        let length = entries[0].len();
        // The last byte of the first entry, and all of the two others.
        let bytes = [&entries[2][..length - 1], &base[length - 1..]].concat();
        let copies = [Copied {
            from: length - 1,
            to: length - 1,
            length: 2 * length + 1,
        }];
        let asked = std::cell::Cell::new(0);
        let made = Base {
            trace: &known,
            copies: &copies,
        };
        let taken = TreeLinks::read(&bytes, Format::Sha1, Some(made), |entry| {
            asked.set(asked.get() + 1);
            link(entry)
        });
        assert_eq!(taken.objects().collect::<Vec<_>>(), b"cbc".map(u32::from));
        assert_eq!(asked.get(), 1);
    }
}
