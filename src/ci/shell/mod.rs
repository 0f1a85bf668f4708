//! A tolerant lexer for the shell text of CI jobs: bash, `sh`, and as much `PowerShell` as tokens are used in.
//!
//! It stands between the script items of a job and `usage`, which asks what the commands do. It never
//! fails and always advances: text that no shell would accept gives commands too, as many as can be
//! seen. It runs in linear time, and nesting beyond [`MAX_DEPTH`] is read as plain text. It knows no
//! command and no variable by meaning, apart from those that run their arguments as a script.

mod blocks;
mod commands;
mod invocation;
mod nested;
mod redirections;
mod tree;
mod words;

pub(in crate::ci) use invocation::Invocation;
pub(in crate::ci) use tree::{
    AssignedValue, Block, Command, Expansion, Item, Operator, Part, PartKind, Quoting, Script,
    Stdout, Word, is_name,
};

use crate::model::Span;
use blocks::Frame;
use nested::PendingHeredoc;

/// How deep substitutions, and apart from them blocks, may nest.
const MAX_DEPTH: usize = 40;

/// Which language a script is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// Any Bourne shell.
    Posix,
    /// `PowerShell`, Windows and other.
    PowerShell,
}

/// Reads a script. Spans are offsets into `text`.
pub(in crate::ci) fn lex(text: &str) -> Script {
    let mut script = Script::default();
    let mut lexer = Lexer::new(text, None, dialect(text), 0, false, &mut script);
    lexer.script();
    script
}

/// A script is `PowerShell` if a cmdlet or a variable that nothing else has is in it.
fn dialect(text: &str) -> Dialect {
    const CMDLETS: [&str; 5] = [
        "invoke-restmethod",
        "invoke-webrequest",
        "get-childitem",
        "write-host",
        "write-output",
    ];
    let lower = text.to_ascii_lowercase();
    // Not `image=$env:latest`: names in the environment are in upper case.
    let names_variable = || {
        lower.match_indices("$env:").any(|(at, sign)| {
            let name = &text.as_bytes()[at + sign.len()..];
            name.iter()
                .take(2)
                .filter(|byte| byte.is_ascii_uppercase())
                .count()
                == 2
        })
    };
    if CMDLETS.iter().any(|cmdlet| lower.contains(cmdlet)) || names_variable() {
        Dialect::PowerShell
    } else {
        Dialect::Posix
    }
}

/// Reads one text into a [`Script`] that may already hold what other texts gave.
struct Lexer<'t, 's> {
    text: &'t [u8],
    source: &'t str,
    /// Original offset of each byte, where the text was unescaped before it came here.
    offsets: Option<&'t [usize]>,
    pos: usize,
    end: usize,
    dialect: Dialect,
    depth: usize,
    /// Whether output becomes text of another command.
    captured: bool,
    frames: Vec<Frame>,
    /// Blocks beyond [`MAX_DEPTH`], which are only counted.
    unframed: usize,
    heredocs: Vec<PendingHeredoc>,
    /// Commands whose output goes into the next command.
    feeders: Vec<usize>,
    out: &'s mut Script,
}

impl<'t, 's> Lexer<'t, 's> {
    fn new(
        text: &'t str,
        offsets: Option<&'t [usize]>,
        dialect: Dialect,
        depth: usize,
        captured: bool,
        out: &'s mut Script,
    ) -> Self {
        Self {
            text: text.as_bytes(),
            source: text,
            offsets,
            pos: 0,
            end: text.len(),
            dialect,
            depth,
            captured,
            frames: Vec::new(),
            unframed: 0,
            heredocs: Vec::new(),
            feeders: Vec::new(),
            out,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        let at = self.pos + ahead;
        (at < self.end).then(|| self.text[at])
    }

    fn rest(&self) -> &'t [u8] {
        &self.text[self.pos..self.end]
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.pos += usize::from(found);
        found
    }

    /// Moves on by one character, whatever it is.
    fn skip_char(&mut self) {
        self.pos += 1;
        while self.pos < self.end && !self.source.is_char_boundary(self.pos) {
            self.pos += 1;
        }
    }

    /// The place of `start..end` in the text that [`lex`] was given.
    fn span(&self, start: usize, end: usize) -> Span {
        let Some(offsets) = self.offsets else {
            return Span::new(start, end);
        };
        let from = offsets[start.min(offsets.len() - 1)];
        let to = if end > start {
            offsets[end - 1] + 1
        } else {
            from
        };
        Span::new(from, to)
    }

    /// The byte that makes the next one plain.
    fn escape(&self) -> u8 {
        match self.dialect {
            Dialect::Posix => b'\\',
            Dialect::PowerShell => b'`',
        }
    }

    /// Length of an escaped line end here, zero if there is none.
    fn line_continuation(&self) -> usize {
        if self.peek() != Some(self.escape()) {
            return 0;
        }
        match (self.peek_at(1), self.peek_at(2)) {
            (Some(b'\n'), _) => 2,
            (Some(b'\r'), Some(b'\n')) => 3,
            _ => 0,
        }
    }

    /// Skips blanks and escaped line ends.
    fn skip_blank(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.pos += 1,
                _ => match self.line_continuation() {
                    0 => return,
                    len => self.pos += len,
                },
            }
        }
    }

    fn skip_to_line_end(&mut self) {
        let rest = self.rest();
        self.pos += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }
}

#[cfg(test)]
mod tests;
