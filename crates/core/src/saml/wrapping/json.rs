//! Finds SAML responses in JSON: what an identity provider's API answers, and what developer tools export (HAR files).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::found::{Found, MAX_FOUND};
use super::{html, text};
use crate::secret::SecretString;

/// Finds the SAML responses in a JSON text; `None` if it is not valid JSON.
///
/// A SAML response is
///
/// - the string itself, if the text is nothing but a string
/// - the value of a field `SAMLResponse`
/// - the value of an object `{"name": "SAMLResponse", "value": …}` or of a pair `["SAMLResponse", …]`
/// - inside a string that holds a form body, a page or other text with the name
/// - any string that looks like a whole SAML response in base64, if there is nothing of the above
pub(super) fn saml_responses(json: &str) -> Option<Vec<Found>> {
    let mut collector = Collector::default();
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let document = Node { collector: &mut collector, role: Role::Document };
    document.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(if collector.found.is_empty() { collector.unnamed } else { collector.found })
}

#[derive(Default)]
struct Collector {
    found: Vec<Found>,
    /// What looks like a SAML response, without the name.
    unnamed: Vec<Found>,
}

impl Collector {
    fn is_full(&self) -> bool {
        self.found.len() > MAX_FOUND
    }

    /// Takes the string that is a SAML response.
    fn take_value(&mut self, value: &str) {
        let value = value.trim();
        if self.is_full() {
            return;
        }
        if value.starts_with('<') && !html::is_page(value.as_bytes()) {
            self.found.push(Found::xml(value));
        } else if let Some(found) = text::bare_value(value) {
            self.found.push(found);
        } else {
            self.take_text(value);
        }
    }

    /// Takes a string that may contain a SAML response.
    fn take_text(&mut self, value: &str) {
        if self.is_full() {
            return;
        }
        let trimmed = value.trim_start();
        if html::is_page(trimmed.as_bytes()) {
            self.found.append(&mut html::saml_responses(trimmed));
            return;
        }
        let mut found = text::saml_responses(value);
        if found.is_empty() && self.unnamed.len() <= MAX_FOUND && value.len() >= 100 && value.starts_with('P') {
            self.unnamed.extend(text::bare_value(value));
        }
        self.found.append(&mut found);
    }
}

fn is_name(text: &str) -> bool {
    let plain = text.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase());
    plain.clone().eq(b"samlresponse".iter().copied()) || plain.eq(b"samlassertion".iter().copied())
}

/// What a JSON string is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The whole text.
    Document,
    /// A SAML response.
    Value,
    /// Anything, maybe with a SAML response inside.
    Any,
    /// Not known yet: other fields of the same object tell.
    Deferred,
}

/// One JSON value. Deserializing it gives the string, if it is deferred or short enough to be a name or an address.
struct Node<'c> {
    collector: &'c mut Collector,
    role: Role,
}

/// The longest string that is remembered as a name or an address.
const MAX_WORD: usize = 2_000;

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Option<SecretString>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Option<SecretString>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        match self.role {
            Role::Document | Role::Value => self.collector.take_value(value),
            Role::Any => self.collector.take_text(value),
            Role::Deferred => return Ok(Some(value.into())),
        }
        Ok((value.len() <= MAX_WORD).then(|| value.into()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let own = if self.role == Role::Value { Role::Value } else { Role::Any };
        let mut role = own;
        while let Some(text) = elements.next_element_seed(Node { collector: &mut *self.collector, role })? {
            // What follows a name in a pair is its value.
            role = if text.is_some_and(|text| is_name(text.expose())) { Role::Value } else { own };
        }
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let collector = self.collector;
        let first = collector.found.len();
        let (mut name, mut value, mut url) = (None, None, None);
        let (mut content, mut encoding) = (None, None);
        while let Some(key) = fields.next_key::<String>()? {
            let role = match key.as_str() {
                "value" | "text" => Role::Deferred,
                key if is_name(key) => Role::Value,
                _ => Role::Any,
            };
            let text = fields.next_value_seed(Node { collector: &mut *collector, role })?;
            match key.as_str() {
                "name" => name = text,
                "value" => value = text,
                "url" => url = text,
                "text" => content = text,
                "encoding" => encoding = text,
                _ => {}
            }
        }
        let is = |text: &Option<SecretString>, check: fn(&str) -> bool| {
            text.as_ref().is_some_and(|text| check(text.expose()))
        };
        match value {
            Some(value) if is(&name, is_name) => collector.take_value(value.expose()),
            Some(value) => collector.take_text(value.expose()),
            None => {}
        }
        match content {
            Some(content) if is(&encoding, |encoding| encoding == "base64") => {
                if let Ok(page) = super::base64::standard(content.expose().as_bytes()) {
                    collector.take_text(&super::encoding::decode_html(&page, None));
                }
            }
            Some(content) => collector.take_text(content.expose()),
            None => {}
        }
        // What a request of a HAR file contains is sent to its address.
        if let Some(url) = url {
            for found in collector.found.iter_mut().skip(first) {
                found.set_target(url.expose());
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "PHNhbWxwOlJl+c3BvbnNl/Lz4=";

    fn values(json: &str) -> Vec<(String, Option<String>)> {
        let value = |found: Found| (found.content().to_owned(), found.target().map(str::to_owned));
        saml_responses(json).unwrap().into_iter().map(value).collect()
    }

    #[test]
    fn named_values() {
        let percent = VALUE.replace('+', "%2B").replace('=', "%3D");
        for json in [
            format!("\"{VALUE}\""),
            format!("\"{}\"", VALUE.replace('/', "\\/").replace('=', "\\u003d")),
            format!("\"\\\"{VALUE}\\\"\""),
            format!(r#"{{"SAMLResponse":"{VALUE}","RelayState":""}}"#),
            format!(r#"{{"samlResponse":["{VALUE}"]}}"#),
            format!(r#"{{"status":200,"data":{{"saml_response":"{VALUE}"}}}}"#),
            format!(r#"{{"SAMLAssertion":"{VALUE}","DurationSeconds":3600}}"#),
            format!(r#"[{{"name":"RelayState","value":"x"}},{{"name":"SAMLResponse","value":"{percent}"}}]"#),
            format!(r#"[{{"value":"{percent}","name":"SAMLResponse"}}]"#),
            format!(r#"{{"post":[["SAMLResponse","{VALUE}"],["RelayState","x"]]}}"#),
            format!(r#"{{"body":"SAMLResponse={percent}&RelayState="}}"#),
            format!(r#"{{"html":"<form><input name='SAMLResponse' value='{VALUE}'></form>"}}"#),
            format!(r#"{{"value":{{"text":["x",{{"SAMLResponse":"{VALUE}"}}]}}}}"#),
        ] {
            assert_eq!(values(&json), [(VALUE.to_owned(), None)], "{json}");
        }
    }

    #[test]
    fn requests_of_a_har_file() {
        use ::base64::Engine as _;
        let page = "<html><form action='https://aws.example'><input name=SAMLResponse value=PHNhbWxwOlBhZ2U></form>";
        let encoded = ::base64::engine::general_purpose::STANDARD.encode(page);
        let har = format!(
            r#"{{"log":{{"entries":[
                {{"request":{{"url":"https://idp.example","headers":[{{"name":"a","value":"b"}}]}},
                  "response":{{"content":{{"text":"{encoded}","encoding":"base64"}}}}}},
                {{"request":{{"postData":{{"text":"SAMLResponse=PHNhbWxwOlBvc3Q","params":[]}},"url":"https://hub.example"}}}}]}}}}"#
        );
        assert_eq!(
            values(&har),
            [
                ("PHNhbWxwOlBhZ2U".to_owned(), Some("https://aws.example".to_owned())),
                ("PHNhbWxwOlBvc3Q".to_owned(), Some("https://hub.example".to_owned())),
            ]
        );
    }

    #[test]
    fn xml_in_a_string() {
        let found = saml_responses(r#""<samlp:Response ID=\"a\"/>""#).unwrap();
        assert!(found[0].is_xml());
        assert_eq!(found[0].content(), r#"<samlp:Response ID="a"/>"#);
    }

    #[test]
    fn a_value_without_a_name() {
        let long = VALUE.trim_end_matches('=').repeat(5);
        assert_eq!(values(&format!(r#"{{"data":"{long}","token":"x"}}"#)), [(long.clone(), None)]);
        assert_eq!(values(&format!(r#"{{"data":"{long}","SAMLResponse":"{VALUE}"}}"#)), [(VALUE.to_owned(), None)]);
    }

    #[test]
    fn other_json() {
        for json in ["{}", "null", "\"\"", "\"hello, world\"", r#"{"SAMLResponse":""}"#, r#"{"SAMLResponse":null}"#] {
            assert!(values(json).is_empty(), "{json}");
        }
        for text in ["{", "{a: 1}", "[1,]", "\"a\" b", &"[".repeat(10_000)] {
            assert!(saml_responses(text).is_none(), "{text}");
        }
    }
}
