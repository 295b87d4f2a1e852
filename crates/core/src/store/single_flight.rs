//! Single flight: of all callers that need the same credentials at once, one signs in and the others wait for its result.
//!
//! A file lock serialises processes, and the system releases it when its holder dies. A mutex serialises the callers of one
//! process. A failure is written into the lock file, and next to the mutex, so that those who waited get the same error at
//! once instead of failing one after the other.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Fault, Result, Stage};
use crate::file_lock::FileLock;
use crate::private::is_removed;

/// How long a caller waits for another sign-in: as long as one may take, and a little more.
const WAIT_TIMEOUT: Duration = Duration::from_secs(16 * 60);
/// How long a failure of the network, the identity provider or AWS is not retried by callers that can do without.
const RETRY_DELAY: SignedDuration = SignedDuration::from_secs(60);
/// How long a failure that involved a person (a refused push, a wrong password) is not retried by programs.
const PERSON_RETRY_DELAY: SignedDuration = SignedDuration::from_mins(16);
const POLL_INTERVAL: Duration = Duration::from_millis(20);
/// The size limit of the failure in a lock file.
const MAX_FAILURE: u64 = 64 << 10;

/// Serialises the callers of one process, and remembers the last failure there.
#[derive(Debug, Default)]
pub(crate) struct SingleFlight(Mutex<Option<Failure>>);

/// What a caller needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Credentials: wait for others, and try again whatever failed before.
    Now,
    /// Credentials: wait for others, but do not repeat a sign-in that the identity provider has just rejected.
    NowUnlessRejected,
    /// Credentials: wait for others, but do not bother a person again who has just refused.
    NowUnlessRefused,
    /// Nothing yet: the credentials at hand have not expired. Neither wait nor retry.
    Later,
}

/// The result of waiting.
pub(crate) enum Joined<'f> {
    /// This caller signs in; the others wait until the leader is dropped.
    Lead(Leader<'f>),
    /// The leader that this caller waited for has failed, or a failure is too recent to try again.
    Failed(Error),
    /// Another caller is signing in, and this one does not need to wait.
    Busy,
}

/// The caller that signs in while others wait.
pub(crate) struct Leader<'f> {
    in_process: MutexGuard<'f, Option<Failure>>,
    lock: Option<FileLock>,
}

/// A failed sign-in, as the other callers get it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Failure {
    /// Milliseconds since 1970.
    at: i64,
    kind: String,
    stage: String,
    message: String,
    hint: Option<String>,
    /// Whether the source keeps the same input from being sent again, so that a corrected one can be.
    #[serde(default)]
    is_guarded: bool,
}

fn timed_out() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::Store, "timed out waiting for another sign-in to finish")
        .with_hint("look for a `tempaccess` process that waits for an answer, and stop it")
}

impl SingleFlight {
    /// Waits until this caller may sign in, or another one has. `open_lock` opens the lock file; where that fails or the
    /// file cannot be locked, `report` gets the error, and other processes are not waited for.
    ///
    /// # Errors
    ///
    /// `deadline_exceeded`.
    pub(crate) async fn join(
        &self,
        need: Need,
        clock: &dyn Clock,
        open_lock: impl Fn() -> Result<Option<File>>,
        report: impl FnOnce(&Error),
    ) -> Result<Joined<'_>> {
        let since = clock.now().as_millisecond();
        let (mut in_process, waited) = match self.0.try_lock() {
            Ok(in_process) => (in_process, false),
            Err(_) if need == Need::Later => return Ok(Joined::Busy),
            Err(_) => {
                let waiting = tokio::time::timeout(WAIT_TIMEOUT, self.0.lock());
                (waiting.await.map_err(|_| timed_out())?, true)
            }
        };
        // With a lock file, what this process remembers is out of date once another one has signed in.
        let mut waited_for_file = false;
        let mut lock = match lock(open_lock, need).await {
            Ok(LockAttempt::Acquired { file, waited }) => {
                waited_for_file = waited;
                Some(file)
            }
            Ok(LockAttempt::NoLockFile) => None,
            Ok(LockAttempt::Busy) => return Ok(Joined::Busy),
            Err(error) if error.kind() == ErrorKind::DeadlineExceeded => return Err(error),
            Err(error) => {
                report(&error);
                None
            }
        };
        let waited = waited || waited_for_file;
        let failure = lock.as_ref().map_or_else(|| in_process.clone(), |file| read_failure(file));
        if let Some(error) = failure.and_then(|failure| failure.error_for(need, waited, since)) {
            return Ok(Joined::Failed(error));
        }
        // The result of this sign-in replaces the last failure.
        if let Some(file) = &mut lock {
            let _ = file.set_len(0);
            let _ = file.seek(SeekFrom::Start(0));
        }
        *in_process = None;
        Ok(Joined::Lead(Leader { in_process, lock }))
    }

    /// Forgets a failure, after somebody else has succeeded. Callers that are signing in forget it themselves.
    pub(crate) fn forget(&self, open_lock: impl Fn() -> Result<Option<File>>) {
        if let Ok(mut in_process) = self.0.try_lock() {
            *in_process = None;
        }
        if let Ok(Some(file)) = open_lock()
            && file.try_lock().is_ok()
        {
            let _ = FileLock::new(file).set_len(0);
        }
    }
}

enum LockAttempt {
    Acquired {
        file: FileLock,
        /// Whether another process held the lock before.
        waited: bool,
    },
    /// The store has no lock file.
    NoLockFile,
    /// Another process holds the lock.
    Busy,
}

async fn lock(open: impl Fn() -> Result<Option<File>>, need: Need) -> Result<LockAttempt> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, Stage::Store, format!("cannot lock an entry of the store: {error}"))
            .with_source(error)
    };
    let end = tokio::time::Instant::now() + WAIT_TIMEOUT;
    let mut waited = false;
    let Some(mut file) = open()? else { return Ok(LockAttempt::NoLockFile) };
    loop {
        match file.try_lock() {
            // The process that removed it may have made room for a new file, which another process has locked.
            Ok(()) if is_removed(&file) => match open()? {
                Some(new) => file = new,
                None => return Ok(LockAttempt::NoLockFile),
            },
            Ok(()) => return Ok(LockAttempt::Acquired { file: FileLock::new(file), waited }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if need == Need::Later => return Ok(LockAttempt::Busy),
            Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < end => {
                tokio::time::sleep(POLL_INTERVAL).await;
                waited = true;
            }
            Err(TryLockError::WouldBlock) => return Err(timed_out()),
        }
    }
}

fn read_failure(file: &File) -> Option<Failure> {
    let mut text = String::new();
    Read::take(file, MAX_FAILURE).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether those who waited would meet the same failure: what the identity provider, AWS or the network answered. What
/// depends on the caller (its terminal, its audit log, its choice among roles) concerns that caller alone.
fn concerns_all(error: &Error) -> bool {
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

impl Leader<'_> {
    /// Passes a failure on to those who wait, unless it is an earlier one that was passed on to this caller.
    pub(crate) fn failed(mut self, error: &Error, clock: &dyn Clock) {
        if !concerns_all(error) || error.is_replayed() {
            return;
        }
        let failure = Failure {
            at: clock.now().as_millisecond(),
            kind: error.kind().as_str().to_owned(),
            stage: error.stage().as_str().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
            is_guarded: error.is_guarded(),
        };
        if let Some(file) = &mut self.lock {
            let text = serde_json::to_vec(&failure).unwrap_or_default();
            // If that fails, those who wait sign in themselves.
            let _ = file.write_all(&text);
        }
        *self.in_process = Some(failure);
    }
}

impl Failure {
    /// Whether the identity provider rejected the password or the account, and would be asked with the same again.
    fn was_rejected(&self) -> bool {
        use ErrorKind::{AccountActionRequired, AccountLocked, AuthenticationFailed};
        let kinds = [AccountActionRequired, AccountLocked, AuthenticationFailed];
        !self.is_guarded && kinds.iter().any(|kind| kind.as_str() == self.kind)
    }

    /// Whether the person refused a second factor, or did not answer.
    fn was_refused(&self) -> bool {
        self.kind == ErrorKind::FactorFailed.as_str()
    }

    /// When a caller that does not have to may try again.
    fn retry_at(&self) -> Option<Timestamp> {
        let delay = if self.was_rejected() || self.was_refused() { PERSON_RETRY_DELAY } else { RETRY_DELAY };
        Timestamp::from_millisecond(self.at).ok()?.checked_add(delay).ok()
    }

    /// The error for a caller that asked at `since`, if it should not sign in itself.
    fn error_for(&self, need: Need, waited: bool, since: i64) -> Option<Error> {
        if waited && self.at >= since {
            return self.error();
        }
        // A failure from the future is from a clock that was wrong.
        let is_recent = self.at <= since && self.retry_at().is_some_and(|at| at.as_millisecond() > since);
        let holds_back = match need {
            Need::Now => false,
            Need::NowUnlessRejected => self.was_rejected(),
            Need::NowUnlessRefused => self.was_refused(),
            Need::Later => true,
        };
        if is_recent && holds_back { self.error().map(|error| self.with_retry_hint(error, since)) } else { None }
    }

    fn with_retry_hint(&self, error: Error, now: i64) -> Error {
        let Some(at) = self.retry_at() else { return error };
        let wait = u64::try_from(at.as_millisecond().saturating_sub(now)).unwrap_or_default();
        let at = at.strftime("%H:%M UTC");
        let hint = format!("programs do not try again before {at}; run `tempaccess login` to sign in now");
        error.with_further_hint(&hint).with_retry_after(Duration::from_millis(wait)).mark_replayed()
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
