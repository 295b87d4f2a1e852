//! The metadata of an identity provider (SAML metadata 2.0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::unusable;
use super::profile::DSIG;
use crate::error::Result;
use crate::saml::Limits;
use crate::saml::tree::{NodeId, Tree};

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

/// What is taken from metadata.
pub(super) struct Metadata {
    pub(super) entity_id: String,
    /// The signing certificates, in DER.
    pub(super) certificates: Vec<Vec<u8>>,
}

pub(super) fn read(xml: &str, limits: &Limits) -> Result<Metadata> {
    let tree = Tree::read(xml, limits).map_err(|error| {
        let why = error.message().replace("the SAML response", "it");
        unusable(format!("the metadata cannot be read: {why}"))
    })?;
    let providers: Vec<_> = tree.all().filter(|node| tree.is(*node, METADATA, "IDPSSODescriptor")).collect();
    let provider = match providers.as_slice() {
        [provider] => *provider,
        [] => return Err(unusable("the metadata describes no identity provider")),
        _ => {
            return Err(unusable("the metadata describes more than one identity provider")
                .with_hint("give the one that is meant, by itself"));
        }
    };
    let entity_id = tree
        .parent(provider)
        .filter(|entity| tree.is(*entity, METADATA, "EntityDescriptor"))
        .and_then(|entity| tree.attribute(entity, "entityID"))
        .filter(|id| !id.is_empty())
        .ok_or_else(|| unusable("the metadata does not say the entity ID of the identity provider"))?;
    let signing = tree.elements(provider).filter(|node| {
        tree.is(*node, METADATA, "KeyDescriptor") && matches!(tree.attribute(*node, "use"), None | Some("signing"))
    });
    let mut certificates = Vec::new();
    for key in signing {
        for node in beneath(&tree, key).filter(|node| tree.is(*node, DSIG, "X509Certificate")) {
            let text: String = tree.only_text(node).unwrap_or_default().split_ascii_whitespace().collect();
            certificates
                .push(STANDARD.decode(text).map_err(|_| unusable("a certificate in the metadata is not base64"))?);
        }
    }
    // Keys that are given twice are one.
    certificates.dedup();
    if certificates.is_empty() {
        return Err(unusable("the metadata holds no certificate to verify signatures with")
            .with_hint("take the metadata from the identity provider anew, or give its signing certificate in PEM"));
    }
    Ok(Metadata { entity_id: entity_id.to_owned(), certificates })
}

fn beneath(tree: &Tree, node: NodeId) -> impl Iterator<Item = NodeId> {
    let end = tree.end(node);
    std::iter::successors(Some(tree.next(node)), |node| Some(tree.next(*node))).take_while(move |node| *node < end)
}
