//! Finds the row of the endpoint matrix that a call belongs to, as GitLab's router would.
//!
//! Routes are a tree of path segments. From left to right a literal segment beats `:x`, and `:x` beats
//! `*x`; a way that leads nowhere is left for the next best. A segment that a variable fills may turn
//! out to be anything: it is taken for `:x`, and where a literal could be meant as well the answer is
//! that it is ambiguous, never a guess.

use std::collections::BTreeMap;

use super::endpoints::Endpoint;
use super::path::{Path, Segment};
use super::template::{Partial, Shape, classify, forms};
use crate::model::Method;

/// The most nodes that one lookup looks at. Real calls need about as many as they have segments.
const MAX_STEPS: usize = 4096;
/// The most ways to read one call. With more, nothing is known of it.
const MAX_READINGS: usize = 64;

/// The rows that a call may belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteMatch<'k> {
    /// This one.
    One(&'k Endpoint),
    /// One of these and no other, by what the variables in its path hold.
    Ambiguous(Vec<&'k Endpoint>),
    /// None that is known, or too many to tell.
    None,
}

impl<'k> RouteMatch<'k> {
    /// The one row, where it is one.
    pub const fn one(&self) -> Option<&'k Endpoint> {
        match self {
            Self::One(endpoint) => Some(endpoint),
            _ => None,
        }
    }
}

/// All routes, as a tree of segments.
#[derive(Clone, Debug)]
pub(super) struct Routes {
    endpoints: Vec<Endpoint>,
    /// The first is the root.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    literals: BTreeMap<&'static str, usize>,
    /// Segments with a fixed beginning or end around `:x`, such as `binary-:architecture`.
    partials: Vec<(Partial, usize)>,
    /// `:x`
    one: Option<usize>,
    /// `*x`
    many: Option<usize>,
    /// The rows that end here, by method.
    rows: BTreeMap<Method, usize>,
}

impl Routes {
    pub(super) fn new(endpoints: Vec<Endpoint>) -> Self {
        let mut routes = Self {
            endpoints,
            nodes: vec![Node::default()],
        };
        // A route without optional parts wins where another has the same shape without its own.
        let mut optional: Vec<(usize, usize, String)> = Vec::new();
        for row in 0..routes.endpoints.len() {
            let template = routes.endpoints[row].template;
            if template.contains('(') {
                let forms = forms(template).into_iter().enumerate();
                optional.extend(forms.map(|(rank, form)| (rank, row, form)));
            } else {
                routes.insert(row, template.split('/'));
            }
        }
        optional.sort();
        for (_, row, form) in optional {
            // A form is made of whole segments of its template, which lives as long as the program.
            let template = routes.endpoints[row].template;
            let segments = form.split('/').map(|segment| {
                let start = template.find(segment).expect("a segment of the template");
                &template[start..start + segment.len()]
            });
            routes.insert(row, segments);
        }
        routes
    }

    pub(super) fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    fn insert(&mut self, row: usize, segments: impl Iterator<Item = &'static str>) {
        let mut at = 0;
        for segment in segments.filter(|segment| !segment.is_empty()) {
            let next = self.nodes.len();
            let node = &mut self.nodes[at];
            let slot = match classify(segment) {
                Shape::Literal(text) => node.literals.entry(text).or_insert(next),
                Shape::One => node.one.get_or_insert(next),
                Shape::Many => node.many.get_or_insert(next),
                Shape::Partial(partial) => {
                    let known = node
                        .partials
                        .iter()
                        .position(|(other, _)| *other == partial);
                    let index = known.unwrap_or_else(|| {
                        node.partials.push((partial, next));
                        node.partials.len() - 1
                    });
                    &mut node.partials[index].1
                }
            };
            at = *slot;
            if at == next {
                self.nodes.push(Node::default());
            }
        }
        self.nodes[at]
            .rows
            .entry(self.endpoints[row].method)
            .or_insert(row);
    }

    /// The row for `method` on `path`, which may be a full URL.
    pub(super) fn find(&self, method: Method, path: &str) -> RouteMatch<'_> {
        let Some(path) = Path::parse(path) else {
            return RouteMatch::None;
        };
        // A HEAD is answered by the GET unless it has a row of its own.
        let methods: &[Method] = match method {
            Method::Head => &[Method::Head, Method::Get],
            _ => &[method],
        };
        methods
            .iter()
            .map(|method| self.find_row(*method, &path))
            .find(|found| *found != RouteMatch::None)
            .unwrap_or(RouteMatch::None)
    }

    fn find_row(&self, method: Method, path: &Path<'_>) -> RouteMatch<'_> {
        let mut search = Search {
            routes: self,
            method,
            segments: path.segments(),
            steps: 0,
            found: Vec::new(),
        };
        search.walk(0, 0, Reading::START);
        if search.steps >= MAX_STEPS || search.found.len() >= MAX_READINGS {
            return RouteMatch::None;
        }
        let mut found = search.found;
        // `/projects/$X/releases` could be `/projects/user/:user_id` for a user named `releases`. A word
        // that is written out means the literal it spells, so such readings are left out.
        let spelled = found
            .iter()
            .filter(|(_, reading)| reading.sure)
            .map(|(_, reading)| reading.literals)
            .max()
            .unwrap_or(0);
        found.retain(|(_, reading)| reading.sure || reading.literals >= spelled);
        found.sort_by_key(|(row, reading)| (*row, !reading.sure));
        found.dedup_by_key(|(row, _)| *row);
        match found.as_slice() {
            [] => RouteMatch::None,
            [(row, reading)] if reading.sure => RouteMatch::One(&self.endpoints[*row]),
            rows => {
                RouteMatch::Ambiguous(rows.iter().map(|(row, _)| &self.endpoints[*row]).collect())
            }
        }
    }
}

struct Search<'s> {
    routes: &'s Routes,
    method: Method,
    segments: &'s [Segment<'s>],
    steps: usize,
    found: Vec<(usize, Reading)>,
}

/// How the segments so far were read.
#[derive(Clone, Copy)]
struct Reading {
    /// No variable was taken for a literal.
    sure: bool,
    /// How many segments that are written out are literals of the route.
    literals: usize,
}

impl Reading {
    const START: Self = Self {
        sure: true,
        literals: 0,
    };

    fn spelled(self) -> Self {
        Self {
            literals: self.literals + 1,
            ..self
        }
    }

    fn guessed(self) -> Self {
        Self {
            sure: false,
            ..self
        }
    }
}

impl Search<'_> {
    /// Follows the segments from `at` on. Says whether a row was found for sure, so that what has less
    /// precedence need not be tried.
    fn walk(&mut self, node: usize, at: usize, reading: Reading) -> bool {
        self.steps += 1;
        if self.steps >= MAX_STEPS || self.found.len() >= MAX_READINGS {
            return true;
        }
        let routes = self.routes;
        let node = &routes.nodes[node];
        match self.segments.get(at) {
            None => {
                let row = node.rows.get(&self.method);
                self.found.extend(row.map(|row| (*row, reading)));
                reading.sure && row.is_some()
            }
            Some(Segment::Fixed(text)) => self.walk_fixed(node, at, reading, text),
            Some(segment @ Segment::Open { text, .. }) => {
                // Some literals begin with a dollar sign: `/v2/$metadata`.
                if let Some(next) = node.literals.get(text) {
                    self.walk(*next, at + 1, reading.spelled())
                } else {
                    self.walk_open(node, at, reading, segment)
                }
            }
        }
    }

    fn walk_fixed(&mut self, node: &Node, at: usize, reading: Reading, text: &str) -> bool {
        if let Some(next) = node.literals.get(text)
            && self.walk(*next, at + 1, reading.spelled())
        {
            return true;
        }
        for (partial, next) in &node.partials {
            if partial.matches(text) && self.walk(*next, at + 1, reading) {
                return true;
            }
        }
        self.walk_wild(node, at, reading)
    }

    fn walk_open(
        &mut self,
        node: &Node,
        at: usize,
        reading: Reading,
        segment: &Segment<'_>,
    ) -> bool {
        let found = self.walk_wild(node, at, reading);
        for (literal, next) in &node.literals {
            if segment.may_be(literal) {
                self.walk(*next, at + 1, reading.guessed());
            }
        }
        for (_, next) in &node.partials {
            self.walk(*next, at + 1, reading.guessed());
        }
        found
    }

    fn walk_wild(&mut self, node: &Node, at: usize, reading: Reading) -> bool {
        if let Some(next) = node.one
            && self.walk(next, at + 1, reading)
        {
            return true;
        }
        if let Some(next) = node.many {
            for end in at + 1..=self.segments.len() {
                if self.walk(next, end, reading) {
                    return true;
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::endpoints;
    use super::*;

    fn routes() -> Routes {
        Routes::new(endpoints::load())
    }

    fn template(routes: &Routes, call: &str) -> String {
        let (method, path) = call.split_once(' ').unwrap();
        match routes.find(Method::parse(method).unwrap(), path) {
            RouteMatch::One(endpoint) => format!("{} {}", endpoint.method, endpoint.template),
            RouteMatch::Ambiguous(_) => "ambiguous".to_owned(),
            RouteMatch::None => "none".to_owned(),
        }
    }

    #[test]
    fn literals_beat_names_and_names_beat_wildcards() {
        let routes = routes();
        for (call, expected) in [
            ("GET /runners/all", "GET /runners/all"),
            ("GET /runners/7", "GET /runners/:id"),
            (
                "GET /personal_access_tokens/self",
                "GET /personal_access_tokens/self",
            ),
            (
                "GET /personal_access_tokens/7",
                "GET /personal_access_tokens/:id",
            ),
            (
                "GET /projects/1/releases/permalink/latest",
                "GET /projects/:id/releases/permalink/latest(/)(*suffix_path)",
            ),
            (
                "GET /projects/1/jobs/2/artifacts/some/file.txt",
                "GET /projects/:id/jobs/:job_id/artifacts/*artifact_path",
            ),
            (
                "GET /projects/1/jobs/artifacts/main/raw/some/file.txt",
                "GET /projects/:id/jobs/artifacts/:ref_name/raw/*artifact_path",
            ),
            (
                "PUT /packages/npm/-/package/@acme/shop/dist-tags/latest",
                "PUT /packages/npm/-/package/*package_name/dist-tags/:tag",
            ),
        ] {
            assert_eq!(template(&routes, call), expected, "{call}");
        }
    }

    #[test]
    fn a_literal_that_leads_nowhere_is_left() {
        // `all` is a literal below `/runners`, and only GET ends there.
        assert_eq!(
            template(&routes(), "DELETE /runners/all"),
            "DELETE /runners/:id"
        );
    }

    #[test]
    fn optional_parts_may_be_there_or_not() {
        let routes = routes();
        let trigger = "POST /projects/:id/(ref/:ref/)trigger/pipeline";
        let generic =
            "PUT /projects/:id/packages/generic/:package_name/*package_version/(*path/):file_name";
        for (call, expected) in [
            ("POST /projects/1/trigger/pipeline", trigger),
            ("POST /projects/1/ref/main/trigger/pipeline", trigger),
            (
                "PUT /projects/1/packages/generic/tool/1.0/tool.zip",
                generic,
            ),
            (
                "PUT /projects/1/packages/generic/tool/1.0/deep/er/tool.zip",
                generic,
            ),
            (
                "GET /groups/1/epics/2/epics",
                "GET /groups/:id/(-/)epics/:epic_iid/epics",
            ),
            (
                "GET /groups/1/-/epics/2/epics",
                "GET /groups/:id/(-/)epics/:epic_iid/epics",
            ),
            ("GET /groups/1/search", "GET /groups/:id/(-/)search"),
            ("GET /groups/1/-/search", "GET /groups/:id/(-/)search"),
            (
                "GET /vscode/settings_sync/v1/manifest",
                "GET /vscode/settings_sync(/:settings_context_hash)/v1/manifest",
            ),
            (
                "GET /projects/1/packages/nuget/v2/Packages()",
                "GET /projects/:project_id/packages/nuget/v2/Packages()",
            ),
            (
                "GET /projects/1/packages/nuget/v2/Packages(Id='a.b',Version='1.2')",
                "GET /projects/:project_id/packages/nuget/v2/Packages(Id='*package_name',Version='*package_version')",
            ),
        ] {
            assert_eq!(template(&routes, call), expected, "{call}");
        }
    }

    #[test]
    fn urls_prefixes_and_encoded_paths() {
        let routes = routes();
        for path in [
            "https://gitlab.example/api/v4/projects/acme%2Fshop/releases?per_page=1#x",
            "/api/v4/projects/acme%2Fshop/releases/",
            "$CI_API_V4_URL/projects/$CI_PROJECT_ID/releases",
            "${CI_API_V4_URL}/projects/${CI_PROJECT_ID}/releases",
            "projects/${{ input }}/releases",
        ] {
            assert_eq!(
                template(&routes, &format!("POST {path}")),
                "POST /projects/:id/releases",
                "{path}"
            );
        }
        assert_eq!(
            template(&routes, "POST /projects/acme/shop/releases"),
            "none"
        );
        assert_eq!(
            template(&routes, "GET https://gitlab.example/projects"),
            "none"
        );
    }

    #[test]
    fn a_variable_that_may_be_a_literal_is_ambiguous() {
        let routes = routes();
        assert_eq!(template(&routes, "GET /runners/$RUNNER"), "ambiguous");
        assert_eq!(
            template(&routes, "GET /runners/$CI_RUNNER_ID"),
            "GET /runners/:id"
        );
        assert_eq!(
            template(&routes, "GET /runners/r$RUNNER"),
            "GET /runners/:id"
        );
        assert_eq!(template(&routes, "GET /$WHAT"), "ambiguous");
        assert_eq!(template(&routes, "GET /$MUCH/$TOO/$MUCH"), "none");
        assert_eq!(
            template(&routes, "POST /projects/$P/releases"),
            "POST /projects/:id/releases"
        );
        assert_eq!(
            template(&routes, "GET /groups/1/-/packages/nuget/v2/$metadata"),
            "GET /groups/:id/-/packages/nuget/v2/$metadata"
        );
        assert_eq!(
            template(&routes, "GET /projects/$P/variables/$KEY"),
            "GET /projects/:id/variables/:key"
        );
        let RouteMatch::Ambiguous(rows) = routes.find(Method::Get, "/runners/$RUNNER") else {
            panic!("ambiguous");
        };
        let templates: Vec<_> = rows.iter().map(|row| row.template).collect();
        assert_eq!(templates, ["/runners/:id", "/runners/all"]);
    }

    #[test]
    fn a_head_is_answered_by_its_get() {
        let routes = routes();
        assert_eq!(template(&routes, "HEAD /projects/1"), "GET /projects/:id");
        assert_eq!(
            template(&routes, "HEAD /projects/1/repository/branches/main"),
            "HEAD /projects/:id/repository/branches/:branch"
        );
    }

    #[test]
    fn every_row_is_reached_by_its_own_template() {
        let routes = routes();
        for endpoint in routes.endpoints() {
            for form in forms(endpoint.template) {
                let path: Vec<String> = form
                    .split('/')
                    .map(|segment| match classify(segment.to_owned().leak()) {
                        Shape::Literal(text) => text.to_owned(),
                        Shape::One | Shape::Many => "0x".to_owned(),
                        Shape::Partial(partial) => partial.filled("0x"),
                    })
                    .collect();
                let found = routes.find(endpoint.method, &path.join("/")).one();
                // Some routes have a row with an optional part and another row without it.
                if found.is_none_or(|found| found.template != form) {
                    assert_eq!(found, Some(endpoint), "{} {form}", endpoint.method);
                }
            }
        }
    }

    #[test]
    fn hostile_paths_are_bounded() {
        let routes = routes();
        for path in [
            "/a".repeat(100_000),
            "/$X".repeat(60),
            format!("/projects/1/packages/nuget/symbolfiles{}", "/$X".repeat(55)),
            "$".repeat(100_000),
            "/projects/1/releases/".to_owned() + &"%".repeat(100_000),
        ] {
            routes.find(Method::Get, &path);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_written_out_path_is_never_ambiguous(
            path in "(/(projects|groups|1|-|packages|npm|artifacts|all|self|x)){1,9}"
        ) {
            static ROUTES: std::sync::LazyLock<Routes> = std::sync::LazyLock::new(routes);
            proptest::prop_assert!(!matches!(
                ROUTES.find(Method::Get, &path),
                RouteMatch::Ambiguous(_)
            ));
        }
    }
}
