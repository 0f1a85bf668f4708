//! Entries of token inventories.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;

use super::kind::TokenKind;
use super::location::Site;

/// A role, by GitLab's number (gitlabhq/gitlabhq `doc/api/project_access_tokens.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the meaning")]
pub enum Role {
    NoAccess = 0,
    MinimalAccess = 5,
    Guest = 10,
    Planner = 15,
    Reporter = 20,
    SecurityManager = 25,
    Developer = 30,
    Maintainer = 40,
    Owner = 50,
    Admin = 60,
}

impl Role {
    /// Every role, lowest number first.
    pub const ALL: &[Self] = &[
        Self::NoAccess,
        Self::MinimalAccess,
        Self::Guest,
        Self::Planner,
        Self::Reporter,
        Self::SecurityManager,
        Self::Developer,
        Self::Maintainer,
        Self::Owner,
        Self::Admin,
    ];

    /// The `access_level` of the API.
    pub const fn level(self) -> u64 {
        self as u64
    }

    /// The role of an `access_level`.
    pub fn from_level(level: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.level() == level)
    }

    /// Reads a word as `glab`, Terraform and people write it, or a number.
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.trim().to_ascii_lowercase().replace(['_', '-'], " ");
        Some(match word.as_str() {
            "no access" | "no one" => Self::NoAccess,
            "minimal" | "minimal access" => Self::MinimalAccess,
            "guest" => Self::Guest,
            "planner" => Self::Planner,
            "reporter" => Self::Reporter,
            "security manager" => Self::SecurityManager,
            "developer" => Self::Developer,
            "maintainer" | "master" => Self::Maintainer,
            "owner" => Self::Owner,
            "admin" | "administrator" => Self::Admin,
            number => return number.parse().ok().and_then(Self::from_level),
        })
    }

    /// The role's name as GitLab writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAccess => "No access",
            Self::MinimalAccess => "Minimal Access",
            Self::Guest => "Guest",
            Self::Planner => "Planner",
            Self::Reporter => "Reporter",
            Self::SecurityManager => "Security Manager",
            Self::Developer => "Developer",
            Self::Maintainer => "Maintainer",
            Self::Owner => "Owner",
            Self::Admin => "Administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When a token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expiry {
    /// At midnight UTC at the start of this day.
    On(Date),
    /// The entry says that it never does.
    Never,
    /// The entry does not say.
    Unstated,
}

/// When a token was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LastUse {
    /// On this day.
    On(Date),
    /// The entry says that it never was.
    Never,
    /// The entry does not say.
    Unstated,
}

/// Whether a token works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenState {
    /// As far as the entry says.
    Active,
    /// Revoked.
    Revoked,
    /// Marked as expired by the entry itself.
    Expired,
}

/// How a token is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the meaning")]
pub enum Rotation {
    Automatic,
    Manual,
    None,
}

/// One scope of a token and where the inventory names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeGrant {
    /// The scope's id: `read_api`.
    pub name: String,
    /// The word.
    pub site: Site,
}

/// A CI/CD variable in which the token is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldIn {
    /// The variable's name.
    pub ci_variable: String,
    /// The project or group that holds it.
    pub project: Option<String>,
    /// Only on protected branches and tags.
    pub protected: Option<bool>,
    /// Hidden from job logs.
    pub masked: Option<bool>,
    /// Never shown again in the settings.
    pub hidden: Option<bool>,
    /// The environments it is for.
    pub environment_scope: Option<String>,
}

/// Why a token may serve more than one tenant, and until when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sharing {
    /// The reason.
    pub reason: String,
    /// The last day of the excuse.
    pub expires: Option<Date>,
}

/// One entry of an inventory, whatever format it came from.
#[derive(Clone, Debug)]
pub struct InventoryToken {
    /// The kind, [`TokenKind::AccessToken`] where neither the entry nor the file says.
    pub kind: TokenKind,
    /// GitLab's id.
    pub id: Option<u64>,
    /// The name people gave it; a trigger's or runner's description.
    pub name: String,
    /// The user it acts as: for project, group and service-account tokens the bot.
    pub user_id: Option<u64>,
    /// Deploy tokens: the user name it signs in with.
    pub username: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for, in words: the description or the purpose.
    pub purpose: Option<String>,
    /// Its scopes.
    pub scopes: Vec<ScopeGrant>,
    /// Its role.
    pub role: Option<Role>,
    /// The day it was made.
    pub created: Option<Date>,
    /// The day it ends.
    pub expires: Expiry,
    /// The day it was last used.
    pub last_used: LastUse,
    /// Whether it works.
    pub state: TokenState,
    /// Fine-grained: rights are permissions, not scopes.
    pub granular: bool,
    /// URL of its instance.
    pub instance: Option<String>,
    /// Path or id of its project.
    pub project: Option<String>,
    /// Path or id of its group.
    pub group: Option<String>,
    /// How it is replaced.
    pub rotation: Option<Rotation>,
    /// CI/CD variables that hold it.
    pub held_in: Vec<HeldIn>,
    /// Calls it is declared to make, as `METHOD /path`.
    pub calls: Vec<String>,
    /// Who uses it.
    pub consumers: Vec<String>,
    /// Whom it serves.
    pub tenants: Vec<String>,
    /// The excuse for more than one tenant.
    pub shared: Option<Sharing>,
    /// Used outside of the scanned CI.
    pub external: bool,
    /// OAuth applications: whether the secret can be kept.
    pub confidential: Option<bool>,
    /// The entry; its span covers the whole of it.
    pub site: Site,
    /// Where each field of the entry stands, by the field's name in the source (`expires_at`).
    pub fields: BTreeMap<String, Site>,
}

impl InventoryToken {
    /// An entry of which only kind, name and place are known.
    pub fn new(kind: TokenKind, name: impl Into<String>, site: Site) -> Self {
        Self {
            kind,
            id: None,
            name: name.into(),
            user_id: None,
            username: None,
            owner: None,
            purpose: None,
            scopes: Vec::new(),
            role: None,
            created: None,
            expires: Expiry::Unstated,
            last_used: LastUse::Unstated,
            state: TokenState::Active,
            granular: false,
            instance: None,
            project: None,
            group: None,
            rotation: None,
            held_in: Vec::new(),
            calls: Vec::new(),
            consumers: Vec::new(),
            tenants: Vec::new(),
            shared: None,
            external: false,
            confidential: None,
            site,
            fields: BTreeMap::new(),
        }
    }

    /// Where the first of `fields` that the entry has stands, else the entry.
    pub fn field_site(&self, fields: &[&str]) -> Site {
        fields
            .iter()
            .find_map(|field| self.fields.get(*field))
            .unwrap_or(&self.site)
            .clone()
    }

    /// Whether the entry works on `today`: neither revoked nor past its end.
    pub fn is_active_on(&self, today: Date) -> bool {
        self.state == TokenState::Active && !matches!(self.expires, Expiry::On(end) if end <= today)
    }

    /// Whether it holds `scope`.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|grant| grant.name == scope)
    }

    /// How messages name the entry: ``project access token `release bot` (id 5201)``. The name is put
    /// on one line and clipped, because whoever made the token chose it.
    pub fn title(&self) -> String {
        /// The longest name that GitLab takes is 255 characters; far fewer tell a token.
        const LONGEST: usize = 80;
        let mut name: String = self
            .name
            .chars()
            .take(LONGEST)
            .map(|c| match c {
                '`' => '\'',
                c if c.is_whitespace() || c.is_control() => ' ',
                c => c,
            })
            .collect();
        if self.name.chars().nth(LONGEST).is_some() {
            name.push('…');
        }
        match self.id {
            Some(id) => format!("{} `{name}` (id {id})", self.kind),
            None => format!("{} `{name}`", self.kind),
        }
    }

    /// What tells the entry from others whatever line it stands on: kind and id, else kind and name.
    pub fn identity(&self) -> String {
        match self.id {
            Some(id) => format!("{}:{id}", self.kind.as_str()),
            None => format!("{}:{}", self.kind.as_str(), self.name),
        }
    }
}
