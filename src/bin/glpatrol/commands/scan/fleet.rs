//! `glpatrol scan --repos`

use std::path::{Path, PathBuf};

use anyhow::bail;
use glpatrol::config::Config;
use glpatrol::engine::{self, ConfigFile, FleetEntry, FleetRequest, Plan, ScanRequest};
use glpatrol::output;
use glpatrol::rules::RuleSet;

use super::{cache, destinations, request, style, today};
use crate::args::ScanArguments;
use crate::exit::Outcome;
use crate::progress::with_progress;

/// Scans every repository, writes every report that is asked for and says what the run came to.
pub(super) fn run(arguments: &ScanArguments, repos: &Path) -> anyhow::Result<Outcome> {
    if arguments.cache.is_some() && arguments.input.history.is_none() {
        bail!("a cache remembers the Git history, which this run does not read; add `--history`");
    }
    let mut rules = engine::load_rules(&arguments.input.rules)?;
    let config = configuration(arguments, &mut rules)?;
    let entries = engine::find_fleet(repos, arguments.input.jobs)?;
    let reports = destinations(arguments, &folders(&entries))?;
    let cache = cache(arguments)?;
    // One day for all, also around midnight.
    let today = today(&arguments.input);
    let request_of_all = FleetRequest {
        entries: &entries,
        shard: arguments.shard,
        config: config.as_ref(),
        own_config: config.is_none() && !arguments.input.untrusted,
        rules: &rules,
        plan: &|config| Plan {
            request: ScanRequest {
                cache: cache.clone(),
                ..request(&arguments.input, today, config)
            },
            fail_on: config.fail_on.unwrap_or_default(),
        },
        jobs: arguments.input.jobs,
    };
    let fleet = with_progress(arguments.display.progress(), |progress| {
        engine::scan_fleet(&request_of_all, progress)
    });
    for (format, destination) in &reports {
        let style = style(&arguments.display, destination);
        destination.write(|out| output::write_fleet(&fleet, &rules, *format, &style, out))?;
    }
    Ok(Outcome::of_fleet(
        &fleet,
        arguments.fail_on,
        arguments.allow_incomplete,
    ))
}

/// The configuration that an option names, for every repository in place of its own.
fn configuration(arguments: &ScanArguments, rules: &mut RuleSet) -> anyhow::Result<Option<Config>> {
    let Some(path) = &arguments.input.config else {
        return Ok(None);
    };
    let config = engine::load_config(&ConfigFile::named(path), rules)?;
    if !config.inventories.is_empty() {
        bail!(
            "`{}` names inventories, whose findings every repository would repeat; scan them in a \
             run of their own, without `--repos`",
            path.display()
        );
    }
    Ok(Some(config))
}

/// The folders of all repositories.
fn folders(entries: &[FleetEntry]) -> Vec<PathBuf> {
    entries
        .iter()
        .filter_map(|entry| Some(entry.checkout.as_ref().ok()?.dir().to_owned()))
        .collect()
}
