//! Any SAML 2.0 identity provider, in a browser: the person signs in there as they always do.
//!
//! [`BrowserSource`] drives a browser, and takes the SAML response from it before it leaves the machine for AWS: the identity
//! provider needs nothing but the AWS app that it has. [`AcsSource`] leaves the person their own browser, which brings the
//! response here: that needs an app at the identity provider whose recipient is this machine.
//!
//! The browser that is driven is the Chromium, Chrome or Edge that is installed, with a profile folder of its own, and it is spoken to over pipes
//! that nobody else can join (`--remote-debugging-pipe`).

mod acs;
#[cfg(unix)]
mod capture;
#[cfg(unix)]
mod devtools;
mod find;

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

pub use acs::AcsSource;
#[cfg(feature = "config")]
pub(crate) use acs::identity as acs_identity;

use super::{AssertionRequest, AssertionSource};
use crate::error::Result;
use crate::net::secure_url;
use crate::saml::SamlResponse;

/// Which browser is driven, and how.
///
/// ```
/// use tempaccess_core::browser::Browser;
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
    /// The first Chromium, Chrome or Edge that is found on this machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// This one instead, with arguments of your own before ours.
    #[must_use]
    pub fn program<A: Into<String>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.program = Some((program.into(), arguments.into_iter().map(Into::into).collect()));
        self
    }

    /// Shows no window: for identity providers whose session needs no person.
    #[must_use]
    pub fn headless(mut self, headless: bool) -> Self {
        self.headless = headless;
        self
    }

    /// Where the profiles of the browser lie, one for each identity provider and person, so that a session there lasts.
    /// Without one, each sign-in begins with nothing and leaves nothing.
    #[must_use]
    pub fn profile_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.profiles = Some(folder.into());
        self
    }

    /// How long a sign-in may take, the person's part included: 5 minutes unless said otherwise.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// That there is a browser, and a display to show it on where one is needed.
    ///
    /// # Errors
    ///
    /// `io`, with what is missing.
    pub fn required(&self) -> Result<()> {
        match &self.program {
            Some((program, _)) => find::named(program)?,
            None => find::required()?,
        };
        if self.headless { Ok(()) } else { find::display() }
    }

    /// Whether there is a browser, and a display to show it on where one is needed.
    pub fn can_be_shown(&self) -> bool {
        cfg!(unix) && self.required().is_ok()
    }
}

/// Signs in at any SAML 2.0 identity provider with a browser that is driven from here.
///
/// ```no_run
/// use tempaccess_core::browser::{Browser, BrowserSource};
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
    /// Starts at this page: where the person begins to sign in to AWS. That is the address behind the tile of the AWS app on
    /// the identity provider's dashboard, or the dashboard itself.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where it is no `https` URL.
    pub fn new(start: &str, browser: Browser) -> Result<Self> {
        Ok(Self { start: secure_url(START, start)?, username: None, browser })
    }

    /// The person, so that two of them have two profiles. The browser is not told.
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

/// As [`AssertionSource::identity`], for a page that is not looked at yet.
#[cfg(feature = "config")]
pub(crate) fn identity_of(start: &str, username: Option<&str>) -> Result<String> {
    Ok(identity(&secure_url(START, start)?, username))
}

/// What the page to start at is in messages.
const START: &str = "the page to sign in at";

fn identity(start: &Url, username: Option<&str>) -> String {
    format!("browser {start} {}", username.unwrap_or_default())
}

/// Where no browser can be driven over pipes.
#[cfg(not(unix))]
mod capture {
    use super::{AssertionRequest, Browser, Result, SamlResponse, Url};
    use crate::error::{Error, ErrorKind, Stage};

    pub(super) async fn run(_: &Browser, _: &Url, _: &str, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        Err(Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "no browser can be driven on this system").with_hint(
            "at an Okta org, sign in with `--auth device`; elsewhere with a generic SAML app and a source `saml:METADATA`",
        ))
    }

    pub(super) async fn forget(_: &Browser, _: &str) -> Result<bool> {
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
        capture::forget(&self.browser, &self.session()).await
    }
}
