//! One pass over well-formed, namespace-aware XML, within the limits, for a visitor to take what it wants.

use std::borrow::Cow;

use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Limits;
use super::limits::exceeded;
use super::namespaces::Namespaces;
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
    let mut namespaces = Namespaces::default();
    let (mut depth, mut elements) = (0_usize, 0_usize);
    loop {
        let position = reader.buffer_position() as usize;
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
                namespaces.open();
                visitor.open(&Tag::check(&start, &mut namespaces, limits, position)?)?;
                if is_empty {
                    visitor.close()?;
                    namespaces.close();
                } else {
                    depth += 1;
                }
            }
            Event::End(_) => {
                visitor.close()?;
                namespaces.close();
                depth = depth.saturating_sub(1);
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                match text.trim_ascii_start().chars().next() {
                    Some(character) if depth == 0 => return Err(outside(character, position)),
                    _ if depth == 0 => {}
                    _ if memchr::memchr(b']', text.as_bytes()).is_some() && text.contains("]]>") => {
                        return Err(malformed_at("there is a `]]>` that ends nothing", position));
                    }
                    _ => visitor.text(&text)?,
                }
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
    if depth > 0 {
        return Err(malformed("the SAML response is cut off: an element is not closed at its end").with_hint(
            "give all of it; some terminals cut a pasted line at 4,096 characters, so use a file or a pipe",
        ));
    }
    Ok(())
}

/// A start tag that was checked.
pub(super) struct Tag<'e> {
    namespaces: &'e Namespaces,
    #[cfg(feature = "verify")]
    prefix: &'e str,
    local_name: &'e str,
    namespace: &'e str,
    attributes: Vec<TagAttribute<'e>>,
}

/// An attribute that is no declaration of a namespace.
struct TagAttribute<'e> {
    prefix: &'e str,
    local_name: &'e str,
    value: Cow<'e, str>,
}

impl<'e> Tag<'e> {
    fn check(
        start: &'e BytesStart<'e>,
        namespaces: &'e mut Namespaces,
        limits: &Limits,
        position: usize,
    ) -> Result<Self> {
        if start.attributes_raw().len() > limits.text_bytes {
            return Err(exceeded("bytes of one text", limits.text_bytes));
        }
        let mut attributes = Vec::new();
        let mut with_prefix = false;
        // Duplicates are looked for below, by what names mean.
        for (at, attribute) in start.attributes().with_checks(false).enumerate() {
            limits.check("attributes of one element", at + 1, limits.attributes)?;
            let attribute = attribute.map_err(|error| malformed_at(&lower(&error.to_string()), position))?;
            if memchr::memchr(b'<', attribute.value.as_bytes()).is_some() {
                return Err(malformed_at("there is a `<` in the value of an attribute", position));
            }
            let value = value(&attribute, position)?;
            let declared = match split(attribute.key.into_inner(), position)? {
                ("xmlns", prefix) => prefix,
                ("", "xmlns") => "",
                (prefix, local_name) => {
                    with_prefix |= !prefix.is_empty();
                    attributes.push(TagAttribute { prefix, local_name, value });
                    continue;
                }
            };
            limits.check("bytes of one namespace", value.len(), limits.namespace_bytes)?;
            namespaces.declare(declared, &value).map_err(|why| malformed_at(why, position))?;
        }
        limits.check("namespaces in one place", namespaces.len(), limits.namespaces)?;
        let namespaces: &Namespaces = namespaces;
        let (prefix, local_name) = split(start.name().into_inner(), position)?;
        let namespace = namespaces.resolve(prefix).ok_or_else(|| undeclared(prefix, position))?;
        let tag = Self {
            namespaces,
            #[cfg(feature = "verify")]
            prefix,
            local_name,
            namespace,
            attributes,
        };
        if tag.attributes.len() > 1 || with_prefix {
            tag.check_expanded_names(position)?;
        }
        Ok(tag)
    }

    /// Two attributes with different prefixes may still be the same one.
    fn check_expanded_names(&self, position: usize) -> Result<()> {
        let mut names = Vec::with_capacity(self.attributes.len());
        for TagAttribute { prefix, local_name, .. } in &self.attributes {
            let namespace = if prefix.is_empty() { Some("") } else { self.namespaces.resolve(prefix) };
            names.push((*local_name, namespace.ok_or_else(|| undeclared(prefix, position))?));
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(malformed_at("an attribute is given twice", position));
        }
        Ok(())
    }
}

/// What a tree keeps of a tag beside its name.
#[cfg(feature = "verify")]
impl Tag<'_> {
    pub(super) fn prefix(&self) -> &str {
        self.prefix
    }

    /// What prefixes mean on it.
    pub(super) fn namespaces(&self) -> &Namespaces {
        self.namespaces
    }

    /// Its attributes but for the declarations: prefix, local name, value.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.attributes.iter().map(|attribute| (attribute.prefix, attribute.local_name, &*attribute.value))
    }
}

impl Element for Tag<'_> {
    fn namespace(&self) -> &str {
        self.namespace
    }

    fn local_name(&self) -> &str {
        self.local_name
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        let found =
            self.attributes.iter().find(|attribute| attribute.prefix.is_empty() && attribute.local_name == name);
        found.map(|attribute| &*attribute.value)
    }
}

/// The value as XML 1.0, 3.3.3, normalises it.
fn value<'v>(attribute: &Attribute<'v>, position: usize) -> Result<Cow<'v, str>> {
    let unknown = || malformed_at("there is a reference to an entity or character that does not exist", position);
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| unknown())?;
    match &value {
        Cow::Owned(text) if !text.chars().all(is_character) => Err(unknown()),
        _ => Ok(value),
    }
}

/// Prefix and local name of a qualified name.
fn split(name: &str, position: usize) -> Result<(&str, &str)> {
    let (prefix, local_name) = match name.bytes().position(|byte| byte == b':') {
        Some(colon) => (name.get(..colon).filter(|prefix| is_name(prefix)), name.get(colon + 1..).unwrap_or_default()),
        None => (Some(""), name),
    };
    match prefix {
        Some(prefix) if is_name(local_name) => Ok((prefix, local_name)),
        _ => Err(malformed_at(&format!("`{name}` is no name of an element or attribute"), position)),
    }
}

/// A name without a colon (Namespaces in XML 1.0, `NCName`); what is not ASCII counts as a letter.
fn is_name(name: &str) -> bool {
    let class = |byte: u8| NAME_BYTES.get(usize::from(byte)).copied().unwrap_or_default();
    let Some((first, rest)) = name.as_bytes().split_first() else { return false };
    class(*first) == 2 && rest.iter().all(|byte| class(*byte) > 0)
}

/// 2 for what a name may begin with, 1 for what it may go on with.
const NAME_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    loop {
        #[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
        let class = &mut table[byte as usize];
        *class = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | 0x80.. => 2,
            b'0'..=b'9' | b'-' | b'.' => 1,
            _ => 0,
        };
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// Refuses the characters that XML 1.0 has no place for.
fn check_characters(xml: &str) -> Result<()> {
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

/// XML 1.0, production 2, `Char`.
fn is_character(c: char) -> bool {
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

fn lower(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

pub(super) fn malformed(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::MalformedResponse, Stage::Assertion, message)
}

fn malformed_at(what: &str, position: usize) -> Error {
    malformed(format!("the SAML response is not well-formed XML at byte {position}: {}", excerpt(what)))
}

fn undeclared(prefix: &str, position: usize) -> Error {
    malformed_at(&format!("the namespace prefix `{prefix}` is not declared"), position)
}

pub(super) fn unwell(error: &quick_xml::Error, position: usize) -> Error {
    malformed_at(&lower(&error.to_string()), position)
}

fn outside(character: char, position: usize) -> Error {
    malformed_at(&format!("there is text outside the document, beginning with {character:?}"), position)
}
