//! Paths as relative URI references (RFC 3986), for the formats that name files by URI.

/// Encodes a path with `/` between its segments.
///
/// Everything but unreserved characters is encoded, `:` included: a first segment such as `a:b`
/// would otherwise be read as a scheme. Slashes at the start, which would make the reference
/// absolute, are encoded as well.
pub(super) fn relative(path: &str) -> String {
    use std::fmt::Write as _;

    let rooted = path.len() - path.trim_start_matches('/').len();
    let mut uri = String::with_capacity(path.len());
    for (at, byte) in path.bytes().enumerate() {
        match byte {
            b'/' if at >= rooted => uri.push('/'),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => write!(uri, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodes_what_would_change_the_meaning() {
        assert_eq!(relative("src/main.rs"), "src/main.rs");
        assert_eq!(
            relative("a b/50%/#1?/c:d\\e.txt"),
            "a%20b/50%25/%231%3F/c%3Ad%5Ce.txt"
        );
        assert_eq!(relative("größe/\u{1b}\n"), "gr%C3%B6%C3%9Fe/%1B%0A");
    }

    #[test]
    fn is_never_absolute() {
        assert_eq!(relative("//host/x"), "%2F%2Fhost/x");
        assert_eq!(relative("mailto:x"), "mailto%3Ax");
    }

    fn decoded(uri: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = uri.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            if byte == b'%' {
                let digits = std::str::from_utf8(&tail[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &tail[2..];
            } else {
                bytes.push(byte);
                rest = tail;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn decodes_to_the_path(path in any::<String>()) {
            let uri = relative(&path);
            prop_assert!(uri.is_ascii());
            prop_assert_eq!(decoded(&uri), path);
        }
    }
}
