//! Encoded tokens: the right value, where the text that encodes it stands.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use std::ops::Range;

use super::*;
use crate::model::Digest;
use crate::rules::Alphabet;

/// A token of every form that is found by its prefix.
fn tokens() -> Vec<(String, String)> {
    forms(rules())
        .into_iter()
        .filter(|(_, _, form, prefix)| form.context.is_none() && !prefix.ends_with('='))
        .map(|(_, kind, form, prefix)| {
            let mut random = SplitMix64::new(5);
            let made = make(kind, form, prefix, None, &mut random).unwrap();
            (format!("{kind:?} {} {prefix}", form.name), made.text)
        })
        .chain(["acme_", ""].map(|prefix| {
            let placeholder = format!("{{{{personal_access_token/routable-v1@{prefix}}}}}");
            (placeholder.clone(), expanded(&placeholder).text)
        }))
        .collect()
}

fn fold(text: &str, width: usize, joint: &str) -> String {
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(width)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join(joint)
}

fn utf16(text: &str, is_little: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| {
            if is_little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        })
        .collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    each(bytes, |byte| format!("{byte:02x}"))
}

fn each(bytes: &[u8], escape: impl Fn(u8) -> String) -> String {
    bytes.iter().copied().map(escape).collect()
}

/// Asserts that `text` holds `token` once, with `chain`, and gives the span.
fn assert_found(text: &[u8], token: &str, chain: &[Encoding], what: &str) -> Span {
    let detections = scan(detector(), text);
    let certain: Vec<&Detection> = detections
        .iter()
        .filter(|found| found.confidence >= Confidence::Medium)
        .collect();
    let shown = String::from_utf8_lossy(text);
    assert_eq!(certain.len(), 1, "{what}: {shown} {detections:?}");
    assert_eq!(certain[0].encodings, chain, "{what}");
    assert_eq!(
        certain[0].leak.digest,
        Digest::of(token.as_bytes()),
        "{what}"
    );
    certain[0].span
}

#[test]
fn base64_is_found_at_every_alignment_in_every_dress() {
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    let around = [("", ""), ("data: ", "\nother: x\n"), ("\"auth\": \"", "\"")];
    let mut number = 0;
    for (name, token) in tokens() {
        for before in ["", "\"", "k=", "ab:", "token = "] {
            for after in ["", "\n", "\"}"] {
                number += 1;
                let engine = engines[number % engines.len()];
                let (left, right) = around[number % around.len()];
                let what = format!("{name} {before:?} {after:?} {left:?}");
                let encoded = engine.encode(format!("{before}{token}{after}"));
                let text = format!("{left}{encoded}{right}");
                let span = assert_found(text.as_bytes(), &token, &[Encoding::Base64], &what);
                let first = left.len() + before.len() * 8 / 6;
                let last = left.len() + ((before.len() + token.len()) * 8).div_ceil(6);
                assert_eq!(span, Span::new(first, last), "{what}");
            }
        }
    }
}

#[test]
fn folded_base64_is_found_wherever_the_line_ends() {
    const FOLDS: &[(usize, &str)] = &[
        (64, "\n"),
        (76, "\r\n"),
        (64, "\n    "),
        (76, "\\n"),
        (48, "\n"),
    ];
    for (name, token) in tokens() {
        for before in 0..64 {
            let (width, joint) = FOLDS[before % FOLDS.len()];
            let plain = format!("{} {token} and what follows it", "b".repeat(before));
            let mut encoded = STANDARD.encode(&plain);
            if width == 48 {
                // A width of no standard needs a whole line after the first.
                let whole = encoded.len().div_ceil(width) * width;
                encoded = format!("{}{}", encoded.replace('=', "A"), "QUJD".repeat(12));
                encoded.truncate(whole);
            }
            let text = format!("key: |\n    {}\nnext: a\n", fold(&encoded, width, joint));
            let what = format!("{name} {before} {width} {joint:?}");
            assert_found(text.as_bytes(), &token, &[Encoding::Base64], &what);
        }
    }
}

#[test]
fn lines_of_one_width_may_be_texts_of_their_own() {
    let expansion = expanded("{{deploy_token/legacy}} {{personal_access_token/legacy#1}}");
    let texts: Vec<String> = expansion
        .specimens
        .iter()
        .map(|specimen| STANDARD.encode(format!("{:>33}", specimen.token())))
        .collect();
    assert_eq!(texts[0].len(), texts[1].len());
    let text = texts.join("\n");
    let detections = found(&text);
    let digests: Vec<Digest> = detections
        .iter()
        .map(|found| found.leak.digest.clone())
        .collect();
    let expected: Vec<Digest> = expansion
        .specimens
        .iter()
        .map(|made| Digest::of(made.token().as_bytes()))
        .collect();
    assert_eq!(digests, expected);
}

#[test]
fn base64_in_base64_is_found_at_every_pair_of_alignments() {
    for (name, token) in tokens() {
        for inner in ["", "a", "ab"] {
            for outer in ["", "c", "cd", "{\"auths\":{\"r.example\":{\"auth\":\""] {
                let once = STANDARD.encode(format!("{inner}:{token}"));
                let twice = STANDARD.encode(format!("{outer}\"{once}\""));
                let what = format!("{name} {inner:?} {outer:?}");
                let chain = [Encoding::Base64, Encoding::Base64];
                assert_found(format!("x: {twice}\n").as_bytes(), &token, &chain, &what);
            }
        }
    }
}

#[test]
fn every_other_encoding_is_found() {
    for (name, token) in tokens() {
        let hyphens = |escape: &str| token.replace('-', escape);
        let all = |escape: fn(u8) -> String| each(token.as_bytes(), escape);
        for (encoding, text) in [
            (Encoding::Hex, hex(token.as_bytes())),
            (Encoding::Hex, hex(token.as_bytes()).to_uppercase()),
            (Encoding::Percent, hyphens("%2D")),
            (Encoding::Percent, hyphens("%2d")),
            (Encoding::Percent, all(|byte| format!("%{byte:02x}"))),
            (Encoding::Percent, all(|byte| format!("%{byte:02X}"))),
            (Encoding::Backslash, hyphens("\\u002d")),
            (Encoding::Backslash, hyphens("\\u002D")),
            (Encoding::Backslash, hyphens("\\x2d")),
            (Encoding::Backslash, hyphens("\\u{2d}")),
            (Encoding::Backslash, all(|byte| format!("\\u{byte:04x}"))),
            (Encoding::Backslash, all(|byte| format!("\\u{byte:04X}"))),
            (Encoding::Backslash, all(|byte| format!("\\x{byte:02x}"))),
            (Encoding::Backslash, all(|byte| format!("\\u{{{byte:x}}}"))),
            (Encoding::Html, hyphens("&#45;")),
            (Encoding::Html, hyphens("&#x2d;")),
            (Encoding::Html, hyphens("&#x2D;")),
            (Encoding::Html, hyphens("&hyphen;")),
            (Encoding::Html, all(|byte| format!("&#{byte};"))),
            (Encoding::Html, all(|byte| format!("&#x{byte:x};"))),
        ] {
            // In braces only what begins most tokens is looked for.
            let is_rare = text.starts_with("\\u{") && !token.starts_with("gl");
            if text == token || is_rare {
                continue;
            }
            for (before, after) in [("", ""), ("a=\"", "\";"), ("x ", " y")] {
                let what = format!("{name} {encoding:?} {text}");
                let whole = format!("{before}{text}{after}");
                let span = assert_found(whole.as_bytes(), &token, &[encoding], &what);
                assert_eq!(
                    span,
                    Span::new(before.len(), before.len() + text.len()),
                    "{what}"
                );
            }
        }
        for is_little in [true, false] {
            let order = if is_little { 0xFFFE } else { 0xFEFF };
            for mark in ["", "\u{feff}"] {
                let text = utf16(&format!("{mark}key = \"{token}\"\n"), is_little);
                let what = format!("{name} {order:x} {mark:?}");
                let span = assert_found(&text, &token, &[Encoding::Utf16], &what);
                let start = 2 * (mark.chars().count() + 7);
                assert_eq!(span, Span::new(start, start + 2 * token.len()), "{what}");
            }
            // A string in other data.
            let string = utf16(&token, is_little);
            let text = [&[1, 2, 3, 4, 5, 255, 7][..], &string, &[9; 40]].concat();
            let span = assert_found(&text, &token, &[Encoding::Utf16], &name);
            assert_eq!(span, Span::new(7, 7 + string.len()), "{name} {is_little}");
        }
    }
}

#[test]
fn what_is_no_token_is_none_in_any_encoding() {
    let expansion = expanded(
        "{{personal_access_token/legacy|short}} {{personal_access_token/legacy|long}} \
         {{personal_access_token/legacy|placeholder}} {{deploy_token/legacy|slug}} \
         {{personal_access_token/routable-v1|broken}} x{{deploy_token/legacy|glued}}",
    );
    for text in expansion.text.split(' ') {
        let twice = STANDARD.encode(STANDARD.encode(text));
        for encoded in [
            STANDARD.encode(text).into_bytes(),
            twice.into_bytes(),
            hex(text.as_bytes()).into_bytes(),
            text.replace('-', "%2D").into_bytes(),
            each(text.as_bytes(), |byte| format!("\\u{byte:04x}")).into_bytes(),
            utf16(&format!("token = {text}\n"), true),
        ] {
            for detection in scan(detector(), &encoded) {
                assert_eq!(detection.confidence, Confidence::Low, "{text}");
            }
        }
    }
}

#[test]
fn random_texts_of_each_alphabet_hold_nothing() {
    let mut random = SplitMix64::new(9);
    let bytes = random.bytes(1 << 18);
    let minified = random.run(Alphabet::Alphanumeric, 1 << 16);
    for text in [
        STANDARD.encode(&bytes).into_bytes(),
        fold(&STANDARD.encode(&bytes), 64, "\n").into_bytes(),
        hex(&bytes).into_bytes(),
        minified.into_bytes(),
        bytes,
    ] {
        assert!(scan(detector(), &text).is_empty());
    }
}

#[test]
fn nothing_is_decoded_deeper_than_asked() {
    let expansion = expanded("{{personal_access_token/legacy}}");
    let once = STANDARD.encode(&expansion.text);
    let twice = STANDARD.encode(&once);
    let thrice = hex(twice.as_bytes());
    let wide = utf16(&format!("key = \"{}\"\n", expansion.text), true);
    for depth in 0..3 {
        let detector = Detector::of_depth(rules(), depth);
        let count = |text: &[u8]| scan(&detector, text).len();
        assert_eq!(count(expansion.text.as_bytes()), 1);
        assert_eq!(count(&wide), 1);
        assert_eq!(count(once.as_bytes()), usize::from(depth > 0));
        assert_eq!(count(twice.as_bytes()), usize::from(depth > 1));
        assert_eq!(count(thrice.as_bytes()), 0);
    }
}

#[test]
fn encoded_tokens_are_hidden_but_for_blanks() {
    let expansion = expanded("{{personal_access_token/routable-v1}}");
    let lines = fold(
        &STANDARD.encode(format!("a:{}:b", expansion.text)),
        64,
        "\n  ",
    );
    let text = format!("x: |\n  {lines}\ny: z\n");
    let detections = found(&text);
    for fill in [b'*', b'x'] {
        let shown =
            String::from_utf8(redact(text.as_bytes(), &detections, fill).into_owned()).unwrap();
        assert_eq!(shown.len(), text.len());
        let kept = |text: &str| {
            text.match_indices(['\n', ' '])
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        };
        assert_eq!(kept(&shown), kept(&text));
        let secret = lines
            .as_bytes()
            .windows(8)
            .filter(|window| !window.contains(&b'\n'));
        let shown: Vec<&[u8]> = shown.as_bytes().windows(8).collect();
        assert!(
            secret
                .skip(2)
                .all(|window| !shown.contains(&window) || window.ends_with(b"=="))
        );
    }
}

#[test]
fn base64_in_base64_is_found_where_either_is_folded() {
    /// Characters of base64 that hold the bytes of `range`.
    fn characters(range: Range<usize>) -> Range<usize> {
        range.start * 8 / 6..(range.end * 8).div_ceil(6)
    }
    for (name, token) in tokens() {
        let sign = if name.contains('@') {
            let mark = token.find(".01.").unwrap();
            mark..mark + 5
        } else {
            0..token.find('-').map_or(token.len(), |at| at + 1)
        };
        // Five has no divisor in common with the groups of either.
        for before in (0..64).step_by(5) {
            for (inner, outer) in [(76, 0), (64, 0), (0, 76), (0, 64), (76, 64)] {
                let is_cut = |range: &Range<usize>, width: usize| {
                    width > 0 && range.start / width != (range.end - 1) / width
                };
                let plain = format!(
                    "{} {token} and what follows it, long enough to be more than one line\n",
                    "b".repeat(before)
                );
                let range = characters(before + 1 + sign.start..before + 1 + sign.end);
                let mut once = STANDARD.encode(&plain);
                let lines = range.start.checked_div(inner).unwrap_or(0);
                if inner > 0 {
                    once = fold(&once, inner, "\n");
                }
                let twice_range = characters(range.start + lines..range.end + lines);
                if is_cut(&range, inner) || is_cut(&twice_range, outer) {
                    continue;
                }
                let twice = STANDARD.encode(&once);
                let twice = if outer > 0 {
                    fold(&twice, outer, "\n    ")
                } else {
                    twice
                };
                let what = format!("{name} {before} {inner} {outer}");
                let text = format!("key: |\n    {twice}\nnext: a\n");
                let chain = [Encoding::Base64, Encoding::Base64];
                assert_found(text.as_bytes(), &token, &chain, &what);
            }
        }
    }
}

#[test]
fn base64_in_hexadecimal_is_found_at_every_alignment() {
    for (name, token) in tokens() {
        for before in ["", ":", "a:", "{\"auth\":\"user:"] {
            let once = STANDARD.encode(format!("{before}{token}\n"));
            for digits in [hex(once.as_bytes()), hex(once.as_bytes()).to_uppercase()] {
                let what = format!("{name} {before:?} {digits}");
                let text = format!("x = '{digits}'\n");
                let chain = [Encoding::Hex, Encoding::Base64];
                let span = assert_found(text.as_bytes(), &token, &chain, &what);
                let first = 5 + 2 * (before.len() * 8 / 6);
                let last = 5 + 2 * ((before.len() + token.len()) * 8).div_ceil(6);
                assert_eq!(span, Span::new(first, last), "{what}");
            }
        }
    }
}

#[test]
fn an_escape_before_a_token_makes_no_escaped_token() {
    let broken = expanded("{{personal_access_token/routable-v1|broken}}").text;
    let token = expanded("{{personal_access_token/routable-v1}}").text;
    // The mark of the first one leads to the escapes before it, and so into the second one.
    let text = format!("\\n{broken}\\n_{token}");
    let span = assert_found(
        text.as_bytes(),
        &token,
        &[],
        "behind an escape and a hyphen",
    );
    assert_eq!(span, Span::new(text.len() - token.len(), text.len()));
}
