//! saml2aws: `~/.saml2aws`, a section for each account at an identity provider.

use super::collect::{Collector, Draft, not_narrowed};
use super::ini::Ini;
use super::ini::go_ini::{self, InlineComment};
use super::{Imported, Settings, values};
use crate::error::Result;

/// The keys that are imported, or looked at. All others are noted.
const KNOWN: &[&str] = &[
    "url",
    "username",
    "provider",
    "mfa",
    "aws_session_duration",
    "aws_profile",
    "role_arn",
    "region",
    "policy_file",
    "policy_arn_list",
];

/// Imports a configuration.
pub(super) fn import(text: &str) -> Result<Imported> {
    let ini = go_ini::parse(text, InlineComment::AfterSpace)?;
    let mut found = Collector::default();
    for section in ini.sections() {
        let account = Account { ini: &ini, name: &section.name };
        if section.name != go_ini::DEFAULT_SECTION || section.values.contains_key("url") {
            account.import(&mut found);
        } else {
            // go-ini gives them to no other section.
            found.unmapped(&section.name, section.keys());
        }
    }
    Ok(found.finish())
}

/// One section, with the keys that it inherits.
struct Account<'i> {
    ini: &'i Ini,
    name: &'i str,
}

impl Account<'_> {
    fn import(&self, found: &mut Collector) {
        let mut mapped = Vec::new();
        let Some(draft) = self.draft(&mut mapped, found) else { return };
        found.add(draft);
        let own = self.ini.section(self.name).into_iter().flat_map(|section| section.keys());
        found.unmapped(self.name, own.filter(|key| !KNOWN.contains(key) && !mapped.contains(key)));
    }

    /// The value of a key; one that cannot be resolved is noted.
    fn value(&self, key: &str, found: &mut Collector) -> Option<String> {
        let value = self.ini.go_value(self.name, key);
        found.keep(self.name, key, value).flatten()
    }

    /// The value of a key, as `accept` takes it; one that it refuses is noted.
    fn accepted<T>(
        &self,
        key: &str,
        accept: impl FnOnce(&str) -> Result<T, values::Refusal>,
        found: &mut Collector,
    ) -> Option<T> {
        found.accept(self.name, key, self.ini.go_value(self.name, key), accept)
    }

    fn is_true(&self, key: &str, found: &mut Collector) -> bool {
        self.value(key, found).is_some_and(|value| values::is_true(&value))
    }

    /// The profile; `None` where there can be none, which is noted. Keys beyond [`KNOWN`] that it was made of are added to
    /// `mapped`.
    fn draft(&self, mapped: &mut Vec<&'static str>, found: &mut Collector) -> Option<Draft> {
        let name = self.name;
        // Policies come first: a profile without its policies must not be written.
        let policies = self.policies();
        let (policy, policy_arns) = match policies {
            Ok(policies) => policies,
            Err(reason) => {
                found.refuse(name, reason);
                return None;
            }
        };
        let Some(url) = self.value("url", found) else {
            found.refuse(name, "it has no `url`");
            return None;
        };
        let address = match values::address(&url) {
            Ok(address) => address,
            Err(reason) => {
                found.refuse(name, format_args!("`url` cannot be a source: {reason}"));
                return None;
            }
        };
        let provider = self.value("provider", found).unwrap_or_default();
        let mut settings = Settings {
            username: self.accepted("username", values::line, found),
            role: self.accepted("role_arn", values::role, found),
            duration: self.accepted("aws_session_duration", values::duration, found),
            region: self.accepted("region", values::region, found),
            policy,
            policy_arns,
            ..Settings::default()
        };
        let is_okta = match provider.as_str() {
            "" => values::is_okta_host(&address),
            provider => provider.eq_ignore_ascii_case("okta"),
        };
        if is_okta {
            settings.factor = self.accepted("mfa", values::factor, found).flatten();
            if let Some(disabled) = self.value("disable_remember_device", found) {
                mapped.push("disable_remember_device");
                settings.remember_device = (!values::is_true(&disabled)).then_some(true);
            }
            settings.source = Some(address);
        } else {
            settings.source = Some(format!("browser:{}", self.page(&provider, address, mapped, found)));
            if provider.eq_ignore_ascii_case("browser") && self.value("headless", found).is_some() {
                mapped.push("headless");
                settings.headless = self.is_true("headless", found).then_some(true);
            }
            if self.value("mfa", found).is_some_and(|mfa| !mfa.eq_ignore_ascii_case("auto")) {
                found.note(name, "`mfa` is not imported: the second factor is chosen in the browser");
            }
        }
        if self.value("skip_verify", found).is_some() {
            mapped.push("skip_verify");
            if self.is_true("skip_verify", found) {
                found.note(
                    name,
                    "`skip_verify` is not imported: certificates are always verified; name your company's CA with `SSL_CERT_FILE`",
                );
            }
        }
        if self.value("name", found).as_deref() == Some(name) {
            mapped.push("name");
        }
        let draft = Draft::new(name, settings);
        let draft = match self.value("aws_profile", found) {
            Some(aws_profile) => draft.named("aws_profile", &aws_profile),
            None => draft,
        };
        // `tempaccess login` uses the same account as `saml2aws login`.
        Some(if name == "default" { draft.also("default") } else { draft })
    }

    fn policies(&self) -> Result<(Option<String>, Option<Vec<String>>), String> {
        let value = |key: &str| self.ini.go_value(self.name, key).map_err(|reason| refused(key, &reason));
        let policy = value("policy_file")?.map(|file| values::path(&file)).transpose();
        let policy = policy.map_err(|reason| refused("policy_file", &reason))?;
        let arns = value("policy_arn_list")?.map(|list| values::policy_arns(&list)).transpose();
        let arns = arns.map_err(|reason| refused("policy_arn_list", &reason))?;
        match self.ini.with_parents(self.name).find_map(|section| section.narrowing_key(KNOWN)) {
            Some(key) => Err(not_narrowed(key)),
            None => Ok((policy, arns)),
        }
    }

    /// The page of an identity provider that leads to AWS.
    fn page(&self, provider: &str, address: String, mapped: &mut Vec<&'static str>, found: &mut Collector) -> String {
        let page = match provider.to_ascii_lowercase().as_str() {
            "browser" => return address,
            "adfs" | "adfs2" if is_bare(&address) => {
                mapped.push("aws_urn");
                let urn = self.accepted("aws_urn", urn, found).unwrap_or_else(|| "urn:amazon:webservices".to_owned());
                let page = format!("{}/adfs/ls/IdpInitiatedSignOn.aspx?loginToRp={urn}", address.trim_end_matches('/'));
                return self.in_browser(provider, page, found);
            }
            "azuread" if is_bare(&address) => {
                mapped.push("app_id");
                self.accepted("app_id", values::id, found).map(|app| {
                    let page = "applications/redirecttofederatedapplication.aspx?Operation=LinkedSignIn";
                    format!("{}/{page}&applicationId={app}", address.trim_end_matches('/'))
                })
            }
            "onelogin" => {
                mapped.extend(["app_id", "subdomain"]);
                let app = self.accepted("app_id", values::id, found);
                let subdomain = self.accepted("subdomain", values::id, found);
                app.zip(subdomain).map(|(app, subdomain)| format!("https://{subdomain}.onelogin.com/launch/{app}"))
            }
            _ => None,
        };
        self.in_browser(provider, page.unwrap_or(address), found)
    }

    fn in_browser(&self, provider: &str, page: String, found: &mut Collector) -> String {
        let provider = values::provider_name(provider);
        found.note(
            self.name,
            format_args!(
                "signing in at {provider} goes through a browser here: check that the source is the page that leads to AWS"
            ),
        );
        page
    }
}

fn refused(key: &str, reason: &str) -> String {
    format!("`{key}` narrows its sessions, and cannot be imported: {reason}")
}

/// Whether an address is that of a server, not of a page on it.
fn is_bare(address: &str) -> bool {
    address.trim_end_matches('/').matches('/').count() == 2 && !address.contains(['?', '#'])
}

/// Returns the URN of a relying party.
fn urn(text: &str) -> Result<String, values::Refusal> {
    let is_urn = text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":.-_".contains(&byte));
    if is_urn { Ok(text.to_owned()) } else { Err("it is not a URN".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_okta_account() {
        let text = "[default]\nname = default\napp_id =\nurl = `https://acme.okta.com/home/amazon_aws/0oa1/272?x=1#tile`\nusername = \"ada@example.com \"\nprovider = Okta ; ours\nmfa = PUSH\nskip_verify = false\ntimeout = 0\naws_urn = urn:amazon:webservices\naws_session_duration = 28800 # all day\naws_profile = saml\nrole_arn = arn:aws:iam::123456789012:role/ReadOnly\nregion = eu-west-1\ndisable_remember_device = false\n";
        let imported = import(text).unwrap();
        assert_eq!(imported.profiles["saml"], imported.profiles["default"]);
        insta::assert_snapshot!(toml::to_string(&imported.profiles["saml"]).unwrap(), @r#"
        source = "https://acme.okta.com/home/amazon_aws/0oa1/272?x=1#tile"
        username = "ada@example.com "
        factor = "push"
        remember_device = true
        role = "arn:aws:iam::123456789012:role/ReadOnly"
        duration = "28800"
        region = "eu-west-1"
        "#);
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `default`: not imported, without an equivalent here: `aws_urn`, `timeout`
        `default`: written as `saml`, the AWS profile that it names (`aws_profile`)
        ");
    }

    #[test]
    fn policies_are_imported_or_the_profile_is_not() {
        let base = "url = https://acme.okta.com/home/amazon_aws/0oa1/272\nprovider = Okta\n";
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        let file = if cfg!(windows) { "C:/home/ada/policy.json" } else { "/home/ada/policy.json" };
        let text = format!(
            "[good]\n{base}policy_file = {file}\npolicy_arn_list = {arn}, {arn}2\n[json]\n{base}policy_file = {{}}\n[good.child]\n{base}[arn]\n{base}policy_arn_list = ReadOnlyAccess\n[many]\n{base}policy_arn_list = {}\n[bomb]\n{base}policy_file = %(policy_file)s\n[unknown]\n{base}Policy_File = /x\n[DEFAULT]\npolicy_file = %(policy_file)s\n",
            (0..11).map(|number| format!("{arn}{number}")).collect::<Vec<_>>().join(",")
        );
        let imported = import(&text).unwrap();
        assert_eq!(imported.profiles.keys().collect::<Vec<_>>(), ["good", "good.child", "json"]);
        let good = &imported.profiles["good"];
        assert_eq!(good.policy.as_deref().map(std::path::Path::new), Some(std::path::Path::new(file)));
        assert_eq!(good.policy_arns.as_deref(), Some(&[arn.to_owned(), format!("{arn}2")][..]));
        assert_eq!(imported.profiles["good.child"].policy, good.policy);
        let json = std::path::Path::new(imported.profiles["json"].policy.as_deref().unwrap());
        assert!(json.ends_with("{}") && json.is_absolute(), "{}", json.display());
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `arn`: not imported: `policy_arn_list` narrows its sessions, and cannot be imported: `ReadOnlyAccess` is not the ARN of a policy: it does not begin with `arn:`
        `many`: not imported: `policy_arn_list` narrows its sessions, and cannot be imported: 11 managed session policies exceed the limit of STS, which is 10
        `bomb`: not imported: `policy_file` narrows its sessions, and cannot be imported: the reference to `policy_file` goes in circles, or too deep
        `unknown`: not imported: `Policy_File` seems to narrow its sessions, and has no equivalent here
        `DEFAULT`: `policy_file` is not imported: it has no equivalent here
        ");
    }

    #[test]
    fn no_address_becomes_a_program() {
        for url in ["command:touch /tmp/x", "file:/etc/passwd", "-", "saml:/tmp/x", "browser:https://x", "http://x.com"]
        {
            for provider in ["Okta", "Browser", "ADFS", ""] {
                let imported = import(&format!("[a]\nurl = {url}\nprovider = {provider}\n")).unwrap();
                assert!(imported.profiles.is_empty());
                assert_eq!(
                    imported.notes,
                    [
                        "`a`: not imported: `url` cannot be a source: it is not an `https://` address without a user name and a password"
                    ]
                );
            }
        }
    }

    #[test]
    fn other_providers_go_through_a_browser() {
        let text = "[adfs]\nprovider = ADFS\nurl = https://adfs.example.com/\n[page]\nprovider = ADFS\nurl = https://adfs.example.com/adfs/ls/x\nmfa = VIP\n[azure]\nprovider = AzureAD\nurl = https://account.activedirectory.windowsazure.com\napp_id = 1111-22\n[one]\nprovider = OneLogin\nurl = https://api.us.onelogin.com\napp_id = 12\nsubdomain = acme\n[evil]\nprovider = OneLogin\nurl = https://api.us.onelogin.com\napp_id = 12\nsubdomain = evil.example.com/\n[browser]\nprovider = Browser\nurl = https://idp.example.com/aws\nheadless = true\nbrowser_type = firefox\nbrowser_executable_path = /tmp/evil\n";
        let imported = import(text).unwrap();
        let sources: Vec<_> = imported
            .profiles
            .iter()
            .map(|(name, settings)| format!("{name}: {}", settings.source.as_deref().unwrap()))
            .collect();
        insta::assert_snapshot!(sources.join("\n"), @r"
        adfs: browser:https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx?loginToRp=urn:amazon:webservices
        azure: browser:https://account.activedirectory.windowsazure.com/applications/redirecttofederatedapplication.aspx?Operation=LinkedSignIn&applicationId=1111-22
        browser: browser:https://idp.example.com/aws
        evil: browser:https://api.us.onelogin.com
        one: browser:https://acme.onelogin.com/launch/12
        page: browser:https://adfs.example.com/adfs/ls/x
        ");
        assert_eq!(imported.profiles["browser"].headless, Some(true));
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `adfs`: signing in at `ADFS` goes through a browser here: check that the source is the page that leads to AWS
        `page`: signing in at `ADFS` goes through a browser here: check that the source is the page that leads to AWS
        `page`: `mfa` is not imported: the second factor is chosen in the browser
        `azure`: signing in at `AzureAD` goes through a browser here: check that the source is the page that leads to AWS
        `one`: signing in at `OneLogin` goes through a browser here: check that the source is the page that leads to AWS
        `evil`: `subdomain` is not imported: it is not an id
        `evil`: signing in at `OneLogin` goes through a browser here: check that the source is the page that leads to AWS
        `browser`: not imported, without an equivalent here: `browser_executable_path`, `browser_type`
        ");
    }

    #[test]
    fn what_cannot_be_shown_is_escaped() {
        let imported = import("[a\u{1b}[31m]\nurl = x\u{7}\n[b]\nurl=https://acme.okta.com/x\nprovider=E\u{202e}vil\nro\u{1b}le=x\nrole_arn=\u{1b}\n").unwrap();
        assert!(imported.notes.iter().all(|note| !note.contains(char::is_control) && !note.contains('\u{202e}')));
        assert_eq!(imported.notes.len(), 4, "{:?}", imported.notes);
    }

    #[test]
    fn keys_above_all_sections_are_the_account_default() {
        let imported = import("url = https://acme.okta.com/x\nprovider = Okta\n").unwrap();
        assert!(imported.profiles.contains_key("DEFAULT"));
        assert!(import("timeout = 3\n").unwrap().profiles.is_empty());
    }
}
