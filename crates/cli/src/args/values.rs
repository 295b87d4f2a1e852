//! Values that options choose from.

use clap::ValueEnum;
use tempaccess_core::sink::Shell;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Text for people
    #[default]
    Text,
    /// JSON in a stable format
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialsOutput {
    /// Commands for a POSIX shell: eval "$(tempaccess credentials --output env)"
    Env,
    /// JSON in a stable format
    Json,
    /// The format that `credential_process` expects, for the AWS CLI and the SDKs
    CredentialProcess,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellName {
    /// sh, bash, zsh: eval "$(tempaccess env)"
    #[default]
    Posix,
    /// fish: tempaccess env --shell fish | source
    Fish,
    /// PowerShell: tempaccess env --shell powershell | Out-String | Invoke-Expression
    Powershell,
    /// cmd.exe
    Cmd,
    /// A .env file: tempaccess env --shell dotenv > .env
    Dotenv,
    /// GitHub Actions: tempaccess env --shell github-actions >> "$GITHUB_ENV"
    GithubActions,
}

impl From<ShellName> for Shell {
    fn from(name: ShellName) -> Self {
        match name {
            ShellName::Posix => Self::Posix,
            ShellName::Fish => Self::Fish,
            ShellName::Powershell => Self::PowerShell,
            ShellName::Cmd => Self::Cmd,
            ShellName::Dotenv => Self::Dotenv,
            ShellName::GithubActions => Self::GitHubActions,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionShell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

impl CompletionShell {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
        }
    }
}

/// The implementation that verifies signatures.
#[cfg(feature = "samael")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The built-in strict verifier
    #[default]
    Own,
    /// libxmlsec1
    Xmlsec,
}
