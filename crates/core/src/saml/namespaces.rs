//! Namespace scopes: which namespace a prefix is bound to at each place (Namespaces in XML 1.0).

use std::ops::Range;

pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The declarations in scope, innermost last.
#[derive(Default)]
pub(super) struct Namespaces {
    /// Every declaration of the document so far. Its index is its number.
    declarations: Vec<Declaration>,
    /// The prefixes and URIs of `declarations`, concatenated.
    text: String,
    /// The numbers of the declarations in scope.
    in_scope: Vec<u32>,
    /// For each open element, the length of `in_scope` before it.
    marks: Vec<usize>,
}

/// What a prefix is bound to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Binding {
    /// No namespace: no prefix, and no default namespace.
    #[default]
    None,
    /// The namespace of the prefix `xml`, which needs no declaration.
    Xml,
    /// The namespace of the declaration with this number, counted from 0 in document order.
    Declared(u32),
}

struct Declaration {
    prefix: Range<usize>,
    uri: Range<usize>,
}

impl Namespaces {
    /// Enters an element.
    pub(super) fn open(&mut self) {
        self.marks.push(self.in_scope.len());
    }

    /// Leaves the innermost element.
    pub(super) fn close(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.in_scope.truncate(mark);
        }
    }

    /// The number of declarations in scope.
    pub(super) fn len(&self) -> usize {
        self.in_scope.len()
    }

    /// Adds a declaration of the innermost element and returns its number, or why it is not allowed. A declaration of the
    /// prefix `xml` has no number: that prefix is always bound.
    pub(super) fn declare(&mut self, prefix: &str, uri: &str) -> Result<Option<u32>, &'static str> {
        match (prefix, uri) {
            ("xml", XML) => return Ok(None),
            ("xml" | "xmlns", _) | (_, XML | XMLNS) => {
                return Err("the namespace of `xml` or `xmlns` is redeclared");
            }
            (prefix, "") if !prefix.is_empty() => return Err("a namespace prefix is bound to no namespace"),
            _ => {}
        }
        if self.innermost().any(|declaration| self.slice(&declaration.prefix) == prefix) {
            return Err("a namespace prefix is declared twice");
        }
        let number = u32::try_from(self.declarations.len()).map_err(|_| "there are too many namespaces")?;
        let start = self.text.len();
        self.text.push_str(prefix);
        let middle = self.text.len();
        self.text.push_str(uri);
        self.declarations.push(Declaration { prefix: start..middle, uri: middle..self.text.len() });
        self.in_scope.push(number);
        Ok(Some(number))
    }

    /// Adds declarations that were already checked on another element.
    pub(super) fn redeclare(&mut self, numbers: &[u32]) {
        self.in_scope.extend_from_slice(numbers);
    }

    /// What a prefix is bound to here, or `None` if it is not declared. The empty prefix stands for the default namespace.
    pub(super) fn binding(&self, prefix: &str) -> Option<Binding> {
        let matches =
            |number: &&u32| self.declaration(**number).is_some_and(|known| self.slice(&known.prefix) == prefix);
        match (self.in_scope.iter().rev().find(matches), prefix) {
            (Some(number), _) => Some(Binding::Declared(*number)),
            (None, "") => Some(Binding::None),
            (None, "xml") => Some(Binding::Xml),
            (None, _) => None,
        }
    }

    /// The URI of a namespace, empty for none.
    pub(super) fn uri(&self, binding: Binding) -> &str {
        match binding {
            Binding::None => "",
            Binding::Xml => XML,
            Binding::Declared(number) => {
                self.declaration(number).map_or("", |declaration| self.slice(&declaration.uri))
            }
        }
    }

    /// The URI that a prefix is bound to here.
    pub(super) fn resolve(&self, prefix: &str) -> Option<&str> {
        self.binding(prefix).map(|binding| self.uri(binding))
    }

    /// The declarations of the innermost element.
    fn innermost(&self) -> impl Iterator<Item = &Declaration> {
        let numbers = self.marks.last().and_then(|mark| self.in_scope.get(*mark..)).unwrap_or_default();
        numbers.iter().filter_map(|number| self.declaration(*number))
    }

    fn declaration(&self, number: u32) -> Option<&Declaration> {
        self.declarations.get(number as usize)
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

#[cfg(feature = "verify")]
impl Namespaces {
    /// The declarations of the innermost element: prefix and URI.
    pub(super) fn declared_here(&self) -> impl Iterator<Item = (&str, &str)> {
        self.innermost().map(|declaration| (self.slice(&declaration.prefix), self.slice(&declaration.uri)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_declarations_shadow_outer_ones() {
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
    fn reserved_prefixes_and_namespaces_cannot_be_redeclared() {
        let mut namespaces = Namespaces::default();
        assert_eq!(namespaces.resolve("xml"), Some(XML));
        assert!(namespaces.declare("xml", XML).is_ok());
        for (prefix, uri) in [("xml", "urn:x"), ("xmlns", "urn:x"), ("a", XML), ("", XMLNS), ("a", "")] {
            assert!(namespaces.declare(prefix, uri).is_err(), "{prefix} {uri}");
        }
    }
}
