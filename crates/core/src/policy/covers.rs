//! Whether one policy allows only what another one allows. Texts are compared, so that the answer can be "no" where IAM would see
//! that it is "yes".

use serde_json::Value;

use super::{has_effect, statements, texts};

/// Whether each statement of `narrower` that allows is within one of `wider` that allows, and each deny of `wider` is one of
/// `narrower`. Whatever such a policy allows, the wider one allows. `false` also means "cannot tell".
pub(crate) fn covers(wider: &Value, narrower: &Value) -> bool {
    // Policy variables are plain text in the older language.
    if version(wider) != version(narrower) {
        return false;
    }
    let (wider, narrower) = (statements(wider), statements(narrower));
    let is_within = |allow: &&Value| wider.iter().any(|outer| has_effect(outer, "Allow") && allows_less(outer, allow));
    let is_kept = |deny: &&Value| narrower.iter().any(|own| without_sid(own) == without_sid(deny));
    narrower.iter().filter(|statement| has_effect(statement, "Allow")).all(is_within)
        && wider.iter().filter(|statement| has_effect(statement, "Deny")).all(is_kept)
}

/// The version of the policy language: the older one is the default.
fn version(policy: &Value) -> &str {
    policy.get("Version").map_or("2008-10-17", |version| version.as_str().unwrap_or_default())
}

fn without_sid(statement: &Value) -> Value {
    let mut statement = statement.clone();
    if let Some(fields) = statement.as_object_mut() {
        fields.remove("Sid");
    }
    statement
}

/// Whether a statement allows no more than another one.
fn allows_less(outer: &Value, inner: &Value) -> bool {
    let fields = [("Action", "NotAction", Case::Ignored), ("Resource", "NotResource", Case::Matters)];
    fields.into_iter().all(|(field, exception, case)| match (texts(outer, field), texts(inner, field)) {
        (Some(outer), Some(inner)) => {
            inner.iter().all(|inner| outer.iter().any(|outer| covers_pattern(outer, inner, case)))
        }
        // What is not in a list cannot be compared, only be the same.
        (None, None) => outer.get(exception) == inner.get(exception),
        _ => false,
    }) && has_conditions(outer, inner)
}

/// Whether a statement has all conditions of another one. Further ones narrow it.
fn has_conditions(outer: &Value, inner: &Value) -> bool {
    let Some(outer) = outer.get("Condition").and_then(Value::as_object) else {
        return outer.get("Condition").is_none();
    };
    outer.iter().all(|(operator, keys)| {
        let own = inner.get("Condition").and_then(|conditions| conditions.get(operator));
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, values)| own.and_then(|own| own.get(key)).is_some_and(|own| own == values))
        })
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Ignored,
    Matters,
}

/// Whether everything that the pattern `inner` matches is matched by `outer`. Only a `*` of `outer` matches a `*` of `inner`.
fn covers_pattern(outer: &str, inner: &str, case: Case) -> bool {
    if outer == "*" {
        return true;
    }
    // A policy variable stands for a text that is not known here.
    if outer.contains("${") || inner.contains("${") {
        return outer == inner;
    }
    match case {
        Case::Ignored => matches(outer.to_ascii_lowercase().as_bytes(), inner.to_ascii_lowercase().as_bytes()),
        Case::Matters => matches(outer.as_bytes(), inner.as_bytes()),
    }
}

/// Matches as a glob, in linear space and without recursion: after a mismatch, the last `*` takes one more byte.
fn matches(outer: &[u8], inner: &[u8]) -> bool {
    let (mut at, mut seen, mut star) = (0, 0, None);
    while let Some(byte) = inner.get(seen) {
        match outer.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
                continue;
            }
            Some(b'?') if *byte != b'*' => {}
            Some(pattern) if *byte != b'*' && pattern == byte => {}
            _ => {
                let Some((place, from)) = star else { return false };
                star = Some((place, from + 1));
                (at, seen) = (place + 1, from + 1);
                continue;
            }
        }
        (at, seen) = (at + 1, seen + 1);
    }
    outer.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_are_covered() {
        let covered = |outer: &str, inner: &str| covers_pattern(outer, inner, Case::Matters);
        for (outer, inner) in [
            ("*", "anything*"),
            ("arn:aws:s3:::ledger/*", "arn:aws:s3:::ledger/2026/*"),
            ("arn:aws:s3:::ledger/*", "arn:aws:s3:::ledger/*"),
            ("a*c*e", "a*c*c*e"),
            ("a?c", "a?c"),
            ("a*", "a?"),
            ("a**", "a*"),
            ("${aws:username}/*", "${aws:username}/*"),
        ] {
            assert!(covered(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in [
            ("a?c", "a*c"),
            ("a", "*"),
            ("a*c", "a*"),
            ("arn:aws:s3:::ledger/2026/*", "arn:aws:s3:::ledger/*"),
            ("arn:aws:s3:::Ledger", "arn:aws:s3:::ledger"),
            ("home/${aws:username}/*", "home/${aws:username}/x"),
            ("a*", "${aws:username}"),
            ("${*}", "${a}"),
            ("", "a"),
        ] {
            assert!(!covered(outer, inner), "{outer} {inner}");
        }
        assert!(covers_pattern("S3:get*", "s3:GetObject", Case::Ignored));
        assert!(matches(&b"a*".repeat(500), &b"a".repeat(100_000)));
    }

    /// Every pattern and every text of up to four bytes.
    #[test]
    fn what_a_covered_pattern_matches_the_other_matches() {
        let all = |alphabet: &str| {
            let mut all = vec![String::new()];
            for length in 1..5 {
                let longest: Vec<_> = all.iter().filter(|text| text.len() == length - 1).cloned().collect();
                all.extend(
                    longest.iter().flat_map(|text| alphabet.chars().map(move |letter| format!("{text}{letter}"))),
                );
            }
            all
        };
        let (patterns, texts) = (all("a*?"), all("ab"));
        let matched: Vec<Vec<bool>> = patterns
            .iter()
            .map(|pattern| texts.iter().map(|text| crate::role::glob(pattern, text)).collect())
            .collect();
        let mut covered = 0;
        for (outer, by_outer) in patterns.iter().zip(&matched) {
            for (inner, by_inner) in patterns.iter().zip(&matched) {
                if covers_pattern(outer, inner, Case::Matters) {
                    covered += 1;
                    assert!(by_inner.iter().zip(by_outer).all(|(inner, outer)| !inner || *outer), "{outer} {inner}");
                }
            }
        }
        assert!(covered > patterns.len());
    }

    #[test]
    fn a_policy_covers_its_parts_only() {
        let allow = |action: Value, resource: Value| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let preset = json!({"Statement": [
            allow(json!(["s3:GetObject", "s3:List*"]), json!("arn:aws:s3:::ledger*")),
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*", "Condition": {"Bool": {"a": "b"}}},
            {"Sid": "Never", "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"},
        ]});
        let deny = json!({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"});
        let with_deny = |statement: Value| json!({"Statement": [statement, deny]});
        assert!(covers(&preset, &preset));
        assert!(covers(&preset, &with_deny(allow(json!("s3:getobject"), json!("arn:aws:s3:::ledger/2026/*")))));
        assert!(covers(&preset, &with_deny(json!({"Effect": "Deny", "Action": "*", "Resource": "*"}))));
        let limited = json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "x", "Condition": {"Bool": {"a": "b"}, "Null": {"c": "true"}}});
        assert!(covers(&preset, &with_deny(limited.clone())));
        // Without the deny, for more, without the condition, or by what is left out.
        assert!(!covers(&preset, &json!({"Statement": allow(json!("s3:GetObject"), json!("arn:aws:s3:::ledger/x"))})));
        assert!(!covers(&preset, &with_deny(allow(json!("s3:PutObject"), json!("arn:aws:s3:::ledger/x")))));
        assert!(!covers(&preset, &with_deny(allow(json!("s3:GetObject"), json!(["arn:aws:s3:::ledger/x", "*"])))));
        let mut unlimited = limited;
        unlimited["Condition"] = json!({"Bool": {"a": "c"}});
        assert!(!covers(&preset, &with_deny(unlimited)));
        let most =
            json!({"Effect": "Allow", "NotAction": "iam:Get*", "Resource": "x", "Condition": {"Bool": {"a": "b"}}});
        assert!(!covers(&preset, &with_deny(most)));
        assert!(covers(&preset, &json!({"Statement": [deny]})));
        assert!(covers(&preset, &json!({"Version": "2008-10-17", "Statement": [deny]})));
        assert!(!covers(&preset, &json!({"Version": "2012-10-17", "Statement": [deny]})));
    }
}
