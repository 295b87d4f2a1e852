//! What a configuration already knows about the account that is set up: its id, roles, SAML provider, recipients, records.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{AwsSetup, Ceiling, GrantSetup, RecordsPlace};
use crate::arn::{PolicyArn, ProviderArn, RoleArn, partition_of_region};
use crate::config::paths::{self, Base};
use crate::config::{Config, Settings};
use crate::duration::parse_duration;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::GrantKind;
use crate::role::{account_named, is_glob, resolve_role};
use crate::text::excerpt;

/// The address that a `saml:` source receives responses at by default.
const LOOPBACK: &str = "http://127.0.0.1:35001/saml";

/// The choices for a setup. The configuration says the rest.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SetupChoices {
    /// The account: its id, or its name in the configuration.
    pub account: Option<String>,
    /// The SAML provider: its name or ARN.
    pub provider: Option<String>,
    /// The recipients of assertions.
    pub recipients: Vec<String>,
    /// The roles to create, for signing in.
    pub roles: Vec<String>,
    /// `MaxSessionDuration` of these roles.
    pub max_duration: Option<String>,
    /// Managed policies to attach to these roles, by ARN.
    pub policy_arns: Vec<String>,
    /// The roles of administrators.
    pub admin_roles: Vec<String>,
    /// The roles that are granted by session.
    pub granted_roles: Vec<String>,
    /// The roles that people sign in to.
    pub people_roles: Vec<String>,
    /// The names of roles that exist.
    pub existing: Vec<String>,
    /// The most that a policy grant can allow: a file, JSON, or the ARN of a managed policy that exists.
    pub ceiling: Option<String>,
    /// What granted roles allow: a file, or JSON.
    pub granted_policy: Option<String>,
    /// Where records are: `s3://BUCKET/PREFIX`.
    pub records: Option<String>,
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
}

/// An account, and what names in it mean.
struct Place<'c> {
    config: &'c Config,
    /// A role of the account, near which names are resolved. Its own name means nothing.
    near: RoleArn,
}

impl<'c> Place<'c> {
    fn new(settings: &Settings, config: &'c Config, choices: &SetupChoices) -> Result<Self> {
        let arn = settings.role.as_deref().and_then(|role| role.parse::<RoleArn>().ok());
        let region = settings.region.as_deref().map(partition_of_region);
        let partition = arn.as_ref().map(RoleArn::partition).or(region).unwrap_or("aws");
        let id = |name: &str| account_named(name, &config.accounts).map(str::to_owned);
        let of_role = settings.role.as_deref().and_then(|role| id(role.split_once('/')?.0));
        let known = settings.account.as_deref().and_then(id).or(of_role);
        let account = match &choices.account {
            Some(name) => Some(id(name).ok_or_else(|| {
                invalid(format!("`{}` is not an account", excerpt(name)))
                    .with_hint("give its 12 digits, or the name that `accounts` of the configuration has for it")
            })?),
            None => arn.as_ref().map(|arn| arn.account_id().to_owned()).or(known),
        };
        let account = account.ok_or_else(|| {
            invalid("the account to set up is not known")
                .with_hint("give it with `--account`, or choose a profile that has its role with `--profile`")
        })?;
        let near = format!("arn:{partition}:iam::{account}:role/any").parse();
        Ok(Self { config, near: near.map_err(|error| invalid(format!("the account `{account}` {error}")))? })
    }

    fn role(&self, name: &str) -> Result<RoleArn> {
        resolve_role(name, &self.near, &self.config.accounts)
    }

    fn roles(&self, names: &[String]) -> Result<Vec<RoleArn>> {
        names.iter().map(|name| self.role(name)).collect()
    }

    fn is_here(&self, role: &RoleArn) -> bool {
        role.account_id() == self.near.account_id()
    }

    /// Returns the roles of presets of this kind that are in the account.
    fn of_presets(&self, kind: GrantKind) -> Result<Vec<RoleArn>> {
        let presets = self.config.grants.presets.values().filter(|preset| preset.kind == kind);
        let roles: Vec<_> = presets.map(|preset| self.role(&preset.role)).collect::<Result<_>>()?;
        Ok(without_repetition(roles.into_iter().filter(|role| self.is_here(role))))
    }

    /// Returns the SAML provider of this name or ARN.
    fn provider(&self, name: &str) -> Result<ProviderArn> {
        let (partition, account) = (self.near.partition(), self.near.account_id());
        let arn = if name.starts_with("arn:") {
            name.to_owned()
        } else {
            format!("arn:{partition}:iam::{account}:saml-provider/{name}")
        };
        arn.parse().map_err(|error| invalid(format!("`{}` is not a SAML provider: it {error}", excerpt(name))))
    }
}

/// Returns a setting that names something. A glob chooses among what an assertion offers, and names nothing.
fn named(setting: Option<&String>) -> Option<&String> {
    setting.filter(|text| !is_glob(text))
}

fn without_repetition(roles: impl Iterator<Item = RoleArn>) -> Vec<RoleArn> {
    roles.fold(Vec::new(), |mut found, role| {
        if !found.contains(&role) {
            found.push(role);
        }
        found
    })
}

impl Settings {
    /// Returns the setup of an account in which people sign in, as the arguments and then these settings say.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if something is not known or not valid.
    pub fn aws_setup(&self, config: &Config, choices: &SetupChoices, metadata: &Path) -> Result<AwsSetup> {
        let place = Place::new(self, config, choices)?;
        let metadata = read(metadata, "the metadata")?;
        if !metadata.contains("EntityDescriptor") {
            return Err(invalid("the metadata is not SAML metadata: it has no `EntityDescriptor`")
                .with_hint("download it from the identity provider"));
        }
        let provider = choices.provider.as_ref().or(named(self.provider.as_ref()));
        let provider = provider.ok_or_else(|| {
            invalid("the SAML provider has no name").with_hint("name it with `--provider`, such as `--provider Okta`")
        })?;
        let mut setup = AwsSetup::new(place.provider(provider)?, metadata);
        setup.roles = place.roles(&choices.roles)?;
        if let (true, Some(role)) = (setup.roles.is_empty(), named(self.role.as_ref())) {
            setup.roles.push(place.role(role)?);
        }
        setup.max_session_duration = match (&choices.max_duration, &self.duration) {
            (Some(duration), _) => u32::try_from(parse_duration(duration)?.as_secs()).unwrap_or(u32::MAX),
            // People ask for it, so that the role has to allow it.
            (None, Some(duration)) => u32::try_from(parse_duration(duration)?.as_secs()).unwrap_or(u32::MAX).max(3600),
            (None, None) => 3600,
        };
        if let Some(recipients) = self.setup_recipients(choices) {
            setup.recipients = recipients;
        }
        for arn in &choices.policy_arns {
            setup.policy_arns.push(policy_arn(arn)?);
        }
        Ok(setup)
    }

    /// Returns the setup of an account in which administrators give grants, as the arguments and then the configuration say.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if something is not known or not valid.
    pub fn grant_setup(&self, config: &Config, choices: &SetupChoices) -> Result<GrantSetup> {
        let place = Place::new(self, config, choices)?;
        let mut setup = GrantSetup::new(place.near.partition(), place.near.account_id())?;
        setup.admins = place.roles(&choices.admin_roles)?;
        if let (true, Some(role)) = (setup.admins.is_empty(), named(self.role.as_ref())) {
            setup.admins.push(place.role(role)?);
        }
        setup.granted = match choices.granted_roles.as_slice() {
            [] => place.of_presets(GrantKind::Session)?,
            names => place.roles(names)?,
        };
        setup.people = match choices.people_roles.as_slice() {
            [] => place.of_presets(GrantKind::Policy)?,
            names => place.roles(names)?,
        };
        setup.existing.clone_from(&choices.existing);
        let provider = choices.provider.as_ref().or(named(self.provider.as_ref()));
        setup.provider = provider.map(|name| place.provider(name)).transpose()?;
        if let Some(recipients) = self.setup_recipients(choices) {
            setup.recipients = recipients;
        }
        setup.ceiling = match choices.ceiling.as_deref() {
            None => Ceiling::Open,
            Some(arn) if arn.starts_with("arn:") => Ceiling::Existing(policy_arn(arn)?),
            Some(policy) => Ceiling::Document(document(policy)?),
        };
        setup.granted_policy = choices.granted_policy.as_deref().map(document).transpose()?;
        let configured = config.grants.records.as_ref().filter(|records| records.starts_with("s3://"));
        setup.records = choices.records.as_ref().or(configured).map(|url| RecordsPlace::parse(url)).transpose()?;
        Ok(setup)
    }

    /// Returns the recipients that assertions have: the given ones, or the address of a `saml:` source.
    fn setup_recipients(&self, choices: &SetupChoices) -> Option<Vec<String>> {
        if !choices.recipients.is_empty() {
            return Some(choices.recipients.clone());
        }
        let is_loopback = self.source.as_deref().is_some_and(|source| source.starts_with("saml:"));
        is_loopback.then(|| vec![self.acs_url.clone().unwrap_or_else(|| LOOPBACK.to_owned())])
    }
}

fn policy_arn(text: &str) -> Result<PolicyArn> {
    text.parse().map_err(|error| {
        invalid(format!("`{}` is not the ARN of a managed policy: it {error}", excerpt(text)))
            .with_hint("such an ARN looks like `arn:aws:iam::aws:policy/ReadOnlyAccess`")
    })
}

/// Returns a policy that is given as JSON or as the path of a file.
fn document(policy: &str) -> Result<Value> {
    let text = match policy.trim_start().starts_with('{') {
        true => policy.to_owned(),
        false => read(&PathBuf::from(policy), "the policy")?,
    };
    let document: Value =
        serde_json::from_str(&text).map_err(|error| invalid(format!("the policy is not JSON: {error}")))?;
    if document.get("Statement").is_none() {
        return Err(invalid("the policy has no `Statement`"));
    }
    Ok(document)
}

fn read(path: &Path, what: &str) -> Result<String> {
    let path = paths::path(path, Base::Current)?;
    crate::input::read_text(&path).map_err(|error| {
        let message = format!("{what} `{}` cannot be read: {error}", path.display());
        Error::new(ErrorKind::Io, Stage::Configuration, message).with_source(error)
    })
}
