//! The AWS app: its link, which leads to a page with the SAML response.

use std::sync::Arc;

use axum::extract::{Path, Query, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use super::error::{forbidden, not_found};
use super::sign_in_page::{self, Origin};
use super::state::{Flow, OrgData, Session, StepUp};
use super::{base, cookies, idx};
use crate::http::form_pairs;
use crate::idp::{Claims, escape};
use crate::shared::Shared;
use crate::world::User;

/// Opens an app: `/home/amazon_aws/ID/272` or `/app/amazon_aws/ID/sso/saml`. A session token in the query signs in, as
/// `sessionToken` or `onetimetoken`.
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    Path((kind, app)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if kind != "amazon_aws" || !shared.world.is_aws_app(&app) {
        return not_found(&format!("{app} (AppInstance)"));
    }
    let is_token = |name: &str| ["sessionToken", "onetimetoken"].iter().any(|known| known.eq_ignore_ascii_case(name));
    let token = form_pairs(query.as_deref().unwrap_or_default()).find(|(name, _)| is_token(name));
    let mut org = shared.org.lock();
    let new_session = token.and_then(|(_, token)| org.redeem(&shared, &token));
    let session = match &new_session {
        Some(id) => org.session_mut(&shared, id).map(|session| (id.clone(), session.clone())),
        None => org.session_of(&shared, &headers),
    };
    let Some((id, session)) = session else {
        drop(org);
        return sign_in_page::show(&shared, &headers, uri.path());
    };
    let mut answer = open_with_session(&shared, &mut org, &headers, uri.path(), &app, &id, &session);
    if new_session.is_some() {
        cookies::set(&shared, &mut answer, cookies::SESSION, &id);
        cookies::set_device(&shared, &headers, &mut answer);
    }
    answer
}

/// Answers with the SAML response, or with a page that asks for another step first.
fn open_with_session(
    shared: &Shared,
    org: &mut OrgData,
    headers: &HeaderMap,
    path: &str,
    app: &str,
    id: &str,
    session: &Session,
) -> Response {
    let Some(user) = shared.world.user(&session.login).filter(|user| is_assigned(shared, user, app)) else {
        return forbidden();
    };
    if !user.app_step_up || session.stepped_up {
        return saml_response(shared, user);
    }
    if shared.has_identity_engine() {
        let token = org.begin_flow(Flow {
            target: path.to_owned(),
            login: Some(user.login.clone()),
            has_password: true,
            factor: idx::only_code(user),
            session: Some(id.to_owned()),
            ..Flow::default()
        });
        return sign_in_page::identity_engine(shared, &base(headers, shared), &token);
    }
    let step_up = StepUp { session: id.to_owned(), target: path.to_owned() };
    let token = org.begin_transaction(&user.login, Some(step_up)).replace('-', "\\x2D");
    Html(format!("<!DOCTYPE html><html><script>var stateToken = '{token}';</script></html>")).into_response()
}

fn is_assigned(shared: &Shared, user: &User, app: &str) -> bool {
    shared.world.apps_of(user).iter().any(|assigned| assigned.id == app)
}

/// Signs a person in to an app without a session of the browser: answers with the SAML response, and sets the cookie.
pub(super) fn sign_on(shared: &Shared, headers: &HeaderMap, login: &str, app: &str) -> Response {
    let Some(user) = shared.world.user(login).filter(|user| is_assigned(shared, user, app)) else {
        return forbidden();
    };
    let id = shared.org.lock().add_session(Session::new(shared, login));
    let mut answer = saml_response(shared, user);
    cookies::set(shared, &mut answer, cookies::SESSION, &id);
    cookies::set_device(shared, headers, &mut answer);
    answer
}

/// The page with the form that posts the SAML response to AWS.
fn saml_response(shared: &Shared, user: &User) -> Response {
    let claims = (shared.change_claims)(Claims::of(user, shared.world.issuer(), shared.clock.now()));
    match claims.mint(shared.key) {
        Ok(response) => saml_form(&claims.destination, &response).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why).into_response(),
    }
}

/// The form of Okta, which escapes every character that is not alphanumeric.
fn saml_form(action: &str, response: &str) -> ([(HeaderName, &'static str); 1], Html<String>) {
    let escaped = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("&#x{:x};", u32::from(c)) })
            .collect()
    };
    let page = format!(
        r#"<!DOCTYPE html><html lang="en"><head><meta name="robots" content="none"/><title>Sandbox - Signing in</title></head><body><div id="okta-auth-heading">Signing in to Amazon Web Services</div><form id="appForm" action="{}" method="POST"><input name="SAMLResponse" type="hidden" value="{}"/><input name="RelayState" type="hidden" value=""/></form><script>document.getElementById("appForm").submit();</script></body></html>"#,
        escaped(action),
        escaped(response)
    );
    ([(HeaderName::from_static("cache-control"), "no-cache, no-store")], Html(page))
}

/// Continues at the app after a step-up of the Classic Engine, which has changed the session.
pub(super) async fn after_step_up(
    State(shared): State<Arc<Shared>>,
    Query(origin): Query<Origin>,
    headers: HeaderMap,
) -> Response {
    let location = format!("{}{}", base(&headers, &shared), origin.path());
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

pub(super) async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    ([(CONTENT_TYPE, "application/xml")], shared.metadata()).into_response()
}

impl Shared {
    /// Returns the metadata of the app.
    pub(crate) fn metadata(&self) -> String {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><md:EntityDescriptor entityID="{}" xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{}/app/amazon_aws/{}/sso/saml"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
            escape(&self.world.issuer()),
            self.key.certificate_base64(),
            self.okta_url(),
            self.world.app,
        )
    }
}
