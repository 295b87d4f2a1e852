//! Start tags: parsed, checked, and reused where one repeats the previous one.
//!
//! # Repeated start tags
//!
//! A response that offers 40,000 roles has 40,000 `AttributeValue` elements whose start tags are equal. Parsing each of them
//! would be most of the cost of reading, so a repeated tag reuses the result of the previous one. A start tag **repeats**
//! the previous start tag of the document if
//!
//! 1. both have the same parent element, and
//! 2. both are written alike, byte for byte.
//!
//! The previous element has no child elements then, and has ended; the same namespace declarations are in scope outside both.
//! So a repeated tag has the same name, the same attributes and values, and its prefixes have the same bindings: it is valid
//! because the previous one is. Three places rely on this:
//!
//! - [`StartTags::parse`] skips parsing and checking, and only puts the declarations back into scope;
//! - `Tree` stores the tag once, and its nodes share it (`Tree::share_tag`);
//! - canonicalization writes the canonical form of the previous tag again, since the output has the same ancestors and
//!   hence the same rendered namespaces.
//!
//! Neither condition may be dropped: written alike under another parent, a prefix may be bound to another namespace. The root
//! element has no parent and never repeats. `repeated_tags_change_nothing` in `tests/tests/documents/canonical.rs` compares documents
//! with the same documents in which no two tags are written alike.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::events::attributes::Attribute;

use super::Limits;
use super::characters::{is_character, is_name};
use super::document_error::DocumentError;
use super::element::Element;
use super::namespaces::{Binding, Namespaces};

type Span = Range<usize>;

/// The parser of start tags, which holds the tag that it parsed last. Its buffers are reused.
#[derive(Default)]
pub(super) struct StartTags {
    /// The tag as written, between `<` and `>`.
    raw: String,
    /// Attribute values that differ from how they are written: references resolved, white space turned into spaces.
    normalised: String,
    prefix: Span,
    local_name: Span,
    namespace: Binding,
    attributes: Vec<AttributePart>,
    /// The numbers of the namespace declarations on the tag.
    declarations: Vec<u32>,
    /// The number of the parent element.
    parent: Option<usize>,
    is_repeat: bool,
}

struct AttributePart {
    prefix: Span,
    local_name: Span,
    value: Value,
}

enum Value {
    /// A part of `raw`.
    Raw(Span),
    /// A part of `normalised`.
    Normalised(Span),
}

impl StartTags {
    /// Parses a start tag inside the element with the number `parent`, and opens its namespace scope.
    pub(super) fn parse(
        &mut self,
        start: &BytesStart<'_>,
        parent: Option<usize>,
        namespaces: &mut Namespaces,
        limits: &Limits,
        position: usize,
    ) -> Result<(), DocumentError> {
        namespaces.open();
        self.is_repeat = parent.is_some() && self.parent == parent && *self.raw == **start;
        if self.is_repeat {
            namespaces.redeclare(&self.declarations);
            return Ok(());
        }
        self.parent = parent;
        self.raw.clear();
        self.raw.push_str(start);
        self.normalised.clear();
        self.attributes.clear();
        self.declarations.clear();
        limits.check("bytes of one text", start.attributes_raw().len(), limits.text_bytes)?;
        let (mut any_prefix, mut declares_xml) = (false, false);
        // quick-xml compares names as written; `check_duplicates` compares them with their namespaces.
        for (index, attribute) in start.attributes().with_checks(false).enumerate() {
            limits.check("attributes of one element", index + 1, limits.attributes)?;
            let attribute = attribute.map_err(|error| DocumentError::from_parser(&error.to_string(), position))?;
            let name = attribute.key.into_inner();
            // quick-xml accepts `a="1"b="2"`.
            let before = span(start, name).start.checked_sub(1).and_then(|before| start.as_bytes().get(before));
            if !before.is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
                return Err(DocumentError::malformed_at("there is no white space before an attribute", position));
            }
            let value = normalised_value(&attribute, position)?;
            let declared = match split(name, position)? {
                ("xmlns", prefix) => prefix,
                ("", "xmlns") => "",
                (prefix, local_name) => {
                    any_prefix |= !prefix.is_empty();
                    let part = self.attribute_part(start, prefix, local_name, value);
                    self.attributes.push(part);
                    continue;
                }
            };
            limits.check("bytes of one namespace", value.len(), limits.namespace_bytes)?;
            let number =
                namespaces.declare(declared, &value).map_err(|why| DocumentError::malformed_at(why, position))?;
            // A declaration of `xml` is not stored, so nothing else notices a second one.
            if declared == "xml" && std::mem::replace(&mut declares_xml, true) {
                return Err(DocumentError::malformed_at("a namespace prefix is declared twice", position));
            }
            self.declarations.extend(number);
        }
        limits.check("namespaces in one place", namespaces.len(), limits.namespaces)?;
        let (prefix, local_name) = split(start.name().into_inner(), position)?;
        (self.prefix, self.local_name) = (span(start, prefix), span(start, local_name));
        self.namespace = namespaces.binding(prefix).ok_or_else(|| undeclared(prefix, position))?;
        if self.attributes.len() > 1 || any_prefix {
            self.check_duplicates(namespaces, position)?;
        }
        Ok(())
    }

    fn attribute_part(&mut self, start: &str, prefix: &str, local_name: &str, value: Cow<'_, str>) -> AttributePart {
        let value = match value {
            Cow::Borrowed(value) => Value::Raw(span(start, value)),
            Cow::Owned(value) => {
                let from = self.normalised.len();
                self.normalised.push_str(&value);
                Value::Normalised(from..self.normalised.len())
            }
        };
        AttributePart { prefix: span(start, prefix), local_name: span(start, local_name), value }
    }

    fn raw(&self, span: &Span) -> &str {
        self.raw.get(span.clone()).unwrap_or_default()
    }

    fn value(&self, part: &AttributePart) -> &str {
        match &part.value {
            Value::Raw(span) => self.raw(span),
            Value::Normalised(span) => self.normalised.get(span.clone()).unwrap_or_default(),
        }
    }

    /// Refuses a second attribute with the same local name and namespace, even under another prefix.
    fn check_duplicates(&self, namespaces: &Namespaces, position: usize) -> Result<(), DocumentError> {
        let mut names = Vec::with_capacity(self.attributes.len());
        for AttributePart { prefix, local_name, .. } in &self.attributes {
            let prefix = self.raw(prefix);
            let namespace = if prefix.is_empty() { Some("") } else { namespaces.resolve(prefix) };
            names.push((self.raw(local_name), namespace.ok_or_else(|| undeclared(prefix, position))?));
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(DocumentError::malformed_at("an attribute is given twice", position));
        }
        Ok(())
    }
}

/// The position of `piece` inside `text`, of which it is a slice; `0..0` for an empty one.
fn span(text: &str, piece: &str) -> Span {
    let start = piece.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    if piece.is_empty() { 0..0 } else { start..start.saturating_add(piece.len()) }
}

/// A parsed start tag with the namespaces in scope.
pub(super) struct StartTag<'e> {
    tags: &'e StartTags,
    namespaces: &'e Namespaces,
}

impl<'e> StartTag<'e> {
    pub(super) fn new(tags: &'e StartTags, namespaces: &'e Namespaces) -> Self {
        Self { tags, namespaces }
    }
}

/// What a tree stores of a tag.
#[cfg(feature = "verify")]
impl StartTag<'_> {
    /// Whether it repeats the previous start tag (see the module documentation).
    pub(super) fn is_repeat(&self) -> bool {
        self.tags.is_repeat
    }

    pub(super) fn prefix(&self) -> &str {
        self.tags.raw(&self.tags.prefix)
    }

    /// The binding of its own prefix.
    pub(super) fn binding(&self) -> Binding {
        self.tags.namespace
    }

    /// The namespaces in scope, its own declarations included.
    pub(super) fn namespaces(&self) -> &Namespaces {
        self.namespaces
    }

    /// Its attributes without the namespace declarations: prefix, local name, value.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let tags = self.tags;
        tags.attributes.iter().map(|part| (tags.raw(&part.prefix), tags.raw(&part.local_name), tags.value(part)))
    }
}

impl Element for StartTag<'_> {
    fn namespace(&self) -> &str {
        self.namespaces.uri(self.tags.namespace)
    }

    fn local_name(&self) -> &str {
        self.tags.raw(&self.tags.local_name)
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        let matches = |part: &&AttributePart| part.prefix.is_empty() && self.tags.raw(&part.local_name) == name;
        self.tags.attributes.iter().find(matches).map(|part| self.tags.value(part))
    }
}

/// The value of an attribute, normalised as XML 1.0, section 3.3.3, says.
fn normalised_value<'v>(attribute: &Attribute<'v>, position: usize) -> Result<Cow<'v, str>, DocumentError> {
    // Most values need nothing. A fold without an early exit is vectorised.
    if attribute.value.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'&') & (byte != b'<')) {
        return Ok(attribute.value.clone());
    }
    if memchr::memchr(b'<', attribute.value.as_bytes()).is_some() {
        return Err(DocumentError::malformed_at("there is a `<` in the value of an attribute", position));
    }
    let unknown =
        || DocumentError::malformed_at("there is a reference to an entity or character that does not exist", position);
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| unknown())?;
    match &value {
        Cow::Owned(text) if !text.chars().all(is_character) => Err(unknown()),
        _ => Ok(value),
    }
}

/// Splits a qualified name into its prefix and its local name.
fn split(name: &str, position: usize) -> Result<(&str, &str), DocumentError> {
    let (prefix, local_name) = match name.bytes().position(|byte| byte == b':') {
        Some(colon) => (name.get(..colon).filter(|prefix| is_name(prefix)), name.get(colon + 1..).unwrap_or_default()),
        None => (Some(""), name),
    };
    match prefix {
        Some(prefix) if is_name(local_name) => Ok((prefix, local_name)),
        _ => Err(DocumentError::malformed_at(&format!("`{name}` is not a valid XML name"), position)),
    }
}

fn undeclared(prefix: &str, position: usize) -> DocumentError {
    DocumentError::malformed_at(&format!("the namespace prefix `{prefix}` is not declared"), position)
}
