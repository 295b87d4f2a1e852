//! Work of core's, and the two ways in which Python waits for it: a thread that hears Ctrl-C, and asyncio.

use std::future::Future;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinError, JoinHandle};

use crate::errors::raise;

/// One runtime for the whole process, as connections belong to the one that made them.
static RUNTIME: LazyLock<std::io::Result<Runtime>> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build());

/// How long Ctrl-C waits to be heard.
const LOOK: Duration = Duration::from_millis(50);

type Value = PyResult<Py<PyAny>>;

fn runtime() -> PyResult<&'static Runtime> {
    RUNTIME.as_ref().map_err(|error| PyOSError::new_err(error.to_string()))
}

fn stopped(error: JoinError) -> PyErr {
    PyOSError::new_err(error.to_string())
}

/// Something that was begun. Whoever began it waits for it once, or aborts it.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Work {
    stop: AbortHandle,
    task: Mutex<Option<JoinHandle<Value>>>,
}

impl Work {
    /// Begins it. What comes of it becomes Python's by `value`.
    pub(crate) fn begin<T: Send + 'static>(
        work: impl Future<Output = tempaccess_core::Result<T>> + Send + 'static,
        value: impl FnOnce(Python<'_>, T) -> Value + Send + 'static,
    ) -> PyResult<Self> {
        let task = runtime()?.spawn(async move {
            let result = work.await;
            let convert = move |py: Python<'_>| match result {
                Ok(given) => value(py, given),
                Err(error) => Err(raise(py, &error)),
            };
            attached(convert).await?
        });
        Ok(Self { stop: task.abort_handle(), task: Mutex::new(Some(task)) })
    }

    fn take(&self) -> PyResult<JoinHandle<Value>> {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        task.ok_or_else(|| PyRuntimeError::new_err("it was waited for already"))
    }
}

/// Runs Python on a thread where it may take its time.
pub(crate) async fn attached<T: Send + 'static>(call: impl FnOnce(Python<'_>) -> T + Send + 'static) -> PyResult<T> {
    let called = tokio::task::spawn_blocking(move || Python::try_attach(call)).await.map_err(stopped)?;
    called.ok_or_else(|| PyRuntimeError::new_err("the interpreter is ending"))
}

#[pymethods]
impl Work {
    /// Waits for it without holding Python, and hears Ctrl-C meanwhile.
    fn wait(&self, py: Python<'_>) -> Value {
        let (runtime, mut task) = (runtime()?, self.take()?);
        loop {
            match py.detach(|| runtime.block_on(async { tokio::time::timeout(LOOK, &mut task).await })) {
                Ok(done) => return done.map_err(stopped)?,
                Err(_) => {
                    if let Err(interrupt) = py.check_signals() {
                        self.stop.abort();
                        return Err(interrupt);
                    }
                }
            }
        }
    }

    /// Calls `done(value, error)` from another thread when it is through, one of the two being `None`.
    fn then(&self, done: Py<PyAny>) -> PyResult<()> {
        let task = self.take()?;
        runtime()?.spawn(async move {
            // Whoever aborted it is told nothing, and whoever is gone cannot be.
            let Ok(value) = task.await else { return };
            let _ = attached(move |py| match value {
                Ok(value) => done.call1(py, (value, py.None())).map(drop),
                Err(error) => done.call1(py, (py.None(), error)).map(drop),
            })
            .await;
        });
        Ok(())
    }

    /// Gives it up. What it asks is withdrawn.
    fn abort(&self) {
        self.stop.abort();
    }
}
