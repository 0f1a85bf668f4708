//! Runs the program in a folder of its own and gives back what it said.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use glpatrol::detect::specimen;
use glpatrol::engine;
use glpatrol::rules::RuleSet;

/// The root of this repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below `folder` of this repository whose names end in `ending`, sorted.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The built-in rules.
pub(crate) fn rules() -> RuleSet {
    engine::load_rules(&[]).unwrap()
}

/// A folder with files whose placeholders are expanded to tokens made for this run.
pub(crate) struct Tree {
    dir: tempfile::TempDir,
    rules: RuleSet,
    /// Every token in the tree.
    pub(crate) secrets: Vec<String>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            rules: rules(),
            secrets: Vec::new(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, expanding placeholders.
    pub(crate) fn file(&mut self, path: &str, text: &str) -> &mut Self {
        let expanded = specimen::expand_listing(text, &self.rules, 7).unwrap();
        self.secrets.extend(
            expanded
                .specimens
                .iter()
                .map(|made| made.token().to_owned()),
        );
        self.bytes(path, expanded.text.as_bytes())
    }

    /// Writes a file as it is.
    pub(crate) fn bytes(&mut self, path: &str, bytes: &[u8]) -> &mut Self {
        let file = self.dir.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
        self
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.dir.path().join(path)).unwrap()
    }

    /// The program, in this folder, with today as 2026-11-20.
    pub(crate) fn scan(&self, args: &[&str]) -> Run {
        Glpatrol::new()
            .args(["scan", "--as-of", "2026-11-20"])
            .args(args)
            .dir(self.path())
            .run()
    }

    /// The report as JSON.
    pub(crate) fn report(&self, args: &[&str]) -> serde_json::Value {
        let run = self.scan(&[&["--format", "json"], args].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr))
    }
}

/// One call of the program.
pub(crate) struct Glpatrol {
    command: Command,
    stdin: Option<Vec<u8>>,
}

/// What a call said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Glpatrol {
    pub(crate) fn new() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_glpatrol"));
        // Nothing of the caller's environment may change what the program prints.
        command.env_clear().env("PATH", "/nowhere");
        Self {
            command,
            stdin: None,
        }
    }

    pub(crate) fn args<I: AsRef<std::ffi::OsStr>>(
        mut self,
        args: impl IntoIterator<Item = I>,
    ) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    pub(crate) fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    pub(crate) fn run(mut self) -> Run {
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        self.command.stdin(if self.stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let mut child = self.command.spawn().unwrap();
        if let Some(bytes) = self.stdin {
            child.stdin.take().unwrap().write_all(&bytes).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
