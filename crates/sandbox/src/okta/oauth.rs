//! OAuth 2.0 at the org: the token endpoint with its grants (device code, refresh token, token exchange), and web SSO.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::invalid_token;
use super::state::Issued;
use super::{app, base, device};
use crate::http::form_pairs;
use crate::random;
use crate::shared::Shared;
use crate::world::Client;

/// The lifetime of an access token.
const ACCESS_TOKEN_LIFETIME: SignedDuration = SignedDuration::from_secs(3600);

/// Answers with OAuth's error object (RFC 6749, 5.2).
pub(super) fn refused(error: &str, description: &str) -> Response {
    let status = if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    (status, Json(json!({ "error": error, "error_description": description }))).into_response()
}

/// The refusal of scopes that a client may not request.
pub(super) fn invalid_scope() -> Response {
    refused("invalid_scope", "One or more scopes are not configured for the authorization server resource.")
}

/// The parameters of a request.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn read(body: &Bytes) -> Self {
        Self(form_pairs(&String::from_utf8_lossy(body)).collect())
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Returns the client that sent the request.
    pub(super) fn client<'s>(&self, shared: &'s Shared) -> Result<&'s Client, Box<Response>> {
        let id = self.get("client_id");
        let client = shared.world.clients.iter().find(|client| client.id == id);
        client.ok_or_else(|| Box::new(refused("invalid_client", "Invalid value for 'client_id' parameter.")))
    }
}

/// The token endpoint.
pub(super) async fn token(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let form = Form::read(&body);
    let client = match form.client(&shared) {
        Ok(client) => client,
        Err(refusal) => return *refusal,
    };
    match form.get("grant_type") {
        "urn:ietf:params:oauth:grant-type:device_code" => {
            match device::redeem(&shared, client, form.get("device_code")) {
                Ok((login, scope)) => issue(&shared, &headers, client, &login, &scope),
                Err(refusal) => *refusal,
            }
        }
        "refresh_token" => refresh(&shared, &headers, client, &form),
        "urn:ietf:params:oauth:grant-type:token-exchange" => exchange(&shared, client, &form),
        _ => refused(
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
        ),
    }
}

/// Exchanges a refresh token, which works once. The scopes can be narrowed (RFC 6749, 6).
fn refresh(shared: &Shared, headers: &HeaderMap, client: &Client, form: &Form) -> Response {
    let mut org = shared.org.lock();
    let token = form.get("refresh_token");
    let Some(issued) = org.refresh_tokens.get(token).filter(|issued| issued.client == client.id).cloned() else {
        return refused("invalid_grant", "The refresh token is invalid or expired.");
    };
    let scope = Some(form.get("scope")).filter(|scope| !scope.is_empty()).unwrap_or(&issued.scope).to_owned();
    if !scope.split(' ').all(|scope| issued.has_scope(scope)) {
        return invalid_scope();
    }
    org.refresh_tokens.remove(token);
    drop(org);
    issue(shared, headers, client, &issued.login, &scope)
}

/// Issues new tokens.
fn issue(shared: &Shared, headers: &HeaderMap, client: &Client, login: &str, scope: &str) -> Response {
    let now = shared.clock.now();
    let issued = Issued {
        client: client.id.clone(),
        login: login.to_owned(),
        scope: scope.to_owned(),
        expires: now.saturating_add(ACCESS_TOKEN_LIFETIME).unwrap_or(Timestamp::MAX),
    };
    let issuer = base(headers, shared);
    let claims = |audience: &str| {
        let mut claims = json!({
            "ver": 1, "iss": issuer, "aud": audience, "sub": login, "cid": client.id,
            "iat": now.as_second(), "exp": issued.expires.as_second(), "jti": random::alphanumeric(20),
            "auth_time": now.as_second(), "scp": scope.split(' ').collect::<Vec<_>>(),
        });
        let shows_name = !client.hides_names && issued.has_scope("profile");
        if let Some(claims) = claims.as_object_mut().filter(|_| shows_name) {
            claims.insert("preferred_username".to_owned(), login.into());
        }
        claims
    };
    let (access, id) = (jwt(shared, &claims(&issuer)), jwt(shared, &claims(&client.id)));
    let mut answer = json!({
        "token_type": "Bearer", "expires_in": ACCESS_TOKEN_LIFETIME.as_secs(), "access_token": access,
        "scope": scope, "id_token": id,
    });
    let mut org = shared.org.lock();
    org.access_tokens.insert(access, issued.clone());
    org.id_tokens.insert(id, issued.clone());
    if issued.has_scope("offline_access") {
        let refresh = random::alphanumeric(43);
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("refresh_token".to_owned(), refresh.as_str().into());
        }
        org.refresh_tokens.insert(refresh, issued);
    }
    Json(answer).into_response()
}

/// Returns a JWT, signed with the org's key (RS256).
fn jwt(shared: &Shared, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "kid": "sandbox", "alg": "RS256" })), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(shared.key.sign_bytes(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Exchanges an access token and an id token for a web SSO token (RFC 8693).
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
    let mut org = shared.org.lock();
    let valid = |issued: Option<&Issued>| issued.filter(|it| now < it.expires && it.client == client.id).cloned();
    let actor = valid(org.access_tokens.get(form.get("actor_token")));
    let subject = valid(org.id_tokens.get(form.get("subject_token")));
    let (Some(actor), Some(subject)) = (actor, subject) else {
        return refused(
            "invalid_grant",
            "The 'subject_token' either expired or the session associated with it was terminated.",
        );
    };
    if actor.login != subject.login || !actor.has_scope("okta.apps.sso") {
        return refused("invalid_grant", "The 'actor_token' is invalid.");
    }
    if shared.world.user(&subject.login).is_none_or(|user| user.app_step_up) {
        return refused(
            "invalid_grant",
            "The application's assurance requirements are not met by the 'subject_token'.",
        );
    }
    let token = random::alphanumeric(60);
    org.web_sso_tokens.insert(token.clone(), (subject.login, app.to_owned()));
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
    if let Err(refusal) = form.client(&shared) {
        return *refusal;
    }
    let mut org = shared.org.lock();
    let token = form.get("token");
    let issued = org.refresh_tokens.remove(token).or_else(|| org.access_tokens.remove(token));
    if let Some(Issued { login, .. }) = issued {
        org.access_tokens.retain(|_, issued| issued.login != login);
        org.id_tokens.retain(|_, issued| issued.login != login);
    }
    // The answer does not reveal whether the token was valid (RFC 7009, 2.2).
    StatusCode::OK.into_response()
}

/// Exchanges a web SSO token for the SAML response of its app. The answer has the form itself, because some clients neither
/// store cookies nor follow redirects.
fn sign_on(shared: &Shared, headers: &HeaderMap, token: &str) -> Response {
    let redeemed = shared.org.lock().web_sso_tokens.remove(token);
    match redeemed {
        Some((login, app)) => app::sign_on(shared, headers, &login, &app),
        None => invalid_token(),
    }
}

#[derive(Deserialize)]
pub(super) struct WebSso {
    token: String,
}

pub(super) async fn sign_on_with_link(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<WebSso>,
) -> Response {
    sign_on(&shared, &headers, &query.token)
}

pub(super) async fn sign_on_with_form(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    sign_on(&shared, &headers, Form::read(&body).get("token"))
}
