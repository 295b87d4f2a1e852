//! `tempaccess setup verify`: what grants rely on is tried in a scratch account, and nothing is left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use tempaccess_core::StsExchange;
use tempaccess_core::doctor::CheckOutcome;
use tempaccess_core::iam::IamClient;
use tempaccess_core::net::{HttpTransport, Transport, TransportError};
use tempaccess_core::setup::{Assumption, SCRATCH_PATH, ScratchAccount, SetupVerification};
use tempaccess_core::sts::IssuedSession;
use tempaccess_core::trail::LookupEvents;
use tempaccess_core::{Clock, clock::Timer};
use tempaccess_sandbox::World;
use tempaccess_tests::contractor::{CONFIG, Person};
use tempaccess_tests::office::{ADMIN, Office, SharedClock};

/// What the administrator of a scratch account needs.
const RIGHTS: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["iam:ListRoles","cloudtrail:LookupEvents"],"Resource":"*"},
    {"Effect":"Allow","Action":["iam:CreateRole","iam:DeleteRole","iam:PutRolePolicy","iam:DeleteRolePolicy","iam:ListRolePolicies",
      "sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],
     "Resource":"arn:aws:iam::111122223333:role/tempaccess-verify/*"}]}"#;

fn scratch_world() -> World {
    let mut world = World::demo();
    let admin = world.roles.iter_mut().find(|role| role.arn == ADMIN).unwrap();
    admin.policies.insert("Scratch".to_owned(), RIGHTS.to_owned());
    world
        .user_mut("alan@example.com")
        .unwrap()
        .roles
        .push(format!("arn:aws:iam::111122223333:saml-provider/Okta,{ADMIN}"));
    world
}

/// Waits by moving the clock.
#[derive(Debug)]
struct Moving(SharedClock);

impl Clock for Moving {
    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }
}

#[async_trait]
impl Timer for Moving {
    async fn sleep(&self, duration: Duration) {
        self.0.0.advance(SignedDuration::try_from(duration).unwrap());
    }
}

/// A network that falls silent after so many requests, as for a program that is killed.
#[derive(Debug)]
struct Silent {
    network: HttpTransport,
    left: AtomicUsize,
    reached: tokio::sync::Notify,
}

impl Silent {
    fn after(requests: usize) -> Arc<Self> {
        Arc::new(Self {
            network: HttpTransport::default(),
            left: AtomicUsize::new(requests),
            reached: tokio::sync::Notify::new(),
        })
    }
}

#[async_trait]
impl Transport for Silent {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            self.reached.notify_one();
            return std::future::pending().await;
        }
        self.network.send(request).await
    }
}

/// The scratch account of an office, over a network.
struct Scratch {
    iam: IamClient,
    exchange: StsExchange,
    history: LookupEvents,
    admin: IssuedSession,
    clock: SharedClock,
}

impl Scratch {
    async fn of(office: &Office, network: Arc<dyn Transport>) -> Self {
        let (url, clock) = (office.sandbox.sts_url(), Arc::new(office.clock.clone()));
        let iam = IamClient::builder().endpoint_url(&url).transport(Arc::clone(&network)).clock(clock.clone());
        let history = LookupEvents::builder().endpoint_url(&url).transport(Arc::clone(&network)).clock(clock);
        Self {
            iam: iam.build().unwrap(),
            exchange: StsExchange::builder().endpoint_url(&url).transport(network).build().unwrap(),
            history: history.interval(Duration::ZERO).build().unwrap(),
            admin: office.access("ada@example.com", ADMIN).credentials().await.unwrap(),
            clock: office.clock.clone(),
        }
    }

    fn account(&self) -> ScratchAccount<'_> {
        let account = ScratchAccount::new(&self.iam, &self.exchange, &self.admin, "us-east-1");
        account.trail(&self.history, "us-east-1").timer(Arc::new(Moving(self.clock.clone())))
    }

    async fn verify(&self) -> SetupVerification {
        self.account().verify(&mut |_| {}).await.unwrap()
    }
}

fn outcome(verified: &SetupVerification, assumption: Assumption) -> (CheckOutcome, Option<u64>) {
    let result = verified.results.iter().find(|result| result.assumption == assumption).unwrap();
    (result.outcome, result.seconds)
}

#[tokio::test]
async fn what_grants_rely_on_holds_and_nothing_is_left() {
    let office = Office::of(scratch_world());
    let before = office.sandbox.iam().roles();
    office.sandbox.iam().delay_changes(SignedDuration::from_secs(4));
    let verified = Scratch::of(&office, Arc::new(HttpTransport::default())).await.verify().await;
    for result in &verified.results {
        assert_eq!(result.outcome, CheckOutcome::Good, "{result:?}");
    }
    assert_eq!((verified.results.len(), verified.removed, verified.failures()), (16, 2, 0));
    assert_eq!(outcome(&verified, Assumption::DenyByTag).1, Some(4));
    assert_eq!(outcome(&verified, Assumption::DatedPolicyEnds).1, Some(0));
    assert_eq!(office.sandbox.iam().roles(), before);
    // The report can be sent to somebody.
    let report = serde_json::to_string(&verified).unwrap();
    for secret in ["111122223333", "ada@example.com", "AccessAdmin", "ASIA"] {
        assert!(!report.contains(secret), "{secret}: {report}");
    }
}

#[tokio::test]
async fn what_does_not_hold_is_reported() {
    let office = Office::of(scratch_world());
    // Changes that never take effect.
    office.sandbox.iam().delay_changes(SignedDuration::from_hours(24));
    let scratch = Scratch::of(&office, Arc::new(HttpTransport::default())).await;
    let verified = scratch.verify().await;
    assert_eq!(outcome(&verified, Assumption::TrustPolicy), (CheckOutcome::Failed, None));
    assert_eq!((verified.results.len(), verified.removed, verified.failures()), (1, 2, 1));
}

/// A network to an account that does not know the variable in the trust policies of granted roles.
#[derive(Debug)]
struct WithoutVariable {
    network: HttpTransport,
    sandbox: Arc<Office>,
}

#[async_trait]
impl Transport for WithoutVariable {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        let creates = request.body().windows(10).any(|part| part == b"CreateRole");
        let answer = self.network.send(request).await;
        let iam = self.sandbox.sandbox.iam();
        for role in iam.roles().into_iter().filter(|role| creates && role.contains(SCRATCH_PATH)) {
            let trust = iam.trust_policy(&role).unwrap();
            iam.set_trust_policy(&role, &trust.replace("RequestTag/TempaccessGrant}", "RequestTag/Unknown}"));
        }
        answer
    }
}

#[tokio::test]
async fn without_the_variable_of_the_trust_policy_the_rest_is_tried() {
    let office = Arc::new(Office::of(scratch_world()));
    let network = WithoutVariable { network: HttpTransport::default(), sandbox: Arc::clone(&office) };
    let verified = Scratch::of(&office, Arc::new(network)).await.verify().await;
    let trust = &verified.results[0];
    assert_eq!((trust.assumption, trust.outcome), (Assumption::TrustPolicy, CheckOutcome::Failed));
    assert!(trust.detail.as_ref().unwrap().contains("`?*+*`"), "{trust:?}");
    assert_eq!((verified.results.len(), verified.removed, verified.failures()), (16, 3, 1), "{verified:?}");
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_step_leaves_nothing_that_the_next_one_does_not_remove() {
    let office = Office::of(scratch_world());
    let before = office.sandbox.iam().roles();
    let mut left_behind = 0;
    for requests in 0.. {
        let network = Silent::after(requests);
        let killed = Scratch::of(&office, network.clone()).await;
        let (account, mut progress) = (killed.account(), |_: &_| {});
        let is_done = tokio::select! {
            verified = account.verify(&mut progress) => verified.is_ok(),
            () = network.reached.notified() => false,
        };
        let left: Vec<_> =
            office.sandbox.iam().roles().into_iter().filter(|role| role.contains(SCRATCH_PATH)).collect();
        left_behind += usize::from(!left.is_empty());
        let removed = Scratch::of(&office, Arc::new(HttpTransport::default())).await.account().clean().await.unwrap();
        assert_eq!(removed.len(), left.len(), "{left:?}");
        assert_eq!(office.sandbox.iam().roles(), before, "after {requests} requests");
        if is_done {
            break;
        }
    }
    assert!(left_behind > 10, "{left_behind}");
}

#[test]
fn an_administrator_names_the_account_twice() {
    let sandbox = tempaccess_sandbox::Sandbox::start(scratch_world()).unwrap();
    let alan = Person::at(&sandbox, CONFIG);
    let verify = |words: &str| alan.run(&format!("setup verify admin --no-trail {words} --output json"));
    for words in ["--account 111122223333", "--account 111122223333 --confirm 444455556666"] {
        assert_eq!(verify(words).code, 2, "{words}");
    }
    let elsewhere = verify("--account 444455556666 --confirm 444455556666");
    assert_ne!(elsewhere.code, 0);
    assert!(elsewhere.stderr.contains("the session is in the account 111122223333"), "{elsewhere}");
    assert!(sandbox.iam().roles().iter().all(|role| !role.contains(SCRATCH_PATH)));
    let cleaned = verify("--account 111122223333 --confirm 111122223333 --clean");
    assert_eq!((cleaned.code, cleaned.stdout.trim()), (0, "[]"), "{cleaned}");
}
