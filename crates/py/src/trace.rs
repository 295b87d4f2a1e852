//! The steps of a sign-in, for the logger `tempaccess` at the level DEBUG. None of them has a secret.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Python's number for DEBUG.
const DEBUG: u32 = 10;
/// How many lines wait for Python. More are dropped: nothing here waits for the interpreter, whose lock a caller may hold.
const WAITING: usize = 1024;

/// Whether the logger takes messages of the level DEBUG.
static ENABLED: AtomicBool = AtomicBool::new(false);
/// The process whose thread passes lines on, and its queue. A fork has no such thread.
static LINES: Mutex<Option<(u32, SyncSender<String>)>> = Mutex::new(None);

fn logger(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    py.import("logging")?.call_method1("getLogger", ("tempaccess",))
}

/// Passes steps to the logger from now on if it takes them, and none otherwise.
pub(crate) fn follow_logger(py: Python<'_>) {
    let enabled = logger(py).and_then(|logger| logger.call_method1("isEnabledFor", (DEBUG,))?.extract());
    let enabled = enabled.unwrap_or(false);
    ENABLED.store(enabled, Ordering::Relaxed);
    if enabled {
        start();
    }
}

fn start() {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if lines.as_ref().is_some_and(|(of, _)| *of == process) {
        return;
    }
    let is_first = lines.is_none();
    let (sender, receiver) = sync_channel::<String>(WAITING);
    let pass_on = move || {
        for line in receiver {
            // Nothing is logged by an interpreter that is ending.
            let logged = Python::try_attach(|py| logger(py)?.call_method1("debug", ("%s", line)).map(drop));
            if logged.is_none() {
                return;
            }
        }
    };
    if std::thread::Builder::new().name("tempaccess-log".to_owned()).spawn(pass_on).is_ok() {
        *lines = Some((process, sender));
    }
    if is_first {
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(Lines)
            .with_ansi(false)
            .with_target(false)
            .with_level(false)
            .without_time()
            .with_filter(dynamic_filter_fn(|metadata, _| {
                metadata.target() == "tempaccess" && ENABLED.load(Ordering::Relaxed)
            }));
        let _ = tracing_subscriber::registry().with(layer).try_init();
    }
}

struct Lines;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

/// One line, which is passed on when it is complete.
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.0).trim_end().to_owned();
        if let Some((_, lines)) = &*LINES.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = lines.try_send(text);
        }
    }
}
