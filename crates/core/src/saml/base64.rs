//! Base64 in both alphabets, padded or not, decoded as wide as the machine can.

use std::sync::LazyLock;

use ::base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use ::base64::{DecodeError, Engine as _};

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

/// Decodes what may be in the alphabet of RFC 4648, section 4, alone.
pub(super) fn standard(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(text)
}

/// Decodes either alphabet.
pub(super) fn either(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    if memchr::memchr2(b'-', b'_', text).is_some() { URL_SAFE.decode(text) } else { STANDARD.decode(text) }
}
