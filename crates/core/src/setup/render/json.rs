//! JSON as people write it: fields in their usual order, short lists on one line.

use serde_json::Value;

use super::{fields, is_scalar};

/// The length up to which a list of scalars is written on one line.
const LINE: usize = 100;

/// Writes a value, with a line break at the end.
pub(super) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text.push('\n');
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let (outer, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
    match value {
        Value::Array(values) if !values.is_empty() => {
            let one_line = format!("[{}]", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            if values.iter().all(is_scalar) && inner.len() + one_line.len() <= LINE {
                text.push_str(&one_line);
                return;
            }
            for (at, value) in values.iter().enumerate() {
                text.push_str(if at == 0 { "[\n" } else { ",\n" });
                text.push_str(&inner);
                write(value, depth + 1, text);
            }
            text.push_str(&format!("\n{outer}]"));
        }
        Value::Object(object) if !object.is_empty() => {
            for (at, (name, value)) in fields(object).into_iter().enumerate() {
                text.push_str(if at == 0 { "{\n" } else { ",\n" });
                text.push_str(&format!("{inner}{}: ", Value::from(name.as_str())));
                write(value, depth + 1, text);
            }
            text.push_str(&format!("\n{outer}}}"));
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn fields_have_their_usual_order_and_nothing_is_lost() {
        let value = json!({"Statement": [{"Action": ["a:b", "c:d"], "Effect": "Allow", "Sid": "X \"1\""}], "Version": "2012-10-17", "z": {}, "a": []});
        let text = super::pretty(&value);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        let expected = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Sid\": \"X \\\"1\\\"\",\n      \"Effect\": \"Allow\",\n      \"Action\": [\"a:b\", \"c:d\"]\n    }\n  ],\n  \"a\": [],\n  \"z\": {}\n}\n";
        assert_eq!(text, expected);
    }
}
