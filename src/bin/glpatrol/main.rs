//! The command line of glpatrol: reads arguments, calls the library, maps the result to an exit code.

mod additions;
mod args;
mod commands;
mod destination;
mod exit;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, RulesCommand};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Scan(scan) => commands::scan::run(&scan),
        Command::Baseline(baseline) => commands::baseline::run(&baseline),
        Command::Merge(merge) => commands::merge::run(&merge),
        Command::Inspect(inspect) => commands::inspect::run(&inspect),
        Command::Rules(RulesCommand::List(list)) => commands::rules::list(&list),
        Command::Rules(RulesCommand::Show(show)) => commands::rules::show(&show),
        Command::Rules(RulesCommand::Test(test)) => commands::rules::test(&test),
        Command::Completions(completions) => commands::manual::completions(&completions),
        Command::Man(man) => commands::manual::page(&man),
    };
    exit::code(result)
}
