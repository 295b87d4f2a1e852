//! What the AWS CLI and the SDKs ask for again and again, from what is kept. Whatever is not exactly the usual question
//! is left to the usual way, errors included.

use std::ffi::OsString;
use std::io::Write;

use tempaccess_core::config::{Config, Settings};
use tempaccess_core::sink;

/// Whether the question was a usual one and its answer is kept and printed.
pub(crate) fn answered() -> bool {
    answer().is_some()
}

fn answer() -> Option<()> {
    let question = question(std::env::args_os().skip(1))?;
    let config = question.config.map_or_else(Config::find, |file| Config::load(file.as_ref())).ok()?;
    let settings = question.settings.resolve(&config, question.profile.as_deref()).ok()?;
    let issued = settings.cached(&config).ok()??;
    let text = sink::credential_process(&issued.answer.credentials);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.expose()).and_then(|()| out.flush()).ok()
}

#[derive(Default)]
struct Question {
    settings: Settings,
    profile: Option<String>,
    config: Option<String>,
    output: Option<String>,
}

/// `credentials --output credential-process` and plain settings.
fn question(mut words: impl Iterator<Item = OsString>) -> Option<Question> {
    if words.next()? != "credentials" {
        return None;
    }
    let mut asked = Question::default();
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
        // Given twice is an error, and errors are the usual way's to tell.
        if place.is_some() {
            return None;
        }
        *place = Some(match value {
            Some(value) => value.to_owned(),
            None => words.next()?.into_string().ok().filter(|value| !value.starts_with('-'))?,
        });
    }
    (asked.output.as_deref() == Some("credential-process")).then_some(asked)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::question;

    fn asks(line: &str) -> bool {
        question(line.split_whitespace().map(OsString::from)).is_some()
    }

    #[test]
    fn only_the_usual_question_is_answered_here() {
        assert!(asks("credentials --output credential-process"));
        assert!(asks("credentials --profile work --role x --output credential-process --no-interactive"));
        assert!(asks("credentials --config c --factor push --output credential-process"));
        assert!(asks("credentials work --output credential-process"));
        assert!(asks("credentials --profile=-x --headless --browser b --output=credential-process"));
        for line in [
            "",
            "login",
            "credentials",
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
