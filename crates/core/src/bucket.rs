//! Buckets of S3: `object_store` speaks to them through our [`Transport`], signed with the administrator's session.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use object_store::aws::{AmazonS3Builder, AwsCredential, Checksum};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, CredentialProvider, ObjectStore, RetryConfig};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{Transport, TransportErrorKind, secure_url};
use crate::session::TempAccess;
use crate::text::excerpt;

/// How long one request may take, retries included.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How buckets are reached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BucketAccess {
    /// The region of the bucket.
    pub region: String,
    /// Another address for S3 (`http` on loopback only).
    pub endpoint_url: Option<String>,
    /// The session that signs the requests. It begins when they are first needed.
    pub access: TempAccess,
    /// Sends the requests.
    pub transport: Arc<dyn Transport>,
}

impl BucketAccess {
    /// Reaches buckets of a region with this session.
    pub fn new(region: impl Into<String>, access: TempAccess, transport: Arc<dyn Transport>) -> Self {
        Self { region: region.into(), endpoint_url: None, access, transport }
    }

    /// Sets another address for S3 (`http` on loopback only).
    #[must_use]
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// Returns the bucket of `s3://BUCKET/PREFIX`, and the prefix.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if the address is not one of S3 or the endpoint is not an `https` URL.
    pub(crate) fn open(self, url: &str) -> Result<(Arc<dyn ObjectStore>, Path)> {
        let place = url.strip_prefix("s3://").unwrap_or_default();
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            let message = format!("`{}` is not an address of S3", excerpt(url));
            return Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
                .with_hint("write it as `s3://BUCKET/PREFIX`"));
        }
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(self.region)
            .with_credentials(Arc::new(SessionKeys(self.access)))
            .with_http_connector(Connector::new(self.transport))
            // A bucket with Object Lock accepts only uploads with a checksum.
            .with_checksum_algorithm(Checksum::SHA256)
            .with_retry(RetryConfig {
                backoff: BackoffConfig { init_backoff: Duration::from_millis(200), ..BackoffConfig::default() },
                max_retries: 3,
                retry_timeout: TIMEOUT,
            });
        if let Some(endpoint) = self.endpoint_url {
            let parsed = secure_url("the S3 endpoint", &endpoint)?;
            builder = builder.with_endpoint(endpoint.trim_end_matches('/')).with_allow_http(parsed.scheme() == "http");
        }
        let store = builder.build().map_err(|error| {
            let message = format!("`{}` cannot be opened: {}", excerpt(url), reason(&error));
            Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
        })?;
        Ok((Arc::new(store), Path::from(prefix)))
    }
}

/// Returns an error of the store: a sign-in that failed within as it is, everything else as `failure` words its reason.
pub(crate) fn failed(error: object_store::Error, failure: impl FnOnce(&str) -> Error) -> Error {
    if let object_store::Error::Generic { source, .. } = error {
        return match source.downcast::<Error>() {
            Ok(error) => *error,
            Err(source) => failure(&excerpt(&source.to_string())),
        };
    }
    failure(&reason(&error))
}

/// Whether the sign-in failed, and not the request.
pub(crate) fn is_of_sign_in(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { source, .. } if source.is::<Error>())
}

/// Shortens an error of the store to one line.
fn reason(error: &object_store::Error) -> String {
    let text = error.to_string();
    excerpt(text.lines().next().unwrap_or_default()).into_owned()
}

/// As many pages of a listing in a row as can be empty. A bucket with many deleted objects has some.
const MAX_EMPTY_PAGES: u32 = 100;

/// Connects with our transport.
#[derive(Debug, Clone)]
struct Connector {
    transport: Arc<dyn Transport>,
    empty_pages: Arc<AtomicU32>,
}

impl Connector {
    fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, empty_pages: Arc::default() }
    }

    /// Fails if pages of listings have no names and never end.
    fn count_page(&self, body: &[u8]) -> std::result::Result<(), HttpError> {
        let contains = |text: &str| memchr::memmem::find(body, text.as_bytes()).is_some();
        if contains("<Contents>") || contains("<CommonPrefixes>") || !contains("<IsTruncated>true") {
            self.empty_pages.store(0, Ordering::Relaxed);
            return Ok(());
        }
        if self.empty_pages.fetch_add(1, Ordering::Relaxed) < MAX_EMPTY_PAGES {
            return Ok(());
        }
        let error = std::io::Error::other("the listing has no names and does not end");
        Err(HttpError::new(HttpErrorKind::Unknown, error))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let is_listing = parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "list-type=2"));
        let body = body.collect().await?.to_bytes().to_vec();
        let answer = self.transport.send(http::Request::from_parts(parts, body)).await.map_err(|error| {
            let kind = match error.kind {
                TransportErrorKind::Connect => HttpErrorKind::Connect,
                TransportErrorKind::Timeout => HttpErrorKind::Timeout,
                TransportErrorKind::Interrupted => HttpErrorKind::Interrupted,
                TransportErrorKind::TooLarge | TransportErrorKind::Request => HttpErrorKind::Unknown,
            };
            HttpError::new(kind, error)
        })?;
        if is_listing {
            self.count_page(answer.body())?;
        }
        let answer = if is_listing { answer.map(|body| without_odd_names(&body).unwrap_or(body)) } else { answer };
        Ok(answer.map(HttpResponseBody::from))
    }
}

/// Returns a listing (ListObjectsV2) without the names that cannot be a [`Path`], such as `a//b`: the store fails for all because of
/// one, and everybody who can write to the bucket can choose names. `None` if nothing has to be left out.
fn without_odd_names(listing: &[u8]) -> Option<Vec<u8>> {
    let listing = std::str::from_utf8(listing).ok()?;
    let mut reader = Reader::from_str(listing);
    let (mut kept, mut copied) = (String::new(), 0);
    let (mut depth, mut item, mut name, mut is_odd) = (0, None, None, false);
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                depth += 1;
                match (depth, tag.local_name().as_ref()) {
                    (2, "Contents" | "CommonPrefixes") => (item, is_odd) = (Some(before), false),
                    (3, "Key" | "Prefix") if item.is_some() => {
                        name = Some(usize::try_from(reader.buffer_position()).ok()?);
                    }
                    _ => {}
                }
            }
            Event::End(_) => {
                if let Some(from) = name.take() {
                    let text = listing.get(from..before).and_then(|text| unescape(text).ok());
                    is_odd |= text.is_none_or(|text| Path::parse(text).is_err());
                }
                if depth == 2
                    && let Some(from) = item.take()
                    && is_odd
                {
                    kept.push_str(listing.get(copied..from)?);
                    copied = usize::try_from(reader.buffer_position()).ok()?;
                }
                depth -= 1;
            }
            Event::Eof => break,
            _ => {}
        }
    }
    kept.push_str(listing.get(copied..)?);
    (copied > 0).then(|| kept.into_bytes())
}

/// The credentials of the administrator's session, which signs in when they are first needed.
#[derive(Debug)]
struct SessionKeys(TempAccess);

#[async_trait]
impl CredentialProvider for SessionKeys {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let issued = self
            .0
            .credentials()
            .await
            .map_err(|error| object_store::Error::Generic { store: "S3", source: Box::new(error) })?;
        let keys = issued.answer.credentials;
        Ok(Arc::new(AwsCredential {
            key_id: keys.access_key_id.clone(),
            secret_key: keys.secret_access_key.expose().to_owned(),
            token: Some(keys.session_token.expose().to_owned()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_without_names_ends() {
        #[derive(Debug)]
        struct Unused;
        #[async_trait]
        impl Transport for Unused {
            async fn send(
                &self,
                _: http::Request<Vec<u8>>,
            ) -> std::result::Result<http::Response<Vec<u8>>, crate::net::TransportError> {
                unreachable!()
            }
        }
        let connector = Connector::new(Arc::new(Unused));
        let empty = b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        let names = b"<ListBucketResult><IsTruncated>true</IsTruncated><Contents></Contents></ListBucketResult>";
        for _ in 0..3 {
            assert!((0..MAX_EMPTY_PAGES).all(|_| connector.count_page(empty).is_ok()));
            assert!(connector.count_page(names).is_ok());
        }
        assert!((0..MAX_EMPTY_PAGES).all(|_| connector.count_page(empty).is_ok()));
        assert!(connector.count_page(empty).is_err());
    }

    #[test]
    fn names_that_cannot_be_paths_are_left_out_of_listings() {
        let key = |key: &str| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>");
        let folder = |name: &str| format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>");
        let listing = |parts: &[String]| {
            format!(
                "<?xml version=\"1.0\"?><ListBucketResult><Prefix>a//</Prefix>{}</ListBucketResult>",
                parts.concat()
            )
        };
        let good = [key("g/a/0001.json"), key("g/a/x &amp; y"), folder("g/b/")];
        assert_eq!(without_odd_names(listing(&good).as_bytes()), None);
        let odd = [key("g/a//x"), folder("g//"), key("g/../x"), key("g/a/./x"), key("a&#xA;b"), key("&#x1;&bad;")];
        let [first, second, third] = good.clone();
        let [one, two, rest @ ..] = odd;
        let mixed = listing(&[one, first, two, second, rest.concat(), third]);
        assert_eq!(without_odd_names(mixed.as_bytes()), Some(listing(&good).into_bytes()));
        assert_eq!(without_odd_names(b"<a><b"), None);
    }
}
