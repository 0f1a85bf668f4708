//! The vectors of routable tokens: synthetic, each with what it must give.

use super::*;

/// A vector with the rule and ids it must give; synthetic, and kept in parts so that this file
/// holds no token.
struct Valid(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    [u64; 6],
);

// Ids in the order c, g, o, p, t, u; 0 where the key is absent.
const VALID: &[Valid] = &[
    Valid(
        "v01",
        "glpat-",
        "OF6uM_kYbJUmt5u5ynJLdG86MQp1OjFlOXhxCw.01.120dvisva",
        "leaked-access-token",
        [0, 0, 1, 0, 0, 2_345_678],
    ),
    Valid(
        "v02",
        "glpat-",
        "OSF1bI7mLsV2vRk8A8dgP2M6MQpvOjEKdToxNgw.01.1319blg4q",
        "leaked-access-token",
        [1, 0, 1, 0, 0, 42],
    ),
    Valid(
        "v03",
        "glrt-",
        "MKRBwvv7S-Id5EhltxQFFWM6MQpvOjEKcDo1ejkwCnQ6Mwp1OjExNRg.01.1j0a2qmd3",
        "leaked-runner-token",
        [1, 0, 1, 278_964, 3, 1337],
    ),
    Valid(
        "v04",
        "glrtr-",
        "9YN-jIF4_cNLjmZhzz1utWM6MQpnOjdveQpvOjEKdDoyEQ.01.1a0rnaan6",
        "leaked-runner-token",
        [1, 9970, 1, 0, 2, 0],
    ),
    Valid(
        "v05",
        "glrt-",
        "Rd5aJGx3CZeGb7-w6dKpG2M6MQp0OjEH.01.0w0imyy1u",
        "leaked-runner-token",
        [1, 0, 0, 0, 1, 0],
    ),
    Valid(
        "v06",
        "glagent-",
        "hc4E0sabtinjrmyoF0-El2M6MQpvOjEKcDo1ejkwDg.01.1603fo39e",
        "leaked-agent-token",
        [1, 0, 1, 278_964, 0, 0],
    ),
    Valid(
        "v07",
        "glwt-",
        "hJAfx74YU-3TvNbuwdCcjmM6MQpvOjEKdToxNgw.01.1311w8sqm",
        "leaked-workspace-token",
        [1, 0, 1, 0, 0, 42],
    ),
    Valid(
        "v08",
        "glpat-",
        "bzoxCnU6MTYzUMd8-symO3qXbYbUROmkEA.0y1f1aepd",
        "leaked-access-token",
        [0, 0, 1, 0, 0, 42],
    ),
    Valid(
        "v09",
        "glrt-t3_",
        "bzoxCnA6NXo5MAp1OjExNdpqFBwOGBa_5vncM2j4yrUQ.180ckro6p",
        "leaked-runner-token",
        [0, 0, 1, 278_964, 0, 1337],
    ),
    Valid(
        "v10",
        "acme-prod-",
        "cogiDbkmoa4lOBOyZ4GD4m86MQp1OjE2CA.01.0y14j13yi",
        "leaked-access-token",
        [0, 0, 1, 0, 0, 42],
    ),
    Valid(
        "v11",
        "ACME-glpat-",
        "4AO2DePP2mW4iqdqpOA7Wm86MQp1OjE2CA.01.0y04e98uo",
        "leaked-access-token",
        [0, 0, 1, 0, 0, 42],
    ),
    Valid(
        "v12",
        "",
        concat!("Vgd0UxlZ1xFDyNlVF-I-VG86MQp1OjE2CA", ".01.0y1a8bxbs"),
        "leaked-access-token",
        [0, 0, 1, 0, 0, 42],
    ),
];

/// Carriers that a value stands in; `{}` is the value.
const CARRIERS: &[&str] = &[
    "{}",
    "token={}\n",
    "\"{}\"",
    "value is {} here",
    "https://oauth2:{}@gitlab.example/a.git",
    "see {}. Then",
    "line\\n{}\\n",
    "(`{}`)",
];

#[test]
fn valid_vectors_are_proven_in_every_carrier() {
    let detector = detector();
    for Valid(id, prefix, rest, rule, [c, g, o, p, t, u]) in VALID {
        let token = format!("{prefix}{rest}");
        let present = |value: &u64| (*value > 0).then_some(*value);
        for carrier in CARRIERS {
            let text = carrier.replace("{}", &token);
            let detections = scan(detector, text.as_bytes());
            assert_eq!(detections.len(), 1, "{id} in {carrier}");
            let detection = &detections[0];
            let Span { start, end } = detection.span;
            assert!(text[start..end] == token, "{id} in {carrier}");
            assert_eq!(detection.rule.as_str(), *rule, "{id}");
            assert_eq!(detection.confidence, Confidence::High, "{id}");
            assert_eq!(
                detection.leak.evidence,
                [Evidence::ChecksumVerified],
                "{id}"
            );
            assert_eq!(detection.public, prefix.len(), "{id}");
            assert!(detection.leak.mask.as_str().starts_with(prefix), "{id}");
            let routing = detection.leak.routing.as_ref().unwrap();
            assert_eq!(routing.cell, present(c), "{id}");
            assert_eq!(routing.group, present(g), "{id}");
            assert_eq!(routing.organization, present(o), "{id}");
            assert_eq!(routing.project, present(p), "{id}");
            assert_eq!(routing.runner_type, present(t), "{id}");
            assert_eq!(routing.user, present(u), "{id}");
        }
    }
}

#[test]
fn refused_vectors_are_shape_alone() {
    const REFUSED: &[(&str, &str, &str, &str)] = &[
        (
            "x01",
            "glpat-",
            "OF6uM_kYbJUmt5u5ynJLdG86MQp1OjFlOXhxCw.01.120dvisv0",
            "leaked-access-token",
        ),
        (
            "x02",
            "glrt-",
            "MKRBwAv7S-Id5EhltxQFFWM6MQpvOjEKcDo1ejkwCnQ6Mwp1OjExNRg.01.1j0a2qmd3",
            "leaked-runner-token",
        ),
        (
            "x03",
            "glpat-",
            "OF6uM_kYbJUmt5u5ynJLdG86MQp1OjFlOXhxCw.01.111bgikgs",
            "leaked-access-token",
        ),
        (
            "x04",
            "glrt-",
            "OF6uM_kYbJUmt5u5ynJLdG86MQp1OjFlOXhxCw.01.120dvisva",
            "leaked-runner-token",
        ),
        (
            "x05",
            "glpat-",
            "4AO2DePP2mW4iqdqpOA7Wm86MQp1OjE2CA.01.0y04e98uo",
            "leaked-access-token",
        ),
        (
            "x06",
            "glpat-",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAA.01.0r1jbw1s6",
            "leaked-access-token",
        ),
    ];
    let detector = detector();
    for (id, prefix, rest, rule) in REFUSED {
        let text = format!("value is {prefix}{rest} here");
        let detections = scan(detector, text.as_bytes());
        assert_eq!(detections.len(), 1, "{id}");
        assert_eq!(detections[0].rule.as_str(), *rule, "{id}");
        assert_eq!(detections[0].confidence, Confidence::Low, "{id}");
        assert_eq!(
            detections[0].leak.evidence,
            [Evidence::ChecksumBroken],
            "{id}"
        );
        assert_eq!(detections[0].leak.routing, None, "{id}");
        assert_eq!(detections[0].span.len(), prefix.len() + rest.len(), "{id}");
    }
}
