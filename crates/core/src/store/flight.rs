//! Single flight: of all that need the same thing at once, one gets it and the others wait.
//!
//! Whose turn it is among processes, the lock of a file says, which the system takes back from whoever dies; within one
//! process, a mutex. A failure stands beside either, so that those who waited for it hear of it at once instead of failing
//! one after the other.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

use crate::error::{Error, ErrorKind, Fault, Result, Stage};

/// As long as a sign-in may take, and a little more.
const PATIENCE: Duration = Duration::from_secs(16 * 60);
/// How long whoever has credentials that still do leaves a failed renewal alone.
const PAUSE: Duration = Duration::from_secs(60);
/// Between two looks at the lock.
const LOOK: Duration = Duration::from_millis(20);

/// Where callers within one process wait for one another, and the last failure there.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<Option<Failure>>);

/// What waiting came to.
pub(crate) enum Turn<'t> {
    /// It is ours to get it; the others wait until this is dropped.
    Ours(Flight<'t>),
    /// Whoever had the turn has failed, while we waited.
    Failed(Error),
    /// It is another's, and there was to be no waiting.
    Busy,
}

/// The right to get something, while others wait.
pub(crate) struct Flight<'t> {
    within: MutexGuard<'t, Option<Failure>>,
    among: Option<File>,
}

/// A failure, for those who waited for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Failure {
    /// Milliseconds since 1970.
    at: u64,
    kind: String,
    stage: String,
    message: String,
    hint: Option<String>,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn unending() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::Store, "somebody else signs in and does not come to an end")
        .with_hint("look for a `tempaccess` that waits for an answer, and end it")
}

impl Turns {
    /// Takes the turn, waiting for it where there is need to. Where the file cannot be locked, `trouble` hears why, and
    /// other processes are not waited for.
    ///
    /// # Errors
    ///
    /// `deadline_exceeded`.
    pub(crate) async fn take(&self, file: Option<&Path>, wait: bool, trouble: impl FnOnce(&Error)) -> Result<Turn<'_>> {
        let since = now();
        let mut within = match self.0.try_lock() {
            Ok(within) => {
                // Whoever can do without does not try again what failed a moment ago.
                if let Some(error) =
                    within.as_ref().filter(|failure| !wait && failure.is_recent(since)).and_then(Failure::error)
                {
                    return Ok(Turn::Failed(error));
                }
                within
            }
            Err(_) if !wait => return Ok(Turn::Busy),
            Err(_) => {
                let within = tokio::time::timeout(PATIENCE, self.0.lock()).await.map_err(|_| unending())?;
                if let Some(error) = within.as_ref().filter(|failure| failure.at >= since).and_then(Failure::error) {
                    return Ok(Turn::Failed(error));
                }
                within
            }
        };
        let among = match file {
            None => None,
            Some(path) => match lock(path, wait).await {
                Ok(Some((mut file, waited))) => {
                    let mut text = String::new();
                    let failure = file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
                    let met =
                        |failure: &Failure| (waited && failure.at >= since) || (!wait && failure.is_recent(since));
                    if let Some(error) = failure.filter(met).and_then(|failure| failure.error()) {
                        return Ok(Turn::Failed(error));
                    }
                    // What comes of this turn is what counts from now on.
                    let _ = file.set_len(0);
                    Some(file)
                }
                Ok(None) => return Ok(Turn::Busy),
                Err(error) if error.kind() == ErrorKind::DeadlineExceeded => return Err(error),
                Err(error) => {
                    trouble(&error);
                    None
                }
            },
        };
        *within = None;
        Ok(Turn::Ours(Flight { within, among }))
    }
}

/// Locks the file, and says whether somebody else had it; nothing where they still do and there is to be no waiting.
async fn lock(path: &Path, wait: bool) -> Result<Option<(File, bool)>> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, Stage::Store, format!("`{}` cannot be locked: {error}", path.display()))
            .with_source(error)
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).map_err(failed)?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some((file, waited > Duration::ZERO))),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if !wait => return Ok(None),
            Err(TryLockError::WouldBlock) if waited < PATIENCE => {
                tokio::time::sleep(LOOK).await;
                waited += LOOK;
            }
            Err(TryLockError::WouldBlock) => return Err(unending()),
        }
    }
}

/// Whether whoever waited would meet the same: what the identity provider, AWS or the network answered. What depends on
/// the caller (its terminal, its audit log, its choice among roles) is its own alone.
fn is_everyones(error: &Error) -> bool {
    use ErrorKind::{
        AccountActionRequired, AccountLocked, AuthenticationFailed, DeadlineExceeded, FactorFailed, Network,
    };
    error.stage() == Stage::Exchange
        || (error.stage(), error.kind()) == (Stage::SignIn, ErrorKind::Io)
        || matches!(error.fault(), Fault::IdentityProvider | Fault::Aws)
        || matches!(
            error.kind(),
            Network | DeadlineExceeded | AuthenticationFailed | FactorFailed | AccountLocked | AccountActionRequired
        )
}

impl Flight<'_> {
    /// Lets those who wait hear of a failure.
    pub(crate) fn failed(mut self, error: &Error) {
        if !is_everyones(error) {
            return;
        }
        let failure = Failure {
            at: now(),
            kind: error.kind().as_str().to_owned(),
            stage: error.stage().as_str().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
        };
        if let Some(file) = &mut self.among {
            let text = serde_json::to_vec(&failure).unwrap_or_default();
            // Who cannot be told waits for a turn of their own.
            let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&text));
        }
        *self.within = Some(failure);
    }
}

impl Failure {
    /// Whether it is too early to try the same again: a wrong password, or a push that nobody answered, would be sent
    /// over and over by programs that nobody watches.
    fn is_recent(&self, now: u64) -> bool {
        let is_of_a_person = ["authentication_failed", "factor_failed", "account_locked", "account_action_required"]
            .contains(&self.kind.as_str());
        let pause = if is_of_a_person { PATIENCE } else { PAUSE };
        // A record from the future is none.
        now.checked_sub(self.at).is_some_and(|age| u128::from(age) < pause.as_millis())
    }

    fn error(&self) -> Option<Error> {
        let kind = ErrorKind::ALL.iter().find(|kind| kind.as_str() == self.kind)?;
        let stage = Stage::ALL.iter().find(|stage| stage.as_str() == self.stage)?;
        let error = Error::new(*kind, *stage, self.message.clone());
        Some(match &self.hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        })
    }
}
