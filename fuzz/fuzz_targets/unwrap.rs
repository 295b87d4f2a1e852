//! Unwraps arbitrary bytes. What is sent to STS must be what was read: unwrapping the base64 gives the same document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::{SamlResponse, saml::Limits};

fuzz_target!(|input: &[u8]| {
    let limits = Limits::default();
    if let Ok(response) = SamlResponse::detect(input, &limits) {
        assert!(response.xml().len() <= limits.xml_bytes);
        // Of a document that ends in the middle, the base64 may be repaired.
        if response.xml().trim_ascii_end().ends_with('>')
            && let Ok(again) = SamlResponse::detect(response.encoded().expose().as_bytes(), &limits)
        {
            assert_eq!(again.xml(), response.xml());
        }
    }
});
