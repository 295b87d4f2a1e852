//! Work that blocks: files, locks, a keyring.

use std::sync::mpsc;
use std::time::Duration;

/// How long a cancelled operation waits for its last words.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs blocking work on a thread of its own, so that timers, cancellation and other tasks of the async runtime go on. Without
/// a runtime the caller blocks.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    #[cfg(feature = "runtime")]
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        return match runtime.spawn_blocking(work).await {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down, and drops this future.
                Err(_) => std::future::pending().await,
            },
        };
    }
    work()
}

/// Runs blocking work on a thread, and waits for it only for a moment: it must not delay a process that is asked to end.
pub(crate) fn finish_soon(work: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let run = move || {
        work();
        let _ = done.send(());
    };
    if std::thread::Builder::new().name("tempaccess-audit".to_owned()).spawn(run).is_ok() {
        let _ = finished.recv_timeout(SHUTDOWN_TIMEOUT);
    }
}
