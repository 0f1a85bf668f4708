//! Routable tokens: `prefix P . LL CCCCCCC` (v0) and `prefix P . 01 . LL CCCCCCC` (v1).
//!
//! `P` is base64url and holds a routing payload, `LL` its length and `C…` a CRC-32 over everything
//! before, the prefix included, both in base36. So the checksum proves a token, and tells where it
//! begins whatever its prefix is, with no configuration. The layout was read in gitlabhq/gitlabhq
//! `lib/authn/token_field/generator/routable_token.rb` (v0, de09f039) and
//! `lib/authn/token_field/decoders/v1/routable_payload.rb` (v1, 3cdb310d).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::alphabet::{is_word, run_length};
use super::boundary::closes;
use crate::model::Routing;
use crate::rules::Alphabet;

/// The text between `P` and the length of a v1 token: every one of them has it.
pub(super) const VERSION_MARK: &[u8] = b".01.";

/// Characters of `P` by the design document: 27 to 300.
pub(super) const PAYLOAD: std::ops::RangeInclusive<usize> = 27..=300;

const LENGTH_DIGITS: usize = 2;
const CHECKSUM_DIGITS: usize = 7;

/// The two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Unversioned.
    V0,
    /// `.01.`
    V1,
}

impl Version {
    /// The name of the form in reports.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::V0 => "routable-v0",
            Self::V1 => "routable-v1",
        }
    }
}

/// What follows `P`, read but not yet proven.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    /// By the text between `P` and the length.
    pub(super) version: Version,
    /// Offset after the last byte of `P`, where the full stop is.
    stop: usize,
    /// What the length field says of `P`.
    length: usize,
    /// What the checksum field says.
    checksum: u64,
    /// Offset after the token.
    pub(super) end: usize,
}

/// A token that its checksum proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// Offset of the prefix.
    pub(super) start: usize,
    /// Offset of `P`.
    pub(super) payload: usize,
    /// The ids in it.
    pub(super) routing: Routing,
}

impl Tail {
    /// Reads the tail whose first byte is the full stop at `stop`.
    ///
    /// The largest CRC-32 is `1z141z3`: a checksum field that begins with anything but `0` or `1`
    /// was never one.
    pub(super) fn read(text: &[u8], stop: usize) -> Option<Self> {
        let rest = text.get(stop..)?;
        let (version, fields) = match rest.strip_prefix(VERSION_MARK) {
            Some(fields) => (Version::V1, fields),
            None => (Version::V0, rest.strip_prefix(b".")?),
        };
        let (length, fields) = fields.split_at_checked(LENGTH_DIGITS)?;
        let (checksum, rest) = fields.split_at_checked(CHECKSUM_DIGITS)?;
        let end = text.len() - rest.len();
        if !matches!(checksum[0], b'0' | b'1') || !closes(text, end) {
            return None;
        }
        Some(Self {
            version,
            stop,
            length: usize::try_from(base36(length)?).ok()?,
            checksum: base36(checksum)?,
            end,
        })
    }

    /// Checks length, payload and checksum, and finds where the token begins: the one start, up to
    /// `max_prefix` bytes before `P`, whose checksum verifies.
    pub(super) fn prove(&self, text: &[u8], max_prefix: usize) -> Option<Proof> {
        if !PAYLOAD.contains(&self.length) {
            return None;
        }
        let payload = self.stop.checked_sub(self.length)?;
        // The structure of the payload is checked first: it is cheaper than the walk, and rejects
        // text that is made to look like tokens.
        let routing = decode(&text[payload..self.stop], self.version)?;
        let covered = self.end - CHECKSUM_DIGITS;
        (payload.saturating_sub(max_prefix)..=payload)
            .rev()
            .take_while(|start| *start == payload || text[*start].is_ascii_graphic())
            .find(|start| u64::from(crc32fast::hash(&text[*start..covered])) == self.checksum)
            .map(|start| Proof {
                start,
                payload,
                routing,
            })
    }
}

/// Offset of the full stop that ends the run of payload characters at `from`, if the run is of a
/// length that a routable token may have after a known prefix.
pub(super) fn payload_stop(text: &[u8], from: usize, slack: usize) -> Option<usize> {
    let most = PAYLOAD.end() + slack;
    let run = run_length(Alphabet::Base64url, &text[from..], most + 1);
    ((*PAYLOAD.start()..=most).contains(&run) && text.get(from + run) == Some(&b'.'))
        .then_some(from + run)
}

/// Room for the longest `P` decoded; the decoder wants whole groups.
const DECODED: usize = (*PAYLOAD.end() / 4 + 1) * 3;

/// The ids in `P`, if it is a routing payload.
fn decode(encoded: &[u8], version: Version) -> Option<Routing> {
    if !encoded.iter().all(|byte| is_word(*byte)) {
        return None;
    }
    let mut buffer = [0; DECODED];
    let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut buffer).ok()?;
    let (last, rest) = buffer[..length].split_last()?;
    let counted = usize::from(*last);
    let lines = match version {
        // The last byte counts the random bytes, which follow the payload.
        Version::V0 => &rest[..rest.len().checked_sub(counted)?],
        // It counts the payload, which stands directly before it.
        Version::V1 => &rest[rest.len().checked_sub(counted)?..],
    };
    read_lines(lines)
}

/// Reads lines of `key:value`, keys in ascending order, values integers in base36.
fn read_lines(lines: &[u8]) -> Option<Routing> {
    let mut routing = Routing::default();
    let mut previous = 0;
    for line in lines.split(|byte| *byte == b'\n') {
        let [key @ b'a'..=b'z', b':', digits @ ..] = line else {
            return None;
        };
        if *key <= previous || digits.is_empty() {
            return None;
        }
        previous = *key;
        let value = Some(base36(digits)?);
        match key {
            b'c' => routing.cell = value,
            b'g' => routing.group = value,
            b'o' => routing.organization = value,
            b'p' => routing.project = value,
            b't' => routing.runner_type = value,
            b'u' => routing.user = value,
            _ => {}
        }
    }
    Some(routing)
}

/// The number that lower-case base36 `digits` spell; `None` where it does not fit.
fn base36(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            _ => return None,
        };
        number.checked_mul(36)?.checked_add(u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Vector {
        id: &'static str,
        prefix: &'static str,
        rest: &'static str,
        routing: Option<Routing>,
    }

    fn ids(ids: &[(char, u64)]) -> Routing {
        let mut routing = Routing::default();
        for (key, id) in ids {
            *match key {
                'c' => &mut routing.cell,
                'g' => &mut routing.group,
                'o' => &mut routing.organization,
                'p' => &mut routing.project,
                't' => &mut routing.runner_type,
                _ => &mut routing.user,
            } = Some(*id);
        }
        routing
    }

    /// Published vectors (spec of the v1 decoder, routable token design document, gitleaks issue
    /// 1655) that other tests of this crate do not have.
    fn published() -> Vec<Vector> {
        let vector = |id, prefix, rest, routing| Vector {
            id,
            prefix,
            rest,
            routing,
        };
        vec![
            vector(
                "decoder spec",
                "glrtr-",
                "W5m1cHR6skC98Bx7XkuYjmM6MQpnOjgKbzpyegp0OjIQ.01.181uebm4k",
                Some(ids(&[('c', 1), ('g', 8), ('o', 1007), ('t', 2)])),
            ),
            vector(
                "decoder spec, last character changed",
                "glrtr-",
                "W5m1cHR6skC98Bx7XkuYjmM6MQpnOjgKbzpyegp0OjIQ.01.181uebm4l",
                None,
            ),
            vector(
                "shortest v1",
                "",
                concat!("EL25d_AKXDUtqLnIQHEpkG86MQM", ".01.0r1ajj2i3"),
                Some(ids(&[('o', 1)])),
            ),
            vector(
                "shortest v0",
                "",
                concat!("bzoxd_Rb5_cHeWe1JH56wr2FCBA", ".0r1pum4t4"),
                Some(ids(&[('o', 1)])),
            ),
            vector(
                "gitleaks 1655",
                "glpat-",
                "bzox79Of-KE9FD2LjoXXF4CvyxA.0r03gxo7s",
                Some(ids(&[('o', 1)])),
            ),
        ]
    }

    #[test]
    fn published_vectors_hold() {
        for vector in published() {
            let text = format!("{}{}", vector.prefix, vector.rest);
            let stop = text.find('.').unwrap();
            let proof = Tail::read(text.as_bytes(), stop)
                .unwrap()
                .prove(text.as_bytes(), 30);
            assert_eq!(
                proof.as_ref().map(|proof| proof.routing.clone()),
                vector.routing,
                "{}",
                vector.id
            );
            if let Some(proof) = proof {
                assert_eq!(proof.start, 0, "{}", vector.id);
                assert_eq!(proof.payload, vector.prefix.len(), "{}", vector.id);
            }
        }
    }

    #[test]
    fn a_tail_needs_a_possible_checksum_and_a_boundary() {
        let read = |tail: &str| Tail::read(tail.as_bytes(), 0).is_some();
        assert!(read(".01.120dvisva"));
        assert!(read(".120dvisva"));
        assert!(read(".01.120dvisva."));
        assert!(!read(".01.122dvisva"), "first digit of the checksum");
        assert!(!read(".01.120dvisvax"), "a longer run");
        assert!(!read(".01.120dvisv"), "too short");
        assert!(!read(".02.120dvisva"), "no such version");
        assert!(!read(".01.120DVISVA"), "upper case");
        assert!(!read("x01.120dvisva"));
        assert!(!read(""));
    }

    #[test]
    fn payload_lines_are_ordered_keys_with_numbers() {
        assert_eq!(
            read_lines(b"c:1\no:1\nu:zz"),
            Some(ids(&[('c', 1), ('o', 1), ('u', 1295)]))
        );
        assert_eq!(
            read_lines(b"o:1\nx:1"),
            Some(ids(&[('o', 1)])),
            "unknown keys pass"
        );
        for broken in [
            "",
            "o",
            "o:",
            "o:A",
            "O:1",
            "o:1\n",
            "u:1\no:1",
            "o:1\no:1",
            "o=1",
            "oo:1",
            "o:zzzzzzzzzzzzzzzzzzzz",
        ] {
            assert_eq!(read_lines(broken.as_bytes()), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in prop::collection::vec(any::<u8>(), 0..80), stop in 0usize..90, prefix in 0usize..40) {
            if let Some(tail) = Tail::read(&text, stop) {
                let _ = tail.prove(&text, prefix);
            }
        }

        #[test]
        fn no_shape_makes_it_panic(text in "[A-Za-z0-9_-]{20,60}(\\.01)?\\.[0-9a-z]{2}[01][0-9a-z]{6}", prefix in 0usize..40) {
            let stop = text.find('.').unwrap();
            if let Some(tail) = Tail::read(text.as_bytes(), stop) {
                prop_assert_eq!(tail.prove(text.as_bytes(), prefix), None);
            }
        }
    }
}
