//! SAML providers.

use super::{Request, not_found};
use crate::aws::judge::Keys;
use crate::aws::query::QueryError;
use crate::idp::escape;

/// When the metadata of every provider stops being valid.
const VALID_UNTIL: &str = "2126-01-15T09:00:00Z";

/// GetSAMLProvider. Every provider has the metadata of the sandbox's Okta.
pub(super) fn get_saml_provider(request: &Request<'_>) -> Result<String, QueryError> {
    let arn = request.call.require("SAMLProviderArn")?;
    request.authorize(arn, arn, &Keys::of_caller(request.shared, &request.caller))?;
    if !request.shared.world.providers.iter().any(|provider| provider.arn == arn) {
        return Err(not_found(&format!("Manifest not found for arn {arn}")));
    }
    let metadata = escape(&request.shared.metadata());
    Ok(format!(
        "<SAMLMetadataDocument>{metadata}</SAMLMetadataDocument><CreateDate>{}</CreateDate><ValidUntil>{VALID_UNTIL}</ValidUntil>",
        super::roles::CREATED
    ))
}
