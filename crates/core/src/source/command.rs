use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::{AssertionRequest, AssertionSource};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, SamlResponse};
#[cfg(feature = "config")]
use crate::secret::SecretString;

/// Any program that prints a SAML response, or the page that holds it.
///
/// It runs without a shell, sees this process's standard input and standard error, so that it can ask the person, and
/// is ended when its deadline passes.
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

#[async_trait]
impl AssertionSource for CommandSource {
    fn describe(&self) -> String {
        format!("command:{}", self.program)
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let limits = Limits::default();
        let output = run(&self.program, &self.arguments, self.deadline, limits.input_bytes).await?;
        SamlResponse::detect(&output, &limits)
    }
}

/// The first line that a program prints, for a password that another program keeps.
#[cfg(feature = "config")]
pub(crate) async fn output_of(program: &str, arguments: &[String]) -> Result<SecretString> {
    let output = zeroize::Zeroizing::new(run(program, arguments, Duration::from_secs(60), 64 << 10).await?);
    let text = std::str::from_utf8(&output).unwrap_or_default();
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(line.into()),
        None => Err(failed(program, "it printed nothing")),
    }
}

fn failed(program: &str, why: &str) -> Error {
    Error::new(ErrorKind::Io, Stage::SignIn, format!("the command `{program}` failed: {why}"))
        .with_hint("run it by hand to see what it says")
}

async fn run(program: &str, arguments: &[String], deadline: Duration, most: usize) -> Result<Vec<u8>> {
    let running = async {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(program, &error.to_string()).with_source(error))?;
        let mut output = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let read = stdout.take(most as u64 + 1).read_to_end(&mut output).await;
            read.map_err(|error| failed(program, &error.to_string()).with_source(error))?;
        }
        if output.len() > most {
            return Err(failed(program, "it prints more than a SAML response"));
        }
        let status = child.wait().await.map_err(|error| failed(program, &error.to_string()).with_source(error))?;
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
