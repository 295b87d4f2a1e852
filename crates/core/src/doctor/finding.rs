//! What was found, in a form that people and support tickets can read.

use serde::Serialize;

use crate::error::{ErrorKind, Fault};

/// A step of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// Arguments, environment and configuration.
    Configuration,
    /// What is kept, and whether it can be.
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
    /// Every step, in the order of the way.
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

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// As it should.
    Good,
    /// It works, and could be better.
    Warning,
    /// It does not work.
    Failed,
    /// It was not looked at, because of what came before.
    Skipped,
}

/// Who can change what a failure names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Who {
    /// The person.
    You,
    /// Whoever administers the identity provider.
    IdentityProviderAdministrator,
    /// Whoever administers the AWS account: its IAM roles and SAML providers.
    AwsAdministrator,
    /// Whoever runs this machine and its network.
    MachineAdministrator,
}

impl Who {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::You => "you",
            Self::IdentityProviderAdministrator => "the administrator of the identity provider",
            Self::AwsAdministrator => "the administrator of the AWS account",
            Self::MachineAdministrator => "whoever runs this machine and its network",
        }
    }
}

impl From<Fault> for Who {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Caller => Self::You,
            Fault::IdentityProvider | Fault::Input => Self::IdentityProviderAdministrator,
            Fault::Aws => Self::AwsAdministrator,
            Fault::Environment => Self::MachineAdministrator,
        }
    }
}

/// What was found at one step.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The step.
    pub step: Step,
    /// How it went.
    pub outcome: Outcome,
    /// What was found, in one line.
    pub message: String,
    /// What to change.
    pub hint: Option<String>,
    /// Who can.
    pub who: Option<Who>,
    /// The kind of error that it is.
    pub kind: Option<ErrorKind>,
}

/// Everything that was found, in the order of the way.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Whether credentials could be got, as far as that can be told without getting them.
    pub healthy: bool,
    /// This program's version.
    pub version: &'static str,
    /// The system that it runs on.
    pub system: String,
    /// Step by step.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// The kind of the first failure.
    pub fn failure(&self) -> Option<ErrorKind> {
        let failed = self.findings.iter().find(|finding| finding.outcome == Outcome::Failed)?;
        Some(failed.kind.unwrap_or(ErrorKind::InvalidConfiguration))
    }
}
