//! Results and errors as people read them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use console::{Color, style};
use jiff::Timestamp;
use tempaccess_core::config::{Added, Synced};
use tempaccess_core::doctor::{CheckOutcome, Finding, ResponsibleParty};
use tempaccess_core::setup::{AssumptionResult, SetupFinding};
use tempaccess_core::sink::{RoleList, SessionSummary};
use tempaccess_core::store::{EntryInfo, EntryKind};
use tempaccess_core::verify::Verification;
use tempaccess_core::{
    Error, IssuedSession, RoleOffer,
    error::ErrorReport,
    front_end::printable,
    saml::Inspection,
    session::{Exchanged, SignedOut},
    sts::ClockSkew,
};

/// An error, for standard error.
pub(crate) fn error(error: &Error, as_json: bool) -> String {
    if as_json {
        #[derive(serde::Serialize)]
        struct Failure<'a> {
            error: tempaccess_core::error::ErrorReport<'a>,
        }
        return serde_json::to_string(&Failure { error: error.report() }).unwrap_or_default();
    }
    let mut text = format!("{} {error}", style("error:").for_stderr().red().bold());
    if let Some(hint) = error.hint() {
        text.push('\n');
        for line in hint.lines() {
            // An indented line belongs to a list.
            if line.starts_with(' ') {
                let _ = write!(text, "\n{line}");
            } else {
                let _ = write!(text, "\n{} {line}", style("hint:").for_stderr().cyan().bold());
            }
        }
    }
    if let Some(id) = error.sts().and_then(|sts| sts.request_id.as_deref()) {
        let _ = write!(text, "\n{} AWS request id {}", style("note:").for_stderr().bold(), printable(id));
    }
    text
}

/// The finding of one check.
pub(crate) fn finding(finding: &Finding) -> String {
    let name = finding.step.as_str().replace('_', " ");
    checked(finding.outcome, &name, &finding.message, finding.hint.as_deref(), finding.who)
}

/// The finding of a check of an account.
pub(crate) fn setup_finding(finding: &SetupFinding) -> String {
    let name = format!("{} {}", finding.part.as_str().replace('_', " "), printable(&finding.name));
    checked(finding.outcome, &name, &finding.message, finding.hint.as_deref(), finding.who)
}

pub(crate) fn assumption(result: &AssumptionResult) -> String {
    let seconds = result.seconds.map(|seconds| format!(" (after {seconds} s)")).unwrap_or_default();
    let detail = result.detail.as_ref().map(|detail| format!("\n{detail}")).unwrap_or_default();
    checked(result.outcome, "AWS", &format!("{}{seconds}{detail}", result.claim), None, None)
}

fn checked(
    outcome: CheckOutcome,
    name: &str,
    message: &str,
    hint: Option<&str>,
    who: Option<ResponsibleParty>,
) -> String {
    let (mark, colour) = match outcome {
        CheckOutcome::Good => ("ok", Color::Green),
        CheckOutcome::Warning => ("warning", Color::Yellow),
        CheckOutcome::Failed => ("failed", Color::Red),
        _ => ("skipped", Color::Black),
    };
    let mark = style(format!("{mark:8}")).fg(colour).bold();
    let mut lines = message.lines();
    let mut text = format!("{mark}{}: {}", style(name).bold(), printable(lines.next().unwrap_or_default()));
    for line in lines {
        let _ = write!(text, "\n        {}", printable(line));
    }
    for line in hint.iter().flat_map(|hint| hint.lines()) {
        let _ = write!(text, "\n        {} {}", style("hint:").cyan(), printable(line));
    }
    if let Some(who) = who {
        let _ = write!(text, "\n        {} {}", style("who:").cyan(), who.description());
    }
    text
}

/// A name and what it stands for, one a line.
#[derive(Default)]
pub(crate) struct Table(Vec<(&'static str, String)>);

impl Table {
    pub(crate) fn row(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    pub(crate) fn maybe(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.row(name, printable(value));
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (at, (name, value)) in self.0.iter().enumerate() {
            let end = if at + 1 < self.0.len() { "\n" } else { "" };
            write!(f, "{}  {value}{end}", style(format!("{name:width$}")).dim())?;
        }
        Ok(())
    }
}

/// What was given, without any secret.
pub(crate) fn issued_session(issued: &IssuedSession) -> String {
    let credentials = &issued.answer.credentials;
    let mut table = Table(Vec::new());
    table.row("Role", style(credentials.role.as_str()).bold().to_string());
    table.row("Provider", issued.offer.provider().as_str());
    table.maybe("Chained from", issued.chained_from.as_deref());
    table.maybe("Principal", issued.answer.assumed_role_arn.as_deref());
    table.row("Until", format!("{} ({})", credentials.expiration, lasting(issued.granted_seconds)));
    if issued.scope.is_narrowed() {
        table.row("Scope", issued.scope.describe());
    }
    table.row("Access key", printable(&credentials.access_key_id));
    let mut text = table.to_string();
    for remark in remarks(issued) {
        let _ = write!(text, "\n{} {remark}", style("note:").bold());
    }
    text
}

/// Remarks on issued credentials: a shorter session, a clock that is wrong.
pub(crate) fn remarks(issued: &IssuedSession) -> Vec<String> {
    let granted = lasting(issued.granted_seconds);
    let shortened = issued
        .shortened
        .iter()
        .map(|why| format!("asked for {}, granted {granted}: {}", issued.scope.duration(), why.describe()));
    let excess = issued.excess_seconds.map(|seconds| {
        format!(
            "asked for {}, and AWS STS answered with {}: used for as long as asked; check what answers at the STS endpoint",
            issued.scope.duration(),
            lasting(issued.granted_seconds.saturating_add(seconds))
        )
    });
    let skew = issued.clock_ahead.and_then(ClockSkew::new).map(|skew| format!("{skew}; set the clock"));
    shortened.chain(excess).chain(skew).collect()
}

/// What became of many roles, one a line.
pub(crate) fn many(roles: &[Exchanged]) -> String {
    let width = roles.iter().map(|role| role.offer.role().as_str().len()).max().unwrap_or(0);
    let line = |role: &Exchanged| {
        let arn = role.offer.role().as_str();
        match &role.result {
            Ok(issued) => {
                let credentials = &issued.answer.credentials;
                let narrowed = if issued.scope.is_narrowed() { ", narrowed" } else { "" };
                let until = format!("until {} ({}{narrowed})", credentials.expiration, lasting(issued.granted_seconds));
                format!("{} {arn:width$}  {until}", style("given:  ").green().bold())
            }
            Err(error) => format!("{} {arn:width$}  {}", style("refused:").red().bold(), printable(error.message())),
        }
    };
    roles.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What became of many roles.
#[derive(serde::Serialize)]
pub(crate) struct ManyJson<'a> {
    pub(crate) granted: Vec<SessionSummary<'a>>,
    pub(crate) failed: Vec<FailedJson<'a>>,
}

/// A role that was not given.
#[derive(serde::Serialize)]
pub(crate) struct FailedJson<'a> {
    #[serde(flatten)]
    offer: &'a RoleOffer,
    error: ErrorReport<'a>,
}

pub(crate) fn failed_json(roles: &[Exchanged]) -> Vec<FailedJson<'_>> {
    let failed = roles.iter().filter_map(|role| Some((&role.offer, role.result.as_ref().err()?)));
    failed.map(|(offer, error)| FailedJson { offer, error: error.report() }).collect()
}

/// Seconds to the nearest minute, as a person says it.
fn lasting(seconds: u32) -> String {
    let minutes = seconds.saturating_add(30) / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h {minutes}m"),
    }
}

/// The roles as a table, numbered for `--role`.
pub(crate) fn roles(list: &RoleList<'_>) -> String {
    let account = |at: usize| {
        list.roles.get(at).map_or_else(String::new, |role| {
            let id = role.offer.role().account_id();
            role.account_name.map_or_else(|| id.to_owned(), |name| format!("{id} ({})", printable(name)))
        })
    };
    let number = list.roles.len().to_string().len();
    let account_width =
        (0..list.roles.len()).map(|at| account(at).chars().count()).max().unwrap_or(0).max("ACCOUNT".len());
    let name_width = list.roles.iter().map(|role| role.offer.role().name().len()).max().unwrap_or(0).max("ROLE".len());
    let head =
        format!("{:>number$}  {:account_width$}  {:name_width$}  {}", "#", "ACCOUNT", "ROLE", "ROLE ARN, PROVIDER ARN");
    let mut text = style(head).dim().to_string();
    for (at, role) in list.roles.iter().enumerate() {
        let offer = role.offer;
        let _ = write!(
            text,
            "\n{:>number$}  {:account_width$}  {:name_width$}  {}, {}",
            at + 1,
            account(at),
            offer.role().name(),
            offer.role(),
            offer.provider()
        );
    }
    for skipped in list.skipped {
        let _ =
            write!(text, "\n{} skipped `{}`: it {}", style("note:").bold(), printable(&skipped.value), skipped.reason);
    }
    text
}

/// What is in a SAML response, what AWS would refuse, and what verifying found.
pub(crate) fn inspection(inspection: &Inspection<'_>, verified: Option<&Verification<'_>>) -> String {
    let mut table = Table(Vec::new());
    let signed = |id: Option<&str>, signed: bool| {
        let id = id.map_or_else(|| "(no id)".to_owned(), |id| printable(id).into_owned());
        let signed = match (signed, verified) {
            (true, None) => "signed (not verified)",
            (true, Some(_)) => "signed",
            (false, _) => "not signed",
        };
        format!("{id}, {signed}")
    };
    table.row("Response", signed(inspection.response_id, inspection.signed.response));
    if inspection.encrypted {
        table.row("Assertion", "encrypted for AWS");
    } else {
        table.row("Assertion", signed(inspection.assertion_id, inspection.signed.assertion));
    }
    table.maybe("Issuer", inspection.issuer);
    table.maybe("Subject", inspection.subject);
    table.maybe("Subject format", inspection.subject_format);
    table.maybe("Session name", inspection.session_name);
    table.maybe("Source identity", inspection.source_identity);
    for audience in inspection.audiences {
        table.maybe("Audience", Some(audience));
    }
    table.maybe("Recipient", inspection.recipient);
    table.maybe("Destination", inspection.destination);
    table.maybe("Issued", inspection.issued_at.as_deref());
    table.maybe("Valid from", inspection.not_before.as_deref());
    table.maybe("Valid until", inspection.not_on_or_after.as_deref());
    table.maybe("Session until", inspection.session_not_on_or_after.as_deref());
    if let Some(seconds) = inspection.session_duration {
        table.row("Session duration", lasting(seconds));
    }
    let transitive: HashSet<_> = inspection.transitive_tag_keys.iter().collect();
    for (key, value) in inspection.tags {
        let transitive = if transitive.contains(key) { " (transitive)" } else { "" };
        table.row("Tag", format!("{} = {}{transitive}", printable(key), printable(value)));
    }
    for offer in inspection.roles {
        table.row("Role", format!("{}, {}", offer.role(), offer.provider()));
    }
    let mut text = table.to_string();
    for skipped in inspection.skipped {
        let _ = write!(
            text,
            "\n\n{} `{}`: it {}",
            style("skipped:").yellow().bold(),
            printable(&skipped.value),
            skipped.reason
        );
    }
    for problem in &inspection.problems {
        let _ = write!(
            text,
            "\n\n{} {} [{}]",
            style("problem:").red().bold(),
            printable(&problem.message),
            problem.code.as_str()
        );
        if let Some(hint) = &problem.hint {
            let _ = write!(text, "\n{} {}", style("hint:").cyan().bold(), printable(hint));
        }
    }
    if inspection.problems.is_empty() && verified.is_none_or(|verified| verified.verified) {
        let _ = write!(text, "\n\n{}", style("No problem found.").green());
    }
    if let Some(verified) = verified {
        let _ = write!(text, "\n\n{}", verification(verified));
    }
    text
}

/// What verifying found.
fn verification(verification: &Verification<'_>) -> String {
    let mut lines = Vec::new();
    for signature in verification.signatures {
        let key = signature
            .key_subject
            .as_deref()
            .map_or_else(|| "a bare key".to_owned(), |subject| format!("the certificate `{}`", printable(subject)));
        lines.push(format!(
            "{} the `{}` {} is signed ({}, {}) by {key}, SHA-256 {}",
            style("holds:").green().bold(),
            signature.of.as_str(),
            printable(&signature.id),
            signature.algorithm,
            signature.digest,
            signature.key_sha256
        ));
    }
    lines.push(if verification.verified {
        format!(
            "{} it was signed by a trusted key, is meant for this audience and valid now",
            style("verified:").green().bold()
        )
    } else {
        format!("{} do not rely on the output above", style("not verified:").red().bold())
    });
    lines.join("\n")
}

/// The cached entries, one paragraph for each.
pub(crate) fn cached(entries: &[EntryInfo], place: &str, now: Timestamp) -> String {
    let mut text = format!("{} {place}", style("Cached in").dim());
    let mut shown = HashSet::new();
    // What is known of an org is nothing that anybody was given.
    let entries: Vec<_> =
        entries.iter().filter(|about| !matches!(about.kind, EntryKind::Org | EntryKind::Grant)).collect();
    for about in &entries {
        // Credentials may stand under what was asked for and under what that turned out to be.
        if about.access_key_id().is_some_and(|id| !shown.insert(id)) {
            continue;
        }
        let mut table = Table(Vec::new());
        match about.role_arn() {
            Some(role) => table.row("Role", style(role).bold().to_string()),
            None => {
                let what = if about.kind == EntryKind::Tokens { "Tokens" } else { "Session" };
                table.row(what, style(printable(&about.source)).bold().to_string());
            }
        }
        table.maybe("Principal", about.assumed_role_arn());
        if about.assumed_role_arn().is_none() {
            table.maybe("Person", about.subject.as_deref());
        }
        if about.role_arn().is_some() {
            table.maybe("Source", Some(&about.source));
        }
        table.maybe("Scope", about.scope().as_deref());
        if let Some(end) = about.expiration {
            let left = end.duration_since(now).as_secs();
            let left = u32::try_from(left).ok().filter(|left| *left > 0).map_or_else(|| "ended".to_owned(), lasting);
            table.row("Until", format!("{end} ({left})"));
        }
        table.maybe("Access key", about.access_key_id());
        let _ = write!(text, "\n\n{table}");
    }
    if entries.is_empty() {
        text.push_str("\n\nNothing is cached.");
    }
    text
}

/// What signing out came to.
pub(crate) fn signed_out(done: &[(String, SignedOut)]) -> String {
    let line = |(source, out): &(String, SignedOut)| {
        let session = if out.session_ended { "the session has ended" } else { "there was no session" };
        format!("{}: {session}, cached credentials removed: {}", printable(source), out.credentials_removed)
    };
    let mut lines: Vec<_> = done.iter().map(line).collect();
    if done.iter().any(|(_, out)| out.credentials_removed > 0) {
        lines.push(format!("{} AWS accepts issued credentials until they expire", style("note:").bold()));
    }
    lines.join("\n")
}

/// What else was forgotten than what came from those sessions.
pub(crate) fn also_forgotten(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!("\nother cached entries removed: {count}"),
    }
}

#[derive(serde::Serialize)]
pub(crate) struct SignedOutJson<'a> {
    source: &'a str,
    #[serde(flatten)]
    out: SignedOut,
}

pub(crate) fn signed_out_json(done: &[(String, SignedOut)]) -> Vec<SignedOutJson<'_>> {
    done.iter().map(|(source, out)| SignedOutJson { source, out: *out }).collect()
}

/// What syncing the AWS config file came to.
pub(crate) fn synced(synced: &Synced) -> String {
    let mut lines = Vec::new();
    for (names, what) in [(&synced.written, "written"), (&synced.removed, "removed")] {
        lines.extend(names.iter().map(|name| format!("{what}: {}", printable(name))));
    }
    let note = style("note:").bold();
    let mut notes = |names: &[String], text: &dyn Fn(&str) -> String| {
        lines.extend(names.iter().map(|name| format!("{note} {}", text(&printable(name)))));
    };
    let (adoptable, left): (Vec<_>, Vec<_>) =
        synced.left_alone.iter().cloned().partition(|name| synced.adoptable.contains(name));
    notes(&left, &|name| {
        format!("the profile `{name}` has credentials of its own, or several sections, and was not changed")
    });
    notes(&adoptable, &|name| format!("the profile `{name}` exists without credentials: add them with `--adopt`"));
    notes(&synced.hidden_by_keys, &|name| {
        format!("keys in the credentials file win over the profile `{name}`: remove them there")
    });
    notes(&synced.hidden_by_settings, &|name| {
        format!("other settings for credentials in the profile `{name}` may win over `credential_process`: remove them")
    });
    notes(&synced.region_kept, &|name| {
        format!("the profile `{name}` has another region in the AWS config file than here, which was not changed")
    });
    lines.extend(synced.credentials_problem.iter().map(|problem| {
        format!("{note} the AWS CLI and the SDKs cannot read the credentials file: {}", printable(problem))
    }));
    lines.extend(
        synced
            .skipped
            .iter()
            .map(|skipped| format!("skipped: {}: {}", printable(&skipped.name), printable(&skipped.reason))),
    );
    lines.join("\n")
}

/// What became of profiles that were to be written.
pub(crate) fn added(added: &Added, notes: &[String], file: &Path) -> String {
    let mut lines: Vec<_> =
        added.written.iter().map(|name| format!("written: {} into `{}`", printable(name), file.display())).collect();
    lines
        .extend(added.accounts.iter().map(|id| format!("written: the name of account {id} into `{}`", file.display())));
    let note = style("note:").bold();
    lines.extend(
        added
            .left_alone
            .iter()
            .map(|name| format!("{note} profile `{}` already exists and was not changed", printable(name))),
    );
    lines.extend(added.accounts_left_alone.iter().map(|id| {
        format!("{note} account {id} was left alone: it has another name, or `accounts` is an inline table")
    }));
    lines.extend(notes.iter().map(|text| format!("{note} {}", printable(text))));
    lines.join("\n")
}

#[derive(serde::Serialize)]
pub(crate) struct AddedJson<'a> {
    file: std::borrow::Cow<'a, str>,
    #[serde(flatten)]
    added: &'a Added,
    notes: &'a [String],
}

pub(crate) fn added_json<'a>(added: &'a Added, notes: &'a [String], file: &'a Path) -> AddedJson<'a> {
    AddedJson { file: file.to_string_lossy(), added, notes }
}
