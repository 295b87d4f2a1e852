//! The shape that a signed SAML document must have. It is checked before any key is used.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::tree::{NodeId, Tree, View};
use crate::saml::{ASSERTION, PROTOCOL, SIGNATURE};

/// The elements that matter in a document.
pub(super) struct Document {
    /// The `Response`, or an `Assertion` by itself.
    pub(super) root: NodeId,
    pub(super) root_signature: Option<NodeId>,
    /// The assertion inside the response.
    pub(super) assertion: Option<NodeId>,
    pub(super) assertion_signature: Option<NodeId>,
}

/// Finds the root, the one assertion and their signatures. Refuses a document in which it may be unclear which they are.
pub(super) fn check(tree: &Tree) -> Result<Document> {
    check_canonical(tree)?;
    let root = tree.root();
    let mut document =
        Document { root, root_signature: None, assertion: assertion_inside(tree), assertion_signature: None };
    let mut ids = HashSet::new();
    for node in tree.all() {
        let Some(name) = tree.name(node) else { continue };
        for (attribute, value) in tree.attributes(node) {
            let is_id = match attribute.prefix {
                "" => attribute.local_name.eq_ignore_ascii_case("id"),
                prefix => prefix == "xml" && attribute.local_name == "id",
            };
            if is_id && !ids.insert(value) {
                return Err(forbidden("two elements have the same id, so it is unclear which one a signature covers"));
            }
        }
        match (name.namespace, name.local_name) {
            (ASSERTION, "Assertion") if node != root && Some(node) != document.assertion => {
                return Err(Error::new(
                    ErrorKind::MultipleAssertions,
                    Stage::Verification,
                    "the SAML response contains more than one assertion, or one where SAML does not allow it",
                )
                .with_hint("do not use it: signature-wrapping attacks look like this"));
            }
            (PROTOCOL, "Response") if node != root => {
                return Err(forbidden("the response contains another response"));
            }
            (SIGNATURE, "Signature") => {
                let parent = tree.parent(node);
                let place = if parent == Some(root) {
                    &mut document.root_signature
                } else if parent.is_some() && parent == document.assertion {
                    &mut document.assertion_signature
                } else {
                    return Err(forbidden("a signature is not a direct child of the response or of the assertion"));
                };
                if place.replace(node).is_some() {
                    return Err(forbidden("an element contains more than one signature"));
                }
            }
            _ => {}
        }
    }
    check_version(tree)?;
    Ok(document)
}

/// The assertion that is a child of the response.
pub(super) fn assertion_inside(tree: &Tree) -> Option<NodeId> {
    let root = tree.root();
    let response = Some(root).filter(|root| tree.is(*root, PROTOCOL, "Response"))?;
    tree.child_elements(response).find(|node| tree.is(*node, ASSERTION, "Assertion"))
}

/// Refuses a response or an assertion of another version than 2.0.
pub(super) fn check_version(tree: &Tree) -> Result<()> {
    let is_other = |node: NodeId| tree.attribute(node, "Version") != Some("2.0");
    if is_other(tree.root()) || assertion_inside(tree).is_some_and(is_other) {
        return Err(forbidden("the `Version` of the response or of the assertion is not 2.0"));
    }
    Ok(())
}

/// Refuses what has no canonical form.
pub(super) fn check_canonical(tree: &Tree) -> Result<()> {
    if tree.has_instructions() {
        return Err(forbidden("the document contains a processing instruction, which SAML does not need"));
    }
    if tree.namespaces().any(|uri| !uri.is_empty() && !uri.contains(':')) {
        return Err(forbidden("a namespace is a relative URI, for which canonicalization is not defined"));
    }
    Ok(())
}

/// The child elements of a node that contains nothing else but white space.
pub(super) fn elements_only(tree: &Tree, node: NodeId) -> Result<Vec<NodeId>> {
    let mut elements = Vec::new();
    for child in tree.children(node) {
        match tree.view(child) {
            View::Element(_) => elements.push(child),
            View::Text(text) if text.trim_ascii().is_empty() => {}
            View::Text(_) | View::Comment => {
                return Err(forbidden("a signature contains text or a comment where only elements are allowed"));
            }
        }
    }
    Ok(elements)
}

/// The error for a construct that no honest identity provider sends.
pub(super) fn forbidden(message: &'static str) -> Error {
    Error::new(ErrorKind::ForbiddenConstruct, Stage::Verification, message)
        .with_hint("do not use it: honest identity providers do not send this")
}
