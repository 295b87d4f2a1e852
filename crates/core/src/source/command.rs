use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStdout, Command};
use zeroize::Zeroizing;

use super::{AssertionRequest, AssertionSource, on_path};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, SamlResponse};
use crate::secret::SecretBytes;
#[cfg(feature = "config")]
use crate::secret::SecretString;

/// Any program that prints a SAML response, or the page that holds it.
///
/// It runs without a shell, sees this process's standard input and standard error, so that it can ask the person, and
/// is ended when its deadline passes; what it has started itself is not.
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
    /// The program and its arguments. Arguments are visible to other users of the machine: no secrets.
    pub fn new<A: Into<String>>(program: impl Into<String>, arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            deadline: Duration::from_secs(300),
        }
    }

    /// The longest that it may take: 5 minutes unless said otherwise.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// Where the `PATH` has a program of this name.
fn found(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    on_path(Path::new(program))
}

#[async_trait]
impl AssertionSource for CommandSource {
    fn describe(&self) -> String {
        format!("command:{}", self.program)
    }

    fn identity(&self) -> Option<String> {
        // The program itself and not only its name; and the folder, where what it is given lies there.
        let is_here = |word: &String| Path::new(word).is_relative() && Path::new(word).exists();
        let here = self.arguments.iter().any(is_here) || self.program.contains('/');
        let folder = if here { std::env::current_dir().ok() } else { None };
        let program = found(&self.program).unwrap_or_else(|| PathBuf::from(&self.program));
        Some(format!("command {program:?} {:?} {folder:?}", self.arguments))
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let limits = Limits::default();
        let output = run(&self.program, &self.arguments, self.deadline, limits.input_bytes).await?;
        SamlResponse::detect(output.as_slice(), &limits)
    }
}

/// The first line that a program prints, for a password that another program keeps.
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
        .with_hint("run it by hand to see what it says")
}

/// How long to read on once the program has ended.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Reads to the end, or one byte beyond the limit.
async fn read(mut stdout: ChildStdout, output: &mut SecretBytes, limit: usize) -> std::io::Result<()> {
    let mut buffer = Zeroizing::new([0; 8 << 10]);
    loop {
        let room = limit.saturating_add(1).saturating_sub(output.len()).min(buffer.len());
        let chunk = buffer.get_mut(..room).unwrap_or_default();
        // No room left reads as the end, too.
        match stdout.read(chunk).await? {
            0 => return Ok(()),
            length => output.extend_from_slice(chunk.get(..length).unwrap_or_default()),
        }
    }
}

async fn run(program: &str, arguments: &[String], deadline: Duration, limit: usize) -> Result<SecretBytes> {
    let running = async {
        let mut child = Command::new(program)
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
                    let _ = tokio::time::timeout(AFTERWARDS, &mut reading).await;
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
