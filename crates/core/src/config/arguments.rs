//! Settings that a program passes as arguments, for the bindings.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Settings;
use super::file::nearest;

/// Why arguments cannot be read as settings. The names are those of [`Settings::KEYS`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "hidden: each binding words both")]
pub enum WrongArgument {
    /// No argument has this name.
    Unknown {
        /// The name.
        name: String,
        /// The similar name that was probably intended.
        suggestion: Option<&'static str>,
    },
    /// The value has the wrong type.
    Invalid {
        /// The name.
        name: String,
        /// The type that was found, and the expected one.
        reason: String,
    },
}

/// Reads settings from a JSON object. `others` are the names of further arguments, which are suggested as well.
///
/// # Errors
///
/// The first argument that is unknown or invalid.
pub fn settings_from_arguments(json: &str, others: &[&'static str]) -> Result<Settings, WrongArgument> {
    read_arguments(json, Settings::KEYS, others)
}

/// Reads a type of which these are the keys, none of them required.
pub(crate) fn read_arguments<T: DeserializeOwned>(
    json: &str,
    keys: &[&'static str],
    others: &[&'static str],
) -> Result<T, WrongArgument> {
    let invalid = |name: &str, error: &serde_json::Error| WrongArgument::Invalid {
        name: name.to_owned(),
        reason: error.to_string(),
    };
    let arguments: Map<String, Value> = serde_json::from_str(json).map_err(|error| invalid("settings", &error))?;
    if let Some(name) = arguments.keys().find(|name| !keys.contains(&name.as_str())) {
        let known: Vec<_> = keys.iter().chain(others).copied().collect();
        return Err(WrongArgument::Unknown { name: name.clone(), suggestion: nearest(name, &known) });
    }
    let read = |arguments: Map<String, Value>| T::deserialize(Value::Object(arguments));
    read(arguments.clone()).map_err(|error| {
        // The error of all of them does not name the argument.
        let alone = |(name, value): (String, Value)| {
            read(Map::from_iter([(name.clone(), value)])).map_err(|error| (name, error))
        };
        let culprit = arguments.into_iter().find_map(|argument| alone(argument).err());
        culprit.map_or_else(|| invalid("settings", &error), |(name, error)| invalid(&name, &error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_is_named() {
        let read = |json: &str| settings_from_arguments(json, &["prompter"]);
        assert_eq!(read(r#"{"role": "ReadOnly", "duration": 900}"#).unwrap().duration.as_deref(), Some("900"));
        let unknown = |name: &str, suggestion| Err(WrongArgument::Unknown { name: name.to_owned(), suggestion });
        assert_eq!(read(r#"{"rol": "x"}"#), unknown("rol", Some("role")));
        assert_eq!(read(r#"{"promter": "x"}"#), unknown("promter", Some("prompter")));
        assert_eq!(read(r#"{"zzz": "x"}"#), unknown("zzz", None));
        let invalid =
            |name: &str, reason: &str| Err(WrongArgument::Invalid { name: name.to_owned(), reason: reason.to_owned() });
        assert_eq!(
            read(r#"{"account": "x", "role": 1}"#),
            invalid("role", "invalid type: integer `1`, expected a string")
        );
        assert_eq!(read(r#"{"chain": [{}]}"#), invalid("chain", "missing field `role_arn`"));
    }
}
