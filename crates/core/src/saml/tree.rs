//! A document as a tree, read once: signatures are verified over it and facts are read from it, so that both see the
//! same thing.

use super::namespaces::{Meaning, XML};
use super::reader::Facts;
use super::tag::Tag;
use super::xml::{Element, Visitor, walk};
use super::{Assertion, Limits};
use crate::error::Result;

/// A piece of [`Tree::text`].
type Span = std::ops::Range<u32>;

/// A document. Nodes stand in document order, so that what is beneath a node follows it directly.
#[derive(Default)]
pub(crate) struct Tree {
    /// Names, values and texts, one behind the other.
    text: String,
    nodes: Vec<Node>,
    attributes: Vec<Attribute>,
    /// Every declaration in the document, in its order.
    declarations: Vec<Declaration>,
    open: Vec<usize>,
    /// The element whose tag was kept last: those that begin alike share its names and attributes.
    kept: usize,
    instructions: bool,
}

/// A node of a [`Tree`], by its place in document order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(usize);

struct Node {
    parent: Option<usize>,
    /// The node behind everything that is beneath this one.
    end: usize,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Element { prefix: Span, local_name: Span, namespace: Meaning, attributes: Span, declarations: Span },
    Text(Span),
    Comment,
}

struct Attribute {
    prefix: Span,
    local_name: Span,
    namespace: Meaning,
    value: Span,
}

struct Declaration {
    prefix: Span,
    uri: Span,
}

/// A name as it stands in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'t> {
    pub(crate) prefix: &'t str,
    pub(crate) local_name: &'t str,
    /// The namespace, empty where there is none.
    pub(crate) namespace: &'t str,
}

/// What a node is.
pub(crate) enum View<'t> {
    Element(Name<'t>),
    Text(&'t str),
    Comment,
}

impl Tree {
    /// Reads a document that is well-formed and within the limits.
    pub(crate) fn read(xml: &str, limits: &Limits) -> Result<Self> {
        // Places in the text are of 32 bits.
        limits.check("bytes of XML", xml.len(), 1 << 31)?;
        let mut tree = Self { text: String::with_capacity(xml.len()), ..Self::default() };
        walk(xml, limits, &mut tree)?;
        Ok(tree)
    }

    pub(crate) fn root(&self) -> NodeId {
        NodeId(self.nodes.iter().position(|node| matches!(node.kind, Kind::Element { .. })).unwrap_or(0))
    }

    /// Whether there is a processing instruction anywhere.
    pub(crate) fn has_instructions(&self) -> bool {
        self.instructions
    }

    /// All nodes, in document order.
    pub(crate) fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    pub(crate) fn parent(&self, node: NodeId) -> Option<NodeId> {
        self.nodes.get(node.0)?.parent.map(NodeId)
    }

    /// The node behind everything that is beneath this one, in document order; it may not exist.
    pub(crate) fn end(&self, node: NodeId) -> NodeId {
        NodeId(self.nodes.get(node.0).map_or(node.0 + 1, |node| node.end))
    }

    pub(crate) fn next(&self, node: NodeId) -> NodeId {
        NodeId(node.0 + 1)
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

    pub(crate) fn elements(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        self.children(node).filter(|child| matches!(self.view(*child), View::Element(_)))
    }

    pub(crate) fn view(&self, node: NodeId) -> View<'_> {
        match self.nodes.get(node.0).map(|node| &node.kind) {
            Some(Kind::Element { prefix, local_name, namespace, .. }) => {
                View::Element(self.name_of(prefix, local_name, *namespace))
            }
            Some(Kind::Text(text)) => View::Text(self.span(text)),
            Some(Kind::Comment) | None => View::Comment,
        }
    }

    /// The name of an element.
    pub(crate) fn name(&self, node: NodeId) -> Option<Name<'_>> {
        match self.view(node) {
            View::Element(name) => Some(name),
            _ => None,
        }
    }

    pub(crate) fn is(&self, node: NodeId, namespace: &str, local_name: &str) -> bool {
        self.name(node).is_some_and(|name| name.namespace == namespace && name.local_name == local_name)
    }

    /// The attributes of an element and their values, declarations left out.
    pub(crate) fn attributes(&self, node: NodeId) -> impl Iterator<Item = (Name<'_>, &str)> {
        let range = match self.nodes.get(node.0).map(|node| &node.kind) {
            Some(Kind::Element { attributes, .. }) => attributes.clone(),
            _ => 0..0,
        };
        let found = self.attributes.get(range.start as usize..range.end as usize).unwrap_or_default();
        found.iter().map(|attribute| {
            let name = self.name_of(&attribute.prefix, &attribute.local_name, attribute.namespace);
            (name, self.span(&attribute.value))
        })
    }

    /// The value of an attribute whose name has no prefix.
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
        found.iter().map(|declaration| (self.span(&declaration.prefix), self.span(&declaration.uri)))
    }

    /// Every namespace that is declared anywhere.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &str> {
        self.declarations.iter().map(|declaration| self.span(&declaration.uri))
    }

    /// What a prefix means on an element, as the declarations on it and around it say.
    pub(crate) fn in_scope(&self, node: NodeId, prefix: &str) -> Option<&str> {
        let mut around = std::iter::successors(Some(node), |node| self.parent(*node));
        around.find_map(|node| self.declarations(node).find(|(known, _)| *known == prefix).map(|(_, uri)| uri))
    }

    /// The text of an element that holds one piece of text and nothing else, not even a comment.
    pub(crate) fn only_text(&self, node: NodeId) -> Option<&str> {
        let mut children = self.children(node);
        match (children.next().map(|child| self.view(child)), children.next()) {
            (Some(View::Text(text)), None) => Some(text),
            _ => None,
        }
    }

    /// The facts that stand on and beneath a node.
    pub(crate) fn facts(&self, node: NodeId, limits: &Limits) -> Result<Assertion> {
        let mut facts = Facts::new(limits);
        let mut open = Vec::new();
        let end = self.end(node);
        let mut at = node;
        while at < end {
            while open.last().is_some_and(|end| at >= *end) {
                open.pop();
                facts.close_element();
            }
            match self.view(at) {
                View::Element(name) => {
                    facts.open_element(&At { tree: self, node: at, name })?;
                    open.push(self.end(at));
                }
                View::Text(text) => facts.add_text(text)?,
                View::Comment => {}
            }
            at = self.next(at);
        }
        open.iter().for_each(|_| facts.close_element());
        Ok(facts.finish())
    }

    fn name_of(&self, prefix: &Span, local_name: &Span, namespace: Meaning) -> Name<'_> {
        let namespace = match namespace {
            Meaning::Nothing => "",
            Meaning::Xml => XML,
            Meaning::Declared(number) => {
                self.declarations.get(number as usize).map_or("", |declaration| self.span(&declaration.uri))
            }
        };
        Name { prefix: self.span(prefix), local_name: self.span(local_name), namespace }
    }

    fn span(&self, span: &Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn keep(&mut self, text: &str) -> Span {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        start..self.text.len() as u32
    }

    fn keep_tag(&mut self, tag: &Tag<'_>) -> Kind {
        let first = self.declarations.len() as u32;
        for (prefix, uri) in tag.namespaces().declared_here() {
            // Counted as the namespaces count them, so that a number leads here.
            let declaration = Declaration { prefix: self.keep(prefix), uri: self.keep(uri) };
            self.declarations.push(declaration);
        }
        let declarations = first..self.declarations.len() as u32;
        let first = self.attributes.len() as u32;
        for (prefix, local_name, value) in tag.attributes() {
            let attribute = Attribute {
                // An attribute without a prefix is in no namespace, whatever the default is.
                namespace: if prefix.is_empty() { None } else { tag.namespaces().meaning(prefix) }.unwrap_or_default(),
                prefix: self.keep(prefix),
                local_name: self.keep(local_name),
                value: self.keep(value),
            };
            self.attributes.push(attribute);
        }
        Kind::Element {
            prefix: self.keep(tag.prefix()),
            local_name: self.keep(tag.local_name()),
            namespace: tag.meaning(),
            attributes: first..self.attributes.len() as u32,
            declarations,
        }
    }

    /// Whether two elements have the same tag, kept once.
    pub(crate) fn share_tag(&self, one: NodeId, other: NodeId) -> bool {
        let place = |node: NodeId| match self.nodes.get(node.0).map(|node| &node.kind) {
            Some(Kind::Element { local_name, .. }) => Some(local_name),
            _ => None,
        };
        place(one).is_some() && place(one) == place(other)
    }

    fn push(&mut self, kind: Kind) {
        let at = self.nodes.len();
        self.nodes.push(Node { parent: self.open.last().copied(), end: at + 1, kind });
    }
}

impl Visitor for Tree {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        let kind = match self.nodes.get(self.kept) {
            Some(node) if tag.is_repeat() => node.kind.clone(),
            _ => {
                self.kept = self.nodes.len();
                self.keep_tag(tag)
            }
        };
        self.push(kind);
        self.open.push(self.nodes.len() - 1);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<()> {
        let more = self.keep(text);
        let parent = self.open.last().copied();
        // A text, its references and its CDATA sections are one.
        match self.nodes.last_mut() {
            Some(Node { kind: Kind::Text(span), parent: of, .. }) if *of == parent => span.end = more.end,
            _ => self.push(Kind::Text(more)),
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
        self.instructions = true;
    }
}

/// An element of a tree, as reading asks for it.
struct At<'t> {
    tree: &'t Tree,
    node: NodeId,
    name: Name<'t>,
}

impl Element for At<'_> {
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

    fn read(xml: &str) -> Result<Tree> {
        Tree::read(xml, &Limits::default())
    }

    #[test]
    fn what_is_no_name_and_no_character_is_refused() {
        const XML_DECLARED: &str = "xmlns:xml='http://www.w3.org/XML/1998/namespace'";
        let twice = format!("<a {XML_DECLARED} {XML_DECLARED}/>");
        for bad in [
            "<1a/>",
            "<-/>",
            "<:a/>",
            "<a:/>",
            "<a:1b xmlns:a='urn:a'/>",
            "<a:b:c xmlns:a='urn:a'/>",
            "<a 1x='y'/>",
            "<a x='&#1;'/>",
            "<a x='&#xFFFE;'/>",
            "<a p:x='1'/>",
            "<a p:x='1' y='2'/>",
            "<a x='1' x='2'/>",
            "<a xmlns:p='urn:a' xmlns:q='urn:a' p:x='1' q:x='2'/>",
            &twice,
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let once = format!("<a {XML_DECLARED} xml:lang='en'/>");
        for good in ["<_a-1.b \u{e9}='x'/>", "<a x='&#x9;' y='&#x9;'/>", "<a xmlns:p='urn:a' p:x='1' x='2'/>", &once] {
            assert!(read(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_tag_means_what_it_means_where_it_stands() {
        let tree = read(r#"<r xmlns="urn:1"><s xmlns="urn:2"><v/></s><v/><v x="1"/><v x="1"/><v/></r>"#).unwrap();
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
