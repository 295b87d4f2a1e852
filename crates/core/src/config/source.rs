use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result, Stage};

/// Where SAML responses come from, as one text.
///
/// ```
/// use tempaccess_core::config::SourceSpec;
///
/// assert_eq!("-".parse(), Ok(SourceSpec::Stdin));
/// assert_eq!("file:response.txt".parse(), Ok(SourceSpec::File("response.txt".into())));
/// assert!(matches!("https://acme.okta.com/home/amazon_aws/0oa1/272".parse(), Ok(SourceSpec::Okta(_))));
/// assert!(matches!("command:idp-login --profile 'my app'".parse(), Ok(SourceSpec::Command { .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceSpec {
    /// `https://…`: the embed link of an Okta org's AWS app.
    Okta(String),
    /// `file:PATH`: a file that holds a SAML response.
    File(PathBuf),
    /// `-`: standard input.
    Stdin,
    /// `command:PROGRAM ARGUMENTS`: a program that prints a SAML response. Quoted like a shell, run without one.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

/// Splits a command line into the program and its arguments, as a shell quotes them.
pub(super) fn command_line(text: &str) -> Option<(String, Vec<String>)> {
    let mut words = shell_words::split(text).ok()?.into_iter();
    Some((words.next()?, words.collect()))
}

impl FromStr for SourceSpec {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        match text.split_once(':') {
            Some(("https" | "http", _)) => Ok(Self::Okta(text.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("command", line)) => match command_line(line) {
                Some((program, arguments)) => Ok(Self::Command { program, arguments }),
                None => Err(SourceError(text.to_owned())),
            },
            _ => Err(SourceError(text.to_owned())),
        }
    }
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError(String);

impl SourceError {
    /// As much as can be shown: what follows may be a pasted secret.
    fn shown(&self) -> String {
        let head: String = self.0.chars().take_while(|character| *character != ':').take(20).collect();
        if head.len() < self.0.len() { format!("{head}…") } else { head }
    }
}

impl From<SourceError> for Error {
    fn from(error: SourceError) -> Self {
        Self::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{}` names no source", error.shown())).with_hint(
            "a source is the link of Okta's AWS app (`https://…`), `file:PATH`, `-` for standard input, or `command:PROGRAM ARGUMENTS`",
        )
    }
}
