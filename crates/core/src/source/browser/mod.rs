//! Sign-in at any SAML 2.0 identity provider with a browser.
//!
//! [`BrowserSource`] controls a browser and takes the SAML response from it before it is sent to AWS: the identity provider
//! needs nothing but its AWS app. [`AcsSource`] uses the person's own browser, which delivers the response to this machine:
//! that needs an app at the identity provider whose recipient is this machine.
//!
//! The controlled browser is an installed Chromium, Chrome or Edge with a profile folder of its own. It is controlled over pipes
//! that no other program can open (`--remote-debugging-pipe`).

mod acs;
#[cfg(unix)]
mod capture;
#[cfg(unix)]
mod devtools;
mod find;
#[cfg(unix)]
mod profile;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

pub use acs::AcsSource;
#[cfg(feature = "config")]
pub(crate) use acs::identity as acs_identity;
#[cfg(feature = "config")]
pub(crate) use find::installed as installed_browser;

use super::{AssertionRequest, AssertionSource};
use crate::error::Result;
use crate::net::secure_url;
use crate::saml::SamlResponse;

/// The browser to control, and its options.
///
/// ```
/// use tempaccess_core::source::browser::Browser;
///
/// let browser = Browser::new().program("/opt/chromium/chrome", ["--force-dark-mode"]).profile_folder("/home/ada/.cache/sign-in");
/// ```
#[derive(Debug, Clone)]
pub struct Browser {
    program: Option<(PathBuf, Vec<String>)>,
    headless: bool,
    profiles: Option<PathBuf>,
    timeout: Duration,
}

impl Default for Browser {
    fn default() -> Self {
        Self { program: None, headless: false, profiles: None, timeout: Duration::from_secs(300) }
    }
}

impl Browser {
    /// Uses the first Chromium, Chrome or Edge that is installed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the program, with arguments that precede ours.
    #[must_use]
    pub fn program<A: Into<String>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.program = Some((program.into(), arguments.into_iter().map(Into::into).collect()));
        self
    }

    /// Sets whether the browser shows no window, for identity providers where no person is needed.
    #[must_use]
    pub fn headless(mut self, headless: bool) -> Self {
        self.headless = headless;
        self
    }

    /// Sets the folder of browser profiles, one for each identity provider and person, in which sessions persist (default: each
    /// sign-in has a temporary profile). The folder must be private to this user.
    #[must_use]
    pub fn profile_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.profiles = Some(folder.into());
        self
    }

    /// Sets how long a sign-in may take, including the person's part (default: 5 minutes).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Checks that there is a browser, and a display if one is needed.
    ///
    /// # Errors
    ///
    /// `io`, naming what is missing; `invalid_argument` on Windows, where no browser can be controlled.
    pub fn required(&self) -> Result<()> {
        capture::supported()?;
        match &self.program {
            Some((program, _)) => find::named(program)?,
            None => find::required()?,
        };
        if self.headless { Ok(()) } else { find::display() }
    }

    /// Whether a browser can be controlled: there is one, and a display if one is needed.
    pub fn can_be_shown(&self) -> bool {
        self.required().is_ok()
    }
}

/// Signs in at any SAML 2.0 identity provider with a browser that this program controls.
///
/// ```no_run
/// use tempaccess_core::source::browser::{Browser, BrowserSource};
///
/// let source = BrowserSource::new("https://idp.example.com/saml2/SSOService.php?spentityid=urn:amazon:webservices", Browser::new())?;
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BrowserSource {
    start: Url,
    username: Option<String>,
    browser: Browser,
}

impl BrowserSource {
    /// Starts at this page: the address behind the tile of the AWS app on the identity provider's dashboard, or the dashboard.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if it is not an `https` URL.
    pub fn new(start: &str, browser: Browser) -> Result<Self> {
        Ok(Self { start: secure_url(START, start)?, username: None, browser })
    }

    /// Sets the person's name, which separates the browser profiles of two people. The browser does not see it.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    fn session(&self) -> String {
        let person = self.username.as_deref().unwrap_or_default();
        format!("browser {} {person}", self.start.origin().ascii_serialization())
    }
}

/// Returns [`AssertionSource::identity`] of a source with this page.
#[cfg(feature = "config")]
pub(crate) fn identity_of(start: &str, username: Option<&str>) -> Result<String> {
    Ok(identity(&secure_url(START, start)?, username))
}

/// Names the start page in messages.
const START: &str = "the page to sign in at";

fn identity(start: &Url, username: Option<&str>) -> String {
    format!("browser {start} {}", username.unwrap_or_default())
}

/// Windows, where a browser is not controlled. Chromium takes the pipes there as inherited handles, whose numbers it is told. std makes
/// no handles inheritable but the three standard ones, and does not tell their numbers, so that this would need unsafe code; and a
/// port for DevTools on loopback would be open to every process of every user of the machine.
#[cfg(not(unix))]
mod capture {
    use super::{AssertionRequest, Browser, Result, SamlResponse, Url};
    use crate::error::{Error, ErrorKind, Stage};

    pub(super) fn supported() -> Result<()> {
        Err(Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "a browser cannot be controlled on Windows").with_hint(
            "at an Okta org, sign in with `--auth device`; elsewhere use a generic SAML app and a source `saml:METADATA`",
        ))
    }

    pub(super) async fn run(browser: &Browser, _: &Url, _: &str, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        browser.required()?;
        Err(Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "no browser was controlled"))
    }

    pub(super) async fn remove_session(_: &Browser, _: &str) -> Result<bool> {
        Ok(false)
    }
}

#[async_trait]
impl AssertionSource for BrowserSource {
    fn describe(&self) -> String {
        format!("browser:{}", self.start.host_str().unwrap_or_default())
    }

    fn identity(&self) -> Option<String> {
        Some(identity(&self.start, self.username.as_deref()))
    }

    fn session_identity(&self) -> Option<String> {
        Some(self.session())
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        capture::run(&self.browser, &self.start, &self.session(), request).await
    }

    async fn sign_out(&self) -> Result<bool> {
        capture::remove_session(&self.browser, &self.session()).await
    }
}
