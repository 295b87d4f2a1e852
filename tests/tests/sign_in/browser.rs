//! Signing in with a browser, in real Chromium: at Okta's own sign-in widget and at identity providers that we did not write.
//! The person is an extension that types what a person would; the pages are as they are.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempaccess_core::source::browser::{AcsSource, Browser, BrowserSource};
use tempaccess_core::{
    AssertionSource, ErrorKind, Result, RoleQuery, SamlResponse, StsExchange, TempAccess,
    source::{AssertionRequest, NoPrompter},
};
use tempaccess_sandbox::{Factor, Provider, Role, Sandbox, World};
use tempaccess_tests::ada::factor;
use tempaccess_tests::cli::Machine;
use tempaccess_tests::parts::{self, Server};
use tempaccess_tests::person::Goer;
use tempaccess_tests::proxy;
use tempaccess_tests::workspace;
use tempfile::TempDir;

const CHROMIUM: &str = "/usr/bin/chromium";
const READ_ONLY: &str = "arn:aws:iam::111122223333:role/ReadOnly";

/// A person before Chromium, and what Chromium would have sent to anybody but this machine.
struct Desk {
    extension: TempDir,
    sent: Arc<Mutex<Vec<String>>>,
    proxy: u16,
}

impl Desk {
    /// Nothing where there is no Chromium.
    fn of(who: serde_json::Value) -> Option<Self> {
        parts::debian(CHROMIUM, "chromium")?;
        let extension = tempfile::tempdir().unwrap();
        for file in ["manifest.json", "person.js"] {
            std::fs::copy(workspace().join("tests/parts/person").join(file), extension.path().join(file)).unwrap();
        }
        std::fs::write(extension.path().join("who.json"), who.to_string()).unwrap();
        let (proxy, sent) = proxy::start();
        Some(Self { extension, sent, proxy })
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            // Tests run as root, in a container.
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-features=DisableLoadExtensionCommandLineSwitch".to_owned(),
            format!("--load-extension={}", self.extension.path().display()),
        ];
        // Whatever leaves the machine goes here.
        arguments.push(format!("--proxy-server=127.0.0.1:{}", self.proxy));
        arguments
    }

    fn browser(&self) -> Browser {
        Browser::new().program(CHROMIUM, self.arguments()).headless(true).timeout(Duration::from_secs(60))
    }

    /// That nothing was sent to AWS: not the form, and not as much as a look at where it would go.
    fn nothing_went_to_aws(&self) {
        let sent = self.sent.lock().unwrap();
        assert!(!sent.iter().any(|line| line.contains("signin")), "{sent:?}");
    }
}

fn ada() -> serde_json::Value {
    serde_json::json!({ "name": "ada", "password": "correct horse" })
}

async fn respond(source: &dyn AssertionSource) -> Result<SamlResponse> {
    source.saml_response(&AssertionRequest::new(&NoPrompter)).await
}

/// A key and a certificate for an identity provider, and a sandbox whose STS trusts it.
fn trusting(name: &str, issuer: &str, folder: &Path, recipient: Option<&str>) -> Option<Sandbox> {
    let made = Command::new(parts::python()?).arg(workspace().join("tests/parts/make_key.py")).arg(folder).status();
    assert!(made.unwrap().success());
    let mut world = World::demo();
    world.providers.push(Provider {
        arn: format!("arn:aws:iam::111122223333:saml-provider/{name}"),
        issuer: Some(issuer.to_owned()),
        certificate: Some(std::fs::read_to_string(folder.join("idp.crt")).unwrap()),
    });
    for role in &mut world.roles {
        role.audiences = recipient.into_iter().map(str::to_owned).collect();
    }
    Some(Sandbox::start(world).unwrap())
}

/// Takes the role with what the source gives.
async fn exchange(sandbox: &Sandbox, source: impl AssertionSource + 'static, role: &str) -> Result<String> {
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let access = TempAccess::builder(source, sts).role(RoleQuery::new().role(role)).build();
    Ok(access.credentials().await?.answer.assumed_role_arn.unwrap())
}

/// SimpleSAMLphp with its own key.
fn simplesamlphp(folder: &Path, issuer: &str, acs: &str) -> Option<(Server, String)> {
    let packages = "simplesamlphp php-cli php-xml php-mbstring";
    let www = parts::debian("/usr/share/simplesamlphp/www", packages)?;
    let port = parts::free_port();
    let url = format!("http://127.0.0.1:{port}");
    let mut command = Command::new(parts::debian("/usr/bin/php", packages)?);
    command
        .args(["-S", &format!("127.0.0.1:{port}"), "-t"])
        .arg(www)
        .env("SIMPLESAMLPHP_CONFIG_DIR", workspace().join("tests/parts/simplesamlphp/config").canonicalize().unwrap())
        .env("PHP_CLI_SERVER_WORKERS", "4")
        .envs([("TEMPACCESS_SSP", folder.as_os_str())])
        .envs([("TEMPACCESS_SSP_URL", url.as_str()), ("TEMPACCESS_SSP_ISSUER", issuer), ("TEMPACCESS_SSP_ACS", acs)])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some((Server::start(&mut command, port), url))
}

const ISSUER: &str = "https://idp.example.com/simplesamlphp";
const IDP_INITIATED: &str = "saml2/idp/SSOService.php?spentityid=urn:amazon:webservices";

#[tokio::test(flavor = "multi_thread")]
async fn simplesamlphp_and_a_session_that_needs_nobody() {
    let Some(desk) = Desk::of(ada()) else { return };
    let scratch = tempfile::tempdir().unwrap();
    let Some(sandbox) = trusting("SimpleSAMLphp", ISSUER, scratch.path(), None) else { return };
    let Some((_server, url)) = simplesamlphp(scratch.path(), ISSUER, "") else { return };
    let profiles = tempfile::tempdir().unwrap();
    let source = |browser: Browser| {
        BrowserSource::new(&format!("{url}/{IDP_INITIATED}"), browser.profile_folder(profiles.path().join("profile")))
    };
    let principal = exchange(&sandbox, source(desk.browser()).unwrap(), "Migration").await.unwrap();
    assert_eq!(principal, "arn:aws:sts::111122223333:assumed-role/Migration/ada@example.com");

    // The session at the identity provider is in the profile: nobody types anything.
    let nobody = Desk::of(serde_json::json!({})).unwrap();
    exchange(&sandbox, source(nobody.browser()).unwrap(), "Migration").await.unwrap();
    // Until it is forgotten.
    assert!(source(desk.browser()).unwrap().sign_out().await.unwrap());
    assert!(!source(desk.browser()).unwrap().sign_out().await.unwrap());
    let error = respond(&source(nobody.browser().timeout(Duration::from_secs(8))).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(error.hint().unwrap().contains("without `--headless`"), "{:?}", error.hint());
    desk.nothing_went_to_aws();
    nobody.nothing_went_to_aws();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_provider_of_npm() {
    let Some(desk) = Desk::of(serde_json::json!({ "clicks": true })) else { return };
    let Some(node) = parts::sdk_js() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let issuer = "urn:example:idp";
    let Some(sandbox) = trusting("saml-idp", issuer, scratch.path(), None) else { return };
    let port = parts::free_port();
    let mut command = Command::new("node");
    command.arg(node.join("node_modules/saml-idp/bin/run.js"));
    let file = |name: &str| scratch.path().join(name).display().to_string();
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--issuer", issuer]);
    command.args(["--acsUrl", "https://signin.aws.amazon.com/saml", "--audience", "urn:amazon:webservices"]);
    command.args(["--cert", &file("idp.crt"), "--key", &file("idp.key")]);
    command.arg("--configFile").arg(workspace().join("tests/parts/saml-idp/config.js").canonicalize().unwrap());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server::start(&mut command, port);
    let source = BrowserSource::new(&format!("http://127.0.0.1:{port}/"), desk.browser()).unwrap();
    let principal = exchange(&sandbox, source, "ReadOnly").await.unwrap();
    assert_eq!(principal, "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com");
    desk.nothing_went_to_aws();
}

/// An org with the Identity Engine, whose sign-in page is Okta's own widget.
fn org_with_widget() -> Option<Sandbox> {
    let widget = parts::sdk_js()?.join("node_modules/@okta/okta-signin-widget/dist");
    let mut world = World { pipeline: "idx".to_owned(), ..World::demo() };
    let grace = world.user_mut("grace@example.com").unwrap();
    grace.factors = vec![Factor { provider: "GOOGLE".to_owned(), ..factor("token:software:totp", &["123456"]) }];
    Some(Sandbox::builder(world).widget(widget).start().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn oktas_own_widget_signs_in_to_the_sandbox() {
    let who = serde_json::json!({ "name": "grace@example.com", "password": "battery staple", "code": "123456" });
    let Some(desk) = Desk::of(who) else { return };
    let Some(sandbox) = org_with_widget() else { return };
    // By the page of the app; the address of the widget's own files is this machine's.
    let source = BrowserSource::new(&sandbox.app_url(), desk.browser()).unwrap();
    let principal = exchange(&sandbox, source, READ_ONLY).await.unwrap_or_else(|error| {
        let requests: Vec<_> = sandbox.requests().into_iter().map(|request| request.what).collect();
        panic!("{error:?} {requests:?}")
    });
    assert_eq!(principal, "arn:aws:sts::111122223333:assumed-role/ReadOnly/grace@example.com");
    desk.nothing_went_to_aws();
}

/// A browser of the person's own, which ends with the test.
#[derive(Default)]
struct Open(Vec<Child>);

impl Drop for Open {
    fn drop(&mut self) {
        for browser in &mut self.0 {
            let _ = browser.kill();
            let _ = browser.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_persons_own_browser_brings_the_response_here() {
    let Some(desk) = Desk::of(ada()) else { return };
    let scratch = tempfile::tempdir().unwrap();
    let acs = format!("http://127.0.0.1:{}/saml", parts::free_port());
    let Some(sandbox) = trusting("SimpleSAMLphp", ISSUER, scratch.path(), Some(&acs)) else { return };
    let Some((_server, url)) = simplesamlphp(scratch.path(), ISSUER, &acs) else { return };
    let metadata = tokio::task::spawn_blocking(move || get(&format!("{url}/saml2/idp/metadata.php"))).await.unwrap();
    let source = AcsSource::new(&metadata, &acs).unwrap();
    let (arguments, profile) = (desk.arguments(), tempfile::tempdir().unwrap());
    let open = Mutex::new(Open::default());
    let person = Goer::who(move |page| {
        let mut command = Command::new(CHROMIUM);
        command.args(&arguments).args(["--headless=new", "--no-first-run", "--remote-debugging-port=0"]);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(page.url());
        let browser = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        open.lock().unwrap().0.push(browser);
    });
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let access =
        TempAccess::builder(source, sts).role(RoleQuery::new().role("Migration")).prompter(Arc::new(person)).build();
    let issued = access.credentials().await.unwrap();
    assert_eq!(
        issued.answer.assumed_role_arn.unwrap(),
        "arn:aws:sts::111122223333:assumed-role/Migration/ada@example.com"
    );
}

fn get(url: &str) -> Vec<u8> {
    let output = Command::new(parts::python().unwrap())
        .args([
            "-c",
            "import requests, sys; sys.stdout.buffer.write(requests.get(sys.argv[1], timeout=30).content)",
            url,
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_shown_a_window_where_nobody_is() {
    let source = BrowserSource::new("http://127.0.0.1:9/", Browser::new()).unwrap();
    let error = respond(&source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InteractionRequired, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_does_not_start_says_why() {
    let source = |browser: Browser| BrowserSource::new("http://127.0.0.1:9/", browser.headless(true)).unwrap();
    let error = respond(&source(Browser::new().program("/nowhere/chromium", [""; 0]))).await.unwrap_err();
    assert_eq!(error.message(), "browser `/nowhere/chromium` not found");
    let script = "#!/bin/sh\necho 'no sandbox for root' >&2; exit 1\n";
    let folder = tempfile::tempdir().unwrap();
    let program = executable(folder.path(), script);
    let error = respond(&source(Browser::new().program(program, [""; 0]))).await.unwrap_err();
    assert_eq!(error.message(), "the browser exited at once: no sandbox for root");
    let Some(desk) = Desk::of(ada()) else { return };
    let error = respond(&source(desk.browser())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
}

fn executable(folder: &Path, script: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let program = folder.join("browser");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// A factor for a browser alone leads from a terminal's sign-in into the browser.
#[test]
fn what_a_terminal_cannot_do_goes_on_in_the_browser() {
    let Some(desk) = Desk::of(serde_json::json!({ "name": "alan@example.com", "password": "bombe" })) else { return };
    let mut world = World::demo();
    world.roles.push(Role { ..world.roles[0].clone() });
    let alan = world.user_mut("alan@example.com").unwrap();
    // Classic's page in the sandbox takes a browser's word for it.
    alan.factors = vec![factor("webauthn", &[""])];
    let sandbox = Sandbox::start(world).unwrap();
    let mut machine = Machine::at(&sandbox);
    let line: Vec<_> =
        [CHROMIUM.to_owned()].into_iter().chain(desk.arguments()).map(|word| format!("'{word}'")).collect();
    machine.set("TEMPACCESS_BROWSER", line.join(" "));
    let login = "login --username alan@example.com --password-stdin --no-interactive --headless --output json";
    let ran = machine.run_with(login, "bombe\n");
    let given: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
    assert_eq!(given["assumed_role_arn"], "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com");
    assert!(
        ran.stderr.contains(
            "none of your second factors can be used from a terminal: security key or passkey; continuing in the browser"
        ),
        "{ran}"
    );
    desk.nothing_went_to_aws();
}
