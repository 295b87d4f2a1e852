//! Events of CloudTrail as people read them.

use std::fmt::Write as _;

use console::style;
use tempaccess_core::front_end::printable;
use tempaccess_core::trail::{Comparison, SessionCalls, TrailEvent};

use crate::render_audit::count;

/// How many events are listed before the rest is only counted.
const LISTED: usize = 200;

/// Events, and what they say about grants.
pub(crate) fn found(events: &[TrailEvent], comparison: &Comparison) -> String {
    let mut text = String::new();
    for event in events.iter().take(LISTED) {
        let who = event.session().unwrap_or("-");
        let address = event.source_address.as_deref().unwrap_or("-");
        let error = event.error_code.as_deref().map(|code| style(printable(code)).red().to_string());
        let _ = writeln!(
            text,
            "{}  {:<28}  {}  {}  {}  {}",
            event.time.strftime("%Y-%m-%d %H:%M:%S"),
            printable(&event.call()),
            printable(event.resources.first().map_or("-", String::as_str)),
            printable(who),
            printable(address),
            error.unwrap_or_default()
        );
    }
    if events.len() > LISTED {
        let _ = writeln!(text, "… and {} more; `--output json` has all", events.len() - LISTED);
    }
    if events.is_empty() {
        text.push_str(
            "no events; CloudTrail has them after about 5 minutes, and data events only if a trail records them\n",
        );
    }
    for found in &comparison.sign_ins {
        let _ = writeln!(text, "{}", sign_in(found));
    }
    for finding in &comparison.findings {
        let _ = writeln!(text, "{} {}", style("finding:").yellow().bold(), printable(&finding.to_string()));
    }
    text.trim_end().to_owned()
}

/// A sign-in in a line: who got which role, when and why.
fn sign_in(found: &SessionCalls) -> String {
    let known = &found.sign_in;
    let calls = count(found.calls.values().sum(), "call");
    let line = format!(
        "{} signed in at {} as {} until {} ({}): {calls}",
        known.session_name.as_deref().unwrap_or("-"),
        known.at.strftime("%Y-%m-%d %H:%M:%S"),
        known.role_arn.as_deref().unwrap_or("-"),
        known.expiration.strftime("%Y-%m-%d %H:%M:%S"),
        known.reason.as_deref().unwrap_or("no reason given"),
    );
    format!("{} {}", style("session:").bold(), printable(&line))
}
