//! Finds SAML responses in text that people copy from developer tools: form bodies, commands, code, tables.
//!
//! There are too many shapes to parse each by its own grammar, and a value is base64 in all of them. So this looks for the
//! name `SAMLResponse`, skips what separates a name from its value, and takes base64 from there on, undoing the escapes
//! of URLs, JSON, shells, PowerShell and HTML on the way.

use super::found::{Found, MAX_FOUND};
use crate::secret::{SecretBytes, SecretString};

/// Finds the values of every `SAMLResponse` (or `SAMLAssertion`, as STS calls it) in a text.
pub(super) fn saml_responses(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(end_of_name) = next_name(text.as_bytes(), from) {
        let value = skip_separator(text, end_of_name);
        let scanned = Scan::value(text, value);
        // Scanning goes on behind the value: no part of the text is scanned twice.
        from = scanned.end.max(end_of_name);
        if scanned.is_plausible() {
            found.push(scanned.found());
            if found.len() > MAX_FOUND {
                break;
            }
        }
    }
    found
}

/// The value, if the text is nothing but one: quoted, percent-encoded, escaped or with a comma behind it.
pub(super) fn bare_value(text: &str) -> Option<Found> {
    let scanned = Scan::value(text, skip_openers(text, 0));
    let rest = text.get(scanned.end..)?;
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '\\' | '^' | ',' | ';' | ')' | ']' | '}' | '”');
    (!scanned.value.as_slice().is_empty() && (scanned.is_abbreviated || rest.chars().all(is_end)))
        .then(|| scanned.found())
}

/// The end of the next name of a SAML response: `SAMLResponse`, `saml_response`, `--saml-assertion`.
fn next_name(text: &[u8], from: usize) -> Option<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let rest = text.get(from..)?;
    memchr::memchr2_iter(b's', b'S', rest).map(|start| from + start).find_map(|start| {
        let name = text.get(start..).filter(|name| starts_with(name, "saml"))?.get(4..)?;
        let joined = usize::from(matches!(name.first(), Some(b'_' | b'-')));
        let noun = name.get(joined..)?;
        let length = ["response", "assertion"].into_iter().find(|known| starts_with(noun, known))?.len();
        let before = text.get(..start).unwrap_or_default();
        let starts_name = !before.last().is_some_and(is_word)
            || ["%26", "%3f", "u0026"].iter().any(|escape| ends_with(before, escape));
        (starts_name && !noun.get(length).is_some_and(is_word)).then_some(start + 4 + joined + length)
    })
}

fn starts_with(text: &[u8], lower: &str) -> bool {
    text.get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower.as_bytes()))
}

fn ends_with(text: &[u8], lower: &str) -> bool {
    text.len().checked_sub(lower.len()).is_some_and(|start| starts_with(text.get(start..).unwrap_or_default(), lower))
}

/// The start of the value behind a name that ends at `end`: `=`, `": "`, a line break, `", "value": "`, …
fn skip_separator(text: &str, end: usize) -> usize {
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    let skip = |at: usize, skipped: fn(char) -> bool| text.len() - rest(at).trim_start_matches(skipped).len();
    let is_closer = |c: char| matches!(c, '"' | '\'' | '`' | '\\' | '^' | ']' | ')');
    let mut at = skip(end, is_closer);
    // JavaScript: `form.SAMLResponse.value = "…"`.
    if rest(at).starts_with(".value") {
        at += ".value".len();
    }
    at = skip(at, char::is_whitespace);
    for separator in ["=>", ":=", "%3D", "%3d", "&#x3d;", "&#61;", "\\u003d", "\\u003D", "=", ":", ","] {
        if let Some(after) = rest(at).strip_prefix(separator) {
            at = text.len() - after.len();
            break;
        }
    }
    at = skip(at, char::is_whitespace);
    // A name and a value as two fields of an object, in a HAR file that is cut off, say.
    let field = rest(at).trim_start_matches(['"', '\'', '\\']);
    if let Some(after) = field.strip_prefix("value") {
        let after = after.trim_start_matches(['"', '\'', '\\']).trim_start();
        if let Some(after) = after.strip_prefix([':', '=']) {
            at = text.len() - after.len();
        }
    }
    skip_openers(text, at)
}

/// Skips what may open a value: quotes, `$'…'` of shells, `b'…'` of Python, `|` of YAML.
fn skip_openers(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let is_opener = |c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '\\' | '^' | '$' | '(' | '[' | '|' | '>' | '“' | '@')
    };
    let opened = rest.trim_start_matches(is_opener);
    let opened = match opened.strip_prefix('b') {
        Some(after) if after.starts_with(['\'', '"']) => after.trim_start_matches(['\'', '"']),
        _ => opened,
    };
    text.len() - opened.len()
}

/// A value in base64, without its escapes.
struct Scan<'t> {
    text: &'t str,
    value: SecretBytes,
    /// The length of the value before its first space or line break.
    unbroken: Option<usize>,
    /// The position behind the value.
    end: usize,
    is_abbreviated: bool,
}

impl<'t> Scan<'t> {
    fn value(text: &'t str, from: usize) -> Self {
        let mut scan = Self { text, value: SecretBytes::default(), unbroken: None, end: from, is_abbreviated: false };
        while scan.step() {}
        scan
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.end..).unwrap_or_default()
    }

    /// Takes the next character of the value; `false` at its end.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return false };
        match first {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' | '=' | '-' | '_' => self.take(first, 1),
            '%' => match percent_decoded(rest) {
                Some((byte, length)) => self.take(char::from(byte), length),
                None => false,
            },
            '&' => match character_reference(rest) {
                Some((character, length)) => self.take(character, length),
                None => false,
            },
            '\\' => match backslash_escape(rest) {
                Some((character, length)) => self.take(character, length),
                None => false,
            },
            // Line continuations of cmd and PowerShell, and what cmd escapes otherwise.
            '^' if !rest.starts_with("^\"") => self.skip(1),
            '`' if rest.get(1..).is_some_and(|after| after.starts_with(['\r', '\n'])) => self.skip(1),
            ' ' | '\t' | '\r' | '\n' => self.step_over_break(rest),
            '…' => self.abbreviate(),
            '.' if rest.starts_with("...") => self.abbreviate(),
            _ => false,
        }
    }

    fn take(&mut self, character: char, length: usize) -> bool {
        match u8::try_from(character) {
            Ok(byte) if byte.is_ascii_alphanumeric() || b"+/=-_ ".contains(&byte) => self.value.push(byte),
            Ok(b'\t' | b'\r' | b'\n') => {}
            _ => return false,
        }
        self.skip(length)
    }

    fn skip(&mut self, length: usize) -> bool {
        self.end += length;
        true
    }

    fn abbreviate(&mut self) -> bool {
        self.is_abbreviated = true;
        false
    }

    /// Goes on behind spaces or line breaks if the value does. A single line break wraps a value; a space is what a form decoder
    /// makes of `+`.
    fn step_over_break(&mut self, rest: &str) -> bool {
        let after = skip_break(rest);
        let spaces = rest.get(..rest.len() - after.len()).unwrap_or_default();
        let is_blank_line = spaces.matches('\n').count() > 1;
        let is_value = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_' | '%');
        let next = after.trim_start_matches(is_value);
        let word = after.get(..after.len() - next.len()).unwrap_or_default();
        let ends_well = next.chars().next().is_none_or(|c| c.is_whitespace() || "\"'`&\\^,;)]}…".contains(c));
        let is_padded_inside = word.trim_end_matches('=').contains('=');
        if is_blank_line
            || word.is_empty()
            || word.starts_with('-')
            || is_padded_inside
            || !ends_well
            || self.value.as_slice().ends_with(b"=")
            || OTHER_FIELDS.iter().any(|name| word.trim_end_matches('=').eq_ignore_ascii_case(name))
        {
            return false;
        }
        self.unbroken.get_or_insert(self.value.as_slice().len());
        if !spaces.contains('\n') {
            spaces.bytes().filter(|byte| *byte == b' ').for_each(|space| self.value.push(space));
        }
        self.skip(spaces.len())
    }

    /// Whether the value looks like a SAML response and not like another word behind the name.
    fn is_plausible(&self) -> bool {
        // `<` in base64, a byte order mark before it, or enough for a DEFLATEd document.
        let value = self.value.as_slice();
        (value.starts_with(b"P") && value.len() > 8) || value.starts_with(b"77u/P") || value.len() >= 100
    }

    fn found(self) -> Found {
        let value = self.value.into_string_lossy();
        let shorter = self.unbroken.and_then(|length| value.expose().get(..length)).map(SecretString::from);
        Found::base64(value).or_shorter(shorter).abbreviated(self.is_abbreviated)
    }
}

/// Skips white space, and the continuations of lines in shells (`\`), PowerShell (`` ` ``) and cmd (`^`).
fn skip_break(text: &str) -> &str {
    let after = text.trim_start_matches([' ', '\t', '\r', '\n']);
    match after.strip_prefix(['\\', '`', '^']) {
        Some(continued) if continued.starts_with(['\r', '\n']) => continued.trim_start_matches([' ', '\t', '\r', '\n']),
        _ => after,
    }
}

/// Fields that are sent together with a SAML response, and so may be the next word in a table.
const OTHER_FIELDS: [&str; 4] = ["RelayState", "SigAlg", "Signature", "SAMLRequest"];

/// `%2B`, also encoded twice (`%252B`), wrapped, or escaped for cmd (`^%^2B`).
fn percent_decoded(text: &str) -> Option<(u8, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut digit = || {
        loop {
            at += 1;
            match bytes.get(at)? {
                b'\r' | b'\n' | b'^' => {}
                byte => return char::from(*byte).to_digit(16),
            }
        }
    };
    loop {
        let decoded = (digit()? * 16 + digit()?) as u8;
        if decoded != b'%' {
            return Some((decoded, at + 1));
        }
    }
}

/// `&#x2b;`, `&#43;`, `&plus;`.
fn character_reference(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let character = match name {
        "plus" => '+',
        "sol" => '/',
        "equals" => '=',
        "lowbar" => '_',
        "hyphen" => '-',
        "NewLine" => '\n',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((character, end + 1))
}

/// `\/`, `\n`, `\u002b`, `\x2b`, and `\` at the end of a line. Escaped line ends are returned as white space.
/// Inside a string that was quoted again, the backslashes are doubled.
fn backslash_escape(text: &str) -> Option<(char, usize)> {
    let backslashes = text.bytes().take(MAX_BACKSLASHES).take_while(|byte| *byte == b'\\').count();
    let code = |length: usize| {
        let digits = text.get(backslashes + 1..backslashes + 1 + length)?;
        u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
    };
    let (character, length) = match text.as_bytes().get(backslashes)? {
        b'/' => ('/', 1),
        b'n' | b'r' | b't' => ('\n', 1),
        b'\r' | b'\n' => ('\n', 0),
        b'u' => (code(4)?, 5),
        b'x' => (code(2)?, 3),
        _ => return None,
    };
    Some((character, backslashes + length))
}

/// Enough for strings that were quoted three times.
const MAX_BACKSLASHES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "PHNhbWxwOlJl+c3BvbnNl/Lz4=";

    fn values(text: &str) -> Vec<String> {
        saml_responses(text).iter().map(|found| found.content().to_owned()).collect()
    }

    #[test]
    fn what_developer_tools_copy() {
        let percent = VALUE.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        for text in [
            // Form bodies and tables.
            format!("SAMLResponse={percent}&RelayState="),
            format!("RelayState=%2F&SAMLResponse={percent}"),
            format!("SAMLResponse={VALUE}\nRelayState="),
            format!("SAMLResponse: {VALUE}\nRelayState: /"),
            format!("SAMLResponse\n{VALUE}\nRelayState\nhttps://example.com"),
            format!("SAMLResponse\t\"{VALUE}\"\nRelayState\t\"\""),
            format!("SAMLResponse:\r\n  {VALUE}\r\n"),
            format!("https://example.com/?x=1%26SAMLResponse%3D{}", percent.replace('%', "%25")),
            // Multipart.
            format!(
                "Content-Disposition: form-data; name=\"SAMLResponse\"\r\n\r\n{VALUE}\r\n------WebKitFormBoundaryx--"
            ),
            // Shells.
            format!("curl 'https://x' --data-raw 'SAMLResponse={percent}&RelayState='"),
            format!("curl 'https://x' \\\n  --data-urlencode 'SAMLResponse={VALUE}' \\\n  --compressed"),
            format!("curl https://x -d SAMLResponse={percent} --compressed"),
            format!("curl x -d $'SAMLResponse={}'", VALUE.replace('+', "\\u002b").replace('=', "\\x3D")),
            format!(
                "curl ^\"https://x^\" ^\n  --data-raw ^\"SAMLResponse={}^&RelayState=^\"",
                percent.replace('%', "^%^")
            ),
            format!("curl \"https://x\" ^\r\n --data-raw \"SAMLResponse={percent}\" ^\r\n --compressed"),
            format!("aws sts assume-role-with-saml --saml-assertion {VALUE} --role-arn x"),
            format!("export SAML_RESPONSE=\"{VALUE}\""),
            // PowerShell.
            format!("Invoke-WebRequest -Uri \"https://x\" `\n-Body \"SAMLResponse={percent}&RelayState=\""),
            format!("-Body ([System.Text.Encoding]::UTF8.GetBytes(\"SAMLResponse={percent}\"))"),
            // Code and its string escapes.
            format!(
                "fetch(\"https://x\", {{\"body\": \"SAMLResponse={percent}&RelayState=\", \"method\": \"POST\"}});"
            ),
            format!("{{\"SAMLResponse\": \"{}\",", VALUE.replace('/', "\\/").replace('=', "\\u003d")),
            format!("\"{{\\\"SAMLResponse\\\":\\\"{VALUE}\\\"}}\""),
            format!("data = {{'SAMLResponse': b'{VALUE}'}}"),
            format!("document.forms[0].SAMLResponse.value = '{VALUE}';"),
            format!("SAMLResponse: |\n  {VALUE}\n"),
            format!("{{\"name\": \"SAMLResponse\",\n \"value\": \"{percent}\"}}, {{\"name\": \"Rela"),
            // Wrapped.
            format!("SAMLResponse={}\n{}\n", &VALUE[..10], &VALUE[10..]),
            format!("\"SAMLResponse\": \"{}\\r\\n{}\"", &VALUE[..10], &VALUE[10..]),
            format!("SAMLResponse={} \\\n{}", &VALUE[..10], &VALUE[10..]),
            format!("SAMLResponse={}", percent.replace("%2B", "%2\nB")),
            // Copied from the source of a page.
            format!("SAMLResponse: {}", VALUE.replace('+', "&#x2b;").replace('=', "&#61;")),
        ] {
            assert_eq!(values(&text), [VALUE], "{text}");
        }
    }

    #[test]
    fn spaces_are_kept_for_the_caller_to_judge() {
        let found = saml_responses("SAMLResponse: PHNhbWxwOlJl c3BvbnNl and more");
        assert_eq!(found[0].content(), "PHNhbWxwOlJl c3BvbnNl and more");
        assert_eq!(found[0].shorter(), Some("PHNhbWxwOlJl"));
    }

    #[test]
    fn other_words_and_names_are_not_values() {
        for text in [
            "the SAMLResponse is missing",
            "SAMLResponse=&RelayState=x",
            "XSAMLResponse=PHNhbWxwOlJl",
            "SAMLResponses=PHNhbWxwOlJl",
            "SAMLRequest=PHNhbWxwOlJlc3BvbnNl",
            "SAMLResponse",
            "SAMLResponse = getResponse()",
        ] {
            assert!(values(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn many_names_and_many_values_take_linear_time() {
        assert!(bare_value(&format!("x{}", "\\".repeat(1 << 20))).is_some());
        assert!(values(&"SAMLResponse=".repeat(1 << 20)).len() <= 1);
        assert_eq!(values(&"SAMLResponse=PHNhbWxwOlJl&".repeat(1 << 16)).len(), MAX_FOUND + 1);
    }

    #[test]
    fn abbreviations_are_noticed() {
        for text in ["SAMLResponse: PHNhbWxwOlJl…c3BvbnNl", "SAMLResponse=PHNhbWxwOlJl..."] {
            assert!(saml_responses(text)[0].is_abbreviated(), "{text}");
        }
        assert!(bare_value("\"PHNhbWxwOlJl…\"").unwrap().is_abbreviated());
    }

    #[test]
    fn bare_values() {
        for text in [
            format!("\"{VALUE}\""),
            format!("'{VALUE}',"),
            format!("“{VALUE}”"),
            format!("```\n{VALUE}\n```"),
            format!("b'{VALUE}'"),
            VALUE.replace('+', "%2B").replace('=', "%3d"),
            VALUE.replace('+', "&#x2b;").replace('=', "&#x3D;"),
            format!("\"{}\\n{}\"", &VALUE[..10], &VALUE[10..]),
        ] {
            assert_eq!(bare_value(&text).unwrap().content(), VALUE, "{text}");
        }
        for text in ["hello, world", "{}", "", "\"\"", "PHN: x"] {
            assert!(bare_value(text).is_none(), "{text}");
        }
    }
}
