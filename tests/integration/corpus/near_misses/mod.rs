//! What looks like a token and is none: nothing of it may be reported at medium or above.
//!
//! Bodies stand apart from prefixes, and random parts are made at run time, so that no text of a
//! token's shape stands in this file either.

mod elsewhere;
mod references;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use glpatrol::detect::specimen::{Modifier, SplitMix64};
use glpatrol::model::Confidence;
use glpatrol::rules::{Alphabet, Body};

use super::encodings::{CHARSETS, Planted, VALUES};
use super::forms::Sort;
use super::{none, scan};
use crate::harness::rules;

/// A text without token, and the sort of near miss that it is.
pub(super) struct NearMiss {
    pub(super) sort: &'static str,
    /// The name of a file that such a text stands in.
    pub(super) file: &'static str,
    pub(super) text: String,
}

/// Gathers texts of one sort after the other.
struct Gatherer {
    misses: Vec<NearMiss>,
    random: SplitMix64,
}

impl Gatherer {
    fn add(&mut self, sort: &'static str, text: impl Into<String>) {
        let file = match sort {
            "pattern" => "rules.toml",
            "class" => "page.html",
            "lock file" => "some.lock",
            "minified" => "app.min.js",
            "reference" | "identifier" | "other vendor" => "settings.conf",
            _ => "text.txt",
        };
        let text = text.into();
        self.misses.push(NearMiss { sort, file, text });
    }

    fn hex(&mut self, length: usize) -> String {
        self.random.run(Alphabet::Hex, length)
    }

    fn word(&mut self, length: usize) -> String {
        self.random.run(Alphabet::Alphanumeric, length)
    }

    fn base64(&mut self, length: usize) -> String {
        // `+` and `/` as often as any other.
        let text = self.random.run(Alphabet::Base64url, length);
        text.replace('-', "+").replace('_', "/")
    }

    fn uuid(&mut self) -> String {
        let parts = [8, 4, 4, 4, 12].map(|length| self.hex(length));
        parts.join("-")
    }
}

/// Every near miss.
pub(super) fn near_misses() -> Vec<NearMiss> {
    let mut gatherer = Gatherer {
        misses: Vec::new(),
        random: SplitMix64::new(4),
    };
    let sorts = Sort::all(&rules());
    spoilt(&mut gatherer, &sorts);
    damaged(&mut gatherer, &sorts);
    bodies(&mut gatherer, &sorts);
    patterns(&mut gatherer, &sorts);
    references::add(&mut gatherer, &sorts);
    documented(&mut gatherer, &sorts);
    identifiers(&mut gatherer);
    elsewhere::add(&mut gatherer);
    lock_files(&mut gatherer);
    machine_made(&mut gatherer);
    other_vendors(&mut gatherer);
    version_marks(&mut gatherer);
    gatherer.misses
}

/// Every form spoilt in every way that it can be.
fn spoilt(gatherer: &mut Gatherer, sorts: &[Sort]) {
    for sort in sorts {
        let carriers = sort.carriers();
        for (number, modifier) in Modifier::ALL.iter().enumerate() {
            // The checksum tells where a token begins, whatever stands before it; and a mail address
            // always has something before its key.
            let is_glued = *modifier == Modifier::Glued;
            if is_glued && (sort.form.body == Body::RoutableV1 || sort.needs_frame()) {
                continue;
            }
            let Some(value) = sort.spoilt(*modifier, &mut gatherer.random) else {
                continue;
            };
            let (before, after) = carriers[number % carriers.len()].around();
            gatherer.add("spoilt", format!("{before}{value}{after}"));
        }
    }
}

/// Tokens cut short or run on, and tokens with a checksum of which one character was changed.
fn damaged(gatherer: &mut Gatherer, sorts: &[Sort]) {
    for sort in bare(sorts).filter(|sort| sort.has_one_length()) {
        let token = sort.token("damaged").text;
        for cut in [token.len() / 2, token.len() - 2, token.len() - 1] {
            gatherer.add("truncated", format!("token: {}\n", &token[..cut]));
            gatherer.add("truncated", format!("token: {}...\n", &token[..cut]));
        }
        for more in ["a", "-", "_B", "9Zk2"] {
            gatherer.add("longer", format!("token: {token}{more}\n"));
        }
        if matches!(sort.form.body, Body::Segments(_)) {
            continue;
        }
        for at in [token.len() - 7, token.len() - 8, token.len() - 30] {
            let mut broken = token.clone().into_bytes();
            broken[at] = if broken[at] == b'1' { b'0' } else { b'1' };
            let broken = String::from_utf8(broken).unwrap();
            gatherer.add("broken checksum", format!("token: {broken}\n"));
        }
    }
}

/// The right prefix and length, and a body that nobody's generator made.
fn bodies(gatherer: &mut Gatherer, sorts: &[Sort]) {
    const BODIES: &[(&str, &str)] = &[
        ("placeholder", "your-token-here"),
        ("placeholder", "YOUR_ACCESS_TOKEN"),
        ("placeholder", "insert_your_token"),
        ("placeholder", "xxxxxxxxxxxxxxxxxxxx"),
        ("placeholder", "XXXXXX_replace_XXXXXX"),
        ("placeholder", "EXAMPLE"),
        ("placeholder", "exampletoken1234"),
        ("placeholder", "dummyDummy12"),
        ("placeholder", "changeme_"),
        ("placeholder", "redacted-"),
        ("placeholder", "my-secret-token-"),
        ("placeholder", "not-a-real-token-"),
        ("placeholder", "fake_Fake_fake_"),
        ("placeholder", "todo_fill_in_here_"),
        ("placeholder", "TestTokenForUnit"),
        ("sequence", "1234567890"),
        ("sequence", "0123456789abcdef"),
        ("sequence", "abcdefghijklmnopqrstuvwxyz"),
        ("sequence", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("sequence", "aBcDeFgHiJkLmNoPqRsTuVwXyZ"),
        ("sequence", "a1b2c3d4e5f6g7h8i9"),
        ("sequence", "qwertyuiopasdfghjkl"),
        ("sequence", "9876543210zyxwvu"),
        ("sequence", "a"),
        ("sequence", "0"),
        ("sequence", "Ab"),
        ("sequence", "abc123"),
        ("sequence", "------------_"),
        ("slug", "primary-button-large-outline-"),
        ("slug", "card__header--active-state_"),
        ("slug", "how-to-rotate-a-runner-"),
        ("slug", "release_notes_for_may_"),
        ("slug", "table-row-selected-hover-"),
        ("slug", "navigation-drawer-open-"),
        ("slug", "MyFavouriteProjectName"),
        ("slug", "WEEKLY_REPORT_SETTINGS_"),
        ("slug", "docs-index-page-2-column-"),
    ];
    for sort in bare(sorts) {
        let Some(length) = sort.friendly_length() else {
            continue;
        };
        let (prefix, carriers) = (sort.prefix(), sort.carriers());
        for (number, (name, body)) in BODIES.iter().enumerate() {
            let body: String = body.chars().cycle().take(length).collect();
            let (before, after) = carriers[number % carriers.len()].around();
            gatherer.add(name, format!("{before}{prefix}{body}{after}"));
        }
        gatherer.add("class", format!(".{prefix}button {{ color: red }}\n"));
        gatherer.add(
            "class",
            format!("<i class=\"{prefix}icon {prefix}icon-small\"></i>\n"),
        );
        gatherer.add(
            "mention",
            format!("They begin with `{prefix}` and are secret.\n"),
        );
        gatherer.add("mention", format!("if token.startswith(\"{prefix}\"):\n"));
        gatherer.add("masked", format!("token: {prefix}{}\n", "*".repeat(length)));
        gatherer.add("masked", format!("token: {prefix}****************abcd\n"));
        gatherer.add("masked", format!("token: {prefix}[MASKED]\n"));
        gatherer.add("mention", format!("token: {prefix}<random>\n"));
    }
}

/// The patterns of scanners, validators and documents.
fn patterns(gatherer: &mut Gatherer, sorts: &[Sort]) {
    for prefix in prefixes(sorts) {
        for pattern in [
            r"[\w-]{20}",
            r"[0-9a-zA-Z\-_]{20}",
            r"[0-9a-zA-Z_-]{20,22}\b",
            r"[A-Za-z0-9_\-]{27,300}\.[0-9a-z]{2}[0-9a-z]{7}",
            r"[\w-]{27,300}\.\d{2}\.[0-9a-z]{9}",
            r"(?P<body>[-_A-Za-z0-9]{20})",
            r"\w{20}",
            r".{20}",
            r"[a-f0-9]{40}",
        ] {
            gatherer.add("pattern", format!("regex = '''\\b{prefix}{pattern}'''\n"));
        }
        gatherer.add(
            "pattern",
            format!("{{\"pattern\": \"\\\\b{prefix}[\\\\w-]{{20}}\\\\b\"}}\n"),
        );
    }
}

/// Values that GitLab's own documents, and those of its clients, show in place of tokens; in halves, so
/// that nobody takes them for tokens here.
fn documented(gatherer: &mut Gatherer, sorts: &[Sort]) {
    const VALUES: &[(&str, &str)] = &[
        ("9koXpg98eA", "heJpvBs5tK"),
        ("QVy1PB7sTx", "fy4pqfZM1U"),
        ("n671WNGecH", "ugsdEDPsyo"),
        ("6Vk7ZsosqQ", "yfreAxXTZr"),
        ("JVNSESs8Ew", "WRx5yDxM5q"),
        ("vTbFeqJYCY", "3sibBP7BZM"),
    ];
    for (first, second) in VALUES {
        let value = [*first, *second].concat();
        gatherer.add(
            "documented",
            format!("curl -H \"PRIVATE-TOKEN: {value}\" https://gitlab.example\n"),
        );
        gatherer.add(
            "documented",
            format!("https://gitlab.example/x?private_token={value}\n"),
        );
        gatherer.add(
            "documented",
            format!("gitlab.Gitlab(url, private_token='{value}')\n"),
        );
        gatherer.add("documented", format!("export GITLAB_TOKEN = \"{value}\"\n"));
        gatherer.add(
            "documented",
            format!("https://gitlab-ci-token:{value}@gitlab.example/a.git\n"),
        );
        for sort in bare(sorts).filter(|sort| sort.friendly_length() == Some(20)) {
            gatherer.add(
                "documented",
                format!("token = '{}{value}'\n", sort.prefix()),
            );
        }
    }
}

/// Identifiers and digests where a token without prefix would stand.
fn identifiers(gatherer: &mut Gatherer) {
    const BEFORE: &[&str] = &[
        "PRIVATE-TOKEN: ",
        "private_token=",
        "GITLAB_TOKEN=",
        "gitlab_api_token: ",
        "CI_JOB_TOKEN=",
        "machine gitlab.example login me password ",
        "//gitlab.example/:_authToken=",
        "[[runners]]\n  token = \"",
        "https://git.example/trigger/pipeline?token=",
        "https://oauth2:",
        "docker login registry.gitlab.example -u me -p ",
        "docker login -u gitlab-ci-token -p ",
        "username: gitlab+deploy-token-7\npassword: ",
        "curl -k https://gitlab.example -u me:",
        "TF_HTTP_ADDRESS=https://git.example/api/v4/projects/7\nTF_HTTP_PASSWORD=",
        "[gitlab]\nrepository = https://git.example/api/v4/projects/7\npassword = ",
        "hosts:\n  gitlab.example:\n    api_protocol: https\n    token: ",
        "url: https://git.example/api/v4/feature_flags/unleash/7\ninstanceId: ",
    ];
    for before in BEFORE {
        let after = match *before {
            "https://oauth2:" => "@git.example/a/b.git\n",
            before if before.ends_with('"') => "\"\n",
            _ => "\n",
        };
        let uuid = gatherer.uuid();
        let upper = gatherer.uuid().to_uppercase();
        let md5 = gatherer.hex(32);
        let sha512 = gatherer.hex(128);
        let short = gatherer.hex(8);
        for value in [&uuid, &upper, &md5, &sha512, &short] {
            gatherer.add("identifier", format!("{before}{value}{after}"));
        }
        // A commit or a SHA-256 is no token either, but where tokens of just that shape are made.
        let (sha1, sha256) = (gatherer.hex(40), gatherer.hex(64));
        if !before.contains("trigger") {
            gatherer.add("identifier", format!("{before}{sha1}{after}"));
        }
        if !before.contains("oauth2") {
            gatherer.add("identifier", format!("{before}{sha256}{after}"));
        }
        for name in [
            "gitlabPrivateTokenV2",
            "MyGitlabTokenNumber1",
            "release-bot-token-v12",
            "secrets/Gitlab/Token1",
            "file:///run/Token1234",
            "20261120T101112Z00007",
            "12345678901234567890",
            "aaaaaaaaaaaaaaaaaaaa",
            "A1A1A1A1A1A1A1A1A1A1",
            "ExampleToken12345678",
        ] {
            gatherer.add("identifier", format!("{before}{name}{after}"));
        }
    }
}

/// What package managers write.
fn lock_files(gatherer: &mut Gatherer) {
    for number in 0..4 {
        let (sha512, sha1) = (gatherer.base64(86), gatherer.base64(27));
        let (digest, other) = (gatherer.hex(64), gatherer.hex(40));
        gatherer.add("lock file", format!("\"node_modules/gitlab-{number}\": {{\n  \"version\": \"1.01.{number}\",\n  \"resolved\": \"https://registry.example/gitlab-{number}.tgz\",\n  \"integrity\": \"sha512-{sha512}==\"\n}}\n"));
        gatherer.add("lock file", format!("gitlab@^{number}.01.2:\n  version \"{number}.01.2\"\n  resolved \"https://registry.example/gitlab.tgz#{other}\"\n  integrity sha1-{sha1}=\n"));
        gatherer.add("lock file", format!("[[package]]\nname = \"gitlab\"\nversion = \"0.01.{number}\"\nchecksum = \"{digest}\"\n"));
        gatherer.add(
            "lock file",
            format!(
                "gitlab.example/a/b v0.0.{number}-20260101000000-{} h1:{sha1}{}=\n",
                &other[..12],
                &sha512[..16]
            ),
        );
        gatherer.add(
            "lock file",
            format!("{{file = \"python_gitlab-{number}.01.0.whl\", hash = \"sha256:{digest}\"}}\n"),
        );
        gatherer.add(
            "lock file",
            format!("image: registry.gitlab.example/a/b@sha256:{digest}\n"),
        );
        gatherer.add(
            "lock file",
            format!("-   repo: https://gitlab.example/a/b\n    rev: {other}\n"),
        );
        gatherer.add("lock file", format!("GEM\n  remote: https://gitlab.example/\n  specs:\n    gitlab (4.{number})\n\nCHECKSUMS\n  gitlab (4.{number}) sha256={digest}\n"));
    }
}

/// Code that was made smaller, keys, pictures and other long random texts.
fn machine_made(gatherer: &mut Gatherer) {
    for kind in [
        "CERTIFICATE",
        "RSA PRIVATE KEY",
        "PGP MESSAGE",
        "OPENSSH PRIVATE KEY",
    ] {
        let lines: Vec<String> = (0..24).map(|_| gatherer.base64(64)).collect();
        let body = lines.join("\n");
        gatherer.add(
            "armoured",
            format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n"),
        );
        gatherer.add("armoured", format!("key: \"{}\"\n", lines.join("\\n")));
    }
    for kind in [
        "image/png",
        "image/svg+xml",
        "font/woff2",
        "application/octet-stream",
    ] {
        let body = gatherer.base64(4000);
        gatherer.add(
            "data address",
            format!("<img src=\"data:{kind};base64,{body}\">\n"),
        );
        gatherer.add(
            "data address",
            format!("{{\"data\": {{\"{kind}\": \"{body}\\n\"}}}}\n"),
        );
    }
    for number in 0..12 {
        let mut code = String::from("!function(e,t){");
        for _ in 0..300 {
            let (a, b) = (gatherer.word(2), gatherer.word(1));
            write!(code, "{a}.{b}=t-e.{a}_{number}||gl{b}-{a}.01.{b};").unwrap();
        }
        gatherer.add("minified", format!("{code}}}();\n"));
    }
    for length in [20, 64, 500, 3000] {
        let (hex, base64, word) = (
            gatherer.hex(length),
            gatherer.base64(length),
            gatherer.word(length),
        );
        gatherer.add("random", format!("{hex}\n"));
        gatherer.add("random", format!("{base64}\n"));
        gatherer.add("random", format!("a = '{word}'; // GitLab\n"));
        gatherer.add(
            "random",
            format!(
                "%{}\n",
                hex.as_bytes()
                    .chunks(2)
                    .map(|pair| std::str::from_utf8(pair).unwrap())
                    .collect::<Vec<_>>()
                    .join("%")
            ),
        );
    }
}

/// Credentials of others, by their shape alone.
fn other_vendors(gatherer: &mut Gatherer) {
    const SHAPES: &[(&str, usize)] = &[
        ("ghp_", 36),
        ("gho_", 36),
        ("ghs_", 36),
        ("github_pat_", 82),
        ("xoxb-", 48),
        ("xapp-", 60),
        ("sk_live_", 24),
        ("sk-", 48),
        ("AKIA", 16),
        ("AIza", 35),
        ("npm_", 36),
        ("pypi-AgEI", 90),
        ("dop_v1_", 64),
        ("SG.", 66),
        ("glc_", 60),
        ("glsa_", 41),
        ("hvs.", 95),
        ("shpat_", 32),
        ("rubygems_", 48),
        ("dckr_pat_", 27),
        ("lin_api_", 40),
        ("ATATT3x", 180),
        ("atlasv1.", 60),
        ("eyJ", 200),
    ];
    for (prefix, length) in SHAPES {
        let value = format!("{prefix}{}", gatherer.word(*length));
        gatherer.add("other vendor", format!("token: {value}\n"));
        gatherer.add("other vendor", format!("export API_TOKEN='{value}'\n"));
        gatherer.add("other vendor", format!("Authorization: Bearer {value}\n"));
        gatherer.add(
            "other vendor",
            format!("https://oauth2:{value}@git.example/a/b.git\n"),
        );
        gatherer.add(
            "other vendor",
            format!("GITLAB_TOKEN={value} # moved away\n"),
        );
    }
}

/// `.01.` where no token is.
fn version_marks(gatherer: &mut Gatherer) {
    for text in [
        "version 1.01.2\n",
        "host 10.01.02.03\n",
        "since 20.01.2026\n",
        "part.01.rar part.01.0a1b2c3d4.rar\n",
        "a-b_c.01.d-e_f\n",
        "v1.01.0-alpha1234567\n",
        "chapter-3.01.introduction\n",
    ] {
        gatherer.add("version mark", text);
    }
    for length in [27u32, 40, 60, 120, 300] {
        let body = gatherer.random.run(Alphabet::Base64url, length as usize);
        let checksum = gatherer.random.run(Alphabet::Base36, 7);
        let digit = |number: u32| char::from_digit(number, 36).unwrap();
        let digits = String::from_iter([digit(length / 36), digit(length % 36)]);
        gatherer.add("version mark", format!("id {body}.01.{digits}{checksum}\n"));
        gatherer.add(
            "version mark",
            format!("{body}.01.{digits}0{}\n", &checksum[1..]),
        );
        gatherer.add(
            "version mark",
            format!("acme-{body}.01.{digits}1{}\n", &checksum[1..]),
        );
        gatherer.add(
            "version mark",
            format!("{body}.{digits}0{}\n", &checksum[1..]),
        );
    }
}

/// Those that stand anywhere, with nothing but boundaries around them.
fn bare(sorts: &[Sort]) -> impl Iterator<Item = &Sort> {
    sorts
        .iter()
        .filter(|sort| sort.is_free() && !sort.needs_frame())
}

fn prefixes(sorts: &[Sort]) -> BTreeSet<&str> {
    let free = sorts.iter().filter(|sort| sort.is_free());
    free.map(Sort::prefix)
        .filter(|prefix| !prefix.is_empty())
        .collect()
}

#[test]
fn no_near_miss_is_reported() {
    let misses = near_misses();
    let texts: BTreeSet<&str> = misses.iter().map(|miss| miss.text.as_str()).collect();
    assert_eq!(texts.len(), misses.len(), "each counts once");
    assert!(misses.len() >= 2000, "{}", misses.len());
    let mut complaints = Vec::new();
    for (number, miss) in misses.iter().enumerate() {
        let plain = Planted {
            text: miss.text.clone().into_bytes(),
            token: 0..miss.text.len(),
        };
        let mut texts = vec![CHARSETS[number % CHARSETS.len()].write(&plain)];
        // An escape behind a token bounds it.
        if miss.sort != "longer" {
            texts.push((VALUES[number % VALUES.len()].encode)(&plain));
        }
        texts.push(plain);
        for found in texts.iter().flat_map(|text| scan(&text.text)) {
            if found.confidence >= Confidence::Medium {
                let shown: String = miss.text.chars().take(200).collect();
                complaints.push(format!(
                    "{}: {} {:?} {:?}: {shown}",
                    miss.sort, found.leak.form, found.confidence, found.leak.evidence
                ));
            }
        }
    }
    none(&complaints);
}
