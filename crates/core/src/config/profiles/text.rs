//! The text of an AWS config file, changed in our sections alone.

use super::AwsProfile;
use super::file::Synced;

/// What marks a section as ours: the line right after its header, and nowhere else.
const MARK: &str = "# managed by tempaccess: `tempaccess profiles sync` writes the next lines anew";

impl AwsProfile {
    fn header(&self) -> String {
        // `profile default` would be another one.
        match self.name.as_str() {
            "default" => "[default]".to_owned(),
            name if name.contains(char::is_whitespace) => format!("[profile \"{name}\"]"),
            name => format!("[profile {name}]"),
        }
    }

    /// What stands below the header.
    fn lines(&self) -> String {
        let region = self.region.as_ref().map(|region| format!("region = {region}\n")).unwrap_or_default();
        format!("{MARK}\ncredential_process = {}\n{region}", self.credential_process)
    }
}

/// One section of the file: its header, and the lines before the next one.
struct Section<'t> {
    /// The name of the profile, where it is one.
    profile: Option<String>,
    text: &'t str,
}

impl<'t> Section<'t> {
    /// The header of a section of ours, and what others wrote below it: their keys, comments, blank lines. A region is
    /// ours only where we write one.
    fn ours(&self, with_region: bool) -> Option<(&'t str, String)> {
        self.profile.as_ref()?;
        let mut lines = self.text.split_inclusive('\n');
        let header = lines.next()?;
        if lines.next()?.trim_end() != MARK {
            return None;
        }
        let key = |line: &str| line.split_once('=').map(|(key, _)| key.trim_end().to_owned()).unwrap_or_default();
        // Ours are the first ones, each once; what stands below is somebody else's.
        let mut lines = lines.peekable();
        lines.next_if(|line| key(line) == "credential_process");
        lines.next_if(|line| with_region && key(line) == "region");
        Some((header, lines.collect()))
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
        // Quoted as in a shell, where it is quoted.
        Some(rest) => match shell_words::split(rest).as_deref() {
            Ok([name]) => Some(name.clone()),
            _ => Some(rest.trim().trim_matches('"').to_owned()),
        },
        None => (name == "default").then(|| name.to_owned()),
    }
}

/// The text of an AWS config file with these profiles in it: ours written anew where they stand or added at the end,
/// everything else as it was, to the byte. Where `prune` says so, ours that are not among them are taken away, and what
/// others wrote below them stays.
///
/// [`sync_aws_profiles`](super::sync_aws_profiles) does it to the file; this is for whoever keeps the file elsewhere.
///
/// ```
/// use tempaccess_core::config::{AwsProfile, aws_config_with};
///
/// let work = AwsProfile::new("work", &["tempaccess", "credentials", "--output", "credential-process"], None)?;
/// let (text, done) = aws_config_with("# mine\n", &[work], false);
/// assert!(text.starts_with("# mine\n\n[profile work]\n"));
/// assert_eq!(done.written, ["work"]);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
pub fn aws_config_with(text: &str, profiles: &[AwsProfile], prune: bool) -> (String, Synced) {
    let mut out = String::with_capacity(text.len() + 1024);
    let mut done = Synced::default();
    let mut there = Vec::new();
    for section in sections(text) {
        let wanted = profiles.iter().find(|profile| section.profile.as_deref() == Some(profile.name.as_str()));
        let wanted = wanted.filter(|profile| !there.contains(&profile.name));
        let with_region = wanted.is_none_or(|profile| profile.region.is_some());
        match (wanted, section.ours(with_region)) {
            (Some(profile), Some((header, rest))) => {
                out.push_str(header);
                out.push_str(&profile.lines());
                out.push_str(&rest);
                done.written.push(profile.name.clone());
            }
            (Some(profile), None) => {
                out.push_str(section.text);
                done.left_alone.push(profile.name.clone());
            }
            (None, Some((header, rest))) if prune => {
                done.removed.extend(section.profile);
                // A key below it would be another section's without its header; a comment is its own.
                if rest.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with(['#', ';'])) {
                    out.push_str(header);
                }
                out.push_str(rest.trim_start_matches(['\r', '\n']));
            }
            (None, _) => out.push_str(section.text),
        }
        there.extend(wanted.map(|profile| profile.name.clone()));
    }
    for profile in profiles {
        // Of two that are called alike, the first one counts: a file with both would be read by nobody.
        if there.contains(&profile.name) {
            continue;
        }
        there.push(profile.name.clone());
        if !out.is_empty() {
            out.push_str(match &out {
                out if out.ends_with("\n\n") => "",
                out if out.ends_with('\n') => "\n",
                _ => "\n\n",
            });
        }
        out.push_str(&profile.header());
        out.push('\n');
        out.push_str(&profile.lines());
        done.written.push(profile.name.clone());
    }
    (out, done)
}

/// The names of the profiles in a credentials file that hold keys.
pub(super) fn with_keys(text: &str) -> Vec<&str> {
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
        let (text, done) = aws_config_with(OTHERS, &[profile("work"), profile("other")], true);
        assert!(text.starts_with(OTHERS));
        assert_eq!(
            (done.written.as_slice(), done.left_alone.as_slice()),
            (&["work".to_owned()][..], &["other".to_owned()][..])
        );
        // Ours is written anew where it stands, and taken away when it is not wanted any more.
        let more = format!("{text}\n[profile last]\nx = 1\n");
        let (again, done) = aws_config_with(&more, &[profile("work")], true);
        assert_eq!((again.as_str(), done.written.len()), (more.as_str(), 1));
        let (same, done) = aws_config_with(&more, &[], false);
        assert_eq!((same.as_str(), done), (more.as_str(), Synced::default()));
        let (without, done) = aws_config_with(&more, &[], true);
        assert_eq!(done.removed, ["work"]);
        assert_eq!(without, format!("{OTHERS}\n\n[profile last]\nx = 1\n"));
    }

    #[test]
    fn what_others_wrote_into_our_section_is_theirs() {
        let (text, _) = aws_config_with("", &[profile("a")], true);
        let theirs = "output = json\nregion = theirs\n\n# the next one is mine\n";
        let more = format!("{text}{theirs}[profile b]\n# {MARK}\nx = 1\n{MARK}\n");
        let (again, done) = aws_config_with(&more, &[profile("a"), profile("b")], true);
        assert_eq!((again.as_str(), done.left_alone.as_slice()), (more.as_str(), &["b".to_owned()][..]));
        let (without, done) = aws_config_with(&more, &[profile("b")], true);
        assert_eq!(done.removed, ["a"]);
        assert_eq!(without, format!("[profile a]\n{theirs}[profile b]\n# {MARK}\nx = 1\n{MARK}\n"));
        // A mark below something that is no profile marks nothing.
        let text = format!("[sso-session x]\n{MARK}\ncredential_process = x\n");
        assert_eq!(aws_config_with(&text, &[], true).0, text);
    }

    #[test]
    fn a_region_that_a_person_wrote_is_theirs_and_one_name_is_one_section() {
        let plain = AwsProfile::new("a", &["x"], None).unwrap();
        let (text, _) = aws_config_with("", std::slice::from_ref(&plain), false);
        let theirs = format!("{text}region = eu-west-1\noutput = json\n");
        assert_eq!(aws_config_with(&theirs, std::slice::from_ref(&plain), true).0, theirs);
        let (text, done) = aws_config_with("", &[plain.clone(), plain], false);
        assert_eq!((text.matches("[profile a]").count(), done.written.len()), (1, 1));
        let quoted = "[profile 'my work']\nx = 1\n";
        let (text, done) = aws_config_with(quoted, &[profile("my work")], true);
        assert_eq!((text.as_str(), done.left_alone.as_slice()), (quoted, &["my work".to_owned()][..]));
    }

    #[test]
    fn a_section_reads_as_the_aws_cli_reads_it() {
        let (text, _) = aws_config_with("", &[profile("my work"), profile("default")], false);
        insta::assert_snapshot!(text, @r#"
        [profile "my work"]
        # managed by tempaccess: `tempaccess profiles sync` writes the next lines anew
        credential_process = '/opt/my tools/tempaccess' credentials --role 'a"b'
        region = eu-west-1

        [default]
        # managed by tempaccess: `tempaccess profiles sync` writes the next lines anew
        credential_process = '/opt/my tools/tempaccess' credentials --role 'a"b'
        region = eu-west-1
        "#);
    }

    #[test]
    fn keys_that_win_are_found() {
        let text = "[a]\nregion = x\n[b]\naws_access_key_id = AKIA\n[ c ]\n aws_access_key_id=AKIA\n";
        assert_eq!(with_keys(text), ["b", "c"]);
    }
}
