//! Grants: access that an administrator gives to somebody else, extends, ends and accounts for, with nothing deployed.
//!
//! | | session grant ([`Grants::plan_issue`]) | policy grant ([`Grants::plan_permit`]) |
//! | --- | --- | --- |
//! | how | the administrator assumes the role for the person; the credentials are sealed to the person's key and signed | one dated inline policy on the role that the person signs in to |
//! | for | contractors, other accounts, people unknown to the identity provider | colleagues |
//! | ends by | expiry at AWS STS; under 15 minutes, a date in its session policy | a date in the policy |
//! | extended by | new sealed credentials under the same id | the date moves; the same credentials |
//! | revoked by | a deny of the session tag | the policy is deleted |
//!
//! Every grant has an id, which is in its session name and its policies, so that CloudTrail names it. Every step is an event in
//! the [records](crate::records), written before access is handed out.
//!
//! ```no_run
//! # async fn example(settings: tempaccess_core::config::Settings, config: tempaccess_core::config::Config) -> tempaccess_core::Result<()> {
//! use std::sync::Arc;
//! use tempaccess_core::{grants::GrantSpec, source::NoPrompter};
//!
//! let grants = settings.grants(&config, None, Arc::new(NoPrompter)).await?;
//! let spec = GrantSpec::to("grace@example.com")
//!     .role("ledger/Granted")
//!     .duration("40m".parse().expect("a duration"))
//!     .seal_to("ssh-ed25519 AAAA…".parse()?)
//!     .reason("OPS-123");
//! let issued = grants.issue(&spec).await?;
//! println!("{}", issued.sealed);
//! grants.revoke(&issued.event.id, "done early").await?;
//! # Ok(())
//! # }
//! ```
//!
//! A person asks with a signed text, which says who asked:
//!
//! ```
//! use std::sync::Arc;
//! use tempaccess_core::external::jiff::{SignedDuration, Timestamp};
//! use tempaccess_core::grants::{GrantRequest, RequestText};
//! use tempaccess_core::seal::{KeyFile, KeyFileSigner, Namespace, Signers};
//! use tempaccess_core::source::NoPrompter;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let key = KeyFile::create(&folder.path().join("key"), "grace")?;
//! let signers = Signers::parse(&Signers::line("grace@example.com", &key.public_key(), Namespace::Request)?.to_string())?;
//! let (forty_minutes, now) = (SignedDuration::from_mins(40), Timestamp::now());
//! let request = GrantRequest::new("grace@example.com", "count-objects", forty_minutes, "OPS-123", &[], now)?;
//! let text = request.sign(&KeyFileSigner::new(key, Arc::new(NoPrompter))?).await?.to_text();
//!
//! let verified = RequestText::parse(&format!("In the ticket:\n{text}"))?.verify(&signers, now)?;
//! assert_eq!((verified.request.to.as_str(), verified.agreed_seconds), ("grace@example.com", 2400));
//! # Ok(())
//! # }
//! ```

mod administrator;
mod approval;
mod check;
mod clean;
mod configured;
mod decide;
mod extend;
mod input;
mod issue;
pub(crate) mod lazy;
mod list;
mod live;
mod open;
mod permit;
mod plan;
mod recorded;
mod request_input;
mod revoke;
mod rules;
mod spec;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use self::administrator::Administrator;
pub use self::approval::{ApprovalInput, ApprovalLimits};
pub use self::check::{GrantCheck, GrantFinding, RoleRoom};
pub use self::clean::Cleaned;
pub use self::decide::ApprovalPlan;
pub use self::input::{GrantInput, recipients};
pub use self::list::{GrantFilter, GrantListing, ListedGrant};
pub use self::open::{GrantOpener, OpenedFacts, granted_profile, profile_name};
pub use self::plan::{GrantPlan, IssuedGrant, PlanSummary};
pub use self::recorded::{GrantHistories, UnreadableGrant};
pub use self::request_input::RequestInput;
pub use self::revoke::{RevocationPlan, RevocationStep, RevocationTarget};
pub use self::rules::GrantRules;
pub use self::spec::GrantSpec;

use crate::clock::{Clock, SystemClock};
pub use crate::duration::{format_duration, parse_duration};
use crate::error::ErrorKind;
pub use crate::grant_id::GrantId;
use crate::iam::Iam;
pub use crate::policy::{PolicyWindow, dated_policy};
use crate::records::Records;
pub use crate::records::{GrantRequest, NarrowedApproval, RequestText, VerifiedRequest};
use crate::seal::{Signer, Signers};
use crate::session::TempAccess;

/// A clock that differs less from AWS's is taken to be right: the answer has taken time too.
const TOLERATED_LATENCY: SignedDuration = SignedDuration::from_secs(5);

/// Gives, extends, ends and lists grants, as one administrator.
#[derive(Debug)]
pub struct Grants {
    access: TempAccess,
    administrator: Mutex<Option<Arc<Administrator>>>,
    iam: Arc<dyn Iam>,
    records: Arc<dyn Records>,
    signer: Arc<dyn Signer>,
    signers: Signers,
    rules: GrantRules,
    clock: Arc<dyn Clock>,
    known: live::KnownGrants,
}

/// Builds [`Grants`].
#[derive(Debug)]
pub struct GrantsBuilder(Grants);

impl GrantsBuilder {
    /// Sets the keys that are trusted to sign records. Default: none, so that all records are reported as untrusted.
    #[must_use]
    pub fn signers(mut self, signers: Signers) -> Self {
        self.0.signers = signers;
        self
    }

    /// Sets the rules. Default: none.
    #[must_use]
    pub fn rules(mut self, rules: GrantRules) -> Self {
        self.0.rules = rules;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.0.clock = clock;
        self
    }

    /// Returns the grants.
    pub fn build(self) -> Grants {
        self.0
    }
}

impl Grants {
    /// Builds grants that are given with the session of `access`, signed by `signer`, and recorded in `records`.
    pub fn builder(
        access: TempAccess,
        iam: Arc<dyn Iam>,
        records: Arc<dyn Records>,
        signer: Arc<dyn Signer>,
    ) -> GrantsBuilder {
        GrantsBuilder(Self {
            access,
            administrator: Mutex::new(None),
            iam,
            records,
            signer,
            signers: Signers::default(),
            rules: GrantRules::default(),
            clock: Arc::new(SystemClock),
            known: live::KnownGrants::default(),
        })
    }

    /// The place of the records.
    pub fn records(&self) -> &dyn Records {
        &*self.records
    }

    /// The administrator's own sign-in.
    pub(crate) fn access(&self) -> &TempAccess {
        &self.access
    }

    /// Returns AWS's time, by which policies and records are dated even if this machine's clock is wrong. The administrator signs in
    /// if they have not.
    async fn now(&self) -> crate::Result<Timestamp> {
        let administrator = self.administrator().await?;
        Ok(self.time_of_aws(&administrator).await)
    }

    /// As [`now`](Self::now). Where nobody can sign in, this machine's clock counts: a revocation is also printed without a session.
    async fn now_or_local(&self) -> crate::Result<Timestamp> {
        match self.now().await {
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            now => Ok(now.unwrap_or_else(|_| self.clock.now())),
        }
    }

    /// Returns AWS's time. A new sign-in includes it; for a session from the cache, STS is asked once.
    async fn time_of_aws(&self, administrator: &Administrator) -> Timestamp {
        let ask = || async { self.clock.now().duration_since(self.ask_time_of_aws(administrator).await) };
        let ahead = *administrator.clock_ahead.get_or_init(ask).await;
        let now = self.clock.now();
        // The answer has taken time too.
        if ahead.abs() <= TOLERATED_LATENCY { now } else { now.checked_sub(ahead).unwrap_or(now) }
    }

    /// Asks STS for the time. Without an answer, this machine's clock counts.
    async fn ask_time_of_aws(&self, administrator: &Administrator) -> Timestamp {
        let caller = self.access.caller_identity(administrator.credentials()).await;
        caller.ok().and_then(|caller| caller.server_time).unwrap_or_else(|| self.clock.now())
    }

    /// Returns the session of the administrator, who signs in when it is first needed and when it has expired.
    pub(crate) async fn administrator(&self) -> crate::Result<Arc<Administrator>> {
        let mut known = self.administrator.lock().await;
        match &*known {
            Some(administrator) if administrator.is_valid(self.clock.now()) => Ok(Arc::clone(administrator)),
            _ => {
                let administrator = Arc::new(Administrator::new(self.access.credentials().await?)?);
                *known = Some(Arc::clone(&administrator));
                Ok(administrator)
            }
        }
    }
}
