//! The table of what every language answers alike, to the byte. `UPDATE_VECTORS=1` renews its answers, here alone.

use serde::Serialize;
use serde_json::{Value, json};
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::verify::{Examination, Expectations, SignaturePolicy, TrustedKeys, Verifier};
use tempaccess_core::{
    Error, Result, RoleQuery, SamlResponse,
    role::AccountNames,
    saml::{Inspection, Limits},
    sink,
};
use tempaccess_tests::vectors::{self, Vector};

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn part(case: &Value, name: &str) -> Option<String> {
    case[name].as_str().map(str::to_owned)
}

/// The bytes of a file; of a vector of verifying, those of its document.
fn read(name: &str) -> Vec<u8> {
    let bytes = std::fs::read(vectors::folder().join(name)).unwrap();
    match std::str::from_utf8(&bytes) {
        Ok(text) if name.ends_with(".vector") => text.split_once("\n\n").unwrap().1.as_bytes().to_vec(),
        _ => bytes,
    }
}

fn response(case: &Value) -> Result<SamlResponse> {
    SamlResponse::detect(&read(case["input"].as_str().unwrap()), &Limits::default())
}

fn choose(case: &Value) -> Result<String> {
    let assertion = response(case)?.read()?;
    let names: AccountNames = serde_json::from_value(case["names"].clone()).unwrap_or_default();
    let query = &case["query"];
    let query = RoleQuery::from_parts(part(query, "role"), part(query, "account"), part(query, "provider"));
    Ok(text(query.choose(assertion.offers()?, &names)?))
}

fn verifier(case: &Value) -> Result<(Verifier, Expectations)> {
    let keys = TrustedKeys::parse(&read(case["keys"].as_str().unwrap()))?;
    let options = &case["options"];
    let mut expected = Expectations::from_parts(part(options, "audience"), part(options, "recipient"))?;
    if let Some(id) = part(options, "in_response_to") {
        expected = expected.in_response_to(id);
    }
    let allowed = |name: &str| options[name].as_bool().unwrap_or_default();
    let mut policy = SignaturePolicy::default();
    if allowed("allow_sha1") {
        policy = policy.allow_sha1();
    }
    if allowed("allow_short_rsa") {
        policy = policy.allow_short_rsa();
    }
    if allowed("allow_expired_certificate") {
        policy = policy.allow_expired_certificate();
    }
    Ok((Verifier::new(keys).policy(policy), expected))
}

fn examine(case: &Value) -> Result<String> {
    let ((verifier, expected), response) = (verifier(case)?, response(case)?);
    let (assertion, now) = (response.read()?, case["at"].as_str().unwrap().parse().unwrap());
    let outcome = verifier.examine(&response, &expected, now);
    Ok(text(&Examination::new(Inspection::new(&assertion, now), outcome.report())))
}

fn verify(case: &Value) -> Result<String> {
    let ((verifier, expected), now) = (verifier(case)?, case["at"].as_str().unwrap().parse().unwrap());
    Ok(text(&Inspection::new(&*verifier.verify(&response(case)?, &expected, now)?, now)))
}

/// What comes of settings, in a folder that stands for the home. Nothing leaves the machine.
fn session(case: &Value) -> Result<String> {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    if let Some(name) = case["response"].as_str() {
        std::fs::write(home.path().join("response"), read(name)).unwrap();
    }
    let config = home.path().join("config.toml");
    std::fs::write(&config, case["config"].as_str().unwrap_or_default()).unwrap();
    let settings = text(&case["settings"]).replace("$HOME", folder);
    let given: Settings = serde_json::from_str(&settings).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = (|| {
        let config = Config::load(&config)?;
        let access = given.resolve(&config, case["profile"].as_str())?.access(&config, None)?.build();
        match case["call"].as_str().unwrap() {
            "roles" => Ok(text(&runtime.block_on(access.sign_in())?.assertion.offers()?)),
            _ => Ok(sink::credentials_json(&runtime.block_on(access.credentials())?).expose().to_owned()),
        }
    })();
    Ok(outcome.unwrap_or_else(|error| failure(&error)).replace(folder, "$HOME"))
}

fn failure(error: &Error) -> String {
    #[derive(Serialize)]
    struct Failure<'a> {
        error: tempaccess_core::error::ErrorReport<'a>,
    }
    text(&Failure { error: error.report() })
}

#[test]
fn every_case_has_its_answer() {
    let mut table = Vector::load(&vectors::folder().join("table.json"));
    let cases = table.json["cases"].as_array_mut().unwrap();
    assert!(cases.len() > 60);
    let mut wrong = Vec::new();
    for case in cases {
        let answered = match case["run"].as_str().unwrap() {
            "choose" => choose(case),
            "examine" => examine(case),
            "verify" => verify(case),
            "session" => session(case),
            other => panic!("there is no such run: {other}"),
        };
        let found = answered.unwrap_or_else(|error| failure(&error));
        if vectors::updating() {
            case["expect"] = json!(found);
        } else if case["expect"] != json!(found) {
            wrong.push(format!("{case}\n  found {found}"));
        }
    }
    if vectors::updating() {
        table.save();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
