//! Options and operands of a command line, by the syntax of the tool.

use std::borrow::Cow;

use super::text::{Text, View};

/// Which options of a tool take a value.
pub(super) struct Syntax {
    /// Letters of short options with a value.
    pub(super) short: &'static str,
    /// Long options with a value, without dashes.
    pub(super) long: &'static [&'static str],
}

/// One thing on a command line.
#[derive(Clone, Debug)]
pub(super) enum Argument<'t> {
    /// An option without a value, with the word it is in.
    Flag(Cow<'t, str>, View<'t>),
    /// An option with its value.
    Option(Cow<'t, str>, View<'t>),
    /// Anything else.
    Operand(View<'t>),
}

/// Takes a command line apart. Options have the names of their long form without dashes, or their
/// letter.
pub(super) fn parse<'t>(texts: &'t [Text], syntax: &Syntax) -> Vec<Argument<'t>> {
    let mut arguments = Vec::with_capacity(texts.len());
    let mut texts = texts.iter();
    let mut operands_only = false;
    while let Some(text) = texts.next() {
        let view = text.view();
        let shown = view.as_str();
        if operands_only || view.find("-") != Some(0) || shown == "-" {
            arguments.push(Argument::Operand(view));
        } else if shown == "--" {
            operands_only = true;
        } else if let Some(long) = shown.strip_prefix("--") {
            if let Some(at) = view.find("=") {
                arguments.push(Argument::Option(long[..at - 2].into(), view.after(at + 1)));
            } else if syntax.long.contains(&long)
                && let Some(value) = texts.next()
            {
                arguments.push(Argument::Option(long.into(), value.view()));
            } else {
                arguments.push(Argument::Flag(long.into(), view));
            }
        } else {
            for (at, letter) in shown.char_indices().skip(1) {
                let name = &shown[at..at + letter.len_utf8()];
                if !syntax.short.contains(letter) {
                    arguments.push(Argument::Flag(name.into(), view));
                    continue;
                }
                let value = view.after(at + letter.len_utf8());
                if !value.is_empty() {
                    arguments.push(Argument::Option(name.into(), value));
                } else if let Some(next) = texts.next() {
                    arguments.push(Argument::Option(name.into(), next.view()));
                }
                break;
            }
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    const SYNTAX: Syntax = Syntax {
        short: "Hu",
        long: &["user"],
    };

    fn shown(words: &[&str]) -> Vec<String> {
        let texts: Vec<Text> = words
            .iter()
            .map(|word| {
                let mut text = Text::default();
                text.push_literal(word, Span::new(0, word.len()), true);
                text
            })
            .collect();
        parse(&texts, &SYNTAX)
            .iter()
            .map(|argument| match argument {
                Argument::Flag(name, _) => format!("flag {name}"),
                Argument::Option(name, value) => format!("{name}={}", value.as_str()),
                Argument::Operand(value) => format!("operand {}", value.as_str()),
            })
            .collect()
    }

    #[test]
    fn short_options_join_and_take_the_rest_or_the_next_word() {
        assert_eq!(
            shown(&["-sSH", "A: b", "-uname:x", "-k", "x"]),
            [
                "flag s",
                "flag S",
                "H=A: b",
                "u=name:x",
                "flag k",
                "operand x"
            ]
        );
    }

    #[test]
    fn long_options_take_a_value_by_either_spelling() {
        assert_eq!(
            shown(&["--user", "a", "--user=b", "--fail", "c"]),
            ["user=a", "user=b", "flag fail", "operand c"]
        );
    }

    #[test]
    fn everything_behind_two_dashes_is_an_operand() {
        assert_eq!(
            shown(&["--", "-u", "--user"]),
            ["operand -u", "operand --user"]
        );
        assert_eq!(shown(&["-"]), ["operand -"]);
    }

    #[test]
    fn an_option_at_the_end_lacks_its_value() {
        assert_eq!(shown(&["-u"]), [""; 0]);
        assert_eq!(shown(&["--user"]), ["flag user"]);
    }
}
