//! Where SAML responses come from. A source knows nothing of AWS roles or credentials.

#[cfg(feature = "browser")]
pub mod browser;
#[cfg(feature = "command")]
mod command;
mod file;
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
pub use prompter::{NoPrompter, Prompter, Visit};

use crate::error::Result;
use crate::saml::{AWS_AUDIENCE, SamlResponse};

/// Where the `PATH` has a program of this name.
#[cfg(any(feature = "browser", feature = "command"))]
fn on_path(program: &std::path::Path) -> Option<std::path::PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Gets a SAML response: by signing in, by running a program, from a file.
#[async_trait]
pub trait AssertionSource: fmt::Debug + Send + Sync {
    /// What it is, for messages and the audit record: `okta:acme.okta.com`. Never a secret.
    fn describe(&self) -> String;

    /// Gets one.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from coming, with the stage `sign_in` or `assertion`.
    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse>;

    /// What tells it from another source that would answer otherwise: address, app, person. Part of the key under which
    /// what it leads to is kept; where there is none, nothing is kept. Never a secret.
    fn identity(&self) -> Option<String> {
        None
    }

    /// What tells the session at the identity provider from another: the org and the person. Whatever came from it is
    /// forgotten when it ends. Never a secret.
    fn session_identity(&self) -> Option<String> {
        self.identity()
    }

    /// Ends the session at the identity provider, if there is one that is known here. Says whether there was.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from ending.
    async fn sign_out(&self) -> Result<bool> {
        Ok(false)
    }
}

/// What a source needs to know.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AssertionRequest<'a> {
    /// Whom the assertion is for: `urn:amazon:webservices` unless said otherwise.
    pub audience: &'a str,
    /// Who can be asked for a name, a password, a code.
    pub prompter: &'a dyn Prompter,
    /// Whether the person shall sign in even where a session at the identity provider would do.
    pub anew: bool,
}

impl<'a> AssertionRequest<'a> {
    /// A request for an assertion that AWS takes.
    pub fn new(prompter: &'a dyn Prompter) -> Self {
        Self { audience: AWS_AUDIENCE, prompter, anew: false }
    }

    /// The same, whatever session there is at the identity provider.
    #[must_use]
    pub fn anew(mut self, anew: bool) -> Self {
        self.anew = anew;
        self
    }
}
