//! The sandbox answers what real clients send. The requests have the shapes of those clients, header by header; each was
//! first seen with the unmodified client.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tempaccess_core::net::{HttpTransport, Transport};
use tempaccess_core::{SamlResponse, saml::Limits};
use tempaccess_sandbox::{Fault, Sandbox, Service, World};
use tempaccess_tests::ada::factor;
use tempaccess_tests::browse;
use tempaccess_tests::cli::{Machine, binary};

const LOGIN: &str = "alan@example.com";
const PASSWORD: &str = "bombe";

/// The answer of the sandbox.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The value of a cookie that is set.
    fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let pairs = cookies.filter_map(|cookie| cookie.split(';').next()?.split_once('='));
        pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    /// The subject of the SAML response on the page.
    fn subject(&self) -> String {
        let response = SamlResponse::detect(&self.body, &Limits::default());
        response.unwrap_or_else(|error| panic!("{error}: {self}")).read().unwrap().subject.unwrap().name
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

/// Sends one request. Neither stores cookies nor follows redirects.
async fn send(sandbox: &Sandbox, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", sandbox.okta_url()) };
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.as_bytes().to_vec()).unwrap();
    let answer = HttpTransport::default().send(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

const JSON: &[(&str, &str)] = &[("accept", "application/json"), ("content-type", "application/json")];

async fn post(sandbox: &Sandbox, path: &str, body: Value) -> Answer {
    send(sandbox, Method::POST, path, JSON, &body.to_string()).await
}

async fn get(sandbox: &Sandbox, path: &str) -> Answer {
    send(sandbox, Method::GET, path, &[], "").await
}

async fn get_with_session(sandbox: &Sandbox, path: &str, session: &str) -> Answer {
    send(sandbox, Method::GET, path, &[("cookie", &format!("sid={session}"))], "").await
}

fn sandbox(change: impl FnOnce(&mut World)) -> Sandbox {
    let mut world = World::demo();
    change(&mut world);
    Sandbox::start(world).unwrap()
}

/// A session token for a password without a second factor.
async fn session_token(sandbox: &Sandbox) -> String {
    let answer = post(sandbox, "/api/v1/authn", json!({ "username": LOGIN, "password": PASSWORD })).await;
    answer.json()["sessionToken"].as_str().unwrap().to_owned()
}

/// saml2aws and aws-runas ask for the challenge of a factor before they ask the person for its code.
#[tokio::test]
async fn a_factor_is_challenged_without_a_code() {
    for kind in ["token:software:totp", "token:hardware", "question", "webauthn", "sms"] {
        let sandbox = sandbox(|world| world.user_mut(LOGIN).unwrap().factors = vec![factor(kind, &["123456"])]);
        let first = post(&sandbox, "/api/v1/authn", json!({ "username": LOGIN, "password": PASSWORD })).await.json();
        let state = &first["stateToken"];
        let verify = first["_embedded"]["factors"][0]["_links"]["verify"]["href"].as_str().unwrap();
        for body in [json!({ "stateToken": state }), json!({ "stateToken": state, "passCode": "" })] {
            let answer = post(&sandbox, verify, body).await;
            assert_eq!(answer.status, 200, "{kind}: {answer}");
            let challenge = answer.json();
            assert_eq!(challenge["status"], "MFA_CHALLENGE");
            assert_eq!(challenge["_embedded"]["factor"]["factorType"], kind);
            assert_eq!(challenge["_links"]["next"]["name"], "verify");
            assert!(challenge.get("factorResult").is_none(), "{challenge}");
            assert!(challenge["expiresAt"].as_str().unwrap().ends_with('Z'));
        }
        if kind != "webauthn" {
            let field = if kind == "question" { "answer" } else { "passCode" };
            let answer = post(&sandbox, verify, json!({ "stateToken": state, field: "123456" })).await;
            assert_eq!(answer.json()["status"], "SUCCESS", "{kind}: {answer}");
        }
    }
}

/// saml2aws: `POST /api/v1/sessions`, whose `id` is the cookie, and `expiresAt`.
#[tokio::test]
async fn a_session_token_is_exchanged_for_a_session() {
    let sandbox = sandbox(|_| {});
    let token = session_token(&sandbox).await;
    let answer = post(&sandbox, "/api/v1/sessions", json!({ "sessionToken": token })).await;
    assert_eq!(answer.status, 200, "{answer}");
    let session = answer.json();
    assert_eq!((&session["login"], &session["status"]), (&json!(LOGIN), &json!("ACTIVE")));
    let expires: jiff::Timestamp = session["expiresAt"].as_str().unwrap().parse().unwrap();
    assert!(expires > sandbox.clock().now());
    let id = session["id"].as_str().unwrap();
    let shown = get_with_session(&sandbox, "/api/v1/sessions/me", id).await;
    assert_eq!(shown.json()["id"], id);
    let link = sandbox.app_url();
    assert_eq!(get_with_session(&sandbox, &link, id).await.subject(), LOGIN);
    // The token works once, and the session until it expires.
    let again = post(&sandbox, "/api/v1/sessions", json!({ "sessionToken": token })).await;
    assert_eq!((again.status, &again.json()["errorCode"]), (401, &json!("E0000004")));
    sandbox.clock().advance(expires.duration_since(sandbox.clock().now()));
    assert_eq!(get_with_session(&sandbox, "/api/v1/sessions/me", id).await.status, 404);
}

/// gimme-aws-creds sends `rememberDevice=True`, as Python writes it.
#[tokio::test]
async fn remember_device_is_read_in_any_case() {
    for (query, is_remembered) in [
        ("rememberDevice=true", true),
        ("rememberDevice=True", true),
        ("rememberDevice=TRUE", true),
        ("rememberDevice=False", false),
        ("rememberDevice=", false),
        ("autoPush=False&rememberDevice=True", true),
    ] {
        let sandbox = sandbox(|world| {
            let user = world.user_mut(LOGIN).unwrap();
            (user.factors, user.allows_remembering) = (vec![factor("token", &["123456"])], true);
        });
        let device = [JSON, &[("cookie", "DT=DI0device")]].concat();
        let password = json!({ "username": LOGIN, "password": PASSWORD }).to_string();
        let first = send(&sandbox, Method::POST, "/api/v1/authn", &device, &password).await.json();
        let verify = first["_embedded"]["factors"][0]["_links"]["verify"]["href"].as_str().unwrap();
        let code = json!({ "stateToken": first["stateToken"], "passCode": "123456" }).to_string();
        let verified = send(&sandbox, Method::POST, &format!("{verify}?{query}"), &device, &code).await;
        assert_eq!(verified.json()["status"], "SUCCESS", "{query}: {verified}");
        let second = send(&sandbox, Method::POST, "/api/v1/authn", &device, &password).await.json();
        assert_eq!(second["status"] == "SUCCESS", is_remembered, "{query}");
    }
}

/// aws-okta and its relatives: the session token in the query of the app's link.
#[tokio::test]
async fn a_session_token_on_the_link_of_the_app_signs_in() {
    let sandbox = sandbox(|_| {});
    let sso = format!("/app/amazon_aws/{}/sso/saml", sandbox.world().app);
    for (link, name) in [
        (sandbox.app_url(), "sessionToken"),
        (sandbox.app_url(), "onetimetoken"),
        (sso.clone(), "onetimetoken"),
        (sso.clone(), "oneTimeToken"),
    ] {
        let token = session_token(&sandbox).await;
        let answer = get(&sandbox, &format!("{link}?{name}={token}")).await;
        assert_eq!(answer.subject(), LOGIN, "{name}");
        let session = answer.cookie("sid").unwrap();
        assert_eq!(get_with_session(&sandbox, &sso, &session).await.subject(), LOGIN);
        // A token that was used leads to the sign-in page.
        let answer = get(&sandbox, &format!("{link}?{name}={token}")).await;
        assert_eq!(answer.status, 302, "{answer}");
        assert!(answer.header("location").unwrap().contains("/login/login.htm?fromURI=/"), "{answer}");
    }
    // The address of the metadata, with the binding that it names.
    assert!(sandbox.metadata().contains(&format!("{}{sso}", sandbox.okta_url())));
    let token = session_token(&sandbox).await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = send(&sandbox, Method::POST, &format!("{sso}?sessionToken={token}"), &form, "RelayState=").await;
    assert_eq!(answer.subject(), LOGIN);
}

fn form(fields: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.replace(':', "%3A").replace(' ', "+");
    fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

const FORM: &[(&str, &str)] = &[("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")];

/// Tokens with these scopes, by device authorization.
async fn tokens(sandbox: &Sandbox, scope: &str) -> Value {
    let client = sandbox.world().clients[0].id.clone();
    let body = form(&[("client_id", &client), ("scope", scope)]);
    let authorization = send(sandbox, Method::POST, "/oauth2/v1/device/authorize", FORM, &body).await.json();
    let code = authorization["user_code"].as_str().unwrap();
    let page = authorization["verification_uri"].as_str().unwrap();
    browse::submit(page, &[("user_code", code), ("username", LOGIN), ("password", PASSWORD)]).await;
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let code = authorization["device_code"].as_str().unwrap();
    let body = form(&[("client_id", &client), ("grant_type", grant), ("device_code", code)]);
    send(sandbox, Method::POST, "/oauth2/v1/token", FORM, &body).await.json()
}

/// okta-aws-cli: lists the apps with a token, and fetches the assertion without a cookie.
#[tokio::test]
async fn a_web_sso_token_is_exchanged_without_cookies() {
    let sandbox = sandbox(|_| {});
    let tokens = tokens(&sandbox, "openid okta.apps.sso okta.apps.read okta.users.read.self").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let with_token = [("accept", "application/json"), ("authorization", bearer.as_str())];
    let apps = send(&sandbox, Method::GET, "/api/v1/users/me/appLinks", &with_token, "").await.json();
    let app = apps[0]["appInstanceId"].as_str().unwrap().to_owned();
    let client = sandbox.world().clients[0].id.clone();
    for by_link in [true, false] {
        let body = form(&[
            ("client_id", &client),
            ("actor_token", tokens["access_token"].as_str().unwrap()),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", tokens["id_token"].as_str().unwrap()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:okta:oauth:token-type:web_sso_token"),
            ("audience", &format!("urn:okta:apps:{app}")),
        ]);
        let exchanged = send(&sandbox, Method::POST, "/oauth2/v1/token", FORM, &body).await.json();
        let token = exchanged["access_token"].as_str().unwrap();
        let answer = if by_link {
            let link = format!("/login/token/sso?token={token}");
            send(&sandbox, Method::GET, &link, &[("accept", "text/html")], "").await
        } else {
            send(&sandbox, Method::POST, "/login/token/sso", FORM, &form(&[("token", token)])).await
        };
        assert_eq!((answer.status, answer.subject().as_str()), (200, LOGIN));
        assert!(answer.cookie("sid").is_some());
        let again = send(&sandbox, Method::GET, &format!("/login/token/sso?token={token}"), &[], "").await;
        assert_eq!(again.json()["errorCode"], "E0000011");
    }
}

#[tokio::test]
async fn app_links_need_the_scope_that_reads_the_person() {
    let sandbox = sandbox(|_| {});
    let list = async |authorization: &str| {
        let headers = [("accept", "application/json"), ("authorization", authorization)];
        send(&sandbox, Method::GET, "/api/v1/users/me/appLinks", &headers, "").await
    };
    let bearer = |tokens: &Value| format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let without = list(&bearer(&tokens(&sandbox, "openid okta.apps.sso okta.apps.read").await)).await;
    assert_eq!((without.status, &without.json()["errorCode"]), (403, &json!("E0000006")));
    assert!(without.header("www-authenticate").unwrap().contains("error=\"insufficient_scope\""));
    assert_eq!(list(&bearer(&tokens(&sandbox, "openid okta.users.read.self").await)).await.status, 200);
    let unknown = list("Bearer unknown").await;
    assert_eq!((unknown.status, &unknown.json()["errorCode"]), (401, &json!("E0000011")));
    // Without a token and without a session.
    let nobody = get(&sandbox, "/api/v1/users/me/appLinks").await;
    assert_eq!((nobody.status, &nobody.json()["errorCode"]), (401, &json!("E0000005")));
}

/// gimme-aws-creds resumes the transaction of the app's page with an empty name and password.
#[tokio::test]
async fn a_transaction_is_resumed_with_empty_credentials() {
    let sandbox = sandbox(|world| {
        let user = world.user_mut(LOGIN).unwrap();
        (user.factors, user.app_step_up) = (vec![factor("token", &["111111", "222222"])], true);
    });
    let first = post(&sandbox, "/api/v1/authn", json!({ "username": LOGIN, "password": PASSWORD })).await.json();
    let verify = first["_embedded"]["factors"][0]["_links"]["verify"]["href"].as_str().unwrap();
    let code = json!({ "stateToken": first["stateToken"], "passCode": "111111" });
    let token = post(&sandbox, verify, code).await.json()["sessionToken"].clone();
    let session = post(&sandbox, "/api/v1/sessions", json!({ "sessionToken": token })).await.json();
    let session = session["id"].as_str().unwrap();
    let page = get_with_session(&sandbox, &sandbox.app_url(), session).await;
    let page = String::from_utf8(page.body).unwrap();
    let (_, state) = page.split_once("stateToken = '").unwrap();
    let state = state.split_once('\'').unwrap().0.replace("\\x2D", "-");
    let shapes = [
        ("/api/v1/authn", json!({ "stateToken": state })),
        ("/api/v1/authn", json!({ "username": "", "password": "", "stateToken": state })),
        ("/api/v1/authn", json!({ "username": null, "password": null, "stateToken": state, "options": {} })),
        ("/api/v1/authn/introspect", json!({ "stateToken": state })),
    ];
    for (path, body) in shapes {
        let answer = post(&sandbox, path, body.clone()).await;
        assert_eq!(answer.json()["status"], "MFA_REQUIRED", "{body}: {answer}");
    }
    let answer = post(&sandbox, verify, json!({ "stateToken": state, "passCode": "222222" })).await.json();
    let next = answer["_links"]["next"]["href"].as_str().unwrap();
    let redirect = get_with_session(&sandbox, next, session).await;
    assert_eq!(redirect.header("location"), Some(sandbox.app_url().as_str()));
    assert_eq!(get_with_session(&sandbox, &sandbox.app_url(), session).await.subject(), LOGIN);
}

/// A request, and the status and the error code of its answer.
type Case<'a> = (Method, &'a str, &'a [(&'a str, &'a str)], &'a str, u16, &'a str);

#[tokio::test]
async fn every_error_is_oktas_json_with_a_request_id() {
    let sandbox = sandbox(|_| {});
    let text = [("content-type", "text/plain")];
    let json_type = [("content-type", "application/json")];
    let cases: [Case<'_>; 16] = [
        (Method::GET, "/nowhere", &[], "", 404, "E0000008"),
        (Method::GET, "/api/v1/nowhere", &[], "", 404, "E0000008"),
        (Method::GET, "/home/amazon_aws/0oaunknown/272", &[], "", 404, "E0000007"),
        (Method::GET, "/home/slack/0oaunknown/272", &[], "", 404, "E0000007"),
        (Method::GET, "/api/v1/sessions/me", &[], "", 404, "E0000007"),
        (Method::GET, "/assets/nothing.js", &[], "", 404, "E0000008"),
        (Method::GET, "/api/v1/authn", &[], "", 405, "E0000022"),
        (Method::DELETE, "/login/login.htm", &[], "", 405, "E0000022"),
        (Method::PUT, "/idp/idx/identify", &json_type, "{}", 405, "E0000022"),
        (Method::POST, "/api/v1/authn", &json_type, "{", 400, "E0000003"),
        (Method::POST, "/api/v1/authn", &json_type, "[]", 400, "E0000003"),
        (Method::POST, "/api/v1/authn", &json_type, r#"{"username":1}"#, 400, "E0000003"),
        (Method::POST, "/api/v1/authn", &text, "{}", 415, "E0000021"),
        (Method::POST, "/api/v1/authn", &json_type, "{}", 400, "E0000001"),
        (Method::POST, "/api/v1/sessions", &json_type, "{}", 400, "E0000003"),
        (Method::GET, "/login/sessionCookieRedirect", &[], "", 400, "E0000001"),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = send(&sandbox, method.clone(), path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {answer}");
        let error = answer.json();
        assert_eq!(error["errorCode"], code, "{method} {path} {body}");
        for field in ["errorSummary", "errorLink", "errorId"] {
            assert!(!error[field].as_str().unwrap().is_empty(), "{error}");
        }
        assert!(error["errorCauses"].is_array());
        assert!(!answer.header("x-okta-request-id").unwrap().is_empty());
    }
    let large = "x".repeat(3 << 20);
    let answer = send(&sandbox, Method::POST, "/api/v1/authn", &json_type, &large).await;
    assert_eq!((answer.status, &answer.json()["errorCode"]), (413, &json!("E0000001")));
    // OAuth has an error object of its own, and a fault that a test asked for stays what it is.
    let answer = send(&sandbox, Method::POST, "/oauth2/v1/token", FORM, "").await;
    assert_eq!(answer.json()["error"], "invalid_client");
    assert!(answer.header("x-okta-request-id").is_some());
    sandbox.fail_next(Service::Okta, Fault::ErrorPage(502));
    let answer = get(&sandbox, "/").await;
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert!(get(&sandbox, "/.well-known/okta-organization").await.header("x-okta-request-id").is_some());
}

/// What clients read that are given the org alone: the page, and three lists.
#[tokio::test]
async fn the_dashboard_lists_the_apps_of_the_person() {
    let sandbox = sandbox(|_| {});
    let token = session_token(&sandbox).await;
    let link = format!("/login/sessionCookieRedirect?checkAccountSetupComplete=true&token={token}");
    let redirect = get(&sandbox, &format!("{link}&redirectUrl={}", sandbox.okta_url())).await;
    assert_eq!(redirect.header("location"), Some(sandbox.okta_url().as_str()));
    let session = redirect.cookie("sid").unwrap();
    let root = get_with_session(&sandbox, "/", &session).await;
    let dashboard = format!("{}/app/UserHome", sandbox.okta_url());
    assert_eq!(root.header("location"), Some(dashboard.as_str()));
    let page = get_with_session(&sandbox, &dashboard, &session).await;
    let text = String::from_utf8(page.body).unwrap();
    assert!(text.contains(&format!("href=\"{}\"", sandbox.app_url())), "{text}");

    let links = get_with_session(&sandbox, "/api/v1/users/me/appLinks", &session).await.json();
    assert_eq!((&links[0]["appName"], &links[0]["linkUrl"]), (&json!("amazon_aws"), &json!(sandbox.app_url())));
    let me = get_with_session(&sandbox, "/api/v1/users/me", &session).await.json();
    assert_eq!(me["profile"]["login"], LOGIN);
    let by_id = format!("/api/v1/users/{}/appLinks", me["id"].as_str().unwrap());
    assert_eq!(get_with_session(&sandbox, &by_id, &session).await.json().as_array().unwrap().len(), 1);
    let tabs = "/api/v1/users/me/home/tabs?type=all&expand=items%2Citems.resource";
    let tabs = get_with_session(&sandbox, tabs, &session).await.json();
    assert_eq!(tabs[0]["_embedded"]["items"][0]["_embedded"]["resource"]["linkUrl"], sandbox.app_url());
    let other = get_with_session(&sandbox, "/api/v1/users/ada@example.com/appLinks", &session).await;
    assert_eq!(other.json()["errorCode"], "E0000006");
    // Without a session, a browser is sent to the sign-in page and from there to the dashboard.
    let page = get(&sandbox, "/app/UserHome").await.header("location").unwrap().to_owned();
    let fields = form(&[("username", LOGIN), ("password", PASSWORD)]);
    let signed_in = send(&sandbox, Method::POST, &page, FORM, &fields).await;
    assert_eq!(signed_in.header("location"), Some(dashboard.as_str()));
    // Only to a page of the org.
    let elsewhere = format!("{}/login/login.htm?fromURI=//example.com/", sandbox.okta_url());
    let signed_in = send(&sandbox, Method::POST, &elsewhere, FORM, &fields).await;
    assert_eq!(signed_in.header("location"), Some(dashboard.as_str()));
}

/// A session token that Okta's documentation calls for, once more with the dashboard as the place to continue at.
#[tokio::test]
async fn a_redirect_without_an_address_continues_at_the_dashboard() {
    let sandbox = sandbox(|_| {});
    let link = format!("/login/sessionCookieRedirect?token={}", session_token(&sandbox).await);
    let answer = get(&sandbox, &link).await;
    assert!(answer.header("location").unwrap().ends_with("/app/UserHome"), "{answer}");
}

#[test]
fn a_sandbox_with_tls_is_trusted_by_its_ca_only() {
    let sandbox = Sandbox::builder(World::demo()).tls().start().unwrap();
    assert!(sandbox.app_url().starts_with("https://127.0.0.1:") && sandbox.sts_url().starts_with("https://"));
    let mut machine = Machine::at(&sandbox);
    let login = format!("login --output json --username {LOGIN} --password-stdin --no-interactive");
    let ran = machine.run_with(&login, "bombe\n");
    assert_eq!(ran.code, 5, "{ran}");
    assert!(ran.stderr.contains("certificate"), "{ran}");
    let ca = machine.home().join("ca.pem");
    std::fs::write(&ca, sandbox.ca_pem().unwrap()).unwrap();
    machine.set("AWS_CA_BUNDLE", ca.to_str().unwrap());
    for source in [sandbox.app_url(), sandbox.okta_url(), sandbox.okta_url().replace("127.0.0.1", "localhost")] {
        machine.set("TEMPACCESS_SOURCE", source);
        let ran = machine.run_with(&login, "bombe\n");
        assert_eq!(ran.code, 0, "{ran}");
    }
    // A CA of another sandbox is another CA.
    std::fs::write(&ca, Sandbox::builder(World::demo()).tls().start().unwrap().ca_pem().unwrap()).unwrap();
    assert_eq!(machine.run_with(&format!("{login} --force"), "bombe\n").code, 5);
    assert!(Sandbox::start(World::demo()).unwrap().ca_pem().is_none());
}

/// The command `tempaccess-sandbox`, which ends with the test. Its output stays open: closing it would end the command.
struct Program {
    child: Child,
    _output: std::io::Lines<BufReader<ChildStdout>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// Starts it, and returns the lines that it prints first.
    fn start(arguments: &[&str]) -> (Self, Vec<String>) {
        let mut command = Command::new(binary().with_file_name("tempaccess-sandbox"));
        command.args(["--okta-port", "0", "--sts-port", "0"]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = output.by_ref().map(Result::unwrap).take_while(|line| !line.starts_with("Native app")).collect();
        (Self { child, _output: output }, lines)
    }

    /// Stops it as Ctrl-C does.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn the_command_prints_the_file_of_its_ca() {
    let scratch = tempfile::tempdir().unwrap();
    let named = scratch.path().join("named.pem");
    for arguments in [&["--tls"][..], &["--tls", "--ca-file", named.to_str().unwrap()]] {
        let (program, lines) = Program::start(arguments);
        let mut machine = Machine::alone();
        for line in &lines {
            if let Some((name, value)) = line.trim().strip_prefix("export ").and_then(|line| line.split_once('=')) {
                machine.set(name, value);
            }
        }
        let ran = machine.run_with(&format!("login --username {LOGIN} --password-stdin --no-interactive"), "bombe\n");
        assert_eq!(ran.code, 0, "{lines:#?} {ran}");
        let file = lines.iter().find_map(|line| line.strip_prefix("CA certificate: ")).unwrap();
        assert!(std::fs::read_to_string(file).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
        program.stop();
        assert_eq!(std::path::Path::new(file).exists(), arguments.len() > 1, "{file}");
    }
}
