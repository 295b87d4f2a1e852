//! One sign-in: drives a browser until it is about to send a SAML response to AWS.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command_fds::{CommandFdExt, FdMapping};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use url::Url;

use super::devtools::{DevTools, Message};
use super::profile::Profile;
use super::{Browser, find};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, SIGN_IN_HOSTS, SamlResponse};
use crate::source::{AssertionRequest, Notice};
use crate::text::excerpt;

/// Without these, a browser asks for its first-run settings and connects to its vendor.
const ARGUMENTS: [&str; 9] = [
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--hide-crash-restore-bubble",
    "--window-size=900,800",
];

/// How long a browser may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of a browser's error output is kept, at least.
const OUTPUT_TAIL: usize = 4096;

/// The page that the person sees instead of AWS's.
const SIGNED_IN_PAGE: &str = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Signed in</title>\
<body style=\"font-family: sans-serif; margin: 4em\"><h1>Signed in</h1><p>You can close this window.</p></body></html>";

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Io, Stage::SignIn, message.into())
}

fn cannot_drive(error: io::Error) -> Error {
    failed(format!("cannot control the browser: {error}")).with_source(error)
}

/// Whether a browser can be controlled on this system.
#[allow(clippy::unnecessary_wraps, reason = "it cannot on Windows")]
pub(super) fn supported() -> Result<()> {
    Ok(())
}

pub(super) async fn run(
    browser: &Browser,
    start: &Url,
    session: &str,
    request: &AssertionRequest<'_>,
) -> Result<SamlResponse> {
    let host = start.host_str().unwrap_or_default();
    if browser.headless {
        request.prompter.notify(&Notice::Browser { host: host.to_owned(), has_window: false });
    } else {
        request.prompter.attend(&Notice::Browser { host: host.to_owned(), has_window: true }).await?;
    }
    let end = tokio::time::Instant::now() + browser.timeout;
    let timed_out = || {
        let hint = if browser.headless {
            "the identity provider may need a person: sign in without `--headless`"
        } else {
            "sign in again; the app must post to AWS, `https://signin.aws.amazon.com/saml`"
        };
        let message = "timed out waiting for a SAML response from the browser";
        Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, message).with_hint(hint)
    };
    let profile = open_profile(browser, session, end).await?;
    if request.force_authn {
        profile.reset()?;
    }
    let mut driven = DrivenBrowser::start(browser, &profile)?;
    let captured = tokio::time::timeout_at(end, driven.capture(start)).await;
    driven.close().await;
    captured.map_err(|_| timed_out())?
}

/// Removes the profile, and with it the session at the identity provider. Returns whether there was one.
pub(super) async fn remove_session(browser: &Browser, session: &str) -> Result<bool> {
    if !browser.profiles.as_ref().is_some_and(|profiles| Profile::exists(profiles, session)) {
        return Ok(false);
    }
    open_profile(browser, session, tokio::time::Instant::now() + CLOSE_TIMEOUT).await?.remove()?;
    Ok(true)
}

async fn open_profile(browser: &Browser, session: &str, deadline: tokio::time::Instant) -> Result<Profile> {
    tokio::time::timeout_at(deadline, Profile::open(browser.profiles.as_deref(), session)).await.map_err(|_| busy())?
}

fn busy() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, "the browser's profile is in use by another sign-in")
        .with_hint("finish that sign-in, or close its window")
}

/// The state of the first page.
#[derive(Default)]
struct FirstPage {
    /// The id of the command that opened it.
    navigation: Option<u64>,
    has_started: bool,
    /// The ids of the commands that make pages pause before they send anything to AWS.
    guards: Vec<u64>,
}

fn unreachable_page(start: &Url, reason: &str) -> Error {
    let message = format!("the browser cannot reach `{}`: {}", start.host_str().unwrap_or_default(), excerpt(reason));
    Error::new(ErrorKind::Network, Stage::SignIn, message).with_hint("open the same address in your own browser")
}

/// A running browser and the connection to it.
struct DrivenBrowser {
    child: Child,
    tools: DevTools,
    /// The end of its error output, once it has exited.
    output: JoinHandle<String>,
}

impl DrivenBrowser {
    fn start(browser: &Browser, profile: &Profile) -> Result<Self> {
        let (program, arguments) = match &browser.program {
            Some((program, arguments)) => (find::named(program)?, arguments.clone()),
            None => (find::required()?, Vec::new()),
        };
        let (its_in, our_out) = io::pipe().map_err(cannot_drive)?;
        let (our_in, its_out) = io::pipe().map_err(cannot_drive)?;
        let mut command = std::process::Command::new(&program);
        command.args(arguments).args(ARGUMENTS);
        if browser.headless {
            command.arg("--headless=new");
        } else {
            find::display()?;
        }
        // The request is held back, so the name need not be looked up either.
        let rules: Vec<_> =
            SIGN_IN_HOSTS.iter().map(|(host, _)| format!("MAP {host} ~NOTFOUND, MAP *.{host} ~NOTFOUND")).collect();
        command.arg(format!("--host-resolver-rules={}", rules.join(", ")));
        let mut folder = std::ffi::OsString::from("--user-data-dir=");
        folder.push(profile.path());
        command.arg(folder).arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
            .fd_mappings(vec![
                FdMapping { parent_fd: its_in.into(), child_fd: 3 },
                FdMapping { parent_fd: its_out.into(), child_fd: 4 },
            ])
            .map_err(|error| failed(format!("cannot start the browser: {error}")))?;
        let mut command = Command::from(command);
        let mut child = command.kill_on_drop(true).spawn().map_err(|error| {
            failed(format!("cannot start the browser `{}`: {error}", program.display()))
                .with_hint("choose another one with `--browser`")
                .with_source(error)
        })?;
        let tools = DevTools::new(
            pipe::Sender::from_owned_fd(our_out.into()).map_err(cannot_drive)?,
            pipe::Receiver::from_owned_fd(our_in.into()).map_err(cannot_drive)?,
        );
        let output = tokio::spawn(read_output(child.stderr.take()));
        Ok(Self { child, tools, output })
    }

    /// Drives the browser until it is about to send a SAML response to AWS. The request is not sent.
    async fn capture(&mut self, start: &Url) -> Result<SamlResponse> {
        let mut first = FirstPage::default();
        match self.follow(start, &mut first).await {
            Ok(Some(response)) => response,
            // The browser has closed its end of a pipe.
            Ok(None) | Err(_) => Err(self.exit_error(first.has_started).await),
        }
    }

    /// Follows events until there is a response, or `None` once the browser has exited.
    async fn follow(&mut self, start: &Url, first: &mut FirstPage) -> io::Result<Option<Result<SamlResponse>>> {
        self.tools.send(None, "Target.setAutoAttach", attach()).await?;
        while let Some(message) = self.tools.next().await? {
            match message {
                Message::Answer { id, result } if Some(id) == first.navigation => {
                    first.has_started = true;
                    let refused = result.as_ref().ok().and_then(|result| result.get("errorText")?.as_str());
                    if let Some(reason) = refused {
                        return Ok(Some(Err(unreachable_page(start, reason))));
                    }
                }
                Message::Answer { id, result: Err(reason) } if first.guards.contains(&id) => {
                    return Ok(Some(Err(failed(format!("the browser cannot be controlled: {}", excerpt(&reason)))
                        .with_hint("choose another one with `--browser`"))));
                }
                Message::Answer { .. } => {}
                Message::Event { method, parameters, session } => match method.as_str() {
                    "Target.attachedToTarget" => self.attached(start, &parameters, first).await?,
                    "Fetch.requestPaused" => {
                        let Some(id) = parameters.get("requestId").and_then(Value::as_str) else { continue };
                        if let Some(body) = sign_in_form(&parameters) {
                            self.answer(session.as_deref(), id).await?;
                            return Ok(Some(SamlResponse::detect(&body, &Limits::default())));
                        }
                        // Another request to AWS: it is stopped too.
                        let stop = json!({ "requestId": id, "errorReason": "BlockedByClient" });
                        self.tools.send(session.as_deref(), "Fetch.failRequest", stop).await?;
                    }
                    _ => {}
                },
            }
        }
        Ok(None)
    }

    /// Guards a page or a frame before it does anything, and opens the start address in the first page.
    async fn attached(&mut self, start: &Url, target: &Value, first: &mut FirstPage) -> io::Result<()> {
        let Some(page) = target.get("sessionId").and_then(Value::as_str) else { return Ok(()) };
        let guard = self.guard(page).await?;
        let is_page = target.pointer("/targetInfo/type").and_then(Value::as_str) == Some("page");
        if is_page {
            first.guards.push(guard);
        }
        if is_page && first.navigation.is_none() {
            first.navigation =
                Some(self.tools.send(Some(page), "Page.navigate", json!({ "url": start.as_str() })).await?);
        }
        Ok(())
    }

    /// Makes a page or a frame, and everything that it opens, pause before sending anything to AWS. Returns the id of the
    /// command.
    async fn guard(&mut self, page: &str) -> io::Result<u64> {
        let pattern = |(host, _): &(&str, &str)| {
            ["https://", "https://*."]
                .map(|before| json!({ "urlPattern": format!("{before}{host}/*"), "requestStage": "Request" }))
        };
        let patterns: Vec<_> = SIGN_IN_HOSTS.iter().flat_map(pattern).collect();
        let guard = self.tools.send(Some(page), "Fetch.enable", json!({ "patterns": patterns })).await?;
        self.tools.send(Some(page), "Target.setAutoAttach", attach()).await?;
        self.tools.send(Some(page), "Runtime.runIfWaitingForDebugger", json!({})).await?;
        Ok(guard)
    }

    /// Answers a request instead of AWS.
    async fn answer(&mut self, session: Option<&str>, request: &str) -> io::Result<()> {
        let page = json!({
            "requestId": request,
            "responseCode": 200,
            "responseHeaders": [
                { "name": "content-type", "value": "text/html; charset=utf-8" },
                { "name": "cache-control", "value": "no-store" },
            ],
            "body": STANDARD.encode(SIGNED_IN_PAGE),
        });
        self.tools.send(session, "Fetch.fulfillRequest", page).await.map(drop)
    }

    /// Returns the reason why the browser has exited.
    async fn exit_error(&mut self, started: bool) -> Error {
        if started {
            return Error::new(
                ErrorKind::Cancelled,
                Stage::SignIn,
                "the browser was closed before the sign-in was complete",
            );
        }
        let output = tokio::time::timeout(CLOSE_TIMEOUT, &mut self.output).await;
        let output = output.ok().and_then(std::result::Result::ok).unwrap_or_default();
        let last = output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it printed no error").trim();
        failed(format!("the browser exited at once: {}", excerpt(last)))
            .with_hint("start it by hand to see why, or choose another one with `--browser`")
    }

    /// Closes the browser properly, so that it saves its cookies.
    async fn close(mut self) {
        let closing = async {
            if self.tools.send(None, "Browser.close", json!({})).await.is_ok() {
                while let Ok(Some(_)) = self.tools.next().await {}
            }
            self.child.wait().await
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, closing).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Reads a browser's error output, so that it never blocks, and returns the end of it.
async fn read_output(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut output, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        output.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if output.len() > 2 * OUTPUT_TAIL {
            output.drain(..output.len() - OUTPUT_TAIL);
        }
    }
    String::from_utf8_lossy(&output).into_owned()
}

fn attach() -> Value {
    json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true })
}

/// Returns the form of a paused request, if it is a sign-in at AWS.
fn sign_in_form(paused: &Value) -> Option<Vec<u8>> {
    let request = paused.get("request")?;
    if request.get("method")?.as_str()? != "POST" || !is_sign_in(&Url::parse(request.get("url")?.as_str()?).ok()?) {
        return None;
    }
    if let Some(entries) = request.get("postDataEntries").and_then(Value::as_array) {
        let parts = entries.iter().filter_map(|entry| STANDARD.decode(entry.get("bytes")?.as_str()?).ok());
        let body: Vec<u8> = parts.flatten().collect();
        if !body.is_empty() {
            return Some(body);
        }
    }
    request.get("postData").and_then(Value::as_str).map(|text| text.as_bytes().to_vec())
}

/// Whether an address is AWS's sign-in, in any partition and region.
fn is_sign_in(url: &Url) -> bool {
    let Some(host) = url.host_str().filter(|_| url.scheme() == "https") else { return false };
    SIGN_IN_HOSTS
        .iter()
        .any(|(known, _)| host.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_aws_sign_in_match() {
        let matches = |url: &str| is_sign_in(&Url::parse(url).unwrap());
        for url in [
            "https://signin.aws.amazon.com/saml",
            "https://eu-west-1.signin.aws.amazon.com/saml",
            "https://signin.amazonaws-us-gov.com/saml",
            "https://signin.amazonaws.cn/static/saml",
        ] {
            assert!(matches(url), "{url}");
        }
        for url in [
            "http://signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com.example.com/saml",
            "https://evilsignin.aws.amazon.com/saml",
            "https://example.com/?https://signin.aws.amazon.com/saml",
        ] {
            assert!(!matches(url), "{url}");
        }
    }

    #[test]
    fn the_form_is_read_from_either_field() {
        let paused = |fields: Value| {
            let mut request = json!({ "method": "POST", "url": "https://signin.aws.amazon.com/saml" });
            request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            json!({ "request": request })
        };
        assert_eq!(sign_in_form(&paused(json!({ "postData": "SAMLResponse=x" }))).unwrap(), b"SAMLResponse=x");
        let entries = json!([{ "bytes": "U0FN" }, { "bytes": "TFJlc3BvbnNlPXg=" }]);
        assert_eq!(sign_in_form(&paused(json!({ "postDataEntries": entries }))).unwrap(), b"SAMLResponse=x");
        assert_eq!(sign_in_form(&paused(json!({ "method": "GET" }))), None);
    }
}
