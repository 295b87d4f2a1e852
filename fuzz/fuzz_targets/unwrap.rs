//! Whatever holds a SAML response: base64, DEFLATE, HTML, SOAP. What is unwrapped once is unwrapped again from its base64.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::{Limits, SamlResponse};

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    if let Ok(response) = SamlResponse::detect(input, &limits) {
        assert!(response.xml().len() <= limits.xml_bytes);
        if let Ok(again) = SamlResponse::detect(response.encoded().expose().as_bytes(), &limits) {
            assert_eq!(again.encoded().expose(), response.encoded().expose());
        }
    }
});
