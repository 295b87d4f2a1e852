//! Reads and judges arbitrary documents.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::{
    Assertion, RoleQuery, SamlResponse,
    role::AccountNames,
    saml::{Inspection, Limits},
};

fuzz_target!(|input: &str| {
    let Ok(response) = SamlResponse::detect(input.as_bytes(), &Limits::default()) else { return };
    let Ok(assertion) = response.read() else { return };
    assert_eq!(Assertion::read(input.as_bytes(), &Limits::default()).as_ref().ok(), Some(&assertion));
    let _ = Inspection::new(&assertion, jiff::Timestamp::UNIX_EPOCH);
    if let Ok(offers) = assertion.offers() {
        let _ = RoleQuery::new().role("*").choose(offers, &AccountNames::new());
    }
});
