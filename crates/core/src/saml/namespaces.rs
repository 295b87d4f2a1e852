//! Which namespace a prefix means where (Namespaces in XML 1.0).

use std::ops::Range;

pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The declarations of the open elements, innermost last.
#[derive(Default)]
pub(super) struct Namespaces {
    bindings: Vec<Binding>,
    /// Prefixes and URIs, one behind the other.
    text: String,
    /// For each open element, how many bindings there were before it.
    marks: Vec<usize>,
    /// How many declarations there were so far.
    declared: u32,
}

struct Binding {
    prefix: Range<usize>,
    uri: Range<usize>,
    #[cfg_attr(not(feature = "verify"), allow(dead_code, reason = "a tree asks"))]
    number: u32,
}

impl Namespaces {
    pub(super) fn open(&mut self) {
        self.marks.push(self.bindings.len());
    }

    pub(super) fn close(&mut self) {
        let Some(mark) = self.marks.pop() else { return };
        if let Some(first) = self.bindings.get(mark) {
            self.text.truncate(first.prefix.start);
        }
        self.bindings.truncate(mark);
    }

    /// How many declarations there are of the open elements together.
    pub(super) fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Takes in a declaration of the innermost element and gives its number, or says why it is none.
    pub(super) fn declare(&mut self, prefix: &str, uri: &str) -> Result<u32, &'static str> {
        let number = self.declared;
        match (prefix, uri) {
            ("xml", XML) => return Ok(number),
            ("xml" | "xmlns", _) | (_, XML | XMLNS) => {
                return Err("the namespaces of `xml` and `xmlns` are declared anew");
            }
            (prefix, "") if !prefix.is_empty() => return Err("a namespace prefix is declared as nothing"),
            _ => {}
        }
        let here = self.marks.last().and_then(|mark| self.bindings.get(*mark..)).unwrap_or_default();
        if here.iter().any(|binding| self.text_of(&binding.prefix) == prefix) {
            return Err("a namespace prefix is declared twice");
        }
        self.declared += 1;
        self.declare_again(prefix, uri, number);
        Ok(number)
    }

    /// Takes in a declaration that was taken in before, on another element, and found to be right.
    pub(super) fn declare_again(&mut self, prefix: &str, uri: &str, number: u32) {
        if prefix == "xml" {
            return;
        }
        let start = self.text.len();
        self.text.push_str(prefix);
        let middle = self.text.len();
        self.text.push_str(uri);
        self.bindings.push(Binding { prefix: start..middle, uri: middle..self.text.len(), number });
    }

    /// What a prefix means here; the empty one is the default namespace, which may be none.
    pub(super) fn resolve(&self, prefix: &str) -> Option<&str> {
        match self.binding(prefix) {
            Some(binding) => Some(self.text_of(&binding.uri)),
            None if prefix.is_empty() => Some(""),
            None if prefix == "xml" => Some(XML),
            None => None,
        }
    }

    fn binding(&self, prefix: &str) -> Option<&Binding> {
        self.bindings.iter().rev().find(|binding| self.text_of(&binding.prefix) == prefix)
    }

    fn text_of(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// Declarations by number, for a tree that keeps each namespace once: they are counted from 0 in document order.
#[cfg(feature = "verify")]
impl Namespaces {
    /// The number of the declaration that a prefix goes by here.
    pub(super) fn number(&self, prefix: &str) -> Option<u32> {
        self.binding(prefix).map(|binding| binding.number)
    }

    /// The declarations of the innermost element: prefix and URI.
    pub(super) fn declared_here(&self) -> impl Iterator<Item = (&str, &str)> {
        let here = self.marks.last().and_then(|mark| self.bindings.get(*mark..)).unwrap_or_default();
        here.iter().map(|binding| (self.text_of(&binding.prefix), self.text_of(&binding.uri)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_declarations_hide_outer_ones_until_they_close() {
        let mut namespaces = Namespaces::default();
        namespaces.open();
        namespaces.declare("a", "urn:1").unwrap();
        namespaces.declare("", "urn:default").unwrap();
        namespaces.open();
        namespaces.declare("a", "urn:2").unwrap();
        namespaces.declare("", "").unwrap();
        assert_eq!((namespaces.resolve("a"), namespaces.resolve("")), (Some("urn:2"), Some("")));
        namespaces.close();
        assert_eq!((namespaces.resolve("a"), namespaces.resolve("")), (Some("urn:1"), Some("urn:default")));
        namespaces.close();
        assert_eq!((namespaces.resolve("a"), namespaces.resolve("")), (None, Some("")));
    }

    #[test]
    fn what_belongs_to_xml_itself_stays_so() {
        let mut namespaces = Namespaces::default();
        assert_eq!(namespaces.resolve("xml"), Some(XML));
        assert!(namespaces.declare("xml", XML).is_ok());
        for (prefix, uri) in [("xml", "urn:x"), ("xmlns", "urn:x"), ("a", XML), ("", XMLNS), ("a", "")] {
            assert!(namespaces.declare(prefix, uri).is_err(), "{prefix} {uri}");
        }
    }
}
