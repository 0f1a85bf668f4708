//! `glpatrol completions` and `glpatrol man`: what other programs show of the command line, made from the
//! same arguments that are parsed.

use std::io::{self, Write as _};

use anyhow::bail;
use clap::CommandFactory as _;
use clap_mangen::Man;
use glpatrol::rules::strict::suggest;

use crate::args::{Arguments, CompletionsArguments, ManArguments};
use crate::exit::Outcome;

/// Prints the completion script of a shell.
pub(crate) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<Outcome> {
    // Into memory first: a reader that goes away is told by the write below and not by a panic.
    let mut script = Vec::new();
    let name = env!("CARGO_PKG_NAME");
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        name,
        &mut script,
    );
    io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Clean)
}

/// Prints the manual page of the program or of one of its commands.
pub(crate) fn page(arguments: &ManArguments) -> anyhow::Result<Outcome> {
    let mut program = Arguments::command();
    // Gives every command its whole name, `glpatrol-baseline-create`.
    program.build();
    let mut command = &program;
    for name in &arguments.command {
        let Some(next) = command.find_subcommand(name) else {
            let known = command.get_subcommands().map(clap::Command::get_name);
            let whole = command.get_bin_name().unwrap_or(env!("CARGO_PKG_NAME"));
            match suggest(name, known) {
                Some(meant) => bail!("`{whole}` has no command `{name}`; did you mean `{meant}`?"),
                None => bail!("`{whole}` has no command `{name}`; `{whole} --help` lists them"),
            }
        };
        command = next;
    }
    let mut page = Vec::new();
    let source = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    Man::new(command.clone()).source(source).render(&mut page)?;
    io::stdout().lock().write_all(&page)?;
    Ok(Outcome::Clean)
}
