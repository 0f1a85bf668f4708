//! Builds repositories with Git itself, which only tests run: in an environment that knows no user and
//! no system, with authors and dates that never change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use glpatrol::detect::specimen;
use glpatrol::rules::RuleSet;

use crate::harness::{Glpatrol, Run, rules};

/// A folder with repositories in it.
pub(crate) struct Repo {
    dir: tempfile::TempDir,
    /// The repository that commands run in, relative to the folder.
    current: PathBuf,
    rules: RuleSet,
    /// Seconds that the next commit is dated.
    clock: std::cell::Cell<u64>,
}

impl Repo {
    /// A folder with the empty repository `repo`.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same, made by `git init` with further arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let repo = Self::bare_folder();
        let init = ["init", "--quiet", "--initial-branch", "main"];
        repo.git_in(Path::new("."), &[&init, arguments, &["repo"]].concat());
        repo
    }

    fn bare_folder() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            current: "repo".into(),
            rules: rules(),
            clock: std::cell::Cell::new(1_700_000_000),
        }
    }

    /// The folder around the repositories.
    pub(crate) fn base(&self) -> &Path {
        self.dir.path()
    }

    /// The repository that commands run in.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join(&self.current)
    }

    /// The token of a placeholder such as `deploy_token/legacy#2`: the same in every call.
    pub(crate) fn token(&self, placeholder: &str) -> String {
        let text = format!("{{{{{placeholder}}}}}");
        specimen::expand_listing(&text, &self.rules, 7)
            .unwrap()
            .text
    }

    /// Writes a file into the work tree, expanding placeholders.
    pub(crate) fn file(&self, path: &str, text: &str) -> &Self {
        let text = specimen::expand_listing(text, &self.rules, 7).unwrap().text;
        self.bytes(path, text.as_bytes())
    }

    /// Writes a file into the work tree as it is.
    pub(crate) fn bytes(&self, path: &str, bytes: &[u8]) -> &Self {
        let file = self.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
        self
    }

    /// Commits everything and gives back the commit.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits a file that grows and changes, so that packs hold chains of deltas.
    pub(crate) fn grow(&self, commits: usize) {
        use std::fmt::Write as _;
        let mut text = String::new();
        for number in 0..commits {
            for line in 0..40 {
                writeln!(text, "line {line} of change {number}: {}", number * line).unwrap();
            }
            self.bytes("src/file.txt", text.as_bytes())
                .bytes(&format!("src/{number}.txt"), text.as_bytes());
            self.commit(&format!("change {number}"));
        }
    }

    /// Runs Git in the repository and gives back what it printed.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.path(), arguments)
    }

    /// Runs Git in a folder relative to the one around the repositories.
    pub(crate) fn git_in(&self, dir: &Path, arguments: &[&str]) -> String {
        let output = self.command(dir, arguments).output().unwrap();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// Runs Git with a text on its standard input.
    pub(crate) fn git_with(&self, arguments: &[&str], stdin: &[u8]) -> String {
        use std::io::Write as _;
        let mut child = self
            .command(&self.path(), arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    /// A call of Git that sees nothing of the caller's environment.
    pub(crate) fn command(&self, dir: &Path, arguments: &[&str]) -> Command {
        let now = self.clock.get();
        self.clock.set(now + 60);
        let mut command = Command::new("git");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Ada Author")
            .env("GIT_AUTHOR_EMAIL", "ada@example.com")
            .env("GIT_AUTHOR_DATE", format!("{now} +0100"))
            .env("GIT_COMMITTER_NAME", "Carl Committer")
            .env("GIT_COMMITTER_EMAIL", "carl@example.com")
            .env("GIT_COMMITTER_DATE", format!("{now} +0100"))
            .args(["-c", "protocol.file.allow=always", "-c", "gc.auto=0"])
            .args(["-c", "core.logAllRefUpdates=false"])
            .args(arguments)
            .current_dir(self.dir.path().join(dir))
            .stdin(Stdio::null());
        command
    }

    /// Another repository of the folder is the one that commands run in.
    pub(crate) fn enter(&mut self, repository: &str) -> &mut Self {
        self.current = repository.into();
        self
    }

    /// A call of the program, in the repository.
    pub(crate) fn program(&self, arguments: &[&str]) -> Glpatrol {
        Glpatrol::new()
            .args(["scan", "--as-of", "2026-11-20"])
            .args(arguments)
            .dir(&self.path())
    }

    /// The same, run.
    pub(crate) fn scan(&self, arguments: &[&str]) -> Run {
        self.program(arguments).run()
    }

    /// The report as JSON, and the exit code.
    pub(crate) fn report(&self, arguments: &[&str]) -> (serde_json::Value, i32) {
        let run = self.scan(&[&["--format", "json"], arguments].concat());
        let report = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
        (report, run.code)
    }
}

/// Writes a hook that is the program with some arguments.
pub(crate) fn hook(path: &Path, arguments: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let program = env!("CARGO_BIN_EXE_glpatrol");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(
        path,
        format!("#!/bin/sh\nexec '{program}' scan {arguments}\n"),
    )
    .unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
