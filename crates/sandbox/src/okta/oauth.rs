//! OAuth 2.0 at the org: device authorization (RFC 8628), refresh, token exchange (RFC 8693), and the list of apps.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header::{AUTHORIZATION, LINK};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, response::Html};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::app;
use super::state::{Device, Issued, Session};
use super::{base, error};
use crate::form::pairs;
use crate::world::{Client, User};
use crate::{Shared, random};

/// How long an invitation and an access token are good.
const INVITATION: SignedDuration = SignedDuration::from_secs(600);
const ACCESS: SignedDuration = SignedDuration::from_secs(3600);

/// Apps on one page of the list.
const PAGE: usize = 2;

/// OAuth's error object (RFC 6749, 5.2).
fn refused(error: &str, description: &str) -> Response {
    let status = if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    (status, Json(json!({ "error": error, "error_description": description }))).into_response()
}

struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &Bytes) -> Self {
        Self(pairs(&String::from_utf8_lossy(body)).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

fn client<'s>(shared: &'s Shared, form: &Form) -> Result<&'s Client, Box<Response>> {
    let id = form.get("client_id");
    shared
        .world
        .clients
        .iter()
        .find(|client| client.id == id)
        .ok_or_else(|| Box::new(refused("invalid_client", "Invalid value for 'client_id' parameter.")))
}

pub(super) async fn authorize(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Form::read(&body);
    let client = match client(&shared, &form) {
        Ok(client) => client,
        Err(refusal) => return *refusal,
    };
    if !client.device_authorization {
        return refused(
            "unauthorized_client",
            "The client is not authorized to use the provided grant type. Configured grant types: [authorization_code].",
        );
    }
    let wanted = form.get("scope");
    if wanted.split(' ').any(|scope| !client.scopes.iter().any(|allowed| allowed == scope)) {
        return refused(
            "invalid_scope",
            "One or more scopes are not configured for the authorization server resource.",
        );
    }
    let (device, user) = (random::alphanumeric(40), random::capitals(8));
    let invitation = Device {
        user_code: user.clone(),
        client: client.id.clone(),
        scope: wanted.to_owned(),
        end: shared.clock.now().saturating_add(INVITATION).unwrap_or(Timestamp::MAX),
        login: None,
        declined: false,
        slow_downs: client.slow_downs,
    };
    shared.okta.lock().devices.insert(device.clone(), invitation);
    let page = format!("{}/activate", base(&headers, &shared));
    Json(json!({
        "device_code": device,
        "user_code": user,
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user}"),
        "expires_in": 600,
        "interval": 5,
    }))
    .into_response()
}

#[derive(Deserialize)]
pub(super) struct Activation {
    #[serde(default)]
    user_code: String,
}

/// The page that the person is sent to.
pub(super) async fn activation(Query(query): Query<Activation>) -> Html<String> {
    Html(format!(
        "<!DOCTYPE html><html lang=\"en\"><title>Sandbox - Activate</title><h1>Activate your device</h1><form method=\"post\">\
         <p><label>Code <input name=\"user_code\" value=\"{}\"></label><p><label>User name <input name=\"username\"></label>\
         <p><label>Password <input name=\"password\" type=\"password\"></label>\
         <p><button>Allow</button> <button name=\"decline\" value=\"yes\">Decline</button></form></html>",
        crate::idp::escape(&query.user_code)
    ))
}

/// What the person does there. With a password alone: whatever else a real org asks for, the browser sees to.
pub(super) async fn activate(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Form::read(&body);
    let said = |status, text: &str| (status, Html(format!("<!DOCTYPE html><h1>{text}</h1>"))).into_response();
    let user = shared.world.user(form.get("username")).filter(|user| user.password == form.get("password"));
    let declined = !form.get("decline").is_empty();
    let now = shared.clock.now();
    let mut memory = shared.okta.lock();
    let code = form.get("user_code");
    let Some(device) = memory.devices.values_mut().find(|device| device.user_code == code && now < device.end) else {
        return said(StatusCode::BAD_REQUEST, "Invalid code");
    };
    match user {
        _ if declined => device.declined = true,
        Some(user) => device.login = Some(user.login.clone()),
        None => return said(StatusCode::UNAUTHORIZED, "Unable to sign in"),
    }
    said(StatusCode::OK, "Device activated")
}

pub(super) async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Form::read(&body);
    let client = match client(&shared, &form) {
        Ok(client) => client,
        Err(refusal) => return *refusal,
    };
    // Some clients leave the grant out where the other parameters tell.
    match form.get("grant_type") {
        "urn:ietf:params:oauth:grant-type:device_code" => by_device(&shared, &headers, client, form.get("device_code")),
        "refresh_token" => by_refresh(&shared, &headers, client, form.get("refresh_token")),
        "urn:ietf:params:oauth:grant-type:token-exchange" => exchange(&shared, client, &form),
        _ => refused(
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
        ),
    }
}

fn by_device(shared: &Shared, headers: &HeaderMap, client: &Client, code: &str) -> Response {
    let mut memory = shared.okta.lock();
    let Some(device) = memory.devices.get_mut(code).filter(|device| device.client == client.id) else {
        return refused("invalid_grant", "The device code is invalid or has expired.");
    };
    if shared.clock.now() >= device.end {
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
    memory.devices.remove(code);
    drop(memory);
    issue(shared, headers, client, &login, &scope)
}

fn by_refresh(shared: &Shared, headers: &HeaderMap, client: &Client, token: &str) -> Response {
    let issued = shared.okta.lock().refresh_tokens.remove(token).filter(|issued| issued.client == client.id);
    match issued {
        Some(issued) => issue(shared, headers, client, &issued.login, &issued.scope),
        None => refused("invalid_grant", "The refresh token is invalid or expired."),
    }
}

/// New tokens. A refresh token is good once.
fn issue(shared: &Shared, headers: &HeaderMap, client: &Client, login: &str, scope: &str) -> Response {
    let now = shared.clock.now();
    let issued = Issued {
        client: client.id.clone(),
        login: login.to_owned(),
        scope: scope.to_owned(),
        end: now.saturating_add(ACCESS).unwrap_or(Timestamp::MAX),
    };
    let issuer = base(headers, shared);
    let claims = |audience: &str| {
        let mut claims = json!({
            "ver": 1, "iss": issuer, "aud": audience, "sub": login, "cid": client.id,
            "iat": now.as_second(), "exp": issued.end.as_second(), "jti": random::alphanumeric(20), "auth_time": now.as_second(),
            "scp": scope.split(' ').collect::<Vec<_>>(),
        });
        if let Some(claims) =
            claims.as_object_mut().filter(|_| !client.hides_names && scope.split(' ').any(|scope| scope == "profile"))
        {
            claims.insert("preferred_username".to_owned(), login.into());
        }
        claims
    };
    let (access, id) = (jwt(shared, &claims(&issuer)), jwt(shared, &claims(&client.id)));
    let mut answer = json!({
        "token_type": "Bearer", "expires_in": ACCESS.as_secs(), "access_token": access, "scope": scope, "id_token": id,
    });
    let mut memory = shared.okta.lock();
    memory.access_tokens.insert(access, issued.clone());
    memory.id_tokens.insert(id, issued.clone());
    if scope.split(' ').any(|scope| scope == "offline_access") {
        let refresh = random::alphanumeric(43);
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("refresh_token".to_owned(), refresh.as_str().into());
        }
        memory.refresh_tokens.insert(refresh, issued);
    }
    Json(answer).into_response()
}

/// A token in the form of a JWT, signed with the org's key (RS256).
fn jwt(shared: &Shared, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "kid": "sandbox", "alg": "RS256" })), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(shared.key.sign_bytes(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn exchange(shared: &Shared, client: &Client, form: &Form) -> Response {
    if !client.token_exchange {
        return refused(
            "unauthorized_client",
            "The client is not authorized to use the provided grant type. Configured grant types: [device_code].",
        );
    }
    if form.get("requested_token_type") != "urn:okta:oauth:token-type:web_sso_token" {
        return refused("invalid_request", "The requested_token_type is not supported.");
    }
    let app = form.get("audience").strip_prefix("urn:okta:apps:").unwrap_or_default();
    if !shared.world.is_aws_app(app) {
        return refused("invalid_target", "The target app is invalid or not assigned to the user.");
    }
    if !client.allowed_by_app {
        return refused(
            "invalid_grant",
            "The target audience app must be configured to allow the client to request a 'web_sso_token'.",
        );
    }
    let now = shared.clock.now();
    let mut memory = shared.okta.lock();
    let good = |issued: Option<&Issued>| issued.filter(|it| now < it.end && it.client == client.id).cloned();
    let actor = good(memory.access_tokens.get(form.get("actor_token")));
    let subject = good(memory.id_tokens.get(form.get("subject_token")));
    let (Some(actor), Some(subject)) = (actor, subject) else {
        return refused(
            "invalid_grant",
            "The 'subject_token' either expired or the session associated with it was terminated.",
        );
    };
    if actor.login != subject.login || !actor.scope.split(' ').any(|scope| scope == "okta.apps.sso") {
        return refused("invalid_grant", "The 'actor_token' is invalid.");
    }
    let user = shared.world.user(&subject.login);
    if user.is_none_or(|user| user.app_step_up) {
        return refused(
            "invalid_grant",
            "The application's assurance requirements are not met by the 'subject_token'.",
        );
    }
    let token = random::alphanumeric(60);
    memory.web_sso_tokens.insert(token.clone(), (subject.login, app.to_owned()));
    Json(json!({
        "token_type": "N_A",
        "expires_in": 300,
        "access_token": token,
        "issued_token_type": "urn:okta:oauth:token-type:web_sso_token",
    }))
    .into_response()
}

pub(super) async fn revoke(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let form = Form::read(&body);
    if let Err(refusal) = client(&shared, &form) {
        return *refusal;
    }
    let mut memory = shared.okta.lock();
    let token = form.get("token");
    let login = memory.refresh_tokens.remove(token).or_else(|| memory.access_tokens.remove(token)).map(|it| it.login);
    if let Some(login) = login {
        memory.access_tokens.retain(|_, issued| issued.login != login);
        memory.id_tokens.retain(|_, issued| issued.login != login);
    }
    // Whether it was known is nobody's business (RFC 7009, 2.2).
    StatusCode::OK.into_response()
}

/// A web SSO token becomes a session, which leads to the app.
fn sign_on(shared: &Shared, base: &str, token: &str) -> Response {
    let mut memory = shared.okta.lock();
    match memory.web_sso_tokens.remove(token) {
        Some((login, app)) => {
            let session = Session { login, stepped_up: false, used_code: None };
            app::with_session(&mut memory, session, None, format!("{base}/home/amazon_aws/{app}/272"))
        }
        None => error(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided", None),
    }
}

#[derive(Deserialize)]
pub(super) struct WebSso {
    token: String,
}

pub(super) async fn sign_on_by_link(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<WebSso>,
) -> Response {
    sign_on(&shared, &base(&headers, &shared), &query.token)
}

pub(super) async fn sign_on_by_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    sign_on(&shared, &base(&headers, &shared), Form::read(&body).get("token"))
}

#[derive(Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: usize,
}

/// The person's apps, a page at a time.
pub(super) async fn app_links(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<After>,
) -> Response {
    let invalid = || error(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided", None);
    if whose(&shared, &headers).is_none() {
        return invalid();
    }
    let base = base(&headers, &shared);
    let apps = shared.world.app_links();
    let links: Vec<_> = apps
        .iter()
        .skip(query.after)
        .take(PAGE)
        .map(|app| {
            json!({
                "id": random::alphanumeric(20), "label": app.label, "appName": app.name, "appInstanceId": app.id,
                "linkUrl": format!("{base}/home/{}/{}/272", app.name, app.id), "sortOrder": 0, "hidden": false,
                "credentialsSetup": false, "logoUrl": null, "appAssignmentId": random::alphanumeric(20),
            })
        })
        .collect();
    let mut answer = Json(Value::Array(links)).into_response();
    let after = query.after + PAGE;
    if after < apps.len() {
        for link in [
            format!("<{base}/api/v1/users/me/appLinks>; rel=\"self\""),
            format!("<{base}/api/v1/users/me/appLinks?after={after}>; rel=\"next\""),
        ] {
            if let Ok(link) = link.parse() {
                answer.headers_mut().append(LINK, link);
            }
        }
    }
    answer
}

/// Who asks: by an access token that may read apps, or by the cookie of a session.
fn whose<'s>(shared: &'s Shared, headers: &HeaderMap) -> Option<&'s User> {
    let memory = shared.okta.lock();
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let login = match bearer {
        Some(token) => {
            let issued = memory.access_tokens.get(token).filter(|issued| shared.clock.now() < issued.end)?;
            issued.scope.split(' ').any(|scope| scope == "okta.apps.read").then(|| issued.login.clone())?
        }
        None => memory.sessions.get(&app::cookie(headers, "sid")?)?.login.clone(),
    };
    shared.world.user(&login)
}
