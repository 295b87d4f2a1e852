//! What several commands take: where to sign in, which role, for how long.

use std::path::{Path, PathBuf};

use clap::Args;
use tempaccess_core::config::{NextRole, Settings};

use crate::complete;

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

/// A source that means the same from anywhere.
pub(crate) fn absolute_source(source: String) -> String {
    match source.strip_prefix("file:").and_then(|path| std::path::absolute(path).ok()) {
        Some(path) => format!("file:{}", path.display()),
        None => source,
    }
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
    /// The link of Okta's AWS app, or `file:PATH`, or `-` for standard input, or `command:PROGRAM ARGUMENTS`
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// The user name at the identity provider
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The second factor: push, code, sms, call, email or question
    #[arg(long, value_name = "FACTOR")]
    factor: Option<String>,
    /// Ask nothing; whatever needs an answer is an error
    #[arg(long)]
    pub(crate) no_interactive: bool,
    #[command(flatten)]
    pub(crate) store: Store,
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
    /// The same in words, for a command that is run from anywhere.
    pub(crate) fn words(&self) -> Vec<String> {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let config = self.config.as_deref().map(|path| absolute(path).to_string_lossy().into_owned());
        let source = self.source.clone().map(absolute_source);
        let options = [
            ("--config", config),
            ("--source", source),
            ("--username", self.username.clone()),
            ("--factor", self.factor.clone()),
            ("--store", self.store.store.clone()),
        ];
        options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).flatten().collect()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            source: self.source.clone(),
            username: self.username.clone(),
            factor: self.factor.clone(),
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
