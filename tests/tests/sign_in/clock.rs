//! A wall clock that is set while somebody waits: deadlines end when they would have ended, and nothing that is cached
//! lasts longer than AWS granted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tempaccess_core::source::browser::Browser;
use tempaccess_core::source::okta::{Auth, OktaSource};
use tempaccess_core::store::MemoryStore;
use tempaccess_core::{
    AssertionSource, Clock, ErrorKind, RoleQuery, StsExchange, TempAccess, clock::SystemClock, source::AssertionRequest,
};
use tempaccess_sandbox::{PushAnswer, Sandbox, Service, World};
use tempaccess_tests::ada::{asked, push};
use tempaccess_tests::minted::Minted;
use tempaccess_tests::person::{Goer, Patience, Person};

const LOGIN: &str = "alan@example.com";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Changes of the clock with each wait: none, back by a day, ahead by a day.
const CHANGES: [SignedDuration; 3] = [SignedDuration::ZERO, DAY, SignedDuration::from_hours(-24)];

fn org(pipeline: &str) -> Sandbox {
    let mut world = World { pipeline: pipeline.to_owned(), ..World::demo() };
    world.user_mut(LOGIN).unwrap().factors = vec![push(0, PushAnswer::Never, None)];
    Sandbox::start(world).unwrap()
}

#[tokio::test]
async fn a_push_ends_at_its_deadline_whatever_the_wall_clock_does() {
    for (pipeline, auth, polls) in [("v1", Auth::Classic, "/verify"), ("idx", Auth::Idx, "/poll")] {
        let mut counts = Vec::new();
        for change in CHANGES {
            let sandbox = org(pipeline);
            let source =
                OktaSource::builder(sandbox.app_url()).auth(auth).timer(Arc::new(Patience::set_back_by(change)));
            let source = source.approval_timeout(Duration::from_secs(60)).build().unwrap();
            let person = Person::answering(&[LOGIN, "bombe"]);
            let error = source.saml_response(&AssertionRequest::new(&*person)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
            assert_eq!(error.to_string(), "the push was not answered in time");
            counts.push(asked(&sandbox, Service::Okta, polls));
        }
        // Each waits as often as the others: a minute, at two seconds or more a time.
        assert!((6..=32).contains(&counts[0]), "{counts:?}");
        assert!(counts.iter().all(|count| *count == counts[0]), "{counts:?}");
    }
}

#[tokio::test]
async fn device_authorization_ends_at_its_deadline_whatever_the_wall_clock_does() {
    let mut counts = Vec::new();
    for change in CHANGES {
        let sandbox = org("idx");
        let client = World::demo().clients[0].id.clone();
        let source = OktaSource::builder(sandbox.app_url()).auth(Auth::Device).client_id(client);
        let source = source.browser(Browser::new().program("/nowhere/chromium", [""; 0]));
        let source = source.timer(Arc::new(Patience::set_back_by(change))).approval_timeout(Duration::from_secs(60));
        // One who never goes to the page.
        let person = Goer::who(|_| {});
        let error = source.build().unwrap().saml_response(&AssertionRequest::new(&person)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
        counts.push(asked(&sandbox, Service::Okta, "/oauth2/v1/token"));
    }
    assert!((2..=61).contains(&counts[0]) && counts.iter().all(|count| *count == counts[0]), "{counts:?}");
}

/// A wall clock that is set by hand.
#[derive(Debug)]
struct ByHand(Mutex<Timestamp>);

impl Clock for ByHand {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test]
async fn cached_credentials_last_no_longer_than_aws_granted() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let true_time = SystemClock.now();
    let minutes = SignedDuration::from_mins;
    // How far this machine's clock is off when the credentials are issued, how far afterwards, how long after they were
    // issued somebody asks, and whether the cached ones will do.
    for (off_then, off_now, later, is_fresh) in [
        (minutes(0), minutes(0), minutes(0), true),
        (minutes(0), minutes(0), minutes(43), true),
        (minutes(0), minutes(0), minutes(45), false),
        // Set back after they were issued.
        (minutes(0), -DAY, minutes(0), false),
        (minutes(0), -DAY, minutes(61), false),
        (minutes(0), minutes(-90), minutes(80), false),
        // Behind all the time: AWS's expiration seems to be far away.
        (-DAY, -DAY, minutes(43), true),
        (-DAY, -DAY, minutes(45), false),
        (-DAY, -DAY, minutes(600), false),
        // Set right, or ahead, after they were issued.
        (-DAY, minutes(0), minutes(1), false),
        (minutes(0), DAY, minutes(1), false),
    ] {
        let clock = Arc::new(ByHand(Mutex::new(true_time + off_then)));
        let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
        let source = Cached(Minted::by(&sandbox, "ada@example.com", |_| {}));
        let access = TempAccess::builder(source, sts)
            .role(RoleQuery::new().role("111122223333/ReadOnly"))
            .store(Arc::new(MemoryStore::new()))
            .clock(clock.clone())
            .build();
        access.credentials().await.unwrap();
        *clock.0.lock().unwrap() = true_time + off_now + later;
        assert_eq!(access.cached().is_some(), is_fresh, "{off_then:#} {off_now:#} {later:#}");
    }
}

/// A source whose credentials are cached.
#[derive(Debug)]
struct Cached(Minted);

#[async_trait::async_trait]
impl AssertionSource for Cached {
    fn describe(&self) -> String {
        self.0.describe()
    }

    fn identity(&self) -> Option<String> {
        Some("test".to_owned())
    }

    async fn saml_response(
        &self,
        request: &AssertionRequest<'_>,
    ) -> tempaccess_core::Result<tempaccess_core::SamlResponse> {
        self.0.saml_response(request).await
    }
}
