//! The AWS SDK for Rust with temporary access as its provider.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::BehaviorVersion;
use aws_sdk_sts::config::{ProvideCredentials, Region};
use aws_smithy_async::time::TimeSource;
use jiff::{SignedDuration, Timestamp};
use tempaccess_core::provider::ProviderError;
use tempaccess_core::store::MemoryStore;
use tempaccess_core::{
    AssertionSource, Clock, ErrorKind, Result, RoleQuery, SamlResponse, SessionScope, StsExchange, TempAccess,
    saml::Limits, session::RefreshableSession, source::AssertionRequest,
};
use tempaccess_sandbox::{Fault, Sandbox, Service, World};
use tokio::task::JoinSet;

/// Mints at the sandbox, and lives in its time.
#[derive(Debug, Clone)]
struct There(Arc<Sandbox>);

#[async_trait::async_trait]
impl AssertionSource for There {
    fn describe(&self) -> String {
        "test".to_owned()
    }

    fn identity(&self) -> Option<String> {
        Some("test".to_owned())
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let claims = self.0.claims_of("alan@example.com").unwrap();
        SamlResponse::detect(self.0.mint(&claims).unwrap().as_bytes(), &Limits::default())
    }
}

impl Clock for There {
    fn now(&self) -> Timestamp {
        self.0.clock().now()
    }

    fn monotonic(&self) -> Duration {
        self.0.clock().now().duration_since(Timestamp::UNIX_EPOCH).unsigned_abs()
    }
}

impl TimeSource for There {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.clock().now().as_second() as u64)
    }
}

#[tokio::test]
async fn the_sdk_renews_through_an_expiry() {
    let sandbox = Arc::new(Sandbox::start(World::demo()).unwrap());
    let there = There(Arc::clone(&sandbox));
    let access =
        TempAccess::builder(there.clone(), StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap())
            .role(RoleQuery::new().role("ReadOnly"))
            .store(Arc::new(MemoryStore::new()))
            .clock(Arc::new(there.clone()))
            .build();
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("us-east-1"))
        .endpoint_url(sandbox.sts_url())
        .time_source(there)
        .credentials_provider(access)
        .load()
        .await;
    let client = aws_sdk_sts::Client::new(&config);
    let issued = || {
        let is_it = |what: &str| what == "AssumeRoleWithSAML";
        sandbox.requests().iter().filter(|request| request.service == Service::Sts && is_it(&request.what)).count()
    };
    for hours in 1..=3 {
        for _ in 0..5 {
            let answer = client.get_caller_identity().send().await.unwrap();
            assert_eq!(answer.arn(), Some("arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com"));
            assert_eq!(issued(), hours);
        }
        sandbox.clock().advance(SignedDuration::from_mins(61));
    }
}

#[tokio::test]
async fn what_the_sdk_shows_of_an_error_includes_the_hint() {
    let sandbox = Arc::new(Sandbox::start(World::demo()).unwrap());
    let there = There(Arc::clone(&sandbox));
    let exchange = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let access = TempAccess::builder(there, exchange).role(RoleQuery::new().role("Owner")).build();
    let error = access.provide_credentials().await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    let provider_error = source.downcast_ref::<ProviderError>().unwrap();
    assert_eq!(provider_error.error().kind(), ErrorKind::RoleNotOffered);
    let hint = provider_error.error().hint().unwrap();
    assert_eq!(source.to_string(), format!("{}\nhint: {hint}", provider_error.error().message()));
}

#[tokio::test]
async fn a_program_without_a_cache_signs_in_once_for_many_requests() {
    let sandbox = Arc::new(Sandbox::start(World::demo()).unwrap());
    let there = There(Arc::clone(&sandbox));
    let exchange = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let access = TempAccess::builder(there.clone(), exchange)
        .scope(SessionScope::new("15m".parse().unwrap()))
        .clock(Arc::new(there.clone()))
        .build();
    let session = Arc::new(RefreshableSession::new(access));
    let issued = || sandbox.requests().iter().filter(|request| request.what == "AssumeRoleWithSAML").count();
    for refreshes in 1..=3 {
        let mut callers = JoinSet::new();
        for _ in 0..10 {
            let session = Arc::clone(&session);
            callers.spawn(async move { session.credentials().await.unwrap().answer.credentials.access_key_id });
        }
        // During a refresh, the others get the last session, which is still valid.
        callers.join_all().await;
        assert_eq!(issued(), refreshes);
        let first = session.credentials().await.unwrap().answer.credentials.access_key_id;
        // Fresh until half of the session has passed.
        sandbox.clock().advance(SignedDuration::from_mins(7));
        let again = session.credentials().await.unwrap().answer.credentials;
        assert_eq!(again.access_key_id, first);
        assert_eq!(issued(), refreshes);
        sandbox.clock().advance(SignedDuration::from_mins(1));
    }
    // A refresh that fails does no harm while the last session is valid.
    sandbox.fail_next(Service::Sts, Fault::ErrorPage(403));
    let last = session.credentials().await.unwrap().answer.credentials;
    assert!(last.expiration > Clock::now(&there));
    assert_eq!(issued(), 4);
}
