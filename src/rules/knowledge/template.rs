//! The path templates of the endpoint matrix: segments and optional parts.

/// What one segment of a template takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// This text.
    Literal(&'static str),
    /// Fixed texts with something between: `binary-:architecture`.
    Partial(Partial),
    /// `:x`: anything.
    One,
    /// `*x`: anything, and more segments after it.
    Many,
}

/// The shape of a segment.
pub(super) fn classify(segment: &'static str) -> Shape {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let mut texts = Vec::new();
    let mut rest = segment;
    while let Some(mark) = rest.find([':', '*']) {
        let name = rest[mark + 1..]
            .bytes()
            .take_while(|byte| is_name(*byte))
            .count();
        if name == 0 {
            break;
        }
        texts.push(&rest[..mark]);
        rest = &rest[mark + 1 + name..];
    }
    if texts.is_empty() {
        return Shape::Literal(segment);
    }
    texts.push(rest);
    match texts.as_slice() {
        ["", ""] if segment.starts_with(':') => Shape::One,
        ["", ""] => Shape::Many,
        _ => Shape::Partial(Partial(texts)),
    }
}

/// The template with and without each of its optional parts; without all of them first.
///
/// A parenthesis is optional where a slash or a name stands at its edge; `Packages()` is a literal.
pub(super) fn forms(template: &str) -> Vec<String> {
    let mut forms = vec![String::new()];
    let mut rest = template;
    while let Some(open) = rest.find('(') {
        let Some(close) = rest[open..].find(')').map(|at| open + at) else {
            break;
        };
        let inner = &rest[open + 1..close];
        let optional = inner.starts_with(['/', ':', '*']) || inner.ends_with('/');
        let fixed = if optional {
            &rest[..open]
        } else {
            &rest[..=close]
        };
        for form in &mut forms {
            form.push_str(fixed);
        }
        if optional {
            let with: Vec<String> = forms.iter().map(|form| format!("{form}{inner}")).collect();
            forms.extend(with);
        }
        rest = &rest[close + 1..];
    }
    for form in &mut forms {
        form.push_str(rest);
    }
    // `latest(/)(*path)` has no form `latest*path`.
    forms.retain(|form| form.split('/').all(|segment| template.contains(segment)));
    forms
}

/// Fixed texts with something between each two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partial(Vec<&'static str>);

impl Partial {
    /// Whether the segment has all texts, and something between each two.
    pub(super) fn matches(&self, segment: &str) -> bool {
        let (first, rest) = self.0.split_first().expect("a partial has two texts");
        let (last, between) = rest.split_last().expect("a partial has two texts");
        let Some(mut inner) = segment
            .strip_prefix(first)
            .and_then(|inner| inner.strip_suffix(last))
        else {
            return false;
        };
        for text in between {
            match inner.split_once(text) {
                Some((before, after)) if !before.is_empty() => inner = after,
                _ => return false,
            }
        }
        !inner.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::endpoints;
    use super::*;

    impl Partial {
        /// The texts with `text` between each two.
        pub(in crate::rules::knowledge) fn filled(&self, text: &str) -> String {
            self.0.join(text)
        }
    }

    #[test]
    fn optional_parts_have_a_slash_or_a_name_at_their_edge() {
        assert_eq!(forms("/a/(b/)c"), ["/a/c", "/a/b/c"]);
        assert_eq!(forms("/a(/:b)/c"), ["/a/c", "/a/:b/c"]);
        assert_eq!(forms("/a(/)(*b)"), ["/a", "/a/", "/a/*b"]);
        assert_eq!(forms("/a/P()"), ["/a/P()"]);
        assert_eq!(forms("/a/P(Id='*b')"), ["/a/P(Id='*b')"]);
        assert_eq!(forms("/a/(b"), ["/a/(b"]);
    }

    #[test]
    fn partial_segments() {
        let partial = |segment| match classify(segment) {
            Shape::Partial(partial) => partial,
            _ => panic!("partial"),
        };
        assert!(partial("binary-:arch").matches("binary-amd64"));
        assert!(!partial("binary-:arch").matches("binary-"));
        assert!(partial(":version.info").matches("v1.info"));
        assert!(!partial(":version.info").matches("v1.mod"));
        assert!(partial("a:x-:y.z").matches("a1-2.z"));
        assert!(!partial("a:x-:y.z").matches("a1.z"));
    }

    #[test]
    fn no_two_rows_have_one_shape() {
        let mut shapes = BTreeMap::new();
        for endpoint in endpoints::load() {
            let shape: Vec<String> = endpoint
                .template
                .split('/')
                .map(|segment| match classify(segment) {
                    Shape::One => ":".to_owned(),
                    Shape::Many => "*".to_owned(),
                    Shape::Literal(_) | Shape::Partial(_) => segment.to_owned(),
                })
                .collect();
            let other = shapes.insert((endpoint.method, shape), endpoint.template);
            assert_eq!(other, None, "{}", endpoint.template);
        }
    }
}
