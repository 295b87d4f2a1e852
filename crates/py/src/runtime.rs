//! The async runtime of this process. A fork has none of its threads and must not use its connections, so a child gets a
//! runtime of its own.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use tokio::runtime::Runtime;

struct Current {
    /// The id of the process that made it.
    process: u32,
    runtime: &'static Runtime,
}

static CURRENT: Mutex<Option<Current>> = Mutex::new(None);

thread_local! {
    /// Held by the thread that forks, so that the child does not inherit a lock that another thread holds.
    static FORKING: RefCell<Option<MutexGuard<'static, Option<Current>>>> = const { RefCell::new(None) };
}

fn current() -> MutexGuard<'static, Option<Current>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the runtime of this process.
pub(crate) fn runtime() -> PyResult<&'static Runtime> {
    let process = std::process::id();
    let mut current = current();
    if let Some(known) = current.as_ref().filter(|known| known.process == process) {
        return Ok(known.runtime);
    }
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    // Never dropped: an inherited runtime would wait for threads that do not exist here.
    let runtime: &Runtime = Box::leak(Box::new(built.map_err(|error| PyOSError::new_err(error.to_string()))?));
    *current = Some(Current { process, runtime });
    Ok(runtime)
}

/// Waits until no other thread holds a lock that a child would inherit.
#[pyfunction]
pub(crate) fn before_fork() {
    FORKING.with(|forking| {
        let mut forking = forking.borrow_mut();
        if forking.is_none() {
            *forking = Some(current());
        }
    });
}

/// Releases the lock again, in the parent and in the child.
#[pyfunction]
pub(crate) fn after_fork() {
    FORKING.with(|forking| drop(forking.borrow_mut().take()));
}

/// Something that belongs to the process that made it. In another process, a fork, it is leaked instead of dropped:
/// what it belongs to may hold locks of threads that do not exist there.
pub(crate) struct Owned<T> {
    process: u32,
    value: Option<T>,
}

impl<T> Owned<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { process: std::process::id(), value: Some(value) }
    }

    /// Returns the value in the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.is_here())
    }

    fn is_here(&self) -> bool {
        self.process == std::process::id()
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.is_here() {
            std::mem::forget(self.value.take());
        }
    }
}
