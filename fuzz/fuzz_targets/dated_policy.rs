//! Any policy between two dates: every statement gets the conditions, or the policy is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::SessionPolicy;
use tempaccess_core::front_end::policy_summary;
use tempaccess_core::grants::{PolicyWindow, dated_policy};

fuzz_target!(|text: &str| {
    let _ = policy_summary(text);
    let Ok(policy) = text.parse::<SessionPolicy>() else { return };
    let at = |second| jiff::Timestamp::from_second(second).expect("a time");
    let window = PolicyWindow::new("AROAEXAMPLE:grace", at(1_000), at(2_000));
    let id = "k7q3m5xw2p4a".parse().expect("an id");
    let Ok(dated) = dated_policy(&id, &policy, &window) else { return };
    let document: serde_json::Value = serde_json::from_str(&dated).expect("JSON");
    let statements = match &document["Statement"] {
        serde_json::Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    };
    assert!(!statements.is_empty());
    for statement in statements {
        let condition = &statement["Condition"];
        let has = |operator: &str, key: &str, value: &str| {
            let blocks = condition.as_object().expect("conditions");
            blocks.iter().any(|(name, keys)| name.eq_ignore_ascii_case(operator) && keys[key] == value)
        };
        assert!(has("StringEquals", "aws:userid", "AROAEXAMPLE:grace"));
        assert!(has("DateGreaterThanEquals", "aws:CurrentTime", "1970-01-01T00:16:40Z"));
        assert!(has("DateLessThan", "aws:CurrentTime", "1970-01-01T00:33:20Z"));
    }
});
