//! The services that have a trail, as the settings reach them.

use super::{LookupEvents, QueryRunner};
use crate::config::{Settings, transport};
use crate::error::Result;

impl Settings {
    /// Returns the event history of CloudTrail.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the endpoint is not an `https` URL.
    pub fn event_history(&self) -> Result<LookupEvents> {
        let history = LookupEvents::builder().transport(transport()?);
        match &self.cloudtrail_endpoint_url {
            Some(url) => history.endpoint_url(url).build(),
            None => history.build(),
        }
    }

    /// Returns what runs queries in CloudWatch Logs Insights, Athena and CloudTrail Lake.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if an endpoint is not an `https` URL.
    pub fn query_runner(&self, workgroup: Option<&str>, results: Option<&str>) -> Result<QueryRunner> {
        QueryRunner::builder()
            .transport(transport()?)
            .logs_endpoint_url(self.logs_endpoint_url.clone())
            .athena_endpoint_url(self.athena_endpoint_url.clone())
            .cloudtrail_endpoint_url(self.cloudtrail_endpoint_url.clone())
            .workgroup(workgroup.map(str::to_owned))
            .results(results.map(str::to_owned))
            .build()
    }
}
