//! Where something was seen: the source it came from, the place in it, the lines around it.

use std::sync::Arc;

use super::span::{Position, Span};

/// Names one structured file (a CI file, an inventory) within a run.
///
/// Facts carry it instead of a path so that they stay small; the engine turns it into a
/// [`Location`] when a finding is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// A place in a structured file, before line, column and excerpt are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// The file.
    pub source: SourceId,
    /// The bytes in it.
    pub span: Span,
    /// The way to it in the document, for people: `deploy › script › 2`.
    pub route: Option<Arc<str>>,
}

impl Site {
    /// A place without a route.
    pub const fn new(source: SourceId, span: Span) -> Self {
        Self {
            source,
            span,
            route: None,
        }
    }

    /// The same place with the way to it.
    #[must_use]
    pub fn with_route(mut self, route: impl Into<Arc<str>>) -> Self {
        self.route = Some(route.into());
        self
    }
}

/// What a path is relative to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathBase {
    /// The root of the scanned repository or folder.
    #[default]
    SourceRoot,
    /// An inventory outside of everything scanned: the path is the file name alone.
    Inventory,
}

/// Which copy of a text was read. The order is that in which places of one token are preferred: what
/// lies on disk can be mended first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A file as it lies on disk.
    #[default]
    WorkTree,
    /// Standard input.
    Stdin,
    /// A file as it stands in the index: what the next commit will record.
    Index(Arc<Revision>),
    /// A file as a commit recorded it, or a blob that no commit holds any more.
    History(Arc<Revision>),
    /// The text of an object itself.
    Message(MessageKind, Arc<Revision>),
}

impl Origin {
    /// The word in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::WorkTree => "work-tree",
            Self::Stdin => "stdin",
            Self::Index(_) => "index",
            Self::History(_) => "history",
            Self::Message(kind, _) => kind.as_str(),
        }
    }

    /// Where in a repository it stands; `None` for what is no object of one.
    pub fn revision(&self) -> Option<&Revision> {
        match self {
            Self::WorkTree | Self::Stdin => None,
            Self::Index(revision) | Self::History(revision) | Self::Message(_, revision) => {
                Some(revision)
            }
        }
    }
}

/// What a text of a repository that is no file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {
    /// A commit: message, names and further headers.
    Commit,
    /// An annotated tag.
    Tag,
    /// A note on an object.
    Note,
    /// The names of the files in a tree.
    Tree,
}

impl MessageKind {
    /// The word in paths and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tag => "tag",
            Self::Note => "note",
            Self::Tree => "tree",
        }
    }
}

/// Where in a repository an object stands. What is `None` is not known, or not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision {
    /// The id of the object that was read.
    pub object: Arc<str>,
    /// The commit that brought it: the oldest, by the date of its committer.
    pub commit: Option<CommitRef>,
    /// Whether HEAD or a ref reaches it.
    pub reachable: Option<bool>,
    /// Whether it stands in the tree of HEAD.
    pub at_head: Option<bool>,
}

/// A commit, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitRef {
    /// Its id.
    pub id: Arc<str>,
    /// `Name <address>`, with tokens masked.
    pub author: Arc<str>,
    /// When it was committed, in UTC: `2026-01-31T10:00:00Z`.
    pub date: Arc<str>,
}

/// One step from the bytes of a source to the text a finding was seen in, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// A member of an archive, by its name in it. Places count in the member.
    Member(Arc<str>),
    /// What a compressed stream holds, by the name of the compression: `gzip`. Places count in that.
    Compressed(Arc<str>),
    /// An encoding by the name users know it under: `base64`, `hex`, `percent`.
    Encoding(Arc<str>),
}

/// Where a text came from, without the place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Provenance {
    /// The repository's label when a run covers several; never an absolute path.
    pub repository: Option<Arc<str>>,
    /// Relative to the root of the repository, with `/` between segments.
    pub path: Arc<str>,
    /// What `path` is relative to.
    pub base: PathBase,
    /// Which copy was read.
    pub origin: Origin,
    /// Archive members and encodings on the way to the text.
    pub within: Vec<Layer>,
}

impl Provenance {
    /// The path as shown to people and written to URIs: the repository's label, then the path.
    pub fn display_path(&self) -> String {
        match &self.repository {
            Some(repository) => format!("{repository}/{}", self.path),
            None => self.path.to_string(),
        }
    }

    /// The path with the members of archives on the way, as other scanners write it too:
    /// `a.zip!b/c.env`. It names the text that lines are counted in.
    pub fn text_path(&self) -> String {
        let mut path = self.display_path();
        for layer in &self.within {
            if let Layer::Member(name) = layer {
                path.push('!');
                path.push_str(name);
            }
        }
        path
    }

    /// What tells this text from others of the same path: files on disk by the path alone, what a
    /// repository holds by the object as well.
    pub fn text_key(&self) -> String {
        let path = self.text_path();
        match self.origin.revision() {
            Some(revision) => format!("{path}\0{}", revision.object),
            None => path,
        }
    }

    /// Whether the text is packed in another.
    pub fn is_packed(&self) -> bool {
        self.within
            .iter()
            .any(|layer| !matches!(layer, Layer::Encoding(_)))
    }
}

/// The lines around a place, with every secret in them masked when it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Excerpt {
    /// Whole lines, or a cut of a line too long to show; ends without a line feed.
    pub text: String,
    /// Line number of the first line of `text`, 1-based.
    pub first_line: u64,
    /// Scalar values cut off before the first line of `text`.
    pub skipped_columns: u64,
    /// The bytes of `text` that are the place itself.
    pub highlight: Span,
}

impl Excerpt {
    /// The text of the place itself.
    pub fn highlighted(&self) -> &str {
        &self.text[std::ops::Range::from(self.highlight)]
    }
}

/// A place a person can go to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The source.
    pub provenance: Provenance,
    /// Bytes of the source as it lies on disk.
    pub span: Span,
    /// Position of the first byte.
    pub start: Position,
    /// Position after the last byte.
    pub end: Position,
    /// The way to it in a structured document.
    pub route: Option<Arc<str>>,
    /// The lines around it.
    pub excerpt: Excerpt,
}

/// A further place of a finding and what it is there for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    /// The place.
    pub location: Location,
    /// Lower-case start, no full stop: `defined here`.
    pub message: String,
}
