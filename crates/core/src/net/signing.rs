//! Signed calls of AWS services that have no client of the SDK here (Signature Version 4).

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use jiff::{SignedDuration, Timestamp};

use super::{Transport, TransportError, http_date};
use crate::clock::Clock;
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};

/// How far AWS's time may differ from this machine's before a signature is refused.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_mins(4);

/// A POST request to sign.
pub(crate) struct Unsigned<'a> {
    /// The service, as signatures name it: `iam`.
    pub(crate) service: &'static str,
    pub(crate) region: &'a str,
    pub(crate) url: &'a str,
    /// Further headers, which are signed.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Vec<u8>,
}

impl Unsigned<'_> {
    /// Signs the request at this time of AWS.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if it cannot be signed.
    fn sign(&self, credentials: &SessionCredentials, at: Timestamp) -> Result<http::Request<Vec<u8>>> {
        let service = self.service;
        let failed = || {
            let message = format!("a request to the AWS service `{service}` cannot be signed");
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
        };
        let identity = Credentials::new(
            &credentials.access_key_id,
            credentials.secret_access_key.expose(),
            Some(credentials.session_token.expose().to_owned()),
            None,
            "tempaccess",
        )
        .into();
        let since = Duration::from_secs(u64::try_from(at.as_second()).map_err(|_| failed())?);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(service)
            .time(SystemTime::UNIX_EPOCH + since)
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| failed())?
            .into();
        let host = http::Uri::try_from(self.url).ok().and_then(|uri| uri.authority().map(ToString::to_string));
        let host = host.ok_or_else(failed)?;
        let signed = self.headers.iter().copied().chain([("host", host.as_str())]);
        let signable = SignableRequest::new("POST", self.url, signed, SignableBody::Bytes(&self.body));
        let (instructions, _) = sign(signable.map_err(|_| failed())?, &parameters).map_err(|_| failed())?.into_parts();
        let request = http::Request::post(self.url);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let mut request = request.body(self.body.clone()).map_err(|_| failed())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// An answer: its status, AWS's time, and its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) date: Option<Timestamp>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// A request that can be sent several times. Each time it is signed for AWS's time, as far as that is known.
pub(crate) struct SignedCall<'a> {
    request: Unsigned<'a>,
    credentials: &'a SessionCredentials,
    transport: &'a dyn Transport,
    clock: &'a dyn Clock,
    /// How far AWS's clock is ahead of this machine's.
    skew: SignedDuration,
}

impl<'a> SignedCall<'a> {
    pub(crate) fn new(
        request: Unsigned<'a>,
        credentials: &'a SessionCredentials,
        transport: &'a dyn Transport,
        clock: &'a dyn Clock,
    ) -> Self {
        Self { request, credentials, transport, clock, skew: SignedDuration::ZERO }
    }

    /// Signs the request and sends it.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if it cannot be signed.
    pub(crate) async fn send(&self) -> Result<Result<Answer, TransportError>> {
        let at = self.clock.now().checked_add(self.skew).map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, "the clock of this machine shows an impossible time")
        })?;
        let answer = self.transport.send(self.request.sign(self.credentials, at)?).await;
        Ok(answer.map(|answer| Answer {
            status: answer.status().as_u16(),
            date: answer.headers().get("date").and_then(|date| http_date(date.to_str().ok()?)),
            body: answer.into_body(),
        }))
    }

    /// Signs for the time of this answer from now on. Returns whether that is another one: it is taken once, and only if this
    /// machine's clock is off by so much that a signature is refused.
    pub(crate) fn takes_time_of(&mut self, answer: &Answer) -> bool {
        let off = answer.date.map_or(SignedDuration::ZERO, |date| date.duration_since(self.clock.now()));
        if !self.skew.is_zero() || off.abs() <= TOLERATED_SKEW {
            return false;
        }
        self.skew = off;
        true
    }
}
