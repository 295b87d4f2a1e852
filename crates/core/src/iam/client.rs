//! The client of IAM: AWS's query protocol, signed with Signature Version 4, over our transport.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::answer::{self, ErrorAnswer, GetRole, GetRolePolicy, ListAccountAliases, ListRolePolicies, ListRoles};
use super::refusal::{IamCall, is_about_time, is_transient, refusal};
use super::{Iam, IamRole};
use crate::clock::{Clock, SystemClock};
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{Answer, HttpTransport, SignedCall, Transport, Unsigned, secure_url};
use crate::secret::form;

/// The version of the API.
const VERSION: &str = "2010-05-08";
/// The members that are requested in one page of a list: the maximum.
const PAGE: &str = "1000";

/// Calls AWS IAM.
///
/// Retries throttled requests, server errors and lost connections with backoff, within one deadline. A request that AWS
/// refuses for its time is signed again with the time of AWS.
///
/// ```no_run
/// use tempaccess_core::iam::IamClient;
///
/// let iam = IamClient::builder().build()?;
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug)]
pub struct IamClient {
    settings: IamClientBuilder,
}

/// Builds an [`IamClient`].
#[derive(Debug, Clone)]
pub struct IamClientBuilder {
    endpoint_url: Option<String>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    attempts: u32,
    initial_backoff: Duration,
    deadline: Duration,
}

impl IamClientBuilder {
    /// Sets the URL of the endpoint, for partitions without a known one or a test double (`http` on loopback only).
    #[must_use]
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// Sets the transport. Default: [`HttpTransport`].
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = transport;
        self
    }

    /// Sets the clock that requests are dated with.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets how often a request is sent at most, and the first wait before a retry, which doubles each time. Default: 4
    /// attempts, 200 ms.
    #[must_use]
    pub fn retry(mut self, attempts: u32, initial_backoff: Duration) -> Self {
        self.attempts = attempts.max(1);
        self.initial_backoff = initial_backoff;
        self
    }

    /// Sets the timeout of one call, retries included. Default: 60 s.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the endpoint is not an `https` URL.
    pub fn build(self) -> Result<IamClient> {
        if let Some(url) = &self.endpoint_url {
            secure_url("the IAM endpoint", url)?;
        }
        Ok(IamClient { settings: self })
    }
}

/// The endpoint of a partition, and the region that its requests are signed for ("IAM endpoints and quotas", AWS General
/// Reference).
fn endpoint(partition: &str) -> Option<(&'static str, &'static str)> {
    Some(match partition {
        "aws" => ("https://iam.amazonaws.com/", "us-east-1"),
        "aws-cn" => ("https://iam.cn-north-1.amazonaws.com.cn/", "cn-north-1"),
        "aws-us-gov" => ("https://iam.us-gov.amazonaws.com/", "us-gov-west-1"),
        _ => return None,
    })
}

impl IamClient {
    /// Returns a builder.
    pub fn builder() -> IamClientBuilder {
        IamClientBuilder {
            endpoint_url: None,
            transport: Arc::new(HttpTransport::default()),
            clock: Arc::new(SystemClock),
            attempts: 4,
            initial_backoff: Duration::from_millis(200),
            deadline: Duration::from_secs(60),
        }
    }

    fn place(&self, partition: &str) -> Result<(String, &'static str)> {
        let known = endpoint(partition);
        match (&self.settings.endpoint_url, known) {
            (Some(url), known) => Ok((url.clone(), known.map_or("us-east-1", |(_, region)| region))),
            (None, Some((url, region))) => Ok((url.to_owned(), region)),
            (None, None) => {
                let message = format!("no IAM endpoint is known for the partition `{partition}`");
                Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                    .with_hint("set `iam_endpoint_url` in the profile, or `AWS_ENDPOINT_URL_IAM`"))
            }
        }
    }

    /// Returns the alias of the account of these credentials, if it has one (ListAccountAliases).
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_unavailable`.
    pub async fn account_alias(&self, credentials: &SessionCredentials) -> Result<Option<String>> {
        let iam_call = IamCall { action: "ListAccountAliases", name: None };
        Ok(self.call::<ListAccountAliases>(credentials, iam_call, &[]).await?.0.into_alias())
    }

    /// Calls an action and returns the parsed answer, and AWS's time.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        credentials: &SessionCredentials,
        iam_call: IamCall<'_>,
        parameters: &[(&str, &str)],
    ) -> Result<(T, Option<Timestamp>)> {
        let answer = self.send(credentials, iam_call, parameters).await?;
        let parsed = answer::parse(&answer.body).ok_or_else(|| unreadable(iam_call.action))?;
        Ok((parsed, answer.date))
    }

    pub(super) async fn send(
        &self,
        credentials: &SessionCredentials,
        iam_call: IamCall<'_>,
        parameters: &[(&str, &str)],
    ) -> Result<Answer> {
        let deadline = self.settings.deadline;
        let sent = self.send_with_retries(credentials, iam_call, parameters);
        tokio::time::timeout(deadline, sent).await.unwrap_or_else(|_| {
            let seconds = deadline.as_secs();
            let message = format!("AWS IAM did not answer {} within {seconds} s", iam_call.action);
            Err(Error::new(ErrorKind::DeadlineExceeded, Stage::Grant, message).with_hint("try again"))
        })
    }

    async fn send_with_retries(
        &self,
        credentials: &SessionCredentials,
        iam_call: IamCall<'_>,
        parameters: &[(&str, &str)],
    ) -> Result<Answer> {
        let (url, region) = self.place(credentials.role.partition())?;
        let all = [("Action", iam_call.action), ("Version", VERSION)];
        let body = form(all.iter().chain(parameters).copied());
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        let request = Unsigned { service: "iam", region, url: &url, headers: &headers, body };
        let mut call = SignedCall::new(request, credentials, &*self.settings.transport, &*self.settings.clock);
        let mut backoff = self.settings.initial_backoff;
        let mut attempt = 1;
        loop {
            let last = attempt >= self.settings.attempts;
            let error = match call.send().await? {
                Ok(answer) if answer.is_success() => return Ok(answer),
                Ok(answer) => {
                    let refused: Option<ErrorAnswer> = answer::parse(&answer.body);
                    let (code, message) = refused
                        .as_ref()
                        .map_or(("", ""), |refused| (refused.error.code.as_str(), refused.error.message.as_str()));
                    if !last && is_about_time(code, message) && call.takes_time_of(&answer) {
                        attempt += 1;
                        continue;
                    }
                    let retries = is_transient(answer.status, code);
                    let error = refusal(iam_call, &url, answer.status, refused);
                    if !retries {
                        return Err(error);
                    }
                    error
                }
                Err(error) => error.into_error(Stage::Grant, "AWS IAM"),
            };
            if last || error.kind() == ErrorKind::InvalidArgument {
                return Err(error);
            }
            tokio::time::sleep(backoff).await;
            backoff = backoff.saturating_mul(2);
            attempt += 1;
        }
    }

    /// Calls an action that lists, about the role that `iam_call` names, and returns the members of all pages. `read` returns the
    /// members of one, and where the next one begins.
    pub(super) async fn list<T: DeserializeOwned, M>(
        &self,
        credentials: &SessionCredentials,
        iam_call: IamCall<'_>,
        read: impl Fn(T) -> Option<(Vec<M>, Option<String>)>,
    ) -> Result<Vec<M>> {
        let (mut members, mut marker) = (Vec::new(), None::<String>);
        loop {
            let mut parameters = vec![("MaxItems", PAGE)];
            parameters.extend(iam_call.name.map(|role| ("RoleName", role)));
            parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
            let (answer, _) = self.call(credentials, iam_call, &parameters).await?;
            let (page, next) = read(answer).ok_or_else(|| unreadable(iam_call.action))?;
            // Without progress, the pages would never end.
            let ends = next.is_none() || next == marker || page.is_empty();
            members.extend(page);
            if ends {
                return Ok(members);
            }
            marker = next;
        }
    }
}

pub(super) fn unreadable(action: &str) -> Error {
    Error::new(ErrorKind::IamUnavailable, Stage::Grant, format!("the answer to {action} is not one of IAM"))
        .with_hint("check what answers at the IAM endpoint")
}

#[async_trait]
impl Iam for IamClient {
    async fn role(&self, credentials: &SessionCredentials, role: &str) -> Result<IamRole> {
        let iam_call = IamCall { action: "GetRole", name: Some(role) };
        let (answer, date) = self.call::<GetRole>(credentials, iam_call, &[("RoleName", role)]).await?;
        let mut read = answer.into_role().ok_or_else(|| unreadable("GetRole"))?;
        read.server_time = date;
        Ok(read)
    }

    async fn roles(&self, credentials: &SessionCredentials) -> Result<Vec<IamRole>> {
        let iam_call = IamCall { action: "ListRoles", name: None };
        self.list(credentials, iam_call, ListRoles::into_page).await
    }

    async fn role_policies(&self, credentials: &SessionCredentials, role: &str) -> Result<Vec<String>> {
        let iam_call = IamCall { action: "ListRolePolicies", name: Some(role) };
        self.list(credentials, iam_call, |answer: ListRolePolicies| Some(answer.into_page())).await
    }

    async fn role_policy(&self, credentials: &SessionCredentials, role: &str, policy: &str) -> Result<Option<String>> {
        let iam_call = IamCall { action: "GetRolePolicy", name: Some(role) };
        let parameters = [("RoleName", role), ("PolicyName", policy)];
        match self.call::<GetRolePolicy>(credentials, iam_call, &parameters).await {
            Ok((answer, _)) => answer.into_document().map(Some).ok_or_else(|| unreadable("GetRolePolicy")),
            Err(error) if names(&error, policy) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn put_role_policy(
        &self,
        credentials: &SessionCredentials,
        role: &str,
        policy: &str,
        document: &str,
    ) -> Result<()> {
        let iam_call = IamCall { action: "PutRolePolicy", name: Some(role) };
        let parameters = [("RoleName", role), ("PolicyName", policy), ("PolicyDocument", document)];
        self.send(credentials, iam_call, &parameters).await.map(drop)
    }

    async fn delete_role_policy(&self, credentials: &SessionCredentials, role: &str, policy: &str) -> Result<bool> {
        let iam_call = IamCall { action: "DeleteRolePolicy", name: Some(role) };
        match self.send(credentials, iam_call, &[("RoleName", role), ("PolicyName", policy)]).await {
            Ok(_) => Ok(true),
            Err(error) if names(&error, policy) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Whether IAM does not know this policy. It has one code for roles and policies, and names what is missing.
fn names(error: &Error, policy: &str) -> bool {
    error.kind() == ErrorKind::GrantNotFound && error.message().contains(policy)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::net::TransportError;

    /// An IAM whose clock is ten minutes ahead, and which refuses other times.
    #[derive(Debug, Default)]
    struct Ahead(Mutex<Vec<String>>);

    #[async_trait]
    impl Transport for Ahead {
        async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
            let date = request.headers().get("x-amz-date").unwrap().to_str().unwrap().to_owned();
            let is_right = date == "20261125T141000Z";
            self.0.lock().unwrap().push(date);
            let answer = http::Response::builder().header("date", "Wed, 25 Nov 2026 14:10:00 GMT");
            let refusal = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>\
                <Message>Signature expired: 20261125T140000Z is now earlier than 20261125T140500Z</Message></Error></ErrorResponse>";
            let list = "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>a</member></PolicyNames>\
                </ListRolePoliciesResult></ListRolePoliciesResponse>";
            let (status, body) = if is_right { (200, list) } else { (403, refusal) };
            Ok(answer.status(status).body(body.as_bytes().to_vec()).unwrap())
        }
    }

    #[derive(Debug)]
    struct Behind;

    impl Clock for Behind {
        fn now(&self) -> Timestamp {
            "2026-11-25T14:00:00Z".parse().unwrap()
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }
    }

    #[tokio::test]
    async fn a_clock_that_is_off_by_ten_minutes_is_corrected_by_that_of_aws() {
        let transport = Arc::new(Ahead::default());
        let iam = IamClient::builder().transport(transport.clone()).clock(Arc::new(Behind)).build().unwrap();
        let role = "arn:aws:iam::123456789012:role/Admin".parse().unwrap();
        let keys = SessionCredentials::new("ASIAEXAMPLE", "secret".into(), "token".into(), Timestamp::MAX, role);
        assert_eq!(iam.role_policies(&keys, "People").await.unwrap(), ["a"]);
        assert_eq!(*transport.0.lock().unwrap(), ["20261125T140000Z", "20261125T141000Z"]);
    }
}
