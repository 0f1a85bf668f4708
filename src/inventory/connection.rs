//! Reads the connections that hand-kept inventories declare.

use super::entry::rotation;
use super::fields::{Day, Fields};
use super::reading::Reading;
use super::value::Value;
use crate::model::Connection;

const FIELDS: &[&str] = &[
    "expires_at",
    "instance",
    "rotation",
    "scopes",
    "tenant",
    "tokens",
];

/// Reads one item of `connections`; without a tenant it connects nobody and is a problem.
pub(super) fn read(item: &Value<'_>, file: &mut Reading) -> Option<Connection> {
    let Some(members) = item.map() else {
        let message = format!(
            "`connections` holds {} where an object is meant",
            item.noun()
        );
        file.error(item.span, message, "give every connection a `tenant`");
        return None;
    };
    let site = file.site(item.span);
    let mut fields = Fields {
        members,
        title: "a connection".to_owned(),
        file,
    };
    let Some(tenant) = fields.reference("tenant") else {
        fields.file.error(
            item.span,
            "the connection names no `tenant`",
            "give every connection a `tenant`",
        );
        return None;
    };
    fields.title = format!("connection `{tenant}`");
    fields.note_unknown(FIELDS);
    fields.note_repeated(FIELDS);
    let first = |(text, _)| text;
    Some(Connection {
        instance: fields.text("instance"),
        tokens: references(&mut fields),
        scopes: fields.texts("scopes").into_iter().map(first).collect(),
        expires: match fields.day("expires_at") {
            Day::On(date) => Some(date),
            Day::Never | Day::Unstated => None,
        },
        rotation: fields.word("rotation", "`automatic`, `manual` or `none`", rotation),
        tenant,
        site,
    })
}

/// Names or ids of tokens.
fn references(fields: &mut Fields<'_, '_, '_>) -> Vec<String> {
    let mut references = Vec::new();
    for item in fields.list("tokens") {
        if let Some(reference) = item.reference() {
            references.push(reference.to_owned());
        } else {
            let message = format!(
                "`tokens` of {} holds {} where a name or id is meant",
                fields.title,
                item.noun()
            );
            fields
                .file
                .error(item.span, message, "give names or ids of entries");
        }
    }
    references
}
