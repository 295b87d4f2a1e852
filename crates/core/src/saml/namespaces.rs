//! Which namespace a prefix means where (Namespaces in XML 1.0).

use std::ops::Range;

pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The declarations of the open elements, innermost last.
#[derive(Default)]
pub(super) struct Namespaces {
    /// Every declaration so far, by its number.
    declarations: Vec<Declaration>,
    /// Their prefixes and URIs, one behind the other.
    text: String,
    /// The numbers of those that hold.
    open: Vec<u32>,
    /// For each open element, how many held before it.
    marks: Vec<usize>,
}

/// What namespace a prefix stands for in one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Meaning {
    /// No namespace: there is no prefix, and none is the default.
    #[default]
    Nothing,
    /// That of `xml`, which needs no declaration.
    Xml,
    /// That of the declaration with this number. They are counted from 0 in document order.
    Declared(u32),
}

struct Declaration {
    prefix: Range<usize>,
    uri: Range<usize>,
}

impl Namespaces {
    pub(super) fn open(&mut self) {
        self.marks.push(self.open.len());
    }

    pub(super) fn close(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.open.truncate(mark);
        }
    }

    /// How many declarations there are of the open elements together.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Takes in a declaration of the innermost element and gives its number, or says why it is none. That of `xml` has none:
    /// it holds anyway.
    pub(super) fn declare(&mut self, prefix: &str, uri: &str) -> Result<Option<u32>, &'static str> {
        match (prefix, uri) {
            ("xml", XML) => return Ok(None),
            ("xml" | "xmlns", _) | (_, XML | XMLNS) => {
                return Err("the namespaces of `xml` and `xmlns` are declared anew");
            }
            (prefix, "") if !prefix.is_empty() => return Err("a namespace prefix is declared as nothing"),
            _ => {}
        }
        if self.here().any(|declaration| self.text_of(&declaration.prefix) == prefix) {
            return Err("a namespace prefix is declared twice");
        }
        let number = u32::try_from(self.declarations.len()).map_err(|_| "there are too many namespaces")?;
        let start = self.text.len();
        self.text.push_str(prefix);
        let middle = self.text.len();
        self.text.push_str(uri);
        self.declarations.push(Declaration { prefix: start..middle, uri: middle..self.text.len() });
        self.open.push(number);
        Ok(Some(number))
    }

    /// Takes in declarations that were taken in before, on another element, and found to be right.
    pub(super) fn declare_again(&mut self, numbers: &[u32]) {
        self.open.extend_from_slice(numbers);
    }

    /// What a prefix means here; the empty one is the default namespace, which may be none.
    pub(super) fn meaning(&self, prefix: &str) -> Option<Meaning> {
        let is_it =
            |number: &&u32| self.declaration(**number).is_some_and(|known| self.text_of(&known.prefix) == prefix);
        match (self.open.iter().rev().find(is_it), prefix) {
            (Some(number), _) => Some(Meaning::Declared(*number)),
            (None, "") => Some(Meaning::Nothing),
            (None, "xml") => Some(Meaning::Xml),
            (None, _) => None,
        }
    }

    /// The URI of a namespace; that of none is empty.
    pub(super) fn uri(&self, meaning: Meaning) -> &str {
        match meaning {
            Meaning::Nothing => "",
            Meaning::Xml => XML,
            Meaning::Declared(number) => {
                self.declaration(number).map_or("", |declaration| self.text_of(&declaration.uri))
            }
        }
    }

    /// The URI that a prefix stands for here.
    pub(super) fn resolve(&self, prefix: &str) -> Option<&str> {
        self.meaning(prefix).map(|meaning| self.uri(meaning))
    }

    /// The declarations of the innermost element.
    fn here(&self) -> impl Iterator<Item = &Declaration> {
        let here = self.marks.last().and_then(|mark| self.open.get(*mark..)).unwrap_or_default();
        here.iter().filter_map(|number| self.declaration(*number))
    }

    fn declaration(&self, number: u32) -> Option<&Declaration> {
        self.declarations.get(number as usize)
    }

    fn text_of(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

#[cfg(feature = "verify")]
impl Namespaces {
    /// The declarations of the innermost element: prefix and URI.
    pub(super) fn declared_here(&self) -> impl Iterator<Item = (&str, &str)> {
        self.here().map(|declaration| (self.text_of(&declaration.prefix), self.text_of(&declaration.uri)))
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
