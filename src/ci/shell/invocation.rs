//! Which program a command runs, behind `sudo`, `env`, `timeout` and the like.

use super::tree::{Command, Word};

/// A program and its arguments.
#[derive(Clone, Copy, Debug)]
pub(in crate::ci) struct Invocation<'c> {
    /// The word that names the program.
    pub(in crate::ci) program: &'c Word,
    /// The words behind it.
    pub(in crate::ci) arguments: &'c [Word],
    /// Words of the form `NAME=value` that `env` puts into its environment.
    pub(in crate::ci) environment: &'c [Word],
}

/// A program that runs another, with its options that take a value as a word of their own.
struct Wrapper {
    name: &'static str,
    valued: &'static [&'static str],
    /// Arguments that come before the command.
    leading: usize,
}

const WRAPPERS: [Wrapper; 15] = [
    Wrapper::new("sudo", &["-u", "-g", "-h", "-p", "-C", "-r", "-t"], 0),
    Wrapper::new("command", &[], 0),
    Wrapper::new("builtin", &[], 0),
    Wrapper::new("exec", &["-a"], 0),
    Wrapper::new("time", &["-f", "-o"], 0),
    Wrapper::new("nohup", &[], 0),
    Wrapper::new("nice", &["-n"], 0),
    Wrapper::new("ionice", &["-c", "-n"], 0),
    Wrapper::new("stdbuf", &["-i", "-o", "-e"], 0),
    Wrapper::new("timeout", &["-k", "-s"], 1),
    Wrapper::new(
        "xargs",
        &["-n", "-I", "-P", "-L", "-d", "-s", "-a", "-E"],
        0,
    ),
    Wrapper::new("retry", &["-t", "-d", "-n", "--times", "--delay"], 0),
    Wrapper::new("eatmydata", &[], 0),
    Wrapper::new("unbuffer", &[], 0),
    Wrapper::new("env", &["-u", "-C", "-S"], 0),
];

impl Wrapper {
    const fn new(name: &'static str, valued: &'static [&'static str], leading: usize) -> Self {
        Self {
            name,
            valued,
            leading,
        }
    }
}

impl<'c> Invocation<'c> {
    /// The program that `command` runs in the end. `env` without a command is a program itself.
    pub(in crate::ci) fn of(command: &'c Command) -> Option<Self> {
        Self::of_words(&command.words)
    }

    /// The same for words that begin a command.
    pub(in crate::ci) fn of_words(words: &'c [Word]) -> Option<Self> {
        let (mut program, mut arguments) = words.split_first()?;
        let mut environment: &[Word] = &[];
        // Each turn takes at least one word; nobody stacks more wrappers than this.
        for _ in 0..8 {
            let name = program.literal().unwrap_or_default();
            let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == base(&name)) else {
                break;
            };
            let skipped = wrapper.own_arguments(arguments);
            let Some((next, rest)) = arguments[skipped..].split_first() else {
                break;
            };
            if wrapper.name == "env" {
                environment = &arguments[..skipped];
            }
            (program, arguments) = (next, rest);
        }
        Some(Self {
            program,
            arguments,
            environment,
        })
    }

    /// The name of the program without its folder, `.exe`, or anything if an expansion is in it.
    pub(in crate::ci) fn name(&self) -> Option<String> {
        let name = self.program.literal()?;
        Some(base(&name).to_owned())
    }

    /// The argument that a shell runs: of `bash -c`, `eval`, `ssh host`.
    pub(super) fn inline_script(&self) -> Option<Word> {
        match self.name()?.as_str() {
            "eval" => Some(join(self.arguments)).filter(|word| !word.parts.is_empty()),
            "ssh" => {
                let host = self.ssh_host()?;
                let rest = &self.arguments[host + 1..];
                Some(join(rest)).filter(|word| !word.parts.is_empty())
            }
            name if is_shell(name) => script_after_c(self.arguments),
            // `docker run image sh -c '…'`, `sshpass -p x ssh host '…'`, `kubectl exec pod -- sh -c '…'`.
            "docker" | "podman" | "nerdctl" | "kubectl" | "docker-compose" | "su" | "chroot"
            | "gosu" | "su-exec" | "flock" | "sshpass" => {
                let at = self.arguments.iter().position(|word| {
                    word.literal()
                        .is_some_and(|text| is_shell(base(&text)) || base(&text) == "ssh")
                });
                match at {
                    Some(at) => Invocation::of_words(&self.arguments[at..])?.inline_script(),
                    None if self.name()? == "su" => script_after_c(self.arguments),
                    None => None,
                }
            }
            _ => None,
        }
    }

    fn ssh_host(&self) -> Option<usize> {
        let mut skip = false;
        self.arguments.iter().position(|word| {
            if std::mem::take(&mut skip) {
                return false;
            }
            let text = word.literal().unwrap_or_default();
            let Some(option) = text.strip_prefix('-') else {
                return true;
            };
            skip = option.len() == 1 && "BbcDEeFIiJLlmOoPpQRSWw".contains(option);
            false
        })
    }
}

impl Wrapper {
    /// How many words belong to the wrapper itself.
    fn own_arguments(&self, arguments: &[Word]) -> usize {
        let mut leading = self.leading;
        let mut index = 0;
        while let Some(word) = arguments.get(index) {
            let text = word.literal();
            let text = text.as_deref().unwrap_or_default();
            let sets_variable =
                matches!(self.name, "env" | "sudo") && word.split_assignment().is_some();
            let counts = self.name == "retry" && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_option = text.len() > 1 && text.starts_with('-');
            if self.valued.contains(&text) {
                index += 2;
            } else if is_option || sets_variable || (counts && !text.is_empty()) {
                index += 1;
            } else if leading > 0 {
                leading -= 1;
                index += 1;
            } else {
                break;
            }
        }
        index.min(arguments.len())
    }
}

fn base(program: &str) -> &str {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    name.strip_suffix(".exe").unwrap_or(name)
}

fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh")
}

/// The word behind `-c`, `-ec`, `-lc`.
fn script_after_c(arguments: &[Word]) -> Option<Word> {
    let at = arguments.iter().position(|word| {
        word.literal().is_some_and(|text| {
            text.starts_with('-') && !text.starts_with("--") && text.ends_with('c')
        })
    })?;
    arguments.get(at + 1).cloned()
}

/// Several words as the one text that `eval` and `ssh` make of them.
fn join(words: &[Word]) -> Word {
    let mut joined = Word::default();
    for word in words {
        if let Some(last) = joined.parts.last() {
            let at = last.span.end;
            joined.parts.push(super::tree::Part {
                span: crate::model::Span::new(at, at + 1),
                quoting: super::tree::Quoting::Bare,
                kind: super::tree::PartKind::Literal(" ".into()),
            });
        }
        joined.parts.extend_from_slice(&word.parts);
    }
    joined
}
