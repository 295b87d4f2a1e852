//! What several commands take: where to sign in, which role, for how long.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tempaccess_core::Prompter;
use tempaccess_core::config::{NextRole, Settings};

use crate::complete;
use crate::terminal::{Silent, Terminal};

/// A profile by its name, and what is said over it.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The profile of the configuration
    #[arg(value_name = "PROFILE", conflicts_with = "profile", add = complete::profiles())]
    of: Option<String>,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    session: Session,
}

impl Chosen {
    /// Where to sign in, with the profile in it, and the settings that were given.
    pub(crate) fn into_parts(self) -> (Access, Settings) {
        let Self { of, mut access, session } = self;
        let settings = access.settings().over(session.settings());
        access.profile = of.or(access.profile);
        (access, settings)
    }
}

/// Where to sign in, and who.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// The profile of the configuration [env: TEMPACCESS_PROFILE] [default: default]
    #[arg(long, value_name = "NAME", add = complete::profiles())]
    pub(crate) profile: Option<String>,
    /// Another configuration file [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where to sign in: the link of Okta's AWS app, `browser:https://…`, `saml:METADATA`, `command:PROGRAM ARGUMENTS`,
    /// `file:PATH`, or `-` for a response on standard input
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    #[command(flatten)]
    way: Way,
    /// The user name at the identity provider
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Ask nothing; whatever needs an answer is an error
    #[arg(long)]
    pub(crate) no_interactive: bool,
    #[command(flatten)]
    pub(crate) store: Store,
}

/// How to sign in.
#[derive(Debug, Args)]
struct Way {
    /// How to sign in at Okta: auto, classic, device, browser or idx [env: TEMPACCESS_AUTH] [default: auto]
    #[arg(long, value_name = "WAY")]
    auth: Option<String>,
    /// The client id of the native app in Okta, for device authorization [env: TEMPACCESS_CLIENT_ID]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The second factor: push, code, sms, call, email or question
    #[arg(long, value_name = "FACTOR")]
    factor: Option<String>,
    /// Have Okta not ask for the second factor on this machine again for a while, where the org allows that
    #[arg(long)]
    remember_device: bool,
    /// The browser to drive, with its arguments [env: TEMPACCESS_BROWSER] [default: the one that is found]
    #[arg(long, value_name = "COMMAND")]
    browser: Option<String>,
    /// Show no window: for identity providers whose session needs no person
    #[arg(long)]
    headless: bool,
    /// Where the response of a `saml:` source comes, as the identity provider has it [default: http://127.0.0.1:35001/saml]
    #[arg(long, value_name = "URL")]
    acs_url: Option<String>,
    /// Show the address to sign in at as a QR code too
    #[arg(long)]
    qr: bool,
    /// Open no browser; the address to sign in at is shown all the same
    #[arg(long)]
    no_open: bool,
}

/// How things are kept.
#[derive(Debug, Args)]
pub(crate) struct Store {
    /// How to keep credentials and sessions: auto, file, keyring, kernel or none [env: TEMPACCESS_STORE]
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,
}

/// Which role, for how long, how narrow, and why.
#[derive(Debug, Args)]
pub(crate) struct Session {
    /// The role: its ARN, name, ACCOUNT/NAME, a glob, or its number in `tempaccess roles`
    #[arg(long, value_name = "ROLE", add = complete::roles())]
    role: Option<String>,
    /// The account: its id, its name in the configuration, or a glob
    #[arg(long, value_name = "ACCOUNT", add = complete::accounts())]
    account: Option<String>,
    /// The SAML provider, where a role is offered through several: its ARN, name, or a glob
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// A role to go on to from there (role chaining), by its ARN; may be given again
    #[arg(long, value_name = "ROLE ARN")]
    then: Vec<String>,
    /// What the last of these asks of third parties
    #[arg(long, value_name = "ID", requires = "then")]
    external_id: Option<String>,
    /// How long: 45m, 1h30m, or seconds; 15 minutes to 12 hours [default: 1h]
    #[arg(long, value_name = "DURATION")]
    duration: Option<String>,
    /// An inline session policy, which narrows: a JSON file, or the JSON itself
    #[arg(long, value_name = "FILE|JSON")]
    policy: Option<String>,
    /// A managed session policy, which narrows; may be given up to 10 times
    #[arg(long = "policy-arn", value_name = "ARN")]
    policy_arns: Vec<String>,
    /// The region whose STS is asked [default: the first of the role's partition]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Another address for STS [env: AWS_ENDPOINT_URL_STS]
    #[arg(long, value_name = "URL")]
    sts_endpoint_url: Option<String>,
    /// Why access is wanted, for the audit record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The file that audit records are appended to [env: TEMPACCESS_AUDIT_LOG]
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
}

impl Access {
    /// Whom to ask, and how.
    pub(crate) fn prompter(&self) -> Arc<dyn Prompter> {
        if self.no_interactive {
            return Arc::new(Silent);
        }
        Arc::new(Terminal { qr: self.way.qr, opens: !self.way.no_open })
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            source: self.source.clone(),
            auth: self.way.auth.clone(),
            client_id: self.way.client_id.clone(),
            username: self.username.clone(),
            factor: self.way.factor.clone(),
            remember_device: self.way.remember_device.then_some(true),
            browser: self.way.browser.clone(),
            headless: self.way.headless.then_some(true),
            acs_url: self.way.acs_url.clone(),
            store: self.store.store.clone(),
            ..Settings::default()
        }
    }
}

impl Session {
    fn then(&self) -> Option<Vec<NextRole>> {
        let mut roles: Vec<_> = self.then.iter().map(NextRole::new).collect();
        if let Some(last) = roles.last_mut() {
            last.external_id.clone_from(&self.external_id);
        }
        (!roles.is_empty()).then_some(roles)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            role: self.role.clone(),
            account: self.account.clone(),
            provider: self.provider.clone(),
            then: self.then(),
            duration: self.duration.clone(),
            policy: self.policy.clone(),
            policy_arns: (!self.policy_arns.is_empty()).then(|| self.policy_arns.clone()),
            region: self.region.clone(),
            sts_endpoint_url: self.sts_endpoint_url.clone(),
            reason: self.reason.clone(),
            audit_log: self.audit_log.clone(),
            ..Settings::default()
        }
    }
}
