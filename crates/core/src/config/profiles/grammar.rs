//! The grammar of AWS config files, as botocore reads them: Python's `RawConfigParser`, then one level of nesting.
//!
//! It is followed to the letter, odd as some of it is: an indented `[section]` after a property continues the value of that
//! property, keys are separated by `=` or `:` and compared in lower case, a header may be followed by anything.

use std::collections::{HashMap, HashSet};

use super::shlex;

/// The section whose properties every other section inherits.
const DEFAULTS: &str = "DEFAULT";

/// A line, and what ends it: `\n`, `\r\n`, `\r`, or nothing at the end of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    pub(super) end: &'t str,
}

impl<'t> Line<'t> {
    /// The whitespace before the first other character.
    pub(super) fn indent(&self) -> &'t str {
        let rest = self.text.trim_start_matches(is_space);
        self.text.get(..self.text.len() - rest.len()).unwrap_or_default()
    }

    /// Whether it has a meaning: it is neither blank nor a comment.
    pub(super) fn is_significant(&self) -> bool {
        let text = trim(self.text);
        !text.is_empty() && !text.starts_with(['#', ';'])
    }
}

/// A key with its value. Line numbers count from 0.
#[derive(Debug)]
pub(super) struct Property {
    /// In lower case.
    pub(super) key: String,
    /// The lines of the value, joined by newlines.
    pub(super) value: String,
    pub(super) line: usize,
    /// The first further line of the value that is not blank.
    pub(super) continued: Option<usize>,
}

/// A section: its header and all lines before the next one.
#[derive(Debug)]
pub(super) struct Section<'t> {
    /// What the brackets hold.
    pub(super) name: &'t str,
    /// The line of the header.
    pub(super) header: usize,
    /// The line after the last one.
    pub(super) end: usize,
    pub(super) properties: Vec<Property>,
}

impl Section<'_> {
    /// The profile that it describes, where it describes one.
    pub(super) fn profile(&self) -> Option<String> {
        profile_of(self.name)
    }

    /// The profile that Python before 3.11 and the SDKs see in the header, where botocore on a newer Python does not: those
    /// end the name at the first `]`, this one at the last.
    pub(super) fn other_profile(&self) -> Option<String> {
        profile_of(self.name.split_once(']')?.0)
    }

    pub(super) fn get<'s>(&'s self, key: &'s str) -> impl Iterator<Item = &'s Property> {
        self.properties.iter().filter(move |property| property.key == key)
    }

    /// Its properties, without where they are.
    pub(super) fn meaning(&self) -> Vec<(&str, &str)> {
        self.properties.iter().map(|property| (property.key.as_str(), property.value.as_str())).collect()
    }
}

/// Why botocore cannot read a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

/// A file, read as far as it can be.
#[derive(Debug)]
pub(super) struct Document<'t> {
    pub(super) lines: Vec<Line<'t>>,
    pub(super) sections: Vec<Section<'t>>,
    /// The first reason why botocore refuses the whole file.
    pub(super) problem: Option<Problem>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Self {
        let lines = lines(text);
        let mut reader = Reader { sections: Vec::new(), has_property: false, indent: 0, problems: Vec::new() };
        for (at, line) in lines.iter().enumerate() {
            reader.line(at, line);
        }
        let Reader { mut sections, mut problems, .. } = reader;
        let mut end = lines.len();
        for section in sections.iter_mut().rev() {
            section.end = end;
            end = section.header;
            for property in &mut section.properties {
                property.value.truncate(property.value.trim_end_matches(is_space).len());
            }
        }
        find_duplicates(&sections, &mut problems);
        find_bad_nesting(&sections, &mut problems);
        problems.sort_by_key(|problem| problem.line);
        Self { lines, sections, problem: problems.into_iter().next() }
    }

    /// The properties that every section inherits.
    pub(super) fn defaults(&self) -> impl Iterator<Item = &Property> {
        self.sections.iter().filter(|section| section.name == DEFAULTS).flat_map(|section| &section.properties)
    }

    /// The keys that botocore finds in a section: its own and the inherited ones.
    pub(super) fn keys<'d>(&'d self, section: &'d Section<'_>) -> impl Iterator<Item = &'d str> {
        section.properties.iter().chain(self.defaults()).map(|property| property.key.as_str())
    }

    /// The indentation of the first line from `at` on that has a meaning. A property that is put before that line with the
    /// same indentation changes the meaning of none.
    pub(super) fn indent_from(&self, at: usize) -> &'t str {
        let line = self.lines.iter().skip(at).find(|line| line.is_significant());
        line.map(Line::indent).unwrap_or_default()
    }

    /// What ends most lines here.
    pub(super) fn line_end(&self) -> &'t str {
        self.lines.iter().map(|line| line.end).find(|end| *end == "\r\n").unwrap_or("\n")
    }
}

struct Reader<'t> {
    sections: Vec<Section<'t>>,
    /// Whether a further line may continue the last property.
    has_property: bool,
    /// That of the last line that began something, in characters.
    indent: usize,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, at: usize, line: &Line<'t>) {
        let text = trim(line.text);
        if text.starts_with(['#', ';']) {
            return;
        }
        let indent = line.indent().chars().count();
        let continues = self.has_property && (text.is_empty() || indent > self.indent);
        if let Some(property) = self.sections.last_mut().and_then(|section| section.properties.last_mut())
            && continues
        {
            property.value.push('\n');
            property.value.push_str(text);
            if !text.is_empty() {
                property.continued.get_or_insert(at);
            }
            return;
        }
        if text.is_empty() {
            return;
        }
        self.indent = indent;
        let mut problem = |what: &str| self.problems.push(Problem { line: at + 1, what: what.to_owned() });
        if let Some(name) = header(text) {
            self.sections.push(Section { name, header: at, end: at, properties: Vec::new() });
            self.has_property = false;
        } else if let Some(section) = self.sections.last_mut() {
            let Some((key, value)) = text.split_once(['=', ':']) else {
                return problem("it is neither a section header nor `key = value`");
            };
            let key = key.trim_end_matches(is_space).to_lowercase();
            self.has_property = !key.is_empty();
            if key.is_empty() {
                problem("there is no key before the `=`");
            }
            section.properties.push(Property { key, value: trim(value).to_owned(), line: at, continued: None });
        } else if text.starts_with('\u{feff}') {
            problem("the file begins with a byte order mark");
        } else {
            problem("there is no section header before it");
        }
    }
}

fn find_duplicates(sections: &[Section<'_>], problems: &mut Vec<Problem>) {
    let mut names = HashSet::new();
    let mut keys = HashSet::new();
    for section in sections {
        if !names.insert(section.name) && section.name != DEFAULTS {
            let what = format!("there is another section `[{}]` before it", section.name);
            problems.push(Problem { line: section.header + 1, what });
        }
        for property in &section.properties {
            if !keys.insert((section.name, property.key.as_str())) {
                let what = format!("`{}` is set twice in the section `[{}]`", property.key, section.name);
                problems.push(Problem { line: property.line + 1, what });
            }
        }
    }
}

/// A value that begins on the line after its key is a list of `key = value`.
fn find_bad_nesting(sections: &[Section<'_>], problems: &mut Vec<Problem>) {
    for property in sections.iter().flat_map(|section| &section.properties) {
        let Some(nested) = property.value.strip_prefix('\n') else { continue };
        let lines = nested.split(is_line_end).map(trim);
        if lines.filter(|line| !line.is_empty()).any(|line| !line.contains('=')) {
            let what = format!("the lines below `{}` are not all `key = value`", property.key);
            problems.push(Problem { line: property.continued.unwrap_or(property.line) + 1, what });
        }
    }
}

/// The profiles of a file. Of several sections for one profile, the last one counts.
pub(super) fn profiles(sections: &[Section<'_>]) -> HashMap<String, Vec<usize>> {
    let mut profiles = HashMap::<_, Vec<_>>::new();
    for (at, section) in sections.iter().enumerate() {
        if let Some(profile) = section.profile() {
            profiles.entry(profile).or_default().push(at);
        }
    }
    profiles
}

/// The name between the brackets: up to the last `]`, whatever follows it.
fn header(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn profile_of(section: &str) -> Option<String> {
    if section == "default" {
        return Some(section.to_owned());
    }
    // Whatever begins like this counts, `[profiles x]` too.
    let words = section.starts_with("profile").then(|| shlex::split(section))??;
    match words.as_slice() {
        [_, name] => Some(name.clone()),
        _ => None,
    }
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(length);
        let end = if after.starts_with("\r\n") { 2 } else { after.len().min(1) };
        let (end, after) = after.split_at(end);
        lines.push(Line { text: line, end });
        rest = after;
    }
    lines
}

/// What Python's `str.isspace` takes for a space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Where Python's `str.splitlines` splits.
fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<(usize, String)> {
        Document::parse(text).problem.map(|problem| (problem.line, problem.what))
    }

    fn profiles_of(text: &str) -> Vec<String> {
        Document::parse(text).sections.iter().filter_map(Section::profile).collect()
    }

    #[test]
    fn profiles_are_found_as_botocore_finds_them() {
        for (text, expected) in [
            ("[default]", &["default"][..]),
            ("  [default]\n  a = 1\n  [profile x]\n", &["default", "x"]),
            // Indented deeper than the property before it, a header is a line of that property's value.
            ("[default]\na = 1\n  [profile x]\n", &["default"]),
            ("[default]\n  [profile x]\n", &["default", "x"]),
            ("[profile  x ]", &["x"]),
            ("[ profile x]", &[]),
            ("[profile \"x y\"]\n[profile 'z']\n[profile a\\ b]", &["x y", "z", "a b"]),
            ("[profile\tx] ; comment", &["x"]),
            ("[profile x] # see [y]", &[]),
            ("[profiles x]\n[profile]\n[profile a b]\n[profile 'a]\n[sso-session s]\n[plugins]", &["x"]),
            ("[Default]\n[DEFAULT]\n[profile DEFAULT]", &["DEFAULT"]),
            ("# [profile x]\n; [profile y]\n  # [profile z]", &[]),
            ("[profile x]\r[profile y]\r\n[profile z]", &["x", "y", "z"]),
            ("\u{1c}[profile x]\u{a0}\n", &["x"]),
        ] {
            assert_eq!(profiles_of(text), expected, "{text:?}");
        }
        assert_eq!(Document::parse("[profile x] # see [y]").sections[0].other_profile().as_deref(), Some("x"));
    }

    #[test]
    fn keys_and_values_are_read_as_botocore_reads_them() {
        let text =
            "[default]\n REGION : x = y \n\ts3 =\n\n\t  # comment\n\t  max = 1\n ; comment\n a=b # c\n  more\n\n";
        let document = Document::parse(text);
        assert_eq!(document.problem, None);
        let expected = [("region", "x = y"), ("s3", "\n\nmax = 1"), ("a", "b # c\nmore")];
        assert_eq!(document.sections[0].meaning(), expected);
        let properties = &document.sections[0].properties;
        assert_eq!(
            properties.iter().map(|p| (p.line, p.continued)).collect::<Vec<_>>(),
            [(1, None), (2, Some(5)), (7, Some(8))]
        );
    }

    #[test]
    fn what_botocore_refuses_has_a_line() {
        for (text, expected) in [
            ("", None),
            ("\n# x\n", None),
            ("[a]\nx = 1\n[DEFAULT]\ny = 1\n[DEFAULT]\nz = 1", None),
            ("[a]\ns3 =\n  x = 1\n\n  y=2", None),
            ("x = 1", Some((1, "there is no section header before it"))),
            ("[]\n", Some((1, "there is no section header before it"))),
            ("\u{feff}[default]", Some((1, "the file begins with a byte order mark"))),
            ("[a]\n[b]\n[a]", Some((3, "there is another section `[a]` before it"))),
            ("[a]\nregion = 1\n\nRegion: 1", Some((4, "`region` is set twice in the section `[a]`"))),
            ("[DEFAULT]\ny = 1\n[DEFAULT]\ny = 1", Some((4, "`y` is set twice in the section `[DEFAULT]`"))),
            ("[a]\nnonsense", Some((2, "it is neither a section header nor `key = value`"))),
            ("[a]\n= 1", Some((2, "there is no key before the `=`"))),
            ("[a]\ns3 =\n  x = 1\n  y", Some((3, "the lines below `s3` are not all `key = value`"))),
        ] {
            let expected = expected.map(|(line, what)| (line, what.to_owned()));
            assert_eq!(problem(text), expected, "{text:?}");
        }
    }
}
