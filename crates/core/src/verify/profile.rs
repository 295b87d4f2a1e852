//! The shape that a signed SAML document must have before any key is looked at.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::tree::{NodeId, Tree, View};
use crate::saml::{ASSERTION, PROTOCOL};

pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The places in a document that count.
pub(super) struct Document {
    /// `Response`, or `Assertion` by itself.
    pub(super) root: NodeId,
    pub(super) root_signature: Option<NodeId>,
    /// The assertion inside a response.
    pub(super) assertion: Option<NodeId>,
    pub(super) assertion_signature: Option<NodeId>,
}

/// Finds the root, the one assertion, and their signatures; refuses a document in which it could be unclear which they
/// are.
pub(super) fn check(tree: &Tree) -> Result<Document> {
    check_canonical(tree)?;
    let root = tree.root();
    let is_response = tree.is(root, PROTOCOL, "Response");
    let mut document = Document { root, root_signature: None, assertion: None, assertion_signature: None };
    if is_response {
        document.assertion = tree.elements(root).find(|node| tree.is(*node, ASSERTION, "Assertion"));
    }
    let mut ids = HashSet::new();
    for node in tree.all() {
        let Some(name) = tree.name(node) else { continue };
        for (attribute, value) in tree.attributes(node) {
            let is_id = match attribute.prefix {
                "" => attribute.local_name.eq_ignore_ascii_case("id"),
                prefix => prefix == "xml" && attribute.local_name == "id",
            };
            if is_id && !ids.insert(value) {
                return Err(forbidden("two elements have the same id: it is unclear which one a signature means"));
            }
        }
        match (name.namespace, name.local_name) {
            (ASSERTION, "Assertion") if node != root && Some(node) != document.assertion => {
                return Err(Error::new(
                    ErrorKind::MultipleAssertions,
                    Stage::Verification,
                    "the SAML response holds more than one assertion, or one in a place where none belongs",
                )
                .with_hint("do not use it: this is the shape of a signature-wrapping attack"));
            }
            (PROTOCOL, "Response") if node != root => {
                return Err(forbidden("there is a response inside the response"));
            }
            (DSIG, "Signature") => {
                let of = tree.parent(node);
                let place = if of == Some(root) {
                    &mut document.root_signature
                } else if of.is_some() && of == document.assertion {
                    &mut document.assertion_signature
                } else {
                    return Err(forbidden(
                        "there is a signature that is no direct child of the response or of the assertion",
                    ));
                };
                if place.replace(node).is_some() {
                    return Err(forbidden("an element holds more than one signature"));
                }
            }
            _ => {}
        }
    }
    for node in [Some(root), document.assertion].into_iter().flatten() {
        if tree.attribute(node, "Version") != Some("2.0") {
            return Err(forbidden("the response or the assertion does not say that its version is 2.0"));
        }
    }
    Ok(document)
}

/// Refuses what has no canonical form here.
pub(super) fn check_canonical(tree: &Tree) -> Result<()> {
    if tree.has_instructions() {
        return Err(forbidden("the document holds a processing instruction, which SAML never needs"));
    }
    if tree.namespaces().any(|uri| !uri.is_empty() && !uri.contains(':')) {
        return Err(forbidden("a namespace is named by a relative URI, which canonicalization is not defined for"));
    }
    Ok(())
}

/// The child elements, where there is nothing else but white space.
pub(super) fn elements_only(tree: &Tree, node: NodeId) -> Result<Vec<NodeId>> {
    let mut elements = Vec::new();
    for child in tree.children(node) {
        match tree.view(child) {
            View::Element(_) => elements.push(child),
            View::Text(text) if text.trim_ascii().is_empty() => {}
            View::Text(_) | View::Comment => {
                return Err(forbidden("the signature holds a text or a comment in a place where none belongs"));
            }
        }
    }
    Ok(elements)
}

pub(super) fn forbidden(message: &'static str) -> Error {
    Error::new(ErrorKind::ForbiddenConstruct, Stage::Verification, message)
        .with_hint("do not use it: honest identity providers send nothing of the kind")
}
