//! The words of a command line, as a POSIX shell reads them, and words written for a shell.

/// What a word is quoted with where the line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    None,
    Single,
    Double,
}

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Its value, without quotes.
    pub(super) value: String,
    /// As it was typed.
    pub(super) typed: String,
    /// The quote that is still open at its end.
    pub(super) quote: Quote,
    /// How much of `value`, in bytes, comes before that quote.
    pub(super) before_quote: usize,
}

impl Word {
    fn empty() -> Self {
        Self { value: String::new(), typed: String::new(), quote: Quote::None, before_quote: 0 }
    }

    /// Reads one word, white space included.
    pub(super) fn read(typed: &str) -> Self {
        let mut words = split_by(typed, |_| false);
        words.pop().unwrap_or_else(Self::empty)
    }
}

/// Splits a line into words. The last one is the word that the line ends in, which is empty after white space.
pub(super) fn split(line: &str) -> Vec<Word> {
    split_by(line, char::is_whitespace)
}

fn split_by(line: &str, is_blank: impl Fn(char) -> bool) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word = Word::empty();
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if word.quote == Quote::None && is_blank(character) {
            if !word.typed.is_empty() {
                words.push(std::mem::replace(&mut word, Word::empty()));
            }
            continue;
        }
        word.typed.push(character);
        match (word.quote, character) {
            (Quote::None, '\'') => open(&mut word, Quote::Single),
            (Quote::None, '"') => open(&mut word, Quote::Double),
            (Quote::Single, '\'') | (Quote::Double, '"') => word.quote = Quote::None,
            (Quote::None | Quote::Double, '\\') => {
                let Some(escaped) = characters.next() else { continue };
                word.typed.push(escaped);
                if word.quote == Quote::Double && !matches!(escaped, '"' | '\\' | '$' | '`') {
                    word.value.push('\\');
                }
                word.value.push(escaped);
            }
            _ => word.value.push(character),
        }
    }
    words.push(word);
    words
}

fn open(word: &mut Word, quote: Quote) {
    word.quote = quote;
    word.before_quote = word.value.len();
}

/// Whether bash, fish and zsh take this character for itself in every position of a word.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "_-./:@%+,=".contains(character)
}

/// Writes a value so that bash reads it as one word after what was typed already, which `quote` is still open in. Returns
/// nothing for a value that cannot be written there.
pub(super) fn for_bash(value: &str, quote: Quote) -> Option<String> {
    let needs_escape: fn(char) -> bool = match quote {
        Quote::Single => return (!value.contains('\'')).then(|| value.to_owned()),
        // Between double quotes, an exclamation mark expands history and cannot be escaped without leaving its escape.
        Quote::Double if value.contains('!') => return None,
        Quote::Double => |character| matches!(character, '"' | '\\' | '$' | '`'),
        Quote::None => |character| !is_plain(character),
    };
    let mut text = String::with_capacity(value.len() + 8);
    for character in value.chars() {
        if needs_escape(character) {
            text.push('\\');
        }
        text.push(character);
    }
    Some(text)
}

/// Writes a value so that PowerShell reads it as one argument.
pub(super) fn for_powershell(value: &str) -> String {
    // `@` and `,` begin splatting and arrays.
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-./:+=".contains(character);
    if value.chars().all(is_plain) && !value.is_empty() {
        return value.to_owned();
    }
    let mut text = String::from("'");
    for character in value.chars() {
        // PowerShell takes typographic quotes for quotes too.
        if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
            text.push(character);
        }
        text.push(character);
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Vec<String> {
        split(line).into_iter().map(|word| word.value).collect()
    }

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        assert_eq!(values(""), [""]);
        assert_eq!(values("tempaccess  exec "), ["tempaccess", "exec", ""]);
        assert_eq!(values(r#"a\ b 'c d' "e \"f\" \g" h'i'"j""#), ["a b", "c d", r#"e "f" \g"#, "hij"]);
        assert_eq!(values(r"a\"), ["a"]);
        let last = |line: &str| split(line).pop().unwrap();
        assert_eq!((last("x 'my w").value.as_str(), last("x 'my w").quote), ("my w", Quote::Single));
        let word = last("x --role=\"a b");
        assert_eq!((word.quote, &word.value[..word.before_quote]), (Quote::Double, "--role="));
        assert_eq!(Word::read(r"my\ work").value, "my work");
        assert_eq!(Word::read("my work").typed, "my work");
    }

    #[test]
    fn words_are_written_as_they_are_read() {
        let value = "a b'c\"d$(e)`f`;g*h?[i]{j}~k#l&m|n<o>p(q)r\\s\u{e9}";
        for (quote, before) in [(Quote::None, ""), (Quote::Double, "\"")] {
            let written = for_bash(value, quote).unwrap();
            assert_eq!(values(&format!("{before}{written}{before}")), [value], "{written}");
        }
        assert_eq!(for_bash("it's", Quote::Single), None);
        assert_eq!(for_bash("$(x) !", Quote::Single).as_deref(), Some("$(x) !"));
        assert_eq!(for_bash("hey!", Quote::Double), None);
        assert_eq!(for_bash("hey!", Quote::None).as_deref(), Some("hey\\!"));
    }

    #[test]
    fn powershell_gets_one_argument() {
        assert_eq!(
            for_powershell("arn:aws:iam::111122223333:role/ReadOnly"),
            "arn:aws:iam::111122223333:role/ReadOnly"
        );
        assert_eq!(for_powershell("$(calc)"), "'$(calc)'");
        assert_eq!(for_powershell("a\u{2019};calc;'"), "'a\u{2019}\u{2019};calc;'''");
        assert_eq!(for_powershell("me@work,x"), "'me@work,x'");
    }
}
