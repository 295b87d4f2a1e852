//! The configurations of other tools, as profiles of ours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use configparser::ini::Ini;
use saphyr::{LoadableYamlNode, Yaml};

use super::Settings;
use crate::error::{Error, ErrorKind, Result, Stage};

/// A tool whose configuration can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherTool {
    /// saml2aws: `~/.saml2aws`.
    Saml2Aws,
    /// okta-aws-cli: `~/.okta/okta.yaml`.
    OktaAwsCli,
    /// gimme-aws-creds: `~/.okta_aws_login_config`.
    GimmeAwsCreds,
}

/// What was found in the configuration of another tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The profiles, by the names that they have there.
    pub profiles: BTreeMap<String, Settings>,
    /// What has no place here, one line each.
    pub notes: Vec<String>,
}

impl FromStr for OtherTool {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "saml2aws" => Ok(Self::Saml2Aws),
            "okta-aws-cli" => Ok(Self::OktaAwsCli),
            "gimme-aws-creds" => Ok(Self::GimmeAwsCreds),
            other => Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                format!("the configuration of `{other}` cannot be imported"),
            )
            .with_hint("it is one of `saml2aws`, `okta-aws-cli`, `gimme-aws-creds`")),
        }
    }
}

impl OtherTool {
    /// The file that the tool reads unless told otherwise.
    pub fn default_file(self) -> Option<PathBuf> {
        let home = etcetera::home_dir().ok()?;
        Some(home.join(match self {
            Self::Saml2Aws => ".saml2aws",
            Self::OktaAwsCli => ".okta/okta.yaml",
            Self::GimmeAwsCreds => ".okta_aws_login_config",
        }))
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// `io`, or as [`import`](Self::import).
    pub fn import_file(self, path: &Path) -> Result<Imported> {
        let text = crate::input::read_text(path).map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Configuration, format!("`{}` cannot be read: {error}", path.display()))
                .with_hint("name the file, if the tool keeps it elsewhere")
                .with_source(error)
        })?;
        self.import(&text)
    }

    /// Reads a configuration of the tool.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where it is none.
    pub fn import(self, text: &str) -> Result<Imported> {
        let mut imported = Imported::default();
        match self {
            Self::Saml2Aws => imported.saml2aws(&ini(text)?),
            Self::GimmeAwsCreds => imported.gimme(&ini(text)?),
            Self::OktaAwsCli => imported.okta_aws_cli(text)?,
        }
        Ok(imported)
    }
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    let message = format!("the configuration cannot be read: {error}");
    Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
}

type Section = BTreeMap<String, String>;

/// The sections of an INI file, by name, with the values that say something.
fn ini(text: &str) -> Result<BTreeMap<String, Section>> {
    let mut file = Ini::new_cs();
    // An address may hold a `#`.
    file.set_inline_comment_symbols(Some(&[]));
    let sections = file.read(text.to_owned()).map_err(unreadable)?;
    let said = |(key, value): (String, Option<String>)| Some((key, value.filter(|value| !value.is_empty())?));
    let section = |(name, values): (String, std::collections::HashMap<_, _>)| {
        (name, values.into_iter().filter_map(said).collect())
    };
    Ok(sections.into_iter().map(section).collect())
}

/// The factor of ours that another tool calls so.
fn factor(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "push" => "push",
        "totp" | "token:software:totp" => "code",
        "sms" => "sms",
        "call" => "call",
        "email" => "email",
        _ => return None,
    })
}

impl Imported {
    fn note(&mut self, profile: &str, what: impl std::fmt::Display) {
        self.notes.push(format!("`{profile}`: {what}"));
    }

    fn factor(&mut self, profile: &str, name: Option<&str>) -> Option<String> {
        let name = name.filter(|name| !name.eq_ignore_ascii_case("auto"))?;
        let known = factor(name).map(str::to_owned);
        if known.is_none() {
            self.note(profile, format_args!("the factor `{name}` is not known here; you are asked instead"));
        }
        known
    }

    fn saml2aws(&mut self, file: &BTreeMap<String, Section>) {
        for (name, section) in file {
            let said = |key: &str| section.get(key).map(String::as_str);
            let Some(url) = said("url") else {
                self.note(name, "not imported: it has no `url`");
                continue;
            };
            let provider = said("provider").unwrap_or_default();
            let source = if provider.eq_ignore_ascii_case("okta") {
                url.to_owned()
            } else {
                if !provider.eq_ignore_ascii_case("browser") {
                    let check = "check that the address is where the way to AWS begins";
                    self.note(name, format_args!("signing in at `{provider}` goes through a browser here: {check}"));
                }
                format!("browser:{url}")
            };
            if said("skip_verify") == Some("true") {
                self.note(name, "`skip_verify` is left out: add your company's CA with `SSL_CERT_FILE` instead");
            }
            let settings = Settings {
                source: Some(source),
                username: said("username").map(str::to_owned),
                factor: self.factor(name, said("mfa")),
                role: said("role_arn").map(str::to_owned),
                duration: said("aws_session_duration").map(str::to_owned),
                region: said("region").map(str::to_owned),
                ..Settings::default()
            };
            self.profiles.insert(name.to_owned(), settings);
        }
    }

    fn gimme(&mut self, file: &BTreeMap<String, Section>) {
        let names: Vec<_> = file.keys().map(String::as_str).filter(|name| *name != "DEFAULT").collect();
        // With nothing else in it, the defaults are the profile.
        let names = if names.is_empty() { vec!["DEFAULT"] } else { names };
        for name in names {
            // A section inherits from the one that it names, and all from `DEFAULT`.
            let mut values = BTreeMap::new();
            let (mut next, mut left) = (Some(name), 10);
            while let Some(section) = next.and_then(|name| file.get(name)).filter(|_| left > 0) {
                left -= 1;
                for (key, value) in section {
                    values.entry(key.as_str()).or_insert(value.as_str());
                }
                next = section.get("inherits").map(String::as_str);
            }
            for (key, value) in file.get("DEFAULT").into_iter().flatten() {
                values.entry(key).or_insert(value);
            }
            let value = |key: &str| values.get(key).copied().filter(|value| *value != "None");
            let ours = if name == "DEFAULT" { "default" } else { name };
            let Some(url) = value("app_url") else {
                self.note(
                    ours,
                    "not imported: it names the app by its title; the link of its tile is needed (`app_url`)",
                );
                continue;
            };
            let role = match value("aws_rolename") {
                Some(several) if several.contains(',') || several.starts_with('/') => {
                    self.note(ours, format_args!("the roles `{several}` are left out: use `login --all --role GLOB`"));
                    None
                }
                other => other.filter(|role| *role != "all").map(str::to_owned),
            };
            let is_classic = value("force_classic").is_some_and(|value| value.eq_ignore_ascii_case("true"));
            let settings = Settings {
                source: Some(url.to_owned()),
                auth: is_classic.then(|| "classic".to_owned()),
                client_id: value("client_id").map(str::to_owned),
                username: value("okta_username").map(str::to_owned),
                factor: self.factor(ours, value("preferred_mfa_type")),
                role,
                duration: value("aws_default_duration").map(str::to_owned),
                ..Settings::default()
            };
            self.profiles.insert(ours.to_owned(), settings);
        }
    }

    fn okta_aws_cli(&mut self, text: &str) -> Result<()> {
        let documents = Yaml::load_from_str(text).map_err(unreadable)?;
        let profiles = documents.first().and_then(|root| root.as_mapping_get("awscli")?.as_mapping_get("profiles"));
        let Some(profiles) = profiles.and_then(Yaml::as_mapping) else {
            return Err(unreadable("it has no `awscli.profiles`"));
        };
        for (name, values) in profiles {
            let Some(name) = name.as_str() else { continue };
            let value = |key: &str| {
                let value = values.as_mapping_get(key)?;
                let number = value.as_integer().map(|number| number.to_string());
                value.as_str().map(str::to_owned).or(number).filter(|value| !value.is_empty())
            };
            let Some(org) = value("org-domain") else {
                self.note(name, "not imported: it does not say which org (`org-domain`)");
                continue;
            };
            let app = value("aws-acct-fed-app-id").map(|app| format!("home/amazon_aws/{app}/272")).unwrap_or_default();
            let client_id = value("oidc-client-id");
            let settings = Settings {
                source: Some(format!("https://{org}/{app}")),
                auth: client_id.as_ref().map(|_| "device".to_owned()),
                client_id,
                role: value("aws-iam-role"),
                provider: value("aws-iam-idp"),
                duration: value("aws-session-duration"),
                region: value("aws-region"),
                ..Settings::default()
            };
            self.profiles.insert(name.to_owned(), settings);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saml2aws() {
        let text = "[default]\nname = default\napp_id =\nurl = https://acme.okta.com/home/amazon_aws/0oa1/272\nusername = ada@example.com\nprovider = Okta\nmfa = PUSH\nskip_verify = true\naws_session_duration = 28800\nrole_arn = arn:aws:iam::123456789012:role/ReadOnly\nregion = eu-west-1\n\n[adfs]\nprovider = ADFS\nurl = https://adfs.example.com\n\n[duo]\nprovider = Okta\nurl = https://acme.okta.com/home/amazon_aws/0oa1/272\nmfa = DUO\n";
        let imported = OtherTool::Saml2Aws.import(text).unwrap();
        let ours = &imported.profiles["default"];
        assert_eq!(ours.source.as_deref(), Some("https://acme.okta.com/home/amazon_aws/0oa1/272"));
        assert_eq!((ours.factor.as_deref(), ours.duration.as_deref()), (Some("push"), Some("28800")));
        assert_eq!(ours.role.as_deref(), Some("arn:aws:iam::123456789012:role/ReadOnly"));
        assert_eq!(imported.profiles["duo"].factor, None);
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `adfs`: signing in at `ADFS` goes through a browser here: check that the address is where the way to AWS begins
        `default`: `skip_verify` is left out: add your company's CA with `SSL_CERT_FILE` instead
        `duo`: the factor `DUO` is not known here; you are asked instead
        ");
    }

    #[test]
    fn gimme_aws_creds() {
        let text = "[DEFAULT]\nokta_org_url = https://acme.okta.com\napp_url = https://acme.okta.com/home/amazon_aws/0oa1/272\nokta_username = ada@example.com\npreferred_mfa_type = token:software:totp\n\n[work]\naws_rolename = arn:aws:iam::123456789012:role/ReadOnly\naws_default_duration = 3600\n[night]\ninherits = work\naws_rolename = all\n[round]\ninherits = round\napp_url = None\n";
        let imported = OtherTool::GimmeAwsCreds.import(text).unwrap();
        assert_eq!(imported.profiles.keys().collect::<Vec<_>>(), ["night", "work"]);
        let night = &imported.profiles["night"];
        assert_eq!((night.role.as_deref(), night.duration.as_deref()), (None, Some("3600")));
        assert_eq!((night.username.as_deref(), night.factor.as_deref()), (Some("ada@example.com"), Some("code")));
        assert_eq!(imported.notes.len(), 1);
        let alone = OtherTool::GimmeAwsCreds.import("[DEFAULT]\napp_url = https://a.okta.com/x\n").unwrap();
        assert!(alone.profiles.contains_key("default"));
    }

    #[test]
    fn okta_aws_cli() {
        let text = "---\nawscli:\n  profiles:\n    staging:\n      org-domain: acme.okta.com\n      oidc-client-id: 0oaClient\n      aws-acct-fed-app-id: 0oa1\n      aws-iam-role: arn:aws:iam::123456789012:role/ReadOnly\n      aws-session-duration: 7200\n    other:\n      org-domain: acme.okta.com\n";
        let imported = OtherTool::OktaAwsCli.import(text).unwrap();
        let ours = &imported.profiles["staging"];
        assert_eq!(ours.source.as_deref(), Some("https://acme.okta.com/home/amazon_aws/0oa1/272"));
        assert_eq!(ours.duration.as_deref(), Some("7200"));
        assert_eq!((ours.auth.as_deref(), ours.client_id.as_deref()), (Some("device"), Some("0oaClient")));
        assert_eq!(imported.profiles["other"].source.as_deref(), Some("https://acme.okta.com/"));
        assert_eq!(imported.notes.len(), 0);
        for bad in ["", "- a", "awscli: 1", "a: [", "\t"] {
            assert!(OtherTool::OktaAwsCli.import(bad).is_err(), "{bad:?}");
        }
    }
}
