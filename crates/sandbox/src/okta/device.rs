//! Device authorization (RFC 8628): the code, and the page on which a person enters it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::base;
use super::oauth::{Form, invalid_scope, refused};
use super::state::Device;
use crate::idp::escape;
use crate::random;
use crate::shared::Shared;
use crate::world::Client;

/// The lifetime of a code.
const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(600);
/// How long clients must wait between two polls, in seconds.
const POLL_INTERVAL: u32 = 5;

/// Issues a code.
pub(super) async fn authorize(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Form::read(&body);
    let client = match form.client(&shared) {
        Ok(client) => client,
        Err(refusal) => return *refusal,
    };
    if !client.device_authorization {
        return refused(
            "unauthorized_client",
            "The client is not authorized to use the provided grant type. Configured grant types: [authorization_code].",
        );
    }
    let scope = form.get("scope");
    if scope.split(' ').any(|scope| !client.scopes.iter().any(|allowed| allowed == scope)) {
        return invalid_scope();
    }
    let (device_code, user_code) = (random::alphanumeric(40), random::capitals(8));
    let device = Device {
        user_code: user_code.clone(),
        client: client.id.clone(),
        scope: scope.to_owned(),
        expires: shared.clock.now().saturating_add(CODE_LIFETIME).unwrap_or(Timestamp::MAX),
        login: None,
        declined: false,
        slow_downs: client.slow_downs,
    };
    shared.org.lock().devices.insert(device_code.clone(), device);
    let page = format!("{}/activate", base(&headers, &shared));
    Json(json!({
        "device_code": device_code,
        "user_code": user_code,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}"),
        "expires_in": CODE_LIFETIME.as_secs(),
        "interval": POLL_INTERVAL,
    }))
    .into_response()
}

/// Redeems a device code. Returns the person's login and the scopes, or the answer to a client that must wait or give up.
pub(super) fn redeem(shared: &Shared, client: &Client, code: &str) -> Result<(String, String), Box<Response>> {
    let refused = |error, description| Err(Box::new(refused(error, description)));
    let mut org = shared.org.lock();
    let Some(device) = org.devices.get_mut(code).filter(|device| device.client == client.id) else {
        return refused("invalid_grant", "The device code is invalid or has expired.");
    };
    if shared.clock.now() >= device.expires {
        return refused("expired_token", "The device code is invalid or has expired.");
    }
    if device.declined {
        return refused("access_denied", "The resource owner or authorization server denied the request.");
    }
    if device.slow_downs > 0 {
        device.slow_downs -= 1;
        return refused("slow_down", "The client is polling too fast.");
    }
    let Some(login) = device.login.clone() else {
        return refused("authorization_pending", "The device authorization is pending. Please try again later.");
    };
    let scope = device.scope.clone();
    org.devices.remove(code);
    Ok((login, scope))
}

#[derive(Deserialize)]
pub(super) struct Activation {
    #[serde(default)]
    user_code: String,
}

/// The page that the person is sent to.
pub(super) async fn activation_page(Query(query): Query<Activation>) -> Html<String> {
    Html(format!(
        "<!DOCTYPE html><html lang=\"en\"><title>Sandbox - Activate</title><h1>Activate your device</h1><form method=\"post\">\
         <p><label>Code <input name=\"user_code\" value=\"{}\"></label><p><label>User name <input name=\"username\"></label>\
         <p><label>Password <input name=\"password\" type=\"password\"></label>\
         <p><button>Allow</button> <button name=\"decline\" value=\"yes\">Decline</button></form></html>",
        escape(&query.user_code)
    ))
}

/// Allows or declines. The password is enough: in a real org, the browser takes care of every other factor.
pub(super) async fn activate(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Form::read(&body);
    let page = |status, text: &str| (status, Html(format!("<!DOCTYPE html><h1>{text}</h1>"))).into_response();
    let user = shared.world.user(form.get("username")).filter(|user| user.password == form.get("password"));
    let declined = !form.get("decline").is_empty();
    let now = shared.clock.now();
    let mut org = shared.org.lock();
    let code = form.get("user_code");
    let Some(device) = org.devices.values_mut().find(|device| device.user_code == code && now < device.expires) else {
        return page(StatusCode::BAD_REQUEST, "Invalid code");
    };
    match user {
        _ if declined => device.declined = true,
        Some(user) => device.login = Some(user.login.clone()),
        None => return page(StatusCode::UNAUTHORIZED, "Unable to sign in"),
    }
    page(StatusCode::OK, "Device activated")
}
