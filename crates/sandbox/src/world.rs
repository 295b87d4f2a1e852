//! What there is in the sandbox: people and their factors at Okta; providers and roles at AWS.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Everything that the sandbox knows. Read from TOML, or built in code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The Okta app instance id: part of the app's link and of the issuer.
    #[serde(default = "default_app")]
    pub app: String,
    /// The pipeline that the org says it has: `v1` (classic) or `idx` (Identity Engine).
    #[serde(default = "classic")]
    pub pipeline: String,
    /// Whether the Identity Engine asks for the name first, and for the password then.
    #[serde(default)]
    pub identifier_first: bool,
    /// The native apps, for which OAuth is done.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// Other apps on everybody's dashboard; those of Okta's AWS kind lead to the same roles.
    #[serde(default)]
    pub other_apps: Vec<App>,
    /// The people at Okta.
    #[serde(default)]
    pub users: Vec<User>,
    /// The SAML providers at AWS.
    #[serde(default)]
    pub providers: Vec<Provider>,
    /// The roles at AWS.
    #[serde(default)]
    pub roles: Vec<Role>,
}

fn default_app() -> String {
    "0oa1sandbox2app3id45".to_owned()
}

fn classic() -> String {
    "v1".to_owned()
}

/// A native app: who may do OAuth here, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its client id.
    pub id: String,
    /// The grant "Device Authorization".
    #[serde(default = "yes")]
    pub device_authorization: bool,
    /// The grant "Token Exchange".
    #[serde(default = "yes")]
    pub token_exchange: bool,
    /// The scopes that it may ask for.
    #[serde(default = "all_scopes")]
    pub scopes: Vec<String>,
    /// Whether the AWS app names it as an allowed web SSO client.
    #[serde(default = "yes")]
    pub allowed_by_app: bool,
    /// Whether its tokens do not say whose they are.
    #[serde(default)]
    pub hides_names: bool,
    /// How often it is told to slow down.
    #[serde(default)]
    pub slow_downs: u32,
}

fn all_scopes() -> Vec<String> {
    ["openid", "profile", "okta.apps.sso", "okta.apps.read", "okta.users.read.self", "offline_access"]
        .map(str::to_owned)
        .into()
}

/// An app on the dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its instance id.
    pub id: String,
    /// What its tile says.
    pub label: String,
    /// Okta's name of its kind: `amazon_aws`, `slack`.
    pub name: String,
}

/// A person at Okta, and what the AWS app says of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The name to sign in with.
    pub login: String,
    /// The password.
    pub password: String,
    /// What a right password leads to.
    #[serde(default)]
    pub status: UserStatus,
    /// The second factors; without one, the password is enough.
    #[serde(default)]
    pub factors: Vec<Factor>,
    /// Whether the app asks for a second factor once more.
    #[serde(default)]
    pub app_step_up: bool,
    /// Whether a machine may be remembered, so that the second factor is not asked for there again.
    #[serde(default)]
    pub allows_remembering: bool,
    /// The values of the attribute `Role`, as they are sent.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The attribute `RoleSessionName`; the login unless said otherwise.
    pub session_name: Option<String>,
    /// The attribute `SourceIdentity`.
    pub source_identity: Option<String>,
    /// The attribute `SessionDuration`.
    pub session_duration: Option<String>,
    /// How long the session at the identity provider lasts, seconds: `SessionNotOnOrAfter`.
    pub session_seconds: Option<i64>,
    /// The attributes `PrincipalTag:{key}`.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The attribute `TransitiveTagKeys`.
    #[serde(default)]
    pub transitive_tag_keys: Vec<String>,
}

/// What a right password leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// The second factor, or success.
    #[default]
    Active,
    /// `LOCKED_OUT`.
    LockedOut,
    /// `PASSWORD_EXPIRED`.
    PasswordExpired,
    /// `PASSWORD_WARN`, then as `Active`.
    PasswordWarn,
    /// `MFA_ENROLL`.
    MfaEnroll,
}

/// A second factor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Factor {
    /// Okta's `factorType`: `push`, `token:software:totp`, `sms`, `call`, `email`, `question`, `webauthn`, …
    pub kind: String,
    /// Okta's `provider`.
    #[serde(default = "okta")]
    pub provider: String,
    /// The codes or the answer that are right. Each code is right once in a sign-in.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The question, where it is one.
    pub question: Option<String>,
    /// What the person does with a push.
    #[serde(default)]
    pub push: Push,
}

fn okta() -> String {
    "OKTA".to_owned()
}

/// What the person does with a push.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// After how many looks the person answers.
    #[serde(default)]
    pub after_polls: u32,
    /// The answer.
    #[serde(default)]
    pub answer: PushAnswer,
    /// The number to tap, shown from the second look on.
    pub number: Option<u8>,
}

/// The person's answer to a push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushAnswer {
    /// Approved.
    #[default]
    Approve,
    /// Rejected.
    Reject,
    /// Okta gave up waiting.
    Timeout,
    /// None, ever: Okta goes on saying `WAITING`.
    Never,
}

/// A SAML provider at AWS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its ARN.
    pub arn: String,
    /// The issuer in its metadata; the sandbox's Okta unless said otherwise.
    pub issuer: Option<String>,
    /// The certificate in its metadata, PEM; the sandbox's own unless said otherwise.
    pub certificate: Option<String>,
}

/// A role at AWS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// `MaxSessionDuration`, seconds.
    #[serde(default = "hour")]
    pub max_session_duration: i64,
    /// The providers that its trust policy names; all of its account unless said otherwise.
    pub trusts: Option<Vec<String>>,
    /// The roles that its trust policy names: role chaining.
    #[serde(default)]
    pub trusts_roles: Vec<String>,
    /// Recipients that its trust policy names (`SAML:aud`), beside the sign-in of AWS.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The external id that its trust policy asks for.
    pub external_id: Option<String>,
    /// Whether its trust policy allows `sts:TagSession`.
    #[serde(default = "yes")]
    pub allows_tags: bool,
    /// Whether its trust policy allows `sts:SetSourceIdentity`.
    #[serde(default = "yes")]
    pub allows_source_identity: bool,
}

fn hour() -> i64 {
    3600
}

fn yes() -> bool {
    true
}

impl World {
    /// A small company: Ada signs in with a push and a number, Grace with a code, Alan with a password alone.
    pub fn demo() -> Self {
        let text = include_str!("demo.toml");
        match toml::from_str(text) {
            Ok(world) => world,
            Err(error) => unreachable!("the demo world is part of the program: {error}"),
        }
    }

    /// The person of this name.
    pub fn user(&self, login: &str) -> Option<&User> {
        self.users.iter().find(|user| user.login.eq_ignore_ascii_case(login))
    }

    /// The person of this name, to change before the sandbox starts.
    pub fn user_mut(&mut self, login: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.login == login)
    }

    /// The tiles of everybody's dashboard.
    pub(crate) fn app_links(&self) -> Vec<App> {
        let aws = App { id: self.app.clone(), label: "AWS".to_owned(), name: "amazon_aws".to_owned() };
        self.other_apps.iter().cloned().chain([aws]).collect()
    }

    /// Whether there is an app of Okta's AWS kind under this id.
    pub(crate) fn is_aws_app(&self, id: &str) -> bool {
        self.app == id || self.other_apps.iter().any(|app| app.id == id && app.name == "amazon_aws")
    }

    /// The issuer that the sandbox's Okta puts into its assertions.
    pub fn issuer(&self) -> String {
        format!("http://www.okta.com/{}", self.app)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_demo_world_is_well_formed() {
        assert!(super::World::demo().users.len() >= 3);
    }
}
