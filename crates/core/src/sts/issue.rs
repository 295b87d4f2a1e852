//! Asked and granted: stepping down where the role's maximum is lower, and saying why a session is shorter.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::judge::{Expected, TOLERANCE, check, lifetime};
use super::{ExchangeRequest, StsAnswer, TokenExchange};
use crate::clock::Clock;
use crate::error::{ErrorKind, Result};
use crate::role::RoleOffer;
use crate::saml::{Assertion, SamlResponse};
use crate::scope::{SessionDuration, SessionScope};

/// The maxima that the IAM console offers for a role, in seconds; an hour is the least that a role can have.
const STEPS: [i64; 5] = [43_200, 28_800, 14_400, 7_200, 3_600];

/// What was given: the answer of STS, beside what was asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IssuedSession {
    /// The role and the provider through which it was taken.
    pub offer: RoleOffer,
    /// The principal from whose session the role was taken, where it was chained to the offered one.
    pub chained_from: Option<String>,
    /// The answer of STS.
    pub answer: StsAnswer,
    /// What was asked for.
    pub scope: SessionScope,
    /// How long the session lasts, in seconds from when STS answered.
    pub granted_seconds: u32,
    /// Why it is shorter than asked.
    pub shortened: Vec<Shortening>,
    /// How many seconds longer than asked the session lasts by what STS answered, which AWS never does. It is used for as
    /// long as was asked: the expiration in `answer` is that time, and not the one that STS said.
    pub excess_seconds: Option<u32>,
    /// How far this machine's clock is ahead of AWS's, where STS said its time.
    pub clock_ahead: Option<SignedDuration>,
}

/// Why a session is shorter than asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shortening {
    /// The role's `MaxSessionDuration` refused the longer ones.
    RoleMaximum {
        /// The shortest duration that was refused, in seconds.
        refused_seconds: u32,
    },
    /// The assertion's `SessionNotOnOrAfter` ends the session.
    SessionNotOnOrAfter,
    /// The assertion's attribute `SessionDuration` is lower.
    SessionDurationAttribute {
        /// Its value.
        seconds: u32,
    },
    /// STS gives chained roles an hour at most.
    RoleChaining,
    /// STS did, and nothing in the assertion says why.
    Sts,
}

impl Shortening {
    /// The reason as a person says it.
    pub fn describe(&self) -> String {
        match self {
            Self::RoleMaximum { refused_seconds } => {
                format!("the role's maximum session duration is below {}", crate::scope::human(*refused_seconds))
            }
            Self::SessionNotOnOrAfter => {
                "the identity provider ends the session then (`SessionNotOnOrAfter`)".to_owned()
            }
            Self::SessionDurationAttribute { seconds } => {
                format!("the identity provider allows {} (`SessionDuration`)", crate::scope::human(*seconds))
            }
            Self::RoleChaining => "AWS limits the session of a chained role to 1 hour".to_owned(),
            Self::Sts => "AWS STS shortened it and does not say why".to_owned(),
        }
    }
}

/// Exchanges the assertion for credentials of this role and scope.
///
/// Where the duration is above the role's maximum, STS refuses instead of shortening: then the same assertion, which
/// STS takes for five minutes, is tried with shorter durations, down to an hour.
///
/// The answer is checked, whichever [`TokenExchange`] gave it, before anything of it is returned: what it consists of,
/// whether it is the session that was asked for, and whether it has expired.
///
/// # Errors
///
/// `invalid_scope` before any network call; `sts_unavailable` for an answer that does not pass; otherwise what the
/// [`TokenExchange`] returns.
pub async fn issue_session(
    exchange: &dyn TokenExchange,
    clock: &dyn Clock,
    response: &SamlResponse,
    assertion: &Assertion,
    offer: &RoleOffer,
    scope: &SessionScope,
) -> Result<IssuedSession> {
    scope.check_for(offer.role())?;
    let asked = scope.duration();
    let mut request = ExchangeRequest {
        policy: scope.policy().cloned(),
        policy_arns: scope.policy_arns().to_vec(),
        ..ExchangeRequest::new(response.clone(), offer.clone(), asked)
    };
    let mut steps = STEPS.iter().filter(|step| **step < i64::from(asked.seconds()));
    let mut refused = None;
    let mut answer = loop {
        match exchange.assume_role_with_saml(&request).await {
            Ok(answer) => break answer,
            Err(error) if error.kind() == ErrorKind::DurationAboveRoleMaximum => {
                let Some(step) = steps.next() else { return Err(error) };
                refused = Some(request.duration.seconds());
                request.duration = SessionDuration::from_seconds(*step)?;
            }
            Err(error) => return Err(error),
        }
    };
    let now = clock.now();
    let expected = Expected {
        role: offer.role(),
        session_name: assertion.aws.session_name.as_deref(),
        source_identity: assertion.aws.source_identity.as_deref(),
    };
    check(&mut answer, &expected)?;
    let granted = lifetime(&mut answer, request.duration, now)?;
    let mut shortened: Vec<_> =
        refused.map(|refused_seconds| Shortening::RoleMaximum { refused_seconds }).into_iter().collect();
    let seconds = i64::from(granted.seconds);
    if seconds + TOLERANCE < i64::from(request.duration.seconds()) {
        shortened.push(who_shortened(assertion, seconds, answer.credentials.expiration));
    }
    Ok(IssuedSession {
        offer: offer.clone(),
        chained_from: None,
        scope: scope.clone(),
        granted_seconds: granted.seconds,
        shortened,
        excess_seconds: granted.excess,
        clock_ahead: answer.server_time.map(|server| now.duration_since(server)),
        answer,
    })
}

fn who_shortened(assertion: &Assertion, granted: i64, expiration: Timestamp) -> Shortening {
    let near = |seconds: i64| seconds.abs() <= TOLERANCE;
    if assertion.session_not_on_or_after.is_some_and(|end| near(end.duration_since(expiration).as_secs())) {
        return Shortening::SessionNotOnOrAfter;
    }
    match assertion.aws.session_duration {
        Some(seconds) if near(i64::from(seconds) - granted) => Shortening::SessionDurationAttribute { seconds },
        _ => Shortening::Sts,
    }
}
