//! Reads one entry, whether GitLab exported it or somebody keeps it by hand: the fields have the same
//! names in both.

use std::collections::BTreeMap;

use super::fields::{Day, Fields};
use super::reading::Reading;
use super::spelling;
use super::value::{Member, Value, get};
use crate::model::{
    Expiry, HeldIn, InventoryToken, LastUse, Role, Rotation, ScopeGrant, Sharing, Site, Span,
    TokenKind, TokenState,
};

/// What holds for all entries of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct ListContext {
    pub(super) kind: Option<TokenKind>,
    pub(super) instance: Option<String>,
    pub(super) project: Option<String>,
    pub(super) group: Option<String>,
    /// Written by people: every entry says its kind and name, and a key that means nothing is a
    /// mistake. GitLab's own lists get new keys with every release.
    pub(super) by_hand: bool,
}

/// The fields of an entry that are read.
const FIELDS: &[&str] = &[
    "access_level",
    "active",
    "calls",
    "confidential",
    "consumers",
    "created_at",
    "description",
    "expired",
    "expires_at",
    "external",
    "granular",
    "group",
    "id",
    "impersonation",
    "instance",
    "kind",
    "last_used",
    "last_used_at",
    "name",
    "owner",
    "project",
    "purpose",
    "redirect_uri",
    "resource_id",
    "resource_type",
    "revoked",
    "rotation",
    "scopes",
    "shared",
    "stored_in",
    "tenants",
    "user_id",
    "username",
];

/// Fields of GitLab's own entries that say nothing a rule asks, and are no mistake.
const IGNORED_FIELDS: &[&str] = &["granular_scopes", "last_used_ips", "token"];

const HELD_IN_FIELDS: &[&str] = &[
    "ci_variable",
    "environment_scope",
    "hidden",
    "masked",
    "project",
    "protected",
];

const SHARED_FIELDS: &[&str] = &["expires", "reason"];

/// Stands in for a name that is missing or no text, so that the rest of the entry is still judged.
const NO_NAME: &str = "no name";

/// Reads the entry with these members; `told` is the kind that its shape gives away.
pub(super) fn read(
    members: &[Member<'_>],
    span: Span,
    told: Option<TokenKind>,
    list: &ListContext,
    file: &mut Reading,
) -> InventoryToken {
    let kind = kind(members, span, told, list, file);
    // GitLab calls the name of a trigger its description.
    let described = (kind == TokenKind::PipelineTriggerToken && !list.by_hand)
        .then(|| get(members, "description"))
        .flatten();
    let name = get(members, "name")
        .or(described)
        .and_then(Value::text)
        .filter(|name| !name.is_empty())
        .unwrap_or(NO_NAME);
    let mut token = InventoryToken::new(kind, name, file.site(span));
    token.id = get(members, "id").and_then(Value::integer);
    let mut fields = Fields {
        members,
        title: token.title(),
        file,
    };
    if list.by_hand {
        if fields.member("name").is_none() {
            let message = format!("{} entry has no `name`", kind.noun());
            fields
                .file
                .error(span, message, "give every entry a `kind` and a `name`");
        }
        fields.note_unknown(&[FIELDS, IGNORED_FIELDS].concat());
    }
    fields.note_repeated(FIELDS);
    // Read above, where the title needed them; here only to report a wrong type.
    fields.text("name");
    fields.integer("id");

    token.user_id = fields.integer("user_id");
    token.username = fields.text("username");
    token.owner = owner(&mut fields);
    token.purpose = fields.text("purpose").or(fields.text("description"));
    token.scopes = grants(fields.texts("scopes"));
    token.role = fields.word("access_level", "a role", Role::parse);
    token.created = match fields.day("created_at") {
        Day::On(date) => Some(date),
        Day::Never | Day::Unstated => None,
    };
    token.expires = match fields.day("expires_at") {
        Day::On(date) => Expiry::On(date),
        Day::Never => Expiry::Never,
        Day::Unstated => Expiry::Unstated,
    };
    let last_used = match fields.day("last_used_at") {
        // Pipeline triggers have a field of their own.
        Day::Unstated => fields.day("last_used"),
        stated => stated,
    };
    token.last_used = match last_used {
        Day::On(date) => LastUse::On(date),
        Day::Never => LastUse::Never,
        Day::Unstated => LastUse::Unstated,
    };
    token.state = state(&mut fields);
    token.granular = fields.boolean("granular").unwrap_or(false) || token.has_scope("granular");
    if token.granular && token.kind == TokenKind::PersonalAccessToken {
        token.kind = TokenKind::FineGrainedPersonalAccessToken;
    }
    place(&mut token, &mut fields, list);
    token.rotation = fields.word("rotation", "`automatic`, `manual` or `none`", rotation);
    token.held_in = held_in(&mut fields);
    token.calls = words(fields.texts("calls"));
    token.consumers = words(fields.texts("consumers"));
    token.tenants = words(fields.texts("tenants"));
    token.shared = shared(&mut fields);
    token.external = fields.boolean("external").unwrap_or(false);
    token.confidential = fields.boolean("confidential");
    token.fields = sites(members, file);
    token
}

/// The kind: what the entry says, else what its shape gives away, else what holds for the list.
fn kind(
    members: &[Member<'_>],
    span: Span,
    told: Option<TokenKind>,
    list: &ListContext,
    file: &mut Reading,
) -> TokenKind {
    let implied = told.or(list.kind);
    let stated = match get(members, "kind") {
        Some(value) => parse_kind(value, file),
        None if list.by_hand && implied.is_none() => {
            file.error(
                span,
                "the entry has no `kind`",
                "give every entry a `kind` such as `project_access_token`",
            );
            None
        }
        None => None,
    };
    stated.or(implied).unwrap_or(TokenKind::AccessToken)
}

/// The kind that `value` names; a word that names none is a problem.
pub(super) fn parse_kind(value: &Value<'_>, file: &mut Reading) -> Option<TokenKind> {
    let kind = value.text().and_then(|word| word.parse().ok());
    if kind.is_none() {
        let known: Vec<&str> = TokenKind::ALL.iter().map(|kind| kind.as_str()).collect();
        let mend = match value
            .text()
            .and_then(|word| spelling::closest(word, &known))
        {
            Some(meant) => format!("write `{meant}` if that is meant"),
            None => "write a kind such as `project_access_token`".to_owned(),
        };
        file.error(value.span, "`kind` names no kind of token", mend);
    }
    kind
}

/// A name, or the user object that some of GitLab's lists give.
fn owner(fields: &mut Fields<'_, '_, '_>) -> Option<String> {
    let named = |user: &[Member<'_>]| {
        let name = get(user, "username").or(get(user, "name"))?;
        name.text().map(str::to_owned)
    };
    match fields.member("owner").and_then(|member| member.value.map()) {
        Some(user) => named(user),
        None => fields.reference("owner"),
    }
}

fn grants(scopes: Vec<(String, Site)>) -> Vec<ScopeGrant> {
    scopes
        .into_iter()
        .map(|(name, site)| ScopeGrant { name, site })
        .collect()
}

fn words(texts: Vec<(String, Site)>) -> Vec<String> {
    texts.into_iter().map(|(text, _)| text).collect()
}

/// `active` is neither revoked nor expired (gitlabhq/gitlabhq `doc/api/personal_access_tokens.md`);
/// deploy tokens say `expired` instead.
fn state(fields: &mut Fields<'_, '_, '_>) -> TokenState {
    let revoked = fields.boolean("revoked");
    let expired = fields.boolean("expired");
    let active = fields.boolean("active");
    if revoked == Some(true) {
        TokenState::Revoked
    } else if expired == Some(true) || active == Some(false) {
        TokenState::Expired
    } else {
        TokenState::Active
    }
}

/// Where the token belongs: what the entry says, else what holds for the list.
fn place(token: &mut InventoryToken, fields: &mut Fields<'_, '_, '_>, list: &ListContext) {
    token.instance = fields.text("instance").or_else(|| list.instance.clone());
    token.project = fields.reference("project");
    token.group = fields.reference("group");
    if token.project.is_some() || token.group.is_some() {
        return;
    }
    token.project.clone_from(&list.project);
    token.group.clone_from(&list.group);
    let resource = fields.reference("resource_id");
    match fields.text("resource_type").as_deref() {
        Some("project") if token.project.is_none() => token.project = resource,
        Some("group") if token.group.is_none() => token.group = resource,
        _ => {}
    }
}

/// How a token is replaced, as the word of hand-kept inventories says it.
pub(super) fn rotation(word: &str) -> Option<Rotation> {
    match word {
        "automatic" => Some(Rotation::Automatic),
        "manual" => Some(Rotation::Manual),
        "none" => Some(Rotation::None),
        _ => None,
    }
}

fn held_in(fields: &mut Fields<'_, '_, '_>) -> Vec<HeldIn> {
    let mut places = Vec::new();
    for item in fields.list("stored_in") {
        let Some(members) = item.map() else {
            let message = format!(
                "`stored_in` of {} holds {} where a place is meant",
                fields.title,
                item.noun()
            );
            fields
                .file
                .error(item.span, message, "write `{ci_variable: NAME}`");
            continue;
        };
        let mut place = Fields {
            members,
            title: format!("`stored_in` of {}", fields.title),
            file: &mut *fields.file,
        };
        place.note_unknown(HELD_IN_FIELDS);
        let Some(ci_variable) = place.text("ci_variable") else {
            let message = format!("{} names no `ci_variable`", place.title);
            place
                .file
                .error(item.span, message, "write `{ci_variable: NAME}`");
            continue;
        };
        places.push(HeldIn {
            ci_variable,
            project: place.reference("project"),
            protected: place.boolean("protected"),
            masked: place.boolean("masked"),
            hidden: place.boolean("hidden"),
            environment_scope: place.text("environment_scope"),
        });
    }
    places
}

fn shared(fields: &mut Fields<'_, '_, '_>) -> Option<Sharing> {
    let members = fields.object("shared")?;
    let span = fields.member("shared")?.span();
    let mut sharing = Fields {
        members,
        title: format!("`shared` of {}", fields.title),
        file: &mut *fields.file,
    };
    sharing.note_unknown(SHARED_FIELDS);
    let expires = match sharing.day("expires") {
        Day::On(date) => Some(date),
        Day::Never | Day::Unstated => None,
    };
    let Some(reason) = sharing.text("reason") else {
        let message = format!("{} gives no `reason`", sharing.title);
        sharing
            .file
            .error(span, message, "say why more than one tenant may use it");
        return None;
    };
    Some(Sharing { reason, expires })
}

fn sites(members: &[Member<'_>], file: &Reading) -> BTreeMap<String, Site> {
    members
        .iter()
        .filter(|member| FIELDS.contains(&&*member.key))
        .map(|member| (member.key.clone().into_owned(), file.site(member.span())))
        .collect()
}
