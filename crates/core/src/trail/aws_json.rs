//! Services of AWS that are called with JSON ("AWS JSON 1.1 protocol", Smithy).

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock::{Clock, SystemClock};
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage, StsFailure};
use crate::net::{HttpTransport, SignedCall, Transport, Unsigned, secure_url};
use crate::text::excerpt;

/// A service, as messages, hosts, signatures, requests and policies name it.
#[derive(Debug)]
pub(super) struct Service {
    /// `CloudTrail`.
    pub(super) title: &'static str,
    /// `cloudtrail`: in hosts, signatures and actions.
    pub(super) name: &'static str,
    /// What the header `x-amz-target` has before the name of an operation.
    pub(super) target: &'static str,
}

/// How services are reached.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    /// The delay before a throttled call is repeated.
    pub(super) pause: Duration,
    pub(super) attempts: u32,
}

impl Default for Connection {
    fn default() -> Self {
        let transport = Arc::new(HttpTransport::default());
        Self { transport, clock: Arc::new(SystemClock), pause: Duration::from_secs(1), attempts: 5 }
    }
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "__type")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

impl Service {
    /// Checks another address for the service.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if it is not an `https` URL, or `http` on loopback.
    pub(super) fn check_endpoint(&self, url: Option<&str>) -> Result<()> {
        url.map_or(Ok(()), |url| secure_url(&format!("the {} endpoint", self.title), url).map(drop))
    }

    /// Calls an operation, and repeats it after a transient failure.
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_unavailable`, `network`.
    pub(super) async fn call<A: DeserializeOwned>(
        &self,
        connection: &Connection,
        credentials: &SessionCredentials,
        (region, endpoint_url): (&str, Option<&str>),
        operation: &str,
        body: &serde_json::Value,
    ) -> Result<A> {
        let url = endpoint_url.map_or_else(
            || {
                let is_china = credentials.role.partition() == "aws-cn";
                let suffix = if is_china { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{}.{region}.{suffix}/", self.name)
            },
            str::to_owned,
        );
        let target = format!("{}.{operation}", self.target);
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let body = serde_json::to_vec(body).unwrap_or_default();
        let request = Unsigned { service: self.name, region, url: &url, headers: &headers, body };
        let mut call = SignedCall::new(request, credentials, &*connection.transport, &*connection.clock);
        let mut attempt = 1;
        loop {
            let title = format!("AWS {}", self.title);
            let answer = call.send().await?.map_err(|error| error.into_error(Stage::Grant, &title))?;
            if answer.is_success() {
                return serde_json::from_slice(&answer.body).map_err(|_| self.unreadable(operation));
            }
            let status = answer.status;
            let refusal: Option<Refusal> = serde_json::from_slice(&answer.body).ok();
            let code = refusal.as_ref().and_then(|refusal| refusal.code.clone()).unwrap_or_default();
            let code = code.rsplit('#').next().unwrap_or_default().to_owned();
            if status >= 500 || !call.takes_time_of(&answer) {
                if attempt >= connection.attempts || !is_transient(&code, status) {
                    return Err(self.refused(operation, &code, refusal.and_then(|refusal| refusal.message), status));
                }
                tokio::time::sleep(connection.pause).await;
            }
            attempt += 1;
        }
    }

    fn unreadable(&self, operation: &str) -> Error {
        let title = self.title;
        let message = format!("the answer to {operation} is not one of {title}");
        Error::new(ErrorKind::IamUnavailable, Stage::Grant, message)
            .with_hint(format!("check what answers at the {title} endpoint"))
    }

    fn refused(&self, operation: &str, code: &str, message: Option<String>, status: u16) -> Error {
        let title = self.title;
        let (kind, hint) = match code {
            "AccessDeniedException" | "AccessDenied" => {
                (ErrorKind::IamRefused, format!("the role that you signed in with needs `{}:{operation}`", self.name))
            }
            _ if is_transient(code, status) => (ErrorKind::IamUnavailable, "wait a moment and try again".to_owned()),
            "" => (ErrorKind::IamUnavailable, format!("check what answers at the {title} endpoint")),
            _ => (ErrorKind::IamRefused, format!("see the {title} API reference for this code")),
        };
        let said = message.map(|message| format!(": {}", excerpt(&message))).unwrap_or_default();
        let code = if code.is_empty() { format!("HTTP status {status}") } else { excerpt(code).into_owned() };
        Error::new(kind, Stage::Grant, format!("AWS {title} refused {operation} ({code}){said}"))
            .with_hint(hint)
            .with_sts(StsFailure { code: Some(code), request_id: None, server_time: None })
    }
}

/// Whether a failure is transient.
fn is_transient(code: &str, status: u16) -> bool {
    let busy = ["Throttling", "TooManyRequests", "LimitExceeded", "ServiceUnavailable"];
    status >= 500 || busy.iter().any(|prefix| code.starts_with(prefix))
}
