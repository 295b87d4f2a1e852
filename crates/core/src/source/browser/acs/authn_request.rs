//! The authentication request (SAML core 3.4) and the page that sends the browser off with it.

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use quick_xml::escape::escape;
use url::Url;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::source::AssertionRequest;
use crate::verify::SignOnBinding;

/// How the browser carries the request to the identity provider.
pub(super) enum Carrier {
    /// The redirect binding (SAML bindings 3.4): the address to go to.
    Redirect(Url),
    /// The POST binding (3.5): a page with a form that submits itself.
    Form(String),
}

impl Carrier {
    /// Packs `xml` for the binding of the sign-on address. `relay_state` comes back with the response.
    pub(super) fn new(xml: &str, sign_on: Url, binding: SignOnBinding, relay_state: &str) -> Result<Self> {
        if binding == SignOnBinding::Post {
            let field = |name: &str, value: &str| {
                format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
            };
            return Ok(Self::Form(html(&format!(
                "<form method=\"post\" action=\"{}\">{}{}<noscript><button>Sign in</button></noscript></form>\
                 <script>document.forms[0].submit()</script>",
                escape(sign_on.as_str()),
                field("SAMLRequest", &STANDARD.encode(xml)),
                field("RelayState", relay_state),
            ))));
        }
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        let packed = deflated.write_all(xml.as_bytes()).and_then(|()| deflated.finish()).map_err(|error| {
            Error::new(ErrorKind::Io, Stage::SignIn, "cannot compress the authentication request").with_source(error)
        })?;
        let mut url = sign_on;
        url.query_pairs_mut()
            .append_pair("SAMLRequest", &STANDARD.encode(packed))
            .append_pair("RelayState", relay_state);
        Ok(Self::Redirect(url))
    }
}

/// Writes an `AuthnRequest` with this ID, to be answered at `acs`.
pub(super) fn authn_request(
    id: &str,
    sign_on: &Url,
    acs: &Url,
    request: &AssertionRequest<'_>,
    now: Timestamp,
) -> String {
    let force = if request.force_authn { " ForceAuthn=\"true\"" } else { "" };
    // Whole seconds: some parsers reject fractions.
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\" \
         Destination=\"{}\" ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         AssertionConsumerServiceURL=\"{}\"{force}><saml:Issuer>{}</saml:Issuer></samlp:AuthnRequest>",
        escape(sign_on.as_str()),
        escape(acs.as_str()),
        escape(request.audience),
    )
}

/// A small page of ours.
pub(super) fn html(content: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>tempaccess</title>\
         <body style=\"font-family: sans-serif; margin: 4em\">{content}</body></html>"
    )
}
