//! INI files, as the tools read them: every dialect has its own rules for comments, quotes and references.
//!
//! [`go_ini`] reads the files of saml2aws and aws-runas, [`configparser`] those of gimme-aws-creds.

pub(super) mod configparser;
pub(super) mod go_ini;

use std::cell::{Cell, OnceCell};
use std::collections::{BTreeMap, HashMap};

use super::collect::narrows_session;
use super::invalid;
use super::values::MAX_VALUE;
use crate::error::{Error, Result};
use crate::text::excerpt;

/// Limits of a file, far above what people write, so that no file costs more than its size.
const MAX_SECTIONS: usize = 5_000;
const MAX_KEYS: usize = 100_000;
const MAX_NAME: usize = 256;
const MAX_RAW_VALUE: usize = 64 << 10;

/// How many references a value may contain, counting those in what it refers to.
const MAX_REFERENCES: usize = 100;
/// How many references are resolved for one file.
const MAX_REFERENCES_OF_FILE: usize = 1_000_000;
/// How deep references may refer to one another, as Python's configparser has it.
const MAX_REFERENCE_DEPTH: usize = 10;

/// A file: sections in their order, each name once.
#[derive(Debug, Default)]
pub(super) struct Ini {
    sections: Vec<Section>,
    index: HashMap<String, usize>,
    keys: usize,
    /// How many references were resolved.
    references: Cell<usize>,
}

/// A section with its raw values: references in them are not resolved yet.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) values: BTreeMap<String, String>,
    /// The keys that narrow sessions, by their names.
    narrowing: Vec<String>,
    /// The first of them that is not imported, once it was looked for.
    narrowing_key: OnceCell<Option<String>>,
}

impl Section {
    /// A key with a value that narrows sessions, and is not among those that are imported.
    pub(super) fn narrowing_key(&self, imported: &'static [&'static str]) -> Option<&str> {
        let has_value = |key: &&String| self.values.get(*key).is_some_and(|value| !value.is_empty());
        let is_imported = |key: &&String| imported.contains(&key.as_str());
        // Looked for once, since every section that inherits from this one asks.
        let find = || self.narrowing.iter().find(|key| has_value(key) && !is_imported(key)).cloned();
        self.narrowing_key.get_or_init(find).as_deref()
    }

    /// The keys that have a value, in alphabetical order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(_, value)| !value.is_empty()).map(|(key, _)| key.as_str())
    }
}

impl Ini {
    /// The sections in the order of the file.
    pub(super) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The section of that name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(*self.index.get(name)?)
    }

    /// Returns the place of a section, which is added where it is new, and whether it is.
    fn open(&mut self, name: &str, line: usize) -> Result<(usize, bool)> {
        if let Some(at) = self.index.get(name) {
            return Ok((*at, false));
        }
        if name.len() > MAX_NAME {
            return Err(at_line(line, format_args!("the name of a section is longer than {MAX_NAME} bytes")));
        }
        if self.sections.len() == MAX_SECTIONS {
            return Err(at_line(line, format_args!("there are more than {MAX_SECTIONS} sections")));
        }
        let at = self.sections.len();
        self.sections.push(Section {
            name: name.to_owned(),
            values: BTreeMap::new(),
            narrowing: Vec::new(),
            narrowing_key: OnceCell::new(),
        });
        self.index.insert(name.to_owned(), at);
        Ok((at, true))
    }

    /// Sets a value, and returns whether the key had none.
    fn set(&mut self, section: usize, key: &str, value: String, line: usize) -> Result<bool> {
        if key.len() > MAX_NAME {
            return Err(at_line(line, format_args!("the name of a key is longer than {MAX_NAME} bytes")));
        }
        if value.len() > MAX_RAW_VALUE {
            return Err(too_long(line));
        }
        let Some(section) = self.sections.get_mut(section) else { return Ok(false) };
        let is_new = section.values.insert(key.to_owned(), value).is_none();
        if is_new && narrows_session(key) {
            section.narrowing.push(key.to_owned());
        }
        self.keys += usize::from(is_new);
        if self.keys > MAX_KEYS {
            return Err(at_line(line, format_args!("there are more than {MAX_KEYS} keys")));
        }
        Ok(is_new)
    }
}

fn at_line(line: usize, what: impl std::fmt::Display) -> Error {
    invalid(format_args!("line {line}: {what}"))
}

fn too_long(line: usize) -> Error {
    at_line(line, format_args!("a value is longer than {MAX_RAW_VALUE} bytes"))
}

/// What is left of the references that one value may have.
#[derive(Debug)]
struct Budget<'i> {
    references: usize,
    of_file: &'i Cell<usize>,
}

impl<'i> Budget<'i> {
    fn new(ini: &'i Ini) -> Self {
        Self { references: 0, of_file: &ini.references }
    }

    /// Counts one more reference.
    fn spend(&mut self) -> Result<(), String> {
        self.references += 1;
        self.of_file.set(self.of_file.get() + 1);
        if self.references > MAX_REFERENCES || self.of_file.get() > MAX_REFERENCES_OF_FILE {
            return Err("it has too many references to other values".to_owned());
        }
        Ok(())
    }
}

fn check_length(value: &str) -> Result<(), String> {
    if value.len() > MAX_VALUE { Err(format!("it is longer than {MAX_VALUE} bytes")) } else { Ok(()) }
}

fn too_deep(name: &str) -> String {
    format!("the reference to `{}` goes in circles, or too deep", excerpt(name))
}
