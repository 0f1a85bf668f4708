//! The path of a call as scripts write it: a URL or what comes after `/api/v4`, with variables.

/// The most segments a path is followed for; no route is longer, files in an artifact may be.
const MAX_SEGMENTS: usize = 64;

/// A path below `/api/v4`.
#[derive(Debug)]
pub(super) struct Path<'a> {
    segments: Vec<Segment<'a>>,
}

/// One segment. An encoded project path (`acme%2Fshop`) is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    /// Written out.
    Fixed(&'a str),
    /// Holds variables, with what is fixed before the first and after the last.
    Open {
        /// As it is written.
        text: &'a str,
        before: &'a str,
        after: &'a str,
        /// Whether it is sure to be a number.
        number: bool,
    },
}

impl<'a> Path<'a> {
    /// Reads `/projects/1`, `/api/v4/projects/1`, `$CI_API_V4_URL/projects/1` or a full URL. `None` where
    /// it is no path of the REST API, or too long for one.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let below = below_api(text)?;
        let mut segments = Vec::new();
        for piece in Pieces(below) {
            if segments.len() == MAX_SEGMENTS {
                return None;
            }
            if !piece.is_empty() {
                segments.push(Segment::parse(piece));
            }
        }
        Some(Self { segments })
    }

    pub(super) fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }
}

impl<'a> Segment<'a> {
    fn parse(piece: &'a str) -> Self {
        let mut at = 0;
        let mut before = None;
        let mut after = 0;
        while let Some(start) = piece[at..].find('$').map(|found| at + found) {
            let end = start + variable_len(&piece[start..]);
            if end > start + 1 {
                before.get_or_insert(start);
                after = end;
            }
            at = end;
        }
        let Some(before) = before else {
            return Self::Fixed(piece);
        };
        let sole = before == 0 && after == piece.len();
        Self::Open {
            text: piece,
            before: &piece[..before],
            after: &piece[after..],
            number: sole && is_number(piece),
        }
    }

    /// Whether the variables may make it this literal.
    pub(super) fn may_be(&self, literal: &str) -> bool {
        match *self {
            Self::Fixed(text) => text == literal,
            Self::Open {
                text: _,
                before,
                after,
                number,
            } => {
                !number
                    && literal.len() >= before.len() + after.len()
                    && literal.starts_with(before)
                    && literal.ends_with(after)
            }
        }
    }
}

/// Predefined variables that hold numbers or commit ids (gitlabhq/gitlabhq
/// `doc/ci/variables/predefined_variables.md`): no route has those as a literal.
fn is_number(variable: &str) -> bool {
    let name = variable
        .trim_start_matches(['$', '{'])
        .trim_end_matches('}');
    name.strip_prefix("CI_").is_some_and(|name| {
        name.bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            && (name.ends_with("_ID") || name.ends_with("_IID") || name == "COMMIT_SHA")
    })
}

/// What comes after `/api/v4`, without query and fragment.
fn below_api(text: &str) -> Option<&str> {
    let text = text.trim();
    for name in ["CI_API_V4_URL", "{CI_API_V4_URL}"] {
        if let Some(rest) = text
            .strip_prefix('$')
            .and_then(|rest| rest.strip_prefix(name))
            && (rest.is_empty() || rest.starts_with(['/', '?', '#']))
        {
            return Some(rest);
        }
    }
    let is_url = text
        .split_once("://")
        .is_some_and(|(scheme, _)| !scheme.contains(['/', '?', '#']));
    if is_url || text.starts_with('$') {
        // The host may serve GitLab below a path of its own.
        let (base, rest) = text.split_once("/api/v4")?;
        let ends = rest.is_empty() || rest.starts_with(['/', '?', '#']);
        return (ends && !base.contains(['?', '#'])).then_some(rest);
    }
    let rest = text.strip_prefix('/').unwrap_or(text);
    match rest.strip_prefix("api/v4") {
        Some(below) if below.is_empty() || below.starts_with(['/', '?', '#']) => Some(below),
        _ => Some(rest),
    }
}

/// The bytes of the variable that `text`, which begins with `$`, begins with: `$X`, `${X}`, `${{ … }}`,
/// `$[[ … ]]` or `$( … )`. One where the `$` is no variable.
fn variable_len(text: &str) -> usize {
    let rest = &text[1..];
    let closed = |close: &str| rest.find(close).map(|at| 1 + at + close.len());
    let len = match rest.as_bytes() {
        [b'{', b'{', ..] => closed("}}"),
        [b'{', ..] => closed("}"),
        [b'[', b'[', ..] => closed("]]"),
        [b'(', ..] => closed(")"),
        _ => {
            let name = rest
                .bytes()
                .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            Some(1 + name.count())
        }
    };
    len.unwrap_or(text.len())
}

/// Cuts at `/`, but not inside of variables; ends at `?` and `#`.
struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let mut at = 0;
        while let Some(found) = self.0[at..]
            .find(['/', '?', '#', '$'])
            .map(|found| at + found)
        {
            match self.0.as_bytes()[found] {
                b'$' => at = found + variable_len(&self.0[found..]),
                b'/' => {
                    let piece = &self.0[..found];
                    self.0 = &self.0[found + 1..];
                    return Some(piece);
                }
                _ => {
                    let piece = &self.0[..found];
                    self.0 = "";
                    return Some(piece);
                }
            }
        }
        Some(std::mem::take(&mut self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> Option<Vec<Segment<'_>>> {
        Path::parse(text).map(|path| path.segments)
    }

    fn fixed(text: &str) -> Vec<&str> {
        segments(text)
            .unwrap()
            .into_iter()
            .map(|segment| match segment {
                Segment::Fixed(text) => text,
                Segment::Open { .. } => "$",
            })
            .collect()
    }

    #[test]
    fn accepts_every_way_to_write_the_base() {
        for base in [
            "",
            "/",
            "/api/v4/",
            "api/v4/",
            "$CI_API_V4_URL/",
            "${CI_API_V4_URL}/",
            "https://gitlab.example/api/v4/",
            "https://gitlab.example:8443/gitlab/api/v4/",
            "$CI_SERVER_URL/api/v4/",
            "${CI_SERVER_PROTOCOL}://${CI_SERVER_HOST}/api/v4//",
        ] {
            assert_eq!(
                fixed(&format!("{base}projects/1")),
                ["projects", "1"],
                "{base}"
            );
        }
        assert_eq!(fixed("$CI_API_V4_URL"), [""; 0]);
    }

    #[test]
    fn other_urls_are_no_paths_of_the_api() {
        assert!(segments("https://gitlab.example/acme/shop").is_none());
        assert!(segments("https://gitlab.example/api/v40/projects").is_none());
        assert!(segments("$CI_API_V4_URLS/projects").is_none());
        assert!(segments("$BASE/projects").is_none());
        assert!(segments("https://gitlab.example/x?u=/api/v4/projects").is_none());
        assert_eq!(
            fixed("/projects?import_url=https://a.example/b"),
            ["projects"]
        );
        assert_eq!(fixed("/api/v44"), ["api", "v44"]);
        assert_eq!(
            fixed("/projects/1/x/api/v4/y"),
            ["projects", "1", "x", "api", "v4", "y"]
        );
    }

    #[test]
    fn drops_query_fragment_and_trailing_slash() {
        assert_eq!(fixed("/projects/1/?private=/x"), ["projects", "1"]);
        assert_eq!(fixed("/projects/1#/x"), ["projects", "1"]);
        assert_eq!(fixed("/projects?x"), ["projects"]);
        assert_eq!(fixed("/projects/acme%2Fshop/"), ["projects", "acme%2Fshop"]);
    }

    #[test]
    fn variables_keep_together() {
        assert_eq!(fixed("/a/${X/\\//%2F}/b"), ["a", "$", "b"]);
        assert_eq!(fixed("/a/$[[ inputs.x/y ]]/b"), ["a", "$", "b"]);
        assert_eq!(fixed("/a/${{ x/y }}/b"), ["a", "$", "b"]);
        assert_eq!(fixed("/a/$(echo x/y?z)/b"), ["a", "$", "b"]);
        assert_eq!(fixed("/a/${X/b"), ["a", "$"]);
        assert_eq!(fixed("/a/x$/b"), ["a", "x$", "b"]);
    }

    #[test]
    fn knows_what_a_variable_may_be() {
        let segment = |text| Segment::parse(text);
        assert!(segment("$X").may_be("import"));
        assert!(segment("im$X").may_be("import"));
        assert!(segment("${X}rt").may_be("import"));
        assert!(!segment("v$X").may_be("import"));
        assert!(!segment("import$X-import").may_be("import"));
        assert!(!segment("$CI_PROJECT_ID").may_be("import"));
        assert!(!segment("${CI_MERGE_REQUEST_IID}").may_be("import"));
        assert!(segment("$CI_PROJECT_PATH").may_be("import"));
        assert!(segment("$CI_PROJECT_ID$X").may_be("import"));
        assert!(segment("$CI_X$CI_PROJECT_ID").may_be("import"));
        assert!(segment("${CI_X:-A_ID}").may_be("import"));
    }

    #[test]
    fn a_path_without_end_is_none() {
        assert!(segments(&"/a".repeat(MAX_SEGMENTS)).is_some());
        assert!(segments(&"/a".repeat(MAX_SEGMENTS + 1)).is_none());
        assert_eq!(fixed(&"/".repeat(100_000)), [""; 0]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_cut_without_a_panic(text in "[a-z$/{}\\[\\]()?#%_é]{0,60}") {
            if let Some(segments) = segments(&text) {
                proptest::prop_assert!(segments.len() <= MAX_SEGMENTS);
            }
        }
    }
}
