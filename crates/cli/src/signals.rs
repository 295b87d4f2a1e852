//! INT, TERM and HUP end every command at once, also one that is blocked in a system call.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempaccess_core::{Error, ErrorKind, Stage, terminal::Terminal};
use tokio::sync::oneshot;

use crate::{exit_code, render};

/// How long a command may take to record what it was doing.
const EXIT_DELAY: Duration = Duration::from_millis(700);

/// Set once signals are for a program that this one runs.
static PASSED_ON: AtomicBool = AtomicBool::new(false);

/// Stops watching: from now on, signals are for the program that this one runs.
#[cfg(not(unix))]
pub(crate) fn pass_on() {
    PASSED_ON.store(true, Ordering::Relaxed);
}

/// The error of a command that was stopped by a signal.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, Stage::SignIn, "cancelled")
}

/// Watches for signals on a thread of its own. The receiver gets the first one; if the process has not ended soon after, the
/// thread ends it.
pub(crate) fn watch(as_json: bool) -> oneshot::Receiver<()> {
    let (stop, stopped) = oneshot::channel();
    let watch = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(received());
        if PASSED_ON.load(Ordering::Relaxed) {
            return;
        }
        let _ = stop.send(());
        std::thread::sleep(EXIT_DELAY);
        Terminal::restore();
        let error = cancelled();
        let _ = writeln!(std::io::stderr(), "{}", render::error(&error, as_json));
        std::process::exit(i32::from(exit_code::number(error.kind())));
    };
    // Without the thread, signals have their default effect.
    let _ = std::thread::Builder::new().name("tempaccess-signals".to_owned()).spawn(watch);
    stopped
}

/// Returns when the person or the system asks the program to end.
async fn received() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::SignalKind;
        tokio::select! {
            () = unix::next(SignalKind::interrupt()) => {}
            () = unix::next(SignalKind::terminate()) => {}
            () = unix::next(SignalKind::hangup()) => {}
        }
    }
    #[cfg(not(unix))]
    windows::ended().await;
}

#[cfg(not(unix))]
mod windows {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};

    /// Waits for Ctrl-C or Ctrl-Break, or for the end of the console or of the person's session.
    pub(super) async fn ended() {
        macro_rules! next {
            ($($signal:ident),*) => {
                tokio::select! {
                    $(() = async {
                        match $signal() {
                            Ok(mut signal) => drop(signal.recv().await),
                            Err(_) => std::future::pending().await,
                        }
                    } => {})*
                }
            };
        }
        next!(ctrl_c, ctrl_break, ctrl_close, ctrl_logoff, ctrl_shutdown);
    }
}

#[cfg(unix)]
mod unix {
    use tokio::signal::unix::{SignalKind, signal};

    /// Waits for a signal. HUP stays ignored if the caller has set it so, as `nohup` does. INT does not: shells set that for
    /// every program in the background of a script, where `kill -INT` is meant all the same.
    pub(super) async fn next(kind: SignalKind) {
        if kind == SignalKind::hangup() && is_ignored(kind) {
            return std::future::pending().await;
        }
        match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    }

    /// Whether the signal is ignored (`SigIgn` of proc(5)).
    fn is_ignored(kind: SignalKind) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
        let bit = u32::try_from(kind.as_raw_value()).unwrap_or_default().saturating_sub(1);
        ignored.checked_shr(bit).unwrap_or_default() & 1 == 1
    }
}
