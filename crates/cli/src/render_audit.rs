//! Audits as people read them.

use std::fmt::Write as _;

use console::style;
use tempaccess_core::auditor::RecordsVerification;
use tempaccess_core::front_end::printable;

use crate::commands::audit::Written;

/// The result of a check of the records.
pub(crate) fn verified(verified: &RecordsVerification) -> String {
    let mut text = String::new();
    for defect in &verified.defects {
        let _ = writeln!(text, "{} {}: {}", style("problem:").red().bold(), defect.id, printable(&defect.defect));
    }
    let _ = write!(
        text,
        "checked {} with {} in {}",
        count(verified.grants, "grant"),
        count(verified.events, "event"),
        printable(&verified.records)
    );
    if verified.grants == 0 {
        text.push_str(": there are none; check `records` of `[grants]`");
    } else if verified.defects.is_empty() {
        text.push_str(": every signature and every chain is valid");
    }
    text
}

/// The report that was written.
pub(crate) fn written(written: &Written) -> String {
    let untrusted = match written.untrusted {
        0 => String::new(),
        untrusted => format!(", {untrusted} of them with records that cannot be trusted"),
    };
    let sign_ins = match written.sign_ins {
        0 => String::new(),
        number => format!(", and {}", count(number, "sign-in")),
    };
    format!("wrote {}: {}{untrusted}{sign_ins}", printable(&written.file), count(written.grants, "grant"))
}

pub(crate) fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}
