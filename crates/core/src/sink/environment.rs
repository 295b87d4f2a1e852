//! The environment of a program that uses one set of AWS credentials and no other.

use super::Shell;
use super::shell::{write_assignment, write_removals};
use crate::credentials::SessionCredentials;
use crate::error::Result;
use crate::secret::SecretString;

/// Variables from which the AWS CLI, the SDKs and other programs take credentials, or which describe credentials. A
/// program that inherits one of them may use other credentials than the ones it is given:
///
/// - keys, under their present names and older ones (the SDKs for Go and Java, Ansible, boto 2);
/// - profiles, which win over keys in the SDK for JavaScript;
/// - web identity tokens and roles, which win over container credentials in every SDK;
/// - container credentials: the relative URI wins over the full one, the token's file over the token;
/// - a bearer token, which wins over keys at Amazon Bedrock;
/// - the account, which becomes part of the host names of some services;
/// - when credentials expire, which botocore checks and shell prompts show.
const CREDENTIAL_VARIABLES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "EC2_ACCESS_KEY",
    "EC2_SECRET_KEY",
    "EC2_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "AWS_ACCOUNT_ID",
    "AWS_CREDENTIAL_FILE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_BEARER_TOKEN_BEDROCK",
];

/// Variables for the region: the AWS CLI, boto3 and Terraform read the second one, the other SDKs the first.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// The region that [`AwsEnvironment::with_region`] set.
const ASSUMED_REGION: &str = "TEMPACCESS_ASSUMED_REGION";

/// What a program's environment must have, and what it must not have, for the program to use these credentials.
///
/// ```
/// use tempaccess_core::{SecretString, sink, sts::SessionCredentials};
///
/// let credentials = SessionCredentials::new(
///     "ASIAEXAMPLE",
///     SecretString::from("secret"),
///     SecretString::from("token"),
///     "2026-11-24T12:00:00Z".parse().unwrap(),
///     "arn:aws:iam::123456789012:role/ReadOnly".parse().unwrap(),
/// );
/// let environment = sink::AwsEnvironment::for_credentials(&credentials).with_region(Some("eu-west-1"), |_| None);
/// assert!(environment.removed().any(|name| name == "AWS_PROFILE"));
/// let script = environment.script(sink::Shell::Fish)?;
/// assert!(script.expose().contains("set -gx AWS_ACCOUNT_ID '123456789012'\n"));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct AwsEnvironment {
    assigned: Vec<(&'static str, SecretString)>,
    removes_region: bool,
}

impl AwsEnvironment {
    /// The environment without any credentials: every variable that could name some is removed.
    pub fn without_credentials() -> Self {
        Self::default()
    }

    /// The environment with these credentials.
    pub fn for_credentials(credentials: &SessionCredentials) -> Self {
        Self {
            assigned: vec![
                ("AWS_ACCESS_KEY_ID", credentials.access_key_id.as_str().into()),
                ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
                ("AWS_SESSION_TOKEN", credentials.session_token.clone()),
                ("AWS_CREDENTIAL_EXPIRATION", credentials.expiration.to_string().into()),
                ("AWS_ACCOUNT_ID", credentials.account_id().into()),
            ],
            ..Self::default()
        }
    }

    /// The environment with the variables that lead to an endpoint, such as those of
    /// [`CredentialsEndpoint::environment`](crate::endpoint::CredentialsEndpoint::environment), and the account of its role.
    pub fn for_endpoint(
        variables: impl IntoIterator<Item = (&'static str, SecretString)>,
        account_id: impl Into<SecretString>,
    ) -> Self {
        let account = ("AWS_ACCOUNT_ID", account_id.into());
        Self { assigned: variables.into_iter().chain([account]).collect(), ..Self::default() }
    }

    /// Sets the region to work in, under both names, of which the AWS CLI and each SDK read one: the region that the environment of
    /// `inherited` has under either name, or else this one. A region that an earlier call set there is replaced, or removed if there
    /// is no new one: `TEMPACCESS_ASSUMED_REGION` tells it from a region that the person chose.
    #[must_use]
    pub fn with_region(mut self, region: Option<&str>, inherited: impl Fn(&str) -> Option<String>) -> Self {
        let inherited = |name: &str| inherited(name).filter(|value| !value.is_empty());
        let assumed = inherited(ASSUMED_REGION);
        let is_chosen = |region: &String| assumed.as_ref() != Some(region);
        let current = REGION_VARIABLES.map(|name| (name, inherited(name)));
        if let Some(chosen) = current.iter().filter_map(|(_, region)| region.as_ref()).find(|region| is_chosen(region))
        {
            // Without credentials, nothing is added.
            if !self.assigned.is_empty() {
                let lacking = current.iter().filter(|(_, region)| !region.as_ref().is_some_and(is_chosen));
                self.assigned.extend(lacking.map(|(name, _)| (*name, chosen.as_str().into())));
            }
            return self;
        }
        match region {
            Some(region) => {
                let names = REGION_VARIABLES.into_iter().chain([ASSUMED_REGION]);
                self.assigned.extend(names.map(|name| (name, region.into())));
            }
            None => self.removes_region = assumed.is_some(),
        }
        self
    }

    /// The variables to set. Some values are secrets.
    pub fn assigned(&self) -> &[(&'static str, SecretString)] {
        &self.assigned
    }

    /// The variables to remove, none of which is in [`assigned`](Self::assigned).
    pub fn removed(&self) -> impl Iterator<Item = &'static str> {
        let is_assigned = |name: &&str| self.assigned.iter().any(|(assigned, _)| assigned == name);
        let region = REGION_VARIABLES.into_iter().chain([ASSUMED_REGION]).filter(|_| self.removes_region);
        CREDENTIAL_VARIABLES.iter().copied().chain(region).filter(move |name| !is_assigned(name))
    }

    /// Writes the changes in the syntax of a shell or of a file: removals first, then assignments, one a line.
    ///
    /// [`Shell::Dotenv`] and [`Shell::GitHubActions`] have no syntax for removals (see [`Shell::can_remove`]): these
    /// files hold the assignments only.
    ///
    /// # Errors
    ///
    /// `sts_unavailable` if a value has a character that this syntax cannot express; credentials from AWS have none.
    pub fn script(&self, shell: Shell) -> Result<SecretString> {
        // Large enough to never grow: a buffer that moves leaves a copy of the secrets behind.
        let values: usize = self.assigned.iter().map(|(name, value)| name.len() + 2 * value.expose().len() + 64).sum();
        let mut text = String::with_capacity(values + CREDENTIAL_VARIABLES.len() * 256);
        write_removals(shell, &self.removed().collect::<Vec<_>>(), &mut text);
        let mut result = Ok(());
        // A file is read elsewhere, where nothing is to be replaced later.
        let written = self.assigned.iter().filter(|(name, _)| shell.can_remove() || *name != ASSUMED_REGION);
        for (name, value) in written {
            result = result.and_then(|()| write_assignment(shell, name, value.expose(), &mut text));
        }
        // Wiped on drop, in case of an error too.
        let text = SecretString::from(text);
        result.map(|()| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_region(region: Option<&str>, inherited: &[(&str, &str)]) -> (Vec<String>, Vec<&'static str>) {
        let lookup =
            |name: &str| inherited.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let environment = AwsEnvironment::for_endpoint([], "123456789012").with_region(region, lookup);
        let assigned = environment.assigned().iter().filter(|(name, _)| name.contains("REGION"));
        let assigned = assigned.map(|(name, value)| format!("{name}={}", value.expose()));
        let removed = environment.removed().filter(|name| name.contains("REGION"));
        (assigned.collect(), removed.collect())
    }

    #[test]
    fn a_region_is_set_where_the_person_chose_none() {
        let set = ["AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1", "TEMPACCESS_ASSUMED_REGION=eu-west-1"];
        let assumed = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("TEMPACCESS_ASSUMED_REGION", "us-east-1"),
        ];
        for inherited in [&[][..], &[("AWS_REGION", "")], &assumed] {
            assert_eq!(with_region(Some("eu-west-1"), inherited).0, set, "{inherited:?}");
        }
        // A region that the person chose is set under the other name as well.
        for (inherited, other) in [
            (&[("AWS_REGION", "us-east-1")][..], &["AWS_DEFAULT_REGION=us-east-1"][..]),
            (&[("AWS_DEFAULT_REGION", "us-east-1")], &["AWS_REGION=us-east-1"]),
            (&[("AWS_REGION", "us-west-2"), assumed[1], assumed[2]], &["AWS_DEFAULT_REGION=us-west-2"]),
            (&[("AWS_REGION", "us-west-2"), ("AWS_DEFAULT_REGION", "us-west-1")], &[]),
        ] {
            for region in [Some("eu-west-1"), None] {
                let (assigned, removed) = with_region(region, inherited);
                assert_eq!(
                    (assigned.as_slice(), removed.as_slice()),
                    (&*other.iter().map(ToString::to_string).collect::<Vec<_>>(), &[][..]),
                    "{inherited:?}"
                );
            }
            let inherited = |_: &str| Some("us-east-1".to_owned());
            assert!(AwsEnvironment::without_credentials().with_region(None, inherited).assigned().is_empty());
        }
        let names = ["AWS_REGION", "AWS_DEFAULT_REGION", "TEMPACCESS_ASSUMED_REGION"];
        assert_eq!(with_region(None, &assumed), (vec![], names.to_vec()));
        assert_eq!(with_region(None, &[]), (vec![], vec![]));
    }

    #[test]
    fn what_is_set_is_not_removed_and_everything_else_is() {
        let names = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];
        let environment = AwsEnvironment::for_endpoint(names.map(|name| (name, "x".into())), "123456789012");
        let removed: Vec<_> = environment.removed().collect();
        assert!(environment.assigned().iter().all(|(name, _)| !removed.contains(name)));
        assert_eq!(removed.len() + environment.assigned().len(), CREDENTIAL_VARIABLES.len());
        let script = environment.script(Shell::Dotenv).unwrap();
        let expected =
            "AWS_CONTAINER_CREDENTIALS_FULL_URI=x\nAWS_CONTAINER_AUTHORIZATION_TOKEN=x\nAWS_ACCOUNT_ID=123456789012\n";
        assert_eq!(script.expose(), expected);
    }

    #[test]
    fn a_script_does_not_outgrow_its_buffer() {
        for shell in [Shell::Posix, Shell::Fish, Shell::PowerShell, Shell::Cmd] {
            let mut removals = String::new();
            write_removals(shell, CREDENTIAL_VARIABLES, &mut removals);
            assert!(removals.len() <= CREDENTIAL_VARIABLES.len() * 256, "{shell:?}: {}", removals.len());
        }
    }
}
