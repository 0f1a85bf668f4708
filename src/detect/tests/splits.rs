//! Tokens in parts: the right value at the right place, or nothing.

use super::*;
use crate::model::Digest;

/// Between two parts, in the manner of several languages.
const JOINTS: &[&str] = &[
    "\" + \"",
    "\"\n    \"",
    "' +\n'",
    "'\\\n  '",
    "' . '",
    "\\\n      ",
    "=\r\n",
    "\" + \"\" + \"",
    "\\\" + \\\"",
    "\".concat(\"",
    "^\r\n",
    "\u{200b}",
    "\u{200c}\u{200d}",
    "\u{feff}",
    "\u{ad}",
    "<wbr>",
];

/// What joins all parts of a list: before the first, between two, after the last.
const LISTS: &[(&str, &str, &str)] = &[
    ("\"\".join([\"", "\", \"", "\"])"),
    ("''.join(('", "',\n  '", "'))"),
    ("[\"", "\", \"", "\"].join(\"\")"),
    ("['", "','", "',].join('')"),
    ("['", "', '", "'].join\n"),
    ("concat!(\"", "\", \"", "\")"),
    ("SELECT CONCAT('", "', '", "');"),
    ("join(\"\", [\"", "\", \"", "\"])"),
    ("implode('', ['", "', '", "'])"),
    ("strings.Join([]string{\"", "\", \"", "\"}, \"\")"),
    ("String.join(\"\", \"", "\", \"", "\")"),
    ("key: >-\n  ", "\n  ", "\nend: a\n"),
    ("- >\n    ", "\n    ", "\n- a\n"),
    (
        "run: >+\r\n    curl a\r\n    ",
        "\r\n    ",
        "\r\n\r\nend: a\r\n",
    ),
];

/// A token cut at `cuts`, and its parts with `joint` between them.
fn split(token: &str, cuts: &[usize], joint: &str) -> String {
    let mut text = String::new();
    let mut from = 0;
    for cut in cuts {
        text.push_str(&token[from..*cut]);
        text.push_str(joint);
        from = *cut;
    }
    text + &token[from..]
}

#[test]
fn the_whole_value_is_found_over_all_parts() {
    for name in [
        "personal_access_token/legacy",
        "deploy_token/legacy",
        "personal_access_token/routable-v1",
        "runner_authentication_token/routable-v1@ACME-glrt-",
        "pipeline_trigger_token/hex40",
        "ci_job_token/jwt",
    ] {
        let expansion = expanded(&format!("{{{{{name}}}}}"));
        let token = expansion.specimens[0].token();
        let first = expansion.specimens[0].public;
        for joint in JOINTS {
            for cuts in [vec![first], vec![first + 5], vec![first, first + 9]] {
                let parts = split(token, &cuts, joint);
                let text = format!("x = (\"{parts}\");");
                let detections = found(&text);
                assert_eq!(detections.len(), 1, "{name} {joint:?} {cuts:?}");
                let detection = &detections[0];
                assert_eq!(detection.confidence, Confidence::Medium, "{name} {joint:?}");
                assert!(detection.leak.evidence.contains(&Evidence::Split));
                assert_eq!(detection.leak.digest, Digest::of(token.as_bytes()));
                assert_eq!(detection.public, first);
                let Span { start, end } = detection.span;
                assert!(&text[start..end] == parts.as_str(), "{name} {joint:?}");
            }
        }
    }
}

#[test]
fn the_whole_value_is_found_over_the_elements_of_a_list() {
    for name in [
        "personal_access_token/legacy",
        "personal_access_token/routable-v1",
        "pipeline_trigger_token/hex40",
    ] {
        let expansion = expanded(&format!("{{{{{name}}}}}"));
        let token = expansion.specimens[0].token();
        let first = expansion.specimens[0].public;
        for (before, joint, after) in LISTS {
            for cuts in [vec![first], vec![first + 5], vec![first, first + 9]] {
                let parts = split(token, &cuts, joint);
                let text = format!("x = {before}{parts}{after}");
                assert_whole(&text, token, &parts);
            }
        }
    }
}

#[test]
fn a_prefix_may_be_cut_behind_what_most_begin_with() {
    for name in [
        "personal_access_token/legacy",
        "deploy_token/legacy",
        "personal_access_token/routable-v1",
        "runner_authentication_token/legacy",
    ] {
        let expansion = expanded(&format!("{{{{{name}}}}}"));
        let token = expansion.specimens[0].token();
        let first = expansion.specimens[0].public;
        for (before, joint, after) in [
            ("(\"", "\" + \"", "\")"),
            ("('", "' '", "')"),
            ("[\"", "\", \"", "\"].join(\"\")"),
            ("concat!(\"", "\", \"", "\")"),
        ] {
            for cuts in [vec![2], vec![2, first], vec![2, first + 3]] {
                let parts = split(token, &cuts, joint);
                assert_whole(&format!("{before}{parts}{after}"), token, &parts);
            }
        }
        // In the prefix behind it, where the search knows the beginning.
        let stem = first - 1;
        let parts = split(token, &[stem], "\" + \"");
        assert_whole(&format!("(\"{parts}\")"), token, &parts);
    }
}

#[test]
fn escaped_characters_that_nobody_sees_are_passed_over() {
    let expansion = expanded("{{personal_access_token/legacy}}");
    let token = expansion.specimens[0].token();
    for (hidden, encoding) in [
        ("\\u200b", Encoding::Backslash),
        ("\\ufeff", Encoding::Backslash),
        ("&#8203;", Encoding::Html),
        ("&shy;", Encoding::Html),
        ("%E2%80%8B", Encoding::Percent),
    ] {
        let text = format!("x = \"{}\";", split(token, &[9], hidden));
        let detections = found(&text);
        assert_eq!(detections.len(), 1, "{text}");
        assert_eq!(detections[0].leak.digest, Digest::of(token.as_bytes()));
        assert_eq!(detections[0].confidence, Confidence::Medium);
        assert_eq!(detections[0].encodings, [encoding]);
    }
}

/// Asserts that `token` is all that is found in `text`, over all of `parts`.
fn assert_whole(text: &str, token: &str, parts: &str) {
    let detections = found(text);
    assert_eq!(detections.len(), 1, "{text}");
    let detection = &detections[0];
    assert_eq!(detection.confidence, Confidence::Medium, "{text}");
    assert!(detection.leak.evidence.contains(&Evidence::Split));
    assert_eq!(detection.leak.digest, Digest::of(token.as_bytes()));
    let Span { start, end } = detection.span;
    assert!(&text[start..end] == parts, "{text}");
}

#[test]
fn all_parts_are_hidden_and_lines_stay() {
    let expansion = expanded("{{personal_access_token/legacy}}");
    let token = expansion.specimens[0].token();
    let text = format!("a = \"{}\"\nb\n", split(token, &[9, 15], "\" +\r\n  \""));
    let detections = found(&text);
    for fill in [b'*', b'x'] {
        let shown = redact(text.as_bytes(), &detections, fill);
        let shown = std::str::from_utf8(&shown).unwrap();
        assert_eq!(shown.len(), text.len());
        assert_eq!(shown.lines().count(), text.lines().count());
        assert!(shown.starts_with("a = \"glpat-") && shown.ends_with("\"\nb\n"));
        assert!(!shown.contains(&token[6..9]) && !shown.contains(&token[9..15]));
        assert!(!shown.contains(&token[15..]));
    }
}

#[test]
fn what_does_not_become_a_token_is_nothing() {
    let texts = [
        "\"glpat-\" + \"{{personal_access_token/legacy|long}}\"",
        "\"glpat-\" + suffix + \"abc\"",
        "\"glpat-\" + \"your-token-goes-here\"",
        "\"glpat-\" + \"xxxxxxxxxxxxxxxxxxxx\"",
        "[\"glpat-\", \"gldt-\"]",
        "x.startswith(\"glpat-\") or \"b\"",
        "\"glpat-\"\n\"glrt-\"\n\"gldt-\"",
        "[\"glpat-\", \"gldt-\"].join(\"\")",
        "[\"glpat-\", \"{{personal_access_token/private-token}}\"]",
        "[\"glpat-\", \"{{personal_access_token/private-token}}\"].join(\"|\")",
        "[\"gl\", \"pat-{{personal_access_token/private-token}}\"]",
        "(\"gl\" + \"pat-{{personal_access_token/private-token|long}}\")",
        "(\"gl\" + \"obal-{{personal_access_token/private-token}}\")",
        "getContext(\"gl\", \"pat\") || \"gl\" + \"sl\"",
        "x: |\n  glpat-\n  {{personal_access_token/private-token}}\n",
        "x: >-\n  glpat-\n    {{personal_access_token/private-token}}\n",
        "x: >-\n  They begin with glpat-\n  followed by twenty characters.\n",
        "x: >-\n  glpat-\n  your-token-goes-here\n",
        "glpat-\n  {{personal_access_token/private-token}}\n",
        "glpat-\u{200b}, {{personal_access_token/private-token}}",
    ];
    for text in texts {
        let text = expanded(text).text;
        assert!(
            found(&text)
                .iter()
                .all(|detection| !detection.leak.evidence.contains(&Evidence::Split)),
            "{text}"
        );
    }
    // One that is whole in its own part is found as ever.
    let whole = expanded("(\".glrt-\" + \"{{runner_authentication_token/routable-v1}}\")");
    let detections = found(&whole.text);
    assert_eq!(detections.len(), 1);
    assert_eq!(detections[0].confidence, Confidence::High);
    assert_eq!(detections[0].span.len(), whole.specimens[0].token().len());
    // A part that is missing, or one too many, is no shorter or longer token.
    let expansion = expanded("{{personal_access_token/legacy}}");
    let token = expansion.specimens[0].token();
    assert!(found(&split(&token[..25], &[10], "\" + \"")).is_empty());
    assert!(found(&split(&format!("{token}a"), &[10, 20], "\" + \"")).is_empty());
    let routable = expanded("{{personal_access_token/routable-v1|broken}}").text;
    assert!(found(&split(&routable, &[10], "\" + \"")).is_empty());
}
