//! The arguments of `tempaccess setup`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tempaccess_core::setup::{SetupChoices, TemplateForm};

use super::{Output, SignIn};
use crate::complete;

#[derive(Debug, Subcommand)]
pub(crate) enum Setup {
    /// Write a template with a SAML provider and roles to sign in to
    Aws(Aws),
    /// Write a template with everything that grants need
    Grants(Grants),
    /// Compare an account with what grants need
    Check(Check),
    /// Test the AWS behaviour that grants rely on in a scratch account, and remove everything again
    Verify(Verify),
}

/// The form of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// CloudFormation template
    Cloudformation,
    /// Terraform or OpenTofu configuration
    Terraform,
    /// JSON with each part and its policies
    Json,
}

impl From<Emit> for TemplateForm {
    fn from(emit: Emit) -> Self {
        match emit {
            Emit::Cloudformation => Self::CloudFormation,
            Emit::Terraform => Self::Terraform,
            Emit::Json => Self::Json,
        }
    }
}

/// Where a template comes from and goes to.
#[derive(Debug, Args)]
pub(crate) struct Template {
    /// Format of the template
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) emit: Emit,
    /// File to write the template to [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Profile of the configuration file [env: TEMPACCESS_PROFILE] [default: default]
    #[arg(long, value_name = "NAME", add = complete::profiles())]
    pub(crate) profile: Option<String>,
    /// Configuration file [env: TEMPACCESS_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The account, and how people sign in to it.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Account to set up: its ID or its name in the configuration file [default: that of the profile]
    #[arg(long, value_name = "ACCOUNT", add = complete::accounts())]
    account: Option<String>,
    /// SAML provider: its name or ARN [default: that of the profile]
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Recipient of the assertions; can be repeated [default: AWS sign-in, or the `acs_url` of a `saml:` source]
    #[arg(long = "recipient", value_name = "URL")]
    recipients: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Aws {
    #[command(flatten)]
    pub(crate) template: Template,
    #[command(flatten)]
    place: Place,
    /// File with the metadata of the identity provider
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: PathBuf,
    /// Role to create; can be repeated [default: that of the profile]
    #[arg(long = "role", value_name = "NAME")]
    roles: Vec<String>,
    /// Longest session of these roles, 1h to 12h [default: the duration of the profile]
    #[arg(long, value_name = "DURATION")]
    max_duration: Option<String>,
    /// ARN of a managed policy to attach to these roles; can be repeated
    #[arg(long = "policy-arn", value_name = "ARN")]
    policy_arns: Vec<String>,
}

/// The roles of grants.
#[derive(Debug, Args)]
pub(crate) struct GrantRoles {
    /// Role of administrators, who give grants; can be repeated [default: that of the profile]
    #[arg(long = "admin-role", value_name = "NAME")]
    admin: Vec<String>,
    /// Role that is granted by session; can be repeated [default: those of presets]
    #[arg(long = "granted-role", value_name = "NAME")]
    granted: Vec<String>,
    /// Role that people sign in to and that grants add to; can be repeated [default: those of presets]
    #[arg(long = "people-role", value_name = "NAME")]
    people: Vec<String>,
    /// Permissions boundary of people's roles, the limit of what grants can add: a JSON file, JSON, or the ARN of a managed
    /// policy [default: a placeholder in the template]
    #[arg(long, value_name = "FILE|JSON|ARN")]
    ceiling: Option<String>,
    /// Place of the records [default: `records` of `[grants]` in the configuration file]
    #[arg(long, value_name = "s3://BUCKET/PREFIX")]
    records: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Grants {
    #[command(flatten)]
    pub(crate) template: Template,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    roles: GrantRoles,
    /// Permissions of a granted role: a JSON file, or JSON
    #[arg(long, value_name = "FILE|JSON")]
    granted_policy: Option<String>,
    /// Existing role to change instead of creating it; can be repeated
    #[arg(long = "existing", value_name = "NAME")]
    existing: Vec<String>,
    /// Leave the bucket of the records out, because it exists or is in another account
    #[arg(long)]
    pub(crate) no_bucket: bool,
    /// Days for which Object Lock keeps every record
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    pub(crate) object_lock_days: u32,
}

/// The help of an option that a check has, too, where there is no template.
const CEILING: &str = "Permissions boundary of people's roles, the limit of what grants can add: a JSON file, JSON, or the ARN of a managed policy";

#[derive(Debug, Args)]
#[command(mut_arg("ceiling", |arg| arg.help(CEILING)))]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) roles: GrantRoles,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Scratch account, in which roles below /tempaccess-verify/ are created and deleted
    #[arg(long, value_name = "ID")]
    pub(crate) account: String,
    /// The account again, to confirm it
    #[arg(long, value_name = "ID")]
    pub(crate) confirm: String,
    /// Only remove what an earlier run left behind
    #[arg(long)]
    pub(crate) clean: bool,
    /// Do not ask CloudTrail, whose events arrive after several minutes
    #[arg(long)]
    pub(crate) no_trail: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) sign_in: SignIn,
}

impl Setup {
    /// Returns the output format. Templates have forms of their own.
    pub(crate) fn output(&self) -> Output {
        match self {
            Self::Check(Check { output, .. }) | Self::Verify(Verify { output, .. }) => *output,
            Self::Aws(_) | Self::Grants(_) => Output::Text,
        }
    }
}

impl Place {
    fn choices(&self) -> SetupChoices {
        let mut choices = SetupChoices::default();
        choices.account = self.account.clone();
        choices.provider = self.provider.clone();
        choices.recipients = self.recipients.clone();
        choices
    }
}

impl GrantRoles {
    /// Returns the choices for an account.
    pub(crate) fn choices(&self, account: &str) -> SetupChoices {
        let mut choices = SetupChoices::default();
        choices.account = Some(account.to_owned());
        self.over(choices)
    }

    /// Whether the role of administrators is that of the session.
    pub(crate) fn names_no_admin(&self) -> bool {
        self.admin.is_empty()
    }

    fn over(&self, mut choices: SetupChoices) -> SetupChoices {
        choices.admin_roles = self.admin.clone();
        choices.granted_roles = self.granted.clone();
        choices.people_roles = self.people.clone();
        choices.ceiling = self.ceiling.clone();
        choices.records = self.records.clone();
        choices
    }
}

impl Aws {
    pub(crate) fn choices(&self) -> SetupChoices {
        let mut choices = self.place.choices();
        choices.roles = self.roles.clone();
        choices.max_duration = self.max_duration.clone();
        choices.policy_arns = self.policy_arns.clone();
        choices
    }
}

impl Grants {
    pub(crate) fn choices(&self) -> SetupChoices {
        let mut choices = self.roles.over(self.place.choices());
        choices.existing = self.existing.clone();
        choices.granted_policy = self.granted_policy.clone();
        choices
    }
}
