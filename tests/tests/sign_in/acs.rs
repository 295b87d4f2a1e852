//! The assertion consumer service of `saml:`: each message in each state, who can send it, and what it changes.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use tempaccess_core::source::browser::AcsSource;
use tempaccess_core::{AssertionSource, ErrorKind, Result, SamlResponse, source::AssertionRequest};
use tempaccess_sandbox::{Claims, Sandbox, World};
use tempaccess_tests::browse::{self, Browser, Page};
#[cfg(unix)]
use tempaccess_tests::other_user;
use tempaccess_tests::parts;
use tempaccess_tests::person::Goer;

/// A sign-in that waits for its browser.
struct SignIn {
    sandbox: Sandbox,
    acs: String,
    start: String,
    visitor: Arc<Goer>,
    browser: Browser,
    result: tokio::task::JoinHandle<Result<SamlResponse>>,
}

/// What only the page that starts a sign-in tells.
struct Started {
    relay_state: String,
    request_id: String,
    cookie: String,
}

impl SignIn {
    async fn begin(timeout: Duration) -> Self {
        let sandbox = Sandbox::start(World::demo()).unwrap();
        Self::begin_at(sandbox, format!("http://127.0.0.1:{}/saml", parts::free_port()), timeout).await
    }

    async fn begin_at(sandbox: Sandbox, acs: String, timeout: Duration) -> Self {
        let source = AcsSource::new(sandbox.metadata().as_bytes(), &acs).unwrap().timeout(timeout);
        let (visits, mut visited) = tokio::sync::mpsc::unbounded_channel();
        let visitor = Arc::new(Goer::who(move |page| visits.send(page.url().to_owned()).unwrap()));
        let prompter = Arc::clone(&visitor);
        let result = tokio::spawn(async move { source.saml_response(&AssertionRequest::new(&*prompter)).await });
        let begun = tokio::time::timeout(Duration::from_secs(120), visited.recv()).await;
        let start = begun.expect("the sign-in begins in time").expect("the sign-in begins");
        Self { sandbox, acs, start, visitor, browser: Browser::default(), result }
    }

    async fn open(&self) -> Started {
        read(&browse::open(&self.start, None).await)
    }

    fn response(&self, in_response_to: Option<&str>) -> String {
        self.changed(in_response_to, |_| {})
    }

    fn changed(&self, in_response_to: Option<&str>, change: impl FnOnce(&mut Claims)) -> String {
        let mut claims = self.sandbox.claims_of("ada@example.com").unwrap();
        claims.recipient.clone_from(&self.acs);
        claims.destination.clone_from(&self.acs);
        claims.in_response_to = in_response_to.map(str::to_owned);
        change(&mut claims);
        self.sandbox.mint(&claims).unwrap()
    }

    async fn post(&self, response: &str, relay_state: &str) -> Page {
        self.browser.submit(&self.acs, &[("SAMLResponse", response), ("RelayState", relay_state)]).await
    }

    fn last_page(&self) -> String {
        format!("{}/signed-in", self.start)
    }

    fn notices(&self) -> Vec<String> {
        self.visitor.heard()
    }

    /// Waits until the person was told this so often: a page is answered before the sign-in takes notice of it.
    async fn told(&self, text: &str, times: usize) {
        let wait = async {
            while self.notices().iter().filter(|notice| notice.contains(text)).count() < times {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(LONG, wait).await.is_ok(), "{:?}", self.notices());
    }
}

/// Reads the form that carries the request to the identity provider.
fn read(page: &Page) -> Started {
    assert_eq!(page.status, 200, "{page:?}");
    let field = |name: &str| {
        let (_, rest) = page.text.split_once(&format!("name=\"{name}\" value=\"")).expect("the field");
        rest.split_once('"').expect("a quote").0.to_owned()
    };
    let request = STANDARD.decode(field("SAMLRequest")).unwrap();
    let request = String::from_utf8(request).unwrap();
    let (_, id) = request.split_once(" ID=\"").unwrap();
    Started {
        relay_state: field("RelayState"),
        request_id: id.split_once('"').unwrap().0.to_owned(),
        cookie: page.cookie.clone().expect("a cookie"),
    }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn before_the_start_page_is_opened_nothing_is_accepted() {
    let sign_in = SignIn::begin(LONG).await;
    assert_eq!(browse::open(&sign_in.last_page(), None).await.status, 404);
    assert_eq!(browse::open(&sign_in.acs, None).await.status, 404);
    let nonce = sign_in.start.rsplit_once('/').unwrap().1;
    let response = sign_in.response(None);
    // The address of the start page is in the browser's arguments. It is not the RelayState.
    for relay_state in ["", "guessed", nonce] {
        assert_eq!(sign_in.post(&response, relay_state).await.status, 403);
    }
    assert_eq!(browse::submit(&sign_in.acs, &[("SAMLResponse", &response)]).await.status, 403);
    assert_eq!(browse::submit(&sign_in.start, &[("SAMLResponse", &response)]).await.status, 404);
    assert!(!sign_in.result.is_finished());
    assert_eq!(sign_in.notices(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_page_belongs_to_the_browser_that_opens_it_first() {
    let sign_in = SignIn::begin(LONG).await;
    let first = sign_in.open().await;
    assert!(!sign_in.start.contains(&first.relay_state) && !first.cookie.contains(&first.relay_state));
    // A reload brings the same request.
    let again = read(&browse::open(&sign_in.start, Some(&first.cookie)).await);
    assert_eq!(again.relay_state, first.relay_state);
    for cookie in [None, Some("tempaccess-sign-in=guessed")] {
        let page = browse::open(&sign_in.start, cookie).await;
        assert_eq!((page.status, page.text.contains(&first.relay_state)), (403, false));
    }
    assert!(!sign_in.result.is_finished());
    sign_in.told("second browser", 2).await;
    assert_eq!(sign_in.notices().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_responses_are_reported_and_the_sign_in_goes_on() {
    let sign_in = SignIn::begin(LONG).await;
    let started = sign_in.open().await;
    let genuine = sign_in.response(Some(&started.request_id));
    let forged = String::from_utf8(STANDARD.decode(&genuine).unwrap()).unwrap().replace("role/ReadOnly", "role/Admin");
    let bad = [
        "garbage".to_owned(),
        // Genuine, but nobody asked for it.
        sign_in.response(None),
        // Genuine, and the answer to another request.
        sign_in.response(Some("_another")),
        // The right answer, changed on its way.
        STANDARD.encode(forged),
    ];
    for response in &bad {
        let page = sign_in.post(response, &started.relay_state).await;
        assert_eq!(page.status, 403);
        assert!(page.text.contains("<h1>Not signed in</h1>"), "{}", page.text);
    }
    assert!(!sign_in.result.is_finished());

    let genuine = sign_in.response(Some(&started.request_id));
    let page = sign_in.post(&genuine, &started.relay_state).await;
    assert_eq!(page.status, 303);
    assert!(sign_in.last_page().ends_with(&page.location.unwrap()));
    // Reloading the page that a browser ends at sends the response to nobody.
    assert!(browse::open(&sign_in.last_page(), None).await.text.contains("Signed in"));
    sign_in.told("Refused a SAML response", bad.len()).await;
    assert_eq!(sign_in.notices().len(), bad.len());
    assert!(sign_in.result.await.unwrap().is_ok());
}

/// Every row of the threat model's table, in every state. The cells of each row: before the start page is opened, while waiting,
/// after delivery.
#[tokio::test(flavor = "multi_thread")]
async fn every_request_in_every_state() {
    let sign_in = SignIn::begin(LONG).await;
    let before = Requests::new(&sign_in, None);
    assert_eq!(before.statuses().await, [("other RelayState", 403), ("anything else", 404), ("last page", 404)]);
    let started = sign_in.open().await;
    let waiting = Requests::new(&sign_in, Some(&started));
    let expected = [
        ("other RelayState", 403),
        ("anything else", 404),
        ("start page, own browser", 200),
        ("start page, another browser", 403),
        ("does not verify", 403),
        ("last page", 404),
    ];
    assert_eq!(waiting.statuses().await, expected);
    assert!(!sign_in.result.is_finished());
    sign_in.told("second browser", 1).await;
    sign_in.told("Refused a SAML response", BAD_RESPONSES).await;
    let notices = sign_in.notices();
    assert_eq!(notices.len(), 1 + BAD_RESPONSES, "{notices:?}");

    let expected = [
        ("other RelayState", 403),
        ("anything else", 404),
        ("start page, own browser", 200),
        ("start page, another browser", 200),
        ("does not verify", 303),
        ("last page", 200),
    ];
    assert_eq!(sign_in.post(&waiting.genuine, &started.relay_state).await.status, 303);
    // The browser's arrival at the last page ends it.
    assert_eq!(waiting.statuses().await, expected);
    let visitor = Arc::clone(&sign_in.visitor);
    assert!(sign_in.result.await.unwrap().is_ok());
    // Nobody was told anything more.
    assert_eq!(visitor.heard(), notices);
}

/// How many responses of [`Requests`] do not verify.
const BAD_RESPONSES: usize = 5;

/// The requests of the table.
struct Requests<'a> {
    sign_in: &'a SignIn,
    /// What the start page said, if it was opened.
    started: Option<&'a Started>,
    /// Made beforehand: after delivery there are only seconds.
    genuine: String,
    bad: [String; BAD_RESPONSES],
}

impl<'a> Requests<'a> {
    fn new(sign_in: &'a SignIn, started: Option<&'a Started>) -> Self {
        let request_id = started.map(|started| started.request_id.as_str());
        let genuine = sign_in.response(request_id);
        let forged = String::from_utf8(STANDARD.decode(&genuine).unwrap()).unwrap().replace("ReadOnly", "Admin");
        // Garbage; forged; expired; for another request; for another address.
        let bad = [
            "garbage".to_owned(),
            STANDARD.encode(forged),
            sign_in.changed(request_id, |claims| {
                claims.not_on_or_after = claims.issued_at - SignedDuration::from_hours(1);
            }),
            sign_in.response(Some("_another")),
            sign_in.changed(request_id, |claims| "http://127.0.0.1:1/saml".clone_into(&mut claims.recipient)),
        ];
        Self { sign_in, started, genuine, bad }
    }

    /// The status that each kind of request is answered with. The last page is the last: the sign-in ends there.
    async fn statuses(&self) -> Vec<(&'static str, u16)> {
        let (sign_in, genuine) = (self.sign_in, &self.genuine);
        let mut statuses = Vec::new();
        let mut others = vec![sign_in.browser.submit(&sign_in.acs, &[("SAMLResponse", genuine)]).await.status];
        for relay_state in ["", "guessed"] {
            others.push(sign_in.post(genuine, relay_state).await.status);
        }
        statuses.push(("other RelayState", one(&others)));
        let elsewhere = format!("{}/elsewhere", sign_in.acs);
        let anything = [
            sign_in.browser.open(&sign_in.acs, None).await,
            sign_in.browser.open(&elsewhere, None).await,
            sign_in.browser.submit(&elsewhere, &[("SAMLResponse", genuine)]).await,
            sign_in.browser.submit(&sign_in.start, &[("SAMLResponse", genuine)]).await,
        ];
        statuses.push(("anything else", one(&anything.map(|page| page.status))));
        if let Some(started) = self.started {
            let own = sign_in.browser.open(&sign_in.start, Some(&started.cookie)).await;
            let another = sign_in.browser.open(&sign_in.start, None).await;
            statuses.extend([("start page, own browser", own.status), ("start page, another browser", another.status)]);
            let mut bad = Vec::new();
            for response in &self.bad {
                bad.push(sign_in.post(response, &started.relay_state).await.status);
            }
            statuses.push(("does not verify", one(&bad)));
        }
        statuses.push(("last page", sign_in.browser.open(&sign_in.last_page(), None).await.status));
        statuses
    }
}

/// The status that all of these have.
fn one(statuses: &[u16]) -> u16 {
    assert!(statuses.windows(2).all(|pair| pair[0] == pair[1]), "{statuses:?}");
    statuses[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_response_is_delivered() {
    let sign_in = SignIn::begin(LONG).await;
    let started = sign_in.open().await;
    let genuine = sign_in.response(Some(&started.request_id));
    let posts = (0..8).map(|_| sign_in.post(&genuine, &started.relay_state));
    let mut statuses = Vec::new();
    for post in posts.map(Box::pin) {
        statuses.push(post.await.status);
    }
    assert_eq!(statuses, [303; 8]);
    assert_eq!(sign_in.post(&genuine, "guessed").await.status, 403);
    assert!(browse::open(&sign_in.start, None).await.text.contains("Signed in"));
    assert!(browse::open(&sign_in.last_page(), None).await.text.contains("Signed in"));
    assert!(sign_in.result.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_refusal_is_the_error_when_time_is_up() {
    let sign_in = SignIn::begin(Duration::from_secs(2)).await;
    let started = sign_in.open().await;
    assert_eq!(sign_in.post(&sign_in.response(None), &started.relay_state).await.status, 403);
    let error = sign_in.result.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AssertionNotAccepted, "{error:?}");

    let silent = SignIn::begin(Duration::from_millis(1)).await;
    assert_eq!(silent.result.await.unwrap().unwrap_err().kind(), ErrorKind::DeadlineExceeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_sign_in_keeps_its_port() {
    let sign_in = SignIn::begin(LONG).await;
    let started = sign_in.open().await;
    let genuine = sign_in.response(Some(&started.request_id));
    sign_in.result.abort();
    assert!(sign_in.result.await.unwrap_err().is_cancelled());
    let port = sign_in.acs.rsplit_once(':').unwrap().1.split_once('/').unwrap().0.parse::<u16>().unwrap();
    assert!(std::net::TcpListener::bind(("127.0.0.1", port)).is_err());

    // The next sign-in of this process has the port, and knows nothing of the one before.
    let next = SignIn::begin_at(sign_in.sandbox, sign_in.acs, LONG).await;
    let restarted = next.open().await;
    assert_eq!(next.post(&genuine, &started.relay_state).await.status, 403);
    let answer = next.response(Some(&restarted.request_id));
    assert_eq!(next.post(&answer, &restarted.relay_state).await.status, 303);
    assert!(next.result.await.unwrap().is_ok());

    // What was served leaves nothing behind that keeps another sign-in from the port.
    let again = SignIn::begin_at(next.sandbox, next.acs, LONG).await;
    assert!(!again.open().await.relay_state.is_empty());
    again.result.abort();
}

/// Posts a form fifty times over `/dev/tcp`, and closes each connection at once.
#[cfg(unix)]
fn post_and_close(url: &str, body: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (ip, port) = host.split_once(':').unwrap();
    let headers = format!(
        "POST /{path} HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Type: application/x-www-form-urlencoded\\r\\nContent-Length: {}\\r\\n\\r\\n",
        body.len()
    );
    format!(
        "trap '' PIPE; for i in {{1..50}}; do exec 3<>/dev/tcp/{ip}/{port}; printf '{headers}%s' '{body}' >&3 2>&-; exec 3>&-; echo sent; done"
    )
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn another_user_can_neither_open_the_page_nor_end_the_sign_in() {
    let sign_in = SignIn::begin(LONG).await;
    let curl = |arguments: String| other_user::shell(&format!("curl -s -o /dev/null -w '%{{http_code}}' {arguments}"));
    let Some(opened) = curl(format!("'{}'", sign_in.start)) else { return };
    assert_eq!(opened, "000");
    let started = sign_in.open().await;
    // Even with the RelayState, and even if the connection is closed before its owner can be looked up.
    let form = browse::form(&[("SAMLResponse", "garbage"), ("RelayState", &started.relay_state)]);
    assert_eq!(curl(format!("--data '{form}' '{}'", sign_in.acs)).as_deref(), Some("000"));
    let genuine = sign_in.response(Some(&started.request_id));
    let stolen = browse::form(&[("SAMLResponse", &genuine), ("RelayState", &started.relay_state)]);
    for form in [&form, &stolen] {
        assert_eq!(other_user::shell(&post_and_close(&sign_in.acs, form)).unwrap().matches("sent").count(), 50);
    }
    assert!(!sign_in.result.is_finished());
    assert_eq!(sign_in.notices(), [""; 0]);
    assert_eq!(sign_in.post(&genuine, &started.relay_state).await.status, 303);
    assert!(sign_in.result.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_port_that_another_program_has_is_reported_before_a_browser_opens() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let acs = format!("http://127.0.0.1:{port}/saml");
    let source = AcsSource::new(sandbox.metadata().as_bytes(), &acs).unwrap();
    let prompter = Goer::who(|page| panic!("{} is opened", page.url()));
    let error = source.saml_response(&AssertionRequest::new(&prompter)).await.unwrap_err();
    assert!(error.message().contains(&port.to_string()), "{error}");
    assert!(error.hint().unwrap().contains("ss -ltnp"), "{error:?}");
}

#[test]
fn an_address_that_is_not_this_machine_cannot_receive_an_assertion() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    for url in [
        "https://127.0.0.1:35001/saml",
        "http://127.0.0.1/saml",
        "https://example.com:1/saml",
        "http://127.0.0.1:1/?x",
        "http://localhost:1/saml",
    ] {
        assert!(AcsSource::new(sandbox.metadata().as_bytes(), url).is_err(), "{url}");
    }
    let error = AcsSource::new(sandbox.certificate_pem().as_bytes(), "http://127.0.0.1:35001/saml").unwrap_err();
    assert!(error.message().contains("contains no address to sign in at"), "{error}");
}
