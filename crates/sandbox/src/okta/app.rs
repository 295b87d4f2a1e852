//! Sessions, and the AWS app's page.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::state::{Flow, Memory, Session};
use super::{base, error, idx};
use crate::form::pairs;
use crate::idp::{Claims, escape};
use crate::world::User;
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
    let session = Session { login, stepped_up: false, used_code };
    let mut answer = with_session(&mut memory, session, None, query.redirect_url);
    if cookie(&headers, "DT").is_none() {
        set_cookie(&mut answer, &format!("DT=DI0{}; Path=/; HttpOnly", random::alphanumeric(22)));
    }
    answer
}

/// Makes a session, or lifts the one of this id, and leads on.
pub(super) fn with_session(memory: &mut Memory, session: Session, sid: Option<String>, to: String) -> Response {
    let sid = sid.unwrap_or_else(|| format!("102{}", random::alphanumeric(22)));
    let mut answer = (StatusCode::FOUND, [(LOCATION, to)]).into_response();
    set_cookie(&mut answer, &format!("sid={sid}; Path=/; HttpOnly"));
    memory.sessions.insert(sid, session);
    answer
}

fn set_cookie(answer: &mut Response, text: &str) {
    if let Ok(value) = text.parse() {
        answer.headers_mut().append(SET_COOKIE, value);
    }
}

pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
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

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Path((kind, app)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if kind != "amazon_aws" || !shared.world.is_aws_app(&app) {
        return (StatusCode::NOT_FOUND, Html("<html><h1>404</h1></html>")).into_response();
    }
    let is_idx = shared.pipeline() == "idx";
    let mut memory = shared.okta.lock();
    let sid = cookie(&headers, "sid").unwrap_or_default();
    let Some(session) = memory.sessions.get(&sid).cloned() else {
        if is_idx {
            let token = memory.begin_flow(Flow::default());
            return sign_in_widget(&shared, &base(&headers, &shared), &token);
        }
        let here = format!("{}/home/{kind}/{app}/272", base(&headers, &shared));
        return (
            StatusCode::FOUND,
            [(LOCATION, format!("{}/login/login.htm?fromURI={here}", base(&headers, &shared)))],
        )
            .into_response();
    };
    let Some(user) = shared.world.user(&session.login) else {
        return (StatusCode::FORBIDDEN, Html("<html><h1>403</h1></html>")).into_response();
    };
    if user.app_step_up && !session.stepped_up {
        if is_idx {
            let login = Some(user.login.clone());
            let factor = idx::only_code(user);
            let flow = Flow { login, password: true, factor, session: Some(sid), ..Flow::default() };
            let token = memory.begin_flow(flow);
            return sign_in_widget(&shared, &base(&headers, &shared), &token);
        }
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

/// The Identity Engine's sign-in page: Okta's own widget, where the sandbox was given it.
fn sign_in_widget(shared: &Shared, base: &str, token: &str) -> Response {
    let escaped = token.replace('-', "\\x2D");
    let widget = match &shared.widget {
        Some(_) => format!(
            "<link rel=\"stylesheet\" href=\"{base}/assets/css/okta-sign-in.min.css\"><div id=\"okta-login-container\"></div>\
             <script src=\"{base}/assets/js/okta-sign-in.min.js\"></script><script>\
             new OktaSignIn({{ baseUrl: '{base}', stateToken: stateToken, useClassicEngine: false, useInteractionCodeFlow: false,\
             el: '#okta-login-container' }}).renderEl({{}}, function () {{}}, function (error) {{ document.title = String(error); }});\
             </script>"
        ),
        None => String::new(),
    };
    Html(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sandbox - Sign in</title></head><body>\
         <script>var stateToken = '{escaped}';</script>{widget}</body></html>"
    ))
    .into_response()
}

/// A file of the widget.
pub(super) async fn asset(State(shared): State<Arc<Shared>>, Path(file): Path<String>) -> Response {
    let is_plain = file.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let read = shared.widget.as_ref().filter(|_| is_plain).and_then(|folder| std::fs::read(folder.join(&file)).ok());
    let kind = match file.rsplit('.').next() {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    match read {
        Some(bytes) => ([(CONTENT_TYPE, kind)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The Classic Engine's sign-in page, for browsers: name, password, and a code where there is one.
pub(super) async fn sign_in_page() -> Html<&'static str> {
    Html(
        "<!DOCTYPE html><html lang=\"en\"><title>Sandbox - Sign in</title><h1>Sign in</h1><form method=\"post\">\
         <p><label>User name <input name=\"username\"></label><p><label>Password <input name=\"password\" type=\"password\"></label>\
         <p><label>Code <input name=\"code\"></label><p><button>Sign in</button></form></html>",
    )
}

/// What is typed there: a push counts as approved, for the person sits before it.
pub(super) async fn sign_in(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let fields: Vec<_> = pairs(&String::from_utf8_lossy(&body)).collect();
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let user = shared.world.user(field("username")).filter(|user| user.password == field("password"));
    let has_code = |user: &&User| {
        user.factors.is_empty()
            || user
                .factors
                .iter()
                .any(|factor| factor.kind == "push" || factor.codes.iter().any(|code| code == field("code")))
    };
    let Some(user) = user.filter(has_code) else {
        return (StatusCode::OK, Html("<!DOCTYPE html><h1>Unable to sign in</h1>")).into_response();
    };
    let session = Session { login: user.login.clone(), stepped_up: true, used_code: None };
    let app = format!("{}/home/amazon_aws/{}/272", base(&headers, &shared), shared.world.app);
    with_session(&mut shared.okta.lock(), session, None, app)
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
    ([("content-type", "application/xml")], shared.metadata()).into_response()
}

impl Shared {
    /// The metadata of the app.
    pub(crate) fn metadata(&self) -> String {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><md:EntityDescriptor entityID="{}" xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified</md:NameIDFormat><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{}/app/{}/sso/saml"/></md:IDPSSODescriptor></md:EntityDescriptor>"#,
            escape(&self.world.issuer()),
            self.key.certificate_base64(),
            self.okta_url(),
            self.world.app,
        )
    }
}
