//! Terraform's language, formatted as `terraform fmt` formats it.

use std::fmt::Write as _;

use serde_json::Value;

use super::{fields, is_scalar};

/// The length up to which a list of scalars is written on one line.
const LINE: usize = 100;

/// An attribute or a block within a block.
pub(super) enum Item {
    /// A name, and its value as it is written: one line, or several of which the first is not indented.
    Attribute(String, String),
    /// A block: its type with labels, and its content.
    Block(String, Vec<Item>),
    /// A comment.
    Comment(String),
}

impl Item {
    pub(super) fn attribute(name: &str, value: impl Into<String>) -> Self {
        Self::Attribute(name.to_owned(), value.into())
    }

    pub(super) fn block(header: &str, items: Vec<Item>) -> Self {
        Self::Block(header.to_owned(), items)
    }
}

/// Writes items, with an empty line around every block and every value of several lines.
pub(super) fn write(items: &[Item], depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let is_large = |item: &Item| match item {
        Item::Attribute(_, value) => value.contains('\n'),
        Item::Block(..) => true,
        Item::Comment(_) => false,
    };
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| items.get(before));
        let is_comment = |item: &Item| matches!(item, Item::Comment(_));
        if before.is_some_and(|before| !is_comment(before) && (is_large(before) || is_large(item) || is_comment(item)))
        {
            text.push('\n');
        }
        match item {
            Item::Attribute(name, value) => {
                let width = if is_large(item) { name.len() } else { width(items, at) };
                let _ = writeln!(text, "{indent}{name:width$} = {value}");
            }
            Item::Block(header, items) => {
                let _ = writeln!(text, "{indent}{header} {{\n{}{indent}}}", write(items, depth + 1));
            }
            Item::Comment(line) => {
                let _ = writeln!(text, "{indent}# {line}");
            }
        }
    }
    text
}

/// Returns the length of the longest name among the attributes of one line around this one.
fn width(items: &[Item], at: usize) -> usize {
    let name = |item: &Item| match item {
        Item::Attribute(name, value) if !value.contains('\n') => Some(name.len()),
        _ => None,
    };
    let before = items.get(..at).unwrap_or_default().iter().rev().map_while(name);
    let after = items.get(at..).unwrap_or_default().iter().map_while(name);
    before.chain(after).max().unwrap_or(0)
}

/// Writes a text in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = Value::from(text).to_string();
    // `${` and `%{` begin expressions of Terraform.
    quoted = quoted.replace("${", "$${").replace("%{", "%%{");
    quoted
}

/// Writes a text of several lines.
pub(super) fn heredoc(text: &str) -> String {
    let text = text.replace("${", "$${").replace("%{", "%%{").replace("\r\n", "\n");
    let mut mark = "EOT".to_owned();
    while text.lines().any(|line| line.trim() == mark) {
        mark.push('_');
    }
    format!("<<{mark}\n{}\n{mark}", text.trim_end_matches('\n'))
}

/// Writes a value. `text` writes each text, as a literal or as a reference.
pub(super) fn value(value: &Value, depth: usize, text: &impl Fn(&str) -> String) -> String {
    let (outer, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
    match value {
        Value::String(literal) => text(literal),
        Value::Array(values) => {
            let written: Vec<_> = values.iter().map(|item| self::value(item, depth + 1, text)).collect();
            let one_line = format!("[{}]", written.join(", "));
            if values.iter().all(is_scalar) && outer.len() + one_line.len() <= LINE {
                return one_line;
            }
            let lines: String = written.iter().map(|item| format!("{inner}{item},\n")).collect();
            format!("[\n{lines}{outer}]")
        }
        Value::Object(object) if object.is_empty() => "{}".to_owned(),
        Value::Object(object) => {
            let entries: Vec<_> = fields(object)
                .into_iter()
                .map(|(name, item)| (key(name), self::value(item, depth + 1, text)))
                .collect();
            let mut lines = String::new();
            for (at, (name, item)) in entries.iter().enumerate() {
                let is_short = |entry: &&(String, String)| !entry.1.contains('\n');
                let before = entries.get(..at).unwrap_or_default().iter().rev().take_while(is_short);
                let after = entries.get(at..).unwrap_or_default().iter().take_while(is_short);
                let longest = before.chain(after).map(|(name, _)| name.len()).max().unwrap_or(0);
                let width = if item.contains('\n') { name.len() } else { longest };
                let _ = writeln!(lines, "{inner}{name:width$} = {item}");
            }
            format!("{{\n{lines}{outer}}}")
        }
        other => other.to_string(),
    }
}

/// Writes the name of a field, in quotes unless it is an identifier.
fn key(name: &str) -> String {
    let is_identifier = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
    if is_identifier { name.to_owned() } else { quoted(name) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_aligned_where_they_are_on_one_line() {
        let written =
            value(&json!({"Version": "1", "Sid": "a", "Condition": {"a:b": "${x}"}, "z": [1, true]}), 0, &|text| {
                quoted(text)
            });
        assert_eq!(
            written,
            "{\n  Version = \"1\"\n  Sid     = \"a\"\n  Condition = {\n    \"a:b\" = \"$${x}\"\n  }\n  z = [1, true]\n}"
        );
    }

    #[test]
    fn a_text_cannot_end_its_heredoc_or_begin_an_expression() {
        assert_eq!(heredoc("a\n  EOT\n${b}\r\n"), "<<EOT_\na\n  EOT\n$${b}\nEOT_");
    }
}
