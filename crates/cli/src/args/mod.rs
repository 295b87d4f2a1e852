//! The arguments of the command line.

pub(crate) mod audit;
pub(crate) mod grant;
pub(crate) mod setup;
mod shared;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand};
use tempaccess_core::config::OtherTool;

#[cfg(feature = "samael")]
pub(crate) use values::Engine;

pub(crate) use shared::{Access, Chosen, Session, SignIn, Store, one_profile};
pub(crate) use values::{CompletionShell, CredentialsOutput, Output, ShellName};

use crate::complete;

/// Get temporary AWS credentials by signing in at your identity provider
#[derive(Debug, Parser)]
#[command(name = "tempaccess", bin_name = "tempaccess", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Show each step on standard error; -vv shows every request
    #[arg(short, long, action = ArgAction::Count, global = true, display_order = 1000)]
    pub(crate) verbose: u8,
}

const AFTER_HELP: &str = "\
Precedence of settings: arguments, environment, configuration file.

Exit codes: 0 success, 2-7 arguments and machine, 10-17 sign-in, 20-28 SAML response,
30-33 role and scope, 40-50 AWS STS, 51-53 IAM, 54 and 61-68 grants, 60 audit log and grant records,
130 cancelled.
With `--output json`, errors are JSON on standard error.";

const EXEC_AFTER_HELP: &str = "\
Exit code: that of the program; 127 if it is not found, 126 if it cannot be executed.";

const COMPLETIONS_AFTER_HELP: &str = "\
bash:        source <(tempaccess completions bash)
zsh:         source <(tempaccess completions zsh)
fish:        tempaccess completions fish | source
PowerShell:  tempaccess completions powershell | Out-String | Invoke-Expression";

const SHELL_INIT_AFTER_HELP: &str = "\
Add the line for your shell to its startup file:
~/.bashrc                    eval \"$(tempaccess shell-init bash)\"
~/.zshrc, after compinit     eval \"$(tempaccess shell-init zsh)\"
~/.config/fish/config.fish   tempaccess shell-init fish | source
$PROFILE of PowerShell       tempaccess shell-init powershell | Out-String | Invoke-Expression

Then `assume PROFILE` sets credentials, and `assume --unset` removes them.
`assume` takes the arguments of `tempaccess env`. Completion is included.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in and cache credentials for a role
    Login(Login),
    /// List the roles that you can assume
    Roles(Roles),
    /// Print credentials
    Credentials(Credentials),
    /// Run a program with credentials in its environment
    Exec(Exec),
    /// Print shell commands that set credentials in the environment
    Env(Env),
    /// Serve auto-refreshing credentials on a local HTTP endpoint
    Serve(Serve),
    /// Open the AWS console in a browser
    Console(Console),
    /// Give other people temporary access; extend, revoke and list it
    #[command(subcommand)]
    Grant(Box<grant::Grant>),
    /// Set up an AWS account for sign-in and for grants
    #[command(subcommand)]
    Setup(Box<setup::Setup>),
    /// Verify, export and report on grant records, and query CloudTrail
    #[command(subcommand)]
    Audit(Box<audit::Audit>),
    /// Manage profiles in the AWS config file
    #[command(subcommand)]
    Profiles(Profiles),
    /// Add a profile to the configuration file
    Configure(Configure),
    /// Import profiles from the configuration of another tool
    Import(Import),
    /// Show cached credentials and sessions
    Status(Status),
    /// Sign out and delete cached credentials
    Logout(Logout),
    /// Diagnose sign-in step by step and suggest fixes
    Doctor(Doctor),
    /// Decode a SAML response and check it against AWS's rules
    Inspect(Inspect),
    /// Generate a shell completion script
    Completions(Completions),
    /// Generate shell code for `assume`, which sets credentials in the running shell
    ShellInit(ShellInit),
    /// Generate manual pages
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Sign in again, ignoring the cached session
    #[arg(long)]
    pub(crate) force: bool,
    /// Get credentials for every matching role with one sign-in
    #[arg(long, conflicts_with_all = ["force", "chain"])]
    pub(crate) all: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
}

#[derive(Debug, Args)]
pub(crate) struct Roles {
    /// Look up the aliases of accounts without a name, and add them to the configuration file
    #[arg(long)]
    pub(crate) names: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Credentials {
    /// Print credentials for every matching role, with one sign-in
    #[arg(long, conflicts_with = "chain")]
    pub(crate) all: bool,
    /// Output format [default: `credential-process`, or nothing with `--write-profile`]
    #[arg(long, value_enum)]
    output: Option<CredentialsOutput>,
    /// Write the credentials in plain text to this profile of the AWS credentials file; a last resort, for programs that
    /// support nothing else
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub(crate) write_profile: Option<String>,
    /// Overwrite the profile even if tempaccess did not write it
    #[arg(long, requires = "write_profile")]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
}

#[derive(Debug, Args)]
#[command(after_help = EXEC_AFTER_HELP)]
pub(crate) struct Exec {
    /// Serve auto-refreshing credentials to the program instead of setting them in its environment
    #[arg(long)]
    pub(crate) serve: bool,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Program to run, with its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM", help_heading = None)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Env {
    /// Shell syntax of the output
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: ShellName,
    /// Print commands that remove credentials from the environment instead
    #[arg(long, conflicts_with_all = ["profile_name", "profile"])]
    pub(crate) unset: bool,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Port on 127.0.0.1 [default: any free port]
    #[arg(long, value_name = "PORT", default_value_t, hide_default_value = true)]
    pub(crate) port: u16,
    /// Shell syntax of the printed variables
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: ShellName,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
}

#[derive(Debug, Args)]
pub(crate) struct Console {
    /// Page to open: a service such as s3, or a console URL (https://…) [default: the console's home]
    #[arg(long, value_name = "SERVICE|URL")]
    pub(crate) destination: Option<String>,
    /// Duration of the console session, which may outlast the credentials
    #[arg(long, value_name = "DURATION")]
    pub(crate) console_duration: Option<String>,
    /// Open it in Chromium, Chrome or Edge, with a browser profile of its own for each account [default: `browser` of
    /// `[console]`, or the browser of the system]
    #[arg(long, conflicts_with = "print")]
    pub(crate) separate: bool,
    /// Print the sign-in URL instead of opening it; anyone who has the URL can sign in
    #[arg(long)]
    pub(crate) print: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Profiles {
    /// Write profiles to the AWS config file that get their credentials from tempaccess
    Sync(Sync),
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// Profiles of the configuration file to write [default: all]
    #[arg(value_name = "PROFILE", conflicts_with = "roles", add = complete::profiles())]
    pub(crate) names: Vec<String>,
    /// Sign in, and write a profile for each role that you can assume instead of those of the configuration
    #[arg(long)]
    pub(crate) roles: bool,
    /// Remove profiles that an earlier sync wrote and this one does not
    #[arg(long)]
    pub(crate) prune: bool,
    /// Add credentials to existing profiles that have none, such as `default` with only a region [default: ask]
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Configure {
    /// Name of the new profile [default: default]
    #[arg(value_name = "PROFILE")]
    pub(crate) name: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
}

/// Lists the tools in the help and in completions.
fn other_tool() -> impl TypedValueParser<Value = OtherTool> {
    PossibleValuesParser::new(OtherTool::ALL.iter().map(|tool| tool.as_str())).try_map(|name| name.parse::<OtherTool>())
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Tool to import from
    #[arg(value_name = "TOOL", value_parser = other_tool())]
    pub(crate) tool: OtherTool,
    /// Configuration of the tool [default: the file that its environment variable names, or its usual place]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Configuration file to write to [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_AFTER_HELP)]
pub(crate) struct Completions {
    /// Shell to complete in
    #[arg(value_enum)]
    pub(crate) shell: CompletionShell,
}

#[derive(Debug, Args)]
#[command(after_help = SHELL_INIT_AFTER_HELP)]
pub(crate) struct ShellInit {
    /// Shell to define `assume` in
    #[arg(value_enum)]
    pub(crate) shell: CompletionShell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Folder to write to, such as ~/.local/share/man/man1
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Profile whose credentials and sessions to show, as with `--profile` [default: everything in the cache]
    #[arg(value_name = "PROFILE", add = complete::profiles())]
    pub(crate) profile_name: Option<String>,
    /// Profile whose credentials and sessions to show
    #[arg(long, value_name = "NAME", add = complete::profiles())]
    pub(crate) profile: Option<String>,
    /// Configuration file [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) store: Store,
}

#[derive(Debug, Args)]
pub(crate) struct Logout {
    /// Sign out of every profile in the configuration file and delete everything cached
    #[arg(long)]
    pub(crate) all: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Check everything except the sign-in itself
    #[arg(long)]
    pub(crate) no_sign_in: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) chosen: Chosen,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// File with a SAML response in any form (base64, XML, HTML page, SOAP), or `-` for standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// Check as of this time, such as 2026-11-24T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) verify: Verify,
}

/// Whether to verify, and how strictly.
#[derive(Debug, Args)]
#[command(next_help_heading = "Verification options")]
pub(crate) struct Verify {
    /// File with the trusted keys for verifying signatures: the identity provider's metadata, or
    /// certificates or public keys in PEM or DER
    #[arg(long = "verify", value_name = "METADATA|KEYS")]
    pub(crate) keys: Option<PathBuf>,
    /// Accept signatures that use SHA-1
    #[arg(long, requires = "keys")]
    pub(crate) allow_sha1: bool,
    /// Accept RSA keys of 1,024 to 2,047 bits
    #[arg(long, requires = "keys")]
    pub(crate) allow_short_rsa: bool,
    /// Accept certificates outside their validity period
    #[arg(long, requires = "keys")]
    pub(crate) allow_expired_certificate: bool,
    /// Expected audience [default: AWS]
    #[arg(long, value_name = "ENTITY ID", requires_all = ["keys", "recipient"])]
    pub(crate) audience: Option<String>,
    /// Expected recipient [default: AWS]
    #[arg(long, value_name = "URL", requires_all = ["keys", "audience"])]
    pub(crate) recipient: Option<String>,
    /// Verification engine
    #[cfg(feature = "samael")]
    #[arg(long, value_enum, default_value_t, requires = "keys")]
    pub(crate) engine: Engine,
}

impl Credentials {
    /// The output format. With `--write-profile`, nothing is printed unless it is asked for.
    pub(crate) fn output(&self) -> Option<CredentialsOutput> {
        self.output.or(self.write_profile.is_none().then_some(CredentialsOutput::CredentialProcess))
    }
}

impl Arguments {
    /// Returns whether errors are printed as JSON.
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
            Command::Grant(command) => command.output() == Output::Json,
            Command::Setup(command) => command.output() == Output::Json,
            Command::Audit(command) => command.output() == Output::Json,
            Command::Credentials(credentials) => credentials.output() == Some(CredentialsOutput::Json),
            Command::Exec(_)
            | Command::Env(_)
            | Command::Serve(_)
            | Command::Completions(_)
            | Command::ShellInit(_)
            | Command::Man(_) => false,
        }
    }
}
