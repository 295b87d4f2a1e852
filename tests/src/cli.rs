//! The command line as a person runs it, with nothing of this machine's environment but the path.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempaccess_sandbox::Sandbox;
use tempfile::TempDir;

/// The binary, built once for this run.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bins", "--message-format", "json"])
            .current_dir(crate::workspace())
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        let messages = String::from_utf8(output.stdout).expect("UTF-8");
        let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut binaries = artifacts.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
        binaries.find(|path| path.file_stem().is_some_and(|name| name == "tempaccess")).expect("the binary is built")
    })
}

/// A person's machine: a home of its own, and the way to a sandbox.
#[derive(Debug)]
pub struct Machine {
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it told.
    pub stderr: String,
}

impl Machine {
    /// A machine that knows no sandbox.
    pub fn alone() -> Self {
        let mut machine = Self { home: tempfile::tempdir().expect("a folder"), variables: Vec::new() };
        // Whatever keyring this machine has is none of the tests' business.
        machine.set("TEMPACCESS_STORE", "file");
        machine
    }

    /// A machine that signs in at this sandbox.
    pub fn at(sandbox: &Sandbox) -> Self {
        let mut machine = Self::alone();
        machine.set("TEMPACCESS_SOURCE", sandbox.app_url());
        for service in ["STS", "IAM", "S3", "CLOUDTRAIL"] {
            machine.set(&format!("AWS_ENDPOINT_URL_{service}"), sandbox.sts_url());
        }
        machine
    }

    /// Sets an environment variable.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Its home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The folder that it keeps credentials and sessions in.
    pub fn store(&self) -> PathBuf {
        self.home().join(".local/state/tempaccess/store")
    }

    /// The entries that it keeps: files and what they say.
    pub fn entries(&self) -> Vec<(PathBuf, serde_json::Value)> {
        let entries = std::fs::read_dir(self.store()).into_iter().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        let read = |file: PathBuf| {
            let text = std::fs::read_to_string(&file).expect("an entry is text");
            let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            (file, value)
        };
        files.into_iter().map(read).collect()
    }

    /// The lines of its audit log.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let log = self.home().join(".local/state/tempaccess/audit.jsonl");
        let text = std::fs::read_to_string(log).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// The command, ready to run. It has no terminal.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.program("setsid");
        command.arg("--wait").arg(binary()).args(arguments);
        command
    }

    /// Any program, with the environment of this machine and nothing else.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.home()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the words of `line`, with `stdin` as its standard input.
    pub fn run_with(&self, line: &str, stdin: &str) -> Ran {
        self.run_words(&line.split_whitespace().collect::<Vec<_>>(), stdin.as_bytes())
    }

    /// Runs these words.
    pub fn run_words(&self, words: &[&str], stdin: &[u8]) -> Ran {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        // A command that does not read its input closes it.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin);
        let output = child.wait_with_output().expect("the command ends");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs the words of `line`.
    pub fn run(&self, line: &str) -> Ran {
        self.run_with(line, "")
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code: {}\n----- stdout\n{}----- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}
