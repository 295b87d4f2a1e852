//! What exists at AWS.

use serde::Deserialize;

use super::enabled;

/// A SAML provider at AWS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// The ARN.
    pub arn: String,
    /// The issuer in its metadata. Default: the sandbox's Okta.
    pub issuer: Option<String>,
    /// The certificate in its metadata, in PEM. Default: that of the sandbox's Okta.
    pub certificate: Option<String>,
}

/// A role at AWS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The ARN.
    pub arn: String,
    /// `MaxSessionDuration`, in seconds.
    #[serde(default = "hour")]
    pub max_session_duration: i64,
    /// The providers that its trust policy names. Default: all of its account.
    pub trusts: Option<Vec<String>>,
    /// The roles that its trust policy names, for role chaining.
    #[serde(default)]
    pub trusts_roles: Vec<String>,
    /// The recipients that its trust policy names (`SAML:aud`), in addition to AWS sign-in.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The external id that its trust policy requires.
    pub external_id: Option<String>,
    /// Whether its trust policy allows `sts:TagSession`.
    #[serde(default = "enabled")]
    pub allows_tags: bool,
    /// Whether its trust policy allows `sts:SetSourceIdentity`.
    #[serde(default = "enabled")]
    pub allows_source_identity: bool,
}

fn hour() -> i64 {
    3600
}
