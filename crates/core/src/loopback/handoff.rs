//! Leads a browser to a secret address.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::{LAST_ANSWER, Loopback, Origins, answer};
use crate::error::Result;
use crate::secret::{SecretString, unguessable};

/// A page on loopback that redirects a browser to a secret address, once.
///
/// The address of the page itself can be passed as a program's argument: on Linux only this user's processes can open it.
/// On other systems any local user who opens it first gets the address, and the person's own visit then fails.
pub struct Handoff {
    page: String,
    path: String,
    loopback: Loopback,
    url: SecretString,
}

impl fmt::Debug for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handoff").finish_non_exhaustive()
    }
}

/// Prepares a page that redirects to `url`.
///
/// # Errors
///
/// `io` if no port is free.
pub async fn handoff(url: SecretString) -> Result<Handoff> {
    let loopback = Loopback::bind(0).await?;
    let path = format!("/{}", unguessable()?.expose());
    Ok(Handoff { page: format!("http://{}{path}", loopback.address()), path, loopback, url })
}

impl Handoff {
    /// The page to open.
    pub fn url(&self) -> &str {
        &self.page
    }

    /// Serves the page, and returns once a browser was redirected.
    pub async fn taken(self) {
        let Self { path, loopback, url, .. } = self;
        let redirected = Arc::new(Notify::new());
        let url = Arc::new(Mutex::new(Some(url)));
        let notify = Arc::clone(&redirected);
        let handle = move |request: http::Request<hyper::body::Incoming>| {
            let is_page = request.method() == http::Method::GET && request.uri().path() == path;
            let url = if is_page { url.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None };
            let notify = Arc::clone(&notify);
            async move {
                let location = url.and_then(|url| http::HeaderValue::from_str(url.expose()).ok());
                let Some(location) = location else {
                    return answer(http::StatusCode::NOT_FOUND, "text/plain", "not found\n");
                };
                let mut answer = answer(http::StatusCode::FOUND, "text/plain", "");
                answer.headers_mut().insert(http::header::LOCATION, location);
                notify.notify_one();
                answer
            }
        };
        tokio::select! {
            () = loopback.serve(Origins::None, handle) => {}
            () = async {
                redirected.notified().await;
                tokio::time::sleep(LAST_ANSWER).await;
            } => {}
        }
    }
}
