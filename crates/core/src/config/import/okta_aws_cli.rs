//! okta-aws-cli: `~/.okta/okta.yaml`, with profiles and labels below `awscli`.

use std::collections::BTreeMap;

use super::collect::{Collector, Draft, narrows_session, not_narrowed};
use super::values::Refusal;
use super::yaml::{self, Node};
use super::{Imported, Settings, invalid, values};
use crate::arn::{ProviderArn, RoleArn, is_account_id};
use crate::error::{Error, Result};
use crate::text::excerpt;

/// The keys of a profile that are imported, or looked at. All others are noted.
const KNOWN: &[&str] = &[
    "org-domain",
    "oidc-client-id",
    "aws-acct-fed-app-id",
    "aws-iam-idp",
    "aws-iam-role",
    "aws-session-duration",
    "session-duration",
    "aws-region",
];

/// Keys that only a sign-in of a machine has (`okta-aws-cli m2m`).
const MACHINE: &[&str] = &["key-id", "private-key", "private-key-file", "custom-scope", "authz-id"];
/// Keys that only a sign-in with a password has (`okta-aws-cli direct`).
const DIRECT: &[&str] = &["username", "password"];

/// Imports a configuration.
pub(super) fn import(text: &str) -> Result<Imported> {
    let root = yaml::parse(text)?;
    let Some(awscli) = root.as_deref().and_then(|root| root.get("awscli")) else {
        return Err(not_okta("it has no `awscli`"));
    };
    let mut found = Collector::default();
    let mut labels = Labels::default();
    let (mut profiles, mut is_known) = (None, false);
    for (key, value) in awscli.entries() {
        let key = key.to_ascii_lowercase();
        is_known |= matches!(key.as_str(), "profiles" | "idps" | "roles" | "accounts");
        match key.as_str() {
            "profiles" if matches!(value, Node::Mapping(_)) => profiles = Some(value),
            "idps" => labels.idps(value, &mut found),
            "roles" => labels.roles(value, &mut found),
            "accounts" => labels.accounts(value, &mut found),
            _ if value.is_empty() => {}
            other => found.note_file(format_args!("`awscli.{}` is not imported: it is not known", excerpt(other))),
        }
    }
    if !is_known {
        return Err(not_okta("it has no `awscli.profiles`, and no labels"));
    }
    for (key, _) in root.iter().flat_map(|root| root.entries()).filter(|(key, _)| !key.eq_ignore_ascii_case("awscli")) {
        found.note_file(format_args!("`{}` is not imported: it is not okta-aws-cli's", excerpt(key)));
    }
    for (name, profile) in profiles.into_iter().flat_map(Node::entries) {
        Profile::new(name, profile).import(&labels, &mut found);
    }
    Ok(found.finish())
}

fn not_okta(reason: &str) -> Error {
    invalid(format_args!("the file is not a configuration of okta-aws-cli: {reason}"))
        .with_hint("okta-aws-cli keeps its profiles in `~/.okta/okta.yaml`, below `awscli`")
}

/// The labels that the file gives to ARNs.
#[derive(Default)]
struct Labels {
    idps: BTreeMap<String, Vec<ProviderArn>>,
    roles: BTreeMap<String, Vec<RoleArn>>,
}

impl Labels {
    /// The labels of identity providers are those of their accounts.
    fn idps(&mut self, node: &Node, found: &mut Collector) {
        for (arn, label) in pairs(node, "idps", found) {
            match arn.parse::<ProviderArn>() {
                Ok(arn) => {
                    found.name_account(arn.account_id(), label);
                    self.idps.entry(label.to_owned()).or_default().push(arn);
                }
                Err(error) => not_imported("idps", arn, &format!("it {error}"), found),
            }
        }
    }

    fn roles(&mut self, node: &Node, found: &mut Collector) {
        for (arn, label) in pairs(node, "roles", found) {
            match arn.parse::<RoleArn>() {
                Ok(arn) => self.roles.entry(label.to_owned()).or_default().push(arn),
                Err(error) => not_imported("roles", arn, &format!("it {error}"), found),
            }
        }
    }

    #[allow(clippy::unused_self, reason = "the three kinds of labels look alike")]
    fn accounts(&mut self, node: &Node, found: &mut Collector) {
        for (id, label) in pairs(node, "accounts", found) {
            match is_account_id(id) {
                true => found.name_account(id, label),
                false => not_imported("accounts", id, "it is not an account id of 12 digits", found),
            }
        }
    }

    /// The ARN of a SAML provider that is given by its ARN or its label.
    fn provider(&self, text: &str) -> Result<String, Refusal> {
        match self.idps.get(text).map(Vec::as_slice) {
            None => unlabelled(text, values::provider(text), "idps"),
            Some([one]) => values::provider(one.as_str()),
            Some(_) => Err(format!("`{}` is the label of several identity providers", excerpt(text))),
        }
    }

    /// The ARN of a role that is given by its ARN or its label. Where several have that label, the account of the SAML
    /// provider tells which one is meant.
    fn role(&self, text: &str, provider: Option<&str>) -> Result<String, Refusal> {
        let Some(labelled) = self.roles.get(text) else { return unlabelled(text, values::role(text), "roles") };
        let account = provider.and_then(|arn| arn.parse::<ProviderArn>().ok());
        let in_account = |role: &&RoleArn| account.as_ref().is_some_and(|arn| arn.account_id() == role.account_id());
        let narrowed: Vec<_> = labelled.iter().filter(in_account).collect();
        match (narrowed.as_slice(), labelled.as_slice()) {
            ([one], _) => values::role(one.as_str()),
            ([], [one]) => values::role(one.as_str()),
            _ => Err(format!("`{}` is the label of several roles", excerpt(text))),
        }
    }
}

fn not_imported(labels: &str, key: &str, reason: &str, found: &mut Collector) {
    found.note_file(format_args!("`{}` in `awscli.{labels}` is not imported: {reason}", excerpt(key)));
}

/// The labels of a mapping, or of a list of mappings.
fn pairs<'n>(node: &'n Node, labels: &str, found: &mut Collector) -> Vec<(&'n str, &'n str)> {
    let mut pairs = Vec::new();
    let entries = match node {
        Node::Sequence(items) => items.iter().flat_map(|item| item.entries()).collect(),
        node => node.entries(),
    };
    if entries.is_empty() && !node.is_empty() {
        found.note_file(format_args!("`awscli.{labels}` is not imported: it gives no labels to ARNs"));
    }
    for (key, value) in entries {
        match value.text() {
            Some(label) if !label.trim().is_empty() => pairs.push((key.trim(), label.trim())),
            _ => not_imported(labels, key, "it has no label", found),
        }
    }
    pairs
}

/// Says of a text that is not an ARN that it is not a label either. The text can be anything, and is not shown.
fn unlabelled(text: &str, arn: Result<String, Refusal>, labels: &str) -> Result<String, Refusal> {
    arn.map_err(|reason| match text.starts_with("arn:") {
        true => reason,
        false => format!("it is neither an ARN nor a label in `awscli.{labels}`"),
    })
}

struct Profile<'n> {
    name: &'n str,
    values: BTreeMap<String, &'n Node>,
}

impl<'n> Profile<'n> {
    fn new(name: &'n str, node: &'n Node) -> Self {
        let entries = node.entries().into_iter().map(|(key, value)| (key.to_ascii_lowercase(), value));
        Self { name, values: entries.filter(|(_, value)| !value.is_empty()).collect() }
    }

    fn import(&self, labels: &Labels, found: &mut Collector) {
        match self.draft(labels, found) {
            Ok(draft) => found.add(draft),
            Err(reason) => return found.refuse(self.name, reason),
        }
        found.unmapped(self.name, self.values.keys().map(String::as_str).filter(|key| !KNOWN.contains(key)));
    }

    fn value(&self, key: &str) -> Result<Option<&'n str>, Refusal> {
        let Some(node) = self.values.get(key) else { return Ok(None) };
        node.text().map(|text| Some(text.trim())).ok_or_else(|| "it is not a text".to_owned())
    }

    fn accepted<T>(
        &self,
        key: &str,
        accept: impl FnOnce(&str) -> Result<T, Refusal>,
        found: &mut Collector,
    ) -> Option<T> {
        found.accept(self.name, key, self.value(key), accept)
    }

    fn draft(&self, labels: &Labels, found: &mut Collector) -> Result<Draft, Refusal> {
        let key_of = |keys: &[&'static str]| keys.iter().copied().find(|key| self.values.contains_key(*key));
        if let Some(key) = key_of(MACHINE) {
            return Err(format!("`{key}` makes it a sign-in of a machine (m2m), which has no equivalent here"));
        }
        if let Some(key) = key_of(DIRECT) {
            return Err(format!("`{key}` makes it a sign-in with a password (direct), which has no equivalent here"));
        }
        if let Some(key) = self.values.keys().find(|key| narrows_session(key)) {
            return Err(not_narrowed(key));
        }
        let about = |key: &'static str| move |reason: Refusal| format!("`{key}` cannot be imported: {reason}");
        let org = self.value("org-domain").map_err(about("org-domain"))?.ok_or("it has no `org-domain`")?;
        let org = org_address(org).map_err(about("org-domain"))?;
        let app = self.value("aws-acct-fed-app-id").and_then(|app| app.map(values::id).transpose());
        let app = app.map_err(about("aws-acct-fed-app-id"))?;
        let link = app.map(|app| format!("home/amazon_aws/{app}/272")).unwrap_or_default();
        let client_id = self.accepted("oidc-client-id", values::id, found);
        let provider = self.accepted("aws-iam-idp", |text| labels.provider(text), found);
        let role = self.accepted("aws-iam-role", |text| labels.role(text, provider.as_deref()), found);
        let duration = self
            .accepted("aws-session-duration", values::duration, found)
            .or_else(|| self.accepted("session-duration", values::duration, found));
        let settings = Settings {
            source: Some(format!("{org}{link}")),
            auth: client_id.as_ref().map(|_| "device".to_owned()),
            client_id,
            role,
            provider,
            duration,
            region: self.accepted("aws-region", values::region, found),
            ..Settings::default()
        };
        Ok(Draft::new(self.name, settings))
    }
}

/// Returns the address of an org that is given by its host or its address, as okta-aws-cli takes it: with a slash at the
/// end, or as the host of the admin console.
fn org_address(org: &str) -> Result<String, Refusal> {
    let refusal = || "it is not the host of an org".to_owned();
    let address = if org.contains("://") { org.to_owned() } else { format!("https://{org}") };
    let mut url = url::Url::parse(address.trim()).map_err(|_| refusal())?;
    let is_loopback = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        _ => false,
    };
    // Of an address, okta-aws-cli takes the host.
    if url.scheme() == "http" && !is_loopback {
        url.set_scheme("https").map_err(|()| refusal())?;
    }
    url.set_path("/");
    url.set_query(None);
    url.set_fragment(None);
    let mut url = url::Url::parse(&values::address(url.as_str())?).map_err(|_| refusal())?;
    let host = url.host_str().ok_or_else(refusal)?.to_owned();
    let is_on_this_machine =
        url.scheme() == "http" || matches!(url.host(), Some(url::Host::Ipv4(ip)) if ip.is_loopback());
    if !is_on_this_machine && (matches!(url.host(), Some(url::Host::Ipv4(_))) || !host.contains('.')) {
        return Err(refusal());
    }
    if let Some((first, rest)) = host.split_once('.')
        && let Some(org) = first.strip_suffix("-admin").filter(|org| !org.is_empty())
    {
        url.set_host(Some(&format!("{org}.{rest}"))).map_err(|_| refusal())?;
    }
    Ok(String::from(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: &str = "awscli:\n  idps:\n    arn:aws:iam::111122223333:saml-provider/Okta: Ledger\n    arn:aws:iam::444455556666:saml-provider/Okta: Staging\n    arn:aws:iam::444455556666:saml-provider/Old: Old staging\n  roles:\n    arn:aws:iam::111122223333:role/Admin: Admin\n    arn:aws:iam::444455556666:role/Admin: Admin\n    arn:aws:iam::111122223333:role/S3Writer: S3 Read/Write\n";

    fn profile(lines: &str) -> (Option<Settings>, Vec<String>) {
        let indented: String = lines.lines().map(|line| format!("      {line}\n")).collect();
        let imported = import(&format!("---\n{LABELS}  profiles:\n    p:\n{indented}")).unwrap();
        let about_it = |note: &String| note.starts_with("`p`");
        (imported.profiles.get("p").cloned(), imported.notes.into_iter().filter(about_it).collect())
    }

    #[test]
    fn a_device_profile() {
        let (settings, notes) = profile(
            "org-domain: acme.okta.com\nOIDC-client-id: 0oaClient\naws-acct-fed-app-id: 0oa1\naws-iam-role: S3 Read/Write\naws-iam-idp: Ledger\naws-session-duration: 7200\naws-region: eu-west-1\nopen-browser: true\nformat: aws-credentials\nqr-code:",
        );
        insta::assert_snapshot!(toml::to_string(&settings.unwrap()).unwrap(), @r#"
        source = "https://acme.okta.com/home/amazon_aws/0oa1/272"
        auth = "device"
        client_id = "0oaClient"
        role = "arn:aws:iam::111122223333:role/S3Writer"
        provider = "arn:aws:iam::111122223333:saml-provider/Okta"
        duration = "7200"
        region = "eu-west-1"
        "#);
        insta::assert_snapshot!(notes.join("\n"), @r"
        `p`: not imported, without an equivalent here: `format`, `open-browser`
        ");
    }

    #[test]
    fn labels_are_resolved_by_account() {
        let role = |lines: &str| {
            let (settings, notes) = profile(&format!("org-domain: acme.okta.com\n{lines}"));
            (settings.unwrap().role.map(|role| role.split(':').nth(4).unwrap().to_owned()), notes.len())
        };
        assert_eq!(role("aws-iam-role: Admin\naws-iam-idp: Staging"), (Some("444455556666".to_owned()), 0));
        assert_eq!(role("aws-iam-role: Admin"), (None, 1));
        assert_eq!(role("aws-iam-role: Nobody"), (None, 1));
        assert_eq!(role("aws-iam-role: arn:aws:iam::777788889999:role/X"), (Some("777788889999".to_owned()), 0));
        assert_eq!(role("aws-iam-idp: Nobody"), (None, 1));
    }

    #[test]
    fn labels_alone_name_accounts() {
        let imported = import(LABELS).unwrap();
        assert!(imported.profiles.is_empty());
        let accounts: Vec<_> = imported.accounts.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
        assert_eq!(accounts, [("111122223333", "Ledger"), ("444455556666", "Staging")]);
        assert_eq!(
            imported.notes,
            ["the account 444455556666 has several names: `Staging` is imported, `Old staging` is not"]
        );
        let list = "awscli:\n  idps:\n    - arn:aws:iam::111122223333:saml-provider/Okta: Ledger\n    - nonsense: x\n  accounts: {222233334444: Mine, 12: Short}\n";
        let imported = import(list).unwrap();
        assert_eq!(imported.accounts.len(), 2);
        assert_eq!(imported.notes.len(), 2, "{:?}", imported.notes);
    }

    #[test]
    fn orgs_as_people_write_them() {
        let expected = "https://acme.okta.com/";
        for org in [
            "acme.okta.com",
            "acme.okta.com/",
            "https://acme.okta.com",
            "https://acme.okta.com/",
            "acme-admin.okta.com",
            "https://acme-admin.okta.com/",
            "http://acme.okta.com",
            "https://acme-admin.okta.com/admin/dashboard",
            "https://acme.okta.com/app/UserHome?x#y",
            "ACME.okta.com",
        ] {
            assert_eq!(org_address(org).as_deref(), Ok(expected), "{org}");
        }
        assert_eq!(org_address("http://127.0.0.1:8080").as_deref(), Ok("http://127.0.0.1:8080/"));
        for bad in [
            "",
            "acme",
            "1234",
            "command:touch /tmp/x",
            "file:/etc/passwd",
            "me@acme.okta.com",
            "acme.okta.com@evil.example.com",
            "file:///etc/passwd",
        ] {
            assert!(org_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn machines_and_passwords_make_no_device_profiles() {
        let imported = import(
            "awscli:\n  profiles:\n    m2m: {org-domain: a.okta.com, oidc-client-id: c, key-id: k, private-key: SECRET, authz-id: a}\n    direct: {org-domain: a.okta.com, oidc-client-id: c, username: ada, password: SECRET}\n    policy: {org-domain: a.okta.com, session-policy: x}\n    app: {org-domain: a.okta.com, aws-acct-fed-app-id: '../x'}\n    none:\n    text: x\n    -x: {org-domain: a.okta.com}\n",
        )
        .unwrap();
        assert!(imported.profiles.is_empty(), "{:?}", imported.profiles);
        insta::assert_snapshot!(imported.notes.join("\n"), @r"
        `m2m`: not imported: `key-id` makes it a sign-in of a machine (m2m), which has no equivalent here
        `direct`: not imported: `username` makes it a sign-in with a password (direct), which has no equivalent here
        `policy`: not imported: `session-policy` seems to narrow its sessions, and has no equivalent here
        `app`: not imported: `aws-acct-fed-app-id` cannot be imported: it is not an id
        `none`: not imported: it has no `org-domain`
        `text`: not imported: it has no `org-domain`
        `-x`: not imported: its name cannot be that of a profile: it would be read as an option
        ");
    }

    #[test]
    fn anchors_and_digits() {
        let text = "base: &base {org-domain: acme.okta.com, oidc-client-id: c}\nawscli:\n  profiles:\n    111122223333:\n      <<: *base\n      aws-acct-fed-app-id: 0123\n";
        let imported = import(text).unwrap();
        let settings = &imported.profiles["111122223333"];
        assert_eq!(settings.source.as_deref(), Some("https://acme.okta.com/home/amazon_aws/0123/272"));
        assert_eq!(settings.client_id.as_deref(), Some("c"));
    }

    #[test]
    fn files_of_others_are_refused() {
        for bad in ["", "- a", "awscli: 1", "awscli:", "a: [", "\t", "x: y"] {
            assert!(import(bad).is_err(), "{bad:?}");
        }
    }
}
