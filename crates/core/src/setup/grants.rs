//! What grants need: the roles with their trust policies, the guard, the ceiling, the rights of administrators, the bucket.

use serde_json::Value;

use super::aws::{default_recipient, require_account};
use super::documents::{self, Administration};
use super::model::{BucketPart, RolePart, SetupModel};
use super::{check_account, invalid};
use crate::arn::{PolicyArn, ProviderArn, RoleArn};
use crate::error::Result;
use crate::text::excerpt;

/// The name of the managed policy that guards granted roles.
pub const GUARD: &str = "GrantGuard";
/// The name of the managed policy that is the permissions boundary of people's roles.
pub const CEILING: &str = "GrantCeiling";
/// The name of the managed policy with the rights of administrators.
const ADMINISTRATION: &str = "GrantAdministration";
/// The name of the managed policy that says what granted roles allow.
const ACCESS: &str = "GrantedAccess";

/// The most that a policy grant can allow: the permissions boundary of the roles that people sign in to.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum Ceiling {
    /// Has to be written yet. AWS rejects the template before anything changes, until somebody fills it in.
    #[default]
    Open,
    /// This document.
    Document(Value),
    /// A managed policy that exists.
    Existing(PolicyArn),
}

/// Where records are in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordsPlace {
    /// The bucket.
    pub bucket: String,
    /// The prefix of all records, without a slash at the end.
    pub prefix: String,
}

impl RecordsPlace {
    /// Parses `s3://BUCKET/PREFIX`.
    ///
    /// ```
    /// use tempaccess_core::setup::RecordsPlace;
    ///
    /// let place = RecordsPlace::parse("s3://acme-access/grants/")?;
    /// assert_eq!((place.bucket.as_str(), place.prefix.as_str()), ("acme-access", "grants"));
    /// # Ok::<(), tempaccess_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `invalid_argument` if it is another address.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = || {
            invalid(format!("`{}` is not a place for records in S3", excerpt(url)))
                .with_hint("write it as `s3://BUCKET/PREFIX`")
        };
        let rest = url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(fits) {
            return Err(wrong());
        }
        let prefix = prefix.trim_matches('/');
        // These have another meaning in a policy.
        if prefix.contains(['*', '?', '$', '"']) || prefix.chars().any(char::is_control) {
            return Err(wrong());
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

/// An account in which administrators give grants.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GrantSetup {
    /// The partition.
    pub partition: String,
    /// The account.
    pub account: String,
    /// The roles of administrators. One of another account can give session grants here, and has its rights there.
    pub admins: Vec<RoleArn>,
    /// The roles that are granted by session.
    pub granted: Vec<RoleArn>,
    /// The roles that people sign in to and that policy grants are written to.
    pub people: Vec<RoleArn>,
    /// The names of roles that the account has already: they are changed, and not created.
    pub existing: Vec<String>,
    /// The SAML provider that new roles of administrators and people trust.
    pub provider: Option<ProviderArn>,
    /// The recipients that assertions may have (`SAML:aud`).
    pub recipients: Vec<String>,
    /// The most that a policy grant can allow.
    pub ceiling: Ceiling,
    /// What granted roles allow: the most that a session grant can give. It is their permissions boundary as well, so that an
    /// administrator who may edit their inline policies to revoke grants cannot widen them.
    pub granted_policy: Option<Value>,
    /// Where records are, if that is in S3.
    pub records: Option<RecordsPlace>,
    /// Whether the bucket of the records is created in this account.
    pub creates_bucket: bool,
    /// How many days no version of a record can be deleted.
    pub object_lock_days: u32,
}

impl GrantSetup {
    /// Describes an account without roles yet.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the account does not have 12 digits.
    pub fn new(partition: &str, account: &str) -> Result<Self> {
        check_account(account)?;
        Ok(Self {
            partition: partition.to_owned(),
            account: account.to_owned(),
            admins: Vec::new(),
            granted: Vec::new(),
            people: Vec::new(),
            existing: Vec::new(),
            provider: None,
            recipients: vec![default_recipient(partition).to_owned()],
            ceiling: Ceiling::Open,
            granted_policy: None,
            records: None,
            creates_bucket: true,
            object_lock_days: 365,
        })
    }

    /// Returns the ARN of the permissions boundary of people's roles.
    pub(super) fn ceiling_arn(&self) -> String {
        match &self.ceiling {
            Ceiling::Existing(arn) => arn.to_string(),
            _ => format!("arn:{}:iam::{}:policy/{CEILING}", self.partition, self.account),
        }
    }

    /// Returns the roles of administrators in this account.
    pub(super) fn own_admins(&self) -> Vec<RoleArn> {
        self.admins.iter().filter(|role| role.account_id() == self.account).cloned().collect()
    }

    fn exists(&self, role: &RoleArn) -> bool {
        self.existing.iter().any(|name| name == role.name() || name == role.as_str())
    }

    pub(super) fn require_sound(&self) -> Result<()> {
        if self.admins.is_empty() {
            return Err(invalid("grants need the role of an administrator").with_hint("name it with `--admin-role`"));
        }
        if self.granted.is_empty() && self.people.is_empty() {
            return Err(invalid("there is no role to grant").with_hint(
                "name roles that are granted by session with `--granted-role`, and roles that people sign in to with `--people-role`",
            ));
        }
        for role in self.granted.iter().chain(&self.people) {
            require_account(role, &self.account)?;
            if role.is_reserved() {
                return Err(invalid(format!("the role `{role}` belongs to IAM Identity Center and cannot be edited"))
                    .with_hint("create a role of your own, and a grant of its kind"));
            }
        }
        let all: Vec<_> = self.admins.iter().chain(&self.granted).chain(&self.people).collect();
        let mut names: Vec<_> = all.iter().map(|role| role.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() < all.len() {
            return Err(invalid("a role is named twice")
                .with_hint("a role is an administrator's, is granted by session, or is one that people sign in to"));
        }
        let unknown =
            self.existing.iter().find(|name| !all.iter().any(|role| *name == role.name() || *name == role.as_str()));
        if let Some(name) = unknown {
            return Err(invalid(format!("`--existing {}` is not one of the roles", excerpt(name))));
        }
        if self.object_lock_days == 0 || self.object_lock_days > 36_500 {
            return Err(invalid("Object Lock keeps records for 1 to 36,500 days"));
        }
        Ok(())
    }

    /// Returns what the account should have.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if a part is missing or does not fit the others.
    pub fn model(&self) -> Result<SetupModel> {
        self.require_sound()?;
        let description = "What grants of temporary access need in an account.";
        let mut model = SetupModel::new(description, &self.partition, &self.account);
        let guard = self.add_granted(&mut model);
        self.add_people(&mut model)?;
        self.add_admins(&mut model, &guard)?;
        self.add_bucket(&mut model);
        Ok(model)
    }

    /// Adds the guard and the roles that are granted by session. Returns the ARN of the guard.
    fn add_granted(&self, model: &mut SetupModel) -> String {
        if self.granted.is_empty() {
            return model.policy_arn(GUARD);
        }
        let guard =
            model.add_policy(GUARD, "Keeps sessions that were granted from undoing their own end.", documents::guard());
        let access = self
            .granted_policy
            .clone()
            .map(|document| model.add_policy(ACCESS, "The most that a session grant can give.", document));
        if access.is_none() {
            model.notes.push(
                "say what the granted roles allow with `--granted-policy`: without it, an administrator who may revoke grants can also widen these roles"
                    .to_owned(),
            );
        }
        for arn in &self.granted {
            let mut role = RolePart::new(arn, "Granted by session: administrators take it for others.");
            role.exists = self.exists(arn);
            role.trust = Some(documents::granted_trust(&self.admins, documents::SessionNames::OfTag));
            role.boundary.clone_from(&access);
            role.attached = access.iter().chain([&guard]).cloned().collect();
            if role.exists {
                model.notes.push(format!(
                    "replace the trust policy of the existing role `{}`: `--emit json` has it",
                    role.name
                ));
                model.notes.extend(boundary_command(&role));
            }
            model.roles.push(role);
        }
        guard
    }

    /// Adds the ceiling and the roles that people sign in to.
    fn add_people(&self, model: &mut SetupModel) -> Result<()> {
        if self.people.is_empty() {
            return Ok(());
        }
        let document = match &self.ceiling {
            Ceiling::Open => Some(documents::open_ceiling()),
            Ceiling::Document(document) => Some(document.clone()),
            Ceiling::Existing(_) => None,
        };
        if let Some(document) = document {
            model.add_policy(CEILING, "The most that a policy grant can allow.", document);
        }
        if self.ceiling == Ceiling::Open {
            model.notes.push(format!(
                "write the policy `{CEILING}`: AWS rejects the text `FILL IN`. Or give a policy with `--ceiling`. It bounds everything that the roles allow, not only grants"
            ));
        }
        for arn in &self.people {
            let mut role = RolePart::new(arn, "Taken by signing in; policy grants add to it, up to its boundary.");
            role.exists = self.exists(arn);
            role.boundary = Some(self.ceiling_arn());
            if role.exists {
                model.notes.extend(boundary_command(&role));
            } else {
                role.trust = Some(self.sign_in_trust(arn)?);
            }
            model.roles.push(role);
        }
        Ok(())
    }

    /// Adds the roles of administrators, with their rights.
    fn add_admins(&self, model: &mut SetupModel, guard: &str) -> Result<()> {
        let admins = self.own_admins();
        let ceiling = self.ceiling_arn();
        let boundary = self.granted_policy.is_some().then(|| model.policy_arn(ACCESS));
        let policies: Vec<_> = [guard.to_owned(), model.policy_arn(ADMINISTRATION)]
            .into_iter()
            .chain(boundary.clone())
            .chain((!self.people.is_empty()).then(|| ceiling.clone()))
            .collect();
        let rights = Administration {
            admins: &admins,
            granted: &self.granted,
            people: &self.people,
            ceiling: &ceiling,
            granted_boundary: boundary.as_deref(),
            policies,
            providers: self.provider.iter().map(ToString::to_string).collect(),
            records: self.records.as_ref(),
            partition: &self.partition,
        };
        if admins.len() < self.admins.len() {
            model.notes.push(
                "a role of an administrator is in another account: allow it `sts:AssumeRole`, `sts:TagSession` and `sts:SetSourceIdentity` on the granted roles there"
                    .to_owned(),
            );
        }
        if admins.is_empty() {
            return Ok(());
        }
        let arn = model.add_policy(ADMINISTRATION, "What administrators of grants may do.", rights.document());
        for admin in &admins {
            let mut role = RolePart::new(admin, "Taken by administrators, who give grants to others.");
            role.exists = self.exists(admin);
            role.attached.push(arn.clone());
            if !role.exists {
                role.trust = Some(self.sign_in_trust(admin)?);
            }
            model.roles.push(role);
        }
        Ok(())
    }

    fn add_bucket(&self, model: &mut SetupModel) {
        let Some(records) = self.records.as_ref().filter(|_| self.creates_bucket) else { return };
        model.buckets.push(BucketPart {
            name: records.bucket.clone(),
            arn: records.bucket_arn(&self.partition),
            object_lock_days: self.object_lock_days,
            policy: records.bucket_policy(&self.partition),
        });
    }

    /// Returns the trust policy of a new role that people sign in to.
    fn sign_in_trust(&self, role: &RoleArn) -> Result<Value> {
        let provider = self.provider.as_ref().ok_or_else(|| {
            invalid(format!("the SAML provider that the new role `{}` trusts is not known", role.name())).with_hint(
                format!("name it with `--provider`, or say that the role exists with `--existing {}`", role.name()),
            )
        })?;
        Ok(documents::saml_trust(provider.as_str(), &self.recipients))
    }
}

/// Returns the command that sets the boundary of an existing role: no template can change a role that it did not create.
fn boundary_command(role: &RolePart) -> Option<String> {
    let boundary = role.boundary.as_deref()?;
    Some(format!(
        "set the permissions boundary of the existing role: `aws iam put-role-permissions-boundary --role-name {} --permissions-boundary {boundary}`",
        role.name
    ))
}
