//! One sign-in: a browser with a profile of its own, and the form that it would have sent to AWS.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
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
use super::{Browser, find};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, SIGN_IN_HOSTS, SamlResponse};
use crate::secret::unguessable;
use crate::source::AssertionRequest;
use crate::store::StoreKey;
use crate::text::excerpt;

/// Without these, a browser asks who it is to be, and calls home.
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
const CLOSING: Duration = Duration::from_secs(5);

/// What is kept of what a browser says, at least.
const COMPLAINT: usize = 4096;

/// What the person sees in place of AWS's page.
const DONE: &str = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Signed in</title>\
<body style=\"font-family: sans-serif; margin: 4em\"><h1>Signed in</h1><p>You can close this window.</p></body></html>";

fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Io, Stage::SignIn, message.into())
}

fn cannot(error: io::Error) -> Error {
    failed(format!("the browser cannot be driven: {error}")).with_source(error)
}

pub(super) async fn run(
    browser: &Browser,
    start: &Url,
    session: &str,
    request: &AssertionRequest<'_>,
) -> Result<SamlResponse> {
    let host = start.host_str().unwrap_or_default();
    if browser.headless {
        request.prompter.tell(&format!("Signing in with a browser that shows no window: {host}"));
    } else {
        request.prompter.attend(&format!("Sign in with the browser that opens: {host}")).await?;
    }
    let end = tokio::time::Instant::now() + browser.timeout;
    let too_late = || {
        let hint = if browser.headless {
            "the identity provider may want a person: sign in without `--headless`"
        } else {
            "sign in again; the app's form must go to AWS, `https://signin.aws.amazon.com/saml`"
        };
        let message = "no SAML response came from the browser in time";
        Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, message).with_hint(hint)
    };
    let profile = tokio::time::timeout_at(end, Profile::take(browser, session)).await.map_err(|_| busy())??;
    if request.anew {
        profile.clear()?;
    }
    let mut driven = Driven::start(browser, &profile)?;
    let captured = tokio::time::timeout_at(end, driven.capture(start)).await;
    driven.close().await;
    captured.map_err(|_| too_late())?
}

/// Forgets the profile and with it the session at the identity provider. Says whether there was one.
pub(super) async fn forget(browser: &Browser, session: &str) -> Result<bool> {
    let Some(folder) = browser.profiles.as_ref().map(|profiles| folder(profiles, session)) else { return Ok(false) };
    if !folder.exists() {
        return Ok(false);
    }
    let profile = tokio::time::timeout(CLOSING, Profile::take(browser, session)).await.map_err(|_| busy())??;
    fs::remove_dir_all(&profile.folder).map_err(not_forgotten)?;
    Ok(true)
}

fn not_forgotten(error: io::Error) -> Error {
    failed(format!("the browser's profile cannot be forgotten: {error}")).with_source(error)
}

fn busy() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, "the browser's profile is in use by another sign-in")
        .with_hint("finish that one, or close its window")
}

fn folder(profiles: &Path, session: &str) -> PathBuf {
    profiles.join(StoreKey::of(&["profile", session]).as_str())
}

/// A profile folder that is nobody else's for as long as this lasts.
struct Profile {
    folder: PathBuf,
    /// Its lock; without one it is for one sign-in, and goes with it.
    lock: Option<File>,
}

impl Profile {
    async fn take(browser: &Browser, session: &str) -> Result<Self> {
        let unusable = |error: io::Error| {
            failed(format!("the browser's profile folder cannot be used: {error}")).with_source(error)
        };
        let Some(profiles) = &browser.profiles else {
            let folder = std::env::temp_dir().join(format!("tempaccess-{}", unguessable()?.expose()));
            fresh_profile(&folder).map_err(unusable)?;
            return Ok(Self { folder, lock: None });
        };
        let folder = folder(profiles, session);
        fresh_profile(&folder).map_err(unusable)?;
        let lock = File::create(folder.with_extension("lock")).map_err(unusable)?;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Self { folder, lock: Some(lock) }),
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(fs::TryLockError::Error(error)) => return Err(unusable(error)),
            }
        }
    }

    fn clear(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).and_then(|()| fresh_profile(&self.folder)).map_err(not_forgotten)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        if self.lock.is_none() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Settings of a new profile: nothing is connected to before it is asked for, no password is offered to be kept, and cookies
/// of a session outlast the window, since most identity providers give no others.
const PREFERENCES: &str =
    r#"{"net":{"network_prediction_options":2},"credentials_enable_service":false,"session":{"restore_on_startup":1}}"#;

/// A folder for its owner alone, as a browser's cookies are in it, with settings where it is new.
fn fresh_profile(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let settings = folder.join("Default");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&settings)?;
    // Its pages are not to come back with the cookies: the last one was a form on its way to AWS.
    match fs::remove_dir_all(settings.join("Sessions")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match File::create_new(settings.join("Preferences")) {
        Ok(mut file) => io::Write::write_all(&mut file, PREFERENCES.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// How far the first page has come.
#[derive(Default)]
struct Way {
    navigation: Option<u64>,
    has_started: bool,
    /// The commands without which a page would not stop.
    guards: Vec<u64>,
}

fn unreachable_page(start: &Url, why: &str) -> Error {
    let message = format!("the browser cannot reach `{}`: {}", start.host_str().unwrap_or_default(), excerpt(why));
    Error::new(ErrorKind::Network, Stage::SignIn, message).with_hint("open the same address in your own browser")
}

/// A browser that runs, and the connection to it.
struct Driven {
    child: Child,
    tools: DevTools,
    /// The last that it said, once it has ended.
    said: JoinHandle<String>,
}

impl Driven {
    fn start(browser: &Browser, profile: &Profile) -> Result<Self> {
        let (program, arguments) = match &browser.program {
            Some((program, arguments)) => (find::named(program)?, arguments.clone()),
            None => (find::required()?, Vec::new()),
        };
        let (its_in, our_out) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| cannot(e.into()))?;
        let (our_in, its_out) =
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| cannot(e.into()))?;
        let mut command = std::process::Command::new(&program);
        command.args(arguments).args(ARGUMENTS);
        if browser.headless {
            command.arg("--headless=new");
        } else {
            find::display()?;
        }
        // Held before it is sent, so nothing should look up the name either.
        let rules: Vec<_> =
            SIGN_IN_HOSTS.iter().map(|(host, _)| format!("MAP {host} ~NOTFOUND, MAP *.{host} ~NOTFOUND")).collect();
        command.arg(format!("--host-resolver-rules={}", rules.join(", ")));
        let mut folder = std::ffi::OsString::from("--user-data-dir=");
        folder.push(&profile.folder);
        command.arg(folder).arg("about:blank");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
            .fd_mappings(vec![
                FdMapping { parent_fd: its_in, child_fd: 3 },
                FdMapping { parent_fd: its_out, child_fd: 4 },
            ])
            .map_err(|error| failed(format!("the browser cannot be started: {error}")))?;
        let mut command = Command::from(command);
        let mut child = command.kill_on_drop(true).spawn().map_err(|error| {
            failed(format!("the browser `{}` cannot be started: {error}", program.display()))
                .with_hint("name another with `--browser`")
                .with_source(error)
        })?;
        let tools = DevTools::new(
            pipe::Sender::from_owned_fd(our_out).map_err(cannot)?,
            pipe::Receiver::from_owned_fd(our_in).map_err(cannot)?,
        );
        let said = tokio::spawn(last_words(child.stderr.take()));
        Ok(Self { child, tools, said })
    }

    /// Drives the browser until it would send a SAML response to AWS, which it does not.
    async fn capture(&mut self, start: &Url) -> Result<SamlResponse> {
        let mut way = Way::default();
        match self.follow(start, &mut way).await {
            Ok(Some(response)) => response,
            // It has closed its end, or we would write to nobody.
            Ok(None) | Err(_) => Err(self.ended(way.has_started).await),
        }
    }

    /// The same, until the browser has ended.
    async fn follow(&mut self, start: &Url, way: &mut Way) -> io::Result<Option<Result<SamlResponse>>> {
        self.tools.send(None, "Target.setAutoAttach", attach()).await?;
        while let Some(message) = self.tools.next().await? {
            match message {
                Message::Answer { id, result } if Some(id) == way.navigation => {
                    way.has_started = true;
                    let refused = result.as_ref().ok().and_then(|it| it.get("errorText")?.as_str());
                    if let Some(why) = refused {
                        return Ok(Some(Err(unreachable_page(start, why))));
                    }
                }
                Message::Answer { id, result: Err(why) } if way.guards.contains(&id) => {
                    return Ok(Some(Err(failed(format!(
                        "the browser does not let itself be driven: {}",
                        excerpt(&why)
                    ))
                    .with_hint("name another with `--browser`"))));
                }
                Message::Answer { .. } => {}
                Message::Event { method, parameters, session } => match method.as_str() {
                    "Target.attachedToTarget" => self.attached(start, &parameters, way).await?,
                    "Fetch.requestPaused" => {
                        let Some(id) = parameters.get("requestId").and_then(Value::as_str) else { continue };
                        if let Some(body) = for_aws(&parameters) {
                            self.answer(session.as_deref(), id).await?;
                            return Ok(Some(SamlResponse::detect(&body, &Limits::default())));
                        }
                        // Whatever else it is, it is on its way to AWS, and does not get there.
                        let stop = json!({ "requestId": id, "errorReason": "BlockedByClient" });
                        self.tools.send(session.as_deref(), "Fetch.failRequest", stop).await?;
                    }
                    _ => {}
                },
            }
        }
        Ok(None)
    }

    /// Watches a page or a frame from before it does anything, and sends the first page on its way.
    async fn attached(&mut self, start: &Url, target: &Value, way: &mut Way) -> io::Result<()> {
        let Some(page) = target.get("sessionId").and_then(Value::as_str) else { return Ok(()) };
        let guard = self.watch(page).await?;
        let is_page = target.pointer("/targetInfo/type").and_then(Value::as_str) == Some("page");
        if is_page {
            way.guards.push(guard);
        }
        if is_page && way.navigation.is_none() {
            way.navigation =
                Some(self.tools.send(Some(page), "Page.navigate", json!({ "url": start.as_str() })).await?);
        }
        Ok(())
    }

    /// Has a page or a frame stop before it sends anything to AWS, and the same for whatever it opens. Gives the id of the
    /// command that sees to that.
    async fn watch(&mut self, page: &str) -> io::Result<u64> {
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

    /// Answers in place of AWS.
    async fn answer(&mut self, session: Option<&str>, request: &str) -> io::Result<()> {
        let page = json!({
            "requestId": request,
            "responseCode": 200,
            "responseHeaders": [
                { "name": "content-type", "value": "text/html; charset=utf-8" },
                { "name": "cache-control", "value": "no-store" },
            ],
            "body": STANDARD.encode(DONE),
        });
        self.tools.send(session, "Fetch.fulfillRequest", page).await.map(drop)
    }

    /// Why the browser is there no more.
    async fn ended(&mut self, started: bool) -> Error {
        if started {
            return Error::new(ErrorKind::Cancelled, Stage::SignIn, "the browser was closed before it had signed in");
        }
        let said = tokio::time::timeout(CLOSING, &mut self.said).await;
        let said = said.ok().and_then(std::result::Result::ok).unwrap_or_default();
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim();
        failed(format!("the browser ended as soon as it was started: {}", excerpt(last)))
            .with_hint("start it by hand to see why; another is named with `--browser`")
    }

    /// Closes the browser, so that what it knows of the session is written down.
    async fn close(mut self) {
        let closing = async {
            if self.tools.send(None, "Browser.close", json!({})).await.is_ok() {
                while let Ok(Some(_)) = self.tools.next().await {}
            }
            self.child.wait().await
        };
        if tokio::time::timeout(CLOSING, closing).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// Reads what a browser says, so that it is never kept waiting, to the last of it.
async fn last_words(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        said.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if said.len() > 2 * COMPLAINT {
            said.drain(..said.len() - COMPLAINT);
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn attach() -> Value {
    json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true })
}

/// The form of a request that a page is about to send to AWS, where it is that.
fn for_aws(paused: &Value) -> Option<Vec<u8>> {
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

/// Whether an address is the sign-in of AWS in some partition and region.
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
    fn only_the_sign_in_of_aws_is_that() {
        let is_it = |url: &str| is_sign_in(&Url::parse(url).unwrap());
        for url in [
            "https://signin.aws.amazon.com/saml",
            "https://eu-west-1.signin.aws.amazon.com/saml",
            "https://signin.amazonaws-us-gov.com/saml",
            "https://signin.amazonaws.cn/static/saml",
        ] {
            assert!(is_it(url), "{url}");
        }
        for url in [
            "http://signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com.example.com/saml",
            "https://evilsignin.aws.amazon.com/saml",
            "https://example.com/?https://signin.aws.amazon.com/saml",
        ] {
            assert!(!is_it(url), "{url}");
        }
    }

    #[test]
    fn the_form_is_taken_from_either_place() {
        let paused = |fields: Value| {
            let mut request = json!({ "method": "POST", "url": "https://signin.aws.amazon.com/saml" });
            request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            json!({ "request": request })
        };
        assert_eq!(for_aws(&paused(json!({ "postData": "SAMLResponse=x" }))).unwrap(), b"SAMLResponse=x");
        let entries = json!([{ "bytes": "U0FN" }, { "bytes": "TFJlc3BvbnNlPXg=" }]);
        assert_eq!(for_aws(&paused(json!({ "postDataEntries": entries }))).unwrap(), b"SAMLResponse=x");
        assert_eq!(for_aws(&paused(json!({ "method": "GET" }))), None);
    }
}
