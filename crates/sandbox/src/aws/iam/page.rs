//! Lists in pages: `Marker` and `MaxItems`.

use super::{Call, QueryError};

/// Renders one page of a list. `name` is that of the element around it.
pub(super) fn page(call: &Call<'_>, name: &str, members: &[String]) -> Result<String, QueryError> {
    let size = match call.get("MaxItems") {
        None => 100,
        Some(text) => match text.parse::<usize>() {
            Ok(size) if (1..=1000).contains(&size) => size,
            _ => {
                return Err(QueryError::validation(format!(
                    "1 validation error detected: Value '{text}' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000"
                )));
            }
        },
    };
    // AWS's markers are opaque. This one is the position in the list.
    let start = match call.get("Marker") {
        None => 0,
        Some(text) => text
            .strip_prefix("AAIA")
            .and_then(|position| position.parse::<usize>().ok())
            .ok_or_else(|| QueryError::validation("Invalid Marker."))?,
    };
    let rest = members.get(start..).unwrap_or_default();
    let (shown, is_truncated) = (rest.get(..size).unwrap_or(rest), rest.len() > size);
    let marker = if is_truncated { format!("<Marker>AAIA{}</Marker>", start + size) } else { String::new() };
    let shown: String = shown.iter().map(|member| format!("<member>{member}</member>")).collect();
    Ok(format!("<{name}>{shown}</{name}><IsTruncated>{is_truncated}</IsTruncated>{marker}"))
}
