//! Okta orgs that answer without end, or with more than anyone needs: every sign-in ends, after a bounded number of
//! requests, and no person is asked to approve a second push.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempaccess_core::net::{Transport, TransportError};
use tempaccess_core::source::browser::Browser;
use tempaccess_core::source::okta::{Auth, OktaSource, OktaSourceBuilder};
use tempaccess_core::{AssertionSource, Clock, Error, ErrorKind, clock::Timer, source::AssertionRequest};
use tempaccess_tests::person::{Goer, Patience, Person};

const ORG: &str = "https://acme.okta.com";
const APP: &str = "https://acme.okta.com/home/amazon_aws/0oa1/272";

/// The answer of a scripted org: status, headers, body.
struct Answer(u16, Vec<(&'static str, String)>, Vec<u8>);

impl Answer {
    fn json(value: Value) -> Self {
        Self(200, Vec::new(), value.to_string().into_bytes())
    }

    fn page(text: &str) -> Self {
        Self(200, Vec::new(), text.as_bytes().to_vec())
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.1.push((name, value.into()));
        self
    }
}

/// A request that an org received.
struct Received {
    path: String,
    body: String,
    cookies: String,
}

type Script = Box<dyn Fn(&str, usize) -> Answer + Send + Sync>;

/// An org that answers as scripted. The script is given the path with its query, and how many requests came before.
struct ScriptedOrg {
    script: Script,
    received: Mutex<Vec<Received>>,
}

impl fmt::Debug for ScriptedOrg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedOrg")
    }
}

impl ScriptedOrg {
    fn new(script: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { script: Box::new(script), received: Mutex::default() })
    }

    fn count(&self, path: &str) -> usize {
        self.received.lock().unwrap().iter().filter(|request| request.path.contains(path)).count()
    }

    fn source(self: &Arc<Self>, auth: Auth) -> OktaSourceBuilder {
        OktaSource::builder(APP)
            .auth(auth)
            .username("ada")
            .password("correct horse".into())
            .client_id("0oa1client")
            .browser(Browser::new().program("/nowhere/chromium", [""; 0]))
            .timer(Arc::new(Patience::default()))
            .transport(self.clone())
    }

    /// Signs in as a person who gives these answers. Returns why that failed.
    async fn fail(self: &Arc<Self>, source: OktaSourceBuilder, answers: &[&str]) -> Error {
        let person = Person::answering(answers);
        source.build().unwrap().saml_response(&AssertionRequest::new(&*person)).await.unwrap_err()
    }
}

#[async_trait]
impl Transport for ScriptedOrg {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        let path = request.uri().path_and_query().unwrap().to_string();
        let cookies = request.headers().get("cookie").map(|cookies| cookies.to_str().unwrap().to_owned());
        let body = String::from_utf8(request.body().clone()).unwrap();
        let mut received = self.received.lock().unwrap();
        let before = received.len();
        received.push(Received { path: path.clone(), body, cookies: cookies.unwrap_or_default() });
        assert!(before < 2_000, "the sign-in does not end: {path}");
        let Answer(status, headers, body) = (self.script)(&path, before);
        let mut answer = http::Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(name, value);
        }
        Ok(answer.body(body).unwrap())
    }
}

fn href(path: &str) -> Value {
    json!({ "href": format!("{ORG}{path}") })
}

const SIGN_IN_PAGE: &str = "<script>var stateToken = '00state';</script>";

/// An answer of the Identity Engine with these steps.
fn steps(steps: Value) -> Answer {
    Answer::json(json!({ "stateHandle": "02handle", "remediation": { "value": steps } }))
}

fn step(name: &str) -> Value {
    json!({ "name": name, "href": format!("{ORG}/idp/idx/{name}"), "value": [] })
}

/// Both forms of each level lead to the next one: a search along both takes time that doubles with each level.
#[tokio::test]
async fn nested_forms_are_searched_once() {
    let mut nested = json!({ "name": "end" });
    for _ in 0..50 {
        nested = json!({ "form": { "value": nested } });
    }
    let org = ScriptedOrg::new(move |path, _| match path {
        "/home/amazon_aws/0oa1/272" => Answer::page(SIGN_IN_PAGE),
        _ => steps(json!([nested.clone()])),
    });
    let error = org.fail(org.source(Auth::Idx), &[]).await;
    assert_eq!(error.kind(), ErrorKind::FactorUnsupported, "{error}");
}

#[tokio::test]
async fn a_sign_in_has_a_bounded_number_of_steps() {
    let idx = ScriptedOrg::new(|path, _| match path {
        "/home/amazon_aws/0oa1/272" => Answer::page(SIGN_IN_PAGE),
        _ => steps(json!([step("skip")])),
    });
    let error = idx.fail(idx.source(Auth::Idx), &[]).await;
    assert_eq!(error.message(), "unexpected answer from Okta's Identity Engine: the sign-in has too many steps");
    assert!(idx.count("/idp/idx/") <= 33);

    let skip =
        json!({ "status": "PASSWORD_WARN", "stateToken": "00s", "_links": { "skip": href("/api/v1/authn/skip") } });
    let classic = ScriptedOrg::new(move |_, _| Answer::json(skip.clone()));
    let error = classic.fail(classic.source(Auth::Classic), &[]).await;
    assert_eq!(error.message(), "unexpected answer from Okta: the transaction has too many states");
    assert!(classic.count("/api/v1/authn") <= 33);

    // An app that asks for one more step each time.
    let app = ScriptedOrg::new(|path, _| match path {
        "/api/v1/authn" => Answer::json(json!({ "status": "SUCCESS", "sessionToken": "20111" })),
        "/idp/idx/introspect" => {
            Answer::json(json!({ "stateHandle": "02handle", "success": href("/login/token/redirect") }))
        }
        _ => Answer::page(SIGN_IN_PAGE),
    });
    for auth in [Auth::Classic, Auth::Idx] {
        let error = app.fail(app.source(auth), &[]).await;
        assert_eq!(error.message(), "the app requires more authentication steps each time");
    }
}

#[tokio::test]
async fn redirects_and_lists_of_apps_end() {
    let circle = ScriptedOrg::new(|path, before| match path {
        "/api/v1/authn" => Answer::json(json!({ "status": "SUCCESS", "sessionToken": "20111" })),
        _ => Answer(302, vec![("location", format!("/next/{before}"))], Vec::new()),
    });
    let error = circle.fail(circle.source(Auth::Classic), &[]).await;
    assert_eq!(error.message(), "Okta redirects too many times");
    assert_eq!(circle.count("/next/"), 9);

    let pages = ScriptedOrg::new(|path, before| match path {
        "/api/v1/authn" => Answer::json(json!({ "status": "SUCCESS", "sessionToken": "20111" })),
        path if path.contains("appLinks") => {
            let next = format!("<{ORG}/api/v1/users/me/appLinks?after={before}>; rel=\"next\"");
            Answer::json(json!([])).with("link", next)
        }
        _ => Answer::page("dashboard"),
    });
    let source = |link: &str| {
        let source = OktaSource::builder(link).auth(Auth::Classic).username("ada").password("correct horse".into());
        source.timer(Arc::new(Patience::default())).transport(pages.clone())
    };
    let error = pages.fail(source(ORG), &[]).await;
    assert_eq!(error.message(), "Okta's list of apps is too long");
    assert_eq!(pages.count("appLinks"), 50);
}

#[tokio::test]
async fn a_rate_limit_that_stays_ends_the_sign_in() {
    let org = ScriptedOrg::new(|_, _| Answer(429, vec![("x-rate-limit-reset", "1".to_owned())], b"{}".to_vec()));
    let error = org.fail(org.source(Auth::Classic), &[]).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(org.count("/api/v1/authn"), 4);
}

fn waiting_push() -> Answer {
    let factor = json!({ "factorType": "push", "provider": "OKTA" });
    Answer::json(json!({
        "status": "MFA_CHALLENGE", "stateToken": "00s", "factorResult": "WAITING", "_embedded": { "factor": factor },
        "_links": { "next": href("/api/v1/authn/factors/f1/verify") },
    }))
}

fn push_offered() -> Answer {
    let links = json!({ "verify": href("/api/v1/authn/factors/f1/verify") });
    let factor = json!({ "factorType": "push", "provider": "OKTA", "_links": links });
    Answer::json(json!({ "status": "MFA_REQUIRED", "stateToken": "00s", "_embedded": { "factors": [factor] } }))
}

fn waiting_idx() -> Answer {
    let mut poll = step("challenge-poll");
    poll["refresh"] = json!(1);
    steps(json!([poll]))
}

/// A timer on which every wait sets the wall clock back by a day. The monotonic clock goes on.
#[derive(Debug)]
struct BackwardClock(Mutex<(Timestamp, Duration)>);

impl Clock for BackwardClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn monotonic(&self) -> Duration {
        self.0.lock().unwrap().1
    }
}

#[async_trait]
impl Timer for BackwardClock {
    async fn sleep(&self, duration: Duration) {
        let mut clocks = self.0.lock().unwrap();
        clocks.0 -= Duration::from_secs(86_400);
        clocks.1 += duration;
    }
}

fn backward_clock() -> Arc<BackwardClock> {
    Arc::new(BackwardClock(Mutex::new((Timestamp::now(), Duration::ZERO))))
}

/// Five minutes at an interval of at least two seconds.
const MOST_POLLS: usize = 150;

#[tokio::test]
async fn polls_end_whatever_the_clock_says() {
    let classic = || {
        ScriptedOrg::new(|path, _| match path {
            "/api/v1/authn" => push_offered(),
            _ => waiting_push(),
        })
    };
    let idx = || {
        ScriptedOrg::new(|path, _| match path {
            "/home/amazon_aws/0oa1/272" => Answer::page(SIGN_IN_PAGE),
            _ => waiting_idx(),
        })
    };
    for (org, auth, poll) in [(classic(), Auth::Classic, "/verify"), (idx(), Auth::Idx, "challenge-poll")] {
        let error = org.fail(org.source(auth).timer(backward_clock()), &[]).await;
        assert_eq!(error.message(), "the push was not answered in time");
        assert!(org.count(poll) <= MOST_POLLS + 1, "{}", org.count(poll));
    }
    // The deadline of the whole sign-in ends a wait that may be longer.
    for (org, auth) in [(classic(), Auth::Classic), (idx(), Auth::Idx)] {
        let error = org.fail(org.source(auth).approval_timeout(Duration::from_secs(86_400)), &[]).await;
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert_eq!(error.message(), "the sign-in took longer than 15 minutes");
    }
}

/// Device authorization with this interval and lifetime, whose token endpoint answers `error` without end.
async fn poll_device(interval: u64, expires_in: u64, error: &'static str) -> (Error, usize, u64) {
    let org = ScriptedOrg::new(move |path, _| match path {
        "/oauth2/v1/device/authorize" => Answer::json(json!({
            "device_code": "d", "user_code": "U", "verification_uri": format!("{ORG}/activate"),
            "expires_in": expires_in, "interval": interval,
        })),
        _ => Answer(400, Vec::new(), json!({ "error": error }).to_string().into_bytes()),
    });
    let timer = Arc::new(Patience::default());
    let before = timer.now();
    let source = org.source(Auth::Device).timer(timer.clone()).build().unwrap();
    let goer = Goer::who(|_| {});
    let failure = source.saml_response(&AssertionRequest::new(&goer)).await.unwrap_err();
    (failure, org.count("/oauth2/v1/token"), timer.now().duration_since(before).unsigned_abs().as_secs())
}

#[tokio::test]
async fn device_authorization_polls_as_slowly_as_it_is_told_and_ends() {
    for (interval, expires_in, error, most_polls) in [
        (5, 600, "authorization_pending", 60),
        // No interval that a server sets makes the client poll without a pause, or wait longer than a person would.
        (0, 4_294_967_295, "authorization_pending", 300),
        (4_294_967_295, 4_294_967_295, "authorization_pending", 5),
        // Five seconds more each time.
        (5, 600, "slow_down", 11),
        (5, 0, "authorization_pending", 0),
    ] {
        let (failure, polls, seconds) = poll_device(interval, expires_in, error).await;
        assert_eq!(failure.kind(), ErrorKind::DeadlineExceeded, "{failure}");
        assert!(polls <= most_polls, "{interval} {error}: {polls}");
        assert!(seconds <= 360, "{interval} {error}: {seconds}");
    }
}

/// An org that answers a push that was not approved by offering the push again.
#[tokio::test]
async fn a_push_that_was_not_approved_is_not_sent_again() {
    let classic = ScriptedOrg::new(|path, before| match path {
        "/api/v1/authn" => push_offered(),
        _ if before < 4 => waiting_push(),
        _ => push_offered(),
    });
    let error = classic.fail(classic.source(Auth::Classic), &[]).await;
    assert_eq!(error.kind(), ErrorKind::FactorFailed);
    assert!(error.message().ends_with("no other push was sent"), "{error}");
    // One to send it, and three polls.
    assert_eq!(classic.count("/verify"), 4);

    let select = || {
        let fields = json!([{ "name": "id", "value": "a1" }, { "name": "methodType", "value": "push" }]);
        let option = json!({ "label": "Okta Verify", "value": { "form": { "value": fields } } });
        let mut select = step("select-authenticator-authenticate");
        select["value"] = json!([{ "name": "authenticator", "options": [option] }]);
        steps(json!([select]))
    };
    // Sent because the person chose it, and sent by Okta as the only possibility.
    for sent_by_okta in [false, true] {
        let idx = ScriptedOrg::new(move |path, before| match path {
            "/home/amazon_aws/0oa1/272" => Answer::page(SIGN_IN_PAGE),
            "/idp/idx/introspect" if !sent_by_okta => select(),
            _ if before < 5 => waiting_idx(),
            _ => select(),
        });
        let error = idx.fail(idx.source(Auth::Idx), &[]).await;
        assert!(error.message().ends_with("no other push was sent"), "{error}");
        assert_eq!(idx.count("select-authenticator-authenticate"), usize::from(!sent_by_okta));
    }
    // The results of a push that end it, and with it the sign-in.
    for (result, kind) in [
        ("REJECTED", ErrorKind::FactorFailed),
        ("CANCELLED", ErrorKind::FactorFailed),
        ("TIMEOUT", ErrorKind::DeadlineExceeded),
        ("TIME_WINDOW_EXCEEDED", ErrorKind::FactorFailed),
        ("PASSCODE_REPLAYED", ErrorKind::FactorFailed),
        ("ERROR", ErrorKind::IdentityProviderError),
        ("SOMETHING_NEW", ErrorKind::FactorFailed),
    ] {
        let org = ScriptedOrg::new(move |path, _| match path {
            "/api/v1/authn" => push_offered(),
            _ => {
                let Answer(status, headers, body) = waiting_push();
                Answer(status, headers, String::from_utf8(body).unwrap().replace("WAITING", result).into_bytes())
            }
        });
        assert_eq!(org.fail(org.source(Auth::Classic), &[]).await.kind(), kind, "{result}");
        assert_eq!(org.count("/verify"), 1);
    }
}

#[tokio::test]
async fn lists_that_are_too_long_are_cut() {
    let factors: Vec<_> = (0..10_000).map(|_| json!({ "factorType": "token", "provider": "OKTA" })).collect();
    let org = ScriptedOrg::new(move |_, _| {
        Answer::json(json!({ "status": "MFA_REQUIRED", "stateToken": "00s", "_embedded": { "factors": factors } }))
    });
    let person = Person::answering(&[]);
    let source = org.source(Auth::Classic).build().unwrap();
    source.saml_response(&AssertionRequest::new(&*person)).await.unwrap_err();
    assert_eq!(person.heard()[0].split(" | ").count(), 100);

    let large = ScriptedOrg::new(|_, _| Answer::page(&format!("[{}0]", "0,".repeat(3 << 20))));
    let error = large.fail(large.source(Auth::Classic), &[]).await;
    assert_eq!(error.message(), "the answer of `acme.okta.com` is too large");
}

#[tokio::test]
async fn cookies_are_bounded() {
    let org = ScriptedOrg::new(|_, before| {
        let mut answer = Answer(302, vec![("location", format!("/{before}"))], Vec::new());
        if before == 0 {
            answer = Answer::json(json!({ "status": "SUCCESS", "sessionToken": "20111" }));
        }
        for number in 0..50 {
            answer = answer.with("set-cookie", format!("c{before}x{number}=1; Path=/"));
        }
        answer.with("set-cookie", format!("large={}; Path=/", "x".repeat(5_000))).with("set-cookie", "c0x0=2; Path=/")
    });
    org.fail(org.source(Auth::Classic), &[]).await;
    let received = org.received.lock().unwrap();
    let last = &received.last().unwrap().cookies;
    assert_eq!(last.split("; ").count(), 100);
    assert!(last.contains("c0x0=2") && !last.contains("large"), "{last}");
}

#[tokio::test]
async fn what_okta_sends_is_shown_in_part_and_without_control_characters() {
    let org = ScriptedOrg::new(|_, _| {
        let summary = format!("\u{1b}[31m{}", "x".repeat(100_000));
        let body = json!({ "errorCode": "E0000001", "errorSummary": summary }).to_string();
        Answer(400, Vec::new(), body.into_bytes())
    });
    let error = org.fail(org.source(Auth::Classic), &[]).await;
    assert!(error.message().len() < 1_000 && !error.message().contains('\u{1b}'), "{error}");
    let sent = &org.received.lock().unwrap()[0].body;
    assert!(sent.contains("correct horse") && !error.message().contains("correct horse"));
}
