//! Credentials over HTTP on loopback, for programs that outlive one session: what the AWS CLI and every SDK ask where
//! `AWS_CONTAINER_CREDENTIALS_FULL_URI` says so ("Container credential provider", AWS SDKs and Tools reference).
//!
//! ```
//! # use tempaccess_core::config::{Config, Settings};
//! use tempaccess_core::endpoint::CredentialsEndpoint;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> tempaccess_core::Result<()> {
//! # let mut settings = Settings::default();
//! # settings.source = Some("file:response.html".to_owned());
//! # settings.store = Some("none".to_owned());
//! # let access = settings.access(&Config::default(), None)?.build();
//! let endpoint = CredentialsEndpoint::bind(access, 0).await?;
//! let [(name, address), _token] = endpoint.environment();
//! assert_eq!(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
//! assert!(address.expose().starts_with("http://127.0.0.1:"));
//! // Programs that get both variables are served until the future is dropped.
//! let serving = endpoint.serve();
//! # drop(serving);
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Serialize;

use crate::background::run_blocking;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::loopback::{Answer, Loopback, Origins, answer};
use crate::secret::{SecretString, unguessable};
use crate::session::TempAccess;
use crate::sts::IssuedSession;
use crate::text::printable;

const PATH: &str = "/credentials";

/// An endpoint that gives credentials to callers that have its token, and new ones when the old ones are about to expire.
///
/// ```no_run
/// # async fn example(access: tempaccess_core::TempAccess) -> tempaccess_core::Result<()> {
/// use tempaccess_core::endpoint::CredentialsEndpoint;
///
/// let endpoint = CredentialsEndpoint::bind(access, 0).await?;
/// let mut program = std::process::Command::new("a-long-job");
/// for (name, value) in endpoint.environment() {
///     program.env(name, value.expose());
/// }
/// endpoint.serve().await;
/// # Ok(())
/// # }
/// ```
pub struct CredentialsEndpoint {
    access: TempAccess,
    loopback: Loopback,
    token: SecretString,
}

impl std::fmt::Debug for CredentialsEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialsEndpoint").field("address", &self.loopback.address()).finish_non_exhaustive()
    }
}

impl CredentialsEndpoint {
    /// An endpoint on this port of 127.0.0.1, or on any free one for 0.
    ///
    /// # Errors
    ///
    /// `io` where the port is taken.
    pub async fn bind(access: TempAccess, port: u16) -> Result<Self> {
        Ok(Self { access, loopback: Loopback::bind(port).await?, token: unguessable()? })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}{PATH}", self.loopback.address())
    }

    /// The variables that lead a program to it. The second one is a secret.
    pub fn environment(&self) -> [(&'static str, SecretString); 2] {
        [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", self.url().into()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", self.token.clone()),
        ]
    }

    /// Answers until it is dropped.
    pub async fn serve(self) {
        let (access, token) = (Arc::new(self.access), Arc::new(self.token));
        self.loopback
            .serve(Origins::None, move |request| {
                let (access, token) = (Arc::clone(&access), Arc::clone(&token));
                async move {
                    let given = request.headers().get(http::header::AUTHORIZATION).map(http::HeaderValue::as_bytes);
                    if request.uri().path() != PATH {
                        return failure(StatusCode::NOT_FOUND, "NotFound", "there is nothing else here");
                    }
                    if request.method() != Method::GET {
                        return failure(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "GET is all there is");
                    }
                    if !given.is_some_and(|given| is_same(given, token.expose().as_bytes())) {
                        return failure(
                            StatusCode::UNAUTHORIZED,
                            "Unauthorized",
                            "the authorization token is not right",
                        );
                    }
                    match credentials(access).await {
                        Ok(issued) => given_out(&issued),
                        Err(error) => failure(StatusCode::BAD_GATEWAY, error.kind().as_str(), error.message()),
                    }
                }
            })
            .await;
    }
}

/// How long a renewal is waited for while there are credentials that still do: clients give up after 1 or 2 seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(700);

/// Credentials. A sign-in continues if its caller disconnects, so that the next request finds it done.
async fn credentials(access: Arc<TempAccess>) -> Result<IssuedSession> {
    let renewing = Arc::clone(&access);
    let mut renewal = tokio::spawn(async move { renewing.credentials().await });
    let result = match tokio::time::timeout(RESPONSE_TIMEOUT, &mut renewal).await {
        Ok(result) => result,
        Err(_) => match run_blocking(move || access.cached_until_expiry()).await {
            Some(issued) => return Ok(issued),
            None => renewal.await,
        },
    };
    result.unwrap_or_else(|_| Err(Error::new(ErrorKind::Cancelled, Stage::SignIn, "the sign-in was stopped")))
}

/// Compared in a time that says nothing of where they differ.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    given.len() == wanted.len() && given.iter().zip(wanted).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

fn given_out(issued: &IssuedSession) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output<'a> {
        access_key_id: &'a str,
        secret_access_key: &'a str,
        token: &'a str,
        expiration: String,
        role_arn: &'a str,
        account_id: &'a str,
    }
    let credentials = &issued.answer.credentials;
    let output = Output {
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token: credentials.session_token.expose(),
        expiration: credentials.expiration.to_string(),
        role_arn: credentials.role.as_str(),
        account_id: credentials.account_id(),
    };
    answer(StatusCode::OK, "application/json", serde_json::to_string(&output).unwrap_or_default())
}

fn failure(status: StatusCode, code: &str, message: &str) -> Answer {
    #[derive(Serialize)]
    struct Output<'a> {
        code: &'a str,
        message: &'a str,
    }
    let output = Output { code, message: &printable(message) };
    answer(status, "application/json", serde_json::to_string(&output).unwrap_or_default())
}
