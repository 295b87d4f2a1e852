//! Arguments that several commands share: where to sign in, which role, and for how long.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tempaccess_core::config::{NextRole, Settings};
use tempaccess_core::{Error, ErrorKind, Prompter, Result, Stage, terminal::Terminal};

use crate::complete;
use crate::terminal::silent;

/// The heading of the options that say how to sign in.
const SIGN_IN: &str = "Sign-in options";

/// A profile, by position or by option, and where to sign in.
#[derive(Debug, Args)]
pub(crate) struct SignIn {
    /// Profile of the configuration file, as with `--profile`
    #[arg(value_name = "PROFILE", add = complete::profiles())]
    profile_name: Option<String>,
    #[command(flatten)]
    access: Access,
}

impl SignIn {
    /// Returns where to sign in, with the profile in it.
    pub(crate) fn into_access(self) -> Result<Access> {
        let Self { profile_name, mut access } = self;
        access.profile = one_profile(profile_name, access.profile)?;
        Ok(access)
    }
}

/// Returns the profile that was given by position, by option, or by both alike.
pub(crate) fn one_profile(by_position: Option<String>, by_option: Option<String>) -> Result<Option<String>> {
    match (by_position, by_option) {
        (Some(first), Some(second)) if first != second => Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Configuration,
            format!("two different profiles are given: `{first}` and `--profile {second}`"),
        )
        .with_hint("give the profile once")),
        (by_position, by_option) => Ok(by_position.or(by_option)),
    }
}

/// A profile, where to sign in, and settings that override those of the profile.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    #[command(flatten)]
    sign_in: SignIn,
    #[command(flatten)]
    session: Session,
}

impl Chosen {
    /// Returns where to sign in, with the profile in it, and the settings that were given.
    pub(crate) fn into_parts(self) -> Result<(Access, Settings)> {
        let Self { sign_in, session } = self;
        let access = sign_in.into_access()?;
        let settings = access.settings().over(session.settings());
        Ok((access, settings))
    }
}

/// Where to sign in, and who.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// Profile of the configuration file [env: TEMPACCESS_PROFILE] [default: default]
    #[arg(long, value_name = "NAME", add = complete::profiles())]
    pub(crate) profile: Option<String>,
    /// Configuration file [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Source of the SAML response: the link of Okta's AWS app, `browser:https://…`, `saml:METADATA`,
    /// `command:PROGRAM ARGUMENTS`, `file:PATH`, or `-` for standard input [env: TEMPACCESS_SOURCE]
    #[arg(long, value_name = "SOURCE", help_heading = SIGN_IN)]
    source: Option<String>,
    #[command(flatten)]
    method: SignInMethod,
    /// User name at the identity provider [env: TEMPACCESS_USERNAME]
    #[arg(long, value_name = "NAME", help_heading = SIGN_IN)]
    username: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long, help_heading = SIGN_IN)]
    pub(crate) password_stdin: bool,
    /// Fail instead of prompting
    #[arg(long)]
    pub(crate) no_interactive: bool,
    /// Whether another program asks, again and again, even if it runs on a terminal.
    #[arg(skip)]
    pub(crate) for_program: bool,
    #[command(flatten)]
    pub(crate) store: Store,
}

/// How to sign in.
#[derive(Debug, Args)]
#[command(next_help_heading = SIGN_IN)]
struct SignInMethod {
    /// Okta sign-in method: auto, classic, device, browser or idx [env: TEMPACCESS_AUTH] [default: auto]
    #[arg(long, value_name = "METHOD")]
    auth: Option<String>,
    /// Client ID of the native app in Okta, for device authorization [env: TEMPACCESS_CLIENT_ID]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Second factor: push, code, sms, call, email or question [env: TEMPACCESS_FACTOR]
    #[arg(long, value_name = "FACTOR")]
    factor: Option<String>,
    /// Let Okta remember this device and skip the second factor for a while, if the org allows it
    #[arg(long)]
    remember_device: bool,
    /// Browser to sign in with, and its arguments [env: TEMPACCESS_BROWSER] [default: the first one found]
    #[arg(long, value_name = "COMMAND")]
    browser: Option<String>,
    /// Run the browser without a window, for identity providers that need no interaction
    #[arg(long)]
    headless: bool,
    /// Local URL that receives the response of a `saml:` source [default: http://127.0.0.1:35001/saml]
    #[arg(long, value_name = "URL")]
    acs_url: Option<String>,
    /// Show the sign-in URL as a QR code as well
    #[arg(long)]
    qr: bool,
    /// Show the sign-in URL without opening a browser
    #[arg(long)]
    no_open: bool,
}

/// How credentials and sessions are cached.
#[derive(Debug, Args)]
pub(crate) struct Store {
    /// Cache for credentials and sessions: auto, file, keyring, kernel or none [env: TEMPACCESS_STORE]
    /// [default: auto]
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,
}

/// Which role, for how long, with which restrictions, and why.
#[derive(Debug, Args)]
#[command(next_help_heading = "Role and session options")]
pub(crate) struct Session {
    /// Role to assume: its ARN, name, ACCOUNT/NAME, a glob, or its number in `tempaccess roles` [env:
    /// TEMPACCESS_ROLE]
    #[arg(long, value_name = "ROLE", add = complete::roles())]
    role: Option<String>,
    /// Account of the role: its ID, its name in the configuration file, or a glob [env: TEMPACCESS_ACCOUNT]
    #[arg(long, value_name = "ACCOUNT", add = complete::accounts())]
    account: Option<String>,
    /// SAML provider, if a role is offered through several: its ARN, name, or a glob
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// ARN of a role to assume next, with the credentials of the first (role chaining); can be repeated
    #[arg(long, value_name = "ROLE ARN")]
    chain: Vec<String>,
    /// External ID that the last `--chain` role requires
    #[arg(long, value_name = "ID", requires = "chain")]
    external_id: Option<String>,
    /// Session duration: 45m, 1h30m, or seconds; 15 minutes to 12 hours [env: TEMPACCESS_DURATION] [default: 1h]
    #[arg(long, value_name = "DURATION")]
    duration: Option<String>,
    /// Inline session policy that restricts the session: a JSON file, or JSON
    #[arg(long, value_name = "FILE|JSON")]
    policy: Option<String>,
    /// ARN of a managed session policy that restricts the session; can be repeated up to 10 times
    #[arg(long = "policy-arn", value_name = "ARN")]
    policy_arns: Vec<String>,
    /// Region of AWS STS, and of programs that have no region of their own [env: TEMPACCESS_REGION] [default for STS:
    /// the first region of the role's partition]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// URL of AWS STS [env: AWS_ENDPOINT_URL_STS] [default: the endpoint of the region]
    #[arg(long, value_name = "URL")]
    sts_endpoint_url: Option<String>,
    /// Reason for the access, for the audit record [env: TEMPACCESS_REASON]
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// File to append audit records to [env: TEMPACCESS_AUDIT_LOG]
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
}

impl Access {
    /// Returns the prompter that these arguments choose.
    pub(crate) fn prompter(&self) -> Arc<dyn Prompter> {
        if self.no_interactive {
            return silent();
        }
        let mut terminal = Terminal::new();
        if self.method.qr {
            terminal = terminal.qr_codes();
        }
        if self.method.no_open {
            terminal = terminal.without_browser();
        }
        if self.for_program {
            terminal = terminal.for_program();
        }
        Arc::new(terminal)
    }

    /// Returns whether pages to sign in at are opened in a browser.
    #[cfg(unix)]
    pub(crate) fn opens_browser(&self) -> bool {
        !self.method.no_open
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.source = self.source.clone();
        settings.auth = self.method.auth.clone();
        settings.client_id = self.method.client_id.clone();
        settings.username = self.username.clone();
        settings.factor = self.method.factor.clone();
        settings.remember_device = self.method.remember_device.then_some(true);
        settings.browser = self.method.browser.clone();
        settings.headless = self.method.headless.then_some(true);
        settings.acs_url = self.method.acs_url.clone();
        settings.store = self.store.store.clone();
        settings
    }
}

impl Session {
    fn chain(&self) -> Option<Vec<NextRole>> {
        let mut roles: Vec<_> = self.chain.iter().map(NextRole::new).collect();
        if let Some(last) = roles.last_mut() {
            last.external_id.clone_from(&self.external_id);
        }
        (!roles.is_empty()).then_some(roles)
    }

    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        settings.role = self.role.clone();
        settings.account = self.account.clone();
        settings.provider = self.provider.clone();
        settings.chain = self.chain();
        settings.duration = self.duration.clone();
        settings.policy = self.policy.clone();
        settings.policy_arns = (!self.policy_arns.is_empty()).then(|| self.policy_arns.clone());
        settings.region = self.region.clone();
        settings.sts_endpoint_url = self.sts_endpoint_url.clone();
        settings.reason = self.reason.clone();
        settings.audit_log = self.audit_log.clone();
        settings
    }
}
