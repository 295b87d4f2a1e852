//! The federation endpoint of AWS sign-in: `getSigninToken` and `login`.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::query::Call;
use crate::random;
use crate::shared::Shared;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    session_id: String,
    session_key: String,
    session_token: String,
}

pub(super) fn answer(shared: &Shared, call: &Call<'_>, action: &str) -> Response {
    let answer = if action == "login" { login(shared, call) } else { token(shared, call) };
    answer.unwrap_or_else(|| StatusCode::BAD_REQUEST.into_response())
}

fn token(shared: &Shared, call: &Call<'_>) -> Option<Response> {
    let session: Session = serde_json::from_str(call.get("Session")?).ok()?;
    let issued = shared.keys.get(&session.session_id)?;
    if issued.secret != session.session_key || issued.token != session.session_token {
        return None;
    }
    if shared.clock.now() >= issued.expiration {
        return None;
    }
    if let Some(duration) = call.get("SessionDuration") {
        let seconds: u32 = duration.parse().ok()?;
        if issued.is_chained || !(900..=43_200).contains(&seconds) {
            return None;
        }
    }
    let token = random::alphanumeric(64);
    shared.keys.add_sign_in_token(token.clone(), issued.arn);
    Some(axum::Json(serde_json::json!({ "SigninToken": token })).into_response())
}

/// Answers with a page that says who is signed in. A token works once.
fn login(shared: &Shared, call: &Call<'_>) -> Option<Response> {
    let arn = shared.keys.take_sign_in_token(call.get("SigninToken")?)?;
    let destination = call.get("Destination").filter(|page| page.starts_with("https://"))?;
    Some(format!("signed in as {arn} at {destination}\n").into_response())
}
