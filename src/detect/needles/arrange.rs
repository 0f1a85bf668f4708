//! Which needles share a bucket of a filter.
//!
//! The filter of a group knows of each of its buckets which nibbles its needles have at each of the first
//! places, and lets through every text that has any combination of these. What it lets through has to be
//! compared, which is most of the time of the search. So needles are swapped between buckets as long as less
//! text is expected to come through.

use super::BUCKETS;

/// The first bytes of a needle that the filter looks at.
const PLACES: usize = 4;

/// How often a byte stands in a text, of ten thousand: source code, roughly.
const fn weight(byte: u8) -> u16 {
    match byte {
        b' ' => 1500,
        b'e' => 700,
        b't' | b'a' | b'r' | b'n' | b'i' | b'o' | b's' => 450,
        b'l' | b'c' | b'd' | b'u' | b'p' | b'm' | b'f' => 250,
        b'a'..=b'z' => 100,
        b'\n' => 300,
        b'_' | b'.' | b',' | b'(' | b')' | b'"' | b'=' | b'-' | b'/' | b':' => 120,
        b'A'..=b'Z' | b'0'..=b'9' => 40,
        0x80.. | 1..=0x1F | 0x7F => 4,
        _ => 30,
    }
}

/// Sums of them by nibbles: of bytes with this high nibble and one of these eight low ones, of the lower half or the
/// upper one, which are bits.
static SUMS: [[[u16; 256]; 2]; 16] = {
    let mut sums = [[[0; 256]; 2]; 16];
    let mut byte = 0_u8;
    loop {
        let half = &mut sums[(byte >> 4) as usize][((byte >> 3) & 1) as usize];
        let mut low = 0;
        while low < half.len() {
            if low & (1 << (byte & 7)) != 0 {
                half[low] += weight(byte);
            }
            low += 1;
        }
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    sums
};

/// How much text the bucket of these needles lets through, in no unit.
fn passed(bucket: &[usize], needles: &[&[u8]], places: usize) -> f64 {
    let at = |place: usize| {
        let (mut high, mut low) = (0_u16, 0_u16);
        for byte in bucket.iter().map(|number| needles[*number][place]) {
            high |= 1 << (byte >> 4);
            low |= 1 << (byte & 15);
        }
        let [lower, upper] = low.to_le_bytes().map(usize::from);
        let rows = bits(high).map(|row| &SUMS[row]);
        let sum: u32 = rows
            .map(|[left, right]| u32::from(left[lower]) + u32::from(right[upper]))
            .sum();
        f64::from(sum) / 10_000.0
    };
    (0..places).map(at).product()
}

/// The numbers of the bits that are set.
fn bits(mut set: u16) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(bit)
    })
}

/// Groups of `size` needles each, in the order in which the searcher puts them into buckets: one after the
/// other.
pub(super) fn arranged(numbers: &[usize], size: usize, needles: &[&[u8]]) -> Vec<Vec<usize>> {
    let mut buckets: Vec<Vec<usize>> = Vec::new();
    for group in numbers.chunks(size) {
        let (rows, rest) = (group.len() / BUCKETS, group.len() % BUCKETS);
        let mut left = group;
        for bucket in 0..BUCKETS {
            let (own, others) = left.split_at(rows + usize::from(bucket < rest));
            buckets.push(own.to_vec());
            left = others;
        }
    }
    improve(&mut buckets, needles);
    buckets
        .chunks(BUCKETS)
        .map(|group| {
            let rows = group.iter().map(Vec::len).max().unwrap_or(0);
            (0..rows)
                .flat_map(|row| {
                    group
                        .iter()
                        .filter_map(move |bucket| bucket.get(row).copied())
                })
                .collect()
        })
        .collect()
}

/// The most buckets that are improved: as many as the needles of the built-in rules fill twice. The work
/// grows with their square.
const MOST: usize = 48;

/// The most rounds over all pairs.
const ROUNDS: usize = 2;

/// Swaps needles between two buckets wherever both together then let less through.
fn improve(buckets: &mut [Vec<usize>], needles: &[&[u8]]) {
    let all = buckets.iter().flatten();
    let shortest = all.map(|number| needles[*number].len()).min();
    let places = shortest.unwrap_or(0).min(PLACES);
    if buckets.len() > MOST {
        return;
    }
    let passed = |bucket: &[usize]| passed(bucket, needles, places);
    let mut costs: Vec<f64> = buckets.iter().map(|own| passed(own)).collect();
    for _ in 0..ROUNDS {
        let mut is_better = false;
        for a in 0..buckets.len() {
            for b in a + 1..buckets.len() {
                for i in 0..buckets[a].len() {
                    for j in 0..buckets[b].len() {
                        let (one, other) = (buckets[a][i], buckets[b][j]);
                        buckets[a][i] = other;
                        buckets[b][j] = one;
                        let most = (costs[a] + costs[b]) * 0.9999;
                        let first = passed(&buckets[a]);
                        // Mostly the first is too much already.
                        let both = (first < most).then(|| (first, passed(&buckets[b])));
                        let both = both.filter(|(first, second)| first + second < most);
                        if let Some(both) = both {
                            (costs[a], costs[b]) = both;
                            is_better = true;
                        } else {
                            buckets[a][i] = one;
                            buckets[b][j] = other;
                        }
                    }
                }
            }
        }
        if !is_better {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What all buckets together let through, of needles in the order of a searcher.
    fn cost(groups: &[Vec<usize>], needles: &[&[u8]]) -> f64 {
        let buckets = groups.iter().flat_map(|group| {
            (0..BUCKETS).map(|bucket| -> Vec<usize> {
                group
                    .iter()
                    .skip(bucket)
                    .step_by(BUCKETS)
                    .copied()
                    .collect()
            })
        });
        buckets.map(|bucket| passed(&bucket, needles, 4)).sum()
    }

    #[test]
    fn every_needle_is_in_one_group_and_less_text_comes_through() {
        let texts: Vec<String> = (0..90)
            .map(|number| format!("{}-{}x", char::from(b'a' + number % 26), number))
            .chain((0..6).map(|number| format!("wo{number}d")))
            .collect();
        let needles: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let numbers: Vec<usize> = (0..needles.len()).collect();
        let groups = arranged(&numbers, 32, &needles);
        assert!(groups.iter().all(|group| group.len() == 32));
        let mut all = groups.concat();
        all.sort_unstable();
        assert_eq!(all, numbers);
        let plain: Vec<Vec<usize>> = numbers
            .chunks(32)
            .map(|group| super::super::in_buckets(group, &needles))
            .collect();
        assert!(cost(&groups, &needles) < cost(&plain, &needles) * 0.9);
    }

    #[test]
    fn groups_may_be_small_or_many() {
        assert!(arranged(&[], 1, &[]).is_empty());
        assert_eq!(arranged(&[0], 1, &[b"ab"]), [[0]]);
        let texts: Vec<[u8; 2]> = (0..200).map(|number| [number, 1]).collect();
        let needles: Vec<&[u8]> = texts.iter().map(<[u8; 2]>::as_slice).collect();
        let numbers: Vec<usize> = (0..200).collect();
        let mut all = arranged(&numbers, 25, &needles).concat();
        all.sort_unstable();
        assert_eq!(all, numbers);
    }
}
