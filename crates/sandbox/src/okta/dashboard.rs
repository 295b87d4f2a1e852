//! The dashboard of a person: its page, and the lists of apps that clients read instead.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{AUTHORIZATION, LINK, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{error, forbidden, invalid_token};
use super::{base, sign_in_page};
use crate::idp::escape;
use crate::random;
use crate::shared::Shared;
use crate::world::{App, User};

/// The path of the dashboard.
pub(super) const PATH: &str = "/app/UserHome";

/// The number of apps on one page of a list.
const PAGE_SIZE: usize = 2;

/// The scope that reads a person's own data.
const READ_SELF: &str = "okta.users.read.self";

pub(super) async fn root(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    (StatusCode::FOUND, [(LOCATION, format!("{}{PATH}", base(&headers, &shared)))]).into_response()
}

/// The page of the dashboard.
pub(super) async fn page(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let session = shared.org.lock().session_of(&shared, &headers);
    let Some(user) = session.and_then(|(_, session)| shared.world.user(&session.login)) else {
        return sign_in_page::show(&shared, &headers, PATH);
    };
    let base = base(&headers, &shared);
    let tile = |app: &App| {
        let (label, link) = (escape(&app.label), escape(&link(&base, app)));
        format!("<li><a class=\"app-button\" aria-label=\"launch app {label}\" href=\"{link}\">{label}</a></li>")
    };
    let tiles: String = shared.world.apps_of(user).iter().map(tile).collect();
    Html(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sandbox - My apps</title></head><body>\
         <h1>My apps</h1><ul class=\"app-buttons-list\">{tiles}</ul></body></html>"
    ))
    .into_response()
}

fn link(base: &str, app: &App) -> String {
    format!("{base}/home/{}/{}/272", app.name, app.id)
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    after: usize,
}

/// `/api/v1/users/me/appLinks`, page by page.
pub(super) async fn app_links(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Response {
    let user = match authorized(&shared, &headers, &name) {
        Ok(user) => user,
        Err(answer) => return *answer,
    };
    let base = base(&headers, &shared);
    let apps = shared.world.apps_of(user);
    let links = apps.iter().skip(page.after).take(PAGE_SIZE).map(|app| app_link(&base, app)).collect();
    let mut answer = Json(Value::Array(links)).into_response();
    let after = page.after.saturating_add(PAGE_SIZE);
    if after < apps.len() {
        for link in [
            format!("<{base}/api/v1/users/{name}/appLinks>; rel=\"self\""),
            format!("<{base}/api/v1/users/{name}/appLinks?after={after}>; rel=\"next\""),
        ] {
            if let Ok(link) = link.parse() {
                answer.headers_mut().append(LINK, link);
            }
        }
    }
    answer
}

fn app_link(base: &str, app: &App) -> Value {
    json!({
        "id": random::alphanumeric(20), "label": app.label, "appName": app.name, "appInstanceId": app.id,
        "linkUrl": link(base, app), "sortOrder": 0, "hidden": false, "credentialsSetup": false, "logoUrl": null,
        "appAssignmentId": random::alphanumeric(20),
    })
}

/// `/api/v1/users/me/home/tabs`: the tabs of the dashboard with their apps.
pub(super) async fn tabs(State(shared): State<Arc<Shared>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let user = match authorized(&shared, &headers, &name) {
        Ok(user) => user,
        Err(answer) => return *answer,
    };
    let base = base(&headers, &shared);
    let item = |app: &App| {
        let resource = json!({
            "id": app.id, "label": app.label, "appName": app.name, "linkUrl": link(&base, app), "logoUrl": null,
        });
        json!({ "id": app.id, "type": "app", "resourceId": app.id, "_embedded": { "resource": resource } })
    };
    let items: Vec<_> = shared.world.apps_of(user).iter().map(item).collect();
    let tab = json!({ "id": "tabSandbox", "type": "user", "label": "Work", "_embedded": { "items": items } });
    Json(json!([tab])).into_response()
}

/// `/api/v1/users/me`.
pub(super) async fn user(State(shared): State<Arc<Shared>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match authorized(&shared, &headers, &name) {
        Ok(user) => {
            let profile = json!({ "login": user.login, "email": user.login, "firstName": "Sand", "lastName": "Box" });
            Json(json!({ "id": "00uSandbox", "status": "ACTIVE", "profile": profile })).into_response()
        }
        Err(answer) => *answer,
    }
}

/// Returns the person of a request for `name`: by an access token, or by the cookie of a session. Nobody reads the data of
/// others.
fn authorized<'s>(shared: &'s Shared, headers: &HeaderMap, name: &str) -> Result<&'s User, Box<Response>> {
    let mut org = shared.org.lock();
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let login = match bearer {
        Some(token) => {
            let issued = org.access_tokens.get(token).filter(|issued| shared.clock.now() < issued.expires);
            let issued = issued.ok_or_else(|| Box::new(invalid_token()))?;
            if !issued.has_scope(READ_SELF) {
                return Err(Box::new(insufficient_scope()));
            }
            issued.login.clone()
        }
        None => match org.session_of(shared, headers) {
            Some((_, session)) => session.login,
            None => {
                return Err(Box::new(error(StatusCode::UNAUTHORIZED, "E0000005", "Invalid session", None)));
            }
        },
    };
    let user = shared.world.user(&login).ok_or_else(|| Box::new(invalid_token()))?;
    let is_self = matches!(name, "me" | "00uSandbox") || user.login.eq_ignore_ascii_case(name);
    if is_self { Ok(user) } else { Err(Box::new(forbidden())) }
}

/// The refusal of an access token without the scope (RFC 6750, 3.1).
fn insufficient_scope() -> Response {
    let challenge = format!(
        "Bearer error=\"insufficient_scope\", \
         error_description=\"The access token provided does not contain the required scopes.\", scope=\"{READ_SELF}\""
    );
    let mut answer = forbidden();
    if let Ok(challenge) = challenge.parse() {
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    answer
}
