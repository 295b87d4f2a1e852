//! Cookies of requests and answers.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::response::Response;

use crate::random;
use crate::server::Scheme;
use crate::shared::Shared;

/// The cookie of a session.
pub(super) const SESSION: &str = "sid";
/// The cookie by which a device is recognised.
pub(super) const DEVICE: &str = "DT";

/// Returns the value of a cookie.
pub(super) fn get(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// Sets a cookie.
pub(super) fn set(shared: &Shared, answer: &mut Response, name: &str, value: &str) {
    let secure = if shared.scheme == Scheme::Https { "; Secure" } else { "" };
    if let Ok(cookie) = format!("{name}={value}; Path=/; HttpOnly{secure}").parse() {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Gives a device a cookie to be recognised by, if it has none.
pub(super) fn set_device(shared: &Shared, headers: &HeaderMap, answer: &mut Response) {
    if get(headers, DEVICE).is_none() {
        set(shared, answer, DEVICE, &format!("DI0{}", random::alphanumeric(22)));
    }
}
