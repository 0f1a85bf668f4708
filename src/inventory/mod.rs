//! Reads token inventories of every format, each entry and each field with its place.
//!
//! An inventory says which tokens exist and what they may do; `policy` judges it. This module opens no
//! file and knows no rule. Reading goes in three steps: the syntax ([`json`], [`handkept`]) becomes a
//! tree with spans ([`value`]), [`shape`] tells what each object is, [`entry`] and [`connection`] read
//! it. What cannot be read is a problem of its own place, and the rest goes on.

mod connection;
mod entry;
mod fields;
mod handkept;
mod json;
mod reading;
mod shape;
mod spelling;
mod value;

use std::collections::BTreeMap;

use crate::model::{Connection, InventoryToken, ProblemLevel, SourceId, Span, TokenKind};
use crate::yaml::Stream;

use entry::ListContext;
use fields::Fields;
use reading::Reading;
use shape::Shape;
use value::{Member, Value, get};

/// One inventory file.
#[derive(Clone, Copy, Debug)]
pub struct Input<'t> {
    /// Its name within the run.
    pub source: SourceId,
    /// Its path, whose last part may tell format and kind.
    pub path: &'t str,
    /// Its text.
    pub text: &'t str,
    /// The kind of entries that do not say themselves: `KIND=FILE` of the command line.
    pub kind: Option<TokenKind>,
}

/// What an inventory file holds.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The entries, in the order of the file.
    pub tokens: Vec<InventoryToken>,
    /// The declared connections, in the order of the file.
    pub connections: Vec<Connection>,
    /// What could not be read, in the order of the file.
    pub problems: Vec<InventoryProblem>,
}

/// One thing in an inventory that could not be read or believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InventoryProblem {
    /// Whether something that was asked for was not read.
    pub level: ProblemLevel,
    /// Where.
    pub span: Span,
    /// What is wrong: lower-case start, no full stop.
    pub message: String,
    /// What to do about it.
    pub mend: Option<String>,
}

/// Whether a file with this path is an inventory without being named as one:
/// `anything.glpatrol-inventory.yml`, also `.yaml`, `.json` and `.csv`.
pub fn recognises(path: &str) -> bool {
    ["yml", "yaml", "json", "csv"].iter().any(|extension| {
        path.strip_suffix(extension)
            .is_some_and(|stem| stem.ends_with(".glpatrol-inventory."))
    })
}

/// The syntax of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Yaml,
    /// One that is known and not read.
    Unread(&'static str),
}

impl Format {
    /// By the extension, else by how the text begins.
    fn of(path: &str, text: &str) -> Self {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension.to_ascii_lowercase().as_str() {
            "json" | "jsonl" | "ndjson" => Self::Json,
            "yml" | "yaml" => Self::Yaml,
            "csv" | "tsv" => Self::Unread("CSV"),
            "tf" => Self::Unread("Terraform"),
            _ => {
                let start = text.trim_start_matches('\u{feff}').trim_start();
                if start.starts_with(['{', '[']) {
                    Self::Json
                } else if start.starts_with("ID ") {
                    Self::Unread("`glab` table")
                } else {
                    Self::Yaml
                }
            }
        }
    }
}

/// Reads one inventory file.
pub fn read(input: &Input<'_>) -> Inventory {
    let mut reader = Reader {
        file: Reading::new(input.source),
        tokens: Vec::new(),
        connections: Vec::new(),
        foreign: BTreeMap::new(),
    };
    let list = ListContext {
        kind: input.kind.or_else(|| shape::kind_of_file(input.path)),
        ..ListContext::default()
    };
    match Format::of(input.path, input.text) {
        Format::Unread(name) => reader.file.error(
            Span::new(0, 0),
            format!("{name} inventories are not read yet"),
            "give GitLab's API answer as JSON, or a hand-kept YAML inventory",
        ),
        Format::Json => reader.json(input.text, &list),
        Format::Yaml => reader.yaml(input.text, &list),
    }
    reader.finish()
}

/// Gathers what the documents of one file hold.
struct Reader {
    file: Reading,
    tokens: Vec<InventoryToken>,
    connections: Vec<Connection>,
    /// Things that are no tokens: how many of each, and where the first stands.
    foreign: BTreeMap<&'static str, (usize, Span)>,
}

const WRAPPER_FIELDS: &[&str] = &[
    "complete",
    "connections",
    "fetched_at",
    "glpatrol",
    "group",
    "instance",
    "kind",
    "project",
    "tokens",
];

impl Reader {
    fn json(&mut self, text: &str, list: &ListContext) {
        let documents = json::read(text);
        if documents.values.is_empty() && documents.error.is_none() {
            self.empty();
        }
        if let Some(error) = documents.error {
            self.file.error(
                error.span,
                format!("invalid JSON: {}", error.reason),
                "export the list again; entries before this place were read",
            );
        }
        for value in &documents.values {
            self.document(value, list);
        }
    }

    fn yaml(&mut self, text: &str, list: &ListContext) {
        let stream = Stream::parse(text);
        let list = ListContext {
            by_hand: true,
            ..list.clone()
        };
        for error in &stream.errors {
            self.file.error(
                Span::new(error.offset, error.offset),
                format!("invalid YAML: {}", error.message),
                "mend this place; what could be read around it was read",
            );
        }
        match handkept::values(&stream) {
            Some(values) if values.is_empty() && stream.errors.is_empty() => self.empty(),
            Some(values) => {
                for value in &values {
                    self.document(value, &list);
                }
            }
            None => self.file.error(
                Span::new(0, 0),
                "aliases make the inventory too large to be read",
                "write the entries out",
            ),
        }
    }

    /// Reads one top-level value: a list, a wrapper or a single entry.
    fn document(&mut self, value: &Value<'_>, list: &ListContext) {
        match value.list() {
            Some(items) => self.items(items, list),
            None => self.object(value, list),
        }
    }

    /// Reads entries, wrappers, and pages of them.
    fn items(&mut self, items: &[Value<'_>], list: &ListContext) {
        for item in items {
            self.document(item, list);
        }
    }

    fn object(&mut self, value: &Value<'_>, list: &ListContext) {
        let Some(members) = value.map() else {
            let message = format!("{} stands where an entry is meant", value.noun());
            self.file.error(
                value.span,
                message,
                "give a list of entries, as GitLab's API answers",
            );
            return;
        };
        // A list of runners, say, that the caller or the wrapper names as such.
        let foreign = match list.kind {
            Some(kind) if !list.by_hand && get(members, "kind").is_none() => {
                shape::foreign_kind(kind)
            }
            _ => None,
        };
        match (shape::of(members), foreign) {
            (Shape::Wrapper, _) => self.wrapper(value, members, list),
            (Shape::Foreign(plural), _) | (_, Some(plural)) => self.skip(plural, value.span),
            (Shape::Token(told), None) => self.entry(value, members, told, list),
            (Shape::Unknown, None) if list.by_hand && get(members, "name").is_some() => {
                self.entry(value, members, None, list);
            }
            (Shape::Unknown, None) => self.file.error(
                value.span,
                "the object is no token: it has neither `scopes` nor `kind`",
                "give the answer of one of GitLab's token lists, or entries with `kind` and `name`",
            ),
        }
    }

    fn entry(
        &mut self,
        value: &Value<'_>,
        members: &[Member<'_>],
        told: Option<TokenKind>,
        list: &ListContext,
    ) {
        let token = entry::read(members, value.span, told, list, &mut self.file);
        self.tokens.push(token);
    }

    fn wrapper(&mut self, value: &Value<'_>, members: &[Member<'_>], outer: &ListContext) {
        let by_hand = outer.by_hand || get(members, "glpatrol").is_some();
        let mut fields = Fields {
            members,
            title: "the inventory".to_owned(),
            file: &mut self.file,
        };
        if by_hand {
            fields.note_unknown(WRAPPER_FIELDS);
        }
        fields.note_repeated(WRAPPER_FIELDS);
        if let Some(member) = fields.member("glpatrol")
            && member.value.text() != Some("inventory/v1")
        {
            fields.file.error(
                member.span(),
                "`glpatrol` names no kind of file that is read here",
                "write `glpatrol: inventory/v1`",
            );
        }
        if fields.boolean("complete") == Some(false)
            && let Some(member) = fields.member("complete")
        {
            fields.file.note(
                member.span(),
                "the inventory says that it is not complete, so tokens may be missing",
                Some("fetch every page; GitLab gives 20 entries at a time unless asked".to_owned()),
            );
        }
        let list = ListContext {
            kind: fields
                .member("kind")
                .and_then(|member| entry::parse_kind(&member.value, fields.file))
                .or(outer.kind),
            instance: fields.text("instance").or_else(|| outer.instance.clone()),
            project: fields
                .reference("project")
                .or_else(|| outer.project.clone()),
            group: fields.reference("group").or_else(|| outer.group.clone()),
            by_hand,
        };
        let tokens = fields.list("tokens");
        let connections = fields.list("connections");
        if fields
            .member("tokens")
            .or(fields.member("connections"))
            .is_none()
        {
            fields.file.error(
                value.span,
                "the inventory has neither `tokens` nor `connections`",
                "list the entries under `tokens`",
            );
        }
        self.items(tokens, &list);
        for item in connections {
            self.connections
                .extend(connection::read(item, &mut self.file));
        }
    }

    fn skip(&mut self, plural: &'static str, span: Span) {
        self.foreign.entry(plural).or_insert((0, span)).0 += 1;
    }

    fn empty(&mut self) {
        self.file.error(
            Span::new(0, 0),
            "the inventory is empty",
            "write `[]` for a list that holds nothing",
        );
    }

    fn finish(mut self) -> Inventory {
        for (plural, (count, span)) in self.foreign {
            self.file.error(
                span,
                format!("{plural} are not read yet; this file lists {count}"),
                "leave the file out; of GitLab's lists those of tokens are read",
            );
        }
        Inventory {
            tokens: self.tokens,
            connections: self.connections,
            problems: self.file.into_problems(),
        }
    }
}

#[cfg(test)]
mod tests;
