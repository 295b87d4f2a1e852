//! Compares an account with what grants need in it: what is missing, who can fix it, and how.

mod admins;
mod facts;
mod granted;
mod judge;
mod people;

use std::collections::BTreeSet;

use serde::Serialize;

use self::facts::Account;
use super::GrantSetup;
use crate::credentials::SessionCredentials;
use crate::doctor::{CheckOutcome, ResponsibleParty};
use crate::error::{Error, ErrorKind, Result};
use crate::iam::AccountPolicies;

/// A part of an account that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SetupPart {
    /// A role that is granted by session.
    GrantedRole,
    /// A role that people sign in to and that policy grants are written to.
    PeopleRole,
    /// The role of an administrator.
    AdminRole,
    /// A SAML provider.
    Provider,
    /// The bucket of the records.
    Records,
}

impl SetupPart {
    /// The stable name, as in `--output json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GrantedRole => "granted_role",
            Self::PeopleRole => "people_role",
            Self::AdminRole => "admin_role",
            Self::Provider => "provider",
            Self::Records => "records",
        }
    }
}

/// What a check found about one part.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SetupFinding {
    /// The part.
    pub part: SetupPart,
    /// Its name: that of a role, a provider or a bucket.
    pub name: String,
    /// The result.
    pub outcome: CheckOutcome,
    /// The finding, in one line.
    pub message: String,
    /// What to change.
    pub hint: Option<String>,
    /// Who can change it.
    pub who: Option<ResponsibleParty>,
}

/// How an account compares with what grants need.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SetupCheck {
    /// Whether nothing is missing, and every part could be read but the bucket of the records.
    pub complete: bool,
    /// The account.
    pub account: String,
    /// The findings, by part.
    pub findings: Vec<SetupFinding>,
}

impl SetupCheck {
    /// Returns how many checks failed.
    pub fn failures(&self) -> usize {
        self.findings.iter().filter(|finding| finding.outcome == CheckOutcome::Failed).count()
    }
}

/// Collects the findings about one part.
struct Report<'a> {
    part: SetupPart,
    name: String,
    findings: &'a mut Vec<SetupFinding>,
}

impl Report<'_> {
    fn add(&mut self, outcome: CheckOutcome, message: impl Into<String>, hint: Option<String>) {
        let is_fine = outcome == CheckOutcome::Good;
        self.findings.push(SetupFinding {
            part: self.part,
            name: self.name.clone(),
            outcome,
            message: message.into(),
            hint,
            who: (!is_fine).then_some(ResponsibleParty::AwsAdministrator),
        });
    }

    fn good(&mut self, message: impl Into<String>) {
        self.add(CheckOutcome::Good, message, None);
    }

    fn failed(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.add(CheckOutcome::Failed, message, Some(hint.into()));
    }

    fn warning(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.add(CheckOutcome::Warning, message, Some(hint.into()));
    }

    /// Reports that something cannot be read with the rights of the session.
    fn unread(&mut self, error: &Error) {
        self.add(CheckOutcome::Skipped, error.message().to_owned(), error.hint().map(str::to_owned));
    }
}

/// Separates what the session may not read from errors that end the check.
fn readable<T>(answer: Result<T>) -> Result<std::result::Result<T, Error>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == ErrorKind::IamRefused => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// How to create what is missing.
const CREATE: &str = "`tempaccess setup grants --emit cloudformation` or `--emit terraform` has it";

impl GrantSetup {
    /// Compares the account with what grants need in it. The session must be one of the account, and only reads.
    ///
    /// Policies are judged by what they do, not by their names: a guard or rights that somebody wrote in another way count. Service
    /// control policies and the settings of the bucket are not looked at.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the setup has no roles, and errors of IAM other than refusals, which are findings.
    pub async fn check(&self, iam: &dyn AccountPolicies, credentials: &SessionCredentials) -> Result<SetupCheck> {
        self.require_sound()?;
        if credentials.account_id() != self.account {
            let own = credentials.account_id();
            return Err(super::invalid(format!("the session is in the account {own}, not in {}", self.account))
                .with_hint("choose a profile for that account, or another account with `--account`"));
        }
        let account = Account::new(iam, credentials);
        let mut findings = Vec::new();
        let mut boundaries = Vec::new();
        for role in &self.granted {
            let report = Report { part: SetupPart::GrantedRole, name: role.name().to_owned(), findings: &mut findings };
            boundaries.push(granted::check(self, &account, role, report).await?);
        }
        let mut providers: BTreeSet<String> = self.provider.iter().map(ToString::to_string).collect();
        for role in &self.people {
            let report = Report { part: SetupPart::PeopleRole, name: role.name().to_owned(), findings: &mut findings };
            let (boundary, trusted) = people::check(self, &account, role, report).await?;
            boundaries.push(boundary);
            providers.extend(trusted);
        }
        for role in self.own_admins() {
            let report = Report { part: SetupPart::AdminRole, name: role.name().to_owned(), findings: &mut findings };
            admins::check(self, &account, &role, &boundaries, report).await?;
        }
        for arn in providers {
            let report = Report { part: SetupPart::Provider, name: arn.clone(), findings: &mut findings };
            people::check_provider(&account, &arn, report).await?;
        }
        if let Some(records) = &self.records {
            let mut report = Report { part: SetupPart::Records, name: records.bucket.clone(), findings: &mut findings };
            report.add(
                CheckOutcome::Skipped,
                "the settings of the bucket are not checked",
                Some(format!(
                    "see `aws s3api get-object-lock-configuration --bucket {0}` and `aws s3api get-bucket-policy --bucket {0}`",
                    records.bucket
                )),
            );
        }
        let lacks = |finding: &SetupFinding| match finding.outcome {
            CheckOutcome::Failed => true,
            // Nobody knows. The settings of the bucket are never read.
            CheckOutcome::Skipped => finding.part != SetupPart::Records,
            _ => false,
        };
        let complete = !findings.iter().any(lacks);
        Ok(SetupCheck { complete, account: self.account.clone(), findings })
    }
}
