//! Checks the answers of STS before they are stored, printed or used: the characters of the credentials, the identity of the
//! session, and its lifetime.
//!
//! Answers of AWS pass. Others come from something in its place: a faulty broker or proxy, or an attacker. Credentials are
//! written into shells, files and environments of other programs, where a stray quote or line break would be executed.

use jiff::{SignedDuration, Timestamp};

use super::{ChainRequest, StsAnswer};
use crate::arn::{RoleArn, is_name_byte, is_region};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::scope::SessionDuration;
use crate::text::excerpt;

/// Differences of up to this many seconds come from rounding and latency.
pub(super) const TOLERANCE: i64 = 30;
/// The `Date` of an answer and the expiration in it have whole seconds: their difference is up to one second off.
const ROUNDING: u64 = 1;

/// The length of a session name or a source identity, per the STS API reference.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 2..=64;
/// The length of an assumed role id, per the STS API reference.
const ROLE_ID_LENGTH: std::ops::RangeInclusive<usize> = 2..=193;
/// Longer than any request id of AWS.
const REQUEST_ID_LENGTH: usize = 128;

/// The requested session, as far as the caller knows it.
pub(super) struct Expected<'a> {
    pub(super) role: &'a RoleArn,
    pub(super) session_name: Option<&'a str>,
    pub(super) source_identity: Option<&'a str>,
}

impl<'a> Expected<'a> {
    /// The session of a chained role. Its source identity may come from an earlier session, unless the request sets one.
    pub(super) fn of_chained(request: &'a ChainRequest) -> Self {
        Self {
            role: &request.role,
            session_name: Some(&request.session_name),
            source_identity: request.source_identity.as_deref(),
        }
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::StsUnavailable, Stage::Exchange, message.into()).with_hint(
        "nothing of the answer was stored; check what answers at the STS endpoint: its address (`AWS_ENDPOINT_URL_STS`), or a proxy on the way",
    )
}

/// Checks that an answer holds usable credentials of the requested session.
///
/// An invalid request id is dropped instead of refused: it only serves to contact AWS support.
pub(super) fn check(answer: &mut StsAnswer, expected: &Expected<'_>) -> Result<()> {
    let credentials = &answer.credentials;
    if let Some(defect) = credentials.defect() {
        return Err(refused(format!("the answer of AWS STS is not usable: {defect}")));
    }
    if credentials.role != *expected.role {
        return Err(other("role", expected.role.as_str(), credentials.role.as_str()));
    }
    if credentials.region.as_deref().is_some_and(|region| !is_region(region)) {
        return Err(refused("the answer of AWS STS is not usable: its region is not a region"));
    }
    let name = answer.assumed_role_arn.as_deref().map(|arn| session_name_in(arn, expected)).transpose()?;
    if let Some(id) = &answer.assumed_role_id {
        check_role_id(id, name)?;
    }
    if let Some(identity) = &answer.source_identity {
        check_source_identity(identity, expected)?;
    }
    answer.request_id.take_if(|id| !is_request_id(id));
    Ok(())
}

/// Returns the session name in the ARN of the principal, which must belong to the requested session.
fn session_name_in<'a>(arn: &'a str, expected: &Expected<'_>) -> Result<&'a str> {
    let role = expected.role;
    // The ARN of an assumed role does not include the path of the role.
    let prefix = format!("arn:{}:sts::{}:assumed-role/{}/", role.partition(), role.account_id(), role.name());
    let Some(name) = arn.strip_prefix(&prefix).filter(|name| is_name(name)) else {
        return Err(other("principal", &format!("{prefix}…"), arn));
    };
    match expected.session_name {
        Some(wanted) if wanted != name => Err(other("session name", wanted, name)),
        _ => Ok(name),
    }
}

/// Checks `AROA…:session-name`.
fn check_role_id(id: &str, session_name: Option<&str>) -> Result<()> {
    let parts = id.split_once(':').filter(|(role, name)| {
        ROLE_ID_LENGTH.contains(&id.len())
            && !role.is_empty()
            && role.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && is_name(name)
    });
    match (parts, session_name) {
        (None, _) => Err(refused("the answer of AWS STS is not usable: its assumed role id is malformed")),
        (Some((_, name)), Some(wanted)) if wanted != name => Err(other("session name", wanted, name)),
        _ => Ok(()),
    }
}

fn check_source_identity(identity: &str, expected: &Expected<'_>) -> Result<()> {
    match expected.source_identity {
        Some(wanted) if wanted != identity => Err(other("source identity", wanted, identity)),
        _ if !is_name(identity) => {
            Err(refused("the answer of AWS STS is not usable: its source identity is malformed"))
        }
        _ => Ok(()),
    }
}

fn other(what: &str, wanted: &str, got: &str) -> Error {
    refused(format!("AWS STS answered for another {what}: asked for `{}`, got `{}`", excerpt(wanted), excerpt(got)))
}

fn is_name(text: &str) -> bool {
    NAME_LENGTH.contains(&text.len()) && text.bytes().all(is_name_byte)
}

/// Whether a text is a plausible request id: it is shown and recorded.
pub(super) fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_LENGTH).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'+' | b'='))
}

/// The lifetime of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// The seconds that the session is used for, counted from the answer.
    pub(super) seconds: u32,
    /// The seconds beyond them that the answer reported.
    pub(super) excess: Option<u32>,
}

/// Determines the lifetime of a session, by AWS's own clock if the answer has a `Date`. A session that is reported to last
/// longer than `requested` is used for the requested duration.
///
/// # Errors
///
/// `sts_unavailable` if it has expired already.
pub(super) fn lifetime(answer: &mut StsAnswer, requested: SessionDuration, now: Timestamp) -> Result<Lifetime> {
    let issued_at = answer.server_time.unwrap_or(now);
    let expiration = answer.credentials.expiration;
    let seconds = expiration.duration_since(issued_at).as_secs();
    if seconds <= 0 {
        let error = refused(format!("AWS STS answered with credentials that expired at {expiration}"));
        return Err(match answer.server_time {
            Some(_) => error,
            None => error.with_hint(format!(
                "this machine's clock says {issued_at}, and the answer has no time of its own: set the clock right, or check what answers at the STS endpoint"
            )),
        });
    }
    let limit = i64::from(requested.seconds());
    if seconds.abs_diff(limit) <= ROUNDING {
        return Ok(Lifetime { seconds: requested.seconds(), excess: None });
    }
    if seconds <= limit + TOLERANCE {
        return Ok(Lifetime { seconds: u32::try_from(seconds).unwrap_or(requested.seconds()), excess: None });
    }
    // Programs keep credentials until they expire. They should ask again at the end of the requested duration.
    answer.credentials.expiration = issued_at.saturating_add(SignedDuration::from_secs(limit)).unwrap_or(expiration);
    let excess = u32::try_from(seconds - limit).unwrap_or(u32::MAX);
    Ok(Lifetime { seconds: requested.seconds(), excess: Some(excess) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::SessionCredentials;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn answer(change: impl FnOnce(&mut StsAnswer)) -> StsAnswer {
        let role = "arn:aws:iam::111122223333:role/teams/ReadOnly".parse().unwrap();
        let (secret, end) = ("s".repeat(40), NOW + SignedDuration::from_hours(1));
        let credentials = SessionCredentials::new("ASIAIOSFODNN7EXAMPLE", secret.into(), "t/0+=_-".into(), end, role);
        let mut answer = StsAnswer::new(credentials);
        answer.credentials.region = Some("eu-west-1".to_owned());
        answer.assumed_role_arn = Some("arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com".to_owned());
        answer.assumed_role_id = Some("AROAIOSFODNN7EXAMPLE:ada@example.com".to_owned());
        answer.source_identity = Some("ada".to_owned());
        answer.request_id = Some("7a62c49f-347e-4fc4-9331-6e8eEXAMPLE".to_owned());
        change(&mut answer);
        answer
    }

    fn judged(change: impl FnOnce(&mut StsAnswer)) -> Result<StsAnswer> {
        let mut answer = answer(change);
        let role = "arn:aws:iam::111122223333:role/teams/ReadOnly".parse().unwrap();
        let (session_name, source_identity) = (Some("ada@example.com"), Some("ada"));
        check(&mut answer, &Expected { role: &role, session_name, source_identity })?;
        Ok(answer)
    }

    #[test]
    fn an_answer_of_aws_passes() {
        let answer = judged(|_| {}).unwrap();
        assert!(answer.request_id.is_some());
        // All but the credentials may be missing: an embedder's exchange may not know the rest.
        judged(|answer| *answer = StsAnswer::new(answer.credentials.clone())).unwrap();
    }

    #[test]
    fn another_session_than_asked_is_refused() {
        let principals = [
            "arn:aws:sts::444455556666:assumed-role/ReadOnly/ada@example.com",
            "arn:aws:sts::111122223333:assumed-role/Admin/ada@example.com",
            "arn:aws:sts::111122223333:assumed-role/ReadOnly/bob@example.com",
            "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com/more",
            "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com\n",
            "arn:aws:sts::111122223333:assumed-role/ReadOnly/",
            "arn:aws:sts::111122223333:assumed-role/teams/ReadOnly/ada@example.com",
            "arn:aws-cn:sts::111122223333:assumed-role/ReadOnly/ada@example.com",
            "arn:aws:iam::111122223333:role/teams/ReadOnly",
            "",
        ];
        for principal in principals {
            let error = judged(|answer| answer.assumed_role_arn = Some(principal.to_owned())).unwrap_err();
            assert_eq!((error.kind(), error.stage()), (ErrorKind::StsUnavailable, Stage::Exchange), "{principal}");
            assert!(error.message().starts_with("AWS STS answered for another "), "{error}");
        }
        for id in ["AROA:bob@example.com", "AROA", "AROA:", ":ada@example.com", "AR OA:ada@example.com", ""] {
            assert!(judged(|answer| answer.assumed_role_id = Some(id.to_owned())).is_err(), "{id}");
        }
        for identity in ["bob", "", "a", "ada\u{7}"] {
            assert!(judged(|answer| answer.source_identity = Some(identity.to_owned())).is_err(), "{identity}");
        }
        let other = "arn:aws:iam::111122223333:role/ReadOnly".parse().unwrap();
        assert!(judged(|answer| answer.credentials.role = other).is_err());
        for region in ["", "eu-west-1\n", "EU", "evil.example/", "-x", "x-"] {
            assert!(judged(|answer| answer.credentials.region = Some(region.to_owned())).is_err(), "{region}");
        }
    }

    #[test]
    fn a_request_id_that_cannot_be_one_is_dropped() {
        for id in ["", "\u{1b}[31m", "a b", &"a".repeat(129)] {
            assert_eq!(judged(|answer| answer.request_id = Some(id.to_owned())).unwrap().request_id, None, "{id}");
        }
    }

    #[test]
    fn a_session_lasts_no_longer_than_asked_and_not_since_before_now() {
        let hour = SessionDuration::default();
        let lasts = |seconds: i64, server_time: Option<Timestamp>| {
            let expiration = NOW.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
            let mut answer = answer(|answer| {
                (answer.credentials.expiration, answer.server_time) = (expiration, server_time);
            });
            let lifetime = lifetime(&mut answer, hour, NOW)?;
            Ok::<_, Error>((lifetime.seconds, lifetime.excess, answer.credentials.expiration.as_second()))
        };
        assert_eq!(lasts(3_600, None).unwrap(), (3_600, None, 3_600));
        assert_eq!(lasts(3_602, None).unwrap(), (3_602, None, 3_602));
        assert_eq!(lasts(3_598, None).unwrap(), (3_598, None, 3_598));
        // Rounding does not show.
        assert_eq!(lasts(3_601, None).unwrap(), (3_600, None, 3_601));
        assert_eq!(lasts(3_599, None).unwrap(), (3_600, None, 3_599));
        assert_eq!(lasts(900, None).unwrap(), (900, None, 900));
        assert_eq!(lasts(7_200, None).unwrap(), (3_600, Some(3_600), 3_600));
        assert_eq!(lasts(i64::from(u32::MAX) + 10_000, None).unwrap(), (3_600, Some(u32::MAX), 3_600));
        for past in [0, -1, -100_000] {
            for server_time in [None, Some(NOW)] {
                let error = lasts(past, server_time).unwrap_err();
                assert_eq!((error.kind(), error.stage()), (ErrorKind::StsUnavailable, Stage::Exchange));
                assert_eq!(error.hint().unwrap().contains("clock"), server_time.is_none());
            }
        }
        // By AWS's clock if it is known. This machine's clock is an hour ahead.
        let an_hour_ago = NOW - SignedDuration::from_hours(1);
        assert_eq!(lasts(-2, Some(an_hour_ago)).unwrap(), (3_598, None, -2));
        assert_eq!(lasts(3_600, Some(an_hour_ago)).unwrap(), (3_600, Some(3_600), 0));
    }
}
