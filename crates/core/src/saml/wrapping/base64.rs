//! Base64 in both alphabets, with or without padding, decoded with SIMD where there is some.

use std::sync::LazyLock;

use ::base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use ::base64::{DecodeError, DecodeSliceError, Engine as _, decoded_len_estimate};
use zeroize::Zeroizing;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod engine {
    use ::base64::engine::GeneralPurposeConfig;
    pub(super) use ::base64::engine::Simd as Engine;

    pub(super) fn standard(config: GeneralPurposeConfig) -> Engine {
        Engine::standard(config)
    }

    pub(super) fn url_safe(config: GeneralPurposeConfig) -> Engine {
        Engine::url_safe(config)
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod engine {
    use ::base64::alphabet;
    pub(super) use ::base64::engine::GeneralPurpose as Engine;
    use ::base64::engine::GeneralPurposeConfig;

    pub(super) fn standard(config: GeneralPurposeConfig) -> Engine {
        Engine::new(&alphabet::STANDARD, config)
    }

    pub(super) fn url_safe(config: GeneralPurposeConfig) -> Engine {
        Engine::new(&alphabet::URL_SAFE, config)
    }
}

static STANDARD: LazyLock<engine::Engine> = LazyLock::new(|| engine::standard(LENIENT));
static URL_SAFE: LazyLock<engine::Engine> = LazyLock::new(|| engine::url_safe(LENIENT));

/// Decodes the standard alphabet (RFC 4648, section 4). After an error, what was decoded so far is wiped.
pub(super) fn standard(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    decode(&STANDARD, text)
}

/// Decodes the standard or the URL-safe alphabet.
pub(super) fn either(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    decode(if memchr::memchr2(b'-', b'_', text).is_some() { &URL_SAFE } else { &STANDARD }, text)
}

fn decode(engine: &engine::Engine, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, DecodeError> {
    let mut bytes = Zeroizing::new(vec![0; decoded_len_estimate(text.len())]);
    let length = engine.decode_slice(text, &mut bytes).map_err(|error| match error {
        DecodeSliceError::DecodeError(error) => error,
        DecodeSliceError::OutputSliceTooSmall => DecodeError::InvalidLength(text.len()),
    })?;
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use ::base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    /// Long enough for SIMD, and with every length of the rest.
    #[test]
    fn both_alphabets_and_positions_of_errors() {
        for length in 300..306 {
            let bytes: Vec<u8> = (0..length).map(|byte| (byte * 37) as u8).collect();
            let (text, url_safe) = (STANDARD.encode(&bytes), URL_SAFE.encode(&bytes));
            assert_eq!(*standard(text.as_bytes()).unwrap(), bytes);
            assert_eq!(*either(text.trim_end_matches('=').as_bytes()).unwrap(), bytes);
            assert_eq!(*either(url_safe.as_bytes()).unwrap(), bytes);
            assert!(url_safe == text || standard(url_safe.as_bytes()).is_err());
            for at in [0, 31, 64, 200, 390] {
                let mut broken = text.clone().into_bytes();
                broken[at] = b'!';
                assert_eq!(either(&broken), Err(DecodeError::InvalidByte(at, b'!')));
            }
        }
    }
}
