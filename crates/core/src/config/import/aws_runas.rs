//! aws-runas: profiles in `~/.aws/config`, among those of other tools.
//!
//! A profile's settings go before those of its `source_profile`, and those before `[default]`. That is all that
//! `source_profile` means for a SAML sign-in: aws-runas takes `role_arn` straight from the assertion, and goes through
//! another role only where `jump_role_arn` says so.

use super::super::NextRole;
use super::collect::{Collector, Draft, not_narrowed};
use super::ini::go_ini::{self, InlineComment};
use super::ini::{Ini, Section};
use super::{Imported, Settings, values};
use crate::error::Result;
use crate::text::excerpt;

/// The keys that are imported, or looked at. All others are noted.
const KNOWN: &[&str] = &[
    "saml_auth_url",
    "saml_username",
    "saml_provider",
    "role_arn",
    "source_profile",
    "jump_role_arn",
    "mfa_type",
    "region",
    "credentials_duration",
    "duration_seconds",
];

/// The keys that make a section one of aws-runas's own.
const OWN: &[&str] = &["role_arn", "jump_role_arn", "saml_auth_url", "saml_username", "saml_provider"];

/// Imports a configuration.
pub(super) fn import(text: &str) -> Result<Imported> {
    let ini = go_ini::parse(text, InlineComment::Anywhere)?;
    let mut found = Collector::default();
    let mut others = Vec::new();
    for section in ini.sections() {
        let Some(name) = profile_name(&section.name) else { continue };
        let profile = Profile { ini: &ini, section, name };
        if OWN.iter().any(|key| profile.own(key).is_ok_and(|value| value.is_some())) {
            profile.import(&mut found);
        } else if section.name == "default" {
            // Its values are part of the profiles.
            profile.note_unmapped(&[], &mut found);
        } else if section.keys().next().is_some() {
            others.push(format!("`{}`", excerpt(name)));
        }
    }
    if !others.is_empty() {
        found.note_file(format_args!("not profiles of aws-runas: {}", others.join(", ")));
    }
    Ok(found.finish())
}

/// The profile that a section is about; `None` for sections of another kind (`[sso-session x]`).
fn profile_name(section: &str) -> Option<&str> {
    let name = match section.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t'])) {
        Some(rest) => rest.trim(),
        None if section == go_ini::DEFAULT_SECTION || section.contains([' ', '\t']) => return None,
        None => section,
    };
    let inner = |quote| name.strip_prefix(quote)?.strip_suffix(quote);
    Some(inner('"').or_else(|| inner('\'')).unwrap_or(name))
}

/// The section of a profile, as aws-runas looks for it.
fn section_of<'i>(ini: &'i Ini, profile: &str) -> Option<&'i Section> {
    [profile.to_owned(), format!("profile {profile}"), format!("profile \"{profile}\"")]
        .iter()
        .find_map(|name| ini.section(name))
}

struct Profile<'i> {
    ini: &'i Ini,
    section: &'i Section,
    name: &'i str,
}

impl<'i> Profile<'i> {
    fn import(&self, found: &mut Collector) {
        let mut mapped = Vec::new();
        match self.draft(&mut mapped, found) {
            Ok(draft) => found.add(draft),
            Err(reason) => return found.refuse(self.name, reason),
        }
        self.note_unmapped(&mapped, found);
    }

    fn note_unmapped(&self, mapped: &[&str], found: &mut Collector) {
        found.unmapped(self.name, self.section.keys().filter(|key| !KNOWN.contains(key) && !mapped.contains(key)));
    }

    /// The value in the section itself.
    fn own(&self, key: &str) -> Result<Option<String>, String> {
        self.ini.go_value(&self.section.name, key)
    }

    fn source_profile(&self) -> Result<Option<&'i Section>, String> {
        let default = || self.ini.go_value("default", "source_profile");
        let Some(name) = self.own("source_profile").transpose().or_else(|| default().transpose()).transpose()? else {
            return Ok(None);
        };
        match section_of(self.ini, &name) {
            Some(section) => Ok(Some(section)),
            None => Err(format!("its `source_profile`, `{}`, is not in the file", excerpt(&name))),
        }
    }

    /// The sections that give values to the profile, the first ones first.
    fn sections(&self) -> Result<Vec<&'i Section>, String> {
        let mut sections = vec![self.section];
        sections.extend(self.source_profile()?);
        sections.extend(self.ini.section("default"));
        Ok(sections)
    }

    fn value(&self, sections: &[&Section], key: &str) -> Result<Option<String>, String> {
        let value = |section: &&Section| self.ini.go_value(&section.name, key).transpose();
        sections.iter().find_map(value).transpose()
    }

    /// The profile, or why there is none.
    fn draft(&self, mapped: &mut Vec<&'static str>, found: &mut Collector) -> Result<Draft, String> {
        let sections = self.sections()?;
        if let Some(key) = sections.iter().find_map(|section| section.narrowing_key(&[])) {
            return Err(not_narrowed(key));
        }
        let required =
            |key: &str| self.value(&sections, key).map_err(|reason| format!("`{key}` cannot be imported: {reason}"));
        let Some(url) = required("saml_auth_url")? else {
            return Err("it has no `saml_auth_url`, so that it is not a sign-in by SAML".to_owned());
        };
        if required("web_identity_auth_url")?.is_some() {
            return Err("it has `web_identity_auth_url`, too: aws-runas does not take both".to_owned());
        }
        let address =
            values::address(&url).map_err(|reason| format!("`saml_auth_url` cannot be a source: {reason}"))?;
        let provider = required("saml_provider")?.unwrap_or_default();
        let (source, is_okta) = self.source(address, &provider, found);
        let accepted = |key: &str, accept: &dyn Fn(&str) -> Result<String, String>, found: &mut Collector| {
            found.accept(self.name, key, self.value(&sections, key), accept)
        };
        let mut settings = Settings {
            source: Some(source),
            username: accepted("saml_username", &values::line, found),
            region: accepted("region", &values::region, found),
            ..Settings::default()
        };
        let mfa = required("mfa_type")?.filter(|mfa| !mfa.eq_ignore_ascii_case("auto"));
        if let Some(mfa) = mfa {
            if is_okta {
                settings.factor = found.keep(self.name, "mfa_type", values::factor(&mfa)).flatten();
            } else {
                found.note(self.name, "`mfa_type` is not imported: the second factor is chosen in the browser");
            }
        }
        let role = required("role_arn")?;
        match required("jump_role_arn")? {
            None => {
                settings.role = role.and_then(|role| found.keep(self.name, "role_arn", values::role(&role)));
                let key = if required("credentials_duration")?.is_some() {
                    "credentials_duration"
                } else {
                    "duration_seconds"
                };
                settings.duration = accepted(key, &values::duration, found);
                self.note_source_role(found);
            }
            Some(jump) => {
                let jump = values::role(&jump);
                settings.role = Some(jump.map_err(|reason| format!("`jump_role_arn` cannot be imported: {reason}"))?);
                let role = role.ok_or("it has a `jump_role_arn`, and no `role_arn` to go on to")?;
                let role = values::role(&role).map_err(|reason| format!("`role_arn` cannot be imported: {reason}"))?;
                let next = NextRole {
                    session_name: required("role_session_name")?,
                    external_id: required("external_id")?,
                    ..NextRole::new(role)
                };
                // STS limits names and external ids.
                next.chained().map_err(|error| error.message().to_owned())?;
                mapped.extend(["role_session_name", "external_id"]);
                settings.chain = Some(vec![next]);
                for key in ["credentials_duration", "duration_seconds"] {
                    if required(key)?.is_some() {
                        let reason = "with a `jump_role_arn`, a session lasts an hour in aws-runas, too";
                        found.note(self.name, format_args!("`{key}` is not imported: {reason}"));
                    }
                }
            }
        }
        Ok(Draft::new(self.name, settings))
    }

    /// Notes that the role of the source profile is not assumed first, as the AWS CLI would.
    fn note_source_role(&self, found: &mut Collector) {
        let has_role =
            |section: &Section| self.ini.go_value(&section.name, "role_arn").is_ok_and(|role| role.is_some());
        let own_role = self.own("role_arn").is_ok_and(|role| role.is_some());
        if let Ok(Some(source)) = self.source_profile()
            && own_role
            && source.name != self.section.name
            && has_role(source)
        {
            let source = profile_name(&source.name).unwrap_or_default();
            found.note(
                self.name,
                format_args!(
                    "as in aws-runas, the assertion gives its role directly, without assuming the role of `{}` first; set `jump_role_arn` for a chain",
                    excerpt(source)
                ),
            );
        }
    }

    /// The source, and whether it is Okta.
    fn source(&self, address: String, provider: &str, found: &mut Collector) -> (String, bool) {
        let is_okta = match provider {
            "" => values::is_okta_host(&address),
            provider => provider.eq_ignore_ascii_case("okta"),
        };
        if is_okta {
            return (address, true);
        }
        let address = self.without_token(address, found);
        if !provider.eq_ignore_ascii_case("browser") {
            let provider = values::provider_name(provider);
            found.note(
                self.name,
                format_args!(
                    "signing in at {provider} goes through a browser here: check that the source is the page that leads to AWS"
                ),
            );
        }
        (format!("browser:{address}"), false)
    }

    /// Takes the credentials of OneLogin's API out of an address: they are a secret, and a browser does not need them.
    fn without_token(&self, address: String, found: &mut Collector) -> String {
        let Ok(mut url) = url::Url::parse(&address) else { return address };
        if !url.query_pairs().any(|(key, _)| key == "token") {
            return address;
        }
        let rest: Vec<_> = url.query_pairs().into_owned().filter(|(key, _)| key != "token").collect();
        url.set_query(None);
        if !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest);
        }
        found.note(
            self.name,
            "the `token` in `saml_auth_url` is not imported: it is a secret, and a browser needs none",
        );
        String::from(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://acme.okta.com/home/amazon_aws/0oa1/272";
    const HUB: &str = "arn:aws:iam::111122223333:role/Jump";
    const APP: &str = "arn:aws:iam::444455556666:role/Deploy";

    #[test]
    fn settings_come_from_the_source_profile_and_default() {
        let text = format!(
            "[default]\nregion = us-east-1\noutput = json\n\n[profile okta]\nsaml_auth_url = {LINK}\nsaml_username = ada@example.com\nmfa_type = push\ncredentials_duration = 2h\n\n[profile app]\nsource_profile = okta\nrole_arn = {APP} ; ours\nregion = eu-west-1\ncredentials_duration = 1h30m\nmfa_serial = x\n\n[profile seconds]\nsource_profile = okta\nrole_arn = {APP}\nduration_seconds = 900\n\n[profile \"my work\"]\nsaml_auth_url = {LINK}\n\n[profile two]\nsource_profile = app\nrole_arn = {HUB}\n[profile sso]\nsso_session = s\n[sso-session s]\nsso_start_url = https://x\n"
        );
        let imported = import(&text).unwrap();
        assert_eq!(imported.profiles.keys().collect::<Vec<_>>(), ["app", "my work", "okta", "seconds"]);
        insta::assert_snapshot!(toml::to_string(&imported.profiles["app"]).unwrap(), @r#"
        source = "https://acme.okta.com/home/amazon_aws/0oa1/272"
        username = "ada@example.com"
        factor = "push"
        role = "arn:aws:iam::444455556666:role/Deploy"
        duration = "5400"
        region = "eu-west-1"
        "#);
        assert_eq!(imported.profiles["seconds"].duration.as_deref(), Some("7200"));
        assert_eq!(imported.profiles["okta"].role, None);
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `default`: `output` is not imported: it has no equivalent here
        `app`: `mfa_serial` is not imported: it has no equivalent here
        `two`: not imported: it has no `saml_auth_url`, so that it is not a sign-in by SAML
        not profiles of aws-runas: `sso`
        ");
    }

    #[test]
    fn a_jump_role_becomes_a_chain() {
        let text = format!(
            "[profile a]\nsaml_auth_url = {LINK}\njump_role_arn = {HUB}\nrole_arn = {APP}\nexternal_id = contract-17\nrole_session_name = ada\ncredentials_duration = 2h\n[profile b]\nsaml_auth_url = {LINK}\njump_role_arn = {HUB}\n[profile c]\nsaml_auth_url = {LINK}\njump_role_arn = Jump\nrole_arn = {APP}\n[profile d]\nsaml_auth_url = {LINK}\njump_role_arn = {HUB}\nrole_arn = {APP}\nexternal_id = a b\n[profile e]\nsource_profile = a\nrole_arn = {APP}2\n[profile hub]\nsaml_auth_url = {LINK}\nrole_arn = {HUB}\n[profile f]\nsource_profile = hub\nrole_arn = {APP}\n"
        );
        let imported = import(&text).unwrap();
        assert_eq!(imported.profiles.keys().collect::<Vec<_>>(), ["a", "e", "f", "hub"]);
        let a = &imported.profiles["a"];
        let expected = NextRole {
            session_name: Some("ada".into()),
            external_id: Some("contract-17".into()),
            ..NextRole::new(APP)
        };
        assert_eq!((a.role.as_deref(), a.chain.as_deref()), (Some(HUB), Some(&[expected][..])));
        assert_eq!(a.duration, None);
        assert_eq!(imported.profiles["e"].chain.as_ref().unwrap()[0].role_arn, format!("{APP}2"));
        assert_eq!((imported.profiles["f"].role.as_deref(), &imported.profiles["f"].chain), (Some(APP), &None));
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `a`: `credentials_duration` is not imported: with a `jump_role_arn`, a session lasts an hour in aws-runas, too
        `b`: not imported: it has a `jump_role_arn`, and no `role_arn` to go on to
        `c`: not imported: `jump_role_arn` cannot be imported: it is not the ARN of a role: it does not begin with `arn:`
        `d`: not imported: `a b` cannot be an external id
        `e`: `credentials_duration` is not imported: with a `jump_role_arn`, a session lasts an hour in aws-runas, too
        `f`: as in aws-runas, the assertion gives its role directly, without assuming the role of `hub` first; set `jump_role_arn` for a chain
        ");
    }

    #[test]
    fn other_providers_go_through_a_browser() {
        let text = format!(
            "[profile one]\nsaml_auth_url = https://acme.onelogin.com/trust/saml2/launch/12?token=c2VjcmV0&x=1\nsaml_provider = onelogin\nmfa_type = code\n[profile keycloak]\nsaml_auth_url = https://sso.example.com/auth\n[profile browser]\nsaml_auth_url = {LINK}\nsaml_provider = Browser\n[profile evil]\nsaml_auth_url = command:touch /tmp/x\n[profile oidc]\nsaml_auth_url = {LINK}\nweb_identity_auth_url = {LINK}\n[profile lost]\nsource_profile = nowhere\nrole_arn = {APP}\n[profile iam]\nrole_arn = {APP}\n[profile narrow]\nsaml_auth_url = {LINK}\npolicy_arns = x\n"
        );
        let imported = import(&text).unwrap();
        let sources: Vec<_> = imported
            .profiles
            .iter()
            .map(|(name, settings)| format!("{name}: {}", settings.source.as_deref().unwrap()))
            .collect();
        insta::assert_snapshot!(sources.join("\n"), @r"
        browser: browser:https://acme.okta.com/home/amazon_aws/0oa1/272
        keycloak: browser:https://sso.example.com/auth
        one: browser:https://acme.onelogin.com/trust/saml2/launch/12?x=1
        ");
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `one`: the `token` in `saml_auth_url` is not imported: it is a secret, and a browser needs none
        `one`: signing in at `onelogin` goes through a browser here: check that the source is the page that leads to AWS
        `one`: `mfa_type` is not imported: the second factor is chosen in the browser
        `keycloak`: signing in at its identity provider goes through a browser here: check that the source is the page that leads to AWS
        `evil`: not imported: `saml_auth_url` cannot be a source: it is not an `https://` address without a user name and a password
        `oidc`: not imported: it has `web_identity_auth_url`, too: aws-runas does not take both
        `lost`: not imported: its `source_profile`, `nowhere`, is not in the file
        `iam`: not imported: it has no `saml_auth_url`, so that it is not a sign-in by SAML
        `narrow`: not imported: `policy_arns` seems to narrow its sessions, and has no equivalent here
        ");
    }
}
