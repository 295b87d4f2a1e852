//! Verifying, against vectors that other libraries signed. Their format is in `tests/vectors/README.md`.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempaccess_core::verify::{Engine, Expectations, IdentityProvider, SignaturePolicy, TrustedKeys, Verifier};
use tempaccess_core::{ErrorKind, SamlResponse, saml::Limits};
use tempaccess_tests::cli::Machine;
use tempaccess_tests::vectors::{self, SignedVector};

fn policy(names: &str) -> SignaturePolicy {
    names.split_ascii_whitespace().fold(SignaturePolicy::default(), |policy, name| match name {
        "allow-sha1" => policy.allow_sha1(),
        "allow-short-rsa" => policy.allow_short_rsa(),
        "allow-expired-certificate" => policy.allow_expired_certificate(),
        other => panic!("unknown policy {other}"),
    })
}

fn file(name: &str) -> PathBuf {
    vectors::folder().join("verify").join(name)
}

/// Returns the names of the roles, or the kind of the error and its message.
fn verify(vector: &SignedVector, engine: Engine) -> Result<String, String> {
    let verifier = Verifier::from_file(vector.folder().join(vector.field("key").unwrap()), engine)
        .map(|verifier| verifier.policy(policy(vector.field("policy").unwrap_or_default())));
    let mut expected = Expectations::aws();
    if let Some(request) = vector.field("in-response-to") {
        expected = expected.in_response_to(request);
    }
    let now = vector.field("clock").unwrap().parse().unwrap();
    let verified = verifier.and_then(|verifier| {
        let response = SamlResponse::detect(vector.document.as_bytes(), &Limits::default())?;
        verifier.verify(&response, &expected, now)
    });
    match verified {
        Ok(assertion) => {
            assert!(engine != Engine::Own || !assertion.signatures().is_empty());
            Ok(assertion.aws.roles.iter().map(|offer| offer.role().name()).collect::<Vec<_>>().join(" "))
        }
        Err(error) => Err(format!("{}: {error}", error.kind().as_str())),
    }
}

#[test]
fn keys_in_der_and_pem_inside_metadata_are_the_same_keys() {
    for name in ["rsa.pem", "rsa.public.pem", "p256.pem"] {
        let pem = std::fs::read_to_string(file(name)).unwrap();
        let begin = pem.find("-----BEGIN").unwrap();
        let body: String = pem[begin..].lines().skip(1).take_while(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(&body).unwrap();
        let fingerprints = |text: &[u8]| {
            let keys = TrustedKeys::parse(text).unwrap();
            keys.keys().iter().map(|key| key.sha256().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(fingerprints(&der), fingerprints(&pem.as_bytes()[begin..])[..1], "{name}");
        let damaged = TrustedKeys::parse(&der[..der.len() - 1]).unwrap_err();
        assert_eq!(damaged.kind(), ErrorKind::InvalidConfiguration);
        if name == "rsa.pem" {
            let metadata = |certificate: &str| {
                format!(
                    "<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='x'><IDPSSODescriptor \
                     protocolSupportEnumeration='urn:oasis:names:tc:SAML:2.0:protocol'><KeyDescriptor><KeyInfo \
                     xmlns='http://www.w3.org/2000/09/xmldsig#'><X509Data><X509Certificate>{certificate}</X509Certificate>\
                     </X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>"
                )
            };
            let armored = format!("\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
            assert_eq!(fingerprints(metadata(&armored).as_bytes()), fingerprints(metadata(&body).as_bytes()));
        }
    }
}

#[test]
fn every_vector_gets_its_verdict() {
    let vectors = vectors::signed();
    assert!(vectors.len() > 140, "{}", vectors.len());
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

#[cfg(feature = "samael")]
mod xmlsec {
    use std::net::TcpListener;

    use super::*;

    /// samael looks for what libxmlsec1 digested in the document as it is written, where a comment or CDATA hides it.
    const UNMATCHED: [&str; 4] =
        ["cdata-in-role.vector", "comment-in-role.vector", "comment-in-subject.vector", "comment-moves-nothing.vector"];

    /// libxmlsec1 knows no profile. It must agree where the signature or the conditions decide, and where the vector says so.
    #[test]
    fn it_agrees_about_signatures_and_conditions() {
        let mut wrong = Vec::new();
        for vector in vectors::signed() {
            let expected = vector.field("verdict").unwrap();
            let found = verify(&vector, Engine::Xmlsec);
            let fits = match (vector.field("xmlsec"), expected, &found) {
                (Some(verdict), _, Ok(_)) => verdict == "verified",
                (Some(verdict), _, Err(error)) => error.split(':').next() == Some(verdict),
                (None, "verified", Err(error)) => {
                    error.contains("the trusted keys are bare keys")
                        || UNMATCHED.iter().any(|name| vector.file.ends_with(name))
                }
                (None, "signature_invalid" | "unsigned_assertion" | "assertion_not_accepted", Ok(_)) => false,
                _ => true,
            };
            if !fits {
                wrong.push(format!("{}: expected {expected}, found {found:?}", vector.file.display()));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// libxmlsec1 fetches what references, keys and stylesheets name, and it does so before it checks a signature.
    #[test]
    fn no_document_makes_it_connect_anywhere() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}/x", listener.local_addr().unwrap());
        let mut tried = 0;
        for vector in vectors::signed().iter().filter(|vector| vector.document.contains("http://127.0.0.1:9/x")) {
            tried += 1;
            let document = vector.document.replace("http://127.0.0.1:9/x", &address);
            let verifier = Verifier::from_file(file(vector.field("key").unwrap()), Engine::Xmlsec).unwrap();
            let response = SamlResponse::detect(document.as_bytes(), &Limits::default()).unwrap();
            let now = vector.field("clock").unwrap().parse().unwrap();
            let error = verifier.verify(&response, &Expectations::aws(), now).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ForbiddenConstruct, "{}", vector.file.display());
        }
        assert!(tried >= 5, "{tried}");
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}

#[test]
fn metadata_must_describe_one_identity_provider_with_a_key() {
    let metadata = std::fs::read_to_string(file("metadata.xml")).unwrap();
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
        "the metadata contains no certificate to verify signatures with"
    );
    assert_eq!(message(metadata.replace("MII", "?II")), "a certificate in the metadata is not base64");
    assert_eq!(message(metadata.replace("entityID", "id")), "the metadata has no entity ID for the identity provider");
    assert_eq!(
        message(metadata.replace("</md:EntityDescriptor>", "")),
        "the metadata is cut off: an element is not closed at its end"
    );
    assert_eq!(
        message(metadata.replace("<md:IDPSSODescriptor", "<!DOCTYPE a><md:IDPSSODescriptor")),
        "the metadata contains a DTD, which SAML does not need and attackers use"
    );
    assert_eq!(
        message(metadata.replace(" entityID", " validUntil=\"soon\" entityID")),
        "`validUntil` in the metadata is not a valid time: `soon`"
    );
    let either = TrustedKeys::parse(metadata.replace(" use=\"signing\"", "").as_bytes()).unwrap();
    assert_eq!((either.keys().len(), either.keys()[0].subject()), (1, Some("CN=idp")));
}

#[test]
fn metadata_may_be_in_any_encoding() {
    let metadata = std::fs::read_to_string(file("metadata.xml")).unwrap();
    let utf16: Vec<u8> = format!("\u{feff}{metadata}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let named = format!("\n<?xml version='1.0' encoding='ISO-8859-1'?><!-- \u{fc} -->{metadata}");
    let latin1: Vec<u8> = named.chars().map(|c| c as u8).collect();
    for content in [utf16, latin1, format!("\u{feff}{metadata}").into_bytes()] {
        assert_eq!(TrustedKeys::parse(&content).unwrap().keys().len(), 1);
    }
}

#[test]
fn skipped_keys_and_the_end_of_metadata_are_reported() {
    let keys = TrustedKeys::from_file(file("metadata-unknown-key.xml")).unwrap();
    assert_eq!((keys.keys().len(), keys.keys()[0].subject()), (1, Some("CN=idp")));
    assert_eq!(keys.skipped(), ["the key of `CN=p521` is of a kind that is not supported: ECDSA over P-521"]);
    let chain = TrustedKeys::from_file(file("metadata-chain.xml")).unwrap();
    assert_eq!((chain.keys().len(), chain.keys()[0].subject()), (1, Some("CN=idp")));
    let provider = IdentityProvider::from_file(file("metadata-until.xml")).unwrap();
    let end = "2026-11-24T10:01:01Z".parse().unwrap();
    assert_eq!(provider.keys().valid_until(), Some(end));
    assert_eq!(provider.keys().check_validity(end).unwrap_err().kind(), ErrorKind::InvalidConfiguration);
}

#[test]
fn an_inner_end_of_metadata_counts_too() {
    let metadata = std::fs::read_to_string(file("metadata-until.xml")).unwrap();
    let earlier = "2026-11-24T09:00:00Z";
    let inner = metadata.replace("<md:IDPSSODescriptor", &format!("<md:IDPSSODescriptor validUntil=\"{earlier}\""));
    let outer = format!(
        "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" validUntil=\"{earlier}\">{metadata}</md:EntitiesDescriptor>"
    );
    for text in [inner, outer] {
        let keys = TrustedKeys::parse(text.as_bytes()).unwrap();
        assert_eq!(keys.valid_until(), Some(earlier.parse().unwrap()));
    }
}

#[test]
fn namespaces_in_one_place_are_limited() {
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

/// A vector, its keys, and the instant to judge it at.
fn named(name: &str) -> (SignedVector, TrustedKeys, jiff::Timestamp) {
    let vector = vectors::signed().into_iter().find(|vector| vector.file.ends_with(name)).unwrap();
    let keys = TrustedKeys::from_file(vector.folder().join(vector.field("key").unwrap())).unwrap();
    let now = vector.field("clock").unwrap().parse().unwrap();
    (vector, keys, now)
}

/// What is verified must be what STS verifies: the same bytes, in the same encoding.
#[test]
fn a_document_in_another_encoding_is_sent_as_it_is() {
    let (vector, keys, now) = named("latin-1.vector");
    let document = STANDARD.decode(vector.document.trim()).unwrap();
    assert!(std::str::from_utf8(&document).is_err());
    let response = SamlResponse::detect(&document, &Limits::default()).unwrap();
    let verified = Verifier::new(keys).verify(&response, &Expectations::aws(), now).unwrap();
    assert_eq!(verified.subject.as_ref().unwrap().name, "zo\u{eb}@example.com");
    assert_eq!(STANDARD.decode(response.encoded().expose()).unwrap(), document);
}

#[test]
fn the_caller_sets_audience_and_recipient() {
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
fn verified_signatures_name_their_key() {
    let (vector, keys, now) = named("both.vector");
    let key = &keys.keys()[0];
    let pem = std::fs::read_to_string(vector.folder().join("rsa.pem")).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).unwrap();
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
}

#[test]
fn refusals_give_the_true_reason() {
    for (name, reason) in [
        ("changed-value.vector", "the signature names a trusted certificate"),
        ("attacker-key-info.vector", "the signature names a certificate with the SHA-256"),
        ("short-rsa.vector", "an RSA key of 1024 bits, which is too short"),
        ("tiny-rsa-allowed.vector", "the trusted key is an RSA key of 512 bits, which is too short"),
        ("short-rsa-sha384-allowed.vector", "uses rsa-sha384 with an RSA key of less than 2,048 bits"),
        ("metadata-unknown-key-signs.vector", "a key in the file was skipped: the key of `CN=p521`"),
        ("metadata-expired.vector", "was valid until 2026-11-24T10:01:01Z"),
        ("expired-certificate.vector", "the certificate that signed is valid only from"),
        ("sha1.vector", "uses SHA-1"),
        ("unsigned.vector", "the identity provider must sign"),
    ] {
        let (vector, keys, now) = named(name);
        let verifier = Verifier::new(keys).policy(policy(vector.field("policy").unwrap_or_default()));
        let response = SamlResponse::detect(vector.document.as_bytes(), &Limits::default()).unwrap();
        let error = verifier.verify(&response, &Expectations::aws(), now).unwrap_err();
        let text = format!("{error}; {}", error.hint().unwrap_or_default());
        assert!(text.contains(reason), "{name}: {text}");
    }
    // Keys of one kind and a signature of another.
    let (vector, _, now) = named("ecdsa-p256-sha384.vector");
    let document = vector.document.replace("ds:KeyInfo", "ds:KeyName");
    let start = document.find("<ds:KeyName>").unwrap();
    let end = document.find("</ds:KeyName>").unwrap() + "</ds:KeyName>".len();
    let document = document.replacen(&document[start..end], "", 2);
    let verifier = Verifier::from_file(file("rsa.pem"), Engine::Own).unwrap();
    let response = SamlResponse::detect(document.as_bytes(), &Limits::default()).unwrap();
    let error = verifier.verify(&response, &Expectations::aws(), now).unwrap_err();
    assert_eq!(error.hint(), Some("the signature algorithm is ecdsa-sha384, and no trusted key is of that kind"));
}

#[test]
fn key_files_that_never_end_are_refused() {
    let machine = Machine::alone();
    let document = vectors::folder().join("read/okta.xml").display().to_string();
    let verify = |keys: &Path| {
        let ran = machine.run_words(&["inspect", &document, "--verify", keys.to_str().unwrap()], b"");
        assert_eq!(ran.code, 4, "{ran}");
        assert!(ran.stdout.is_empty(), "{ran}");
        ran.stderr
    };
    assert_eq!(
        verify(Path::new("/dev/zero")),
        "error: cannot read the keys in `/dev/zero`: it is larger than 16777216 bytes\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    std::fs::File::create(&large).unwrap().set_len(2 << 30).unwrap();
    assert!(verify(&large).contains("it is larger than 16777216 bytes"));
    assert!(verify(folder.path()).contains("it is a directory"));
    assert!(verify(&folder.path().join("missing")).contains("cannot read the keys in"));
    // Nobody writes to the pipe, so it is empty.
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let ran = machine.run_words(&["inspect", &document, "--verify", pipe.to_str().unwrap()], b"");
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.stderr.contains("contains neither a certificate nor a public key"), "{ran}");
}
