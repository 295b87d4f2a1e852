//! Work that JavaScript waits for. None of it outlives the environment that began it: the main thread, or a worker.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use napi::bindgen_prelude::{AsyncTask, FnArgs, spawn};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{CleanupEnvHook, Env, Status, Task};
use napi_derive::napi;
use serde::Serialize;
use tokio::task::AbortHandle;

use crate::issued::{Exchanged, IssuedSession};
use crate::opened::OpenedGrant;
use crate::{Result, Role, report};

/// How long an environment that ends waits for its tasks: longer than the audit record of a cancelled attempt takes.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The result of some work: one of these fields.
#[napi(object)]
#[derive(Default)]
pub struct WorkOutcome {
    pub issued: Option<IssuedSession>,
    pub exchanged: Option<Vec<Exchanged>>,
    pub roles: Option<Vec<Role>>,
    pub url: Option<String>,
    pub removed: Option<u32>,
    pub opened: Option<OpenedGrant>,
    /// A text, or JSON.
    pub text: Option<String>,
    /// Whether there is a plan, which the session has under the id of the work.
    pub planned: Option<bool>,
    /// The error, as JSON.
    pub error_json: Option<String>,
}

impl WorkOutcome {
    pub(crate) fn issued(issued: &tempaccess_core::IssuedSession) -> Self {
        Self { issued: Some(IssuedSession::from(issued)), ..Self::default() }
    }

    pub(crate) fn text(text: String) -> Self {
        Self { text: Some(text), ..Self::default() }
    }

    /// Returns a value as JSON.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        Self::text(serde_json::to_string(value).unwrap_or_default())
    }

    fn error(error: &tempaccess_core::Error) -> Self {
        Self { error_json: Some(report(error)), ..Self::default() }
    }
}

/// Reads files or asks the keyring, on a thread that may wait for them.
pub struct Reading(Option<Box<dyn FnOnce() -> tempaccess_core::Result<WorkOutcome> + Send>>);

impl Reading {
    pub(crate) fn start(
        read: impl FnOnce() -> tempaccess_core::Result<WorkOutcome> + Send + 'static,
    ) -> AsyncTask<Self> {
        AsyncTask::new(Self(Some(Box::new(read))))
    }
}

impl Task for Reading {
    type Output = WorkOutcome;
    type JsValue = WorkOutcome;

    fn compute(&mut self) -> napi::Result<WorkOutcome> {
        let read = self.0.take().map_or_else(|| Ok(WorkOutcome::default()), |read| read());
        Ok(read.unwrap_or_else(|error| WorkOutcome::error(&error)))
    }

    fn resolve(&mut self, _: Env, outcome: WorkOutcome) -> napi::Result<WorkOutcome> {
        Ok(outcome)
    }
}

/// Takes the id of the work and its outcome. It keeps no program from ending: `works.js` does while somebody waits.
pub type Settle = ThreadsafeFunction<FnArgs<(u32, WorkOutcome)>, (), FnArgs<(u32, WorkOutcome)>, Status, false, true>;

/// The running tasks of one session.
struct Works {
    settle: Settle,
    running: Mutex<HashMap<u32, Option<AbortHandle>>>,
    ended: Condvar,
    /// Whether the environment is ending.
    stopped: AtomicBool,
}

/// The tasks of an object of JavaScript, and the hook that stops them when its environment ends.
pub(crate) struct Tasks {
    works: Arc<Works>,
    hook: CleanupEnvHook<Weak<Works>>,
}

impl Tasks {
    /// Must be called after the functions of the object were created: hooks run in reverse order, so that the tasks end
    /// before Node closes what they call.
    pub(crate) fn new(env: &Env, settle: Settle) -> Result<Self> {
        let created = Works::hooked(env, settle);
        created.map_err(|error| napi::Error::new("ERR_INVALID_STATE", error.reason.clone()))
    }

    /// Begins work, whose outcome `settle` gets with this id unless it is aborted.
    pub(crate) fn begin(
        &self,
        id: u32,
        work: impl Future<Output = tempaccess_core::Result<WorkOutcome>> + Send + 'static,
    ) {
        self.works.begin(id, work);
    }

    pub(crate) fn abort(&self, id: u32) {
        self.works.abort(id);
    }

    /// Removes the hook once JavaScript has freed the object. When the environment ends, the hook has run before.
    pub(crate) fn finalize(self, env: &Env) -> napi::Result<()> {
        if self.works.stopped.load(Ordering::Relaxed) { Ok(()) } else { env.remove_env_cleanup_hook(self.hook) }
    }
}

impl Works {
    fn hooked(env: &Env, settle: Settle) -> napi::Result<Tasks> {
        let works = Arc::new(Self {
            settle,
            running: Mutex::default(),
            ended: Condvar::new(),
            stopped: AtomicBool::new(false),
        });
        let hook = env.add_env_cleanup_hook(Arc::downgrade(&works), |works: Weak<Self>| {
            if let Some(works) = works.upgrade() {
                works.stop();
            }
        })?;
        Ok(Tasks { works, hook })
    }

    fn begin(
        self: &Arc<Self>,
        id: u32,
        work: impl Future<Output = tempaccess_core::Result<WorkOutcome>> + Send + 'static,
    ) {
        self.running().insert(id, None);
        let entry = Running { works: Arc::clone(self), id };
        let task = spawn(async move {
            // Dropped last, when nothing of the task can call JavaScript any more.
            let entry = entry;
            let outcome = work.await.unwrap_or_else(|error| WorkOutcome::error(&error));
            entry.works.settle.call((id, outcome).into(), ThreadsafeFunctionCallMode::NonBlocking);
        });
        // It may have ended already.
        if let Some(slot) = self.running().get_mut(&id) {
            *slot = Some(task.abort_handle());
        }
    }

    fn abort(&self, id: u32) {
        if let Some(Some(task)) = self.running().get(&id) {
            task.abort();
        }
    }

    /// Aborts all tasks, and waits until they have ended.
    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let running = self.running();
        for task in running.values().flatten() {
            task.abort();
        }
        drop(self.ended.wait_timeout_while(running, STOP_TIMEOUT, |running| !running.is_empty()));
    }

    fn running(&self) -> MutexGuard<'_, HashMap<u32, Option<AbortHandle>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The entry of a task, for as long as the task exists.
struct Running {
    works: Arc<Works>,
    id: u32,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.works.running().remove(&self.id);
        self.works.ended.notify_all();
    }
}
