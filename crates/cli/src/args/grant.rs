//! The arguments of `tempaccess grant`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use super::Output;
use super::shared::{Access, SignIn};

#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// Give access with credentials sealed to a person's key
    Issue(Issue),
    /// Open a sealed grant and store its credentials as a profile
    Open(Open),
    /// Give access with a dated policy on the role that a person already signs in to
    Permit(Permit),
    /// Ask for access, as a signed text for a ticket
    Request(Request),
    /// Approve a request and give the access
    Approve(Approve),
    /// Deny a request
    Deny(Deny),
    /// Review a grant that was given in an emergency, without approvals
    Review(Review),
    /// Extend a grant
    Extend(Extend),
    /// End access early
    Revoke(Revoke),
    /// List grants
    List(List),
    /// Show a grant and every event of its records
    Show(Show),
    /// Compare the records with IAM
    Check(Check),
    /// Remove policies of grants and revocations that have ended
    Clean(Clean),
    /// Print your public key, or create a key
    Key(Key),
    /// Trust the key of an administrator or a requester
    Trust(Trust),
}

/// The values that session and policy grants share.
#[derive(Debug, Args)]
pub(crate) struct GrantOptions {
    /// Person who gets access: their role session name, such as an e-mail address
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    /// Preset of the configuration file, with its values and limits
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Policy of the grant: a JSON file, or JSON
    #[arg(long, value_name = "FILE|JSON")]
    pub(crate) policy: Option<String>,
    /// Network that access is limited to, as a CIDR block; can be repeated
    #[arg(long, value_name = "CIDR")]
    pub(crate) from_ip: Vec<String>,
    /// Reason for the grant, such as the number of a ticket
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Allow a policy with which the person could keep access after the grant ends
    #[arg(long)]
    pub(crate) allow_escape: bool,
}

/// Whether to ask, and what to print.
#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    pub(crate) given: GrantOptions,
    /// Public key of the person: a key, a file of keys, or a name in the signers file; can be repeated
    #[arg(long, value_name = "KEY", required = true)]
    pub(crate) seal_to: Vec<String>,
    /// Role to assume: its ARN, ACCOUNT/NAME, or a name in your account
    #[arg(long, value_name = "ROLE", required_unless_present = "preset")]
    pub(crate) role: Option<String>,
    /// ARN of a managed session policy that restricts the grant; can be repeated up to 10 times
    #[arg(long = "policy-arn", value_name = "ARN")]
    pub(crate) policy_arns: Vec<String>,
    /// Duration, 1 hour at most: 40m, or seconds [default: `max_duration` of the preset]
    #[arg(long = "for", alias = "duration", value_name = "DURATION", required_unless_present = "preset")]
    pub(crate) duration: Option<String>,
    /// File to write the sealed grant to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// File that contains the sealed grant (other text is ignored), or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Private key to open it with; can be repeated [default: ~/.ssh/tempaccess_ed25519, id_ed25519, id_rsa]
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Vec<PathBuf>,
    /// Profile to store the credentials as [default: grant-ID]
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Account to accept grants for, in addition to those in the configuration file; can be repeated
    #[arg(long, value_name = "ID")]
    pub(crate) account: Vec<String>,
    /// Region for the profile
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Configuration file [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Fail instead of prompting for a passphrase
    #[arg(long)]
    pub(crate) no_interactive: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) store: super::Store,
}

#[derive(Debug, Args)]
pub(crate) struct Permit {
    #[command(flatten)]
    pub(crate) given: GrantOptions,
    /// Role to add the policy to: its name or its ARN
    #[arg(long = "on", alias = "role", value_name = "ROLE", required_unless_present = "preset")]
    pub(crate) role: Option<String>,
    /// Duration: 4h, 2d, or seconds [default: `max_duration` of the preset]
    #[arg(long = "for", alias = "duration", value_name = "DURATION", conflicts_with = "until")]
    pub(crate) duration: Option<String>,
    /// End of the access, such as 2026-11-25T18:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Start of the access, such as 2026-11-25T14:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Allow a role that has no permissions boundary
    #[arg(long)]
    pub(crate) no_ceiling: bool,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Request {
    /// Preset to ask for
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: String,
    /// Duration: 40m, 4h, or seconds
    #[arg(long = "for", alias = "duration", value_name = "DURATION")]
    pub(crate) duration: String,
    /// Reason for the request, such as the number of a ticket
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Your name: your role session name, such as an e-mail address [default: `username` of the profile]
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Public key to seal credentials to: a key, or a file of keys; can be repeated [default: your own]
    #[arg(long, value_name = "KEY")]
    pub(crate) seal_to: Vec<String>,
    /// File to write the request to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// File that contains the request and its approvals (other text is ignored), or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Duration, if it is shorter than requested
    #[arg(long = "for", alias = "duration", value_name = "DURATION")]
    pub(crate) duration: Option<String>,
    /// Network that access is limited to, as a CIDR block; can be repeated
    #[arg(long, value_name = "CIDR")]
    pub(crate) from_ip: Vec<String>,
    /// Policy that allows less than that of the preset: a JSON file, or JSON
    #[arg(long, value_name = "FILE|JSON")]
    pub(crate) policy: Option<String>,
    /// Only add your approval to the text; somebody else gives the access
    #[arg(long)]
    pub(crate) sign_only: bool,
    /// File to write the sealed grant, or the text with `--sign-only`, to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Deny {
    /// File that contains the request (other text is ignored), or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Reason for the decision
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Review {
    /// Grant to review
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// What the review found
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Extend {
    /// Grant to extend
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Duration to add: 30m, or seconds
    #[arg(long = "for", alias = "duration", value_name = "DURATION")]
    pub(crate) duration: String,
    /// Reason for the extension
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// File to write the sealed grant to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// How to print a revocation instead of doing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Print {
    /// Inline policies of roles
    Iam,
    /// Service control policies of an organization
    Scp,
    /// Commands of the AWS CLI
    Cli,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["ids", "to", "by", "older"]))]
pub(crate) struct Revoke {
    /// Grants to revoke
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Revoke every live grant to this person
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Revoke everything that this administrator gave
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// Revoke every session of the role that began before now
    #[arg(long, requires = "role")]
    pub(crate) older: bool,
    /// Role whose sessions to revoke, required with `--older`; with `--by` or grant ids, also those that the records do not have
    #[arg(long, value_name = "ROLE", conflicts_with = "to")]
    pub(crate) role: Option<String>,
    /// Reason for the revocation
    #[arg(long, value_name = "TEXT", default_value = "no reason given")]
    pub(crate) reason: String,
    /// Undo revocations: of grants, of `--older`, or of `--by` with `--role`
    #[arg(long, conflicts_with_all = ["print", "to"])]
    pub(crate) undo: bool,
    /// Print what to apply at AWS instead of applying it
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) print: Option<Print>,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Role whose grants to list, by name or glob, even if the records do not have it; can be repeated
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Vec<String>,
    /// Person whose grants to list
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    /// Administrator whose grants to list
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
    /// List grants that have ended or were revoked, too
    #[arg(long)]
    pub(crate) ended: bool,
    /// Read the records only, without asking IAM
    #[arg(long)]
    pub(crate) offline: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Grant to show
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) access: Access,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Role to check, by name or glob, even if the records do not have it; can be repeated [default: roles with grants]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Role to clean, by name or glob; can be repeated [default: roles with grants]
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Vec<String>,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Key {
    /// Create an Ed25519 key without a passphrase
    #[arg(long)]
    pub(crate) new: bool,
    /// Private key file [default: ~/.ssh/tempaccess_ed25519 with `--new`, otherwise the first that exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// What a trusted key may sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignerPermission {
    /// Grants, their records, and approvals
    #[default]
    Granter,
    /// Requests for access
    Requester,
}

#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Name that the key signs as, such as an e-mail address
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Public key, or a file of one
    #[arg(value_name = "KEY|FILE")]
    pub(crate) key: String,
    /// What the key may sign
    #[arg(long = "as", value_enum, default_value_t)]
    pub(crate) permission: SignerPermission,
    /// Signers file [default: that of the configuration file, or access.signers next to it]
    #[arg(long, value_name = "FILE")]
    pub(crate) signers: Option<PathBuf>,
    /// Configuration file [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

impl Grant {
    /// Returns the output format.
    pub(crate) fn output(&self) -> Output {
        match self {
            Self::Issue(Issue { confirm, .. })
            | Self::Permit(Permit { confirm, .. })
            | Self::Extend(Extend { confirm, .. })
            | Self::Approve(Approve { confirm, .. })
            | Self::Revoke(Revoke { confirm, .. })
            | Self::Clean(Clean { confirm, .. }) => confirm.output,
            Self::Open(Open { output, .. })
            | Self::List(List { output, .. })
            | Self::Show(Show { output, .. })
            | Self::Request(Request { output, .. })
            | Self::Deny(Deny { output, .. })
            | Self::Review(Review { output, .. })
            | Self::Check(Check { output, .. })
            | Self::Key(Key { output, .. })
            | Self::Trust(Trust { output, .. }) => *output,
        }
    }
}
