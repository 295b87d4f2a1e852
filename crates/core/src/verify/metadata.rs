//! Reads the metadata of an identity provider (SAML metadata 2.0).

use std::borrow::Cow;

use jiff::Timestamp;

use super::key::unusable;
use crate::error::Result;
use crate::saml::tree::{NodeId, Tree};
use crate::saml::{DocumentError, Limits, SIGNATURE, decode_xml, looks_like_xml, parse_time};
use crate::text::excerpt;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

/// What is read from metadata.
pub(super) struct Metadata {
    pub(super) entity_id: String,
    /// The signing certificates, in base64.
    pub(super) certificates: Vec<String>,
    /// The bindings and locations of `SingleSignOnService`.
    pub(super) sign_on: Vec<(String, String)>,
    pub(super) valid_until: Option<Timestamp>,
}

/// The text of a file that contains XML; `None` for other files.
pub(super) fn as_xml(content: &[u8]) -> Result<Option<Cow<'_, str>>> {
    if !looks_like_xml(content) {
        return Ok(None);
    }
    let start = content.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
    let xml = decode_xml(content.get(start..).unwrap_or_default());
    xml.map(Some).map_err(DocumentError::about_metadata)
}

pub(super) fn read(xml: &str, limits: &Limits) -> Result<Metadata> {
    let tree = Tree::read(xml, limits).map_err(DocumentError::about_metadata)?;
    let providers: Vec<_> = tree.all().filter(|node| tree.is(*node, METADATA, "IDPSSODescriptor")).collect();
    let provider = match providers.as_slice() {
        [provider] => *provider,
        [] => return Err(unusable("the metadata describes no identity provider")),
        _ => {
            return Err(unusable("the metadata describes more than one identity provider")
                .with_hint("use metadata of the identity provider alone"));
        }
    };
    let entity_id = tree
        .parent(provider)
        .filter(|entity| tree.is(*entity, METADATA, "EntityDescriptor"))
        .and_then(|entity| tree.attribute(entity, "entityID"))
        .filter(|id| !id.is_empty())
        .ok_or_else(|| unusable("the metadata has no entity ID for the identity provider"))?;
    let services = tree.child_elements(provider).filter(|node| tree.is(*node, METADATA, "SingleSignOnService"));
    let sign_on = services
        .filter_map(|node| {
            Some((tree.attribute(node, "Binding")?.to_owned(), tree.attribute(node, "Location")?.to_owned()))
        })
        .collect();
    Ok(Metadata {
        entity_id: entity_id.to_owned(),
        certificates: signing_certificates(&tree, provider),
        sign_on,
        valid_until: valid_until(&tree, provider)?,
    })
}

/// The first certificate of each key that signs. Those behind it are the authorities that issued it.
fn signing_certificates(tree: &Tree, provider: NodeId) -> Vec<String> {
    let signs = |node: &NodeId| {
        tree.is(*node, METADATA, "KeyDescriptor") && matches!(tree.attribute(*node, "use"), None | Some("signing"))
    };
    let first_certificate =
        |key: NodeId| tree.descendants(key).find(|node| tree.is(*node, SIGNATURE, "X509Certificate"));
    let certificates = tree.child_elements(provider).filter(signs).filter_map(first_certificate);
    certificates.map(|node| tree.only_text(node).unwrap_or_default().split_ascii_whitespace().collect()).collect()
}

/// The earliest `validUntil` of the identity provider and the elements around it.
fn valid_until(tree: &Tree, provider: NodeId) -> Result<Option<Timestamp>> {
    let mut earliest: Option<Timestamp> = None;
    for node in std::iter::successors(Some(provider), |node| tree.parent(*node)) {
        let Some(text) = tree.attribute(node, "validUntil") else { continue };
        let end = parse_time(text).ok_or_else(|| {
            unusable(format!("`validUntil` in the metadata is not a valid time: `{}`", excerpt(text)))
        })?;
        earliest = Some(earliest.map_or(end, |earliest| earliest.min(end)));
    }
    Ok(earliest)
}
