//! The arguments, and what they mean to the library.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use glpatrol::config::{ByteSize, InventoryFile};
use glpatrol::engine::HistoryScope;
use glpatrol::model::{Confidence, FailOn, Persona, Shard, ShardError, TokenKind};
use glpatrol::output::Format;
use glpatrol::rules::Analysis;
use glpatrol::rules::knowledge::Version;
use jiff::civil::Date;

use crate::additions::AdditionsArguments;

/// Finds leaked GitLab tokens and GitLab tokens that can do more than they need to.
///
/// Reads files and nothing else: it opens no connection and starts no program.
#[derive(Debug, Parser)]
#[command(name = "glpatrol", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Search files for leaked tokens, lint CI configurations and token inventories.
    Scan(Box<ScanArguments>),
    #[command(subcommand)]
    Baseline(Box<BaselineCommand>),
    /// Join reports of several runs, such as the shards of many repositories, into one.
    Merge(MergeArguments),
    /// Say what a token is, from standard input: kind, checksum, ids, how to revoke it.
    Inspect(InspectArguments),
    /// List, show or test rules.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Print the script that completes commands and options in a shell.
    Completions(CompletionsArguments),
    /// Print a manual page, for `man -l -`.
    Man(ManArguments),
}

/// What is read and how it is judged: the same for every command that scans.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// Files and folders; `-` is standard input, which is searched for leaked tokens alone.
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,

    /// What reports call standard input.
    #[arg(long, value_name = "NAME", default_value = "stdin")]
    pub(crate) stdin_name: String,

    /// Which analyses to run.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "ANALYSES",
        default_value = "leaks,ci,inventory"
    )]
    only: Vec<AnalysisWord>,

    /// A token inventory; KIND is the kind of its entries where the file does not say. Repeatable.
    #[arg(short, long, value_name = "[KIND=]FILE", value_parser = inventory_file)]
    pub(crate) inventory: Vec<InventoryFile>,

    /// The day that "today" means.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) as_of: Option<Date>,

    /// The version of the GitLab instance; what depends on it is judged by the newest known.
    #[arg(long, value_name = "X.Y")]
    pub(crate) gitlab_version: Option<Version>,

    /// Search the history of Git repositories too: every object, or what refs reach. A bare repository
    /// given as PATH is searched whole without it.
    #[arg(
        long,
        value_name = "SCOPE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all"
    )]
    pub(crate) history: Option<HistoryWord>,

    /// Skip what `.gitignore` and its kin name.
    #[arg(long)]
    pub(crate) respect_gitignore: bool,

    /// The configuration; by default `.glpatrol.yml` at the root of the repository.
    #[arg(short, long, value_name = "FILE", help_heading = "Rules")]
    pub(crate) config: Option<PathBuf>,

    /// Ignore configuration and comments inside the scanned repository.
    #[arg(long, help_heading = "Rules")]
    pub(crate) untrusted: bool,

    /// A rule file or a folder of them, beside the built-in rules. Repeatable.
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub(crate) rules: Vec<PathBuf>,

    /// Lowest confidence that is reported: low, medium or high; by default medium.
    #[arg(long, value_name = "CONFIDENCE", help_heading = "Findings")]
    pub(crate) confidence: Option<Confidence>,

    /// Whose findings are reported: regular, pedantic or auditor; by default regular.
    #[arg(long, value_name = "PERSONA", help_heading = "Findings")]
    pub(crate) persona: Option<Persona>,

    /// The largest file that is read, such as `500MB` or `2GiB`; by default files of any size are.
    #[arg(long, value_name = "SIZE", help_heading = "Limits")]
    pub(crate) max_file_size: Option<ByteSize>,

    /// How many archives inside each other are opened, the outermost included; 0 opens none.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_archive_depth: Option<usize>,

    /// How many encodings deep tokens are looked for, such as base64 in base64; 0 for none.
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub(crate) max_decode_depth: Option<u8>,

    /// Count as not read: includes that lie outside of the scanned input, damaged and encrypted archives,
    /// and with `--history` any object that is missing.
    #[arg(long, help_heading = "Findings")]
    pub(crate) strict: bool,

    /// Threads; by default one a core.
    #[arg(
        short,
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true
    )]
    pub(crate) jobs: usize,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 clean · 1 findings at or above --fail-on · 2 could not run · \
                        3 something asked for was not read"
)]
pub(crate) struct ScanArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// Many repositories: each line of a file, or each repository below a folder.
    #[arg(
        long,
        value_name = "FILE|DIR",
        conflicts_with_all = ["paths", "stdin_name", "inventory", "baseline"],
        help_heading = "Many repositories"
    )]
    pub(crate) repos: Option<PathBuf>,

    /// The part of them that this run scans, by name; `auto` reads `CI_NODE_INDEX` and `CI_NODE_TOTAL`.
    #[arg(
        long,
        value_name = "I/N|auto",
        value_parser = shard,
        requires = "repos",
        help_heading = "Many repositories"
    )]
    pub(crate) shard: Option<Shard>,

    #[command(flatten)]
    pub(crate) additions: AdditionsArguments,

    /// A folder that remembers which Git objects were searched under the same rules, so that the next run
    /// reads what is new. It is made if there is none; several runs may share it.
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with_all = ["staged", "range", "since", "pre_receive"],
        help_heading = "Git"
    )]
    pub(crate) cache: Option<PathBuf>,

    /// Known findings, as `glpatrol baseline` writes them down: they are hidden.
    #[arg(long, value_name = "FILE", help_heading = "Findings")]
    pub(crate) baseline: Option<PathBuf>,

    /// Lowest severity that makes the run fail: info, low, medium, high, critical or never; by
    /// default medium.
    #[arg(long, value_name = "SEVERITY", help_heading = "Findings")]
    pub(crate) fail_on: Option<FailOn>,

    /// Exit 0 instead of 3 when something was not read.
    #[arg(long, help_heading = "Findings")]
    pub(crate) allow_incomplete: bool,

    /// Format of the report: human, sarif or json.
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "human",
        help_heading = "Output"
    )]
    pub(crate) format: Format,

    /// Where the report goes; `-` is standard output, the default.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// A further report. Repeatable.
    #[arg(long, value_name = "FORMAT=FILE", value_parser = report, help_heading = "Output")]
    pub(crate) report: Vec<(Format, PathBuf)>,

    #[command(flatten)]
    pub(crate) display: DisplayArguments,
}

/// Keep a list of known findings, so that `scan --baseline FILE` tells what is new.
///
/// The list names tokens by their digest and holds no line numbers, commits or dates: it changes only where
/// findings come or go. Options that decide what is read and judged are those of `scan`.
#[derive(Debug, Subcommand)]
pub(crate) enum BaselineCommand {
    /// Write down every finding that there is now.
    Create(BaselineCreateArguments),
    /// Add the findings that are new; reasons are kept.
    Update(BaselineUpdateArguments),
    /// Drop the entries that hide nothing any more.
    Prune(BaselineArguments),
}

#[derive(Debug, Args)]
pub(crate) struct BaselineCreateArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    #[command(flatten)]
    pub(crate) reason: ReasonArguments,

    /// The file to write, which must not exist yet; `-` is standard output, the default.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) speech: SpeechArguments,
}

#[derive(Debug, Args)]
pub(crate) struct BaselineUpdateArguments {
    #[command(flatten)]
    pub(crate) known: BaselineArguments,

    #[command(flatten)]
    pub(crate) reason: ReasonArguments,
}

/// A baseline that is there, and what it is compared with.
#[derive(Debug, Args)]
pub(crate) struct BaselineArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,

    /// The baseline.
    #[arg(long, value_name = "FILE", help_heading = "Findings")]
    pub(crate) baseline: PathBuf,

    /// Write here instead of into the baseline itself; `-` is standard output.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) speech: SpeechArguments,
}

/// What a command says beside its result.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SpeechArguments {
    /// Show no progress on a terminal.
    #[arg(long, help_heading = "Output")]
    pub(crate) no_progress: bool,

    /// Say nothing but what could not be read.
    #[arg(short, long, help_heading = "Output")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReasonArguments {
    /// Why the new entries may stay.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "not judged yet: say why this may stay",
        value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "Findings"
    )]
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DisplayArguments {
    /// When to use colours.
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    color: ColorChoice,

    /// Show no progress on a terminal.
    #[arg(long, help_heading = "Output")]
    pub(crate) no_progress: bool,

    /// Print findings and problems alone.
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,

    /// Print suppressed findings and notes as well.
    #[arg(short, long, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum HistoryWord {
    /// Every object: also stashes and what no ref reaches.
    All,
    /// What HEAD and the refs reach.
    Reachable,
}

impl From<HistoryWord> for HistoryScope {
    fn from(word: HistoryWord) -> Self {
        match word {
            HistoryWord::All => Self::All,
            HistoryWord::Reachable => Self::Reachable,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// Join reports of several runs into the one that a single run would have written.
///
/// All of them are SARIF or all of them JSON, written by this version. Those of several repositories are
/// joined by name, sorted; results of the same repository by their fingerprints. A shard that is missing
/// is an error.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 clean · 1 findings at or above --fail-on · 2 could not merge · \
                        3 something asked for was not read"
)]
pub(crate) struct MergeArguments {
    /// What `scan` wrote with `-f json` or `-f sarif`.
    #[arg(value_name = "REPORT", required = true)]
    pub(crate) reports: Vec<PathBuf>,

    /// Format of the merged report, by default that of the reports; SARIF stays SARIF.
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) format: Option<Format>,

    /// Where it goes; `-` is standard output, the default.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// Lowest severity that makes the run fail, in place of what each repository says.
    #[arg(long, value_name = "SEVERITY", help_heading = "Findings")]
    pub(crate) fail_on: Option<FailOn>,

    /// Merge without shards that are missing, and exit 0 instead of 3 when something was not read.
    #[arg(long, help_heading = "Findings")]
    pub(crate) allow_incomplete: bool,

    /// A rule file or a folder of them, as the scans had it. Repeatable.
    #[arg(long, value_name = "PATH", help_heading = "Rules")]
    pub(crate) rules: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) display: DisplayArguments,
}

/// Say what a token is: kind, form, checksum, the ids in it, what it opens, how to revoke it.
///
/// Reads it from standard input or from a variable of the environment, sends it nowhere and shows
/// nothing of it beyond the mask that reports show.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 a GitLab token · 1 none, or the shape alone · 2 could not run"
)]
pub(crate) struct InspectArguments {
    /// The variable of the environment that holds the token, instead of standard input.
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<OsString>,

    /// Format of the answer.
    #[arg(short, long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: InspectFormat,

    /// A rule file or a folder of them, beside the built-in rules. Repeatable.
    #[arg(long, value_name = "PATH")]
    pub(crate) rules: Vec<PathBuf>,

    /// Taken so that a token given by mistake is not repeated by the error.
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) never: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InspectFormat {
    Human,
    Json,
}

/// Print the script that completes commands and options in a shell.
#[derive(Debug, Args)]
#[command(
    after_help = "For example: glpatrol completions bash > ~/.local/share/bash-completion/completions/glpatrol"
)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}

/// Print a manual page, for `man -l -`.
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The command whose page is meant, such as `baseline create`; none is the program itself.
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// List every rule with its severity and title.
    List(RulesListArguments),
    /// Show one rule: why it matters, what to do, where to read more.
    Show(RulesShowArguments),
    /// Run the examples of rule files, or of all built-in rules.
    Test(RulesTestArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RulesListArguments {
    /// A rule file or a folder of them, beside the built-in rules. Repeatable.
    #[arg(long, value_name = "PATH")]
    pub(crate) rules: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RulesShowArguments {
    /// The id of a rule.
    pub(crate) id: String,

    /// A rule file or a folder of them, beside the built-in rules. Repeatable.
    #[arg(long, value_name = "PATH")]
    pub(crate) rules: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RulesTestArguments {
    /// Rule files or folders of them; all built-in rules where none is given.
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AnalysisWord {
    Leaks,
    Ci,
    Inventory,
}

impl From<AnalysisWord> for Analysis {
    fn from(word: AnalysisWord) -> Self {
        match word {
            AnalysisWord::Leaks => Self::Leaks,
            AnalysisWord::Ci => Self::Ci,
            AnalysisWord::Inventory => Self::Inventory,
        }
    }
}

impl InputArguments {
    /// The analyses that `--only` names.
    pub(crate) fn analyses(&self) -> BTreeSet<Analysis> {
        self.only.iter().copied().map(Analysis::from).collect()
    }
}

impl DisplayArguments {
    /// Whether to colour what goes to standard output.
    pub(crate) fn color(&self) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let unset = |name| std::env::var_os(name).is_none_or(|value| value.is_empty());
                io::stdout().is_terminal()
                    && unset("NO_COLOR")
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }

    /// Whether to show progress.
    pub(crate) fn progress(&self) -> bool {
        !self.no_progress && !self.quiet && io::stderr().is_terminal()
    }
}

impl SpeechArguments {
    /// Whether to show progress.
    pub(crate) fn progress(self) -> bool {
        !self.no_progress && !self.quiet && io::stderr().is_terminal()
    }
}

/// Whether box-drawing characters can be expected to show.
pub(crate) fn shows_unicode() -> bool {
    // The first of these that is set and not empty decides, as for every program.
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_none_or(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

/// `KIND=FILE` or `FILE`; a file whose name holds `=` needs its kind or `./` in front.
fn inventory_file(text: &str) -> Result<InventoryFile, String> {
    let (kind, file) = match text.split_once('=') {
        Some((kind, file)) if !kind.contains(['/', '\\']) => {
            let known: TokenKind = kind.parse().map_err(|error| {
                format!("{error}; kinds are those of the API, such as project_access_token")
            })?;
            (Some(known), file)
        }
        _ => (None, text),
    };
    Ok(InventoryFile {
        kind,
        path: file.into(),
    })
}

/// `I/N`, or `auto` for what a job of GitLab CI with `parallel:` is told.
fn shard(text: &str) -> Result<Shard, String> {
    if text != "auto" {
        return text.parse().map_err(|error: ShardError| error.to_string());
    }
    let number = |name: &str| match std::env::var(name) {
        Ok(value) => value
            .trim()
            .parse()
            .map_err(|_| format!("{name} is `{value}` and no number")),
        Err(_) => Err(format!(
            "{name} is not set; a job with `parallel:` has it, elsewhere write I/N"
        )),
    };
    let shard = Shard::new(number("CI_NODE_INDEX")?, number("CI_NODE_TOTAL")?);
    shard.map_err(|error| format!("{error}, as CI_NODE_INDEX and CI_NODE_TOTAL say"))
}

fn report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text
        .split_once('=')
        .ok_or("write FORMAT=FILE, for example sarif=glpatrol.sarif")?;
    let format = format.parse().map_err(|error| format!("{error}"))?;
    if file.is_empty() {
        return Err("the file is missing after `=`".into());
    }
    Ok((format, file.into()))
}
