//! What makes a document well-formed beyond what the tokenizer checks, and how to say that it is not.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart};
use quick_xml::name::{NamespaceResolver, ResolveResult};

use super::Limits;
use super::limits::exceeded;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// Refuses the characters that XML 1.0 has no place for (production 2, `Char`).
pub(super) fn check_characters(xml: &str) -> Result<()> {
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    // Block by block without a way out in between, which the compiler makes wide.
    let mut blocks = xml.as_bytes().chunks(64);
    if blocks.any(|block| block.iter().fold(false, |found, byte| found | control(byte))) {
        let at = xml.bytes().position(|byte| control(&byte)).unwrap_or_default();
        return Err(malformed_at("there is a control character", at));
    }
    let forbidden = if xml.is_ascii() { None } else { xml.find(['\u{FFFE}', '\u{FFFF}']) };
    match forbidden {
        Some(at) => Err(malformed_at("there is a character that XML does not allow", at)),
        None => Ok(()),
    }
}

/// The character that a reference stands for.
pub(super) fn character(reference: &BytesRef<'_>, position: usize) -> Result<char> {
    let resolved = match reference.resolve_char_ref() {
        Ok(Some(character)) => Some(character),
        Ok(None) => match &**reference {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        },
        Err(_) => None,
    };
    resolved
        .filter(|c| !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}'))
        .ok_or_else(|| malformed_at("there is a reference to an entity or character that does not exist", position))
}

/// The attributes of one start tag.
pub(super) struct Attributes<'e> {
    pub(super) start: &'e BytesStart<'e>,
    pub(super) limits: &'e Limits,
    pub(super) position: usize,
}

impl Attributes<'_> {
    /// Well-formed, and not so many that looking for duplicates, which costs the square of the count, would hurt.
    pub(super) fn check(&self, resolver: &NamespaceResolver) -> Result<()> {
        if self.start.attributes_raw().len() > self.limits.text_bytes {
            return Err(exceeded("bytes of one text", self.limits.text_bytes));
        }
        for (at, attribute) in self.start.attributes().enumerate() {
            self.limits.check("attributes of one element", at + 1, self.limits.attributes)?;
            let attribute = attribute.map_err(|error| malformed_at(&lower(&error.to_string()), self.position))?;
            if attribute.value.contains('<') {
                return Err(malformed_at("there is a `<` in the value of an attribute", self.position));
            }
            if attribute.key.prefix().is_some_and(|prefix| !prefix.is_xmlns())
                && let ResolveResult::Unknown(prefix) = resolver.resolve_attribute(attribute.key).0
            {
                return Err(undeclared(&prefix, self.position));
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Result<Option<String>> {
        let found =
            self.start.attributes().with_checks(false).flatten().find(|attribute| attribute.key.into_inner() == name);
        found.map(|attribute| self.value(&attribute).map(Cow::into_owned)).transpose()
    }

    fn value<'v>(&self, attribute: &Attribute<'v>) -> Result<Cow<'v, str>> {
        attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| {
            malformed_at("there is a reference to an entity or character that does not exist", self.position)
        })
    }
}

fn lower(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

pub(super) fn malformed(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::MalformedResponse, Stage::Assertion, message)
}

pub(super) fn malformed_at(what: &str, position: usize) -> Error {
    malformed(format!("the SAML response is not well-formed XML at byte {position}: {}", excerpt(what)))
}

pub(super) fn undeclared(prefix: &str, position: usize) -> Error {
    malformed_at(&format!("the namespace prefix `{prefix}` is not declared"), position)
}

pub(super) fn outside(character: char, position: usize) -> Error {
    malformed_at(&format!("there is text outside the document, beginning with {character:?}"), position)
}

pub(super) fn unwell(error: &quick_xml::Error, position: usize) -> Error {
    malformed_at(&lower(&error.to_string()), position)
}
