//! The AWS console, opened with credentials of a session ("Enabling custom identity broker access to the AWS console",
//! IAM user guide).

use serde::{Deserialize, Serialize};
use url::Url;

use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{Transport, secure_url};
use crate::scope::SessionDuration;
use crate::secret::{SecretString, form};
use crate::sts::IssuedSession;
use crate::text::excerpt;

/// Where the console is to open, and for how long.
///
/// ```no_run
/// # async fn example(issued: tempaccess_core::IssuedSession) -> tempaccess_core::Result<()> {
/// use tempaccess_core::{console::Console, net::HttpTransport};
///
/// let url = Console::new().destination("s3").sign_in_url(&HttpTransport::default(), &issued).await?;
/// // Whoever opens it within 15 minutes is signed in: as secret as the credentials.
/// println!("{}", url.expose());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Console {
    destination: Option<String>,
    duration: Option<SessionDuration>,
    endpoint_url: Option<String>,
}

/// The names of AWS's sign-in and console hosts in each partition that has them.
const HOSTS: [(&str, &str, &str); 4] = [
    ("aws", "signin.aws.amazon.com", "console.aws.amazon.com"),
    ("aws-cn", "signin.amazonaws.cn", "console.amazonaws.cn"),
    ("aws-us-gov", "signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
    ("aws-eusc", "signin.amazonaws-eusc.eu", "console.amazonaws-eusc.eu"),
];

/// Sign-in tokens of AWS have up to about two thousand characters.
const MAX_TOKEN_LENGTH: usize = 16_384;

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Output, message.into())
}

impl Console {
    /// The console's home, for as long as AWS gives it: the rest of the session's own time.
    pub fn new() -> Self {
        Self::default()
    }

    /// As texts that may be missing: where to go, how long (`8h`), another address of the federation endpoint.
    ///
    /// # Errors
    ///
    /// `invalid_scope` where the duration is none.
    pub fn from_parts(
        destination: Option<String>,
        duration: Option<&str>,
        endpoint_url: Option<String>,
    ) -> Result<Self> {
        Ok(Self { destination, duration: duration.map(str::parse).transpose()?, endpoint_url })
    }

    /// Where to go: a page of the console (`https://…`), or the name of a service, such as `s3`.
    #[must_use]
    pub fn destination(mut self, destination: impl Into<String>) -> Self {
        self.destination = Some(destination.into());
        self
    }

    /// How long the console stays signed in, beyond the end of the credentials if need be. Not for chained roles.
    #[must_use]
    pub fn duration(mut self, duration: SessionDuration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Another address of the federation endpoint: a double in tests (`http` on loopback only).
    #[must_use]
    pub fn endpoint_url(mut self, url: impl Into<String>) -> Self {
        self.endpoint_url = Some(url.into());
        self
    }

    /// The address that signs a browser in. It holds a token that is good once, for 15 minutes.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the destination is not in the console, the partition has none, or a duration is given for
    /// a chained role; of the stage `output` for whatever keeps AWS from giving the token.
    pub async fn sign_in_url(&self, transport: &dyn Transport, issued: &IssuedSession) -> Result<SecretString> {
        let credentials = &issued.answer.credentials;
        let partition = credentials.role.partition();
        let Some((_, sign_in, console)) = HOSTS.iter().find(|(known, ..)| *known == partition) else {
            return Err(refused(format!("it is not known where the console of the partition `{partition}` is")));
        };
        if self.duration.is_some() && issued.chained_from.is_some() {
            return Err(refused("AWS takes no duration for the console with credentials of a chained role")
                .with_hint("leave the duration out: the console stays signed in as long as the session lasts"));
        }
        let destination = self.page(console, credentials)?;
        let endpoint = match &self.endpoint_url {
            Some(url) => secure_url("the federation endpoint", url)?,
            None => secure_url("the federation endpoint", &format!("https://{sign_in}/federation"))?,
        };
        let token = self.token(transport, &endpoint, credentials).await?;
        let mut url = endpoint;
        url.query_pairs_mut()
            .append_pair("Action", "login")
            .append_pair("Issuer", "tempaccess")
            .append_pair("Destination", destination.as_str())
            .append_pair("SigninToken", token.expose());
        Ok(String::from(url).into())
    }

    /// The page to go to, which lies in the console: the token would go anywhere else too.
    fn page(&self, console: &str, credentials: &SessionCredentials) -> Result<Url> {
        let text = match self.destination.as_deref() {
            Some(url) if url.contains("://") => url.to_owned(),
            other => {
                let service = other.unwrap_or("console");
                if service.is_empty() || !service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                    return Err(refused(format!("`{service}` is neither a page of the console nor a service"))
                        .with_hint("give a URL (`https://console.aws.amazon.com/…`), or a name such as `s3`"));
                }
                let region = credentials.region.as_deref().filter(|region| !region.ends_with("-global"));
                let region = region.map(|region| format!("?region={region}")).unwrap_or_default();
                format!("https://{console}/{service}/home{region}")
            }
        };
        let url = Url::parse(&text).map_err(|error| refused(format!("the destination is no URL: {error}")))?;
        let host = url.host_str().unwrap_or_default();
        let is_inside = host == console || host.strip_suffix(console).is_some_and(|rest| rest.ends_with('.'));
        if url.scheme() == "https" && is_inside {
            Ok(url)
        } else {
            Err(refused(format!(
                "the destination `{}` is not in the console, which is `https://{console}`",
                excerpt(&text)
            )))
        }
    }

    async fn token(
        &self,
        transport: &dyn Transport,
        endpoint: &Url,
        credentials: &SessionCredentials,
    ) -> Result<SecretString> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Session<'a> {
            session_id: &'a str,
            session_key: &'a str,
            session_token: &'a str,
        }
        #[derive(Deserialize)]
        struct Answer {
            #[serde(rename = "SigninToken")]
            token: SecretString,
        }
        let session = Session {
            session_id: &credentials.access_key_id,
            session_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
        };
        let session = SecretString::from_json(&session);
        let seconds = self.duration.map(|duration| duration.seconds().to_string());
        // In the body: addresses are written into logs on the way.
        let fields = [("Action", "getSigninToken"), ("Session", session.expose())];
        let form = form(fields.into_iter().chain(seconds.iter().map(|seconds| ("SessionDuration", seconds.as_str()))));
        let host = endpoint.host_str().unwrap_or_default();
        let request = http::Request::post(endpoint.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(form)
            .map_err(|_| refused("the federation endpoint cannot be asked"))?;
        let answer = transport.send(request).await.map_err(|error| error.into_error(Stage::Output, host))?;
        let status = answer.status();
        let body = zeroize::Zeroizing::new(answer.into_body());
        match serde_json::from_slice::<Answer>(&body) {
            Ok(answer) if status.is_success() && is_token(answer.token.expose()) => Ok(answer.token),
            _ if status.is_client_error() => Err(Error::new(
                ErrorKind::AccessDenied,
                Stage::Output,
                format!("AWS sign-in refused the credentials for the console (HTTP status {})", status.as_u16()),
            )
            .with_hint("get new credentials with `tempaccess login`; a duration must be within the role's maximum")),
            _ => Err(Error::new(
                ErrorKind::StsUnavailable,
                Stage::Output,
                format!("`{host}` answered with HTTP status {} and no valid sign-in token", status.as_u16()),
            )
            .with_hint("try again")),
        }
    }
}

/// Whether a text can be a sign-in token. It goes into an address that is opened, printed and handed to other programs.
fn is_token(text: &str) -> bool {
    let is_url_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-.~".contains(&byte);
    (1..=MAX_TOKEN_LENGTH).contains(&text.len()) && text.bytes().all(is_url_safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_tokens_are_bounded_and_safe_in_an_address() {
        assert!(is_token("VCQgs5qZZt3Q6fn8Tr5EXAMPLEmLnwB7JjUc-SHwnUUWabcRdnWsi4DBn-dvC85wrD0Nla0eWS0Xl"));
        assert!(is_token(&"t".repeat(MAX_TOKEN_LENGTH)) && !is_token(&"t".repeat(MAX_TOKEN_LENGTH + 1)));
        for hostile in ["", " ", "a b", "a\nb", "a'b", "a\u{2019}b", "a&Destination=b", "a#b", "a%b", "a\0b", "é"] {
            assert!(!is_token(hostile), "{hostile:?}");
        }
    }

    fn page(console: &Console, region: Option<&str>) -> Result<String> {
        let role = "arn:aws:iam::123456789012:role/ReadOnly".parse().unwrap();
        let mut credentials = SessionCredentials::new("ASIA", "x".into(), "y".into(), jiff::Timestamp::MAX, role);
        credentials.region = region.map(str::to_owned);
        console.page("console.aws.amazon.com", &credentials).map(String::from)
    }

    #[test]
    fn the_token_goes_to_the_console_alone() {
        let to = |text: &str| page(&Console::new().destination(text), Some("eu-west-1"));
        assert_eq!(page(&Console::new(), None).unwrap(), "https://console.aws.amazon.com/console/home");
        assert_eq!(to("s3").unwrap(), "https://console.aws.amazon.com/s3/home?region=eu-west-1");
        assert!(to("https://eu-west-1.console.aws.amazon.com/lambda/home#/functions").is_ok());
        for outside in [
            "https://console.aws.amazon.com.evil.example/",
            "https://evilconsole.aws.amazon.com/",
            "http://console.aws.amazon.com/",
            "https://evil.example/?console.aws.amazon.com",
            "s3/../..",
            "",
        ] {
            assert_eq!(to(outside).unwrap_err().kind(), ErrorKind::InvalidArgument, "{outside}");
        }
    }
}
