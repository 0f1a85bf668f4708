//! Scripts inside of scripts: substitutions, heredocs, arguments that a shell runs.

use std::ops::Range;

use super::commands::Until;
use super::tree::{Block, Item, Part, PartKind, Quoting, Word};
use super::{Lexer, MAX_DEPTH};
use crate::model::Span;

/// How much deeper a script inside of a script counts. Each is read anew, so that eight of them make
/// eight passes.
const REREAD_DEPTH: usize = MAX_DEPTH / 8;

/// A heredoc whose body has not come yet.
pub(super) struct PendingHeredoc {
    /// The command that reads it, as index of its item.
    pub(super) command: usize,
    /// The line that ends the body.
    pub(super) delimiter: Vec<u8>,
    /// `<<-`: tabs before body and delimiter do not count.
    pub(super) strip_tabs: bool,
    /// Whether the delimiter was quoted, so that nothing in the body is expanded.
    pub(super) quoted: bool,
}

impl Lexer<'_, '_> {
    /// Reads commands up to the closing parenthesis and gives the range of their items.
    pub(super) fn substitution(&mut self) -> Range<usize> {
        let captured = std::mem::replace(&mut self.captured, true);
        let frames = std::mem::take(&mut self.frames);
        let feeders = std::mem::take(&mut self.feeders);
        let unframed = std::mem::take(&mut self.unframed);
        self.depth += 1;
        let first = self.out.items.len();
        self.out.items.push(Item::Open(Block::Subshell));
        self.commands(Until::Parenthesis);
        self.eat(b')');
        self.out.items.push(Item::Close);
        self.depth -= 1;
        self.unframed = unframed;
        self.feeders = feeders;
        self.frames = frames;
        self.captured = captured;
        first..self.out.items.len()
    }

    /// `` `…` ``: its inside is a script of which one layer of backslashes is taken off.
    pub(super) fn backquoted(&mut self, quoting: Quoting, parts: &mut super::words::Parts) {
        self.flush(parts, quoting);
        let start = self.pos;
        self.pos += 1;
        let mut inner = Unescaped::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'`' => break,
                b'\\' if matches!(self.peek_at(1), Some(b'`' | b'$' | b'\\')) => {
                    self.pos += 1;
                    self.take_char(&mut inner);
                }
                _ => self.take_char(&mut inner),
            }
        }
        self.eat(b'`');
        let first = self.out.items.len();
        self.reread(&inner, true);
        let items = first..self.out.items.len();
        self.push(start, quoting, PartKind::Substitution(items), parts);
    }

    fn take_char(&mut self, into: &mut Unescaped) {
        let start = self.pos;
        self.skip_char();
        for at in start..self.pos {
            into.offsets.push(self.span(at, at + 1).start);
        }
        into.text.push_str(&self.source[start..self.pos]);
    }

    /// Reads the bodies of the heredocs that were announced on the line that just ended.
    pub(super) fn heredoc_bodies(&mut self) {
        for heredoc in std::mem::take(&mut self.heredocs) {
            let body = self.pos..self.heredoc_end(&heredoc);
            let after = self.pos;
            let word = if heredoc.quoted {
                Word {
                    span: self.span(body.start, body.end),
                    parts: vec![Part {
                        span: self.span(body.start, body.end),
                        quoting: Quoting::Single,
                        kind: PartKind::Literal(self.source[body.clone()].into()),
                    }],
                }
            } else {
                let end = std::mem::replace(&mut self.end, body.end);
                self.pos = body.start;
                let word = self.double_quoted_to_end();
                self.end = end;
                word
            };
            self.pos = after;
            let Some(Item::Command(command)) = self.out.items.get_mut(heredoc.command) else {
                continue;
            };
            let runs_input = command.words.iter().take(8).any(|word| {
                word.literal()
                    .is_some_and(|program| runs_standard_input(&program))
            });
            if runs_input {
                self.run_word(&word);
            }
            if let Some(Item::Command(command)) = self.out.items.get_mut(heredoc.command) {
                command.here.push(word);
            }
        }
    }

    /// Moves behind the delimiter line and gives the end of the body before it.
    fn heredoc_end(&mut self, heredoc: &PendingHeredoc) -> usize {
        while self.pos < self.end {
            let line_start = self.pos;
            self.skip_to_line_end();
            let line = &self.text[line_start..self.pos];
            self.eat(b'\n');
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let tabs = if heredoc.strip_tabs {
                line.iter().take_while(|byte| **byte == b'\t').count()
            } else {
                0
            };
            if line[tabs..] == *heredoc.delimiter {
                return line_start;
            }
        }
        self.end
    }

    /// Reads the text of a word as a script of its own: what `bash -c` and `ssh` do with an argument.
    pub(super) fn run_word(&mut self, word: &Word) {
        let mut inner = Unescaped::default();
        for part in &word.parts {
            match &part.kind {
                PartKind::Literal(text) if text.len() == part.span.len() => {
                    inner.offsets.extend(part.span.start..part.span.end);
                    inner.text.push_str(text);
                }
                PartKind::Literal(text) => {
                    let last = part.span.end.saturating_sub(1);
                    inner.offsets.extend(text.bytes().map(|_| last));
                    inner.text.push_str(text);
                }
                PartKind::Variable(expansion) => inner.variable(&expansion.name, part.span),
                PartKind::Input => inner.opaque("$[[]]", part.span),
                PartKind::Substitution(_) | PartKind::Arithmetic | PartKind::Table(_) => {
                    inner.opaque("$()", part.span);
                }
            }
        }
        self.reread(&inner, self.captured);
    }

    /// Reads a text that was taken out of this one.
    fn reread(&mut self, inner: &Unescaped, captured: bool) {
        if self.depth >= MAX_DEPTH || inner.text.trim().is_empty() {
            return;
        }
        self.out.items.push(Item::Open(Block::Subshell));
        let mut lexer = Lexer::new(
            &inner.text,
            Some(&inner.offsets),
            self.dialect,
            self.depth + REREAD_DEPTH,
            captured,
            self.out,
        );
        lexer.script();
        self.out.items.push(Item::Close);
    }
}

/// Text without one layer of quotes, with the original offset of each byte.
#[derive(Default)]
struct Unescaped {
    text: String,
    offsets: Vec<usize>,
}

impl Unescaped {
    /// A variable that the outer shell expands; written with braces so that it ends where it ended.
    fn variable(&mut self, name: &str, span: Span) {
        self.text.push_str("${");
        self.text.push_str(name);
        self.text.push('}');
        self.cover(span);
    }

    fn opaque(&mut self, text: &str, span: Span) {
        self.text.push_str(text);
        self.cover(span);
    }

    /// Gives every byte without an offset one in `span`, the last byte its end.
    fn cover(&mut self, span: Span) {
        let last = span.end.saturating_sub(1).max(span.start);
        let missing = self.text.len() - self.offsets.len();
        for index in 0..missing {
            let at = if index + 1 == missing {
                last
            } else {
                span.start + index
            };
            self.offsets.push(at.min(last));
        }
    }
}

/// Programs that run what comes on standard input.
fn runs_standard_input(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(
        name,
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "ssh" | "sshpass"
    )
}
