//! The XML declaration (XML 1.0, production 23): `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`.

/// The encoding that the XML declaration at the start of a document names. The document may be in any encoding in which
/// ASCII is ASCII.
pub(super) fn encoding(document: &[u8]) -> Option<&str> {
    let rest = document.strip_prefix(b"<?xml")?;
    let end = rest.get(..rest.len().min(MAX_LENGTH))?.windows(2).position(|window| window == b"?>")?;
    parse(std::str::from_utf8(rest.get(..end)?).ok()?)?.encoding
}

/// The document without its XML declaration, which tells nothing about a document that is a string.
pub(crate) fn without(document: &str) -> &str {
    let rest = document.strip_prefix("<?xml").filter(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace()));
    rest.and_then(|rest| rest.split_once("?>")).map_or(document, |(_, document)| document.trim_ascii_start())
}

/// Long enough for every declaration that names a known encoding.
const MAX_LENGTH: usize = 256;

/// A declaration without its `<?xml` and `?>`.
pub(super) struct Declaration<'d> {
    pub(super) encoding: Option<&'d str>,
}

/// Parses what follows `<?xml` in a declaration; `None` if it is not well-formed.
pub(super) fn parse(text: &str) -> Option<Declaration<'_>> {
    let (version, rest) = pseudo_attribute(text, "version")?;
    let minor = version?.strip_prefix("1.")?;
    let (encoding, rest) = pseudo_attribute(rest, "encoding")?;
    let (standalone, rest) = pseudo_attribute(rest, "standalone")?;
    let well_formed = !minor.is_empty()
        && minor.bytes().all(|byte| byte.is_ascii_digit())
        && encoding.is_none_or(is_encoding_name)
        && standalone.is_none_or(|value| matches!(value, "yes" | "no"))
        && rest.trim_ascii().is_empty();
    well_formed.then_some(Declaration { encoding })
}

/// The value of `name` at the start of the text, if it is there, and what follows; `None` for a syntax error in it.
fn pseudo_attribute<'d>(text: &'d str, name: &str) -> Option<(Option<&'d str>, &'d str)> {
    let trimmed = text.trim_ascii_start();
    let Some(rest) = trimmed.strip_prefix(name).filter(|_| trimmed.len() < text.len()) else {
        return Some((None, text));
    };
    let rest = rest.trim_ascii_start().strip_prefix('=')?.trim_ascii_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (value, rest) = rest.get(1..)?.split_once(quote)?;
    Some((Some(value), rest))
}

fn is_encoding_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.bytes().all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar() {
        for good in [
            " version='1.0'",
            "\n version = \"1.0\" ",
            " version='1.1' encoding='UTF-8'",
            " version='1.0' encoding='x-mac.r_1' standalone='no'",
            " version='1.0' standalone='yes' ",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            " ",
            " encoding='UTF-8'",
            "version='1.0'",
            " version='2.0'",
            " version='1.'",
            " version='1.0",
            " version=1.0",
            " version='1.0'encoding='UTF-8'",
            " version='1.0' encoding=''",
            " version='1.0' encoding='8'",
            " version='1.0' encoding='a b'",
            " version='1.0' standalone='maybe'",
            " version='1.0' standalone='yes' encoding='UTF-8'",
            " version='1.0' other='1'",
            " version='1.0' version='1.0'",
            " VERSION='1.0'",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn documents_without_their_declaration() {
        assert_eq!(without("<?xml version='1.0' encoding='KOI8-R'?>\n<a/>"), "<a/>");
        for other in ["<a/>", "<?xml-stylesheet?><a/>", "<?xml", ""] {
            assert_eq!(without(other), other);
        }
    }

    #[test]
    fn the_encoding_of_a_document() {
        assert_eq!(encoding(b"<?xml version='1.0' encoding='KOI8-R'?>\xC1"), Some("KOI8-R"));
        assert_eq!(encoding(b"<?xml version='1.0'?><a encoding='KOI8-R'/>"), None);
        assert_eq!(encoding(b"<a/>"), None);
        assert_eq!(encoding(b"<?xml"), None);
    }
}
