//! `exec --serve` on Unix: a separate process serves the credentials, and this one becomes the program.
//!
//! So the program is the process that the caller started: it gets every signal, the terminal, job control and its exit
//! code exactly, and nothing has to be passed on. The endpoint's process
//!
//! - has a session of its own, so that neither the terminal nor a signal to the program's process group reaches it;
//! - ignores signals that ask a process to end, which a service manager sends to all processes of a service while the
//!   program still finishes its work with credentials;
//! - is not a child of the program, because a program that waits for all of its children must not wait for this one;
//! - ends when the program ends.
//!
//! It gets what it needs through a pipe, since arguments and environment of a process can be read by others.

use std::io::{Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::event::{PollFd, PollFlags};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::sink::AwsEnvironment;
use tempaccess_core::store::{Entry, EntryInfo, Lookup, MemoryStore, Store, StoreKey};
use tempaccess_core::{
    Error, ErrorKind, Prompter, Result, SecretString, Stage, endpoint::CredentialsEndpoint, role::AccountNames,
    terminal::Terminal,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::signal::unix::{SignalKind, signal};

use super::run::RefreshingAccess;
use crate::args::Access;
use crate::terminal::silent;

/// The first argument of the endpoint's process.
const ARGUMENT: &str = "serve-for-exec";

/// The second argument of that process once it has detached from its parent.
const DETACHED: &str = "detached";

/// How long the endpoint's process may take to start. It opens a socket and the store, both of which worked just before.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// What the endpoint's process needs.
#[derive(Serialize, Deserialize)]
struct Request<S> {
    /// The process that becomes the program.
    program: i32,
    settings: Settings,
    accounts: AccountNames,
    password: Option<S>,
    /// The credentials that are cached in memory only.
    entries: Vec<(StoreKey, EntryInfo, S)>,
    silent: bool,
    opens_browser: bool,
}

/// What the endpoint's process answers: the variables that lead to it, or why it could not start.
type Answer<S> = std::result::Result<Vec<(String, S)>, String>;

fn failed(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Io, Stage::Output, format!("the credentials endpoint cannot be started: {why}"))
}

/// Starts the endpoint's process, which serves for as long as this process lives, and returns the variables that lead to
/// it. The second one is a secret.
pub(super) async fn start(given: &Access, served: &RefreshingAccess) -> Result<Vec<(&'static str, SecretString)>> {
    let memory = served.memory.as_deref();
    let keys = memory.map_or(Ok(Vec::new()), Store::list)?;
    let entry = |(key, _): (StoreKey, EntryInfo)| match memory?.get(&key) {
        Lookup::Found(entry) => Some(entry),
        _ => None,
    };
    let entries: Vec<_> = keys.into_iter().filter_map(entry).collect();
    let request = Request {
        program: i32::try_from(std::process::id()).map_err(failed)?,
        settings: served.settings.clone(),
        accounts: served.config.accounts.clone(),
        password: served.password.as_ref().map(SecretString::expose),
        entries: entries.iter().map(|entry| (entry.key.clone(), entry.info.clone(), entry.secret.expose())).collect(),
        silent: given.no_interactive,
        opens_browser: given.opens_browser(),
    };
    let request = SecretString::from(serde_json::to_string(&request).map_err(failed)?);
    match tokio::time::timeout(STARTUP_TIMEOUT, exchange(&request)).await {
        Ok(answer) => answer,
        Err(_) => Err(failed("timed out")),
    }
}

/// Starts the process, sends it the request and reads its answer.
async fn exchange(request: &SecretString) -> Result<Vec<(&'static str, SecretString)>> {
    let this = std::env::current_exe().map_err(failed)?;
    let mut child = tokio::process::Command::new(this)
        .arg(ARGUMENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(request.expose().as_bytes()).await.map_err(failed)?;
    }
    let mut answer = String::with_capacity(4096);
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut answer).await.map_err(failed)?;
    }
    let answer = SecretString::from(answer);
    // It has started the detached process and ended; the program must not find it among its children.
    child.wait().await.map_err(failed)?;
    let answer: Answer<SecretString> = serde_json::from_str(answer.expose()).map_err(failed)?;
    let named = |(name, value): (String, SecretString)| {
        let known = AwsEnvironment::without_credentials();
        let name = known.removed().find(|known| *known == name)?;
        Some((name, value))
    };
    answer.map_err(failed)?.into_iter().map(named).collect::<Option<_>>().ok_or_else(|| failed("unknown variable"))
}

/// Serves the endpoint if this process was started for that. Returns nothing in every other process.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let is_detached = arguments.next().is_some_and(|argument| argument == DETACHED);
    let done = if is_detached { serve() } else { detach() };
    Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the process again and ends, so that the system's first process becomes its parent.
fn detach() -> std::io::Result<()> {
    Command::new(std::env::current_exe()?).args([ARGUMENT, DETACHED]).spawn().map(drop)
}

fn serve() -> std::io::Result<()> {
    // Fails only for the leader of a process group, which a process that was just started is not.
    let _ = rustix::process::setsid();
    let mut text = String::with_capacity(64 * 1024);
    let read = std::io::stdin().lock().read_to_string(&mut text);
    let text = SecretString::from(text);
    read?;
    let request: Request<SecretString> = serde_json::from_str(text.expose())?;
    drop(text);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _ignored = ignored_signals();
        let Some(program) = Pid::from_raw(request.program) else { return Ok(()) };
        let watched = WatchedProcess::watch(program)?;
        let endpoint = match bind(request).await {
            Ok(endpoint) => endpoint,
            Err(error) => return answer(&Err(error.message().to_owned())),
        };
        let variables = endpoint.environment();
        answer(&Ok(variables.iter().map(|(name, value)| ((*name).to_owned(), value.expose())).collect()))?;
        tokio::select! {
            () = endpoint.serve() => Ok(()),
            () = watched.wait() => Ok(()),
        }
    })?;
    runtime.shutdown_background();
    Ok(())
}

fn answer(answer: &Answer<&str>) -> std::io::Result<()> {
    let text = SecretString::from(serde_json::to_string(answer)? + "\n");
    let mut output = std::io::stdout().lock();
    output.write_all(text.expose().as_bytes()).and_then(|()| output.flush())
}

async fn bind(request: Request<SecretString>) -> Result<CredentialsEndpoint> {
    let mut config = Config::default();
    config.accounts = request.accounts;
    // Without a terminal, a question that needs an answer is an error.
    let prompter: Arc<dyn Prompter> = match request.silent {
        true => silent(),
        false if request.opens_browser => Arc::new(Terminal::new()),
        false => Arc::new(Terminal::new().without_browser()),
    };
    let mut access = request.settings.access(&config, request.password)?.prompter(prompter);
    if !request.entries.is_empty() {
        let memory = MemoryStore::new();
        for (key, about, secret) in request.entries {
            memory.put(&Entry::new(key, about, secret))?;
        }
        access = access.store(Arc::new(memory));
    }
    CredentialsEndpoint::bind(access.build(), 0).await
}

/// Replaces the default action of signals that would end the process by none.
fn ignored_signals() -> Vec<tokio::signal::unix::Signal> {
    let kinds = [
        SignalKind::alarm(),
        SignalKind::hangup(),
        SignalKind::interrupt(),
        SignalKind::quit(),
        SignalKind::terminate(),
        SignalKind::user_defined1(),
        SignalKind::user_defined2(),
    ];
    kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect()
}

/// Tells when a process ends that is not a child of this one.
struct WatchedProcess {
    program: Pid,
    /// Readable once the process has ended; other systems than Linux, and old ones, have none.
    #[cfg(target_os = "linux")]
    descriptor: Option<std::os::fd::OwnedFd>,
}

/// How often a process is looked for where the system does not tell that it ended.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

impl WatchedProcess {
    /// # Errors
    ///
    /// If there is no such process any more.
    fn watch(program: Pid) -> std::io::Result<Self> {
        #[cfg(target_os = "linux")]
        let descriptor = rustix::process::pidfd_open(program, rustix::process::PidfdFlags::empty()).ok();
        let watched = Self {
            program,
            #[cfg(target_os = "linux")]
            descriptor,
        };
        // Looked for after the descriptor was opened, which could otherwise be that of a later process.
        if is_alive(program) { Ok(watched) } else { Err(std::io::ErrorKind::NotFound.into()) }
    }

    async fn wait(self) {
        #[cfg(target_os = "linux")]
        if let Some(descriptor) = self.descriptor {
            let ended = move || rustix::event::poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], None);
            if let Ok(Ok(_)) = tokio::task::spawn_blocking(ended).await {
                return;
            }
        }
        while is_alive(self.program) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

fn is_alive(process: Pid) -> bool {
    // A process of another user, which the program may have become, refuses the signal and is alive.
    rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH)
}
