//! The settings of a sign-in at Okta.

use std::sync::Arc;
use std::time::Duration;

use super::OktaSource;
use super::address::org_and_app;
use super::auth_method::Auth;
use super::factor_kind::FactorKind;
use crate::clock::{SystemClock, Timer};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{HttpTransport, Transport};
use crate::secret::SecretString;
#[cfg(feature = "browser")]
use crate::source::browser::Browser;
use crate::store::Store;

/// Builds an [`OktaSource`].
#[derive(Debug, Clone)]
pub struct OktaSourceBuilder {
    pub(super) app_url: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<Password>,
    pub(super) factor: Option<FactorKind>,
    pub(super) auth: Auth,
    pub(super) client_id: Option<String>,
    pub(super) remember_device: bool,
    #[cfg(feature = "browser")]
    pub(super) browser: Browser,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) timer: Arc<dyn Timer>,
    pub(super) approval_timeout: Duration,
    pub(super) store: Option<Arc<dyn Store>>,
}

/// Where the password comes from. It is read when it is needed, not before.
#[derive(Debug, Clone)]
pub(super) enum Password {
    Known(SecretString),
    #[cfg(feature = "config")]
    Command {
        program: String,
        arguments: Vec<String>,
    },
}

impl OktaSourceBuilder {
    pub(super) fn new(app_url: String) -> Self {
        Self {
            app_url,
            auth: Auth::Auto,
            client_id: None,
            remember_device: false,
            #[cfg(feature = "browser")]
            browser: Browser::new(),
            username: None,
            password: None,
            factor: None,
            transport: Arc::new(HttpTransport::default()),
            timer: Arc::new(SystemClock),
            approval_timeout: Duration::from_secs(300),
            store: None,
        }
    }

    /// Sets the user name. Without one, the person is asked.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Sets the password. Without one, the person is asked.
    #[must_use]
    pub fn password(mut self, password: SecretString) -> Self {
        self.password = Some(Password::Known(password));
        self
    }

    /// Sets a program that prints the password as its first line. It runs when the password is needed.
    #[cfg(feature = "config")]
    #[must_use]
    pub fn password_command<A: Into<String>>(
        mut self,
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        self.password = Some(Password::Command { program: program.into(), arguments });
        self
    }

    /// Sets the second factor to use if the person has several. Without one, the person is asked.
    #[must_use]
    pub fn factor(mut self, factor: FactorKind) -> Self {
        self.factor = Some(factor);
        self
    }

    /// Sets the sign-in method, instead of choosing it by the engine of the org.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Sets the client id of the native app in Okta, for device authorization.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Requests that Okta not ask for the second factor on this device for a while, if the org allows that.
    #[must_use]
    pub fn remember_device(mut self, remember: bool) -> Self {
        self.remember_device = remember;
        self
    }

    /// Sets the browser to continue in if a terminal cannot finish the sign-in.
    #[cfg(feature = "browser")]
    #[must_use]
    pub fn browser(mut self, browser: Browser) -> Self {
        self.browser = browser;
        self
    }

    /// Sets the transport that sends the requests.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = transport;
        self
    }

    /// Sets the timer that tells the time and waits between polls.
    #[must_use]
    pub fn timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.timer = timer;
        self
    }

    /// Sets how long to wait for the person to answer a push, or to sign in with their browser. Default: 5 minutes.
    #[must_use]
    pub fn approval_timeout(mut self, timeout: Duration) -> Self {
        self.approval_timeout = timeout;
        self
    }

    /// Sets the store that caches the session at Okta, so that the next sign-in asks nothing while the session lasts.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Builds the source.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the link is not an `https` URL, or if the method needs a client id and there is none.
    pub fn build(self) -> Result<OktaSource> {
        let (org, app) = org_and_app(&self.app_url)?;
        if self.auth == Auth::Device && self.client_id.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                "device authorization needs a client id",
            )
            .with_hint(
                "set the client id of the native app in Okta with `--client-id`, or as `client_id` in the profile",
            ));
        }
        Ok(OktaSource { org, app, settings: self })
    }
}
