//! Blocks that are open: groups, branches, loops, functions, and what stands behind `||`.

use super::tree::{Block, Command, Item, Stdout};
use super::{Lexer, MAX_DEPTH};

/// A block that is open.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) kind: FrameKind,
    /// The first item inside.
    pub(super) first: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FrameKind {
    Parenthesis,
    Brace,
    If,
    Loop,
    Case,
    /// A `case` between its branches, where patterns stand.
    CasePattern,
    Function,
    /// The rest of a list behind `||`.
    List,
}

impl FrameKind {
    /// Whether a word or sign of its own ends it; the others end with what they hold.
    const fn is_compound(self) -> bool {
        !matches!(self, Self::Function | Self::List)
    }
}

impl Lexer<'_, '_> {
    /// Opens a block; beyond the limit it is only counted.
    pub(super) fn open(&mut self, kind: FrameKind, block: Block) {
        if self.frames.len() >= MAX_DEPTH {
            self.unframed += usize::from(kind.is_compound());
            return;
        }
        self.out.items.push(Item::Open(block));
        self.frames.push(Frame {
            kind,
            first: self.out.items.len(),
        });
    }

    /// Closes the innermost block of `kind` and everything in it.
    pub(super) fn close(&mut self, kind: FrameKind) {
        if self.unframed > 0 {
            self.unframed -= 1;
            return;
        }
        let same = |frame: &Frame| {
            frame.kind == kind || (kind == FrameKind::Case && frame.kind == FrameKind::CasePattern)
        };
        let Some(at) = self.frames.iter().rposition(same) else {
            return;
        };
        let first = self.frames[at].first;
        while self.frames.len() > at {
            self.frames.pop();
            self.out.items.push(Item::Close);
        }
        self.after_block(first);
        self.end_function();
    }

    /// A list ends: what followed `||` in it is over.
    pub(super) fn end_list(&mut self) {
        while self
            .frames
            .last()
            .is_some_and(|frame| frame.kind == FrameKind::List)
        {
            self.frames.pop();
            self.out.items.push(Item::Close);
        }
    }

    /// A function whose body was one block ends with it.
    pub(super) fn end_function(&mut self) {
        while self
            .frames
            .last()
            .is_some_and(|frame| frame.kind == FrameKind::Function)
        {
            self.frames.pop();
            self.out.items.push(Item::Close);
        }
    }

    /// Redirections and pipes behind a block hold for all commands in it.
    pub(super) fn after_block(&mut self, first: usize) {
        let mut holder = Command::default();
        loop {
            self.skip_blank();
            if !self.redirection(&mut holder, None) {
                break;
            }
        }
        let piped = self.peek() == Some(b'|') && self.peek_at(1) != Some(b'|');
        if holder.redirections.is_empty() && !piped {
            return;
        }
        for index in first..self.out.items.len() {
            let Item::Command(command) = &mut self.out.items[index] else {
                continue;
            };
            if command.stdout != Stdout::Inherited {
                continue;
            }
            command
                .redirections
                .extend(holder.redirections.iter().cloned());
            if piped {
                self.feeders.push(index);
            }
        }
    }
}
