//! Public SAML documents of other projects. `TEMPACCESS_CORPUS` names their folder, with an `INDEX.tsv` that has a verdict
//! for each; without it, the tests do nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempaccess_core::verify::{Engine, Expectations, SignaturePolicy, TrustedKeys, Verifier};
use tempaccess_core::{
    Assertion, ErrorKind, SamlResponse,
    saml::{Inspection, Limits},
};

/// Whether an honest document may be refused for this reason.
fn is_right_reason(kind: ErrorKind, message: &str, name: &str) -> bool {
    match kind {
        // An assertion in the advice of another one counts as a second assertion.
        ErrorKind::MultipleAssertions => name.contains("advice"),
        ErrorKind::MalformedResponse => {
            message.contains("`LogoutResponse`, not a SAML 2.0 `Response`")
                || message.contains("is not in the namespace of SAML 2.0")
        }
        _ => false,
    }
}

/// The folder with documents of other projects, which are not in the repository.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("TEMPACCESS_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        tempaccess_tests::parts::skip("TEMPACCESS_CORPUS does not name the folder of the corpus");
    }
    folder
}

#[test]
fn honest_documents_are_read_without_a_panic() {
    let Some(folder) = corpus() else { return };
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

/// The columns of the index that are used here.
struct Row<'i> {
    name: &'i str,
    verdict: &'i str,
    clock: jiff::Timestamp,
    certificate: Vec<u8>,
    document: Vec<u8>,
}

fn rows<'i>(index: &'i str, folder: &std::path::Path) -> Vec<Row<'i>> {
    let row = |line: &'i str| {
        let fields: Vec<_> = line.split('\t').collect();
        let (name, verdict, clock, certificate) = (fields[0], fields[3], fields[4], fields[5]);
        (certificate != "-").then(|| Row {
            name,
            verdict,
            clock: clock.parse().unwrap_or(jiff::Timestamp::UNIX_EPOCH),
            certificate: std::fs::read(folder.join(certificate)).unwrap(),
            document: std::fs::read(folder.join(name)).unwrap(),
        })
    };
    index.lines().skip(1).filter_map(row).collect()
}

/// Expects the audience and recipient of the document itself, since the documents were made for many services.
fn own_expectations(assertion: &Assertion) -> Expectations {
    let audience = assertion.audiences.first().cloned().unwrap_or_default();
    Expectations::new(audience, assertion.recipient().unwrap_or_default())
}

fn by_core(row: &Row<'_>, policy: SignaturePolicy, engine: Engine) -> Result<(), String> {
    let text = |error: tempaccess_core::Error| format!("{}: {error}", error.kind().as_str());
    let verifier = Verifier::new(TrustedKeys::parse(&row.certificate).map_err(text)?).policy(policy).engine(engine);
    let response = SamlResponse::detect(&row.document, &Limits::default()).map_err(text)?;
    let expected = own_expectations(&response.read().map_err(text)?);
    verifier.verify(&response, &expected, row.clock).map(drop).map_err(text)
}

/// Whether bergshamra finds every signature valid under the certificate. It judges signatures, not SAML.
fn by_bergshamra(row: &Row<'_>) -> Result<(), String> {
    let xml = std::str::from_utf8(&row.document).map_err(|error| error.to_string())?;
    let key = bergshamra::keys::loader::load_x509_cert_pem(&row.certificate).map_err(|error| error.to_string())?;
    let mut keys = bergshamra::KeysManager::new();
    keys.add_key(key);
    let results =
        bergshamra::verify_all(&bergshamra::DsigContext::new(keys), xml).map_err(|error| error.to_string())?;
    let valid = |result: &bergshamra::VerifyResult| matches!(result, bergshamra::VerifyResult::Valid { .. });
    if !results.is_empty() && results.iter().all(valid) {
        Ok(())
    } else {
        Err("not every signature is valid".to_owned())
    }
}

#[cfg(feature = "samael")]
fn by_samael(row: &Row<'_>, policy: SignaturePolicy) -> Option<Result<(), String>> {
    Some(by_core(row, policy, Engine::Xmlsec))
}

#[cfg(not(feature = "samael"))]
fn by_samael(_: &Row<'_>, _: SignaturePolicy) -> Option<Result<(), String>> {
    None
}

/// The documented reasons for which the strict verifier refuses documents with a valid signature.
const DOCUMENTED: [&str; 15] = [
    // Shapes that the SAML profile does not have.
    "forbidden_construct: a signature is not a direct child",
    "forbidden_construct: the signature does not refer to the element that contains it",
    "forbidden_construct: two elements have the same id",
    "forbidden_construct: the signature uses a canonicalization other than the exclusive one",
    "forbidden_construct: the transforms of the signature are not the enveloped one and exclusive canonicalization",
    "forbidden_construct: the signature contains elements that the SAML profile does not allow",
    "multiple_assertions: ",
    "encrypted_assertion: ",
    // Assertions that lack what is needed to rely on them.
    "assertion_not_accepted: the confirmation of the subject has no `NotOnOrAfter`",
    "assertion_not_accepted: the subject does not have exactly one confirmation",
    "assertion_not_accepted: the assertion has no statement of a sign-in",
    "assertion_not_accepted: the assertion has no audience",
    "assertion_not_accepted: the recipient is ``",
    // Also for an encrypted name.
    "assertion_not_accepted: the assertion has no subject",
    "malformed_response: the root element is `LogoutResponse`",
];

/// Signed documents that only the profile of another service refuses.
const NOT_OURS: [&str; 3] = [
    // An attribute that is given twice: its values are combined, or reported as a problem.
    "duplicated_attributes",
    // A response without an issuer, which is optional if the assertion has one.
    "no_issuer_response",
    // A name qualified for another service.
    "wrong_spnamequalifier",
];

#[test]
fn forgeries_are_refused_and_refusals_have_documented_reasons() {
    let Some(folder) = corpus() else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let lenient = SignaturePolicy::default().allow_sha1().allow_short_rsa().allow_expired_certificate();
    let mut table = "| document | verdict | core, strict | core, lenient | bergshamra | libxmlsec1 |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
    let mut wrong = Vec::new();
    let mut accepted = BTreeMap::<&str, [usize; 4]>::new();
    for row in rows(&index, &folder) {
        let strict = by_core(&row, SignaturePolicy::default(), Engine::Own);
        let loose = by_core(&row, lenient, Engine::Own);
        let bergshamra = by_bergshamra(&row);
        let samael = by_samael(&row, lenient);
        let counts = accepted.entry(row.verdict).or_default();
        for (count, ok) in counts.iter_mut().zip([
            strict.is_ok(),
            loose.is_ok(),
            bergshamra.is_ok(),
            samael.as_ref().is_some_and(Result::is_ok),
        ]) {
            *count += usize::from(ok);
        }
        match row.verdict {
            "must-reject" | "reject-profile"
                if loose.is_ok()
                    && !(row.verdict == "reject-profile" && NOT_OURS.iter().any(|name| row.name.contains(name))) =>
            {
                wrong.push(format!("{}: accepted", row.name));
            }
            "valid" | "valid-assertion" => {
                if let Err(why) = &loose
                    && !DOCUMENTED.iter().any(|documented| why.starts_with(documented))
                {
                    wrong.push(format!("{}: {why}", row.name));
                }
            }
            _ => {}
        }
        // A document that no other engine accepts is a forgery, or we have a bug.
        if loose.is_ok() && bergshamra.is_err() && matches!(&samael, Some(Err(_))) {
            wrong.push(format!("{}: not accepted by any other engine", row.name));
        }
        let cell = |result: &Result<(), String>| match result {
            Ok(()) => "accepted".to_owned(),
            Err(why) => why.replace('|', "/").replace('\n', " ").chars().take(160).collect(),
        };
        let samael = samael.as_ref().map_or_else(|| "-".to_owned(), cell);
        table += &format!(
            "| {} | {} | {} | {} | {} | {samael} |\n",
            row.name,
            row.verdict,
            cell(&strict),
            cell(&loose),
            cell(&bergshamra)
        );
    }
    table += &format!("\naccepted, by verdict: core strict, core lenient, bergshamra, libxmlsec1\n\n{accepted:#?}\n");
    std::fs::write(tempaccess_tests::workspace().join("target/corpus.md"), table).unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted["valid"][1] > 40, "{accepted:?}");
}
