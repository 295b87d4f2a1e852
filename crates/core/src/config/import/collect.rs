//! Gathers profiles, the names that they are written under, and notes about everything that was not imported.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::values::{Refusal, line};
use super::{Imported, Settings};
use crate::text::excerpt;

/// A profile that is to be written, with the names that it asks for.
#[derive(Debug)]
pub(super) struct Draft {
    /// The section of the tool's file.
    section: String,
    /// The name of the AWS profile that the tool writes to, and the key that says so.
    aws_profile: Option<(&'static str, String)>,
    /// A second name, for which the profile is written again.
    also: Option<String>,
    settings: Settings,
}

impl Draft {
    /// A profile that is named like its section.
    pub(super) fn new(section: impl Into<String>, settings: Settings) -> Self {
        Self { section: section.into(), aws_profile: None, also: None, settings }
    }

    /// Names the profile like the AWS profile that the tool writes to, so that scripts with `AWS_PROFILE` keep working.
    pub(super) fn named(mut self, key: &'static str, name: &str) -> Self {
        if name != self.section {
            self.aws_profile = Some((key, name.to_owned()));
        }
        self
    }

    /// Writes the profile under a second name, too, where nothing else has that name.
    pub(super) fn also(mut self, name: impl Into<String>) -> Self {
        self.also = Some(name.into());
        self
    }
}

/// What an import has found so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    drafts: Vec<Draft>,
    imported: Imported,
}

impl Collector {
    /// Adds a note about one section.
    pub(super) fn note(&mut self, section: &str, text: impl Display) {
        self.imported.notes.push(format!("`{}`: {text}", excerpt(section)));
    }

    /// Adds a note about the whole file.
    pub(super) fn note_file(&mut self, text: impl Display) {
        self.imported.notes.push(text.to_string());
    }

    /// Notes that a section becomes no profile, and why.
    pub(super) fn refuse(&mut self, section: &str, reason: impl Display) {
        self.note(section, format_args!("not imported: {reason}"));
    }

    /// Returns a value that was accepted, or notes why its key is not imported.
    pub(super) fn keep<T>(&mut self, section: &str, key: &str, value: Result<T, Refusal>) -> Option<T> {
        value.map_err(|reason| self.note(section, format_args!("`{key}` is not imported: {reason}"))).ok()
    }

    /// Returns the value of a key, as `accept` takes it. A value that cannot be read or that it refuses is noted.
    pub(super) fn accept<V: AsRef<str>, T>(
        &mut self,
        section: &str,
        key: &str,
        value: Result<Option<V>, Refusal>,
        accept: impl FnOnce(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        let accepted = value.transpose()?.and_then(|value| accept(value.as_ref()));
        self.keep(section, key, accepted)
    }

    /// Notes the keys of a section that have no equivalent, each by its name.
    pub(super) fn unmapped<'k>(&mut self, section: &str, keys: impl IntoIterator<Item = &'k str>) {
        let names: BTreeSet<_> = keys.into_iter().map(|key| format!("`{}`", excerpt(key))).collect();
        let names: Vec<_> = names.into_iter().collect();
        match names.as_slice() {
            [] => {}
            [name] => self.note(section, format_args!("{name} is not imported: it has no equivalent here")),
            names => {
                let list = names.join(", ");
                self.note(section, format_args!("not imported, without an equivalent here: {list}"));
            }
        }
    }

    /// Adds a profile.
    pub(super) fn add(&mut self, draft: Draft) {
        self.drafts.push(draft);
    }

    /// Adds the name of an account; the first one counts.
    pub(super) fn name_account(&mut self, id: &str, name: &str) {
        let name = name.trim();
        if name.is_empty() {
            return;
        }
        if let Err(reason) = line(name) {
            self.note_file(format_args!("the name of the account {id} is not imported: {reason}"));
            return;
        }
        let first = self.imported.accounts.entry(id.to_owned()).or_insert_with(|| name.to_owned()).clone();
        if first != name {
            self.note_file(format_args!(
                "the account {id} has several names: `{}` is imported, `{}` is not",
                excerpt(&first),
                excerpt(name)
            ));
        }
    }

    /// Names the profiles and returns everything that was found.
    ///
    /// A profile whose AWS profile has another name than its section gets that name where nothing else has it; a name is
    /// never given twice, and what was not given is noted.
    pub(super) fn finish(mut self) -> Imported {
        let mut names = Names::default();
        let drafts = std::mem::take(&mut self.drafts);
        // A section's own name goes before a name that another section asks for.
        let (own, renamed): (Vec<_>, Vec<_>) = drafts.into_iter().partition(|draft| draft.aws_profile.is_none());
        let mut second_names = Vec::new();
        for draft in own.into_iter().chain(renamed) {
            let Some(name) = self.name(&names, &draft) else { continue };
            names.taken.insert(name.clone(), draft.section.clone());
            if let Some(also) = draft.also.clone() {
                second_names.push((also, draft.section.clone(), draft.settings.clone()));
            }
            self.imported.profiles.insert(name, draft.settings);
        }
        for (name, section, settings) in second_names {
            match (names.taken.get(&name), usable(&name)) {
                (Some(owner), _) if *owner == section => {}
                (Some(owner), _) => self.note(
                    &section,
                    format_args!(
                        "not written as `{}`, too: that is the name of the profile from `{}`",
                        excerpt(&name),
                        excerpt(owner)
                    ),
                ),
                (None, Err(reason)) => {
                    self.note(&section, format_args!("not written as `{}`, too: {reason}", excerpt(&name)));
                }
                (None, Ok(())) => {
                    names.taken.insert(name.clone(), section);
                    self.imported.profiles.insert(name, settings);
                }
            }
        }
        self.imported
    }

    /// The name that a profile is written under; `None` where there is none left, which is noted.
    fn name(&mut self, names: &Names, draft: &Draft) -> Option<String> {
        let section = &draft.section;
        if let Some((key, wanted)) = &draft.aws_profile {
            let shown = excerpt(wanted);
            match (names.taken.get(wanted), usable(wanted)) {
                (_, Err(reason)) => self.note(section, format_args!("`{key}` does not name the profile: {reason}")),
                (Some(owner), _) => self.note(
                    section,
                    format_args!(
                        "`{key}` does not name the profile: `{shown}` is the name of the profile from `{}`",
                        excerpt(owner)
                    ),
                ),
                (None, Ok(())) => {
                    self.note(section, format_args!("written as `{shown}`, the AWS profile that it names (`{key}`)"));
                    return Some(wanted.clone());
                }
            }
        }
        match (names.taken.get(section), usable(section)) {
            (_, Err(reason)) => self.refuse(section, format_args!("its name cannot be that of a profile: {reason}")),
            (Some(owner), _) => {
                self.refuse(section, format_args!("its name is that of the profile from `{}`", excerpt(owner)));
            }
            (None, Ok(())) => return Some(section.clone()),
        }
        None
    }
}

/// The names that are given, with the sections that have them.
#[derive(Debug, Default)]
struct Names {
    taken: BTreeMap<String, String>,
}

/// Whether a name can be written and then be given as an argument.
fn usable(name: &str) -> Result<(), Refusal> {
    match name.trim() {
        "" => Err("it is empty".to_owned()),
        name if name.starts_with('-') => Err("it would be read as an option".to_owned()),
        _ => line(name).map(drop),
    }
}

/// Returns whether a key narrows a session, as far as its name tells. A session must not become wider by an import, so a
/// profile with such a key is imported with it or not at all.
pub(super) fn narrows_session(key: &str) -> bool {
    key.to_ascii_lowercase().contains("polic")
}

/// Returns why a profile is refused whose sessions a key without an equivalent narrows.
pub(super) fn not_narrowed(key: &str) -> Refusal {
    format!("`{}` seems to narrow its sessions, and has no equivalent here", excerpt(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(section: &str) -> Draft {
        Draft::new(section, Settings { username: Some(section.to_owned()), ..Settings::default() })
    }

    fn finish(drafts: impl IntoIterator<Item = Draft>) -> (Vec<(String, String)>, Vec<String>) {
        let mut collector = Collector::default();
        drafts.into_iter().for_each(|draft| collector.add(draft));
        let imported = collector.finish();
        let profiles = imported.profiles.into_iter().map(|(name, settings)| (name, settings.username.unwrap()));
        (profiles.collect(), imported.notes)
    }

    #[test]
    fn a_profile_is_named_like_the_aws_profile() {
        let (profiles, notes) =
            finish([draft("narrow").named("aws_profile", "prod"), draft("same").named("aws_profile", "same")]);
        assert_eq!(profiles, [("prod".into(), "narrow".into()), ("same".into(), "same".into())]);
        assert_eq!(notes, ["`narrow`: written as `prod`, the AWS profile that it names (`aws_profile`)"]);
    }

    #[test]
    fn no_name_is_given_twice() {
        let (profiles, notes) = finish([
            draft("default").named("aws_profile", "saml").also("default"),
            draft("saml"),
            draft("a").named("aws_profile", "x"),
            draft("b").named("aws_profile", "x"),
            draft("c").named("aws_profile", "b"),
            draft("d").also("a"),
        ]);
        let names: Vec<_> = profiles.iter().map(|(name, from)| (name.as_str(), from.as_str())).collect();
        assert_eq!(
            names,
            [("a", "d"), ("b", "b"), ("c", "c"), ("d", "d"), ("default", "default"), ("saml", "saml"), ("x", "a")]
        );
        insta::assert_snapshot!(notes.join("\n"), @r"
        `default`: `aws_profile` does not name the profile: `saml` is the name of the profile from `saml`
        `a`: written as `x`, the AWS profile that it names (`aws_profile`)
        `b`: `aws_profile` does not name the profile: `x` is the name of the profile from `a`
        `c`: `aws_profile` does not name the profile: `b` is the name of the profile from `b`
        ");
    }

    #[test]
    fn names_that_cannot_be_used_are_noted() {
        let (profiles, notes) =
            finish([draft("-x"), draft("a\u{1b}b"), draft("ok").named("aws_profile", "-p"), draft(" ")]);
        assert_eq!(profiles.len(), 1);
        insta::assert_snapshot!(notes.join("\n"), @r"
        `-x`: not imported: its name cannot be that of a profile: it would be read as an option
        `a\u{1b}b`: not imported: its name cannot be that of a profile: it has characters that cannot be shown
        ` `: not imported: its name cannot be that of a profile: it is empty
        `ok`: `aws_profile` does not name the profile: it would be read as an option
        ");
    }
}
