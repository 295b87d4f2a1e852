//! `Grants`: what an administrator gives to others.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use tempaccess_core::clock::SystemClock;
use tempaccess_core::front_end::{GrantChange, LazyGrants};
use tempaccess_core::grants::{self as core, ApprovalInput, GrantFilter, GrantInput, RevocationTarget};
use tempaccess_core::{AssertionSource, Clock};

use crate::ask::{Callable, person};
use crate::reading::{datetime, loads, loads_any, to_json};
use crate::runtime::Owned;
use crate::session::{Parts, wrong};
use crate::work::Work;

/// The administrator's side, which belongs to the process that built it.
pub(crate) struct Shared {
    parts: Parts,
    grants: Owned<Arc<LazyGrants>>,
}

pub(crate) fn json<T: Serialize>(py: Python<'_>, value: &T) -> PyResult<Py<PyAny>> {
    Ok(loads_any(py, &to_json(value)?)?.unbind())
}

impl Shared {
    pub(crate) fn build(parts: Parts, prompter: Option<Py<PyAny>>, assertion_source: Option<Py<PyAny>>) -> Self {
        let source = assertion_source.map(|source| Arc::new(Callable::new(source)) as Arc<dyn AssertionSource>);
        let Parts { config, settings, password } = parts.clone();
        let grants = LazyGrants::new(config, settings, password, person(prompter), source);
        Self { parts, grants: Owned::new(Arc::new(grants)) }
    }

    /// Builds the same for this process, which is a fork.
    pub(crate) fn forked(&self, prompter: Option<Py<PyAny>>, assertion_source: Option<Py<PyAny>>) -> Self {
        Self::build(self.parts.clone(), prompter, assertion_source)
    }

    pub(crate) fn grants(&self) -> PyResult<Arc<LazyGrants>> {
        let grants = self.grants.get().map(Arc::clone);
        grants.ok_or_else(|| PyRuntimeError::new_err("this object belongs to another process"))
    }
}

/// Access that an administrator gives, extends, ends and accounts for.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Grants(Shared);

impl Grants {
    fn grants(&self) -> PyResult<Arc<LazyGrants>> {
        self.0.grants()
    }

    fn planned(&self, change: GrantChange) -> PyResult<Work> {
        let grants = self.grants()?;
        Work::begin(async move { grants.plan(change).await }, |py, plan| {
            Ok(Py::new(py, GrantPlan::new(plan)?)?.into_any())
        })
    }

    fn given(&self, change: GrantChange) -> PyResult<Work> {
        let grants = self.grants()?;
        Work::begin(async move { grants.give(change).await }, |py, given| {
            Ok(Py::new(py, IssuedGrant(given))?.into_any())
        })
    }
}

#[pymethods]
impl Grants {
    #[new]
    #[pyo3(signature = (profile=None, *, config=None, prompter=None, assertion_source=None, password=None, settings="{}"))]
    fn new(
        py: Python<'_>,
        profile: Option<&str>,
        config: Option<PathBuf>,
        prompter: Option<Py<PyAny>>,
        assertion_source: Option<Py<PyAny>>,
        password: Option<String>,
        settings: &str,
    ) -> PyResult<Self> {
        let parts = Parts::new(py, "Grants", profile, config, password, settings)?;
        Ok(Self(Shared::build(parts, prompter, assertion_source)))
    }

    /// Returns the same grants for this process, which is a fork of the one that made them.
    #[pyo3(signature = (*, prompter=None, assertion_source=None))]
    fn forked(&self, prompter: Option<Py<PyAny>>, assertion_source: Option<Py<PyAny>>) -> Self {
        Self(self.0.forked(prompter, assertion_source))
    }

    /// Returns what a session grant would give. The values are JSON.
    fn plan_issue(&self, input: &str) -> PyResult<Work> {
        self.planned(GrantChange::Issue(read("issue", input)?))
    }

    /// Gives a session grant.
    fn issue(&self, input: &str) -> PyResult<Work> {
        self.given(GrantChange::Issue(read("issue", input)?))
    }

    /// Returns what a policy grant would give. The values are JSON.
    fn plan_permit(&self, input: &str) -> PyResult<Work> {
        self.planned(GrantChange::Permit(read("permit", input)?))
    }

    /// Gives a policy grant.
    fn permit(&self, input: &str) -> PyResult<Work> {
        self.given(GrantChange::Permit(read("permit", input)?))
    }

    /// Returns what an extension would give.
    fn plan_extend(&self, id: String, duration: String, reason: String) -> PyResult<Work> {
        self.planned(GrantChange::Extend { id, duration, reason })
    }

    /// Extends a grant.
    fn extend(&self, id: String, duration: String, reason: String) -> PyResult<Work> {
        self.given(GrantChange::Extend { id, duration, reason })
    }

    /// Returns what the approval of a request would give.
    fn plan_approve(&self, text: String, limits: &str) -> PyResult<Work> {
        self.planned(GrantChange::Approve { text, limits: approval("plan_approve", limits)? })
    }

    /// Approves a request and gives it.
    fn approve(&self, text: String, limits: &str) -> PyResult<Work> {
        self.given(GrantChange::Approve { text, limits: approval("approve", limits)? })
    }

    /// Gives what was planned, once.
    fn carry_out(&self, plan: &GrantPlan) -> PyResult<Work> {
        let (grants, plan) = (self.grants()?, plan.take()?);
        Work::begin(async move { grants.carry_out(plan).await }, |py, given| {
            Ok(Py::new(py, IssuedGrant(given))?.into_any())
        })
    }

    /// Signs an approval. Returns the request with it.
    fn sign_approval(&self, text: String, limits: &str) -> PyResult<Work> {
        let (grants, limits) = (self.grants()?, approval("sign_approval", limits)?);
        let work = async move { grants.sign_approval(&text, limits).await };
        Work::begin(work, |py, text| Ok(text.into_pyobject(py)?.unbind().into_any()))
    }

    /// Denies a request. Returns the event.
    fn deny(&self, text: String, reason: String) -> PyResult<Work> {
        let grants = self.grants()?;
        Work::begin(async move { grants.deny(&text, &reason).await }, |py, denied| json(py, &denied))
    }

    /// Reviews a grant that was given in an emergency. Returns the event.
    fn review(&self, id: String, reason: String) -> PyResult<Work> {
        let grants = self.grants()?;
        Work::begin(async move { grants.review(&id, &reason).await }, |py, reviewed| json(py, &reviewed))
    }

    /// Ends access early. Returns what was changed, or would be.
    fn revoke(
        &self,
        ids: Vec<String>,
        to: Option<String>,
        by: Option<String>,
        older_role: Option<String>,
        reason: String,
        dry_run: bool,
    ) -> PyResult<Work> {
        let grants = self.grants()?;
        let work = async move {
            let target = RevocationTarget::from_parts(&ids, to, by, older_role)?;
            match dry_run {
                true => grants.plan_revoke(&target, &reason).await,
                false => grants.revoke(&target, &reason).await,
            }
        };
        Work::begin(work, |py, plan| json(py, &plan))
    }

    /// Undoes revocations. Returns what was changed, or would be.
    fn restore(&self, ids: Vec<String>, reason: String, dry_run: bool) -> PyResult<Work> {
        let grants = self.grants()?;
        let work = async move {
            match dry_run {
                true => grants.plan_restore(&ids, &reason).await,
                false => grants.restore(&ids, &reason).await,
            }
        };
        Work::begin(work, |py, plan| json(py, &plan))
    }

    /// Lists grants.
    fn list(
        &self,
        roles: Vec<String>,
        to: Option<String>,
        by: Option<String>,
        ended: bool,
        offline: bool,
    ) -> PyResult<Work> {
        let (grants, mut filter) = (self.grants()?, GrantFilter::default());
        (filter.roles, filter.to, filter.by, filter.ended, filter.offline) = (roles, to, by, ended, offline);
        Work::begin(async move { grants.list(&filter).await }, |py, listing| json(py, &listing))
    }

    /// Returns a grant with its events.
    fn show(&self, id: String) -> PyResult<Work> {
        let grants = self.grants()?;
        Work::begin(async move { grants.show(&id).await }, |py, history| json(py, &history.details(SystemClock.now())))
    }

    /// Compares the records with IAM.
    fn check(&self, roles: Vec<String>) -> PyResult<Work> {
        let grants = self.grants()?;
        Work::begin(async move { grants.check(&roles).await }, |py, found| json(py, &found))
    }

    /// Removes policies that have no effect any more. Returns those that were removed, or would be.
    fn clean(&self, roles: Vec<String>, dry_run: bool) -> PyResult<Work> {
        let grants = self.grants()?;
        let work = async move {
            match dry_run {
                true => grants.plan_clean(&roles).await,
                false => grants.clean(&roles).await,
            }
        };
        Work::begin(work, |py, found| json(py, &found))
    }

    fn __repr__(&self) -> String {
        format!("Grants(role={:?})", self.0.parts.settings.role.as_deref().unwrap_or_default())
    }
}

/// Reads the values of a grant.
/// Reads the limits of an approval.
fn approval(function: &str, input: &str) -> PyResult<ApprovalInput> {
    ApprovalInput::from_arguments(input, &["text", "timeout"]).map_err(|error| wrong(function, error))
}

fn read(function: &str, input: &str) -> PyResult<GrantInput> {
    GrantInput::from_arguments(input, &[]).map_err(|error| wrong(function, error))
}

/// A grant that was checked and not given yet.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct GrantPlan {
    summary: String,
    plan: Mutex<Option<core::GrantPlan>>,
}

impl GrantPlan {
    fn new(plan: core::GrantPlan) -> PyResult<Self> {
        Ok(Self { summary: to_json(&plan.summary())?, plan: Mutex::new(Some(plan)) })
    }

    fn take(&self) -> PyResult<core::GrantPlan> {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner).take();
        plan.ok_or_else(|| PyRuntimeError::new_err("this plan was carried out already"))
    }
}

#[pymethods]
impl GrantPlan {
    /// What would be given, as a dict.
    #[getter]
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        loads(py, &self.summary)
    }
}

/// A grant that was given or extended.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct IssuedGrant(core::IssuedGrant);

#[pymethods]
impl IssuedGrant {
    /// The id.
    #[getter]
    fn id(&self) -> &str {
        self.0.event.id.as_str()
    }

    /// When access ends: a datetime in UTC.
    #[getter]
    fn until<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.event.until)
    }

    /// The text to send to the person. Empty for a policy grant.
    #[getter]
    fn sealed(&self) -> &str {
        &self.0.sealed
    }

    /// The event that records it, as a dict.
    #[getter]
    fn event<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        loads(py, &to_json(&self.0.event)?)
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("an IssuedGrant cannot be pickled; pickle its `event` and `sealed`"))
    }

    fn __repr__(&self) -> String {
        let event = &self.0.event;
        format!(
            "IssuedGrant(id='{}', to='{}', role_arn='{}', until='{}')",
            event.id, event.to, event.role_arn, event.until
        )
    }
}
