//! An Okta org: sign-in with both engines, sessions, OAuth, the dashboard and the AWS app. Shapes as in Okta's published
//! examples.

mod app;
mod authn;
mod cookies;
mod dashboard;
mod device;
mod error;
mod idx;
mod oauth;
mod sessions;
mod sign_in_page;
mod state;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{DATE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

pub(crate) use state::OrgState;

use crate::faults::Service;
use crate::http::http_date;
use crate::random;
use crate::shared::Shared;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/okta-organization", get(organization))
        .merge(authentication())
        .merge(identity_engine())
        .merge(oauth())
        .merge(sessions_and_apps())
        .fallback(|| async { StatusCode::NOT_FOUND })
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), handle))
        .with_state(shared)
}

fn authentication() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/authn", post(authn::begin))
        .route("/api/v1/authn/introspect", post(authn::introspect))
        .route("/api/v1/authn/factors/{factor}/verify", post(authn::verify))
        .route("/api/v1/authn/factors/{factor}/verify/resend", post(authn::resend))
        .route("/api/v1/authn/skip", post(authn::skip))
        .route("/api/v1/authn/cancel", post(authn::cancel))
}

fn identity_engine() -> Router<Arc<Shared>> {
    Router::new()
        .route("/idp/idx/introspect", post(idx::introspect))
        .route("/idp/idx/identify", post(idx::identify))
        .route("/idp/idx/challenge", post(idx::challenge))
        .route("/idp/idx/challenge/answer", post(idx::answer))
        .route("/idp/idx/challenge/resend", post(idx::introspect))
        .route("/idp/idx/authenticators/poll", post(idx::poll))
        .route("/idp/idx/skip", post(idx::skip))
        .route("/idp/idx/cancel", post(idx::cancel))
        .route("/login/token/redirect", get(idx::redirect))
}

fn oauth() -> Router<Arc<Shared>> {
    Router::new()
        .route("/oauth2/v1/device/authorize", post(device::authorize))
        .route("/activate", get(device::activation_page).post(device::activate))
        .route("/oauth2/v1/token", post(oauth::token))
        .route("/oauth2/v1/revoke", post(oauth::revoke))
        .route("/login/token/sso", get(oauth::sign_on_with_link).post(oauth::sign_on_with_form))
}

fn sessions_and_apps() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/sessions", post(sessions::create))
        .route("/api/v1/sessions/me", get(sessions::show).delete(sessions::end))
        .route("/api/v1/sessions/me/lifecycle/refresh", post(sessions::refresh))
        .route("/login/sessionCookieRedirect", get(sessions::redirect_with_cookie))
        .route("/login/step-up/redirect", get(app::after_step_up))
        .route("/login/login.htm", get(sign_in_page::classic).post(sign_in_page::submit))
        .route("/assets/{*file}", get(sign_in_page::asset))
        .route("/", get(dashboard::root))
        .route("/app/UserHome", get(dashboard::page))
        .route("/api/v1/users/{user}", get(dashboard::user))
        .route("/api/v1/users/{user}/appLinks", get(dashboard::app_links))
        .route("/api/v1/users/{user}/home/tabs", get(dashboard::tabs))
        .route("/home/{kind}/{app}/272", get(app::open))
        .route("/app/{kind}/{app}/sso/saml", get(app::open).post(app::open))
        .route("/app/{app}/sso/saml/metadata", get(app::metadata))
}

/// Logs a request and answers it, with a fault if a test asked for one. Adds the headers of every answer.
async fn handle(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    shared.log.add(Service::Okta, &method, request.uri().path());
    let mut answer = match shared.faults.next(Service::Okta) {
        Some(fault) => fault.answer(Service::Okta, &random::request_id(), shared.clock.now()).await,
        None => error::with_okta_error(&method, next.run(request).await),
    };
    let headers = [
        (DATE, http_date(shared.clock.now())),
        (HeaderName::from_static("x-okta-request-id"), random::alphanumeric(24)),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

async fn organization(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Json<Value> {
    let organization = json!({ "href": base(&headers, &shared) });
    Json(json!({ "id": "00oSandbox", "pipeline": shared.pipeline(), "_links": { "organization": organization } }))
}

/// Returns the address of the org under the name that the client uses.
fn base(headers: &HeaderMap, shared: &Shared) -> String {
    match headers.get(HOST).and_then(|host| host.to_str().ok()) {
        Some(host) => format!("{}://{host}", shared.scheme.as_str()),
        None => shared.okta_url(),
    }
}
