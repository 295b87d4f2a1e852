//! The AWS config file: profiles whose `credential_process` is tempaccess, written without touching anything else.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::{AccountNames, RoleOffer};

/// What marks a section as ours.
const MARK: &str = "# managed by tempaccess: `tempaccess profiles sync` writes this section anew";
/// How long another writer may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// A profile for the AWS CLI and the SDKs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsProfile {
    name: String,
    credential_process: String,
    region: Option<String>,
}

impl AwsProfile {
    /// A profile of this name, whose credentials this command prints.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the name or the command cannot stand in the file.
    pub fn new(name: &str, command: &[&str], region: Option<&str>) -> Result<Self> {
        let fits = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        if !fits(name) || name.contains(['[', ']', '"', '\\']) || name != name.trim() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Output,
                format!("`{name}` cannot be the name of a profile"),
            ));
        }
        if !command.iter().copied().chain(region).all(fits) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Output,
                format!("the command of the profile `{name}` cannot be written down"),
            ));
        }
        let words: Vec<_> = command.iter().map(|word| quoted(word)).collect();
        Ok(Self { name: name.to_owned(), credential_process: words.join(" "), region: region.map(str::to_owned) })
    }

    fn section(&self) -> String {
        // `profile default` would be another one.
        let head = match self.name.as_str() {
            "default" => "[default]".to_owned(),
            name if name.contains(char::is_whitespace) => format!("[profile \"{name}\"]"),
            name => format!("[profile {name}]"),
        };
        let region = self.region.as_ref().map(|region| format!("region = {region}\n")).unwrap_or_default();
        format!("{head}\n{MARK}\ncredential_process = {}\n{region}", self.credential_process)
    }
}

/// A name for each role: `ACCOUNT-ROLE`, by the account's name where one is known; with the path or the provider where
/// that alone would name two.
pub fn names_for_roles(offers: &[RoleOffer], accounts: &AccountNames) -> Vec<String> {
    let account = |offer: &RoleOffer| {
        let id = offer.role().account_id();
        accounts.get(id).map_or(id, String::as_str).to_owned()
    };
    let short = |offer: &RoleOffer| format!("{}-{}", account(offer), offer.role().name());
    let longer = |offer: &RoleOffer| format!("{}-{}", account(offer), offer.role().path_and_name().replace('/', "-"));
    let longest = |offer: &RoleOffer| format!("{}-{}", longer(offer), offer.provider().name());
    let is_only = |name: &dyn Fn(&RoleOffer) -> String, of: &RoleOffer| {
        offers.iter().filter(|offer| name(offer) == name(of)).count() == 1
    };
    let name = |offer: &RoleOffer| match offer {
        offer if is_only(&short, offer) => short(offer),
        offer if is_only(&longer, offer) => longer(offer),
        offer => longest(offer),
    };
    offers.iter().map(name).collect()
}

/// A word as the AWS CLI and the SDKs split it: double quotes around what holds white space.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// What syncing changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Synced {
    /// Profiles that were written, whether they were there before or not.
    pub written: Vec<String>,
    /// Profiles of ours that were taken away.
    pub removed: Vec<String>,
    /// Profiles that are somebody else's, and were left alone.
    pub left_alone: Vec<String>,
    /// Profiles whose keys in the credentials file win over what was written.
    pub hidden_by_keys: Vec<String>,
}

/// One section of the file with the lines before the next one, as they stand.
struct Section<'t> {
    /// The name of the profile, where it is one.
    profile: Option<String>,
    text: &'t str,
}

impl Section<'_> {
    fn is_ours(&self) -> bool {
        self.text.lines().any(|line| line.trim() == MARK)
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    starts.push(text.len());
    let piece = |pair: &[usize]| match pair {
        [from, to] if from < to => text.get(*from..*to),
        _ => None,
    };
    starts.windows(2).filter_map(piece).map(|text| Section { profile: profile_of(text), text }).collect()
}

fn profile_of(section: &str) -> Option<String> {
    let head = section.lines().next()?.strip_prefix('[')?;
    let (name, _) = head.split_once(']')?;
    let name = name.trim();
    match name.strip_prefix("profile").filter(|rest| rest.starts_with(char::is_whitespace)) {
        Some(rest) => Some(rest.trim().trim_matches('"').to_owned()),
        None => (name == "default").then(|| name.to_owned()),
    }
}

/// The text with these profiles in it: ours replaced where they stand or added at the end, ours that are not among them
/// taken away, everything else as it was, to the byte.
fn synced(text: &str, profiles: &[AwsProfile]) -> (String, Synced) {
    let mut out = String::with_capacity(text.len() + 1024);
    let mut done = Synced::default();
    let mut there = Vec::new();
    for section in sections(text) {
        let wanted = profiles.iter().find(|profile| section.profile.as_deref() == Some(profile.name.as_str()));
        match wanted {
            Some(profile) if section.is_ours() && !there.contains(&profile.name) => {
                out.push_str(&profile.section());
                // The lines that set it apart from the next one stay.
                let blank = section.text.len() - section.text.trim_end().len();
                let blank = section.text.get(section.text.len() - blank..).unwrap_or_default();
                out.push_str(blank.split_once('\n').map_or("", |(_, rest)| rest));
                done.written.push(profile.name.clone());
                there.push(profile.name.clone());
            }
            Some(profile) => {
                out.push_str(section.text);
                if !there.contains(&profile.name) {
                    done.left_alone.push(profile.name.clone());
                    there.push(profile.name.clone());
                }
            }
            None if section.is_ours() => done.removed.extend(section.profile),
            None => out.push_str(section.text),
        }
    }
    for profile in profiles.iter().filter(|profile| !there.contains(&profile.name)) {
        if !out.is_empty() {
            out.push_str(if out.ends_with("\n\n") {
                ""
            } else if out.ends_with('\n') {
                "\n"
            } else {
                "\n\n"
            });
        }
        out.push_str(&profile.section());
        done.written.push(profile.name.clone());
    }
    (out, done)
}

/// The names of the profiles in a credentials file that hold keys.
fn with_keys(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(head) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            name = head.0.trim();
        } else if line.trim_start().starts_with("aws_access_key_id") && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Writes these profiles into the AWS config file, and nothing else: `AWS_CONFIG_FILE`, or `~/.aws/config`.
///
/// The file is locked, written aside and renamed; a link to it is followed; comments and order stay; a new one is for its
/// owner alone. Keys in `AWS_SHARED_CREDENTIALS_FILE`, or `~/.aws/credentials`, under the same name are reported: they win.
///
/// # Errors
///
/// `io`; then the file is as it was.
pub fn sync_aws_profiles(profiles: &[AwsProfile]) -> Result<Synced> {
    let file = aws_file("AWS_CONFIG_FILE", "config")?;
    let mut done = sync_file(&file, profiles).map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Output, format!("`{}` cannot be written: {error}", file.display()))
            .with_source(error)
    })?;
    let keys = aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let keys = fs::read_to_string(keys).unwrap_or_default();
    let hidden = with_keys(&keys);
    done.hidden_by_keys = done.written.iter().filter(|name| hidden.contains(&name.as_str())).cloned().collect();
    Ok(done)
}

fn aws_file(variable: &str, name: &str) -> Result<PathBuf> {
    if let Some(file) = std::env::var_os(variable).filter(|file| !file.is_empty()) {
        return Ok(file.into());
    }
    let home = etcetera::home_dir().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Output, "there is no home directory to find the AWS files in")
            .with_hint(format!("name the file with `{variable}`"))
            .with_source(error)
    })?;
    Ok(home.join(".aws").join(name))
}

fn sync_file(file: &Path, profiles: &[AwsProfile]) -> io::Result<Synced> {
    // A link stays a link: what it leads to is what is written.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    if let Some(folder) = file.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let _lock = lock(&file.with_extension("tempaccess-lock"))?;
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let (new, done) = synced(&text, profiles);
    if new != text {
        let mode = fs::metadata(&file).map(|metadata| metadata.permissions()).ok();
        crate::store::replace(&file, new.as_bytes())?;
        if let Some(mode) = mode {
            fs::set_permissions(&file, mode)?;
        }
    }
    Ok(done)
}

fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds it"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> AwsProfile {
        AwsProfile::new(name, &["/opt/my tools/tempaccess", "credentials", "--role", "a\"b"], Some("eu-west-1"))
            .unwrap()
    }

    const OTHERS: &str =
        "# my file\n[default]\nregion=us-east-1 ; mine\n\n[profile other]\n  s3 =\n    max = 1\n[sso-session x]\na=b";

    #[test]
    fn what_is_not_ours_stays_to_the_byte() {
        let (text, done) = synced(OTHERS, &[profile("work"), profile("other")]);
        assert!(text.starts_with(OTHERS));
        assert_eq!(
            (done.written.as_slice(), done.left_alone.as_slice()),
            (&["work".to_owned()][..], &["other".to_owned()][..])
        );
        // Ours is written anew where it stands, and taken away when it is not wanted any more.
        let more = format!("{text}\n[profile last]\nx = 1\n");
        let (again, done) = synced(&more, &[profile("work")]);
        assert_eq!((again.as_str(), done.written.len()), (more.as_str(), 1));
        let (without, done) = synced(&more, &[]);
        assert_eq!(done.removed, ["work"]);
        assert_eq!(without, format!("{OTHERS}\n\n[profile last]\nx = 1\n"));
    }

    #[test]
    fn a_section_reads_as_the_aws_cli_reads_it() {
        let (text, _) = synced("", &[profile("my work"), profile("default")]);
        insta::assert_snapshot!(text, @r#"
        [profile "my work"]
        # managed by tempaccess: `tempaccess profiles sync` writes this section anew
        credential_process = "/opt/my tools/tempaccess" credentials --role "a\"b"
        region = eu-west-1

        [default]
        # managed by tempaccess: `tempaccess profiles sync` writes this section anew
        credential_process = "/opt/my tools/tempaccess" credentials --role "a\"b"
        region = eu-west-1
        "#);
    }

    #[test]
    fn roles_get_names_that_tell_them_apart() {
        let offer = |role: &str, provider: &str| {
            let value =
                format!("arn:aws:iam::123456789012:role/{role},arn:aws:iam::123456789012:saml-provider/{provider}");
            RoleOffer::from_attribute_value(&value).unwrap()
        };
        let offers = [offer("Admin", "Okta"), offer("a/Read", "Okta"), offer("b/Read", "Okta"), offer("b/Read", "Old")];
        let names = AccountNames::from([("123456789012".into(), "ledger".into())]);
        assert_eq!(
            names_for_roles(&offers, &names),
            ["ledger-Admin", "ledger-a-Read", "ledger-b-Read-Okta", "ledger-b-Read-Old"]
        );
        assert_eq!(names_for_roles(&offers[..1], &AccountNames::new()), ["123456789012-Admin"]);
    }

    #[test]
    fn names_and_commands_that_break_the_file_are_refused() {
        for name in ["", "a]", "a\nb", " a", "a\"b"] {
            assert!(AwsProfile::new(name, &["x"], None).is_err(), "{name:?}");
        }
        assert!(AwsProfile::new("a", &["x\ny"], None).is_err());
    }

    #[test]
    fn keys_that_win_are_found() {
        let text = "[a]\nregion = x\n[b]\naws_access_key_id = AKIA\n[ c ]\n aws_access_key_id=AKIA\n";
        assert_eq!(with_keys(text), ["b", "c"]);
    }

    #[test]
    fn a_file_is_replaced_through_its_link_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("dotfiles/config");
        fs::create_dir(real.parent().unwrap()).unwrap();
        fs::write(&real, OTHERS).unwrap();
        let link = folder.path().join("config");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
            std::os::unix::fs::symlink(&real, &link).unwrap();
            sync_file(&link, &[profile("work")]).unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
            assert!(fs::read_to_string(&real).unwrap().contains("[profile work]"));
            let new = folder.path().join("new/config");
            sync_file(&new, &[profile("work")]).unwrap();
            assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
