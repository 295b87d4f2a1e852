//! Where the events of CloudTrail are, and how they are read.

use std::path::PathBuf;
use std::sync::Arc;

use super::Auditor;
use crate::background::run_blocking;
use crate::error::Result;
use crate::grants::Grants;
use crate::net::{HttpTransport, Transport};
use crate::trail::{
    LookupEvents, QueryEngine, QueryRunner, TrailBucket, TrailEvent, TrailFiles, TrailQuery, put_in_order,
};

/// Where the events of CloudTrail are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrailPlace {
    /// The event history of the account.
    History,
    /// A folder with the files of a trail.
    Folder(PathBuf),
    /// The bucket of a trail: `s3://BUCKET/PREFIX`.
    Bucket(String),
    /// A query engine.
    Engine(QueryEngine),
}

impl TrailPlace {
    /// The files of a trail, in a folder or a bucket.
    pub(super) fn files(place: String) -> Self {
        if place.starts_with("s3://") { Self::Bucket(place) } else { Self::Folder(PathBuf::from(place)) }
    }
}

/// Options of a query: where it is sent, and how.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PlaceOptions<'a> {
    pub(super) regions: &'a [String],
    pub(super) workgroup: Option<&'a str>,
    pub(super) results: Option<&'a str>,
}

impl Grants {
    /// Returns what the event histories of these regions have about a query, oldest first. `report` gets the number of pages of
    /// each region.
    ///
    /// # Errors
    ///
    /// As [`LookupEvents::events`], and errors of the sign-in.
    pub async fn look_up(
        &self,
        history: &LookupEvents,
        regions: &[String],
        query: &TrailQuery,
        mut report: impl FnMut(&str, u32),
    ) -> Result<Vec<TrailEvent>> {
        let administrator = self.administrator().await?;
        let mut events = Vec::new();
        for region in regions {
            let found = history.events(administrator.credentials(), region, query, |pages| report(region, pages));
            events.append(&mut found.await?);
        }
        put_in_order(&mut events);
        Ok(events)
    }

    /// Runs a query in these regions' engines with the administrator's session, and returns the events in order.
    ///
    /// # Errors
    ///
    /// As [`QueryRunner::events`], and errors of the sign-in.
    pub async fn run_query(
        &self,
        runner: &QueryRunner,
        regions: &[String],
        engine: &QueryEngine,
        query: &TrailQuery,
    ) -> Result<Vec<TrailEvent>> {
        let administrator = self.administrator().await?;
        let mut events = Vec::new();
        for region in regions {
            events.append(&mut runner.events(administrator.credentials(), region, engine, query).await?);
        }
        put_in_order(&mut events);
        Ok(events)
    }
}

impl Auditor<'_> {
    /// Returns the events of a place that fit a query. `progress` gets a line from time to time.
    pub(super) async fn events_of(
        &self,
        place: &TrailPlace,
        query: &TrailQuery,
        options: PlaceOptions<'_>,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Vec<TrailEvent>> {
        let settings = self.settings;
        match place {
            TrailPlace::Folder(folder) => {
                let (folder, query) = (folder.clone(), query.clone());
                run_blocking(move || TrailFiles::find(&folder)?.events(&query)).await
            }
            TrailPlace::Bucket(url) => {
                let transport: Arc<dyn Transport> = Arc::new(HttpTransport::builder().ca_files_from_env().build()?);
                let region = options.regions.first().cloned();
                let access = settings.bucket_access(url, region, self.grants.access(), transport)?;
                let report = |done: usize, of: usize| {
                    if done.is_multiple_of(500) {
                        progress(&format!("{done} of {of} files"));
                    }
                };
                TrailBucket::open(url, access)?.events(query, report).await
            }
            TrailPlace::History => {
                let regions = self.regions(options.regions);
                let report = |region: &str, pages: u32| {
                    if pages.is_multiple_of(10) {
                        progress(&format!("{region}: {pages} pages"));
                    }
                };
                self.grants.look_up(&settings.event_history()?, &regions, query, report).await
            }
            TrailPlace::Engine(engine) => {
                let runner = settings.query_runner(options.workgroup, options.results)?;
                let regions = self.engine_regions(options.regions)?;
                self.grants.run_query(&runner, &regions, engine, query).await
            }
        }
    }

    /// The regions whose event history is asked: events of IAM are in us-east-1 only.
    fn regions(&self, named: &[String]) -> Vec<String> {
        if !named.is_empty() {
            return named.to_vec();
        }
        let mut regions: Vec<String> = self.settings.aws_region().into_iter().collect();
        regions.push("us-east-1".to_owned());
        regions.dedup();
        regions
    }

    /// The regions whose engine is asked: a trail delivers the events of all regions to one.
    fn engine_regions(&self, named: &[String]) -> Result<Vec<String>> {
        if !named.is_empty() {
            return Ok(named.to_vec());
        }
        Ok(vec![self.settings.required_region("the query engine")?])
    }
}
