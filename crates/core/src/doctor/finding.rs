//! The result of a diagnosis, for people and for support tickets.

use serde::Serialize;

use crate::error::{ErrorKind, Fault};

/// A step of the diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Arguments, environment and configuration.
    Configuration,
    /// The store.
    Store,
    /// The audit record.
    Audit,
    /// Proxies and private CAs.
    Network,
    /// The identity provider, and how it signs people in.
    IdentityProvider,
    /// This machine's clock.
    Clock,
    /// The sign-in, with the identity provider's policies.
    SignIn,
    /// The SAML assertion.
    Assertion,
    /// The roles that it offers.
    Roles,
    /// AWS STS.
    Sts,
}

impl Step {
    /// Every step, in its order.
    pub const ALL: &[Self] = &[
        Self::Configuration,
        Self::Store,
        Self::Audit,
        Self::Network,
        Self::IdentityProvider,
        Self::Clock,
        Self::SignIn,
        Self::Assertion,
        Self::Roles,
        Self::Sts,
    ];

    /// The stable name, as in `--output json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Store => "store",
            Self::Audit => "audit",
            Self::Network => "network",
            Self::IdentityProvider => "identity_provider",
            Self::Clock => "clock",
            Self::SignIn => "sign_in",
            Self::Assertion => "assertion",
            Self::Roles => "roles",
            Self::Sts => "sts",
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckOutcome {
    /// It works.
    Good,
    /// It works, with a drawback.
    Warning,
    /// It does not work.
    Failed,
    /// It was not checked, because an earlier step failed.
    Skipped,
}

/// The party that can fix a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponsibleParty {
    /// The person.
    You,
    /// The administrator of the identity provider.
    IdentityProviderAdministrator,
    /// The administrator of the AWS account, with its IAM roles and SAML providers.
    AwsAdministrator,
    /// The administrator of this machine and its network.
    MachineAdministrator,
}

impl ResponsibleParty {
    /// The description, for people.
    pub const fn description(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::IdentityProviderAdministrator => "the administrator of the identity provider",
            Self::AwsAdministrator => "the administrator of the AWS account",
            Self::MachineAdministrator => "the administrator of this machine or its network",
        }
    }
}

impl From<Fault> for ResponsibleParty {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Caller => Self::You,
            Fault::IdentityProvider | Fault::Input => Self::IdentityProviderAdministrator,
            Fault::Aws => Self::AwsAdministrator,
            Fault::Environment => Self::MachineAdministrator,
        }
    }
}

/// The finding of one check.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The step.
    pub step: Step,
    /// The result.
    pub outcome: CheckOutcome,
    /// The finding, in one line.
    pub message: String,
    /// What to change.
    pub hint: Option<String>,
    /// Who can change it.
    pub who: Option<ResponsibleParty>,
    /// The kind of error, for a failure.
    pub kind: Option<ErrorKind>,
}

/// A diagnosis: all findings, in the order of the steps.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Whether no check failed.
    pub healthy: bool,
    /// This program's version.
    pub version: &'static str,
    /// The operating system and architecture.
    pub system: String,
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// The kind of the first failure.
    pub fn failure(&self) -> Option<ErrorKind> {
        let failed = self.findings.iter().find(|finding| finding.outcome == CheckOutcome::Failed)?;
        Some(failed.kind.unwrap_or(ErrorKind::InvalidConfiguration))
    }
}
