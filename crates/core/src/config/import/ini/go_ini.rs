//! The dialect of go-ini (`gopkg.in/ini.v1`), as saml2aws and aws-runas use it.
//!
//! ```text
//! file         = [BOM] { line }
//! line         = blank | comment | header | key delimiter value
//! comment      = ("#" | ";") text                   leading white space does not count
//! header       = "[" name "]" [text]                up to the last "]"; spaces belong to the name; the same name again
//!                                                   continues the section; keys above all headers are in "DEFAULT"
//! key          = text | '"' text '"' | '"""' text '"""' | "`" text "`"
//! delimiter    = "=" | ":"                          the first of the two
//! value        = "`" text "`" | '"""' text '"""'    verbatim, over several lines; what follows the last quote is dropped
//!              | text "\" newline value             continued on the next line, without comments or quotes
//!              | quoted [comment] | text [comment]
//! quoted       = '"' text '"' | "'" text "'"        where the quote is not in the text
//! comment      = " #" text | " ;" text              saml2aws (`AfterSpace`); anywhere for aws-runas (`Anywhere`)
//! ```
//!
//! Names and keys are case-sensitive; of equal keys the last one counts; a line without a delimiter makes the file
//! unreadable. `%(key)s` in a value is replaced by another key of the section, or of `DEFAULT`. A section `a.b` inherits the
//! keys of `a`.

use std::iter::Enumerate;
use std::str::SplitInclusive;

use super::{Budget, Ini, MAX_RAW_VALUE, MAX_REFERENCE_DEPTH, Section, at_line, check_length, too_deep, too_long};
use crate::error::Result;
use crate::text::excerpt;

/// Where a comment may begin behind a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum InlineComment {
    /// At ` #` or ` ;` (go-ini's `SpaceBeforeInlineComment`).
    AfterSpace,
    /// At any `#` or `;`.
    Anywhere,
}

/// The section of keys above all headers.
pub(in super::super) const DEFAULT_SECTION: &str = "DEFAULT";

/// How many sections a name may lead to.
const MAX_PARENTS: usize = 16;

/// Reads a file.
pub(in super::super) fn parse(text: &str, comments: InlineComment) -> Result<Ini> {
    let mut ini = Ini::default();
    let mut lines = Lines { lines: text.split_inclusive('\n').enumerate(), number: 0 };
    let mut section = None;
    let mut unnamed = 0;
    while let Some(line) = lines.next_line() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            let (name, _) = header.rsplit_once(']').ok_or_else(|| lines.error("a section without its `]`"))?;
            if name.is_empty() {
                return Err(lines.error("a section without a name"));
            }
            section = Some(ini.open(name, lines.number)?.0);
            unnamed = 0;
            continue;
        }
        let (key, rest) = key(line).map_err(|reason| lines.error(reason))?;
        let number = lines.number;
        let value = lines.value(rest, comments)?;
        // Keys called `-` are numbered.
        let key = if key == "-" {
            unnamed += 1;
            format!("#{unnamed}")
        } else {
            key.to_owned()
        };
        let section = match section {
            Some(section) => section,
            None => *section.insert(ini.open(DEFAULT_SECTION, number)?.0),
        };
        ini.set(section, &key, value, number)?;
    }
    Ok(ini)
}

struct Lines<'t> {
    lines: Enumerate<SplitInclusive<'t, char>>,
    /// The number of the line that was read last.
    number: usize,
}

impl<'t> Lines<'t> {
    fn next_line(&mut self) -> Option<&'t str> {
        let (at, line) = self.lines.next()?;
        self.number = at + 1;
        Some(line)
    }

    fn error(&self, what: &str) -> crate::Error {
        at_line(self.number, what)
    }

    /// Reads the value that begins with `rest` of the line, and the lines that belong to it.
    fn value(&mut self, rest: &str, comments: InlineComment) -> Result<String> {
        let rest = rest.trim_start();
        let quote = match rest {
            "" => return Ok(String::new()),
            _ if rest.len() > 3 && rest.starts_with("\"\"\"") => "\"\"\"",
            _ if rest.starts_with('`') => "`",
            _ => "",
        };
        if let Some(quoted) = rest.strip_prefix(quote).filter(|_| !quote.is_empty()) {
            return match quoted.rsplit_once(quote) {
                Some((value, _)) => Ok(value.to_owned()),
                None => self.quoted_lines(quoted, quote),
            };
        }
        let rest = rest.trim_end();
        if let Some(begun) = rest.strip_suffix('\\') {
            return self.continued_lines(begun);
        }
        let comment = match comments {
            InlineComment::AfterSpace => rest.find(" #").or_else(|| rest.find(" ;")),
            InlineComment::Anywhere => rest.find(['#', ';']),
        };
        let value = comment.and_then(|at| rest.get(..at)).map_or(rest, str::trim);
        Ok(unquoted(value).to_owned())
    }

    /// A value in quotes that goes on until a line with the closing quote.
    fn quoted_lines(&mut self, begun: &str, quote: &str) -> Result<String> {
        let opened = self.number;
        let mut value = begun.to_owned();
        loop {
            let Some(line) = self.next_line() else {
                return Err(at_line(opened, format_args!("a value without its closing {quote}")));
            };
            match line.rsplit_once(quote) {
                Some((last, _)) => {
                    value.push_str(last);
                    return Ok(value);
                }
                None => value.push_str(line),
            }
            if value.len() > MAX_RAW_VALUE {
                return Err(too_long(opened));
            }
        }
    }

    /// A value whose lines end with a backslash, but the last one.
    fn continued_lines(&mut self, begun: &str) -> Result<String> {
        let opened = self.number;
        let mut value = begun.to_owned();
        while let Some(line) = self.next_line() {
            value.push_str(line.trim());
            if value.len() > MAX_RAW_VALUE {
                return Err(too_long(opened));
            }
            if line.trim().is_empty() || !value.ends_with('\\') {
                break;
            }
            value.pop();
        }
        Ok(value)
    }
}

/// Splits a line into its key and what follows the delimiter.
fn key(line: &str) -> Result<(&str, &str), &'static str> {
    const NO_DELIMITER: &str = "neither a section nor a key with `=`";
    let quote = match line {
        _ if line.len() > 6 && line.starts_with("\"\"\"") => "\"\"\"",
        _ if line.starts_with('"') => "\"",
        _ if line.starts_with('`') => "`",
        _ => "",
    };
    let (key, rest) = match line.strip_prefix(quote).filter(|_| !quote.is_empty()) {
        Some(quoted) => {
            let (key, rest) = quoted.split_once(quote).ok_or("a key without its closing quote")?;
            let (_, rest) = rest.split_once(['=', ':']).ok_or(NO_DELIMITER)?;
            (key, rest)
        }
        None => line.split_once(['=', ':']).ok_or(NO_DELIMITER)?,
    };
    match key.trim() {
        "" => Err("a value without a key"),
        key => Ok((key, rest)),
    }
}

/// Takes away quotes around a value that has none inside.
fn unquoted(value: &str) -> &str {
    let inner = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote));
    inner('\'').or_else(|| inner('"')).unwrap_or(value)
}

impl Ini {
    /// The section `name` and those that it inherits keys from: `a.b` from `a`.
    pub(in super::super) fn with_parents<'i>(&'i self, name: &'i str) -> impl Iterator<Item = &'i Section> {
        let parent = |name: &&'i str| name.rsplit_once('.').map(|(parent, _)| parent);
        std::iter::successors(Some(name), parent).take(MAX_PARENTS).filter_map(|name| self.section(name))
    }

    /// Returns the value that go-ini gives for a key of a section: `None` where there is none, or it is empty.
    ///
    /// # Errors
    ///
    /// Why the value cannot be used.
    pub(in super::super) fn go_value(&self, section: &str, key: &str) -> Result<Option<String>, String> {
        let Some((owner, raw)) = self.raw(section, key) else { return Ok(None) };
        let value = self.resolved(owner, key, raw, &mut Budget::new(self), 0)?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    fn raw<'i>(&'i self, section: &'i str, key: &str) -> Option<(&'i str, &'i str)> {
        self.with_parents(section).find_map(|section| Some((section.name.as_str(), section.values.get(key)?.as_str())))
    }

    /// Replaces the references in a value of `section`.
    fn resolved(
        &self,
        section: &str,
        key: &str,
        raw: &str,
        budget: &mut Budget<'_>,
        depth: usize,
    ) -> Result<String, String> {
        check_length(raw)?;
        let mut value = raw.to_owned();
        while let Some(name) = reference(&value).map(str::to_owned) {
            budget.spend()?;
            // A key that refers to itself means that of `DEFAULT`.
            let found = self.raw(section, &name).filter(|(owner, _)| (*owner, name.as_str()) != (section, key));
            let Some((owner, target)) = found.or_else(|| self.raw(DEFAULT_SECTION, &name)) else { break };
            if depth == MAX_REFERENCE_DEPTH {
                return Err(too_deep(&name));
            }
            let target = self.resolved(owner, &name, target, budget, depth + 1)?;
            let pattern = format!("%({name})s");
            // As long as it would become.
            let (count, added) = (value.matches(&pattern).count(), target.len());
            if value.len() + count * added > 2 * super::MAX_VALUE {
                return Err(format!("the reference to `{}` makes it too long", excerpt(&name)));
            }
            value = value.replace(&pattern, &target);
        }
        check_length(&value)?;
        Ok(value)
    }
}

/// The name in the first `%(name)s` of a value.
fn reference(value: &str) -> Option<&str> {
    value.match_indices("%(").find_map(|(at, opening)| {
        let (name, rest) = value.get(at + opening.len()..)?.split_once(')')?;
        Some(name).filter(|name| !name.is_empty() && rest.starts_with('s'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, comments: InlineComment) -> Vec<(String, String, String)> {
        let ini = parse(text, comments).unwrap();
        let value = |section: &Section, key: &str| ini.go_value(&section.name, key).unwrap().unwrap_or_default();
        let triple = |section: &Section, key: &String| (section.name.clone(), key.clone(), value(section, key));
        ini.sections().iter().flat_map(|section| section.values.keys().map(|key| triple(section, key))).collect()
    }

    /// The value of `k`, as saml2aws reads it.
    fn value(text: &str) -> String {
        let values = values(&format!("[s]\nk = {text}"), InlineComment::AfterSpace);
        values.into_iter().find(|(_, key, _)| key == "k").unwrap().2
    }

    // Each value is what gopkg.in/ini.v1 1.67 gives for the same text.

    #[test]
    fn quotes_and_comments() {
        for (text, expected) in [
            ("plain", "plain"),
            ("  spaces  ", "spaces"),
            ("`a # b ; c`", "a # b ; c"),
            ("`a` # comment", "a"),
            ("\"pat@example.com \"", "pat@example.com "),
            ("'a b'", "a b"),
            ("\"it's\"", "it's"),
            ("\"a\"b\"", "\"a\"b\""),
            ("\"\"\"a \"b\" # c\"\"\" # d", "a \"b\" # c"),
            ("a ; comment", "a"),
            ("a # comment", "a"),
            ("a ;b # c", "a ;b"),
            ("a#b;c", "a#b;c"),
            ("\"a # b\"", "\"a"),
            ("# all", "# all"),
            ("\"x\" ; comment", "x"),
            ("\"", "\""),
            ("`multi\nline` rest", "multi\nline"),
            ("`multi\nline`\\\nj = 2", "multi\nline"),
            ("\"\"\"multi\n  line\"\"\"", "multi\n  line"),
            ("one \\\n   two \\\n three # x", "one two three # x"),
            ("one\\\n\nj = 2", "one"),
            ("a\r", "a"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn comments_of_aws_runas_need_no_space() {
        let read = |text: &str| values(&format!("[s]\nk = {text}"), InlineComment::Anywhere).swap_remove(0).2;
        assert_eq!((read("a#b"), read("a;b"), read("`a#b`")), ("a".to_owned(), "a".to_owned(), "a#b".to_owned()));
    }

    #[test]
    fn sections_and_keys() {
        let text = "top: 1\n; c\n  # c\n[ a ] ; c\n\"k=1\" = x\n`k:2`: y\n[b]\nK = 1\nk = 2\nk = 3\n[a]b]\nz=\n[b]\nm = 4\n- = 5\n";
        let expected = [
            ("DEFAULT", "top", "1"),
            (" a ", "k:2", "y"),
            (" a ", "k=1", "x"),
            ("b", "#1", "5"),
            ("b", "K", "1"),
            ("b", "k", "3"),
            ("b", "m", "4"),
            ("a]b", "z", ""),
        ];
        let expected = expected.map(|(section, key, value)| (section.to_owned(), key.to_owned(), value.to_owned()));
        assert_eq!(values(text, InlineComment::AfterSpace), expected);
    }

    #[test]
    fn references_and_parents() {
        let text = "org = acme\n[a]\nhost = %(org)s.okta.com\nurl = https://%(host)s/%(none)s\n[a.b]\nx = %(host)s 100%\n[c]\norg = %(org)s!\n";
        let ini = parse(text, InlineComment::AfterSpace).unwrap();
        let value = |section: &str, key: &str| ini.go_value(section, key).unwrap();
        assert_eq!(value("a", "url").as_deref(), Some("https://acme.okta.com/%(none)s"));
        assert_eq!(value("a.b", "x").as_deref(), Some("acme.okta.com 100%"));
        assert_eq!(value("a.b", "url").as_deref(), Some("https://acme.okta.com/%(none)s"));
        assert_eq!(value("c", "org").as_deref(), Some("acme!"));
        assert_eq!((value("c", "url"), value("none", "url")), (None, None));
    }

    #[test]
    fn references_end() {
        let mut text = "[s]\nl = %(l)s\na = %(b)s\nb = %(a)s\nd0 = xxxxxxxxxxxxxxxx\n".to_owned();
        for level in 1..10 {
            let below = format!("%(d{})s", level - 1);
            text += &format!("d{level} = {}\n", [below.as_str()].repeat(20).join(" "));
            text += &format!("e{level} = {}\n", vec![format!("%(e{})s", level - 1); 60].join(""));
        }
        text += "e0 =\n[DEFAULT]\nz = %(z)s\n";
        let ini = parse(&text, InlineComment::AfterSpace).unwrap();
        for key in ["a", "d9", "z"] {
            assert!(ini.go_value("s", key).is_err() || ini.go_value("DEFAULT", key).is_err(), "{key}");
        }
        assert_eq!(ini.go_value("s", "l").unwrap().as_deref(), Some("%(l)s"));
        assert_eq!(ini.go_value("s", "e9").unwrap(), None);
    }

    #[test]
    fn what_go_ini_cannot_read_names_the_line() {
        for (text, message) in [
            ("[a]\nurl\n", "line 2: neither a section nor a key with `=`"),
            ("[a\n", "line 1: a section without its `]`"),
            ("[]\n", "line 1: a section without a name"),
            ("\n= x\n", "line 2: a value without a key"),
            ("\"a = x\n", "line 1: a key without its closing quote"),
            ("[a]\nk = `x\ny\n", "line 2: a value without its closing `"),
        ] {
            assert_eq!(parse(text, InlineComment::AfterSpace).unwrap_err().message(), message);
        }
    }

    #[test]
    fn files_are_bounded() {
        let message = |text: &str| parse(text, InlineComment::AfterSpace).unwrap_err().message().to_owned();
        let many: String = (0..6000).map(|number| format!("[{number}]\n")).collect();
        assert_eq!(message(&many), "line 5001: there are more than 5000 sections");
        let many: String = (0..100_001).map(|number| format!("{number}=\n")).collect();
        assert_eq!(message(&many), "line 100001: there are more than 100000 keys");
        assert_eq!(message(&format!("k={}", "x".repeat(70_000))), "line 1: a value is longer than 65536 bytes");
        assert!(message(&format!("k=`{}", "x\n".repeat(70_000))).starts_with("line 1: a value is longer"));
        assert!(message(&format!("k=a\\\n{}", "x\\\n".repeat(70_000))).starts_with("line 1: a value is longer"));
        assert!(message(&format!("[{}]", "x".repeat(2000))).starts_with("line 1: the name of a section"));
        assert!(message(&format!("{}=", "x".repeat(2000))).starts_with("line 1: the name of a key"));
    }
}
