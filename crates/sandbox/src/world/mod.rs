//! What exists in the sandbox: people, factors and apps at Okta; providers, roles, policies and buckets at AWS.

mod aws;
mod okta;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use aws::{Bucket, Policy, Provider, Role, ServiceControlPolicy, TrailSettings};
pub(crate) use aws::{account, name};
pub use okta::{App, Client, Factor, Push, PushAnswer, User, UserStatus};

/// Everything that exists in the sandbox. Read from TOML, or built in code.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The instance id of the AWS app at Okta: part of its link and of the issuer.
    #[serde(default = "default_app")]
    pub app: String,
    /// The engine that the org reports: `v1` (Classic Engine) or `idx` (Identity Engine).
    #[serde(default = "classic")]
    pub pipeline: String,
    /// Whether the Identity Engine asks for the user name first, and then for the password.
    #[serde(default)]
    pub identifier_first: bool,
    /// The native apps, which use OAuth.
    #[serde(default)]
    pub clients: Vec<Client>,
    /// Further apps on the dashboard of every person. Those of Okta's AWS kind lead to the same roles.
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
    /// The aliases of accounts at AWS, by their ids.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
    /// The managed policies at AWS.
    #[serde(default)]
    pub policies: Vec<Policy>,
    /// The service control policies of the organization.
    #[serde(default)]
    pub scps: Vec<ServiceControlPolicy>,
    /// The buckets of S3.
    #[serde(default)]
    pub buckets: Vec<Bucket>,
    /// The trail of CloudTrail.
    #[serde(default)]
    pub trail: TrailSettings,
}

fn default_app() -> String {
    "0oa1sandbox2app3id45".to_owned()
}

fn classic() -> String {
    "v1".to_owned()
}

/// The default of settings that are on.
fn enabled() -> bool {
    true
}

impl World {
    /// Returns a small company: Ada signs in with a push and a number, Grace with a code, Alan with only a password.
    pub fn demo() -> Self {
        let text = include_str!("demo.toml");
        match toml::from_str(text) {
            Ok(world) => world,
            Err(error) => unreachable!("the demo world is part of the program: {error}"),
        }
    }

    /// Returns the person with this login.
    pub fn user(&self, login: &str) -> Option<&User> {
        self.users.iter().find(|user| user.login.eq_ignore_ascii_case(login))
    }

    /// Returns the person with this login, to change before the sandbox starts.
    pub fn user_mut(&mut self, login: &str) -> Option<&mut User> {
        self.users.iter_mut().find(|user| user.login == login)
    }

    /// Returns the role with this ARN.
    pub(crate) fn role(&self, arn: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.arn == arn)
    }

    /// Returns the managed policy with this name or ARN. A name is one of this account, or of AWS.
    pub(crate) fn policy(&self, account_id: &str, reference: &str) -> Option<&Policy> {
        let owners = [account_id, "aws"];
        self.policies.iter().find(|policy| {
            policy.arn == reference || (policy.name() == reference && owners.contains(&account(&policy.arn)))
        })
    }

    /// Returns the apps on the dashboard of a person.
    pub(crate) fn apps_of(&self, user: &User) -> Vec<App> {
        let aws = App { id: self.app.clone(), label: "AWS".to_owned(), name: "amazon_aws".to_owned() };
        self.other_apps.iter().cloned().chain(user.has_aws_app.then_some(aws)).collect()
    }

    /// Whether an app of Okta's AWS kind has this id.
    pub(crate) fn is_aws_app(&self, id: &str) -> bool {
        self.app == id || self.other_apps.iter().any(|app| app.id == id && app.name == "amazon_aws")
    }

    /// Returns the issuer of the assertions of the sandbox's Okta.
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
