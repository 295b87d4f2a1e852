use std::io::Write as _;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::{STANDARD, URL_SAFE};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::error::{ErrorKind, Result};
use crate::saml::{Limits, SamlResponse};

const XML: &str = "<samlp:Response>é??>></samlp:Response>";

fn detect(input: impl AsRef<[u8]>) -> Result<SamlResponse> {
    let response = SamlResponse::detect(input.as_ref(), &Limits::default())?;
    // What STS reads is what was read here.
    let again = SamlResponse::detect(response.encoded().expose().as_bytes(), &Limits::default())?;
    assert_eq!(again.xml(), response.xml());
    Ok(response)
}

fn message(input: impl AsRef<[u8]>) -> String {
    detect(input).unwrap_err().to_string()
}

fn deflated(bytes: &[u8]) -> String {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    STANDARD.encode(encoder.finish().unwrap())
}

#[test]
fn the_original_base64_is_kept() {
    let standard = STANDARD.encode(XML);
    let wrapped = format!("{}\r\n{}", &standard[..20], &standard[20..]);
    for original in
        [standard.as_str(), &wrapped, &URL_SAFE.encode(XML), standard.trim_end_matches('='), &deflated(XML.as_bytes())]
    {
        let response = detect(format!("\n{original}\n")).unwrap();
        assert_eq!(response.encoded().expose(), original);
        assert_eq!(response.xml(), XML);
    }
}

#[test]
fn spaces_are_plus_signs_or_line_breaks() {
    let plus = STANDARD.encode("<a>\u{3e}\u{3e}\u{fb}\u{3e}</a>");
    assert!(plus.contains('+'), "{plus}");
    assert!(plus.ends_with('+'), "{plus}");
    for text in [plus.replace('+', " "), format!("{}\n", plus.replace('+', " ")), plus.trim_end_matches('+').to_owned()]
    {
        assert_eq!(detect(text).unwrap().encoded().expose(), plus);
    }
    let standard = STANDARD.encode(XML);
    let wrapped = format!("{} {}\n{}", &standard[..11], &standard[11..23], &standard[23..]);
    assert_eq!(detect(&wrapped).unwrap().xml(), XML);
}

#[test]
fn a_form_body_and_its_percent_encoding() {
    let standard = STANDARD.encode(XML);
    let percent = standard.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D");
    for body in [format!("RelayState=x&SAMLResponse={percent}"), percent, format!("\"{standard}\"")] {
        assert_eq!(detect(body).unwrap().encoded().expose(), standard);
    }
}

#[test]
fn xml_is_sent_in_its_own_encoding() {
    let declaration = "<?xml version='1.0' encoding='ISO-8859-1'?>";
    let latin1: Vec<u8> = format!("{declaration}<a>é</a>").chars().map(|c| c as u8).collect();
    let response = detect([b"\n".as_slice(), &latin1, b"\n"].concat()).unwrap();
    assert_eq!(response.xml(), format!("{declaration}<a>é</a>"));
    assert_eq!(response.encoded().expose(), STANDARD.encode(&latin1));
    let utf16: Vec<u8> = "\u{FEFF}<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(detect(&utf16).unwrap().encoded().expose(), STANDARD.encode(&utf16));
    let with_mark = "\u{FEFF}<a>é</a>";
    assert_eq!(detect(with_mark).unwrap().encoded().expose(), STANDARD.encode(with_mark));
    // Out of a string, there are no bytes to send as they are.
    let quoted = format!("\"{declaration}<a>é</a>\"");
    assert_eq!(detect(quoted).unwrap().xml(), "<a>é</a>");
}

#[test]
fn several_responses_in_one_page() {
    let one = STANDARD.encode(XML);
    let form = format!("<html><form><input name=SAMLResponse value='{one}'></form></html>");
    let page = format!("<!-- hi --><html><body>please wait</body></html>{form}{form}");
    assert_eq!(detect(&page).unwrap().xml(), XML);
    let other = page.replacen(&one, &STANDARD.encode("<other/>"), 1);
    assert_eq!(message(&other), "the page contains 2 different SAML responses");
    let addressed = other.replacen("<form>", "<form action='https://hub.example/saml'>", 1).replacen(
        "<form>",
        "<form action='https://eu-west-1.signin.aws.amazon.com/saml'>",
        1,
    );
    assert_eq!(detect(&addressed).unwrap().xml(), XML);
    assert_eq!(
        message(addressed.replace("hub.example", "signin.aws.amazon.com")),
        "the page contains 2 different SAML responses"
    );
}

#[test]
fn pages_without_a_response() {
    let error = detect("<!DOCTYPE HTML><form><input type=PassWord></form>").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSamlResponse);
    assert_eq!(error.hint(), Some("it is a sign-in page: the sign-in did not finish"));
    assert_eq!(
        message("<html><input name=SAMLResponse value=' '>"),
        "the form field `SAMLResponse` of the page is empty"
    );
    assert_eq!(message("<html>"), "the page contains no form with a field `SAMLResponse`");
}

#[test]
fn messages_of_http() {
    let standard = STANDARD.encode(XML);
    let page = format!("<html><form><input name=SAMLResponse value='{standard}'></form></html>");
    for text in [
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{page}"),
        format!("< HTTP/1.1 200 OK\n< content-type: text/html\n<\n{page}"),
        format!("HTTP/2 200\ncontent-type: text/xml\n\n{XML}"),
        format!("POST /saml HTTP/1.1\r\nHost: signin.aws.amazon.com\r\n\r\nSAMLResponse={standard}"),
    ] {
        assert_eq!(detect(&text).unwrap().xml(), XML, "{text}");
    }
}

#[test]
fn xml_in_other_text() {
    let xml = "<p:Response xmlns:p=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"a\">&lt;</p:Response>";
    let escaped = xml.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;");
    for text in
        [format!("The document tree is shown below.\n{xml}\n"), format!("2026-11-24 DEBUG saml: '{xml}'"), escaped]
    {
        assert_eq!(detect(&text).unwrap().xml(), xml, "{text}");
    }
}

/// In UTF-8, in which XML is sent that was found in something else, it would be another document.
#[test]
fn xml_that_would_be_decoded_differently() {
    let protocol = crate::saml::names::PROTOCOL;
    let utf16: String = "<r/>".chars().flat_map(|c| [c, '\0']).collect();
    let declared = format!("<?xml version='1.0'?><?xml version='1.0' encoding='KOI8-R'?><é x='{protocol}'/>");
    let prefixed = format!(
        "<S:Envelope xmlns:S='http://schemas.xmlsoap.org/soap/envelope/'><S:Body><\0:Response xmlns:\0='{protocol}'/></S:Body></S:Envelope>"
    );
    for input in [format!("text {utf16}{protocol}>"), format!("text {declared}"), prefixed] {
        assert_eq!(message(input), "the SAML response contains a zero character, or a second XML declaration");
    }
}

#[test]
fn an_http_charset_decodes_a_page() {
    let page = format!("<html><form><input name=SAMLResponse value='{}'></form></html>", STANDARD.encode(XML));
    let limits = Limits::default();
    // In ISO-2022-JP, `ESC ( J` makes ASCII of what follows.
    let escaped = format!("<html>\u{1b}$B$\"\u{1b}(B{page}");
    let response = SamlResponse::detect_http(escaped.as_bytes(), Some("text/html; charset=iso-2022-jp"), &limits);
    assert_eq!(response.unwrap().xml(), XML);
}

#[test]
fn a_deflate_bomb_is_refused_by_its_ratio() {
    assert_eq!(
        message(deflated(&vec![b'<'; 8 << 20])),
        "the SAML response is over the limit of 200 times its DEFLATEd size"
    );
}

#[test]
fn too_many_responses() {
    let fields: String =
        (0..100).map(|n| format!("SAMLResponse={}&", STANDARD.encode(format!("<a>{n}</a>")))).collect();
    assert_eq!(message(fields), "the SAML response is over the limit of 64 responses in one input");
}

#[test]
fn inputs_without_a_response() {
    for (input, expected) in [
        (" \n", "the input is empty"),
        ("\u{feff}", "the input is empty"),
        ("hello, world", "the input contains no SAML response: it is neither XML, nor HTML, nor base64"),
        ("PHNhb", "the SAML response is base64 that is cut off"),
        ("aGVsbG8=", "the input is base64, but it does not contain XML"),
        ("PHNhbWxwOlJlc3BvbnNlPjwv!", "the input is neither XML, nor HTML, nor base64, which ends at character 25"),
        ("PHNhbWxw=OlJlc3BvbnNlPjwv", "the input is neither XML, nor HTML, nor base64, which ends at character 10"),
        ("curl 'https://acme.okta.com/app'", "the input is a cURL command without a SAML response"),
        ("{\"log\":{\"entries\":[]}}", "the input is a HAR file without a SAML response"),
        ("{\"SAMLResponse\":\"\"}", "the input is JSON without a SAML response"),
        ("{\"a\":", "the input is JSON without a SAML response"),
        ("Invoke-WebRequest -Uri x", "the input is a PowerShell command without a SAML response"),
        ("POST /saml HTTP/1.1\nHost: x", "the input is a list of HTTP headers without a SAML response"),
        (
            "https://acme.okta.com/sso?SAMLRequest=fZJ",
            "the input is an address with a SAML request, which asks for a SAML response",
        ),
        ("SAMLResponse: PHNhbWxwOlJl…c3BvbnNl", "the SAML response is abbreviated (`…`)"),
        ("curl x -d 'SAMLResponse=PHNhbWxwOlJlc'", "the SAML response is base64 that is cut off"),
    ] {
        assert_eq!(message(input), expected, "{input}");
    }
}
