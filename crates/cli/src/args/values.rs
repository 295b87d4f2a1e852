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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellName {
    /// sh, bash, zsh: eval "$(tempaccess env)"
    #[value(aliases = ["sh", "bash", "zsh"])]
    Posix,
    /// fish: tempaccess env --shell fish | source
    Fish,
    /// PowerShell: tempaccess env --shell powershell | Out-String | Invoke-Expression
    #[value(alias = "pwsh")]
    Powershell,
    /// cmd.exe
    Cmd,
    /// A .env file: tempaccess env --shell dotenv > .env
    Dotenv,
    /// GitHub Actions: tempaccess env --shell github-actions >> "$GITHUB_ENV"
    GithubActions,
}

impl Default for ShellName {
    /// Returns the shell that this program runs in, as far as its environment tells.
    fn default() -> Self {
        if cfg!(windows) { Self::on_windows(|name| std::env::var(name).ok()) } else { Self::Posix }
    }
}

impl ShellName {
    fn on_windows(variable: impl Fn(&str) -> Option<String>) -> Self {
        // Git Bash, MSYS2 and Cygwin set these.
        if variable("MSYSTEM").or_else(|| variable("SHELL")).is_some() {
            return Self::Posix;
        }
        // PowerShell adds the modules of the person to those of the machine, which every process sees.
        let home = variable("USERPROFILE").filter(|home| !home.is_empty()).map(|home| home.to_lowercase());
        let modules = variable("PSModulePath").unwrap_or_default().to_lowercase();
        match home {
            Some(home) if modules.split(';').any(|folder| folder.starts_with(&home)) => Self::Powershell,
            _ => Self::Cmd,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::ShellName;

    #[test]
    fn the_shell_on_windows_is_told_by_its_variables() {
        let machine = r"C:\Program Files\WindowsPowerShell\Modules";
        let person = format!(r"C:\Users\ada\Documents\PowerShell\Modules;{machine}");
        for (variables, shell) in [
            (&[("USERPROFILE", r"C:\Users\Ada"), ("PSModulePath", machine)][..], ShellName::Cmd),
            (&[("USERPROFILE", r"C:\Users\Ada"), ("PSModulePath", &person)], ShellName::Powershell),
            (&[("USERPROFILE", r"C:\Users\Ada"), ("PSModulePath", &person), ("MSYSTEM", "MINGW64")], ShellName::Posix),
            (&[("USERPROFILE", ""), ("PSModulePath", machine)], ShellName::Cmd),
            (&[], ShellName::Cmd),
        ] {
            let found = ShellName::on_windows(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            });
            assert_eq!(found, shell, "{variables:?}");
        }
    }
}
