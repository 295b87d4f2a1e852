//! `/api/v1/sessions`, and the redirect that exchanges a session token for a cookie.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{error, not_found};
use super::state::Session;
use super::{base, cookies, dashboard};
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewSession {
    session_token: String,
}

/// Creates a session. Its id is the value of the cookie `sid`, which clients of this API set by themselves.
pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<NewSession>,
) -> Response {
    let mut org = shared.org.lock();
    let id = org.redeem(&shared, &body.session_token);
    match id.and_then(|id| Some((org.session_mut(&shared, &id)?.clone(), id))) {
        Some((session, id)) => Json(describe(&session, &id, &base(&headers, &shared))).into_response(),
        None => error(StatusCode::UNAUTHORIZED, "E0000004", "Authentication failed", None),
    }
}

pub(super) async fn show(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    match shared.org.lock().session_of(&shared, &headers) {
        Some((id, session)) => Json(describe(&session, &id, &base(&headers, &shared))).into_response(),
        None => not_found("me (Session)"),
    }
}

pub(super) async fn refresh(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let mut org = shared.org.lock();
    let Some((id, session)) = org.session_of(&shared, &headers) else { return not_found("me (Session)") };
    let expires = Session::new(&shared, &session.login).expires;
    if let Some(session) = org.session_mut(&shared, &id) {
        session.expires = expires;
    }
    Json(describe(&Session { expires, ..session }, &id, &base(&headers, &shared))).into_response()
}

pub(super) async fn end(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let id = cookies::get(&headers, cookies::SESSION);
    match id.and_then(|id| shared.org.lock().end_session(&id)) {
        Some(_) => StatusCode::NO_CONTENT.into_response(),
        None => not_found("me (Session)"),
    }
}

fn describe(session: &Session, id: &str, base: &str) -> Value {
    let me = format!("{base}/api/v1/sessions/me");
    let refresh = json!({ "href": format!("{me}/lifecycle/refresh"), "hints": { "allow": ["POST"] } });
    json!({
        "id": id,
        "userId": "00uSandbox",
        "login": session.login,
        "createdAt": null,
        "expiresAt": session.expires.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
        "status": "ACTIVE",
        "amr": ["pwd"],
        "mfaActive": false,
        "_links": { "self": { "href": me, "hints": { "allow": ["GET", "DELETE"] } }, "refresh": refresh },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redirect {
    token: String,
    redirect_url: Option<String>,
}

/// Exchanges a session token for a cookie, and continues at the address that the client names.
pub(super) async fn redirect_with_cookie(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Redirect>,
) -> Response {
    let base = base(&headers, &shared);
    let Some(id) = shared.org.lock().redeem(&shared, &query.token) else {
        // Okta shows its sign-in page and does not say why.
        return (StatusCode::FOUND, [(LOCATION, format!("{base}/login/login.htm"))]).into_response();
    };
    let target = query.redirect_url.unwrap_or_else(|| format!("{base}{}", dashboard::PATH));
    let mut answer = (StatusCode::FOUND, [(LOCATION, target)]).into_response();
    cookies::set(&shared, &mut answer, cookies::SESSION, &id);
    cookies::set_device(&shared, &headers, &mut answer);
    answer
}
