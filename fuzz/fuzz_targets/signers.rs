//! Files of trusted signers, and keys that something is sealed to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::seal::{Namespace, Recipient, Signers};

fuzz_target!(|text: &str| {
    if let Ok(signers) = Signers::parse(text) {
        for line in signers.lines() {
            assert!(!line.fingerprint().is_empty());
        }
    }
    if let Ok(keys) = Recipient::parse_all(text) {
        for key in keys {
            let again: Recipient = key.to_string().parse().expect("a key");
            assert_eq!(again, key);
        }
    }
    if let Ok(line) = Signers::line("ada@example.com", text, Namespace::Grant) {
        Signers::parse(&line.to_string()).expect("what is written is read");
    }
});
