//! Sets up an AWS account for sign-in and for grants: what it should have, written as templates, and compared with what it has.
//!
//! [`AwsSetup`] describes a SAML provider and roles, [`GrantSetup`] everything that grants need. Both build a [`SetupModel`],
//! which [`render`] writes as CloudFormation, Terraform or plain JSON. [`GrantSetup::check`] compares an account with it.
//! [`ScratchAccount`] tries at AWS what all of this relies on.
//!
//! ```
//! use tempaccess_core::setup::{GrantSetup, TemplateForm, render};
//!
//! let mut setup = GrantSetup::new("aws", "111122223333")?;
//! setup.admins = vec!["arn:aws:iam::111122223333:role/AccessAdmin".parse().unwrap()];
//! setup.granted = vec!["arn:aws:iam::111122223333:role/Granted".parse().unwrap()];
//! setup.existing = vec!["AccessAdmin".to_owned()];
//! let template = render(&setup.model()?, TemplateForm::Terraform);
//! assert!(template.contains("resource \"aws_iam_role\" \"granted\""));
//! # Ok::<(), tempaccess_core::Error>(())
//! ```

mod aws;
mod check;
mod configured;
mod documents;
mod grants;
mod model;
mod render;
mod verify;

pub use aws::{AwsSetup, default_recipient};
pub use check::{SetupCheck, SetupFinding, SetupPart};
pub use configured::SetupChoices;
pub use grants::{CEILING, Ceiling, GUARD, GrantSetup, RecordsPlace};
pub use model::{BucketPart, PolicyPart, ProviderPart, RolePart, SetupModel};
pub use render::{TemplateForm, render};
pub use verify::{Assumption, AssumptionResult, SCRATCH_PATH, ScratchAccount, SetupVerification};

use crate::arn::is_account_id;
use crate::error::{Error, ErrorKind, Result, Stage};

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
}

fn check_account(account: &str) -> Result<()> {
    if is_account_id(account) {
        return Ok(());
    }
    Err(invalid(format!("`{}` is not an account ID of 12 digits", crate::text::excerpt(account)))
        .with_hint("give it with `--account`"))
}
