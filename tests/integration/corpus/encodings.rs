//! The ways to write a text in other characters, each of which keeps track of where the token goes.
//!
//! Written for the corpus and independent of the decoders that it tries.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// A text and the bytes in it that are the token, or that encode it.
#[derive(Clone, Debug)]
pub(super) struct Planted {
    pub(super) text: Vec<u8>,
    pub(super) token: Range<usize>,
}

impl Planted {
    /// The token of `text` between other texts.
    pub(super) fn between(self, before: &str, after: &str) -> Self {
        let text = [before.as_bytes(), &self.text, after.as_bytes()].concat();
        Self {
            text,
            token: self.token.start + before.len()..self.token.end + before.len(),
        }
    }

    /// Each byte replaced by what `encode` makes of it.
    fn bytewise(&self, mut encode: impl FnMut(usize, u8) -> Vec<u8>) -> Self {
        let mut text = Vec::new();
        let mut token = 0..0;
        for (at, byte) in self.text.iter().enumerate() {
            if at == self.token.start {
                token.start = text.len();
            }
            text.extend(encode(at, *byte));
            if at + 1 == self.token.end {
                token.end = text.len();
            }
        }
        Self { text, token }
    }
}

/// A way to write a value.
pub(super) struct Encoding {
    /// Names it in messages.
    pub(super) name: &'static str,
    pub(super) encode: fn(&Planted) -> Planted,
    /// Whether the result has several lines.
    pub(super) has_lines: bool,
}

const fn encoding(name: &'static str, encode: fn(&Planted) -> Planted) -> Encoding {
    Encoding {
        name,
        encode,
        has_lines: false,
    }
}

const fn folded(name: &'static str, encode: fn(&Planted) -> Planted) -> Encoding {
    Encoding {
        name,
        encode,
        has_lines: true,
    }
}

/// Every way to write a value inside of a file.
pub(super) const VALUES: &[Encoding] = &[
    encoding("base64", |value| base64(value, &STANDARD)),
    encoding("base64 after one byte", |value| {
        base64(&value.clone().between(":", ""), &STANDARD)
    }),
    encoding("base64 after two bytes", |value| {
        base64(&value.clone().between("a:", ""), &STANDARD)
    }),
    encoding("base64 before one byte", |value| {
        base64(&value.clone().between("me:", "\n"), &STANDARD)
    }),
    encoding("base64 in JSON", |value| {
        base64(&value.clone().between("{\"auth\": \"", "\"}"), &STANDARD)
    }),
    encoding("base64 without padding", |value| base64(value, &UNPADDED)),
    encoding("base64 without padding after one byte", |value| {
        base64(&value.clone().between(":", "\n"), &UNPADDED)
    }),
    encoding("base64 without padding after two bytes", |value| {
        base64(&value.clone().between("a:", "\n"), &UNPADDED)
    }),
    encoding("base64url", |value| base64(value, &URL)),
    encoding("base64url after one byte", |value| {
        base64(&value.clone().between("?", "?>"), &URL)
    }),
    encoding("base64url after two bytes", |value| {
        base64(&value.clone().between(">?", "~~"), &URL_UNPADDED)
    }),
    encoding("base64 of base64", |value| {
        base64(
            &base64(&value.clone().between("me:", ""), &STANDARD),
            &STANDARD,
        )
    }),
    encoding("base64 of JSON with base64", |value| {
        let inner = base64(&value.clone().between("a:", ""), &STANDARD);
        base64(
            &inner.between("{\"auths\":{\"git.example\":{\"auth\":\"", "\"}}}"),
            &STANDARD,
        )
    }),
    encoding("base64 of base64 after one byte", |value| {
        base64(&base64(value, &STANDARD).between("x ", " y"), &URL_UNPADDED)
    }),
    folded("base64 folded at 64", |value| {
        fold(&base64(&long(value), &STANDARD), 64, "\n")
    }),
    folded("base64 folded at 76", |value| {
        fold(&base64(&long(value), &STANDARD), 76, "\r\n")
    }),
    folded("base64 folded at 76, one byte on", |value| {
        fold(&base64(&long(value).between(" ", ""), &STANDARD), 76, "\n")
    }),
    folded("base64 folded at 64, two bytes on", |value| {
        fold(&base64(&long(value).between("  ", ""), &STANDARD), 64, "\n")
    }),
    folded("base64 folded and indented", |value| {
        fold(&base64(&long(value), &STANDARD), 64, "\n    ")
    }),
    encoding("hex", |value| {
        value.bytewise(|_, byte| format!("{byte:02x}").into())
    }),
    encoding("upper case hex", |value| {
        value.bytewise(|_, byte| format!("{byte:02X}").into())
    }),
    encoding("hex of base64", |value| {
        base64(&value.clone().between("me:", ""), &STANDARD)
            .bytewise(|_, byte| format!("{byte:02x}").into())
    }),
    encoding("upper case hex of base64 after one byte", |value| {
        base64(&value.clone().between(":", "\n"), &STANDARD)
            .bytewise(|_, byte| format!("{byte:02X}").into())
    }),
    encoding("percent, reserved characters", |value| {
        value.bytewise(|_, byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' => vec![byte],
            _ => format!("%{byte:02X}").into(),
        })
    }),
    encoding("percent, every character", |value| {
        value.bytewise(|_, byte| format!("%{byte:02x}").into())
    }),
    encoding("percent of percent", |value| {
        value.bytewise(|_, byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'.' => vec![byte],
            _ => format!("%25{byte:02X}").into(),
        })
    }),
    encoding("\\u escapes of hyphens", |value| hyphens(value, "\\u002d")),
    encoding("upper case \\u escapes of hyphens", |value| {
        hyphens(value, "\\u002D")
    }),
    encoding("\\x escapes of hyphens", |value| hyphens(value, "\\x2d")),
    encoding("\\u escapes of every character", |value| {
        value.bytewise(|_, byte| format!("\\u{byte:04x}").into())
    }),
    encoding("\\x escapes of every character", |value| {
        value.bytewise(|_, byte| format!("\\x{byte:02x}").into())
    }),
    encoding("decimal HTML entities of hyphens", |value| {
        hyphens(value, "&#45;")
    }),
    encoding("hexadecimal HTML entities of hyphens", |value| {
        hyphens(value, "&#x2d;")
    }),
    encoding("decimal HTML entities of every character", |value| {
        value.bytewise(|_, byte| format!("&#{byte};").into())
    }),
];

/// A value in base64 behind the name of a user.
pub(super) fn login(value: &Planted, user: &str) -> Planted {
    base64(&value.clone().between(&format!("{user}:"), ""), &STANDARD)
}

/// A whole file in base64, as Kubernetes keeps files.
pub(super) fn secret(file: &Planted) -> Planted {
    base64(file, &STANDARD).between("data:\n  .dockerconfigjson: ", "\n")
}

/// A way to write a whole file.
pub(super) struct Charset {
    /// Names it in messages.
    pub(super) name: &'static str,
    encode: fn(u16) -> [u8; 2],
    mark: bool,
}

/// Every way to write a file but UTF-8.
pub(super) const CHARSETS: &[Charset] = &[
    Charset {
        name: "UTF-16LE",
        encode: u16::to_le_bytes,
        mark: false,
    },
    Charset {
        name: "UTF-16LE with BOM",
        encode: u16::to_le_bytes,
        mark: true,
    },
    Charset {
        name: "UTF-16BE",
        encode: u16::to_be_bytes,
        mark: false,
    },
    Charset {
        name: "UTF-16BE with BOM",
        encode: u16::to_be_bytes,
        mark: true,
    },
];

impl Charset {
    /// The same text in this character set.
    pub(super) fn write(&self, planted: &Planted) -> Planted {
        let text = std::str::from_utf8(&planted.text).unwrap();
        let encode =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(self.encode).collect() };
        let mut bytes = if self.mark {
            encode("\u{feff}")
        } else {
            Vec::new()
        };
        bytes.extend(encode(&text[..planted.token.start]));
        let start = bytes.len();
        bytes.extend(encode(&text[planted.token.clone()]));
        let end = bytes.len();
        bytes.extend(encode(&text[planted.token.end..]));
        Planted {
            text: bytes,
            token: start..end,
        }
    }
}

const STANDARD: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new());
const UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false),
);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, GeneralPurposeConfig::new());
const URL_UNPADDED: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false),
);

/// Each character holds six bits: the token goes from the one that has its first bit to the one that
/// has its last.
fn base64(value: &Planted, engine: &GeneralPurpose) -> Planted {
    Planted {
        text: engine.encode(&value.text).into_bytes(),
        token: value.token.start * 8 / 6..(value.token.end * 8 - 1) / 6 + 1,
    }
}

/// Text before and after, so that folding cuts the token.
fn long(value: &Planted) -> Planted {
    value.clone().between(
        "user = somebody\nhost = git.example\npassword = ",
        "\n# the end of a file that is long enough to be folded more than once\n",
    )
}

/// A line end between every `width` characters. It belongs to the token where it stands in it.
fn fold(value: &Planted, width: usize, line_end: &str) -> Planted {
    let lines: Vec<&[u8]> = value.text.chunks(width).collect();
    let moved = |at: usize| at + at / width * line_end.len();
    Planted {
        text: lines.join(line_end.as_bytes()),
        token: moved(value.token.start)..moved(value.token.end - 1) + 1,
    }
}

fn hyphens(value: &Planted, escape: &str) -> Planted {
    value.bytewise(|_, byte| match byte {
        b'-' => escape.into(),
        _ => vec![byte],
    })
}

#[test]
fn the_place_of_a_token_is_kept() {
    let value = Planted {
        text: b"a-b".to_vec(),
        token: 1..3,
    };
    let shown = |planted: Planted| {
        let text = String::from_utf8(planted.text).unwrap();
        (text.clone(), text[planted.token].to_owned())
    };
    let pair = |text: &str, token: &str| (text.to_owned(), token.to_owned());
    assert_eq!(shown(base64(&value, &STANDARD)), pair("YS1i", "S1i"));
    assert_eq!(shown(fold(&value, 2, "\n")), pair("a-\nb", "-\nb"));
    assert_eq!(shown(hyphens(&value, "&#45;")), pair("a&#45;b", "&#45;b"));
    let wide = CHARSETS[1].write(&value);
    assert_eq!(wide.text, b"\xff\xfea\0-\0b\0");
    assert_eq!(wide.token, 4..8);
}
