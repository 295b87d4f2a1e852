//! Start tags, taken apart and checked. Of many elements in a row that begin alike, as the values of an attribute do, only
//! the first costs that.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::events::attributes::Attribute;

use super::Limits;
use super::limits::exceeded;
use super::namespaces::{Meaning, Namespaces};
use super::xml::{Element, is_character, lower, malformed_at};
use crate::error::{Error, Result};

type Span = Range<usize>;

/// The start tag at hand. Its buffers are used again for the next one.
#[derive(Default)]
pub(super) struct Tags {
    /// The tag as it stands in the document, between `<` and `>`.
    raw: String,
    /// Values that are not as they stand there: references resolved, white space made spaces.
    normalised: String,
    prefix: Span,
    local_name: Span,
    namespace: Meaning,
    attributes: Vec<Part>,
    /// The numbers of the namespaces that are declared.
    declarations: Vec<u32>,
    /// The element around it, by its number.
    parent: Option<usize>,
    is_repeat: bool,
}

/// An attribute.
struct Part {
    prefix: Span,
    local_name: Span,
    value: Value,
}

enum Value {
    AsItStands(Span),
    Normalised(Span),
}

impl Tags {
    /// Takes apart a start tag inside the element of number `parent`, and opens its namespaces.
    pub(super) fn take(
        &mut self,
        start: &BytesStart<'_>,
        parent: Option<usize>,
        namespaces: &mut Namespaces,
        limits: &Limits,
        position: usize,
    ) -> Result<()> {
        namespaces.open();
        // Between the same two tags, what is written alike means the same and was found to be right.
        self.is_repeat = parent.is_some() && self.parent == parent && *self.raw == **start;
        if self.is_repeat {
            namespaces.declare_again(&self.declarations);
            return Ok(());
        }
        self.parent = parent;
        self.raw.clear();
        self.raw.push_str(start);
        self.normalised.clear();
        self.attributes.clear();
        self.declarations.clear();
        if start.attributes_raw().len() > limits.text_bytes {
            return Err(exceeded("bytes of one text", limits.text_bytes));
        }
        let (mut with_prefix, mut with_xml) = (false, false);
        // Duplicates are looked for below, by what names mean.
        for (at, attribute) in start.attributes().with_checks(false).enumerate() {
            limits.check("attributes of one element", at + 1, limits.attributes)?;
            let attribute = attribute.map_err(|error| malformed_at(&lower(&error.to_string()), position))?;
            let value = value(&attribute, position)?;
            let declared = match split(attribute.key.into_inner(), position)? {
                ("xmlns", prefix) => prefix,
                ("", "xmlns") => "",
                (prefix, local_name) => {
                    with_prefix |= !prefix.is_empty();
                    let part = self.part(start, prefix, local_name, value);
                    self.attributes.push(part);
                    continue;
                }
            };
            limits.check("bytes of one namespace", value.len(), limits.namespace_bytes)?;
            let number = namespaces.declare(declared, &value).map_err(|why| malformed_at(why, position))?;
            // The prefix `xml` has its meaning without a declaration, so that nobody else would see two of them.
            if declared == "xml" && std::mem::replace(&mut with_xml, true) {
                return Err(malformed_at("a namespace prefix is declared twice", position));
            }
            self.declarations.extend(number);
        }
        limits.check("namespaces in one place", namespaces.len(), limits.namespaces)?;
        let (prefix, local_name) = split(start.name().into_inner(), position)?;
        (self.prefix, self.local_name) = (span(start, prefix), span(start, local_name));
        self.namespace = namespaces.meaning(prefix).ok_or_else(|| undeclared(prefix, position))?;
        if self.attributes.len() > 1 || with_prefix {
            self.check_expanded_names(namespaces, position)?;
        }
        Ok(())
    }

    fn part(&mut self, start: &str, prefix: &str, local_name: &str, value: Cow<'_, str>) -> Part {
        let value = match value {
            Cow::Borrowed(value) => Value::AsItStands(span(start, value)),
            Cow::Owned(value) => {
                let at = self.normalised.len();
                self.normalised.push_str(&value);
                Value::Normalised(at..self.normalised.len())
            }
        };
        Part { prefix: span(start, prefix), local_name: span(start, local_name), value }
    }

    fn raw(&self, span: &Span) -> &str {
        self.raw.get(span.clone()).unwrap_or_default()
    }

    fn value(&self, part: &Part) -> &str {
        match &part.value {
            Value::AsItStands(span) => self.raw(span),
            Value::Normalised(span) => self.normalised.get(span.clone()).unwrap_or_default(),
        }
    }

    /// Two attributes with different prefixes may still be the same one.
    fn check_expanded_names(&self, namespaces: &Namespaces, position: usize) -> Result<()> {
        let mut names = Vec::with_capacity(self.attributes.len());
        for Part { prefix, local_name, .. } in &self.attributes {
            let prefix = self.raw(prefix);
            let namespace = if prefix.is_empty() { Some("") } else { namespaces.resolve(prefix) };
            names.push((self.raw(local_name), namespace.ok_or_else(|| undeclared(prefix, position))?));
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(malformed_at("an attribute is given twice", position));
        }
        Ok(())
    }
}

/// Where a piece of a text stands in it; an empty one stands nowhere.
fn span(text: &str, piece: &str) -> Span {
    let at = piece.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
    if piece.is_empty() { 0..0 } else { at..at.saturating_add(piece.len()) }
}

/// A start tag that was taken apart, with what its prefixes mean.
pub(super) struct Tag<'e> {
    tags: &'e Tags,
    namespaces: &'e Namespaces,
}

impl<'e> Tag<'e> {
    pub(super) fn new(tags: &'e Tags, namespaces: &'e Namespaces) -> Self {
        Self { tags, namespaces }
    }
}

/// What a tree keeps of a tag beside its name.
#[cfg(feature = "verify")]
impl Tag<'_> {
    /// Whether it is as the one that was opened last inside the same element.
    pub(super) fn is_repeat(&self) -> bool {
        self.tags.is_repeat
    }

    pub(super) fn prefix(&self) -> &str {
        self.tags.raw(&self.tags.prefix)
    }

    /// What its own prefix means.
    pub(super) fn meaning(&self) -> Meaning {
        self.tags.namespace
    }

    /// What prefixes mean on it.
    pub(super) fn namespaces(&self) -> &Namespaces {
        self.namespaces
    }

    /// Its attributes but for the declarations: prefix, local name, value.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let tags = self.tags;
        tags.attributes.iter().map(|part| (tags.raw(&part.prefix), tags.raw(&part.local_name), tags.value(part)))
    }
}

impl Element for Tag<'_> {
    fn namespace(&self) -> &str {
        self.namespaces.uri(self.tags.namespace)
    }

    fn local_name(&self) -> &str {
        self.tags.raw(&self.tags.local_name)
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        let is_it = |part: &&Part| part.prefix.is_empty() && self.tags.raw(&part.local_name) == name;
        self.tags.attributes.iter().find(is_it).map(|part| self.tags.value(part))
    }
}

/// The value as XML 1.0, 3.3.3, normalises it.
fn value<'v>(attribute: &Attribute<'v>, position: usize) -> Result<Cow<'v, str>> {
    // Most are as they should be. Without a way out in between, which the compiler makes wide.
    if attribute.value.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'&') & (byte != b'<')) {
        return Ok(attribute.value.clone());
    }
    if memchr::memchr(b'<', attribute.value.as_bytes()).is_some() {
        return Err(malformed_at("there is a `<` in the value of an attribute", position));
    }
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

fn undeclared(prefix: &str, position: usize) -> Error {
    malformed_at(&format!("the namespace prefix `{prefix}` is not declared"), position)
}
