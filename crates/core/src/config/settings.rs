use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

#[cfg(doc)]
use super::SourceSpec;
use super::paths::{self, Base};
use super::{Config, NextRole, StoreChoice, default_audit_log, env};
use crate::arn::PolicyArn;
use crate::audit::AuditFile;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::HttpTransport;
use crate::role::RoleQuery;
use crate::scope::{SessionDuration, SessionPolicy, SessionScope};
use crate::secret::SecretString;
use crate::session::{CacheKeyParts, Cached, TempAccess, TempAccessBuilder};
use crate::source::AssertionSource;
#[cfg(doc)]
use crate::source::okta::Auth;
use crate::store::Store;
use crate::sts::{ChainedRole, IssuedSession, StsExchange, sts_identity};

/// Declares the settings, each once: how it is read, which option of the command line it is, and which paths it holds.
macro_rules! settings {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $type:ty $([$($serde:tt)+])?, option = $option:expr, paths = $paths:ident;
    )+) => {
        /// Everything that can be set, by argument, in the environment or in a profile. What is not set is `None`.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        #[non_exhaustive]
        pub struct Settings {
            $(
                $(#[doc = $doc])+
                #[serde(default, skip_serializing_if = "Option::is_none" $(, $($serde)+)?)]
                pub $name: Option<$type>,
            )+
        }

        impl Settings {
            /// The names of all settings, as in a profile.
            pub const KEYS: &[&str] = &[$(stringify!($name)),+];

            /// The names of all settings and what each means, for the documentation.
            pub const MEANINGS: &[(&str, &str)] = &[$((stringify!($name), concat!($($doc),+))),+];

            /// The names of all settings, and the option of the command line that each is. Some are of the configuration
            /// file alone.
            pub const OPTIONS: &[(&str, Option<&str>)] = &[$((stringify!($name), $option)),+];

            /// Returns these settings, and where one is not set, the other's.
            #[must_use]
            pub fn over(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name),)+ }
            }

            /// Returns these settings as arguments of `tempaccess credentials`. Those of the configuration file alone are left
            /// out.
            ///
            /// ```
            /// use tempaccess_core::config::Settings;
            ///
            /// let mut settings = Settings::default();
            /// (settings.role, settings.headless) = (Some("ReadOnly".into()), Some(true));
            /// assert_eq!(settings.arguments(), ["--headless", "--role", "ReadOnly"]);
            /// ```
            pub fn arguments(&self) -> Vec<String> {
                let mut words = Vec::new();
                $(if let (Some(option), Some(value)) = ($option, &self.$name) {
                    Argument::append(value, option, &mut words);
                })+
                words
            }

            /// Expands `~` in every path and program, and counts relative ones from `base`.
            pub(super) fn resolve_paths(&mut self, base: Base<'_>) -> Result<()> {
                $(if let Some(value) = &mut self.$name {
                    paths::$paths(value, base)?;
                })+
                Ok(())
            }
        }
    };
}

settings! {
    /// The profile that has the settings which this one does not have, so that the org and the person are written once.
    base: String, option = None, paths = none;
    /// Where the SAML response comes from: the link of Okta's AWS app, `browser:https://…`, `saml:METADATA`, `file:PATH`, `command:PROGRAM ARGUMENTS`; see [`SourceSpec`].
    source: String, option = Some("--source"), paths = source;
    /// How to sign in at Okta: `auto`, `classic`, `device`, `browser`, `idx`; see [`Auth`].
    auth: String, option = Some("--auth"), paths = none;
    /// The client id of the native app in Okta, for device authorization.
    client_id: String, option = Some("--client-id"), paths = none;
    /// The user name at the identity provider.
    username: String, option = Some("--username"), paths = none;
    /// A program that prints the password, quoted like a shell: `pass show okta`.
    password_command: String, option = None, paths = command_line;
    /// The second factor: `push`, `code`, `sms`, `call`, `email`, `question`.
    factor: String, option = Some("--factor"), paths = none;
    /// Whether to ask Okta not to require the second factor on this machine again for a while, where the org allows that.
    remember_device: bool, option = Some("--remember-device"), paths = none;
    /// The browser to drive, with arguments of its own, quoted like a shell. The default is the Chromium, Chrome or Edge that is found.
    browser: String, option = Some("--browser"), paths = command_line;
    /// Whether the browser shows no window: for identity providers whose session needs no person.
    headless: bool, option = Some("--headless"), paths = none;
    /// The address on this machine that the identity provider of a `saml:` source sends the response to: `http://127.0.0.1:35001/saml`.
    acs_url: String, option = Some("--acs-url"), paths = none;
    /// The role: its ARN, name, `ACCOUNT/NAME`, or a glob; see [`RoleQuery::role`].
    role: String, option = Some("--role"), paths = none;
    /// The account: its id, its name, or a glob; see [`RoleQuery::account`].
    account: String, option = Some("--account"), paths = none;
    /// The SAML provider, where a role is offered through several: its ARN, its name, or a glob; see [`RoleQuery::provider`].
    provider: String, option = Some("--provider"), paths = none;
    /// Roles to go on to from there, each from the session of the one before (role chaining); see [`NextRole`].
    chain: Vec<NextRole>, option = Some("--chain"), paths = none;
    /// How long the session lasts: `45m`, `1h30m`, or seconds.
    duration: String [deserialize_with = "text_or_seconds"], option = Some("--duration"), paths = none;
    /// An inline session policy: JSON, or the path of a file that holds it.
    policy: String, option = Some("--policy"), paths = policy;
    /// Managed session policies, by ARN.
    policy_arns: Vec<String>, option = Some("--policy-arn"), paths = none;
    /// The region whose STS is asked, and the region of the profiles that `profiles sync` writes.
    region: String, option = Some("--region"), paths = none;
    /// Another address for STS.
    sts_endpoint_url: String, option = Some("--sts-endpoint-url"), paths = none;
    /// Another address for IAM, which grants need.
    iam_endpoint_url: String, option = None, paths = none;
    /// Another address for CloudTrail, which has what was done with a grant.
    cloudtrail_endpoint_url: String, option = None, paths = none;
    /// Another address for CloudWatch Logs, which can have the events of CloudTrail.
    logs_endpoint_url: String, option = None, paths = none;
    /// Another address for Athena, which can have the events of CloudTrail.
    athena_endpoint_url: String, option = None, paths = none;
    /// Another address for S3, which can have the records of grants.
    s3_endpoint_url: String, option = None, paths = none;
    /// Another address for the federation endpoint of AWS sign-in, which opens the console.
    federation_endpoint_url: String, option = None, paths = none;
    /// How credentials and sessions are stored: `auto`, `file`, `keyring`, `kernel`, `none`; see [`StoreChoice`](super::StoreChoice).
    store: String, option = Some("--store"), paths = none;
    /// Why access is wanted, for the audit record.
    reason: String, option = Some("--reason"), paths = none;
    /// The file that audit records are appended to.
    audit_log: PathBuf, option = Some("--audit-log"), paths = file;
}

/// A setting's value as words of the command line.
trait Argument {
    fn append(&self, option: &str, words: &mut Vec<String>);
}

impl Argument for String {
    fn append(&self, option: &str, words: &mut Vec<String>) {
        if self.starts_with('-') {
            // Otherwise it would be taken for an option.
            words.push(format!("{option}={self}"));
        } else {
            words.extend([option.to_owned(), self.clone()]);
        }
    }
}

impl Argument for bool {
    fn append(&self, option: &str, words: &mut Vec<String>) {
        words.extend(self.then(|| option.to_owned()));
    }
}

impl Argument for PathBuf {
    fn append(&self, option: &str, words: &mut Vec<String>) {
        self.to_string_lossy().into_owned().append(option, words);
    }
}

impl Argument for Vec<String> {
    fn append(&self, option: &str, words: &mut Vec<String>) {
        self.iter().for_each(|value| value.append(option, words));
    }
}

impl Argument for Vec<NextRole> {
    fn append(&self, option: &str, words: &mut Vec<String>) {
        self.iter().for_each(|role| role.role_arn.append(option, words));
        // The command line has one, for the last role.
        if let Some(id) = self.last().and_then(|role| role.external_id.as_ref()) {
            id.append("--external-id", words);
        }
    }
}

/// Reads a duration: text, or a number of seconds.
fn text_or_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct TextOrSeconds;

    impl Visitor<'_> for TextOrSeconds {
        type Value = Option<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a duration such as `\"45m\"`, or a number of seconds")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Some(text.to_owned()))
        }

        fn visit_u64<E>(self, seconds: u64) -> Result<Self::Value, E> {
            Ok(Some(seconds.to_string()))
        }

        fn visit_i64<E: serde::de::Error>(self, seconds: i64) -> Result<Self::Value, E> {
            match u64::try_from(seconds) {
                Ok(seconds) => self.visit_u64(seconds),
                Err(_) => Err(E::invalid_value(Unexpected::Signed(seconds), &self)),
            }
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }

    deserializer.deserialize_any(TextOrSeconds)
}

impl Settings {
    /// Returns these settings over those of the environment, over those of the profile that is asked for. `~` is expanded in
    /// every path. Relative paths here and in the environment count from the current folder, those of the profile from the
    /// folder of the configuration file.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` or `invalid_argument`.
    pub fn resolve(self, config: &Config, profile: Option<&str>) -> Result<Self> {
        let profile = config.chosen_profile(profile)?;
        let environment = env::settings()?;
        // A grant is one session, which nothing in the environment can choose.
        let environment = if profile.is_grant() { environment.without_choice() } else { environment };
        let mut given = self.over(environment);
        given.resolve_paths(Base::Current)?;
        Ok(given.over(profile))
    }

    /// Returns the region for clients of AWS: that of the settings, or else of `AWS_REGION` or `AWS_DEFAULT_REGION`.
    pub fn aws_region(&self) -> Option<String> {
        self.region.clone().or_else(env::aws_region)
    }

    /// Whether the credentials are those of a grant that was opened on this machine.
    pub fn is_grant(&self) -> bool {
        self.source.as_deref().is_some_and(|source| source.starts_with("grant:"))
    }

    /// Returns the settings without those that choose where to sign in, the role, and its duration.
    fn without_choice(self) -> Self {
        Self {
            store: self.store,
            region: self.region,
            sts_endpoint_url: self.sts_endpoint_url,
            federation_endpoint_url: self.federation_endpoint_url,
            reason: self.reason,
            audit_log: self.audit_log,
            ..Self::default()
        }
    }

    /// Returns these settings with every path and program absolute, counted from the current folder: they then mean the same from
    /// anywhere. Programs that are looked for in `PATH` stay as they are.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where there is no home directory for a `~`, or a path is not valid Unicode; `io` where there is no
    /// current folder.
    pub fn absolute(mut self) -> Result<Self> {
        self.resolve_paths(Base::Folder(&paths::current_folder()?))?;
        Ok(self)
    }

    /// Returns the query for the role.
    pub fn role_query(&self) -> RoleQuery {
        RoleQuery::from_parts(self.role.clone(), self.account.clone(), self.provider.clone())
    }

    /// Returns the roles to chain to.
    ///
    /// # Errors
    ///
    /// As [`NextRole::chained`].
    pub fn chained_roles(&self) -> Result<Vec<ChainedRole>> {
        self.chain.iter().flatten().map(NextRole::chained).collect()
    }

    /// Returns the scope of the session: its duration and its policies.
    ///
    /// # Errors
    ///
    /// `invalid_scope`, or `io` where the file of the policy cannot be read.
    pub fn scope(&self) -> Result<SessionScope> {
        let duration = self.duration.as_deref().map_or(Ok(SessionDuration::default()), str::parse)?;
        let mut scope = SessionScope::new(duration);
        if let Some(policy) = &self.policy {
            scope = scope.with_policy(read_policy(policy)?)?;
        }
        let mut arns = Vec::new();
        for text in self.policy_arns.iter().flatten() {
            let arn: PolicyArn = text.parse().map_err(|error| {
                Error::new(
                    ErrorKind::InvalidScope,
                    Stage::Scope,
                    format!("`{text}` is not the ARN of a managed policy: it {error}"),
                )
                .with_hint("such an ARN looks like `arn:aws:iam::aws:policy/ReadOnlyAccess`")
            })?;
            arns.push(arn);
        }
        scope.with_policy_arns(arns)
    }

    /// Returns the exchange at STS.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the region or the endpoint is invalid.
    pub fn exchange(&self, transport: Arc<HttpTransport>) -> Result<StsExchange> {
        let mut sts = StsExchange::builder().transport(transport);
        if let Some(region) = &self.region {
            sts = sts.region(region);
        }
        if let Some(url) = &self.sts_endpoint_url {
            sts = sts.endpoint_url(url);
        }
        sts.build()
    }

    /// Returns access as these settings describe it, with the audit record in `audit_log` or at its default place, and credentials
    /// stored as `store` says.
    ///
    /// # Errors
    ///
    /// Those of the parts. Nothing has left the machine by then.
    pub fn access(&self, config: &Config, password: Option<SecretString>) -> Result<TempAccessBuilder> {
        self.put_together(config, |transport, store| self.assertion_source(transport, password, store))
    }

    /// Returns the cached credentials that these settings ask for, if they are fresh: without network, prompt, runtime or daemon.
    /// Where anything is in doubt there are none, and [`access`](Self::access) reports why.
    ///
    /// # Errors
    ///
    /// As [`access`](Self::access).
    pub fn cached(&self, config: &Config) -> Result<Option<IssuedSession>> {
        let (scope, chain, query) = (self.scope()?, self.chained_roles()?, self.role_query());
        let Some(source) = self.source_identity()? else { return Ok(None) };
        let exchange = sts_identity(self.region.as_deref(), self.sts_endpoint_url.as_deref());
        let asked = CacheKeyParts { source: &source, exchange: &exchange, query: &query, scope: &scope, chain: &chain };
        let store = self.store.as_deref().map_or(Ok(StoreChoice::default()), str::parse)?;
        let Some(entry) = asked.key().and_then(|key| store.peek(&key)) else { return Ok(None) };
        match Cached::new(&entry, &query, &config.accounts, SystemClock.now()) {
            Cached::Fresh(issued) => Ok(Some(issued)),
            Cached::Expiring(_) | Cached::Missing => Ok(None),
        }
    }

    /// Returns access as [`access`](Self::access) does, with this source instead of the setting `source`.
    ///
    /// # Errors
    ///
    /// As [`access`](Self::access).
    pub fn access_from(&self, source: Arc<dyn AssertionSource>, config: &Config) -> Result<TempAccessBuilder> {
        self.put_together(config, |_, _| Ok(source))
    }

    fn put_together(
        &self,
        config: &Config,
        source: impl FnOnce(Arc<HttpTransport>, Option<Arc<dyn Store>>) -> Result<Arc<dyn AssertionSource>>,
    ) -> Result<TempAccessBuilder> {
        let transport = Arc::new(HttpTransport::builder().ca_files_from_env().build()?);
        let (scope, exchange) = (self.scope()?, self.exchange(Arc::clone(&transport))?);
        let store = self.store()?;
        let source = source(transport, store.clone())?;
        let log = self.audit_log.clone().or_else(default_audit_log).ok_or_else(|| {
            Error::new(ErrorKind::AuditFailed, Stage::Audit, "there is no home directory for the audit record")
                .with_hint("name a file with `--audit-log` or `TEMPACCESS_AUDIT_LOG`")
        })?;
        let mut access = TempAccess::shared(source, Arc::new(exchange))
            .role(self.role_query())
            .scope(scope)
            .account_names(config.accounts.clone())
            .audit(Arc::new(AuditFile::new(log)));
        for role in self.chained_roles()? {
            access = access.chained_role(role);
        }
        if let Some(store) = store {
            access = access.store(store);
        }
        if let Some(reason) = &self.reason {
            access = access.reason(reason);
        }
        Ok(access)
    }

    /// Returns the store for credentials and sessions, or nothing where they are not stored.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where there is no such store, or not on this machine.
    pub fn store(&self) -> Result<Option<Arc<dyn Store>>> {
        self.store.as_deref().map_or(Ok(StoreChoice::default()), str::parse)?.open()
    }
}

pub(crate) fn read_policy(policy: &str) -> Result<SessionPolicy> {
    if policy.trim_start().starts_with('{') {
        return policy.parse();
    }
    let text = crate::input::read_trusted_text(Path::new(policy)).map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Scope, format!("the session policy `{policy}` cannot be read: {error}"))
            .with_hint("give the path of a JSON file, or the JSON itself")
            .with_source(error)
    })?;
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_win_over_those_below() {
        let now = Settings { role: Some("Admin".into()), ..Settings::default() };
        let before = Settings { role: Some("ReadOnly".into()), account: Some("billing".into()), ..Settings::default() };
        let both = now.over(before);
        assert_eq!((both.role.as_deref(), both.account.as_deref()), (Some("Admin"), Some("billing")));
    }

    #[test]
    fn scopes_are_read_from_text_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.json");
        std::fs::write(&file, "{ \"Statement\": [] }").unwrap();
        for policy in ["{\"Statement\":[]}", file.to_str().unwrap()] {
            let settings =
                Settings { policy: Some(policy.into()), duration: Some("20m".into()), ..Settings::default() };
            assert_eq!(settings.scope().unwrap().policy().unwrap().as_str(), "{\"Statement\":[]}");
        }
        let settings = Settings { policy_arns: Some(vec!["ReadOnlyAccess".into()]), ..Settings::default() };
        let error = settings.scope().unwrap_err();
        assert_eq!(
            error.message(),
            "`ReadOnlyAccess` is not the ARN of a managed policy: it does not begin with `arn:`"
        );
    }
}
