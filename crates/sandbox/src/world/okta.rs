//! What exists at Okta.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::enabled;

/// A native app: an OAuth client, and what it is allowed to do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The client id.
    pub id: String,
    /// Whether it has the grant type "Device Authorization".
    #[serde(default = "enabled")]
    pub device_authorization: bool,
    /// Whether it has the grant type "Token Exchange".
    #[serde(default = "enabled")]
    pub token_exchange: bool,
    /// The scopes that it may request.
    #[serde(default = "all_scopes")]
    pub scopes: Vec<String>,
    /// Whether the AWS app allows it as a web SSO client.
    #[serde(default = "enabled")]
    pub allowed_by_app: bool,
    /// Whether its tokens leave out the name of the person.
    #[serde(default)]
    pub hides_names: bool,
    /// How many polls are answered with `slow_down`.
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
    /// The instance id.
    pub id: String,
    /// The text of its tile.
    pub label: String,
    /// Okta's name of its kind: `amazon_aws`, `slack`.
    pub name: String,
}

/// A person at Okta, and what the AWS app asserts about them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The login.
    pub login: String,
    /// The password.
    pub password: String,
    /// What the right password leads to.
    #[serde(default)]
    pub status: UserStatus,
    /// The second factors. Without one, the password is enough.
    #[serde(default)]
    pub factors: Vec<Factor>,
    /// Whether the AWS app is assigned to the person.
    #[serde(default = "enabled")]
    pub has_aws_app: bool,
    /// Whether the app asks for a second factor again.
    #[serde(default)]
    pub app_step_up: bool,
    /// Whether a device can be remembered, so that it is not asked for the second factor again.
    #[serde(default)]
    pub allows_remembering: bool,
    /// The values of the attribute `Role`, as they are sent.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The attribute `RoleSessionName`. Default: the login.
    pub session_name: Option<String>,
    /// The attribute `SourceIdentity`.
    pub source_identity: Option<String>,
    /// The attribute `SessionDuration`.
    pub session_duration: Option<String>,
    /// The lifetime of the session at the identity provider, in seconds: `SessionNotOnOrAfter`.
    pub session_seconds: Option<i64>,
    /// The attributes `PrincipalTag:{key}`.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The attribute `TransitiveTagKeys`.
    #[serde(default)]
    pub transitive_tag_keys: Vec<String>,
}

/// What the right password leads to.
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
    /// `PASSWORD_WARN`, and then the same as `Active`.
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
    /// The accepted codes, or the accepted answer. Each code is accepted once in a session.
    #[serde(default)]
    pub codes: Vec<String>,
    /// The question, if it is a security question.
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
    /// After how many polls the person answers.
    #[serde(default)]
    pub after_polls: u32,
    /// The answer.
    #[serde(default)]
    pub answer: PushAnswer,
    /// The number to tap, which is shown from the second poll on.
    pub number: Option<u8>,
}

/// The person's answer to a push.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushAnswer {
    /// Approve.
    #[default]
    Approve,
    /// Reject.
    Reject,
    /// No answer, until Okta stops waiting.
    Timeout,
    /// No answer, and Okta answers `WAITING` without end.
    Never,
}
