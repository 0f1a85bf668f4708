//! Whole files in, entries and problems out.

use std::fmt::Write as _;

use super::*;
use crate::model::{Expiry, LastUse, Role, Rotation, Site, TokenState};
use jiff::civil::date;
use proptest::prelude::*;

macro_rules! sample {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../fixtures/inventory/", $name)),
        )
    };
}

const SAMPLES: &[(&str, &str)] = &[
    sample!("deploy_tokens.json"),
    sample!("glab_token_list.json"),
    sample!("group_access_tokens.json"),
    sample!("group_manage_personal_access_tokens.json"),
    sample!("impersonation_tokens.json"),
    sample!("inventory.yml"),
    sample!("personal_access_tokens.json"),
    sample!("pipeline_triggers.json"),
    sample!("project_access_tokens.json"),
    sample!("runner_detail.json"),
    sample!("runners.json"),
    sample!("service_account_tokens.json"),
];

fn read_as(path: &str, text: &str, kind: Option<TokenKind>) -> Inventory {
    read(&Input {
        source: SourceId(3),
        path,
        text,
        kind,
    })
}

fn json(text: &str) -> Inventory {
    read_as("tokens.json", text, None)
}

fn yaml(text: &str) -> Inventory {
    read_as("tokens.yml", text, None)
}

fn sample(name: &str) -> (Inventory, &'static str) {
    let (_, text) = SAMPLES.iter().find(|(path, _)| *path == name).unwrap();
    (read_as(name, text, None), text)
}

fn cut<'t>(text: &'t str, site: &Site) -> &'t str {
    &text[site.span.start..site.span.end]
}

fn errors(inventory: &Inventory) -> Vec<&str> {
    at_level(inventory, ProblemLevel::Error)
}

fn notes(inventory: &Inventory) -> Vec<&str> {
    at_level(inventory, ProblemLevel::Note)
}

fn at_level(inventory: &Inventory, level: ProblemLevel) -> Vec<&str> {
    let problems = inventory.problems.iter();
    problems
        .filter(|problem| problem.level == level)
        .map(|problem| problem.message.as_str())
        .collect()
}

fn kinds(inventory: &Inventory) -> Vec<TokenKind> {
    inventory.tokens.iter().map(|token| token.kind).collect()
}

#[test]
fn an_entry_of_the_api_is_read_whole() {
    let (inventory, text) = sample("project_access_tokens.json");
    assert!(inventory.problems.is_empty(), "{:?}", inventory.problems);
    assert_eq!(inventory.tokens.len(), 4);
    let token = &inventory.tokens[0];
    assert_eq!(token.kind, TokenKind::ProjectAccessToken);
    assert_eq!((token.id, token.user_id), (Some(5201), Some(901)));
    assert_eq!(token.name, "release bot");
    assert_eq!(token.purpose.as_deref(), Some("tags and releases"));
    assert!(token.has_scope("api"));
    assert_eq!(token.role, Some(Role::Maintainer));
    assert_eq!(token.project.as_deref(), Some("278"));
    assert_eq!(token.created, Some(date(2026, 9, 1)));
    assert_eq!(token.expires, Expiry::On(date(2027, 8, 31)));
    assert_eq!(token.last_used, LastUse::On(date(2026, 11, 20)));
    assert_eq!(token.state, TokenState::Active);
    assert_eq!(token.site.source, SourceId(3));
    assert!(cut(text, &token.site).starts_with("{\"id\": 5201,"));
    assert!(cut(text, &token.site).ends_with('}'));
    assert_eq!(
        cut(text, &token.fields["expires_at"]),
        "\"expires_at\": \"2027-08-31\""
    );
    assert_eq!(cut(text, &token.scopes[0].site), "api");
}

#[test]
fn every_site_of_every_sample_cuts_its_field() {
    for (path, text) in SAMPLES {
        for token in read_as(path, text, None).tokens {
            for (name, site) in &token.fields {
                let field = cut(text, site).trim_start_matches('"');
                assert!(field.starts_with(name.as_str()), "{path}: {field}");
                assert!(cut(text, &token.site).contains(field));
            }
            for scope in &token.scopes {
                assert_eq!(cut(text, &scope.site), scope.name);
            }
        }
    }
}

#[test]
fn the_kind_comes_from_the_entry_the_wrapper_the_caller_or_the_file_name() {
    use TokenKind::{
        AccessToken, DeployToken, FineGrainedPersonalAccessToken, GroupAccessToken,
        ImpersonationToken, PersonalAccessToken, ServiceAccountAccessToken,
    };
    assert_eq!(kinds(&sample("deploy_tokens.json").0), [DeployToken; 3]);
    assert_eq!(
        kinds(&sample("impersonation_tokens.json").0),
        [ImpersonationToken; 2]
    );
    assert_eq!(
        kinds(&sample("service_account_tokens.json").0),
        [ServiceAccountAccessToken]
    );
    let personal = kinds(&sample("personal_access_tokens.json").0);
    assert_eq!(personal[4], FineGrainedPersonalAccessToken);
    assert_eq!(personal[5], PersonalAccessToken);
    assert_eq!(
        kinds(&sample("group_manage_personal_access_tokens.json").0),
        [AccessToken; 2]
    );

    let plain = r#"[{"id": 1, "name": "a", "scopes": ["api"], "user_id": 3}]"#;
    assert_eq!(kinds(&json(plain)), [AccessToken]);
    assert_eq!(
        kinds(&read_as("x/Group-Access-Tokens.2026.json", plain, None)),
        [GroupAccessToken]
    );
    let told = read_as("group_access_tokens.json", plain, Some(PersonalAccessToken));
    assert_eq!(kinds(&told), [PersonalAccessToken]);
    let wrapped = format!(r#"{{"kind": "service_account_access_token", "tokens": {plain}}}"#);
    assert_eq!(
        kinds(&read_as("personal_access_tokens.json", &wrapped, None)),
        [ServiceAccountAccessToken]
    );
    let own = r#"[{"kind": "deploy_token", "name": "a"}]"#;
    assert_eq!(
        kinds(&read_as("x.json", own, Some(PersonalAccessToken))),
        [DeployToken]
    );
}

#[test]
fn lists_come_in_many_wrappings() {
    let entry = r#"{"id": 1, "name": "a", "scopes": []}"#;
    let wrapper = format!(r#"{{"project": "acme/shop", "tokens": [{entry}]}}"#);
    for (text, count) in [
        (entry.to_owned(), 1),
        (format!("[{entry}, {entry}]"), 2),
        (format!("[{entry}][{entry}]\n[]"), 2),
        (format!("[[{entry}], [{entry}, {entry}]]"), 3),
        (format!("{entry}\n{entry}\n{entry}\n"), 3),
        (wrapper.clone(), 1),
        (format!("[{wrapper}, {wrapper}]"), 2),
        (format!("{wrapper}\n{wrapper}"), 2),
        ("[]".to_owned(), 0),
    ] {
        let inventory = json(&text);
        assert_eq!(inventory.tokens.len(), count, "{text}");
        assert!(
            inventory.problems.is_empty(),
            "{text}: {:?}",
            inventory.problems
        );
    }
    assert_eq!(
        json(&wrapper).tokens[0].project.as_deref(),
        Some("acme/shop")
    );
}

#[test]
fn a_wrapper_names_the_place_of_entries_that_do_not() {
    let inventory = json(
        r#"{"kind": "project_access_token", "project": 278, "instance": "https://gitlab.example",
                "fetched_at": "2026-11-20T00:00:00Z", "complete": true, "new": 1, "tokens": [
                {"name": "a", "scopes": []}, {"name": "b", "scopes": [], "project": "acme/app"}]}"#,
    );
    assert!(inventory.problems.is_empty());
    let [a, b] = inventory.tokens.as_slice() else {
        panic!()
    };
    assert_eq!(a.project.as_deref(), Some("278"));
    assert_eq!(a.instance.as_deref(), Some("https://gitlab.example"));
    assert_eq!(b.project.as_deref(), Some("acme/app"));
}

#[test]
fn a_list_that_is_cut_is_noted() {
    let inventory = json(r#"{"complete": false, "tokens": [{"name": "", "scopes": []}]}"#);
    assert_eq!(
        notes(&inventory),
        ["the inventory says that it is not complete, so tokens may be missing"]
    );
    assert_eq!(inventory.tokens[0].name, "no name");
}

#[test]
fn pipeline_triggers_have_names_of_their_own() {
    let (inventory, text) = sample("pipeline_triggers.json");
    assert_eq!(inventory.problems, []);
    let [idle, used] = inventory.tokens.as_slice() else {
        panic!()
    };
    assert_eq!(idle.kind, TokenKind::PipelineTriggerToken);
    assert_eq!((idle.id, &*idle.name), (Some(41), "nightly"));
    assert_eq!(idle.owner, None);
    assert_eq!(idle.last_used, LastUse::Never);
    assert_eq!(idle.expires, Expiry::Unstated);
    let site = idle.field_site(&["last_used"]);
    assert_eq!(&text[site.span.start..site.span.end], "\"last_used\": null");
    assert_eq!(used.last_used, LastUse::On(date(2026, 11, 19)));
    assert_eq!(used.owner.as_deref(), Some("alex"));
    // Without the values, as a careful person exports it.
    let inventory = json(r#"[{"id": 1, "description": "a", "last_used": null, "owner": null}]"#);
    assert_eq!(inventory.tokens[0].kind, TokenKind::PipelineTriggerToken);
}

#[test]
fn what_is_no_token_is_counted_and_not_misread() {
    for (name, noun) in [
        (
            "runners.json",
            "runners are not read yet; this file lists 2",
        ),
        (
            "runner_detail.json",
            "runners are not read yet; this file lists 1",
        ),
    ] {
        let (inventory, _) = sample(name);
        assert!(inventory.tokens.is_empty());
        assert_eq!(errors(&inventory), [noun]);
    }
    for (text, noun) in [
        (
            r#"[{"key": "A", "variable_type": "env_var"}]"#,
            "CI/CD variables",
        ),
        (r#"{"inbound_enabled": false}"#, "job token scope settings"),
        (r#"{"groups": [], "projects": []}"#, "token associations"),
        (
            r#"[{"id": 1, "key": "ssh-ed25519 A", "can_push": true}]"#,
            "deploy keys",
        ),
        (
            r#"{"kind": "ci_variable", "tokens": [{"key": "A"}]}"#,
            "CI/CD variables",
        ),
    ] {
        let inventory = json(text);
        assert!(inventory.tokens.is_empty());
        assert!(errors(&inventory)[0].starts_with(noun), "{text}");
        assert_eq!(errors(&inventory).len(), 1);
    }
    for (text, message) in [
        (
            "[{\"id\": 1}]",
            "the object is no token: it has neither `scopes` nor `kind`",
        ),
        ("[7]", "a number stands where an entry is meant"),
        ("null", "null stands where an entry is meant"),
        ("", "the inventory is empty"),
        (
            "{\"tokens\": 5}",
            "`tokens` of the inventory is a number, not a list",
        ),
    ] {
        assert_eq!(errors(&json(text)), [message], "{text}");
    }
}

#[test]
fn a_wrong_type_is_a_problem_of_its_field_and_the_rest_goes_on() {
    let text = r#"[{"id": "1", "name": "a", "scopes": "api", "expires_at": 5, "user_id": -1,
            "access_level": 35, "revoked": "no", "created_at": "yesterday"},
            {"id": 2, "name": 5, "scopes": ["api", 7], "resource_type": "project"}]"#;
    let inventory = json(text);
    assert_eq!(
        errors(&inventory),
        [
            "`id` of access token of unknown kind `a` is a text, not a whole number",
            "`scopes` of access token of unknown kind `a` is a text, not a list",
            "`expires_at` of access token of unknown kind `a` is a number, not a date",
            "`user_id` of access token of unknown kind `a` is a number, not a whole number",
            "`access_level` of access token of unknown kind `a` is a number, not a role",
            "`revoked` of access token of unknown kind `a` is a text, not `true` or `false`",
            "`created_at` of access token of unknown kind `a` is no date",
            "`name` of project access token `no name` (id 2) is a number, not a text",
            "`scopes` of project access token `no name` (id 2) holds a number where a text is \
                 meant",
        ]
    );
    let span = inventory.problems[2].span;
    assert_eq!(&text[span.start..span.end], "\"expires_at\": 5");
    assert_eq!(inventory.tokens.len(), 2);
    assert_eq!(inventory.tokens[0].expires, Expiry::Unstated);
    assert!(inventory.tokens[1].has_scope("api"));
}

#[test]
fn a_repeated_field_counts_once_and_is_noted() {
    let text =
        r#"[{"name": "a", "scopes": ["api"], "expires_at": null, "expires_at": "2027-01-01"}]"#;
    let inventory = json(text);
    assert_eq!(inventory.tokens[0].expires, Expiry::On(date(2027, 1, 1)));
    assert_eq!(notes(&inventory).len(), 1);
    assert!(notes(&inventory)[0].contains("`expires_at`"));
    let site = &inventory.tokens[0].fields["expires_at"];
    assert_eq!(cut(text, site), "\"expires_at\": \"2027-01-01\"");
}

#[test]
fn a_hand_kept_inventory_has_all_its_fields() {
    let text = "\
glpatrol: inventory/v1
tokens:
- kind: project_access_token
  name: release bot
  id: 5201
  instance: https://gitlab.example
  project: acme/shop
  owner: platform-team
  purpose: creates releases
  scopes: [api, 'read_user']
  access_level: maintainer
  expires_at: 2027-08-31
  rotation: automatic
  stored_in: [{ci_variable: RELEASE_TOKEN, project: acme/shop, protected: true, masked: false, hidden: true, environment_scope: production}]
  calls: ['POST /projects/:id/releases']
  consumers: [acme/shop]
  tenants: [acme]
  shared: {reason: migration until May, expires: 2027-05-31}
  external: true
- {kind: oauth_application, name: storefront, confidential: false, redirect_uri: https://x.example}
connections:
- tenant: acme
  instance: https://gitlab.example
  tokens: [release bot, 5201]
  scopes: [api]
  expires_at: 2027-08-31
  rotation: manual
";
    let inventory = yaml(text);
    assert!(inventory.problems.is_empty(), "{:?}", inventory.problems);
    let token = &inventory.tokens[0];
    assert_eq!(token.id, Some(5201));
    assert_eq!(token.owner.as_deref(), Some("platform-team"));
    assert_eq!(token.purpose.as_deref(), Some("creates releases"));
    assert_eq!(token.role, Some(Role::Maintainer));
    assert_eq!(token.rotation, Some(Rotation::Automatic));
    assert_eq!(token.last_used, LastUse::Unstated);
    let held = &token.held_in[0];
    assert_eq!(held.ci_variable, "RELEASE_TOKEN");
    assert_eq!((held.protected, held.masked), (Some(true), Some(false)));
    assert_eq!(held.environment_scope.as_deref(), Some("production"));
    assert_eq!(token.calls, ["POST /projects/:id/releases"]);
    assert_eq!(
        (&*token.consumers[0], &*token.tenants[0]),
        ("acme/shop", "acme")
    );
    let shared = token.shared.as_ref().unwrap();
    assert_eq!(shared.expires, Some(date(2027, 5, 31)));
    assert!(token.external);
    assert_eq!(
        cut(text, &token.fields["expires_at"]),
        "expires_at: 2027-08-31"
    );
    assert_eq!(cut(text, &token.scopes[1].site), "read_user");
    assert_eq!(inventory.tokens[1].confidential, Some(false));
    let connection = &inventory.connections[0];
    assert_eq!(connection.tokens, ["release bot", "5201"]);
    assert_eq!(connection.rotation, Some(Rotation::Manual));
    assert!(cut(text, &connection.site).starts_with("tenant: acme"));
}

#[test]
fn unknown_keys_are_noted_with_what_is_meant_where_people_write() {
    let inventory = yaml(
        "tokens:\n- {kind: deploy_token, name: a, expire_at: 2027-01-01, colour: red}\ntenants: []\n",
    );
    assert!(errors(&inventory).is_empty());
    assert_eq!(
        notes(&inventory),
        [
            "`expire_at` of deploy token `a` means nothing here",
            "`colour` of deploy token `a` means nothing here",
            "`tenants` of the inventory means nothing here",
        ]
    );
    let mend = inventory.problems[0].mend.as_deref();
    assert_eq!(mend, Some("`expires_at` is a field; is it meant?"));
    assert!(
        json(r#"[{"name": "a", "scopes": [], "new_in_20": 1}]"#)
            .problems
            .is_empty()
    );
}

#[test]
fn hand_kept_entries_need_kind_and_name_and_a_known_kind() {
    for (text, message) in [
        ("tokens: [{name: a}]", "the entry has no `kind`"),
        (
            "tokens: [{kind: deploy_token}]",
            "deploy token entry has no `name`",
        ),
        (
            "tokens: [{kind: deploy_tokens, name: a}]",
            "`kind` names no kind of token",
        ),
        ("tokens: [a]", "a text stands where an entry is meant"),
        (
            "token: []",
            "the object is no token: it has neither `scopes` nor `kind`",
        ),
        (
            "glpatrol: inventory/v1\ntoken: []",
            "the inventory has neither `tokens` nor `connections`",
        ),
        (
            "glpatrol: baseline/v1\ntokens: []",
            "`glpatrol` names no kind of file that is read here",
        ),
        ("# nothing\n", "the inventory is empty"),
        (
            "connections: [{instance: x}]",
            "the connection names no `tenant`",
        ),
        (
            "tokens: [{kind: deploy_token, name: a, stored_in: [A]}]",
            "`stored_in` of deploy token `a` holds a text where a place is meant",
        ),
        (
            "tokens: [{kind: deploy_token, name: a, rotation: weekly}]",
            "`rotation` of deploy token `a` is a text, not `automatic`, `manual` or `none`",
        ),
        (
            "tokens: [{kind: deploy_token, name: *a}]",
            "`name` of deploy token `no name` is an alias to an anchor that is not there",
        ),
    ] {
        let inventory = yaml(text);
        let found = errors(&inventory);
        assert!(found[0].starts_with(message), "{text}: {found:?}");
    }
    let misspelt = yaml("tokens: [{kind: deploy_tokens, name: a}]");
    assert_eq!(
        misspelt.problems[0].mend.as_deref(),
        Some("write `deploy_token` if that is meant")
    );
}

#[test]
fn anchors_and_merges_are_followed_and_bounded() {
    let text = "\
base: &base {kind: deploy_token, scopes: [read_registry]}
tokens:
- {<<: *base, name: a}
- {<<: *base, name: b, scopes: [write_registry]}
";
    let inventory = yaml(text);
    assert_eq!(inventory.tokens.len(), 2);
    assert!(inventory.tokens[0].has_scope("read_registry"));
    assert!(inventory.tokens[1].has_scope("write_registry"));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let above = level - 1;
        let items = vec![format!("*a{above}"); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{items}]").unwrap();
    }
    bomb.push_str("tokens: *a8\n");
    assert!(errors(&yaml(&bomb))[0].starts_with("aliases make the inventory too large"));
}

#[test]
fn broken_yaml_names_its_place_and_keeps_other_blocks() {
    let inventory = yaml("tokens:\n- {kind: deploy_token, name: a}\nconnections: [}\n");
    assert_eq!(inventory.tokens.len(), 1);
    assert!(!errors(&inventory).is_empty());
}

#[test]
fn formats_that_are_not_read_are_errors() {
    for (path, text, name) in [
        ("tokens.csv", "kind,name\n", "CSV"),
        ("main.tf", "resource \"x\" \"y\" {}", "Terraform"),
        ("tokens.txt", "ID   NAME   DESCRIPTION\n", "`glab` table"),
    ] {
        let inventory = read_as(path, text, None);
        assert_eq!(
            errors(&inventory),
            [format!("{name} inventories are not read yet")]
        );
    }
    assert_eq!(
        read_as("tokens", "\u{feff} [{\"name\":\"a\",\"scopes\":[]}]", None)
            .tokens
            .len(),
        1
    );
    assert_eq!(
        read_as("tokens", "tokens: [{kind: deploy_token, name: a}]", None)
            .tokens
            .len(),
        1
    );
}

#[test]
fn inventories_below_a_path_are_known_by_name() {
    for path in [
        "a.glpatrol-inventory.yml",
        "x/y.glpatrol-inventory.json",
        "b.glpatrol-inventory.csv",
    ] {
        assert!(recognises(path), "{path}");
    }
    for path in [
        "inventory.yml",
        "glpatrol-inventory.yml",
        "a.glpatrol-inventory.toml",
        "",
    ] {
        assert!(!recognises(path), "{path}");
    }
}

#[test]
fn every_prefix_of_a_sample_breaks_at_its_end_and_nowhere_else() {
    // Runners are not read, which is an error of its own.
    let samples = SAMPLES
        .iter()
        .filter(|(path, _)| !path.starts_with("runner"));
    for (path, text) in samples {
        let whole = read_as(path, text, None).tokens.len();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let inventory = read_as(path, &text[..end], None);
            assert!(inventory.tokens.len() <= whole);
            if *path == "inventory.yml" || text[..end].trim().is_empty() {
                continue;
            }
            for problem in &inventory.problems {
                if problem.level == ProblemLevel::Error {
                    assert_eq!(problem.span, Span::new(end, end), "{path} up to {end}");
                }
            }
            let complete = end >= text.trim_end().len();
            assert_eq!(
                errors(&inventory).is_empty(),
                complete,
                "{path} up to {end}"
            );
        }
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_every_place_lies_in_it(text in "[\\[\\]{}:,\"'a-c0-9 \\n*&<|>é-]{0,60}", yaml in any::<bool>()) {
        let path = if yaml { "t.yml" } else { "t.json" };
        let inventory = read_as(path, &text, None);
        for problem in &inventory.problems {
            prop_assert!(text.get(problem.span.start..problem.span.end).is_some());
        }
        for token in &inventory.tokens {
            prop_assert!(text.get(token.site.span.start..token.site.span.end).is_some());
        }
    }

    #[test]
    fn changing_one_byte_of_a_sample_never_panics(at in any::<prop::sample::Index>(), sample in 0..SAMPLES.len(), byte in 0x20_u8..0x7f) {
        let (path, text) = SAMPLES[sample];
        let mut bytes = text.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let text = String::from_utf8(bytes).expect("samples are ASCII");
        let inventory = read_as(path, &text, None);
        for token in &inventory.tokens {
            for site in token.fields.values() {
                prop_assert!(text.get(site.span.start..site.span.end).is_some());
            }
        }
    }
}
