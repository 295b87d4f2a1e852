//! The main job, shown: a sandbox on this machine, a sign-in, a role, credentials.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Done;
use crate::tasks::{self, cargo};

struct Sandbox {
    child: Child,
    /// Kept open while the sandbox may still write to it.
    output: Lines<BufReader<ChildStdout>>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn run() -> Done {
    tasks::run(&mut cargo(&["build", "--quiet", "--package", "tempaccess-cli", "--package", "tempaccess-sandbox"]))?;
    let target = tasks::target().join("debug");
    let (sandbox, variables) = start(&target)?;
    let home = target.join("demo");
    let tempaccess = Tempaccess { binary: target.join("tempaccess"), variables, home: home.clone() };

    title("Ada signs in with her password and a push to her telephone, and lists the roles she may take");
    tempaccess.run(&["roles"])?;
    title("She takes one for forty minutes, narrowed to reading one bucket, and says why");
    let narrowed = [
        "login",
        "--role",
        "111122223333/ReadOnly",
        "--duration",
        "40m",
        "--reason",
        "count objects before the migration",
        "--policy",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":["arn:aws:s3:::ledger","arn:aws:s3:::ledger/*"]}]}"#,
    ];
    tempaccess.run(&narrowed)?;
    title("She asks for more than a role allows, and gets what it allows; any program can use it");
    tempaccess.run(&["credentials", "--role", "Migration", "--duration", "4h", "--output", "env"])?;
    title("Every issuance is on record, ready to be joined to CloudTrail");
    let log = home.join(".local/state/tempaccess/audit.jsonl");
    let text = std::fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    println!("{}", text.lines().last().unwrap_or_default());
    drop(sandbox);
    Ok(())
}

fn title(text: &str) {
    println!("\n== {text}");
}

/// Starts the sandbox and reads from its introduction how to reach it.
fn start(target: &Path) -> Result<(Sandbox, Vec<(String, String)>), String> {
    let mut child = Command::new(target.join("tempaccess-sandbox"))
        .args(["--okta-port", "0", "--sts-port", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the sandbox cannot be started: {error}"))?;
    let stdout = child.stdout.take().ok_or("the sandbox has no output")?;
    let mut sandbox = Sandbox { child, output: BufReader::new(stdout).lines() };
    let mut variables = Vec::new();
    while let Some(line) = sandbox.output.next() {
        let line = line.map_err(|error| error.to_string())?;
        let assignment = line.trim().strip_prefix("export ").and_then(|assignment| assignment.split_once('='));
        variables.extend(assignment.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if line.starts_with("People:") {
            return Ok((sandbox, variables));
        }
    }
    Err("the sandbox ended at once".to_owned())
}

struct Tempaccess {
    binary: PathBuf,
    variables: Vec<(String, String)>,
    home: PathBuf,
}

impl Tempaccess {
    fn run(&self, arguments: &[&str]) -> Done {
        let shown: Vec<_> = arguments
            .iter()
            .map(|word| if word.contains([' ', '"', '*']) { format!("'{word}'") } else { (*word).to_owned() })
            .collect();
        println!("$ tempaccess {}", shown.join(" "));
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(["--username", "ada@example.com", "--password-stdin", "--no-interactive"]);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // The demo's records stay out of the person's own.
        command.env("HOME", &self.home).env_remove("XDG_CONFIG_HOME").env_remove("XDG_STATE_HOME");
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(b"correct horse\n").map_err(|error| error.to_string())?;
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("tempaccess ended with {status}")) }
    }
}
