//! Credentials for the AWS SDK for Rust.
//!
//! ```
//! # use tempaccess_core::config::{Config, Settings};
//! # let mut settings = Settings::default();
//! # settings.source = Some("file:response.html".to_owned());
//! # settings.store = Some("none".to_owned());
//! # let access = settings.access(&Config::default(), None)?.build();
//! // The SDK signs in with its first request, and again before the credentials expire.
//! let config = aws_config::SdkConfig::builder()
//!     .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(access))
//!     .build();
//! assert!(config.credentials_provider().is_some());
//! # Ok::<(), tempaccess_core::Error>(())
//! ```

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};

use crate::credentials::SessionCredentials;
use crate::error::{Error, Fault};
use crate::session::TempAccess;
use crate::setting_names::SettingNames;

impl From<&SessionCredentials> for Credentials {
    fn from(credentials: &SessionCredentials) -> Self {
        Self::builder()
            .access_key_id(&credentials.access_key_id)
            .secret_access_key(credentials.secret_access_key.expose())
            .session_token(credentials.session_token.expose())
            .expiry(UNIX_EPOCH + Duration::from_secs(u64::try_from(credentials.expiration.as_second()).unwrap_or(0)))
            .account_id(credentials.account_id())
            .provider_name("tempaccess")
            .build()
    }
}

/// Provides credentials to the AWS SDK for Rust, which requests new ones before they expire.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use tempaccess_core::{RoleQuery, StsExchange, TempAccess, source::okta::OktaSource};
///
/// let okta = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1b2c3d4E5f6G7h8i9/272").build()?;
/// let access = TempAccess::builder(okta, StsExchange::builder().build()?).role(RoleQuery::new().role("ReadOnly"));
/// let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).credentials_provider(access.build()).load().await;
/// # Ok(())
/// # }
/// ```
impl ProvideCredentials for TempAccess {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            match self.credentials().await {
                Ok(issued) => Ok(Credentials::from(&issued.answer.credentials)),
                Err(error) => Err(unavailable(error)),
            }
        })
    }
}

fn unavailable(error: Error) -> CredentialsError {
    let fault = error.fault();
    let error = ProviderError(error);
    match fault {
        Fault::Caller => CredentialsError::invalid_configuration(error),
        _ => CredentialsError::provider_error(error),
    }
}

/// The source of the SDK's [`CredentialsError`]. Its text includes the hint, because programs show only the text.
#[derive(Debug)]
pub struct ProviderError(Error);

impl ProviderError {
    /// The error.
    pub fn error(&self) -> &Error {
        &self.0
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = SettingNames::Profile.report(&self.0);
        f.write_str(&report.message)?;
        match report.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ProviderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
