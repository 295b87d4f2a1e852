use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tempaccess_core::config::{NextRole, OtherTool, Settings};
use tempaccess_core::sink::Shell;

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
    /// Take profiles over from another tool's configuration
    Import(Import),
    /// Say what is kept here, for whom, how narrow and until when
    Status(Status),
    /// End the session at the identity provider and forget what is kept here
    Logout(Logout),
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
    /// The profile of the configuration
    #[arg(value_name = "PROFILE", conflicts_with = "profile", add = complete::profiles())]
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
    /// Give it an endpoint on loopback that it gets new credentials from as long as it runs, instead of credentials
    #[arg(long)]
    pub(crate) serve: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Env {
    /// The profile of the configuration
    #[arg(value_name = "PROFILE", conflicts_with = "profile", add = complete::profiles())]
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
    /// Whose grammar to write them in
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: ShellName,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The profile of the configuration
    #[arg(value_name = "PROFILE", conflicts_with = "profile", add = complete::profiles())]
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
    /// The port on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t, hide_default_value = true)]
    pub(crate) port: u16,
    /// Whose grammar to write the variables in that lead to it
    #[arg(long, value_enum, default_value_t)]
    pub(crate) shell: ShellName,
}

#[derive(Debug, Args)]
pub(crate) struct Console {
    /// The profile of the configuration
    #[arg(value_name = "PROFILE", conflicts_with = "profile", add = complete::profiles())]
    pub(crate) of: Option<String>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) session: Session,
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

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The tool: saml2aws, okta-aws-cli or gimme-aws-creds
    #[arg(value_name = "TOOL", value_parser = clap::value_parser!(OtherTool))]
    pub(crate) tool: OtherTool,
    /// Its configuration [default: where the tool keeps it]
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

/// Where to sign in, and who.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// The profile of the configuration [env: TEMPACCESS_PROFILE] [default: default]
    #[arg(long, value_name = "NAME", add = complete::profiles())]
    pub(crate) profile: Option<String>,
    /// Another configuration file [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The link of Okta's AWS app, or `file:PATH`, or `-` for standard input, or `command:PROGRAM ARGUMENTS`
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// The user name at the identity provider
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from the first line of standard input
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The second factor: push, code, sms, call, email or question
    #[arg(long, value_name = "FACTOR")]
    factor: Option<String>,
    /// Ask nothing; whatever needs an answer is an error
    #[arg(long)]
    pub(crate) no_interactive: bool,
    #[command(flatten)]
    pub(crate) store: Store,
}

/// How things are kept.
#[derive(Debug, Args)]
pub(crate) struct Store {
    /// How to keep credentials and sessions: auto, file, keyring, kernel or none [env: TEMPACCESS_STORE]
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<String>,
}

/// Which role, for how long, how narrow, and why.
#[derive(Debug, Args)]
pub(crate) struct Session {
    /// The role: its ARN, name, ACCOUNT/NAME, a glob, or its number in `tempaccess roles`
    #[arg(long, value_name = "ROLE", add = complete::roles())]
    role: Option<String>,
    /// The account: its id, its name in the configuration, or a glob
    #[arg(long, value_name = "ACCOUNT", add = complete::accounts())]
    account: Option<String>,
    /// The SAML provider, where a role is offered through several: its ARN, name, or a glob
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// A role to go on to from there (role chaining), by its ARN; may be given again
    #[arg(long, value_name = "ROLE ARN")]
    then: Vec<String>,
    /// What the last of these asks of third parties
    #[arg(long, value_name = "ID", requires = "then")]
    external_id: Option<String>,
    /// How long: 45m, 1h30m, or seconds; 15 minutes to 12 hours [default: 1h]
    #[arg(long, value_name = "DURATION")]
    duration: Option<String>,
    /// An inline session policy, which narrows: a JSON file, or the JSON itself
    #[arg(long, value_name = "FILE|JSON")]
    policy: Option<String>,
    /// A managed session policy, which narrows; may be given up to 10 times
    #[arg(long = "policy-arn", value_name = "ARN")]
    policy_arns: Vec<String>,
    /// The region whose STS is asked [default: the first of the role's partition]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Another address for STS [env: AWS_ENDPOINT_URL_STS]
    #[arg(long, value_name = "URL")]
    sts_endpoint_url: Option<String>,
    /// Why access is wanted, for the audit record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The file that audit records are appended to [env: TEMPACCESS_AUDIT_LOG]
    #[arg(long, value_name = "FILE")]
    audit_log: Option<PathBuf>,
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
            | Command::Inspect(Inspect { output, .. }) => *output == Output::Json,
            Command::Exec(_) | Command::Env(_) | Command::Serve(_) | Command::Completions(_) | Command::Man(_) => false,
            Command::Credentials(credentials) => credentials.output == CredentialsOutput::Json,
        }
    }
}

impl Access {
    /// The same in words, for a command that is run from anywhere.
    pub(crate) fn words(&self) -> Vec<String> {
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let config = self.config.as_deref().map(|path| absolute(path).to_string_lossy().into_owned());
        let source = self.source.as_ref().map(|source| match source.strip_prefix("file:") {
            Some(path) => format!("file:{}", absolute(Path::new(path)).display()),
            None => source.clone(),
        });
        let options = [
            ("--config", config),
            ("--source", source),
            ("--username", self.username.clone()),
            ("--factor", self.factor.clone()),
            ("--store", self.store.store.clone()),
        ];
        options.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?])).flatten().collect()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            source: self.source.clone(),
            username: self.username.clone(),
            factor: self.factor.clone(),
            store: self.store.store.clone(),
            ..Settings::default()
        }
    }
}

impl Session {
    fn then(&self) -> Option<Vec<NextRole>> {
        let mut roles: Vec<_> = self.then.iter().map(NextRole::new).collect();
        if let Some(last) = roles.last_mut() {
            last.external_id.clone_from(&self.external_id);
        }
        (!roles.is_empty()).then_some(roles)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            role: self.role.clone(),
            account: self.account.clone(),
            provider: self.provider.clone(),
            then: self.then(),
            duration: self.duration.clone(),
            policy: self.policy.clone(),
            policy_arns: (!self.policy_arns.is_empty()).then(|| self.policy_arns.clone()),
            region: self.region.clone(),
            sts_endpoint_url: self.sts_endpoint_url.clone(),
            reason: self.reason.clone(),
            audit_log: self.audit_log.clone(),
            ..Settings::default()
        }
    }
}
