//! Grants as people read them.

use std::fmt::Write as _;

use console::style;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempaccess_core::front_end::printable;
use tempaccess_core::grants::{
    ApprovalPlan, Cleaned, GrantCheck, GrantListing, PlanSummary, RevocationPlan, RevocationStep, format_duration,
};
use tempaccess_core::records::{GrantHistory, GrantState};
use tempaccess_core::role::AccountNames;
use tempaccess_core::seal::GrantHeader;

use crate::args::grant::Print;
use crate::render::Table;

/// An instant as people read it: `2026-11-25 14:40 UTC`.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A role as `ledger/Granted`.
fn role(arn: &str, names: &AccountNames) -> String {
    let Ok(role) = arn.parse::<tempaccess_core::arn::RoleArn>() else { return printable(arn).into_owned() };
    let account = names.get(role.account_id()).map_or(role.account_id(), String::as_str);
    format!("{}/{}", printable(account), role.name())
}

/// A plan, before anybody is asked.
pub(crate) fn plan(plan: &PlanSummary, names: &AccountNames) -> String {
    let mut table = Table::default();
    table.row("grant", style(plan.id.as_str()).bold().to_string());
    let sealed = match plan.sealed_to.as_slice() {
        [] => String::new(),
        keys => format!(", sealed to {}", keys.join(" and ")),
    };
    table.row("to", format!("{}{sealed}", style(&plan.to).bold()));
    let narrowed = match (&plan.policy, plan.policy_arns.is_empty()) {
        (None, true) => format!(", {}", plan.allows),
        (Some(_), _) if plan.iam_policy_name.is_some() => format!(", plus {}", plan.allows),
        _ => format!(", narrowed to {}", plan.allows),
    };
    let account = plan.role_arn.split(':').nth(4).unwrap_or_default();
    table.row("role", format!("{} ({account}){}", role(&plan.role_arn, names), printable(&narrowed)));
    if !plan.policy_arns.is_empty() {
        table.row("policies", printable(&plan.policy_arns.join(", ")));
    }
    if !plan.from_ip.is_empty() {
        table.row("networks", plan.from_ip.join(", "));
    }
    if plan.from > Timestamp::now() {
        table.row("from", time(plan.from));
    }
    let longer = if plan.action == "extend" { format!("{} longer", plan.duration) } else { plan.duration.clone() };
    table.row("until", format!("{} ({longer})", time(plan.until)));
    table.row("reason", printable(&plan.reason));
    if !plan.approved_by.is_empty() {
        table.row("approved", printable(&plan.approved_by.join(", ")));
    }
    if plan.break_glass {
        table.row("emergency", "without the approvals that the preset needs");
    }
    let trail = match (&plan.session, &plan.iam_policy_name) {
        (Some(session), _) => format!("; CloudTrail: {session}"),
        (None, Some(policy)) => format!("; inline policy {policy}"),
        (None, None) => String::new(),
    };
    table.row("by", format!("{}{trail}", plan.by));
    table.to_string()
}

/// A grant that was opened.
pub(crate) fn opened(header: &GrantHeader, profile: Option<&str>) -> String {
    let mut table = Table::default();
    table.row("grant", style(header.id.as_str()).bold().to_string());
    table.row("from", printable(&header.by));
    table.row("role", printable(&header.role));
    let left = header.until.duration_since(Timestamp::now());
    table.row("until", format!("{} ({} left)", time(header.until), format_duration(left)));
    table.row("reason", printable(&header.reason));
    let mut text = table.to_string();
    if let Some(profile) = profile {
        let profile = printable(profile);
        let _ = write!(
            text,
            "\nprofile {}: `aws --profile {profile} …`, or `tempaccess exec {profile} -- PROGRAM`",
            style(&profile).bold()
        );
    }
    text
}

/// The widest cell of a list of grants.
const MAX_CELL: usize = 64;

/// A list of grants.
pub(crate) fn list(listing: &GrantListing, names: &AccountNames) -> String {
    if listing.grants.is_empty() {
        return "no grants".to_owned();
    }
    let unknown = || "?".to_owned();
    // Anybody who can add records can write long texts; `grant show` has them whole.
    let cut = |text: &str| console::truncate_str(&printable(text), MAX_CELL, "…").into_owned();
    let shown = |text: &Option<String>| text.as_deref().map_or_else(unknown, cut);
    let mut rows = vec![["ID", "TO", "KIND", "ROLE", "LEFT", "REASON", "BY"].map(str::to_owned)];
    for grant in &listing.grants {
        let left = match grant.state {
            Some(GrantState::Revoked) => "revoked".to_owned(),
            Some(GrantState::Withdrawn) => "never given".to_owned(),
            Some(GrantState::Ended) => "ended".to_owned(),
            Some(GrantState::Denied) => "denied".to_owned(),
            Some(_) => grant.left.clone(),
            None => unknown(),
        };
        rows.push([
            grant.id.to_string(),
            shown(&grant.to),
            grant.kind.as_str().to_owned(),
            role(&grant.role_arn, names),
            left,
            shown(&grant.reason),
            shown(&grant.by),
        ]);
    }
    let widths: Vec<usize> = (0..7)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|text| console::measure_text_width(text)).max())
        .map(|width| width.unwrap_or(0))
        .collect();
    let problems =
        std::iter::once(&[] as &[String]).chain(listing.grants.iter().map(|grant| grant.problems.as_slice()));
    let mut text = String::new();
    for (row, problems) in rows.iter().zip(problems) {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| console::pad_str(cell, *width, console::Alignment::Left, None))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        for problem in problems {
            let _ = writeln!(text, "  {} {}", style("problem:").red().bold(), printable(problem));
        }
    }
    text.trim_end().to_owned()
}

/// A grant with its events.
pub(crate) fn history(history: &GrantHistory, now: Timestamp, names: &AccountNames) -> String {
    let summary = history.summary(now);
    let mut table = Table::default();
    table.row("grant", style(summary.id.as_str()).bold().to_string());
    table.row("state", summary.state.as_str());
    table.row("to", printable(summary.to));
    table.row("kind", summary.kind.as_str());
    table.row("role", role(summary.role_arn, names));
    if let Some(policy) = summary.policy {
        table.row("policy", printable(&tempaccess_core::front_end::policy_summary(policy)));
    }
    if !summary.policy_arns.is_empty() {
        table.row("policies", printable(&summary.policy_arns.join(", ")));
    }
    if !summary.from_ip.is_empty() {
        table.row("networks", printable(&summary.from_ip.join(", ")));
    }
    table.row("from", time(summary.from));
    table.row("until", time(summary.until));
    table.row("by", printable(summary.by));
    table.row("reason", printable(&summary.reason));
    table.maybe("preset", summary.preset);
    let approved = history.last().approvers();
    if !approved.is_empty() {
        table.row("approved", printable(&approved.join(", ")));
    }
    if summary.break_glass {
        let reviewed = if summary.needs_review { "nobody has reviewed it" } else { "reviewed" };
        table.row("emergency", format!("without approvals; {reviewed}"));
    }
    let mut text = table.to_string();
    for event in history.events() {
        let _ = write!(
            text,
            "\n{:>4}  {}  {:<9}  {}  {}",
            event.seq,
            time(event.at),
            event.event.as_str(),
            printable(&event.by),
            printable(&event.reason)
        );
    }
    for defect in history.defects() {
        let _ = write!(text, "\n{} {}", style("problem:").red().bold(), printable(defect));
    }
    text
}

/// What an approval is about.
pub(crate) fn approval(plan: &ApprovalPlan) -> String {
    let mut table = Table::default();
    table.row("request", style(plan.id.as_str()).bold().to_string());
    table.row("to", printable(&plan.to).into_owned());
    table.row("preset", printable(&plan.preset).into_owned());
    table.row("role", printable(&plan.role_arn).into_owned());
    table.row("allows", printable(&plan.allows).into_owned());
    table.row("for", format_duration(plan.duration()));
    if !plan.from_ip.is_empty() {
        table.row("networks", printable(&plan.from_ip.join(", ")).into_owned());
    }
    table.row("reason", printable(&plan.reason).into_owned());
    if !plan.approved_by.is_empty() {
        table.row("approved by", printable(&plan.approved_by.join(", ")).into_owned());
    }
    table.to_string()
}

/// What a revocation would change.
pub(crate) fn revocation(plan: &RevocationPlan) -> String {
    let lines = plan.steps.iter().map(|step| {
        let verb = if step.document.is_some() { "write" } else { "delete" };
        let whose = match (&step.id, &step.to) {
            (Some(id), Some(to)) => format!("{id} ({}): ", printable(to)),
            _ => String::new(),
        };
        format!("{whose}{verb} the inline policy {} of {}", step.policy_name, step.role_arn)
    });
    let skipped = plan.skipped.iter().map(|problem| format!("skipped: {}", printable(problem)));
    lines.chain(skipped).collect::<Vec<_>>().join("\n")
}

/// What a revocation has changed.
pub(crate) fn revoked(plan: &RevocationPlan) -> String {
    let lines = plan.steps.iter().map(|step| {
        let role = step.role_arn.rsplit('/').next().unwrap_or_default();
        let what = step.id.as_ref().map_or_else(|| "sessions".to_owned(), ToString::to_string);
        match (plan.undo, step.document.is_some()) {
            (false, true) => {
                format!(
                    "revoked {what}: role {role} denies it (inline policy {}, read back from IAM)",
                    step.policy_name
                )
            }
            (false, false) => {
                format!("revoked {what}: inline policy {} of role {role} is deleted, checked in IAM", step.policy_name)
            }
            (true, _) => format!("restored {what}: inline policy {} of role {role}", step.policy_name),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A revocation for somebody else to apply.
pub(crate) fn revocation_as(plan: &RevocationPlan, form: Print) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let role = step.role_arn.rsplit('/').next().unwrap_or_default();
        let name = &step.policy_name;
        match (form, &step.document) {
            (Print::Cli, document) => {
                let verb = if document.is_some() { "put-role-policy" } else { "delete-role-policy" };
                // Joined, so that no name can be taken for an option.
                let mut options = vec![("role-name", role), ("policy-name", name)];
                options.extend(document.as_deref().map(|document| ("policy-document", document)));
                let _ = write!(text, "aws iam {verb}");
                for (option, value) in options {
                    let _ = write!(text, " --{option}={}", shell_word(value));
                }
                text.push('\n');
            }
            // As `aws iam put-role-policy --cli-input-json` takes it.
            (Print::Iam, Some(document)) => {
                let input = json!({ "RoleName": role, "PolicyName": name, "PolicyDocument": document });
                let _ = writeln!(text, "{input}");
            }
            (Print::Iam, None) => {
                let _ = writeln!(text, "{}", json!({ "RoleName": role, "PolicyName": name }));
            }
            (Print::Scp, document) => {
                let _ = writeln!(text, "{}", service_control_policy(step, document.as_deref()));
            }
        }
    }
    text.trim_end().to_owned()
}

/// Quotes a word for POSIX shells, if it needs quotes.
fn shell_word(word: &str) -> std::borrow::Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:+=,@".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")).into(),
    }
}

/// A policy of an organization that denies what the inline policy of a role denies, to sessions of this role alone.
fn service_control_policy(step: &RevocationStep, document: Option<&str>) -> Value {
    let denied = document.and_then(|document| serde_json::from_str::<Value>(document).ok());
    let condition = denied.and_then(|document| document.pointer("/Statement/0/Condition").cloned());
    // An organization cannot delete the policy of a grant. It ends all that the person does with the role.
    let mut condition = condition.unwrap_or_else(|| json!({ "StringEquals": { "aws:userid": step.user_id } }));
    if let Some(tests) = condition.as_object_mut() {
        tests.insert("ArnEquals".to_owned(), json!({ "aws:PrincipalArn": step.role_arn }));
    }
    let deny = json!({ "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition });
    json!({ "Version": "2012-10-17", "Statement": [deny] })
}

/// The result of a check.
pub(crate) fn checked(check: &GrantCheck) -> String {
    let mut text = String::new();
    for room in &check.roles {
        let _ = writeln!(text, "{}: {} of 10,240 characters used, {} left", room.role_arn, room.used, room.left);
    }
    for finding in &check.findings {
        let id = finding.id.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
        let _ = writeln!(text, "{} {id}{}", style("problem:").red().bold(), printable(&finding.problem));
    }
    match check.roles.len() {
        _ if !check.findings.is_empty() => {}
        0 => text.push_str("no role was looked at in IAM, and the records are sound"),
        _ => text.push_str("the records and IAM agree"),
    }
    text.trim_end().to_owned()
}

/// Policies that are or were removed.
pub(crate) fn cleaned(found: &[Cleaned], verb: &str) -> String {
    if found.is_empty() {
        return "no policy of a grant has ended".to_owned();
    }
    let line = |policy: &Cleaned| {
        format!("{verb}: {} of {} (ended {})", policy.policy_name, policy.role_arn, time(policy.until))
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}
