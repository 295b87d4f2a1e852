//! What was tried, and whether AWS behaves as grants rely on.

use serde::Serialize;

use crate::doctor::CheckOutcome;

/// Something that grants rely on and that only AWS itself can confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Assumption {
    /// A role can be taken as a grant, under the trust policy of the template.
    TrustPolicy,
    /// A session without the tag of a grant is refused.
    TagRequired,
    /// A tag that is not transitive is refused.
    TransitiveTagRequired,
    /// A session name that does not end in the id of the tag is refused.
    SessionNameRequired,
    /// A session with a tag that is none of a grant is refused.
    ForeignTagRefused,
    /// More than an hour is refused for a chained role.
    ChainedHour,
    /// A granted session cannot be handed on as another grant.
    NoGrantOfGrant,
    /// The guard keeps a granted session from editing its role.
    Guard,
    /// A deny by tag ends a running session.
    DenyByTag,
    /// And no other one.
    SiblingUntouched,
    /// A dated policy gives access to a session that is running already.
    DatedPolicy,
    /// It ends at its date.
    DatedPolicyEnds,
    /// A role without room for a policy says so.
    PolicyLimit,
    /// Session policies and tags of a grant have room in a session.
    PackedPolicySize,
    /// CloudTrail has the id of the grant, its tags and the source identity.
    TrailEvent,
    /// CloudTrail finds calls of the session by its name.
    TrailSessionName,
}

impl Assumption {
    /// What is assumed, in one line.
    pub const fn claim(self) -> &'static str {
        match self {
            Self::TrustPolicy => "a role can be taken as a grant, under the trust policy of the template",
            Self::TagRequired => "a session without the tag of a grant is refused",
            Self::TransitiveTagRequired => "a tag that is not transitive is refused",
            Self::SessionNameRequired => "a session name without the id of the grant is refused",
            Self::ForeignTagRefused => "a session with a tag that is none of a grant is refused",
            Self::ChainedHour => "more than an hour is refused for a chained role",
            Self::NoGrantOfGrant => "a granted session cannot be handed on as another grant",
            Self::Guard => "the guard keeps a granted session from editing its role",
            Self::DenyByTag => "a deny by tag ends a running session",
            Self::SiblingUntouched => "a deny by tag ends no other session",
            Self::DatedPolicy => "a dated policy gives access to a running session",
            Self::DatedPolicyEnds => "a dated policy ends at its date",
            Self::PolicyLimit => "a role without room for a policy is reported as such",
            Self::PackedPolicySize => "policy and tags of a grant have room in a session",
            Self::TrailEvent => "CloudTrail has the id of a grant, its tags and the source identity",
            Self::TrailSessionName => "CloudTrail finds the calls of a grant by its session name",
        }
    }
}

/// The result of one trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AssumptionResult {
    /// What is assumed.
    pub assumption: Assumption,
    /// The same in one line.
    pub claim: &'static str,
    /// Whether AWS behaves so.
    pub outcome: CheckOutcome,
    /// How long it took to take effect, in seconds.
    pub seconds: Option<u64>,
    /// What AWS answered, without names and numbers of the account.
    pub detail: Option<String>,
}

/// What was tried in a scratch account. It has nothing secret, and can be sent to the maintainers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SetupVerification {
    /// The version of tempaccess.
    pub version: &'static str,
    /// The partition.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The results, in the order in which they were had.
    pub results: Vec<AssumptionResult>,
    /// How many roles were removed at the end.
    pub removed: usize,
}

impl SetupVerification {
    /// Returns how many assumptions do not hold.
    pub fn failures(&self) -> usize {
        self.results.iter().filter(|result| result.outcome == CheckOutcome::Failed).count()
    }
}
