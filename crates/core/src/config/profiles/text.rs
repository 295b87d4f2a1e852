//! The text of an AWS config file, changed in the sections that tempaccess manages and nowhere else.

use std::collections::{HashMap, HashSet};

use super::grammar::{self, Document, Line, Section};
use super::section::{PROCESS, REGION, SectionEdit, is_managed, mark};
use super::{AwsProfile, AwsProfiles, SkippedProfile, SyncOptions, Synced};
use crate::error::{Error, ErrorKind, Result, Stage};

/// Keys that say where credentials come from. botocore and the SDKs prefer most of them to `credential_process`.
const CREDENTIAL_KEYS: [&str; 13] = [
    PROCESS,
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "credential_source",
    "login_session",
    "role_arn",
    "source_profile",
    "sso_account_id",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

impl AwsProfile {
    fn header(&self) -> String {
        // `profile default` would be another section.
        match self.name.as_str() {
            "default" => "[default]".to_owned(),
            name if name.contains(char::is_whitespace) => format!("[profile \"{name}\"]"),
            name => format!("[profile {name}]"),
        }
    }
}

/// Returns the text of an AWS config file with these profiles in it: updated where tempaccess manages them, added at the end
/// where there are none. Everything else stays as it is, to the byte. With [`SyncOptions::prune`], managed profiles that are not
/// among these are removed; keys that the person added to them stay.
///
/// The result is read again before it is returned, as botocore would, and says what was meant.
/// [`sync_aws_profiles`](super::sync_aws_profiles) does this to the file on the disk.
///
/// ```
/// use tempaccess_core::config::{AwsProfiles, SyncOptions, aws_config_with};
///
/// let mut profiles = AwsProfiles::default();
/// profiles.add("work", &["tempaccess", "credentials", "--output", "credential-process"], None);
/// let (text, synced) = aws_config_with("# mine\n", &profiles, SyncOptions::default())?;
/// assert!(text.starts_with("# mine\n\n[profile work]\n"));
/// assert_eq!(synced.written, ["work"]);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
///
/// # Errors
///
/// `invalid_configuration` where botocore cannot read the text, before or after.
pub fn aws_config_with(text: &str, profiles: &AwsProfiles, options: SyncOptions) -> Result<(String, Synced)> {
    let document = Document::parse(text);
    let edited = Edit::new(&document, profiles, options).run();
    let after = Document::parse(&edited.text);
    if let Some(problem) = document.problem.as_ref().filter(|_| after.problem.is_some()) {
        let message = format!("the AWS CLI and boto3 cannot read it: line {}: {}", problem.line, problem.what);
        return Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Output, message)
            .with_hint("correct that line; nothing was written"));
    }
    if after.problem.is_some() || !edited.is_read_as_meant(&after) {
        let message = "the profiles cannot be added without changing the meaning of other lines";
        return Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Output, message)
            .with_hint("remove the indentation of section headers and keys; nothing was written"));
    }
    Ok((edited.text, edited.synced))
}

/// Returns those of these profiles for which a credentials file has settings of its own: these win.
pub(super) fn hidden_by(credentials: &str, profiles: &[String]) -> Vec<String> {
    let document = Document::parse(credentials);
    let has_credentials = |section: &&Section<'_>| document.keys(section).any(|key| CREDENTIAL_KEYS.contains(&key));
    let hidden: HashSet<_> = document.sections.iter().filter(has_credentials).map(|section| section.name).collect();
    profiles.iter().filter(|name| hidden.contains(name.as_str())).cloned().collect()
}

/// Whether a setting gives a profile other credentials than its `credential_process`.
fn wins_over_process(key: &str) -> bool {
    key != PROCESS && CREDENTIAL_KEYS.contains(&key)
}

/// Returns the settings of a profile in a config file that botocore prefers to keys in the credentials file.
pub(in crate::config) fn win_over_keys(config: &str, profile: &str) -> Vec<String> {
    const WIN: [&str; 6] =
        ["role_arn", "web_identity_token_file", "sso_session", "sso_start_url", "sso_account_id", "login_session"];
    let document = Document::parse(config);
    let named = document.sections.iter().filter(|section| section.profile().as_deref() == Some(profile));
    let mut keys: Vec<_> = named.flat_map(|section| document.keys(section)).filter(|key| WIN.contains(key)).collect();
    keys.dedup();
    keys.into_iter().map(str::to_owned).collect()
}

/// Returns why botocore cannot read a file, if it cannot.
pub(in crate::config) fn unreadable(text: &str) -> Option<String> {
    Document::parse(text).problem.map(|problem| format!("line {}: {}", problem.line, problem.what))
}

/// A section of the result, as it is to be read.
type Meaning = (String, Vec<(String, String)>);

/// What is done to a section.
#[derive(Clone, Copy)]
enum Change<'p> {
    Write(&'p AwsProfile),
    Remove,
}

struct Edit<'d, 't, 'p> {
    document: &'d Document<'t>,
    /// By the number of the section.
    changes: HashMap<usize, Change<'p>>,
    added: Vec<&'p AwsProfile>,
    done: Edited<'p>,
}

struct Edited<'p> {
    text: String,
    meaning: Vec<Meaning>,
    written: Vec<&'p AwsProfile>,
    synced: Synced,
}

impl Edited<'_> {
    fn is_read_as_meant(&self, document: &Document<'_>) -> bool {
        let meant = self.meaning.iter().map(|(name, properties)| {
            (name.as_str(), properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect::<Vec<_>>())
        });
        let read = document.sections.iter().map(|section| (section.name, section.meaning()));
        let profiles = grammar::profiles(&document.sections);
        let has_process = |profile: &&AwsProfile| {
            let sections = profiles.get(&profile.name).and_then(|sections| sections.last());
            let section = sections.and_then(|at| document.sections.get(*at));
            section.is_some_and(|section| {
                section.get(PROCESS).any(|property| property.value == profile.credential_process)
            })
        };
        meant.eq(read) && self.written.iter().all(has_process)
    }
}

impl<'d, 't, 'p> Edit<'d, 't, 'p> {
    fn new(document: &'d Document<'t>, profiles: &'p AwsProfiles, options: SyncOptions) -> Self {
        let done = Edited { text: String::new(), meaning: Vec::new(), written: Vec::new(), synced: Synced::default() };
        let mut edit = Self { document, changes: HashMap::new(), added: Vec::new(), done };
        let existing = grammar::profiles(&document.sections);
        let uncertain: HashMap<_, _> =
            document.sections.iter().filter_map(|section| Some((section.other_profile()?, section.header))).collect();
        let mut wanted = HashSet::new();
        for profile in &profiles.profiles {
            // Of two with the same name, the first one counts: nothing reads a file with both.
            if !wanted.insert(profile.name.as_str()) {
                continue;
            }
            match (existing.get(&profile.name), uncertain.get(&profile.name)) {
                (Some(sections), _) => edit.change(profile, sections, options),
                (None, None) => edit.added.push(profile),
                (None, Some(line)) => {
                    let line = line + 1;
                    let reason =
                        format!("AWS tools disagree about the section header in line {line}: end it at its first `]`");
                    edit.done.synced.skipped.push(SkippedProfile { name: profile.name.clone(), reason });
                }
            }
        }
        wanted.extend(profiles.skipped.iter().map(|skipped| skipped.name.as_str()));
        edit.done.synced.skipped.extend_from_slice(&profiles.skipped);
        let unwanted = existing.iter().filter(|(name, _)| options.prune && !wanted.contains(name.as_str()));
        // Whose header some tools read as the name of a wanted profile.
        let is_uncertain = |at: usize| {
            let other = document.sections.get(at).and_then(grammar::Section::other_profile);
            other.is_some_and(|name| wanted.contains(name.as_str()))
        };
        for at in unwanted.flat_map(|(_, sections)| sections) {
            if edit.is_managed(*at) && !is_uncertain(*at) {
                edit.changes.insert(*at, Change::Remove);
            }
        }
        edit
    }

    fn is_managed(&self, at: usize) -> bool {
        self.document.sections.get(at).is_some_and(|section| is_managed(self.document, section))
    }

    /// Decides what becomes of a profile that has sections already. The last one counts.
    fn change(&mut self, profile: &'p AwsProfile, sections: &[usize], options: SyncOptions) {
        let Some((last, section)) = sections.last().and_then(|at| Some((*at, self.document.sections.get(*at)?))) else {
            return;
        };
        let has_credentials = self.document.keys(section).any(|key| CREDENTIAL_KEYS.contains(&key));
        let is_adoptable = sections.len() == 1 && !has_credentials;
        if self.is_managed(last) || (is_adoptable && options.adopt) {
            self.changes.insert(last, Change::Write(profile));
        } else {
            let synced = &mut self.done.synced;
            synced.left_alone.push(profile.name.clone());
            synced.adoptable.extend(is_adoptable.then(|| profile.name.clone()));
        }
    }

    fn run(mut self) -> Edited<'p> {
        let document = self.document;
        let first = document.sections.first().map_or(document.lines.len(), |section| section.header);
        self.copy(document.lines.iter().take(first));
        for (at, section) in document.sections.iter().enumerate() {
            let edited = match self.changes.get(&at).copied() {
                Some(Change::Write(profile)) => self.write(section, profile).map(Some),
                Some(Change::Remove) => self.remove(section).map(Some),
                None => Ok(None),
            };
            let edited = edited.unwrap_or_else(|skipped| {
                self.done.synced.skipped.push(skipped);
                None
            });
            if let Some(edit) = edited {
                self.emit(section, &edit);
                continue;
            }
            self.copy(document.lines.iter().take(section.end).skip(section.header));
            let properties = section.meaning().into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
            self.done.meaning.push((section.name.to_owned(), properties.collect()));
        }
        for profile in std::mem::take(&mut self.added) {
            self.append(profile);
        }
        self.done
    }

    fn copy<'l>(&mut self, lines: impl IntoIterator<Item = &'l Line<'l>>) {
        for line in lines {
            self.done.text.push_str(line.text);
            self.done.text.push_str(line.end);
        }
    }

    fn line(&mut self, text: &str) {
        if !self.done.text.is_empty() && !self.done.text.ends_with(['\n', '\r']) {
            self.done.text.push_str(self.document.line_end());
        }
        self.done.text.push_str(text);
        self.done.text.push_str(self.document.line_end());
    }

    /// Writes our keys into a section, each where it is, or above all others.
    fn write(&mut self, section: &Section<'t>, profile: &'p AwsProfile) -> Result<SectionEdit<'d, 't>, SkippedProfile> {
        let skipped = |reason| SkippedProfile { name: profile.name.clone(), reason };
        let mut edit = SectionEdit::new(self.document, section);
        let (ours, others) = edit.regions(section);
        let region = profile.region.as_deref().filter(|_| others.is_empty());
        edit.set_mark(region);
        edit.set(PROCESS, Some(&profile.credential_process), &section.get(PROCESS).collect::<Vec<_>>())
            .map_err(skipped)?;
        edit.set(REGION, region, &ours).map_err(skipped)?;
        let synced = &mut self.done.synced;
        synced.written.push(profile.name.clone());
        if profile.region.is_some()
            && region.is_none()
            && others.iter().all(|other| Some(&other.value) != profile.region.as_ref())
        {
            synced.region_kept.push(profile.name.clone());
        }
        if self.document.keys(section).any(wins_over_process) {
            synced.hidden_by_settings.push(profile.name.clone());
        }
        self.done.written.push(profile);
        Ok(edit)
    }

    /// Removes our keys from a section, and the section with them where nothing else is in it.
    fn remove(&mut self, section: &Section<'t>) -> Result<SectionEdit<'d, 't>, SkippedProfile> {
        let name = section.profile().unwrap_or_default();
        let skipped = |reason| SkippedProfile { name: name.clone(), reason };
        let mut edit = SectionEdit::new(self.document, section);
        let (ours, _) = edit.regions(section);
        edit.remove_mark();
        edit.set(PROCESS, None, &section.get(PROCESS).collect::<Vec<_>>()).map_err(skipped)?;
        edit.set(REGION, None, &ours).map_err(skipped)?;
        // Without the header, an indented header after it would continue the value before it.
        edit.has_header = edit.has_properties() || !self.document.indent_from(section.end).is_empty();
        self.done.synced.removed.push(name);
        Ok(edit)
    }

    fn emit(&mut self, section: &Section<'_>, edit: &SectionEdit<'_, '_>) {
        let document = self.document;
        let mut is_leading = !edit.has_header;
        for (at, line) in document.lines.iter().enumerate().take(section.end).skip(section.header) {
            let is_removed = match edit.changed.get(&at) {
                Some(text) => text.is_none(),
                // Blank lines that set the section apart go with its header.
                None => !edit.has_header && (at == section.header || (is_leading && line.text.trim().is_empty())),
            };
            if !is_removed {
                let text = edit.changed.get(&at).and_then(Option::as_deref).unwrap_or(line.text);
                self.copy([&Line { text, end: line.end }]);
            }
            is_leading &= is_removed;
            for text in edit.new_lines.iter().filter(|_| at == edit.top) {
                self.line(text);
            }
        }
        if edit.has_header {
            self.done.meaning.push((section.name.to_owned(), edit.meaning()));
        }
    }

    fn append(&mut self, profile: &'p AwsProfile) {
        let end = self.document.line_end();
        let text = &self.done.text;
        if !text.is_empty() && !text.ends_with(&format!("{end}{end}")) {
            self.line("");
        }
        let header = profile.header();
        self.line(&header);
        self.line(&mark(profile.region.as_deref()));
        let mut properties = vec![(PROCESS.to_owned(), profile.credential_process.clone())];
        properties.extend(profile.region.clone().map(|region| (REGION.to_owned(), region)));
        for (key, value) in &properties {
            self.line(&format!("{key} = {value}"));
        }
        // A new section inherits from `[DEFAULT]`, too.
        if self.document.defaults().any(|property| wins_over_process(&property.key)) {
            self.done.synced.hidden_by_settings.push(profile.name.clone());
        }
        let name = header.trim_start_matches('[').trim_end_matches(']').to_owned();
        self.done.meaning.push((name, properties));
        self.done.synced.written.push(profile.name.clone());
        self.done.written.push(profile);
    }
}

#[cfg(test)]
mod tests;
