//! Which characters XML 1.0 allows, and where.

/// Whether XML allows the character at all (XML 1.0, production 2, `Char`).
pub(super) fn is_character(c: char) -> bool {
    !matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether the text is a name without a colon (Namespaces in XML 1.0, `NCName`).
pub(crate) fn is_name(name: &str) -> bool {
    let class = |byte: u8| NAME_BYTES.get(usize::from(byte)).copied().unwrap_or_default();
    let Some((first, rest)) = name.as_bytes().split_first() else { return false };
    // Nearly all names are ASCII, which one table decides.
    if class(*first) == START && rest.iter().all(|byte| class(*byte) >= CONTINUE) {
        return true;
    }
    !name.is_ascii() && is_non_ascii_name(name)
}

fn is_non_ascii_name(name: &str) -> bool {
    let class = |c: char| match u8::try_from(c) {
        Ok(byte) if byte.is_ascii() => NAME_BYTES.get(usize::from(byte)).copied().unwrap_or_default(),
        _ if is_name_start(c) => START,
        _ if matches!(c, '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}') => CONTINUE,
        _ => 0,
    };
    let mut characters = name.chars();
    characters.next().is_some_and(|first| class(first) == START) && characters.all(|c| class(c) >= CONTINUE)
}

/// XML 1.0, production 4, `NameStartChar`, beyond ASCII.
fn is_name_start(c: char) -> bool {
    matches!(c,
        '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{10000}'..='\u{EFFFF}')
}

/// A name may start with it.
const START: u8 = 2;
/// A name may continue with it.
const CONTINUE: u8 = 1;

/// The class of each ASCII byte in a name.
const NAME_BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        #[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
        let class = &mut table[byte as usize];
        *class = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => START,
            b'0'..=b'9' | b'-' | b'.' => CONTINUE,
            _ => 0,
        };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "_a-1.b", "\u{e9}", "a\u{b7}", "A\u{300}", "\u{4e00}1", "a\u{10000}"] {
            assert!(is_name(good), "{good:?}");
        }
        for bad in ["", "1a", "-", "a:b", "a b", "\u{b7}a", "\u{300}", "a\u{d7}", "\u{f7}", "a\u{2028}", "a\u{37e}"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
