//! Answers the command that the AWS CLI and the SDKs run all the time from the cache. Every other command line, and every
//! error, is left to the main program.

use std::ffi::OsString;
use std::io::Write;

use tempaccess_core::config::{Config, Settings};
use tempaccess_core::sink;

/// Prints cached credentials if the command line asks for them in the usual form. Returns whether it did.
pub(crate) fn print_credentials() -> bool {
    print().is_some()
}

fn print() -> Option<()> {
    let request = parse(std::env::args_os().skip(1))?;
    let config = request.config.map_or_else(Config::find, |file| Config::load(file.as_ref())).ok()?;
    let settings = request.settings.resolve(&config, request.profile.as_deref()).ok()?;
    let issued = settings.cached(&config).ok()??;
    let text = sink::credential_process(&issued.answer.credentials);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.expose()).and_then(|()| out.flush()).ok()
}

#[derive(Default)]
/// What the command line asks for.
struct CredentialRequest {
    settings: Settings,
    profile: Option<String>,
    config: Option<String>,
    output: Option<String>,
}

/// Parses `credentials --output credential-process` with plain settings.
fn parse(mut words: impl Iterator<Item = OsString>) -> Option<CredentialRequest> {
    if words.next()? != "credentials" {
        return None;
    }
    let mut asked = CredentialRequest::default();
    while let Some(word) = words.next() {
        let settings = &mut asked.settings;
        // A value that begins with `-` comes in the same word.
        let (name, value) = match word.to_str()?.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.to_str()?, None),
        };
        let place = match name {
            // They have no value, and no meaning for what is cached.
            "--no-interactive" | "--headless" | "--remember-device" if value.is_none() => continue,
            "--output" => &mut asked.output,
            "--profile" => &mut asked.profile,
            "--config" => &mut asked.config,
            "--source" => &mut settings.source,
            "--username" => &mut settings.username,
            "--auth" => &mut settings.auth,
            "--client-id" => &mut settings.client_id,
            "--acs-url" => &mut settings.acs_url,
            "--factor" => &mut settings.factor,
            "--browser" => &mut settings.browser,
            "--role" => &mut settings.role,
            "--account" => &mut settings.account,
            "--provider" => &mut settings.provider,
            "--duration" => &mut settings.duration,
            "--region" => &mut settings.region,
            "--sts-endpoint-url" => &mut settings.sts_endpoint_url,
            "--store" => &mut settings.store,
            // The profile by position.
            name if !name.starts_with('-') && asked.profile.is_none() => {
                asked.profile = Some(name.to_owned());
                continue;
            }
            _ => return None,
        };
        // An option that is given twice is an error, which the main program reports.
        if place.is_some() {
            return None;
        }
        *place = Some(match value {
            Some(value) => value.to_owned(),
            None => words.next()?.into_string().ok().filter(|value| !value.starts_with('-'))?,
        });
    }
    asked.output.as_deref().is_none_or(|output| output == "credential-process").then_some(asked)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::parse;

    fn asks(line: &str) -> bool {
        parse(line.split_whitespace().map(OsString::from)).is_some()
    }

    #[test]
    fn only_the_usual_question_is_answered_here() {
        assert!(asks("credentials --output credential-process"));
        assert!(asks("credentials --profile work --role x --output credential-process --no-interactive"));
        assert!(asks("credentials --config c --factor push --output credential-process"));
        assert!(asks("credentials work --output credential-process"));
        assert!(asks("credentials work"));
        assert!(asks("credentials --profile=-x --headless --browser b --output=credential-process"));
        for line in [
            "",
            "login",
            "credentials --write-profile x",
            "credentials --output json",
            "credentials --output credential-process --profile",
            "credentials --output credential-process --profile a --profile b",
            "credentials --output credential-process --output credential-process",
            "credentials --output credential-process --reason x",
            "credentials work --output credential-process --profile work",
            "credentials --output credential-process --profile a b",
            "credentials -- work --output credential-process",
            "credentials --output credential-process --headless=true",
            "credentials --output credential-process --profile -x",
        ] {
            assert!(!asks(line), "{line}");
        }
    }
}
