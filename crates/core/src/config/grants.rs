//! The table `grants` of the configuration: who signs, where records are, and which rules hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Config;
use super::edit::{Content, EditedFile, edit};
use super::paths::{self, Base};
use crate::arn::{RoleArn, is_account_id};
use crate::error::{Result, Stage};
use crate::records::GrantKind;
use crate::seal::{Namespace, SignerLine, Signers};

/// The settings of grants.
///
/// They bind the users of this program. What holds for everybody is written into the policies at AWS.
///
/// ```
/// use tempaccess_core::config::Config;
///
/// let config = Config::parse(r#"
///     [grants]
///     signers = "access.signers"
///     records = "s3://acme-access/grants"
///     ticket = "^OPS-[0-9]+$"
///
///     [grants.presets.count-objects]
///     kind = "session"
///     role = "ledger/Granted"
///     policy = "one-bucket.json"
///     max_duration = "1h"
/// "#)?;
/// assert_eq!(config.grants.presets["count-objects"].role, "ledger/Granted");
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct GrantSettings {
    /// The file of trusted signers, in the form of OpenSSH's `allowed_signers`.
    pub signers: Option<PathBuf>,
    /// Where records are: a folder, or `s3://BUCKET/PREFIX`.
    pub records: Option<String>,
    /// What signs: the file of a private key, a `.pub` file whose key ssh-agent has, or `agent`.
    pub sign_with: Option<String>,
    /// A regular expression that every reason must match, such as `^OPS-[0-9]+$`.
    pub ticket: Option<String>,
    /// A program and its arguments that decide about each grant: it reads the grant as JSON, and another exit code than 0
    /// refuses it. Its first line says why.
    pub check: Vec<String>,
    /// A program and its arguments that are told about each grant afterwards, as JSON.
    pub notify: Vec<String>,
    /// Named kinds of grants, with their limits.
    pub presets: BTreeMap<String, GrantPreset>,
}

/// A named kind of grant, with its role, its policies and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantPreset {
    /// How access is given.
    pub kind: GrantKind,
    /// The profile that the administrator signs in with.
    #[serde(default)]
    pub profile: Option<String>,
    /// The role.
    pub role: String,
    /// The policy: JSON, or the path of a file that has it.
    #[serde(default)]
    pub policy: Option<String>,
    /// Managed session policies, by ARN.
    #[serde(default)]
    pub policy_arns: Vec<String>,
    /// The longest duration, which is also the default.
    pub max_duration: String,
    /// How often a grant can be extended. Default: without a limit.
    #[serde(default)]
    pub extensions: Option<u32>,
    /// Patterns of the people who can get it, such as `*@example.com`. Default: everybody.
    #[serde(default)]
    pub to: Vec<String>,
    /// Networks that access is limited to, as CIDR blocks.
    #[serde(default)]
    pub from_ip: Vec<String>,
    /// How many people other than the requester must approve. Default: none.
    #[serde(default)]
    pub approvals: u32,
    /// Whether an administrator can give it without the approvals, in an emergency. The grant is marked until somebody else
    /// reviews it.
    #[serde(default)]
    pub break_glass: bool,
}

impl GrantSettings {
    /// The keys of the table, for messages about unknown ones.
    pub(super) const KEYS: [&str; 7] = ["signers", "records", "sign_with", "ticket", "check", "notify", "presets"];

    /// Expands `~` in every path and program, and counts relative ones from `base`.
    pub(super) fn resolve_paths(&mut self, base: Base<'_>) -> Result<()> {
        if let Some(signers) = &mut self.signers {
            paths::file(signers, base)?;
        }
        if let Some(records) = self.records.as_mut().filter(|records| !records.starts_with("s3://")) {
            text_path(records, base)?;
        }
        if let Some(key) = self.sign_with.as_mut().filter(|key| key.as_str() != "agent") {
            text_path(key, base)?;
        }
        for program in [self.check.first_mut(), self.notify.first_mut()].into_iter().flatten() {
            // A bare name is looked for in `PATH`.
            if program.contains(std::path::MAIN_SEPARATOR) || program.contains('/') {
                text_path(program, base)?;
            }
        }
        for preset in self.presets.values_mut() {
            if let Some(policy) = &mut preset.policy {
                paths::policy(policy, base)?;
            }
        }
        Ok(())
    }
}

impl GrantPreset {
    /// The keys of a preset, for messages about unknown ones.
    pub(super) const KEYS: [&str; 11] = [
        "kind",
        "profile",
        "role",
        "policy",
        "policy_arns",
        "max_duration",
        "extensions",
        "to",
        "from_ip",
        "approvals",
        "break_glass",
    ];
}

fn text_path(text: &mut String, base: Base<'_>) -> Result<()> {
    let mut path = PathBuf::from(&*text);
    paths::file(&mut path, base)?;
    *text = path.to_string_lossy().into_owned();
    Ok(())
}

impl Config {
    /// Returns the trusted signers: those of `signers` of `[grants]`, or of [`default_signers`](Self::default_signers) if that file
    /// exists. Without a file, nobody is trusted.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if the file cannot be read.
    pub fn signers(&self) -> Result<Signers> {
        let usual = || Self::default_signers().filter(|path| path.exists());
        self.grants.signers.clone().or_else(usual).map_or_else(|| Ok(Signers::default()), |path| Signers::read(&path))
    }

    /// Returns the signers file that is used unless the configuration names one: `access.signers` next to the configuration file.
    pub fn default_signers() -> Option<PathBuf> {
        Some(Self::file().ok()?.with_file_name("access.signers"))
    }

    /// Adds a trusted signer to a signers file, which is created if it is missing. Returns whether the line was new.
    ///
    /// This waits for a lock, up to ten seconds: run it on a thread that may block.
    ///
    /// # Errors
    ///
    /// As [`Signers::line`] and [`Signers::parse`], `deadline_exceeded`, `io`. The file is then as it was.
    pub fn add_signer(file: &Path, name: &str, public_key: &str, namespace: Namespace) -> Result<bool> {
        let line = Signers::line(name, public_key, namespace)?;
        let path = paths::path(file, Base::Current)?;
        let file = EditedFile {
            content: Content::Settings,
            path,
            stage: Stage::Grant,
            remedy: "name another file with `--signers`",
        };
        edit(&file, |text| {
            let known = Signers::parse(text)?;
            let is_known = |other: &SignerLine| other.to_string() == line.to_string();
            if known.lines().iter().any(is_known) {
                return Ok((text.to_owned(), false));
            }
            let apart = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            Ok((format!("{text}{apart}{line}\n"), true))
        })
    }

    /// Returns the accounts that the configuration knows: those with a name, and those of profiles.
    pub fn known_accounts(&self) -> BTreeSet<String> {
        let of_profiles = self.profiles.values().flat_map(|settings| {
            let role = settings.role.as_deref().unwrap_or_default();
            let role = role.parse::<RoleArn>().map(|role| role.account_id().to_owned()).ok();
            role.into_iter().chain(settings.account.clone().filter(|account| is_account_id(account)))
        });
        self.accounts.keys().cloned().chain(of_profiles).collect()
    }

    /// Returns the files of private keys that sealed grants are opened with unless others are named: those that exist of
    /// `~/.ssh/tempaccess_ed25519`, `~/.ssh/id_ed25519` and `~/.ssh/id_rsa`.
    pub fn default_identities() -> Vec<PathBuf> {
        let names = [GENERATED_KEY, "id_ed25519", "id_rsa"];
        let files = ssh_folder().map(|folder| names.map(|name| folder.join(name)));
        files.into_iter().flatten().filter(|path| path.is_file()).collect()
    }

    /// Returns the files of the private keys of this person, which sealed grants are opened with: that of `sign_with`, if it is a file,
    /// and the [usual ones](Self::default_identities).
    pub fn identities(&self) -> Vec<PathBuf> {
        let named = self.grants.sign_with.as_deref().filter(|name| *name != "agent").map(PathBuf::from);
        let private = named.map(|path| match path.extension().is_some_and(|extension| extension == "pub") {
            true => path.with_extension(""),
            false => path,
        });
        let mut files: Vec<_> = private.into_iter().filter(|path| path.is_file()).collect();
        files.extend(Self::default_identities().into_iter().filter(|path| !files.contains(path)).collect::<Vec<_>>());
        files
    }

    /// Returns where `tempaccess grant key --new` puts a key: `~/.ssh/tempaccess_ed25519`.
    pub fn generated_key() -> Option<PathBuf> {
        Some(ssh_folder()?.join(GENERATED_KEY))
    }
}

/// The name of the key that `tempaccess grant key --new` makes.
const GENERATED_KEY: &str = "tempaccess_ed25519";

fn ssh_folder() -> Option<PathBuf> {
    Some(paths::home()?.join(".ssh"))
}
