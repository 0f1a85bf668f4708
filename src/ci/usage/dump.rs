//! Commands that print all variables of a job, and where that goes.

use crate::ci::shell::{Command, Invocation, Item, PartKind, Script, Stdout, Word};
use crate::model::OutputSink;

/// How many commands of a pipe are followed.
const MAX_PIPE: usize = 32;

/// Predefined variables that hold a secret
/// (gitlabhq/gitlabhq `doc/ci/variables/predefined_variables.md`).
const SECRET_VARIABLES: [&str; 8] = [
    "CI_BUILD_TOKEN",
    "CI_DEPENDENCY_PROXY_PASSWORD",
    "CI_DEPLOY_PASSWORD",
    "CI_JOB_JWT",
    "CI_JOB_TOKEN",
    "CI_REGISTRY_PASSWORD",
    "CI_REPOSITORY_URL",
    "CI_RUNNER_SHORT_TOKEN",
];

/// The command as people name it, if it prints the environment.
pub(super) fn environment(invocation: &Invocation<'_>) -> Option<String> {
    let name = invocation.name()?;
    let arguments: Vec<String> = invocation.arguments.iter().map(shown).collect();
    let dumps = match name.to_ascii_lowercase().as_str() {
        "env" => {
            let empties =
                |argument: &String| matches!(&**argument, "-i" | "-" | "--ignore-environment");
            let mut valued = false;
            !arguments.iter().any(empties)
                && invocation
                    .arguments
                    .iter()
                    .zip(&arguments)
                    .all(|(word, text)| {
                        let value = std::mem::replace(&mut valued, text == "-u" || text == "-C");
                        value || text.starts_with('-') || word.split_assignment().is_some()
                    })
                && !arguments
                    .iter()
                    .any(|text| text == "--help" || text == "--version")
        }
        "printenv" => arguments
            .iter()
            .all(|text| text == "-0" || text == "--null"),
        "set" => arguments.is_empty(),
        "cat" | "strings" => {
            let file = arguments.iter().find(|file| is_environment_file(file))?;
            return Some(format!("{name} {file}"));
        }
        "export" | "declare" | "typeset" => {
            let dumps = arguments.iter().all(|text| {
                text.strip_prefix('-')
                    .is_some_and(|flags| flags.bytes().all(|flag| b"px".contains(&flag)))
            });
            // `export` and `declare` alone list as well.
            return dumps.then(|| match arguments.first() {
                Some(flag) => format!("{name} {flag}"),
                None => name,
            });
        }
        "get-childitem" | "gci" | "dir" | "ls" | "get-item" => {
            let path = arguments.iter().find(|text| !text.starts_with('-'))?;
            let path = path.to_ascii_lowercase();
            if !matches!(&*path, "env:" | "env:*" | "env:\\" | "env:\\*" | "env:/*") {
                return None;
            }
            return Some(format!("{name} env:"));
        }
        _ => false,
    };
    dumps.then_some(name)
}

/// The file in which Linux shows the environment of a process.
fn is_environment_file(path: &str) -> bool {
    path.strip_prefix("/proc/")
        .and_then(|rest| rest.strip_suffix("/environ"))
        .is_some_and(|process| matches!(process, "self" | "$$" | "$PPID"))
}

/// How many items before one its command is looked for, which stands in front of what it holds.
const MAX_HELD: usize = 16;

/// Where the output of the command ends up that is item `at`.
pub(super) fn sink(script: &Script, at: usize) -> OutputSink {
    let mut at = at;
    for _ in 0..MAX_PIPE {
        let Some(Item::Command(current)) = script.items.get(at) else {
            return OutputSink::Captured;
        };
        if let Some(sink) = redirected(current) {
            return sink;
        }
        match current.stdout {
            Stdout::Inherited => return OutputSink::Log,
            Stdout::Captured => match printer(script, at) {
                Some(printer) => at = printer,
                None => return OutputSink::Captured,
            },
            Stdout::Pipe(next) => {
                let Some(Item::Command(command)) = script.items.get(next) else {
                    return OutputSink::Captured;
                };
                match filter(command) {
                    Filter::Passes => at = next,
                    Filter::NamesOnly => return OutputSink::NamesOnly,
                    Filter::Keeps => return OutputSink::Captured,
                    Filter::Writes(file) => return OutputSink::File(file.into()),
                }
            }
        }
    }
    OutputSink::Captured
}

/// The command that prints the text that item `at` is captured into: `echo "$(env)"`.
fn printer(script: &Script, at: usize) -> Option<usize> {
    let holds = |command: &Command| {
        command.words.iter().skip(1).any(|word| {
            word.parts.iter().any(
                |part| matches!(&part.kind, PartKind::Substitution(items) if items.contains(&at)),
            )
        })
    };
    let found = (at.saturating_sub(MAX_HELD)..at)
        .rev()
        .find(|index| matches!(&script.items[*index], Item::Command(command) if holds(command)))?;
    let Item::Command(command) = &script.items[found] else {
        return None;
    };
    let name = Invocation::of(command)?.name()?.to_ascii_lowercase();
    let prints = ["echo", "printf", "cat", "write-output", "write-host"];
    prints.contains(&&*name).then_some(found)
}

fn redirected(command: &Command) -> Option<OutputSink> {
    let redirection = command
        .redirections
        .iter()
        .find(|redirection| redirection.stdout)?;
    let target = shown(&redirection.target);
    Some(match &*target {
        _ if redirection.to_descriptor => OutputSink::Log,
        "/dev/stdout" | "/dev/stderr" | "/dev/tty" => OutputSink::Log,
        "/dev/null" | "$null" => OutputSink::Captured,
        _ => OutputSink::File(target.into()),
    })
}

/// A word as written, as far as it is text; variables by name.
fn shown(word: &Word) -> String {
    let mut text = String::new();
    for part in &word.parts {
        match &part.kind {
            PartKind::Literal(literal) => text.push_str(literal),
            PartKind::Variable(expansion) => {
                text.push('$');
                text.push_str(&expansion.name);
            }
            _ => text.push('…'),
        }
    }
    text
}

/// What a command does with the lines it is piped.
enum Filter {
    /// Prints them or some of them.
    Passes,
    /// Prints names or counts.
    NamesOnly,
    /// Keeps them.
    Keeps,
    /// Writes them to this file.
    Writes(String),
}

fn filter(command: &Command) -> Filter {
    let Some(invocation) = Invocation::of(command) else {
        return Filter::Keeps;
    };
    let arguments: Vec<String> = invocation.arguments.iter().map(shown).collect();
    let name = invocation.name().unwrap_or_default().to_ascii_lowercase();
    let names_only = match &*name {
        "wc" | "measure-object" => true,
        "cut" => cuts_names(&arguments),
        "awk" | "gawk" | "mawk" => prints_first_field(&arguments),
        "sed" => arguments.iter().any(|script| drops_values(script)),
        "grep" | "egrep" | "rg" => selects_harmless(&arguments),
        "select-object" | "select" | "foreach-object" | "%" => {
            let all = arguments.join(" ").to_ascii_lowercase();
            all.contains("name") && !all.contains("value")
        }
        "out-file" | "set-content" => {
            let file = arguments.iter().find(|text| !text.starts_with('-'));
            return Filter::Writes(file.cloned().unwrap_or_default());
        }
        _ => false,
    };
    if names_only {
        return Filter::NamesOnly;
    }
    let passes = matches!(
        &*name,
        "cut"
            | "awk"
            | "gawk"
            | "mawk"
            | "sed"
            | "grep"
            | "egrep"
            | "rg"
            | "sort"
            | "uniq"
            | "tee"
            | "cat"
            | "tac"
            | "less"
            | "more"
            | "head"
            | "tail"
            | "column"
            | "nl"
            | "tr"
            | "fold"
            | "fmt"
            | "rev"
            | "base64"
            | "paste"
            | "xargs"
            | "echo"
            | "select-string"
            | "sort-object"
            | "format-table"
            | "format-list"
            | "out-string"
            | "out-host"
            | "where-object"
            | "select-object"
            | "write-host"
            | "write-output"
            | "ft"
            | "fl"
    );
    if passes {
        Filter::Passes
    } else {
        Filter::Keeps
    }
}

/// `cut -d= -f1`.
fn cuts_names(arguments: &[String]) -> bool {
    let joined = arguments.join(" ");
    let delimiter = ["-d=", "-d =", "--delimiter==", "--delimiter ="];
    let field = joined
        .split("-f")
        .nth(1)
        .or_else(|| joined.split("--fields").nth(1))
        .map(|rest| rest.trim_start_matches([' ', '=']));
    delimiter.iter().any(|option| joined.contains(option))
        && field.is_some_and(|field| field == "1" || field.starts_with("1 "))
}

/// `awk -F= '{print $1}'`.
fn prints_first_field(arguments: &[String]) -> bool {
    let joined = arguments.join(" ");
    let by_equals = ["-F=", "-F =", "FS=\"=\"", "FS = \"=\""];
    by_equals.iter().any(|option| joined.contains(option))
        && joined.contains("$1")
        && !["$0", "$2", "$3", "$NF", "print}", "print }", "$10"]
            .iter()
            .any(|more| joined.contains(more))
}

/// `s/=.*//`.
fn drops_values(script: &str) -> bool {
    let mut characters = script.strip_prefix('s').unwrap_or_default().chars();
    let Some(delimiter) = characters.next() else {
        return false;
    };
    let pattern: String = characters
        .take_while(|character| *character != delimiter)
        .collect();
    ["=.*", "=.*$", "=.+", "=.*\\'"].contains(&&*pattern)
}

/// `grep -c`, `grep -o '^[^=]*'`, `grep CI_COMMIT_SHA`.
fn selects_harmless(arguments: &[String]) -> bool {
    let flag = |letter: char, long: &str| {
        arguments.iter().any(|text| {
            text == long
                || text
                    .strip_prefix('-')
                    .is_some_and(|flags| !flags.starts_with('-') && flags.contains(letter))
        })
    };
    if flag('c', "--count") || flag('q', "--quiet") || flag('l', "--files-with-matches") {
        return true;
    }
    if flag('v', "--invert-match") {
        return false;
    }
    let mut patterns = arguments
        .iter()
        .filter(|text| !text.starts_with('-'))
        .peekable();
    if patterns.peek().is_none() {
        return false;
    }
    if flag('o', "--only-matching") {
        return patterns.all(|pattern| pattern.contains("[^=]") && !pattern.contains('.'));
    }
    patterns
        .flat_map(|pattern| pattern.split('|'))
        .all(|pattern| selects_predefined(pattern) || names_no_secret(pattern))
}

/// Whether a pattern only selects predefined variables that hold no secret.
fn selects_predefined(pattern: &str) -> bool {
    let anchored = pattern.trim_start_matches(['(', '\\']).starts_with('^');
    let name = pattern.trim_matches(|character: char| "^$()\\ \"'=.*".contains(character));
    let predefined = name.starts_with("CI_") || name.starts_with("GITLAB_USER_");
    let is_name = name
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    predefined
        && is_name
        && !SECRET_VARIABLES.iter().any(|secret| {
            if anchored {
                secret.starts_with(name)
            } else {
                secret.contains(name)
            }
        })
}

/// Whether a pattern is the name of a variable that says that it holds no secret: `TOOL_VERSION`.
fn names_no_secret(pattern: &str) -> bool {
    const NOUNS: [&str; 8] = [
        "BRANCH", "DIR", "IMAGE", "NAME", "PATH", "SHA", "TAG", "VERSION",
    ];
    let name = pattern.trim_matches(|character: char| "^$()\\ \"'=.*".contains(character));
    let is_name = name
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit());
    is_name
        && name
            .rsplit_once('_')
            .is_some_and(|(words, noun)| !words.is_empty() && NOUNS.contains(&noun))
}
