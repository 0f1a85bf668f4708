//! Where a token may begin and end.
//!
//! A prefix at the end of a longer word is no token, and a body that goes on is another thing. But
//! text is often escaped: in `"a\nglpat-…"` the letter before the prefix belongs to the escape.

use super::alphabet::is_word;

/// What stands before a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// A boundary: the token begins with its prefix.
    Open,
    /// `<instance>-`, which belongs to the token, from this offset.
    Instance(usize),
    /// The end of a longer word.
    Closed,
}

/// The most bytes that an instance's own prefix has (design document of routable tokens).
pub(super) const MAX_INSTANCE: usize = 20;

/// What stands before the prefix at `at`.
pub(super) fn left_of(text: &[u8], at: usize) -> Left {
    if opens(text, at) || is_glued(&text[..at]) {
        return Left::Open;
    }
    match instance_start(text, at) {
        Some(start) => Left::Instance(start),
        None => Left::Closed,
    }
}

/// Whether a token may begin at `at`: nothing, a byte that is no word character, or an escape
/// directly before it.
pub(super) fn opens(text: &[u8], at: usize) -> bool {
    at == 0 || !is_word(text[at - 1]) || ends_in_escape(&text[..at])
}

/// Whether a token may end before `at`.
pub(super) fn closes(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|byte| !is_word(*byte))
}

/// Whether `before` ends in something that tools and shells glue to a value: the `-` of
/// `${TOKEN:-…}` and `${TOKEN-…}`, or an option letter as in `docker login -p…`.
fn is_glued(before: &[u8]) -> bool {
    let [head @ .., last] = before else {
        return false;
    };
    if *last == b'-' {
        let head = head.strip_suffix(b"-").unwrap_or(head);
        let name = head
            .iter()
            .rev()
            .take(64)
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        return match head.last() {
            None => true,
            Some(byte) if !is_word(*byte) => true,
            Some(_) => head[..head.len() - name].ends_with(b"${"),
        };
    }
    last.is_ascii_alphabetic()
        && head.ends_with(b"-")
        && matches!(
            head[..head.len() - 1].last(),
            None | Some(b' ' | b'\t' | b'\n' | b'"' | b'\'')
        )
}

/// Whether `before` ends in an escape sequence whose last byte is a word character.
fn ends_in_escape(before: &[u8]) -> bool {
    let hexadecimal = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    match before {
        // In mail `=3D` stands for the sign of equality.
        [.., b'\\', b'n' | b't' | b'r' | b'b' | b'f' | b'v' | b'0']
        | [.., b'=', b'0' | b'2'..=b'7', b'0'..=b'9' | b'A'..=b'F'] => true,
        [.., b'\\', b'x' | b'X', a, b] | [.., b'%', a, b] | [.., b'%', b'2', b'5', a, b] => {
            hexadecimal(&[*a, *b])
        }
        [.., b'\\', b'u', a, b, c, d] => hexadecimal(&[*a, *b, *c, *d]),
        [.., b'm'] => ends_in_colour(&before[..before.len() - 1]),
        _ => false,
    }
}

/// The most bytes of a colour sequence's parameters: `38;2;255;255;255` is the longest in use.
const MAX_COLOUR: usize = 24;

/// Whether `before` ends in an ANSI colour sequence without its final `m`, with the escape character
/// itself or one of the ways to write it.
fn ends_in_colour(before: &[u8]) -> bool {
    let parameters = before
        .iter()
        .rev()
        .take(MAX_COLOUR)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
        .count();
    before[..before.len() - parameters]
        .strip_suffix(b"[")
        .is_some_and(|head| {
            [
                b"\x1b".as_slice(),
                br"\x1b",
                br"\x1B",
                br"\e",
                br"\033",
                br"\u001b",
                br"\u001B",
                b"^[",
            ]
            .iter()
            .any(|escape| head.ends_with(escape))
        })
}

/// Where the `<instance>-` before the prefix at `at` begins.
///
/// The nearest boundary wins, except that a full stop is taken into the instance where a further
/// boundary is in reach: instances are often named by their domain.
fn instance_start(text: &[u8], at: usize) -> Option<usize> {
    if !text[..at].ends_with(b"-") {
        return None;
    }
    // Without any byte that is no word character in reach there is no boundary: the quick way out of
    // a file that is one endless run.
    let reach = at.saturating_sub(MAX_INSTANCE + MAX_COLOUR + 2);
    if reach > 0 && text[reach..at].iter().all(|byte| is_word(*byte)) {
        return None;
    }
    let mut after_stop = None;
    for start in (at.saturating_sub(MAX_INSTANCE)..at - 1).rev() {
        if !is_word(text[start]) && text[start] != b'.' {
            break;
        }
        if text[start].is_ascii_alphanumeric() && opens(text, start) {
            if start > 0 && text[start - 1] == b'.' {
                after_stop = Some(start);
            } else {
                return Some(start);
            }
        }
    }
    after_stop
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(before: &str) -> Left {
        left_of(format!("{before}PREFIX").as_bytes(), before.len())
    }

    #[test]
    fn opens_after_nothing_and_after_bytes_outside_of_words() {
        for before in ["", " ", "\"", "=", ":", "@", "/", ".", "\n", "é", "\0"] {
            assert_eq!(left(before), Left::Open, "{before:?}");
        }
    }

    #[test]
    fn opens_after_escapes() {
        for before in [
            r"a\n",
            r"a\t",
            r"a\r",
            r"a\b",
            r"a\f",
            r#"a\""#,
            r"a\\n",
            r"a\u003d",
            r"a\u0022",
            r"a\x3D",
            "a%3D",
            "a%20",
            "a%253D",
            "a=3D",
            "a=20",
            "a\x1b[31m",
            "a\x1b[1;38;5;208m",
            r"a\x1b[0m",
            r"a\033[1m",
            r"a\e[m",
        ] {
            assert_eq!(left(before), Left::Open, "{before:?}");
        }
    }

    #[test]
    fn is_closed_after_a_word() {
        for before in [
            "x", "_", "a1", "%zz", "=3d", "=9A", "31m", "[31m", r"\u03d", "name_", r"\q",
        ] {
            assert_eq!(left(before), Left::Closed, "{before:?}");
        }
    }

    #[test]
    fn what_shells_glue_to_a_value_is_a_boundary() {
        for before in ["${TOKEN:-", "${TOKEN-", " -p", "'-H", ":-", "--", "-"] {
            assert_eq!(left(before), Left::Open, "{before:?}");
        }
        assert_eq!(left("a-p"), Left::Closed);
    }

    #[test]
    fn takes_an_instance_of_up_to_twenty_bytes() {
        assert_eq!(left("=ACME-"), Left::Instance(1));
        assert_eq!(left("ACME-"), Left::Instance(0));
        assert_eq!(left("token acme_1-"), Left::Instance(6));
        assert_eq!(left(r"a\nACME-"), Left::Instance(3));
        assert_eq!(left("%3DACME-"), Left::Instance(3));
        assert_eq!(left("=git.acme.com-"), Left::Instance(1));
        assert_eq!(left("=abcdefghijklmnopqrs-"), Left::Instance(1));
        assert_eq!(left("=abcdefghijklmnopqrst-"), Left::Closed);
        assert_eq!(left("=long.abcdefghijklmno-"), Left::Instance(6));
        assert_eq!(left("=x.ab-"), Left::Instance(1));
    }

    #[test]
    fn closes_at_the_end_and_before_bytes_outside_of_words() {
        assert!(closes(b"ab", 2));
        assert!(closes(b"ab.", 2));
        assert!(closes(b"ab\\n", 2));
        assert!(!closes(b"ab-", 2));
        assert!(!closes(b"abc", 2));
    }
}
