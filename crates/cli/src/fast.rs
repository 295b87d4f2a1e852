//! The answer that costs nothing: what the AWS CLI and the SDKs ask for again and again, from what is kept.
//!
//! Nothing is set up that a kept answer does not need: no argument parser, no runtime, no TLS. Whatever is not exactly
//! the usual question is left to the usual way, errors included.

use std::io::Write;
use std::sync::Arc;

use tempaccess_core::config::{Config, Settings};
use tempaccess_core::sink;

use crate::terminal::Terminal;

/// Whether the question was a usual one and its answer is kept and printed.
pub(crate) fn answered() -> bool {
    answer().is_some()
}

fn answer() -> Option<()> {
    let (settings, profile) = question(std::env::args().skip(1))?;
    let config = Config::find().ok()?;
    let grant = settings.resolve(&config, profile.as_deref()).ok()?.held(&config, Arc::new(Terminal)).ok()??;
    let text = sink::credential_process(&grant.answer.credentials);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.expose()).and_then(|()| out.flush()).ok()
}

/// `credentials --output credential-process` and plain settings.
fn question(mut words: impl Iterator<Item = String>) -> Option<(Settings, Option<String>)> {
    if words.next()? != "credentials" {
        return None;
    }
    let (mut settings, mut profile, mut asked) = (Settings::default(), None, false);
    while let Some(word) = words.next() {
        let place = match word.as_str() {
            "--no-interactive" => continue,
            "--output" => {
                asked = words.next()? == "credential-process";
                continue;
            }
            "--profile" => &mut profile,
            "--source" => &mut settings.source,
            "--username" => &mut settings.username,
            "--role" => &mut settings.role,
            "--account" => &mut settings.account,
            "--provider" => &mut settings.provider,
            "--duration" => &mut settings.duration,
            "--region" => &mut settings.region,
            "--sts-endpoint-url" => &mut settings.sts_endpoint_url,
            "--store" => &mut settings.store,
            _ => return None,
        };
        // Given twice is an error, and errors are the usual way's to tell.
        if place.is_some() {
            return None;
        }
        *place = Some(words.next()?);
    }
    asked.then_some((settings, profile))
}

#[cfg(test)]
mod tests {
    use super::question;

    fn asks(line: &str) -> bool {
        question(line.split_whitespace().map(str::to_owned)).is_some()
    }

    #[test]
    fn only_the_usual_question_is_answered_here() {
        assert!(asks("credentials --output credential-process"));
        assert!(asks("credentials --profile work --role x --output credential-process --no-interactive"));
        for line in [
            "",
            "login",
            "credentials",
            "credentials --output json",
            "credentials --output credential-process --profile",
            "credentials --output credential-process --profile a --profile b",
            "credentials --output credential-process --reason x",
            "credentials --output=credential-process",
        ] {
            assert!(!asks(line), "{line}");
        }
    }
}
