//! `grant issue`, `grant permit`, `grant extend`.

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use tempaccess_core::front_end::{Existing, Readers, write_whole_file};
use tempaccess_core::grants::{GrantInput, GrantPlan, IssuedGrant, parse_duration};
use tempaccess_core::records::GrantKind;
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::{GrantContext, confirmed, declined, id};
use crate::args::grant::{Confirm, Extend, GrantOptions, Issue, Permit};
use crate::args::{Access, Output};
use crate::commands::{note, print, print_json};
use crate::render_grant as render;

pub(super) async fn issue(arguments: Issue) -> Result<()> {
    let access = arguments.sign_in.into_access()?;
    let context = GrantContext::open(&access, arguments.given.preset.as_deref()).await?;
    let mut input = input(arguments.given);
    input.role = arguments.role;
    input.policy_arns = arguments.policy_arns;
    input.duration = arguments.duration;
    input.seal_to = arguments.seal_to;
    let spec = input.into_spec(&context.config.signers()?)?;
    check_out(arguments.out.as_deref())?;
    let plan = context.grants.plan_issue(&spec).await?;
    carry_out(&context, plan, &arguments.confirm, &access, arguments.out.as_deref()).await
}

pub(super) async fn permit(arguments: Permit) -> Result<()> {
    let access = arguments.sign_in.into_access()?;
    let context = GrantContext::open(&access, arguments.given.preset.as_deref()).await?;
    let mut input = input(arguments.given);
    input.role = arguments.role;
    input.duration = arguments.duration;
    input.from = arguments.from;
    input.until = arguments.until;
    input.no_ceiling = arguments.no_ceiling;
    let plan = context.grants.plan_permit(&input.into_spec(&context.config.signers()?)?).await?;
    carry_out(&context, plan, &arguments.confirm, &access, None).await
}

pub(super) async fn extend(arguments: Extend) -> Result<()> {
    let (id, duration) = (id(&arguments.id)?, parse_duration(&arguments.duration)?);
    let context = GrantContext::open(&arguments.access, None).await?;
    check_out(arguments.out.as_deref())?;
    let plan = context.grants.plan_extend(&id, duration, &arguments.reason).await?;
    carry_out(&context, plan, &arguments.confirm, &arguments.access, arguments.out.as_deref()).await
}

/// Shows a plan, asks, and carries it out.
pub(super) async fn carry_out(
    context: &GrantContext,
    plan: GrantPlan,
    confirm: &Confirm,
    access: &Access,
    out: Option<&Path>,
) -> Result<()> {
    let summary = plan.summary();
    let text = render::plan(&summary, &context.config.accounts);
    if confirm.dry_run {
        return match confirm.output {
            Output::Json => print_json(&summary),
            Output::Text => print(&text),
        };
    }
    if summary.break_glass {
        note("this preset needs approvals: the grant is marked as an emergency until somebody else reviews it");
    }
    let question = match summary.action {
        "extend" => "Extend this grant?",
        "permit" => "Permit this?",
        _ => "Issue this grant?",
    };
    // Standard output is the sealed grant's, unless a file is.
    let _ = writeln!(std::io::stderr(), "{text}");
    if !confirmed(confirm, access, question).await? {
        return Err(declined());
    }
    let given = context.grants.carry_out(plan).await?;
    hand_out(&given, confirm.output, out)
}

fn hand_out(given: &IssuedGrant, output: Output, out: Option<&Path>) -> Result<()> {
    let id = &given.event.id;
    if given.event.how == GrantKind::Policy {
        let from = given.event.from;
        let from = if from > Timestamp::now() { format!("from {from} ") } else { String::new() };
        return match output {
            Output::Json => print_json(&given.event),
            Output::Text => print(&format!("grant {id} is valid {from}until {}", given.event.until)),
        };
    }
    if let Some(path) = out {
        write(path, &given.sealed).map_err(|error| {
            error.with_hint(format!("the grant {id} counts: revoke it, or extend it to get another copy"))
        })?;
    }
    match (output, out) {
        (Output::Json, _) => print_json(given),
        (Output::Text, None) => print(given.sealed.trim_end()),
        (Output::Text, Some(path)) => {
            note(&format!("`{}` opens it with `tempaccess grant open {}`", given.event.to, path.display()));
            print(&format!("grant {id} is valid until {}", given.event.until))
        }
    }
}

fn input(given: GrantOptions) -> GrantInput {
    let mut input = GrantInput::default();
    input.to = given.to;
    input.policy = given.policy;
    input.from_ip = given.from_ip;
    input.reason = given.reason;
    input.preset = given.preset;
    input.allow_escape = given.allow_escape;
    input
}

/// Fails before anything is given if the file cannot be written.
pub(super) fn check_out(out: Option<&Path>) -> Result<()> {
    let Some(path) = out else { return Ok(()) };
    if path.exists() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Output,
            format!("the file `{}` exists already", path.display()),
        )
        .with_hint("name another file with `--out`"));
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(Error::new(ErrorKind::Io, Stage::Output, format!("the folder `{}` does not exist", folder.display())))
        }
        _ => Ok(()),
    }
}

pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    write_whole_file(path, text.as_bytes(), Existing::Keep, Readers::Everybody).map_err(|error| {
        let message = format!("`{}` cannot be written: {error}", path.display());
        Error::new(ErrorKind::Io, Stage::Output, message).with_source(error)
    })
}
