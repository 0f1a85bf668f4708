//! Tokens without checksum, what only looks like them, and input without end.

use super::*;

#[test]
fn one_token_is_one_detection_of_its_whole_value() {
    let expansion = expanded(
        "a={{personal_access_token/legacy}} b={{personal_access_token/legacy#2}}\n\
         https://gitlab.example/x.atom?feed_token={{feed_token/user-wide}}&y={{feed_token/query}}\n\
         ACME-{{deploy_token/legacy}}, {{ci_job_token/jwt}}",
    );
    let detections = found(&expansion.text);
    let mut spans: Vec<&str> = detections
        .iter()
        .map(|detection| &expansion.text[detection.span.start..detection.span.end])
        .collect();
    assert!(spans[4].starts_with("ACME-"));
    spans[4] = &spans[4]["ACME-".len()..];
    let tokens: Vec<&str> = expansion.specimens.iter().map(Specimen::token).collect();
    assert!(spans == tokens);
}

#[test]
fn spoilt_tokens_never_reach_medium() {
    let rules = rules();
    let detector = detector();
    let mut random = SplitMix64::new(3);
    for (rule, kind, form, prefix) in forms(rules) {
        for modifier in Modifier::ALL {
            if *modifier == Modifier::Glued && form.context == Some(Context::MailAddress) {
                continue;
            }
            let Ok(specimen) = make(kind, form, prefix, Some(*modifier), &mut random) else {
                continue;
            };
            // A proven token is one whatever stands before it.
            if *modifier == Modifier::Glued && form.body == Body::RoutableV1 {
                continue;
            }
            let text = in_context(form, &specimen.text);
            for detection in scan(detector, text.as_bytes()) {
                assert!(
                    detection.confidence == Confidence::Low,
                    "{} {} {}",
                    rule.id,
                    form.name,
                    modifier.as_str()
                );
            }
        }
    }
}

#[test]
fn damaged_values_do_not_become_shorter_tokens() {
    let long = expanded("{{personal_access_token/routable-v1}}").text;
    for cut in 27..long.len() {
        for detection in found(&format!("x {} y", &long[..cut])) {
            assert_eq!(detection.confidence, Confidence::Low, "cut to {cut}");
        }
    }
}

#[test]
fn what_only_looks_like_a_token_never_reaches_medium() {
    const BODIES: &[&str] = &[
        "xxxxxxxxxxxxxxxxxxxx",
        "your-token-goes-here",
        "YOUR_PERSONAL_ACCESS",
        "primary-button-large",
        "card__header--active",
        "12345678901234567890",
        "abcdefghijklmnopqrst",
        "0123456789abcdef0123",
        "aaaaaaaaaaaaaaaaaaaa",
        "EXAMPLEEXAMPLEEXAMPL",
        "example-token-string",
        "some_very_long_words",
        "a1b2c3d4e5f6g7h8i9j0",
        "------------------- ",
        "____________________",
        "$GITLAB_TOKEN_SUFFIX",
        "{TOKEN}",
        "[A-Za-z0-9_-]{20}",
        "\\w{20}",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "...",
        "<your-token>",
    ];
    for prefix in [
        "glpat-",
        "gldt-",
        "glrt-",
        "glrt-t1_",
        "glsoat-",
        "GR1348941",
        "feed_token=",
    ] {
        for body in BODIES {
            let text = format!("a {prefix}{body} b");
            for detection in found(&text) {
                assert_eq!(detection.confidence, Confidence::Low, "{text}");
            }
        }
    }
}

#[test]
fn an_unprefixed_token_is_medium_at_most_and_found_once() {
    let expansion = expanded(
        "GITLAB_PRIVATE_TOKEN={{personal_access_token/token-variable}}\n\
         gitlab_private_token: {{personal_access_token/token-variable#2}}\n",
    );
    let detections = found(&expansion.text);
    assert_eq!(detections.len(), 2);
    for (detection, specimen) in detections.iter().zip(&expansion.specimens) {
        assert_eq!(detection.confidence, Confidence::Medium);
        assert_eq!(detection.public, 0);
        assert!(detection.leak.evidence.contains(&Evidence::Context));
        let Span { start, end } = detection.span;
        assert!(&expansion.text[start..end] == specimen.token());
    }
}

#[test]
fn a_context_leaves_tokens_with_a_prefix_to_their_rule() {
    let expansion = expanded(
        "PRIVATE-TOKEN: {{personal_access_token/legacy}}\n\
         https://oauth2:{{personal_access_token/routable-v1}}@gitlab.example\n\
         GITLAB_TOKEN={{deploy_token/legacy}}\n",
    );
    let detections = found(&expansion.text);
    let rules: Vec<&str> = detections.iter().map(|found| found.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "leaked-access-token",
            "leaked-access-token",
            "leaked-deploy-token"
        ]
    );
}

#[test]
fn endless_input_is_read_in_linear_time() {
    // A quadratic walk over these would take a quarter of an hour.
    let detector = detector();
    let size = 1 << 16;
    for unit in [
        "glpat-",
        "glrt-t1_",
        "a",
        "glcbt-eyJ",
        ".01.0r0",
        "[[runners]]\n",
        "-glpat-",
        "glimt-a-",
        "gliamrt-aaaaaaaaaaaaaaaa.",
        "trigger/pipeline",
        "trigger/pipeline?token=\\\n",
        "machine gitlab ",
        "machine gitlab\n\n\n\n",
        "private_token=",
        "GITLAB_TOKEN",
        "client_secret=",
        "gitlab_gitlab_",
        ":_authToken",
        "glpat-.",
        "glpat-\"\"",
        "glpat-\" + \"",
        "\"glpat-\"  \n \"\"",
        "Z2xwYXQt",
        "Z2xwYXQtdscGF0LTnbHBhdC0",
        "WjJ4d1lYUXQ",
        "LjAxLjBy",
        "Z2l0bGFi",
        "Z2xwYXQtQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w\n",
        "676c7061742d",
        "67",
        "glpat%2d",
        "glpat%25",
        "glpat\\u002d",
        "glpat\\\\",
        "glpat&#45;",
        "%67%6c",
        "\\u0067\\u006c",
        "g\0l\0p\0a\0t\0-\0",
        "\0g\0l",
        "%2d.01.0r0aaaaaa ",
    ] {
        let text = unit.repeat(size / unit.len());
        let detections = scan(detector, text.as_bytes());
        assert!(
            detections
                .iter()
                .all(|detection| detection.confidence == Confidence::Low),
            "{unit}"
        );
    }
}

#[test]
fn a_session_cookie_is_named_by_its_value_alone() {
    let expansion = expanded("Cookie: {{gitlab_session_cookie/hex32}}");
    let detection = &found(&expansion.text)[0];
    let value = expansion.specimens[0].token();
    assert_eq!(
        detection.leak.digest,
        crate::model::Digest::of(value.as_bytes())
    );
    assert_eq!(value.len(), 32);
    assert_eq!(detection.public, 0);
}
