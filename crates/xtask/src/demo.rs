//! The main use, shown from start to end: a sandbox on this machine, a sign-in, a role, credentials.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Done;
use crate::tasks::{self, cargo};

/// The configuration of the demo: names for accounts, and who signs in.
const CONFIG: &str = "\
[accounts]
111122223333 = \"ledger\"
444455556666 = \"archive\"

[profiles.default]
username = \"ada@example.com\"

[profiles.admin]
base = \"default\"
role = \"ledger/AccessAdmin\"

[grants]
signers = \"access.signers\"
sign_with = \"ada_key\"
records = \"s3://access-records/grants\"
";

/// The configuration of Grace, who gets access.
const GRACE: &str = "\
[grants]
signers = \"access.signers\"
";

/// The session policy of the demo.
const POLICY: &str = "\
{
  \"Version\": \"2012-10-17\",
  \"Statement\": [
    {
      \"Effect\": \"Allow\",
      \"Action\": [\"s3:ListBucket\", \"s3:GetObject\"],
      \"Resource\": [\"arn:aws:s3:::ledger\", \"arn:aws:s3:::ledger/*\"]
    }
  ]
}
";

/// The fields of the audit record that the demo shows.
const RECORD: [&str; 7] =
    ["reason", "subject", "role_arn", "duration_asked", "duration_granted", "assertion_id", "access_key_id"];

/// Runs the demo in the terminal.
pub(crate) fn run() -> Done {
    show(&mut Screen::Terminal)
}

/// Runs the demo and returns everything that it printed.
pub(crate) fn transcript() -> Result<String, String> {
    let mut screen = Screen::Transcript(String::new());
    show(&mut screen)?;
    match screen {
        Screen::Transcript(text) => Ok(text.trim_start().to_owned()),
        Screen::Terminal => Ok(String::new()),
    }
}

fn show(screen: &mut Screen) -> Done {
    tasks::run(&mut cargo(&["build", "--quiet", "--package", "tempaccess-cli", "--package", "tempaccess-sandbox"]))?;
    let target = tasks::target().join("debug");
    let home = Home::create(&target.join("demo"))?;
    let (sandbox, variables) = start(&target)?;
    let binary = target.join("tempaccess");
    let tempaccess = Tempaccess { binary: &binary, variables: &variables, home: &home, config: "config.toml" };

    screen.title("Ada signs in with her password and a push to her phone, and lists the roles she can use");
    tempaccess.run(screen, &["roles"])?;
    screen.title("She assumes a role for 40 minutes, limited to reading one bucket");
    tempaccess.run(screen, &["login", "--role", "ledger/ReadOnly", "--duration", "40m", "--policy", "policy.json"])?;
    screen.title("She asks for 4 hours of a role that allows 1. The AWS CLI and the SDKs read this output");
    let migration = ["--role", "Migration", "--duration", "4h", "--reason", "clean up"];
    tempaccess.run(screen, &[&["credentials", "--output", "credential-process"], &migration[..]].concat())?;
    screen.title("Each session is recorded first, with the ids that find it in CloudTrail");
    screen.print(&home.last_record()?);
    show_grant(screen, &tempaccess)?;
    drop(sandbox);
    Ok(())
}

/// Shows a grant from issue to revocation.
fn show_grant(screen: &mut Screen, ada: &Tempaccess<'_>) -> Done {
    for quiet in [
        "grant key --new --file ada_key",
        "grant key --new --file grace_key",
        "grant trust ada@example.com ada_key.pub --yes",
    ] {
        ada.prepare(quiet)?;
    }
    screen.title("Ada gives Grace, a contractor, 40 minutes of one bucket, sealed to Grace's SSH key");
    let line = "grant issue admin --to grace@example.com --seal-to grace_key.pub --role ledger/Granted --policy policy.json \
                --for 40m --reason OPS-123 --out grace.grant --yes";
    ada.run(screen, &line.split_whitespace().collect::<Vec<_>>())?;
    screen.title("Grace opens it: who signed it is verified first");
    let grace = Tempaccess { config: "grace.toml", ..*ada };
    let open = "grant open grace.grant --identity grace_key --account 111122223333";
    grace.run_as_is(screen, &open.split_whitespace().collect::<Vec<_>>())?;
    screen.title("Ada sees who has access, and ends it early");
    ada.run(screen, &["grant", "list", "--profile", "admin"])?;
    let id = ada.home.grant_id()?;
    ada.run(screen, &["grant", "revoke", &id, "--reason", "done early", "--profile", "admin"])
}

/// Where the demo is shown.
enum Screen {
    Terminal,
    /// Both standard output and standard error, in the order in which they were written.
    Transcript(String),
}

impl Screen {
    fn title(&mut self, text: &str) {
        self.print(&format!("\n== {text}\n"));
    }

    fn print(&mut self, text: &str) {
        match self {
            Self::Terminal => {
                print!("{text}");
                // The next command writes to the same terminal.
                let _ = std::io::stdout().flush();
            }
            Self::Transcript(transcript) => transcript.push_str(text),
        }
    }

    /// Runs a command with this as its standard input.
    fn run(&mut self, command: &mut Command, input: &[u8]) -> Done {
        let failed = |error: std::io::Error| error.to_string();
        let mut output = None;
        if let Self::Transcript(_) = self {
            let (reader, writer) = std::io::pipe().map_err(failed)?;
            command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
            output = Some(reader);
        }
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
        // The command holds ends of the pipe, which would keep it open.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input).map_err(failed)?;
        }
        if let (Self::Transcript(transcript), Some(mut output)) = (&mut *self, output) {
            output.read_to_string(transcript).map_err(failed)?;
        }
        let status = child.wait().map_err(failed)?;
        if status.success() { Ok(()) } else { Err(format!("tempaccess failed: {status}")) }
    }
}

/// An empty home with the demo's configuration, which keeps the demo apart from the user's own files.
struct Home(PathBuf);

impl Home {
    fn create(folder: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            std::fs::remove_dir_all(folder).map_err(failed)?;
        }
        std::fs::create_dir_all(folder).map_err(failed)?;
        std::fs::write(folder.join("config.toml"), CONFIG).map_err(failed)?;
        std::fs::write(folder.join("grace.toml"), GRACE).map_err(failed)?;
        std::fs::write(folder.join("policy.json"), POLICY).map_err(failed)?;
        Ok(Self(folder.to_owned()))
    }

    /// The id of the grant that was issued: its text begins with its facts, as JSON.
    fn grant_id(&self) -> Result<String, String> {
        let text = std::fs::read_to_string(self.0.join("grace.grant")).map_err(|error| error.to_string())?;
        let header: serde_json::Value =
            serde_json::from_str(text.lines().next().unwrap_or_default()).map_err(|error| error.to_string())?;
        header.get("id").and_then(|id| id.as_str()).map(str::to_owned).ok_or_else(|| "the grant has no id".to_owned())
    }

    fn audit_log(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    /// The last audit record, as a table of its most telling fields.
    fn last_record(&self) -> Result<String, String> {
        let log = self.audit_log();
        let text = std::fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
        let line = text.lines().last().unwrap_or_default();
        let record: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let mut table = String::new();
        for field in RECORD {
            let value = record.get(field).ok_or_else(|| format!("the audit record has no field `{field}`"))?;
            if !value.is_null() {
                table.push_str(&format!("{field:18}{}\n", value.as_str().map_or(value.to_string(), str::to_owned)));
            }
        }
        Ok(table)
    }
}

struct Sandbox {
    child: Child,
    /// Stays open while the sandbox may still write to it.
    output: Lines<BufReader<ChildStdout>>,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the sandbox and reads the variables that lead to it from its introduction.
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
    Err("the sandbox stopped right after its start".to_owned())
}

struct Tempaccess<'h> {
    binary: &'h Path,
    variables: &'h [(String, String)],
    home: &'h Home,
    /// The configuration, in the home.
    config: &'h str,
}

impl Tempaccess<'_> {
    /// Shows a command and runs it. Without a person to type it, the password comes from standard input.
    fn run(&self, screen: &mut Screen, arguments: &[&str]) -> Done {
        Self::show(screen, arguments);
        let mut command = self.command(arguments);
        screen.run(command.args(["--password-stdin", "--no-interactive"]), b"correct horse\n")
    }

    /// Shows a command that signs in nowhere, and runs it.
    fn run_as_is(&self, screen: &mut Screen, arguments: &[&str]) -> Done {
        Self::show(screen, arguments);
        screen.run(&mut self.command(arguments), b"")
    }

    /// Runs a command without showing it.
    fn prepare(&self, line: &str) -> Done {
        let words: Vec<_> = line.split_whitespace().collect();
        Screen::Transcript(String::new()).run(&mut self.command(&words), b"")
    }

    fn show(screen: &mut Screen, arguments: &[&str]) {
        let words: Vec<_> = arguments
            .iter()
            .map(|word| if word.contains([' ', '"', '*']) { format!("'{word}'") } else { (*word).to_owned() })
            .collect();
        screen.print(&format!("$ tempaccess {}\n", words.join(" ")));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        command.args(arguments).current_dir(&self.home.0);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if ["TEMPACCESS_", "AWS_", "XDG_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(&*name);
            }
        }
        command.env("HOME", &self.home.0);
        command.env("TEMPACCESS_CONFIG", self.home.0.join(self.config));
        command.env("TEMPACCESS_STORE", "file").env("TEMPACCESS_STORE_DIR", self.home.0.join("store"));
        command.env("TEMPACCESS_AUDIT_LOG", self.home.audit_log());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}
