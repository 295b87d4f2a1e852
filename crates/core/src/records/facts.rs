//! What every grant has: the name of the person and the reason, as far as AWS accepts them.

use crate::arn::is_name_byte;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::{excerpt, printable};

/// The longest name of a person: a session name has 64 characters, 13 of which are `+` and the id.
const MAX_NAME: usize = 51;
/// The longest reason: that of a session tag.
const MAX_REASON: usize = 256;

/// Checks the name of a person, which is part of a session name.
pub(crate) fn check_name(to: &str) -> Result<()> {
    if (2..=MAX_NAME).contains(&to.len()) && to.bytes().all(is_name_byte) {
        return Ok(());
    }
    let message = match to.is_empty() {
        true => "no person is named".to_owned(),
        false => format!("`{}` cannot be the name of a person in a grant", excerpt(to)),
    };
    Err(invalid(message).with_hint("a name has 2 to 51 letters, digits and `_+=,.@-`, such as an e-mail address"))
}

/// Checks a reason, which CloudTrail records as a session tag.
pub(crate) fn check_reason(reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(
            invalid("a reason is required").with_hint("give one with `--reason`, such as the number of a ticket")
        );
    }
    if reason.chars().count() > MAX_REASON {
        return Err(invalid("the reason is too long")
            .with_hint("a reason has up to 256 characters: give the number of a ticket"));
    }
    Ok(())
}

/// Checks a reason that somebody else has written, and that is shown and printed before anybody decides.
pub(super) fn check_visible(reason: &str) -> Result<()> {
    if printable(reason) == reason {
        return Ok(());
    }
    Err(invalid("the reason has characters that cannot be shown")
        .with_hint("ask for a request with a reason in one line of visible characters"))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
}
