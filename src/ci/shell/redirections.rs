//! Redirections, heredocs included.

use std::rc::Rc;

use super::nested::PendingHeredoc;
use super::tree::{Command, Redirection};
use super::words::Stop;
use super::{Lexer, MAX_DEPTH};

impl Lexer<'_, '_> {
    /// Reads a redirection, if one begins here. Heredocs are left for the next line end; without a
    /// command of their own they go to the last one.
    pub(super) fn redirection(&mut self, command: &mut Command, index: Option<usize>) -> bool {
        let digits = self
            .rest()
            .iter()
            .take(3)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let both = self.peek() == Some(b'&');
        let lead = if both { 1 } else { digits };
        let Some(direction @ (b'<' | b'>')) = self.peek_at(lead) else {
            return false;
        };
        if both && direction == b'<' {
            return false;
        }
        let descriptor = &self.rest()[..digits];
        let stdout = direction == b'>' && (both || descriptor.is_empty() || descriptor == b"1");
        if self.at_process_substitution() {
            return false;
        }
        self.pos += lead + 1;
        if direction == b'<' && self.eat(b'<') {
            if self.eat(b'<') {
                self.skip_blank();
                let word = self.word(Stop::Operators);
                command.here.push(word);
            } else {
                self.heredoc(index);
            }
            return true;
        }
        self.eat(direction);
        self.eat(b'|');
        let to_descriptor = self.eat(b'&');
        self.skip_blank();
        let target = self.word(Stop::Operators);
        if direction == b'>' {
            let to_descriptor = to_descriptor
                && target.literal().is_some_and(|text| {
                    text.bytes()
                        .all(|byte| byte.is_ascii_digit() || byte == b'-')
                });
            command.redirections.push(Rc::new(Redirection {
                stdout,
                to_descriptor,
                target,
            }));
        }
        true
    }

    fn heredoc(&mut self, index: Option<usize>) {
        let strip_tabs = self.eat(b'-');
        self.skip_blank();
        let start = self.pos;
        let delimiter = self.word(Stop::Operators);
        let written = &self.source[start..self.pos];
        let quoted = written.contains(['\'', '"', '\\']);
        let delimiter = delimiter.literal().unwrap_or_else(|| written.to_owned());
        let Some(command) = index.or_else(|| self.last_command()) else {
            return;
        };
        if self.heredocs.len() >= MAX_DEPTH {
            return;
        }
        self.heredocs.push(PendingHeredoc {
            command,
            delimiter: delimiter.into_bytes(),
            strip_tabs,
            quoted,
        });
    }
}
