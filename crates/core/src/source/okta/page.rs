//! The page behind the app's link: a form with the SAML response, a request for another step, or something else.

use http::{Response, StatusCode};
use url::Url;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, SamlResponse};
use crate::secret::SecretString;

use super::refusal;

pub(super) enum Page {
    Saml(SamlResponse),
    /// The app requires another authentication step, under this state token.
    StepUp(SecretString),
}

/// Reads the page that the link of an app, or of the org, leads to.
pub(super) fn read(answer: &Response<Zeroizing<Vec<u8>>>, link: &Url) -> Result<Page> {
    let host = link.host_str().unwrap_or_default();
    match answer.status() {
        StatusCode::OK => {}
        status @ StatusCode::TOO_MANY_REQUESTS => return Err(refusal::from_answer(status, None, link)),
        StatusCode::NOT_FOUND => {
            return Err(refused(
                &format!("`{host}` has no app at this link"),
                "copy the link from the tile of the AWS app on the Okta dashboard",
            ));
        }
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => {
            return Err(refused(
                "Okta does not let you use the app",
                "the Okta administrator assigns the AWS app to you, and checks its authentication policy",
            ));
        }
        status => {
            return Err(Error::new(
                ErrorKind::IdentityProviderError,
                Stage::SignIn,
                format!("unexpected HTTP status {} from the app's page", status.as_u16()),
            )
            .with_hint("try again; if it keeps failing, open the app's link in a browser"));
        }
    }
    match SamlResponse::detect(answer.body(), &Limits::default()) {
        Ok(response) => Ok(Page::Saml(response)),
        // Only a page with the field has a SAML response that can be malformed.
        Err(error) if error.kind() != ErrorKind::NoSamlResponse && has_response_field(answer.body()) => Err(error),
        Err(_) => match std::str::from_utf8(answer.body()).ok().and_then(state_token) {
            Some(state_token) => Ok(Page::StepUp(state_token)),
            None => Err(refused(
                "the app's page has no SAML response",
                "open the app's link in a browser: it may ask for something that only a browser can do",
            )),
        },
    }
}

fn has_response_field(page: &[u8]) -> bool {
    let field = b"SAMLResponse";
    page.windows(field.len()).any(|window| window == field)
}

pub(super) fn refused(message: &str, hint: &'static str) -> Error {
    Error::new(ErrorKind::IdentityProviderRefused, Stage::SignIn, message.to_owned()).with_hint(hint)
}

/// Returns the value of `var stateToken = '…';` in a script of the page, with its `\xNN` escapes decoded.
fn state_token(page: &str) -> Option<SecretString> {
    page.split("stateToken").skip(1).find_map(|after| {
        let value = after.trim_start_matches(['\'', '"']).trim_start();
        let value = value.strip_prefix(['=', ':'])?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (token, _) = value.get(1..)?.split_once(quote)?;
        unescape(token)
    })
}

fn unescape(text: &str) -> Option<SecretString> {
    let mut token = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once("\\x") {
        let (digits, after) = escape.split_at_checked(2)?;
        token.push_str(before);
        token.push(char::from(u8::from_str_radix(digits, 16).ok()?));
        rest = after;
    }
    token.push_str(rest);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    (!token.is_empty() && token.bytes().all(plain)).then(|| token.into())
}

#[cfg(test)]
mod tests {
    use super::state_token;

    #[test]
    fn state_tokens_are_found_and_decoded() {
        let found = |page: &str| state_token(page).map(|token| token.expose().to_owned());
        assert_eq!(found(r"<script>var stateToken = '00ab\x2Dcd\x5fe';</script>").as_deref(), Some("00ab-cd_e"));
        assert_eq!(found(r#"{"stateToken":"00x"}"#).as_deref(), Some("00x"));
        assert_eq!(found("var stateToken = ''; var stateToken = '00y';").as_deref(), Some("00y"));
        assert_eq!(found("var stateToken = '';"), None);
        assert_eq!(found(r"var stateToken = '\x2';"), None);
        assert_eq!(found("stateToken"), None);
        assert_eq!(found("var stateToken = 'a b';"), None);
    }
}
