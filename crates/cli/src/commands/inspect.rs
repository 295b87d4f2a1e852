//! `inspect`.

use std::path::Path;

#[cfg(feature = "samael")]
use tempaccess_core::verify::Engine;
use tempaccess_core::verify::{Examination, Expectations, SignaturePolicy, TrustedKeys, Verifier};
use tempaccess_core::{Clock, Error, ErrorKind, FileSource, Inspection, Limits, Result, Stage, SystemClock};

use super::{print, print_json};
use crate::args::{Inspect, Output, Verify};
use crate::render;

pub(crate) fn inspect(arguments: &Inspect) -> Result<()> {
    let now = match &arguments.at {
        Some(text) => text.parse().map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{text}` is no instant"))
                .with_hint("write it as `2026-11-24T12:00:00Z`")
        })?,
        None => SystemClock.now(),
    };
    let verifier = verifier(&arguments.verify)?;
    let source = if arguments.file == Path::new("-") { FileSource::stdin() } else { FileSource::new(&arguments.file) };
    let response = source.read(&Limits::default())?;
    let assertion = response.read()?;
    let inspection = Inspection::new(&assertion, now);
    let Some((verifier, expected)) = verifier else {
        return match arguments.output {
            Output::Json => print_json(&inspection),
            Output::Text => print(&render::inspection(&inspection, None)),
        };
    };
    let outcome = verifier.examine(&response, &expected, now);
    match arguments.output {
        Output::Json => print_json(&Examination { inspection, verification: outcome.report() })?,
        Output::Text => print(&render::inspection(&inspection, Some(&outcome.report())))?,
    }
    outcome.into_result().map(drop)
}

/// The verifier that the arguments describe, and whom the assertion must be meant for.
fn verifier(arguments: &Verify) -> Result<Option<(Verifier, Expectations)>> {
    let Some(file) = &arguments.keys else { return Ok(None) };
    let text = std::fs::read(file).map_err(|error| {
        Error::new(
            ErrorKind::Io,
            Stage::Verification,
            format!("the keys in `{}` cannot be read: {error}", file.display()),
        )
        .with_source(error)
    })?;
    let policy =
        SignaturePolicy::new(arguments.allow_sha1, arguments.allow_short_rsa, arguments.allow_expired_certificate);
    #[cfg(feature = "samael")]
    let verifier = match arguments.engine {
        crate::args::Engine::Own => Verifier::new(TrustedKeys::parse(&text)?),
        crate::args::Engine::Xmlsec => Verifier::new(TrustedKeys::parse_with_samael(&text)?).engine(Engine::Xmlsec),
    };
    #[cfg(not(feature = "samael"))]
    let verifier = Verifier::new(TrustedKeys::parse(&text)?);
    let expected = Expectations::from_parts(arguments.audience.clone(), arguments.recipient.clone())?;
    Ok(Some((verifier.policy(policy), expected)))
}
