//! Escapes text from elsewhere for display: no control characters, and none that change the direction of reading.

use std::borrow::Cow;

fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{E0000}'..='\u{E007F}')
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// As [`str::trim`], but faster if the first and the last byte are printable ASCII.
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

fn escape(text: &str, hostile: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if hostile(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Returns the text as one line that is safe to show on a terminal: characters that could control it are escaped, as `\u{1b}`.
///
/// ```
/// assert_eq!(tempaccess_core::front_end::printable("red: \u{1b}[31m"), r"red: \u{1b}[31m");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(is_hostile) { Cow::Owned(escape(text, is_hostile)) } else { Cow::Borrowed(text) }
}

/// Returns JSON whose strings cannot act on a terminal either: what [`printable`] would escape is written as `\\u001b`.
///
/// ```
/// assert_eq!(tempaccess_core::front_end::printable_json("[\"\u{9b}31m\"]"), r#"["\u009b31m"]"#);
/// ```
pub fn printable_json(json: &str) -> Cow<'_, str> {
    // Line breaks are between values: within strings they are escaped.
    let is_hostile = |character: char| !character.is_ascii() && is_hostile(character);
    if !json.contains(is_hostile) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if is_hostile(character) {
            let mut units = [0; 2];
            shown.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// As [`printable`], cut at 300 characters: for texts from elsewhere in messages.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(300) {
        Some((at, _)) => Cow::Owned(format!("{}…", printable(text.get(..at).unwrap_or_default()))),
        None => printable(text),
    }
}

/// As [`printable`], for a text whose line breaks are our own.
pub(crate) fn printable_lines(text: Cow<'static, str>) -> Cow<'static, str> {
    let hostile = |character| character != '\n' && is_hostile(character);
    if text.contains(hostile) { Cow::Owned(escape(&text, hostile)) } else { text }
}
