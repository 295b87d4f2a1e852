//! Addresses of an org and its AWS app, and what identifies a source by them.

use url::Url;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::secure_url;

/// Identifies a source by its app and person.
pub(super) fn identity(app: &Url, username: Option<&str>) -> String {
    format!("okta {app} {}", username.unwrap_or_default())
}

/// Identifies a source by a link that has not been parsed.
#[cfg(feature = "config")]
pub(crate) fn identity_of(link: &str, username: Option<&str>) -> Result<String> {
    let (org, app) = org_and_app(link)?;
    Ok(identity(&app.unwrap_or(org), username))
}

/// Names the org in messages and records.
pub(super) fn describe(org: &Url) -> String {
    format!("okta:{}", org.host_str().unwrap_or_default())
}

/// Returns the address of the org, and the link of the app unless the link is that of the org alone.
pub(super) fn org_and_app(link: &str) -> Result<(Url, Option<Url>)> {
    let app = secure_url("the app's link", link)?;
    let mut org = app.clone();
    org.set_path("/");
    org.set_query(None);
    org.set_fragment(None);
    let dashboard = ["", "app/UserHome"];
    let is_app = !dashboard.contains(&app.path().trim_matches('/'));
    Ok((org, is_app.then_some(app)))
}

/// Resolves an address that Okta answered with. Refuses it if it is outside the org: passwords and tokens must not leave
/// the org.
pub(super) fn within_org(base: &Url, address: &str) -> Result<Url> {
    match base.join(address) {
        Ok(url) if url.origin() == base.origin() => Ok(url),
        _ => Err(Error::new(
            ErrorKind::IdentityProviderError,
            Stage::SignIn,
            "Okta answered with an address outside the org; nothing was sent to it",
        )
        .with_hint("check that the app's link has the org's own domain")),
    }
}
