//! `Grants`: what an administrator gives to others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Env;
use napi::bindgen_prelude::ObjectFinalize;
use napi_derive::napi;
use tempaccess_core::auditor::{ExportFormat, ReportInput, TrailInput};
use tempaccess_core::clock::SystemClock;
use tempaccess_core::config::settings_from_arguments;
use tempaccess_core::front_end::{self, GrantChange};
use tempaccess_core::grants::{self as core, ApprovalInput, GrantFilter, GrantInput, RevocationTarget};
use tempaccess_core::report::Period;
use tempaccess_core::{AssertionSource, Clock};

use crate::ask::{Ask, Give, Source, prompter};
use crate::session::{OPTIONS, config as find_config, invalid};
use crate::work::{Settle, Tasks, WorkOutcome};
use crate::{Result, json, thrown};

type CoreResult<T> = tempaccess_core::Result<T>;

/// The options of a grant that are not its values.
const GRANT_OPTIONS: &[&str] = &["signal", "timeout"];

fn read(values: &str) -> Result<GrantInput> {
    GrantInput::from_arguments(values, GRANT_OPTIONS).map_err(|wrong| invalid(&wrong))
}

fn approval(values: &str) -> Result<ApprovalInput> {
    ApprovalInput::from_arguments(values, GRANT_OPTIONS).map_err(|wrong| invalid(&wrong))
}

fn read_query(values: &str) -> Result<TrailInput> {
    TrailInput::from_arguments(values, GRANT_OPTIONS).map_err(|wrong| invalid(&wrong))
}

/// The format of exported events.
#[napi(string_enum = "lowercase")]
pub enum Format {
    Csv,
    Json,
    Ocsf,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Json => Self::Json,
            Format::Ocsf => Self::Ocsf,
        }
    }
}

/// A grant that was checked and not given yet.
#[napi]
pub struct GrantPlan(Mutex<Option<core::GrantPlan>>);

#[napi]
impl GrantPlan {
    fn locked(&self) -> MutexGuard<'_, Option<core::GrantPlan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[napi]
    pub fn summary_json(&self) -> Result<String> {
        self.locked().as_ref().map_or_else(|| Err(used()), |plan| json(&plan.summary()))
    }
}

fn used() -> napi::Error<&'static str> {
    napi::Error::new("ERR_INVALID_STATE", "this plan was carried out already".to_owned())
}

/// Whose access to end.
#[napi(object)]
pub struct RevokeTarget {
    pub ids: Vec<String>,
    pub to: Option<String>,
    pub by: Option<String>,
    pub older_role: Option<String>,
}

/// Which grants to list.
#[napi(object)]
pub struct Filter {
    pub roles: Vec<String>,
    pub to: Option<String>,
    pub by: Option<String>,
    pub ended: bool,
    pub offline: bool,
}

/// The grants of an administrator, which several calls share.
struct SharedGrants {
    core: front_end::LazyGrants,
    /// Plans that JavaScript has not taken yet, by the id of their work.
    plans: Mutex<HashMap<u32, GrantPlan>>,
}

impl SharedGrants {
    fn plans(&self) -> MutexGuard<'_, HashMap<u32, GrantPlan>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Access that an administrator gives. Each method that waits takes the id under which `settle` gets its outcome.
#[napi(custom_finalize)]
pub struct Grants {
    grants: Arc<SharedGrants>,
    tasks: Tasks,
}

impl ObjectFinalize for Grants {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.tasks.finalize(&env)
    }
}

#[napi]
impl Grants {
    #[napi(constructor)]
    #[allow(clippy::too_many_arguments, reason = "they are properties in JavaScript")]
    pub fn new(
        env: &Env,
        profile: Option<String>,
        config: Option<String>,
        password: Option<String>,
        settings_json: String,
        settle: Settle,
        ask: Ask,
        has_person: bool,
        give: Option<Give>,
    ) -> Result<Self> {
        let given = settings_from_arguments(&settings_json, OPTIONS).map_err(|wrong| invalid(&wrong))?;
        let built = || {
            let config = find_config(config)?;
            let settings = given.resolve(&config, profile.as_deref())?;
            let source = give.map(|give| Arc::new(Source(give)) as Arc<dyn AssertionSource>);
            let core = front_end::LazyGrants::new(
                config,
                settings,
                password.map(Into::into),
                prompter(ask, has_person),
                source,
            );
            Ok(SharedGrants { core, plans: Mutex::default() })
        };
        let grants = Arc::new(built().map_err(|error| thrown(&error))?);
        Ok(Self { grants, tasks: Tasks::new(env, settle)? })
    }

    /// Begins work with the grants.
    fn begin<F: Future<Output = CoreResult<WorkOutcome>> + Send + 'static>(
        &self,
        id: u32,
        work: impl FnOnce(Arc<SharedGrants>) -> F,
    ) {
        self.tasks.begin(id, work(Arc::clone(&self.grants)));
    }

    /// Makes a change, or plans it.
    fn begin_change(&self, id: u32, change: GrantChange, only_plan: bool) {
        self.begin(id, move |grants| async move {
            if !only_plan {
                return Ok(WorkOutcome::json(&grants.core.give(change).await?));
            }
            let plan = grants.core.plan(change).await?;
            grants.plans().insert(id, GrantPlan(Mutex::new(Some(plan))));
            Ok(WorkOutcome { planned: Some(true), ..WorkOutcome::default() })
        });
    }

    /// Returns the plan that the work of this id made.
    #[napi]
    pub fn take_plan(&self, id: u32) -> Option<GrantPlan> {
        self.grants.plans().remove(&id)
    }

    #[napi]
    pub fn issue(&self, id: u32, values: String, only_plan: bool) -> Result<()> {
        self.begin_change(id, GrantChange::Issue(read(&values)?), only_plan);
        Ok(())
    }

    #[napi]
    pub fn permit(&self, id: u32, values: String, only_plan: bool) -> Result<()> {
        self.begin_change(id, GrantChange::Permit(read(&values)?), only_plan);
        Ok(())
    }

    #[napi]
    pub fn extend(&self, id: u32, grant: String, duration: String, reason: String, only_plan: bool) {
        self.begin_change(id, GrantChange::Extend { id: grant, duration, reason }, only_plan);
    }

    #[napi]
    pub fn approve(&self, id: u32, text: String, limits: String, only_plan: bool) -> Result<()> {
        let limits = approval(&limits)?;
        self.begin_change(id, GrantChange::Approve { text, limits }, only_plan);
        Ok(())
    }

    /// Gives what was planned, once.
    #[napi]
    pub fn carry_out(&self, id: u32, plan: &GrantPlan) -> Result<()> {
        let plan = plan.locked().take().ok_or_else(used)?;
        self.begin(id, |grants| async move { Ok(WorkOutcome::json(&grants.core.carry_out(plan).await?)) });
        Ok(())
    }

    #[napi]
    pub fn sign_approval(&self, id: u32, text: String, limits: String) -> Result<()> {
        let limits = approval(&limits)?;
        self.begin(id, |grants| async move { Ok(WorkOutcome::text(grants.core.sign_approval(&text, limits).await?)) });
        Ok(())
    }

    #[napi]
    pub fn deny(&self, id: u32, text: String, reason: String) {
        self.begin(id, |grants| async move { Ok(WorkOutcome::json(&grants.core.deny(&text, &reason).await?)) });
    }

    #[napi]
    pub fn review(&self, id: u32, grant: String, reason: String) {
        self.begin(id, |grants| async move { Ok(WorkOutcome::json(&grants.core.review(&grant, &reason).await?)) });
    }

    #[napi]
    pub fn revoke(&self, id: u32, target: RevokeTarget, reason: String, dry_run: bool) {
        self.begin(id, move |grants| async move {
            let RevokeTarget { ids, to, by, older_role } = target;
            let target = RevocationTarget::from_parts(&ids, to, by, older_role)?;
            let plan = match dry_run {
                true => grants.core.plan_revoke(&target, &reason).await?,
                false => grants.core.revoke(&target, &reason).await?,
            };
            Ok(WorkOutcome::json(&plan))
        });
    }

    #[napi]
    pub fn restore(&self, id: u32, ids: Vec<String>, reason: String, dry_run: bool) {
        self.begin(id, move |grants| async move {
            let plan = match dry_run {
                true => grants.core.plan_restore(&ids, &reason).await?,
                false => grants.core.restore(&ids, &reason).await?,
            };
            Ok(WorkOutcome::json(&plan))
        });
    }

    #[napi]
    pub fn list(&self, id: u32, filter: Filter) {
        let Filter { roles, to, by, ended, offline } = filter;
        let mut filter = GrantFilter::default();
        (filter.roles, filter.to, filter.by, filter.ended, filter.offline) = (roles, to, by, ended, offline);
        self.begin(id, |grants| async move { Ok(WorkOutcome::json(&grants.core.list(&filter).await?)) });
    }

    #[napi]
    pub fn show(&self, id: u32, grant: String) {
        self.begin(id, |grants| async move {
            Ok(WorkOutcome::json(&grants.core.show(&grant).await?.details(SystemClock.now())))
        });
    }

    #[napi]
    pub fn check(&self, id: u32, roles: Vec<String>) {
        self.begin(id, |grants| async move { Ok(WorkOutcome::json(&grants.core.check(&roles).await?)) });
    }

    #[napi]
    pub fn clean(&self, id: u32, roles: Vec<String>, dry_run: bool) {
        self.begin(id, move |grants| async move {
            let found = match dry_run {
                true => grants.core.plan_clean(&roles).await?,
                false => grants.core.clean(&roles).await?,
            };
            Ok(WorkOutcome::json(&found))
        });
    }

    #[napi]
    pub fn audit_verify(&self, id: u32) {
        self.begin(id, |grants| async move { Ok(WorkOutcome::json(&grants.core.auditor().await?.verify().await?)) });
    }

    #[napi]
    pub fn audit_query(&self, id: u32, values: String) -> Result<()> {
        let input = read_query(&values)?;
        self.begin(id, |grants| async move {
            Ok(WorkOutcome::json(&grants.core.auditor().await?.query(&input, &mut |_| {}).await?))
        });
        Ok(())
    }

    #[napi]
    pub fn audit_query_text(&self, id: u32, values: String) -> Result<()> {
        let input = read_query(&values)?;
        self.begin(id, |grants| async move {
            Ok(WorkOutcome::text(grants.core.auditor().await?.query_text(&input).await?))
        });
        Ok(())
    }

    #[napi]
    pub fn audit_export(&self, id: u32, format: Format, ids: Vec<String>, from: Option<String>, until: Option<String>) {
        self.begin(id, move |grants| async move {
            let period = Period::parse(from.as_deref(), until.as_deref())?;
            Ok(WorkOutcome::json(&grants.core.auditor().await?.export(format.into(), &ids, &period).await?))
        });
    }

    #[napi]
    pub fn audit_report(
        &self,
        id: u32,
        from: Option<String>,
        until: Option<String>,
        files: Option<String>,
        regions: Vec<String>,
        audit_logs: Vec<String>,
    ) {
        let mut input = ReportInput::default();
        (input.files, input.regions) = (files, regions);
        input.audit_logs = audit_logs.into_iter().map(Into::into).collect();
        self.begin(id, |grants| async move {
            let period = Period::parse(from.as_deref(), until.as_deref())?;
            let auditor = grants.core.auditor().await?;
            Ok(WorkOutcome::json(&auditor.report(period, &input, &mut |_| {}).await?))
        });
    }

    /// Aborts the work of this id. `settle` does not get an outcome.
    #[napi]
    pub fn abort(&self, id: u32) {
        self.tasks.abort(id);
    }
}
