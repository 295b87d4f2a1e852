//! How a sign-in at Okta is set up.

use std::sync::Arc;
use std::time::Duration;

use super::factor::FactorKind;
use super::way::Auth;
use super::{OktaSource, org_and_app};
use crate::clock::{SystemClock, Timer};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{HttpTransport, Transport};
use crate::secret::SecretString;
#[cfg(feature = "browser")]
use crate::source::browser::Browser;
use crate::store::Store;

/// How [`OktaSource`] signs in.
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
    pub(super) patience: Duration,
    pub(super) store: Option<Arc<dyn Store>>,
}

/// Where the password comes from. It is not looked for before it is needed.
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
            patience: Duration::from_secs(300),
            store: None,
        }
    }

    /// The person's name in the org. Without one the person is asked.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The person's password. Without one the person is asked.
    #[must_use]
    pub fn password(mut self, password: SecretString) -> Self {
        self.password = Some(Password::Known(password));
        self
    }

    /// A program whose first line is the password, run when the password is needed.
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

    /// The second factor to use where the person has several. Without one the person is asked.
    #[must_use]
    pub fn factor(mut self, factor: FactorKind) -> Self {
        self.factor = Some(factor);
        self
    }

    /// How to sign in, where the org is not to decide.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// The client id of the native app in Okta that device authorization is done for.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Asks Okta not to ask for the second factor on this machine again for a while, where the org allows that.
    #[must_use]
    pub fn remember_device(mut self, remember: bool) -> Self {
        self.remember_device = remember;
        self
    }

    /// The browser that a person goes on in where a terminal will not do.
    #[cfg(feature = "browser")]
    #[must_use]
    pub fn browser(mut self, browser: Browser) -> Self {
        self.browser = browser;
        self
    }

    /// What sends the requests.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = transport;
        self
    }

    /// What tells the time and waits between two looks at a push.
    #[must_use]
    pub fn timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.timer = timer;
        self
    }

    /// How long a push may wait for the person's answer: 5 minutes unless said otherwise, as Okta has it.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Keeps the session at Okta here, so that the next sign-in is silent as long as Okta lets it be.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The source.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the link is no `https` URL, or the way needs what is not given.
    pub fn build(self) -> Result<OktaSource> {
        let (org, app) = org_and_app(&self.app_url)?;
        if self.auth == Auth::Device && self.client_id.is_none() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                "device authorization needs a client id",
            )
            .with_hint("give that of the native app in Okta with `--client-id`, or as `client_id` of the profile"));
        }
        Ok(OktaSource { org, app, settings: self })
    }
}
