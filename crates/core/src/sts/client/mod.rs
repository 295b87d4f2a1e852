//! AWS STS itself.

mod connector;
mod refusal;
mod region;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sdk_sts::error::ProvideErrorMetadata;
use aws_sdk_sts::operation::RequestId;
use aws_sdk_sts::types::{AssumedRoleUser, Credentials, PolicyDescriptorType, Tag};
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use jiff::Timestamp;

use self::connector::{Connector, ServerDate};
use self::refusal::{Call, refusal};
use self::region::default_region;
use super::judge::{Expected, check};
use super::{CallerIdentity, ChainRequest, ExchangeRequest, StsAnswer, TokenExchange};
use crate::arn::{PolicyArn, RoleArn, is_region, partition_of_region};
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{HttpTransport, Transport, secure_url};
use crate::scope::SessionDuration;

/// Calls AWS STS: AssumeRoleWithSAML, an unsigned request that needs no AWS credentials, and AssumeRole for chained roles.
///
/// Retries throttled requests, server errors and lost connections with backoff, within one deadline.
///
/// ```no_run
/// use tempaccess_core::StsExchange;
///
/// let sts = StsExchange::builder().region("eu-west-1").build()?;
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug)]
pub struct StsExchange {
    settings: StsExchangeBuilder,
}

/// Builds an [`StsExchange`].
#[derive(Debug, Clone)]
pub struct StsExchangeBuilder {
    region: Option<String>,
    endpoint_url: Option<String>,
    transport: Arc<dyn Transport>,
    attempts: u32,
    initial_backoff: Duration,
    deadline: Duration,
}

impl StsExchangeBuilder {
    /// Sets the region whose STS is called. Default: the first region of the role's partition.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets the URL of the STS endpoint, for a VPC endpoint or a test double (`http` on loopback only).
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

    /// Sets how often a request is sent at most, and the first wait before a retry, which doubles each time. Default: 4
    /// attempts, 200 ms.
    #[must_use]
    pub fn retry(mut self, attempts: u32, initial_backoff: Duration) -> Self {
        self.attempts = attempts.max(1);
        self.initial_backoff = initial_backoff;
        self
    }

    /// Sets the timeout of one exchange, retries included. Default: 60 s.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Builds the exchange.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the endpoint is not an `https` URL or the region is invalid.
    pub fn build(self) -> Result<StsExchange> {
        if let Some(url) = &self.endpoint_url {
            secure_url("the STS endpoint", url)?;
        }
        if let Some(region) = self.region.as_deref().filter(|region| !is_region(region)) {
            let message = format!("invalid region `{region}`");
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
                .with_hint("a region looks like `eu-west-1`"));
        }
        Ok(StsExchange { settings: self })
    }
}

/// The timeout of a reachability check.
const REACH_TIMEOUT: Duration = Duration::from_secs(10);

impl StsExchange {
    /// Returns a builder.
    pub fn builder() -> StsExchangeBuilder {
        StsExchangeBuilder {
            region: None,
            endpoint_url: None,
            transport: Arc::new(HttpTransport::default()),
            attempts: 4,
            initial_backoff: Duration::from_millis(200),
            deadline: Duration::from_secs(60),
        }
    }

    /// Checks that STS is reachable and returns its time: calls GetCallerIdentity without credentials, which STS refuses.
    ///
    /// # Errors
    ///
    /// What prevented an answer.
    pub async fn reach(&self, partition: &str) -> Result<Option<Timestamp>> {
        let region = self.region_for(partition)?;
        let date = ServerDate::default();
        // A diagnosis reports the present state instead of retrying.
        let once = self.config(region.clone()).retry_config(RetryConfig::disabled()).timeout_config(
            TimeoutConfig::builder().operation_timeout(self.settings.deadline.min(REACH_TIMEOUT)).build(),
        );
        let answer = aws_sdk_sts::Client::from_conf(once.allow_no_auth().build())
            .get_caller_identity()
            .customize()
            .interceptor(date.clone())
            .send()
            .await;
        match answer {
            Err(error) if error.code().is_none() => {
                Err(refusal(&error, &self.endpoint_name(&region), None, Call::AssumeRoleWithSaml))
            }
            _ => Ok(date.get()),
        }
    }

    /// Returns the region to call for a role of this partition.
    fn region_for(&self, partition: &str) -> Result<String> {
        let Some(region) = &self.settings.region else { return default_region(partition).map(str::to_owned) };
        if self.settings.endpoint_url.is_none() && partition_of_region(region) != partition {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Exchange,
                format!("the role belongs to the partition `{partition}`, and the region `{region}` does not"),
            )
            .with_hint("name a region of that partition, or none"));
        }
        Ok(region.clone())
    }

    /// Names the endpoint in messages.
    fn endpoint_name(&self, region: &str) -> String {
        self.settings.endpoint_url.clone().unwrap_or_else(|| format!("AWS STS in {region}"))
    }

    fn config(&self, region: String) -> aws_sdk_sts::config::Builder {
        let connector = SharedHttpConnector::new(Connector(Arc::clone(&self.settings.transport)));
        let config = aws_sdk_sts::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(self.settings.attempts)
                    .with_initial_backoff(self.settings.initial_backoff),
            )
            .timeout_config(TimeoutConfig::builder().operation_timeout(self.settings.deadline).build());
        match &self.settings.endpoint_url {
            Some(url) => config.endpoint_url(url),
            None => config,
        }
    }
}

fn policies(arns: &[PolicyArn]) -> Option<Vec<PolicyDescriptorType>> {
    let policy = |arn: &PolicyArn| PolicyDescriptorType::builder().arn(arn.as_str()).build();
    (!arns.is_empty()).then(|| arns.iter().map(policy).collect())
}

fn sdk_credentials(credentials: &SessionCredentials) -> aws_sdk_sts::config::Credentials {
    aws_sdk_sts::config::Credentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose(),
        Some(credentials.session_token.expose().to_owned()),
        None,
        "tempaccess",
    )
}

fn seconds(duration: SessionDuration) -> i32 {
    i32::try_from(duration.seconds()).unwrap_or(i32::MAX)
}

#[async_trait]
impl TokenExchange for StsExchange {
    async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer> {
        let role = request.offer.role();
        let region = self.region_for(role.partition())?;
        let date = ServerDate::default();
        let answer = aws_sdk_sts::Client::from_conf(self.config(region.clone()).allow_no_auth().build())
            .assume_role_with_saml()
            .role_arn(role.as_str())
            .principal_arn(request.offer.provider().as_str())
            .saml_assertion(request.response.encoded().expose())
            .duration_seconds(seconds(request.duration))
            .set_policy(request.policy.as_ref().map(|policy| policy.as_str().to_owned()))
            .set_policy_arns(policies(&request.policy_arns))
            .customize()
            .interceptor(date.clone())
            .send()
            .await
            .map_err(|error| refusal(&error, &self.endpoint_name(&region), date.get(), Call::AssumeRoleWithSaml))?;
        let request_id = answer.request_id().map(str::to_owned);
        let mut read = read_answer(answer.credentials, answer.assumed_role_user, role, region)?;
        (read.source_identity, read.request_id, read.server_time) = (answer.source_identity, request_id, date.get());
        check(&mut read, &Expected { role, session_name: None, source_identity: None })?;
        Ok(read)
    }

    async fn assume_role(&self, request: &ChainRequest) -> Result<StsAnswer> {
        let region = self.region_for(request.role.partition())?;
        let keys = sdk_credentials(&request.by);
        let mut tags = Vec::with_capacity(request.tags.len());
        for (key, value) in &request.tags {
            let tag =
                Tag::builder().key(key).value(value).build().map_err(|_| {
                    Error::new(ErrorKind::InvalidScope, Stage::Exchange, "a session tag is not complete")
                })?;
            tags.push(tag);
        }
        let keys_on = (!request.transitive_tag_keys.is_empty()).then(|| request.transitive_tag_keys.clone());
        let date = ServerDate::default();
        let answer = aws_sdk_sts::Client::from_conf(self.config(region.clone()).credentials_provider(keys).build())
            .assume_role()
            .role_arn(request.role.as_str())
            .role_session_name(&request.session_name)
            .set_source_identity(request.source_identity.clone())
            .set_external_id(request.external_id.clone())
            .set_tags((!tags.is_empty()).then_some(tags))
            .set_transitive_tag_keys(keys_on)
            .duration_seconds(seconds(request.scope.duration()))
            .set_policy(request.scope.policy().map(|policy| policy.as_str().to_owned()))
            .set_policy_arns(policies(request.scope.policy_arns()))
            .customize()
            .interceptor(date.clone())
            .send()
            .await
            .map_err(|error| refusal(&error, &self.endpoint_name(&region), date.get(), Call::AssumeRole))?;
        let request_id = answer.request_id().map(str::to_owned);
        #[allow(deprecated, reason = "not every endpoint has what replaces it")]
        let used = answer.session_token_utilization().or(answer.packed_policy_size());
        let mut read = read_answer(answer.credentials, answer.assumed_role_user, &request.role, region)?;
        read.token_utilization = used.and_then(|percent| u32::try_from(percent).ok());
        (read.source_identity, read.request_id, read.server_time) = (answer.source_identity, request_id, date.get());
        check(&mut read, &Expected::of_chained(request))?;
        Ok(read)
    }

    async fn caller_identity(&self, credentials: &SessionCredentials) -> Result<CallerIdentity> {
        let region = self.region_for(credentials.role.partition())?;
        let date = ServerDate::default();
        let config = self.config(region.clone()).credentials_provider(sdk_credentials(credentials));
        let answer = aws_sdk_sts::Client::from_conf(config.build())
            .get_caller_identity()
            .customize()
            .interceptor(date.clone())
            .send()
            .await
            .map_err(|error| refusal(&error, &self.endpoint_name(&region), date.get(), Call::GetCallerIdentity))?;
        let text = |value: Option<String>| value.unwrap_or_default();
        let mut caller = CallerIdentity::new(text(answer.arn), text(answer.account), text(answer.user_id));
        caller.server_time = date.get();
        Ok(caller)
    }

    /// Opens the connection: its handshakes take as long as the exchange.
    async fn connect(&self, role: Option<&RoleArn>) {
        let partition = match (role, &self.settings.region) {
            (Some(role), _) => role.partition(),
            (None, Some(region)) => partition_of_region(region),
            (None, None) => "aws",
        };
        let Ok(region) = self.region_for(partition) else { return };
        let endpoint = match &self.settings.endpoint_url {
            Some(url) => url.clone(),
            None => match endpoint_url(&region).await {
                Some(url) => url,
                None => return,
            },
        };
        let origin = endpoint.parse::<http::Uri>().map(http::Uri::into_parts);
        let Ok(http::uri::Parts { scheme: Some(scheme), authority: Some(authority), .. }) = origin else { return };
        if let Ok(origin) = http::Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build() {
            self.settings.transport.connect(&origin).await;
        }
    }

    fn identity(&self) -> String {
        identity(self.settings.region.as_deref(), self.settings.endpoint_url.as_deref())
    }
}

/// The endpoint of STS in this region, by the rules of the SDK.
async fn endpoint_url(region: &str) -> Option<String> {
    let params = Params::builder().region(region).build().ok()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.ok()?;
    Some(endpoint.url().to_owned())
}

/// Returns what distinguishes one exchange of this kind from another: region and endpoint.
pub(crate) fn identity(region: Option<&str>, endpoint_url: Option<&str>) -> String {
    format!("sts {} {}", region.unwrap_or_default(), endpoint_url.unwrap_or_default())
}

fn read_answer(
    keys: Option<Credentials>,
    user: Option<AssumedRoleUser>,
    role: &RoleArn,
    region: String,
) -> Result<StsAnswer> {
    let incomplete = |what: &str| {
        Error::new(ErrorKind::StsUnavailable, Stage::Exchange, format!("the answer of AWS STS has no {what}"))
            .with_hint("check what answers at the STS endpoint")
    };
    // The SDK replaces missing values with empty strings.
    let whole = |keys: &Credentials| {
        [&keys.access_key_id, &keys.secret_access_key, &keys.session_token].iter().all(|text| !text.is_empty())
    };
    let keys = keys.filter(whole).ok_or_else(|| incomplete("credentials"))?;
    let user = user.ok_or_else(|| incomplete("principal"))?;
    let expiration = Timestamp::from_second(keys.expiration.secs()).map_err(|_| incomplete("expiration"))?;
    let mut credentials = SessionCredentials::new(
        keys.access_key_id,
        keys.secret_access_key.into(),
        keys.session_token.into(),
        expiration,
        role.clone(),
    );
    credentials.region = Some(region);
    let mut answer = StsAnswer::new(credentials);
    (answer.assumed_role_arn, answer.assumed_role_id) = (Some(user.arn), Some(user.assumed_role_id));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_endpoints_are_checked() {
        let message = |builder: StsExchangeBuilder| builder.build().unwrap_err().message().to_owned();
        assert_eq!(message(StsExchange::builder().region("evil.example/")), "invalid region `evil.example/`");
        assert_eq!(
            message(StsExchange::builder().endpoint_url("http://sts.example")),
            "the STS endpoint `http://sts.example` must begin with `https://`"
        );
        let exchange = StsExchange::builder().region("cn-north-1").build().unwrap();
        assert_eq!(
            exchange.region_for("aws").unwrap_err().message(),
            "the role belongs to the partition `aws`, and the region `cn-north-1` does not"
        );
    }
}
