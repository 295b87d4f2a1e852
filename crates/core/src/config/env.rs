//! The environment variables that are read, each declared once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Settings;
use super::paths::{self, Base};
use crate::error::{Error, ErrorKind, Result, Stage};

/// An environment variable that tempaccess reads.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it sets.
    pub doc: &'static str,
}

const fn variable(name: &'static str, doc: &'static str) -> Variable {
    Variable { name, doc }
}

pub(super) const CONFIG: Variable = variable("TEMPACCESS_CONFIG", "The configuration file");
pub(super) const PROFILE: Variable = variable("TEMPACCESS_PROFILE", "The profile of the configuration to use");
const SOURCE: Variable = variable("TEMPACCESS_SOURCE", "Where the SAML response comes from; see `--source`");
const USERNAME: Variable = variable("TEMPACCESS_USERNAME", "The user name at the identity provider");
const FACTOR: Variable = variable("TEMPACCESS_FACTOR", "The second factor to use");
const AUTH: Variable = variable("TEMPACCESS_AUTH", "How to sign in at Okta; see `--auth`");
const CLIENT_ID: Variable = variable("TEMPACCESS_CLIENT_ID", "The client id of the native app in Okta");
const BROWSER: Variable = variable("TEMPACCESS_BROWSER", "The browser to drive; see `--browser`");
const ROLE: Variable = variable("TEMPACCESS_ROLE", "The role; see `--role`");
const ACCOUNT: Variable = variable("TEMPACCESS_ACCOUNT", "The account of the role");
const DURATION: Variable = variable("TEMPACCESS_DURATION", "How long the session lasts");
const REASON: Variable = variable("TEMPACCESS_REASON", "Why access is wanted, for the audit record");
const AUDIT_LOG: Variable = variable("TEMPACCESS_AUDIT_LOG", "The file that audit records are appended to");
const STORE: Variable = variable("TEMPACCESS_STORE", "How credentials and sessions are stored; see `--store`");
pub(super) const STORE_DIR: Variable =
    variable("TEMPACCESS_STORE_DIR", "The folder that credentials and sessions are stored in");
const REGION: Variable =
    variable("TEMPACCESS_REGION", "The region whose STS is asked, and the region of synced profiles");
const FEDERATION: Variable =
    variable("TEMPACCESS_FEDERATION_ENDPOINT_URL", "Another address for the federation endpoint of AWS sign-in");
const STS_ENDPOINT: Variable = variable("AWS_ENDPOINT_URL_STS", "Another address for STS");
const IAM_ENDPOINT: Variable = variable("AWS_ENDPOINT_URL_IAM", "Another address for IAM");
const CLOUDTRAIL_ENDPOINT: Variable = variable("AWS_ENDPOINT_URL_CLOUDTRAIL", "Another address for CloudTrail");
const LOGS_ENDPOINT: Variable = variable("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "Another address for CloudWatch Logs");
const ATHENA_ENDPOINT: Variable = variable("AWS_ENDPOINT_URL_ATHENA", "Another address for Athena");
const S3_ENDPOINT: Variable = variable("AWS_ENDPOINT_URL_S3", "Another address for S3");

/// Every variable that the configuration reads. The transport reads the proxy variables, `SSL_CERT_FILE` and `AWS_CA_BUNDLE`.
pub const ENVIRONMENT: &[Variable] = &[
    CONFIG,
    PROFILE,
    SOURCE,
    USERNAME,
    AUTH,
    CLIENT_ID,
    FACTOR,
    BROWSER,
    ROLE,
    ACCOUNT,
    DURATION,
    REGION,
    STORE,
    STORE_DIR,
    REASON,
    AUDIT_LOG,
    FEDERATION,
    STS_ENDPOINT,
    IAM_ENDPOINT,
    CLOUDTRAIL_ENDPOINT,
    LOGS_ENDPOINT,
    ATHENA_ENDPOINT,
    S3_ENDPOINT,
];

/// Returns the value of a variable. An empty one counts as unset.
pub(super) fn get(variable: Variable) -> Result<Option<String>> {
    let value = std::env::var_os(variable.name).filter(|value| !value.is_empty());
    value.map(OsString::into_string).transpose().map_err(|_| {
        Error::new(
            ErrorKind::InvalidArgument,
            Stage::Configuration,
            format!("the value of `{}` is not valid Unicode", variable.name),
        )
    })
}

/// Returns the region that programs of AWS use.
pub(super) fn aws_region() -> Option<String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"))
}

/// Returns the value of a variable as a path, with `~` expanded. An empty one counts as unset.
pub(super) fn path(variable: Variable) -> Result<Option<PathBuf>> {
    let value = std::env::var_os(variable.name).filter(|value| !value.is_empty());
    value.map(|value| paths::path(Path::new(&value), Base::Current)).transpose()
}

/// Returns the settings that the environment has.
pub(super) fn settings() -> Result<Settings> {
    Ok(Settings {
        source: get(SOURCE)?,
        username: get(USERNAME)?,
        auth: get(AUTH)?,
        client_id: get(CLIENT_ID)?,
        browser: get(BROWSER)?,
        factor: get(FACTOR)?,
        role: get(ROLE)?,
        account: get(ACCOUNT)?,
        duration: get(DURATION)?,
        region: get(REGION)?,
        store: get(STORE)?,
        reason: get(REASON)?,
        audit_log: path(AUDIT_LOG)?,
        sts_endpoint_url: get(STS_ENDPOINT)?,
        iam_endpoint_url: get(IAM_ENDPOINT)?,
        cloudtrail_endpoint_url: get(CLOUDTRAIL_ENDPOINT)?,
        logs_endpoint_url: get(LOGS_ENDPOINT)?,
        athena_endpoint_url: get(ATHENA_ENDPOINT)?,
        s3_endpoint_url: get(S3_ENDPOINT)?,
        federation_endpoint_url: get(FEDERATION)?,
        ..Settings::default()
    })
}
