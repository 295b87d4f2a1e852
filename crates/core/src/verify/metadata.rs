//! The metadata of an identity provider (SAML metadata 2.0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::keys::{TrustedKeys, unusable};
use super::profile::DSIG;
use crate::error::{Error, Result};
use crate::saml::Limits;
use crate::saml::tree::{NodeId, Tree};

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// What is taken from metadata.
pub(super) struct Metadata {
    pub(super) entity_id: String,
    /// The signing certificates, in DER.
    pub(super) certificates: Vec<Vec<u8>>,
    /// Where requests for authentication go, by the binding.
    sign_on: Vec<(String, String)>,
}

/// An identity provider, as its metadata describes it: who it is, its keys, and where it is asked to sign somebody in.
///
/// ```no_run
/// use tempaccess_core::verify::IdentityProvider;
///
/// let provider = IdentityProvider::parse(&std::fs::read("metadata.xml").unwrap())?;
/// println!("{}", provider.entity_id());
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct IdentityProvider {
    entity_id: String,
    keys: TrustedKeys,
    sign_on: Vec<(String, String)>,
}

impl IdentityProvider {
    /// Reads SAML metadata (`EntityDescriptor` with an `IDPSSODescriptor`). Whoever gives it vouches for it: a signature on it
    /// is not looked at.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, also where it says nowhere to sign in.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let Some(xml) = document(text)? else { return TrustedKeys::parse(text).and_then(|_| Err(nowhere())) };
        let metadata = read(xml, &Limits::default())?;
        let keys = TrustedKeys::of(&metadata)?;
        let provider = Self { entity_id: metadata.entity_id, keys, sign_on: metadata.sign_on };
        provider.sso().map(drop)?;
        Ok(provider)
    }

    /// Its entity ID, which is the issuer of its assertions.
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> &TrustedKeys {
        &self.keys
    }

    /// Where it is asked to sign somebody in, and whether by a form (the HTTP-POST binding) or by a redirect.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where there is neither.
    pub fn sso(&self) -> Result<(&str, bool)> {
        let of = |binding: &str| self.sign_on.iter().find(|(known, _)| known == binding).map(|(_, to)| to.as_str());
        of(REDIRECT).map(|to| (to, false)).or_else(|| of(POST).map(|to| (to, true))).ok_or_else(nowhere)
    }
}

fn nowhere() -> Error {
    unusable("there is no address in it to sign in at (`SingleSignOnService`)")
        .with_hint("give the identity provider's SAML metadata, as an XML file")
}

/// The text of a file, where it is XML.
pub(super) fn document(text: &[u8]) -> Result<Option<&str>> {
    let start = text.trim_ascii_start();
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    if !start.starts_with(b"<") {
        return Ok(None);
    }
    std::str::from_utf8(start).map(Some).map_err(|_| unusable("the metadata is not UTF-8"))
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
    let services = tree.elements(provider).filter(|node| tree.is(*node, METADATA, "SingleSignOnService"));
    let sign_on = services
        .filter_map(|node| {
            Some((tree.attribute(node, "Binding")?.to_owned(), tree.attribute(node, "Location")?.to_owned()))
        })
        .collect();
    Ok(Metadata { entity_id: entity_id.to_owned(), certificates, sign_on })
}

fn beneath(tree: &Tree, node: NodeId) -> impl Iterator<Item = NodeId> {
    let end = tree.end(node);
    std::iter::successors(Some(tree.next(node)), |node| Some(tree.next(*node))).take_while(move |node| *node < end)
}
