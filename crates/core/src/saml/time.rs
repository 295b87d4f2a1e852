use jiff::Timestamp;

/// Reads an `xs:dateTime` as SAML uses it (SAML core 1.3.3): in UTC, with or without the `Z` that says so.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let zoned = text.get(10..).is_some_and(|time| time.contains(['Z', 'z', '+', '-']));
        if zoned { None } else { format!("{text}Z").parse().ok() }
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn utc_with_and_without_saying_so() {
        let instant = parse("2026-11-24T10:00:00Z").unwrap();
        for same in ["2026-11-24T10:00:00", "2026-11-24T10:00:00.000Z", " 2026-11-24T11:00:00+01:00\n"] {
            assert_eq!(parse(same), Some(instant), "{same}");
        }
        for not in ["", "2026-11-24", "yesterday", "2026-13-01T00:00:00Z", "2026-11-24T10:00:00-", "é"] {
            assert_eq!(parse(not), None, "{not}");
        }
    }
}
