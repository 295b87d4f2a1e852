//! Texts of sealed grants and of requests, with a signer that signed none of them.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tempaccess_core::grants::RequestText;
use tempaccess_core::seal::{SealedGrant, Signers};

static SIGNERS: LazyLock<Signers> = LazyLock::new(|| {
    let line = "* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
    Signers::parse(line).expect("a line")
});

fuzz_target!(|text: &str| {
    if let Ok(sealed) = SealedGrant::parse(text) {
        assert!(sealed.verify(&SIGNERS, jiff::Timestamp::UNIX_EPOCH).is_err());
    }
    if let Ok(request) = RequestText::parse(text) {
        // What is written is found again, with the same id.
        let again = RequestText::parse(&request.to_text()).expect("a request");
        assert_eq!(again.id(), request.id());
    }
});
