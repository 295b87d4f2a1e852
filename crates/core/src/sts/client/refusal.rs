//! Converts errors of the AWS SDK into errors of this crate, with the remedy for each code of STS.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use jiff::Timestamp;

use crate::error::{Error, ErrorKind, Stage, StsFailure};
use crate::net::TransportError;
use crate::sts::judge::is_request_id;
use crate::text::excerpt;

/// The API operation that was called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    AssumeRoleWithSaml,
    AssumeRole,
    GetCallerIdentity,
}

/// Converts an error of the SDK. `place` names the endpoint.
pub(super) fn refusal<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
    place: &str,
    server_time: Option<Timestamp>,
    call: Call,
) -> Error {
    // The SDK's error is not kept as the source: its Debug output contains whole answers, which may hold credentials.
    match error {
        SdkError::TimeoutError(_) => deadline(place),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => deadline(place),
        SdkError::DispatchFailure(failure) => match transport_error(failure.as_connector_error()) {
            Some(cause) => TransportError::new(cause.kind, cause.message.as_str()).into_error(Stage::Exchange, place),
            None => Error::new(ErrorKind::Network, Stage::Exchange, format!("no connection to {place}")),
        },
        SdkError::ConstructionFailure(_) => {
            Error::new(ErrorKind::InvalidArgument, Stage::Exchange, format!("cannot send a request to {place}"))
        }
        _ => from_answer(error, place, server_time, call),
    }
}

fn deadline(place: &str) -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::Exchange, format!("{place} did not answer in time"))
        .with_hint("try again; the assertion can be used for 5 minutes")
}

fn transport_error(error: Option<&ConnectorError>) -> Option<&TransportError> {
    std::error::Error::source(error?)?.downcast_ref()
}

/// Converts an answer of STS. The codes are those of the API reference and its common errors.
fn from_answer<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
    place: &str,
    server_time: Option<Timestamp>,
    call: Call,
) -> Error {
    let status = error.raw_response().map_or(0, |raw| raw.status().as_u16());
    let Some(code) = error.code() else {
        return Error::new(
            ErrorKind::StsUnavailable,
            Stage::Exchange,
            format!("{place} answered with HTTP status {status} and without an error of STS"),
        )
        .with_hint("try again; if the error persists, a proxy may answer in its place");
    };
    let said = error.message().unwrap_or_default();
    let (kind, hint) = remedy(code, said, status, call);
    let said = if said.is_empty() { String::new() } else { format!(": {}", excerpt(said)) };
    let refusal = Error::new(kind, Stage::Exchange, format!("AWS STS refused ({}){said}", excerpt(code)));
    let request_id = error.request_id().filter(|id| is_request_id(id)).map(str::to_owned);
    let sts = StsFailure { code: Some(excerpt(code).into_owned()), request_id, server_time };
    refusal.with_hint(hint).with_sts(sts)
}

/// Returns the error kind and the hint for a code of STS.
fn remedy(code: &str, said: &str, status: u16, call: Call) -> (ErrorKind, &'static str) {
    match code {
        "AccessDenied" | "AccessDeniedException" if call == Call::AssumeRole => (
            ErrorKind::AccessDenied,
            "the previous role needs `sts:AssumeRole` (and `sts:TagSession`, `sts:SetSourceIdentity`), and the trust policy of this role must allow the previous role, with the external id if it requires one",
        ),
        "ExpiredTokenException" | "ExpiredToken" if call == Call::GetCallerIdentity => {
            (ErrorKind::AssertionExpired, "these credentials have expired: get new ones")
        }
        "InvalidClientTokenId" | "SignatureDoesNotMatch" if call == Call::GetCallerIdentity => {
            (ErrorKind::StsValidation, "AWS does not know these credentials: get new ones")
        }
        "ExpiredTokenException" | "ExpiredToken" => {
            (ErrorKind::AssertionExpired, "sign in again: STS accepts an assertion for 5 minutes after it was issued")
        }
        "IDPRejectedClaim" => (
            ErrorKind::ClaimRejected,
            "sign in again; the administrator of the identity provider can say why it rejects the claim",
        ),
        "InvalidIdentityToken" => (
            ErrorKind::InvalidIdentityToken,
            "the IAM administrator compares the SAML provider's metadata with the identity provider's: issuer, certificate, audience; `tempaccess inspect` shows the assertion's side",
        ),
        "MalformedPolicyDocument" => {
            (ErrorKind::MalformedPolicy, "correct the session policy: its version, actions, resources and conditions")
        }
        "PackedPolicyTooLarge" => (
            ErrorKind::PackedPolicyTooLarge,
            "shorten the session policy or send fewer session tags: STS packs both into one limit",
        ),
        "RegionDisabledException" => (
            ErrorKind::RegionDisabled,
            "choose another region with `--region`, or an IAM administrator activates STS there (IAM, account settings)",
        ),
        "AccessDenied" | "AccessDeniedException" => (
            ErrorKind::AccessDenied,
            "the IAM administrator checks that the role exists, that its trust policy allows `sts:AssumeRoleWithSAML` for this SAML provider, and the policy's conditions",
        ),
        "ValidationError" if said.contains("MaxSessionDuration") => (
            ErrorKind::DurationAboveRoleMaximum,
            "ask for a shorter session, or the IAM administrator raises the role's maximum session duration",
        ),
        "ValidationError" => {
            (ErrorKind::StsValidation, "check the role, the provider, the duration and the session policies")
        }
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" => {
            (ErrorKind::StsThrottled, "wait a moment and try again; the assertion can be used for 5 minutes")
        }
        _ if status >= 500 => (ErrorKind::StsUnavailable, "try again, or choose another region with `--region`"),
        _ => (ErrorKind::StsValidation, "see the STS API reference for this code"),
    }
}
