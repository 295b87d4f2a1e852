//! Sources of SAML responses, and the person who is asked. A source knows nothing of AWS roles or credentials.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "command")]
mod command;
mod file;
#[cfg(feature = "grants")]
mod grant;
mod notice;
#[cfg(feature = "okta")]
pub mod okta;
mod prompter;

use std::fmt;

use async_trait::async_trait;

#[cfg(feature = "command")]
pub use command::CommandSource;
#[cfg(feature = "config")]
pub(crate) use command::output_of;
pub use file::FileSource;
#[cfg(feature = "grants")]
pub use grant::GrantSource;
#[cfg(feature = "grants")]
pub(crate) use grant::{GRANT_PREFIX, GrantFacts, grant_key};
pub use notice::{CachedItem, FactorStep, Notice};
pub(crate) use prompter::NO_PERSON_HINT;
pub use prompter::{NoPrompter, Prompter, Visit};

use crate::error::Result;
use crate::saml::{AWS_AUDIENCE, SamlResponse};

/// A source of SAML responses: a sign-in, a program, a file.
#[async_trait]
pub trait AssertionSource: fmt::Debug + Send + Sync {
    /// Describes the source for messages and the audit record: `okta:acme.okta.com`. Not secret.
    fn describe(&self) -> String;

    /// Returns a SAML response.
    ///
    /// # Errors
    ///
    /// Errors of the stages `sign_in` and `assertion`.
    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse>;

    /// Distinguishes this source from others that would answer differently: address, app, person. It is part of the cache key;
    /// without it, nothing is cached. Not secret.
    fn identity(&self) -> Option<String> {
        None
    }

    /// Distinguishes the session at the identity provider from others: the org and the person. Signing out removes everything
    /// that came from it. Not secret.
    fn session_identity(&self) -> Option<String> {
        self.identity()
    }

    /// Whether the source can give another response later (default: yes). Credentials of one that cannot are used until they
    /// expire.
    fn can_sign_in(&self) -> bool {
        true
    }

    /// Ends the session at the identity provider, if there is a cached one. Returns whether there was.
    ///
    /// # Errors
    ///
    /// The reason why it could not be ended.
    async fn sign_out(&self) -> Result<bool> {
        Ok(false)
    }
}

/// A request to a source.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AssertionRequest<'a> {
    /// The audience of the assertion (default: `urn:amazon:webservices`).
    pub audience: &'a str,
    /// Who is asked for a name, a password, a code.
    pub prompter: &'a dyn Prompter,
    /// Whether the person must sign in even if there is a session at the identity provider (SAML: `ForceAuthn`).
    pub force_authn: bool,
}

impl<'a> AssertionRequest<'a> {
    /// Returns a request for an assertion that AWS accepts.
    pub fn new(prompter: &'a dyn Prompter) -> Self {
        Self { audience: AWS_AUDIENCE, prompter, force_authn: false }
    }

    /// Makes the person sign in even if there is a session at the identity provider.
    #[must_use]
    pub fn force_authn(mut self) -> Self {
        self.force_authn = true;
        self
    }
}
