//! The element `requestParameters` of calls that use the query protocol.

use serde_json::{Map, Value, json};

use crate::aws::query::Call;

/// The parameters that events have. Others, which can be secret (assertions), are left out.
const RECORDED: [&str; 17] = [
    "DurationSeconds",
    "ExternalId",
    "Marker",
    "MaxItems",
    "PathPrefix",
    "Policy",
    "PolicyArn",
    "PolicyArns",
    "PolicyDocument",
    "PolicyName",
    "PrincipalArn",
    "RoleArn",
    "RoleName",
    "RoleSessionName",
    "SourceIdentity",
    "Tags",
    "TransitiveTagKeys",
];

/// Returns the parameters of a call.
pub(super) fn parameters(call: &Call<'_>) -> Map<String, Value> {
    let mut parameters = Map::new();
    for name in RECORDED {
        let element = match call.get(name) {
            Some(text) => Some(scalar(name, text)),
            None => list(call, name),
        };
        parameters.extend(element.map(|element| (camel_case(name), element)));
    }
    parameters
}

fn scalar(name: &str, text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) if ["DurationSeconds", "MaxItems"].contains(&name) => json!(number),
        _ => json!(text),
    }
}

/// Returns the elements of a list of texts or of structures: `Tags.member.1.Key`.
fn list(call: &Call<'_>, name: &str) -> Option<Value> {
    let elements: Vec<_> = (1..)
        .map_while(|number| {
            let prefix = format!("{name}.member.{number}");
            if let Some(text) = call.get(&prefix) {
                return Some(json!(text));
            }
            let fields = ["Key", "Value", "arn"].into_iter();
            let fields: Map<_, _> = fields
                .filter_map(|field| Some((camel_case(field), json!(call.get(&format!("{prefix}.{field}"))?))))
                .collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        })
        .collect();
    (!elements.is_empty()).then_some(Value::Array(elements))
}

fn camel_case(name: &str) -> String {
    let (first, rest) = name.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}", first.to_lowercase())
}
