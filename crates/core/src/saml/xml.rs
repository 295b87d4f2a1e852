//! One pass over an XML document that checks well-formedness, namespaces and limits, and reports what it finds to a visitor.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::Limits;
use super::characters::{is_character, is_name};
use super::declaration;
use super::document_error::DocumentError;
use super::namespaces::Namespaces;
use super::tag::{StartTag, StartTags};
use crate::error::ErrorKind;

type Result<T> = std::result::Result<T, DocumentError>;

/// Receives the parts of a document, in document order.
pub(super) trait Visitor {
    /// An element starts.
    fn open(&mut self, tag: &StartTag<'_>) -> Result<()>;
    /// A piece of text. References and CDATA sections are resolved, line ends are `\n`.
    fn text(&mut self, text: &str) -> Result<()>;
    /// The innermost open element ends.
    fn close(&mut self) -> Result<()>;
    /// A comment, inside or outside the root element.
    fn comment(&mut self) {}
    /// A processing instruction, inside or outside the root element.
    fn instruction(&mut self) {}
}

/// Reads the document and reports its parts to the visitor. The document is well-formed if this succeeds.
pub(super) fn walk(xml: &str, limits: &Limits, visitor: &mut impl Visitor) -> Result<()> {
    limits.check("bytes of XML", xml.len(), limits.xml_bytes)?;
    check_characters(xml)?;
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_comments = true;
    let (mut tags, mut namespaces) = (StartTags::default(), Namespaces::default());
    let mut elements = 0_usize;
    // The numbers of the open elements.
    let mut open = Vec::new();
    loop {
        let position = reader.buffer_position() as usize;
        let depth = open.len();
        let event = reader.read_event().map_err(|error| DocumentError::from_parser(&error.to_string(), position))?;
        match event {
            event @ (Event::Start(_) | Event::Empty(_)) => {
                if depth == 0 && elements > 0 {
                    return Err(DocumentError::malformed_at("there is a second root element", position));
                }
                elements += 1;
                limits.check("elements", elements, limits.elements)?;
                limits.check("levels of nested elements", depth + 1, limits.depth)?;
                let is_empty = matches!(event, Event::Empty(_));
                let (Event::Start(start) | Event::Empty(start)) = event else { continue };
                tags.parse(&start, open.last().copied(), &mut namespaces, limits, position)?;
                visitor.open(&StartTag::new(&tags, &namespaces))?;
                if is_empty {
                    visitor.close()?;
                    namespaces.close();
                } else {
                    open.push(elements);
                }
            }
            Event::End(_) => {
                visitor.close()?;
                namespaces.close();
                open.pop();
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                if depth == 0 {
                    match text.trim_ascii_start().chars().next() {
                        Some(character) => return Err(outside_root(character, position)),
                        None => continue,
                    }
                }
                if memchr::memchr(b']', text.as_bytes()).is_some() && text.contains("]]>") {
                    return Err(DocumentError::malformed_at("there is a `]]>` outside a CDATA section", position));
                }
                visitor.text(&text)?;
            }
            Event::CData(_) if depth == 0 => return Err(outside_root('<', position)),
            Event::CData(text) => visitor.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => match referenced_character(&reference, position)? {
                character if depth == 0 => return Err(outside_root(character, position)),
                character => visitor.text(character.encode_utf8(&mut [0; 4]))?,
            },
            Event::DocType(_) => {
                return Err(DocumentError::new(
                    ErrorKind::ForbiddenConstruct,
                    "contains a DTD, which SAML does not need and attackers use",
                )
                .with_hint("do not use this response; check where it comes from"));
            }
            Event::Decl(found) => {
                if position != 0 {
                    return Err(DocumentError::malformed_at("the XML declaration is not at the start", position));
                }
                if found.get("xml".len()..).and_then(declaration::parse).is_none() {
                    return Err(DocumentError::malformed_at("the XML declaration is not valid", position));
                }
            }
            Event::Comment(_) => visitor.comment(),
            Event::PI(found) => {
                if !is_name(found.target()) || found.target().eq_ignore_ascii_case("xml") {
                    return Err(DocumentError::malformed_at("a processing instruction has no valid name", position));
                }
                visitor.instruction();
            }
            Event::Eof => break,
        }
    }
    if elements == 0 {
        return Err(DocumentError::malformed("contains no element"));
    }
    if !open.is_empty() {
        return Err(DocumentError::malformed("is cut off: an element is not closed at its end").with_hint(
            "copy all of it; some terminals cut a pasted line at 4,096 characters, so use a file or a pipe",
        ));
    }
    Ok(())
}

/// Refuses characters that XML 1.0 does not allow.
fn check_characters(xml: &str) -> Result<()> {
    // Most blocks contain no control character, which the vectorised fold finds out without branches.
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
        Some(position) => Err(DocumentError::malformed_at("there is a character that XML does not allow", position)),
        None => Ok(()),
    }
}

/// Whether XML 1.0 does not allow the ASCII byte.
fn is_control(byte: &u8) -> bool {
    *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')
}

fn control_character(xml: &str) -> DocumentError {
    let position = xml.bytes().position(|byte| is_control(&byte)).unwrap_or_default();
    DocumentError::malformed_at("there is a control character", position)
}

/// The character that a reference denotes.
fn referenced_character(reference: &BytesRef<'_>, position: usize) -> Result<char> {
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
    resolved.filter(|character| is_character(*character)).ok_or_else(|| {
        DocumentError::malformed_at("there is a reference to an entity or character that does not exist", position)
    })
}

fn outside_root(character: char, position: usize) -> DocumentError {
    let what = format!("there is text outside the root element, starting with {character:?}");
    DocumentError::malformed_at(&what, position)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Visitor for Nothing {
        fn open(&mut self, _: &StartTag<'_>) -> Result<()> {
            Ok(())
        }

        fn text(&mut self, _: &str) -> Result<()> {
            Ok(())
        }

        fn close(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn is_accepted(xml: &str) -> bool {
        walk(xml, &Limits::default(), &mut Nothing).is_ok()
    }

    const XML_DECLARED: &str = "xmlns:xml='http://www.w3.org/XML/1998/namespace'";

    #[test]
    fn well_formed_documents() {
        for xml in [
            "<?xml version='1.0'?>\n<!-- a - b --><?x y?><a/>\n<!----><?x?>",
            "<_a-1.b \u{e9}='x'/>",
            "<a x='&#x9;' y='&#x9;'/>",
            "<a xmlns:p='urn:a' p:x='1' x='2'/>",
            "<a\tx = '1'\r\ny\n=\n\"2\" />",
            "<a >]] &gt; ]]&gt;<![CDATA[]]]]><![CDATA[>]]></a >",
            &format!("<a {XML_DECLARED} xml:lang='en'/>"),
        ] {
            assert!(is_accepted(xml), "{xml}");
        }
    }

    #[test]
    fn documents_that_are_not_well_formed() {
        for xml in [
            // Names.
            "<1a/>",
            "<-/>",
            "<:a/>",
            "<a:/>",
            "<a\u{d7}/>",
            "< a/>",
            "<a:1b xmlns:a='urn:a'/>",
            "<a:b:c xmlns:a='urn:a'/>",
            "<a 1x='y'/>",
            // Attributes.
            "<a x='1'y='2'/>",
            "<a x='1'xmlns='urn:a'/>",
            "<a\u{a0}x='1'/>",
            "<a x/>",
            "<a x=1/>",
            "<a x='<'/>",
            "<a x='&'/>",
            "<a x='&amp'/>",
            "<a x='1' x='2'/>",
            "<a x='&#1;'/>",
            "<a x='&#xFFFE;'/>",
            "<a x='&#+65;'/>",
            "<a x='&#X41;'/>",
            "<a x='&#;'/>",
            // Namespaces.
            "<a p:x='1'/>",
            "<a p:x='1' y='2'/>",
            "<a xmlns:p='urn:a' xmlns:q='urn:a' p:x='1' q:x='2'/>",
            &format!("<a {XML_DECLARED} {XML_DECLARED}/>"),
            // Tags.
            "<a/ >",
            "<a / >",
            "<a x='1'/ />",
            "<a></b>",
            "<a></ a>",
            "<a></a x='1'>",
            "<a></a",
            "<a>",
            "</a>",
            "<a/></a>",
            "<a/><b/>",
            // Text.
            "<a>&</a>",
            "<a>&amp</a>",
            "<a>&unknown;</a>",
            "<a>&#+65;</a>",
            "<a>&#xD800;</a>",
            "<a>]]></a>",
            "<a>\u{b}</a>",
            "<a>\u{ffff}</a>",
            "x<a/>",
            "<a/>x",
            "<a/>\u{a0}",
            "\u{feff}\u{feff}<a/>",
            "<a/>&#32;",
            "<![CDATA[]]><a/>",
            "<a><![CDATA[</a>",
            "<a><![cdata[]]></a>",
            // Comments, instructions, declarations.
            "<!-- a -- b --><a/>",
            "<!-- a ---><a/>",
            "<!--->",
            "<a><! x></a>",
            "<a><!ELEMENT a></a>",
            "<? x?><a/>",
            "<??><a/>",
            "<?XML version='1.0'?><a/>",
            "<a><?xMl?></a>",
            "<a><?x</a>",
            "<?1?><a/>",
            " <?xml version='1.0'?><a/>",
            "<a><?xml version='1.0'?></a>",
            "<?xml version='1.0'?><?xml version='1.0'?><a/>",
            "<?xml version='1.0'encoding='UTF-8'?><a/>",
            "<?xml encoding='UTF-8'?><a/>",
            "",
            " ",
            "<!-- -->",
        ] {
            assert!(!is_accepted(xml), "{xml}");
        }
    }
}
