//! Where the events of CloudTrail are, and how they are read.

use std::path::PathBuf;
use std::sync::Arc;

use super::Auditor;
use crate::background::run_blocking;
use crate::error::Result;
use crate::net::{HttpTransport, Transport};
use crate::trail::{QueryEngine, TrailBucket, TrailEvent, TrailFiles, TrailQuery};

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
