//! gimme-aws-creds: `~/.okta_aws_login_config`, a section for each profile, and `[DEFAULT]`.

use std::collections::{BTreeMap, BTreeSet};

use super::collect::{Collector, Draft, not_narrowed};
use super::ini::configparser::{self, DEFAULT_SECTION};
use super::ini::{Ini, Section};
use super::{Imported, Settings, values};
use crate::arn::RoleArn;
use crate::error::Result;
use crate::text::excerpt;

/// The keys that are imported, or looked at. All others are noted.
const KNOWN: &[&str] = &[
    "app_url",
    "okta_username",
    "preferred_mfa_type",
    "remember_device",
    "aws_rolename",
    "aws_default_duration",
    "aws_region",
    "client_id",
    "force_classic",
    "cred_profile",
    "inherits",
];

/// The values of `cred_profile` that make the name from the account and the role.
const OF_ROLE: [&str; 3] = ["role", "acc", "acc-role"];

/// How many sections may inherit from one another.
const MAX_INHERITED: usize = 16;

/// Imports a configuration.
pub(super) fn import(text: &str) -> Result<Imported> {
    let ini = configparser::parse(text)?;
    let profiles: Vec<_> = ini.sections().iter().map(|section| Profile::new(&ini, section)).collect();
    let mut found = Collector::default();
    // The name of an AWS profile that several sections inherit is the name of none of them.
    let mut claims: BTreeMap<String, Vec<&Profile<'_>>> = BTreeMap::new();
    for profile in &profiles {
        let is_complete = matches!(profile.value("app_url"), Ok(Some(url)) if values::address(&url).is_ok());
        if let Ok(Some(name)) = profile.value("cred_profile")
            && is_complete
        {
            claims.entry(name.trim().to_owned()).or_default().push(profile);
        }
    }
    claims.retain(|name, profiles| profiles.len() > 1 && !OF_ROLE.contains(&name.to_ascii_lowercase().as_str()));
    for (name, profiles) in &claims {
        let sections = profiles.iter().filter(|profile| profile.inherits_aws_profile());
        let sections: Vec<_> = sections.map(|profile| format!("`{}`", excerpt(profile.name()))).collect();
        if !sections.is_empty() {
            found.note_file(format_args!(
                "`cred_profile` does not name {}: several profiles share `{}`",
                sections.join(", "),
                excerpt(name)
            ));
        }
    }
    let shared: BTreeSet<String> = claims.into_keys().collect();
    for profile in &profiles {
        profile.import(&shared, profiles.len() == 1, &mut found);
    }
    Ok(found.finish())
}

/// One section, and those that it inherits from.
struct Profile<'i> {
    ini: &'i Ini,
    section: &'i Section,
    /// The section and those that `inherits` leads to, or why there are none.
    chain: Result<Vec<&'i Section>, String>,
}

impl<'i> Profile<'i> {
    fn new(ini: &'i Ini, section: &'i Section) -> Self {
        let mut chain = vec![section];
        let chain = loop {
            let Some(last) = chain.last() else { break Ok(chain) };
            match ini.python_value(last, "inherits") {
                Ok(None) => break Ok(chain),
                Ok(Some(_)) if chain.len() == MAX_INHERITED => {
                    break Err("sections inherit from one another, or too deep".to_owned());
                }
                Ok(Some(name)) => match ini.section(&name) {
                    Some(next) => chain.push(next),
                    None => break Err(format!("it inherits from `{}`, which is not there", excerpt(&name))),
                },
                Err(reason) => break Err(format!("`inherits` cannot be read: {reason}")),
            }
        };
        Self { ini, section, chain }
    }

    /// The name in notes and of the profile.
    fn name(&self) -> &'i str {
        if self.is_default() { "default" } else { &self.section.name }
    }

    fn is_default(&self) -> bool {
        self.section.name == DEFAULT_SECTION
    }

    /// Whether another section says which AWS profile it writes to.
    fn inherits_aws_profile(&self) -> bool {
        !self.is_default() && !self.section.values.contains_key("cred_profile")
    }

    /// The value that gimme-aws-creds uses for a key. `[DEFAULT]` goes before a section that is inherited from.
    fn value(&self, key: &str) -> Result<Option<String>, String> {
        for section in self.chain.as_deref().unwrap_or_default() {
            if let Some(value) = self.ini.python_value(section, key)? {
                return Ok(Some(value).filter(|value| !value.trim().is_empty() && value != "None"));
            }
        }
        Ok(None)
    }

    /// The value of a key, as `accept` takes it; one that it refuses is noted.
    fn accepted<T>(
        &self,
        key: &str,
        accept: impl FnOnce(&str) -> Result<T, values::Refusal>,
        found: &mut Collector,
    ) -> Option<T> {
        found.accept(self.name(), key, self.value(key), accept)
    }

    fn import(&self, shared: &BTreeSet<String>, is_alone: bool, found: &mut Collector) {
        let mut mapped = Vec::new();
        match self.draft(shared, &mut mapped, found) {
            Ok(draft) => found.add(draft),
            // Defaults need not be complete.
            Err(None) if self.is_default() && !is_alone => {}
            Err(reason) => {
                const NO_APP: &str = "it has no `app_url`, the link behind the tile of the AWS app: apps are not looked for by their titles";
                found.refuse(self.name(), reason.as_deref().unwrap_or(NO_APP));
                // What is in `[DEFAULT]` is part of the other profiles.
                if !self.is_default() {
                    return;
                }
            }
        }
        let unmapped = self.section.keys().filter(|key| !KNOWN.contains(key) && !mapped.contains(key));
        found.unmapped(self.name(), unmapped);
    }

    /// The profile, or why there is none; `None` where it names no app.
    fn draft(
        &self,
        shared: &BTreeSet<String>,
        mapped: &mut Vec<&'static str>,
        found: &mut Collector,
    ) -> Result<Draft, Option<String>> {
        let chain = self.chain.as_ref().map_err(|reason| Some(reason.clone()))?;
        let mut sections = chain.iter().copied().chain(self.ini.section(DEFAULT_SECTION));
        if let Some(key) = sections.find_map(|section| section.narrowing_key(&[])) {
            return Err(Some(not_narrowed(key)));
        }
        // As in gimme-aws-creds, a profile with a value that cannot be read is none.
        for key in KNOWN {
            self.value(key).map_err(|reason| Some(format!("`{key}` cannot be read: {reason}")))?;
        }
        let url = self.value("app_url")?.ok_or(None)?;
        let source = values::address(&url).map_err(|reason| Some(format!("`app_url` cannot be a source: {reason}")))?;
        self.org(&source, mapped);
        let flag = |key: &str| self.value(key).ok().flatten().map(|value| value.trim().to_owned());
        let role = self.role(found);
        let settings = Settings {
            source: Some(source),
            auth: flag("force_classic").filter(|value| value == "True").map(|_| "classic".to_owned()),
            client_id: self.accepted("client_id", values::id, found),
            username: self.accepted("okta_username", values::line, found),
            factor: self.factor(found),
            remember_device: flag("remember_device").filter(|value| values::is_true(value)).map(|_| true),
            role: role.clone(),
            duration: self.accepted("aws_default_duration", values::duration, found),
            region: self.accepted("aws_region", values::region, found),
            ..Settings::default()
        };
        let draft = Draft::new(self.name(), settings);
        Ok(match self.aws_profile(role.as_deref(), found) {
            None => draft,
            // The defaults are the profile `default`, whatever AWS profile they write to.
            Some(AwsProfile::Fixed(name)) if self.is_default() => draft.also(name),
            Some(AwsProfile::Fixed(name)) if shared.contains(&name) && self.inherits_aws_profile() => draft,
            Some(AwsProfile::Fixed(name)) => draft.named("cred_profile", &name),
            Some(AwsProfile::OfRole(name)) => draft.also(name),
        })
    }

    /// Which of the keys about the org say what the link says anyway.
    fn org(&self, source: &str, mapped: &mut Vec<&'static str>) {
        let host = |address: &str| url::Url::parse(address.trim()).ok()?.host_str().map(str::to_owned);
        let org = self.value("okta_org_url").ok().flatten();
        if org.is_some_and(|org| host(&org).is_some() && host(&org) == host(source)) {
            mapped.push("okta_org_url");
        }
        if self.value("gimme_creds_server").is_ok_and(|server| server.as_deref() == Some("appurl")) {
            mapped.push("gimme_creds_server");
        }
    }

    fn role(&self, found: &mut Collector) -> Option<String> {
        let wanted = self.value("aws_rolename").ok().flatten()?;
        let roles: Vec<_> = wanted.split(',').map(str::trim).filter(|role| !role.is_empty()).collect();
        match roles.as_slice() {
            [] => None,
            ["all"] => {
                found.note(self.name(), "`aws_rolename` is not imported: for all roles, use `login --all`");
                None
            }
            [role] if !role.starts_with('/') => self.keep_role(values::role(role), found),
            _ => {
                let reason = "several roles, or a pattern: use `login --all --role GLOB`";
                self.keep_role(Err(reason.to_owned()), found)
            }
        }
    }

    fn keep_role(&self, role: Result<String, values::Refusal>, found: &mut Collector) -> Option<String> {
        found.keep(self.name(), "aws_rolename", role)
    }

    fn factor(&self, found: &mut Collector) -> Option<String> {
        let provider = self.value("preferred_mfa_provider").ok().flatten().unwrap_or_default();
        let of_provider = |kind: &str| values::factor(&format!("{} {kind}", provider.trim()));
        self.accepted("preferred_mfa_type", of_provider, found).flatten()
    }

    /// The name of the AWS profile that the credentials are written to.
    fn aws_profile(&self, role: Option<&str>, found: &mut Collector) -> Option<AwsProfile> {
        let name = self.value("cred_profile").ok().flatten()?;
        let is_true = |key: &str| self.value(key).ok().flatten().is_some_and(|value| value.trim() == "True");
        let name = name.trim();
        let kind = name.to_ascii_lowercase();
        if !OF_ROLE.contains(&kind.as_str()) {
            return Some(AwsProfile::Fixed(if kind == "default" { kind } else { name.to_owned() }));
        }
        let role: Option<RoleArn> = role.and_then(|role| role.parse().ok());
        let of_role = role.filter(|_| kind == "role" || !is_true("resolve_aws_alias")).map(|role| {
            let (account, name) = (role.account_id(), role.name());
            let path = role.path_and_name().strip_suffix(name).unwrap_or_default();
            match kind.as_str() {
                "role" => name.to_owned(),
                "acc" => account.to_owned(),
                _ if is_true("include_path") => format!("{account}-/{path}{name}"),
                _ => format!("{account}-{name}"),
            }
        });
        if of_role.is_none() {
            let text = "`cred_profile` does not name the profile: the AWS profile depends on the role that is chosen";
            found.note(self.name(), text);
        }
        of_role.map(AwsProfile::OfRole)
    }
}

/// The AWS profile that the tool writes to.
enum AwsProfile {
    /// The same for every role.
    Fixed(String),
    /// Made of the account and the role.
    OfRole(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://acme.okta.com/home/amazon_aws/0oa1/272";
    const ROLE: &str = "arn:aws:iam::123456789012:role/teams/ReadOnly";

    #[test]
    fn sections_inherit_and_default_is_a_profile() {
        let text = format!(
            "[DEFAULT]\nokta_org_url = https://acme.okta.com\nApp_Url: %(okta_org_url)s/home/amazon_aws/0oa1/272\nokta_username = ada%%corp@example.com\npreferred_mfa_type = token:software:totp\ngimme_creds_server = appurl\nwrite_aws_creds = True\ncred_profile = acme\nremember_device = True\n\n[work]\naws_rolename = {ROLE}\naws_default_duration = 3600\n[night]\ninherits = work\naws_rolename = all\n[round]\ninherits = round\n[lost]\ninherits = nowhere\n[several]\naws_rolename = {ROLE},\n  {ROLE}2\n"
        );
        let imported = import(&text).unwrap();
        assert_eq!(imported.profiles.keys().collect::<Vec<_>>(), ["acme", "default", "night", "several", "work"]);
        assert_eq!(imported.profiles["default"], imported.profiles["acme"]);
        let night = &imported.profiles["night"];
        assert_eq!((night.role.as_deref(), night.duration.as_deref()), (None, Some("3600")));
        assert_eq!((night.username.as_deref(), night.factor.as_deref()), (Some("ada%corp@example.com"), Some("code")));
        assert_eq!((night.source.as_deref(), night.remember_device), (Some(LINK), Some(true)));
        assert_eq!(imported.profiles["work"].role.as_deref(), Some(ROLE));
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `cred_profile` does not name `work`, `night`, `several`: several profiles share `acme`
        `default`: `write_aws_creds` is not imported: it has no equivalent here
        `night`: `aws_rolename` is not imported: for all roles, use `login --all`
        `round`: not imported: sections inherit from one another, or too deep
        `lost`: not imported: it inherits from `nowhere`, which is not there
        `several`: `aws_rolename` is not imported: several roles, or a pattern: use `login --all --role GLOB`
        ");
    }

    #[test]
    fn profiles_are_named_like_their_aws_profiles() {
        let base = format!("app_url = {LINK}\nwrite_aws_creds = True\naws_rolename = {ROLE}\n");
        let text = format!(
            "[a]\n{base}cred_profile = prod\n[b]\n{base}cred_profile = role\n[c]\n{base}cred_profile = ACC-role\n[d]\n{base}cred_profile = acc-role\ninclude_path = True\n[e]\n{base}cred_profile = acc\nresolve_aws_alias = True\n[f]\n{base}cred_profile = prod\n[g]\napp_url = {LINK}\ncred_profile = role\n[h]\n{base}cred_profile = default\n"
        );
        let imported = import(&text).unwrap();
        assert_eq!(
            imported.profiles.keys().collect::<Vec<_>>(),
            [
                "123456789012-/teams/ReadOnly",
                "123456789012-ReadOnly",
                "ReadOnly",
                "b",
                "c",
                "d",
                "default",
                "e",
                "f",
                "g",
                "prod"
            ]
        );
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `a`: `write_aws_creds` is not imported: it has no equivalent here
        `b`: `write_aws_creds` is not imported: it has no equivalent here
        `c`: `write_aws_creds` is not imported: it has no equivalent here
        `d`: not imported, without an equivalent here: `include_path`, `write_aws_creds`
        `e`: `cred_profile` does not name the profile: the AWS profile depends on the role that is chosen
        `e`: not imported, without an equivalent here: `resolve_aws_alias`, `write_aws_creds`
        `f`: `write_aws_creds` is not imported: it has no equivalent here
        `g`: `cred_profile` does not name the profile: the AWS profile depends on the role that is chosen
        `h`: `write_aws_creds` is not imported: it has no equivalent here
        `a`: written as `prod`, the AWS profile that it names (`cred_profile`)
        `f`: `cred_profile` does not name the profile: `prod` is the name of the profile from `a`
        `h`: written as `default`, the AWS profile that it names (`cred_profile`)
        ");
    }

    #[test]
    fn defaults_alone_need_an_app() {
        let imported = import("[DEFAULT]\nokta_org_url = https://acme.okta.com\naws_appname = AWS\n").unwrap();
        assert!(imported.profiles.is_empty());
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `default`: not imported: it has no `app_url`, the link behind the tile of the AWS app: apps are not looked for by their titles
        `default`: not imported, without an equivalent here: `aws_appname`, `okta_org_url`
        ");
        let text = format!(
            "[DEFAULT]\nokta_username = ada\ncred_profile = acme\n[a]\napp_url = {LINK}\n[b]\napp_url = None\n[c]\napp_url = command:x\n"
        );
        let imported = import(&text).unwrap();
        // It alone writes to the AWS profile of the defaults.
        assert_eq!(imported.profiles.keys().collect::<Vec<_>>(), ["acme"]);
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `b`: not imported: it has no `app_url`, the link behind the tile of the AWS app: apps are not looked for by their titles
        `c`: not imported: `app_url` cannot be a source: it is not an `https://` address without a user name and a password
        `a`: written as `acme`, the AWS profile that it names (`cred_profile`)
        ");
    }

    #[test]
    fn values_that_cannot_be_read_make_no_profile() {
        let text = format!(
            "[a]\napp_url = {LINK}\nokta_username = 5%\n[b]\napp_url = {LINK}?x=%(none)s\n[c]\napp_url = {LINK}\nsession_policy = x\n[d]\napp_url = {LINK}\nclient_id = a b\naws_rolename = ReadOnly\naws_default_duration = 5\naws_region = eu west\npreferred_mfa_type = web\nokta_password = hunter2\n[e]\napp_url = {LINK}\npreferred_mfa_type = push\npreferred_mfa_provider = DUO\nforce_classic = True\n"
        );
        let imported = import(&text).unwrap();
        assert_eq!(imported.profiles.keys().collect::<Vec<_>>(), ["d", "e"]);
        assert_eq!(imported.profiles["d"], Settings { source: Some(LINK.to_owned()), ..Settings::default() });
        assert_eq!(imported.profiles["e"].auth.as_deref(), Some("classic"));
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `a`: not imported: `okta_username` cannot be read: it has a `%` that is neither `%%` nor `%(key)s`
        `b`: not imported: `app_url` cannot be read: it refers to `none`, which is not set
        `c`: not imported: `session_policy` seems to narrow its sessions, and has no equivalent here
        `d`: `aws_rolename` is not imported: it is not the ARN of a role: it does not begin with `arn:`
        `d`: `client_id` is not imported: it is not an id
        `d`: `preferred_mfa_type` is not imported: this second factor has no equivalent; you are asked instead
        `d`: `aws_default_duration` is not imported: a session of 5s is too short
        `d`: `aws_region` is not imported: it is not the name of a region
        `d`: `okta_password` is not imported: it has no equivalent here
        `e`: `preferred_mfa_type` is not imported: this second factor has no equivalent; you are asked instead
        `e`: `preferred_mfa_provider` is not imported: it has no equivalent here
        ");
    }
}
