//! Verifying, held to vectors that other libraries signed. Their format is in `tests/vectors/README.md`.

use tempaccess_core::verify::{Engine, Expectations, SignaturePolicy, TrustedKeys, Verifier};
use tempaccess_core::{Limits, SamlResponse};
use tempaccess_tests::vectors::{self, SignedVector};

fn policy(names: &str) -> SignaturePolicy {
    names.split_ascii_whitespace().fold(SignaturePolicy::default(), |policy, name| match name {
        "allow-sha1" => policy.allow_sha1(),
        "allow-short-rsa" => policy.allow_short_rsa(),
        "allow-expired-certificate" => policy.allow_expired_certificate(),
        other => panic!("unknown policy {other}"),
    })
}

/// The names of the roles, or the kind of the error.
fn verify(vector: &SignedVector, engine: Engine) -> Result<String, String> {
    let key = std::fs::read(vector.folder().join(vector.field("key").unwrap())).unwrap();
    let keys = TrustedKeys::parse(&key).unwrap();
    let verifier = Verifier::new(keys).policy(policy(vector.field("policy").unwrap_or_default())).engine(engine);
    let mut expected = Expectations::aws();
    if let Some(request) = vector.field("in-response-to") {
        expected = expected.in_response_to(request);
    }
    let now = vector.field("clock").unwrap().parse().unwrap();
    let verified = SamlResponse::detect(vector.document.as_bytes(), &Limits::default())
        .and_then(|response| verifier.verify(&response, &expected, now));
    match verified {
        Ok(assertion) => {
            assert!(engine != Engine::Own || !assertion.signatures().is_empty());
            Ok(assertion.aws.roles.iter().map(|offer| offer.role().name()).collect::<Vec<_>>().join(" "))
        }
        Err(error) => Err(format!("{}: {error}", error.kind().as_str())),
    }
}

#[test]
fn every_vector_is_judged_as_it_says() {
    let vectors = vectors::signed();
    assert!(vectors.len() > 90, "{}", vectors.len());
    let mut wrong = Vec::new();
    for vector in &vectors {
        let expected = vector.field("verdict").unwrap();
        let found = verify(vector, Engine::Own);
        let fits = match &found {
            Ok(roles) => expected == "verified" && vector.field("roles") == Some(roles),
            Err(error) => error.split(':').next() == Some(expected),
        };
        if !fits {
            wrong.push(format!("{}: expected {expected}, found {found:?}", vector.file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// samael looks for what libxmlsec1 digested in the document as it is written, where a comment or CDATA hides it.
#[cfg(feature = "samael")]
const UNMATCHED: [&str; 4] =
    ["cdata-in-role.vector", "comment-in-role.vector", "comment-in-subject.vector", "comment-moves-nothing.vector"];

/// libxmlsec1 knows no profile; it must agree wherever the signature or the conditions decide.
#[cfg(feature = "samael")]
#[test]
fn libxmlsec1_agrees_about_signatures_and_conditions() {
    let mut wrong = Vec::new();
    for vector in vectors::signed() {
        let expected = vector.field("verdict").unwrap();
        let found = verify(&vector, Engine::Xmlsec);
        let fits = match (expected, &found) {
            // A bare key is none that samael takes.
            ("verified", Err(error)) => {
                error.contains("the trusted keys are bare ones")
                    || UNMATCHED.iter().any(|name| vector.file.ends_with(name))
            }
            ("signature_invalid" | "unsigned_assertion" | "assertion_not_accepted", Ok(_)) => false,
            _ => true,
        };
        if !fits {
            wrong.push(format!("{}: expected {expected}, found {found:?}", vector.file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn metadata_without_one_identity_provider_and_a_key_is_refused() {
    let metadata = std::fs::read_to_string(vectors::folder().join("verify/metadata.xml")).unwrap();
    let message = |text: String| TrustedKeys::parse(text.as_bytes()).unwrap_err().message().to_owned();
    let start = metadata.find("<md:IDPSSODescriptor").unwrap();
    let end = metadata.find("</md:EntityDescriptor>").unwrap();
    let provider = &metadata[start..end];
    assert_eq!(message(metadata.replace(provider, "")), "the metadata describes no identity provider");
    assert_eq!(
        message(metadata.replace(provider, &provider.repeat(2))),
        "the metadata describes more than one identity provider"
    );
    assert_eq!(
        message(metadata.replace("use=\"signing\"", "use=\"encryption\"")),
        "the metadata holds no certificate to verify signatures with"
    );
    assert_eq!(message(metadata.replace("MII", "?II")), "a certificate in the metadata is not base64");
    assert!(message(metadata.replace("entityID", "id")).contains("does not say the entity ID"));
    assert!(
        message(metadata.replace("</md:EntityDescriptor>", ""))
            .starts_with("the metadata cannot be read: it is cut off")
    );
    let either = TrustedKeys::parse(metadata.replace(" use=\"signing\"", "").as_bytes()).unwrap();
    assert_eq!((either.keys().len(), either.keys()[0].subject()), (1, Some("CN=idp")));
}

#[test]
fn namespaces_in_one_place_are_bounded() {
    let nested = |count: usize| {
        let declared =
            |range: std::ops::Range<usize>| range.map(|n| format!(" xmlns:p{n}=\"urn:{n}\"")).collect::<String>();
        let half = count / 2;
        format!("<a{}><b{}/></a>", declared(0..half), declared(half..count))
    };
    let canonical = |count| tempaccess_core::verify::canonicalize(&nested(count), None, &[], &Limits::default());
    assert!(canonical(128).is_ok());
    assert_eq!(
        canonical(129).unwrap_err().to_string(),
        "the SAML response is over the limit of 64 attributes of one element"
    );
    let three = format!("<r xmlns:q=\"urn:q\">{}</r>", nested(128));
    let error = tempaccess_core::verify::canonicalize(&three, None, &[], &Limits::default()).unwrap_err();
    assert_eq!(error.to_string(), "the SAML response is over the limit of 128 namespaces in one place");
}

/// A vector by its name, its keys, and the instant that it is judged at.
fn named(name: &str) -> (SignedVector, TrustedKeys, jiff::Timestamp) {
    let vector = vectors::signed().into_iter().find(|vector| vector.file.ends_with(name)).unwrap();
    let keys = TrustedKeys::parse(&std::fs::read(vector.folder().join(vector.field("key").unwrap())).unwrap()).unwrap();
    let now = vector.field("clock").unwrap().parse().unwrap();
    (vector, keys, now)
}

#[test]
fn whom_it_is_meant_for_is_for_the_caller_to_say() {
    let (vector, keys, now) = named("both.vector");
    let verifier = Verifier::new(keys);
    let response = SamlResponse::detect(vector.document.as_bytes(), &Limits::default()).unwrap();
    let (audience, recipient) = ("urn:amazon:webservices", "https://signin.aws.amazon.com/saml");
    assert!(verifier.verify(&response, &Expectations::new(audience, recipient), now).is_ok());
    for (audience, recipient) in [("urn:other", recipient), (audience, "https://other.example/saml")] {
        let error = verifier.verify(&response, &Expectations::new(audience, recipient), now).unwrap_err();
        assert_eq!(error.kind().as_str(), "assertion_not_accepted", "{error}");
    }
}

#[test]
fn keys_say_which_they_are_and_refusals_which_they_would_be() {
    let (vector, keys, now) = named("both.vector");
    let key = &keys.keys()[0];
    let pem = std::fs::read_to_string(vector.folder().join("rsa.pem")).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).unwrap();
    let digest: String = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(&der))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!((key.sha256(), key.subject()), (digest.as_str(), Some("CN=idp")));
    let response = SamlResponse::detect(vector.document.as_bytes(), &Limits::default()).unwrap();
    let verified = Verifier::new(keys).verify(&response, &Expectations::aws(), now).unwrap();
    let signatures: Vec<_> =
        verified.signatures().iter().map(|one| (one.of.as_str(), one.key_sha256.as_str())).collect();
    assert_eq!(signatures, [("Response", digest.as_str()), ("Assertion", digest.as_str())]);
    let hint = |name: &str| {
        let (vector, keys, now) = named(name);
        let response = SamlResponse::detect(vector.document.as_bytes(), &Limits::default()).unwrap();
        let error = Verifier::new(keys).verify(&response, &Expectations::aws(), now).unwrap_err();
        format!("{error}; {}", error.hint().unwrap_or_default())
    };
    assert!(
        hint("changed-value.vector").contains("it names a trusted certificate"),
        "{}",
        hint("changed-value.vector")
    );
    assert!(
        hint("attacker-key-info.vector").contains("it names a certificate with the SHA-256"),
        "{}",
        hint("attacker-key-info.vector")
    );
    assert!(
        hint("short-rsa.vector").contains("an RSA key of 1024 bits, which is too short"),
        "{}",
        hint("short-rsa.vector")
    );
    assert!(hint("unsigned.vector").contains("the identity provider must sign"), "{}", hint("unsigned.vector"));
}
