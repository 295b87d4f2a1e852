//! Single flight over processes: of all that need the same thing at once, one gets it and the others wait.
//!
//! Whose turn it is, the lock of a file says, which the system takes back from whoever dies. A failure is written into
//! that file, so that those who waited for it hear of it at once instead of failing one after the other.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, Stage};

/// As long as a sign-in may take, and a little more.
const PATIENCE: Duration = Duration::from_secs(16 * 60);
/// Between two looks at the lock.
const LOOK: Duration = Duration::from_millis(20);

/// What waiting came to.
pub(crate) enum Turn {
    /// It is ours to get it; the others wait until this is dropped.
    Ours(Flight),
    /// Whoever had the turn has failed, while we waited.
    Failed(Error),
    /// It is another's, and there was to be no waiting.
    Busy,
}

/// The right to get something, while others wait.
pub(crate) struct Flight(File);

/// A failure, for those who waited for it.
#[derive(Serialize, Deserialize)]
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

/// Takes the turn, waiting for it where there is need to.
pub(crate) async fn take_turn(file: &Path, wait: bool) -> Result<Turn> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, Stage::Store, format!("`{}` cannot be locked: {error}", file.display()))
            .with_source(error)
    };
    let mut file = options.open(file).map_err(failed)?;
    let since = now();
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if !wait => return Ok(Turn::Busy),
            Err(TryLockError::WouldBlock) if waited < PATIENCE => {
                tokio::time::sleep(LOOK).await;
                waited += LOOK;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(
                    ErrorKind::DeadlineExceeded,
                    Stage::Store,
                    "another process signs in and does not come to an end",
                )
                .with_hint("look for a `tempaccess` that waits for an answer, and end it"));
            }
        }
    }
    let mut text = String::new();
    let failure = file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str::<Failure>(&text).ok());
    if let Some(error) =
        failure.filter(|failure| waited > Duration::ZERO && failure.at >= since).and_then(Failure::error)
    {
        return Ok(Turn::Failed(error));
    }
    Ok(Turn::Ours(Flight(file)))
}

impl Flight {
    /// Lets those who wait hear of a failure. One that another caller may not meet is none of theirs.
    pub(crate) fn failed(mut self, error: &Error) {
        if error.kind() == ErrorKind::InteractionRequired {
            return;
        }
        let failure = Failure {
            at: now(),
            kind: error.kind().as_str().to_owned(),
            stage: error.stage().as_str().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
        };
        // Who cannot be told waits for a turn of their own.
        let _ = self.write(&serde_json::to_vec(&failure).unwrap_or_default());
    }

    fn write(&mut self, text: &[u8]) -> std::io::Result<()> {
        self.0.set_len(0)?;
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(text)
    }
}

impl Failure {
    fn error(self) -> Option<Error> {
        let kind = ErrorKind::ALL.iter().find(|kind| kind.as_str() == self.kind)?;
        let stage = Stage::ALL.iter().find(|stage| stage.as_str() == self.stage)?;
        let error = Error::new(*kind, *stage, self.message);
        Some(match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        })
    }
}
