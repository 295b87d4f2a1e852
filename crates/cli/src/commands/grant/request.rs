//! `grant request`, `grant approve`, `grant deny`, `grant review`.

use std::io::Write as _;
use std::path::Path;

use tempaccess_core::Result;
use tempaccess_core::grants::{ApprovalInput, RequestInput, RequestText, format_duration};

use super::give::{carry_out, check_out, write};
use super::{GrantContext, confirmed, declined, id, open};
use crate::args::Output;
use crate::args::grant::{Approve, Deny, Request, Review};
use crate::commands::{config, note, on_thread, print, print_json};
use crate::render_grant as render;

pub(super) async fn request(arguments: Request) -> Result<()> {
    let access = &arguments.access;
    let config = config(access.config.as_deref())?;
    let settings = access.settings().resolve(&config, access.profile.as_deref())?;
    check_out(arguments.out.as_deref())?;
    let mut input = RequestInput::default();
    input.preset = arguments.preset.clone();
    input.duration = arguments.duration.clone();
    input.reason = arguments.reason.clone();
    input.to = arguments.to.clone();
    input.seal_to = arguments.seal_to.clone();
    let text = settings.request_grant(&config, &input, access.prompter()).await?;
    hand_out(&text, arguments.output, arguments.out.as_deref())
}

fn hand_out(text: &RequestText, output: Output, out: Option<&Path>) -> Result<()> {
    let request = text.request()?;
    if let Some(path) = out {
        write(path, &text.to_text())?;
    }
    note(&format!(
        "request {} of `{}` for {}: put the text into the ticket",
        text.id(),
        request.to,
        format_duration(request.duration())
    ));
    match (output, out) {
        (Output::Json, _) => {
            print_json(&serde_json::json!({ "id": text.id(), "request": request, "text": text.to_text() }))
        }
        (Output::Text, None) => print(text.to_text().trim_end()),
        (Output::Text, Some(_)) => Ok(()),
    }
}

async fn read(file: &Path) -> Result<RequestText> {
    let file = file.to_owned();
    RequestText::parse(&on_thread(move || open::read(&file)).await?)
}

pub(super) async fn approve(arguments: Approve) -> Result<()> {
    let text = read(&arguments.file).await?;
    let request = text.request()?;
    let context = GrantContext::open(&arguments.access, Some(&request.preset)).await?;
    check_out(arguments.out.as_deref())?;
    let mut limits = ApprovalInput::default();
    limits.duration = arguments.duration.clone();
    limits.from_ip = arguments.from_ip.clone();
    limits.policy = arguments.policy.clone();
    let limits = limits.into_limits()?;
    if arguments.sign_only {
        let plan = context.grants.plan_approval(&text, &limits).await?;
        if arguments.confirm.dry_run {
            return match arguments.confirm.output {
                Output::Json => print_json(&plan),
                Output::Text => print(&render::approval(&plan)),
            };
        }
        let _ = writeln!(std::io::stderr(), "{}", render::approval(&plan));
        if !confirmed(&arguments.confirm, &arguments.access, "Sign this approval?").await? {
            return Err(declined());
        }
        let approved = context.grants.sign_approval(&text, &limits).await?;
        return hand_out(&approved, arguments.confirm.output, arguments.out.as_deref());
    }
    let plan = context.grants.plan_approve(&text, &limits).await?;
    carry_out(&context, plan, &arguments.confirm, &arguments.access, arguments.out.as_deref()).await
}

pub(super) async fn deny(arguments: Deny) -> Result<()> {
    let text = read(&arguments.file).await?;
    let request = text.request()?;
    let context = GrantContext::open(&arguments.access, Some(&request.preset)).await?;
    let denied = context.grants.deny(&text, &arguments.reason).await?;
    match arguments.output {
        Output::Json => print_json(&denied),
        Output::Text => print(&format!("denied the request {} of {}", denied.id, denied.to)),
    }
}

pub(super) async fn review(arguments: Review) -> Result<()> {
    let context = GrantContext::open(&arguments.access, None).await?;
    let reviewed = context.grants.review(&id(&arguments.id)?, &arguments.reason).await?;
    match arguments.output {
        Output::Json => print_json(&reviewed),
        Output::Text => print(&format!("reviewed {}", reviewed.id)),
    }
}
