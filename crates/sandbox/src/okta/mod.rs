//! An Okta org: the authentication API, sessions, and the AWS app's page. Shapes as in Okta's published examples.

mod app;
mod authn;
mod idx;
mod oauth;
mod state;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

pub(crate) use state::OktaState;

use crate::faults::Service;
use crate::sts::http_date;
use crate::{Shared, random};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/.well-known/okta-organization", get(organization))
        .route("/api/v1/authn", post(authn::begin))
        .route("/api/v1/authn/factors/{factor}/verify", post(authn::verify))
        .route("/api/v1/authn/factors/{factor}/verify/resend", post(authn::resend))
        .route("/api/v1/authn/skip", post(authn::skip))
        .route("/api/v1/authn/cancel", post(authn::cancel))
        .route("/api/v1/sessions/me", get(app::session).delete(app::end_session))
        .route("/login/sessionCookieRedirect", get(app::redeem))
        .route("/login/step-up/redirect", get(app::stepped_up))
        .route("/login/login.htm", get(app::sign_in_page).post(app::sign_in))
        .route("/login/token/redirect", get(idx::redirect))
        .route("/login/token/sso", get(oauth::sign_on_by_link).post(oauth::sign_on_by_form))
        .route("/idp/idx/introspect", post(idx::introspect))
        .route("/idp/idx/identify", post(idx::identify))
        .route("/idp/idx/challenge", post(idx::challenge))
        .route("/idp/idx/challenge/answer", post(idx::answer))
        .route("/idp/idx/challenge/resend", post(idx::introspect))
        .route("/idp/idx/authenticators/poll", post(idx::poll))
        .route("/idp/idx/skip", post(idx::skip))
        .route("/idp/idx/cancel", post(idx::cancel))
        .route("/oauth2/v1/device/authorize", post(oauth::authorize))
        .route("/oauth2/v1/token", post(oauth::token))
        .route("/oauth2/v1/revoke", post(oauth::revoke))
        .route("/activate", get(oauth::activation).post(oauth::activate))
        .route("/api/v1/users/me/appLinks", get(oauth::app_links))
        .route("/assets/{*file}", get(app::asset))
        .route("/home/{kind}/{app}/272", get(app::page))
        .route("/app/{app}/sso/saml/metadata", get(app::metadata))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "E0000007", "Not found: Resource not found", None) })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), observe))
        .with_state(shared)
}

/// Notes each request, injects faults, tells the sandbox's time.
async fn observe(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    shared.log.note(Service::Okta, request.method(), request.uri().path());
    let date = [("date", http_date(shared.clock.now()))];
    let answer = match shared.faults.next(Service::Okta) {
        Some(fault) => fault.answer(&random::request_id(), shared.clock.now()).await,
        None => next.run(request).await,
    };
    (date, answer).into_response()
}

async fn organization(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let pipeline = shared.pipeline();
    Json(
        json!({ "id": "00oSandbox", "pipeline": pipeline, "_links": { "organization": { "href": shared.okta_url() } } }),
    )
}

/// Okta's error object.
fn error(status: StatusCode, code: &str, summary: &str, cause: Option<&str>) -> Response {
    let causes: Vec<_> = cause.into_iter().map(|cause| json!({ "errorSummary": cause })).collect();
    let body = json!({
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": format!("oae{}", random::alphanumeric(20)),
        "errorCauses": causes,
    });
    (status, Json(body)).into_response()
}

/// The base of the addresses to answer with: as the client knows us.
fn base(headers: &axum::http::HeaderMap, shared: &Shared) -> String {
    match headers.get(HOST).and_then(|host| host.to_str().ok()) {
        Some(host) => format!("http://{host}"),
        None => shared.okta_url(),
    }
}
