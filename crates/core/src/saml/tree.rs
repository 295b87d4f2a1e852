//! A document as a tree. Signatures are verified over it and facts are read from it, so both see the same document.

use zeroize::Zeroize as _;

use super::document_error::DocumentError;
use super::element::Element;
use super::namespaces::{Binding, XML};
use super::reader::FactReader;
use super::tag::StartTag;
use super::xml::{Visitor, walk};
use super::{Assertion, Limits};

type Result<T> = std::result::Result<T, DocumentError>;

/// A part of [`Tree::text`].
type Span = std::ops::Range<u32>;

/// A document. Nodes are stored in document order, so a node is directly followed by its descendants.
#[derive(Default)]
pub(crate) struct Tree {
    /// Names, values and texts, concatenated.
    text: String,
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    /// Every namespace declaration of the document, in document order.
    declarations: Vec<Declaration>,
    open: Vec<usize>,
    /// The element whose start tag was stored last. Start tags that repeat it are not stored again.
    stored_tag: usize,
    has_instructions: bool,
}

/// The index of a node of a [`Tree`] in document order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(usize);

struct Node {
    parent: Option<usize>,
    /// The index behind its last descendant.
    end: usize,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Element { prefix: Span, local_name: Span, namespace: Binding, attributes: Span, declarations: Span },
    Text(Span),
    Comment,
}

struct Attribute {
    prefix: Span,
    local_name: Span,
    namespace: Binding,
    value: Span,
}

struct Declaration {
    prefix: Span,
    uri: Span,
}

/// A qualified name as written, with its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'t> {
    pub(crate) prefix: &'t str,
    pub(crate) local_name: &'t str,
    /// The namespace, empty for none.
    pub(crate) namespace: &'t str,
}

/// What a node is.
pub(crate) enum View<'t> {
    Element(Name<'t>),
    Text(&'t str),
    Comment,
}

impl Tree {
    /// Reads a document.
    pub(crate) fn read(xml: &str, limits: &Limits) -> Result<Self> {
        // Spans are pairs of 32-bit numbers.
        limits.check("bytes of XML", xml.len(), 1 << 31)?;
        let mut tree = Self::default();
        // Everything stored is a part of the document, so this never grows and leaves no copy behind.
        tree.text.reserve_exact(xml.len());
        walk(xml, limits, &mut tree)?;
        Ok(tree)
    }

    /// The length of all names, values and texts together. Canonical forms are of a similar length.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    pub(crate) fn root(&self) -> NodeId {
        NodeId(self.nodes.iter().position(|node| matches!(node.kind, Kind::Element { .. })).unwrap_or(0))
    }

    /// Whether the document contains a processing instruction.
    pub(crate) fn has_instructions(&self) -> bool {
        self.has_instructions
    }

    /// All nodes, in document order.
    pub(crate) fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    pub(crate) fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.nodes.get(node.0)?.parent.map(NodeId)
    }

    /// The first node behind all descendants of this one, in document order. It may not exist.
    pub(crate) fn end(&self, node: NodeId) -> NodeId {
        NodeId(self.nodes.get(node.0).map_or(node.0 + 1, |node| node.end))
    }

    /// The next node in document order. It may not exist.
    pub(crate) fn next(&self, node: NodeId) -> NodeId {
        NodeId(node.0 + 1)
    }

    /// The descendants of a node, in document order.
    pub(crate) fn descendants(&self, node: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        (node.0 + 1..self.end(node).0).map(NodeId)
    }

    pub(crate) fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let end = self.end(node);
        let mut next = self.next(node);
        std::iter::from_fn(move || {
            let child = next;
            next = self.end(child);
            (child < end).then_some(child)
        })
    }

    pub(crate) fn child_elements(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.children(node).filter(|child| matches!(self.view(*child), View::Element(_)))
    }

    pub(crate) fn view(&self, node: NodeId) -> View<'_> {
        match self.nodes.get(node.0).map(|node| &node.kind) {
            Some(Kind::Element { prefix, local_name, namespace, .. }) => {
                View::Element(self.qualified(prefix, local_name, *namespace))
            }
            Some(Kind::Text(text)) => View::Text(self.slice(text)),
            Some(Kind::Comment) | None => View::Comment,
        }
    }

    /// The name of an element; `None` for other nodes.
    pub(crate) fn name(&self, node: NodeId) -> Option<Name<'_>> {
        match self.view(node) {
            View::Element(name) => Some(name),
            _ => None,
        }
    }

    /// Whether a node is an element with this name.
    pub(crate) fn is(&self, node: NodeId, namespace: &str, local_name: &str) -> bool {
        self.name(node).is_some_and(|name| name.namespace == namespace && name.local_name == local_name)
    }

    /// The attributes of an element and their values, without namespace declarations.
    pub(crate) fn attributes(&self, node: NodeId) -> impl Iterator<Item = (Name<'_>, &str)> {
        let range = match self.nodes.get(node.0).map(|node| &node.kind) {
            Some(Kind::Element { attributes, .. }) => attributes.clone(),
            _ => 0..0,
        };
        let found = self.attributes.get(range.start as usize..range.end as usize).unwrap_or_default();
        found.iter().map(|attribute| {
            let name = self.qualified(&attribute.prefix, &attribute.local_name, attribute.namespace);
            (name, self.slice(&attribute.value))
        })
    }

    /// The value of the attribute with this name and no prefix.
    pub(crate) fn attribute(&self, node: NodeId, name: &str) -> Option<&str> {
        let mut attributes = self.attributes(node);
        attributes.find(|(found, _)| found.prefix.is_empty() && found.local_name == name).map(|(_, value)| value)
    }

    /// The namespace declarations on an element: prefix and URI.
    pub(crate) fn declarations(&self, node: NodeId) -> impl Iterator<Item = (&str, &str)> {
        let range = match self.nodes.get(node.0).map(|node| &node.kind) {
            Some(Kind::Element { declarations, .. }) => declarations.clone(),
            _ => 0..0,
        };
        let found = self.declarations.get(range.start as usize..range.end as usize).unwrap_or_default();
        found.iter().map(|declaration| (self.slice(&declaration.prefix), self.slice(&declaration.uri)))
    }

    /// Every namespace that the document declares.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.declarations.iter().map(|declaration| self.slice(&declaration.uri))
    }

    /// The URI that a prefix is bound to on an element.
    pub(crate) fn in_scope(&self, node: NodeId, prefix: &str) -> Option<&str> {
        let mut ancestors = std::iter::successors(Some(node), |node| self.parent(*node));
        ancestors.find_map(|node| self.declarations(node).find(|(known, _)| *known == prefix).map(|(_, uri)| uri))
    }

    /// The text of an element whose only child is one text node.
    pub(crate) fn only_text(&self, node: NodeId) -> Option<&str> {
        let mut children = self.children(node);
        match (children.next().map(|child| self.view(child)), children.next()) {
            (Some(View::Text(text)), None) => Some(text),
            _ => None,
        }
    }

    /// Reads the facts from a node and its descendants, and nothing else.
    pub(crate) fn facts(&self, node: NodeId, limits: &Limits) -> Result<Assertion> {
        let mut facts = FactReader::new(limits);
        let mut open = Vec::new();
        let end = self.end(node);
        let mut current = node;
        while current < end {
            while open.last().is_some_and(|end| current >= *end) {
                open.pop();
                facts.close_element();
            }
            match self.view(current) {
                View::Element(name) => {
                    facts.open_element(&TreeElement { tree: self, node: current, name })?;
                    open.push(self.end(current));
                }
                View::Text(text) => facts.add_text(text)?,
                View::Comment => {}
            }
            current = self.next(current);
        }
        open.iter().for_each(|_| facts.close_element());
        Ok(facts.finish())
    }

    fn qualified(&self, prefix: &Span, local_name: &Span, namespace: Binding) -> Name<'_> {
        let namespace = match namespace {
            Binding::None => "",
            Binding::Xml => XML,
            Binding::Declared(number) => {
                self.declarations.get(number as usize).map_or("", |declaration| self.slice(&declaration.uri))
            }
        };
        Name { prefix: self.slice(prefix), local_name: self.slice(local_name), namespace }
    }

    fn slice(&self, span: &Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn store(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        start..self.text.len() as u32
    }

    fn store_tag(&mut self, tag: &StartTag<'_>) -> Kind {
        let first = self.declarations.len() as u32;
        for (prefix, uri) in tag.namespaces().declared_here() {
            // In the order in which `Namespaces` numbers them, so that `Binding::Declared` is an index here, too.
            let declaration = Declaration { prefix: self.store(prefix), uri: self.store(uri) };
            self.declarations.push(declaration);
        }
        let declarations = first..self.declarations.len() as u32;
        let first = self.attributes.len() as u32;
        for (prefix, local_name, value) in tag.attributes() {
            let attribute = Attribute {
                // The default namespace does not apply to attributes.
                namespace: if prefix.is_empty() { None } else { tag.namespaces().binding(prefix) }.unwrap_or_default(),
                prefix: self.store(prefix),
                local_name: self.store(local_name),
                value: self.store(value),
            };
            self.attributes.push(attribute);
        }
        Kind::Element {
            prefix: self.store(tag.prefix()),
            local_name: self.store(tag.local_name()),
            namespace: tag.binding(),
            attributes: first..self.attributes.len() as u32,
            declarations,
        }
    }

    /// Whether the start tag of one element repeats that of the other (see the documentation of `saml::tag`): then the
    /// tag is stored once, and both refer to it.
    pub(crate) fn share_tag(&self, one: NodeId, other: NodeId) -> bool {
        let stored = |node: NodeId| match self.nodes.get(node.0).map(|node| &node.kind) {
            Some(Kind::Element { local_name, .. }) => Some(local_name),
            _ => None,
        };
        stored(one).is_some() && stored(one) == stored(other)
    }

    fn push(&mut self, kind: Kind) {
        let index = self.nodes.len();
        self.nodes.push(Node { parent: self.open.last().copied(), end: index + 1, kind });
    }
}

/// The text of a signed response is as good as the response.
impl Drop for Tree {
    fn drop(&mut self) {
        let mut text = std::mem::take(&mut self.text).into_bytes();
        text.as_mut_slice().zeroize();
    }
}

impl Visitor for Tree {
    fn open(&mut self, tag: &StartTag<'_>) -> Result<()> {
        let kind = match self.nodes.get(self.stored_tag) {
            Some(node) if tag.is_repeat() => node.kind.clone(),
            _ => {
                self.stored_tag = self.nodes.len();
                self.store_tag(tag)
            }
        };
        self.push(kind);
        self.open.push(self.nodes.len() - 1);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let added = self.store(text);
        let parent = self.open.last().copied();
        // Text, references and CDATA sections that follow each other are one node.
        match self.nodes.last_mut() {
            Some(Node { kind: Kind::Text(span), parent: of, .. }) if *of == parent => span.end = added.end,
            _ => self.push(Kind::Text(added)),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let end = self.nodes.len();
        if let Some(node) = self.open.pop().and_then(|open| self.nodes.get_mut(open)) {
            node.end = end;
        }
        Ok(())
    }

    fn comment(&mut self) {
        self.push(Kind::Comment);
    }

    fn instruction(&mut self) {
        self.has_instructions = true;
    }
}

/// An element of a tree, for the reader of facts.
struct TreeElement<'t> {
    tree: &'t Tree,
    node: NodeId,
    name: Name<'t>,
}

impl Element for TreeElement<'_> {
    fn namespace(&self) -> &str {
        self.name.namespace
    }

    fn local_name(&self) -> &str {
        self.name.local_name
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.tree.attribute(self.node, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_tags_have_the_namespaces_of_their_own_parents() {
        let xml = r#"<r xmlns="urn:1"><s xmlns="urn:2"><v/></s><v/><v x="1"/><v x="1"/><v/></r>"#;
        let tree = Tree::read(xml, &Limits::default()).unwrap();
        let found: Vec<_> = tree
            .all()
            .filter(|node| tree.name(*node).is_some_and(|name| name.local_name == "v"))
            .map(|node| (tree.name(node).unwrap().namespace, tree.attribute(node, "x")))
            .collect();
        assert_eq!(
            found,
            [("urn:2", None), ("urn:1", None), ("urn:1", Some("1")), ("urn:1", Some("1")), ("urn:1", None)]
        );
    }
}
