//! Forms, percent-encoding and dates, as HTTP writes them.

/// Returns the pairs of a form or a query (`application/x-www-form-urlencoded`).
pub(crate) fn form_pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|field| !field.is_empty()).map(|field| {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        (decode_field(name), decode_field(value))
    })
}

/// Decodes a field of a form, where `+` is a space.
fn decode_field(text: &str) -> String {
    decode_component(&text.replace('+', " "))
}

/// Decodes a percent-encoded text.
pub(crate) fn decode_component(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        rest = match escaped {
            Some(byte) => {
                bytes.push(byte);
                after.get(2..).unwrap_or_default()
            }
            None => {
                bytes.push(*first);
                after
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(crate) fn encode_component(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// Formats an HTTP date: `Tue, 24 Nov 2026 03:42:50 GMT`.
pub(crate) fn http_date(now: jiff::Timestamp) -> String {
    now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn pairs_are_decoded() {
        let pairs: Vec<_> = super::form_pairs("a=1%2B1&b=x+y&c&d=100%").collect();
        let expected = [("a", "1+1"), ("b", "x y"), ("c", ""), ("d", "100%")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn components_are_encoded_and_decoded() {
        let encoded = super::encode_component("a+b c/é~");
        assert_eq!(encoded, "a%2Bb%20c%2F%C3%A9~");
        assert_eq!(super::decode_component(&encoded), "a+b c/é~");
    }
}
