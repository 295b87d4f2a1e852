//! The form that an identity provider's page posts to AWS.

use html5gum::{DefaultEmitter, HtmlString, StartTag, StringReader, Token, Tokenizer};

use super::found::Found;
use crate::secret::{SecretBytes, SecretString};

/// Whether a document is HTML rather than XML, by its first element. The document is in an encoding in which ASCII is ASCII.
pub(super) fn is_page(document: &[u8]) -> bool {
    // Either may start with an XML declaration, instructions and comments.
    let mut rest = document.trim_ascii_start();
    loop {
        let end = if rest.starts_with(b"<?") {
            memchr::memmem::find(rest, b"?>").map(|end| end + 2)
        } else if rest.starts_with(b"<!--") {
            memchr::memmem::find(rest, b"-->").map(|end| end + 3)
        } else {
            None
        };
        match end.and_then(|end| rest.get(end..)) {
            Some(after) => rest = after.trim_ascii_start(),
            None => break,
        }
    }
    let starts = |text: &str| rest.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()));
    let ends_name = |byte: &u8| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace();
    starts("<!doctype html")
        || ELEMENTS.iter().any(|name| {
            starts("<")
                && rest.get(1..=name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
                && rest.get(1 + name.len()).is_some_and(ends_name)
        })
}

/// The elements that pages and copied parts of pages start with. SAML has none of these names.
const ELEMENTS: [&str; 27] = [
    "html", "head", "body", "form", "input", "script", "style", "meta", "title", "link", "base", "div", "span", "p",
    "center", "noscript", "template", "textarea", "table", "iframe", "main", "section", "header", "br", "h1", "h2",
    "pre",
];

/// Whether a text contains a form field somewhere, so that it is worth to look for tags in it.
pub(super) fn has_fields(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes).any(|start| {
        let rest = bytes.get(start + 1..).unwrap_or_default();
        ["input", "textarea"].iter().any(|name| {
            rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
                && rest.get(name.len()).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'/')
        })
    })
}

/// The values of the form fields `SAMLResponse` in a page, with the addresses that their forms are sent to.
pub(super) fn saml_responses(page: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut action = None;
    let mut tokens = tokenizer(page);
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::StartTag(tag) if is(&tag, "form") => action = attribute(&tag, "action").map(str::to_owned),
            Token::EndTag(tag) if tag.name.as_slice() == b"form" => action = None,
            Token::StartTag(tag) if is(&tag, "input") && attribute(&tag, "name") == Some("SAMLResponse") => {
                found.push(Found::base64(attribute(&tag, "value").unwrap_or_default()).sent_to(action.clone()));
            }
            Token::StartTag(tag) if is(&tag, "textarea") && attribute(&tag, "name") == Some("SAMLResponse") => {
                let value = text_until_end(&mut tokens, "textarea");
                found.push(Found::base64(String::from_utf8_lossy(&value).as_ref()).sent_to(action.clone()));
            }
            _ => {}
        }
    }
    found
}

/// Whether the page asks for a password: a sign-in form where a SAML response was expected.
pub(super) fn asks_for_password(page: &str) -> bool {
    start_tags(page).any(|tag| {
        is(&tag, "input") && attribute(&tag, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("password"))
    })
}

/// The text of a page, its character references resolved.
pub(super) fn text(page: &str) -> SecretString {
    let mut text = SecretBytes::with_capacity(page.len());
    for token in tokenizer(page) {
        if let Ok(Token::String(piece)) = token {
            text.extend_from_slice(&piece.value);
        }
    }
    text.into_string_lossy()
}

/// The encoding that a `meta` element names. `charset_of` takes it from a `Content-Type`.
pub(super) fn meta_charset(page: &str, charset_of: impl Fn(&str) -> Option<&str>) -> Option<String> {
    start_tags(page).filter(|tag| is(tag, "meta")).find_map(|tag| {
        if let Some(charset) = attribute(&tag, "charset") {
            return Some(charset.to_owned());
        }
        let is_content_type =
            attribute(&tag, "http-equiv").is_some_and(|name| name.trim().eq_ignore_ascii_case("content-type"));
        attribute(&tag, "content").filter(|_| is_content_type).and_then(&charset_of).map(str::to_owned)
    })
}

type Tokens<'p> = Tokenizer<StringReader<'p>, DefaultEmitter>;

fn tokenizer(page: &str) -> Tokens<'_> {
    let mut emitter = DefaultEmitter::default();
    // The content of a script, a style or a text area is text.
    emitter.naively_switch_states(true);
    Tokenizer::new_with_emitter(page, emitter)
}

fn start_tags(page: &str) -> impl Iterator<Item = StartTag<()>> {
    tokenizer(page).filter_map(|token| match token {
        Ok(Token::StartTag(tag)) => Some(tag),
        _ => None,
    })
}

fn text_until_end(tokens: &mut Tokens<'_>, name: &str) -> HtmlString {
    let mut text = HtmlString::default();
    while let Some(Ok(token)) = tokens.next() {
        match token {
            Token::String(piece) => text.extend_from_slice(&piece.value),
            Token::EndTag(tag) if tag.name.as_slice() == name.as_bytes() => break,
            _ => {}
        }
    }
    text
}

fn is(tag: &StartTag<()>, name: &str) -> bool {
    tag.name.as_slice() == name.as_bytes()
}

/// The value of an attribute, whose name is given in lower case. Character references are resolved.
fn attribute<'t>(tag: &'t StartTag<()>, name: &str) -> Option<&'t str> {
    std::str::from_utf8(tag.attributes.get(name.as_bytes())?.value.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(page: &str) -> Vec<(String, Option<String>)> {
        let value = |found: Found| (found.content().to_owned(), found.target().map(str::to_owned));
        saml_responses(page).into_iter().map(value).collect()
    }

    #[test]
    fn character_references_are_resolved() {
        let page = r#"<FORM action="https&#x3a;&#x2f;&#x2f;signin.aws.amazon.com&#x2f;saml" method=post>
            <INPUT type=submit value=Go><input value='a&#x2b;b&#61;' name="SAMLResponse"></form>"#;
        assert_eq!(values(page), [("a+b=".to_owned(), Some("https://signin.aws.amazon.com/saml".to_owned()))]);
    }

    #[test]
    fn scripts_comments_and_text_areas_contain_no_fields() {
        let page = r#"<script>var x = '<input name="SAMLResponse" value="no">';</script>
            <!-- <input name="SAMLResponse" value="no"> --><textarea><input name="SAMLResponse" value="no"></textarea>"#;
        assert!(values(page).is_empty());
    }

    #[test]
    fn a_text_area_is_a_field_itself() {
        let page = "<form><textarea name=SAMLResponse>\nPH\nN&#x3d;</textarea></form><input name=SAMLResponse>";
        assert_eq!(values(page), [("\nPH\nN=".to_owned(), None), (String::new(), None)]);
    }

    #[test]
    fn pages_and_documents() {
        for page in [
            "<!DOCTYPE HTML><p>",
            " \n<html lang=de>",
            "<?xml version='1.0'?>\n<!-- x --><HTML xmlns='http://www.w3.org/1999/xhtml'>",
            "<input/>",
            "<p>\u{e9}",
            "<form\taction=x>",
        ] {
            assert!(is_page(page.as_bytes()), "{page}");
        }
        for document in ["<a/>", "<p:Response/>", "<pre:a/>", "<htmlx/>", "<?xml?>", "<!-- <html>", "<", "", "html"] {
            assert!(!is_page(document.as_bytes()), "{document}");
        }
    }
}
