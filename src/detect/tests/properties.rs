//! What must hold for any token in any text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::detect::evidence::{Verdict, judge};
use crate::model::Copied;
use crate::rules::Alphabet;

/// A token that does not look made up by chance, as one in a hundred thousand does: it spells `xxxxx`, a
/// sequence, or words.
fn believable(
    kind: TokenKind,
    form: &crate::rules::Form,
    prefix: &str,
    random: &mut SplitMix64,
) -> Specimen {
    let is_believable = |run: &str| {
        let is_hex = run.bytes().all(|byte| byte.is_ascii_hexdigit());
        let alphabet = if is_hex {
            Alphabet::Hex
        } else {
            Alphabet::Base64url
        };
        judge(alphabet, run.as_bytes(), &mut Vec::new()) == Verdict::HIGH
    };
    loop {
        let specimen = make(kind, form, prefix, None, random).unwrap();
        if specimen.text[prefix.len()..].split('.').all(is_believable) {
            return specimen;
        }
    }
}

/// What a scan must find, by looking for each prefix on its own and handing it to the verifier.
fn naive(detector: &Detector, text: &[u8]) -> Vec<Detection> {
    let mut detections = Vec::new();
    let (families, _) = detector.catalogue.anchors(true);
    for (needle, bytes) in families
        .iter()
        .flat_map(|family| &family.needles)
        .enumerate()
    {
        for start in memchr::memmem::find_iter(text, bytes) {
            let mut pass = Pass::new(text, DECODE_DEPTH, Charset::of(text));
            detector.verify(&mut pass, Hit { start, needle }, &mut detections);
        }
    }
    settle(&mut detections, 0);
    detections
}

/// What a scan by `clues` finds.
fn by_clues(detector: &Detector, text: &[u8], clues: &Clues) -> Vec<Detection> {
    let mut detections = Vec::new();
    detector.scan_clues(text, clues, &mut detections);
    detections
}

/// A token with text around it, as it is, in base64 or in hexadecimal digits.
fn encoded_deploy_token(seed: u64, encoding: i32) -> String {
    let forms = forms(rules());
    let (_, kind, form, prefix) = forms
        .iter()
        .find(|(rule, ..)| rule.id.as_str() == "leaked-deploy-token")
        .copied()
        .unwrap();
    let token = believable(kind, form, prefix, &mut SplitMix64::new(seed));
    let plain = format!("to be read: {} and more", token.text);
    match encoding {
        0 => plain,
        1 => STANDARD.encode(&plain),
        2 => {
            // The token is in both lines.
            let text = STANDARD.encode(format!("{:26}{plain}", ""));
            let (first, rest) = text.split_at(64);
            format!("\n  {first}\n  {rest}\n")
        }
        _ => encodings::hex(plain.as_bytes()),
    }
}

/// A part that is copied, and what is inserted behind it.
fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, String)> {
    (
        any::<prop::sample::Index>(),
        0_usize..140,
        "(gl|pat-|-|\\.01\\.|GITLAB|_TOKEN|[a-z]{0,3}|\n){0,2}",
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn generated_tokens_are_found_whole_between_boundaries(
        seed in any::<u64>(),
        before in "[ -~\\n]{0,60}",
        after in "[ -~\\n]{0,60}",
        left in prop::sample::select(vec!["", " ", "\"", "=", ":", "\n", "\\n", "%3D", "\\u0022", "\x1b[31m"]),
        right in prop::sample::select(vec!["", " ", "\"", ".", "&", "@", "\n", "\\n", "%22", "<"]),
    ) {
        let rules = rules();
        let detector = detector();
        let mut random = SplitMix64::new(seed);
        for (rule, kind, form, prefix) in forms(rules) {
            if form.context.is_some() {
                continue;
            }
            let specimen = believable(kind, form, prefix, &mut random);
            // A boundary at the very edge of the text needs nothing beside it.
            let before = if left.is_empty() { "" } else { before.as_str() };
            let after = if right.is_empty() { "" } else { after.as_str() };
            let text = format!("{before}{left}{}{right}{after}", specimen.text);
            let start = before.len() + left.len() + specimen.token.start;
            let detections = scan(detector, text.as_bytes());
            prop_assert_eq!(detections.len(), 1, "{} {}", &rule.id, &form.name);
            prop_assert_eq!(&detections[0].rule, &rule.id);
            prop_assert_eq!(detections[0].span, Span::new(start, start + specimen.token.len()));
            prop_assert!(detections[0].confidence >= Confidence::Medium);
        }
    }

    #[test]
    fn base64_is_found_behind_a_separator_that_base64_has_too(
        seed in any::<u64>(),
        before in prop::collection::vec("[A-Za-z0-9/+_-]{0,12}[-_/+]", 1..40),
    ) {
        let rules = rules();
        let forms = forms(rules);
        let (_, kind, form, prefix) = forms
            .iter()
            .find(|(rule, ..)| rule.id.as_str() == "leaked-deploy-token")
            .copied()
            .unwrap();
        // All of them are one run, in which groups begin anywhere.
        let mut text = String::new();
        let mut expected = Vec::new();
        let mut random = SplitMix64::new(seed);
        for before in before {
            let token = believable(kind, form, prefix, &mut random).text;
            text.push_str(&before);
            STANDARD.encode_string(format!("{token:48}"), &mut text);
            expected.push(Secret::new(token.as_bytes(), prefix.len()).digest());
        }
        let found = scan(detector(), text.as_bytes()).into_iter();
        let found: Vec<_> = found.map(|found| found.leak.digest).collect();
        prop_assert_eq!(found, expected, "{}", text);
    }

    #[test]
    fn tokens_of_a_context_are_found_in_it(seed in any::<u64>()) {
        let rules = rules();
        let detector = detector();
        let mut random = SplitMix64::new(seed);
        for (rule, kind, form, prefix) in forms(rules) {
            let specimen = believable(kind, form, prefix, &mut random);
            let text = in_context(form, &specimen.text);
            let detections = scan(detector, text.as_bytes());
            prop_assert_eq!(detections.len(), 1, "{}", text);
            prop_assert_eq!(&detections[0].rule, &rule.id);
            prop_assert_eq!(&*detections[0].leak.form, form.name.as_str());
            let found = &text[detections[0].span.start..detections[0].span.end];
            prop_assert!(found == specimen.token());
        }
    }

    #[test]
    fn a_value_that_begins_like_the_sign_of_mail_is_whole(tail in "[1-9]Xz[ac-hj-km-np-z]{15}") {
        let value = format!("3D{tail}");
        for sign in ["=", "=3D"] {
            let text = format!("GITLAB_TOKEN{sign}{value}\n");
            let place = crate::detect::assignment::assigned(text.as_bytes(), "GITLAB_TOKEN".len());
            prop_assert_eq!(place, Some(text.len() - value.len() - 1));
        }
    }

    #[test]
    fn the_search_loses_nothing_that_a_naive_one_finds(
        seed in any::<u64>(),
        noise in prop::collection::vec("(glpat-|glrt-|t1_|-|_|\\.|\\.01\\.|ACME-|\\\\n|[a-zA-Z0-9]{1,9}|\"|\n|\\[\\[runners\\]\\]\ntoken = \"|gitlab_private_token=|PRIVATE-TOKEN: |oauth2:|@|trigger/pipeline\\?token=|\" \\+ \"|\\\\\n  ){1,6}", 0..30),
    ) {
        let rules = rules();
        let detector = detector();
        let mut random = SplitMix64::new(seed);
        let mut text = String::new();
        let forms = forms(rules);
        for piece in noise {
            text.push_str(&piece);
            let (_, kind, form, prefix) = forms[random.below(forms.len())];
            let modifier = Modifier::ALL.get(random.below(20)).copied();
            if let Ok(specimen) = make(kind, form, prefix, modifier, &mut random) {
                text.push_str(&specimen.text);
            }
        }
        let mut detections = scan(detector, text.as_bytes());
        prop_assert_eq!(&detections, &naive(detector, text.as_bytes()));
        let spans: Vec<Span> = detections.iter().map(|detection| detection.span).collect();
        prop_assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let count = detections.len();
        settle(&mut detections, 0);
        prop_assert_eq!(detections.len(), count);
    }

    #[test]
    fn a_text_made_of_another_is_searched_where_it_is_new_and_nothing_is_lost(
        seed in any::<u64>(),
        base in prop::collection::vec("(gl|pat|-|_|\\.|0|1|glrt|t1|PRIVATE|TOKEN|:| |[a-z]{1,40}){0,4}", 0..6),
        rounds in prop::collection::vec(prop::collection::vec(edit(), 0..8), 1..4),
        token_at in any::<prop::sample::Index>(),
        encoding in 0..4,
    ) {
        let detector = detector();
        let mut base = base.concat().into_bytes();
        let token = encoded_deploy_token(seed, encoding);
        base.splice(token_at.index(base.len() + 1).., token.into_bytes());
        let mut clues = detector.clues(&base, 0, &mut ClueScratch::default());
        // Texts are made of texts that were made of others, with tokens cut and put together again.
        for edits in rounds {
            let mut text = Vec::new();
            let mut copies = Vec::new();
            for (from, length, inserted) in edits {
                let from = from.index(base.len() + 1);
                let length = length.min(base.len() - from);
                copies.push(Copied { from, to: text.len(), length });
                text.extend_from_slice(&base[from..from + length]);
                text.extend_from_slice(inserted.as_bytes());
            }
            clues = detector.clues_from(&clues, &copies, &text, &mut ClueScratch::default());
            prop_assert_eq!(by_clues(detector, &text, &clues), scan(detector, &text));
            base = text;
        }
    }

    #[test]
    fn a_token_is_put_together_of_what_is_copied_and_what_is_new(
        seed in any::<u64>(),
        encoding in 0..4,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
        kept in prop::collection::vec(any::<bool>(), 9),
    ) {
        let detector = detector();
        let token = encoded_deploy_token(seed, encoding);
        // A part that is kept stands in the base, away from the others.
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(token.len())).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([token.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        let mut base = String::new();
        let mut text = String::from("data: ");
        let mut copies = Vec::new();
        for ((start, end), kept) in starts.zip(ends).zip(kept) {
            let part = &token[start..end];
            if kept {
                copies.push(Copied { from: base.len(), to: text.len(), length: part.len() });
                base.push_str(part);
                base.push_str("\n: ");
            }
            text.push_str(part);
        }
        let clues = detector.clues(base.as_bytes(), 0, &mut ClueScratch::default());
        let scratch = &mut ClueScratch::default();
        let clues = detector.clues_from(&clues, &copies, text.as_bytes(), scratch);
        let found = by_clues(detector, text.as_bytes(), &clues);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found, scan(detector, text.as_bytes()));
    }

    #[test]
    fn no_bytes_make_it_panic(
        pieces in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..20),
                prop::sample::select(vec!["glpat-", "glrt-t1_", ".01.", "[[runners]]\ntoken = \"t1_", "feed_token=", "glcbt-eyJ", "\\u00", "%", "glimt-", "-issue", "gitlab_private_token", "=", "machine gitlab ", "password ", "trigger/pipeline", "token=", "client_secret", "value", "\n", "\" + \"", "\\\n"])
                    .prop_map(|text| text.as_bytes().to_vec()),
            ],
            0..12,
        ),
    ) {
        let detector = detector();
        let text = pieces.concat();
        let detections = scan(detector, &text);
        prop_assert_eq!(redact(&text, &detections, b'*').len(), text.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_word_that_led_nowhere_is_asked_again_when_something_near_it_changes(
        seed in any::<u64>(),
        which in any::<prop::sample::Index>(),
        cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        instead in prop::sample::select(vec!["", "x", " ", "\n", "-", "some other text"]),
        around in (0_usize..120, 0_usize..120),
    ) {
        let detector = detector();
        let mut forms = forms(rules());
        forms.retain(|(_, _, form, _)| form.context.is_some());
        let (_, kind, form, prefix) = forms[which.index(forms.len())];
        let specimen = believable(kind, form, prefix, &mut SplitMix64::new(seed));
        let place = in_context(form, &specimen.text);
        let text = format!("{}\n{place}\n{}", "~".repeat(around.0), "~".repeat(around.1));
        let [one, other] = [cut.0, cut.1].map(|at| at.index(text.len() + 1));
        let (start, end) = (one.min(other), one.max(other));
        let base = [&text[..start], instead, &text[end..]].concat();
        let behind = start + instead.len();
        let copies = [
            Copied { from: 0, to: 0, length: start },
            Copied { from: behind, to: end, length: base.len() - behind },
        ];
        let scratch = &mut ClueScratch::default();
        let clues = detector.clues(base.as_bytes(), 0, scratch);
        let clues = detector.clues_from(&clues, &copies, text.as_bytes(), scratch);
        let found = by_clues(detector, text.as_bytes(), &clues);
        prop_assert_eq!(&found, &scan(detector, text.as_bytes()));
        prop_assert_eq!(found.len(), 1);
        // And back again, where a copy may lie elsewhere.
        let copies = [
            Copied { from: 0, to: 0, length: start },
            Copied { from: end, to: behind, length: text.len() - end },
        ];
        let clues = detector.clues_from(&clues, &copies, base.as_bytes(), scratch);
        let found = by_clues(detector, base.as_bytes(), &clues);
        prop_assert_eq!(found, scan(detector, base.as_bytes()));
    }
}
