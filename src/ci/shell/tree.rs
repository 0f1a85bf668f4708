//! What the lexer gives: commands in the order they are written, between the blocks that hold them.

use std::rc::Rc;

use crate::model::Span;

/// A script, flat: nesting is told by [`Item::Open`] and [`Item::Close`], so that whoever walks it
/// needs no recursion.
#[derive(Debug, Default)]
pub(in crate::ci) struct Script {
    /// Commands and the borders of blocks, in source order.
    pub(in crate::ci) items: Vec<Item>,
    /// Comments, from `#` to the end of the line.
    pub(in crate::ci) comments: Vec<Span>,
}

/// A command or a border between commands.
#[derive(Debug)]
pub(in crate::ci) enum Item {
    /// A simple command.
    Command(Command),
    /// A block begins.
    Open(Block),
    /// Another branch of the innermost conditional block begins.
    Alternative,
    /// The innermost block ends. Every `Open` has one.
    Close,
}

/// Why commands stand together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ci) enum Block {
    /// `{ … }`: runs here and now.
    Group,
    /// `( … )`, `$( … )`, another shell: its assignments end with it.
    Subshell,
    /// Runs under a condition, or several times: branches, loops, what follows `||`.
    Conditional,
    /// The body of a function.
    Function(Box<str>),
}

/// A simple command, or assignments alone.
#[derive(Debug, Default)]
pub(in crate::ci) struct Command {
    /// From the first to the last byte of its assignments, words and redirections.
    pub(in crate::ci) span: Span,
    /// `A=b` before the first word.
    pub(in crate::ci) assignments: Vec<Assignment>,
    /// The program and its arguments.
    pub(in crate::ci) words: Vec<Word>,
    /// Output redirections, its own before those of the blocks around it.
    pub(in crate::ci) redirections: Vec<Rc<Redirection>>,
    /// Texts on standard input: heredocs and here-strings.
    pub(in crate::ci) here: Vec<Word>,
    /// Where standard output goes unless a redirection says otherwise.
    pub(in crate::ci) stdout: Stdout,
    /// The command that is piped into this one, as index into [`Script::items`].
    pub(in crate::ci) fed_by: Option<usize>,
}

/// Where the output of a command goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ci) enum Stdout {
    /// Where the output of the script goes.
    #[default]
    Inherited,
    /// Into a command, as index into [`Script::items`].
    Pipe(usize),
    /// Into the text of another command: `$( … )`, `<( … )`.
    Captured,
}

/// `NAME=value` at the head of a command.
#[derive(Debug)]
pub(in crate::ci) struct Assignment {
    /// The variable.
    pub(in crate::ci) name: Box<str>,
    /// What it gets.
    pub(in crate::ci) value: AssignedValue,
    /// `+=`: what it had stays in front.
    pub(in crate::ci) appends: bool,
    /// Name and value.
    pub(in crate::ci) span: Span,
}

/// The right-hand side of an assignment.
#[derive(Debug)]
pub(in crate::ci) enum AssignedValue {
    /// One word.
    Word(Word),
    /// `( … )`: the elements of an array.
    List(Vec<Word>),
    /// A loop variable: something that depends on more than this text.
    Unknown,
}

/// `> file` and its relatives. Input from files is not kept.
#[derive(Debug)]
pub(in crate::ci) struct Redirection {
    /// Whether it redirects standard output.
    pub(in crate::ci) stdout: bool,
    /// `>&1`: a file descriptor, not a file.
    pub(in crate::ci) to_descriptor: bool,
    /// The file.
    pub(in crate::ci) target: Word,
}

/// A word before expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ci) struct Word {
    /// The word with its quotes.
    pub(in crate::ci) span: Span,
    /// Its parts, in order, without quotes.
    pub(in crate::ci) parts: Vec<Part>,
}

/// A stretch of a word that is one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ci) struct Part {
    /// Where it is written, quotes excluded.
    pub(in crate::ci) span: Span,
    /// How it is quoted.
    pub(in crate::ci) quoting: Quoting,
    /// What it is.
    pub(in crate::ci) kind: PartKind,
}

/// Quotes around a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ci) enum Quoting {
    /// None: the shell splits its value into words.
    Bare,
    /// `'…'`, `$'…'` or a backslash.
    Single,
    /// `"…"`.
    Double,
}

/// What a part of a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ci) enum PartKind {
    /// Text. Unless it is one escape, its bytes are those of its span.
    Literal(Box<str>),
    /// `$NAME` in all its forms.
    Variable(Expansion),
    /// The output of commands; they are the items of this range.
    Substitution(std::ops::Range<usize>),
    /// `$[[ inputs.x ]]`, which GitLab replaces before the shell starts.
    Input,
    /// `@{ 'key' = value }` of `PowerShell`.
    Table(Vec<(Word, Word)>),
    /// Arithmetic.
    Arithmetic,
}

/// A use of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ci) struct Expansion {
    /// The variable.
    pub(in crate::ci) name: Box<str>,
    /// What is done with it.
    pub(in crate::ci) operator: Operator,
}

/// What an expansion makes of its variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ci) enum Operator {
    /// Its value: `$X`, `${X}`, `${X:?}`.
    Value,
    /// All elements of an array: `${X[@]}`.
    Elements,
    /// Its value, else these parts: `${X:-…}`.
    Default(Vec<Part>),
    /// These parts if it is set: `${X:+…}`.
    Alternate(Vec<Part>),
    /// The value of the variable that it names: `${!X}`.
    Indirect,
    /// The number of its characters: `${#X}`.
    Length,
    /// A part of its value or a change of it: `${X#a}`, `${X:0:4}`.
    Derived,
}

impl Word {
    /// The text of the word, if no expansion is in it.
    pub(in crate::ci) fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            match &part.kind {
                PartKind::Literal(literal) => text.push_str(literal),
                _ => return None,
            }
        }
        Some(text)
    }

    /// The variable, if the word is one and nothing else.
    pub(in crate::ci) fn sole_expansion(&self) -> Option<&Expansion> {
        match self.parts.as_slice() {
            [
                Part {
                    kind: PartKind::Variable(expansion),
                    ..
                },
            ] => Some(expansion),
            _ => None,
        }
    }

    /// Name and value of a word of the form `NAME=value`.
    pub(in crate::ci) fn split_assignment(&self) -> Option<(&str, Self)> {
        let first = self.parts.first()?;
        let PartKind::Literal(text) = &first.kind else {
            return None;
        };
        let (name, rest) = text.split_once('=')?;
        if first.quoting != Quoting::Bare || !is_name(name) {
            return None;
        }
        let start = first.span.start + name.len() + 1;
        let mut parts = Vec::with_capacity(self.parts.len());
        if !rest.is_empty() {
            parts.push(Part {
                span: Span::new(start, first.span.end),
                quoting: Quoting::Bare,
                kind: PartKind::Literal(rest.into()),
            });
        }
        parts.extend_from_slice(&self.parts[1..]);
        let value = Self {
            span: Span::new(start, self.span.end),
            parts,
        };
        Some((name, value))
    }
}

/// Whether `text` can name a shell variable.
pub(in crate::ci) fn is_name(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .next()
            .is_some_and(|byte| !byte.is_ascii_digit())
}
