//! `inspect`.

use std::io::Write as _;
use std::path::Path;

use tempaccess_core::verify::{Engine, Examination, Expectations, SignaturePolicy, Verifier};
use tempaccess_core::{
    Clock, Error, ErrorKind, Result, Stage,
    clock::SystemClock,
    front_end::printable,
    saml::{Inspection, Limits},
    source::FileSource,
};

use super::{print, print_json};
use crate::args::{Inspect, Output, Verify};
use crate::render;

pub(crate) fn inspect(arguments: &Inspect) -> Result<()> {
    let now = match &arguments.at {
        Some(text) => text.parse().map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("invalid time `{text}`"))
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
    for reason in verifier.keys().skipped() {
        let _ = writeln!(std::io::stderr(), "note: skipped a key: {}", printable(reason));
    }
    let outcome = verifier.examine(&response, &expected, now);
    match arguments.output {
        Output::Json => print_json(&Examination::new(inspection, outcome.report()))?,
        Output::Text => print(&render::inspection(&inspection, Some(&outcome.report())))?,
    }
    outcome.into_result().map(drop)
}

/// The verifier that the arguments describe, and what it expects of the assertion.
fn verifier(arguments: &Verify) -> Result<Option<(Verifier, Expectations)>> {
    let Some(file) = &arguments.keys else { return Ok(None) };
    #[cfg(feature = "samael")]
    let engine = match arguments.engine {
        crate::args::Engine::Own => Engine::Own,
        crate::args::Engine::Xmlsec => Engine::Xmlsec,
    };
    #[cfg(not(feature = "samael"))]
    let engine = Engine::Own;
    let mut policy = SignaturePolicy::default();
    if arguments.allow_sha1 {
        policy = policy.allow_sha1();
    }
    if arguments.allow_short_rsa {
        policy = policy.allow_short_rsa();
    }
    if arguments.allow_expired_certificate {
        policy = policy.allow_expired_certificate();
    }
    let expected = Expectations::from_parts(arguments.audience.clone(), arguments.recipient.clone())?;
    Ok(Some((Verifier::from_file(file, engine)?.policy(policy), expected)))
}
