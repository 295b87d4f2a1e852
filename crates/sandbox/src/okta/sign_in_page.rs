//! The sign-in pages for browsers.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::state::{Flow, Session};
use super::{base, cookies, dashboard};
use crate::http::form_pairs;
use crate::shared::Shared;

/// Shows the sign-in page of the org's engine, which continues at `path`.
pub(super) fn show(shared: &Shared, headers: &HeaderMap, path: &str) -> Response {
    let base = base(headers, shared);
    if shared.has_identity_engine() {
        let token = shared.org.lock().begin_flow(Flow { target: path.to_owned(), ..Flow::default() });
        return identity_engine(shared, &base, &token);
    }
    (StatusCode::FOUND, [(LOCATION, format!("{base}/login/login.htm?fromURI={path}"))]).into_response()
}

/// The sign-in page of the Identity Engine: Okta's own widget, if the sandbox has it.
pub(super) fn identity_engine(shared: &Shared, base: &str, state_token: &str) -> Response {
    let escaped = state_token.replace('-', "\\x2D");
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
    let is_plain = file.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains('\\'));
    let content = shared.widget.as_ref().filter(|_| is_plain).and_then(|folder| std::fs::read(folder.join(&file)).ok());
    let content_type = match file.rsplit('.').next() {
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    };
    match content {
        Some(bytes) => ([(CONTENT_TYPE, content_type)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The sign-in page of the Classic Engine: name, password, and a code for those who need one.
pub(super) async fn classic() -> Html<&'static str> {
    Html(
        "<!DOCTYPE html><html lang=\"en\"><title>Sandbox - Sign in</title><h1>Sign in</h1><form method=\"post\">\
         <p><label>User name <input name=\"username\"></label><p><label>Password <input name=\"password\" type=\"password\"></label>\
         <p><label>Code <input name=\"code\"></label><p><button>Sign in</button></form></html>",
    )
}

/// Where to continue after a sign-in.
#[derive(Deserialize)]
pub(super) struct Origin {
    #[serde(default, rename = "fromURI")]
    from_uri: String,
}

impl Origin {
    /// Returns the path to continue at. Only a path of this org: any other address would make this an open redirect.
    pub(super) fn path(&self) -> &str {
        let is_path = self.from_uri.starts_with('/') && !self.from_uri.starts_with("//");
        if is_path { &self.from_uri } else { dashboard::PATH }
    }
}

/// Signs in with what was entered on the page. A push counts as approved, because the person is at the page.
pub(super) async fn submit(
    State(shared): State<Arc<Shared>>,
    Query(origin): Query<Origin>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields: Vec<_> = form_pairs(&String::from_utf8_lossy(&body)).collect();
    let field = |name: &str| fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    let user = shared.world.user(field("username")).filter(|user| user.password == field("password"));
    let user = user.filter(|user| {
        let mut factors = user.factors.iter();
        user.factors.is_empty()
            || factors.any(|factor| factor.kind == "push" || factor.codes.iter().any(|code| code == field("code")))
    });
    let Some(user) = user else {
        return (StatusCode::OK, Html("<!DOCTYPE html><h1>Unable to sign in</h1>")).into_response();
    };
    let session = Session { stepped_up: true, ..Session::new(&shared, &user.login) };
    let id = shared.org.lock().add_session(session);
    let location = format!("{}{}", base(&headers, &shared), origin.path());
    let mut answer = (StatusCode::FOUND, [(LOCATION, location)]).into_response();
    cookies::set(&shared, &mut answer, cookies::SESSION, &id);
    answer
}
