//! Words and what is in them: quotes, escapes, variables, substitutions.

use super::tree::{Expansion, Operator, Part, PartKind, Quoting, Word};
use super::{Dialect, Lexer, MAX_DEPTH};
use crate::model::Span;

/// What ends a word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Blanks and operators.
    Operators,
    /// The blanks alone: inside `[[ … ]]`, where operators are words.
    Blanks,
    /// The closing brace of `${X:-…}`.
    Brace,
    /// What ends a key or value of a `PowerShell` table.
    TableCell,
}

impl Stop {
    const fn at(self, byte: u8) -> bool {
        match self {
            Self::Operators => matches!(
                byte,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')'
            ),
            Self::Blanks => matches!(byte, b' ' | b'\t' | b'\r' | b'\n'),
            Self::Brace => byte == b'}',
            Self::TableCell => matches!(
                byte,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'}' | b'=' | b'+'
            ),
        }
    }
}

/// Collects the parts of a word; literal bytes run on until something else comes.
#[derive(Default)]
pub(super) struct Parts {
    parts: Vec<Part>,
    run: Option<usize>,
}

impl Lexer<'_, '_> {
    /// Reads a word that begins here; empty if `stop` holds at once.
    pub(super) fn word(&mut self, stop: Stop) -> Word {
        let start = self.pos;
        let mut parts = Parts::default();
        while let Some(byte) = self.peek() {
            if self.process_substitution(start, &mut parts) {
                continue;
            }
            if stop.at(byte) {
                break;
            }
            self.bare(byte, &mut parts);
        }
        self.flush(&mut parts, Quoting::Bare);
        Word {
            span: self.span(start, self.pos),
            parts: parts.parts,
        }
    }

    /// Reads everything up to the end as the inside of double quotes: the body of a heredoc.
    pub(super) fn double_quoted_to_end(&mut self) -> Word {
        let start = self.pos;
        let mut parts = Parts::default();
        self.double_quoted(false, &mut parts);
        Word {
            span: self.span(start, self.pos),
            parts: parts.parts,
        }
    }

    fn bare(&mut self, byte: u8, parts: &mut Parts) {
        match byte {
            b'\'' => {
                self.flush(parts, Quoting::Bare);
                self.pos += 1;
                self.single_quoted(parts);
            }
            b'"' => {
                self.flush(parts, Quoting::Bare);
                self.pos += 1;
                self.double_quoted(true, parts);
            }
            b'$' if self.dialect == Dialect::Posix && self.peek_at(1) == Some(b'\'') => {
                self.flush(parts, Quoting::Bare);
                self.pos += 2;
                self.ansi_quoted(parts);
            }
            b'$' if self.dialect == Dialect::Posix && self.peek_at(1) == Some(b'"') => {
                self.flush(parts, Quoting::Bare);
                self.pos += 1;
            }
            b'$' => self.dollar(Quoting::Bare, parts),
            b'@' if self.dialect == Dialect::PowerShell && self.peek_at(1) == Some(b'{') => {
                self.table(parts);
            }
            byte if byte == self.escape() => self.escaped(Quoting::Bare, parts),
            b'`' => self.backquoted(Quoting::Bare, parts),
            _ => self.literal_char(parts),
        }
    }

    fn literal_char(&mut self, parts: &mut Parts) {
        parts.run.get_or_insert(self.pos);
        self.skip_char();
    }

    /// Ends the literal run that is open.
    pub(super) fn flush(&mut self, parts: &mut Parts, quoting: Quoting) {
        if let Some(start) = parts.run.take() {
            self.push_literal(start, self.pos, quoting, parts);
        }
    }

    fn push_literal(&self, start: usize, end: usize, quoting: Quoting, parts: &mut Parts) {
        parts.parts.push(Part {
            span: self.span(start, end),
            quoting,
            kind: PartKind::Literal(self.source[start..end].into()),
        });
    }

    pub(super) fn push(&self, start: usize, quoting: Quoting, kind: PartKind, parts: &mut Parts) {
        parts.parts.push(Part {
            span: self.span(start, self.pos),
            quoting,
            kind,
        });
    }

    /// A backslash and what it protects.
    fn escaped(&mut self, quoting: Quoting, parts: &mut Parts) {
        self.flush(parts, quoting);
        let continuation = self.line_continuation();
        if continuation > 0 {
            self.pos += continuation;
            return;
        }
        let start = self.pos;
        self.pos += 1;
        if self.pos >= self.end {
            self.push_literal(start, self.pos, quoting, parts);
            return;
        }
        let from = self.pos;
        self.skip_char();
        let kind = PartKind::Literal(self.source[from..self.pos].into());
        let quoting = match quoting {
            Quoting::Bare => Quoting::Single,
            other => other,
        };
        self.push(start, quoting, kind, parts);
    }

    fn single_quoted(&mut self, parts: &mut Parts) {
        let start = self.pos;
        let rest = self.rest();
        let len = memchr::memchr(b'\'', rest).unwrap_or(rest.len());
        self.pos += len;
        self.push_literal(start, self.pos, Quoting::Single, parts);
        self.eat(b'\'');
    }

    /// `$'…'`, where backslashes are escapes of the C kind.
    fn ansi_quoted(&mut self, parts: &mut Parts) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\'' => break,
                b'\\' if self.pos + 1 < self.end => {
                    self.flush(parts, Quoting::Single);
                    let start = self.pos;
                    self.pos += 1;
                    let from = self.pos;
                    self.skip_char();
                    let text = match self.text[from] {
                        b'n' => "\n",
                        b't' => "\t",
                        b'r' => "\r",
                        _ => &self.source[from..self.pos],
                    };
                    self.push(
                        start,
                        Quoting::Single,
                        PartKind::Literal(text.into()),
                        parts,
                    );
                }
                _ => self.literal_char(parts),
            }
        }
        self.flush(parts, Quoting::Single);
        self.eat(b'\'');
    }

    /// The inside of double quotes, up to the closing one if there is to be one.
    fn double_quoted(&mut self, closed: bool, parts: &mut Parts) {
        let before = parts.parts.len();
        let start = self.pos;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' if closed => {
                    if self.dialect == Dialect::PowerShell && self.peek_at(1) == Some(b'"') {
                        self.flush(parts, Quoting::Double);
                        let quote = self.pos;
                        self.pos += 2;
                        self.push(
                            quote,
                            Quoting::Double,
                            PartKind::Literal("\"".into()),
                            parts,
                        );
                        continue;
                    }
                    break;
                }
                b'$' => self.dollar(Quoting::Double, parts),
                b'`' if self.dialect == Dialect::PowerShell => {
                    self.escaped(Quoting::Double, parts);
                }
                b'`' => self.backquoted(Quoting::Double, parts),
                b'\\'
                    if self.dialect == Dialect::Posix
                        && (matches!(self.peek_at(1), Some(b'$' | b'`' | b'"' | b'\\'))
                            || self.line_continuation() > 0) =>
                {
                    self.escaped(Quoting::Double, parts);
                }
                _ => self.literal_char(parts),
            }
        }
        self.flush(parts, Quoting::Double);
        if parts.parts.len() == before {
            self.push_literal(start, self.pos, Quoting::Double, parts);
        }
        if closed {
            self.eat(b'"');
        }
    }

    /// Whether `<(` or `>(` stands here.
    pub(super) fn at_process_substitution(&self) -> bool {
        self.dialect == Dialect::Posix
            && matches!(self.peek(), Some(b'<' | b'>'))
            && self.peek_at(1) == Some(b'(')
    }

    /// `<( … )` and `>( … )`, which are words where they begin one.
    fn process_substitution(&mut self, word_start: usize, parts: &mut Parts) -> bool {
        if self.pos != word_start || !self.at_process_substitution() || self.depth >= MAX_DEPTH {
            return false;
        }
        let start = self.pos;
        self.pos += 2;
        let items = self.substitution();
        self.push(start, Quoting::Bare, PartKind::Substitution(items), parts);
        true
    }

    /// Whatever a dollar sign begins.
    fn dollar(&mut self, quoting: Quoting, parts: &mut Parts) {
        let start = self.pos;
        match self.peek_at(1) {
            Some(b'(') if self.depth < MAX_DEPTH => {
                self.flush(parts, quoting);
                if self.dialect == Dialect::Posix && self.peek_at(2) == Some(b'(') {
                    self.skip_arithmetic(3);
                    self.push(start, quoting, PartKind::Arithmetic, parts);
                    return;
                }
                self.pos += 2;
                let items = self.substitution();
                self.push(start, quoting, PartKind::Substitution(items), parts);
            }
            Some(b'{') if self.depth < MAX_DEPTH => {
                self.flush(parts, quoting);
                self.pos += 2;
                self.depth += 1;
                let expansion = self.parameter(quoting);
                self.depth -= 1;
                self.push(start, quoting, PartKind::Variable(expansion), parts);
            }
            Some(b'[') if self.peek_at(2) == Some(b'[') => {
                let rest = self.rest();
                // Interpolation blocks are below 1 KB (gitlabhq/gitlabhq `doc/ci/inputs/_index.md`).
                let window = &rest[..rest.len().min(1024)];
                let Some(len) = memchr::memmem::find(window, b"]]") else {
                    self.literal_char(parts);
                    return;
                };
                self.flush(parts, quoting);
                self.pos += len + 2;
                self.push(start, quoting, PartKind::Input, parts);
            }
            Some(byte) if byte == b'_' || byte.is_ascii_alphabetic() => {
                self.flush(parts, quoting);
                self.pos += 1;
                if self.dialect == Dialect::PowerShell
                    && self.rest().len() > 4
                    && self.rest()[..4].eq_ignore_ascii_case(b"env:")
                {
                    self.pos += 4;
                }
                let name = self.name();
                self.push_variable(start, quoting, name, parts);
            }
            Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'!' | b'$' | b'-')
                if self.dialect == Dialect::Posix =>
            {
                self.flush(parts, quoting);
                self.pos += 2;
                let name = self.source[start + 1..self.pos].into();
                self.push_variable(start, quoting, name, parts);
            }
            _ => self.literal_char(parts),
        }
    }

    fn push_variable(&self, start: usize, quoting: Quoting, name: Box<str>, parts: &mut Parts) {
        let expansion = Expansion {
            name,
            operator: Operator::Value,
        };
        self.push(start, quoting, PartKind::Variable(expansion), parts);
    }

    /// Letters, digits and underscores from here on.
    pub(super) fn name(&mut self) -> Box<str> {
        let start = self.pos;
        while self
            .peek()
            .is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        {
            self.pos += 1;
        }
        self.source[start..self.pos].into()
    }

    /// `$((` or `((` up to `))`; its inside is of no interest.
    pub(super) fn skip_arithmetic(&mut self, opening: usize) {
        self.pos += opening;
        let mut open = 2_usize;
        while let Some(byte) = self.peek() {
            self.pos += 1;
            match byte {
                b'(' => open += 1,
                b')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
    }

    /// The inside of `${ … }` and its closing brace.
    fn parameter(&mut self, quoting: Quoting) -> Expansion {
        let length = self.peek() == Some(b'#') && self.peek_at(1) != Some(b'}');
        let indirect = self.peek() == Some(b'!');
        self.pos += usize::from(length || indirect);
        if self.dialect == Dialect::PowerShell
            && self.rest().len() > 4
            && self.rest()[..4].eq_ignore_ascii_case(b"env:")
        {
            self.pos += 4;
        }
        let mut name = self.name();
        if name.is_empty() && matches!(self.peek(), Some(b'@' | b'*' | b'#' | b'?' | b'!' | b'-')) {
            let start = self.pos;
            self.pos += 1;
            name = self.source[start..self.pos].into();
        }
        let elements = [&b"[@]"[..], b"[*]"]
            .iter()
            .any(|subscript| self.rest().starts_with(subscript));
        self.pos += if elements { 3 } else { 0 };
        let colon =
            self.peek() == Some(b':') && matches!(self.peek_at(1), Some(b'-' | b'=' | b'?' | b'+'));
        let sign = self.peek_at(usize::from(colon));
        let operator = match sign {
            Some(b'-' | b'=' | b'?' | b'+') => {
                self.pos += 1 + usize::from(colon);
                let mut parts = self.word(Stop::Brace).parts;
                if quoting == Quoting::Double {
                    for part in &mut parts {
                        part.quoting = Quoting::Double;
                    }
                }
                match sign {
                    Some(b'+') => Operator::Alternate(parts),
                    Some(b'?') => Operator::Value,
                    _ => Operator::Default(parts),
                }
            }
            Some(b'}') if elements => Operator::Elements,
            Some(b'}') => Operator::Value,
            _ => {
                self.word(Stop::Brace);
                Operator::Derived
            }
        };
        self.eat(b'}');
        let operator = match operator {
            _ if length => Operator::Length,
            _ if indirect => Operator::Indirect,
            other => other,
        };
        Expansion { name, operator }
    }

    /// `@{ 'key' = value; … }`.
    fn table(&mut self, parts: &mut Parts) {
        self.flush(parts, Quoting::Bare);
        let start = self.pos;
        self.pos += 2;
        let mut cells = Vec::new();
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            while let Some(cell) = self.table_cell() {
                cells.push(cell);
            }
            self.depth -= 1;
        }
        self.eat(b'}');
        self.push(start, Quoting::Bare, PartKind::Table(cells), parts);
    }

    fn table_cell(&mut self) -> Option<(Word, Word)> {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n' | b';')) {
            self.pos += 1;
        }
        if matches!(self.peek(), None | Some(b'}')) {
            return None;
        }
        let key = self.word(Stop::TableCell);
        self.skip_blank();
        self.eat(b'=');
        self.skip_blank();
        let mut value = self.word(Stop::TableCell);
        loop {
            self.skip_blank();
            match self.peek() {
                None | Some(b'}' | b';' | b'\n') => return Some((key, value)),
                Some(b'+' | b'=') => self.pos += 1,
                _ => {
                    let more = self.word(Stop::TableCell);
                    value.span = Span::new(value.span.start, more.span.end);
                    value.parts.extend(more.parts);
                }
            }
        }
    }
}
