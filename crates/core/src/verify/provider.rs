use std::path::Path;

use super::key::unusable;
use super::keys::{TrustedKeys, read_file};
use super::metadata;
use crate::error::{Error, Result};
use crate::saml::Limits;

const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// How an identity provider takes a request to sign in (SAML 2.0 bindings, sections 3.4 and 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignOnBinding {
    /// In the query of an address.
    Redirect,
    /// In a form.
    Post,
}

/// An identity provider as its metadata describes it: its entity ID, its keys, and the address to sign in at.
///
/// ```no_run
/// use tempaccess_core::verify::IdentityProvider;
///
/// let provider = IdentityProvider::from_file("metadata.xml")?;
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
    /// Parses SAML metadata (`EntityDescriptor` with an `IDPSSODescriptor`). The caller vouches for it: a signature on it is not
    /// verified.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, including if there is no address to sign in at.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let Some(xml) = metadata::as_xml(text)? else {
            // PEM with keys lacks the address; anything else is an error of its own.
            return TrustedKeys::parse(text).and_then(|_| Err(no_address()));
        };
        let metadata = metadata::read(&xml, &Limits::default())?;
        let keys = TrustedKeys::from_metadata(&metadata)?;
        let provider = Self { entity_id: metadata.entity_id, keys, sign_on: metadata.sign_on };
        provider.sso()?;
        Ok(provider)
    }

    /// Reads the file and parses it. A file of more than 16 MiB is refused, and so is a pipe that is silent for 10 seconds.
    ///
    /// # Errors
    ///
    /// `io`, or as [`parse`](Self::parse).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::parse(&read_file(path.as_ref())?)
    }

    /// Its entity ID, which is the issuer of its assertions.
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// The keys that it signs with.
    pub fn keys(&self) -> &TrustedKeys {
        &self.keys
    }

    /// The address to sign in at, and how it takes a request.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if there is neither.
    pub fn sso(&self) -> Result<(&str, SignOnBinding)> {
        let location = |binding: &str| {
            self.sign_on.iter().find(|(known, _)| known == binding).map(|(_, location)| location.as_str())
        };
        let redirect = location(REDIRECT).map(|location| (location, SignOnBinding::Redirect));
        redirect.or_else(|| location(POST).map(|location| (location, SignOnBinding::Post))).ok_or_else(no_address)
    }
}

fn no_address() -> Error {
    unusable("the metadata contains no address to sign in at (`SingleSignOnService`)")
        .with_hint("use the SAML metadata of the identity provider, as an XML file")
}
