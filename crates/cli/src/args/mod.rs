//! The command line's arguments.

mod shared;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use tempaccess_core::config::OtherTool;
use tempaccess_core::sink::Shell;

pub(crate) use shared::{Access, Chosen, Session, Store, absolute_source};

use crate::complete;

/// Temporary AWS access: sign in at your identity provider, get credentials that end by themselves
#[derive(Debug, Parser)]
#[command(name = "tempaccess", bin_name = "tempaccess", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Settings can stand in the configuration file too, and most in the environment; arguments win.

Exit codes: 0 done, 2-7 arguments and machine, 10-17 sign-in, 20-28 SAML response,
30-33 role and scope, 40-50 AWS STS, 60 audit record, 130 cancelled.
With `--output json`, errors are JSON on standard error.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in, choose a role, and say what was given and until when
    Login(Login),
    /// List the roles that the assertion offers
    Roles(Roles),
    /// Get credentials and print them
    Credentials(Credentials),
    /// Run a program with credentials in its environment
    Exec(Exec),
    /// Print credentials as variables for a shell
    Env(Env),
    /// Give credentials to programs over HTTP on loopback, new ones whenever the old ones end
    Serve(Serve),
    /// Open the AWS console with the role
    Console(Console),
    /// Write profiles for the AWS CLI and the SDKs
    #[command(subcommand)]
    Profiles(Profiles),
    /// Write a profile into the configuration
    Configure(Configure),
    /// Import profiles from another tool's configuration
    Import(Import),
    /// Say what is kept here, for whom, how narrow and until when
    Status(Status),
    /// End the session at the identity provider and forget what is kept here
    Logout(Logout),
    /// Walk the way to credentials step by step, and say what to change where it does not lead there
    Doctor(Doctor),
    /// Say what is in a SAML response, and what AWS would refuse
    Inspect(Inspect),
    /// Print the script that lets a shell complete profiles, roles and options
    Completions(Completions),
    /// Write the manual pages
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
    /// Sign in even where the session at the identity provider would do
    #[arg(long)]
    pub(crate) anew: bool,
    /// Get credentials of every role that fits, by one sign-in
    #[arg(long, conflicts_with_all = ["anew", "then"])]
    pub(crate) all: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Roles {
    #[command(flatten)]
    pub(crate) access: Access,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Credentials {
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
    /// Those of every role that fits, by one sign-in
    #[arg(long, conflicts_with = "then")]
    pub(crate) all: bool,
    /// How to print the credentials
    #[arg(long, value_enum)]
    pub(crate) output: CredentialsOutput,
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Give it an endpoint on loopback that it gets new credentials from as long as it runs, instead of credentials
    #[arg(long)]
    pub(crate) serve: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Env {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Whose grammar to write them in
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: ShellName,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// The port on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t, hide_default_value = true)]
    pub(crate) port: u16,
    /// Whose grammar to write the variables in that lead to it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: ShellName,
}

#[derive(Debug, Args)]
pub(crate) struct Console {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Where to go: a service such as s3, or a page of the console (https://…)
    #[arg(long, value_name = "SERVICE|URL")]
    pub(crate) destination: Option<String>,
    /// How long the console stays signed in, beyond the credentials' end if need be
    #[arg(long, value_name = "DURATION")]
    pub(crate) console_duration: Option<String>,
    /// Print the address instead of opening it: whoever has it is signed in
    #[arg(long)]
    pub(crate) print: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShellName {
    /// sh, bash, zsh: eval "$(tempaccess env)"
    #[default]
    Posix,
    /// tempaccess env --shell fish | source
    Fish,
    /// tempaccess env --shell powershell | Out-String | Invoke-Expression
    Powershell,
    /// cmd.exe
    Cmd,
    /// A .env file
    Dotenv,
    /// tempaccess env --shell github-actions >> "$GITHUB_ENV"
    GithubActions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Profiles {
    /// Write profiles whose credentials come from here into the AWS config file; nothing else in it is touched
    Sync(Sync),
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// The profiles of the configuration to write [default: all of them]
    #[arg(value_name = "PROFILE", conflicts_with = "roles", add = complete::profiles())]
    pub(crate) names: Vec<String>,
    /// Sign in, and write a profile for each role that is offered instead
    #[arg(long)]
    pub(crate) roles: bool,
    /// Take away the profiles that were written before and are not written now
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) access: Access,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Configure {
    /// The profile's name [default: default]
    #[arg(value_name = "PROFILE", conflicts_with = "profile")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Lists the tools in the help and in completions.
fn other_tool() -> impl TypedValueParser<Value = OtherTool> {
    PossibleValuesParser::new(OtherTool::ALL.map(OtherTool::name)).try_map(|name| name.parse::<OtherTool>())
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Tool to import from
    #[arg(value_name = "TOOL", value_parser = other_tool())]
    pub(crate) tool: OtherTool,
    /// Configuration of the tool [default: the file that its environment variable names, or its usual place]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Another configuration file to write into [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: CompletionShell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CompletionShell {
    /// source <(tempaccess completions bash)
    Bash,
    /// source <(tempaccess completions zsh)
    Zsh,
    /// tempaccess completions fish | source
    Fish,
    /// tempaccess completions powershell | Out-String | Invoke-Expression
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

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder, such as ~/.local/share/man/man1
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) store: Store,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Sign out at every identity provider of the configuration, and forget everything
    #[arg(long)]
    pub(crate) all: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Look at everything but the sign-in
    #[arg(long)]
    pub(crate) no_sign_in: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A file that holds a SAML response in any form (base64, XML, HTML page, SOAP); `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// Judge as of this instant instead of now, such as 2026-11-24T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    #[command(flatten)]
    pub(crate) verify: Verify,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Whether to verify, and how strictly.
#[derive(Debug, Args)]
#[command(next_help_heading = "Verifying")]
pub(crate) struct Verify {
    /// Verify the signatures against the keys in this file: the identity provider's metadata, or PEM
    #[arg(long = "verify", value_name = "METADATA|PEM")]
    pub(crate) keys: Option<PathBuf>,
    /// Accept SHA-1
    #[arg(long, requires = "keys")]
    pub(crate) allow_sha1: bool,
    /// Accept RSA keys of 1,024 to 2,047 bits
    #[arg(long, requires = "keys")]
    pub(crate) allow_short_rsa: bool,
    /// Accept a certificate outside the time that it says it is valid
    #[arg(long, requires = "keys")]
    pub(crate) allow_expired_certificate: bool,
    /// The audience, where it is not AWS
    #[arg(long, value_name = "ENTITY ID", requires_all = ["keys", "recipient"])]
    pub(crate) audience: Option<String>,
    /// The recipient, where it is not AWS
    #[arg(long, value_name = "URL", requires_all = ["keys", "audience"])]
    pub(crate) recipient: Option<String>,
    /// What looks at the signatures
    #[cfg(feature = "samael")]
    #[arg(long, value_enum, default_value_t, requires = "keys")]
    pub(crate) engine: Engine,
}

/// What looks at the signatures.
#[cfg(feature = "samael")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// The strict verifier of this program
    #[default]
    Own,
    /// libxmlsec1
    Xmlsec,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// One JSON object; its form is stable
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialsOutput {
    /// Assignments for a POSIX shell: eval "$(tempaccess credentials --output env)"
    Env,
    /// One JSON object with all that is known; its form is stable
    Json,
    /// What `credential_process` of the AWS CLI and the SDKs expects
    CredentialProcess,
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

impl Arguments {
    /// Whether errors shall be printed as JSON.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::Login(Login { output, .. })
            | Command::Roles(Roles { output, .. })
            | Command::Profiles(Profiles::Sync(Sync { output, .. }))
            | Command::Console(Console { output, .. })
            | Command::Configure(Configure { output, .. })
            | Command::Import(Import { output, .. })
            | Command::Status(Status { output, .. })
            | Command::Logout(Logout { output, .. })
            | Command::Doctor(Doctor { output, .. })
            | Command::Inspect(Inspect { output, .. }) => *output == Output::Json,
            Command::Exec(_) | Command::Env(_) | Command::Serve(_) | Command::Completions(_) | Command::Man(_) => false,
            Command::Credentials(credentials) => credentials.output == CredentialsOutput::Json,
        }
    }
}
