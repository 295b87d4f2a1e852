//! The event history of an account: LookupEvents (CloudTrail API reference), which needs no trail.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::json;

use super::aws_json::{Connection, Service};
use super::event::put_in_order;
use super::{TrailEvent, TrailQuery};
use crate::clock::Clock;
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::Transport;

pub(super) const CLOUDTRAIL: Service = Service {
    title: "CloudTrail",
    name: "cloudtrail",
    target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
};

/// LookupEvents takes two calls a second in each region.
const INTERVAL: Duration = Duration::from_millis(500);
/// How far back the event history goes.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The most pages of one lookup: 50 events each.
const MAX_PAGES: u32 = 400;

/// Reads the event history of an account: management events of the last 90 days, of one region at a time.
///
/// Calls of STS and IAM are in the region that they were sent to; those of IAM are in `us-east-1`.
#[derive(Debug)]
pub struct LookupEvents {
    settings: LookupEventsBuilder,
}

/// Builds [`LookupEvents`].
#[derive(Debug, Clone)]
pub struct LookupEventsBuilder {
    endpoint_url: Option<String>,
    connection: Connection,
    interval: Duration,
}

impl LookupEventsBuilder {
    /// Sets the URL of the endpoint (`http` on loopback only).
    #[must_use]
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// Sets the transport. Default: [`HttpTransport`](crate::net::HttpTransport).
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.connection.transport = transport;
        self
    }

    /// Sets the clock that requests are dated with.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.connection.clock = clock;
        self
    }

    /// Sets the wait between two calls. Default: 500 ms, as AWS asks for.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self.connection.pause = interval.saturating_mul(2);
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the endpoint is not an `https` URL.
    pub fn build(self) -> Result<LookupEvents> {
        CLOUDTRAIL.check_endpoint(self.endpoint_url.as_deref())?;
        Ok(LookupEvents { settings: self })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    events: Vec<Listed>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    cloud_trail_event: Option<String>,
}

impl LookupEvents {
    /// Returns a builder.
    pub fn builder() -> LookupEventsBuilder {
        LookupEventsBuilder { endpoint_url: None, connection: Connection::default(), interval: INTERVAL }
    }

    /// Returns the events of one region that fit a query, oldest first. `report` gets the number of pages so far.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the query has nothing that can be looked up or too many events fit it, `iam_refused`, `iam_unavailable`, `network`.
    pub async fn events(
        &self,
        credentials: &SessionCredentials,
        region: &str,
        query: &TrailQuery,
        mut report: impl FnMut(u32),
    ) -> Result<Vec<TrailEvent>> {
        let lookups = query.lookups();
        if lookups.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, "nothing to look up")
                .with_hint("name a grant, a person, a role, an assertion or an access key"));
        }
        let now = self.settings.connection.clock.now();
        let oldest = now.checked_sub(HISTORY).unwrap_or(now);
        let from = query.from.unwrap_or(oldest).max(oldest);
        let until = query.until.unwrap_or(now).min(now);
        let mut events = Vec::new();
        let mut pages = 0;
        for (key, value) in lookups {
            let mut token = None::<String>;
            loop {
                if pages > 0 {
                    tokio::time::sleep(self.settings.interval).await;
                }
                let mut body = json!({
                    "LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}],
                    "StartTime": from.as_second(),
                    "EndTime": until.as_second(),
                    "MaxResults": 50,
                });
                if let (Some(token), Some(fields)) = (&token, body.as_object_mut()) {
                    fields.insert("NextToken".to_owned(), json!(token));
                }
                let place = (region, self.settings.endpoint_url.as_deref());
                let answer = CLOUDTRAIL.call(&self.settings.connection, credentials, place, "LookupEvents", &body);
                let page: Page = answer.await?;
                pages += 1;
                report(pages);
                let parsed = page.events.iter().filter_map(|listed| listed.cloud_trail_event.as_deref());
                let parsed = parsed.filter_map(|event| TrailEvent::parse(event.as_bytes()));
                events.extend(parsed.filter(|event| query.fits(event)));
                if page.next_token.is_none() || page.next_token == token {
                    break;
                }
                if pages >= MAX_PAGES {
                    return Err(too_many());
                }
                token = page.next_token;
            }
        }
        put_in_order(&mut events);
        Ok(events)
    }
}

/// An audit that leaves something out without a word is worse than none.
fn too_many() -> Error {
    let message =
        format!("more than {} events fit, which are more than the event history is asked for", MAX_PAGES * 50);
    Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
        .with_hint("narrow the period, or query the files of a trail")
}
