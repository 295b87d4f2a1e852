//! Verifies mutants of signed responses: each is refused, or has the facts of the original. The input is a list of edits: a
//! position, a length to remove, and what to insert, which may be a piece of the original.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tempaccess_core::verify::{Expectations, SignaturePolicy, TrustedKeys, Verifier};
use tempaccess_core::{SamlResponse, saml::Limits};

const SIGNED: [&str; 3] = [
    include_str!("../../tests/vectors/verify/both.vector"),
    include_str!("../../tests/vectors/verify/assertion.vector"),
    include_str!("../../tests/vectors/verify/response.vector"),
];

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let keys = TrustedKeys::parse(include_bytes!("../../tests/vectors/verify/rsa.pem")).expect("a key");
    Verifier::new(keys).policy(SignaturePolicy::default().allow_sha1().allow_short_rsa().allow_expired_certificate())
});

#[derive(Debug, Arbitrary)]
struct Edit<'a> {
    at: u16,
    removed: u16,
    inserted: Inserted<'a>,
}

#[derive(Debug, Arbitrary)]
enum Inserted<'a> {
    Text(&'a str),
    /// A piece of the original.
    Piece(u16, u16),
    /// The first whole element from this position on.
    Element(u16),
    Known(u8),
}

const KNOWN: [&str; 12] = [
    "<!--x-->",
    "<![CDATA[x]]>",
    "&#65;",
    "<?x y?>",
    "Admin",
    " ID=\"_assertion\"",
    "_assertion",
    "_response",
    "</saml2:Assertion>",
    "<ds:Object>",
    "</ds:Object>",
    " xmlns=\"urn:x\"",
];

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// An approximation of the first whole element from a position on.
fn element(document: &str, from: usize) -> &str {
    let Some(rest) =
        document.get(floor(document, from)..).and_then(|rest| rest.find('<').and_then(|at| rest.get(at..)))
    else {
        return "";
    };
    let name: String = rest.chars().skip(1).take_while(|c| c.is_alphanumeric() || *c == ':').collect();
    let close = format!("</{name}>");
    rest.find(&close).map_or("", |at| &rest[..at + close.len()])
}

fuzz_target!(|input: (u8, Vec<Edit<'_>>)| {
    let (which, edits) = input;
    let (_, document) = SIGNED[usize::from(which) % SIGNED.len()].split_once("\n\n").expect("a header");
    let mut mutant = document.to_owned();
    for edit in edits.iter().take(16) {
        let at = floor(&mutant, usize::from(edit.at) % (mutant.len() + 1));
        let end = floor(&mutant, at + usize::from(edit.removed) % 512).max(at);
        let inserted = match &edit.inserted {
            Inserted::Text(text) => *text,
            Inserted::Piece(from, length) => {
                let from = floor(document, usize::from(*from));
                &document[from..floor(document, from + usize::from(*length)).max(from)]
            }
            Inserted::Element(from) => element(document, usize::from(*from)),
            Inserted::Known(which) => KNOWN[usize::from(*which) % KNOWN.len()],
        };
        mutant.replace_range(at..end, inserted);
    }
    let Ok(response) = SamlResponse::detect(mutant.as_bytes(), &Limits::default()) else { return };
    let now = "2026-11-24T10:01:00Z".parse().expect("an instant");
    if let Ok(verified) = VERIFIER.verify(&response, &Expectations::aws(), now) {
        let roles: Vec<_> = verified.aws.roles.iter().map(|offer| offer.role().as_str()).collect();
        assert_eq!(roles, ["arn:aws:iam::123456789012:role/ReadOnly"]);
        assert_eq!(verified.subject.as_ref().map(|subject| subject.name.as_str()), Some("ada@example.com"));
    }
});
