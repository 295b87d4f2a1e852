use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdout, Command};
use zeroize::Zeroizing;

use super::{AssertionRequest, AssertionSource};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::executable;
use crate::saml::{Limits, SamlResponse};
use crate::secret::SecretBytes;
#[cfg(feature = "config")]
use crate::secret::SecretString;

/// Runs a program that prints a SAML response, or the page that contains it.
///
/// The program runs without a shell and inherits standard input and standard error, so that it can prompt. It is killed when
/// its deadline passes; programs that it has started itself are not.
///
#[cfg_attr(feature = "sts", doc = "```no_run")]
#[cfg_attr(not(feature = "sts"), doc = "```ignore")]
/// # async fn example() -> tempaccess_core::Result<()> {
/// use tempaccess_core::{source::CommandSource, StsExchange, TempAccess};
///
/// let source = CommandSource::new("my-idp-login", ["--app", "aws"]);
/// let issued = TempAccess::builder(source, StsExchange::builder().build()?).build().credentials().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CommandSource {
    program: String,
    arguments: Vec<String>,
    deadline: Duration,
}

impl CommandSource {
    /// Creates a source from a program and its arguments. Other users of the machine can see the arguments: pass no secrets.
    pub fn new<A: Into<String>>(program: impl Into<String>, arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            deadline: Duration::from_secs(300),
        }
    }

    /// Sets the timeout. Default: 5 minutes.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

#[async_trait]
impl AssertionSource for CommandSource {
    fn describe(&self) -> String {
        format!("command:{}", self.program)
    }

    fn identity(&self) -> Option<String> {
        // The file of the program instead of its name, and the working folder if the program or an argument is relative to it.
        let is_here = |word: &String| Path::new(word).is_relative() && Path::new(word).exists();
        let program = executable::find(Path::new(&self.program)).unwrap_or_else(|| PathBuf::from(&self.program));
        let is_relative = program.is_relative() || executable::is_path(Path::new(&self.program));
        let folder =
            if is_relative || self.arguments.iter().any(is_here) { std::env::current_dir().ok() } else { None };
        Some(format!("command {program:?} {:?} {folder:?}", self.arguments))
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let limits = Limits::default();
        let output = run(&self.program, &self.arguments, self.deadline, limits.input_bytes).await?;
        SamlResponse::detect(output.as_slice(), &limits)
    }
}

/// Returns the first line that a program prints, for passwords from a password manager.
#[cfg(feature = "config")]
pub(crate) async fn output_of(program: &str, arguments: &[String]) -> Result<SecretString> {
    let output = run(program, arguments, Duration::from_secs(60), 64 << 10).await?;
    let text = std::str::from_utf8(output.as_slice()).unwrap_or_default();
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(line.into()),
        None => Err(failed(program, "it printed nothing")),
    }
}

fn failed(program: &str, why: &str) -> Error {
    Error::new(ErrorKind::Io, Stage::SignIn, format!("the command `{program}` failed: {why}"))
        .with_hint("run it by hand to see its messages")
}

/// How long to read on after the program has exited.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads to the end of the output, or one byte beyond the limit.
async fn read(mut stdout: ChildStdout, output: &mut SecretBytes, limit: usize) -> std::io::Result<()> {
    let mut buffer = Zeroizing::new([0; 8 << 10]);
    loop {
        let room = limit.saturating_add(1).saturating_sub(output.len()).min(buffer.len());
        let chunk = buffer.get_mut(..room).unwrap_or_default();
        // Reading into an empty slice returns 0, like the end of the output.
        match stdout.read(chunk).await? {
            0 => return Ok(()),
            length => output.extend_from_slice(chunk.get(..length).unwrap_or_default()),
        }
    }
}

async fn run(program: &str, arguments: &[String], deadline: Duration, limit: usize) -> Result<SecretBytes> {
    let running = async {
        let start = executable::trusted(program.as_ref());
        let start = start.map_err(|error| failed(program, &error.to_string()).with_source(error))?;
        let mut child = Command::new(start)
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(program, &error.to_string()).with_source(error))?;
        let broken = |error: std::io::Error| failed(program, &error.to_string()).with_source(error);
        let mut output = SecretBytes::default();
        if let Some(stdout) = child.stdout.take() {
            let mut reading = std::pin::pin!(read(stdout, &mut output, limit));
            tokio::select! {
                read = &mut reading => read.map(drop).map_err(broken)?,
                ended = child.wait() => {
                    ended.map_err(broken)?;
                    // What it started may hold the pipe open for as long as it likes; what it printed itself is there.
                    let _ = tokio::time::timeout(DRAIN_TIMEOUT, &mut reading).await;
                }
            }
        }
        if output.len() > limit {
            return Err(failed(program, "it prints more than a SAML response"));
        }
        let status = child.wait().await.map_err(broken)?;
        if status.success() { Ok(output) } else { Err(failed(program, &format!("it ended with {status}"))) }
    };
    tokio::time::timeout(deadline, running).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::DeadlineExceeded,
            Stage::SignIn,
            format!("the command `{program}` did not end within {} s", deadline.as_secs()),
        ))
    })
}
