//! Any token in any chain of encodings in any surroundings.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;
use crate::model::Digest;

/// One way to encode a whole text, or the characters of a token that are no letters.
#[derive(Clone, Copy, Debug)]
enum Coder {
    Base64,
    Base64url,
    Folded,
    HexLower,
    HexUpper,
    PercentHyphens,
    PercentAll,
    EscapedHyphens,
    EscapedAll,
    HtmlHyphens,
    HtmlAll,
    Utf16,
}

impl Coder {
    /// Those that may be the outer one of two, with what they may hold.
    const OUTER: &[Self] = &[Self::Base64, Self::Base64url];
    /// What may be in hexadecimal digits.
    const IN_HEX: &[Self] = &[Self::Base64, Self::Base64url];
    const INNER: &[Self] = &[
        Self::Base64,
        Self::Base64url,
        Self::HexLower,
        Self::HexUpper,
        Self::PercentHyphens,
        Self::EscapedHyphens,
        Self::HtmlHyphens,
        Self::Utf16,
    ];
    const SINGLE: &[Self] = &[
        Self::Base64,
        Self::Base64url,
        Self::Folded,
        Self::HexLower,
        Self::HexUpper,
        Self::PercentHyphens,
        Self::PercentAll,
        Self::EscapedHyphens,
        Self::EscapedAll,
        Self::HtmlHyphens,
        Self::HtmlAll,
        Self::Utf16,
    ];

    const fn encoding(self) -> Encoding {
        match self {
            Self::Base64 | Self::Base64url | Self::Folded => Encoding::Base64,
            Self::HexLower | Self::HexUpper => Encoding::Hex,
            Self::PercentHyphens | Self::PercentAll => Encoding::Percent,
            Self::EscapedHyphens | Self::EscapedAll => Encoding::Backslash,
            Self::HtmlHyphens | Self::HtmlAll => Encoding::Html,
            Self::Utf16 => Encoding::Utf16,
        }
    }

    fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let each = |escape: fn(&u8) -> String| -> Vec<u8> {
            bytes
                .iter()
                .flat_map(|byte| escape(byte).into_bytes())
                .collect()
        };
        let hyphens = |escape: &str| -> Vec<u8> {
            let text = std::str::from_utf8(bytes).unwrap();
            text.replace('-', escape).into_bytes()
        };
        match self {
            Self::Base64 => STANDARD.encode(bytes).into_bytes(),
            Self::Base64url => URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
            Self::Folded => STANDARD
                .encode(bytes)
                .into_bytes()
                .chunks(76)
                .collect::<Vec<_>>()
                .join(&b"\r\n  "[..]),
            Self::HexLower => each(|byte| format!("{byte:02x}")),
            Self::HexUpper => each(|byte| format!("{byte:02X}")),
            Self::PercentHyphens => hyphens("%2D"),
            Self::PercentAll => each(|byte| format!("%{byte:02X}")),
            Self::EscapedHyphens => hyphens("\\u002d"),
            Self::EscapedAll => each(|byte| format!("\\x{byte:02x}")),
            Self::HtmlHyphens => hyphens("&#45;"),
            Self::HtmlAll => each(|byte| format!("&#{byte};")),
            Self::Utf16 => bytes.iter().flat_map(|byte| [*byte, 0]).collect(),
        }
    }

    /// Undoes it, of a cut that begins and ends with characters that encode a part of the token.
    fn decode(self, cut: &[u8]) -> Vec<Vec<u8>> {
        match self.encoding() {
            Encoding::Base64 => {
                let characters: Vec<u8> = cut
                    .iter()
                    .filter(|byte| !byte.is_ascii_whitespace())
                    .map(|byte| match byte {
                        b'-' => b'+',
                        b'_' => b'/',
                        other => *other,
                    })
                    .collect();
                // The first character may stand anywhere in its group.
                (0..4)
                    .map(|place| {
                        let mut text = vec![b'A'; place];
                        text.extend_from_slice(&characters);
                        text.resize(text.len().next_multiple_of(4), b'A');
                        STANDARD.decode(text).unwrap()
                    })
                    .collect()
            }
            Encoding::Hex => vec![
                cut.chunks(2)
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
                    .collect(),
            ],
            Encoding::Utf16 => vec![
                cut.iter().step_by(2).copied().collect(),
                cut.iter().skip(1).step_by(2).copied().collect(),
            ],
            _ => {
                let mut text = String::from_utf8(cut.to_vec()).unwrap();
                for byte in 0x20..0x7f_u8 {
                    for escape in [
                        format!("%{byte:02X}"),
                        format!("\\u{byte:04x}"),
                        format!("\\x{byte:02x}"),
                        format!("&#{byte};"),
                    ] {
                        text = text.replace(&escape, &char::from(byte).to_string());
                    }
                }
                vec![text.into_bytes()]
            }
        }
    }
}

fn check(seed: u64, chain: &[Coder], surroundings: [&str; 4]) -> Result<(), TestCaseError> {
    let rules = rules();
    let mut random = SplitMix64::new(seed);
    let forms: Vec<_> = forms(rules)
        .into_iter()
        .filter(|(_, _, form, prefix)| form.context.is_none() && !prefix.ends_with('='))
        .collect();
    let (rule, kind, form, prefix) = forms[random.below(forms.len())];
    let token = make(kind, form, prefix, None, &mut random).unwrap().text;
    let [outer_left, outer_right, left, right] = surroundings;
    let mut text = token.clone().into_bytes();
    for (number, coder) in chain.iter().rev().enumerate() {
        if number > 0 {
            text = [b"\"", text.as_slice(), b"\""].concat();
        }
        let plain = [left.as_bytes(), &text, right.as_bytes()].concat();
        text = coder.encode(&plain);
        if text == plain {
            return Ok(());
        }
    }
    let text = [outer_left.as_bytes(), &text, outer_right.as_bytes()].concat();
    let what = format!(
        "{} {} {chain:?} {}",
        rule.id,
        form.name,
        String::from_utf8_lossy(&text)
    );
    let detections = scan(detector(), &text);
    let certain: Vec<&Detection> = detections
        .iter()
        .filter(|found| found.confidence > Confidence::Low)
        .collect();
    prop_assert_eq!(certain.len(), 1, "{} {:?}", &what, &detections);
    let found = certain[0];
    prop_assert_eq!(
        &found.leak.digest,
        &Digest::of(token.as_bytes()),
        "{}",
        &what
    );
    prop_assert_eq!(&found.rule, &rule.id);
    let encodings: Vec<Encoding> = chain.iter().map(|coder| coder.encoding()).collect();
    prop_assert_eq!(&found.encodings, &encodings, "{}", &what);
    // What the region holds is the token, and without its ends it is not.
    let holds = |span: Span| {
        let mut texts = vec![text[span.start..span.end].to_vec()];
        for coder in chain {
            texts = texts.iter().flat_map(|text| coder.decode(text)).collect();
        }
        texts
            .iter()
            .any(|text| memchr::memmem::find(text, token.as_bytes()).is_some())
    };
    if chain.len() == 1 {
        let Span { start, end } = found.span;
        prop_assert!(holds(found.span), "{}", &what);
        prop_assert!(!holds(Span::new(start + 1, end)) || chain[0].encoding() == Encoding::Utf16);
        let shown = redact(&text, &detections, b'*');
        let hidden = &shown[start..end];
        prop_assert!(
            hidden
                .iter()
                .all(|byte| *byte == b'*' || byte.is_ascii_whitespace())
        );
    }
    Ok(())
}

/// Boundaries around a token that none of the codings turns into something else.
fn surroundings() -> impl Strategy<Value = [&'static str; 4]> {
    let outer = prop::sample::select(vec![
        ("", ""),
        ("key: ", "\n"),
        ("\"", "\","),
        ("x = '", "'"),
    ]);
    let inner = prop::sample::select(vec![
        ("", ""),
        ("user:", ""),
        ("a ", " b"),
        ("{\"t\":\"", "\"}"),
    ]);
    (outer, inner).prop_map(|(outer, inner)| [outer.0, outer.1, inner.0, inner.1])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_token_in_any_encoding_is_found_where_it_stands(
        seed in any::<u64>(),
        coder in prop::sample::select(Coder::SINGLE),
        surroundings in surroundings(),
    ) {
        check(seed, &[coder], surroundings)?;
    }

    #[test]
    fn a_token_in_two_encodings_is_found(
        seed in any::<u64>(),
        outer in prop::sample::select(Coder::OUTER),
        inner in prop::sample::select(Coder::INNER),
        surroundings in surroundings(),
    ) {
        check(seed, &[outer, inner], surroundings)?;
    }

    #[test]
    fn a_token_in_base64_in_hexadecimal_is_found(
        seed in any::<u64>(),
        outer in prop::sample::select(&[Coder::HexLower, Coder::HexUpper][..]),
        inner in prop::sample::select(Coder::IN_HEX),
        surroundings in surroundings(),
    ) {
        check(seed, &[outer, inner], surroundings)?;
    }
}
