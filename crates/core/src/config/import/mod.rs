//! Imports the configurations of other tools as profiles.
//!
//! Another tool's file is untrusted input. It can name an identity provider and narrow a session, nothing else: no value
//! of it becomes a program to run or a file to read as a SAML response. `values` decides what a value may become,
//! `collect` gathers profiles and notes, `ini` and `yaml` read the formats within limits, and each tool has a module that
//! maps its settings.

mod aws_runas;
mod collect;
mod gimme_aws_creds;
mod ini;
mod okta_aws_cli;
mod saml2aws;
mod values;
mod yaml;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

use super::Settings;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::named::named_enum;
use crate::role::AccountNames;

named_enum! {
    /// A tool whose configuration can be imported.
    ///
    /// ```
    /// use tempaccess_core::config::OtherTool;
    ///
    /// let tool: OtherTool = "saml2aws".parse()?;
    /// let file = "[work]\nurl = https://acme.okta.com/home/amazon_aws/0oa1/272\nprovider = Okta\nskip_verify = true\n";
    /// let imported = tool.import(file)?;
    /// assert_eq!(imported.profiles["work"].source.as_deref(), Some("https://acme.okta.com/home/amazon_aws/0oa1/272"));
    /// assert!(imported.notes[0].starts_with("`work`: `skip_verify` is not imported"));
    /// # Ok::<(), tempaccess_core::Error>(())
    /// ```
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum OtherTool("tool to import from") {
        /// saml2aws: `~/.saml2aws`.
        Saml2Aws = "saml2aws",
        /// okta-aws-cli: `~/.okta/okta.yaml`.
        OktaAwsCli = "okta-aws-cli",
        /// gimme-aws-creds: `~/.okta_aws_login_config`.
        GimmeAwsCreds = "gimme-aws-creds",
        /// aws-runas: `~/.aws/config`.
        AwsRunas = "aws-runas",
    }
}

/// What was found in the configuration of another tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The profiles, by name: that of the AWS profile that the tool writes to, or that of the tool's own section.
    pub profiles: BTreeMap<String, Settings>,
    /// The names that the tool's labels give to accounts.
    pub accounts: AccountNames,
    /// What was not imported, and why: one line each, fit for a terminal.
    pub notes: Vec<String>,
}

impl OtherTool {
    /// Returns the file that the tool reads: the one that its environment variable names ([`variable`](Self::variable)),
    /// else the one at its usual place. Returns `None` where there is no home directory to look in.
    pub fn default_file(self) -> Option<PathBuf> {
        self.file_from(self.variable().and_then(std::env::var_os), etcetera::home_dir().ok().as_deref())
    }

    /// Returns the environment variable that names the tool's file. okta-aws-cli has none.
    pub const fn variable(self) -> Option<&'static str> {
        match self {
            Self::Saml2Aws => Some("SAML2AWS_CONFIGFILE"),
            Self::OktaAwsCli => None,
            Self::GimmeAwsCreds => Some("OKTA_CONFIG"),
            Self::AwsRunas => Some("AWS_CONFIG_FILE"),
        }
    }

    fn file_from(self, named: Option<OsString>, home: Option<&Path>) -> Option<PathBuf> {
        if let Some(file) = named.filter(|file| !file.is_empty()) {
            return Some(values::expand_home(Path::new(&file), home));
        }
        Some(home?.join(match self {
            Self::Saml2Aws => ".saml2aws",
            Self::OktaAwsCli => ".okta/okta.yaml",
            Self::GimmeAwsCreds => ".okta_aws_login_config",
            Self::AwsRunas => ".aws/config",
        }))
    }

    /// Imports the file at `path`: at most 16 MiB of UTF-8.
    ///
    /// # Errors
    ///
    /// `io` where the file cannot be read, `invalid_configuration` where it is not the tool's.
    pub fn import_file(self, path: &Path) -> Result<Imported> {
        let text = crate::input::read_text(path).map_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                return not_utf8();
            }
            let error_text = format!("it cannot be read: {error}");
            let hint = match self.variable() {
                Some(variable) => format!("name the file that {self} uses, as an argument or with `{variable}`"),
                None => format!("name the file that {self} uses, as an argument"),
            };
            Error::new(ErrorKind::Io, Stage::Configuration, error_text).with_hint(hint).with_source(error)
        });
        text.and_then(|text| self.import(&text)).map_err(|error| error.in_file(path))
    }

    /// Imports the text of a configuration of the tool.
    ///
    /// Relative paths in it are resolved against the current directory, and `~` is the home directory.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where the text is not in the tool's format, or exceeds the limits on sections, values and
    /// nesting.
    pub fn import(self, text: &str) -> Result<Imported> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // UTF-16 without a byte order mark is valid UTF-8 where it is ASCII.
        if text.contains('\0') {
            return Err(not_utf8());
        }
        let mut imported = match self {
            Self::Saml2Aws => saml2aws::import(text),
            Self::GimmeAwsCreds => gimme_aws_creds::import(text),
            Self::OktaAwsCli => okta_aws_cli::import(text),
            Self::AwsRunas => aws_runas::import(text),
        }?;
        if imported.profiles.is_empty() && imported.accounts.is_empty() && imported.notes.is_empty() {
            imported.notes.push("nothing was imported: the file has no profile and no name of an account".to_owned());
        }
        Ok(imported)
    }
}

fn invalid(message: impl Display) -> Error {
    Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message.to_string())
}

fn not_utf8() -> Error {
    invalid("the file is not text in UTF-8")
        .with_hint("convert it first: `iconv -f UTF-16 -t UTF-8 FILE`, or save it as UTF-8 in an editor")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_that_the_variable_names() {
        let home = Path::new("/home/ada");
        let file = |tool: OtherTool, named: Option<&str>| tool.file_from(named.map(Into::into), Some(home)).unwrap();
        assert_eq!(file(OtherTool::Saml2Aws, None), home.join(".saml2aws"));
        assert_eq!(file(OtherTool::Saml2Aws, Some("")), home.join(".saml2aws"));
        assert_eq!(file(OtherTool::AwsRunas, Some("~/aws/config")), home.join("aws/config"));
        assert_eq!(file(OtherTool::GimmeAwsCreds, Some("/etc/gimme")), Path::new("/etc/gimme"));
        assert_eq!(OtherTool::AwsRunas.file_from(None, None), None);
        assert_eq!(OtherTool::AwsRunas.file_from(Some("x".into()), None), Some("x".into()));
    }

    #[test]
    fn names_are_read_as_they_are_shown() {
        for tool in OtherTool::ALL {
            assert_eq!(tool.to_string().parse::<OtherTool>().unwrap(), *tool);
        }
        let error = "lastpass".parse::<OtherTool>().unwrap_err();
        assert_eq!(error.hint(), Some("use one of `saml2aws`, `okta-aws-cli`, `gimme-aws-creds`, `aws-runas`"));
    }

    #[test]
    fn text_in_utf16_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let marked: Vec<u8> = [0xff, 0xfe].into_iter().chain(utf16("[a]\nurl = x\n")).collect();
        for content in [utf16("[a]\nurl = x\n"), marked, b"[a]\nurl = caf\xe9\n".to_vec()] {
            std::fs::write(&file, &content).unwrap();
            for tool in OtherTool::ALL {
                let error = tool.import_file(&file).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidConfiguration);
                assert!(error.message().ends_with("the file is not text in UTF-8"), "{error:?}");
                assert!(error.hint().unwrap().contains("iconv"), "{error:?}");
            }
        }
    }
}
