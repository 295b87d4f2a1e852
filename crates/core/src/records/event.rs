//! One event of a grant, and its file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::arn::PolicyArn;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
use crate::saml::hex;
use crate::seal::{Namespace, SignedLine, Signer, Signers};
use crate::text::excerpt;

/// The version of the format.
const VERSION: u8 = 1;
/// The limit on the number of networks, keys, policies and approvals of an event.
const MAX_LIST: usize = 256;
/// What the signature is appended after: always the last field.
const SIGNATURE_FIELD: &str = ",\"signature\":\"";

/// What happened to a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// Somebody asked for access. Not in the records, which have the request in the event that grants it; reports show it so.
    Requested,
    /// Somebody approved a request. As `Requested`.
    Approved,
    /// Somebody denied a request.
    Denied,
    /// Credentials were issued, sealed to the person's key.
    Issued,
    /// A policy was written onto the role that the person signs in to.
    Permitted,
    /// The end was moved.
    Extended,
    /// The access was ended early.
    Revoked,
    /// A revocation was undone.
    Restored,
    /// The policy of a grant that had ended was removed.
    Ended,
    /// Somebody reviewed a grant that was given without approval.
    Reviewed,
}

impl EventKind {
    /// The stable name, as in the records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Issued => "issued",
            Self::Permitted => "permitted",
            Self::Extended => "extended",
            Self::Revoked => "revoked",
            Self::Restored => "restored",
            Self::Ended => "ended",
            Self::Reviewed => "reviewed",
        }
    }

    /// Whether it begins the access.
    pub(crate) const fn begins(self) -> bool {
        matches!(self, Self::Issued | Self::Permitted)
    }

    /// Whether it gives access, or more of it.
    pub(crate) const fn gives(self) -> bool {
        self.begins() || matches!(self, Self::Extended)
    }
}

/// How access is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "a third way to give access would change every caller")]
pub enum GrantKind {
    /// The administrator assumes the role for the person and seals the credentials.
    Session,
    /// The administrator writes a dated policy onto the role that the person signs in to.
    Policy,
}

impl GrantKind {
    /// The stable name, as in the records and the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Policy => "policy",
        }
    }
}

/// An event of a grant. What does not apply to it is left out of its JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantEvent {
    /// The version of the format: 1.
    pub version: u8,
    /// The id of the grant.
    pub id: GrantId,
    /// The number of the event: 1 for the first.
    pub seq: u32,
    /// When it happened, by AWS's clock where AWS was asked.
    pub at: Timestamp,
    /// What happened.
    pub event: EventKind,
    /// The SHA-256 of the file of the event before, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<String>,
    /// How access is given.
    pub how: GrantKind,
    /// The person who gets access.
    pub to: String,
    /// The administrator who acted: the name that the event is signed with.
    pub by: String,
    /// The administrator's session at AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_arn: Option<String>,
    /// The role.
    pub role_arn: String,
    /// The id of the role, `AROA…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,
    /// The request that was granted, as the person signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<SignedLine>,
    /// The approvals of the request, as others signed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<SignedLine>,
    /// Whether the grant was given without the approvals that its preset asks for otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
    /// The preset that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The policy that narrows the session, or that is written onto the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The SHA-256 of the policy, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_sha256: Option<String>,
    /// The managed session policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    /// The networks that access is limited to, as CIDR blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_ip: Vec<String>,
    /// When access begins.
    pub from: Timestamp,
    /// When access ends.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    /// The name of the session, `TO+ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The access key that was issued. Not secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The id of the request at STS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sts_request_id: Option<String>,
    /// The fingerprints of the keys that the credentials are sealed to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// The public keys that the credentials are sealed to, so that an extension needs no key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipient_keys: Vec<String>,
    /// How many times credentials were issued for the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue: Option<u32>,
    /// The inline policy in IAM that this event wrote or removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_policy_name: Option<String>,
    /// The administrator's signature of all of the above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl GrantEvent {
    /// Returns the first event of a grant.
    pub(crate) fn first(id: GrantId, event: EventKind, how: GrantKind, at: Timestamp, until: Timestamp) -> Self {
        Self {
            version: VERSION,
            id,
            seq: 1,
            at,
            event,
            prev: None,
            how,
            to: String::new(),
            by: String::new(),
            by_arn: None,
            role_arn: String::new(),
            role_id: None,
            request: None,
            approvals: Vec::new(),
            break_glass: false,
            preset: None,
            policy: None,
            policy_sha256: None,
            policy_arns: Vec::new(),
            from_ip: Vec::new(),
            from: at,
            until,
            reason: String::new(),
            session: None,
            access_key_id: None,
            sts_request_id: None,
            recipients: Vec::new(),
            recipient_keys: Vec::new(),
            issue: None,
            iam_policy_name: None,
            signature: None,
        }
    }

    /// Returns the event that follows one whose file is `file`: the same grant, with the facts of `last`.
    pub(crate) fn following(last: &Self, seq: u32, file: &[u8], event: EventKind, at: Timestamp) -> Self {
        Self {
            seq,
            at,
            event,
            prev: Some(hex(&Sha256::digest(file))),
            by_arn: None,
            session: None,
            access_key_id: None,
            sts_request_id: None,
            iam_policy_name: None,
            signature: None,
            ..last.clone()
        }
    }

    /// Signs the event and returns its file.
    pub(crate) async fn into_file(mut self, signer: &dyn Signer) -> Result<(Self, Vec<u8>)> {
        self.signature = None;
        let text = serde_json::to_string(&self).map_err(|error| unwritable(&error))?;
        let signature = crate::seal::sign(signer, Namespace::Grant, text.as_bytes()).await?;
        let quoted = serde_json::to_string(&signature).map_err(|error| unwritable(&error))?;
        let open = text.strip_suffix('}').unwrap_or(&text);
        // `quoted` begins with the quotation mark that the field's text ends with.
        let file = format!("{open}{}{quoted}}}\n", SIGNATURE_FIELD.trim_end_matches('"'));
        self.signature = Some(signature);
        Ok((self, file.into_bytes()))
    }

    /// Parses the file of an event.
    ///
    /// # Errors
    ///
    /// `audit_failed` if it is not one, or has another version of the format.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let event: Self = serde_json::from_slice(file).map_err(|error| {
            let message = format!("a record of a grant cannot be read: {}", excerpt(&error.to_string()));
            Error::new(ErrorKind::AuditFailed, Stage::Grant, message)
        })?;
        if event.version != VERSION {
            let message = format!("a record of a grant has version {} of the format", event.version);
            return Err(Error::new(ErrorKind::AuditFailed, Stage::Grant, message)
                .with_hint("install a newer version of tempaccess"));
        }
        // No event has so many, and each would take more memory than the file.
        let lists = [
            event.policy_arns.len(),
            event.from_ip.len(),
            event.approvals.len(),
            event.recipients.len(),
            event.recipient_keys.len(),
        ];
        if lists.iter().any(|length| *length > MAX_LIST) {
            let message = format!("a record of a grant has a list of more than {MAX_LIST} values");
            return Err(Error::new(ErrorKind::AuditFailed, Stage::Grant, message));
        }
        Ok(event)
    }

    /// Verifies the signature of the event whose file is `file`.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`.
    pub fn verify(&self, file: &[u8], signers: &Signers) -> Result<()> {
        self.verified_key(file, signers).map(drop)
    }

    /// As [`verify`](Self::verify). Returns the fingerprint of the key that has signed it.
    pub(crate) fn verified_key(&self, file: &[u8], signers: &Signers) -> Result<String> {
        let unsigned = || Error::new(ErrorKind::GrantNotGenuine, Stage::Grant, "a record of the grant is not signed");
        let text = std::str::from_utf8(file).map_err(|_| unsigned())?.trim_end();
        // Quotation marks within values are escaped, so that the last occurrence is the field itself. The signature is all that
        // follows what is signed: a field after it would be read, and covered by nothing.
        let at = text.rfind(SIGNATURE_FIELD).ok_or_else(unsigned)?;
        let (open, field) = text.split_at_checked(at).ok_or_else(unsigned)?;
        let value = field.get(SIGNATURE_FIELD.len() - 1..).and_then(|value| value.strip_suffix('}'));
        let signature: String = value.and_then(|value| serde_json::from_str(value).ok()).ok_or_else(|| {
            Error::new(ErrorKind::GrantNotGenuine, Stage::Grant, "a record of the grant has more than what was signed")
        })?;
        let signed = format!("{open}}}");
        signers.verify(Namespace::Grant, &self.by, signed.as_bytes(), &signature, self.at)
    }

    /// Returns the names of those who approved the request.
    pub fn approvers(&self) -> Vec<String> {
        self.approvals.iter().filter_map(super::request::approver).collect()
    }

    /// Returns the facts that another event of the same grant must have, too, and has not.
    pub(crate) fn changed_facts(&self, other: &Self) -> Vec<&'static str> {
        let same = [
            ("how access is given", self.how == other.how),
            ("the person", self.to == other.to),
            ("the role", self.role_arn == other.role_arn),
            ("the policy", self.policy == other.policy),
            ("the managed policies", self.policy_arns == other.policy_arns),
            ("the networks", self.from_ip == other.from_ip),
            ("the preset", self.preset == other.preset),
            ("the keys", self.recipient_keys == other.recipient_keys),
            ("the request", self.request == other.request),
            ("the approvals", self.approvals == other.approvals),
            ("the emergency", self.break_glass == other.break_glass),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
    }

    /// Returns the managed session policies, parsed.
    pub(crate) fn parsed_policy_arns(&self) -> Vec<PolicyArn> {
        self.policy_arns.iter().filter_map(|arn| arn.parse().ok()).collect()
    }
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::AuditFailed, Stage::Grant, format!("the record cannot be written: {error}"))
}
