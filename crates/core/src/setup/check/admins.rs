//! The rights of administrators: enough to give, to end and to record grants, and no more.

use super::facts::{Account, RoleFacts};
use super::judge::{Probe, Verdict, allows};
use super::{CREATE, Report};
use crate::arn::RoleArn;
use crate::error::Result;
use crate::setup::{GrantSetup, RecordsPlace};

/// A right that an administrator needs.
struct Right<'a> {
    probe: Probe<'a>,
    /// Where, for people.
    place: String,
}

/// Checks a role. `boundaries` are those of the granted roles and then of people's roles.
pub(super) async fn check(
    setup: &GrantSetup,
    account: &Account<'_>,
    role: &RoleArn,
    boundaries: &[Option<String>],
    mut report: Report<'_>,
) -> Result<()> {
    let Some(facts) = account.role(role, &mut report).await? else { return Ok(()) };
    let missing: Vec<_> = required(setup, boundaries)
        .into_iter()
        .filter(|right| verdict(&facts, &right.probe) == Verdict::No)
        .map(|right| format!("`{}` on {}", right.probe.action, right.place))
        .collect();
    match (&facts.unread, missing.is_empty()) {
        (_, true) => report.good("the role may give, revoke and record grants"),
        (Some(error), false) => report.unread(error),
        (None, false) => {
            report.failed(format!("the role lacks {}", missing.join(", ")), format!("add these rights: {CREATE}"));
        }
    }
    check_excess(setup, &facts, &mut report);
    Ok(())
}

/// Returns whether the policies of a role and its boundary allow a call.
fn verdict(facts: &RoleFacts, probe: &Probe<'_>) -> Verdict {
    let allowed = allows(&facts.policies, probe);
    match &facts.boundary {
        Some(boundary) => allowed.min(allows([boundary], probe)),
        None => allowed,
    }
}

fn required<'a>(setup: &'a GrantSetup, boundaries: &[Option<String>]) -> Vec<Right<'a>> {
    let on = |action: &'static str, role: &'a RoleArn| Right {
        probe: Probe { action, ..Probe::default() }.on(role.as_str()),
        place: format!("the role `{}`", role.name()),
    };
    let mut rights = Vec::new();
    for role in &setup.granted {
        rights.extend(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"].map(|action| on(action, role)));
    }
    for (at, role) in setup.granted.iter().chain(&setup.people).enumerate() {
        rights.extend(["iam:GetRole", "iam:ListRolePolicies", "iam:GetRolePolicy"].map(|action| on(action, role)));
        let boundary = boundaries.get(at).cloned().flatten();
        // A role whose boundary is missing has a finding of its own.
        let boundary = if at < setup.granted.len() { boundary } else { boundary.or(Some(setup.ceiling_arn())) };
        let values: Vec<_> = boundary.iter().map(String::as_str).collect();
        for action in ["iam:PutRolePolicy", "iam:DeleteRolePolicy"] {
            let mut right = on(action, role);
            right.probe = right.probe.key("iam:PermissionsBoundary", &values);
            rights.push(right);
        }
    }
    let all = Probe { action: "iam:ListRoles", ..Probe::default() }.on("*");
    rights.push(Right { probe: all, place: "all roles".to_owned() });
    let trail = Probe { action: "cloudtrail:LookupEvents", ..Probe::default() }.on("*");
    rights.push(Right { probe: trail, place: "the event history".to_owned() });
    rights.extend(setup.records.iter().flat_map(|records| on_records(setup, records)));
    // What every request has.
    rights
        .into_iter()
        .map(|right| Right { probe: right.probe.key("aws:SecureTransport", &["true"]), ..right })
        .collect()
}

fn on_records<'a>(setup: &GrantSetup, records: &RecordsPlace) -> Vec<Right<'a>> {
    let (bucket, objects) = (records.bucket_arn(&setup.partition), records.objects_arn(&setup.partition));
    let prefix = if records.prefix.is_empty() { String::new() } else { format!("{}/", records.prefix) };
    [
        (Probe { action: "s3:ListBucket", ..Probe::default() }.key("s3:prefix", &[&prefix]), bucket),
        (Probe { action: "s3:GetObject", ..Probe::default() }, objects.clone()),
        (Probe { action: "s3:PutObject", ..Probe::default() }.key("s3:if-none-match", &["*"]), objects),
    ]
    .map(|(probe, place)| Right { probe: probe.on(&one_record(&place)), place })
    .into()
}

/// Returns the ARN of one record, for the ARN of all.
fn one_record(objects: &str) -> String {
    objects.replace('*', "k7q3m5xw2p4a/0001.json")
}

/// Checks that administrators may do no more than grants need, where that would undo what the setup is for.
fn check_excess(setup: &GrantSetup, facts: &RoleFacts, report: &mut Report<'_>) {
    let may = |probe: &Probe<'_>| verdict(facts, probe) == Verdict::Yes;
    for role in &setup.people {
        let probe = Probe { action: "iam:PutRolePolicy", ..Probe::default() }
            .on(role.as_str())
            .key("iam:PermissionsBoundary", &[]);
        if may(&probe) {
            report.warning(
                format!("the role may write policies on `{}` even if that has no permissions boundary", role.name()),
                format!("add the condition `iam:PermissionsBoundary`: {CREATE}"),
            );
        }
        let probe = Probe { action: "iam:DeleteRolePermissionsBoundary", ..probe };
        if may(&probe) {
            report.warning(
                format!("the role may remove the permissions boundary of `{}`", role.name()),
                "remove `iam:DeleteRolePermissionsBoundary` from its policies",
            );
        }
    }
    let Some(records) = &setup.records else { return };
    let objects = one_record(&records.objects_arn(&setup.partition));
    let put = Probe { action: "s3:PutObject", ..Probe::default() }.on(&objects).key("s3:if-none-match", &[]);
    if may(&put) {
        report.warning(
            "the role may overwrite records, unless the policy of the bucket denies it",
            format!("add the condition `s3:if-none-match`: {CREATE}"),
        );
    }
    for action in ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"] {
        if may(&(Probe { action, ..Probe::default() }.on(&objects))) {
            report.warning(
                format!("the role may use `{action}` on records"),
                "remove it from its policies: records are never deleted",
            );
        }
    }
}
