//! Credentials in the AWS credentials file, for programs that read nothing else.

use std::collections::HashSet;
use std::path::PathBuf;

use super::edit::{Content, EditedFile, edit};
use super::profiles::{aws_file, unreadable, win_over_keys};
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};

/// How the comment begins that marks a section as written by tempaccess.
const MARK: &str = "# written by tempaccess";

/// The keys that are written.
const KEYS: [&str; 6] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    // The name that boto 2 and other old programs read.
    "aws_security_token",
    // Names that saml2aws writes, and other programs read.
    "x_principal_arn",
    "x_security_token_expires",
];

/// Keys that say where else credentials come from, and which some programs prefer to keys in the same section.
const OTHER_CREDENTIALS: [&str; 10] = [
    "role_arn",
    "source_profile",
    "credential_source",
    "web_identity_token_file",
    "credential_process",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "login_session",
];

/// What may become of a section that the person or another program wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExistingProfile {
    /// It is not changed, and writing fails.
    #[default]
    Keep,
    /// Its credentials are replaced.
    Overwrite,
}

/// Writes credentials to a profile of the AWS credentials file, `AWS_SHARED_CREDENTIALS_FILE` or `~/.aws/credentials`, and
/// returns the path of the file.
///
/// This is the last resort, for programs that support nothing else: the credentials lie in the file in plain text, and
/// nothing refreshes them. The time when they expire is written next to them.
///
/// The file is locked and replaced as a whole. Links are followed; other sections, other keys and comments are not changed.
/// The file becomes readable for its owner only.
///
/// This waits for a lock: run it on a thread that may block.
///
/// # Errors
///
/// `invalid_argument` if the name cannot be that of a profile, or if there is a profile of this name that tempaccess did not
/// write and that `existing` keeps; `invalid_configuration` if the file has a form in which it cannot be changed safely; `io`
/// if it cannot be written. The file is then as it was.
pub fn write_aws_credentials(
    profile: &str,
    credentials: &SessionCredentials,
    principal: Option<&str>,
    existing: ExistingProfile,
) -> Result<PathBuf> {
    let lines = lines_for(profile, credentials, principal)?;
    let path = aws_file(CREDENTIALS_FILE, "credentials")?;
    let refused = |refusal| match refusal {
        Refusal::Exists => Error::new(
            ErrorKind::InvalidArgument,
            Stage::Output,
            format!("it has a profile `{profile}` that tempaccess did not write"),
        )
        .with_hint("choose another name, or replace its credentials with `--overwrite`"),
        Refusal::Unsafe(problem) => Error::new(
            ErrorKind::InvalidConfiguration,
            Stage::Output,
            match problem {
                Some(problem) => format!("the AWS CLI and boto3 cannot read it: {problem}"),
                None => "it has a form in which it cannot be changed safely".to_owned(),
            },
        )
        .with_hint("each section and each key must occur once; nothing was written"),
    };
    const REMEDY: &str = "choose another file with `AWS_SHARED_CREDENTIALS_FILE`";
    let file = EditedFile { path: path.clone(), content: Content::Secrets, stage: Stage::Output, remedy: REMEDY };
    edit(&file, |text| with_section(text, profile, &lines, existing).map(|text| (text, ())).map_err(refused))?;
    Ok(path)
}

/// Returns the settings of a profile in the AWS config file that the AWS CLI and the SDKs prefer to its keys in the credentials file,
/// such as `role_arn`.
///
/// ```
/// use tempaccess_core::front_end::settings_over_credentials;
///
/// assert!(settings_over_credentials("a profile that nobody has").is_empty());
/// ```
pub fn settings_over_credentials(profile: &str) -> Vec<String> {
    let config = aws_file("AWS_CONFIG_FILE", "config").ok().and_then(|file| crate::input::read_text(&file).ok());
    config.map(|text| win_over_keys(&text, profile)).unwrap_or_default()
}

/// Returns the AWS file whose profile `default` has credentials, if there is one. The AWS CLI and the SDKs prefer these to
/// an endpoint that `AWS_CONTAINER_CREDENTIALS_FULL_URI` names; credentials in the environment win over both.
pub fn default_profile_with_credentials() -> Option<PathBuf> {
    let files = [(CREDENTIALS_FILE, "credentials"), ("AWS_CONFIG_FILE", "config")];
    files.into_iter().filter_map(|(variable, name)| aws_file(variable, name).ok()).find(|file| {
        // A file that cannot be read gives nobody credentials.
        let text = crate::input::read_text(file).unwrap_or_default();
        has_default_credentials(&text)
    })
}

fn has_default_credentials(text: &str) -> bool {
    let is_default = |name: &str| name.trim().trim_start_matches("profile ").trim() == "default";
    let is_credential = |key: &str| KEYS.contains(&key) || OTHER_CREDENTIALS.contains(&key);
    let sections = meaning(&lines(text));
    let mut properties = sections.iter().filter(|(name, _)| is_default(name)).flat_map(|(_, properties)| properties);
    properties.any(|(key, _)| is_credential(key))
}

const CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// The lines below the header: the mark, then each key.
fn lines_for(profile: &str, credentials: &SessionCredentials, principal: Option<&str>) -> Result<Vec<String>> {
    let is_name = !profile.is_empty()
        && profile.trim() == profile
        // The section whose keys botocore gives to all others, and the form of the config file.
        && profile != "DEFAULT"
        && !profile.starts_with("profile ")
        && !profile.chars().any(|character| character.is_control() || "[]\"'\\#;".contains(character));
    if !is_name {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Output,
            format!("`{}` cannot be the name of a profile", crate::text::printable(profile)),
        ));
    }
    let expiration = credentials.expiration.to_string();
    let token = credentials.session_token.expose();
    let secret = credentials.secret_access_key.expose();
    let values = [
        &*credentials.access_key_id,
        secret,
        token,
        token,
        principal.unwrap_or(credentials.role.as_str()),
        &*expiration,
    ];
    let mut lines = vec![format!("{MARK}: expires {expiration}")];
    for (key, value) in KEYS.iter().zip(values) {
        if value.is_empty() || !value.chars().all(|character| character.is_ascii_graphic()) {
            let message = format!("the value of `{key}` cannot be written to a file");
            return Err(Error::new(ErrorKind::StsUnavailable, Stage::Output, message));
        }
        lines.push(format!("{key} = {value}"));
    }
    Ok(lines)
}

/// Why a file is not changed.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// There is a section of that name that somebody else wrote.
    Exists,
    /// Programs would read something else than what was meant. With the reason, if the AWS tools cannot read it either.
    Unsafe(Option<String>),
}

/// What a line is, as Python's configparser reads it, which botocore uses.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind<'t> {
    Header(&'t str),
    /// A key, in lower case.
    Property(String),
    /// A further line of the value before.
    Continuation,
    /// Blank, or a comment.
    Nothing,
    /// What configparser refuses.
    Other,
}

struct Line<'t> {
    text: &'t str,
    indent: usize,
    kind: Kind<'t>,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    // The indentation of the last key, until the next header.
    let mut property = None;
    for text in text.split_inclusive('\n') {
        let trimmed = text.trim();
        let indent = text.len() - text.trim_start().len();
        let kind = if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            Kind::Nothing
        } else if property.is_some_and(|level| indent > level) {
            Kind::Continuation
        } else if let Some((name, _)) = trimmed.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
            property = None;
            Kind::Header(name)
        } else if let Some((key, _)) = trimmed.split_once(['=', ':']) {
            property = Some(indent);
            Kind::Property(key.trim().to_lowercase())
        } else {
            Kind::Other
        };
        lines.push(Line { text, indent, kind });
    }
    lines
}

/// What a file means: for each section the text of its properties, with their further lines.
fn meaning<'t>(lines: &[Line<'t>]) -> Vec<(&'t str, Vec<(String, String)>)> {
    let mut sections: Vec<(&str, Vec<(String, String)>)> = vec![("", Vec::new())];
    for line in lines {
        let Some((_, properties)) = sections.last_mut() else { continue };
        match &line.kind {
            Kind::Header(name) => sections.push((name, Vec::new())),
            Kind::Property(key) => properties.push((key.clone(), line.text.trim().to_owned())),
            Kind::Continuation => {
                if let Some((_, value)) = properties.last_mut() {
                    value.push('\n');
                    value.push_str(line.text.trim());
                }
            }
            Kind::Other => properties.push((String::new(), line.text.to_owned())),
            Kind::Nothing => {}
        }
    }
    sections
}

/// Whether configparser reads the file: no section and no key twice, and nothing that is neither.
fn is_readable(sections: &[(&str, Vec<(String, String)>)]) -> bool {
    let mut names = HashSet::new();
    sections.iter().all(|(name, properties)| {
        let mut keys = HashSet::new();
        // Before the first header, there are no keys.
        (!name.is_empty() || properties.is_empty())
            && names.insert(name.trim())
            && properties.iter().all(|(key, _)| !key.is_empty() && keys.insert(key))
    })
}

/// The text of a credentials file with this section in it.
fn with_section(text: &str, profile: &str, new: &[String], existing: ExistingProfile) -> Result<String, Refusal> {
    let before = lines(text);
    let old = meaning(&before);
    if !is_readable(&old) {
        return Err(Refusal::Unsafe(unreadable(text)));
    }
    let end_of_line = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let header = before.iter().position(|line| matches!(line.kind, Kind::Header(name) if name.trim() == profile));
    let mut out = String::with_capacity(text.len() + 4096);
    match header {
        None => {
            out.push_str(text);
            if !text.is_empty() {
                out.push_str(if text.ends_with('\n') { "" } else { end_of_line });
                out.push_str(if text.ends_with("\n\n") || text.ends_with("\n\r\n") { "" } else { end_of_line });
            }
            out.extend(["[", profile, "]", end_of_line]);
            new.iter().for_each(|line| out.extend([line, end_of_line]));
        }
        Some(header) => {
            let section = before.get(header + 1..).unwrap_or_default();
            let length = section.iter().position(|line| matches!(line.kind, Kind::Header(_)));
            let (section, rest) = section.split_at(length.unwrap_or(section.len()));
            let is_mark = |line: &Line<'_>| line.text.trim_start().starts_with(MARK);
            if !section.iter().any(is_mark) && existing == ExistingProfile::Keep {
                return Err(Refusal::Exists);
            }
            let mut kept = Vec::new();
            let mut is_dropped = false;
            for line in section {
                is_dropped = match &line.kind {
                    Kind::Property(key) => KEYS.contains(&&**key) || OTHER_CREDENTIALS.contains(&&**key),
                    Kind::Continuation => is_dropped,
                    _ => is_mark(line),
                };
                if !is_dropped {
                    kept.push(line);
                }
            }
            before.iter().take(header + 1).for_each(|line| out.push_str(line.text));
            if !out.ends_with('\n') {
                out.push_str(end_of_line);
            }
            // As far in as what follows, which otherwise would continue the last value.
            let next = kept.iter().copied().chain(rest).find(|line| line.kind != Kind::Nothing);
            let indent = next.map_or("", |line| line.text.get(..line.indent).unwrap_or_default());
            for line in new {
                // A comment that is indented may be read as a part of a value.
                out.extend([if line.starts_with('#') { "" } else { indent }, line, end_of_line]);
            }
            kept.iter().copied().chain(rest).for_each(|line| out.push_str(line.text));
        }
    }
    if is_as_meant(&old, &meaning(&lines(&out)), profile, new) { Ok(out) } else { Err(Refusal::Unsafe(None)) }
}

/// Whether a new file means the same as the old one in all other sections and keys, and what was meant in this one.
fn is_as_meant(
    old: &[(&str, Vec<(String, String)>)],
    new: &[(&str, Vec<(String, String)>)],
    profile: &str,
    written: &[String],
) -> bool {
    let is_credential = |key: &String| KEYS.contains(&&**key) || OTHER_CREDENTIALS.contains(&&**key);
    let others = |sections: &[(&str, Vec<(String, String)>)]| -> Vec<(String, Vec<(String, String)>)> {
        let with_others = |(name, properties): &(&str, Vec<(String, String)>)| {
            let is_ours = name.trim() == profile;
            let properties = properties.iter().filter(|(key, _)| !is_ours || !is_credential(key)).cloned().collect();
            (name.trim().to_owned(), properties)
        };
        let mut sections: Vec<(_, Vec<_>)> = sections.iter().map(with_others).collect();
        sections.retain(|(name, properties)| name != profile || !properties.is_empty());
        sections
    };
    let ours = new.iter().find(|(name, _)| name.trim() == profile).map(|(_, properties)| properties);
    let credentials: Vec<_> =
        ours.into_iter().flatten().filter(|(key, _)| is_credential(key)).map(|(_, text)| text).collect();
    is_readable(new) && others(old) == others(new) && credentials.iter().copied().eq(written.iter().skip(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(text: &str, existing: ExistingProfile) -> Result<String, Refusal> {
        let new = ["# written by tempaccess: expires X".to_owned(), "aws_access_key_id = NEW".to_owned()];
        with_section(text, "work", &new, existing)
    }

    const OURS: &str = "[work]\n# written by tempaccess: expires X\naws_access_key_id = NEW\n";

    #[test]
    fn a_new_section_goes_below_everything() {
        let keep = ExistingProfile::Keep;
        assert_eq!(write("", keep).unwrap(), OURS);
        for (text, between) in [("# mine\n[a]\nx = 1", "\n\n"), ("[a]\nx=1\n", "\n"), ("[a]\nx : 1\n\n", "")] {
            assert_eq!(write(text, keep).unwrap(), format!("{text}{between}{OURS}"), "{text:?}");
        }
        assert_eq!(write("[a]\r\nx=1\r\n", keep).unwrap(), format!("[a]\r\nx=1\r\n\r\n{}", OURS.replace('\n', "\r\n")));
        assert_eq!(write("  [a]\n  x = 1\n", keep).unwrap(), format!("  [a]\n  x = 1\n\n{OURS}"));
    }

    #[test]
    fn our_section_is_written_again_and_what_others_wrote_stays() {
        let keep = ExistingProfile::Keep;
        assert_eq!(write(OURS, keep).unwrap(), OURS);
        let text = "[a]\nk = 1\n[work] ; mine\n# written by tempaccess: expires 2020\n# note\nAWS_Access_Key_Id = OLD\n  more\naws_session_token=T\nregion = x\ns3 =\n  y = 1\n\n# next\n[b]\naws_access_key_id = B\n";
        let expected = "[a]\nk = 1\n[work] ; mine\n# written by tempaccess: expires X\naws_access_key_id = NEW\n# note\nregion = x\ns3 =\n  y = 1\n\n# next\n[b]\naws_access_key_id = B\n";
        assert_eq!(write(text, keep).unwrap(), expected);
        // What is indented does not become a part of our last value.
        let text = "[work]\n# written by tempaccess: expires 2020\n  region = x\n  [b]\n  k = 1\n";
        let expected =
            "[work]\n# written by tempaccess: expires X\n  aws_access_key_id = NEW\n  region = x\n  [b]\n  k = 1\n";
        assert_eq!(write(text, keep).unwrap(), expected);
    }

    #[test]
    fn a_section_of_others_is_overwritten_with_consent_only() {
        let text = "[ work ]\naws_access_key_id = AKIA\nrole_arn = arn\noutput = json\n[b]\n";
        assert_eq!(write(text, ExistingProfile::Keep), Err(Refusal::Exists));
        let expected = "[ work ]\n# written by tempaccess: expires X\naws_access_key_id = NEW\noutput = json\n[b]\n";
        assert_eq!(write(text, ExistingProfile::Overwrite).unwrap(), expected);
        // A mark elsewhere marks nothing.
        let text = format!("[a]\n{MARK}\n[work]\nx = 1\n");
        assert_eq!(write(&text, ExistingProfile::Keep), Err(Refusal::Exists));
    }

    #[test]
    fn a_file_that_nobody_can_read_is_not_made_worse() {
        for text in ["[a]\nx = 1\n[a]\n", "[a]\nx = 1\nX = 2\n", "x = 1\n[a]\n", "[a]\nnonsense\n"] {
            assert!(matches!(write(text, ExistingProfile::Overwrite), Err(Refusal::Unsafe(_))), "{text:?}");
        }
    }

    #[test]
    fn credentials_of_the_default_profile_are_found() {
        for text in [
            "[default]\naws_access_key_id = x\n",
            "# a\n[profile x]\n[ default ] ; b\nregion = x\nCredential_Process: x\n",
            "[profile default]\n  role_arn = x",
        ] {
            assert!(has_default_credentials(text), "{text:?}");
        }
        for text in ["", "[default]\nregion = x\n", "[other]\naws_access_key_id = x\n", "[default]\n# role_arn = x\n"] {
            assert!(!has_default_credentials(text), "{text:?}");
        }
    }

    #[test]
    fn names_that_mean_something_else_are_refused() {
        let credentials = SessionCredentials::new(
            "ASIAEXAMPLE",
            "secret".into(),
            "token".into(),
            "2026-11-24T12:00:00Z".parse().unwrap(),
            "arn:aws:iam::123456789012:role/ReadOnly".parse().unwrap(),
        );
        for name in ["", "DEFAULT", "profile x", "a]b", "a\nb", " a", "a#b", "a;b", "'a'", "a\\b"] {
            assert!(lines_for(name, &credentials, None).is_err(), "{name:?}");
        }
        let lines = lines_for("my work", &credentials, None).unwrap();
        assert_eq!(lines[0], "# written by tempaccess: expires 2026-11-24T12:00:00Z");
        assert_eq!(lines.len(), 7);
        let spaced = SessionCredentials { session_token: "a b".into(), ..credentials };
        assert!(lines_for("a", &spaced, None).is_err());
    }
}
