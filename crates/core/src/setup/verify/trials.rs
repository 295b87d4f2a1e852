//! The trials, in an order in which each needs only what the ones before have shown.

use std::sync::PoisonError;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Assumption, AssumptionResult, IAM_INTERVAL, IAM_TIMEOUT, ROLE_LIFETIME, SCRATCH_PATH, ScratchAccount,
    TRAIL_INTERVAL, TRAIL_TIMEOUT, is_denied,
};
use crate::doctor::CheckOutcome;
use crate::error::{Error, ErrorKind, Result};
use crate::grant_id::{GRANT_TAG, GrantId};
use crate::iam::IamRole;
use crate::policy::{DatedPolicy, DeniedSessions, PolicyWindow, Revocation, condition_time};
use crate::scope::{SessionDuration, SessionPolicy, SessionScope};
use crate::setup::documents::{self, SessionNames};
use crate::sts::{ChainRequest, ChainedRole, StsAnswer};
use crate::trail::{TrailEvent, TrailQuery};

/// The person of the trials.
const PERSON: &str = "tempaccess-verify";
/// How long the dated policy holds: longer than it takes to be in effect.
const DATED: SignedDuration = SignedDuration::from_mins(6);

/// A session that is asked for.
struct Session<'a> {
    role: &'a IamRole,
    name: String,
    tags: Vec<(&'a str, String)>,
    is_transitive: bool,
    seconds: i64,
    policy: Option<SessionPolicy>,
}

impl<'a> Session<'a> {
    /// The session of a grant, as it is asked for to give it.
    fn granted(role: &'a IamRole, id: &GrantId) -> Self {
        Self {
            role,
            name: format!("{PERSON}+{id}"),
            tags: vec![(GRANT_TAG, id.to_string()), ("TempaccessTo", PERSON.to_owned())],
            is_transitive: true,
            seconds: 900,
            policy: None,
        }
    }
}

/// A session policy as grants have them.
fn sample_policy() -> Result<SessionPolicy> {
    let resources: Vec<_> = (1..=8)
        .flat_map(|number| {
            let bucket = format!("arn:aws:s3:::tempaccess-verify-{number}");
            [format!("{bucket}/*"), bucket]
        })
        .collect();
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": resources,
    }]});
    policy.to_string().parse()
}

fn result(assumption: Assumption, outcome: CheckOutcome) -> AssumptionResult {
    AssumptionResult { assumption, claim: assumption.claim(), outcome, seconds: None, detail: None }
}

/// The result of something that should take effect in time.
fn timed(assumption: Assumption, seconds: Option<u64>) -> AssumptionResult {
    let outcome = if seconds.is_some() { CheckOutcome::Good } else { CheckOutcome::Failed };
    AssumptionResult { seconds, ..result(assumption, outcome) }
}

impl ScratchAccount<'_> {
    pub(super) async fn try_all(&self, add: &mut dyn FnMut(AssumptionResult)) -> Result<()> {
        let unique = GrantId::random()?;
        let (first, second) = (GrantId::random()?, GrantId::random()?);
        let mut granted = self.granted_role(&unique, SessionNames::OfTag).await?;
        let seconds = self.taken_after(&granted, &first).await?;
        let mut trust = timed(Assumption::TrustPolicy, seconds);
        if seconds.is_none() {
            // The rest can be tried without the variable in the trust policy.
            granted = self.granted_role(&GrantId::random()?, SessionNames::AnyId).await?;
            if self.taken_after(&granted, &first).await?.is_none() {
                add(trust);
                return Ok(());
            }
            trust.detail = Some(
                "the role can be assumed if its trust policy says `?*+*`, and not if it names the tag of the grant"
                    .to_owned(),
            );
        }
        add(trust);
        let one = self.required(&Session::granted(&granted, &first)).await?;
        let other = self.required(&Session::granted(&granted, &second)).await?;
        let policy = sample_policy()?;
        let length = policy.as_str().len();
        let scoped = self.required(&Session { policy: Some(policy), ..Session::granted(&granted, &second) }).await?;
        let sizes = one.token_utilization.zip(scoped.token_utilization);
        let outcome = if sizes.is_some() { CheckOutcome::Good } else { CheckOutcome::Failed };
        add(AssumptionResult {
            detail: sizes.map(|(tags, both)| {
                format!(
                    "{tags} percent of the room is used by tags, {both} percent with a policy of {length} characters"
                )
            }),
            ..result(Assumption::PackedPolicySize, outcome)
        });
        self.try_refusals(&granted, &one, add).await?;
        self.try_deny(&granted, (&first, &one), &other, add).await?;
        self.try_dated(&unique, add).await?;
        self.try_trail(&granted, &first, add).await
    }

    /// Creates the role that is granted by session, as the template has it.
    async fn granted_role(&self, unique: &GrantId, names: SessionNames) -> Result<IamRole> {
        let admin = self.credentials().role.clone();
        let name = format!("tempaccess-verify-{unique}-granted");
        let role = self.create(&name, documents::granted_trust(&[admin], names)).await?;
        let own = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": ["iam:ListRolePolicies", "iam:PutRolePolicy"],
            "Resource": role.arn.as_str(),
        }]});
        self.iam.put_role_policy(self.credentials(), &name, "Own", &own.to_string()).await?;
        self.iam.put_role_policy(self.credentials(), &name, "Guard", &documents::guard().to_string()).await?;
        Ok(role)
    }

    /// Waits until a new role is known everywhere: STS refuses it before that. Returns the seconds, or nothing if it is never accepted.
    async fn taken_after(&self, role: &IamRole, id: &GrantId) -> Result<Option<u64>> {
        let is_taken = || async { Ok(self.assume(&Session::granted(role, id)).await?.is_ok()) };
        self.until((IAM_INTERVAL, IAM_TIMEOUT), is_taken).await
    }

    /// Creates a role that nobody can take when the trials should be over.
    async fn create(&self, name: &str, mut trust: Value) -> Result<IamRole> {
        let end = self.timer.now().checked_add(ROLE_LIFETIME).unwrap_or(Timestamp::MAX);
        for statement in trust.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(fields) = statement.as_object_mut() {
                let condition = fields.entry("Condition").or_insert_with(|| json!({}));
                if let Some(condition) = condition.as_object_mut() {
                    condition.insert("DateLessThan".to_owned(), json!({"aws:CurrentTime": condition_time(end)}));
                }
            }
        }
        self.iam.create_role(self.credentials(), SCRATCH_PATH, name, &trust.to_string()).await
    }

    /// Asks STS for a session. The inner error is a refusal of STS.
    async fn assume(&self, session: &Session<'_>) -> Result<std::result::Result<StsAnswer, Error>> {
        self.assume_with(&self.admin.answer, session).await
    }

    async fn assume_with(
        &self,
        caller: &StsAnswer,
        session: &Session<'_>,
    ) -> Result<std::result::Result<StsAnswer, Error>> {
        let mut role = ChainedRole::new(session.role.arn.clone()).session_name(session.name.as_str())?;
        role = role.source_identity(self.source_identity())?;
        for (key, value) in &session.tags {
            role = role.tag(*key, value.as_str())?;
        }
        if session.is_transitive {
            role = role.transitive_tag_keys([GRANT_TAG.to_owned()]);
        }
        let mut scope = SessionScope::new(SessionDuration::from_seconds(session.seconds)?);
        if let Some(policy) = &session.policy {
            scope = scope.with_policy(policy.clone())?;
        }
        let mut request = ChainRequest::new(&role, caller, &scope)?;
        // More than an hour is asked for on purpose.
        request.scope = scope;
        match self.exchange.assume_role(&request).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) if error.sts().is_some() => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    async fn required(&self, session: &Session<'_>) -> Result<StsAnswer> {
        self.assume(session).await?
    }

    /// The source identity that the administrator's session has, or else their session name.
    fn source_identity(&self) -> &str {
        let answer = &self.admin.answer;
        answer.source_identity.as_deref().or(answer.session_name()).unwrap_or(PERSON)
    }

    /// Returns the result of a session that should be refused.
    async fn refused(&self, assumption: Assumption, session: &Session<'_>) -> Result<AssumptionResult> {
        let answer = self.assume(session).await?;
        Ok(self.refusal(assumption, answer.err(), is_denied))
    }

    fn refusal(
        &self,
        assumption: Assumption,
        refusal: Option<Error>,
        fits: impl FnOnce(&Error) -> bool,
    ) -> AssumptionResult {
        let detail = refusal.as_ref().map(|error| self.scrubbed(error.message()));
        let holds = refusal.is_some_and(|error| fits(&error));
        let outcome = if holds { CheckOutcome::Good } else { CheckOutcome::Failed };
        AssumptionResult { detail: detail.or(Some("AWS allowed it".to_owned())), ..result(assumption, outcome) }
    }

    async fn try_refusals(
        &self,
        granted: &IamRole,
        session: &StsAnswer,
        add: &mut dyn FnMut(AssumptionResult),
    ) -> Result<()> {
        let id = GrantId::random()?;
        let right = || Session::granted(granted, &id);
        let without = Session { tags: Vec::new(), is_transitive: false, ..right() };
        add(self.refused(Assumption::TagRequired, &without).await?);
        add(self.refused(Assumption::TransitiveTagRequired, &Session { is_transitive: false, ..right() }).await?);
        add(self.refused(Assumption::SessionNameRequired, &Session { name: PERSON.to_owned(), ..right() }).await?);
        let mut foreign = right();
        foreign.tags.push(("Project", "ledger".to_owned()));
        add(self.refused(Assumption::ForeignTagRefused, &foreign).await?);
        let long = self.assume(&Session { seconds: 3601, ..right() }).await?;
        // Not for want of a right: an hour is the limit, which the message has to say. Shorter durations are tried by such messages.
        let names_duration = |error: &Error| !is_denied(error) && error.message().contains("DurationSeconds");
        add(self.refusal(Assumption::ChainedHour, long.err(), names_duration));
        let handed_on = self.assume_with(session, &right()).await?;
        add(self.refusal(Assumption::NoGrantOfGrant, handed_on.err(), is_denied));
        let name = granted.arn.name();
        let edited = self.iam.put_role_policy(&session.credentials, name, "Own", "{}").await;
        add(self.refusal(Assumption::Guard, edited.err(), is_denied));
        let room = "x".repeat(10_300);
        let large = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny",
            "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{room}"),
        }]});
        let put = self.iam.put_role_policy(self.credentials(), name, "Large", &large.to_string()).await;
        add(self.refusal(Assumption::PolicyLimit, put.err(), |error| error.kind() == ErrorKind::IamLimit));
        Ok(())
    }

    /// Whether a session can list the policies of its role, which is all that it may.
    async fn can_list(&self, session: &StsAnswer, role: &IamRole) -> Result<bool> {
        match self.iam.role_policies(&session.credentials, role.arn.name()).await {
            Ok(_) => Ok(true),
            Err(error) if is_denied(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn try_deny(
        &self,
        granted: &IamRole,
        (id, session): (&GrantId, &StsAnswer),
        sibling: &StsAnswer,
        add: &mut dyn FnMut(AssumptionResult),
    ) -> Result<()> {
        let both = || async { Ok(self.can_list(session, granted).await? && self.can_list(sibling, granted).await?) };
        // The rights of the role have to be in effect before they can be taken.
        if self.until((IAM_INTERVAL, IAM_TIMEOUT), both).await?.is_none() {
            add(AssumptionResult {
                detail: Some("the policy of the role did not take effect".to_owned()),
                ..result(Assumption::DenyByTag, CheckOutcome::Skipped)
            });
            return Ok(());
        }
        let needed_until = session.credentials.expiration;
        let deny = Revocation::new(&DeniedSessions::Grant(id.clone()), needed_until);
        self.iam.put_role_policy(self.credentials(), granted.arn.name(), &deny.name, &deny.document).await?;
        let ended = || async { Ok(!self.can_list(session, granted).await?) };
        add(timed(Assumption::DenyByTag, self.until((IAM_INTERVAL, IAM_TIMEOUT), ended).await?));
        let untouched = self.can_list(sibling, granted).await?;
        let outcome = if untouched { CheckOutcome::Good } else { CheckOutcome::Failed };
        add(result(Assumption::SiblingUntouched, outcome));
        Ok(())
    }

    async fn try_dated(&self, unique: &GrantId, add: &mut dyn FnMut(AssumptionResult)) -> Result<()> {
        let admin = self.credentials().role.as_str();
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": admin},
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        }]});
        let name = format!("tempaccess-verify-{unique}-people");
        let people = self.create(&name, trust).await?;
        let asked = Session {
            role: &people,
            name: PERSON.to_owned(),
            tags: Vec::new(),
            is_transitive: false,
            seconds: 900,
            policy: None,
        };
        let taken = || async { Ok(self.assume(&asked).await?.is_ok()) };
        if self.until((IAM_INTERVAL, IAM_TIMEOUT), taken).await?.is_none() {
            add(result(Assumption::DatedPolicy, CheckOutcome::Skipped));
            return Ok(());
        }
        let session = self.required(&asked).await?;
        let now = session.server_time.unwrap_or_else(|| self.timer.now());
        let end = now.checked_add(DATED).unwrap_or(Timestamp::MAX);
        let window = PolicyWindow::new(format!("{}:{PERSON}", people.id), now, end);
        let scope = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": "iam:ListRolePolicies",
            "Resource": people.arn.as_str(),
        }]});
        let policy = DatedPolicy::new(unique, &scope.to_string().parse()?, &window)?;
        self.iam.put_role_policy(self.credentials(), &name, &policy.name, &policy.document).await?;
        let given = || async { self.can_list(&session, &people).await };
        let seconds = self.until((IAM_INTERVAL, IAM_TIMEOUT), given).await?;
        add(timed(Assumption::DatedPolicy, seconds));
        if seconds.is_none() {
            return Ok(());
        }
        let over = || async { Ok(self.timer.now() >= end) };
        self.until((IAM_INTERVAL, IAM_TIMEOUT + IAM_TIMEOUT), over).await?;
        let ended = || async { Ok(!self.can_list(&session, &people).await?) };
        add(timed(Assumption::DatedPolicyEnds, self.until((IAM_INTERVAL, IAM_TIMEOUT), ended).await?));
        Ok(())
    }

    async fn try_trail(&self, granted: &IamRole, id: &GrantId, add: &mut dyn FnMut(AssumptionResult)) -> Result<()> {
        let Some((history, region)) = self.trail else {
            add(result(Assumption::TrailEvent, CheckOutcome::Skipped));
            add(result(Assumption::TrailSessionName, CheckOutcome::Skipped));
            return Ok(());
        };
        let from = self.timer.now().checked_sub(ROLE_LIFETIME).ok();
        let session = format!("{PERSON}+{id}");
        let issued = TrailQuery { resources: vec![granted.arn.to_string()], from, ..TrailQuery::default() };
        let is_issuance = |event: &TrailEvent| {
            event.grant_of_request().as_ref() == Some(id)
                && event.session_name.as_deref() == Some(&session)
                && event.source_identity.is_some()
        };
        let at = std::sync::Mutex::new(None);
        let known = || async {
            let events = history.events(self.credentials(), region, &issued, |_| {}).await?;
            let found = events.iter().find(|event| is_issuance(event)).map(|event| event.time);
            *at.lock().unwrap_or_else(PoisonError::into_inner) = found;
            Ok(found.is_some())
        };
        let pace = (TRAIL_INTERVAL, TRAIL_TIMEOUT);
        let found = self.until(pace, known).await?;
        // From the call on: the trials before this one have taken their time.
        let at = at.into_inner().unwrap_or_else(PoisonError::into_inner);
        let delay = at.map(|at| self.timer.now().duration_since(at).as_secs().max(0).unsigned_abs());
        add(timed(Assumption::TrailEvent, found.and(delay)));
        let used = TrailQuery { session: Some(session), from, ..TrailQuery::default() };
        let found = || async {
            let events = history.events(self.credentials(), region, &used, |_| {}).await?;
            Ok(events.iter().any(|event| event.name == "ListRolePolicies"))
        };
        // IAM's events are in us-east-1 alone, wherever STS was asked.
        add(timed(Assumption::TrailSessionName, self.until(pace, found).await?));
        Ok(())
    }
}
