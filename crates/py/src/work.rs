//! Work of core, and the two ways in which Python waits for it: a thread that Ctrl-C interrupts, and asyncio.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyBaseException, PyOSError, PyRuntimeError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use tokio::task::{AbortHandle, JoinError, JoinHandle};

use crate::ask::callback_error;
use crate::errors::raise;
use crate::runtime::{Owned, runtime};

/// How often a thread that waits looks for Ctrl-C.
const SIGNAL_POLL_INTERVAL: Duration = Duration::from_millis(50);

type Value = PyResult<Py<PyAny>>;

fn stopped(error: JoinError) -> PyErr {
    PyOSError::new_err(error.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running task. The caller that began it waits for it once, or aborts it.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Work(Owned<Task>);

struct Task {
    abort: AbortHandle,
    result: Mutex<Option<JoinHandle<Value>>>,
    /// Why it was ended from outside.
    failure: Arc<Mutex<Option<PyErr>>>,
}

impl Work {
    /// Begins the task. `value` makes its result a Python object.
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
        let (abort, result) = (task.abort_handle(), Mutex::new(Some(task)));
        Ok(Self(Owned::new(Task { abort, result, failure: Arc::default() })))
    }

    fn task(&self) -> PyResult<&Task> {
        self.0.get().ok_or_else(|| PyRuntimeError::new_err("this was begun in another process, before a fork"))
    }
}

impl Task {
    fn take(&self) -> PyResult<JoinHandle<Value>> {
        lock(&self.result).take().ok_or_else(|| PyRuntimeError::new_err("its result was taken already"))
    }
}

/// Runs Python on a thread where it may take its time.
pub(crate) async fn attached<T: Send + 'static>(call: impl FnOnce(Python<'_>) -> T + Send + 'static) -> PyResult<T> {
    let called = tokio::task::spawn_blocking(move || Python::try_attach(call)).await.map_err(stopped)?;
    called.ok_or_else(|| PyRuntimeError::new_err("the interpreter is ending"))
}

#[pymethods]
impl Work {
    /// Waits for the result without holding Python, until Ctrl-C or for this many seconds.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> Value {
        let task = self.task()?;
        let end = match timeout.map(Duration::try_from_secs_f64) {
            Some(Ok(timeout)) => Instant::now().checked_add(timeout),
            Some(Err(error)) => return Err(PyValueError::new_err(format!("timeout: {error}"))),
            None => None,
        };
        let (runtime, mut result) = (runtime()?, task.take()?);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let slice = left.map_or(SIGNAL_POLL_INTERVAL, |left| left.min(SIGNAL_POLL_INTERVAL));
            let waited = py.detach(|| runtime.block_on(async { tokio::time::timeout(slice, &mut result).await }));
            if let Ok(done) = waited {
                return match lock(&task.failure).take() {
                    Some(failure) => Err(failure),
                    None => done.map_err(stopped)?,
                };
            }
            let ended = match py.check_signals() {
                Ok(()) if left.is_some_and(|left| left.is_zero()) => {
                    PyTimeoutError::new_err(format!("timed out after {} seconds", timeout.unwrap_or_default()))
                }
                Ok(()) => continue,
                Err(interrupt) => interrupt,
            };
            task.abort.abort();
            return Err(ended);
        }
    }

    /// Calls `done(value, error)` from another thread when the task has ended, one of the two being `None`.
    fn then(&self, done: Py<PyAny>) -> PyResult<()> {
        let task = self.task()?;
        let (result, failure) = (task.take()?, Arc::clone(&task.failure));
        runtime()?.spawn(async move {
            let result = result.await;
            let value = match (lock(&failure).take(), result) {
                (Some(failure), _) => Err(failure),
                (None, Ok(value)) => value,
                // The caller that aborted it does not wait any more.
                (None, Err(_)) => return,
            };
            let _ = attached(move |py| match value {
                Ok(value) => done.call1(py, (value, py.None())).map(drop),
                Err(error) => done.call1(py, (py.None(), error)).map(drop),
            })
            .await;
        });
        Ok(())
    }

    /// Ends the task with what a callback raised whose result it does not wait for.
    fn fail(&self, py: Python<'_>, callback: &str, raised: Bound<'_, PyBaseException>) {
        let Some(task) = self.0.get() else { return };
        let error = raise(py, &callback_error(py, callback, PyErr::from_value(raised.into_any())));
        lock(&task.failure).get_or_insert(error);
        task.abort.abort();
    }

    /// Aborts the task and its prompts.
    fn abort(&self) {
        if let Some(task) = self.0.get() {
            task.abort.abort();
        }
    }
}
