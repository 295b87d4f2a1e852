//! The administrator who acts: their session at AWS and their name.

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;

use crate::arn::RoleArn;
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::GrantEvent;
use crate::sts::IssuedSession;

/// Sessions that expire sooner are renewed first.
const MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// The session that an administrator gives grants with.
#[derive(Debug)]
pub(crate) struct Administrator {
    pub(super) issued: IssuedSession,
    /// The name that CloudTrail, the records and the signatures have.
    pub(super) name: String,
    /// How far this machine's clock is ahead of AWS's, once it was asked for.
    pub(super) clock_ahead: OnceCell<SignedDuration>,
}

impl Administrator {
    /// Names the administrator of a session: by its source identity, which cannot be changed once it is set, or else by its
    /// session name.
    pub(super) fn new(issued: IssuedSession) -> Result<Self> {
        let name = issued.answer.source_identity.as_deref().or(issued.answer.session_name());
        let name = name.map(str::to_owned).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, "the administrator's session has no name")
                .with_hint("sign in through an identity provider, which names the session")
        })?;
        let clock_ahead = OnceCell::new_with(issued.clock_ahead);
        Ok(Self { issued, name, clock_ahead })
    }

    /// Whether the session lasts long enough for another call.
    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        self.credentials().expiration.duration_since(now) > MARGIN
    }

    pub(crate) fn credentials(&self) -> &SessionCredentials {
        &self.issued.answer.credentials
    }

    /// The ARN of the session.
    pub(super) fn arn(&self) -> Option<String> {
        self.issued.answer.assumed_role_arn.clone()
    }

    /// Writes into an event that the administrator acted.
    pub(super) fn acts_in(&self, event: &mut GrantEvent) {
        event.by.clone_from(&self.name);
        event.by_arn = self.arn();
    }

    pub(super) fn role(&self) -> &RoleArn {
        &self.credentials().role
    }

    /// Fails if a role is in another account: IAM is asked within the account of the session.
    pub(super) fn require_account(&self, role: &RoleArn) -> Result<()> {
        let own = self.credentials().account_id();
        if role.account_id() == own {
            return Ok(());
        }
        let message = format!("the role `{role}` is in another account than your session, which is in {own}");
        Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
            .with_hint("choose a profile for that account with `--profile`, or print the policy with `--print iam`"))
    }
}
