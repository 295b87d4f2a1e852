//! The services of AWS that grants need in addition to STS, as the settings reach them.

use std::sync::Arc;

use super::Settings;
use crate::bucket::BucketAccess;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::iam::IamClient;
use crate::net::{HttpTransport, Transport};
use crate::session::TempAccess;
use crate::sts::StsExchange;

/// Returns the transport of all of them.
pub(crate) fn transport() -> Result<Arc<HttpTransport>> {
    Ok(Arc::new(HttpTransport::builder().ca_files_from_env().build()?))
}

impl Settings {
    /// Returns the exchange at STS, over a transport of its own.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the region or the endpoint is not valid.
    pub fn sts_exchange(&self) -> Result<StsExchange> {
        self.exchange(transport()?)
    }

    /// Returns the client of IAM.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the endpoint is not valid.
    pub fn iam_client(&self) -> Result<IamClient> {
        self.iam_over(transport()?)
    }

    pub(crate) fn iam_over(&self, transport: Arc<HttpTransport>) -> Result<IamClient> {
        let iam = IamClient::builder().transport(transport);
        match &self.iam_endpoint_url {
            Some(url) => iam.endpoint_url(url).build(),
            None => iam.build(),
        }
    }

    /// Returns how the bucket at `url` is reached, in its region or else in that of the settings.
    pub(crate) fn bucket_access(
        &self,
        url: &str,
        region: Option<String>,
        access: &TempAccess,
        transport: Arc<dyn Transport>,
    ) -> Result<BucketAccess> {
        // A test double has no regions.
        let of_double = || self.s3_endpoint_url.as_ref().map(|_| "us-east-1".to_owned());
        let region = region.or_else(|| self.aws_region()).or_else(of_double);
        let region = region.map_or_else(|| self.required_region(&format!("`{url}`")), Ok)?;
        Ok(BucketAccess { region, endpoint_url: self.s3_endpoint_url.clone(), access: access.clone(), transport })
    }

    /// As [`aws_region`](Self::aws_region), for something that is in one region.
    pub(crate) fn required_region(&self, of: &str) -> Result<String> {
        self.aws_region().ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, format!("the region of {of} is not set"))
                .with_hint("set `region` in the profile, or `AWS_REGION`")
        })
    }
}
