//! Roles that are granted by session: only as a grant, and without a way to keep access after its end.

use serde_json::Value;

use super::facts::{Account, RoleFacts, parsed};
use super::judge::{Probe, Verdict, allows, denies};
use super::{CREATE, Report};
use crate::arn::RoleArn;
use crate::error::Result;
use crate::grant_id::GRANT_TAG;
use crate::policy::unsafe_principals;
use crate::setup::GrantSetup;
use crate::setup::documents::GUARDED;

/// A grant id, and another one.
const ID: &str = "k7q3m5xw2p4a";
const OTHER_ID: &str = "m3t8wq2nd5yk";
const TAGS: [&str; 4] = [GRANT_TAG, "TempaccessTo", "TempaccessBy", "TempaccessReason"];

/// Checks a role. Returns the ARN of its permissions boundary.
pub(super) async fn check(
    setup: &GrantSetup,
    account: &Account<'_>,
    role: &RoleArn,
    mut report: Report<'_>,
) -> Result<Option<String>> {
    let Some(facts) = account.role(role, &mut report).await? else { return Ok(None) };
    check_trust(setup, &facts, &mut report);
    check_guard(role, &facts, &mut report);
    if facts.role.permissions_boundary.is_none() {
        report.warning(
            "there is no permissions boundary: an administrator who may revoke grants can also widen this role",
            "`tempaccess setup grants --granted-policy FILE` makes what the role may do its boundary",
        );
    }
    Ok(facts.role.permissions_boundary)
}

/// A call of AssumeRole that a trust policy is asked about.
struct Attempt<'a> {
    name: String,
    tags: Vec<&'a str>,
    transitive: Vec<&'a str>,
}

impl Attempt<'_> {
    fn grant() -> Self {
        Self { name: format!("grace@example.com+{ID}"), tags: TAGS.to_vec(), transitive: vec![GRANT_TAG] }
    }

    fn probe<'p>(&self, action: &'p str, admin: &'p str) -> Probe<'p> {
        let id: &[&str] = if self.tags.contains(&GRANT_TAG) { &[ID] } else { &[] };
        let probe = Probe { action, principal: Some(admin), ..Probe::default() }
            .key(&format!("aws:RequestTag/{GRANT_TAG}"), id)
            .key("aws:TagKeys", &self.tags)
            .key("sts:TransitiveTagKeys", &self.transitive)
            .key("sts:SourceIdentity", &["ada@example.com"])
            .key("aws:PrincipalArn", &[admin])
            .key("aws:PrincipalAccount", &[admin.split(':').nth(4).unwrap_or_default()]);
        // AWS has no session name when it asks about tags.
        let name: &[&str] = if action == "sts:TagSession" { &[] } else { &[&self.name] };
        probe.key("sts:RoleSessionName", name)
    }

    /// Returns whether AWS would make the session.
    fn verdict(&self, trust: &Value, admin: &str) -> Verdict {
        let tags = (!self.tags.is_empty()).then_some("sts:TagSession");
        let actions = ["sts:AssumeRole", "sts:SetSourceIdentity"].into_iter().chain(tags);
        actions.map(|action| allows([trust], &self.probe(action, admin))).min().unwrap_or(Verdict::No)
    }
}

fn check_trust(setup: &GrantSetup, facts: &RoleFacts, report: &mut Report<'_>) {
    let trust = parsed(&facts.role.trust_policy);
    let before = report.findings.len();
    for admin in setup.admins.iter().map(RoleArn::as_str) {
        let attempt = Attempt::grant();
        let missing: Vec<_> = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
            .into_iter()
            .filter(|action| allows([&trust], &attempt.probe(action, admin)) == Verdict::No)
            .collect();
        if !missing.is_empty() {
            let message = format!("the trust policy does not allow `{}` to {admin}", missing.join("`, `"));
            report.failed(message, format!("replace the trust policy: {CREATE}"));
        }
        check_refusals(&trust, admin, report);
    }
    let others: Vec<_> = unsafe_principals(&facts.role.trust_policy)
        .into_iter()
        .filter(|principal| !setup.admins.iter().any(|admin| *principal == format!("`{admin}`")))
        .collect();
    if !others.is_empty() {
        report.failed(
            format!("principals other than administrators can assume the role: {}", others.join(", ")),
            format!("remove them from the trust policy, or name them with `--admin-role`: {CREATE}"),
        );
    }
    let probe = Probe { action: "sts:AssumeRoleWithSAML", ..Probe::default() };
    if allows([&trust], &probe) != Verdict::No {
        report.failed(
            "people can sign in to the role, without a grant",
            "remove `sts:AssumeRoleWithSAML` from the trust policy, or name the role with `--people-role`",
        );
    }
    if report.findings.len() == before {
        report.good("administrators can assume the role, and only as a grant");
    }
}

/// Checks that what is not a grant is refused.
fn check_refusals(trust: &Value, admin: &str, report: &mut Report<'_>) {
    let grant = Attempt::grant();
    let foreign = [&TAGS[..], &["Team"]].concat();
    let attempts = [
        (
            Attempt { tags: Vec::new(), transitive: Vec::new(), ..Attempt::grant() },
            "without the session tag `TempaccessGrant`, so that no revocation ends them",
        ),
        (
            Attempt { transitive: Vec::new(), ..Attempt::grant() },
            "whose tag is not transitive, so that no revocation ends what they chain to",
        ),
        (
            Attempt { name: "grace@example.com".to_owned(), ..Attempt::grant() },
            "whose name does not end with the ID of the grant, so that CloudTrail does not name it",
        ),
        (
            Attempt { name: format!("grace@example.com+{OTHER_ID}"), ..Attempt::grant() },
            "whose name has the ID of another grant",
        ),
        (Attempt { tags: foreign, ..grant }, "with other session tags, which policies may trust"),
    ];
    for (attempt, what) in attempts {
        let hint = format!("replace the trust policy: {CREATE}");
        match attempt.verdict(trust, admin) {
            Verdict::No => {}
            Verdict::Yes => report.failed(format!("the trust policy accepts sessions {what}"), hint),
            Verdict::Unknown => report.warning(
                format!("the trust policy may accept sessions {what}; it has conditions that are not known here"),
                hint,
            ),
        }
    }
}

fn check_guard(role: &RoleArn, facts: &RoleFacts, report: &mut Report<'_>) {
    let unguarded: Vec<_> = GUARDED
        .into_iter()
        .filter(|action| {
            let probe = Probe { action, ..Probe::default() }
                .on(role.as_str())
                .key(&format!("aws:PrincipalTag/{GRANT_TAG}"), &[ID]);
            denies(&facts.policies, &probe) != Verdict::Yes
        })
        .collect();
    match (&facts.unread, unguarded.as_slice()) {
        (_, []) => report.good("the guard keeps sessions from undoing their own end"),
        (Some(error), _) => report.unread(error),
        (None, unguarded) => {
            let message =
                format!("the guard is missing: nothing denies `{}` to granted sessions", unguarded.join("`, `"));
            report.failed(message, format!("attach the policy `{}` to the role: {CREATE}", crate::setup::GUARD));
        }
    }
}
