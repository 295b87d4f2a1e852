//! Reading and choosing, held to the vectors.

use serde_json::{Value, json};
use tempaccess_core::{AccountNames, Error, Inspection, Limits, RoleQuery, SamlResponse};
use tempaccess_tests::vectors::{self, Vector};

fn error(error: &Error) -> Value {
    json!({ "error": serde_json::to_value(error.report()).unwrap() })
}

fn inspect(vector: &Vector) -> Value {
    let assertion = SamlResponse::detect(&vector.input(), &Limits::default()).and_then(|response| response.read());
    match assertion {
        Ok(assertion) => {
            let at = vector.text("at").parse().unwrap();
            serde_json::to_value(Inspection::new(&assertion, at)).unwrap()
        }
        Err(why) => error(&why),
    }
}

fn check(vector: &mut Vector, pointer: &str, found: Value) {
    let expected = vector.json.pointer_mut(pointer).unwrap();
    if vectors::updating() {
        *expected = found;
    } else {
        assert_eq!(*expected, found, "{}{pointer}", vector.file.display());
    }
}

#[test]
fn reading() {
    let vectors = vectors::reading();
    assert!(vectors.len() > 40);
    for mut vector in vectors {
        let found = inspect(&vector);
        check(&mut vector, "/expect", found);
        if vectors::updating() {
            vector.save();
        }
    }
}

#[test]
fn choosing() {
    let mut vector = Vector::load(&vectors::folder().join("select.json"));
    let assertion = SamlResponse::detect(&vector.input(), &Limits::default()).unwrap().read().unwrap();
    for at in 0..vector.json["cases"].as_array().unwrap().len() {
        let case = &vector.json["cases"][at];
        let part = |name: &str| case["query"][name].as_str().map(str::to_owned);
        let names: AccountNames = serde_json::from_value(case["names"].clone()).unwrap_or_default();
        let query = RoleQuery::from_parts(part("role"), part("account"), part("provider"));
        let found = match query.choose(assertion.offers().unwrap(), &names) {
            Ok(offer) => serde_json::to_value(offer).unwrap(),
            Err(why) => json!({ "error": why.kind().as_str(), "hint": why.hint() }),
        };
        check(&mut vector, &format!("/cases/{at}/expect"), found);
    }
    if vectors::updating() {
        vector.save();
    }
}

#[test]
fn a_large_document_is_refused_before_it_is_read() {
    let error = SamlResponse::detect(&vec![b'A'; 50 << 20], &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "the SAML response is over the limit of 16,777,216 bytes of input");
}
