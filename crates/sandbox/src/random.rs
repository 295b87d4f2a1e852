//! Random ids.

use rsa::rand_core::{OsRng, RngCore};

/// Returns a text of `length` characters from `alphabet`, which has at most 256 characters.
fn text(alphabet: &[u8], length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        OsRng.fill_bytes(&mut bytes);
        let fair = 256 - 256 % alphabet.len();
        let left = length - text.len();
        let picked = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        text.extend(
            picked.filter_map(|byte| alphabet.get(byte % alphabet.len())).take(left).map(|byte| char::from(*byte)),
        );
    }
    text
}

pub(crate) fn alphanumeric(length: usize) -> String {
    text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", length)
}

pub(crate) fn capitals(length: usize) -> String {
    text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length)
}

/// Returns a request id of AWS, which has the form of a UUID.
pub(crate) fn request_id() -> String {
    let digits = text(b"0123456789abcdef", 32);
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}
