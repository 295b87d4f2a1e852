//! One pass over well-formed, namespace-aware XML, within the limits, for a visitor to take what it wants.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::Limits;
use super::limits::exceeded;
use super::namespaces::Namespaces;
use super::tag::{Tag, Tags};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// Hears what there is in a document, in document order.
pub(super) trait Visitor {
    /// An element opens.
    fn open(&mut self, tag: &Tag<'_>) -> Result<()>;
    /// A piece of text, its references and CDATA sections resolved, its line ends made `\n`.
    fn text(&mut self, text: &str) -> Result<()>;
    /// The innermost open element closes.
    fn close(&mut self) -> Result<()>;
    /// A comment, in or outside the root element.
    fn comment(&mut self) {}
    /// A processing instruction, in or outside the root element.
    fn instruction(&mut self) {}
}

/// What reading asks of an element, wherever it comes from.
pub(super) trait Element {
    /// Its namespace, empty where it has none.
    fn namespace(&self) -> &str;
    /// Its name without the prefix.
    fn local_name(&self) -> &str;
    /// The value of its attribute of this name, which has no prefix.
    fn attribute(&self, name: &str) -> Option<&str>;
}

/// Walks over the document and checks that it is one.
pub(super) fn walk(xml: &str, limits: &Limits, visitor: &mut impl Visitor) -> Result<()> {
    limits.check("bytes of XML", xml.len(), limits.xml_bytes)?;
    check_characters(xml)?;
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    let (mut tags, mut namespaces) = (Tags::default(), Namespaces::default());
    let mut elements = 0_usize;
    // The open elements, by their numbers.
    let mut around = Vec::new();
    loop {
        let position = reader.buffer_position() as usize;
        let depth = around.len();
        match reader.read_event().map_err(|error| unwell(&error, position))? {
            event @ (Event::Start(_) | Event::Empty(_)) => {
                if depth == 0 && elements > 0 {
                    return Err(malformed_at("there is a second document behind the first", position));
                }
                elements += 1;
                limits.check("elements", elements, limits.elements)?;
                if depth >= limits.depth {
                    return Err(exceeded("elements inside one another", limits.depth));
                }
                let is_empty = matches!(event, Event::Empty(_));
                let (Event::Start(start) | Event::Empty(start)) = event else { continue };
                tags.take(&start, around.last().copied(), &mut namespaces, limits, position)?;
                visitor.open(&Tag::new(&tags, &namespaces))?;
                if is_empty {
                    visitor.close()?;
                    namespaces.close();
                } else {
                    around.push(elements);
                }
            }
            Event::End(_) => {
                visitor.close()?;
                namespaces.close();
                around.pop();
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                if depth == 0 {
                    match text.trim_ascii_start().chars().next() {
                        Some(character) => return Err(outside(character, position)),
                        None => continue,
                    }
                }
                if memchr::memchr(b']', text.as_bytes()).is_some() && text.contains("]]>") {
                    return Err(malformed_at("there is a `]]>` that ends nothing", position));
                }
                visitor.text(&text)?;
            }
            Event::CData(_) if depth == 0 => return Err(outside('<', position)),
            Event::CData(text) => visitor.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => match character(&reference, position)? {
                character if depth == 0 => return Err(outside(character, position)),
                character => visitor.text(character.encode_utf8(&mut [0; 4]))?,
            },
            Event::DocType(_) => {
                return Err(Error::new(
                    ErrorKind::ForbiddenConstruct,
                    Stage::Assertion,
                    "the SAML response holds a DTD, which SAML never needs and attackers do",
                )
                .with_hint("do not use it; find out where it comes from"));
            }
            Event::Decl(_) if position == 0 => {}
            Event::Decl(_) => return Err(malformed_at("an XML declaration is not at the beginning", position)),
            Event::Comment(_) => visitor.comment(),
            Event::PI(_) => visitor.instruction(),
            Event::Eof => break,
        }
    }
    if elements == 0 {
        return Err(malformed("the document is empty"));
    }
    if !around.is_empty() {
        return Err(malformed("the SAML response is cut off: an element is not closed at its end").with_hint(
            "give all of it; some terminals cut a pasted line at 4,096 characters, so use a file or a pipe",
        ));
    }
    Ok(())
}

/// Refuses the characters that XML 1.0 has no place for.
fn check_characters(xml: &str) -> Result<()> {
    // Block by block, which the compiler makes wide: most hold nothing below the space.
    let (blocks, rest) = xml.as_bytes().as_chunks::<64>();
    let mut bits = 0;
    for block in blocks {
        let (least, some) = block.iter().fold((u8::MAX, 0), |(least, bits), byte| (least.min(*byte), bits | byte));
        if least < b' ' && block.iter().any(is_control) {
            return Err(control_character(xml));
        }
        bits |= some;
    }
    if rest.iter().any(is_control) {
        return Err(control_character(xml));
    }
    let is_ascii = bits.is_ascii() && rest.is_ascii();
    let forbidden = if is_ascii { None } else { xml.find(['\u{FFFE}', '\u{FFFF}']) };
    match forbidden {
        Some(at) => Err(malformed_at("there is a character that XML does not allow", at)),
        None => Ok(()),
    }
}

fn is_control(byte: &u8) -> bool {
    *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn control_character(xml: &str) -> Error {
    malformed_at("there is a control character", xml.bytes().position(|byte| is_control(&byte)).unwrap_or_default())
}

/// XML 1.0, production 2, `Char`.
pub(super) fn is_character(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// The character that a reference stands for.
fn character(reference: &BytesRef<'_>, position: usize) -> Result<char> {
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
        .filter(|character| is_character(*character))
        .ok_or_else(|| malformed_at("there is a reference to an entity or character that does not exist", position))
}

pub(super) fn lower(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

pub(super) fn malformed(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::MalformedResponse, Stage::Assertion, message)
}

pub(super) fn malformed_at(what: &str, position: usize) -> Error {
    malformed(format!("the SAML response is not well-formed XML at byte {position}: {}", excerpt(what)))
}

pub(super) fn unwell(error: &quick_xml::Error, position: usize) -> Error {
    malformed_at(&lower(&error.to_string()), position)
}

fn outside(character: char, position: usize) -> Error {
    malformed_at(&format!("there is text outside the document, beginning with {character:?}"), position)
}
