//! Public SAML documents of other projects, where they are at hand: `TEMPACCESS_CORPUS` names their folder, which holds
//! an `INDEX.tsv` with a verdict for each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempaccess_core::{ErrorKind, Inspection, Limits, SamlResponse};

/// Why an honest document may be refused.
fn is_right_reason(kind: ErrorKind, message: &str, name: &str) -> bool {
    match kind {
        // An assertion inside another's advice is an assertion too many.
        ErrorKind::MultipleAssertions => name.contains("advice"),
        ErrorKind::MalformedResponse => {
            message.contains("`LogoutResponse`, not a SAML 2.0 `Response`")
                || message.contains("is not in the namespace of SAML 2.0")
        }
        _ => false,
    }
}

#[test]
fn honest_documents_are_read_and_nothing_panics() {
    let Some(folder) = std::env::var_os("TEMPACCESS_CORPUS").map(PathBuf::from) else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let mut read = BTreeMap::<&str, (usize, usize)>::new();
    for row in index.lines().skip(1) {
        let fields: Vec<_> = row.split('\t').collect();
        let (name, verdict) = (fields[0], fields[3]);
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let result = SamlResponse::detect(&bytes, &Limits::default()).and_then(|response| response.read());
        let counts = read.entry(verdict).or_default();
        match &result {
            Ok(assertion) => {
                counts.0 += 1;
                let inspection = Inspection::new(assertion, jiff::Timestamp::UNIX_EPOCH);
                assert!(serde_json::to_string(&inspection).is_ok());
            }
            Err(_) => counts.1 += 1,
        }
        if let ("valid" | "valid-assertion" | "parse-only" | "decrypt" | "reject-profile", Err(error)) =
            (verdict, &result)
        {
            assert!(is_right_reason(error.kind(), error.message(), name), "{name}: {error}");
        }
    }
    assert!(read["valid"].0 > 50 && read["parse-only"].0 > 60, "{read:?}");
}
