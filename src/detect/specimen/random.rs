//! The generator behind specimens: the same seed gives the same tokens on every machine.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::rules::Alphabet;

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, and good enough to look random.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator whose seed also depends on `name`.
    pub fn named(seed: u64, name: &str) -> Self {
        // FNV-1a, since the standard hasher may change from release to release.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed ^ hash)
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `0` up to, not including, `bound`; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next_u64() % bound).unwrap_or(0)
    }

    /// Random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count)
            .map(|_| self.next_u64().to_be_bytes()[0])
            .collect()
    }

    /// What `Devise.friendly_token(length)` makes: random bytes in base64url with `l I O 0` mapped to
    /// `s x y z`.
    pub fn friendly(&mut self, length: usize) -> String {
        self.run(Alphabet::Base64url, length)
            .chars()
            .map(|character| match character {
                'l' => 's',
                'I' => 'x',
                'O' => 'y',
                '0' => 'z',
                other => other,
            })
            .collect()
    }

    /// `length` random characters of `alphabet`.
    pub fn run(&mut self, alphabet: Alphabet, length: usize) -> String {
        let characters: &[u8] = match alphabet {
            Alphabet::Friendly => return self.friendly(length),
            Alphabet::Base64url => {
                let mut text = URL_SAFE_NO_PAD.encode(self.bytes(length));
                text.truncate(length);
                return text;
            }
            Alphabet::Hex => b"0123456789abcdef",
            Alphabet::Base36 => b"0123456789abcdefghijklmnopqrstuvwxyz",
            Alphabet::Alphanumeric => {
                b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
            }
            Alphabet::Digits => b"0123456789",
        };
        (0..length)
            .map(|_| char::from(characters[self.below(characters.len())]))
            .collect()
    }
}
