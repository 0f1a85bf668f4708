//! Commands, what joins them, and the blocks around them.

use super::blocks::FrameKind;
use super::tree::{AssignedValue, Assignment, Block, Command, Item, Stdout, Word, is_name};
use super::words::Stop;
use super::{Dialect, Invocation, Lexer};

/// Where [`Lexer::commands`] stops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// At the end of the text.
    End,
    /// At the parenthesis that closes a substitution.
    Parenthesis,
}

impl Lexer<'_, '_> {
    /// Reads the whole text and closes what it left open.
    pub(super) fn script(&mut self) {
        while self.pos < self.end {
            self.commands(Until::End);
        }
    }

    pub(super) fn commands(&mut self, until: Until) {
        loop {
            self.skip_blank();
            let Some(byte) = self.peek() else { break };
            if self.in_case_pattern() && byte != b'\n' && byte != b'#' {
                self.case_pattern();
                continue;
            }
            match byte {
                b'\n' => {
                    self.pos += 1;
                    self.end_list();
                    self.heredoc_bodies();
                }
                b'#' => self.comment(),
                b'<' if self.dialect == Dialect::PowerShell && self.peek_at(1) == Some(b'#') => {
                    let rest = self.rest();
                    self.pos += memchr::memmem::find(rest, b"#>").map_or(rest.len(), |len| len + 2);
                }
                b';' => self.semicolon(),
                b'&' if self.peek_at(1) == Some(b'&') => {
                    self.pos += 2;
                    if self.last_command_tests() {
                        self.open(FrameKind::List, Block::Conditional);
                    }
                    self.skip_line_ends();
                }
                b'&' if self.peek_at(1) != Some(b'>') => {
                    self.pos += 1;
                    if self.dialect == Dialect::Posix {
                        self.end_list();
                    }
                }
                b'|' if self.peek_at(1) == Some(b'|') => {
                    self.pos += 2;
                    self.open(FrameKind::List, Block::Conditional);
                    self.skip_line_ends();
                }
                b'|' => {
                    self.pos += 1;
                    self.eat(b'&');
                    if self.feeders.is_empty() {
                        self.feeders.extend(self.last_command());
                    }
                    self.skip_line_ends();
                }
                b'(' if self.peek_at(1) == Some(b'(') && self.dialect == Dialect::Posix => {
                    self.skip_arithmetic(2);
                }
                b'(' => {
                    self.pos += 1;
                    self.open(FrameKind::Parenthesis, Block::Subshell);
                }
                b')' => {
                    let inside = self
                        .frames
                        .iter()
                        .any(|frame| frame.kind == FrameKind::Parenthesis);
                    if !inside && self.unframed == 0 && until == Until::Parenthesis {
                        break;
                    }
                    self.pos += 1;
                    self.close(FrameKind::Parenthesis);
                }
                _ => self.reserved_or_command(),
            }
        }
        while self.frames.pop().is_some() {
            self.out.items.push(Item::Close);
        }
        self.feeders.clear();
    }

    /// Behind an operator, the next command may stand on the next line.
    fn skip_line_ends(&mut self) {
        loop {
            self.skip_blank();
            if !self.eat(b'\n') {
                return;
            }
            self.heredoc_bodies();
        }
    }

    fn comment(&mut self) {
        let start = self.pos;
        self.skip_to_line_end();
        let span = self.span(start, self.pos);
        self.out.comments.push(span);
    }

    fn semicolon(&mut self) {
        let branch = matches!(self.peek_at(1), Some(b';' | b'&'));
        while matches!(self.peek(), Some(b';' | b'&')) {
            self.pos += 1;
        }
        self.end_list();
        if branch
            && let Some(frame) = self.frames.last_mut()
            && frame.kind == FrameKind::Case
        {
            frame.kind = FrameKind::CasePattern;
            self.out.items.push(Item::Alternative);
        }
    }

    fn in_case_pattern(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.kind == FrameKind::CasePattern)
    }

    /// Skips the patterns of a branch and their parenthesis, or ends the `case`.
    fn case_pattern(&mut self) {
        self.eat(b'(');
        loop {
            self.skip_blank();
            match self.peek() {
                Some(b')') => {
                    self.pos += 1;
                    break;
                }
                None | Some(b'\n') => break,
                _ if self.bare_word() == b"esac" => {
                    self.pos += 4;
                    self.close(FrameKind::Case);
                    return;
                }
                _ => {
                    let before = self.pos;
                    self.word(Stop::Operators);
                    if self.pos == before {
                        self.skip_char();
                    }
                }
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.kind = FrameKind::Case;
        }
    }

    /// The text of a bare word here, without moving.
    fn bare_word(&self) -> &[u8] {
        let rest = self.rest();
        let len = rest
            .iter()
            .take(16)
            .take_while(|byte| {
                !matches!(
                    byte,
                    b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'
                )
            })
            .count();
        &rest[..len]
    }

    fn reserved_or_command(&mut self) {
        match self.bare_word() {
            b"if" => self.keyword(2, FrameKind::If, Block::Conditional),
            b"while" | b"until" => self.keyword(5, FrameKind::Loop, Block::Conditional),
            b"for" if self.dialect == Dialect::Posix => self.loop_head(3),
            b"select" if self.dialect == Dialect::Posix => self.loop_head(6),
            b"case" if self.dialect == Dialect::Posix => self.case_head(),
            b"then" => self.pos += 4,
            b"do" => self.pos += 2,
            b"!" => self.pos += 1,
            b"else" | b"elif" => {
                self.pos += 4;
                let inside_if = self
                    .frames
                    .last()
                    .is_some_and(|frame| frame.kind == FrameKind::If);
                if inside_if && self.unframed == 0 {
                    self.out.items.push(Item::Alternative);
                }
            }
            b"fi" => {
                self.pos += 2;
                self.close(FrameKind::If);
            }
            b"done" => {
                self.pos += 4;
                self.close(FrameKind::Loop);
            }
            b"esac" => {
                self.pos += 4;
                self.close(FrameKind::Case);
            }
            b"{" => self.keyword(1, FrameKind::Brace, Block::Group),
            b"}" => {
                self.pos += 1;
                self.close(FrameKind::Brace);
            }
            b"function" => {
                self.pos += 8;
                self.skip_blank();
                let name = self.function_name();
                self.function(name);
            }
            _ => self.command(),
        }
    }

    fn keyword(&mut self, len: usize, kind: FrameKind, block: Block) {
        self.pos += len;
        self.open(kind, block);
    }

    fn function_name(&mut self) -> Box<str> {
        let name = String::from_utf8_lossy(self.bare_word()).into_owned();
        let word = self.word(Stop::Operators);
        word.literal().unwrap_or(name).into()
    }

    fn function(&mut self, name: Box<str>) {
        self.skip_blank();
        if self.eat(b'(') {
            self.skip_blank();
            self.eat(b')');
        }
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.pos += 1;
        }
        self.open(FrameKind::Function, Block::Function(name));
    }

    /// `for NAME in …`: the variable gets a value that is not known.
    fn loop_head(&mut self, len: usize) {
        self.pos += len;
        self.open(FrameKind::Loop, Block::Conditional);
        self.skip_blank();
        let start = self.pos;
        let name = self.name();
        let index = self.reserve();
        while !matches!(self.peek(), None | Some(b'\n' | b';')) {
            let before = self.pos;
            self.word(Stop::Operators);
            self.skip_blank();
            if self.pos == before {
                self.skip_char();
            }
        }
        let span = self.span(start, self.pos);
        self.out.items[index] = Item::Command(Command {
            span,
            assignments: vec![Assignment {
                name,
                value: AssignedValue::Unknown,
                appends: false,
                span,
            }],
            ..Command::default()
        });
    }

    fn case_head(&mut self) {
        self.pos += 4;
        self.skip_blank();
        self.word(Stop::Operators);
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.pos += 1;
        }
        if self.bare_word() == b"in" {
            self.pos += 2;
            self.open(FrameKind::CasePattern, Block::Conditional);
        }
    }

    /// Makes room for a command, so that what is nested in it comes after it.
    fn reserve(&mut self) -> usize {
        let index = self.out.items.len();
        let fed_by = self.feeders.last().copied();
        for feeder in std::mem::take(&mut self.feeders) {
            if let Item::Command(command) = &mut self.out.items[feeder] {
                command.stdout = Stdout::Pipe(index);
            }
        }
        self.out.items.push(Item::Command(Command {
            fed_by,
            ..Command::default()
        }));
        index
    }

    pub(super) fn last_command(&self) -> Option<usize> {
        let first = self.frames.last().map_or(0, |frame| frame.first);
        // Only substitutions can stand behind it, and each is closed. The limit keeps a chain of
        // operators behind thousands of substitutions from being looked at again and again.
        let mut open = 0_usize;
        for index in (first..self.out.items.len()).rev().take(1024) {
            match &self.out.items[index] {
                Item::Close => open += 1,
                Item::Open(_) if open == 0 => return None,
                Item::Open(_) => open -= 1,
                Item::Command(_) if open == 0 => return Some(index),
                Item::Command(_) | Item::Alternative => {}
            }
        }
        None
    }

    /// Whether the last command only asks a question.
    fn last_command_tests(&self) -> bool {
        let Some(index) = self.last_command() else {
            return false;
        };
        let Item::Command(command) = &self.out.items[index] else {
            return false;
        };
        let program = command.words.first().and_then(Word::literal);
        matches!(
            program.as_deref(),
            Some("[" | "[[" | "test" | "grep" | "which" | "type" | "false")
        )
    }

    /// A simple command: assignments, words, redirections.
    fn command(&mut self) {
        let index = self.reserve();
        let start = self.pos;
        let mut command = Command {
            stdout: if self.captured {
                Stdout::Captured
            } else {
                Stdout::Inherited
            },
            ..Command::default()
        };
        let mut end = start;
        let mut stop = Stop::Operators;
        let mut function = None;
        loop {
            self.skip_blank();
            let Some(byte) = self.peek() else { break };
            if stop == Stop::Blanks {
                if byte == b'\n' {
                    break;
                }
            } else if self.redirection(&mut command, Some(index)) {
                end = self.pos;
                continue;
            } else if byte == b'(' && command.words.len() == 1 && self.dialect == Dialect::Posix {
                function = command.words[0].literal();
                break;
            } else if byte == b'#' || (Stop::is_operator(byte) && !self.at_process_substitution()) {
                break;
            }
            if command.words.is_empty()
                && self.dialect == Dialect::Posix
                && let Some(assignment) = self.assignment()
            {
                command.assignments.push(assignment);
                end = self.pos;
                continue;
            }
            if self.rest().starts_with(b"]]") {
                stop = Stop::Operators;
            }
            let before = self.pos;
            let word = self.word(stop);
            if self.pos == before {
                break;
            }
            end = self.pos;
            if command.words.is_empty() && word.literal().as_deref() == Some("[[") {
                stop = Stop::Blanks;
            }
            command.words.push(word);
        }
        if let Some(name) = function.filter(|name| !name.is_empty()) {
            self.out.items.truncate(index);
            self.function(name.into());
            return;
        }
        if self.pos == start {
            // Nothing here begins a word: go on behind it.
            self.skip_char();
        }
        command.span = self.span(start, end);
        self.finish(index, command);
    }

    /// Puts a command in its place and reads the script among its arguments, if it runs one.
    fn finish(&mut self, index: usize, command: Command) {
        let script = Invocation::of(&command).and_then(|invocation| invocation.inline_script());
        let mut command = command;
        if let Item::Command(reserved) = &mut self.out.items[index] {
            command.fed_by = reserved.fed_by;
            *reserved = command;
        }
        if let Some(word) = script {
            self.run_word(&word);
        }
        if self
            .frames
            .last()
            .is_some_and(|frame| frame.kind == FrameKind::Function)
        {
            self.end_function();
        }
    }

    /// `NAME=…`, `NAME+=…` or `NAME=( … )`.
    fn assignment(&mut self) -> Option<Assignment> {
        let start = self.pos;
        let name = self.name();
        let appends = self.peek() == Some(b'+') && self.peek_at(1) == Some(b'=');
        if !is_name(&name) || !(appends || self.peek() == Some(b'=')) {
            self.pos = start;
            return None;
        }
        self.pos += 1 + usize::from(appends);
        let value = if self.eat(b'(') {
            let mut words = Vec::new();
            loop {
                while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                    self.pos += 1;
                }
                match self.peek() {
                    None => break,
                    Some(b')') => {
                        self.pos += 1;
                        break;
                    }
                    Some(b'#') => self.comment(),
                    Some(_) => {
                        let before = self.pos;
                        let word = self.word(Stop::Operators);
                        if self.pos == before && self.line_continuation() == 0 {
                            self.skip_char();
                        } else if !word.parts.is_empty() {
                            words.push(word);
                        }
                    }
                }
            }
            AssignedValue::List(words)
        } else {
            AssignedValue::Word(self.word(Stop::Operators))
        };
        Some(Assignment {
            name,
            value,
            appends,
            span: self.span(start, self.pos),
        })
    }
}

impl Stop {
    const fn is_operator(byte: u8) -> bool {
        matches!(byte, b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>')
    }
}
