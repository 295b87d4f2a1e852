//! What exists at AWS.

use std::collections::BTreeMap;

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
///
/// A role that has neither inline nor attached policies may call AssumeRole for every role that trusts it: its boundary,
/// its session policies and service control policies are not applied to that call. As soon as it has a policy, all
/// policies must allow the call, as at AWS. All calls of IAM and S3 are judged in either case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The ARN.
    pub arn: String,
    /// `MaxSessionDuration`, in seconds.
    #[serde(default = "hour")]
    pub max_session_duration: i64,
    /// Its trust policy, as JSON. Default: what `trusts`, `trusts_roles`, `audiences`, `external_id`, `allows_tags` and
    /// `allows_source_identity` say, which are ignored if this is set.
    pub trust: Option<String>,
    /// The inline policies at the start: names and documents in JSON.
    #[serde(default)]
    pub policies: BTreeMap<String, String>,
    /// The attached managed policies, by name or ARN.
    #[serde(default)]
    pub attached: Vec<String>,
    /// The managed policy that is its permissions boundary, by name or ARN.
    pub boundary: Option<String>,
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

impl Role {
    /// Creates a role without policies.
    pub(crate) fn new(arn: String, max_session_duration: i64, trust: &str) -> Self {
        Self {
            arn,
            max_session_duration,
            trust: Some(trust.to_owned()),
            policies: BTreeMap::new(),
            attached: Vec::new(),
            boundary: None,
            trusts: None,
            trusts_roles: Vec::new(),
            audiences: Vec::new(),
            external_id: None,
            allows_tags: true,
            allows_source_identity: true,
        }
    }

    /// Returns the account.
    pub(crate) fn account(&self) -> &str {
        account(&self.arn)
    }

    /// Returns the name, which follows the path.
    pub(crate) fn name(&self) -> &str {
        name(&self.arn)
    }

    /// Returns the path: `/`, or `/ops/`.
    pub(crate) fn path(&self) -> &str {
        let resource = self.arn.splitn(6, ':').last().unwrap_or_default();
        let from = resource.find('/').unwrap_or_default();
        let to = resource.rfind('/').unwrap_or_default();
        resource.get(from..=to).unwrap_or("/")
    }
}

/// A managed policy at AWS. Only policies of the world exist: AWS's own must be listed as well, and a session policy that
/// is not listed allows nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The ARN.
    pub arn: String,
    /// The document, as JSON.
    pub document: String,
}

impl Policy {
    /// Returns the name, which follows the path.
    pub(crate) fn name(&self) -> &str {
        name(&self.arn)
    }
}

/// A service control policy, which bounds what roles of an account can be allowed. As at AWS, one of those that apply to
/// an account must allow a call: next to denials, list one that allows everything.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceControlPolicy {
    /// The document, as JSON.
    pub document: String,
    /// The accounts that it applies to. Default: all.
    pub accounts: Option<Vec<String>>,
}

/// A bucket of S3.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// The name.
    pub name: String,
    /// The account that owns it. It has no bucket policy: nobody else has access.
    pub account: String,
    /// Whether it has Object Lock with a default retention. Uploads need a checksum then.
    #[serde(default)]
    pub object_lock: bool,
    /// The objects at the start: keys and texts.
    #[serde(default)]
    pub objects: BTreeMap<String, String>,
}

/// A trail of CloudTrail, with management and data events of all accounts and regions.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailSettings {
    /// The bucket that gets its files, a file for every five minutes with calls. As the clock of the sandbox can be moved,
    /// files that are due are added before the next request to AWS is answered. Default: none.
    pub bucket: Option<String>,
}

/// Returns the account of an ARN.
pub(crate) fn account(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// Returns the last part of an ARN.
pub(crate) fn name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_role_has_a_path_and_a_name() {
        let mut role = crate::World::demo().roles.remove(0);
        for (arn, path, name) in [
            ("arn:aws:iam::111122223333:role/Granted", "/", "Granted"),
            ("arn:aws:iam::111122223333:role/ops/eu/Migration", "/ops/eu/", "Migration"),
        ] {
            role.arn = arn.to_owned();
            assert_eq!((role.path(), role.name(), role.account()), (path, name, "111122223333"));
        }
    }
}
