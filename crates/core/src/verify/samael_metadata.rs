//! Metadata as samael reads it.

use std::str::FromStr;

use samael::metadata::EntityDescriptor;
use samael::service_provider::ServiceProvider;

use super::key::unusable;
use crate::error::Result;

/// The entity ID and the signing certificates, in DER.
pub(super) fn read(xml: &str) -> Result<(Option<String>, Vec<Vec<u8>>)> {
    let metadata = EntityDescriptor::from_str(xml)
        .map_err(|error| unusable(format!("samael cannot read the metadata: {error}")))?;
    let issuer = metadata.entity_id.clone();
    let provider = ServiceProvider { idp_metadata: metadata, ..ServiceProvider::default() };
    let certificates = provider
        .idp_signing_certs()
        .map_err(|error| unusable(format!("samael cannot read a certificate in the metadata: {error}")))?
        .unwrap_or_default();
    Ok((issuer, certificates.iter().map(|certificate| certificate.der_data().to_vec()).collect()))
}
