//! The dialect of Python's `configparser.ConfigParser()`, as gimme-aws-creds uses it.
//!
//! ```text
//! file         = { blank | comment | header | option { blank | comment | continuation } }
//! comment      = ("#" | ";") text                   a whole line; there are no comments behind values
//! header       = "[" name "]" [text]                up to the last "]"; spaces belong to the name
//! option       = key ("=" | ":") value              the first delimiter; keys in any case mean their lower case
//! continuation = text                               indented deeper than its option; joined by a newline
//! ```
//!
//! Quotes mean nothing. A section may appear once (`[DEFAULT]` as often as it likes), and a key once in it. Every section
//! inherits the keys of `[DEFAULT]`. In values, `%(key)s` is replaced by another key of the section, and `%%` by `%`; any
//! other `%` makes the value unreadable.

use super::{Budget, Ini, MAX_RAW_VALUE, MAX_REFERENCE_DEPTH, Section, at_line, check_length, too_deep, too_long};
use crate::error::Result;
use crate::text::excerpt;

/// The section whose keys all others inherit.
pub(in super::super) const DEFAULT_SECTION: &str = "DEFAULT";

/// Reads a file.
pub(in super::super) fn parse(text: &str) -> Result<Ini> {
    let mut ini = Ini::default();
    let mut section = None;
    // The option that continuation lines belong to, with the line that it is in and its values.
    let mut option: Option<(usize, String, usize, String)> = None;
    let mut indent = 0;
    // Python's text files end lines at `\n`, `\r\n` and `\r`.
    let lines = text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'));
    for (number, line) in (1..).zip(lines) {
        let content = line.trim_matches(is_space);
        if content.starts_with(['#', ';']) {
            continue;
        }
        if content.is_empty() {
            if let Some((_, _, _, value)) = &mut option {
                value.push('\n');
            }
            continue;
        }
        let line_indent = line.chars().take_while(|character| is_space(*character)).count();
        if line_indent > indent
            && let Some((_, _, begun, value)) = &mut option
        {
            value.push('\n');
            value.push_str(content);
            if value.len() > MAX_RAW_VALUE {
                return Err(too_long(*begun));
            }
            continue;
        }
        indent = line_indent;
        end_option(&mut ini, option.take())?;
        if let Some((name, _)) = content.strip_prefix('[').and_then(|header| header.rsplit_once(']'))
            && !name.is_empty()
        {
            let (at, is_new) = ini.open(name, number)?;
            if !is_new && name != DEFAULT_SECTION {
                let message = format_args!("the section `{}` is there already", excerpt(name));
                return Err(at_line(number, message));
            }
            section = Some(at);
            continue;
        }
        let Some(section) = section else {
            return Err(at_line(number, "a line above the first section"));
        };
        let (key, value) =
            content.split_once(['=', ':']).ok_or_else(|| at_line(number, "neither a section nor a key with `=`"))?;
        let key = key.trim_end_matches(is_space).to_lowercase();
        if key.is_empty() {
            return Err(at_line(number, "a value without a key"));
        }
        option = Some((section, key, number, value.trim_start_matches(is_space).to_owned()));
    }
    end_option(&mut ini, option)?;
    Ok(ini)
}

fn end_option(ini: &mut Ini, option: Option<(usize, String, usize, String)>) -> Result<()> {
    let Some((section, key, line, value)) = option else { return Ok(()) };
    let value = value.trim_end_matches(is_space).to_owned();
    let shown = excerpt(&key).into_owned();
    if !ini.set(section, &key, value, line)? {
        return Err(at_line(line, format_args!("the key `{shown}` is there already")));
    }
    Ok(())
}

/// What `str.isspace` is true for: Unicode's white space, and the separators that ASCII has.
fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

impl Ini {
    /// Returns the value that configparser gives for a key of a section: `None` where there is none.
    ///
    /// # Errors
    ///
    /// Why the value cannot be read: gimme-aws-creds cannot use the section then, either.
    pub(in super::super) fn python_value(&self, section: &Section, key: &str) -> Result<Option<String>, String> {
        let Some(raw) = self.python_raw(section, key) else { return Ok(None) };
        check_length(raw)?;
        let mut value = String::new();
        self.interpolate(section, raw, &mut value, &mut Budget::new(self), 1)?;
        check_length(&value)?;
        Ok(Some(value))
    }

    fn python_raw<'i>(&'i self, section: &'i Section, key: &str) -> Option<&'i str> {
        let default = || self.section(DEFAULT_SECTION)?.values.get(key);
        section.values.get(key).or_else(default).map(String::as_str)
    }

    fn interpolate(
        &self,
        section: &Section,
        raw: &str,
        value: &mut String,
        budget: &mut Budget<'_>,
        depth: usize,
    ) -> Result<(), String> {
        let mut rest = raw;
        while let Some((plain, after)) = rest.split_once('%') {
            value.push_str(plain);
            if let Some(after) = after.strip_prefix('%') {
                value.push('%');
                rest = after;
                continue;
            }
            let reference = after.strip_prefix('(').and_then(|after| after.split_once(')'));
            let (name, after) = reference
                .and_then(|(name, after)| Some((name, after.strip_prefix('s')?)))
                .filter(|(name, _)| !name.is_empty())
                .ok_or("it has a `%` that is neither `%%` nor `%(key)s`")?;
            budget.spend()?;
            if depth == MAX_REFERENCE_DEPTH {
                return Err(too_deep(name));
            }
            let target = self
                .python_raw(section, &name.to_lowercase())
                .ok_or_else(|| format!("it refers to `{}`, which is not set", excerpt(name)))?;
            check_length(target)?;
            self.interpolate(section, target, value, budget, depth + 1)?;
            check_length(value)?;
            rest = after;
        }
        value.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, String, String)> {
        let ini = parse(text).unwrap();
        let value = |section: &Section, key: &str| match ini.python_value(section, key) {
            Ok(value) => value.unwrap(),
            Err(reason) => format!("! {reason}"),
        };
        let triple = |section: &Section, key: &String| (section.name.clone(), key.clone(), value(section, key));
        ini.sections().iter().flat_map(|section| section.values.keys().map(|key| triple(section, key))).collect()
    }

    /// The value of `k`.
    fn value(text: &str) -> String {
        values(&format!("[s]\nother = x\n{text}")).into_iter().find(|(_, key, _)| key == "k").unwrap().2
    }

    #[test]
    fn values_and_references() {
        for (text, expected) in [
            ("k = a # b ; c", "a # b ; c"),
            ("k: v", "v"),
            ("K=v", "v"),
            ("k = \"v\"", "\"v\""),
            ("k =", ""),
            ("k = 100%%", "100%"),
            ("k = %(OTHER)s%(other)s", "xx"),
            ("k = a\n  b\n\n  # c\n  d\n\n", "a\nb\n\nd"),
            ("k = a\r\n\tb\r\n", "a\nb"),
            ("k =\n  a = b\n  [c]", "\na = b\n[c]"),
            ("k = 5%", "! it has a `%` that is neither `%%` nor `%(key)s`"),
            ("k = %(none)s", "! it refers to `none`, which is not set"),
            ("k = %(k)s", "! the reference to `k` goes in circles, or too deep"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn sections_inherit_from_default() {
        let text = "[DEFAULT]\norg = acme\nhost = %(org)s.okta.com\n[a]\norg = b\n[DEFAULT]\nx = 1\n";
        let ini = parse(text).unwrap();
        let value = |key: &str| ini.python_value(ini.section("a").unwrap(), key).unwrap();
        assert_eq!((value("host").as_deref(), value("x").as_deref()), (Some("b.okta.com"), Some("1")));
        assert_eq!(value("y"), None);
    }

    #[test]
    fn what_configparser_cannot_read_names_the_line() {
        for (text, message) in [
            ("k = v\n", "line 1: a line above the first section"),
            ("[a]\n[a]\n", "line 2: the section `a` is there already"),
            ("[a]\nk=1\nK=2\n", "line 3: the key `k` is there already"),
            ("[a]\nk\n", "line 2: neither a section nor a key with `=`"),
            ("[a]\n= v\n", "line 2: a value without a key"),
        ] {
            assert_eq!(parse(text).unwrap_err().message(), message);
        }
    }

    #[test]
    fn references_are_bounded() {
        let mut text = format!("[s]\nd0 = {}\nd8 = %(d0)s%(d0)s%(d0)s\ne0 =\n", "x".repeat(2000));
        for level in 1..9 {
            text += &format!("e{level} = {}\n", vec![format!("%(e{})s", level - 1); 60].join(""));
        }
        let ini = parse(&text).unwrap();
        let reason = |key: &str| ini.python_value(ini.section("s").unwrap(), key).unwrap_err();
        assert_eq!(reason("d8"), "it is longer than 4096 bytes");
        assert_eq!(reason("e8"), "it has too many references to other values");
    }
}
