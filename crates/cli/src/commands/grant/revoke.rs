//! `grant revoke`, `grant clean`.

use std::io::Write as _;

use tempaccess_core::Result;
use tempaccess_core::grants::{GrantId, RevocationTarget};

use super::{GrantContext, confirmed, declined, id};
use crate::args::Output;
use crate::args::grant::{Clean, Print, Revoke};
use crate::commands::{note, print, print_json};
use crate::render_grant as render;

pub(super) async fn revoke(arguments: Revoke) -> Result<()> {
    let context = GrantContext::open(&arguments.access, None).await?;
    let plan = match (arguments.undo, target(&arguments)?) {
        (true, RevocationTarget::Grants(ids)) => context.grants.plan_restore(&ids, &arguments.reason).await?,
        (true, target) => context.grants.plan_restore_sessions(&target, &arguments.reason).await?,
        (false, target) => context.grants.plan_revoke(&target, &arguments.reason).await?,
    };
    if let Some(form) = arguments.print {
        if form == Print::Scp {
            note("attached to an account, it denies this in the whole account until you detach it");
        }
        return print(&render::revocation_as(&plan, form));
    }
    if arguments.confirm.dry_run {
        return match arguments.confirm.output {
            Output::Json => print_json(&plan),
            Output::Text => print(&render::revocation(&plan)),
        };
    }
    // One grant that is named is what was meant; several, or a whole role, are shown first.
    let is_named = arguments.ids.len() == 1 && plan.steps.len() == 1;
    if !is_named && !arguments.confirm.yes {
        let _ = writeln!(std::io::stderr(), "{}", render::revocation(&plan));
        if !confirmed(&arguments.confirm, &arguments.access, "Change these policies?").await? {
            return Err(declined());
        }
    }
    context.grants.carry_out_revocation(&plan).await?;
    match arguments.confirm.output {
        Output::Json => print_json(&plan)?,
        Output::Text => print(&render::revoked(&plan))?,
    }
    if !plan.undo {
        note(
            "IAM applies this within seconds, at most a few minutes; open EKS, SSM and database connections are not closed",
        );
    }
    Ok(())
}

fn target(arguments: &Revoke) -> Result<RevocationTarget> {
    let ids = || arguments.ids.iter().map(|text| id(text)).collect::<Result<Vec<GrantId>>>();
    match (&arguments.role, &arguments.by) {
        (Some(role), Some(name)) => {
            Ok(RevocationTarget::AdministratorOnRole { name: name.clone(), role: role.clone() })
        }
        (Some(role), None) if !arguments.older => {
            Ok(RevocationTarget::GrantsOnRole { ids: ids()?, role: role.clone() })
        }
        (role, by) => RevocationTarget::from_parts(&arguments.ids, arguments.to.clone(), by.clone(), role.clone()),
    }
}

pub(super) async fn clean(arguments: Clean) -> Result<()> {
    let access = arguments.sign_in.into_access()?;
    let context = GrantContext::open(&access, None).await?;
    let found = context.grants.plan_clean(&arguments.role).await?;
    if arguments.confirm.dry_run || found.is_empty() {
        return match arguments.confirm.output {
            Output::Json => print_json(&found),
            Output::Text => print(&render::cleaned(&found, "can be removed")),
        };
    }
    if !arguments.confirm.yes {
        let _ = writeln!(std::io::stderr(), "{}", render::cleaned(&found, "can be removed"));
        if !confirmed(&arguments.confirm, &access, "Remove these policies?").await? {
            return Err(declined());
        }
    }
    context.grants.clean(&found).await?;
    match arguments.confirm.output {
        Output::Json => print_json(&found),
        Output::Text => print(&render::cleaned(&found, "removed")),
    }
}
