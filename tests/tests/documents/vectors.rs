//! Reading, compared with the vectors.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempaccess_core::{
    Assertion, Error, SamlResponse,
    saml::{Inspection, Limits},
};
use tempaccess_tests::vectors::{self, Vector};

fn error(error: &Error) -> Value {
    json!({ "error": serde_json::to_value(error.report()).unwrap() })
}

/// Returns what reading finds, and the digest of the text that is printed. Other languages print the same, to the byte.
fn inspect(vector: &Vector) -> (Value, Value) {
    let input = vector.input();
    let assertion = SamlResponse::detect(&input, &Limits::default()).and_then(|response| response.read());
    let at_once = Assertion::read(&input, &Limits::default());
    assert_eq!(at_once.as_ref().map_err(error), assertion.as_ref().map_err(error), "{}", vector.file.display());
    match assertion {
        Ok(assertion) => {
            let at = vector.text("at").parse().unwrap();
            let text = serde_json::to_string(&Inspection::new(&assertion, at)).unwrap();
            let digest = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            (serde_json::from_str(&text).unwrap(), digest.into())
        }
        Err(why) => (error(&why), Value::Null),
    }
}

#[test]
fn reading() {
    let vectors = vectors::reading();
    assert!(vectors.len() > 40);
    for mut vector in vectors {
        let (found, digest) = inspect(&vector);
        if vectors::updating() {
            (vector.json["expect"], vector.json["sha256"]) = (found, digest);
            vector.save();
        } else {
            assert_eq!(vector.json["expect"], found, "{}", vector.file.display());
            assert_eq!(vector.json["sha256"], digest, "{}", vector.file.display());
        }
    }
}

#[test]
fn a_large_document_is_refused_before_it_is_read() {
    let error = SamlResponse::detect(&vec![b'A'; 50 << 20], &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "the SAML response is over the limit of 16,777,216 bytes of input");
}

#[cfg(unix)]
#[test]
fn files_that_never_end_are_refused() {
    use std::path::Path;

    use tempaccess_tests::cli::Machine;

    let machine = Machine::alone();
    let inspect = |file: &Path| machine.run_words(&["inspect", file.to_str().unwrap()], b"");
    let zero = inspect(Path::new("/dev/zero"));
    let expected = "error: cannot read `/dev/zero`: it is larger than 16777216 bytes\n";
    assert_eq!((zero.code, zero.stderr.as_str()), (4, expected));
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(2 << 30).unwrap();
    assert_eq!(inspect(&large).code, 4);
    assert_eq!(inspect(folder.path()).code, 4);
    // Nobody writes to the pipe, so it is empty.
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let empty = inspect(&pipe);
    assert_eq!((empty.code, empty.stderr.as_str()), (20, "error: the input is empty\n"));
}
