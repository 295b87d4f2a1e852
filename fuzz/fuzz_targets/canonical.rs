//! Canonicalizes arbitrary documents. A canonical form is a document whose canonical form is itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::saml::Limits;
use tempaccess_core::verify::canonicalize;

fuzz_target!(|input: (&str, Vec<&str>)| {
    let (xml, prefixes) = input;
    let limits = Limits::default();
    let Ok(form) = canonicalize(xml, None, &[], &limits) else { return };
    let form = String::from_utf8(form).expect("UTF-8 stays UTF-8");
    // Escapes make it longer, so it may exceed the limits.
    if let Ok(again) = canonicalize(&form, None, &[], &limits) {
        assert_eq!(again, form.as_bytes());
    }
    let _ = canonicalize(xml, None, &prefixes, &limits);
});
