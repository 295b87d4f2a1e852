//! The keys of one section that tempaccess manages.

use std::collections::HashMap;

use super::grammar::{Document, Property, Section};

/// How the comment begins that marks a section as managed. It is a line of its own.
const MARK: &str = "# managed by tempaccess";
pub(super) const PROCESS: &str = "credential_process";
pub(super) const REGION: &str = "region";

/// Returns the comment that marks a section. It records the region that is written, so that any other one is known to be the
/// person's. It is not indented: some SDKs take an indented comment for a part of a value.
pub(super) fn mark(region: Option<&str>) -> String {
    let region = region.map(|region| format!(", {REGION} = {region}")).unwrap_or_default();
    format!("{MARK}: `tempaccess profiles sync` writes {PROCESS}{region}")
}

fn recorded_region(mark: &str) -> Option<&str> {
    Some(mark.rsplit_once(&format!(", {REGION} = "))?.1.trim())
}

/// Whether tempaccess manages a section. Below a key, a mark alone marks nothing: it may be what is left of another section.
pub(super) fn is_managed(document: &Document<'_>, section: &Section<'_>) -> bool {
    let has_process = section.get(PROCESS).next().is_some();
    marks_of(document, section).next().is_some_and(|first| has_process || is_above_keys(first, section))
}

/// Returns the lines of the marks of a section: at most one where nobody copied it.
fn marks_of<'d>(document: &'d Document<'_>, section: &Section<'_>) -> impl Iterator<Item = usize> + use<'d> {
    let lines = document.lines.iter().enumerate().take(section.end).skip(section.header + 1);
    lines.filter(|(_, line)| line.text.trim_start().starts_with(MARK)).map(|(at, _)| at)
}

fn is_above_keys(line: usize, section: &Section<'_>) -> bool {
    section.properties.first().is_none_or(|first| line < first.line)
}

/// What becomes of the lines of one section, and what they then mean.
pub(super) struct SectionEdit<'d, 't> {
    document: &'d Document<'t>,
    /// Whether the header stays.
    pub(super) has_header: bool,
    mark: Option<usize>,
    /// Lines that get another text, or none.
    pub(super) changed: HashMap<usize, Option<String>>,
    /// The line below which new ones go: above all keys.
    pub(super) top: usize,
    pub(super) new_lines: Vec<String>,
    /// New keys and their values, then those that were there, with their lines.
    new_properties: Vec<(String, String)>,
    properties: Vec<(usize, String, String)>,
}

impl<'d, 't> SectionEdit<'d, 't> {
    pub(super) fn new(document: &'d Document<'t>, section: &Section<'_>) -> Self {
        let mut marks = marks_of(document, section);
        let mark = marks.next();
        let properties = section.properties.iter().map(|p| (p.line, p.key.clone(), p.value.clone())).collect();
        Self {
            document,
            has_header: true,
            mark,
            changed: marks.map(|at| (at, None)).collect(),
            top: mark.filter(|at| is_above_keys(*at, section)).unwrap_or(section.header),
            new_lines: Vec::new(),
            new_properties: Vec::new(),
            properties,
        }
    }

    fn text(&self, line: usize) -> &'t str {
        self.document.lines.get(line).map(|line| line.text).unwrap_or_default()
    }

    /// Returns the keys `region` that we wrote, and the others: those with another value than the mark records.
    pub(super) fn regions<'s>(&self, section: &'s Section<'_>) -> (Vec<&'s Property>, Vec<&'s Property>) {
        let recorded = self.mark.and_then(|at| recorded_region(self.text(at)));
        let regions = section.properties.iter().filter(|property| property.key == REGION);
        regions.partition(|property| recorded == Some(property.value.as_str()))
    }

    pub(super) fn set_mark(&mut self, region: Option<&str>) {
        let text = mark(region);
        match self.mark {
            Some(at) if self.text(at) == text => {}
            Some(at) => drop(self.changed.insert(at, Some(text))),
            None => self.new_lines.push(text),
        }
    }

    pub(super) fn remove_mark(&mut self) {
        self.changed.extend(self.mark.map(|at| (at, None)));
    }

    /// Sets a key that is in these places to a value, once, or removes it. Returns the reason where that is not possible.
    pub(super) fn set(&mut self, key: &str, value: Option<&str>, found: &[&Property]) -> Result<(), String> {
        if let Some(line) = found.iter().find_map(|property| property.continued) {
            return Err(format!(
                "line {} is indented and so continues the value of `{key}`: remove its indentation",
                line + 1
            ));
        }
        let mut found = found.iter();
        if let Some(value) = value {
            match found.next() {
                Some(first) if first.value == value => {}
                Some(first) => {
                    let indent = self.document.indent_from(first.line);
                    self.changed.insert(first.line, Some(format!("{indent}{key} = {value}")));
                    if let Some(property) = self.properties.iter_mut().find(|(line, ..)| *line == first.line) {
                        value.clone_into(&mut property.2);
                    }
                }
                None => {
                    // As the line that follows, so that this one continues no value, and neither does that one.
                    let indent = self.document.indent_from(self.top + 1);
                    self.new_lines.push(format!("{indent}{key} = {value}"));
                    self.new_properties.push((key.to_owned(), value.to_owned()));
                }
            }
        }
        for property in found {
            self.changed.insert(property.line, None);
            self.properties.retain(|(line, ..)| *line != property.line);
        }
        Ok(())
    }

    pub(super) fn has_properties(&self) -> bool {
        !self.properties.is_empty() || !self.new_properties.is_empty()
    }

    /// The keys and values of the section as it will be read.
    pub(super) fn meaning(&self) -> Vec<(String, String)> {
        let old = self.properties.iter().map(|(_, key, value)| (key.clone(), value.clone()));
        self.new_properties.iter().cloned().chain(old).collect()
    }
}
