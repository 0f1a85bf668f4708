//! `glpatrol inspect`

use std::ffi::OsStr;
use std::io::{self, BufWriter, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, bail};
use glpatrol::engine;
use glpatrol::model::Inspection;
use glpatrol::output::{self, Style};
use glpatrol::rules::RuleSet;
use glpatrol::rules::knowledge::KnowledgeBase;

use crate::args::{InspectArguments, InspectFormat, shows_unicode};
use crate::exit::Outcome;

/// The most bytes that are read; no token has as many.
const MAX_INPUT: u64 = 64 << 10;

/// Says what a token is. Text that is none, or that has the shape alone, is a finding.
pub(crate) fn run(arguments: &InspectArguments) -> anyhow::Result<Outcome> {
    let rules = engine::load_rules(&arguments.rules)?;
    if !arguments.never.is_empty() {
        return refuse(&arguments.never, &rules);
    }
    let token = match &arguments.env {
        Some(name) => from_environment(name)?,
        None => from_standard_input()?,
    };
    let token = token.trim_ascii();
    if token.is_empty() {
        bail!("there is nothing to inspect: the input is empty");
    }
    let inspection = engine::inspect(token, &rules);
    let inspection = inspection.as_ref();
    let knowledge = KnowledgeBase::new();
    let mut out = BufWriter::new(io::stdout().lock());
    match arguments.format {
        InspectFormat::Human => {
            let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
            let style = Style {
                width: terminal.unwrap_or(100),
                unicode: shows_unicode(),
                ..Style::default()
            };
            output::write_inspection(inspection, &rules, &knowledge, &style, &mut out)?;
        }
        InspectFormat::Json => {
            output::write_inspection_json(inspection, &rules, &knowledge, &mut out)?;
        }
    }
    out.flush()?;
    Ok(if inspection.is_some_and(Inspection::is_token) {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// An argument is never a token: it would stand in the process list and in the history of the shell. It
/// is not repeated here either.
fn refuse(arguments: &[std::ffi::OsString], rules: &RuleSet) -> anyhow::Result<Outcome> {
    let is_token = |argument: &OsStr| engine::inspect(argument.as_encoded_bytes(), rules).is_some();
    let mend = "write it to standard input or name the variable that holds it with `--env`";
    if arguments.iter().any(|argument| is_token(argument)) {
        bail!(
            "the argument is a token: it now stands in the history of the shell, and while a program \
             runs every user of the machine can read its arguments. Revoke it. Next time {mend}"
        );
    }
    bail!("a token is never an argument, which every user of the machine could read: {mend}");
}

/// The name is not repeated in errors: it may be the token itself, by mistake.
fn from_environment(name: &OsStr) -> anyhow::Result<Vec<u8>> {
    let bytes = name.as_encoded_bytes();
    let is_name = bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if bytes.is_empty() || !is_name {
        bail!("`--env` takes the name of a variable, not its value");
    }
    match std::env::var_os(name) {
        Some(value) => Ok(value.into_encoded_bytes()),
        None => bail!("the variable that `--env` names is not set"),
    }
}

fn from_standard_input() -> anyhow::Result<Vec<u8>> {
    let input = io::stdin();
    if input.is_terminal() {
        bail!(
            "standard input is a terminal, which would show the token: use \
             `glpatrol inspect < FILE`, a pipe, or `--env NAME`"
        );
    }
    let mut token = Vec::new();
    input
        .lock()
        .take(MAX_INPUT + 1)
        .read_to_end(&mut token)
        .context("cannot read standard input")?;
    if token.len() as u64 > MAX_INPUT {
        bail!("the input is longer than any token; `glpatrol scan -` searches a text");
    }
    Ok(token)
}
