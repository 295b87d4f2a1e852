//! Sessions, and the AWS app's page.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::state::Session;
use super::{base, error};
use crate::idp::{Claims, escape};
use crate::{Shared, random};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redeem {
    token: String,
    redirect_url: String,
}

pub(super) async fn redeem(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Redeem>,
) -> Response {
    let mut memory = shared.okta.lock();
    let (login, used_code) = match memory.redeem(&query.token) {
        Some(redeemed) => redeemed,
        // As Okta does: on to the sign-in page, without a word.
        None => {
            return (StatusCode::FOUND, [(LOCATION, format!("{}/login/login.htm", base(&headers, &shared)))])
                .into_response();
        }
    };
    let sid = format!("102{}", random::alphanumeric(22));
    memory.sessions.insert(sid.clone(), Session { login, stepped_up: false, used_code });
    let mut answer = (StatusCode::FOUND, [(LOCATION, query.redirect_url)]).into_response();
    let mut set = |text: String| {
        if let Ok(value) = text.parse() {
            answer.headers_mut().append(SET_COOKIE, value);
        }
    };
    set(format!("sid={sid}; Path=/; HttpOnly"));
    if cookie(&headers, "DT").is_none() {
        set(format!("DT=DI0{}; Path=/; HttpOnly", random::alphanumeric(22)));
    }
    answer
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split("; "));
    pairs.filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

pub(super) async fn session(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let memory = shared.okta.lock();
    match cookie(&headers, "sid").and_then(|sid| Some((memory.sessions.get(&sid)?.clone(), sid))) {
        Some((session, sid)) => {
            Json(json!({ "id": sid, "login": session.login, "userId": "00uSandbox", "status": "ACTIVE" }))
                .into_response()
        }
        None => error(StatusCode::NOT_FOUND, "E0000007", "Not found: Resource not found: me (Session)", None),
    }
}

pub(super) async fn end_session(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let ended = cookie(&headers, "sid").and_then(|sid| shared.okta.lock().sessions.remove(&sid));
    match ended {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => error(StatusCode::NOT_FOUND, "E0000007", "Not found: Resource not found: me (Session)", None),
    }
}

pub(super) async fn page(State(shared): State<Arc<Shared>>, Path(app): Path<String>, headers: HeaderMap) -> Response {
    if app != shared.world.app {
        return (StatusCode::NOT_FOUND, Html("<html><h1>404</h1></html>")).into_response();
    }
    let mut memory = shared.okta.lock();
    let sid = cookie(&headers, "sid").unwrap_or_default();
    let Some(session) = memory.sessions.get(&sid).cloned() else {
        return (StatusCode::FOUND, [(LOCATION, format!("{}/login/login.htm", base(&headers, &shared)))])
            .into_response();
    };
    let Some(user) = shared.world.user(&session.login) else {
        return (StatusCode::FORBIDDEN, Html("<html><h1>403</h1></html>")).into_response();
    };
    if user.app_step_up && !session.stepped_up {
        let token = memory.begin(&user.login, Some(sid)).replace('-', "\\x2D");
        return Html(format!("<!DOCTYPE html><html><script>var stateToken = '{token}';</script></html>"))
            .into_response();
    }
    drop(memory);
    let claims = (shared.mint)(Claims::of(user, shared.world.issuer(), shared.clock.now()));
    match claims.mint(shared.key) {
        Ok(response) => saml_form(&claims.destination, &response).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why).into_response(),
    }
}

/// Okta escapes whatever is not alphanumeric.
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

/// The session was lifted when the factor was verified; this leads back to the app.
pub(super) async fn stepped_up(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let app = format!("{}/home/amazon_aws/{}/272", base(&headers, &shared), shared.world.app);
    (StatusCode::FOUND, [(LOCATION, app)]).into_response()
}

pub(super) async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    let xml = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><md:EntityDescriptor entityID="{}" xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{}/app/{}/sso/saml"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
        escape(&shared.world.issuer()),
        shared.key.certificate_base64(),
        shared.okta_url(),
        shared.world.app,
    );
    ([("content-type", "application/xml")], xml).into_response()
}
