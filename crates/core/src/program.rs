//! Runs programs that the configuration names, within bounds: signers, checks of grants, notifications.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// The size limit of what is read of a program's output; it can print more.
const MAX_OUTPUT: u64 = 64 << 10;

/// A program and its arguments. Other users of the machine can see both.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    program: String,
    arguments: Vec<String>,
    timeout: Duration,
    is_detached: bool,
}

/// What a program reads from standard input.
pub(crate) enum Input {
    /// Nothing.
    None,
    /// These bytes.
    Bytes(Vec<u8>),
}

/// What a program printed, and whether it succeeded.
pub(crate) struct Output {
    program: String,
    status: std::process::ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Program {
    pub(crate) fn new<A: Into<String>>(program: impl Into<String>, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, timeout: Duration::from_secs(30), is_detached: false }
    }

    /// Keeps the program from the terminal, and ends everything that it started with it. A program that asks for a passphrase
    /// needs the terminal.
    pub(crate) fn detached(mut self) -> Self {
        self.is_detached = true;
        self
    }

    /// Sets the timeout. Default: 30 s.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Runs the program, and kills it when its timeout passes.
    ///
    /// # Errors
    ///
    /// `io` if it cannot be started or fails, `deadline_exceeded`.
    pub(crate) async fn run(&self, input: Input) -> Result<Output> {
        let output = self.outcome(input).await?;
        if output.succeeded() {
            return Ok(output);
        }
        Err(self.failed(output.reason()))
    }

    /// As [`run`](Self::run), and a program that fails is not an error.
    pub(crate) async fn outcome(&self, input: Input) -> Result<Output> {
        let timeout = self.timeout;
        tokio::time::timeout(timeout, self.to_end(input)).await.unwrap_or_else(|_| {
            let seconds = timeout.as_secs();
            let message = format!("the program `{}` did not end within {seconds} s", self.program);
            Err(Error::new(ErrorKind::DeadlineExceeded, Stage::Grant, message))
        })
    }

    fn failed(&self, reason: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Io, Stage::Grant, format!("the program `{}` failed: {reason}", self.program))
    }

    async fn to_end(&self, input: Input) -> Result<Output> {
        let broken = |error: std::io::Error| self.failed(&error).with_source(error);
        let stdin = if matches!(input, Input::Bytes(_)) { Stdio::piped() } else { Stdio::null() };
        let program = crate::executable::trusted(self.program.as_ref()).map_err(broken)?;
        let mut command = Command::new(program);
        command.args(&self.arguments).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        if self.is_detached {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(broken)?;
        let group = Group::of(&child, self.is_detached);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let write = async {
            if let (Some(mut stdin), Input::Bytes(bytes)) = (stdin, input) {
                // A program that reads nothing closes the pipe, which is its right.
                let _ = stdin.write_all(&bytes).await;
            }
        };
        let ((), stdout, stderr, status) = tokio::join!(write, read(stdout), read(stderr), child.wait());
        group.has_ended();
        Ok(Output { program: self.program.clone(), status: status.map_err(broken)?, stdout, stderr })
    }
}

/// The process group of a detached program, which is killed if it is given up.
struct Group(Option<u32>);

impl Group {
    fn of(child: &tokio::process::Child, is_detached: bool) -> Self {
        Self(child.id().filter(|_| is_detached))
    }

    fn has_ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.0.and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// Reads to the end, and keeps as much as the limit allows.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(MAX_OUTPUT).read_to_end(&mut kept).await;
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    kept
}

impl Output {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.success()
    }

    /// The standard output, or nothing if it is not UTF-8.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_default()
    }

    /// Why it failed: the first line that it printed, or its exit status.
    pub(crate) fn reason(&self) -> String {
        let line = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.lines().map(str::trim).find(|line| !line.is_empty()).map(|line| excerpt(line).into_owned())
        };
        line(&self.stdout)
            .or_else(|| line(&self.stderr))
            .unwrap_or_else(|| format!("`{}` ended with {}", self.program, self.status))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new("sh", ["-c", script])
    }

    #[tokio::test]
    async fn a_program_reads_its_input_and_says_why_it_refuses() {
        let output = shell("cat").run(Input::Bytes(b"hello".to_vec())).await.unwrap();
        assert_eq!(output.text(), "hello");
        let output = shell("echo; echo not on call; exit 3").outcome(Input::None).await.unwrap();
        assert!(!output.succeeded());
        assert_eq!(output.reason(), "not on call");
        let error = shell("echo on stderr >&2; exit 1").run(Input::Bytes(vec![b'x'; 1 << 20])).await.err().unwrap();
        assert_eq!(error.message(), "the program `sh` failed: on stderr");
    }

    #[tokio::test]
    async fn what_a_detached_program_started_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("(sleep 60; touch {0}/late) & echo $! > {0}/pid; wait", folder.path().display());
        let program = shell(&script).detached().timeout(Duration::from_millis(300));
        assert_eq!(program.run(Input::None).await.err().unwrap().kind(), ErrorKind::DeadlineExceeded);
        let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        // Killed means gone as soon as its new parent has noticed.
        let is_gone = || {
            let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        while !is_gone() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_detached_program_that_others_can_change_does_not_run() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("on-call");
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        for (mode, runs) in [(0o755, true), (0o757, false)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let program = Program::new(file.to_str().unwrap(), [""; 0]).detached();
            assert_eq!(program.run(Input::None).await.is_ok(), runs, "{mode:o}");
        }
    }

    #[tokio::test]
    async fn more_output_than_the_limit_blocks_nobody() {
        let output = shell("head -c 1000000 /dev/zero").run(Input::None).await.unwrap();
        assert_eq!(output.stdout.len(), usize::try_from(MAX_OUTPUT).unwrap());
    }
}
