//! Where SAML responses come from, as settings say it, and the source that this makes.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::{Settings, default_browser_folder, words};
use crate::error::{Error, ErrorKind, Result, Stage};
#[cfg(feature = "grants")]
use crate::grant_id::GrantId;
use crate::net::HttpTransport;
use crate::secret::SecretString;
#[cfg(feature = "grants")]
use crate::source::GrantSource;
use crate::source::browser::{self, AcsSource, Browser, BrowserSource};
use crate::source::okta::{self, OktaSource};
use crate::source::{AssertionSource, CommandSource, FileSource};
use crate::store::Store;

/// Where SAML responses come from, as one text.
///
/// ```
/// use tempaccess_core::config::SourceSpec;
///
/// assert_eq!("-".parse(), Ok(SourceSpec::Stdin));
/// assert_eq!("file:response.txt".parse(), Ok(SourceSpec::File("response.txt".into())));
/// assert!(matches!("https://acme.okta.com/home/amazon_aws/0oa1/272".parse(), Ok(SourceSpec::Okta(_))));
/// assert!(matches!("browser:https://idp.example.com/aws".parse(), Ok(SourceSpec::Browser(_))));
/// assert!(matches!("command:idp-login --profile 'my app'".parse(), Ok(SourceSpec::Command { .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceSpec {
    /// `https://…`: the embed link of an Okta org's AWS app, or the address of the org.
    Okta(String),
    /// `browser:https://…`: a page to sign in at with a browser, where the way to AWS begins.
    Browser(String),
    /// `saml:METADATA`: the file of the metadata of an identity provider, to sign in at with the person's own browser.
    Saml(PathBuf),
    /// `file:PATH`: a file that holds a SAML response.
    File(PathBuf),
    /// `-`: standard input.
    Stdin,
    /// `grant:ID`: a grant that was opened on this machine.
    #[cfg(feature = "grants")]
    Grant(GrantId),
    /// `command:PROGRAM ARGUMENTS`: a program that prints a SAML response. Quoted like a shell, run without one.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

/// Splits a command line into the program and its arguments: as a shell quotes them, or on Windows as programs there do.
fn command_line(text: &str) -> Option<(String, Vec<String>)> {
    let mut words = words::split(text)?.into_iter();
    Some((words.next()?, words.collect()))
}

impl FromStr for SourceSpec {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        match text.split_once(':') {
            Some(("https" | "http", _)) => Ok(Self::Okta(text.to_owned())),
            #[cfg(feature = "grants")]
            Some(("grant", id)) => id.parse().map(Self::Grant).map_err(|_| SourceError(text.to_owned())),
            Some(("browser", page)) if !page.is_empty() => Ok(Self::Browser(page.to_owned())),
            Some(("saml", path)) if !path.is_empty() => Ok(Self::Saml(path.into())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("command", line)) => match command_line(line) {
                Some((program, arguments)) => Ok(Self::Command { program, arguments }),
                None => Err(SourceError(text.to_owned())),
            },
            _ => Err(SourceError(text.to_owned())),
        }
    }
}

impl Settings {
    /// The source of assertions. A password given here is used; else the one that `password_command` prints when it is
    /// needed; else the person is asked. Sessions at identity providers are kept in `store`.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where there is no source, or it makes no sense.
    pub fn assertion_source(
        &self,
        transport: Arc<HttpTransport>,
        password: Option<SecretString>,
        store: Option<Arc<dyn Store>>,
    ) -> Result<Arc<dyn AssertionSource>> {
        Ok(match self.source_spec()? {
            SourceSpec::Stdin => Arc::new(FileSource::stdin()),
            SourceSpec::File(path) => Arc::new(FileSource::new(path)),
            #[cfg(feature = "grants")]
            SourceSpec::Grant(id) => Arc::new(GrantSource::new(id, store)),
            SourceSpec::Command { program, arguments } => Arc::new(CommandSource::new(program, arguments)),
            SourceSpec::Browser(page) => {
                let mut source = BrowserSource::new(&page, self.browser()?)?;
                if let Some(username) = &self.username {
                    source = source.username(username);
                }
                Arc::new(source)
            }
            SourceSpec::Saml(file) => {
                let mut source = AcsSource::new(&metadata(&file)?, self.acs_url())?;
                if let Some(username) = &self.username {
                    source = source.username(username);
                }
                Arc::new(source)
            }
            SourceSpec::Okta(link) => Arc::new(self.okta(link, transport, password, store)?),
        })
    }

    /// What the source is.
    pub(crate) fn source_spec(&self) -> Result<SourceSpec> {
        let Some(source) = &self.source else {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                "no source is configured",
            )
            .with_hint(
                "give the link of Okta's AWS app with `--source https://…`, or write it into the configuration as `source` of the profile",
            ));
        };
        Ok(source.parse::<SourceSpec>()?)
    }

    /// As [`AssertionSource::identity`] of the source, without one.
    pub(super) fn source_identity(&self) -> Result<Option<String>> {
        if self.source.is_none() {
            return Ok(None);
        }
        let username = self.username.as_deref();
        Ok(match self.source_spec()? {
            SourceSpec::Stdin => None,
            SourceSpec::File(path) => FileSource::new(path).identity(),
            #[cfg(feature = "grants")]
            SourceSpec::Grant(id) => GrantSource::new(id, None).identity(),
            SourceSpec::Command { program, arguments } => CommandSource::new(program, arguments).identity(),
            SourceSpec::Browser(page) => Some(browser::identity_of(&page, username)?),
            SourceSpec::Saml(file) => Some(browser::acs_identity(&metadata(&file)?, self.acs_url(), username)),
            SourceSpec::Okta(link) => Some(okta::identity_of(&link, username)?),
        })
    }

    fn acs_url(&self) -> &str {
        self.acs_url.as_deref().unwrap_or(ACS_URL)
    }

    /// The browser that is driven.
    pub(crate) fn browser(&self) -> Result<Browser> {
        let mut browser = Browser::new().headless(self.headless.unwrap_or_default());
        if let Some(folder) = default_browser_folder() {
            browser = browser.profile_folder(folder);
        }
        if let Some(line) = &self.browser {
            let (program, arguments) = required_command_line("browser", line)?;
            browser = browser.program(program, arguments);
        }
        Ok(browser)
    }

    pub(crate) fn okta(
        &self,
        link: String,
        transport: Arc<HttpTransport>,
        password: Option<SecretString>,
        store: Option<Arc<dyn Store>>,
    ) -> Result<OktaSource> {
        let mut okta = OktaSource::builder(link)
            .transport(transport)
            .browser(self.browser()?)
            .remember_device(self.remember_device.unwrap_or_default());
        if let Some(auth) = &self.auth {
            okta = okta.auth(auth.parse()?);
        }
        if let Some(client_id) = &self.client_id {
            okta = okta.client_id(client_id);
        }
        if let Some(username) = &self.username {
            okta = okta.username(username);
        }
        if let Some(factor) = &self.factor {
            okta = okta.factor(factor.parse()?);
        }
        if let Some(store) = store {
            okta = okta.store(store);
        }
        match (password, &self.password_command) {
            (Some(password), _) => okta = okta.password(password),
            (None, Some(line)) => {
                let (program, arguments) = required_command_line("password_command", line)?;
                okta = okta.password_command(program, arguments);
            }
            (None, None) => {}
        }
        okta.build()
    }
}

/// The default address that receives the response of a `saml:` source.
const ACS_URL: &str = "http://127.0.0.1:35001/saml";

fn required_command_line(setting: &str, line: &str) -> Result<(String, Vec<String>)> {
    command_line(line).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidConfiguration,
            Stage::Configuration,
            format!("`{setting}` is not a valid command line"),
        )
        .with_hint("close every quote in it")
    })
}

fn metadata(file: &Path) -> Result<Vec<u8>> {
    crate::input::read_trusted(file).map_err(|error| {
        Error::new(
            ErrorKind::Io,
            Stage::Configuration,
            format!("the metadata `{}` cannot be read: {error}", file.display()),
        )
        .with_hint("name the file of the identity provider's SAML metadata after `saml:`")
        .with_source(error)
    })
}

/// A text that is not a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError(String);

impl SourceError {
    /// As much as can be shown: what follows may be a pasted secret.
    fn shown(&self) -> String {
        let head: String = self.0.chars().take_while(|character| *character != ':').take(20).collect();
        if head.len() < self.0.len() { format!("{head}…") } else { head }
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Self::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{}` is not a source", error.shown())).with_hint(
            "a source is the link of Okta's AWS app (`https://…`), a page to sign in at with a browser (`browser:https://…`), the metadata of \
             an identity provider (`saml:FILE`), `file:PATH`, `-` for standard input, or `command:PROGRAM ARGUMENTS`",
        )
    }
}
