//! The rows of the endpoint matrix, `rules/knowledge/endpoints.csv`: what each REST route asks of a
//! token. `rules/knowledge/README.md` describes the columns, their sources and the known gaps.

use super::Version;
use super::roles::MinRole;
use crate::model::{Method, Role};

/// The matrix as it comes with the program; rows borrow from it.
const MATRIX: &str = include_str!("../../../rules/knowledge/endpoints.csv");

/// Number of columns.
const COLUMNS: usize = 16;

/// One method on one route, and what it asks of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path below `/api/v4`: `:x` is one segment, `*x` one or more, `( )` optional.
    pub template: &'static str,
    /// Whether a job token works.
    pub job_token: JobToken,
    /// The permission that the target's allowlist entry must hold where it is fine-grained.
    pub job_token_permission: Option<&'static str>,
    /// The ways to pass a job token, as the table writes them; see [`Endpoint::job_token_via`].
    via: &'static str,
    /// Since when job tokens work.
    pub job_token_since: Option<Since>,
    /// What a job token gets where it does not work.
    pub job_token_deny_status: Option<DenyStatus>,
    /// The smallest scope of an access token: a scope's id, `any`, or `none` where no access token is
    /// involved. `api` opens every row, `read_api` every GET.
    pub min_scope: &'static str,
    /// The lowest role that is enough on a private project or group.
    pub min_role: MinRole,
    /// `resource:action` of a fine-grained token; `|` is any of, `&` all of.
    pub fine_grained_permission: Option<&'static str>,
    /// Where a fine-grained token must be granted: `project`, `group`, `user`, `instance`, with `+`
    /// where several will do.
    pub boundary: Option<&'static str>,
    /// The scope with which a deploy token works; none works where it is `None`.
    pub deploy_token_scope: Option<&'static str>,
    /// Whether the call works without a token.
    pub anonymous: Anonymous,
    /// What the route takes in place of an access token.
    pub other_auth: Option<&'static str>,
    /// Group and resource as GitLab's own table names them.
    pub category: &'static str,
    /// Where the row comes from, separated by `;`.
    pub source: &'static str,
}

/// Whether a job token works on a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobToken {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// In some cases: own project, public repository, or inside of the runner.
    Conditional,
}

/// Since when something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Since {
    /// At the latest since this release; what was before was not read.
    AtMost(Version),
    /// Since exactly this release.
    Exactly(Version),
}

/// Whether a call works without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Anonymous {
    /// On any project.
    Always,
    /// Where project or group is public.
    Public,
    /// Never.
    No,
}

/// What a job token gets on a route that does not look at it; the call is then anonymous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenyStatus {
    /// 200: the data is public anyway.
    Ok,
    /// 401.
    Unauthorized,
    /// 404.
    NotFound,
    /// 401 or 404; the route's class was not read.
    Either,
}

impl DenyStatus {
    /// The status for a private project or group.
    pub const fn for_private(self, method: Method) -> u16 {
        match self {
            Self::Ok => 200,
            Self::NotFound => 404,
            Self::Either if matches!(method, Method::Get | Method::Head) => 404,
            Self::Unauthorized | Self::Either => 401,
        }
    }
}

/// A way to present a job token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobTokenVia {
    /// `JOB-TOKEN: …`
    JobTokenHeader,
    /// `Authorization: Bearer …`
    Bearer,
    /// The user name `gitlab-ci-token` with the token as password.
    Basic,
    /// `job_token=…`
    JobTokenParam,
    /// `token=…`
    TokenParam,
}

impl JobTokenVia {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "header:JOB-TOKEN" => Self::JobTokenHeader,
            "bearer" => Self::Bearer,
            "basic:gitlab-ci-token" => Self::Basic,
            "param:job_token" => Self::JobTokenParam,
            "param:token" => Self::TokenParam,
            _ => return None,
        })
    }
}

/// How sure a role is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleEvidence {
    /// Read in the route's code or in GitLab's documentation.
    Read,
    /// The role of an ability is exact, that the route asks for this ability was told from their names:
    /// enough for a warning, not for an error.
    LinkedByName,
    /// Inferred from the place where a token is granted, or from neighbours.
    Inferred,
    /// Not known.
    None,
}

/// Whether a job token reaches a route on a given release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// It does.
    Yes,
    /// It does not.
    No {
        /// The release that brings it, where one does.
        since: Option<Version>,
    },
    /// It depends on what cannot be seen, or was not read for this release.
    Unknown,
}

impl Endpoint {
    /// The ways that a job token can be passed.
    pub fn job_token_via(&self) -> impl Iterator<Item = JobTokenVia> {
        self.via.split(';').filter_map(JobTokenVia::parse)
    }

    /// The ability that the role was taken from: `read_merge_request`.
    pub fn ability(&self) -> Option<&'static str> {
        let ability = self.role_source()?.strip_prefix("authz.yml:")?;
        let ability = ability.strip_prefix("g:").unwrap_or(ability);
        ability.split('(').next()
    }

    /// How sure [`Endpoint::min_role`] is.
    pub fn role_evidence(&self) -> RoleEvidence {
        match self.role_source() {
            None | Some("-") => RoleEvidence::None,
            Some(source) if source.ends_with("(link:name)") => RoleEvidence::LinkedByName,
            Some(source) if source.contains("inferred") || source == "boundary-user" => {
                RoleEvidence::Inferred
            }
            Some(_) => RoleEvidence::Read,
        }
    }

    fn role_source(&self) -> Option<&'static str> {
        self.source
            .split(';')
            .find_map(|source| source.strip_prefix("role:"))
    }
}

/// Whether a job token reaches `endpoint` on a GitLab of this version; `None` means the newest known.
pub fn job_token_reach(endpoint: &Endpoint, version: Option<Version>) -> Reach {
    match endpoint.job_token {
        JobToken::No => return Reach::No { since: None },
        JobToken::Conditional => return Reach::Unknown,
        JobToken::Yes => {}
    }
    let Some((since, version)) = endpoint.job_token_since.zip(version) else {
        return Reach::Yes;
    };
    match since {
        Since::Exactly(since) if version < since => Reach::No { since: Some(since) },
        Since::AtMost(since) if version < since => Reach::Unknown,
        _ => Reach::Yes,
    }
}

/// All rows, in the order of the file.
pub(super) fn load() -> Vec<Endpoint> {
    MATRIX
        .lines()
        .skip(1)
        .map(|line| row(line).expect("the tests read every row of the embedded matrix"))
        .collect()
}

fn row(line: &'static str) -> Option<Endpoint> {
    let [
        method,
        template,
        job_token,
        job_token_permission,
        fine_grained_permission,
        min_scope,
        min_role,
        category,
        source,
        via,
        deploy_token_scope,
        boundary,
        anonymous,
        other_auth,
        deny_status,
        since,
    ] = cells(line)?;
    let given = |cell: &'static str| (!cell.is_empty()).then_some(cell);
    Some(Endpoint {
        method: Method::parse(method)?,
        template,
        job_token: match job_token {
            "yes" => JobToken::Yes,
            "no" => JobToken::No,
            "conditional" => JobToken::Conditional,
            _ => return None,
        },
        job_token_permission: given(job_token_permission).filter(|word| *word != "skip"),
        via,
        job_token_since: match given(since) {
            Some(cell) => Some(parse_since(cell)?),
            None => None,
        },
        job_token_deny_status: match deny_status {
            "" => None,
            "200" => Some(DenyStatus::Ok),
            "401" => Some(DenyStatus::Unauthorized),
            "404" => Some(DenyStatus::NotFound),
            "401|404" => Some(DenyStatus::Either),
            _ => return None,
        },
        min_scope,
        min_role: match min_role {
            "none" => MinRole::None,
            "unknown" => MinRole::Unknown,
            word => MinRole::Role(Role::parse(word)?),
        },
        fine_grained_permission: given(fine_grained_permission),
        boundary: given(boundary),
        deploy_token_scope: given(deploy_token_scope),
        anonymous: match anonymous {
            "always" => Anonymous::Always,
            "public" => Anonymous::Public,
            "no" => Anonymous::No,
            _ => return None,
        },
        other_auth: given(other_auth),
        category,
        source,
    })
}

fn parse_since(cell: &str) -> Option<Since> {
    match cell.strip_prefix("<=") {
        Some(version) => version.parse().ok().map(Since::AtMost),
        None => cell.parse().ok().map(Since::Exactly),
    }
}

/// The cells of a line. The csv crate would copy them; the embedded file quotes cells with a comma and
/// has no quotes inside of quotes, which a test holds.
fn cells(line: &'static str) -> Option<[&'static str; COLUMNS]> {
    let mut cells = [""; COLUMNS];
    let mut rest = line;
    for (at, cell) in cells.iter_mut().enumerate() {
        let last = at + 1 == COLUMNS;
        (*cell, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            let (cell, after) = quoted.split_once('"')?;
            (
                cell,
                if last {
                    after
                } else {
                    after.strip_prefix(',')?
                },
            )
        } else if last {
            (rest, "")
        } else {
            rest.split_once(',')?
        };
    }
    rest.is_empty().then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_as_the_csv_crate_reads_it() {
        let rows = load();
        assert_eq!(rows.len(), 2135);
        let mut reader = csv::Reader::from_reader(MATRIX.as_bytes());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), rows.len());
        for (line, record) in MATRIX.lines().skip(1).zip(&records) {
            assert_eq!(
                cells(line).unwrap().as_slice(),
                record.iter().collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn every_way_to_pass_a_job_token_is_known() {
        for endpoint in load() {
            let ways = endpoint
                .via
                .split(';')
                .filter(|way| !way.is_empty())
                .count();
            assert_eq!(
                endpoint.job_token_via().count(),
                ways,
                "{}",
                endpoint.template
            );
            assert_eq!(
                endpoint.job_token == JobToken::No,
                ways == 0,
                "{}",
                endpoint.template
            );
        }
    }

    #[test]
    fn a_cell_that_is_not_understood_makes_no_row() {
        let line = "GET,/x,maybe,,,api,none,c,s,,,,no,,401,";
        assert!(row(line).is_none());
        assert!(row("GET,/x,no,,,api,none,c,s,,,,no,,401,").is_some());
        assert!(row("GET,/x,no,,,api,none,c,s,,,,no,,401").is_none());
        assert!(row("GET,/x,no,,,api,none,c,s,,,,no,,401,18.x").is_none());
        assert!(row("GET,/x,no,,,api,none,c,s,,,,no,,418,").is_none());
        assert!(row("GET,\"/x,no,,,api,none,c,s,,,,no,,401,").is_none());
    }

    #[test]
    fn where_a_role_comes_from() {
        let find = |method, template: &str| {
            load()
                .into_iter()
                .find(|row| row.method == method && row.template == template)
                .unwrap()
        };
        let read = find(Method::Get, "/projects/:id/merge_requests");
        assert_eq!(read.role_evidence(), RoleEvidence::Read);
        assert_eq!(read.ability(), Some("read_merge_request"));
        let named = find(Method::Get, "/projects/:id/protected_branches");
        assert_eq!(named.role_evidence(), RoleEvidence::LinkedByName);
        let all = load();
        let count = |evidence| {
            all.iter()
                .filter(|row| row.role_evidence() == evidence)
                .count()
        };
        assert_eq!(count(RoleEvidence::LinkedByName), 1215);
        assert_eq!(count(RoleEvidence::None), 87);
    }

    #[test]
    fn reach_depends_on_the_release() {
        let endpoint = |job_token, since| Endpoint {
            job_token,
            job_token_since: since,
            ..load().swap_remove(0)
        };
        let version = |text: &str| Some(text.parse::<Version>().unwrap());
        let since = |text: &str| text.parse::<Version>().unwrap();

        let exact = endpoint(JobToken::Yes, Some(Since::Exactly(since("18.8"))));
        assert_eq!(job_token_reach(&exact, None), Reach::Yes);
        assert_eq!(job_token_reach(&exact, version("18.8")), Reach::Yes);
        assert_eq!(job_token_reach(&exact, version("19.0")), Reach::Yes);
        assert_eq!(
            job_token_reach(&exact, version("18.7")),
            Reach::No {
                since: version("18.8")
            }
        );
        let known_since = endpoint(JobToken::Yes, Some(Since::AtMost(since("18.5"))));
        assert_eq!(job_token_reach(&known_since, version("18.5")), Reach::Yes);
        assert_eq!(
            job_token_reach(&known_since, version("18.4")),
            Reach::Unknown
        );
        assert_eq!(job_token_reach(&known_since, None), Reach::Yes);

        let always = endpoint(JobToken::Yes, None);
        assert_eq!(job_token_reach(&always, version("10.0")), Reach::Yes);
        let never = endpoint(JobToken::No, None);
        assert_eq!(
            job_token_reach(&never, version("19.2")),
            Reach::No { since: None }
        );
        let sometimes = endpoint(JobToken::Conditional, Some(Since::Exactly(since("18.8"))));
        assert_eq!(job_token_reach(&sometimes, version("17.0")), Reach::Unknown);
    }

    #[test]
    fn a_status_that_was_not_read_follows_the_method() {
        assert_eq!(DenyStatus::Either.for_private(Method::Get), 404);
        assert_eq!(DenyStatus::Either.for_private(Method::Post), 401);
        assert_eq!(DenyStatus::Unauthorized.for_private(Method::Get), 401);
    }

    /// The rows of the matrix's own check list, each read by hand in the source that it names.
    #[test]
    fn the_hand_checked_rows_hold() {
        let rows = load();
        let row = |call: &str| {
            let (method, path) = call.split_once(' ').unwrap();
            let method = Method::parse(method).unwrap();
            rows.iter()
                .find(|row| row.method == method && row.template == path)
                .unwrap_or_else(|| panic!("{call}"))
        };
        for line in HAND_CHECKED.lines() {
            let mut words = line.split_whitespace();
            let call = format!("{} {}", words.next().unwrap(), words.next().unwrap());
            let row = row(&call);
            for word in words {
                let (key, expected) = word.split_once('=').unwrap();
                let role = match row.min_role {
                    MinRole::Role(role) => role.name().to_lowercase(),
                    MinRole::None => "none".to_owned(),
                    MinRole::Unknown => "unknown".to_owned(),
                };
                let since = row.job_token_since.map(|since| format!("{since:?}"));
                let status = row
                    .job_token_deny_status
                    .map(|status| status.for_private(row.method));
                let actual = match key {
                    "job" => match row.job_token {
                        JobToken::Yes => "yes",
                        JobToken::No => "no",
                        JobToken::Conditional => "conditional",
                    }
                    .to_owned(),
                    "permission" => row.job_token_permission.unwrap_or("none").to_owned(),
                    "via" => row
                        .job_token_via()
                        .map(|via| format!("{via:?}"))
                        .collect::<Vec<_>>()
                        .join(";"),
                    "since" => since.unwrap_or_default().replace(' ', ""),
                    "scope" => row.min_scope.to_owned(),
                    "role" => role,
                    "deny" => status.unwrap_or(0).to_string(),
                    "fine" => row.fine_grained_permission.unwrap_or("none").to_owned(),
                    "deploy" => row.deploy_token_scope.unwrap_or("none").to_owned(),
                    "anonymous" => format!("{:?}", row.anonymous).to_lowercase(),
                    _ => panic!("{key}"),
                };
                assert_eq!(actual, expected, "{key} of {call}");
            }
        }
        assert_eq!(HAND_CHECKED.lines().count(), 40);
    }

    const HAND_CHECKED: &str = "\
GET /projects/:id/merge_requests job=yes permission=READ_MERGE_REQUESTS scope=read_api role=planner since=AtMost(Version{major:18,minor:5})
POST /projects/:id/merge_requests job=no scope=api role=developer deny=401 fine=merge_request:create
PUT /projects/:id/merge_requests/:merge_request_iid job=no role=developer
DELETE /projects/:id/merge_requests/:merge_request_iid job=no role=owner
GET /projects/:id/merge_requests/:noteable_id/notes job=yes permission=READ_MERGE_REQUESTS
POST /projects/:id/merge_requests/:noteable_id/notes job=no role=planner scope=api fine=work_item:create
GET /projects/:id/merge_requests/:merge_request_iid/changes job=no deny=404
GET /projects/:id/repository/files/:file_path/raw job=yes scope=read_repository role=planner
GET /projects/:id/repository/files/:file_path job=no scope=read_repository
PUT /projects/:id/repository/files/:file_path job=no scope=api role=developer
GET /projects/:id/repository/tree job=no scope=read_api
POST /projects/:id/repository/tags job=no role=developer
GET /projects/:id/repository/tags/:tag_name job=yes since=Exactly(Version{major:18,minor:8})
POST /projects/:id/releases job=yes permission=ADMIN_RELEASES role=developer
PUT /projects/:id/packages/generic/:package_name/*package_version/(*path/):file_name job=yes scope=api role=developer deploy=write_package_registry
GET /projects/:id/packages/generic/:package_name/*package_version/(*path/):file_name job=yes scope=read_api role=reporter anonymous=public deploy=read_package_registry
GET /projects/:id/terraform/state/:name job=yes via=Basic;Bearer role=developer
POST /projects/:id/terraform/state/:name/lock job=yes role=maintainer scope=api
POST /projects/:id/(ref/:ref/)trigger/pipeline job=yes via=TokenParam scope=none role=none
POST /projects/:id/pipeline job=no role=developer scope=api
GET /projects/:id/pipelines job=yes permission=READ_PIPELINES since=AtMost(Version{major:19,minor:1}) role=reporter
DELETE /projects/:id/pipelines/:pipeline_id job=no role=owner
GET /projects/:id/jobs/:job_id job=no role=reporter
POST /projects/:id/jobs/:job_id/play job=no role=developer
GET /job job=yes permission=none
GET /projects/:id/variables job=no role=maintainer
GET /groups/:id/variables job=no role=owner
DELETE /projects/:id/registry/repositories/:repository_id/tags/:tag_name job=conditional role=developer
DELETE /projects/:id/registry/repositories/:repository_id job=conditional role=maintainer
POST /user/runners job=no scope=create_runner role=maintainer
PUT /runners/:id scope=manage_runner role=maintainer
POST /personal_access_tokens/self/rotate scope=self_rotate role=none
GET /personal_access_tokens/self scope=any
GET /user job=no scope=read_user deny=401
DELETE /projects/:id/issues/:issue_iid role=planner job=no
POST /projects/:id/statuses/:sha job=no role=developer
GET /projects/:id/repository/changelog job=conditional permission=READ_RELEASES
POST /projects/:id/access_tokens job=no role=maintainer scope=api
POST /groups/:id/access_tokens role=owner
GET /projects/:id/protected_branches role=maintainer job=no";
}
