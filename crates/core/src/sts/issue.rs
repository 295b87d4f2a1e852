//! Issues one session: retries with shorter durations if the role's maximum refuses one, checks the answer, and determines
//! why a session is shorter than requested.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::judge::{Expected, TOLERANCE, check, lifetime};
use super::{ExchangeRequest, StsAnswer, TokenExchange};
use crate::clock::Clock;
use crate::error::{ErrorKind, Result};
use crate::role::RoleOffer;
use crate::saml::{Assertion, SamlResponse};
use crate::scope::{SessionDuration, SessionScope};

/// The maximum durations that the IAM console offers for a role, in seconds. No role has a lower one than an hour.
const STEPS: [i64; 5] = [43_200, 28_800, 14_400, 7_200, 3_600];

/// A session that STS issued: its credentials, and what is known about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IssuedSession {
    /// The role, and the SAML provider through which it was assumed.
    pub offer: RoleOffer,
    /// The principal from whose session the role was assumed, for a chained role.
    pub chained_from: Option<String>,
    /// The answer of STS.
    pub answer: StsAnswer,
    /// The requested scope.
    pub scope: SessionScope,
    /// The duration of the session in seconds, counted from the answer.
    pub granted_seconds: u32,
    /// Why the session is shorter than requested.
    pub shortened: Vec<Shortening>,
    /// The seconds by which the session that STS reported is longer than requested, which AWS never does. The excess is not
    /// used: `granted_seconds` and the expiration in `answer` are as requested.
    pub excess_seconds: Option<u32>,
    /// How far this machine's clock is ahead of AWS's, if the answer had a `Date`.
    pub clock_ahead: Option<SignedDuration>,
}

/// Why a session is shorter than requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shortening {
    /// STS refused longer durations: they exceed the role's `MaxSessionDuration`.
    RoleMaximum {
        /// The shortest refused duration, in seconds.
        refused_seconds: u32,
    },
    /// The assertion's `SessionNotOnOrAfter` ends the session.
    SessionNotOnOrAfter,
    /// The assertion's attribute `SessionDuration` limits the session.
    SessionDurationAttribute {
        /// The value of the attribute, in seconds.
        seconds: u32,
    },
    /// AWS limits the sessions of chained roles to an hour.
    RoleChaining,
    /// STS shortened it, and nothing in the assertion explains why.
    Sts,
}

impl Shortening {
    /// Returns the reason in words.
    pub fn describe(&self) -> String {
        match self {
            Self::RoleMaximum { refused_seconds } => {
                format!("the role's maximum session duration is below {}", crate::scope::human(*refused_seconds))
            }
            Self::SessionNotOnOrAfter => {
                "the identity provider ends the session at that time (`SessionNotOnOrAfter`)".to_owned()
            }
            Self::SessionDurationAttribute { seconds } => {
                format!("the identity provider allows {} (`SessionDuration`)", crate::scope::human(*seconds))
            }
            Self::RoleChaining => "AWS limits the session of a chained role to 1 hour".to_owned(),
            Self::Sts => "AWS STS shortened it without giving a reason".to_owned(),
        }
    }
}

/// Exchanges an assertion for a session of this role and scope.
///
/// STS refuses durations above the role's maximum instead of shortening them. The same assertion, which STS accepts for five
/// minutes, is then sent again with shorter durations, down to an hour.
///
/// The answer of any [`TokenExchange`] is checked before it is returned: the characters of the credentials, whether it is the
/// session that was requested, and whether it has expired.
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
    let requested = scope.duration();
    let mut request = ExchangeRequest {
        policy: scope.policy().cloned(),
        policy_arns: scope.policy_arns().to_vec(),
        ..ExchangeRequest::new(response.clone(), offer.clone(), requested)
    };
    let mut steps = STEPS.iter().filter(|step| **step < i64::from(requested.seconds()));
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
        shortened.push(reason_for(assertion, seconds, answer.credentials.expiration));
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

fn reason_for(assertion: &Assertion, granted: i64, expiration: Timestamp) -> Shortening {
    let near = |seconds: i64| seconds.abs() <= TOLERANCE;
    if assertion.session_not_on_or_after.is_some_and(|end| near(end.duration_since(expiration).as_secs())) {
        return Shortening::SessionNotOnOrAfter;
    }
    match assertion.aws.session_duration {
        Some(seconds) if near(i64::from(seconds) - granted) => Shortening::SessionDurationAttribute { seconds },
        _ => Shortening::Sts,
    }
}
