//! Whether a SAML response is genuine: a strict verifier of the SAML signature profile (SAML core, section 5).
//!
//! AWS verifies every assertion itself, so this does not protect an account. It is for programs that show or use an assertion
//! before AWS has seen it, and for finding out why AWS refused one.
//!
//! The document is parsed once, into one bounded tree. Signatures are verified over its nodes, and the facts are read from the
//! signed node, so no second parser can see something else. Everything that the profile does not need is refused: DTDs and
//! processing instructions, a second assertion, references to anything but the parent of the signature, transforms other
//! than the enveloped one and exclusive canonicalization, HMAC, keys that the document itself contains.
//!
//! ```no_run
//! use tempaccess_core::verify::{Expectations, TrustedKeys, Verifier};
//! use tempaccess_core::{Clock, SamlResponse, saml::Limits, clock::SystemClock};
//!
//! let verifier = Verifier::new(TrustedKeys::from_file("okta-metadata.xml")?);
//! let response = SamlResponse::detect(&std::fs::read("response.txt").unwrap(), &Limits::default())?;
//! let verified = verifier.verify(&response, &Expectations::aws(), SystemClock.now())?;
//! println!("{:?}", verified.aws.roles);
//! # Ok::<(), tempaccess_core::Error>(())
//! ```

mod algorithm;
mod c14n;
mod conditions;
mod key;
mod keys;
mod metadata;
mod policy;
mod profile;
mod provider;
#[cfg(feature = "samael")]
mod samael_metadata;
mod signature;
mod verified;
mod verifier;
#[cfg(feature = "samael")]
mod xmlsec;

pub use conditions::Expectations;
pub use key::TrustedKey;
pub use keys::TrustedKeys;
pub use policy::SignaturePolicy;
pub use provider::{IdentityProvider, SignOnBinding};
pub use verified::{Examination, SignedElement, Verification, Verified, VerifiedSignature, VerifyOutcome};
pub use verifier::{Engine, Verifier};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::Limits;
use crate::saml::tree::Tree;

/// Returns the exclusive canonical form (Exclusive XML Canonicalization 1.0, without comments) of the root element of a
/// document, or of the element with this `ID`. Digests are computed over it. `prefixes` is the `PrefixList`.
///
/// # Errors
///
/// As reading; `invalid_argument` if there is no such element; `forbidden_construct` if the document contains a processing
/// instruction or a relative namespace URI.
///
/// ```
/// use tempaccess_core::{saml::Limits, verify::canonicalize};
///
/// let form = canonicalize("<a:b xmlns:a='urn:a' xmlns:c='urn:c' d='1'/>", None, &[], &Limits::default())?;
/// assert_eq!(form, br#"<a:b xmlns:a="urn:a" d="1"></a:b>"#);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
pub fn canonicalize(xml: &str, id: Option<&str>, prefixes: &[&str], limits: &Limits) -> Result<Vec<u8>> {
    let tree = Tree::read(xml, limits)?;
    profile::check_canonical(&tree)?;
    let apex = match id {
        None => Some(tree.root()),
        Some(id) => tree.all().find(|node| tree.attribute(*node, "ID") == Some(id)),
    };
    let apex = apex.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Verification, "the document contains no element with this id")
    })?;
    Ok(c14n::canonical(&tree, apex, None, prefixes))
}
