//! Credentials as environment variables, in the grammar of whoever reads them.

use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;

/// Whose grammar assignments are written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shell {
    /// sh, bash, zsh: `export NAME='value'`.
    #[default]
    Posix,
    /// fish: `set -gx NAME 'value'`.
    Fish,
    /// PowerShell: `$Env:NAME = 'value'`.
    PowerShell,
    /// cmd.exe: `set "NAME=value"`.
    Cmd,
    /// A `.env` file: `NAME='value'`.
    Dotenv,
    /// The file that `GITHUB_ENV` names in GitHub Actions: `NAME=value`.
    GitHubActions,
}

/// The variables that the AWS CLI and every SDK read credentials from.
pub fn environment(credentials: &SessionCredentials) -> [(&'static str, SecretString); 4] {
    [
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.as_str().into()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
        ("AWS_SESSION_TOKEN", credentials.session_token.clone()),
        ("AWS_CREDENTIAL_EXPIRATION", credentials.expiration.to_string().into()),
    ]
}

/// The variables that would win over these credentials, or speak of others: whoever sets [`environment`] takes them away.
pub const fn stale_variables() -> &'static [&'static str] {
    &[
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ]
}

/// Variables as assignments, one a line: those of [`environment`], or those that lead to an endpoint.
///
/// # Errors
///
/// `sts_unavailable` where a value has a character that cannot stand in that grammar: no credentials of AWS have one.
///
/// ```
/// use tempaccess_core::{SecretString, SessionCredentials, sink};
///
/// let credentials = SessionCredentials::new(
///     "ASIAEXAMPLE",
///     SecretString::from("se'cret"),
///     SecretString::from("token"),
///     "2026-11-24T12:00:00Z".parse().unwrap(),
///     "arn:aws:iam::123456789012:role/ReadOnly".parse().unwrap(),
/// );
/// let text = sink::assignments(sink::Shell::Fish, &sink::environment(&credentials))?;
/// assert!(text.expose().contains(r"set -gx AWS_SECRET_ACCESS_KEY 'se\'cret'"));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
pub fn assignments(shell: Shell, variables: &[(&str, SecretString)]) -> Result<SecretString> {
    let mut text = String::with_capacity(2048);
    for (name, value) in variables {
        let value = value.expose();
        let bare = matches!(shell, Shell::Cmd | Shell::GitHubActions);
        if value.chars().any(|c| c.is_control() || (bare && matches!(c, '"' | '%' | '!' | '^' | '&' | '|' | '<' | '>')))
        {
            return Err(Error::new(
                ErrorKind::StsUnavailable,
                Stage::Output,
                format!("the value of `{name}` has a character that cannot be written here"),
            ));
        }
        let line = match shell {
            Shell::Posix => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Shell::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            Shell::PowerShell => format!("$Env:{name} = '{}'", value.replace('\'', "''")),
            Shell::Cmd => format!("set \"{name}={value}\""),
            Shell::Dotenv => format!("{name}='{}'", value.replace('\'', r"\'")),
            Shell::GitHubActions => format!("{name}={value}"),
        };
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text.into())
}
